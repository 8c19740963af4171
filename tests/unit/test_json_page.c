/* json/page: whole pages. Each case is written as what the walk reports: a line a record, then the page. */
#include "test_json.h"

#include "base/limits.h"
#include "base/mem.h"
#include "json/paths.h"

#define PATHS(...)                                                                                                                                   \
  (const char *const[]) { __VA_ARGS__, NULL }

typedef struct listener {
  peri_buf *out;
  int record_count, parent_count;
  uint32_t stop_after; /* 0: never */
} listener;

static void put_slots(peri_buf *out, const peri_slot *slots, int count) {
  for (int i = 0; i < count; i++) {
    peri_buf_fmt(out, " %.*s", (int)slots[i].one.n, slots[i].one.p ? slots[i].one.p : "");
    if (slots[i].one.type == PERI_J_NONE && !slots[i].found) peri_buf_char(out, '-');
    if (slots[i].found) peri_buf_char(out, '{');
    for (uint32_t k = 0; k < slots[i].count; k++) peri_buf_fmt(out, "%s%.*s", k ? ";" : "", (int)slots[i].many[k].n, slots[i].many[k].p);
    if (slots[i].found) peri_buf_char(out, '}');
  }
}

static bool hear(void *self, const peri_page_record *record) {
  listener *l = self;
  peri_buf_fmt(l->out, "%u", record->index);
  if (record->fault)
    peri_buf_fmt(l->out, " %.*s ! %zu %s", PERI_S(record->raw), record->fault->offset, record->fault->what);
  else
    put_slots(l->out, record->slots, l->record_count);
  if (record->fault)
    for (int i = 0; i < l->record_count; i++)
      assert_true(record->slots[i].one.type == PERI_J_NONE && !record->slots[i].count && !record->slots[i].found);
  if (record->parent_slots) {
    peri_buf_c_str(l->out, " <");
    put_slots(l->out, record->parent_slots, l->parent_count);
  }
  peri_buf_char(l->out, '\n');
  return !l->stop_after || record->index + 1 < l->stop_after;
}

static peri_paths *set_of(peri_arena *a, const char *const *texts, int *count) {
  *count = 0;
  if (!texts) return NULL;
  peri_paths *set = peri_paths_new(a);
  peri_err e;
  int slot;
  for (; *texts; texts++)
    if (peri_paths_add(set, peri_str_of(*texts), &slot, NULL, &e)) fail_msg("%s", e.text);
  *count = peri_paths_count(set);
  return set;
}

typedef struct page_case {
  const char *text, *records, *record;
  const char *const *record_paths, *const *parent_paths, *const *page_paths;
  bool ndjson;
  uint32_t stop_after;
  const char *want;
} page_case;

static void walk(const page_case *c) {
  peri_arena *a = peri_arena_new(), *scratch = peri_arena_new();
  peri_buf out = {0};
  listener l = {.out = &out, .stop_after = c->stop_after};
  int page_count;
  peri_page_paths paths = {.records = peri_str_of(c->records), .record = peri_str_of(c->record)};
  paths.record_set = set_of(a, c->record_paths, &l.record_count);
  paths.parent_set = set_of(a, c->parent_paths, &l.parent_count);
  paths.page_set = set_of(a, c->page_paths, &page_count);
  peri_err e;
  peri_page_walker *walker = peri_page_walker_new(a, &paths, &e);
  if (!walker) fail_msg("%s", e.text);
  peri_str text = tight(peri_str_of(c->text));
  for (int round = 0; round < 2; round++) { /* what was learned changes nothing */
    peri_slot page_slots[16];
    peri_json_fault f;
    bool found = false, ok;
    peri_buf_clear(&out);
    if (c->ndjson)
      ok = peri_page_walk_ndjson(walker, text, scratch, hear, &l, &f);
    else
      ok = peri_page_walk(walker, text, scratch, page_slots, hear, &l, &found, &f);
    if (ok && f.what) fail_msg("a fault is left over: %s", f.what);
    if (ok)
      peri_buf_c_str(&out, c->ndjson ? "done" : found ? "found" : "nothing");
    else
      peri_buf_fmt(&out, "! %zu %s", f.offset, f.what);
    if (ok && !c->ndjson) put_slots(&out, page_slots, page_count);
    if (!peri_str_is(peri_buf_view(&out), c->want)) fail_msg("%s\ngave\n%s\nwanted\n%s", c->text, peri_buf_c(&out), c->want);
    peri_arena_reset(scratch);
  }
  peri_buf_fini(&out);
  tight_free(text);
  peri_arena_free(scratch);
  peri_arena_free(a);
}

static void walk_all(const page_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) walk(&cases[i]);
}
#define WALK_ALL(...)                                                                                                                                \
  do {                                                                                                                                               \
    const page_case cases_[] = {__VA_ARGS__};                                                                                                        \
    walk_all(cases_, sizeof cases_ / sizeof *cases_);                                                                                                \
  } while (0)

static void records_are_found(void **state) {
  (void)state;
  WALK_ALL(
      {.text = "{\"results\":[{\"id\":1},{\"id\":2}]}", .records = "results", .record = "", .record_paths = PATHS("id"), .want = "0 1\n1 2\nfound"},
      {.text = "{\"results\":[{\"id\":1}]}", .records = "results[]", .record = "", .record_paths = PATHS("id"), .want = "0 1\nfound"},
      {.text = " [ {\"id\":1} , 7 , \"x\" , null ] ",
       .records = "[]",
       .record = "",
       .record_paths = PATHS("id", ""),
       .want = "0 1 {\"id\":1}\n1 - 7\n2 - \"x\"\n3 - null\nfound"},
      {.text = "{\"id\":1}",
       .records = "",
       .record = "",
       .record_paths = PATHS("id"),
       .page_paths = PATHS("id", ""),
       .want = "0 1\nfound 1 {\"id\":1}"},
      {.text = "[1]", .records = "", .record = "", .record_paths = PATHS("[0]"), .want = "0 1\nfound"},
      {.text = "{\"a\":{\"b\":[{\"id\":1}]}}", .records = "a.b", .record = "", .record_paths = PATHS("id"), .want = "0 1\nfound"},
      {.text = "{\"a\":{\"id\":1}}",
       .records = "a",
       .record = "",
       .record_paths = PATHS("id"),
       .page_paths = PATHS("a.id", "a"),
       .want = "0 1\nfound 1 {\"id\":1}"},
      {.text = "{\"a\":{\"id\":1}}", .records = "a[]", .record = "", .record_paths = PATHS("id"), .want = "nothing"},
      {.text = "{\"a\":7}", .records = "a", .record = "", .record_paths = PATHS("id"), .want = "nothing"},
      {.text = "{\"b\":[]}", .records = "a", .record = "", .record_paths = PATHS("id"), .want = "nothing"},
      {.text = "{\"a\":[]}", .records = "a", .record = "", .record_paths = PATHS("id"), .want = "found"},
      {.text = "{\"a\":null}", .records = "a", .record = "", .record_paths = PATHS("id"), .want = "found"},
      {.text = "{\"message\":\"no\"}",
       .records = "[]",
       .record = "",
       .record_paths = PATHS("id"),
       .page_paths = PATHS("message"),
       .want = "nothing \"no\""},
      {.text = "{\"a\":[{\"id\":1}]}", .records = "a", .record = "", .want = "0\nfound"});
}

static void the_page_is_read_beside_its_records(void **state) {
  (void)state;
  WALK_ALL({.text = "{\"total\":2,\"r\":[{\"id\":1},{\"id\":2}],\"paging\":{\"next\":{\"after\":\"2\"}}}",
            .records = "r",
            .record = "",
            .record_paths = PATHS("id"),
            .page_paths = PATHS("total", "paging.next.after", "r[-1].id", "r[0].id", "r[].id", "r[7].id", "none"),
            .want = "0 1\n1 2\nfound 2 \"2\" 2 1 {1;2} - -"},
           {.text = "{\"paging.next.after\":\"9\",\"r\":[]}",
            .records = "r",
            .record = "",
            .record_paths = PATHS("id"),
            .page_paths = PATHS("paging.next.after", "r[]"),
            .want = "found \"9\" {}"},
           {.text = "[{\"id\":1},{\"id\":2}]",
            .records = "[]",
            .record = "",
            .record_paths = PATHS("id"),
            .page_paths = PATHS("[-1].id", ""),
            .want = "0 1\n1 2\nfound 2 [{\"id\":1},{\"id\":2}]"});
}

static void records_lie_inside_items(void **state) {
  (void)state;
  WALK_ALL({.text = "{\"rows\":[{\"id\":1,\"doc\":{\"_id\":\"a\",\"t\":[1,2]}},{\"doc\":{\"_id\":\"b\"}}]}",
            .records = "rows",
            .record = "doc",
            .record_paths = PATHS("_id", "t[]", ""),
            .want = "0 \"a\" {1;2} {\"_id\":\"a\",\"t\":[1,2]}\n1 \"b\" - {\"_id\":\"b\"}\nfound"},
           {.text = "[{\"node\":{\"x\":{\"id\":1}}}]",
            .records = "[]",
            .record = "node.x",
            .record_paths = PATHS("id"),
            .page_paths = PATHS("[0].node.x.id"),
            .want = "0 1\nfound 1"},
           {.text = "[{\"no\":1},{\"doc\":null},{\"doc\":{\"id\":1}}]",
            .records = "[]",
            .record = "doc",
            .record_paths = PATHS("id"),
            .want = "0 {\"no\":1} ! 1 an item without a record\n1 {\"doc\":null} ! 10 an item without a record\n2 1\nfound"});
}

static void lists_in_lists_have_parents(void **state) {
  (void)state;
  WALK_ALL(
      {.text =
           "{\"r\":[{\"to\":[{\"x\":1},{\"x\":2}],\"from\":{\"id\":7}},{\"from\":{\"id\":8},\"to\":[{\"x\":3}]},{\"from\":{\"id\":9},\"to\":[]},{}]}",
       .records = "r[].to[]",
       .record = "",
       .record_paths = PATHS("x"),
       .parent_paths = PATHS("from.id", "to[].x"),
       .page_paths = PATHS("r[].from.id", "r[1].to[0].x"),
       .want = "0 1 < 7 {1;2}\n1 2 < 7 {1;2}\n2 3 < 8 {3}\nfound {7;8;9} 3"},
      {.text = "{\"r\":[{\"from.id\":5,\"to\":[{\"x\":[1]},{\"x\":[2,3]}]}]}",
       .records = "r[].to",
       .record = "",
       .record_paths = PATHS("x[]"),
       .parent_paths = PATHS("from.id", ""),
       .want = "0 {1} < 5 {\"from.id\":5,\"to\":[{\"x\":[1]},{\"x\":[2,3]}]}\n1 {2;3} < 5 {\"from.id\":5,\"to\":[{\"x\":[1]},{\"x\":[2,3]}]}\nfound"},
      {.text = "{\"r\":[{\"to\":[1]}]}", .records = "r[].to[]", .record = "", .record_paths = PATHS(""), .want = "0 1\nfound"},
      {.text = "{\"r\":[{\"a\":{\"to\":[1]},\"id\":4}]}",
       .records = "r[].a.to[]",
       .record = "",
       .record_paths = PATHS(""),
       .parent_paths = PATHS("id"),
       .want = "0 1 < 4\nfound"},
      {.text = "[{\"id\":1,\"y\":[{\"z\":[10,11],\"id\":2}]},{\"y\":[{\"id\":3,\"z\":[12]}]}]",
       .records = "[].y[].z[]",
       .record = "",
       .record_paths = PATHS(""),
       .parent_paths = PATHS("id"),
       .want = "0 10 < 2\n1 11 < 2\n2 12 < 3\nfound"},
      {.text = "[[1,2],[3]]",
       .records = "[][]",
       .record = "",
       .record_paths = PATHS(""),
       .parent_paths = PATHS("[-1]"),
       .want = "0 1 < 2\n1 2 < 2\n2 3 < 3\nfound"},
      {.text = "{\"r\":[]}", .records = "r[].to[]", .record = "", .record_paths = PATHS("x"), .parent_paths = PATHS("id"), .want = "found"},
      {.text = "{\"r\":null}", .records = "r[].to[]", .record = "", .record_paths = PATHS("x"), .parent_paths = PATHS("id"), .want = "found"},
      {.text = "{\"q\":[]}", .records = "r[].to[]", .record = "", .record_paths = PATHS("x"), .parent_paths = PATHS("id"), .want = "nothing"},
      {.text = "{\"r\":[{\"id\":1,\"to\":[{\"doc\":{\"x\":1}}]}]}",
       .records = "r[].to[]",
       .record = "doc",
       .record_paths = PATHS("x"),
       .parent_paths = PATHS("id"),
       .want = "0 1 < 1\nfound"},
      {.text = "{\"r\":[{\"id\":1,\"to\":{\"x\":1}}]}",
       .records = "r[].to",
       .record = "",
       .record_paths = PATHS("x"),
       .parent_paths = PATHS("id"),
       .want = "0 1 < 1\nfound"});
}

static void a_broken_record_is_one_record(void **state) {
  (void)state;
  WALK_ALL({.text = "[{\"id\":1},{\"id\":\"\\ud800\"},{\"id\":\"\xff\"},{\"id\":1,\"id\":2},{\"id\":NaN},{\"id\":01},{\"id\":2}]",
            .records = "[]",
            .record = "",
            .record_paths = PATHS("id"),
            .page_paths = PATHS("[].id", "[1].id", "[-1].id", ""),
            .want =
                "0 1\n1 {\"id\":\"\\ud800\"} ! 17 a lone surrogate\n2 {\"id\":\"\xff\"} ! 33 bytes that are not UTF-8\n3 {\"id\":1,\"id\":2} ! 45 "
                "the key appears twice\n"
                "4 {\"id\":NaN} ! 59 NaN and Infinity are no JSON values\n5 {\"id\":01} ! 70 a number with leading zeros\n6 2\nfound {1;2} - 2 -"},
           {.text = "[{\"id\":\"a\nb\"},{\"a\":{\"b\":[\"\\x\"]},\"id\":1}]",
            .records = "[]",
            .record = "",
            .record_paths = PATHS("id"),
            .want = "0 {\"id\":\"a\nb\"} ! 9 a control character in a string\n1 {\"a\":{\"b\":[\"\\x\"]},\"id\":1} ! 26 an unknown escape\nfound"},
           {.text = "{\"r\":[{\"to\":[{\"x\":1},{\"x\":\"\\udc00\"}],\"id\":7},{\"to\":[{\"x\":2}],\"id\":8}]}",
            .records = "r[].to[]",
            .record = "",
            .record_paths = PATHS("x"),
            .parent_paths = PATHS("id", "to[].x", "to", ""),
            .page_paths = PATHS("r[].id", "r[0].to", "r"),
            .want = "0 1 < 7 {1} - -\n1 {\"x\":\"\\udc00\"} ! 27 a lone surrogate < 7 {1} - -\n2 2 < 8 {2} [{\"x\":2}] "
                    "{\"to\":[{\"x\":2}],\"id\":8}\nfound {7;8} - -"},
           {.text = "{\"id\":\"\\ud800\"}",
            .records = "",
            .record = "",
            .record_paths = PATHS("id"),
            .page_paths = PATHS("id", ""),
            .want = "0 {\"id\":\"\\ud800\"} ! 7 a lone surrogate\nfound - -"});
}

static void a_broken_page_ends_the_walk(void **state) {
  (void)state;
  WALK_ALL(
      {.text = "{\"r\":[{\"id\":1},{\"id\":2",
       .records = "r",
       .record = "",
       .record_paths = PATHS("id"),
       .page_paths = PATHS("n"),
       .want = "0 1\n! 22 the text ends too early"},
      {.text = "{\"r\":[{\"id\":1},{\"id\":[}]}", .records = "r", .record = "", .record_paths = PATHS("id"), .want = "0 1\n! 22 not a JSON value"},
      {.text = "{\"r\":[{\"id\":1}{\"id\":2}]}",
       .records = "r",
       .record = "",
       .record_paths = PATHS("id"),
       .want = "0 1\n! 14 a comma or ] is missing in a list"},
      {.text = "{\"r\":[{\"id\":1},]}", .records = "r", .record = "", .record_paths = PATHS("id"), .want = "0 1\n! 15 not a JSON value"},
      {.text = "{\"r\":[{\"id\":1}],\"note\":\"\\ud800\"}",
       .records = "r",
       .record = "",
       .record_paths = PATHS("id"),
       .want = "0 1\n! 24 a lone surrogate"},
      {.text = "{\"r\":[{\"id\":1}],\"r\":[]}", .records = "r", .record = "", .record_paths = PATHS("id"), .want = "0 1\n! 16 the key appears twice"},
      {.text = "{\"r\":[{\"id\":1}]} x",
       .records = "r",
       .record = "",
       .record_paths = PATHS("id"),
       .want = "0 1\n! 17 something stands after the JSON value"},
      {.text = "<html>", .records = "r", .record = "", .record_paths = PATHS("id"), .want = "! 0 not a JSON value"},
      {.text = "", .records = "", .record = "", .record_paths = PATHS("id"), .want = "! 0 the text is empty"});
}

static void a_listener_may_stop(void **state) {
  (void)state;
  WALK_ALL({.text = "[1,2,3]", .records = "[]", .record = "", .record_paths = PATHS(""), .stop_after = 2, .want = "0 1\n1 2\nfound"},
           {.text = "[{\"l\":[1,2]},{\"l\":[3]}]",
            .records = "[].l[]",
            .record = "",
            .record_paths = PATHS(""),
            .parent_paths = PATHS("x"),
            .stop_after = 1,
            .want = "0 1 < -\nfound"},
           {.text = "1\n2\n3", .records = "", .record = "", .record_paths = PATHS(""), .ndjson = true, .stop_after = 2, .want = "0 1\n1 2\ndone"});
}

static void lines_are_records(void **state) {
  (void)state;
  WALK_ALL({.text = "{\"id\":1}\n\r\n  {\"id\":2}  \r\n{\"id\":3}",
            .records = "",
            .record = "",
            .record_paths = PATHS("id"),
            .ndjson = true,
            .want = "0 1\n1 2\n2 3\ndone"},
           {.text = "{\"id\":1}\n{\"id\":\n{\"id\":2} x\n\"\\ud800\"\n{\"id\":4}\n",
            .records = "",
            .record = "",
            .record_paths = PATHS("id"),
            .ndjson = true,
            .want = "0 1\n1 {\"id\": ! 15 the text ends too early\n2 {\"id\":2} x ! 25 something stands after the JSON value\n3 \"\\ud800\" ! 28 a "
                    "lone surrogate\n4 4\ndone"},
           {.text = "{\"doc\":{\"id\":1}}\n{}",
            .records = "",
            .record = "doc",
            .record_paths = PATHS("id"),
            .ndjson = true,
            .want = "0 1\n1 {} ! 17 an item without a record\ndone"},
           {.text = "", .records = "", .record = "", .record_paths = PATHS("id"), .ndjson = true, .want = "done"});
}

static bool count_up(void *self, const peri_page_record *record) {
  uint32_t *count = self;
  if (record->fault) assert_string_equal(record->fault->what, "a record larger than 4 MB");
  ++*count;
  return true;
}

static void ceilings_hold(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_page_walker *walker = peri_page_walker_new(a, &(peri_page_paths){.records = PERI_STR("[]")}, NULL);
  peri_json_fault f;
  for (int over = 0; over < 2; over++) {
    peri_buf b = {0};
    peri_buf_char(&b, '[');
    for (int i = 0; i < PERI_RECORDS_PER_PAGE_MAX + over; i++) peri_buf_c_str(&b, i ? ",1" : "1");
    peri_buf_char(&b, ']');
    uint32_t count = 0;
    peri_arena *scratch = peri_arena_new();
    assert_int_equal(peri_page_walk(walker, peri_buf_view(&b), scratch, NULL, count_up, &count, NULL, &f), !over);
    assert_int_equal(count, PERI_RECORDS_PER_PAGE_MAX);
    if (over) assert_string_equal(f.what, "more than 10,000 records on one page");
    peri_arena_free(scratch);
    peri_buf_fini(&b);
  }
  peri_buf b = {0};
  peri_buf_c_str(&b, "[1,\"");
  char *room = peri_buf_room(&b, PERI_RECORD_BYTES_MAX);
  memset(room, 'x', PERI_RECORD_BYTES_MAX);
  b.n += PERI_RECORD_BYTES_MAX;
  peri_buf_c_str(&b, "\",2]");
  uint32_t count = 0;
  peri_arena *scratch = peri_arena_new();
  assert_true(peri_page_walk(walker, peri_buf_view(&b), scratch, NULL, count_up, &count, NULL, &f));
  assert_int_equal(count, 3);
  peri_arena_free(scratch);
  peri_buf_fini(&b);
  peri_arena_free(a);
}

static void odd_paths_are_refused(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_err e;
  assert_null(peri_page_walker_new(a, &(peri_page_paths){.records = PERI_STR("a[0]")}, &e));
  assert_non_null(strstr(e.text, "a[0]"));
  assert_null(peri_page_walker_new(a, &(peri_page_paths){.records = PERI_STR("a..b")}, &e));
  assert_null(peri_page_walker_new(a, &(peri_page_paths){.records = PERI_STR("a"), .record = PERI_STR("b[]")}, &e));
  assert_non_null(strstr(e.text, "b[]"));
  peri_arena_free(a);
}

int test_json_page(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(records_are_found),
      cmocka_unit_test(the_page_is_read_beside_its_records),
      cmocka_unit_test(records_lie_inside_items),
      cmocka_unit_test(lists_in_lists_have_parents),
      cmocka_unit_test(a_broken_record_is_one_record),
      cmocka_unit_test(a_broken_page_ends_the_walk),
      cmocka_unit_test(a_listener_may_stop),
      cmocka_unit_test(lines_are_records),
      cmocka_unit_test(ceilings_hold),
      cmocka_unit_test(odd_paths_are_refused),
  };
  return cmocka_run_group_tests_name("json/page", tests, NULL, NULL);
}
