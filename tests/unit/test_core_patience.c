/* How long one request is tried, played in virtual time: a server that says nothing costs less than 90 seconds, whatever it had answered before. */
#include "base/limits.h"
#include "core/patience.h"
#include "test_core.h"

/* Every attempt takes what it may, as a share of its timeout, and the backoff is as long as it can be. */
static int64_t worst_ms(peri_code code, int64_t timeout_ms, int *attempts) {
  peri_patience p = {0};
  int64_t spent = 0, wait = 0;
  for (*attempts = 1;; ++*attempts) {
    int64_t took = peri_patience_timeout(&p, timeout_ms);
    spent += took;
    if (!peri_patience_retry(&p, code, took, timeout_ms, -1, (UINT64_C(1) << 62) - 1, &wait)) return spent;
    assert_true(wait >= 0 && wait <= 60000);
    spent += wait;
    assert_true(*attempts <= PERI_RETRIES_MAX);
  }
}

static void silence(void **state) {
  (void)state;
  int attempts;
  assert_true(worst_ms(PERI_TIMEOUT, 0, &attempts) <= 90000);
  assert_int_equal(attempts, 2);
  assert_true(worst_ms(PERI_TIMEOUT, 3000, &attempts) <= 3000 + 3000 / 3 + 1000);
}

static void garbage(void **state) { /* what comes whole and cannot be read is asked for three times */
  (void)state;
  peri_patience p = {0};
  int64_t wait;
  assert_true(peri_patience_retry(&p, PERI_BAD_REPLY, 10, 0, -1, 7, &wait));
  assert_true(peri_patience_retry(&p, PERI_BAD_REPLY, 10, 0, -1, 7, &wait));
  assert_false(peri_patience_retry(&p, PERI_BAD_REPLY, 10, 0, -1, 7, &wait));
}

static void limits(void **state) { /* "at once" is not believed for ever, and a day is not waited for */
  (void)state;
  peri_patience p = {0};
  int64_t wait, waits = 0;
  while (peri_patience_limit(&p, 0, 10, 0, 4321, &wait)) waits++;
  assert_int_equal(waits, 30);
  p = (peri_patience){0};
  assert_false(peri_patience_limit(&p, 86400000, 10, 0, 1, &wait));
  assert_int_equal(wait, 86400000);
  p = (peri_patience){0};
  assert_true(peri_patience_limit(&p, 200000, 10, 0, 1, &wait));
  assert_false(peri_patience_limit(&p, 200000, 10, 0, 1, &wait)); /* five minutes in all */
}

/* What one attempt may end with. `share`: how much of its time it takes, in quarters. */
static const struct { peri_code code; bool limit; int share; } ends[] = {
  {PERI_TIMEOUT, false, 4}, {PERI_CONNECT, false, 0}, {PERI_CONNECT, false, 2}, {PERI_CONNECT, false, 4},
  {PERI_OK, false, 4},      {PERI_BAD_REPLY, false, 4}, {PERI_OK, true, 4},
};

static int64_t dearest_ms;
static long ways;

/* Every way on from here; spent_ms: attempts and our own backoffs, without the waits that the server asked for. */
static void every_way(peri_patience p, int64_t timeout_ms, uint64_t random, int64_t spent_ms) {
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    peri_patience next = p;
    int64_t took = peri_patience_timeout(&p, timeout_ms) * ends[i].share / 4, wait;
    bool again = ends[i].limit ? peri_patience_limit(&next, 0, took, timeout_ms, random, &wait)
                               : peri_patience_retry(&next, ends[i].code, took, timeout_ms, -1, random, &wait);
    if (spent_ms + took > dearest_ms) dearest_ms = spent_ms + took;
    ways++;
    if (again) every_way(next, timeout_ms, random, spent_ms + took + (ends[i].limit ? 0 : wait));
  }
}

static void nothing_costs_more(void **state) { /* than 90 seconds: resets just before the timeout, slow 503s, slow limits, and all of them in every order */
  (void)state;
  const uint64_t randoms[] = {0, 1500, (UINT64_C(1) << 62) - 1};
  const int64_t timeouts[] = {0, 3000, 30000};
  for (size_t t = 0; t < 3; t++)
    for (size_t r = 0; r < 3; r++) every_way((peri_patience){0}, timeouts[t], randoms[r], 0);
  print_message("%ld ways, the dearest %lld ms\n", ways, (long long)dearest_ms);
  assert_true(ways > 10000);
  assert_true(dearest_ms > 60000 && dearest_ms <= 90000);
}

static void resets_of_short_requests(void **state) { /* a server that is restarted is waited for, whatever the timeout */
  (void)state;
  peri_patience p = {0};
  int64_t wait, waited = 0;
  int tries = 0;
  while (peri_patience_retry(&p, PERI_CONNECT, 5, 3000, -1, (UINT64_C(1) << 62) - 1, &wait)) tries++, waited += wait;
  assert_int_equal(tries, PERI_RETRIES_MAX);
  assert_true(waited > 5000);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_costs_more), cmocka_unit_test(resets_of_short_requests), cmocka_unit_test(silence), cmocka_unit_test(garbage), cmocka_unit_test(limits)};
PERI_GROUP(core_patience, tests)
