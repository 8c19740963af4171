/* base/mem: allocation that ends the process rather than return NULL, and block arenas.
 * Refuses nothing else: ceilings belong to the callers. Under AddressSanitizer an arena poisons what it has not given out,
 * so that a write past an item is caught as it would be for malloc. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_GUARD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_GUARD 1
#endif
#endif
#ifdef ARENA_GUARD
#include <sanitizer/asan_interface.h>
#define GUARD_BYTES 16
#define GUARD(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNGUARD(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define GUARD_BYTES 0
#define GUARD(p, n) ((void)0)
#define UNGUARD(p, n) ((void)0)
#endif

#define ALIGN 16u
#define BLOCK_FIRST (8u << 10)
#define BLOCK_MOST (1u << 20) /* blocks grow to this; a reset keeps no larger one */

_Noreturn void peri_end_now(const char *why) {
  char line[200];
  int len = snprintf(line, sizeof line, "perilune: %s\n", why);
  if (len > 0 && write(2, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1) < 0) { /* nobody left to tell */
  }
  _exit(1);
}

static _Noreturn void out_of_memory(size_t n) {
  char why[160];
  snprintf(why, sizeof why, "out of memory (%zu bytes were asked for); what was committed stays, the next run goes on there", n);
  peri_end_now(why);
}

void *peri_alloc(size_t n) {
  void *p = calloc(1, n ? n : 1);
  if (!p) out_of_memory(n);
  return p;
}

void *peri_resize(void *p, size_t n) {
  void *q = realloc(p, n ? n : 1);
  if (!q) out_of_memory(n);
  return q;
}

char *peri_dup(peri_str s) {
  if (s.n == SIZE_MAX) out_of_memory(s.n);
  char *p = peri_alloc(s.n + 1);
  if (s.n) memcpy(p, s.p, s.n);
  return p;
}

typedef struct block {
  struct block *next;
  size_t size; /* of what follows the header */
  size_t used;
  size_t pad;
} block;
_Static_assert(sizeof(block) % ALIGN == 0, "what follows a block's header must be aligned");

struct peri_arena {
  block *head; /* the block being filled; older ones follow */
  size_t next_size;
};

static char *block_bytes(block *b) { return (char *)(b + 1); }

static block *block_new(size_t size, block *next) {
  block *b = malloc(sizeof *b + size);
  if (!b) out_of_memory(size);
  *b = (block){next, size, 0, 0};
  GUARD(block_bytes(b), size);
  return b;
}

static void block_free(block *b) {
  UNGUARD(block_bytes(b), b->size);
  free(b);
}

peri_arena *peri_arena_new(void) {
  peri_arena *a = peri_alloc(sizeof *a);
  a->next_size = BLOCK_FIRST;
  return a;
}

void peri_arena_free(peri_arena *a) {
  if (!a) return;
  for (block *b = a->head, *next; b; b = next) {
    next = b->next;
    block_free(b);
  }
  free(a);
}

/* One block stays: the largest of ordinary size, so that a job of steady size stops asking the system after a round or two. */
void peri_arena_reset(peri_arena *a) {
  block *keep = NULL;
  for (block *b = a->head; b; b = b->next)
    if (b->size <= BLOCK_MOST && (!keep || b->size > keep->size)) keep = b;
  for (block *b = a->head, *next; b; b = next) {
    next = b->next;
    if (b != keep) block_free(b);
  }
  if (keep) {
    keep->next = NULL;
    keep->used = 0;
    GUARD(block_bytes(keep), keep->size);
  }
  a->head = keep;
}

static char *take_slow(peri_arena *a, size_t n, size_t whole) {
  if (whole < n || whole > SIZE_MAX - sizeof(block)) out_of_memory(n);
  /* something large gets a block of its own behind the current one, whose rest stays in use */
  if (whole > a->next_size / 2 && a->head) {
    block *b = block_new(whole, a->head->next);
    a->head->next = b;
    b->used = whole;
    UNGUARD(block_bytes(b), n);
    return block_bytes(b);
  }
  size_t size = a->next_size > whole ? a->next_size : whole;
  a->head = block_new(size, a->head);
  if (a->next_size < BLOCK_MOST) a->next_size *= 2;
  a->head->used = whole;
  UNGUARD(block_bytes(a->head), n);
  return block_bytes(a->head);
}

static char *take(peri_arena *a, size_t n, size_t align) {
  block *b = a->head;
  if (GUARD_BYTES) align = ALIGN;
  size_t whole = n + GUARD_BYTES;
  if (b && whole >= n) {
    size_t at = (b->used + align - 1) & ~(align - 1);
    if (at <= b->size && b->size - at >= whole) {
      b->used = at + whole;
      UNGUARD(block_bytes(b) + at, n);
      return block_bytes(b) + at;
    }
  }
  return take_slow(a, n, whole);
}

void *peri_arena_take(peri_arena *a, size_t n) {
  char *p = take(a, n, ALIGN);
  memset(p, 0, n);
  return p;
}

char *peri_arena_bytes(peri_arena *a, size_t n) { return take(a, n, 1); }

peri_str peri_arena_str(peri_arena *a, peri_str s) {
  if (s.n == SIZE_MAX) out_of_memory(s.n);
  char *p = peri_arena_bytes(a, s.n + 1);
  if (s.n) memcpy(p, s.p, s.n);
  p[s.n] = 0;
  return (peri_str){p, s.n};
}

peri_str peri_arena_fmt(peri_arena *a, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (n < 0) return (peri_str){"", 0};
  char *p = peri_arena_bytes(a, (size_t)n + 1);
  va_start(args, format);
  vsnprintf(p, (size_t)n + 1, format, args);
  va_end(args);
  return (peri_str){p, (size_t)n};
}

void *peri_arena_grow(peri_arena *a, void *items, size_t count, size_t *cap, size_t item_bytes) {
  if (count < *cap) return items;
  size_t more = *cap ? *cap * 2 : 8, bytes;
  if (more <= count) more = count + 1;
  if (__builtin_mul_overflow(more, item_bytes, &bytes)) out_of_memory(SIZE_MAX);
  char *p = take(a, bytes, ALIGN);
  size_t used = items ? count * item_bytes : 0;
  if (used) memcpy(p, items, used);
  memset(p + used, 0, bytes - used);
  *cap = more;
  return p;
}
