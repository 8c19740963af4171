/* plan/rules: rules about a whole row, once its fields are there. A rule that looks at a failed field stays silent: the field has
 * said what is wrong. skip wins over everything: an unwanted record is not refused for its other faults. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "plan/inside.h"

/* ---- unique: what was seen in this run ---- */

typedef struct seen_item {
  uint64_t high, low, key; /* hashes of 128 bits: two values out of four million share one in 10^25 */
} seen_item;

struct plan_seen {
  peri_arena *arena;
  seen_item *items;
  size_t size, count;
};

plan_seen *plan_seen_new(peri_arena *a) {
  plan_seen *s = peri_arena_take(a, sizeof *s);
  s->arena = a;
  return s;
}

void plan_seen_forget(plan_seen *s) {
  if (s->count) memset(s->items, 0, s->size * sizeof *s->items);
  s->count = 0;
}

static seen_item *place(seen_item *items, size_t size, uint64_t high, uint64_t low) {
  size_t at = low & (size - 1);
  while ((items[at].high || items[at].low) && (items[at].high != high || items[at].low != low)) at = (at + 1) & (size - 1);
  return &items[at];
}

static void widen(plan_seen *s) {
  size_t size = s->size ? 2 * s->size : 1024;
  seen_item *items = peri_arena_take(s->arena, size * sizeof *items);
  for (size_t i = 0; i < s->size; i++)
    if (s->items[i].high || s->items[i].low) *place(items, size, s->items[i].high, s->items[i].low) = s->items[i];
  s->items = items;
  s->size = size;
}

int plan_seen_add(plan_seen *s, peri_str value, peri_str key) {
  XXH128_hash_t h = XXH3_128bits(value.p, value.n);
  uint64_t own = XXH3_64bits(key.p, key.n);
  if (!h.high64 && !h.low64) h.low64 = 1;
  if (2 * s->count >= s->size) widen(s);
  seen_item *item = place(s->items, s->size, h.high64, h.low64);
  if (item->high || item->low) return item->key == own; /* the same record again is no second one */
  if (s->count >= PLAN_UNIQUE_MAX) return -1;
  *item = (seen_item){h.high64, h.low64, own};
  s->count++;
  return 1;
}

void peri_plan_run_begins(const peri_plan *plan) {
  for (size_t i = 0; i < plan->rule_count; i++)
    if (plan->rules[i].seen) plan_seen_forget(plan->rules[i].seen);
}

/* ---- rules ---- */

static const plan_val *value_of(const plan_run *r, const plan_field *f) { return &r->view->kept[f->number]; }

static size_t present(const plan_run *r, const plan_rule *rule) {
  size_t n = 0;
  for (size_t i = 0; i < rule->field_count; i++) n += value_of(r, rule->fields[i])->type != PT_NULL;
  return n;
}

/* The rule broken: r->last says how. Its field is the first one, its text names all. */
static bool broken(plan_run *r, const plan_rule *rule, peri_str reason, const char *made) {
  plan_field all = {.name = rule->names, .line = rule->line, .file = rule->file};
  peri_buf *b = &r->scratch->text;
  peri_buf_clear(b);
  for (size_t i = 0; i < rule->field_count; i++) {
    if (i) peri_buf_c_str(b, ", ");
    plan_val_put(b, value_of(r, rule->fields[i]));
  }
  peri_str shown = plan_shown(r->arena, peri_buf_view(b));
  if (rule->message.n && reason.n)
    plan_fails(r, &all, "rule", shown, "%.*s: %.*s", PERI_S(rule->message), PERI_S(reason));
  else if (rule->message.n)
    plan_fails(r, &all, "rule", shown, "%.*s", PERI_S(rule->message));
  else if (reason.n)
    plan_fails(r, &all, "rule", shown, "%.*s", PERI_S(reason));
  else
    plan_fails(r, &all, "rule", shown, "%s", made);
  r->last.field = rule->fields[0]->name;
  return false;
}

static bool check_unique(plan_run *r, const plan_rule *rule, peri_str key) {
  if (!present(r, rule)) return true; /* having no value twice is no double */
  peri_buf *b = &r->scratch->text;
  peri_buf_clear(b);
  for (size_t i = 0; i < rule->field_count; i++) {
    plan_val_put(b, value_of(r, rule->fields[i]));
    peri_buf_char(b, 0);
  }
  int found = plan_seen_add(rule->seen, peri_buf_view(b), key);
  if (found > 0) return true;
  if (found < 0) return broken(r, rule, (peri_str){0}, "more values than one run can compare");
  return broken(r, rule, (peri_str){0}, "another record of this run has the same value");
}

/* A function's own failure (an error, out of time) is a failure of the record whatever the rule wants done. */
static bool check_function(plan_run *r, const plan_rule *rule, bool *failed) {
  peri_value args[PLAN_VALUES_MAX], results[2];
  if (!present(r, rule)) return true;
  for (size_t i = 0; i < rule->field_count; i++) {
    const plan_val *v = value_of(r, rule->fields[i]);
    double d;
    plan_val_value(r, rule->fields[i], v, false, &args[i]);
    if (v->type == PT_NUMBER && args[i].type == PERI_V_TEXT && rule->fields[i]->kind != PK_INTEGER && peri_number_double(v->text, &d))
      args[i] = (peri_value){.type = PERI_V_NUM, .u.d = d};
  }
  if (!plan_call(r, rule->fields[0], rule->check, rule->line, args, rule->field_count, results)) {
    *failed = true;
    return false;
  }
  if (results[0].type != PERI_V_NULL && !(results[0].type == PERI_V_BOOL && !results[0].u.b)) return true;
  return broken(r, rule, results[1].type == PERI_V_TEXT ? results[1].u.s : (peri_str){0}, "the rule's check does not hold");
}

static bool holds(plan_run *r, const plan_rule *rule, peri_str key, bool *failed) {
  switch (rule->need) {
  case PN_ANY: return present(r, rule) > 0 || broken(r, rule, (peri_str){0}, "one of them must have a value");
  case PN_ALL: return present(r, rule) == rule->field_count || broken(r, rule, (peri_str){0}, "all of them must have a value");
  case PN_UNIQUE: return check_unique(r, rule, key);
  case PN_CHECK: return check_function(r, rule, failed);
  }
  return true;
}

static void warn(plan_run *r) {
  peri_buf *b = &r->scratch->warnings;
  if (r->warning_count++ >= PLAN_WARNINGS_MAX) return;
  peri_buf_char(b, b->n ? ',' : '[');
  peri_json_quote(b, r->last.message);
}

static bool looks_at_failed(const plan_rule *rule, const bool *failed) {
  for (size_t i = 0; i < rule->field_count; i++)
    if (failed[rule->fields[i]->number]) return true;
  return false;
}

plan_outcome plan_rules(plan_run *r, peri_str key, const bool *failed) {
  const peri_plan *p = r->plan;
  for (int unique = 0; unique < 2; unique++) /* last, and only for rows that stay: a refused record takes nobody's place */
    for (size_t i = 0; i < p->rule_count && !r->stop; i++) {
      const plan_rule *rule = &p->rules[i];
      bool own = false;
      if ((rule->need == PN_UNIQUE) != unique || (unique && r->fail_count) || looks_at_failed(rule, failed)) continue;
      if (holds(r, rule, key, &own)) continue;
      if (rule->then == PTHEN_SKIP && !own) return PO_SKIP;
      if (rule->then == PTHEN_WARN && !own)
        warn(r);
      else
        plan_fail_add(r);
    }
  return r->fail_count ? PO_REJECT : PO_FINE;
}
