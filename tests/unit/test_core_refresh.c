/* Single flight: whoever asks while a new token is being asked for waits for that one answer, and all hear the same; who left is told nothing, and what was
 * asked for is kept all the same. Against a token endpoint of the test's own, on loopback. */
#include "test_core.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/account.h"
#include "net/server.h"

#define ID PERI_STR("22222222-2222-7222-8222-222222222222")
#define ASKERS 8

typedef struct world {
  char dir[40];
  peri_arena *a;
  peri_store *store;
  peri_vault *vault;
  peri_engine *engine;
  peri_integration *in;
  peri_connector connector;
  peri_account *account;
  peri_server *server;
  int asked, status; /* of the token endpoint */
  char reply[160];
} world;

typedef struct asker { peri_token_wait wait; struct asker *drops; int told; peri_code code; world *w; } asker;

static void answer(void *self, const peri_server_request *q, peri_server_answer *a) {
  world *w = self;
  (void)q;
  int n = __atomic_add_fetch(&w->asked, 1, __ATOMIC_SEQ_CST);
  snprintf(w->reply, sizeof w->reply, w->status == 200 ? "{\"access_token\":\"new-access-%d\",\"refresh_token\":\"new-refresh-%d\",\"expires_in\":1800}" : "{\"error\":\"invalid_grant\"}", n, n);
  a->status = w->status;
  a->body = peri_str_of(w->reply);
}

static void heard(void *self, const peri_err *e) {
  asker *x = self;
  x->told++;
  x->code = e ? e->code : PERI_OK;
  assert_false(x->wait.waiting);
  if (x->drops) peri_token_wait_drop(x->w->account, &x->drops->wait);
}

static int begin(void **state) {
  world *w = calloc(1, sizeof *w);
  peri_err err = {0};
  int port;
  char path[64], trusted[160], url[64];
  strcpy(w->dir, "/tmp/peri-refresh-XXXXXX");
  if (!mkdtemp(w->dir)) return -1;
  w->a = peri_arena_new();
  w->status = 200;
  w->server = peri_server_start(0, &(peri_server_handler){.self = w, .handle = answer}, &port, &err);
  snprintf(path, sizeof path, "%s/key", w->dir);
  if (!w->server || peri_key_create(path, &err) || peri_vault_open(path, &w->vault, &err)) return -1;
  peri_str names[] = {PERI_STR("clientId"), PERI_STR("clientSecret"), PERI_STR("refreshToken"), PERI_STR("accessToken")};
  peri_str values[] = {PERI_STR("the-client"), PERI_STR("the-client's-secret"), PERI_STR("old-refresh"), PERI_STR("old-access")};
  peri_buf sealed = {0};
  if (peri_integration_seal(w->vault, ID, NULL, names, values, 4, &sealed, &err)) return -1;
  snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
  snprintf(trusted, sizeof trusted, "[{\"scheme\":\"http\",\"host\":\"127.0.0.1\",\"port\":%d,\"special\":true}]", port);
  peri_new_integration n = {ID, PERI_STR("acme"), PERI_STR("x"), PERI_STR("x"), PERI_STR("{}"), peri_str_of(url), peri_str_of(trusted), peri_buf_view(&sealed)};
  snprintf(path, sizeof path, "%s/perilune.db", w->dir);
  if (peri_store_open(path, PERI_OPEN_CREATE, 0, "test", &w->store, &err) || peri_integration_add(w->store, &n, &err)) return -1;
  peri_buf_fini(&sealed);
  if (peri_engine_new(w->store, w->vault, &w->engine, &err)) return -1;
  w->connector = connector(w->a, "connector \"x\" { base = \"https://h.example\", auth = oauth2 { token = \"https://h.example/t\" } }");
  if (peri_integration_open(w->store, w->vault, ID, &w->in, &err)) return -1;
  if (peri_account_hold(w->engine, w->in, &w->connector, w->connector.auths, &w->account, &err)) return -1;
  *state = w;
  return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static int end(void **state) {
  world *w = *state;
  peri_account_leave(w->account);
  peri_integration_close(w->in);
  peri_engine_free(w->engine);
  peri_server_stop(w->server);
  peri_store_close(w->store);
  peri_vault_free(w->vault);
  peri_arena_free(w->a);
  nftw(w->dir, drop, 8, FTW_DEPTH | FTW_PHYS);
  free(w);
  return 0;
}

/* All of them were refused the token that is in force. */
static void all_ask(world *w, asker *x, size_t count) {
  peri_err err = {0};
  uint64_t token = peri_account_token(w->account);
  for (size_t i = 0; i < count; i++) {
    x[i].w = w;
    x[i].wait.done = heard;
    x[i].wait.self = &x[i];
    if (i % 2) assert_false(peri_account_ready(w->account, &x[i].wait)); /* a refresh is under way: whoever comes waits too */
    else assert_int_equal(peri_account_refused(w->account, token, &x[i].wait, &err), PERI_REFUSED_WAIT);
  }
}

static const char *kept(world *w, const char *name) { /* what the next process would read */
  peri_err err = {0};
  peri_integration *again = NULL;
  peri_buf value = {0};
  assert_ok(peri_integration_open(w->store, w->vault, ID, &again, &err));
  assert_true(peri_attach_raw(again->secrets, peri_str_of(name), &value));
  const char *text = peri_arena_str(w->a, peri_buf_view(&value)).p;
  peri_wipe(&value);
  peri_buf_fini(&value);
  peri_integration_close(again);
  return text;
}

static void one_request_for_all(void **state) {
  world *w = *state;
  asker x[ASKERS] = {0}, late = {.w = w, .wait = {.done = heard, .self = &late}};
  peri_err err = {0};
  uint64_t before = peri_account_token(w->account);
  assert_true(peri_account_ready(w->account, &late.wait)); /* nobody knows when it ends: it serves until it is refused */
  all_ask(w, x, ASKERS);
  peri_engine_run(w->engine);
  assert_int_equal(w->asked, 1);
  for (int i = 0; i < ASKERS; i++) {
    assert_int_equal(x[i].told, 1);
    assert_int_equal(x[i].code, PERI_OK);
  }
  assert_true(peri_account_token(w->account) != before);
  assert_int_equal(peri_account_refused(w->account, before, &late.wait, &err), PERI_REFUSED_AGAIN); /* an answer to the old token that comes late asks for no other */
  assert_true(peri_account_ready(w->account, &late.wait));
  peri_buf value = {0};
  assert_true(peri_attach_raw(peri_account_secrets(w->account), PERI_STR("accessToken"), &value));
  assert_str(peri_buf_view(&value), "new-access-1");
  peri_buf_fini(&value);
  assert_string_equal(kept(w, "refreshToken"), "new-refresh-1");
  assert_int_equal(peri_account_refused(w->account, peri_account_token(w->account), &late.wait, &err), PERI_REFUSED_FINAL); /* and no storm */
  assert_int_equal(w->asked, 1);
}

static void all_fail_alike(void **state) {
  world *w = *state;
  asker x[ASKERS] = {0};
  w->status = 400;
  all_ask(w, x, ASKERS);
  peri_engine_run(w->engine);
  assert_int_equal(w->asked, 1);
  for (int i = 0; i < ASKERS; i++) {
    assert_int_equal(x[i].told, 1);
    assert_int_equal(x[i].code, PERI_NEEDS_REAUTH);
  }
  assert_string_equal(kept(w, "refreshToken"), "old-refresh");
}

static void who_left_is_told_nothing(void **state) {
  world *w = *state;
  asker x[ASKERS] = {0};
  all_ask(w, x, ASKERS);
  peri_token_wait_drop(w->account, &x[0].wait); /* the one that began it */
  peri_token_wait_drop(w->account, &x[3].wait);
  peri_token_wait_drop(w->account, &x[3].wait); /* twice does no harm */
  peri_token_wait_drop(w->account, &x[ASKERS - 1].wait);
  x[1].drops = &x[4]; /* stopped by another one's done */
  x[5].drops = &x[5];
  peri_engine_run(w->engine);
  assert_int_equal(w->asked, 1);
  static const int told[ASKERS] = {0, 1, 1, 0, 0, 1, 1, 0};
  for (int i = 0; i < ASKERS; i++) assert_int_equal(x[i].told, told[i]);
}

static void nobody_left_and_still_kept(void **state) {
  world *w = *state;
  asker x[3] = {0};
  all_ask(w, x, 3);
  for (int i = 0; i < 3; i++) peri_token_wait_drop(w->account, &x[i].wait);
  peri_engine_run(w->engine);
  assert_int_equal(w->asked, 1);
  for (int i = 0; i < 3; i++) assert_int_equal(x[i].told, 0);
  assert_string_equal(kept(w, "refreshToken"), "new-refresh-1");
}

static const struct CMUnitTest tests[] = {
  cmocka_unit_test_setup_teardown(one_request_for_all, begin, end),
  cmocka_unit_test_setup_teardown(all_fail_alike, begin, end),
  cmocka_unit_test_setup_teardown(who_left_is_told_nothing, begin, end),
  cmocka_unit_test_setup_teardown(nobody_left_and_still_kept, begin, end),
};
PERI_GROUP(core_refresh, tests)
