/* emulators over HTTP: server, worker, webhooks with their signatures. The worker runs in a thread here (no jail under the sanitizers' eyes). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <uv.h>

#include "core/emulate.h"
#include "core/emulate_sign.h"
#include "core/pool.h"
#include "net/server.h"
#include "test_emulate.h"
#include "vault/vault.h"
#include "worker/worker.h"

/* ---- signatures: vectors that HubSpot publishes, recomputed ---- */

static peri_str header_of(const peri_header *headers, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (peri_str_is(headers[i].name, name)) return headers[i].value;
  return (peri_str){NULL, 0};
}

static void signatures(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_header headers[PERI_SIGN_HEADERS_MAX];
  size_t n = 0;
  peri_signing s = {.method = PERI_STR("POST"), .url = PERI_STR("https://www.example.com/webhook_uri"), .body = PERI_STR("{\"example_field\":\"example_value\"}"),
                    .secret = PERI_STR("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"), .now_ms = 1693657560000};
  assert_true(peri_emulate_sign(PERI_STR("hubspot-v1"), &s, a, headers, &n));
  assert_true(peri_emulate_sign(PERI_STR("hubspot-v3"), &s, a, headers, &n));
  assert_true(peri_str_is(header_of(headers, n, "X-HubSpot-Signature"), "54b2530692e3a3982727206aeee670ed1d85319cad55d4ddbafcf41725ebf2b3"));
  assert_true(peri_str_is(header_of(headers, n, "X-HubSpot-Signature-v3"), "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go="));
  assert_true(peri_str_is(header_of(headers, n, "X-HubSpot-Request-Timestamp"), "1693657560000"));
  n = 0;
  s.url = PERI_STR("https://www.example.com/webhook_uri?q=a%3Ab%20c&x=%2Fy");
  s.now_ms = 1700000300000;
  peri_emulate_sign(PERI_STR("hubspot-v3"), &s, a, headers, &n);
  assert_true(peri_str_is(header_of(headers, n, "X-HubSpot-Signature-v3"), "8oIBkkXAZjJ5hcQv86C0JMm7IBISldBVNRZW3ijsZfg="));
  static const char *const others[] = {"stripe", "github", "slack", "shopify", "standard-webhooks"};
  for (size_t i = 0; i < 5; i++) {
    n = 0;
    assert_true(peri_emulate_sign(peri_str_of(others[i]), &s, a, headers, &n));
    assert_true(n >= 1 && headers[n - 1].value.n >= 10);
  }
  assert_false(peri_emulate_sign(PERI_STR("carrier-pigeon"), &s, a, headers, &n));
  peri_arena_free(a);
}

/* ---- the whole ---- */

static const char source[] =
  "return emulator 'tiny' { credentials = { accessToken = 'pat-emulator', clientSecret = 'hush' },\n"
  "  data = { thing = { count = 5, updated = 'at', make = function(n, random) return { id = n, name = random.name(), at = random.stamp() } end } },\n"
  "  routes = { get '/things' { answers = function(call, db) return 200, { rows = db.thing:scan { limit = 100 }, q = call.query } end },\n"
  "    get '/big' { answers = function() local t = {} for i = 1, 3000 do t[i] = string.rep('x', 1000) end return 200, t end } },\n"
  "  hooks = { changed = { sign = { 'hubspot-v3', 'hubspot-v1' }, make = function(c) return { objectId = c.id, verb = c.verb, attemptNumber = 0 } end } } }\n";

typedef struct got { int calls; peri_code code; int status; peri_buf body; } got;

static void on_reply(void *self, peri_http_reply *reply) {
  got *g = self;
  g->calls++;
  g->code = reply->code;
  g->status = reply->status;
  if (reply->code == PERI_OK) g->body = peri_http_take_body(reply);
}

static got fetch(const char *url, const char *path, const char *body) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  peri_err e;
  peri_http *h = peri_http_new(&loop, &e);
  char whole[200];
  snprintf(whole, sizeof whole, "%s%s", url, path);
  static const peri_header token[] = {{PERI_STR("Authorization"), PERI_STR("Bearer pat-emulator")}};
  peri_http_request r = {.method = body ? "POST" : "GET", .url = peri_str_of(whole), .headers = token, .header_count = 1, .body = peri_str_of(body), .special_addresses = true, .plain_http = true};
  got g = {0};
  peri_http_send(h, &r, on_reply, &g);
  while (!g.calls) uv_run(&loop, UV_RUN_ONCE);
  peri_http_free(h);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return g;
}

/* Listens for deliveries; refuses the first, to see it come again. */
typedef struct ear { pthread_mutex_t lock; pthread_cond_t heard; int count; char bodies[4][300]; bool signed_well; char url[64]; } ear;

static void hear(void *self, const peri_server_request *q, peri_server_answer *a) {
  ear *x = self;
  pthread_mutex_lock(&x->lock);
  peri_arena *arena = peri_arena_new();
  peri_header headers[PERI_SIGN_HEADERS_MAX];
  size_t n = 0;
  peri_signing s = {.method = q->method, .url = peri_arena_fmt(arena, "%s%.*s", x->url, PERI_S(q->path)), .body = q->body, .secret = PERI_STR("hush")};
  s.now_ms = peri_json_int(peri_json_parse(arena, header_of(q->headers, q->header_count, "x-hubspot-request-timestamp"), &(peri_json_fault){0}), 0);
  peri_emulate_sign(PERI_STR("hubspot-v3"), &s, arena, headers, &n);
  x->signed_well = x->signed_well && peri_str_eq(header_of(headers, n, "X-HubSpot-Signature-v3"), header_of(q->headers, q->header_count, "x-hubspot-signature-v3"));
  peri_arena_free(arena);
  if (x->count < 4) snprintf(x->bodies[x->count], sizeof x->bodies[0], "%.*s", PERI_S(q->body));
  a->status = x->count == 0 ? 503 : 204;
  x->count++;
  pthread_cond_broadcast(&x->heard);
  pthread_mutex_unlock(&x->lock);
}

static void served_over_http(void **state) {
  (void)state;
  peri_err e = {0};
  assert_true(peri_pool_inline(peri_worker_loop));
  peri_load_file files[] = {{PERI_STR("connectors/tiny_emulator.lua"), peri_str_of(source)}};
  peri_emulate_config config = {.type = "tiny", .files = files, .file_count = 1, .records = -1, .seed = 1};
  peri_emulation *m = peri_emulation_start(&config, &e);
  if (!m) fail_msg("%s", e.text);
  assert_true(peri_emulation_alive(m, &e));
  const char *url = peri_emulation_url(m);
  got g = fetch(url, "/things?a=1&b=%20x&a=2", NULL);
  assert_int_equal(g.status, 200);
  assert_non_null(strstr(peri_buf_c(&g.body), "\"q\":{\"a\":[\"1\",\"2\"],\"b\":\" x\"}"));
  peri_buf_fini(&g.body);
  g = fetch(url, "/big", NULL); /* larger than one frame of the wall */
  assert_int_equal(g.status, 200);
  assert_true(g.body.n > 3000000);
  peri_buf_fini(&g.body);
  g = fetch(url, "/_emulator/fault", "{\"path\":\"/things\",\"cut\":\"body\"}");
  peri_buf_fini(&g.body);
  g = fetch(url, "/things", NULL);
  assert_int_equal(g.code, PERI_CONNECT);

  ear x = {.signed_well = true};
  pthread_mutex_init(&x.lock, NULL);
  pthread_cond_init(&x.heard, NULL);
  int port;
  peri_server_handler handler = {.self = &x, .handle = hear};
  peri_server *listener = peri_server_start(0, &handler, &port, &e);
  assert_non_null(listener);
  snprintf(x.url, sizeof x.url, "http://127.0.0.1:%d", port);
  char body[120];
  snprintf(body, sizeof body, "{\"url\":\"%s/hook\"}", x.url);
  g = fetch(url, "/_emulator/webhooks", body);
  assert_int_equal(g.status, 200);
  peri_buf_fini(&g.body);
  g = fetch(url, "/_emulator/change", "{\"entity\":\"thing\",\"count\":2}");
  peri_buf_fini(&g.body);
  pthread_mutex_lock(&x.lock);
  while (x.count < 2) pthread_cond_wait(&x.heard, &x.lock);
  pthread_mutex_unlock(&x.lock);
  assert_string_equal(x.bodies[0], "[{\"attemptNumber\":0,\"objectId\":\"1\",\"verb\":\"change\"},{\"attemptNumber\":0,\"objectId\":\"3\",\"verb\":\"change\"}]");
  assert_non_null(strstr(x.bodies[1], "\"attemptNumber\":1"));
  assert_true(x.signed_well);
  peri_emulation_stop(m);
  peri_server_stop(listener);
  pthread_cond_destroy(&x.heard);
  pthread_mutex_destroy(&x.lock);
}

static void what_cannot_be_played(void **state) {
  (void)state;
  peri_err e = {0};
  peri_load_file files[] = {{PERI_STR("connectors/bad_emulator.lua"), PERI_STR("return emulator 'bad' { ruotes = {} }")}};
  peri_emulate_config config = {.type = "bad", .files = files, .file_count = 1, .records = -1};
  assert_null(peri_emulation_start(&config, &e));
  assert_non_null(strstr(e.text, "bad_emulator.lua:1"));
  config.type = "none";
  assert_null(peri_emulation_start(&config, &e));
  assert_int_equal(e.code, PERI_NOT_FOUND);
  config.type = "../etc";
  assert_null(peri_emulation_start(&config, &e));
  assert_int_equal(e.code, PERI_USAGE);
}

int peri_test_emulate_http(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(signatures), cmocka_unit_test(served_over_http), cmocka_unit_test(what_cannot_be_played)};
  return cmocka_run_group_tests_name("emulators: over HTTP", tests, NULL, NULL);
}
