/* core/sched: thirty days in a moment. */
#include "base/clock.h"
#include "core/sched.h"
#include "test_core.h"

typedef struct world {
  peri_sched *s;
  int64_t now;
  struct { char key[16]; int64_t ends; } running[64];
  size_t running_count;
  int64_t starts, overlaps, longest;
  int64_t last_start[64];
  char order[64];
  bool end_at_once;
} world;

static void on_start(void *self, peri_str key, int64_t due_ms) {
  world *w = self;
  (void)due_ms;
  if (w->starts < 63) w->order[w->starts] = key.p[0];
  w->starts++;
  for (size_t i = 0; i < w->running_count; i++)
    if (peri_str_is(key, w->running[i].key)) w->overlaps++;
  if (w->end_at_once) {
    peri_sched_done(w->s, key, w->now);
    return;
  }
  snprintf(w->running[w->running_count].key, 16, "%.*s", PERI_S(key));
  w->running[w->running_count++].ends = w->now + 60000 * (1 + w->starts % 25); /* longer than the interval at times */
}

/* From event to event: the wake-up that the scheduler asks for, or the end of a run. */
static void pass_time(world *w, int64_t until) {
  while (w->now < until) {
    int64_t next = peri_sched_wake_ms(w->s);
    size_t ends = w->running_count;
    for (size_t i = 0; i < w->running_count; i++)
      if (w->running[i].ends <= next && (ends == w->running_count || w->running[i].ends < w->running[ends].ends)) ends = i;
    if (ends < w->running_count) next = w->running[ends].ends;
    if (next > until) next = until;
    assert_true(next >= w->now);
    w->now = next;
    if (ends < w->running_count && w->running[ends].ends <= w->now) {
      char key[16];
      memcpy(key, w->running[ends].key, sizeof key);
      w->running[ends] = w->running[--w->running_count];
      peri_sched_done(w->s, peri_str_of(key), w->now);
    }
    peri_sched_turn(w->s, w->now);
  }
}

static peri_sched_entry entry_of(const char *key, const char *schedule, peri_arena *a) {
  peri_sched_entry e = {.key = peri_str_of(key), .catch_up = true, .last_ms = -1};
  peri_err err;
  assert_ok(peri_schedule_read(a, peri_str_of(schedule), (peri_str){0}, &e.schedule, &err));
  return e;
}

#define DAY INT64_C(86400000)

static void thirty_days_without_overlap(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  world w = {.now = 1700000000000};
  w.s = peri_sched_new(on_start, &w);
  for (int i = 0; i < 20; i++) {
    char key[16];
    snprintf(key, sizeof key, "job-%d", i);
    peri_sched_entry e = entry_of(key, "every 15m", a);
    e.overlap = i % 2 ? PERI_OVERLAP_QUEUE : PERI_OVERLAP_SKIP;
    e.jitter_ms = i % 3 * 20000;
    peri_sched_put(w.s, &e, w.now);
  }
  pass_time(&w, w.now + 30 * DAY);
  assert_int_equal(w.overlaps, 0);
  int64_t most = 20 * 30 * 96;
  assert_true(w.starts > most / 2 && w.starts <= most + 20);
  peri_sched_free(w.s);
  peri_arena_free(a);
}

static void quick_ones_run_each_time_exactly(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  world w = {.now = 1700000000000, .end_at_once = true};
  w.s = peri_sched_new(on_start, &w);
  peri_sched_entry e = entry_of("a", "every 15m", a), cron = entry_of("b", "0 6 * * *", a);
  peri_sched_put(w.s, &e, w.now);
  peri_sched_put(w.s, &cron, w.now);
  pass_time(&w, w.now + 30 * DAY);
  assert_int_equal(w.starts, 30 * 96 + 30);
  peri_sched_pause(w.s, PERI_STR("a"), true, w.now);
  pass_time(&w, w.now + 10 * DAY);
  assert_int_equal(w.starts, 30 * 96 + 40);
  assert_int_equal(peri_sched_next_ms(w.s, PERI_STR("a")), INT64_MAX);
  peri_sched_pause(w.s, PERI_STR("a"), false, w.now);
  peri_sched_remove(w.s, PERI_STR("b"));
  pass_time(&w, w.now + DAY);
  assert_int_equal(w.starts, 31 * 96 + 40);
  peri_sched_free(w.s);
  peri_arena_free(a);
}

static void what_was_missed_is_made_up_for_once(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  world w = {.now = 1700000000000, .end_at_once = true};
  w.s = peri_sched_new(on_start, &w);
  peri_sched_entry e = entry_of("a", "every 1h", a);
  e.last_ms = w.now - 10 * DAY;
  peri_sched_put(w.s, &e, w.now);
  peri_sched_entry skip = entry_of("b", "every 1h", a);
  skip.last_ms = e.last_ms;
  skip.catch_up = false;
  peri_sched_put(w.s, &skip, w.now);
  assert_true(peri_sched_next_ms(w.s, PERI_STR("a")) <= w.now + 60000);
  pass_time(&w, w.now + DAY);
  assert_true(w.starts >= 24 + 24 && w.starts <= 24 + 24 + 1); /* one more than a day has hours, not 240 */
  peri_sched_free(w.s);
  peri_arena_free(a);
}

static void quiet_hours_put_off_and_lose_nothing(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  world w = {.now = 1700000000000 - 1700000000000 % DAY, .end_at_once = true};
  w.s = peri_sched_new(on_start, &w);
  peri_quiet quiet;
  peri_err err;
  assert_ok(peri_quiet_read(a, PERI_STR("22:00-06:00"), (peri_str){0}, &quiet, &err));
  peri_sched_entry e = entry_of("a", "30 23,4,12 * * *", a);
  e.quiet = &quiet;
  peri_sched_put(w.s, &e, w.now);
  assert_int_equal(peri_sched_next_ms(w.s, PERI_STR("a")), w.now + 6 * 3600000); /* 04:30 becomes 06:00 */
  pass_time(&w, w.now + 10 * DAY);
  assert_int_equal(w.starts, 20); /* 23:30 and 04:30 fall together at 06:00 */
  static const char *const wrong[] = {"", "2-4", "25:00-26:00", "02:00-02:00", "xyz 02:00-03:00", "02:00-03:00 Nowhere/City"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_int_equal(peri_quiet_read(a, peri_str_of(wrong[i]), (peri_str){0}, &quiet, &err), PERI_INVALID);
  assert_ok(peri_quiet_read(a, PERI_STR("fri-mon 20:00-07:00 Europe/Berlin"), (peri_str){0}, &quiet, &err));
  assert_int_equal(quiet.weekdays, 1 << 5 | 1 << 6 | 1 << 0 | 1 << 1);
  peri_sched_free(w.s);
  peri_arena_free(a);
}

static void of_what_is_due_the_important_goes_first(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  world w = {.now = 1700000000000, .end_at_once = true};
  w.s = peri_sched_new(on_start, &w);
  static const char *const keys[] = {"c", "a", "b", "d"};
  static const int priorities[] = {1, 0, 9, 1};
  for (int i = 0; i < 4; i++) {
    peri_sched_entry e = entry_of(keys[i], "0 0 * * *", a);
    e.priority = priorities[i];
    peri_sched_put(w.s, &e, w.now);
  }
  pass_time(&w, w.now + DAY);
  assert_string_equal(w.order, "bcda");
  peri_sched_free(w.s);
  peri_arena_free(a);
}

/* Ten thousand idle ones: a wake-up finds what is due without looking at the others, and they do not start all at once. */
static void ten_thousand_are_spread(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  world w = {.now = 1700000000000, .end_at_once = true};
  w.s = peri_sched_new(on_start, &w);
  peri_sched_entry e = entry_of("", "every 1h", a);
  for (int i = 0; i < 10000; i++) {
    char key[16];
    snprintf(key, sizeof key, "job-%d", i);
    e.key = peri_str_of(key);
    peri_sched_put(w.s, &e, w.now);
  }
  assert_int_equal(peri_sched_count(w.s), 10000);
  int64_t most = 0, from = w.now;
  for (int minute = 0; minute < 60; minute++) {
    int64_t before = w.starts;
    pass_time(&w, from + (minute + 1) * 60000);
    if (w.starts - before > most) most = w.starts - before;
  }
  assert_int_equal(w.starts, 10000);
  assert_true(most < 300);
  peri_sched_free(w.s);
  peri_arena_free(a);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(thirty_days_without_overlap), cmocka_unit_test(quick_ones_run_each_time_exactly),
                                          cmocka_unit_test(what_was_missed_is_made_up_for_once), cmocka_unit_test(quiet_hours_put_off_and_lose_nothing),
                                          cmocka_unit_test(of_what_is_due_the_important_goes_first), cmocka_unit_test(ten_thousand_are_spread)};
PERI_GROUP(sched, tests)
