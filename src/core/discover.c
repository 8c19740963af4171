/* core/discover: see the header. */
#include "core/discover.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "core/pool.h"
#include "core/prepare.h"
#include "core/question.h"

#define MORE PERI_STR(":more") /* no stream can have this name */

bool peri_discover_due(const peri_run *r) {
  bool any = r->connector->more != NULL;
  for (size_t i = 0; i < r->connector->stream_count && !any; i++) any = r->connector->streams[i].discover != NULL;
  return any && (r->options->full || !r->discovered || peri_now_ms() - r->discovered_ms > PERI_DISCOVER_MS_MAX);
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

static peri_code put_fields(void *self, const peri_json *reply, const peri_json *items, peri_err *e) {
  (void)reply, (void)e;
  for (const peri_json *i = items->first; i; i = i->next) put_field(self, i);
  return PERI_OK;
}

static bool harmless(peri_code code) { return code == PERI_NOT_FOUND || code == PERI_SCOPE_MISSING; }

static peri_code keep(peri_run *r, peri_str name, peri_str json, bool *changed, peri_err *e) {
  const peri_json *old = peri_json_get_str(r->discovered, name);
  if (!old || !peri_str_eq(old->raw, json)) *changed = true;
  return peri_store_discovered_set(r->store, r->in->id, name, json, e);
}

static peri_code discover_stream(peri_run *r, const peri_stream *s, bool *changed, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_buf json = {0};
  fields f = {.gives = s->discover->gives};
  peri_map_init(&f.seen, a);
  peri_jw_init(&f.w, &json);
  peri_jw_object(&f.w);
  peri_code code = peri_question(r, s, s->discover, a, put_fields, &f, e);
  peri_jw_end_object(&f.w);
  if (harmless(code)) {
    peri_log(PERI_WARN, "discover", "the fields of %.*s are not known: %s", PERI_S(s->name), e->text);
    code = PERI_OK;
  }
  if (!code) code = keep(r, s->name, peri_buf_view(&json), changed, e);
  peri_buf_fini(&json);
  peri_arena_free(a);
  return code;
}

/* ---- more ---- */

typedef struct more {
  peri_run *r;
  peri_worker *worker;
  size_t index;
  peri_jw w;
} more;

static peri_code make_stream(more *m, const peri_json *item, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_buf ask = {0}, answer = {0};
  peri_jw w;
  peri_jw_init(&w, &ask);
  peri_jw_object(&w);
  peri_jw_kv(&w, "connector", m->r->connector->path);
  peri_jw_kv_int(&w, "more", (int64_t)m->index);
  peri_jw_kv_raw(&w, "item", item->raw);
  peri_jw_end_object(&w);
  peri_code code = peri_worker_ask(m->worker, PERI_K_MAKE, peri_buf_view(&ask), PERI_K_MADE, &answer, e);
  peri_json_fault fault;
  const peri_json *made = code ? NULL : peri_json_parse(a, peri_buf_view(&answer), &fault);
  if (!code && !peri_json_get_bool(made, "ok", false)) {
    peri_str text = peri_json_get_text(made, "message");
    code = peri_fail(e, PERI_SCRIPT_ERROR, "%.*s", PERI_S(text));
  }
  const peri_json *tree = peri_json_get(made, "tree");
  if (!code && tree && tree->type != PERI_J_NULL) {
    peri_jw_object(&m->w);
    peri_jw_kv(&m->w, "id", peri_json_str(peri_json_get(item, "id")));
    peri_jw_kv_raw(&m->w, "tree", tree->raw);
    peri_jw_end_object(&m->w);
  }
  peri_buf_fini(&ask);
  peri_buf_fini(&answer);
  peri_arena_free(a);
  return code;
}

static peri_code make_streams(void *self, const peri_json *reply, const peri_json *items, peri_err *e) {
  (void)reply;
  peri_code code = PERI_OK;
  for (const peri_json *i = items->first; i && !code; i = i->next) code = make_stream(self, i, e);
  return code;
}

static peri_code start_maker(more *m, peri_err *e) {
  peri_worker_config config = {0};
  peri_buf answer = {0};
  m->worker = peri_worker_start(&config, e);
  peri_code code = m->worker ? peri_worker_ask(m->worker, PERI_K_LOAD, peri_buf_view(&m->r->scripts->load), PERI_K_LOADED, &answer, e) : e->code;
  peri_buf_fini(&answer);
  return code;
}

static peri_code discover_more(peri_run *r, bool *changed, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_buf json = {0};
  more m = {.r = r};
  peri_jw_init(&m.w, &json);
  peri_jw_array(&m.w);
  peri_code code = start_maker(&m, e);
  for (size_t i = 0; !code && i < r->connector->more_count; i++) {
    const peri_request *q = r->connector->more_reads[i];
    m.index = i;
    if (!q) continue;
    code = peri_question(r, NULL, q, a, make_streams, &m, e);
    if (harmless(code)) { /* an account without custom objects answers 403: that is no failure */
      peri_log(PERI_INFO, "discover", "no further streams: %s", e->text);
      code = PERI_OK;
    }
  }
  peri_jw_end_array(&m.w);
  if (!code) code = keep(r, MORE, peri_buf_view(&json), changed, e);
  peri_worker_close(m.worker);
  peri_buf_fini(&json);
  peri_arena_free(a);
  return code;
}

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

peri_code peri_discover_all(peri_run *r, bool *changed, peri_err *e) {
  peri_code code = PERI_OK;
  for (size_t i = 0; i < r->connector->stream_count && !code; i++)
    if (r->connector->streams[i].discover) code = discover_stream(r, &r->connector->streams[i], changed, e);
  if (!code && r->connector->more) code = discover_more(r, changed, e);
  return code;
}

peri_code peri_discover(peri_engine *g, const peri_project *project, peri_str integration, peri_buf *json, peri_err *e) {
  peri_sync_options options = {.integration = integration};
  peri_run *r = NULL;
  peri_code code = peri_run_prepare_plain(g, project, &options, &r, e);
  if (code) return code;
  bool changed = false;
  peri_str known = {0};
  int64_t when = 0;
  code = peri_discover_all(r, &changed, e);
  if (!code) code = peri_store_discovered(r->store, r->arena, r->in->id, &known, &when, e);
  if (!code) peri_buf_str(json, known);
  peri_run_free(r);
  return code;
}
