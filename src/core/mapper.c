/* core/mapper: see the header. One worker, pages in order, parts of a page after a death. */
#include "core/mapper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define QUEUE_MAX 4

struct peri_mapper {
  peri_run *run;
  peri_worker *worker;
  peri_buf *views;
  size_t view_count;
  size_t views_open; /* how many of them the worker in force knows */
  peri_page *queue[QUEUE_MAX];
  size_t queued;     /* queue[0] is in work */
  bool slow;         /* a worker of this run was too busy: the next one begins behind all others */
  uint64_t job;
};

static void start_part(peri_mapper *m);

/* ---- pages ---- */

peri_page *peri_page_new(void) {
  peri_page *p = peri_alloc(sizeof *p);
  p->arena = peri_arena_new();
  return p;
}

#define VALUE_SHOWN_MAX 100 /* lists of names and tokens of pages are long, and there is a row for each page */
#define URL_SHOWN_MAX 1000

void peri_page_origin(peri_page *p, const char *method, peri_str url, int64_t at_ms) {
  peri_buf all = {0}, b = {0};
  peri_buf_str(&all, url);
  if (all.n) all.n = peri_redact(all.p, all.n); /* before anything is cut: half a secret is not recognised */
  size_t value = 0;
  bool query = false;
  for (size_t i = 0; i < all.n && b.n < URL_SHOWN_MAX; i++) {
    char c = all.p[i];
    if (c == '?' || c == '&') query = true, value = 0;
    else if (query && ++value > VALUE_SHOWN_MAX) {
      if (value == VALUE_SHOWN_MAX + 1) peri_buf_c_str(&b, "\xE2\x80\xA6");
      continue;
    }
    peri_buf_char(&b, c);
  }
  p->origin = (peri_origin){.method = peri_arena_str(p->arena, peri_str_of(method)), .url = peri_arena_str(p->arena, peri_buf_view(&b)), .page = p->number, .at_ms = at_ms};
  peri_buf_fini(&all);
  peri_buf_fini(&b);
}

void peri_page_free(peri_page *p) {
  if (!p) return;
  peri_buf_fini(&p->body);
  peri_buf_fini(&p->trace);
  peri_arena_free(p->arena);
  free(p);
}

peri_str peri_page_raw(const peri_page *p, size_t record) {
  const peri_split_record *s = &p->records[record];
  return (peri_str){p->body.p + s->offset, s->bytes};
}

/* ---- the worker ---- */

static void leave_page(peri_mapper *m) {
  m->queued--;
  memmove(m->queue, m->queue + 1, m->queued * sizeof *m->queue);
}

static void page_failed(peri_mapper *m, peri_code code, const char *text) {
  peri_page *p = m->queue[0];
  peri_err e = {0};
  peri_fail(&e, code, "%s", text);
  leave_page(m);
  p->on_failed(p, &e);
}

static void on_frame(void *self, peri_worker *w, const peri_frame *f);
static void on_death(void *self, peri_worker *w, const peri_death *d);

static bool start_worker(peri_mapper *m, peri_err *e) {
  peri_worker_config config = {.loop = &m->run->g->loop, .self = m, .on_frame = on_frame, .on_death = on_death, .hash_seed = peri_store_hash_seed(m->run->store), .slow = m->slow};
  peri_scripts_limits(m->run->scripts, &config);
  m->worker = peri_worker_start(&config, e);
  m->views_open = 0;
  return m->worker && peri_worker_send(m->worker, PERI_K_LOAD, 0, peri_buf_view(&m->run->scripts->load), e) == PERI_OK;
}

static bool open_views(peri_mapper *m, peri_err *e) {
  for (; m->views_open < m->view_count; m->views_open++)
    if (peri_worker_send(m->worker, PERI_K_OPEN, 0, peri_buf_view(&m->views[m->views_open]), e)) return false;
  return true;
}

static bool send_page(peri_mapper *m, peri_page *p, uint32_t flags, uint32_t first, uint32_t count, peri_err *e) {
  peri_buf b = {0};
  peri_page_msg msg = {.page = p->number,
                       .view = p->view,
                       .flags = flags | (p->packed ? PERI_PAGE_RECORDS : 0u) | (p->traced ? PERI_PAGE_TRACE : 0u),
                       .first = first,
                       .count = count,
                       .headers_json = p->headers_json,
                       .parent_json = p->parent_json,
                       .bytes = peri_buf_view(&p->body)};
  peri_page_put(&b, &msg);
  peri_code code = peri_worker_send(m->worker, PERI_K_PAGE, m->job, peri_buf_view(&b), e);
  peri_buf_fini(&b);
  return code == PERI_OK;
}

/* Sends the next part of the page in work, or tells that it is mapped. */
static void start_part(peri_mapper *m) {
  peri_page *p = m->queue[0];
  peri_err e = {0};
  if (!m->worker && !start_worker(m, &e)) {
    page_failed(m, PERI_WORKER_LOST, e.text);
    return;
  }
  uint32_t first = 0, count = 0;
  p->probing = p->split_only || (p->map_all && !p->split_done && p->retry.deaths > 0); /* a death before everything was split: first learn what it holds */
  p->part_split = false;
  m->job++;
  if (!p->probing && !peri_page_retry_next(&p->retry, &first, &count)) {
    leave_page(m);
    p->on_mapped(p);
    if (m->queued) start_part(m);
    return;
  }
  uint32_t flags = p->probing ? PERI_PAGE_SPLIT_ONLY : p->map_all ? PERI_PAGE_MAP_ALL : 0u;
  if (!open_views(m, &e) || !send_page(m, p, flags, first, count, &e)) page_failed(m, PERI_WORKER_LOST, e.text);
}

static void send_map(peri_mapper *m, peri_page *p) {
  peri_buf b = {0};
  peri_err e = {0};
  peri_map_msg msg = {.page = p->number, .bitmap = p->bitmap};
  peri_map_msg_put(&b, &msg);
  if (peri_worker_send(m->worker, PERI_K_MAP, m->job, peri_buf_view(&b), &e)) page_failed(m, e.code, e.text);
  peri_buf_fini(&b);
}

static void close_worker(peri_mapper *m) {
  m->slow |= m->worker && peri_worker_slow(m->worker);
  peri_worker_close(m->worker);
  m->worker = NULL;
}

/* ---- frames ---- */

static peri_str keep(peri_page *p, peri_str s) { return s.n ? peri_arena_str(p->arena, s) : (peri_str){0}; }

/* That it is sound JSON was checked when the frame was unpacked. */
static bool is_object(peri_str json) {
  json = peri_str_trim(json);
  return json.n && json.p[0] == '{';
}

/* Items usually come all at once: room for exactly them spares what doubling would waste in every page that waits for the writer. */
static void *room(peri_arena *a, void *items, size_t count, size_t more, size_t *cap, size_t item_bytes) {
  if (count || more == 0) return items;
  *cap = more;
  return peri_arena_take(a, more * item_bytes);
}

bool peri_page_take_split(peri_page *p, const peri_frame *f) {
  peri_split s;
  peri_arena *scratch = peri_arena_new();
  bool fine = peri_split_get(f->payload, scratch, &s) && s.page == p->number && p->count + s.count <= PERI_RECORDS_PER_PAGE_MAX && (p->packed || peri_split_fits(&s, p->body.n));
  if (fine) p->records = room(p->arena, p->records, p->count, s.count, &p->cap, sizeof *p->records);
  for (size_t i = 0; fine && i < s.count; i++) {
    if (p->count == p->cap) p->records = peri_arena_grow(p->arena, p->records, p->count, &p->cap, sizeof *p->records);
    peri_split_record r = s.records[i];
    fine = r.index == p->count;
    r.key = keep(p, r.key);
    r.context = keep(p, r.context);
    r.merged = keep(p, r.merged);
    p->records[p->count++] = r;
  }
  if (fine && !(f->flags & PERI_F_MORE)) {
    p->split_done = true;
    p->records_found = s.records_found;
    p->page_values = keep(p, s.page_values);
    p->pairs = keep(p, s.pairs);
    peri_page_retry_records(&p->retry, (uint32_t)p->count);
  }
  peri_arena_free(scratch);
  return fine;
}

bool peri_page_take_rows(peri_page *p, const peri_frame *f) {
  peri_rows rows;
  peri_arena *scratch = peri_arena_new();
  bool fine = peri_rows_get(f->payload, scratch, &rows) && rows.page == p->number;
  if (fine) p->rows = room(p->arena, p->rows, p->row_count, rows.count, &p->row_cap, sizeof *p->rows);
  for (size_t i = 0; fine && i < rows.count; i++) {
    peri_row_msg r = rows.rows[i];
    fine = r.index < p->count && r.verdict >= 1 && r.verdict <= 3 && (r.verdict != 1 || is_object(r.data)) && (r.verdict != 2 || is_object(r.reject));
    if (!fine) break;
    if (p->row_count == p->row_cap) p->rows = peri_arena_grow(p->arena, p->rows, p->row_count, &p->row_cap, sizeof *p->rows);
    r.key = keep(p, r.key);
    r.data = keep(p, r.data);
    r.warnings = keep(p, r.warnings);
    r.reject = keep(p, r.reject);
    p->rows[p->row_count++] = r;
  }
  peri_arena_free(scratch);
  return fine;
}

static void on_split_frame(peri_mapper *m, peri_page *p, const peri_frame *f) {
  bool again = p->split_done; /* a part after a death: what it holds is known */
  if (!again && !peri_page_take_split(p, f)) {
    close_worker(m);
    page_failed(m, PERI_WORKER_LOST, "the worker described records that are not in the page");
    return;
  }
  if (f->flags & PERI_F_MORE) return;
  p->part_split = true;
  if (p->split_only) {
    leave_page(m);
    p->on_split(p);
    p->on_mapped(p);
    if (m->queued) start_part(m);
    return;
  }
  if (!again) p->on_split(p); /* may call peri_mapper_map at once */
  else if (!p->map_all && p->asked_map) send_map(m, p);
  if (p->probing && m->queued && m->queue[0] == p) start_part(m);
}

/* The field that a dead worker was at, as the plan's description has it; NULL if it did not say. */
static const peri_json *blamed_field(const peri_page *p, const peri_blame *b) {
  const peri_json *fields = p->blame ? peri_json_get(p->blame->plan, "fields") : NULL;
  return b->field == UINT32_MAX ? NULL : peri_json_item(fields, b->field);
}

/* Rejects in C what a dead worker could not finish. */
static void reject_record(peri_page *p, const peri_blame *b) {
  peri_buf json = {0};
  peri_jw w;
  peri_jw_init(&w, &json);
  peri_jw_object(&w);
  peri_str key = b->record < p->count ? p->records[b->record].key : (peri_str){0};
  const peri_json *field = blamed_field(p, b);
  peri_jw_key_c(&w, "externalId");
  if (key.n) peri_jw_text(&w, key);
  else peri_jw_null(&w);
  peri_jw_kv(&w, "entity", p->blame ? p->blame->entity : PERI_STR(""));
  if (field) peri_jw_kv(&w, "field", peri_json_get_text(field, "name"));
  else peri_jw_kv_raw(&w, "field", PERI_STR("null"));
  peri_jw_kv_c(&w, "code", peri_code_name(b->code));
  peri_jw_kv_c(&w, "message", b->text);
  if (p->blame) peri_jw_kv(&w, "file", p->blame->path);
  else peri_jw_kv_raw(&w, "file", PERI_STR("null"));
  if (field) peri_jw_kv_int(&w, "line", peri_json_get_int(field, "line", 0));
  else peri_jw_kv_raw(&w, "line", PERI_STR("null"));
  peri_jw_end_object(&w);
  if (p->row_count == p->row_cap) p->rows = peri_arena_grow(p->arena, p->rows, p->row_count, &p->row_cap, sizeof *p->rows);
  p->rows[p->row_count++] = (peri_row_msg){.index = b->record, .verdict = 2, .key = key, .reject = keep(p, peri_buf_view(&json))};
  p->rows_kept = p->row_count;
  peri_buf_fini(&json);
}

static void after_retry(peri_mapper *m, peri_page *p, peri_retry what, const peri_blame *blame) {
  if (what == PERI_RETRY_STOP) {
    page_failed(m, blame->code, blame->text);
    return;
  }
  if (what == PERI_RETRY_REJECT) {
    peri_log(PERI_WARN, "worker", "a record brought the worker down record=%u reason=\"%s\"", blame->record, blame->text);
    reject_record(p, blame);
  }
  start_part(m);
}

static void forget_part(peri_page *p) {
  p->row_count = p->rows_kept;
  if (!p->split_done) p->count = 0;
  peri_buf_clear(&p->trace);
}

static void on_fail_frame(peri_mapper *m, peri_page *p, const peri_frame *f) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *j = peri_json_parse(a, f->payload, &fault);
  peri_str name = peri_json_get_text(j, "code"), text = peri_json_get_text(j, "text");
  peri_code code = peri_code_named(name.p ? name.p : "", name.n);
  if (code == PERI_CODE_COUNT) code = PERI_WORKER_LOST;
  if (peri_json_get_bool(j, "replace", false)) {
    peri_blame blame;
    forget_part(p);
    peri_retry what = peri_page_retry_fail(&p->retry, &m->run->guard, (uint32_t)peri_json_get_int(j, "record", 0), code, text, &blame);
    close_worker(m);
    after_retry(m, p, what, &blame);
  } else {
    peri_str file = peri_json_get_text(j, "file");
    char all[PERI_ERROR_TEXT_MAX];
    if (file.n) snprintf(all, sizeof all, "%.*s:%lld: %.*s", PERI_S(file), (long long)peri_json_get_int(j, "line", 0), PERI_S(text));
    else snprintf(all, sizeof all, "%.*s", PERI_S(text));
    page_failed(m, code, all);
    if (m->queued) start_part(m);
  }
  peri_arena_free(a);
}

static void on_frame(void *self, peri_worker *w, const peri_frame *f) {
  (void)w;
  peri_mapper *m = self;
  if (f->kind == PERI_K_LOADED || f->kind == PERI_K_OPENED) return; /* the same set was checked before the run began */
  if (!m->queued) return;
  peri_page *p = m->queue[0];
  if (f->job != m->job && f->kind != PERI_K_FAIL) return; /* of a part that was given up */
  switch (f->kind) {
  case PERI_K_SPLIT: on_split_frame(m, p, f); return;
  case PERI_K_ROWS:
    if (peri_page_take_rows(p, f)) return;
    close_worker(m);
    page_failed(m, PERI_WORKER_LOST, "the worker answered rows that are no rows");
    return;
  case PERI_K_DONE:
    if (p->part_split || p->split_done) {
      if (p->retry.busy) peri_page_retry_done(&p->retry, &m->run->guard);
      p->rows_kept = p->row_count;
      start_part(m);
    }
    return;
  case PERI_K_TRACE:
    p->trace.max = PERI_FRAME_TO_CORE_MAX;
    if (p->traced) peri_buf_str(&p->trace, f->payload);
    return;
  case PERI_K_FAIL: on_fail_frame(m, p, f); return;
  default: return;
  }
}

static void on_death(void *self, peri_worker *w, const peri_death *d) {
  peri_mapper *m = self;
  peri_death death = *d;
  bool began = peri_worker_layers(w).n > 0;
  close_worker(m);
  if (!m->queued) return; /* nothing was in work: the next page starts another */
  if (!began && death.signal != SIGKILL) { /* killed from outside while it was starting: as later */
    char text[sizeof death.text + 64];
    snprintf(text, sizeof text, "a worker could not be started: %s", death.text);
    page_failed(m, PERI_WORKER_LOST, text);
    return;
  }
  peri_page *p = m->queue[0];
  forget_part(p);
  peri_blame blame;
  peri_retry what = peri_page_retry_death(&p->retry, &m->run->guard, &death, &blame);
  after_retry(m, p, what, &blame);
}

/* ---- interface ---- */

peri_mapper *peri_mapper_new(peri_run *r) {
  peri_mapper *m = peri_alloc(sizeof *m);
  m->run = r;
  return m;
}

void peri_mapper_free(peri_mapper *m) {
  if (!m) return;
  peri_worker_close(m->worker);
  for (size_t i = 0; i < m->queued; i++) peri_page_free(m->queue[i]);
  for (size_t i = 0; i < m->view_count; i++) peri_buf_fini(&m->views[i]);
  free(m->views);
  free(m);
}

uint32_t peri_mapper_next_view(peri_mapper *m) { return (uint32_t)m->view_count + 1; }

void peri_mapper_view(peri_mapper *m, peri_buf *open_json) {
  m->views = peri_resize(m->views, (m->view_count + 1) * sizeof *m->views);
  m->views[m->view_count++] = *open_json;
  *open_json = (peri_buf){0};
}

size_t peri_mapper_pages(const peri_mapper *m) { return m->queued; }

void peri_mapper_page(peri_mapper *m, peri_page *p) {
  peri_page_retry_begin(&p->retry, PERI_RECORDS_UNKNOWN);
  m->queue[m->queued++] = p;
  if (m->queued == 1) start_part(m);
}

void peri_mapper_map(peri_mapper *m, peri_page *p, peri_str bitmap) {
  p->bitmap = peri_arena_str(p->arena, bitmap);
  p->asked_map = true;
  if (m->worker && p->part_split) send_map(m, p);
}
