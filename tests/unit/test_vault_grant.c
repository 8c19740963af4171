/* What token endpoints are asked: forms of every grant, PKCE, signed assertions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/log.h"
#include "json/tree.h"
#include "vault/vault.h"

int peri_test_grants(void);

#define OK(call)                                     \
  do {                                               \
    if ((call) != PERI_OK) fail_msg("%s", e.text);   \
  } while (0)

static void logins(void **state) {
  (void)state;
  peri_err e = {0};
  peri_buf b = {0}, h = {0};
  peri_secrets *s = peri_secrets_new();
  peri_secrets_put(s, PERI_STR("appId"), PERI_STR("app:1"));
  peri_token_request q = {.grant = PERI_STR("code"), .client = PERI_STR("appId"), .client_auth = PERI_STR("none"), .code = PERI_STR("c/1"), .redirect_uri = PERI_STR("http://127.0.0.1:1/callback"),
                          .verifier = PERI_STR("vvv")};
  OK(peri_token_form(s, &q, &b, &h, &e));
  assert_true(peri_str_is(peri_buf_view(&b), "grant_type=authorization_code&client_id=app%3A1&code=c%2F1&code_verifier=vvv&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback"));
  peri_buf_clear(&b);
  q = (peri_token_request){.grant = PERI_STR("device_code"), .client = PERI_STR("appId"), .client_auth = PERI_STR("none"), .device_code = PERI_STR("dev")};
  OK(peri_token_form(s, &q, &b, &h, &e));
  assert_true(peri_str_is(peri_buf_view(&b), "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=app%3A1&device_code=dev"));
  peri_buf_clear(&b);
  q = (peri_token_request){.grant = PERI_STR("jwt"), .client = PERI_STR("appId")};
  assert_int_equal(peri_token_form(s, &q, &b, &h, &e), PERI_CREDENTIALS_REFUSED);
  assert_non_null(strstr(e.text, "privateKey"));
  peri_buf_clear(&b);
  peri_form_put(&b, PERI_STR("token"), PERI_STR("t&1")); /* another endpoint, the same client */
  q.client_auth = PERI_STR("basic");
  assert_int_equal(peri_client_form(s, &q, &b, &h, &e), PERI_CREDENTIALS_REFUSED);
  peri_secrets_put(s, PERI_STR("clientSecret"), PERI_STR("s:é"));
  OK(peri_client_form(s, &q, &b, &h, &e));
  assert_true(peri_str_is(peri_buf_view(&b), "token=t%261"));
  peri_buf plain = {0};
  assert_true(peri_unbase64(&plain, peri_str_from(peri_buf_view(&h), 6)) && peri_str_is(peri_buf_view(&plain), "app%3A1:s%3A%C3%A9"));
  peri_buf_fini(&plain);
  peri_buf_fini(&b);
  peri_buf_fini(&h);
  peri_secrets_free(s);
}

static void pkce(void **state) {
  (void)state;
  char verifier[PERI_PKCE_TEXT], challenge[PERI_PKCE_TEXT], again[PERI_PKCE_TEXT];
  peri_pkce_challenge(PERI_STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), challenge); /* RFC 7636, appendix B */
  assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  peri_pkce_make(verifier, challenge);
  peri_pkce_challenge(peri_str_of(verifier), again);
  assert_int_equal(strlen(verifier), 43);
  assert_string_equal(challenge, again);
  char other[PERI_PKCE_TEXT];
  peri_pkce_make(other, challenge);
  assert_string_not_equal(verifier, other);
}

/* ---- JWT ---- */

static peri_str pem_of(EVP_PKEY *key, peri_buf *out) {
  BIO *bio = BIO_new(BIO_s_mem());
  char *text;
  assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
  long n = BIO_get_mem_data(bio, &text);
  peri_buf_put(out, text, (size_t)n);
  BIO_free(bio);
  return peri_buf_view(out);
}

/* Signs as the grant does, then checks claims and signature with OpenSSL alone. */
static void signs(EVP_PKEY *key, const char *algorithm) {
  peri_err e = {0};
  peri_buf pem = {0}, form = {0}, basic = {0}, head = {0}, claims = {0}, sig = {0}, assertion = {0};
  peri_secrets *s = peri_secrets_new();
  peri_secrets_put(s, PERI_STR("clientId"), PERI_STR("3MVG9-app"));
  peri_secrets_put(s, PERI_STR("privateKey"), pem_of(key, &pem));
  peri_token_request q = {.grant = PERI_STR("jwt"), .subject = PERI_STR("ana@example.com"), .token_url = PERI_STR("https://login.example/token"), .now_ms = 1700000000999};
  OK(peri_token_form(s, &q, &form, &basic, &e));
  peri_str body = peri_buf_view(&form), begin = PERI_STR("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
  assert_true(peri_str_starts(body, begin));
  peri_str jwt = peri_str_from(body, begin.n), part[3], rest = jwt;
  assert_null(memchr(jwt.p, '%', jwt.n)); /* the alphabet needs no encoding */
  for (int i = 0; i < 3; i++) rest = peri_str_cut(rest, '.', &part[i]);
  assert_true(peri_unbase64(&head, part[0]) && peri_unbase64(&claims, part[1]) && peri_unbase64(&sig, part[2]));
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *h = peri_json_parse(a, peri_buf_view(&head), &fault), *c = peri_json_parse(a, peri_buf_view(&claims), &fault);
  assert_true(peri_str_is(peri_json_get_text(h, "alg"), algorithm));
  assert_true(peri_str_is(peri_json_get_text(c, "iss"), "3MVG9-app") && peri_str_is(peri_json_get_text(c, "sub"), "ana@example.com"));
  assert_true(peri_str_is(peri_json_get_text(c, "aud"), "https://login.example/token"));
  assert_int_equal(peri_json_get_int(c, "exp", 0), 1700000180);
  assert_true(peri_json_get_text(c, "jti").n >= 22);
  const unsigned char *bytes = (const unsigned char *)sig.p;
  size_t n = sig.n;
  unsigned char *der = NULL;
  if (algorithm[0] == 'E') {
    assert_int_equal(n, 64);
    ECDSA_SIG *both = ECDSA_SIG_new();
    ECDSA_SIG_set0(both, BN_bin2bn(bytes, 32, NULL), BN_bin2bn(bytes + 32, 32, NULL));
    n = (size_t)i2d_ECDSA_SIG(both, &der);
    bytes = der;
    ECDSA_SIG_free(both);
  }
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
  assert_int_equal(EVP_DigestVerify(ctx, bytes, n, (const unsigned char *)jwt.p, part[0].n + 1 + part[1].n), 1);
  EVP_MD_CTX_free(ctx);
  OPENSSL_free(der);
  peri_arena_free(a);
  peri_buf *all[] = {&pem, &form, &basic, &head, &claims, &sig, &assertion};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) peri_buf_fini(all[i]);
  peri_secrets_free(s);
  EVP_PKEY_free(key);
}

static void jwt(void **state) {
  (void)state;
  signs(EVP_RSA_gen(2048), "RS256");
  signs(EVP_EC_gen("P-256"), "ES256");
}

static void keys_that_do_not_sign(void **state) {
  (void)state;
  EVP_PKEY *keys[] = {EVP_RSA_gen(1024), EVP_EC_gen("P-384"), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    peri_err e = {0};
    peri_buf pem = {0}, out = {0};
    assert_int_equal(peri_jwt_sign(pem_of(keys[i], &pem), PERI_STR("{}"), &out, &e), PERI_CREDENTIALS_REFUSED);
    assert_int_equal(out.n, 0);
    peri_buf_fini(&pem);
    peri_buf_fini(&out);
    EVP_PKEY_free(keys[i]);
  }
  static const char *const texts[] = {"", "rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                                      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    peri_err e = {0};
    peri_buf out = {0};
    assert_int_equal(peri_jwt_sign(peri_str_of(texts[i]), PERI_STR("{}"), &out, &e), PERI_CREDENTIALS_REFUSED);
    assert_non_null(strstr(e.text, "privateKey"));
    peri_buf_fini(&out);
  }
}

int peri_test_grants(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(logins), cmocka_unit_test(pkce), cmocka_unit_test(jwt), cmocka_unit_test(keys_that_do_not_sign),
  };
  int failed = cmocka_run_group_tests_name("grants", tests, NULL, NULL);
  peri_redact_clear();
  return failed;
}
