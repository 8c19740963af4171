/* core/tokens: what is known of an integration's token, and how new ones are kept. Sends nothing. Refuses to believe times that cannot be: a clock that
 * was wrong when a token came must not make it eternal, nor have it renewed with every request. */
#include "base/clock.h"
#include "core/account.h"

#define LIFE_S_MAX (400LL * 86400) /* longer is no expiry at all, and maybe milliseconds by mistake */

peri_code peri_token_facts_read(peri_store *store, peri_arena *a, peri_str integration_id, peri_token_facts *out, peri_err *e) {
  const peri_json *t = NULL;
  *out = (peri_token_facts){.obtained_ms = -1, .life_ms = -1, .refreshing_ms = -1};
  peri_code code = peri_store_token(store, a, integration_id, &t, e);
  if (code || !t) return code;
  out->grant = peri_json_get_text(t, "grant");
  out->client_auth = peri_json_get_text(t, "clientAuth");
  out->token_url = peri_json_get_text(t, "tokenUrl");
  out->scope = peri_json_get_text(t, "scope");
  out->audience = peri_json_get_text(t, "audience");
  out->subject = peri_json_get_text(t, "subject");
  out->refreshing_ms = peri_json_get_int(t, "refreshing", -1);
  int64_t obtained = peri_json_get_int(t, "obtainedMs", -1), life = peri_json_get_int(t, "lifeMs", -1);
  if (obtained > 0 && life > 0 && life <= LIFE_S_MAX * 1000) out->obtained_ms = obtained, out->life_ms = life;
  return PERI_OK;
}

peri_str peri_token_grant(const peri_token_facts *f, const peri_secrets *s, const peri_auth *auth) {
  if (!auth || auth->kind != PERI_AUTH_OAUTH2 || !peri_secrets_has(s, auth->client)) return (peri_str){NULL, 0};
  if (!auth->token_url && !f->token_url.n) return (peri_str){NULL, 0}; /* known by its issuer, and nobody has logged in yet */
  if (peri_str_is(f->grant, "client_credentials") || peri_str_is(f->grant, "jwt")) return f->grant;
  if (peri_secrets_has(s, PERI_STR("refreshToken"))) return PERI_STR("refresh_token");
  if (f->grant.n) return (peri_str){NULL, 0}; /* a person logged in: a token of the app's own would be somebody else's */
  if (peri_auth_offers(auth, "jwt") && peri_secrets_has(s, PERI_STR("privateKey"))) return PERI_STR("jwt");
  if (peri_auth_offers(auth, "client_credentials") && peri_secrets_has(s, PERI_STR("clientSecret"))) return PERI_STR("client_credentials");
  return (peri_str){NULL, 0};
}

peri_code peri_token_needed(peri_store *store, const peri_integration *in, const peri_auth *auth, peri_err *e) {
  if (!auth || auth->kind != PERI_AUTH_OAUTH2 || peri_secrets_has(in->secrets, auth->secret)) return PERI_OK;
  peri_arena *a = peri_arena_new();
  peri_token_facts facts;
  peri_code code = peri_token_facts_read(store, a, in->id, &facts, e);
  bool alone = !code && peri_token_grant(&facts, in->secrets, auth).n;
  peri_arena_free(a);
  if (code || alone) return code;
  return peri_fail(e, PERI_NEEDS_REAUTH, "'%.*s' has no token yet; log in with: perilune auth %.*s", PERI_S(in->name), PERI_S(in->name));
}

static void put_fact(peri_jw *w, const char *key, peri_str text) {
  peri_jw_key_c(w, key);
  if (text.n) peri_jw_text(w, text);
  else peri_jw_null(w);
}

int64_t peri_token_life_ms(const peri_oauth_tokens *t) { return t->expires_in_s > 0 && t->expires_in_s <= LIFE_S_MAX ? t->expires_in_s * 1000 : -1; }

static void put_token(peri_jw *w, const peri_oauth_tokens *t, const peri_token_facts *f, int64_t asked_ms) {
  peri_jw_object(w);
  if (f) {
    put_fact(w, "grant", f->grant);
    put_fact(w, "clientAuth", f->client_auth);
    put_fact(w, "tokenUrl", f->token_url);
    put_fact(w, "scope", f->scope);
    put_fact(w, "audience", f->audience);
    put_fact(w, "subject", f->subject);
  }
  peri_jw_kv_int(w, "obtainedMs", asked_ms);
  peri_jw_key_c(w, "lifeMs");
  int64_t life_ms = peri_token_life_ms(t);
  if (life_ms > 0) peri_jw_int(w, life_ms);
  else peri_jw_null(w);
  peri_jw_key_c(w, "refreshing");
  peri_jw_null(w);
  peri_jw_end_object(w);
}

/* `keep` of oauth2: values of the token's reply that become settings. */
static bool put_kept(peri_jw *w, const peri_auth *auth, const peri_json *reply) {
  const peri_node *keep = auth && auth->node ? peri_node_get(auth->node, "keep") : NULL;
  bool any = false;
  peri_jw_object(w);
  for (size_t i = 0; keep && i < keep->member_count; i++) {
    const peri_json *v = peri_json_at(reply, peri_node_text(keep->members[i].value));
    if (!v || v->type == PERI_J_NULL) continue;
    any = true;
    peri_jw_key(w, keep->members[i].key);
    peri_jw_raw(w, v->raw);
  }
  peri_jw_end_object(w);
  return any;
}

peri_code peri_tokens_keep(peri_store *store, peri_vault *vault, const peri_auth *auth, peri_str integration_id, const peri_oauth_tokens *t, const peri_token_facts *f,
                           int64_t asked_ms, bool activate, peri_err *e) {
  peri_str names[2] = {PERI_STR("accessToken"), PERI_STR("refreshToken")}, values[2] = {t->access_token, t->refresh_token};
  peri_buf sealed = {0}, token = {0}, kept = {0};
  peri_jw w;
  peri_jw_init(&w, &token);
  put_token(&w, t, f, asked_ms);
  peri_jw_init(&w, &kept);
  bool keep = put_kept(&w, auth, t->reply);
  peri_code code = peri_integration_seal(vault, integration_id, NULL, names, values, t->refresh_token.n ? 2 : 1, &sealed, e);
  if (!code && f && !t->refresh_token.n) { /* a login without one: the refresh token of the login before it is no longer ours */
    sealed.n--;
    peri_buf_c_str(&sealed, ",\"refreshToken\":null}");
  }
  peri_token_write all = {.credentials_json = peri_buf_view(&sealed),
                          .token_json = peri_buf_view(&token),
                          .kept_json = keep ? peri_buf_view(&kept) : (peri_str){NULL, 0},
                          .status = activate ? "active" : NULL};
  if (!code) code = peri_store_tokens_set(store, integration_id, &all, e);
  peri_buf_fini(&sealed);
  peri_buf_fini(&token);
  peri_buf_fini(&kept);
  return code;
}
