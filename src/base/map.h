/* base/map: text to pointer, insertion order kept. Keys are copied into the map's arena. */
#ifndef PERI_BASE_MAP_H
#define PERI_BASE_MAP_H

#include <stdbool.h>

#include "base/mem.h"

typedef struct peri_map_item {
  peri_str key;
  void *value;
} peri_map_item;

typedef struct peri_map {
  peri_arena *arena; /* borrowed; must outlive the map */
  peri_map_item *items;
  size_t count, cap;
  uint32_t *table; /* index + 1 into items; 0 is free */
  size_t table_size;
} peri_map;

void peri_map_init(peri_map *m, peri_arena *arena);
void *peri_map_get(const peri_map *m, peri_str key);           /* NULL if absent */
bool peri_map_has(const peri_map *m, peri_str key);
bool peri_map_put(peri_map *m, peri_str key, void *value);     /* true if the key is new; replaces otherwise */

#endif
