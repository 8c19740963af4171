/* core/preview: see the header. The cases are those of store/remap.c, in its order; tests/e2e/plan.sh holds one against the other.
 * Start at batch(), then record(). */
#include "core/preview.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/show.h"

#define SAMPLES 3
#define REJECT_SAMPLES 5
#define SAMPLE_BYTES 200
#define FIELDS_MAX (2 * PERI_FIELDS_MAX) /* those of the new mapping and those that it drops */

typedef struct sample {
  peri_str id, was, is;
} sample;

typedef struct field {
  peri_str name;
  bool gone; /* the new mapping has no such field */
  int64_t set, cleared, changed;
  sample samples[SAMPLES];
  size_t sample_count;
} field;

typedef struct preview {
  peri_run *run;
  const peri_preview_options *o;
  const peri_mapping_info *mapping;
  peri_arena *arena; /* fields, samples */
  peri_arena *batch; /* of a record */
  peri_map fields;
  field *list[FIELDS_MAX];
  size_t field_count;
  int64_t newly_rejected, newly_accepted;
  peri_str rejects[REJECT_SAMPLES];
  size_t reject_count;
  peri_str plan;
} preview;

/* ---- fields ---- */

static field *field_named(preview *p, peri_str name, bool gone) {
  field *f = peri_map_get(&p->fields, name);
  if (f || p->field_count == FIELDS_MAX) return f;
  f = peri_arena_take(p->arena, sizeof *f);
  f->name = peri_arena_str(p->arena, name);
  f->gone = gone;
  peri_map_put(&p->fields, f->name, f);
  p->list[p->field_count++] = f;
  return f;
}

static bool is_null(const peri_json *v) { return !v || v->type == PERI_J_NULL; }

static peri_str shown(preview *p, const peri_json *v) {
  if (!v) return PERI_STR("null");
  if (v->raw.n <= SAMPLE_BYTES) return peri_arena_str(p->arena, v->raw);
  peri_buf b = {0};
  peri_str raw = peri_redacted(p->batch, v->raw); /* before the cut: half a secret is known by nobody */
  peri_json_quote(&b, peri_arena_fmt(p->batch, "%.*s\xE2\x80\xA6", (int)peri_show_edge(raw, SAMPLE_BYTES), raw.p));
  peri_str kept = peri_arena_str(p->arena, peri_buf_view(&b));
  peri_buf_fini(&b);
  return kept;
}

static void compare(preview *p, field *f, peri_str id, const peri_json *was, const peri_json *is) {
  if (!f || (is_null(was) && is_null(is)) || (!is_null(was) && !is_null(is) && peri_str_eq(was->raw, is->raw))) return;
  if (is_null(was)) f->set++;
  else if (is_null(is)) f->cleared++;
  else f->changed++;
  if (f->sample_count == SAMPLES) return;
  f->samples[f->sample_count++] = (sample){peri_arena_str(p->arena, id), shown(p, was), shown(p, is)};
}

/* What was there and the new mapping has no field for: the leaves below what it has none of. */
static void dropped(preview *p, peri_str id, const peri_json *old, peri_str prefix) {
  for (const peri_json *m = old ? old->first : NULL; m; m = m->next) {
    peri_str name = prefix.n ? peri_arena_fmt(p->batch, "%.*s.%.*s", PERI_S(prefix), PERI_S(m->key)) : m->key;
    const field *known = peri_map_get(&p->fields, name);
    if (known && !known->gone) continue;
    peri_str below = peri_arena_fmt(p->batch, "%.*s.", PERI_S(name));
    bool holds = false;
    for (size_t i = 0; i < p->field_count && !holds; i++) holds = !p->list[i]->gone && peri_str_starts(p->list[i]->name, below);
    if (holds && m->type == PERI_J_OBJECT) dropped(p, id, m, name);
    else if (!holds) compare(p, field_named(p, name, true), id, m, NULL);
  }
}

static void compare_rows(preview *p, peri_str id, peri_str was, peri_str is) {
  peri_json_fault fault;
  const peri_json *old = peri_json_parse(p->batch, was, &fault), *now = peri_json_parse(p->batch, is, &fault);
  size_t own = p->field_count;
  for (size_t i = 0; i < own; i++)
    if (!p->list[i]->gone) compare(p, p->list[i], id, peri_json_at(old, p->list[i]->name), peri_json_at(now, p->list[i]->name));
  if (p->mapping) dropped(p, id, old, PERI_STR(""));
}

/* ---- one record ---- */

typedef enum what { CREATED, UPDATED, UNCHANGED, REJECTED, DELETED, SKIPPED } what;

static void tell(preview *p, what w, peri_str id, peri_str data) {
  static const char *const names[] = {"created", "updated", "unchanged", "rejected", "deleted", "skipped"};
  if (!p->o->row) return;
  peri_buf b = {0};
  peri_jw j;
  peri_jw_init(&j, &b);
  peri_jw_object(&j);
  peri_jw_kv(&j, "integration", p->run->in->name);
  peri_jw_kv(&j, "id", id);
  peri_jw_kv_c(&j, "change", names[w]);
  if (data.n) peri_jw_kv_raw(&j, "data", data);
  peri_jw_end_object(&j);
  p->o->row(p->o->row_self, peri_buf_view(&b));
  peri_buf_fini(&b);
}

static void count(preview *p, peri_counters *n, what w, peri_str id, peri_str data) {
  int64_t *of[] = {&n->created, &n->updated, &n->unchanged, &n->rejected, &n->deleted, &n->skipped};
  (*of[w])++;
  tell(p, w, id, data);
}

static bool same(const uint8_t a[16], const uint8_t b[16]) { return memcmp(a, b, 16) == 0; }
static bool older(int64_t updated, int64_t stored) { return updated != INT64_MIN && stored != INT64_MIN && updated < stored; }

static void put_reject(preview *p, const peri_commit_row *r) {
  if (p->reject_count == REJECT_SAMPLES) return;
  peri_json_fault fault;
  const peri_json *j = peri_json_parse(p->batch, r->reject_json, &fault);
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_jw_kv(&w, "id", r->record_key);
  peri_jw_kv(&w, "field", peri_json_get_text(j, "field"));
  peri_jw_kv(&w, "code", peri_json_get_text(j, "code"));
  peri_jw_kv(&w, "message", peri_json_get_text(j, "message"));
  peri_jw_end_object(&w);
  p->rejects[p->reject_count++] = peri_arena_str(p->arena, peri_buf_view(&b));
  peri_buf_fini(&b);
}

static const peri_row_now *row_called(const peri_row_now *rows, size_t row_count, peri_str key) {
  for (size_t i = 0; i < row_count; i++)
    if (peri_str_eq(rows[i].external, key)) return &rows[i];
  return NULL;
}

/* As peri_row_put decides. */
static void put_row(preview *p, const peri_commit_row *r, const peri_row_now *f, peri_counters *n) {
  if (!f) {
    count(p, n, CREATED, r->key, r->data);
    return;
  }
  bool lifts = r->updated == INT64_MIN || f->updated == INT64_MIN || r->updated > f->updated || (r->updated == f->updated && !f->final);
  bool stays = f->dead ? !lifts : older(r->updated, f->updated);
  if (stays || (!f->dead && same(f->data_hash, r->data_hash))) {
    count(p, n, UNCHANGED, r->key, stays ? f->data : r->data);
    return;
  }
  compare_rows(p, r->key, f->data, r->data);
  count(p, n, UPDATED, r->key, r->data);
}

static void put_set(preview *p, const peri_commit_row *rows, size_t row_count, const peri_row_now *old, size_t old_count, peri_counters *n) {
  peri_map keys;
  peri_map_init(&keys, p->batch);
  for (size_t i = 0; i < old_count; i++)
    if (old[i].of_record && !old[i].dead && older(rows[0].updated, old[i].updated)) {
      n->unchanged += (int64_t)row_count;
      return;
    }
  for (size_t i = 0; i < row_count; i++) {
    peri_err e;
    peri_row_now *found;
    size_t found_count;
    if (!peri_map_put(&keys, rows[i].key, &keys)) {
      n->unchanged++;
      continue;
    }
    if (peri_store_rows_now(p->run->store, p->batch, p->run->in->id, p->mapping->entity, rows[i].record_key, rows[i].key, &found, &found_count, &e)) found_count = 0;
    put_row(p, &rows[i], row_called(found, found_count, rows[i].key), n);
  }
  for (size_t i = 0; i < old_count; i++)
    if (old[i].of_record && !old[i].dead && !peri_map_has(&keys, old[i].external)) count(p, n, DELETED, old[i].external, (peri_str){0});
}

static void good(preview *p, const peri_commit_row *rows, size_t row_count, const peri_row_now *old, size_t old_count, bool dead, peri_counters *n) {
  const peri_commit_row *r = rows;
  const peri_row_now *own = row_called(old, old_count, r->key);
  bool in_place = !r->set && own && own->of_record && !own->in_set && own->has_raw && same(own->raw_hash, r->raw_hash);
  if (in_place) { /* its own bytes, whatever became of it since: a tombstone stays one, unless only a rule made it so */
    bool equal = same(own->data_hash, r->data_hash);
    if (!equal) compare_rows(p, r->key, own->data, r->data);
    count(p, n, equal && !own->skipped ? UNCHANGED : UPDATED, r->key, r->data);
  } else if (dead) {
    count(p, n, UNCHANGED, r->record_key, (peri_str){0});
  } else if (r->set) {
    put_set(p, rows, row_count, old, old_count, n);
  } else {
    put_row(p, r, own, n);
    for (size_t i = 0; i < old_count; i++)
      if (old[i].of_record && old[i].in_set && !old[i].dead && !peri_str_eq(old[i].external, r->key)) count(p, n, DELETED, old[i].external, (peri_str){0});
  }
  p->newly_accepted += r->source == 1;
}

static peri_code record(preview *p, const peri_commit_row *rows, size_t row_count, peri_counters *n, peri_err *e) {
  const peri_commit_row *r = rows;
  peri_row_now *old;
  size_t old_count, live = 0, own = 0;
  bool stale = false;
  peri_arena_reset(p->batch);
  peri_code code = peri_store_rows_now(p->run->store, p->batch, p->run->in->id, r->entity, r->record_key, r->key, &old, &old_count, e);
  if (code) return code;
  for (size_t i = 0; i < old_count; i++) own += old[i].of_record, live += old[i].of_record && !old[i].dead, stale = stale || (old[i].of_record && old[i].stale);
  bool dead = own && !live && r->source == 0;
  if (r->verdict == 1) {
    good(p, rows, row_count, old, old_count, dead, n);
  } else if (dead || (stale && r->source == 0)) {
    count(p, n, UNCHANGED, r->record_key, (peri_str){0});
  } else if (r->verdict == 2) {
    if (r->source != 1) {
      p->newly_rejected++;
      put_reject(p, r);
    }
    count(p, n, REJECTED, r->record_key, (peri_str){0});
  } else if (!live) {
    count(p, n, SKIPPED, r->record_key, (peri_str){0});
  } else
    for (size_t i = 0; i < old_count; i++)
      if (old[i].of_record && !old[i].dead) count(p, n, DELETED, old[i].external, (peri_str){0});
  return PERI_OK;
}

/* ---- what remap calls ---- */

static void begin(void *self, peri_run *r, const peri_mapping_info *mapping) {
  preview *p = self;
  p->run = r;
  p->mapping = mapping;
  if (mapping) p->plan = peri_arena_str(p->arena, mapping->hash);
  const peri_json *fields = mapping ? peri_json_get(mapping->plan, "fields") : NULL;
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) field_named(p, peri_json_get_text(f, "name"), false);
}

static peri_code batch(void *self, const peri_commit *c, peri_counters *n, peri_err *e) {
  preview *p = self;
  peri_code code = PERI_OK;
  for (size_t i = 0, used = 1; i < c->row_count && !code; i += used) {
    const peri_commit_row *r = &c->rows[i];
    used = 1;
    while (r->verdict == 1 && r->set && i + used < c->row_count && c->rows[i + used].verdict == 1 && c->rows[i + used].set &&
           peri_str_eq(c->rows[i + used].record_key, r->record_key))
      used++;
    code = record(p, r, used, n, e);
  }
  return code;
}

/* ---- the answer ---- */

static void put_fields(const preview *p, peri_jw *w) {
  peri_jw_array(w);
  for (size_t i = 0; i < p->field_count; i++) {
    const field *f = p->list[i];
    if (!f->set && !f->cleared && !f->changed) continue;
    peri_jw_object(w);
    peri_jw_kv(w, "name", f->name);
    peri_jw_kv_int(w, "set", f->set);
    peri_jw_kv_int(w, "cleared", f->cleared);
    peri_jw_kv_int(w, "changed", f->changed);
    if (f->gone) peri_jw_kv_bool(w, "dropped", true);
    peri_jw_key_c(w, "samples");
    peri_jw_array(w);
    for (size_t k = 0; k < f->sample_count; k++) {
      peri_jw_object(w);
      peri_jw_kv(w, "id", f->samples[k].id);
      peri_jw_kv_raw(w, "old", f->samples[k].was);
      peri_jw_kv_raw(w, "new", f->samples[k].is);
      peri_jw_end_object(w);
    }
    peri_jw_end_array(w);
    peri_jw_end_object(w);
  }
  peri_jw_end_array(w);
}

static void put_answer(const preview *p, const peri_json *made, peri_buf *json) {
  static const char *const keys[] = {"records", "created", "updated", "unchanged", "rejected", "deleted", "skipped"};
  const peri_json *entities = peri_json_get(made, "entities"), *n = entities ? entities->first : NULL, *missing = peri_json_get(made, "missing");
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  peri_jw_kv(&w, "integration", peri_json_get_text(made, "integration"));
  peri_jw_kv(&w, "entity", n ? n->key : (peri_str){0});
  peri_jw_kv(&w, "plan", p->plan);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) peri_jw_kv_int(&w, keys[i], peri_json_get_int(n, keys[i], 0));
  peri_jw_kv_int(&w, "newlyRejected", p->newly_rejected);
  peri_jw_kv_int(&w, "newlyAccepted", p->newly_accepted);
  peri_jw_key_c(&w, "fields");
  put_fields(p, &w);
  peri_jw_key_c(&w, "rejects");
  peri_jw_array(&w);
  for (size_t i = 0; i < p->reject_count; i++) peri_jw_raw(&w, p->rejects[i]);
  peri_jw_end_array(&w);
  peri_jw_kv_raw(&w, "missing", missing ? missing->raw : PERI_STR("[]"));
  peri_jw_kv_bool(&w, "stopped", peri_json_get_bool(made, "stopped", false));
  peri_jw_end_object(&w);
}

peri_code peri_preview_run(peri_engine *g, const peri_project *project, const peri_preview_options *o, peri_buf *json, peri_err *e) {
  preview *p = peri_alloc(sizeof *p);
  p->o = o;
  p->arena = peri_arena_new();
  p->batch = peri_arena_new();
  peri_map_init(&p->fields, p->arena);
  peri_preview hook = {.self = p, .begin = begin, .batch = batch};
  peri_remap_options remap = {.integration = o->integration, .stream_or_entity = o->entity, .preview = &hook, .progress = o->progress, .progress_self = o->progress_self};
  peri_buf made = {0};
  peri_json_fault fault;
  peri_code code = peri_remap(g, project, &remap, &made, e);
  if (!code) put_answer(p, peri_json_parse(p->arena, peri_buf_view(&made), &fault), json);
  peri_buf_fini(&made);
  peri_arena_free(p->arena);
  peri_arena_free(p->batch);
  free(p);
  return code;
}
