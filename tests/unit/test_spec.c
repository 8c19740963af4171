/* Trees: building, reading, the JSON form both ways. main of spec's tests. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "spec_help.h"

peri_node *tree_of(peri_arena *a, const char *json) {
  peri_json_fault fault;
  peri_err e = {.code = PERI_OK};
  peri_str text = peri_arena_str(a, peri_str_of(json));
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] == '\'') ((char *)(uintptr_t)text.p)[i] = '"';
  peri_json *parsed = peri_json_parse(a, text, &fault);
  if (!parsed) fail_msg("%s at %zu in %s", fault.what, fault.offset, json);
  peri_node *n = peri_node_read(a, parsed, &e);
  if (!n) fail_msg("%s: %s", e.text, json);
  return n;
}

const char *mistake_of(const char *path, const char *json) {
  static char text[PERI_ERROR_TEXT_MAX];
  peri_arena *a = peri_arena_new();
  peri_tree tree = {peri_str_of(path), tree_of(a, json)};
  peri_err e = {.code = PERI_OK, .text = ""};
  int line = 0;
  bool good = peri_spec_check(&tree, &e, &line);
  snprintf(text, sizeof text, "%s", good ? "" : e.text);
  if (!good) {
    assert_int_equal(e.code, PERI_SCRIPT_REFUSED);
    assert_true(text[0] != 0);
    char where[300];
    snprintf(where, sizeof where, "%s:%d: ", path, line);
    assert_memory_equal(text, where, strlen(where));
  }
  peri_arena_free(a);
  return text;
}

void all_fail(const char *path, const struct mistake *list, size_t count) {
  size_t wrong = 0;
  for (size_t i = 0; i < count; i++) {
    const char *found = mistake_of(path, list[i].tree);
    if (!strcmp(found, list[i].text)) continue;
    print_error("tree:     %s\nexpected: %s\ngot:      %s\n\n", list[i].tree, list[i].text, found);
    wrong++;
  }
  assert_int_equal(wrong, 0);
}

void all_pass(const char *path, const char *const *list, size_t count) {
  size_t wrong = 0;
  for (size_t i = 0; i < count; i++) {
    const char *found = mistake_of(path, list[i]);
    if (!*found) continue;
    print_error("tree: %s\ngot:  %s\n\n", list[i], found);
    wrong++;
  }
  assert_int_equal(wrong, 0);
}

/* ---- the JSON form ---- */

static void same_both_ways(const char *json) {
  peri_arena *a = peri_arena_new();
  peri_buf out = {0};
  peri_str text = peri_arena_str(a, peri_str_of(json));
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] == '\'') ((char *)(uintptr_t)text.p)[i] = '"';
  peri_node_put(&out, tree_of(a, json));
  assert_string_equal(peri_buf_c(&out), text.p);
  peri_buf_fini(&out);
  peri_arena_free(a);
}

static void json_keeps_everything(void **state) {
  (void)state;
  static const char *const forms[] = {"null",
                                      "true",
                                      "false",
                                      "0",
                                      "-9223372036854775808",
                                      "9223372036854775807",
                                      "'text'",
                                      "''",
                                      "[]",
                                      "[1,[2],'a']",
                                      "{'d':1}",
                                      "{'d':0.5}",
                                      "{'d':'inf'}",
                                      "{'d':'-inf'}",
                                      "{'d':'nan'}",
                                      "{'m':[]"
                                      ",'l':3}",
                                      "{'m':['a',1,'b',null]}",
                                      "{'m':['a',1],'i':[2,3]}",
                                      "{'m':[{'k':'404'},'skip','404','stop'],'l':7}",
                                      "{'x':'ff00'}",
                                      "{'m':[{'x':'fe'},1]}",
                                      "{'f':3,'l':9}",
                                      "{'f':0,'l':9,'s':'ab12'}",
                                      "{'j':['/a/',{'w':'setting','l':2,'q':4,'a':'x'}],'l':2}",
                                      "{'w':'since','l':1}",
                                      "{'w':'email','l':4,'q':12,'a':['a','b'],'o':{'m':['required',true]}}",
                                      "{'w':'cursor','q':4294967295,'o':[]}"};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) same_both_ways(forms[i]);
}

static void numbers_stay_apart(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  assert_int_equal(tree_of(a, "1")->type, PERI_N_INT);
  assert_int_equal(tree_of(a, "{'d':1}")->type, PERI_N_NUM);
  assert_true(isnan(tree_of(a, "{'d':'nan'}")->u.d));
  assert_int_equal(tree_of(a, "{'x':'00ff'}")->u.text.n, 2);
  peri_arena_free(a);
}

static void broken_forms_are_refused(void **state) {
  (void)state;
  static const char *const forms[] = {"{}",
                                      "{'w':''}",
                                      "{'w':1}",
                                      "{'w':'a','l':-1}",
                                      "{'w':'a','l':'x'}",
                                      "{'w':'a','q':4294967296}",
                                      "{'w':'a','o':3}",
                                      "{'w':'a','z':1}",
                                      "{'m':['a']}",
                                      "{'m':3}",
                                      "{'m':[1,2]}",
                                      "{'m':[],'i':3}",
                                      "{'m':[],'y':1}",
                                      "{'j':3}",
                                      "{'j':[],'x':1}",
                                      "{'f':-1}",
                                      "{'f':'a'}",
                                      "{'f':1,'z':2}",
                                      "{'d':true}",
                                      "{'d':'much'}",
                                      "{'d':1,'l':2}",
                                      "{'x':'f'}",
                                      "{'x':'zz'}",
                                      "{'x':3}",
                                      "{'m':[{'k':3},1]}",
                                      "{'m':[{'k':'a','z':1},1]}",
                                      "1.5",
                                      "9223372036854775808",
                                      "{'k':'a'}",
                                      "[{}]",
                                      "{'w':'a','a':{}}",
                                      "{'f':1,'s':2}"};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    peri_err e = {.code = PERI_OK};
    char text[128];
    snprintf(text, sizeof text, "%s", forms[i]);
    for (char *p = text; *p; p++)
      if (*p == '\'') *p = '"';
    peri_json *json = peri_json_parse(a, peri_str_of(text), &fault);
    assert_non_null(json);
    if (peri_node_read(a, json, &e)) fail_msg("accepted: %s", forms[i]);
    assert_int_equal(e.code, PERI_INVALID);
    peri_arena_free(a);
  }
}

static void deep_trees_mark_the_buffer(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_buf out = {0};
  peri_node *n = peri_node_new(a, PERI_N_TABLE);
  peri_node_push(a, n, n); /* a table that holds itself */
  peri_node_put(&out, n);
  assert_true(out.over);
  peri_buf_fini(&out);
  /* shared nodes, doubled forty times, end at the ceiling and soon */
  peri_buf small = {.max = 10000};
  peri_node *top = peri_node_of_text(a, PERI_STR("x"));
  for (int i = 0; i < 38; i++) {
    peri_node *pair = peri_node_new(a, PERI_N_TABLE);
    peri_node_push(a, pair, top);
    peri_node_push(a, pair, top);
    top = pair;
  }
  peri_node_put(&small, top);
  assert_true(small.over);
  peri_err e;
  int line;
  peri_tree tree = {PERI_STR("a.lua"), top};
  assert_false(peri_spec_check(&tree, &e, &line));
  assert_string_equal(e.text, "a.lua:1: this file is refused: it has too many values");
  tree.root = n;
  assert_false(peri_spec_check(&tree, &e, &line));
  assert_string_equal(e.text, "a.lua:1: this file is refused: its words and tables are nested too deeply");
  tree.root = NULL;
  assert_false(peri_spec_check(&tree, &e, &line));
  assert_string_equal(e.text, "a.lua:1: the file gives nothing, where a connector, a mapping or an emulator is wanted");
  peri_buf_fini(&small);
  peri_arena_free(a);
}

/* What the check lets through must come back from its JSON form. */
static void deepest_good_tree_travels(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_node *n = peri_node_of_text(a, PERI_STR("x"));
  for (int i = 0; i < PERI_TREE_DEPTH_MAX; i++) {
    peri_node *w = peri_node_new(a, PERI_N_WORD);
    w->word = PERI_STR("when");
    w->opts = peri_node_new(a, PERI_N_TABLE);
    peri_node_set(a, w->opts, PERI_STR("otherwise"), n);
    n = w;
  }
  peri_buf out = {0};
  peri_node_put(&out, n);
  assert_false(out.over);
  peri_json_fault fault;
  peri_err e;
  peri_json *json = peri_json_parse(a, peri_buf_view(&out), &fault);
  assert_non_null(json);
  assert_non_null(peri_node_read(a, json, &e));
  peri_buf_fini(&out);
  peri_arena_free(a);
}

/* ---- accessors ---- */

static void reading_nodes(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_node *n =
      tree_of(a, "{'w':'get','a':'/x','o':{'m':['records','data','pages',{'m':['most',200],'i':['again']},'etag',true,'batch',{'d':100},'cost',2]}}");
  assert_true(peri_node_is(n, "get"));
  assert_false(peri_node_is(n, "post"));
  assert_true(peri_str_is(peri_node_opt_text(n, "records"), "data"));
  assert_true(peri_str_is(peri_node_opt_text(n, "pages"), "again"));
  assert_int_equal(peri_node_opt_int(peri_node_get(n, "pages"), "most", 0), 200);
  assert_int_equal(peri_node_opt_int(n, "batch", 0), 100);
  assert_int_equal(peri_node_opt_int(n, "cost", 1), 2);
  assert_int_equal(peri_node_opt_int(n, "none", 7), 7);
  assert_true(peri_node_opt_bool(n, "etag", false));
  assert_true(peri_node_opt_bool(n, "none", true));
  assert_null(peri_node_get(NULL, "a"));
  assert_null(peri_node_get(peri_node_get(n, "none"), "a"));
  assert_null(peri_node_value(NULL));
  assert_int_equal(peri_node_text(NULL).n, 0);
  assert_int_equal(peri_node_text(n).n, 0);
  peri_arena_free(a);
}

static void setting_members(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_node *t = tree_of(a, "{'m':['a',1,'b',2,'c',3]}");
  peri_node_set(a, t, PERI_STR("b"), peri_node_of_text(a, PERI_STR("two")));
  assert_int_equal(t->member_count, 3);
  assert_true(peri_str_is(peri_node_text(peri_node_get(t, "b")), "two"));
  char keys[64][16];
  for (int i = 0; i < 64; i++) {
    snprintf(keys[i], sizeof keys[i], "k%d", i);
    peri_node_set(a, t, peri_str_of(keys[i]), peri_node_new(a, PERI_N_NULL));
    peri_node_push(a, t, peri_node_new(a, PERI_N_NULL));
  }
  assert_int_equal(t->member_count, 67);
  assert_int_equal(t->item_count, 64);
  assert_true(peri_str_is(t->members[66].key, "k63"));
  peri_node_set_key(a, t, PERI_STR("k63"), false, peri_node_new(a, PERI_N_NULL));
  assert_int_equal(t->member_count, 68); /* a number's key is another key than the text that looks like it */
  peri_arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(json_keeps_everything),
                                     cmocka_unit_test(numbers_stay_apart),
                                     cmocka_unit_test(broken_forms_are_refused),
                                     cmocka_unit_test(deep_trees_mark_the_buffer),
                                     cmocka_unit_test(deepest_good_tree_travels),
                                     cmocka_unit_test(reading_nodes),
                                     cmocka_unit_test(setting_members)};
  int failed = cmocka_run_group_tests_name("spec: trees", tests, NULL, NULL);
  failed += run_words();
  failed += run_files();
  failed += run_mistakes();
  return failed ? 1 : 0;
}
