/* core/login_keep: the second half of a login: the code becomes tokens, and these are kept; and their end, when an integration is removed.
 * Keeps nothing of a login that brings a host which nobody trusted. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/account.h"
#include "core/holes.h"
#include "core/login.h"
#include "core/login_io.h"
#include "core/prepare.h"
#include "core/trust.h"

/* ---- the host that a login brings ---- */

/* Settings as they will be once the reply's values are kept. */
static const peri_json *future_settings(peri_login *l, const peri_json *reply) {
  const peri_node *keep = peri_node_get(l->auth->node, "keep");
  peri_json *out = peri_json_new(l->arena, PERI_J_OBJECT, (peri_str){NULL, 0});
  for (const peri_json *m = l->in->settings ? l->in->settings->first : NULL; m; m = m->next) {
    peri_json *copy = peri_arena_take(l->arena, sizeof *copy);
    *copy = *m;
    copy->next = NULL;
    peri_json_member(l->arena, out, m->key, copy);
  }
  for (size_t i = 0; keep && i < keep->member_count; i++) {
    const peri_json *v = peri_json_at(reply, peri_node_text(keep->members[i].value));
    if (!v || v->type == PERI_J_NULL) continue;
    peri_json *copy = peri_arena_take(l->arena, sizeof *copy);
    *copy = *v;
    copy->next = NULL;
    peri_json_member(l->arena, out, keep->members[i].key, copy);
  }
  return out;
}

/* The base may be what the login told (Salesforce's instance_url). It is trusted where the connector's `hosts` name it, else the operator is asked. */
static peri_code trust_base(peri_login *l, const peri_json *reply, peri_err *e) {
  peri_str base;
  peri_url url;
  bool special, plain;
  peri_code code = peri_connector_base(l->arena, l->connector, future_settings(l, reply), l->in->base_url, &base, e);
  if (code) return code;
  if (peri_integration_allows(l->in, base, &special, &plain, NULL) == PERI_OK) return PERI_OK;
  if (!peri_url_read(l->arena, base, &url, e)) return e->code;
  peri_str host = peri_trust_host(l->arena, base);
  bool brought = peri_base_after_login(l->connector, l->auth, NULL) && peri_str_is(url.scheme, "https") && url.port == 443 && peri_trust_pattern(l->connector, url.host);
  if (!brought && !(l->confirm && l->confirm(l->confirm_self, host, "the API")))
    return peri_fail(e, PERI_HOST_NOT_TRUSTED, "the API of '%.*s' is %.*s, a host that was not trusted when it was added; if it is right: perilune auth %.*s --trust %.*s",
                     PERI_S(l->in->name), PERI_S(host), PERI_S(l->in->name), PERI_S(host));
  peri_buf json = {0};
  code = peri_trust_more(l->in, base, &json, e);
  if (!code) l->trusted = peri_arena_str(l->arena, peri_buf_view(&json));
  peri_buf_fini(&json);
  return code;
}

/* ---- tokens ---- */

static peri_code read_tokens(peri_login *l, int status, peri_str body, peri_oauth_tokens *t, peri_err *e) {
  peri_code code = peri_oauth_read(l->arena, status, body, peri_node_opt_text(l->auth->node, "expires"), t, e);
  if (!code || code == PERI_RATE_LIMITED || status >= 500) return code;
  peri_json_fault fault;
  const peri_json *j = peri_json_parse(l->arena, body, &fault);
  peri_str error = peri_json_str(peri_json_get(j, "error")), text = peri_json_get_text(j, "error_description");
  if (!text.n) text = peri_json_get_text(j, "message");
  if (!error.n) return code == PERI_NEEDS_REAUTH ? peri_fail(e, PERI_CREDENTIALS_REFUSED, "%s", e->text) : code;
  bool by_person = !strcmp(l->grant, "code") || !strcmp(l->grant, "device_code");
  if (peri_str_is(error, "invalid_grant") && !by_person) {
    char said[300];
    size_t n = text.n < sizeof said ? text.n : sizeof said - 1;
    memcpy(said, text.n ? text.p : "", n);
    return peri_fail(e, PERI_CREDENTIALS_REFUSED, "the provider gives this client no token by %s (invalid_grant: %.*s)", l->grant, (int)peri_redact(said, n), said);
  }
  return peri_auth_refusal(error, text, e);
}

static peri_code ask_tokens(peri_engine *g, peri_login *l, peri_oauth_tokens *t, peri_err *e) {
  if (l->token_body.n) return read_tokens(l, l->token_status, peri_buf_view(&l->token_body), t, e);
  bool code_grant = !strcmp(l->grant, "code");
  peri_token_request q = {.grant = peri_str_of(l->grant),
                          .client = l->auth->client,
                          .client_auth = l->client_auth,
                          .token_url = l->token_url,
                          .now_ms = peri_now_ms(),
                          .names = l->names,
                          .values = l->values,
                          .extra_count = l->param_count};
  if (code_grant) q.code = l->browser.code, q.redirect_uri = l->browser.redirect, q.verifier = peri_str_of(l->browser.verifier);
  else q.scope = l->scope, q.audience = l->audience, q.subject = l->subject;
  int status = 0;
  peri_str body = {NULL, 0};
  l->asked_ms = q.now_ms;
  peri_code code = peri_login_post(g, l->in, l->arena, &q, NULL, l->token_url, &status, &body, e);
  if (!code) code = read_tokens(l, status, body, t, e);
  explicit_bzero((char *)(uintptr_t)body.p, body.n);
  return code;
}

peri_code peri_login_exchange(peri_engine *g, peri_login *l, peri_err *e) {
  peri_code code = ask_tokens(g, l, &l->tokens, e);
  return code ? code : trust_base(l, l->tokens.reply, e);
}

static peri_code keep(peri_engine *g, peri_login *l, const peri_oauth_tokens *t, peri_err *e) {
  bool by_person = !strcmp(l->grant, "code") || !strcmp(l->grant, "device_code"), anew = !by_person;
  peri_token_facts facts = {.grant = anew ? peri_str_of(l->grant) : t->refresh_token.n ? PERI_STR("refresh_token") : PERI_STR("code"),
                            .client_auth = l->client_auth,
                            .token_url = l->found ? l->token_url : (peri_str){NULL, 0},
                            .scope = anew ? l->scope : (peri_str){NULL, 0},
                            .audience = anew ? l->audience : (peri_str){NULL, 0},
                            .subject = anew ? l->subject : (peri_str){NULL, 0}};
  peri_code code = PERI_OK;
  if (l->trusted.n) code = peri_integration_set(g->store, l->in->id, (peri_str){0}, (peri_str){0}, (peri_str){0}, l->trusted, (peri_str){0}, e);
  if (!code) code = peri_tokens_keep(g->store, g->vault, l->auth, l->in->id, t, &facts, l->asked_ms, false, e);
  if (!code) peri_log(PERI_INFO, "auth", "%.*s is logged in by %s expires_in_s=%lld", PERI_S(l->in->name), l->grant, (long long)t->expires_in_s);
  return code;
}

/* ---- the check, and the result ---- */

/* A server that is away says nothing about the login: only a refusal leaves the integration waiting for a better one. */
static peri_code check(peri_engine *g, const peri_project *project, peri_login *l, peri_buf *checked, peri_err *e) {
  peri_err why = {0};
  peri_code code = l->connector->check ? peri_check(g, project, l->in->name, checked, &why) : PERI_OK;
  bool refused = code == PERI_CREDENTIALS_REFUSED || code == PERI_SCOPE_MISSING || code == PERI_NEEDS_REAUTH || code == PERI_HOST_NOT_TRUSTED;
  if (code) peri_err_prefix(&why, "the login is kept, but the check of the connection failed");
  if (!refused && !peri_str_is(l->in->status, "paused") && (code || !l->connector->check)) {
    peri_err ignored;
    peri_integration_set(g->store, l->in->id, (peri_str){0}, (peri_str){0}, (peri_str){0}, (peri_str){0}, PERI_STR("active"), &ignored);
  }
  if (code) *e = why;
  return code;
}

peri_code peri_login_finish(peri_engine *g, const peri_project *project, peri_login *l, peri_buf *json, peri_err *e) {
  peri_oauth_tokens t = l->tokens;
  peri_buf checked = {0};
  peri_code code = keep(g, l, &t, e);
  if (!code) code = check(g, project, l, &checked, e);
  if (!code) {
    peri_jw w;
    char iso[PERI_ISO_MAX];
    bool renews = t.refresh_token.n || !strcmp(l->grant, "client_credentials") || !strcmp(l->grant, "jwt");
    peri_jw_init(&w, json);
    peri_jw_object(&w);
    peri_jw_kv(&w, "name", l->in->name);
    peri_jw_kv_c(&w, "grant", !strcmp(l->grant, "device_code") ? "device" : l->grant);
    peri_jw_kv_bool(&w, "renews", renews);
    peri_jw_key_c(&w, "expiresAt");
    peri_jw_c(&w, t.expires_in_s > 0 ? peri_iso(l->asked_ms + t.expires_in_s * 1000, iso) : NULL);
    peri_jw_kv_c(&w, "status", peri_str_is(l->in->status, "paused") ? "paused" : "active");
    if (checked.n) peri_jw_kv_raw(&w, "check", peri_buf_view(&checked));
    peri_jw_end_object(&w);
  }
  peri_buf_fini(&checked);
  return code;
}

/* ---- the end ---- */

static bool never(void *self, peri_str host, const char *why) {
  (void)self, (void)host, (void)why;
  return false;
}

static bool worth_revoking(peri_engine *g, peri_str name, peri_err *e, peri_code *code) {
  peri_integration *in = NULL;
  *code = peri_integration_open(g->store, g->vault, name, &in, e);
  if (*code) return false;
  peri_token_facts facts;
  *code = peri_token_facts_read(g->store, in->arena, in->id, &facts, e);
  bool worth = !*code && (peri_secrets_has(in->secrets, PERI_STR("refreshToken")) || (facts.grant.n && peri_secrets_has(in->secrets, PERI_STR("accessToken"))));
  peri_integration_close(in);
  return worth;
}

peri_code peri_login_revoke(peri_engine *g, const peri_project *project, peri_str name, bool *done, peri_err *e) {
  *done = false;
  peri_login *l = NULL;
  peri_code code;
  if (!worth_revoking(g, name, e, &code)) return code;
  code = peri_login_open(g, project, name, NULL, never, NULL, &l, e);
  if (code) return code;
  bool refresh = peri_secrets_has(l->in->secrets, PERI_STR("refreshToken"));
  peri_buf form = {0}, token = {0};
  if (l->revoke_url.n && peri_attach_raw(l->in->secrets, refresh ? PERI_STR("refreshToken") : PERI_STR("accessToken"), &token)) {
    int status = 0;
    peri_str body;
    peri_token_request q = {.client = l->auth->client, .client_auth = l->client_auth};
    peri_buf_room(&form, token.n * 3 + 4096);
    peri_form_put(&form, PERI_STR("token"), peri_buf_view(&token));
    peri_form_put(&form, PERI_STR("token_type_hint"), refresh ? PERI_STR("refresh_token") : PERI_STR("access_token"));
    code = peri_login_post(g, l->in, l->arena, &q, &form, l->revoke_url, &status, &body, e);
    *done = !code && status >= 200 && status < 300;
    if (!code && !*done) code = peri_fail(e, PERI_API_ERROR, "the revocation endpoint answered %d", status);
  }
  peri_wipe(&token);
  peri_buf_fini(&token);
  peri_login_close(l);
  return code;
}
