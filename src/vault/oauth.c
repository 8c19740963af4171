/* vault/oauth: the refresh of an access token (RFC 6749 section 6): what is sent, and what the answer means.
 * Refuses to declare a connection dead for anything but the server's own word that the grant is: a 500, a time-out or a wrong client secret does not
 * need a new login, and would get one if it were called so. */
#include "base/log.h"
#include "vault/secrets.h"
#include "json/json.h"

static void put_form(peri_buf *b, const char *key, peri_str value) {
  static const char hex[] = "0123456789ABCDEF";
  if (b->n) peri_buf_char(b, '&');
  peri_buf_c_str(b, key);
  peri_buf_char(b, '=');
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

bool peri_oauth_refresh_form(const peri_secrets *s, peri_buf *form, peri_err *e) {
  static const struct {
    const char *key, *secret;
  } parts[] = {{"client_id", "clientId"}, {"client_secret", "clientSecret"}, {"refresh_token", "refreshToken"}};
  peri_buf_room(form, 4096);
  put_form(form, "grant_type", PERI_STR("refresh_token"));
  for (size_t i = 0; i < 3; i++) {
    const peri_secret *found = peri_secret_named(s, peri_str_of(parts[i].secret));
    if (!found || !found->n) {
      if (i == 1) continue; /* public clients have none */
      peri_fail(e, PERI_NEEDS_REAUTH, "the access token cannot be refreshed: there is no credential %s", parts[i].secret);
      return false;
    }
    put_form(form, parts[i].key, (peri_str){found->value, found->n});
  }
  return true;
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
  if (status == 400 || status == 401 || status == 403)
    return peri_fail(e, PERI_CREDENTIALS_REFUSED, "the token endpoint answered %d: %.*s", status, PERI_S(text));
  return peri_fail(e, PERI_API_ERROR, "the token endpoint answered %d: %.*s", status, PERI_S(text));
}

peri_code peri_oauth_read(peri_arena *a, int status, peri_str body, peri_oauth_tokens *out, peri_err *e) {
  *out = (peri_oauth_tokens){{NULL, 0}, {NULL, 0}, -1};
  peri_json_fault fault;
  peri_json *j = peri_json_parse(a, body, &fault);
  /* some vendors answer 200 with an error inside */
  bool error_inside = peri_json_get(j, "error") && !peri_json_get(j, "access_token");
  if (status < 200 || status > 299 || error_inside) return refused(error_inside && status < 300 ? 400 : status, j, body, e);
  out->access_token = peri_json_get_text(j, "access_token");
  out->refresh_token = peri_json_get_text(j, "refresh_token");
  out->expires_in_s = peri_json_get_int(j, "expires_in", -1);
  if (out->expires_in_s < 0) out->expires_in_s = -1;
  if (!out->access_token.n) return peri_fail(e, PERI_BAD_REPLY, "the token endpoint answered %d without an access_token", status);
  peri_redact_add(out->access_token);
  if (out->refresh_token.n) peri_redact_add(out->refresh_token);
  return PERI_OK;
}
