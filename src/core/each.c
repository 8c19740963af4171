/* core/each: a stream that is asked once per record of another stream (or per item of a setting), in batches where the API takes them.
 * A visit goes through the parents that changed since the last complete visit; at every `sweep`, on --full and the first time, through all of them.
 * A partition that was read to its end replaces its set, so links that were removed vanish, and those of a parent that died go with it. The place in
 * the visit commits with that. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/stream_work.h"
#include "store/question.h"

typedef struct peri_each {
  peri_stream_work *w;
  const peri_request *request;
  peri_arena *arena;      /* of the batch */
  peri_cursor visit;      /* as stored */
  bool all;               /* a visit of all parents */
  int64_t since_run, after_seq, visit_run;
  peri_str parent_entity, having;
  peri_parent *parents;
  size_t count;
  peri_str *raws, *contexts, *streams;
  bool items;             /* parents are items of a setting, not records */
  peri_str item_name, *item_list;
  size_t item_count, next_item;
  peri_cursor partition;  /* of the single parent in hand, where the request asks `since` */
  peri_place place;
  int64_t deleted;
  peri_visit_guard guard;
  int64_t dead_seq;
  peri_err err;
} peri_each;

static void next_batch(peri_each *x);

/* ---- parents ---- */

static void read_each_node(peri_each *x) {
  const peri_node *n = x->w->s->each_node, *first = peri_node_value(n);
  if (first && first->type == PERI_N_TEXT) x->having = peri_node_opt_text(n, "having");
  else x->items = true;
  const peri_mapping_info *m[1];
  peri_run *r = x->w->run;
  x->parent_entity = x->w->s->each;
  if (!x->items && peri_scripts_of_stream(r->scripts, r->in->type, x->w->s->each, m, 1)) x->parent_entity = m[0]->entity;
}

static bool has_value(peri_str raw, peri_str path) {
  peri_span v;
  peri_json_fault fault;
  if (!peri_json_check(raw, &v, &fault)) return false;
  v = peri_span_at(v, path);
  return v.type != PERI_J_NONE && v.type != PERI_J_NULL && v.type != PERI_J_FALSE && !peri_str_is(peri_span_raw(v), "0") && !peri_str_is(peri_span_raw(v), "\"\"");
}

/* Items of a setting: `each = { repo = setting "repositories" }`. The item itself is the parent. */
static void load_items(peri_each *x) {
  peri_run *r = x->w->run;
  x->count = 0;
  if (!x->item_list) x->item_count = peri_stream_items(x->w->arena, r->connector, x->w->s, r->in->settings, &x->item_name, &x->item_list);
  if (x->next_item >= x->item_count) return;
  x->parents = peri_arena_take(x->arena, sizeof *x->parents);
  x->parents[0] = (peri_parent){.key = x->item_list[x->next_item], .raw = x->item_list[x->next_item]};
  x->next_item++;
  x->count = 1;
}

static peri_code load_parents(peri_each *x, peri_err *e) {
  peri_run *r = x->w->run;
  size_t most = x->request->batch > 0 ? (size_t)x->request->batch : 1;
  for (;;) {
    peri_code code = peri_store_parents(r->store, x->arena, r->in->id, x->parent_entity, x->after_seq, x->since_run, false, most, &x->parents, &x->count, e);
    if (code || !x->count) return code;
    x->after_seq = x->parents[x->count - 1].seq;
    if (!x->having.n) return PERI_OK;
    size_t kept = 0;
    for (size_t i = 0; i < x->count; i++)
      if (has_value(x->parents[i].raw, x->having)) x->parents[kept++] = x->parents[i];
    x->count = kept;
    if (kept) return PERI_OK;
  }
}

/* ---- cursors ---- */

static peri_cursor visit_cursor(peri_each *x, bool complete) {
  peri_cursor c = {.phase = complete ? PERI_STR("changes") : PERI_STR("full"),
                   .high = complete ? x->visit_run : x->visit.high,
                   .seen_max = INT64_MIN,
                   .phase_started_ms = -1,
                   .shape = peri_place_shape(x->w->arena, x->w->s),
                   .swept_ms = complete && x->all ? x->w->run->started_ms : x->visit.swept_ms};
  if (!complete)
    c.position = peri_arena_fmt(x->arena, "{\"after\":%lld,\"since_run\":%lld,\"run\":%lld,\"all\":%s,\"live\":%lld,\"gone\":%lld,\"asked\":%s}", (long long)x->after_seq, (long long)x->since_run, (long long)x->visit_run,
                                x->all ? "true" : "false", (long long)x->guard.live, (long long)x->guard.gone, x->guard.asked ? "true" : "false");
  return c;
}

static bool begin_visit(peri_each *x, peri_err *e) {
  peri_stream_work *w = x->w;
  peri_run *r = w->run;
  if (peri_cursor_get(r->store, w->arena, r->in->id, w->s->name, PERI_STR("each"), &x->visit, e)) return false;
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
  size_t entities;
  peri_stream_entities(w, names, &entities);
  x->guard = (peri_visit_guard){.share_percent = peri_run_delete_share(r, w->s)};
  for (size_t i = 0; i < entities; i++) {
    int64_t rows;
    if (peri_store_live(r->store, r->in->id, names[i], &rows, e)) return false;
    x->guard.live += rows;
  }
  bool never = !peri_str_is(x->visit.phase, "changes") && !x->visit.position.n;
  bool other = x->visit.shape.n && !peri_str_eq(x->visit.shape, peri_place_shape(w->arena, w->s));
  bool due = w->s->sweep_ms && (r->started_ms - x->visit.swept_ms >= w->s->sweep_ms || x->visit.swept_ms > r->started_ms); /* in the future: the clock was ahead then */
  x->visit_run = r->seq;
  peri_json_fault fault;
  const peri_json *place = x->visit.position.n ? peri_json_parse(w->arena, x->visit.position, &fault) : NULL;
  if (place && !r->options->full && !other) { /* a visit was interrupted: go on with it */
    x->after_seq = peri_json_get_int(place, "after", 0);
    x->since_run = peri_json_get_int(place, "since_run", 0);
    x->visit_run = peri_json_get_int(place, "run", r->seq);
    x->all = peri_json_get_bool(place, "all", false);
    x->guard.live = peri_json_get_int(place, "live", x->guard.live);
    x->guard.gone = peri_json_get_int(place, "gone", 0);
    x->guard.asked = peri_json_get_bool(place, "asked", false);
    return true;
  }
  x->all = never || due || other || r->options->full || r->options->sweep || w->s->visit_all || x->request->uses_since || x->items;
  x->since_run = x->all ? 0 : x->visit.high;
  x->guard.fresh = x->all;
  return true;
}

/* ---- one batch ---- */

static bool key_has_parent(const peri_stream *s) {
  const peri_node *first = s->key && s->key->type == PERI_N_TABLE && s->key->item_count ? s->key->items[0] : peri_node_value(s->key);
  return peri_str_starts(peri_node_text(first), PERI_STR("parent:"));
}

static void batch_work(void *self) {
  peri_each *x = self;
  peri_run *r = x->w->run;
  peri_feed *f = x->w->feed;
  bool replaces = key_has_parent(x->w->s) && !x->place.incremental && !f->skipped;
  peri_str *prefixes = peri_arena_take(x->arena, (x->count + 1) * sizeof *prefixes);
  for (size_t i = 0; i < x->count; i++) prefixes[i] = peri_arena_fmt(x->arena, "%.*s:", PERI_S(x->parents[i].key));
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
  size_t entities;
  peri_stream_entities(x->w, names, &entities);
  peri_cursor c = visit_cursor(x, false);
  for (size_t i = 0; i < entities && !x->err.code; i++) {
    int64_t deleted = 0;
    bool last = i + 1 == entities;
    peri_store_partition_end(r->store, r->seq, r->in->id, x->w->s->name, names[i], prefixes, replaces ? x->count : 0, f->keys, f->key_count, PERI_STR("each"), last && !x->items ? &c : NULL, &x->guard,
                             &deleted, &x->err);
    x->guard.fresh = false;
    x->deleted += deleted;
  }
}

static void batch_done(void *self) {
  peri_each *x = self;
  peri_stream_work *w = x->w;
  peri_feed_free(w->feed);
  w->feed = NULL;
  if (x->err.code) {
    peri_stream_failed(w, &x->err);
    return;
  }
  if (x->deleted) {
    peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
    size_t count;
    peri_stream_entities(w, names, &count);
    peri_counters c = {.deleted = x->deleted, .processed = x->deleted};
    peri_run_count(w->run, names[0], &c);
    x->deleted = 0;
  }
  next_batch(x);
}

static void on_ended(peri_feed *f, peri_feed_end how) {
  peri_stream_work *w = f->self;
  peri_each *x = w->each;
  if (how != PERI_FEED_DONE) peri_stream_feed_ended(w, f, how);
  else if (w->run->options->dry_run || w->run->options->limit) batch_done(x);
  else peri_engine_post(w->run->g, batch_work, batch_done, x);
}

static bool on_partition_cursor(peri_feed *f, bool last, peri_arena *a, peri_cursor *out) {
  peri_stream_work *w = f->self;
  peri_each *x = w->each;
  if (!last) return peri_place_page(a, w->s, &x->partition, &x->place, &f->state, f->fill.since, f->since_value, f->seen_max, f->date_ms, w->run->started_ms, out);
  peri_place_end(a, w->s, &x->partition, &x->place, false, f->since_value, f->seen_max, f->date_ms, w->run->started_ms, out);
  return true;
}

static void start_feed(peri_each *x) {
  peri_stream_work *w = x->w;
  peri_run *r = w->run;
  x->raws = peri_arena_take(x->arena, x->count * sizeof *x->raws);
  x->contexts = peri_arena_take(x->arena, x->count * sizeof *x->contexts);
  x->streams = peri_arena_take(x->arena, x->count * sizeof *x->streams);
  for (size_t i = 0; i < x->count; i++) x->raws[i] = x->parents[i].raw, x->contexts[i] = x->parents[i].context, x->streams[i] = x->items ? x->item_name : w->s->each;
  peri_feed *f = w->feed = peri_stream_feed(w, x->request);
  f->fill.parents = x->raws;
  f->fill.parent_contexts = x->contexts;
  f->fill.parent_streams = x->streams;
  f->fill.parent_count = x->count;
  if (x->count == 1) f->parent_json = x->raws[0];
  f->keep_keys = true;
  f->ended = on_ended;
  x->place = (peri_place){.since = INT64_MIN};
  if (x->request->uses_since && x->count == 1) { /* own position each */
    f->cursor_kind = peri_arena_fmt(f->arena, "partition:%.*s", PERI_S(x->parents[0].key));
    peri_err e = {0};
    if (peri_cursor_get(r->store, x->arena, r->in->id, w->s->name, f->cursor_kind, &x->partition, &e)) {
      peri_stream_failed(w, &e);
      return;
    }
    peri_place_begin(x->arena, w->s, &x->partition, r->options->full, peri_now_ms() + r->ahead_ms, &x->place);
    f->fill.since = x->place.since;
    f->fill.upto = x->place.upto;
    f->fill.since_verbatim = x->place.since_verbatim;
    f->state = x->place.page;
    f->cursor = on_partition_cursor;
  } else
    f->cursor_kind = PERI_STR("each");
  peri_feed_start(f);
}

/* ---- parents that died since: what hung on them went with them ---- */

#define DEAD_AT_ONCE 1000

static void dead_work(void *self) {
  peri_each *x = self;
  peri_run *r = x->w->run;
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1], prefixes[DEAD_AT_ONCE];
  size_t entities;
  peri_stream_entities(x->w, names, &entities);
  for (size_t i = 0; i < x->count; i++) prefixes[i] = peri_arena_fmt(x->arena, "%.*s:", PERI_S(x->parents[i].key));
  for (size_t i = 0; i < entities && !x->err.code; i++) {
    int64_t deleted = 0;
    peri_store_partition_end(r->store, r->seq, r->in->id, x->w->s->name, names[i], prefixes, x->count, NULL, 0, PERI_STR("each"), NULL, &x->guard, &deleted, &x->err);
    x->guard.fresh = false;
    x->deleted += deleted;
  }
}

/* false: there are none (left). */
static bool bury_orphans(peri_each *x) {
  peri_run *r = x->w->run;
  if (x->items || r->options->dry_run || r->options->limit || !key_has_parent(x->w->s)) return false;
  if (peri_store_parents(r->store, x->arena, r->in->id, x->parent_entity, x->dead_seq, x->since_run, true, DEAD_AT_ONCE, &x->parents, &x->count, &x->err) || !x->count) return false;
  x->dead_seq = x->parents[x->count - 1].seq;
  peri_engine_post(r->g, dead_work, batch_done, x);
  return true;
}

/* ---- the end of a visit ---- */

static void visit_work(void *self) {
  peri_each *x = self;
  peri_run *r = x->w->run;
  peri_cursor c = visit_cursor(x, true);
  int64_t none = 0;
  peri_store_partition_end(r->store, r->seq, r->in->id, x->w->s->name, x->w->s->name, NULL, 0, NULL, 0, PERI_STR("each"), &c, NULL, &none, &x->err);
  if (!x->err.code && x->guard.asked) peri_store_asked(r->store, r->in->id, x->w->s->name, &x->err);
}

static void visit_done(void *self) {
  peri_each *x = self;
  if (x->err.code) peri_stream_failed(x->w, &x->err);
  else peri_stream_done(x->w, "done");
}

static void next_batch(peri_each *x) {
  peri_run *r = x->w->run;
  peri_err e = {0};
  if (peri_run_stopping(r)) {
    r->stopped_early = true;
    peri_stream_done(x->w, "stopped");
    return;
  }
  peri_arena_free(x->arena);
  x->arena = peri_arena_new();
  if (x->items) load_items(x);
  else if (load_parents(x, &e)) {
    peri_stream_failed(x->w, &e);
    return;
  }
  if (x->count) start_feed(x);
  else if (bury_orphans(x)) return;
  else if (r->options->dry_run || r->options->limit) peri_stream_done(x->w, "done");
  else peri_engine_post(r->g, visit_work, visit_done, x);
}

void peri_each_begin(peri_stream_work *w) {
  peri_each *x = w->each = peri_alloc(sizeof *x);
  x->w = w;
  x->arena = peri_arena_new();
  x->request = w->s->full ? w->s->full : w->s->changes;
  w->run->phase = "each";
  peri_err e = {0};
  read_each_node(x);
  if (!x->request) peri_stream_done(w, "nothing to ask");
  else if (!begin_visit(x, &e)) peri_stream_failed(w, &e);
  else next_batch(x);
}

void peri_each_free(peri_each *x) {
  if (!x) return;
  peri_arena_free(x->arena);
  free(x);
}
