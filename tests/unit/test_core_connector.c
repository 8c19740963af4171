/* Connectors compiled: defaults resolved, choices settled, jobs shown but not run, addresses, credentials, order, the registry, OPEN, explain. */
#include "test_core.h"

typedef struct world { peri_arena *a; peri_connector c; peri_err err; } world;
static void world_open(world *w, const char *text) {
  memset(w, 0, sizeof *w);
  w->a = peri_arena_new();
  w->c = connector(w->a, text);
}
static const peri_stream *stream(const world *w, const char *name) {
  const peri_stream *s = peri_connector_stream(&w->c, peri_str_of(name));
  if (!s) fail_msg("no stream %s", name);
  return s;
}

static void defaults(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", pages = cursor { read = \"n\", send = \"query.n\" }, records = \"items\", reason = \"message\", timeout = \"20s\",\n"
                 "streams = { stream \"s\" { key = \"id\", rate = \"slow\", format = \"ndjson\", removed = \"gone\", updated = decimal \"ts\", overlap = \"10m\", sweep = \"1d\", window = \"30d\", lag = \"5s\",\n"
                 "full = get \"/a\" {},\n"
                 "changes = post \"/b\" { records = \"\", pages = { \"again\", most = 200 }, rate = \"fast\", cost = 3, format = \"json\", reason = { \"a\", \"b\" }, timeout = \"5s\", body = { s = since },\n"
                 "ties = get \"/t\" { query = { r = record \"id\" } } } } } }");
  const peri_stream *s = stream(&w, "s");
  assert_int_equal(s->overlap_ms, 600000);
  assert_int_equal(s->sweep_ms, 86400000);
  assert_int_equal(s->window_ms, 30 * INT64_C(86400000));
  assert_int_equal(s->lag_ms, 5000);
  assert_int_equal(s->stamp, PERI_STAMP_DECIMAL);
  assert_int_equal(s->pull_fn, -1);
  assert_true(s->store && !s->visit_all && !s->unsupported);
  assert_int_equal(s->full->pages, PERI_PAGES_CURSOR);
  assert_str(s->full->records, "items");
  assert_str(s->full->format, "ndjson");
  assert_str(s->full->rate, "slow");
  assert_str(s->full->label, "s.full");
  assert_str(s->full->reasons[0], "message");
  assert_int_equal(s->full->timeout_ms, 20000);
  assert_int_equal(s->full->line, 3);
  assert_true(peri_str_is(peri_node_text(s->full->removed), "gone"));
  assert_false(s->full->uses_since);
  assert_int_equal(s->changes->pages, PERI_PAGES_AGAIN);
  assert_int_equal(s->changes->again_most, 200);
  assert_str(s->changes->records, "");
  assert_str(s->changes->rate, "fast");
  assert_int_equal(s->changes->cost, 3);
  assert_int_equal(s->changes->reason_count, 2);
  assert_int_equal(s->changes->timeout_ms, 5000);
  assert_true(s->changes->uses_since && !s->changes->uses_record);
  assert_true(s->changes->ties->uses_record);
  assert_str(s->changes->ties->label, "s.ties");
  peri_arena_free(w.a);
}

static void choices_and_jobs(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", settings = { boolean \"bulk\" { default = true } }, streams = {\n"
                 "stream \"s\" { key = \"id\", full = when \"setting:bulk\" { [true] = { create = post \"/j\" {}, poll = get(\"/j/\" .. parent \"id\") {}, read = get \"/j\" {}, drop = delete \"/j\" {} },\n"
                 "otherwise = get \"/l\" {} } },\n"
                 "stream \"t\" { key = \"id\", full = get \"/t\" { format = { \"csv\", null = \"\" } } } } }");
  const peri_stream *s = stream(&w, "s");
  peri_outgoing out;
  peri_fill fill = {.connector = &w.c, .stream = s, .since = INT64_MIN, .upto = INT64_MIN};
  assert_non_null(s->unsupported);
  assert_non_null(strstr(s->unsupported, "job"));
  assert_int_equal(peri_request_fill(w.a, s->full, &fill, PERI_STR("https://h.example"), &out, &w.err), PERI_INVALID);
  assert_non_null(strstr(w.err.text, "s.full is a job"));
  assert_non_null(strstr(stream(&w, "t")->unsupported, "csv"));
  peri_connector_settle(w.a, &w.c, json(w.a, "{\"bulk\":false}"));
  s = stream(&w, "s");
  assert_null(s->unsupported);
  assert_string_equal(s->full->method, "GET");
  peri_connector_settle(w.a, &w.c, json(w.a, "{\"bulk\":true}")); /* settling is not for once */
  assert_non_null(stream(&w, "s")->unsupported);
  peri_buf text = {0};
  assert_int_equal(peri_explain(w.a, &w.c, stream(&w, "s"), &fill, PERI_STR("https://h.example"), &text, &w.err), PERI_OK);
  const char *shown = peri_buf_c(&text);
  assert_non_null(strstr(shown, "full: chosen by setting:bulk"));
  assert_non_null(strstr(shown, "full where it is true: a job"));
  assert_non_null(strstr(shown, "POST https://h.example/j"));
  assert_non_null(strstr(shown, "not now: connectors/x.lua:2: parent \"id\" has no value"));
  peri_buf_fini(&text);
  peri_arena_free(w.a);
}

static void addresses(void **state) {
  (void)state;
  world w;
  peri_str url, none = {NULL, 0};
  world_open(&w, "connector \"x\" { base = \"https://\" .. setting \"shop\" .. \".example.com/admin/\" .. setting \"version\" .. \"/\", versions = { \"2026-01\" },\n"
                 "auth = oauth2 { token = \"https://login.example.com/oauth/token\" } }");
  assert_int_equal(peri_connector_base(w.a, &w.c, json(w.a, "{\"shop\":\"moon\"}"), none, &url, &w.err), PERI_OK);
  assert_str(url, "https://moon.example.com/admin/2026-01");
  static const char *const bad[] = {"{\"shop\":\"a.b\"}", "{\"shop\":\"a/b\"}", "{\"shop\":\"\"}", "{\"shop\":\"a@b\"}", "{\"shop\":\"-a\"}", "{\"shop\":[\"a\",\"b\"]}", "{}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(peri_connector_base(w.a, &w.c, json(w.a, bad[i]), none, &url, &w.err), PERI_INVALID);
  assert_non_null(strstr(w.err.text, "connectors/x.lua:1: setting \"shop\" has no value"));
  assert_int_equal(peri_connector_base(w.a, &w.c, NULL, PERI_STR("http://127.0.0.1:8080/"), &url, &w.err), PERI_OK);
  assert_str(url, "http://127.0.0.1:8080");
  assert_int_equal(peri_connector_token_url(w.a, &w.c, w.c.auths, NULL, none, &url, &w.err), PERI_OK);
  assert_str(url, "https://login.example.com/oauth/token");
  assert_int_equal(peri_connector_token_url(w.a, &w.c, w.c.auths, NULL, PERI_STR("http://127.0.0.1:8080/"), &url, &w.err), PERI_OK);
  assert_str(url, "http://127.0.0.1:8080/oauth/token");
  peri_arena_free(w.a);
  world_open(&w, "connector \"x\" { base = setting \"instance_url\", hosts = { \"*.my.example.com\" }, settings = { url \"login\" { default = \"https://login.example.com\" } },\n"
                 "auth = oauth2 { token = setting \"login\" .. \"/token\" } }");
  assert_int_equal(peri_connector_base(w.a, &w.c, json(w.a, "{\"instance_url\":\"https://a.my.example.com/\"}"), none, &url, &w.err), PERI_OK);
  assert_str(url, "https://a.my.example.com");
  assert_int_equal(peri_connector_base(w.a, &w.c, json(w.a, "{\"instance_url\":\"https://a.my.example.com.evil.org\"}"), none, &url, &w.err), PERI_INVALID);
  assert_non_null(strstr(w.err.text, "none of the connector's hosts"));
  assert_int_equal(peri_connector_base(w.a, &w.c, json(w.a, "{\"instance_url\":\"file:///etc/passwd\"}"), none, &url, &w.err), PERI_INVALID);
  assert_int_equal(peri_connector_token_url(w.a, &w.c, w.c.auths, NULL, PERI_STR("http://127.0.0.1:9"), &url, &w.err), PERI_OK);
  assert_str(url, "http://127.0.0.1:9/token");
  peri_arena_free(w.a);
}

static void credentials(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", auth = { token \"accessToken\", oauth2 { token = \"https://h.example/t\" }, basic \"password\" { user = secret \"user\" } } }");
  assert_str(w.c.auths[0].header, "Authorization");
  assert_str(w.c.auths[0].prefix, "Bearer ");
  assert_int_equal(w.c.auth_count, 3);
  peri_arena_free(w.a);
  world_open(&w, "connector \"x\" { base = \"https://h.example\", auth = token \"k\" { header = \"X-Key\" } }");
  assert_str(w.c.auths[0].header, "X-Key");
  assert_str(w.c.auths[0].prefix, "");
  peri_arena_free(w.a);
  world_open(&w, "connector \"x\" { base = \"https://h.example\", auth = token \"k\" { query = \"api_key\" } }");
  assert_int_equal(w.c.auths[0].header.n, 0);
  assert_str(w.c.auths[0].query, "api_key");
  peri_arena_free(w.a);
}

static void auth_endpoints(void **state) {
  (void)state;
  world w;
  peri_str url;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", auth = oauth2 { issuer = \"https://id.example/realm/\", device = \"https://id.example/dev\", client_auth = \"basic\", "
                 "grants = { \"device\", \"jwt\" } } }");
  const peri_auth *auth = &w.c.auths[0];
  assert_str(auth->client_auth, "basic");
  assert_true(peri_auth_offers(auth, "device") && peri_auth_offers(auth, "jwt") && !peri_auth_offers(auth, "code"));
  assert_int_equal(peri_connector_auth_url(w.a, &w.c, auth, "issuer", NULL, PERI_STR(""), &url, &w.err), PERI_OK);
  assert_str(url, "https://id.example/realm");
  assert_int_equal(peri_connector_auth_url(w.a, &w.c, auth, "device", NULL, PERI_STR("http://127.0.0.1:8080/"), &url, &w.err), PERI_OK);
  assert_str(url, "http://127.0.0.1:8080/dev");
  assert_int_equal(peri_connector_auth_url(w.a, &w.c, auth, "token", NULL, PERI_STR(""), &url, &w.err), PERI_OK);
  assert_int_equal(url.n, 0);
  peri_arena_free(w.a);
}

static bool in_list(void *self, peri_str name) {
  for (peri_str rest = peri_str_of(self), one; rest.n;) {
    rest = peri_str_cut(rest, ' ', &one);
    if (peri_str_eq(one, name)) return true;
  }
  return false;
}

static void which_credential(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", auth = { token \"accessToken\", oauth2 { token = \"https://h.example/t\" }, basic \"password\" { user = secret \"user\" } } }");
  static const struct { const char *given; int kind; } rows[] = {{"accessToken", PERI_AUTH_TOKEN}, {"accessToken refreshToken", PERI_AUTH_TOKEN},
    {"accessToken refreshToken clientId clientSecret", PERI_AUTH_OAUTH2}, {"password user", PERI_AUTH_BASIC}, {"clientId clientSecret", PERI_AUTH_OAUTH2}, {"clientId", PERI_AUTH_OAUTH2}, {"accessToken clientId clientSecret", PERI_AUTH_TOKEN}, {"password", -1}, {"", -1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char given[64];
    strcpy(given, rows[i].given);
    const peri_auth *auth = peri_connector_auth(&w.c, in_list, given, &w.err);
    if ((auth ? (int)auth->kind : -1) != rows[i].kind) fail_msg("with '%s'", given);
  }
  assert_string_equal(w.err.text, "x needs a credential: accessToken, or clientId and clientSecret for perilune auth, with refreshToken where there is one, or password with user");
  peri_arena_free(w.a);
  world_open(&w, "connector \"x\" { base = \"https://h.example\", auth = { token \"accessToken\", oauth2 { token = \"https://h.example/t\", grants = { \"client_credentials\" } } } }");
  assert_int_equal(peri_connector_auth(&w.c, in_list, (char[]){"accessToken clientId clientSecret"}, &w.err)->kind, PERI_AUTH_OAUTH2); /* that one renews itself */
  peri_arena_free(w.a);
  world_open(&w, "connector \"x\" { base = \"https://h.example\" }");
  assert_int_equal(peri_connector_auth(&w.c, in_list, (char[]){""}, &w.err)->kind, PERI_AUTH_NONE);
  peri_arena_free(w.a);
}

static void order(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", streams = { stream \"a\" { key = \"id\", each = \"c\", full = get \"/a\" {} }, stream \"b\" { key = \"id\", after = { \"d\", \"a\" }, full = get \"/b\" {} },\n"
                 "stream \"c\" { key = \"id\", full = get \"/c\" {} }, stream \"d\" { key = \"id\", after = \"e\", full = get \"/d\" {} }, stream \"e\" { key = \"id\", after = \"d\", full = get \"/e\" {} } } }");
  const peri_stream **list = peri_connector_order(w.a, &w.c);
  peri_str names[5];
  for (int i = 0; i < 5; i++) names[i] = list[i]->name;
  assert_str(names[0], "c");
  assert_str(names[1], "a");
  assert_str(names[2], "e"); /* d and e want each other: as written, and no end without one of them */
  assert_str(names[3], "d");
  assert_str(names[4], "b");
  assert_null(list[5]);
  peri_arena_free(w.a);
}

static void added_streams(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", records = \"results\", streams = { stream \"car\" { key = \"id\", full = get \"/a\" {} } } }");
  const peri_node *made = tree(w.a, "stream \"car\" { key = \"id\", full = get \"/b\" {} }");
  assert_int_equal(peri_connector_add_stream(w.a, &w.c, made, PERI_STR("2-7"), &w.err), PERI_OK);
  assert_str(stream(&w, "car_2-7")->full->records, "results");
  assert_str(stream(&w, "car")->full->label, "car.full");
  assert_int_equal(peri_connector_add_stream(w.a, &w.c, made, PERI_STR("2-7"), &w.err), PERI_SCRIPT_REFUSED);
  assert_int_equal(peri_connector_add_stream(w.a, &w.c, tree(w.a, "get \"/x\" {}"), PERI_STR("1"), &w.err), PERI_SCRIPT_REFUSED);
  assert_int_equal(peri_connector_add_stream(w.a, &w.c, tree(w.a, "stream \"n\" { key = \"id\" }"), PERI_STR("1"), &w.err), PERI_SCRIPT_REFUSED);
  assert_non_null(strstr(w.err.text, "says nowhere how it is read"));
  assert_int_equal(w.c.stream_count, 2);
  peri_connector_settle(w.a, &w.c, NULL);
  assert_int_equal(w.c.stream_count, 2);
  peri_arena_free(w.a);
}

static void items(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", streams = { stream \"a\" { key = \"id\", each = { repo = setting \"repos\" }, full = get(\"/\" .. parent { as = \"path\" }) {} },\n"
                 "stream \"b\" { key = \"id\", each = { \"a\", having = \"n\" }, visit = \"all\", full = get \"/b\" {} } } }");
  peri_str name, *list;
  assert_int_equal(peri_stream_items(w.a, &w.c, stream(&w, "a"), json(w.a, "{\"repos\":[\"o/r\",7]}"), &name, &list), 2);
  assert_str(name, "repo");
  assert_str(list[0], "\"o/r\"");
  assert_str(list[1], "7");
  assert_int_equal(peri_stream_items(w.a, &w.c, stream(&w, "a"), NULL, &name, &list), 0);
  assert_int_equal(peri_stream_items(w.a, &w.c, stream(&w, "b"), NULL, &name, &list), 0);
  assert_str(stream(&w, "b")->each, "a");
  assert_true(stream(&w, "b")->visit_all);
  peri_arena_free(w.a);
}

static void registry(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { title = \"X\", category = \"CRM\", popular = true, documentation = \"https://d\", base = setting \"site\", versions = { \"1\" },\n"
                 "settings = { url \"site\" { required = true }, text \"area\" {} }, auth = { basic \"password\" { user = setting \"user\" }, token \"accessToken\" },\n"
                 "streams = { stream \"s\" { key = \"id\", full = get \"/\" {}, changes = get \"/\" { query = { s = since } }, archived = get \"/\" {}, discover = get \"/\" {} } } }");
  peri_buf out = {0};
  peri_jw jw;
  peri_jw_init(&jw, &out);
  peri_connector_registry(&w.c, &jw);
  assert_str(peri_buf_view(&out), "{\"name\":\"X\",\"type\":\"x\",\"platform\":\"x\",\"description\":\"\",\"category\":\"CRM\",\"is_popular\":true,\"is_active\":true,"
                                  "\"capabilities\":[\"s\",\"incremental\",\"deletions\",\"discover\"],\"required_fields\":[\"password\",\"site\"],"
                                  "\"optional_fields\":[\"accessToken\",\"area\",\"version\"],\"documentation_url\":\"https://d\"}");
  peri_buf_fini(&out);
  peri_arena_free(w.a);
}

static void open_view(void **state) {
  (void)state;
  world w;
  world_open(&w, "connector \"x\" { base = \"https://h.example\", streams = { stream \"s\" { key = { \"parent:a\", \"b\" }, removed = { \"status\", \"trash\" }, updated = datetime \"m\" { zone = \"UTC\" },\n"
                 "full = get \"/\" { records = \"r[].to[]\", match = \"parent:from.id\", pages = cursor { read = \"r[].next\", send = \"body.inputs[].after\" }, since = \"last\" } } } }");
  peri_buf out = {0};
  peri_str mapping = PERI_STR("mappings/x/s.lua"), context = PERI_STR("a");
  peri_stream_open_json(stream(&w, "s"), stream(&w, "s")->full, 3, PERI_STR("x"), &mapping, 1, &context, 1, &out);
  const peri_json *v = json(w.a, peri_buf_c(&out));
  assert_int_equal(peri_json_get_int(v, "view", 0), 3);
  assert_str(peri_json_get_text(v, "records"), "r[].to[]");
  assert_str(peri_json_str(peri_json_at(v, PERI_STR("page[0]"))), "last");
  assert_int_equal(peri_json_get(v, "page")->count, 1);
  assert_str(peri_json_str(peri_json_at(v, PERI_STR("pairs.match"))), "from.id");
  assert_str(peri_json_str(peri_json_at(v, PERI_STR("context[0]"))), "a");
  peri_node *updated = peri_node_read(w.a, peri_json_get(v, "updated"), &w.err);
  assert_true(peri_node_is(updated, "datetime"));
  assert_int_equal(peri_json_get(v, "merged")->type, PERI_J_NULL);
  peri_buf_fini(&out);
  peri_arena_free(w.a);
}

static void mistakes(void **state) {
  (void)state;
  static const char *const bad[][2] = {
    {"connector \"x\" { base = \"https://h\", streams = { stream \"s\" { key = \"id\" } } }", "says nowhere how it is read"},
    {"connector \"x\" { base = \"https://h\", streams = { stream \"s\" { key = \"id\", overlap = \"soon\", full = get \"/\" {} } } }", "overlap is no duration"},
    {"connector \"x\" { base = \"https://h\", streams = { stream \"s\" { key = \"id\", full = { poll = get \"/\" {} } } } }", "neither a request"},
    {"connector \"x\" { base = \"https://h\", streams = { stream \"s\" { key = \"id\", full = { create = get \"/\" {} } } } }", "a job needs create and read"},
    {"connector \"x\" { base = \"https://h\", streams = { stream \"s\" { key = \"id\", full = get \"/\" { batch = 99999 } } } }", "batch is not between"},
    {"mapping \"x\" {}", "it is no connector"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    peri_arena *a = peri_arena_new();
    peri_tree t = {.path = PERI_STR("connectors/x.lua"), .root = tree(a, bad[i][0])};
    peri_connector c;
    peri_err err = {0};
    assert_int_equal(peri_connector_compile(a, &t, &c, &err), PERI_SCRIPT_REFUSED);
    if (!strstr(err.text, bad[i][1])) fail_msg("said: %s", err.text);
    peri_arena_free(a);
  }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(defaults), cmocka_unit_test(choices_and_jobs), cmocka_unit_test(addresses), cmocka_unit_test(credentials), cmocka_unit_test(auth_endpoints),
  cmocka_unit_test(which_credential), cmocka_unit_test(order), cmocka_unit_test(added_streams), cmocka_unit_test(items), cmocka_unit_test(registry), cmocka_unit_test(open_view),
  cmocka_unit_test(mistakes)};
PERI_GROUP(core_connector, tests)
