/* plan: extends, change, drop; rows of data_mappings laid over a mapping. */
#include <stdio.h>

#include "test_plan.h"

#include "spec/spec.h"

typedef struct project {
  peri_arena *arena;
  peri_tree trees[4];
  const char *names[4];
  size_t count;
} project;

static const peri_tree *find(void *self, peri_str name) {
  project *p = self;
  for (size_t i = 0; i < p->count; i++)
    if (peri_str_is(name, p->names[i])) return &p->trees[i];
  return NULL;
}

static void add(project *p, const char *name, const char *mapping) {
  peri_json_fault fault;
  peri_json *json = peri_json_parse(p->arena, peri_str_of(mapping), &fault);
  if (!json) fail_msg("unsound: %s", mapping);
  p->names[p->count] = name;
  p->trees[p->count++] = (peri_tree){peri_arena_fmt(p->arena, "mappings/%s.lua", name), short_mapping(p->arena, json)};
}

static peri_node *resolve(project *p, size_t which, peri_err *e, int *line) {
  peri_mapping_lookup lookup = {p, find};
  peri_node *mapping = NULL;
  peri_code code = peri_mapping_resolve(p->arena, &p->trees[which], &lookup, &mapping, e, line);
  assert_int_equal(code == PERI_OK, mapping != NULL);
  return mapping;
}

static const peri_node *as_it_is(peri_arena *a, const void *node) {
  (void)a;
  return node;
}

static const char *const BASE =
  "{\"entity\":\"contact\",\"from\":\"hubspot.contact\",\"fields\":{\"email\":[\"email\",\"e\",{\"required\":true,\"max\":9}],\"owner\":[\"text\",\"o\"],\"address\":{\"city\":[\"text\",\"c\"],\"zip\":[\"text\",\"z\"]},\"tel\":[\"text\",\"t\"]},"
  "\"rules\":[[\"rule\",[\"tel\",\"email\"],{\"need\":\"any\",\"reject\":\"unreachable\"}],[\"rule\",\"owner\",{\"need\":\"all\",\"warn\":\"no owner\"}],[\"rule\",[\"owner\",\"tel\"],{\"check\":{\"fn\":\"same_as\"}}]],"
  "\"examples\":[{\"given\":\"{}\",\"rejects\":{\"email\":\"required\"}}]}";

static void one_mapping_from_another(void **state) {
  (void)state;
  project p = {.arena = peri_arena_new()};
  peri_err e = {0};
  int line = 0;
  add(&p, "hubspot/contact", BASE);
  add(&p, "@acme/contact", "{\"extends\":\"hubspot/contact\",\"integration\":\"acme\",\"change\":{\"email\":{\"required\":false,\"max\":null},\"address\":{\"city\":{\"case\":\"upper\"}}},\"drop\":[\"owner\",\"address.zip\"],"
                           "\"fields\":{\"vip\":[\"boolean\",\"v\",{\"default\":false}],\"tel\":[\"phone\",\"m\"],\"address\":{\"street\":[\"text\",\"s\"]}}}");
  add(&p, "@acme/deep", "{\"extends\":\"@acme/contact\",\"fields\":{\"email\":[\"text\",\"x\"]}}");
  peri_node *m = resolve(&p, 1, &e, &line);
  if (!m) fail_msg("%s", e.text);
  bench_plan b = plan_up(as_it_is, m, NULL, NULL);
  if (!b.plan) fail_msg("%s", b.e.text);
  assert_string_equal(map_one(&b, "{\"id\":1,\"e\":\"averylongname@b.de\",\"o\":\"O\",\"c\":\"rio\",\"z\":\"1\",\"t\":\"T\",\"m\":\"+1 234 567 89\",\"s\":\"S\"}"),
                      "{\"email\":\"averylongname@b.de\",\"address\":{\"city\":\"RIO\",\"street\":\"S\"},\"tel\":\"+123456789\",\"vip\":false}");
  assert_true(strncmp(map_one(&b, "{\"id\":1}"), "rule tel: tel, email: unreachable", 33) == 0);
  assert_null(peri_node_get(m, "examples")); /* those of the base are about the base */
  assert_true(peri_str_is(peri_node_opt_text(m, "integration"), "acme"));
  assert_int_equal(peri_node_get(m, "rules")->item_count, 1);
  plan_down(&b);
  m = resolve(&p, 2, &e, &line);
  b = plan_up(as_it_is, m, NULL, NULL);
  assert_string_equal(map_one(&b, "{\"id\":1,\"x\":\"any\"}"), "{\"email\":\"any\",\"address\":{\"city\":null,\"street\":null},\"tel\":null,\"vip\":false}");
  assert_null(peri_node_opt_text(m, "integration").p);
  plan_down(&b);
  m = resolve(&p, 0, &e, &line); /* the base is as it was */
  assert_ptr_equal(m, p.trees[0].root);
  b = plan_up(as_it_is, m, NULL, NULL);
  assert_true(strncmp(map_one(&b, "{\"id\":1}"), "required email", 14) == 0);
  plan_down(&b);
  peri_arena_free(p.arena);
}

static void mistakes_of_extends(void **state) {
  (void)state;
  static const struct { const char *mapping, *says; } table[] = {
    {"{\"extends\":\"hubspot/contcat\"}", "extends: there is no mapping 'hubspot/contcat'"},
    {"{\"extends\":\"own\"}", "extends: own leads back to mappings/own.lua"},
    {"{\"extends\":\"loop\"}", "extends: own leads back to mappings/own.lua"},
    {"{\"extends\":5}", "extends wants the name of a mapping"},
    {"{\"change\":{\"a\":{}}}", "change and drop are about a mapping that this one extends"},
    {"{\"extends\":\"hubspot/contact\",\"change\":{\"emial\":{}}}", "change: the mapping that this one extends has no field 'emial' (did you mean 'email'?)"},
    {"{\"extends\":\"hubspot/contact\",\"change\":{\"address\":{\"citty\":{}}}}", "change: the mapping that this one extends has no field 'address.citty' (did you mean 'address.city'?)"},
    {"{\"extends\":\"hubspot/contact\",\"change\":{\"email\":true}}", "change: email wants a table of options"},
    {"{\"extends\":\"hubspot/contact\",\"change\":{\"email\":[5]}}", "change: email wants options by name"},
    {"{\"extends\":\"hubspot/contact\",\"drop\":[\"ownr\"]}", "drop: the mapping that this one extends has no field 'ownr' (did you mean 'owner'?)"},
    {"{\"extends\":\"hubspot/contact\",\"drop\":[5]}", "drop wants names of fields"},
    {"{\"extends\":\"hubspot/contact\",\"fields\":5}", "fields wants a table"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    project p = {.arena = peri_arena_new()};
    peri_err e = {0};
    int line = 0;
    add(&p, "hubspot/contact", BASE);
    add(&p, "own", table[i].mapping);
    add(&p, "loop", "{\"extends\":\"own\"}");
    assert_null(resolve(&p, 1, &e, &line));
    if (strncmp(e.text, table[i].says, strlen(table[i].says)) != 0) fail_msg("%s: %s", table[i].mapping, e.text);
    assert_int_equal(line, 1);
    peri_arena_free(p.arena);
  }
}

/* ---- rows of data_mappings ---- */

static peri_code compile_body(void *self, peri_str name, peri_str body, int *fn, peri_err *e) {
  (void)self;
  if (memmem(body.p, body.n, "?", 1)) return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: this is JavaScript", PERI_S(name));
  *fn = function_named(memmem(body.p, body.n, "upper", 5) ? "upper" : "positive");
  return PERI_OK;
}

static peri_node *overlay(peri_arena *a, const peri_node *mapping, const char *rows, peri_err *e) {
  peri_json_fault fault;
  peri_json *json = peri_json_parse(a, peri_str_of(rows), &fault);
  peri_node *out = NULL;
  if (!json) fail_msg("unsound: %s", rows);
  peri_code code = peri_mapping_overlay(a, mapping, PERI_STR("hubspot"), PERI_STR("contact"), json, compile_body, NULL, &out, e);
  assert_int_equal(code == PERI_OK, out != NULL);
  return out;
}

static void rows_make_a_mapping(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_err e = {0};
  peri_node *m = overlay(a, NULL,
    "[{\"external_field\":\"properties.firstname\",\"internal_field\":\"firstName\",\"field_type\":\"string\",\"is_required\":1,\"default_value\":null,\"transformation\":\"return value:upper()\",\"validation\":null},"
    "{\"external_field\":\"properties.age\",\"internal_field\":\"person.age\",\"field_type\":\"number\",\"is_required\":false,\"default_value\":\"5\",\"transformation\":\"\",\"validation\":\"return value >= 0\"},"
    "{\"external_field\":\"properties.tags\",\"internal_field\":\"person.tags\",\"field_type\":\"array\",\"options\":\"{\\\"split\\\":\\\";\\\",\\\"of\\\":\\\"integer\\\"}\"},"
    "{\"external_field\":\"o\",\"internal_field\":\"o\",\"field_type\":\"object\"},{\"external_field\":\"b\",\"internal_field\":\"b\",\"field_type\":\"boolean\",\"default_value\":\"false\",\"options\":null},"
    "{\"external_field\":\"d\",\"internal_field\":\"d\",\"field_type\":\"date\",\"options\":{\"format\":[\"%d.%m.%Y\"]}},{\"external_field\":\"[\\\"x\\\",\\\"y\\\"]\",\"internal_field\":\"xy\",\"field_type\":\"text\",\"options\":{\"join\":\"-\"},\"default_value\":\"Unknown\"},"
    "{\"external_field\":\"off\",\"internal_field\":\"off\",\"field_type\":\"text\",\"is_active\":0},{\"external_field\":\"m\",\"internal_field\":\"m\",\"field_type\":\"decimal\",\"default_value\":\"12345678901234567890.5\"}]", &e);
  if (!m) fail_msg("%s", e.text);
  assert_true(peri_str_is(peri_node_opt_text(m, "from"), "hubspot.contact"));
  bench_plan b = plan_up(as_it_is, m, NULL, NULL);
  if (!b.plan) fail_msg("%s", b.e.text);
  assert_string_equal(map_one(&b, "{\"id\":1,\"properties.firstname\":\" john \",\"properties\":{\"tags\":\"1;2\"},\"o\":{\"z\":1},\"d\":\"31.12.2024\",\"off\":1}"),
                      "{\"firstName\":\"JOHN\",\"person\":{\"age\":5,\"tags\":[1,2]},\"o\":{\"z\":1},\"b\":false,\"d\":\"2024-12-31\",\"xy\":\"Unknown\",\"m\":12345678901234567890.5}");
  assert_true(strncmp(map_one(&b, "{\"id\":1,\"properties\":{\"firstname\":\"x\",\"age\":-1}}"), "validate person.age: person.age: -1: negative", 44) == 0);
  assert_true(strncmp(map_one(&b, "{\"id\":1}"), "required firstName", 18) == 0);
  char one[33];
  memcpy(one, peri_plan_hash(b.plan), 33);
  plan_down(&b);
  m = overlay(a, NULL, "[{\"external_field\":\"a\",\"internal_field\":\"a\",\"field_type\":\"text\",\"transformation\":\"return value:upper()\"}]", &e);
  b = plan_up(as_it_is, m, NULL, NULL);
  memcpy(one, peri_plan_hash(b.plan), 33);
  plan_down(&b);
  m = overlay(a, NULL, "[{\"external_field\":\"a\",\"internal_field\":\"a\",\"field_type\":\"text\",\"transformation\":\"return value:upper() \"}]", &e);
  b = plan_up(as_it_is, m, NULL, NULL);
  assert_string_not_equal(one, peri_plan_hash(b.plan)); /* the text of the function counts */
  plan_down(&b);
  peri_arena_free(a);
}

static void rows_over_a_file(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_err e = {0};
  peri_json_fault fault;
  peri_node *file = short_mapping(a, peri_json_parse(a, peri_str_of(BASE), &fault));
  peri_node *m = overlay(a, file, "[{\"external_field\":\"e2\",\"internal_field\":\"email\",\"field_type\":\"string\"},{\"external_field\":\"s\",\"internal_field\":\"address.street\",\"field_type\":\"string\"},{\"external_field\":\"n\",\"internal_field\":\"n\",\"field_type\":\"integer\"}]", &e);
  if (!m) fail_msg("%s", e.text);
  bench_plan b = plan_up(as_it_is, m, NULL, NULL);
  if (!b.plan) fail_msg("%s", b.e.text);
  assert_string_equal(map_one(&b, "{\"id\":1,\"e2\":\"any\",\"s\":\"S\",\"n\":\"4\",\"o\":\"x\",\"t\":\"x\"}"), "{\"email\":\"any\",\"owner\":\"x\",\"address\":{\"city\":null,\"zip\":null,\"street\":\"S\"},\"tel\":\"x\",\"n\":4}");
  plan_down(&b);
  b = plan_up(as_it_is, file, NULL, NULL); /* the file's own tree is as it was */
  assert_true(strncmp(map_one(&b, "{\"id\":1,\"e2\":\"any\"}"), "required email", 14) == 0);
  plan_down(&b);
  peri_arena_free(a);
}

static void mistakes_of_rows(void **state) {
  (void)state;
  static const struct { const char *rows, *says; } table[] = {
    {"[{\"external_field\":\"a\",\"internal_field\":\"b\",\"field_type\":\"strnig\"}]", "field mapping a -> b: field_type is unknown: 'strnig'"},
    {"[{\"external_field\":\"a\",\"field_type\":\"string\"}]", "field mapping a -> : external_field and internal_field are needed"},
    {"[5]", "field mapping  -> : external_field"},
    {"[{\"external_field\":\"a\",\"internal_field\":\"b\",\"field_type\":\"string\",\"transformation\":\"return value ? 1 : 2;\"}]", "field mapping a -> b: transformation of b: this is JavaScript"},
    {"[{\"external_field\":\"a\",\"internal_field\":\"b\",\"field_type\":\"string\",\"options\":\"[1]\"}]", "field mapping a -> b: options wants a JSON object"},
    {"[{\"external_field\":\"a\",\"internal_field\":\"b..c\",\"field_type\":\"string\"}]", "field mapping a -> b..c: internal_field has an empty part"},
    {"[{\"external_field\":\"a\",\"internal_field\":\"b.\",\"field_type\":\"string\"}]", "field mapping a -> b.: internal_field has an empty part"},
    {"[{\"external_field\":\"a\",\"internal_field\":\"b\",\"field_type\":\"string\"},{\"external_field\":\"c\",\"internal_field\":\"b.d\",\"field_type\":\"string\"}]", "field mapping c -> b.d: internal_field goes into a field that is no object: 'b'"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    peri_arena *a = peri_arena_new();
    peri_err e = {0};
    assert_null(overlay(a, NULL, table[i].rows, &e));
    if (strncmp(e.text, table[i].says, strlen(table[i].says)) != 0) fail_msg("%s: %s", table[i].rows, e.text);
    peri_arena_free(a);
  }
}

const struct CMUnitTest plan_tree_tests[] = {cmocka_unit_test(one_mapping_from_another), cmocka_unit_test(mistakes_of_extends), cmocka_unit_test(rows_make_a_mapping), cmocka_unit_test(rows_over_a_file),
                                             cmocka_unit_test(mistakes_of_rows)};
const size_t plan_tree_count = sizeof plan_tree_tests / sizeof *plan_tree_tests;
