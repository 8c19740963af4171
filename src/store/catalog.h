/* store/catalog: integrations, the registry, data_mappings, mapping_templates, views. Answers are JSON texts with the seed's column names, so that
 * commands print them and the API can send them unchanged. */
#ifndef PERI_STORE_CATALOG_H
#define PERI_STORE_CATALOG_H

#include "store/store.h"

/* integrations:
 * {"id","name","type","platform","status","settings":{…},"base_url","trusted":[…],"last_sync","data_count","error_count","created_at","updated_at",
 * "credentials":["accessToken",…]}: names of credentials only; the sealed values come from _credentials alone. */
typedef struct peri_new_integration {
  peri_str id, name, type, platform, settings_json, base_url, trusted_json, credentials_json;
} peri_new_integration;                                                                    /* id made by the caller: sealing binds to it */
peri_code peri_integration_add(peri_store *s, const peri_new_integration *n, peri_err *e); /* EXISTS names the one that has the name */
peri_code peri_integration_get(peri_store *s, peri_arena *a, peri_str name_or_id, peri_json **out, peri_err *e); /* NOT_FOUND suggests */
peri_code peri_integration_list(peri_store *s, peri_buf *json_array, peri_err *e);
peri_code peri_integration_credentials(peri_store *s, peri_arena *a, peri_str id, peri_json **sealed, peri_err *e);
peri_code peri_integration_set(
    peri_store *s, peri_str id, peri_str settings_json, peri_str credentials_json, peri_str base_url, peri_str trusted_json, peri_str status,
    peri_err *e); /* empty: unchanged. Credentials are merged by name (null takes one away); settings are replaced, but "kept" stays */
peri_code peri_integration_remove(peri_store *s, peri_str id, bool keep_data, int64_t *rows,
                                  peri_err *e); /* credentials are gone at once; keep_data keeps rows under the removed integration */
/* All sealed credentials, one row a call, for key rotation. */
peri_code peri_integration_each_sealed(peri_store *s,
                                       peri_code (*each)(void *self, peri_str id, const peri_json *credentials, peri_buf *changed, peri_err *e),
                                       void *self, int64_t *rewrapped, peri_err *e);

/* integration_registry: rewritten from the connectors in force: JSON array with the seed's columns. */
peri_code peri_registry_replace(peri_store *s, peri_str connectors_json, peri_err *e);

/* data_mappings: rows as JSON objects with the seed's columns plus options, is_active. */
peri_code peri_mapping_rows(peri_store *s, peri_buf *json_array, peri_str type, peri_str entity, peri_err *e); /* empty type or entity: all */
peri_code peri_mapping_row_put(peri_store *s, const peri_json *row, char id[40],
                               peri_err *e); /* insert or replace by (type, entity, external_field) */
peri_code peri_mapping_row_remove(peri_store *s, peri_str id_or_field, peri_str type, peri_str entity, peri_err *e);

/* mapping_templates: {"id","name","integration_type","entity_type","mappings":[…],"is_default"}; export and import are the same JSON. */
peri_code peri_template_list(peri_store *s, peri_buf *json_array, peri_str type, peri_err *e);
peri_code peri_template_get(peri_store *s, peri_arena *a, peri_str name, peri_str type, peri_str entity, peri_json **out, peri_err *e);
peri_code peri_template_put(peri_store *s, const peri_json *template_json, peri_err *e);
peri_code peri_template_apply(peri_store *s, const peri_json *template_json, int64_t *rows,
                              peri_err *e); /* its mappings become rows of data_mappings */
peri_code peri_template_remove(peri_store *s, peri_str name, peri_err *e);

/* Views TYPE_ENTITY and ENTITY with typed columns, after id, integration, external_id, synced_at (a field of such a name is shown as field_NAME; a.b
 * as a_b; without fields there is one column, data): [{"type","entity","fields":[{"name","type"}]}]; re-made when they differ. */
peri_code peri_views_replace(peri_store *s, const peri_json *mappings, peri_err *e);

/* Small named facts: {NULL,0} if there is none. */
peri_code peri_meta_get(peri_store *s, peri_arena *a, const char *name, peri_str *value, peri_err *e);
peri_code peri_meta_set(peri_store *s, const char *name, peri_str value, peri_err *e);

/* generations and plans: what was in force when a row was written */
peri_code peri_generation_put(peri_store *s, peri_str hash, peri_str files_json,
                              peri_err *e); /* files: [{"path","hash","bytes"}], contents in blobs */

#endif
