/* vault/attach: secrets on their way into a request. The caller wipes the buffers (peri_wipe).
 * Refuses a value that would break out of its header line. */
#include "base/log.h"
#include "vault/secrets.h"

static bool one_line(peri_str v) {
  for (size_t i = 0; i < v.n; i++)
    if ((unsigned char)v.p[i] < 32 || v.p[i] == 127) return false;
  return true;
}

static bool value_of(const peri_secrets *s, peri_str name, peri_str *out) {
  const peri_secret *found = peri_secret_named(s, name);
  if (found) *out = (peri_str){found->value, found->n};
  return found != NULL;
}

bool peri_attach_prefix(const peri_secrets *s, peri_str name, peri_str prefix, peri_buf *value) {
  peri_str secret;
  if (!value_of(s, name, &secret) || !one_line(secret)) return false;
  peri_buf_str(value, prefix);
  peri_buf_str(value, secret);
  return true;
}

bool peri_attach_basic(const peri_secrets *s, peri_str user, peri_str user_secret, peri_str password_secret, peri_buf *value) {
  peri_str name = user, password = {NULL, 0};
  if (user_secret.n && !value_of(s, user_secret, &name)) return false;
  if (password_secret.n && !value_of(s, password_secret, &password)) return false;
  if (memchr(name.p ? name.p : "", ':', name.n)) return false; /* the first colon ends the name (RFC 7617) */
  peri_buf pair = {0};
  peri_buf_room(&pair, name.n + password.n + 1);
  peri_buf_str(&pair, name);
  peri_buf_char(&pair, ':');
  peri_buf_str(&pair, password);
  peri_buf_c_str(value, "Basic ");
  peri_base64(value, peri_buf_view(&pair));
  peri_redact_add(peri_buf_view(&pair)); /* with a password too short to be blotted by itself */
  peri_wipe(&pair);
  return true;
}

bool peri_attach_raw(const peri_secrets *s, peri_str name, peri_buf *out) {
  peri_str secret;
  if (!value_of(s, name, &secret)) return false;
  peri_buf_str(out, secret);
  return true;
}
