/* core/run: opens a run, goes through its streams, closes it. See run.h for the parts. */
#include "core/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/drift.h"
#include "core/mapper.h"
#include "core/prepare.h"
#include "core/remap.h"

const char *peri_run_id(const peri_run *r) { return r->seq ? r->id : ""; }
peri_str peri_run_stream_name(const peri_run *r) { return r->stream_index < r->stream_count ? r->streams[r->stream_index]->name : (peri_str){0}; }
const char *peri_run_phase(const peri_run *r) { return r->phase ? r->phase : ""; }
const peri_counters *peri_run_counted(const peri_run *r) { return &r->total; }
int64_t peri_run_expected(const peri_run *r) { return r->expected; }

int64_t peri_run_waiting_ms(const peri_run *r) {
  int64_t left = r->waiting_until_ms ? r->waiting_until_ms - peri_now_ms() : 0;
  return left > 0 ? left : 0;
}

void peri_run_progress(peri_run *r) {
  if (r->options->progress) r->options->progress(r->options->progress_self, r);
}

peri_entity_count *peri_run_entity(peri_run *r, peri_str name) {
  for (size_t i = 0; i < r->entity_count; i++)
    if (peri_str_eq(r->entities[i].name, name)) return &r->entities[i];
  r->entities = peri_resize(r->entities, (r->entity_count + 1) * sizeof *r->entities);
  r->entities[r->entity_count] = (peri_entity_count){.name = peri_arena_str(r->arena, name), .state = "pending"};
  return &r->entities[r->entity_count++];
}

static void add_counts(peri_counters *to, const peri_counters *n) {
  to->processed += n->processed;
  to->created += n->created;
  to->updated += n->updated;
  to->unchanged += n->unchanged;
  to->rejected += n->rejected;
  to->deleted += n->deleted;
  to->skipped += n->skipped;
}

void peri_run_count(peri_run *r, peri_str name, const peri_counters *n) {
  add_counts(&peri_run_entity(r, name)->n, n);
  add_counts(&r->total, n);
}

void peri_run_fail(peri_run *r, const peri_err *e) {
  if (!r->err.code) r->err = *e;
}

/* ---- from one stream to the next ---- */

static void close_run(peri_run *r);

/* Through the loop, because the caller is deep inside what is to be freed. */
static void soon(peri_run *r, uv_timer_cb what) {
  uv_timer_t *t = peri_alloc(sizeof *t);
  uv_timer_init(&r->g->loop, t);
  t->data = r;
  uv_timer_start(t, what, 0, 0);
}

static peri_run *now(uv_timer_t *t) {
  uv_close((uv_handle_t *)t, (uv_close_cb)free);
  return t->data;
}

static void begin_stream(uv_timer_t *t);

static void begin_soon(peri_run *r) { soon(r, begin_stream); }

static void begin_stream(uv_timer_t *t) {
  peri_run *r = now(t);
  peri_stream_free(r->work);
  r->work = NULL;
  if (r->stream_index < r->stream_count && (!r->err.code || r->err.code == PERI_MASS_DELETE) && !peri_run_stopping(r)) {
    peri_stream_begin(r, r->streams[r->stream_index]);
    return;
  }
  r->stopped_early |= peri_run_stopping(r);
  peri_mapper_free(r->mapper);
  r->mapper = NULL;
  close_run(r);
}

void peri_run_next_stream(peri_run *r) {
  r->stream_index++;
  peri_run_progress(r);
  begin_soon(r);
}

/* ---- which streams ---- */

static bool asked_for(const peri_run *r, const peri_stream *s) {
  const peri_sync_options *o = r->options;
  for (size_t i = 0; i < o->without_count; i++)
    if (peri_str_eq(o->without[i], s->name)) return false;
  if (!o->entity_count) return s->store;
  const peri_mapping_info *m[16];
  size_t n = peri_scripts_of_stream(r->scripts, r->in->type, s->name, m, 16);
  for (size_t i = 0; i < o->entity_count; i++) {
    if (peri_str_eq(o->entities[i], s->name)) return true;
    for (size_t k = 0; k < n; k++)
      if (peri_str_eq(o->entities[i], m[k]->entity)) return true;
  }
  return false;
}

static peri_code choose_streams(peri_run *r, peri_err *e) {
  const peri_stream **order = peri_connector_order(r->arena, r->connector);
  r->streams = peri_arena_take(r->arena, (r->connector->stream_count + 1) * sizeof *r->streams);
  for (size_t i = 0; i < r->connector->stream_count; i++)
    if (asked_for(r, order[i])) r->streams[r->stream_count++] = order[i];
  if (r->stream_count) return PERI_OK;
  peri_str names[256];
  size_t n = 0;
  for (; n < r->connector->stream_count && n < 256; n++) names[n] = r->connector->streams[n].name;
  peri_str asked = r->options->entity_count ? r->options->entities[0] : PERI_STR(""), near = peri_suggest(asked, names, n);
  return peri_fail(e, PERI_NOT_FOUND, "%.*s has no stream or entity '%.*s'%s%.*s%s; see perilune connectors show %.*s", PERI_S(r->connector->name), PERI_S(asked), near.n ? " (did you mean '" : "",
                   PERI_S(near), near.n ? "'?)" : "", PERI_S(r->connector->name));
}

/* ---- result ---- */

static void put_counters(peri_jw *w, const peri_counters *n) {
  peri_jw_kv_int(w, "recordsProcessed", n->processed);
  peri_jw_kv_int(w, "created", n->created);
  peri_jw_kv_int(w, "updated", n->updated);
  peri_jw_kv_int(w, "unchanged", n->unchanged);
  peri_jw_kv_int(w, "rejected", n->rejected);
  peri_jw_kv_int(w, "deleted", n->deleted);
}

static void put_entities(const peri_run *r, peri_jw *w) {
  peri_jw_object(w);
  for (size_t i = 0; i < r->entity_count; i++) {
    peri_jw_key(w, r->entities[i].name);
    peri_jw_object(w);
    put_counters(w, &r->entities[i].n);
    peri_jw_kv_c(w, "state", r->entities[i].state);
    peri_jw_end_object(w);
  }
  peri_jw_end_object(w);
}

static void put_result(const peri_run *r, const char *status, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "runId", r->options->dry_run ? NULL : r->id);
  peri_jw_kv_c(&w, "status", status);
  put_counters(&w, &r->total);
  peri_jw_kv_int(&w, "requests", r->total.requests);
  peri_jw_kv_int(&w, "retries", r->total.retries);
  peri_jw_kv_int(&w, "bytes", r->total.bytes);
  peri_jw_kv_int(&w, "duration", peri_mono_ms() - r->started_mono_ms);
  if (r->resumes_ms > 0 && r->err.code == PERI_RATE_LIMITED) {
    char iso[PERI_ISO_MAX];
    peri_jw_kv_c(&w, "resumesAt", peri_iso(r->resumes_ms, iso));
    peri_jw_kv_c(&w, "reason", r->err.text);
  }
  if (r->drifted) peri_jw_kv_int(&w, "fieldsChanged", r->drifted);
  if (r->replayed.n) peri_jw_kv_raw(&w, "replayed", peri_buf_view(&r->replayed));
  peri_jw_key_c(&w, "entities");
  put_entities(r, &w);
  peri_jw_end_object(&w);
}

/* ---- which runs ---- */

static void begin(uv_timer_t *t);
static void never_began(uv_timer_t *t);

/* Is there one before it that must end first? */
static bool stands_behind(const peri_run *r) {
  for (const peri_run *o = r->before; o; o = o->before)
    if (peri_str_eq(o->options->integration, r->options->integration)) return true;
  return false;
}

static void admit(peri_engine *g) {
  for (peri_run *r = g->runs; r && (g->runs_at_work < g->runs_most || g->stop); r = r->next) {
    if (r->state != PERI_RUN_QUEUED) continue;
    bool stopping = peri_run_stopping(r);
    if (!stopping && stands_behind(r)) continue;
    r->state = stopping ? PERI_RUN_LEAVING : PERI_RUN_AT_WORK;
    if (!stopping) g->runs_at_work++;
    soon(r, stopping ? never_began : begin);
  }
}

/* Whoever waits for a limit or a retry is woken; pages in flight come to their end. */
static void wake(peri_run *r) {
  peri_ask_stop(r->ask);
}

static void on_stop(peri_engine *g) {
  for (peri_run *r = g->runs; r; r = r->next) wake(r);
  admit(g);
}

void peri_run_cancel(peri_run *r) {
  r->stop = true;
  wake(r);
  if (r->state != PERI_RUN_QUEUED) return;
  r->state = PERI_RUN_LEAVING;
  soon(r, never_began);
}

void peri_run_cancel_of(peri_engine *g, const void *owner) {
  for (peri_run *r = g->runs; r; r = r->next)
    if (r->owner == owner) peri_run_cancel(r);
}

/* A limit that is used up for longer is no failure: everything read is kept, and it is known when to go on. */
static bool limited(const peri_run *r) { return r->err.code == PERI_RATE_LIMITED && r->resumes_ms > 0; }
static const char *status_of(const peri_run *r) { return limited(r) ? "stopped" : r->err.code ? "failed" : r->stopped_early ? "stopped" : "ok"; }

/* The end, whichever way it came. */
static void leave(peri_run *r) {
  peri_engine *g = r->g;
  if (limited(r)) {
    if (!r->result.n) put_result(r, status_of(r), &r->result); /* it ended before it was opened */
    r->err = (peri_err){0};
  }
  if (!r->err.code && r->stopped_early && !r->options->limit) peri_fail(&r->err, PERI_INTERRUPTED, "stopped at a page edge; what was read is kept, the next run goes on there");
  if (r->before) r->before->next = r->next;
  else g->runs = r->next;
  if (r->next) r->next->before = r->before;
  else g->runs_last = r->before;
  if (r->state == PERI_RUN_AT_WORK) g->runs_at_work--;
  admit(g);
  r->done(r->done_self, &r->result, &r->err);
  peri_buf_fini(&r->result);
  peri_run_free(r);
}

static void never_began(uv_timer_t *t) {
  peri_run *r = now(t);
  peri_fail(&r->err, PERI_INTERRUPTED, "stopped before anything was asked");
  leave(r);
}

/* ---- opening ---- */

static void open_work(void *self) {
  peri_run *r = self;
  peri_buf names = {0};
  peri_jw w;
  peri_jw_init(&w, &names);
  peri_jw_array(&w);
  for (size_t i = 0; i < r->stream_count; i++) peri_jw_text(&w, r->streams[i]->name);
  peri_jw_end_array(&w);
  peri_run_open(r->store, r->in->id, r->options->backfill ? "backfill" : "sync", peri_buf_view(&names), peri_str_of(r->project->generation), &r->seq, r->id, &r->err);
  if (!r->err.code && r->looked) peri_drift_found_by(r->store, r->in->id, r->drift_since, r->seq, &r->err);
  peri_buf_fini(&names);
}

static void open_done(void *self) {
  peri_run *r = self;
  if (r->err.code) {
    leave(r);
    return;
  }
  r->mapper = peri_mapper_new(r);
  peri_run_deletes_accept(r, begin_soon);
}

static void open_now(peri_run *r) {
  r->started_ms = peri_now_ms();
  if (r->options->dry_run) open_done(r);
  else peri_engine_post(r->g, open_work, open_done, r);
}

static void on_prepared(void *self, const peri_err *e) {
  peri_run *r = self;
  r->err = *e;
  if (!e->code && peri_run_stopping(r)) peri_fail(&r->err, PERI_INTERRUPTED, "stopped before anything was asked");
  if (r->err.code || choose_streams(r, &r->err) || peri_run_deletes_asked(r, &r->err)) leave(r);
  else if (r->options->dry_run || r->options->limit) open_now(r);
  else peri_replay_changed(r, open_now); /* what a mapping refused and a changed one may take: before anything is asked */
}

static void begin(uv_timer_t *t) {
  peri_run *r = now(t);
  r->started_mono_ms = peri_mono_ms();
  r->urgency = r->options->backfill ? PERI_URGENCY_BACKFILL : PERI_URGENCY_SYNC;
  peri_run_prepare_start(r, PERI_PREPARE_WHOLE, on_prepared, r);
}

peri_run *peri_run_start(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_run_done *done, void *self) {
  peri_run *r = peri_run_new(g, project, options);
  r->done = done;
  r->done_self = self;
  r->owner = g->owner;
  r->before = g->runs_last;
  if (g->runs_last) g->runs_last->next = r;
  else g->runs = r;
  g->runs_last = r;
  g->on_stop = on_stop;
  admit(g);
  return r;
}

/* ---- closing ---- */

static void close_work(void *self) {
  peri_run *r = self;
  peri_buf entities = {0};
  peri_jw w;
  peri_jw_init(&w, &entities);
  put_entities(r, &w);
  peri_err late = {0};
  peri_code code = peri_run_close(r->store, r->seq, status_of(r), &r->total, peri_buf_view(&entities), r->err.code, peri_str_of(r->err.text), &late);
  if (!code) code = peri_store_retain(r->store, &late);
  peri_buf_fini(&entities);
  if (code && !r->err.code) r->err = late;
}

static void close_done(void *self) {
  peri_run *r = self;
  put_result(r, status_of(r), &r->result);
  leave(r);
}

static void close_run(peri_run *r) {
  if (r->options->dry_run) close_done(r);
  else peri_engine_post(r->g, close_work, close_done, r);
}

/* ---- one run, waited for ---- */

typedef struct awaited {
  peri_buf *result;
  peri_err err;
  bool done;
} awaited;

static void on_done(void *self, peri_buf *result, const peri_err *e) {
  awaited *w = self;
  peri_buf_str(w->result, peri_buf_view(result));
  w->err = *e;
  w->done = true;
}

peri_code peri_sync(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_buf *result, peri_err *e) {
  awaited w = {.result = result};
  peri_run_start(g, project, options, on_done, &w);
  peri_engine_wait(g, &w.done);
  if (!w.done) peri_fail(&w.err, PERI_INTERNAL, "the run ended before its streams did");
  if (w.err.code && e) *e = w.err;
  return w.err.code;
}
