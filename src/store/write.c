/* store/write: one row against what is stored: new, changed, the same, older, or dead. The hot path.
 *
 * A first load meets new rows only, a later one known rows only, so the last row decides what is tried first: INSERT (one look-up, inside it) or
 * SELECT and UPDATE by seq; what the skip check has just looked up (recent.c) needs no SELECT. Refuses to let an older stamp overwrite a newer one,
 * and to lift a tombstone by a record that is no later than it. */
#include "store/inside.h"

bool peri_older(int64_t updated, int64_t stored) { return updated != INT64_MIN && stored != INT64_MIN && updated < stored; }

void peri_found_read(sqlite3_stmt *st, peri_found *f, peri_arena *a) {
  f->exists = true;
  f->seq = sqlite3_column_int64(st, 0);
  f->updated = peri_col_int(st, 1, INT64_MIN);
  f->has_raw = sqlite3_column_bytes(st, 2) == 16;
  if (f->has_raw) memcpy(f->raw_hash, sqlite3_column_blob(st, 2), 16);
  f->has_data = sqlite3_column_bytes(st, 3) == 16;
  if (f->has_data) memcpy(f->data_hash, sqlite3_column_blob(st, 3), 16);
  f->plan_id = peri_col_int(st, 4, INT64_MIN);
  f->stale = sqlite3_column_int(st, 5) != 0;
  f->dead = sqlite3_column_type(st, 8) != SQLITE_NULL;
  f->cause[0] = 0;
  if (f->dead) {
    peri_str cause = peri_col(st, 6);
    if (cause.n >= sizeof f->cause) cause.n = sizeof f->cause - 1;
    if (cause.n) memcpy(f->cause, cause.p, cause.n);
    f->cause[cause.n] = 0;
  }
  f->record = sqlite3_column_type(st, 7) == SQLITE_NULL ? (peri_str){NULL, 0} : peri_arena_str(a, peri_col(st, 7));
}

peri_code peri_find_row(peri_work *w, peri_str key, peri_found *f, peri_err *e) {
  f->exists = false;
  if (peri_recent_take(w->s, w->scope, key, f)) return PERI_OK;
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_FIND, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ttt", w->commit->integration_id, w->entity, key);
  int rc = sqlite3_step(st);
  if (rc == SQLITE_ROW) {
    peri_found_read(st, f, w->arena);
    f->external = key;
  }
  peri_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(w->s, e, "look a row up");
  sqlite3_reset(st);
  return code;
}

peri_code peri_record_rows(peri_work *w, peri_str record_key, peri_found **rows, size_t *count, peri_err *e) {
  size_t cap = 1;
  *count = 0;
  *rows = peri_arena_take(w->arena, sizeof **rows);
  peri_code code = peri_find_row(w, record_key, *rows, e);
  if (code != PERI_OK) return code;
  if ((*rows)->exists && !(*rows)->record.p) *count = 1; /* otherwise it is another record's, or comes again below */
  if (!w->has_sets) return PERI_OK;
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_FIND_RECORD, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ttt", w->commit->integration_id, w->entity, record_key);
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
    *rows = peri_arena_grow(w->arena, *rows, *count, &cap, sizeof **rows);
    peri_found *f = &(*rows)[(*count)++];
    memset(f, 0, sizeof *f);
    peri_found_read(st, f, w->arena);
    f->external = peri_arena_str(w->arena, peri_col(st, 9));
  }
  if (rc != SQLITE_DONE) code = peri_sql_fail(w->s, e, "look a record up");
  sqlite3_reset(st);
  return code;
}

static peri_code insert(peri_work *w, const peri_commit_row *r, bool head, bool in_set, bool *made, peri_err *e) {
  if (peri_work_request(w, e)) return peri_why(e);
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_INSERT, e);
  if (!st) return peri_why(e);
  if (!w->bound_insert) {
    peri_bind(st, "ttIIittI", w->commit->integration_id, w->entity, w->generation_id, w->wanted_id, w->commit->run_seq, w->synced_at, w->now,
              w->plan_id);
    w->bound_insert = true;
  }
  char id[PERI_UUID_TEXT];
  peri_uuid7(id);
  peri_str none = {NULL, 0};
  peri_bind_from(st, 9, "ttIhhTTTtTI", (peri_str){id, PERI_UUID_TEXT - 1}, r->key, r->updated, head ? r->raw_hash : NULL, r->data_hash,
                 in_set ? r->record_key : none, head ? r->context : none, r->warnings, r->data, head ? r->raw : none, w->request_seq);
  peri_code code = peri_done(w->s, st, e, "write a row");
  *made = code == PERI_OK && sqlite3_changes(w->s->db) == 1;
  if (*made) {
    w->n.created++;
    w->data_delta++;
  }
  w->expect_new = *made;
  return code;
}

static bool lifts(const peri_found *f, int64_t updated) {
  if (updated == INT64_MIN || f->updated == INT64_MIN || updated > f->updated) return true;
  /* a record that merely was not listed is back when it is listed again; one that its API called deleted needs a later version */
  return updated == f->updated && strcmp(f->cause, "api") != 0 && strcmp(f->cause, "merge") != 0;
}

static peri_code update(peri_work *w, const peri_found *f, const peri_commit_row *r, bool head, bool in_set, bool same_data, peri_err *e) {
  peri_str none = {NULL, 0};
  int64_t updated = r->updated == INT64_MIN ? f->updated : r->updated;
  peri_str record = in_set ? r->record_key : none, context = head ? r->context : none, raw = head ? r->raw : none;
  const uint8_t *raw_hash = head ? r->raw_hash : NULL;
  int64_t run_seq = w->remap ? INT64_MIN : w->commit->run_seq; /* remap fetches nothing: these two stay */
  peri_str synced_at = w->remap ? none : w->synced_at;
  if (peri_work_request(w, e)) return peri_why(e);
  sqlite3_stmt *st = peri_stmt(w->s, same_data ? PERI_Q_TOUCH : PERI_Q_UPDATE, e);
  if (!st) return peri_why(e);
  if (!same_data && !w->remap && !f->dead && !in_set && !f->record.p) { /* the usual case touches no index */
    if (!(st = peri_stmt(w->s, PERI_Q_REWRITE, e))) return peri_why(e);
    if (!w->bound_rewrite) peri_bind(st, "IIittI", w->generation_id, w->wanted_id, run_seq, synced_at, w->now, w->plan_id);
    w->bound_rewrite = true;
    peri_bind_from(st, 7, "iIhhTTtTI", f->seq, updated, raw_hash, r->data_hash, context, r->warnings, r->data, raw, w->request_seq);
    w->n.updated++;
  } else if (same_data) {
    if (!w->bound_touch) peri_bind(st, "IIITI", w->generation_id, w->wanted_id, run_seq, synced_at, w->plan_id);
    w->bound_touch = true;
    peri_bind_from(st, 6, "iIhTTTTI", f->seq, updated, raw_hash, record, context, r->warnings, raw, w->request_seq);
    w->n.unchanged++;
  } else {
    if (!w->bound_update) peri_bind(st, "IIITtI", w->generation_id, w->wanted_id, run_seq, synced_at, w->now, w->plan_id);
    w->bound_update = true;
    peri_bind_from(st, 7, "iIhhTTTtTI", f->seq, updated, raw_hash, r->data_hash, record, context, r->warnings, r->data, raw, w->request_seq);
    w->n.updated++;
    if (f->dead) w->data_delta++;
  }
  return peri_done(w->s, st, e, "write a row");
}

/* The same bytes came though more was asked for: the record has no more to give. */
peri_code peri_row_asked(peri_work *w, int64_t seq, peri_err *e) {
  return peri_exec(w->s, e, "note what was asked for", "UPDATE integration_data SET wanted_id = ?2 WHERE seq = ?1", "iI", seq, w->wanted_id);
}

peri_code peri_row_put(peri_work *w, const peri_commit_row *r, bool head, bool in_set, peri_put *how, peri_err *e) {
  peri_found f;
  bool made = false;
  peri_code code = PERI_OK;
  *how = PERI_PUT_WRITTEN;
  if (!peri_recent_take(w->s, w->scope, r->key, &f)) {
    if (w->expect_new && ((code = insert(w, r, head, in_set, &made, e)) != PERI_OK || made)) return code;
    if ((code = peri_find_row(w, r->key, &f, e)) != PERI_OK) return code;
  }
  if (!f.exists) {
    code = insert(w, r, head, in_set, &made, e);
    if (code == PERI_OK && !made) code = peri_fail(e, PERI_INTERNAL, "a row could be neither found nor made");
    return code;
  }
  if (f.dead ? !lifts(&f, r->updated) : peri_older(r->updated, f.updated)) {
    *how = PERI_PUT_OLDER;
    w->n.unchanged++;
    if (!f.dead) peri_work_seen(w, f.seq);
    return PERI_OK;
  }
  bool same_data = !f.dead && f.has_data && memcmp(f.data_hash, r->data_hash, 16) == 0;
  bool same_raw = head ? f.has_raw && memcmp(f.raw_hash, r->raw_hash, 16) == 0 : !f.has_raw;
  bool same_record = in_set ? f.record.p && peri_str_eq(f.record, r->record_key) : !f.record.p;
  if (same_data && same_raw && same_record && !f.stale && f.plan_id == w->plan_id && (r->updated == INT64_MIN || r->updated == f.updated)) {
    *how = PERI_PUT_SAME;
    w->n.unchanged++;
    peri_work_seen(w, f.seq);
    return w->commit->asks_more ? peri_row_asked(w, f.seq, e) : PERI_OK;
  }
  return update(w, &f, r, head, in_set, same_data, e);
}

peri_code peri_row_bury(peri_work *w, const peri_found *f, const char *cause, int64_t updated, peri_str merged_into, peri_err *e) {
  bool later = updated != INT64_MIN && (f->updated == INT64_MIN || updated > f->updated);
  bool named = strcmp(cause, "api") == 0 || strcmp(cause, "merge") == 0;
  /* what is dead already is written only if this says more: a later stamp, or its API's own word */
  if (f->dead && !(named && (later || strcmp(f->cause, cause) != 0))) return PERI_OK;
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_BURY, e);
  if (!st) return peri_why(e);
  peri_str none = {NULL, 0};
  peri_bind(st, "itcTIIT", f->seq, w->now, cause, merged_into, later ? updated : f->updated, w->remap ? INT64_MIN : w->commit->run_seq,
            w->remap ? none : w->synced_at);
  if (!f->dead) {
    w->data_delta--;
    w->n.deleted++;
  }
  return peri_done(w->s, st, e, "mark a row deleted");
}

peri_code peri_row_mark(peri_work *w, peri_stmt_id which, int64_t seq, peri_err *e) {
  sqlite3_stmt *st = peri_stmt(w->s, which, e);
  if (!st) return peri_why(e);
  peri_bind(st, "i", seq);
  return peri_done(w->s, st, e, "mark a row");
}
