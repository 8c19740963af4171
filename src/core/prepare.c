/* core/prepare: see the header. */
#include "core/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/account.h"
#include "core/discover.h"
#include "core/generation.h"
#include "core/mapper.h"
#include "core/question.h"
#include "core/stream_work.h"
#include "core/trust.h"

typedef struct preparing {
  peri_run *r;
  bool discover, discovered; /* what the account has: is it to be looked at; was it */
  void (*done)(void *self, const peri_err *e);
  void *self;
  peri_err err;
} preparing;

static void on_scripts(void *self, peri_scripts *s, const peri_err *e);

static peri_code load_scripts(preparing *p, peri_err *e) {
  peri_run *r = p->r;
  peri_scripts_close(r->scripts);
  r->scripts = NULL;
  r->connector = NULL;
  r->auth = NULL;
  peri_buf settings = {0}, known = {0};
  peri_json_put(&settings, r->in->settings);
  if (r->discovered) peri_json_put(&known, r->discovered);
  char type[128];
  snprintf(type, sizeof type, "%.*s", PERI_S(r->in->type));
  peri_scripts_want want = {.type = type,
                            .integration = r->in->name,
                            .settings = peri_buf_view(&settings),
                            .discovered = peri_buf_view(&known),
                            .hash_seed = peri_store_hash_seed(r->store)};
  peri_code code = peri_scripts_start(&r->g->loop, r->project, r->store, &want, on_scripts, p, e);
  peri_buf_fini(&settings);
  peri_buf_fini(&known);
  return code;
}

/* "version" is a setting like another: the connector's first unless the operator pinned one. */
static void pin_version(peri_run *r) {
  if (peri_json_get(r->in->settings, "version") || !r->connector->default_version.n) return;
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  for (const peri_json *m = r->in->settings ? r->in->settings->first : NULL; m; m = m->next) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
  peri_jw_kv(&w, "version", r->connector->default_version);
  peri_jw_end_object(&w);
  peri_json_fault fault;
  r->in->settings = peri_json_parse(r->in->arena, peri_buf_view(&b), &fault);
  peri_buf_fini(&b);
}

static peri_code load_known(peri_run *r, peri_err *e) {
  peri_str json = {0};
  peri_json_fault fault;
  peri_code code = peri_store_discovered(r->store, r->arena, r->in->id, &json, &r->discovered_ms, e);
  if (!code && json.n) r->discovered = peri_json_parse(r->arena, json, &fault);
  return code;
}

/* Everything that is taken from the connector in force; again whenever the scripts were loaded again, since the old ones are gone. */
static peri_code settle(peri_run *r, peri_err *e) {
  peri_code code = peri_more_add(r, e);
  if (code) return code;
  pin_version(r);
  peri_connector_settle(r->arena, r->connector, r->in->settings);
  r->auth = NULL;
  if (!r->g->vault) return PERI_OK; /* remap asks nothing, and needs no credential */
  r->auth = peri_connector_auth(r->connector, peri_secret_known, r->in, e);
  if (!r->auth && e->code) return e->code;
  if (!r->account) code = peri_account_hold(r->g, r->in, r->connector, r->auth, &r->account, e);
  if (!code) code = peri_connector_base(r->arena, r->connector, r->in->settings, r->in->base_url, &r->base, e);
  if (code && peri_base_after_login(r->connector, r->auth, r->in->settings)) peri_token_needed(r->store, r->in, r->auth, e);
  return code ? e->code : PERI_OK;
}

/* ---- step by step ---- */

peri_run *peri_run_new(peri_engine *g, const peri_project *project, const peri_sync_options *options) {
  peri_run *r = peri_alloc(sizeof *r);
  r->g = g;
  r->store = g->store;
  r->project = project;
  r->options = options;
  r->arena = peri_arena_new();
  r->started_mono_ms = peri_mono_ms();
  r->expected = -1;
  return r;
}

static void end(preparing *p) {
  p->done(p->self, &p->err);
  free(p);
}

static void on_discovered(void *self, bool changed, const peri_err *e) {
  preparing *p = self;
  p->err = *e;
  if (e->code || !changed || load_known(p->r, &p->err) || load_scripts(p, &p->err)) end(p);
}

static void on_scripts(void *self, peri_scripts *s, const peri_err *e) {
  preparing *p = self;
  peri_run *r = p->r;
  p->err = *e;
  r->scripts = s;
  if (!e->code && !peri_scripts_need(s, r->in->type, &p->err)) {
    r->connector = s->connector;
    if (settle(r, &p->err) == PERI_OK && p->discover) peri_token_needed(r->store, r->in, r->auth, &p->err);
    if (!p->err.code && peri_run_stopping(r)) peri_fail(&p->err, PERI_INTERRUPTED, "stopped before anything was asked");
    if (!p->err.code && p->discover && !p->discovered && peri_discover_due(r)) {
      p->discovered = true;
      peri_discover_start(r, on_discovered, p);
      return;
    }
  }
  end(p);
}

static void open_integration(preparing *p) {
  peri_run *r = p->r;
  peri_code code = peri_integration_open(r->store, r->g->vault, r->options->integration, &r->in, &p->err);
  if (!code && p->discover && r->g->vault && peri_str_is(r->in->status, "needs_reauth"))
    code = peri_fail(&p->err, PERI_NEEDS_REAUTH, "the login of '%.*s' has ended; log in again: perilune auth %.*s", PERI_S(r->in->name), PERI_S(r->in->name));
  if (!code) code = load_known(r, &p->err);
  if (!code) code = load_scripts(p, &p->err);
  if (code) end(p);
}

static void on_settled(void *self, const peri_err *e) {
  preparing *p = self;
  p->err = *e;
  if (!e->code && peri_run_stopping(p->r)) peri_fail(&p->err, PERI_INTERRUPTED, "stopped before anything was asked");
  if (p->err.code) end(p);
  else open_integration(p);
}

void peri_run_prepare_start(peri_run *r, peri_prepare how, void (*done)(void *self, const peri_err *e), void *self) {
  preparing *p = peri_alloc(sizeof *p);
  *p = (preparing){.r = r, .discover = how == PERI_PREPARE_WHOLE, .done = done, .self = self};
  if (how == PERI_PREPARE_PLAIN) open_integration(p);
  else peri_generation_start(r->g, r->project, on_settled, p);
}

typedef struct awaited {
  peri_err err;
  bool done;
} awaited;

static void on_prepared(void *self, const peri_err *e) {
  awaited *w = self;
  w->err = *e;
  w->done = true;
}

peri_code peri_run_prepare_plain(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_run **out, peri_err *e) {
  peri_run *r = peri_run_new(g, project, options);
  awaited w = {0};
  peri_run_prepare_start(r, PERI_PREPARE_PLAIN, on_prepared, &w);
  peri_engine_wait(g, &w.done);
  if (w.err.code) {
    if (e) *e = w.err;
    peri_run_free(r);
    return w.err.code;
  }
  *out = r;
  return PERI_OK;
}

void peri_run_free(peri_run *r) {
  if (!r) return;
  peri_stream_free(r->work);
  peri_mapper_free(r->mapper);
  peri_account_leave(r->account);
  peri_scripts_close(r->scripts);
  peri_integration_close(r->in);
  free(r->entities);
  peri_buf_fini(&r->replayed);
  peri_arena_free(r->arena);
  free(r);
}

/* ---- check ---- */

typedef struct checked {
  const peri_node *keep;
  peri_buf kept;
  peri_jw w;
} checked;

static peri_code keep_values(void *self, const peri_json *reply, const peri_json *items, peri_err *e) {
  (void)items, (void)e;
  checked *c = self;
  for (size_t i = 0; c->keep && i < c->keep->member_count; i++) {
    const peri_json *v = peri_json_at(reply, peri_node_text(c->keep->members[i].value));
    if (!v || v->type == PERI_J_NULL) continue;
    peri_jw_key(&c->w, c->keep->members[i].key);
    peri_jw_raw(&c->w, v->raw);
  }
  return PERI_OK;
}

peri_code peri_check(peri_engine *g, const peri_project *project, peri_str integration, peri_buf *json, peri_err *e) {
  peri_sync_options options = {.integration = integration};
  peri_run *r = NULL;
  peri_code code = peri_run_prepare_plain(g, project, &options, &r, e);
  if (code) return code;
  checked c = {0};
  peri_jw_init(&c.w, &c.kept);
  peri_jw_object(&c.w);
  int64_t began = peri_mono_ms();
  code = peri_token_needed(r->store, r->in, r->auth, e);
  if (code) { /* nothing to ask with */
  } else if (!r->connector->check) code = peri_fail(e, PERI_INVALID, "connector %.*s has no check; add check = get \"…\" to %.*s", PERI_S(r->connector->name), PERI_S(r->connector->path));
  else {
    c.keep = r->connector->check->keep;
    code = peri_question(r, NULL, r->connector->check, r->arena, keep_values, &c, e);
  }
  peri_jw_end_object(&c.w);
  if (!code) code = peri_store_kept_set(r->store, r->in->id, peri_buf_view(&c.kept), e);
  if (!code && !peri_str_is(r->in->status, "active") && !peri_str_is(r->in->status, "paused"))
    code = peri_integration_set(r->store, r->in->id, (peri_str){0}, (peri_str){0}, (peri_str){0}, (peri_str){0}, PERI_STR("active"), e);
  if (!code) {
    peri_jw w;
    peri_jw_init(&w, json);
    peri_jw_object(&w);
    peri_jw_kv_bool(&w, "success", true);
    peri_jw_kv(&w, "name", r->in->name);
    peri_jw_kv(&w, "baseUrl", r->base);
    peri_jw_kv_int(&w, "tookMs", peri_mono_ms() - began);
    peri_jw_kv_raw(&w, "account", peri_buf_view(&c.kept));
    peri_jw_end_object(&w);
  }
  bool ended = code == PERI_NEEDS_REAUTH && peri_secrets_has(r->in->secrets, r->auth->secret) && !peri_str_is(r->in->status, "paused");
  peri_err ignored;
  if (ended) peri_integration_set(r->store, r->in->id, (peri_str){0}, (peri_str){0}, (peri_str){0}, (peri_str){0}, PERI_STR("needs_reauth"), &ignored);
  peri_buf_fini(&c.kept);
  peri_run_free(r);
  return code;
}

/* ---- explain ---- */

peri_code peri_run_explain(peri_engine *g, const peri_project *project, peri_str integration, peri_str stream, peri_buf *text, peri_err *e) {
  peri_sync_options options = {.integration = integration};
  peri_run *r = NULL;
  peri_code code = peri_run_prepare_plain(g, project, &options, &r, e);
  if (code) return code;
  const peri_stream *s = peri_connector_stream(r->connector, stream);
  if (!s) {
    peri_str names[256];
    size_t n = 0;
    for (; n < r->connector->stream_count && n < 256; n++) names[n] = r->connector->streams[n].name;
    peri_str near = peri_suggest(stream, names, n);
    code = peri_fail(e, PERI_NOT_FOUND, "connector %.*s has no stream '%.*s'%s%.*s%s", PERI_S(r->connector->name), PERI_S(stream), near.n ? " (did you mean '" : "", PERI_S(near), near.n ? "'?)" : "");
  } else {
    peri_fill fill;
    peri_cursor cursor;
    peri_place place;
    peri_run_fill(r, s, &fill);
    fill.secret = NULL; /* shown by name */
    code = peri_cursor_get(r->store, r->arena, r->in->id, s->name, PERI_STR("main"), &cursor, e);
    if (!code) {
      peri_place_begin(r->arena, s, &cursor, false, peri_now_ms(), &place);
      fill.since = place.since;
      fill.upto = place.upto;
      fill.since_verbatim = place.since_verbatim;
      code = peri_explain(r->arena, r->connector, s, &fill, r->base, text, e);
    }
  }
  peri_run_free(r);
  return code;
}
