/* store/rows: answers of SQLite as JSON texts, column names as keys. Refuses to pass on text that only claims to be JSON: it is quoted then. */
#include "store/inside.h"
#include "json/json.h"

void peri_json_or_text(void *jw, peri_str text) {
  peri_jw *w = jw;
  peri_json_fault fault;
  peri_span value;
  if (!text.p)
    peri_jw_null(w);
  else if (peri_json_check(text, &value, &fault))
    peri_jw_raw(w, text);
  else
    peri_jw_text(w, text);
}

void peri_row_json(sqlite3_stmt *st, const char *letters, void *jw) {
  peri_jw *w = jw;
  peri_jw_object(w);
  int columns = sqlite3_column_count(st);
  for (int i = 0; i < columns && letters[i]; i++) {
    if (letters[i] == '-') continue;
    peri_jw_key_c(w, sqlite3_column_name(st, i));
    bool null = sqlite3_column_type(st, i) == SQLITE_NULL;
    if (letters[i] == 'j')
      peri_json_or_text(w, peri_col(st, i));
    else if (null)
      peri_jw_null(w);
    else if (letters[i] == 'i')
      peri_jw_int(w, sqlite3_column_int64(st, i));
    else if (letters[i] == 'd')
      peri_jw_double(w, sqlite3_column_double(st, i));
    else if (letters[i] == 'b')
      peri_jw_bool(w, sqlite3_column_int64(st, i) != 0);
    else
      peri_jw_text(w, peri_col(st, i));
  }
  peri_jw_end_object(w);
}

peri_code peri_rows_json(peri_store *s, sqlite3_stmt *st, const char *letters, peri_buf *out, peri_err *e) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_array(&w);
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) peri_row_json(st, letters, &w);
  peri_jw_end_array(&w);
  peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read the database");
  sqlite3_finalize(st);
  return code;
}
