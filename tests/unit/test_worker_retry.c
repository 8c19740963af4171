/* Which records are sent after a death: pages are worked off by a worker that dies of given records, honestly or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/page_retry.h"
#include "test_worker.h"

#define MOST 64

typedef struct play {
  uint32_t records;
  bool known;
  bool poison[MOST];
  int lie;      /* 0: tells the truth, 1: always record 0, 2: out of range, 3: says nothing */
  bool outside; /* deaths look like kills from outside */
  int settled[MOST], rejected[MOST];
  uint32_t deaths, parts;
  bool stopped;
  peri_blame blame;
} play;

/* Works off a page. Returns when it is finished, or the run is stopped. */
static void run(play *p, peri_run_guard *g) {
  peri_page_retry r;
  uint32_t first, count;
  peri_page_retry_begin(&r, p->known ? p->records : PERI_RECORDS_UNKNOWN);
  while (peri_page_retry_next(&r, &first, &count)) {
    assert_true(++p->parts < 1000);
    uint32_t end = count ? first + count : p->records;
    if (end > p->records) end = p->records;
    uint32_t dies = UINT32_MAX;
    for (uint32_t i = first; i < end && dies == UINT32_MAX; i++)
      if (p->poison[i]) dies = i;
    if (dies == UINT32_MAX) {
      if (!p->known) peri_page_retry_records(&r, p->records);
      for (uint32_t i = first; i < end; i++) p->settled[i]++;
      peri_page_retry_done(&r, g);
      continue;
    }
    p->deaths++;
    peri_death d = {.code = p->outside ? PERI_WORKER_LOST : PERI_SCRIPT_CRASH, .record = dies, .field = 3, .text = "it died"};
    if (p->lie == 1) d.record = 0;
    if (p->lie == 2) d.record = 5000;
    if (p->lie == 3) d.record = UINT32_MAX;
    peri_retry what = peri_page_retry_death(&r, g, &d, &p->blame);
    if (!p->known) peri_page_retry_records(&r, p->records); /* learnt with a split alone */
    if (what == PERI_RETRY_STOP) {
      p->stopped = true;
      return;
    }
    if (what == PERI_RETRY_REJECT) p->rejected[p->blame.record]++;
  }
}

static void each_once(const play *p) {
  for (uint32_t i = 0; i < p->records; i++) assert_int_equal(p->settled[i] + p->rejected[i], 1);
}

void test_retry_whole(void **state) {
  (void)state;
  for (int known = 0; known < 2; known++) {
    play p = {.records = 10, .known = known};
    peri_run_guard g = {0};
    run(&p, &g);
    each_once(&p);
    assert_int_equal(p.parts, 1);
  }
}

void test_retry_suspect(void **state) {
  (void)state;
  play p = {.records = 10, .known = true, .poison = {[4] = true}};
  peri_run_guard g = {0};
  run(&p, &g);
  each_once(&p);
  assert_int_equal(p.rejected[4], 1);
  assert_int_equal(p.deaths, 1);
  assert_int_equal(p.parts, 3); /* all; before; after */
  assert_int_equal(p.blame.code, PERI_SCRIPT_CRASH);
  assert_int_equal(p.blame.field, 3);
  assert_string_equal(p.blame.text, "it died");
  assert_int_equal(g.deaths, 1);
}

void test_retry_lies(void **state) {
  (void)state;
  /* an innocent is lost to each of the first two lies, never more; the culprit never lands */
  play p = {.records = 20, .known = true, .poison = {[7] = true}, .lie = 1};
  peri_run_guard g = {0};
  run(&p, &g);
  each_once(&p);
  assert_int_equal(p.rejected[7], 1);
  int lost = 0;
  for (int i = 0; i < 20; i++) lost += p.rejected[i];
  assert_true(lost <= PERI_RETRY_ONE_BY_ONE);
  for (int lie = 2; lie < 4; lie++) { /* a suspect that was never sent is nobody */
    play q = {.records = 20, .known = true, .poison = {[0] = true, [19] = true}, .lie = lie};
    g = (peri_run_guard){0};
    run(&q, &g);
    each_once(&q);
    assert_int_equal(q.rejected[0], 1);
    assert_int_equal(q.rejected[19], 1);
    for (int i = 1; i < 19; i++) assert_int_equal(q.settled[i], 1);
  }
}

void test_retry_outside(void **state) {
  (void)state;
  /* killed from outside: nobody is blamed, however often; too often in a row ends the run, and a part that was finished counts anew */
  peri_run_guard g = {0};
  peri_page_retry r;
  peri_blame b;
  uint32_t first, count;
  peri_death d = {.code = PERI_WORKER_LOST, .record = 3, .text = "it was killed"};
  for (int page = 0; page < 10; page++) {
    peri_page_retry_begin(&r, page % 2 ? 5 : PERI_RECORDS_UNKNOWN);
    for (int i = 0; i < PERI_RUN_LOST_MAX - 1; i++) {
      assert_true(peri_page_retry_next(&r, &first, &count));
      assert_int_equal(first, 0);
      assert_int_equal(count, 0);
      assert_int_equal(peri_page_retry_death(&r, &g, &d, &b), PERI_RETRY_AGAIN);
    }
    assert_true(peri_page_retry_next(&r, &first, &count));
    peri_page_retry_records(&r, 5);
    peri_page_retry_done(&r, &g);
    assert_false(peri_page_retry_next(&r, &first, &count));
  }
  assert_int_equal(g.deaths, 0);
  play p = {.records = 6, .known = true, .poison = {[2] = true}, .outside = true};
  run(&p, &g);
  assert_true(p.stopped);
  assert_int_equal(p.deaths, PERI_RUN_LOST_MAX);
  assert_int_equal(p.blame.code, PERI_WORKER_LOST);
  for (int i = 0; i < 6; i++) assert_int_equal(p.rejected[i], 0);
  assert_non_null(strstr(p.blame.text, "5 workers in a row"));
}

void test_retry_limits(void **state) {
  (void)state;
  play p = {.records = 40, .known = true};
  for (int i = 0; i < 40; i++) p.poison[i] = true;
  peri_run_guard g = {0};
  run(&p, &g);
  assert_true(p.stopped);
  assert_int_equal(p.deaths, PERI_RUN_DEATHS_MAX);
  assert_int_equal(p.blame.code, PERI_SCRIPT_CRASH);
  assert_non_null(strstr(p.blame.text, "20 times"));
  /* the guard is the run's, not the page's */
  g = (peri_run_guard){0};
  for (int page = 0; page < PERI_RUN_DEATHS_MAX; page++) {
    play q = {.records = 3, .known = true, .poison = {[1] = true}};
    run(&q, &g);
    assert_int_equal(q.stopped, page == PERI_RUN_DEATHS_MAX - 1);
  }
  g = (peri_run_guard){0};
  for (int i = 0; i < PERI_RUN_TIMEOUTS_MAX - 1; i++) assert_true(peri_run_guard_record(&g, true));
  assert_true(peri_run_guard_record(&g, false)); /* in a row */
  for (int i = 0; i < PERI_RUN_TIMEOUTS_MAX - 1; i++) assert_true(peri_run_guard_record(&g, true));
  assert_false(peri_run_guard_record(&g, true));
}

void test_retry_edges(void **state) {
  (void)state;
  for (int known = 0; known < 2; known++) {
    play empty = {.records = 0, .known = known};
    peri_run_guard g = {0};
    run(&empty, &g);
    assert_int_equal(empty.parts, 1); /* an empty page is asked for, once */
    play one = {.records = 1, .known = known, .poison = {[0] = true}};
    g = (peri_run_guard){0};
    run(&one, &g);
    each_once(&one);
    assert_int_equal(one.rejected[0], 1);
    play ends = {.records = 8, .known = known, .poison = {[0] = true, [7] = true}};
    g = (peri_run_guard){0};
    run(&ends, &g);
    each_once(&ends);
    assert_int_equal(ends.deaths, known ? 2 : 3); /* the first death of an unknown page blames nobody */
  }
  /* memory: the worker says itself which record it was */
  peri_page_retry r;
  peri_run_guard g = {0};
  peri_blame b;
  uint32_t first, count;
  peri_page_retry_begin(&r, 4);
  assert_true(peri_page_retry_next(&r, &first, &count));
  assert_int_equal(peri_page_retry_fail(&r, &g, 2, PERI_SCRIPT_MEMORY, PERI_STR("too much"), &b), PERI_RETRY_REJECT);
  assert_int_equal(b.record, 2);
  assert_int_equal(b.code, PERI_SCRIPT_MEMORY);
  assert_string_equal(b.text, "too much");
  assert_true(peri_page_retry_next(&r, &first, &count));
  assert_int_equal(first, 0);
  assert_int_equal(count, 2);
  peri_page_retry_done(&r, &g);
  assert_true(peri_page_retry_next(&r, &first, &count));
  assert_int_equal(first, 3);
  assert_int_equal(count, 1);
  peri_page_retry_done(&r, &g);
  assert_false(peri_page_retry_next(&r, &first, &count));
}

/* Every set of poisoned records of a short page, every way of lying: each record is settled or rejected once, and poison never lands. */
void test_retry_any(void **state) {
  (void)state;
  for (unsigned mask = 0; mask < 256; mask++)
    for (int lie = 0; lie < 4; lie++)
      for (int known = 0; known < 2; known++) {
        play p = {.records = 8, .known = known, .lie = lie};
        for (int i = 0; i < 8; i++) p.poison[i] = mask >> i & 1;
        peri_run_guard g = {0};
        run(&p, &g);
        assert_false(p.stopped);
        each_once(&p);
        for (int i = 0; i < 8; i++) assert_false(p.poison[i] && p.settled[i]);
      }
}
