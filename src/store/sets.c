/* store/sets: one record that gives many rows. The rows share record_key, the first carries the raw bytes and their hash, and a new version of the
 * record replaces the set as a whole: what is no longer in it becomes a tombstone. */
#include "base/map.h"
#include "store/inside.h"

static peri_code leave(peri_work *w, const peri_found *f, int64_t updated, peri_err *e) {
  peri_code code = f->dead ? PERI_OK : peri_row_bury(w, f, "set", updated, (peri_str){NULL, 0}, e);
  /* raw bytes stay with the rows that are left, or remap would see the record twice */
  if (code == PERI_OK && f->has_raw) code = peri_row_mark(w, PERI_Q_UNHEAD, f->seq, e);
  return code;
}

peri_code peri_set_put(peri_work *w, const peri_commit_row *rows, size_t count, peri_err *e) {
  peri_str record = rows[0].record_key;
  peri_found *old;
  size_t old_count;
  peri_code code = peri_record_rows(w, record, &old, &old_count, e);
  if (code != PERI_OK) return code;
  bool older = false;
  for (size_t i = 0; i < old_count; i++) older = older || (!old[i].dead && peri_older(rows[0].updated, old[i].updated));
  if (older) {
    w->n.unchanged += (int64_t)count;
    for (size_t i = 0; i < old_count; i++)
      if (!old[i].dead) peri_work_seen(w, old[i].seq);
    return PERI_OK;
  }
  peri_map keys;
  peri_map_init(&keys, w->arena);
  bool headed = false;
  for (size_t i = 0; i < count && code == PERI_OK; i++) {
    peri_put how;
    if (!peri_map_put(&keys, rows[i].key, &keys)) { /* the same key twice in one record: the first counts */
      w->n.unchanged++;
      continue;
    }
    peri_commit_row row = rows[i];
    if (!headed) { /* any row may carry the record, as long as it is one */
      row.raw = rows[0].raw;
      row.context = rows[0].context;
    }
    code = peri_row_put(w, &row, !headed, true, &how, e);
    headed = true;
  }
  for (size_t i = 0; i < old_count && code == PERI_OK; i++)
    if (!peri_map_has(&keys, old[i].external)) code = leave(w, &old[i], rows[0].updated, e);
  w->has_sets = true;
  return code;
}

peri_code peri_set_leave(peri_work *w, peri_str record_key, peri_str except, peri_err *e) {
  peri_found *old;
  size_t count;
  peri_code code = peri_record_rows(w, record_key, &old, &count, e);
  for (size_t i = 0; i < count && code == PERI_OK; i++)
    if (!peri_str_eq(old[i].external, except)) code = leave(w, &old[i], INT64_MIN, e);
  return code;
}
