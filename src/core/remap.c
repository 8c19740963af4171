/* core/remap: see the header. Batches of stored records go to the run's worker as packed pages, with all its protections. Each record is met once:
 * one that is both refused and a row is met among the rejects, unless the row stands for an older version of it. */
#include "core/remap.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/mapper.h"
#include "core/prepare.h"
#include "core/stream_work.h"

#define BATCH 1000
#define BATCH_BYTES_MAX (8u << 20)

static const uint8_t sources[] = {1, 0, 2}; /* rejects, rows, unmapped */

typedef struct handled { /* a reject that has a row, too: whether the row is still to be looked at */
  uint8_t raw_hash[16];
  bool settled;
} handled;

typedef struct remap {
  peri_run *run;
  const peri_remap_options *o;
  const peri_stream *stream;
  const peri_mapping_info *mapping; /* NULL: a stream without one */
  peri_str entity, hash;
  uint32_t view;
  size_t source;
  int64_t after_seq;
  int64_t last_seq[3]; /* by source: what is made while this goes on is not met again */
  int64_t *left;       /* of options.most, over all entities; NULL: no end */
  peri_arena *keys;    /* of the entity */
  peri_map handled;
  peri_arena *arena;   /* of the batch */
  peri_stored *stored; /* those that were sent */
  size_t count;
  peri_page *page;
  peri_commit_row *rows;
  size_t row_count, row_cap;
  peri_counters counted, batch;
  peri_err err;
  struct remapping *all;
} remap;

typedef struct remapping { /* one remap: its entities, one after another */
  peri_run *run;
  const peri_project *project;
  peri_remap_options o;
  peri_sync_options options;
  bool write, any;
  size_t stream, mapping; /* in hand */
  int64_t left;
  remap m;
  peri_buf json, missing, commands;
  peri_jw w, mw, cw;
  peri_err err;
  void (*done)(void *self, peri_buf *json, const peri_err *e);
  void *self;
} remapping;

static void next_batch(remap *m);

/* ---- writing ---- */

static void add_row(remap *m, const peri_row_msg *r) {
  if (r->index >= m->count) return;
  if (m->row_count == m->row_cap) m->rows = peri_arena_grow(m->arena, m->rows, m->row_count, &m->row_cap, sizeof *m->rows);
  const peri_stored *s = &m->stored[r->index];
  peri_commit_row row = {.verdict = r->verdict,
                         .entity = m->entity,
                         .plan_hash = m->hash,
                         .key = r->verdict == 1 && r->key.n ? r->key : s->key,
                         .record_key = s->key,
                         .set = r->set,
                         .updated = s->updated,
                         .source = s->source,
                         .data = r->data,
                         .raw = s->raw,
                         .context = s->context,
                         .warnings = peri_redacted(m->arena, r->warnings),
                         .reject_json = peri_redacted(m->arena, r->reject)};
  memcpy(row.raw_hash, s->raw_hash, 16);
  memcpy(row.data_hash, r->data_hash, 16);
  m->rows[m->row_count++] = row;
  if (!s->has_row) return;
  handled *h = peri_map_get(&m->handled, s->key);
  if (!h) {
    h = peri_arena_take(m->keys, sizeof *h);
    peri_map_put(&m->handled, peri_arena_str(m->keys, s->key), h);
  }
  memcpy(h->raw_hash, s->raw_hash, 16);
  h->settled = r->verdict != 2;
}

/* The record was met among the rejects: accepted there, or refused again with the same bytes. */
static bool was_handled(const remap *m, const peri_stored *s) {
  const handled *h = s->source == 0 && m->handled.count ? peri_map_get(&m->handled, s->key) : NULL;
  return h && (h->settled || memcmp(h->raw_hash, s->raw_hash, 16) == 0);
}

static void write_work(void *self) {
  remap *m = self;
  peri_run *r = m->run;
  m->batch = (peri_counters){0};
  peri_commit c = {.run_seq = r->seq,
                   .run_started_ms = r->started_ms,
                   .integration_id = r->in->id,
                   .stream = m->stream->name,
                   .cursor_kind = PERI_STR("main"),
                   .generation = peri_str_of(r->project->generation),
                   .rollback = m->o->rollback,
                   .rows = m->rows,
                   .row_count = m->row_count};
  if (m->o->preview) m->o->preview->batch(m->o->preview->self, &c, &m->batch, &m->err);
  else peri_store_remap(r->store, &c, &m->batch, &m->err);
}

static void write_done(void *self) {
  remap *m = self;
  peri_page_free(m->page);
  m->page = NULL;
  m->counted.processed += (int64_t)m->count;
  m->counted.created += m->batch.created;
  m->counted.updated += m->batch.updated;
  m->counted.unchanged += m->batch.unchanged;
  m->counted.rejected += m->batch.rejected;
  m->counted.deleted += m->batch.deleted;
  m->counted.skipped += m->batch.skipped;
  if (m->o->progress) m->o->progress(m->o->progress_self, m->entity, &m->counted);
  next_batch(m);
}

/* ---- mapping ---- */

static void on_split(peri_page *p) { (void)p; }

static void on_mapped(peri_page *p) {
  remap *m = p->self;
  m->rows = NULL;
  m->row_count = m->row_cap = 0;
  for (size_t i = 0; i < p->row_count; i++) add_row(m, &p->rows[i]);
  peri_engine_post(m->run->g, write_work, write_done, m);
}

static void entity_done(uv_timer_t *t);

/* Through the loop: the mapper may be above us on the stack. */
static void finish(remap *m) {
  uv_timer_t *t = peri_alloc(sizeof *t);
  uv_timer_init(&m->run->g->loop, t);
  t->data = m->all;
  uv_timer_start(t, entity_done, 0, 0);
}

static void on_failed(peri_page *p, const peri_err *e) {
  remap *m = p->self;
  m->err = *e;
  peri_page_free(p);
  m->page = NULL;
  finish(m);
}

static bool wanted(const peri_str asked, peri_str is) { return !asked.n || peri_str_eq(asked, is); }

/* Which of the stored records need the plan: what another plan made, and rejects always, unless they were not asked for. */
static bool needed(const remap *m, const peri_stored *s) {
  bool changed = m->o->force || !peri_str_eq(s->plan_hash, m->hash);
  if (s->source != 1) return changed;
  return wanted(m->o->filter.code, s->code) && wanted(m->o->filter.field, s->field) && (changed || !m->o->changed_only);
}

static bool counts(const remap *m, const peri_stored *s) { return s->source != 1 && !was_handled(m, s); }

static bool load_batch(remap *m) {
  peri_run *r = m->run;
  while (m->source < sizeof sources && !m->err.code) {
    peri_stored *read = NULL;
    size_t got = 0;
    peri_arena_free(m->arena);
    m->arena = peri_arena_new();
    if (peri_store_records(r->store, m->arena, r->in->id, m->entity, sources[m->source], m->after_seq, BATCH, &read, &got, &m->err)) return false;
    if (!got || m->after_seq > m->last_seq[sources[m->source]]) {
      m->source = m->o->rejects_only ? sizeof sources : m->source + 1;
      m->after_seq = 0;
      continue;
    }
    m->stored = read;
    m->count = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < got && bytes < BATCH_BYTES_MAX; i++) {
      m->after_seq = read[i].seq;
      if (m->after_seq > m->last_seq[sources[m->source]]) break;
      if (!needed(m, &read[i]) || was_handled(m, &read[i])) {
        if (counts(m, &read[i])) m->counted.processed++, m->counted.unchanged++;
        continue;
      }
      if (m->left && (*m->left)-- <= 0) {
        m->source = sizeof sources;
        break;
      }
      bytes += read[i].raw.n;
      m->stored[m->count++] = read[i];
    }
    if (m->count) return true;
  }
  return false;
}

static void load_work(void *self) {
  remap *m = self;
  m->count = 0;
  load_batch(m);
}

static void load_done(void *self) {
  remap *m = self;
  if (m->err.code || !m->count || peri_run_stopping(m->run)) {
    finish(m);
    return;
  }
  peri_page *p = m->page = peri_page_new();
  p->number = (uint32_t)++m->run->page_number;
  p->view = m->view;
  p->map_all = p->packed = true;
  p->self = m;
  p->blame = m->mapping;
  p->on_split = on_split;
  p->on_mapped = on_mapped;
  p->on_failed = on_failed;
  for (size_t i = 0; i < m->count; i++) peri_record_put(&p->body, m->stored[i].raw, m->stored[i].context);
  peri_mapper_page(m->run->mapper, p);
}

/* Reading may take a moment: it is the writer's work, too. */
static void next_batch(remap *m) {
  if (m->err.code || peri_run_stopping(m->run)) finish(m);
  else peri_engine_post(m->run->g, load_work, load_done, m);
}

/* ---- one entity ---- */

static void remap_entity(remap *m) {
  peri_run *r = m->run;
  r->mapper = peri_mapper_new(r);
  r->guard = (peri_run_guard){0};
  peri_buf json = {0};
  const peri_request *q = m->stream->full ? m->stream->full : m->stream->changes;
  peri_request any = {.method = "GET", .records = PERI_STR(""), .format = PERI_STR("json")};
  m->view = peri_mapper_next_view(r->mapper);
  peri_str path = m->mapping ? m->mapping->path : (peri_str){0};
  peri_stream_open_json(m->stream, q ? q : &any, m->view, r->in->type, &path, m->mapping ? 1 : 0, NULL, 0, &json);
  peri_mapper_view(r->mapper, &json);
  if (!m->o->preview && !m->o->rejects_only && !m->o->rollback && m->mapping)
    peri_store_remap_note(r->store, r->seq, r->in->id, m->entity, m->mapping->path, peri_str_of(r->project->generation), m->hash, &m->err);
  for (uint8_t i = 0; i < 3 && !m->err.code; i++) peri_store_last_seq(r->store, i, &m->last_seq[i], &m->err);
  if (m->o->preview && m->o->preview->begin) m->o->preview->begin(m->o->preview->self, r, m->mapping);
  next_batch(m);
}

/* Names that the mapping reads and the raw records were never asked for are named, not mapped to null in silence. */
static peri_code put_missing(peri_run *r, const peri_mapping_info *info, const peri_stream *s, peri_jw *w, peri_jw *commands, peri_err *e) {
  peri_str *sets = NULL;
  size_t count = 0;
  if (!info) return PERI_OK;
  peri_code code = peri_store_wanted_sets(r->store, r->arena, r->in->id, info->entity, &sets, &count, e);
  peri_map names;
  peri_map_init(&names, r->arena);
  for (size_t i = 0; i < count && !code; i++) peri_run_never_asked(r, s, info, sets[i], &names);
  peri_buf command = {0};
  for (size_t i = 0; i < names.count; i++) {
    peri_jw_text(w, names.items[i].key);
    if (!i) peri_buf_fmt(&command, "perilune backfill %.*s --entity %.*s", PERI_S(r->in->name), PERI_S(info->entity));
    peri_buf_fmt(&command, " --field '%.*s'", PERI_S(names.items[i].key));
  }
  if (names.count) peri_jw_text(commands, peri_buf_view(&command));
  peri_buf_fini(&command);
  return code;
}

static bool asked_for(const peri_remap_options *o, const peri_stream *s, peri_str entity) {
  return !o->stream_or_entity.n || peri_str_eq(o->stream_or_entity, s->name) || peri_str_eq(o->stream_or_entity, entity);
}

/* ---- all of them ---- */

static void begin_json(remapping *x) {
  peri_jw_init(&x->mw, &x->missing);
  peri_jw_array(&x->mw);
  peri_jw_init(&x->cw, &x->commands);
  peri_jw_array(&x->cw);
  peri_jw_init(&x->w, &x->json);
  peri_jw_object(&x->w);
  peri_jw_kv(&x->w, "integration", x->run->in->name);
  if (x->write) peri_jw_kv_c(&x->w, "runId", x->run->id);
  peri_jw_key_c(&x->w, "entities");
  peri_jw_object(&x->w);
}

static void end_json(remapping *x) {
  peri_jw_end_object(&x->w);
  peri_jw_end_array(&x->mw);
  peri_jw_end_array(&x->cw);
  peri_jw_kv_raw(&x->w, "missing", peri_buf_view(&x->missing));
  peri_jw_kv_raw(&x->w, "backfill", peri_buf_view(&x->commands)); /* what brings them */
  peri_jw_kv_bool(&x->w, "stopped", peri_run_stopping(x->run));
  peri_jw_end_object(&x->w);
}

static void leave(remapping *x) {
  x->done(x->self, &x->json, &x->err);
  peri_run_free(x->run);
  peri_buf_fini(&x->json);
  peri_buf_fini(&x->missing);
  peri_buf_fini(&x->commands);
  free(x);
}

static void close_work(void *self) {
  remapping *x = self;
  peri_err late = {0};
  const char *status = x->err.code ? "failed" : peri_run_stopping(x->run) ? "stopped" : "ok";
  if (peri_run_close(x->run->store, x->run->seq, status, &x->run->total, PERI_STR("{}"), x->err.code, peri_str_of(x->err.text), &late) && !x->err.code) x->err = late;
}

static void close_done(void *self) { leave(self); }

static void end_all(remapping *x) {
  peri_run *r = x->run;
  end_json(x);
  if (!x->err.code && !x->any)
    peri_fail(&x->err, PERI_NOT_FOUND, "%.*s has no stream or entity '%.*s'; see perilune connectors show %.*s", PERI_S(r->connector->name),
              PERI_S(x->o.stream_or_entity), PERI_S(r->connector->name));
  if (r->seq) peri_engine_post(r->g, close_work, close_done, x);
  else leave(x);
}

static void next_entity(remapping *x) {
  peri_run *r = x->run;
  for (; x->stream < r->connector->stream_count && !x->err.code && !peri_run_stopping(r); x->stream++, x->mapping = 0) {
    const peri_stream *s = &r->connector->streams[x->stream];
    const peri_mapping_info *infos[PERI_MAPPINGS_OF_STREAM_MAX];
    size_t n = peri_scripts_of_stream(r->scripts, r->in->type, s->name, infos, PERI_MAPPINGS_OF_STREAM_MAX);
    while (x->mapping < (n ? n : 1)) {
      const peri_mapping_info *info = n ? infos[x->mapping] : NULL;
      x->mapping++;
      x->m = (remap){.run = r, .o = &x->o, .all = x, .stream = s, .mapping = info, .entity = info ? info->entity : s->name, .hash = info ? info->hash : PERI_STR("")};
      if (!asked_for(&x->o, s, x->m.entity)) continue;
      x->any = true;
      x->m.arena = peri_arena_new();
      x->m.keys = peri_arena_new();
      x->m.left = x->o.most ? &x->left : NULL;
      peri_map_init(&x->m.handled, x->m.keys);
      remap_entity(&x->m);
      return;
    }
  }
  end_all(x);
}

static void add_counts(peri_counters *to, const peri_counters *n) {
  to->processed += n->processed;
  to->created += n->created;
  to->updated += n->updated;
  to->unchanged += n->unchanged;
  to->rejected += n->rejected;
  to->deleted += n->deleted;
  to->skipped += n->skipped;
}

static void entity_done(uv_timer_t *t) {
  remapping *x = t->data;
  uv_close((uv_handle_t *)t, (uv_close_cb)free);
  peri_run *r = x->run;
  remap *m = &x->m;
  peri_mapper_free(r->mapper);
  r->mapper = NULL;
  peri_arena_free(m->arena);
  peri_arena_free(m->keys);
  if (m->err.code) x->err = m->err;
  peri_jw_key(&x->w, m->entity);
  peri_jw_object(&x->w);
  peri_jw_kv_int(&x->w, "records", m->counted.processed);
  peri_jw_kv_int(&x->w, "created", m->counted.created);
  peri_jw_kv_int(&x->w, "updated", m->counted.updated);
  peri_jw_kv_int(&x->w, "unchanged", m->counted.unchanged);
  peri_jw_kv_int(&x->w, "rejected", m->counted.rejected);
  peri_jw_kv_int(&x->w, "deleted", m->counted.deleted);
  peri_jw_kv_int(&x->w, "skipped", m->counted.skipped);
  peri_jw_end_object(&x->w);
  if (!x->err.code) put_missing(r, m->mapping, m->stream, &x->mw, &x->cw, &x->err);
  add_counts(&r->total, &m->counted);
  next_entity(x);
}

static void open_work(void *self) {
  remapping *x = self;
  peri_run *r = x->run;
  peri_str asked = x->o.stream_or_entity, names = asked.n ? peri_arena_fmt(r->arena, "[\"%.*s\"]", PERI_S(asked)) : PERI_STR("[]");
  peri_run_open(r->store, r->in->id, x->o.rejects_only ? "replay" : "remap", names, peri_str_of(x->project->generation), &r->seq, r->id, &x->err);
}

static void open_done(void *self) {
  remapping *x = self;
  begin_json(x);
  next_entity(x);
}

static void on_prepared(void *self, const peri_err *e) {
  remapping *x = self;
  x->err = *e;
  x->run->started_ms = peri_now_ms();
  if (e->code) leave(x);
  else if (x->write) peri_engine_post(x->run->g, open_work, open_done, x);
  else open_done(x);
}

void peri_remap_start(peri_engine *g, const peri_project *project, const peri_remap_options *options, void (*done)(void *self, peri_buf *json, const peri_err *e), void *self) {
  remapping *x = peri_alloc(sizeof *x);
  x->project = project;
  x->o = *options;
  x->options = (peri_sync_options){.integration = options->integration};
  x->write = options->preview == NULL;
  x->left = options->most;
  x->done = done;
  x->self = self;
  x->run = peri_run_new(g, project, &x->options);
  peri_run_prepare_start(x->run, x->write ? PERI_PREPARE_SETTLED : PERI_PREPARE_PLAIN, on_prepared, x);
}

typedef struct awaited {
  peri_buf *json;
  peri_err err;
  bool done;
} awaited;

static void on_done(void *self, peri_buf *json, const peri_err *e) {
  awaited *w = self;
  peri_buf_str(w->json, peri_buf_view(json));
  w->err = *e;
  w->done = true;
}

peri_code peri_remap(peri_engine *g, const peri_project *project, const peri_remap_options *options, peri_buf *json, peri_err *e) {
  awaited w = {.json = json};
  peri_remap_start(g, project, options, on_done, &w);
  peri_engine_wait(g, &w.done);
  if (w.err.code && e) *e = w.err;
  return w.err.code;
}

/* ---- after a change ---- */

typedef struct replay {
  peri_run *run;
  void (*done)(peri_run *r);
} replay;

static void on_replayed(void *self, peri_buf *json, const peri_err *e) {
  replay *x = self;
  peri_run *r = x->run;
  void (*done)(peri_run *) = x->done;
  free(x);
  if (e->code) peri_log(PERI_WARN, "sync", "refused records could not be tried with the changed mapping: %s", e->text);
  else {
    r->replayed = *json;
    *json = (peri_buf){0};
  }
  done(r);
}

static bool is_due(peri_run *r, peri_err *e) {
  int64_t due = 0;
  for (size_t i = 0; i < r->scripts->mapping_count && !due; i++) {
    const peri_mapping_info *m = &r->scripts->mappings[i];
    if (peri_store_replay_due(r->store, r->in->id, m->entity, m->hash, &due, e)) return false;
  }
  return due > 0;
}

void peri_replay_changed(peri_run *r, void (*done)(peri_run *r)) {
  peri_err e = {0};
  if (!is_due(r, &e)) {
    if (e.code) peri_log(PERI_WARN, "sync", "refused records could not be looked through: %s", e.text);
    done(r);
    return;
  }
  replay *x = peri_alloc(sizeof *x);
  *x = (replay){r, done};
  peri_remap_options o = {.integration = r->in->name, .rejects_only = true, .changed_only = true, .most = PERI_REPLAY_MOST};
  peri_remap_start(r->g, r->project, &o, on_replayed, x);
}
