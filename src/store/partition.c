/* store/partition: partitions ("each": the children of one parent) that were read to their end. Their keys begin with the parent's prefix, so the
 * unique index gives what is stored of each; what was not read is gone. Refuses to look outside the prefixes. */
#include <stdlib.h>

#include "store/inside.h"

static int by_text(const void *a, const void *b) { return peri_str_cmp(*(const peri_str *)a, *(const peri_str *)b); }

typedef struct peri_part {
  peri_store *s;
  sqlite3_stmt *rows, *reject;
  peri_str integration_id, entity;
  peri_str *keys;
  size_t key_count; /* sorted */
  int64_t *gone;
  size_t gone_count, gone_cap;
  int64_t closed;
} peri_part;

static peri_code look(peri_part *p, peri_str prefix, peri_err *e) {
  peri_bind(p->rows, "ttt", p->integration_id, p->entity, prefix);
  int rc;
  while ((rc = sqlite3_step(p->rows)) == SQLITE_ROW) {
    peri_str key = peri_col(p->rows, 1);
    if (!peri_str_starts(key, prefix)) break;
    if (p->key_count && bsearch(&key, p->keys, p->key_count, sizeof *p->keys, by_text)) continue;
    if (!sqlite3_column_int(p->rows, 2)) continue;
    p->gone = peri_arena_grow(p->s->scratch, p->gone, p->gone_count, &p->gone_cap, sizeof *p->gone);
    p->gone[p->gone_count++] = sqlite3_column_int64(p->rows, 0);
  }
  peri_code code = rc == SQLITE_DONE || rc == SQLITE_ROW ? PERI_OK : peri_sql_fail(p->s, e, "read a partition");
  sqlite3_reset(p->rows);
  return code;
}

static peri_code close_rejects(peri_part *p, const char *now, peri_err *e) {
  peri_code code = PERI_OK;
  for (size_t i = 0; i < p->gone_count && code == PERI_OK; i++) {
    peri_bind(p->reject, "ic", p->gone[i], now);
    code = peri_done(p->s, p->reject, e, "close rejects");
    p->closed += sqlite3_changes64(p->s->db);
  }
  return code;
}

static peri_code end(peri_part *p, int64_t run_seq, const peri_str *prefixes, size_t prefix_count, peri_err *e) {
  p->rows = peri_prepare(p->s,
                         "SELECT seq, external_id, deleted_at IS NULL FROM integration_data"
                         " WHERE integration_id = ?1 AND entity_type = ?2 AND external_id >= ?3 ORDER BY external_id",
                         e);
  p->reject =
      p->rows ? peri_prepare(p->s,
                             "UPDATE rejects SET state = 'gone', updated_at = ?2 WHERE state = 'open' AND (integration_id, entity_type, record_key) ="
                             " (SELECT integration_id, entity_type, coalesce(record_key, external_id) FROM integration_data WHERE seq = ?1)",
                             e)
              : NULL;
  peri_code code = p->reject ? PERI_OK : peri_why(e);
  char now[PERI_ISO_MAX];
  peri_now(now);
  for (size_t i = 0; i < prefix_count && code == PERI_OK; i++)
    if (prefixes[i].n) code = look(p, prefixes[i], e); /* an empty prefix would be the whole entity */
  if (code == PERI_OK) code = close_rejects(p, now, e);
  sqlite3_finalize(p->rows);
  sqlite3_finalize(p->reject);
  if (code == PERI_OK) code = peri_bury_all(p->s, p->gone, p->gone_count, run_seq, "partition", e);
  return code == PERI_OK ? peri_count_gone(p->s, run_seq, p->integration_id, (int64_t)p->gone_count, p->closed, e) : code;
}

peri_code peri_store_partition_end(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str stream, peri_str entity,
                                   const peri_str *prefixes, size_t prefix_count, const peri_str *keys, size_t key_count, peri_str cursor_kind,
                                   const peri_cursor *cursor, int64_t *deleted, peri_err *e) {
  *deleted = 0;
  peri_store_enter(s);
  peri_recent_forget(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    peri_arena_reset(s->scratch);
    peri_part p = {.s = s, .integration_id = integration_id, .entity = entity, .key_count = key_count};
    p.keys = peri_arena_take(s->scratch, (key_count ? key_count : 1) * sizeof *p.keys);
    if (key_count) memcpy(p.keys, keys, key_count * sizeof *keys);
    qsort(p.keys, key_count, sizeof *p.keys, by_text);
    code = end(&p, run_seq, prefixes, prefix_count, e);
    if (code == PERI_OK && cursor) code = peri_cursor_put(s, integration_id, stream, cursor_kind, cursor, e);
    code = peri_tx_end(s, code, e);
    if (code == PERI_OK) *deleted = (int64_t)p.gone_count;
  }
  peri_store_leave(s);
  return code;
}
