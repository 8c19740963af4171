/* core/reply: what a reply means. Start at peri_reply_action: the request's `on`, the stream's, the connector's, then what is built in. At each of them
 * the status itself ([429]), its class ("5xx"), and the `when`s without a status, in this order; the first that applies wins.
 * Bodies may be anything (HTML of a CDN, nothing, half a page): they are looked at as JSON only when a rule asks, and never made a tree. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/holes.h"

#define REASON_BYTES 400 /* of the API's own words; whole pages of HTML tell no more */

/* ---- reading a reply ---- */

typedef struct visit { bool (*each)(void *self, peri_str text); void *self; peri_arena *a; } visit;

static bool tell(const visit *v, peri_span s) {
  switch ((peri_jtype)s.type) {
  case PERI_J_NONE:
  case PERI_J_NULL: return true;
  case PERI_J_TRUE: return v->each(v->self, PERI_STR("true"));
  case PERI_J_FALSE: return v->each(v->self, PERI_STR("false"));
  case PERI_J_STRING: {
    peri_buf scratch = {0};
    peri_str text = peri_arena_str(v->a, peri_span_text(s, &scratch));
    peri_buf_fini(&scratch);
    return v->each(v->self, text);
  }
  default: return v->each(v->self, peri_span_raw(s));
  }
}

/* Follows a path; `[]` goes into every element. false: each has had enough. */
static bool walk(const visit *v, peri_span at, peri_str path, int depth) {
  const char *brackets = path.n ? memmem(path.p, path.n, "[]", 2) : NULL;
  if (!brackets || depth > 8) return tell(v, path.n ? peri_span_at(at, path) : at);
  size_t n = (size_t)(brackets - path.p);
  peri_span list = n ? peri_span_at(at, (peri_str){path.p, n}) : at, element;
  peri_str rest = peri_str_from(path, n + 2);
  if (rest.n && rest.p[0] == '.') rest = peri_str_from(rest, 1);
  if (list.type != PERI_J_ARRAY) return true;
  for (peri_span_iter i = peri_span_open(list); peri_span_next(&i, &element);)
    if (!walk(v, element, rest, depth + 1)) return false;
  return true;
}

peri_str peri_reply_header(const peri_http_reply *reply, peri_str name) {
  for (size_t i = 0; i < reply->header_count; i++)
    if (peri_str_eq_nocase(reply->headers[i].name, name)) return reply->headers[i].value;
  return (peri_str){NULL, 0};
}

void peri_reply_each(peri_reply_reader *r, peri_str path, bool (*each)(void *self, peri_str text), void *self) {
  if (peri_str_starts(path, PERI_STR("header:"))) {
    peri_str v = peri_reply_header(r->reply, peri_str_from(path, 7));
    if (v.p) each(self, v);
  } else if (peri_str_starts(path, PERI_STR("status:"))) each(self, peri_arena_fmt(r->a, "%d", r->reply->status));
  else if (peri_str_starts(path, PERI_STR("setting:"))) {
    bool verbatim;
    peri_str text;
    const peri_json *v = r->c ? peri_connector_value(r->a, r->c, r->settings, peri_str_from(path, 8), &verbatim) : NULL;
    if (peri_hole_text(r->a, v, PERI_STR(","), &text)) each(self, text);
  } else if (peri_str_is(path, "body:")) each(self, r->reply->body);
  else {
    if (!r->looked) {
      peri_json_fault fault;
      if (!peri_json_check(r->reply->body, &r->body, &fault)) r->body = (peri_span){.type = PERI_J_NONE};
      r->looked = true;
    }
    if (r->body.type == PERI_J_NONE) return;
    visit v = {each, self, r->a};
    walk(&v, r->body, path, 0);
  }
}

static bool keep_first(void *self, peri_str text) {
  *(peri_str *)self = text;
  return false;
}

bool peri_reply_first(peri_reply_reader *r, peri_str path, peri_str *out) {
  peri_str found = {NULL, 0};
  peri_reply_each(r, path, keep_first, &found);
  if (found.p) *out = found;
  return found.p != NULL;
}

/* ---- choosing ---- */

const peri_node *peri_when_choose(const peri_node *table, peri_str value, bool present) {
  const peri_node *best = NULL;
  size_t best_n = 0;
  if (!table || table->type != PERI_N_TABLE) return NULL;
  if (present) {
    for (size_t i = 0; i < table->member_count; i++) {
      const peri_member *m = &table->members[i];
      if (m->key_is_text && (peri_str_is(m->key, "otherwise") || peri_str_is(m->key, "*"))) continue;
      if (peri_str_eq(m->key, value)) return m->value;
      if (m->key_is_text && m->key.n > 1 && memchr(m->key.p, '*', m->key.n) && m->key.n > best_n && peri_str_glob(m->key, value)) {
        best = m->value;
        best_n = m->key.n;
      }
    }
    if (!best) best = peri_node_get(table, "*");
  }
  return best ? best : peri_node_get(table, "otherwise");
}

typedef struct choice { const peri_node *table, *chosen; bool present; } choice;

/* A list of values (`[].errors[0].code`): the first that has a choice of its own. */
static bool try_value(void *self, peri_str text) {
  choice *c = self;
  const peri_node *otherwise = peri_node_get(c->table, "otherwise"), *found = peri_when_choose(c->table, text, true);
  c->present = true;
  if (!found || found == otherwise) return true;
  c->chosen = found;
  return false;
}

static const peri_node *choose(peri_reply_reader *r, const peri_node *when) {
  choice c = {.table = when->opts};
  peri_reply_each(r, peri_node_text(when->what), try_value, &c);
  return c.chosen ? c.chosen : peri_node_get(when->opts, "otherwise");
}

static bool is_action(const peri_node *n) {
  if (n->type == PERI_N_TEXT) return true;
  return n->type == PERI_N_TABLE && n->item_count > 0 && n->items[0]->type == PERI_N_TEXT && (n->item_count == 1 || n->member_count > 0);
}

/* The action that a rule comes to, or NULL if it does not apply. A rule is an action, a `when`, or a list of rules. */
static const peri_node *resolve(peri_reply_reader *r, const peri_node *rule, int *line, int depth) {
  if (!rule || depth > 8) return NULL;
  if (rule->line) *line = rule->line;
  if (peri_node_is(rule, "when")) return resolve(r, choose(r, rule), line, depth + 1);
  if (is_action(rule)) return rule;
  for (size_t i = 0; rule->type == PERI_N_TABLE && i < rule->item_count; i++) {
    const peri_node *found = resolve(r, rule->items[i], line, depth + 1);
    if (found) return found;
  }
  return NULL;
}

static const peri_node *look_up(peri_reply_reader *r, const peri_node *on, int *line) {
  char exact[16], class[4] = {(char)('0' + r->reply->status / 100 % 10), 'x', 'x', 0};
  snprintf(exact, sizeof exact, "%d", r->reply->status);
  const peri_node *found = NULL;
  if (on && on->type == PERI_N_WORD) return resolve(r, on, line, 0); /* on = when … without a table around it */
  if (!on) return NULL;
  if ((found = resolve(r, peri_node_get(on, exact), line, 0))) return found;
  if ((found = resolve(r, peri_node_get(on, class), line, 0))) return found;
  for (size_t i = 0; i < on->item_count; i++)
    if (peri_node_is(on->items[i], "when") && (found = resolve(r, on->items[i], line, 0))) return found;
  return NULL;
}

/* ---- waiting ---- */

#define DAY_MS INT64_C(86400000)

static bool plain_number(peri_str t, double *out) {
  for (size_t i = 0; i < t.n; i++)
    if (!((t.p[i] >= '0' && t.p[i] <= '9') || t.p[i] == '.')) return false;
  return t.n && peri_number_double(t, out);
}

bool peri_wait_read(peri_str text, int64_t now_ms, int64_t *wait_ms) {
  double n;
  int64_t at;
  bool had_time, had_zone;
  text = peri_str_trim(text);
  if (plain_number(text, &n)) {
    /* seconds to wait are few; stamps in s and in ms are told apart by their size */
    if (n > 1e15) return false;
    double ms = n < 1e9 ? n * 1000 : n < 1e11 ? n * 1000 - (double)now_ms : n - (double)now_ms;
    *wait_ms = ms < 0 ? 0 : (int64_t)ms;
    return true;
  }
  if (!peri_http_date_read(text, &at) && !(peri_iso_read(text, 0, &at, &had_time, &had_zone) && had_time)) return false;
  *wait_ms = at > now_ms ? at - now_ms : 0;
  return true;
}

static int64_t till_midnight(peri_reply_reader *r, const peri_node *action, int64_t now_ms) {
  peri_str zone = peri_node_opt_text(action, "zone");
  if (peri_str_starts(zone, PERI_STR("setting:")) && !peri_reply_first(r, zone, &zone)) zone = (peri_str){NULL, 0};
  int64_t local = now_ms + (int64_t)peri_zone_minutes(zone, now_ms) * 60000;
  int64_t into_day = ((local % DAY_MS) + DAY_MS) % DAY_MS;
  return DAY_MS - into_day;
}

static int64_t duration(const peri_node *action, const char *option) {
  int64_t ms;
  return peri_duration_read(peri_node_opt_text(action, option), &ms) ? ms : -1;
}

/* What the server says comes first, then the connector's words; -1: nobody says. */
static int64_t wait_of(peri_reply_reader *r, const peri_node *action, int64_t now_ms) {
  int64_t wait = -1, cap = duration(action, "most");
  peri_str text, read = peri_node_opt_text(action, "read");
  bool written = false;
  if (!(read.n && peri_reply_first(r, read, &text) && peri_wait_read(text, now_ms, &wait)) &&
      !(peri_reply_first(r, PERI_STR("header:Retry-After"), &text) && peri_wait_read(text, now_ms, &wait))) {
    written = true;
    wait = duration(action, "time");
    if (wait < 0) wait = duration(action, "wait");
    if (wait < 0 && peri_str_is(peri_node_opt_text(action, "till"), "midnight")) wait = till_midnight(r, action, now_ms);
  }
  if (wait < 0) return -1;
  if (cap < 0) cap = written ? DAY_MS : PERI_RETRY_AFTER_MS_MAX;
  if (cap > DAY_MS) cap = DAY_MS;
  return wait > cap ? cap : wait;
}

/* ---- the whole ---- */

static const struct { const char *name; peri_act act; } names[] = {
  {"ok", PERI_ACT_OK}, {"ignore", PERI_ACT_IGNORE}, {"retry", PERI_ACT_RETRY}, {"wait", PERI_ACT_WAIT}, {"refresh", PERI_ACT_REFRESH},
  {"reconnect", PERI_ACT_RECONNECT}, {"skip", PERI_ACT_SKIP}, {"missing", PERI_ACT_MISSING}, {"done", PERI_ACT_DONE}, {"restart", PERI_ACT_RESTART},
  {"smaller", PERI_ACT_SMALLER}, {"discover", PERI_ACT_DISCOVER}, {"reject", PERI_ACT_REJECT}, {"stop", PERI_ACT_STOP}};

const char *peri_act_name(peri_act act) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].act == act) return names[i].name;
  return "stop";
}

static peri_act act_named(peri_str name) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (peri_str_is(name, names[i].name)) return names[i].act;
  return PERI_ACT_STOP;
}

static peri_act built_in(int status) {
  if (status >= 200 && status <= 299) return PERI_ACT_OK;
  switch (status) {
  case 304: return PERI_ACT_IGNORE;
  case 401: return PERI_ACT_REFRESH;
  case 403: return PERI_ACT_MISSING;
  case 404: return PERI_ACT_SKIP;
  case 408:
  case 429: return PERI_ACT_WAIT;
  default: return status >= 500 && status <= 599 ? PERI_ACT_RETRY : PERI_ACT_STOP;
  }
}

static peri_act of_transport(peri_code code) {
  switch (code) {
  case PERI_DNS:
  case PERI_CONNECT:
  case PERI_TIMEOUT:
  case PERI_BAD_REPLY: return PERI_ACT_RETRY;
  case PERI_REPLY_TOO_LARGE: return PERI_ACT_SMALLER;
  default: return PERI_ACT_STOP;
  }
}

/* One printable line of at most REASON_BYTES, never half a character, and no secret that the API sent back: those go first, before blanks are joined and
 * before the text is cut, lest half of one stay. */
static peri_str tidy(peri_arena *a, peri_str text) {
  peri_buf copy = {0}, out = {0};
  text = peri_str_trim(text);
  peri_buf_str(&copy, text.n > 4 * REASON_BYTES ? (peri_str){text.p, 4 * REASON_BYTES} : text);
  if (copy.n) copy.n = peri_redact(copy.p, copy.n);
  text = peri_buf_view(&copy);
  bool space = false;
  for (size_t i = 0; i < text.n && out.n < REASON_BYTES; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (c <= 32 || c == 127) {
      space = out.n > 0;
      continue;
    }
    if (space) peri_buf_char(&out, ' ');
    space = false;
    peri_buf_char(&out, (char)c);
  }
  while (out.n && out.n >= REASON_BYTES && !peri_utf8_valid(peri_buf_view(&out))) out.n--;
  if (!peri_utf8_valid(peri_buf_view(&out))) /* no text in our sense: keep what is ASCII of it */
    for (size_t i = 0; i < out.n; i++)
      if ((unsigned char)out.p[i] > 126) out.p[i] = '?';
  peri_str s = peri_arena_str(a, peri_buf_view(&out));
  peri_buf_fini(&copy);
  peri_buf_fini(&out);
  return s;
}

static peri_str reason_of(peri_reply_reader *r, const peri_request *request) {
  peri_str text;
  for (size_t i = 0; i < request->reason_count; i++)
    if (peri_reply_first(r, request->reasons[i], &text) && text.n) return tidy(r->a, text);
  return tidy(r->a, r->reply->body);
}

void peri_reply_action(peri_arena *a, const peri_connector *c, const peri_request *r, const peri_http_reply *reply, const peri_json *settings, int64_t now_ms, peri_action *out) {
  *out = (peri_action){.act = PERI_ACT_STOP, .wait_ms = -1};
  if (reply->code != PERI_OK) {
    out->act = of_transport(reply->code);
    out->reason = tidy(a, peri_str_of(reply->error));
    return;
  }
  peri_reply_reader reader = {.a = a, .reply = reply, .settings = settings, .c = c};
  const peri_node *action = NULL;
  int line = 0;
  for (size_t i = 0; i < 3 && !action; i++) action = look_up(&reader, r->on[i], &line);
  out->act = action ? act_named(peri_node_text(peri_node_value(action))) : built_in(reply->status);
  if (action) {
    out->say = peri_node_opt_text(action->type == PERI_N_TABLE ? action : NULL, "say");
    out->line = action->line ? action->line : line;
  }
  if (out->act == PERI_ACT_WAIT || out->act == PERI_ACT_RETRY) out->wait_ms = wait_of(&reader, action, now_ms);
  if (out->act == PERI_ACT_WAIT && action && out->wait_ms < 0) out->wait_ms = 10000; /* the default of `time`, as the reference says */
  if (out->act != PERI_ACT_OK && out->act != PERI_ACT_IGNORE) out->reason = reason_of(&reader, r);
}
