/* plan/examples: runs the examples of a mapping as records are run, and says how the first one differs.
 * Compares only what an example names; null means that the field is null. */
#include "plan/inside.h"

typedef struct comparing {
  peri_arena *arena;
  size_t example; /* from 1 */
  size_t row;     /* from 1 with rows, else 0 */
  peri_err *e;
} comparing;

static bool differs(comparing *c, peri_str field, peri_str expected, peri_str got) {
  peri_str row = c->row ? peri_arena_fmt(c->arena, "row %zu: ", c->row) : PERI_STR("");
  peri_fail(c->e, PERI_SCRIPT_REFUSED, "example %zu: %.*s%.*s%sexpected %.*s, got %.*s", c->example, PERI_S(row), PERI_S(field), field.n ? ": " : "",
            PERI_S(plan_shown(c->arena, expected)), PERI_S(plan_shown(c->arena, got)));
  return false;
}

static bool same_number(peri_str a, peri_str b) {
  peri_buf x = {0}, y = {0};
  bool same = peri_decimal_canonical(a, &x) && peri_decimal_canonical(b, &y) && peri_str_eq(peri_buf_view(&x), peri_buf_view(&y));
  peri_buf_fini(&x);
  peri_buf_fini(&y);
  return same;
}

static bool same_scalar(const peri_node *want, peri_str want_json, const peri_json *got) {
  switch (want->type) {
  case PERI_N_NULL: return !got || got->type == PERI_J_NULL;
  case PERI_N_BOOL: return got && got->type == (want->u.b ? PERI_J_TRUE : PERI_J_FALSE);
  case PERI_N_TEXT: /* digits too long for Lua's numbers are written as a text */
    return got && (got->type == PERI_J_STRING || got->type == PERI_J_NUMBER) && peri_str_eq(got->text, want->u.text);
  default: return got && got->type == PERI_J_NUMBER && same_number(want_json, got->text);
  }
}

static bool same(comparing *c, peri_str name, const peri_node *want, const peri_json *got) {
  peri_str json = plan_node_json(c->arena, want, got && got->type == PERI_J_ARRAY);
  peri_str shown = got ? got->raw : PERI_STR("nothing: there is no such field");
  if (!json.p) return differs(c, name, PERI_STR("a plain value"), shown);
  if (want->type != PERI_N_TABLE) return same_scalar(want, json, got) || differs(c, name, json, shown);
  if (!got || (got->type != PERI_J_ARRAY && got->type != PERI_J_OBJECT)) return differs(c, name, json, shown);
  if (got->type == PERI_J_ARRAY ? want->item_count != got->count || want->member_count : want->item_count > 0) return differs(c, name, json, shown);
  for (size_t i = 0; i < want->item_count; i++)
    if (!same(c, peri_arena_fmt(c->arena, "%.*s[%zu]", PERI_S(name), i), want->items[i], peri_json_item(got, i))) return false;
  for (size_t i = 0; i < want->member_count; i++) {
    peri_str key = want->members[i].key, full = name.n ? peri_arena_fmt(c->arena, "%.*s.%.*s", PERI_S(name), PERI_S(key)) : key;
    if (!same(c, full, want->members[i].value, peri_json_get_str(got, key))) return false;
  }
  return true;
}

static bool row_gives(comparing *c, const peri_node *want, const peri_row *row) {
  peri_json_fault fault;
  if (row->verdict == PERI_SKIP) return differs(c, PERI_STR(""), PERI_STR("a row"), PERI_STR("none: a rule skips this record"));
  if (row->verdict == PERI_REJECT) {
    peri_fail(c->e, PERI_SCRIPT_REFUSED, "example %zu: expected a row, got a reject (%.*s): %.*s", c->example, PERI_S(row->reject.code),
              PERI_S(row->reject.message));
    return false;
  }
  return !want || same(c, PERI_STR(""), want, peri_json_parse(c->arena, row->data, &fault));
}

static bool rejected(comparing *c, const peri_row *row, peri_str field, peri_str code) {
  if (row->verdict != PERI_REJECT) return false;
  if (peri_str_eq(row->reject.field, field) && peri_str_eq(row->reject.code, code)) return true;
  peri_json_fault fault;
  const peri_json *also = row->reject.also.n ? peri_json_parse(c->arena, row->reject.also, &fault) : NULL;
  for (const peri_json *a = also ? also->first : NULL; a; a = a->next)
    if (peri_str_eq(peri_json_get_text(a, "field"), field) && peri_str_eq(peri_json_get_text(a, "code"), code)) return true;
  return false;
}

static bool rejects(comparing *c, const peri_node *want, const peri_row *rows, size_t count) {
  if (want->type != PERI_N_TABLE || !want->member_count)
    return differs(c, PERI_STR(""), PERI_STR("rejects = { field = \"code\" }"), PERI_STR("something else"));
  for (size_t i = 0; i < want->member_count; i++) {
    peri_str field = want->members[i].key, code = peri_node_text(want->members[i].value), got = PERI_STR("a row");
    bool found = false;
    for (size_t k = 0; k < count && !found; k++) {
      found = rejected(c, &rows[k], field, code);
      if (rows[k].verdict == PERI_REJECT) got = peri_arena_fmt(c->arena, "%.*s (%.*s)", PERI_S(rows[k].reject.code), PERI_S(rows[k].reject.message));
      if (rows[k].verdict == PERI_SKIP) got = PERI_STR("no row: a rule skips this record");
    }
    if (!found) return differs(c, field, peri_arena_fmt(c->arena, "a reject with code %.*s", PERI_S(code)), got);
  }
  return true;
}

static bool gives_rows(comparing *c, const peri_node *want, const peri_row *rows, size_t count) {
  if (want->item_count != count)
    return differs(c, PERI_STR(""), peri_arena_fmt(c->arena, "%zu rows", want->item_count), peri_arena_fmt(c->arena, "%zu", count));
  for (size_t i = 0; i < count; i++) {
    c->row = i + 1;
    if (!row_gives(c, want->items[i], &rows[i])) return false;
  }
  return true;
}

typedef struct example_view {
  peri_paths *set;
  peri_plan_view *view;
} example_view;

static bool holds(comparing *c, const example_view *v, peri_caller *caller, const peri_node *example) {
  peri_json_fault fault;
  peri_row *rows;
  size_t count;
  peri_str given = peri_str_trim(peri_node_opt_text(example, "given"));
  const peri_node *gives = peri_node_get(example, "gives"), *reject = peri_node_get(example, "rejects"), *many = peri_node_get(example, "rows");
  peri_slot *slots = peri_arena_take(c->arena, ((size_t)peri_paths_count(v->set) + 1) * sizeof *slots);
  peri_record_in record = {.raw = given, .slots = slots};
  if (!given.n) return differs(c, PERI_STR("given"), PERI_STR("a record as JSON text"), PERI_STR("nothing"));
  if (!peri_paths_walk(v->set, given, slots, c->arena, &fault)) record.fault = &fault;
  peri_plan_run_begins(v->view->plan);
  peri_plan_run(v->view, caller, &record, c->arena, &rows, &count);
  if (reject) return rejects(c, reject, rows, count);
  if (many && many->type == PERI_N_TABLE) return gives_rows(c, many, rows, count);
  if (gives && gives->type != PERI_N_TABLE) return differs(c, PERI_STR("gives"), PERI_STR("a table"), PERI_STR("another value"));
  if (v->view->plan->rows && gives && gives->item_count) return gives_rows(c, gives, rows, count);
  if (count != 1) return differs(c, PERI_STR(""), PERI_STR("one row"), peri_arena_fmt(c->arena, "%zu", count));
  return row_gives(c, gives, &rows[0]);
}

bool peri_plan_examples(peri_arena *a, const peri_plan *plan, const peri_node *mapping, peri_caller *caller, int *ran, peri_err *e, int *line) {
  const peri_node *examples = peri_node_get(mapping, "examples");
  peri_err own = {0};
  comparing c = {.arena = a, .e = e ? e : &own};
  example_view v = {.set = peri_paths_new(a)};
  *ran = 0;
  if (!examples || examples->type != PERI_N_TABLE) return true;
  v.view = peri_plan_view_new(a, plan, v.set, NULL, e);
  if (!v.view) return false;
  size_t count = examples->item_count ? examples->item_count : examples->member_count ? 1 : 0;
  for (size_t i = 0; i < count; i++) {
    const peri_node *example = examples->item_count ? examples->items[i] : examples;
    c.example = i + 1;
    c.row = 0;
    (*ran)++;
    if (!holds(&c, &v, caller, example)) {
      if (line) *line = example->line ? example->line : mapping->line;
      return false;
    }
  }
  peri_plan_run_begins(plan);
  return true;
}
