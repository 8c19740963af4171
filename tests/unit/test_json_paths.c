/* json/paths: the grammar, slots, and the walk held against a slow reader of the same paths on many small documents. */
#include "test_json.h"

#include "base/mem.h"
#include "json/path.h"
#include "json/paths.h"

static void the_grammar_is_checked(void **state) {
  (void)state;
  static const char *const good[] = {"",      "a",        "a.b.c", "a[0]",   "a[-1].b", "[]", "[].a",    "a[].b[].c", "a[][]", "a b.c d",
                                     "a\\.b", "a\\[0\\]", "\\\\",  "[0][1]", "é.山",    "#",  "a[9999]", "a[-64]",    "\"q\""};
  static const char *const bad[] = {".",
                                    "a.",
                                    ".a",
                                    "a..b",
                                    "a[",
                                    "a[1",
                                    "a[x]",
                                    "a[-]",
                                    "a[-0]",
                                    "a[1]b",
                                    "a.[0]",
                                    "a\\",
                                    "a[10000]",
                                    "a[-65]",
                                    "a[1 ]",
                                    "a[*]",
                                    "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"};
  peri_arena *a = peri_arena_new();
  peri_paths *set = peri_paths_new(a);
  int slot;
  bool many;
  peri_err e;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    if (peri_paths_add(set, peri_str_of(good[i]), &slot, &many, &e)) fail_msg("%s", e.text);
    assert_int_equal(slot, i);
    assert_int_equal(many, strstr(good[i], "[]") != NULL);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (peri_paths_add(set, peri_str_of(bad[i]), &slot, &many, &e) != PERI_INVALID) fail_msg("'%s' was taken", bad[i]);
    assert_non_null(strstr(e.text, bad[i]));
  }
  assert_int_equal(peri_paths_add(set, PERI_STR("a.b.c"), &slot, NULL, NULL), PERI_OK);
  assert_int_equal(slot, 2); /* equal paths share a slot */
  assert_int_equal(peri_paths_count(set), sizeof good / sizeof *good);
  char huge[2000];
  memset(huge, 'k', sizeof huge);
  assert_int_equal(peri_paths_add(set, (peri_str){huge, sizeof huge}, &slot, NULL, &e), PERI_INVALID);
  assert_int_equal(peri_paths_add(set, (peri_str){"a\0b", 3}, &slot, NULL, &e), PERI_INVALID);
  peri_arena_free(a);
}

/* "0=… 1={a;b}" of a walk, or "! fault". */
static void walk(peri_buf *out, const char *const *paths, const char *text) {
  peri_arena *a = peri_arena_new(), *scratch = peri_arena_new();
  peri_paths *set = peri_paths_new(a);
  peri_slot slots[16];
  peri_json_fault f;
  peri_err e;
  int slot;
  for (; *paths; paths++)
    if (peri_paths_add(set, peri_str_of(*paths), &slot, NULL, &e)) fail_msg("%s", e.text);
  peri_str copy = tight(peri_str_of(text));
  peri_buf_clear(out);
  for (int round = 0; round < 3; round++) { /* learning changes nothing */
    peri_buf_clear(out);
    peri_arena_reset(scratch);
    bool ok = peri_paths_walk(set, copy, slots, scratch, &f);
    if (!ok) peri_buf_fmt(out, "! %zu %s", f.offset, f.what);
    for (int i = 0; i < peri_paths_count(set); i++) {
      if (!ok) assert_true(slots[i].one.type == PERI_J_NONE && !slots[i].count && !slots[i].found);
      if (!ok) continue;
      peri_buf_fmt(out, "%s%.*s", i ? " " : "", (int)slots[i].one.n, slots[i].one.p ? slots[i].one.p : "");
      if (slots[i].one.type == PERI_J_NONE && !slots[i].found) peri_buf_char(out, '-');
      if (slots[i].found) peri_buf_char(out, '{');
      for (uint32_t k = 0; k < slots[i].count; k++) peri_buf_fmt(out, "%s%.*s", k ? ";" : "", (int)slots[i].many[k].n, slots[i].many[k].p);
      if (slots[i].found) peri_buf_char(out, '}');
    }
  }
  tight_free(copy);
  peri_arena_free(scratch);
  peri_arena_free(a);
}

#define PATHS(...)                                                                                                                                   \
  (const char *const[]) { __VA_ARGS__, NULL }
#define WALK(paths, text, want)                                                                                                                      \
  do {                                                                                                                                               \
    peri_buf out_ = {0};                                                                                                                             \
    walk(&out_, paths, text);                                                                                                                        \
    if (!peri_str_is(peri_buf_view(&out_), want)) fail_msg("%s gave '%s', wanted '%s'", text, peri_buf_c(&out_), want);                              \
    peri_buf_fini(&out_);                                                                                                                            \
  } while (0)

static void slots_are_filled(void **state) {
  (void)state;
  WALK(PATHS("properties", "properties.email", ""), "{\"properties\":{\"email\":\"x\"}}",
       "{\"email\":\"x\"} \"x\" {\"properties\":{\"email\":\"x\"}}");
  WALK(PATHS("a.b", "a"), "{\"a\":{\"b\":1}}", "1 {\"b\":1}");
  WALK(PATHS("a.b"), "{\"a\":{\"b\":null}}", "null");
  WALK(PATHS("a.b"), "{\"a\":null}", "-");
  WALK(PATHS("a.b"), "{\"a\":[{\"b\":1}]}", "-");
  WALK(PATHS("a.b"), "[]", "-");
  WALK(PATHS("a.b", ""), " 5 ", "- 5");
  WALK(PATHS("a", "b", "c"), "{\"c\":3,\"zz\":{\"a\":9},\"a\":1,\"b\":2}", "1 2 3");
  WALK(PATHS("k\\.x", "q\"q", "é"), "{\"k.x\":1,\"q\\\"q\":2,\"\\u00e9\":3}", "1 2 3");
  WALK(PATHS("a[0]", "a[1]", "a[-1]", "a[-2]", "a[5]", "a[-5]", "a[]"), "{\"a\":[1,2,3]}", "1 2 3 2 - - {1;2;3}");
  WALK(PATHS("a[0]", "a[-1]", "a[]", "a"), "{\"a\":[]}", "- - {} []");
  WALK(PATHS("a[0]", "a[]", "a[].x"), "{\"a\":7}", "- - -");
  WALK(PATHS("a[].b", "a[0].b", "a[-1].b", "a[].b.c"), "{\"a\":[{\"b\":1},{},{\"b\":null},7,{\"b\":{\"c\":2}}]}",
       "{1;null;{\"c\":2}} 1 {\"c\":2} {2}");
  WALK(PATHS("l[].m[]", "l[].m[].x", "l[].m[0].x", "l[].m[-1].x"), "{\"l\":[{\"m\":[{\"x\":1},{\"x\":2}]},{},{\"m\":[{\"x\":3}]}]}",
       "{{\"x\":1};{\"x\":2};{\"x\":3}} {1;2;3} {1;3} {2;3}");
  WALK(PATHS("l[].m[]"), "{\"l\":[]}", "{}");
  WALK(PATHS("[][]", "[][0]", "[0][]", "[-1][-1]"), "[[1,2],[],3,[4]]", "{1;2;4} {1;4} {1;2} 4");
}

static void nested_values_win_over_literal_keys(void **state) {
  (void)state;
  WALK(PATHS("a.b"), "{\"a.b\":1,\"a\":{\"b\":2}}", "2");
  WALK(PATHS("a.b"), "{\"a\":{\"b\":2},\"a.b\":1}", "2");
  WALK(PATHS("a.b"), "{\"a\":{\"b\":null},\"a.b\":1}", "null");
  WALK(PATHS("a.b"), "{\"a\":{\"c\":2},\"a.b\":1}", "1");
  WALK(PATHS("a.b"), "{\"a\":null,\"a.b\":1}", "1");
  WALK(PATHS("a.b"), "{\"a\\u002eb\":1}", "1");
  WALK(PATHS("a.b.c"), "{\"a.b.c\":1,\"a\":{\"b.c\":2}}", "2");
  WALK(PATHS("a.b.c"), "{\"a.b.c\":1,\"a\":{\"b.c\":2,\"b\":{\"c\":3}}}", "3");
  WALK(PATHS("a.b.c"), "{\"a.b\":{\"c\":1}}", "-");
  WALK(PATHS("a\\.b.c"), "{\"a.b\":{\"c\":1}}", "1");
  WALK(PATHS("a.b[0].c.d"), "{\"a.b\":[{\"c.d\":1}]}", "1");
  WALK(PATHS("l[].a.b"), "{\"l\":[{\"a.b\":1},{\"a\":{\"b\":2},\"a.b\":9},{\"a\":{}},{\"a.b\":3,\"a\":{}}]}", "{1;2;3}");
  WALK(PATHS("a.l[].x", "a.l[]"), "{\"a.l\":[{\"x\":9}],\"a\":{\"l\":[{\"x\":1},{}]}}", "{1} {{\"x\":1};{}}");
  WALK(PATHS("a.l[].x", "a.l[]"), "{\"a.l\":[{\"x\":9}],\"a\":{\"l\":[]}}", "{} {}");
  WALK(PATHS("a.l[].x", "a.l[]"), "{\"a.l\":[{\"x\":9}],\"a\":{\"l\":null}}", "{9} {{\"x\":9}}");
  WALK(PATHS("a.b", "a\\.b"), "{\"a.b\":1,\"a\":{\"b\":2}}", "2 1");
}

static void broken_records_are_named(void **state) {
  (void)state;
  WALK(PATHS("a"), "{\"a\":1,\"b\":2,\"b\":3}", "! 13 the key appears twice");
  WALK(PATHS("a.b"), "{\"a\":{\"b\":1,\"c\":2,\"\\u0062\":3}}", "! 18 the key appears twice");
  WALK(PATHS("a"), "{\"a\":1,\"z\":{\"x\":[\"\\ud800\"]}}", "! 18 a lone surrogate");
  WALK(PATHS("a"), "{\"\xff\":1}", "! 2 bytes that are not UTF-8");
  WALK(PATHS("a"), "{\"a\":1} x", "! 8 something stands after the JSON value");
  WALK(PATHS("a"), "{\"a\" 1}", "! 5 a colon is missing after a key");
  WALK(PATHS("a"), "{\"a\":1;}", "! 6 a comma or } is missing in an object");
  WALK(PATHS("a"), "{\"a\":1,}", "! 7 a key in quotes is missing");
  WALK(PATHS("a"), "{\"a\":", "! 5 the text ends too early");
  WALK(PATHS("a[]"), "{\"a\":[1 2]}", "! 8 a comma or ] is missing in a list");
  WALK(PATHS("a"), "", "! 0 the text is empty");
  WALK(PATHS("a"), "\xEF\xBB\xBF{}", "! 0 a byte order mark before the JSON");
}

/* More different keys than a set may learn, in several records; and a key that comes twice among those that were not learned. */
static void what_cannot_be_learned_is_checked_too(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new(), *scratch = peri_arena_new();
  peri_paths *set = peri_paths_new(a);
  peri_slot slots[1];
  peri_json_fault f;
  int slot;
  assert_int_equal(peri_paths_add(set, PERI_STR("last"), &slot, NULL, NULL), PERI_OK);
  for (int record = 0; record < 8; record++)
    for (int twice = 0; twice < 2; twice++) {
      peri_buf b = {0};
      peri_buf_char(&b, '{');
      for (int i = 0; i < 3000; i++) peri_buf_fmt(&b, "\"%d/%d\":%d,", i * 7 % 3000, record, i);
      char long_key[400];
      memset(long_key, 'k', sizeof long_key);
      peri_buf_fmt(&b, "\"%.*s\":1,\"last\":%d,\"0/%d%s\":1}", (int)sizeof long_key, long_key, record, record, twice ? "" : "x");
      peri_str copy = tight(peri_buf_view(&b));
      assert_int_equal(peri_paths_walk(set, copy, slots, scratch, &f), !twice);
      if (twice)
        assert_string_equal(f.what, "the key appears twice");
      else
        assert_int_equal(slots[0].one.type, PERI_J_NUMBER);
      tight_free(copy);
      peri_buf_fini(&b);
      peri_arena_reset(scratch);
    }
  peri_arena_free(scratch);
  peri_arena_free(a);
}

/* ---- the walk against a slow reader ---- */

static uint32_t seed;
static uint32_t rnd(uint32_t below) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % below;
}

static const char *const keys[] = {"a", "b", "c", "a.b", "b.c", "a.b.c", "\\u0061", "a\\u002eb"};

static void any_value(peri_buf *b, int depth) {
  uint32_t kind = rnd(depth > 3 ? 3 : 7);
  if (kind < 2) {
    peri_buf_fmt(b, "%u", rnd(10));
  } else if (kind == 2) {
    peri_buf_c_str(b, rnd(2) ? "null" : "\"x\\n\"");
  } else if (kind < 5) {
    unsigned used = 0;
    peri_buf_char(b, '{');
    for (uint32_t n = rnd(5), first = 1; n; n--) {
      uint32_t k = rnd(8), same = k == 6 ? 0 : k == 7 ? 3 : k;
      if (used >> same & 1) continue;
      used |= 1u << same;
      peri_buf_fmt(b, "%s\"%s\":", first ? "" : rnd(4) ? "," : " , ", keys[k]);
      first = 0;
      any_value(b, depth + 1);
    }
    peri_buf_char(b, '}');
  } else {
    peri_buf_char(b, '[');
    for (uint32_t n = rnd(4), i = 0; i < n; i++) {
      if (i) peri_buf_char(b, ',');
      any_value(b, depth + 1);
    }
    peri_buf_char(b, ']');
  }
}

typedef struct reading {
  peri_span values[4096];
  size_t count;
  bool list; /* a list stood where one was asked for */
} reading;

static void slowly(reading *r, peri_span v, const peri_path *path, int at) {
  if (at == path->count) {
    r->values[r->count++] = v;
    return;
  }
  const peri_step *step = &path->steps[at];
  peri_span e;
  if (step->kind == PERI_STEP_KEY) {
    bool list = r->list;
    size_t before = r->count;
    r->list = false;
    e = peri_span_member(v, step->key);
    if (e.type != PERI_J_NONE) slowly(r, e, path, at + 1);
    int end = peri_path_run_end(path, at);
    if (end > at && r->count == before && !r->list) {
      e = peri_span_member(v, peri_path_joined(path, at, end));
      if (e.type != PERI_J_NONE) slowly(r, e, path, end + 1);
    }
    r->list = r->list || list;
    return;
  }
  if (v.type != PERI_J_ARRAY) return;
  if (step->kind == PERI_STEP_EACH) r->list = true;
  long n = 0, i = 0;
  for (peri_span_iter k = peri_span_open(v); peri_span_next(&k, &e);) n++;
  for (peri_span_iter k = peri_span_open(v); peri_span_next(&k, &e); i++)
    if (step->kind == PERI_STEP_EACH || i == step->index || i - n == step->index) slowly(r, e, path, at + 1);
}

static void the_walk_agrees_with_a_slow_reader(void **state) {
  (void)state;
  static const char *const all[] = {"",         "a",       "a.b",       "a.b.c",    "a\\.b",   "a\\.b.c",   "b.c",       "[0]",        "[-1].a",
                                    "a[0]",     "a[-1]",   "a[1].b.c",  "[].a",     "[].a.b",  "a[]",       "a.b[]",     "a[].b.c",    "[][]",
                                    "[].a[].b", "a.b[].c", "a.b[].b.c", "[].a.b[]", "c[-2].b", "c[].b.c[]", "b[][].a.b", "[0].a[].b.c"};
  enum { ALL = sizeof all / sizeof *all };
  static reading r;
  peri_arena *a = NULL, *scratch = peri_arena_new();
  peri_paths *set = NULL;
  size_t filled = 0;
  for (int round = 0; round < 20000; round++) {
    seed = (uint32_t)round * 2654435761u;
    static bool asked[ALL];
    static int slot_of[ALL];
    if (round % 50 == 0) { /* a new set of a few of the paths */
      peri_arena_free(a);
      a = peri_arena_new();
      set = peri_paths_new(a);
      for (int i = 0; i < ALL; i++) {
        asked[i] = rnd(3) == 0;
        if (asked[i]) assert_int_equal(peri_paths_add(set, peri_str_of(all[i]), &slot_of[i], NULL, NULL), PERI_OK);
      }
    }
    peri_buf b = {0};
    do {
      peri_buf_clear(&b);
      any_value(&b, 0);
    } while (b.n < 40);
    peri_slot slots[ALL];
    peri_str text = tight(peri_buf_view(&b));
    peri_json_fault f;
    peri_span whole;
    if (!peri_json_check(text, &whole, &f)) fail_msg("%s: %s", peri_buf_c(&b), f.what);
    if (!peri_paths_walk(set, text, slots, scratch, &f)) fail_msg("%s: %s", peri_buf_c(&b), f.what);
    for (int i = 0; i < ALL; i++) {
      if (!asked[i]) continue;
      peri_path path;
      assert_true(peri_path_read(&path, peri_str_of(all[i]), NULL));
      r.count = 0;
      r.list = false;
      slowly(&r, whole, &path, 0);
      const peri_slot *slot = &slots[slot_of[i]];
      bool many = strstr(all[i], "[]") != NULL, same;
      if (many) {
        same = slot->count == r.count && slot->found == r.list;
        for (size_t k = 0; same && k < r.count; k++) same = slot->many[k].p == r.values[k].p && slot->many[k].n == r.values[k].n;
      } else {
        same = r.count ? slot->one.p == r.values[0].p && slot->one.n == r.values[0].n && slot->one.type == r.values[0].type
                       : slot->one.type == PERI_J_NONE;
        peri_span at = peri_span_at(whole, peri_str_of(all[i]));
        same = same && at.type == slot->one.type && (at.type == PERI_J_NONE || at.p == slot->one.p);
      }
      if (!same) fail_msg("'%s' in %s (round %d): %u found, wanted %zu", all[i], peri_buf_c(&b), round, slot->count, r.count);
      filled += r.count;
    }
    tight_free(text);
    peri_buf_fini(&b);
    peri_arena_reset(scratch);
  }
  assert_true(filled > 10000); /* the documents do hold what is asked for */
  peri_arena_free(a);
  peri_arena_free(scratch);
}

int test_json_paths(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_grammar_is_checked),
      cmocka_unit_test(slots_are_filled),
      cmocka_unit_test(nested_values_win_over_literal_keys),
      cmocka_unit_test(broken_records_are_named),
      cmocka_unit_test(what_cannot_be_learned_is_checked_too),
      cmocka_unit_test(the_walk_agrees_with_a_slow_reader),
  };
  return cmocka_run_group_tests_name("json/paths", tests, NULL, NULL);
}
