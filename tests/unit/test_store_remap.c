/* Remap and replay: a new plan over stored records; what the source said about time stays. */
#include "test_store.h"

static peri_counters remap(fixture *f, const peri_commit_row *rows, size_t n) {
  peri_err e = {0};
  peri_commit c = {.run_seq = f->run,
                   .run_started_ms = 1800000000000,
                   .integration_id = INTEGRATION,
                   .stream = PERI_STR("contact"),
                   .generation = PERI_STR("generation-two"),
                   .rows = rows,
                   .row_count = n};
  peri_counters counted;
  OK(peri_store_remap(f->s, &c, &counted, &e));
  return counted;
}

static peri_commit_row mapped(const char *key, const char *raw, const char *data) {
  peri_commit_row r = row_of(key, data, NONE);
  r.plan_hash = PERI_STR("plan-two");
  r.raw = (peri_str){NULL, 0};
  hash_of(peri_str_of(raw), r.raw_hash);
  return r;
}

static void rows_get_the_new_plan(void **state) {
  fixture *f = *state;
  peri_commit_row rows[] = {row_of("1", "{\"a\":1}", 100), row_of("2", "{\"a\":2}", 100), row_of("3", "{\"a\":3}", 100)}, gone = row_of("3", "", 110);
  gone.verdict = 4;
  commit_rows(f, rows, 3);
  commit_rows(f, &gone, 1);
  char before[4096];
  strcpy(before, ask_text(f->s, "SELECT group_concat(synced_at || run_seq || raw || source_updated) FROM integration_data"));
  next_run(f);
  peri_commit_row again[] = {mapped("1", "{\"a\":1}", "{\"b\":1}"), mapped("2", "{\"a\":2}", "{\"a\":2}"), mapped("3", "{\"a\":3}", "{\"b\":3}")};
  peri_counters c = remap(f, again, 3);
  assert_int_equal(c.updated, 2);
  assert_int_equal(c.unchanged, 1);
  assert_string_equal(before, ask_text(f->s, "SELECT group_concat(synced_at || run_seq || raw || source_updated) FROM integration_data"));
  assert_string_equal(ask_text(f->s, "SELECT group_concat(data) FROM integration_data"), "{\"b\":1},{\"a\":2},{\"b\":3}");
  assert_int_equal(ask(f->s, "SELECT count(*) FROM integration_data d JOIN plans p ON p.seq = d.plan_id WHERE p.hash = 'plan-two'"), 3);
  assert_counts(f, 2, 0); /* the tombstone was remapped and stays one */
  peri_commit_row other = mapped("1", "{\"a\":\"meanwhile changed\"}", "{\"b\":9}");
  c = remap(f, &other, 1);
  assert_int_equal(c.unchanged, 1);
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data WHERE external_id = '1'"), "{\"b\":1}");
}

static void failing_rows_keep_their_data(void **state) {
  fixture *f = *state;
  peri_commit_row r = row_of("1", "{\"a\":1}", 100), bad = mapped("1", "{\"a\":1}", "{}"), good = mapped("1", "{\"a\":1}", "{\"c\":1}");
  commit_rows(f, &r, 1);
  bad.verdict = 2;
  bad.reject_json = PERI_STR("{\"code\":\"required\",\"field\":\"email\",\"message\":\"no e-mail\"}");
  peri_counters c = remap(f, &bad, 1);
  assert_int_equal(c.rejected, 1);
  assert_counts(f, 1, 1);
  assert_string_equal(ask_text(f->s, "SELECT d.data || d.is_stale || p.hash FROM integration_data d JOIN plans p ON p.seq = d.plan_id"),
                      "{\"a\":1}1plan-one");
  assert_string_equal(ask_text(f->s, "SELECT CAST(raw AS TEXT) FROM rejects"), "{\"a\":1}");
  remap(f, &bad, 1);
  assert_counts(f, 1, 1);
  remap(f, &good, 1); /* the next plan is better: reject and mark are gone */
  assert_counts(f, 1, 0);
  assert_string_equal(ask_text(f->s, "SELECT data || is_stale FROM integration_data"), "{\"c\":1}0");
}

static void rejects_are_replayed(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row r = row_of("1", "{\"a\":1}", 100), bad = reject_of("1", "{\"a\":2}", 110), fresh = reject_of("2", "{\"a\":3}", 120);
  commit_rows(f, &r, 1);
  commit_rows(f, &bad, 1);
  commit_rows(f, &fresh, 1);
  assert_counts(f, 1, 2);
  peri_stored *stored;
  size_t n;
  OK(peri_store_records(f->s, f->a, INTEGRATION, PERI_STR("contact"), 1, 0, 10, &stored, &n, &e));
  assert_int_equal(n, 2);
  next_run(f);
  /* the old good version under the new plan first: the row stays stale */
  peri_commit_row again[] = {mapped("1", "{\"a\":1}", "{\"b\":1}"), mapped("1", "{\"a\":2}", "{\"b\":2}"), mapped("2", "{\"a\":3}", "{\"b\":3}")};
  remap(f, again, 1);
  assert_string_equal(ask_text(f->s, "SELECT data || is_stale FROM integration_data"), "{\"b\":1}1");
  assert_counts(f, 1, 2);
  peri_counters c = remap(f, again + 1, 2);
  assert_int_equal(c.updated, 1);
  assert_int_equal(c.created, 1);
  assert_counts(f, 2, 0);
  assert_string_equal(ask_text(f->s, "SELECT group_concat(data || raw || source_updated || is_stale) FROM integration_data"),
                      "{\"b\":2}{\"a\":2}1100,{\"b\":3}{\"a\":3}1200");
}

static void left_out_records_come_in(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row skip = row_of("1", "{\"a\":1}", 100), r2 = row_of("2", "{\"a\":2}", 100);
  skip.verdict = 3;
  commit_rows(f, &skip, 1);
  commit_rows(f, &r2, 1);
  peri_stored *stored;
  size_t n;
  OK(peri_store_records(f->s, f->a, INTEGRATION, PERI_STR("contact"), 2, 0, 10, &stored, &n, &e));
  assert_true(n == 1 && stored->source == 2 && peri_str_is(stored->raw, "{\"a\":1}"));
  peri_commit_row in = mapped("1", "{\"a\":1}", "{\"b\":1}"), out = mapped("2", "{\"a\":2}", "");
  peri_counters c = remap(f, &in, 1);
  assert_int_equal(c.created, 1);
  assert_counts(f, 2, 0);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM unmapped"), 0);
  out.verdict = 3;
  c = remap(f, &out, 1);
  assert_int_equal(c.deleted, 1);
  assert_counts(f, 1, 0);
  assert_string_equal(ask_text(f->s, "SELECT raw FROM unmapped"), "{\"a\":2}");
  peri_commit_row back = mapped("2", "{\"a\":2}", "{\"b\":2}");
  remap(f, &back, 1);
  assert_counts(f, 2, 0);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM unmapped"), 0);
}

static void sets_are_remapped_whole(void **state) {
  fixture *f = *state;
  const char *raw = "{\"list\":[1,2]}";
  peri_commit_row rows[] = {row_of("1:1", "{\"x\":1}", 100), row_of("1:2", "{\"x\":2}", 100)};
  for (int i = 0; i < 2; i++) {
    rows[i].set = 1;
    rows[i].record_key = PERI_STR("1");
    rows[i].raw = peri_str_of(raw);
    hash_of(rows[i].raw, rows[i].raw_hash);
  }
  commit_rows(f, rows, 2);
  char before[256];
  strcpy(before, ask_text(f->s, "SELECT group_concat(synced_at || run_seq) FROM integration_data"));
  next_run(f);
  peri_commit_row again[] = {mapped("1:2", raw, "{\"y\":2}"), mapped("1:3", raw, "{\"y\":3}")};
  for (int i = 0; i < 2; i++) {
    again[i].set = 1;
    again[i].record_key = PERI_STR("1");
  }
  peri_counters c = remap(f, again, 2);
  assert_int_equal(c.updated, 1);
  assert_int_equal(c.created, 1);
  assert_int_equal(c.deleted, 1);
  assert_counts(f, 2, 0);
  assert_string_equal(
      ask_text(f->s, "SELECT group_concat(external_id || coalesce(raw, '-') || source_updated) FROM integration_data WHERE deleted_at IS NULL"),
      "1:2{\"list\":[1,2]}100,1:3-100");
  assert_string_equal(before, ask_text(f->s, "SELECT group_concat(synced_at || run_seq) FROM (SELECT * FROM integration_data WHERE seq < 3)"));
}

int store_remap_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(rows_get_the_new_plan, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(failing_rows_keep_their_data, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(rejects_are_replayed, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(left_out_records_come_in, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(sets_are_remapped_whole, fixture_open, fixture_close),
  };
  return cmocka_run_group_tests_name("store: remap", tests, NULL, NULL);
}
