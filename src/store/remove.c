/* store/remove: taking an integration away. Its credentials go at once; its rows in portions, so that a million of them do not make one log of
 * gigabytes. A kill in between is finished by the next start (status 'removing'). */
#include "store/catalog.h"
#include "store/inside.h"

#define PORTION "5000"

static const char *const parts[] = {
    "DELETE FROM integration_data WHERE seq IN (SELECT seq FROM integration_data WHERE integration_id = ?1 LIMIT " PORTION ")",
    "DELETE FROM rejects WHERE seq IN (SELECT seq FROM rejects WHERE integration_id = ?1 LIMIT " PORTION ")",
    "DELETE FROM unmapped WHERE seq IN (SELECT seq FROM unmapped WHERE integration_id = ?1 LIMIT " PORTION ")",
};
static const char *const rest[] = {
    "DELETE FROM sweep_bits WHERE sweep_seq IN (SELECT seq FROM sweeps WHERE integration_id = ?1)",
    "DELETE FROM sweeps WHERE integration_id = ?1",
    "DELETE FROM question_rows WHERE question_seq IN (SELECT seq FROM questions WHERE integration_id = ?1)",
    "DELETE FROM questions WHERE integration_id = ?1",
    "DELETE FROM drift WHERE integration_id = ?1",
    "DELETE FROM cursors WHERE integration_id = ?1",
    "DELETE FROM discovered WHERE integration_id = ?1",
    "DELETE FROM etags WHERE integration_id = ?1",
    "UPDATE integrations SET status = 'removed', data_count = 0, error_count = 0 WHERE id = ?1",
};

static peri_code finish_one(peri_store *s, peri_str id, int64_t *rows, peri_err *e) {
  peri_code code = PERI_OK;
  for (size_t i = 0; i < sizeof parts / sizeof *parts && code == PERI_OK; i++) {
    int64_t gone = 1;
    while (gone && (code = peri_tx_begin(s, e)) == PERI_OK) {
      code = peri_exec(s, e, "remove rows", parts[i], "t", id);
      gone = sqlite3_changes64(s->db);
      if ((code = peri_tx_end(s, code, e)) != PERI_OK) break;
      if (i == 0) *rows += gone;
    }
  }
  if (code != PERI_OK || (code = peri_tx_begin(s, e)) != PERI_OK) return code;
  for (size_t i = 0; i < sizeof rest / sizeof *rest && code == PERI_OK; i++) code = peri_exec(s, e, "remove an integration", rest[i], "t", id);
  return peri_tx_end(s, code, e);
}

peri_code peri_removed_finish(peri_store *s, peri_str integration_id, int64_t *rows, peri_err *e) {
  *rows = 0;
  peri_recent_forget(s);
  if (integration_id.p) return finish_one(s, integration_id, rows, e);
  peri_arena *a = peri_arena_new();
  peri_str *ids = NULL;
  size_t count = 0, cap = 0;
  sqlite3_stmt *st = peri_prepare(s, "SELECT id FROM integrations WHERE status = 'removing'", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  while (st && sqlite3_step(st) == SQLITE_ROW) {
    ids = peri_arena_grow(a, ids, count, &cap, sizeof *ids);
    ids[count++] = peri_arena_str(a, peri_col(st, 0));
  }
  sqlite3_finalize(st);
  for (size_t i = 0; i < count && code == PERI_OK; i++) code = finish_one(s, ids[i], rows, e);
  peri_arena_free(a);
  return code;
}

peri_code peri_integration_remove(peri_store *s, peri_str id, bool keep_data, int64_t *rows, peri_err *e) {
  char now[PERI_ISO_MAX];
  *rows = 0;
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_exec(s, e, "remove the integration",
                     "UPDATE integrations SET deleted_at = ?2, updated_at = ?2, credentials = NULL, trusted = NULL, secrets_version = "
                     "secrets_version + 1, status = ?3"
                     " WHERE id = ?1 AND deleted_at IS NULL",
                     "tcc", id, peri_now(now), keep_data ? "removed" : "removing");
    if (code == PERI_OK && sqlite3_changes(s->db) != 1) code = peri_fail(e, PERI_NOT_FOUND, "there is no integration %.*s", PERI_S(id));
    code = peri_tx_end(s, code, e);
  }
  if (code == PERI_OK && keep_data)
    code = peri_ask(s, e, rows, 0, "SELECT data_count FROM integrations WHERE id = ?1", "t", id);
  else if (code == PERI_OK)
    code = peri_removed_finish(s, id, rows, e);
  peri_store_leave(s);
  return code;
}
