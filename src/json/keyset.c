/* json/keyset: finds a key that an object has twice. Keys that come in ascending order cannot repeat and cost one comparison
 * each; a few unordered ones are compared with each other; many go into a hash table. All of it lives on two stacks that the
 * scanner owns, so a nested object only borrows their tops. */
#include <stdlib.h>

#include "base/clock.h"
#include "json/scan.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LINEAR_MOST 12

static uint64_t hash(peri_str key) {
  static uint64_t seed; /* so that nobody outside can choose keys that all meet in one place */
  if (!seed) seed = ((uint64_t)(uintptr_t)&seed * 0x9E3779B97F4A7C15u) ^ (uint64_t)peri_mono_us() ^ 1u;
  return XXH3_64bits_withSeed(key.n ? key.p : "", key.n, seed);
}

/* Equal keys have equal tags; unequal ones seldom. */
static uint32_t tag_of(peri_str key) {
  uint64_t a = 0, b = 0;
  if (key.n >= 8) {
    memcpy(&a, key.p, 8);
    memcpy(&b, key.p + key.n - 8, 8);
  } else {
    if (key.n) memcpy(&a, key.p, key.n);
  }
  uint64_t mixed = (a ^ (b << 1) ^ key.n) * 0x9E3779B97F4A7C15u;
  return (uint32_t)(mixed >> 32);
}

static void push(peri_scan *s, peri_str key, uint32_t tag) {
  if (s->key_count == s->key_cap) {
    uint32_t cap = s->key_cap * 2;
    if (s->keys == s->at_hand) {
      s->keys = peri_alloc(cap * sizeof *s->keys);
      memcpy(s->keys, s->at_hand, sizeof s->at_hand);
    } else {
      s->keys = peri_resize(s->keys, cap * sizeof *s->keys);
    }
    s->key_cap = cap;
  }
  s->keys[s->key_count++] = (peri_scan_key){key.p, (uint32_t)key.n, tag};
}

static bool same(const peri_scan_key *k, peri_str key) { return k->n == key.n && memcmp(k->p, key.p, key.n) == 0; }

/* Puts key number `at` of the set into the table; false if an equal one is there. */
static bool enter(peri_scan *s, const peri_keyset *set, uint32_t at) {
  const peri_scan_key *k = &s->keys[set->base + at];
  uint32_t *table = s->table + set->table_base, mask = set->table_size - 1;
  for (uint32_t i = (uint32_t)hash((peri_str){k->p, k->n}) & mask;; i = (i + 1) & mask) {
    if (!table[i]) {
      table[i] = at + 1;
      return true;
    }
    const peri_scan_key *other = &s->keys[set->base + table[i] - 1];
    if (other->tag == k->tag && same(other, (peri_str){k->p, k->n})) return false;
  }
}

static void widen(peri_scan *s, peri_keyset *set) {
  if (!set->table_size) set->table_size = 64;
  while ((set->count + 1) * 2 > set->table_size) set->table_size *= 2; /* many sorted keys may have come before the table */
  size_t want = set->table_base + set->table_size;
  if (want > s->table_cap) {
    s->table_cap = want * 2;
    s->table = peri_resize(s->table, s->table_cap * sizeof *s->table);
  }
  s->table_count = want;
  memset(s->table + set->table_base, 0, set->table_size * sizeof *s->table);
  for (uint32_t i = 0; i < set->count; i++) enter(s, set, i);
}

bool peri_keyset_add(peri_scan *s, peri_keyset *set, peri_str key) {
  if (!set->unsorted) {
    if (set->count) {
      const peri_scan_key *last = &s->keys[s->key_count - 1];
      if (peri_str_cmp((peri_str){last->p, last->n}, key) >= 0) set->unsorted = true;
    }
    if (!set->unsorted) {
      push(s, key, tag_of(key));
      set->count++;
      return true;
    }
  }
  uint32_t tag = tag_of(key);
  if (set->count < LINEAR_MOST) {
    const peri_scan_key *k = s->keys + set->base;
    for (uint32_t i = 0; i < set->count; i++)
      if (k[i].tag == tag && same(&k[i], key)) return false;
    push(s, key, tag);
    set->count++;
    return true;
  }
  if (!set->table_size || (set->count + 1) * 2 > set->table_size) widen(s, set);
  push(s, key, tag);
  if (!enter(s, set, set->count)) return false;
  set->count++;
  return true;
}

peri_str peri_scan_key_text(peri_scan *s, const char *from, const char *to, bool escaped) {
  size_t n = (size_t)(to - from);
  if (!escaped) return (peri_str){from, n};
  if (!s->texts) s->texts = peri_arena_new();
  char *text = peri_arena_bytes(s->texts, n);
  return (peri_str){text, peri_unescape(text, from, n)};
}
