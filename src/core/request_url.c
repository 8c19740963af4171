/* core/request_url: URLs with holes, and entries of queries and forms. What a hole may do depends on where it stands: in a host it is one label, in a path
 * one encoded segment, in a query encoded text. Refuses `.` and `..` as segments, labels with dots, URLs that leave the trusted ones. */
#include "core/request.h"

/* ---- shapes of URLs ---- */

bool peri_url_absolute(peri_str url) { return peri_str_starts(url, PERI_STR("https://")) || peri_str_starts(url, PERI_STR("http://")); }

peri_str peri_url_origin(peri_str url, peri_str *rest) {
  const char *mark = url.p ? memmem(url.p, url.n, "://", 3) : NULL;
  size_t i = mark ? (size_t)(mark - url.p) + 3 : 0;
  while (i < url.n && url.p[i] != '/' && url.p[i] != '?') i++;
  *rest = peri_str_from(url, i);
  return (peri_str){url.p, i};
}

peri_str peri_url_join(peri_arena *a, peri_str base, peri_str path) {
  if (!path.n) return base;
  bool slash = path.p[0] == '/' || path.p[0] == '?' || path.p[0] == '&';
  return peri_arena_fmt(a, "%.*s%s%.*s", PERI_S(base), slash ? "" : "/", PERI_S(path));
}

typedef enum place { IN_HOST, IN_PATH, IN_QUERY } place;
static place place_of(const peri_buf *url) {
  peri_str u = peri_buf_view(url), rest;
  if (peri_url_absolute(u)) {
    peri_url_origin(u, &rest);
    if (!rest.n) return IN_HOST;
  } else rest = u;
  return rest.n && memchr(rest.p, '?', rest.n) ? IN_QUERY : IN_PATH;
}

/* ---- holes in URLs ---- */

static bool url_setting(const peri_scope *s, const peri_node *hole) {
  const peri_node *list = s->c->settings;
  if (!peri_node_is(hole, "setting") || !list) return false;
  size_t count = list->type == PERI_N_TABLE ? list->item_count : 1;
  for (size_t i = 0; i < count; i++) {
    const peri_node *asked = list->type == PERI_N_TABLE ? list->items[i] : list;
    if (peri_node_is(asked, "url") && peri_str_eq(peri_node_text(asked->what), peri_node_text(hole->what))) return true;
  }
  return false;
}

static bool host_allowed(const peri_connector *c, peri_str host) {
  if (!c->hosts) return true;
  size_t count = c->hosts->type == PERI_N_TABLE ? c->hosts->item_count : 1;
  for (size_t i = 0; i < count; i++) {
    peri_str pattern = peri_node_text(c->hosts->type == PERI_N_TABLE ? c->hosts->items[i] : c->hosts);
    if (pattern.n && peri_str_glob(pattern, host)) return true;
  }
  return false;
}

static bool put_whole_url(peri_scope *s, const peri_node *hole, peri_str v, peri_buf *out) {
  peri_err why = {0};
  peri_url url;
  peri_str name = peri_hole_name(s->a, hole);
  if (!peri_url_absolute(v) || !peri_url_read(s->a, v, &url, &why)) {
    peri_scope_fail(s, hole->line, "%.*s is no URL: %s", PERI_S(name), why.text[0] ? why.text : "it needs https:// and a host");
    return false;
  }
  if (!host_allowed(s->c, url.host)) {
    peri_scope_fail(s, hole->line, "%.*s names the host %.*s, which is none of the connector's hosts", PERI_S(name), PERI_S(url.host));
    return false;
  }
  while (v.n && v.p[v.n - 1] == '/') v.n--;
  peri_buf_str(out, v);
  return true;
}

static bool put_label(peri_scope *s, const peri_node *hole, peri_str v, peri_buf *out) {
  bool good = v.n > 0 && v.n <= 63 && v.p[0] != '-';
  for (size_t i = 0; i < v.n && good; i++) {
    char c = v.p[i];
    good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  }
  if (good) {
    peri_buf_str(out, v);
    return true;
  }
  peri_str name = peri_hole_name(s->a, hole);
  peri_scope_fail(s, hole->line, "%.*s stands in the host, where only letters, digits and hyphens may", PERI_S(name));
  return false;
}

static bool put_segments(peri_scope *s, const peri_node *hole, peri_str v, peri_buf *out) {
  bool slashes = peri_str_is(peri_node_opt_text(hole, "as"), "path");
  peri_str rest = v, name = peri_hole_name(s->a, hole);
  if (!v.n) {
    peri_scope_fail(s, hole->line, "%.*s is empty, so the path would be another one; the request is not sent", PERI_S(name));
    return false;
  }
  for (bool first = true; first || rest.n; first = false) {
    peri_str segment = rest;
    if (slashes) rest = peri_str_cut(rest, '/', &segment);
    else rest = (peri_str){NULL, 0};
    if (peri_str_is(segment, ".") || peri_str_is(segment, "..")) {
      peri_scope_fail(s, hole->line, "%.*s is \"%.*s\", which would climb out of its path; the request is not sent", PERI_S(name), PERI_S(v));
      return false;
    }
    if (!first) peri_buf_char(out, '/');
    peri_url_segment(out, segment);
    if (slashes && !rest.n && v.p[v.n - 1] == '/') peri_buf_char(out, '/');
  }
  return true;
}

static bool put_hole(peri_scope *s, const peri_node *hole, bool whole, peri_buf *out) {
  bool verbatim;
  peri_str v;
  const peri_json *value = peri_hole_value(s, hole, &verbatim);
  if (s->code != PERI_OK) return false;
  if (!value || !peri_hole_text(s->a, value, PERI_STR(","), &v)) {
    peri_str name = peri_hole_name(s->a, hole);
    peri_scope_fail(s, hole->line, "%.*s has no value, and it stands in the path; the request is not sent", PERI_S(name));
    return false;
  }
  if (verbatim || s->fill->named) {
    peri_buf_str(out, v);
    return true;
  }
  if (!out->n && (whole || url_setting(s, hole))) return put_whole_url(s, hole, v, out);
  switch (place_of(out)) {
  case IN_HOST: return put_label(s, hole, v, out);
  case IN_PATH: return put_segments(s, hole, v, out);
  case IN_QUERY: peri_url_query(out, v); return true;
  }
  return false;
}

bool peri_url_fill(peri_scope *s, const peri_node *n, bool whole, peri_buf *out) {
  if (!n) return true;
  if (n->type == PERI_N_TEXT) {
    peri_buf_str(out, n->u.text);
    return true;
  }
  if (n->type == PERI_N_WORD) return put_hole(s, n, whole, out);
  if (n->type == PERI_N_JOIN) {
    for (size_t i = 0; i < n->item_count; i++)
      if (!peri_url_fill(s, n->items[i], whole && i == 0, out)) return false;
    return true;
  }
  if (n->type == PERI_N_INT) {
    peri_buf_fmt(out, "%lld", (long long)n->u.i);
    return true;
  }
  peri_scope_fail(s, n->line, "a path is made of texts and holes only");
  return false;
}

/* ---- entries ---- */

void peri_entries_set(peri_arena *a, peri_entries *e, peri_str key, const peri_json *value) {
  for (size_t i = 0; i < e->count; i++) {
    if (!peri_str_eq(e->items[i].key, key)) continue;
    if (value) e->items[i].value = value;
    else {
      memmove(&e->items[i], &e->items[i + 1], (e->count - i - 1) * sizeof *e->items);
      e->count--;
    }
    return;
  }
  if (!value) return;
  e->items = peri_arena_grow(a, e->items, e->count, &e->cap, sizeof *e->items);
  e->items[e->count++] = (peri_entry){key, value};
}

void peri_entries_add(peri_scope *s, peri_entries *e, const peri_node *table) {
  if (!table || table->type != PERI_N_TABLE) return;
  for (size_t i = 0; i < table->member_count; i++) {
    const peri_json *v = peri_hole_json(s, table->members[i].value);
    if (v && v->type != PERI_J_NULL) peri_entries_set(s->a, e, table->members[i].key, v);
  }
}

static void put_encoded(peri_buf *out, peri_str t, bool named) {
  if (named) peri_buf_str(out, t);
  else peri_url_query(out, t);
}

static void put_pair(peri_arena *a, peri_str key, const peri_json *value, bool named, peri_buf *out, int depth) {
  peri_str t;
  if (depth > 16) return;
  if (value->type == PERI_J_OBJECT) {
    for (const peri_json *m = value->first; m; m = m->next) put_pair(a, peri_arena_fmt(a, "%.*s[%.*s]", PERI_S(key), PERI_S(m->key)), m, named, out, depth + 1);
    return;
  }
  if (value->type == PERI_J_ARRAY && (peri_str_ends(key, PERI_STR("[]")) || (value->first && value->first->type == PERI_J_OBJECT))) {
    for (const peri_json *i = value->first; i; i = i->next) put_pair(a, key, i, named, out, depth + 1);
    return;
  }
  if (!peri_hole_text(a, value, PERI_STR(","), &t)) return;
  if (out->n) peri_buf_char(out, '&');
  put_encoded(out, key, named);
  peri_buf_char(out, '=');
  if (value->type != PERI_J_ARRAY) {
    put_encoded(out, t, named);
    return;
  }
  bool first = true; /* the comma itself stays readable: it is allowed in a query, and encoded it triples */
  for (const peri_json *i = value->first; i; i = i->next) {
    if (!peri_hole_text(a, i, PERI_STR(","), &t)) continue;
    if (!first) peri_buf_char(out, ',');
    first = false;
    put_encoded(out, t, named);
  }
}

void peri_entries_put(peri_arena *a, const peri_entries *e, bool named, peri_buf *out) {
  peri_buf pairs = {0};
  for (size_t i = 0; i < e->count; i++) put_pair(a, e->items[i].key, e->items[i].value, named, &pairs, 0);
  peri_buf_str(out, peri_buf_view(&pairs));
  peri_buf_fini(&pairs);
}
