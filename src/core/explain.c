/* core/explain: `perilune explain NAME STREAM`: each request with its holes named, then as it would be sent, in lines for people. Sends nothing, and shows
 * no secret: a fill for explaining has no callback that could give one. */
#include "core/request.h"

static void put_message(peri_buf *text, const char *indent, const peri_outgoing *o) {
  peri_buf_fmt(text, "%s%s %.*s\n", indent, o->method, PERI_S(o->url));
  for (size_t i = 0; i < o->header_count; i++) peri_buf_fmt(text, "%s  %.*s: %.*s\n", indent, PERI_S(o->headers[i].name), PERI_S(o->headers[i].value));
  if (o->body.n) peri_buf_fmt(text, "%s  %.*s\n", indent, PERI_S(o->body));
}

static void put_pages(peri_buf *text, const peri_request *r) {
  peri_str send = peri_node_opt_text(r->pager, "send"), read = peri_node_opt_text(r->pager, "read");
  switch (r->pages) {
  case PERI_PAGES_NONE: peri_buf_c_str(text, "one page"); break;
  case PERI_PAGES_AGAIN:
    peri_buf_c_str(text, "pages: again from the greatest stamp seen");
    if (r->again_most > 0) peri_buf_fmt(text, ", while a page holds %lld records", (long long)r->again_most);
    break;
  case PERI_PAGES_CURSOR: peri_buf_fmt(text, "pages: %.*s of the reply goes into %.*s", PERI_S(read), PERI_S(send)); break;
  case PERI_PAGES_LINK: {
    peri_str path = peri_node_text(r->pager->what);
    peri_buf_fmt(text, "pages: the link in %.*s", PERI_S(path.n ? path : PERI_STR("header:Link")));
    break;
  }
  case PERI_PAGES_COUNT: peri_buf_fmt(text, "pages: counted into %.*s", PERI_S(send)); break;
  }
  peri_str records = r->records;
  if (!records.n) peri_buf_c_str(text, " · the reply is the record");
  else if (peri_str_is(records, "[]")) peri_buf_c_str(text, " · the reply is the list of records");
  else peri_buf_fmt(text, " · records at %.*s", PERI_S(records));
  if (r->batch > 0) peri_buf_fmt(text, " · %lld in one request", (long long)r->batch);
  peri_buf_fmt(text, " · rate class %.*s", PERI_S(r->rate));
  if (r->cost != 1) peri_buf_fmt(text, ", cost %lld", (long long)r->cost);
  peri_buf_char(text, '\n');
}

static void explain_request(peri_arena *a, const peri_connector *c, const peri_request *r, const char *slot, const peri_fill *fill, peri_str base, peri_buf *text, int depth) {
  static const char *const steps[4] = {"create", "poll", "read", "drop"};
  if (!r || depth > 4) return;
  if (r->choice_count) {
    peri_buf_fmt(text, "%s: chosen by %.*s (%.*s:%d)\n", slot, PERI_S(peri_node_text(r->node->what)), PERI_S(c->path), r->line);
    for (size_t i = 0; i < r->choice_count; i++) {
      peri_str key = r->node->opts->members[i].key;
      peri_str name = peri_arena_fmt(a, "%s where it is %.*s", slot, PERI_S(key));
      if (peri_str_is(key, "otherwise")) name = peri_arena_fmt(a, "%s otherwise", slot);
      explain_request(a, c, r->choices[i], name.p, fill, base, text, depth + 1);
    }
    return;
  }
  if (r->job[0]) {
    peri_buf_fmt(text, "%s: a job (%.*s:%d); this perilune checks and shows jobs but does not run them\n", slot, PERI_S(c->path), r->line);
    for (size_t i = 0; i < 4; i++) {
      peri_str name = peri_arena_fmt(a, "%s %s", slot, steps[i]);
      explain_request(a, c, r->job[i], name.p, fill, base, text, depth + 1);
    }
    return;
  }
  peri_buf_fmt(text, "%s (%.*s:%d)\n  ", slot, PERI_S(c->path), r->line);
  put_pages(text, r);
  peri_fill with_names = *fill;
  peri_outgoing o;
  peri_err why = {0};
  with_names.named = true;
  if (peri_request_fill(a, r, &with_names, base, &o, &why) == PERI_OK) put_message(text, "  ", &o);
  else peri_buf_fmt(text, "  %s\n", why.text);
  if (!fill->named) {
    peri_buf_c_str(text, "  filled:\n");
    if (peri_request_fill(a, r, fill, base, &o, &why) == PERI_OK) {
      put_message(text, "    ", &o);
      if (o.wanted_over) peri_buf_c_str(text, "    the names wanted are too long here: this request reads keys, and fetch reads the records\n");
    } else peri_buf_fmt(text, "    not now: %s\n", why.text);
  }
  if (r->ties) {
    peri_str name = peri_arena_fmt(a, "%s, where a full page has one stamp", slot);
    explain_request(a, c, r->ties, name.p, fill, base, text, depth + 1);
  }
}

peri_code peri_explain(peri_arena *a, const peri_connector *c, const peri_stream *s, const peri_fill *fill, peri_str base, peri_buf *text, peri_err *e) {
  static const char *const slots[5] = {"full", "changes", "archived", "fetch", "discover"};
  if (!c || !s) return peri_fail(e, PERI_NOT_FOUND, "there is no such stream to explain");
  peri_fill own = *fill;
  own.connector = c;
  own.stream = s;
  peri_buf_fmt(text, "%.*s.%.*s (%.*s:%d)\n", PERI_S(c->name), PERI_S(s->name), PERI_S(c->path), s->line);
  if (s->unsupported) peri_buf_fmt(text, "this stream %s\n", s->unsupported);
  if (s->pull_fn >= 0) peri_buf_fmt(text, "decided by pull at %.*s:%d\n", PERI_S(c->path), s->pull_line ? s->pull_line : s->line);
  if (s->each.n) peri_buf_fmt(text, "asked for each record of %.*s, %s\n", PERI_S(s->each), s->visit_all ? "all of them" : "where it changed");
  if (s->overlap_ms || s->lag_ms || s->window_ms || s->sweep_ms) {
    peri_buf_c_str(text, "changes are asked for");
    if (s->overlap_ms) peri_buf_fmt(text, " from %lld s before the last stamp", (long long)(s->overlap_ms / 1000));
    if (s->lag_ms) peri_buf_fmt(text, " up to %lld s before now", (long long)(s->lag_ms / 1000));
    if (s->window_ms) peri_buf_fmt(text, " in slices of %lld s", (long long)(s->window_ms / 1000));
    if (s->sweep_ms) peri_buf_fmt(text, "%s everything again every %lld s", s->overlap_ms || s->lag_ms || s->window_ms ? ";" : ":", (long long)(s->sweep_ms / 1000));
    peri_buf_char(text, '\n');
  }
  for (size_t i = 0; i < 5; i++) explain_request(a, c, s->written[i], slots[i], &own, base, text, 0);
  return PERI_OK;
}
