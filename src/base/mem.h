/* base/mem: allocation that cannot fail quietly, and arenas.
 * Out of memory: one line on stderr and _exit(1). The database is transactional, so stopping is clean. */
#ifndef PERI_BASE_MEM_H
#define PERI_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* For what no program goes on after: one line on stderr, then _exit(1), never a signal. */
_Noreturn void peri_end_now(const char *why);
void *peri_alloc(size_t n);                 /* zeroed */
void *peri_resize(void *p, size_t n);
char *peri_dup(peri_str s);                 /* NUL-terminated copy */

/* An arena: many small things that die together. */
typedef struct peri_arena peri_arena;
peri_arena *peri_arena_new(void);
void peri_arena_free(peri_arena *a);        /* NULL is fine */
void peri_arena_reset(peri_arena *a);       /* forgets everything, keeps the first block */
void *peri_arena_take(peri_arena *a, size_t n);                /* zeroed, aligned for anything */
char *peri_arena_bytes(peri_arena *a, size_t n);               /* not zeroed, not aligned: for text */
peri_str peri_arena_str(peri_arena *a, peri_str s);            /* a copy, with a NUL behind it */
peri_str peri_arena_fmt(peri_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Grows an array kept in an arena: returns room for at least count+1 items, copying if needed. */
void *peri_arena_grow(peri_arena *a, void *items, size_t count, size_t *cap, size_t item_bytes);

#endif
