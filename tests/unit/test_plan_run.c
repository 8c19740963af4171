/* plan: bytes that must not change, what a worker is told, stamps, a run's memory, hashes. */
#include <stdio.h>

#include "test_plan.h"

static void bytes_go_through(void **state) {
  (void)state;
  bench_plan b = plan_of_text("{\"fields\":{\"j\":[\"json\",\"v\"],\"t\":[\"text\",\"t\",{\"trim\":false,\"empty\":\"keep\"}],\"q\":[\"text\",\"t\"],\"r\":[\"rest\",\"o\"],\"l\":[\"list\",\"l\",{\"of\":\"json\"}]}}", NULL, NULL);
  static const struct { const char *given, *row; } table[] = {
    {"{\"id\":1,\"v\":{ \"b\" : [ 1.50 , -0 , 1E400 ] , \"a\":{} },\"t\":\"\\u0000\\/\\ud83d\\ude00\\b\",\"o\":{\"z\":1.0,\"a\": [ ] },\"l\":[1.0, {} ]}",
     "{\"j\":{ \"b\" : [ 1.50 , -0 , 1E400 ] , \"a\":{} },\"t\":\"\\u0000\\/\\ud83d\\ude00\\b\",\"q\":\"\\u0000\\/\\ud83d\\ude00\\b\",\"r\":{\"z\":1.0,\"a\": [ ]},\"l\":[1.0,{}]}"},
    {"{\"id\":1,\"v\":18446744073709551616,\"t\":\" x \",\"o\":{},\"l\":[]}", "{\"j\":18446744073709551616,\"t\":\" x \",\"q\":\"x\",\"r\":{},\"l\":[]}"},
    {"{\"id\":1,\"t\":\"\"}", "{\"j\":null,\"t\":\"\",\"q\":null,\"r\":null,\"l\":null}"},
    {"{\"id\":1,\"v\":null,\"t\":\"\\u00e9\\u0020\"}", "{\"j\":null,\"t\":\"\\u00e9\\u0020\",\"q\":\"é\",\"r\":null,\"l\":null}"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) assert_string_equal(map_one(&b, table[i].given), table[i].row);
  plan_down(&b);
}

static void the_whole_record_as_json(void **state) {
  (void)state;
  bench_plan b = plan_of_text("{\"fields\":{\"all\":[\"json\",\"\"]}}", NULL, NULL);
  assert_string_equal(map_one(&b, "{\"id\":1,\"b\":[{\"x\":\"\\u0000\"}],\"a\":null}"), "{\"all\":{\"id\":1,\"b\":[{\"x\":\"\\u0000\"}],\"a\":null}}");
  plan_down(&b);
}

static void calls_are_marked_and_counted(void **state) {
  (void)state;
  bench_plan b = plan_of_text("{\"fields\":{\"a\":[\"text\",\"a\"],\"b\":[\"text\",\"b\",{\"transform\":{\"fn\":\"upper\"},\"validate\":{\"fn\":\"same\"}}]}}", NULL, NULL);
  peri_record_in record = {.index = 41, .raw = PERI_STR("{\"id\":1,\"b\":\"x\"}")};
  map_record(&b, &record);
  assert_int_equal(b.fake.calls, 2);
  assert_int_equal(b.fake.record, 41);
  assert_int_equal(b.fake.field, 1);
  map_one(&b, "{\"id\":1,\"b\":null}");
  assert_int_equal(b.fake.calls, 2);
  plan_down(&b);
}

static void without_a_script(void **state) {
  (void)state;
  bench_plan b = plan_of_text("{\"fields\":{\"b\":[\"text\",\"b\",{\"transform\":{\"fn\":\"upper\"}}]}}", NULL, NULL);
  peri_slot slots[8] = {0};
  peri_json_fault fault;
  peri_row *rows;
  size_t count;
  peri_record_in record = {.raw = PERI_STR("{\"id\":1,\"b\":\"x\"}"), .slots = slots};
  assert_true(peri_paths_count(b.set) <= 8 && peri_paths_walk(b.set, record.raw, slots, b.arena, &fault));
  peri_plan_run(b.view, NULL, &record, b.arena, &rows, &count);
  assert_int_equal(rows[0].verdict, PERI_REJECT);
  assert_true(peri_str_is(rows[0].reject.code, "script_error"));
  plan_down(&b);
}

static void a_run_forgets(void **state) {
  (void)state;
  bench_plan b = plan_of_text("{\"fields\":{\"e\":[\"text\",\"e\",{\"unique\":true}]}}", NULL, NULL);
  char text[64];
  for (int i = 0; i < 5000; i++) { /* more than the first table holds */
    snprintf(text, sizeof text, "{\"id\":%d,\"e\":\"v%d\"}", i, i);
    assert_true(map_one(&b, text)[0] == '{');
  }
  assert_true(strncmp(map_one(&b, "{\"id\":\"x\",\"e\":\"v77\"}"), "rule e: e: another record", 24) == 0);
  assert_string_equal(map_one(&b, "{\"id\":77,\"e\":\"v77\"}"), "{\"e\":\"v77\"}"); /* the same record once more */
  peri_plan_run_begins(b.plan);
  assert_string_equal(map_one(&b, "{\"id\":\"x\",\"e\":\"v77\"}"), "{\"e\":\"v77\"}");
  plan_down(&b);
}

static void long_keys_are_refused(void **state) {
  (void)state;
  bench_plan b = plan_of_text("{\"fields\":{}}", NULL, NULL);
  char text[2000] = "{\"id\":\"";
  size_t n = strlen(text);
  memset(text + n, 'k', 1025);
  memcpy(text + n + 1025, "\"}", 3);
  assert_true(strncmp(map_one(&b, text), "type key: key: wanted a key of at most 1024 bytes, got 1025", 58) == 0);
  plan_down(&b);
}

/* ---- stamps ---- */

static bool stamp(const char *updated, const char *record, int64_t *position) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  peri_err e = {0};
  peri_paths *set = peri_paths_new(a);
  peri_stamp *s = peri_stamp_compile(a, short_node(a, peri_json_parse(a, peri_str_of(updated), &fault)), set, &e);
  if (!s) fail_msg("%s: %s", updated, e.text);
  peri_slot *slots = peri_arena_take(a, ((size_t)peri_paths_count(set) + 1) * sizeof *slots);
  assert_true(peri_paths_walk(set, peri_str_of(record), slots, a, &fault));
  bool ok = peri_stamp_read(s, slots, position);
  peri_arena_free(a);
  return ok;
}

static void stamps(void **state) {
  (void)state;
  static const struct { const char *updated, *record; bool ok; int64_t position; } table[] = {
    {"[\"datetime\",\"u\"]", "{\"u\":\"2025-04-03T12:59:10.726Z\"}", true, 1743685150726}, {"\"u\"", "{\"u\":\"2025-04-03T12:59:10.726Z\"}", true, 1743685150726},
    {"[\"datetime\",\"u\"]", "{\"u\":\"2025-04-03T12:59:10.726\\u005a\"}", true, 1743685150726}, {"[\"datetime\",[\"a\",\"u\"]]", "{\"a\":\"\",\"u\":1743685150726}", true, 1743685150726},
    {"[\"datetime\",\"u\",{\"zone\":\"+02:00\"}]", "{\"u\":\"2025-04-03T12:59:10\"}", true, 1743677950000}, {"[\"datetime\",\"u\"]", "{\"u\":\"soon\"}", false, 0}, {"[\"datetime\",\"u\"]", "{\"u\":null}", false, 0}, {"[\"datetime\",\"u\"]", "{}", false, 0},
    {"[\"date\",\"u\"]", "{\"u\":\"1970-01-02\"}", true, 86400000}, {"[\"integer\",\"u\"]", "{\"u\":\"17\"}", true, 17}, {"[\"integer\",\"u\"]", "{\"u\":18446744073709551616}", false, 0}, {"[\"integer\",\"u\"]", "{\"u\":-5}", true, -5},
    {"[\"decimal\",\"u\"]", "{\"u\":\"1512085950.000216\"}", true, 1512085950000216}, {"[\"decimal\",\"u\"]", "{\"u\":1.9999999}", true, 1999999}, {"[\"decimal\",\"u\"]", "{\"u\":\"-0.5\"}", true, -500000}, {"[\"decimal\",\"u\"]", "{\"u\":\"99999999999999999999\"}", false, 0}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    int64_t position = 0;
    if (stamp(table[i].updated, table[i].record, &position) != table[i].ok || (table[i].ok && position != table[i].position))
      fail_msg("%s in %s: %lld", table[i].updated, table[i].record, (long long)position);
  }
  peri_arena *a = peri_arena_new();
  static const char *const bad[] = {"[\"text\",\"u\"]", "[\"boolean\",\"u\"]", "[\"datetime\",\"u\",{\"transform\":{\"fn\":\"same\"}}]", "[\"datetime\",\"a[\"]", "5"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    peri_json_fault fault;
    peri_err e = {0};
    assert_null(peri_stamp_compile(a, short_node(a, peri_json_parse(a, peri_str_of(bad[i]), &fault)), peri_paths_new(a), &e));
    assert_true(e.text[0] != 0);
  }
  peri_arena_free(a);
}

/* ---- describe, hash ---- */

static void described(void **state) {
  (void)state;
  bench_plan b = plan_of_text(
    "{\"entity\":\"line\",\"from\":\"shop.order\",\"rows\":\"lines[]\",\"key\":[\"id\",[\"parent:id\",\"n\"],{\"join\":\":\"}],\"fields\":{"
    "\"a\":{\"city\":[\"text\",\"c\",{\"required\":true,\"validate\":{\"fn\":\"same\"},\"description\":\"where\"}]},"
    "\"p\":[\"money\",\"p\",{\"currency\":[\"cur\",\"setting:currency\"]}],\"w\":[\"when\",\"k\",{\"x\":[\"integer\",\"i\"],\"otherwise\":[\"integer\",\"j\"]}],\"o\":[\"rest\",\"o\"],\"t\":[\"text\",[\"x\",\"y\"],{\"transform\":{\"fn\":\"join\"}}],"
    "\"s\":[\"text\",\"issue:key\"]},\"rules\":[[\"rule\",\"p\",{\"need\":\"all\",\"warn\":\"no price\"}]]}", "{\"currency\":\"EUR\"}", NULL);
  if (!b.plan) fail_msg("%s", b.e.text);
  peri_buf out = {0};
  peri_plan_describe(b.plan, &out);
  peri_json_fault fault;
  peri_json *d = peri_json_parse(b.arena, peri_buf_view(&out), &fault);
  assert_non_null(d);
  static const struct { const char *path, *text; } table[] = {
    {"entity", "line"}, {"from", "shop.order"}, {"rowsPath", "lines[]"}, {"key[0]", "parent:id"}, {"key[1]", "n"},
    {"fields[0].name", "a.city"}, {"fields[0].kind", "text"}, {"fields[0].type", "text"}, {"fields[0].lua[0]", "validate"}, {"fields[0].description", "where"},
    {"fields[0].lineage", "c -> text -> required -> Lua validate (mappings/test/contact.lua:3)"},
    {"fields[1].name", "p"}, {"fields[1].type", "number"}, {"fields[1].paths[2]", "setting:currency"}, {"fields[2].name", "pCurrency"}, {"fields[2].type", "text"},
    {"fields[3].name", "w"}, {"fields[3].type", "integer"}, {"fields[3].paths[0]", "k"}, {"fields[3].lineage", "when k: x = i -> integer; otherwise = j -> integer"},
    {"fields[4].type", "json"}, {"fields[5].lineage", "x, y -> Lua transform (mappings/test/contact.lua:9) -> text"}, {"rest[0]", "lines[].o"}, {"parents[0]", "issue:key"}, {"settings[0]", "currency"},
    {"rules[0].fields[0]", "p"}, {"rules[0].then", "warn"}, {"rules[0].message", "no price"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const peri_json *v = peri_json_at(d, peri_str_of(table[i].path));
    if (!v || !peri_str_is(v->text, table[i].text)) fail_msg("%s: expected %s, got %.*s", table[i].path, table[i].text, PERI_S(v ? v->raw : PERI_STR("nothing")));
  }
  assert_true(peri_json_bool(peri_json_at(d, PERI_STR("fields[0].required")), false));
  assert_int_equal(peri_json_int(peri_json_at(d, PERI_STR("fields[0].line")), 0), 3);
  peri_buf reads = {0};
  peri_json_put(&reads, peri_json_get(d, "reads"));
  assert_string_equal(peri_buf_c(&reads), "[\"lines[]\",\"lines[].c\",\"lines[].p\",\"lines[].cur\",\"lines[].k\",\"lines[].i\",\"lines[].j\",\"lines[].o\",\"lines[].x\",\"lines[].y\",\"id\",\"lines[].n\"]");
  assert_true(peri_str_is(peri_json_get_text(d, "hash"), peri_plan_hash(b.plan)));
  assert_int_equal(strlen(peri_plan_hash(b.plan)), 32);
  peri_buf_fini(&out);
  peri_buf_fini(&reads);
  plan_down(&b);
}

static void hash_of(const char *mapping, const char *settings, const char *discovered, char out[33]) {
  bench_plan b = plan_of_text(mapping, settings, discovered);
  if (!b.plan) fail_msg("%s", b.e.text);
  memcpy(out, peri_plan_hash(b.plan), 33);
  plan_down(&b);
}

static void hashes(void **state) {
  (void)state;
  static const char *const base = "{\"fields\":{\"a\":[\"choice\",\"a\",{\"labels\":true}],\"c\":[\"text\",\"setting:c\"]}}";
  char one[33], other[33];
  hash_of(base, "{\"c\":1,\"d\":2}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"X\"}]}}", one);
  static const struct { const char *mapping, *settings, *discovered; bool same; } table[] = {
    {NULL, "{\"c\":1,\"d\":2}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"X\"}]}}", true}, {NULL, "{\"d\":3,\"c\":1}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"X\"}]},\"b\":{}}", true},
    {NULL, "{\"c\":2}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"X\"}]}}", false}, {NULL, "{\"c\":1}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"Y\"}]}}", false}, {NULL, "{\"c\":1}", NULL, false},
    {"{\"fields\":{\"a\":[\"choice\",\"a\",{\"labels\":true}],\"c\":[\"text\",\"setting:c\",{\"max\":5}]}}", "{\"c\":1}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"X\"}]}}", false},
    {"{\"fields\":{\"a\":[\"choice\",\"a\",{\"labels\":true,\"description\":\"d\"}],\"c\":[\"text\",\"setting:c\"]},\"examples\":[{\"given\":\"{}\"}]}", "{\"c\":1}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"X\"}]}}", true},
    {"{\"fields\":{\"c\":[\"text\",\"setting:c\"],\"a\":[\"choice\",\"a\",{\"labels\":true}]}}", "{\"c\":1}", "{\"a\":{\"options\":[{\"value\":\"x\",\"label\":\"X\"}]}}", false}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    hash_of(table[i].mapping ? table[i].mapping : base, table[i].settings, table[i].discovered, other);
    if ((strcmp(one, other) == 0) != table[i].same) fail_msg("hash %zu", i);
  }
}

/* ---- examples ---- */

static void examples(void **state) {
  (void)state;
  static const struct { const char *examples, *says; } table[] = {
    {"[{\"given\":\"{\\\"id\\\":1,\\\"e\\\":\\\" A@b.de \\\",\\\"n\\\":null}\",\"gives\":{\"e\":\"a@b.de\",\"n\":null}},{\"given\":\"{\\\"id\\\":2,\\\"e\\\":\\\"x\\\"}\",\"rejects\":{\"e\":\"type\"}}]", NULL},
    {"[{\"given\":\"{\\\"id\\\":1,\\\"n\\\":1.50}\",\"gives\":{\"n\":1.5,\"o\":{\"l\":null}}}]", NULL},
    {"[{\"given\":\"{\\\"id\\\":1,\\\"l\\\":[1,2]}\",\"gives\":{\"o\":{\"l\":[\"1\",\"2\"]}}}]", NULL},
    {"[{\"given\":\"{\\\"id\\\":1}\"}]", NULL},
    {"[]", NULL},
    {"[{\"given\":\"{\\\"id\\\":1,\\\"n\\\":5}\",\"gives\":{\"n\":6}}]", "example 1: n: expected 6, got 5"},
    {"[{\"given\":\"{\\\"id\\\":1,\\\"l\\\":[1]}\",\"gives\":{\"o\":{\"l\":[\"1\",\"2\"]}}}]", "example 1: o.l: expected [\"1\",\"2\"], got [\"1\"]"},
    {"[{\"given\":\"{\\\"id\\\":1,\\\"e\\\":\\\"a@b.de\\\"}\",\"gives\":{\"e\":null}}]", "example 1: e: expected null, got \"a@b.de\""},
    {"[{\"given\":\"{\\\"id\\\":1}\"},{\"given\":\"{\\\"id\\\":1}\",\"gives\":{\"x\":1}}]", "example 2: x: expected 1, got nothing: there is no such field"},
    {"[{\"given\":\"{\\\"id\\\":1,\\\"e\\\":\\\"x\\\"}\",\"gives\":{\"n\":null}}]", "example 1: expected a row, got a reject (type): e: wanted an e-mail"},
    {"[{\"given\":\"{\\\"id\\\":1}\",\"rejects\":{\"e\":\"type\"}}]", "example 1: e: expected a reject with code type, got a row"},
    {"[{\"given\":\"{\\\"id\\\":1,\\\"e\\\":\\\"x\\\"}\",\"rejects\":{\"e\":\"rule\"}}]", "example 1: e: expected a reject with code rule, got type (e: wanted"},
    {"[{\"given\":\"{\\\"id\\\":\"}]", "example 1: expected a row, got a reject (invalid_json)"},
    {"[{\"gives\":{}}]", "example 1: given: expected a record as JSON text, got nothing"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    char text[2000];
    int ran = 0, line = 0;
    snprintf(text, sizeof text, "{\"fields\":{\"e\":[\"email\",\"e\"],\"n\":[\"decimal\",\"n\"],\"o\":{\"l\":[\"list\",\"l\"]}},\"examples\":%s}", table[i].examples);
    const peri_json *json = peri_json_parse(a, peri_str_of(text), &fault);
    assert_non_null(json);
    bench_plan b = plan_of_text(text, NULL, NULL);
    bool ok = peri_plan_examples(b.arena, b.plan, short_mapping(b.arena, json), &b.fake.caller, &ran, &b.e, &line);
    if (ok != !table[i].says || (!ok && strncmp(b.e.text, table[i].says, strlen(table[i].says)) != 0)) fail_msg("examples %zu: %s", i, ok ? "all hold" : b.e.text);
    if (!ok) assert_int_equal(line, 1);
    plan_down(&b);
    peri_arena_free(a);
  }
}

static void examples_of_rows(void **state) {
  (void)state;
  static const char *const text =
    "{\"rows\":\"l[]\",\"key\":[\"parent:id\",\"#\"],\"fields\":{\"n\":[\"integer\",\"n\"]},\"examples\":[{\"given\":\"{\\\"id\\\":1,\\\"l\\\":[{\\\"n\\\":1},{\\\"n\\\":2}]}\",\"rows\":[{\"n\":1},{\"n\":3}]}]}";
  int ran, line;
  peri_json_fault fault;
  bench_plan b = plan_of_text(text, NULL, NULL);
  assert_false(peri_plan_examples(b.arena, b.plan, short_mapping(b.arena, peri_json_parse(b.arena, peri_str_of(text), &fault)), &b.fake.caller, &ran, &b.e, &line));
  assert_string_equal(b.e.text, "example 1: row 2: n: expected 3, got 2");
  plan_down(&b);
}

const struct CMUnitTest plan_run_tests[] = {
  cmocka_unit_test(bytes_go_through), cmocka_unit_test(the_whole_record_as_json), cmocka_unit_test(calls_are_marked_and_counted), cmocka_unit_test(without_a_script), cmocka_unit_test(a_run_forgets),
  cmocka_unit_test(long_keys_are_refused), cmocka_unit_test(stamps), cmocka_unit_test(described), cmocka_unit_test(hashes), cmocka_unit_test(examples), cmocka_unit_test(examples_of_rows)};
const size_t plan_run_count = sizeof plan_run_tests / sizeof *plan_run_tests;
