/* store/lacking: which live rows were fetched without some name: what a backfill of a field reads again. Rows for which everything came have no set of
 * names and never lack one. */
#include "store/inside.h"

peri_code peri_store_wanted_ids(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_wanted_set **out, size_t *count,
                                peri_err *e) {
  *out = NULL;
  *count = 0;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT w.seq, w.wanted FROM integration_data d JOIN wanted_sets w ON w.seq = d.wanted_id WHERE +d.integration_id = ?1 AND "
                                  "+d.entity_type = ?2 AND d.deleted_at IS NULL GROUP BY w.seq",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  size_t cap = 0;
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "tt", integration_id, entity);
  while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    (*out)[(*count)++] = (peri_wanted_set){sqlite3_column_int64(st, 0), peri_arena_str(a, peri_col(st, 1))};
  }
  if (st && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read what was asked for");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}

peri_code peri_store_lacking(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_str ids, int64_t after_seq, size_t limit,
                             peri_stored **out, size_t *count, peri_err *e) {
  *out = NULL;
  *count = 0;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT seq, coalesce(record_key, external_id), raw FROM integration_data WHERE +integration_id = ?1 AND +entity_type = ?2 AND"
                                  " seq > ?3 AND deleted_at IS NULL AND raw IS NOT NULL AND wanted_id IN (SELECT value FROM json_each(?4)) ORDER BY seq LIMIT ?5",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  size_t cap = 0;
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "ttiti", integration_id, entity, after_seq, ids, (int64_t)limit);
  while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    peri_stored *r = &(*out)[(*count)++];
    memset(r, 0, sizeof *r);
    r->seq = sqlite3_column_int64(st, 0);
    r->key = peri_arena_str(a, peri_col(st, 1));
    r->raw = peri_arena_str(a, peri_col(st, 2));
  }
  if (st && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "look for rows that lack a field");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}
