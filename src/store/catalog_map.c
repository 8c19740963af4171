/* store/catalog_map: data_mappings and mapping_templates. Keys of what is given may be written as the columns (external_field) or as the old API did
 * (externalField). Refuses a row without its five names. */
#include <stdio.h>

#include "store/catalog.h"
#include "store/inside.h"
#include "json/json.h"

static const peri_json *member(const peri_json *o, const char *snake) {
  const peri_json *v = peri_json_get(o, snake);
  if (v) return v;
  char camel[64];
  size_t n = 0;
  for (const char *p = snake; *p && n + 1 < sizeof camel; p++) {
    if (*p == '_' && p[1])
      camel[n++] = (char)(*++p - 'a' + 'A');
    else
      camel[n++] = *p;
  }
  camel[n] = 0;
  return peri_json_get(o, camel);
}

static peri_str text(const peri_json *o, const char *key) {
  const peri_json *v = member(o, key);
  return v && (v->type == PERI_J_STRING || v->type == PERI_J_NUMBER) ? v->text : (peri_str){NULL, 0};
}

/* JSON text of a member; {NULL,0} if it is absent or null. */
static peri_str json(const peri_json *o, const char *key) {
  const peri_json *v = member(o, key);
  return v && v->type != PERI_J_NULL ? v->raw : (peri_str){NULL, 0};
}

static bool flag(const peri_json *o, const char *key, bool fallback) { return peri_json_bool(member(o, key), fallback); }

peri_code peri_mapping_rows(peri_store *s, peri_buf *json_array, peri_str type, peri_str entity, peri_err *e) {
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(
      s,
      "SELECT id, integration_type, entity_type, external_field, internal_field, field_type, is_required, default_value, transformation, validation,"
      " options, is_active, created_at, updated_at FROM data_mappings WHERE (?1 IS NULL OR integration_type = ?1) AND (?2 IS NULL OR entity_type = "
      "?2)"
      " ORDER BY integration_type, entity_type, seq",
      e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "TT", type, entity);
    code = peri_rows_json(s, st, "ttttttbjttjbtt", json_array, e);
  }
  peri_store_leave(s);
  return code;
}

/* Inside a transaction. type and entity stand in for what the row does not say (rows of a template). */
static peri_code put_row(peri_store *s, const peri_json *row, peri_str type, peri_str entity, char id[40], peri_err *e) {
  static const char *const needed[] = {"integration_type", "entity_type", "external_field", "internal_field", "field_type"};
  peri_str v[5];
  for (int i = 0; i < 5; i++) {
    v[i] = text(row, needed[i]);
    if (!v[i].n && i < 2) v[i] = i ? entity : type;
    if (!v[i].n) return peri_fail(e, PERI_INVALID, "a field mapping needs %s", needed[i]);
  }
  char fresh[PERI_UUID_TEXT], now[PERI_ISO_MAX];
  peri_uuid7(fresh);
  sqlite3_stmt *st = peri_prepare(
      s,
      "INSERT INTO data_mappings(id, integration_type, entity_type, external_field, internal_field, field_type, is_required, default_value, "
      "transformation,"
      " validation, options, is_active, created_at, updated_at) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?13)"
      " ON CONFLICT(integration_type, entity_type, external_field) DO UPDATE SET internal_field = excluded.internal_field, field_type = "
      "excluded.field_type,"
      " is_required = excluded.is_required, default_value = excluded.default_value, transformation = excluded.transformation,"
      " validation = excluded.validation, options = excluded.options, is_active = excluded.is_active, updated_at = excluded.updated_at RETURNING id",
      e);
  if (!st) return peri_why(e);
  peri_bind(st, "cttttt", fresh, v[0], v[1], v[2], v[3], v[4]);
  peri_bind_from(st, 7, "iTTTTic", (int64_t)flag(row, "is_required", false), json(row, "default_value"), text(row, "transformation"),
                 text(row, "validation"), json(row, "options"), (int64_t)flag(row, "is_active", true), peri_now(now));
  peri_code code = PERI_OK;
  if (sqlite3_step(st) == SQLITE_ROW)
    snprintf(id, 40, "%.*s", PERI_S(peri_col(st, 0)));
  else
    code = peri_sql_fail(s, e, "keep a field mapping");
  sqlite3_finalize(st);
  return code;
}

peri_code peri_mapping_row_put(peri_store *s, const peri_json *row, char id[40], peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) code = peri_tx_end(s, put_row(s, row, (peri_str){NULL, 0}, (peri_str){NULL, 0}, id, e), e);
  peri_store_leave(s);
  return code;
}

#define NAMED_ROW                                                                                                                                    \
  "(id = ?1 OR external_field = ?1 OR internal_field = ?1) AND (?2 IS NULL OR integration_type = ?2) AND (?3 IS NULL OR entity_type = ?3)"

peri_code peri_mapping_row_remove(peri_store *s, peri_str id_or_field, peri_str type, peri_str entity, peri_err *e) {
  int64_t found = 0;
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_ask(s, e, &found, 0, "SELECT count(*) FROM data_mappings WHERE " NAMED_ROW, "tTT", id_or_field, type, entity);
    if (code == PERI_OK && !found) code = peri_fail(e, PERI_NOT_FOUND, "there is no field mapping \"%.*s\"", PERI_S(id_or_field));
    if (code == PERI_OK && found > 1)
      code = peri_fail(e, PERI_CONFLICT, "\"%.*s\" names %lld field mappings; say its id, or TYPE/ENTITY too", PERI_S(id_or_field), (long long)found);
    if (code == PERI_OK)
      code = peri_exec(s, e, "remove a field mapping", "DELETE FROM data_mappings WHERE " NAMED_ROW, "tTT", id_or_field, type, entity);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}

/* ---- templates ---- */

#define TEMPLATE_COLUMNS "id, name, integration_type, entity_type, is_default, created_at, updated_at, mappings"

peri_code peri_template_list(peri_store *s, peri_buf *json_array, peri_str type, peri_err *e) {
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(
      s, "SELECT " TEMPLATE_COLUMNS " FROM mapping_templates WHERE ?1 IS NULL OR integration_type = ?1 ORDER BY integration_type, entity_type, name",
      e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "T", type);
    code = peri_rows_json(s, st, "ttttbttj", json_array, e);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_template_get(peri_store *s, peri_arena *a, peri_str name, peri_str type, peri_str entity, peri_json **out, peri_err *e) {
  *out = NULL;
  peri_buf rows = {0};
  peri_store_enter(s);
  sqlite3_stmt *st =
      peri_prepare(s,
                   "SELECT " TEMPLATE_COLUMNS " FROM mapping_templates WHERE (name = ?1 OR id = ?1) AND (?2 IS NULL OR integration_type = ?2)"
                   " AND (?3 IS NULL OR entity_type = ?3)",
                   e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "tTT", name, type, entity);
    code = peri_rows_json(s, st, "ttttbttj", &rows, e);
  }
  peri_json_fault fault;
  peri_json *list = code == PERI_OK ? peri_json_parse(a, peri_buf_view(&rows), &fault) : NULL;
  if (code == PERI_OK && list && list->count > 1)
    code = peri_fail(e, PERI_CONFLICT, "there are %zu templates named \"%.*s\"; say TYPE/ENTITY too", list->count, PERI_S(name));
  else if (code == PERI_OK && (!list || !list->count)) {
    size_t count;
    peri_str near = peri_near_name(s, a, "SELECT DISTINCT name FROM mapping_templates LIMIT 1000", name, &count);
    code = near.n ? peri_fail(e, PERI_NOT_FOUND, "there is no template \"%.*s\"; did you mean \"%.*s\"?", PERI_S(name), PERI_S(near))
                  : peri_fail(e, PERI_NOT_FOUND, "there is no template \"%.*s\"", PERI_S(name));
  }
  if (code == PERI_OK) *out = peri_json_item(list, 0);
  peri_buf_fini(&rows);
  peri_store_leave(s);
  return code;
}

peri_code peri_template_put(peri_store *s, const peri_json *t, peri_err *e) {
  peri_str name = text(t, "name"), type = text(t, "integration_type"), entity = text(t, "entity_type");
  const peri_json *mappings = member(t, "mappings");
  if (!name.n || !type.n || !entity.n) return peri_fail(e, PERI_INVALID, "a template needs name, integration_type and entity_type");
  if (!mappings || mappings->type != PERI_J_ARRAY) return peri_fail(e, PERI_INVALID, "template \"%.*s\" needs mappings, an array", PERI_S(name));
  char id[PERI_UUID_TEXT], given[PERI_UUID_TEXT], now[PERI_ISO_MAX];
  peri_uuid7(id);
  if (peri_uuid_read(text(t, "id"), given)) memcpy(id, given, sizeof id); /* an imported template keeps its id, if it is free */
  int64_t taken;
  bool preset = flag(t, "is_default", false);
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code =
        peri_ask(s, e, &taken, 0, "SELECT 1 FROM mapping_templates WHERE id = ?1 AND NOT (name = ?2 AND integration_type = ?3 AND entity_type = ?4)",
                 "cttt", id, name, type, entity);
    if (taken) peri_uuid7(id);
    if (code == PERI_OK && preset) /* one default for an entity */
      code = peri_exec(s, e, "keep a template", "UPDATE mapping_templates SET is_default = 0 WHERE integration_type = ?1 AND entity_type = ?2", "tt",
                       type, entity);
    if (code == PERI_OK)
      code = peri_exec(s, e, "keep a template",
                       "INSERT INTO mapping_templates(id, name, integration_type, entity_type, is_default, created_at, updated_at, mappings) "
                       "VALUES(?1,?2,?3,?4,?5,?6,?6,?7)"
                       " ON CONFLICT(integration_type, entity_type, name) DO UPDATE SET is_default = excluded.is_default, updated_at = "
                       "excluded.updated_at, mappings = excluded.mappings",
                       "ctttict", id, name, type, entity, (int64_t)preset, peri_now(now), mappings->raw);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_template_apply(peri_store *s, const peri_json *t, int64_t *rows, peri_err *e) {
  *rows = 0;
  const peri_json *mappings = member(t, "mappings");
  if (!mappings || mappings->type != PERI_J_ARRAY) return peri_fail(e, PERI_INVALID, "the template has no mappings");
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    for (const peri_json *row = mappings->first; row && code == PERI_OK; row = row->next) {
      char id[40];
      code = put_row(s, row, text(t, "integration_type"), text(t, "entity_type"), id, e);
      if (code == PERI_OK)
        (*rows)++;
      else
        peri_err_prefix(e, "mapping %lld of the template", (long long)*rows + 1);
    }
    code = peri_tx_end(s, code, e);
  }
  if (code != PERI_OK) *rows = 0;
  peri_store_leave(s);
  return code;
}

peri_code peri_template_remove(peri_store *s, peri_str name, peri_err *e) {
  int64_t found = 0;
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_ask(s, e, &found, 0, "SELECT count(*) FROM mapping_templates WHERE name = ?1 OR id = ?1", "t", name);
    if (code == PERI_OK && !found) code = peri_fail(e, PERI_NOT_FOUND, "there is no template \"%.*s\"", PERI_S(name));
    if (code == PERI_OK && found > 1)
      code = peri_fail(e, PERI_CONFLICT, "there are %lld templates named \"%.*s\"; say the id", (long long)found, PERI_S(name));
    if (code == PERI_OK) code = peri_exec(s, e, "remove a template", "DELETE FROM mapping_templates WHERE name = ?1 OR id = ?1", "t", name);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}
