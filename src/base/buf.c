/* base/buf: the growable buffer. Refuses to grow past `max`: from then on it takes nothing more and says `over`. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void peri_buf_fini(peri_buf *b) {
  free(b->p);
  *b = (peri_buf){.max = b->max};
}

void peri_buf_clear(peri_buf *b) {
  b->n = 0;
  b->over = false;
}

/* Room for n bytes and one NUL. */
static void grow(peri_buf *b, size_t n) {
  size_t want = b->cap ? b->cap * 2 : 64;
  if (want < b->n + n + 1) want = b->n + n + 1;
  if (b->max && b->max < SIZE_MAX - 1 && want > b->max + 1) want = b->max + 1;
  b->p = peri_resize(b->p, want);
  b->cap = want;
}

char *peri_buf_room(peri_buf *b, size_t n) {
  if (b->over) return NULL;
  size_t most = b->max ? b->max : SIZE_MAX / 4;
  if (n > most || b->n > most - n) {
    b->over = true;
    return NULL;
  }
  if (b->cap < b->n + n + 1) grow(b, n);
  return b->p + b->n;
}

void peri_buf_put(peri_buf *b, const void *p, size_t n) {
  if (!n) return;
  char *to = peri_buf_room(b, n);
  if (!to) return;
  memcpy(to, p, n);
  b->n += n;
}

void peri_buf_str(peri_buf *b, peri_str s) { peri_buf_put(b, s.p, s.n); }
void peri_buf_c_str(peri_buf *b, const char *s) { peri_buf_put(b, s, strlen(s)); }
void peri_buf_char(peri_buf *b, char c) { peri_buf_put(b, &c, 1); }

void peri_buf_fmt(peri_buf *b, const char *format, ...) {
  char small[256];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(small, sizeof small, format, args);
  va_end(args);
  if (n <= 0) return;
  char *to = peri_buf_room(b, (size_t)n);
  if (!to) return;
  if ((size_t)n < sizeof small) {
    memcpy(to, small, (size_t)n);
  } else { /* the room holds one byte more than was asked for, for this NUL */
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
  }
  b->n += (size_t)n;
}

const char *peri_buf_c(peri_buf *b) {
  if (b->cap < b->n + 1) grow(b, 0);
  b->p[b->n] = 0;
  return b->p;
}
