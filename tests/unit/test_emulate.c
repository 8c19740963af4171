/* emulators: the framework, with a small API of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/embed.h"
#include "base/limits.h"
#include "test_emulate.h"

void play_open(play *p, const char *path, peri_str source, const char *options) {
  *p = (play){.now_ms = TEST_NOW};
  peri_err e = {0};
  int line = 0;
  bool more = true;
  peri_script_limits limits = {.call_ms = PERI_EMULATOR_CALL_MS, .vm_bytes = PERI_EMULATOR_VM_BYTES};
  p->script = peri_script_new(&limits);
  p->arena = peri_arena_new();
  if (peri_script_file(p->script, peri_str_of(path), source, &e, &line) || peri_script_load(p->script, peri_str_of(path), p->arena, &p->tree, &e, &line) ||
      !peri_spec_check(&p->tree, &e, &line) || peri_emulator_new(p->script, &p->tree, peri_str_of(options), &p->em, &e))
    fail_msg("line %d: %s", line, e.text);
  while (more)
    if (peri_emulator_fill(p->em, 7, &more, &e)) fail_msg("%s", e.text);
}

void play_shipped(play *p, const char *options) {
  for (unsigned long i = 0; i < peri_embed_count; i++)
    if (strcmp(peri_embeds[i].path, "connectors/hubspot_emulator.lua") == 0) {
      play_open(p, peri_embeds[i].path, (peri_str){(const char *)peri_embeds[i].bytes, peri_embeds[i].size}, options);
      return;
    }
  fail_msg("connectors/hubspot_emulator.lua is not embedded");
}

void play_close(play *p) {
  peri_emulator_free(p->em);
  peri_arena_free(p->arena);
  peri_script_free(p->script);
}

int ask_as(play *p, const char *token, const char *method, const char *path, const char *query, const char *body) {
  peri_answer a;
  peri_serve q = {.method = peri_str_of(method), .path = peri_str_of(path), .query_json = peri_str_of(query ? query : "{}"), .body = peri_str_of(body), .now_ms = p->now_ms};
  char headers[400];
  snprintf(headers, sizeof headers, "{\"content-type\":\"%s\"%s%s%s}", body && body[0] != '{' && body[0] != '[' ? "application/x-www-form-urlencoded" : "application/json",
           token[0] ? ",\"authorization\":\"Bearer " : "", token, token[0] ? "\"" : "");
  q.headers_json = peri_str_of(headers);
  peri_emulator_serve(p->em, &q, &a);
  p->status = (int)a.status;
  p->headers = peri_arena_str(p->arena, a.headers_json);
  p->deliveries = peri_arena_str(p->arena, a.deliveries);
  p->text = peri_arena_str(p->arena, a.body);
  peri_json_fault fault;
  p->body = p->text.n ? peri_json_parse(p->arena, p->text, &fault) : NULL;
  return p->status;
}

int ask(play *p, const char *method, const char *path, const char *query, const char *body) {
  return ask_as(p, "pat-emulator", method, path, query, body);
}

const char *get_text(play *p, const char *path) {
  const peri_json *v = peri_json_at(p->body, peri_str_of(path));
  return v && v->type != PERI_J_NULL ? peri_arena_str(p->arena, peri_json_str(v)).p : NULL;
}

int64_t get_int(play *p, const char *path) {
  return peri_json_int(peri_json_at(p->body, peri_str_of(path)), -1);
}

/* ---- a small API ---- */

static const char small[] =
  "local function list(call, db)\n"
  "  local rows, next, shown = db.thing:scan { from = call.query.from, limit = tonumber(call.query.limit), archived = call.query.archived == 'true',\n"
  "    pick = call.query.names and { id = true, p = { 'a', 'missing', 'n' } } or nil }\n"
  "  return 200, { rows = rows, next = next, shown = shown }\n"
  "end\n"
  "return emulator 'small' {\n"
  "  credentials = { accessToken = 'pat-emulator', clientSecret = 's3cret' },\n"
  "  data = {\n"
  "    thing = { count = 40, key = 'id', updated = 'p.changed', archived = 'gone', unique = 'p.mail',\n"
  "      make = function(n, random, counts) if n == 13 then return nil end\n"
  "        return { id = tostring(n), p = { n = tostring(n * 10), a = random.name(), mail = 'm' .. n .. '@x.y', changed = random.stamp(), q = random.email(tostring(n)), none = null }, of = counts.thing } end,\n"
  "      touch = function(r, verb) r.p.verb = verb end },\n"
  "    fixed = { count = 3, fixed = true, make = function(n) return { id = n, s = 'fixed' } end },\n"
  "  },\n"
  "  rates = { default = { { '5/10s', headers = 'X-Rate-*' }, '100/day' }, slow = '1/1s' },\n"
  "  state = { count = 0, names = {} },\n"
  "  setup = function(db) db.state.setup = db.thing:count() end,\n"
  "  refused = function(call, why) return why.status, { why = why.code, token = call.token } end,\n"
  "  limited = function(call, why) return 429, why end,\n"
  "  control = function(call, db) return 200, { own = call.url } end,\n"
  "  routes = {\n"
  "    get '/things' { answers = list },\n"
  "    get '/things/{id}' { answers = function(call, db) local r = db.thing:get(call.path.id) if not r then return 404, { no = call.path.id } end return 200, r end },\n"
  "    post '/things' { answers = function(call, db) if call.fault then return 400, { bad = call.fault } end return 201, { id = db.thing:put(call.body) } end },\n"
  "    patch '/things/{id}' { answers = function(call, db) db.thing:change(call.path.id, call.body) return 200, { shown = db.thing:show(call.path.id, { id = true, p = { 'a' } }, { extra = 1 }) } end },\n"
  "    delete '/things/{id}' { answers = function(call, db) db.thing:archive(call.path.id) return 204 end },\n"
  "    get '/find' { answers = function(call, db) local live, gone = db.thing:count() return 200, { id = db.thing:find(call.query.mail), live = live, gone = gone, setup = db.state.setup } end },\n"
  "    post '/search' { answers = function(call, db) local rows, total, next = db.thing:search(call.body) return 200, { rows = rows, total = total, next = next } end },\n"
  "    post '/form' { open = true, answers = function(call) return 200, { body = call.body, raw = call.raw } end },\n"
  "    post '/token' { open = true, answers = function(call, db) local t, s = db.tokens:issue(60) return 200, { token = t, seconds = s } end },\n"
  "    get '/count' { answers = function(call, db) db.state.count = db.state.count + 1 return 200, { count = db.state.count } end },\n"
  "    get '/slow' { rate = 'slow', answers = function() return 200, 'slow', { ['X-Own'] = 'yes' } end },\n"
  "    get '/static' { answers = { fixed = true, list = { 1, 2 } } },\n"
  "    get '/broken' { answers = function() return nothing.at.all end },\n"
  "    get '/forever' { answers = function() while true do end end },\n"
  "    get '/odd' { answers = function() return 'no status' end },\n"
  "    get '/kept' { answers = function(call, db) kept = db.thing:scan { limit = 1 } end },\n"
  "  },\n"
  "  hooks = { changed = { sign = { 'hubspot-v3', 'github' }, make = function(c) if c.entity == 'thing' then return { id = c.id, verb = c.verb, was = c.before and c.before.p.a } end end } },\n"
  "}\n";

static void open_small(play *p, const char *options) {
  peri_str source = peri_str_of(small);
  play_open(p, "connectors/small_emulator.lua", source, options);
}

static void unlimited(play *p) {
  assert_int_equal(ask(p, "POST", "/_emulator/rate", NULL, "{\"on\":false}"), 200);
}

static void tables_are_made_and_scaled(void **state) {
  (void)state;
  play p, again, other;
  open_small(&p, "{\"records\":80,\"seed\":5,\"nowMs\":1795395723004}");
  open_small(&again, "{\"records\":80,\"seed\":5,\"nowMs\":1795395723004}");
  open_small(&other, "{\"records\":80,\"seed\":6,\"nowMs\":1795395723004}");
  assert_int_equal(ask(&p, "GET", "/find", "{\"mail\":\"M7@x.y\"}", NULL), 200);
  assert_string_equal(get_text(&p, "id"), "7"); /* found whatever its case */
  assert_int_equal(get_int(&p, "live"), 79);
  assert_int_equal(get_int(&p, "setup"), 79);
  ask(&p, "GET", "/things", "{\"limit\":\"100\"}", NULL);
  ask(&again, "GET", "/things", "{\"limit\":\"100\"}", NULL);
  ask(&other, "GET", "/things", "{\"limit\":\"100\"}", NULL);
  assert_int_equal(p.text.n, again.text.n);
  assert_memory_equal(p.text.p, again.text.p, p.text.n); /* a seed gives one account */
  assert_false(peri_str_eq(p.text, other.text));
  int64_t ms;
  bool t, z;
  assert_true(peri_iso_read(peri_str_of(get_text(&p, "rows[0].p.changed")), 0, &ms, &t, &z));
  assert_true(ms < TEST_NOW - 3600000);
  assert_int_equal(get_int(&p, "rows[0].of"), 80);
  ask(&p, "GET", "/_emulator/count", NULL, NULL);
  assert_int_equal(get_int(&p, "fixed.live"), 3);
  play_close(&p);
  play_close(&again);
  play_close(&other);
}

static void pages_go_on_where_they_ended(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  unlimited(&p);
  int seen = 0;
  char query[64] = "{\"limit\":\"10\"}";
  for (;;) {
    ask(&p, "GET", "/things", query, NULL);
    seen += (int)get_int(&p, "shown");
    if (!get_text(&p, "next")) break;
    snprintf(query, sizeof query, "{\"limit\":\"10\",\"from\":\"%s\"}", get_text(&p, "next"));
  }
  assert_int_equal(seen, 39);
  ask(&p, "GET", "/things", "{\"limit\":\"1\",\"names\":\"1\",\"from\":\"9\"}", NULL);
  peri_str want = PERI_STR("\"missing\":null,\"n\":\"90\"}}");
  assert_non_null(memmem(p.text.p, p.text.n, want.p, want.n)); /* names that are absent come as null */
  assert_null(get_text(&p, "rows[0].p.mail"));
  assert_string_equal(get_text(&p, "next"), "10"); /* keys that are numbers order as numbers */
  play_close(&p);
}

static void rows_are_written(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  unlimited(&p);
  assert_int_equal(ask(&p, "POST", "/things", NULL, "{\"id\":\"100\",\"p\":{\"a\":\"\\u0000\\ud83d\\ude00\",\"big\":12345678901234567890,\"e\":[],\"o\":{}}}"), 201);
  ask(&p, "GET", "/things/100", NULL, NULL);
  peri_str want = PERI_STR("{\"id\":\"100\",\"p\":{\"a\":\"\\u0000\xf0\x9f\x98\x80\"");
  assert_true(p.text.n > want.n && memcmp(p.text.p, want.p, want.n) == 0);
  assert_int_equal(ask(&p, "PATCH", "/things/3", NULL, "{\"p\":{\"a\":\"new\"}}"), 200);
  assert_string_equal(get_text(&p, "shown.p.a"), "new");
  assert_int_equal(get_int(&p, "shown.extra"), 1);
  ask(&p, "GET", "/things/3", NULL, NULL);
  assert_string_equal(get_text(&p, "p.n"), "30");
  assert_string_equal(get_text(&p, "p.changed"), "2026-11-23T01:02:03.004Z");
  assert_int_equal(ask(&p, "DELETE", "/things/3", NULL, NULL), 204);
  assert_int_equal(p.text.n, 0);
  ask(&p, "GET", "/things", "{\"limit\":\"10\",\"archived\":\"true\"}", NULL);
  assert_string_equal(get_text(&p, "rows[0].id"), "3");
  ask(&p, "GET", "/find", "{\"mail\":\"m3@x.y\"}", NULL);
  assert_null(get_text(&p, "id")); /* an archived row holds no unique value */
  assert_int_equal(get_int(&p, "gone"), 1);
  assert_int_equal(ask(&p, "POST", "/things", NULL, "{\"id\":"), 400);
  assert_int_equal(ask(&p, "POST", "/things", NULL, "{\"nokey\":1}"), 500);
  play_close(&p);
}

static void searches(void **state) {
  (void)state;
  static const struct { const char *body; int total; const char *first; } cases[] = {
    {"{\"where\":[[{\"path\":\"p.n\",\"op\":\"EQ\",\"value\":\"70.0\",\"kind\":\"number\"}]]}", 1, "7"},
    {"{\"where\":[[{\"path\":\"p.n\",\"op\":\"GT\",\"value\":\"380\",\"kind\":\"number\"}]]}", 2, "39"},
    {"{\"where\":[[{\"path\":\"p.n\",\"op\":\"BETWEEN\",\"values\":[\"20\",\"40\"],\"kind\":\"number\"}]],\"sort\":{\"path\":\"p.n\",\"kind\":\"number\",\"descending\":true}}", 3, "4"},
    {"{\"where\":[[{\"path\":\"id\",\"op\":\"LTE\",\"value\":\"5\",\"kind\":\"number\"}]],\"sort\":{\"path\":\"id\",\"kind\":\"number\",\"descending\":true}}", 5, "5"},
    {"{\"where\":[[{\"path\":\"p.mail\",\"op\":\"EQ\",\"value\":\"M12@X.Y\"}],[{\"path\":\"id\",\"op\":\"EQ\",\"value\":\"2\",\"kind\":\"number\"}]]}", 2, "2"},
    {"{\"where\":[[{\"path\":\"p.mail\",\"op\":\"EQ\",\"value\":\"M12@X.Y\",\"kind\":\"exact\"}]]}", 0, NULL},
    {"{\"where\":[[{\"path\":\"p.mail\",\"op\":\"TOKEN\",\"value\":\"m1*@x.y\"}]]}", 10, "1"},
    {"{\"where\":[[{\"path\":\"p.mail\",\"op\":\"TOKEN\",\"value\":\"m1\"}]]}", 1, "1"},
    {"{\"where\":[[{\"path\":\"p.mail\",\"op\":\"IN\",\"values\":[\"m1@x.y\",\"m2@x.y\",\"m99@x.y\"]}]]}", 2, "1"},
    {"{\"where\":[[{\"path\":\"p.none\",\"op\":\"HAS\"}]]}", 0, NULL},
    {"{\"where\":[[{\"path\":\"p.none\",\"op\":\"NEQ\",\"value\":\"x\"}]]}", 0, NULL},
    {"{\"where\":[[{\"path\":\"p.none\",\"op\":\"HAS_NOT\"}]],\"limit\":3}", 39, "1"},
    {"{\"text\":{\"value\":\"M3\",\"paths\":[\"p.mail\"]}}", 11, "3"},
    {"{\"where\":[[{\"path\":\"p.changed\",\"op\":\"LT\",\"value\":\"2026-11-23T00:00:00Z\",\"kind\":\"stamp\"}]],\"offset\":38}", 39, "40"},
  };
  play p;
  open_small(&p, "{\"nowMs\":1795395723004}");
  unlimited(&p);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (ask(&p, "POST", "/search", NULL, cases[i].body) != 200) fail_msg("%s: %.*s", cases[i].body, PERI_S(p.text));
    if (get_int(&p, "total") != cases[i].total) fail_msg("%s: total %d", cases[i].body, (int)get_int(&p, "total"));
    const char *first = get_text(&p, "rows[0].id");
    if ((first == NULL) != (cases[i].first == NULL) || (first && strcmp(first, cases[i].first) != 0)) fail_msg("%s: first %s", cases[i].body, first ? first : "none");
  }
  static const char *const bad[] = {"{\"where\":[[{\"path\":\"a\",\"op\":\"LIKE\",\"value\":\"x\"}]]}", "{\"where\":7}", "{\"limit\":-1}", "{\"where\":[[{\"op\":\"EQ\"}]]}",
                                    "{\"where\":[[{\"path\":\"a\",\"op\":\"BETWEEN\",\"values\":[\"1\"]}]]}", "{\"where\":[[{\"path\":\"a\",\"op\":\"EQ\",\"value\":\"1\",\"kind\":\"moon\"}]]}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (ask(&p, "POST", "/search", NULL, bad[i]) != 500) fail_msg("accepted: %s", bad[i]);
  play_close(&p);
}

static void callers_show_credentials(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  assert_int_equal(ask_as(&p, "", "GET", "/static", NULL, NULL), 401);
  assert_string_equal(get_text(&p, "why"), "missing");
  assert_int_equal(ask_as(&p, "guess", "GET", "/static", NULL, NULL), 401);
  assert_string_equal(get_text(&p, "why"), "unknown");
  assert_int_equal(ask_as(&p, "", "POST", "/token", NULL, "{}"), 200);
  char token[64];
  snprintf(token, sizeof token, "%s", get_text(&p, "token"));
  assert_int_equal(get_int(&p, "seconds"), 60);
  assert_int_equal(ask_as(&p, token, "GET", "/static", NULL, NULL), 200);
  p.now_ms += 60000;
  assert_int_equal(ask_as(&p, token, "GET", "/static", NULL, NULL), 401);
  assert_string_equal(get_text(&p, "why"), "expired");
  ask(&p, "POST", "/_emulator/expire", NULL, "{\"seconds\":5}");
  ask_as(&p, "", "POST", "/token", NULL, "{}");
  assert_int_equal(get_int(&p, "seconds"), 5);
  assert_int_equal(ask(&p, "GET", "/nowhere", NULL, NULL), 404);
  assert_int_equal(ask(&p, "PUT", "/things", NULL, NULL), 405);
  assert_int_equal(ask_as(&p, "", "POST", "/form", NULL, "a=1&b=%C3%BC+x&a=2"), 200);
  assert_string_equal(get_text(&p, "body.b"), "\xc3\xbc x");
  assert_string_equal(get_text(&p, "body.a[1]"), "2");
  play_close(&p);
}

static void limits_hold(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  for (int i = 0; i < 5; i++) {
    assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 200);
    p.now_ms += 100;
  }
  peri_str left = PERI_STR("\"X-Rate-Remaining\":0");
  assert_non_null(memmem(p.headers.p, p.headers.n, left.p, left.n));
  assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 429);
  assert_int_equal(get_int(&p, "windowMs"), 10000);
  assert_int_equal(get_int(&p, "waitMs"), 9500);
  assert_int_equal(ask(&p, "GET", "/slow", NULL, NULL), 200); /* another class */
  assert_null(memmem(p.headers.p, p.headers.n, "X-Rate", 6));
  assert_non_null(memmem(p.headers.p, p.headers.n, "X-Own", 5));
  assert_int_equal(ask(&p, "GET", "/slow", NULL, NULL), 429);
  p.now_ms += 9500; /* the window rolls: one call is free again */
  assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 200);
  assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 429);
  ask(&p, "POST", "/_emulator/rate", NULL, "{\"default\":\"50/10s\"}");
  assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 200);
  assert_int_equal(ask(&p, "POST", "/_emulator/rate", NULL, "{\"default\":\"lots\"}"), 400);
  play_close(&p);
}

static void faults_strike_as_asked(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  unlimited(&p);
  ask(&p, "POST", "/_emulator/fault", NULL, "{\"path\":\"/things*\",\"status\":503,\"times\":2,\"after\":1,\"retryAfter\":7}");
  static const int want[] = {200, 503, 503, 200};
  for (size_t i = 0; i < 4; i++) assert_int_equal(ask(&p, "GET", "/things/1", NULL, NULL), want[i]);
  assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 200);
  ask(&p, "POST", "/_emulator/fault", NULL, "{\"path\":\"/static\",\"garbage\":true}");
  assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 200);
  assert_null(p.body);
  ask(&p, "POST", "/_emulator/fault", NULL, "{\"path\":\"/static\",\"status\":500,\"times\":-1,\"percent\":20,\"seed\":5}");
  int struck = 0;
  for (int i = 0; i < 200; i++) struck += ask(&p, "GET", "/static", NULL, NULL) == 500;
  assert_in_range(struck, 20, 60);
  ask(&p, "POST", "/_emulator/fault", NULL, "{\"clear\":true}");
  assert_int_equal(ask(&p, "POST", "/_emulator/fault", NULL, "{\"status\":500,\"percent\":101}"), 400);
  ask(&p, "POST", "/_emulator/fault", NULL, "{\"cut\":\"body\",\"delay_ms\":30}");
  peri_answer a;
  peri_serve q = {.method = PERI_STR("GET"), .path = PERI_STR("/static"), .headers_json = PERI_STR("{\"authorization\":\"Bearer pat-emulator\"}"), .now_ms = p.now_ms};
  peri_emulator_serve(p.em, &q, &a);
  assert_int_equal(a.fault, 2);
  assert_int_equal(a.delay_ms, 30);
  assert_int_equal(ask(&p, "POST", "/_emulator/fault", NULL, "{\"path\":\"/x\"}"), 400);
  assert_int_equal(ask(&p, "POST", "/_emulator/fault", NULL, "{\"cut\":\"sideways\"}"), 400);
  play_close(&p);
}

static void changes_on_demand(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  unlimited(&p);
  ask(&p, "POST", "/_emulator/change", NULL, "{\"entity\":\"thing\",\"count\":10,\"stamps\":\"distinct\"}");
  assert_int_equal(get_int(&p, "count"), 10);
  ask(&p, "POST", "/search", NULL, "{\"where\":[[{\"path\":\"p.changed\",\"op\":\"GT\",\"value\":\"1795395722000\",\"kind\":\"stamp\"}]],\"sort\":{\"path\":\"p.changed\",\"kind\":\"stamp\"}}");
  assert_int_equal(get_int(&p, "total"), 10);
  assert_string_equal(get_text(&p, "rows[9].p.changed"), "2026-11-23T01:02:03.004Z");
  assert_string_equal(get_text(&p, "rows[8].p.changed"), "2026-11-23T01:02:03.003Z");
  assert_string_equal(get_text(&p, "rows[0].p.verb"), "change");
  p.now_ms += 60000;
  ask(&p, "POST", "/_emulator/change", NULL, "{\"entity\":\"thing\",\"count\":39,\"stamps\":\"equal\"}");
  ask(&p, "POST", "/search", NULL, "{\"where\":[[{\"path\":\"p.changed\",\"op\":\"EQ\",\"value\":\"1795395783004\",\"kind\":\"stamp\"}]]}");
  assert_int_equal(get_int(&p, "total"), 39);
  ask(&p, "POST", "/_emulator/archive", NULL, "{\"entity\":\"thing\",\"count\":4}");
  ask(&p, "POST", "/_emulator/remove", NULL, "{\"entity\":\"thing\",\"ids\":[\"2\"]}");
  ask(&p, "POST", "/_emulator/create", NULL, "{\"entity\":\"thing\",\"count\":3}");
  assert_string_equal(get_text(&p, "ids[2]"), "43");
  ask(&p, "GET", "/_emulator/count", NULL, NULL);
  assert_int_equal(get_int(&p, "thing.archived"), 4);
  assert_int_equal(get_int(&p, "thing.live"), 39 - 4 - 1 + 3);
  ask(&p, "POST", "/_emulator/restore", NULL, "{\"entity\":\"thing\",\"count\":1}");
  ask(&p, "GET", "/count", NULL, NULL);
  ask(&p, "GET", "/count", NULL, NULL);
  assert_int_equal(get_int(&p, "count"), 2);
  ask(&p, "GET", "/_emulator/requests", "{\"last\":\"1\"}", NULL);
  assert_int_equal(get_int(&p, "counts.GET /count"), 2);
  assert_string_equal(get_text(&p, "last[0].path"), "/count");
  assert_int_equal(peri_json_at(p.body, PERI_STR("last"))->count, 1);
  ask(&p, "POST", "/_emulator/reset", NULL, "{}");
  ask(&p, "GET", "/_emulator/count", NULL, NULL);
  assert_int_equal(get_int(&p, "thing.live"), 39);
  ask(&p, "GET", "/count", NULL, NULL);
  assert_int_equal(get_int(&p, "count"), 1); /* state, too, is as at the start */
  assert_int_equal(ask(&p, "POST", "/_emulator/change", NULL, "{\"entity\":\"nothing\"}"), 404);
  assert_int_equal(ask(&p, "POST", "/_emulator/change", NULL, "[]"), 400);
  assert_int_equal(ask(&p, "GET", "/_emulator/mine", NULL, NULL), 200);
  assert_string_equal(get_text(&p, "own"), "/_emulator/mine");
  play_close(&p);
}

static void scripts_fail_alone(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  unlimited(&p);
  assert_int_equal(ask(&p, "GET", "/broken", NULL, NULL), 500);
  assert_non_null(strstr(get_text(&p, "message"), "connectors/small_emulator.lua:"));
  assert_int_equal(ask(&p, "GET", "/forever", NULL, NULL), 500);
  assert_non_null(strstr(get_text(&p, "message"), "ms"));
  assert_int_equal(ask(&p, "GET", "/odd", NULL, NULL), 500);
  assert_int_equal(ask(&p, "GET", "/kept", NULL, NULL), 500); /* globals cannot be written */
  assert_int_equal(ask(&p, "GET", "/static", NULL, NULL), 200);
  assert_string_equal(get_text(&p, "list[1]"), "2");
  play_close(&p);
}

static void hooks_are_told(void **state) {
  (void)state;
  play p;
  open_small(&p, "{}");
  unlimited(&p);
  ask(&p, "PATCH", "/things/3", NULL, "{\"p\":{\"a\":\"quiet\"}}");
  assert_int_equal(p.deliveries.n, 0); /* nobody listens yet */
  assert_int_equal(ask(&p, "POST", "/_emulator/webhooks", NULL, "{\"url\":\"http://example.com/\"}"), 400);
  assert_int_equal(ask(&p, "POST", "/_emulator/webhooks", NULL, "{\"url\":\"http://127.0.0.1:9/hook\"}"), 200);
  ask(&p, "PATCH", "/things/3", NULL, "{\"p\":{\"a\":\"loud\"}}");
  peri_json_fault fault;
  const peri_json *list = peri_json_parse(p.arena, p.deliveries, &fault);
  assert_non_null(list);
  assert_int_equal(list->count, 1);
  assert_true(peri_str_is(peri_json_get_text(list->first, "body"), "[{\"id\":\"3\",\"verb\":\"change\",\"was\":\"quiet\"}]"));
  assert_true(peri_str_is(peri_json_get_text(list->first, "secret"), "s3cret"));
  ask(&p, "POST", "/_emulator/create", NULL, "{\"entity\":\"thing\",\"count\":250}");
  list = peri_json_parse(p.arena, p.deliveries, &fault);
  assert_int_equal(list->count, 3); /* at most 100 events in each */
  ask(&p, "POST", "/_emulator/change", NULL, "{\"entity\":\"fixed\",\"count\":2}");
  assert_int_equal(p.deliveries.n, 0); /* make said nil */
  play_close(&p);
}

static void refuse(const char *source, const char *says) {
  peri_script *s = peri_script_new(NULL);
  peri_arena *a = peri_arena_new();
  peri_err e = {0};
  int line = 0;
  bool more = true;
  peri_tree tree;
  peri_emulator *em = NULL;
  peri_str path = PERI_STR("connectors/bad_emulator.lua");
  peri_code code = peri_script_file(s, path, peri_str_of(source), &e, &line);
  if (!code) code = peri_script_load(s, path, a, &tree, &e, &line);
  if (!code && !peri_spec_check(&tree, &e, &line)) code = e.code;
  if (!code) code = peri_emulator_new(s, &tree, PERI_STR("{}"), &em, &e);
  while (!code && more) code = peri_emulator_fill(em, 100, &more, &e);
  if (!code || !strstr(e.text, says)) fail_msg("%s: said '%s', not '%s'", source, e.text, says);
  peri_emulator_free(em);
  peri_arena_free(a);
  peri_script_free(s);
}

static void mistakes_are_named(void **state) {
  (void)state;
  refuse("return emulator 'x' { data = { state = { count = 1 } }, routes = { get '/' { answers = {} } } }", "no table may be called state");
  refuse("return emulator 'x' { data = { a = { count = 1, make = function(n) return { nokey = n } end } }, routes = { get '/' { answers = {} } } }", "no key");
  refuse("return emulator 'x' { data = { a = { count = 1, make = function(n) return 7 end } }, routes = { get '/' { answers = {} } } }", "no table");
  refuse("return emulator 'x' { data = { a = { count = 9, make = function(n) error('row ' .. n) end } }, routes = { get '/' { answers = {} } } }", "a, row 1: connectors/bad_emulator.lua:1: row 1");
  refuse("return emulator 'x' { setup = function(db) db.nothing:get('1') end, routes = { get '/' { answers = {} } } }", "nil value");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(tables_are_made_and_scaled), cmocka_unit_test(pages_go_on_where_they_ended), cmocka_unit_test(rows_are_written),
    cmocka_unit_test(searches),                   cmocka_unit_test(callers_show_credentials),     cmocka_unit_test(limits_hold),
    cmocka_unit_test(faults_strike_as_asked),     cmocka_unit_test(changes_on_demand),            cmocka_unit_test(scripts_fail_alone),
    cmocka_unit_test(hooks_are_told),             cmocka_unit_test(mistakes_are_named),
  };
  peri_err e;
  static peri_progress progress;
  if (peri_budget_start(&progress, &e)) {
    fprintf(stderr, "%s\n", e.text);
    return 1;
  }
  int failed = cmocka_run_group_tests_name("emulators: the framework", tests, NULL, NULL);
  return failed + peri_test_emulate_hubspot() + peri_test_emulate_http();
}
