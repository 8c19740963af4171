/* json/number: exact integers, decimals, doubles. */
#include "test_json.h"

#include "json/json.h"

static void integers_are_exact(void **state) {
  (void)state;
  static const struct {
    const char *text, *integer; /* NULL: not a whole number of at most forty digits */
  } cases[] = {
      {"12", "12"},
      {"-0", "0"},
      {"1e3", "1000"},
      {"1.0", "1"},
      {"-12.50e1", "-125"},
      {"0.0012e4", "12"},
      {"1200e-2", "12"},
      {"007", "7"},
      {"+7", "7"},
      {"5.", "5"},
      {"0e999999999999", "0"},
      {"18446744073709551616", "18446744073709551616"},
      {"1e39", "1000000000000000000000000000000000000000"},
      {"1e40", NULL},
      {"1.5", NULL},
      {"1e-1", NULL},
      {".5", NULL},
      {"", NULL},
      {"-", NULL},
      {"1e", NULL},
      {"1e+", NULL},
      {"abc", NULL},
      {"1 ", NULL},
      {" 1", NULL},
      {"0x1", NULL},
      {"1,000", NULL},
      {".", NULL},
      {"--1", NULL},
      {"1.2.3", NULL},
      {"1e2e3", NULL},
      {"1e99999999999999999999", NULL},
      {"inf", NULL},
      {"nan", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char out[48];
    peri_str text = tight(peri_str_of(cases[i].text));
    bool ok = peri_number_integer(text, out);
    if (ok != (cases[i].integer != NULL)) fail_msg("'%s' was %s", cases[i].text, ok ? "taken" : "refused");
    if (ok) assert_string_equal(out, cases[i].integer);
    if (ok) assert_true(peri_number_is_integer(text));
    tight_free(text);
  }
  assert_true(peri_number_is_integer(PERI_STR("1e40")));
  assert_false(peri_number_is_integer(PERI_STR("0.1")));
}

static void integers_have_their_range(void **state) {
  (void)state;
  int64_t i;
  uint64_t u;
  assert_true(peri_number_i64(PERI_STR("9223372036854775807"), &i) && i == INT64_MAX);
  assert_true(peri_number_i64(PERI_STR("-9223372036854775808"), &i) && i == INT64_MIN);
  assert_false(peri_number_i64(PERI_STR("9223372036854775808"), &i));
  assert_false(peri_number_i64(PERI_STR("-9223372036854775809"), &i));
  assert_true(peri_number_u64(PERI_STR("18446744073709551615"), &u) && u == UINT64_MAX);
  assert_false(peri_number_u64(PERI_STR("18446744073709551616"), &u));
  assert_false(peri_number_u64(PERI_STR("-1"), &u));
  assert_true(peri_number_u64(PERI_STR("-0"), &u) && u == 0);
  assert_true(peri_number_i64(PERI_STR("1.5e1"), &i) && i == 15);
  assert_false(peri_number_i64(PERI_STR("1.5"), &i));
}

static void decimals_are_canonical(void **state) {
  (void)state;
  static const struct {
    const char *text, *canonical;
  } cases[] = {
      {"0", "0"},
      {"-0.00", "0"},
      {"1.50", "1.5"},
      {"0.1", "0.1"},
      {"1e-3", "0.001"},
      {"-12.5e2", "-1250"},
      {"12.5e1", "125"},
      {"00012.500", "12.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e0", "1"},
      {"100", "100"},
      {"1.23456789e4", "12345.6789"},
      {"0.000", "0"},
      {"10.010", "10.01"},
      {"+3", "3"},
      {"0e-99999999999999", "0"},
      {"123e-2", "1.23"},
      {"000", "0"},
      {"0.0010e1", "0.01"},
      {".010", "0.01"},
      {"-.0", "0"},
      {".100e1", "1"},
      {"12345678901234567890123456789012345678901234567890.123456789", "12345678901234567890123456789012345678901234567890.123456789"},
      {"1e400", NULL},
      {"1e-400", NULL},
      {"1e999999999999999999", NULL},
      {"-1e-999999999999999999", NULL},
      {"", NULL},
      {"x", NULL},
      {"1_0", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peri_buf b = {0};
    peri_str text = tight(peri_str_of(cases[i].text));
    bool ok = peri_decimal_canonical(text, &b);
    tight_free(text);
    if (ok != (cases[i].canonical != NULL)) fail_msg("'%s' was %s", cases[i].text, ok ? "taken" : "refused");
    if (ok)
      assert_str(peri_buf_view(&b), cases[i].canonical);
    else
      assert_int_equal(b.n, 0);
    peri_buf again = {0};
    if (ok) assert_true(peri_decimal_canonical(peri_buf_view(&b), &again) && peri_str_eq(peri_buf_view(&again), peri_buf_view(&b)));
    peri_buf_fini(&again);
    peri_buf_fini(&b);
  }
  peri_buf b = {0};
  assert_true(peri_decimal_canonical(PERI_STR("1e399"), &b) && b.n == 400);
  peri_buf_clear(&b);
  assert_true(peri_decimal_canonical(PERI_STR("-1e-399"), &b) && b.n == 402);
  peri_buf_fini(&b);
}

static void decimals_round_half_to_even(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int scale;
    const char *rounded;
  } cases[] = {{"2.5", 0, "2"},
               {"3.5", 0, "4"},
               {"-2.5", 0, "-2"},
               {"2.51", 0, "3"},
               {"0.125", 2, "0.12"},
               {"0.135", 2, "0.14"},
               {"9.995", 2, "10.00"},
               {"99.99", 1, "100.0"},
               {"-0.004", 2, "0.00"},
               {"-0.006", 2, "-0.01"},
               {"1", 2, "1.00"},
               {"0", 0, "0"},
               {"0.5", 0, "0"},
               {"1.5", 0, "2"},
               {"999", 0, "999"},
               {"0.0005", 3, "0.000"},
               {"0.00050001", 3, "0.001"},
               {"12.3", 5, "12.30000"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peri_buf b = {0};
    assert_true(peri_decimal_round(peri_str_of(cases[i].text), cases[i].scale, &b));
    if (!peri_str_is(peri_buf_view(&b), cases[i].rounded)) fail_msg("%s at %d: %s", cases[i].text, cases[i].scale, peri_buf_c(&b));
    peri_buf_fini(&b);
  }
  peri_buf b = {0};
  assert_false(peri_decimal_round(PERI_STR("1"), -1, &b));
  assert_false(peri_decimal_round(PERI_STR("1"), 401, &b));
  assert_false(peri_decimal_round(PERI_STR(""), 1, &b));
  peri_buf_fini(&b);
}

static void decimals_compare(void **state) {
  (void)state;
  static const char *const ascending[] = {"-100",
                                          "-99.5",
                                          "-2.51",
                                          "-2.5",
                                          "-2",
                                          "-0.001",
                                          "0",
                                          "0.0001",
                                          "0.001",
                                          "0.1",
                                          "0.11",
                                          "1",
                                          "1.5",
                                          "9",
                                          "10",
                                          "10.01",
                                          "123456789012345678901"};
  int n = sizeof ascending / sizeof *ascending;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < n; k++) assert_int_equal(peri_decimal_compare(peri_str_of(ascending[i]), peri_str_of(ascending[k])), i < k ? -1 : i > k);
}

static void doubles_are_rounded_correctly(void **state) {
  (void)state;
  static const char *const texts[] = {"0.1",
                                      "1e22",
                                      "1e23",
                                      "123456789012345678",
                                      "9007199254740993",
                                      "2.2250738585072011e-308",
                                      "4.9e-324",
                                      "1e-400",
                                      "1.7976931348623157e308",
                                      "0.000001",
                                      "-12.5e-3",
                                      "3.141592653589793238462643383279",
                                      "100000000000000000000000000000",
                                      "-0",
                                      "5e-1",
                                      "999999999999999e22"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    double d, want = strtod(texts[i], NULL);
    peri_str text = tight(peri_str_of(texts[i]));
    assert_true(peri_number_double(text, &d));
    tight_free(text);
    if (d != want) fail_msg("%s: %.17g, wanted %.17g", texts[i], d, want);
  }
  double d;
  assert_false(peri_number_double(PERI_STR("1e309"), &d));
  assert_false(peri_number_double(PERI_STR("-1e309"), &d));
  assert_false(peri_number_double(PERI_STR("inf"), &d));
  assert_false(peri_number_double(PERI_STR("0x10"), &d));
  assert_false(peri_number_double(PERI_STR(""), &d));
  char digits[3000];
  memset(digits, '1', sizeof digits);
  digits[1] = '.';
  assert_true(peri_number_double((peri_str){digits, sizeof digits}, &d) && d > 1.1 && d < 1.2);
}

static void doubles_are_written_shortest(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0.1, "0.1"},
               {1e300, "1e+300"},
               {-2, "-2"},
               {-0.0, "0"},
               {9007199254740992.0, "9007199254740992"},
               {1e22, "1e+22"},
               {5e-324, "5e-324"},
               {1.5, "1.5"},
               {1.0 / 3, "0.3333333333333333"},
               {1e-7, "1e-07"},
               {0.1 + 0.2, "0.30000000000000004"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peri_buf b = {0};
    peri_double_put(&b, cases[i].value);
    assert_string_equal(peri_buf_c(&b), cases[i].text);
    peri_buf_fini(&b);
  }
  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 20000; i++) { /* any bits at all: read back, the same double, and sound JSON */
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    double d, back;
    memcpy(&d, &bits, 8);
    peri_buf b = {0};
    peri_double_put(&b, d);
    assert_true(peri_json_check(peri_buf_view(&b), NULL, NULL));
    if (d == d && d - d == 0) {
      assert_true(peri_number_double(peri_buf_view(&b), &back));
      assert_true(back == d);
    } else {
      assert_string_equal(peri_buf_c(&b), "null");
    }
    peri_buf_fini(&b);
  }
}

int test_json_number(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(integers_are_exact),           cmocka_unit_test(integers_have_their_range), cmocka_unit_test(decimals_are_canonical),
      cmocka_unit_test(decimals_round_half_to_even),  cmocka_unit_test(decimals_compare),          cmocka_unit_test(doubles_are_rounded_correctly),
      cmocka_unit_test(doubles_are_written_shortest),
  };
  return cmocka_run_group_tests_name("json/number", tests, NULL, NULL);
}
