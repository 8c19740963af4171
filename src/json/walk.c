/* json/walk: one strict walk of a value that fills slots on its way. Literal dotted keys and elements counted from the end are
 * rare: they are filled from the checked bytes once their object or list is complete. Start at peri_paths_walk. */
#include "json/trie.h"

peri_sink peri_sink_new(const peri_paths *set, peri_slot *slots, peri_arena *arena) {
  return (peri_sink){.set = (peri_paths *)(uintptr_t)set, /* what it learns is not seen from outside */
                     .slots = slots,
                     .arena = arena,
                     .blocked = set->count ? peri_arena_take(arena, (size_t)set->count) : NULL};
}

static __attribute__((noinline)) void put_many(peri_walk *w, const peri_place *place, peri_span value) {
  peri_slot *slot = &w->sink.slots[place->slot];
  if (w->sink.blocked[place->slot]) return;
  size_t cap = slot->cap;
  slot->many = peri_arena_grow(w->sink.arena, slot->many, slot->count, &cap, sizeof *slot->many);
  slot->cap = (uint32_t)cap;
  slot->many[slot->count++] = value;
}

static inline void put(peri_walk *w, const peri_place *place, peri_span value) {
  if (place->slot < 0) return;
  if (place->many) {
    put_many(w, place, value);
    return;
  }
  peri_slot *slot = &w->sink.slots[place->slot];
  if (slot->one.type == PERI_J_NONE) slot->one = value;
}

void peri_walk_put(peri_walk *w, const peri_place *place, peri_span value) { put(w, place, value); }

void peri_walk_list_found(peri_walk *w, const peri_place *place) {
  for (size_t i = 0; i < place->each_slot_count; i++)
    if (!w->sink.blocked[place->each_slots[i]]) w->sink.slots[place->each_slots[i]].found = true;
}

/* ---- literal dotted keys ---- */

/* How full the list slots were before an object began: only what the object's nested keys left empty is read by literal keys. */
typedef struct fullness {
  uint32_t count;
  bool found, blocked;
} fullness;

static fullness *before_object(peri_walk *w, const peri_place *place) {
  if (!place->alt_slot_count) return NULL;
  fullness *f = peri_arena_take(w->sink.arena, place->alt_slot_count * sizeof *f);
  for (size_t i = 0; i < place->alt_slot_count; i++) {
    peri_slot *slot = &w->sink.slots[place->alt_slots[i]];
    f[i] = (fullness){slot->count, slot->found, false};
    slot->found = false;
  }
  return f;
}

static const peri_place_key *known_key(peri_walk *w, const peri_place *place, peri_span key) {
  peri_str text = peri_scan_key_text(&w->s, key.p + 1, key.p + key.n - 1, key.escaped);
  uint32_t at = peri_place_find(place, text);
  return at == PERI_PLACE_NONE ? NULL : &place->keys[at];
}

static void after_object(peri_walk *w, const peri_place *place, peri_span object, fullness *f, bool literal_seen) {
  if (literal_seen) {
    for (size_t i = 0; i < place->alt_slot_count; i++) {
      int at = place->alt_slots[i];
      f[i].blocked = w->sink.blocked[at];
      if (w->sink.slots[at].found || w->sink.slots[at].count != f[i].count) w->sink.blocked[at] = 1;
    }
    peri_span key, value;
    for (peri_span_iter i = peri_span_open(object); peri_span_next_member(&i, &key, &value);) {
      const peri_place_key *k = known_key(w, place, key);
      for (const peri_alt *alt = k ? k->alts : NULL; alt; alt = alt->next) peri_walk_fill(w, alt->to, value);
    }
    for (size_t i = 0; i < place->alt_slot_count; i++) w->sink.blocked[place->alt_slots[i]] = f[i].blocked;
  }
  for (size_t i = 0; i < place->alt_slot_count; i++)
    if (f[i].found) w->sink.slots[place->alt_slots[i]].found = true;
}

/* ---- values that were checked ---- */

static bool touches(peri_str bad, peri_span value) { return bad.p < value.p + value.n && value.p < bad.p + bad.n; }
static bool inside(peri_str bad, peri_span value) { return bad.p <= value.p && value.p + value.n <= bad.p + bad.n; }

static void fill_object(peri_walk *w, peri_place *place, peri_span object) {
  fullness *f = before_object(w, place);
  bool literal_seen = false;
  peri_span key, value;
  for (peri_span_iter i = peri_span_open(object); peri_span_next_member(&i, &key, &value);) {
    const peri_place_key *k = known_key(w, place, key);
    if (!k) continue;
    if (k->child) peri_walk_fill(w, k->child, value);
    literal_seen = literal_seen || k->alts;
  }
  after_object(w, place, object, f, literal_seen);
}

static void fill_list(peri_walk *w, peri_place *place, peri_span list) {
  peri_ring ring;
  peri_span element;
  peri_ring_open(w, place, &ring);
  for (peri_span_iter i = peri_span_open(list); peri_span_next(&i, &element);) peri_ring_element(w, place, &ring, element, NULL);
  peri_ring_close(w, place, &ring);
}

void peri_walk_fill(peri_walk *w, peri_place *place, peri_span value) {
  bool sound = true;
  for (size_t i = w->bad_from; i < w->bad_count; i++) {
    if (inside(w->bad[i], value)) return;
    sound = sound && !touches(w->bad[i], value);
  }
  if (sound) put(w, place, value);
  if (value.type == PERI_J_OBJECT && place->wants_keys) fill_object(w, place, value);
  if (value.type == PERI_J_ARRAY && (place->each || place->index_count)) fill_list(w, place, value);
}

/* ---- lists ---- */

void peri_ring_open(peri_walk *w, const peri_place *place, peri_ring *ring) {
  ring->count = 0;
  ring->last = place->back_most ? peri_arena_take(w->sink.arena, (size_t)place->back_most * sizeof *ring->last) : NULL;
  peri_walk_list_found(w, place);
}

/* Fills from an element whatever did not come along when it was walked. */
void peri_ring_element(peri_walk *w, const peri_place *place, peri_ring *ring, peri_span element, const peri_place *walked) {
  if (element.type != PERI_J_NONE) {
    if (place->each && place->each != walked) peri_walk_fill(w, place->each, element);
    for (size_t i = 0; i < place->index_count; i++) {
      const peri_place_index *x = &place->indexes[i];
      if (x->to != walked && x->index >= 0 && (size_t)x->index == ring->count) peri_walk_fill(w, x->to, element);
    }
  }
  if (ring->last) ring->last[ring->count % (size_t)place->back_most] = element;
  ring->count++;
}

void peri_ring_close(peri_walk *w, const peri_place *place, const peri_ring *ring) {
  for (size_t i = 0; i < place->index_count; i++) {
    const peri_place_index *x = &place->indexes[i];
    size_t back = x->index < 0 ? (size_t)-x->index : 0;
    if (!back || back > ring->count || !ring->last) continue;
    peri_span element = ring->last[(ring->count - back) % (size_t)place->back_most];
    if (element.type != PERI_J_NONE) peri_walk_fill(w, x->to, element);
  }
}

/* The place that an element is walked with: one only, the others are filled afterwards. */
static peri_place *element_place(const peri_place *place, size_t at) {
  if (place->each) return place->each;
  for (size_t i = 0; i < place->index_count; i++)
    if (place->indexes[i].index >= 0 && (size_t)place->indexes[i].index == at) return place->indexes[i].to;
  return NULL;
}

static const char *walk_list(peri_walk *w, peri_place *place, const char *p, unsigned depth) {
  const char *end = w->s.end;
  peri_ring ring;
  peri_ring_open(w, place, &ring);
  p = peri_scan_white(p + 1, end);
  if (p < end && *p == ']') return p + 1;
  for (;;) {
    peri_span element;
    size_t bad = w->bad_count, bad_from = w->bad_from;
    peri_place *to = element_place(place, ring.count);
    p = to ? peri_walk_value(w, to, p, depth + 1, &element) : peri_scan_any(&w->s, p, depth + 1, &element);
    if (!p) return NULL;
    if (place->index_count) {
      w->bad_from = bad;
      peri_ring_element(w, place, &ring, element, to);
      w->bad_from = bad_from;
    } else {
      ring.count++;
    }
    p = peri_scan_white(p, end);
    if (p < end && *p == ',') {
      p = peri_scan_white(p + 1, end);
      continue;
    }
    if (p < end && *p == ']') break;
    return peri_scan_fail(&w->s, p, "a comma or ] is missing in a list");
  }
  peri_ring_close(w, place, &ring);
  return p + 1;
}

/* ---- objects ---- */

static inline bool key_is_at(const char *p, const char *end, const peri_place_key *k) {
  size_t n = k->raw_n, left = (size_t)(end - p);
#ifdef __SSE2__
  if (left >= 32 && n <= 32) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p), b = _mm_loadu_si128((const __m128i *)(const void *)k->raw);
    unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));
    if (n <= 16) return n != 0 && ((same | ~0u << n) & 0xFFFF) == 0xFFFF;
    if (same != 0xFFFF) return false;
    a = _mm_loadu_si128((const __m128i *)(const void *)(p + n - 16));
    b = _mm_loadu_si128((const __m128i *)(const void *)(k->raw + n - 16));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) == 0xFFFF;
  }
#endif
  return n != 0 && n <= left && memcmp(p, k->raw, n) == 0;
}

/* A key that was not predicted: checks it, finds or learns it. *at is PERI_PLACE_NONE if it could not be learned. */
static const char *other_key(peri_walk *w, peri_place *place, const char *p, peri_keyset *set, uint32_t *at) {
  peri_scan *s = &w->s;
  if (p >= s->end || *p != '"') return peri_scan_fail(s, p, "a key in quotes is missing");
  bool escaped = false;
  const char *quote = peri_scan_string(s, p + 1, &escaped);
  if (!quote) return NULL;
  peri_str text = peri_scan_key_text(s, p + 1, quote, escaped);
  *at = peri_place_find(place, text);
  if (*at == PERI_PLACE_NONE) *at = peri_place_learn(w->sink.set, place, text);
  if (*at == PERI_PLACE_NONE && !peri_keyset_add(s, set, text)) return peri_scan_fail_key(s, p, text);
  return quote + 1;
}

static const char *walk_object(peri_walk *w, peri_place *place, const char *from, unsigned depth) {
  peri_scan *s = &w->s;
  const char *end = s->end, *p = from;
  uint64_t stamp = ++place->stamp;
  uint32_t expected = place->first, before = PERI_PLACE_NONE;
  peri_keyset set = peri_keyset_open(s); /* keys that the place had no room to learn */
  size_t bad = w->bad_count;
  fullness *f = before_object(w, place);
  bool literal_seen = false;
  p = peri_scan_white(p + 1, end);
  if (p < end && *p == '}') {
    after_object(w, place, (peri_span){0}, f, false);
    return p + 1;
  }
  for (;;) {
    const char *key = p;
    uint32_t at = expected;
    if (at < place->key_count && key_is_at(p, end, &place->keys[at])) {
      p += place->keys[at].raw_n;
    } else {
      if (!(p = other_key(w, place, p, &set, &at))) return NULL;
      if (at != PERI_PLACE_NONE) *(before == PERI_PLACE_NONE ? &place->first : &place->keys[before].next) = at;
    }
    peri_place *child = NULL;
    if (at != PERI_PLACE_NONE) {
      peri_place_key *k = &place->keys[at];
      if (k->stamp == stamp) return peri_scan_fail_key(s, key, k->text);
      k->stamp = stamp;
      child = k->child;
      literal_seen |= k->alts != NULL;
      expected = k->next;
      before = at;
    }
    if (p >= end || *p != ':') p = peri_scan_white(p, end);
    if (p >= end || *p != ':') return peri_scan_fail(s, p, "a colon is missing after a key");
    p++;
    if (p < end && *p <= ' ') p = peri_scan_white(p, end);
    peri_span value;
    if (!child) {
      if (!(p = peri_scan_any(s, p, depth + 1, &value))) return NULL;
    } else if (p < end && *p == '"' && !child->role) { /* most of what is asked for is a text */
      if (!(p = peri_scan_any(s, p, depth + 1, &value))) return NULL;
      put(w, child, value);
    } else {
      if (!(p = peri_walk_value(w, child, p, depth + 1, &value))) return NULL;
    }
    if (p < end && *p <= ' ') p = peri_scan_white(p, end);
    if (p >= end) return peri_scan_fail(s, p, "");
    if (*p == '}') break;
    if (*p != ',') return peri_scan_fail(s, p, "a comma or } is missing in an object");
    p++;
    if (p < end && *p <= ' ') p = peri_scan_white(p, end);
  }
  peri_keyset_close(s, &set);
  p++;
  if (place->has_alts) {
    size_t bad_from = w->bad_from;
    w->bad_from = bad;
    after_object(w, place, peri_span_of(from, p, PERI_J_OBJECT, false), f, literal_seen);
    w->bad_from = bad_from;
  }
  return p;
}

const char *peri_walk_plain(peri_walk *w, peri_place *place, const char *p, unsigned depth, peri_span *out) {
  const char *from = p;
  size_t bad = w->bad_count;
  char c = p < w->s.end ? *p : 0;
  bool deeper = (c == '{' && place->wants_keys) || (c == '[' && (place->each || place->index_count));
  if (!deeper) {
    if (!(p = peri_scan_value(&w->s, p, depth, out))) return NULL;
  } else {
    if (depth >= PERI_JSON_DEPTH_MAX) return peri_scan_fail(&w->s, p, "nested deeper than 128 levels");
    p = c == '{' ? walk_object(w, place, p, depth) : walk_list(w, place, p, depth);
    if (!p) return NULL;
    *out = peri_span_of(from, p, c == '{' ? PERI_J_OBJECT : PERI_J_ARRAY, false);
  }
  if (w->bad_count == bad) put(w, place, *out);
  return p;
}

const char *peri_walk_value(peri_walk *w, peri_place *place, const char *p, unsigned depth, peri_span *out) {
  return place->role ? w->on_role(w, place, p, depth, out) : peri_walk_plain(w, place, p, depth, out);
}

static void clear(peri_slot *slots, int count) {
  if (count) memset(slots, 0, (size_t)count * sizeof *slots);
}

bool peri_paths_walk(const peri_paths *set, peri_str text, peri_slot *slots, peri_arena *scratch, peri_json_fault *fault) {
  peri_json_fault unused;
  peri_walk w;
  clear(slots, set->count);
  peri_scan_init(&w.s, text, fault ? fault : &unused);
  w.sink = peri_sink_new(set, slots, scratch);
  w.on_role = NULL;
  w.bad = NULL;
  w.bad_count = w.bad_cap = w.bad_from = 0;
  w.arena = scratch;
  peri_span value;
  const char *p = peri_scan_begin(&w.s);
  if (p) p = peri_walk_value(&w, set->root, p, 0, &value);
  bool ok = p && peri_scan_finish(&w.s, p);
  if (!ok) clear(slots, set->count);
  peri_scan_fini(&w.s);
  return ok;
}
