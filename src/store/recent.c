/* store/recent: rows that the skip check has just looked up, so that the commit of the same page need not look again (half the price of a changed
 * row). An entry is used once: whoever finds a row in order to write it takes it out. Verbs that write rows without finding them forget all. Refuses
 * keys over 40 bytes and rows of sets; a lost entry only costs a look-up. */
#include <stdlib.h>
#include <xxhash.h>

#include "store/inside.h"

#define SLOTS 2048u
#define KEY_MAX 40

struct peri_recent {
  uint64_t scope; /* integration and entity */
  uint32_t epoch; /* 0: free */
  uint32_t key_n;
  char key[KEY_MAX];
  peri_found found;
};

uint64_t peri_recent_scope(const peri_store *s, peri_str integration_id, peri_str entity) {
  return XXH3_64bits_withSeed(entity.p, entity.n, XXH3_64bits_withSeed(integration_id.p, integration_id.n, s->seed));
}

static peri_recent *slot(const peri_store *s, uint64_t scope, peri_str key) {
  return &s->recent[XXH3_64bits_withSeed(key.p ? key.p : "", key.n, scope) % SLOTS];
}

void peri_recent_put(peri_store *s, uint64_t scope, peri_str key, const peri_found *f) {
  if (key.n > KEY_MAX || !s->writer) return;
  if (!s->recent) {
    s->recent = peri_alloc(SLOTS * sizeof *s->recent);
    s->recent_epoch = 1;
  }
  peri_recent *r = slot(s, scope, key);
  r->scope = scope;
  r->epoch = s->recent_epoch;
  r->key_n = (uint32_t)key.n;
  memcpy(r->key, key.p ? key.p : "", key.n);
  r->found = *f;
}

bool peri_recent_take(peri_store *s, uint64_t scope, peri_str key, peri_found *f) {
  if (!s->recent || key.n > KEY_MAX) return false;
  peri_recent *r = slot(s, scope, key);
  if (r->epoch != s->recent_epoch || r->scope != scope || r->key_n != key.n || memcmp(r->key, key.p ? key.p : "", key.n) != 0) return false;
  *f = r->found;
  f->external = key;
  r->epoch = 0;
  return true;
}

void peri_recent_forget(peri_store *s) {
  if (!s->recent) return;
  if (++s->recent_epoch == 0) { /* after four thousand million times */
    memset(s->recent, 0, SLOTS * sizeof *s->recent);
    s->recent_epoch = 1;
  }
}
