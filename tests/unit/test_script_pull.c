/* script: pull looks blocking and is driven step by step. */
#include "test_script.h"

#include <string.h>

static int function_of(bench *b, const char *pull) {
  peri_err e;
  int line;
  peri_tree tree;
  peri_str source = peri_arena_fmt(b->a, "return connector 'x' { pull = function(ctx) %s end }", pull);
  if (peri_script_file(b->s, PERI_STR("c.lua"), source, &e, &line) != PERI_OK) fail_msg("%s", e.text);
  if (peri_script_load(b->s, PERI_STR("c.lua"), b->a, &tree, &e, &line) != PERI_OK) fail_msg("%s", e.text);
  return peri_node_get(tree.root, "pull")->u.fn;
}

static void a_pull_sends_emits_and_marks(void **state) {
  (void)state;
  bench b = bench_new();
  int fn = function_of(&b, "local after local n = 0\n"
                           "repeat\n"
                           "  local page = ctx:send(post '/odd/search' { body = { since = since, after = after or null, from = ctx.since } })\n"
                           "  local ok = pcall(function() ctx:emit(page, 'items') end)\n"
                           "  after = page 'next' n = n + #page 'items'\n"
                           "  ctx:mark({ at = after or 'end', n = n, ok = ok, status = page 'status:', link = page 'header:link' })\n"
                           "until not after");
  peri_pull *p = peri_pull_new(b.s, fn, PERI_STR("\"2026\""), PERI_STR("{\"a\":1}"));
  peri_pull_event ev;
  peri_pull_resume(p, NULL, b.a, &ev);
  assert_int_equal(ev.step, PERI_PULL_SEND);
  assert_true(peri_node_is(ev.request, "post"));
  assert_true(peri_node_is(peri_node_get(peri_node_get(ev.request, "body"), "since"), "since"));
  assert_int_equal(peri_node_get(peri_node_get(ev.request, "body"), "after")->type, PERI_N_NULL);
  assert_str(peri_node_text(peri_node_get(peri_node_get(ev.request, "body"), "from")), "2026");
  peri_pull_reply reply = {1, 200, PERI_STR("{\"Link\":\"<x>\"}"), PERI_STR("{\"items\":[1,2],\"next\":\"b\"}")};
  peri_pull_resume(p, &reply, b.a, &ev);
  assert_int_equal(ev.step, PERI_PULL_EMIT);
  assert_int_equal(ev.reply, 1);
  assert_str(ev.path, "items");
  assert_str(peri_pull_body(p, 1), "{\"items\":[1,2],\"next\":\"b\"}");
  assert_null(peri_pull_body(p, 2).p);
  peri_pull_resume(p, NULL, b.a, &ev);
  assert_int_equal(ev.step, PERI_PULL_MARK);
  assert_str(ev.position, "{\"at\":\"b\",\"link\":\"<x>\",\"n\":2,\"ok\":true,\"status\":200}");
  peri_pull_resume(p, NULL, b.a, &ev);
  assert_int_equal(ev.step, PERI_PULL_SEND);
  assert_str(peri_node_text(peri_node_get(peri_node_get(ev.request, "body"), "after")), "b");
  peri_pull_reply last = {2, 200, PERI_STR("{}"), PERI_STR("{\"items\":[3],\"next\":null}")};
  peri_pull_resume(p, &last, b.a, &ev);
  assert_int_equal(ev.step, PERI_PULL_EMIT);
  peri_pull_resume(p, NULL, b.a, &ev);
  assert_str(ev.position, "{\"at\":\"end\",\"n\":3,\"ok\":true,\"status\":200}");
  peri_pull_resume(p, NULL, b.a, &ev);
  assert_int_equal(ev.step, PERI_PULL_END);
  peri_pull_resume(p, NULL, b.a, &ev);
  assert_int_equal(ev.step, PERI_PULL_END);
  peri_pull_free(p);
  bench_free(&b);
}

static void a_pull_fails_in_its_own_words(void **state) {
  (void)state;
  static const char *const list[][2] = {
      {"\nerror('broken')", "broken"},
      {"coroutine.yield(1)", "pull may wait only by ctx:send, ctx:emit and ctx:mark"},
      {"ctx:send('x')", "calling 'send' on bad self (ctx:send wants a request: get, post, put, patch or delete)"},
      {"ctx:emit({})", "bad argument #1 to 'emit' (a page is wanted, as ctx:send gives it)"},
      {"coroutine.wrap(function() ctx:mark(1) end)()", "ctx works in pull itself, not inside a coroutine, a sort or a gsub of it"},
      {"table.sort({2, 1}, function() ctx:mark(1) end)", "ctx works in pull itself, not inside a coroutine, a sort or a gsub of it"},
      {"ctx:mark(print)", "ctx:mark can't keep a function"},
      {"ctx.x = 1", "'x' can't be written here: globals and libraries are frozen; write local x = …"},
      {"while true do end", NULL},
      {"pcall(function() while true do end end) ctx:mark(1)", NULL},
      {"while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end", NULL},
  };
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
    bench b = bench_new();
    peri_pull *p = peri_pull_new(b.s, function_of(&b, list[i][0]), PERI_STR("null"), PERI_STR("{}"));
    peri_pull_event ev;
    peri_pull_resume(p, NULL, b.a, &ev);
    assert_int_equal(ev.step, PERI_PULL_FAIL);
    assert_int_equal(ev.fault.code, list[i][1] ? PERI_SCRIPT_ERROR : PERI_SCRIPT_TIMEOUT);
    if (list[i][1] && strcmp(ev.fault.text, list[i][1]) != 0) fail_msg("%s: %s", list[i][0], ev.fault.text);
    assert_string_equal(ev.fault.file, "c.lua");
    if (i == 0) assert_int_equal(ev.fault.line, 2);
    peri_pull_resume(p, NULL, b.a, &ev);
    assert_int_equal(ev.step, PERI_PULL_END);
    peri_pull_free(p);
    assert_str(bench_body(&b, "value .. '!'", "fine"), "\"fine!\"");
    bench_free(&b);
  }
}

static void old_pages_say_that_they_are_gone(void **state) {
  (void)state;
  bench b = bench_new();
  int fn = function_of(&b, "local first = ctx:send(get '/1') for i = 2, 4 do ctx:send(get '/2') end return first 'x'");
  peri_pull *p = peri_pull_new(b.s, fn, PERI_STR(""), PERI_STR(""));
  peri_pull_event ev;
  peri_pull_resume(p, NULL, b.a, &ev);
  for (uint32_t i = 1; i <= 4; i++) {
    assert_int_equal(ev.step, PERI_PULL_SEND);
    peri_pull_reply reply = {i, 200, PERI_STR("{}"), PERI_STR("{\"x\":1}")};
    peri_pull_resume(p, &reply, b.a, &ev);
  }
  assert_int_equal(ev.step, PERI_PULL_FAIL);
  assert_string_equal(ev.fault.text, "this page is gone: only the last 3 replies are kept");
  peri_pull_free(p);
  bench_free(&b);
}

int test_script_pull(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_pull_sends_emits_and_marks), cmocka_unit_test(a_pull_fails_in_its_own_words), cmocka_unit_test(old_pages_say_that_they_are_gone)};
  return cmocka_run_group_tests_name("script pull", tests, NULL, NULL);
}
