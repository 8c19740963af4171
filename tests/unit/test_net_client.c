/* net: the client against the own server: methods, bodies, kept connections, delays, cuts, cancelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/server.h"
#include "test_net.h"

void outcome_take(void *self, peri_http_reply *reply) {
  outcome *o = self;
  o->called++;
  o->code = reply->code;
  memcpy(o->error, reply->error, sizeof o->error);
  o->before_reply = reply->before_reply;
  o->status = reply->status;
  o->date_ms = reply->date_ms;
  o->wire_bytes = reply->wire_bytes;
  snprintf(o->type, sizeof o->type, "%.*s", PERI_S(peri_http_header(reply, "content-type")));
  snprintf(o->kept, sizeof o->kept, "%.*s", PERI_S(peri_http_header(reply, "x-kept")));
  if (reply->code == PERI_OK) o->body = peri_http_take_body(reply);
}

void outcome_fini(outcome *o) {
  peri_buf_fini(&o->body);
}

outcome fetch(int port, const char *path, void (*tweak)(peri_http_request *r)) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  peri_err e;
  peri_http *h = peri_http_new(&loop, &e);
  char url[256];
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
  peri_http_request r = {.method = "GET", .url = peri_str_of(url), .special_addresses = true, .plain_http = true, .timeout_ms = 20000};
  if (tweak) tweak(&r);
  outcome o = {0};
  peri_http_send(h, &r, outcome_take, &o);
  assert_int_equal(o.called, 0); /* never from inside send */
  while (!o.called) uv_run(&loop, UV_RUN_ONCE);
  peri_http_free(h);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(o.called, 1);
  return o;
}

/* ---- a server that shows what it was asked ---- */

typedef struct echo {
  peri_buf last;
  peri_buf big;
  int served;
  peri_header headers[2];
} echo;

static void echo_handle(void *self, const peri_server_request *q, peri_server_answer *a) {
  echo *x = self;
  __atomic_add_fetch(&x->served, 1, __ATOMIC_SEQ_CST);
  a->status = 200;
  if (peri_str_is(q->path, "/big")) {
    a->body = peri_buf_view(&x->big);
    return;
  }
  if (peri_str_is(q->path, "/cut-headers")) a->cut = 1;
  if (peri_str_is(q->path, "/cut-body")) a->cut = 2;
  if (peri_str_is(q->path, "/never")) a->cut = 3;
  if (peri_str_is(q->path, "/late")) a->delay_ms = 60000;
  if (peri_str_is(q->path, "/teapot")) a->status = 418;
  peri_buf_clear(&x->last);
  peri_buf_fmt(&x->last, "%.*s %.*s ?%.*s body=%.*s", PERI_S(q->method), PERI_S(q->path), PERI_S(q->query), PERI_S(q->body));
  for (size_t i = 0; i < q->header_count; i++) peri_buf_fmt(&x->last, "\n%.*s: %.*s", PERI_S(q->headers[i].name), PERI_S(q->headers[i].value));
  a->body = peri_buf_view(&x->last);
  x->headers[0] = (peri_header){PERI_STR("Content-Type"), PERI_STR("text/plain")};
  x->headers[1] = (peri_header){PERI_STR("X-Kept"), PERI_STR("yes")};
  a->headers = x->headers;
  a->header_count = 2;
}

static echo shown;
static peri_server *server;
static int port;

static int start(void **state) {
  (void)state;
  peri_err e;
  peri_server_handler handler = {.self = &shown, .handle = echo_handle};
  server = peri_server_start(0, &handler, &port, &e);
  return server ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  peri_server_stop(server);
  peri_buf_fini(&shown.last);
  peri_buf_fini(&shown.big);
  return 0;
}

static void post_a_form(peri_http_request *r) {
  static const peri_header headers[] = {{PERI_STR("Authorization"), PERI_STR("Bearer abc")}, {PERI_STR("X-Empty"), PERI_STR("")}};
  r->method = "POST";
  r->headers = headers;
  r->header_count = 2;
  r->body = PERI_STR("{\"a\":1}");
}

static void requests_arrive_whole(void **state) {
  (void)state;
  outcome o = fetch(port, "/crm/%7Bx%7D/a%20b?q=%20&after=1", post_a_form);
  assert_int_equal(o.code, PERI_OK);
  assert_int_equal(o.status, 200);
  assert_string_equal(o.type, "text/plain");
  assert_string_equal(o.kept, "yes");
  const char *body = peri_buf_c(&o.body);
  assert_non_null(strstr(body, "POST /crm/%7Bx%7D/a%20b ?q=%20&after=1 body={\"a\":1}"));
  assert_non_null(strstr(body, "\nauthorization: Bearer abc"));
  assert_non_null(strstr(body, "\nx-empty: "));
  assert_non_null(strstr(body, "\naccept-encoding: gzip"));
  assert_non_null(strstr(body, "\nuser-agent: perilune/"));
  assert_null(strstr(body, "content-type")); /* curl's own guess is kept away */
  assert_null(strstr(body, "expect:"));
  assert_true(o.date_ms > 1700000000000);
  outcome_fini(&o);
}

static void put_nothing(peri_http_request *r) {
  r->method = "PUT";
}
static void delete_it(peri_http_request *r) {
  r->method = "DELETE";
}
static void head_only(peri_http_request *r) {
  r->method = "HEAD";
}

static void methods(void **state) {
  (void)state;
  outcome o = fetch(port, "/x", put_nothing);
  assert_non_null(strstr(peri_buf_c(&o.body), "PUT /x ? body="));
  assert_non_null(strstr(peri_buf_c(&o.body), "\ncontent-length: 0"));
  outcome_fini(&o);
  o = fetch(port, "/teapot", delete_it);
  assert_int_equal(o.status, 418);
  assert_int_equal(o.code, PERI_OK);
  assert_non_null(strstr(peri_buf_c(&o.body), "DELETE /teapot"));
  outcome_fini(&o);
  o = fetch(port, "/x", head_only);
  assert_int_equal(o.code, PERI_OK);
  assert_int_equal(o.body.n, 0);
  outcome_fini(&o);
}

static void small_cap(peri_http_request *r) {
  r->body_bytes_max = 1000000;
}

static void big_bodies(void **state) {
  (void)state;
  for (int i = 0; i < 300000; i++) peri_buf_fmt(&shown.big, "line %07d\n", i);
  outcome o = fetch(port, "/big", NULL);
  assert_int_equal(o.code, PERI_OK);
  assert_int_equal(o.body.n, shown.big.n);
  assert_memory_equal(o.body.p, shown.big.p, o.body.n);
  assert_true(o.wire_bytes >= o.body.n);
  outcome_fini(&o);
  o = fetch(port, "/big", small_cap);
  assert_int_equal(o.code, PERI_REPLY_TOO_LARGE);
  assert_non_null(strstr(o.error, "127.0.0.1"));
  outcome_fini(&o);
}

static void impatient(peri_http_request *r) {
  r->timeout_ms = 60;
}

static void waits_end(void **state) {
  (void)state;
  outcome o = fetch(port, "/late", impatient);
  assert_int_equal(o.code, PERI_TIMEOUT);
  assert_false(o.before_reply);
  assert_non_null(strstr(o.error, "127.0.0.1"));
  o = fetch(port, "/never", impatient);
  assert_int_equal(o.code, PERI_TIMEOUT);
}

static void cuts_are_seen(void **state) {
  (void)state;
  outcome o = fetch(port, "/cut-headers", NULL);
  assert_int_equal(o.code, PERI_CONNECT);
  o = fetch(port, "/cut-body", NULL);
  assert_int_equal(o.code, PERI_CONNECT);
  assert_false(o.before_reply);
}

static void untrusted(peri_http_request *r) {
  r->special_addresses = false;
}
static void no_plain(peri_http_request *r) {
  r->plain_http = false;
}
static void localhost_name(peri_http_request *r) {
  static char url[64];
  snprintf(url, sizeof url, "http://localhost:%d/", port);
  r->url = peri_str_of(url);
  r->special_addresses = false;
}
static void number_spelling(peri_http_request *r) {
  static char url[64];
  snprintf(url, sizeof url, "http://2130706433:%d/", port);
  r->url = peri_str_of(url);
  r->special_addresses = false;
}
static void mapped_spelling(peri_http_request *r) {
  static char url[64];
  snprintf(url, sizeof url, "http://[::ffff:127.0.0.1]:%d/", port);
  r->url = peri_str_of(url);
  r->special_addresses = false;
}

static void loopback_needs_trust(void **state) {
  (void)state;
  int before = shown.served;
  void (*const ways[])(peri_http_request *) = {untrusted, no_plain, localhost_name, number_spelling, mapped_spelling};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    outcome o = fetch(port, "/x", ways[i]);
    assert_int_equal(o.code, PERI_ADDRESS_REFUSED);
    assert_true(o.before_reply);
    assert_true(o.error[0] != 0);
  }
  assert_int_equal(shown.served, before);
}

static void nobody_there(void **state) {
  (void)state;
  raw_server s = {0};
  raw_start(&s, "", 0);
  raw_stop(&s); /* a port that was free a moment ago */
  outcome o = fetch(s.port, "/", NULL);
  assert_int_equal(o.code, PERI_CONNECT);
  assert_true(o.before_reply);
}

static void bad_header(peri_http_request *r) {
  static const peri_header headers[] = {{PERI_STR("X-A"), PERI_STR("b\r\nHost: evil")}};
  r->headers = headers;
  r->header_count = 1;
}
static void own_header(peri_http_request *r) {
  static const peri_header headers[] = {{PERI_STR("Transfer-Encoding"), PERI_STR("chunked")}};
  r->headers = headers;
  r->header_count = 1;
}
static void odd_method(peri_http_request *r) {
  r->method = "TRACE";
}
static void odd_url(peri_http_request *r) {
  r->url = PERI_STR("http://u:p@127.0.0.1/");
}

static void odd_requests_are_refused(void **state) {
  (void)state;
  void (*const ways[])(peri_http_request *) = {bad_header, own_header, odd_method, odd_url};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    outcome o = fetch(port, "/x", ways[i]);
    assert_int_equal(o.code, PERI_INVALID);
    assert_true(o.before_reply);
  }
}

/* Connections are kept, but a call without trust does not ride on one that was opened with it. */
static void kept_connections_need_trust_too(void **state) {
  (void)state;
  static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  raw_server s = {.stay = true};
  raw_start(&s, reply, sizeof reply - 1);
  uv_loop_t loop;
  uv_loop_init(&loop);
  peri_err e;
  peri_http *h = peri_http_new(&loop, &e);
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%d/", s.port);
  peri_http_request r = {.method = "GET", .url = peri_str_of(url), .special_addresses = true, .plain_http = true, .timeout_ms = 20000};
  for (int i = 0; i < 5; i++) {
    outcome o = {0};
    r.special_addresses = i != 3;
    peri_http_send(h, &r, outcome_take, &o);
    while (!o.called) uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(o.code, i == 3 ? PERI_ADDRESS_REFUSED : PERI_OK);
    outcome_fini(&o);
    if (i == 2) assert_int_equal(s.connections, 1);
  }
  peri_http_free(h);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  raw_stop(&s);
  assert_int_equal(s.requests, 4);
}

typedef struct many {
  int ok, other;
  peri_http_call *victim;
} many;
static void count_one(void *self, peri_http_reply *reply) {
  many *m = self;
  if (reply->code == PERI_OK) m->ok++;
  else m->other++;
  if (m->victim) {
    peri_http_call *victim = m->victim;
    m->victim = NULL;
    peri_http_cancel(victim); /* from inside another call's done */
  }
}

static void many_at_once_and_cancelled(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  peri_err e;
  peri_http *h = peri_http_new(&loop, &e);
  char url[64], never[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%d/teapot", port);
  snprintf(never, sizeof never, "http://127.0.0.1:%d/never", port);
  peri_http_request r = {.method = "GET", .url = peri_str_of(never), .special_addresses = true, .plain_http = true};
  many m = {0};
  m.victim = peri_http_send(h, &r, count_one, &m);
  peri_http_call *at_once = peri_http_send(h, &r, count_one, &m);
  peri_http_cancel(at_once);
  r.url = PERI_STR("nonsense");
  peri_http_call *stillborn = peri_http_send(h, &r, count_one, &m);
  peri_http_cancel(stillborn);
  peri_http_send(h, &r, count_one, &m);
  r.url = peri_str_of(url);
  for (int i = 0; i < 40; i++) peri_http_send(h, &r, count_one, &m);
  uv_run(&loop, UV_RUN_DEFAULT); /* ends by itself: nothing keeps the loop alive */
  assert_int_equal(m.ok, 40);
  assert_int_equal(m.other, 1);
  r.url = peri_str_of(never);
  peri_http_send(h, &r, count_one, &m);
  uv_run(&loop, UV_RUN_NOWAIT);
  peri_http_free(h); /* with a call still open */
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(m.ok + m.other, 41);
}

static void taken_ports_are_named(void **state) {
  (void)state;
  peri_err e = {0};
  int other;
  peri_server_handler handler = {.self = &shown, .handle = echo_handle};
  assert_null(peri_server_start(port, &handler, &other, &e));
  assert_int_equal(e.code, PERI_BUSY);
}

int peri_test_net_client(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(requests_arrive_whole), cmocka_unit_test(methods),
    cmocka_unit_test(big_bodies),            cmocka_unit_test(waits_end),
    cmocka_unit_test(cuts_are_seen),         cmocka_unit_test(loopback_needs_trust),
    cmocka_unit_test(nobody_there),          cmocka_unit_test(odd_requests_are_refused),
    cmocka_unit_test(kept_connections_need_trust_too), cmocka_unit_test(many_at_once_and_cancelled),
    cmocka_unit_test(taken_ports_are_named),
  };
  return cmocka_run_group_tests_name("net: client and server", tests, start, stop);
}
