/* core/discover: see the header. */
#include "core/discover.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "core/drift.h"
#include "core/prepare.h"
#include "core/question.h"
#include "core/talk.h"

#define MORE PERI_STR(":more") /* no stream can have this name */

/* A kill in the middle leaves some answers kept and others not: what is missing is asked for as well as what is old. */
bool peri_discover_due(const peri_run *r) {
  bool any = r->connector->more != NULL, missing = any && !peri_json_get_str(r->discovered, MORE);
  for (size_t i = 0; i < r->connector->stream_count; i++) {
    if (!r->connector->streams[i].discover) continue;
    any = true;
    missing |= !peri_json_get_str(r->discovered, r->connector->streams[i].name);
  }
  int64_t age_ms = peri_now_ms() - r->discovered_ms; /* below zero: the clock was ahead then */
  return any && (r->options->full || missing || age_ms > PERI_DISCOVER_MS_MAX || age_ms < 0);
}

/* ---- fields ---- */

typedef struct fields {
  const peri_node *gives;
  peri_jw w;
  peri_map seen;
} fields;

static const peri_json *given(const fields *f, const peri_json *item, const char *what) {
  peri_str path = peri_node_text(peri_node_get(f->gives, what));
  return path.n ? peri_json_at(item, path) : NULL;
}

static bool is_skipped(const fields *f, const peri_json *type) {
  const peri_node *skip = peri_node_get(f->gives, "skip");
  for (size_t i = 0; skip && type && i < skip->item_count; i++)
    if (peri_str_eq(peri_node_text(skip->items[i]), type->text)) return true;
  return false;
}

static void put_field(fields *f, const peri_json *item) {
  const peri_json *name = given(f, item, "name"), *type = given(f, item, "type");
  if (!name || !name->text.n || is_skipped(f, type) || !peri_map_put(&f->seen, name->text, f)) return;
  peri_jw_key(&f->w, name->text);
  peri_jw_object(&f->w);
  const peri_json *label = given(f, item, "label"), *options = given(f, item, "options"), *relation = given(f, item, "relation");
  if (label) peri_jw_kv(&f->w, "label", label->text);
  if (type) peri_jw_kv(&f->w, "type", type->text);
  if (relation && relation->text.n) peri_jw_kv(&f->w, "relation", relation->text);
  if (options && options->count) {
    peri_jw_key_c(&f->w, "options");
    peri_jw_array(&f->w);
    for (const peri_json *o = options->first; o; o = o->next) {
      const peri_json *value = peri_json_get(o, "value"), *text = peri_json_get(o, "label");
      peri_jw_object(&f->w);
      peri_jw_kv(&f->w, "value", peri_json_str(value));
      peri_jw_kv(&f->w, "label", peri_json_str(text ? text : value));
      peri_jw_end_object(&f->w);
    }
    peri_jw_end_array(&f->w);
  }
  peri_jw_end_object(&f->w);
}

static bool harmless(peri_code code) { return code == PERI_NOT_FOUND || code == PERI_SCOPE_MISSING; }

static peri_code keep(peri_run *r, peri_str name, peri_str json, bool *changed, peri_err *e) {
  const peri_json *old = peri_json_get_str(r->discovered, name);
  if (!old || !peri_str_eq(old->raw, json)) *changed = true;
  return peri_store_discovered_set(r->store, r->in->id, name, json, e);
}

/* ---- one discovery ---- */

typedef struct discovery {
  peri_run *r;
  void (*done)(void *self, bool changed, const peri_err *e);
  void *self;
  bool changed;
  size_t at;      /* the stream in hand; then, `more` */
  size_t more_at; /* which of its reads */
  peri_arena *a;  /* of the question in hand */
  peri_buf json;
  peri_jw w;
  fields f;
  /* more */
  peri_talk *maker;
  const peri_json **items; size_t item_count, item_cap, item_next;
} discovery;

static void next_stream(discovery *d);
static void next_read(discovery *d);

static void end(discovery *d, const peri_err *e) {
  peri_talk_close(d->maker);
  peri_buf_fini(&d->json);
  peri_arena_free(d->a);
  d->done(d->self, d->changed, e);
  free(d);
}

static void begin_json(discovery *d) {
  peri_arena_free(d->a);
  d->a = peri_arena_new();
  peri_buf_clear(&d->json);
  peri_jw_init(&d->w, &d->json);
}

/* ---- fields of a stream ---- */

static peri_code put_fields(void *self, const peri_json *reply, const peri_json *items, peri_err *e) {
  (void)reply, (void)e;
  discovery *d = self;
  for (const peri_json *i = items->first; i; i = i->next) put_field(&d->f, i);
  return PERI_OK;
}

static void begin_fields(discovery *d, const peri_stream *s) {
  peri_buf_clear(&d->json);
  d->f = (fields){.gives = s->discover->gives};
  peri_map_init(&d->f.seen, d->a);
  peri_jw_init(&d->f.w, &d->json);
  peri_jw_object(&d->f.w);
}

static void on_fields(void *self, const peri_err *failed) {
  discovery *d = self;
  const peri_stream *s = &d->r->connector->streams[d->at];
  peri_err e = *failed;
  peri_str answered = PERI_STR("");
  peri_jw_end_object(&d->f.w);
  if (!e.code) answered = peri_buf_view(&d->json);
  if (harmless(e.code)) {
    const peri_json *known = peri_json_get_str(d->r->discovered, s->name);
    peri_log(PERI_WARN, "discover", "the fields of %.*s are not told%s: %s", PERI_S(s->name), known && known->count ? "; what was known of them is kept" : "", e.text);
    e = (peri_err){0};
  }
  if (e.code || peri_drift_meet(d->r, s, answered, &d->changed, &e)) {
    end(d, &e);
    return;
  }
  d->at++;
  next_stream(d);
}

static void discover_stream(discovery *d, const peri_stream *s) {
  begin_json(d);
  begin_fields(d, s);
  peri_question_start(d->r, s, s->discover, d->a, put_fields, on_fields, d);
}

/* ---- more: what a read answered becomes streams, made by the connector's function in a worker ---- */

static void next_item(discovery *d);

static void on_made(void *self, peri_str answer, const peri_err *failed) {
  discovery *d = self;
  peri_err e = *failed;
  peri_json_fault fault;
  const peri_json *made = e.code ? NULL : peri_json_parse(d->a, answer, &fault), *tree = peri_json_get(made, "tree");
  if (!e.code && !peri_json_get_bool(made, "ok", false)) {
    peri_str text = peri_json_get_text(made, "message");
    peri_fail(&e, PERI_SCRIPT_ERROR, "%.*s", PERI_S(text));
  }
  if (e.code) {
    end(d, &e);
    return;
  }
  if (tree && tree->type != PERI_J_NULL) {
    peri_jw_object(&d->w);
    peri_jw_kv_int(&d->w, "read", (int64_t)d->more_at);
    peri_jw_kv(&d->w, "id", peri_json_str(peri_json_get(d->items[d->item_next], "id")));
    peri_jw_kv_raw(&d->w, "tree", tree->raw);
    peri_jw_end_object(&d->w);
  }
  d->item_next++;
  next_item(d);
}

static void next_item(discovery *d) {
  if (d->item_next == d->item_count) {
    d->more_at++;
    next_read(d);
    return;
  }
  peri_buf ask = {0};
  peri_jw w;
  peri_jw_init(&w, &ask);
  peri_jw_object(&w);
  peri_jw_kv(&w, "connector", d->r->connector->path);
  peri_jw_kv_int(&w, "more", (int64_t)d->more_at);
  peri_jw_kv_raw(&w, "item", d->items[d->item_next]->raw);
  peri_jw_end_object(&w);
  peri_talk_ask(d->maker, PERI_K_MAKE, peri_buf_view(&ask), PERI_K_MADE, on_made, d);
  peri_buf_fini(&ask);
}

static peri_code collect(void *self, const peri_json *reply, const peri_json *items, peri_err *e) {
  (void)reply, (void)e;
  discovery *d = self;
  for (const peri_json *i = items->first; i; i = i->next) {
    if (d->item_count == d->item_cap) d->items = peri_arena_grow(d->a, d->items, d->item_count, &d->item_cap, sizeof *d->items);
    d->items[d->item_count++] = i;
  }
  return PERI_OK;
}

static void on_read(void *self, const peri_err *failed) {
  discovery *d = self;
  if (harmless(failed->code)) { /* an account without custom objects answers 403: that is no failure. One that had some keeps them: its streams say what is missing */
    d->item_count = 0;
    const peri_json *known = peri_json_get_str(d->r->discovered, MORE);
    for (const peri_json *i = known ? known->first : NULL; i; i = i->next)
      if (peri_json_get_int(i, "read", 0) == (int64_t)d->more_at) peri_jw_raw(&d->w, i->raw);
    peri_log(known && known->count ? PERI_WARN : PERI_INFO, "discover", "%s: %s", known && known->count ? "further streams stay as they were" : "no further streams", failed->text);
  } else if (failed->code) {
    peri_err e = *failed;
    end(d, &e);
    return;
  }
  next_item(d);
}

static void next_read(discovery *d) {
  const peri_connector *c = d->r->connector;
  while (d->more_at < c->more_count && !c->more_reads[d->more_at]) d->more_at++;
  if (d->more_at < c->more_count) {
    d->items = NULL;
    d->item_count = d->item_cap = d->item_next = 0;
    peri_question_start(d->r, NULL, c->more_reads[d->more_at], d->a, collect, on_read, d);
    return;
  }
  peri_err e = {0};
  peri_jw_end_array(&d->w);
  keep(d->r, MORE, peri_buf_view(&d->json), &d->changed, &e);
  end(d, &e);
}

static void on_maker_loaded(void *self, peri_str answer, const peri_err *failed) {
  (void)answer; /* the same set was checked when the run's scripts were loaded */
  discovery *d = self;
  peri_err e = *failed;
  if (e.code) end(d, &e);
  else next_read(d);
}

static void discover_more(discovery *d) {
  peri_err e = {0};
  begin_json(d);
  peri_jw_array(&d->w);
  d->maker = peri_talk_new(&d->r->g->loop, 0, &e);
  if (d->maker) peri_talk_ask(d->maker, PERI_K_LOAD, peri_buf_view(&d->r->scripts->load), PERI_K_LOADED, on_maker_loaded, d);
  else end(d, &e);
}

static void next_stream(discovery *d) {
  const peri_connector *c = d->r->connector;
  while (d->at < c->stream_count && !c->streams[d->at].discover) d->at++;
  if (d->at < c->stream_count) discover_stream(d, &c->streams[d->at]);
  else if (c->more) discover_more(d);
  else {
    peri_err none = {0};
    end(d, &none);
  }
}

void peri_discover_start(peri_run *r, void (*done)(void *self, bool changed, const peri_err *e), void *self) {
  discovery *d = peri_alloc(sizeof *d);
  d->r = r;
  d->done = done;
  d->self = self;
  next_stream(d);
}

/* ---- what is known ---- */

peri_code peri_more_add(peri_run *r, peri_err *e) {
  const peri_json *list = peri_json_get_str(r->discovered, MORE);
  for (const peri_json *i = list ? list->first : NULL; i; i = i->next) {
    peri_node *n = peri_node_read(r->arena, peri_json_get(i, "tree"), e);
    if (!n) return e->code;
    peri_code code = peri_connector_add_stream(r->arena, r->connector, n, peri_json_get_text(i, "id"), e);
    if (code) return code;
  }
  return PERI_OK;
}

typedef struct awaited {
  peri_err err;
  bool done;
} awaited;

static void on_done(void *self, bool changed, const peri_err *e) {
  (void)changed;
  awaited *w = self;
  w->err = *e;
  w->done = true;
}

peri_code peri_discover(peri_engine *g, const peri_project *project, peri_str integration, peri_buf *json, peri_err *e) {
  peri_sync_options options = {.integration = integration};
  peri_run *r = NULL;
  peri_code code = peri_run_prepare_plain(g, project, &options, &r, e);
  if (code) return code;
  awaited w = {0};
  peri_str known = {0};
  int64_t when = 0;
  peri_discover_start(r, on_done, &w);
  peri_engine_wait(g, &w.done);
  if (w.err.code) *e = w.err, code = w.err.code;
  if (!code) code = peri_store_discovered(r->store, r->arena, r->in->id, &known, &when, e);
  if (!code) peri_buf_str(json, known);
  peri_run_free(r);
  return code;
}
