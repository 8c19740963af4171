/* store/report: what `status runs rejects list` ask. Each answer is one JSON text; lists have a limit. */
#include "store/report.h"

#include <stdio.h>

#include "store/catalog.h"
#include "store/drift.h"
#include "store/question.h"
#include "store/inside.h"
#include "json/json.h"

#define ASKED_MOST 100 /* changes of fields that wait for an answer, in a report */

#define LIMIT_MAX 100000
static int64_t bounded(int limit) { return limit > 0 && limit < LIMIT_MAX ? limit : LIMIT_MAX; }

#define RUN_COLUMNS                                                                                                                                  \
  "r.id AS run_id, i.name AS integration, r.kind, r.status, r.started_at, r.finished_at,"                                                            \
  " coalesce(r.finished_ms, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) - r.started_ms AS duration, r.processed, r.created, "        \
  "r.updated, r.unchanged, r.rejected,"                                                                                                              \
  " r.deleted, r.skipped, r.requests, r.retries, r.bytes, r.error_code, r.error_message, g.hash AS generation, r.entities"
#define RUN_LETTERS "ttttttiiiiiiiiiiitttj"
#define RUN_FROM " FROM runs r JOIN integrations i ON i.id = r.integration_id LEFT JOIN generations g ON g.seq = r.generation_id "

static peri_code known_name(peri_store *s, peri_str name, peri_err *e) {
  if (!name.n) return PERI_OK;
  peri_arena *a = peri_arena_new();
  peri_json *one;
  peri_code code = peri_integration_get(s, a, name, &one, e);
  peri_arena_free(a);
  return code;
}

/* ?1 to ?3 texts (NULL if empty), ?4 the limit, ?5 after which seq; a query takes what it names. */
static peri_code array(peri_store *s, const char *sql, const char *letters, peri_buf *json, peri_err *e, peri_str a, peri_str b, peri_str c,
                       int64_t limit, int64_t after) {
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  if (!st) return peri_why(e);
  peri_bind(st, "TTTii", a, b, c, limit, after);
  return peri_rows_json(s, st, letters, json, e);
}

static peri_code object_or_null(peri_store *s, peri_jw *w, const char *sql, const char *letters, peri_str id, peri_err *e) {
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  if (!st) return peri_why(e);
  peri_bind(st, "t", id);
  int rc = sqlite3_step(st);
  if (rc == SQLITE_ROW)
    peri_row_json(st, letters, w);
  else
    peri_jw_null(w);
  peri_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read the runs");
  sqlite3_finalize(st);
  return code;
}

/* Streams: everything that has rows, rejects or a cursor. Names are found by steps through the unique index, rows counted by indexes alone. */
static peri_code streams(peri_store *s, peri_jw *w, peri_str id, peri_err *e) {
  static const char sql[] =
      "WITH RECURSIVE entities(t) AS (SELECT min(entity_type) FROM integration_data WHERE integration_id = ?1 UNION ALL"
      " SELECT (SELECT min(entity_type) FROM integration_data WHERE integration_id = ?1 AND entity_type > t) FROM entities WHERE t IS NOT NULL),"
      " names(stream) AS (SELECT entity_type FROM cursors WHERE integration_id = ?1 UNION SELECT entity_type FROM rejects WHERE integration_id = ?1"
      " UNION SELECT t FROM entities WHERE t IS NOT NULL)"
      " SELECT n.stream, coalesce(c.phase, 'none') AS phase,"
      " (SELECT count(*) FROM integration_data d WHERE d.integration_id = ?1 AND d.entity_type = n.stream)"
      " - (SELECT count(*) FROM integration_data d WHERE d.integration_id = ?1 AND d.entity_type = n.stream AND d.deleted_at IS NOT NULL) AS rows,"
      " (SELECT count(*) FROM rejects r WHERE r.integration_id = ?1 AND r.entity_type = n.stream AND r.state = 'open') AS rejects,"
      " c.high, c.position FROM names n LEFT JOIN cursors c ON c.integration_id = ?1 AND c.entity_type = n.stream AND c.kind = 'main' ORDER BY "
      "n.stream";
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  if (!st) return peri_why(e);
  peri_bind(st, "t", id);
  peri_jw_array(w);
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) peri_row_json(st, "ttiiij", w);
  peri_jw_end_array(w);
  peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read the streams");
  sqlite3_finalize(st);
  return code;
}

static peri_code put_questions(peri_store *s, peri_jw *w, peri_str id, bool of_fields, peri_err *e) {
  peri_buf list = {0};
  peri_code code = of_fields ? peri_drift_list(s, id, PERI_STR("asked"), ASKED_MOST, &list, e) : peri_question_list(s, id, &list, e);
  if (code == PERI_OK) peri_jw_raw(w, peri_buf_view(&list));
  peri_buf_fini(&list);
  return code;
}

peri_code peri_report_status(peri_store *s, peri_str name, peri_buf *json, peri_err *e) {
  peri_store_enter(s);
  peri_code code = known_name(s, name, e);
  sqlite3_stmt *st =
      code == PERI_OK ? peri_prepare(s,
                                     "SELECT id, name, type, status, last_sync, coalesce(data_count, 0), coalesce(error_count, 0) FROM integrations"
                                     " WHERE deleted_at IS NULL AND (?1 IS NULL OR name = ?1 OR id = ?1) ORDER BY name",
                                     e)
                      : NULL;
  if (code == PERI_OK && !st) code = peri_why(e);
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_array(&w);
  if (st) peri_bind(st, "T", name);
  int rc = SQLITE_DONE;
  while (st && code == PERI_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    peri_str id = peri_col(st, 0);
    peri_jw_object(&w);
    static const char *const keys[] = {"id", "name", "type", "status", "last_sync"};
    for (int i = 0; i < 5; i++) {
      peri_jw_key_c(&w, keys[i]);
      if (sqlite3_column_type(st, i) == SQLITE_NULL)
        peri_jw_null(&w);
      else
        peri_jw_text(&w, peri_col(st, i));
    }
    peri_jw_kv_int(&w, "data_count", sqlite3_column_int64(st, 5));
    peri_jw_kv_int(&w, "error_count", sqlite3_column_int64(st, 6));
    peri_jw_key_c(&w, "running");
    code = object_or_null(s, &w, "SELECT " RUN_COLUMNS RUN_FROM "WHERE r.integration_id = ?1 AND r.status = 'running' ORDER BY r.seq DESC LIMIT 1",
                          RUN_LETTERS, id, e);
    peri_jw_key_c(&w, "last_run");
    if (code == PERI_OK)
      code = object_or_null(s, &w, "SELECT " RUN_COLUMNS RUN_FROM "WHERE r.integration_id = ?1 AND r.status <> 'running' ORDER BY r.seq DESC LIMIT 1",
                            RUN_LETTERS, id, e);
    peri_jw_key_c(&w, "streams");
    if (code == PERI_OK) code = streams(s, &w, id, e);
    peri_jw_key_c(&w, "questions");
    if (code == PERI_OK) code = put_questions(s, &w, id, false, e);
    peri_jw_key_c(&w, "drift");
    if (code == PERI_OK) code = put_questions(s, &w, id, true, e);
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
  if (code == PERI_OK && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read the integrations");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}

peri_code peri_report_runs(peri_store *s, peri_str name, int limit, peri_buf *json, peri_err *e) {
  peri_store_enter(s);
  peri_code code = known_name(s, name, e);
  if (code == PERI_OK)
    code = array(
        s, "SELECT " RUN_COLUMNS RUN_FROM "WHERE ?1 IS NULL OR (i.deleted_at IS NULL AND (i.name = ?1 OR i.id = ?1)) ORDER BY r.seq DESC LIMIT ?4",
        RUN_LETTERS, json, e, name, (peri_str){NULL, 0}, (peri_str){NULL, 0}, bounded(limit), 0);
  peri_store_leave(s);
  return code;
}

#define REJECT_FROM                                                                                                                                  \
  " FROM rejects r JOIN integrations i ON i.id = r.integration_id LEFT JOIN generations g ON g.seq = r.generation_id LEFT JOIN runs u ON u.seq = "    \
  "r.run_seq WHERE i.deleted_at IS NULL AND (?1 IS NULL OR i.name = ?1 OR i.id = ?1) AND (?2 IS NULL OR r.entity_type = ?2)"                          \
  " AND (?3 IS NULL OR r.code = ?3) AND (?4 IS NULL OR r.field = ?4)"

static peri_code rejects(peri_store *s, const char *sql, const char *letters, peri_buf *json, peri_str name, const peri_reject_filter *f, int64_t limit,
                         int64_t after, peri_err *e) {
  peri_store_enter(s);
  peri_code code = known_name(s, name, e);
  sqlite3_stmt *st = code == PERI_OK ? peri_prepare(s, sql, e) : NULL;
  if (st) {
    peri_bind(st, "TTTTii", name, f->entity, f->code, f->field, limit, after);
    code = peri_rows_json(s, st, letters, json, e);
  } else if (code == PERI_OK)
    code = peri_why(e);
  peri_store_leave(s);
  return code;
}

peri_code peri_report_rejects(peri_store *s, peri_str name, const peri_reject_filter *filter, int limit, int64_t after_seq, peri_buf *json, peri_err *e) {
  return rejects(s,
                 "SELECT r.seq, r.id, i.name AS integration, r.external_id AS externalId, r.entity_type AS entity, r.field, r.code, r.message, "
                 "r.file, r.line, r.value_shown AS value, r.also, r.attempts, g.hash AS generation, u.id AS run, r.created_at, r.updated_at" REJECT_FROM
                 " AND r.state = 'open' AND r.seq > ?6 ORDER BY r.seq LIMIT ?5",
                 "ittttttttitjitttt", json, name, filter, bounded(limit), after_seq, e);
}

peri_code peri_report_reject_counts(peri_store *s, peri_str name, const peri_reject_filter *filter, peri_buf *json, peri_err *e) {
  return rejects(s,
                 "SELECT r.entity_type AS entity, r.code, r.field, r.message, count(*) AS count" REJECT_FROM
                 " AND r.state = 'open' GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, 1, 2, 3, 4 LIMIT 1000",
                 "tttti", json, name, filter, 0, 0, e);
}

peri_code peri_report_discarded(peri_store *s, peri_str name, const peri_reject_filter *f, int64_t *count, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_ask(s, e, count, 0, "SELECT count(*)" REJECT_FROM " AND r.state = 'discarded'", "TTTT", name, f->entity, f->code, f->field);
  peri_store_leave(s);
  return code;
}

peri_code peri_report_registry(peri_store *s, peri_buf *json, peri_err *e) {
  peri_store_enter(s);
  peri_code code = array(s,
                         "SELECT id, name, type, platform, description, category, is_popular, is_active, capabilities, required_fields, "
                         "optional_fields, icon, documentation_url,"
                         " created_at, updated_at FROM integration_registry ORDER BY is_popular DESC, name",
                         "ttttttbbjjjtttt", json, e, (peri_str){NULL, 0}, (peri_str){NULL, 0}, (peri_str){NULL, 0}, 0, 0);
  peri_store_leave(s);
  return code;
}

peri_code peri_report_rows(peri_store *s, peri_str name, peri_str entity, int limit, peri_buf *json, peri_err *e) {
  peri_store_enter(s);
  peri_code code = known_name(s, name, e);
  if (code == PERI_OK)
    code =
        array(s,
              "SELECT d.id, i.name AS integration, d.entity_type AS entity, d.external_id, d.synced_at, d.updated_at, d.is_stale, d.warnings, d.data"
              " FROM integrations i CROSS JOIN integration_data d ON d.integration_id = i.id WHERE d.deleted_at IS NULL AND (?1 IS NULL OR ((i.name "
              "= ?1 OR i.id = ?1) AND i.deleted_at IS NULL))"
              " AND (?2 IS NULL OR d.entity_type = ?2) LIMIT ?4",
              "ttttttbjj", json, e, name, entity, (peri_str){NULL, 0}, bounded(limit), 0);
  peri_store_leave(s);
  return code;
}
