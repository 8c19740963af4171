/* store/report_sql: a user's own query. Refuses everything but reading: the connection may be the writer's, so SQLite is asked before each action. */
#include "json/json.h"
#include "store/inside.h"
#include "store/report.h"

static int allow(void *self, int action, const char *a, const char *b, const char *c, const char *d) {
  (void)self, (void)c, (void)d;
  static const char *const pragmas[] = {"table_info",      "table_xinfo",      "table_list",     "index_list",      "index_info",
                                        "index_xinfo",     "foreign_key_list", "database_list",  "user_version",    "application_id",
                                        "page_count",      "page_size",        "freelist_count", "integrity_check", "quick_check",
                                        "compile_options", "function_list",    "journal_mode",   "schema_version",  "encoding"};
  switch (action) {
  case SQLITE_SELECT:
  case SQLITE_READ:
  case SQLITE_RECURSIVE: return SQLITE_OK;
  case SQLITE_FUNCTION: return b && sqlite3_stricmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
  case SQLITE_PRAGMA: /* only asking: quick_check and the like take a name, the others no value */
    for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++)
      if (a && sqlite3_stricmp(a, pragmas[i]) == 0) return i < 7 || !b || i == 13 || i == 14 ? SQLITE_OK : SQLITE_DENY;
    return SQLITE_DENY;
  default: return SQLITE_DENY;
  }
}

/* SQLite writes infinity as Inf, which JSON has no number for. */
static bool is_number(peri_str text) {
  peri_span v;
  peri_json_fault fault;
  return peri_json_check(text, &v, &fault) && v.type == PERI_J_NUMBER;
}

static peri_code run(peri_store *s, sqlite3_stmt *st, bool (*row)(void *, int, const peri_str *, const peri_str *, const peri_jtype *), void *self,
                     peri_err *e) {
  int columns = sqlite3_column_count(st), rc;
  peri_arena *a = peri_arena_new(), *texts = peri_arena_new();
  peri_str *names = peri_arena_take(a, (size_t)columns * sizeof *names), *values = peri_arena_take(a, (size_t)columns * sizeof *values);
  peri_jtype *types = peri_arena_take(a, (size_t)columns * sizeof *types);
  for (int i = 0; i < columns; i++) names[i] = peri_arena_str(a, peri_str_of(sqlite3_column_name(st, i)));
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
    peri_arena_reset(texts);
    for (int i = 0; i < columns; i++) {
      int kind = sqlite3_column_type(st, i); /* asked before the value is taken as text */
      values[i] = peri_col(st, i);
      types[i] = kind == SQLITE_NULL                                                        ? PERI_J_NULL
                 : kind == SQLITE_INTEGER || (kind == SQLITE_FLOAT && is_number(values[i])) ? PERI_J_NUMBER
                                                                                            : PERI_J_STRING;
      if (kind != SQLITE_BLOB) continue;
      static const char hex[] = "0123456789abcdef";
      peri_str bytes = values[i];
      char *p = peri_arena_bytes(texts, bytes.n * 2 + 1);
      for (size_t k = 0; k < bytes.n; k++) {
        p[2 * k] = hex[(unsigned char)bytes.p[k] >> 4];
        p[2 * k + 1] = hex[(unsigned char)bytes.p[k] & 15];
      }
      values[i] = (peri_str){p, bytes.n * 2};
    }
    if (!row(self, columns, names, values, types)) {
      rc = SQLITE_DONE;
      break;
    }
  }
  peri_code code = rc == SQLITE_DONE             ? PERI_OK
                   : (rc & 0xff) == SQLITE_ERROR ? peri_fail(e, PERI_INVALID, "%s", sqlite3_errmsg(s->db))
                                                 : peri_sql_fail(s, e, "run the query");
  peri_arena_free(texts);
  peri_arena_free(a);
  return code;
}

peri_code peri_report_sql(peri_store *s, peri_str query,
                          bool (*row)(void *self, int columns, const peri_str *names, const peri_str *values, const peri_jtype *types), void *self,
                          peri_err *e) {
  if (query.n > 1000000) return peri_fail(e, PERI_INVALID, "the query is longer than a million bytes");
  peri_store_enter(s);
  sqlite3_stmt *st = NULL;
  const char *tail = NULL;
  sqlite3_set_authorizer(s->db, allow, NULL);
  int rc = sqlite3_prepare_v2(s->db, query.p ? query.p : "", (int)query.n, &st, &tail);
  peri_code code = PERI_OK;
  if (rc == SQLITE_AUTH)
    code = peri_fail(e, PERI_INVALID, "only reading is allowed here: %s", sqlite3_errmsg(s->db));
  else if (rc != SQLITE_OK)
    code = (rc & 0xff) == SQLITE_ERROR ? peri_fail(e, PERI_INVALID, "%s", sqlite3_errmsg(s->db)) : peri_sql_fail(s, e, "prepare the query");
  else if (!st)
    code = peri_fail(e, PERI_INVALID, "there is no query in this text");
  else if (!sqlite3_stmt_readonly(st))
    code = peri_fail(e, PERI_INVALID, "only reading is allowed here");
  else {
    sqlite3_stmt *second = NULL;
    const char *end = query.p + query.n;
    if (sqlite3_prepare_v2(s->db, tail, (int)(end - tail), &second, NULL) != SQLITE_OK || second)
      code = peri_fail(e, PERI_INVALID, "one query at a time, please");
    sqlite3_finalize(second);
  }
  if (code == PERI_OK) code = run(s, st, row, self, e);
  sqlite3_finalize(st);
  sqlite3_set_authorizer(s->db, NULL, NULL);
  peri_store_leave(s);
  return code;
}
