/* base/clock: the calendar and the spellings of time. */
#include "test_base.h"

#include "base/clock.h"

static void every_day_goes_there_and_back(void **state) {
  (void)state;
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t day = peri_civil_days(-400, 1, 1);
  for (int y = -400; y <= 2800; y++)
    for (int m = 1; m <= 12; m++) {
      int n = lengths[m - 1] + (m == 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0));
      for (int d = 1; d <= n; d++, day++) {
        if (peri_civil_days(y, m, d) != day) fail_msg("%d-%d-%d", y, m, d);
        peri_civil c = peri_civil_of(day * 86400000 + 1);
        if (c.year != y || c.month != m || c.day != d || c.ms != 1) fail_msg("back from %d-%d-%d", y, m, d);
      }
    }
  assert_int_equal(peri_civil_days(1970, 1, 1), 0);
  assert_int_equal(peri_civil_days(2000, 3, 1), 11017);
  assert_int_equal(peri_civil_weekday(0), 4);
  assert_int_equal(peri_civil_weekday(-1), 3);
  assert_int_equal(peri_civil_weekday(peri_civil_days(2026, 11, 23)), 1);
}

static void stamps_are_written(void **state) {
  (void)state;
  char out[PERI_ISO_MAX];
  assert_string_equal(peri_iso(0, out), "1970-01-01T00:00:00.000Z");
  assert_string_equal(peri_iso(-1, out), "1969-12-31T23:59:59.999Z");
  assert_string_equal(peri_iso(1795395723004, out), "2026-11-23T01:02:03.004Z");
  assert_string_equal(peri_iso(INT64_C(253402300799999), out), "9999-12-31T23:59:59.999Z");
  assert_string_equal(peri_iso(INT64_C(253402300800000), out), "");
  assert_string_equal(peri_iso(INT64_MIN, out), "");
  assert_string_equal(peri_iso(INT64_MAX, out), "");
  int64_t ms;
  for (int64_t t = -62167219200000; t < 253402300800000; t += 86399999 * INT64_C(37)) {
    assert_true(peri_iso_read(peri_str_of(peri_iso(t, out)), 99, &ms, NULL, NULL));
    assert_true(ms == t);
  }
}

static void stamps_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int zone;
    const char *utc; /* NULL: refused */
    bool had_time, had_zone;
  } cases[] = {
      {"2026-11-23T01:02:03.004Z", 60, "2026-11-23T01:02:03.004Z", true, true},
      {"2026-11-23t01:02:03z", 0, "2026-11-23T01:02:03.000Z", true, true},
      {"2026-11-23T01:02:03.123456789+02:00", 0, "2026-11-22T23:02:03.123Z", true, true},
      {"2026-11-23T01:02:03.9999-0530", 0, "2026-11-23T06:32:03.999Z", true, true},
      {"2026-11-23T01:02:03,5+02", 0, "2026-11-22T23:02:03.500Z", true, true},
      {"2026-11-23 01:02", 60, "2026-11-23T00:02:00.000Z", true, false},
      {"2026-11-23 01:02:03 +0100", 0, "2026-11-23T00:02:03.000Z", true, true},
      {"2026-11-23T01:02Z", 60, "2026-11-23T01:02:00.000Z", true, true},
      {"2026-11-23", 0, "2026-11-23T00:00:00.000Z", false, false},
      {"2026-11-23", -120, "2026-11-23T02:00:00.000Z", false, false},
      {"2024-02-29", 0, "2024-02-29T00:00:00.000Z", false, false},
      {"0000-01-01", 0, "0000-01-01T00:00:00.000Z", false, false},
      {"2023-02-29", 0, NULL, 0, 0},
      {"1900-02-29", 0, NULL, 0, 0},
      {"2026-13-01", 0, NULL, 0, 0},
      {"2026-00-01", 0, NULL, 0, 0},
      {"2026-04-31", 0, NULL, 0, 0},
      {"2026-11-23T24:00:00Z", 0, NULL, 0, 0},
      {"2026-11-23T23:60:00Z", 0, NULL, 0, 0},
      {"2026-11-23T23:59:60Z", 0, NULL, 0, 0},
      {"2026-11-23T01:02:03.Z", 0, NULL, 0, 0},
      {"2026-11-23T01:02:03+2", 0, NULL, 0, 0},
      {"2026-11-23T01:02:03+25:00", 0, NULL, 0, 0},
      {"2026-11-23T01:02:03Zx", 0, NULL, 0, 0},
      {"2026-11-23T", 0, NULL, 0, 0},
      {"2026-11-23T01", 0, NULL, 0, 0},
      {"2026-11-23T01:02:", 0, NULL, 0, 0},
      {"2026-1-1", 0, NULL, 0, 0},
      {"20261123", 0, NULL, 0, 0},
      {" 2026-11-23", 0, NULL, 0, 0},
      {"2026-11-23 ", 0, NULL, 0, 0},
      {"yesterday", 0, NULL, 0, 0},
      {"", 0, NULL, 0, 0},
      {"-026-11-23", 0, NULL, 0, 0},
      {"2026-11-23T01:02:03 ", 0, NULL, 0, 0},
      {"2026-11-23T01:02:03+02:", 0, NULL, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t ms = 0;
    bool had_time = !cases[i].had_time, had_zone = !cases[i].had_zone;
    char out[PERI_ISO_MAX];
    bool ok = peri_iso_read(peri_str_of(cases[i].text), cases[i].zone, &ms, &had_time, &had_zone);
    if (ok != (cases[i].utc != NULL)) fail_msg("'%s' was %s", cases[i].text, ok ? "taken" : "refused");
    if (!ok) continue;
    assert_string_equal(peri_iso(ms, out), cases[i].utc);
    assert_int_equal(had_time, cases[i].had_time);
    assert_int_equal(had_zone, cases[i].had_zone);
  }
}

static void http_dates_are_read(void **state) {
  (void)state;
  static const char *const same[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
  int64_t ms;
  for (size_t i = 0; i < 3; i++) {
    assert_true(peri_http_date_read(peri_str_of(same[i]), &ms));
    assert_true(ms == 784111777000);
  }
  assert_true(peri_http_date_read(PERI_STR("Mon, 23 Nov 2026 01:02:03 GMT"), &ms) && ms == 1795395723000);
  static const char *const bad[] = {"",
                                    "Sun, 06 Nov 1994 08:49:37",
                                    "Sun, 06 Nov 1994 08:49:37 UTC",
                                    "Sun, 6 Nov 1994 08:49:37 GMT",
                                    "Sun, 31 Feb 1994 08:49:37 GMT",
                                    "Sun, 06 Nov 1994 25:49:37 GMT",
                                    "06 Nov 1994 08:49:37 GMT",
                                    "Sun Nov  6 08:49:37 94",
                                    "Sun, 06 XXX 1994 08:49:37 GMT",
                                    ","};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (peri_http_date_read(peri_str_of(bad[i]), &ms)) fail_msg("%s", bad[i]);
}

static void durations_and_sizes_are_read(void **state) {
  (void)state;
  int64_t ms;
  uint64_t bytes;
  assert_true(peri_duration_read(PERI_STR("10s"), &ms) && ms == 10000);
  assert_true(peri_duration_read(PERI_STR("5m"), &ms) && ms == 300000);
  assert_true(peri_duration_read(PERI_STR("2h"), &ms) && ms == 7200000);
  assert_true(peri_duration_read(PERI_STR("30d"), &ms) && ms == INT64_C(2592000000));
  assert_true(peri_duration_read(PERI_STR("500ms"), &ms) && ms == 500);
  assert_true(peri_duration_read(PERI_STR("0s"), &ms) && ms == 0);
  static const char *const bad[] = {"", "10", "s", "10 s", "-1s", "1.5h", "10S", "99999999999999999999s", "9223372036854775807d", "10sx"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(peri_duration_read(peri_str_of(bad[i]), &ms));
  assert_true(peri_size_read(PERI_STR("5KB"), &bytes) && bytes == 5120);
  assert_true(peri_size_read(PERI_STR("8MB"), &bytes) && bytes == 8u << 20);
  assert_true(peri_size_read(PERI_STR("100"), &bytes) && bytes == 100);
  assert_true(peri_size_read(PERI_STR("1gb"), &bytes) && bytes == 1u << 30);
  static const char *const odd[] = {"", "KB", "-1KB", "1.5MB", "5 KB", "5TB", "9223372036854775807GB"};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) assert_false(peri_size_read(peri_str_of(odd[i]), &bytes));
}

int test_base_clock(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_day_goes_there_and_back), cmocka_unit_test(stamps_are_written),           cmocka_unit_test(stamps_are_read),
      cmocka_unit_test(http_dates_are_read),           cmocka_unit_test(durations_and_sizes_are_read),
  };
  return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
