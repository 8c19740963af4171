/* store/token: what is known of an integration's token (no secret), and the one transaction that replaces tokens. On disk when it returns
 * (synchronous = FULL), because a token endpoint that rotates has forgotten the old one already. */
#include "store/inside.h"

static peri_code change(peri_store *s, peri_str id, const peri_token_write *w, peri_err *e) {
  peri_code code = w->credentials_json.n ? peri_credentials_merge(s, id, w->credentials_json, e) : PERI_OK;
  if (!code && w->token_json.n) /* json_patch: a null takes a member away */
    code = peri_exec(s, e, "note a token", "UPDATE integrations SET token = json_patch(coalesce(token, '{}'), ?2) WHERE id = ?1", "tt", id, w->token_json);
  if (!code && w->kept_json.n)
    code = peri_exec(s, e, "keep a value",
                     "UPDATE integrations SET settings = json_set(coalesce(settings, '{}'), '$.kept',"
                     " json(json_patch(coalesce(json_extract(settings, '$.kept'), '{}'), ?2))) WHERE id = ?1",
                     "tt", id, w->kept_json);
  if (!code && w->status)
    code = peri_exec(s, e, "note the token's state",
                     "UPDATE integrations SET status = ?2 WHERE id = ?1 AND status NOT IN ('paused', 'removing', 'removed')", "tc", id, w->status);
  return code;
}

peri_code peri_store_tokens_set(peri_store *s, peri_str integration_id, const peri_token_write *w, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) code = peri_tx_end(s, change(s, integration_id, w, e), e);
  peri_store_leave(s);
  return code;
}

peri_code peri_store_token(peri_store *s, peri_arena *a, peri_str integration_id, const peri_json **token, peri_err *e) {
  *token = NULL;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s, "SELECT token FROM integrations WHERE id = ?1 AND token IS NOT NULL", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "t", integration_id);
    int rc = sqlite3_step(st);
    peri_json_fault fault;
    if (rc == SQLITE_ROW)
      *token = peri_json_parse(a, peri_arena_str(a, peri_col(st, 0)), &fault);
    else if (rc != SQLITE_DONE)
      code = peri_sql_fail(s, e, "read what is known of a token");
    sqlite3_finalize(st);
  }
  peri_store_leave(s);
  return code;
}
