/* json/paths: the path grammar of the language (section 3) and the one walk over a page.
 *
 *   a.b.c      nested; a nested value wins over a literal dotted key, which is tried next: at each object the rest of the path's
 *              keys, up to the next bracket, as one key ("a.b.c", or below a "b.c"; for "a.b" holding c write a\.b.c)
 *   a[0] a[-1] one element          a[].b   every element (a list slot)          ""   all of it
 * A path's text may quote a key that holds dots or brackets by a backslash: context.expire time[0], a\.b
 * Prefixes (`parent:`, `header:`, …) are not known here: callers strip them and ask several sets. */
#ifndef PERI_JSON_PATHS_H
#define PERI_JSON_PATHS_H

#include "base/mem.h"
#include "json/json.h"

/* A set of paths compiled into one trie. It learns the usual order of keys while it is walked, so one thread at a time may use it;
 * what it learns lies in its arena (bounded) and changes no result. Paths may be added between walks.
 * Slot numbers are given in the order of adding; equal paths share a slot. */
typedef struct peri_paths peri_paths;
peri_paths *peri_paths_new(peri_arena *a);
/* *slot gets the number. `*many` (may be NULL) says that the path holds `[]`: its slot is a list. */
peri_code peri_paths_add(peri_paths *set, peri_str path, int *slot, bool *many, peri_err *e);
int peri_paths_count(const peri_paths *set);

/* What a slot holds after a walk. One: `one`. Many: `many[0..count)`, in document order; `found` is true if the list itself was there
 * (an empty list is found with count 0). */
typedef struct peri_slot {
  peri_span one;   /* type NONE if absent; for a list slot with a last plain key `a[]` this is not set */
  peri_span *many; /* in the walk's arena */
  uint32_t count, cap;
  bool found;
} peri_slot;

/* Walks a record that may be untrusted: checks everything, fills slots[0..count). `scratch` is an arena reset by the caller. */
bool peri_paths_walk(const peri_paths *set, peri_str text, peri_slot *slots, peri_arena *scratch, peri_json_fault *fault);

/* One walk of a whole page: checks all of it once; for each record found at `records` (a path: "results", "[]" or "" as in
 * the language: "[]" the page is the list, "" the page is the record, "results[].to[]" lists in lists), fills the record's slots
 * and calls `each`. `record` (may be empty) is the path of the record inside each item. The parent of a record is the object
 * around the innermost list that it was found in, for nested lists: `parent_set` slots are filled from it (only for `x[].y[]`).
 * Page-level values are in page_slots after the walk, wherever they stand, before or after the records.
 *
 * A fault *inside one record* whose structure can still be skipped (invalid UTF-8, a lone surrogate, a duplicate key) does not
 * end the walk: `each` is called with that record's raw slice and `fault` set, slots empty. A fault of structure ends the walk.
 * Skipped likewise: a bad number, literal or escape, a raw control character, a record above PERI_RECORD_BYTES_MAX, and an item
 * that has nothing (or null) at `record`. A page or parent slot never holds a value that contains a broken record. Offsets count from the
 * start of the page.
 *
 * "results" takes a list, or one object as the one record; "results[]" a list only. null where the list should be is an empty
 * list (records_found is true); anything else there is not. The parent of x[].a.y[] is the element of x. */
typedef struct peri_page_record {
  uint32_t index;                /* from 0 */
  peri_str raw;                  /* slice of the page */
  const peri_slot *slots;        /* valid during the call */
  const peri_slot *parent_slots; /* NULL if there is no parent set or no parent */
  const peri_json_fault *fault;  /* NULL if the record is sound */
} peri_page_record;

typedef struct peri_page_paths {
  peri_str records, record;
  const peri_paths *record_set; /* may be NULL */
  const peri_paths *parent_set; /* may be NULL; values before *or after* the inner list in the enclosing object must be seen */
  const peri_paths *page_set;   /* may be NULL */
} peri_page_paths;

typedef struct peri_page_walker peri_page_walker; /* compiled once per stream request */
peri_page_walker *peri_page_walker_new(peri_arena *a, const peri_page_paths *paths, peri_err *e);

/* each returns false to stop early (the walk answers true, page slots are what was seen so far).
 * records_found: the list (or the record) was there. */
bool peri_page_walk(const peri_page_walker *walker, peri_str page, peri_arena *scratch, peri_slot *page_slots,
                    bool (*each)(void *self, const peri_page_record *record), void *self, bool *records_found, peri_json_fault *fault);
/* The same for NDJSON: each line a record; a broken line is one faulty record, never a broken page. */
bool peri_page_walk_ndjson(const peri_page_walker *walker, peri_str page, peri_arena *scratch,
                           bool (*each)(void *self, const peri_page_record *record), void *self, peri_json_fault *fault);

#endif
