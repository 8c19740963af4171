/* plan/sources: where a field reads: paths with their prefixes, and the value found there for one record.
 * Refuses prefixes that a mapping can't know (status:, body:) and `#` outside of rows. Sources with equal text are one source. */
#include "plan/inside.h"

static const char *const unknown_here[] = {"status", "body", "trace", NULL};

static bool is_name(peri_str s) {
  if (!s.n || plan_digit(s.p[0])) return false;
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    if (!(plan_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-')) return false;
  }
  return true;
}

/* "parent:id" -> prefix "parent", rest "id"; a colon later in a path ("a.b:c") or after a backslash belongs to a key. */
static peri_str prefix_of(peri_str path, peri_str *rest) {
  for (size_t i = 0; i < path.n; i++)
    if (path.p[i] == ':') {
      peri_str head = {path.p, i};
      if (!is_name(head)) break;
      *rest = peri_str_from(path, i + 1);
      return head;
    }
  *rest = path;
  return (peri_str){"", 0};
}

static plan_source *keep(peri_plan *p, plan_source s, bool of_field) {
  for (size_t i = 0; i < p->source_count; i++) {
    plan_source *known = p->sources[i];
    if (known->from == s.from && peri_str_eq(known->path, s.path)) {
      known->of_field |= of_field;
      return known;
    }
  }
  size_t cap = p->source_count;
  if ((cap & (cap - 1)) == 0) { /* full at powers of two */
    plan_source **more = peri_arena_take(p->arena, (cap ? 2 * cap : 1) * sizeof *more);
    if (cap) memcpy(more, p->sources, cap * sizeof *more);
    p->sources = more;
  }
  plan_source *own = peri_arena_take(p->arena, sizeof *own);
  *own = s;
  own->index = (int)p->source_count;
  own->of_field = of_field;
  own->list = -1;
  p->sources[p->source_count++] = own;
  return own;
}

static void note_setting(peri_plan *p, peri_str name) {
  size_t at = 0;
  while (at < p->setting_count && peri_str_cmp(p->settings[at], name) < 0) at++;
  if (at < p->setting_count && peri_str_eq(p->settings[at], name)) return;
  p->settings = peri_arena_grow(p->arena, p->settings, p->setting_count, &p->setting_cap, sizeof *p->settings);
  memmove(p->settings + at + 1, p->settings + at, (p->setting_count - at) * sizeof *p->settings);
  p->settings[at] = name;
  p->setting_count++;
}

plan_source *plan_source_of(peri_plan *p, peri_str path, bool in_row, bool of_field, const peri_json *settings, peri_err *e) {
  peri_str rest, prefix = prefix_of(path, &rest);
  plan_source s = {.from = in_row ? PF_ELEMENT : PF_RECORD, .path = rest, .full = path, .list = -1};
  if (peri_str_is(path, "#")) {
    if (in_row) return keep(p, (plan_source){.from = PF_NUMBER, .path = path, .full = path}, of_field);
    peri_fail(e, PERI_INVALID, "# is the number of an element, and this mapping has no rows");
    return NULL;
  }
  for (size_t i = 0; prefix.n && unknown_here[i]; i++)
    if (peri_str_is(prefix, unknown_here[i])) {
      peri_fail(e, PERI_INVALID, "a mapping can't read %.*s: it sees records, parent:, setting:, header: and STREAM:", PERI_S(path));
      return NULL;
    }
  if (peri_str_is(prefix, "setting")) {
    s.from = PF_SETTING;
    note_setting(p, rest);
    const peri_json *value = peri_json_at(settings, rest);
    if (value) s.fixed = plan_span_of(peri_arena_str(p->arena, value->raw));
    return keep(p, s, of_field);
  }
  if (peri_str_is(prefix, "header")) {
    s.from = PF_HEADER;
    return keep(p, s, of_field);
  }
  if (peri_str_is(prefix, "parent"))
    s.from = in_row ? PF_RECORD : PF_PARENT;
  else if (prefix.n) {
    s.from = PF_CONTEXT;
    s.path = path;
    return keep(p, s, of_field);
  }
  int slot = 0;
  if (!p->element_set) p->element_set = peri_paths_new(p->arena);
  if (!p->grammar) p->grammar = peri_paths_new(p->arena);
  /* views give the slots of records; elements have one set for all views; the third set only proves a path's grammar */
  peri_paths *set = s.from == PF_ELEMENT ? p->element_set : p->grammar;
  if (peri_paths_add(set, s.path, &slot, &s.many, e)) {
    peri_err_prefix(e, "path \"%.*s\"", PERI_S(path));
    return NULL;
  }
  plan_source *own = keep(p, s, of_field);
  if (own->many && peri_str_ends(s.path, PERI_STR("[]")) && own->list < 0) {
    /* rest leaves out the whole list that a field reads: so its place must be known, too */
    plan_source whole = s;
    whole.many = false;
    whole.path.n -= 2;
    if (peri_paths_add(set, whole.path, &slot, &whole.many, e)) return NULL;
    int list = keep(p, whole, false)->index;
    own->list = list;
  }
  return own;
}

/* ---- reading ---- */

void plan_in_span(plan_in *in, peri_span s) {
  *in = (plan_in){.type = s.type, .raw = {s.p, s.n}};
  if (s.type == PERI_J_STRING) {
    in->text = (peri_str){s.p + 1, s.n - 2u};
    in->plain = !s.escaped;
    in->lazy = s.escaped;
  } else if (s.type == PERI_J_NUMBER) {
    in->text = in->raw;
  }
}

peri_span plan_span_of(peri_str json) {
  peri_span s = {.p = json.p, .n = (uint32_t)json.n, .type = PERI_J_NONE};
  if (!json.n) return s;
  switch (json.p[0]) {
  case '"':
    s.type = PERI_J_STRING;
    s.escaped = memchr(json.p, '\\', json.n) != NULL;
    break;
  case '{': s.type = PERI_J_OBJECT; break;
  case '[': s.type = PERI_J_ARRAY; break;
  case 't': s.type = PERI_J_TRUE; break;
  case 'f': s.type = PERI_J_FALSE; break;
  case 'n': s.type = PERI_J_NULL; break;
  default: s.type = PERI_J_NUMBER; break;
  }
  return s;
}

peri_str plan_in_text(plan_run *r, plan_in *in) {
  if (!in->lazy) return in->text;
  peri_buf *b = &r->scratch->text;
  peri_buf_clear(b);
  peri_span s = {.p = in->raw.p, .n = (uint32_t)in->raw.n, .type = PERI_J_STRING, .escaped = 1};
  in->text = peri_arena_str(r->arena, peri_span_text(s, b));
  in->lazy = false;
  return in->text;
}

static peri_span checked(peri_str json) {
  peri_span s = {.type = PERI_J_NONE};
  peri_json_fault fault;
  if (json.n && !peri_json_check(json, &s, &fault)) s.type = PERI_J_NONE; /* the core made it: an unsound one holds nothing */
  return s;
}

static peri_span in_context(plan_run *r, peri_str key) {
  if (!r->context_read) {
    r->context_read = true;
    r->context = checked(r->record->context);
  }
  return peri_span_member(r->context, key);
}

static peri_span in_headers(plan_run *r, peri_str name) {
  if (!r->headers_read) {
    r->headers_read = true;
    r->headers = checked(r->record->headers_json);
  }
  peri_span none = {.type = PERI_J_NONE}, key, value;
  if (r->headers.type != PERI_J_OBJECT) return none;
  for (peri_span_iter i = peri_span_open(r->headers); peri_span_next_member(&i, &key, &value);)
    if (peri_str_eq_nocase((peri_str){key.p + 1, key.n - 2u}, name)) return value;
  return none;
}

static void from_slot(plan_in *in, const plan_source *s, const peri_slot *slot) {
  if (!s->many) {
    plan_in_span(in, slot->one);
    return;
  }
  *in = (plan_in){.type = slot->found ? PERI_J_ARRAY : PERI_J_NONE, .spans = slot->many, .count = slot->count};
}

void plan_source_read(plan_run *r, const plan_source *s, plan_in *in) {
  int slot = r->view->slots[s->index];
  switch (s->from) {
  case PF_RECORD: from_slot(in, s, &r->record->slots[slot]); return;
  case PF_ELEMENT: from_slot(in, s, &r->element_slots[slot]); return;
  case PF_PARENT:
    if (r->parent_slots)
      from_slot(in, s, &r->parent_slots[slot]);
    else
      plan_in_span(in, in_context(r, s->path));
    return;
  case PF_CONTEXT: plan_in_span(in, in_context(r, s->path)); return;
  case PF_HEADER: plan_in_span(in, in_headers(r, s->path)); return;
  case PF_SETTING: plan_in_span(in, s->fixed); return;
  case PF_NUMBER: {
    size_t at = sizeof r->number_text;
    for (uint32_t n = r->number; n || at == sizeof r->number_text; n /= 10) r->number_text[--at] = (char)('0' + n % 10);
    peri_str digits = {r->number_text + at, sizeof r->number_text - at};
    *in = (plan_in){.type = PERI_J_NUMBER, .text = digits, .raw = digits};
    return;
  }
  }
}

void plan_in_value(plan_run *r, plan_in *in, const peri_value *v) {
  *in = (plan_in){.type = PERI_J_NULL};
  switch (v->type) {
  case PERI_V_NULL: return;
  case PERI_V_BOOL: in->type = v->u.b ? PERI_J_TRUE : PERI_J_FALSE; return;
  case PERI_V_INT:
    in->type = PERI_J_NUMBER;
    in->text = in->raw = peri_arena_fmt(r->arena, "%lld", (long long)v->u.i);
    return;
  case PERI_V_NUM:
    if (v->u.d != v->u.d || v->u.d - v->u.d != 0) { /* no JSON number: the kinds that want one will say so */
      in->type = PERI_J_STRING;
      in->text = v->u.d != v->u.d ? PERI_STR("nan") : v->u.d > 0 ? PERI_STR("inf") : PERI_STR("-inf");
      return;
    }
    peri_buf_clear(&r->scratch->text);
    peri_double_put(&r->scratch->text, v->u.d);
    in->type = PERI_J_NUMBER;
    in->text = in->raw = peri_arena_str(r->arena, peri_buf_view(&r->scratch->text));
    return;
  case PERI_V_TEXT:
    in->type = PERI_J_STRING;
    in->text = v->u.s;
    return;
  case PERI_V_LIST:
    in->type = PERI_J_ARRAY;
    in->values = v->u.list.items;
    in->count = v->u.list.count;
    return;
  case PERI_V_JSON: plan_in_span(in, plan_span_of(v->u.s)); return;
  }
}
