/* store/inside: what the files of this room share. Nobody else includes it. */
#ifndef PERI_STORE_INSIDE_H
#define PERI_STORE_INSIDE_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "store/stmts.h"
#include "store/store.h"

#define PERI_APPLICATION_ID 0x70657269 /* "peri": marks our files */
#define PERI_SCHEMA_VERSION 3
#define PERI_MAYBE_BYTES (256u << 10) /* see maybe.c; 100,000 keys give 1 % false alarms, each costing one look-up */
#define PERI_ID_CACHE 64              /* plans, generations and wanted sets whose numbers are remembered */

typedef struct peri_id_cached {
  uint64_t hash;
  int64_t id;
} peri_id_cached;

typedef struct peri_recent peri_recent;

struct peri_store {
  sqlite3 *db;
  pthread_mutex_t mutex; /* recursive: a verb may use another */
  char *path;
  bool writer;
  bool in_tx;
  int lock_fd; /* -1 for readers */
  uint64_t seed;
  int wal_frames;  /* as the last commit reported */
  int wal_checked; /* frames at the last checkpoint that could not finish */
#ifdef PERI_DEBUG
  int64_t wal_factor; /* tests only: 0, or how often a frame counts */
#endif
  sqlite3_stmt *stmts[PERI_Q_COUNT];
  peri_id_cached ids[PERI_ID_CACHE];
  unsigned id_count;
  uint8_t *maybe;      /* filter over records that may have an open reject or an unmapped row; NULL until needed */
  peri_recent *recent; /* see recent.c; NULL until needed */
  uint32_t recent_epoch;
  peri_arena *scratch; /* of the verb under way */
};

/* ---- lock.c ---- */
peri_code peri_lock_take(const char *path, int64_t wait_ms, const char *command, int *fd, peri_err *e);
void peri_lock_leave(int fd);

/* ---- sql.c ---- */
void peri_store_enter(peri_store *s);
void peri_store_leave(peri_store *s);
/* What went wrong in SQLite, as one of our codes; `doing` completes "could not …". */
peri_code peri_sql_fail(peri_store *s, peri_err *e, const char *doing);
peri_code peri_sql_fail_rc(sqlite3 *db, int rc, const char *path, peri_err *e, const char *doing);
/* Kept statement, reset and ready to bind; NULL: e is set. */
sqlite3_stmt *peri_stmt(peri_store *s, peri_stmt_id which, peri_err *e);
/* One-off statement; finalize it. NULL: e is set. */
sqlite3_stmt *peri_prepare(peri_store *s, const char *sql, peri_err *e);
/* Binds by letters, from parameter 1 on: t text, T text or NULL if empty, c C string or NULL, i int64, I int64 or NULL if INT64_MIN, h 16-byte hash
 * or NULL, x bytes, X bytes or NULL if empty, n NULL, . leave. Nothing is copied: it must live until the statement has run. */
void peri_bind(sqlite3_stmt *st, const char *letters, ...);
void peri_bind_from(sqlite3_stmt *st, int first, const char *letters, ...);
/* Runs to the end and resets. */
peri_code peri_done(peri_store *s, sqlite3_stmt *st, peri_err *e, const char *doing);
/* Prepare, bind, run, finalize. */
peri_code peri_exec(peri_store *s, peri_err *e, const char *doing, const char *sql, const char *letters, ...);
/* One integer of the first row; `none` if there is no row or it is NULL. */
peri_code peri_ask(peri_store *s, peri_err *e, int64_t *out, int64_t none, const char *sql, const char *letters, ...);
peri_str peri_col(sqlite3_stmt *st, int i); /* view until the next step; {NULL,0} for NULL */
int64_t peri_col_int(sqlite3_stmt *st, int i, int64_t none);
/* A transaction: begin; do things; return peri_tx_end(s, code, e), which commits if code is OK and rolls back otherwise. */
peri_code peri_tx_begin(peri_store *s, peri_err *e);
peri_code peri_tx_end(peri_store *s, peri_code code, peri_err *e);
/* The code of a failure that was told through e alone. */
static inline peri_code peri_why(const peri_err *e) { return e && e->code != PERI_OK ? e->code : PERI_INTERNAL; }
const char *peri_now(char out[PERI_ISO_MAX]);

/* ---- rows.c: rows as JSON ---- */
/* Writes the row as an object, keys are the columns' names. Letters: t text, i integer, d double, b boolean, j JSON text (quoted as text if it is
 * none), - leave out. */
struct peri_jw;
peri_code peri_rows_json(peri_store *s, sqlite3_stmt *st, const char *letters, peri_buf *out,
                         peri_err *e); /* the whole answer, as an array; finalizes */
void peri_row_json(sqlite3_stmt *st, const char *letters, void *jw);
void peri_json_or_text(void *jw, peri_str text); /* raw if it is JSON, else quoted; null if {NULL,0} */

/* ---- ids.c: numbers of plans, generations and wanted sets ---- */
peri_code peri_plan_id(peri_store *s, peri_str integration_id, peri_str entity, peri_str hash, int64_t *id,
                       peri_err *e); /* INT64_MIN for an empty hash */
peri_code peri_generation_id(peri_store *s, peri_str hash, int64_t *id, peri_err *e);
peri_code peri_wanted_id(peri_store *s, peri_str wanted, int64_t *id, peri_err *e);

/* ---- maybe.c ---- */
peri_code peri_maybe_load(peri_store *s, peri_err *e);
void peri_maybe_add(peri_store *s, peri_str integration_id, peri_str entity, peri_str record_key);
bool peri_maybe_has(const peri_store *s, peri_str integration_id, peri_str entity, peri_str record_key);

/* ---- write.c: one record against what is stored ---- */
typedef struct peri_found {
  int64_t seq, updated, plan_id;
  bool exists, stale, dead, has_raw, has_data;
  uint8_t raw_hash[16], data_hash[16];
  char cause[12];            /* of its death */
  peri_str record, external; /* in the arena; record is {NULL,0} for a row that is its record */
} peri_found;

void peri_found_read(sqlite3_stmt *st, peri_found *f, peri_arena *a); /* columns as in PERI_FOUND_COLUMNS */

/* ---- recent.c ---- */
uint64_t peri_recent_scope(const peri_store *s, peri_str integration_id, peri_str entity);
void peri_recent_put(peri_store *s, uint64_t scope, peri_str key, const peri_found *f); /* plain rows only */
bool peri_recent_take(peri_store *s, uint64_t scope, peri_str key, peri_found *f);
void peri_recent_forget(peri_store *s); /* in every verb that writes rows past peri_find_row */

typedef struct peri_work {
  peri_store *s;
  const peri_commit *commit;
  bool remap;
  bool expect_new;                                             /* the last row was new: try INSERT before SELECT */
  bool bound_insert, bound_update, bound_rewrite, bound_touch; /* what is the same for all rows is bound */
  int64_t generation_id, wanted_id, plan_id;
  int64_t request_seq; /* INT64_MIN: not made yet, or nothing was asked */
  peri_str entity, plan_hash; /* what plan_id and has_sets belong to */
  bool has_sets;
  uint64_t scope; /* of the entity in recent.c */
  peri_str synced_at, now;
  int64_t data_delta, error_delta;
  peri_counters n;
  int64_t *seen;
  size_t seen_count, seen_cap;
  peri_arena *arena;
  char synced_text[PERI_ISO_MAX], now_text[PERI_ISO_MAX];
} peri_work;

typedef enum peri_put { PERI_PUT_OLDER, PERI_PUT_SAME, PERI_PUT_WRITTEN } peri_put;

peri_code peri_work_begin(peri_work *w, peri_store *s, const peri_commit *commit, bool remap, peri_err *e);
peri_code peri_work_aim(peri_work *w, peri_str entity, peri_str plan_hash, peri_err *e);
peri_code peri_work_row(peri_work *w, const peri_commit_row *rows, size_t count, size_t *used, peri_err *e);
peri_code peri_work_end(peri_work *w, peri_err *e); /* counters, deltas, seen marks, cursor */
void peri_work_seen(peri_work *w, int64_t seq);
size_t peri_work_group(const peri_commit_row *rows, size_t count); /* how many rows are one set */
peri_str peri_record_key(peri_work *w, const peri_commit_row *r);
/* ---- origin.c: the page's request gets its number before the first row that names it ---- */
peri_code peri_work_request(peri_work *w, peri_err *e);
peri_code peri_requests_retain(peri_store *s, peri_err *e); /* inside a transaction */

bool peri_older(int64_t updated, int64_t stored);
peri_code peri_find_row(peri_work *w, peri_str key, peri_found *f, peri_err *e);
/* All rows of a record: its plain row, and those that carry it as record_key. In the arena. */
peri_code peri_record_rows(peri_work *w, peri_str record_key, peri_found **rows, size_t *count, peri_err *e);
peri_code peri_row_put(peri_work *w, const peri_commit_row *r, bool head, bool in_set, peri_put *how, peri_err *e);
peri_code peri_row_bury(peri_work *w, const peri_found *f, const char *cause, int64_t updated, peri_str merged_into, peri_err *e);
peri_code peri_row_asked(peri_work *w, int64_t seq, peri_err *e);
peri_code peri_row_mark(peri_work *w, peri_stmt_id which, int64_t seq, peri_err *e); /* STALE, UNHEAD */
/* sets.c */
peri_code peri_set_put(peri_work *w, const peri_commit_row *rows, size_t count, peri_err *e);
peri_code peri_set_leave(peri_work *w, peri_str record_key, peri_str except, peri_err *e); /* the record is one plain row now */
/* rejects.c */
peri_code peri_reject_put(peri_work *w, const peri_commit_row *r, peri_err *e);
peri_code peri_unmapped_put(peri_work *w, const peri_commit_row *r, peri_err *e);
/* A good version, or the record's end: closes its reject, forgets its unmapped row. A reject of a newer version stays, and the row stays stale. */
peri_code peri_settle(peri_work *w, peri_str record_key, const char *state, int64_t updated, peri_err *e);
/* rollback.c */
peri_code peri_undo_keep(peri_work *w, int64_t row_seq, peri_err *e);
/* The plan that is back refuses what another one made a row of, or (left_out) left out. */
peri_code peri_undo_row(peri_work *w, const peri_found *f, bool left_out, peri_err *e);
/* remap.c */
peri_code peri_remap_rows(peri_work *w, const peri_commit_row *rows, size_t count, size_t *used, peri_err *e);

/* ---- sweep.c ---- */
peri_code peri_sweep_mark(peri_work *w, peri_err *e);

peri_code peri_bury_all(peri_store *s, const int64_t *seqs, size_t count, int64_t run_seq, const char *cause, peri_err *e);
peri_code peri_count_gone(peri_store *s, int64_t run_seq, peri_str integration_id, int64_t gone, int64_t closed_rejects, peri_err *e);
/* Rejects and left-out records that a complete listing did not show are gone with their records; those of rows, with them. */
peri_code peri_forget_unseen(peri_store *s, int64_t before_run, peri_str integration_id, peri_str entity, int64_t *closed, peri_err *e);
peri_code peri_close_rejects(peri_store *s, const int64_t *rows, size_t count, int64_t *closed, peri_err *e);

/* ---- question.c: all inside a transaction ---- */
typedef struct peri_asking {
  peri_str integration_id, stream;
  const peri_str *entities;
  size_t entity_count;
  int64_t run_seq, before_run, live;
  const char *cause;
  bool more; /* adds to what is asked already */
} peri_asking;
peri_code peri_question_ask(peri_store *s, const peri_asking *q, const int64_t *rows, size_t count, peri_err *e);
peri_code peri_question_open(peri_store *s, peri_str integration_id, peri_str stream, int64_t *seq, peri_err *e); /* INT64_MIN: none */
peri_code peri_question_end(peri_store *s, peri_str integration_id, peri_str stream, const char *state, peri_err *e);
/* May so many go by themselves? share_percent: of all live rows. */
static inline bool peri_too_many(int64_t gone, int64_t live, int64_t share_percent) {
  return gone >= PERI_DELETE_COUNT_FREE && gone * 100 > live * share_percent;
}

/* ---- cursor.c ---- */
peri_code peri_cursor_put(peri_store *s, peri_str integration_id, peri_str stream, peri_str kind, const peri_cursor *at,
                          peri_err *e); /* inside a transaction */
peri_code peri_cursor_swept(peri_store *s, peri_str integration_id, peri_str stream, peri_err *e); /* the same */

/* ---- catalog.c, remove.c ---- */
/* The name nearest to NAME among those that SQL lists, and how many there are; {NULL, 0} when none is near. */
peri_str peri_near_name(peri_store *s, peri_arena *a, const char *sql, peri_str name, size_t *count);
peri_code peri_removed_finish(peri_store *s, peri_str integration_id, int64_t *rows, peri_err *e);
peri_code peri_credentials_merge(peri_store *s, peri_str id, peri_str given_json, peri_err *e); /* inside a transaction */

#ifdef PERI_DEBUG
/* Tests only: as if the disk were full beyond so many pages. */
void peri_store_test_pages_max(peri_store *s, int64_t pages);
/* Tests only: as if the log were so many times as large. */
void peri_store_test_wal_factor(peri_store *s, int64_t factor);
sqlite3 *peri_store_test_db(peri_store *s);
#endif

#endif
