/* store/sql: preparing, binding, stepping, transactions, and what SQLite's errors mean to a person.
 * Refuses to write through a reader's connection, and to leave a transaction open after a failure. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "store/inside.h"

static const char *const kept[PERI_Q_COUNT] = {
#define X(name, sql) sql,
    PERI_STMTS(X)
#undef X
};

void peri_store_enter(peri_store *s) { pthread_mutex_lock(&s->mutex); }
void peri_store_leave(peri_store *s) { pthread_mutex_unlock(&s->mutex); }

const char *peri_now(char out[PERI_ISO_MAX]) { return peri_iso(peri_now_ms(), out); }

peri_code peri_sql_fail_rc(sqlite3 *db, int rc, const char *path, peri_err *e, const char *doing) {
  const char *why = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  int system = db ? sqlite3_system_errno(db) : 0;
  switch (rc & 0xff) {
  case SQLITE_FULL: return peri_fail(e, PERI_DISK_FULL, "the disk that holds %s is full: could not %s; the step was undone as a whole", path, doing);
  case SQLITE_IOERR:
    if (system == ENOSPC || system == EDQUOT || system == EFBIG)
      return peri_fail(e, PERI_DISK_FULL, "the disk that holds %s is full (%s): could not %s; the step was undone as a whole", path, strerror(system),
                       doing);
    return peri_fail(e, PERI_IO, "%s: could not %s: %s%s%s", path, doing, why, system ? ": " : "", system ? strerror(system) : "");
  case SQLITE_READONLY:
  case SQLITE_PERM: return peri_fail(e, PERI_READ_ONLY, "%s may not be written: could not %s: %s", path, doing, why);
  case SQLITE_CANTOPEN:
    return peri_fail(e, PERI_READ_ONLY, "%s cannot be opened by this user (reading needs the right to write %s-shm beside it): %s%s%s", path, path,
                     why, system ? ": " : "", system ? strerror(system) : "");
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return peri_fail(e, PERI_BUSY, "%s is held by another program: could not %s", path, doing);
  case SQLITE_NOTADB: return peri_fail(e, PERI_NOT_OURS, "%s is no SQLite database", path);
  case SQLITE_CORRUPT: return peri_fail(e, PERI_IO, "%s is damaged: %s; put back a copy", path, why);
  case SQLITE_CONSTRAINT: return peri_fail(e, PERI_CONFLICT, "could not %s: %s", doing, why);
  case SQLITE_INTERRUPT: return peri_fail(e, PERI_INTERRUPTED, "stopped before it could %s", doing);
  case SQLITE_NOMEM: return peri_fail(e, PERI_INTERNAL, "out of memory: could not %s", doing);
  case SQLITE_TOOBIG: return peri_fail(e, PERI_INVALID, "could not %s: a value is larger than SQLite takes", doing);
  default: return peri_fail(e, PERI_INTERNAL, "%s: could not %s: %s", path, doing, why);
  }
}

peri_code peri_sql_fail(peri_store *s, peri_err *e, const char *doing) {
  return peri_sql_fail_rc(s->db, sqlite3_extended_errcode(s->db), s->path, e, doing);
}

sqlite3_stmt *peri_stmt(peri_store *s, peri_stmt_id which, peri_err *e) {
  sqlite3_stmt *st = s->stmts[which];
  if (st) return st;
  if (sqlite3_prepare_v3(s->db, kept[which], -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK) {
    peri_sql_fail(s, e, "prepare a statement");
    return NULL;
  }
  return s->stmts[which] = st;
}

sqlite3_stmt *peri_prepare(peri_store *s, const char *sql, peri_err *e) {
  sqlite3_stmt *st = NULL;
  if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK) {
    peri_sql_fail(s, e, "prepare a statement");
    return NULL;
  }
  return st;
}

static void bind_all(sqlite3_stmt *st, int i, const char *letters, va_list ap) {
  for (; *letters; letters++, i++) {
    switch (*letters) {
    case 't':
    case 'T': {
      peri_str v = va_arg(ap, peri_str);
      if (!v.n && *letters == 'T')
        sqlite3_bind_null(st, i);
      else
        sqlite3_bind_text64(st, i, v.p ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8);
      break;
    }
    case 'x':
    case 'X': {
      peri_str v = va_arg(ap, peri_str);
      if (!v.n && *letters == 'X')
        sqlite3_bind_null(st, i);
      else
        sqlite3_bind_blob64(st, i, v.p ? v.p : "", v.n, SQLITE_STATIC);
      break;
    }
    case 'c': {
      const char *v = va_arg(ap, const char *);
      if (v)
        sqlite3_bind_text(st, i, v, -1, SQLITE_STATIC);
      else
        sqlite3_bind_null(st, i);
      break;
    }
    case 'i': sqlite3_bind_int64(st, i, va_arg(ap, int64_t)); break;
    case 'I': {
      int64_t v = va_arg(ap, int64_t);
      if (v == INT64_MIN)
        sqlite3_bind_null(st, i);
      else
        sqlite3_bind_int64(st, i, v);
      break;
    }
    case 'h': {
      const uint8_t *v = va_arg(ap, const uint8_t *);
      if (v)
        sqlite3_bind_blob(st, i, v, 16, SQLITE_STATIC);
      else
        sqlite3_bind_null(st, i);
      break;
    }
    case 'n': sqlite3_bind_null(st, i); break;
    default: break;
    }
  }
}

void peri_bind(sqlite3_stmt *st, const char *letters, ...) {
  va_list ap;
  va_start(ap, letters);
  bind_all(st, 1, letters, ap);
  va_end(ap);
}

void peri_bind_from(sqlite3_stmt *st, int first, const char *letters, ...) {
  va_list ap;
  va_start(ap, letters);
  bind_all(st, first, letters, ap);
  va_end(ap);
}

peri_code peri_done(peri_store *s, sqlite3_stmt *st, peri_err *e, const char *doing) {
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) continue;
  peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, doing);
  sqlite3_reset(st);
  return code;
}

peri_code peri_exec(peri_store *s, peri_err *e, const char *doing, const char *sql, const char *letters, ...) {
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  if (!st) return peri_why(e);
  va_list ap;
  va_start(ap, letters);
  bind_all(st, 1, letters, ap);
  va_end(ap);
  peri_code code = peri_done(s, st, e, doing);
  sqlite3_finalize(st);
  return code;
}

peri_code peri_ask(peri_store *s, peri_err *e, int64_t *out, int64_t none, const char *sql, const char *letters, ...) {
  *out = none;
  sqlite3_stmt *st = peri_prepare(s, sql, e);
  if (!st) return peri_why(e);
  va_list ap;
  va_start(ap, letters);
  bind_all(st, 1, letters, ap);
  va_end(ap);
  int rc = sqlite3_step(st);
  peri_code code = PERI_OK;
  if (rc == SQLITE_ROW)
    *out = peri_col_int(st, 0, none);
  else if (rc != SQLITE_DONE)
    code = peri_sql_fail(s, e, "read the database");
  sqlite3_finalize(st);
  return code;
}

peri_str peri_col(sqlite3_stmt *st, int i) {
  if (sqlite3_column_type(st, i) == SQLITE_NULL) return (peri_str){NULL, 0};
  const char *p = sqlite3_column_type(st, i) == SQLITE_BLOB ? sqlite3_column_blob(st, i) : (const char *)sqlite3_column_text(st, i);
  return (peri_str){p ? p : "", (size_t)sqlite3_column_bytes(st, i)};
}

int64_t peri_col_int(sqlite3_stmt *st, int i, int64_t none) { return sqlite3_column_type(st, i) == SQLITE_NULL ? none : sqlite3_column_int64(st, i); }

peri_code peri_tx_begin(peri_store *s, peri_err *e) {
  if (!s->writer) return peri_fail(e, PERI_READ_ONLY, "%s is open for reading only", s->path);
  if (s->in_tx) return peri_fail(e, PERI_INTERNAL, "a transaction inside a transaction");
  sqlite3_stmt *st = peri_stmt(s, PERI_Q_BEGIN, e);
  if (!st) return peri_why(e);
  peri_code code = peri_done(s, st, e, "begin to write");
  if (code == PERI_OK) s->in_tx = true;
  return code;
}

/* Every 4,000 frames, by this connection alone: SQLite's fault at WAL reset needs a second one. PASSIVE never waits for readers. */
static void checkpoint(peri_store *s) {
  if (s->wal_frames < s->wal_checked + PERI_WAL_FRAMES_CHECKPOINT) return;
  int frames = 0, moved = 0;
  if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved) == SQLITE_OK && moved == frames)
    s->wal_checked = 0;
  else
    s->wal_checked = s->wal_frames;
}

peri_code peri_tx_end(peri_store *s, peri_code code, peri_err *e) {
  s->in_tx = false;
  if (code == PERI_OK) {
    sqlite3_stmt *st = peri_stmt(s, PERI_Q_COMMIT, e);
    code = st ? peri_done(s, st, e, "commit") : peri_why(e);
  }
  if (code == PERI_OK) {
    checkpoint(s);
    return code;
  }
  /* SQLite rolls back by itself after some errors */
  if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
  s->id_count = 0; /* numbers given out inside are void */
  return code;
}
