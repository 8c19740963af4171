/* store/rejects: records that did not become rows: rejected (with the reason) or left out by a rule (kept, so that remap finds them).
 * Refuses to keep two rejects for one record: the newest version's is the one that counts. */
#include "store/inside.h"

peri_str peri_record_key(peri_work *w, const peri_commit_row *r) {
  if (r->record_key.n) return r->record_key;
  if (r->key.n) return r->key;
  static const char hex[] = "0123456789abcdef";
  char *p = peri_arena_bytes(w->arena, 33); /* no readable id: its bytes name it */
  p[0] = '#';
  for (int i = 0; i < 16; i++) {
    p[1 + 2 * i] = hex[r->raw_hash[i] >> 4];
    p[2 + 2 * i] = hex[r->raw_hash[i] & 15];
  }
  return (peri_str){p, 33};
}

typedef struct peri_open_reject {
  int64_t seq, updated;
  bool open, discarded;
  uint8_t raw_hash[16];
} peri_open_reject;

static peri_code find(peri_work *w, peri_str key, peri_open_reject *r, peri_err *e) {
  *r = (peri_open_reject){.updated = INT64_MIN};
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_REJECT_FIND, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ttt", w->commit->integration_id, w->entity, key);
  int rc = sqlite3_step(st);
  if (rc == SQLITE_ROW) {
    r->seq = sqlite3_column_int64(st, 0);
    r->updated = peri_col_int(st, 4, INT64_MIN);
    r->open = peri_str_is(peri_col(st, 1), "open");
    r->discarded = peri_str_is(peri_col(st, 1), "discarded");
    if (sqlite3_column_bytes(st, 2) == 16) memcpy(r->raw_hash, sqlite3_column_blob(st, 2), 16);
  }
  peri_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(w->s, e, "look a reject up");
  sqlite3_reset(st);
  return code;
}

static peri_code forget_unmapped(peri_work *w, peri_str key, peri_err *e) {
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_UNMAPPED_DROP, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ttt", w->commit->integration_id, w->entity, key);
  return peri_done(w->s, st, e, "forget a record that was left out");
}

static peri_code close_reject(peri_work *w, const peri_open_reject *r, const char *state, peri_err *e) {
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_REJECT_CLOSE, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ict", r->seq, state, w->now);
  if (r->open) w->error_delta--;
  return peri_done(w->s, st, e, "close a reject");
}

static peri_code stale(peri_work *w, const peri_found *rows, size_t count, peri_err *e) {
  peri_code code = PERI_OK;
  for (size_t i = 0; i < count && code == PERI_OK; i++) {
    if (rows[i].dead) continue;
    if (!rows[i].stale) code = peri_row_mark(w, PERI_Q_STALE, rows[i].seq, e);
    peri_work_seen(w, rows[i].seq);
  }
  return code;
}

peri_code peri_settle(peri_work *w, peri_str record_key, const char *state, int64_t updated, peri_err *e) {
  if (!peri_maybe_has(w->s, w->commit->integration_id, w->entity, record_key)) return PERI_OK;
  peri_open_reject r;
  peri_code code = find(w, record_key, &r, e);
  if (code == PERI_OK && (r.open || r.discarded)) {
    if (peri_older(updated, r.updated)) { /* a late page with the version before the one that failed */
      peri_found *rows;
      size_t count;
      code = peri_record_rows(w, record_key, &rows, &count, e);
      return code == PERI_OK ? stale(w, rows, count, e) : code;
    }
    code = close_reject(w, &r, state, e);
  }
  return code == PERI_OK ? forget_unmapped(w, record_key, e) : code;
}

static bool newer_is_stored(const peri_found *rows, size_t count, int64_t updated) {
  for (size_t i = 0; i < count; i++)
    if (peri_older(updated, rows[i].updated) ||
        (rows[i].dead && updated != INT64_MIN && updated == rows[i].updated && strcmp(rows[i].cause, "api") == 0))
      return true;
  return false;
}

peri_code peri_reject_put(peri_work *w, const peri_commit_row *r, peri_err *e) {
  peri_str key = peri_record_key(w, r), integration = w->commit->integration_id;
  peri_found *rows;
  size_t count;
  peri_open_reject before;
  peri_code code = peri_record_rows(w, key, &rows, &count, e);
  if (code == PERI_OK) code = find(w, key, &before, e);
  if (code != PERI_OK) return code;
  if (!w->remap && (newer_is_stored(rows, count, r->updated) || (before.open && peri_older(r->updated, before.updated)))) {
    w->n.unchanged++;
    for (size_t i = 0; i < count; i++)
      if (!rows[i].dead) peri_work_seen(w, rows[i].seq);
    return PERI_OK;
  }
  if ((code = stale(w, rows, count, e)) != PERI_OK) return code;
  if (peri_maybe_has(w->s, integration, w->entity, key) && (code = forget_unmapped(w, key, e)) != PERI_OK) return code;
  peri_json *j = peri_json_parse(w->arena, r->reject_json, &(peri_json_fault){0});
  peri_str also = {NULL, 0}, why = peri_json_get_text(j, "code"), message = peri_json_get_text(j, "message"), shown = peri_json_get_text(j, "value");
  if (peri_json_get(j, "also") && peri_json_get(j, "also")->type == PERI_J_ARRAY) also = peri_json_get(j, "also")->raw;
  char id[PERI_UUID_TEXT];
  peri_uuid7(id);
  bool stays = before.discarded && memcmp(before.raw_hash, r->raw_hash, 16) == 0; /* nobody wants to hear of these bytes again */
  if (peri_work_request(w, e)) return peri_why(e);
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_REJECT_PUT, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ctttTTttTITTIhIitTXcII", id, integration, w->entity, key, r->key, peri_json_get_text(j, "field"),
            why.n ? why : PERI_STR("script_error"), message, peri_json_get_text(j, "file"), peri_json_get_int(j, "line", INT64_MIN), shown, also,
            r->updated, r->raw_hash, w->plan_id, w->commit->run_seq, w->now, r->context, r->raw, stays ? "discarded" : "open", w->generation_id,
            w->request_seq);
  if ((code = peri_done(w->s, st, e, "write a reject")) != PERI_OK) return code;
  peri_maybe_add(w->s, integration, w->entity, key);
  if (stays) {
    w->n.unchanged++;
    return PERI_OK;
  }
  if (!before.open) w->error_delta++;
  w->n.rejected++;
  return PERI_OK;
}

peri_code peri_unmapped_put(peri_work *w, const peri_commit_row *r, peri_err *e) {
  peri_str key = peri_record_key(w, r), integration = w->commit->integration_id;
  peri_found *rows;
  size_t count;
  peri_open_reject reject;
  peri_code code = peri_record_rows(w, key, &rows, &count, e);
  if (code == PERI_OK) code = find(w, key, &reject, e);
  if (code != PERI_OK) return code;
  if (!w->remap && (newer_is_stored(rows, count, r->updated) || (reject.open && peri_older(r->updated, reject.updated)))) {
    w->n.unchanged++;
    return PERI_OK;
  }
  int64_t deleted = w->n.deleted;
  for (size_t i = 0; i < count && code == PERI_OK; i++)
    if (!rows[i].dead) code = peri_row_bury(w, &rows[i], "skip", r->updated, (peri_str){NULL, 0}, e);
  if (w->n.deleted == deleted) w->n.skipped++; /* otherwise it is counted as what it did */
  if (code == PERI_OK && (reject.open || reject.discarded)) code = close_reject(w, &reject, "closed", e);
  if (code == PERI_OK) code = peri_work_request(w, e);
  sqlite3_stmt *st = code == PERI_OK ? peri_stmt(w->s, PERI_Q_UNMAPPED_PUT, e) : NULL;
  if (!st) return code == PERI_OK ? peri_why(e) : code;
  peri_bind(st, "tttIhIiTTI", integration, w->entity, key, r->updated, r->raw_hash, w->plan_id, w->commit->run_seq, r->context, r->raw,
            w->request_seq);
  peri_maybe_add(w->s, integration, w->entity, key);
  return peri_done(w->s, st, e, "keep a record that was left out");
}

/* ---- by people, and by a changed mapping ---- */

peri_code peri_store_discard(peri_store *s, peri_str integration_id, const peri_reject_filter *filter, int64_t *count, peri_err *e) {
  char now[PERI_ISO_MAX];
  peri_store_enter(s);
  *count = 0;
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = peri_exec(s, e, "discard rejects",
                     "UPDATE rejects SET state = 'discarded', updated_at = ?5 WHERE integration_id = ?1 AND state = 'open'"
                     " AND (?2 IS NULL OR entity_type = ?2) AND (?3 IS NULL OR code = ?3) AND (?4 IS NULL OR field = ?4)",
                     "tTTTc", integration_id, filter->entity, filter->code, filter->field, peri_now(now));
    if (code == PERI_OK) *count = sqlite3_changes(s->db);
    if (code == PERI_OK)
      code = peri_exec(s, e, "count", "UPDATE integrations SET error_count = coalesce(error_count, 0) - ?2 WHERE id = ?1", "ti", integration_id, *count);
    code = peri_tx_end(s, code, e);
  }
  if (code != PERI_OK) *count = 0;
  peri_store_leave(s);
  return code;
}

peri_code peri_store_replay_due(peri_store *s, peri_str integration_id, peri_str entity, peri_str plan_hash, int64_t *count, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_ask(s, e, count, 0,
                            "SELECT count(*) FROM rejects WHERE integration_id = ?1 AND state = 'open' AND entity_type = ?2 AND raw IS NOT NULL AND plan_id"
                            " IS NOT (SELECT p.seq FROM plans p JOIN integrations i ON i.type = p.type WHERE i.id = ?1 AND p.entity = ?2 AND p.hash = ?3)",
                            "ttt", integration_id, entity, plan_hash);
  peri_store_leave(s);
  return code;
}
