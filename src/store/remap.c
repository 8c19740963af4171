/* store/remap: stored records again, by seq, and a batch of them after a new plan. Touches no stamp of the source: synced_at, run and raw bytes stay.
 * Refuses what has changed since it was read: the record whose hash is no longer the one that was mapped is left for the next batch. */
#include "store/inside.h"

peri_code peri_store_records(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, uint8_t source, int64_t after_seq, size_t limit,
                             peri_stored **out, size_t *count, peri_err *e) {
  static const char *const from[] = {
      "SELECT d.seq, coalesce(d.record_key, d.external_id), d.raw, d.context, p.hash, d.raw_hash, d.source_updated, 0, NULL, NULL FROM integration_data d"
      " LEFT JOIN plans p ON p.seq = d.plan_id WHERE +d.integration_id = ?1 AND +d.entity_type = ?2 AND d.seq > ?3 AND d.raw IS NOT NULL"
      " AND (d.deleted_cause IS NOT 'skip' OR NOT EXISTS (SELECT 1 FROM unmapped u WHERE u.integration_id = ?1 AND u.entity_type = ?2"
      " AND u.record_key = coalesce(d.record_key, d.external_id))) ORDER BY d.seq LIMIT ?4",
      "SELECT d.seq, d.record_key, d.raw, d.context, p.hash, d.raw_hash, d.source_updated,"
      " EXISTS (SELECT 1 FROM integration_data o WHERE o.integration_id = ?1 AND o.entity_type = ?2 AND o.external_id = d.record_key)"
      " OR EXISTS (SELECT 1 FROM integration_data o WHERE o.integration_id = ?1 AND o.entity_type = ?2 AND o.record_key = d.record_key),"
      " d.code, d.field FROM rejects d LEFT JOIN plans p ON p.seq = d.plan_id"
      " WHERE d.integration_id = ?1 AND d.entity_type = ?2 AND d.seq > ?3 AND d.state = 'open' AND d.raw IS NOT NULL ORDER BY d.seq LIMIT ?4",
      "SELECT d.seq, d.record_key, d.raw, d.context, p.hash, d.raw_hash, d.source_updated, 0, NULL, NULL FROM unmapped d LEFT JOIN plans p ON p.seq = "
      "d.plan_id"
      " WHERE +d.integration_id = ?1 AND +d.entity_type = ?2 AND d.seq > ?3 AND d.raw IS NOT NULL ORDER BY d.seq LIMIT ?4"};
  *out = NULL;
  *count = 0;
  if (source > 2) return peri_fail(e, PERI_INTERNAL, "no such source of records: %d", source);
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s, from[source], e);
  peri_code code = st ? PERI_OK : peri_why(e);
  size_t cap = 0;
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "ttii", integration_id, entity, after_seq, (int64_t)limit);
  while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    peri_stored *r = &(*out)[(*count)++];
    memset(r, 0, sizeof *r);
    r->seq = sqlite3_column_int64(st, 0);
    r->key = peri_arena_str(a, peri_col(st, 1));
    r->raw = peri_arena_str(a, peri_col(st, 2));
    r->context = peri_arena_str(a, peri_col(st, 3));
    r->plan_hash = peri_arena_str(a, peri_col(st, 4));
    if (sqlite3_column_bytes(st, 5) == 16) memcpy(r->raw_hash, sqlite3_column_blob(st, 5), 16);
    r->updated = peri_col_int(st, 6, INT64_MIN);
    r->source = source;
    r->has_row = sqlite3_column_int(st, 7) != 0;
    r->code = peri_arena_str(a, peri_col(st, 8));
    r->field = peri_arena_str(a, peri_col(st, 9));
  }
  if (st && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read stored records");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}

static void row_now(peri_arena *a, sqlite3_stmt *st, peri_row_now *r) {
  *r = (peri_row_now){.external = peri_arena_str(a, peri_col(st, 0)), .data = peri_arena_str(a, peri_col(st, 1)), .updated = peri_col_int(st, 5, INT64_MIN)};
  r->dead = sqlite3_column_type(st, 2) != SQLITE_NULL;
  peri_str cause = peri_col(st, 3);
  r->skipped = r->dead && (peri_str_is(cause, "skip") || peri_str_is(cause, "rollback"));
  r->final = r->dead && (peri_str_is(cause, "api") || peri_str_is(cause, "merge"));
  r->in_set = sqlite3_column_int(st, 4) != 0;
  if ((r->has_raw = sqlite3_column_bytes(st, 6) == 16)) memcpy(r->raw_hash, sqlite3_column_blob(st, 6), 16);
  if (sqlite3_column_bytes(st, 7) == 16) memcpy(r->data_hash, sqlite3_column_blob(st, 7), 16);
  r->of_record = sqlite3_column_int(st, 8) != 0;
  r->stale = sqlite3_column_int(st, 9) != 0;
}

peri_code peri_store_rows_now(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_str record_key, peri_str key, peri_row_now **out,
                              size_t *count, peri_err *e) {
  *out = NULL;
  *count = 0;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_stmt(s, PERI_Q_ROWS_NOW, e);
  peri_code code = st ? PERI_OK : peri_why(e);
  size_t cap = 0;
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "tttt", integration_id, entity, record_key, key);
  while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    row_now(a, st, &(*out)[(*count)++]);
  }
  if (st && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read what is stored of a record");
  if (st) sqlite3_reset(st);
  peri_store_leave(s);
  return code;
}

peri_code peri_store_last_seq(peri_store *s, uint8_t source, int64_t *seq, peri_err *e) {
  static const char *const from[] = {"SELECT max(seq) FROM integration_data", "SELECT max(seq) FROM rejects", "SELECT max(seq) FROM unmapped"};
  if (source > 2) return peri_fail(e, PERI_INTERNAL, "no such source of records: %d", source);
  peri_store_enter(s);
  peri_code code = peri_ask(s, e, seq, 0, from[source], "");
  peri_store_leave(s);
  return code;
}

peri_code peri_store_wanted_sets(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_str **out, size_t *count, peri_err *e) {
  *out = NULL;
  *count = 0;
  peri_store_enter(s);
  sqlite3_stmt *st =
      peri_prepare(s,
                   "SELECT w.wanted FROM integration_data d JOIN wanted_sets w ON w.seq = d.wanted_id WHERE +d.integration_id = ?1 AND "
                   "+d.entity_type = ?2 AND d.deleted_at IS NULL GROUP BY w.seq",
                   e);
  peri_code code = st ? PERI_OK : peri_why(e);
  size_t cap = 0;
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "tt", integration_id, entity);
  while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    (*out)[(*count)++] = peri_arena_str(a, peri_col(st, 0));
  }
  if (st && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read what was asked for");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}

/* Where a record with these bytes lies now. */
typedef struct peri_place {
  bool in_row, in_reject, in_unmapped; /* in_reject: an open one */
  bool dead;                           /* only tombstones hold it: a record that is gone stays gone */
  int64_t reject_seq, unmapped_seq, updated, request_seq;
  peri_found *rows;
  size_t count;
  peri_found *head;
  peri_str raw, context;
} peri_place;

static peri_code waiting(peri_work *w, peri_stmt_id which, peri_str key, const uint8_t raw_hash[16], bool *is, int64_t *seq, int64_t *updated,
                         peri_err *e) {
  bool reject = which == PERI_Q_REJECT_FIND;
  sqlite3_stmt *st = peri_stmt(w->s, which, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ttt", w->commit->integration_id, w->entity, key);
  int rc = sqlite3_step(st), hash = reject ? 2 : 1;
  if (rc == SQLITE_ROW && sqlite3_column_bytes(st, hash) == 16 && memcmp(sqlite3_column_blob(st, hash), raw_hash, 16) == 0 &&
      (!reject || peri_str_is(peri_col(st, 1), "open"))) {
    *is = true;
    *seq = sqlite3_column_int64(st, 0);
    *updated = peri_col_int(st, reject ? 4 : 3, INT64_MIN);
  }
  peri_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(w->s, e, "look a record up");
  sqlite3_reset(st);
  return code;
}

static peri_code bytes_of(peri_work *w, peri_stmt_id which, int64_t seq, peri_place *p, peri_err *e) {
  sqlite3_stmt *st = peri_stmt(w->s, which, e);
  if (!st) return peri_why(e);
  peri_bind(st, "i", seq);
  if (sqlite3_step(st) == SQLITE_ROW) {
    p->raw = peri_arena_str(w->arena, peri_col(st, 0));
    p->context = peri_arena_str(w->arena, peri_col(st, 1));
    p->request_seq = peri_col_int(st, 2, INT64_MIN);
  }
  sqlite3_reset(st);
  return PERI_OK;
}

static peri_code place(peri_work *w, peri_str key, const peri_commit_row *r, peri_place *p, peri_err *e) {
  memset(p, 0, sizeof *p);
  p->updated = p->request_seq = INT64_MIN;
  peri_code code = peri_record_rows(w, key, &p->rows, &p->count, e);
  for (size_t i = 0; code == PERI_OK && i < p->count; i++)
    if (p->rows[i].has_raw && memcmp(p->rows[i].raw_hash, r->raw_hash, 16) == 0) {
      p->in_row = true;
      p->head = &p->rows[i];
      p->updated = p->head->updated;
    }
  if (code == PERI_OK && peri_maybe_has(w->s, w->commit->integration_id, w->entity, key)) {
    int64_t updated = INT64_MIN;
    code = waiting(w, PERI_Q_REJECT_FIND, key, r->raw_hash, &p->in_reject, &p->reject_seq, &updated, e);
    if (code == PERI_OK) code = waiting(w, PERI_Q_UNMAPPED_FIND, key, r->raw_hash, &p->in_unmapped, &p->unmapped_seq, &updated, e);
    if (!p->in_row) p->updated = updated;
  }
  p->dead = p->count > 0 && !p->in_reject && !p->in_unmapped;
  for (size_t i = 0; i < p->count; i++) p->dead = p->dead && p->rows[i].dead;
  if (code != PERI_OK) return code;
  if (p->in_row) return bytes_of(w, PERI_Q_RAW_OF, p->head->seq, p, e);
  if (p->in_reject) return bytes_of(w, PERI_Q_REJECT_RAW, p->reject_seq, p, e);
  return p->in_unmapped ? bytes_of(w, PERI_Q_UNMAPPED_RAW, p->unmapped_seq, p, e) : PERI_OK;
}

/* The row stays where and how it is; only what the plan made of it changes. */
static peri_code again(peri_work *w, const peri_place *p, const peri_commit_row *r, peri_err *e) {
  const peri_found *f = p->head;
  bool settled = p->in_reject || !f->stale;               /* a reject of these same bytes is over; one of a newer version is not */
  bool lifted = f->dead && (strcmp(f->cause, "skip") == 0 || strcmp(f->cause, "rollback") == 0); /* dead only because the old plan had no row for it */
  bool same = f->has_data && memcmp(f->data_hash, r->data_hash, 16) == 0;
  sqlite3_stmt *st = peri_stmt(w->s, same && !lifted ? PERI_Q_REPLANNED : PERI_Q_REMAPPED, e);
  if (!st) return peri_why(e);
  if (same && !lifted) {
    peri_bind(st, "IIiiT", w->generation_id, w->plan_id, f->seq, (int64_t)(settled ? 0 : 1), r->warnings);
    w->n.unchanged++;
  } else {
    peri_bind(st, "IItihTtii", w->generation_id, w->plan_id, w->now, f->seq, r->data_hash, r->warnings, r->data, (int64_t)(settled ? 0 : 1),
              (int64_t)lifted);
    w->n.updated++;
    if (lifted) w->data_delta++;
  }
  return peri_done(w->s, st, e, "remap a row");
}

static peri_code remap_set(peri_work *w, const peri_place *p, const peri_commit_row *rows, size_t count, peri_err *e) {
  peri_commit_row *copy = peri_arena_take(w->arena, count * sizeof *copy);
  memcpy(copy, rows, count * sizeof *copy);
  for (size_t i = 0; i < count; i++) {
    copy[i].raw = i ? (peri_str){NULL, 0} : p->raw;
    copy[i].context = p->context;
    copy[i].updated = p->updated;
  }
  for (size_t i = 0; i < p->count && p->in_reject && !w->commit->rollback; i++) {
    peri_code code = p->rows[i].dead || !p->rows[i].has_data ? PERI_OK : peri_undo_keep(w, p->rows[i].seq, e);
    if (code != PERI_OK) return code;
  }
  return copy[0].set ? peri_set_put(w, copy, count, e) : peri_row_put(w, copy, true, false, &(peri_put){0}, e);
}

static peri_code good(peri_work *w, const peri_place *p, const peri_commit_row *rows, size_t count, peri_str key, peri_err *e) {
  peri_code code;
  bool plain = !rows[0].set && p->in_row && !p->head->record.p && peri_str_eq(p->head->external, rows[0].key);
  if (plain)
    code = again(w, p, rows, e);
  else {
    if (p->dead) { /* whatever shape its rows would have now */
      w->n.unchanged++;
      return PERI_OK;
    }
    code = remap_set(w, p, rows, count, e);
    if (code == PERI_OK && !rows[0].set && w->has_sets) code = peri_set_leave(w, key, rows[0].key, e);
  }
  if (code != PERI_OK || !(p->in_reject || p->in_unmapped)) return code;
  return peri_settle(w, key, "closed", p->updated, e);
}

peri_code peri_remap_rows(peri_work *w, const peri_commit_row *rows, size_t count, size_t *used, peri_err *e) {
  const peri_commit_row *r = rows;
  *used = r->verdict == 1 && r->set ? peri_work_group(rows, count) : 1;
  peri_code code = peri_work_aim(w, r->entity, r->plan_hash, e);
  if (code != PERI_OK) return code;
  peri_str key = peri_record_key(w, r);
  peri_place p;
  if ((code = place(w, key, r, &p, e)) != PERI_OK) return code;
  w->request_seq = p.request_seq; /* what becomes of the record keeps saying what brought it */
  if (!p.in_row && !p.in_reject && !p.in_unmapped) { /* a newer version came in between */
    w->n.unchanged++;
    return PERI_OK;
  }
  if (r->verdict == 1) return good(w, &p, rows, *used, key, e);
  bool older = false; /* a newer version of it is refused already: that one's bytes are what waits to be taken in */
  for (size_t i = 0; i < p.count; i++) older = older || (r->source == 0 && p.rows[i].stale);
  if (p.dead || older) {
    w->n.unchanged++;
    return PERI_OK;
  }
  peri_commit_row row = *r;
  row.raw = p.raw;
  row.context = p.context;
  row.updated = p.updated;
  if (r->verdict == 2) {
    code = peri_reject_put(w, &row, e);
    for (size_t i = 0; code == PERI_OK && w->commit->rollback && i < p.count; i++)
      if (p.in_row || p.in_unmapped) code = peri_undo_row(w, &p.rows[i], p.in_unmapped, e);
    return code;
  }
  if (r->verdict == 3) return peri_unmapped_put(w, &row, e);
  w->n.unchanged++;
  return PERI_OK;
}
