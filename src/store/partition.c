/* store/partition: partitions ("each": the children of one parent) that were read to their end. Their keys begin with the parent's prefix, so the
 * unique index gives what is stored of each; what was not read is gone. Refuses to look outside the prefixes, and to take away more than a share
 * in one visit without asking. */
#include <stdlib.h>

#include "store/inside.h"

static int by_text(const void *a, const void *b) { return peri_str_cmp(*(const peri_str *)a, *(const peri_str *)b); }

typedef struct peri_part {
  peri_store *s;
  sqlite3_stmt *rows;
  peri_str integration_id, entity;
  peri_str *keys;
  size_t key_count; /* sorted */
  int64_t *gone;
  size_t gone_count, gone_cap;
  int64_t question; /* open, or INT64_MIN: what was read is not missing any more */
  peri_visit_guard *guard;
} peri_part;

static peri_code look(peri_part *p, peri_str prefix, peri_err *e) {
  peri_bind(p->rows, "ttt", p->integration_id, p->entity, prefix);
  int rc;
  while ((rc = sqlite3_step(p->rows)) == SQLITE_ROW) {
    peri_str key = peri_col(p->rows, 1);
    if (!peri_str_starts(key, prefix)) break;
    if (p->key_count && bsearch(&key, p->keys, p->key_count, sizeof *p->keys, by_text)) {
      if (p->question != INT64_MIN) {
        peri_code code = peri_exec(p->s, e, "take a row out of a question", "DELETE FROM question_rows WHERE question_seq = ?1 AND row_seq = ?2", "ii",
                                   p->question, sqlite3_column_int64(p->rows, 0));
        if (code != PERI_OK) return code;
      }
      continue;
    }
    if (!sqlite3_column_int(p->rows, 2)) continue;
    p->gone = peri_arena_grow(p->s->scratch, p->gone, p->gone_count, &p->gone_cap, sizeof *p->gone);
    p->gone[p->gone_count++] = sqlite3_column_int64(p->rows, 0);
  }
  peri_code code = rc == SQLITE_DONE || rc == SQLITE_ROW ? PERI_OK : peri_sql_fail(p->s, e, "read a partition");
  sqlite3_reset(p->rows);
  return code;
}

peri_code peri_close_rejects(peri_store *s, const int64_t *rows, size_t count, int64_t *closed, peri_err *e) {
  char now[PERI_ISO_MAX];
  peri_now(now);
  sqlite3_stmt *st = peri_prepare(s,
                                  "UPDATE rejects SET state = 'gone', updated_at = ?2 WHERE state = 'open' AND (integration_id, entity_type, record_key) ="
                                  " (SELECT integration_id, entity_type, coalesce(record_key, external_id) FROM integration_data WHERE seq = ?1)",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  for (size_t i = 0; i < count && code == PERI_OK; i++) {
    peri_bind(st, "ic", rows[i], now);
    code = peri_done(s, st, e, "close rejects");
    *closed += sqlite3_changes64(s->db);
  }
  sqlite3_finalize(st);
  return code;
}

static peri_code end(peri_part *p, int64_t run_seq, peri_str stream, const peri_str *prefixes, size_t prefix_count, peri_err *e) {
  peri_visit_guard *g = p->guard;
  int64_t closed = 0;
  p->rows = peri_prepare(p->s,
                         "SELECT seq, external_id, deleted_at IS NULL FROM integration_data"
                         " WHERE integration_id = ?1 AND entity_type = ?2 AND external_id >= ?3 ORDER BY external_id",
                         e);
  peri_code code = p->rows ? PERI_OK : peri_why(e);
  if (code == PERI_OK && g && g->fresh) code = peri_question_end(p->s, p->integration_id, stream, "replaced", e);
  if (code == PERI_OK) code = peri_question_open(p->s, p->integration_id, stream, &p->question, e);
  for (size_t i = 0; i < prefix_count && code == PERI_OK; i++)
    if (prefixes[i].n) code = look(p, prefixes[i], e); /* an empty prefix would be the whole entity */
  sqlite3_finalize(p->rows);
  if (code != PERI_OK) return code;
  if (g && p->gone_count && (g->asked || peri_too_many(g->gone + (int64_t)p->gone_count, g->live, g->share_percent))) {
    peri_asking q = {p->integration_id, stream, &p->entity, 1, run_seq, run_seq, g->live, "partition", true};
    g->asked = true;
    code = peri_question_ask(p->s, &q, p->gone, p->gone_count, e);
    p->gone_count = 0;
    return code;
  }
  if (g) g->gone += (int64_t)p->gone_count;
  code = peri_close_rejects(p->s, p->gone, p->gone_count, &closed, e);
  if (code == PERI_OK) code = peri_bury_all(p->s, p->gone, p->gone_count, run_seq, "partition", e);
  return code == PERI_OK ? peri_count_gone(p->s, run_seq, p->integration_id, (int64_t)p->gone_count, closed, e) : code;
}

peri_code peri_store_live(peri_store *s, peri_str integration_id, peri_str entity, int64_t *rows, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_ask(s, e, rows, 0,
                            "SELECT (SELECT count(*) FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2)"
                            " - (SELECT count(*) FROM integration_data WHERE integration_id = ?1 AND entity_type = ?2 AND deleted_at IS NOT NULL)",
                            "tt", integration_id, entity);
  peri_store_leave(s);
  return code;
}

peri_code peri_store_partition_end(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str stream, peri_str entity,
                                   const peri_str *prefixes, size_t prefix_count, const peri_str *keys, size_t key_count, peri_str cursor_kind,
                                   const peri_cursor *cursor, peri_visit_guard *guard, int64_t *deleted, peri_err *e) {
  peri_visit_guard before = guard ? *guard : (peri_visit_guard){0};
  *deleted = 0;
  peri_store_enter(s);
  peri_recent_forget(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    peri_arena_reset(s->scratch);
    peri_part p = {.s = s, .integration_id = integration_id, .entity = entity, .key_count = key_count, .guard = guard, .question = INT64_MIN};
    p.keys = peri_arena_take(s->scratch, (key_count ? key_count : 1) * sizeof *p.keys);
    if (key_count) memcpy(p.keys, keys, key_count * sizeof *keys);
    qsort(p.keys, key_count, sizeof *p.keys, by_text);
    code = end(&p, run_seq, stream, prefixes, prefix_count, e);
    if (code == PERI_OK && cursor) code = peri_cursor_put(s, integration_id, stream, cursor_kind, cursor, e);
    code = peri_tx_end(s, code, e);
    if (code == PERI_OK) *deleted = (int64_t)p.gone_count;
    else if (guard) *guard = before;
  }
  peri_store_leave(s);
  return code;
}
