/* cmd/templates: field mappings kept under a name: applied to a project, exported to a file, imported from one. What is exported and imported again
 * is the same, byte for byte in its mappings. Refuses to apply what would not compile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mapping_rows.h"
#include "store/catalog.h"

#define FILE_BYTES_MAX (16u << 20)

static peri_code open_for(peri_cli *c, bool write, peri_session *s, peri_err *e) {
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | (write ? PERI_NEED_WRITE : PERI_NEED_READ), s, e);
  if (!code && !s->store) {
    peri_session_close(s);
    return peri_fail(e, PERI_NOT_FOUND, "there is no database yet, so there are no templates");
  }
  return code;
}

static peri_code get(peri_cli *c, peri_arena *a, peri_session *s, const char *where, peri_json **t, peri_err *e) {
  peri_target at = {0};
  peri_code code = where ? peri_target_read(a, where, &at, e) : PERI_OK;
  return code ? code : peri_template_get(s->store, a, peri_str_of(c->args[1]), at.type, at.entity, t, e);
}

static size_t mapping_count(const peri_json *t) {
  const peri_json *m = peri_json_get(t, "mappings");
  return m ? m->count : 0;
}

/* ---- list, show ---- */

static peri_code run_list(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e) {
  peri_buf json = {0};
  peri_json_fault fault;
  peri_code code = peri_template_list(s->store, &json, peri_str_of(c->arg_count > 1 ? c->args[1] : NULL), e);
  if (!code && c->json)
    peri_cli_data(c, peri_buf_view(&json));
  else if (!code) {
    const peri_json *list = peri_json_parse(a, peri_buf_view(&json), &fault);
    static const char *const titles[] = {"name", "mapping", "fields", "default", "id"};
    if (!list || !list->count)
      puts("no templates; make one with: perilune templates save NAME TYPE/ENTITY, or import one");
    else {
      peri_table *t = peri_table_new(titles, 5);
      for (const peri_json *m = list->first; m; m = m->next) {
        peri_str cells[5] = {
            peri_json_get_text(m, "name"),
            peri_arena_fmt(a, "%.*s/%.*s", PERI_S(peri_json_get_text(m, "integration_type")), PERI_S(peri_json_get_text(m, "entity_type"))),
            peri_arena_fmt(a, "%zu", mapping_count(m)), peri_json_get_bool(m, "is_default", false) ? PERI_STR("yes") : PERI_STR("no"),
            peri_json_get_text(m, "id")};
        peri_table_row(t, cells);
      }
      peri_table_print(t);
    }
  }
  peri_buf_fini(&json);
  return code;
}

static peri_str either(const peri_json *row, const char *snake, const char *camel) {
  peri_str v = peri_json_get_text(row, snake);
  return v.n ? v : peri_json_get_text(row, camel);
}

static peri_code run_show(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e) {
  peri_json *t = NULL;
  peri_code code = get(c, a, s, c->arg_count > 2 ? c->args[2] : NULL, &t, e);
  if (code) return code;
  if (c->json) {
    peri_cli_data(c, t->raw);
    return PERI_OK;
  }
  const peri_json *rows = peri_json_get(t, "mappings");
  printf("%.*s: %.*s/%.*s, %zu fields%s, %.*s\n", PERI_S(peri_json_get_text(t, "name")), PERI_S(peri_json_get_text(t, "integration_type")),
         PERI_S(peri_json_get_text(t, "entity_type")), mapping_count(t), peri_json_get_bool(t, "is_default", false) ? ", the default" : "",
         PERI_S(peri_json_get_text(t, "id")));
  static const char *const titles[] = {"reads", "field", "type", "transformation", "validation"};
  peri_table *table = peri_table_new(titles, 5);
  for (const peri_json *r = rows ? rows->first : NULL; r; r = r->next) {
    peri_str cells[5] = {either(r, "external_field", "externalField"), either(r, "internal_field", "internalField"),
                         either(r, "field_type", "fieldType"), peri_json_get_text(r, "transformation"), peri_json_get_text(r, "validation")};
    peri_table_row(table, cells);
  }
  peri_table_print(table);
  return PERI_OK;
}

/* ---- apply, save, remove ---- */

static peri_code run_apply(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e) {
  peri_json *t = NULL;
  int64_t rows = 0;
  peri_code code = get(c, a, s, c->arg_count > 2 ? c->args[2] : NULL, &t, e);
  if (code) return code;
  peri_str type = peri_json_get_text(t, "integration_type"), entity = peri_json_get_text(t, "entity_type");
  peri_target at = {peri_arena_str(a, type), peri_arena_str(a, entity), peri_arena_str(a, type).p};
  const peri_json *mappings = peri_json_get(t, "mappings");
  if (mappings && mappings->count) code = peri_rows_try(a, s, &at, mappings, e);
  if (!code) code = peri_template_apply(s->store, t, &rows, e);
  if (code) return code;
  if (c->json)
    peri_cli_data(c, peri_arena_fmt(a, "{\"applied\":%lld}", (long long)rows));
  else
    printf("%s applied: %lld field mappings of %.*s/%.*s; run perilune remap %.*s/%.*s for what is stored already\n", c->args[1], (long long)rows,
           PERI_S(type), PERI_S(entity), PERI_S(type), PERI_S(entity));
  return PERI_OK;
}

static peri_code run_save(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e) {
  peri_target t;
  peri_buf rows = {0}, json = {0};
  peri_json_fault fault;
  if (c->arg_count < 3) return peri_fail(e, PERI_USAGE, "templates save wants NAME TYPE/ENTITY");
  peri_code code = peri_target_read(a, c->args[2], &t, e);
  if (!code) code = peri_mapping_rows(s->store, &rows, t.type, t.entity, e);
  const peri_json *list = code ? NULL : peri_json_parse(a, peri_buf_view(&rows), &fault);
  size_t count = list ? list->count : 0;
  if (!code && !count)
    code = peri_fail(e, PERI_NOT_FOUND, "%s has no field mappings to save; make some with: perilune mappings add %s", c->args[2], c->args[2]);
  if (!code) {
    peri_jw w;
    peri_jw_init(&w, &json);
    peri_jw_object(&w);
    peri_jw_kv_c(&w, "name", c->args[1]);
    peri_jw_kv(&w, "integration_type", t.type);
    peri_jw_kv(&w, "entity_type", t.entity);
    peri_jw_kv_bool(&w, "is_default", peri_cli_has(c, "default"));
    peri_jw_key_c(&w, "mappings");
    peri_jw_array(&w);
    for (const peri_json *r = list ? list->first : NULL; r; r = r->next) peri_field_row_put(&w, r, t.type, t.entity);
    peri_jw_end_array(&w);
    peri_jw_end_object(&w);
    code = peri_template_put(s->store, peri_json_parse(a, peri_buf_view(&json), &fault), e);
  }
  if (!code && c->json)
    peri_cli_data(c, peri_arena_fmt(a, "{\"saved\":%zu}", count));
  else if (!code)
    printf("%s saved: %zu field mappings of %s\n", c->args[1], count, c->args[2]);
  peri_buf_fini(&rows);
  peri_buf_fini(&json);
  return code;
}

static peri_code run_remove(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e) {
  (void)a;
  peri_code code = peri_template_remove(s->store, peri_str_of(c->args[1]), e);
  if (!code && c->json)
    peri_cli_data(c, PERI_STR("{\"removed\":true}"));
  else if (!code)
    printf("%s removed; field mappings that it made stay\n", c->args[1]);
  return code;
}

/* ---- export, import ---- */

/* Without the times of this database, so that what is exported, imported and exported again stays the same. */
static void put_exported(const peri_json *t, FILE *out) {
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  for (const peri_json *m = t->first; m; m = m->next)
    if (!peri_str_is(m->key, "created_at") && !peri_str_is(m->key, "updated_at")) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
  peri_jw_end_object(&w);
  fwrite(b.p, 1, b.n, out);
  fputc('\n', out);
  peri_buf_fini(&b);
}

static peri_code run_export(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e) {
  peri_json *t = NULL;
  peri_code code = get(c, a, s, NULL, &t, e);
  if (code) return code;
  const char *path = c->arg_count > 2 && strcmp(c->args[2], "-") != 0 ? c->args[2] : NULL;
  FILE *out = path ? fopen(path, "we") : stdout;
  if (!out) return peri_fail(e, PERI_IO, "%s can't be written: %s", path, strerror(errno));
  put_exported(t, out);
  bool bad = ferror(out) != 0;
  if (path && (fclose(out) != 0 || bad)) return peri_fail(e, PERI_IO, "%s can't be written: %s", path, strerror(errno));
  if (path && c->json)
    peri_cli_data(c, PERI_STR("{\"exported\":true}"));
  else if (path && !c->quiet)
    printf("%s written\n", path);
  return PERI_OK;
}

static peri_code read_file(peri_arena *a, const char *path, peri_str *out, peri_err *e) {
  int fd = peri_cli_open_file(path);
  FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
  if (!in) return peri_fail(e, errno == ENOENT ? PERI_NOT_FOUND : PERI_IO, "%s can't be read: %s", path, strerror(errno));
  peri_buf b = {0};
  size_t got;
  while (b.n <= FILE_BYTES_MAX && (got = fread(peri_buf_room(&b, 65536), 1, 65536, in)) > 0) b.n += got;
  bool bad = ferror(in) != 0;
  fclose(in);
  *out = peri_arena_str(a, peri_buf_view(&b));
  bool large = b.n > FILE_BYTES_MAX;
  peri_buf_fini(&b);
  if (bad) return peri_fail(e, PERI_IO, "%s can't be read", path);
  return large ? peri_fail(e, PERI_INVALID, "%s has more than %u bytes", path, FILE_BYTES_MAX) : PERI_OK;
}

/* A template holds whole rows: one that lacks its fields is refused now, not when it is applied. */
static peri_code check_rows(const peri_json *t, peri_err *e) {
  const peri_json *rows = peri_json_get(t, "mappings");
  size_t n = 0;
  for (const peri_json *r = rows ? rows->first : NULL; r; r = r->next) {
    n++;
    if (r->type != PERI_J_OBJECT || !either(r, "external_field", "externalField").n || !either(r, "internal_field", "internalField").n ||
        !either(r, "field_type", "fieldType").n)
      return peri_fail(e, PERI_INVALID, "mapping %zu of template \"%.*s\" needs external_field, internal_field and field_type", n,
                       PERI_S(peri_json_get_text(t, "name")));
  }
  return PERI_OK;
}

static peri_code run_import(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e) {
  peri_str text = {NULL, 0};
  peri_json_fault fault;
  size_t count = 0;
  peri_code code = read_file(a, c->args[1], &text, e);
  if (code) return code;
  const peri_json *j = peri_json_parse(a, text, &fault);
  if (!j) {
    char what[256];
    peri_json_fault_text(&fault, text, what, sizeof what);
    return peri_fail(e, PERI_INVALID, "%s is no JSON: %s", c->args[1], what);
  }
  if (j->type != PERI_J_OBJECT && j->type != PERI_J_ARRAY)
    return peri_fail(e, PERI_INVALID, "%s holds no template (an object) and no array of them", c->args[1]);
  const peri_json *first = j->type == PERI_J_ARRAY ? j->first : j;
  for (const peri_json *t = first; t && !code; t = j->type == PERI_J_ARRAY ? t->next : NULL) code = check_rows(t, e);
  for (const peri_json *t = first; t && !code; t = j->type == PERI_J_ARRAY ? t->next : NULL) {
    code = peri_template_put(s->store, t, e);
    if (!code) count++;
  }
  if (!code && c->json)
    peri_cli_data(c, peri_arena_fmt(a, "{\"imported\":%zu}", count));
  else if (!code)
    printf("%zu template%s imported; put one into force with: perilune templates apply NAME\n", count, count == 1 ? "" : "s");
  return code;
}

static int run(peri_cli *c) {
  static const struct sub {
    const char *name, *wants;
    bool write;
    int most;
    peri_code (*run)(peri_cli *c, peri_arena *a, peri_session *s, peri_err *e);
  } subs[] = {{"list", NULL, false, 2, run_list},
              {"show", "NAME [TYPE/ENTITY]", false, 3, run_show},
              {"apply", "NAME [TYPE/ENTITY]", true, 3, run_apply},
              {"export", "NAME [FILE]", false, 3, run_export},
              {"import", "FILE", true, 2, run_import},
              {"save", "NAME TYPE/ENTITY", true, 3, run_save},
              {"remove", "NAME", true, 2, run_remove}};
  for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) {
    if (strcmp(c->args[0], subs[i].name) != 0) continue;
    if (subs[i].wants && c->arg_count < 2) return peri_cli_usage(c, "templates %s wants %s", subs[i].name, subs[i].wants);
    if (c->arg_count > subs[i].most) return peri_cli_usage(c, "templates %s takes no '%s'", subs[i].name, c->args[subs[i].most]);
    peri_err e = {0};
    peri_session s;
    peri_code code = open_for(c, subs[i].write, &s, &e);
    if (code) return peri_cli_fail(c, &e);
    peri_arena *a = peri_arena_new();
    code = subs[i].run(c, a, &s, &e);
    peri_session_close(&s);
    peri_arena_free(a);
    return code ? peri_cli_fail(c, &e) : 0;
  }
  return peri_cli_usage(c, "templates knows list, show, apply, export, import, save and remove, not '%s'", c->args[0]);
}

static const peri_flag flags[] = {{"default", NULL, false, "save: mark it as the entity's default"}};
const peri_command peri_command_templates = {
    "templates",
    "list [TYPE] | show NAME | apply NAME | export NAME [FILE] | import FILE | save NAME TYPE/ENTITY | remove NAME",
    "field mappings kept under a name",
    "A template is a JSON object {\"name\",\"integration_type\",\"entity_type\",\"mappings\":[…],\"is_default\"}; export and import keep it as it "
    "is.\n"
    "apply makes its mappings field mappings of this project (perilune mappings rows), after trying them. NAME may be an id; where two templates "
    "share\n"
    "a name, show and apply take TYPE/ENTITY behind it.\n\n"
    "  perilune templates save basics hubspot/contact\n"
    "  perilune templates export basics basics.json",
    1,
    3,
    flags,
    1,
    run};
