/* plan/compile_rules: rules of a mapping, the option `unique`, and the plan's hash.
 * Refuses rules about fields that are not there, with the nearest name. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdio.h>

#include "plan/inside.h"

static plan_field *field_named(peri_plan *p, peri_str name) {
  for (size_t i = 0; i < p->field_count; i++)
    if (peri_str_eq(p->fields[i]->name, name)) return p->fields[i];
  return NULL;
}

static bool add_field(plan_maker *m, plan_rule *rule, peri_str name) {
  peri_plan *p = m->plan;
  plan_field *f = field_named(p, name);
  if (!f) {
    peri_str *names = peri_arena_take(p->arena, (p->field_count + 1) * sizeof *names);
    for (size_t i = 0; i < p->field_count; i++) names[i] = p->fields[i]->name;
    peri_str near = peri_suggest(name, names, p->field_count);
    if (near.p) return plan_refuse(m, rule->line, "rule: there is no field '%.*s' (did you mean '%.*s'?)", PERI_S(name), PERI_S(near));
    return plan_refuse(m, rule->line, "rule: there is no field '%.*s'", PERI_S(name));
  }
  f->kept = true;
  rule->fields[rule->field_count++] = f;
  rule->names = rule->names.n ? peri_arena_fmt(p->arena, "%.*s, %.*s", PERI_S(rule->names), PERI_S(f->name)) : f->name;
  return true;
}

static bool rule_fields(plan_maker *m, plan_rule *rule, const peri_node *what) {
  size_t count = what && what->type == PERI_N_TABLE ? what->item_count : what ? 1 : 0;
  if (!count || count > PLAN_VALUES_MAX) return plan_refuse(m, rule->line, "rule wants the name of a field, or a list of names");
  rule->fields = peri_arena_take(m->plan->arena, count * sizeof *rule->fields);
  for (size_t i = 0; i < count; i++) {
    const peri_node *name = what->type == PERI_N_TABLE ? what->items[i] : what;
    if (name->type != PERI_N_TEXT) return plan_refuse(m, rule->line, "rule wants names of fields, as texts");
    if (!add_field(m, rule, name->u.text)) return false;
  }
  return true;
}

static bool rule_need(plan_maker *m, plan_rule *rule, const peri_node *word) {
  const peri_node *check = peri_node_get(word, "check");
  peri_str need = peri_node_opt_text(word, "need");
  if ((check != NULL) == (need.p != NULL))
    return plan_refuse(m, rule->line, "rule wants either need = \"any\", \"all\" or \"unique\", or check = function");
  rule->check = -1;
  if (check) {
    if (check->type != PERI_N_FUNC) return plan_refuse(m, rule->line, "rule: check wants a function");
    rule->need = PN_CHECK;
    rule->check = check->u.fn;
    return true;
  }
  if (peri_str_is(need, "any"))
    rule->need = PN_ANY;
  else if (peri_str_is(need, "all"))
    rule->need = PN_ALL;
  else if (peri_str_is(need, "unique"))
    rule->need = PN_UNIQUE;
  else
    return plan_refuse(m, rule->line, "rule: need is \"any\", \"all\" or \"unique\"");
  if (rule->need == PN_UNIQUE) rule->seen = plan_seen_new(m->plan->arena);
  return true;
}

static bool rule_then(plan_maker *m, plan_rule *rule, const peri_node *word) {
  static const char *const names[] = {"reject", "warn", "skip"};
  int given = 0;
  for (int i = 0; i < 3; i++) {
    const peri_node *n = peri_node_get(word, names[i]);
    if (!n || (n->type == PERI_N_BOOL && !n->u.b)) continue;
    if (given++) return plan_refuse(m, rule->line, "rule wants one of reject, warn and skip");
    rule->then = i == 0 ? PTHEN_REJECT : i == 1 ? PTHEN_WARN : PTHEN_SKIP;
    if (n->type == PERI_N_TEXT) rule->message = n->u.text;
  }
  return true;
}

bool plan_make_rules(plan_maker *m, const peri_node *mapping) {
  peri_plan *p = m->plan;
  const peri_node *rules = peri_node_get(mapping, "rules");
  size_t count = rules && rules->type == PERI_N_TABLE ? rules->item_count : rules ? 1 : 0;
  p->rules = peri_arena_take(p->arena, (count + p->field_count + 1) * sizeof *p->rules);
  for (size_t i = 0; i < count; i++) {
    const peri_node *word = rules->type == PERI_N_TABLE ? rules->items[i] : rules;
    plan_rule *rule = &p->rules[p->rule_count];
    rule->line = word->line ? word->line : mapping->line;
    rule->file = word->file.n ? word->file : p->path;
    if (!peri_node_is(word, "rule")) return plan_refuse(m, rule->line, "rules wants a list of rule");
    if (!rule_fields(m, rule, word->what) || !rule_need(m, rule, word) || !rule_then(m, rule, word)) return false;
    p->rule_count++;
  }
  for (size_t i = 0; i < p->field_count; i++) {
    plan_field *f = p->fields[i];
    if (!f->unique) continue;
    plan_rule *rule = &p->rules[p->rule_count++];
    *rule = (plan_rule){.need = PN_UNIQUE, .line = f->line, .file = f->file, .check = -1, .seen = plan_seen_new(p->arena)};
    rule->fields = peri_arena_take(p->arena, sizeof *rule->fields);
    if (!add_field(m, rule, f->name)) return false;
  }
  return true;
}

/* ---- hash ---- */

static bool has_function(const peri_node *n) {
  if (!n) return false;
  if (n->type == PERI_N_FUNC) return true;
  bool found = has_function(n->what) || has_function(n->opts);
  for (size_t i = 0; i < n->item_count && !found; i++) found = has_function(n->items[i]);
  for (size_t i = 0; i < n->member_count && !found; i++) found = has_function(n->members[i].value);
  return found;
}

/* Everything of the tree that can change a row. Function numbers depend on the order of loading and lines on comments, so neither
 * counts; what tells one function from another is the text of the files (sources_hash), or where there is none, its line. */
static void put(peri_buf *b, const peri_node *n, bool lines) {
  if (!n) {
    peri_buf_char(b, '-');
    return;
  }
  peri_buf_fmt(b, "(%d ", (int)n->type);
  switch (n->type) {
  case PERI_N_NULL: break;
  case PERI_N_BOOL: peri_buf_char(b, n->u.b ? '1' : '0'); break;
  case PERI_N_INT: peri_buf_fmt(b, "%lld", (long long)n->u.i); break;
  case PERI_N_NUM: peri_buf_fmt(b, "%a", n->u.d); break;
  case PERI_N_TEXT:
    peri_buf_fmt(b, "%zu:", n->u.text.n);
    peri_buf_str(b, n->u.text);
    break;
  case PERI_N_FUNC:
    peri_buf_str(b, n->word);
    if (lines) peri_buf_fmt(b, "@%d", n->line);
    break;
  case PERI_N_WORD:
    peri_buf_str(b, n->word);
    put(b, n->what, lines);
    put(b, n->opts, lines);
    break;
  case PERI_N_JOIN:
  case PERI_N_TABLE:
    for (size_t i = 0; i < n->item_count; i++) put(b, n->items[i], lines);
    for (size_t i = 0; i < n->member_count; i++) {
      peri_str key = n->members[i].key;
      if (peri_str_is(key, "examples") || peri_str_is(key, "description") || peri_str_is(key, "write")) continue;
      peri_buf_fmt(b, " %zu:", key.n);
      peri_buf_str(b, key);
      put(b, n->members[i].value, lines);
    }
    break;
  }
  peri_buf_char(b, ')');
}

void plan_make_hash(plan_maker *m) {
  peri_plan *p = m->plan;
  peri_buf b = {0};
  peri_str sources = has_function(m->source->mapping) ? p->sources_hash : (peri_str){0}; /* else the tree says it all, and a comment changes nothing */
  peri_buf_fmt(&b, "%d %zu:", PERI_PLAN_COMPILER, sources.n);
  peri_buf_str(&b, sources);
  put(&b, m->source->mapping, p->sources_hash.n == 0);
  if (p->key_from_stream) put(&b, m->source->stream_key, false);
  for (size_t i = 0; i < p->setting_count; i++) {
    const peri_json *value = peri_json_at(m->source->settings, p->settings[i]);
    peri_buf_fmt(&b, "\nsetting %zu:", p->settings[i].n);
    peri_buf_str(&b, p->settings[i]);
    if (value) peri_buf_str(&b, value->raw);
  }
  for (size_t i = 0; i < p->label_count; i++) {
    peri_buf_fmt(&b, "\nlabels %zu:", p->labels[i].n);
    peri_buf_str(&b, p->labels[i]);
  }
  XXH128_hash_t h = XXH3_128bits(b.p, b.n);
  snprintf(p->hash, sizeof p->hash, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
  peri_buf_fini(&b);
}
