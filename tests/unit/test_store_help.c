/* Helpers of the store's tests. */
#include <ftw.h>
#include <unistd.h>
#include <xxhash.h>

#include "test_store.h"

void ok_at(peri_code code, const peri_err *e, const char *file, int line) {
  if (code == PERI_OK) return;
  print_error("%s: %s\n", peri_code_name(code), e->text);
  _fail(file, line);
}

int fixture_empty(void **state) {
  fixture *f = calloc(1, sizeof *f);
  strcpy(f->dir, "/tmp/peri-store-XXXXXX");
  if (!mkdtemp(f->dir)) return -1;
  snprintf(f->path, sizeof f->path, "%s/perilune.db", f->dir);
  f->a = peri_arena_new();
  *state = f;
  return 0;
}

int64_t next_run(fixture *f) {
  peri_err e;
  char id[40];
  OK(peri_run_open(f->s, INTEGRATION, "sync", PERI_STR("[\"contact\"]"), PERI_STR("generation-one"), &f->run, id, &e));
  return f->run;
}

int fixture_open(void **state) {
  peri_err e = {0};
  if (fixture_empty(state)) return -1;
  fixture *f = *state;
  OK(peri_store_open(f->path, PERI_OPEN_CREATE, 0, "test", &f->s, &e));
  peri_new_integration n = {INTEGRATION,           PERI_STR("acme"), PERI_STR("hubspot"), PERI_STR("hubspot"),
                            PERI_STR("{\"a\":1}"), PERI_STR(""),     PERI_STR("[]"),      PERI_STR("")};
  OK(peri_integration_add(f->s, &n, &e));
  next_run(f);
  return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

int fixture_close(void **state) {
  fixture *f = *state;
  peri_store_close(f->s);
  peri_arena_free(f->a);
  nftw(f->dir, drop, 8, FTW_DEPTH | FTW_PHYS);
  free(f);
  return 0;
}

int64_t ask(peri_store *s, const char *sql) {
  peri_err e = {0};
  int64_t out;
  OK(peri_ask(s, &e, &out, -999, sql, ""));
  return out;
}

const char *ask_text(peri_store *s, const char *sql) {
  static char text[4096];
  peri_err e = {0};
  sqlite3_stmt *st = peri_prepare(s, sql, &e);
  if (!st) fail_msg("%s", e.text);
  if (sqlite3_step(st) != SQLITE_ROW)
    strcpy(text, "(no row)");
  else
    snprintf(text, sizeof text, "%s", sqlite3_column_type(st, 0) == SQLITE_NULL ? "(null)" : (const char *)sqlite3_column_text(st, 0));
  sqlite3_finalize(st);
  return text;
}

void hash_of(peri_str s, uint8_t out[16]) {
  XXH128_canonical_t c;
  XXH128_canonicalFromHash(&c, XXH3_128bits(s.p, s.n));
  memcpy(out, c.digest, 16);
}

peri_commit_row row_of(const char *key, const char *data, int64_t updated) {
  peri_commit_row r = {.verdict = 1,
                       .entity = PERI_STR("contact"),
                       .plan_hash = PLAN,
                       .key = peri_str_of(key),
                       .record_key = peri_str_of(key),
                       .updated = updated,
                       .data = peri_str_of(data),
                       .raw = peri_str_of(data)};
  hash_of(r.data, r.data_hash);
  hash_of(r.raw, r.raw_hash);
  return r;
}

peri_commit_row reject_of(const char *key, const char *raw, int64_t updated) {
  peri_commit_row r = row_of(key, raw, updated);
  r.verdict = 2;
  r.reject_json = PERI_STR("{\"externalId\":\"x\",\"entity\":\"contact\",\"field\":\"email\",\"code\":\"type\",\"message\":\"no "
                           "e-mail\",\"file\":\"mappings/hubspot/contact.lua\","
                           "\"line\":7,\"value\":\"abc\",\"also\":[{\"field\":\"phone\"}]}");
  return r;
}

static peri_counters commit(fixture *f, const peri_commit_row *rows, size_t n, bool sweep, int64_t phase_started_ms) {
  peri_err e = {0};
  peri_cursor cursor = {PERI_STR("full"), NONE, NONE, phase_started_ms, PERI_STR("{\"after\":\"1\"}"), PERI_STR("shape"), -1};
  peri_commit c = {.run_seq = f->run,
                   .run_started_ms = 1700000000000,
                   .integration_id = INTEGRATION,
                   .stream = PERI_STR("contact"),
                   .cursor_kind = PERI_STR("main"),
                   .generation = PERI_STR("generation-one"),
                   .wanted_id = PERI_STR("wanted"),
                   .rows = rows,
                   .row_count = n,
                   .cursor = sweep ? &cursor : NULL,
                   .sweep = sweep};
  peri_commit_result r;
  OK(peri_store_commit(f->s, &c, 1, &r, &e));
  return r.counted;
}

peri_counters commit_rows(fixture *f, const peri_commit_row *rows, size_t n) { return commit(f, rows, n, false, -1); }
peri_counters commit_sweep(fixture *f, const peri_commit_row *rows, size_t n, int64_t phase_started_ms) {
  return commit(f, rows, n, true, phase_started_ms);
}

void assert_counts(fixture *f, int64_t rows, int64_t rejects) {
  peri_err e = {0};
  int64_t r, j;
  bool equal;
  OK(peri_store_recount(f->s, INTEGRATION, &r, &j, &equal, &e));
  assert_int_equal(r, rows);
  assert_int_equal(j, rejects);
  assert_true(equal);
}
