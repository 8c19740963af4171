/* plan/stamp: a stream's `updated` as a number that can be compared: ms, millionths of a decimal, or the integer itself.
 * A record without a sound one has no stamp; it is no reject. */
#include "plan/inside.h"

struct peri_stamp {
  peri_plan *plan;
  plan_field *field;
  peri_plan_view *view;
};

peri_stamp *peri_stamp_compile(peri_arena *a, const peri_node *updated, peri_paths *record_set, peri_err *e) {
  peri_err own = {0};
  plan_maker m = plan_maker_new(a, NULL, e ? e : &own);
  peri_node word = {.type = PERI_N_WORD, .word = PERI_STR("datetime")};
  if (updated && updated->type == PERI_N_WORD)
    word = *updated;
  else
    word.what = (peri_node *)(uintptr_t)updated; /* updated = "updatedAt" */
  peri_stamp *s = peri_arena_take(a, sizeof *s);
  s->plan = m.plan;
  s->field = plan_make_field(&m, &word, PERI_STR("updated"), 0);
  if (!s->field) return NULL;
  switch (s->field->kind) {
  case PK_DATETIME:
  case PK_DATE:
  case PK_INTEGER:
  case PK_NUMBER:
  case PK_DECIMAL: break;
  default: plan_refuse(&m, word.line, "updated wants a kind that can be compared: datetime, date, integer or decimal"); return NULL;
  }
  if (s->field->transform >= 0 || s->field->validate >= 0) {
    plan_refuse(&m, word.line, "updated can't call functions: it is read for records that are not mapped at all");
    return NULL;
  }
  s->view = peri_plan_view_new(a, m.plan, record_set, NULL, e);
  return s->view ? s : NULL;
}

static bool decimal_position(peri_str digits, int64_t *position) {
  peri_buf b = {0};
  bool ok = peri_decimal_canonical(digits, &b);
  if (ok) { /* digits after the sixth place are cut, not rounded: a stamp must never lie after its record */
    char *dot = memchr(b.p, '.', b.n);
    size_t whole = dot ? (size_t)(dot - b.p) : b.n, places = dot ? b.n - whole - 1 : 0;
    bool negative = b.n && b.p[0] == '-';
    int64_t value = 0;
    for (size_t i = negative; ok && i < whole; i++)
      ok = !__builtin_mul_overflow(value, 10, &value) && !__builtin_add_overflow(value, b.p[i] - '0', &value);
    for (size_t i = 0; ok && i < 6; i++) {
      int digit = i < places ? b.p[whole + 1 + i] - '0' : 0;
      ok = !__builtin_mul_overflow(value, 10, &value) && !__builtin_add_overflow(value, digit, &value);
    }
    *position = negative ? -value : value;
  }
  peri_buf_fini(&b);
  return ok;
}

static bool moment(plan_run *r, const plan_field *f, int64_t *ms) {
  for (size_t i = 0; i < f->source_count; i++) {
    plan_in in;
    plan_source_read(r, f->sources[i], &in);
    if (!plan_blank(r, f, &in)) return plan_moment(r, f, &in, ms);
  }
  return false;
}

bool peri_stamp_read(const peri_stamp *s, const peri_slot *slots, int64_t *position) {
  plan_scratch *scratch = plan_scratch_get();
  if (!scratch->arena) scratch->arena = peri_arena_new();
  peri_arena_reset(scratch->arena);
  peri_record_in record = {.slots = slots};
  plan_run r = {.plan = s->plan, .view = s->view, .record = &record, .arena = scratch->arena, .scratch = scratch};
  plan_val v;
  if (s->field->kind == PK_DATETIME || s->field->kind == PK_DATE) return moment(&r, s->field, position);
  if (!plan_field_value(&r, s->field, &v) || v.type != PT_NUMBER) return false;
  return s->field->kind == PK_INTEGER ? peri_number_i64(v.text, position) : decimal_position(v.text, position);
}
