/* core/service: see the header. The scripts first, then what is due, then the runs. */
#include "core/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/timetable.h"
#include "store/schedules.h"

/* ---- scripts ---- */

peri_snapshot *peri_snapshot_new(peri_project *project, peri_str settings_json) {
  peri_snapshot *s = peri_alloc(sizeof *s);
  *s = (peri_snapshot){project, peri_dup(settings_json), 1};
  return s;
}

peri_snapshot *peri_snapshot_hold(peri_snapshot *s) {
  s->holders++;
  return s;
}

void peri_snapshot_leave(peri_snapshot *s) {
  if (!s || --s->holders) return;
  peri_project_close(s->project);
  free(s->settings);
  free(s);
}

/* ---- what is due ---- */

/* A key of the scheduler is "ID" for an integration, "ID/STREAM" for a stream with a schedule of its own. */
typedef struct peri_due {
  peri_str id, name;
  peri_str streams[PERI_TIMETABLE_STREAMS_MAX]; /* with schedules of their own */
  size_t stream_count;
  int64_t timeout_ms;
} peri_due;

static peri_due *due_of(const peri_service *s, peri_str id) {
  size_t low = 0, high = s->due_count; /* sorted by id */
  while (low < high) {
    size_t mid = (low + high) / 2;
    int c = peri_str_cmp(s->dues[mid].id, id);
    if (!c) return &s->dues[mid];
    if (c < 0) low = mid + 1;
    else high = mid;
  }
  return NULL;
}

static void arm(peri_service *s);

static void on_timer(uv_timer_t *t) {
  peri_service *s = t->data;
  s->wakes++;
  peri_sched_turn(s->sched, peri_now_ms());
  arm(s);
}

#define TIMER_MS_MAX (60 * 60 * 1000) /* the wall clock may be set: look at it once an hour at least */

static void arm(peri_service *s) {
  int64_t at = peri_sched_wake_ms(s->sched), wait = at == INT64_MAX ? -1 : at - peri_now_ms();
  if (at == INT64_MAX || s->stopping) {
    uv_timer_stop(&s->timer);
    return;
  }
  uv_timer_start(&s->timer, on_timer, (uint64_t)(wait < 0 ? 0 : wait > TIMER_MS_MAX ? TIMER_MS_MAX : wait), 0);
}

static void on_scheduled_end(void *self, peri_str result, const peri_err *e);

typedef struct scheduled {
  peri_service *service;
  char *key;
} scheduled;

static void on_due(void *self, peri_str key, int64_t due_ms) {
  (void)due_ms;
  peri_service *s = self;
  peri_str id, stream = peri_str_cut(key, '/', &id);
  const peri_due *d = due_of(s, id);
  if (!d) {
    peri_sched_done(s->sched, key, peri_now_ms());
    return;
  }
  scheduled *k = peri_alloc(sizeof *k);
  *k = (scheduled){s, peri_dup(key)};
  peri_wish wish = {.integration = d->name, .timeout_ms = d->timeout_ms, .cause = "schedule"};
  if (stream.n) wish.entities = &stream, wish.entity_count = 1;
  else wish.without = d->streams, wish.without_count = d->stream_count;
  peri_service_watch watch = {NULL, on_scheduled_end, k};
  peri_err e;
  if (peri_service_sync(s, &wish, &watch, NULL, &e)) on_scheduled_end(k, (peri_str){0}, &e);
}

static void on_scheduled_end(void *self, peri_str result, const peri_err *e) {
  (void)result, (void)e;
  scheduled *k = self;
  peri_sched_done(k->service->sched, peri_str_of(k->key), peri_now_ms());
  arm(k->service);
  free(k->key);
  free(k);
}

static void add_due(peri_service *s, peri_arena *a, const peri_schedule_row *row, peri_str standard, int64_t now) {
  peri_json_fault fault;
  peri_timetable *t = peri_arena_take(a, sizeof *t);
  peri_err e;
  if (peri_timetable_read(a, row->schedule_json.n ? peri_json_parse(a, row->schedule_json, &fault) : NULL, standard, t, &e)) {
    peri_log(PERI_WARN, "sched", "the schedule of %.*s is left out: %s", PERI_S(row->name), e.text);
    return;
  }
  if (t->off) return;
  bool paused = !peri_str_is(row->status, "active") && !peri_str_is(row->status, "error") && !peri_str_is(row->status, "pending");
  peri_due *d = &s->dues[s->due_count++];
  *d = (peri_due){.id = row->id, .name = row->name, .timeout_ms = t->timeout_ms, .stream_count = t->stream_count};
  memcpy(d->streams, t->stream, sizeof d->streams);
  for (size_t i = 0; i <= t->stream_count; i++) {
    peri_sched_entry entry = i < t->stream_count ? t->of[i] : t->main;
    entry.key = i < t->stream_count ? peri_arena_fmt(a, "%.*s/%.*s", PERI_S(row->id), PERI_S(t->stream[i])) : row->id;
    entry.paused = paused;
    entry.last_ms = row->last_ms;
    peri_sched_put(s->sched, &entry, now);
  }
}

static int by_id(const void *a, const void *b) { return peri_str_cmp(((const peri_schedule_row *)a)->id, ((const peri_schedule_row *)b)->id); }

peri_code peri_service_reschedule(peri_service *s, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_schedule_row *rows = NULL;
  size_t count = 0;
  peri_code code = peri_schedules_read(s->g->store, a, (peri_str){0}, &rows, &count, e);
  if (code) {
    peri_arena_free(a);
    return code;
  }
  if (count) qsort(rows, count, sizeof *rows, by_id);
  peri_sched *old = s->sched;
  s->sched = peri_sched_new(on_due, s);
  s->dues = peri_arena_take(a, (count + 1) * sizeof *s->dues);
  s->due_count = 0;
  int64_t now = peri_now_ms();
  peri_json_fault fault;
  const peri_json *settings = peri_json_parse(a, peri_str_of(s->scripts->settings), &fault);
  for (size_t i = 0; i < count; i++) add_due(s, a, &rows[i], peri_json_get_text(settings, "schedule"), now);
  peri_sched_take_over(s->sched, old); /* what runs goes on, and what was due keeps its time if its schedule is the same */
  peri_sched_free(old);
  peri_arena_free(s->timetables);
  s->timetables = a;
  arm(s);
  return PERI_OK;
}

int64_t peri_service_next_ms(const peri_service *s, peri_str integration_id) { return s->sched ? peri_sched_next_ms(s->sched, integration_id) : INT64_MAX; }

/* ---- runs ---- */

struct peri_service_run {
  peri_service_run *next, *prev;
  peri_service *service;
  peri_arena *arena;
  peri_snapshot *scripts;
  peri_sync_options options;
  peri_run *run;
  peri_service_watch watch;
  uv_timer_t timeout;
  const char *cause;
  int64_t started_ms;
  char id[40];
  bool timed_out;
};

static const peri_str *copy_list(peri_arena *a, const peri_str *list, size_t count) {
  peri_str *out = peri_arena_take(a, (count + 1) * sizeof *out);
  for (size_t i = 0; i < count; i++) out[i] = peri_arena_str(a, list[i]);
  return out;
}

static void put_run(const peri_service_run *k, peri_jw *w) {
  const peri_counters *n = peri_run_counted(k->run);
  char iso[PERI_ISO_MAX];
  peri_jw_object(w);
  peri_jw_kv_c(w, "id", k->id[0] ? k->id : NULL);
  peri_jw_kv(w, "integration", k->options.integration);
  peri_jw_kv_c(w, "cause", k->cause);
  peri_jw_kv(w, "stream", peri_run_stream_name(k->run));
  peri_jw_kv_c(w, "phase", peri_run_phase(k->run));
  peri_jw_kv_int(w, "processed", n->processed);
  peri_jw_kv_int(w, "created", n->created);
  peri_jw_kv_int(w, "updated", n->updated);
  peri_jw_kv_int(w, "rejected", n->rejected);
  peri_jw_kv_int(w, "deleted", n->deleted);
  peri_jw_kv_int(w, "requests", n->requests);
  peri_jw_kv_int(w, "waitingMs", peri_run_waiting_ms(k->run));
  peri_jw_kv_c(w, "startedAt", peri_iso(k->started_ms, iso));
  peri_jw_end_object(w);
}

static void tell(const peri_service_run *k, const char *kind, peri_str json) {
  peri_news news = {kind, k->options.integration, peri_str_of(k->id), json};
  peri_bus_tell(k->service->bus, &news);
}

static void on_progress(void *self, const peri_run *run) {
  peri_service_run *k = self;
  bool opened = !k->id[0] && peri_run_id(run)[0];
  if (opened) snprintf(k->id, sizeof k->id, "%s", peri_run_id(run));
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  put_run(k, &w);
  if (opened && k->watch.opened) k->watch.opened(k->watch.self, peri_str_of(k->id));
  tell(k, opened ? "run.started" : "run.progress", peri_buf_view(&b));
  peri_buf_fini(&b);
}

static void on_timeout_closed(uv_handle_t *h) {
  peri_service_run *k = h->data;
  peri_snapshot_leave(k->scripts);
  peri_arena_free(k->arena);
  free(k);
}

static void put_end(peri_str result, const peri_err *e, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  peri_jw_kv_raw(&w, "result", result.n ? result : PERI_STR("null"));
  peri_jw_key_c(&w, "error");
  if (!e->code) peri_jw_null(&w);
  else {
    peri_jw_object(&w);
    peri_jw_kv_c(&w, "code", peri_code_name(e->code));
    peri_jw_kv_c(&w, "message", e->text);
    peri_jw_end_object(&w);
  }
  peri_jw_end_object(&w);
}

static void on_run_done(void *self, peri_buf *result, const peri_err *given) {
  peri_service_run *k = self;
  peri_service *s = k->service;
  peri_err e = *given;
  if (k->timed_out && e.code == PERI_INTERRUPTED) peri_fail(&e, PERI_TIMEOUT, "stopped at a page edge after its time was over; the next run goes on there");
  if (k->prev) k->prev->next = k->next;
  else s->runs = k->next;
  if (k->next) k->next->prev = k->prev;
  s->run_count--;
  k->run = NULL;
  peri_buf end = {0};
  put_end(peri_buf_view(result), &e, &end);
  tell(k, "run.ended", peri_buf_view(&end));
  peri_buf_fini(&end);
  if (k->watch.ended) k->watch.ended(k->watch.self, peri_buf_view(result), &e);
  uv_close((uv_handle_t *)&k->timeout, on_timeout_closed);
  if (s->stopping && !s->run_count && s->on_idle) s->on_idle(s->on_idle_self);
}

static void on_timeout(uv_timer_t *t) {
  peri_service_run *k = t->data;
  k->timed_out = true;
  peri_log(PERI_WARN, "sched", "a run takes longer than its timeout and is stopped integration=%.*s run=%s", PERI_S(k->options.integration), k->id);
  peri_run_cancel(k->run);
}

peri_code peri_service_sync(peri_service *s, const peri_wish *wish, const peri_service_watch *watch, peri_service_run **out, peri_err *e) {
  if (s->stopping) return peri_fail(e, PERI_BUSY, "this process is stopping; ask again when it is back");
  peri_service_run *k = peri_alloc(sizeof *k);
  peri_arena *a = peri_arena_new();
  *k = (peri_service_run){.next = s->runs, .service = s, .arena = a, .scripts = peri_snapshot_hold(s->scripts), .cause = wish->cause, .started_ms = peri_now_ms()};
  if (watch) k->watch = *watch;
  k->options = (peri_sync_options){.integration = peri_arena_str(a, wish->integration),
                                   .entities = copy_list(a, wish->entities, wish->entity_count),
                                   .entity_count = wish->entity_count,
                                   .without = copy_list(a, wish->without, wish->without_count),
                                   .without_count = wish->without_count,
                                   .full = wish->full,
                                   .sweep = wish->sweep,
                                   .accept_deletes = peri_arena_str(a, wish->accept_deletes),
                                   .limit = wish->limit,
                                   .progress = on_progress,
                                   .progress_self = k};
  if (s->runs) s->runs->prev = k;
  s->runs = k;
  s->run_count++;
  uv_timer_init(&s->g->loop, &k->timeout);
  k->timeout.data = k;
  if (wish->timeout_ms > 0) uv_timer_start(&k->timeout, on_timeout, (uint64_t)wish->timeout_ms, 0);
  k->run = peri_run_start(s->g, k->scripts->project, &k->options, on_run_done, k);
  if (out) *out = k;
  return PERI_OK;
}

void peri_service_unwatch(peri_service_run *k) { k->watch = (peri_service_watch){0}; }

peri_code peri_service_cancel(peri_service *s, peri_str what, int *count, peri_err *e) {
  *count = 0;
  for (peri_service_run *k = s->runs; k; k = k->next) {
    bool by_id = what.n >= 8 && peri_str_starts(peri_str_of(k->id), what);
    if (!by_id && !peri_str_eq(k->options.integration, what)) continue;
    peri_run_cancel(k->run);
    ++*count;
  }
  return *count ? PERI_OK : peri_fail(e, PERI_NOT_FOUND, "no run '%.*s' is under way, and none of an integration of that name; see perilune runs", PERI_S(what));
}

void peri_service_runs_json(const peri_service *s, peri_buf *json) {
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_array(&w);
  for (const peri_service_run *k = s->runs; k; k = k->next) put_run(k, &w);
  peri_jw_end_array(&w);
}

/* ---- life ---- */

peri_code peri_service_open(peri_engine *g, peri_project *project, peri_service **out, peri_err *e) {
  peri_scripts *scripts = NULL;
  peri_scripts_want want = {.hash_seed = peri_store_hash_seed(g->store)};
  peri_code code = peri_scripts_load(project, g->store, &want, &scripts, e);
  if (code) return code;
  for (size_t i = 0; i < scripts->failure_count; i++) {
    peri_buf text = {0};
    peri_failure_text(&scripts->failures[i], &text);
    peri_log(PERI_WARN, "serve", "a file is broken, and what reaches it does not run: %s", peri_buf_c(&text));
    peri_buf_fini(&text);
  }
  const peri_json *settings = peri_json_get(scripts->loaded, "settings");
  peri_service *s = peri_alloc(sizeof *s);
  s->g = g;
  s->scripts = peri_snapshot_new(project, settings ? settings->raw : PERI_STR("{}"));
  peri_scripts_close(scripts);
  s->bus = peri_bus_new();
  s->started_ms = peri_now_ms();
  uv_timer_init(&g->loop, &s->timer);
  s->timer.data = s;
  *out = s;
  return PERI_OK;
}

void peri_service_stop(peri_service *s, void (*idle)(void *self), void *self) {
  s->stopping = true;
  s->ready = false;
  uv_timer_stop(&s->timer);
  s->on_idle = idle;
  s->on_idle_self = self;
  for (peri_service_run *k = s->runs; k; k = k->next) peri_run_cancel(k->run);
  if (!s->run_count && idle) idle(self);
}

static void on_service_closed(uv_handle_t *h) { free(h->data); }

void peri_service_free(peri_service *s) {
  if (!s) return;
  peri_sched_free(s->sched);
  peri_arena_free(s->timetables);
  peri_snapshot_leave(s->scripts);
  peri_bus_free(s->bus);
  uv_close((uv_handle_t *)&s->timer, on_service_closed);
}
