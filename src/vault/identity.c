/* vault/identity: a name for "whoever has this credential", by which limits are counted. Tells nothing of the credential: a keyed digest, the key derived
 * from the one in force, so that a copy of the database alone does not let anyone try passwords against it. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "vault/inside.h"
#include "vault/secrets.h"

static void add(peri_buf *b, peri_str part) { /* with its length, so that "ab","c" and "a","bc" are two */
  char n[24];
  snprintf(n, sizeof n, "%zu:", part.n);
  peri_buf_c_str(b, n);
  peri_buf_str(b, part);
}

void peri_credential_name(const peri_vault *v, const peri_secrets *s, const peri_str *names, size_t count, peri_str context, char out[PERI_CREDENTIAL_NAME_MAX]) {
  unsigned char key[32], digest[32];
  peri_hmac_sha256((peri_str){(const char *)v->keys[0].bytes, PERI_KEY_BYTES}, PERI_STR("perilune: names of credentials"), key);
  peri_buf b = {0};
  peri_buf_room(&b, 16384); /* grown once: no copies of secrets are left behind */
  add(&b, context);
  for (size_t i = 0; i < count; i++) {
    const peri_secret *found = peri_secret_named(s, names[i]);
    add(&b, names[i]);
    add(&b, found ? (peri_str){found->value, found->n} : (peri_str){"", 0});
  }
  peri_hmac_sha256((peri_str){(const char *)key, sizeof key}, peri_buf_view(&b), digest);
  int n = snprintf(out, PERI_CREDENTIAL_NAME_MAX, "%s.", v->keys[0].kid);
  for (int i = 0; i < 16 && n > 0; i++) n += snprintf(out + n, PERI_CREDENTIAL_NAME_MAX - (size_t)n, "%02x", digest[i]);
  OPENSSL_cleanse(key, sizeof key);
  peri_wipe(&b);
  peri_buf_fini(&b);
}
