/* core/rate: the ledger of one account's limits. Start at peri_rate_ask. A limit "100/10s" promises the API that no 10 s hold more than 100 requests.
 *
 * How: what was spent is kept in 128 slices of the window, and a slice counts until all of it has left, so the promise holds whatever the moments were.
 * Nobody knows when a request arrives, only that it is after it was sent and before its answer: so one under way counts until it has landed, and then from
 * the latest moment at which it may have arrived. On top the window is taken a little longer than written (SLACK), for clocks that do not run alike.
 * A replying server knows more than we do (other programs spend too): what it says is used beyond our own count is added, what it says is the size replaces
 * the declared one. No clock here: times are given, and one that goes back counts as the last.
 *
 * Killed at any moment, the ledger forgets nothing that was sent: a permit is only given out of an allotment that the saved state already counts as spent. */
#include "core/rate.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/holes.h"
#include "core/lua_pattern.h"

#define SLICES 128
#define SLACK_PERCENT 3
#define SLACK_MS_MAX 500
#define PARTITIONS_MAX 4096 /* budgets of `per`; past it the one that was idle longest is given to the newcomer */
#define BODY_BYTES_MAX (1u << 20)
#define ALLOTMENT_MAX 1000   /* permits given out ahead of a save; a kill may waste so many */
#define ALLOTMENT_MS 5000    /* and how long they may be used: what is not used by then was surely not spent */

typedef struct limit {
  int64_t size;      /* per window; corrected by replies */
  int64_t window_ms; /* as declared */
  int64_t span_ms;   /* window with its slack */
  int64_t burst;     /* 0: the whole window may go at once */
  peri_str left, total, reset, used, pattern;
  int64_t slice[SLICES];
  int64_t at;         /* number of the newest slice: time / slice length */
  int64_t next_ms;    /* with burst: when the next one is due on an even spread (a GCRA's theoretical time) */
  int64_t until_ms;   /* the server said: nothing before this */
  int64_t flying;     /* sent, and not yet answered */
  int64_t allotted, allotted_until_ms; /* covered by the saved state and not spent yet */
  int64_t pending;    /* will be allotted once the save under way is on disk */
} limit;

typedef struct class {
  peri_str name; /* "search", or "repo@12" for one budget of `per` */
  limit *limits;
  size_t count;
  int64_t pause_ms, touched_ms;
  int64_t wanted; /* the dearest request that waits for a save; with unsaved */
  bool unsaved;   /* its allotment is used up, or soon will be */
} class;

struct peri_rate {
  peri_arena *a;
  class *classes;
  size_t count, cap, declared;
  int64_t now_ms;
  int64_t rtt_ms;    /* the quickest answer of late; -1 none yet */
  int64_t save_ms;   /* when the save under way was taken */
  bool kept;         /* spend from allotments only */
};

/* ---- reading what is declared ---- */

static bool read_unit(peri_str unit, int64_t *ms) {
  static const struct { const char *name; int64_t ms; } units[] = {{"ms", 1}, {"s", 1000}, {"sec", 1000}, {"second", 1000}, {"m", 60000}, {"min", 60000},
    {"minute", 60000}, {"h", 3600000}, {"hour", 3600000}, {"d", 86400000}, {"day", 86400000}, {"w", 604800000}, {"week", 604800000}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (peri_str_is(unit, units[i].name)) {
      *ms = units[i].ms;
      return true;
    }
  return false;
}

/* "100/10s", "4/s", "250000/day" */
static bool read_limit(peri_str text, limit *l) {
  peri_str number, window = peri_str_trim(peri_str_cut(text, '/', &number));
  size_t digits = 0;
  while (digits < window.n && window.p[digits] >= '0' && window.p[digits] <= '9') digits++;
  int64_t times = 1, unit;
  number = peri_str_trim(number);
  if (!peri_number_i64(number, &l->size) || l->size < 1 || l->size > INT64_C(1000000000000)) return false;
  if (digits && (!peri_number_i64((peri_str){window.p, digits}, &times) || times < 1 || times > 1000000)) return false;
  if (!read_unit(peri_str_trim(peri_str_from(window, digits)), &unit)) return false;
  l->window_ms = times * unit;
  int64_t slack = l->window_ms * SLACK_PERCENT / 100;
  l->span_ms = l->window_ms + (slack > SLACK_MS_MAX ? SLACK_MS_MAX : slack);
  return true;
}

static void add_limit(peri_rate *r, class *c, const peri_node *n) {
  limit l = {0};
  if (!read_limit(peri_node_text(peri_node_value(n)), &l)) return;
  if (n->type == PERI_N_TABLE) {
    /* copies: the ledger outlives the connector's tree, which is loaded anew while a run goes on */
    l.left = peri_arena_str(r->a, peri_node_opt_text(n, "left"));
    l.total = peri_arena_str(r->a, peri_node_opt_text(n, "size"));
    l.reset = peri_arena_str(r->a, peri_node_opt_text(n, "reset"));
    l.used = peri_arena_str(r->a, peri_node_opt_text(n, "used"));
    l.pattern = peri_arena_str(r->a, peri_node_opt_text(n, "pattern"));
    l.burst = peri_node_opt_int(n, "burst", 0);
  }
  limit *bigger = peri_arena_take(r->a, (c->count + 1) * sizeof *bigger);
  if (c->count) memcpy(bigger, c->limits, c->count * sizeof *bigger);
  bigger[c->count++] = l;
  c->limits = bigger;
}

static class *add_class(peri_rate *r, peri_str name) {
  r->classes = peri_arena_grow(r->a, r->classes, r->count, &r->cap, sizeof *r->classes);
  r->classes[r->count] = (class){.name = peri_arena_str(r->a, name)};
  return &r->classes[r->count++];
}

static class *exact(peri_rate *r, peri_str name) {
  for (size_t i = 0; i < r->count; i++)
    if (peri_str_eq(r->classes[i].name, name)) return &r->classes[i];
  return NULL;
}

/* A class nobody declared spends from "default"'s declaration, but has a pause of its own only through its name. */
static class *find(peri_rate *r, peri_str name) {
  class *c = exact(r, name);
  if (c) return c;
  peri_str head, tail = peri_str_cut(name, '@', &head);
  const class *model = exact(r, head);
  if (!tail.p || !tail.n) {
    c = exact(r, PERI_STR("default"));
    return c ? c : add_class(r, PERI_STR("default"));
  }
  if (!model) return find(r, head);
  limit *limits = peri_arena_take(r->a, (model->count + 1) * sizeof *limits);
  for (size_t i = 0; i < model->count; i++) {
    limits[i] = model->limits[i];
    memset(limits[i].slice, 0, sizeof limits[i].slice);
    limits[i].next_ms = limits[i].until_ms = limits[i].flying = limits[i].allotted = limits[i].pending = 0;
  }
  size_t count = model->count;
  if (r->count >= PARTITIONS_MAX + r->declared) { /* re-use the idlest: a window that long ago is empty anyway */
    c = &r->classes[r->declared];
    for (size_t i = r->declared; i < r->count; i++)
      if (r->classes[i].touched_ms < c->touched_ms) c = &r->classes[i];
    *c = (class){.name = peri_arena_str(r->a, name)};
  } else c = add_class(r, name);
  c->limits = limits;
  c->count = count;
  return c;
}

/* ---- the window ---- */

static int64_t slice_ms(const limit *l) { return (l->span_ms + SLICES - 2) / (SLICES - 1); }

static void move_to(limit *l, int64_t now_ms) {
  int64_t at = now_ms / slice_ms(l);
  if (at <= l->at) return;
  if (at - l->at >= SLICES) memset(l->slice, 0, sizeof l->slice);
  else
    for (int64_t i = l->at + 1; i <= at; i++) l->slice[i % SLICES] = 0;
  l->at = at;
}

/* The slices that a window may touch: the newest is not whole yet, so one more than fit. At most SLICES. */
static int64_t live_slices(const limit *l) { return (l->span_ms + slice_ms(l) - 1) / slice_ms(l) + 1; }

static int64_t spent(const limit *l) {
  int64_t sum = l->flying, n = live_slices(l);
  for (int64_t i = 0; i < n && l->at - i >= 0; i++) sum += l->slice[(l->at - i) % SLICES];
  return sum;
}

/* When enough old slices have left for `cost` more. Those under way leave at an unknown time: whoever lands them asks again. */
static int64_t wait_for(const limit *l, int64_t size, int64_t cost, int64_t now_ms) {
  int64_t over = spent(l) + cost - size, n = live_slices(l);
  if (over <= 0) return 0;
  for (int64_t i = n - 1; i >= 0; i--) {
    if (l->at - i < 0) continue;
    over -= l->slice[(l->at - i) % SLICES];
    if (over <= 0) {
      int64_t leaves = (l->at - i + n) * slice_ms(l);
      return leaves > now_ms ? leaves - now_ms : 1;
    }
  }
  return l->span_ms;
}

static int64_t gap_ms(const limit *l) { return l->size ? (l->window_ms + l->size - 1) / l->size : l->window_ms; }

static int64_t share_of(const limit *l, int share_percent) {
  int64_t size = share_percent >= 100 ? l->size : l->size / 100 * share_percent + l->size % 100 * share_percent / 100;
  return size < 1 ? 1 : size;
}

static int64_t limit_wait(limit *l, int64_t cost, int share_percent, int64_t now_ms) {
  int64_t size = share_of(l, share_percent);
  move_to(l, now_ms);
  if (l->until_ms > now_ms) return l->until_ms - now_ms;
  if (l->until_ms) { /* the server's own window began anew then: what was spent before is forgotten there too */
    memset(l->slice, 0, sizeof l->slice);
    l->until_ms = 0;
  }
  if (cost > size) cost = size; /* dearer than the whole budget: it waits for all of it, not for ever */
  int64_t wait = wait_for(l, size, cost, now_ms);
  if (l->burst > 0) {
    int64_t due = l->next_ms - (l->burst - 1) * gap_ms(l) - now_ms;
    if (due > wait) wait = due;
  }
  return wait;
}

static int64_t price(const limit *l, int64_t cost) { return cost > l->size ? l->size : cost; }

static void spend(limit *l, int64_t cost, int64_t now_ms) {
  cost = price(l, cost);
  l->flying += cost;
  l->allotted -= cost < l->allotted ? cost : l->allotted;
  if (l->burst > 0) l->next_ms = (l->next_ms > now_ms ? l->next_ms : now_ms) + cost * gap_ms(l);
}

static int64_t forward(peri_rate *r, int64_t now_ms) {
  if (now_ms > r->now_ms) r->now_ms = now_ms;
  return r->now_ms;
}

/* ---- allotments ---- */

static int64_t portion(const limit *l) {
  int64_t n = l->size / 10;
  return n < 1 ? 1 : n > ALLOTMENT_MAX ? ALLOTMENT_MAX : n;
}

static int64_t allotted(const limit *l, int64_t now_ms) { return now_ms < l->allotted_until_ms ? l->allotted : 0; }

static bool covered(class *c, int64_t cost, int64_t now_ms) {
  bool all = true;
  for (size_t i = 0; i < c->count; i++) all &= allotted(&c->limits[i], now_ms) >= price(&c->limits[i], cost);
  if (!all && cost > c->wanted) c->wanted = cost;
  c->unsaved |= !all;
  return all;
}

int64_t peri_rate_ask(peri_rate *r, peri_str class_name, int64_t cost, int share_percent, int64_t now_ms) {
  now_ms = forward(r, now_ms);
  class *c = find(r, class_name);
  c->touched_ms = now_ms;
  int64_t wait = c->pause_ms > now_ms ? c->pause_ms - now_ms : 0;
  for (size_t i = 0; i < c->count; i++) {
    int64_t w = limit_wait(&c->limits[i], cost, share_percent, now_ms);
    if (w > wait) wait = w;
  }
  if (wait) return wait;
  if (r->kept && !covered(c, cost, now_ms)) return PERI_RATE_SAVE_FIRST;
  for (size_t i = 0; i < c->count; i++) {
    spend(&c->limits[i], cost, now_ms);
    c->unsaved |= r->kept && c->limits[i].allotted < portion(&c->limits[i]) / 2; /* early, so that nobody has to wait for the disk */
  }
  return 0;
}

void peri_rate_landed(peri_rate *r, peri_str class_name, int64_t cost, int64_t sent_ms, int64_t now_ms) {
  now_ms = forward(r, now_ms);
  class *c = find(r, class_name);
  int64_t took = now_ms > sent_ms ? now_ms - sent_ms : 0;
  if (r->rtt_ms < 0 || took < r->rtt_ms) r->rtt_ms = took;
  else r->rtt_ms += (took - r->rtt_ms) / 64; /* a line that became slower for good is believed after a while */
  /* what every answer takes at the least shifts all arrivals alike, so it may be left out */
  int64_t arrived = now_ms - r->rtt_ms > sent_ms ? now_ms - r->rtt_ms : sent_ms;
  for (size_t i = 0; i < c->count; i++) {
    limit *l = &c->limits[i];
    int64_t n = price(l, cost) < l->flying ? price(l, cost) : l->flying; /* the size may have been corrected meanwhile */
    move_to(l, now_ms);
    l->flying -= n;
    int64_t at = arrived / slice_ms(l);
    if (at > l->at) at = l->at;
    if (l->at - at < SLICES && at >= 0) l->slice[at % SLICES] += n;
  }
}

void peri_rate_pause(peri_rate *r, peri_str class_name, int64_t until_ms) {
  class *c = find(r, class_name);
  if (until_ms > c->pause_ms) c->pause_ms = until_ms;
}

/* ---- what replies say ---- */

static peri_str value_of(const peri_http_reply *reply, peri_str path, peri_span *body, bool *looked) {
  if (peri_str_starts(path, PERI_STR("header:"))) return peri_reply_header(reply, peri_str_from(path, 7));
  if (!path.n) return path;
  if (!*looked) {
    peri_json_fault fault;
    if (reply->body.n > BODY_BYTES_MAX || !peri_json_check(reply->body, body, &fault)) body->type = PERI_J_NONE;
    *looked = true;
  }
  if (body->type == PERI_J_NONE) return (peri_str){NULL, 0};
  peri_span at = peri_span_at(*body, path);
  peri_str raw = peri_span_raw(at);
  if (at.type == PERI_J_STRING && raw.n >= 2 && !at.escaped) return (peri_str){raw.p + 1, raw.n - 2};
  return at.type == PERI_J_NUMBER ? raw : (peri_str){NULL, 0};
}

/* A whole number at the start: "1000;w=1" and "12.0" are seen in the wild. */
static bool number_of(peri_str t, int64_t *out) {
  size_t n = 0;
  t = peri_str_trim(t);
  while (n < t.n && t.p[n] >= '0' && t.p[n] <= '9') n++;
  return n > 0 && n < 19 && peri_number_i64((peri_str){t.p, n}, out);
}

/* One number, or with a pattern its first two captures ("18/5000"). */
static int numbers_of(const limit *l, peri_str text, int64_t out[2]) {
  peri_str captures[2];
  if (!text.p) return 0;
  if (!l->pattern.n) return number_of(text, &out[0]) ? 1 : 0;
  int n = peri_lua_captures(l->pattern, text, captures, 2), good = 0;
  while (good < n && number_of(captures[good], &out[good])) good++;
  return good;
}

static int64_t reset_at(peri_str text, int64_t now_ms, int64_t window_ms) {
  int64_t at, n;
  bool had_time, had_zone;
  text = peri_str_trim(text);
  if (!text.n) return 0;
  if (peri_http_date_read(text, &at) || (!number_of(text, &n) && peri_iso_read(text, 0, &at, &had_time, &had_zone))) return at;
  if (peri_iso_read(text, 0, &at, &had_time, &had_zone) && had_time) return at;
  if (!number_of(text, &n)) return 0;
  if (n >= INT64_C(100000000000)) at = n;           /* ms since 1970 */
  else if (n >= INT64_C(1000000000)) at = n * 1000; /* s since 1970 */
  else at = now_ms + n * 1000;                      /* s from now */
  int64_t far = now_ms + 2 * window_ms;
  return at > far ? far : at; /* a clock that is off must not stop us for ever */
}

/* The server counts less than we do: its window began anew, at midnight or on the hour. Believed where windows are fixed or long, but for a little that may
 * still be on its way; a short rolling one is only late in counting. */
static void forget(limit *l, int64_t used) {
  if (!l->reset.n && l->window_ms < 3600000) return;
  int64_t keep = used + l->size / 20 + 1, sum = spent(l);
  for (int64_t i = live_slices(l) - 1; i >= 0 && sum > keep; i--) {
    if (l->at - i < 0) continue;
    int64_t *slice = &l->slice[(l->at - i) % SLICES], less = sum - keep < *slice ? sum - keep : *slice;
    *slice -= less;
    sum -= less;
  }
}

static void correct(limit *l, const peri_http_reply *reply, int64_t now_ms, peri_span *body, bool *looked) {
  int64_t n[2] = {0}, size = 0, left = -1, used = -1;
  move_to(l, now_ms);
  if (l->total.n && numbers_of(l, value_of(reply, l->total, body, looked), n) >= 1) size = n[0];
  if (l->used.n) {
    int got = numbers_of(l, value_of(reply, l->used, body, looked), n);
    if (got >= 1) used = n[0];
    if (got >= 2 && !size) size = n[1];
  }
  if (l->left.n) {
    int got = numbers_of(l, value_of(reply, l->left, body, looked), n);
    if (got >= 1) left = n[0];
    if (got >= 2 && !size) size = n[1];
  }
  if (size > 0 && size <= INT64_C(1000000000000)) l->size = size;
  if (left > l->size) l->size = left; /* more is left than was declared in all: the account has a larger plan */
  if (left >= 0 && used < 0) used = l->size - left;
  int64_t extra = used - spent(l);
  if (used > 0 && extra > 0) l->slice[l->at % SLICES] += extra; /* spent by others, or before we started */
  if (used >= 0 && extra < 0) forget(l, used);
  if (left == 0 || (left < 0 && used >= 0 && used >= l->size)) {
    int64_t at = reset_at(value_of(reply, l->reset, body, looked), now_ms, l->window_ms);
    if (at > l->until_ms) l->until_ms = at;
  }
}

void peri_rate_reply(peri_rate *r, peri_str class_name, const peri_http_reply *reply, int64_t now_ms) {
  peri_span body = {.type = PERI_J_NONE};
  bool looked = false;
  if (reply->code != PERI_OK) return;
  now_ms = forward(r, now_ms);
  class *c = find(r, class_name);
  for (size_t i = 0; i < c->count; i++) correct(&c->limits[i], reply, now_ms, &body, &looked);
}

/* ---- saved state ---- */

static void save_limit(const peri_rate *r, limit *l, bool unsaved, int64_t wanted, bool last, peri_jw *w) {
  int64_t live = last ? 0 : allotted(l, r->now_ms), most = portion(l) > price(l, wanted) ? portion(l) : price(l, wanted);
  l->pending = !last && unsaved && most > live ? most - live : 0;
  if (!live) l->allotted = 0; /* also after the last: whoever goes on saves first */
  peri_jw_object(w);
  peri_jw_kv_int(w, "size", l->size);
  peri_jw_kv_int(w, "window", l->window_ms);
  peri_jw_kv_int(w, "until", l->until_ms);
  peri_jw_kv_int(w, "next", l->next_ms);
  if (live + l->pending + l->flying) peri_jw_kv_int(w, "maybe", live + l->pending + l->flying);
  peri_jw_key_c(w, "spent");
  peri_jw_array(w);
  for (int64_t k = live_slices(l) - 1; k >= 0; k--) {
    if (l->at - k < 0 || !l->slice[(l->at - k) % SLICES]) continue;
    peri_jw_array(w);
    peri_jw_int(w, (l->at - k) * slice_ms(l));
    peri_jw_int(w, l->slice[(l->at - k) % SLICES]);
    peri_jw_end_array(w);
  }
  peri_jw_end_array(w);
  peri_jw_end_object(w);
}

/* {"v":2,"now":ms,"classes":{"search":{"pause":ms,"limits":[{"size":4,"window":1000,"until":ms,"next":ms,"maybe":1,"spent":[[ms,count],…]}]}}} */
void peri_rate_save(peri_rate *r, bool last, int64_t now_ms, peri_buf *json) {
  peri_jw w;
  r->save_ms = forward(r, now_ms);
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  peri_jw_kv_int(&w, "v", 2);
  peri_jw_kv_int(&w, "now", r->now_ms);
  peri_jw_key_c(&w, "classes");
  peri_jw_object(&w);
  for (size_t i = 0; i < r->count; i++) {
    class *c = &r->classes[i];
    peri_jw_key(&w, c->name);
    peri_jw_object(&w);
    peri_jw_kv_int(&w, "pause", c->pause_ms);
    peri_jw_key_c(&w, "limits");
    peri_jw_array(&w);
    for (size_t j = 0; j < c->count; j++) save_limit(r, &c->limits[j], c->unsaved, c->wanted, last, &w);
    peri_jw_end_array(&w);
    peri_jw_end_object(&w);
    c->unsaved = false;
    c->wanted = 0;
  }
  peri_jw_end_object(&w);
  peri_jw_end_object(&w);
}

void peri_rate_saved(peri_rate *r, bool ok) {
  for (size_t i = 0; i < r->count; i++)
    for (size_t j = 0; j < r->classes[i].count; j++) {
      limit *l = &r->classes[i].limits[j];
      if (ok) l->allotted += l->pending, l->allotted_until_ms = r->save_ms + ALLOTMENT_MS;
      l->pending = 0;
    }
}

bool peri_rate_unsaved(const peri_rate *r) {
  for (size_t i = 0; i < r->count; i++)
    if (r->classes[i].unsaved) return true;
  return false;
}

static int64_t bounded(int64_t v, int64_t least, int64_t most) { return v < least ? least : v > most ? most : v; }

/* What may have been sent after the save counts as sent at the last moment at which it can have been. */
static void restore_limit(limit *l, const peri_json *v, int64_t back_ms, int64_t saved_ms, int64_t now_ms) {
  const int64_t far = INT64_C(8640000000000000);
  if (peri_json_get_int(v, "window", 0) != l->window_ms) return; /* the declaration changed: start anew */
  l->size = bounded(peri_json_get_int(v, "size", l->size), 1, INT64_C(1000000000000));
  l->until_ms = bounded(peri_json_get_int(v, "until", 0), 0, far);
  if (l->until_ms > back_ms) l->until_ms -= back_ms;
  l->next_ms = bounded(peri_json_get_int(v, "next", 0), 0, far);
  if (l->next_ms > back_ms) l->next_ms -= back_ms;
  const peri_json *spent_list = peri_json_get(v, "spent");
  for (const peri_json *s = spent_list ? spent_list->first : NULL; s; s = s->next) {
    int64_t when = bounded(peri_json_int(peri_json_item(s, 0), 0) - back_ms, 0, saved_ms);
    move_to(l, when);
    int64_t at = when / slice_ms(l);
    if (at <= l->at && l->at - at < SLICES) l->slice[at % SLICES] += bounded(peri_json_int(peri_json_item(s, 1), 0), 0, l->size);
  }
  int64_t maybe = bounded(peri_json_get_int(v, "maybe", 0), 0, 2 * l->size), last = saved_ms + ALLOTMENT_MS < now_ms ? saved_ms + ALLOTMENT_MS : now_ms;
  if (!maybe) return;
  move_to(l, last);
  l->slice[l->at % SLICES] += maybe;
}

static void restore(peri_rate *r, const peri_json *saved, int64_t now_ms) {
  const int64_t far = INT64_C(8640000000000000);
  int64_t saved_ms = bounded(peri_json_get_int(saved, "now", 0), 0, far), back_ms = saved_ms > now_ms ? saved_ms - now_ms : 0;
  saved_ms -= back_ms; /* the clock was set back since: all of it counts as if it had been saved just now */
  r->now_ms = now_ms;
  const peri_json *classes = peri_json_get(saved, "classes");
  for (const peri_json *m = classes && classes->type == PERI_J_OBJECT ? classes->first : NULL; m; m = m->next) {
    peri_str name = m->key.p ? m->key : PERI_STR("");
    class *c = memchr(name.p, '@', name.n) ? find(r, name) : exact(r, name);
    if (!c) continue;
    c->pause_ms = bounded(peri_json_get_int(m, "pause", 0), 0, far);
    if (c->pause_ms > back_ms) c->pause_ms -= back_ms;
    size_t at = 0;
    const peri_json *limits = peri_json_get(m, "limits");
    for (const peri_json *v = limits ? limits->first : NULL; v && at < c->count; v = v->next, at++) restore_limit(&c->limits[at], v, back_ms, saved_ms, now_ms);
  }
}

peri_rate *peri_rate_new(const peri_node *rates, const peri_json *saved, int64_t now_ms) {
  peri_rate *r = peri_alloc(sizeof *r);
  r->a = peri_arena_new();
  for (size_t i = 0; rates && i < rates->member_count; i++) {
    const peri_node *n = rates->members[i].value;
    class *c = add_class(r, rates->members[i].key);
    /* a text, { text, options }, or a list of such */
    bool single = n->type == PERI_N_TEXT || (n->type == PERI_N_TABLE && n->item_count && n->items[0]->type == PERI_N_TEXT && (n->item_count == 1 || n->member_count));
    if (single) add_limit(r, c, n);
    for (size_t j = 0; !single && n->type == PERI_N_TABLE && j < n->item_count; j++) add_limit(r, c, n->items[j]);
  }
  if (!exact(r, PERI_STR("default"))) add_class(r, PERI_STR("default"));
  r->declared = r->count;
  r->rtt_ms = -1;
  if (saved) restore(r, saved, now_ms);
  return r;
}

void peri_rate_keep(peri_rate *r) { r->kept = true; }

void peri_rate_free(peri_rate *r) {
  if (!r) return;
  peri_arena_free(r->a);
  free(r);
}
