/* core/zone and core/schedule: real zones, the two odd days of a year, and mistakes. */
#include "base/clock.h"
#include "core/schedule.h"
#include "test_core.h"

static int64_t at(const char *iso) {
  int64_t ms;
  bool time, zone;
  assert_true(peri_iso_read(peri_str_of(iso), 0, &ms, &time, &zone));
  return ms;
}

/* The next `count` moments after `from`, as one text. */
static void expect_next(const char *text, const char *zone, const char *from, const char *const *want) {
  peri_arena *a = peri_arena_new();
  peri_err err;
  peri_schedule s;
  assert_ok(peri_schedule_read(a, peri_str_of(text), peri_str_of(zone), &s, &err));
  int64_t now = at(from);
  for (; *want; want++) {
    char iso[PERI_ISO_MAX];
    now = peri_schedule_next(&s, now, 0);
    if (now != at(*want)) fail_msg("%s %s: got %s, wanted %s", text, zone, peri_iso(now, iso), *want);
  }
  peri_arena_free(a);
}
#define NEXT(text, zone, from, ...) expect_next(text, zone, from, (const char *const[]){__VA_ARGS__, NULL})

static void schedules_say_when_they_are_due(void **state) {
  (void)state;
  NEXT("every 15m", "", "2026-11-23T01:02:03Z", "2026-11-23T01:15:00Z", "2026-11-23T01:30:00Z");
  NEXT("2h", "", "2026-11-23T02:00:00Z", "2026-11-23T04:00:00Z");
  NEXT("30 6 * * mon-fri", "", "2026-11-20T06:30:00Z", "2026-11-23T06:30:00Z", "2026-11-24T06:30:00Z");
  NEXT("*/20 * * * *", "", "2026-11-23T00:50:01Z", "2026-11-23T01:00:00Z", "2026-11-23T01:20:00Z", "2026-11-23T01:40:00Z");
  NEXT("0 0,12 1 * *", "", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z", "2026-12-01T12:00:00Z", "2027-01-01T00:00:00Z");
  NEXT("0 0 29 2 *", "", "2026-11-23T00:00:00Z", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z");
  NEXT("0 0 13 * fri", "", "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"); /* either field */
  NEXT("0 0 * * 7", "", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z");
  NEXT("5-15/5 3 * jan,DEC *", "", "2026-11-23T00:00:00Z", "2026-12-01T03:05:00Z", "2026-12-01T03:10:00Z", "2026-12-01T03:15:00Z", "2026-12-02T03:05:00Z");
  NEXT("@daily", "Asia/Tokyo", "2026-11-23T00:00:00Z", "2026-11-23T15:00:00Z");
  NEXT("0 9 * * * +05:30", "", "2026-11-23T00:00:00Z", "2026-11-23T03:30:00Z");
  NEXT("@weekly Europe/Berlin", "", "2026-11-23T00:00:00Z", "2026-11-28T23:00:00Z");
}

static void clocks_put_forward_lose_nothing(void **state) {
  (void)state; /* Berlin, 29 March 2026: 02:00 is 03:00 */
  NEXT("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
  NEXT("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z");
  NEXT("0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z");
  NEXT("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"); /* midnight itself is skipped */
}

static void clocks_put_back_double_nothing(void **state) {
  (void)state; /* Berlin, 25 October 2026: 03:00 is 02:00 again */
  NEXT("30 2 * * *", "Europe/Berlin", "2026-10-24T00:40:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
  NEXT("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z");
  NEXT("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z");
}

/* Far beyond the file's list the rule holds, on both halves of the earth. */
static void zones_know_the_far_future(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_err err;
  static const struct {
    const char *zone, *utc, *local;
  } cases[] = {{"Europe/Berlin", "2090-07-01T12:00:00Z", "2090-07-01T14:00:00Z"},    {"Europe/Berlin", "2090-01-01T12:00:00Z", "2090-01-01T13:00:00Z"},
               {"Australia/Sydney", "2090-01-01T00:00:00Z", "2090-01-01T11:00:00Z"}, {"Australia/Sydney", "2090-07-01T00:00:00Z", "2090-07-01T10:00:00Z"},
               {"Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T05:30:00Z"},     {"America/New_York", "1970-01-01T00:00:00Z", "1969-12-31T19:00:00Z"},
               {"Pacific/Apia", "2011-12-31T09:59:59Z", "2011-12-30T23:59:59Z"}};
  for (size_t i = 0; i + 1 < sizeof cases / sizeof *cases; i++) {
    const peri_zone *z;
    assert_ok(peri_zone_open(a, peri_str_of(cases[i].zone), &z, &err));
    char iso[PERI_ISO_MAX];
    if (peri_zone_local(z, at(cases[i].utc)) != at(cases[i].local)) fail_msg("%s at %s: %s", cases[i].zone, cases[i].utc, peri_iso(peri_zone_local(z, at(cases[i].utc)), iso));
    assert_int_equal(peri_zone_utc(z, at(cases[i].local), NULL), at(cases[i].utc));
  }
  peri_arena_free(a);
}

/* There and back for every half hour of two years: a local time leads to a moment that shows it, or to the jump that swallowed it. */
static void zones_go_there_and_back(void **state) {
  (void)state;
  static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "Asia/Tehran"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    peri_arena *a = peri_arena_new();
    peri_err err;
    const peri_zone *z;
    assert_ok(peri_zone_open(a, peri_str_of(names[i]), &z, &err));
    for (int64_t t = at("2025-01-01T00:00:00Z"); t < at("2027-01-01T00:00:00Z"); t += 1800000) {
      int64_t second, first = peri_zone_utc(z, peri_zone_local(z, t), &second);
      assert_true(first == t || second == t);
    }
    peri_arena_free(a);
  }
}

static void mistakes_are_named(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {{"", "is no schedule"},          {"every", "is no schedule"},         {"60 * * * *", "'60' is no minute"}, {"* 24 * * *", "no hour"},
               {"* * 0 * *", "day of the month"}, {"* * * 13 *", "no month"},           {"* * * * mun", "mon-fri"},          {"5-1 * * * *", "no minute"},
               {"*/0 * * * *", "no minute"},      {"1, * * * *", "no minute"},          {"0 0 31 2 *", "never comes"},       {"1ms", "too short"},
               {"* * * * * Europe/Berln", "tzdata"}, {"* * * * * ../../etc/passwd", "no time zone"}, {"15m Europe/Berlin", "no time zone"}, {"every 5 minutes please", "is no schedule"}};
  peri_arena *a = peri_arena_new();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peri_err err = {0};
    peri_schedule s;
    if (!peri_schedule_read(a, peri_str_of(cases[i].text), (peri_str){0}, &s, &err)) fail_msg("'%s' was taken", cases[i].text);
    if (!strstr(err.text, cases[i].message)) fail_msg("'%s': %s", cases[i].text, err.text);
  }
  peri_arena_free(a);
}

static void phases_spread_what_is_due_at_once(void **state) {
  (void)state;
  peri_schedule s = {.every_ms = 60000};
  assert_int_equal(peri_schedule_next(&s, 0, 100), 100);
  assert_int_equal(peri_schedule_next(&s, 100, 100), 60100);
  assert_int_equal(peri_schedule_next(&s, 60099, 60100), 60100);
}

static const struct CMUnitTest tests[] = {
  cmocka_unit_test(schedules_say_when_they_are_due),  cmocka_unit_test(clocks_put_forward_lose_nothing),
  cmocka_unit_test(clocks_put_back_double_nothing),   cmocka_unit_test(zones_know_the_far_future),
  cmocka_unit_test(zones_go_there_and_back),          cmocka_unit_test(mistakes_are_named),
  cmocka_unit_test(phases_spread_what_is_due_at_once)};
PERI_GROUP(schedule, tests)
