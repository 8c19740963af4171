/* Sweeps, partitions, parents: what a complete listing did not show is gone, and nothing else. */
#include "store/question.h"
#include "test_store.h"

enum { N = 100 };
static char keys[N][16], data[N][32];

static void fill(peri_commit_row *rows, int n) {
  for (int i = 0; i < n; i++) {
    snprintf(keys[i], sizeof keys[i], "%d", i);
    snprintf(data[i], sizeof data[i], "{\"n\":%d}", i);
    rows[i] = row_of(keys[i], data[i], 100);
  }
}

static peri_code sweep_end(fixture *f, bool accept, int64_t *deleted, peri_err *e) {
  peri_str entity = PERI_STR("contact");
  return peri_store_sweep_end(f->s, f->run, INTEGRATION, entity, &entity, 1, accept ? 100 : PERI_DELETE_SHARE_MAX_PERCENT, deleted, e);
}

/* Answers what the run in hand has asked. */
static void accept_all(fixture *f, int64_t expected) {
  peri_err e = {0};
  peri_question_row *q;
  size_t count;
  int64_t deleted;
  OK(peri_question_find(f->s, f->a, INTEGRATION, peri_str_of(ask_text(f->s, "SELECT id FROM runs ORDER BY seq DESC")), NULL, 0, &q, &count, &e));
  assert_int_equal(count, 1);
  OK(peri_question_accept(f->s, f->run, q[0].seq, &deleted, &e));
  assert_int_equal(deleted, expected);
  assert_int_equal(peri_question_accept(f->s, f->run, q[0].seq, &deleted, &e), PERI_CONFLICT); /* once */
}

static void unseen_rows_are_buried(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  int64_t deleted;
  peri_commit_row rows[N];
  fill(rows, N);
  commit_sweep(f, rows, N, 1000);
  OK(sweep_end(f, false, &deleted, &e));
  assert_int_equal(deleted, 0);
  next_run(f);
  for (int i = 0; i < N; i++) rows[i].verdict = 5; /* recognised as the same */
  rows[7] = row_of(keys[7], "{\"n\":70}", 101);    /* one is changed */
  commit_sweep(f, rows, 50, 2000);
  commit_sweep(f, rows + 50, 45, 2000);
  peri_str entity = PERI_STR("contact"), *raws;
  size_t count;
  OK(peri_store_sweep_missing(f->s, f->a, f->run, INTEGRATION, entity, &entity, 1, 5, &raws, &count, &e));
  assert_int_equal(count, 5);
  assert_true(peri_str_is(raws[0], "{\"n\":95}") && peri_str_is(raws[4], "{\"n\":99}"));
  OK(peri_store_sweep_missing(f->s, f->a, f->run, INTEGRATION, entity, &entity, 1, 4, &raws, &count, &e));
  assert_int_equal(count, 0); /* more than were asked for: none */
  assert_counts(f, 100, 0);
  OK(sweep_end(f, false, &deleted, &e));
  assert_int_equal(deleted, 5);
  assert_counts(f, 95, 0);
  assert_string_equal(
      ask_text(f->s, "SELECT group_concat(external_id) FROM (SELECT * FROM integration_data WHERE deleted_at IS NOT NULL ORDER BY seq)"),
      "95,96,97,98,99");
  assert_int_equal(ask(f->s, "SELECT deleted FROM runs ORDER BY seq DESC"), 5);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM sweep_bits"), 0);
  /* listed again, at the same stamp: it is back */
  next_run(f);
  rows[95] = row_of(keys[95], data[95], 100);
  commit_rows(f, rows + 95, 1);
  assert_counts(f, 96, 0);
}

static void mass_deletes_ask_first(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  int64_t deleted;
  peri_commit_row rows[N];
  fill(rows, N);
  commit_sweep(f, rows, N, 1000);
  OK(sweep_end(f, false, &deleted, &e));
  next_run(f);
  for (int i = 0; i < N; i++) rows[i].verdict = 5;
  commit_sweep(f, rows, 80, 2000);
  assert_int_equal(sweep_end(f, false, &deleted, &e), PERI_MASS_DELETE);
  assert_non_null(strstr(e.text, "20 of 100"));
  assert_int_equal(deleted, 0);
  assert_counts(f, 100, 0);
  accept_all(f, 20);
  next_run(f);
  commit_sweep(f, rows, 61, 3000); /* 19 of 80 is much, but few */
  OK(sweep_end(f, false, &deleted, &e));
  assert_int_equal(deleted, 19);
  next_run(f);
  assert_int_equal(sweep_end(f, false, &deleted, &e), PERI_MASS_DELETE); /* an empty listing */
  assert_counts(f, 61, 0);
}

static void a_sweep_outlives_its_run(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  int64_t deleted;
  peri_commit_row rows[N];
  fill(rows, N);
  commit_sweep(f, rows, N, 1000);
  OK(sweep_end(f, false, &deleted, &e));
  next_run(f);
  for (int i = 0; i < N; i++) rows[i].verdict = 5;
  rows[0] = row_of(keys[0], "{\"n\":70}", 101);
  commit_sweep(f, rows, 50, 2000);
  peri_store_close(f->s); /* killed here */
  OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
  next_run(f);
  commit_sweep(f, rows + 50, 49, 2000);
  OK(sweep_end(f, false, &deleted, &e));
  assert_int_equal(deleted, 1);
  /* one that begins anew forgets the marks of the one before */
  next_run(f);
  commit_sweep(f, rows, 50, 3000);
  next_run(f);
  commit_sweep(f, rows + 1, 98, 4000);
  OK(sweep_end(f, false, &deleted, &e));
  assert_int_equal(deleted, 1);
  assert_counts(f, 98, 0);
}

static void rejects_count_as_seen(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  int64_t deleted;
  peri_commit_row rows[] = {row_of("1", "{\"a\":1}", 100), reject_of("2", "{\"a\":2}", 100), reject_of("3", "{\"a\":3}", 100),
                            row_of("4", "{\"a\":4}", 100), row_of("5", "{\"a\":5}", 100)};
  rows[4].verdict = 3;
  commit_sweep(f, rows, 5, 1000);
  OK(sweep_end(f, false, &deleted, &e));
  assert_counts(f, 2, 2);
  next_run(f);
  peri_commit_row again[] = {reject_of("1", "{\"a\":\"x\"}", 101), rows[1], rows[3]};
  again[1].verdict = 5;
  again[2].verdict = 5;
  commit_sweep(f, again, 3, 2000);
  OK(sweep_end(f, false, &deleted, &e));
  assert_int_equal(deleted, 0);
  assert_counts(f, 2, 2); /* 1 is stale, 2 still rejected, 3 gone with its reject */
  assert_string_equal(ask_text(f->s, "SELECT group_concat(record_key) FROM (SELECT * FROM rejects WHERE state = 'open' ORDER BY record_key)"), "1,2");
  assert_int_equal(ask(f->s, "SELECT count(*) FROM unmapped"), 0);
}

static void partitions_replace_their_sets(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  int64_t deleted;
  peri_commit_row rows[] = {row_of("1:a", "{}", NONE), row_of("1:b", "{}", NONE),    row_of("12:a", "{}", NONE),
                            row_of("2:a", "{}", NONE), reject_of("2:b", "{}", NONE), row_of("3:a", "{}", NONE)};
  rows[4].verdict = 1;
  commit_rows(f, rows, 6);
  peri_commit_row bad = reject_of("2:b", "{\"x\":1}", NONE);
  commit_rows(f, &bad, 1);
  assert_counts(f, 6, 1);
  peri_str prefixes[] = {PERI_STR("1:"), PERI_STR("2:")}, left[] = {PERI_STR("2:a"), PERI_STR("1:b")};
  peri_cursor c = {PERI_STR("full"), NONE, NONE, -1, PERI_STR("{\"parent\":2}"), PERI_STR("s"), -1}, back;
  OK(peri_store_partition_end(f->s, f->run, INTEGRATION, PERI_STR("contact"), PERI_STR("contact"), prefixes, 2, left, 2, PERI_STR("parts"), &c,
                              NULL, &deleted, &e));
  assert_int_equal(deleted, 2);
  assert_counts(f, 4, 0);
  assert_string_equal(ask_text(f->s, "SELECT group_concat(external_id) FROM (SELECT * FROM integration_data WHERE deleted_at IS NULL ORDER BY seq)"),
                      "1:b,12:a,2:a,3:a");
  OK(peri_cursor_get(f->s, f->a, INTEGRATION, PERI_STR("contact"), PERI_STR("parts"), &back, &e));
  assert_true(peri_str_is(back.position, "{\"parent\":2}"));
  peri_str nothing = PERI_STR("");
  OK(peri_store_partition_end(f->s, f->run, INTEGRATION, PERI_STR("contact"), PERI_STR("contact"), &nothing, 1, NULL, 0, PERI_STR("parts"), NULL,
                              NULL, &deleted, &e));
  assert_int_equal(deleted, 0);
}

static void parents_by_seq(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row rows[10];
  fill(rows, 10);
  commit_rows(f, rows, 10);
  int64_t first_run = f->run, after = 0;
  next_run(f);
  rows[3] = row_of("3", "{\"n\":33}", 101);
  commit_rows(f, rows, 10);
  peri_parent *p;
  size_t n, total = 0;
  do {
    OK(peri_store_parents(f->s, f->a, INTEGRATION, PERI_STR("contact"), after, 0, false, 4, &p, &n, &e));
    total += n;
    if (n) after = p[n - 1].seq;
  } while (n);
  assert_int_equal(total, 10);
  OK(peri_store_parents(f->s, f->a, INTEGRATION, PERI_STR("contact"), 0, first_run, false, 4, &p, &n, &e));
  assert_int_equal(n, 1);
  assert_true(peri_str_is(p->raw, "{\"n\":33}") && peri_str_is(p->key, "3"));
}

int store_sweep_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(unseen_rows_are_buried, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(mass_deletes_ask_first, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(a_sweep_outlives_its_run, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(rejects_count_as_seen, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(partitions_replace_their_sets, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(parents_by_seq, fixture_open, fixture_close),
  };
  return cmocka_run_group_tests_name("store: sweep", tests, NULL, NULL);
}
