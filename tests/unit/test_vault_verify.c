/* vault/verify: vectors of the providers' own documentation, and everything that must not be believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vault/verify.h"

int peri_test_vault_verify(void);

typedef struct vector {
  const char *scheme, *secret, *uri, *body;
  const char *headers[4][2];
  int64_t now_ms;
} vector;

#define HUB "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
#define URI "https://www.example.com/webhook_uri"
static const vector vectors[] = {
  {"hubspot-v1", HUB, URI,
   "[{\"eventId\":1,\"subscriptionId\":12345,\"portalId\":62515,\"occurredAt\":1564113600000,\"subscriptionType\":\"contact.creation\",\"attemptNumber\":0,\"objectId\":123,"
   "\"changeSource\":\"CRM\",\"changeFlag\":\"NEW\",\"appId\":54321}]",
   {{"x-hubspot-signature", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"}, {"x-hubspot-signature-version", "v1"}}, 0},
  {"hubspot-v1", HUB, URI, "{\"example_field\":\"example_value\"}", {{"x-hubspot-signature", "54B2530692E3A3982727206AEEE670ED1D85319CAD55D4DDBAFCF41725EBF2B3"}}, 0},
  {"hubspot-v2", HUB, URI, "{\"example_field\":\"example_value\"}",
   {{"x-hubspot-signature", "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"}, {"x-hubspot-signature-version", "v2"}}, 0},
  {"hubspot-v3", HUB, URI, "{\"example_field\":\"example_value\"}",
   {{"x-hubspot-signature-v3", "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go="}, {"x-hubspot-request-timestamp", "1693657560000"}}, 1693657560000},
  {"hubspot-v3", HUB, URI, "{'example_field':'example_value'}",
   {{"x-hubspot-signature-v3", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="}, {"x-hubspot-request-timestamp", "1693657560000"}}, 1693657560000},
  {"hubspot-v3", HUB, URI "?q=a%3Ab%20c&x=%2Fy", "{\"example_field\":\"example_value\"}",
   {{"x-hubspot-signature-v3", "8oIBkkXAZjJ5hcQv86C0JMm7IBISldBVNRZW3ijsZfg="}, {"x-hubspot-request-timestamp", "1700000300000"}}, 1700000300000},
  {"stripe", "whsec_test_secret", URI, "{\"id\":\"evt_1\"}",
   {{"stripe-signature", "t=1700000000,v1=00,v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a,v0=x"}}, 1700000000000},
  {"github", "It's a Secret to Everybody", URI, "Hello, World!", {{"x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}, 0},
};

static void fill(const vector *v, peri_delivery *d, peri_header headers[4]) {
  *d = (peri_delivery){.method = PERI_STR("POST"), .uri = peri_str_of(v->uri), .headers = headers, .body = peri_str_of(v->body), .now_ms = v->now_ms};
  for (; d->header_count < 4 && v->headers[d->header_count][0]; d->header_count++)
    headers[d->header_count] = (peri_header){peri_str_of(v->headers[d->header_count][0]), peri_str_of(v->headers[d->header_count][1])};
}

static void vectors_hold(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    const vector *v = &vectors[i];
    peri_secrets *s = peri_secrets_new();
    peri_secrets_put(s, PERI_STR("key"), peri_str_of(v->secret));
    peri_header headers[4];
    peri_delivery d;
    peri_err e = {0};
    fill(v, &d, headers);
    assert_true(peri_verify_present(peri_str_of(v->scheme), &d));
    if (peri_verify(peri_str_of(v->scheme), NULL, &d, s, PERI_STR("key"), &e)) fail_msg("%zu %s: %s", i, v->scheme, e.text);
    /* any byte of the body changed, and one appended */
    char body[512];
    for (size_t k = 0; k < d.body.n; k++) {
      memcpy(body, v->body, d.body.n);
      body[k] ^= 1;
      peri_delivery bad = d;
      bad.body.p = body;
      assert_int_equal(peri_verify(peri_str_of(v->scheme), NULL, &bad, s, PERI_STR("key"), &e), PERI_CREDENTIALS_REFUSED);
    }
    peri_secrets_free(s);
    /* another secret; none; and the old one beside the new */
    s = peri_secrets_new();
    assert_int_equal(peri_verify(peri_str_of(v->scheme), NULL, &d, s, PERI_STR("key"), &e), PERI_CREDENTIALS_REFUSED);
    assert_non_null(strstr(e.text, "no credential 'key'"));
    peri_secrets_put(s, PERI_STR("key"), PERI_STR("another secret"));
    peri_secrets_put(s, PERI_STR("keys"), peri_str_of(v->secret)); /* not ours */
    assert_int_equal(peri_verify(peri_str_of(v->scheme), NULL, &d, s, PERI_STR("key"), &e), PERI_CREDENTIALS_REFUSED);
    peri_secrets_put(s, PERI_STR("key.old"), peri_str_of(v->secret));
    assert_int_equal(peri_verify(peri_str_of(v->scheme), NULL, &d, s, PERI_STR("key"), &e), PERI_OK);
    peri_secrets_free(s);
  }
}

static void old_and_future_ones_are_replays(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    const vector *v = &vectors[i];
    if (!v->now_ms) continue;
    peri_secrets *s = peri_secrets_new();
    peri_secrets_put(s, PERI_STR("key"), peri_str_of(v->secret));
    static const struct {
      int64_t off;
      bool fine;
    } clocks[] = {{299000, true}, {300001, false}, {-299000, true}, {-300001, false}};
    for (size_t k = 0; k < 4; k++) {
      peri_header headers[4];
      peri_delivery d;
      peri_err e = {0};
      fill(v, &d, headers);
      d.now_ms += clocks[k].off;
      assert_int_equal(peri_verify(peri_str_of(v->scheme), NULL, &d, s, PERI_STR("key"), &e) == PERI_OK, clocks[k].fine);
    }
    peri_secrets_free(s);
  }
}

/* Signed here by the same primitives, over bytes with NULs: slack, shopify, standard webhooks, an HMAC spelled out. */
static void made_signatures_hold(void **state) {
  (void)state;
  static const char body[] = "{\"a\":\"\0b\"}";
  const peri_str raw = {body, sizeof body - 1};
  unsigned char mac[32];
  peri_buf text = {0}, hex = {0}, b64 = {0};
  peri_secrets *s = peri_secrets_new();
  peri_secrets_put(s, PERI_STR("key"), PERI_STR("whsec_c2VjcmV0LWJ5dGVz"));
  peri_err e = {0};
  peri_hmac_sha256(PERI_STR("whsec_c2VjcmV0LWJ5dGVz"), raw, mac);
  peri_base64(&b64, (peri_str){(const char *)mac, 32});
  peri_header shopify = {PERI_STR("x-shopify-hmac-sha256"), peri_buf_view(&b64)};
  peri_delivery d = {.method = PERI_STR("POST"), .headers = &shopify, .header_count = 1, .body = raw, .now_ms = 1700000000000};
  assert_int_equal(peri_verify(PERI_STR("shopify"), NULL, &d, s, PERI_STR("key"), &e), PERI_OK);
  peri_hmac_words w = {"hmac-sha256", PERI_STR("x-shopify-hmac-sha256"), {0}, false, raw, PERI_STR("1700000000"), 0};
  assert_int_equal(peri_verify(PERI_STR("hmac-sha256"), &w, &d, s, PERI_STR("key"), &e), PERI_OK);
  w.time = PERI_STR("1699999000");
  assert_int_equal(peri_verify(PERI_STR("hmac-sha256"), &w, &d, s, PERI_STR("key"), &e), PERI_CREDENTIALS_REFUSED);
  peri_buf_c_str(&text, "msg_1.1700000000.");
  peri_buf_str(&text, raw);
  peri_hmac_sha256(PERI_STR("secret-bytes"), peri_buf_view(&text), mac);
  peri_buf_clear(&b64);
  peri_buf_c_str(&b64, "v1,AAAA v1,");
  peri_base64(&b64, (peri_str){(const char *)mac, 32});
  peri_header standard[] = {{PERI_STR("webhook-id"), PERI_STR("msg_1")}, {PERI_STR("webhook-timestamp"), PERI_STR("1700000000")}, {PERI_STR("webhook-signature"), peri_buf_view(&b64)}};
  d.headers = standard, d.header_count = 3;
  assert_int_equal(peri_verify(PERI_STR("standard-webhooks"), NULL, &d, s, PERI_STR("key"), &e), PERI_OK);
  standard[0].value = PERI_STR("msg_2");
  assert_int_equal(peri_verify(PERI_STR("standard-webhooks"), NULL, &d, s, PERI_STR("key"), &e), PERI_CREDENTIALS_REFUSED);
  peri_buf_fini(&text), peri_buf_fini(&hex), peri_buf_fini(&b64);
  peri_secrets_free(s);
}

static void odd_headers_are_refused(void **state) {
  (void)state;
  static const char *const odd[][2] = {{"stripe-signature", "t=,v1="}, {"stripe-signature", "v1=00"}, {"stripe-signature", ",,,"}, {"stripe-signature", "t=99999999999999999999,v1=0"},
                                       {"x-hub-signature-256", "sha1=00"}, {"x-hub-signature-256", "sha256="}, {"x-slack-signature", "v0=0"}, {"x-hubspot-signature-v3", "="},
                                       {"webhook-signature", "v2,x"}, {"x-shopify-hmac-sha256", "!"}};
  static const char *const schemes[] = {"stripe", "github", "slack", "shopify", "standard-webhooks", "hubspot-v1", "hubspot-v2", "hubspot-v3", "nonsense"};
  peri_secrets *s = peri_secrets_new();
  peri_secrets_put(s, PERI_STR("key"), PERI_STR("k3y-bytes"));
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    for (size_t k = 0; k < sizeof schemes / sizeof *schemes; k++) {
      peri_header h = {peri_str_of(odd[i][0]), peri_str_of(odd[i][1])};
      peri_delivery d = {.method = PERI_STR("POST"), .headers = &h, .header_count = 1, .body = PERI_STR("{}"), .now_ms = 1700000000000};
      peri_err e = {0};
      assert_int_not_equal(peri_verify(peri_str_of(schemes[k]), NULL, &d, s, PERI_STR("key"), &e), PERI_OK);
      assert_true(strlen(e.text) > 10);
    }
  peri_secrets_free(s);
}

int peri_test_vault_verify(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_hold), cmocka_unit_test(old_and_future_ones_are_replays), cmocka_unit_test(made_signatures_hold),
                                     cmocka_unit_test(odd_headers_are_refused)};
  return cmocka_run_group_tests_name("vault/verify", tests, NULL, NULL);
}
