/* cmd/mappings: what is mapped to what: files and field mappings (rows of data_mappings) together, with the way of each field; adding and removing
 * field mappings. Refuses to store a field mapping that would not compile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mapping_rows.h"
#include "store/catalog.h"

#define LUA_BYTES_MAX (256u << 10)

/* ---- list ---- */

static peri_str mapping_name(peri_arena *a, const peri_mapping_info *m) {
  peri_str type;
  peri_str_cut(m->from, '.', &type);
  return peri_arena_fmt(a, "%.*s/%.*s", PERI_S(type), PERI_S(m->entity));
}

static bool field_is_row(const peri_json *f) { return peri_json_get_int(f, "line", 0) == 0; }

static void count_fields(const peri_mapping_info *m, int64_t *fields, int64_t *rows, int64_t *lua) {
  const peri_json *list = peri_json_get(m->plan, "fields");
  *fields = *rows = *lua = 0;
  for (const peri_json *f = list ? list->first : NULL; f; f = f->next) {
    const peri_json *calls = peri_json_get(f, "lua");
    ++*fields;
    *rows += field_is_row(f);
    *lua += calls ? (int64_t)calls->count : 0;
  }
}

static void put_list(peri_arena *a, const peri_scripts *s, peri_jw *w) {
  peri_jw_array(w);
  for (size_t i = 0; i < s->mapping_count; i++) {
    const peri_mapping_info *m = &s->mappings[i];
    int64_t fields, rows, lua;
    count_fields(m, &fields, &rows, &lua);
    peri_jw_object(w);
    peri_jw_kv(w, "mapping", mapping_name(a, m));
    peri_jw_kv(w, "from", m->from);
    peri_jw_kv(w, "entity", m->entity);
    peri_jw_kv_int(w, "fields", fields);
    peri_jw_kv_int(w, "rows", rows);
    peri_jw_kv_int(w, "lua", lua);
    peri_jw_kv(w, "path", m->path);
    peri_jw_kv_bool(w, "ok", true);
    peri_jw_end_object(w);
  }
  for (size_t i = 0; i < s->failure_count; i++) {
    peri_buf text = {0};
    if (!peri_str_starts(s->failures[i].path, PERI_STR("mappings/")) && !peri_str_starts(s->failures[i].path, PERI_STR("data_mappings/"))) continue;
    peri_failure_text(&s->failures[i], &text);
    peri_jw_object(w);
    peri_jw_kv(w, "path", s->failures[i].path);
    peri_jw_kv_bool(w, "ok", false);
    peri_jw_kv(w, "message", peri_buf_view(&text));
    peri_jw_end_object(w);
    peri_buf_fini(&text);
  }
  peri_jw_end_array(w);
}

static void print_list(peri_arena *a, const peri_scripts *s) {
  static const char *const titles[] = {"mapping", "from", "fields", "Lua", "made by"};
  peri_table *t = peri_table_new(titles, 5);
  for (size_t i = 0; i < s->mapping_count; i++) {
    const peri_mapping_info *m = &s->mappings[i];
    int64_t fields, rows, lua;
    count_fields(m, &fields, &rows, &lua);
    peri_str made = peri_mapping_is_rows(m) ? PERI_STR("field mappings")
                    : rows                  ? peri_arena_fmt(a, "%.*s and %lld field mappings", PERI_S(m->path), (long long)rows)
                                            : m->path;
    peri_str cells[5] = {mapping_name(a, m), m->from, peri_arena_fmt(a, "%lld", (long long)fields), peri_arena_fmt(a, "%lld", (long long)lua), made};
    peri_table_row(t, cells);
  }
  peri_table_print(t);
  for (size_t i = 0; i < s->failure_count; i++) {
    peri_buf text = {0};
    peri_failure_text(&s->failures[i], &text);
    printf("broken: %.*s\n", (int)text.n, text.p);
    peri_buf_fini(&text);
  }
}

static int run_list(peri_cli *c, peri_arena *a) {
  peri_err e = {0};
  peri_session s;
  peri_scripts *scripts = NULL;
  if (c->arg_count > 2) return peri_cli_usage(c, "mappings list takes a TYPE at most");
  peri_code code = peri_session_open(c, PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_scripts_want want = {.type = c->arg_count > 1 ? c->args[1] : NULL, .key_free = true};
  code = peri_scripts_load(s.project, s.store, &want, &scripts, &e);
  if (!code && c->json) {
    peri_buf json = {0};
    peri_jw w;
    peri_jw_init(&w, &json);
    put_list(a, scripts, &w);
    peri_cli_data(c, peri_buf_view(&json));
    peri_buf_fini(&json);
  } else if (!code)
    print_list(a, scripts);
  peri_scripts_close(scripts);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* ---- show ---- */

static peri_str joined(peri_arena *a, const peri_json *list) {
  peri_buf b = {0};
  for (const peri_json *p = list ? list->first : NULL; p; p = p->next) {
    if (b.n) peri_buf_c_str(&b, ", ");
    if (p->text.n)
      peri_buf_str(&b, p->text);
    else
      peri_buf_c_str(&b, "(all of it)");
  }
  peri_str out = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return out;
}

/* Where Lua is entered: the parts of a lineage "… -> Lua transform (mappings/hubspot/contact.lua:21) -> …". */
static peri_str lua_of(peri_arena *a, const peri_json *f) {
  peri_str lineage = peri_json_get_text(f, "lineage");
  peri_buf b = {0};
  for (size_t i = 0; i + 7 < lineage.n; i++) {
    if (memcmp(lineage.p + i, "-> Lua ", 7) != 0) continue;
    size_t end = i + 7;
    while (end < lineage.n && lineage.p[end] != ')') end++;
    if (b.n) peri_buf_c_str(&b, ", ");
    peri_str part = {lineage.p + i + 7, end + (end < lineage.n) - i - 7};
    if (peri_str_ends(part, PERI_STR(":0)"))) peri_str_cut(part, ' ', &part);
    peri_buf_str(&b, part);
  }
  peri_str out = b.n ? peri_arena_str(a, peri_buf_view(&b)) : PERI_STR("-");
  peri_buf_fini(&b);
  return out;
}

static void put_shown(const peri_mapping_info *m, peri_jw *w) {
  peri_jw_object(w);
  peri_jw_kv(w, "path", m->path);
  for (const peri_json *p = m->plan ? m->plan->first : NULL; p; p = p->next) {
    peri_jw_key(w, p->key);
    if (!peri_str_is(p->key, "fields")) {
      peri_jw_raw(w, p->raw);
      continue;
    }
    peri_jw_array(w);
    for (const peri_json *f = p->first; f; f = f->next) {
      peri_jw_object(w);
      for (const peri_json *v = f->first; v; v = v->next) peri_jw_key(w, v->key), peri_jw_raw(w, v->raw);
      peri_jw_kv_c(w, "source", field_is_row(f) ? "row" : "file");
      peri_jw_end_object(w);
    }
    peri_jw_end_array(w);
  }
  peri_jw_end_object(w);
}

static void print_rule(const peri_json *r) {
  peri_arena *a = peri_arena_new();
  peri_str lua = peri_json_get_text(r, "lua"), message = peri_json_get_text(r, "message");
  printf("rule (line %lld): %.*s need %.*s%s%.*s, else %.*s%s%.*s\n", (long long)peri_json_get_int(r, "line", 0),
         PERI_S(joined(a, peri_json_get(r, "fields"))), PERI_S(peri_json_get_text(r, "need")), lua.n ? ", Lua at " : "", PERI_S(lua),
         PERI_S(peri_json_get_text(r, "then")), message.n ? ": " : "", PERI_S(message));
  peri_arena_free(a);
}

static void print_shown(peri_arena *a, const peri_mapping_info *m) {
  static const char *const titles[] = {"reads", "field", "kind", "Lua", "source"};
  const peri_json *fields = peri_json_get(m->plan, "fields"), *rules = peri_json_get(m->plan, "rules");
  peri_str rows = peri_json_get_text(m->plan, "rowsPath");
  printf("%.*s: %.*s -> %.*s, key %.*s%s%.*s\n", PERI_S(m->path), PERI_S(m->from), PERI_S(m->entity),
         PERI_S(joined(a, peri_json_get(m->plan, "key"))), rows.n ? ", a row for each of " : "", PERI_S(rows));
  peri_table *t = peri_table_new(titles, 5);
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
    bool required = peri_json_get_bool(f, "required", false);
    peri_str kind = peri_json_get_text(f, "kind");
    peri_str source = field_is_row(f) ? PERI_STR("field mapping") : peri_arena_fmt(a, "line %lld", (long long)peri_json_get_int(f, "line", 0));
    peri_str cells[5] = {joined(a, peri_json_get(f, "paths")), peri_json_get_text(f, "name"),
                         required ? peri_arena_fmt(a, "%.*s, required", PERI_S(kind)) : kind, lua_of(a, f), source};
    peri_table_row(t, cells);
  }
  peri_table_print(t);
  for (const peri_json *r = rules ? rules->first : NULL; r; r = r->next) print_rule(r);
}

static int run_show(peri_cli *c, peri_arena *a) {
  peri_err e = {0};
  peri_session s;
  peri_target t;
  peri_scripts *scripts = NULL;
  const peri_mapping_info *infos[8];
  size_t count = 0;
  if (c->arg_count != 2) return peri_cli_usage(c, "mappings show wants TYPE/ENTITY");
  peri_target_options o = {.integration = peri_cli_value(c, "integration"), .key_free = true};
  peri_code code = peri_target_read(a, c->args[1], &t, &e);
  if (!code) code = peri_session_open(c, PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  code = peri_target_load(a, &s, &t, &o, &scripts, &e);
  if (!code) code = peri_target_mappings(scripts, &t, infos, 8, &count, &e);
  if (!code && c->json) {
    peri_buf json = {0};
    peri_jw w;
    peri_jw_init(&w, &json);
    if (count > 1) peri_jw_array(&w);
    for (size_t i = 0; i < count; i++) put_shown(infos[i], &w);
    if (count > 1) peri_jw_end_array(&w);
    peri_cli_data(c, peri_buf_view(&json));
    peri_buf_fini(&json);
  }
  for (size_t i = 0; i < count && !code && !c->json; i++) print_shown(a, infos[i]);
  peri_scripts_close(scripts);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* ---- rows ---- */

static int run_rows(peri_cli *c, peri_arena *a) {
  peri_err e = {0};
  peri_session s;
  peri_target t = {0};
  peri_buf json = {0};
  peri_json_fault fault;
  if (c->arg_count > 2) return peri_cli_usage(c, "mappings rows takes a TYPE/ENTITY at most");
  peri_code code = c->arg_count > 1 ? peri_target_read(a, c->args[1], &t, &e) : PERI_OK;
  if (!code) code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  if (s.store)
    code = peri_mapping_rows(s.store, &json, t.type, t.entity, &e);
  else
    peri_buf_c_str(&json, "[]");
  if (!code && c->json)
    peri_cli_data(c, peri_buf_view(&json));
  else if (!code) {
    const peri_json *rows = peri_json_parse(a, peri_buf_view(&json), &fault);
    static const char *const titles[] = {"mapping", "reads", "field", "type", "required", "Lua", "id"};
    peri_table *table = peri_table_new(titles, 7);
    for (const peri_json *r = rows ? rows->first : NULL; r; r = r->next) {
      bool transform = peri_json_get_text(r, "transformation").n, validate = peri_json_get_text(r, "validation").n;
      peri_str cells[7] = {
          peri_arena_fmt(a, "%.*s/%.*s", PERI_S(peri_json_get_text(r, "integration_type")), PERI_S(peri_json_get_text(r, "entity_type"))),
          peri_json_get_text(r, "external_field"),
          peri_json_get_text(r, "internal_field"),
          peri_json_get_text(r, "field_type"),
          peri_json_get_bool(r, "is_required", false) ? PERI_STR("yes") : PERI_STR("no"),
          transform && validate ? PERI_STR("transform, validate")
          : transform           ? PERI_STR("transform")
          : validate            ? PERI_STR("validate")
                                : PERI_STR("-"),
          peri_json_get_text(r, "id")};
      peri_table_row(table, cells);
    }
    peri_table_print(table);
  }
  peri_buf_fini(&json);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* ---- add ---- */

/* Lua as it stands, or @FILE. */
static peri_code read_lua(peri_arena *a, const char *text, peri_str *out, peri_err *e) {
  *out = peri_str_of(text);
  if (!text || text[0] != '@') return PERI_OK;
  FILE *in = fopen(text + 1, "re");
  if (!in) return peri_fail(e, PERI_IO, "%s can't be read: %s", text + 1, strerror(errno));
  char *bytes = peri_arena_bytes(a, LUA_BYTES_MAX + 1);
  size_t n = fread(bytes, 1, LUA_BYTES_MAX + 1, in);
  bool bad = ferror(in) != 0;
  fclose(in);
  if (bad) return peri_fail(e, PERI_IO, "%s can't be read", text + 1);
  if (n > LUA_BYTES_MAX) return peri_fail(e, PERI_INVALID, "%s has more than %u bytes", text + 1, LUA_BYTES_MAX);
  *out = (peri_str){bytes, n};
  return PERI_OK;
}

static bool sound(peri_str text, peri_jtype *type) {
  peri_span v;
  peri_json_fault fault;
  if (!peri_json_check(text, &v, &fault)) return false;
  *type = v.type;
  return true;
}

static peri_code put_flags(const peri_cli *c, peri_arena *a, peri_jw *w, peri_err *e) {
  const char *fallback = peri_cli_value(c, "default"), *options = peri_cli_value(c, "options");
  peri_str transform, validate;
  peri_jtype type = PERI_J_NONE;
  peri_code code = read_lua(a, peri_cli_value(c, "transformation"), &transform, e);
  if (!code) code = read_lua(a, peri_cli_value(c, "validation"), &validate, e);
  if (code) return code;
  if (options && (!sound(peri_str_of(options), &type) || type != PERI_J_OBJECT))
    return peri_fail(e, PERI_INVALID, "--options wants a JSON object such as {\"trim\":true}, not '%s'", options);
  if (!peri_utf8_valid(transform) || !peri_utf8_valid(validate)) return peri_fail(e, PERI_INVALID, "the Lua text is no valid UTF-8");
  peri_jw_object(w);
  peri_jw_kv_c(w, "external_field", peri_cli_value(c, "external-field"));
  peri_jw_kv_c(w, "internal_field", peri_cli_value(c, "internal-field"));
  peri_jw_kv_c(w, "field_type", peri_cli_value(c, "field-type"));
  peri_jw_kv_bool(w, "is_required", peri_cli_has(c, "required"));
  if (fallback) {
    peri_jw_key_c(w, "default_value");
    if (sound(peri_str_of(fallback), &type))
      peri_jw_raw(w, peri_str_of(fallback));
    else
      peri_jw_c(w, fallback);
  }
  if (transform.n) peri_jw_kv(w, "transformation", transform);
  if (validate.n) peri_jw_kv(w, "validation", validate);
  if (options) peri_jw_kv_raw(w, "options", peri_str_of(options));
  peri_jw_end_object(w);
  return PERI_OK;
}

static peri_code add_row(peri_cli *c, peri_arena *a, peri_session *s, const peri_target *t, char id[40], peri_err *e) {
  peri_buf given = {0}, whole = {0};
  peri_jw w;
  peri_json_fault fault;
  peri_jw_init(&w, &given);
  peri_jw_array(&w);
  peri_code code = put_flags(c, a, &w, e);
  peri_jw_end_array(&w);
  const peri_json *rows = code ? NULL : peri_json_parse(a, peri_buf_view(&given), &fault);
  if (!code && !rows) code = peri_fail(e, PERI_INVALID, "the field mapping is no valid text: %s", fault.what);
  if (!code) code = peri_rows_try(a, s, t, rows, e);
  if (!code && rows) {
    peri_jw_init(&w, &whole);
    peri_field_row_put(&w, rows->first, t->type, t->entity);
    code = peri_mapping_row_put(s->store, peri_json_parse(a, peri_buf_view(&whole), &fault), id, e);
  }
  peri_buf_fini(&given);
  peri_buf_fini(&whole);
  return code;
}

static int run_add(peri_cli *c, peri_arena *a) {
  static const char *const needed[] = {"external-field", "internal-field", "field-type"};
  peri_err e = {0};
  peri_session s;
  peri_target t;
  char id[40] = "";
  if (c->arg_count != 2) return peri_cli_usage(c, "mappings add wants TYPE/ENTITY");
  for (int i = 0; i < 3; i++)
    if (!peri_cli_value(c, needed[i])) return peri_cli_usage(c, "mappings add needs --%s", needed[i]);
  peri_code code = peri_target_read(a, c->args[1], &t, &e);
  if (!code) code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  code = add_row(c, a, &s, &t, id, &e);
  peri_session_close(&s);
  if (code) return peri_cli_fail(c, &e);
  if (c->json)
    peri_cli_data(c, peri_arena_fmt(a, "{\"id\":\"%s\"}", id));
  else
    puts(id);
  return 0;
}

static int run_remove(peri_cli *c, peri_arena *a) {
  peri_err e = {0};
  peri_session s;
  peri_target t = {0};
  if (c->arg_count < 2) return peri_cli_usage(c, "mappings remove wants an ID, or FIELD TYPE/ENTITY");
  peri_code code = c->arg_count > 2 ? peri_target_read(a, c->args[2], &t, &e) : PERI_OK;
  if (!code) code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  code = peri_mapping_row_remove(s.store, peri_str_of(c->args[1]), t.type, t.entity, &e);
  peri_session_close(&s);
  if (code) return peri_cli_fail(c, &e);
  if (c->json)
    peri_cli_data(c, PERI_STR("{\"removed\":true}"));
  else
    printf("%s removed\n", c->args[1]);
  return 0;
}

static int run(peri_cli *c) {
  static const struct {
    const char *name;
    int (*run)(peri_cli *c, peri_arena *a);
  } subs[] = {{"list", run_list}, {"show", run_show}, {"rows", run_rows}, {"add", run_add}, {"remove", run_remove}};
  for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) {
    if (strcmp(c->args[0], subs[i].name) != 0) continue;
    peri_arena *a = peri_arena_new();
    int code = subs[i].run(c, a);
    peri_arena_free(a);
    return code;
  }
  return peri_cli_usage(c, "mappings knows list, show, rows, add and remove, not '%s'", c->args[0]);
}

static const peri_flag flags[] = {
    {"external-field", "PATH", false, "add: what is read, such as properties.firstname, or a JSON array of paths"},
    {"internal-field", "NAME", false, "add: our field; address.city makes an object"},
    {"field-type", "KIND", false, "add: text, email, integer, … (perilune help words); string, array, object, bool, int, float work, too"},
    {"required", NULL, false, "add: a record without it is rejected"},
    {"default", "JSON", false, "add: the value where there is none"},
    {"transformation", "LUA|@FILE", false, "add: body of a function of `value` that returns the new value, or nil and a reason"},
    {"validation", "LUA|@FILE", false, "add: body of a function of `value` that returns true, or false and a reason"},
    {"options", "JSON", false, "add: further options of the kind, such as {\"max\":80}"},
    {"integration", "NAME", false, "show: as this integration maps it"},
};
const peri_command peri_command_mappings = {
    "mappings",
    "list [TYPE] | show TYPE/ENTITY | rows [TYPE/ENTITY] | add TYPE/ENTITY --external-field P --internal-field F --field-type K … | remove ID|FIELD "
    "[TYPE/ENTITY]",
    "the mappings in force: files and field mappings",
    "show prints each field's way: the paths read, the field, its kind, where Lua is entered, and whether a file or a field mapping made it.\n"
    "A field mapping is a row of data_mappings: laid over the mapping file of its entity (same field: it replaces it), or alone if there is no "
    "file.\n"
    "add tries the whole mapping in a sandbox first and stores nothing that would not work. The same entity and external field again: it is "
    "replaced.\n\n"
    "  perilune mappings show hubspot/contact\n"
    "  perilune mappings add hubspot/contact --external-field properties.firstname --internal-field firstName --field-type string \\\n"
    "    --required --transformation 'return value and value:upper()' --validation 'return #value > 0'\n"
    "  perilune mappings remove properties.firstname hubspot/contact",
    1,
    3,
    flags,
    9,
    run};
