/* json/page: one walk of a page: each record with its slots, its parent's slots, and what the page says beside its records.
 * A broken record is handed over as such as long as its quotes and brackets match; anything broken outside of records, or
 * beyond that, ends the walk. Refuses records above PERI_RECORD_BYTES_MAX one by one, and pages with too many records. */
#include "json/trie.h"

enum {
  ROLE_RECORDS = 1, /* the list of records, or the one record */
  ROLE_OUTER = 2,   /* the outermost list that records lie in: records were found, be they none */
  ROLE_ITEM = 4,    /* the parent of the records below */
  ROLE_RECORD = 8   /* inside an item: the record itself */
};

struct peri_page_walker {
  peri_paths *page; /* the page's paths, and the way to the records */
  peri_paths *item; /* the way to the record inside an item; NULL: the item is the record */
  const peri_paths *record_set, *parent_set;
  bool take_list, take_object, take_any;
};

/* A record that waits until its parent has been read. */
typedef struct waiting {
  peri_page_record record;
  peri_json_fault fault;
} waiting;

typedef struct page_run {
  peri_walk w; /* first: on_role gets a pointer to it */
  const peri_page_walker *walker;
  bool (*each)(void *self, const peri_page_record *record);
  void *self;
  peri_arena *local; /* lists of the record at hand */
  peri_sink record_sink, parent_sink;
  peri_span record; /* found inside the item */
  uint32_t index;
  bool found, stopped, queueing;
  waiting *queue;
  size_t queue_count, queue_cap;
} page_run;

/* ---- compiling ---- */

static bool no_index(const peri_path *path, peri_str text, bool lists, peri_err *e) {
  for (int i = 0; i < path->count; i++) {
    if (path->steps[i].kind == PERI_STEP_INDEX || (!lists && path->steps[i].kind == PERI_STEP_EACH)) {
      peri_fail(e, PERI_INVALID, "path '%.*s': %s", PERI_S(text),
                lists ? "records are found by keys and [], not by a numbered element" : "the record inside an item is found by keys alone");
      return false;
    }
  }
  return true;
}

static bool compile_records(peri_page_walker *walker, const peri_page_paths *paths, peri_err *e) {
  peri_path path;
  if (!peri_path_read(&path, paths->records, e) || !no_index(&path, paths->records, true, e)) return false;
  int n = path.count, innermost = -1;
  walker->take_any = n == 0;
  walker->take_list = n > 0;
  walker->take_object = n > 0 && path.steps[n - 1].kind == PERI_STEP_KEY;
  if (n && path.steps[n - 1].kind == PERI_STEP_EACH) n--;
  for (int i = 0; i < n; i++)
    if (path.steps[i].kind == PERI_STEP_EACH) innermost = i;
  bool outer = true;
  peri_place *place = walker->page->root;
  for (int i = 0; i < n; i++) {
    if (path.steps[i].kind == PERI_STEP_KEY) {
      place = peri_place_key_child(walker->page, place, path.steps[i].key);
    } else {
      if (outer) place->role |= ROLE_OUTER;
      outer = false;
      place = peri_place_each(walker->page, place);
      if (i == innermost && walker->parent_set) place->role |= ROLE_ITEM;
    }
  }
  place->role |= ROLE_RECORDS;
  return true;
}

peri_page_walker *peri_page_walker_new(peri_arena *a, const peri_page_paths *paths, peri_err *e) {
  peri_page_walker *walker = peri_arena_take(a, sizeof *walker);
  walker->page = peri_paths_new(a);
  walker->record_set = paths->record_set ? paths->record_set : peri_paths_new(a);
  walker->parent_set = paths->parent_set;
  for (size_t i = 0; paths->page_set && i < paths->page_set->text_count; i++) {
    int slot; /* the same texts in the same order get the same numbers */
    if (peri_paths_add(walker->page, paths->page_set->texts[i], &slot, NULL, e) != PERI_OK) return NULL;
  }
  if (!compile_records(walker, paths, e)) return NULL;
  if (paths->record.n) {
    peri_path path;
    if (!peri_path_read(&path, paths->record, e) || !no_index(&path, paths->record, false, e)) return NULL;
    walker->item = peri_paths_new(a);
    peri_place *place = walker->item->root;
    for (int i = 0; i < path.count; i++) place = peri_place_key_child(walker->item, place, path.steps[i].key);
    place->role = ROLE_RECORD;
  }
  return walker;
}

/* ---- records ---- */

static bool hand_over(page_run *run, peri_page_record *record, const peri_slot *parent_slots) {
  if (run->index == PERI_RECORDS_PER_PAGE_MAX) {
    peri_scan_fail(&run->w.s, record->raw.p, "more than 10,000 records on one page");
    return false;
  }
  record->index = run->index++;
  record->parent_slots = parent_slots;
  run->stopped = !run->each(run->self, record);
  return !run->stopped;
}
_Static_assert(PERI_RECORDS_PER_PAGE_MAX == 10000 && PERI_RECORD_BYTES_MAX == 4194304u, "texts name the ceilings");

/* Checks one item and fills the record's slots. */
static const char *read_item(page_run *run, const char *p, unsigned depth, peri_slot *slots, peri_span *item) {
  peri_walk *w = &run->w;
  const peri_page_walker *walker = run->walker;
  uint32_t keys = w->s.key_count;
  size_t tables = w->s.table_count;
  peri_sink page_sink = w->sink;
  w->sink = run->record_sink;
  w->sink.slots = slots;
  run->record = (peri_span){0};
  const char *to;
  if (walker->item) {
    w->sink.set = walker->item;
    to = peri_walk_value(w, walker->item->root, p, depth, item);
  } else {
    to = peri_walk_value(w, walker->record_set->root, p, depth, item);
    run->record = *item;
  }
  w->sink = page_sink;
  w->s.key_count = keys;
  w->s.table_count = tables;
  if (!to) return NULL;
  bool absent = run->record.type == PERI_J_NONE || (walker->item && run->record.type == PERI_J_NULL);
  if (absent) return peri_scan_fail(&w->s, p, "an item without a record");
  if (run->record.n > PERI_RECORD_BYTES_MAX) return peri_scan_fail(&w->s, p, "a record larger than 4 MB");
  return to;
}

static void note_bad(peri_walk *w, peri_str raw) {
  w->bad = peri_arena_grow(w->arena, w->bad, w->bad_count, &w->bad_cap, sizeof *w->bad);
  w->bad[w->bad_count++] = raw;
}

/* One item of the list. *item is NONE if it is broken. */
static const char *take_item(page_run *run, const char *p, unsigned depth, peri_slot *shared, peri_span *item) {
  peri_walk *w = &run->w;
  size_t count = (size_t)run->walker->record_set->count;
  peri_slot *slots = shared;
  if (run->queueing) {
    slots = peri_arena_take(run->local, count * sizeof *slots);
  } else {
    if (count) memset(slots, 0, count * sizeof *slots);
  }
  waiting made = {0};
  const char *to = read_item(run, p, depth, slots, item);
  if (to) {
    made.record = (peri_page_record){.raw = peri_span_raw(run->record), .slots = slots};
  } else {
    made.fault = *w->s.fault;
    to = peri_scan_skip_broken(p, w->s.end);
    if (!to) return NULL;
    if (count) memset(slots, 0, count * sizeof *slots);
    *item = (peri_span){0};
    made.record = (peri_page_record){.raw = {p, (size_t)(to - p)}, .slots = slots, .fault = &made.fault};
    note_bad(w, made.record.raw);
  }
  if (run->queueing) {
    run->queue = peri_arena_grow(run->local, run->queue, run->queue_count, &run->queue_cap, sizeof *run->queue);
    run->queue[run->queue_count++] = made;
    return to;
  }
  bool more = hand_over(run, &made.record, NULL);
  return more ? to : NULL;
}

static void forget_lists(page_run *run) {
  peri_arena_reset(run->local);
  run->record_sink.blocked = run->walker->record_set->count ? peri_arena_take(run->local, (size_t)run->walker->record_set->count) : NULL;
}

static peri_slot *shared_slots(page_run *run) {
  size_t count = (size_t)run->walker->record_set->count;
  return run->queueing || !count ? NULL : peri_arena_take(run->w.arena, count * sizeof(peri_slot));
}

static const char *records_list(page_run *run, peri_place *place, const char *p, unsigned depth) {
  peri_walk *w = &run->w;
  const char *end = w->s.end;
  if (depth >= PERI_JSON_DEPTH_MAX) return peri_scan_fail(&w->s, p, "nested deeper than 128 levels");
  peri_slot *shared = shared_slots(run);
  peri_ring ring;
  peri_ring_open(w, place, &ring);
  p = peri_scan_white(p + 1, end);
  if (p < end && *p == ']') return p + 1;
  for (;;) {
    peri_span item;
    if (!run->queueing) forget_lists(run);
    if (!(p = take_item(run, p, depth + 1, shared, &item))) return NULL;
    size_t bad_from = w->bad_from;
    w->bad_from = w->bad_count;
    peri_ring_element(w, place, &ring, item, NULL);
    w->bad_from = bad_from;
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

static const char *records(page_run *run, peri_place *place, const char *p, unsigned depth, peri_span *out) {
  peri_walk *w = &run->w;
  const peri_page_walker *walker = run->walker;
  char c = p < w->s.end ? *p : 0;
  const char *from = p;
  size_t bad = w->bad_count;
  if (c == '[' && walker->take_list) {
    run->found = true;
    if (!(p = records_list(run, place, p, depth))) return NULL;
    *out = peri_span_of(from, p, PERI_J_ARRAY, false);
    if (w->bad_count == bad) peri_walk_put(w, place, *out);
    return p;
  }
  if (p < w->s.end && (walker->take_any || (c == '{' && walker->take_object))) {
    run->found = true;
    if (!run->queueing) forget_lists(run);
    if (!(p = take_item(run, p, depth, shared_slots(run), out))) return NULL;
    if (out->type == PERI_J_NONE) *out = peri_span_of(from, p, c == '{' ? PERI_J_OBJECT : c == '[' ? PERI_J_ARRAY : PERI_J_STRING, false);
    else peri_walk_fill(w, place, *out);
    return p;
  }
  if (!(p = peri_scan_value(&w->s, p, depth, out))) return NULL;
  if (out->type == PERI_J_NULL) run->found = true; /* an empty list, as some servers write it */
  peri_walk_fill(w, place, *out);
  return p;
}

/* The records below wait until the whole item has gone by, for what is asked of it may stand behind them. */
static const char *parent_item(page_run *run, peri_place *place, const char *p, unsigned depth, peri_span *out) {
  peri_walk *w = &run->w;
  const peri_paths *set = run->walker->parent_set;
  size_t bad = w->bad_count, bad_from = w->bad_from;
  run->queue = NULL;
  run->queue_count = run->queue_cap = 0;
  forget_lists(run);
  run->queueing = true;
  p = place->role & ROLE_RECORDS ? records(run, place, p, depth, out) : peri_walk_plain(w, place, p, depth, out);
  run->queueing = false;
  if (!p) return NULL;
  peri_sink page_sink = w->sink;
  peri_slot *slots = peri_arena_take(run->local, (size_t)set->count * sizeof *slots);
  w->sink = peri_sink_new(set, slots, run->local);
  w->bad_from = bad;
  peri_walk_fill(w, set->root, *out);
  w->bad_from = bad_from;
  w->sink = page_sink;
  for (size_t i = 0; i < run->queue_count; i++) {
    waiting *next = &run->queue[i];
    if (next->record.fault) next->record.fault = &next->fault; /* the queue has moved since */
    if (!hand_over(run, &next->record, slots)) return NULL;
  }
  return p;
}

static const char *on_role(peri_walk *w, peri_place *place, const char *p, unsigned depth, peri_span *out) {
  page_run *run = (page_run *)(void *)w;
  if (place->role & ROLE_RECORD) {
    w->sink.set = run->record_sink.set;
    p = peri_walk_value(w, run->walker->record_set->root, p, depth, out);
    w->sink.set = run->walker->item;
    if (p) run->record = *out;
    return p;
  }
  if (place->role & ROLE_OUTER && p < w->s.end && (*p == '[' || *p == 'n')) run->found = true;
  if (place->role & ROLE_ITEM) return parent_item(run, place, p, depth, out);
  if (place->role & ROLE_RECORDS) return records(run, place, p, depth, out);
  return peri_walk_plain(w, place, p, depth, out);
}

/* ---- pages ---- */

static void open_run(page_run *run, const peri_page_walker *walker, peri_str page, peri_arena *scratch, peri_slot *page_slots,
                     peri_json_fault *fault) {
  peri_scan_init(&run->w.s, page, fault);
  run->w.sink = peri_sink_new(walker->page, page_slots, scratch);
  run->w.on_role = on_role;
  run->w.bad = NULL;
  run->w.bad_count = run->w.bad_cap = run->w.bad_from = 0;
  run->w.arena = scratch;
  run->walker = walker;
  run->local = peri_arena_new();
  run->record_sink = peri_sink_new(walker->record_set, NULL, run->local);
  run->index = 0;
  run->found = run->stopped = run->queueing = false;
  run->queue = NULL;
}

static void close_run(page_run *run) {
  peri_scan_fini(&run->w.s);
  peri_arena_free(run->local);
}

bool peri_page_walk(const peri_page_walker *walker, peri_str page, peri_arena *scratch, peri_slot *page_slots,
                    bool (*each)(void *self, const peri_page_record *record), void *self, bool *records_found, peri_json_fault *fault) {
  peri_json_fault unused;
  page_run run;
  size_t page_count = (size_t)walker->page->count;
  if (page_count) memset(page_slots, 0, page_count * sizeof *page_slots);
  open_run(&run, walker, page, scratch, page_slots, fault ? fault : &unused);
  run.each = each;
  run.self = self;
  peri_span value;
  const char *p = peri_scan_begin(&run.w.s);
  if (p) p = peri_walk_value(&run.w, walker->page->root, p, 0, &value);
  bool ok = run.stopped || (p && peri_scan_finish(&run.w.s, p));
  if (ok) *run.w.s.fault = (peri_json_fault){0}; /* what it held belonged to a record */
  else if (page_count) memset(page_slots, 0, page_count * sizeof *page_slots);
  if (records_found) *records_found = run.found;
  close_run(&run);
  return ok;
}

/* One line: false stops the walk. */
static bool take_line(page_run *run, peri_slot *slots, const char *from, const char *to) {
  peri_scan *s = &run->w.s;
  size_t count = (size_t)run->walker->record_set->count;
  peri_span item;
  peri_json_fault fault;
  s->end = to;
  if (count) memset(slots, 0, count * sizeof *slots);
  forget_lists(run);
  const char *p = read_item(run, from, 0, slots, &item);
  peri_page_record record = {.raw = {from, (size_t)(to - from)}, .slots = slots};
  if (p && peri_scan_white(p, to) != to) p = peri_scan_fail(s, peri_scan_white(p, to), "something stands after the JSON value");
  if (p) {
    record.raw = peri_span_raw(run->record);
  } else {
    fault = *s->fault;
    record.fault = &fault;
    if (count) memset(slots, 0, count * sizeof *slots);
  }
  return hand_over(run, &record, NULL);
}

bool peri_page_walk_ndjson(const peri_page_walker *walker, peri_str page, peri_arena *scratch,
                           bool (*each)(void *self, const peri_page_record *record), void *self, peri_json_fault *fault) {
  peri_json_fault unused;
  page_run run;
  open_run(&run, walker, page, scratch, NULL, fault ? fault : &unused);
  run.each = each;
  run.self = self;
  bool ok = (uint64_t)page.n <= UINT32_MAX || peri_scan_fail(&run.w.s, run.w.s.start, "larger than 4 GB");
  peri_slot *slots = shared_slots(&run);
  const char *p = run.w.s.start, *end = run.w.s.end;
  while (ok && p < end) {
    const char *stop = memchr(p, '\n', (size_t)(end - p)), *to = stop ? stop : end;
    const char *from = peri_scan_white(p, to);
    while (to > from && (to[-1] == '\r' || to[-1] == ' ' || to[-1] == '\t')) to--;
    if (from < to) ok = take_line(&run, slots, from, to);
    p = stop ? stop + 1 : end;
  }
  ok = ok || run.stopped;
  if (ok) *run.w.s.fault = (peri_json_fault){0};
  close_run(&run);
  return ok;
}
