/* store/question: see the header. The rows that are asked about are kept by number, so an answer needs no listing and no marks.
 * Refuses to bury a row that was written since, or that has no open question. */
#include "store/question.h"

#include "json/json.h"
#include "store/inside.h"

#define SAMPLES_MAX 5
#define SAMPLES "5"
#define KEPT "50" /* answered questions of a stream */

/* ---- asking ---- */

static peri_code end_question(peri_store *s, int64_t seq, const char *state, peri_err *e) {
  char now[PERI_ISO_MAX];
  peri_code code = peri_exec(s, e, "close a question", "DELETE FROM question_rows WHERE question_seq = ?1", "i", seq);
  return code == PERI_OK ? peri_exec(s, e, "close a question", "UPDATE questions SET state = ?2, answered_at = ?3 WHERE seq = ?1", "icc", seq, state,
                                     peri_now(now))
                         : code;
}

peri_code peri_question_open(peri_store *s, peri_str integration_id, peri_str stream, int64_t *seq, peri_err *e) {
  return peri_ask(s, e, seq, INT64_MIN, "SELECT seq FROM questions WHERE integration_id = ?1 AND stream = ?2 AND state = 'open'", "tt", integration_id,
                  stream);
}

peri_code peri_question_end(peri_store *s, peri_str integration_id, peri_str stream, const char *state, peri_err *e) {
  int64_t seq;
  peri_code code = peri_question_open(s, integration_id, stream, &seq, e);
  return code == PERI_OK && seq != INT64_MIN ? end_question(s, seq, state, e) : code;
}

static peri_code begin_question(peri_store *s, const peri_asking *q, int64_t *seq, peri_err *e) {
  peri_buf entities = {0};
  peri_jw w;
  char now[PERI_ISO_MAX];
  peri_jw_init(&w, &entities);
  peri_jw_array(&w);
  for (size_t i = 0; i < q->entity_count; i++) peri_jw_text(&w, q->entities[i]);
  peri_jw_end_array(&w);
  peri_code code = peri_exec(s, e, "ask about deletions",
                             "INSERT INTO questions(integration_id, stream, run_seq, run_id, before_run, cause, state, asked_at, live, entities)"
                             " SELECT ?1, ?2, ?3, id, ?4, ?5, 'open', ?6, ?7, ?8 FROM runs WHERE seq = ?3",
                             "ttiiccit", q->integration_id, q->stream, q->run_seq, q->before_run, q->cause, peri_now(now), q->live,
                             peri_buf_view(&entities));
  *seq = sqlite3_last_insert_rowid(s->db);
  peri_buf_fini(&entities);
  if (code == PERI_OK)
    code = peri_exec(s, e, "let old questions go",
                     "DELETE FROM questions WHERE integration_id = ?1 AND stream = ?2 AND state <> 'open' AND seq <= (SELECT seq FROM questions"
                     " WHERE integration_id = ?1 AND stream = ?2 ORDER BY seq DESC LIMIT 1 OFFSET " KEPT ")",
                     "tt", q->integration_id, q->stream);
  return code;
}

peri_code peri_question_ask(peri_store *s, const peri_asking *q, const int64_t *rows, size_t count, peri_err *e) {
  char now[PERI_ISO_MAX];
  int64_t seq;
  peri_code code = peri_question_open(s, q->integration_id, q->stream, &seq, e);
  if (code == PERI_OK && seq != INT64_MIN && q->more) /* what was asked before is asked with it, by this run */
    code = peri_exec(s, e, "ask about deletions",
                     "UPDATE questions SET run_seq = ?2, run_id = (SELECT id FROM runs WHERE seq = ?2), before_run = ?3, asked_at = ?4, live = ?5 WHERE seq = ?1",
                     "iiici", seq, q->run_seq, q->before_run, peri_now(now), q->live);
  else if (code == PERI_OK && seq != INT64_MIN) {
    code = end_question(s, seq, "replaced", e);
    seq = INT64_MIN;
  }
  if (code == PERI_OK && seq == INT64_MIN) code = begin_question(s, q, &seq, e);
  sqlite3_stmt *st = code == PERI_OK ? peri_prepare(s, "INSERT OR IGNORE INTO question_rows(question_seq, row_seq) VALUES(?1, ?2)", e) : NULL;
  if (code == PERI_OK && !st) code = peri_why(e);
  for (size_t i = 0; i < count && code == PERI_OK; i++) {
    peri_bind(st, "ii", seq, rows[i]);
    code = peri_done(s, st, e, "ask about deletions");
  }
  sqlite3_finalize(st);
  return code;
}

/* ---- what is asked, in words ---- */

static peri_code samples_of(peri_store *s, int64_t seq, peri_jw *w, peri_buf *words, peri_err *e) {
  sqlite3_stmt *st = peri_prepare(
      s, "SELECT d.external_id FROM question_rows q JOIN integration_data d ON d.seq = q.row_seq WHERE q.question_seq = ?1 ORDER BY q.row_seq LIMIT " SAMPLES, e);
  if (!st) return peri_why(e);
  peri_bind(st, "i", seq);
  int rc, n = 0;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
    if (w) peri_jw_text(w, peri_col(st, 0));
    if (words && n++) peri_buf_c_str(words, ", ");
    if (words) peri_buf_str(words, peri_col(st, 0));
  }
  peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read a question");
  sqlite3_finalize(st);
  return code;
}

#define COUNT_OF "(SELECT count(*) FROM question_rows r WHERE r.question_seq = q.seq)"

peri_code peri_store_asked(peri_store *s, peri_str integration_id, peri_str stream, peri_err *e) {
  peri_buf words = {0};
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT q.seq, " COUNT_OF ", q.live, q.run_id, i.name, q.cause FROM questions q JOIN integrations i ON i.id = q.integration_id"
                                  " WHERE q.integration_id = ?1 AND q.stream = ?2 AND q.state = 'open'",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  if (st) {
    peri_bind(st, "tt", integration_id, stream);
    if (sqlite3_step(st) == SQLITE_ROW) {
      int64_t missing = sqlite3_column_int64(st, 1);
      code = samples_of(s, sqlite3_column_int64(st, 0), NULL, &words, e);
      peri_str id = peri_col(st, 3), name = peri_col(st, 4), shown = peri_buf_view(&words);
      if (code == PERI_OK)
        code = peri_fail(e, PERI_MASS_DELETE,
                         "%.*s: %lld of %lld stored records are missing from a complete listing (%.*s%s); none of them was deleted. If they are gone: perilune sync "
                         "%.*s --accept-deletes %.*s",
                         PERI_S(stream), (long long)missing, (long long)sqlite3_column_int64(st, 2), PERI_S(shown), missing > SAMPLES_MAX ? ", …" : "", PERI_S(name),
                         PERI_S(id));
    } else
      code = peri_fail(e, PERI_MASS_DELETE, "%.*s: too many stored records are missing from a complete listing; nothing was deleted", PERI_S(stream));
    sqlite3_finalize(st);
  }
  peri_store_leave(s);
  peri_buf_fini(&words);
  return code;
}

peri_code peri_question_list(peri_store *s, peri_str integration_id, peri_buf *json, peri_err *e) {
  peri_store_enter(s);
  sqlite3_stmt *st =
      peri_prepare(s, "SELECT q.seq, q.stream, q.run_id, q.asked_at, " COUNT_OF ", q.live FROM questions q WHERE q.integration_id = ?1 AND q.state = 'open' ORDER BY q.stream", e);
  peri_code code = st ? PERI_OK : peri_why(e);
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_array(&w);
  if (st) peri_bind(st, "t", integration_id);
  int rc = SQLITE_DONE;
  while (st && code == PERI_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    static const char *const keys[] = {"stream", "runId", "askedAt"};
    peri_jw_object(&w);
    for (int i = 0; i < 3; i++) peri_jw_kv(&w, keys[i], peri_col(st, i + 1));
    peri_jw_kv_int(&w, "missing", sqlite3_column_int64(st, 4));
    peri_jw_kv_int(&w, "live", sqlite3_column_int64(st, 5));
    peri_jw_key_c(&w, "samples");
    peri_jw_array(&w);
    code = samples_of(s, sqlite3_column_int64(st, 0), &w, NULL, e);
    peri_jw_end_array(&w);
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
  if (code == PERI_OK && rc != SQLITE_DONE) code = peri_sql_fail(s, e, "read the questions");
  sqlite3_finalize(st);
  peri_store_leave(s);
  return code;
}

/* ---- the answer ---- */

static bool named(peri_str stream, const peri_str *streams, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (peri_str_eq(streams[i], stream)) return true;
  return count == 0;
}

/* A listing that began after the question and is not at its end: it may show what the question holds for gone. */
static peri_code listed_again(peri_store *s, peri_str integration_id, peri_str stream, int64_t asked_in, peri_err *e) {
  int64_t again;
  peri_code code = peri_ask(s, e, &again, 0, "SELECT count(*) FROM sweeps WHERE integration_id = ?1 AND stream = ?2 AND run_seq > ?3", "tti", integration_id, stream, asked_in);
  if (code == PERI_OK && again)
    code = peri_fail(e, PERI_CONFLICT, "%.*s is being listed again since that question; let perilune sync finish it, then see perilune status for what is missing still",
                     PERI_S(stream));
  return code;
}

static peri_code refuse(sqlite3_stmt *st, peri_str asked_by, peri_err *e) {
  peri_str state = peri_col(st, 3), stream = peri_col(st, 1), when = peri_col(st, 5);
  if (peri_str_is(state, "accepted")) return peri_fail(e, PERI_CONFLICT, "the question of run %.*s about %.*s was answered already, at %.*s", PERI_S(asked_by), PERI_S(stream), PERI_S(when));
  if (peri_str_is(state, "withdrawn"))
    return peri_fail(e, PERI_CONFLICT, "the question of run %.*s about %.*s is void: a complete listing has shown enough of the records since", PERI_S(asked_by), PERI_S(stream));
  return peri_fail(e, PERI_CONFLICT, "the question of run %.*s about %.*s is no longer current: a later run asked anew; see perilune status", PERI_S(asked_by), PERI_S(stream));
}

peri_code peri_question_find(peri_store *s, peri_arena *a, peri_str integration_id, peri_str asked_by, const peri_str *streams, size_t stream_count,
                             peri_question_row **out, size_t *count, peri_err *e) {
  size_t cap = 0;
  *out = NULL;
  *count = 0;
  peri_store_enter(s);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT q.seq, q.stream, q.run_id, q.state, q.run_seq, coalesce(q.answered_at, ''), " COUNT_OF ", q.live FROM questions q"
                                  " WHERE q.integration_id = ?1 AND substr(q.run_id, 1, length(?2)) = ?2 ORDER BY q.state = 'open' DESC, q.seq DESC",
                                  e);
  peri_code code = st ? PERI_OK : peri_why(e);
  peri_str first = {NULL, 0};
  int rc = SQLITE_DONE;
  if (st) peri_bind(st, "tt", integration_id, asked_by);
  while (st && code == PERI_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    peri_str run = peri_col(st, 2), stream = peri_col(st, 1);
    if (first.p && !peri_str_eq(run, first)) {
      code = peri_fail(e, PERI_INVALID, "more than one run's id begins with '%.*s'; give more of it (perilune status)", PERI_S(asked_by));
      break;
    }
    if (!first.p) first = peri_arena_str(a, run);
    if (!named(stream, streams, stream_count)) continue;
    if (!peri_str_is(peri_col(st, 3), "open")) {
      if (!*count) code = refuse(st, asked_by, e);
      break;
    }
    code = listed_again(s, integration_id, stream, sqlite3_column_int64(st, 4), e);
    *out = peri_arena_grow(a, *out, *count, &cap, sizeof **out);
    (*out)[(*count)++] = (peri_question_row){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 6), sqlite3_column_int64(st, 7), peri_arena_str(a, stream), first};
  }
  if (code == PERI_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) code = peri_sql_fail(s, e, "look a question up");
  sqlite3_finalize(st);
  if (code == PERI_OK && !*count)
    code = peri_fail(e, PERI_NOT_FOUND, "no run %.*s%s asked about deletions%s; perilune status shows what is asked", PERI_S(asked_by), "… of this integration",
                     first.p ? " of that stream" : "");
  peri_store_leave(s);
  return code;
}

static peri_code bury(peri_store *s, int64_t run_seq, int64_t seq, int64_t *deleted, peri_err *e) {
  peri_arena_reset(s->scratch);
  sqlite3_stmt *q = peri_prepare(s, "SELECT integration_id, cause, before_run, entities FROM questions WHERE seq = ?1 AND state = 'open'", e);
  if (!q) return peri_why(e);
  peri_bind(q, "i", seq);
  if (sqlite3_step(q) != SQLITE_ROW) {
    sqlite3_finalize(q);
    return peri_fail(e, PERI_CONFLICT, "that question is no longer open; see perilune status");
  }
  peri_str id = peri_arena_str(s->scratch, peri_col(q, 0)), cause = peri_arena_str(s->scratch, peri_col(q, 1)), entities = peri_arena_str(s->scratch, peri_col(q, 3));
  int64_t before = sqlite3_column_int64(q, 2), *rows = NULL, closed = 0;
  size_t count = 0, cap = 0;
  sqlite3_finalize(q);
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT d.seq FROM question_rows r JOIN integration_data d ON d.seq = r.row_seq"
                                  " WHERE r.question_seq = ?1 AND d.deleted_at IS NULL AND d.run_seq < ?2 ORDER BY d.seq",
                                  e);
  if (!st) return peri_why(e);
  peri_bind(st, "ii", seq, before);
  while (sqlite3_step(st) == SQLITE_ROW) {
    rows = peri_arena_grow(s->scratch, rows, count, &cap, sizeof *rows);
    rows[count++] = sqlite3_column_int64(st, 0);
  }
  sqlite3_finalize(st);
  peri_code code = peri_bury_all(s, rows, count, run_seq, cause.p, e);
  if (peri_str_is(cause, "sweep")) {
    peri_json_fault fault;
    const peri_json *list = peri_json_parse(s->scratch, entities, &fault);
    for (const peri_json *n = list ? list->first : NULL; n && code == PERI_OK; n = n->next) code = peri_forget_unseen(s, before, id, n->text, &closed, e);
  } else if (code == PERI_OK)
    code = peri_close_rejects(s, rows, count, &closed, e);
  if (code == PERI_OK) code = peri_count_gone(s, run_seq, id, (int64_t)count, closed, e);
  if (code == PERI_OK) code = end_question(s, seq, "accepted", e);
  *deleted = (int64_t)count;
  return code;
}

peri_code peri_question_accept(peri_store *s, int64_t run_seq, int64_t question_seq, int64_t *deleted, peri_err *e) {
  *deleted = 0;
  peri_store_enter(s);
  peri_recent_forget(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK) code = peri_tx_end(s, bury(s, run_seq, question_seq, deleted, e), e);
  if (code != PERI_OK) *deleted = 0;
  peri_store_leave(s);
  return code;
}
