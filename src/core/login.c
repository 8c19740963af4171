/* core/login: see the header. Sends credentials only to hosts that the operator trusted, asks for every other one, and follows no redirect. */
#include "core/login.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/account.h"
#include "core/holes.h"
#include "core/login_io.h"
#include "core/prepare.h"
#include "core/trust.h"

/* ---- hosts ---- */

/* The address may be used, or the operator says so now. */
static peri_code allow(peri_login *l, peri_str url, const char *why, peri_err *e) {
  bool special, plain;
  if (!url.n || peri_integration_allows(l->in, url, &special, &plain, NULL) == PERI_OK) return PERI_OK;
  peri_str host = peri_trust_host(l->arena, url);
  if (!l->confirm || !l->confirm(l->confirm_self, host, why))
    return peri_fail(e, PERI_HOST_NOT_TRUSTED, "%s of '%.*s' is %.*s, a host that was not trusted when it was added; if it is right: perilune auth %.*s --trust %.*s", why,
                     PERI_S(l->connector->name), PERI_S(host), PERI_S(l->in->name), PERI_S(host));
  peri_buf json = {0};
  peri_code code = peri_trust_more(l->in, url, &json, e);
  if (!code) {
    l->trusted = peri_arena_str(l->arena, peri_buf_view(&json));
    peri_integration_trust(l->in, l->trusted);
  }
  peri_buf_fini(&json);
  return code;
}

/* ---- what the connector says ---- */

static const char *pick_grant(const peri_login *l, const char *wanted, peri_err *e) {
  static const char *const grants[] = {"code", "device", "client_credentials", "jwt"}, *const inside[] = {"code", "device_code", "client_credentials", "jwt"};
  const peri_node *list = peri_node_get(l->auth->node, "grants");
  const peri_secrets *s = l->in->secrets;
  if (!wanted || !*wanted) {
    wanted = peri_auth_offers(l->auth, "jwt") && peri_secrets_has(s, PERI_STR("privateKey")) ? "jwt" : NULL; /* a key is given for nothing else */
    for (size_t i = 0; !wanted && list && i < list->item_count; i++)
      for (size_t k = 0; k < 4; k++)
        if (!wanted && peri_str_is(peri_node_text(list->items[i]), grants[k])) wanted = grants[k];
    for (size_t k = 0; !wanted && k < 4; k++)
      if (peri_auth_offers(l->auth, grants[k])) wanted = grants[k];
  }
  for (size_t k = 0; wanted && k < 4; k++) {
    bool by_issuer = peri_node_get(l->auth->node, "issuer") && !strcmp(wanted, "device"); /* its document says whether it does */
    if (!strcmp(wanted, grants[k]) && (by_issuer || peri_auth_offers(l->auth, wanted))) return inside[k];
  }
  peri_fail(e, PERI_INVALID, "connector %.*s does not offer a login by %s (its grants are in %.*s)", PERI_S(l->connector->name), wanted ? wanted : "any grant", PERI_S(l->connector->path));
  return NULL;
}

static peri_str joined_scopes(peri_arena *a, const peri_node *n) {
  peri_buf out = {0};
  if (n && n->type == PERI_N_TEXT) peri_buf_str(&out, n->u.text);
  for (size_t i = 0; n && i < n->item_count; i++) {
    if (i) peri_buf_char(&out, ' ');
    peri_buf_str(&out, peri_node_text(n->items[i]));
  }
  peri_str text = peri_arena_str(a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return text;
}

static peri_code fill_options(peri_login *l, peri_err *e) {
  peri_fill fill = {.connector = l->connector, .settings = l->in->settings, .since = INT64_MIN, .upto = INT64_MIN};
  peri_scope s;
  peri_scope_init(&s, l->arena, l->connector, NULL, &fill, e);
  const peri_node *options = l->auth->node, *params = peri_node_get(options, "params"), *n;
  l->scope = joined_scopes(l->arena, peri_node_get(options, "scopes"));
  if ((n = peri_node_get(options, "subject"))) peri_hole_text(l->arena, peri_hole_json(&s, n), PERI_STR(","), &l->subject);
  if ((n = peri_node_get(options, "audience"))) peri_hole_text(l->arena, peri_hole_json(&s, n), PERI_STR(","), &l->audience);
  size_t count = params ? params->member_count : 0;
  l->names = peri_arena_take(l->arena, (count + 1) * sizeof *l->names);
  l->values = peri_arena_take(l->arena, (count + 1) * sizeof *l->values);
  for (size_t i = 0; i < count; i++) {
    const peri_json *v = peri_hole_json(&s, params->members[i].value);
    if (!v || !peri_hole_text(l->arena, v, PERI_STR(","), &l->values[l->param_count])) continue; /* absent: left out */
    l->names[l->param_count++] = params->members[i].key;
  }
  return s.code;
}

static peri_code written(peri_login *l, const char *option, peri_str *out, peri_err *e) {
  return peri_connector_auth_url(l->arena, l->connector, l->auth, option, l->in->settings, l->in->base_url, out, e);
}

static peri_code discover(peri_engine *g, peri_login *l, peri_err *e) {
  peri_str urls[3], body = {NULL, 0};
  peri_provider p;
  int status = 0;
  peri_code code = allow(l, l->issuer, "the issuer", e);
  size_t count = peri_discovery_urls(l->arena, l->issuer, urls);
  for (size_t i = 0; i < count && !code && status != 200; i++) code = peri_login_get(g, l->in, l->arena, urls[i], &status, &body, e);
  if (!code && status != 200) code = peri_fail(e, PERI_API_ERROR, "%.*s answered %d; the issuer has no discovery document there", PERI_S(urls[0]), status);
  if (!code) code = peri_discovery_read(l->arena, l->issuer, body, &p, e);
  if (code) return code;
  l->issuer = p.issuer;
  l->issuer_must = p.issuer_in_redirect;
  l->found = !l->token_url.n;
  if (!l->authorize.n) l->authorize = p.authorize;
  if (!l->token_url.n) l->token_url = p.token;
  if (!l->device_url.n) l->device_url = p.device;
  if (!l->revoke_url.n) l->revoke_url = p.revoke;
  if (!peri_node_get(l->auth->node, "client_auth")) l->client_auth = p.client_auth;
  return PERI_OK;
}

static peri_code find_endpoints(peri_engine *g, peri_login *l, peri_err *e) {
  peri_code code = written(l, "issuer", &l->issuer, e);
  if (!code) code = written(l, "authorize", &l->authorize, e);
  if (!code) code = written(l, "token", &l->token_url, e);
  if (!code) code = written(l, "device", &l->device_url, e);
  if (!code) code = written(l, "revoke", &l->revoke_url, e);
  l->client_auth = l->auth->client_auth;
  if (!code && l->issuer.n) code = discover(g, l, e);
  if (code) return code;
  if (!peri_secrets_has(l->in->secrets, PERI_STR("clientSecret"))) l->client_auth = PERI_STR("none");
  bool browser = !strcmp(l->grant, "code"), device = !strcmp(l->grant, "device_code");
  const char *missing = !l->token_url.n ? "token" : browser && !l->authorize.n ? "authorize" : device && !l->device_url.n ? "device" : NULL;
  if (missing) return peri_fail(e, PERI_INVALID, "%.*s names no %s endpoint%s", PERI_S(l->connector->name), missing, l->issuer.n ? ", and neither does its issuer" : "");
  code = allow(l, l->token_url, "the token endpoint", e);
  if (!code && browser) code = allow(l, l->authorize, "the page where the user agrees", e);
  if (!code && device) code = allow(l, l->device_url, "the device endpoint", e);
  return code;
}

/* ---- opening ---- */

static peri_code load(peri_engine *g, const peri_project *project, peri_str name, peri_login *l, peri_err *e) {
  peri_code code = peri_integration_open(g->store, g->vault, name, &l->in, e);
  if (code) return code;
  char type[128];
  snprintf(type, sizeof type, "%.*s", PERI_S(l->in->type));
  peri_scripts_want want = {.type = type};
  code = peri_scripts_load(project, g->store, &want, &l->scripts, e);
  if (!code && !l->scripts->connector) code = peri_scripts_need(l->scripts, l->in->type, e);
  if (code) return code;
  if (!l->scripts->connector) return peri_fail(e, PERI_NOT_FOUND, "there is no connector %s", type);
  l->connector = l->scripts->connector;
  peri_connector_settle(l->scripts->arena, l->scripts->connector, l->in->settings);
  for (size_t i = 0; i < l->connector->auth_count && !l->auth; i++)
    if (l->connector->auths[i].kind == PERI_AUTH_OAUTH2) l->auth = &l->connector->auths[i];
  if (!l->auth)
    return peri_fail(e, PERI_INVALID, "connector %s has no oauth2, so there is no login; give its credential: perilune set %.*s --credential NAME=-", type, PERI_S(l->in->name));
  if (!peri_secrets_has(l->in->secrets, l->auth->client))
    return peri_fail(e, PERI_CREDENTIALS_REFUSED, "the app's id is missing: perilune set %.*s --credential %.*s=… --credential clientSecret=@FILE", PERI_S(l->in->name),
                     PERI_S(l->auth->client));
  return PERI_OK;
}

peri_code peri_login_open(peri_engine *g, const peri_project *project, peri_str name, const char *grant, bool (*confirm)(void *self, peri_str host, const char *why),
                          void *confirm_self, peri_login **out, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_login *l = peri_arena_take(a, sizeof *l);
  l->arena = a;
  l->confirm = confirm;
  l->confirm_self = confirm_self;
  peri_code code = load(g, project, name, l, e);
  if (!code) {
    l->grant = pick_grant(l, grant, e);
    code = l->grant ? fill_options(l, e) : e->code;
  }
  if (!code) code = find_endpoints(g, l, e);
  if (code) {
    peri_login_close(l);
    return code;
  }
  *out = l;
  return PERI_OK;
}

void peri_login_close(peri_login *l) {
  if (!l) return;
  peri_wipe(&l->token_body);
  peri_buf_fini(&l->token_body);
  peri_scripts_close(l->scripts);
  peri_integration_close(l->in);
  explicit_bzero(l->browser.verifier, sizeof l->browser.verifier);
  peri_arena_free(l->arena);
}

/* ---- the user's part ---- */

static peri_code begin_browser(peri_login *l, peri_str redirect, peri_err *e) {
  peri_buf id = {0};
  peri_url url;
  if (!peri_url_read(l->arena, redirect, &url, e)) {
    peri_err_prefix(e, "the redirect");
    return e->code;
  }
  peri_attach_raw(l->in->secrets, l->auth->client, &id);
  peri_browser_begin(&l->browser, l->arena, redirect, l->issuer, l->issuer_must, peri_now_ms());
  bool pkce = peri_node_opt_bool(l->auth->node, "pkce", true);
  l->url = peri_browser_url(&l->browser, l->arena, l->authorize, peri_buf_view(&id), l->scope, pkce, l->names, l->values, l->param_count);
  if (!pkce) l->browser.verifier[0] = 0;
  peri_wipe(&id);
  peri_buf_fini(&id);
  return PERI_OK;
}

static peri_str settled_redirect(const peri_login *l, peri_str given) { return given.n ? given : peri_node_opt_text(l->auth->node, "redirect"); }

peri_code peri_login_manual(peri_login *l, peri_str redirect, peri_err *e) {
  redirect = settled_redirect(l, redirect);
  /* nobody listens there: the browser shows an error, and its address bar holds what is wanted */
  return begin_browser(l, redirect.n ? redirect : PERI_STR("http://127.0.0.1:8123/callback"), e);
}

peri_code peri_login_browser(peri_engine *g, peri_login *l, int port, peri_str redirect, void (*told)(void *self), void *self, peri_err *e) {
  peri_url url;
  redirect = settled_redirect(l, redirect);
  if (redirect.n) {
    if (!peri_url_read(l->arena, redirect, &url, e)) {
      peri_err_prefix(e, "the redirect");
      return e->code;
    }
    bool here = peri_str_is(url.host, "127.0.0.1") || peri_str_is(url.host, "localhost") || peri_str_is(url.host, "[::1]");
    if (here && peri_str_is(url.scheme, "http") && !port) port = url.port;
    else if (!port)
      return peri_fail(e, PERI_USAGE, "the redirect %.*s does not lead to this machine; paste what comes there with --manual, or say with --port where it is forwarded to",
                       PERI_S(redirect));
  }
  peri_callback *door = NULL;
  peri_code code = peri_callback_open(g, port, &port, &l->browser, &door, e);
  if (code) return code;
  if (!redirect.n) redirect = peri_arena_fmt(l->arena, "http://127.0.0.1:%d/callback", port);
  code = begin_browser(l, redirect, e);
  if (!code) {
    told(self);
    code = peri_callback_wait(door, e);
  }
  peri_callback_close(door);
  return code;
}

peri_code peri_login_device(peri_engine *g, peri_login *l, void (*told)(void *self), void *self, peri_err *e) {
  peri_token_request q = {.client = l->auth->client, .client_auth = l->client_auth};
  peri_buf form = {0};
  if (l->scope.n) peri_form_put(&form, PERI_STR("scope"), l->scope);
  for (size_t i = 0; i < l->param_count; i++) peri_form_put(&form, l->names[i], l->values[i]);
  int status = 0;
  peri_str body = {NULL, 0};
  peri_code code = peri_login_post(g, l->in, l->arena, &q, &form, l->device_url, &status, &body, e);
  if (!code) code = peri_device_read(l->arena, status, body, peri_now_ms(), &l->device, e);
  if (code) return code;
  told(self);
  q.grant = PERI_STR("device_code");
  q.device_code = l->device.device_code;
  peri_device_step step = PERI_DEVICE_WAIT;
  while (!code && step == PERI_DEVICE_WAIT) {
    code = peri_login_sleep(g, l->device.interval_ms, e);
    if (code) break;
    l->asked_ms = peri_now_ms();
    peri_err why = {0};
    peri_arena *a = peri_arena_new();
    peri_code failed = peri_login_post(g, l->in, a, &q, NULL, l->token_url, &status, &body, &why);
    if (failed == PERI_INTERRUPTED || failed == PERI_CREDENTIALS_REFUSED || failed == PERI_HOST_NOT_TRUSTED) {
      *e = why;
      code = failed;
    } else {
      step = peri_device_answer(&l->device, failed != PERI_OK, status, body, peri_now_ms(), e);
      if (step == PERI_DEVICE_ENDED) code = e->code;
      if (step == PERI_DEVICE_TOKEN) {
        l->token_status = status;
        peri_buf_room(&l->token_body, body.n);
        peri_buf_str(&l->token_body, body);
      }
    }
    peri_arena_free(a);
  }
  return code;
}
