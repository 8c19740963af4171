/* json/trie: compiled paths and the walk over them. For this room only.
 *
 * A place is where a path may pass or end: the document's root, a key of an object, the elements of a list. A place also learns:
 * it remembers every key that its object has shown and which key came next, so that the keys of the next record are met by one
 * comparison each, and a key that comes twice is seen by a number that it was stamped with. What is learned changes no result. */
#ifndef PERI_JSON_TRIE_H
#define PERI_JSON_TRIE_H

#include "json/path.h"
#include "json/paths.h"
#include "json/scan.h"

#define PERI_PLACE_NONE UINT32_MAX
#define PERI_LEARN_KEYS_MAX 16384 /* keys that one set of paths remembers; further ones are checked the slower way */
#define PERI_LEARN_BYTES_MAX 256

typedef struct peri_place peri_place;

/* A dotted literal key: leads to a place of one path alone. */
typedef struct peri_alt {
  peri_place *to;
  struct peri_alt *next;
} peri_alt;

typedef struct peri_place_key {
  const char *raw; /* with its quotes, filled up to sixteen bytes at least */
  uint32_t raw_n;  /* 0: would be written with an escape, is never predicted */
  uint32_t next;   /* the key that came after this one last time */
  uint64_t stamp;  /* the object that had it last */
  peri_str text;
  peri_place *child; /* NULL: only learned */
  peri_alt *alts;
} peri_place_key;

typedef struct peri_place_index {
  int index;
  peri_place *to;
} peri_place_index;

struct peri_place {
  int slot; /* -1: no path ends here */
  bool many;
  bool wants_keys;
  bool has_alts;
  uint8_t role; /* page walks: peri_walk.on_role takes over */
  peri_place_key *keys;
  size_t key_count, key_cap;
  uint32_t *table; /* key number + 1 */
  uint32_t table_size;
  uint32_t first; /* the key that came first last time */
  uint64_t stamp;
  peri_place *each;
  peri_place_index *indexes;
  size_t index_count, index_cap;
  int back_most;                  /* of indexes counted from the end */
  int *each_slots;                /* list slots below `each`: found when there is a list here */
  size_t each_slot_count, each_slot_cap;
  int *alt_slots; /* list slots that a literal key here may fill */
  size_t alt_slot_count, alt_slot_cap;
};

struct peri_paths {
  peri_arena *arena;
  peri_place *root;
  peri_str *texts;
  int *slots; /* of the texts */
  size_t text_count, text_cap, slot_cap;
  int count;
  size_t learned;
};

peri_place *peri_place_new(peri_paths *set);
peri_place *peri_place_key_child(peri_paths *set, peri_place *place, peri_str key);
peri_place *peri_place_each(peri_paths *set, peri_place *place);
uint32_t peri_place_find(const peri_place *place, peri_str key);
/* PERI_PLACE_NONE when nothing more may be learned. */
uint32_t peri_place_learn(peri_paths *set, peri_place *place, peri_str key);

/* Where a walk puts what it finds. */
typedef struct peri_sink {
  peri_paths *set; /* where it learns */
  peri_slot *slots;
  peri_arena *arena; /* of lists */
  uint8_t *blocked;  /* per slot: a nested list was found, the literal key is not read */
} peri_sink;

typedef struct peri_walk peri_walk;
struct peri_walk {
  peri_scan s;
  peri_sink sink;
  const char *(*on_role)(peri_walk *w, peri_place *place, const char *p, unsigned depth, peri_span *out);
  /* broken records inside this walk: nothing that touches one is given away as a value */
  peri_str *bad;
  size_t bad_count, bad_cap, bad_from;
  peri_arena *arena; /* of bad */
};

peri_sink peri_sink_new(const peri_paths *set, peri_slot *slots, peri_arena *arena);
/* Checks the value at p, fills slots below `place`. The plain one leaves this place's own role aside. */
const char *peri_walk_value(peri_walk *w, peri_place *place, const char *p, unsigned depth, peri_span *out);
const char *peri_walk_plain(peri_walk *w, peri_place *place, const char *p, unsigned depth, peri_span *out);
/* Fills slots from a value that was checked. */
void peri_walk_fill(peri_walk *w, peri_place *place, peri_span value);
void peri_walk_put(peri_walk *w, const peri_place *place, peri_span value);
void peri_walk_list_found(peri_walk *w, const peri_place *place);

/* The elements of a list that paths count from an end, seen while the list goes by. */
typedef struct peri_ring {
  peri_span *last;
  size_t count;
} peri_ring;
void peri_ring_open(peri_walk *w, const peri_place *place, peri_ring *ring);
void peri_ring_element(peri_walk *w, const peri_place *place, peri_ring *ring, peri_span element, const peri_place *walked);
void peri_ring_close(peri_walk *w, const peri_place *place, const peri_ring *ring);

#endif
