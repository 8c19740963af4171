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
  while (peri_patience_limit(&p, 0, 4321, &wait)) waits++;
  assert_int_equal(waits, 30);
  p = (peri_patience){0};
  assert_false(peri_patience_limit(&p, 86400000, 1, &wait));
  assert_int_equal(wait, 86400000);
  p = (peri_patience){0};
  assert_true(peri_patience_limit(&p, 200000, 1, &wait));
  assert_false(peri_patience_limit(&p, 200000, 1, &wait)); /* five minutes in all */
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(silence), cmocka_unit_test(garbage), cmocka_unit_test(limits)};
PERI_GROUP(core_patience, tests)
