/* store/open: opens the database for the one writer or for a reader. Refuses to write a byte before the file is known to be ours and not newer than
 * we are: that is asked through a read-only connection, which is closed again before the writing one opens (closing it neither checkpoints nor
 * creates). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embed.h"
#include "base/log.h"
#include "store/inside.h"

typedef struct peri_marks {
  int64_t application_id, user_version, objects;
} peri_marks;

static void sqlite_setup(void) {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* nobody reads it, and each allocation would pay for it */
  sqlite3_initialize();
}

static peri_code ask_marks(sqlite3 *db, const char *path, peri_marks *m, peri_err *e) {
  static const char *const questions[] = {"PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master"};
  int64_t *answers[] = {&m->application_id, &m->user_version, &m->objects};
  for (int i = 0; i < 3; i++) {
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, questions[i], -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
      *answers[i] = sqlite3_column_int64(st, 0);
      rc = SQLITE_OK;
    }
    int extended = sqlite3_extended_errcode(db);
    sqlite3_finalize(st);
    if (rc != SQLITE_OK) return peri_sql_fail_rc(db, extended, path, e, "read it");
  }
  return PERI_OK;
}

static peri_code judge(const peri_marks *m, const char *path, peri_open_mode mode, bool *empty, peri_err *e) {
  *empty = !m->application_id && !m->user_version && !m->objects;
  if (*empty && mode == PERI_OPEN_CREATE) return PERI_OK;
  if (*empty) return peri_fail(e, PERI_NOT_OURS, "%s is an empty database; `perilune init` makes it one of perilune's", path);
  if (m->application_id != PERI_APPLICATION_ID)
    return peri_fail(e, PERI_NOT_OURS, "%s is a SQLite database of another program; nothing was changed", path);
  if (m->user_version > PERI_SCHEMA_VERSION)
    return peri_fail(e, PERI_NEWER_DATABASE, "%s was written by a newer perilune (schema %lld, this one knows %d); nothing was changed", path,
                     (long long)m->user_version, PERI_SCHEMA_VERSION);
  if (mode == PERI_OPEN_READ && m->user_version < PERI_SCHEMA_VERSION)
    return peri_fail(e, PERI_CONFLICT, "%s has the older schema %lld; `perilune init` in its folder brings it up to date", path,
                     (long long)m->user_version);
  return PERI_OK;
}

static peri_code open_db(const char *path, int flags, sqlite3 **db, peri_err *e) {
  int rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
  if (rc != SQLITE_OK) return peri_sql_fail_rc(*db, *db ? sqlite3_extended_errcode(*db) : rc, path, e, "open it");
  sqlite3_extended_result_codes(*db, 1);
  sqlite3_busy_timeout(*db, 2000);
  return PERI_OK;
}

static peri_code look_first(const char *path, peri_open_mode mode, bool *empty, peri_err *e) {
  sqlite3 *db = NULL;
  peri_marks m = {0};
  peri_code code = open_db(path, SQLITE_OPEN_READONLY, &db, e);
  if (code == PERI_OK) code = ask_marks(db, path, &m, e);
  if (code == PERI_OK) code = judge(&m, path, mode, empty, e);
  sqlite3_close(db);
  return code;
}

static peri_code pragma(peri_store *s, const char *sql, peri_err *e) {
  return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? PERI_OK : peri_sql_fail(s, e, "set up the connection");
}

static const peri_embed *migration(int version) {
  char name[64];
  snprintf(name, sizeof name, "src/store/schema-%03d.sql", version);
  for (unsigned long i = 0; i < peri_embed_count; i++)
    if (strcmp(peri_embeds[i].path, name) == 0) return &peri_embeds[i];
  return NULL;
}

/* All steps in one transaction: a kill leaves the old schema whole. */
static peri_code migrate(peri_store *s, peri_err *e) {
  int64_t version;
  peri_code code = peri_ask(s, e, &version, 0, "PRAGMA user_version", "");
  if (code != PERI_OK || version >= PERI_SCHEMA_VERSION) return code;
  if ((code = peri_tx_begin(s, e)) != PERI_OK) return code;
  for (int next = (int)version + 1; next <= PERI_SCHEMA_VERSION && code == PERI_OK; next++) {
    const peri_embed *step = migration(next);
    if (!step)
      code = peri_fail(e, PERI_INTERNAL, "schema step %d is missing from this build", next);
    else if (sqlite3_exec(s->db, (const char *)step->bytes, NULL, NULL, NULL) != SQLITE_OK)
      code = peri_sql_fail(s, e, "make the tables");
  }
  char marks[96];
  snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d", PERI_APPLICATION_ID, PERI_SCHEMA_VERSION);
  if (code == PERI_OK && sqlite3_exec(s->db, marks, NULL, NULL, NULL) != SQLITE_OK) code = peri_sql_fail(s, e, "mark the database");
  int64_t seed;
  peri_random(&seed, sizeof seed);
  if (code == PERI_OK) code = peri_exec(s, e, "keep the seed", "INSERT OR IGNORE INTO meta(key, value) VALUES('hash_seed', ?1)", "i", seed);
  return peri_tx_end(s, code, e);
}

/* What a killed owner left: open runs, and a removal that was not finished. */
static peri_code tidy(peri_store *s, peri_err *e) {
  char now[PERI_ISO_MAX];
  int64_t open_runs, removing;
  peri_code code = peri_ask(s, e, &open_runs, 0, "SELECT count(*) FROM runs WHERE status = 'running'", "");
  if (code == PERI_OK && open_runs) {
    code = peri_tx_begin(s, e);
    if (code == PERI_OK)
      code = peri_tx_end(s,
                         peri_exec(s, e, "close what was left open",
                                   "UPDATE runs SET status = 'interrupted', finished_at = ?1, finished_ms = ?2, error_code = 'interrupted',"
                                   " error_message = 'the process that ran it ended' WHERE status = 'running'",
                                   "ci", peri_now(now), peri_now_ms()),
                         e);
    if (code == PERI_OK) peri_log(PERI_INFO, "store", "runs left open by an earlier process are marked interrupted runs=%lld", (long long)open_runs);
  }
  if (code == PERI_OK) code = peri_ask(s, e, &removing, 0, "SELECT count(*) FROM integrations WHERE status = 'removing'", "");
  if (code == PERI_OK && removing) {
    int64_t rows;
    code = peri_removed_finish(s, (peri_str){NULL, 0}, &rows, e);
  }
  return code;
}

static int on_wal(void *self, sqlite3 *db, const char *name, int frames) {
  (void)db, (void)name;
  peri_store *s = self;
  if (frames < s->wal_frames) s->wal_checked = 0; /* the log began anew */
  s->wal_frames = frames;
  return SQLITE_OK;
}

static peri_code open_writer(peri_store *s, peri_open_mode mode, bool exists, peri_err *e) {
  bool empty = !exists;
  peri_code code = exists ? look_first(s->path, mode, &empty, e) : PERI_OK;
  if (code != PERI_OK) return code;
  if (!exists) { /* made here for its mode: rows of customers are nobody else's business; the log files inherit it */
    int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
      return peri_fail(e,
                       errno == ENOSPC                     ? PERI_DISK_FULL
                       : errno == EACCES || errno == EROFS ? PERI_READ_ONLY
                                                           : PERI_IO,
                       "cannot create %s: %s", s->path, strerror(errno));
    close(fd);
  }
  if ((code = open_db(s->path, SQLITE_OPEN_READWRITE, &s->db, e)) != PERI_OK) return code;
  if (sqlite3_db_readonly(s->db, "main") == 1) return peri_fail(e, PERI_READ_ONLY, "%s may not be written by this user", s->path);
  s->writer = true;
  if (empty) code = pragma(s, "PRAGMA page_size = 8192", e);
  if (code == PERI_OK)
    code = pragma(
        s,
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000;"
        " PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY; PRAGMA busy_timeout = 5000",
        e);
  sqlite3_wal_hook(s->db, on_wal, s);
  if (code == PERI_OK) code = migrate(s, e);
  if (code == PERI_OK) code = tidy(s, e);
  return code;
}

static peri_code open_reader(peri_store *s, peri_err *e) {
  peri_code code = open_db(s->path, SQLITE_OPEN_READONLY, &s->db, e);
  if (code != PERI_OK) return code;
  peri_marks m = {0};
  bool empty;
  if ((code = ask_marks(s->db, s->path, &m, e)) != PERI_OK) return code;
  if ((code = judge(&m, s->path, PERI_OPEN_READ, &empty, e)) != PERI_OK) return code;
  return pragma(s, "PRAGMA query_only = 1; PRAGMA cache_size = -4000; PRAGMA temp_store = MEMORY", e);
}

peri_code peri_store_open(const char *path, peri_open_mode mode, int64_t wait_ms, const char *command, peri_store **out, peri_err *e) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, sqlite_setup);
  *out = NULL;
  struct stat st;
  bool exists = stat(path, &st) == 0;
  if (!exists && errno != ENOENT) return peri_fail(e, errno == EACCES ? PERI_READ_ONLY : PERI_NOT_FOUND, "%s: %s", path, strerror(errno));
  if (!exists && mode != PERI_OPEN_CREATE) return peri_fail(e, PERI_NOT_FOUND, "there is no database at %s; `perilune init` makes one", path);
  if (exists && !S_ISREG(st.st_mode)) return peri_fail(e, PERI_NOT_OURS, "%s is no file", path);
  peri_store *s = peri_alloc(sizeof *s);
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&s->mutex, &attr);
  pthread_mutexattr_destroy(&attr);
  s->path = peri_dup(peri_str_of(path));
  s->lock_fd = -1;
  s->scratch = peri_arena_new();
  peri_code code = PERI_OK;
  if (mode == PERI_OPEN_READ)
    code = open_reader(s, e);
  else {
    code = peri_lock_take(path, wait_ms, command, &s->lock_fd, e);
    if (code == PERI_OK) code = open_writer(s, mode, stat(path, &st) == 0, e);
  }
  int64_t seed = 0;
  if (code == PERI_OK) code = peri_ask(s, e, &seed, 0, "SELECT value FROM meta WHERE key = 'hash_seed'", "");
  s->seed = (uint64_t)seed;
  if (code != PERI_OK) {
    peri_store_close(s);
    return code;
  }
  *out = s;
  return PERI_OK;
}

void peri_store_close(peri_store *s) {
  if (!s) return;
  for (int i = 0; i < PERI_Q_COUNT; i++) sqlite3_finalize(s->stmts[i]);
  if (s->db && s->writer) {
    sqlite3_busy_timeout(s->db, 200); /* a reader may stay: then the log stays, which harms nobody */
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  }
  sqlite3_close_v2(s->db);
  peri_lock_leave(s->lock_fd); /* after the database: the next owner must not meet our connection */
  pthread_mutex_destroy(&s->mutex);
  peri_arena_free(s->scratch);
  free(s->maybe);
  free(s->recent);
  free(s->path);
  free(s);
}

uint64_t peri_store_hash_seed(peri_store *s) { return s->seed; }

/* The row `key_check`, NULL if there is none yet. */
static peri_code key_check_of(sqlite3 *db, const char *path, peri_arena *a, peri_str *sealed_json, peri_err *e) {
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key = 'key_check'", -1, &st, NULL);
  if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) *sealed_json = peri_arena_str(a, peri_col(st, 0));
  bool fine = rc == SQLITE_ROW || rc == SQLITE_DONE;
  int extended = sqlite3_extended_errcode(db);
  sqlite3_finalize(st);
  return fine ? PERI_OK : peri_sql_fail_rc(db, extended, path, e, "read the key check");
}

peri_code peri_store_key_check_peek(const char *path, peri_arena *a, peri_str *sealed_json, peri_err *e) {
  *sealed_json = (peri_str){NULL, 0};
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return PERI_OK; /* whoever opens it says what is wrong */
  sqlite3 *db = NULL;
  peri_marks m = {0};
  peri_code code = open_db(path, SQLITE_OPEN_READONLY, &db, e);
  if (code == PERI_OK) code = ask_marks(db, path, &m, e);
  if (code == PERI_OK && m.application_id == PERI_APPLICATION_ID && m.user_version) code = key_check_of(db, path, a, sealed_json, e);
  sqlite3_close(db);
  return code;
}

peri_code peri_store_key_check_get(peri_store *s, peri_arena *a, peri_str *sealed_json, peri_err *e) {
  *sealed_json = (peri_str){NULL, 0};
  peri_store_enter(s);
  peri_code code = key_check_of(s->db, s->path, a, sealed_json, e);
  peri_store_leave(s);
  return code;
}

peri_code peri_store_key_check_set(peri_store *s, peri_str sealed_json, peri_err *e) {
  peri_store_enter(s);
  peri_code code = peri_tx_begin(s, e);
  if (code == PERI_OK)
    code = peri_tx_end(s,
                       peri_exec(s, e, "keep the key check",
                                 "INSERT INTO meta(key, value) VALUES('key_check', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value", "t",
                                 sealed_json),
                       e);
  peri_store_leave(s);
  return code;
}

void peri_store_interrupt(peri_store *s) { sqlite3_interrupt(s->db); } /* without the mutex: it is held by what is to be stopped */

int64_t peri_store_wal_bytes(peri_store *s) {
  int64_t bytes = (int64_t)s->wal_frames * 8216;
#ifdef PERI_DEBUG
  if (s->wal_factor) bytes *= s->wal_factor;
#endif
  return bytes;
}

#ifdef PERI_DEBUG
void peri_store_test_wal_factor(peri_store *s, int64_t factor) { s->wal_factor = factor; }
void peri_store_test_pages_max(peri_store *s, int64_t pages) {
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)pages);
  sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}
sqlite3 *peri_store_test_db(peri_store *s) { return s->db; }
#endif
