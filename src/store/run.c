/* store/run: a run's row, from its opening to its outcome. What a page adds to its counters comes with the page (commit.c). */
#include "store/inside.h"

peri_code peri_run_open(peri_store *s, peri_str integration_id, const char *kind, peri_str entities_json, peri_str generation, int64_t *run_seq,
                        char run_id[40], peri_err *e) {
  char id[PERI_UUID_TEXT], now[PERI_ISO_MAX];
  peri_uuid7(id);
  int64_t now_ms = peri_now_ms(), generation_id = INT64_MIN;
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_generation_id(s, generation, &generation_id, e);
    if (code == PERI_OK)
      code = peri_exec(s, e, "open a run",
                       "INSERT INTO runs(id, integration_id, kind, status, generation_id, started_at, started_ms, entities) "
                       "VALUES(?1,?2,?3,'running',?4,?5,?6,?7)",
                       "ctcIciT", id, integration_id, kind, generation_id, peri_iso(now_ms, now), now_ms, entities_json);
    if (code == PERI_OK) *run_seq = sqlite3_last_insert_rowid(s->db);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  if (code == PERI_OK) memcpy(run_id, id, PERI_UUID_TEXT);
  return code;
}

/* What the outcome means for the integration. A pause is the operator's word and stays; remap and replay say nothing about the connection. */
static peri_code tell_integration(peri_store *s, int64_t run_seq, const char *status, peri_code error_code, const char *now, peri_err *e) {
  const char *next = strcmp(status, "ok") == 0         ? "active"
                     : strcmp(status, "failed") != 0   ? NULL
                     : error_code == PERI_NEEDS_REAUTH ? "needs_reauth"
                                                       : "error";
  return peri_exec(s, e, "note the outcome",
                   "UPDATE integrations SET updated_at = ?2,"
                   " status = CASE WHEN ?3 IS NULL OR status IN ('paused', 'removing', 'removed') THEN status ELSE ?3 END,"
                   " last_sync = CASE WHEN ?4 = 'ok' AND (SELECT kind FROM runs WHERE seq = ?1) NOT IN ('check', 'backfill') THEN ?2 ELSE last_sync END"
                   " WHERE id = (SELECT integration_id FROM runs WHERE seq = ?1 AND kind NOT IN ('remap', 'replay'))",
                   "iccc", run_seq, now, next, status);
}

peri_code peri_run_close(peri_store *s, int64_t run_seq, const char *status, const peri_counters *c, peri_str entities_json, peri_code error_code,
                         peri_str error_text, peri_err *e) {
  char now[PERI_ISO_MAX];
  int64_t now_ms = peri_now_ms();
  peri_iso(now_ms, now);
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_exec(s, e, "close a run",
                     "UPDATE runs SET status = ?2, finished_at = ?3, finished_ms = ?4, error_code = ?5, error_message = ?6, entities = coalesce(?7, "
                     "entities) WHERE seq = ?1",
                     "icciTTT", run_seq, status, now, now_ms, error_code == PERI_OK ? (peri_str){NULL, 0} : peri_str_of(peri_code_name(error_code)),
                     error_text, entities_json);
    if (code == PERI_OK && c)
      code = peri_exec(s, e, "close a run",
                       "UPDATE runs SET processed = ?2, created = ?3, updated = ?4, unchanged = ?5, rejected = ?6, deleted = ?7, skipped = ?8, "
                       "requests = ?9, retries = ?10, bytes = ?11"
                       " WHERE seq = ?1",
                       "iiiiiiiiiii", run_seq, c->processed, c->created, c->updated, c->unchanged, c->rejected, c->deleted, c->skipped, c->requests,
                       c->retries, c->bytes);
    if (code == PERI_OK) code = tell_integration(s, run_seq, status, error_code, now, e);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}
