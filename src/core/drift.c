/* core/drift: see the header. Refuses to leave a vanished field in force, whatever the policy: one unknown name fails a whole query in some APIs. */
#include "core/drift.h"

#include "base/clock.h"
#include "base/log.h"

#define WORDS_MAX 5 /* options named in a line */

bool peri_drift_policy_read(peri_str text, peri_drift_policy *out) {
  static const char *const names[] = {"evolve", "freeze", "ask"};
  for (int i = 0; i < 3; i++)
    if (peri_str_is(text, names[i])) {
      *out = (peri_drift_policy)i;
      return true;
    }
  return false;
}

/* ---- what differs ---- */

static void put_values(peri_map *m, peri_arena *a, const peri_json *field) {
  peri_map_init(m, a);
  const peri_json *options = peri_json_get(field, "options");
  for (const peri_json *o = options ? options->first : NULL; o; o = o->next) peri_map_put(m, peri_json_get_text(o, "value"), m);
}

static bool same_options(peri_arena *a, const peri_json *was, const peri_json *now) {
  peri_map x, y;
  put_values(&x, a, was);
  put_values(&y, a, now);
  bool same = x.count == y.count;
  for (size_t i = 0; same && i < x.count; i++) same = peri_map_has(&y, x.items[i].key);
  return same;
}

static bool same_text(const peri_json *was, const peri_json *now, const char *key) { return peri_str_eq(peri_json_get_text(was, key), peri_json_get_text(now, key)); }

static const char *difference(peri_arena *a, const peri_json *was, const peri_json *now) {
  if (!was) return "appeared";
  if (!now) return "vanished";
  if (!same_text(was, now, "type") || !same_text(was, now, "relation")) return "type";
  return same_options(a, was, now) ? NULL : "options";
}

static void index_of(peri_map *m, peri_arena *a, const peri_json *fields) {
  peri_map_init(m, a);
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) peri_map_put(m, f->key, (void *)(uintptr_t)f);
}

size_t peri_drift_compare(peri_arena *a, const peri_json *was, const peri_json *now, peri_drift_row **out) {
  peri_map before, after;
  size_t count = 0, cap = 0;
  index_of(&before, a, was);
  index_of(&after, a, now);
  *out = NULL;
  for (int pass = 0; pass < 2; pass++)
    for (const peri_json *f = pass ? (was ? was->first : NULL) : now ? now->first : NULL; f; f = f->next) {
      const peri_json *x = pass ? f : peri_map_get(&before, f->key), *y = pass ? peri_map_get(&after, f->key) : f;
      const char *what = pass && y ? NULL : difference(a, x, y);
      if (!what) continue;
      *out = peri_arena_grow(a, *out, count, &cap, sizeof **out);
      (*out)[count++] = (peri_drift_row){.field = f->key, .what = peri_str_of(what), .was = x ? x->raw : PERI_STR(""), .now = y ? y->raw : PERI_STR("")};
    }
  return count;
}

/* ---- what becomes of it ---- */

/* A vanished field that nobody said yes to is still part of what is compared: so it is not found twice, and may come back as what it was. */
static const peri_json *compared_with(peri_arena *a, const peri_json *old, const peri_drift_row *open, size_t count) {
  peri_buf text = {0};
  peri_jw w;
  peri_json_fault fault;
  peri_jw_init(&w, &text);
  peri_jw_object(&w);
  for (const peri_json *f = old ? old->first : NULL; f; f = f->next) peri_jw_key(&w, f->key), peri_jw_raw(&w, f->raw);
  for (size_t i = 0; i < count; i++)
    if (peri_str_is(open[i].what, "vanished") && open[i].was.n && !peri_json_get_str(old, open[i].field)) peri_jw_key(&w, open[i].field), peri_jw_raw(&w, open[i].was);
  peri_jw_end_object(&w);
  const peri_json *all = peri_json_parse(a, peri_arena_str(a, peri_buf_view(&text)), &fault);
  peri_buf_fini(&text);
  return all ? all : old;
}

static const peri_drift_row *open_of(const peri_drift_row *open, size_t count, peri_str field) {
  for (size_t i = count; i-- > 0;)
    if (peri_str_eq(open[i].field, field)) return &open[i];
  return NULL;
}

/* The same change as one that is open? Labels may have moved on. */
static bool same_change(peri_arena *a, const peri_drift_row *x, const peri_drift_row *y) {
  peri_json_fault fault;
  const peri_json *now = x->now.n ? peri_json_parse(a, x->now, &fault) : NULL, *then = y->now.n ? peri_json_parse(a, y->now, &fault) : NULL;
  return peri_str_eq(x->what, y->what) && !now == !then && (!now || !difference(a, then, now));
}

static peri_str in_force(peri_arena *a, peri_drift_policy policy, const peri_json *base, const peri_json *now, const peri_drift_row *changes, size_t count) {
  peri_map held;
  peri_buf text = {0};
  peri_jw w;
  peri_map_init(&held, a);
  for (size_t i = 0; i < count && policy != PERI_DRIFT_EVOLVE; i++) peri_map_put(&held, changes[i].field, (void *)(uintptr_t)&changes[i]);
  peri_jw_init(&w, &text);
  peri_jw_object(&w);
  for (const peri_json *f = now->first; f; f = f->next) {
    const peri_json *was = peri_map_has(&held, f->key) ? peri_json_get_str(base, f->key) : f;
    if (was) peri_jw_key(&w, f->key), peri_jw_raw(&w, was->raw);
  }
  peri_jw_end_object(&w);
  peri_str out = peri_arena_str(a, peri_buf_view(&text));
  peri_buf_fini(&text);
  return out;
}

peri_str peri_drift_decide(peri_arena *a, peri_drift_policy policy, const peri_json *old, const peri_json *now, const peri_drift_row *open, size_t open_count,
                           peri_drift_row **rows, size_t *count) {
  static const char *const states[] = {"taken", "frozen", "asked"};
  const peri_json *base = compared_with(a, old, open, open_count);
  peri_drift_row *changes, *out;
  size_t changed = peri_drift_compare(a, base, now, &changes), n = 0;
  peri_str state = peri_str_of(states[policy]);
  out = peri_arena_take(a, (changed + open_count + 1) * sizeof *out);
  for (size_t i = 0; i < changed; i++) {
    const peri_drift_row *was = open_of(open, open_count, changes[i].field);
    changes[i].state = state;
    if (was && same_change(a, &changes[i], was)) {
      if (peri_str_eq(was->state, state) || (policy != PERI_DRIFT_EVOLVE && peri_str_is(was->state, "declined"))) continue;
      changes[i].seq = was->seq;
    }
    out[n++] = changes[i];
  }
  for (size_t i = 0; i < open_count; i++) { /* the API took it back, or made something else of it */
    bool stands = false;
    for (size_t k = 0; k < changed && !stands; k++) stands = peri_str_eq(changes[k].field, open[i].field) && same_change(a, &changes[k], &open[i]);
    if (stands) continue;
    out[n] = open[i];
    out[n++].state = PERI_STR("over");
  }
  *rows = out;
  *count = n;
  return in_force(a, policy, base, now, changes, changed);
}

/* ---- in a run ---- */

static void add_words(peri_buf *out, char sign, const peri_map *from, const peri_map *less) {
  int n = 0;
  for (size_t i = 0; i < from->count; i++) {
    if (peri_map_has(less, from->items[i].key)) continue;
    if (++n <= WORDS_MAX) peri_buf_fmt(out, "%s%c%.*s", out->n ? " " : "", sign, PERI_S(from->items[i].key));
  }
  if (n > WORDS_MAX) peri_buf_fmt(out, " and %d more", n - WORDS_MAX);
}

static peri_str kind_word(peri_arena *a, const peri_json *field) {
  peri_str type = peri_json_get_text(field, "type"), relation = peri_json_get_text(field, "relation");
  if (!field) return PERI_STR("");
  return relation.n ? peri_arena_fmt(a, "%.*s to %.*s", PERI_S(type.n ? type : PERI_STR("relation")), PERI_S(relation)) : type.n ? type : PERI_STR("a field");
}

void peri_drift_words(peri_arena *a, peri_str what, const peri_json *was, const peri_json *now, peri_str *from, peri_str *to) {
  *from = kind_word(a, was);
  *to = kind_word(a, now);
  if (!peri_str_is(what, "options")) return;
  peri_map x, y;
  peri_buf gone = {0}, come = {0};
  put_values(&x, a, was);
  put_values(&y, a, now);
  add_words(&gone, '-', &x, &y);
  add_words(&come, '+', &y, &x);
  *from = peri_arena_str(a, peri_buf_view(&gone));
  *to = peri_arena_str(a, peri_buf_view(&come));
  peri_buf_fini(&gone);
  peri_buf_fini(&come);
}

static peri_str joined(peri_arena *a, const peri_map *places) {
  peri_str all = PERI_STR("");
  for (size_t i = 0; i < places->count && i < WORDS_MAX; i++) all = peri_arena_fmt(a, "%.*s%s%.*s", PERI_S(all), i ? ", " : "", PERI_S(places->items[i].key));
  return all;
}

/* What a mapping reads and what vanished or changed under it is worth a warning; the rest is news. */
static void tell(peri_run *r, const peri_stream *s, const peri_drift_row *d) {
  peri_json_fault fault;
  peri_map places;
  bool rest = false;
  peri_str from, to, path = {0};
  if (peri_str_is(d->state, "over")) return;
  peri_map_init(&places, r->arena);
  peri_drift_readers(r->arena, r->scripts, r->in->type, s->name, s, d->field, &places, &rest, &path);
  peri_drift_words(r->arena, d->what, d->was.n ? peri_json_parse(r->arena, d->was, &fault) : NULL, d->now.n ? peri_json_parse(r->arena, d->now, &fault) : NULL, &from, &to);
  bool vanished = peri_str_is(d->what, "vanished"), appeared = peri_str_is(d->what, "appeared");
  peri_log(places.count && !appeared ? PERI_WARN : PERI_INFO, "drift", "%.*s: %.*s %s (%.*s%s%.*s), %.*s%s%.*s%s; perilune drift %.*s", PERI_S(s->name), PERI_S(d->field),
           vanished ? "vanished" : appeared ? "appeared" : peri_str_is(d->what, "type") ? "has another type" : "has other options", PERI_S(from), from.n && to.n ? " -> " : "", PERI_S(to),
           PERI_S(d->state), places.count ? "; read at " : "", PERI_S(joined(r->arena, &places)), vanished && places.count ? ", which gives null from now on" : "", PERI_S(r->in->name));
}

static peri_drift_policy policy_of(const peri_run *r, const peri_stream *s) {
  peri_drift_policy p = PERI_DRIFT_EVOLVE;
  peri_drift_policy_read(peri_json_get_text(r->in->settings, peri_arena_fmt(r->arena, "drift.%.*s", PERI_S(s->name)).p), &p);
  return p;
}

peri_code peri_drift_meet(peri_run *r, const peri_stream *s, peri_str json, bool *changed, peri_err *e) {
  peri_json_fault fault;
  const peri_json *old = peri_json_get_str(r->discovered, s->name), *now = json.n ? peri_json_parse(r->arena, peri_arena_str(r->arena, json), &fault) : NULL;
  peri_drift_row *open = NULL, *rows = NULL;
  size_t open_count = 0, count = 0;
  peri_str force;
  bool known = old && old->count;
  if (!now || !now->count) {
    if (known && now) peri_log(PERI_WARN, "drift", "%.*s: the list of its fields came back empty; what was known of them is kept", PERI_S(s->name));
    force = known ? old->raw : PERI_STR("{}");
  } else if (!known)
    force = now->raw;
  else {
    if (peri_drift_unsettled(r->store, r->arena, r->in->id, s->name, &open, &open_count, e)) return e->code;
    force = peri_drift_decide(r->arena, policy_of(r, s), old, now, open, open_count, &rows, &count);
  }
  if (!old || !peri_str_eq(old->raw, force)) *changed = true;
  if (!r->looked && peri_drift_last(r->store, &r->drift_since, e)) return e->code;
  r->looked = true;
  for (size_t i = 0; i < count; i++) {
    tell(r, s, &rows[i]);
    r->drifted += !peri_str_is(rows[i].state, "over");
  }
  return peri_drift_write(r->store, r->in->id, s->name, force, peri_now_ms(), rows, count, e);
}

/* ---- the answer ---- */

static bool meant(const int64_t *ids, size_t count, const peri_drift_row *d) {
  for (size_t i = 0; i < count; i++)
    if (ids[i] == d->seq) return true;
  return !count && !peri_str_is(d->state, "declined"); /* what was declined once is named to be taken */
}

static peri_str with_field(peri_arena *a, const peri_json *fields, const peri_drift_row *d) {
  peri_buf text = {0};
  peri_jw w;
  bool had = false;
  peri_jw_init(&w, &text);
  peri_jw_object(&w);
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
    bool it = peri_str_eq(f->key, d->field);
    had |= it;
    if (it && !d->now.n) continue;
    peri_jw_key(&w, f->key);
    peri_jw_raw(&w, it ? d->now : f->raw);
  }
  if (!had && d->now.n) peri_jw_key(&w, d->field), peri_jw_raw(&w, d->now);
  peri_jw_end_object(&w);
  peri_str out = peri_arena_str(a, peri_buf_view(&text));
  peri_buf_fini(&text);
  return out;
}

static peri_code answer_one(peri_store *s, peri_arena *a, peri_str integration_id, peri_drift_row *d, bool accept, peri_err *e) {
  peri_str known;
  int64_t when;
  peri_json_fault fault;
  peri_code code = peri_store_discovered(s, a, integration_id, &known, &when, e);
  if (code) return code;
  const peri_json *fields = peri_json_get_str(peri_json_parse(a, known, &fault), d->stream);
  d->state = accept ? PERI_STR("taken") : PERI_STR("declined");
  return peri_drift_write(s, integration_id, d->stream, accept ? with_field(a, fields, d) : fields ? fields->raw : PERI_STR("{}"), -1, d, 1, e);
}

peri_code peri_drift_answer(peri_store *s, peri_str integration_id, peri_str name, const int64_t *ids, size_t id_count, bool accept, peri_drift_row **out, size_t *count,
                            peri_arena *a, peri_err *e) {
  peri_drift_row *open;
  size_t open_count, n = 0;
  peri_code code = peri_drift_unsettled(s, a, integration_id, PERI_STR(""), &open, &open_count, e);
  if (code) return code;
  for (size_t i = 0; i < id_count; i++) {
    bool found = false;
    for (size_t k = 0; k < open_count && !found; k++) found = open[k].seq == ids[i];
    if (!found) return peri_fail(e, PERI_NOT_FOUND, "change %lld of %.*s waits for no answer; see perilune drift %.*s", (long long)ids[i], PERI_S(name), PERI_S(name));
  }
  *out = open;
  for (size_t i = 0; i < open_count && !code; i++) {
    if (!meant(ids, id_count, &open[i])) continue;
    code = answer_one(s, a, integration_id, &open[i], accept, e);
    open[n++] = open[i];
  }
  *count = n;
  return code;
}
