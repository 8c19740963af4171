/* store/cursor: how far a stream has been read. Written inside the transaction of the rows that it covers; alone only to go back. */
#include "store/inside.h"

peri_code peri_cursor_put(peri_store *s, peri_str integration_id, peri_str stream, peri_str kind, const peri_cursor *at, peri_err *e) {
  sqlite3_stmt *st = peri_stmt(s, PERI_Q_CURSOR_PUT, e);
  if (!st) return peri_why(e);
  char now[PERI_ISO_MAX];
  peri_bind(st, "ttttIIiiTcT", integration_id, stream, kind.n ? kind : PERI_STR("main"), at->phase.n ? at->phase : PERI_STR("none"), at->high,
            at->seen_max, at->phase_started_ms, at->swept_ms, at->shape, peri_now(now), at->position);
  return peri_done(s, st, e, "keep the cursor");
}

peri_code peri_cursor_swept(peri_store *s, peri_str integration_id, peri_str stream, peri_err *e) {
  return peri_exec(s, e, "end a sweep",
                   "UPDATE cursors SET phase = 'changes', phase_started_ms = -1, swept_ms = ?3"
                   " WHERE integration_id = ?1 AND entity_type = ?2 AND kind = 'main' AND phase = 'sweep'",
                   "tti", integration_id, stream, peri_now_ms());
}

peri_code peri_cursor_get(peri_store *s, peri_arena *a, peri_str integration_id, peri_str stream, peri_str kind, peri_cursor *out, peri_err *e) {
  *out = (peri_cursor){PERI_STR("none"), INT64_MIN, INT64_MIN, -1, PERI_STR(""), PERI_STR(""), -1};
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT phase, high, seen_max, phase_started_ms, swept_ms, shape, position FROM cursors"
                                  " WHERE integration_id = ?1 AND entity_type = ?2 AND kind = ?3",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "ttt", integration_id, stream, kind.n ? kind : PERI_STR("main"));
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
      out->phase = peri_arena_str(a, peri_col(st, 0));
      out->high = peri_col_int(st, 1, INT64_MIN);
      out->seen_max = peri_col_int(st, 2, INT64_MIN);
      out->phase_started_ms = peri_col_int(st, 3, -1);
      out->swept_ms = peri_col_int(st, 4, -1);
      out->shape = peri_arena_str(a, peri_col(st, 5));
      out->position = peri_arena_str(a, peri_col(st, 6));
    } else if (rc != SQLITE_DONE)
      code = peri_sql_fail(s, e, "read a cursor");
    sqlite3_finalize(st);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_cursor_reset(peri_store *s, peri_str integration_id, peri_str stream, peri_str kind, const peri_cursor *to, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) code = peri_tx_end(s, peri_cursor_put(s, integration_id, stream, kind, to, e), e);
  peri_store_leave(s);
  return code;
}
