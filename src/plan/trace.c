/* plan/trace: the way of each value of one record, told as JSON while it is mapped: what was read, and after each step what it was, where the step changed
 * it; how a field failed, and which rule left the row out. For `perilune why`: no run of many records pays more for it than a test of a pointer.
 * Refuses long values: they are cut, and it says so. */
#include "base/show.h"
#include "plan/inside.h"

struct plan_trace {
  peri_jw w;
  const plan_field *field; /* whose steps are told; elements of lists have fields of their own, and stay silent */
  peri_buf last, now;      /* the value before, as JSON */
};

static void put_json(peri_jw *w, const char *key, peri_str json) {
  peri_jw_key_c(w, key);
  if (!json.n) peri_jw_null(w);
  else if (json.n <= PERI_TRACED_BYTES_MAX) peri_jw_raw(w, json);
  else {
    peri_buf b = {0};
    peri_buf_put(&b, json.p, peri_show_edge(json, PERI_TRACED_BYTES_MAX));
    peri_buf_put(&b, "\xE2\x80\xA6", 3);
    peri_jw_text(w, peri_buf_view(&b));
    peri_buf_fini(&b);
    peri_jw_kv_int(w, "bytes", (int64_t)json.n);
  }
}

static void put_in(plan_run *r, plan_in *in, peri_buf *out) {
  peri_value v;
  if (in->raw.n) {
    peri_buf_str(out, in->raw);
    return;
  }
  plan_in_to_value(r, in, true, &v);
  plan_value_put(out, &v, PERI_TRACED_BYTES_MAX);
}

static void put_where(peri_jw *w, peri_str file, int line) {
  peri_jw_kv(w, "file", file);
  peri_jw_kv_int(w, "line", line);
}

/* ---- rows ---- */

void plan_trace_begin(plan_run *r, plan_trace **room) {
  if (!r->record->trace) return;
  r->trace = *room = peri_arena_take(r->arena, sizeof **room);
  peri_jw_init(&r->trace->w, r->record->trace);
  peri_jw_object(&r->trace->w);
  peri_jw_kv(&r->trace->w, "entity", r->plan->entity);
  peri_jw_kv_c(&r->trace->w, "plan", r->plan->hash);
  peri_jw_key_c(&r->trace->w, "rows");
  peri_jw_array(&r->trace->w);
}

void plan_trace_end(plan_run *r) {
  peri_jw_end_array(&r->trace->w);
  peri_jw_end_object(&r->trace->w);
  peri_buf_fini(&r->trace->last);
  peri_buf_fini(&r->trace->now);
}

void plan_trace_row(plan_run *r) {
  peri_jw_object(&r->trace->w);
  peri_jw_key_c(&r->trace->w, "fields");
  peri_jw_array(&r->trace->w);
}

void plan_trace_row_end(plan_run *r, const peri_row *row) {
  static const char *const verdicts[] = {"", "row", "reject", "skip"};
  peri_jw *w = &r->trace->w;
  peri_jw_end_array(w);
  peri_jw_kv(w, "key", row->key);
  peri_jw_kv_c(w, "verdict", verdicts[row->verdict]);
  if (row->verdict == PERI_SKIP) {
    peri_jw_key_c(w, "rule");
    peri_jw_object(w);
    peri_jw_kv(w, "message", r->last.message);
    put_where(w, r->last.file, r->last.line);
    peri_jw_end_object(w);
  }
  peri_jw_end_object(w);
}

/* ---- fields ---- */

static void put_reads(plan_run *r, plan_source *const *sources, size_t count) {
  peri_jw *w = &r->trace->w;
  for (size_t i = 0; i < count; i++) {
    plan_in in;
    peri_buf_clear(&r->trace->now);
    plan_source_read(r, sources[i], &in);
    put_in(r, &in, &r->trace->now);
    peri_jw_object(w);
    peri_jw_kv(w, "path", sources[i]->full);
    put_json(w, "value", peri_buf_view(&r->trace->now));
    peri_jw_end_object(w);
  }
}

void plan_trace_field(plan_run *r, const plan_field *f, const plan_field *own) {
  plan_trace *t = r->trace;
  peri_jw *w = &t->w;
  peri_jw_object(w);
  peri_jw_kv(w, "name", f->name);
  peri_jw_kv_c(w, "kind", own ? plan_kinds[own->kind].name : "null");
  put_where(w, own ? own->file : f->file, own ? own->line : f->line);
  peri_buf_clear(&t->now);
  plan_lineage(&t->now, f);
  peri_jw_kv(w, "how", peri_buf_view(&t->now));
  peri_jw_key_c(w, "read");
  peri_jw_array(w);
  if (f->kind == PK_WHEN) put_reads(r, (plan_source *const *)&f->choose, 1);
  if (own) put_reads(r, own->sources, own->source_count);
  peri_jw_end_array(w);
  peri_jw_key_c(w, "steps");
  peri_jw_array(w);
  t->field = own;
  peri_buf_clear(&t->last);
  if (own && own->source_count == 1) {
    plan_in in;
    plan_source_read(r, own->sources[0], &in);
    put_in(r, &in, &t->last);
  }
}

static void step(plan_run *r, const char *name, peri_str file, int line) {
  plan_trace *t = r->trace;
  if (peri_str_eq(peri_buf_view(&t->last), peri_buf_view(&t->now))) return;
  peri_jw_object(&t->w);
  peri_jw_kv_c(&t->w, "step", name);
  if (line) put_where(&t->w, file, line);
  put_json(&t->w, "value", peri_buf_view(&t->now));
  peri_jw_end_object(&t->w);
  peri_buf_clear(&t->last);
  peri_buf_str(&t->last, peri_buf_view(&t->now));
}

void plan_trace_in(plan_run *r, const plan_field *f, const char *name, plan_in *in) {
  if (f != r->trace->field) return;
  bool called = in->made && strcmp(name, "transform") == 0;
  peri_buf_clear(&r->trace->now);
  put_in(r, in, &r->trace->now);
  step(r, name, f->transform_file, called ? f->transform_line : 0);
}

void plan_trace_val(plan_run *r, const plan_field *f, const char *name, const plan_val *v) {
  if (f != r->trace->field) return;
  peri_buf_clear(&r->trace->now);
  plan_val_put(&r->trace->now, v);
  step(r, name, (peri_str){0}, 0);
}

void plan_trace_text(plan_run *r, const plan_field *f, const char *name, peri_str text) {
  if (f != r->trace->field) return;
  peri_buf_clear(&r->trace->now);
  peri_json_quote(&r->trace->now, text);
  step(r, name, (peri_str){0}, 0);
}

static void put_checks(plan_run *r, const plan_field *f) {
  peri_jw *w = &r->trace->w;
  if (f->required) peri_jw_c(w, "required");
  if (f->has_min) peri_jw_text(w, peri_arena_fmt(r->arena, "min %.*s", PERI_S(f->min_shown)));
  if (f->has_max) peri_jw_text(w, peri_arena_fmt(r->arena, "max %.*s", PERI_S(f->max_shown)));
  if (f->pattern.n) peri_jw_text(w, peri_arena_fmt(r->arena, "pattern %.*s", PERI_S(f->pattern)));
  if (f->validate >= 0) peri_jw_text(w, peri_arena_fmt(r->arena, "validate (%.*s:%d)", PERI_S(f->validate_file), f->validate_line));
}

/* failed: r->last says how, though on_error may have found another value. */
void plan_trace_field_end(plan_run *r, const plan_field *own, const plan_val *v, bool failed) {
  plan_trace *t = r->trace;
  peri_jw *w = &t->w;
  if (own && !failed) plan_trace_val(r, own, own->kind == PK_ID ? "key" : plan_kinds[own->kind].name, v);
  t->field = NULL;
  peri_jw_end_array(w);
  if (failed) {
    peri_jw_key_c(w, "failed");
    peri_jw_object(w);
    peri_jw_kv_c(w, "code", r->last.code);
    peri_jw_kv(w, "message", r->last.message);
    put_where(w, r->last.file, r->last.line);
    peri_jw_end_object(w);
  } else if (own && v->type != PT_NULL) {
    peri_jw_key_c(w, "checks");
    peri_jw_array(w);
    put_checks(r, own);
    peri_jw_end_array(w);
  }
  peri_buf_clear(&t->now);
  plan_val_put(&t->now, v);
  put_json(w, "value", peri_buf_view(&t->now));
  peri_jw_end_object(w);
}

void plan_trace_currency(plan_run *r, const plan_field *own, const plan_val *v) {
  peri_jw *w = &r->trace->w;
  peri_jw_object(w);
  peri_jw_kv(w, "name", own->currency_name);
  peri_jw_kv_c(w, "kind", "text");
  put_where(w, own->file, own->line);
  peri_jw_key_c(w, "read");
  peri_jw_array(w);
  put_reads(r, own->currency, own->currency_count);
  peri_jw_end_array(w);
  peri_buf_clear(&r->trace->now);
  plan_val_put(&r->trace->now, v);
  put_json(w, "value", peri_buf_view(&r->trace->now));
  peri_jw_end_object(w);
}
