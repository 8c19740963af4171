/* vault/pkce: the proof that who began a login also ends it (RFC 7636). Only S256: `plain` proves nothing to who can read the first request. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/uuid.h"
#include "vault/inside.h"

static void encode(const unsigned char bytes[32], char out[PERI_PKCE_TEXT]) {
  peri_buf b = {0};
  peri_base64_url(&b, (peri_str){(const char *)bytes, 32});
  memcpy(out, b.p, PERI_PKCE_TEXT - 1);
  out[PERI_PKCE_TEXT - 1] = 0;
  peri_wipe(&b);
  peri_buf_fini(&b);
}

void peri_pkce_challenge(peri_str verifier, char challenge[PERI_PKCE_TEXT]) {
  unsigned char digest[32];
  unsigned n = 0;
  if (!EVP_Digest(verifier.p, verifier.n, digest, &n, EVP_sha256(), NULL) || n != 32) peri_end_now("OpenSSL refuses SHA-256, for want of memory perhaps"); /* a challenge of rubbish would be no proof */
  encode(digest, challenge);
}

void peri_pkce_make(char verifier[PERI_PKCE_TEXT], char challenge[PERI_PKCE_TEXT]) {
  unsigned char random[32];
  peri_random(random, sizeof random);
  encode(random, verifier);
  OPENSSL_cleanse(random, sizeof random);
  peri_pkce_challenge((peri_str){verifier, PERI_PKCE_TEXT - 1}, challenge);
}
