/* base/log: one line an event on stderr, logfmt, control characters escaped, known secrets blotted out.
 * Core only; a worker sends LOG frames instead. */
#ifndef PERI_BASE_LOG_H
#define PERI_BASE_LOG_H

#include <stdbool.h>

#include "base/str.h"

/* PERI_DEBUG itself is the sanitized build's macro. */
typedef enum peri_level { PERI_LOG_DEBUG, PERI_INFO, PERI_WARN, PERI_ERROR } peri_level;

void peri_log_level(peri_level level);
bool peri_log_level_named(const char *name, peri_level *out);
bool peri_log_on(peri_level level);
/* room: "net", "sync", …  The message is one sentence; variable parts follow as key=value by the caller's format. */
void peri_log(peri_level level, const char *room, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Every secret that is opened is named here; from then on no log line, error text or recorded reply shows it
 * (raw, base64, URL-encoded, JSON- and HTML-escaped forms). Short ones are not blotted: they would blot everything. */
#define PERI_REDACT_BYTES_MIN 6
void peri_redact_add(peri_str secret);
void peri_redact_clear(void);
/* Rewrites in place; the text never grows. Returns its new length. A secret that the text's end cuts off is blotted as far as it goes, so cutting
 * first and blotting then is safe; cutting and going on with another text is not. */
size_t peri_redact(char *text, size_t n);
struct peri_arena;
peri_str peri_redacted(struct peri_arena *a, peri_str text); /* a copy; empty stays empty */

#endif
