/* script: functions are called with values and give values; what they give is checked; failures have a place; a state survives. */
#include "test_script.h"

#include <stdio.h>
#include <string.h>

static int body(bench *b, const char *text) {
  peri_err e;
  int fn = 0, line;
  if (peri_script_body(b->s, PERI_STR("body"), peri_str_of(text), "value, second", &fn, &e, &line) != PERI_OK) fail_msg("%s: %s", text, e.text);
  return fn;
}

static void values_keep_their_type(void **state) {
  (void)state;
  bench b = bench_new();
  peri_caller *c = peri_script_caller(b.s);
  int fn = body(&b, "return value, second");
  peri_value list_items[3] = {{.type = PERI_V_INT, .u.i = 1}, {.type = PERI_V_NULL}, {.type = PERI_V_TEXT, .u.s = PERI_STR("x")}};
  peri_value in[] = {{.type = PERI_V_NULL},
                     {.type = PERI_V_BOOL, .u.b = true},
                     {.type = PERI_V_INT, .u.i = INT64_MIN},
                     {.type = PERI_V_NUM, .u.d = 0.1},
                     {.type = PERI_V_TEXT, .u.s = PERI_STR("a\0b\xc3\xa9")},
                     {.type = PERI_V_LIST, .u.list = {list_items, 3}},
                     {.type = PERI_V_LIST, .u.list = {NULL, 0}}};
  for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
    peri_value out[2];
    peri_call_fault fault;
    if (!c->call(c, fn, &in[i], 1, out, b.a, &fault)) fail_msg("%s", fault.text);
    assert_int_equal(out[0].type, in[i].type);
    assert_int_equal(out[1].type, PERI_V_NULL);
    if (in[i].type == PERI_V_INT) assert_true(out[0].u.i == INT64_MIN);
    if (in[i].type == PERI_V_NUM) assert_true(out[0].u.d == 0.1);
    if (in[i].type == PERI_V_TEXT) assert_true(peri_str_eq(out[0].u.s, in[i].u.s));
    if (in[i].type == PERI_V_LIST) assert_int_equal(out[0].u.list.count, in[i].u.list.count);
    if (in[i].type == PERI_V_LIST && out[0].u.list.count) assert_int_equal(out[0].u.list.items[1].type, PERI_V_NULL);
  }
  bench_free(&b);
}

static void json_goes_through_without_loss(void **state) {
  (void)state;
  static const char *const same[] = {
      "{\"a\":[],\"b\":{},\"c\":null,\"d\":[null,1],\"e\":1.5,\"f\":\"\\u0000x\",\"g\":true}", "[[],{},[[]],[{}]]", "9223372036854775807", "-9223372036854775808",
      "\"18446744073709551616\"", "0.1", "\"äé€😀\"", "[1,[2,[3,[4]]]]", "{\"\":{\" \":1}}"};
  bench b = bench_new();
  int fn = body(&b, "return value");
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    peri_buf out = {0};
    peri_call_fault fault;
    peri_str arg = peri_str_of(same[i]);
    if (peri_script_call_json(b.s, fn, &arg, 1, &out, &fault) != PERI_OK) fail_msg("%s: %s", same[i], fault.text);
    assert_str(peri_buf_view(&out), same[i]);
    peri_buf_fini(&out);
  }
  assert_str(bench_body(&b, "encode(decode(value))", "{\"b\":1,\"a\":18446744073709551616,\"c\":1e400}"), "\"{\\\"a\\\":\\\"18446744073709551616\\\",\\\"b\\\":1,\\\"c\\\":\\\"1e400\\\"}\"");
  assert_str(bench_body(&b, "{ math.type(decode('1')), math.type(decode('1.0')), decode('null') == null, encode({}), encode(decode('[]')) }", ""),
             "[\"integer\",\"float\",true,\"{}\",\"[]\"]");
  assert_str(bench_body(&b, "decode('[1,]')", ""), "ERROR script_error: decode: line 1, column 4: not a JSON value near ]");
  bench_free(&b);
}

static void results_are_checked(void **state) {
  (void)state;
  static const char *const refused[][2] = {
      {"return 0/0", "it returns a number that is not finite; a function returns texts, numbers, true, false, nil, lists and objects"},
      {"return print", "it returns a function; a function returns texts, numbers, true, false, nil, lists and objects"},
      {"return '\\xff'", "it returns a text that is not valid UTF-8; a function returns texts, numbers, true, false, nil, lists and objects"},
      {"return {1, x = 2}",
       "it returns a table that is neither a list (1 to n, without holes) nor an object (names only); a function returns texts, numbers, true, false, nil, lists and objects"},
      {"return email", "it returns a word; a function returns texts, numbers, true, false, nil, lists and objects"},
  };
  bench b = bench_new();
  peri_caller *c = peri_script_caller(b.s);
  peri_value v = {.type = PERI_V_NULL}, out[2];
  peri_call_fault fault;
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    assert_false(c->call(c, body(&b, refused[i][0]), &v, 1, out, b.a, &fault));
    assert_int_equal(fault.code, PERI_SCRIPT_ERROR);
    assert_string_equal(fault.text, refused[i][1]);
    assert_string_equal(fault.file, "body");
    assert_int_equal(fault.line, 1);
  }
  /* the second result: a reason is kept, gsub's count is no trouble, a table is not looked at */
  assert_true(c->call(c, body(&b, "return nil, 'no country'"), &v, 1, out, b.a, &fault));
  assert_int_equal(out[0].type, PERI_V_NULL);
  assert_str(out[1].u.s, "no country");
  assert_true(c->call(c, body(&b, "return ('aa'):gsub('a', 'b')"), &v, 1, out, b.a, &fault));
  assert_str(out[0].u.s, "bb");
  assert_true(c->call(c, body(&b, "return 1, print"), &v, 1, out, b.a, &fault));
  assert_true(c->call(c, body(&b, "return { a = { 1, { b = null } } }"), &v, 1, out, b.a, &fault));
  assert_int_equal(out[0].type, PERI_V_JSON);
  assert_str(out[0].u.s, "{\"a\":[1,{\"b\":null}]}");
  assert_true(c->call(c, body(&b, "local out = {} return out"), &v, 1, out, b.a, &fault));
  assert_int_equal(out[0].type, PERI_V_LIST);
  assert_true(c->call(c, body(&b, "return decode('{}')"), &v, 1, out, b.a, &fault));
  assert_int_equal(out[0].type, PERI_V_JSON);
  assert_false(c->call(c, 9999, &v, 1, out, b.a, &fault));
  bench_free(&b);
}

static void failures_have_a_place(void **state) {
  (void)state;
  bench b = bench_new();
  peri_err e;
  int line;
  peri_tree tree;
  const char *source = "local function deep(v)\n  return v.x.y\nend\n"
                       "return mapping 'x' {\n  f = function(v)\n    return deep(v)\n  end,\n"
                       "  g = function(v) error('said ' .. v) end,\n  h = function(v)\n    while true do end\n  end,\n"
                       "  i = function(v) error({ message = 'from a table' }) end,\n}";
  peri_script_file(b.s, PERI_STR("mappings/a/b.lua"), peri_str_of(source), &e, &line);
  if (peri_script_load(b.s, PERI_STR("mappings/a/b.lua"), b.a, &tree, &e, &line) != PERI_OK) fail_msg("%s", e.text);
  peri_caller *c = peri_script_caller(b.s);
  peri_value v = {.type = PERI_V_TEXT, .u.s = PERI_STR("it")}, out[2];
  peri_call_fault fault;
  assert_false(c->call(c, peri_node_get(tree.root, "f")->u.fn, &v, 1, out, b.a, &fault));
  assert_string_equal(fault.text, "attempt to index a nil value (field 'x')");
  assert_string_equal(fault.file, "mappings/a/b.lua");
  assert_int_equal(fault.line, 2);
  assert_false(c->call(c, peri_node_get(tree.root, "g")->u.fn, &v, 1, out, b.a, &fault));
  assert_string_equal(fault.text, "said it");
  assert_int_equal(fault.line, 8);
  assert_false(c->call(c, peri_node_get(tree.root, "h")->u.fn, &v, 1, out, b.a, &fault));
  assert_int_equal(fault.code, PERI_SCRIPT_TIMEOUT);
  assert_int_equal(fault.line, 10);
  assert_false(c->call(c, peri_node_get(tree.root, "i")->u.fn, &v, 1, out, b.a, &fault));
  assert_string_equal(fault.text, "from a table");
  assert_int_equal(peri_node_get(tree.root, "h")->line, 9);
  assert_false(c->broken);
  bench_free(&b);
}

static void a_hoarder_breaks_its_state_only_if_it_keeps(void **state) {
  (void)state;
  peri_script_limits limits = {.call_ms = 1000, .vm_bytes = 8u << 20};
  bench b = {peri_script_new(&limits), peri_arena_new()};
  peri_caller *c = peri_script_caller(b.s);
  peri_value v = {.type = PERI_V_NULL}, out[2];
  peri_call_fault fault;
  assert_false(c->call(c, body(&b, "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"), &v, 1, out, b.a, &fault));
  assert_int_equal(fault.code, PERI_SCRIPT_MEMORY);
  assert_string_equal(fault.text, "it used more than the 8 MB that a run's scripts may have");
  assert_false(c->broken);
  assert_true(c->call(c, body(&b, "return 1"), &v, 1, out, b.a, &fault));
  assert_true(peri_script_peak_bytes(b.s) < (size_t)10 << 20);
  int keeps = body(&b, "function(v) t = t or 1 end"); /* a global: refused, so nothing is kept that way */
  assert_false(c->call(c, keeps, &v, 1, out, b.a, &fault));
  peri_err e;
  int line;
  peri_tree tree;
  peri_script_file(b.s, PERI_STR("m.lua"), PERI_STR("local t = {} return mapping 'x' { f = function() for i = 1, 1e9 do t[#t + 1] = ('x'):rep(1000) .. i end end }"), &e, &line);
  assert_int_equal(peri_script_load(b.s, PERI_STR("m.lua"), b.a, &tree, &e, &line), PERI_OK);
  assert_false(c->call(c, peri_node_get(tree.root, "f")->u.fn, &v, 1, out, b.a, &fault));
  assert_int_equal(fault.code, PERI_SCRIPT_MEMORY);
  assert_true(c->broken);
  assert_false(c->call(c, keeps, &v, 1, out, b.a, &fault));
  assert_int_equal(fault.code, PERI_SCRIPT_MEMORY);
  bench_free(&b);
}

static void bodies_may_be_expressions_statements_or_functions(void **state) {
  (void)state;
  bench b = bench_new();
  assert_str(bench_body(&b, "value:upper()", "a"), "\"A\"");
  assert_str(bench_body(&b, "return value:upper()", "a"), "\"A\"");
  assert_str(bench_body(&b, "local v = value -- a comment\nif v == 'a' then return 1 end return 2 -- end", "a"), "1");
  assert_str(bench_body(&b, "function(v) return v .. '!' end", "a"), "\"a!\"");
  assert_str(bench_body(&b, "  ", "a"), "body: it is empty");
  assert_str(bench_body(&b, "return value +", "a"), "body:1: unexpected symbol near <eof>");
  assert_str(bench_body(&b, "return value\n + zzzzzz", "a"), "ERROR script_error: unknown word 'zzzzzz' (a local is missing, or see perilune help)");
  bench_free(&b);
}

static void javascript_is_shown_in_lua(void **state) {
  (void)state;
  static const char *const list[][2] = {
      {"value.toUpperCase()", "return value:upper()"},
      {"return value.trim().toLowerCase();", "return value:match(\"^%s*(.-)%s*$\"):lower()"},
      {"value === 'a' ? 1 : 2", "return value == 'a' and 1 or 2"},
      {"v => v && v.length > 3", "local v = value return v and #v > 3"},
      {"(value) => Math.floor(Number(value) / 2)", "return math.floor(tonumber(value) / 2)"},
      {"value !== null || !value", "return value ~= nil or not value"},
      {"'Mr. ' + value", NULL},
      {"`Mr. ${value}`", ""},
      {"value.replace(/a/g, 'b')", ""},
  };
  bench b = bench_new();
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
    peri_str got = bench_body(&b, list[i][0], "x");
    if (!list[i][1]) continue; /* `+` on texts is no JavaScript for sure: Lua's own error says enough */
    peri_str want = *list[i][1] ? peri_arena_fmt(b.a, "body: this is JavaScript; in Lua it reads: %s", list[i][1]) : PERI_STR("body: this is JavaScript; Lua writes");
    if (*list[i][1] ? !peri_str_eq(got, want) : !peri_str_starts(got, want)) fail_msg("%s: %.*s", list[i][0], PERI_S(got));
  }
  static const char *const lua[] = {"'a!b?c' .. \"d => e\"", "value ~= nil and value or 'x'", "{ length = 3 }", "('a'):gsub('%?', '!')", "-- what? no!\nreturn 1", "1 // 2"};
  for (size_t i = 0; i < sizeof lua / sizeof lua[0]; i++)
    if (peri_str_starts(bench_body(&b, lua[i], "x"), PERI_STR("body: this is JavaScript"))) fail_msg("%s is Lua", lua[i]);
  bench_free(&b);
}

static char printed[200];
static void note(void *self, peri_str text) {
  (void)self;
  snprintf(printed, sizeof printed, "%.*s", PERI_S(text));
}

static void print_goes_to_the_log(void **state) {
  (void)state;
  bench b = bench_new();
  peri_script_on_log(b.s, note, NULL);
  bench_body(&b, "print('a', 1, nil, {}, '\\27[2J\\n\\xff')", "");
  assert_string_equal(printed, "a 1 nil table \\x1B[2J \\xFF");
  bench_free(&b);
}

static void make_gives_streams(void **state) {
  (void)state;
  bench b = bench_new();
  peri_err e;
  int line;
  peri_tree tree;
  peri_script_file(b.s, PERI_STR("c.lua"),
                   PERI_STR("local function crm(n, p) return stream(n) { key = 'id', full = get('/x/' .. p) } end\n"
                            "return connector 'x' { more = { make = function(item, parent)\n"
                            "  if item.custom then return crm(item.name, item.id) end\n"
                            "  if item.lost then text 'a' return crm('x', 'y') end\n"
                            "  if item.bad then return item.bad.x.y end\n"
                            "end } }"),
                   &e, &line);
  if (peri_script_load(b.s, PERI_STR("c.lua"), b.a, &tree, &e, &line) != PERI_OK) fail_msg("%s", e.text);
  int fn = peri_node_get(peri_node_get(tree.root, "more"), "make")->u.fn;
  peri_node *node;
  peri_call_fault fault;
  if (peri_script_make(b.s, fn, PERI_STR("{\"custom\":true,\"name\":\"boat\",\"id\":\"2-7\"}"), PERI_STR("null"), b.a, &node, &fault) != PERI_OK) fail_msg("%s", fault.text);
  assert_true(peri_node_is(node, "stream"));
  assert_str(peri_node_text(node->what), "boat");
  assert_str(peri_node_text(peri_node_get(node, "full")->what), "/x/2-7");
  assert_int_equal(peri_script_make(b.s, fn, PERI_STR("{}"), PERI_STR(""), b.a, &node, &fault), PERI_OK);
  assert_null(node);
  assert_int_equal(peri_script_make(b.s, fn, PERI_STR("{\"lost\":1}"), PERI_STR(""), b.a, &node, &fault), PERI_SCRIPT_ERROR);
  assert_string_equal(fault.text, "c.lua:4: this text is made but never used (the same name written twice?)");
  assert_int_equal(fault.line, 4);
  assert_int_equal(peri_script_make(b.s, fn, PERI_STR("{\"bad\":{}}"), PERI_STR(""), b.a, &node, &fault), PERI_SCRIPT_ERROR);
  assert_string_equal(fault.text, "attempt to index a nil value (field 'x')");
  assert_int_equal(fault.line, 5);
  bench_free(&b);
}

int test_script_calls(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(values_keep_their_type),
                                     cmocka_unit_test(json_goes_through_without_loss),
                                     cmocka_unit_test(results_are_checked),
                                     cmocka_unit_test(failures_have_a_place),
                                     cmocka_unit_test(a_hoarder_breaks_its_state_only_if_it_keeps),
                                     cmocka_unit_test(bodies_may_be_expressions_statements_or_functions),
                                     cmocka_unit_test(javascript_is_shown_in_lua),
                                     cmocka_unit_test(print_goes_to_the_log),
                                     cmocka_unit_test(make_gives_streams)};
  return cmocka_run_group_tests_name("script calls", tests, NULL, NULL);
}
