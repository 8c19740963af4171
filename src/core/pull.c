/* core/pull: a stream whose loop is a script (language, section 12). The script decides what to ask next; the core checks, limits, sends and commits as
 * for any stream. ctx:emit's rows are written at once, ctx:mark's position after them: a crash repeats rows, which are recognised, and loses none.
 * A worker that dies takes the coroutine with it: the pull begins again from the last mark, three times at most. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/commit.h"
#include "core/stream_work.h"

#define BODIES_KEPT 4
#define STARTS_MAX 3

typedef struct reply_body {
  uint32_t id;
  peri_buf body, url;
  char method[16];
  int64_t at_ms;
} reply_body;

typedef struct peri_pull_work {
  peri_stream_work *w;
  peri_worker *worker;
  peri_feed *feed;       /* mappings and cursor for commits; asks nothing itself */
  peri_page *page;       /* being mapped */
  reply_body bodies[BODIES_KEPT];
  size_t next_body;
  peri_map views;        /* records path -> number + 1 */
  uint32_t view_count;
  uint32_t asked;        /* id of the request in flight */
  int starts;
  bool ending;           /* the script is done; commits may be under way */
  size_t commits;
  peri_str marked;       /* JSON of the last mark */
  peri_err err;
} peri_pull_work;

static void start(peri_pull_work *p);

static void end(peri_pull_work *p) {
  if (p->commits || p->ending) return;
  p->ending = true;
  peri_worker_close(p->worker);
  p->worker = NULL;
  if (p->err.code == PERI_INTERRUPTED) {
    p->w->run->stopped_early = true;
    peri_stream_done(p->w, "stopped");
  } else if (p->err.code)
    peri_stream_failed(p->w, &p->err);
  else
    peri_stream_done(p->w, "done");
}

static void fail(peri_pull_work *p, const peri_err *e) {
  if (!p->err.code) p->err = *e;
  peri_worker_close(p->worker);
  p->worker = NULL;
  end(p);
}

/* ---- send ---- */

static void keep_body(peri_pull_work *p, uint32_t id, const peri_ask *k, peri_buf body) {
  reply_body *slot = &p->bodies[p->next_body++ % BODIES_KEPT];
  peri_buf_fini(&slot->body);
  peri_buf_fini(&slot->url);
  *slot = (reply_body){.id = id, .body = body, .at_ms = peri_now_ms()};
  snprintf(slot->method, sizeof slot->method, "%s", k->out.method);
  peri_buf_str(&slot->url, k->out.url);
}

static void on_answer(peri_ask *k) {
  peri_pull_work *p = k->self;
  if (k->err.code) {
    fail(p, &k->err);
    return;
  }
  peri_buf frame = {0};
  peri_str headers = peri_ask_headers(k->reply, k->arena);
  peri_buf body = peri_http_take_body(k->reply);
  body.n = peri_redact(body.p ? body.p : "", body.n); /* a server that echoes the token does not hand it to a script */
  peri_reply_put(&frame, p->asked, (uint32_t)k->reply->status, headers, peri_buf_view(&body));
  keep_body(p, p->asked, k, body);
  peri_err e = {0};
  if (peri_worker_send(p->worker, PERI_K_REPLY, 1, peri_buf_view(&frame), &e)) fail(p, &e);
  peri_buf_fini(&frame);
}

static void on_request(peri_pull_work *p, const peri_json *m) {
  peri_stream_work *w = p->w;
  peri_err e = {0};
  const peri_request *q = NULL;
  const peri_node *node = peri_node_read(w->arena, peri_json_get(m, "request"), &e);
  if (!node || peri_connector_request(w->arena, w->run->connector, w->s, node, &q, &e)) {
    peri_err_prefix(&e, "%.*s (decided by pull at %.*s:%d)", PERI_S(w->s->name), PERI_S(w->run->connector->path), w->s->pull_line);
    fail(p, &e);
    return;
  }
  if (peri_run_stopping(w->run)) {
    peri_fail(&e, PERI_INTERRUPTED, "stopped before the next request");
    fail(p, &e);
    return;
  }
  p->asked = (uint32_t)peri_json_get_int(m, "id", 0);
  peri_ask_start(w->run, q, &p->feed->fill, on_answer, p);
}

/* ---- emit ---- */

static void on_committed(void *page, const peri_err *e) {
  peri_page *done = page;
  peri_pull_work *p = done->self;
  peri_err copy = *e;
  peri_page_free(done);
  p->commits--;
  peri_run_progress(p->w->run);
  if (copy.code) fail(p, &copy);
  else if (p->err.code || !p->worker) end(p);
}

static bool open_view(peri_pull_work *p, peri_str path, uint32_t *view, peri_err *e) {
  uintptr_t known = (uintptr_t)peri_map_get(&p->views, path);
  if (known) {
    *view = (uint32_t)known;
    return true;
  }
  *view = ++p->view_count;
  peri_map_put(&p->views, path, (void *)(uintptr_t)*view);
  peri_request q = {.method = "GET", .records = path, .format = PERI_STR("json")};
  peri_str paths[PERI_MAPPINGS_OF_STREAM_MAX];
  for (size_t i = 0; i < p->w->mapping_count; i++) paths[i] = p->w->mappings[i]->path;
  peri_buf json = {0};
  peri_stream_open_json(p->w->s, &q, *view, p->w->run->in->type, paths, p->w->mapping_count, NULL, 0, &json);
  peri_code code = peri_worker_send(p->worker, PERI_K_OPEN, 1, peri_buf_view(&json), e);
  peri_buf_fini(&json);
  return code == PERI_OK;
}

static void on_emit(peri_pull_work *p, const peri_json *m) {
  peri_err e = {0};
  uint32_t id = (uint32_t)peri_json_get_int(m, "id", 0), view = 0;
  const reply_body *found = NULL;
  for (size_t i = 0; i < BODIES_KEPT; i++)
    if (p->bodies[i].id == id && id) found = &p->bodies[i];
  if (!found) {
    peri_fail(&e, PERI_SCRIPT_ERROR, "%.*s:%d: ctx:emit names a reply that is gone (the last %d are kept)", PERI_S(p->w->run->connector->path), p->w->s->pull_line, BODIES_KEPT);
    fail(p, &e);
    return;
  }
  peri_page *page = p->page = peri_page_new();
  page->self = p;
  page->map_all = true;
  page->number = (uint32_t)++p->w->run->page_number;
  peri_page_origin(page, found->method, peri_buf_view(&found->url), found->at_ms);
  peri_buf_str(&page->body, peri_buf_view(&found->body));
  peri_buf frame = {0};
  if (open_view(p, peri_json_get_text(m, "path"), &view, &e)) {
    peri_page_msg msg = {.page = page->number, .view = view, .flags = PERI_PAGE_MAP_ALL, .bytes = peri_buf_view(&page->body)};
    peri_page_put(&frame, &msg);
    peri_worker_send(p->worker, PERI_K_PAGE, 1, peri_buf_view(&frame), &e);
  }
  peri_buf_fini(&frame);
  if (e.code) fail(p, &e);
}

static void commit_page(peri_pull_work *p) {
  peri_page *page = p->page;
  p->page = NULL;
  page->dropped = peri_arena_take(page->arena, page->count + 1);
  page->taken = page->count;
  p->commits++;
  peri_commit_page(p->feed, page, false, NULL, false, on_committed);
}

/* ---- mark ---- */

static void on_mark(peri_pull_work *p, const peri_json *m) {
  const peri_json *position = peri_json_get(m, "position");
  p->marked = peri_arena_str(p->w->arena, position ? position->raw : PERI_STR("null"));
  peri_page *empty = peri_page_new(); /* a commit of the cursor alone, in the order of the pages before it */
  empty->self = p;
  peri_cursor c = {.phase = PERI_STR("changes"),
                   .high = INT64_MIN,
                   .seen_max = INT64_MIN,
                   .phase_started_ms = -1,
                   .shape = peri_place_shape(empty->arena, p->w->s),
                   .position = peri_arena_fmt(empty->arena, "{\"since\":%.*s}", PERI_S(p->marked)),
                   .swept_ms = p->w->cursor.swept_ms};
  p->commits++;
  peri_commit_page(p->feed, empty, true, &c, false, on_committed);
}

/* ---- the worker ---- */

static void on_frame(void *self, peri_worker *worker, const peri_frame *f) {
  (void)worker;
  peri_pull_work *p = self;
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *m = NULL;
  peri_err e = {0};
  switch (f->kind) {
  case PERI_K_SPLIT:
    if (!p->page || !peri_page_take_split(p->page, f)) peri_fail(&e, PERI_WORKER_LOST, "the worker described records that are not in the page");
    break;
  case PERI_K_ROWS:
    if (!p->page || !peri_page_take_rows(p->page, f)) peri_fail(&e, PERI_WORKER_LOST, "the worker answered rows that are no rows");
    break;
  case PERI_K_REQUEST:
  case PERI_K_EMIT:
  case PERI_K_MARK:
  case PERI_K_DONE:
  case PERI_K_FAIL:
    m = peri_json_parse(a, f->payload, &fault);
    if (f->kind == PERI_K_REQUEST) on_request(p, m);
    else if (f->kind == PERI_K_EMIT) on_emit(p, m);
    else if (f->kind == PERI_K_MARK) on_mark(p, m);
    else if (f->kind == PERI_K_DONE && !peri_json_get_bool(m, "pull", false)) commit_page(p);
    else if (f->kind == PERI_K_DONE) {
      peri_worker_close(p->worker);
      p->worker = NULL;
      end(p);
    } else {
      peri_str code = peri_json_get_text(m, "code"), text = peri_json_get_text(m, "text"), file = peri_json_get_text(m, "file");
      peri_code c = peri_code_named(code.p ? code.p : "", code.n);
      peri_fail(&e, c == PERI_CODE_COUNT ? PERI_SCRIPT_ERROR : c, "%.*s:%lld: %.*s", PERI_S(file), (long long)peri_json_get_int(m, "line", 0), PERI_S(text));
    }
    break;
  default: break;
  }
  peri_arena_free(a);
  if (e.code) fail(p, &e);
}

static void on_death(void *self, peri_worker *worker, const peri_death *d) {
  (void)worker;
  peri_pull_work *p = self;
  peri_err e = {0};
  peri_fail(&e, d->code, "pull of %.*s (%.*s:%d): %s", PERI_S(p->w->s->name), PERI_S(p->w->run->connector->path), p->w->s->pull_line, d->text);
  peri_worker_close(p->worker);
  p->worker = NULL;
  peri_page_free(p->page);
  p->page = NULL;
  if (d->code == PERI_WORKER_LOST && p->starts < STARTS_MAX && !p->w->run->ask) start(p);
  else fail(p, &e);
}

static void start(peri_pull_work *p) {
  peri_run *r = p->w->run;
  peri_err e = {0};
  p->starts++;
  p->view_count = 0;
  peri_map_init(&p->views, p->w->arena);
  peri_worker_config config = {.loop = &r->g->loop, .self = p, .on_frame = on_frame, .on_death = on_death, .hash_seed = peri_store_hash_seed(r->store)};
  peri_scripts_limits(r->scripts, &config);
  p->worker = peri_worker_start(&config, &e);
  peri_buf ask = {0};
  peri_jw w;
  peri_jw_init(&w, &ask);
  peri_jw_object(&w);
  peri_jw_kv(&w, "connector", r->in->type); /* the name of its file */
  peri_jw_kv(&w, "stream", p->w->s->name);
  peri_jw_kv_raw(&w, "since", p->marked.n ? p->marked : PERI_STR("null"));
  peri_jw_key_c(&w, "settings");
  peri_buf settings = {0};
  peri_json_put(&settings, r->in->settings);
  peri_jw_raw(&w, settings.n ? peri_buf_view(&settings) : PERI_STR("{}"));
  peri_jw_end_object(&w);
  if (!p->worker || peri_worker_send(p->worker, PERI_K_LOAD, 1, peri_buf_view(&r->scripts->load), &e) || peri_worker_send(p->worker, PERI_K_PULL, 1, peri_buf_view(&ask), &e)) fail(p, &e);
  peri_buf_fini(&settings);
  peri_buf_fini(&ask);
}

void peri_pull_begin(peri_stream_work *w) {
  peri_pull_work *p = w->pull = peri_alloc(sizeof *p);
  p->w = w;
  w->run->phase = "pull";
  peri_err e = {0};
  if (peri_cursor_get(w->run->store, w->arena, w->run->in->id, w->s->name, PERI_STR("main"), &w->cursor, &e)) {
    peri_stream_failed(w, &e);
    return;
  }
  peri_json_fault fault;
  const peri_json *position = w->cursor.position.n && !w->run->options->full ? peri_json_parse(w->arena, w->cursor.position, &fault) : NULL;
  const peri_json *since = peri_json_get(position, "since");
  if (since) p->marked = since->raw;
  p->feed = peri_feed_new(w->run, w->s, NULL);
  p->feed->mappings = w->mappings;
  p->feed->mapping_count = w->mapping_count;
  p->feed->cursor_kind = PERI_STR("main");
  p->feed->fill.since_verbatim = p->marked;
  start(p);
}

void peri_pull_work_free(peri_pull_work *p) {
  if (!p) return;
  peri_worker_close(p->worker);
  peri_page_free(p->page);
  for (size_t i = 0; i < BODIES_KEPT; i++) peri_buf_fini(&p->bodies[i].body), peri_buf_fini(&p->bodies[i].url);
  peri_feed_free(p->feed);
  free(p);
}
