/* store/catalog_files: what comes from script files: the registry of connectors, and generations with their files' bytes.
 * Refuses to touch registry rows that somebody made by hand: only rows marked 'connector' follow the files. */
#include "store/catalog.h"
#include "store/inside.h"
#include "json/json.h"

static peri_str raw_of(const peri_json *o, const char *key) {
  const peri_json *v = peri_json_get(o, key);
  return v && v->type != PERI_J_NULL ? v->raw : (peri_str){NULL, 0};
}

static peri_code put_connector(peri_store *s, const peri_json *c, const char *now, peri_err *e) {
  peri_str type = peri_json_get_text(c, "type"), name = peri_json_get_text(c, "name"), platform = peri_json_get_text(c, "platform"),
           category = peri_json_get_text(c, "category");
  if (!type.n) return peri_fail(e, PERI_INVALID, "a connector without a type");
  char id[PERI_UUID_TEXT];
  peri_uuid7(id);
  /* the WHERE keeps an unchanged row, and so its updated_at, as it is */
  return peri_exec(s, e, "write the registry",
                   "INSERT INTO integration_registry(id, type, name, platform, description, category, is_popular, is_active, capabilities, "
                   "required_fields, optional_fields, icon,"
                   " documentation_url, created_at, updated_at, source) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?14,'connector')"
                   " ON CONFLICT(type) DO UPDATE SET name = excluded.name, platform = excluded.platform, description = excluded.description, "
                   "category = excluded.category,"
                   " is_popular = excluded.is_popular, is_active = excluded.is_active, capabilities = excluded.capabilities, required_fields = "
                   "excluded.required_fields,"
                   " optional_fields = excluded.optional_fields, icon = excluded.icon, documentation_url = excluded.documentation_url, updated_at = "
                   "excluded.updated_at,"
                   " source = 'connector' WHERE (name, platform, description, category, is_popular, is_active, capabilities, required_fields, "
                   "optional_fields, icon, documentation_url,"
                   " source) IS NOT (excluded.name, excluded.platform, excluded.description, excluded.category, excluded.is_popular, "
                   "excluded.is_active, excluded.capabilities,"
                   " excluded.required_fields, excluded.optional_fields, excluded.icon, excluded.documentation_url, 'connector')",
                   "ctttTtiiTTTTTc", id, type, name.n ? name : type, platform.n ? platform : type, peri_json_get_text(c, "description"),
                   category.n ? category : PERI_STR("Other"), (int64_t)peri_json_get_bool(c, "is_popular", false),
                   (int64_t)peri_json_get_bool(c, "is_active", true), raw_of(c, "capabilities"), raw_of(c, "required_fields"),
                   raw_of(c, "optional_fields"), peri_json_get_text(c, "icon"), peri_json_get_text(c, "documentation_url"), now);
}

peri_code peri_registry_replace(peri_store *s, peri_str connectors_json, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  peri_json *list = peri_json_parse(a, connectors_json, &fault);
  peri_buf types = {0};
  peri_jw w;
  peri_code code = PERI_OK;
  if (!list || list->type != PERI_J_ARRAY) code = peri_fail(e, PERI_INVALID, "the connectors are no JSON array");
  peri_store_enter(s);
  if (code == PERI_OK && (code = peri_tx_begin(s, e)) == PERI_OK) {
    char now[PERI_ISO_MAX];
    peri_now(now);
    peri_jw_init(&w, &types);
    peri_jw_array(&w);
    for (peri_json *c = list ? list->first : NULL; c && code == PERI_OK; c = c->next) {
      code = put_connector(s, c, now, e);
      peri_jw_text(&w, peri_json_get_text(c, "type"));
    }
    peri_jw_end_array(&w);
    if (code == PERI_OK)
      code = peri_exec(s, e, "write the registry",
                       "DELETE FROM integration_registry WHERE source = 'connector' AND type NOT IN (SELECT value FROM json_each(?1))", "t",
                       peri_buf_view(&types));
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  peri_buf_fini(&types);
  peri_arena_free(a);
  return code;
}

peri_code peri_generation_put(peri_store *s, peri_str hash, peri_str files_json, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  peri_json *files = peri_json_parse(a, files_json, &fault);
  peri_buf list = {0};
  peri_code code = PERI_OK;
  int64_t known = 0;
  if (!files || files->type != PERI_J_ARRAY) code = peri_fail(e, PERI_INVALID, "a generation's files are no JSON array");
  peri_store_enter(s);
  if (code == PERI_OK) code = peri_ask(s, e, &known, 0, "SELECT 1 FROM generations WHERE hash = ?1 AND files IS NOT NULL", "t", hash);
  if (code == PERI_OK && !known && (code = peri_tx_begin(s, e)) == PERI_OK) {
    char now[PERI_ISO_MAX];
    peri_jw w;
    peri_jw_init(&w, &list);
    peri_jw_array(&w);
    for (peri_json *f = files ? files->first : NULL; f && code == PERI_OK; f = f->next) {
      const peri_json *bytes = peri_json_get(f, "bytes");
      peri_str file_hash = peri_json_get_text(f, "hash");
      peri_jw_object(&w);
      peri_jw_kv(&w, "path", peri_json_get_text(f, "path"));
      peri_jw_kv(&w, "hash", file_hash);
      peri_jw_end_object(&w);
      if (bytes && bytes->type == PERI_J_STRING && file_hash.n)
        code = peri_exec(s, e, "keep a file", "INSERT INTO blobs(hash, bytes) VALUES(?1, ?2) ON CONFLICT(hash) DO NOTHING", "tx", file_hash,
                         bytes->text);
    }
    peri_jw_end_array(&w);
    if (code == PERI_OK)
      code = peri_exec(s, e, "keep a generation",
                       "INSERT INTO generations(hash, state, created_at, files) VALUES(?1, 'loaded', ?2, ?3)"
                       " ON CONFLICT(hash) DO UPDATE SET state = 'loaded', files = excluded.files",
                       "tct", hash, peri_now(now), peri_buf_view(&list));
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  peri_buf_fini(&list);
  peri_arena_free(a);
  return code;
}
