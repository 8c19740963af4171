/* Pagers: what ends a list, what goes on, and what a hostile or broken API may not make of it. */
#include "test_core.h"

typedef struct world {
  peri_arena *a;
  peri_connector c;
  peri_page_state page;
  peri_err err;
  peri_page_next next;
} world;

static void world_open(world *w, const char *pages) {
  memset(w, 0, sizeof *w);
  w->a = peri_arena_new();
  w->c = connector(w->a, peri_arena_fmt(w->a, "connector \"x\" { base = \"https://h.example/api\", streams = { stream \"s\" { key = \"id\", full = get \"/l\" { match = \"parent:id\", pages = %s } } } }", pages).p);
}

static peri_code stepped(world *w, const char *values, const char *headers, size_t records) {
  peri_http_reply r = reply(w->a, 200, headers, "");
  return peri_page_step(w->a, w->c.streams[0].full, json(w->a, values), NULL, &r, records, PERI_STR("https://h.example/api"), &w->page, &w->next, &w->err);
}

#define NEXT(w, values, headers, records) do { if (stepped(w, values, headers, records)) fail_msg("%s", (w)->err.text); assert_int_equal((w)->next, PERI_PAGE_NEXT); } while (0)
#define LAST(w, values, headers, records) do { if (stepped(w, values, headers, records)) fail_msg("%s", (w)->err.text); assert_int_equal((w)->next, PERI_PAGE_LAST); } while (0)

static void cursor(void **state) {
  (void)state;
  world w;
  world_open(&w, "cursor { read = { \"p.next\", \"other\" }, send = \"query.after\", none = { \"null\", 0 } }");
  NEXT(&w, "{\"p.next\":\"a\\\"b\"}", NULL, 5);
  assert_str(w.page.token, "\"a\\\"b\"");
  NEXT(&w, "{\"p.next\":12345678901234567890}", NULL, 5);
  assert_str(w.page.token, "12345678901234567890");
  NEXT(&w, "{\"p.next\":null,\"other\":\"x\"}", NULL, 5);
  assert_str(w.page.token, "\"x\"");
  assert_int_equal(w.page.read, 15);
  assert_int_equal(stepped(&w, "{\"other\":\"x\"}", NULL, 5), PERI_PAGING_LOOP);
  assert_non_null(strstr(w.err.text, "s.full: page 4 answers the same cursor as page 3"));
  LAST(&w, "{}", NULL, 5);
  LAST(&w, "{\"p.next\":\"\"}", NULL, 5);
  LAST(&w, "{\"p.next\":\"null\"}", NULL, 5);
  LAST(&w, "{\"p.next\":0}", NULL, 5);
  LAST(&w, "{\"p.next\":false}", NULL, 5);
  peri_arena_free(w.a);
}

static void cursor_more_done(void **state) {
  (void)state;
  world w;
  world_open(&w, "cursor { read = \"n\", send = \"query.n\", more = \"has_more\" }");
  NEXT(&w, "{\"n\":\"1\",\"has_more\":true}", NULL, 1);
  LAST(&w, "{\"n\":\"2\",\"has_more\":false}", NULL, 1);
  LAST(&w, "{\"n\":\"3\"}", NULL, 1);
  peri_arena_free(w.a);
  world_open(&w, "cursor { read = \"header:X-Next\", send = \"query.n\", done = \"end\" }");
  NEXT(&w, "{}", "x-next: 7", 1);
  LAST(&w, "{\"end\":true}", "x-next: 8", 1);
  LAST(&w, "{}", NULL, 1);
  peri_arena_free(w.a);
  world_open(&w, "cursor { read = \"n\", send = \"query.n\", done = when \"state\" { finished = \"ok\", otherwise = \"wait\" } }");
  NEXT(&w, "{\"n\":\"1\",\"state\":\"going\"}", NULL, 1);
  LAST(&w, "{\"n\":\"2\",\"state\":\"finished\"}", NULL, 1);
  peri_arena_free(w.a);
}

static void cursor_most(void **state) {
  (void)state;
  world w;
  world_open(&w, "cursor { read = \"n\", send = \"query.n\", most = 10 }");
  NEXT(&w, "{\"n\":\"1\"}", NULL, 9);
  assert_int_equal(stepped(&w, "{\"n\":\"2\"}", NULL, 1), PERI_BAD_REPLY); /* a list cut short must not look whole: what is missing would be deleted */
  peri_arena_free(w.a);
}

static void empty_pages(void **state) {
  (void)state;
  world w;
  world_open(&w, "cursor { read = \"n\", send = \"query.n\" }");
  peri_code code = PERI_OK;
  int page = 0;
  for (; page < 200 && code == PERI_OK; page++) code = stepped(&w, peri_arena_fmt(w.a, "{\"n\":%d}", page).p, NULL, page == 10);
  assert_int_equal(code, PERI_PAGING_LOOP);
  assert_int_equal(page, 11 + PERI_EMPTY_PAGES_MAX + 1);
  peri_arena_free(w.a);
}

static void link_header(void **state) {
  (void)state;
  world w;
  world_open(&w, "link \"header:Link\" {}");
  NEXT(&w, "{}", "Link: <https://h.example/api/l?page=1>; rel=\"prev\", <https://h.example/api/l?a=1,2&page=3>; title=\"a, b\"; rel=\"last next\"", 1);
  assert_str(w.page.link, "/api/l?a=1,2&page=3");
  NEXT(&w, "{}", "Link: <https://evil.example/l?page=4#x>; rel=next", 1); /* only path and query count; a foreign one belongs below the base */
  assert_str(w.page.link, "/api/l?page=4");
  NEXT(&w, "{}", "Link: </api/l?page=5>; rel=next", 1);
  assert_str(w.page.link, "/api/l?page=5");
  NEXT(&w, "{}", "Link: </other/l?page=6>; rel=next", 1);
  assert_str(w.page.link, "/api/other/l?page=6");
  NEXT(&w, "{}", "Link: <https://H.example/other/l?page=7>; rel=next", 1); /* this host said so itself */
  assert_str(w.page.link, "/other/l?page=7");
  NEXT(&w, "{}", "Link: <?page=8>; rel=next", 1);
  assert_str(w.page.link, "?page=8");
  NEXT(&w, "{}", "Link: <//evil.example/api/l?page=9>; rel=next", 1);
  assert_str(w.page.link, "/api/l?page=9");
  assert_int_equal(stepped(&w, "{}", "Link: </api/l?page=9>; rel=next", 1), PERI_PAGING_LOOP);
  assert_int_equal(stepped(&w, "{}", "Link: <javascript:x>; rel=next", 1), PERI_BAD_REPLY);
  assert_int_equal(stepped(&w, "{}", "Link: </a b>; rel=next", 1), PERI_BAD_REPLY);
  LAST(&w, "{}", "Link: </api/l?page=9>; rel=last", 1);
  LAST(&w, "{}", "Link: <broken", 1);
  LAST(&w, "{}", "Link: <>; rel=next", 1);
  LAST(&w, "{}", NULL, 1);
  peri_arena_free(w.a);
}

static void link_body(void **state) {
  (void)state;
  world w;
  world_open(&w, "link \"links.next\" {}");
  NEXT(&w, "{\"links.next\":\"https://h.example/api/l?page[after]=x\"}", NULL, 1);
  assert_str(w.page.link, "/api/l?page[after]=x");
  LAST(&w, "{\"links.next\":null}", NULL, 1);
  peri_buf out = {0};
  peri_jw jw;
  peri_jw_init(&jw, &out);
  peri_jw_array(&jw);
  peri_request_page_paths(w.c.streams[0].full, &jw);
  peri_jw_end_array(&jw);
  assert_str(peri_buf_view(&out), "[\"links.next\"]");
  peri_buf_fini(&out);
  peri_arena_free(w.a);
}

static void link_behind_a_query(void **state) {
  (void)state;
  world w;
  world_open(&w, "link \"header:Link\" {}");
  peri_http_reply r = reply(w.a, 200, "Link: <http://127.0.0.1:8080/?rest_route=%2Fwp%2Fv2%2Fposts&page=2>; rel=\"next\"", "");
  peri_str base = PERI_STR("http://127.0.0.1:9/?rest_route=");
  assert_int_equal(peri_page_step(w.a, w.c.streams[0].full, NULL, NULL, &r, 1, base, &w.page, &w.next, &w.err), PERI_OK);
  assert_str(w.page.link, "/?rest_route=%2Fwp%2Fv2%2Fposts&page=2");
  peri_arena_free(w.a);
}

static void count(void **state) {
  (void)state;
  world w;
  world_open(&w, "count { send = \"query.page\", total = \"header:X-Pages\" }");
  NEXT(&w, "{}", "x-pages: 3", 100);
  assert_int_equal(w.page.number, 2);
  NEXT(&w, "{}", "x-pages: 3", 0); /* nothing on it for us, but there is a third */
  LAST(&w, "{}", "x-pages: 3", 40);
  LAST(&w, "{}", NULL, 0);
  peri_arena_free(w.a);
  world_open(&w, "count { send = \"query.offset\", by = \"records\", total = \"total\" }");
  NEXT(&w, "{\"total\":\"250\"}", NULL, 100);
  assert_int_equal(w.page.number, 100);
  NEXT(&w, "{\"total\":250}", NULL, 100);
  LAST(&w, "{\"total\":250}", NULL, 50);
  peri_arena_free(w.a);
  world_open(&w, "count { send = \"query.page\", first = 0 }");
  NEXT(&w, "{}", NULL, 1);
  assert_int_equal(w.page.number, 1);
  LAST(&w, "{}", NULL, 0);
  peri_arena_free(w.a);
}

static void again(void **state) {
  (void)state;
  world w;
  world_open(&w, "{ \"again\", most = 200 }");
  NEXT(&w, "{}", NULL, 200);
  LAST(&w, "{}", NULL, 199);
  peri_arena_free(w.a);
  world_open(&w, "\"again\"");
  NEXT(&w, "{}", NULL, 1);
  LAST(&w, "{}", NULL, 0);
  peri_arena_free(w.a);
  world_open(&w, "\"none\"");
  LAST(&w, "{}", NULL, 100);
  peri_arena_free(w.a);
}

static void pairs(void **state) {
  (void)state;
  world w;
  world_open(&w, "cursor { read = \"r[].after\", send = \"body.inputs[].after\" }");
  const peri_request *r = w.c.streams[0].full;
  peri_http_reply rep = reply(w.a, 200, NULL, "");
  peri_str base = PERI_STR("https://h.example/api");
  assert_int_equal(peri_page_step(w.a, r, NULL, json(w.a, "[[\"1\",\"x\"]]"), &rep, 9, base, &w.page, &w.next, &w.err), PERI_OK);
  assert_int_equal(w.next, PERI_PAGE_NEXT);
  assert_str(w.page.pairs, "[[\"1\",\"x\"]]");
  assert_int_equal(peri_page_step(w.a, r, NULL, json(w.a, "[[\"1\",\"x\"]]"), &rep, 9, base, &w.page, &w.next, &w.err), PERI_PAGING_LOOP);
  assert_int_equal(peri_page_step(w.a, r, NULL, json(w.a, "[]"), &rep, 9, base, &w.page, &w.next, &w.err), PERI_OK);
  assert_int_equal(w.next, PERI_PAGE_LAST);
  peri_arena_free(w.a);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(cursor), cmocka_unit_test(cursor_more_done), cmocka_unit_test(cursor_most), cmocka_unit_test(empty_pages),
  cmocka_unit_test(link_header), cmocka_unit_test(link_body), cmocka_unit_test(link_behind_a_query), cmocka_unit_test(count), cmocka_unit_test(again), cmocka_unit_test(pairs)};
PERI_GROUP(core_pager, tests)
