/* store/catalog: integrations: adding, showing, changing, removing. Answers name credentials, never their sealed values.
 * Refuses a second living integration of one name. */
#include "store/catalog.h"

#include <stdio.h>

#include "base/map.h"
#include "store/inside.h"
#include "json/json.h"

#define COLUMNS                                                                                                                                      \
  "id, name, type, platform, status, settings, base_url, trusted, last_sync, data_count, error_count, created_at, updated_at, credentials"

static void put_integration(sqlite3_stmt *st, peri_jw *w, peri_arena *a) {
  peri_jw_object(w);
  for (int i = 0; i < 13; i++) {
    peri_jw_key_c(w, sqlite3_column_name(st, i));
    peri_str v = peri_col(st, i);
    if (i == 5)
      v.p ? peri_json_or_text(w, v) : peri_jw_raw(w, PERI_STR("{}"));
    else if (i == 7)
      v.p ? peri_json_or_text(w, v) : peri_jw_raw(w, PERI_STR("[]"));
    else if (i == 9 || i == 10)
      peri_jw_int(w, sqlite3_column_int64(st, i));
    else if (v.p)
      peri_jw_text(w, v);
    else
      peri_jw_null(w);
  }
  peri_jw_key_c(w, "credentials");
  peri_jw_array(w);
  peri_json_fault fault;
  peri_str sealed = peri_col(st, 13);
  peri_json *c = sealed.n ? peri_json_parse(a, sealed, &fault) : NULL;
  if (c && c->type == PERI_J_OBJECT)
    for (peri_json *m = c->first; m; m = m->next) peri_jw_text(w, m->key);
  peri_jw_end_array(w);
  peri_jw_end_object(w);
}

static peri_code list(peri_store *s, const char *where, peri_str what, peri_buf *out, peri_arena *a, int64_t *found, peri_err *e) {
  char sql[512];
  snprintf(sql, sizeof sql, "SELECT " COLUMNS " FROM integrations WHERE deleted_at IS NULL %s ORDER BY name", where);
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  if (!st) return peri_why(e);
  peri_bind(st, what.p ? "t" : "", what);
  peri_jw w;
  peri_jw_init(&w, out);
  if (!what.p) peri_jw_array(&w);
  int rc;
  for (*found = 0; (rc = sqlite3_step(st)) == SQLITE_ROW; (*found)++) put_integration(st, &w, a);
  if (!what.p) peri_jw_end_array(&w);
  peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read the integrations");
  sqlite3_finalize(st);
  return code;
}

peri_code peri_integration_list(peri_store *s, peri_buf *json_array, peri_err *e) {
  peri_store_enter(s);
  peri_arena *a = peri_arena_new();
  int64_t found;
  peri_code code = list(s, "", (peri_str){NULL, 0}, json_array, a, &found, e);
  peri_arena_free(a);
  peri_store_leave(s);
  return code;
}

peri_str peri_near_name(peri_store *s, peri_arena *a, const char *sql, peri_str name, size_t *count) {
  peri_str *names = NULL;
  size_t cap = 0;
  *count = 0;
  sqlite3_stmt *st = peri_prepare(s, sql, NULL);
  while (st && sqlite3_step(st) == SQLITE_ROW) {
    names = peri_arena_grow(a, names, *count, &cap, sizeof *names);
    names[(*count)++] = peri_arena_str(a, peri_col(st, 0));
  }
  sqlite3_finalize(st);
  return peri_suggest(name, names, *count);
}

static peri_code not_found(peri_store *s, peri_str name, peri_err *e) {
  peri_arena *a = peri_arena_new();
  size_t count;
  peri_str near = peri_near_name(s, a, "SELECT name FROM integrations WHERE deleted_at IS NULL ORDER BY name LIMIT 1000", name, &count);
  peri_code code = near.n  ? peri_fail(e, PERI_NOT_FOUND, "there is no integration \"%.*s\"; did you mean \"%.*s\"?", PERI_S(name), PERI_S(near))
                   : count ? peri_fail(e, PERI_NOT_FOUND, "there is no integration \"%.*s\"", PERI_S(name))
                           : peri_fail(e, PERI_NOT_FOUND, "there is no integration \"%.*s\"; none has been added yet", PERI_S(name));
  peri_arena_free(a);
  return code;
}

peri_code peri_integration_get(peri_store *s, peri_arena *a, peri_str name_or_id, peri_json **out, peri_err *e) {
  *out = NULL;
  peri_buf json = {0};
  int64_t found = 0;
  peri_store_enter(s);
  peri_code code = list(s, "AND name = ?1", name_or_id.p ? name_or_id : PERI_STR(""), &json, a, &found, e);
  if (code == PERI_OK && !found) {
    peri_buf_clear(&json);
    code = list(s, "AND id = ?1", name_or_id.p ? name_or_id : PERI_STR(""), &json, a, &found, e);
  }
  if (code == PERI_OK && !found) code = not_found(s, name_or_id, e);
  peri_json_fault fault;
  if (code == PERI_OK && !(*out = peri_json_parse(a, peri_buf_view(&json), &fault)))
    code = peri_fail(e, PERI_INTERNAL, "an integration's row is no JSON: %s", fault.what);
  peri_buf_fini(&json);
  peri_store_leave(s);
  return code;
}

peri_code peri_integration_add(peri_store *s, const peri_new_integration *n, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    int64_t taken;
    code = peri_ask(s, e, &taken, 0, "SELECT 1 FROM integrations WHERE name = ?1 AND deleted_at IS NULL", "t", n->name);
    if (code == PERI_OK && taken) code = peri_fail(e, PERI_EXISTS, "there is an integration named \"%.*s\" already", PERI_S(n->name));
    char now[PERI_ISO_MAX];
    peri_now(now);
    if (code == PERI_OK)
      code = peri_exec(s, e, "add the integration",
                       "INSERT INTO integrations(id, name, type, platform, status, settings, base_url, trusted, credentials, created_at, updated_at, "
                       "secrets_version)"
                       " VALUES(?1,?2,?3,?4,'pending',?5,?6,?7,?8,?9,?9, ?8 IS NOT NULL)",
                       "ttttTTTTc", n->id, n->name, n->type, n->platform.n ? n->platform : n->type, n->settings_json, n->base_url, n->trusted_json,
                       n->credentials_json, now);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}

static peri_code text_of(peri_store *s, peri_arena *a, const char *sql, peri_str id, peri_str *out, bool *found, peri_err *e) {
  *found = false;
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  if (!st) return peri_why(e);
  peri_bind(st, "t", id);
  int rc = sqlite3_step(st);
  if (rc == SQLITE_ROW) {
    *found = true;
    *out = peri_arena_str(a, peri_col(st, 0));
  }
  peri_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read an integration");
  sqlite3_finalize(st);
  return code;
}

#define CREDENTIALS_OF "SELECT coalesce(credentials, '{}') FROM integrations WHERE id = ?1 AND deleted_at IS NULL"

peri_code peri_integration_credentials(peri_store *s, peri_arena *a, peri_str id, peri_json **sealed, peri_err *e) {
  *sealed = NULL;
  peri_str text;
  bool found;
  peri_store_enter(s);
  peri_code code = text_of(s, a, CREDENTIALS_OF, id, &text, &found, e);
  peri_store_leave(s);
  peri_json_fault fault;
  if (code == PERI_OK && !found) return peri_fail(e, PERI_NOT_FOUND, "there is no integration %.*s", PERI_S(id));
  if (code == PERI_OK && !(*sealed = peri_json_parse(a, text, &fault)))
    return peri_fail(e, PERI_INVALID, "the stored credentials are no JSON: %s", fault.what);
  return code;
}

/* Members of `given` replace those of the same name in `old`, at the first level; a given null takes one away. */
static peri_code merge(peri_arena *a, peri_str old, peri_str given, const char *what, peri_buf *out, peri_err *e) {
  peri_json_fault fault;
  peri_json *o = old.n ? peri_json_parse(a, old, &fault) : NULL, *g = peri_json_parse(a, given, &fault);
  if (!g || g->type != PERI_J_OBJECT) return peri_fail(e, PERI_INVALID, "%s must be a JSON object%s%s", what, g ? "" : ": ", g ? "" : fault.what);
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  for (peri_json *m = o && o->type == PERI_J_OBJECT ? o->first : NULL; m; m = m->next)
    if (!peri_json_get_str(g, m->key)) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
  for (peri_json *m = g->first; m; m = m->next)
    if (m->type != PERI_J_NULL) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
  peri_jw_end_object(&w);
  return PERI_OK;
}

peri_code peri_credentials_merge(peri_store *s, peri_str id, peri_str given_json, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_buf merged = {0};
  peri_str old = {NULL, 0};
  bool found;
  char now[PERI_ISO_MAX];
  peri_code code = text_of(s, a, CREDENTIALS_OF, id, &old, &found, e);
  if (code == PERI_OK && !found) code = peri_fail(e, PERI_NOT_FOUND, "there is no integration %.*s", PERI_S(id));
  if (code == PERI_OK) code = merge(a, old, given_json, "credentials", &merged, e);
  if (code == PERI_OK)
    code = peri_exec(s, e, "keep credentials",
                     "UPDATE integrations SET credentials = ?2, secrets_version = secrets_version + 1, updated_at = ?3 WHERE id = ?1", "ttc", id,
                     peri_buf_view(&merged), peri_now(now));
  peri_buf_fini(&merged);
  peri_arena_free(a);
  return code;
}

/* Settings are replaced as a whole, but what a run keeps beside them ("kept") is not the operator's to lose. */
static peri_code set_settings(peri_store *s, peri_arena *a, peri_str id, peri_str settings_json, peri_err *e) {
  peri_json_fault fault;
  peri_str old = {NULL, 0};
  bool found;
  peri_json *given = peri_json_parse(a, settings_json, &fault);
  if (!given || given->type != PERI_J_OBJECT) return peri_fail(e, PERI_INVALID, "settings must be a JSON object");
  peri_code code = text_of(s, a, "SELECT coalesce(settings, '{}') FROM integrations WHERE id = ?1", id, &old, &found, e);
  if (code != PERI_OK) return code;
  peri_json *kept = peri_json_get(peri_json_parse(a, old, &fault), "kept");
  peri_buf out = {0};
  peri_jw w;
  peri_jw_init(&w, &out);
  peri_jw_object(&w);
  for (peri_json *m = given->first; m; m = m->next) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
  if (kept && !peri_json_get(given, "kept")) peri_jw_kv_raw(&w, "kept", kept->raw);
  peri_jw_end_object(&w);
  code = peri_exec(s, e, "change the settings", "UPDATE integrations SET settings = ?2 WHERE id = ?1", "tt", id, peri_buf_view(&out));
  peri_buf_fini(&out);
  return code;
}

peri_code peri_integration_set(peri_store *s, peri_str id, peri_str settings_json, peri_str credentials_json, peri_str base_url,
                               peri_str trusted_json, peri_str status, peri_err *e) {
  char now[PERI_ISO_MAX];
  peri_store_enter(s);
  peri_arena *a = peri_arena_new();
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_exec(
        s, e, "change the integration",
        "UPDATE integrations SET base_url = coalesce(?2, base_url), trusted = coalesce(?3, trusted), status = coalesce(?4, status), updated_at = ?5"
        " WHERE id = ?1 AND deleted_at IS NULL",
        "tTTTc", id, base_url, trusted_json, status, peri_now(now));
    if (code == PERI_OK && sqlite3_changes(s->db) != 1) code = peri_fail(e, PERI_NOT_FOUND, "there is no integration %.*s", PERI_S(id));
    if (code == PERI_OK && settings_json.n) code = set_settings(s, a, id, settings_json, e);
    if (code == PERI_OK && credentials_json.n) code = peri_credentials_merge(s, id, credentials_json, e);
    if (code == PERI_OK && credentials_json.n) /* the operator's own: what was known of the old token's life does not hold for it */
      code = peri_exec(s, e, "forget the old token", "UPDATE integrations SET token = json_remove(token, '$.obtainedMs', '$.lifeMs', '$.refreshing') WHERE id = ?1", "t", id);
    code = peri_tx_end(s, code, e);
  }
  peri_arena_free(a);
  peri_store_leave(s);
  return code;
}

peri_code peri_integration_each_sealed(peri_store *s,
                                       peri_code (*each)(void *self, peri_str id, const peri_json *credentials, peri_buf *changed, peri_err *e),
                                       void *self, int64_t *rewrapped, peri_err *e) {
  *rewrapped = 0;
  peri_arena *a = peri_arena_new();
  peri_buf changed = {0};
  int64_t after = 0;
  peri_code code = PERI_OK;
  peri_store_enter(s);
  for (bool more = true; more && code == PERI_OK;) { /* a transaction a row: a kill leaves each under one key or the other */
    peri_arena_reset(a);
    peri_buf_clear(&changed);
    sqlite3_stmt *st =
        peri_prepare(s, "SELECT seq, id, credentials FROM integrations WHERE seq > ?1 AND credentials IS NOT NULL ORDER BY seq LIMIT 1", e);
    if (!st) {
      code = peri_why(e);
      break;
    }
    peri_bind(st, "i", after);
    more = sqlite3_step(st) == SQLITE_ROW;
    peri_str id = {NULL, 0};
    peri_json *sealed = NULL;
    peri_json_fault fault;
    if (more) {
      after = sqlite3_column_int64(st, 0);
      id = peri_arena_str(a, peri_col(st, 1));
      sealed = peri_json_parse(a, peri_col(st, 2), &fault);
    }
    sqlite3_finalize(st);
    if (!more) break;
    if (!sealed)
      code = peri_fail(e, PERI_INVALID, "the stored credentials of %.*s are no JSON", PERI_S(id));
    else
      code = each(self, id, sealed, &changed, e);
    if (code != PERI_OK || !changed.n || (code = peri_tx_begin(s, e)) != PERI_OK) continue;
    code = peri_tx_end(s,
                       peri_exec(s, e, "keep credentials",
                                 "UPDATE integrations SET credentials = ?2, secrets_version = secrets_version + 1 WHERE id = ?1", "tt", id,
                                 peri_buf_view(&changed)),
                       e);
    if (code == PERI_OK) (*rewrapped)++;
  }
  peri_store_leave(s);
  peri_buf_fini(&changed);
  peri_arena_free(a);
  return code;
}
