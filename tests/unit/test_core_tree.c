/* Reads connectors as people write them into trees, for the tests of core: words, tables, texts, numbers and `..`, nothing that computes.
 * FN stands for a function. A slip in the text fails the test with its line. */
#include <stdlib.h>

#include "test_core.h"

typedef struct reader { const char *p; int line; uint32_t seq; peri_arena *a; } reader;

static void slip(const reader *r, const char *what) { fail_msg("the test's text, line %d: %s near: %.30s", r->line, what, r->p); }

static void space(reader *r) {
  for (;; r->p++) {
    if (*r->p == '\n') r->line++;
    else if (*r->p == '-' && r->p[1] == '-') {
      while (r->p[1] && r->p[1] != '\n') r->p++;
    } else if (*r->p != ' ' && *r->p != '\t') return;
  }
}

static bool take(reader *r, const char *what) {
  space(r);
  if (strncmp(r->p, what, strlen(what)) != 0) return false;
  r->p += strlen(what);
  return true;
}

static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static peri_str name(reader *r) {
  space(r);
  const char *from = r->p;
  while (letter(*r->p) || (r->p > from && *r->p >= '0' && *r->p <= '9')) r->p++;
  return peri_arena_str(r->a, (peri_str){from, (size_t)(r->p - from)});
}

static peri_str text(reader *r) {
  peri_buf out = {0};
  for (r->p++; *r->p && *r->p != '"'; r->p++) peri_buf_char(&out, *r->p == '\\' ? *++r->p : *r->p);
  if (*r->p++ != '"') slip(r, "a text has no end");
  peri_str s = peri_arena_str(r->a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return s;
}

static peri_node *expression(reader *r);

static peri_node *table(reader *r) {
  peri_node *t = peri_node_new(r->a, PERI_N_TABLE);
  t->line = r->line;
  while (!take(r, "}")) {
    const char *mark = r->p;
    int line = r->line;
    peri_str key = {NULL, 0};
    bool is_text = true;
    if (take(r, "[")) {
      space(r);
      is_text = *r->p == '"';
      key = is_text ? text(r) : (peri_str){r->p, strcspn(r->p, "]")};
      if (!is_text) r->p += key.n;
      key = peri_arena_str(r->a, key);
      if (!take(r, "]") || !take(r, "=")) slip(r, "a key needs ] =");
    } else {
      key = name(r);
      if (!key.n || !take(r, "=")) {
        key = (peri_str){NULL, 0};
        r->p = mark;
        r->line = line;
      }
    }
    peri_node *v = expression(r);
    if (key.p) peri_node_set_key(r->a, t, key, is_text, v);
    else peri_node_push(r->a, t, v);
    if (!take(r, ",") && (space(r), *r->p != '}')) slip(r, "a comma is missing");
  }
  return t;
}

static bool one_of(peri_str word, const char *const *list) {
  for (; *list; list++)
    if (peri_str_is(word, *list)) return true;
  return false;
}

static peri_node *word(reader *r, peri_str w) {
  static const char *const options_only[] = {"cursor", "count", "oauth2", "since", "upto", "wanted", "record", "parent", NULL};
  peri_node *n = peri_node_new(r->a, PERI_N_WORD);
  n->word = w;
  n->line = r->line;
  n->seq = ++r->seq;
  space(r);
  if (*r->p == '"') n->what = peri_node_of_text(r->a, text(r));
  else if (*r->p == '(') {
    r->p++;
    n->what = expression(r);
    if (!take(r, ")")) slip(r, "a ) is missing");
  } else if (*r->p == '{' && !one_of(w, options_only)) {
    r->p++;
    n->what = table(r);
  }
  if (take(r, "{")) n->opts = table(r);
  return n;
}

static peri_node *primary(reader *r) {
  space(r);
  if (*r->p == '"') return peri_node_of_text(r->a, text(r));
  if (take(r, "{")) return table(r);
  if (take(r, "(")) {
    peri_node *n = expression(r);
    if (!take(r, ")")) slip(r, "a ) is missing");
    return n;
  }
  if ((*r->p >= '0' && *r->p <= '9') || *r->p == '-') {
    char *end;
    double d = strtod(r->p, &end);
    bool whole = !memchr(r->p, '.', (size_t)(end - r->p));
    peri_node *n = peri_node_new(r->a, whole ? PERI_N_INT : PERI_N_NUM);
    if (whole) n->u.i = strtoll(r->p, NULL, 10);
    else n->u.d = d;
    r->p = end;
    return n;
  }
  peri_str w = name(r);
  if (!w.n) slip(r, "something is missing");
  if (peri_str_is(w, "true") || peri_str_is(w, "false")) {
    peri_node *n = peri_node_new(r->a, PERI_N_BOOL);
    n->u.b = peri_str_is(w, "true");
    return n;
  }
  if (peri_str_is(w, "null")) return peri_node_new(r->a, PERI_N_NULL);
  if (peri_str_is(w, "FN")) {
    peri_node *n = peri_node_new(r->a, PERI_N_FUNC);
    n->u.fn = 1;
    n->line = r->line;
    return n;
  }
  return word(r, w);
}

static peri_node *expression(reader *r) {
  peri_node *n = primary(r);
  while (take(r, "..")) {
    peri_node *right = primary(r);
    if (n->type != PERI_N_JOIN) {
      peri_node *join = peri_node_new(r->a, PERI_N_JOIN);
      join->line = r->line;
      peri_node_push(r->a, join, n);
      n = join;
    }
    peri_node_push(r->a, n, right);
  }
  return n;
}

peri_node *tree(peri_arena *a, const char *source) {
  reader r = {.p = source, .line = 1, .a = a};
  peri_node *n = expression(&r);
  space(&r);
  if (*r.p) slip(&r, "something is left over");
  return n;
}

peri_connector connector(peri_arena *a, const char *source) {
  peri_tree t = {.path = PERI_STR("connectors/x.lua"), .root = tree(a, source)};
  peri_connector c;
  peri_err err = {0};
  assert_ok(peri_connector_compile(a, &t, &c, &err));
  return c;
}

peri_json *json(peri_arena *a, const char *source) {
  peri_json_fault fault;
  peri_json *v = peri_json_parse(a, peri_str_of(source), &fault);
  if (!v) fail_msg("the test's JSON: %s near %s", fault.what, fault.near);
  return v;
}

peri_http_reply reply(peri_arena *a, int status, const char *headers, const char *body) {
  peri_http_reply r = {.code = PERI_OK, .status = status, .body = peri_str_of(body), .date_ms = -1};
  peri_header *list = peri_arena_take(a, 16 * sizeof *list);
  peri_str rest = peri_str_of(headers ? headers : ""), line, key;
  while (rest.n && r.header_count < 16) {
    rest = peri_str_cut(rest, '\n', &line);
    peri_str value = peri_str_trim(peri_str_cut(line, ':', &key));
    if (key.n) list[r.header_count++] = (peri_header){key, value};
  }
  r.headers = list;
  return r;
}
