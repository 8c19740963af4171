/* Limits against a server of the test's own that counts every arrival in a sliding window: random askers, costs, latencies both ways, kills at any moment with a
 * restart from what was on disk, clocks set back. The promise: it never counts more than the limit. And two askers of one account with different words for it. */
#include "core/account_inside.h"
#include "core/budget.h"
#include "test_core.h"

#include <stdlib.h>

#define ARRIVALS 20000
#define FLIGHTS 2000
#define ASKERS 6

typedef struct arrival { int64_t at, cost; } arrival;
typedef struct flight { int64_t sent, arrives, answers, cost; bool on_its_way, waited_for; } flight;
typedef struct asker { int64_t next; int share; bool patient, busy; int64_t flight; } asker;
typedef struct world {
  uint64_t x;
  const peri_node *rates;
  peri_arena *a;
  peri_rate *r;
  peri_buf disk, writing;
  int64_t t, offset, save_due, down_till;
  int64_t up_most, down_most;
  arrival seen[ARRIVALS];
  size_t seen_count;
  flight flights[FLIGHTS];
  size_t flight_count;
  asker askers[ASKERS];
  size_t asker_count, kills;
} world;

static int64_t pick(world *w, int64_t below) {
  w->x = w->x * 6364136223846793005u + 1442695040888963407u;
  return below > 0 ? (int64_t)((w->x >> 33) % (uint64_t)below) : 0;
}

static void start(world *w) {
  peri_arena_free(w->a);
  w->a = peri_arena_new();
  const peri_json *state = w->disk.n ? json(w->a, peri_buf_c(&w->disk)) : NULL;
  w->r = peri_rate_new(w->rates, state, w->t + w->offset);
  peri_rate_keep(w->r);
  w->save_due = -1;
}

static void kill_it(world *w) {
  if (w->save_due >= 0 && pick(w, 2)) { /* it was on disk already, and nobody had been told */
    peri_buf_clear(&w->disk);
    peri_buf_str(&w->disk, peri_buf_view(&w->writing));
  }
  peri_rate_free(w->r);
  w->r = NULL;
  for (size_t i = 0; i < w->flight_count; i++) w->flights[i].waited_for = false;
  for (size_t i = 0; i < w->asker_count; i++) w->askers[i].busy = false;
  w->down_till = w->t + w->up_most + pick(w, 600); /* what left before the kill is there before anybody is back */
  if (pick(w, 3) == 0) w->offset -= pick(w, 5000);  /* and the clock was set back meanwhile */
  w->kills++;
}

static void fly(world *w) {
  for (size_t i = 0; i < w->flight_count; i++) {
    flight *f = &w->flights[i];
    if (f->on_its_way && f->arrives <= w->t) {
      f->on_its_way = false;
      if (w->seen_count < ARRIVALS) w->seen[w->seen_count++] = (arrival){w->t, f->cost};
    }
    if (f->waited_for && f->answers <= w->t) {
      f->waited_for = false;
      for (size_t k = 0; k < w->asker_count; k++)
        if (w->askers[k].busy && w->askers[k].flight == (int64_t)i) w->askers[k].busy = false;
      peri_rate_landed(w->r, PERI_STR("default"), f->cost, f->sent, w->t + w->offset);
    }
    if (!f->on_its_way && !f->waited_for) {
      size_t last = --w->flight_count;
      for (size_t k = 0; k < w->asker_count; k++)
        if (w->askers[k].flight == (int64_t)last) w->askers[k].flight = (int64_t)i;
      *f = w->flights[last];
      i--;
    }
  }
}

static void keep(world *w) {
  if (w->save_due >= 0 && w->save_due <= w->t) {
    peri_buf_clear(&w->disk);
    peri_buf_str(&w->disk, peri_buf_view(&w->writing));
    w->save_due = -1;
    peri_rate_saved(w->r, true);
  }
  if (w->save_due >= 0 || !peri_rate_unsaved(w->r)) return;
  peri_buf_clear(&w->writing);
  peri_rate_save(w->r, false, w->t + w->offset, &w->writing);
  w->save_due = w->t + pick(w, 30);
}

static void step(world *w, int64_t kill_one_in) {
  w->t++;
  if (!w->r && w->t >= w->down_till) start(w);
  fly(w);
  if (!w->r) return;
  keep(w);
  for (size_t k = 0; k < w->asker_count && w->flight_count < FLIGHTS; k++) {
    asker *k_ = &w->askers[k];
    if (k_->busy || k_->next > w->t) continue;
    int64_t cost = pick(w, 8) ? 1 : 1 + pick(w, 3), now = w->t + w->offset, wait = peri_rate_ask(w->r, PERI_STR("default"), cost, k_->share, now);
    if (wait) {
      k_->next = w->t + (wait < 0 ? 1 : wait < 200 ? wait : 200);
      continue;
    }
    int64_t up = pick(w, w->up_most + 1), down = pick(w, w->down_most + 1);
    w->flights[w->flight_count] = (flight){now, w->t + up, w->t + up + down, cost, true, true};
    k_->busy = k_->patient;
    k_->flight = (int64_t)w->flight_count++;
    k_->next = w->t + pick(w, 3) * pick(w, 3);
  }
  if (kill_one_in && pick(w, kill_one_in) == 0) kill_it(w);
}

static int64_t most_of(const world *w, int64_t window) {
  int64_t most = 0, sum = 0;
  for (size_t i = 0, from = 0; i < w->seen_count; i++) {
    sum += w->seen[i].cost;
    while (w->seen[i].at - w->seen[from].at >= window) sum -= w->seen[from++].cost;
    if (sum > most) most = sum;
  }
  return most;
}

static world *new_world(const peri_node *rates, uint64_t seed) {
  world *w = calloc(1, sizeof *w);
  *w = (world){.x = seed * 2654435761u + 12345, .rates = rates, .t = INT64_C(1700000000000), .a = peri_arena_new()};
  w->asker_count = 1 + (size_t)pick(w, ASKERS);
  for (size_t i = 0; i < w->asker_count; i++) w->askers[i] = (asker){.share = pick(w, 4) ? 100 : 80, .patient = pick(w, 2)};
  w->up_most = pick(w, 3) ? pick(w, 40) : pick(w, 400);
  w->down_most = pick(w, 3) ? pick(w, 40) : pick(w, 400);
  start(w);
  return w;
}

static void end_world(world *w) {
  peri_rate_free(w->r);
  peri_buf_fini(&w->disk);
  peri_buf_fini(&w->writing);
  peri_arena_free(w->a);
  free(w);
}

static void never_more(void **state) {
  (void)state;
  static const struct { const char *text; int64_t size, window, size2, window2; } rows[] = {{"\"20/1s\"", 20, 1000, 0, 0}, {"\"5/1s\"", 5, 1000, 0, 0}, {"\"60/3s\"", 60, 3000, 0, 0},
    {"\"9/300ms\"", 9, 300, 0, 0}, {"{ { \"40/4s\" }, \"15/s\" }", 40, 4000, 15, 1000}, {"{ \"30/s\", burst = 5 }", 30, 1000, 0, 0}, {"\"200/10s\"", 200, 10000, 0, 0}};
  size_t kills = 0, arrivals = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (uint64_t seed = 1; seed <= 30; seed++) {
      peri_arena *a = peri_arena_new();
      world *w = new_world(tree(a, peri_arena_fmt(a, "{ default = %s }", rows[i].text).p), seed);
      int64_t end = w->t + 8000 + 2 * rows[i].window;
      while (w->t < end) step(w, seed % 3 ? 700 : 0);
      int64_t most = most_of(w, rows[i].window), second = rows[i].size2 ? most_of(w, rows[i].window2) : 0;
      if (most > rows[i].size || second > rows[i].size2)
        fail_msg("%s seed %llu: %lld in %lld ms, %lld in the second (%zu kills)", rows[i].text, (unsigned long long)seed, (long long)most, (long long)rows[i].window, (long long)second, w->kills);
      kills += w->kills;
      arrivals += w->seen_count;
      end_world(w);
      peri_arena_free(a);
    }
  assert_true(kills > 500 && arrivals > 10000); /* something was tried */
}

/* Undisturbed and asked all the time, nine tenths of the allowance are used, also when answers take their time. */
static void nine_tenths(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 5; seed++) {
    peri_arena *a = peri_arena_new();
    world *w = new_world(tree(a, "{ default = \"100/10s\" }"), seed);
    w->up_most = 60, w->down_most = 200;
    w->asker_count = 4;
    for (int i = 0; i < 4; i++) w->askers[i] = (asker){.share = 100, .patient = true};
    int64_t begin = w->t, end = w->t + 200000, sum = 0;
    while (w->t < end) step(w, 0);
    for (size_t i = 0; i < w->seen_count; i++) sum += w->seen[i].cost;
    if (sum * 10 < 9 * (end - begin) / 100) fail_msg("seed %llu: %lld of %lld", (unsigned long long)seed, (long long)sum, (long long)(end - begin) / 100);
    end_world(w);
    peri_arena_free(a);
  }
}

/* A backfill never fills more than four fifths, whoever else asks. */
static void a_fifth_is_left(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  world *w = new_world(tree(a, "{ default = \"50/1s\" }"), 7);
  w->asker_count = 3;
  for (int i = 0; i < 3; i++) w->askers[i] = (asker){.share = 80};
  for (int64_t end = w->t + 20000; w->t < end;) step(w, 0);
  assert_in_range(most_of(w, 1000), 30, 40);
  assert_int_equal(peri_rate_ask(w->r, PERI_STR("default"), 1, 100, w->t), 0); /* and somebody in a hurry goes at once */
  end_world(w);
  peri_arena_free(a);
}

static int64_t fill(peri_rate *r, const char *name, int64_t now) {
  int64_t n = 0;
  while (peri_rate_ask(r, peri_str_of(name), 1, 100, now) == 0) {
    peri_rate_landed(r, peri_str_of(name), 1, now, now);
    n++;
  }
  return n;
}

static void stricter(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  int64_t now = INT64_C(1700000000000);
  peri_rate *r = peri_rate_new(tree(a, "{ default = \"100/10s\", each = { \"9/s\", per = \"parent:id\" } }"), NULL, now);
  assert_int_equal(fill(r, "each@1", now), 9);
  for (int i = 0; i < 30; i++) peri_rate_landed(r, PERI_STR("default"), 1, now, now + (peri_rate_ask(r, PERI_STR("default"), 1, 100, now) ? 1 : 0));
  peri_rate_also(r, tree(a, "{ default = { { \"40/10s\" }, \"20/5s\" }, each = { \"4/s\", per = \"parent:id\" }, search = \"3/s\" }"), now);
  assert_int_equal(fill(r, "default", now + 100), 0);         /* the new window counts what was sent before it was known */
  assert_int_equal(fill(r, "default", now + 5400), 10);       /* 40 in 10 s, of which 30 are gone */
  assert_int_equal(fill(r, "search", now + 5400), 3);
  assert_int_equal(fill(r, "each@2", now + 5400), 4);
  peri_rate_also(r, tree(a, "{ default = \"200/10s\" }"), now + 5400); /* a laxer one changes nothing */
  assert_int_equal(fill(r, "default", now + 30000), 20);
  peri_buf out = {0};
  peri_rate_save(r, true, now + 30000, &out);
  peri_rate *back = peri_rate_new(tree(a, "{ default = \"70/10s\" }"), json(a, peri_buf_c(&out)), now + 30000);
  assert_int_equal(fill(back, "default", now + 30000), 50); /* declared anew: the number that is written now, the count that was */
  peri_rate_free(r);
  peri_rate_free(back);
  peri_buf_fini(&out);
  peri_arena_free(a);
}

/* The ledger's time goes on where it ended, by the machine's own count since its start; only another start believes the wall clock. */
static void clocks(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  const peri_json *saved = json(a, "{\"now\":1700000000000,\"boot\":\"aa-11\",\"bootMs\":5000}");
  assert_int_equal(peri_ledger_time(saved, INT64_C(1700003600000), "aa-11", 5200), INT64_C(1700000000200)); /* set forward by an hour: nothing is forgotten */
  assert_int_equal(peri_ledger_time(saved, INT64_C(1690000000000), "aa-11", 65000), INT64_C(1700000060000));
  assert_int_equal(peri_ledger_time(saved, INT64_C(1700003600000), "bb-22", 5200), INT64_C(1700003600000));
  assert_int_equal(peri_ledger_time(saved, INT64_C(1700003600000), "aa-11", 4000), INT64_C(1700003600000)); /* before it was saved: not the same start after all */
  assert_int_equal(peri_ledger_time(saved, 7, "", 5200), 7);
  assert_int_equal(peri_ledger_time(NULL, 7, "aa-11", 5200), 7);
  assert_int_equal(peri_ledger_time(json(a, "{\"now\":1700000000000}"), 7, "aa-11", 5200), 7);
  assert_int_equal(peri_ledger_time(json(a, "{\"now\":-4,\"boot\":\"aa-11\",\"bootMs\":5000}"), 7, "aa-11", 5200), 7);
  peri_arena_free(a);
}

/* Retries stay below a tenth of the requests plus twenty, in any order; an API that is down is asked now and then. */
static void retries(void **state) {
  (void)state;
  uint64_t x = 99;
  for (int round = 0; round < 50; round++) {
    peri_budget b;
    int64_t now = 1000, requests = 0, granted = 0;
    peri_budget_begin(&b, now);
    for (int i = 0; i < 5000; i++) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      if (x >> 63) peri_budget_request(&b), requests++;
      else granted += peri_budget_retry(&b, now);
      assert_true(granted <= requests / 10 + PERI_RETRY_FLOOR);
    }
    assert_false(requests == 0 && granted > PERI_RETRY_FLOOR);
  }
  peri_budget b;
  peri_budget_begin(&b, 0);
  int64_t granted = 0;
  for (int64_t now = 0; now < 600000; now += 10) granted += peri_budget_retry(&b, now);
  assert_int_equal(granted, PERI_RETRY_FLOOR + 600000 / PERI_RETRY_REFILL_MS - 1); /* one in ten seconds, without any success */
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(never_more), cmocka_unit_test(nine_tenths), cmocka_unit_test(a_fifth_is_left), cmocka_unit_test(stricter), cmocka_unit_test(clocks),
  cmocka_unit_test(retries)};
PERI_GROUP(core_limits, tests)
