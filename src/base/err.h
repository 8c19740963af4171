/* base/err: one error type and the one table of codes.
 *
 * The return code says what to do, the text says what to tell: what was found, where, and the way out.
 * Codes are stable: they appear in --json answers, in the database and in docs/reference. */
#ifndef PERI_BASE_ERR_H
#define PERI_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"

/* X(symbol, name, exit code, HTTP status, the way out) */
#define PERI_CODES(X)                                                                                                                                \
  X(OK, "ok", 0, 200, "")                                                                                                                            \
  X(USAGE, "usage", 2, 400, "see perilune help COMMAND")                                                                                             \
  X(NOT_FOUND, "not_found", 1, 404, "list what exists: perilune list, perilune connectors list")                                                     \
  X(EXISTS, "exists", 1, 409, "choose another name, or change the one that exists with perilune set")                                                \
  X(CONFLICT, "conflict", 1, 409, "read it again and repeat the change")                                                                             \
  X(INVALID, "invalid", 1, 422, "correct the value that is named")                                                                                   \
  X(BUSY, "busy", 1, 423, "wait for the command that holds the database, or give more time with --wait SECONDS")                                     \
  X(NEWER_DATABASE, "newer_database", 1, 500, "use the perilune that wrote it, or a newer one")                                                      \
  X(NOT_OURS, "not_ours", 1, 500, "name another file with --db")                                                                                     \
  X(WRONG_KEY, "wrong_key", 1, 500, "put back the perilune.key that belongs to this database")                                                       \
  X(NO_KEY, "no_key", 1, 500, "put back perilune.key, or run perilune init in a new folder")                                                         \
  X(DISK_FULL, "disk_full", 1, 507, "free some space and run the command again; nothing is lost")                                                    \
  X(READ_ONLY, "read_only", 1, 500, "give this user the right to write the database and its folder")                                                 \
  X(IO, "io", 1, 500, "look at the system's message and the disk")                                                                                   \
  X(SCRIPT_REFUSED, "script_refused", 1, 422, "correct the file at the line that is named")                                                          \
  X(SCRIPT_ERROR, "script_error", 1, 422, "correct the function at the line that is named")                                                          \
  X(SCRIPT_TIMEOUT, "script_timeout", 1, 422, "make the function cheaper, or raise limits.call in perilune.lua")                                     \
  X(SCRIPT_MEMORY, "script_memory", 1, 422, "keep less, or raise limits.memory in perilune.lua")                                                     \
  X(SCRIPT_CRASH, "script_crash", 1, 422, "find the record named in rejects; the function at the line that is named brought the worker down")        \
  X(GENERATION_UNKNOWN, "generation_unknown", 1, 404, "see the scripts in force with perilune mappings list")                                        \
  X(HOST_NOT_TRUSTED, "host_not_trusted", 1, 403, "add the integration again with --base-url, if this host may receive its credential")              \
  X(ADDRESS_REFUSED, "address_refused", 1, 403, "loopback, private and metadata addresses need --base-url when the integration is added")            \
  X(DNS, "dns", 1, 502, "check the host's name and this machine's resolver")                                                                         \
  X(CONNECT, "connect", 1, 502, "check that the server runs and that a firewall lets this machine through")                                          \
  X(TLS, "tls", 1, 502, "check the server's certificate and this machine's clock")                                                                   \
  X(TIMEOUT, "timeout", 1, 504, "try again; if it stays, ask the API's status page")                                                                 \
  X(CREDENTIALS_REFUSED, "credentials_refused", 1, 401, "give a valid credential: perilune set NAME --credential …, or log in again: perilune auth NAME")\
  X(SCOPE_MISSING, "scope_missing", 1, 403, "give the token the scope that the API names, then try again")                                           \
  X(NEEDS_REAUTH, "needs_reauth", 1, 401, "log in again: perilune auth NAME")                                 \
  X(RATE_LIMITED, "rate_limited", 1, 429, "wait until the time that is named; the next run goes on where this one stopped")                          \
  X(API_ERROR, "api_error", 1, 502, "read the API's own words above")                                                                                \
  X(BAD_REPLY, "bad_reply", 1, 502, "compare the reply with the connector's records path: perilune explain NAME STREAM")                             \
  X(REPLY_TOO_LARGE, "reply_too_large", 1, 502, "ask for smaller pages in the connector")                                                            \
  X(PAGING_LOOP, "paging_loop", 1, 502, "correct the connector's pager; the cursor was not moved")                                                   \
  X(MASS_DELETE, "mass_delete", 1, 409, "see what vanished in perilune status NAME, then accept it: perilune sync NAME --accept-deletes RUN")            \
  X(WORKER_LOST, "worker_lost", 1, 500, "run the command again; perilune doctor shows what this machine allows")                                     \
  X(INTERRUPTED, "interrupted", 1, 503, "run it again: it goes on where it stopped")                                                                 \
  X(INTERNAL, "internal", 1, 500, "please report this with the message above")

typedef enum peri_code {
#define X(symbol, name, exit_code, http, way_out) PERI_##symbol,
  PERI_CODES(X)
#undef X
      PERI_CODE_COUNT
} peri_code;

typedef struct peri_err {
  peri_code code;
  char text[PERI_ERROR_TEXT_MAX]; /* always ends with NUL, always valid UTF-8 if the arguments were */
} peri_err;

/* Sets *e (which may be NULL) and returns `code`, so that `return peri_fail(e, …)` reads as one step. */
peri_code peri_fail(peri_err *e, peri_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is already there. */
void peri_err_prefix(peri_err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *peri_code_name(peri_code code);
int peri_code_exit(peri_code code);
int peri_code_http(peri_code code);
const char *peri_code_way_out(peri_code code);
peri_code peri_code_named(const char *name, size_t n); /* PERI_CODE_COUNT if unknown */

#endif
