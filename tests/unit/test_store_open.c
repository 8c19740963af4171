/* Opening: whose file it is, how new, who holds it; keys, cursors, runs. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_store.h"

static void makes_and_opens_again(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  struct stat st;
  uint64_t seed = peri_store_hash_seed(f->s);
  assert_int_equal(stat(f->path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(ask(f->s, "PRAGMA page_size"), 8192);
  assert_string_equal(ask_text(f->s, "PRAGMA journal_mode"), "wal");
  assert_int_equal(ask(f->s, "PRAGMA synchronous"), 2);
  assert_int_equal(ask(f->s, "PRAGMA foreign_keys"), 1);
  peri_store_close(f->s);
  OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
  assert_true(seed == peri_store_hash_seed(f->s));
  assert_string_equal(ask_text(f->s, "SELECT status FROM runs"), "interrupted"); /* the run that nobody closed */
  peri_store *reader;
  OK(peri_store_open(f->path, PERI_OPEN_READ, 0, "test", &reader, &e));
  assert_true(seed == peri_store_hash_seed(reader));
  assert_int_equal(peri_store_rate_set(reader, PERI_STR("a"), PERI_STR("{}"), &e), PERI_READ_ONLY);
  peri_store_close(reader);
}

static void second_writer_is_told_who(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_store *second;
  assert_int_equal(peri_store_open(f->path, PERI_OPEN_WRITE, 30, "other", &second, &e), PERI_BUSY);
  char pid[32];
  snprintf(pid, sizeof pid, "process %ld", (long)getpid());
  assert_non_null(strstr(e.text, pid));
  assert_non_null(strstr(e.text, "`test`"));
  assert_null(second);
}

static char *slurp(const char *path, size_t *n) {
  int fd = open(path, O_RDONLY);
  struct stat st;
  assert_true(fd >= 0 && fstat(fd, &st) == 0);
  char *p = malloc((size_t)st.st_size + 1);
  *n = (size_t)read(fd, p, (size_t)st.st_size);
  close(fd);
  return p;
}

static void refused_untouched(fixture *f, const char *path, peri_code expected) {
  size_t before_n, after_n;
  char *before = slurp(path, &before_n);
  peri_open_mode modes[] = {PERI_OPEN_READ, PERI_OPEN_WRITE, PERI_OPEN_CREATE};
  for (int i = 0; i < 3; i++) {
    peri_err e = {0};
    peri_store *s;
    assert_int_equal(peri_store_open(path, modes[i], 0, "test", &s, &e), expected);
    assert_non_null(strstr(e.text, path));
  }
  char *after = slurp(path, &after_n), extra[200];
  assert_int_equal(before_n, after_n);
  assert_memory_equal(before, after, before_n);
  struct stat st;
  snprintf(extra, sizeof extra, "%s-wal", path);
  assert_true(stat(extra, &st) != 0 || st.st_size == 0);
  free(before);
  free(after);
  (void)f;
}

static void sql_on(const char *path, const char *sql) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void newer_and_foreign_are_refused(void **state) {
  fixture *f = *state;
  peri_store_close(f->s);
  f->s = NULL;
  sql_on(f->path, "PRAGMA user_version = 99");
  refused_untouched(f, f->path, PERI_NEWER_DATABASE);
  char path[96];
  snprintf(path, sizeof path, "%s/foreign.db", f->dir);
  sql_on(path, "CREATE TABLE notes(x)");
  refused_untouched(f, path, PERI_NOT_OURS);
  snprintf(path, sizeof path, "%s/foreign-wal.db", f->dir);
  sql_on(path, "PRAGMA journal_mode=WAL; CREATE TABLE notes(x)");
  refused_untouched(f, path, PERI_NOT_OURS);
  snprintf(path, sizeof path, "%s/text.db", f->dir);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  for (int i = 0; i < 200; i++) assert_int_equal(write(fd, "no database at all\n", 19), 19);
  close(fd);
  refused_untouched(f, path, PERI_NOT_OURS);
}

static void missing_and_unwritable(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_store *s;
  assert_int_equal(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &s, &e), PERI_NOT_FOUND);
  assert_int_equal(peri_store_open(f->path, PERI_OPEN_READ, 0, "test", &s, &e), PERI_NOT_FOUND);
  assert_int_equal(peri_store_open("/nowhere/at/all.db", PERI_OPEN_CREATE, 0, "test", &s, &e), PERI_NOT_FOUND);
  assert_int_equal(peri_store_open(f->dir, PERI_OPEN_CREATE, 0, "test", &s, &e), PERI_NOT_OURS);
  /* a kill inside `init` leaves an empty file: init goes on, others say so */
  int fd = open(f->path, O_WRONLY | O_CREAT, 0600);
  close(fd);
  assert_int_equal(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &s, &e), PERI_NOT_OURS);
  OK(peri_store_open(f->path, PERI_OPEN_CREATE, 0, "test", &f->s, &e));
}

static void lock_is_not_inherited(void **state) {
  fixture *f = *state;
  assert_true(fcntl(f->s->lock_fd, F_GETFD) & FD_CLOEXEC);
}

static void key_check_is_kept(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_str sealed;
  OK(peri_store_key_check_get(f->s, f->a, &sealed, &e));
  assert_null(sealed.p);
  OK(peri_store_key_check_set(f->s, PERI_STR("{\"v\":1}"), &e));
  OK(peri_store_key_check_set(f->s, PERI_STR("{\"v\":2}"), &e));
  OK(peri_store_key_check_get(f->s, f->a, &sealed, &e));
  assert_true(peri_str_is(sealed, "{\"v\":2}"));
}

static void run_tells_the_integration(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_counters c = {.processed = 5, .created = 5, .requests = 3};
  OK(peri_run_close(f->s, f->run, "failed", NULL, PERI_STR(""), PERI_NEEDS_REAUTH, PERI_STR("the token is dead"), &e));
  assert_string_equal(ask_text(f->s, "SELECT status FROM integrations"), "needs_reauth");
  assert_string_equal(ask_text(f->s, "SELECT last_sync FROM integrations"), "(null)");
  next_run(f);
  OK(peri_run_close(f->s, f->run, "ok", &c, PERI_STR("{\"contact\":{\"created\":5}}"), PERI_OK, PERI_STR(""), &e));
  assert_string_equal(ask_text(f->s, "SELECT status FROM integrations"), "active");
  assert_int_equal(ask(f->s, "SELECT last_sync IS NOT NULL FROM integrations"), 1);
  assert_int_equal(ask(f->s, "SELECT created FROM runs ORDER BY seq DESC"), 5);
  OK(peri_integration_set(f->s, INTEGRATION, PERI_STR(""), PERI_STR(""), PERI_STR(""), PERI_STR(""), PERI_STR("paused"), &e));
  next_run(f);
  OK(peri_run_close(f->s, f->run, "failed", NULL, PERI_STR(""), PERI_API_ERROR, PERI_STR("500"), &e));
  assert_string_equal(ask_text(f->s, "SELECT status FROM integrations"), "paused");
}

static void small_things_are_kept(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_str text;
  int64_t oldest;
  OK(peri_store_kept_set(f->s, INTEGRATION, PERI_STR("{\"portal\":\"42\",\"zone\":null}"), &e));
  OK(peri_store_kept_set(f->s, INTEGRATION, PERI_STR("{\"hub\":7}"), &e));
  OK(peri_integration_set(f->s, INTEGRATION, PERI_STR("{\"b\":2}"), PERI_STR(""), PERI_STR(""), PERI_STR(""), PERI_STR(""), &e));
  assert_string_equal(ask_text(f->s, "SELECT settings FROM integrations"), "{\"b\":2,\"kept\":{\"portal\":\"42\",\"hub\":7}}");
  OK(peri_store_discovered(f->s, f->a, INTEGRATION, &text, &oldest, &e));
  assert_true(peri_str_is(text, "{}") && oldest == -1);
  OK(peri_store_discovered_set(f->s, INTEGRATION, PERI_STR("contact"), PERI_STR("{\"a\":{}}"), &e));
  OK(peri_store_discovered(f->s, f->a, INTEGRATION, &text, &oldest, &e));
  assert_true(peri_str_is(text, "{\"contact\":{\"a\":{}}}") && oldest > 0);
  OK(peri_store_rate_get(f->s, f->a, PERI_STR("acc"), &text, &e));
  assert_null(text.p);
  OK(peri_store_rate_set(f->s, PERI_STR("acc"), PERI_STR("{\"n\":1}"), &e));
  OK(peri_store_rate_get(f->s, f->a, PERI_STR("acc"), &text, &e));
  assert_true(peri_str_is(text, "{\"n\":1}"));
  OK(peri_store_etag_set(f->s, INTEGRATION, PERI_STR("/x"), PERI_STR("\"v1\""), &e));
  OK(peri_store_etag(f->s, f->a, INTEGRATION, PERI_STR("/x"), &text, &e));
  assert_true(peri_str_is(text, "\"v1\""));
  OK(peri_store_tokens_set(f->s, INTEGRATION, &(peri_token_write){.credentials_json = PERI_STR("{\"accessToken\":{\"v\":1}}")}, &e));
  OK(peri_store_tokens_set(f->s, INTEGRATION, &(peri_token_write){.credentials_json = PERI_STR("{\"refreshToken\":{\"v\":1}}")}, &e));
  assert_string_equal(ask_text(f->s, "SELECT credentials FROM integrations"), "{\"accessToken\":{\"v\":1},\"refreshToken\":{\"v\":1}}");
  OK(peri_store_retain(f->s, &e));
}

int store_open_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(makes_and_opens_again, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(second_writer_is_told_who, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(newer_and_foreign_are_refused, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(missing_and_unwritable, fixture_empty, fixture_close),
      cmocka_unit_test_setup_teardown(lock_is_not_inherited, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(key_check_is_kept, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(run_tells_the_integration, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(small_things_are_kept, fixture_open, fixture_close),
  };
  return cmocka_run_group_tests_name("store: open", tests, NULL, NULL);
}
