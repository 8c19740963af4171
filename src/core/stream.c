/* core/stream: one stream of a run: full or changes, then archived. The order of things:
 *   begin -> main feed (again for each window) -> look for what it did not show -> sweep end -> archived feed -> done
 * Killed in the main feed, the next run goes on there; killed between its last page and the sweep's end, it begins with the look.
 * Decides nothing about positions itself: core/place does. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backfill.h"
#include "core/stream_work.h"

#define RESTARTS_MAX 3
#define SMALLER_MAX 10
#define AHEAD_MORE_MS 60000

static void begin_main(peri_stream_work *w);

/* ---- feeds ---- */

uint32_t peri_stream_view(peri_stream_work *w, const peri_request *q) {
  peri_run *r = w->run;
  peri_str paths[PERI_MAPPINGS_OF_STREAM_MAX];
  for (size_t i = 0; i < w->mapping_count; i++) paths[i] = w->mappings[i]->path;
  peri_buf json = {0};
  uint32_t view = peri_mapper_next_view(r->mapper);
  peri_stream_open_json(w->s, q, view, r->in->type, paths, w->mapping_count, NULL, 0, &json);
  peri_mapper_view(r->mapper, &json);
  return view;
}

peri_feed *peri_stream_feed(peri_stream_work *w, const peri_request *q) {
  peri_feed *f = peri_feed_new(w->run, w->s, q);
  f->mappings = w->mappings;
  f->mapping_count = w->mapping_count;
  f->view = peri_stream_view(w, q);
  if (q->ties) f->ties_view = peri_stream_view(w, q->ties);
  if (w->s->fetch && q->wanted_most) f->fetch_view = peri_stream_view(w, w->s->fetch);
  f->self = w;
  return f;
}

void peri_stream_entities(const peri_stream_work *w, peri_str *names, size_t *count) {
  *count = 0;
  for (size_t i = 0; i < w->mapping_count; i++) names[(*count)++] = w->mappings[i]->entity;
  if (!*count) names[(*count)++] = w->s->name;
}

static void drop_feed(peri_stream_work *w) {
  peri_feed_free(w->feed);
  w->feed = NULL;
}

void peri_stream_done(peri_stream_work *w, const char *state) {
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
  size_t count;
  peri_stream_entities(w, names, &count);
  for (size_t i = 0; i < count; i++) peri_run_entity(w->run, names[i])->state = state;
  peri_run_next_stream(w->run);
}

void peri_stream_failed(peri_stream_work *w, const peri_err *e) {
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
  size_t count;
  peri_stream_entities(w, names, &count);
  for (size_t i = 0; i < count; i++) peri_run_entity(w->run, names[i])->state = peri_code_name(e->code);
  peri_run_fail(w->run, e);
  peri_run_next_stream(w->run); /* which ends the run, unless it was a mass delete: that concerns this stream alone */
}

void peri_stream_feed_ended(peri_stream_work *w, peri_feed *f, peri_feed_end how) {
  peri_err e = f->err;
  if (how == PERI_FEED_STOPPED) {
    drop_feed(w);
    w->run->stopped_early = true;
    peri_stream_done(w, "stopped");
  } else if (how == PERI_FEED_MISSING) {
    peri_log(PERI_WARN, "sync", "stream %.*s is not available to this credential: %s", PERI_S(w->s->name), e.text);
    drop_feed(w);
    peri_stream_done(w, "missing");
  } else {
    drop_feed(w);
    peri_stream_failed(w, &e);
  }
}

/* ---- archived ---- */

static void on_archived_ended(peri_feed *f, peri_feed_end how) {
  peri_stream_work *w = f->self;
  if (how != PERI_FEED_DONE) {
    peri_stream_feed_ended(w, f, how);
    return;
  }
  drop_feed(w);
  peri_stream_done(w, "done");
}

static void begin_archived(peri_stream_work *w) {
  if (!w->s->archived || w->run->options->limit) {
    peri_stream_done(w, "done");
    return;
  }
  w->run->phase = "archived";
  peri_feed *f = w->feed = peri_stream_feed(w, w->s->archived);
  f->deletes = true;
  f->cursor_kind = PERI_STR("archived");
  f->ended = on_archived_ended;
  peri_feed_start(f);
}

/* ---- after a complete full read: what was not seen is gone ---- */

typedef struct sweep_job {
  peri_stream_work *w;
  int64_t deleted;
  peri_err err;
} sweep_job;

static void sweep_work(void *self) {
  sweep_job *j = self;
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
  size_t count;
  peri_stream_entities(j->w, names, &count);
  peri_run *r = j->w->run;
  peri_store_sweep_end(r->store, r->seq, r->in->id, j->w->s->name, names, count, peri_run_delete_share(r, j->w->s), &j->deleted, &j->err);
}

static void sweep_done(void *self) {
  sweep_job *j = self;
  peri_stream_work *w = j->w;
  peri_err e = j->err;
  peri_counters c = {.deleted = j->deleted, .processed = j->deleted};
  free(j);
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
  size_t count;
  peri_stream_entities(w, names, &count);
  if (!e.code && c.deleted) peri_run_count(w->run, names[0], &c);
  if (e.code) peri_stream_failed(w, &e);
  else if (w->place.sweep_waits) begin_main(w); /* an earlier run's: what has changed since is asked for now */
  else begin_archived(w);
}

static void begin_sweep(peri_stream_work *w) {
  sweep_job *j = peri_alloc(sizeof *j);
  j->w = w;
  peri_engine_post(w->run->g, sweep_work, sweep_done, j);
}

/* ---- pages move: what is deleted while a list is read pulls a record from the page ahead onto the one behind, and no page shows it. Numbered pages
 * do so by nature, those behind a cursor where the list has no stable order. So what no page showed is asked for by key, where the stream can be asked
 * so, before it counts as gone. ---- */

typedef struct look_job {
  peri_stream_work *w;
  peri_str *raws;
  size_t count;
  peri_err err;
} look_job;

static void look_work(void *self) {
  look_job *j = self;
  peri_str names[PERI_MAPPINGS_OF_STREAM_MAX + 1];
  size_t count;
  peri_stream_entities(j->w, names, &count);
  peri_run *r = j->w->run;
  peri_store_sweep_missing(r->store, j->w->arena, r->seq, r->in->id, j->w->s->name, names, count, PERI_DELETE_LOOK_MAX, &j->raws, &j->count, &j->err);
}

static void on_looked(peri_feed *f, peri_feed_end how) {
  peri_stream_work *w = f->self;
  if (how != PERI_FEED_DONE && how != PERI_FEED_MISSING) {
    peri_stream_feed_ended(w, f, how);
    return;
  }
  drop_feed(w);
  begin_sweep(w);
}

static void look_done(void *self) {
  look_job j = *(look_job *)self;
  peri_stream_work *w = j.w;
  free(self);
  if (j.err.code || !j.count) {
    if (j.err.code) peri_stream_failed(w, &j.err);
    else begin_sweep(w);
    return;
  }
  w->run->phase = "missing";
  peri_feed *f = w->feed = peri_stream_feed(w, w->place.request);
  if (!f->fetch_view) f->fetch_view = peri_stream_view(w, w->s->fetch);
  f->cursor_kind = PERI_STR("main");
  f->sweep = true;
  f->wanted_keys = j.raws;
  f->wanted_count = j.count;
  f->wanted_last = true;
  f->ended = on_looked;
  peri_feed_start(f);
}

static void begin_look(peri_stream_work *w) {
  look_job *j = peri_alloc(sizeof *j);
  j->w = w;
  peri_engine_post(w->run->g, look_work, look_done, j);
}

static bool pages_move(const peri_request *q) { return q->pages == PERI_PAGES_COUNT || q->pages == PERI_PAGES_LINK; }

static void end_sweep(peri_stream_work *w) {
  if (w->s->fetch) begin_look(w);
  else begin_sweep(w);
}

/* ---- full and changes ---- */

static bool proves_deletions(const peri_stream_work *w, const peri_feed *f) {
  const peri_sync_options *o = w->run->options;
  const peri_place *p = &w->place;
  return p->phase == PERI_PHASE_FULL && !p->first && (!p->resumed || w->sweep_goes_on) && !p->incremental && !f->skipped && !f->unreadable && !o->limit && !o->dry_run;
}

static bool on_cursor(peri_feed *f, bool last, peri_arena *a, peri_cursor *out) {
  peri_stream_work *w = f->self;
  if (!last) return peri_place_page(a, w->s, &w->cursor, &w->place, &f->state, f->in_ties ? f->tie_stamp : f->fill.since, f->since_value, f->seen_max, f->date_ms, w->run->started_ms, out);
  peri_place_end(a, w->s, &w->cursor, &w->place, proves_deletions(w, f), f->since_value, f->seen_max, f->date_ms, w->run->started_ms, out);
  return true;
}

/* A full read that goes on after a kill has the marks of its first part, if that made any. Numbered pages have moved by then, so there each record that
 * is missing must be asked for by key. */
static peri_code look_for_marks(peri_stream_work *w, peri_err *e) {
  w->sweep_goes_on = false;
  if (!w->place.resumed || w->place.phase != PERI_PHASE_FULL || w->place.first || (pages_move(w->place.request) && !w->s->fetch)) return PERI_OK;
  return peri_store_sweep_open(w->run->store, w->run->in->id, w->s->name, w->place.phase_started_ms, &w->sweep_goes_on, e);
}

static peri_code load_cursor(peri_stream_work *w, peri_err *e) {
  return peri_cursor_get(w->run->store, w->arena, w->run->in->id, w->s->name, PERI_STR("main"), &w->cursor, e);
}

/* The place inside a listing that an earlier run kept may mean nothing any more: cursors expire, and a broken reply may have named a wrong one. Where the
 * very first request from there is refused, the listing begins again; once. */
static bool led_nowhere(peri_stream_work *w, const peri_feed *f, peri_feed_end how) {
  bool refused = (how == PERI_FEED_FAILED || (how == PERI_FEED_DONE && f->skipped)) && f->refused;
  if (!refused || !w->place.resumed || w->place.incremental || w->anew || f->state.pages != w->place.page.pages) return false;
  peri_log(PERI_INFO, "sync", "%.*s: the place where an earlier run stopped is refused; reading from the beginning (%s)", PERI_S(w->s->name), f->err.text);
  return true;
}

typedef struct back_job {
  peri_stream_work *w;
  peri_err why, err;
} back_job;

static void back_work(void *self) {
  back_job *j = self;
  peri_run *r = j->w->run;
  peri_cursor_reset(r->store, r->in->id, j->w->s->name, PERI_STR("main"), &j->w->cursor, &j->err);
}

static void back_done(void *self) {
  back_job j = *(back_job *)self;
  free(self);
  peri_stream_failed(j.w, j.err.code ? &j.err : &j.why);
}

/* Pages that lead in a circle name no place that is worth keeping: the cursor goes back to where this phase found it. */
static void go_back(peri_stream_work *w, const peri_err *why) {
  back_job *j = peri_alloc(sizeof *j);
  j->w = w;
  j->why = *why;
  if (peri_str_is(w->cursor.phase, "full")) w->cursor.position = PERI_STR(""); /* itself a place that an earlier run was led to */
  drop_feed(w);
  peri_engine_post(w->run->g, back_work, back_done, j);
}

static void on_main_ended(peri_feed *f, peri_feed_end how) {
  peri_stream_work *w = f->self;
  if (led_nowhere(w, f, how)) {
    w->anew = 1;
    drop_feed(w);
    begin_main(w);
    return;
  }
  if (how == PERI_FEED_FAILED && f->err.code == PERI_PAGING_LOOP && !w->run->options->dry_run) {
    go_back(w, &f->err);
    return;
  }
  if (how == PERI_FEED_RESTART && ++w->restarts <= RESTARTS_MAX) {
    peri_log(PERI_INFO, "sync", "reading %.*s again from the last commit: %s", PERI_S(w->s->name), f->err.text);
    drop_feed(w);
    begin_main(w);
    return;
  }
  if (how == PERI_FEED_SMALLER && ++w->smaller <= SMALLER_MAX) {
    drop_feed(w);
    begin_main(w);
    return;
  }
  if (how != PERI_FEED_DONE) {
    peri_stream_feed_ended(w, f, how);
    return;
  }
  bool sweep = proves_deletions(w, f), goes_on = peri_place_goes_on(&w->place, f->date_ms, w->run->started_ms);
  bool behind = w->place.phase == PERI_PHASE_CHANGES && w->place.upto != INT64_MIN && w->ahead_ms <= AHEAD_MORE_MS && w->run->ahead_ms > w->ahead_ms + AHEAD_MORE_MS; /* once */
  if (f->unreadable && f->sweep)
    peri_log(PERI_WARN, "sync", "%.*s: records came whose key could not be read (see perilune rejects); what did not come is therefore not taken for deleted", PERI_S(w->s->name));
  drop_feed(w);
  w->restarts = 0;
  if (w->place.phase == PERI_PHASE_CHANGES && goes_on && !w->run->options->dry_run) {
    begin_main(w);
    return;
  }
  if (behind && !w->run->options->dry_run) { /* asked until a moment that our slow clock took for now: once more, until the server's */
    begin_main(w);
    return;
  }
  if (sweep) end_sweep(w);
  else begin_archived(w);
}

static void begin_main(peri_stream_work *w) {
  peri_run *r = w->run;
  peri_err e = {0};
  if (load_cursor(w, &e)) {
    peri_stream_failed(w, &e);
    return;
  }
  int64_t now = peri_now_ms();
  bool due = w->s->sweep_ms && peri_str_is(w->cursor.phase, "changes") && w->cursor.swept_ms >= 0 && (r->options->sweep || now - w->cursor.swept_ms >= w->s->sweep_ms || w->cursor.swept_ms > now);
  bool from_start = r->options->full && !w->began;
  w->ahead_ms = r->ahead_ms;
  peri_place_begin(w->arena, w->s, &w->cursor, from_start || w->anew == 1 || (due && !w->began), now + w->ahead_ms, &w->place);
  w->began = true;
  if (w->anew) w->anew = 2;
  if (!w->place.request) {
    peri_stream_done(w, "nothing to ask");
    return;
  }
  if (w->smaller && w->place.upto != INT64_MIN && w->place.since != INT64_MIN) {
    w->place.upto = w->place.since + ((w->place.upto - w->place.since) >> w->smaller);
    w->place.more_windows = true;
  }
  if (look_for_marks(w, &e)) {
    peri_stream_failed(w, &e);
    return;
  }
  if (w->place.sweep_waits && !r->options->limit && !r->options->dry_run) {
    r->phase = "sweep";
    end_sweep(w);
    return;
  }
  r->phase = w->place.phase == PERI_PHASE_FULL ? "full" : "changes";
  peri_feed *f = w->feed = peri_stream_feed(w, w->place.request);
  f->fill.since = w->place.since;
  f->fill.upto = w->place.upto;
  f->fill.since_verbatim = w->place.since_verbatim;
  f->state = w->place.page;
  f->cursor_kind = PERI_STR("main");
  f->map_all = w->place.phase == PERI_PHASE_FULL && w->place.first && !r->options->dry_run;
  f->sweep = proves_deletions(w, f);
  f->sweep_anew = !w->place.resumed;
  f->cursor = on_cursor;
  f->ended = on_main_ended;
  peri_feed_start(f);
}

/* ---- life ---- */

void peri_stream_begin(peri_run *r, const peri_stream *s) {
  peri_stream_work *w = peri_alloc(sizeof *w);
  r->work = w;
  w->run = r;
  w->s = s;
  w->arena = peri_arena_new();
  w->mapping_count = peri_scripts_of_stream(r->scripts, r->in->type, s->name, w->mappings, PERI_MAPPINGS_OF_STREAM_MAX);
  r->expected = -1;
  r->wanted_id = peri_run_wanted_set(r, s);
  if (s->unsupported) {
    peri_err e = {0};
    peri_fail(&e, PERI_INVALID, "stream %.*s (%.*s:%d) %s", PERI_S(s->name), PERI_S(r->connector->path), s->line, s->unsupported);
    peri_stream_failed(w, &e);
  } else if (r->options->backfill)
    peri_backfill_begin(w);
  else if (s->pull_fn >= 0)
    peri_pull_begin(w);
  else if (s->each_node)
    peri_each_begin(w);
  else
    begin_main(w);
}

void peri_stream_free(peri_stream_work *w) {
  if (!w) return;
  peri_feed_free(w->feed);
  peri_each_free(w->each);
  peri_pull_work_free(w->pull);
  peri_backfill_free(w->backfill);
  peri_arena_free(w->arena);
  free(w);
}
