/* store/drift: see the header. Forgets the oldest settled changes of a stream, never one that waits. */
#include "store/drift.h"

#include "base/limits.h"
#include "json/json.h"
#include "store/inside.h"

#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n

peri_code peri_drift_unsettled(peri_store *s, peri_arena *a, peri_str integration_id, peri_str stream, peri_drift_row **out, size_t *count, peri_err *e) {
  size_t cap = 0;
  *out = NULL;
  *count = 0;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT seq, stream, field, what, state, was, now FROM drift WHERE integration_id = ?1 AND (?2 = '' OR stream = ?2)"
                                  " AND state IN ('asked', 'frozen', 'declined') ORDER BY seq",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "tt", integration_id, stream.p ? stream : PERI_STR(""));
  while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    peri_drift_row *d = &(*out)[(*count)++];
    *d = (peri_drift_row){.seq = sqlite3_column_int64(st, 0)};
    peri_str *texts[] = {&d->stream, &d->field, &d->what, &d->state, &d->was, &d->now};
    for (int i = 0; i < 6; i++) *texts[i] = peri_arena_str(a, peri_col(st, i + 1));
  }
  if (st && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read what changed");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}

static peri_code put_row(peri_store *s, peri_str integration_id, peri_str stream, const peri_drift_row *d, const char *now, peri_err *e) {
  bool settled = peri_str_is(d->state, "taken") || peri_str_is(d->state, "over") || peri_str_is(d->state, "declined");
  if (d->seq)
    return peri_exec(s, e, "keep what changed", "UPDATE drift SET state = ?2, settled_at = ?3 WHERE seq = ?1", "itc", d->seq, d->state, settled ? now : NULL);
  return peri_exec(s, e, "keep what changed", "INSERT INTO drift(integration_id, stream, field, what, state, found_at, settled_at, was, now) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
                   "tttttccTT", integration_id, stream, d->field, d->what, d->state, now, settled ? now : NULL, d->was, d->now);
}

peri_code peri_drift_write(peri_store *s, peri_str integration_id, peri_str stream, peri_str fields_json, int64_t at_ms, const peri_drift_row *rows, size_t count,
                           peri_err *e) {
  char now[PERI_ISO_MAX];
  peri_now(now);
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code != PERI_OK) goto done;
  code = peri_exec(s, e, "keep what was discovered",
                   "INSERT INTO discovered(integration_id, stream, fields, at_ms) VALUES(?1,?2,?3,max(?4, 0))"
                   " ON CONFLICT(integration_id, stream) DO UPDATE SET at_ms = CASE WHEN ?4 < 0 THEN at_ms ELSE ?4 END, fields = excluded.fields",
                   "ttti", integration_id, stream, fields_json, at_ms);
  for (size_t i = 0; i < count && code == PERI_OK; i++) code = put_row(s, integration_id, stream, &rows[i], now, e);
  if (code == PERI_OK && count)
    code = peri_exec(s, e, "let old changes go",
                     "DELETE FROM drift WHERE integration_id = ?1 AND stream = ?2 AND state IN ('taken', 'over') AND seq <= (SELECT seq FROM drift"
                     " WHERE integration_id = ?1 AND stream = ?2 AND state IN ('taken', 'over') ORDER BY seq DESC LIMIT 1 OFFSET " TEXT_OF(PERI_DRIFT_PER_STREAM_MAX) ")",
                     "tt", integration_id, stream);
  code = peri_tx_end(s, code, e);
done:
  peri_store_leave(s);
  return code;
}

peri_code peri_drift_last(peri_store *s, int64_t *seq, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_ask(s, e, seq, 0, "SELECT max(seq) FROM drift", "");
  peri_store_leave(s);
  return code;
}

peri_code peri_drift_found_by(peri_store *s, peri_str integration_id, int64_t since_seq, int64_t run_seq, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK)
    code = peri_tx_end(s, peri_exec(s, e, "keep what changed", "UPDATE drift SET run_seq = ?3 WHERE integration_id = ?1 AND seq > ?2 AND run_seq IS NULL", "tii", integration_id, since_seq, run_seq), e);
  peri_store_leave(s);
  return code;
}

peri_code peri_drift_list(peri_store *s, peri_str name, peri_str state, int limit, peri_buf *json, peri_err *e) {
  peri_store_enter(s);
  int64_t known = 1;
  peri_code code = name.n ? peri_ask(s, e, &known, 0, "SELECT count(*) FROM integrations WHERE (name = ?1 OR id = ?1) AND status NOT IN ('removed', 'removing')", "t", name) : PERI_OK;
  if (code == PERI_OK && !known) code = peri_fail(e, PERI_NOT_FOUND, "there is no integration \"%.*s\"; see perilune list", PERI_S(name));
  sqlite3_stmt *st = code ? NULL
                          : peri_prepare(s,
                                         "SELECT d.seq AS id, i.name AS integration, i.type, d.found_at AS \"when\", r.id AS runId, d.stream, d.field, d.what, d.state,"
                                         " d.settled_at AS settledAt, d.was, d.now FROM drift d JOIN integrations i ON i.id = d.integration_id"
                                         " LEFT JOIN runs r ON r.seq = d.run_seq WHERE (?1 = '' OR i.name = ?1 OR i.id = ?1) AND i.status NOT IN ('removed', 'removing')"
                                         " AND (?2 = '' OR d.state = ?2) ORDER BY d.seq DESC LIMIT ?3",
                                         e);
  if (!code && !st) code = peri_why(e);
  if (st) {
    peri_bind(st, "tti", name.p ? name : PERI_STR(""), state.p ? state : PERI_STR(""), (int64_t)limit);
    code = peri_rows_json(s, st, "ittttttttt" "jj", json, e);
  }
  peri_store_leave(s);
  return code;
}
