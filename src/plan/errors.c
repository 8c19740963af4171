/* plan/errors: what a reject says: the field, the value seen, what was wanted. The value is cut short and made printable:
 * it goes to terminals and logs. Builds texts only when something failed. */
#include <stdio.h>

#include "base/show.h"
#include "plan/inside.h"

peri_str plan_shown(peri_arena *a, peri_str raw) { return peri_shown(a, raw, PLAN_SHOWN_MAX); }

void plan_value_put(peri_buf *out, const peri_value *v, size_t most) {
  switch (v->type) {
  case PERI_V_NULL: peri_buf_c_str(out, "null"); return;
  case PERI_V_BOOL: peri_buf_c_str(out, v->u.b ? "true" : "false"); return;
  case PERI_V_INT: peri_buf_fmt(out, "%lld", (long long)v->u.i); return;
  case PERI_V_NUM: peri_buf_fmt(out, "%.17g", v->u.d); return;
  case PERI_V_TEXT: peri_json_quote(out, v->u.s); return;
  case PERI_V_JSON: peri_buf_str(out, v->u.s); return;
  case PERI_V_LIST:
    peri_buf_char(out, '[');
    for (size_t i = 0; i < v->u.list.count && out->n <= most; i++) {
      if (i) peri_buf_char(out, ',');
      plan_value_put(out, &v->u.list.items[i], most);
    }
    peri_buf_char(out, ']');
    return;
  }
}

peri_str plan_in_shown(plan_run *r, const plan_in *in) {
  if (in->raw.n) return plan_shown(r->arena, in->raw);
  peri_buf *b = &r->scratch->names;
  peri_buf_clear(b);
  switch (in->type) {
  case PERI_J_TRUE: return PERI_STR("true");
  case PERI_J_FALSE: return PERI_STR("false");
  case PERI_J_STRING: peri_json_quote(b, in->text); break;
  case PERI_J_ARRAY:
    peri_buf_char(b, '[');
    for (size_t i = 0; i < in->count && b->n <= PLAN_SHOWN_MAX; i++) {
      if (i) peri_buf_char(b, ',');
      if (in->values)
        plan_value_put(b, &in->values[i], PLAN_SHOWN_MAX);
      else
        peri_buf_put(b, in->spans[i].p, in->spans[i].n);
    }
    peri_buf_char(b, ']');
    break;
  default: return PERI_STR("null");
  }
  return plan_shown(r->arena, peri_buf_view(b));
}

peri_str plan_val_shown(plan_run *r, const plan_val *v) {
  peri_buf *b = &r->scratch->names;
  peri_buf_clear(b);
  plan_val_put(b, v);
  return plan_shown(r->arena, peri_buf_view(b));
}

static bool fail_text(plan_run *r, const plan_field *f, const char *code, peri_str shown, const char *text) {
  r->last = (plan_fail){.field = f->name, .code = code, .shown = shown, .file = f->file.n ? f->file : r->plan->path, .line = f->line};
  r->last.message = peri_arena_str(r->arena, peri_str_of(text));
  return false;
}

bool plan_wrong(plan_run *r, const plan_field *f, const plan_in *in, const char *wanted, ...) {
  char want[256], text[1024];
  va_list args;
  va_start(args, wanted);
  vsnprintf(want, sizeof want, wanted, args);
  va_end(args);
  peri_str shown = plan_in_shown(r, in);
  snprintf(text, sizeof text, "%.*s: wanted %s, got %.*s", (int)(f->name.n > 200 ? 200 : f->name.n), f->name.p, want, PERI_S(shown));
  return fail_text(r, f, "type", shown, text);
}

bool plan_fails(plan_run *r, const plan_field *f, const char *code, peri_str shown, const char *format, ...) {
  char text[PERI_ERROR_TEXT_MAX];
  int at = snprintf(text, sizeof text, "%.*s: ", (int)(f->name.n > 200 ? 200 : f->name.n), f->name.p);
  va_list args;
  va_start(args, format);
  vsnprintf(text + at, sizeof text - (size_t)at, format, args);
  va_end(args);
  size_t n = strlen(text);
  if (n == sizeof text - 1) /* cut in the middle of a character? */
    while (n && ((unsigned char)text[n - 1] & 0x80) && !peri_utf8_valid((peri_str){text, n})) text[--n] = 0;
  return fail_text(r, f, code, shown, text);
}

void plan_fail_add(plan_run *r) {
  if (r->fail_count < PLAN_FAILS_MAX) r->scratch->fails[r->fail_count++] = r->last;
}

void plan_fail_reject(plan_run *r, peri_str key, peri_reject *reject) {
  const plan_fail *first = &r->scratch->fails[0];
  *reject = (peri_reject){.external_id = key,
                          .entity = r->plan->entity,
                          .field = first->field,
                          .code = peri_str_of(first->code),
                          .message = first->message,
                          .file = first->file,
                          .line = first->line,
                          .value_shown = first->shown};
  if (r->fail_count < 2) return;
  peri_buf *b = &r->scratch->names;
  peri_jw w;
  peri_buf_clear(b);
  peri_jw_init(&w, b);
  peri_jw_array(&w);
  for (size_t i = 1; i < r->fail_count; i++) {
    peri_jw_object(&w);
    peri_jw_kv(&w, "field", r->scratch->fails[i].field);
    peri_jw_kv_c(&w, "code", r->scratch->fails[i].code);
    peri_jw_kv(&w, "message", r->scratch->fails[i].message);
    peri_jw_kv(&w, "file", r->scratch->fails[i].file);
    peri_jw_kv_int(&w, "line", r->scratch->fails[i].line);
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
  reject->also = peri_arena_str(r->arena, peri_buf_view(b));
}
