/* net/web: the server of a process that stays: late answers, streams, clients that leave, clients that never finish, ceilings, the Unix socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/listen.h"
#include "net/web.h"
#include "test_net.h"

typedef struct site {
  uv_loop_t loop;
  peri_web *web;
  int port, gone;
  peri_web_call *kept; /* /later and /stream wait here */
} site;

static void on_gone(void *self) {
  site *s = self;
  s->gone++;
  s->kept = NULL;
}

static void handle(void *self, peri_web_call *call) {
  site *s = self;
  const peri_web_request *q = peri_web_request_of(call);
  static const peri_header type = {{"Content-Type", 12}, {"text/plain", 10}};
  if (peri_str_is(q->path, "/later") || peri_str_is(q->path, "/stream")) {
    s->kept = call;
    peri_web_on_gone(call, on_gone, s);
    if (peri_str_is(q->path, "/stream")) peri_web_stream(call, 200, &type, 1);
    return;
  }
  peri_str text = peri_arena_fmt(peri_web_arena(call), "%.*s %.*s?%.*s body=%zu local=%d x=%.*s", PERI_S(q->method), PERI_S(q->path), PERI_S(q->query), q->body.n, q->local,
                                 PERI_S(peri_web_header(call, "x-test")));
  peri_web_answer(call, 200, &type, 1, text);
}

static int64_t expect(void *self, peri_web_call *call) {
  (void)self;
  if (peri_str_is(peri_web_request_of(call)->path, "/forbidden")) {
    peri_web_answer(call, 401, NULL, 0, PERI_STR("no"));
    return -1;
  }
  return 1000;
}

static void open_site(site *s, peri_web_config *c) {
  *s = (site){0};
  uv_loop_init(&s->loop);
  c->loop = &s->loop;
  c->handler = (peri_web_handler){s, handle, expect};
  c->address = "127.0.0.1";
  peri_err e = {0};
  s->web = peri_web_start(c, &s->port, &e);
  assert_string_equal(e.text, "");
  assert_non_null(s->web);
}

static void close_site(site *s) {
  peri_web_stop(s->web);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&s->loop), 0);
}

static int dial(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

static void say(int fd, const char *text) { assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text)); }

/* Turns the loop until `want` was read from fd, or its end came; what was read stays in out. */
static void hear(site *s, int fd, const char *want, char out[8192]) {
  size_t n = 0;
  for (out[0] = 0; !want || !strstr(out, want);) {
    uv_run(&s->loop, UV_RUN_NOWAIT);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 1) != 1) continue;
    ssize_t got = recv(fd, out + n, 8191 - n, 0);
    if (got <= 0) return;
    n += (size_t)got;
    out[n] = 0;
  }
}

static void requests_are_answered(void **state) {
  (void)state;
  site s;
  peri_web_config c = {0};
  open_site(&s, &c);
  char got[8192];
  int fd = dial(s.port);
  say(fd, "GET /a%2Fb?x=1 HTTP/1.1\r\nHost: h\r\nX-Test: yes\r\n\r\n");
  hear(&s, fd, "x=yes", got);
  assert_non_null(strstr(got, "GET /a%2Fb?x=1 body=0 local=0"));
  say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel"); /* the same connection, in pieces */
  hear(&s, fd, "", got);
  say(fd, "lo");
  hear(&s, fd, "body=5", got);
  close(fd);
  close_site(&s);
}

static void answers_may_come_late_and_in_parts(void **state) {
  (void)state;
  site s;
  peri_web_config c = {0};
  open_site(&s, &c);
  char got[8192];
  int fd = dial(s.port), other = dial(s.port);
  say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!s.kept) uv_run(&s.loop, UV_RUN_ONCE);
  say(other, "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n"); /* nobody waits for the one that waits */
  hear(&s, other, "/quick", got);
  peri_web_answer(s.kept, 200, NULL, 0, PERI_STR("at last"));
  hear(&s, fd, "at last", got);
  s.kept = NULL;
  say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!s.kept) uv_run(&s.loop, UV_RUN_ONCE);
  assert_true(peri_web_send(s.kept, PERI_STR("one ")));
  hear(&s, fd, "one", got);
  assert_true(peri_web_send(s.kept, PERI_STR("two ")));
  hear(&s, fd, "two", got);
  peri_web_end(s.kept);
  hear(&s, fd, "0\r\n\r\n", got);
  assert_int_equal(s.gone, 0);
  close(fd), close(other);
  close_site(&s);
}

static void whoever_leaves_is_noticed(void **state) {
  (void)state;
  site s;
  peri_web_config c = {0};
  open_site(&s, &c);
  char got[8192];
  int fd = dial(s.port);
  say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!s.kept) uv_run(&s.loop, UV_RUN_ONCE);
  assert_true(peri_web_send(s.kept, PERI_STR("x")));
  hear(&s, fd, "x", got);
  close(fd);
  for (int i = 0; i < 100000 && s.kept; i++) {
    if (!peri_web_send(s.kept, PERI_STR("more"))) break;
    uv_run(&s.loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(s.gone, 1);
  fd = dial(s.port); /* and when the server stops before the answer */
  say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!s.kept) uv_run(&s.loop, UV_RUN_ONCE);
  close_site(&s);
  assert_int_equal(s.gone, 2);
  close(fd);
}

static void a_reader_that_sleeps_fills_no_memory(void **state) {
  (void)state;
  site s;
  peri_web_config c = {0};
  open_site(&s, &c);
  int fd = dial(s.port);
  say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!s.kept) uv_run(&s.loop, UV_RUN_ONCE);
  static char chunk[65536];
  int sent = 0;
  while (sent < 10000 && peri_web_send(s.kept, (peri_str){chunk, sizeof chunk})) sent++, uv_run(&s.loop, UV_RUN_NOWAIT);
  assert_true(sent < 10000);
  peri_web_end(s.kept);
  close(fd);
  close_site(&s);
}

static void ceilings_hold_before_the_body_is_read(void **state) {
  (void)state;
  site s;
  peri_web_config c = {0};
  open_site(&s, &c);
  char got[8192];
  static const struct {
    const char *request, *status;
  } cases[] = {{"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", " 413 "},
               {"POST /forbidden HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n", " 401 "},
               {"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", " 4"},
               {"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", " 400 "},
               {"nonsense\r\n\r\n", " 400 "}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int fd = dial(s.port);
    say(fd, cases[i].request);
    shutdown(fd, SHUT_WR);
    hear(&s, fd, NULL, got);
    if (i + 1 < sizeof cases / sizeof *cases || got[0]) assert_non_null(strstr(got, cases[i].status));
    close(fd);
  }
  int fd = dial(s.port);
  say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  char chunk[600] = "200\r\n";
  memset(chunk + 5, 'x', 512);
  memcpy(chunk + 517, "\r\n", 3);
  say(fd, chunk), say(fd, chunk), say(fd, "0\r\n\r\n");
  hear(&s, fd, " 413 ", got);
  close(fd);
  close_site(&s);
}

static void five_hundred_slow_clients_do_not_stall_a_good_one(void **state) {
  (void)state;
  site s;
  peri_web_config c = {.connections_max = 256, .request_s = 3600};
  open_site(&s, &c);
  static int slow[500];
  char got[8192];
  for (int i = 0; i < 500; i++) {
    slow[i] = dial(s.port);
    send(slow[i], "GET /slow HTTP/1.1\r\nHost:", 25, MSG_NOSIGNAL); /* may be cut already */
    uv_run(&s.loop, UV_RUN_NOWAIT);
  }
  int fd = dial(s.port);
  say(fd, "GET /good HTTP/1.1\r\nHost: h\r\n\r\n");
  hear(&s, fd, "/good", got);
  assert_non_null(strstr(got, "/good"));
  assert_true(peri_web_connections(s.web) <= 256);
  close(fd);
  for (int i = 0; i < 500; i++) close(slow[i]);
  close_site(&s);
}

static void the_unix_socket_knows_its_owner(void **state) {
  (void)state;
  char dir[] = "/tmp/peri-web-XXXXXX", folder[300], path[400];
  assert_non_null(mkdtemp(dir));
  snprintf(folder, sizeof folder, "%s/%0150d", dir, 0); /* longer than a socket address holds */
  assert_int_equal(mkdir(folder, 0700), 0);
  snprintf(path, sizeof path, "%s/perilune.db.sock", folder);
  site s;
  peri_web_config c = {.socket_path = path};
  assert_int_equal(peri_connect_unix(path), -1);
  open_site(&s, &c);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  int fd = peri_connect_unix(path);
  assert_true(fd >= 0);
  char got[8192];
  say(fd, "GET /u HTTP/1.1\r\nHost: h\r\n\r\n");
  hear(&s, fd, "/u?", got);
  assert_non_null(strstr(got, "local=1"));
  close(fd);
  close_site(&s);
  unlink(path), rmdir(folder), rmdir(dir);
}

static void a_taken_port_is_named(void **state) {
  (void)state;
  site s;
  peri_web_config c = {0}, again = {0};
  open_site(&s, &c);
  peri_err e;
  again = (peri_web_config){.loop = &s.loop, .address = "127.0.0.1", .port = s.port};
  assert_null(peri_web_start(&again, NULL, &e));
  assert_int_equal(e.code, PERI_BUSY);
  again.address = "localhost";
  assert_null(peri_web_start(&again, NULL, &e));
  assert_int_equal(e.code, PERI_USAGE);
  again = (peri_web_config){.loop = &s.loop, .address = "127.0.0.1", .tls_cert = "no", .tls_key = "no"};
  assert_null(peri_web_start(&again, NULL, &e));
  assert_int_equal(e.code, PERI_TLS);
  close_site(&s);
}

int peri_test_net_web(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(requests_are_answered),
    cmocka_unit_test(answers_may_come_late_and_in_parts),
    cmocka_unit_test(whoever_leaves_is_noticed),
    cmocka_unit_test(a_reader_that_sleeps_fills_no_memory),
    cmocka_unit_test(ceilings_hold_before_the_body_is_read),
    cmocka_unit_test(five_hundred_slow_clients_do_not_stall_a_good_one),
    cmocka_unit_test(the_unix_socket_knows_its_owner),
    cmocka_unit_test(a_taken_port_is_named),
  };
  return cmocka_run_group_tests_name("net/web", tests, NULL, NULL);
}
