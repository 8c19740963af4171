/* plan/run: one record's way: key, fields in their order, rules, and the row's JSON written as they come. With `rows`, the same
 * for each element. Allocates in the job's arena only. Never fails as a whole: what goes wrong is a reject of that row. */
#include <stdio.h>

#include "plan/inside.h"

plan_scratch *plan_scratch_get(void) {
  static plan_scratch scratch; /* one thread of a process runs plans at a time; a thread's own would leak with it (`--inline`) */
  return &scratch;
}

/* ---- views ---- */

peri_plan_view *peri_plan_view_new(peri_arena *a, const peri_plan *plan, peri_paths *record_set, peri_paths *parent_set, peri_err *e) {
  peri_plan_view *v = peri_arena_take(a, sizeof *v);
  v->plan = plan;
  v->parents = parent_set != NULL;
  v->slots = peri_arena_take(a, (plan->source_count + 1) * sizeof *v->slots);
  v->kept = peri_arena_take(a, (plan->field_count + 1) * sizeof *v->kept);
  for (size_t i = 0; i < plan->source_count; i++) {
    const plan_source *s = plan->sources[i];
    peri_paths *set = s->from == PF_RECORD ? record_set : s->from == PF_ELEMENT ? plan->element_set : s->from == PF_PARENT ? parent_set : NULL;
    v->slots[i] = -1;
    if (set && peri_paths_add(set, s->path, &v->slots[i], NULL, e)) return NULL;
  }
  return v;
}

/* ---- one row ---- */

/* The short way of a simple field. false: nothing is written, and the long way (field.c) has the word: odd values, defaults, failures. */
static bool put_simple(plan_run *r, const plan_field *f, peri_buf *b) {
  const plan_source *src = f->sources[0];
  const peri_slot *slot = &(src->from == PF_RECORD ? r->record->slots : r->element_slots)[r->view->slots[src->index]];
  peri_span s = slot->one;
  plan_in in;
  plan_val v;
  if (s.type <= PERI_J_NULL) {
    if (f->required || f->has_default || f->kept) return false;
    plan_put(b, "null", 4);
    return true;
  }
  if (s.type == PERI_J_STRING) {
    if (s.n < 3 || plan_space(s.p[1]) || s.p[1] == '\\') return false;
    if (f->quick && !s.escaped && !f->kept && !plan_space(s.p[s.n - 2])) {
      plan_put(b, s.p, s.n);
      return true;
    }
  }
  plan_in_span(&in, s);
  bool sound = f->map || f->closed ? plan_convert_one(r, f, &in, &v) : plan_kinds[f->kind].convert(r, f, &in, &v);
  if (!sound || (v.type == PT_NULL && f->required)) return false;
  plan_val_put(b, &v);
  if (f->kept) r->view->kept[f->number] = v;
  return true;
}

static bool put_field(plan_run *r, const plan_field *f, peri_buf *b) {
  plan_val v = {.type = PT_NULL}, currency = {.type = PT_NULL};
  const plan_field *own = f->kind == PK_WHEN ? plan_field_chosen(r, f) : f;
  if (r->trace) plan_trace_field(r, f, own);
  bool ok = !own || plan_field_value(r, own, &v);
  if (ok && own && own->currency_count && v.type != PT_NULL) ok = plan_currency(r, own, &currency);
  if (!ok) v = currency = (plan_val){.type = PT_NULL};
  if (r->trace) plan_trace_field_end(r, own, &v, !ok);
  if (r->trace && own && own->currency_name.n) plan_trace_currency(r, own, &currency);
  plan_val_put(b, &v);
  if (f->currency_prefix.n) {
    plan_put(b, f->currency_prefix.p, f->currency_prefix.n);
    plan_val_put(b, &currency);
  }
  if (f->kept) r->view->kept[f->number] = v;
  return ok;
}

static bool key_text(plan_run *r, peri_str *key) {
  const plan_field *f = r->plan->key;
  plan_val v;
  *key = (peri_str){"", 0};
  if (!plan_field_value(r, f, &v)) return false;
  if (v.type == PT_BOOL) v.text = v.b ? PERI_STR("true") : PERI_STR("false");
  if (v.text.n > PERI_KEY_BYTES_MAX)
    return plan_fails(r, f, "type", plan_val_shown(r, &v), "wanted a key of at most %d bytes, got %zu", PERI_KEY_BYTES_MAX, v.text.n);
  *key = v.text;
  return true;
}

/* Fields up to the first that ran out of time or memory. */
static void put_fields(plan_run *r, bool *failed) {
  const peri_plan *p = r->plan;
  peri_buf *b = &r->scratch->row;
  for (size_t i = 0; i < p->field_count && !r->stop; i++) {
    const plan_field *f = p->fields[i];
    plan_put(b, f->prefix.p, f->prefix.n);
    if (f->simple && !r->trace && put_simple(r, f, b)) continue;
    if (put_field(r, f, b)) continue;
    plan_fail_add(r);
    failed[i] = true;
  }
  plan_put(b, p->tail.p, p->tail.n);
}

static void one_row(plan_run *r, peri_row *row) {
  bool failed[PERI_FIELDS_MAX];
  plan_outcome outcome = PO_FINE;
  r->fail_count = r->warning_count = 0;
  r->stop = false;
  *row = (peri_row){.verdict = PERI_ROW};
  if (r->plan->rule_count) memset(failed, 0, r->plan->field_count);
  peri_buf_clear(&r->scratch->row);
  peri_buf_clear(&r->scratch->warnings);
  if (r->trace) plan_trace_row(r);
  if (!key_text(r, &row->key)) plan_fail_add(r);
  put_fields(r, failed);
  if (r->plan->rule_count) outcome = plan_rules(r, row->key, failed);
  if (outcome == PO_SKIP) {
    row->verdict = PERI_SKIP;
  } else if (r->fail_count) {
    row->verdict = PERI_REJECT;
    plan_fail_reject(r, row->key, &row->reject);
  } else {
    row->data = peri_arena_str(r->arena, peri_buf_view(&r->scratch->row));
    if (r->scratch->warnings.n) {
      peri_buf_char(&r->scratch->warnings, ']');
      row->warnings = peri_arena_str(r->arena, peri_buf_view(&r->scratch->warnings));
    }
  }
  if (r->trace) plan_trace_row_end(r, row);
}

static void reject_row(plan_run *r, peri_row *row, peri_str key, const char *code, peri_str message, peri_str shown) {
  *row = (peri_row){.verdict = PERI_REJECT, .key = key};
  row->reject = (peri_reject){.external_id = key,
                              .entity = r->plan->entity,
                              .field = PERI_STR(""),
                              .code = peri_str_of(code),
                              .message = message,
                              .file = r->plan->path,
                              .line = r->plan->line,
                              .value_shown = shown};
}

/* ---- many rows of one record ---- */

static const peri_span *row_elements(plan_run *r, size_t *count) {
  const plan_source *s = r->plan->rows;
  const peri_slot *slot = &r->record->slots[r->view->slots[s->index]];
  *count = slot->count;
  if (s->many) return slot->many;
  *count = slot->one.type > PERI_J_NULL;
  if (slot->one.type != PERI_J_ARRAY) return &slot->one; /* APIs leave the brackets out for one */
  peri_span *list = NULL, element;
  size_t cap = 0;
  *count = 0;
  for (peri_span_iter i = peri_span_open(slot->one); peri_span_next(&i, &element); (*count)++) {
    list = peri_arena_grow(r->arena, list, *count, &cap, sizeof *list);
    list[*count] = element;
  }
  return list;
}

static void run_rows(plan_run *r, peri_row **rows, size_t *count) {
  const peri_span *elements = row_elements(r, count);
  peri_slot *slots = peri_arena_take(r->arena, ((size_t)peri_paths_count(r->plan->element_set) + 1) * sizeof *slots);
  peri_map seen;
  peri_map_init(&seen, r->arena);
  *rows = *count ? peri_arena_take(r->arena, *count * sizeof **rows) : NULL;
  for (size_t i = 0; i < *count; i++) {
    peri_json_fault fault;
    peri_row *row = &(*rows)[i];
    r->element_raw = peri_span_raw(elements[i]);
    r->element_slots = slots;
    r->number = (uint32_t)i + 1;
    if (!peri_paths_walk(r->plan->element_set, r->element_raw, slots, r->arena, &fault)) {
      reject_row(r, row, PERI_STR(""), "invalid_json", peri_arena_fmt(r->arena, "element %zu: %s", i + 1, fault.what),
                 plan_shown(r->arena, r->element_raw));
      continue;
    }
    one_row(r, row);
    if (row->verdict == PERI_ROW && !peri_map_put(&seen, row->key, row))
      reject_row(
          r, row, row->key, "rule",
          peri_arena_fmt(r->arena, "element %zu: another row of this record has the key %.*s, too", i + 1, PERI_S(plan_shown(r->arena, row->key))),
          row->key);
  }
}

static void run_one(plan_run *r, peri_row **rows, size_t *count) {
  if (r->plan->rows) {
    run_rows(r, rows, count);
    return;
  }
  *rows = peri_arena_take(r->arena, sizeof **rows);
  *count = 1;
  one_row(r, *rows);
}

void peri_plan_run(const peri_plan_view *view, peri_caller *caller, const peri_record_in *record, peri_arena *arena, peri_row **rows, size_t *count) {
  plan_run r = {.plan = view->plan, .view = view, .record = record, .caller = caller, .arena = arena, .scratch = plan_scratch_get()};
  r.element_raw = record->raw;
  r.element_slots = record->slots;
  r.parent_slots = view->parents ? record->parent_slots : NULL;
  if (!record->fault) {
    plan_trace *trace = NULL;
    if (record->trace) plan_trace_begin(&r, &trace);
    run_one(&r, rows, count);
    if (trace) plan_trace_end(&r);
    return;
  }
  *rows = peri_arena_take(arena, sizeof **rows);
  *count = 1;
  char text[256];
  peri_json_fault_text(record->fault, record->raw, text, sizeof text);
  reject_row(&r, *rows, PERI_STR(""), "invalid_json", peri_arena_fmt(arena, "the record is no sound JSON: %s", text), plan_shown(arena, record->raw));
}
