/* script/alloc: memory of one Lua state. Small blocks come from size classes, so that a state is made and dropped in microseconds.
 *
 * It never answers NULL: Lua 5.4.4 can be crashed by a refused allocation, and a script's pcall would swallow the error. Past the
 * ceiling it asks for a look at the next instruction (budget.c); past twice the ceiling the process leaves. */
#include <stdlib.h>
#include <string.h>

#include "script/state.h"

#if defined(__SANITIZE_ADDRESS__)
#define PLAIN_BLOCKS 1 /* AddressSanitizer sees each block */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLAIN_BLOCKS 1
#endif
#endif
#ifndef PLAIN_BLOCKS
#define PLAIN_BLOCKS 0
#endif

#define CLASS_BYTES 16u
#define CLASS_COUNT 33u /* blocks of up to 512 bytes */
#define SMALL_MAX ((CLASS_COUNT - 1) * CLASS_BYTES)
#define CHUNK_BYTES (64u << 10)

typedef struct block {
  struct block *next;
} block;

typedef struct chunk {
  struct chunk *next;
  char pad[8]; /* blocks stay aligned to 16 bytes */
} chunk;

struct peri_pool {
  size_t used, peak;
  block *free[CLASS_COUNT];
  char *fresh, *fresh_end;
  chunk *chunks;
};

peri_pool *peri_pool_new(void) { return peri_alloc(sizeof(peri_pool)); }

void peri_pool_free(peri_pool *p) {
  while (p->chunks) {
    chunk *c = p->chunks;
    p->chunks = c->next;
    free(c);
  }
  free(p);
}

size_t peri_pool_used(const peri_pool *p) { return p->used; }
size_t peri_pool_peak(const peri_pool *p) { return p->peak; }

static size_t class_of(size_t n) { return (n + CLASS_BYTES - 1) / CLASS_BYTES; }

static bool is_small(size_t n) { return !PLAIN_BLOCKS && n <= SMALL_MAX; }

static void *small_new(peri_script *s, size_t n) {
  peri_pool *p = s->pool;
  size_t c = class_of(n);
  block *b = p->free[c];
  if (b) {
    p->free[c] = b->next;
    return b;
  }
  size_t bytes = c * CLASS_BYTES;
  if ((size_t)(p->fresh_end - p->fresh) < bytes) {
    /* what is left of the old chunk goes to the class it fits */
    size_t rest = (size_t)(p->fresh_end - p->fresh) / CLASS_BYTES;
    if (rest > 0) {
      block *left = (block *)(void *)p->fresh;
      left->next = p->free[rest];
      p->free[rest] = left;
    }
    chunk *fresh = malloc(CHUNK_BYTES);
    if (!fresh) peri_leave(s, 2, PERI_EXIT_MEMORY);
    fresh->next = p->chunks;
    p->chunks = fresh;
    p->fresh = (char *)fresh + sizeof(chunk);
    p->fresh_end = (char *)fresh + CHUNK_BYTES;
  }
  b = (block *)(void *)p->fresh;
  p->fresh += bytes;
  return b;
}

static void small_drop(peri_pool *p, void *old, size_t n) {
  block *b = old;
  size_t c = class_of(n);
  b->next = p->free[c];
  p->free[c] = b;
}

static void count(peri_script *s, size_t old_bytes, size_t new_bytes) {
  peri_pool *p = s->pool;
  p->used = p->used - old_bytes + new_bytes;
  if (p->used > p->peak) p->peak = p->used;
  if (p->used > s->ceiling && new_bytes > old_bytes) {
    if (p->used > 2 * s->ceiling) peri_leave(s, 2, PERI_EXIT_MEMORY);
    peri_budget_memory(s, 0);
  }
}

void *peri_pool_alloc(void *script, void *old, size_t old_bytes, size_t new_bytes) {
  peri_script *s = script;
  peri_pool *p = s->pool;
  if (!old) {
    /* for a new block Lua passes the type of the object, not a size */
    if (old_bytes == LUA_TSTRING && new_bytes > PERI_SCRIPT_STRING_MAX + 64) peri_budget_memory(s, new_bytes);
    old_bytes = 0;
  }
  if (new_bytes == 0) {
    if (!old) return NULL;
    p->used -= old_bytes;
    if (is_small(old_bytes)) small_drop(p, old, old_bytes);
    else free(old);
    return NULL;
  }
  if (new_bytes > 2 * s->ceiling) peri_leave(s, 2, PERI_EXIT_MEMORY); /* before the system is asked */
  count(s, old_bytes, new_bytes);
  if (is_small(new_bytes)) {
    if (old && is_small(old_bytes) && class_of(old_bytes) == class_of(new_bytes)) return old;
    void *b = small_new(s, new_bytes);
    if (!old) return b;
    memcpy(b, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    if (is_small(old_bytes)) small_drop(p, old, old_bytes);
    else free(old);
    return b;
  }
  void *b;
  if (old && is_small(old_bytes)) {
    b = malloc(new_bytes);
    if (!b) peri_leave(s, 2, PERI_EXIT_MEMORY);
    memcpy(b, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    small_drop(p, old, old_bytes);
    return b;
  }
  b = realloc(old, new_bytes);
  if (!b) peri_leave(s, 2, PERI_EXIT_MEMORY);
  return b;
}
