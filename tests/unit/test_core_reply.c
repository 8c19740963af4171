/* What replies mean: lookup through request, stream and connector, `when`, waits in every spelling, reasons, broken bodies. */
#include "base/clock.h"
#include "test_core.h"

#include <stdio.h>

#define NOW INT64_C(1700000000000) /* 2023-11-14T22:13:20Z, a Tuesday */

typedef struct world { peri_arena *a; peri_connector c; peri_action action; } world;

static void world_open(world *w, const char *request_on, const char *stream_on, const char *connector_on) {
  memset(w, 0, sizeof *w);
  w->a = peri_arena_new();
  w->c = connector(w->a, peri_arena_fmt(w->a, "connector \"x\" { base = \"https://h.example\", reason = { \"message\", \"errors[].text\" }, on = %s,\n"
                                              "streams = { stream \"s\" { key = \"id\", on = %s,\nfull = get \"/l\" { on = %s } } } }",
                                        connector_on, stream_on, request_on).p);
}

static peri_act act(world *w, int status, const char *headers, const char *body) {
  peri_http_reply r = reply(w->a, status, headers, body);
  peri_reply_action(w->a, &w->c, w->c.streams[0].full, &r, json(w->a, "{\"zone\":\"+01:00\",\"city\":\"America/New_York\"}"), NOW, &w->action);
  return w->action.act;
}

static void built_in(void **state) {
  (void)state;
  static const struct { int status; peri_act act; } rows[] = {{200, PERI_ACT_OK}, {204, PERI_ACT_OK}, {207, PERI_ACT_OK}, {304, PERI_ACT_IGNORE}, {301, PERI_ACT_STOP},
    {400, PERI_ACT_STOP}, {401, PERI_ACT_REFRESH}, {403, PERI_ACT_MISSING}, {404, PERI_ACT_SKIP}, {408, PERI_ACT_WAIT}, {410, PERI_ACT_STOP}, {418, PERI_ACT_STOP},
    {429, PERI_ACT_WAIT}, {500, PERI_ACT_RETRY}, {503, PERI_ACT_RETRY}, {599, PERI_ACT_RETRY}, {600, PERI_ACT_STOP}};
  world w;
  world_open(&w, "{}", "{}", "{}");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (act(&w, rows[i].status, NULL, "<html>") != rows[i].act) fail_msg("%d is %s", rows[i].status, peri_act_name(w.action.act));
    assert_int_equal(w.action.line, 0);
    assert_int_equal(w.action.wait_ms, -1);
  }
  peri_arena_free(w.a);
}

static void levels(void **state) {
  (void)state;
  world w;
  world_open(&w, "{ [404] = \"done\" }", "{ [404] = \"stop\", [\"5xx\"] = \"smaller\", [500] = \"restart\" }",
             "{ [403] = { \"missing\", say = \"no scope\" }, [\"5xx\"] = \"stop\", [\"2xx\"] = \"skip\" }");
  assert_int_equal(act(&w, 404, NULL, ""), PERI_ACT_DONE);
  assert_int_equal(act(&w, 500, NULL, ""), PERI_ACT_RESTART);
  assert_int_equal(act(&w, 502, NULL, ""), PERI_ACT_SMALLER);
  assert_int_equal(act(&w, 204, NULL, ""), PERI_ACT_SKIP);
  assert_int_equal(act(&w, 403, NULL, "{\"message\":\"this app lacks a scope\"}"), PERI_ACT_MISSING);
  assert_str(w.action.say, "no scope");
  assert_str(w.action.reason, "this app lacks a scope");
  assert_int_equal(w.action.line, 1);
  assert_int_equal(act(&w, 401, NULL, ""), PERI_ACT_REFRESH);
  peri_arena_free(w.a);
}

static void choices(void **state) {
  (void)state;
  world w;
  world_open(&w, "{}", "{}", "{ [400] = when \"e.code\" { a = \"restart\", [\"ab*\"] = \"smaller\", [\"abc*\"] = \"discover\", [\"*\"] = \"skip\", otherwise = \"done\" },\n"
                             "[401] = when \"context.expire time[0]\" { [\"1970-*\"] = \"stop\", otherwise = \"refresh\" },\n"
                             "[409] = { when \"[].errors[0].code\" { LOCKED = \"retry\" }, when \"header:X-Why\" { dup = \"reject\" }, \"ok\" } }");
  assert_int_equal(act(&w, 400, NULL, "{\"e\":{\"code\":\"a\"}}"), PERI_ACT_RESTART);
  assert_int_equal(act(&w, 400, NULL, "{\"e\":{\"code\":\"abx\"}}"), PERI_ACT_SMALLER);
  assert_int_equal(act(&w, 400, NULL, "{\"e\":{\"code\":\"abcx\"}}"), PERI_ACT_DISCOVER);
  assert_int_equal(act(&w, 400, NULL, "{\"e\":{\"code\":5}}"), PERI_ACT_SKIP);
  assert_int_equal(act(&w, 400, NULL, "{\"e\":{\"code\":null}}"), PERI_ACT_DONE);
  assert_int_equal(act(&w, 400, NULL, "{\"e.code\":\"a\"}"), PERI_ACT_RESTART);
  assert_int_equal(act(&w, 400, NULL, "<html>"), PERI_ACT_DONE);
  assert_int_equal(act(&w, 401, NULL, "{\"context\":{\"expire time\":[\"1970-01-01T00:00:00Z\"]}}"), PERI_ACT_STOP);
  assert_int_equal(act(&w, 401, NULL, "{\"context\":{\"expire time\":[\"2026-01-01T00:00:00Z\"]}}"), PERI_ACT_REFRESH);
  assert_int_equal(act(&w, 409, NULL, "[{\"errors\":[]},{\"errors\":[{\"code\":\"OTHER\"}]},{\"errors\":[{\"code\":\"LOCKED\"}]}]"), PERI_ACT_RETRY);
  assert_int_equal(act(&w, 409, "x-why: dup", "[]"), PERI_ACT_REJECT);
  assert_int_equal(act(&w, 409, NULL, "[]"), PERI_ACT_OK);
  peri_arena_free(w.a);
}

static void errors_inside_200(void **state) {
  (void)state;
  world w;
  world_open(&w, "{}", "{}", "{ [200] = when \"error\" { [\"*\"] = \"stop\" }, when \"ok\" { [false] = \"reconnect\" }, when \"status:\" { [418] = \"skip\" } }");
  assert_int_equal(act(&w, 200, NULL, "{\"results\":[]}"), PERI_ACT_OK);
  assert_int_equal(act(&w, 200, NULL, "{\"error\":null,\"ok\":true}"), PERI_ACT_OK);
  assert_int_equal(act(&w, 200, NULL, "{\"error\":{\"x\":1}}"), PERI_ACT_STOP);
  assert_int_equal(act(&w, 200, NULL, "{\"ok\":false}"), PERI_ACT_RECONNECT);
  assert_int_equal(act(&w, 418, NULL, ""), PERI_ACT_SKIP);
  peri_arena_free(w.a);
}

static void waits(void **state) {
  (void)state;
  world w;
  world_open(&w, "{}", "{}", "{ [429] = when \"policy\" { DAILY = { \"wait\", till = \"midnight\", zone = \"setting:zone\" }, NY = { \"wait\", till = \"midnight\", zone = \"setting:city\" },\n"
                             "UTC = { \"wait\", till = \"midnight\" }, SECOND = { \"wait\", time = \"1s\" }, BARE = \"wait\", READ = { \"wait\", read = \"reset\", most = \"2h\" } },\n"
                             "[477] = { \"wait\", read = \"header:Retry-After\", most = \"24h\" }, [423] = { \"retry\", wait = \"2s\" } }");
#define WAIT(status, headers, body, want) do { act(&w, status, headers, body); assert_int_equal(w.action.wait_ms, want); } while (0)
  WAIT(429, NULL, "{\"policy\":\"SECOND\"}", 1000);
  WAIT(429, NULL, "{\"policy\":\"BARE\"}", 10000);
  WAIT(429, NULL, "{\"policy\":\"UTC\"}", 6400000);                 /* 22:13:20 till midnight: 1 h 46 min 40 s */
  WAIT(429, NULL, "{\"policy\":\"DAILY\"}", 6400000 - 3600000);     /* an hour further east */
  WAIT(429, "Retry-After: 7", "{\"policy\":\"DAILY\"}", 7000);      /* the server knows best, even unasked */
  WAIT(429, "Retry-After: 7", "", 7000);
  WAIT(503, "Retry-After: 1.5", "", 1500);
  WAIT(429, "Retry-After: Tue, 14 Nov 2023 22:13:50 GMT", "", 30000);
  WAIT(429, "Retry-After: Tue, 14 Nov 2023 22:13:00 GMT", "", 0);   /* in the past */
  WAIT(429, "Retry-After: -5", "", -1);                             /* nonsense says nothing */
  WAIT(429, "Retry-After: 99999", "", PERI_RETRY_AFTER_MS_MAX);     /* nobody holds us for a day */
  WAIT(477, "Retry-After: 20000", "", 20000000);                    /* unless the connector says so */
  WAIT(477, "Retry-After: 999999", "", 86400000);
  WAIT(429, NULL, "{\"policy\":\"READ\",\"reset\":1700000060}", 60000);
  WAIT(429, NULL, "{\"policy\":\"READ\",\"reset\":1700000060000}", 60000);
  WAIT(429, NULL, "{\"policy\":\"READ\",\"reset\":\"2023-11-14T22:14:20Z\"}", 60000);
  WAIT(429, NULL, "{\"policy\":\"READ\",\"reset\":30}", 30000);
  WAIT(429, NULL, "{\"policy\":\"READ\",\"reset\":1700099999}", 7200000);
  WAIT(423, NULL, "", 2000);
  assert_int_equal(w.action.act, PERI_ACT_RETRY);
  WAIT(500, NULL, "", -1);
  act(&w, 429, NULL, "{\"policy\":\"NY\"}"); /* 17:13:20 there, if this machine knows its zones; UTC if not */
  assert_true(w.action.wait_ms == 6400000 + 5 * 3600000 || w.action.wait_ms == 6400000);
  peri_arena_free(w.a);
}

static void reasons(void **state) {
  (void)state;
  world w;
  char page[5000];
  world_open(&w, "{}", "{}", "{}");
  act(&w, 400, NULL, "{\"message\":\"  not\\n  good\\u0000 \"}");
  assert_str(w.action.reason, "not good");
  act(&w, 400, NULL, "{\"errors\":[{\"no\":1},{\"text\":\"second\"}]}");
  assert_str(w.action.reason, "second");
  act(&w, 500, NULL, "<html>\n<b>Bad gateway</b>");
  assert_str(w.action.reason, "<html> <b>Bad gateway</b>");
  act(&w, 500, NULL, "\xff\xfe ok");
  assert_str(w.action.reason, "?? ok");
  memset(page, 'x', sizeof page - 1);
  page[399] = '\xc3';
  page[400] = '\xa7';
  page[sizeof page - 1] = 0;
  act(&w, 500, NULL, page);
  assert_int_equal(w.action.reason.n, 399);
  act(&w, 200, NULL, "{\"message\":\"fine\"}");
  assert_int_equal(w.action.reason.n, 0);
  peri_arena_free(w.a);
}

static void transport(void **state) {
  (void)state;
  world w;
  world_open(&w, "{}", "{}", "{ when \"a\" { otherwise = \"skip\" } }");
  static const struct { peri_code code; peri_act act; } rows[] = {{PERI_CONNECT, PERI_ACT_RETRY}, {PERI_DNS, PERI_ACT_RETRY}, {PERI_TIMEOUT, PERI_ACT_RETRY}, {PERI_BAD_REPLY, PERI_ACT_RETRY},
    {PERI_TLS, PERI_ACT_STOP}, {PERI_ADDRESS_REFUSED, PERI_ACT_STOP}, {PERI_REPLY_TOO_LARGE, PERI_ACT_SMALLER}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    peri_http_reply r = {.code = rows[i].code, .error = "no way to h.example"};
    peri_reply_action(w.a, &w.c, w.c.streams[0].full, &r, NULL, NOW, &w.action);
    assert_int_equal(w.action.act, rows[i].act);
    assert_str(w.action.reason, "no way to h.example");
  }
  peri_arena_free(w.a);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(built_in), cmocka_unit_test(levels), cmocka_unit_test(choices), cmocka_unit_test(errors_inside_200),
  cmocka_unit_test(waits), cmocka_unit_test(reasons), cmocka_unit_test(transport)};
PERI_GROUP(core_reply, tests)
