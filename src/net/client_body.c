/* net/client_body: what a server sends back. Counts headers and unpacked bytes as they come, so that a bomb is stopped and not stored.
 * Unpacks gzip itself: libcurl takes a gzip body that ends too early for a whole one, and knows no ratio.
 * Refuses: other encodings, bytes behind the end of a gzip body, header lines that are none. */
#include "base/clock.h"
#include "json/json.h"
#include "net/client.h"

#define RATIO_FROM_BYTES (1u << 20) /* a small page of nulls may well shrink a hundredfold */
#define RESERVE_BYTES_MAX (4u << 20) /* a promised length is only a promise */

static size_t refuse(peri_http_call *c, peri_code code, const char *what) {
  if (c->fault.code == PERI_OK) peri_fail(&c->fault, code, "%s from %s", what, c->where);
  return 0; /* curl stops a transfer whose callback takes less than it was given */
}

static bool token_char(char ch) {
  return ch > ' ' && ch < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", ch) == NULL;
}

/* An interim (1xx) reply is followed by the real one: only the last block of headers counts. */
static void begin_block(peri_http_call *c) {
  c->head_ended = false;
  c->reply.header_count = 0;
  c->packed = false;
}

static bool accept_encoding(peri_http_call *c, peri_str value) {
  if (value.n == 0 || peri_str_eq_nocase(value, PERI_STR("identity"))) return true;
  c->packed = peri_str_eq_nocase(value, PERI_STR("gzip")) || peri_str_eq_nocase(value, PERI_STR("x-gzip"));
  return c->packed;
}

size_t peri_http_on_header(char *line, size_t size, size_t n, void *self) {
  peri_http_call *c = self;
  n *= size;
  c->header_bytes += n;
  if (c->header_bytes > PERI_HEADER_BYTES_MAX) return refuse(c, PERI_BAD_REPLY, "more than 256 KB of headers");
  if (c->body_begun) return n; /* trailers are nobody's business here */
  peri_str text = peri_str_trim((peri_str){line, n});
  if (peri_str_starts(text, PERI_STR("HTTP/"))) {
    begin_block(c);
    return n;
  }
  if (text.n == 0) c->head_ended = true;
  if (text.n == 0 || line[0] == ' ' || line[0] == '\t') return n; /* the end of the block, or a folded line */
  peri_str name, value = peri_str_trim(peri_str_cut(text, ':', &name));
  if (name.n == 0 || name.n == text.n) return refuse(c, PERI_BAD_REPLY, "a header line that is none");
  char *lower = peri_arena_bytes(c->arena, name.n + 1);
  for (size_t i = 0; i < name.n; i++) {
    if (!token_char(name.p[i])) return refuse(c, PERI_BAD_REPLY, "a header name that is none");
    lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
  }
  lower[name.n] = 0;
  c->headers = peri_arena_grow(c->arena, c->headers, c->reply.header_count, &c->header_cap, sizeof *c->headers);
  c->reply.headers = c->headers;
  c->headers[c->reply.header_count++] = (peri_header){{lower, name.n}, peri_arena_str(c->arena, value)};
  if (strcmp(lower, "content-encoding") == 0 && !accept_encoding(c, value)) return refuse(c, PERI_BAD_REPLY, "a body in an encoding that was not asked for");
  return n;
}

static size_t keep(peri_http_call *c, const char *bytes, size_t n) {
  if (n > c->body_max - c->body.n) return refuse(c, PERI_REPLY_TOO_LARGE, "a body over the ceiling");
  peri_buf_put(&c->body, bytes, n);
  return n;
}

static size_t unpack(peri_http_call *c, char *bytes, size_t n) {
  const peri_curl_library *lib = c->http->lib;
  if (!c->inflate_ready) {
    if (lib->inflateInit2__p(&c->inflate, 15 + 16, ZLIB_VERSION, (int)sizeof c->inflate) != Z_OK) return refuse(c, PERI_IO, "no memory to unpack a body");
    c->inflate_ready = true;
  }
  c->inflate.next_in = (Bytef *)bytes;
  c->inflate.avail_in = (uInt)n;
  while (c->inflate.avail_in) {
    if (c->inflate_ended) { /* gzip files may be joined; anything else behind the end is not ours to guess */
      if (lib->inflateReset_p(&c->inflate) != Z_OK) return refuse(c, PERI_BAD_REPLY, "a broken gzip body");
      c->inflate_ended = false;
    }
    char out[32 << 10];
    c->inflate.next_out = (Bytef *)out;
    c->inflate.avail_out = sizeof out;
    int r = lib->inflate_p(&c->inflate, Z_NO_FLUSH);
    size_t got = sizeof out - c->inflate.avail_out;
    if (r != Z_OK && r != Z_STREAM_END && !(r == Z_BUF_ERROR && got)) return refuse(c, PERI_BAD_REPLY, "a broken gzip body");
    if (got && !keep(c, out, got)) return 0;
    if (c->body.n > RATIO_FROM_BYTES && c->body.n / PERI_UNPACK_RATIO_MAX > c->packed_bytes)
      return refuse(c, PERI_REPLY_TOO_LARGE, "a body that unpacks to more than 100 times its size");
    c->inflate_ended = r == Z_STREAM_END;
  }
  return n;
}

size_t peri_http_on_body(char *bytes, size_t size, size_t n, void *self) {
  peri_http_call *c = self;
  n *= size;
  if (n == 0) return 0;
  if (!c->body_begun) {
    c->body_begun = true;
    c->drip_at_ms = peri_mono_ms();
    uint64_t promised;
    if (!c->packed && peri_number_u64(peri_http_header(&c->reply, "content-length"), &promised) && promised <= c->body_max)
      peri_buf_room(&c->body, promised < RESERVE_BYTES_MAX ? (size_t)promised : RESERVE_BYTES_MAX);
  }
  c->packed_bytes += n;
  return c->packed ? unpack(c, bytes, n) : keep(c, bytes, n);
}

void peri_http_body_end(peri_http_call *c) {
  if (!c->head_ended) refuse(c, PERI_CONNECT, "headers that break off"); /* libcurl takes them for an empty reply */
  if (c->packed && c->packed_bytes && !c->inflate_ended) refuse(c, PERI_BAD_REPLY, "a gzip body that ends too early");
}
