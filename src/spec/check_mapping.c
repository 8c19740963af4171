/* spec/check_mapping: fields, rules and examples of a mapping, and what they must know of each other. */
#include "spec/check.h"

static bool says(peri_check *c, const char *text) {
  peri_str here = peri_check_here(c);
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s %s", PERI_S(here), text);
}

/* ---- fields ---- */

static bool check_field(peri_check *c, const peri_node *n) {
  if (n->type == PERI_N_TABLE && n->item_count + n->member_count == 0) return says(c, "is an object without fields");
  return peri_check_type(c, "kind/when<kind/scalar>/fields", n);
}

bool peri_mapping_fields(peri_check *c, const peri_node *n) {
  if (n->item_count) {
    peri_str here = peri_check_here(c), found = peri_check_found(c, n->items[0]);
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: %.*s needs a name before it", PERI_S(here), PERI_S(found));
  }
  for (size_t i = 0; i < n->member_count; i++) {
    const peri_member *m = &n->members[i];
    if (!m->key_is_text || m->key.n == 0 || m->key.n > 128) {
      peri_str here = peri_check_here(c);
      return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: a field needs a name, which '%.*s' is not", PERI_S(here), PERI_S(m->key));
    }
    size_t mark = peri_check_enter(c, m->key, true);
    if (!check_field(c, m->value)) return false;
    peri_check_leave(c, mark);
  }
  return true;
}

struct names {
  peri_map folded; /* lower case -> the name as written */
  size_t count;
};

static char *lower(peri_check *c, peri_str name) {
  char *out = peri_arena_bytes(c->arena, name.n + 1);
  for (size_t i = 0; i < name.n; i++) out[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
  out[name.n] = 0;
  return out;
}

/* Fields with their full names ("address.city"). SQLite's columns do not tell Email from email. */
static bool collect_names(peri_check *c, const peri_node *fields, peri_str before, struct names *names) {
  for (size_t i = 0; i < fields->member_count; i++) {
    const peri_member *m = &fields->members[i];
    peri_str name = before.n ? peri_arena_fmt(c->arena, "%.*s.%.*s", PERI_S(before), PERI_S(m->key)) : m->key;
    peri_str folded = {lower(c, name), name.n};
    if (m->value->line > 0) c->line = m->value->line;
    const peri_str *other = peri_map_get(&names->folded, folded);
    if (other && peri_str_eq(*other, name)) return peri_check_fail(c, PERI_NEAR_NONE, "field '%.*s' is there twice", PERI_S(name));
    if (other)
      return peri_check_fail(c, PERI_NEAR_NONE, "fields '%.*s' and '%.*s' differ only in upper and lower case", PERI_S(*other), PERI_S(name));
    peri_str *kept = peri_arena_take(c->arena, sizeof *kept);
    *kept = name;
    peri_map_put(&names->folded, folded, kept);
    if (m->value->type == PERI_N_TABLE) {
      if (!collect_names(c, m->value, name, names)) return false;
    } else
      names->count++;
  }
  return true;
}

static peri_str near_name(peri_check *c, const struct names *names, peri_str name) {
  peri_str *list = peri_arena_take(c->arena, (names->folded.count + 1) * sizeof *list);
  for (size_t i = 0; i < names->folded.count; i++) list[i] = *(const peri_str *)names->folded.items[i].value;
  return peri_suggest(name, list, names->folded.count);
}

static bool has_name(peri_check *c, const struct names *names, peri_str name) {
  const peri_str *own = peri_map_get(&names->folded, (peri_str){lower(c, name), name.n});
  return own && peri_str_eq(*own, name);
}

/* ---- what extends brings ---- */

bool peri_mapping_change(peri_check *c, const peri_node *n) {
  for (size_t i = 0; i < n->member_count; i++) {
    const peri_node *options = n->members[i].value;
    size_t mark = peri_check_enter(c, n->members[i].key, n->members[i].key_is_text);
    if (options->type != PERI_N_TABLE || options->item_count) return says(c, "wants a table of options such as { required = false }");
    for (size_t k = 0; k < options->member_count; k++) {
      /* which kind the field has is known only once extends is resolved: any kind's option will do here */
      const peri_member *m = &options->members[k];
      const peri_option_spec *found = NULL, *known[128];
      peri_str names[128];
      size_t count = 0;
      for (size_t w = 0; w < peri_word_count && !found; w++) {
        if (!peri_words[w].kind) continue;
        found = peri_option_named(&peri_words[w], m->key);
        for (size_t o = 0; o < peri_words[w].option_count && count < 128; o++) {
          bool seen = false;
          for (size_t s = 0; s < count; s++) seen = seen || !strcmp(known[s]->name, peri_words[w].options[o].name);
          if (seen) continue;
          known[count] = &peri_words[w].options[o];
          names[count++] = peri_str_of(peri_words[w].options[o].name);
        }
      }
      peri_str here = peri_check_here(c);
      if (!found) return peri_check_fail(c, peri_suggest(m->key, names, count), "%.*s: no kind has an option '%.*s'", PERI_S(here), PERI_S(m->key));
      size_t inner = peri_check_enter(c, m->key, true);
      if (!peri_check_type(c, found->type, m->value)) return false;
      peri_check_leave(c, inner);
    }
    peri_check_leave(c, mark);
  }
  return true;
}

/* ---- rules and examples ---- */

static bool check_rules(peri_check *c, const struct names *names) {
  const peri_node *rules = peri_node_get(c->mapping, "rules");
  for (size_t i = 0; rules && i < (rules->type == PERI_N_TABLE ? rules->item_count : 1); i++) {
    const peri_node *rule = rules->type == PERI_N_TABLE ? rules->items[i] : rules, *what = rule->what;
    for (size_t k = 0; k < (what->type == PERI_N_TABLE ? what->item_count : 1); k++) {
      peri_str name = peri_node_text(what->type == PERI_N_TABLE ? what->items[k] : what);
      if (has_name(c, names, name)) continue;
      if (rule->line > 0) c->line = rule->line;
      return peri_check_fail(c, near_name(c, names, name), "rule names '%.*s', which is no field here", PERI_S(name));
    }
  }
  return true;
}

static bool check_gives(peri_check *c, const struct names *names, const peri_node *gives, peri_str before) {
  for (size_t i = 0; i < gives->member_count; i++) {
    const peri_member *m = &gives->members[i];
    peri_str name = before.n ? peri_arena_fmt(c->arena, "%.*s.%.*s", PERI_S(before), PERI_S(m->key)) : m->key;
    if (!has_name(c, names, name))
      return peri_check_fail(c, near_name(c, names, name), "an example gives '%.*s', which is no field here", PERI_S(name));
    const peri_node *field = peri_node_get(c->mapping, "fields");
    for (peri_str rest = name, head; rest.n && field;) {
      rest = peri_str_cut(rest, '.', &head);
      field = peri_node_get_str(field, head);
    }
    if (field && field->type == PERI_N_TABLE && m->value->type == PERI_N_TABLE && !check_gives(c, names, m->value, name)) return false;
  }
  return true;
}

static bool check_example(peri_check *c, const struct names *names, const peri_node *example) {
  const peri_node *gives = peri_node_get(example, "gives"), *rows = peri_node_get(example, "rows");
  if (gives && !check_gives(c, names, gives, PERI_NEAR_NONE)) return false;
  if (rows && !peri_node_get(c->mapping, "rows"))
    return peri_check_fail(c, PERI_NEAR_NONE, "an example has rows, but the mapping has none: use gives");
  for (size_t i = 0; rows && i < rows->item_count; i++)
    if (!check_gives(c, names, rows->items[i], PERI_NEAR_NONE)) return false;
  return true;
}

bool peri_mapping_rejects(peri_check *c, const peri_node *n) {
  static const char *const codes[] = {"required",     "type",           "rule",          "validate",    "invalid_json",
                                      "script_error", "script_timeout", "script_memory", "script_crash"};
  enum { CODES = sizeof codes / sizeof *codes };
  peri_str names[CODES];
  for (size_t i = 0; i < CODES; i++) names[i] = peri_str_of(codes[i]);
  for (size_t i = 0; i < n->member_count; i++) {
    peri_str code = peri_node_text(n->members[i].value);
    bool known = false;
    for (size_t k = 0; k < CODES; k++) known = known || peri_str_eq(code, names[k]);
    if (known) continue;
    size_t mark = peri_check_enter(c, n->members[i].key, n->members[i].key_is_text);
    peri_str here = peri_check_here(c), found = peri_check_found(c, n->members[i].value);
    peri_check_leave(c, mark);
    return peri_check_fail(c, peri_suggest(code, names, CODES), "%.*s wants the code of a reject, not %.*s", PERI_S(here), PERI_S(found));
  }
  return true;
}

bool peri_mapping_whole(peri_check *c) {
  const peri_node *m = c->mapping, *fields = peri_node_get(m, "fields"), *examples = peri_node_get(m, "examples");
  bool extends = peri_node_get(m, "extends") != NULL;
  peri_str name = peri_node_text(m->what);
  struct names names = {.count = 0};
  peri_map_init(&names.folded, c->arena);
  c->subject = peri_arena_fmt(c->arena, "mapping '%.*s'", PERI_S(name));
  if (!extends && !peri_node_get(m, "from")) return says(c, "needs from (or extends)");
  if (!extends && !fields) return says(c, "needs fields (or extends)");
  if (!extends && peri_node_get(m, "change")) return says(c, "has change, which needs extends");
  if (!extends && peri_node_get(m, "drop")) return says(c, "has drop, which needs extends");
  if (fields && !collect_names(c, fields, PERI_NEAR_NONE, &names)) return false;
  if (m->line > 0) c->line = m->line;
  if (names.count > PERI_FIELDS_MAX)
    return peri_check_fail(c, PERI_NEAR_NONE, "mapping '%.*s' has %zu fields; at most %d are allowed", PERI_S(name), names.count, PERI_FIELDS_MAX);
  if (!extends && names.count == 0) return says(c, "has no fields");
  if (extends) return true; /* names that it inherits are known only to the plan */
  if (!check_rules(c, &names)) return false;
  if (m->line > 0) c->line = m->line;
  for (size_t i = 0; examples && i < examples->item_count; i++)
    if (!check_example(c, &names, examples->items[i])) return false;
  return !examples || examples->member_count == 0 || check_example(c, &names, examples);
}
