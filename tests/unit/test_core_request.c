/* Requests: what each hole becomes in each place, batches, cursors, links, refusals. */
#include "test_core.h"

#include <stdio.h>

#define REQUESTS(name, text) "connector \"x\" { base = \"https://api.example.com/v1\", streams = { stream \"" name "\" { key = \"id\", " text " } } }"

typedef struct world {
  peri_arena *a;
  peri_connector c;
  peri_fill fill;
  peri_page_state page;
  peri_err err;
  peri_outgoing out;
  peri_code code;
} world;

static void world_open(world *w, const char *text) {
  memset(w, 0, sizeof *w);
  w->a = peri_arena_new();
  w->c = connector(w->a, text);
  w->fill = (peri_fill){.connector = &w->c, .stream = w->c.streams, .since = INT64_MIN, .upto = INT64_MIN};
}

static void filled(world *w, const peri_request *r) {
  memset(&w->err, 0, sizeof w->err);
  w->code = peri_request_fill(w->a, r, &w->fill, PERI_STR("https://api.example.com/v1"), &w->out, &w->err);
}

static peri_str header_of(const world *w, const char *name) {
  for (size_t i = 0; i < w->out.header_count; i++)
    if (peri_str_eq_nocase(w->out.headers[i].name, peri_str_of(name))) return w->out.headers[i].value;
  return (peri_str){NULL, 0};
}

#define URL(w, want) do { filled(w, (w)->c.streams[0].full); if ((w)->code) fail_msg("%s", (w)->err.text); assert_str((w)->out.url, "https://api.example.com" want); } while (0)
#define BODY(w, want) do { filled(w, (w)->c.streams[0].full); if ((w)->code) fail_msg("%s", (w)->err.text); assert_str((w)->out.body, want); } while (0)
#define REFUSED(w, words) do { filled(w, (w)->c.streams[0].full); assert_int_equal((w)->code, PERI_INVALID); if (!strstr((w)->err.text, words)) fail_msg("said: %s", (w)->err.text); } while (0)

static void path_holes(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = get(\"/items/\" .. setting \"name\" .. \"/list\") {}"));
  w.fill.settings = json(w.a, "{\"name\":\"a b/ç?\"}");
  URL(&w, "/v1/items/a%20b%2F%C3%A7%3F/list");
  w.fill.settings = json(w.a, "{\"name\":\"..\"}");
  REFUSED(&w, "setting \"name\" is \"..\"");
  w.fill.settings = json(w.a, "{\"name\":\"\"}");
  REFUSED(&w, "is empty");
  w.fill.settings = NULL;
  REFUSED(&w, "connectors/x.lua:1: setting \"name\" has no value");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = get(\"/r/\" .. setting \"repo\" { as = \"path\" }) {}"));
  w.fill.settings = json(w.a, "{\"repo\":\"own er/re#po\"}");
  URL(&w, "/v1/r/own%20er/re%23po");
  w.fill.settings = json(w.a, "{\"repo\":\"a/../b\"}");
  REFUSED(&w, "climb");
  peri_arena_free(w.a);
}

static void settings_and_versions(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://api.example.com/v1\",\n"
                 "versions = { \"2\", \"1\", [\"2\"] = { items = \"/two/items/\" }, [\"1\"] = { items = \"/one/\" } },\n"
                 "settings = { text \"area\" { default = \"north\" } },\n"
                 "streams = { stream \"s\" { key = \"id\", full = get(setting \"items\" .. setting \"area\" .. \"/\" .. setting \"version\") {} } } }");
  URL(&w, "/v1/two/items/north/2");
  w.fill.settings = json(w.a, "{\"version\":\"1\",\"area\":\"south\",\"items\":\"/evil\"}"); /* what a reply let us keep is no path */
  URL(&w, "/v1/one/south/1");
  peri_str base;
  peri_err err = {0};
  assert_int_equal(peri_connector_base(w.a, &w.c, json(w.a, "{\"version\":\"3\"}"), (peri_str){NULL, 0}, &base, &err), PERI_INVALID);
  assert_non_null(strstr(err.text, "no version '3'"));
  peri_arena_free(w.a);
}

static void query_holes(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "updated = datetime \"at\", full = get \"/l\" { query = { a = \"x y&z\", b = true, c = 5, d = wanted \"p\", [\"e[]\"] = wanted \"p\",\n"
                               "f = since, g = setting \"none\", h = setting \"none\" { default = 7 }, i = \"from \" .. since \"s\", j = { \"u\", \"v,w\" }, k = { l = { m = 1 } }, n = null } }"));
  w.fill.wanted = json(w.a, "{\"p\":[\"one\",\"t wo\"]}");
  URL(&w, "/v1/l?a=x%20y%26z&b=true&c=5&d=one,t%20wo&e%5B%5D=one&e%5B%5D=t%20wo&h=7&j=u,v%2Cw&k%5Bl%5D%5Bm%5D=1");
  w.fill.since = INT64_C(1700000000123);
  URL(&w, "/v1/l?a=x%20y%26z&b=true&c=5&d=one,t%20wo&e%5B%5D=one&e%5B%5D=t%20wo&f=2023-11-14T22%3A13%3A20.123Z&h=7&i=from%201700000000&j=u,v%2Cw&k%5Bl%5D%5Bm%5D=1");
  peri_arena_free(w.a);
}

static void connector_query(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://api.example.com/v1\", query = { v = 2, z = 1 }, headers = { A = \"1\", B = secret \"s\" },\n"
                 "streams = { stream \"s\" { key = \"id\", full = get \"/l?x=1\" { query = { z = 2 }, headers = { a = \"3\" } } } } }");
  URL(&w, "/v1/l?x=1&v=2&z=2");
  assert_str(header_of(&w, "A"), "3");
  assert_str(header_of(&w, "B"), "«secret s»");
  assert_str(header_of(&w, "accept"), "application/json");
  assert_null(header_of(&w, "content-type").p);
  peri_arena_free(w.a);
}

static void full_urls(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = get \"https://other.example.com/x\" {}"));
  filled(&w, w.c.streams[0].full);
  assert_str(w.out.url, "https://other.example.com/x");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = get(\"https://\" .. setting \"shop\" .. \".example.com/x\") {}"));
  w.fill.settings = json(w.a, "{\"shop\":\"moon-1\"}");
  filled(&w, w.c.streams[0].full);
  assert_str(w.out.url, "https://moon-1.example.com/x");
  w.fill.settings = json(w.a, "{\"shop\":\"evil.org/\"}");
  REFUSED(&w, "stands in the host");
  peri_arena_free(w.a);
}

static void bodies(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "updated = datetime \"at\", full = post \"/l\" { body = { a = since \"ms\", b = \"\" .. since \"ms\", c = wanted \"\", d = null, e = setting \"no\",\n"
                               "f = {}, g = { setting \"no\" }, h = true, i = 1.5, j = setting \"obj\" } }"));
  w.fill.since = 5000;
  w.fill.wanted = json(w.a, "{\"\":[\"Id\"]}");
  w.fill.settings = json(w.a, "{\"obj\":{\"n\":1.50,\"l\":[null]}}");
  BODY(&w, "{\"a\":5000,\"b\":\"5000\",\"c\":[\"Id\"],\"d\":null,\"f\":{},\"g\":[],\"h\":true,\"i\":1.5,\"j\":{\"n\":1.50,\"l\":[null]}}");
  assert_str(header_of(&w, "Content-Type"), "application/json");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = post \"/l\" { form = { a = { b = { \"1\", \"2\" }, c = \"d e\" }, f = 1 } }"));
  BODY(&w, "a%5Bb%5D=1,2&a%5Bc%5D=d%20e&f=1");
  assert_str(header_of(&w, "content-type"), "application/x-www-form-urlencoded");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = post \"/l\" { body = \"SELECT * WHERE n = \" .. record \"n\" { quote = \"'\" }, headers = { [\"Content-Type\"] = \"text/sql\" } }"));
  peri_str record = PERI_STR("{\"n\":\"O'Neil \\\\\"}");
  w.fill.records = &record;
  w.fill.record_count = 1;
  BODY(&w, "SELECT * WHERE n = 'O\\'Neil \\\\'");
  assert_str(header_of(&w, "content-type"), "text/sql");
  peri_arena_free(w.a);
}

static void absent_joined(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = get \"/l\" { query = { q = \"updated > \" .. since .. \" order\", k = 1 } }"));
  URL(&w, "/v1/l?k=1");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = get \"/l\" { query = { q = \"updated > \" .. since { default = \"0\" } } }"));
  URL(&w, "/v1/l?q=updated%20%3E%200");
  peri_arena_free(w.a);
}

static void batches(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = post \"/r\" { batch = 100, body = { inputs = { { id = record \"id\", k = \"x\" } }, n = 1 } }"));
  peri_str records[3] = {PERI_STR("{\"id\":\"1\"}"), PERI_STR("{\"id\":2}"), PERI_STR("{\"no\":1}")};
  w.fill.records = records;
  w.fill.record_count = 3;
  BODY(&w, "{\"inputs\":[{\"id\":\"1\",\"k\":\"x\"},{\"id\":2,\"k\":\"x\"},{\"k\":\"x\"}],\"n\":1}");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = get \"/r\" { batch = 100, query = { ids = { record \"id\" } } }"));
  w.fill.records = records;
  w.fill.record_count = 2;
  URL(&w, "/v1/r?ids=1,2");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = post \"/r\" { batch = 9, body = { f = { { name = \"id\", values = { record \"id\" } } } } }"));
  w.fill.records = records;
  w.fill.record_count = 2;
  BODY(&w, "{\"f\":[{\"name\":\"id\",\"values\":[\"1\",2]}]}"); /* the innermost list is the one that holds it */
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = post \"/r\" { body = { filters = { { value = record \"id\" } } } }"));
  w.fill.records = records;
  w.fill.record_count = 2;
  BODY(&w, "{\"filters\":[{\"value\":\"1\"}]}"); /* no batch: the record at hand */
  peri_arena_free(w.a);
}

static void parents(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://api.example.com/v1\", rates = { default = { \"5/s\", per = \"parent:id\" } }, streams = {\n"
                 "stream \"s\" { key = \"id\", each = \"p\", full = get(\"/p/\" .. parent \"id\" .. \"/\" .. parent \"org\" { of = \"o\" }) {} }, stream \"p\" { key = \"id\", full = get \"/p\" {} } } }");
  peri_str parent = PERI_STR("{\"id\":7}"), context = PERI_STR("{\"o:org\":\"acme\"}"), stream = PERI_STR("p");
  w.fill.parents = &parent;
  w.fill.parent_contexts = &context;
  w.fill.parent_streams = &stream;
  w.fill.parent_count = 1;
  URL(&w, "/v1/p/7/acme");
  assert_str(w.out.rate, "default@7");
  peri_arena_free(w.a);
}

static void wanted_too_long(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = get \"/l\" { query = { p = wanted \"\" { most = 10 }, k = 1 } }"));
  w.fill.wanted = json(w.a, "{\"\":[\"abcde\",\"fghij\"]}");
  URL(&w, "/v1/l?k=1");
  assert_true(w.out.wanted_over);
  w.fill.wanted = json(w.a, "{\"\":[\"abcde\",\"fghi\"]}");
  URL(&w, "/v1/l?p=abcde,fghi&k=1");
  assert_false(w.out.wanted_over);
  assert_int_equal(w.c.streams[0].full->wanted_most, 10);
  peri_arena_free(w.a);
}

static void since_forms(void **state) {
  (void)state;
  static const struct { const char *updated, *form; int64_t at; const char *want; } rows[] = {
    {"datetime \"u\"", "since", 1700000000123, "\"2023-11-14T22:13:20.123Z\""},
    {"datetime \"u\" { zone = \"+02:00\" }", "since", 1700000000123, "\"2023-11-15T00:13:20.123+02:00\""},
    {"datetime \"u\" { zone = \"UTC\" }", "since \"%Y-%m-%dT%H:%M:%S\"", 1700000000123, "\"2023-11-14T22:13:20\""},
    {"datetime \"u\" { zone = \"-0330\" }", "since \"%F %T%z %% %q\"", 1700000000123, "\"2023-11-14 18:43:20-0330 % %q\""},
    {"datetime \"u\"", "since \"ms\"", 1700000000123, "1700000000123"},
    {"datetime \"u\"", "since \"s\"", 1700000000123, "1700000000"},
    {"datetime \"u\"", "since \"date\"", 1700000000123, "\"2023-11-14\""},
    {"datetime \"u\"", "since \"s\"", -1, "-1"},
    {"date \"u\"", "since", 1700000000123, "\"2023-11-14\""},
    {"integer \"u\"", "since", 42, "42"},
    {"decimal \"u\"", "since", 1700000000000100, "\"1700000000.000100\""},
    {"decimal \"u\"", "since", -1500000, "\"-1.500000\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    char text[512], want[128];
    snprintf(text, sizeof text, REQUESTS("s", "updated = %s, full = post \"/l\" { body = { v = %s } }"), rows[i].updated, rows[i].form);
    snprintf(want, sizeof want, "{\"v\":%s}", rows[i].want);
    world_open(&w, text);
    w.fill.since = rows[i].at;
    BODY(&w, want);
    w.fill.since_verbatim = PERI_STR("{\"k\":[1]}"); /* what the reply said wins, as it was */
    BODY(&w, "{\"v\":{\"k\":[1]}}");
    peri_arena_free(w.a);
  }
}

static void secrets(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = get(\"/\" .. secret \"k\") {}"));
  REFUSED(&w, "inside a path");
  peri_arena_free(w.a);
}

static bool give(void *self, peri_str name, peri_buf *out) {
  (void)self;
  if (!peri_str_is(name, "k")) return false;
  peri_buf_c_str(out, "s3cr&t\nX: 1");
  return true;
}

static void secret_values(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = get \"/l\" { query = { key = secret \"k\" } }"));
  w.fill.secret = give;
  URL(&w, "/v1/l?key=s3cr%26t%0AX%3A%201");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = get \"/l\" { headers = { K = secret \"k\" } }"));
  w.fill.secret = give;
  REFUSED(&w, "control character");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "full = get \"/l\" { headers = { K = secret \"other\" } }"));
  w.fill.secret = give;
  REFUSED(&w, "is not known");
  peri_arena_free(w.a);
}

static void cursors(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "pages = cursor { read = \"next\", send = \"query.after\", without = { \"start\" } }, full = get \"/l\" { query = { after = 0, start = 5, n = 1 } }"));
  w.fill.page = &w.page;
  URL(&w, "/v1/l?after=0&start=5&n=1");
  w.page.token = PERI_STR("\"a/b\"");
  URL(&w, "/v1/l?after=a%2Fb&n=1");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "pages = cursor { read = \"next\", send = \"body.page.after\" }, full = post \"/l\" { body = { page = { size = 5 } } }"));
  w.fill.page = &w.page;
  w.page.token = PERI_STR("12");
  BODY(&w, "{\"page\":{\"size\":5,\"after\":12}}");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "pages = cursor { read = \"next\", send = \"header.X-After\" }, full = post \"/l\" {}"));
  w.fill.page = &w.page;
  w.page.token = PERI_STR("\"z\"");
  BODY(&w, "");
  assert_str(header_of(&w, "X-After"), "z");
  peri_arena_free(w.a);
}

static void counted(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "pages = count { send = \"query.page\" }, full = get \"/l\" {}"));
  URL(&w, "/v1/l?page=1");
  peri_arena_free(w.a);
  world_open(&w, REQUESTS("s", "pages = count { send = \"query.offset\", by = \"records\" }, full = get \"/l\" {}"));
  URL(&w, "/v1/l?offset=0");
  w.page = (peri_page_state){.number = 200, .pages = 2};
  w.fill.page = &w.page;
  URL(&w, "/v1/l?offset=200");
  peri_arena_free(w.a);
}

static void links(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "pages = link \"next\", full = get \"/l\" { query = { n = 1 } }"));
  w.fill.page = &w.page;
  w.page.link = PERI_STR("/v1/l?p=2");
  URL(&w, "/v1/l?p=2");
  w.page.link = PERI_STR("?p=3");
  URL(&w, "/v1/l?p=3");
  peri_arena_free(w.a);
}

static void pairs(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = post \"/r\" { batch = 1000, match = \"parent:from.id\", body = { inputs = { { id = parent \"id\" } } },\n"
                               "pages = cursor { read = \"results[].paging.next.after\", send = \"body.inputs[].after\" } }"));
  peri_str list[3] = {PERI_STR("{\"id\":\"1\"}"), PERI_STR("{\"id\":\"22\"}"), PERI_STR("{\"id\":\"3\"}")};
  w.fill.parents = list;
  w.fill.parent_count = 3;
  w.fill.page = &w.page;
  BODY(&w, "{\"inputs\":[{\"id\":\"1\"},{\"id\":\"22\"},{\"id\":\"3\"}]}");
  w.page.pairs = PERI_STR("[[\"3\",\"x\"],[22,\"y\"],[\"9\",\"z\"]]");
  BODY(&w, "{\"inputs\":[{\"id\":\"3\",\"after\":\"x\"},{\"id\":\"22\",\"after\":\"y\"}]}");
  peri_str a, b, c;
  assert_true(peri_request_pairs(w.c.streams[0].full, &a, &b, &c));
  assert_str(a, "results[]");
  assert_str(b, "from.id");
  assert_str(c, "paging.next.after");
  peri_arena_free(w.a);
}

static void named(void **state) {
  (void)state;
  world w;
  world_open(&w, REQUESTS("s", "full = post(\"/l/\" .. setting \"a\") { query = { s = since \"ms\" }, body = { w = wanted \"p\", r = record } }"));
  w.fill.named = true;
  URL(&w, "/v1/l/«setting \"a\"»?s=«since \"ms\"»");
  assert_str(w.out.body, "{\"w\":\"«wanted \\\"p\\\"»\",\"r\":\"«record»\"}");
  peri_arena_free(w.a);
}

static const struct CMUnitTest tests[] = {
  cmocka_unit_test(path_holes), cmocka_unit_test(settings_and_versions), cmocka_unit_test(query_holes), cmocka_unit_test(connector_query), cmocka_unit_test(full_urls),
  cmocka_unit_test(bodies), cmocka_unit_test(absent_joined), cmocka_unit_test(batches), cmocka_unit_test(parents), cmocka_unit_test(wanted_too_long),
  cmocka_unit_test(since_forms), cmocka_unit_test(secrets), cmocka_unit_test(secret_values), cmocka_unit_test(cursors), cmocka_unit_test(counted), cmocka_unit_test(links),
  cmocka_unit_test(pairs), cmocka_unit_test(named)};
PERI_GROUP(core_request, tests)
