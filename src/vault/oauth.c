/* vault/oauth: the questions to a token endpoint (RFC 6749): what is sent for each grant, and what the answer means.
 * Refuses to declare a connection dead for anything but the server's own word that the grant is: a 500, a time-out or a wrong client secret does not
 * need a new login, and would get one if it were called so. */
#include "base/log.h"
#include "vault/secrets.h"
#include "json/json.h"

static void put_encoded(peri_buf *b, peri_str value) {
  static const char hex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < value.n; i++) {
    unsigned char c = (unsigned char)value.p[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~')
      peri_buf_char(b, (char)c);
    else if (c == ' ')
      peri_buf_char(b, '+');
    else {
      char e[3] = {'%', hex[c >> 4], hex[c & 15]};
      peri_buf_put(b, e, 3);
    }
  }
}

void peri_form_put(peri_buf *b, peri_str key, peri_str value) {
  if (b->n) peri_buf_char(b, '&');
  put_encoded(b, key);
  peri_buf_char(b, '=');
  put_encoded(b, value);
}

static peri_code put_secret(peri_buf *form, const peri_secrets *s, const char *key, peri_str name, peri_code missing, peri_err *e) {
  const peri_secret *found = peri_secret_named(s, name);
  if (!found || !found->n) return peri_fail(e, missing, "no token can be asked for: there is no credential %.*s", PERI_S(name));
  peri_form_put(form, peri_str_of(key), (peri_str){found->value, found->n});
  return PERI_OK;
}

/* RFC 6749 section 2.3.1: id and secret are form-encoded before they become user and password. */
static peri_code put_basic(peri_buf *authorization, const peri_secrets *s, peri_str client, peri_err *e) {
  const peri_secret *id = peri_secret_named(s, client), *password = peri_secret_named(s, PERI_STR("clientSecret"));
  if (!id || !password) return peri_fail(e, PERI_CREDENTIALS_REFUSED, "no token can be asked for: there is no credential %.*s", PERI_S(id ? PERI_STR("clientSecret") : client));
  peri_buf pair = {0};
  peri_buf_room(&pair, 3 * (id->n + password->n) + 2);
  put_encoded(&pair, (peri_str){id->value, id->n});
  peri_buf_char(&pair, ':');
  put_encoded(&pair, (peri_str){password->value, password->n});
  peri_buf_c_str(authorization, "Basic ");
  size_t from = authorization->n;
  peri_base64(authorization, peri_buf_view(&pair));
  peri_redact_add((peri_str){authorization->p + from, authorization->n - from});
  peri_wipe(&pair);
  peri_buf_fini(&pair);
  return PERI_OK;
}

peri_code peri_client_form(const peri_secrets *s, const peri_token_request *q, peri_buf *form, peri_buf *authorization, peri_err *e) {
  peri_str client = q->client.n ? q->client : PERI_STR("clientId");
  if (peri_str_is(q->client_auth, "basic")) return put_basic(authorization, s, client, e);
  peri_code code = put_secret(form, s, "client_id", client, PERI_CREDENTIALS_REFUSED, e);
  if (!code && !peri_str_is(q->client_auth, "none") && peri_secrets_has(s, PERI_STR("clientSecret"))) /* public clients have none */
    code = put_secret(form, s, "client_secret", PERI_STR("clientSecret"), PERI_CREDENTIALS_REFUSED, e);
  return code;
}

static void put_given(peri_buf *form, const char *key, peri_str value) {
  if (value.n) peri_form_put(form, peri_str_of(key), value);
}

peri_code peri_token_form(const peri_secrets *s, const peri_token_request *q, peri_buf *form, peri_buf *authorization, peri_err *e) {
  static const struct {
    const char *grant, *sent;
  } grants[] = {{"refresh_token", "refresh_token"},
                {"client_credentials", "client_credentials"},
                {"code", "authorization_code"},
                {"jwt", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                {"device_code", "urn:ietf:params:oauth:grant-type:device_code"}};
  const char *sent = NULL;
  for (size_t i = 0; i < sizeof grants / sizeof *grants; i++)
    if (peri_str_is(q->grant, grants[i].grant)) sent = grants[i].sent;
  if (!sent) return peri_fail(e, PERI_INVALID, "'%.*s' is no way to a token", PERI_S(q->grant));
  peri_buf_room(form, 8192); /* so that growing leaves no copies behind */
  peri_form_put(form, PERI_STR("grant_type"), peri_str_of(sent));
  bool signs = peri_str_is(q->grant, "jwt"), secret = peri_secrets_has(s, PERI_STR("clientSecret"));
  peri_code code = signs ? peri_jwt_assertion(s, q, form, e) : PERI_OK;
  /* the signature says who the client is; one that has a secret as well shows it (RFC 7523 3.1 lets providers want it) */
  if (!code && (!signs || secret)) code = peri_client_form(s, q, form, authorization, e);
  if (!code && peri_str_is(q->grant, "refresh_token")) code = put_secret(form, s, "refresh_token", PERI_STR("refreshToken"), PERI_NEEDS_REAUTH, e);
  put_given(form, "code", q->code);
  put_given(form, "code_verifier", q->verifier);
  put_given(form, "redirect_uri", q->redirect_uri);
  put_given(form, "device_code", q->device_code);
  put_given(form, "scope", q->scope);
  if (!signs) put_given(form, "audience", q->audience);
  for (size_t i = 0; i < q->extra_count && !code; i++) peri_form_put(form, q->names[i], q->values[i]);
  return code;
}

static bool grant_is_dead(peri_str error, peri_str status) {
  static const char *const words[] = {"invalid_grant",         "bad_refresh_token",     "bad_hub",
                                      "expired_refresh_token", "invalid_refresh_token", "token_revoked"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (peri_str_eq_nocase(error, peri_str_of(words[i])) || peri_str_eq_nocase(status, peri_str_of(words[i]))) return true;
  return false;
}

static peri_code refused(int status, const peri_json *j, peri_str body, peri_err *e) {
  const peri_json *inner = peri_json_get(j, "error");
  peri_str error = inner && inner->type == PERI_J_OBJECT ? peri_json_get_text(inner, "code") : peri_json_str(inner),
           vendor = peri_json_get_text(j, "status");
  peri_str text = peri_json_get_text(j, "error_description");
  if (!text.n) text = peri_json_get_text(j, "message");
  if (!text.n) text = error;
  if (!text.n) text = j ? (peri_str){NULL, 0} : peri_str_trim(body);
  if (text.n > 300) text.n = 300;
  while (text.n && !peri_utf8_valid(text)) text.n--;
  char said[320];
  memcpy(said, text.p ? text.p : "", text.n);
  text = (peri_str){said, peri_redact(said, text.n)};
  if (status >= 400 && status < 500 && grant_is_dead(error, vendor))
    return peri_fail(e, PERI_NEEDS_REAUTH, "the API refuses the refresh token: %.*s", PERI_S(text));
  if (status == 429) return peri_fail(e, PERI_RATE_LIMITED, "the token endpoint answered 429: %.*s", PERI_S(text));
  if (j && (status == 400 || status == 401 || status == 403))
    return peri_fail(e, PERI_CREDENTIALS_REFUSED, "the token endpoint answered %d: %.*s", status, PERI_S(text));
  return peri_fail(e, PERI_API_ERROR, "the token endpoint answered %d: %.*s", status, PERI_S(text));
}

/* A whole number of seconds; some write it as a text. */
static int64_t seconds_at(const peri_json *j, peri_str path) {
  const peri_json *v = peri_json_at(j, path);
  int64_t n = -1;
  if (!v || (v->type != PERI_J_NUMBER && v->type != PERI_J_STRING) || !peri_number_i64(peri_str_trim(v->text), &n) || n < 1) return -1;
  return n;
}

peri_code peri_oauth_read(peri_arena *a, int status, peri_str body, peri_str expires, peri_oauth_tokens *out, peri_err *e) {
  *out = (peri_oauth_tokens){.expires_in_s = -1};
  peri_json_fault fault;
  peri_json *j = peri_json_parse(a, body, &fault);
  if (j && j->type != PERI_J_OBJECT) j = NULL;
  /* some vendors answer 200 with an error inside */
  bool error_inside = peri_json_get(j, "error") && !peri_json_get(j, "access_token");
  if (status < 200 || status > 299 || error_inside) return refused(error_inside && status < 300 ? 400 : status, j, body, e);
  out->reply = j;
  out->access_token = peri_json_get_text(j, "access_token");
  out->refresh_token = peri_json_get_text(j, "refresh_token");
  out->expires_in_s = seconds_at(j, expires.n ? expires : PERI_STR("expires_in"));
  if (!out->access_token.n) return peri_fail(e, PERI_BAD_REPLY, "the token endpoint answered %d without an access_token", status);
  peri_redact_add(out->access_token);
  if (out->refresh_token.n) peri_redact_add(out->refresh_token);
  return PERI_OK;
}
