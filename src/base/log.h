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
 * (raw, base64 and URL-encoded forms). Short ones (under 6 bytes) are not blotted: they would blot everything. */
void peri_redact_add(peri_str secret);
void peri_redact_clear(void);
/* Rewrites in place; the text never grows. Returns its new length. */
size_t peri_redact(char *text, size_t n);

#endif
