/* core/auth: see the header. Believes nothing that a browser brings: texts are made printable before a terminal and escaped before a page sees them. */
#include "core/auth.h"

#include <stdio.h>

#include "base/log.h"
#include "base/uuid.h"
#include "net/http.h"

#define CODE_BYTES_MAX 4096 /* codes are short; some are signed texts */
#define DEVICE_INTERVAL_MS 5000
#define DEVICE_INTERVAL_MS_MAX 60000

/* ---- texts of others ---- */

/* At most 300 bytes of whole characters, controls as spaces, known secrets blotted. */
static peri_str printable(peri_str text, char out[320]) {
  size_t n = text.n < 300 ? text.n : 300;
  while (n && !peri_utf8_valid((peri_str){text.p, n})) n--;
  for (size_t i = 0; i < n; i++) out[i] = (unsigned char)text.p[i] < 32 || text.p[i] == 127 ? ' ' : text.p[i];
  return peri_str_trim((peri_str){out, peri_redact(out, n)});
}

static void put_escaped(peri_buf *b, peri_str text) {
  for (size_t i = 0; i < text.n; i++) switch (text.p[i]) {
    case '&': peri_buf_c_str(b, "&amp;"); break;
    case '<': peri_buf_c_str(b, "&lt;"); break;
    case '>': peri_buf_c_str(b, "&gt;"); break;
    case '"': peri_buf_c_str(b, "&quot;"); break;
    case '\'': peri_buf_c_str(b, "&#39;"); break;
    default: peri_buf_char(b, text.p[i]);
    }
}

void peri_browser_page(peri_buf *page, const char *title, peri_str text, bool good) {
  peri_buf_fmt(page,
               "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>perilune</title><meta name=\"viewport\" content=\"width=device-width\">"
               "<body style=\"font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em\"><h1 style=\"font-size:1.4em;color:%s\">%s</h1><p>",
               good ? "#17643a" : "#8f1d1d", title);
  put_escaped(page, text);
  peri_buf_c_str(page, "</p></body></html>\n");
}

peri_code peri_auth_refusal(peri_str error, peri_str description, peri_err *e) {
  static const struct {
    const char *word, *meaning;
    peri_code code;
  } known[] = {
      {"access_denied", "the login was refused: the user, or the account's administrator, did not agree", PERI_CREDENTIALS_REFUSED},
      {"invalid_scope", "the provider does not know a scope that the connector asks for, or does not give it to this client", PERI_SCOPE_MISSING},
      {"unauthorized_client", "the provider does not let this client log in this way; look at the app's settings there", PERI_CREDENTIALS_REFUSED},
      {"invalid_client", "the provider does not know this client, or its secret is wrong", PERI_CREDENTIALS_REFUSED},
      {"invalid_request", "the provider calls the request wrong; compare redirect and params with the app's settings there", PERI_API_ERROR},
      {"redirect_uri_mismatch", "the redirect URI is not registered with the provider; register it, or name the registered one with --redirect", PERI_CREDENTIALS_REFUSED},
      {"unsupported_response_type", "the provider gives no codes to this client", PERI_API_ERROR},
      {"login_required", "the provider wants the user to log in first", PERI_CREDENTIALS_REFUSED},
      {"consent_required", "the provider wants the user's consent, and was told not to ask for it", PERI_CREDENTIALS_REFUSED},
      {"interaction_required", "the provider wants to ask the user something, and was told not to", PERI_CREDENTIALS_REFUSED},
      {"expired_token", "nobody entered the code in time", PERI_TIMEOUT},
      {"invalid_grant", "the code has expired, was used before, or does not belong to this login", PERI_CREDENTIALS_REFUSED},
      {"server_error", "the provider has a problem of its own", PERI_API_ERROR},
      {"temporarily_unavailable", "the provider is busy; try again in a while", PERI_API_ERROR},
  };
  char said[320], word[320];
  peri_str text = printable(description, said), name = printable(error, word);
  const char *meaning = "the provider refuses";
  peri_code code = PERI_CREDENTIALS_REFUSED;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (peri_str_is(name, known[i].word)) meaning = known[i].meaning, code = known[i].code;
  return peri_fail(e, code, "%s (%.*s%s%.*s)", meaning, PERI_S(name), text.n ? ": " : "", PERI_S(text));
}

/* ---- a browser ---- */

static void random_text(char out[PERI_PKCE_TEXT]) {
  char unused[PERI_PKCE_TEXT];
  peri_pkce_make(out, unused); /* 32 random bytes in the url alphabet */
}

void peri_browser_begin(peri_browser *b, peri_arena *a, peri_str redirect, peri_str issuer, bool issuer_must, int64_t now_ms) {
  *b = (peri_browser){.arena = a, .redirect = peri_arena_str(a, redirect), .issuer = peri_arena_str(a, issuer), .issuer_must = issuer_must, .until_ms = now_ms + PERI_LOGIN_MS};
  random_text(b->state);
  peri_pkce_make(b->verifier, b->challenge);
  peri_redact_add(peri_str_of(b->verifier));
  const char *mark = memmem(b->redirect.p, b->redirect.n, "://", 3);
  size_t at = mark ? (size_t)(mark - b->redirect.p) + 3 : 0;
  while (at < b->redirect.n && b->redirect.p[at] != '/' && b->redirect.p[at] != '?') at++;
  peri_str_cut(peri_str_from(b->redirect, at), '?', &b->path);
  if (!b->path.n) b->path = PERI_STR("/");
}

static void put_query(peri_buf *url, peri_str key, peri_str value) {
  peri_buf_char(url, memchr(url->p, '?', url->n) ? '&' : '?');
  peri_url_query(url, key);
  peri_buf_char(url, '=');
  peri_url_query(url, value);
}

peri_str peri_browser_url(const peri_browser *b, peri_arena *a, peri_str authorize, peri_str client_id, peri_str scope, bool pkce, const peri_str *names, const peri_str *values,
                          size_t count) {
  peri_buf url = {0};
  peri_buf_str(&url, authorize);
  put_query(&url, PERI_STR("response_type"), PERI_STR("code"));
  put_query(&url, PERI_STR("client_id"), client_id);
  put_query(&url, PERI_STR("redirect_uri"), b->redirect);
  if (scope.n) put_query(&url, PERI_STR("scope"), scope);
  put_query(&url, PERI_STR("state"), peri_str_of(b->state));
  if (pkce) {
    put_query(&url, PERI_STR("code_challenge"), peri_str_of(b->challenge));
    put_query(&url, PERI_STR("code_challenge_method"), PERI_STR("S256"));
  }
  for (size_t i = 0; i < count; i++) put_query(&url, names[i], values[i]);
  peri_str out = peri_arena_str(a, peri_buf_view(&url));
  peri_buf_fini(&url);
  return out;
}

/* One entry of a query, decoded; a key that is there twice counts as absent: RFC 6749 3.1 forbids it, and two readers might take two values. */
static peri_str entry(peri_arena *a, peri_str query, const char *key) {
  peri_str found = {NULL, 0}, rest = query, one;
  int times = 0;
  while (rest.n) {
    rest = peri_str_cut(rest, '&', &one);
    peri_str name, value = peri_str_cut(one, '=', &name);
    if (!peri_str_is(name, key)) continue;
    times++;
    char *text = peri_arena_bytes(a, value.n + 1);
    found = (peri_str){text, peri_percent_decode(value, true, text)};
  }
  return times == 1 ? found : (peri_str){NULL, 0};
}

static bool same_issuer(peri_str a, peri_str b) {
  if (a.n && a.p[a.n - 1] == '/') a.n--;
  if (b.n && b.p[b.n - 1] == '/') b.n--;
  return peri_str_eq(a, b);
}

typedef struct verdict {
  int status;
  const char *title;
  peri_str text;
  bool good;
} verdict;

static peri_browser_step judge(peri_browser *b, peri_str query, int64_t now_ms, verdict *v, peri_err *e) {
  peri_str state = entry(b->arena, query, "state"), iss = entry(b->arena, query, "iss"), error = entry(b->arena, query, "error"), code = entry(b->arena, query, "code");
  *v = (verdict){400, "This is not the login that perilune waits for", {NULL, 0}, false};
  if (!state.n) v->text = PERI_STR("The address brings no state, so it cannot be told whether it belongs to this login. Open the address that perilune printed.");
  else if (!peri_equal_secret(state, peri_str_of(b->state)))
    v->text = PERI_STR("Its state is not the one of this login: it is left over from an earlier one, or somebody else's. Open the address that perilune printed last.");
  else if (b->used) {
    v->title = "This login has been used already";
    v->text = PERI_STR("Each login works once. If perilune did not say that it worked, start it again there.");
  } else if (now_ms > b->until_ms) {
    v->title = "This login took too long";
    v->text = PERI_STR("After ten minutes a login is void. Start it again.");
  } else
    v->status = 200;
  if (v->status != 200) {
    peri_fail(e, PERI_INVALID, "%s: %.*s", v->title, PERI_S(v->text));
    return PERI_BROWSER_WAIT;
  }
  char shown[320];
  if (b->issuer.n && (iss.n || b->issuer_must) && !same_issuer(iss, b->issuer)) {
    b->used = true;
    *v = (verdict){400, "This answer comes from another provider", PERI_STR("perilune asked one provider and was answered in the name of another; nothing was taken from it."), false};
    peri_str from = printable(iss, shown);
    peri_fail(e, PERI_CREDENTIALS_REFUSED, "the redirect comes from issuer '%.*s', and the login was begun at '%.*s'; its code was not used", PERI_S(from), PERI_S(b->issuer));
    return PERI_BROWSER_ENDED;
  }
  if (error.n) {
    b->used = true;
    peri_auth_refusal(error, entry(b->arena, query, "error_description"), e);
    *v = (verdict){200, "The login did not work", peri_arena_str(b->arena, peri_str_of(e->text)), false};
    return PERI_BROWSER_ENDED;
  }
  if (!code.n || code.n > CODE_BYTES_MAX) {
    v->status = 400;
    v->text = PERI_STR("The address brings no code.");
    peri_fail(e, PERI_INVALID, "the redirect brings neither a code nor an error");
    return PERI_BROWSER_WAIT;
  }
  b->used = true;
  b->code = code;
  peri_redact_add(code);
  *v = (verdict){200, "perilune has your consent", PERI_STR("It finishes the login where it was started. You can close this page."), true};
  return PERI_BROWSER_CODE;
}

peri_browser_step peri_browser_request(peri_browser *b, peri_str path, peri_str query, int64_t now_ms, int *status, peri_buf *page, peri_err *e) {
  verdict v;
  if (!peri_str_eq(path, b->path)) {
    *status = 404;
    peri_browser_page(page, "Nothing is here", PERI_STR("perilune listens for the end of a login, and only for that."), false);
    return PERI_BROWSER_WAIT;
  }
  peri_browser_step step = judge(b, query, now_ms, &v, e);
  *status = v.status;
  peri_browser_page(page, v.title, v.text, v.good);
  return step;
}

peri_browser_step peri_browser_paste(peri_browser *b, peri_str text, int64_t now_ms, peri_err *e) {
  verdict v;
  text = peri_str_trim(text);
  if (!text.n) {
    peri_fail(e, PERI_USAGE, "nothing was pasted; the address of the page that the login ends on is wanted, whole");
    return PERI_BROWSER_ENDED;
  }
  bool url = memmem(text.p, text.n, "://", 3) != NULL, query = memmem(text.p, text.n, "state=", 6) != NULL;
  if (!url && !query) { /* the code alone, as some providers show it: without a redirect there is no state, and whoever pastes it vouches for it */
    if (text.n > CODE_BYTES_MAX || now_ms > b->until_ms) {
      peri_fail(e, PERI_INVALID, text.n > CODE_BYTES_MAX ? "what was pasted is too long for a code" : "this login took longer than ten minutes; start it again");
      return PERI_BROWSER_ENDED;
    }
    b->used = true;
    b->code = peri_arena_str(b->arena, text);
    peri_redact_add(b->code);
    return PERI_BROWSER_CODE;
  }
  peri_str before, rest = text;
  if (memchr(text.p, '?', text.n)) rest = peri_str_cut(text, '?', &before);
  peri_str_cut(rest, '#', &rest);
  peri_browser_step step = judge(b, rest, now_ms, &v, e);
  return step == PERI_BROWSER_WAIT ? PERI_BROWSER_ENDED : step;
}

/* ---- another device ---- */

static bool web_url(peri_str text) {
  peri_arena *a = peri_arena_new();
  peri_url url;
  bool good = peri_url_read(a, text, &url, NULL);
  peri_arena_free(a);
  return good;
}

peri_code peri_device_read(peri_arena *a, int status, peri_str body, int64_t now_ms, peri_device *out, peri_err *e) {
  peri_json_fault fault;
  const peri_json *j = peri_json_parse(a, body, &fault);
  if (status < 200 || status > 299) {
    peri_str error = peri_json_get_text(j, "error");
    if (error.n) return peri_auth_refusal(error, peri_json_get_text(j, "error_description"), e);
    return peri_fail(e, status == 429 ? PERI_RATE_LIMITED : PERI_API_ERROR, "the device endpoint answered %d", status);
  }
  *out = (peri_device){.device_code = peri_json_get_text(j, "device_code"),
                       .user_code = peri_json_get_text(j, "user_code"),
                       .url = peri_json_get_text(j, "verification_uri"),
                       .whole_url = peri_json_get_text(j, "verification_uri_complete")};
  if (!out->url.n) out->url = peri_json_get_text(j, "verification_url"); /* Google's spelling */
  char shown[320];
  peri_str user_code = printable(out->user_code, shown);
  if (!out->device_code.n || !user_code.n || !web_url(out->url)) return peri_fail(e, PERI_BAD_REPLY, "the device endpoint answered %d without device_code, user_code and verification_uri", status);
  out->user_code = peri_arena_str(a, user_code);
  if (!web_url(out->whole_url)) out->whole_url = (peri_str){NULL, 0};
  int64_t interval = peri_json_get_int(j, "interval", 5), life = peri_json_get_int(j, "expires_in", PERI_LOGIN_MS / 1000);
  out->interval_ms = interval < 0 || interval > DEVICE_INTERVAL_MS_MAX / 1000 ? DEVICE_INTERVAL_MS : interval * 1000;
  if (!out->interval_ms) out->interval_ms = 1000;
  if (life < 1 || life > 3600) life = PERI_LOGIN_MS / 1000;
  out->until_ms = now_ms + life * 1000;
  peri_redact_add(out->device_code);
  return PERI_OK;
}

peri_device_step peri_device_answer(peri_device *d, bool failed, int status, peri_str body, int64_t now_ms, peri_err *e) {
  peri_device_step step = PERI_DEVICE_WAIT;
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *j = failed ? NULL : peri_json_parse(a, body, &fault);
  peri_str error = peri_json_get_text(j, "error");
  if (failed || status >= 500 || status == 429) d->interval_ms = d->interval_ms * 2 < DEVICE_INTERVAL_MS_MAX ? d->interval_ms * 2 : DEVICE_INTERVAL_MS_MAX;
  else if (peri_str_is(error, "slow_down")) d->interval_ms += 5000; /* and for good: RFC 8628 3.5 */
  else if (error.n && !peri_str_is(error, "authorization_pending")) {
    peri_auth_refusal(error, peri_json_get_text(j, "error_description"), e);
    step = PERI_DEVICE_ENDED;
  } else if (!error.n) step = PERI_DEVICE_TOKEN; /* tokens, or something that their reader refuses */
  if (step == PERI_DEVICE_WAIT && now_ms + d->interval_ms > d->until_ms) {
    peri_auth_refusal(PERI_STR("expired_token"), PERI_STR(""), e);
    step = PERI_DEVICE_ENDED;
  }
  peri_arena_free(a);
  return step;
}

/* ---- discovery ---- */

size_t peri_discovery_urls(peri_arena *a, peri_str issuer, peri_str out[3]) {
  peri_str whole = issuer;
  while (whole.n && whole.p[whole.n - 1] == '/') whole.n--;
  const char *mark = memmem(whole.p, whole.n, "://", 3);
  size_t at = mark ? (size_t)(mark - whole.p) + 3 : 0;
  while (at < whole.n && whole.p[at] != '/') at++;
  peri_str origin = {whole.p, at}, path = peri_str_from(whole, at);
  out[0] = peri_arena_fmt(a, "%.*s/.well-known/openid-configuration", PERI_S(whole));
  out[1] = peri_arena_fmt(a, "%.*s/.well-known/oauth-authorization-server%.*s", PERI_S(origin), PERI_S(path)); /* RFC 8414: between host and path */
  if (!path.n) return 2;
  out[2] = peri_arena_fmt(a, "%.*s/.well-known/openid-configuration%.*s", PERI_S(origin), PERI_S(path));
  return 3;
}

static peri_code endpoint(peri_arena *a, const peri_json *j, const char *key, bool plain, peri_str *out, peri_err *e) {
  *out = peri_json_get_text(j, key);
  if (!out->n) return PERI_OK;
  peri_url url;
  peri_err why = {0};
  if (!peri_url_read(a, *out, &url, &why)) return peri_fail(e, PERI_BAD_REPLY, "the discovery document's %s: %s", key, why.text);
  if (!plain && !peri_str_is(url.scheme, "https")) return peri_fail(e, PERI_BAD_REPLY, "the discovery document's %s has no https; no credential goes there", key);
  return PERI_OK;
}

static bool lists(const peri_json *array, const char *text) {
  for (const peri_json *m = array ? array->first : NULL; m; m = m->next)
    if (peri_str_is(m->text, text)) return true;
  return false;
}

peri_code peri_discovery_read(peri_arena *a, peri_str issuer, peri_str body, peri_provider *out, peri_err *e) {
  peri_json_fault fault;
  const peri_json *j = peri_json_parse(a, body, &fault);
  if (!j || j->type != PERI_J_OBJECT) return peri_fail(e, PERI_BAD_REPLY, "the discovery document of %.*s is no JSON object", PERI_S(issuer));
  *out = (peri_provider){.issuer = peri_json_get_text(j, "issuer")};
  char shown[320];
  peri_str said = printable(out->issuer, shown);
  if (!same_issuer(out->issuer, issuer))
    return peri_fail(e, PERI_BAD_REPLY, "the discovery document of %.*s speaks for issuer '%.*s'; nothing of it is used", PERI_S(issuer), PERI_S(said));
  bool plain = peri_str_starts(issuer, PERI_STR("http://"));
  peri_code code = endpoint(a, j, "authorization_endpoint", plain, &out->authorize, e);
  if (!code) code = endpoint(a, j, "token_endpoint", plain, &out->token, e);
  if (!code) code = endpoint(a, j, "device_authorization_endpoint", plain, &out->device, e);
  if (!code) code = endpoint(a, j, "revocation_endpoint", plain, &out->revoke, e);
  if (code) return code;
  const peri_json *methods = peri_json_get(j, "token_endpoint_auth_methods_supported");
  /* without a list it is Basic (RFC 8414 section 2); where several are understood the body has fewer spellings to differ in */
  if (!methods) out->client_auth = PERI_STR("basic");
  else if (lists(methods, "client_secret_post")) out->client_auth = PERI_STR("body");
  else if (lists(methods, "client_secret_basic")) out->client_auth = PERI_STR("basic");
  else out->client_auth = PERI_STR("none");
  out->issuer_in_redirect = peri_json_get_bool(j, "authorization_response_iss_parameter_supported", false);
  return PERI_OK;
}
