/* store/kept: small things that a run keeps: values of `keep`, discovered fields, rate states, entity tags. A transaction each. */
#include "store/inside.h"
#include "json/json.h"

static peri_code write_one(peri_store *s, peri_err *e, const char *doing, const char *sql, const char *letters, peri_str a, peri_str b, peri_str c,
                           int64_t d) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) code = peri_tx_end(s, peri_exec(s, e, doing, sql, letters, a, b, c, d), e);
  peri_store_leave(s);
  return code;
}

static peri_code read_one(peri_store *s, peri_arena *a, const char *sql, const char *letters, peri_str x, peri_str y, peri_str *out, peri_err *e) {
  *out = (peri_str){NULL, 0};
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, letters, x, y);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
      *out = peri_arena_str(a, peri_col(st, 0));
    else if (rc != SQLITE_DONE)
      code = peri_sql_fail(s, e, "read what was kept");
    sqlite3_finalize(st);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_store_kept_set(peri_store *s, peri_str integration_id, peri_str settings_json, peri_err *e) {
  /* json_patch: a kept null takes the value away */
  return write_one(s, e, "keep a value",
                   "UPDATE integrations SET settings = json_set(coalesce(settings, '{}'), '$.kept',"
                   " json(json_patch(coalesce(json_extract(settings, '$.kept'), '{}'), ?2))) WHERE id = ?1",
                   "tt", integration_id, settings_json, (peri_str){NULL, 0}, 0);
}

peri_code peri_store_discovered_set(peri_store *s, peri_str integration_id, peri_str stream, peri_str fields_json, peri_err *e) {
  return write_one(s, e, "keep what was discovered",
                   "INSERT INTO discovered(integration_id, stream, fields, at_ms) VALUES(?1,?2,?3,?4)"
                   " ON CONFLICT(integration_id, stream) DO UPDATE SET at_ms = excluded.at_ms, fields = excluded.fields",
                   "ttti", integration_id, stream, fields_json, peri_now_ms());
}

peri_code peri_store_discovered(peri_store *s, peri_arena *a, peri_str integration_id, peri_str *json, int64_t *oldest_ms, peri_err *e) {
  peri_buf out = {0};
  peri_jw w;
  peri_jw_init(&w, &out);
  *oldest_ms = -1;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s, "SELECT stream, at_ms, fields FROM discovered WHERE integration_id = ?1 ORDER BY stream", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "t", integration_id);
    int rc;
    peri_jw_object(&w);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
      int64_t at = sqlite3_column_int64(st, 1);
      if (*oldest_ms < 0 || at < *oldest_ms) *oldest_ms = at;
      peri_jw_key(&w, peri_col(st, 0));
      peri_json_or_text(&w, peri_col(st, 2));
    }
    peri_jw_end_object(&w);
    if (rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read what was discovered");
    sqlite3_finalize(st);
  }
  peri_store_leave(s);
  *json = code == PERI_OK ? peri_arena_str(a, peri_buf_view(&out)) : (peri_str){NULL, 0};
  peri_buf_fini(&out);
  return code;
}

peri_code peri_store_rate_get(peri_store *s, peri_arena *a, peri_str account, peri_str *state_json, peri_err *e) {
  return read_one(s, a, "SELECT state FROM rates WHERE account = ?1", "t", account, (peri_str){NULL, 0}, state_json, e);
}

peri_code peri_store_rate_set(peri_store *s, peri_str account, peri_str state_json, peri_err *e) {
  char now[PERI_ISO_MAX];
  return write_one(s, e, "keep a rate",
                   "INSERT INTO rates(account, state, updated_at) VALUES(?1,?2,?3) ON CONFLICT(account) DO UPDATE SET state = excluded.state, "
                   "updated_at = excluded.updated_at",
                   "ttt", account, state_json, peri_str_of(peri_now(now)), 0);
}

peri_code peri_store_etag(peri_store *s, peri_arena *a, peri_str integration_id, peri_str url, peri_str *etag, peri_err *e) {
  return read_one(s, a, "SELECT etag FROM etags WHERE integration_id = ?1 AND url = ?2", "tt", integration_id, url, etag, e);
}

peri_code peri_store_etag_set(peri_store *s, peri_str integration_id, peri_str url, peri_str etag, peri_err *e) {
  return write_one(
      s, e, "keep an entity tag",
      "INSERT INTO etags(integration_id, url, etag) VALUES(?1,?2,?3) ON CONFLICT(integration_id, url) DO UPDATE SET etag = excluded.etag", "ttt",
      integration_id, url, etag, 0);
}
