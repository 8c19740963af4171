/* plan: the helpers of test_plan.h. */
#include "test_plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "spec/spec.h"

/* ---- functions as users write them, in C ---- */

typedef bool (*function)(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault);

static peri_value text_value(peri_str s) { return (peri_value){.type = PERI_V_TEXT, .u.s = s}; }
static peri_value bool_value(bool b) { return (peri_value){.type = PERI_V_BOOL, .u.b = b}; }

static bool fn_upper(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)nargs, (void)fault;
  char *own = peri_arena_bytes(a, args[0].u.s.n + 1);
  for (size_t i = 0; i < args[0].u.s.n; i++) own[i] = args[0].u.s.p[i] >= 'a' && args[0].u.s.p[i] <= 'z' ? (char)(args[0].u.s.p[i] - 32) : args[0].u.s.p[i];
  results[0] = text_value((peri_str){own, args[0].u.s.n});
  return true;
}
static bool fn_same(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)nargs, (void)fault, (void)a;
  results[0] = args[0];
  return true;
}
static bool fn_null(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)fault, (void)a, (void)results;
  return true;
}
static bool fn_null_reason(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)fault, (void)a;
  results[1] = text_value(PERI_STR("no country"));
  return true;
}
static bool fn_false_reason(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)fault, (void)a;
  results[0] = bool_value(false);
  results[1] = text_value(PERI_STR("negative"));
  return true;
}
static bool fn_positive(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)nargs, (void)a;
  if (args[0].type != PERI_V_INT && args[0].type != PERI_V_NUM) {
    fault->code = PERI_SCRIPT_ERROR;
    snprintf(fault->text, sizeof fault->text, "attempt to compare a %s with a number", args[0].type == PERI_V_TEXT ? "string" : "thing");
    return false;
  }
  results[0] = bool_value(args[0].type == PERI_V_INT ? args[0].u.i >= 0 : args[0].u.d >= 0);
  results[1] = text_value(PERI_STR("negative"));
  return true;
}
static bool fn_throws(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)a, (void)results;
  fault->code = PERI_SCRIPT_ERROR;
  fault->line = 77;
  snprintf(fault->file, sizeof fault->file, "lib/names.lua");
  snprintf(fault->text, sizeof fault->text, "attempt to index a nil value");
  return false;
}
static bool fn_loops(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)a, (void)results;
  fault->code = PERI_SCRIPT_TIMEOUT;
  snprintf(fault->text, sizeof fault->text, "took more than 100 ms");
  return false;
}
/* types of the arguments: "text,int,num,bool,null,list3,json" */
static bool fn_types(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)fault;
  peri_str s = {"", 0};
  for (int i = 0; i < nargs; i++) {
    static const char *const names[] = {"null", "bool", "int", "num", "text", "list", "json"};
    const char *comma = i ? "," : "";
    if (args[i].type == PERI_V_LIST) s = peri_arena_fmt(a, "%.*s%slist%zu", PERI_S(s), comma, args[i].u.list.count);
    else if (args[i].type == PERI_V_TEXT) s = peri_arena_fmt(a, "%.*s%stext:%.*s", PERI_S(s), comma, PERI_S(args[i].u.s));
    else if (args[i].type == PERI_V_INT) s = peri_arena_fmt(a, "%.*s%sint:%lld", PERI_S(s), comma, (long long)args[i].u.i);
    else s = peri_arena_fmt(a, "%.*s%s%s", PERI_S(s), comma, names[args[i].type]);
  }
  results[0] = text_value(s);
  return true;
}
static bool fn_sum(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)nargs, (void)a, (void)fault;
  double sum = 0;
  for (size_t i = 0; i < args[0].u.list.count; i++) sum += args[0].u.list.items[i].type == PERI_V_INT ? (double)args[0].u.list.items[i].u.i : args[0].u.list.items[i].u.d;
  results[0] = (peri_value){.type = PERI_V_NUM, .u.d = sum / 3600};
  return true;
}
static bool fn_join(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)fault;
  peri_str s = {"", 0};
  for (int i = 0; i < nargs; i++)
    if (args[i].type == PERI_V_TEXT) s = peri_arena_fmt(a, "%.*s%s%.*s", PERI_S(s), s.n ? " " : "", PERI_S(args[i].u.s));
  results[0] = text_value(s);
  return true;
}
static bool fn_nan(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)a, (void)fault;
  results[0] = (peri_value){.type = PERI_V_NUM, .u.d = (double)__builtin_nanf("")};
  return true;
}
static bool fn_half(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)a, (void)fault;
  results[0] = (peri_value){.type = PERI_V_NUM, .u.d = 0.5};
  return true;
}
static bool fn_table(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)a, (void)fault;
  results[0] = (peri_value){.type = PERI_V_JSON, .u.s = PERI_STR("{\"b\":1,\"a\":[null,{}]}")};
  return true;
}
static bool fn_pair(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)nargs, (void)fault;
  peri_value *items = peri_arena_take(a, 2 * sizeof *items);
  items[0] = args[0];
  items[1] = (peri_value){.type = PERI_V_INT, .u.i = -7};
  results[0] = (peri_value){.type = PERI_V_LIST, .u.list = {items, 2}};
  return true;
}
static bool fn_breaks(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)args, (void)nargs, (void)a, (void)results;
  fault->code = PERI_SCRIPT_MEMORY;
  snprintf(fault->text, sizeof fault->text, "more than 64 MB");
  return false;
}
static bool fn_same_as(const peri_value *args, int nargs, peri_value results[2], peri_arena *a, peri_call_fault *fault) {
  (void)nargs, (void)fault, (void)a;
  results[0] = bool_value(args[0].type == args[1].type && (args[0].type != PERI_V_TEXT || peri_str_eq(args[0].u.s, args[1].u.s)));
  return true;
}

static const struct { const char *name; function fn; } functions[] = {
  {"upper", fn_upper}, {"same", fn_same}, {"null", fn_null}, {"null_reason", fn_null_reason}, {"false_reason", fn_false_reason}, {"positive", fn_positive},
  {"throws", fn_throws}, {"loops", fn_loops}, {"types", fn_types}, {"sum", fn_sum}, {"join", fn_join}, {"nan", fn_nan}, {"half", fn_half}, {"table", fn_table},
  {"pair", fn_pair}, {"breaks", fn_breaks}, {"same_as", fn_same_as}};

int function_named(const char *name) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (strcmp(functions[i].name, name) == 0) return (int)i;
  fail_msg("no function %s", name);
  return -1;
}

static bool call(peri_caller *self, int fn, const peri_value *args, int nargs, peri_value results[2], peri_arena *arena, peri_call_fault *fault) {
  fake_caller *f = (fake_caller *)self;
  f->calls++;
  assert_in_range(fn, 0, sizeof functions / sizeof *functions - 1);
  if (functions[fn].fn == fn_breaks) self->broken = true;
  return functions[fn].fn(args, nargs, results, arena, fault);
}
static void mark(peri_caller *self, uint32_t record, uint32_t field) {
  fake_caller *f = (fake_caller *)self;
  f->record = record;
  f->field = field;
}
fake_caller fake_caller_new(void) { return (fake_caller){.caller = {call, mark, false}}; }

/* ---- trees ---- */

static int lines; /* words get lines 1, 2, 3 … in the order they are made */

peri_node *short_node(peri_arena *a, const peri_json *json) {
  peri_node *n = peri_node_new(a, PERI_N_NULL);
  const peri_json *fn = peri_json_get(json, "fn");
  switch (json->type) {
  case PERI_J_TRUE:
  case PERI_J_FALSE:
    n->type = PERI_N_BOOL;
    n->u.b = json->type == PERI_J_TRUE;
    break;
  case PERI_J_NUMBER:
    n->type = PERI_N_INT;
    if (peri_number_i64(json->text, &n->u.i)) break;
    n->type = PERI_N_NUM;
    peri_number_double(json->text, &n->u.d);
    break;
  case PERI_J_STRING: return peri_node_of_text(a, json->text);
  case PERI_J_ARRAY:
    if (json->first && json->first->type == PERI_J_STRING && json->first->next && (peri_word_named(json->first->text))) {
      n->type = PERI_N_WORD;
      n->line = ++lines;
      n->word = json->first->text;
      n->what = short_node(a, json->first->next);
      if (json->first->next->next) n->opts = short_node(a, json->first->next->next);
      break;
    }
    n->type = PERI_N_TABLE;
    for (const peri_json *i = json->first; i; i = i->next) peri_node_push(a, n, short_node(a, i));
    break;
  case PERI_J_OBJECT:
    if (fn) {
      n->type = PERI_N_FUNC;
      n->u.fn = function_named(peri_arena_str(a, fn->text).p);
      n->line = lines;
      break;
    }
    n->type = PERI_N_TABLE;
    for (const peri_json *i = json->first; i; i = i->next) peri_node_set(a, n, i->key, short_node(a, i));
    break;
  default: break;
  }
  return n;
}

peri_node *short_mapping(peri_arena *a, const peri_json *json) {
  lines = 0;
  peri_node *word = peri_node_new(a, PERI_N_WORD);
  word->word = PERI_STR("mapping");
  word->line = ++lines;
  word->what = peri_node_of_text(a, PERI_STR("contact"));
  word->opts = peri_node_new(a, PERI_N_TABLE);
  for (const peri_json *i = json->first; i; i = i->next) {
    if (peri_str_is(i->key, "entity")) word->what = peri_node_of_text(a, i->text);
    else peri_node_set(a, word->opts, i->key, short_node(a, i));
  }
  return word;
}

static peri_json *parse(peri_arena *a, const char *text) {
  peri_json_fault fault;
  char where[200] = "";
  peri_json *json = text ? peri_json_parse(a, peri_str_of(text), &fault) : NULL;
  if (text && !json) peri_json_fault_text(&fault, peri_str_of(text), where, sizeof where);
  if (text && !json) fail_msg("the test's JSON is unsound: %s in %s", where, text);
  return json;
}

bench_plan plan_up(const peri_node *(*make)(peri_arena *, const void *), const void *arg, const char *settings, const char *discovered) {
  bench_plan b = {.arena = peri_arena_new(), .fake = fake_caller_new()};
  peri_node id = {.type = PERI_N_TEXT, .u.text = PERI_STR("id")};
  peri_plan_source source = {.path = PERI_STR("mappings/test/contact.lua"), .settings = parse(b.arena, settings), .discovered = parse(b.arena, discovered)};
  source.mapping = make(b.arena, arg);
  source.stream_key = &id;
  b.plan = peri_plan_compile(b.arena, &source, &b.e, &b.line);
  if (!b.plan) return b;
  b.set = peri_paths_new(b.arena);
  b.parents = peri_paths_new(b.arena);
  b.view = peri_plan_view_new(b.arena, b.plan, b.set, b.parents, &b.e);
  assert_non_null(b.view);
  return b;
}

static const peri_node *from_text(peri_arena *a, const void *text) { return short_mapping(a, parse(a, text)); }
bench_plan plan_of_text(const char *mapping, const char *settings, const char *discovered) { return plan_up(from_text, mapping, settings, discovered); }
void plan_down(bench_plan *b) { peri_arena_free(b->arena); }

mapped map_record(bench_plan *b, peri_record_in *record) {
  mapped m = {0};
  peri_json_fault *fault = peri_arena_take(b->arena, sizeof *fault);
  peri_slot *slots = peri_arena_take(b->arena, ((size_t)peri_paths_count(b->set) + 1) * sizeof *slots);
  if (!b->plan) fail_msg("the mapping does not compile: %s", b->e.text);
  if (!peri_paths_walk(b->set, record->raw, slots, b->arena, fault)) record->fault = fault;
  record->slots = slots;
  peri_plan_run(b->view, &b->fake.caller, record, b->arena, &m.rows, &m.count);
  return m;
}

mapped map_text(bench_plan *b, const char *text) {
  peri_record_in record = {.raw = peri_str_of(text)};
  return map_record(b, &record);
}

const char *map_one(bench_plan *b, const char *text) {
  mapped m = map_text(b, text);
  assert_int_equal(m.count, 1);
  if (m.rows[0].verdict == PERI_SKIP) return "skip";
  if (m.rows[0].verdict == PERI_ROW) return m.rows[0].data.p;
  return peri_arena_fmt(b->arena, "%.*s %.*s: %.*s", PERI_S(m.rows[0].reject.code), PERI_S(m.rows[0].reject.field), PERI_S(m.rows[0].reject.message)).p;
}
