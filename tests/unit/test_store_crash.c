/* Kills in the middle: a child commits, sweeps, rejects, rotates keys; it is killed without warning; what is left is whole and its counts are exact.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_store.h"
#include "vault/vault.h"
#include "json/json.h"

/* Commits pages for ever: new rows, changed rows, rejects, deletions, a cursor that counts pages. Tells after each page. */
static void child_commits(fixture *f, int tell, unsigned seed) {
  peri_err e = {0};
  peri_store *s;
  if (peri_store_open(f->path, PERI_OPEN_WRITE, 5000, "child", &s, &e) != PERI_OK) _exit(2);
  f->s = s;
  char id[40];
  if (peri_run_open(s, INTEGRATION, "sync", PERI_STR(""), PERI_STR("g"), &f->run, id, &e) != PERI_OK) _exit(3);
  enum { N = 40 };
  static char keys[N][16], data[N][64];
  for (unsigned page = 0;; page++) {
    peri_commit_row rows[N];
    for (int i = 0; i < N; i++) {
      unsigned r = (seed = seed * 1664525u + 1013904223u) >> 16;
      snprintf(keys[i], sizeof keys[i], "k%u", r % 300);
      snprintf(data[i], sizeof data[i], "{\"page\":%u,\"seed\":%u}", page, r % 7);
      rows[i] = r % 11 == 0 ? reject_of(keys[i], data[i], NONE) : row_of(keys[i], data[i], NONE);
      if (r % 13 == 0) rows[i].verdict = 4;
      if (r % 17 == 0) rows[i].verdict = 3;
    }
    char position[32];
    snprintf(position, sizeof position, "{\"rows\":%u}", (page + 1) * N);
    peri_cursor c = {PERI_STR("full"), NONE, NONE, 7, peri_str_of(position), PERI_STR("s"), -1};
    peri_commit commit = {.run_seq = f->run,
                          .run_started_ms = 1,
                          .integration_id = INTEGRATION,
                          .stream = PERI_STR("contact"),
                          .cursor_kind = PERI_STR("main"),
                          .generation = PERI_STR("g"),
                          .rows = rows,
                          .row_count = N,
                          .cursor = &c,
                          .sweep = page % 2 == 0,
                          .requests = 1};
    peri_commit_result result;
    if (peri_store_commit(s, &commit, 1, &result, &e) != PERI_OK) _exit(4);
    if (write(tell, "p", 1) != 1) _exit(5);
  }
}

static void killed_commits_are_whole(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_store_close(f->s);
  for (int round = 0; round < 12; round++) {
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t child = fork();
    if (!child) child_commits(f, tell[1], (unsigned)round * 7919u + 1);
    close(tell[1]);
    char pages[16];
    for (int got = 0, want = 1 + round % 5; got < want;) { /* after so many pages, somewhere inside the next */
      ssize_t n = read(tell[0], pages, (size_t)(want - got));
      assert_true(n > 0);
      got += (int)n;
    }
    for (volatile int spin = 0; spin < round * 20000; spin++) continue;
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    close(tell[0]);
    peri_store *reader; /* a reader may be the first to look */
    OK(peri_store_open(f->path, PERI_OPEN_READ, 0, "reader", &reader, &e));
    assert_true(ask(reader, "SELECT count(*) FROM integration_data") > 0);
    peri_store_close(reader);
    OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e)); /* the dead one's lock is free */
    assert_string_equal(ask_text(f->s, "PRAGMA integrity_check"), "ok");
    assert_int_equal(ask(f->s, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(ask(f->s, "SELECT count(*) FROM runs WHERE status = 'running'"), 0);
    int64_t rows, rejects;
    bool equal;
    OK(peri_store_recount(f->s, INTEGRATION, &rows, &rejects, &equal, &e));
    assert_true(equal);
    /* the cursor tells of exactly the rows that are counted */
    assert_int_equal(ask(f->s, "SELECT json_extract(position, '$.rows') FROM cursors"),
                     ask(f->s, "SELECT processed + skipped FROM runs ORDER BY seq DESC LIMIT 1"));
    assert_int_equal(
        ask(f->s,
            "SELECT count(*) FROM integration_data d WHERE is_stale <> (deleted_at IS NULL AND EXISTS (SELECT 1 FROM rejects r WHERE r.state = 'open'"
            " AND r.integration_id = d.integration_id AND r.entity_type = d.entity_type AND r.record_key = d.external_id))"),
        0);
    peri_store_close(f->s);
    f->s = NULL;
  }
}

/* ---- rotation: add a key, re-wrap row by row, drop the old one ---- */

static const char *const names[] = {"accessToken", "refreshToken", "clientSecret"};

static peri_code rewrap(void *self, peri_str id, const peri_json *credentials, peri_buf *changed, peri_err *e) {
  peri_jw w;
  bool any = false;
  peri_jw_init(&w, changed);
  peri_jw_object(&w);
  for (const peri_json *m = credentials->first; m; m = m->next) {
    peri_buf one = {0};
    bool did;
    peri_code code = peri_rewrap(self, "integrations", id, m->key, m, &one, &did, e);
    if (code != PERI_OK) return code;
    any = any || did;
    peri_jw_key(&w, m->key);
    peri_jw_raw(&w, peri_buf_view(&one));
    peri_buf_fini(&one);
  }
  peri_jw_end_object(&w);
  if (!any) peri_buf_clear(changed);
  return PERI_OK;
}

static peri_code rotate(fixture *f, const char *key, int tell, peri_err *e) {
  int64_t n;
  peri_vault *v = NULL;
  peri_code code = peri_key_add(key, e);
  if (code == PERI_OK && tell >= 0 && write(tell, "a", 1) != 1) return PERI_IO;
  if (code == PERI_OK) code = peri_vault_open(key, &v, e);
  if (code == PERI_OK) code = peri_integration_each_sealed(f->s, rewrap, v, &n, e);
  if (v) peri_vault_free(v);
  return code == PERI_OK ? peri_key_drop_old(key, e) : code;
}

static void all_open(fixture *f, const char *key) {
  peri_err e = {0};
  peri_vault *v;
  OK(peri_vault_open(key, &v, &e));
  for (int i = 0; i < 20; i++) {
    char id[64];
    snprintf(id, sizeof id, "44444444-4444-7444-8444-4444444444%02d", i);
    peri_json *sealed;
    OK(peri_integration_credentials(f->s, f->a, peri_str_of(id), &sealed, &e));
    for (int k = 0; k < 3; k++) {
      peri_buf out = {0};
      char expected[64];
      snprintf(expected, sizeof expected, "secret-%d-%s", i, names[k]);
      OK(peri_unseal(v, "integrations", peri_str_of(id), peri_str_of(names[k]), peri_json_get(sealed, names[k]), &out, &e));
      assert_true(peri_str_is(peri_buf_view(&out), expected));
      peri_wipe(&out);
    }
  }
  peri_vault_free(v);
}

static void killed_rotations_keep_every_secret(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  char key[128];
  snprintf(key, sizeof key, "%s/perilune.key", f->dir);
  OK(peri_key_create(key, &e));
  peri_vault *v;
  OK(peri_vault_open(key, &v, &e));
  for (int i = 0; i < 20; i++) {
    char id[64], name[16];
    snprintf(id, sizeof id, "44444444-4444-7444-8444-4444444444%02d", i);
    snprintf(name, sizeof name, "n%d", i);
    peri_buf b = {0};
    peri_jw w;
    peri_jw_init(&w, &b);
    peri_jw_object(&w);
    for (int k = 0; k < 3; k++) {
      char secret[64];
      snprintf(secret, sizeof secret, "secret-%d-%s", i, names[k]);
      peri_buf one = {0};
      OK(peri_seal(v, "integrations", peri_str_of(id), peri_str_of(names[k]), peri_str_of(secret), &one, &e));
      peri_jw_kv_raw(&w, names[k], peri_buf_view(&one));
      peri_buf_fini(&one);
    }
    peri_jw_end_object(&w);
    peri_new_integration n = {peri_str_of(id), peri_str_of(name), PERI_STR("hubspot"), PERI_STR("hubspot"),
                              PERI_STR("{}"),  PERI_STR(""),      PERI_STR("[]"),      peri_buf_view(&b)};
    OK(peri_integration_add(f->s, &n, &e));
    peri_buf_fini(&b);
  }
  peri_vault_free(v);
  all_open(f, key);
  peri_store_close(f->s);
  for (int round = 0; round < 10; round++) {
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t child = fork();
    if (!child) {
      if (peri_store_open(f->path, PERI_OPEN_WRITE, 5000, "rotate", &f->s, &e) != PERI_OK) _exit(2);
      if (rotate(f, key, tell[1], &e) != PERI_OK) _exit(3);
      if (write(tell[1], "d", 1) != 1) _exit(4);
      _exit(0);
    }
    close(tell[1]);
    char c;
    assert_int_equal(read(tell[0], &c, 1), 1);
    for (volatile int spin = 0; spin < round * 300000; spin++) continue;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(tell[0]);
    OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
    all_open(f, key);
    peri_store_close(f->s);
  }
  OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
  OK(rotate(f, key, -1, &e)); /* and at last one that ends */
  all_open(f, key);
  OK(peri_vault_open(key, &v, &e));
  char sql[160];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM integrations, json_each(credentials) WHERE json_extract(value, '$.kid') <> '%s'",
           peri_vault_kid(v));
  assert_int_equal(ask(f->s, sql), 0);
  peri_vault_free(v);
}

static void rewrite(fixture *f, peri_commit_row *rows, size_t n, char *text, size_t bytes, int c) {
  memset(text, c, bytes - 1);
  for (size_t i = 0; i < n; i++) {
    hash_of(rows[i].data, rows[i].data_hash);
    hash_of(rows[i].raw, rows[i].raw_hash);
  }
  commit_rows(f, rows, n);
}

/* A reader that stays does not stop the writer, and sees what it saw when it began. */
static void readers_and_the_log(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_store *reader;
  peri_commit_row r = row_of("first", "{}", NONE);
  commit_rows(f, &r, 1);
  OK(peri_store_open(f->path, PERI_OPEN_READ, 0, "reader", &reader, &e));
  OK(peri_exec(reader, &e, "test", "BEGIN", ""));
  assert_int_equal(ask(reader, "SELECT count(*) FROM integration_data"), 1);
  enum { N = 300 };
  static char keys[N][16], big[20000];
  static peri_commit_row rows[N];
  memset(big, 'x', sizeof big - 1);
  for (int i = 0; i < N; i++) {
    snprintf(keys[i], sizeof keys[i], "k%d", i);
    rows[i] = row_of(keys[i], big, NONE);
  }
  for (int round = 0; round < 8; round++) rewrite(f, rows, N, big, sizeof big, 'a' + round);
  assert_int_equal(ask(reader, "SELECT count(*) FROM integration_data"), 1);
  int64_t held = peri_store_wal_bytes(f->s);
  assert_true(held > 2ll * PERI_WAL_FRAMES_CHECKPOINT * 8192);
  OK(peri_exec(reader, &e, "test", "COMMIT", ""));
  peri_store_close(reader);
  /* free again: the log is moved to the database at the next step of 4,000 frames and begins anew */
  for (int round = 0; round < 6 && peri_store_wal_bytes(f->s) >= held; round++) rewrite(f, rows, N, big, sizeof big, 'A' + round);
  assert_true(peri_store_wal_bytes(f->s) < held);
  assert_string_equal(ask_text(f->s, "PRAGMA integrity_check"), "ok");
}

/* ---- how long it takes to be back ---- */

static int64_t steps; /* of SQLite's machine, in any connection: what does not grow with the rows is quick on any disk */

static int on_steps(void *self) {
  (void)self;
  steps++;
  return 0;
}

static int watch_steps(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
  (void)message, (void)api;
  sqlite3_progress_handler(db, 1, on_steps, NULL);
  return SQLITE_OK;
}

/* Everything that a sync asks the store between its start and its first page, after a kill: the run is still open. */
static int64_t steps_to_ready(fixture *f, int64_t rows) {
  peri_err e = {0};
  char fill[800];
  snprintf(fill, sizeof fill,
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) INSERT INTO integration_data(integration_id, entity_type, external_id, run_seq,"
           " data, raw) SELECT '11111111-1111-7111-8111-111111111111', 'contact', 'k' || (%lld + i), 1, '{}', '{}' FROM n",
           (long long)rows, (long long)rows * 10);
  next_run(f);
  OK(peri_exec(f->s, &e, "fill", fill, ""));
  peri_store_close(f->s);
  f->s = NULL;
  steps = 0;
  assert_int_equal(sqlite3_auto_extension((void (*)(void))watch_steps), SQLITE_OK);
  OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
  peri_buf text = {0};
  peri_arena *a = peri_arena_new();
  peri_json *one;
  peri_cursor cursor;
  peri_str json;
  int64_t at;
  OK(peri_mapping_rows(f->s, &text, (peri_str){0}, (peri_str){0}, &e));
  OK(peri_meta_get(f->s, a, "generation", &json, &e));
  OK(peri_integration_get(f->s, a, PERI_STR("acme"), &one, &e));
  OK(peri_store_discovered(f->s, a, INTEGRATION, &json, &at, &e));
  OK(peri_store_rate_get(f->s, a, PERI_STR("ledger"), &json, &e));
  next_run(f);
  OK(peri_cursor_get(f->s, a, INTEGRATION, PERI_STR("contact"), PERI_STR("main"), &cursor, &e));
  const peri_str entity = PERI_STR("contact"), plan = PLAN, key = PERI_STR("k1");
  const uint8_t hash[1][16] = {{0}};
  peri_known known;
  OK(peri_store_known(f->s, INTEGRATION, &entity, &plan, 1, &key, hash, 1, &known, &e));
  int64_t taken = steps;
  sqlite3_cancel_auto_extension((void (*)(void))watch_steps);
  sqlite3_progress_handler(f->s->db, 0, NULL, NULL);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM runs WHERE status = 'running'"), 1); /* the killed one is marked */
  peri_arena_free(a);
  peri_buf_fini(&text);
  return taken;
}

static void ready_does_not_wait_for_rows(void **state) {
  fixture *f = *state;
  int64_t few = steps_to_ready(f, 1000), many = steps_to_ready(f, 50000);
  if (many > few + few / 10) fail_msg("%lld steps with 1,000 rows, %lld with 51,000", (long long)few, (long long)many);
}

int store_crash_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(killed_commits_are_whole, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(killed_rotations_keep_every_secret, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(readers_and_the_log, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(ready_does_not_wait_for_rows, fixture_open, fixture_close),
  };
  return cmocka_run_group_tests_name("store: kills", tests, NULL, NULL);
}
