/* plan/compile: a resolved mapping becomes a plan: fields in a flat list with the row's JSON between their values laid out ahead.
 * Refuses with the line: names that collide in a view, paths that are none, options of the wrong type, a key that can't differ. */
#include <stdio.h>

#include "plan/inside.h"

bool plan_refuse(plan_maker *m, int line, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  m->line = line;
  peri_fail(m->e, PERI_SCRIPT_REFUSED, "%s", text);
  return false;
}

plan_maker plan_maker_new(peri_arena *a, const peri_plan_source *source, peri_err *e) {
  plan_maker m = {.source = source, .e = e};
  m.plan = peri_arena_take(a, sizeof *m.plan);
  m.plan->arena = a;
  if (source) {
    m.plan->path = peri_arena_str(a, source->path);
    m.plan->sources_hash = source->sources_hash;
    m.plan->files = source->files;
    m.plan->file_count = source->file_count;
  }
  return m;
}

plan_run plan_maker_run(plan_maker *m, peri_record_in *none) {
  *none = (peri_record_in){0};
  return (plan_run){.plan = m->plan, .record = none, .arena = m->plan->arena, .scratch = plan_scratch_get()};
}

/* ---- sources ---- */

static bool one_source(plan_maker *m, peri_str path, int line, const char *of, plan_source **out) {
  peri_err inner = {0};
  *out = plan_source_of(m->plan, peri_arena_str(m->plan->arena, path), m->in_row, !m->key, m->source ? m->source->settings : NULL, &inner);
  return *out || plan_refuse(m, line, "%s: %s", of, inner.text);
}

bool plan_make_sources(plan_maker *m, const peri_node *what, int line, const char *of, plan_source ***out, size_t *count) {
  *count = what && what->type == PERI_N_TABLE ? what->item_count : 1;
  if (!what || !*count || (what->type == PERI_N_TABLE && what->member_count)) return plan_refuse(m, line, "%s wants a path or a list of paths", of);
  if (*count > PLAN_VALUES_MAX) return plan_refuse(m, line, "%s reads %zu paths; the most is %d", of, *count, PLAN_VALUES_MAX);
  *out = peri_arena_take(m->plan->arena, *count * sizeof **out);
  for (size_t i = 0; i < *count; i++) {
    const peri_node *path = what->type == PERI_N_TABLE ? what->items[i] : what;
    if (path->type != PERI_N_TEXT) return plan_refuse(m, line, "%s wants a path or a list of paths, and paths are texts", of);
    if (!one_source(m, path->u.text, line, of, &(*out)[i])) return false;
  }
  return true;
}

/* ---- fields ---- */

static const char *c_name(plan_maker *m, peri_str name) { return peri_arena_str(m->plan->arena, name).p; }

static peri_str case_key(plan_maker *m, const peri_member *member, size_t item) {
  return member ? member->key : peri_arena_fmt(m->plan->arena, "%zu", item + 1);
}

/* Exact matches first, then patterns, longer ones before shorter, then "*". */
static int case_rank(const plan_case *c) { return c->any ? 2 : c->glob; }
static bool case_before(const plan_case *a, const plan_case *b) {
  return case_rank(a) != case_rank(b) ? case_rank(a) < case_rank(b) : case_rank(a) == 1 && a->match.n > b->match.n;
}

static bool make_case(plan_maker *m, plan_field *f, peri_str key, const peri_node *value, int depth) {
  plan_field *chosen = NULL;
  if (value->type != PERI_N_NULL) {
    chosen = plan_make_field(m, value, f->name, depth + 1);
    if (!chosen) return false;
    chosen->number = f->number;
  }
  if (peri_str_is(key, "otherwise")) {
    f->has_else = true;
    f->else_field = chosen;
    return true;
  }
  plan_case own = {.match = key, .glob = memchr(key.p ? key.p : "", '*', key.n) != NULL, .any = peri_str_is(key, "*"), .field = chosen};
  size_t at = f->case_count++;
  while (at && case_before(&own, &f->cases[at - 1])) {
    f->cases[at] = f->cases[at - 1];
    at--;
  }
  f->cases[at] = own;
  return true;
}

static bool make_when(plan_maker *m, plan_field *f, const peri_node *word, int depth) {
  const peri_node *o = word->opts;
  if (depth >= PLAN_WHEN_DEPTH_MAX)
    return plan_refuse(m, word->line, "%s: more than %d whens inside each other", c_name(m, f->name), PLAN_WHEN_DEPTH_MAX);
  if (!word->what || word->what->type != PERI_N_TEXT) return plan_refuse(m, word->line, "%s: when wants one path", c_name(m, f->name));
  if (!one_source(m, word->what->u.text, word->line, c_name(m, f->name), &f->choose)) return false;
  if (!o || o->type != PERI_N_TABLE) return plan_refuse(m, word->line, "%s: when wants its choices", c_name(m, f->name));
  f->cases = peri_arena_take(m->plan->arena, (o->member_count + o->item_count) * sizeof *f->cases);
  for (size_t i = 0; i < o->item_count; i++)
    if (!make_case(m, f, case_key(m, NULL, i), o->items[i], depth)) return false;
  for (size_t i = 0; i < o->member_count; i++)
    if (!make_case(m, f, o->members[i].key, o->members[i].value, depth)) return false;
  return true;
}

plan_field *plan_make_field(plan_maker *m, const peri_node *word, peri_str name, int depth) {
  plan_field *f = peri_arena_take(m->plan->arena, sizeof *f);
  f->name = name;
  f->line = word->line;
  f->file = word->file.n ? word->file : m->plan->path;
  f->transform = f->validate = f->scale = -1;
  f->number = (int)m->plan->field_count;
  if (word->type != PERI_N_WORD) {
    plan_refuse(m, word->line, "%s wants a kind, such as text \"path\"", c_name(m, name));
    return NULL;
  }
  if (peri_node_is(word, "when")) {
    f->kind = PK_WHEN;
    return make_when(m, f, word, depth) ? f : NULL;
  }
  f->kind = plan_kind_named(word->word);
  if (f->kind == PK_COUNT) {
    plan_refuse(m, word->line, "%s: %s is no kind of field", c_name(m, name), c_name(m, word->word));
    return NULL;
  }
  if (!plan_make_sources(m, word->what, word->line, c_name(m, name), &f->sources, &f->source_count)) return NULL;
  return plan_make_options(m, f, word) ? f : NULL;
}

/* The row's JSON that stands between two values grows in `gap`: commas, names and brackets of objects are known ahead. */
typedef struct layout {
  peri_buf gap, name;
  peri_map names; /* lower case, _ for dots: the columns of a view */
  size_t cap;
} layout;

static bool column_free(plan_maker *m, layout *l, peri_str name, int line) {
  char *column = peri_arena_bytes(m->plan->arena, name.n + 1);
  for (size_t i = 0; i < name.n; i++) column[i] = name.p[i] == '.' ? '_' : name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
  const char *other = peri_map_get(&l->names, (peri_str){column, name.n});
  if (other)
    return plan_refuse(m, line, "%s and %s are one column in a view, where case and . against _ make no difference; rename one", other,
                       c_name(m, name));
  peri_map_put(&l->names, (peri_str){column, name.n}, (void *)(uintptr_t)c_name(m, name));
  return true;
}

static peri_str take_gap(plan_maker *m, layout *l) {
  peri_str gap = peri_arena_str(m->plan->arena, peri_buf_view(&l->gap));
  peri_buf_clear(&l->gap);
  return gap;
}

static bool lay_currency(plan_maker *m, layout *l, plan_field *f, peri_str key) {
  if (!f->currency_count) return true;
  f->currency_name = peri_arena_fmt(m->plan->arena, "%.*sCurrency", PERI_S(f->name));
  if (!column_free(m, l, f->currency_name, f->line)) return false;
  peri_buf_char(&l->gap, ',');
  peri_json_quote(&l->gap, peri_arena_fmt(m->plan->arena, "%.*sCurrency", PERI_S(key)));
  peri_buf_char(&l->gap, ':');
  f->currency_prefix = take_gap(m, l);
  return true;
}

static bool lay_field(plan_maker *m, layout *l, const peri_node *word, peri_str key) {
  peri_plan *p = m->plan;
  peri_str name = peri_arena_str(p->arena, peri_buf_view(&l->name));
  if (p->field_count >= PERI_FIELDS_MAX) return plan_refuse(m, word->line, "a mapping has at most %d fields", PERI_FIELDS_MAX);
  if (!column_free(m, l, name, word->line)) return false;
  plan_field *f = plan_make_field(m, word, name, 0);
  if (!f) return false;
  f->prefix = take_gap(m, l);
  p->fields = peri_arena_grow(p->arena, p->fields, p->field_count, &l->cap, sizeof(plan_field *));
  p->fields[p->field_count++] = f;
  return lay_currency(m, l, f, key);
}

static bool lay_object(plan_maker *m, layout *l, const peri_node *table, int line, int depth) {
  size_t base = l->name.n;
  if (depth > PERI_RESULT_DEPTH_MAX) return plan_refuse(m, line, "fields are nested more than %d deep", PERI_RESULT_DEPTH_MAX);
  if (table->item_count) return plan_refuse(m, line, "fields want names: { email = email \"…\" }");
  peri_buf_char(&l->gap, '{');
  for (size_t i = 0; i < table->member_count; i++) {
    const peri_member *member = &table->members[i];
    int own_line = member->value->line ? member->value->line : line;
    if (!member->key.n || memchr(member->key.p, 0, member->key.n) || memchr(member->key.p, '.', member->key.n))
      return plan_refuse(m, own_line, "'%s' is no name for a field: it is empty or holds a dot (a table makes an object: address = { city = … })",
                         c_name(m, member->key));
    l->name.n = base;
    if (base) peri_buf_char(&l->name, '.');
    peri_buf_str(&l->name, member->key);
    if (i) peri_buf_char(&l->gap, ',');
    peri_json_quote(&l->gap, member->key);
    peri_buf_char(&l->gap, ':');
    bool ok =
        member->value->type == PERI_N_TABLE ? lay_object(m, l, member->value, own_line, depth + 1) : lay_field(m, l, member->value, member->key);
    if (!ok) return false;
  }
  l->name.n = base;
  peri_buf_char(&l->gap, '}');
  return true;
}

static bool make_fields(plan_maker *m, const peri_node *mapping) {
  const peri_node *fields = peri_node_get(mapping, "fields");
  layout l = {.cap = 0};
  peri_map_init(&l.names, m->plan->arena);
  peri_node none = {.type = PERI_N_TABLE};
  bool ok = fields && fields->type != PERI_N_TABLE ? plan_refuse(m, mapping->line, "fields wants a table of names and kinds")
                                                   : lay_object(m, &l, fields ? fields : &none, mapping->line, 0);
  if (ok) m->plan->tail = take_gap(m, &l);
  peri_buf_fini(&l.gap);
  peri_buf_fini(&l.name);
  return ok;
}

/* ---- key, rows ---- */

static bool make_key(plan_maker *m, const peri_node *mapping) {
  peri_plan *p = m->plan;
  const peri_node *key = peri_node_get(mapping, "key");
  p->key_from_stream = !key;
  if (!key) key = m->source->stream_key;
  if (!key && m->source->key_free) key = peri_node_of_text(p->arena, PERI_STR("id"));
  if (!key) return plan_refuse(m, mapping->line, "there is no key: the mapping names none, and its stream is not known");
  if (p->rows && p->key_from_stream)
    return plan_refuse(
        m, mapping->line,
        "rows makes many rows of one record, so the mapping must name a key that differs: key = id { \"parent:id\", \"id\" } { join = \":\" }");
  peri_node word = {.type = PERI_N_WORD, .line = mapping->line, .word = PERI_STR("id")};
  if (key->type == PERI_N_WORD)
    word = *key;
  else
    word.what = (peri_node *)(uintptr_t)key;
  m->key = true;
  plan_field *f = plan_make_field(m, &word, PERI_STR("key"), 0);
  m->key = false;
  if (!f) return false;
  if (f->kind == PK_LIST || f->kind == PK_JSON || f->kind == PK_REST || f->kind == PK_WHEN)
    return plan_refuse(m, f->line, "key: %s can't be a key; id, text, integer and uuid can", plan_kinds[f->kind].name);
  f->required = !m->source->key_free;
  f->on_error = PE_REJECT;
  f->number = (int)p->field_count;
  if (f->source_count > 1 && !f->has_join && f->transform < 0) {
    f->has_join = true;
    f->join = PERI_STR(":");
    f->join_plain = true;
    f->simple = f->early = false;
  }
  bool differs = !p->rows || f->transform >= 0;
  for (size_t i = 0; i < f->source_count; i++) differs |= f->sources[i]->from == PF_ELEMENT || f->sources[i]->from == PF_NUMBER;
  if (!differs) return plan_refuse(m, f->line, "key is the same for all rows of a record: it reads nothing of the element, nor its number #");
  p->key = f;
  return true;
}

static bool make_rows(plan_maker *m, const peri_node *mapping) {
  const peri_node *rows = peri_node_get(mapping, "rows");
  if (!rows) return true;
  if (rows->type != PERI_N_TEXT || !rows->u.text.n) return plan_refuse(m, mapping->line, "rows wants a path such as \"lines[]\"");
  m->key = true; /* not a field's: rest must not leave the list out */
  bool ok = one_source(m, rows->u.text, mapping->line, "rows", &m->plan->rows);
  m->key = false;
  if (ok && m->plan->rows->from != PF_RECORD) return plan_refuse(m, mapping->line, "rows must be a list inside the record");
  m->plan->element_set = peri_paths_new(m->plan->arena);
  m->in_row = true;
  return ok;
}

static void mark_rest(peri_plan *p) {
  for (size_t i = 0; i < p->field_count; i++) p->has_rest |= p->fields[i]->kind == PK_REST;
}

peri_plan *peri_plan_compile(peri_arena *a, const peri_plan_source *source, peri_err *e, int *line) {
  peri_err own = {0};
  plan_maker m = plan_maker_new(a, source, e ? e : &own);
  const peri_node *mapping = source->mapping;
  peri_plan *p = m.plan;
  bool ok = peri_node_is(mapping, "mapping") && mapping->what && mapping->what->type == PERI_N_TEXT;
  if (!ok) plan_refuse(&m, mapping ? mapping->line : 0, "this is no mapping: mapping \"entity\" { … }");
  if (ok) {
    p->line = mapping->line;
    p->entity = peri_arena_str(a, mapping->what->u.text);
    p->from = peri_arena_str(a, peri_node_opt_text(mapping, "from"));
    p->integration = peri_arena_str(a, peri_node_opt_text(mapping, "integration"));
    peri_str_cut(p->from, '.', &p->type);
    ok = make_rows(&m, mapping) && make_fields(&m, mapping) && make_key(&m, mapping) && plan_make_rules(&m, mapping);
  }
  if (ok) {
    mark_rest(p);
    plan_make_hash(&m);
  }
  if (!ok && line) *line = m.line;
  return ok ? p : NULL;
}

peri_str peri_plan_entity(const peri_plan *plan) { return plan->entity; }
const char *peri_plan_hash(const peri_plan *plan) { return plan->hash; }
