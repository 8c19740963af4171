/* core/connector: a checked connector tree becomes requests and streams with every default resolved, so that nobody asks "the request's, else the
 * stream's, else the connector's" twice. Start at peri_connector_compile. Trusts that peri_spec_check has passed; what that cannot know
 * (durations as numbers, a `when` that needs settings) is done here. Fills no hole: that is request.c. */
#include "core/connector.h"

#include <stdio.h>

#include "base/clock.h"
#include "core/holes.h"

typedef struct compile {
  peri_arena *a;
  const peri_connector *c;
  const peri_node *stream; /* NULL for check and more */
  peri_str stream_name;
  peri_err *e;
} compile;

static peri_code refuse(const compile *k, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static peri_code refuse(const compile *k, int line, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return peri_fail(k->e, PERI_SCRIPT_REFUSED, "%.*s:%d: %s", PERI_S(k->c->path), line, text);
}

/* ---- options ---- */

/* The nearest word that names an option: the request, its stream, the connector. */
static const peri_node *nearest(const compile *k, const peri_node *request, const char *option) {
  const peri_node *n = peri_node_get(request, option);
  if (!n) n = peri_node_get(k->stream, option);
  if (!n) n = peri_node_get(k->c->root, option);
  return n;
}

static peri_code read_duration(const compile *k, const peri_node *word, const char *option, int64_t *ms) {
  const peri_node *n = peri_node_value(peri_node_get(word, option));
  *ms = 0;
  if (!n) return PERI_OK;
  if (n->type == PERI_N_TEXT && peri_duration_read(n->u.text, ms)) return PERI_OK;
  return refuse(k, word->line, "%s is no duration such as \"10m\"", option);
}

static size_t read_texts(peri_arena *a, const peri_node *n, peri_str **out) {
  if (n && n->type == PERI_N_TEXT) {
    *out = peri_arena_take(a, sizeof **out);
    (*out)[0] = n->u.text;
    return 1;
  }
  if (!n || n->type != PERI_N_TABLE || !n->item_count) return 0;
  *out = peri_arena_take(a, n->item_count * sizeof **out);
  size_t count = 0;
  for (size_t i = 0; i < n->item_count; i++)
    if (n->items[i]->type == PERI_N_TEXT) (*out)[count++] = n->items[i]->u.text;
  return count;
}

/* ---- requests ---- */

static const char *method_of(const peri_node *n) {
  if (peri_node_is(n, "get")) return "GET";
  if (peri_node_is(n, "post")) return "POST";
  if (peri_node_is(n, "put")) return "PUT";
  if (peri_node_is(n, "patch")) return "PATCH";
  if (peri_node_is(n, "delete")) return "DELETE";
  return NULL;
}

static void note_holes(peri_request *r, const peri_node *n) {
  if (!n) return;
  if (n->type == PERI_N_WORD) {
    if (peri_node_is(n, "since")) r->uses_since = true;
    if (peri_node_is(n, "upto")) r->uses_upto = true;
    if (peri_node_is(n, "parent")) r->uses_parent = true;
    if (peri_node_is(n, "record")) r->uses_record = true;
    if (peri_node_is(n, "wanted")) {
      uint64_t most;
      r->uses_wanted = true;
      const peri_node *m = peri_node_get(n, "most");
      if (m && m->type == PERI_N_INT && m->u.i > 0) r->wanted_most = m->u.i;
      else if (peri_size_read(peri_node_text(m), &most) && most < INT64_MAX) r->wanted_most = (int64_t)most;
    }
    note_holes(r, n->what);
    note_holes(r, n->opts);
  }
  for (size_t i = 0; i < n->item_count; i++) note_holes(r, n->items[i]);
  for (size_t i = 0; i < n->member_count; i++) note_holes(r, n->members[i].value);
}

static peri_code read_pages(const compile *k, const peri_node *pages, peri_request *r) {
  r->pages = PERI_PAGES_NONE;
  const peri_node *v = peri_node_value(pages);
  if (!v) return PERI_OK;
  if (peri_node_is(v, "cursor")) r->pages = PERI_PAGES_CURSOR;
  else if (peri_node_is(v, "link")) r->pages = PERI_PAGES_LINK;
  else if (peri_node_is(v, "count")) r->pages = PERI_PAGES_COUNT;
  else if (peri_str_is(peri_node_text(v), "again")) r->pages = PERI_PAGES_AGAIN;
  else if (!peri_str_is(peri_node_text(v), "none")) return refuse(k, r->line, "pages is neither a pager, \"again\" nor \"none\"");
  if (r->pages != PERI_PAGES_NONE) r->pager = r->pages == PERI_PAGES_AGAIN ? pages : v;
  if (r->pages == PERI_PAGES_AGAIN && pages->type == PERI_N_TABLE) r->again_most = peri_node_opt_int(pages, "most", 0);
  return PERI_OK;
}

static peri_code compile_source(const compile *k, const peri_node *n, const char *slot, const peri_request **out);

static peri_code compile_plain(const compile *k, const peri_node *n, peri_request *r) {
  peri_code code;
  r->method = method_of(n);
  r->path = n->what;
  r->query = peri_node_get(n, "query");
  r->headers = peri_node_get(n, "headers");
  r->body = peri_node_get(n, "body");
  r->form = peri_node_get(n, "form");
  r->records = peri_node_text(nearest(k, n, "records"));
  if (!r->records.p) r->records = PERI_STR("");
  r->record = peri_node_opt_text(n, "record");
  r->format = peri_node_text(peri_node_value(nearest(k, n, "format")));
  if (!r->format.n) r->format = PERI_STR("json");
  if ((code = read_pages(k, nearest(k, n, "pages"), r)) != PERI_OK) return code;
  r->since_path = peri_node_opt_text(n, "since");
  r->removed = peri_node_get(n, "removed");
  if (!r->removed) r->removed = peri_node_get(k->stream, "removed");
  r->batch = peri_node_opt_int(n, "batch", 0);
  if (r->batch < 0 || r->batch > PERI_RECORDS_PER_PAGE_MAX) return refuse(k, n->line, "batch is not between 1 and %d", PERI_RECORDS_PER_PAGE_MAX);
  r->match = peri_node_opt_text(n, "match");
  const peri_node *rate = peri_node_get(n, "rate");
  if (!rate) rate = peri_node_get(k->stream, "rate");
  r->rate = peri_node_text(rate);
  if (!r->rate.n) r->rate = PERI_STR("default");
  r->cost = peri_node_opt_int(n, "cost", 1);
  if (r->cost < 0) r->cost = 1;
  r->etag = peri_node_opt_bool(n, "etag", false);
  r->keep = peri_node_get(n, "keep");
  r->gives = peri_node_get(n, "gives");
  r->on[0] = peri_node_get(n, "on");
  r->on[1] = peri_node_get(k->stream, "on");
  r->on[2] = peri_node_get(k->c->root, "on");
  const peri_node *reason = nearest(k, n, "reason");
  peri_str *reasons = NULL;
  size_t reason_count = read_texts(k->a, reason, &reasons);
  if (reason_count > sizeof r->reasons / sizeof *r->reasons) return refuse(k, n->line, "reason names more than 8 paths");
  for (size_t i = 0; i < reason_count; i++) r->reasons[i] = reasons[i];
  r->reason_count = reason_count;
  if ((code = read_duration(k, n, "timeout", &r->timeout_ms)) != PERI_OK) return code;
  if (!r->timeout_ms && (code = read_duration(k, k->c->root, "timeout", &r->timeout_ms)) != PERI_OK) return code;
  note_holes(r, r->path);
  note_holes(r, r->query);
  note_holes(r, r->headers);
  note_holes(r, r->body);
  note_holes(r, r->form);
  note_holes(r, k->c->headers);
  note_holes(r, k->c->query);
  const peri_node *ties = peri_node_get(n, "ties");
  return ties ? compile_source(k, ties, "ties", &r->ties) : PERI_OK;
}

/* A plain table in place of a request. Its steps are compiled so that they are checked and shown. */
static peri_code compile_job(const compile *k, const peri_node *n, peri_request *r) {
  static const char *const steps[4] = {"create", "poll", "read", "drop"};
  for (size_t i = 0; i < 4; i++) {
    const peri_node *step = peri_node_get(n, steps[i]);
    peri_code code = step ? compile_source(k, step, steps[i], &r->job[i]) : PERI_OK;
    if (code != PERI_OK) return code;
  }
  if (!r->job[0] || !r->job[2]) return refuse(k, r->line, "a job needs create and read");
  return PERI_OK;
}

static peri_code compile_choices(const compile *k, const peri_node *n, const char *slot, peri_request *r) {
  const peri_node *table = n->opts;
  size_t count = table ? table->member_count : 0;
  if (!count) return refuse(k, r->line, "when has no choice");
  r->choices = peri_arena_take(k->a, count * sizeof *r->choices);
  r->choice_count = count;
  for (size_t i = 0; i < count; i++) {
    peri_code code = compile_source(k, table->members[i].value, slot, &r->choices[i]);
    if (code != PERI_OK) return code;
  }
  return PERI_OK;
}

static peri_code compile_source(const compile *k, const peri_node *n, const char *slot, const peri_request **out) {
  peri_request *r = peri_arena_take(k->a, sizeof *r);
  r->node = n;
  r->line = n->line ? n->line : k->stream ? k->stream->line : k->c->root->line;
  r->label = k->stream ? peri_arena_fmt(k->a, "%.*s.%s", PERI_S(k->stream_name), slot) : peri_str_of(slot);
  *out = r;
  if (n->type == PERI_N_WORD && method_of(n)) return compile_plain(k, n, r);
  if (peri_node_is(n, "when")) return compile_choices(k, n, slot, r);
  if (n->type == PERI_N_TABLE && peri_node_get(n, "create")) return compile_job(k, n, r);
  return refuse(k, r->line, "%.*s is neither a request, a job nor a choice between them", PERI_S(r->label));
}

/* ---- streams ---- */

static peri_stamp_kind stamp_of(const peri_node *updated) {
  if (!updated || updated->type != PERI_N_WORD) return PERI_STAMP_NONE;
  if (peri_node_is(updated, "date")) return PERI_STAMP_DATE;
  if (peri_node_is(updated, "integer")) return PERI_STAMP_INTEGER;
  if (peri_node_is(updated, "decimal") || peri_node_is(updated, "number")) return PERI_STAMP_DECIMAL;
  return PERI_STAMP_DATETIME;
}

static peri_code compile_stream(compile *k, const peri_node *n, peri_str name, peri_stream *s) {
  static const char *const slots[5] = {"full", "changes", "archived", "fetch", "discover"};
  peri_code code;
  k->stream = n;
  k->stream_name = name;
  s->name = name;
  s->line = n->line;
  s->node = n;
  s->key = peri_node_get(n, "key");
  s->updated = peri_node_get(n, "updated");
  s->removed = peri_node_get(n, "removed");
  s->merged = peri_node_get(n, "merged");
  s->stamp = stamp_of(s->updated);
  if ((code = read_duration(k, n, "overlap", &s->overlap_ms)) != PERI_OK || (code = read_duration(k, n, "lag", &s->lag_ms)) != PERI_OK ||
      (code = read_duration(k, n, "window", &s->window_ms)) != PERI_OK || (code = read_duration(k, n, "sweep", &s->sweep_ms)) != PERI_OK)
    return code;
  s->each_node = peri_node_get(n, "each");
  s->each = peri_node_text(peri_node_value(s->each_node));
  s->visit_all = peri_str_is(peri_node_opt_text(n, "visit"), "all");
  s->store = peri_node_opt_bool(n, "store", true);
  const peri_node *pull = peri_node_get(n, "pull");
  s->pull_fn = pull && pull->type == PERI_N_FUNC ? pull->u.fn : -1;
  s->pull_line = pull ? pull->line : 0;
  peri_str *after = NULL;
  s->after_count = read_texts(k->a, peri_node_get(n, "after"), &after);
  s->after = after;
  for (size_t i = 0; i < 5; i++) {
    const peri_node *source = peri_node_get(n, slots[i]);
    if (source && (code = compile_source(k, source, slots[i], &s->written[i])) != PERI_OK) return code;
  }
  if (!s->written[0] && !s->written[1] && s->pull_fn < 0 && !s->written[3])
    return refuse(k, n->line, "stream '%.*s' says nowhere how it is read: it needs full, changes, fetch or pull", PERI_S(name));
  return PERI_OK;
}

/* ---- settling `when` between requests ---- */

static const peri_request *settle(peri_arena *a, const peri_connector *c, const peri_request *r, const peri_json *settings) {
  for (int depth = 0; r && r->choice_count && depth < 8; depth++) {
    peri_str path = peri_node_text(r->node->what), value = {NULL, 0};
    const peri_node *table = r->node->opts;
    bool verbatim, present = false;
    if (peri_str_starts(path, PERI_STR("setting:"))) {
      const peri_json *v = peri_connector_value(a, c, settings, peri_str_from(path, 8), &verbatim);
      present = v && peri_hole_text(a, v, PERI_STR(","), &value);
    }
    const peri_node *chosen = peri_when_choose(table, value, present);
    const peri_request *next = NULL;
    for (size_t i = 0; i < r->choice_count && chosen; i++)
      if (table->members[i].value == chosen) next = r->choices[i];
    r = next;
  }
  return r;
}

static bool is_job(const peri_request *r) { return r && r->job[0]; }

static void settle_stream(peri_arena *a, const peri_connector *c, peri_stream *s, const peri_json *settings) {
  s->full = settle(a, c, s->written[0], settings);
  s->changes = settle(a, c, s->written[1], settings);
  s->archived = settle(a, c, s->written[2], settings);
  s->fetch = settle(a, c, s->written[3], settings);
  s->discover = settle(a, c, s->written[4], settings);
  /* what an API shows late, or by a clock that is not the one of its Date, is found all the same; what comes twice is absorbed */
  if (!peri_node_get(s->node, "overlap"))
    s->overlap_ms = (s->changes || (s->full && s->full->uses_since)) && (s->stamp == PERI_STAMP_DATETIME || s->stamp == PERI_STAMP_NONE) ? PERI_OVERLAP_MS : 0;
  s->unsupported = NULL;
  if (is_job(s->full) || is_job(s->changes) || is_job(s->archived))
    s->unsupported = "is read by a job (create, poll, read, drop), which this perilune checks and shows but does not run; give it a plain request";
  const peri_request *all[4] = {s->full, s->changes, s->archived, s->fetch};
  for (size_t j = 0; j < 4 && !s->unsupported; j++)
    if (all[j] && !is_job(all[j]) && !peri_str_is(all[j]->format, "json") && !peri_str_is(all[j]->format, "ndjson"))
      s->unsupported = "answers in csv or xml, which this perilune checks and shows but does not read; ask the API for json";
}

void peri_connector_settle(peri_arena *a, peri_connector *c, const peri_json *settings) {
  peri_stream *streams = peri_arena_take(a, (c->stream_count + 1) * sizeof *streams);
  for (size_t i = 0; i < c->stream_count; i++) {
    streams[i] = c->streams[i];
    settle_stream(a, c, &streams[i], settings);
  }
  c->streams = streams;
}

/* ---- the connector ---- */

static void read_auth(const peri_node *n, peri_auth *out) {
  out->node = n;
  if (peri_node_is(n, "token")) {
    out->kind = PERI_AUTH_TOKEN;
    out->secret = peri_node_text(n->what);
    out->query = peri_node_opt_text(n, "query");
    out->header = peri_node_opt_text(n, "header");
    out->prefix = peri_node_opt_text(n, "prefix");
    bool own_header = out->header.n > 0;
    if (!own_header && !out->query.n) out->header = PERI_STR("Authorization");
    /* "Bearer " belongs to Authorization; a header of the API's own carries the bare token unless a prefix is written */
    if (!out->prefix.p) out->prefix = own_header && !peri_str_eq_nocase(out->header, PERI_STR("authorization")) ? PERI_STR("") : PERI_STR("Bearer ");
  } else if (peri_node_is(n, "basic")) {
    out->kind = PERI_AUTH_BASIC;
    out->secret = peri_node_text(n->what);
    out->user = peri_node_get(n, "user");
  } else if (peri_node_is(n, "oauth2")) {
    out->kind = PERI_AUTH_OAUTH2;
    out->secret = PERI_STR("accessToken");
    out->header = PERI_STR("Authorization");
    out->prefix = PERI_STR("Bearer ");
    out->token_url = peri_node_get(n, "token");
    out->client = peri_node_opt_text(n, "client");
    if (!out->client.n) out->client = PERI_STR("clientId");
    out->client_auth = peri_node_opt_text(n, "client_auth");
    if (!out->client_auth.n) out->client_auth = PERI_STR("body");
  }
}

static void read_auths(peri_arena *a, peri_connector *out) {
  const peri_node *auth = peri_node_get(out->root, "auth");
  if (!auth) return;
  size_t count = auth->type == PERI_N_TABLE ? auth->item_count : 1;
  peri_auth *auths = peri_arena_take(a, (count + 1) * sizeof *auths);
  for (size_t i = 0; i < count; i++) read_auth(auth->type == PERI_N_TABLE ? auth->items[i] : auth, &auths[i]);
  out->auths = auths;
  out->auth_count = count;
}

/* `more` is a list of { read | each, make }, or one of them alone. */
static peri_code read_more(const compile *k, peri_connector *out) {
  const peri_node *more = out->more;
  bool single = more && !more->item_count;
  size_t count = !more ? 0 : single ? 1 : more->item_count;
  const peri_request **reads = peri_arena_take(k->a, (count + 1) * sizeof *reads);
  for (size_t i = 0; i < count; i++) {
    const peri_node *read = peri_node_get(single ? more : more->items[i], "read");
    peri_code code = read ? compile_source(k, read, "more", &reads[i]) : PERI_OK;
    if (code != PERI_OK) return code;
    if (reads[i]) reads[i] = settle(k->a, out, reads[i], NULL);
  }
  out->more_reads = reads;
  out->more_count = count;
  return PERI_OK;
}

peri_code peri_connector_compile(peri_arena *a, const peri_tree *tree, peri_connector *out, peri_err *e) {
  *out = (peri_connector){.path = tree->path, .root = tree->root};
  const peri_node *root = tree->root;
  if (!peri_node_is(root, "connector")) return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: it is no connector", PERI_S(tree->path));
  compile k = {.a = a, .c = out, .e = e};
  out->name = peri_node_text(root->what);
  out->title = peri_node_opt_text(root, "title");
  if (!out->title.n) out->title = out->name;
  out->category = peri_node_opt_text(root, "category");
  out->platform = peri_node_opt_text(root, "platform");
  if (!out->platform.n) out->platform = out->name;
  out->description = peri_node_opt_text(root, "description");
  out->documentation = peri_node_opt_text(root, "documentation");
  out->popular = peri_node_opt_bool(root, "popular", false);
  out->base = peri_node_get(root, "base");
  out->settings = peri_node_get(root, "settings");
  out->versions = peri_node_get(root, "versions");
  out->hosts = peri_node_get(root, "hosts");
  out->headers = peri_node_get(root, "headers");
  out->query = peri_node_get(root, "query");
  out->rates = peri_node_get(root, "rates");
  out->more = peri_node_get(root, "more");
  out->default_version = peri_node_text(peri_node_value(out->versions));
  read_auths(a, out);
  const peri_node *check = peri_node_get(root, "check");
  peri_code code = check ? compile_source(&k, check, "check", &out->check) : PERI_OK;
  if (code != PERI_OK) return code;
  out->check = settle(a, out, out->check, NULL);
  if ((code = read_more(&k, out)) != PERI_OK) return code;
  const peri_node *streams = peri_node_get(root, "streams");
  size_t count = !streams ? 0 : streams->type == PERI_N_TABLE ? streams->item_count : 1;
  peri_stream *list = peri_arena_take(a, (count + 1) * sizeof *list);
  for (size_t i = 0; i < count; i++) {
    const peri_node *n = streams->type == PERI_N_TABLE ? streams->items[i] : streams;
    if (!peri_node_is(n, "stream")) return refuse(&k, root->line, "streams holds something that is no stream");
    if ((code = compile_stream(&k, n, peri_node_text(n->what), &list[i])) != PERI_OK) return code;
  }
  out->streams = list;
  out->stream_count = count;
  peri_connector_settle(a, out, NULL);
  return PERI_OK;
}

peri_code peri_connector_request(peri_arena *a, const peri_connector *c, const peri_stream *s, const peri_node *node, const peri_request **out, peri_err *e) {
  peri_connector copy = *c; /* compiling a request changes no connector; `compile` just has no const twin */
  compile k = {.a = a, .c = &copy, .e = e, .stream = s ? s->node : NULL, .stream_name = s ? s->name : PERI_STR("")};
  if (!node || node->type != PERI_N_WORD || !method_of(node)) return refuse(&k, node ? node->line : c->root->line, "only get, post, put, patch and delete can be sent");
  return compile_source(&k, node, "pull", out);
}

peri_code peri_connector_add_stream(peri_arena *a, peri_connector *c, const peri_node *stream, peri_str item_id, peri_err *e) {
  compile k = {.a = a, .c = c, .e = e};
  if (!peri_node_is(stream, "stream")) return refuse(&k, c->root->line, "more.make gave something that is no stream");
  peri_str name = peri_node_text(stream->what);
  if (peri_connector_stream(c, name)) name = peri_arena_fmt(a, "%.*s_%.*s", PERI_S(name), PERI_S(item_id));
  if (peri_connector_stream(c, name)) return refuse(&k, stream->line, "more.make gave stream '%.*s' twice", PERI_S(name));
  peri_stream *list = peri_arena_take(a, (c->stream_count + 1) * sizeof *list);
  memcpy(list, c->streams, c->stream_count * sizeof *list);
  peri_stream *s = &list[c->stream_count];
  peri_code code = compile_stream(&k, stream, name, s);
  if (code != PERI_OK) return code;
  settle_stream(a, c, s, NULL);
  c->streams = list;
  c->stream_count++;
  return PERI_OK;
}

const peri_stream *peri_connector_stream(const peri_connector *c, peri_str name) {
  for (size_t i = 0; i < c->stream_count; i++)
    if (peri_str_eq(c->streams[i].name, name)) return &c->streams[i];
  return NULL;
}
