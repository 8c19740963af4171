/* store/meta: small named facts about the database: which generation's views stand, and the like. Names here never clash with those of open.c. */
#include "store/catalog.h"
#include "store/inside.h"

peri_code peri_meta_get(peri_store *s, peri_arena *a, const char *name, peri_str *value, peri_err *e) {
  *value = (peri_str){0};
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s, "SELECT value FROM meta WHERE key = 'note.' || ?1", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "c", name);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) *value = peri_arena_str(a, peri_col(st, 0));
    else if (rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read a note");
    sqlite3_finalize(st);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_meta_set(peri_store *s, const char *name, peri_str value, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK)
    code = peri_tx_end(s, peri_exec(s, e, "keep a note", "INSERT INTO meta(key, value) VALUES('note.' || ?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value", "ct", name, value), e);
  peri_store_leave(s);
  return code;
}
