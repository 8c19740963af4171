/* store/views: TYPE_ENTITY and ENTITY with typed columns, made from the mappings in force, re-made only when they differ.
 *
 * TYPE_ENTITY is one connector's; ENTITY is the union over all connectors that have it, columns by name, so that a second connector breaks nobody's
 * query. Refuses to replace what it did not make, and a mapping whose field names SQLite could not tell apart. */
#include <stdio.h>

#include "base/map.h"
#include "store/catalog.h"
#include "store/inside.h"
#include "json/json.h"

#define COLUMNS_MAX 1900 /* SQLite takes 2,000 in a view */

static const char *const first_columns[] = {"id", "integration", "external_id", "synced_at"};

typedef struct peri_column {
  peri_str name, expression;
} peri_column; /* name as shown; expression over d.data */
typedef struct peri_source {
  peri_str type, entity;
  peri_column *columns;
  size_t count;
} peri_source; /* one mapping */
typedef struct peri_views {
  peri_arena *a;
  peri_source *sources;
  size_t count;
  peri_map made; /* lower-case name -> peri_str* of its SQL */
} peri_views;

static peri_str lower(peri_arena *a, peri_str s) {
  peri_str l = peri_arena_str(a, s);
  for (size_t i = 0; i < l.n; i++)
    if (l.p[i] >= 'A' && l.p[i] <= 'Z') ((char *)l.p)[i] = (char)(l.p[i] - 'A' + 'a'); /* a copy of ours */
  return l;
}

static void quote(peri_buf *b, peri_str name) {
  peri_buf_char(b, '"');
  for (size_t i = 0; i < name.n; i++) {
    if (name.p[i] == '"') peri_buf_char(b, '"');
    peri_buf_char(b, name.p[i]);
  }
  peri_buf_char(b, '"');
}

static void quote_text(peri_buf *b, peri_str text) {
  peri_buf_char(b, '\'');
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == '\'') peri_buf_char(b, '\'');
    peri_buf_char(b, text.p[i]);
  }
  peri_buf_char(b, '\'');
}

static bool among(peri_str s, const char *const *names) {
  for (; *names; names++)
    if (peri_str_is(s, *names)) return true;
  return false;
}

/* address.city -> column address_city, path $."address"."city". Bare text compares above every number in SQLite, so numbers are cast. */
static peri_code column(peri_views *v, const peri_json *field, peri_column *c, peri_err *e) {
  static const char *const numeric[] = {"number", "decimal", "money", NULL}, *const json[] = {"json",   "list",  "rest", "table",
                                                                                              "object", "array", NULL};
  peri_str name = peri_json_get_text(field, "name"), type = peri_json_get_text(field, "type");
  if (!name.n) return peri_fail(e, PERI_INVALID, "a field without a name");
  peri_buf path = {0}, shown = {0}, x = {0};
  peri_buf_c_str(&path, "$.\"");
  for (size_t i = 0; i < name.n; i++) {
    unsigned char ch = (unsigned char)name.p[i];
    if (ch == '"' || ch == '\\' || ch < 32) {
      peri_buf_fini(&path);
      peri_buf_fini(&shown);
      return peri_fail(e, PERI_INVALID, "the field name %.*s holds a quote, a backslash or a control character, which no view can show",
                       PERI_S(name));
    }
    if (ch == '.')
      peri_buf_c_str(&path, "\".\"");
    else
      peri_buf_char(&path, (char)ch);
    peri_buf_char(&shown, ch == '.' ? '_' : (char)ch);
  }
  peri_buf_char(&path, '"');
  peri_str column_name = peri_arena_str(v->a, peri_buf_view(&shown));
  for (size_t i = 0; i < sizeof first_columns / sizeof *first_columns; i++) /* the row's own columns keep their names */
    if (peri_str_eq_nocase(column_name, peri_str_of(first_columns[i]))) column_name = peri_arena_fmt(v->a, "field_%.*s", PERI_S(column_name));
  const char *before = among(type, numeric) ? "CAST(d.data ->> " : among(type, json) ? "nullif(d.data -> " : "d.data ->> ";
  const char *after = among(type, numeric) ? " AS NUMERIC)" : among(type, json) ? ", 'null')" : "";
  peri_buf_c_str(&x, before);
  quote_text(&x, peri_buf_view(&path));
  peri_buf_c_str(&x, after);
  *c = (peri_column){column_name, peri_arena_str(v->a, peri_buf_view(&x))};
  peri_buf_fini(&path);
  peri_buf_fini(&shown);
  peri_buf_fini(&x);
  return PERI_OK;
}

static peri_code read_source(peri_views *v, const peri_json *m, peri_source *s, peri_err *e) {
  s->type = peri_json_get_text(m, "type");
  s->entity = peri_json_get_text(m, "entity");
  if (!s->type.n || !s->entity.n) return peri_fail(e, PERI_INVALID, "a mapping without type or entity");
  const peri_json *fields = peri_json_get(m, "fields");
  size_t cap = fields ? fields->count : 0;
  s->columns = peri_arena_take(v->a, (cap + 1) * sizeof *s->columns);
  peri_map seen;
  peri_map_init(&seen, v->a);
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
    peri_column *c = &s->columns[s->count];
    peri_code code = column(v, f, c, e);
    if (code != PERI_OK) {
      peri_err_prefix(e, "mapping %.*s/%.*s", PERI_S(s->type), PERI_S(s->entity));
      return code;
    }
    peri_str *before = peri_map_get(&seen, lower(v->a, c->name));
    if (before)
      return peri_fail(e, PERI_INVALID, "mapping %.*s/%.*s: the fields %.*s and %.*s would be one column of its view", PERI_S(s->type),
                       PERI_S(s->entity), PERI_S(*before), PERI_S(c->name));
    peri_map_put(&seen, lower(v->a, c->name), &c->name);
    s->count++;
  }
  if (!s->count) s->columns[s->count++] = (peri_column){PERI_STR("data"), PERI_STR("d.data")}; /* a stream without a mapping */
  return PERI_OK;
}

static void select_one(peri_views *v, peri_buf *b, const peri_source *s, const peri_map *names) {
  peri_map own;
  peri_map_init(&own, v->a);
  for (size_t i = 0; i < s->count; i++) peri_map_put(&own, lower(v->a, s->columns[i].name), &s->columns[i]);
  peri_buf_c_str(b, "SELECT d.id AS \"id\", i.name AS \"integration\", d.external_id AS \"external_id\", d.synced_at AS \"synced_at\"");
  for (size_t i = 0; i < names->count; i++) {
    const peri_column *c = peri_map_get(&own, names->items[i].key);
    peri_buf_c_str(b, ", ");
    if (c)
      peri_buf_str(b, c->expression);
    else
      peri_buf_c_str(b, "NULL");
    peri_buf_c_str(b, " AS ");
    quote(b, *(peri_str *)names->items[i].value);
  }
  /* few integrations, many rows: the join starts at the integrations and goes by the unique index */
  peri_buf_c_str(b, " FROM integrations AS i CROSS JOIN integration_data AS d ON d.integration_id = i.id WHERE i.type = ");
  quote_text(b, s->type);
  peri_buf_c_str(b, " AND d.entity_type = ");
  quote_text(b, s->entity);
  peri_buf_c_str(b, " AND d.deleted_at IS NULL");
}

static peri_code make(peri_views *v, peri_str name, const peri_source *const *sources, size_t count, peri_err *e) {
  peri_map names; /* all columns of all sources, in the order in which they come up */
  peri_map_init(&names, v->a);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < sources[i]->count; k++) {
      peri_str key = lower(v->a, sources[i]->columns[k].name);
      if (!peri_map_has(&names, key)) peri_map_put(&names, key, &sources[i]->columns[k].name);
    }
  if (names.count > COLUMNS_MAX)
    return peri_fail(e, PERI_INVALID, "the view %.*s would have %zu columns; %d are possible", PERI_S(name), names.count, COLUMNS_MAX);
  peri_buf b = {0};
  peri_buf_c_str(&b, "CREATE VIEW ");
  quote(&b, name);
  peri_buf_c_str(&b, " AS ");
  for (size_t i = 0; i < count; i++) {
    if (i) peri_buf_c_str(&b, " UNION ALL ");
    select_one(v, &b, sources[i], &names);
  }
  peri_str *sql = peri_arena_take(v->a, sizeof *sql);
  *sql = peri_arena_str(v->a, peri_buf_view(&b));
  peri_buf_fini(&b);
  peri_map_put(&v->made, lower(v->a, name), sql);
  return PERI_OK;
}

static peri_code taken(peri_views *v, peri_store *s, peri_str name, bool *is, peri_err *e) {
  peri_str l = lower(v->a, name);
  int64_t found;
  peri_code code =
      peri_ask(s, e, &found, 0,
               "SELECT 1 FROM sqlite_master WHERE lower(name) = ?1 AND NOT (type = 'view' AND lower(name) IN (SELECT name FROM views))", "t", l);
  *is = found || peri_str_starts(l, PERI_STR("sqlite_")) || peri_map_has(&v->made, l);
  return code;
}

static peri_code plan_views(peri_views *v, peri_store *s, peri_err *e) {
  peri_code code = PERI_OK;
  bool is;
  for (size_t i = 0; i < v->count && code == PERI_OK; i++) {
    const peri_source *one = &v->sources[i];
    peri_str name = peri_arena_fmt(v->a, "%.*s_%.*s", PERI_S(one->type), PERI_S(one->entity));
    if ((code = taken(v, s, name, &is, e)) != PERI_OK) break;
    if (is) return peri_fail(e, PERI_CONFLICT, "the view %.*s cannot be made: the name is taken", PERI_S(name));
    code = make(v, name, &one, 1, e);
  }
  const peri_source **same = peri_arena_take(v->a, (v->count + 1) * sizeof *same);
  for (size_t i = 0; i < v->count && code == PERI_OK; i++) {
    size_t n = 0;
    bool first = true;
    for (size_t k = 0; k < v->count; k++) {
      if (!peri_str_eq_nocase(v->sources[k].entity, v->sources[i].entity)) continue;
      first = first && (k >= i);
      same[n++] = &v->sources[k];
    }
    if (!first) continue;
    if ((code = taken(v, s, v->sources[i].entity, &is, e)) != PERI_OK) break;
    if (!is) code = make(v, v->sources[i].entity, same, n, e); /* a taken name is left to its owner: the long form is there */
  }
  return code;
}

static peri_code same_already(peri_views *v, peri_store *s, bool *same, peri_err *e) {
  int64_t count;
  peri_code code = peri_ask(s, e, &count, 0, "SELECT count(*) FROM views", "");
  *same = code == PERI_OK && (size_t)count == v->made.count;
  for (size_t i = 0; *same && i < v->made.count && code == PERI_OK; i++) {
    int64_t found;
    code = peri_ask(s, e, &found, 0,
                    "SELECT 1 FROM sqlite_master m JOIN views w ON w.name = lower(m.name) WHERE m.type = 'view' AND w.name = ?1 AND m.sql = ?2", "tt",
                    v->made.items[i].key, *(peri_str *)v->made.items[i].value);
    *same = found != 0;
  }
  return code;
}

static peri_code drop_ours(peri_views *v, peri_store *s, peri_err *e) {
  peri_str *names = NULL;
  size_t count = 0, cap = 0;
  sqlite3_stmt *st = peri_prepare(s, "SELECT m.name FROM sqlite_master m JOIN views w ON w.name = lower(m.name) WHERE m.type = 'view'", e);
  if (!st) return peri_why(e);
  while (sqlite3_step(st) == SQLITE_ROW) {
    names = peri_arena_grow(v->a, names, count, &cap, sizeof *names);
    names[count++] = peri_arena_str(v->a, peri_col(st, 0));
  }
  sqlite3_finalize(st);
  peri_code code = peri_exec(s, e, "replace the views", "DELETE FROM views", "");
  for (size_t i = 0; i < count && code == PERI_OK; i++) {
    peri_buf b = {0};
    peri_buf_c_str(&b, "DROP VIEW ");
    quote(&b, names[i]);
    code = peri_exec(s, e, "replace the views", peri_buf_c(&b), "");
    peri_buf_fini(&b);
  }
  return code;
}

static peri_code replace(peri_views *v, peri_store *s, peri_err *e) {
  peri_code code = drop_ours(v, s, e);
  for (size_t i = 0; i < v->made.count && code == PERI_OK; i++) {
    code = peri_exec(s, e, "make a view", (*(peri_str *)v->made.items[i].value).p, "");
    if (code == PERI_OK) code = peri_exec(s, e, "make a view", "INSERT INTO views(name) VALUES(?1)", "t", v->made.items[i].key);
  }
  return code;
}

peri_code peri_views_replace(peri_store *s, const peri_json *mappings, peri_err *e) {
  if (mappings && mappings->type != PERI_J_ARRAY) return peri_fail(e, PERI_INVALID, "the mappings are no JSON array");
  peri_views v = {.a = peri_arena_new()};
  peri_map_init(&v.made, v.a);
  size_t cap = mappings ? mappings->count : 0;
  v.sources = peri_arena_take(v.a, (cap + 1) * sizeof *v.sources);
  peri_code code = PERI_OK;
  for (const peri_json *m = mappings ? mappings->first : NULL; m && code == PERI_OK; m = m->next) code = read_source(&v, m, &v.sources[v.count++], e);
  bool same = false;
  peri_store_enter(s);
  if (code == PERI_OK) code = plan_views(&v, s, e);
  if (code == PERI_OK) code = same_already(&v, s, &same, e);
  if (code == PERI_OK && !same && (code = peri_tx_begin(s, e)) == PERI_OK) code = peri_tx_end(s, replace(&v, s, e), e);
  peri_store_leave(s);
  peri_arena_free(v.a);
  return code;
}
