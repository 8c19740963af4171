/* base: errors, memory, buffers, maps, ids. */
#include "test_base.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/uuid.h"

static void codes_have_names(void **state) {
  (void)state;
  for (int i = 0; i < PERI_CODE_COUNT; i++) {
    const char *name = peri_code_name((peri_code)i);
    assert_int_equal(peri_code_named(name, strlen(name)), i);
    assert_in_range(peri_code_exit((peri_code)i), 0, 2);
    assert_in_range(peri_code_http((peri_code)i), 200, 599);
    if (i != PERI_OK) assert_true(peri_code_way_out((peri_code)i)[0] != 0);
  }
  assert_int_equal(peri_code_named("nonsense", 8), PERI_CODE_COUNT);
  assert_int_equal(peri_code_named("ok", 1), PERI_CODE_COUNT);
  assert_int_equal(peri_code_exit(PERI_USAGE), 2);
  assert_int_equal(peri_code_http(PERI_BUSY), 423);
  assert_string_equal(peri_code_name(PERI_CODE_COUNT), "unknown");
}

static void failing_keeps_the_text(void **state) {
  (void)state;
  peri_err e;
  assert_int_equal(peri_fail(&e, PERI_IO, "file %s", "a"), PERI_IO);
  assert_int_equal(e.code, PERI_IO);
  assert_string_equal(e.text, "file a");
  peri_fail(&e, PERI_INVALID, "again: %s", e.text); /* the argument is the text itself */
  assert_string_equal(e.text, "again: file a");
  peri_err_prefix(&e, "row %d", 7);
  assert_string_equal(e.text, "row 7: again: file a");
  assert_int_equal(e.code, PERI_INVALID);
  assert_int_equal(peri_fail(NULL, PERI_DNS, "nobody listens"), PERI_DNS);
  peri_err_prefix(NULL, "x");
}

static void a_cut_text_ends_at_a_character(void **state) {
  (void)state;
  peri_err e;
  static const char *const characters[] = {"x", "é", "山", "😀"};
  for (size_t k = 0; k < 4; k++)
    for (size_t shift = 0; shift < 5; shift++) {
      peri_buf long_text = {0};
      for (size_t i = 0; i < shift; i++) peri_buf_char(&long_text, '-');
      while (long_text.n < 2 * PERI_ERROR_TEXT_MAX) peri_buf_c_str(&long_text, characters[k]);
      peri_fail(&e, PERI_INVALID, "%s", peri_buf_c(&long_text));
      assert_true(strlen(e.text) >= PERI_ERROR_TEXT_MAX - 4);
      assert_true(peri_utf8_valid(peri_str_of(e.text)));
      peri_err_prefix(&e, "%s", "p");
      assert_true(peri_utf8_valid(peri_str_of(e.text)));
      assert_memory_equal(e.text, "p: ", 3);
      peri_buf_fini(&long_text);
    }
}

static void arenas_give_zeroed_aligned_room(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  for (int round = 0; round < 3; round++) {
    for (size_t n = 0; n < 3000; n += 7) {
      unsigned char *p = peri_arena_take(a, n);
      assert_int_equal((uintptr_t)p % 16, 0);
      for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
      memset(p, 0xAB, n);
      memset(peri_arena_bytes(a, n), 0xCD, n);
    }
    char *large = peri_arena_take(a, 3u << 20);
    memset(large, 1, 3u << 20);
    assert_str(peri_arena_fmt(a, "%d-%s", 42, "x"), "42-x");
    peri_str copy = peri_arena_str(a, (peri_str){"abc", 2});
    assert_string_equal(copy.p, "ab");
    peri_arena_reset(a);
  }
  peri_arena_free(a);
  peri_arena_free(NULL);
}

static void arena_arrays_grow(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  int *items = NULL;
  size_t cap = 0;
  for (int i = 0; i < 5000; i++) {
    items = peri_arena_grow(a, items, (size_t)i, &cap, sizeof *items);
    assert_true(cap > (size_t)i);
    items[i] = i;
  }
  for (int i = 0; i < 5000; i++) assert_int_equal(items[i], i);
  peri_arena_free(a);
}

static void running_out_of_memory_ends_the_process(void **state) {
  (void)state;
  int fd[2];
  assert_int_equal(pipe(fd), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(fd[1], 2);
    size_t cap = 8;
    char items[8] = {0};
    peri_arena_grow(peri_arena_new(), items, cap, &cap, SIZE_MAX / 4); /* overflows: no such array */
    _exit(0);
  }
  close(fd[1]);
  char text[256] = {0};
  assert_true(read(fd[0], text, sizeof text - 1) > 0);
  close(fd[0]);
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  assert_non_null(strstr(text, "out of memory"));
}

static void buffers_stop_at_their_ceiling(void **state) {
  (void)state;
  peri_buf b = {.max = 10};
  peri_buf_c_str(&b, "12345678");
  assert_false(b.over);
  peri_buf_c_str(&b, "abc"); /* would be 11 */
  assert_true(b.over);
  peri_buf_char(&b, 'x'); /* would fit, but the text is broken already */
  assert_string_equal(peri_buf_c(&b), "12345678");
  assert_null(peri_buf_room(&b, 1));
  peri_buf_clear(&b);
  peri_buf_fmt(&b, "%s", "1234567890");
  assert_false(b.over);
  assert_int_equal(b.n, 10);
  assert_string_equal(peri_buf_c(&b), "1234567890");
  peri_buf_fmt(&b, "%d", 1);
  assert_true(b.over);
  peri_buf_fini(&b);
  assert_int_equal(b.max, 10);
  assert_str(peri_buf_view(&b), "");
}

static void buffers_format_long_texts(void **state) {
  (void)state;
  peri_buf b = {0};
  char text[1000];
  memset(text, 'y', sizeof text);
  text[999] = 0;
  for (int i = 0; i < 20; i++) peri_buf_fmt(&b, "%d:%s;", i, text);
  assert_int_equal(b.n, 10 * (1 + 1 + 999 + 1) + 10 * (2 + 1 + 999 + 1));
  assert_memory_equal(b.p, "0:yyy", 5);
  assert_memory_equal(b.p + b.n - 3, "yy;", 3);
  peri_buf_put(&b, NULL, 0);
  peri_buf_fini(&b);
}

static void maps_keep_order_and_find(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_map m;
  int values[2000];
  peri_map_init(&m, a);
  assert_null(peri_map_get(&m, PERI_STR("nothing")));
  for (int i = 0; i < 2000; i++) {
    char key[32];
    snprintf(key, sizeof key, "key %d", i * 7919 % 2000);
    assert_true(peri_map_put(&m, peri_str_of(key), &values[i])); /* the key is copied: `key` goes away */
  }
  assert_false(peri_map_put(&m, PERI_STR("key 0"), &values[1999]));
  assert_int_equal(m.count, 2000);
  assert_ptr_equal(peri_map_get(&m, PERI_STR("key 0")), &values[1999]);
  for (int i = 1; i < 2000; i++) { assert_ptr_equal(peri_map_get(&m, m.items[i].key), &values[i]); }
  assert_str(m.items[1].key, "key 1919");
  assert_false(peri_map_has(&m, PERI_STR("key 2000")));
  assert_true(peri_map_put(&m, (peri_str){NULL, 0}, NULL));
  assert_true(peri_map_has(&m, PERI_STR("")));
  assert_true(peri_map_put(&m, (peri_str){"a\0b", 3}, &values[3]));
  assert_false(peri_map_has(&m, PERI_STR("a")));
  peri_arena_free(a);
}

static int compare_ids(const void *a, const void *b) { return strcmp(a, b); }

static void ids_ascend_and_never_repeat(void **state) {
  (void)state;
  enum { COUNT = 20000 };
  char(*ids)[PERI_UUID_TEXT] = calloc(COUNT, sizeof *ids);
  int64_t before = peri_now_ms();
  for (int i = 0; i < COUNT; i++) {
    peri_uuid7(ids[i]);
    assert_int_equal(strlen(ids[i]), 36);
    assert_int_equal(ids[i][14], '7');
    assert_non_null(strchr("89ab", ids[i][19]));
    if (i) assert_true(strcmp(ids[i - 1], ids[i]) < 0);
  }
  char head[14] = {0};
  memcpy(head, ids[0], 8);
  memcpy(head + 8, ids[0] + 9, 4);
  int64_t stamp = (int64_t)strtoll(head, NULL, 16);
  assert_true(stamp >= before && stamp <= before + 60000);
  qsort(ids, COUNT, sizeof *ids, compare_ids);
  for (int i = 1; i < COUNT; i++) assert_string_not_equal(ids[i - 1] + 19, ids[i] + 19);
  free(ids);
}

static void a_child_makes_other_ids(void **state) {
  (void)state;
  char mine[PERI_UUID_TEXT], theirs[PERI_UUID_TEXT] = {0};
  int fd[2];
  peri_uuid7(mine); /* the pool of random bytes is filled now */
  assert_int_equal(pipe(fd), 0);
  pid_t child = fork();
  if (child == 0) {
    peri_uuid7(mine);
    _exit(write(fd[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
  }
  peri_uuid7(mine);
  assert_int_equal(read(fd[0], theirs, sizeof theirs), sizeof theirs);
  waitpid(child, NULL, 0);
  close(fd[0]);
  close(fd[1]);
  assert_string_not_equal(mine + 19, theirs + 19);
}

static void ids_are_read_in_usual_spellings(void **state) {
  (void)state;
  char out[PERI_UUID_TEXT];
  static const char *const good[] = {"018f4e2a-1b2c-7d3e-8f40-0123456789ab", "018F4E2A-1B2C-7D3E-8F40-0123456789AB",
                                     "018f4e2a1b2c7d3e8f400123456789ab", "{018f4e2a-1b2c-7d3e-8f40-0123456789ab}",
                                     "urn:uuid:018f4e2a-1b2c-7d3e-8f40-0123456789ab"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(peri_uuid_read(peri_str_of(good[i]), out));
    assert_string_equal(out, good[0]);
  }
  static const char *const bad[] = {"",
                                    "018f4e2a-1b2c-7d3e-8f40-0123456789a",
                                    "018f4e2a-1b2c-7d3e-8f40-0123456789ag",
                                    "018f4e2a-1b2c-7d3e-8f4-00123456789ab",
                                    "{018f4e2a-1b2c-7d3e-8f40-0123456789ab",
                                    "018f4e2a-1b2c-7d3e-8f40-0123456789abc",
                                    "018f4e2a 1b2c 7d3e 8f40 0123456789ab"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(peri_uuid_read(peri_str_of(bad[i]), out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_have_names),
      cmocka_unit_test(failing_keeps_the_text),
      cmocka_unit_test(a_cut_text_ends_at_a_character),
      cmocka_unit_test(arenas_give_zeroed_aligned_room),
      cmocka_unit_test(arena_arrays_grow),
      cmocka_unit_test(running_out_of_memory_ends_the_process),
      cmocka_unit_test(buffers_stop_at_their_ceiling),
      cmocka_unit_test(buffers_format_long_texts),
      cmocka_unit_test(maps_keep_order_and_find),
      cmocka_unit_test(ids_ascend_and_never_repeat),
      cmocka_unit_test(a_child_makes_other_ids),
      cmocka_unit_test(ids_are_read_in_usual_spellings),
  };
  int failed = cmocka_run_group_tests_name("base", tests, NULL, NULL);
  failed += test_base_str();
  failed += test_base_clock();
  failed += test_base_log();
  return failed;
}
