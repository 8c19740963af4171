/* core/generation: see the header. */
#include "core/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/log.h"
#include "core/scripts.h"
#include "spec/spec.h"

static peri_code set_hash(peri_store *store, const peri_project *project, char out[40], peri_err *e) {
  peri_buf rows = {0};
  peri_code code = peri_mapping_rows(store, &rows, (peri_str){0}, (peri_str){0}, e);
  if (!code) snprintf(out, 40, "%.20s%016llx", project->generation, (unsigned long long)XXH3_64bits(rows.p ? rows.p : "", rows.n));
  peri_buf_fini(&rows);
  return code;
}

static void put_view(peri_jw *w, peri_str type, peri_str entity, const peri_json *fields) {
  peri_jw_object(w);
  peri_jw_kv(w, "type", type);
  peri_jw_kv(w, "entity", entity);
  peri_jw_key_c(w, "fields");
  if (fields) peri_jw_raw(w, fields->raw);
  else peri_jw_raw(w, PERI_STR("[]"));
  peri_jw_end_object(w);
}

/* A mapping's view; an override for one integration shares the view of what it overrides. */
static void views_json(const peri_scripts *s, const peri_connector *const *connectors, size_t count, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_array(&w);
  for (size_t i = 0; i < s->mapping_count; i++) {
    const peri_mapping_info *m = &s->mappings[i];
    peri_str type;
    peri_str_cut(m->from, '.', &type);
    bool twice = false;
    for (size_t k = 0; k < s->mapping_count && !twice; k++) {
      peri_str other;
      peri_str_cut(s->mappings[k].from, '.', &other);
      bool same = peri_str_eq(type, other) && peri_str_eq(m->entity, s->mappings[k].entity);
      bool mine_is_override = peri_str_starts(m->path, PERI_STR("mappings/@")), other_is = peri_str_starts(s->mappings[k].path, PERI_STR("mappings/@"));
      twice = same && ((mine_is_override && !other_is) || (mine_is_override == other_is && k < i));
    }
    if (!twice) put_view(&w, type, m->entity, peri_json_get(m->plan, "fields"));
  }
  for (size_t c = 0; c < count; c++)
    for (size_t i = 0; i < connectors[c]->stream_count; i++) {
      const peri_mapping_info *one[1];
      if (!peri_scripts_of_stream(s, connectors[c]->name, connectors[c]->streams[i].name, one, 1)) put_view(&w, connectors[c]->name, connectors[c]->streams[i].name, NULL);
    }
  peri_jw_end_array(&w);
}

static size_t compile_connectors(const peri_scripts *s, const peri_connector **out, size_t most) {
  size_t n = 0;
  const peri_json *files = peri_json_get(s->loaded, "files");
  for (const peri_json *f = files ? files->first : NULL; f && n < most; f = f->next) {
    if (!peri_json_get_bool(f, "ok", false) || !peri_str_is(peri_json_get_text(f, "kind"), "connector")) continue;
    peri_err e = {0};
    peri_tree tree = {.path = peri_json_get_text(f, "path"), .root = peri_node_read(s->arena, peri_json_get(f, "tree"), &e)};
    peri_connector *c = peri_arena_take(s->arena, sizeof *c);
    if (tree.root && peri_connector_compile(s->arena, &tree, c, &e) == PERI_OK) out[n++] = c;
  }
  return n;
}

static void registry_json(const peri_connector *const *connectors, size_t count, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_array(&w);
  for (size_t i = 0; i < count; i++) peri_connector_registry(connectors[i], &w);
  peri_jw_end_array(&w);
}

static void files_json(const peri_project *project, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_array(&w);
  for (size_t i = 0; i < project->file_count; i++) {
    char hash[33];
    XXH128_hash_t h = XXH3_128bits(project->files[i].bytes.p, project->files[i].bytes.n);
    snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
    peri_jw_object(&w);
    peri_jw_kv(&w, "path", project->files[i].path);
    peri_jw_kv_c(&w, "hash", hash);
    peri_jw_kv(&w, "bytes", project->files[i].bytes);
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
}

#define CONNECTORS_MAX 512

/* Nothing to do if the views were made of this very set: *settled. */
static peri_code is_settled(peri_store *store, const peri_project *project, char hash[40], bool *settled, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_str known = {0};
  peri_code code = set_hash(store, project, hash, e);
  if (!code) code = peri_meta_get(store, a, "generation", &known, e);
  *settled = !code && peri_str_is(known, hash);
  peri_arena_free(a);
  return code;
}

static bool is_whole(const peri_scripts *s) {
  bool fine = true;
  for (size_t i = 0; i < s->failure_count; i++) fine = fine && !peri_str_starts(s->failures[i].path, PERI_STR("mappings/")) && !peri_str_starts(s->failures[i].path, PERI_STR("lib/"));
  return fine;
}

static peri_code show(peri_store *store, const peri_project *project, const peri_scripts *s, const char *hash, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_buf views = {0}, registry = {0}, files = {0};
  const peri_connector *connectors[CONNECTORS_MAX];
  size_t count = compile_connectors(s, connectors, CONNECTORS_MAX);
  bool whole = is_whole(s);
  registry_json(connectors, count, &registry);
  files_json(project, &files);
  peri_code code = peri_registry_replace(store, peri_buf_view(&registry), e);
  if (!code && whole) {
    peri_json_fault fault;
    views_json(s, connectors, count, &views);
    code = peri_views_replace(store, peri_json_parse(a, peri_buf_view(&views), &fault), e);
  }
  for (size_t i = 0; i < s->failure_count; i++) peri_log(PERI_WARN, "scripts", "%.*s", PERI_S(s->failures[i].message));
  if (!code) code = peri_generation_put(store, peri_str_of(project->generation), peri_buf_view(&files), e);
  if (!code && whole) code = peri_meta_set(store, "generation", peri_str_of(hash), e);
  peri_buf_fini(&views);
  peri_buf_fini(&registry);
  peri_buf_fini(&files);
  peri_arena_free(a);
  return code;
}

/* ---- beside runs ---- */

typedef struct waiter {
  struct waiter *next;
  const peri_project *project;
  void (*done)(void *self, const peri_err *e);
  void *self;
} waiter;

struct peri_settling {
  peri_engine *g;
  waiter *first, **end; /* the first one's project is in work */
  char hash[40];
  peri_scripts *scripts;
  peri_err err;
  uv_timer_t step;
};

static void on_step(uv_timer_t *t);

static void next_step(struct peri_settling *x) { uv_timer_start(&x->step, on_step, 0, 0); }

static void on_step_closed(uv_handle_t *h) { free(h->data); }

static void first_done(struct peri_settling *x) {
  waiter *w = x->first;
  peri_err e = x->err;
  x->first = w->next;
  if (!x->first) {
    x->g->settling = NULL;
    uv_close((uv_handle_t *)&x->step, on_step_closed);
  } else
    next_step(x);
  w->done(w->self, &e);
  free(w);
}

static void show_work(void *self) {
  struct peri_settling *x = self;
  show(x->g->store, x->first->project, x->scripts, x->hash, &x->err);
}

static void show_done(void *self) {
  struct peri_settling *x = self;
  if (!x->err.code) snprintf(x->g->settled, sizeof x->g->settled, "%s", x->hash);
  peri_scripts_close(x->scripts);
  first_done(x);
}

static void on_loaded(void *self, peri_scripts *s, const peri_err *e) {
  struct peri_settling *x = self;
  x->scripts = s;
  x->err = *e;
  if (s) peri_engine_post(x->g, show_work, show_done, x);
  else first_done(x);
}

static void on_step(uv_timer_t *t) {
  struct peri_settling *x = t->data;
  bool settled = false;
  x->err = (peri_err){0};
  peri_scripts_want want = {.key_free = true}; /* as in peri_generation_settle */
  if (is_settled(x->g->store, x->first->project, x->hash, &settled, &x->err) || settled || strcmp(x->g->settled, x->hash) == 0 ||
      peri_scripts_start(&x->g->loop, x->first->project, x->g->store, &want, on_loaded, x, &x->err))
    first_done(x);
}

void peri_generation_start(peri_engine *g, const peri_project *project, void (*done)(void *self, const peri_err *e), void *self) {
  struct peri_settling *x = g->settling;
  waiter *w = peri_alloc(sizeof *w);
  *w = (waiter){.project = project, .done = done, .self = self};
  if (!x) {
    x = g->settling = peri_alloc(sizeof *x);
    x->g = g;
    x->end = &x->first;
    uv_timer_init(&g->loop, &x->step);
    x->step.data = x;
    next_step(x);
  }
  *x->end = w;
  x->end = &w->next;
}

/* ---- before anything else ---- */

peri_code peri_generation_settle(peri_store *store, const peri_project *project, bool *whole, peri_err *e) {
  char hash[40] = "";
  bool settled = false;
  peri_scripts *s = NULL;
  if (whole) *whole = true;
  peri_code code = is_settled(store, project, hash, &settled, e);
  if (code || settled) return code;
  peri_scripts_want want = {.key_free = true}; /* field mappings of a type without a connector are for `map` alone: no failure */
  code = peri_scripts_load(project, store, &want, &s, e);
  if (code) return code;
  code = show(store, project, s, hash, e);
  if (whole) *whole = is_whole(s);
  peri_scripts_close(s);
  return code;
}
