/* net: servers that lie, stall, bomb and break off, played by a thread that sends bytes from a script. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "test_net.h"

static void send_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
    if (sent <= 0) return;
    p += sent;
    n -= (size_t)sent;
  }
}

/* Reads up to the empty line; false when the other side has closed. */
static bool read_request(raw_server *s, int fd) {
  size_t n = 0;
  while (n < sizeof s->request - 1) {
    ssize_t got = recv(fd, s->request + n, sizeof s->request - 1 - n, 0);
    if (got <= 0) return false;
    n += (size_t)got;
    s->request[n] = 0;
    if (strstr(s->request, "\r\n\r\n")) return true;
  }
  return true;
}

static void *raw_serve(void *self) {
  raw_server *s = self;
  for (;;) {
    int fd = accept(s->fd, NULL, NULL);
    if (fd < 0) return NULL;
    s->connections++;
    bool again = true;
    while (again && read_request(s, fd)) {
      s->requests++;
      send_all(fd, s->bytes, s->n);
      again = s->stay;
    }
    char ignored[256];
    if (s->hold)
      while (recv(fd, ignored, sizeof ignored, 0) > 0) {
      }
    close(fd);
  }
}

void raw_start(raw_server *s, const char *bytes, size_t n) {
  s->bytes = bytes;
  s->n = n;
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof to;
  assert_int_equal(bind(s->fd, (struct sockaddr *)&to, sizeof to), 0);
  assert_int_equal(listen(s->fd, 16), 0);
  assert_int_equal(getsockname(s->fd, (struct sockaddr *)&to, &size), 0);
  s->port = ntohs(to.sin_port);
  assert_int_equal(pthread_create(&s->thread, NULL, raw_serve, s), 0);
}

void raw_stop(raw_server *s) {
  shutdown(s->fd, SHUT_RDWR); /* wakes accept */
  pthread_join(s->thread, NULL);
  close(s->fd);
}

static outcome ask(const char *bytes, size_t n, bool hold, void (*tweak)(peri_http_request *r)) {
  raw_server s = {.hold = hold};
  raw_start(&s, bytes, n);
  outcome o = fetch(s.port, "/", tweak);
  raw_stop(&s);
  return o;
}

static peri_buf gzip(peri_str text, int members) {
  peri_buf out = {0};
  for (int i = 0; i < members; i++) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, text.n) + 64;
    z.next_in = (Bytef *)(uintptr_t)text.p;
    z.avail_in = (uInt)text.n;
    z.next_out = (Bytef *)peri_buf_room(&out, bound);
    z.avail_out = (uInt)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.n += bound - z.avail_out;
    deflateEnd(&z);
  }
  return out;
}

static peri_buf packed_reply(peri_str packed, size_t cut) {
  peri_buf out = {0};
  peri_buf_fmt(&out, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", packed.n - cut);
  peri_buf_put(&out, packed.p, packed.n - cut);
  return out;
}

static void gzip_is_unpacked(void **state) {
  (void)state;
  for (int members = 1; members <= 3; members++) {
    peri_buf packed = gzip(PERI_STR("{\"results\":[]}"), members), reply = packed_reply(peri_buf_view(&packed), 0);
    outcome o = ask(reply.p, reply.n, false, NULL);
    assert_int_equal(o.code, PERI_OK);
    assert_int_equal(o.body.n, 14 * members);
    assert_memory_equal(o.body.p, "{\"results\":[]}", 14);
    outcome_fini(&o);
    peri_buf_fini(&packed);
    peri_buf_fini(&reply);
  }
}

static void gzip_that_ends_too_early(void **state) {
  (void)state;
  peri_buf packed = gzip(PERI_STR("{\"results\":[1,2,3,4,5,6,7,8]}"), 1);
  for (size_t cut = 1; cut < packed.n; cut += 5) {
    peri_buf reply = packed_reply(peri_buf_view(&packed), cut);
    outcome o = ask(reply.p, reply.n, false, NULL);
    assert_int_equal(o.code, PERI_BAD_REPLY);
    assert_non_null(strstr(o.error, "gzip"));
    peri_buf_fini(&reply);
  }
  packed.p[packed.n / 2] ^= 0x55;
  peri_buf reply = packed_reply(peri_buf_view(&packed), 0);
  outcome o = ask(reply.p, reply.n, false, NULL);
  assert_int_equal(o.code, PERI_BAD_REPLY);
  peri_buf_fini(&reply);
  packed.p[packed.n / 2] ^= 0x55;
  peri_buf_c_str(&packed, "junk behind the end");
  reply = packed_reply(peri_buf_view(&packed), 0);
  o = ask(reply.p, reply.n, false, NULL);
  assert_int_equal(o.code, PERI_BAD_REPLY);
  peri_buf_fini(&reply);
  peri_buf_fini(&packed);
}

static void tiny_cap(peri_http_request *r) {
  r->body_bytes_max = 100000;
}

static void bombs_do_not_go_off(void **state) {
  (void)state;
  size_t n = 20u << 20;
  char *zeros = calloc(1, n);
  peri_buf packed = gzip((peri_str){zeros, n}, 1), reply = packed_reply(peri_buf_view(&packed), 0);
  outcome o = ask(reply.p, reply.n, false, NULL); /* below the ceiling of 32 MB, but a thousandfold */
  assert_int_equal(o.code, PERI_REPLY_TOO_LARGE);
  assert_non_null(strstr(o.error, "100 times"));
  o = ask(reply.p, reply.n, false, tiny_cap);
  assert_int_equal(o.code, PERI_REPLY_TOO_LARGE);
  assert_non_null(strstr(o.error, "ceiling"));
  peri_buf_fini(&packed);
  peri_buf_fini(&reply);
  peri_buf chunked = {0};
  peri_buf_c_str(&chunked, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; i++) {
    peri_buf_c_str(&chunked, "10000\r\n");
    peri_buf_put(&chunked, zeros, 0x10000);
    peri_buf_c_str(&chunked, "\r\n");
  }
  o = ask(chunked.p, chunked.n, true, tiny_cap); /* no length was promised, and it never ends */
  assert_int_equal(o.code, PERI_REPLY_TOO_LARGE);
  peri_buf_fini(&chunked);
  free(zeros);
}

static void soon(peri_http_request *r) {
  r->drip_ms = 40;
}

#define BYTES(text) (text), sizeof(text) - 1

static void drips_end(void **state) {
  (void)state;
  outcome o = ask(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{"), true, soon);
  assert_int_equal(o.code, PERI_TIMEOUT);
  assert_non_null(strstr(o.error, "too slowly"));
}

static void broken_replies(void **state) {
  (void)state;
  static const struct { const char *bytes; size_t n; peri_code code; } cases[] = {
    {BYTES(""), PERI_CONNECT},
    {BYTES("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"), PERI_CONNECT},
    {BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"), PERI_CONNECT},
    {BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n"), PERI_BAD_REPLY},
    {BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdefgh"), PERI_BAD_REPLY},
    {BYTES("HTTP/1.1 200 OK\r\nContent-Type: applica"), PERI_CONNECT}, /* not an empty reply: the head breaks off */
    {BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), PERI_CONNECT},
    {BYTES("just bytes, no http"), PERI_BAD_REPLY},
    {BYTES("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), PERI_BAD_REPLY},
    {BYTES("HTTP/1.1 200 OK\r\n: no name\r\n\r\n"), PERI_BAD_REPLY},
    {BYTES("HTTP/1.1 200 OK\r\na b: c\r\n\r\n"), PERI_BAD_REPLY},
    {BYTES("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx"), PERI_BAD_REPLY},
    {BYTES("HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx"), PERI_BAD_REPLY},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    outcome o = ask(cases[i].bytes, cases[i].n, false, NULL);
    if (o.code != cases[i].code) fail_msg("case %zu: got %s (%s)", i, peri_code_name(o.code), o.error);
    assert_true(o.error[0] != 0);
    assert_false(o.before_reply);
    outcome_fini(&o);
  }
}

static void headers_have_a_ceiling(void **state) {
  (void)state;
  peri_buf b = {0};
  peri_buf_c_str(&b, "HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 5000; i++) peri_buf_fmt(&b, "X-Number-%d: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n", i);
  peri_buf_c_str(&b, "\r\n");
  outcome o = ask(b.p, b.n, false, NULL);
  assert_int_equal(o.code, PERI_BAD_REPLY);
  peri_buf_clear(&b);
  peri_buf_c_str(&b, "HTTP/1.1 200 OK\r\nX-Long: ");
  memset(peri_buf_room(&b, 1 << 20), 'x', 1 << 20);
  b.n += 1 << 20;
  o = ask(b.p, b.n, false, NULL);
  assert_int_equal(o.code, PERI_BAD_REPLY);
  assert_non_null(strstr(o.error, "header line"));
  peri_buf_fini(&b);
}

static void odd_but_sound_replies(void **state) {
  (void)state;
  outcome o = ask(BYTES("HTTP/1.1 103 Early Hints\r\nX-Kept: no\r\n\r\nHTTP/1.1 200 OK\r\nX-KEPT:  yes \r\nContent-Length: 2\r\n\r\nok"), false, NULL);
  assert_int_equal(o.code, PERI_OK);
  assert_string_equal(o.kept, "yes");
  outcome_fini(&o);
  o = ask(BYTES("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"), false, NULL);
  assert_int_equal(o.code, PERI_OK);
  assert_int_equal(o.status, 302); /* not followed */
  o = ask(BYTES("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"), false, NULL);
  assert_int_equal(o.code, PERI_OK);
  assert_int_equal(o.body.n, 0);
  o = ask(BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Kept: trailer\r\n\r\n"), false, NULL);
  assert_int_equal(o.code, PERI_OK);
  assert_string_equal(o.kept, ""); /* a trailer is no header */
  outcome_fini(&o);
  o = ask(BYTES("HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 01:02:03 GMT\r\nContent-Length: 0\r\n\r\n"), false, NULL);
  assert_int_equal(o.date_ms, 1795395723000);
  o = ask(BYTES("HTTP/1.1 200 OK\r\nDate: yesterday\r\nContent-Length: 0\r\n\r\n"), false, NULL);
  assert_int_equal(o.date_ms, -1);
}

int peri_test_net_hostile(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(gzip_is_unpacked), cmocka_unit_test(gzip_that_ends_too_early), cmocka_unit_test(bombs_do_not_go_off),   cmocka_unit_test(drips_end),
    cmocka_unit_test(broken_replies),   cmocka_unit_test(headers_have_a_ceiling),   cmocka_unit_test(odd_but_sound_replies),
  };
  return cmocka_run_group_tests_name("net: hostile servers", tests, NULL, NULL);
}
