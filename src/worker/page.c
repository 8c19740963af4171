/* worker/page: one page: walked once, told record by record (SPLIT), mapped where the core wants rows (ROWS), closed with DONE.
 * What is to be mapped waits until the walk has told where the next page is: the core fetches that one meanwhile.
 * Refuses a page that is no sound JSON or holds too many records with FAIL bad_reply; a bad record only ever costs itself. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "worker/shop.h"

struct peri_held { /* a page that waits for MAP */
  peri_arena *arena;
  uint32_t page;
  peri_view *view;
  peri_str headers;
  peri_split_record *records;
  peri_str *raws;
  size_t count;
};

#define LATER_BYTES_MAX (1u << 20) /* of what was found in records that wait to be mapped */

typedef struct later { /* a record that was walked and is not yet mapped; everything lies in the portion */
  peri_item item;
  size_t record; /* its place in work.records */
} later;

typedef struct work {
  peri_shop *s;
  const peri_view *v;
  const peri_keys *keys;
  peri_page_msg m;
  peri_span parent;
  bool has_parent, map, broken, too_many, gone; /* gone: the core is */
  peri_held *held;                              /* NULL: nothing waits */
  peri_arena *portion;                          /* texts of what is not sent yet */
  peri_split_record *records;
  peri_str *raws;
  size_t count, cap, raws_cap, sent, split_bytes;
  later *later;
  size_t later_count, later_cap, later_bytes;
  peri_row_list rows;
  uint32_t seen, mapped; /* records of the page; worked on */
  uint64_t calls;
  int64_t cpu_us;
} work;

static int64_t thread_cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- frames ---- */

static void send_split(work *w, bool last, peri_str values, peri_str pairs, bool found) {
  peri_split m = {.page = w->m.page, .records_found = found, .page_values = values, .pairs = pairs};
  if (w->count > w->sent) {
    m.records = w->records + w->sent;
    m.count = w->count - w->sent;
  }
  peri_buf_clear(&w->s->text);
  peri_split_put(&w->s->text, &m);
  w->gone = w->gone || !peri_shop_send(w->s, PERI_K_SPLIT, last ? 0 : (uint16_t)PERI_F_MORE, peri_buf_view(&w->s->text));
  w->sent = w->count;
  w->split_bytes = 0;
}

static void send_rows(work *w, bool last) {
  size_t at = 0;
  do {
    size_t n = 0, bytes = 0;
    while (at + n < w->rows.count && (n == 0 || bytes < PERI_FRAME_PORTION)) {
      const peri_row_msg *row = &w->rows.items[at + n];
      size_t more = row->data.n + row->reject.n + row->warnings.n + row->key.n + 64;
      if (n && bytes + more > 2 * PERI_FRAME_PORTION) break; /* a large row goes alone */
      bytes += more;
      n++;
    }
    peri_rows m = {w->m.page, w->rows.items ? w->rows.items + at : NULL, n};
    at += n;
    bool final = last && at == w->rows.count;
    peri_buf_clear(&w->s->text);
    peri_rows_put(&w->s->text, &m);
    w->gone = w->gone || !peri_shop_send(w->s, PERI_K_ROWS, final ? 0 : (uint16_t)PERI_F_MORE, peri_buf_view(&w->s->text));
  } while (at < w->rows.count && !w->gone);
  w->rows = (peri_row_list){0};
}

/* Sends what is there when it is enough, or when the core has heard nothing for a while. A record's SPLIT always goes before its ROWS. */
static void flush(work *w) {
  bool enough = w->split_bytes + w->rows.bytes > PERI_FRAME_PORTION;
  if (!enough && peri_mono_us() - w->s->last_frame_us < PERI_SILENCE_US) return;
  if (w->count > w->sent) send_split(w, false, (peri_str){"", 0}, (peri_str){"", 0}, true);
  if (w->rows.count) send_rows(w, false);
  if (w->held || w->later_count) return;
  peri_arena_reset(w->portion);
  w->records = NULL;
  w->raws = NULL;
  w->count = w->cap = w->raws_cap = w->sent = 0;
}

static bool send_done(work *w) {
  peri_buf_clear(&w->s->text);
  peri_jw j;
  peri_jw_init(&j, &w->s->text);
  peri_jw_object(&j);
  peri_jw_kv_int(&j, "page", w->m.page);
  peri_jw_kv_int(&j, "records", w->mapped);
  peri_jw_kv_int(&j, "calls", (int64_t)(w->s->caller.calls - w->calls));
  peri_jw_kv_int(&j, "cpuUs", thread_cpu_us() - w->cpu_us);
  peri_jw_kv_int(&j, "peakBytes", w->s->script ? (int64_t)peri_script_peak_bytes(w->s->script) : 0);
  peri_jw_end_object(&j);
  return peri_shop_send_text(w->s, PERI_K_DONE, &w->s->text, true);
}

static bool send_broken(peri_shop *s, uint32_t page, uint32_t record) {
  s->spent = true;
  peri_shop_fail f = {.code = PERI_SCRIPT_MEMORY,
                      .text = "the scripts of this run keep more memory than a run may have",
                      .page = page,
                      .record = record,
                      .replace = true};
  return peri_shop_fail_send(s, &f);
}

static bool send_bad(peri_shop *s, uint32_t page, peri_code code, const char *text) {
  peri_shop_fail f = {.code = code, .text = text, .page = page, .record = UINT32_MAX};
  return peri_shop_fail_send(s, &f);
}

/* ---- a record ---- */

static bool in_part(const peri_page_msg *m, uint32_t index) { return index >= m->first && (m->count == 0 || index - m->first < m->count); }

static void map_item(work *w, const peri_item *item, const peri_split_record *record) {
  peri_shop_at(w->s, PERI_AT_MAP, w->m.page, item->index);
  w->mapped++;
  w->broken = !peri_view_rows(w->s, w->v, item, record, w->m.headers_json, w->portion, &w->rows);
}

/* The walk uses its slots again for the next record: a copy, lists included. */
static const peri_slot *keep_slots(work *w, const peri_slot *from) {
  size_t count = (size_t)peri_paths_count(w->keys->set), bytes = count * sizeof *from;
  peri_slot *to = peri_arena_take(w->portion, bytes + 1);
  if (count) memcpy(to, from, bytes);
  w->later_bytes += bytes;
  for (size_t i = 0; i < count; i++) {
    if (!to[i].count) continue;
    size_t list = to[i].count * sizeof *to[i].many;
    to[i].many = memcpy(peri_arena_take(w->portion, list), from[i].many, list);
    to[i].cap = to[i].count;
    w->later_bytes += list;
  }
  return to;
}

static void map_later(work *w, const peri_item *item, size_t record) {
  w->later = peri_arena_grow(w->portion, w->later, w->later_count, &w->later_cap, sizeof *w->later);
  later *l = &w->later[w->later_count++];
  *l = (later){*item, record};
  l->item.slots = keep_slots(w, item->slots);
  if (!item->fault) return;
  peri_json_fault *fault = peri_arena_take(w->portion, sizeof *fault);
  *fault = *item->fault;
  l->item.fault = fault;
}

static void map_waiting(work *w) {
  for (size_t i = 0; i < w->later_count && !w->broken && !w->gone; i++) {
    map_item(w, &w->later[i].item, &w->records[w->later[i].record]);
    if (!w->broken) flush(w);
  }
  w->later = NULL;
  w->later_count = w->later_cap = w->later_bytes = 0;
}

static void take_item(work *w, const peri_item *item, size_t offset) {
  w->records = peri_arena_grow(w->portion, w->records, w->count, &w->cap, sizeof *w->records);
  peri_split_record *record = &w->records[w->count];
  peri_view_split(w->s, w->v, w->keys, item, w->portion, record);
  record->offset = (uint32_t)offset;
  if (w->held) {
    w->raws = peri_arena_grow(w->portion, w->raws, w->count, &w->raws_cap, sizeof *w->raws);
    w->raws[w->count] = item->raw;
  }
  w->count++;
  w->split_bytes += 64 + record->key.n + record->context.n + record->merged.n;
  if (!w->map) return;
  if (w->m.flags & PERI_PAGE_RECORDS) map_item(w, item, record);
  else map_later(w, item, w->count - 1);
  bool full = w->later_bytes > LATER_BYTES_MAX || w->split_bytes > PERI_FRAME_PORTION;
  if (w->later_count && (full || peri_mono_us() - w->s->last_frame_us > PERI_SILENCE_US)) map_waiting(w);
}

static bool each_record(void *self, const peri_page_record *record) {
  work *w = self;
  if (record->index >= PERI_RECORDS_PER_PAGE_MAX) {
    w->too_many = true;
    return false;
  }
  w->seen = record->index + 1;
  if (!in_part(&w->m, record->index)) return true;
  peri_shop_at(w->s, PERI_AT_SPLIT, w->m.page, record->index);
  peri_arena_reset(w->s->row_arena);
  peri_item item = {.index = record->index, .raw = record->raw, .slots = record->slots, .fault = record->fault};
  item.context = peri_view_context(w->v, record->parent_slots, w->has_parent ? &w->parent : NULL, w->portion);
  take_item(w, &item, (size_t)(record->raw.p - w->m.bytes.p));
  if (w->broken) return false;
  flush(w);
  return !w->gone;
}

/* Records from the store: (raw, context) one after another. */
static bool walk_stored(work *w, peri_json_fault *fault) {
  peri_str rest = w->m.bytes, raw, context;
  size_t slots_bytes = ((size_t)peri_paths_count(w->keys->set) + 1) * sizeof(peri_slot);
  peri_slot *slots = peri_alloc(slots_bytes); /* outlives the portions */
  bool go_on = true;
  for (uint32_t index = 0; go_on && rest.n; index++) {
    if (!peri_record_get(&rest, &raw, &context)) {
      *fault = (peri_json_fault){.what = "a list of stored records that is cut off"};
      break;
    }
    peri_json_fault broken = {0};
    peri_arena_reset(w->s->scratch);
    memset(slots, 0, slots_bytes);
    bool sound = peri_paths_walk(w->keys->set, raw, slots, w->s->scratch, &broken);
    if (index >= PERI_RECORDS_PER_PAGE_MAX) {
      w->too_many = true;
      break;
    }
    w->seen = index + 1;
    if (!in_part(&w->m, index)) continue;
    peri_shop_at(w->s, PERI_AT_SPLIT, w->m.page, index);
    peri_arena_reset(w->s->row_arena);
    peri_item item = {.index = index, .raw = raw, .slots = slots, .fault = sound ? NULL : &broken, .context = context};
    take_item(w, &item, (size_t)(raw.p - w->m.bytes.p));
    if (w->broken) break;
    flush(w);
    go_on = !w->gone;
  }
  free(slots);
  return fault->what == NULL;
}

/* ---- what the page itself says ---- */

static void slot_json(peri_jw *j, const peri_slot *slot, bool many) {
  if (!many) {
    peri_jw_raw(j, peri_span_raw(slot->one));
    return;
  }
  peri_jw_array(j);
  for (uint32_t i = 0; i < slot->count; i++) peri_jw_raw(j, peri_span_raw(slot->many[i]));
  peri_jw_end_array(j);
}

static peri_span root_span(peri_str page) {
  peri_str t = peri_str_trim(page);
  return (peri_span){t.p, (uint32_t)t.n, t.n && t.p[0] == '[' ? PERI_J_ARRAY : t.n && t.p[0] == '{' ? PERI_J_OBJECT : PERI_J_NONE, 0};
}

/* Nothing was found at a.b.c: is there something else at a, or at a.b, that has no members? The core must know, for it looks like a last page. */
static bool misplaced(peri_str page, peri_str path, peri_jw *j) {
  peri_span root = root_span(page);
  for (size_t n = 1; n < path.n; n++) {
    if (path.p[n] != '.') continue;
    peri_span at = peri_span_at(root, (peri_str){path.p, n});
    if (at.type == PERI_J_NONE || at.type == PERI_J_NULL) return false;
    if (at.type == PERI_J_OBJECT) continue;
    peri_jw_key(j, (peri_str){path.p, n});
    peri_jw_bool(j, true);
    return true;
  }
  return false;
}

static void page_values(const peri_view *v, const peri_slot *slots, peri_str page, peri_buf *out) {
  peri_jw j;
  bool told = false; /* one is enough */
  peri_jw_init(&j, out);
  peri_jw_object(&j);
  for (size_t i = 0; slots && i < v->page_count; i++) {
    if (v->page_many[i] ? !slots[i].found : slots[i].one.type == PERI_J_NONE) {
      told = told || misplaced(page, v->page_paths[i], &j);
      continue;
    }
    peri_jw_key(&j, v->page_paths[i]);
    slot_json(&j, &slots[i], v->page_many[i]);
  }
  peri_jw_end_object(&j);
}

/* Pagers inside lists: for each item that has a next page, what it is about and its token. The page is sound by now. */
static void page_pairs(const peri_view *v, peri_str page, peri_buf *out) {
  if (!v->pair_list.p) return;
  peri_span list = peri_span_at(root_span(page), v->pair_list), one;
  peri_jw j;
  peri_jw_init(&j, out);
  peri_jw_array(&j);
  if (list.type == PERI_J_ARRAY) {
    peri_span_iter i = peri_span_open(list);
    while (peri_span_next(&i, &one)) {
      peri_span match = peri_span_at(one, v->pair_match), value = peri_span_at(one, v->pair_value);
      if (match.type == PERI_J_NONE || value.type == PERI_J_NONE || value.type == PERI_J_NULL) continue;
      peri_jw_array(&j);
      peri_jw_raw(&j, peri_span_raw(match));
      peri_jw_raw(&j, peri_span_raw(value));
      peri_jw_end_array(&j);
    }
  }
  peri_jw_end_array(&j);
}

/* ---- PAGE ---- */

static void held_free(peri_held *h) {
  if (h) peri_arena_free(h->arena);
}

void peri_shop_held_drop(peri_shop *s) {
  for (size_t i = 0; i < PERI_HELD_PAGES; i++) {
    held_free(s->held[i]);
    s->held[i] = NULL;
  }
}

static peri_held **held_named(peri_shop *s, uint32_t page) {
  for (size_t i = 0; i < PERI_HELD_PAGES; i++)
    if (s->held[i] && s->held[i]->page == page) return &s->held[i];
  return NULL;
}

/* A place for a page that will wait: its own, a free one, or that of the oldest number. */
static peri_held *held_new(peri_shop *s, const peri_page_msg *m) {
  peri_held **place = held_named(s, m->page);
  for (size_t i = 0; !place && i < PERI_HELD_PAGES; i++)
    if (!s->held[i]) place = &s->held[i];
  for (size_t i = 0; i < PERI_HELD_PAGES && !place; i++) {
    bool oldest = true;
    for (size_t k = 0; k < PERI_HELD_PAGES; k++) oldest = oldest && s->held[i]->page <= s->held[k]->page;
    if (oldest) place = &s->held[i];
  }
  held_free(*place);
  peri_arena *a = peri_arena_new();
  *place = peri_arena_take(a, sizeof **place);
  (*place)->arena = a;
  (*place)->page = m->page;
  return *place;
}

static bool walk(work *w, peri_buf *values, peri_buf *pairs, bool *found, peri_json_fault *fault) {
  const peri_page_walker *walker = w->map ? w->v->full_walker : w->v->split_walker;
  *found = true;
  if (w->m.flags & PERI_PAGE_RECORDS) return walk_stored(w, fault);
  if (w->v->ndjson) return peri_page_walk_ndjson(walker, w->m.bytes, w->s->scratch, each_record, w, fault);
  peri_slot *slots = peri_arena_take(w->s->scratch, (w->v->page_count + 1) * sizeof *slots);
  *found = false;
  bool sound = peri_page_walk(walker, w->m.bytes, w->s->scratch, slots, each_record, w, found, fault);
  if (!sound || w->too_many || w->broken || w->gone) return sound;
  page_values(w->v, slots, w->m.bytes, values);
  page_pairs(w->v, w->m.bytes, pairs);
  return true;
}

static bool answer_page(work *w) {
  peri_shop *s = w->s;
  peri_buf values = {0}, pairs = {0};
  peri_json_fault fault = {0};
  bool found, alive;
  bool sound = walk(w, &values, &pairs, &found, &fault);
  if (w->gone)
    alive = false;
  else if (w->broken)
    alive = send_broken(s, w->m.page, s->progress->record);
  else if (w->too_many) {
    char text[96];
    snprintf(text, sizeof text, "the page holds more than %d records", PERI_RECORDS_PER_PAGE_MAX);
    alive = send_bad(s, w->m.page, PERI_BAD_REPLY, text);
  } else if (!sound) {
    char text[256];
    peri_json_fault_text(&fault, w->m.bytes, text, sizeof text);
    alive = send_bad(s, w->m.page, PERI_BAD_REPLY, text);
  } else {
    send_split(w, true, peri_buf_view(&values), peri_buf_view(&pairs), found);
    map_waiting(w);
    if (w->broken)
      alive = send_broken(s, w->m.page, s->progress->record);
    else {
      if (w->map) send_rows(w, true);
      alive = !w->gone && (!w->map || send_done(w));
    }
  }
  bool whole = alive && sound && !w->broken && !w->too_many;
  if (w->held && whole) {
    w->held->records = w->records;
    w->held->raws = w->raws;
    w->held->count = w->count;
  } else if (w->held) {
    peri_held **place = held_named(s, w->m.page);
    held_free(*place);
    *place = NULL;
  }
  peri_buf_fini(&values);
  peri_buf_fini(&pairs);
  if (whole && w->map && s->pull && s->pull_waits_page) return peri_shop_pull_go_on(s);
  return alive;
}

bool peri_shop_page(peri_shop *s, peri_str payload) {
  work w = {.s = s};
  if (!peri_page_get(payload, &w.m)) return send_bad(s, UINT32_MAX, PERI_INTERNAL, "the core sent a PAGE that is none");
  peri_view *v = peri_shop_view(s, w.m.view);
  if (!v) return send_bad(s, w.m.page, PERI_INTERNAL, "PAGE names a view that is not open");
  w.v = v;
  w.map = w.m.flags & PERI_PAGE_MAP_ALL;
  s->tracing = w.map && w.m.flags & PERI_PAGE_TRACE;
  w.keys = w.map ? &v->full : &v->split;
  w.calls = s->caller.calls;
  w.cpu_us = thread_cpu_us();
  if (!w.map && !(w.m.flags & PERI_PAGE_SPLIT_ONLY)) {
    w.held = held_new(s, &w.m);
    w.held->view = v;
    w.m.bytes = peri_arena_str(w.held->arena, w.m.bytes);
    w.held->headers = w.m.headers_json = peri_arena_str(w.held->arena, w.m.headers_json);
  }
  peri_json_fault fault;
  w.has_parent = w.m.parent_json.n && peri_json_check(w.m.parent_json, &w.parent, &fault);
  w.portion = w.held ? w.held->arena : peri_arena_new();
  s->last_frame_us = peri_mono_us();
  bool alive = answer_page(&w);
  if (!w.held) peri_arena_free(w.portion);
  return alive;
}

/* ---- MAP ---- */

static bool map_records(work *w, const peri_held *h, peri_str bitmap) {
  size_t slots_bytes = ((size_t)peri_paths_count(w->v->full.set) + 1) * sizeof(peri_slot);
  peri_slot *slots = peri_alloc(slots_bytes);
  for (size_t i = 0; i < h->count && !w->broken && !w->gone; i++) {
    const peri_split_record *record = &h->records[i];
    if (!peri_bit_get(bitmap, record->index)) continue;
    peri_shop_at(w->s, PERI_AT_MAP, h->page, record->index);
    peri_json_fault fault = {0};
    peri_arena_reset(w->s->scratch);
    peri_arena_reset(w->s->row_arena);
    memset(slots, 0, slots_bytes);
    bool sound = peri_paths_walk(w->v->full.set, h->raws[i], slots, w->s->scratch, &fault);
    peri_item item = {.index = record->index, .raw = h->raws[i], .slots = slots, .fault = sound ? NULL : &fault, .context = record->context};
    w->mapped++;
    w->broken = !peri_view_rows(w->s, w->v, &item, record, h->headers, w->portion, &w->rows);
    flush(w);
  }
  free(slots);
  if (w->gone) return false;
  if (w->broken) return send_broken(w->s, h->page, w->s->progress->record);
  send_rows(w, true);
  return !w->gone && send_done(w);
}

bool peri_shop_map(peri_shop *s, peri_str payload) {
  peri_map_msg m;
  s->tracing = false;
  if (!peri_map_msg_get(payload, &m)) return send_bad(s, UINT32_MAX, PERI_INTERNAL, "the core sent a MAP that is none");
  peri_held **held = held_named(s, m.page);
  if (!held) return send_bad(s, m.page, PERI_INTERNAL, "MAP names a page that is not here");
  work w = {.s = s, .v = (*held)->view, .portion = peri_arena_new(), .calls = s->caller.calls, .cpu_us = thread_cpu_us()};
  w.m.page = m.page;
  s->last_frame_us = peri_mono_us();
  bool alive = map_records(&w, *held, m.bitmap);
  peri_arena_free(w.portion);
  held_free(*held);
  *held = NULL;
  return alive;
}
