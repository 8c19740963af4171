/* core/feed: see the header. Asks, splits, prefetches, maps; commit.c writes. */
#include "core/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/commit.h"

#define PAGES_OPEN_MAX 2           /* being fetched and mapped */
#define PAGES_OUT_MAX 14           /* with those that wait for the writer: it takes ten together */
#define URL_SHOWN_MAX 500
#define AHEAD_MS_MIN 3000          /* less is no clock that is off */
#define DATE_WHOLE_MS 1000         /* a Date counts whole seconds: it is up to that much later over there */
#define BYTES_OUT_MAX (4u << 20)   /* large pages go one by one: a page at its ceiling is there in several copies already */

static void ask_next(peri_feed *f);

static bool has_room(const peri_feed *f) {
  return !f->pages_out || (f->pages_open < PAGES_OPEN_MAX && f->pages_out < PAGES_OUT_MAX && f->bytes_out < BYTES_OUT_MAX);
}

static void ask_if_waiting(peri_feed *f) {
  if (f->waiting && !f->asking && !f->last && has_room(f)) ask_next(f);
}

static void end_if_idle(peri_feed *f) {
  if (f->asking || f->pages_out || f->ended_once) return;
  if (!f->last && f->how == PERI_FEED_DONE) {
    if (f->waiting) ask_next(f);
    return;
  }
  f->ended_once = true;
  f->ended(f, f->how);
}

static void stop_feed(peri_feed *f, peri_feed_end how, const peri_err *e) {
  if (f->how == PERI_FEED_DONE || how == PERI_FEED_FAILED) {
    f->how = how;
    if (e) f->err = *e;
  }
  f->last = true;
}

/* ---- "again": the next page starts at the greatest stamp seen ---- */

static bool all_digits(const peri_page *p) {
  for (size_t i = 0; i < p->count; i++)
    for (size_t k = 0; k < p->records[i].key.n; k++)
      if (p->records[i].key.p[k] < '0' || p->records[i].key.p[k] > '9') return false;
  return true;
}

/* The record from which `ties` goes on. Where keys are numbers it starts before all of them: nobody promises in which order equal stamps come. */
static peri_str tie_start(peri_feed *f, const peri_page *p) {
  peri_str key = peri_node_text(peri_node_value(f->stream->key));
  if (!all_digits(p) || !key.n) return peri_arena_str(f->arena, peri_page_raw(p, p->count - 1));
  return peri_arena_fmt(f->arena, "{\"%.*s\":\"0\"}", PERI_S(key));
}

static void remember_edge(peri_feed *f, const peri_page *p, int64_t max) {
  if (max != f->edge) {
    peri_arena_reset(f->edge_arena);
    peri_map_init(&f->edge_keys, f->edge_arena);
    f->edge = max;
  }
  for (size_t i = 0; i < p->count; i++)
    if (p->records[i].updated == max) peri_map_put(&f->edge_keys, p->records[i].key, f);
}

static bool page_is_full(const peri_request *q, const peri_page *p) { return q->again_most ? (int64_t)p->count >= q->again_most : p->count > 0; }

static bool seen_at_edge(const peri_feed *f, const peri_split_record *r) { return r->updated == f->edge && f->edge != PERI_NO_STAMP && peri_map_has(&f->edge_keys, r->key); }

static bool again_step(peri_feed *f, const peri_page *p, peri_err *e) {
  int64_t max = PERI_NO_STAMP, min = INT64_MAX;
  bool fresh = false;
  for (size_t i = 0; i < p->count; i++) {
    const peri_split_record *r = &p->records[i];
    if (r->updated == PERI_NO_STAMP) continue;
    if (r->updated > max) max = r->updated;
    if (r->updated < min) min = r->updated;
    fresh |= !seen_at_edge(f, r);
  }
  bool full = page_is_full(f->request, p);
  if (!full || max == PERI_NO_STAMP) {
    if (full && !f->request->since_path.n && p->count) {
      peri_fail(e, PERI_BAD_REPLY, "%.*s: pages = \"again\" needs a stamp, and no record of a full page has one at `updated`", PERI_S(f->stream->name));
      return false;
    }
    f->last = !full;
    return true;
  }
  if (max == min && f->request->ties) {
    f->in_ties = true;
    f->tie_stamp = max;
    f->tie_record = tie_start(f, p);
    return true;
  }
  if (max == min && f->fill.since == max) {
    peri_fail(e, PERI_PAGING_LOOP, "%.*s: a whole page has one and the same stamp, and the stream has no `ties` to read past it; the cursor was not moved", PERI_S(f->stream->name));
    return false;
  }
  if (!fresh) f->last = true; /* nothing but what was read before */
  if (max > f->fill.since || f->fill.since == INT64_MIN) f->fill.since = max;
  remember_edge(f, p, max);
  return true;
}

static void ties_step(peri_feed *f, const peri_page *p) {
  if (page_is_full(f->request->ties, p)) {
    f->tie_record = peri_arena_str(f->arena, peri_page_raw(p, p->count - 1));
    return;
  }
  f->in_ties = false;
  f->fill.since = f->tie_stamp + 1;
}

/* ---- after a split: where does it go on? ---- */

typedef struct page_note { /* hangs on a page until it is committed */
  peri_feed *feed;
  peri_str url; /* what it answers */
  bool has_cursor, keys_only, ties, fetch;
  int64_t came_us; /* when its reply was there */
  peri_cursor cursor;
} page_note;

static bool follow_pager(peri_feed *f, peri_page *p, peri_err *e) {
  peri_json_fault fault;
  const peri_json *values = p->page_values.n ? peri_json_parse(f->arena, p->page_values, &fault) : NULL;
  const peri_json *pairs = p->pairs.n ? peri_json_parse(f->arena, p->pairs, &fault) : NULL;
  if (f->request->since_path.n) {
    const peri_json *since = peri_json_get_str(values, f->request->since_path);
    if (since && since->type != PERI_J_NULL) f->since_value = since->raw;
  }
  if (f->request->pages == PERI_PAGES_AGAIN) {
    if (f->since_value.n) {
      f->fill.since_verbatim = f->since_value;
      f->last = !page_is_full(f->request, p);
      return true;
    }
    return again_step(f, p, e);
  }
  peri_page_next next = PERI_PAGE_LAST;
  peri_http_reply reply = {.headers = NULL};
  const peri_json *headers = p->headers_json.n ? peri_json_parse(f->arena, p->headers_json, &fault) : NULL;
  if (headers) {
    peri_header *h = peri_arena_take(f->arena, (headers->count + 1) * sizeof *h);
    for (const peri_json *m = headers->first; m; m = m->next) h[reply.header_count++] = (peri_header){m->key, m->text};
    reply.headers = h;
  }
  if (peri_page_step(f->arena, f->request, values, pairs, &reply, p->count, f->run->base, &f->state, &next, e)) return false;
  f->last = next == PERI_PAGE_LAST;
  return !peri_feed_goes_round(f, p, e);
}

static void take_keys(peri_feed *f, const peri_page *p) {
  f->wanted_count = f->wanted_next = 0;
  f->wanted_last = f->last;
  for (size_t i = 0; i < p->count; i++) {
    if (p->dropped[i]) continue;
    if (f->wanted_count == f->wanted_cap) f->wanted_keys = peri_arena_grow(f->arena, f->wanted_keys, f->wanted_count, &f->wanted_cap, sizeof *f->wanted_keys);
    f->wanted_keys[f->wanted_count++] = peri_arena_str(f->arena, peri_page_raw(p, i));
  }
}

/* edge: the page may begin with what the page before it ended with. Pages of `ties` and of `fetch` ask for just those, and take all they get. */
static void note_records(peri_feed *f, peri_page *p, bool edge) {
  p->dropped = (uint8_t *)peri_arena_take(p->arena, p->count + 1);
  for (size_t i = 0; i < p->count; i++) {
    const peri_split_record *r = &p->records[i];
    p->dropped[i] = (edge && seen_at_edge(f, r)) || (f->ranged && (r->updated < f->range_from || r->updated > f->range_to));
    if (r->updated != PERI_NO_STAMP && r->updated > f->seen_max) f->seen_max = r->updated;
    if (!r->key.n) f->unreadable = true;
    if (!f->keep_keys) continue;
    if (f->key_count == f->key_cap) f->keys = peri_arena_grow(f->arena, f->keys, f->key_count, &f->key_cap, sizeof *f->keys);
    f->keys[f->key_count++] = peri_arena_str(f->arena, r->key);
  }
}

/* --limit: what is over is not taken, and the cursor stays where it was. */
static void apply_limit(peri_feed *f, peri_page *p) {
  int64_t limit = f->run->options->limit;
  p->taken = p->count;
  if (!limit) return;
  int64_t room = limit - f->records_taken;
  if ((int64_t)p->taken > room) p->taken = (size_t)(room < 0 ? 0 : room);
  f->records_taken += (int64_t)p->taken;
  if (f->records_taken >= limit) stop_feed(f, PERI_FEED_STOPPED, NULL);
}

static void ask_map(peri_feed *f, peri_page *p) {
  if (p->map_all || p->split_only) return;
  peri_buf bitmap = {0};
  peri_commit_bitmap(f, p, &bitmap);
  peri_mapper_map(f->run->mapper, p, peri_buf_view(&bitmap));
  peri_buf_fini(&bitmap);
}

static void on_split(peri_page *p) {
  page_note *n = p->self;
  peri_feed *f = n->feed;
  peri_err e = {0};
  bool fine = true;
  if (!p->records_found && !p->count && !n->fetch && !n->ties && f->request->records.n) {
    peri_buf keys = {0};
    peri_commit_reply_keys(p, &keys);
    peri_fail(&e, PERI_BAD_REPLY, "%.*s: the reply has no '%.*s'; it has %.*s", PERI_S(f->stream->name), PERI_S(f->request->records), PERI_S(peri_buf_view(&keys)));
    peri_buf_fini(&keys);
    fine = false;
  }
  note_records(f, p, !n->ties && !n->fetch);
  if (fine && n->ties) ties_step(f, p);
  else if (fine && n->fetch) f->last = f->wanted_next >= f->wanted_count && f->wanted_last;
  else if (fine) {
    f->empty_pages = p->count ? 0 : f->empty_pages + 1;
    fine = follow_pager(f, p, &e);
    if (fine && f->empty_pages > PERI_EMPTY_PAGES_MAX) {
      peri_fail(&e, PERI_PAGING_LOOP, "%.*s: %d empty pages in a row; the cursor was not moved past the last commit", PERI_S(f->stream->name), f->empty_pages);
      fine = false;
    }
  }
  if (fine && n->keys_only) {
    take_keys(f, p);
    f->last = f->last && f->wanted_count == 0;
  }
  if (!fine) stop_feed(f, PERI_FEED_FAILED, &e);
  apply_limit(f, p);
  bool edge_of_keys = n->keys_only || (n->fetch && f->wanted_next < f->wanted_count);
  if (fine && !edge_of_keys && f->how == PERI_FEED_DONE) n->has_cursor = f->cursor && f->cursor(f, f->last, p->arena, &n->cursor);
  if (peri_run_stopping(f->run)) stop_feed(f, PERI_FEED_STOPPED, NULL);
  if (!f->last && !f->asking) {
    if (has_room(f) && !n->keys_only) ask_next(f);
    else f->waiting = true;
  }
  ask_map(f, p);
}

/* ---- after the rows: commit ---- */

static void on_committed(void *self, const peri_err *e) {
  peri_page *p = self;
  page_note *n = p->self;
  peri_feed *f = n->feed;
  if (e->code) stop_feed(f, PERI_FEED_FAILED, e);
  else
    peri_log(PERI_LOG_DEBUG, "sync", "page committed integration=%.*s stream=%.*s page=%u records=%zu took_us=%lld", PERI_S(f->run->in->name), PERI_S(f->stream->name), p->number, p->count,
             (long long)(peri_mono_us() - n->came_us));
  f->pages_out--;
  f->bytes_out -= p->body.n;
  peri_page_free(p);
  peri_run_progress(f->run);
  ask_if_waiting(f);
  end_if_idle(f);
}

static void on_mapped(peri_page *p) {
  page_note *n = p->self;
  n->feed->pages_open--;
  if (n->feed->how == PERI_FEED_FAILED) { /* pages before the failure are committed, this one came after it */
    peri_err e = n->feed->err;
    on_committed(p, &e);
    return;
  }
  bool urgent = n->feed->last || n->keys_only; /* then the next request, or the next stream, waits for this commit */
  peri_commit_page(n->feed, p, n->keys_only, n->has_cursor ? &n->cursor : NULL, urgent, on_committed);
  if (!n->keys_only) ask_if_waiting(n->feed);
}

static void on_failed(peri_page *p, const peri_err *e) {
  peri_err copy = *e;
  ((page_note *)p->self)->feed->pages_open--;
  if (copy.code == PERI_BAD_REPLY || copy.code == PERI_INVALID)
    peri_err_prefix(&copy, "%.*s: the reply of %.*s", PERI_S(((page_note *)p->self)->feed->stream->name), PERI_S(((page_note *)p->self)->url));
  on_committed(p, &copy);
}

/* ---- asking ---- */

static void on_answer(peri_ask *k) {
  peri_feed *f = k->self;
  f->asking = false;
  f->refused = (k->err.code && k->action.act == PERI_ACT_STOP) || k->action.act == PERI_ACT_SKIP;
  if (k->err.code) {
    stop_feed(f, k->err.code == PERI_INTERRUPTED ? PERI_FEED_STOPPED : PERI_FEED_FAILED, &k->err);
    end_if_idle(f);
    return;
  }
  if (f->date_ms < 0) f->date_ms = k->reply->date_ms;
  int64_t ahead_ms = k->reply->date_ms < 0 ? 0 : k->reply->date_ms + DATE_WHOLE_MS - peri_now_ms();
  if (ahead_ms > AHEAD_MS_MIN && ahead_ms > f->run->ahead_ms) f->run->ahead_ms = ahead_ms;
  peri_feed_end how = PERI_FEED_DONE;
  switch (k->action.act) {
  case PERI_ACT_MISSING: how = PERI_FEED_MISSING; break;
  case PERI_ACT_RESTART: how = PERI_FEED_RESTART; break;
  case PERI_ACT_SMALLER: how = PERI_FEED_SMALLER; break;
  default: break;
  }
  bool empty = k->action.act == PERI_ACT_SKIP || k->action.act == PERI_ACT_DONE || k->action.act == PERI_ACT_DISCOVER || k->reply->status == 304;
  if (how != PERI_FEED_DONE || empty) {
    peri_fail(&f->err, how == PERI_FEED_MISSING ? PERI_SCOPE_MISSING : PERI_API_ERROR, "%s %.*s answered %d \"%.*s\"%s%.*s", k->out.method, PERI_S(k->out.url), k->reply->status,
              PERI_S(k->action.reason), k->action.say.n ? ": " : "", PERI_S(k->action.say));
    peri_err why = f->err;
    bool by_key = k->request == f->stream->fetch && k->request != f->request; /* these are gone; other keys wait, and the list goes on */
    bool inside = k->action.act == PERI_ACT_SKIP && !by_key && k->request == f->request && f->state.pages > 0;
    if (inside && (f->request->pages == PERI_PAGES_CURSOR || f->request->pages == PERI_PAGES_LINK)) {
      peri_err_prefix(&why, "page %lld, which the page before it named, is not there", (long long)f->state.pages + 1);
      stop_feed(f, PERI_FEED_FAILED, &why); /* no records at all would be an answer, half a listing is none */
    } else if (empty) {
      f->skipped = true;
      f->last = !by_key || (f->wanted_last && f->wanted_next >= f->wanted_count);
      f->waiting = !f->last;
    } else
      stop_feed(f, how, &why);
    end_if_idle(f);
    return;
  }
  peri_page *p = peri_page_new();
  page_note *n = peri_arena_take(p->arena, sizeof *n);
  n->feed = f;
  n->url = peri_arena_fmt(p->arena, "%.*s", (int)(k->out.url.n < URL_SHOWN_MAX ? k->out.url.n : URL_SHOWN_MAX), k->out.url.p);
  n->came_us = peri_mono_us();
  n->fetch = k->request == f->stream->fetch && k->request != f->request;
  n->ties = k->request == f->request->ties && k->request;
  n->keys_only = k->out.wanted_over && f->stream->fetch && !n->fetch;
  p->self = n;
  p->number = (uint32_t)(++f->run->page_number);
  p->view = n->fetch ? f->fetch_view : n->ties ? f->ties_view : f->view;
  p->map_all = f->map_all;
  p->split_only = f->deletes || n->keys_only;
  peri_page_origin(p, k->out.method, k->out.url, peri_now_ms());
  p->headers_json = peri_ask_headers(k->reply, p->arena);
  p->parent_json = f->parent_json;
  p->body = peri_http_take_body(k->reply);
  p->blame = f->mapping_count ? f->mappings[0] : NULL;
  p->on_split = on_split;
  p->on_mapped = on_mapped;
  p->on_failed = on_failed;
  f->pages_out++;
  f->pages_open++;
  f->bytes_out += p->body.n;
  peri_mapper_page(f->run->mapper, p);
}

static void ask_next(peri_feed *f) {
  f->waiting = false;
  if (peri_run_stopping(f->run)) {
    stop_feed(f, PERI_FEED_STOPPED, NULL);
    end_if_idle(f);
    return;
  }
  f->asking = true;
  peri_fill fill = f->fill;
  fill.page = &f->state;
  const peri_request *q = f->request;
  if (f->wanted_next < f->wanted_count) {
    q = f->stream->fetch;
    size_t batch = q->batch > 0 ? (size_t)q->batch : 1;
    if (batch > f->wanted_count - f->wanted_next) batch = f->wanted_count - f->wanted_next;
    fill.records = f->wanted_keys + f->wanted_next;
    fill.record_count = batch;
    fill.page = NULL;
    f->wanted_next += batch;
  } else if (f->in_ties) {
    q = f->request->ties;
    fill.since = f->tie_stamp;
    fill.records = &f->tie_record;
    fill.record_count = 1;
    fill.page = NULL;
  }
  peri_ask_start(f->run, q, &fill, on_answer, f);
}

/* ---- life ---- */

peri_feed *peri_feed_new(peri_run *r, const peri_stream *s, const peri_request *q) {
  peri_feed *f = peri_alloc(sizeof *f);
  f->run = r;
  f->stream = s;
  f->request = q;
  f->arena = peri_arena_new();
  f->edge_arena = peri_arena_new();
  peri_map_init(&f->edge_keys, f->edge_arena);
  peri_map_init(&f->places, f->arena);
  peri_map_init(&f->pages, f->arena);
  f->edge = PERI_NO_STAMP;
  f->seen_max = PERI_NO_STAMP;
  f->date_ms = -1;
  peri_run_fill(r, s, &f->fill);
  return f;
}

void peri_feed_start(peri_feed *f) { ask_next(f); }

void peri_feed_free(peri_feed *f) {
  if (!f) return;
  peri_arena_free(f->arena);
  peri_arena_free(f->edge_arena);
  free(f);
}
