/* plan/resolve: extends, change and drop: a mapping that starts from another becomes one whole mapping.
 * Refuses loops, bases that are not there, and names that the base does not have (with the nearest one). Pure work on trees:
 * the base is copied where it changes, so that other mappings can start from it, too. Examples stay with their own file. */
#include <stdio.h>

#include "plan/inside.h"

#define CHAIN_MAX 16

typedef struct resolving {
  peri_arena *arena;
  const peri_mapping_lookup *lookup;
  const peri_tree *chain[CHAIN_MAX];
  int depth;
  peri_err *e;
  int *line;
} resolving;

static peri_node *refuse(resolving *r, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static peri_node *refuse(resolving *r, int line, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  peri_fail(r->e, PERI_SCRIPT_REFUSED, "%s", text);
  if (r->line) *r->line = line;
  return NULL;
}

static bool is_table(const peri_node *n) { return n && n->type == PERI_N_TABLE; }

static peri_node *copy_table(peri_arena *a, const peri_node *from) {
  peri_node *to = peri_node_new(a, PERI_N_TABLE);
  if (!from) return to;
  to->line = from->line;
  for (size_t i = 0; i < from->item_count; i++) peri_node_push(a, to, from->items[i]);
  for (size_t i = 0; i < from->member_count; i++) {
    peri_node *value = from->members[i].value;
    peri_node_set_key(a, to, from->members[i].key, from->members[i].key_is_text, is_table(value) ? copy_table(a, value) : value);
  }
  return to;
}

static void remove_member(peri_node *table, peri_str key) {
  size_t kept = 0;
  for (size_t i = 0; i < table->member_count; i++)
    if (!peri_str_eq(table->members[i].key, key)) table->members[kept++] = table->members[i];
  table->member_count = kept;
}

static bool one_of(peri_str key, const char *const *names) {
  for (; *names; names++)
    if (peri_str_is(key, *names)) return true;
  return false;
}

/* ---- names of fields: "email", "address.city" ---- */

/* The table that holds the last part of a dotted name; NULL if a part is no object. */
static peri_node *holder_of(peri_node *fields, peri_str name, peri_str *last) {
  for (;;) {
    peri_str head, rest = peri_str_cut(name, '.', &head);
    if (!rest.n) {
      *last = head;
      return fields;
    }
    fields = peri_node_get_str(fields, head);
    if (!is_table(fields)) return NULL;
    name = rest;
  }
}

static peri_node *field_named(peri_node *fields, peri_str name) {
  peri_str last;
  peri_node *holder = holder_of(fields, name, &last);
  return holder ? peri_node_get_str(holder, last) : NULL;
}

static size_t collect(peri_arena *a, const peri_node *fields, peri_str prefix, peri_str **names, size_t count, size_t *cap) {
  for (size_t i = 0; i < fields->member_count; i++) {
    peri_str key = fields->members[i].key, name = prefix.n ? peri_arena_fmt(a, "%.*s.%.*s", PERI_S(prefix), PERI_S(key)) : key;
    if (is_table(fields->members[i].value)) count = collect(a, fields->members[i].value, name, names, count, cap);
    *names = peri_arena_grow(a, *names, count, cap, sizeof **names);
    (*names)[count++] = name;
  }
  return count;
}

static peri_node *no_field(resolving *r, const peri_node *fields, const char *option, peri_str name, int line) {
  peri_str *names = NULL;
  size_t cap = 0, count = collect(r->arena, fields, (peri_str){0}, &names, 0, &cap);
  peri_str near = peri_suggest(name, names, count);
  if (near.p)
    return refuse(r, line, "%s: the mapping that this one extends has no field '%.*s' (did you mean '%.*s'?)", option, PERI_S(name), PERI_S(near));
  return refuse(r, line, "%s: the mapping that this one extends has no field '%.*s'", option, PERI_S(name));
}

/* ---- change ---- */

static peri_node *changed_word(resolving *r, const peri_node *word, const peri_node *options) {
  peri_node *own = peri_node_new(r->arena, PERI_N_WORD);
  *own = *word;
  own->opts = copy_table(r->arena, word->opts);
  for (size_t i = 0; i < options->member_count; i++) {
    const peri_member *m = &options->members[i];
    if (m->value->type == PERI_N_NULL && !peri_node_is(word, "when"))
      remove_member(own->opts, m->key); /* max = null: without max */
    else
      peri_node_set_key(r->arena, own->opts, m->key, m->key_is_text, m->value);
  }
  return own;
}

static bool change_fields(resolving *r, peri_node *fields, const peri_node *changes, peri_str prefix, int line) {
  for (size_t i = 0; i < changes->member_count; i++) {
    const peri_member *m = &changes->members[i];
    peri_str name = prefix.n ? peri_arena_fmt(r->arena, "%.*s.%.*s", PERI_S(prefix), PERI_S(m->key)) : m->key, last;
    peri_node *holder = holder_of(fields, name, &last), *target = holder ? peri_node_get_str(holder, last) : NULL;
    if (!target) return no_field(r, fields, "change", name, line) != NULL;
    if (!is_table(m->value)) return refuse(r, line, "change: %.*s wants a table of options", PERI_S(name)) != NULL;
    if (is_table(target)) {
      if (!change_fields(r, fields, m->value, name, line)) return false;
      continue;
    }
    if (target->type != PERI_N_WORD) return refuse(r, line, "change: %.*s has no options", PERI_S(name)) != NULL;
    if (m->value->item_count)
      return refuse(r, line, "change: %.*s wants options by name; to read another path, name the field under fields", PERI_S(name)) != NULL;
    peri_node_set(r->arena, holder, last, changed_word(r, target, m->value));
  }
  return true;
}

static bool drop_fields(resolving *r, peri_node *fields, const peri_node *drop, int line) {
  size_t count = is_table(drop) ? drop->item_count : 1;
  for (size_t i = 0; i < count; i++) {
    peri_str name = peri_node_text(is_table(drop) ? drop->items[i] : drop), last;
    if (!name.p) return refuse(r, line, "drop wants names of fields, as texts") != NULL;
    peri_node *holder = holder_of(fields, name, &last);
    if (!holder || !peri_node_get_str(holder, last)) return no_field(r, fields, "drop", name, line) != NULL;
    remove_member(holder, last);
  }
  return true;
}

static void add_fields(peri_arena *a, peri_node *fields, const peri_node *more) {
  for (size_t i = 0; i < more->member_count; i++) {
    const peri_member *m = &more->members[i];
    peri_node *known = peri_node_get_str(fields, m->key);
    if (is_table(known) && is_table(m->value))
      add_fields(a, known, m->value);
    else
      peri_node_set(a, fields, m->key, is_table(m->value) ? copy_table(a, m->value) : m->value);
  }
}

/* ---- rules ---- */

/* A rule that came along, without the fields that were dropped; NULL if nothing is left to say. A function gets its values by
 * place, and a pair that must be unique is another rule than one of its halves: these go with their first missing field. */
static peri_node *rule_left(peri_arena *a, peri_node *rule, peri_node *fields) {
  if (rule->type != PERI_N_WORD || !rule->what) return rule;
  if (rule->what->type == PERI_N_TEXT) return field_named(fields, rule->what->u.text) ? rule : NULL;
  peri_node *names = peri_node_new(a, PERI_N_TABLE);
  for (size_t i = 0; i < rule->what->item_count; i++)
    if (field_named(fields, peri_node_text(rule->what->items[i]))) peri_node_push(a, names, rule->what->items[i]);
  if (names->item_count == rule->what->item_count) return rule;
  if (!names->item_count || peri_node_get(rule, "check") || peri_str_is(peri_node_opt_text(rule, "need"), "unique")) return NULL;
  peri_node *own = peri_node_new(a, PERI_N_WORD);
  *own = *rule;
  own->what = names;
  return own;
}

static void push_rules(peri_arena *a, peri_node *out, peri_node *rules, peri_node *fields) {
  size_t count = is_table(rules) ? rules->item_count : rules ? 1 : 0;
  for (size_t i = 0; i < count; i++) {
    peri_node *rule = is_table(rules) ? rules->items[i] : rules;
    if (fields) rule = rule_left(a, rule, fields);
    if (rule) peri_node_push(a, out, rule);
  }
}

/* ---- extends ---- */

static peri_node *resolve(resolving *r, const peri_tree *tree);

static peri_node *merge(resolving *r, const peri_node *own, const peri_node *base) {
  static const char *const not_inherited[] = {"examples", "integration", "fields", "rules", NULL};
  static const char *const not_copied[] = {"extends", "change", "drop", "fields", "rules", NULL};
  peri_arena *a = r->arena;
  peri_node *out = peri_node_new(a, PERI_N_WORD), *opts = peri_node_new(a, PERI_N_TABLE), *rules = peri_node_new(a, PERI_N_TABLE);
  peri_node *fields = copy_table(a, peri_node_get(base, "fields"));
  const peri_node *change = peri_node_get(own, "change"), *drop = peri_node_get(own, "drop"), *more = peri_node_get(own, "fields");
  *out = *own;
  out->opts = opts;
  if (!out->what) out->what = base->what;
  for (size_t i = 0; base->opts && i < base->opts->member_count; i++)
    if (!one_of(base->opts->members[i].key, not_inherited)) peri_node_set(a, opts, base->opts->members[i].key, base->opts->members[i].value);
  for (size_t i = 0; i < own->opts->member_count; i++)
    if (!one_of(own->opts->members[i].key, not_copied)) peri_node_set(a, opts, own->opts->members[i].key, own->opts->members[i].value);
  if (change && !is_table(change)) return refuse(r, own->line, "change wants a table: { email = { required = false } }");
  if (change && !change_fields(r, fields, change, (peri_str){0}, own->line)) return NULL;
  if (drop && !drop_fields(r, fields, drop, own->line)) return NULL;
  if (more && !is_table(more)) return refuse(r, own->line, "fields wants a table of names and kinds");
  if (more) add_fields(a, fields, more);
  push_rules(a, rules, peri_node_get(base, "rules"), fields);
  push_rules(a, rules, peri_node_get(own, "rules"), NULL);
  peri_node_set(a, opts, PERI_STR("fields"), fields);
  if (rules->item_count) peri_node_set(a, opts, PERI_STR("rules"), rules);
  return out;
}

static peri_node *base_of(resolving *r, const peri_tree *tree, peri_str name) {
  const peri_tree *base = r->lookup ? r->lookup->find(r->lookup->self, name) : NULL;
  if (!base) return refuse(r, tree->root->line, "extends: there is no mapping '%.*s'", PERI_S(name));
  for (int i = 0; i < r->depth; i++)
    if (r->chain[i] == base) return refuse(r, tree->root->line, "extends: %.*s leads back to %.*s", PERI_S(name), PERI_S(base->path));
  if (r->depth == CHAIN_MAX) return refuse(r, tree->root->line, "extends: a chain of more than %d mappings", CHAIN_MAX);
  return resolve(r, base);
}

/* A line says nothing without its file, and a mapping that extends another has lines of both. */
static void note_file(peri_node *n, peri_str path) {
  if (!n) return;
  if (n->type == PERI_N_WORD && !n->file.n) n->file = path;
  note_file(n->what, path);
  note_file(n->opts, path);
  for (size_t i = 0; i < n->item_count; i++) note_file(n->items[i], path);
  for (size_t i = 0; i < n->member_count; i++) note_file(n->members[i].value, path);
}

static peri_node *resolve(resolving *r, const peri_tree *tree) {
  peri_node *own = tree->root;
  if (!peri_node_is(own, "mapping")) return refuse(r, own ? own->line : 0, "%.*s returns no mapping", PERI_S(tree->path));
  note_file(own, tree->path);
  const peri_node *extends = peri_node_get(own, "extends");
  if (!extends) {
    if (peri_node_get(own, "change") || peri_node_get(own, "drop"))
      return refuse(r, own->line, "change and drop are about a mapping that this one extends; it has no extends");
    return own;
  }
  if (extends->type != PERI_N_TEXT) return refuse(r, own->line, "extends wants the name of a mapping: \"hubspot/contact\"");
  r->chain[r->depth++] = tree;
  peri_node *base = base_of(r, tree, extends->u.text);
  r->depth--;
  return base ? merge(r, own, base) : NULL;
}

peri_code peri_mapping_resolve(peri_arena *a, const peri_tree *tree, const peri_mapping_lookup *lookup, peri_node **mapping, peri_err *e, int *line) {
  peri_err own = {0};
  resolving r = {.arena = a, .lookup = lookup, .e = e ? e : &own, .line = line};
  *mapping = resolve(&r, tree);
  return *mapping ? PERI_OK : PERI_SCRIPT_REFUSED;
}
