/* cmd/mapping_rows: see the header. */
#include "cmd/mapping_rows.h"

#include "store/catalog.h"

static const char *const columns[][2] = {{"external_field", "externalField"},
                                         {"internal_field", "internalField"},
                                         {"field_type", "fieldType"},
                                         {"is_required", "isRequired"},
                                         {"default_value", "defaultValue"},
                                         {"transformation", NULL},
                                         {"validation", NULL},
                                         {"options", NULL},
                                         {"is_active", "isActive"}};

static const peri_json *column(const peri_json *row, size_t i) {
  const peri_json *v = peri_json_get(row, columns[i][0]);
  return v || !columns[i][1] ? v : peri_json_get(row, columns[i][1]);
}

void peri_field_row_put(peri_jw *w, const peri_json *row, peri_str type, peri_str entity) {
  peri_jw_object(w);
  peri_jw_kv(w, "integration_type", type);
  peri_jw_kv(w, "entity_type", entity);
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    const peri_json *v = column(row, i);
    if (v) peri_jw_kv_raw(w, columns[i][0], v->raw);
  }
  peri_jw_end_object(w);
}

static bool replaced(const peri_json *old, const peri_json *rows) {
  peri_str external = peri_json_get_text(old, "external_field");
  for (const peri_json *r = rows ? rows->first : NULL; r; r = r->next)
    if (peri_str_eq(external, peri_json_str(column(r, 0)))) return true;
  return false;
}

peri_code peri_rows_try(peri_arena *a, peri_session *s, const peri_target *t, const peri_json *rows, peri_err *e) {
  peri_buf stored = {0}, would_be = {0};
  peri_json_fault fault;
  peri_scripts *scripts = NULL;
  peri_code code = s->store ? peri_mapping_rows(s->store, &stored, t->type, (peri_str){NULL, 0}, e) : PERI_OK;
  const peri_json *old = code || !stored.n ? NULL : peri_json_parse(a, peri_buf_view(&stored), &fault);
  peri_jw w;
  peri_jw_init(&w, &would_be);
  peri_jw_array(&w);
  for (const peri_json *r = old ? old->first : NULL; r; r = r->next)
    if (!peri_str_eq(peri_json_get_text(r, "entity_type"), t->entity) || !replaced(r, rows)) peri_jw_raw(&w, r->raw);
  for (const peri_json *r = rows->first; r; r = r->next) peri_field_row_put(&w, r, t->type, t->entity);
  peri_jw_end_array(&w);
  peri_target_options o = {.rows = peri_buf_view(&would_be), .key_free = true};
  const peri_mapping_info *infos[8];
  size_t count;
  if (!code) code = peri_target_load(a, s, t, &o, &scripts, e);
  if (!code) code = peri_target_mappings(scripts, t, infos, 8, &count, e);
  if (scripts) peri_scripts_close(scripts);
  peri_buf_fini(&stored);
  peri_buf_fini(&would_be);
  return code;
}
