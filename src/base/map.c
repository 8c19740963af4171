/* base/map: open addressing over XXH3, items in the order of their coming. Has no removal: arenas forget all at once. */
#include "base/map.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"

/* Differs from process to process, so that nobody outside can choose keys that all meet in one place. */
static uint64_t seed(void) {
  static uint64_t value;
  if (!value) value = ((uint64_t)(uintptr_t)&value * 0x9E3779B97F4A7C15u) ^ (uint64_t)peri_mono_us() ^ 1u;
  return value;
}

void peri_map_init(peri_map *m, peri_arena *arena) { *m = (peri_map){.arena = arena}; }

/* The place in the table where the key is, or would be. */
static size_t place(const peri_map *m, peri_str key) {
  size_t mask = m->table_size - 1;
  size_t i = (size_t)XXH3_64bits_withSeed(key.n ? key.p : "", key.n, seed()) & mask;
  while (m->table[i] && !peri_str_eq(m->items[m->table[i] - 1].key, key)) i = (i + 1) & mask;
  return i;
}

static const peri_map_item *find(const peri_map *m, peri_str key) {
  if (!m->count) return NULL;
  uint32_t at = m->table[place(m, key)];
  return at ? &m->items[at - 1] : NULL;
}

void *peri_map_get(const peri_map *m, peri_str key) {
  const peri_map_item *item = find(m, key);
  return item ? item->value : NULL;
}

bool peri_map_has(const peri_map *m, peri_str key) { return find(m, key) != NULL; }

static void widen(peri_map *m) {
  m->table_size = m->table_size ? m->table_size * 2 : 16;
  m->table = peri_arena_take(m->arena, m->table_size * sizeof *m->table);
  for (size_t i = 0; i < m->count; i++) m->table[place(m, m->items[i].key)] = (uint32_t)(i + 1);
}

bool peri_map_put(peri_map *m, peri_str key, void *value) {
  if (m->count * 4 >= m->table_size * 3) widen(m);
  size_t at = place(m, key);
  if (m->table[at]) {
    m->items[m->table[at] - 1].value = value;
    return false;
  }
  m->items = peri_arena_grow(m->arena, m->items, m->count, &m->cap, sizeof *m->items);
  m->items[m->count] = (peri_map_item){peri_arena_str(m->arena, key), value};
  m->table[at] = (uint32_t)++m->count;
  return true;
}
