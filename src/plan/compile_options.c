/* plan/compile_options: the options of one field, converted once: defaults, bounds and maps become values of the field's kind.
 * Refuses options that could never work (a default that is no value of the kind, min above max, a pattern that Lua would refuse). */
#include "plan/inside.h"

static const char *name_of(plan_maker *m, const plan_field *f) { return peri_arena_str(m->plan->arena, f->name).p; }

static bool refuse(plan_maker *m, const plan_field *f, const char *option, const char *what) {
  return plan_refuse(m, f->line, "%s: %s %s", name_of(m, f), option, what);
}

/* A script's value as the field's kind; tried as the API would write it, then as ours. */
static bool convert(plan_maker *m, const plan_field *f, const char *option, const peri_node *n, bool as_sent, plan_in *in, plan_val *out) {
  peri_record_in none;
  plan_run r = plan_maker_run(m, &none);
  peri_str json = plan_node_json(m->plan->arena, n, f->kind == PK_LIST);
  plan_in first;
  if (!json.p) return refuse(m, f, option, "is no plain value");
  plan_in_span(&first, plan_span_of(json));
  first.made = !as_sent || f->minor || f->kind == PK_REST;
  *in = first;
  if (plan_convert_one(&r, f, in, out)) return true;
  if (!first.made) {
    *in = first;
    in->made = true;
    if (plan_convert_one(&r, f, in, out)) return true;
  }
  return refuse(m, f, option, peri_str_from(r.last.message, f->name.n + 2).p);
}

/* ---- numbers and texts of options ---- */

static bool whole(const peri_node *n, int64_t least, int64_t most, int64_t *out) {
  if (!n) return false;
  if (n->type == PERI_N_INT)
    *out = n->u.i;
  else if (n->type == PERI_N_NUM && n->u.d >= -1e15 && n->u.d <= 1e15 && n->u.d == (double)(int64_t)n->u.d)
    *out = (int64_t)n->u.d;
  else
    return false;
  return *out >= least && *out <= most;
}

static bool texts(plan_maker *m, const plan_field *f, const char *option, const peri_node *n, peri_str **out, size_t *count) {
  *count = n->type == PERI_N_TABLE ? n->item_count : 1;
  *out = peri_arena_take(m->plan->arena, (*count + 1) * sizeof **out);
  for (size_t i = 0; i < *count; i++) {
    const peri_node *item = n->type == PERI_N_TABLE ? n->items[i] : n;
    if (item->type != PERI_N_TEXT) return refuse(m, f, option, "wants a text or a list of texts");
    (*out)[i] = item->u.text;
  }
  return true;
}

static bool make_bound(plan_maker *m, plan_field *f, const char *option, bool low) {
  const peri_node *n = peri_node_get(f->options, option);
  if (!n || n->type == PERI_N_NULL) return true;
  peri_str json = plan_node_json(m->plan->arena, n, false), *text = low ? &f->min : &f->max;
  *(low ? &f->has_min : &f->has_max) = true;
  if (f->kind == PK_BOOLEAN || f->kind == PK_JSON || f->kind == PK_REST) return refuse(m, f, option, "means nothing for this kind");
  *(low ? &f->min_shown : &f->max_shown) = n->type == PERI_N_TEXT ? n->u.text : json;
  if (plan_kinds[f->kind].texty || f->kind == PK_LIST) {
    int64_t length;
    if (!whole(n, 0, INT32_MAX, &length)) return refuse(m, f, option, "is a length here: it wants a whole number");
    *(low ? &f->min_n : &f->max_n) = (size_t)length;
    return true;
  }
  plan_val v = {.type = PT_NULL};
  plan_in in;
  bool has_map = f->map_first;
  f->map_first = false;
  bool ok = convert(m, f, option, n, false, &in, &v);
  f->map_first = has_map;
  if (!ok) return false;
  if (v.type == PT_NULL) return refuse(m, f, option, "wants a value");
  *text = v.text;
  if (v.type == PT_NUMBER) {
    peri_buf b = {0};
    peri_decimal_canonical(v.text, &b);
    *text = peri_arena_str(m->plan->arena, peri_buf_view(&b));
    peri_buf_fini(&b);
    peri_number_double(v.text, low ? &f->min_d : &f->max_d);
  }
  return true;
}

static bool bounds_meet(const plan_field *f) {
  if (!f->has_min || !f->has_max) return true;
  if (plan_kinds[f->kind].texty || f->kind == PK_LIST) return f->min_n <= f->max_n;
  if (f->kind == PK_DATE || f->kind == PK_DATETIME || f->kind == PK_TIME) return peri_str_cmp(f->min, f->max) <= 0;
  return peri_decimal_compare(f->min, f->max) <= 0;
}

/* ---- map, options, labels ---- */

static bool map_put(plan_maker *m, plan_field *f, const char *option, peri_str key, const peri_node *value) {
  plan_map_item *item = peri_arena_take(m->plan->arena, sizeof *item);
  plan_in in;
  if (!f->map) {
    f->map = peri_arena_take(m->plan->arena, sizeof *f->map);
    peri_map_init(f->map, m->plan->arena);
  }
  if (!convert(m, f, option, value, false, &in, &item->val)) return false;
  peri_map_put(f->map, key, item);
  return true;
}

static bool map_table(plan_maker *m, plan_field *f, const char *option, const peri_node *n, bool values) {
  if (n->type != PERI_N_TABLE) return refuse(m, f, option, "wants a table");
  for (size_t i = 0; i < n->item_count; i++) {
    peri_str key = peri_arena_fmt(m->plan->arena, "%zu", i + 1); /* map = { "one", "two" } is [1] and [2] */
    if (values) {
      peri_str json = plan_node_json(m->plan->arena, n->items[i], false);
      key = n->items[i]->type == PERI_N_TEXT ? n->items[i]->u.text : json;
      if (!json.p || n->items[i]->type == PERI_N_TABLE) return refuse(m, f, option, "wants plain values");
    }
    if (!map_put(m, f, option, key, n->items[i])) return false;
  }
  for (size_t i = 0; i < n->member_count; i++)
    if (!map_put(m, f, option, n->members[i].key, n->members[i].value)) return false;
  return true;
}

static const peri_json *discovered(plan_maker *m, peri_str path) {
  const peri_json *all = m->source ? m->source->discovered : NULL, *found = peri_json_get_str(all, path);
  for (size_t i = path.n; !found && i > 0; i--)
    if (path.p[i - 1] == '.') return peri_json_get_str(all, peri_str_from(path, i));
  return found;
}

static bool make_labels(plan_maker *m, plan_field *f) {
  peri_plan *p = m->plan;
  if (!peri_node_opt_bool(f->options, "labels", false)) return true;
  f->labels = true;
  for (size_t i = 0; i < f->source_count; i++) {
    const peri_json *options = peri_json_get(discovered(m, f->sources[i]->path), "options");
    if (!options) continue;
    p->labels = peri_arena_grow(p->arena, p->labels, p->label_count, &p->label_cap, sizeof *p->labels);
    p->labels[p->label_count++] = options->raw;
    for (const peri_json *o = options->first; o; o = o->next) {
      peri_str value = peri_json_get_text(o, "value"), label = peri_json_get_text(o, "label");
      if (value.p && (!f->map || !peri_map_has(f->map, value)) &&
          !map_put(m, f, "labels", value, peri_node_of_text(p->arena, label.n ? label : value)))
        return false;
    }
  }
  return true;
}

static bool make_map(plan_maker *m, plan_field *f) {
  const peri_node *map = peri_node_get(f->options, "map"), *options = peri_node_get(f->options, "options"),
                  *other = peri_node_get(f->options, "otherwise");
  plan_in in;
  if (map && !map_table(m, f, "map", map, false)) return false;
  if (options && !map_table(m, f, "options", options, true)) return false;
  f->closed = options != NULL;
  if (!make_labels(m, f)) return false;
  if (other && !convert(m, f, "otherwise", other, false, &in, &f->otherwise)) return false;
  f->has_otherwise = other != NULL;
  return true;
}

/* ---- options of single kinds ---- */

static bool make_zone(plan_maker *m, plan_field *f) {
  peri_str zone = peri_node_opt_text(f->options, "zone");
  if (!zone.p) return true;
  if (peri_str_starts(zone, PERI_STR("setting:"))) {
    bool key = m->key;
    m->key = true;
    plan_source *s = plan_source_of(m->plan, zone, false, false, m->source ? m->source->settings : NULL, m->e);
    m->key = key;
    if (!s) return false;
    if (s->fixed.type == PERI_J_NONE) return true; /* not set: as if zone were not named */
    if (s->fixed.type != PERI_J_STRING || s->fixed.escaped) return refuse(m, f, "zone", "reads a setting that is no zone");
    zone = (peri_str){s->fixed.p + 1, s->fixed.n - 2u};
  }
  f->zone_set = true;
  if (plan_zone_read(zone, &f->zone_minutes)) return true;
  return plan_refuse(m, f->line, "%s: zone %.*s: only UTC and fixed offsets such as \"+02:00\" are known; zones with summer time are not",
                     name_of(m, f), PERI_S(zone));
}

static bool make_formats(plan_maker *m, plan_field *f) {
  const peri_node *n = peri_node_get(f->options, "format");
  if (!n) return true;
  if (!texts(m, f, "format", n, &f->formats, &f->format_count)) return false;
  for (size_t i = 0; i < f->format_count; i++) {
    const char *what;
    if (!plan_format_check(f->formats[i], &what)) return refuse(m, f, "format", what);
  }
  return true;
}

static bool make_number(plan_maker *m, plan_field *f) {
  const peri_node *scale = peri_node_get(f->options, "scale"), *currency = peri_node_get(f->options, "currency");
  int64_t places;
  if (scale) {
    if (!whole(scale, 0, 100, &places)) return refuse(m, f, "scale", "wants a whole number from 0 to 100");
    f->scale = (int)places;
  }
  f->minor = f->kind == PK_MONEY && peri_node_opt_bool(f->options, "minor", false);
  return !currency || plan_make_sources(m, currency, f->line, name_of(m, f), &f->currency, &f->currency_count);
}

static bool make_list(plan_maker *m, plan_field *f) {
  peri_str of = peri_node_opt_text(f->options, "of"), empty = peri_node_opt_text(f->options, "empty");
  int64_t most;
  f->split = peri_node_opt_text(f->options, "split");
  if (f->split.p && !f->split.n) return refuse(m, f, "split", "wants a text that is not empty");
  if (peri_node_get(f->options, "most")) {
    if (!whole(peri_node_get(f->options, "most"), 1, INT32_MAX, &most)) return refuse(m, f, "most", "wants a number");
    f->most = (size_t)most;
  }
  plan_field *item = peri_arena_take(m->plan->arena, sizeof *item);
  *item = (plan_field){.name = f->name,
                       .line = f->line,
                       .file = f->file,
                       .number = f->number,
                       .trim = f->trim,
                       .transform = -1,
                       .validate = -1,
                       .scale = -1,
                       .options = f->options,
                       .zone_set = f->zone_set,
                       .zone_minutes = f->zone_minutes,
                       .formats = f->formats,
                       .format_count = f->format_count};
  item->kind = of.p ? plan_kind_named(of) : PK_TEXT;
  if (item->kind == PK_COUNT || item->kind == PK_LIST || item->kind == PK_REST || item->kind == PK_MONEY)
    return refuse(m, f, "of", "is no kind that elements can have");
  item->letters = f->letters || item->kind != PK_EMAIL ? f->letters : -1;
  item->empty_null = empty.p ? peri_str_is(empty, "null") : item->kind != PK_TEXT && item->kind != PK_CHOICE && item->kind != PK_JSON;
  item->map_first = !plan_kinds[item->kind].texty;
  item->sources = f->sources;
  item->source_count = f->source_count;
  f->item = item;
  return make_map(m, item);
}

static bool make_rest(plan_maker *m, plan_field *f) {
  const peri_node *except = peri_node_get(f->options, "except");
  peri_str prefix = peri_node_opt_text(f->options, "prefix");
  if (f->source_count != 1 || f->sources[0]->many ||
      (f->sources[0]->from != PF_RECORD && f->sources[0]->from != PF_ELEMENT && f->sources[0]->from != PF_PARENT))
    return refuse(m, f, "rest", "wants one path to an object of the record");
  if (except && !texts(m, f, "except", except, &f->except, &f->except_count)) return false;
  if (prefix.n) {
    peri_buf b = {0};
    peri_json_quote(&b, prefix);
    f->rest_prefix = peri_arena_str(m->plan->arena, (peri_str){b.p, b.n - 1}); /* its closing quote is the name's */
    peri_buf_fini(&b);
  }
  return true;
}

/* ---- all of them ---- */

static bool make_function(plan_maker *m, plan_field *f, const char *option, int *fn, int *line, peri_str *file, peri_str *body) {
  const peri_node *n = peri_node_get(f->options, option);
  if (!n || n->type == PERI_N_NULL) return true;
  if (n->type != PERI_N_FUNC) return refuse(m, f, option, "wants a function");
  *fn = n->u.fn;
  *line = n->line ? n->line : f->line;
  *file = n->line && n->file.n ? n->file : f->file;
  *body = n->word;
  return true;
}

static bool make_default(plan_maker *m, plan_field *f) {
  const peri_node *n = peri_node_get(f->options, "default");
  if (!n || n->type == PERI_N_NULL) return true;
  if (!convert(m, f, "default", n, true, &f->fallback, &f->fallback_val)) return false;
  f->has_default = f->fallback_val.type != PT_NULL;
  return true;
}

static bool make_text(plan_maker *m, plan_field *f) {
  const peri_node *join = peri_node_get(f->options, "join");
  peri_str letters = peri_node_opt_text(f->options, "case"), empty = peri_node_opt_text(f->options, "empty"),
           on_error = peri_node_opt_text(f->options, "on_error");
  f->required = peri_node_opt_bool(f->options, "required", false);
  f->trim = peri_node_opt_bool(f->options, "trim", true);
  f->unique = peri_node_opt_bool(f->options, "unique", false);
  f->letters = f->kind == PK_EMAIL ? -1 : 0;
  if (letters.p) f->letters = peri_str_is(letters, "lower") ? -1 : peri_str_is(letters, "upper") ? 1 : 0;
  f->empty_null = empty.p ? peri_str_is(empty, "null") : f->kind != PK_LIST && f->kind != PK_JSON;
  f->on_error = peri_str_is(on_error, "null")      ? PE_NULL
                : peri_str_is(on_error, "default") ? PE_DEFAULT
                : peri_str_is(on_error, "keep")    ? PE_KEEP
                                                   : PE_REJECT;
  f->lookup = peri_node_opt_text(f->options, "lookup");
  f->pattern = peri_node_opt_text(f->options, "pattern");
  if (join) {
    if (join->type != PERI_N_TEXT) return refuse(m, f, "join", "wants a text");
    f->has_join = true;
    f->join = join->u.text;
    f->join_plain = true;
    for (size_t i = 0; i < f->join.n; i++) f->join_plain &= (unsigned char)f->join.p[i] >= 32 && f->join.p[i] != '"' && f->join.p[i] != '\\';
  }
  if (!f->pattern.n) return true;
  const char *wrong = peri_pattern_check(f->pattern);
  if (wrong) return refuse(m, f, "pattern:", wrong);
  return (f->kind != PK_LIST && f->kind != PK_JSON && f->kind != PK_REST) || refuse(m, f, "pattern", "means nothing for this kind");
}

/* What the run need not ask again for each record. */
static void note_ways(plan_field *f) {
  const plan_source *s = f->sources[0];
  bool one = f->source_count == 1, many = one && s->many && !plan_kinds[f->kind].takes_list;
  f->early = f->transform >= 0 && !f->has_join && (f->source_count > 1 || many);
  f->checked = f->has_min || f->has_max || f->pattern.n || f->validate >= 0;
  f->simple = one && !s->many && (s->from == PF_RECORD || s->from == PF_ELEMENT) && !f->has_join && f->transform < 0 && !f->checked &&
              !f->currency_count && f->trim;
  f->quick = f->simple && f->kind == PK_TEXT && !f->letters && !f->map && !f->closed;
}

bool plan_make_options(plan_maker *m, plan_field *f, const peri_node *word) {
  f->options = word->opts;
  f->map_first = !plan_kinds[f->kind].texty;
  if (!make_text(m, f) || !make_zone(m, f) || !make_formats(m, f) || !make_number(m, f)) return false;
  if (f->kind == PK_LIST ? !make_list(m, f) : f->kind == PK_REST ? !make_rest(m, f) : !make_map(m, f)) return false;
  if (!make_function(m, f, "transform", &f->transform, &f->transform_line, &f->transform_file, &f->transform_body)) return false;
  if (!make_function(m, f, "validate", &f->validate, &f->validate_line, &f->validate_file, &f->validate_body)) return false;
  if (!make_bound(m, f, "min", true) || !make_bound(m, f, "max", false)) return false;
  if (!bounds_meet(f)) return refuse(m, f, "min", "is above max");
  if (!make_default(m, f)) return false;
  note_ways(f);
  return true;
}
