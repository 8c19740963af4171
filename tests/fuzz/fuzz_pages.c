/* Fuzz: pages against several ways to find records. A page that passes the plain check must pass the walk with sound records only;
 * every sound record must pass the check by itself; a slot lies inside its record. */
#include <stdlib.h>

#include "json/paths.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MUST(x)                                                                                                                                      \
  do {                                                                                                                                               \
    if (!(x)) abort();                                                                                                                               \
  } while (0)

static const char *const record_paths[] = {"id", "a.b", "a.b[].c", "a[]", "a[-1].b", "[0]", ""};
static const char *const parent_paths[] = {"id", "r[].id", "a.b", ""};
static const char *const page_paths[] = {"n.x", "r[-1].id", "r[].id", "r", "", "r[0].r[].id"};
static const struct {
  const char *records, *record;
} shapes[] = {{"r", ""}, {"[]", ""}, {"", ""}, {"r[].r[]", ""}, {"r", "a"}, {"[][]", ""}, {"r[].a.r[]", "a.b"}};
enum { SHAPES = sizeof shapes / sizeof *shapes, RECORD = 7, PARENT = 4, PAGE = 6 };

static peri_page_walker *walkers[SHAPES];

static peri_paths *set_of(peri_arena *a, const char *const *texts, int count) {
  peri_paths *set = peri_paths_new(a);
  int slot;
  for (int i = 0; i < count; i++) MUST(peri_paths_add(set, peri_str_of(texts[i]), &slot, NULL, NULL) == PERI_OK && slot == i);
  return set;
}

typedef struct seen {
  size_t sound, broken;
} seen;

static void look(const peri_slot *slots, int count, peri_str inside) {
  for (int i = 0; i < count; i++) {
    for (uint32_t k = 0; k <= slots[i].count; k++) {
      peri_span v = k ? slots[i].many[k - 1] : slots[i].one;
      if (v.type == PERI_J_NONE) continue;
      MUST(v.p >= inside.p && v.p + v.n <= inside.p + inside.n);
      peri_span again;
      MUST(peri_json_check(peri_span_raw(v), &again, NULL) && again.type == v.type && again.n == v.n);
    }
  }
}

static bool each(void *self, const peri_page_record *record) {
  seen *s = self;
  MUST(record->raw.n > 0);
  if (record->fault) {
    s->broken++;
    MUST(record->fault->what);
  } else {
    s->sound++;
    MUST(peri_json_check(record->raw, NULL, NULL));
    look(record->slots, RECORD, record->raw);
  }
  if (record->parent_slots) {
    peri_buf all = {0};
    for (int i = 0; i < PARENT; i++) {
      peri_span v = record->parent_slots[i].one;
      if (v.type != PERI_J_NONE) MUST(peri_json_check(peri_span_raw(v), NULL, NULL));
    }
    peri_buf_fini(&all);
  }
  return true;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size > 1u << 16) return 0;
  static peri_arena *compiled;
  if (!compiled) {
    compiled = peri_arena_new();
    for (int i = 0; i < SHAPES; i++) {
      peri_page_paths paths = {peri_str_of(shapes[i].records), peri_str_of(shapes[i].record), set_of(compiled, record_paths, RECORD),
                               set_of(compiled, parent_paths, PARENT), set_of(compiled, page_paths, PAGE)};
      MUST((walkers[i] = peri_page_walker_new(compiled, &paths, NULL)));
    }
  }
  peri_str text = {(const char *)data, size};
  bool sound = peri_json_check(text, NULL, NULL);
  for (int i = 0; i < SHAPES; i++) {
    peri_arena *scratch = peri_arena_new();
    peri_slot page_slots[PAGE];
    seen s = {0};
    bool found;
    peri_json_fault f;
    bool ok = peri_page_walk(walkers[i], text, scratch, page_slots, each, &s, &found, &f);
    if (sound) MUST(ok && (!s.broken || shapes[i].record[0]));
    if (ok) look(page_slots, PAGE, text);
    if (ok && !sound) MUST(s.broken);
    if (!ok) MUST(f.what && f.offset <= size);
    s = (seen){0};
    MUST(peri_page_walk_ndjson(walkers[i], text, scratch, each, &s, &f));
    peri_arena_free(scratch);
  }
  return 0;
}
