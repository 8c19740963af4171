/* plan/describe: a plan as JSON: what it reads, what it makes, where Lua is entered. Views, wanted, lineage and `mappings show`
 * are made from it; nothing about a mapping has to be guessed from its file again. */
#include "plan/inside.h"

static bool is_read(const plan_source *s) { return s->from == PF_RECORD || s->from == PF_ELEMENT; }

/* An element's path seen from the record. */
static void put_path(peri_jw *w, const peri_plan *p, const plan_source *s) {
  if (s->from != PF_ELEMENT || !p->rows) {
    peri_jw_text(w, s->path);
    return;
  }
  bool dot = s->path.n && s->path.p[0] != '[';
  peri_jw_text(w, peri_arena_fmt(p->arena, "%.*s%s%s%.*s", PERI_S(p->rows->path), p->rows->many ? "" : "[]", dot ? "." : "", PERI_S(s->path)));
}

static void put_sources(peri_jw *w, const plan_field *f) {
  if (f->kind == PK_WHEN) {
    peri_jw_text(w, f->choose->full);
    for (size_t i = 0; i < f->case_count; i++)
      if (f->cases[i].field) put_sources(w, f->cases[i].field);
    if (f->else_field) put_sources(w, f->else_field);
    return;
  }
  for (size_t i = 0; i < f->source_count; i++) peri_jw_text(w, f->sources[i]->full);
}

static const char *type_of(const plan_field *f) {
  if (f->kind != PK_WHEN) return plan_kinds[f->kind].type;
  const char *type = NULL;
  for (size_t i = 0; i <= f->case_count; i++) {
    const plan_field *one = i < f->case_count ? f->cases[i].field : f->else_field;
    if (!one) continue;
    const char *own = type_of(one);
    if (type && strcmp(type, own) != 0) return "json";
    type = own;
  }
  return type ? type : "text";
}

static void join_paths(peri_buf *b, plan_source *const *sources, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (i) peri_buf_c_str(b, ", ");
    if (sources[i]->full.n)
      peri_buf_str(b, sources[i]->full);
    else
      peri_buf_c_str(b, "(all of it)");
  }
}

static void function_step(peri_buf *b, const char *name, peri_str file, int line) {
  peri_buf_fmt(b, " -> Lua %s (%.*s:%d)", name, PERI_S(file), line);
}

/* "properties.phone, properties.country -> Lua transform (mappings/hubspot/contact.lua:14) -> phone" */
void plan_lineage(peri_buf *b, const plan_field *f) {
  if (f->kind == PK_WHEN) {
    peri_buf_fmt(b, "when %.*s:", PERI_S(f->choose->full));
    for (size_t i = 0; i <= f->case_count; i++) {
      const plan_field *one = i < f->case_count ? f->cases[i].field : f->else_field;
      if (i == f->case_count && !f->has_else) break;
      if (i) peri_buf_char(b, ';');
      if (i < f->case_count)
        peri_buf_fmt(b, " %.*s = ", PERI_S(f->cases[i].match));
      else
        peri_buf_c_str(b, " otherwise = ");
      if (one)
        plan_lineage(b, one);
      else
        peri_buf_c_str(b, "null");
    }
    return;
  }
  bool early = f->early;
  join_paths(b, f->sources, f->source_count);
  if (f->source_count > 1 && !early && !f->has_join) peri_buf_c_str(b, " -> the first that has a value");
  if (f->has_join) peri_buf_fmt(b, " -> joined with \"%.*s\"", PERI_S(f->join));
  if (early) function_step(b, "transform", f->transform_file, f->transform_line);
  if (f->has_default) peri_buf_c_str(b, " -> default");
  peri_buf_fmt(b, " -> %s", plan_kinds[f->kind].name);
  if (f->item) peri_buf_fmt(b, " of %s", plan_kinds[f->item->kind].name);
  if (f->labels)
    peri_buf_c_str(b, " -> label");
  else if (f->map || (f->item && f->item->map))
    peri_buf_c_str(b, " -> map");
  if (f->lookup.n) peri_buf_fmt(b, " -> lookup %.*s", PERI_S(f->lookup));
  if (f->transform >= 0 && !early) {
    function_step(b, "transform", f->transform_file, f->transform_line);
    peri_buf_fmt(b, " -> %s", plan_kinds[f->kind].name);
  }
  if (f->required) peri_buf_c_str(b, " -> required");
  if (f->has_min || f->has_max) peri_buf_c_str(b, " -> bounds");
  if (f->pattern.n) peri_buf_c_str(b, " -> pattern");
  if (f->validate >= 0) function_step(b, "validate", f->validate_file, f->validate_line);
}

static void put_lua(peri_jw *w, const plan_field *f, bool *transform, bool *validate) {
  if (f->transform >= 0 && !*transform) {
    *transform = true;
    peri_jw_c(w, "transform");
  }
  if (f->validate >= 0 && !*validate) {
    *validate = true;
    peri_jw_c(w, "validate");
  }
  for (size_t i = 0; f->kind == PK_WHEN && i <= f->case_count; i++) {
    const plan_field *one = i < f->case_count ? f->cases[i].field : f->else_field;
    if (one) put_lua(w, one, transform, validate);
  }
}

static void put_field(peri_jw *w, const peri_plan *p, const plan_field *f) {
  bool transform = false, validate = false;
  peri_buf b = {0};
  peri_jw_object(w);
  peri_jw_kv(w, "name", f->name);
  peri_jw_kv_c(w, "kind", plan_kinds[f->kind].name);
  peri_jw_kv_c(w, "type", type_of(f));
  peri_jw_key_c(w, "paths");
  peri_jw_array(w);
  put_sources(w, f);
  for (size_t i = 0; i < f->currency_count; i++) peri_jw_text(w, f->currency[i]->full);
  peri_jw_end_array(w);
  peri_jw_kv_int(w, "line", f->line);
  if (!peri_str_eq(f->file, p->path)) peri_jw_kv(w, "file", f->file); /* of one that it extends */
  peri_jw_kv_bool(w, "required", f->required);
  peri_jw_key_c(w, "lua");
  peri_jw_array(w);
  put_lua(w, f, &transform, &validate);
  peri_jw_end_array(w);
  if (f->lookup.n) peri_jw_kv(w, "lookup", f->lookup);
  peri_str description = peri_node_opt_text(f->options, "description");
  if (description.n) peri_jw_kv(w, "description", description);
  plan_lineage(&b, f);
  peri_jw_kv(w, "lineage", peri_buf_view(&b));
  peri_jw_end_object(w);
  peri_buf_fini(&b);
  if (!f->currency_count) return;
  peri_jw_object(w);
  peri_jw_kv(w, "name", f->currency_name);
  peri_jw_kv_c(w, "kind", "text");
  peri_jw_kv_c(w, "type", "text");
  peri_jw_key_c(w, "paths");
  peri_jw_array(w);
  for (size_t i = 0; i < f->currency_count; i++) peri_jw_text(w, f->currency[i]->full);
  peri_jw_end_array(w);
  peri_jw_kv_int(w, "line", f->line);
  peri_jw_kv_bool(w, "required", false);
  peri_jw_key_c(w, "lua");
  peri_jw_array(w);
  peri_jw_end_array(w);
  join_paths(&b, f->currency, f->currency_count);
  peri_buf_c_str(&b, " -> currency");
  peri_jw_kv(w, "lineage", peri_buf_view(&b));
  peri_jw_end_object(w);
  peri_buf_fini(&b);
}

static void put_rule(peri_jw *w, const peri_plan *p, const plan_rule *rule) {
  static const char *const needs[] = {"any", "all", "unique", "check"}, *const thens[] = {"reject", "warn", "skip"};
  peri_jw_object(w);
  peri_jw_key_c(w, "fields");
  peri_jw_array(w);
  for (size_t i = 0; i < rule->field_count; i++) peri_jw_text(w, rule->fields[i]->name);
  peri_jw_end_array(w);
  peri_jw_kv_c(w, "need", needs[rule->need]);
  peri_jw_kv_c(w, "then", thens[rule->then]);
  if (rule->message.n) peri_jw_kv(w, "message", rule->message);
  if (rule->need == PN_CHECK) peri_jw_kv(w, "lua", peri_arena_fmt(p->arena, "%.*s:%d", PERI_S(rule->file), rule->line));
  peri_jw_kv_int(w, "line", rule->line);
  peri_jw_end_object(w);
}

static void put_key(peri_jw *w, const peri_plan *p) {
  peri_jw_key_c(w, "key");
  peri_jw_array(w);
  for (size_t i = 0; i < p->key->source_count; i++) peri_jw_text(w, p->key->sources[i]->full);
  peri_jw_end_array(w);
}

static void put_reads(peri_jw *w, const peri_plan *p) {
  peri_jw_key_c(w, "reads");
  peri_jw_array(w);
  for (size_t i = 0; i < p->source_count; i++) {
    const plan_source *s = p->sources[i];
    bool helper = !s->of_field && s != p->rows; /* the key's paths count as well, the place of a list for rest does not */
    for (size_t k = 0; helper && k < p->key->source_count; k++) helper = p->key->sources[k] != s;
    if (is_read(s) && !helper) put_path(w, p, s);
  }
  peri_jw_end_array(w);
  peri_jw_key_c(w, "rest");
  peri_jw_array(w);
  for (size_t i = 0; i < p->field_count; i++)
    if (p->fields[i]->kind == PK_REST && is_read(p->fields[i]->sources[0])) put_path(w, p, p->fields[i]->sources[0]);
  peri_jw_end_array(w);
  peri_jw_key_c(w, "parents");
  peri_jw_array(w);
  for (size_t i = 0; i < p->source_count; i++)
    if (p->sources[i]->from == PF_PARENT || p->sources[i]->from == PF_CONTEXT) peri_jw_text(w, p->sources[i]->path);
  peri_jw_end_array(w);
}

void peri_plan_describe(const peri_plan *p, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  peri_jw_kv(&w, "entity", p->entity);
  peri_jw_kv(&w, "from", p->from);
  peri_jw_key_c(&w, "integration");
  if (p->integration.n)
    peri_jw_text(&w, p->integration);
  else
    peri_jw_null(&w);
  peri_jw_key_c(&w, "rowsPath");
  if (p->rows)
    peri_jw_text(&w, p->rows->path);
  else
    peri_jw_null(&w);
  peri_jw_kv_c(&w, "hash", p->hash);
  put_key(&w, p);
  peri_jw_key_c(&w, "fields");
  peri_jw_array(&w);
  for (size_t i = 0; i < p->field_count; i++) put_field(&w, p, p->fields[i]);
  peri_jw_end_array(&w);
  put_reads(&w, p);
  peri_jw_key_c(&w, "files");
  peri_jw_array(&w);
  for (size_t i = 0; i < p->file_count; i++) peri_jw_text(&w, p->files[i]);
  peri_jw_end_array(&w);
  peri_jw_key_c(&w, "settings");
  peri_jw_array(&w);
  for (size_t i = 0; i < p->setting_count; i++) peri_jw_text(&w, p->settings[i]);
  peri_jw_end_array(&w);
  peri_jw_key_c(&w, "rules");
  peri_jw_array(&w);
  for (size_t i = 0; i < p->rule_count; i++) put_rule(&w, p, &p->rules[i]);
  peri_jw_end_array(&w);
  peri_jw_end_object(&w);
}
