/* plan/values: values as JSON of the row, as arguments of a function, and as excerpts in error texts.
 * Copies raw bytes wherever nothing changed; refuses no value: everything here has passed its kind. */
#include "plan/inside.h"

static void put_plain(peri_buf *out, peri_str s) {
  char *to = out->cap - out->n > s.n + 2 ? out->p + out->n : peri_buf_room(out, s.n + 2);
  if (!to) return;
  to[0] = '"';
  if (s.n) memcpy(to + 1, s.p, s.n);
  to[s.n + 1] = '"';
  out->n += s.n + 2;
}

void plan_val_put(peri_buf *out, const plan_val *v) {
  if (v->raw.n) {
    plan_put(out, v->raw.p, v->raw.n);
    return;
  }
  switch (v->type) {
  case PT_NULL:
  case PT_JSON: plan_put(out, "null", 4); return;
  case PT_BOOL:
    if (v->b)
      plan_put(out, "true", 4);
    else
      plan_put(out, "false", 5);
    return;
  case PT_NUMBER: plan_put(out, v->text.p, v->text.n); return;
  case PT_TEXT:
    if (v->plain)
      put_plain(out, v->text);
    else
      peri_json_quote(out, v->text);
    return;
  case PT_LIST:
    peri_buf_char(out, '[');
    for (size_t i = 0; i < v->count; i++) {
      if (i) peri_buf_char(out, ',');
      plan_val_put(out, &v->items[i]);
    }
    peri_buf_char(out, ']');
    return;
  default: return;
  }
}

/* ---- for functions ---- */

static void number_value(peri_str digits, bool exact, peri_value *out) {
  *out = (peri_value){.type = PERI_V_TEXT, .u.s = digits};
  if (exact) return;
  int64_t i;
  double d;
  if (peri_number_i64(digits, &i))
    *out = (peri_value){.type = PERI_V_INT, .u.i = i};
  else if (!peri_number_is_integer(digits) && peri_number_double(digits, &d))
    *out = (peri_value){.type = PERI_V_NUM, .u.d = d};
}

static void span_value(plan_run *r, peri_span s, bool exact, peri_value *out);

static void array_value(plan_run *r, peri_span s, bool exact, peri_value *out) {
  peri_value *items = NULL;
  size_t count = 0, cap = 0;
  peri_span element;
  for (peri_span_iter i = peri_span_open(s); peri_span_next(&i, &element); count++) {
    items = peri_arena_grow(r->arena, items, count, &cap, sizeof *items);
    span_value(r, element, exact, &items[count]);
  }
  *out = (peri_value){.type = PERI_V_LIST, .u.list = {items, count}};
}

static void span_value(plan_run *r, peri_span s, bool exact, peri_value *out) {
  plan_in in;
  plan_in_span(&in, s);
  plan_in_to_value(r, &in, exact, out);
}

void plan_in_to_value(plan_run *r, plan_in *in, bool exact, peri_value *out) {
  *out = (peri_value){.type = PERI_V_NULL};
  switch (in->type) {
  case PERI_J_TRUE:
  case PERI_J_FALSE: *out = (peri_value){.type = PERI_V_BOOL, .u.b = in->type == PERI_J_TRUE}; return;
  case PERI_J_NUMBER: number_value(in->text, exact, out); return;
  case PERI_J_STRING: *out = (peri_value){.type = PERI_V_TEXT, .u.s = plan_in_text(r, in)}; return;
  case PERI_J_OBJECT: *out = (peri_value){.type = PERI_V_JSON, .u.s = in->raw}; return;
  case PERI_J_ARRAY:
    if (in->values) {
      *out = (peri_value){.type = PERI_V_LIST, .u.list = {(peri_value *)(uintptr_t)in->values, in->count}};
    } else if (in->raw.n) {
      array_value(r, plan_span_of(in->raw), exact, out);
    } else {
      peri_value *items = peri_arena_take(r->arena, in->count * sizeof *items);
      for (size_t i = 0; i < in->count; i++) span_value(r, in->spans[i], exact, &items[i]);
      *out = (peri_value){.type = PERI_V_LIST, .u.list = {items, in->count}};
    }
    return;
  default: return;
  }
}

void plan_val_value(plan_run *r, const plan_field *f, const plan_val *v, bool exact, peri_value *out) {
  *out = (peri_value){.type = PERI_V_NULL};
  switch (v->type) {
  case PT_BOOL: *out = (peri_value){.type = PERI_V_BOOL, .u.b = v->b}; return;
  case PT_NUMBER: number_value(v->text, exact && (f->kind == PK_DECIMAL || f->kind == PK_MONEY), out); return;
  case PT_TEXT: *out = (peri_value){.type = PERI_V_TEXT, .u.s = v->text}; return;
  case PT_JSON: span_value(r, plan_span_of(v->raw), false, out); return;
  case PT_LIST: {
    peri_value *items = peri_arena_take(r->arena, v->count * sizeof *items);
    for (size_t i = 0; i < v->count; i++) plan_val_value(r, f->item ? f->item : f, &v->items[i], exact, &items[i]);
    *out = (peri_value){.type = PERI_V_LIST, .u.list = {items, v->count}};
    return;
  }
  default: return;
  }
}

/* ---- nodes of a script as JSON ---- */

static bool put_node(peri_buf *out, const peri_node *n, bool empty_is_list) {
  switch (n->type) {
  case PERI_N_NULL: peri_buf_c_str(out, "null"); return true;
  case PERI_N_BOOL: peri_buf_c_str(out, n->u.b ? "true" : "false"); return true;
  case PERI_N_INT: peri_buf_fmt(out, "%lld", (long long)n->u.i); return true;
  case PERI_N_NUM:
    if (n->u.d != n->u.d || n->u.d - n->u.d != 0) return false;
    peri_double_put(out, n->u.d);
    return true;
  case PERI_N_TEXT:
    if (!peri_utf8_valid(n->u.text)) return false;
    peri_json_quote(out, n->u.text);
    return true;
  case PERI_N_TABLE: {
    bool list = n->item_count || (empty_is_list && !n->member_count);
    if (n->item_count && n->member_count) return false;
    peri_buf_char(out, list ? '[' : '{');
    for (size_t i = 0; i < n->item_count; i++) {
      if (i) peri_buf_char(out, ',');
      if (!put_node(out, n->items[i], false)) return false;
    }
    for (size_t i = 0; i < n->member_count; i++) {
      if (i) peri_buf_char(out, ',');
      peri_json_quote(out, n->members[i].key);
      peri_buf_char(out, ':');
      if (!put_node(out, n->members[i].value, false)) return false;
    }
    peri_buf_char(out, list ? ']' : '}');
    return true;
  }
  default: return false;
  }
}

peri_str plan_node_json(peri_arena *a, const peri_node *n, bool empty_is_list) {
  peri_buf b = {0};
  peri_str json = {NULL, 0};
  if (n && put_node(&b, n, empty_is_list)) json = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return json;
}
