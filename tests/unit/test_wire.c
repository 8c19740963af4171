/* Messages survive the wall unchanged; cut, bent or invented ones are refused without a byte read past their end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/wire.h"

static peri_arena *arena;

static int setup(void **state) {
  (void)state;
  arena = peri_arena_new();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  peri_arena_free(arena);
  return 0;
}

static void same(peri_str a, peri_str b) {
  assert_int_equal(a.n, b.n);
  if (a.n) assert_memory_equal(a.p, b.p, a.n);
}

/* ---- samples: one of each message, and a decoder that says yes or no ---- */

static void sample_load(peri_buf *out) {
  peri_load_file files[2] = {{PERI_STR("mappings/a.lua"), PERI_STR("return 1")}, {PERI_STR("lib/b.lua"), PERI_STR("")}};
  peri_load m = {files, 2, PERI_STR("[]"), PERI_STR("{}"), PERI_STR("{\"x\":{}}"), PERI_STR("{\"all\":true}")};
  peri_load_put(out, &m);
}

static void sample_page(peri_buf *out) {
  peri_page_msg m = {7, 3, PERI_PAGE_MAP_ALL, 5, 6, PERI_STR("{\"link\":\"x\"}"), PERI_STR("{\"id\":1}"), PERI_STR("{\"results\":[]}")};
  peri_page_put(out, &m);
}

static peri_split_record split_records[2] = {
    {.index = 0,
     .offset = 3,
     .bytes = 9,
     .removed = 1,
     .updated = -5,
     .raw_hash = {1, 2, 255},
     .key = {"a:1", 3},
     .context = {"{\"a\":1}", 7},
     .merged = {"[\"2\"]", 5}},
    {.index = 4, .offset = 12, .bytes = 0, .bad = 1, .updated = PERI_NO_STAMP, .key = {"", 0}, .context = {"", 0}, .merged = {"", 0}}};

static void sample_split(peri_buf *out) {
  peri_split m = {9, 1, PERI_STR("{\"paging.next.after\":\"x\"}"), PERI_STR("[]"), split_records, 2};
  peri_split_put(out, &m);
}

static peri_row_msg rows_rows[3] = {{.index = 1,
                                     .plan = 2,
                                     .verdict = 1,
                                     .set = 1,
                                     .data_hash = {9},
                                     .key = {"k", 1},
                                     .data = {"{\"a\":\"\\u0000\"}", 14},
                                     .warnings = {"[\"w\"]", 5}},
                                    {.index = 2, .verdict = 2, .key = {"k2", 2}, .reject = {"{\"code\":\"type\"}", 15}},
                                    {.index = 3, .verdict = 3}};

static void sample_rows(peri_buf *out) {
  peri_rows m = {4, rows_rows, 3};
  peri_rows_put(out, &m);
}

static void sample_map(peri_buf *out) {
  peri_map_msg m = {1, {"\x05\x80", 2}};
  peri_map_msg_put(out, &m);
}

static void sample_serve(peri_buf *out) {
  peri_serve m = {PERI_STR("GET"), PERI_STR("/a"), PERI_STR("{}"), PERI_STR("{}"), PERI_STR("b\0y"), -1};
  peri_serve_put(out, &m);
}

static void sample_answer(peri_buf *out) {
  peri_answer m = {429, PERI_STR("{\"retry-after\":\"1\"}"), PERI_STR("slow"), 50, 2, PERI_STR("[]")};
  peri_answer_put(out, &m);
}

static void sample_reply(peri_buf *out) { peri_reply_put(out, 3, 200, PERI_STR("{}"), PERI_STR("body")); }

static bool get_load(peri_str p) {
  peri_load m;
  return peri_load_get(p, arena, &m);
}
static bool get_page(peri_str p) {
  peri_page_msg m;
  return peri_page_get(p, &m);
}
static bool get_split(peri_str p) {
  peri_split m;
  return peri_split_get(p, arena, &m);
}
static bool get_rows(peri_str p) {
  peri_rows m;
  return peri_rows_get(p, arena, &m);
}
static bool get_map(peri_str p) {
  peri_map_msg m;
  return peri_map_msg_get(p, &m);
}
static bool get_serve(peri_str p) {
  peri_serve m;
  return peri_serve_get(p, &m);
}
static bool get_answer(peri_str p) {
  peri_answer m;
  return peri_answer_get(p, &m);
}
static bool get_reply(peri_str p) {
  uint32_t id, status;
  peri_str headers, body;
  return peri_reply_get(p, &id, &status, &headers, &body);
}

static const struct {
  void (*put)(peri_buf *out);
  bool (*get)(peri_str payload);
} messages[] = {{sample_load, get_load}, {sample_page, get_page},   {sample_split, get_split},   {sample_rows, get_rows},
                {sample_map, get_map},   {sample_serve, get_serve}, {sample_answer, get_answer}, {sample_reply, get_reply}};
#define MESSAGES (sizeof messages / sizeof *messages)

/* Decodes a copy that ends exactly where the payload does: AddressSanitizer sees the first byte too many. */
static bool get_exact(size_t i, const char *p, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (n) memcpy(copy, p, n);
  char *edge = n ? copy : copy + 1;
  bool yes = messages[i].get((peri_str){edge, n});
  free(copy);
  peri_arena_reset(arena);
  return yes;
}

static void test_round_trip(void **state) {
  (void)state;
  peri_buf b = {0};
  sample_split(&b);
  peri_split s;
  assert_true(peri_split_get(peri_buf_view(&b), arena, &s));
  assert_int_equal(s.page, 9);
  assert_int_equal(s.records_found, 1);
  assert_int_equal(s.count, 2);
  for (size_t i = 0; i < 2; i++) {
    const peri_split_record *a = &split_records[i], *c = &s.records[i];
    assert_int_equal(a->index, c->index);
    assert_int_equal(a->offset, c->offset);
    assert_int_equal(a->bytes, c->bytes);
    assert_int_equal(a->removed, c->removed);
    assert_int_equal(a->bad, c->bad);
    assert_true(a->updated == c->updated);
    assert_memory_equal(a->raw_hash, c->raw_hash, 16);
    same(a->key, c->key);
    same(a->context, c->context);
    same(a->merged, c->merged);
  }
  peri_buf_clear(&b);
  sample_rows(&b);
  peri_rows r;
  assert_true(peri_rows_get(peri_buf_view(&b), arena, &r));
  assert_int_equal(r.count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(r.rows[i].index, rows_rows[i].index);
    assert_int_equal(r.rows[i].plan, rows_rows[i].plan);
    assert_int_equal(r.rows[i].verdict, rows_rows[i].verdict);
    assert_int_equal(r.rows[i].set, rows_rows[i].set);
    assert_memory_equal(r.rows[i].data_hash, rows_rows[i].data_hash, 16);
    same(r.rows[i].key, rows_rows[i].key);
    same(r.rows[i].data, rows_rows[i].data);
    same(r.rows[i].warnings, rows_rows[i].warnings);
    same(r.rows[i].reject, rows_rows[i].reject);
  }
  peri_buf_clear(&b);
  sample_page(&b);
  peri_page_msg p;
  assert_true(peri_page_get(peri_buf_view(&b), &p));
  assert_int_equal(p.page, 7);
  assert_int_equal(p.view, 3);
  assert_int_equal(p.flags, PERI_PAGE_MAP_ALL);
  assert_int_equal(p.first, 5);
  assert_int_equal(p.count, 6);
  same(p.parent_json, PERI_STR("{\"id\":1}"));
  same(p.bytes, PERI_STR("{\"results\":[]}"));
  peri_buf_clear(&b);
  sample_load(&b);
  peri_load l;
  assert_true(peri_load_get(peri_buf_view(&b), arena, &l));
  assert_int_equal(l.file_count, 2);
  same(l.files[0].bytes, PERI_STR("return 1"));
  same(l.files[1].path, PERI_STR("lib/b.lua"));
  same(l.want, PERI_STR("{\"all\":true}"));
  peri_buf_clear(&b);
  sample_serve(&b);
  peri_serve v;
  assert_true(peri_serve_get(peri_buf_view(&b), &v));
  same(v.body, PERI_STR("b\0y"));
  assert_true(v.now_ms == -1);
  peri_buf_clear(&b);
  sample_answer(&b);
  peri_answer w;
  assert_true(peri_answer_get(peri_buf_view(&b), &w));
  assert_int_equal(w.status, 429);
  assert_int_equal(w.delay_ms, 50);
  assert_int_equal(w.fault, 2);
  same(w.body, PERI_STR("slow"));
  peri_buf_fini(&b);
}

static void test_stored_records(void **state) {
  (void)state;
  peri_buf b = {0};
  peri_record_put(&b, PERI_STR("{\"a\":1}"), PERI_STR(""));
  peri_record_put(&b, PERI_STR("{}"), PERI_STR("{\"p\":1}"));
  peri_str rest = peri_buf_view(&b), raw, context;
  assert_true(peri_record_get(&rest, &raw, &context));
  same(raw, PERI_STR("{\"a\":1}"));
  assert_true(peri_record_get(&rest, &raw, &context));
  same(context, PERI_STR("{\"p\":1}"));
  assert_int_equal(rest.n, 0);
  assert_false(peri_record_get(&rest, &raw, &context));
  rest = (peri_str){b.p, b.n - 1};
  assert_true(peri_record_get(&rest, &raw, &context));
  assert_false(peri_record_get(&rest, &raw, &context));
  peri_buf_fini(&b);
}

static void test_cut_anywhere(void **state) {
  (void)state;
  for (size_t i = 0; i < MESSAGES; i++) {
    peri_buf b = {0};
    messages[i].put(&b);
    assert_true(get_exact(i, b.p, b.n));
    for (size_t n = 0; n < b.n; n++) assert_false(get_exact(i, b.p, n));
    peri_buf_char(&b, 0);
    assert_false(get_exact(i, b.p, b.n)); /* one byte too many */
    peri_buf_fini(&b);
  }
}

/* Every byte bent in a few ways: whatever the answer, nothing is read that is not there. */
static void test_bent(void **state) {
  (void)state;
  static const unsigned char bends[] = {0x01, 0x80, 0xff, 0x7f};
  unsigned refused = 0;
  for (size_t i = 0; i < MESSAGES; i++) {
    peri_buf b = {0};
    messages[i].put(&b);
    for (size_t n = 0; n < b.n; n++)
      for (size_t k = 0; k < sizeof bends; k++) {
        b.p[n] = (char)(b.p[n] ^ (char)bends[k]);
        refused += !get_exact(i, b.p, b.n);
        b.p[n] = (char)(b.p[n] ^ (char)bends[k]);
      }
    peri_buf_fini(&b);
  }
  assert_true(refused > 500);
}

static void test_hostile_counts(void **state) {
  (void)state;
  /* "four billion records follow", and then nothing: no memory may be asked for */
  static const char rows[] = "\0\0\0\0\xff\xff\xff\xff";
  assert_false(get_exact(3, rows, 8));
  static const char split[] = "\0\0\0\0\1\0\0\0\0\0\0\0\0\xff\xff\xff\xff";
  assert_false(get_exact(2, split, 17));
  static const char load[] = "\xff\xff\xff\xff\0\0\0\0";
  assert_false(get_exact(0, load, 8));
}

static bool rows_ok(peri_row_msg row) {
  peri_buf b = {0};
  peri_rows m = {0, &row, 1}, back;
  peri_rows_put(&b, &m);
  bool yes = peri_rows_get(peri_buf_view(&b), arena, &back);
  peri_buf_fini(&b);
  return yes;
}

/* What would break a view, an index or a reader of rejects never gets past the decoder. */
static void test_row_contents(void **state) {
  (void)state;
  peri_row_msg good = {.verdict = 1, .key = PERI_STR("k"), .data = PERI_STR("{}")};
  assert_true(rows_ok(good));
  peri_row_msg r = good;
  r.data = PERI_STR("{\"a\":}");
  assert_false(rows_ok(r));
  r.data = PERI_STR("{} {}");
  assert_false(rows_ok(r));
  r.data = PERI_STR("{\"a\":\"\xff\"}");
  assert_false(rows_ok(r));
  r.data = PERI_STR("{\"a\":1,\"a\":2}");
  assert_false(rows_ok(r));
  r = good;
  r.key = PERI_STR("");
  assert_false(rows_ok(r));
  r.key = PERI_STR("\xc3");
  assert_false(rows_ok(r));
  char *long_key = peri_arena_bytes(arena, PERI_KEY_BYTES_MAX + 1);
  memset(long_key, 'a', PERI_KEY_BYTES_MAX + 1);
  r.key = (peri_str){long_key, PERI_KEY_BYTES_MAX};
  assert_true(rows_ok(r));
  r.key.n++;
  assert_false(rows_ok(r));
  r = good;
  r.verdict = 0;
  assert_false(rows_ok(r));
  r.verdict = 4;
  assert_false(rows_ok(r));
  r = good;
  r.index = PERI_RECORDS_PER_PAGE_MAX;
  assert_false(rows_ok(r));
  r = good;
  r.warnings = PERI_STR("{}");
  assert_false(rows_ok(r));
  r = (peri_row_msg){.verdict = 2, .reject = PERI_STR("[]")};
  assert_false(rows_ok(r));
  r.reject = PERI_STR("{}");
  assert_true(rows_ok(r));
  r.data = PERI_STR("{}");
  assert_false(rows_ok(r));
}

static void test_split_fits(void **state) {
  (void)state;
  peri_split_record two[2] = {{.index = 0, .offset = 0, .bytes = 10}, {.index = 1, .offset = 5, .bytes = 15}};
  peri_split m = {.records = two, .count = 2};
  assert_true(peri_split_fits(&m, 20));
  assert_false(peri_split_fits(&m, 19));
  two[1].offset = UINT32_MAX;
  assert_false(peri_split_fits(&m, 20));
  two[1] = (peri_split_record){.index = 0, .offset = 0, .bytes = 1};
  assert_false(peri_split_fits(&m, 20)); /* the same record twice */
}

static void test_bits(void **state) {
  (void)state;
  peri_str bits = {"\x05\x80", 2};
  assert_true(peri_bit_get(bits, 0));
  assert_false(peri_bit_get(bits, 1));
  assert_true(peri_bit_get(bits, 2));
  assert_true(peri_bit_get(bits, 15));
  assert_false(peri_bit_get(bits, 16));
}

/* ---- the link ---- */

typedef struct ends {
  peri_link *core;
  int worker;
} ends;

static ends open_ends(uint32_t most) {
  int pair[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  return (ends){peri_link_new(pair[0], most, false), pair[1]};
}

static void put(int fd, const char *p, size_t n) { assert_int_equal(write(fd, p, n), (ssize_t)n); }

static void test_link_pieces(void **state) {
  (void)state;
  ends e = open_ends(100);
  peri_frame f;
  bool got;
  /* READY, no flags, job 7, "hello": byte by byte */
  static const char frame[] = "\5\0\0\0\2\0\1\0\7\0\0\0\0\0\0\0hello";
  for (size_t i = 0; i < sizeof frame - 1; i++) {
    assert_int_equal(peri_link_next(e.core, &f, &got, NULL), PERI_OK);
    assert_false(got);
    put(e.worker, frame + i, 1);
  }
  assert_int_equal(peri_link_next(e.core, &f, &got, NULL), PERI_OK);
  assert_true(got);
  assert_int_equal(f.kind, PERI_K_READY);
  assert_int_equal(f.flags, PERI_F_MORE);
  assert_int_equal(f.job, 7);
  same(f.payload, PERI_STR("hello"));
  /* two at once, then the end */
  char two[2 * (sizeof frame - 1)];
  memcpy(two, frame, sizeof frame - 1);
  memcpy(two + sizeof frame - 1, frame, sizeof frame - 1);
  put(e.worker, two, sizeof two);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(peri_link_next(e.core, &f, &got, NULL), PERI_OK);
    assert_true(got);
    same(f.payload, PERI_STR("hello"));
  }
  put(e.worker, frame, 18);
  close(e.worker);
  assert_int_equal(peri_link_next(e.core, &f, &got, NULL), PERI_WORKER_LOST);
  assert_false(got);
  peri_link_free(e.core);
}

static void test_link_refuses(void **state) {
  (void)state;
  static const char *const bad[] = {"\x65\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0", "\xff\xff\xff\xff\2\0\0\0\0\0\0\0\0\0\0\0",
                                    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "\0\0\0\0\x1a\0\0\0\0\0\0\0\0\0\0\0", "\0\0\0\0\xff\xff\0\0\0\0\0\0\0\0\0\0"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ends e = open_ends(100);
    peri_frame f;
    bool got;
    put(e.worker, bad[i], 16);
    assert_int_equal(peri_link_next(e.core, &f, &got, NULL), PERI_BAD_REPLY);
    assert_false(got);
    close(e.worker);
    peri_link_free(e.core);
  }
}

static void test_link_large(void **state) {
  (void)state;
  int pair[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  peri_link *a = peri_link_new(pair[0], 100, false), *b = peri_link_new(pair[1], PERI_FRAME_TO_WORKER_MAX, false);
  size_t n = 8u << 20;
  char *text = malloc(n);
  for (size_t i = 0; i < n; i++) text[i] = (char)(i * 2654435761u >> 24);
  /* far more than the socket takes: the rest waits and goes bit by bit, frames in order */
  assert_int_equal(peri_link_send(a, PERI_K_PAGE, 0, 1, (peri_str){text, n}, NULL), PERI_OK);
  assert_int_equal(peri_link_send(a, PERI_K_MAP, 0, 2, PERI_STR("x"), NULL), PERI_OK);
  assert_true(peri_link_wants_write(a));
  peri_frame f;
  bool got = false;
  while (!got) {
    assert_int_equal(peri_link_flush(a, NULL), PERI_OK);
    assert_int_equal(peri_link_next(b, &f, &got, NULL), PERI_OK);
  }
  assert_int_equal(f.payload.n, n);
  assert_memory_equal(f.payload.p, text, n);
  got = false;
  while (!got) {
    assert_int_equal(peri_link_flush(a, NULL), PERI_OK);
    assert_int_equal(peri_link_next(b, &f, &got, NULL), PERI_OK);
  }
  assert_int_equal(f.job, 2);
  same(f.payload, PERI_STR("x"));
  assert_false(peri_link_wants_write(a));
  assert_int_equal(peri_link_send(a, PERI_K_PAGE, 0, 1, (peri_str){text, PERI_FRAME_TO_WORKER_MAX + 1u}, NULL), PERI_REPLY_TOO_LARGE);
  peri_link_free(b);
  assert_int_equal(peri_link_send(a, PERI_K_MAP, 0, 2, PERI_STR("x"), NULL), PERI_WORKER_LOST); /* and no SIGPIPE */
  peri_link_free(a);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
      cmocka_unit_test_setup_teardown(test_stored_records, setup, teardown),
      cmocka_unit_test_setup_teardown(test_cut_anywhere, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bent, setup, teardown),
      cmocka_unit_test_setup_teardown(test_hostile_counts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_row_contents, setup, teardown),
      cmocka_unit_test(test_split_fits),
      cmocka_unit_test(test_bits),
      cmocka_unit_test(test_link_pieces),
      cmocka_unit_test(test_link_refuses),
      cmocka_unit_test(test_link_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
