/* store/commit: a page in one transaction: rows, rejects, deletions, seen marks, cursor, counters. Start here, then write.c (one row), sets.c,
 * rejects.c. Refuses half a page: whatever fails, nothing of the transaction stays. */
#include "store/inside.h"

#define WAL_SLOW_BYTES (256ll << 20) /* a reader that stays makes the log grow: wait for it a little */
#define WAL_STOP_BYTES (1ll << 30)   /* then stop and name the cause */

peri_code peri_work_begin(peri_work *w, peri_store *s, const peri_commit *commit, bool remap, peri_err *e) {
  memset(w, 0, sizeof *w);
  w->s = s;
  w->commit = commit;
  w->remap = remap;
  w->arena = s->scratch;
  w->plan_id = w->request_seq = INT64_MIN;
  int64_t now_ms = peri_now_ms();
  w->now = peri_str_of(peri_iso(now_ms, w->now_text));
  w->synced_at = peri_str_of(peri_iso(commit->run_started_ms > 0 ? commit->run_started_ms : now_ms, w->synced_text));
  peri_code code = peri_generation_id(s, commit->generation, &w->generation_id, e);
  return code == PERI_OK ? peri_wanted_id(s, commit->wanted_id, &w->wanted_id, e) : code;
}

peri_code peri_work_aim(peri_work *w, peri_str entity, peri_str plan_hash, peri_err *e) {
  bool same_entity = entity.p == w->entity.p && entity.n == w->entity.n;
  bool same_plan = plan_hash.p == w->plan_hash.p && plan_hash.n == w->plan_hash.n;
  if (w->entity.p && same_entity && same_plan) return PERI_OK;
  if (w->entity.p && peri_str_eq(entity, w->entity) && peri_str_eq(plan_hash, w->plan_hash)) return PERI_OK;
  if (!entity.n) return peri_fail(e, PERI_INTERNAL, "a row without an entity");
  w->entity = entity;
  w->plan_hash = plan_hash;
  w->scope = peri_recent_scope(w->s, w->commit->integration_id, entity);
  w->bound_insert = w->bound_update = w->bound_rewrite = w->bound_touch = false;
  peri_code code = peri_plan_id(w->s, w->commit->integration_id, entity, plan_hash, &w->plan_id, e);
  sqlite3_stmt *st = code == PERI_OK ? peri_stmt(w->s, PERI_Q_HAS_SETS, e) : NULL;
  if (!st) return code == PERI_OK ? peri_why(e) : code;
  peri_bind(st, "tt", w->commit->integration_id, entity);
  int rc = sqlite3_step(st);
  w->has_sets = rc == SQLITE_ROW;
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) code = peri_sql_fail(w->s, e, "look for sets");
  sqlite3_reset(st);
  return code;
}

void peri_work_seen(peri_work *w, int64_t seq) {
  if (!w->commit->sweep) return;
  w->seen = peri_arena_grow(w->arena, w->seen, w->seen_count, &w->seen_cap, sizeof *w->seen);
  w->seen[w->seen_count++] = seq;
}

size_t peri_work_group(const peri_commit_row *rows, size_t count) {
  size_t n = 1;
  while (n < count && rows[n].verdict == 1 && rows[n].set && peri_str_eq(rows[n].record_key, rows[0].record_key) &&
         peri_str_eq(rows[n].entity, rows[0].entity))
    n++;
  return n;
}

/* Recognised as the same before it was mapped: nothing to write, but a sweep wants to know that it is there. */
static peri_code seen(peri_work *w, const peri_commit_row *r, peri_err *e) {
  w->n.unchanged++;
  if (!w->commit->sweep && !w->commit->asks_more) return PERI_OK;
  peri_str key = peri_record_key(w, r), integration = w->commit->integration_id;
  peri_found *rows;
  size_t count;
  peri_code code = peri_record_rows(w, key, &rows, &count, e);
  for (size_t i = 0; code == PERI_OK && i < count; i++)
    if (!rows[i].dead) {
      peri_work_seen(w, rows[i].seq);
      if (w->commit->asks_more) code = peri_row_asked(w, rows[i].seq, e);
    }
  if (code != PERI_OK || !w->commit->sweep || !peri_maybe_has(w->s, integration, w->entity, key)) return code;
  static const peri_stmt_id which[] = {PERI_Q_REJECT_SEEN, PERI_Q_UNMAPPED_SEEN};
  for (int i = 0; i < 2 && code == PERI_OK; i++) {
    sqlite3_stmt *st = peri_stmt(w->s, which[i], e);
    if (!st) return peri_why(e);
    peri_bind(st, "ttti", integration, w->entity, key, w->commit->run_seq);
    code = peri_done(w->s, st, e, "mark a record seen");
  }
  return code;
}

#define MERGES_MAX 64 /* in a chain */

/* The survivor may have been merged away itself: its own survivor is meant then, unless the chain leads back to the record. */
static peri_code survivor_of(peri_work *w, peri_str key, peri_str into, peri_str *out, peri_err *e) {
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_MERGED_INTO, e);
  if (!st) return peri_why(e);
  *out = into;
  for (int i = 0; i < MERGES_MAX && out->n; i++) {
    peri_bind(st, "ttt", w->commit->integration_id, w->entity, *out);
    int rc = sqlite3_step(st);
    peri_str next = rc == SQLITE_ROW ? peri_col(st, 0) : (peri_str){NULL, 0};
    if (next.n) next = peri_arena_str(w->arena, next);
    peri_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(w->s, e, "look for a survivor");
    sqlite3_reset(st);
    if (code != PERI_OK || !next.n) return code;
    *out = peri_str_eq(next, key) ? into : next;
    if (peri_str_eq(next, key)) return PERI_OK;
  }
  return PERI_OK;
}

/* Who was merged into this record is merged into its survivor now. */
static peri_code merge_on(peri_work *w, peri_str key, peri_str into, peri_err *e) {
  sqlite3_stmt *st = into.n ? peri_stmt(w->s, PERI_Q_MERGED_ON, e) : NULL;
  if (!st) return into.n ? peri_why(e) : PERI_OK;
  peri_bind(st, "tttt", w->commit->integration_id, w->entity, key, into);
  return peri_done(w->s, st, e, "follow a merge");
}

static peri_code gone(peri_work *w, const peri_commit_row *r, peri_err *e) {
  peri_str key = peri_record_key(w, r);
  bool merged = r->verdict == 6;
  peri_found *rows;
  size_t count;
  peri_code code = peri_record_rows(w, key, &rows, &count, e);
  int64_t before = w->n.deleted;
  bool newer = false;
  peri_str into = {NULL, 0};
  if (code == PERI_OK && merged) code = survivor_of(w, key, r->merged_into, &into, e);
  for (size_t i = 0; i < count && code == PERI_OK; i++) {
    if (!rows[i].dead && peri_older(r->updated, rows[i].updated)) { /* it has been written since: it lives; of a merge, the stamp is the survivor's */
      newer = true;
      continue;
    }
    code = peri_row_bury(w, &rows[i], merged ? "merge" : "api", r->updated, into, e);
  }
  if (code == PERI_OK && merged) code = merge_on(w, key, into, e);
  if (w->n.deleted == before) w->n.unchanged++;
  return code == PERI_OK && !newer ? peri_settle(w, key, "gone", merged ? INT64_MIN : r->updated, e) : code;
}

static peri_code one(peri_work *w, const peri_commit_row *r, peri_err *e) {
  peri_put how;
  peri_code code = peri_row_put(w, r, true, false, &how, e);
  if (code != PERI_OK || how == PERI_PUT_OLDER) return code;
  if (w->has_sets) code = peri_set_leave(w, r->key, r->key, e);
  return code == PERI_OK ? peri_settle(w, r->key, "closed", r->updated, e) : code;
}

peri_code peri_work_row(peri_work *w, const peri_commit_row *rows, size_t count, size_t *used, peri_err *e) {
  const peri_commit_row *r = rows;
  *used = 1;
  peri_code code = peri_work_aim(w, r->entity, r->plan_hash, e);
  if (code != PERI_OK) return code;
  switch (r->verdict) {
  case 1:
    if (!r->key.n) return peri_fail(e, PERI_INTERNAL, "a row without a key");
    if (!r->set) return one(w, r, e);
    *used = peri_work_group(rows, count);
    code = peri_set_put(w, rows, *used, e);
    return code == PERI_OK ? peri_settle(w, r->record_key, "closed", r->updated, e) : code;
  case 2: return peri_reject_put(w, r, e);
  case 3: return peri_unmapped_put(w, r, e);
  case 4:
  case 6: return gone(w, r, e);
  case 5: return seen(w, r, e);
  default: return peri_fail(e, PERI_INTERNAL, "a row with the verdict %d", r->verdict);
  }
}

peri_code peri_work_end(peri_work *w, peri_err *e) {
  peri_counters *n = &w->n;
  n->processed = n->created + n->updated + n->unchanged + n->rejected + n->deleted;
  n->requests = w->commit->requests;
  n->retries = w->commit->retries;
  n->bytes = w->commit->bytes;
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_RUN_ADD, e);
  if (!st) return peri_why(e);
  peri_bind(st, "iiiiiiiiiii", w->commit->run_seq, n->processed, n->created, n->updated, n->unchanged, n->rejected, n->deleted, n->skipped,
            n->requests, n->retries, n->bytes);
  peri_code code = peri_done(w->s, st, e, "count");
  if (code == PERI_OK && (w->data_delta || w->error_delta)) {
    if (!(st = peri_stmt(w->s, PERI_Q_COUNTS_ADD, e))) return peri_why(e);
    peri_bind(st, "tii", w->commit->integration_id, w->data_delta, w->error_delta);
    code = peri_done(w->s, st, e, "count");
  }
  if (code == PERI_OK && w->commit->sweep) code = peri_sweep_mark(w, e);
  const peri_commit *c = w->commit;
  return code == PERI_OK && c->cursor ? peri_cursor_put(w->s, c->integration_id, c->stream, c->cursor_kind, c->cursor, e) : code;
}

/* RESTART waits for readers (busy_timeout); the log then begins anew with the next commit. */
static peri_code mind_the_log(peri_store *s, peri_err *e) {
  if (peri_store_wal_bytes(s) < WAL_SLOW_BYTES) return PERI_OK;
  sqlite3_busy_timeout(s->db, peri_store_wal_bytes(s) < WAL_STOP_BYTES ? 100 : 1000);
  int frames = 0, moved = 0;
  int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_RESTART, &frames, &moved);
  sqlite3_busy_timeout(s->db, 5000);
  if (rc == SQLITE_OK)
    s->wal_frames = s->wal_checked = 0;
  else if (peri_store_wal_bytes(s) >= WAL_STOP_BYTES)
    return peri_fail(e, PERI_BUSY, "a program keeps reading %s for so long that its log has grown to 1 GB; end that program, then go on", s->path);
  return PERI_OK;
}

static peri_code commit_one(peri_store *s, const peri_commit *commit, bool remap, peri_counters *counted, peri_err *e) {
  peri_work w;
  peri_arena_reset(s->scratch);
  peri_code code = peri_work_begin(&w, s, commit, remap, e);
  for (size_t i = 0, used = 0; i < commit->row_count && code == PERI_OK; i += used)
    code = (remap ? peri_remap_rows : peri_work_row)(&w, commit->rows + i, commit->row_count - i, &used, e);
  if (code == PERI_OK) code = peri_work_end(&w, e);
  *counted = w.n;
  return code;
}

static peri_code commit_all(peri_store *s, const peri_commit *commits, size_t count, bool remap, peri_commit_result *results, peri_err *e) {
  peri_store_enter(s);
  if (remap) peri_recent_forget(s);
  memset(results, 0, count * sizeof *results);
  peri_code code = s->writer ? mind_the_log(s, e) : PERI_OK;
  if (code == PERI_OK) code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_maybe_load(s, e);
    for (size_t i = 0; i < count && code == PERI_OK; i++) code = commit_one(s, &commits[i], remap, &results[i].counted, e);
    code = peri_tx_end(s, code, e);
  }
  if (code != PERI_OK) {
    memset(results, 0, count * sizeof *results);
    peri_recent_forget(s);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_store_commit(peri_store *s, const peri_commit *commits, size_t count, peri_commit_result *results, peri_err *e) {
  return commit_all(s, commits, count, false, results, e);
}

peri_code peri_store_remap(peri_store *s, const peri_commit *batch, peri_counters *counted, peri_err *e) {
  peri_commit_result result;
  peri_code code = commit_all(s, batch, 1, true, &result, e);
  *counted = result.counted;
  return code;
}
