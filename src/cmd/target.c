/* cmd/target: see the header. Reads only. */
#include "cmd/target.h"

#include <stdlib.h>

#include "store/catalog.h"

#define NAMES_MAX 64

peri_code peri_target_read(peri_arena *a, const char *text, peri_target *out, peri_err *e) {
  peri_str head, rest = peri_str_cut(peri_str_of(text), '/', &head);
  if (!head.n || !rest.n || memchr(rest.p, '/', rest.n)) return peri_fail(e, PERI_USAGE, "'%s' is no TYPE/ENTITY, such as hubspot/contact", text);
  out->type = peri_arena_str(a, head);
  out->type_c = out->type.p;
  out->entity = peri_arena_str(a, rest);
  return PERI_OK;
}

peri_code peri_target_integration(peri_arena *a, peri_session *s, const char *name, peri_scripts_want *want, peri_err *e) {
  peri_json *row = NULL;
  int64_t oldest_ms;
  if (!s->store) return peri_fail(e, PERI_NOT_FOUND, "there is no integration \"%s\": the project has no database yet", name);
  peri_code code = peri_integration_get(s->store, a, peri_str_of(name), &row, e);
  if (code) return code;
  peri_str type = peri_json_get_text(row, "type");
  if (want->type && !peri_str_is(type, want->type))
    return peri_fail(e, PERI_NOT_FOUND, "the integration \"%s\" is of type %.*s, not %s", name, PERI_S(type), want->type);
  const peri_json *settings = peri_json_get(row, "settings");
  want->type = peri_arena_str(a, type).p;
  want->integration = peri_json_get_text(row, "name");
  if (settings) want->settings = settings->raw;
  return peri_store_discovered(s->store, a, peri_json_get_text(row, "id"), &want->discovered, &oldest_ms, e);
}

peri_code peri_target_load(peri_arena *a, peri_session *s, const peri_target *t, const peri_target_options *o, peri_scripts **out, peri_err *e) {
  peri_scripts_want want = {.type = t->type_c, .rows_alone = o->rows_alone, .key_free = o->key_free, .rows = o->rows};
  if (s->store) want.hash_seed = peri_store_hash_seed(s->store);
  peri_code code = o->integration ? peri_target_integration(a, s, o->integration, &want, e) : PERI_OK;
  return code ? code : peri_scripts_load(s->project, s->store, &want, out, e);
}

bool peri_mapping_is_rows(const peri_mapping_info *m) { return peri_str_starts(m->path, PERI_STR("data_mappings/")); }

/* ---- which mappings ---- */

static bool of_type(const peri_mapping_info *m, peri_str type, peri_str *stream) {
  peri_str head;
  *stream = peri_str_cut(m->from, '.', &head);
  return peri_str_eq(head, type);
}

/* Does a failing file stand for this entity? Its name is all that is known of it. */
static bool failed_entity(const peri_script_failure *f, const peri_target *t) {
  peri_str path = f->path, rest;
  if (peri_str_ends(path, PERI_STR(".lua"))) path.n -= 4;
  peri_str head;
  rest = peri_str_cut(path, '/', &head);
  if (!peri_str_is(head, "mappings") && !peri_str_is(head, "data_mappings")) return false;
  peri_str folder, name = peri_str_cut(rest, '/', &folder);
  return peri_str_eq(name, t->entity) && (peri_str_eq(folder, t->type) || peri_str_starts(folder, PERI_STR("@")));
}

peri_code peri_target_mappings(const peri_scripts *s, const peri_target *t, const peri_mapping_info **out, size_t most, size_t *count, peri_err *e) {
  peri_str stream, names[NAMES_MAX];
  size_t name_count = 0;
  *count = 0;
  peri_buf text = {0};
  for (size_t i = 0; i < s->failure_count && *count == 0; i++) {
    if (!failed_entity(&s->failures[i], t)) continue;
    peri_failure_text(&s->failures[i], &text);
    peri_code code = peri_fail(e, s->failures[i].code, "%s", peri_buf_c(&text));
    peri_buf_fini(&text);
    return code;
  }
  for (int by_stream = 0; by_stream < 2 && *count == 0; by_stream++)
    for (size_t i = 0; i < s->mapping_count && *count < most; i++) {
      if (!of_type(&s->mappings[i], t->type, &stream)) continue;
      if (peri_str_eq(by_stream ? stream : s->mappings[i].entity, t->entity)) out[(*count)++] = &s->mappings[i];
      if (!by_stream && name_count < NAMES_MAX) names[name_count++] = s->mappings[i].entity;
    }
  if (*count) return PERI_OK;
  for (size_t i = 0; i < s->failure_count; i++) { /* perhaps a file of another name would have made it */
    if (text.n) peri_buf_c_str(&text, "; ");
    peri_failure_text(&s->failures[i], &text);
  }
  peri_str near = peri_suggest(t->entity, names, name_count);
  char more[600] = "";
  if (near.n)
    snprintf(more, sizeof more, " (did you mean %.*s/%.*s?)", PERI_S(t->type), PERI_S(near));
  else if (text.n)
    snprintf(more, sizeof more, "; not loaded: %.*s", (int)(text.n > 500 ? 500 : text.n), text.p);
  else if (!name_count)
    snprintf(more, sizeof more, "; %.*s has no mappings at all: neither files in mappings/%.*s/ nor field mappings", PERI_S(t->type),
             PERI_S(t->type));
  peri_buf_fini(&text);
  return peri_fail(e, PERI_NOT_FOUND, "there is no mapping %.*s/%.*s%s", PERI_S(t->type), PERI_S(t->entity), more);
}

/* ---- files by themselves, and with field mappings ---- */

peri_code peri_check_load(peri_session *s, const peri_scripts_want *want, peri_checked *out, peri_err *e) {
  peri_scripts_want alone = *want, laid = *want;
  *out = (peri_checked){0};
  alone.examples = true;
  alone.rows = PERI_STR("[]");
  laid.examples = false;
  laid.key_free = true;
  peri_code code = peri_scripts_load(s->project, s->store, &alone, &out->files, e);
  if (!code) code = peri_scripts_load(s->project, s->store, &laid, &out->laid, e);
  if (!code) out->examples = out->files->examples;
  return code;
}

void peri_check_close(peri_checked *k) {
  peri_scripts_close(k->files);
  peri_scripts_close(k->laid);
}

static const peri_script_failure *failure_of(const peri_scripts *s, peri_str path) {
  for (size_t i = 0; i < s->failure_count; i++)
    if (peri_str_eq(s->failures[i].path, path)) return &s->failures[i];
  return NULL;
}

const peri_script_failure *peri_check_failure(const peri_checked *k, peri_str path) {
  const peri_script_failure *f = failure_of(k->files, path);
  return f ? f : failure_of(k->laid, path);
}

int64_t peri_check_examples(const peri_checked *k, peri_str path) {
  const peri_json *files = peri_json_get(k->files->loaded, "files");
  for (const peri_json *f = files ? files->first : NULL; f; f = f->next)
    if (peri_str_eq(peri_json_get_text(f, "path"), path)) return peri_json_get_int(f, "examples", 0);
  return 0;
}
