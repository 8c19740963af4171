/* core/pager: from one page to the next: what must be read of a page, what goes into the next request, and when it is over. A reply is not trusted:
 * the same cursor twice, endless empty pages and links to elsewhere end the run with a name (`paging_loop`, `bad_reply`). */
#include "core/request.h"

#define PLACE_BYTES_MAX (32 << 10) /* a cursor or a link; servers answer 414 to much less */

static bool prefixed(peri_str path) {
  return peri_str_starts(path, PERI_STR("header:")) || peri_str_starts(path, PERI_STR("status:")) || peri_str_starts(path, PERI_STR("setting:"));
}

static size_t texts_of(const peri_node *n) { return !n ? 0 : n->type == PERI_N_TABLE ? n->item_count : 1; }
static peri_str text_at(const peri_node *n, size_t i) { return peri_node_text(n->type == PERI_N_TABLE ? n->items[i] : n); }

/* `done` is a path, or a `when` whose "ok" and "done" end the paging. */
static peri_str done_path(const peri_node *pager) {
  const peri_node *done = peri_node_get(pager, "done");
  return peri_node_is(done, "when") ? peri_node_text(done->what) : peri_node_text(done);
}

/* ---- what to read of a page ---- */

static bool has_pairs(const peri_request *r) {
  peri_str send = peri_node_opt_text(r->pager, "send");
  return r->pages == PERI_PAGES_CURSOR && send.p && memmem(send.p, send.n, "[].", 3);
}

static void add_path(peri_jw *w, peri_str path) {
  if (path.n && !prefixed(path)) peri_jw_text(w, path);
}

void peri_request_page_paths(const peri_request *r, peri_jw *w) {
  add_path(w, r->since_path);
  if (!r->pager) return;
  if (r->pages == PERI_PAGES_LINK) add_path(w, peri_node_text(r->pager->what));
  if (r->pages != PERI_PAGES_CURSOR && r->pages != PERI_PAGES_COUNT) return;
  const peri_node *read = peri_node_get(r->pager, "read");
  for (size_t i = 0; i < texts_of(read) && !has_pairs(r); i++) add_path(w, text_at(read, i));
  add_path(w, peri_node_opt_text(r->pager, "more"));
  add_path(w, peri_node_opt_text(r->pager, "total"));
  add_path(w, done_path(r->pager));
}

bool peri_request_pairs(const peri_request *r, peri_str *list, peri_str *match, peri_str *value) {
  if (!has_pairs(r)) return false;
  peri_str read = peri_node_opt_text(r->pager, "read");
  const char *brackets = read.p ? memmem(read.p, read.n, "[].", 3) : NULL;
  if (!brackets) return false;
  size_t n = (size_t)(brackets - read.p) + 2;
  *list = (peri_str){read.p, n};
  *value = peri_str_from(read, n + 1);
  *match = peri_str_starts(r->match, PERI_STR("parent:")) ? peri_str_from(r->match, 7) : r->match;
  return match->n > 0;
}

/* ---- what goes into a request ---- */

static bool by_records(const peri_request *r) { return peri_str_is(peri_node_opt_text(r->pager, "by"), "records"); }
static int64_t first_number(const peri_request *r) { return peri_node_opt_int(r->pager, "first", by_records(r) ? 0 : 1); }

bool peri_pager_send(peri_arena *a, const peri_request *r, const peri_page_state *page, peri_str *target, const peri_json **value) {
  if (r->pages != PERI_PAGES_CURSOR && r->pages != PERI_PAGES_COUNT) return false;
  *target = peri_node_opt_text(r->pager, "send");
  if (r->pages == PERI_PAGES_COUNT) {
    int64_t number = page && page->pages ? page->number : first_number(r);
    *value = peri_json_new(a, PERI_J_NUMBER, peri_arena_fmt(a, "%lld", (long long)number));
    return true;
  }
  if (!page || !page->token.n || has_pairs(r)) return false;
  peri_json_fault fault;
  *value = peri_json_parse(a, page->token, &fault);
  return *value != NULL;
}

/* ---- after a page ---- */

typedef struct step {
  peri_arena *a;
  const peri_request *r;
  const peri_json *values;
  const peri_http_reply *reply;
  peri_str base;
  peri_page_state *state;
  peri_err *e;
} step;

/* A page's value; NULL where it is absent or null. */
static const peri_json *value_of(const step *t, peri_str path) {
  if (!path.n) return NULL;
  if (peri_str_starts(path, PERI_STR("header:"))) {
    peri_str h = t->reply ? peri_reply_header(t->reply, peri_str_from(path, 7)) : (peri_str){NULL, 0};
    return h.p ? peri_json_new(t->a, PERI_J_STRING, h) : NULL;
  }
  const peri_json *v = peri_json_get_str(t->values, path);
  return v && v->type != PERI_J_NULL && v->type != PERI_J_NONE ? v : NULL;
}

static bool is_read(const peri_request *r, peri_str key) {
  const peri_node *read = peri_node_get(r->pager, "read");
  for (size_t i = 0; i < texts_of(read); i++)
    if (peri_str_eq(text_at(read, i), key)) return true;
  return peri_str_eq(key, r->since_path) || peri_str_eq(key, peri_node_opt_text(r->pager, "more")) || peri_str_eq(key, peri_node_opt_text(r->pager, "total")) ||
         peri_str_eq(key, done_path(r->pager)) || (r->pages == PERI_PAGES_LINK && peri_str_eq(key, peri_node_text(r->pager->what)));
}

/* A worker names a place above a path where something stands that can hold no members: a `paging` that is a number is no last page. */
static peri_code misplaced(const step *t) {
  for (const peri_json *m = t->values && t->r->pager ? t->values->first : NULL; m; m = m->next)
    if (m->type == PERI_J_TRUE && !is_read(t->r, m->key))
      return peri_fail(t->e, PERI_BAD_REPLY, "%.*s: page %lld has no object at '%.*s', where the way to the next page should stand", PERI_S(t->r->label), (long long)t->state->pages,
                       PERI_S(m->key));
  return PERI_OK;
}

/* A cursor goes into a URL, where only a text or a number makes sense; a body takes anything but true. */
static bool odd_cursor(const step *t, const peri_json *v) {
  bool whole = peri_str_starts(peri_node_opt_text(t->r->pager, "send"), PERI_STR("body."));
  return v && (v->type == PERI_J_TRUE || (!whole && (v->type == PERI_J_OBJECT || v->type == PERI_J_ARRAY)));
}

static bool truthy(const peri_json *v) {
  if (!v || v->type == PERI_J_FALSE) return false;
  if (v->type == PERI_J_STRING) return v->text.n && !peri_str_is(v->text, "false") && !peri_str_is(v->text, "0");
  if (v->type == PERI_J_NUMBER) {
    double d;
    return peri_number_double(v->text, &d) && d != 0;
  }
  return true;
}

static bool said_done(const step *t) {
  const peri_node *done = peri_node_get(t->r->pager, "done"), *more = peri_node_get(t->r->pager, "more");
  if (more && !truthy(value_of(t, peri_node_text(more)))) return true;
  if (!done) return false;
  const peri_json *v = value_of(t, done_path(t->r->pager));
  if (!peri_node_is(done, "when")) return truthy(v);
  peri_str text = {NULL, 0};
  bool present = v && peri_hole_text(t->a, v, PERI_STR(","), &text);
  peri_str action = peri_node_text(peri_node_value(peri_when_choose(done->opts, text, present)));
  return peri_str_is(action, "ok") || peri_str_is(action, "done");
}

static peri_code loop(const step *t, const char *what) {
  return peri_fail(t->e, PERI_PAGING_LOOP, "%.*s: page %lld answers the same %s as page %lld; stopped (a paging loop)", PERI_S(t->r->label),
                   (long long)t->state->pages, what, (long long)t->state->pages - 1);
}

/* It would be kept, and asked for in vain by every run to come. */
static peri_code too_long(const step *t, size_t bytes) {
  return peri_fail(t->e, PERI_BAD_REPLY, "%.*s: page %lld names a next page in %zu bytes; no more than %d make sense", PERI_S(t->r->label), (long long)t->state->pages, bytes,
                   PLACE_BYTES_MAX);
}

static bool is_none(const step *t, const peri_json *v) {
  const peri_node *none = peri_node_get(t->r->pager, "none");
  peri_str text, written;
  if (!v || v->type == PERI_J_FALSE || !peri_hole_text(t->a, v, PERI_STR(","), &text) || !text.n) return true;
  for (size_t i = 0; i < texts_of(none); i++) {
    const peri_node *n = none->type == PERI_N_TABLE ? none->items[i] : none;
    if (n->type == PERI_N_TEXT) written = n->u.text;
    else if (n->type == PERI_N_INT) written = peri_arena_fmt(t->a, "%lld", (long long)n->u.i);
    else if (n->type == PERI_N_BOOL) written = n->u.b ? PERI_STR("true") : PERI_STR("false");
    else continue;
    if (peri_str_eq(text, written)) return true;
  }
  return false;
}

static peri_str json_text(const step *t, const peri_json *v) {
  peri_buf out = {0};
  peri_json_put(&out, v);
  peri_str s = peri_arena_str(t->a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return s;
}

static peri_code step_pairs(const step *t, const peri_json *pairs, peri_page_next *next) {
  if (!pairs || pairs->type != PERI_J_ARRAY || !pairs->count) {
    t->state->pairs = (peri_str){NULL, 0};
    return PERI_OK;
  }
  peri_str now = json_text(t, pairs);
  if (peri_str_eq(now, t->state->pairs)) return loop(t, "cursors");
  t->state->pairs = now;
  *next = PERI_PAGE_NEXT;
  return PERI_OK;
}

static peri_code step_cursor(const step *t, peri_page_next *next) {
  const peri_node *read = peri_node_get(t->r->pager, "read");
  const peri_json *v = NULL;
  if (said_done(t)) return PERI_OK;
  for (size_t i = 0; i < texts_of(read) && !v; i++) v = value_of(t, text_at(read, i));
  if (odd_cursor(t, v))
    return peri_fail(t->e, PERI_BAD_REPLY, "%.*s: page %lld names a next page that is neither a text nor a number", PERI_S(t->r->label), (long long)t->state->pages);
  if (is_none(t, v)) return PERI_OK;
  int64_t most = peri_node_opt_int(t->r->pager, "most", 0);
  if (most > 0 && t->state->read >= most) {
    if (t->r->uses_since) return PERI_OK; /* the stream goes on from its last stamp */
    return peri_fail(t->e, PERI_BAD_REPLY, "%.*s: the API has more than the %lld records that this paging reaches, and the request has no since to go on from",
                     PERI_S(t->r->label), (long long)most);
  }
  peri_str token = json_text(t, v);
  if (token.n > PLACE_BYTES_MAX) return too_long(t, token.n);
  if (peri_str_eq(token, t->state->token)) return loop(t, "cursor");
  t->state->token = token;
  *next = PERI_PAGE_NEXT;
  return PERI_OK;
}

/* The target of rel in `<url>; rel="next", <url>; rel="last"` (RFC 8288); a text without `<` is the URL itself. */
static peri_str link_target(peri_str text, peri_str rel) {
  peri_str none = {NULL, 0};
  if (!text.n || !memchr(text.p, '<', text.n)) return text;
  while (text.n) {
    const char *open = memchr(text.p, '<', text.n);
    if (!open) return none;
    peri_str url, rest = peri_str_cut(peri_str_from(text, (size_t)(open - text.p) + 1), '>', &url);
    size_t end = 0;
    for (bool in_quotes = false; end < rest.n && (in_quotes || rest.p[end] != ','); end++)
      if (rest.p[end] == '"') in_quotes = !in_quotes;
    for (peri_str params = {rest.p, end}, one; params.n;) {
      params = peri_str_cut(params, ';', &one);
      one = peri_str_trim(one);
      peri_str name, value = peri_str_trim(peri_str_cut(one, '=', &name));
      if (!peri_str_eq_nocase(peri_str_trim(name), PERI_STR("rel"))) continue;
      if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"') value = (peri_str){value.p + 1, value.n - 2};
      for (peri_str word; value.n;) { /* rel may hold several words */
        value = peri_str_cut(value, ' ', &word);
        if (peri_str_eq_nocase(word, rel)) return url;
      }
    }
    text = peri_str_from(rest, end);
  }
  return none;
}

/* Only path and query count. A link to this host is kept as it is; one to another host, or without one, belongs below the base's own path
 * (a proxy's prefix, WordPress behind "/?rest_route="), unless it already starts with it. */
static peri_code place_link(const step *t, peri_str url, peri_str *out) {
  for (size_t i = 0; i < url.n; i++)
    if ((unsigned char)url.p[i] <= 32 || url.p[i] == 127 || url.p[i] == '\\')
      return peri_fail(t->e, PERI_BAD_REPLY, "%.*s: the link to the next page holds a space or a control character", PERI_S(t->r->label));
  peri_str rest, below, ignored, link_origin = {NULL, 0};
  peri_str_cut(url, '#', &url);
  if (peri_str_starts(url, PERI_STR("//"))) url = peri_arena_fmt(t->a, "https:%.*s", PERI_S(url));
  rest = url;
  if (url.p && memmem(url.p, url.n, "://", 3) && url.p[0] != '/' && url.p[0] != '?') link_origin = peri_url_origin(url, &rest);
  peri_str origin = peri_url_origin(t->base, &below);
  if (!rest.n) rest = PERI_STR("/");
  if (!rest.p || (rest.p[0] != '/' && rest.p[0] != '?'))
    return peri_fail(t->e, PERI_BAD_REPLY, "%.*s: the link to the next page is neither a URL nor a path: %.*s", PERI_S(t->r->label), (int)(rest.n < 200 ? rest.n : 200), rest.p);
  peri_str host = peri_str_cut(origin, ':', &ignored), link_host = peri_str_cut(link_origin, ':', &ignored); /* without the scheme: proxies change it */
  bool here = link_origin.n && peri_str_eq_nocase(host, link_host);
  bool inside = !below.n || (peri_str_starts(rest, below) && (rest.n == below.n || strchr("/?&=%", rest.p[below.n]) || strchr("/=", below.p[below.n - 1])));
  bool relative_query = !link_origin.n && rest.p[0] == '?';
  *out = here || inside || relative_query ? peri_arena_str(t->a, rest) : peri_arena_fmt(t->a, "%.*s%.*s", PERI_S(below), PERI_S(rest));
  return PERI_OK;
}

static peri_code step_link(const step *t, peri_page_next *next) {
  peri_str path = peri_node_text(t->r->pager->what), rel = peri_node_opt_text(t->r->pager, "rel"), text, placed = {NULL, 0};
  if (!path.n) path = PERI_STR("header:Link");
  const peri_json *v = value_of(t, path);
  if (!v || !peri_hole_text(t->a, v, PERI_STR(","), &text)) return PERI_OK;
  text = peri_str_trim(link_target(text, rel.n ? rel : PERI_STR("next")));
  if (!text.n) return PERI_OK;
  peri_code code = place_link(t, text, &placed);
  if (code != PERI_OK) return code;
  if (placed.n > PLACE_BYTES_MAX) return too_long(t, placed.n);
  if (peri_str_eq(placed, t->state->link)) return loop(t, "link");
  t->state->link = placed;
  *next = PERI_PAGE_NEXT;
  return PERI_OK;
}

static peri_code step_count(const step *t, size_t records, peri_page_next *next) {
  int64_t first = first_number(t->r), total = -1, asked = t->state->pages == 1 ? first : t->state->number;
  const peri_json *v = value_of(t, peri_node_opt_text(t->r->pager, "total"));
  if (v) total = peri_json_int(v, -1);
  t->state->number = by_records(t->r) ? first + t->state->read : asked + 1;
  bool told = total >= 0 || peri_node_get(t->r->pager, "more") || peri_node_get(t->r->pager, "done");
  if (said_done(t) || (records == 0 && !told)) return PERI_OK; /* a page may be empty because its records are not for this user, and others follow */
  if (total >= 0 && (by_records(t->r) ? t->state->read : asked - first + 1) >= total) return PERI_OK;
  *next = PERI_PAGE_NEXT;
  return PERI_OK;
}

peri_code peri_page_step(peri_arena *a, const peri_request *r, const peri_json *values, const peri_json *pairs, const peri_http_reply *reply, size_t records, peri_str base,
                         peri_page_state *state, peri_page_next *next, peri_err *e) {
  step t = {.a = a, .r = r, .values = values, .reply = reply, .base = base, .state = state, .e = e};
  peri_code code = PERI_OK;
  *next = PERI_PAGE_LAST;
  state->pages++;
  state->read += (int64_t)records;
  state->empty = records ? 0 : state->empty + 1;
  if ((code = misplaced(&t)) != PERI_OK) return code;
  switch (r->pages) {
  case PERI_PAGES_NONE: return PERI_OK;
  case PERI_PAGES_AGAIN:
    if (records && (r->again_most <= 0 || (int64_t)records >= r->again_most)) *next = PERI_PAGE_NEXT;
    return PERI_OK;
  case PERI_PAGES_CURSOR: code = has_pairs(r) ? step_pairs(&t, pairs, next) : step_cursor(&t, next); break;
  case PERI_PAGES_LINK: code = step_link(&t, next); break;
  case PERI_PAGES_COUNT: code = step_count(&t, records, next); break;
  }
  if (code == PERI_OK && *next == PERI_PAGE_NEXT && state->empty > PERI_EMPTY_PAGES_MAX)
    return peri_fail(e, PERI_PAGING_LOOP, "%.*s: %lld pages in a row held no record and each named a next one; stopped (a paging loop)", PERI_S(r->label),
                     (long long)state->empty);
  return code;
}
