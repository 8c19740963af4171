/* plan/overlay: rows of data_mappings, made by command or API, become fields of a mapping: same name replaces, new name adds.
 * Refuses rows whose type, default or options mean nothing, and names the row. Functions are compiled by whoever has Lua. */
#include "plan/inside.h"
#include "spec/spec.h"

typedef struct laying {
  peri_arena *arena;
  peri_body_compiler body;
  void *self;
  peri_err *e;
  peri_str external, internal; /* of the row at hand */
} laying;

static bool refuse(laying *l, const char *what, peri_str shown) {
  peri_fail(l->e, PERI_SCRIPT_REFUSED, "field mapping %.*s -> %.*s: %s%s%.*s%s", PERI_S(l->external), PERI_S(l->internal), what, shown.p ? " '" : "",
            PERI_S(shown), shown.p ? "'" : "");
  return false;
}

static peri_str kind_of(peri_str type) { /* the old service's names, then ours */
  static const struct {
    const char *theirs, *ours;
  } names[] = {{"string", "text"}, {"array", "list"}, {"object", "json"}, {"bool", "boolean"}, {"int", "integer"}, {"float", "number"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (peri_str_is(type, names[i].theirs)) return peri_str_of(names[i].ours);
  return plan_kind_named(type) == PK_COUNT ? (peri_str){NULL, 0} : type;
}

static peri_node *node_of(peri_arena *a, const peri_json *json) {
  peri_node *n = peri_node_new(a, PERI_N_NULL);
  switch (json->type) {
  case PERI_J_TRUE:
  case PERI_J_FALSE:
    n->type = PERI_N_BOOL;
    n->u.b = json->type == PERI_J_TRUE;
    break;
  case PERI_J_NUMBER:
    n->type = PERI_N_INT;
    if (peri_number_i64(json->text, &n->u.i)) break;
    n->type = PERI_N_TEXT; /* more digits than a number of the tree holds; kinds read digits from texts as well */
    n->u.text = json->text;
    break;
  case PERI_J_STRING:
    n->type = PERI_N_TEXT;
    n->u.text = json->text;
    break;
  case PERI_J_ARRAY:
    n->type = PERI_N_TABLE;
    for (const peri_json *i = json->first; i; i = i->next) peri_node_push(a, n, node_of(a, i));
    break;
  case PERI_J_OBJECT:
    n->type = PERI_N_TABLE;
    for (const peri_json *i = json->first; i; i = i->next) peri_node_set(a, n, i->key, node_of(a, i));
    break;
  default: break;
  }
  return n;
}

/* A column of JSON text, or JSON that already stands in the row. A text that is no JSON means itself: default_value = Unknown. */
static const peri_json *json_column(peri_arena *a, const peri_json *column) {
  peri_json_fault fault;
  if (!column || column->type != PERI_J_STRING) return column;
  const peri_json *inner = peri_json_parse(a, column->text, &fault);
  return inner ? inner : column;
}

static bool truth(const peri_json *v) {
  if (!v) return false;
  return v->type == PERI_J_TRUE || (v->type == PERI_J_NUMBER && !peri_str_is(v->text, "0")) ||
         (v->type == PERI_J_STRING && (peri_str_is(v->text, "true") || peri_str_is(v->text, "1")));
}

static bool add_function(laying *l, peri_node *opts, const peri_json *row, const char *column, const char *option) {
  peri_str body = peri_json_get_text(row, column);
  if (!peri_str_trim(body).n) return true;
  if (!l->body) return refuse(l, "holds Lua, and there is nothing here to compile it", (peri_str){0});
  peri_node *fn = peri_node_new(l->arena, PERI_N_FUNC);
  peri_err own = {0};
  fn->word = body; /* the plan's hash sees the text */
  if (l->body(l->self, peri_arena_fmt(l->arena, "%s of %.*s", column, PERI_S(l->internal)), body, &fn->u.fn, &own)) {
    peri_fail(l->e, PERI_SCRIPT_REFUSED, "field mapping %.*s -> %.*s: %s", PERI_S(l->external), PERI_S(l->internal), own.text);
    return false;
  }
  peri_node_set(l->arena, opts, peri_str_of(option), fn);
  return true;
}

static bool known_option(laying *l, peri_str kind, peri_str name) {
  const peri_word_spec *word = peri_word_named(kind);
  if (!word || peri_option_named(word, name)) return true;
  peri_str near = peri_option_suggest(word->options, word->option_count, name);
  peri_fail(l->e, PERI_SCRIPT_REFUSED, "field mapping %.*s -> %.*s: %.*s has no option '%.*s'%s%.*s%s", PERI_S(l->external), PERI_S(l->internal), PERI_S(kind), PERI_S(name),
            near.n ? " (did you mean '" : "", PERI_S(near), near.n ? "'?)" : "");
  return false;
}

static bool add_options(laying *l, peri_node *opts, peri_str kind, const peri_json *row) {
  const peri_json *options = json_column(l->arena, peri_json_get(row, "options")),
                  *fallback = json_column(l->arena, peri_json_get(row, "default_value"));
  if (options && options->type == PERI_J_OBJECT) {
    for (const peri_json *o = options->first; o; o = o->next) {
      if (!known_option(l, kind, o->key)) return false;
      peri_node_set(l->arena, opts, o->key, node_of(l->arena, o));
    }
  } else if (options && options->type != PERI_J_NULL && !(options->type == PERI_J_STRING && !options->text.n)) {
    return refuse(l, "options wants a JSON object", (peri_str){0});
  }
  if (truth(peri_json_get(row, "is_required"))) {
    peri_node *yes = peri_node_new(l->arena, PERI_N_BOOL);
    yes->u.b = true;
    peri_node_set(l->arena, opts, PERI_STR("required"), yes);
  }
  if (fallback && fallback->type != PERI_J_NULL) peri_node_set(l->arena, opts, PERI_STR("default"), node_of(l->arena, fallback));
  return add_function(l, opts, row, "transformation", "transform") && add_function(l, opts, row, "validation", "validate");
}

/* "properties.email", or a JSON array of paths. */
static peri_node *paths_of(laying *l, peri_str external) {
  peri_json_fault fault;
  peri_node *n = peri_node_of_text(l->arena, external);
  if (!external.n || external.p[0] != '[') return n;
  const peri_json *list = peri_json_parse(l->arena, external, &fault);
  return list && list->type == PERI_J_ARRAY && list->count ? node_of(l->arena, list) : n;
}

static bool place(laying *l, peri_node *fields, peri_str name, peri_node *word) {
  for (;;) {
    peri_str head, rest = peri_str_cut(name, '.', &head);
    if (!head.n) return refuse(l, "internal_field has an empty part", (peri_str){0});
    if (!rest.n) {
      if (peri_str_ends(name, PERI_STR("."))) return refuse(l, "internal_field has an empty part", (peri_str){0});
      peri_node_set(l->arena, fields, head, word);
      return true;
    }
    peri_node *inner = peri_node_get_str(fields, head), *own = peri_node_new(l->arena, PERI_N_TABLE);
    if (inner && inner->type == PERI_N_TABLE)
      for (size_t i = 0; i < inner->member_count; i++) peri_node_set(l->arena, own, inner->members[i].key, inner->members[i].value);
    else if (inner)
      return refuse(l, "internal_field goes into a field that is no object:", head);
    peri_node_set(l->arena, fields, head, own);
    fields = own;
    name = rest;
  }
}

static bool lay(laying *l, peri_node *fields, const peri_json *row) {
  l->external = peri_json_get_text(row, "external_field");
  l->internal = peri_json_get_text(row, "internal_field");
  peri_str type = peri_json_get_text(row, "field_type");
  const peri_json *active = peri_json_get(row, "is_active");
  if (active && active->type != PERI_J_NULL && !truth(active)) return true;
  if (row->type != PERI_J_OBJECT || !l->external.p || !l->internal.n) return refuse(l, "external_field and internal_field are needed", (peri_str){0});
  peri_str kind = kind_of(type);
  if (!kind.p) return refuse(l, "field_type is unknown:", type.p ? type : PERI_STR(""));
  peri_node *word = peri_node_new(l->arena, PERI_N_WORD);
  word->word = kind;
  word->what = paths_of(l, l->external);
  word->opts = peri_node_new(l->arena, PERI_N_TABLE);
  return add_options(l, word->opts, kind, row) && place(l, fields, l->internal, word);
}

peri_code peri_mapping_overlay(peri_arena *a, const peri_node *mapping, peri_str type, peri_str entity, const peri_json *rows,
                               peri_body_compiler body, void *self, peri_node **out, peri_err *e) {
  peri_err own = {0};
  laying l = {.arena = a, .body = body, .self = self, .e = e ? e : &own};
  peri_node *result = peri_node_new(a, PERI_N_WORD), *fields = peri_node_new(a, PERI_N_TABLE), *opts = peri_node_new(a, PERI_N_TABLE);
  const peri_node *known = peri_node_get(mapping, "fields");
  if (mapping)
    *result = *mapping;
  else {
    result->word = PERI_STR("mapping");
    result->what = peri_node_of_text(a, entity);
    peri_node_set(a, opts, PERI_STR("from"), peri_node_of_text(a, peri_arena_fmt(a, "%.*s.%.*s", PERI_S(type), PERI_S(entity))));
  }
  for (size_t i = 0; mapping && mapping->opts && i < mapping->opts->member_count; i++)
    peri_node_set(a, opts, mapping->opts->members[i].key, mapping->opts->members[i].value);
  for (size_t i = 0; known && known->type == PERI_N_TABLE && i < known->member_count; i++)
    peri_node_set(a, fields, known->members[i].key, known->members[i].value);
  for (const peri_json *row = rows ? rows->first : NULL; row; row = row->next)
    if (!lay(&l, fields, row)) return PERI_SCRIPT_REFUSED;
  peri_node_set(a, opts, PERI_STR("fields"), fields);
  result->opts = opts;
  *out = result;
  return PERI_OK;
}
