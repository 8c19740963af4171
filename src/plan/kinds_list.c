/* plan/kinds_list: list, json, rest, and the table of kinds. json and rest copy bytes; they never read a number or a text.
 * rest leaves out exactly what the fields of the mapping read, told by where their values lie in the record. */
#include "plan/inside.h"

const plan_kind_spec plan_kinds[PK_COUNT] = {
    [PK_TEXT] = {"text", "text", plan_text, true, false, false},
    [PK_EMAIL] = {"email", "text", plan_email, true, false, false},
    [PK_URL] = {"url", "text", plan_url, true, false, false},
    [PK_PHONE] = {"phone", "text", plan_phone, true, false, false},
    [PK_CHOICE] = {"choice", "text", plan_text, true, false, false},
    [PK_INTEGER] = {"integer", "integer", plan_integer, false, false, false},
    [PK_NUMBER] = {"number", "number", plan_number, false, false, false},
    [PK_DECIMAL] = {"decimal", "number", plan_decimal, false, false, false},
    [PK_MONEY] = {"money", "number", plan_money, false, false, false},
    [PK_BOOLEAN] = {"boolean", "boolean", plan_boolean, false, false, false},
    [PK_DATE] = {"date", "text", plan_date, false, false, false},
    [PK_DATETIME] = {"datetime", "text", plan_datetime, false, false, false},
    [PK_TIME] = {"time", "text", plan_time, false, false, false},
    [PK_UUID] = {"uuid", "text", plan_uuid, true, false, false},
    [PK_LIST] = {"list", "json", plan_list, false, true, false},
    [PK_JSON] = {"json", "json", plan_json, false, true, true},
    [PK_ID] = {"id", "text", plan_id, true, false, false},
    [PK_REST] = {"rest", "json", plan_rest, false, false, true},
    [PK_WHEN] = {"when", "json", NULL, false, true, true},
};

plan_kind plan_kind_named(peri_str name) {
  for (int k = 0; k < PK_WHEN; k++)
    if (peri_str_is(name, plan_kinds[k].name)) return (plan_kind)k;
  return PK_COUNT;
}

/* ---- list ---- */

typedef struct growing {
  plan_val *items;
  size_t count, cap;
} growing;

static bool add(plan_run *r, const plan_field *f, growing *g, plan_in *in, bool made) {
  g->items = peri_arena_grow(r->arena, g->items, g->count, &g->cap, sizeof *g->items);
  in->made = made;
  return plan_convert_one(r, f->item, in, &g->items[g->count++]);
}

static bool split(plan_run *r, const plan_field *f, plan_in *in, growing *g) {
  peri_str rest = plan_in_text(r, in);
  bool plain = in->plain;
  while (rest.n) {
    const char *cut = memmem(rest.p, rest.n, f->split.p, f->split.n);
    peri_str piece = peri_str_trim((peri_str){rest.p, cut ? (size_t)(cut - rest.p) : rest.n});
    rest = cut ? peri_str_from(rest, (size_t)(cut - rest.p) + f->split.n) : PERI_STR("");
    plan_in item = {.type = PERI_J_STRING, .text = piece, .plain = plain};
    if (piece.n && !add(r, f, g, &item, in->made)) return false; /* ";a;;b" holds two */
  }
  return true;
}

static bool elements(plan_run *r, const plan_field *f, plan_in *in, growing *g) {
  plan_in item;
  if (in->values) {
    for (size_t i = 0; i < in->count; i++) {
      plan_in_value(r, &item, &in->values[i]);
      if (!add(r, f, g, &item, in->made)) return false;
    }
  } else if (in->raw.n) {
    peri_span s;
    for (peri_span_iter i = peri_span_open(plan_span_of(in->raw)); peri_span_next(&i, &s);) {
      plan_in_span(&item, s);
      if (!add(r, f, g, &item, in->made)) return false;
    }
  } else {
    for (size_t i = 0; i < in->count; i++) {
      plan_in_span(&item, in->spans[i]);
      if (!add(r, f, g, &item, in->made)) return false;
    }
  }
  return true;
}

bool plan_list(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  growing g = {0};
  if (in->type == PERI_J_OBJECT) return plan_wrong(r, f, in, "a list");
  if (in->type == PERI_J_ARRAY) {
    if (!elements(r, f, in, &g)) return false;
  } else if (in->type == PERI_J_STRING && f->split.n) {
    if (!split(r, f, in, &g)) return false;
  } else if (!add(r, f, &g, in, in->made)) { /* x and { x } mean the same: APIs leave the brackets out for one */
    return false;
  }
  if (f->most && g.count > f->most) return plan_wrong(r, f, in, "a list of at most %zu elements, not of %zu", f->most, g.count);
  *out = (plan_val){.type = PT_LIST, .items = g.items, .count = g.count};
  return true;
}

/* ---- json ---- */

static void put_value(peri_buf *out, const peri_value *v) {
  switch (v->type) {
  case PERI_V_NULL: peri_buf_c_str(out, "null"); return;
  case PERI_V_BOOL: peri_buf_c_str(out, v->u.b ? "true" : "false"); return;
  case PERI_V_INT: peri_buf_fmt(out, "%lld", (long long)v->u.i); return;
  case PERI_V_NUM:
    if (v->u.d - v->u.d != 0)
      peri_buf_c_str(out, "null"); /* JSON has no infinity */
    else
      peri_double_put(out, v->u.d);
    return;
  case PERI_V_TEXT: peri_json_quote(out, v->u.s); return;
  case PERI_V_JSON: peri_buf_str(out, v->u.s); return;
  case PERI_V_LIST:
    peri_buf_char(out, '[');
    for (size_t i = 0; i < v->u.list.count; i++) {
      if (i) peri_buf_char(out, ',');
      put_value(out, &v->u.list.items[i]);
    }
    peri_buf_char(out, ']');
    return;
  }
}

bool plan_json(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  (void)f;
  *out = (plan_val){.type = PT_JSON, .raw = in->raw};
  if (in->raw.n) return true;
  peri_buf *b = &r->scratch->rest;
  peri_buf_clear(b);
  switch (in->type) {
  case PERI_J_TRUE: out->raw = PERI_STR("true"); return true;
  case PERI_J_FALSE: out->raw = PERI_STR("false"); return true;
  case PERI_J_STRING: peri_json_quote(b, in->text); break;
  case PERI_J_ARRAY:
    if (in->values) {
      put_value(b, &(peri_value){.type = PERI_V_LIST, .u.list = {(peri_value *)(uintptr_t)in->values, in->count}});
      break;
    }
    peri_buf_char(b, '[');
    for (size_t i = 0; i < in->count; i++) {
      if (i) peri_buf_char(b, ',');
      peri_buf_put(b, in->spans[i].p, in->spans[i].n);
    }
    peri_buf_char(b, ']');
    break;
  default: *out = (plan_val){.type = PT_NULL}; return true;
  }
  out->raw = peri_arena_str(r->arena, peri_buf_view(b));
  return true;
}

/* ---- rest ---- */

typedef struct named { /* where the values lie that fields read, in document order */
  const char **at;
  size_t count;
} named;

/* Fields come nearly in the record's order, so inserting from the back is cheap. */
static void note(named *n, const char *p) {
  size_t i = n->count++;
  while (i && n->at[i - 1] > p) {
    n->at[i] = n->at[i - 1];
    i--;
  }
  n->at[i] = p;
}

static const peri_slot *slots_of(const plan_run *r, plan_from from) {
  return from == PF_RECORD ? r->record->slots : from == PF_ELEMENT ? r->element_slots : from == PF_PARENT ? r->parent_slots : NULL;
}

static named named_inside(plan_run *r, const plan_source *own, peri_str raw) {
  const peri_plan *p = r->plan;
  named n = {peri_arena_take(r->arena, (p->source_count + 1) * sizeof(char *)), 0};
  const peri_slot *slots = slots_of(r, own->from);
  for (size_t i = 0; slots && i < p->source_count; i++) {
    const plan_source *s = p->sources[i];
    if (!s->of_field || s->from != own->from || s == own) continue;
    peri_span span = {.type = PERI_J_NONE};
    if (!s->many)
      span = slots[r->view->slots[s->index]].one;
    else if (s->list >= 0)
      span = slots[r->view->slots[s->list]].one;
    if (s->many && span.type != PERI_J_ARRAY) continue;
    if (span.type != PERI_J_NONE && span.p > raw.p && span.p < raw.p + raw.n) note(&n, span.p);
  }
  return n;
}

/* Only a key that begins like a pattern is worth matching. */
static bool may_be_excepted(const plan_field *f, peri_span key) {
  for (size_t i = 0; i < f->except_count; i++) {
    peri_str e = f->except[i];
    if (!e.n || e.p[0] == '*' || e.p[0] == key.p[1] || key.escaped) return true;
  }
  return false;
}

static bool excepted(plan_run *r, const plan_field *f, peri_span key) {
  if (!may_be_excepted(f, key)) return false;
  peri_buf *b = &r->scratch->text;
  peri_buf_clear(b);
  peri_str name = peri_span_text(key, b);
  for (size_t i = 0; i < f->except_count; i++)
    if (peri_str_glob(f->except[i], name)) return true;
  return false;
}

/* Writes what is left of an object; false if nothing is, though there was something. top: except and prefix apply. */
static bool put_rest(plan_run *r, const plan_field *f, peri_span object, const named *n, size_t *next, bool top, peri_buf *out) {
  peri_span key, value;
  bool any = false, empty = true;
  plan_put(out, "{", 1);
  for (peri_span_iter i = peri_span_open(object); peri_span_next_member(&i, &key, &value);) {
    empty = false;
    while (*next < n->count && n->at[*next] < value.p) (*next)++;
    bool inside = *next < n->count && n->at[*next] < value.p + value.n;
    if ((inside && n->at[*next] == value.p) || (top && excepted(r, f, key))) continue;
    size_t before = out->n;
    if (any) plan_put(out, ",", 1);
    bool whole = !inside || value.type != PERI_J_OBJECT, named_so = top && f->rest_prefix.n;
    const char *from = named_so ? key.p + 1 : key.p, *end = whole ? value.p + value.n : value.p;
    if (named_so) plan_put(out, f->rest_prefix.p, f->rest_prefix.n);
    plan_put(out, from, (size_t)(end - from)); /* name, colon and value as they stand in the record */
    if (!whole && !put_rest(r, f, value, n, next, false, out)) {
      out->n = before;
      continue;
    }
    any = true;
  }
  plan_put(out, "}", 1);
  return any || empty;
}

bool plan_rest(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  if (in->type != PERI_J_OBJECT) return plan_wrong(r, f, in, "an object");
  *out = (plan_val){.type = PT_JSON, .raw = in->raw};
  if (in->made) return true;
  size_t next = 0;
  named n = named_inside(r, f->sources[0], in->raw);
  peri_buf *b = &r->scratch->rest;
  peri_buf_clear(b);
  put_rest(r, f, plan_span_of(in->raw), &n, &next, true, b);
  out->raw = peri_arena_str(r->arena, peri_buf_view(b));
  return true;
}
