/* core/rate: the ledger of one account's limits. Start at peri_rate_ask. A limit "100/10s" promises the API that no 10 s hold more than 100 requests.
 *
 * How: what was spent is kept in 128 slices of the window, and a slice counts until all of it has left, so the promise holds whatever the moments were.
 * Nobody knows when a request arrives, only that it is after it was sent and before its answer: so one under way counts until it has landed, and then from
 * the latest moment at which it may have arrived. On top the window is taken a little longer than written (SLACK): one half of that is for clocks that do not
 * run alike, the other is what may be taken off that latest moment because even the quickest answer is a while on its way.
 * A replying server knows more than we do (other programs spend too): what it says is used beyond our own count is added, what it says is the size replaces
 * the declared one. No clock here: times are given, and one that goes back counts as the last.
 *
 * Killed at any moment, the ledger forgets nothing that was sent: a permit is only given out of an allotment that the saved state already counts as spent. */
#include "core/rate.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/rate_inside.h"

#define SLACK_PERCENT 3
#define SLACK_MS_MAX 500
#define PARTITIONS_MAX 4096 /* budgets of `per`; past it the one that was idle longest is given to the newcomer */
#define ALLOTMENT_MAX 1000   /* permits given out ahead of a save; a kill may waste so many */
#define ALLOTMENT_MS 5000    /* and how long they may be used: what is not used by then was surely not spent */

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
  l->declared = l->size;
  l->window_ms = times * unit;
  int64_t slack = l->window_ms * SLACK_PERCENT / 100;
  l->span_ms = l->window_ms + (slack > SLACK_MS_MAX ? SLACK_MS_MAX : slack);
  return true;
}

static limit *of_window(class *c, int64_t window_ms) {
  for (size_t i = 0; i < c->count; i++)
    if (c->limits[i].window_ms == window_ms) return &c->limits[i];
  return NULL;
}

static void push_limit(peri_rate *r, class *c, const limit *l) {
  limit *bigger = peri_arena_take(r->a, (c->count + 1) * sizeof *bigger);
  if (c->count) memcpy(bigger, c->limits, c->count * sizeof *bigger);
  bigger[c->count++] = *l;
  c->limits = bigger;
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
  push_limit(r, c, &l);
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
class *peri_rate_class(peri_rate *r, peri_str name) {
  class *c = exact(r, name);
  if (c) return c;
  peri_str head, tail = peri_str_cut(name, '@', &head);
  const class *model = exact(r, head);
  if (!tail.p || !tail.n) {
    c = exact(r, PERI_STR("default"));
    return c ? c : add_class(r, PERI_STR("default"));
  }
  if (!model) return peri_rate_class(r, head);
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
  class *c = peri_rate_class(r, class_name);
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
  class *c = peri_rate_class(r, class_name);
  int64_t took = now_ms > sent_ms ? now_ms - sent_ms : 0;
  if (r->rtt_ms < 0 || took < r->rtt_ms) r->rtt_ms = took;
  else r->rtt_ms += (took - r->rtt_ms) / 64; /* a line that became slower for good is believed after a while */
  for (size_t i = 0; i < c->count; i++) {
    limit *l = &c->limits[i];
    /* it may have arrived the moment before it answered: no more is taken off than the slack makes good */
    int64_t less = (l->span_ms - l->window_ms) / 2 < r->rtt_ms ? (l->span_ms - l->window_ms) / 2 : r->rtt_ms;
    int64_t arrived = now_ms - less > sent_ms ? now_ms - less : sent_ms;
    int64_t n = price(l, cost) < l->flying ? price(l, cost) : l->flying; /* the size may have been corrected meanwhile */
    move_to(l, now_ms);
    l->flying -= n;
    int64_t at = arrived / slice_ms(l);
    if (at > l->at) at = l->at;
    if (l->at - at < SLICES && at >= 0) l->slice[at % SLICES] += n;
  }
}

void peri_rate_pause(peri_rate *r, peri_str class_name, int64_t until_ms) {
  class *c = peri_rate_class(r, class_name);
  if (until_ms > c->pause_ms) c->pause_ms = until_ms;
}

/* ---- saved state ---- */

static void save_limit(const peri_rate *r, limit *l, bool unsaved, int64_t wanted, bool last, peri_jw *w) {
  int64_t live = last ? 0 : allotted(l, r->now_ms), most = portion(l) > price(l, wanted) ? portion(l) : price(l, wanted);
  l->pending = !last && unsaved && most > live ? most - live : 0;
  if (!live) l->allotted = 0; /* also after the last: whoever goes on saves first */
  peri_jw_object(w);
  peri_jw_kv_int(w, "size", l->size);
  if (l->size != l->declared) peri_jw_kv_int(w, "declared", l->declared);
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

/* What may have been sent after the save counts as sent now: it may still have been on its way when its sender was killed. */
static void restore_limit(limit *l, const peri_json *v, int64_t back_ms, int64_t saved_ms, int64_t now_ms) {
  const int64_t far = INT64_C(8640000000000000);
  int64_t size = peri_json_get_int(v, "size", l->size);
  if (peri_json_get_int(v, "declared", size) == l->declared) l->size = bounded(size, 1, INT64_C(1000000000000)); /* else another number was written since */
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
  int64_t maybe = bounded(peri_json_get_int(v, "maybe", 0), 0, INT64_C(1000000000000));
  if (!maybe) return;
  move_to(l, now_ms);
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
    class *c = memchr(name.p, '@', name.n) ? peri_rate_class(r, name) : exact(r, name);
    if (!c) continue;
    c->pause_ms = bounded(peri_json_get_int(m, "pause", 0), 0, far);
    if (c->pause_ms > back_ms) c->pause_ms -= back_ms;
    const peri_json *limits = peri_json_get(m, "limits");
    for (const peri_json *v = limits ? limits->first : NULL; v; v = v->next) { /* one whose window nobody declares any more is forgotten */
      limit *l = of_window(c, peri_json_get_int(v, "window", 0));
      if (l) restore_limit(l, v, back_ms, saved_ms, now_ms);
    }
  }
}

static void declare(peri_rate *r, const peri_node *rates) {
  for (size_t i = 0; rates && i < rates->member_count; i++) {
    const peri_node *n = rates->members[i].value;
    class *c = add_class(r, rates->members[i].key);
    /* a text, { text, options }, or a list of such */
    bool single = n->type == PERI_N_TEXT || (n->type == PERI_N_TABLE && n->item_count && n->items[0]->type == PERI_N_TEXT && (n->item_count == 1 || n->member_count));
    if (single) add_limit(r, c, n);
    for (size_t j = 0; !single && n->type == PERI_N_TABLE && j < n->item_count; j++) add_limit(r, c, n->items[j]);
  }
  if (!exact(r, PERI_STR("default"))) add_class(r, PERI_STR("default"));
}

peri_rate *peri_rate_new(const peri_node *rates, const peri_json *saved, int64_t now_ms) {
  peri_rate *r = peri_alloc(sizeof *r);
  r->a = peri_arena_new();
  declare(r, rates);
  r->declared = r->count;
  r->rtt_ms = -1;
  if (saved) restore(r, saved, now_ms);
  return r;
}

/* What was sent so far is known by the class's other limits: all of it counts as sent now. */
static void begin_late(const class *c, limit *l, int64_t now_ms) {
  int64_t most = 0;
  for (size_t i = 0; i < c->count; i++) {
    const limit *o = &c->limits[i];
    if (spent(o) - o->flying > most) most = spent(o) - o->flying;
    if (o->flying > l->flying) l->flying = o->flying;
  }
  move_to(l, now_ms);
  l->slice[l->at % SLICES] = most > l->size ? l->size : most;
}

static void tighten(peri_rate *r, class *c, const class *d, int64_t now_ms) {
  for (size_t k = 0; k < d->count; k++) {
    limit *l = of_window(c, d->limits[k].window_ms), n = d->limits[k];
    if (l && n.declared < l->declared) {
      if (l->size == l->declared || n.declared < l->size) l->size = n.declared;
      l->declared = n.declared;
    }
    if (l) continue;
    begin_late(c, &n, now_ms);
    n.left = peri_arena_str(r->a, n.left), n.total = peri_arena_str(r->a, n.total), n.reset = peri_arena_str(r->a, n.reset);
    n.used = peri_arena_str(r->a, n.used), n.pattern = peri_arena_str(r->a, n.pattern);
    push_limit(r, c, &n);
  }
}

void peri_rate_also(peri_rate *r, const peri_node *rates, int64_t now_ms) {
  peri_rate *o = peri_rate_new(rates, NULL, now_ms);
  now_ms = forward(r, now_ms);
  for (size_t i = 0; i < o->count; i++) {
    const class *d = &o->classes[i];
    peri_str head;
    if (!exact(r, d->name)) { /* before the budgets of `per`, which are used again */
      add_class(r, d->name);
      class new = r->classes[r->count - 1];
      memmove(&r->classes[r->declared + 1], &r->classes[r->declared], (r->count - 1 - r->declared) * sizeof new);
      r->classes[r->declared++] = new;
    }
    for (size_t j = 0; j < r->count; j++) {
      peri_str_cut(r->classes[j].name, '@', &head);
      if (peri_str_eq(head, d->name)) tighten(r, &r->classes[j], d, now_ms);
    }
  }
  peri_rate_free(o);
}

void peri_rate_keep(peri_rate *r) { r->kept = true; }

void peri_rate_free(peri_rate *r) {
  if (!r) return;
  peri_arena_free(r->a);
  free(r);
}
