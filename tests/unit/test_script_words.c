/* script: files become trees; mistakes get the sentence that the language promises. */
#include "test_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_mapping_becomes_a_tree(void **state) {
  (void)state;
  bench b = bench_new();
  peri_str got = bench_load(&b, "mappings/a/b.lua",
                            "return mapping \"contact\" {\n"
                            "  from = \"a.b\",\n"
                            "  fields = {\n"
                            "    zebra = email \"mail\" { required = true },\n"
                            "    home  = { city = text \"city\", area = text { \"a\", \"b\" } { join = \" \" } },\n"
                            "    alpha = rest \"props\",\n"
                            "  },\n"
                            "  odd = { [404] = \"skip\", [true] = 1.5, null, -3 },\n"
                            "}\n");
  assert_str(got,
             "{\"w\":\"mapping\",\"l\":1,\"q\":1,\"a\":\"contact\",\"o\":{\"m\":["
             "\"fields\",{\"m\":[\"zebra\",{\"w\":\"email\",\"l\":4,\"q\":2,\"a\":\"mail\",\"o\":{\"m\":[\"required\",true]}},"
             "\"home\",{\"m\":[\"city\",{\"w\":\"text\",\"l\":5,\"q\":3,\"a\":\"city\"},\"area\",{\"w\":\"text\",\"l\":5,\"q\":4,\"a\":[\"a\",\"b\"],"
             "\"o\":{\"m\":[\"join\",\" \"]}}]},\"alpha\",{\"w\":\"rest\",\"l\":6,\"q\":5,\"a\":\"props\"}]},"
             "\"from\",\"a.b\",\"odd\",{\"m\":[{\"k\":\"404\"},\"skip\",{\"k\":\"true\"},{\"d\":1.5}],\"i\":[null,-3]}]}}");
  bench_free(&b);
}

static void holes_join(void **state) {
  (void)state;
  bench b = bench_new();
  peri_arena *a = b.a;
  peri_err e;
  int line;
  peri_tree tree;
  const char *source = "local base = setting 'objects'\n"
                       "return connector 'x' {\n"
                       "  check = get(base .. '/a/' .. record 'id' .. '/' .. 7) { query = { since = since, q = 'x' .. wanted, m = wanted 'p' { most = '5KB' } } },\n"
                       "}";
  assert_int_equal(peri_script_file(b.s, PERI_STR("connectors/x.lua"), peri_str_of(source), &e, &line), PERI_OK);
  if (peri_script_load(b.s, PERI_STR("connectors/x.lua"), a, &tree, &e, &line) != PERI_OK) fail_msg("%s", e.text);
  peri_node *check = peri_node_get(tree.root, "check");
  assert_true(peri_node_is(check, "get"));
  assert_int_equal(check->what->type, PERI_N_JOIN);
  assert_int_equal(check->what->item_count, 4);
  assert_true(peri_node_is(check->what->items[0], "setting"));
  assert_str(peri_node_text(check->what->items[1]), "/a/");
  assert_true(peri_node_is(check->what->items[2], "record"));
  assert_str(peri_node_text(check->what->items[3]), "/7");
  peri_node *query = peri_node_get(check, "query");
  assert_true(peri_node_is(peri_node_get(query, "since"), "since"));
  assert_int_equal(peri_node_get(query, "q")->type, PERI_N_JOIN);
  assert_str(peri_node_opt_text(peri_node_get(query, "m"), "most"), "5KB");
  bench_free(&b);
}

typedef struct mistake {
  const char *source, *says;
} mistake;

static void mistakes_say_what_to_do(void **state) {
  (void)state;
  static const mistake list[] = {
      {"return mapping 'x' { from = 'a.b', fields = {\n a = emial 'x' } }", "m/x.lua:2: unknown word 'emial' (did you mean 'email'?)"},
      {"return mapping 'x' {\n from = settng 'a' }", "m/x.lua:2: unknown word 'settng' (did you mean 'setting'?)"},
      {"return mapping 'x' { fields = {\n a = email 'x',\n a = email 'y' } }", "m/x.lua:2: this email is made but never used (the same name written twice?)"},
      {"return mapping 'x' { fields = {\n\n a = text { max = 1 } } }", "m/x.lua:3: text wants a path or a list of paths before its options"},
      {"return connector 'x' {\n check = get { query = {} } }", "m/x.lua:2: get wants a path before its options"},
      {"return mapping { from = 'a.b' }", "m/x.lua:1: mapping wants a name before its options"},
      {"return mapping 'x' { rules = {\n rule 'a' { need = 'any' } { need = 'all' } } }",
       "m/x.lua:2: rule already has its options; a comma is missing before this {"},
      {"return mapping 'x' { fields = { a = text 'a' 'b' } }", "m/x.lua:1: text already has what it reads; a comma is missing before this text"},
      {"local p = 'contacts'\nreturn connector 'x' { check = get '/crm/' .. p { query = {} } }",
       "m/x.lua:2: the text \"contacts\" is called; parentheses are missing around the words before {"},
      {"return connector 'x' { check = get '/crm/' .. record 'id' }",
       "m/x.lua:1: get does not join with ..; put what it reads into parentheses: get(… .. …) { … }"},
      {"return connector 'x' { base = setting('a').b }", "m/x.lua:1: setting is a hole that is filled when the request is sent; it can't be read here"},
      {"return connector 'x' { base = #since }", "m/x.lua:1: since is a hole that is filled when the request is sent; it can't be read here"},
      {"return connector 'x' { base = tostring(record 'a') }", "m/x.lua:1: record is a hole that is filled when the request is sent; it can't be read here"},
      {"local t = text 'a'\nt.max = 3", "m/x.lua:2: text is made; a made word can't be changed"},
      {"x = 1", "m/x.lua:1: 'x' can't be written here: globals and libraries are frozen; write local x = …"},
      {"return mapping 'x' { pages = cursor 'a' }", "m/x.lua:1: cursor takes only options: cursor { … }"},
      {"return mapping 'x' {\n key = id }", "m/x.lua:1: id stands alone; it reads something: id \"…\""},
      {"return mapping 'x' { a = text(nil) }", "m/x.lua:1: text wants a path or a list of paths, but is given nil (is a local misspelt, or defined below?)"},
      {"local x <close> = nil", "m/x.lua:1: <close> is not for scripts"},
      {"\n\nfor a, b in f(), 1, 2, 3 do end", "m/x.lua:3: a fourth value after 'in' is not for scripts"},
      {"local x =\n = 3", "m/x.lua:2: unexpected symbol near '='"},
      {"local t = nil\nreturn t.x", "m/x.lua:2: attempt to index a nil value (local 't')"},
      {"error('own words')", "m/x.lua:1: own words"},
      {"\nerror({ message = 'in a table' })", "m/x.lua:2: in a table"},
      {"local x = 1", "m/x.lua: it returns nothing; a file ends with return connector, return mapping or return emulator"},
      {"return text 'a'", "m/x.lua: a file returns one connector, mapping or emulator"},
      {"return require 'x'", "m/x.lua:1: unknown word 'require' (use \"name\" gives what lib/name.lua returns)"},
      {"io.open('x')", "m/x.lua:1: 'io' is not for scripts: they get values, not powers"},
      {"return mapping 'x' { a = { b = { function() end, coroutine.create(print) } } }", "m/x.lua:1: a coroutine can't stand in what a file returns"},
  };
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
    bench b = bench_new();
    peri_str got = bench_load(&b, "m/x.lua", list[i].source);
    if (!peri_str_is(got, list[i].says)) fail_msg("%s\n  says   %.*s\n  wanted %s", list[i].source, PERI_S(got), list[i].says);
    bench_free(&b);
  }
}

static void long_paths_are_whole(void **state) {
  (void)state;
  bench b = bench_new();
  const char *path = "mappings/@a-customer-with-a-rather-long-name/another-folder/contact-and-more.lua";
  peri_str want = peri_arena_fmt(b.a, "%s:2: attempt to call a nil value (local 'f')", path);
  assert_str(bench_load(&b, path, "local f\nf()"), want.p);
  want = peri_arena_fmt(b.a, "%s:2: <eof> expected near 'end'", path);
  assert_str(bench_load(&b, path, "\nend"), want.p);
  bench_free(&b);
}

static void source_is_looked_at_first(void **state) {
  (void)state;
  bench b = bench_new();
  peri_err e;
  int line;
  char *big = malloc(PERI_SOURCE_BYTES_MAX + 2);
  memset(big, ' ', PERI_SOURCE_BYTES_MAX + 2);
  peri_str path = PERI_STR("a.lua");
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, PERI_SOURCE_BYTES_MAX + 1}, &e, &line), PERI_SCRIPT_REFUSED);
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, PERI_SOURCE_BYTES_MAX}, &e, &line), PERI_OK);
  /* nesting */
  memset(big, '{', 200);
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, 101}, &e, &line), PERI_SCRIPT_REFUSED);
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, 100}, &e, &line), PERI_OK);
  memset(big, '(', 200);
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, 101}, &e, &line), PERI_SCRIPT_REFUSED);
  /* index steps: a.a.a.a… */
  size_t n = 0;
  big[n++] = 'a';
  for (int i = 0; i < 6000; i++) {
    big[n++] = '.';
    big[n++] = 'a';
  }
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, n}, &e, &line), PERI_SCRIPT_REFUSED);
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, 2000}, &e, &line), PERI_OK);
  /* the same by a local: t = t.a */
  n = 0;
  for (int i = 0; i < 6000; i++) {
    memcpy(big + n, "t=t.a\n", 6);
    n += 6;
  }
  assert_int_equal(peri_script_file(b.s, path, (peri_str){big, n}, &e, &line), PERI_SCRIPT_REFUSED);
  assert_int_equal(line, 5001);
  free(big);
  /* what stands at the beginning */
  assert_int_equal(peri_script_file(b.s, path, PERI_STR("\x1bLua"), &e, &line), PERI_SCRIPT_REFUSED);
  assert_int_equal(peri_script_file(b.s, path, PERI_STR("local a = 1\nlocal b = '\xff'\n"), &e, &line), PERI_SCRIPT_REFUSED);
  assert_int_equal(line, 2);
  assert_str(bench_load(&b, "m/x.lua", "\xef\xbb\xbf#!/usr/bin/perilune\nerror('here')"), "m/x.lua:2: here");
  /* more ends than beginnings: Lua says so, nothing else happens */
  assert_int_equal(peri_script_file(b.s, path, PERI_STR("end end end a.b.c[1] ) ] } until"), &e, &line), PERI_OK);
  /* what looks like something forbidden, and is not */
  assert_int_equal(peri_script_file(b.s, path, PERI_STR("-- local x <close>\nlocal s = 'a <close> b' .. [[<close>]] local close = 1 local b = 2 < close"), &e, &line), PERI_OK);
  assert_int_equal(peri_script_file(b.s, path, PERI_STR("for a, b, c, d, e in pairs({1, 2, 3, 4, 5}) do f(1, 2, 3, 4, 5) end local t = {1, 2, 3, 4}"), &e, &line), PERI_OK);
  assert_int_equal(peri_script_file(b.s, path, PERI_STR("for i = 1, 2, 3 do end while a do end repeat local x = function() end until x for a in f do if b then end end"), &e, &line), PERI_OK);
  bench_free(&b);
}

/* The name finder of 5.4.4 recurses once for each index step when an error is worded; the cap keeps that short. */
static void an_error_behind_many_index_steps(void **state) {
  (void)state;
  bench b = bench_new();
  char *big = malloc(40000);
  size_t n = (size_t)snprintf(big, 100, "local t = {} t.a = t\n");
  for (int i = 0; i < 4900; i++) {
    memcpy(big + n, "t=t.a ", 6);
    n += 6;
  }
  snprintf(big + n, 100, "\nt = t.b.c");
  assert_str(bench_load(&b, "m/x.lua", big), "m/x.lua:3: attempt to index a nil value (field 'b')");
  free(big);
  bench_free(&b);
}

static void libraries_load_once(void **state) {
  (void)state;
  bench b = bench_new();
  peri_err e;
  int line;
  assert_int_equal(peri_script_file(b.s, PERI_STR("lib/phones.lua"), PERI_STR("local n = 0 local unused = text 'z'\nreturn { bump = function() n = n + 1 return n end, field = function(p) return text(p) end }"), &e, &line), PERI_OK);
  assert_int_equal(peri_script_file(b.s, PERI_STR("lib/a.lua"), PERI_STR("return use 'b'"), &e, &line), PERI_OK);
  assert_int_equal(peri_script_file(b.s, PERI_STR("lib/b.lua"), PERI_STR("return use 'a'"), &e, &line), PERI_OK);
  assert_int_equal(peri_script_file(b.s, PERI_STR("lib/bad.lua"), PERI_STR("\n\nlocal x = nil + 1"), &e, &line), PERI_OK);
  assert_int_equal(peri_script_file(b.s, PERI_STR("lib/empty.lua"), PERI_STR(""), &e, &line), PERI_OK);
  peri_str got = bench_load(&b, "m/x.lua", "local p, q = use 'phones', use 'phones' p.bump() return mapping 'x' { n = q.bump(), f = p.field('a') }");
  assert_str(got, "{\"w\":\"mapping\",\"l\":1,\"q\":2,\"a\":\"x\",\"o\":{\"m\":[\"f\",{\"w\":\"text\",\"l\":2,\"q\":3,\"a\":\"a\"},\"n\",2]}}");
  assert_str(bench_load(&b, "m/x.lua", "use 'a'"), "lib/b.lua:1: use \"a\": lib/a.lua is being loaded right now: libraries use each other in a circle");
  assert_str(bench_load(&b, "m/x.lua", "use 'bad'"), "lib/bad.lua:3: attempt to perform arithmetic on a nil value");
  assert_str(bench_load(&b, "m/x.lua", "use 'empty'"), "m/x.lua:1: use \"empty\": lib/empty.lua returns nothing");
  assert_str(bench_load(&b, "m/x.lua", "use 'nothing'"), "m/x.lua:1: use \"nothing\": the project has no lib/nothing.lua");
  assert_str(bench_load(&b, "m/x.lua", "use '../x'"), "m/x.lua:1: use wants the name of a file in lib/, without its ending");
  /* a word made by a library's function for this file counts as this file's */
  assert_str(bench_load(&b, "m/x.lua", "local p = use 'phones' p.field('lost') return mapping 'x' {}"), "lib/phones.lua:2: this text is made but never used (the same name written twice?)");
  bench_free(&b);
}

static peri_arena *hashes;

static peri_str source_of(const char *text, const char *lib) {
  peri_arena *a = hashes;
  peri_script *s = peri_script_new(NULL);
  peri_err e;
  int line;
  peri_tree tree;
  peri_script_file(s, PERI_STR("lib/l.lua"), peri_str_of(lib), &e, &line);
  peri_script_file(s, PERI_STR("m.lua"), peri_str_of(text), &e, &line);
  if (peri_script_load(s, PERI_STR("m.lua"), a, &tree, &e, &line) != PERI_OK) fail_msg("%s", e.text);
  peri_str hash = peri_arena_str(a, peri_node_get(tree.root, "f")->source);
  assert_int_equal(hash.n, 32);
  peri_script_free(s);
  return hash;
}

static void a_functions_hash_changes_with_what_it_does(void **state) {
  (void)state;
  hashes = peri_arena_new();
#define MAP(head, f) head "\nreturn mapping 'x' { f = " f " }"
  peri_str base = source_of(MAP("local k = 1", "function(v) return v end"), "return 1");
  assert_true(peri_str_eq(base, source_of(MAP("local k = 1", "function(v) return v end"), "return 1")));
  assert_true(peri_str_eq(base, source_of(MAP("local k = 2 -- elsewhere", "function(v) return v end"), "return 2")));
  assert_false(peri_str_eq(base, source_of(MAP("local k = 1", "function(v) return v .. '' end"), "return 1")));
  /* what it closes over */
  peri_str closes = source_of(MAP("local k = 1", "function(v) return v + k end"), "return 1");
  assert_false(peri_str_eq(closes, source_of(MAP("local k = 2", "function(v) return v + k end"), "return 1")));
  peri_str helper = source_of(MAP("local function h(v) return v end", "function(v) return h(v) end"), "return 1");
  assert_false(peri_str_eq(helper, source_of(MAP("local function h(v) return v + 1 end", "function(v) return h(v) end"), "return 1")));
  peri_str table = source_of(MAP("local t = { a = 1 }", "function(v) return t[v] end"), "return 1");
  assert_false(peri_str_eq(table, source_of(MAP("local t = { a = 2 }", "function(v) return t[v] end"), "return 1")));
  /* libraries */
  peri_str library = source_of(MAP("local l = use 'l'", "function(v) return l.a end"), "return { a = 1 }");
  assert_false(peri_str_eq(library, source_of(MAP("local l = use 'l'", "function(v) return l.a end"), "return { a = 2 }")));
  /* functions of ours */
  assert_false(peri_str_eq(source_of(MAP("", "string.upper"), "return 1"), source_of(MAP("", "string.lower"), "return 1")));
  assert_true(peri_str_eq(source_of(MAP("", "string.upper"), "return 1"), source_of(MAP("", "string.upper"), "return 1")));
#undef MAP
  peri_arena_free(hashes);
}

int test_script_words(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_mapping_becomes_a_tree),  cmocka_unit_test(holes_join),          cmocka_unit_test(mistakes_say_what_to_do),
                                     cmocka_unit_test(long_paths_are_whole),      cmocka_unit_test(source_is_looked_at_first), cmocka_unit_test(libraries_load_once), cmocka_unit_test(an_error_behind_many_index_steps),
                                     cmocka_unit_test(a_functions_hash_changes_with_what_it_does)};
  return cmocka_run_group_tests_name("script words", tests, NULL, NULL);
}
