/* json/paths: compiles paths into places. A path of keys k1.k2.k3 also gets its literal forms: at the root "k1.k2.k3", below k1
 * "k2.k3". Next: walk.c. */
#include "json/trie.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_MAX 20000 /* two thousand columns of a view, ten times over */

peri_place *peri_place_new(peri_paths *set) {
  peri_place *place = peri_arena_take(set->arena, sizeof *place);
  place->slot = -1;
  place->first = 0;
  return place;
}

peri_paths *peri_paths_new(peri_arena *a) {
  peri_paths *set = peri_arena_take(a, sizeof *set);
  set->arena = a;
  set->root = peri_place_new(set);
  return set;
}

int peri_paths_count(const peri_paths *set) { return set->count; }

/* What is learned is bounded, so chosen collisions cost little here; the seed only makes them hard to choose. */
static uint32_t hash(peri_str key) { return (uint32_t)XXH3_64bits_withSeed(key.n ? key.p : "", key.n, (uint64_t)(uintptr_t)&peri_paths_new); }

static uint32_t *entry(const peri_place *place, peri_str key) {
  uint32_t mask = place->table_size - 1, i = hash(key) & mask;
  while (place->table[i] && !peri_str_eq(place->keys[place->table[i] - 1].text, key)) i = (i + 1) & mask;
  return &place->table[i];
}

uint32_t peri_place_find(const peri_place *place, peri_str key) {
  if (!place->table_size) return PERI_PLACE_NONE;
  return *entry(place, key) - 1; /* 0, free, becomes PERI_PLACE_NONE */
}

static bool needs_escape(peri_str key) {
  for (size_t i = 0; i < key.n; i++)
    if ((unsigned char)key.p[i] < 0x20 || key.p[i] == '"' || key.p[i] == '\\') return true;
  return false;
}

static uint32_t add_key(peri_paths *set, peri_place *place, peri_str key) {
  if ((place->key_count + 1) * 2 > place->table_size) {
    place->table_size = place->table_size ? place->table_size * 2 : 16;
    place->table = peri_arena_take(set->arena, place->table_size * sizeof *place->table);
    for (size_t i = 0; i < place->key_count; i++) *entry(place, place->keys[i].text) = (uint32_t)i + 1;
  }
  place->keys = peri_arena_grow(set->arena, place->keys, place->key_count, &place->key_cap, sizeof *place->keys);
  uint32_t at = (uint32_t)place->key_count++;
  size_t n = key.n + 2;
  char *raw = peri_arena_take(set->arena, n < 16 ? 16 : n);
  raw[0] = raw[n - 1] = '"';
  if (key.n) memcpy(raw + 1, key.p, key.n);
  place->keys[at] = (peri_place_key){.raw = raw, .raw_n = needs_escape(key) ? 0 : (uint32_t)n, .next = at + 1, .text = {raw + 1, key.n}};
  *entry(place, place->keys[at].text) = at + 1;
  return at;
}

uint32_t peri_place_learn(peri_paths *set, peri_place *place, peri_str key) {
  if (key.n > PERI_LEARN_BYTES_MAX || set->learned >= PERI_LEARN_KEYS_MAX) return PERI_PLACE_NONE;
  set->learned++;
  return add_key(set, place, key);
}

static peri_place_key *key_of(peri_paths *set, peri_place *place, peri_str key) {
  uint32_t at = peri_place_find(place, key);
  if (at == PERI_PLACE_NONE) at = add_key(set, place, key);
  place->wants_keys = true;
  return &place->keys[at];
}

peri_place *peri_place_key_child(peri_paths *set, peri_place *place, peri_str key) {
  peri_place_key *k = key_of(set, place, key);
  if (!k->child) k->child = peri_place_new(set);
  return k->child;
}

peri_place *peri_place_each(peri_paths *set, peri_place *place) {
  if (!place->each) place->each = peri_place_new(set);
  return place->each;
}

static peri_place *index_child(peri_paths *set, peri_place *place, int index) {
  for (size_t i = 0; i < place->index_count; i++)
    if (place->indexes[i].index == index) return place->indexes[i].to;
  place->indexes = peri_arena_grow(set->arena, place->indexes, place->index_count, &place->index_cap, sizeof *place->indexes);
  peri_place *to = peri_place_new(set);
  place->indexes[place->index_count++] = (peri_place_index){index, to};
  if (-index > place->back_most) place->back_most = -index;
  return to;
}

/* Other paths may join their keys to the same text, so each alternative is told apart by its place. */
static void add_alt(peri_paths *set, peri_place *place, peri_str key, peri_place *to) {
  peri_place_key *k = key_of(set, place, key);
  place->has_alts = true;
  peri_alt *alt = peri_arena_take(set->arena, sizeof *alt);
  *alt = (peri_alt){to, k->alts};
  k->alts = alt;
}

static void add_slot(peri_paths *set, int **slots, size_t *count, size_t *cap, int slot) {
  *slots = peri_arena_grow(set->arena, *slots, *count, cap, sizeof **slots);
  (*slots)[(*count)++] = slot;
}

static peri_place *step_down(peri_paths *set, peri_place *place, const peri_step *step) {
  if (step->kind == PERI_STEP_KEY) return peri_place_key_child(set, place, step->key);
  return step->kind == PERI_STEP_EACH ? peri_place_each(set, place) : index_child(set, place, step->index);
}

/* What the places of one chain have to know of the path: its list slot, and where the literal forms lead. */
static void mark_chain(peri_paths *set, const peri_path *path, peri_place *const *at, peri_place *const *after_literal, int from, int slot,
                       bool list) {
  for (int i = from; i < path->count; i++) {
    if (path->steps[i].kind == PERI_STEP_EACH) add_slot(set, &at[i]->each_slots, &at[i]->each_slot_count, &at[i]->each_slot_cap, slot);
    int end = peri_path_run_end(path, i);
    if (path->steps[i].kind != PERI_STEP_KEY || end == i) continue;
    add_alt(set, at[i], peri_path_joined(path, i, end), after_literal[end + 1]);
    if (list) add_slot(set, &at[i]->alt_slots, &at[i]->alt_slot_count, &at[i]->alt_slot_cap, slot);
  }
}

peri_code peri_paths_add(peri_paths *set, peri_str text, int *slot, bool *many, peri_err *e) {
  peri_path path;
  if (!peri_path_read(&path, text, e)) return PERI_INVALID;
  bool list = false;
  for (int i = 0; i < path.count; i++) list = list || path.steps[i].kind == PERI_STEP_EACH;
  if (many) *many = list;

  peri_place *at[PERI_PATH_STEPS_MAX + 1] = {set->root}; /* before each step */
  for (int i = 0; i < path.count; i++) at[i + 1] = step_down(set, at[i], &path.steps[i]);
  peri_place *last = at[path.count];
  bool fresh = last->slot < 0;
  if (fresh && set->count == SLOTS_MAX) return peri_fail(e, PERI_INVALID, "more than %d paths are read from one record", SLOTS_MAX);
  if (fresh) {
    last->slot = set->count++;
    last->many = list;
  }
  *slot = last->slot;
  set->texts = peri_arena_grow(set->arena, set->texts, set->text_count, &set->text_cap, sizeof *set->texts);
  set->texts[set->text_count++] = peri_arena_str(set->arena, text);
  if (!fresh) return PERI_OK;

  /* Behind a literal key this path goes on by places of its own: shared ones would let in what other paths ask for. */
  int first = 0;
  while (first < path.count && (path.steps[first].kind != PERI_STEP_KEY || peri_path_run_end(&path, first) == first)) first++;
  peri_place *own[PERI_PATH_STEPS_MAX + 1] = {NULL};
  if (first < path.count) {
    int from = peri_path_run_end(&path, first) + 1;
    own[from] = peri_place_new(set);
    for (int i = from; i < path.count; i++) own[i + 1] = step_down(set, own[i], &path.steps[i]);
    own[path.count]->slot = last->slot;
    own[path.count]->many = list;
    mark_chain(set, &path, own, own, from, last->slot, list);
  }
  mark_chain(set, &path, at, own, 0, last->slot, list);
  return PERI_OK;
}
