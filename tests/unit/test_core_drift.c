/* core/drift: what differs between two looks at an account's fields, and what each policy makes of it. */
#include <string.h>

#include "core/drift.h"
#include "test_core.h"

#define OLD "{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"choice\",\"options\":[{\"value\":\"x\",\"label\":\"X\"},{\"value\":\"y\",\"label\":\"Y\"}]},\"c\":{\"type\":\"number\"}}"
#define NEW "{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"choice\",\"options\":[{\"value\":\"y\",\"label\":\"Why\"},{\"value\":\"z\",\"label\":\"Z\"}]},\"d\":{\"type\":\"date\"}}"

static peri_str told(peri_arena *a, const peri_drift_row *rows, size_t count) {
  peri_str all = PERI_STR("");
  for (size_t i = 0; i < count; i++) all = peri_arena_fmt(a, "%.*s%s%.*s %.*s %.*s", PERI_S(all), i ? ", " : "", PERI_S(rows[i].field), PERI_S(rows[i].what), PERI_S(rows[i].state));
  return all;
}

static void labels_and_order_are_no_change(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_drift_row *rows;
  const peri_json *was = json(a, "{\"b\":{\"label\":\"B\",\"type\":\"t\",\"options\":[{\"value\":\"x\",\"label\":\"X\"},{\"value\":\"y\",\"label\":\"Y\"}]},\"a\":{}}");
  assert_int_equal(0, peri_drift_compare(a, was, json(a, "{\"a\":{},\"b\":{\"label\":\"Bee\",\"type\":\"t\",\"options\":[{\"value\":\"y\",\"label\":\"why\"},{\"value\":\"x\",\"label\":\"X\"}]}}"), &rows));
  assert_int_equal(1, peri_drift_compare(a, was, json(a, "{\"a\":{\"relation\":\"deal\"},\"b\":{\"type\":\"t\",\"options\":[{\"value\":\"y\"},{\"value\":\"x\"}]}}"), &rows));
  assert_str(rows[0].what, "type");
  peri_arena_free(a);
}

static void each_policy_has_its_fields_in_force(void **state) {
  (void)state;
  static const struct { peri_drift_policy policy; const char *force, *rows; } cases[] = {
      {PERI_DRIFT_EVOLVE, NEW, "a type taken, b options taken, d appeared taken, c vanished taken"},
      {PERI_DRIFT_FREEZE, "{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"choice\",\"options\":[{\"value\":\"x\",\"label\":\"X\"},{\"value\":\"y\",\"label\":\"Y\"}]}}",
       "a type frozen, b options frozen, d appeared frozen, c vanished frozen"},
      {PERI_DRIFT_ASK, "{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"choice\",\"options\":[{\"value\":\"x\",\"label\":\"X\"},{\"value\":\"y\",\"label\":\"Y\"}]}}",
       "a type asked, b options asked, d appeared asked, c vanished asked"},
  };
  for (size_t i = 0; i < 3; i++) {
    peri_arena *a = peri_arena_new();
    peri_drift_row *rows, *again;
    size_t count, none;
    peri_str force = peri_drift_decide(a, cases[i].policy, json(a, OLD), json(a, NEW), NULL, 0, &rows, &count);
    assert_str(force, cases[i].force);
    assert_str(told(a, rows, count), cases[i].rows);
    if (cases[i].policy == PERI_DRIFT_EVOLVE) count = 0;
    for (size_t k = 0; k < count; k++) rows[k].seq = (int64_t)k + 1;
    assert_str(peri_drift_decide(a, cases[i].policy, json(a, force.p), json(a, NEW), rows, count, &again, &none), cases[i].force);
    assert_int_equal(0, none); /* the second look finds nothing */
    peri_drift_decide(a, cases[i].policy, json(a, force.p), json(a, OLD), rows, count, &again, &none);
    for (size_t k = 0; k < none && count; k++) assert_str(again[k].state, "over"); /* and all of it may be taken back */
    if (count) assert_int_equal(count, none);
    peri_arena_free(a);
  }
}

static void a_policy_may_change_and_an_answer_stands(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_drift_row *rows, open[] = {{.seq = 7, .field = PERI_STR("d"), .what = PERI_STR("appeared"), .state = PERI_STR("declined"), .now = PERI_STR("{\"type\":\"date\"}")}};
  size_t count;
  const peri_json *old = json(a, "{\"a\":{}}"), *now = json(a, "{\"a\":{},\"d\":{\"type\":\"date\"}}");
  assert_str(peri_drift_decide(a, PERI_DRIFT_ASK, old, now, open, 1, &rows, &count), "{\"a\":{}}");
  assert_int_equal(0, count);
  assert_str(peri_drift_decide(a, PERI_DRIFT_EVOLVE, old, now, open, 1, &rows, &count), "{\"a\":{},\"d\":{\"type\":\"date\"}}");
  assert_int_equal(1, count);
  assert_true(rows[0].seq == 7 && peri_str_is(rows[0].state, "taken"));
  peri_drift_decide(a, PERI_DRIFT_ASK, old, json(a, "{\"a\":{},\"d\":{\"type\":\"number\"}}"), open, 1, &rows, &count);
  assert_str(told(a, rows, count), "d appeared asked, d appeared over"); /* it became something else: asked anew */
  peri_arena_free(a);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(labels_and_order_are_no_change),
    cmocka_unit_test(each_policy_has_its_fields_in_force),
    cmocka_unit_test(a_policy_may_change_and_an_answer_stands),
};
PERI_GROUP(core_drift, tests)
