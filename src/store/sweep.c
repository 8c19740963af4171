/* store/sweep: what a complete listing did not show is gone. Seen rows are bits by seq, so that unchanged rows are not written; what was written
 * since the sweep began needs no bit. A sweep belongs to (integration, stream) and outlives its run, because a killed listing is resumed. Refuses to
 * delete more than a share (and 20 or more) by itself: that becomes a question (question.c). */
#include <stdlib.h>

#include "base/map.h"
#include "store/inside.h"
#include "store/question.h"

#define CHUNK 8192
#define CHUNK_BYTES (CHUNK / 8)

typedef struct peri_sweep {
  int64_t seq, started_ms, run_seq, first_seq;
  bool unproved;
} peri_sweep;

static peri_code head_get(peri_store *s, peri_str integration_id, peri_str stream, peri_sweep *h, peri_err *e) {
  *h = (peri_sweep){INT64_MIN, -1, 0, 0, false};
  sqlite3_stmt *st = peri_stmt(s, PERI_Q_SWEEP_FIND, e);
  if (!st) return peri_why(e);
  peri_bind(st, "tt", integration_id, stream);
  int rc = sqlite3_step(st);
  if (rc == SQLITE_ROW)
    *h = (peri_sweep){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3),
                      sqlite3_column_int(st, 4) != 0};
  peri_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "look a sweep up");
  sqlite3_reset(st);
  return code;
}

static peri_code head_drop(peri_store *s, int64_t seq, peri_err *e) {
  peri_code code = peri_exec(s, e, "end a sweep", "DELETE FROM sweep_bits WHERE sweep_seq = ?1", "i", seq);
  return code == PERI_OK ? peri_exec(s, e, "end a sweep", "DELETE FROM sweeps WHERE seq = ?1", "i", seq) : code;
}

/* The sweep that this commit belongs to; another start of the phase begins another sweep. */
static peri_code head_for(peri_work *w, peri_sweep *h, peri_err *e) {
  const peri_commit *c = w->commit;
  int64_t started = c->cursor ? c->cursor->phase_started_ms : -1;
  peri_code code = head_get(w->s, c->integration_id, c->stream, h, e);
  if (code != PERI_OK) return code;
  bool goes_on = h->seq != INT64_MIN && (!c->sweep_anew || h->run_seq == c->run_seq);
  if (goes_on && (started < 0 || h->started_ms == started)) return PERI_OK;
  if (goes_on && h->started_ms < 0) {
    h->started_ms = started;
    return peri_exec(w->s, e, "go on with a sweep", "UPDATE sweeps SET started_ms = ?2 WHERE seq = ?1", "ii", h->seq, started);
  }
  if (h->seq != INT64_MIN && (code = head_drop(w->s, h->seq, e)) != PERI_OK) return code;
  int64_t top; /* rows of this very commit may lie below it: they carry its run's number, which counts as seen too */
  if ((code = peri_ask(w->s, e, &top, 0, "SELECT max(seq) FROM integration_data", "")) != PERI_OK) return code;
  code = peri_exec(w->s, e, "begin a sweep", "INSERT INTO sweeps(integration_id, stream, started_ms, run_seq, first_seq) VALUES(?1,?2,?3,?4,?5)",
                   "ttiii", c->integration_id, c->stream, started, c->run_seq, top);
  *h = (peri_sweep){sqlite3_last_insert_rowid(w->s->db), started, c->run_seq, top, false};
  return code;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

peri_code peri_sweep_mark(peri_work *w, peri_err *e) {
  peri_sweep h;
  peri_code code = head_for(w, &h, e);
  if (code == PERI_OK && w->commit->sweep_unproved) code = peri_exec(w->s, e, "mark a sweep", "UPDATE sweeps SET unproved = 1 WHERE seq = ?1", "i", h.seq);
  if (code != PERI_OK || !w->seen_count) return code;
  qsort(w->seen, w->seen_count, sizeof *w->seen, by_value);
  sqlite3_stmt *get = peri_stmt(w->s, PERI_Q_BITS_GET, e), *put = get ? peri_stmt(w->s, PERI_Q_BITS_PUT, e) : NULL;
  if (!put) return peri_why(e);
  for (size_t i = 0; i < w->seen_count && code == PERI_OK;) {
    uint8_t bits[CHUNK_BYTES] = {0}, before[CHUNK_BYTES] = {0};
    int64_t chunk = w->seen[i] / CHUNK;
    peri_bind(get, "ii", h.seq, chunk);
    int rc = sqlite3_step(get);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(get, 0) == CHUNK_BYTES)
      memcpy(bits, sqlite3_column_blob(get, 0), CHUNK_BYTES);
    else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
      code = peri_sql_fail(w->s, e, "read a sweep");
    sqlite3_reset(get);
    memcpy(before, bits, CHUNK_BYTES);
    for (; i < w->seen_count && w->seen[i] / CHUNK == chunk; i++) bits[w->seen[i] % CHUNK / 8] |= (uint8_t)(1u << (w->seen[i] % 8));
    if (code != PERI_OK || memcmp(before, bits, CHUNK_BYTES) == 0) continue;
    peri_bind(put, "iix", h.seq, chunk, (peri_str){(char *)bits, CHUNK_BYTES});
    code = peri_done(w->s, put, e, "mark what was seen");
  }
  return code;
}

/* ---- the end ---- */

typedef struct peri_seen {
  uint8_t **chunks;
  size_t count;
  peri_arena *arena;
} peri_seen;

static peri_code bits_load(peri_store *s, int64_t sweep_seq, peri_seen *seen, peri_err *e) {
  sqlite3_stmt *st = peri_prepare(s, "SELECT chunk, bits FROM sweep_bits WHERE sweep_seq = ?1 ORDER BY chunk DESC", e);
  if (!st) return peri_why(e);
  peri_bind(st, "i", sweep_seq);
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
    size_t chunk = (size_t)sqlite3_column_int64(st, 0);
    if (!seen->chunks) { /* the greatest comes first */
      seen->count = chunk + 1;
      seen->chunks = peri_arena_take(seen->arena, seen->count * sizeof *seen->chunks);
    }
    if (chunk >= seen->count || sqlite3_column_bytes(st, 1) != CHUNK_BYTES) continue;
    seen->chunks[chunk] = (uint8_t *)peri_arena_bytes(seen->arena, CHUNK_BYTES);
    memcpy(seen->chunks[chunk], sqlite3_column_blob(st, 1), CHUNK_BYTES);
  }
  peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read a sweep");
  sqlite3_finalize(st);
  return code;
}

static bool was_seen(const peri_seen *seen, int64_t seq) {
  size_t chunk = (size_t)(seq / CHUNK);
  return chunk < seen->count && seen->chunks[chunk] && (seen->chunks[chunk][seq % CHUNK / 8] >> (seq % 8) & 1);
}

typedef struct peri_missing {
  int64_t *seqs;
  size_t count, cap;
  int64_t live;
} peri_missing;

/* The unique index gives the seqs of an entity without touching rows; only what has no mark is looked at. */
static peri_code missing(peri_store *s, peri_arena *a, const peri_sweep *h, const peri_seen *seen, peri_str integration_id, peri_str entity,
                         peri_missing *m, peri_err *e) {
  sqlite3_stmt *all = peri_prepare(
      s, "SELECT seq FROM integration_data INDEXED BY sqlite_autoindex_integration_data_2 WHERE integration_id = ?1 AND entity_type = ?2", e);
  sqlite3_stmt *look = all ? peri_prepare(s, "SELECT deleted_at IS NULL, run_seq FROM integration_data WHERE seq = ?1", e) : NULL;
  peri_code code = look ? PERI_OK : peri_why(e);
  int rc = SQLITE_DONE;
  if (code == PERI_OK) peri_bind(all, "tt", integration_id, entity);
  while (code == PERI_OK && (rc = sqlite3_step(all)) == SQLITE_ROW) {
    int64_t seq = sqlite3_column_int64(all, 0);
    if (seq > h->first_seq || was_seen(seen, seq)) {
      m->live++;
      continue;
    }
    peri_bind(look, "i", seq);
    if (sqlite3_step(look) == SQLITE_ROW && sqlite3_column_int(look, 0)) {
      m->live++;
      if (sqlite3_column_int64(look, 1) < h->run_seq) {
        m->seqs = peri_arena_grow(a, m->seqs, m->count, &m->cap, sizeof *m->seqs);
        m->seqs[m->count++] = seq;
      }
    }
    sqlite3_reset(look);
  }
  if (code == PERI_OK && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "look for what is gone");
  sqlite3_finalize(all);
  sqlite3_finalize(look);
  return code;
}

peri_code peri_bury_all(peri_store *s, const int64_t *seqs, size_t count, int64_t run_seq, const char *cause, peri_err *e) {
  char now[PERI_ISO_MAX];
  peri_now(now);
  sqlite3_stmt *st = peri_prepare(s,
                                  "UPDATE integration_data SET deleted_at = ?2, deleted_cause = ?3, updated_at = ?2, run_seq = ?4, is_stale = 0,"
                                  " synced_at = coalesce((SELECT started_at FROM runs WHERE seq = ?4), ?2) WHERE seq = ?1",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  for (size_t i = 0; i < count && code == PERI_OK; i++) {
    peri_bind(st, "icci", seqs[i], now, cause, run_seq);
    code = peri_done(s, st, e, "mark rows deleted");
  }
  sqlite3_finalize(st);
  return code;
}

peri_code peri_count_gone(peri_store *s, int64_t run_seq, peri_str integration_id, int64_t gone, int64_t closed, peri_err *e) {
  if (!gone && !closed) return PERI_OK;
  peri_code code = peri_exec(s, e, "count", "UPDATE runs SET processed = processed + ?2, deleted = deleted + ?2 WHERE seq = ?1", "ii", run_seq, gone);
  return code == PERI_OK
             ? peri_exec(
                   s, e, "count",
                   "UPDATE integrations SET data_count = coalesce(data_count, 0) - ?2, error_count = coalesce(error_count, 0) - ?3 WHERE id = ?1",
                   "tii", integration_id, gone, closed)
             : code;
}

peri_code peri_forget_unseen(peri_store *s, int64_t before_run, peri_str integration_id, peri_str entity, int64_t *closed, peri_err *e) {
  char now[PERI_ISO_MAX];
  peri_code code = peri_exec(
      s, e, "close rejects",
      "UPDATE rejects SET state = 'gone', updated_at = ?4 WHERE integration_id = ?1 AND entity_type = ?2 AND state = 'open' AND run_seq < ?3", "ttic",
      integration_id, entity, before_run, peri_now(now));
  *closed += sqlite3_changes64(s->db);
  return code == PERI_OK ? peri_exec(s, e, "forget records", "DELETE FROM unmapped WHERE integration_id = ?1 AND entity_type = ?2 AND run_seq < ?3",
                                     "tti", integration_id, entity, before_run)
                         : code;
}

static peri_code missing_of_all(peri_store *s, peri_arena *a, int64_t run_seq, peri_str integration_id, peri_str stream, const peri_str *entities,
                                size_t entity_count, peri_sweep *h, peri_missing *m, peri_err *e) {
  peri_seen seen = {NULL, 0, a};
  peri_code code = head_get(s, integration_id, stream, h, e);
  if (code == PERI_OK && h->seq == INT64_MIN) { /* not one page was committed: the listing was empty */
    h->run_seq = run_seq;
    h->first_seq = INT64_MAX;
  } else if (code == PERI_OK)
    code = bits_load(s, h->seq, &seen, e);
  for (size_t i = 0; i < entity_count && code == PERI_OK; i++) code = missing(s, a, h, &seen, integration_id, entities[i], m, e);
  return code;
}

static peri_code sweep(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str stream, const peri_str *entities, size_t entity_count,
                       int64_t share_percent, bool *asked, int64_t *deleted, peri_err *e) {
  peri_sweep h;
  peri_missing m = {0};
  int64_t closed = 0;
  peri_arena_reset(s->scratch);
  peri_code code = missing_of_all(s, s->scratch, run_seq, integration_id, stream, entities, entity_count, &h, &m, e);
  if (code != PERI_OK) return code;
  *asked = peri_too_many((int64_t)m.count, m.live, share_percent);
  if (*asked) {
    peri_asking q = {integration_id, stream, entities, entity_count, run_seq, h.run_seq, m.live, "sweep", false};
    code = peri_question_ask(s, &q, m.seqs, m.count, e);
  } else {
    code = peri_bury_all(s, m.seqs, m.count, run_seq, "sweep", e);
    for (size_t i = 0; i < entity_count && code == PERI_OK; i++) code = peri_forget_unseen(s, h.run_seq, integration_id, entities[i], &closed, e);
    if (code == PERI_OK) code = peri_count_gone(s, run_seq, integration_id, (int64_t)m.count, closed, e);
    if (code == PERI_OK) code = peri_question_end(s, integration_id, stream, "withdrawn", e); /* an older one: this listing is the truth now */
    *deleted = (int64_t)m.count;
  }
  return code == PERI_OK && h.seq != INT64_MIN ? head_drop(s, h.seq, e) : code;
}

peri_code peri_store_sweep_end(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str stream, const peri_str *entities,
                               size_t entity_count, int64_t share_percent, int64_t *deleted, peri_err *e) {
  bool asked = false;
  *deleted = 0;
  peri_store_enter(s);
  peri_recent_forget(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) {
    code = sweep(s, run_seq, integration_id, stream, entities, entity_count, share_percent, &asked, deleted, e);
    if (code == PERI_OK) code = peri_cursor_swept(s, integration_id, stream, e);
    code = peri_tx_end(s, code, e);
  }
  if (code != PERI_OK) *deleted = 0;
  if (code == PERI_OK && asked) code = peri_store_asked(s, integration_id, stream, e);
  peri_store_leave(s);
  return code;
}

peri_code peri_store_sweep_open(peri_store *s, peri_str integration_id, peri_str stream, int64_t phase_started_ms, bool *open, peri_err *e) {
  peri_sweep h;
  peri_store_enter(s);
  peri_code code = head_get(s, integration_id, stream, &h, e);
  *open = code == PERI_OK && h.seq != INT64_MIN && h.started_ms == phase_started_ms && !h.unproved;
  peri_store_leave(s);
  return code;
}

/* One record may have become several rows: it is given once. */
static peri_code raws_of(peri_store *s, peri_arena *a, const peri_missing *m, peri_str **raws, size_t *count, peri_err *e) {
  sqlite3_stmt *st = peri_prepare(s, "SELECT raw FROM integration_data WHERE seq = ?1 AND raw IS NOT NULL", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  peri_map once;
  size_t cap = 0;
  peri_map_init(&once, s->scratch);
  for (size_t i = 0; i < m->count && code == PERI_OK; i++) {
    peri_bind(st, "i", m->seqs[i]);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW && peri_map_put(&once, peri_col(st, 0), s)) {
      *raws = peri_arena_grow(a, *raws, *count, &cap, sizeof **raws);
      (*raws)[(*count)++] = peri_arena_str(a, peri_col(st, 0));
    } else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
      code = peri_sql_fail(s, e, "read what may be gone");
    sqlite3_reset(st);
  }
  sqlite3_finalize(st);
  return code;
}

peri_code peri_store_sweep_missing(peri_store *s, peri_arena *a, int64_t run_seq, peri_str integration_id, peri_str stream, const peri_str *entities,
                                   size_t entity_count, size_t most, peri_str **raws, size_t *count, peri_err *e) {
  peri_sweep h;
  peri_missing m = {0};
  *raws = NULL;
  *count = 0;
  peri_store_enter(s);
  peri_arena_reset(s->scratch);
  peri_code code = missing_of_all(s, s->scratch, run_seq, integration_id, stream, entities, entity_count, &h, &m, e);
  if (code == PERI_OK && m.count <= most) code = raws_of(s, a, &m, raws, count, e);
  peri_store_leave(s);
  return code;
}
