/* The commit of a page: created, updated, the same, older, dead, rejected, left out, sets; counters that equal a recount. */
#include "test_store.h"

static void twice_is_unchanged(void **state) {
  fixture *f = *state;
  peri_commit_row rows[] = {row_of("1", "{\"a\":1}", 100), row_of("2", "{\"a\":2}", 100), row_of("3", "{\"a\":3}", 100)};
  peri_counters c = commit_rows(f, rows, 3);
  assert_int_equal(c.created, 3);
  assert_int_equal(c.processed, 3);
  char before[4096];
  strcpy(before, ask_text(f->s, "SELECT group_concat(id || synced_at || updated_at || run_seq) FROM integration_data"));
  next_run(f);
  c = commit_rows(f, rows, 3);
  assert_int_equal(c.unchanged, 3);
  assert_int_equal(c.created + c.updated, 0);
  assert_string_equal(before, ask_text(f->s, "SELECT group_concat(id || synced_at || updated_at || run_seq) FROM integration_data"));
  assert_string_equal(ask_text(f->s, "SELECT synced_at FROM integration_data"), "2023-11-14T22:13:20.000Z");
  assert_counts(f, 3, 0);
}

static void changed_data_and_changed_raw(void **state) {
  fixture *f = *state;
  peri_commit_row r = row_of("1", "{\"a\":1}", 100);
  commit_rows(f, &r, 1);
  /* only the raw bytes differ: stored, but the row is the same */
  peri_commit_row raw = r;
  raw.raw = PERI_STR("{ \"a\" : 1 }");
  hash_of(raw.raw, raw.raw_hash);
  char before[4096];
  strcpy(before, ask_text(f->s, "SELECT updated_at FROM integration_data"));
  peri_counters c = commit_rows(f, &raw, 1);
  assert_int_equal(c.unchanged, 1);
  assert_string_equal(ask_text(f->s, "SELECT raw FROM integration_data"), "{ \"a\" : 1 }");
  assert_string_equal(before, ask_text(f->s, "SELECT updated_at FROM integration_data"));
  r = row_of("1", "{\"a\":2}", 101);
  c = commit_rows(f, &r, 1);
  assert_int_equal(c.updated, 1);
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data"), "{\"a\":2}");
  assert_int_equal(ask(f->s, "SELECT source_updated FROM integration_data"), 101);
  assert_counts(f, 1, 0);
}

static void older_never_overwrites(void **state) {
  fixture *f = *state;
  peri_commit_row now = row_of("1", "{\"a\":2}", 200), old = row_of("1", "{\"a\":1}", 100), no_stamp = row_of("1", "{\"a\":3}", NONE);
  commit_rows(f, &now, 1);
  peri_counters c = commit_rows(f, &old, 1);
  assert_int_equal(c.unchanged, 1);
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data"), "{\"a\":2}");
  commit_rows(f, &no_stamp, 1); /* nothing to compare: the later word counts, the stamp that is known stays */
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data"), "{\"a\":3}");
  assert_int_equal(ask(f->s, "SELECT source_updated FROM integration_data"), 200);
  peri_commit_row reject = reject_of("1", "{\"a\":0}", 50);
  c = commit_rows(f, &reject, 1);
  assert_int_equal(c.rejected, 0);
  assert_counts(f, 1, 0);
}

static void tombstones(void **state) {
  fixture *f = *state;
  peri_commit_row r = row_of("1", "{\"a\":1}", 100), gone = r, other = row_of("9", "{}", 1);
  gone.verdict = 4;
  gone.updated = 150;
  other.verdict = 4;
  commit_rows(f, &r, 1);
  peri_counters c = commit_rows(f, &gone, 1);
  assert_int_equal(c.deleted, 1);
  assert_counts(f, 0, 0);
  c = commit_rows(f, &gone, 1);
  assert_int_equal(c.deleted, 0);
  assert_int_equal(c.unchanged, 1);
  c = commit_rows(f, &other, 1); /* never seen: nothing to bury */
  assert_int_equal(c.unchanged, 1);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM integration_data"), 1);
  commit_rows(f, &r, 1); /* a late page with the version before */
  assert_counts(f, 0, 0);
  peri_commit_row same = row_of("1", "{\"a\":2}", 150);
  commit_rows(f, &same, 1); /* no later than the deletion */
  assert_counts(f, 0, 0);
  peri_commit_row later = row_of("1", "{\"a\":2}", 151);
  c = commit_rows(f, &later, 1);
  assert_int_equal(c.updated, 1);
  assert_counts(f, 1, 0);
  assert_string_equal(ask_text(f->s, "SELECT deleted_cause FROM integration_data"), "(null)");
  gone.updated = 100; /* a deletion older than the row */
  commit_rows(f, &gone, 1);
  assert_counts(f, 1, 0);
  peri_commit_row merged = later;
  merged.verdict = 6;
  merged.merged_into = PERI_STR("2");
  c = commit_rows(f, &merged, 1);
  assert_int_equal(c.deleted, 1);
  assert_string_equal(ask_text(f->s, "SELECT merged_into FROM integration_data"), "2");
  peri_commit_row no_stamp = row_of("1", "{\"a\":5}", NONE);
  commit_rows(f, &no_stamp, 1);
  assert_counts(f, 1, 0);
  assert_string_equal(ask_text(f->s, "SELECT merged_into FROM integration_data"), "(null)");
}

static const char *merged_into(fixture *f, const char *key) {
  static char sql[128];
  snprintf(sql, sizeof sql, "SELECT merged_into FROM integration_data WHERE external_id = '%s'", key);
  return ask_text(f->s, sql);
}

/* a was merged into b, b into c: a points to c, in whichever order that is learned; a chain that leads back ends. */
static void merges_point_to_the_survivor(void **state) {
  fixture *f = *state;
  peri_commit_row rows[] = {row_of("a", "{}", 10), row_of("b", "{}", 10), row_of("c", "{}", 10), row_of("d", "{}", 10)}, m = row_of("a", "{}", 20);
  commit_rows(f, rows, 4);
  m.verdict = 6;
  m.merged_into = PERI_STR("b");
  commit_rows(f, &m, 1);
  assert_string_equal(merged_into(f, "a"), "b");
  m.key = m.record_key = PERI_STR("b");
  m.merged_into = PERI_STR("c");
  m.updated = 30;
  commit_rows(f, &m, 1);
  assert_string_equal(merged_into(f, "a"), "c");
  assert_string_equal(merged_into(f, "b"), "c");
  m.key = m.record_key = PERI_STR("d"); /* b is said to have absorbed it: but b is c now */
  m.merged_into = PERI_STR("b");
  commit_rows(f, &m, 1);
  assert_string_equal(merged_into(f, "d"), "c");
  m.key = m.record_key = PERI_STR("c");
  m.merged_into = PERI_STR("a");
  m.updated = 40;
  commit_rows(f, &m, 1); /* a circle: nobody loops */
  assert_counts(f, 0, 0);
  peri_commit_row back = row_of("b", "{\"n\":1}", 50);
  peri_counters c = commit_rows(f, &back, 1);
  assert_int_equal(c.updated, 1);
  assert_string_equal(merged_into(f, "b"), "(null)");
  assert_counts(f, 1, 0);
}

static void rejects_and_stale_rows(void **state) {
  fixture *f = *state;
  peri_commit_row good = row_of("1", "{\"a\":1}", 100), bad = reject_of("1", "{\"a\":\"x\"}", 110), later = row_of("1", "{\"a\":3}", 120),
                  nameless = reject_of("", "{]", NONE);
  commit_rows(f, &good, 1);
  peri_counters c = commit_rows(f, &bad, 1);
  assert_int_equal(c.rejected, 1);
  assert_counts(f, 1, 1);
  assert_int_equal(ask(f->s, "SELECT is_stale FROM integration_data"), 1);
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data"), "{\"a\":1}");
  assert_string_equal(ask_text(f->s, "SELECT field||code||message||file||line||value_shown||also FROM rejects"),
                      "emailtypeno e-mailmappings/hubspot/contact.lua7abc[{\"field\":\"phone\"}]");
  commit_rows(f, &bad, 1);
  assert_counts(f, 1, 1); /* one reject a record */
  assert_int_equal(ask(f->s, "SELECT attempts FROM rejects"), 2);
  commit_rows(f, &good, 1); /* the version before it, late: the row stays stale, the reject open */
  assert_counts(f, 1, 1);
  assert_int_equal(ask(f->s, "SELECT is_stale FROM integration_data"), 1);
  c = commit_rows(f, &later, 1);
  assert_int_equal(c.updated, 1);
  assert_counts(f, 1, 0);
  assert_int_equal(ask(f->s, "SELECT is_stale FROM integration_data"), 0);
  assert_string_equal(ask_text(f->s, "SELECT state FROM rejects"), "closed");
  commit_rows(f, &nameless, 1);
  commit_rows(f, &nameless, 1);
  assert_counts(f, 1, 1);
  assert_int_equal(ask(f->s, "SELECT length(record_key) FROM rejects WHERE state = 'open'"), 33);
  peri_commit_row fresh_bad = reject_of("2", "{\"b\":1}", 100), fresh = row_of("2", "{\"b\":2}", 101); /* rejected first, then good */
  commit_rows(f, &fresh_bad, 1);
  assert_counts(f, 1, 2);
  commit_rows(f, &fresh, 1);
  assert_counts(f, 2, 1);
  bad = reject_of("2", "{\"b\":3}", 102);
  commit_rows(f, &bad, 1);
  assert_counts(f, 2, 2);
  bad.verdict = 4;
  commit_rows(f, &bad, 1); /* the record goes, its reject with it */
  assert_counts(f, 1, 1);
}

static void left_out_records_are_kept(void **state) {
  fixture *f = *state;
  peri_commit_row r = row_of("1", "{\"a\":1}", 100), skip = row_of("1", "{\"a\":2}", 110), again = row_of("1", "{\"a\":2}", 110);
  skip.verdict = 3;
  commit_rows(f, &r, 1);
  peri_counters c = commit_rows(f, &skip, 1);
  assert_int_equal(c.deleted, 1);
  assert_counts(f, 0, 0);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM unmapped"), 1);
  c = commit_rows(f, &skip, 1);
  assert_int_equal(c.skipped, 1);
  assert_int_equal(c.processed, 0);
  commit_rows(f, &again, 1); /* another plan takes it, at the same stamp */
  assert_counts(f, 1, 0);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM unmapped"), 0);
}

static peri_commit_row member(const char *key, const char *record, const char *data, const char *raw, int64_t updated) {
  peri_commit_row r = row_of(key, data, updated);
  r.set = 1;
  r.record_key = peri_str_of(record);
  r.raw = peri_str_of(raw);
  hash_of(r.raw, r.raw_hash);
  return r;
}

static void a_set_is_replaced(void **state) {
  fixture *f = *state;
  peri_commit_row first[] = {member("1:a", "1", "{\"x\":1}", "{\"v\":1}", 100), member("1:b", "1", "{\"x\":2}", "{\"v\":1}", 100),
                             member("1:c", "1", "{\"x\":3}", "{\"v\":1}", 100), member("2:a", "2", "{\"x\":1}", "{\"w\":1}", 100)};
  peri_counters c = commit_rows(f, first, 4);
  assert_int_equal(c.created, 4);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM integration_data WHERE raw IS NOT NULL"), 2);
  assert_counts(f, 4, 0);
  c = commit_rows(f, first, 4);
  assert_int_equal(c.unchanged, 4);
  /* the first goes, one changes, one comes */
  peri_commit_row second[] = {member("1:b", "1", "{\"x\":9}", "{\"v\":2}", 110), member("1:c", "1", "{\"x\":3}", "{\"v\":2}", 110),
                              member("1:d", "1", "{\"x\":4}", "{\"v\":2}", 110)};
  c = commit_rows(f, second, 3);
  assert_int_equal(c.created, 1);
  assert_int_equal(c.deleted, 1);
  assert_counts(f, 4, 0);
  assert_string_equal(
      ask_text(
          f->s,
          "SELECT group_concat(external_id || coalesce(raw, '-')) FROM (SELECT * FROM integration_data WHERE record_key = '1' ORDER BY external_id)"),
      "1:a-,1:b{\"v\":2},1:c-,1:d-");
  commit_rows(f, first, 3); /* older */
  assert_counts(f, 4, 0);
  peri_known k;
  peri_str key = PERI_STR("1"), entity = PERI_STR("contact"), plan = PLAN;
  uint8_t h[1][16];
  peri_err e = {0};
  hash_of(PERI_STR("{\"v\":2}"), h[0]);
  OK(peri_store_known(f->s, INTEGRATION, &entity, &plan, 1, &key, (const uint8_t(*)[16])h, 1, &k, &e));
  assert_true(k.exists && k.same_raw && k.same_plan);
  peri_commit_row plain = row_of("1", "{\"one\":1}", 120); /* the mapping has no `rows` any more */
  commit_rows(f, &plain, 1);
  assert_counts(f, 2, 0);
  peri_commit_row gone = row_of("2", "{}", 120);
  gone.verdict = 4;
  commit_rows(f, &gone, 1);
  assert_counts(f, 1, 0);
}

static peri_known known(fixture *f, const char *key, const char *raw, const char *plan_text) {
  peri_err e = {0};
  peri_known k;
  peri_str entity = PERI_STR("contact"), plan = peri_str_of(plan_text), key_text = peri_str_of(key);
  uint8_t h[1][16];
  hash_of(peri_str_of(raw), h[0]);
  OK(peri_store_known(f->s, INTEGRATION, &entity, &plan, 1, &key_text, (const uint8_t(*)[16])h, 1, &k, &e));
  return k;
}

static void knows_what_it_has(void **state) {
  fixture *f = *state;
  peri_commit_row rows[] = {row_of("1", "{\"a\":1}", 100), reject_of("2", "{\"a\":2}", 100), row_of("3", "{\"a\":3}", 100),
                            row_of("4", "{\"a\":4}", 100)};
  rows[2].verdict = 3;
  commit_rows(f, rows, 4);
  peri_known k = known(f, "1", "{\"a\":1}", "plan-one");
  assert_true(k.exists && k.same_raw && k.same_plan && !k.deleted);
  k = known(f, "1", "{\"a\":1}", "plan-two");
  assert_true(k.exists && k.same_raw && !k.same_plan);
  k = known(f, "1", "{\"a\":9}", "plan-one");
  assert_true(k.exists && !k.same_raw && !k.same_plan);
  k = known(f, "2", "{\"a\":2}", "plan-one");
  assert_true(k.exists && k.same_raw && k.same_plan);
  k = known(f, "3", "{\"a\":3}", "plan-one");
  assert_true(k.exists && k.same_raw && k.same_plan);
  k = known(f, "77", "{\"a\":3}", "plan-one");
  assert_true(!k.exists && !k.same_raw && !k.same_plan);
  /* the good version coming back after a rejected one must be mapped again */
  peri_commit_row bad = reject_of("1", "{\"a\":\"z\"}", 110);
  commit_rows(f, &bad, 1);
  k = known(f, "1", "{\"a\":1}", "plan-one");
  assert_true(k.exists && !k.same_raw);
  /* a deletion by its API holds against the same version */
  rows[3].verdict = 4;
  commit_rows(f, &rows[3], 1);
  k = known(f, "4", "{\"a\":4}", "plan-one");
  assert_true(k.exists && k.deleted && k.same_raw);
}

/* What the skip check looked up is used by the commit once, and never after something else wrote the row. */
static void what_was_looked_up_is_not_believed_too_long(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  int64_t deleted;
  peri_str prefix = PERI_STR("1");
  peri_commit_row a = row_of("1", "{\"a\":1}", 100), b = row_of("1", "{\"a\":2}", 200), c = row_of("1", "{\"a\":3}", 150),
                  d = row_of("1", "{\"a\":4}", 300);
  commit_rows(f, &a, 1);
  known(f, "1", "{\"a\":2}", "plan-one");
  commit_rows(f, &b, 1);
  peri_counters n = commit_rows(f, &c, 1); /* older than what is there now, newer than what was looked up */
  assert_int_equal(n.unchanged, 1);
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data"), "{\"a\":2}");
  known(f, "1", "{\"a\":4}", "plan-one");
  OK(peri_store_partition_end(f->s, f->run, INTEGRATION, PERI_STR("contact"), PERI_STR("contact"), &prefix, 1, NULL, 0, PERI_STR("p"), NULL, NULL, &deleted,
                              &e));
  assert_counts(f, 0, 0);
  commit_rows(f, &d, 1);
  assert_counts(f, 1, 0);
  known(f, "1", "{\"a\":5}", "plan-one");
  peri_commit_row gone = row_of("1", "", 400), late = row_of("1", "{\"a\":5}", 350);
  gone.verdict = 4;
  commit_rows(f, &gone, 1);
  commit_rows(f, &late, 1);
  assert_counts(f, 0, 0);
}

static void two_entities_must_both_agree(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row r = row_of("1", "{\"a\":1}", 100);
  commit_rows(f, &r, 1);
  peri_str entities[] = {PERI_STR("contact"), PERI_STR("company")}, plans[] = {PLAN, PERI_STR("plan-b")}, key = PERI_STR("1");
  peri_known k;
  OK(peri_store_known(f->s, INTEGRATION, entities, plans, 2, &key, (const uint8_t(*)[16]) & r.raw_hash, 1, &k, &e));
  assert_true(k.exists && !k.same_raw);
  r.entity = PERI_STR("company");
  r.plan_hash = PERI_STR("plan-b");
  commit_rows(f, &r, 1);
  OK(peri_store_known(f->s, INTEGRATION, entities, plans, 2, &key, (const uint8_t(*)[16]) & r.raw_hash, 1, &k, &e));
  assert_true(k.same_raw && k.same_plan);
}

static void the_cursor_comes_with_the_rows(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row r = row_of("1", "{\"a\":1}", 100);
  peri_cursor none, c = {PERI_STR("changes"), 5, 6, 7, PERI_STR("{\"p\":1}"), PERI_STR("s"), 8}, back;
  OK(peri_cursor_get(f->s, f->a, INTEGRATION, PERI_STR("contact"), PERI_STR("main"), &none, &e));
  assert_true(peri_str_is(none.phase, "none") && none.high == NONE && none.phase_started_ms == -1);
  peri_commit commits[2] = {{.run_seq = f->run,
                             .run_started_ms = 1,
                             .integration_id = INTEGRATION,
                             .stream = PERI_STR("contact"),
                             .cursor_kind = PERI_STR("main"),
                             .rows = &r,
                             .row_count = 1,
                             .cursor = &c,
                             .requests = 2,
                             .bytes = 70}};
  commits[1] = commits[0];
  peri_commit_result results[2];
  OK(peri_store_commit(f->s, commits, 2, results, &e));
  assert_int_equal(results[0].counted.created, 1);
  assert_int_equal(results[1].counted.unchanged, 1);
  assert_int_equal(ask(f->s, "SELECT requests * 1000 + bytes FROM runs"), 4140);
  OK(peri_cursor_get(f->s, f->a, INTEGRATION, PERI_STR("contact"), PERI_STR("main"), &back, &e));
  assert_true(peri_str_is(back.phase, "changes") && back.high == 5 && back.seen_max == 6 && back.phase_started_ms == 7 && back.swept_ms == 8);
  assert_true(peri_str_is(back.position, "{\"p\":1}") && peri_str_is(back.shape, "s"));
}

static void a_full_disk_leaves_nothing(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row r = row_of("1", "{\"a\":1}", 100);
  commit_rows(f, &r, 1);
  enum { N = 400 };
  static char big[4000], keys[N][16];
  memset(big, 'x', sizeof big - 1);
  static peri_commit_row rows[N];
  for (int i = 0; i < N; i++) {
    snprintf(keys[i], sizeof keys[i], "k%d", i);
    rows[i] = row_of(keys[i], big, 100);
  }
  peri_store_test_pages_max(f->s, ask(f->s, "PRAGMA page_count") + 20);
  peri_commit c = {
      .run_seq = f->run, .run_started_ms = 1, .integration_id = INTEGRATION, .stream = PERI_STR("contact"), .rows = rows, .row_count = N};
  peri_commit_result result;
  assert_int_equal(peri_store_commit(f->s, &c, 1, &result, &e), PERI_DISK_FULL);
  assert_non_null(strstr(e.text, f->path));
  assert_int_equal(result.counted.created, 0);
  assert_counts(f, 1, 0);
  peri_store_test_pages_max(f->s, 1000000);
  OK(peri_store_commit(f->s, &c, 1, &result, &e));
  assert_counts(f, N + 1, 0);
}

/* Somebody begins to read and does not end: the log cannot begin anew, and grows with each commit. A frame counts as 4,000 here. */
static void a_reader_that_stays_is_named(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row r = row_of("0", "{\"a\":1}", 100);
  commit_rows(f, &r, 1);
  sqlite3 *reader = NULL;
  assert_int_equal(sqlite3_open_v2(f->path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM integration_data", NULL, NULL, NULL), SQLITE_OK);
  peri_store_test_wal_factor(f->s, 4000);
  peri_commit c = {.run_seq = f->run, .run_started_ms = 1, .integration_id = INTEGRATION, .stream = PERI_STR("contact"), .rows = &r, .row_count = 1};
  peri_commit_result result;
  peri_code code = PERI_OK;
  bool slow = false;
  char key[16];
  int done = 0;
  for (; done < 200 && !code; done++) {
    snprintf(key, sizeof key, "k%d", done);
    r = row_of(key, "{\"a\":1}", 100);
    slow |= peri_store_wal_bytes(f->s) > (256ll << 20);
    code = peri_store_commit(f->s, &c, 1, &result, &e);
  }
  assert_true(slow);
  assert_int_equal(code, PERI_BUSY);
  assert_true(peri_store_wal_bytes(f->s) >= (1ll << 30));
  assert_non_null(strstr(e.text, "keeps reading"));
  assert_non_null(strstr(e.text, f->path));
  assert_int_equal(result.counted.created, 0);
  assert_counts(f, done, 0); /* the one that was refused is not there: k0 … and the first row */
  sqlite3_close(reader); /* its transaction ends */
  OK(peri_store_commit(f->s, &c, 1, &result, &e));
  assert_int_equal(result.counted.created, 1);
  assert_true(peri_store_wal_bytes(f->s) < (256ll << 20));
  assert_counts(f, done + 1, 0);
}

static void one_transaction_for_all(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row rows[] = {row_of("1", "{\"a\":1}", 100), row_of("2", "{\"a\":1}", 100)};
  rows[1].verdict = 99;
  peri_commit c = {
      .run_seq = f->run, .run_started_ms = 1, .integration_id = INTEGRATION, .stream = PERI_STR("contact"), .rows = rows, .row_count = 2};
  peri_commit_result result;
  assert_int_equal(peri_store_commit(f->s, &c, 1, &result, &e), PERI_INTERNAL);
  assert_counts(f, 0, 0);
  /* numbers given out inside the undone transaction are not remembered */
  rows[1].verdict = 1;
  OK(peri_store_commit(f->s, &c, 1, &result, &e));
  assert_int_equal(ask(f->s, "SELECT count(*) FROM integration_data d JOIN plans p ON p.seq = d.plan_id"), 2);
}

static void exact_bytes_come_back(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  const char *data = "{\"d\":0.1000000000000000055,\"n\":18446744073709551615,\"u\":\"\\u0000\\ud83d\\ude00\",\"é\":[],\"o\":{}}";
  peri_commit_row r = row_of("ключ-1", data, 100);
  r.context = PERI_STR("{\"from.id\":\"7\"}");
  r.warnings = PERI_STR("[\"w\"]");
  commit_rows(f, &r, 1);
  peri_stored *out;
  size_t n;
  OK(peri_store_records(f->s, f->a, INTEGRATION, PERI_STR("contact"), 0, 0, 10, &out, &n, &e));
  assert_int_equal(n, 1);
  assert_true(peri_str_is(out->raw, data) && peri_str_is(out->key, "ключ-1") && peri_str_is(out->context, "{\"from.id\":\"7\"}") &&
              peri_str_is(out->plan_hash, "plan-one"));
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data"), data);
  peri_commit_row bad = reject_of("2", "\xff\xfe broken", NONE);
  commit_rows(f, &bad, 1);
  OK(peri_store_records(f->s, f->a, INTEGRATION, PERI_STR("contact"), 1, 0, 10, &out, &n, &e));
  assert_true(n == 1 && peri_str_is(out->raw, "\xff\xfe broken") && out->source == 1);
}

int store_commit_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(twice_is_unchanged, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(changed_data_and_changed_raw, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(older_never_overwrites, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(tombstones, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(merges_point_to_the_survivor, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(rejects_and_stale_rows, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(left_out_records_are_kept, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(a_set_is_replaced, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(knows_what_it_has, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(what_was_looked_up_is_not_believed_too_long, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(two_entities_must_both_agree, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(the_cursor_comes_with_the_rows, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(a_full_disk_leaves_nothing, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(a_reader_that_stays_is_named, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(one_transaction_for_all, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(exact_bytes_come_back, fixture_open, fixture_close),
  };
  return cmocka_run_group_tests_name("store: commit", tests, NULL, NULL);
}
