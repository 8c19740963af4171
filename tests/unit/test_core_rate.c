/* The ledger of limits, played in virtual time: the promise is never broken, little is given away, replies correct it, a restart remembers. */
#include "core/budget.h"
#include "core/lua_pattern.h"
#include "core/rate.h"
#include "test_core.h"

#include <stdio.h>
#include <stdlib.h>

#define RUN 20000
static int64_t sent[RUN];
#define START INT64_C(1000000)

/* Asks, and if it may go, is answered in the same moment. */
static int64_t asked(peri_rate *r, peri_str name, int64_t cost, int64_t now) {
  int64_t wait = peri_rate_ask(r, name, cost, 100, now);
  if (wait == 0) peri_rate_landed(r, name, cost, now, now);
  return wait;
}

/* Sends as fast as it may, with pauses of a caller's own now and then; gives the number sent till `end`. */
static size_t play(peri_rate *r, const char *name, int64_t start, int64_t end, unsigned seed) {
  size_t n = 0;
  uint64_t x = seed * 2654435761u + 1;
  for (int64_t now = start; now < end && n < RUN;) {
    int64_t wait = asked(r, peri_str_of(name), 1, now);
    if (wait == 0) sent[n++] = now;
    now += wait;
    x = x * 6364136223846793005u + 1442695040888963407u;
    if (wait == 0 && seed && x >> 60 == 0) now += (int64_t)(x >> 33) % 900; /* the caller is busy elsewhere */
  }
  return n;
}

static size_t most_in(size_t n, int64_t window) {
  size_t most = 0, from = 0;
  for (size_t i = 0; i < n; i++) {
    while (sent[i] - sent[from] >= window) from++;
    if (i - from + 1 > most) most = i - from + 1;
  }
  return most;
}

static void promise(void **state) {
  (void)state;
  static const struct { const char *text; size_t size; int64_t window; } rows[] = {{"\"100/10s\"", 100, 10000}, {"\"4/s\"", 4, 1000}, {"\"190/10s\"", 190, 10000}, {"\"1/s\"", 1, 1000},
    {"\"3/200ms\"", 3, 200}, {"\"7/300ms\"", 7, 300}, {"\"1000/min\"", 1000, 60000}, {"{ \"30/s\", burst = 5 }", 30, 1000}, {"\"5000/hour\"", 5000, 3600000}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (unsigned seed = 0; seed < 4; seed++) {
      peri_arena *a = peri_arena_new();
      peri_rate *r = peri_rate_new(tree(a, peri_arena_fmt(a, "{ default = %s }", rows[i].text).p), NULL, START);
      int64_t start = INT64_C(1700000000000) + 377 * seed, end = start + 20 * rows[i].window;
      size_t n = play(r, "default", start, end, seed);
      if (most_in(n, rows[i].window) > rows[i].size) fail_msg("%s: %zu in one window", rows[i].text, most_in(n, rows[i].window));
      if (seed == 0 && n * 10 < 9 * 20 * rows[i].size && n < RUN) fail_msg("%s: only %zu of %zu used", rows[i].text, n, 20 * rows[i].size);
      peri_rate_free(r);
      peri_arena_free(a);
    }
}

static void burst(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(a, "{ default = { \"60/min\", burst = 3 } }"), NULL, START);
  size_t n = play(r, "default", 1000000, 1000000 + 30000, 0);
  assert_int_equal(most_in(n, 900), 3);
  assert_true(n >= 28 && n <= 33); /* about one a second behind the first three */
  peri_rate_free(r);
  peri_arena_free(a);
}

static void several(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(a, "{ default = { { \"10/s\" }, \"50/min\" }, search = \"4/s\" }"), NULL, START);
  size_t n = play(r, "default", 1000000, 1000000 + 59000, 0);
  assert_int_equal(n, 50);
  assert_int_equal(most_in(n, 1000), 10);
  assert_int_equal(play(r, "search", 1059000, 1059001, 0), 4); /* a budget of its own */
  assert_int_equal(asked(r, PERI_STR("nowhere"), 1, 1059001) > 0, 1); /* an unknown class spends from default */
  peri_rate_free(r);
  peri_arena_free(a);
}

static void partitions(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(a, "{ default = { \"2/s\", per = \"parent:id\" } }"), NULL, START);
  assert_int_equal(play(r, "default@1", 1000000, 1000001, 0), 2);
  assert_int_equal(play(r, "default@2", 1000001, 1000002, 0), 2);
  assert_true(asked(r, PERI_STR("default@1"), 1, 1000002) > 900);
  for (int i = 0; i < 10000; i++) asked(r, peri_arena_fmt(a, "default@x%d", i), 1, 1000003); /* bounded */
  assert_int_equal(asked(r, PERI_STR("default@x9999"), 1, 1000004), 0);
  peri_rate_free(r);
  peri_arena_free(a);
}

static void costs(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(a, "{ default = \"10/s\" }"), NULL, START);
  assert_int_equal(asked(r, PERI_STR("default"), 7, 1000000), 0);
  assert_true(asked(r, PERI_STR("default"), 4, 1000001) > 900);
  assert_int_equal(asked(r, PERI_STR("default"), 3, 1000002), 0);
  int64_t wait = asked(r, PERI_STR("default"), 99, 1000003); /* dearer than all there is: waits for all of it */
  assert_true(wait > 900 && wait < 1200);
  assert_int_equal(asked(r, PERI_STR("default"), 99, 1000003 + wait), 0);
  assert_int_equal(asked(r, PERI_STR("default"), 0, 1000003 + wait), 0); /* free ones stay free */
  peri_rate_free(r);
  peri_arena_free(a);
}

#define LIMIT "{ default = { { \"100/10s\", left = \"header:X-Left\", size = \"header:X-Size\", reset = \"header:X-Reset\" } }, search = \"4/s\" }"

static void corrected_up(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_arena *connectors = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(connectors, LIMIT), NULL, START);
  peri_arena_free(connectors); /* the ledger outlives the tree that it was made from */
  int64_t now = INT64_C(1700000000000);
  assert_int_equal(asked(r, PERI_STR("default"), 1, now), 0);
  peri_http_reply big = reply(a, 200, "x-size: 190\nx-left: 189", "");
  peri_rate_reply(r, PERI_STR("default"), &big, now + 50);
  assert_int_equal(play(r, "default", now + 100, now + 200, 0), 189);
  peri_rate_free(r);
  peri_arena_free(a);
}

static void corrected_down(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(a, LIMIT), NULL, START);
  int64_t now = INT64_C(1700000000000);
  assert_int_equal(asked(r, PERI_STR("default"), 1, now), 0);
  peri_http_reply few = reply(a, 200, "X-Left: 5", ""); /* another program spends too */
  peri_rate_reply(r, PERI_STR("default"), &few, now + 50);
  assert_int_equal(play(r, "default", now + 100, now + 9000, 0), 5);
  peri_http_reply none = reply(a, 200, "X-Left: 0", "");
  peri_rate_reply(r, PERI_STR("default"), &none, now + 9000);
  int64_t wait = asked(r, PERI_STR("default"), 1, now + 9001);
  assert_true(wait > 500 && wait <= 10400);
  peri_http_reply until = reply(a, 200, "X-Left: 0\nX-Reset: 1700000025", "");
  peri_rate_reply(r, PERI_STR("default"), &until, now + 9002);
  assert_int_equal(asked(r, PERI_STR("default"), 1, now + 24000) > 0, 1);
  assert_int_equal(asked(r, PERI_STR("default"), 1, now + 25001), 0);
  peri_http_reply mad = reply(a, 200, "X-Left: 0\nX-Reset: 99999999999", "");
  peri_rate_reply(r, PERI_STR("default"), &mad, now + 26000);
  assert_true(asked(r, PERI_STR("default"), 1, now + 26001) <= 20000); /* a mad clock does not stop us for ever */
  peri_http_reply search = reply(a, 200, "", "");
  peri_rate_reply(r, PERI_STR("search"), &search, now + 26000);
  assert_int_equal(asked(r, PERI_STR("search"), 1, now + 26001), 0);
  peri_rate_free(r);
  peri_arena_free(a);
}

/* Windows that the server counts from a moment of its own: we follow it, instead of sitting out our own hour. */
static void fixed_windows(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(a, "{ default = { \"5000/hour\", left = \"header:L\", reset = \"header:R\" }, daily = { \"1000/day\", left = \"header:L\" }, rolling = { \"100/10s\", left = \"header:L\" } }"), NULL, START);
  int64_t now = INT64_C(1700000000000);
  peri_http_reply gone = reply(a, 200, "L: 0\nR: 1700000300", ""), fresh = reply(a, 200, "L: 4990", ""), day = reply(a, 200, "L: 990", ""), ten = reply(a, 200, "L: 95", "");
  peri_rate_reply(r, PERI_STR("default"), &gone, now);
  assert_int_equal(asked(r, PERI_STR("default"), 1, now + 1000), 299000);
  assert_int_equal(play(r, "default", now + 300000, now + 300001, 0), 5000);
  peri_rate_reply(r, PERI_STR("default"), &fresh, now + 600000); /* began anew meanwhile */
  assert_true(play(r, "default", now + 600001, now + 600002, 0) > 4500);
  assert_int_equal(play(r, "daily", now + 600003, now + 600004, 0), 1000);
  peri_rate_reply(r, PERI_STR("daily"), &day, now + 900000); /* midnight has passed there */
  assert_true(play(r, "daily", now + 900001, now + 900002, 0) > 900);
  assert_int_equal(play(r, "rolling", now + 900003, now + 900004, 0), 100);
  peri_rate_reply(r, PERI_STR("rolling"), &ten, now + 900100); /* an answer to an early one of these hundred: no reason to send more */
  assert_true(asked(r, PERI_STR("rolling"), 1, now + 900101) > 9000);
  peri_rate_free(r);
  peri_arena_free(a);
}

static void used_with_pattern(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(tree(a, "{ default = { \"100000/day\", used = \"header:Sforce-Limit-Info\", pattern = \"api%-usage=(%d+)/(%d+)\" }, g = { \"50/s\", left = \"x.left\" } }"), NULL, START);
  peri_http_reply info = reply(a, 200, "Sforce-Limit-Info: api-usage=14998/15000", "");
  int64_t now = INT64_C(1700000000000);
  peri_rate_reply(r, PERI_STR("default"), &info, now);
  assert_int_equal(play(r, "default", now, now + 1000, 0), 2);
  peri_http_reply body = reply(a, 200, "", "{\"x\":{\"left\":3}}");
  peri_rate_reply(r, PERI_STR("g"), &body, now + 1000);
  assert_int_equal(play(r, "g", now + 1000, now + 1001, 0), 3);
  peri_rate_free(r);
  peri_arena_free(a);
}

static void pause_and_time(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_rate *r = peri_rate_new(NULL, NULL, START); /* nothing declared: nothing but pauses */
  assert_int_equal(asked(r, PERI_STR("default"), 1, 5000), 0);
  peri_rate_pause(r, PERI_STR("default"), 9000);
  peri_rate_pause(r, PERI_STR("default"), 7000); /* an earlier one does not shorten it */
  assert_int_equal(asked(r, PERI_STR("default"), 1, 6000), 3000);
  assert_int_equal(asked(r, PERI_STR("default"), 1, 5000), 3000); /* a clock that went back counts as the last time */
  assert_int_equal(asked(r, PERI_STR("default"), 1, 9000), 0);
  peri_rate_free(r);
  peri_arena_free(a);
}

static void saved(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  const peri_node *rates = tree(a, LIMIT);
  peri_rate *r = peri_rate_new(rates, NULL, START);
  int64_t now = INT64_C(1700000000000);
  peri_http_reply big = reply(a, 200, "x-size: 120", "");
  peri_rate_reply(r, PERI_STR("default"), &big, now);
  assert_int_equal(play(r, "default", now, now + 5000, 0), 120);
  peri_rate_pause(r, PERI_STR("search"), now + 60000);
  peri_buf out = {0}, again = {0};
  peri_rate_save(r, true, now + 5000, &out);
  peri_rate *s = peri_rate_new(rates, json(a, peri_buf_c(&out)), now + 5000);
  assert_true(asked(s, PERI_STR("default"), 1, now + 6000) > 3000);
  assert_int_equal(asked(s, PERI_STR("search"), 1, now + 6000), 54000);
  assert_int_equal(asked(s, PERI_STR("default"), 1, now + 11000), 0);
  peri_rate *other = peri_rate_new(tree(a, "{ default = \"10/s\" }"), json(a, peri_buf_c(&out)), now + 5000); /* another declaration starts anew */
  assert_int_equal(asked(other, PERI_STR("default"), 1, now + 6000), 0);
  peri_rate *broken = peri_rate_new(rates, json(a, "{\"now\":-5,\"classes\":{\"default\":{\"pause\":\"x\",\"limits\":[{\"window\":10000,\"size\":-1,\"spent\":[[1],[9e99,-4],7]}]},\"@\":{}}}"), now);
  assert_int_equal(asked(broken, PERI_STR("default"), 1, now), 0);
  peri_rate_save(s, true, now + 6000, &again);
  assert_true(again.n > 0);
  peri_buf_fini(&out);
  peri_buf_fini(&again);
  peri_rate_free(r);
  peri_rate_free(s);
  peri_rate_free(other);
  peri_rate_free(broken);
  peri_arena_free(a);
}

static void backoff(void **state) {
  (void)state;
  for (int attempt = -1; attempt < 100; attempt++)
    for (uint64_t random = 0; random < 200000; random += 997) {
      int64_t ms = peri_backoff_ms(attempt, 0, random);
      assert_true(ms >= 0 && ms <= PERI_BACKOFF_MS_MAX);
      if (attempt == 1) assert_true(ms <= 1000);
      assert_true(peri_backoff_ms(attempt, 2500, random) >= 2500);
      assert_true(peri_backoff_ms(attempt, -1, random) >= 0);
    }
}

static void patterns(void **state) {
  (void)state;
  static const struct { const char *pattern, *text; int n; const char *first, *second; } rows[] = {
    {"(%d+)/(%d+)", "32/40", 2, "32", "40"}, {"^%a+=(%w-);", "a=b;", 1, "b", NULL}, {"%d+", "x 12 y", 1, "12", NULL}, {"^(%d+)$", "12x", 0, NULL, NULL},
    {"[^,]*, ?([%d.]+)%%", "left, 12.5% of", 1, "12.5", NULL}, {"(a*(b))", "aab", 2, "aab", "b"}, {"(", "x", 0, NULL, NULL}, {"[a", "a", 0, NULL, NULL}, {"%", "%", 0, NULL, NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    peri_str c[2] = {{NULL, 0}, {NULL, 0}};
    int n = peri_lua_captures(peri_str_of(rows[i].pattern), peri_str_of(rows[i].text), c, 2);
    if (n != rows[i].n) fail_msg("%s: %d captures", rows[i].pattern, n);
    if (rows[i].first) assert_str(c[0], rows[i].first);
    if (rows[i].second) assert_str(c[1], rows[i].second);
  }
  peri_str c[2];
  char slow[200];
  memset(slow, 'a', sizeof slow - 1);
  slow[sizeof slow - 1] = 0;
  assert_int_equal(peri_lua_captures(PERI_STR("a-a-a-a-a-b"), peri_str_of(slow), c, 2), 0); /* ends, and soon */
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(promise), cmocka_unit_test(burst), cmocka_unit_test(several), cmocka_unit_test(partitions), cmocka_unit_test(costs),
  cmocka_unit_test(corrected_up), cmocka_unit_test(corrected_down), cmocka_unit_test(fixed_windows), cmocka_unit_test(used_with_pattern), cmocka_unit_test(pause_and_time), cmocka_unit_test(saved),
  cmocka_unit_test(backoff), cmocka_unit_test(patterns)};
PERI_GROUP(core_rate, tests)
