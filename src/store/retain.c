/* store/retain: what need not be kept for ever, and a recount of what is kept in step. Bounded work per call: the next run goes on.
 * Refuses to let an open reject go: its record waits to be replayed. */
#include <stdio.h>
#include <stdlib.h>

#include "store/catalog.h"
#include "store/inside.h"

#define AT_ONCE "2000"
#define ETAGS_MAX "10000"
#define REMAPS_KEPT "3" /* of an entity of an integration: as many can be taken back, one after the other */

/* A remap that can't be taken back any more, for the sake of its age or of later ones, and what was kept aside for it: a slice of that a call, since the
 * whole may be as many rows as there are. Bytes whose row a sync wrote since are nobody's, too. */
static peri_code retain_remaps(peri_store *s, const char *before, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_str text = {0};
  int64_t from, to = 0;
  peri_code code = peri_exec(s, e, "let old remaps go",
                             "DELETE FROM remaps WHERE seq IN (SELECT seq FROM (SELECT seq, run_seq, undone, row_number() OVER (PARTITION BY integration_id, entity_type"
                             " ORDER BY undone, seq DESC) AS place FROM remaps) m WHERE undone OR place > " REMAPS_KEPT
                             " OR NOT EXISTS (SELECT 1 FROM runs r WHERE r.seq = m.run_seq AND r.started_at >= ?1) LIMIT " AT_ONCE ")",
                             "c", before);
  if (code == PERI_OK) code = peri_meta_get(s, a, "undo slice", &text, e);
  from = text.n ? strtoll(text.p, NULL, 10) : 0;
  peri_arena_free(a);
  if (code == PERI_OK)
    code = peri_ask(s, e, &to, 0, "SELECT max(row_seq) FROM (SELECT row_seq FROM remap_undo WHERE row_seq > ?1 ORDER BY row_seq LIMIT " AT_ONCE ")", "i", from);
  if (code != PERI_OK || (!to && !from)) return code;
  if (to)
    code = peri_exec(s, e, "let what a remap replaced go",
                     "DELETE FROM remap_undo WHERE row_seq > ?1 AND row_seq <= ?2 AND NOT EXISTS (SELECT 1 FROM integration_data d JOIN remaps m"
                     " ON m.integration_id = d.integration_id AND m.entity_type = d.entity_type AND m.undone = 0 AND m.run_seq <= remap_undo.run_seq"
                     " WHERE d.seq = remap_undo.row_seq AND d.run_seq IS remap_undo.was_run_seq)",
                     "ii", from, to);
  if (code != PERI_OK) return code;
  return peri_exec(s, e, "note a slice", "INSERT INTO meta(key, value) VALUES('note.undo slice', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value", "i", to);
}

peri_code peri_store_retain(peri_store *s, peri_err *e) {
  int64_t runs_before = peri_now_ms() - (int64_t)PERI_RUNS_DAYS_MAX * 86400000;
  char rejects[512], before[PERI_ISO_MAX];
  snprintf(rejects, sizeof rejects,
           "DELETE FROM rejects WHERE seq IN (SELECT seq FROM (SELECT seq, state, row_number() OVER (PARTITION BY integration_id, entity_type ORDER "
           "BY state = 'open' DESC, updated_at DESC)"
           " AS place FROM rejects) WHERE place > %d AND state <> 'open' LIMIT " AT_ONCE ")",
           PERI_REJECTS_PER_STREAM_MAX);
  peri_iso(runs_before, before);
  peri_store_enter(s);
  int64_t many;
  peri_code code = peri_ask(s, e, &many, 0, "SELECT count(*) FROM rejects", "");
  if (code == PERI_OK) code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    if (many > PERI_REJECTS_PER_STREAM_MAX) code = peri_exec(s, e, "let old rejects go", rejects, "");
    /* an integration's last run stays, however old: status shows it */
    if (code == PERI_OK)
      code = peri_exec(s, e, "let old runs go",
                       "DELETE FROM runs WHERE seq IN (SELECT seq FROM runs r WHERE started_ms < ?1 AND status <> 'running'"
                       " AND seq <> (SELECT max(seq) FROM runs WHERE integration_id = r.integration_id) LIMIT " AT_ONCE ")",
                       "i", runs_before);
    if (code == PERI_OK)
      code = peri_exec(s, e, "let old entity tags go", "DELETE FROM etags WHERE seq <= (SELECT max(seq) - " ETAGS_MAX " FROM etags)", "");
    /* a sweep that nobody has gone on with for as long as runs are kept */
    if (code == PERI_OK)
      code = peri_exec(s, e, "let old sweeps go",
                       "DELETE FROM sweep_bits WHERE sweep_seq IN (SELECT seq FROM sweeps WHERE run_seq < (SELECT min(seq) FROM runs))", "");
    if (code == PERI_OK) code = peri_exec(s, e, "let old sweeps go", "DELETE FROM sweeps WHERE run_seq < (SELECT min(seq) FROM runs)", "");
    /* what was discarded is known by its hash as long as it may come again; its bytes are kept as long as runs are */
    if (code == PERI_OK)
      code = peri_exec(s, e, "let discarded bytes go",
                       "UPDATE rejects SET raw = NULL WHERE seq IN (SELECT seq FROM rejects WHERE state = 'discarded' AND updated_at < ?1 AND raw IS NOT NULL LIMIT " AT_ONCE ")",
                       "c", before);
    if (code == PERI_OK) code = retain_remaps(s, before, e);
    if (code == PERI_OK) code = peri_requests_retain(s, e);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_store_recount(peri_store *s, peri_str integration_id, int64_t *rows, int64_t *rejects, bool *equal, peri_err *e) {
  int64_t kept_rows = 0, kept_rejects = 0;
  peri_store_enter(s);
  peri_code code =
      peri_ask(s, e, rows, 0, "SELECT count(*) FROM integration_data WHERE integration_id = ?1 AND deleted_at IS NULL", "t", integration_id);
  if (code == PERI_OK)
    code = peri_ask(s, e, rejects, 0, "SELECT count(*) FROM rejects WHERE integration_id = ?1 AND state = 'open'", "t", integration_id);
  if (code == PERI_OK) code = peri_ask(s, e, &kept_rows, -1, "SELECT coalesce(data_count, 0) FROM integrations WHERE id = ?1", "t", integration_id);
  if (code == PERI_OK)
    code = peri_ask(s, e, &kept_rejects, -1, "SELECT coalesce(error_count, 0) FROM integrations WHERE id = ?1", "t", integration_id);
  *equal = code == PERI_OK && *rows == kept_rows && *rejects == kept_rejects;
  peri_store_leave(s);
  return code;
}
