/* plan/field: the order of work for one field.
 *
 *   one path        read -> default -> kind -> trim, case -> map -> transform -> kind -> required, min, max, pattern, validate
 *   several paths   join or transform of the values as sent -> default -> kind -> ... ; without either: the first usable value
 *
 * For kinds that are no texts, map looks at the value as sent before the kind does: { J = true } could not be read otherwise.
 * A function is not called when its first value is null. on_error decides what becomes of a failure, except of a missing required
 * value and of a function that ran out of time or memory: those always refuse the record. */
#include <stdio.h>

#include "plan/inside.h"

/* ---- shapes ---- */

bool plan_blank(plan_run *r, const plan_field *f, plan_in *in) {
  if (in->type <= PERI_J_NULL) return true;
  if (in->type != PERI_J_STRING || !f->empty_null) return false;
  if (in->text.n && in->plain && !plan_space(in->text.p[0])) return false;
  peri_str text = plan_in_text(r, in);
  if (f->trim || !plan_kinds[f->kind].texty) text = peri_str_trim(text);
  return text.n == 0;
}

static bool usable(plan_run *r, const plan_field *f, plan_in *in) {
  if (in->type == PERI_J_ARRAY) return plan_kinds[f->kind].takes_list;
  if (in->type == PERI_J_OBJECT) return plan_kinds[f->kind].takes_object;
  return in->type > PERI_J_NULL && !(in->type == PERI_J_STRING && plan_blank(r, f, in));
}

static void read_first(plan_run *r, const plan_field *f, plan_in *in) {
  for (size_t i = 0; i < f->source_count; i++) {
    plan_source_read(r, f->sources[i], in);
    if (usable(r, f, in)) return;
  }
  *in = (plan_in){.type = PERI_J_NULL};
}

/* ---- join ---- */

/* 1 joined, 0 nothing there, -1 wrong shape */
static int join_one(plan_run *r, const plan_field *f, plan_in *in, peri_buf *out, size_t *count, bool *plain) {
  if (in->type == PERI_J_ARRAY && !in->values) {
    plan_in item;
    peri_span s;
    int got = 0;
    peri_span_iter it = in->raw.n ? peri_span_open(plan_span_of(in->raw)) : (peri_span_iter){0};
    for (size_t i = 0; in->raw.n ? peri_span_next(&it, &s) : i < in->count; i++) {
      plan_in_span(&item, in->raw.n ? s : in->spans[i]);
      int one = item.type == PERI_J_ARRAY ? -1 : join_one(r, f, &item, out, count, plain);
      if (one < 0) return one;
      got |= one;
    }
    return got;
  }
  peri_str text;
  if (in->type <= PERI_J_NULL) return 0;
  if (in->type == PERI_J_STRING || in->type == PERI_J_NUMBER)
    text = plan_in_text(r, in);
  else if (in->type == PERI_J_TRUE || in->type == PERI_J_FALSE)
    text = in->type == PERI_J_TRUE ? PERI_STR("true") : PERI_STR("false");
  else
    return -1;
  if (in->type == PERI_J_STRING && !in->plain) *plain = false;
  if (f->trim) text = peri_str_trim(text);
  if (!text.n && f->empty_null) return 0;
  if ((*count)++) peri_buf_str(out, f->join);
  peri_buf_str(out, text);
  return 1;
}

static bool read_joined(plan_run *r, const plan_field *f, plan_in *in) {
  peri_buf *b = &r->scratch->rest;
  size_t count = 0;
  bool whole = true, sound = true, plain = f->join_plain;
  peri_buf_clear(b);
  for (size_t i = 0; i < f->source_count && sound; i++) {
    plan_source_read(r, f->sources[i], in);
    int got = join_one(r, f, in, b, &count, &plain);
    if (got < 0) sound = plan_wrong(r, f, in, "texts or numbers to join");
    if (got == 0) whole = false;
  }
  if (sound) {
    *in = (plan_in){.type = PERI_J_NULL};
    /* an id with a missing part would be another record's id */
    if (count && (whole || f->kind != PK_ID))
      *in = (plan_in){.type = PERI_J_STRING, .plain = plain, .text = peri_arena_str(r->arena, peri_buf_view(b))};
  }
  return sound;
}

/* ---- functions ---- */

static const char *script_code(peri_code code) {
  return code == PERI_SCRIPT_TIMEOUT  ? "script_timeout"
         : code == PERI_SCRIPT_MEMORY ? "script_memory"
         : code == PERI_SCRIPT_CRASH  ? "script_crash"
                                      : "script_error";
}

bool plan_call(plan_run *r, const plan_field *f, int fn, int line, const peri_value *args, size_t count, peri_value results[2]) {
  peri_call_fault fault; /* 4 KB that are not cleared for each call */
  results[0].type = results[1].type = PERI_V_NULL;
  fault.code = PERI_SCRIPT_ERROR;
  fault.line = 0;
  fault.file[0] = fault.text[0] = 0;
  peri_caller *c = r->caller;
  if (!c) return plan_fails(r, f, "script_error", PERI_STR(""), "this plan was run without its script");
  if (c->broken) { /* other elements of the same record: the worker replaces the VM only after it */
    r->stop = true;
    return plan_fails(r, f, "script_memory", PERI_STR(""), "memory ran out earlier in this record");
  }
  if (c->mark) c->mark(c, r->record->index, (uint32_t)f->number);
  results[0] = results[1] = (peri_value){.type = PERI_V_NULL};
  if (c->call(c, fn, args, (int)count, results, r->arena, &fault) && !c->broken) return true;
  if (c->broken) fault.code = PERI_SCRIPT_MEMORY;
  plan_fails(r, f, script_code(fault.code), PERI_STR(""), "%s", fault.text[0] ? fault.text : "the function failed");
  if (fault.file[0]) r->last.file = peri_arena_str(r->arena, peri_str_of(fault.file));
  r->last.line = fault.line ? fault.line : line;
  if (fault.code == PERI_SCRIPT_TIMEOUT || fault.code == PERI_SCRIPT_MEMORY) r->stop = true;
  return false;
}

/* from: the value it was called with, or NULL and first: its first value as sent. Shown only when it fails. */
static bool transform(plan_run *r, const plan_field *f, const peri_value *args, size_t count, const plan_val *from, const plan_in *first,
                      plan_in *in) {
  peri_value results[2];
  if (!plan_call(r, f, f->transform, f->transform_line, args, count, results)) {
    r->last.shown = from ? plan_val_shown(r, from) : plan_in_shown(r, first);
    return false;
  }
  if (results[0].type == PERI_V_NULL && results[1].type == PERI_V_TEXT) {
    peri_str shown = from ? plan_val_shown(r, from) : plan_in_shown(r, first);
    plan_fails(r, f, "validate", shown, "%.*s (from %.*s)", PERI_S(results[1].u.s), PERI_S(shown));
    r->last.line = f->transform_line;
    r->last.file = f->transform_file;
    return false;
  }
  plan_in_value(r, in, &results[0]);
  in->made = true;
  return true;
}

static bool transform_paths(plan_run *r, const plan_field *f, plan_in *in) {
  peri_value args[PLAN_VALUES_MAX];
  args[0].type = PERI_V_NULL;
  bool exact = f->kind == PK_DECIMAL || f->kind == PK_MONEY;
  plan_in first = {.type = PERI_J_NONE};
  for (size_t i = 0; i < f->source_count; i++) {
    plan_source_read(r, f->sources[i], in);
    if (i == 0) first = *in;
    plan_in_to_value(r, in, exact, &args[i]);
  }
  *in = (plan_in){.type = PERI_J_NULL};
  if (args[0].type == PERI_V_NULL) return true;
  return transform(r, f, args, f->source_count, NULL, &first, in);
}

static bool validate(plan_run *r, const plan_field *f, const plan_val *v) {
  peri_value arg, results[2];
  plan_val_value(r, f, v, false, &arg);
  peri_value decimal = arg; /* decimals come as numbers here: `v >= 0` must not compare a text */
  double d;
  if (v->type == PT_NUMBER && arg.type == PERI_V_TEXT && f->kind != PK_INTEGER && peri_number_double(v->text, &d))
    decimal = (peri_value){.type = PERI_V_NUM, .u.d = d};
  if (!plan_call(r, f, f->validate, f->validate_line, &decimal, 1, results)) {
    r->last.shown = plan_val_shown(r, v);
    return false;
  }
  bool good = results[0].type != PERI_V_NULL && !(results[0].type == PERI_V_BOOL && !results[0].u.b);
  if (good) return true;
  peri_str shown = plan_val_shown(r, v);
  if (results[1].type == PERI_V_TEXT && results[1].u.s.n)
    plan_fails(r, f, "validate", shown, "%.*s: %.*s", PERI_S(shown), PERI_S(results[1].u.s));
  else
    plan_fails(r, f, "validate", shown, "%.*s does not pass validate", PERI_S(shown));
  r->last.line = f->validate_line;
  r->last.file = f->validate_file;
  return false;
}

/* ---- conversion ---- */

static const plan_map_item *mapped(const plan_field *f, peri_str text) { return f->map ? peri_map_get(f->map, text) : NULL; }

static bool not_named(plan_run *r, const plan_field *f, const plan_in *in) {
  char names[128];
  size_t n = 0, i = 0, count = f->map ? f->map->count : 0;
  for (; i < count && n + f->map->items[i].key.n + 8 < sizeof names; i++) {
    if (i) n += (size_t)snprintf(names + n, sizeof names - n, ", ");
    n += (size_t)snprintf(names + n, sizeof names - n, "%.*s", PERI_S(f->map->items[i].key));
  }
  names[n] = 0;
  return plan_wrong(r, f, in, "one of %s%s", names, i < count ? " and others" : "");
}

static bool map_value(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  const plan_map_item *item = out->type == PT_TEXT || out->type == PT_NUMBER ? mapped(f, out->text) : NULL;
  if (!item && out->type == PT_BOOL) item = mapped(f, out->b ? PERI_STR("true") : PERI_STR("false"));
  if (item)
    *out = item->val;
  else if (f->has_otherwise && (f->map || f->closed))
    *out = f->otherwise;
  else if (f->closed)
    return not_named(r, f, in);
  return true;
}

bool plan_convert_one(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  *out = (plan_val){.type = PT_NULL};
  if (plan_blank(r, f, in)) return true;
  if (in->made) return plan_kinds[f->kind].convert(r, f, in, out);
  if (f->map_first && f->map) {
    peri_str text = {NULL, 0};
    if (in->type == PERI_J_STRING || in->type == PERI_J_NUMBER)
      text = peri_str_trim(plan_in_text(r, in));
    else if (in->type == PERI_J_TRUE || in->type == PERI_J_FALSE)
      text = in->type == PERI_J_TRUE ? PERI_STR("true") : PERI_STR("false");
    const plan_map_item *item = text.n ? mapped(f, text) : NULL;
    if (item) {
      *out = item->val;
      if (r->trace) plan_trace_val(r, f, "map", out);
      return true;
    }
  }
  if (!plan_kinds[f->kind].convert(r, f, in, out)) {
    if (!f->map_first || !f->has_otherwise || in->type == PERI_J_ARRAY || in->type == PERI_J_OBJECT) return false;
    *out = f->otherwise; /* a value that neither map nor the kind knows */
    return true;
  }
  if (r->trace) plan_trace_val(r, f, plan_kinds[f->kind].name, out);
  if (!f->map && !f->closed) return true;
  if (!map_value(r, f, in, out)) return false;
  if (r->trace) plan_trace_val(r, f, "map", out);
  return true;
}

/* ---- checks ---- */

static size_t letters_in(peri_str s) {
  size_t n = 0;
  for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
  return n;
}

static bool out_of(plan_run *r, const plan_field *f, const plan_val *v, bool below, const char *unit) {
  peri_str shown = plan_val_shown(r, v), bound = below ? f->min_shown : f->max_shown;
  return plan_fails(r, f, "validate", shown, "wanted at %s %.*s%s, got %.*s", below ? "least" : "most", PERI_S(bound), unit, PERI_S(shown));
}

static bool check_length(plan_run *r, const plan_field *f, const plan_val *v, size_t n, const char *unit) {
  if (f->has_min && n < f->min_n) return out_of(r, f, v, true, unit);
  if (f->has_max && n > f->max_n) return out_of(r, f, v, false, unit);
  return true;
}

static int compare(plan_run *r, const plan_field *f, peri_str digits, peri_str bound, double bound_d) {
  double d;
  if (f->kind == PK_NUMBER) return !peri_number_double(digits, &d) ? 0 : d < bound_d ? -1 : d > bound_d;
  peri_buf *b = &r->scratch->text; /* with a scale the digits end in zeros; the comparison wants them canonical */
  peri_buf_clear(b);
  return peri_decimal_canonical(digits, b) ? peri_decimal_compare(peri_buf_view(b), bound) : 0;
}

bool plan_check_bounds(plan_run *r, const plan_field *f, const plan_val *v) {
  if (!f->has_min && !f->has_max) return true;
  if (v->type == PT_LIST) return check_length(r, f, v, v->count, " elements");
  if (v->type == PT_NUMBER) {
    if (f->has_min && compare(r, f, v->text, f->min, f->min_d) < 0) return out_of(r, f, v, true, "");
    if (f->has_max && compare(r, f, v->text, f->max, f->max_d) > 0) return out_of(r, f, v, false, "");
    return true;
  }
  if (v->type != PT_TEXT) return true;
  if (plan_kinds[f->kind].texty) return check_length(r, f, v, letters_in(v->text), " letters");
  if (f->has_min && peri_str_cmp(v->text, f->min) < 0) return out_of(r, f, v, true, "");
  if (f->has_max && peri_str_cmp(v->text, f->max) > 0) return out_of(r, f, v, false, "");
  return true;
}

static bool check_pattern(plan_run *r, const plan_field *f, const plan_val *v) {
  peri_str text = v->type == PT_BOOL ? (v->b ? PERI_STR("true") : PERI_STR("false")) : v->text;
  peri_pattern_found found = peri_pattern_find(text, f->pattern, PERI_PATTERN_STEPS_MAX);
  if (found == PERI_PATTERN_YES) return true;
  peri_str shown = plan_val_shown(r, v);
  if (found == PERI_PATTERN_BUDGET)
    return plan_fails(r, f, "validate", shown, "the pattern %.*s took more than %d steps on %.*s", PERI_S(f->pattern), PERI_PATTERN_STEPS_MAX,
                      PERI_S(shown));
  return plan_fails(r, f, "validate", shown, "wanted a value that matches %.*s, got %.*s", PERI_S(f->pattern), PERI_S(shown));
}

/* ---- one field ---- */

static bool work(plan_run *r, const plan_field *f, plan_val *out, plan_val *good) {
  plan_in in;
  bool several = f->early;
  if (f->has_join) {
    if (!read_joined(r, f, &in)) return false;
    if (r->trace) plan_trace_in(r, f, "join", &in);
  } else if (several) {
    if (!transform_paths(r, f, &in)) return false;
    if (r->trace) plan_trace_in(r, f, "transform", &in);
  } else if (f->source_count == 1) {
    plan_source_read(r, f->sources[0], &in);
  } else {
    read_first(r, f, &in);
    if (r->trace) plan_trace_in(r, f, "first", &in);
  }
  if (plan_blank(r, f, &in)) {
    *out = (plan_val){.type = PT_NULL};
    if (f->has_default) *out = f->fallback_val;
    if (f->has_default && r->trace) plan_trace_val(r, f, "default", out);
  } else {
    bool made = in.made;
    in.made = in.made && !several; /* after a transform of several paths, map still has its turn */
    bool sound = plan_convert_one(r, f, &in, out);
    in.made = made;
    if (!sound) return false;
  }
  if (good) *good = *out;
  if (f->transform >= 0 && !several && out->type != PT_NULL) {
    peri_value arg;
    plan_val_value(r, f, out, true, &arg);
    if (!transform(r, f, &arg, 1, out, &in, &in)) return false;
    if (r->trace) plan_trace_in(r, f, "transform", &in);
    if (!plan_convert_one(r, f, &in, out)) return false;
    if (good) *good = *out;
  }
  if (out->type == PT_NULL || !f->checked) return true;
  if (!plan_check_bounds(r, f, out)) return false;
  if (f->pattern.n && out->type != PT_LIST && out->type != PT_JSON && !check_pattern(r, f, out)) return false;
  return f->validate < 0 || validate(r, f, out);
}

bool plan_field_value(plan_run *r, const plan_field *f, plan_val *out) {
  plan_val good = {.type = PT_NULL};
  if (!work(r, f, out, f->on_error == PE_KEEP ? &good : NULL)) {
    if (f->on_error == PE_REJECT || r->stop) return false;
    *out = f->on_error == PE_KEEP ? good : f->on_error == PE_DEFAULT && f->has_default ? f->fallback_val : (plan_val){.type = PT_NULL};
    if (out->type == PT_NULL && f->required) return false;
    if (r->trace) plan_trace_val(r, f, f->on_error == PE_KEEP ? "on_error keep" : f->on_error == PE_DEFAULT ? "on_error default" : "on_error null", out);
    return true;
  }
  if (out->type == PT_NULL && f->required) {
    const plan_source *s = f->source_count ? f->sources[0] : NULL;
    return plan_fails(r, f, "required", PERI_STR("null"), "a value is required, and %.*s%s", PERI_S(s ? s->full : f->name),
                      f->source_count > 1 ? " and the other paths have none" : " has none");
  }
  return true;
}

/* ---- when ---- */

const plan_field *plan_field_chosen(plan_run *r, const plan_field *f) {
  for (int depth = 0; f && f->kind == PK_WHEN && depth <= PLAN_WHEN_DEPTH_MAX; depth++) {
    plan_in in;
    plan_source_read(r, f->choose, &in);
    peri_str text = {"", 0};
    bool there = in.type > PERI_J_NULL, scalar = in.type == PERI_J_STRING || in.type == PERI_J_NUMBER;
    if (scalar)
      text = plan_in_text(r, &in);
    else if (in.type == PERI_J_TRUE || in.type == PERI_J_FALSE)
      text = in.type == PERI_J_TRUE ? PERI_STR("true") : PERI_STR("false");
    const plan_field *chosen = f->has_else ? f->else_field : NULL;
    for (size_t i = 0; there && i < f->case_count; i++) { /* exact ones stand first, then patterns, the longest first, then "*" */
      const plan_case *c = &f->cases[i];
      if (c->any || (text.p && text.n && (c->glob ? peri_str_glob(c->match, text) : peri_str_eq(c->match, text)))) {
        chosen = c->field;
        break;
      }
    }
    f = chosen;
  }
  return f;
}
