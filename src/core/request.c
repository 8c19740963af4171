/* core/request: a request with holes and a moment of a run become what is sent. Start at peri_request_fill. Pure; credentials of `auth` are not here
 * (the driver adds them, for trusted hosts only). Refuses: absent path holes, control characters in headers, jobs. */
#include "core/request.h"

typedef struct headers { peri_header *items; size_t count, cap; } headers;

static void set_header(peri_scope *s, headers *h, peri_str name, peri_str value, int line) {
  for (size_t i = 0; i < value.n; i++)
    if ((unsigned char)value.p[i] < 32 || value.p[i] == 127) {
      peri_scope_fail(s, line, "the header %.*s would hold a control character; the request is not sent", PERI_S(name));
      return;
    }
  for (size_t i = 0; i < h->count; i++)
    if (peri_str_eq_nocase(h->items[i].name, name)) {
      h->items[i].value = value;
      return;
    }
  h->items = peri_arena_grow(s->a, h->items, h->count, &h->cap, sizeof *h->items);
  h->items[h->count++] = (peri_header){name, value};
}

static void add_headers(peri_scope *s, headers *h, const peri_node *table) {
  if (!table || table->type != PERI_N_TABLE) return;
  for (size_t i = 0; i < table->member_count; i++) {
    peri_str text;
    const peri_json *v = peri_hole_json(s, table->members[i].value);
    if (peri_hole_text(s->a, v, PERI_STR(","), &text)) set_header(s, h, table->members[i].key, text, table->members[i].value->line);
  }
}

/* Puts a value at "a.b.c" of a body, making the objects on the way. */
static void set_at(peri_arena *a, peri_json *body, peri_str path, const peri_json *value) {
  peri_str head;
  bool last = !path.n || !memchr(path.p, '.', path.n);
  peri_str rest = peri_str_cut(path, '.', &head);
  if (body->type != PERI_J_OBJECT) return;
  if (last) {
    peri_json *own = peri_json_new(a, PERI_J_NULL, (peri_str){NULL, 0});
    *own = *value;
    peri_json_member(a, body, head, own);
    return;
  }
  peri_json *child = peri_json_get_str(body, head);
  if (!child || child->type != PERI_J_OBJECT) {
    peri_json_member(a, body, head, peri_json_new(a, PERI_J_OBJECT, (peri_str){NULL, 0}));
    child = peri_json_get_str(body, head);
  }
  if (child) set_at(a, child, rest, value);
}

/* ---- URL ---- */

/* Where a link of a reply leads: on this origin, whatever host it named. "?page=2" keeps the request's path. */
static peri_str linked_url(peri_arena *a, peri_str base, peri_str asked, peri_str link) {
  peri_str rest;
  if (link.n && link.p[0] == '?') {
    const char *mark = memchr(asked.p, '?', asked.n);
    peri_str path = mark ? (peri_str){asked.p, (size_t)(mark - asked.p)} : asked;
    return peri_arena_fmt(a, "%.*s%.*s", PERI_S(path), PERI_S(link));
  }
  peri_str origin = peri_url_origin(peri_url_absolute(asked) ? asked : base, &rest);
  return peri_arena_fmt(a, "%.*s%.*s", PERI_S(origin), PERI_S(link));
}

static void drop_without(peri_scope *s, peri_entries *query) {
  const peri_node *without = peri_node_get(s->r->pager, "without");
  size_t count = !without ? 0 : without->type == PERI_N_TABLE ? without->item_count : 1;
  for (size_t i = 0; i < count; i++) {
    peri_str name = peri_node_text(without->type == PERI_N_TABLE ? without->items[i] : without);
    if (peri_str_starts(name, PERI_STR("query."))) name = peri_str_from(name, 6);
    peri_entries_set(s->a, query, name, NULL);
  }
}

static peri_str fill_url(peri_scope *s, peri_str base, peri_str target, const peri_json *sent) {
  peri_buf path = {0}, url = {0};
  peri_str none = {NULL, 0}, result = none;
  if (peri_url_fill(s, s->r->path, false, &path)) {
    peri_str filled = peri_arena_str(s->a, peri_buf_view(&path));
    peri_str whole = peri_url_absolute(filled) ? filled : peri_url_join(s->a, base, filled);
    const peri_page_state *page = s->fill->page;
    if (page && page->link.n && s->r->pages == PERI_PAGES_LINK) result = linked_url(s->a, base, whole, page->link);
    else {
      peri_entries query = {0};
      s->secrets_ok = true; /* some APIs know no other place for it; the redactor keeps it out of logs */
      peri_entries_add(s, &query, s->c->query);
      peri_entries_add(s, &query, s->r->query);
      if (sent && s->r->pages == PERI_PAGES_CURSOR) drop_without(s, &query);
      if (sent && peri_str_starts(target, PERI_STR("query."))) peri_entries_set(s->a, &query, peri_str_from(target, 6), sent);
      peri_buf_str(&url, whole);
      size_t before = url.n;
      peri_buf_char(&url, memchr(whole.p, '?', whole.n) ? '&' : '?');
      size_t empty = url.n;
      peri_entries_put(s->a, &query, s->fill->named, &url);
      if (url.n == empty) url.n = before;
      result = peri_arena_str(s->a, peri_buf_view(&url));
    }
  }
  peri_buf_fini(&path);
  peri_buf_fini(&url);
  return s->code == PERI_OK ? result : none;
}

/* ---- body ---- */

static peri_str encode_form(peri_scope *s, peri_str target, const peri_json *sent) {
  peri_entries entries = {0};
  peri_buf out = {0};
  const peri_json *form = peri_hole_json(s, s->r->form);
  for (const peri_json *m = form && form->type == PERI_J_OBJECT ? form->first : NULL; m; m = m->next)
    if (m->type != PERI_J_NULL) peri_entries_set(s->a, &entries, m->key, m);
  if (sent && peri_str_starts(target, PERI_STR("form."))) peri_entries_set(s->a, &entries, peri_str_from(target, 5), sent);
  peri_entries_put(s->a, &entries, s->fill->named, &out);
  peri_str body = peri_arena_str(s->a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return body;
}

static peri_str encode_body(peri_scope *s, peri_str target, const peri_json *sent, const char **type) {
  const peri_node *n = s->r->body;
  bool into = sent && peri_str_starts(target, PERI_STR("body.")) && !memmem(target.p, target.n, "[]", 2);
  peri_str text = {NULL, 0};
  if (n && (n->type == PERI_N_TEXT || n->type == PERI_N_JOIN)) {
    if (n->type == PERI_N_TEXT) text = n->u.text;
    else if (!peri_hole_joined(s, n, &text)) peri_scope_fail(s, n->line, "a hole of the body has no value; the request is not sent");
    peri_str inner = peri_str_trim(text);
    *type = inner.n && (inner.p[0] == '{' || inner.p[0] == '[') ? "application/json" : "text/plain; charset=utf-8";
    return text;
  }
  if (!n && !into) return text;
  peri_json *body = n ? peri_hole_json(s, n) : peri_json_new(s->a, PERI_J_OBJECT, text);
  if (!body) {
    peri_scope_fail(s, n ? n->line : s->r->line, "the body has no value; the request is not sent");
    return text;
  }
  if (into) set_at(s->a, body, peri_str_from(target, 5), sent);
  peri_buf out = {.max = PERI_PAGE_BYTES_MAX};
  peri_json_put(&out, body);
  if (out.over) peri_scope_fail(s, s->r->line, "the body would be larger than %u MB; a smaller batch helps", PERI_PAGE_BYTES_MAX >> 20);
  *type = "application/json";
  text = peri_arena_str(s->a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return text;
}

/* ---- rate class ---- */

/* Limits with `per` have a budget for each value: "class@value". */
static peri_str rate_class(peri_scope *s) {
  const peri_node *limits = peri_node_get_str(s->c->rates, s->r->rate);
  const peri_node *per = NULL;
  if (limits && limits->type == PERI_N_TABLE) {
    per = peri_node_get(limits, "per");
    for (size_t i = 0; i < limits->item_count && !per; i++)
      if (limits->items[i]->type == PERI_N_TABLE) per = peri_node_get(limits->items[i], "per");
  }
  peri_str path = peri_node_text(per), value = {NULL, 0};
  if (!path.n) return s->r->rate;
  bool verbatim;
  if (peri_str_starts(path, PERI_STR("setting:")))
    peri_hole_text(s->a, peri_connector_value(s->a, s->c, s->fill->settings, peri_str_from(path, 8), &verbatim), PERI_STR(","), &value);
  else {
    if (peri_str_starts(path, PERI_STR("parent:"))) path = peri_str_from(path, 7);
    peri_node *hole = peri_node_new(s->a, PERI_N_WORD);
    hole->word = PERI_STR("parent");
    if (path.n) hole->what = peri_node_of_text(s->a, path);
    bool named = s->fill->named;
    const peri_json *v = named ? NULL : peri_hole_value(s, hole, &verbatim);
    peri_hole_text(s->a, v, PERI_STR(","), &value);
  }
  return value.n && value.n < 200 ? peri_arena_fmt(s->a, "%.*s@%.*s", PERI_S(s->r->rate), PERI_S(value)) : s->r->rate;
}

peri_code peri_request_fill(peri_arena *a, const peri_request *r, const peri_fill *fill, peri_str base, peri_outgoing *out, peri_err *e) {
  peri_scope s;
  peri_scope_init(&s, a, fill->connector, r, fill, e);
  *out = (peri_outgoing){.method = r->method, .cost = r->cost, .timeout_ms = r->timeout_ms};
  if (r->job[0]) {
    peri_scope_fail(&s, r->line, "%.*s is a job, which this perilune checks and shows but does not run", PERI_S(r->label));
    return s.code;
  }
  if (!r->method) {
    peri_scope_fail(&s, r->line, "%.*s is a choice that no setting decides, and it has no otherwise", PERI_S(r->label));
    return s.code;
  }
  headers h = {0};
  peri_str target = {NULL, 0};
  const peri_json *sent = NULL;
  const char *type = NULL;
  if (!peri_pager_send(a, r, fill->page, &target, &sent)) sent = NULL;
  out->url = fill_url(&s, base, target, sent);
  s.secrets_ok = true;
  set_header(&s, &h, PERI_STR("Accept"), peri_str_is(r->format, "ndjson") ? PERI_STR("application/x-ndjson, application/json") : PERI_STR("application/json"), 0);
  if (r->form) {
    out->body = encode_form(&s, target, sent);
    type = "application/x-www-form-urlencoded";
  } else out->body = encode_body(&s, target, sent, &type);
  if (type) set_header(&s, &h, PERI_STR("Content-Type"), peri_str_of(type), 0);
  add_headers(&s, &h, s.c->headers);
  add_headers(&s, &h, r->headers);
  peri_str value;
  if (sent && peri_str_starts(target, PERI_STR("header.")) && peri_hole_text(a, sent, PERI_STR(","), &value))
    set_header(&s, &h, peri_str_from(target, 7), value, r->line);
  out->rate = rate_class(&s);
  out->headers = h.items;
  out->header_count = h.count;
  out->wanted_over = s.wanted_over;
  peri_url url;
  peri_err why = {0};
  if (s.code == PERI_OK && !fill->named && !peri_url_read(a, out->url, &url, &why)) peri_scope_fail(&s, r->line, "%.*s: %s", PERI_S(r->label), why.text);
  return s.code;
}
