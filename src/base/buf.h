/* base/buf: a growable byte buffer with a ceiling. Past its ceiling it keeps what it has and remembers `over`;
 * callers check once at the end. Running out of memory ends the process with a message (base/mem). */
#ifndef PERI_BASE_BUF_H
#define PERI_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct peri_buf {
  char *p; /* owned; NUL-terminated only after peri_buf_c */
  size_t n, cap;
  size_t max; /* 0: no ceiling of its own */
  bool over;
} peri_buf;

void peri_buf_fini(peri_buf *b);
void peri_buf_clear(peri_buf *b); /* keeps the memory */
char *peri_buf_room(peri_buf *b, size_t n); /* room for n more bytes at the end, or NULL if over; then add to b->n */
void peri_buf_put(peri_buf *b, const void *p, size_t n);
void peri_buf_str(peri_buf *b, peri_str s);
void peri_buf_c_str(peri_buf *b, const char *s);
void peri_buf_char(peri_buf *b, char c);
void peri_buf_fmt(peri_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *peri_buf_c(peri_buf *b); /* NUL-terminated view, valid until the next change */
static inline peri_str peri_buf_view(const peri_buf *b) { return (peri_str){b->p ? b->p : "", b->n}; }

#endif
