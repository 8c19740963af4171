/* Retention: what may be needed stays, the rest goes, a bounded piece a call. */
#include "test_store.h"

#include <sqlite3.h>

static void sql(fixture *f, const char *text) {
  char *why = NULL;
  if (sqlite3_exec(f->s->db, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", text, why);
}

static void retain(fixture *f, int times) {
  peri_err e = {0};
  for (int i = 0; i < times; i++) OK(peri_store_retain(f->s, &e));
}

/* Runs 11 to 16 began now, run 1 very long ago; `count` rows of run 1. */
static void runs_and_rows(fixture *f, int count) {
  char text[512];
  sql(f, "DELETE FROM runs");
  sql(f, "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 16)"
         " INSERT INTO runs(seq, id, integration_id, kind, status, started_at, started_ms)"
         " SELECT i, 'run-' || i, '11111111-1111-7111-8111-111111111111', 'remap', 'ok',"
         " strftime('%Y-%m-%dT%H:%M:%fZ', 'now', CASE WHEN i < 11 THEN '-1000 days' ELSE '-1 days' END),"
         " (unixepoch() - CASE WHEN i < 11 THEN 1000 ELSE 1 END * 86400) * 1000 FROM n WHERE i = 1 OR i > 10");
  snprintf(text, sizeof text,
           "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
           " INSERT INTO integration_data(seq, integration_id, entity_type, external_id, data, synced_at, updated_at, created_at, run_seq)"
           " SELECT i, '11111111-1111-7111-8111-111111111111', 'contact', i, '{}', '', '', '', 1 FROM n",
           count);
  sql(f, text);
}

static void remapped(fixture *f, int run, int undone) {
  char text[300];
  snprintf(text, sizeof text,
           "INSERT INTO remaps(run_seq, integration_id, entity_type, path, from_generation, to_generation, undone)"
           " VALUES(%d, '11111111-1111-7111-8111-111111111111', 'contact', 'm.lua', %d, %d, %d)",
           run, run, run + 1, undone);
  sql(f, text);
}

static void kept_aside(fixture *f, int first, int last, int run) {
  char text[300];
  snprintf(text, sizeof text,
           "WITH RECURSIVE n(i) AS (VALUES(%d) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
           " INSERT INTO remap_undo(row_seq, run_seq, was_run_seq, was_raw) SELECT i, %d, 1, '{}' FROM n",
           first, last, run);
  sql(f, text);
}

static void what_can_be_taken_back_stays(void **state) {
  fixture *f = *state;
  runs_and_rows(f, 40);
  remapped(f, 1, 0); /* too old, however few there are */
  kept_aside(f, 1, 10, 1);
  remapped(f, 11, 0);
  kept_aside(f, 11, 20, 11);
  remapped(f, 12, 1); /* was taken back */
  remapped(f, 13, 0);
  kept_aside(f, 21, 25, 14); /* of a remap that was interrupted and went on in run 14 */
  sql(f, "UPDATE integration_data SET run_seq = 15 WHERE seq = 25"); /* a sync wrote it since */
  retain(f, 2);
  assert_string_equal(ask_text(f->s, "SELECT group_concat(run_seq) FROM remaps"), "11,13");
  assert_string_equal(ask_text(f->s, "SELECT min(row_seq) || '-' || max(row_seq) || ' ' || count(*) FROM remap_undo"), "11-24 14");
  remapped(f, 14, 0);
  remapped(f, 15, 0); /* a fourth: the first of them can't be taken back any more */
  retain(f, 2);
  assert_string_equal(ask_text(f->s, "SELECT group_concat(run_seq) FROM remaps"), "13,14,15");
  assert_string_equal(ask_text(f->s, "SELECT min(row_seq) || '-' || max(row_seq) || ' ' || count(*) FROM remap_undo"), "21-24 4");
  sql(f, "UPDATE remaps SET undone = 1");
  retain(f, 2);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM remaps"), 0);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM remap_undo"), 0);
}

static void a_slice_a_call(void **state) {
  fixture *f = *state;
  runs_and_rows(f, 5000);
  kept_aside(f, 1, 5000, 1);
  retain(f, 1);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM remap_undo"), 3000);
  retain(f, 2);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM remap_undo"), 0);
  remapped(f, 11, 0);
  kept_aside(f, 1, 3000, 11); /* what must stay does not stand in the way of what lies behind it */
  kept_aside(f, 3001, 5000, 1);
  retain(f, 4);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM remap_undo"), 3000);
}

static void the_last_remap_counts_as_last(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_remapped last;
  peri_commit_row r = row_of("1", "{\"a\":1}", 100);
  commit_rows(f, &r, 1); /* generation-one, plan-one */
#define NOTE(to, plan) OK(peri_store_remap_note(f->s, f->run, INTEGRATION, PERI_STR("contact"), PERI_STR("m.lua"), PERI_STR(to), PERI_STR(plan), &e))
  NOTE("generation-two", "plan-two");
  NOTE("generation-two", "plan-two"); /* an interrupted one goes on */
  assert_int_equal(ask(f->s, "SELECT count(*) FROM remaps"), 1);
  sql(f, "UPDATE integration_data SET generation_id = (SELECT seq FROM generations WHERE hash = 'generation-two'), plan_id = (SELECT seq FROM plans WHERE hash = 'plan-two')");
  NOTE("generation-one", "plan-one"); /* back by hand */
  sql(f, "UPDATE integration_data SET generation_id = (SELECT seq FROM generations WHERE hash = 'generation-one'), plan_id = (SELECT seq FROM plans WHERE hash = 'plan-one')");
  NOTE("generation-two", "plan-two"); /* and again: this is what is taken back first */
  assert_int_equal(ask(f->s, "SELECT count(*) FROM remaps"), 3);
  OK(peri_store_remap_last(f->s, f->a, PERI_STR("hubspot"), PERI_STR("contact"), (peri_str){NULL, 0}, &last, &e));
  assert_int_equal(last.to_generation, ask(f->s, "SELECT seq FROM generations WHERE hash = 'generation-two'"));
}

/* Requests of run 1, of 9,000 of which each thousandth is named: by a row, a reject, a record left out, and what a remap keeps aside. */
static void requests_that_are_named_stay(void **state) {
  fixture *f = *state;
  runs_and_rows(f, 4500);
  sql(f, "DELETE FROM runs WHERE seq < 11");
  sql(f, "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 9100)"
         " INSERT INTO requests(seq, run_seq, stream, page, method, url, at_ms) SELECT i, CASE WHEN i <= 9000 THEN 1 ELSE 12 END, 'contact', i, 'GET', '/', 0 FROM n");
  sql(f, "UPDATE integration_data SET request_seq = CASE seq WHEN 1 THEN 1000 WHEN 4500 THEN 2000 END");
  sql(f, "INSERT INTO rejects(id, integration_id, entity_type, record_key, state, code, run_seq, message, created_at, updated_at, request_seq)"
         " VALUES('r', '11111111-1111-7111-8111-111111111111', 'contact', 'r', 'open', 'type', 1, 'm', '', '', 3000)");
  sql(f, "INSERT INTO unmapped(integration_id, entity_type, record_key, run_seq, raw, request_seq)"
         " VALUES('11111111-1111-7111-8111-111111111111', 'contact', 'u', 1, '{}', 4000)");
  remapped(f, 11, 0);
  sql(f, "INSERT INTO remap_undo(row_seq, run_seq, was_run_seq, was_request_seq) VALUES(7, 11, 1, 5000)");
  for (int i = 0; i < 60; i++) {
    int64_t before = ask(f->s, "SELECT count(*) FROM requests");
    retain(f, 1);
    assert_true(before - ask(f->s, "SELECT count(*) FROM requests") <= 2000);
    if (i == 3) sql(f, "UPDATE integration_data SET request_seq = 9050 WHERE seq = 9"); /* written meanwhile: it names a younger one */
    assert_int_equal(ask(f->s, "SELECT count(*) FROM requests WHERE seq IN (1000, 2000, 3000, 4000, 5000)"), 5);
  }
  assert_string_equal(ask_text(f->s, "SELECT group_concat(seq) FROM requests WHERE seq <= 9000"), "1000,2000,3000,4000,5000");
  assert_int_equal(ask(f->s, "SELECT count(*) FROM requests WHERE seq > 9000"), 100); /* those of runs that are kept */
}

static void rejects_that_are_over_are_bounded(void **state) {
  fixture *f = *state;
  char text[600];
  snprintf(text, sizeof text,
           "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
           " INSERT INTO rejects(id, integration_id, entity_type, record_key, state, code, run_seq, message, created_at, updated_at)"
           " SELECT i, '11111111-1111-7111-8111-111111111111', 'contact', i, CASE WHEN i <= 10 THEN 'open' WHEN i %% 2 THEN 'closed' ELSE 'discarded' END, 'type', 1, 'm', '',"
           " printf('%%06d', i) FROM n",
           PERI_REJECTS_PER_STREAM_MAX + 1000);
  sql(f, text);
  retain(f, 1);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM rejects"), PERI_REJECTS_PER_STREAM_MAX);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM rejects WHERE state = 'open'"), 10);                       /* however old */
  assert_int_equal(ask(f->s, "SELECT count(DISTINCT state) FROM rejects WHERE seq BETWEEN 11 AND 1010"), 0);  /* the eldest of both kinds went */
  assert_int_equal(ask(f->s, "SELECT count(DISTINCT state) FROM rejects WHERE seq BETWEEN 1011 AND 1020"), 2);
}

int store_retain_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_can_be_taken_back_stays, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(a_slice_a_call, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(the_last_remap_counts_as_last, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(requests_that_are_named_stay, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(rejects_that_are_over_are_bounded, fixture_open, fixture_close),
  };
  return cmocka_run_group_tests_name("store: retention", tests, NULL, NULL);
}
