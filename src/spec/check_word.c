/* spec/check_word: a word held against its row of the table, a plain table held against its shape, and what the options of
 * one word must know of each other. */
#include "spec/check.h"

/* "stream 'lead'" for what has a name, the word alone otherwise. */
static peri_str subject_of(peri_check *c, const peri_node *n) {
  static const char *const named[] = {"connector", "stream", "mapping", "emulator"};
  peri_str name = peri_node_text(n->what);
  for (size_t i = 0; i < 4; i++)
    if (peri_str_is(n->word, named[i]) && name.n && name.n < 100) return peri_arena_fmt(c->arena, "%.*s '%.*s'", PERI_S(n->word), PERI_S(name));
  return n->word;
}

/* ---- options ---- */

static bool unknown_option(peri_check *c, const peri_option_spec *options, size_t count, peri_str name) {
  peri_str here = peri_check_here(c);
  return peri_check_fail(c, peri_option_suggest(options, count, name), "%.*s has no option '%.*s'", PERI_S(here), PERI_S(name));
}

/* Credentials may stand in what is sent, never in where it is sent to. */
static bool may_hold_secret(const char *option) {
  static const char *const names[] = {"headers", "query", "form", "body", "user", "params"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(option, names[i]) == 0) return true;
  return false;
}

static bool check_member(peri_check *c, const peri_option_spec *options, size_t count, const peri_member *m) {
  const peri_option_spec *option = NULL;
  for (size_t k = 0; k < count && m->key_is_text; k++)
    if (m->key.n && m->key.p[0] == options[k].name[0] && peri_str_is(m->key, options[k].name)) option = &options[k];
  if (!option) return unknown_option(c, options, count, m->key);
  bool secret_ok = c->secret_ok;
  c->secret_ok = secret_ok || may_hold_secret(option->name);
  size_t mark = peri_check_enter(c, m->key, true);
  if (!peri_check_type(c, option->type, m->value)) return false;
  peri_check_leave(c, mark);
  c->secret_ok = secret_ok;
  return true;
}

static bool check_required(peri_check *c, const peri_option_spec *options, size_t count, const peri_node *table) {
  for (size_t k = 0; k < count; k++)
    if (options[k].required && !peri_node_get(table, options[k].name)) {
      peri_str here = peri_check_here(c);
      return peri_check_fail(c, PERI_NEAR_NONE, "%.*s needs %s", PERI_S(here), options[k].name);
    }
  return true;
}

bool peri_check_options(peri_check *c, const peri_option_spec *options, size_t count, const peri_node *table) {
  for (size_t i = 0; table && i < table->member_count; i++)
    if (!check_member(c, options, count, &table->members[i])) return false;
  return check_required(c, options, count, table);
}

/* How many of these options are there. */
static int present(const peri_node *n, const char *const *names, size_t count) {
  int found = 0;
  for (size_t i = 0; i < count; i++) found += peri_node_get(n, names[i]) != NULL;
  return found;
}

static bool says(peri_check *c, const char *text) {
  peri_str here = peri_check_here(c);
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s %s", PERI_S(here), text);
}

/* ---- shapes ---- */

static bool shape_whole(peri_check *c, const peri_shape_spec *shape, const peri_node *n) {
  static const char *const verbs[] = {"changed", "removed", "erased"}, *const outcomes[] = {"gives", "rejects", "rows"},
                           *const sources[] = {"read", "each"};
  peri_str first = peri_node_text(peri_node_value(n));
  if (!strcmp(shape->name, "event") && present(n, verbs, 3) != 1) return says(c, "needs one of changed, removed and erased");
  if (!strcmp(shape->name, "example") && present(n, outcomes, 3) != 1) return says(c, "needs one of gives, rejects and rows");
  if (!strcmp(shape->name, "more") && present(n, sources, 2) != 1) return says(c, "needs one of read and each");
  if (!strcmp(shape->name, "job") && peri_node_get(n, "poll") && !peri_node_get(peri_node_get(n, "poll"), "done"))
    return says(c, "needs done in its poll, to know when the job has ended");
  if (!strcmp(shape->name, "verify") && peri_str_starts(first, PERI_STR("hmac-")) && (!peri_node_get(n, "key") || !peri_node_get(n, "header")))
    return says(c, "needs key and header, for an HMAC that is spelled out");
  return true;
}

/* The steps of a job after the first read its reply, and `more` with each reads the record that it is asked for. */
static bool parent_inside(const peri_shape_spec *shape, const peri_node *n, peri_str option) {
  if (!strcmp(shape->name, "job")) return !peri_str_is(option, "create");
  return !strcmp(shape->name, "more") && peri_node_get(n, "each") != NULL;
}

bool peri_check_shape(peri_check *c, const peri_shape_spec *shape, const peri_node *n) {
  if (n->type != PERI_N_TABLE) return peri_check_type(c, shape->first, n); /* "x" for { "x" } */
  int line = c->line;
  if (n->line > 0) c->line = n->line;
  for (size_t i = 0; i < n->item_count; i++) {
    const char *type = i == 0 ? shape->first : shape->rest;
    if (!*type) {
      peri_str here = peri_check_here(c), found = peri_check_found(c, n->items[i]);
      return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: %.*s needs a name before it", PERI_S(here), PERI_S(found));
    }
    if (!peri_check_type(c, type, n->items[i])) return false;
  }
  bool parent_ok = c->parent_ok;
  for (size_t i = 0; i < n->member_count; i++) {
    c->parent_ok = parent_ok || parent_inside(shape, n, n->members[i].key);
    if (!check_member(c, shape->options, shape->option_count, &n->members[i])) return false;
  }
  c->parent_ok = parent_ok;
  if (!check_required(c, shape->options, shape->option_count, n)) return false;
  if (!shape_whole(c, shape, n)) return false;
  c->line = line;
  return true;
}

/* ---- words ---- */

static bool check_parent(peri_check *c) {
  if (c->parent_ok) return true;
  peri_str name = peri_node_text(c->stream ? c->stream->what : NULL);
  if (c->stream) return peri_check_fail(c, PERI_NEAR_NONE, "parent is used, but stream '%.*s' has no each; add each = \"…\"", PERI_S(name));
  return peri_check_fail(c, PERI_NEAR_NONE, "parent is used outside a stream, where nothing stands around a request");
}

static bool check_secret(peri_check *c, const peri_node *n) {
  if (c->secret_ok) return true;
  peri_str name = peri_node_text(n->what), where = {c->where, c->where_n};
  if (!where.n) where = PERI_STR("a path");
  return peri_check_fail(c, PERI_NEAR_NONE, "secret \"%.*s\" can't stand in %.*s; it may stand in headers, query, form and body of a request",
                         PERI_S(name), PERI_S(where));
}

static bool check_request(peri_check *c, const peri_node *n) {
  if (peri_node_get(n, "answers")) return says(c, "can't have answers outside the routes of an emulator");
  if (peri_node_get(n, "open")) return says(c, "can't have open outside the routes of an emulator");
  if (peri_node_get(n, "body") && peri_node_get(n, "form")) return says(c, "can't have both body and form");
  return true;
}

static bool grants_hold(const peri_node *grants, const char *name) {
  if (peri_str_is(peri_node_text(grants), name)) return true;
  for (size_t i = 0; grants && i < grants->item_count; i++)
    if (peri_str_is(peri_node_text(grants->items[i]), name)) return true;
  return false;
}

static bool check_oauth2(peri_check *c, const peri_node *n) {
  const peri_node *grants = peri_node_get(n, "grants");
  if (peri_node_get(n, "issuer")) return true; /* what is not written is found there */
  if (!peri_node_get(n, "token")) return says(c, "needs token, or an issuer that names it");
  bool code = !grants || grants_hold(grants, "code");
  if (code && !peri_node_get(n, "authorize")) return says(c, "needs authorize, unless grants are without \"code\" or there is an issuer");
  if (!grants_hold(grants, "device") || peri_node_get(n, "device")) return true;
  return says(c, "needs device, unless grants are without \"device\" or there is an issuer");
}

static bool check_rule(peri_check *c, const peri_node *n) {
  static const char *const tests[] = {"need", "check"}, *const ends[] = {"reject", "warn", "skip"};
  if (present(n, tests, 2) != 1) return says(c, "needs one of need and check");
  if (present(n, ends, 3) != 1) return says(c, "needs one of reject, warn and skip");
  return true;
}

static bool check_bounds(peri_check *c, const peri_node *n) {
  const peri_node *min = peri_node_get(n, "min"), *max = peri_node_get(n, "max");
  if (!min || !max || min->type == PERI_N_TEXT || max->type == PERI_N_TEXT) return true;
  double least = min->type == PERI_N_INT ? (double)min->u.i : min->u.d, most = max->type == PERI_N_INT ? (double)max->u.i : max->u.d;
  if (!(least > most)) return true;
  peri_str here = peri_check_here(c);
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s has min %.14g, which is above its max %.14g", PERI_S(here), least, most);
}

/* What the options of a word must know of each other. */
static bool word_whole(peri_check *c, const peri_word_spec *spec, const peri_node *n) {
  if (!strcmp(spec->name, "parent")) return check_parent(c);
  if (!strcmp(spec->name, "setting")) return peri_connector_setting(c, n);
  if (!strcmp(spec->name, "oauth2")) return check_oauth2(c, n);
  if (!strcmp(spec->name, "rule")) return check_rule(c, n);
  if (!strcmp(spec->name, "stream")) return peri_stream_whole(c);
  if (spec->kind) return check_bounds(c, n);
  return !peri_is_request(n) || check_request(c, n);
}

static bool check_what(peri_check *c, const peri_word_spec *spec, const peri_node *n) {
  const char *type = c->asked && spec->kind ? "name" : spec->what_type;
  peri_buf noun = {0};
  if (n->what && spec->what != PERI_WHAT_NONE) return peri_check_type(c, type, n->what);
  if (spec->what != PERI_WHAT_MUST) {
    if (!n->what) return true;
    peri_str found = peri_check_found(c, n->what);
    return peri_check_fail(c, PERI_NEAR_NONE, "%s takes only options in { }, not %.*s", spec->name, PERI_S(found));
  }
  peri_type_noun(peri_str_of(type), &noun);
  peri_check_fail(c, PERI_NEAR_NONE, "%s wants %s before its options", spec->name, peri_buf_c(&noun));
  peri_buf_fini(&noun);
  return false;
}

static bool check_body(peri_check *c, const peri_word_spec *spec, const peri_node *n) {
  if (!check_what(c, spec, n)) return false;
  if (n->opts && n->opts->item_count) {
    peri_str found = peri_check_found(c, n->opts->items[0]);
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s takes options by name, but %.*s has none", PERI_S(c->subject), PERI_S(found));
  }
  return peri_check_options(c, spec->options, spec->option_count, n->opts) && word_whole(c, spec, n);
}

/* What a word changes in the state of the check, to be put back after it: `where` starts anew inside a word. */
struct frame {
  int line;
  peri_str subject;
  size_t where_n;
  char where[sizeof((peri_check *)0)->where];
};

static void frame_push(peri_check *c, struct frame *f, const peri_node *n) {
  f->line = c->line;
  f->subject = c->subject;
  f->where_n = c->where_n;
  memcpy(f->where, c->where, c->where_n);
  if (n->line > 0) c->line = n->line;
  c->subject = subject_of(c, n);
  c->where_n = 0;
}

static void frame_pop(peri_check *c, const struct frame *f) {
  c->line = f->line;
  c->subject = f->subject;
  c->where_n = f->where_n;
  memcpy(c->where, f->where, f->where_n);
}

bool peri_check_word(peri_check *c, const peri_node *n) {
  const peri_word_spec *spec = peri_word_named(n->word);
  if (!spec) return peri_check_fail(c, peri_word_suggest(n->word), "unknown word '%.*s'", PERI_S(n->word));
  if (!strcmp(spec->name, "secret") && !check_secret(c, n)) return false; /* before its place is forgotten: it is named */
  struct frame frame;
  const peri_node *stream = c->stream;
  bool parent_ok = c->parent_ok, asked = c->asked;
  frame_push(c, &frame, n);
  if (!strcmp(spec->name, "stream")) {
    c->stream = n;
    c->parent_ok = peri_node_get(n, "each") != NULL;
  }
  if (!check_body(c, spec, n)) return false;
  frame_pop(c, &frame);
  c->stream = stream;
  c->parent_ok = parent_ok;
  c->asked = asked;
  return true;
}

static bool route_path(peri_check *c, const peri_node *n) {
  peri_str path = peri_node_text(n->what);
  if (path.n == 0 || path.p[0] != '/')
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s in routes wants a path that starts with '/', such as \"/contacts/{id}\"", PERI_S(n->word));
  bool open = false, good = true;
  for (size_t i = 0; i < path.n && good; i++) {
    if (path.p[i] == '{') good = !open && i + 1 < path.n && path.p[i + 1] != '}';
    if (path.p[i] == '}') good = open;
    if (path.p[i] == '/') good = !open;
    if (path.p[i] == '{' || path.p[i] == '}') open = path.p[i] == '{';
  }
  if (good && !open) return true;
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s \"%.*s\": each { in a route needs a name and a } in its segment", PERI_S(n->word), PERI_S(path));
}

/* A request in `routes`: it is answered, not sent. */
bool peri_check_route(peri_check *c, const peri_node *n) {
  static const char *const taken[] = {"answers", "rate", "cost", "open"};
  const peri_word_spec *spec = peri_word_named(n->word);
  peri_option_spec options[4];
  for (size_t i = 0; i < 4; i++) options[i] = *peri_option_named(spec, peri_str_of(taken[i]));
  struct frame frame;
  frame_push(c, &frame, n);
  if (!route_path(c, n)) return false;
  peri_str path = peri_node_text(n->what);
  c->subject = peri_arena_fmt(c->arena, "route %.*s \"%.*s\"", PERI_S(n->word), PERI_S(path));
  if (n->opts && n->opts->item_count) return says(c, "takes options by name");
  if (!peri_check_options(c, options, 4, n->opts)) return false;
  if (!peri_node_get(n, "answers")) return says(c, "needs answers");
  frame_pop(c, &frame);
  return true;
}
