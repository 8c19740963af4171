/* core/holes: the value behind each placeholder, and nodes of a request as JSON values. Knows where values come from; where they go (path, query,
 * body) is request.c's business. Refuses: reading a secret without the callback, a hole that nothing can fill. */
#include "core/holes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define HOLE_DEPTH_MAX 48 /* a checked tree is shallower; this only keeps recursion honest */

void peri_scope_init(peri_scope *s, peri_arena *a, const peri_connector *c, const peri_request *r, const peri_fill *fill, peri_err *e) {
  static const peri_fill nothing = {.since = INT64_MIN, .upto = INT64_MIN};
  *s = (peri_scope){.a = a, .c = c, .r = r, .fill = fill ? fill : &nothing, .e = e};
}

void peri_scope_fail(peri_scope *s, int line, const char *format, ...) {
  char text[1024];
  if (s->code != PERI_OK) return;
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  s->code = peri_fail(s->e, PERI_INVALID, "%.*s:%d: %s", PERI_S(s->c->path), line ? line : s->r ? s->r->line : s->c->root->line, text);
}

/* ---- making values ---- */

peri_json *peri_json_new(peri_arena *a, peri_jtype type, peri_str text) {
  peri_json *v = peri_arena_take(a, sizeof *v);
  v->type = type;
  v->text = text;
  switch (type) { /* scalars but texts are written as they were read */
  case PERI_J_NUMBER: v->raw = text; break;
  case PERI_J_NULL: v->raw = PERI_STR("null"); break;
  case PERI_J_TRUE: v->raw = PERI_STR("true"); break;
  case PERI_J_FALSE: v->raw = PERI_STR("false"); break;
  default: break;
  }
  return v;
}

void peri_json_push(peri_json *list, peri_json *item) {
  peri_json **at = &list->first;
  while (*at) at = &(*at)->next;
  *at = item;
  list->count++;
}

void peri_json_member(peri_arena *a, peri_json *object, peri_str key, peri_json *value) {
  peri_json *own = peri_arena_take(a, sizeof *own); /* a value may be shared: its key and its neighbour must not be */
  *own = *value;
  own->key = key;
  own->next = NULL;
  for (peri_json **at = &object->first;; at = &(*at)->next) {
    if (*at && !peri_str_eq((*at)->key, key)) continue;
    if (*at) own->next = (*at)->next;
    else object->count++;
    *at = own;
    return;
  }
}

static peri_json *number(peri_arena *a, int64_t v) { return peri_json_new(a, PERI_J_NUMBER, peri_arena_fmt(a, "%lld", (long long)v)); }
static peri_json *text(peri_arena *a, peri_str v) { return peri_json_new(a, PERI_J_STRING, v); }

static peri_json *copy(peri_arena *a, const peri_json *v) {
  peri_json *own = peri_arena_take(a, sizeof *own);
  *own = *v;
  own->key = (peri_str){NULL, 0};
  own->next = NULL;
  return own;
}

static peri_str put(peri_arena *a, const peri_json *v) {
  peri_buf out = {0};
  peri_json_put(&out, v);
  peri_str s = peri_arena_str(a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return s;
}

bool peri_hole_text(peri_arena *a, const peri_json *v, peri_str join, peri_str *out) {
  if (!v) return false;
  switch (v->type) {
  case PERI_J_NONE:
  case PERI_J_NULL: return false;
  case PERI_J_FALSE: *out = PERI_STR("false"); return true;
  case PERI_J_TRUE: *out = PERI_STR("true"); return true;
  case PERI_J_NUMBER:
  case PERI_J_STRING: *out = v->text; return true;
  case PERI_J_OBJECT: *out = put(a, v); return true;
  case PERI_J_ARRAY: break;
  }
  peri_buf joined = {0};
  bool first = true;
  for (const peri_json *i = v->first; i; i = i->next) {
    peri_str part;
    if (!peri_hole_text(a, i, join, &part)) continue;
    if (!first) peri_buf_str(&joined, join);
    first = false;
    peri_buf_str(&joined, part);
  }
  *out = peri_arena_str(a, peri_buf_view(&joined));
  peri_buf_fini(&joined);
  return true;
}

/* ---- settings ---- */

static const peri_node *version_table(const peri_connector *c, const peri_json *settings) {
  peri_str version = peri_json_get_text(settings, "version");
  const peri_node *t = c->versions && c->versions->type == PERI_N_TABLE ? c->versions : NULL;
  return peri_node_get_str(t, version.n ? version : c->default_version);
}

static peri_json *literal(peri_arena *a, const peri_node *n) {
  peri_buf digits = {0};
  peri_json *v = NULL;
  switch (n->type) {
  case PERI_N_NULL: return peri_json_new(a, PERI_J_NULL, (peri_str){NULL, 0});
  case PERI_N_BOOL: return peri_json_new(a, n->u.b ? PERI_J_TRUE : PERI_J_FALSE, (peri_str){NULL, 0});
  case PERI_N_INT: return number(a, n->u.i);
  case PERI_N_TEXT: return text(a, n->u.text);
  case PERI_N_NUM:
    if (!(n->u.d - n->u.d == 0)) return NULL; /* infinities and NaN have no JSON */
    peri_double_put(&digits, n->u.d);
    v = peri_json_new(a, PERI_J_NUMBER, peri_arena_str(a, peri_buf_view(&digits)));
    peri_buf_fini(&digits);
    return v;
  case PERI_N_TABLE:
    if (n->member_count) {
      v = peri_json_new(a, PERI_J_OBJECT, (peri_str){NULL, 0});
      for (size_t i = 0; i < n->member_count; i++) {
        peri_json *m = literal(a, n->members[i].value);
        if (m) peri_json_member(a, v, n->members[i].key, m);
      }
      return v;
    }
    v = peri_json_new(a, n->item_count ? PERI_J_ARRAY : PERI_J_OBJECT, (peri_str){NULL, 0});
    for (size_t i = 0; i < n->item_count; i++) {
      peri_json *m = literal(a, n->items[i]);
      if (m) peri_json_push(v, m);
    }
    return v;
  case PERI_N_WORD:
  case PERI_N_JOIN:
  case PERI_N_FUNC: break;
  }
  return NULL;
}

const peri_json *peri_connector_value(peri_arena *a, const peri_connector *c, const peri_json *settings, peri_str name, bool *verbatim) {
  *verbatim = false;
  const peri_json *given = peri_json_get_str(settings, name);
  if (given && given->type == PERI_J_NULL) given = NULL;
  if (peri_str_is(name, "version")) return given ? given : c->default_version.n ? text(a, c->default_version) : NULL;
  /* before the given ones: what an API lets us keep must never stand in for a path of the connector */
  peri_str fragment = peri_node_text(peri_node_get_str(version_table(c, settings), name));
  if (fragment.p) {
    *verbatim = true;
    return text(a, fragment);
  }
  if (given) return given;
  const peri_node *list = c->settings;
  size_t count = !list ? 0 : list->type == PERI_N_TABLE ? list->item_count : 1;
  for (size_t i = 0; i < count; i++) {
    const peri_node *asked = list->type == PERI_N_TABLE ? list->items[i] : list;
    if (asked->type != PERI_N_WORD || !peri_str_eq(peri_node_text(asked->what), name)) continue;
    const peri_node *fallback = peri_node_get(asked, "default");
    return fallback ? literal(a, fallback) : NULL;
  }
  return NULL;
}

/* ---- records and parents ---- */

static const peri_json *parsed(peri_scope *s, const peri_json ***cache, const peri_str *texts, size_t count, size_t at) {
  if (!texts || at >= count) return NULL;
  if (!*cache) *cache = peri_arena_take(s->a, count * sizeof **cache);
  if (!(*cache)[at] && texts[at].n) {
    peri_json_fault fault;
    (*cache)[at] = peri_json_parse(s->a, texts[at], &fault);
  }
  return (*cache)[at];
}

static const peri_json *record_value(peri_scope *s, const peri_node *hole) {
  const peri_fill *f = s->fill;
  const peri_json *record = parsed(s, &s->records, f->records, f->record_count, s->record_at);
  peri_str path = peri_node_text(hole->what);
  return path.p ? peri_json_at(record, path) : record;
}

/* An ancestor's value: from the parent itself if it is the one meant, else from what was stored with it ("STREAM:path", "parent:path", "path"). */
static const peri_json *parent_value(peri_scope *s, const peri_node *hole) {
  const peri_fill *f = s->fill;
  const peri_json *parent = parsed(s, &s->parents, f->parents, f->parent_count, s->parent_at);
  const peri_json *context = parsed(s, &s->contexts, f->parent_contexts, f->parent_count, s->parent_at);
  peri_str path = peri_node_text(hole->what), of = peri_node_opt_text(hole, "of");
  peri_str own = f->parent_streams && s->parent_at < f->parent_count ? f->parent_streams[s->parent_at] : (peri_str){NULL, 0};
  bool outer = of.n && own.n && !peri_str_eq(of, own);
  const peri_json *v = outer ? NULL : path.p ? peri_json_at(parent, path) : parent;
  if (v || !context || !path.p) return v;
  if (of.n && (v = peri_json_get_str(context, peri_arena_fmt(s->a, "%.*s:%.*s", PERI_S(of), PERI_S(path))))) return v;
  if ((v = peri_json_get_str(context, peri_arena_fmt(s->a, "parent:%.*s", PERI_S(path))))) return v;
  if ((v = peri_json_get_str(context, path))) return v;
  return peri_str_starts(path, PERI_STR("parent:")) ? peri_json_get_str(context, peri_str_from(path, 7)) : NULL;
}

/* ---- one hole ---- */

static int stream_zone(const peri_scope *s, int64_t at_ms) {
  peri_str zone = s->fill->stream ? peri_node_opt_text(s->fill->stream->updated, "zone") : (peri_str){NULL, 0};
  if (peri_str_starts(zone, PERI_STR("setting:"))) {
    bool verbatim;
    zone = peri_json_str(peri_connector_value(s->a, s->c, s->fill->settings, peri_str_from(zone, 8), &verbatim));
  }
  return zone.n ? peri_zone_minutes(zone, at_ms) : 0;
}

static const peri_json *position(peri_scope *s, const peri_node *hole, int64_t at) {
  if (at == INT64_MIN) return NULL;
  peri_stamp_kind kind = s->fill->stream ? s->fill->stream->stamp : PERI_STAMP_DATETIME;
  int zone = kind == PERI_STAMP_INTEGER || kind == PERI_STAMP_DECIMAL ? 0 : stream_zone(s, at);
  return peri_stamp_json(s->a, kind, peri_node_text(hole->what), at, zone);
}

static const peri_json *since_value(peri_scope *s, const peri_node *hole) {
  if (s->fill->since_verbatim.n) {
    peri_json_fault fault;
    return peri_json_parse(s->a, s->fill->since_verbatim, &fault);
  }
  return position(s, hole, s->fill->since);
}

static const peri_json *wanted_value(peri_scope *s, const peri_node *hole) {
  peri_str prefix = peri_node_text(hole->what);
  const peri_json *names = peri_json_get_str(s->fill->wanted, prefix.p ? prefix : PERI_STR(""));
  if (!names || names->type != PERI_J_ARRAY) return NULL;
  const peri_node *most = peri_node_get(hole, "most");
  uint64_t bytes = 0;
  if (most && most->type == PERI_N_INT && most->u.i > 0) bytes = (uint64_t)most->u.i;
  else if (most && !peri_size_read(peri_node_text(most), &bytes)) bytes = 0;
  if (bytes) {
    uint64_t n = 0;
    for (const peri_json *i = names->first; i; i = i->next) n += i->text.n + 1;
    if (n > bytes + 1) {
      s->wanted_over = true;
      return NULL;
    }
  }
  return names;
}

static const peri_json *secret_value(peri_scope *s, const peri_node *hole) {
  peri_str name = peri_node_text(hole->what);
  if (!s->secrets_ok) {
    peri_scope_fail(s, hole->line, "secret \"%.*s\" stands inside a path, where every log on the way would show it", PERI_S(name));
    return NULL;
  }
  if (!s->fill->secret) return text(s->a, peri_arena_fmt(s->a, "«secret %.*s»", PERI_S(name)));
  peri_buf out = {0};
  const peri_json *v = NULL;
  if (s->fill->secret(s->fill->secret_self, name, &out)) v = text(s->a, peri_arena_str(s->a, peri_buf_view(&out)));
  peri_buf_fini(&out);
  if (!v) peri_scope_fail(s, hole->line, "the credential \"%.*s\" is not known to this integration", PERI_S(name));
  return v;
}

peri_str peri_hole_name(peri_arena *a, const peri_node *hole) {
  peri_str what = peri_node_text(hole->what);
  return what.p ? peri_arena_fmt(a, "%.*s \"%.*s\"", PERI_S(hole->word), PERI_S(what)) : peri_arena_str(a, hole->word);
}

static const peri_json *quoted(peri_scope *s, const peri_json *v, peri_str mark) {
  peri_str t;
  if (!peri_hole_text(s->a, v, PERI_STR(","), &t)) return v;
  peri_buf out = {0};
  peri_buf_str(&out, mark);
  for (size_t i = 0; i < t.n; i++) {
    if (t.p[i] == '\\' || (mark.n && t.p[i] == mark.p[0])) peri_buf_char(&out, '\\');
    peri_buf_char(&out, t.p[i]);
  }
  peri_buf_str(&out, mark);
  const peri_json *q = text(s->a, peri_arena_str(s->a, peri_buf_view(&out)));
  peri_buf_fini(&out);
  return q;
}

const peri_json *peri_hole_value(peri_scope *s, const peri_node *hole, bool *verbatim) {
  const peri_json *v = NULL;
  *verbatim = false;
  if (s->code != PERI_OK) return NULL;
  if (s->fill->named) return text(s->a, peri_arena_fmt(s->a, "«%.*s»", PERI_S(peri_hole_name(s->a, hole))));
  if (peri_node_is(hole, "secret")) return secret_value(s, hole);
  if (peri_node_is(hole, "setting")) v = peri_connector_value(s->a, s->c, s->fill->settings, peri_node_text(hole->what), verbatim);
  else if (peri_node_is(hole, "since")) v = since_value(s, hole);
  else if (peri_node_is(hole, "upto")) v = position(s, hole, s->fill->upto);
  else if (peri_node_is(hole, "wanted")) v = wanted_value(s, hole);
  else if (peri_node_is(hole, "record")) v = record_value(s, hole);
  else if (peri_node_is(hole, "parent")) v = parent_value(s, hole);
  else peri_scope_fail(s, hole->line, "%.*s is no hole of a request", PERI_S(hole->word));
  if (v && v->type == PERI_J_NULL) v = NULL;
  const peri_node *fallback = peri_node_get(hole, "default");
  if (!v && fallback && !s->wanted_over) v = literal(s->a, fallback);
  peri_str mark = peri_node_opt_text(hole, "quote");
  if (v && mark.n) v = quoted(s, v, mark);
  return v;
}

bool peri_hole_joined(peri_scope *s, const peri_node *n, peri_str *out) {
  peri_buf joined = {0};
  bool whole = true;
  for (size_t i = 0; i < n->item_count && whole; i++) {
    const peri_node *piece = n->items[i];
    const peri_json *v;
    bool verbatim;
    peri_str part;
    if (piece->type == PERI_N_WORD) {
      peri_str join = peri_node_opt_text(piece, "join");
      v = peri_hole_value(s, piece, &verbatim);
      whole = v && peri_hole_text(s->a, v, join.p ? join : PERI_STR(","), &part);
    } else if (piece->type == PERI_N_JOIN) whole = peri_hole_joined(s, piece, &part);
    else whole = (v = literal(s->a, piece)) != NULL && peri_hole_text(s->a, v, PERI_STR(","), &part);
    if (whole) peri_buf_str(&joined, part);
  }
  if (whole) *out = peri_arena_str(s->a, peri_buf_view(&joined));
  peri_buf_fini(&joined);
  return whole;
}

/* ---- tables ---- */

static bool stands(const peri_node *n, const char *word, int depth) {
  if (!n || depth > HOLE_DEPTH_MAX) return false;
  if (n->type == PERI_N_WORD) return peri_node_is(n, word);
  if (n->type == PERI_N_TABLE && n->item_count) return false; /* a deeper list: it is repeated itself */
  for (size_t i = 0; i < n->item_count; i++)
    if (stands(n->items[i], word, depth + 1)) return true;
  for (size_t i = 0; i < n->member_count; i++)
    if (stands(n->members[i].value, word, depth + 1)) return true;
  return false;
}

bool peri_hole_stands_in(const peri_node *list, const char *word) {
  if (!list || list->type != PERI_N_TABLE) return false;
  for (size_t i = 0; i < list->item_count; i++)
    if (stands(list->items[i], word, 0)) return true;
  return false;
}

static peri_json *hole_json(peri_scope *s, const peri_node *n, int depth);

static void push_items(peri_scope *s, const peri_node *n, peri_json *list, peri_json ***tail, int depth) {
  for (size_t i = 0; i < n->item_count; i++) {
    peri_json *item = hole_json(s, n->items[i], depth + 1);
    if (!item) continue;
    **tail = item;
    *tail = &item->next;
    list->count++;
  }
}

/* The first scalar that a parent or record gives to an element: what a pair of a pager inside lists is matched by. */
static bool element_key(peri_scope *s, const peri_node *n, peri_str *out, int depth) {
  bool verbatim;
  if (!n || depth > HOLE_DEPTH_MAX) return false;
  if (n->type == PERI_N_WORD) {
    if (!peri_node_is(n, "parent") && !peri_node_is(n, "record")) return false;
    return peri_hole_text(s->a, peri_hole_value(s, n, &verbatim), PERI_STR(","), out);
  }
  for (size_t i = 0; i < n->item_count; i++)
    if (element_key(s, n->items[i], out, depth + 1)) return true;
  for (size_t i = 0; i < n->member_count; i++)
    if (element_key(s, n->members[i].value, out, depth + 1)) return true;
  return false;
}

typedef struct keyed { peri_str key; size_t at; } keyed;
static int by_key(const void *a, const void *b) { return peri_str_cmp(((const keyed *)a)->key, ((const keyed *)b)->key); }

/* Elements again, but only for those whose own list goes on; each gets its place in it ("body.inputs[].after"). */
static void push_pairs(peri_scope *s, const peri_node *n, peri_json *list, peri_json ***tail, size_t *at, size_t count, int depth) {
  peri_json_fault fault;
  const peri_json *pairs = peri_json_parse(s->a, s->fill->page->pairs, &fault);
  peri_str send = peri_node_opt_text(s->r->pager, "send");
  const char *brackets = send.p ? memmem(send.p, send.n, "[].", 3) : NULL;
  if (!pairs || !brackets) return;
  peri_str name = peri_str_from(send, (size_t)(brackets - send.p) + 3);
  keyed *keys = peri_arena_take(s->a, (count + 1) * sizeof *keys);
  size_t known = 0;
  for (size_t i = 0; i < count; i++) {
    *at = i;
    if (element_key(s, n, &keys[known].key, 0)) keys[known++].at = i;
  }
  if (known) qsort(keys, known, sizeof *keys, by_key);
  for (const peri_json *p = pairs->first; p; p = p->next) {
    keyed wanted = {0};
    const peri_json *value = peri_json_item(p, 1);
    if (!value || !known || !peri_hole_text(s->a, peri_json_item(p, 0), PERI_STR(","), &wanted.key)) continue;
    const keyed *found = bsearch(&wanted, keys, known, sizeof *keys, by_key);
    if (!found) continue;
    *at = found->at;
    peri_json **mark = *tail;
    push_items(s, n, list, tail, depth);
    for (peri_json *i = *mark; i; i = i->next)
      if (i->type == PERI_J_OBJECT) peri_json_member(s->a, i, name, copy(s->a, value));
  }
  *at = 0;
}

static peri_json *list_json(peri_scope *s, const peri_node *n, int depth) {
  peri_json *list = peri_json_new(s->a, PERI_J_ARRAY, (peri_str){NULL, 0});
  peri_json **tail = &list->first;
  bool by_record = peri_hole_stands_in(n, "record"), by_parent = !by_record && peri_hole_stands_in(n, "parent");
  bool repeats = s->r && s->r->batch > 0 && !s->fill->named && (by_record || by_parent);
  if (!repeats) {
    push_items(s, n, list, &tail, depth);
    return list;
  }
  size_t *at = by_record ? &s->record_at : &s->parent_at;
  size_t count = by_record ? s->fill->record_count : s->fill->parent_count;
  if (s->fill->page && s->fill->page->pairs.n) {
    push_pairs(s, n, list, &tail, at, count, depth);
    return list;
  }
  for (size_t i = 0; i < count; i++) {
    *at = i;
    push_items(s, n, list, &tail, depth);
  }
  *at = 0;
  return list;
}

static peri_json *hole_json(peri_scope *s, const peri_node *n, int depth) {
  bool verbatim;
  peri_str joined;
  if (!n || s->code != PERI_OK || depth > HOLE_DEPTH_MAX) return NULL;
  if (n->type == PERI_N_WORD) {
    if (peri_node_is(n, "null")) return peri_json_new(s->a, PERI_J_NULL, (peri_str){NULL, 0});
    const peri_json *v = peri_hole_value(s, n, &verbatim);
    return v ? copy(s->a, v) : NULL;
  }
  if (n->type == PERI_N_JOIN) return peri_hole_joined(s, n, &joined) ? text(s->a, joined) : NULL;
  if (n->type != PERI_N_TABLE) return literal(s->a, n);
  if (n->item_count && !n->member_count) return list_json(s, n, depth);
  peri_json *object = peri_json_new(s->a, PERI_J_OBJECT, (peri_str){NULL, 0});
  peri_json **tail = &object->first;
  for (size_t i = 0; i < n->member_count; i++) {
    peri_json *m = hole_json(s, n->members[i].value, depth + 1);
    if (!m) continue;
    m->key = n->members[i].key;
    *tail = m;
    tail = &m->next;
    object->count++;
  }
  return object;
}

peri_json *peri_hole_json(peri_scope *s, const peri_node *n) { return hole_json(s, n, 0); }
