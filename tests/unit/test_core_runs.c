/* Runs side by side, without workers: lanes of the writer, what follows a page that could not be written, which run may begin and how one is stopped. */
#include "test_core.h"

#include <semaphore.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/commit.h"
#include "core/run.h"

#define INTEGRATION PERI_STR("11111111-1111-7111-8111-111111111111")

typedef struct world {
  char dir[40], path[64];
  peri_store *store;
  peri_engine *engine;
} world;

static int begin_world(void **state) {
  world *w = calloc(1, sizeof *w);
  peri_err err = {0};
  strcpy(w->dir, "/tmp/peri-runs-XXXXXX");
  if (!mkdtemp(w->dir)) return -1;
  snprintf(w->path, sizeof w->path, "%s/perilune.db", w->dir);
  peri_new_integration n = {INTEGRATION, PERI_STR("acme"), PERI_STR("x"), PERI_STR("x"), PERI_STR("{}"), PERI_STR(""), PERI_STR("[]"), PERI_STR("")};
  if (peri_store_open(w->path, PERI_OPEN_CREATE, 0, "test", &w->store, &err) || peri_integration_add(w->store, &n, &err)) return -1;
  if (peri_engine_new(w->store, NULL, &w->engine, &err)) return -1;
  *state = w;
  return 0;
}

static int end_world(void **state) {
  world *w = *state;
  static const char *const files[] = {"perilune.db", "perilune.db-wal", "perilune.db-shm", "perilune.db.lock"};
  peri_engine_free(w->engine);
  peri_store_close(w->store);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
    unlink(path);
  }
  rmdir(w->dir);
  free(w);
  return 0;
}

/* ---- lanes ---- */

static sem_t gate; /* the writer stands before it until everything is queued */
static void stand(void *self) {
  (void)self;
  sem_wait(&gate);
}
static void nothing(void *self) { (void)self; }

static char order[64]; /* the writer's alone until all is done */
static void note(void **selves, size_t count, char group) {
  size_t n = strlen(order);
  order[n++] = group;
  for (size_t i = 0; i < count; i++) order[n++] = *(const char *)selves[i];
}
static void one(void **selves, size_t count) { note(selves, count, '('); }
static void other(void **selves, size_t count) { note(selves, count, '['); }

static void post(world *w, peri_lane *lane, void (*work)(void **selves, size_t count), const char *letters) {
  for (; *letters; letters++) peri_engine_post_group(w->engine, lane, work, nothing, (void *)(uintptr_t)letters, true);
}

static void let_go(world *w) {
  sem_post(&gate);
  peri_engine_run(w->engine);
}

static void block(world *w) {
  sem_init(&gate, 0, 0);
  order[0] = 0;
  memset(order, 0, sizeof order);
  peri_engine_post(w->engine, stand, nothing, NULL);
}

static void lanes_take_turns(void **state) {
  world *w = *state;
  peri_lane a = {0}, b = {0}, c = {0};
  block(w);
  post(w, &a, one, "abcd");
  post(w, &b, one, "uv");
  post(w, &c, one, "x");
  let_go(w);
  assert_string_equal(order, "(auxbvcd"); /* one of each in turn, each in its order, and all that go together at once */
  block(w);
  post(w, &a, one, "abc");
  post(w, &b, other, "uv");
  let_go(w);
  assert_string_equal(order, "(a[u(b[v(c"); /* what does not go together takes turns all the same */
  block(w);
  post(w, &a, one, "abcdefghijklmno");
  post(w, &b, one, "uv");
  let_go(w);
  assert_string_equal(order, "(aubvcdefgh(ijklmno"); /* ten at most: PERI_GROUP_MOST */
}

/* ---- a page that can't be written ---- */

static const peri_sync_options plain = {.integration = {.p = "acme", .n = 4}};

typedef struct written { peri_page *page; peri_err err; bool done; } written;

static void on_written(void *page, const peri_err *e) {
  peri_page *p = page;
  written *n = p->self;
  n->err = *e;
  n->done = true;
}

static peri_page *page_of(const char *key, written *n) {
  peri_page *p = peri_page_new();
  p->records = peri_arena_take(p->arena, sizeof *p->records);
  p->rows = peri_arena_take(p->arena, sizeof *p->rows);
  p->dropped = peri_arena_take(p->arena, 1);
  p->count = p->taken = p->row_count = 1;
  peri_buf_c_str(&p->body, "{}");
  p->records[0] = (peri_split_record){.bytes = 2, .updated = PERI_NO_STAMP, .key = peri_str_of(key)};
  p->rows[0] = (peri_row_msg){.verdict = 1, .key = peri_str_of(key), .data = PERI_STR("{}")};
  p->self = n;
  n->page = p;
  return p;
}

static void nothing_follows_what_was_not_written(void **state) {
  world *w = *state;
  peri_err err = {0};
  sqlite3 *db;
  assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "CREATE TRIGGER no BEFORE INSERT ON integration_data WHEN new.external_id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  peri_project project = {.generation = "g"};
  peri_integration in = {.id = INTEGRATION, .name = PERI_STR("acme")};
  peri_stream contact = {.name = PERI_STR("contact")}, deal = {.name = PERI_STR("deal")};
  peri_run r[2];
  peri_feed f[2];
  for (int i = 0; i < 2; i++) {
    r[i] = (peri_run){.g = w->engine, .store = w->store, .in = &in, .project = &project, .options = &plain, .arena = peri_arena_new()};
    f[i] = (peri_feed){.run = &r[i], .stream = i ? &deal : &contact};
    assert_ok(peri_run_open(w->store, INTEGRATION, "sync", PERI_STR("[]"), PERI_STR("g"), &r[i].seq, r[i].id, &err));
  }
  written n[6] = {0};
  block(w);
  peri_commit_page(&f[0], page_of("a", &n[0]), false, NULL, true, on_written);
  peri_commit_page(&f[0], page_of("bad", &n[1]), false, NULL, true, on_written);
  peri_commit_page(&f[0], page_of("c", &n[2]), false, NULL, true, on_written);
  peri_commit_page(&f[1], page_of("u", &n[3]), false, NULL, true, on_written);
  let_go(w); /* all four stood in one group */
  peri_commit_page(&f[0], page_of("d", &n[4]), false, NULL, true, on_written); /* later, alone */
  peri_commit_page(&f[1], page_of("v", &n[5]), false, NULL, true, on_written);
  peri_engine_run(w->engine);
  static const bool fine[] = {true, false, false, true, false, true};
  for (int i = 0; i < 6; i++) {
    assert_true(n[i].done);
    if ((n[i].err.code == PERI_OK) != fine[i]) fail_msg("page %d: %s", i, n[i].err.text);
    const peri_str key = n[i].page->records[0].key, entity = i == 3 || i == 5 ? deal.name : contact.name, no_plan = PERI_STR("");
    const uint8_t hash[1][16] = {{0}};
    peri_known known;
    assert_ok(peri_store_known(w->store, INTEGRATION, &entity, &no_plan, 1, &key, hash, 1, &known, &err));
    assert_int_equal(known.exists, fine[i]); /* and the rows say the same */
    peri_page_free(n[i].page);
  }
  assert_int_equal(r[0].total.created, 1); /* what was not written is not counted */
  assert_int_equal(r[1].total.created, 2);
  for (int i = 0; i < 2; i++) {
    peri_arena_free(r[i].arena);
    free(r[i].entities);
  }
}

/* ---- which runs ---- */

/* Runs of integrations that nobody added: they come as far as looking for theirs. */
typedef struct asked {
  peri_engine *g;
  peri_sync_options options;
  peri_run *run;
  struct asked *cancels; /* when this one is done */
  peri_code code;
  int place;             /* in the order of their ends; 0: not done */
  size_t at_work;        /* beside it at its end */
} asked;

static int ends;

static void on_done(void *self, peri_buf *result, const peri_err *e) {
  asked *a = self;
  (void)result;
  assert_int_equal(a->place, 0);
  a->code = e->code;
  a->place = ++ends;
  a->at_work = a->g->runs_at_work;
  if (a->cancels && !a->cancels->place) peri_run_cancel(a->cancels->run);
}

static void start(world *w, const peri_project *project, asked *a, const char *name) {
  /* no scripts are to be made visible: the set without any is "settled" already */
  peri_buf rows = {0};
  peri_err err = {0};
  assert_ok(peri_mapping_rows(w->store, &rows, (peri_str){0}, (peri_str){0}, &err));
  snprintf(w->engine->settled, sizeof w->engine->settled, "%016llx", (unsigned long long)XXH3_64bits(rows.p ? rows.p : "", rows.n));
  peri_buf_fini(&rows);
  a->g = w->engine;
  a->options.integration = peri_str_of(name);
  a->run = peri_run_start(w->engine, project, &a->options, on_done, a);
  assert_int_equal(a->place, 0); /* never from inside */
}

static void a_ceiling_of_runs(void **state) {
  world *w = *state;
  peri_project project = {0};
  asked a[6] = {0};
  static const char *const names[] = {"one", "two", "three", "one", "four", "one"};
  ends = 0;
  w->engine->runs_most = 2;
  for (int i = 0; i < 6; i++) start(w, &project, &a[i], names[i]);
  assert_int_equal(w->engine->runs_at_work, 2);
  for (int i = 2; i < 6; i++) assert_int_equal(a[i].run->state, PERI_RUN_QUEUED);
  peri_engine_run(w->engine);
  for (int i = 0; i < 6; i++) {
    if (a[i].code != PERI_NOT_FOUND) fail_msg("run %d: %s", i, peri_code_name(a[i].code));
    assert_in_range(a[i].at_work, 0, 2);
  }
  assert_true(a[0].place < a[3].place && a[3].place < a[5].place); /* of one integration: one after another */
  assert_null(w->engine->runs);
  assert_int_equal(w->engine->runs_at_work, 0);
}

static void one_integration_one_run(void **state) {
  world *w = *state;
  peri_project project = {0};
  asked a[3] = {0};
  ends = 0;
  for (int i = 0; i < 3; i++) start(w, &project, &a[i], i < 2 ? "same" : "another");
  assert_int_equal(w->engine->runs_at_work, 2); /* there is room for more, but the second waits for the first */
  assert_int_equal(a[1].run->state, PERI_RUN_QUEUED);
  assert_int_equal(a[2].run->state, PERI_RUN_AT_WORK);
  peri_engine_run(w->engine);
  assert_int_equal(a[1].place, 3);
}

static void cancelled_runs(void **state) {
  world *w = *state;
  peri_project project = {0};
  asked a[4] = {0};
  ends = 0;
  w->engine->runs_most = 1;
  for (int i = 0; i < 4; i++) start(w, &project, &a[i], "abcd" + i);
  peri_run_cancel(a[0].run); /* at work */
  peri_run_cancel(a[1].run); /* queued: it does not wait for its turn */
  a[2].cancels = &a[3];      /* queued, from inside another's done */
  assert_int_equal(a[0].place + a[1].place, 0); /* never from inside */
  assert_int_equal(w->engine->runs_at_work, 1);
  peri_engine_run(w->engine);
  assert_int_equal(a[0].code, PERI_INTERRUPTED);
  assert_int_equal(a[1].code, PERI_INTERRUPTED);
  assert_int_equal(a[2].code, PERI_NOT_FOUND); /* nobody stopped it */
  assert_int_equal(a[3].code, PERI_INTERRUPTED);
  assert_int_equal(ends, 4);
  assert_int_equal(w->engine->runs_at_work, 0);
  assert_null(w->engine->runs);
}

static const struct CMUnitTest tests[] = {
  cmocka_unit_test_setup_teardown(lanes_take_turns, begin_world, end_world),
  cmocka_unit_test_setup_teardown(nothing_follows_what_was_not_written, begin_world, end_world),
  cmocka_unit_test_setup_teardown(a_ceiling_of_runs, begin_world, end_world),
  cmocka_unit_test_setup_teardown(one_integration_one_run, begin_world, end_world),
  cmocka_unit_test_setup_teardown(cancelled_runs, begin_world, end_world),
};
PERI_GROUP(core_runs, tests)
