/* A login as a pure machine: redirects good and forged, devices that wait, discovery documents that lie. */
#include "test_core.h"

#include "core/auth.h"

#define NOW 1700000000000

static peri_browser_step comes(peri_browser *b, peri_arena *a, const char *more, int64_t now_ms, int *status, peri_err *err) {
  peri_buf page = {0};
  peri_str query = peri_arena_fmt(a, "state=%s%s", b->state, more);
  peri_browser_step step = peri_browser_request(b, PERI_STR("/callback"), query, now_ms, status, &page, err);
  peri_buf_fini(&page);
  return step;
}

static void redirects(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_browser b;
  peri_err err = {0};
  int status;
  peri_browser_begin(&b, a, PERI_STR("http://127.0.0.1:1/callback"), PERI_STR("https://id.example"), true, NOW);
  peri_str url = peri_browser_url(&b, a, PERI_STR("https://id.example/auth?x=1"), PERI_STR("me"), PERI_STR("a b"), true, NULL, NULL, 0);
  assert_true(peri_str_starts(url, PERI_STR("https://id.example/auth?x=1&response_type=code&client_id=me&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&scope=a%20b&state=")));
  assert_null(memmem(url.p, url.n, b.verifier, strlen(b.verifier)));
  assert_int_equal(comes(&b, a, "&code=c", NOW + PERI_LOGIN_MS + 1, &status, &err), PERI_BROWSER_WAIT); /* too late */
  assert_int_equal(status, 400);
  assert_int_equal(comes(&b, a, "&code=c%2F1&iss=https%3A%2F%2Fid.example", NOW + 1, &status, &err), PERI_BROWSER_CODE);
  assert_str(b.code, "c/1");
  assert_int_equal(comes(&b, a, "&code=d&iss=https%3A%2F%2Fid.example", NOW + 2, &status, &err), PERI_BROWSER_WAIT); /* once */
  assert_str(b.code, "c/1");
  static const char *const mixed[] = {"&code=c&iss=https%3A%2F%2Fevil.example", "&code=c"};
  for (size_t i = 0; i < 2; i++) { /* another issuer, or none from one that promised to say it */
    peri_browser_begin(&b, a, PERI_STR("http://127.0.0.1:1/callback"), PERI_STR("https://id.example"), true, NOW);
    assert_int_equal(comes(&b, a, mixed[i], NOW, &status, &err), PERI_BROWSER_ENDED);
    assert_int_equal(err.code, PERI_CREDENTIALS_REFUSED);
    assert_int_equal(b.code.n, 0);
  }
  peri_arena_free(a);
}

static void devices(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_err err = {0};
  peri_device d;
  assert_ok(peri_device_read(a, 200, PERI_STR("{\"device_code\":\"dev-123456\",\"user_code\":\"AB-CD\",\"verification_uri\":\"https://id.example/d\",\"expires_in\":60,\"interval\":5}"), NOW, &d, &err));
  assert_int_equal(d.interval_ms, 5000);
  assert_int_equal(peri_device_answer(&d, false, 400, PERI_STR("{\"error\":\"authorization_pending\"}"), NOW, &err), PERI_DEVICE_WAIT);
  assert_int_equal(d.interval_ms, 5000);
  assert_int_equal(peri_device_answer(&d, false, 400, PERI_STR("{\"error\":\"slow_down\"}"), NOW, &err), PERI_DEVICE_WAIT);
  assert_int_equal(d.interval_ms, 10000);
  assert_int_equal(peri_device_answer(&d, true, 0, PERI_STR(""), NOW, &err), PERI_DEVICE_WAIT);
  assert_int_equal(d.interval_ms, 20000);
  assert_int_equal(peri_device_answer(&d, false, 400, PERI_STR("{\"error\":\"authorization_pending\"}"), NOW + 50000, &err), PERI_DEVICE_ENDED); /* no time for another */
  assert_int_equal(err.code, PERI_TIMEOUT);
  assert_int_equal(peri_device_answer(&d, false, 400, PERI_STR("{\"error\":\"access_denied\"}"), NOW, &err), PERI_DEVICE_ENDED);
  assert_int_equal(peri_device_answer(&d, false, 400, PERI_STR("{\"error\":\"expired_token\"}"), NOW, &err), PERI_DEVICE_ENDED);
  assert_int_equal(peri_device_answer(&d, false, 200, PERI_STR("{\"access_token\":\"t\"}"), NOW, &err), PERI_DEVICE_TOKEN);
  peri_arena_free(a);
}

static void discovery(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_err err = {0};
  peri_provider p;
  peri_str urls[3], issuer = PERI_STR("https://id.example/realm");
  assert_int_equal(peri_discovery_urls(a, issuer, urls), 3);
  assert_str(urls[0], "https://id.example/realm/.well-known/openid-configuration");
  assert_str(urls[1], "https://id.example/.well-known/oauth-authorization-server/realm");
  assert_ok(peri_discovery_read(a, issuer, PERI_STR("{\"issuer\":\"https://id.example/realm\",\"token_endpoint\":\"https://id.example/t\"}"), &p, &err));
  assert_str(p.token, "https://id.example/t");
  assert_str(p.client_auth, "basic");
  assert_int_equal(peri_discovery_read(a, issuer, PERI_STR("{\"issuer\":\"https://evil.example\",\"token_endpoint\":\"https://id.example/t\"}"), &p, &err), PERI_BAD_REPLY);
  assert_int_equal(peri_discovery_read(a, issuer, PERI_STR("{\"issuer\":\"https://id.example/realm\",\"token_endpoint\":\"http://id.example/t\"}"), &p, &err), PERI_BAD_REPLY);
  peri_arena_free(a);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(redirects), cmocka_unit_test(devices), cmocka_unit_test(discovery)};
PERI_GROUP(auth, tests)
