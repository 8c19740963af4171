/* core/backfill: reads again what a stream holds already: the records of a range of time, or those that were fetched before a field was asked for.
 * Has a place of its own (cursor kind "backfill:HASH" of what is asked), so the stream's own place never moves and a killed backfill goes on where it
 * was when the same command is given again. Deletes nothing: what it does not find is left as it is. */
#include "core/backfill.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "core/stream_work.h"

#define BATCH 1000 /* keys between two notes of the place */
#define RESTARTS_MAX 3
#define SMALLER_MAX 10

struct peri_backfill_work {
  peri_stream_work *w;
  peri_str kind;
  peri_cursor cursor;   /* as stored */
  peri_cursor next;     /* to store */
  int64_t from, to;     /* of the slice in hand */
  int smaller;
  /* fields */
  peri_arena *arena;    /* of the batch */
  size_t entity, source;
  int64_t after_seq;
  peri_err err;
};

static const uint8_t sources[] = {0, 1, 2}; /* rows, rejects, left-out records */

int64_t peri_backfill_wait(const peri_run *r, int64_t now_ms) {
  const peri_backfill *b = r->options->backfill;
  int64_t next = b && b->gap_ms ? r->asked_ms + b->gap_ms : 0;
  return r->asked_ms && next > now_ms ? next - now_ms : 0;
}

static const peri_backfill *asked(const peri_backfill_work *x) { return x->w->run->options->backfill; }

/* What is asked decides which backfill it is: the same command goes on with it. */
static peri_str kind_of(peri_arena *a, const peri_backfill *b) {
  peri_buf text = {0};
  peri_jw w;
  peri_jw_init(&w, &text);
  peri_jw_array(&w);
  peri_jw_int(&w, b->from_ms);
  peri_jw_int(&w, b->to_given ? b->to_ms : INT64_MIN);
  for (size_t i = 0; i < b->field_count; i++) peri_jw_text(&w, b->fields[i]);
  peri_jw_end_array(&w);
  unsigned long long h = XXH3_64bits(text.p, text.n);
  peri_buf_fini(&text);
  return peri_arena_fmt(a, "backfill:%016llx", h);
}

/* ---- a range ---- */

static void begin_slice(peri_backfill_work *x);

static bool has_stamps(const peri_stream *s) { return s->stamp == PERI_STAMP_DATETIME || s->stamp == PERI_STAMP_DATE; }

/* By the request for changes where it says until when; else everything is listed and what lies outside is passed over. */
static const peri_request *range_request(const peri_stream *s, bool field) { return !field && s->changes && s->changes->uses_since ? s->changes : s->full; }

static bool on_cursor(peri_feed *f, bool last, peri_arena *a, peri_cursor *out) {
  peri_stream_work *w = f->self;
  peri_backfill_work *x = w->backfill;
  if (!last) return peri_place_page(a, w->s, &x->cursor, &w->place, &f->state, f->in_ties ? f->tie_stamp : f->fill.since, f->since_value, f->seen_max, f->date_ms, w->run->started_ms, out);
  bool over = x->to >= asked(x)->to_ms;
  *out = (peri_cursor){.phase = over ? PERI_STR("done") : PERI_STR("changes"), .high = INT64_MIN, .seen_max = INT64_MIN, .phase_started_ms = -1, .shape = peri_place_shape(a, w->s), .swept_ms = -1};
  if (!over) out->position = peri_arena_fmt(a, "{\"anchor\":%lld}", (long long)x->to);
  return true;
}

static void on_ended(peri_feed *f, peri_feed_end how) {
  peri_stream_work *w = f->self;
  peri_backfill_work *x = w->backfill;
  bool again = (how == PERI_FEED_RESTART && ++w->restarts <= RESTARTS_MAX) || (how == PERI_FEED_SMALLER && ++x->smaller <= SMALLER_MAX);
  if (how != PERI_FEED_DONE && !again) {
    peri_stream_feed_ended(w, f, how);
    return;
  }
  bool over = how == PERI_FEED_DONE && x->to >= asked(x)->to_ms;
  if (how == PERI_FEED_DONE) x->from = x->to;
  peri_feed_free(f);
  w->feed = NULL;
  if (over) peri_stream_done(w, "done");
  else begin_slice(x);
}

static void begin_slice(peri_backfill_work *x) {
  peri_stream_work *w = x->w;
  const peri_stream *s = w->s;
  bool full = w->place.phase == PERI_PHASE_FULL;
  int64_t window = full || !w->place.request->uses_upto ? 0 : s->window_ms ? s->window_ms : x->smaller ? asked(x)->to_ms - asked(x)->from_ms : 0;
  x->to = asked(x)->to_ms;
  if (window && x->to - x->from > window >> x->smaller) x->to = x->from + (window >> x->smaller);
  peri_feed *f = w->feed = peri_stream_feed(w, w->place.request);
  if (!full) {
    f->fill.since = x->from;
    f->fill.upto = x->to;
  }
  f->state = w->place.page;
  f->ranged = !asked(x)->field_count;
  f->range_from = asked(x)->from_ms;
  f->range_to = asked(x)->to_ms;
  f->cursor_kind = x->kind;
  f->cursor = on_cursor;
  f->ended = on_ended;
  peri_feed_start(f);
}

static peri_code begin_range(peri_backfill_work *x, peri_err *e) {
  peri_stream_work *w = x->w;
  const peri_stream *s = w->s;
  bool field = asked(x)->field_count > 0; /* no `fetch`: all are listed again */
  if (!field && !has_stamps(s))
    return peri_fail(e, PERI_INVALID, "records of %.*s carry no time of change, so no range of them can be told; perilune sync %.*s --entity %.*s --full reads them all", PERI_S(s->name),
                     PERI_S(w->run->in->name), PERI_S(s->name));
  const peri_request *q = range_request(s, field);
  if (!q) return peri_fail(e, PERI_INVALID, "%.*s has no request that lists its records", PERI_S(s->name));
  bool full = q == s->full;
  w->place = (peri_place){.phase = full ? PERI_PHASE_FULL : PERI_PHASE_CHANGES, .request = q, .incremental = true, .since = INT64_MIN, .upto = INT64_MIN, .phase_started_ms = -1, .seen_max = INT64_MIN};
  x->from = asked(x)->from_ms;
  if (!x->cursor.position.n || !peri_str_eq(x->cursor.shape, peri_place_shape(w->arena, s))) return PERI_OK;
  peri_json_fault fault;
  const peri_json *at = peri_json_parse(w->arena, x->cursor.position, &fault);
  if (full) peri_place_page_read(w->arena, at, &w->place.page);
  else x->from = peri_json_get_int(at, "anchor", x->from);
  return PERI_OK;
}

/* ---- a field ---- */

static void next_batch(peri_backfill_work *x);

static void put_place(peri_backfill_work *x, bool over) {
  x->next = (peri_cursor){.phase = over ? PERI_STR("done") : PERI_STR("full"), .high = INT64_MIN, .seen_max = INT64_MIN, .phase_started_ms = -1, .shape = PERI_STR(""), .swept_ms = -1};
  if (!over) x->next.position = peri_arena_fmt(x->arena, "{\"entity\":%zu,\"source\":%zu,\"after\":%lld}", x->entity, x->source, (long long)x->after_seq);
}

static void place_work(void *self) {
  peri_backfill_work *x = self;
  peri_run *r = x->w->run;
  int64_t none;
  peri_store_partition_end(r->store, r->seq, r->in->id, x->w->s->name, x->w->s->name, NULL, 0, NULL, 0, x->kind, &x->next, NULL, &none, &x->err);
}

static void place_done(void *self) {
  peri_backfill_work *x = self;
  if (x->err.code) peri_stream_failed(x->w, &x->err);
  else if (peri_str_is(x->next.phase, "done")) peri_stream_done(x->w, "done");
  else next_batch(x);
}

static void note_place(peri_backfill_work *x, bool over) {
  put_place(x, over);
  if (!x->w->run->options->dry_run) peri_engine_post(x->w->run->g, place_work, place_done, x);
  else if (over) peri_stream_done(x->w, "done");
  else next_batch(x);
}

static void on_batch(peri_feed *f, peri_feed_end how) {
  peri_stream_work *w = f->self;
  peri_backfill_work *x = w->backfill;
  if (how != PERI_FEED_DONE) {
    peri_stream_feed_ended(w, f, how);
    return;
  }
  peri_feed_free(f);
  w->feed = NULL;
  note_place(x, false);
}

/* Which sets of names lack one of the fields: their numbers as a JSON array. */
static peri_code lacking(peri_backfill_work *x, peri_str entity, peri_str *ids, peri_err *e) {
  peri_run *r = x->w->run;
  peri_wanted_set *sets;
  size_t count;
  peri_code code = peri_store_wanted_ids(r->store, x->arena, r->in->id, entity, &sets, &count, e);
  peri_buf text = {0};
  peri_jw w;
  peri_jw_init(&w, &text);
  peri_jw_array(&w);
  for (size_t i = 0; i < count && !code; i++)
    if (!peri_wanted_covers(x->arena, sets[i].names, peri_run_wanted(r, x->w->s), asked(x)->fields, asked(x)->field_count)) peri_jw_int(&w, sets[i].id);
  peri_jw_end_array(&w);
  *ids = peri_arena_str(x->arena, peri_buf_view(&text));
  peri_buf_fini(&text);
  return code;
}

static peri_code load_batch(peri_backfill_work *x, peri_str **raws, size_t *count, peri_err *e) {
  peri_run *r = x->w->run;
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1], ids;
  size_t entities;
  peri_stream_entities(x->w, names, &entities);
  for (*count = 0; x->entity < entities; x->entity++, x->source = 0, x->after_seq = 0)
    for (; x->source < sizeof sources; x->source++, x->after_seq = 0) {
      peri_code code = PERI_OK;
      peri_stored *read = NULL;
      if (sources[x->source] == 0) code = lacking(x, names[x->entity], &ids, e);
      if (!code && sources[x->source] == 0) code = peri_store_lacking(r->store, x->arena, r->in->id, names[x->entity], ids, x->after_seq, BATCH, &read, count, e);
      else if (!code) code = peri_store_records(r->store, x->arena, r->in->id, names[x->entity], sources[x->source], x->after_seq, BATCH, &read, count, e);
      if (code) return code;
      if (!*count) continue;
      *raws = peri_arena_take(x->arena, *count * sizeof **raws);
      for (size_t i = 0; i < *count; i++) (*raws)[i] = read[i].raw;
      x->after_seq = read[*count - 1].seq;
      return PERI_OK;
    }
  return PERI_OK;
}

static void next_batch(peri_backfill_work *x) {
  peri_stream_work *w = x->w;
  peri_str *raws = NULL;
  size_t count = 0;
  peri_err e = {0};
  if (peri_run_stopping(w->run)) {
    w->run->stopped_early = true;
    peri_stream_done(w, "stopped");
    return;
  }
  peri_arena_free(x->arena);
  x->arena = peri_arena_new();
  if (load_batch(x, &raws, &count, &e)) {
    peri_stream_failed(w, &e);
    return;
  }
  if (!count) {
    note_place(x, true);
    return;
  }
  peri_feed *f = w->feed = peri_stream_feed(w, w->s->full ? w->s->full : w->s->changes);
  if (!f->fetch_view) f->fetch_view = peri_stream_view(w, w->s->fetch);
  f->cursor_kind = x->kind;
  f->wanted_keys = raws;
  f->wanted_count = count;
  f->wanted_last = true;
  f->ended = on_batch;
  peri_feed_start(f);
}

static peri_code begin_fields(peri_backfill_work *x, peri_err *e) {
  peri_stream_work *w = x->w;
  peri_run *r = w->run;
  const peri_json *now = peri_run_wanted(r, w->s);
  peri_str set = peri_run_wanted_set(r, w->s);
  for (size_t i = 0; i < asked(x)->field_count; i++) {
    peri_str field = asked(x)->fields[i];
    if (!set.n || !peri_wanted_prefixed(w->arena, set, field))
      return peri_fail(e, PERI_INVALID, "%.*s always comes with the records of %.*s; perilune remap %.*s/%.*s brings it to the rows", PERI_S(field), PERI_S(w->s->name), PERI_S(r->in->type), PERI_S(w->s->name));
    if (!peri_wanted_covers(w->arena, set, now, &field, 1))
      return peri_fail(e, PERI_INVALID, "no mapping in force reads %.*s of %.*s, so it is not asked for; add it to one first (or look at its name: perilune discover %.*s)", PERI_S(field), PERI_S(w->s->name),
                       PERI_S(r->in->name));
  }
  if (!w->s->fetch || !x->cursor.position.n) return PERI_OK;
  peri_json_fault fault;
  const peri_json *at = peri_json_parse(w->arena, x->cursor.position, &fault);
  x->entity = (size_t)peri_json_get_int(at, "entity", 0);
  x->source = (size_t)peri_json_get_int(at, "source", 0);
  x->after_seq = peri_json_get_int(at, "after", 0);
  return PERI_OK;
}

/* ---- life ---- */

void peri_backfill_begin(peri_stream_work *w) {
  peri_run *r = w->run;
  const peri_backfill *b = r->options->backfill;
  peri_backfill_work *x = w->backfill = peri_alloc(sizeof *x);
  peri_err e = {0};
  x->w = w;
  x->arena = peri_arena_new();
  x->kind = kind_of(w->arena, b);
  r->phase = "backfill";
  peri_code code = PERI_OK;
  if (w->s->each_node || w->s->pull_fn >= 0)
    code = peri_fail(&e, PERI_INVALID, "%.*s is not read by a range or by keys; perilune sync %.*s --entity %.*s --sweep reads all of it again", PERI_S(w->s->name), PERI_S(r->in->name), PERI_S(w->s->name));
  if (!code) code = peri_cursor_get(r->store, w->arena, r->in->id, w->s->name, x->kind, &x->cursor, &e);
  if (!code && b->field_count) code = begin_fields(x, &e);
  bool by_key = b->field_count && w->s->fetch;
  if (!code && !by_key) code = begin_range(x, &e);
  if (code) peri_stream_failed(w, &e);
  else if (by_key) next_batch(x);
  else begin_slice(x);
}

void peri_backfill_free(peri_backfill_work *x) {
  if (!x) return;
  peri_arena_free(x->arena);
  free(x);
}
