/* store/rollback: what lets a remap be taken back: by which files the rows were made before, those files' text, and the few rows whose bytes a
 * remap replaced. Refuses to guess: a row that a sync wrote since is nobody's to take back. */
#include "store/inside.h"

#define COLUMNS "generation_id, wanted_id, run_seq, plan_id, request_seq, source_updated, raw_hash, data_hash, synced_at, updated_at, context, warnings, data, raw"
#define WAS                                                                                                                                          \
  "was_generation_id, was_wanted_id, was_run_seq, was_plan_id, was_request_seq, was_source_updated, was_raw_hash, was_data_hash, was_synced_at,"      \
  " was_updated_at, was_context, was_warnings, was_data, was_raw"

peri_code peri_undo_keep(peri_work *w, int64_t row_seq, peri_err *e) {
  return peri_exec(w->s, e, "keep a row", "INSERT OR REPLACE INTO remap_undo(row_seq, run_seq, " WAS ") SELECT seq, ?2, " COLUMNS " FROM integration_data WHERE seq = ?1",
                   "ii", row_seq, w->commit->run_seq);
}

/* Its newer version was left out, which took the row of the older one with it. */
static peri_code come_back(peri_work *w, const peri_found *f, peri_err *e) {
  if (strcmp(f->cause, "skip") != 0) return PERI_OK;
  w->data_delta++;
  return peri_exec(w->s, e, "take a row back", "UPDATE integration_data SET deleted_at = NULL, deleted_cause = NULL, is_stale = 1, updated_at = ?2 WHERE seq = ?1", "it", f->seq, w->now);
}

peri_code peri_undo_row(peri_work *w, const peri_found *f, bool left_out, peri_err *e) {
  int64_t made = 0;
  if (f->dead) return left_out ? come_back(w, f, e) : PERI_OK;
  peri_code code = peri_exec(w->s, e, "take a row back",
                             "UPDATE integration_data SET (" COLUMNS ") = (SELECT " WAS " FROM remap_undo WHERE row_seq = ?1)"
                             " WHERE seq = ?1 AND plan_id IS NOT ?2 AND EXISTS (SELECT 1 FROM remap_undo u WHERE u.row_seq = ?1 AND u.was_run_seq = integration_data.run_seq)",
                             "iI", f->seq, w->plan_id);
  if (code != PERI_OK) return code;
  if (sqlite3_changes(w->s->db)) return peri_exec(w->s, e, "take a row back", "DELETE FROM remap_undo WHERE row_seq = ?1", "i", f->seq);
  code = peri_ask(w->s, e, &made, 0,
                  "SELECT 1 FROM integration_data d JOIN runs r ON r.seq = d.run_seq WHERE d.seq = ?1 AND d.plan_id IS NOT ?2 AND r.kind IN ('remap', 'replay')", "iI", f->seq,
                  w->plan_id);
  return code == PERI_OK && made ? peri_row_bury(w, f, "rollback", INT64_MIN, (peri_str){NULL, 0}, e) : code;
}

peri_code peri_store_remap_note(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str entity, peri_str path, peri_str generation, peri_str plan_hash, peri_err *e) {
  int64_t from = INT64_MIN, to = INT64_MIN, plan = INT64_MIN;
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_generation_id(s, generation, &to, e);
    if (code == PERI_OK) code = peri_plan_id(s, integration_id, entity, plan_hash, &plan, e);
    if (code == PERI_OK)
      code = peri_ask(s, e, &from, INT64_MIN, "SELECT max(generation_id) FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2 AND plan_id <> ?3 AND data_hash IS NOT NULL", "ttI",
                      integration_id, entity, plan);
    if (code == PERI_OK && from != INT64_MIN && from != to)
      code = peri_exec(s, e, "note a remap",
                       "INSERT INTO remaps(run_seq, integration_id, entity_type, path, from_generation, to_generation) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
                       " WHERE NOT EXISTS (SELECT 1 FROM remaps WHERE seq = (SELECT max(seq) FROM remaps WHERE integration_id = ?2 AND entity_type = ?3 AND undone = 0)"
                       " AND from_generation = ?5 AND to_generation = ?6)",
                       "itttii", run_seq, integration_id, entity, path, from, to);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}

#define OF " FROM remaps m JOIN integrations i ON i.id = m.integration_id WHERE i.type = ?1 AND m.entity_type = ?2 AND (?3 IS NULL OR i.name = ?3) AND i.deleted_at IS NULL"

peri_code peri_store_remap_last(peri_store *s, peri_arena *a, peri_str type, peri_str entity, peri_str integration, peri_remapped *out, peri_err *e) {
  *out = (peri_remapped){0};
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s, "SELECT m.seq, m.path, m.from_generation, m.to_generation, (SELECT started_at FROM runs WHERE seq = m.run_seq)" OF " AND m.undone = 0 ORDER BY m.seq DESC LIMIT 1", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "ttT", type, entity, integration);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
      *out = (peri_remapped){.seq = sqlite3_column_int64(st, 0), .path = peri_arena_str(a, peri_col(st, 1)), .from_generation = sqlite3_column_int64(st, 2), .to_generation = sqlite3_column_int64(st, 3), .at = peri_arena_str(a, peri_col(st, 4))};
    else if (rc == SQLITE_DONE)
      code = peri_fail(e, PERI_NOT_FOUND, "there is no remap of %.*s/%.*s to take back (the last three are kept, for %d days)", PERI_S(type), PERI_S(entity), PERI_RUNS_DAYS_MAX);
    else
      code = peri_sql_fail(s, e, "read the remaps");
  }
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}

peri_code peri_store_remap_undone(peri_store *s, peri_str type, peri_str entity, peri_str integration, const peri_remapped *r, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_exec(s, e, "note a rollback", "UPDATE remaps SET undone = 1 WHERE seq IN (SELECT m.seq" OF " AND m.from_generation = ?4 AND m.to_generation = ?5)", "ttTii", type, entity, integration,
                     r->from_generation, r->to_generation);
    code = peri_tx_end(s, code, e);
  }
  peri_store_leave(s);
  return code;
}

peri_code peri_store_generation_file(peri_store *s, peri_arena *a, int64_t generation, peri_str path, peri_str *bytes, bool *found, peri_err *e) {
  *found = false;
  *bytes = (peri_str){"", 0};
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT b.bytes FROM generations g, json_each(g.files) f JOIN blobs b ON b.hash = f.value ->> '$.hash' WHERE g.seq = ?1 AND f.value ->> '$.path' = ?2", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "it", generation, path);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
      *found = true;
      const char *p = sqlite3_column_blob(st, 0);
      *bytes = peri_arena_str(a, (peri_str){p ? p : "", (size_t)sqlite3_column_bytes(st, 0)});
    } else if (rc != SQLITE_DONE)
      code = peri_sql_fail(s, e, "read an earlier file");
  }
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}
