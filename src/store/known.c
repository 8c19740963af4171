/* store/known: which records of a page are stored already, with the same bytes and by the same plan. Look-ups by the unique index, no row is touched
 * past its hashes. Refuses to call a record the same if mapping it again would change anything: a stale row, a tombstone that it would lift. */
#include "store/inside.h"

typedef struct peri_look {
  peri_store *s;
  peri_str integration_id, entity;
  int64_t plan_id;
  bool has_sets;
  uint64_t scope;
} peri_look;

/* `hash` and `plan` are columns of the statement's row. */
static void compare(sqlite3_stmt *st, int hash, int plan, const peri_look *l, const uint8_t raw_hash[16], bool *raw, bool *same) {
  if (sqlite3_column_bytes(st, hash) != 16 || memcmp(sqlite3_column_blob(st, hash), raw_hash, 16) != 0) return;
  *raw = true;
  *same = *same || peri_col_int(st, plan, INT64_MIN) == l->plan_id;
}

static peri_code look(const peri_look *l, peri_str key, const uint8_t raw_hash[16], peri_known *k, bool *raw, bool *same, peri_err *e) {
  const peri_stmt_id which[] = {PERI_Q_FIND, PERI_Q_FIND_RECORD, PERI_Q_REJECT_FIND, PERI_Q_UNMAPPED_FIND};
  bool maybe = peri_maybe_has(l->s, l->integration_id, l->entity, key);
  *raw = *same = false;
  for (int i = 0; i < 4; i++) {
    if ((i == 1 && !l->has_sets) || (i >= 2 && !maybe)) continue;
    sqlite3_stmt *st = peri_stmt(l->s, which[i], e);
    if (!st) return peri_why(e);
    peri_bind(st, "ttt", l->integration_id, l->entity, key);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
      if (i == 0 && sqlite3_column_type(st, 7) != SQLITE_NULL) continue; /* a row of some record's set that is called alike */
      if (i >= 2) {
        if (i == 2 && !peri_str_is(peri_col(st, 1), "open") && !peri_str_is(peri_col(st, 1), "discarded")) continue;
        k->exists = true;
        compare(st, i == 2 ? 2 : 1, i == 2 ? 3 : 2, l, raw_hash, raw, same);
        continue;
      }
      bool dead = sqlite3_column_type(st, 8) != SQLITE_NULL;
      k->exists = true;
      if (i == 0) {
        peri_found f;
        peri_found_read(st, &f, NULL); /* no record_key: nothing to copy */
        peri_recent_put(l->s, l->scope, key, &f);
      }
      if (i == 0 || !dead) k->deleted = k->deleted || dead;
      k->merged = k->merged || (i == 0 && dead && peri_str_is(peri_col(st, 6), "merge"));
      if (sqlite3_column_int(st, 5)) continue; /* stale: the good version coming back must close the reject */
      bool stays =
          dead && sqlite3_column_type(st, 1) != SQLITE_NULL && (peri_str_is(peri_col(st, 6), "api") || peri_str_is(peri_col(st, 6), "merge"));
      if (!dead || stays) compare(st, 2, 4, l, raw_hash, raw, same);
    }
    peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(l->s, e, "look records up");
    sqlite3_reset(st);
    if (code != PERI_OK) return code;
  }
  return PERI_OK;
}

static peri_code aim(peri_look *l, peri_str plan_hash, peri_err *e) {
  peri_code code = peri_plan_id(l->s, l->integration_id, l->entity, plan_hash, &l->plan_id, e);
  if (code != PERI_OK) return code;
  /* a plan that never wrote anything matches no row; records without a plan match rows without one */
  if (plan_hash.n && l->plan_id == INT64_MIN) l->plan_id = -1;
  sqlite3_stmt *st = peri_stmt(l->s, PERI_Q_HAS_SETS, e);
  if (!st) return peri_why(e);
  peri_bind(st, "tt", l->integration_id, l->entity);
  int rc = sqlite3_step(st);
  l->has_sets = rc == SQLITE_ROW;
  code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(l->s, e, "look for sets");
  sqlite3_reset(st);
  return code;
}

peri_code peri_store_known(peri_store *s, peri_str integration_id, const peri_str *entities, const peri_str *plan_hashes, size_t entity_count,
                           const peri_str *keys, const uint8_t (*raw_hashes)[16], size_t count, peri_known *out, peri_err *e) {
  peri_store_enter(s);
  for (size_t i = 0; i < count; i++) out[i] = (peri_known){false, entity_count > 0, entity_count > 0, false, false};
  bool mine = !s->in_tx; /* one read transaction for the page: each look-up by itself would lock and unlock the log */
  sqlite3_stmt *st = mine ? peri_stmt(s, PERI_Q_BEGIN_READ, e) : NULL;
  peri_code code = !mine ? PERI_OK : st ? peri_done(s, st, e, "begin to read") : peri_why(e);
  if (code == PERI_OK) code = peri_maybe_load(s, e);
  for (size_t n = 0; n < entity_count && code == PERI_OK; n++) {
    peri_look l = {s, integration_id, entities[n], INT64_MIN, false, peri_recent_scope(s, integration_id, entities[n])};
    code = aim(&l, plan_hashes[n], e);
    for (size_t i = 0; i < count && code == PERI_OK; i++) {
      bool raw, same;
      code = look(&l, keys[i], raw_hashes[i], &out[i], &raw, &same, e);
      out[i].same_raw = out[i].same_raw && raw;
      out[i].same_plan = out[i].same_plan && same;
    }
  }
  if (mine && !sqlite3_get_autocommit(s->db) && (st = peri_stmt(s, PERI_Q_COMMIT, NULL))) peri_done(s, st, NULL, "end reading");
  peri_store_leave(s);
  return code;
}

/* ---- parents of `each` ---- */

peri_code peri_store_parents(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, int64_t after_seq, int64_t changed_since_run_seq,
                             bool dead, size_t limit, peri_parent **out, size_t *count, peri_err *e) {
  *out = NULL;
  *count = 0;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  dead ? "SELECT seq, coalesce(record_key, external_id), NULL, NULL FROM integration_data INDEXED BY integration_data_dead"
                                         " WHERE integration_id = ?1 AND entity_type = ?2 AND seq > ?3 AND deleted_at IS NOT NULL AND run_seq > ?4 ORDER BY seq LIMIT ?5"
                                       : "SELECT seq, coalesce(record_key, external_id), raw, context FROM integration_data"
                                  " WHERE +integration_id = ?1 AND +entity_type = ?2 AND seq > ?3 AND deleted_at IS NULL AND raw IS NOT NULL AND "
                                  "run_seq > ?4 ORDER BY seq LIMIT ?5",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  size_t cap = 0;
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "ttiii", integration_id, entity, after_seq, changed_since_run_seq, (int64_t)limit);
  while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    (*out)[(*count)++] = (peri_parent){sqlite3_column_int64(st, 0), peri_arena_str(a, peri_col(st, 1)), peri_arena_str(a, peri_col(st, 2)),
                                       peri_arena_str(a, peri_col(st, 3))};
  }
  if (st && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read parents");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}
