/* store/stmts: the statements that are prepared once and kept: those of the page commit and its skip check. */
#ifndef PERI_STORE_STMTS_H
#define PERI_STORE_STMTS_H

#define PERI_FOUND_COLUMNS "seq, source_updated, raw_hash, data_hash, plan_id, is_stale, deleted_cause, record_key, deleted_at"

#define PERI_STMTS(X)                                                                                                                                \
  X(BEGIN, "BEGIN IMMEDIATE")                                                                                                                        \
  X(BEGIN_READ, "BEGIN")                                                                                                                             \
  X(COMMIT, "COMMIT")                                                                                                                                \
  X(FIND, "SELECT " PERI_FOUND_COLUMNS " FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2 AND external_id = ?3")                 \
  X(FIND_RECORD,                                                                                                                                     \
    "SELECT " PERI_FOUND_COLUMNS ", external_id FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2 AND record_key = ?3")           \
  X(ROWS_NOW, "SELECT external_id, data, deleted_at, deleted_cause, record_key IS NOT NULL, source_updated, raw_hash, data_hash,"                      \
              " coalesce(record_key, external_id) = ?3, is_stale FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2"               \
              " AND (external_id = ?3 OR external_id = ?4 OR record_key = ?3)")                                                                      \
  X(HAS_SETS, "SELECT 1 FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2 AND record_key IS NOT NULL LIMIT 1")                    \
  X(INSERT,                                                                                                                                          \
    "INSERT INTO integration_data(integration_id, entity_type, generation_id, wanted_id, run_seq, synced_at, created_at, updated_at, plan_id,"       \
    " id, external_id, source_updated, raw_hash, data_hash, record_key, context, warnings, data, raw, request_seq)"                                  \
    " VALUES(?1,?2,?3,?4,?5,?6,?7,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19)"                                                                 \
    " ON CONFLICT(integration_id, entity_type, external_id) DO NOTHING")                                                                             \
  X(UPDATE, "UPDATE integration_data SET generation_id = ?1, wanted_id = ?2, run_seq = coalesce(?3, run_seq), synced_at = coalesce(?4, synced_at), " \
            "updated_at = ?5, plan_id = ?6,"                                                                                                         \
            " source_updated = ?8, raw_hash = ?9, data_hash = ?10, record_key = ?11, is_stale = 0, deleted_at = NULL, deleted_cause = NULL,"         \
            " merged_into = NULL, context = ?12, warnings = ?13, data = ?14, raw = ?15, request_seq = coalesce(?16, request_seq) WHERE seq = ?7")    \
  X(REWRITE,                                                                                                                                         \
    "UPDATE integration_data SET generation_id = ?1, wanted_id = ?2, run_seq = ?3, synced_at = ?4, updated_at = ?5, plan_id = ?6, is_stale = 0,"     \
    " source_updated = ?8, raw_hash = ?9, data_hash = ?10, context = ?11, warnings = ?12, data = ?13, raw = ?14, request_seq = ?15 WHERE seq = ?7")  \
  X(TOUCH, "UPDATE integration_data SET generation_id = ?1, wanted_id = ?2, run_seq = coalesce(?3, run_seq), synced_at = coalesce(?4, synced_at), "  \
           "plan_id = ?5, source_updated = ?7,"                                                                                                      \
           " raw_hash = ?8, record_key = ?9, context = ?10, warnings = ?11, raw = ?12, request_seq = coalesce(?13, request_seq), is_stale = 0"       \
           " WHERE seq = ?6")                                                                                                                        \
  X(REMAPPED, "UPDATE integration_data SET generation_id = ?1, plan_id = ?2, updated_at = ?3, data_hash = ?5, warnings = ?6, data = ?7,"             \
              " is_stale = ?8, deleted_at = CASE ?9 WHEN 1 THEN NULL ELSE deleted_at END,"                                                           \
              " deleted_cause = CASE ?9 WHEN 1 THEN NULL ELSE deleted_cause END WHERE seq = ?4")                                                     \
  X(REPLANNED, "UPDATE integration_data SET generation_id = ?1, plan_id = ?2, is_stale = ?4, warnings = ?5 WHERE seq = ?3")                          \
  X(STALE, "UPDATE integration_data SET is_stale = 1 WHERE seq = ?1")                                                                                \
  X(UNHEAD, "UPDATE integration_data SET raw = NULL, raw_hash = NULL WHERE seq = ?1")                                                                \
  X(BURY,                                                                                                                                            \
    "UPDATE integration_data SET deleted_at = coalesce(deleted_at, ?2), deleted_cause = ?3, merged_into = coalesce(?4, merged_into),"                \
    " source_updated = ?5, run_seq = coalesce(?6, run_seq), synced_at = coalesce(?7, synced_at), updated_at = ?2, is_stale = 0 WHERE seq = ?1")      \
  X(MERGED_INTO, "SELECT merged_into FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2 AND external_id = ?3 AND deleted_at IS NOT NULL") \
  X(MERGED_ON, "UPDATE integration_data SET merged_into = ?4 WHERE integration_id = ?1 AND entity_type = ?2 AND merged_into = ?3 AND external_id <> ?4") \
  X(RAW_OF, "SELECT raw, context, request_seq FROM integration_data WHERE seq = ?1")                                                                 \
  X(REJECT_FIND,                                                                                                                                     \
    "SELECT seq, state, raw_hash, plan_id, source_updated FROM rejects WHERE integration_id = ?1 AND entity_type = ?2 AND record_key = ?3")          \
  X(REJECT_RAW, "SELECT raw, context, request_seq FROM rejects WHERE seq = ?1")                                                                      \
  X(REJECT_PUT,                                                                                                                                      \
    "INSERT INTO rejects(id, integration_id, entity_type, record_key, external_id, field, code, message, file, line, value_shown, also,"             \
    " source_updated, raw_hash, plan_id, run_seq, created_at, updated_at, context, raw, state, generation_id, request_seq)"                          \
    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?17,?18,?19,?20,?21,?22)"                                                    \
    " ON CONFLICT(integration_id, entity_type, record_key) DO UPDATE SET external_id = excluded.external_id, attempts = attempts + 1,"               \
    " state = excluded.state, generation_id = excluded.generation_id, request_seq = coalesce(excluded.request_seq, request_seq),"                    \
    " field = excluded.field, code = excluded.code, message = excluded.message, file = excluded.file, line = excluded.line,"                         \
    " value_shown = excluded.value_shown, also = excluded.also, source_updated = excluded.source_updated, raw_hash = excluded.raw_hash,"             \
    " plan_id = excluded.plan_id, run_seq = excluded.run_seq, updated_at = excluded.updated_at, context = excluded.context, raw = excluded.raw")     \
  X(REJECT_CLOSE, "UPDATE rejects SET state = ?2, updated_at = ?3 WHERE seq = ?1")                                                                   \
  X(REJECT_SEEN, "UPDATE rejects SET run_seq = ?4 WHERE integration_id = ?1 AND entity_type = ?2 AND record_key = ?3 AND state = 'open'")            \
  X(UNMAPPED_FIND, "SELECT seq, raw_hash, plan_id, source_updated FROM unmapped WHERE integration_id = ?1 AND entity_type = ?2 AND record_key = ?3") \
  X(UNMAPPED_RAW, "SELECT raw, context, request_seq FROM unmapped WHERE seq = ?1")                                                                   \
  X(REQUEST_PUT, "INSERT INTO requests(run_seq, stream, page, method, url, at_ms) VALUES(?1,?2,?3,?4,?5,?6)")                                        \
  X(UNMAPPED_PUT, "INSERT INTO unmapped(integration_id, entity_type, record_key, source_updated, raw_hash, plan_id, run_seq, context, raw,"          \
                  " request_seq) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10) ON CONFLICT(integration_id, entity_type, record_key) DO UPDATE SET"          \
                  " request_seq = coalesce(excluded.request_seq, request_seq),"                                                                      \
                  " source_updated = excluded.source_updated, raw_hash = excluded.raw_hash, plan_id = excluded.plan_id, run_seq = excluded.run_seq," \
                  " context = excluded.context, raw = excluded.raw")                                                                                 \
  X(UNMAPPED_DROP, "DELETE FROM unmapped WHERE integration_id = ?1 AND entity_type = ?2 AND record_key = ?3")                                        \
  X(UNMAPPED_SEEN, "UPDATE unmapped SET run_seq = ?4 WHERE integration_id = ?1 AND entity_type = ?2 AND record_key = ?3")                            \
  X(SWEEP_FIND, "SELECT seq, started_ms, run_seq, first_seq, unproved FROM sweeps WHERE integration_id = ?1 AND stream = ?2")                        \
  X(BITS_GET, "SELECT bits FROM sweep_bits WHERE sweep_seq = ?1 AND chunk = ?2")                                                                     \
  X(BITS_PUT, "INSERT INTO sweep_bits(sweep_seq, chunk, bits) VALUES(?1,?2,?3) ON CONFLICT(sweep_seq, chunk) DO UPDATE SET bits = excluded.bits")    \
  X(CURSOR_PUT,                                                                                                                                      \
    "INSERT INTO cursors(integration_id, entity_type, kind, phase, high, seen_max, phase_started_ms, swept_ms, shape, updated_at, position)"         \
    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT(integration_id, entity_type, kind) DO UPDATE SET phase = excluded.phase,"               \
    " high = excluded.high, seen_max = excluded.seen_max, phase_started_ms = excluded.phase_started_ms, swept_ms = excluded.swept_ms,"               \
    " shape = excluded.shape, updated_at = excluded.updated_at, position = excluded.position")                                                       \
  X(RUN_ADD, "UPDATE runs SET processed = processed + ?2, created = created + ?3, updated = updated + ?4, unchanged = unchanged + ?5,"               \
             " rejected = rejected + ?6, deleted = deleted + ?7, skipped = skipped + ?8, requests = requests + ?9, retries = retries + ?10,"         \
             " bytes = bytes + ?11 WHERE seq = ?1")                                                                                                  \
  X(COUNTS_ADD, "UPDATE integrations SET data_count = coalesce(data_count, 0) + ?2, error_count = coalesce(error_count, 0) + ?3 WHERE id = ?1")

typedef enum peri_stmt_id {
#define X(name, sql) PERI_Q_##name,
  PERI_STMTS(X)
#undef X
      PERI_Q_COUNT
} peri_stmt_id;

#endif
