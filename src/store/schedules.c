/* store/schedules: see the header. */
#include "store/schedules.h"

#include "store/inside.h"

peri_code peri_schedules_read(peri_store *s, peri_arena *a, peri_str name, peri_schedule_row **out, size_t *count, peri_err *e) {
  peri_store_enter(s);
  *out = NULL;
  *count = 0;
  size_t cap = 0;
  peri_code code = PERI_OK;
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT i.id, i.name, i.status, i.schedule,"
                                  " (SELECT started_ms FROM runs r WHERE r.integration_id = i.id AND r.kind = 'sync' ORDER BY r.seq DESC LIMIT 1)"
                                  " FROM integrations i WHERE i.deleted_at IS NULL AND (?1 IS NULL OR i.name = ?1) ORDER BY i.name",
                                  e);
  if (!st) code = peri_why(e);
  else {
    peri_bind(st, "T", name);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
      *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
      (*out)[(*count)++] = (peri_schedule_row){peri_arena_str(a, peri_col(st, 0)), peri_arena_str(a, peri_col(st, 1)), peri_arena_str(a, peri_col(st, 2)), peri_arena_str(a, peri_col(st, 3)),
                                               sqlite3_column_type(st, 4) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, 4)};
    }
    if (rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read the schedules");
    sqlite3_finalize(st);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_schedule_put(peri_store *s, peri_str id, peri_str schedule_json, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_exec(s, e, "keep the schedule", "UPDATE integrations SET schedule = ?2, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1", "tT", id, schedule_json);
  peri_store_leave(s);
  return code;
}
