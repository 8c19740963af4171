/* vault/jwt: signs the assertion of a JWT bearer grant (RFC 7515 compact form, RFC 7518 RS256 and ES256). The key decides which of them.
 * Refuses keys under 2,048 bits, other curves, and keys behind a passphrase: nobody is there to type it. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/log.h"
#include "base/uuid.h"
#include "json/json.h"
#include "vault/inside.h"
#include "vault/secrets.h"

#define LIFE_S 180 /* Salesforce takes no more than three minutes; clocks may differ by some of it */

static int no_passphrase(char *out, int size, int writing, void *self) {
  (void)out, (void)size, (void)writing, (void)self;
  return -1;
}

static EVP_PKEY *read_key(peri_str pem, const char **algorithm, peri_err *e) {
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
  BIO_free(bio);
  ERR_clear_error();
  if (!key) {
    peri_fail(e, PERI_CREDENTIALS_REFUSED, "the credential privateKey is no private key in PEM without a passphrase (-----BEGIN PRIVATE KEY-----)");
    return NULL;
  }
  char curve[32] = "";
  size_t n = 0;
  *algorithm = NULL;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048) *algorithm = "RS256";
  else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) && strcmp(curve, "prime256v1") == 0)
    *algorithm = "ES256";
  if (*algorithm) return key;
  EVP_PKEY_free(key);
  peri_fail(e, PERI_CREDENTIALS_REFUSED, "the credential privateKey is neither an RSA key of 2,048 bits or more nor one on the curve P-256");
  return NULL;
}

/* OpenSSL writes ECDSA signatures as DER; a JWT wants both numbers, 32 bytes each. */
static bool plain_ecdsa(const unsigned char *der, size_t n, unsigned char out[64]) {
  ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
  bool good = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32;
  ECDSA_SIG_free(sig);
  return good;
}

peri_code peri_jwt_sign(peri_str pem, peri_str claims_json, peri_buf *out, peri_err *e) {
  const char *algorithm;
  EVP_PKEY *key = read_key(pem, &algorithm, e);
  if (!key) return PERI_CREDENTIALS_REFUSED;
  char head[48];
  int head_n = snprintf(head, sizeof head, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", algorithm);
  size_t from = out->n;
  peri_base64_url(out, (peri_str){head, (size_t)head_n});
  peri_buf_char(out, '.');
  peri_base64_url(out, claims_json);
  unsigned char sig[1024], plain[64];
  size_t n = sizeof sig;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  bool good = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, sig, &n, (const unsigned char *)out->p + from, out->n - from) == 1;
  peri_str bytes = {(const char *)sig, n};
  if (good && algorithm[0] == 'E') {
    good = plain_ecdsa(sig, n, plain);
    bytes = (peri_str){(const char *)plain, 64};
  }
  EVP_MD_CTX_free(ctx);
  EVP_PKEY_free(key);
  ERR_clear_error();
  if (!good) return peri_fail(e, PERI_CREDENTIALS_REFUSED, "the private key does not sign");
  peri_buf_char(out, '.');
  peri_base64_url(out, bytes);
  return PERI_OK;
}

peri_code peri_jwt_assertion(const peri_secrets *s, const peri_token_request *q, peri_buf *form, peri_err *e) {
  peri_str client = q->client.n ? q->client : PERI_STR("clientId");
  const peri_secret *id = peri_secret_named(s, client), *key = peri_secret_named(s, PERI_STR("privateKey"));
  if (!id || !key) return peri_fail(e, PERI_CREDENTIALS_REFUSED, "no token can be asked for: there is no credential %.*s", PERI_S(id ? PERI_STR("privateKey") : client));
  unsigned char random[16];
  peri_random(random, sizeof random);
  peri_buf claims = {0}, jwt = {0}, once = {0};
  peri_jw w;
  peri_str issuer = {id->value, id->n};
  peri_base64_url(&once, (peri_str){(const char *)random, sizeof random});
  peri_jw_init(&w, &claims);
  peri_jw_object(&w);
  peri_jw_kv(&w, "iss", issuer);
  peri_jw_kv(&w, "sub", q->subject.n ? q->subject : issuer);
  peri_jw_kv(&w, "aud", q->audience.n ? q->audience : q->token_url);
  peri_jw_kv_int(&w, "iat", q->now_ms / 1000);
  peri_jw_kv_int(&w, "exp", q->now_ms / 1000 + LIFE_S);
  peri_jw_kv(&w, "jti", peri_buf_view(&once));
  peri_jw_end_object(&w);
  peri_code code = peri_jwt_sign((peri_str){key->value, key->n}, peri_buf_view(&claims), &jwt, e);
  if (!code) {
    peri_redact_add(peri_buf_view(&jwt));
    peri_form_put(form, PERI_STR("assertion"), peri_buf_view(&jwt));
  }
  peri_wipe(&jwt);
  peri_buf_fini(&jwt);
  peri_buf_fini(&claims);
  peri_buf_fini(&once);
  return code;
}
