/* plan: the case files of tests/cases/plan: mappings and records as data, with the rows and rejects that they must give.
 *
 * A file is a list of cases:
 *   {"name", "field": ["integer", "v", {…}], "table": [[value sent, value in the row], …]}        one field, read from `v`
 *   {"name", "mapping": {…}, "settings", "discovered", "records": [{"given", "row"|"rows"|"reject"|"skip", "warnings", "context", "headers"}]}
 *   {"name", "mapping": {…}, "refused": "part of the text"}                                        it must not compile
 * A row is compared as compact JSON with numbers as written. {"!": "code", "says": "part"} in a table stands for a reject. */
#include "test_plan.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER "tests/cases/plan"

static int checks, wrong;

/* One difference does not hide the others: all are told before the test fails. */
#define WRONG(...) (wrong++, print_error(__VA_ARGS__), print_error("\n"))

static char *read_file(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  if (!f) fail_msg("%s can't be read", path);
  peri_buf b = {0};
  char piece[4096];
  for (size_t got; (got = fread(piece, 1, sizeof piece, f)) > 0;) peri_buf_put(&b, piece, got);
  fclose(f);
  *n = b.n;
  peri_buf_c(&b);
  return b.p;
}

static peri_str compact(peri_arena *a, const peri_json *json) {
  peri_buf b = {0};
  peri_json_put(&b, json);
  peri_str s = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return s;
}

static peri_str compact_text(peri_arena *a, peri_str text) {
  peri_json_fault fault;
  const peri_json *json = peri_json_parse(a, text, &fault);
  if (!json) fail_msg("the row is unsound JSON: %.*s", PERI_S(text));
  return compact(a, json);
}

static const peri_node *from_json(peri_arena *a, const void *json) { return short_mapping(a, json); }

static bench_plan up(peri_arena *a, const peri_json *test) {
  const peri_json *mapping = peri_json_get(test, "mapping"), *field = peri_json_get(test, "field"), *settings = peri_json_get(test, "settings"),
                  *discovered = peri_json_get(test, "discovered");
  peri_json_fault fault;
  if (field) mapping = peri_json_parse(a, peri_arena_fmt(a, "{\"fields\":{\"f\":%.*s}}", PERI_S(field->raw)), &fault);
  if (!mapping) fail_msg("a case wants a mapping or a field");
  return plan_up(from_json, mapping, settings ? peri_arena_str(a, settings->raw).p : NULL, discovered ? peri_arena_str(a, discovered->raw).p : NULL);
}

static void says(const char *where, peri_str what, const peri_json *expected) {
  peri_str part = peri_json_get_text(expected, "says");
  if (part.n && !memmem(what.p, what.n, part.p, part.n)) WRONG("%s: the text lacks \"%.*s\": %.*s", where, PERI_S(part), PERI_S(what));
}

static void check_reject(peri_arena *a, const char *where, const peri_row *row, const peri_json *expected) {
  peri_str code = peri_json_get_text(expected, "!");
  if (row->verdict != PERI_REJECT) {
    WRONG("%s: expected a reject %.*s, got %.*s", where, PERI_S(code), PERI_S(row->data));
    return;
  }
  if (!peri_str_eq(row->reject.code, code))
    WRONG("%s: expected a reject %.*s, got %.*s: %.*s", where, PERI_S(code), PERI_S(row->reject.code), PERI_S(row->reject.message));
  says(where, row->reject.message, expected);
  const peri_json *field = peri_json_get(expected, "field"), *also = peri_json_get(expected, "also"), *line = peri_json_get(expected, "line"),
                  *file = peri_json_get(expected, "file"), *key = peri_json_get(expected, "key"), *shown = peri_json_get(expected, "shown");
  if (field && !peri_str_eq(field->text, row->reject.field)) WRONG("%s: reject of field %.*s", where, PERI_S(row->reject.field));
  if (file && !peri_str_eq(file->text, row->reject.file)) WRONG("%s: reject in file %.*s", where, PERI_S(row->reject.file));
  if (key && !peri_str_eq(key->text, row->reject.external_id)) WRONG("%s: reject with key %.*s", where, PERI_S(row->reject.external_id));
  if (shown && !peri_str_eq(shown->text, row->reject.value_shown)) WRONG("%s: value shown %.*s", where, PERI_S(row->reject.value_shown));
  if (line && peri_json_int(line, -1) != row->reject.line) WRONG("%s: reject at line %d", where, row->reject.line);
  if (also) {
    peri_json_fault fault;
    const peri_json *got = row->reject.also.n ? peri_json_parse(a, row->reject.also, &fault) : NULL;
    if (!got || got->count != also->count) {
      WRONG("%s: also is %.*s", where, PERI_S(row->reject.also));
      return;
    }
    for (size_t i = 0; i < also->count; i++) /* "field code" */
      if (!peri_str_eq(peri_json_item(also, i)->text, peri_arena_fmt(a, "%.*s %.*s", PERI_S(peri_json_get_text(peri_json_item(got, i), "field")),
                                                                   PERI_S(peri_json_get_text(peri_json_item(got, i), "code")))))
        WRONG("%s: also is %.*s", where, PERI_S(row->reject.also));
  }
}

static void check_row(peri_arena *a, const char *where, const peri_row *row, const peri_json *expected) {
  checks++;
  if (peri_json_get(expected, "!")) {
    check_reject(a, where, row, expected);
    return;
  }
  if (row->verdict == PERI_REJECT) {
    WRONG("%s: expected %.*s, got a reject (%.*s): %.*s", where, PERI_S(expected->raw), PERI_S(row->reject.code), PERI_S(row->reject.message));
    return;
  }
  if (row->verdict == PERI_SKIP) {
    WRONG("%s: expected %.*s, got skip", where, PERI_S(expected->raw));
    return;
  }
  peri_str want = compact(a, expected), got = compact_text(a, row->data);
  if (!peri_str_eq(want, got)) WRONG("%s: expected %.*s, got %.*s", where, PERI_S(want), PERI_S(got));
}

static void run_table(const char *where, const peri_json *test, bench_plan *b) {
  char at[512];
  size_t line = 0;
  for (const peri_json *pair = peri_json_get(test, "table")->first; pair; pair = pair->next) {
    const peri_json *sent = peri_json_item(pair, 0), *expected = peri_json_item(pair, 1);
    peri_json_fault fault;
    snprintf(at, sizeof at, "%s line %zu (%.*s)", where, ++line, PERI_S(sent->raw));
    mapped m = map_text(b, peri_arena_fmt(b->arena, "{\"id\":\"1\",\"v\":%.*s}", PERI_S(sent->raw)).p);
    assert_int_equal(m.count, 1);
    if (!peri_json_get(expected, "!")) expected = peri_json_parse(b->arena, peri_arena_fmt(b->arena, "{\"f\":%.*s}", PERI_S(expected->raw)), &fault);
    check_row(b->arena, at, &m.rows[0], expected);
  }
}

static peri_str raw_of(const peri_json *object, const char *key) {
  const peri_json *v = peri_json_get(object, key);
  return v ? v->raw : (peri_str){"", 0};
}

static void run_records(const char *where, const peri_json *test, bench_plan *b) {
  char at[256];
  uint32_t index = 0;
  for (const peri_json *r = peri_json_get(test, "records")->first; r; r = r->next, index++) {
    const peri_json *rows = peri_json_get(r, "rows"), *row = peri_json_get(r, "row"), *warnings = peri_json_get(r, "warnings"), *text = peri_json_get(r, "text"),
                    *keys = peri_json_get(r, "keys"), *key = peri_json_get(r, "key");
    peri_record_in in = {.index = index, .raw = text ? text->text : raw_of(r, "given"), .context = raw_of(r, "context"), .headers_json = raw_of(r, "headers")};
    peri_slot *parents = NULL;
    peri_json_fault fault;
    if (peri_json_get(r, "parent")) {
      parents = peri_arena_take(b->arena, ((size_t)peri_paths_count(b->parents) + 1) * sizeof *parents);
      if (!peri_paths_walk(b->parents, raw_of(r, "parent"), parents, b->arena, &fault)) fail_msg("%s: bad parent", where);
      in.parent_slots = parents;
    }
    snprintf(at, sizeof at, "%s record %u", where, (unsigned)index);
    mapped m = map_record(b, &in);
    if (rows) {
      if (rows->count != m.count) WRONG("%s: expected %zu rows, got %zu", at, rows->count, m.count);
      for (size_t i = 0; i < m.count && i < rows->count; i++) check_row(b->arena, at, &m.rows[i], peri_json_item(rows, i));
    } else {
      assert_int_equal(m.count, 1);
      if (peri_json_get(r, "skip")) assert_int_equal(m.rows[0].verdict, PERI_SKIP);
      else check_row(b->arena, at, &m.rows[0], row);
    }
    for (size_t i = 0; keys && i < keys->count; i++)
      if (!peri_str_eq(m.rows[i].key, peri_json_item(keys, i)->text)) WRONG("%s: key %zu is %.*s", at, i, PERI_S(m.rows[i].key));
    if (key && !peri_str_eq(m.rows[0].key, key->text)) WRONG("%s: the key is %.*s", at, PERI_S(m.rows[0].key));
    if (warnings && !peri_str_eq(compact(b->arena, warnings), m.rows[0].warnings)) WRONG("%s: warnings are %.*s", at, PERI_S(m.rows[0].warnings));
  }
}

static void run_case(const char *file, peri_arena *a, const peri_json *test) {
  char where[200];
  snprintf(where, sizeof where, "%s: %.*s", file, PERI_S(peri_json_get_text(test, "name")));
  bench_plan b = up(a, test);
  peri_str refused = peri_json_get_text(test, "refused");
  if (refused.p) {
    checks++;
    if (b.plan) WRONG("%s: it compiles, but should be refused", where);
    else if (!strstr(b.e.text, peri_arena_str(a, refused).p)) WRONG("%s: refused with: %s", where, b.e.text);
    if (!b.plan && peri_json_get(test, "line") && b.line != peri_json_get_int(test, "line", -1)) WRONG("%s: refused at line %d", where, b.line);
  } else {
    if (!b.plan) WRONG("%s: line %d: %s", where, b.line, b.e.text);
    else if (peri_json_get(test, "table")) run_table(where, test, &b);
    else if (peri_json_get(test, "records")) run_records(where, test, &b);
    else fail_msg("%s: nothing to check", where);
  }
  plan_down(&b);
}

static void run_file(const char *name) {
  char path[512];
  size_t n;
  snprintf(path, sizeof path, "%s/%s", FOLDER, name);
  char *text = read_file(path, &n);
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  peri_json *file = peri_json_parse(a, (peri_str){text, n}, &fault);
  if (!file) {
    char where[200];
    peri_json_fault_text(&fault, (peri_str){text, n}, where, sizeof where);
    fail_msg("%s: %s", path, where);
  }
  for (const peri_json *test = file->first; test; test = test->next) run_case(name, a, test);
  peri_arena_free(a);
  free(text);
}

static void case_files(void **state) {
  (void)state;
  DIR *d = opendir(FOLDER);
  int files = 0;
  if (!d) fail_msg("%s is not here; tests run in the project's root", FOLDER);
  for (const struct dirent *entry; (entry = readdir(d));)
    if (peri_str_ends(peri_str_of(entry->d_name), PERI_STR(".json"))) {
      run_file(entry->d_name);
      files++;
    }
  closedir(d);
  assert_int_equal(wrong, 0);
  assert_true(files >= 5);
  assert_true(checks >= 300);
}

const struct CMUnitTest plan_case_tests[] = {cmocka_unit_test(case_files)};
const size_t plan_case_count = sizeof plan_case_tests / sizeof *plan_case_tests;
