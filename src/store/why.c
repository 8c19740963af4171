/* store/why: where a record stands and what brought it: its row, its reject, what a rule left out, each with plan, generation, run and request. Reads only. */
#include "store/report.h"

#include "store/inside.h"

#define BROUGHT                                                                                                                                       \
  " p.hash AS plan, g.hash AS generation, g.seq AS generationSeq, r.id AS run, r.kind AS runKind, r.started_at AS runAt, q.method, q.url, q.page, q.at_ms AS " \
  "askedMs, (SELECT id FROM runs WHERE seq = q.run_seq) AS askedBy"
#define JOINED                                                                                                                                        \
  " JOIN integrations i ON i.id = d.integration_id LEFT JOIN plans p ON p.seq = d.plan_id LEFT JOIN runs r ON r.seq = d.run_seq LEFT JOIN requests q ON " \
  "q.seq = d.request_seq"
#define WHERE " WHERE i.deleted_at IS NULL AND (?1 IS NULL OR i.name = ?1 OR i.id = ?1) AND d.entity_type = ?2 AND "

static const char rows_sql[] =
    "SELECT i.name AS integration, i.type, d.external_id AS id, CASE WHEN d.merged_into IS NOT NULL THEN 'merged' WHEN d.deleted_at IS NOT NULL THEN 'deleted'"
    " WHEN d.is_stale THEN 'stale' ELSE 'live' END AS state, d.deleted_at AS deletedAt, d.deleted_cause AS cause, d.merged_into AS mergedInto, d.data,"
    " coalesce(d.raw, (SELECT o.raw FROM integration_data o WHERE o.integration_id = d.integration_id AND o.entity_type = d.entity_type AND o.record_key ="
    " d.record_key AND o.raw IS NOT NULL LIMIT 1)) AS raw, d.context, " BROUGHT " FROM integration_data d" JOINED " LEFT JOIN generations g ON g.seq = "
    "d.generation_id" WHERE "d.external_id = ?3";
static const char rejects_sql[] = "SELECT i.name AS integration, i.type, d.record_key AS id, CASE d.state WHEN 'open' THEN 'rejected' ELSE d.state END AS state, d.field,"
                                  " d.code, d.message, d.file, d.line, d.value_shown AS value, d.raw AS rawText, d.context, " BROUGHT " FROM rejects d" JOINED
                                  " LEFT JOIN generations g ON g.seq = d.generation_id" WHERE "d.record_key = ?3 AND d.state IN ('open', 'discarded')";
static const char unmapped_sql[] = "SELECT i.name AS integration, i.type, d.record_key AS id, 'left out' AS state, d.raw, d.context, " BROUGHT " FROM unmapped d" JOINED
                                   " LEFT JOIN generations g ON g.seq = r.generation_id" WHERE "d.record_key = ?3";

peri_code peri_report_why(peri_store *s, peri_str name, peri_str entity, peri_str id, peri_buf *json, peri_err *e) {
  static const char *const queries[] = {rows_sql, rejects_sql, unmapped_sql};
  static const char *const letters[] = {"tttttttjjjttitttttiit", "ttttttttittjttitttttiit", "ttttjjttitttttiit"};
  peri_code code = PERI_OK;
  peri_store_enter(s);
  peri_buf_char(json, '[');
  for (int i = 0; i < 3 && code == PERI_OK; i++) {
    peri_buf part = {0};
    sqlite3_stmt *st = peri_prepare(s, queries[i], e);
    if (!st) code = peri_why(e);
    else {
      peri_bind(st, "Ttt", name, entity, id);
      code = peri_rows_json(s, st, letters[i], &part, e);
    }
    if (code == PERI_OK && part.n > 2) {
      if (json->p[json->n - 1] != '[') peri_buf_char(json, ',');
      peri_buf_put(json, part.p + 1, part.n - 2);
    }
    peri_buf_fini(&part);
  }
  peri_buf_char(json, ']');
  peri_store_leave(s);
  return code;
}

peri_code peri_report_generation_files(peri_store *s, int64_t generation, peri_buf *json, peri_err *e) {
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s, "SELECT f.value ->> '$.path' AS path FROM generations g, json_each(g.files) f WHERE g.seq = ?1", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "i", generation);
    code = peri_rows_json(s, st, "t", json, e);
  }
  peri_store_leave(s);
  return code;
}
