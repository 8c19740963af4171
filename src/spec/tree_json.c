/* spec/tree_json: the JSON form of nodes, both ways. What it looks like stands in tree.h.
 * The reader treats its input as hostile: it comes from a worker. */
#include <math.h>

#include "spec/tree.h"

/* ---- writing ---- */

static void put_text(peri_buf *out, peri_str s) {
  static const char hex[] = "0123456789abcdef";
  if (peri_utf8_valid(s)) {
    peri_json_quote(out, s);
    return;
  }
  peri_buf_c_str(out, "{\"x\":\"");
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    peri_buf_char(out, hex[c >> 4]);
    peri_buf_char(out, hex[c & 15]);
  }
  peri_buf_c_str(out, "\"}");
}

static void put_double(peri_buf *out, double d) {
  if (isnan(d))
    peri_buf_c_str(out, "{\"d\":\"nan\"}");
  else if (isinf(d))
    peri_buf_c_str(out, d > 0 ? "{\"d\":\"inf\"}" : "{\"d\":\"-inf\"}");
  else {
    peri_buf_c_str(out, "{\"d\":");
    peri_double_put(out, d);
    peri_buf_char(out, '}');
  }
}

static void put_node(peri_buf *out, const peri_node *n, int depth);

static void put_items(peri_buf *out, const peri_node *n, int depth) {
  peri_buf_char(out, '[');
  for (size_t i = 0; i < n->item_count && !out->over; i++) {
    if (i) peri_buf_char(out, ',');
    put_node(out, n->items[i], depth);
  }
  peri_buf_char(out, ']');
}

static void put_line(peri_buf *out, int line) {
  if (line > 0) peri_buf_fmt(out, ",\"l\":%d", line);
}

static void put_table(peri_buf *out, const peri_node *n, int depth) {
  if (n->member_count == 0 && n->line <= 0) {
    put_items(out, n, depth);
    return;
  }
  peri_buf_c_str(out, "{\"m\":[");
  for (size_t i = 0; i < n->member_count && !out->over; i++) {
    const peri_member *m = &n->members[i];
    if (i) peri_buf_char(out, ',');
    if (!m->key_is_text) peri_buf_c_str(out, "{\"k\":");
    put_text(out, m->key);
    if (!m->key_is_text) peri_buf_char(out, '}');
    peri_buf_char(out, ',');
    put_node(out, m->value, depth);
  }
  peri_buf_char(out, ']');
  if (n->item_count) {
    peri_buf_c_str(out, ",\"i\":");
    put_items(out, n, depth);
  }
  put_line(out, n->line);
  peri_buf_char(out, '}');
}

static void put_word(peri_buf *out, const peri_node *n, int depth) {
  peri_buf_c_str(out, "{\"w\":");
  put_text(out, n->word);
  put_line(out, n->line);
  if (n->seq) peri_buf_fmt(out, ",\"q\":%u", (unsigned)n->seq);
  if (n->what) {
    peri_buf_c_str(out, ",\"a\":");
    put_node(out, n->what, depth);
  }
  if (n->opts) {
    peri_buf_c_str(out, ",\"o\":");
    put_table(out, n->opts, depth);
  }
  peri_buf_char(out, '}');
}

/* The options of a word are no level of their own (as check.c counts them): one level of the script is at most three of JSON.
 * The helpers get the depth of what they hold. */
static void put_node(peri_buf *out, const peri_node *n, int depth) {
  if (out->over) return;
  if (!n || n->type == PERI_N_NULL) {
    peri_buf_c_str(out, "null");
    return;
  }
  if (depth > PERI_TREE_DEPTH_MAX) {
    out->over = true;
    return;
  }
  switch (n->type) {
  case PERI_N_NULL: break;
  case PERI_N_BOOL: peri_buf_c_str(out, n->u.b ? "true" : "false"); break;
  case PERI_N_INT: peri_buf_fmt(out, "%lld", (long long)n->u.i); break;
  case PERI_N_NUM: put_double(out, n->u.d); break;
  case PERI_N_TEXT: put_text(out, n->u.text); break;
  case PERI_N_TABLE: put_table(out, n, depth + 1); break;
  case PERI_N_WORD: put_word(out, n, depth + 1); break;
  case PERI_N_JOIN:
    peri_buf_c_str(out, "{\"j\":");
    put_items(out, n, depth + 1);
    put_line(out, n->line);
    peri_buf_char(out, '}');
    break;
  case PERI_N_FUNC:
    peri_buf_fmt(out, "{\"f\":%d", n->u.fn);
    put_line(out, n->line);
    if (n->source.n) {
      peri_buf_c_str(out, ",\"s\":");
      put_text(out, n->source);
    }
    peri_buf_char(out, '}');
    break;
  }
}

void peri_node_put(peri_buf *out, const peri_node *n) { put_node(out, n, 0); }

/* ---- reading ---- */

static peri_node *refuse(peri_err *e, const char *what) {
  peri_fail(e, PERI_INVALID, "not the JSON form of a script's tree: %s", what);
  return NULL;
}

/* Whole numbers 0..max only: lines, numbers of making, functions. */
static bool read_number(const peri_json *json, int64_t max, int64_t *out) {
  return json->type == PERI_J_NUMBER && peri_number_i64(json->text, out) && *out >= 0 && *out <= max;
}

static bool only_members(const peri_json *object, const char *allowed) {
  for (const peri_json *m = object->first; m; m = m->next)
    if (m->key.n != 1 || !strchr(allowed, m->key.p[0])) return false;
  return true;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* A JSON string, or {"x":"hex"}. */
static bool read_text(peri_arena *a, const peri_json *json, peri_str *out) {
  if (json && json->type == PERI_J_STRING) {
    *out = json->text;
    return true;
  }
  const peri_json *x = peri_json_get(json, "x");
  if (!json || !x || x->type != PERI_J_STRING || x->text.n % 2 != 0 || json->count != 1) return false;
  char *bytes = peri_arena_bytes(a, x->text.n / 2 + 1);
  for (size_t i = 0; i < x->text.n; i += 2) {
    int high = hex_digit(x->text.p[i]), low = hex_digit(x->text.p[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i / 2] = (char)(high * 16 + low);
  }
  *out = (peri_str){bytes, x->text.n / 2};
  return true;
}

static bool read_items(peri_arena *a, const peri_json *json, peri_node *into, peri_err *e) {
  if (!json || json->type != PERI_J_ARRAY) return refuse(e, "a list is no array") != NULL;
  for (const peri_json *i = json->first; i; i = i->next) {
    peri_node *item = peri_node_read(a, i, e);
    if (!item) return false;
    peri_node_push(a, into, item);
  }
  return true;
}

static bool read_line(const peri_json *json, peri_node *n, peri_err *e) {
  const peri_json *l = peri_json_get(json, "l");
  int64_t line = 0;
  if (l && !read_number(l, INT32_MAX, &line)) return refuse(e, "a line is no number") != NULL;
  n->line = (int)line;
  return true;
}

static bool read_members(peri_arena *a, const peri_json *list, peri_node *n, peri_err *e) {
  if (list->type != PERI_J_ARRAY || list->count % 2 != 0) return refuse(e, "members come as key, value, key, value") != NULL;
  size_t room = 1; /* a power of two, as peri_node_set expects; taken at once, for searching each key first would be quadratic */
  while (room < list->count / 2) room *= 2;
  n->members = peri_arena_take(a, room * sizeof *n->members);
  for (const peri_json *k = list->first; k; k = k->next->next) {
    peri_member *m = &n->members[n->member_count];
    const peri_json *odd = peri_json_get(k, "k");
    m->key_is_text = odd == NULL;
    if ((odd && k->count != 1) || !read_text(a, odd ? odd : k, &m->key)) return refuse(e, "a key is no text") != NULL;
    m->value = peri_node_read(a, k->next, e);
    if (!m->value) return false;
    n->member_count++;
  }
  return true;
}

static peri_node *read_table(peri_arena *a, const peri_json *json, peri_err *e) {
  peri_node *n = peri_node_new(a, PERI_N_TABLE);
  if (!only_members(json, "mil")) return refuse(e, "a table has an unknown part");
  const peri_json *items = peri_json_get(json, "i");
  if (!read_members(a, peri_json_get(json, "m"), n, e)) return NULL;
  if (items && !read_items(a, items, n, e)) return NULL;
  return read_line(json, n, e) ? n : NULL;
}

static peri_node *read_word(peri_arena *a, const peri_json *json, peri_err *e) {
  peri_node *n = peri_node_new(a, PERI_N_WORD);
  const peri_json *seq = peri_json_get(json, "q"), *what = peri_json_get(json, "a"), *opts = peri_json_get(json, "o");
  int64_t number = 0;
  if (!only_members(json, "wlqao")) return refuse(e, "a word has an unknown part");
  if (!read_text(a, peri_json_get(json, "w"), &n->word) || n->word.n == 0) return refuse(e, "a word has no name");
  if (seq && !read_number(seq, UINT32_MAX, &number)) return refuse(e, "a number of making is no number");
  n->seq = (uint32_t)number;
  if (what && !(n->what = peri_node_read(a, what, e))) return NULL;
  if (opts && !(n->opts = peri_node_read(a, opts, e))) return NULL;
  if (n->opts && n->opts->type != PERI_N_TABLE) return refuse(e, "the options of a word are no table");
  return read_line(json, n, e) ? n : NULL;
}

static peri_node *read_double(peri_arena *a, const peri_json *json, peri_err *e) {
  const peri_json *d = peri_json_get(json, "d");
  peri_node *n = peri_node_new(a, PERI_N_NUM);
  if (json->count != 1) return refuse(e, "a float has an unknown part");
  if (d->type == PERI_J_NUMBER && peri_number_double(d->text, &n->u.d)) return n;
  if (d->type != PERI_J_STRING) return refuse(e, "a float is no number");
  if (peri_str_is(d->text, "inf"))
    n->u.d = (double)INFINITY;
  else if (peri_str_is(d->text, "-inf"))
    n->u.d = -(double)INFINITY;
  else if (peri_str_is(d->text, "nan"))
    n->u.d = (double)NAN;
  else
    return refuse(e, "a float is no number");
  return n;
}

static peri_node *read_function(peri_arena *a, const peri_json *json, peri_err *e) {
  peri_node *n = peri_node_new(a, PERI_N_FUNC);
  int64_t number = 0;
  const peri_json *source = peri_json_get(json, "s");
  if (source && !read_text(a, source, &n->source)) return refuse(e, "the hash of a function is no text");
  if (!only_members(json, "fls") || !read_number(peri_json_get(json, "f"), INT32_MAX, &number)) return refuse(e, "a function has no number");
  n->u.fn = (int)number;
  return read_line(json, n, e) ? n : NULL;
}

static peri_node *read_object(peri_arena *a, const peri_json *json, peri_err *e) {
  if (peri_json_get(json, "w")) return read_word(a, json, e);
  if (peri_json_get(json, "m")) return read_table(a, json, e);
  if (peri_json_get(json, "d")) return read_double(a, json, e);
  if (peri_json_get(json, "f")) return read_function(a, json, e);
  if (peri_json_get(json, "x")) {
    peri_node *n = peri_node_new(a, PERI_N_TEXT);
    return read_text(a, json, &n->u.text) ? n : refuse(e, "a text in hex is broken");
  }
  if (peri_json_get(json, "j")) {
    peri_node *n = peri_node_new(a, PERI_N_JOIN);
    if (!only_members(json, "jl")) return refuse(e, "joined texts have an unknown part");
    return read_items(a, peri_json_get(json, "j"), n, e) && read_line(json, n, e) ? n : NULL;
  }
  return refuse(e, "an object of no known form");
}

peri_node *peri_node_read(peri_arena *a, const peri_json *json, peri_err *e) {
  if (!json) return refuse(e, "a value is missing");
  peri_node *n = NULL;
  switch (json->type) {
  case PERI_J_NONE: return refuse(e, "a value is missing");
  case PERI_J_NULL: return peri_node_new(a, PERI_N_NULL);
  case PERI_J_FALSE:
  case PERI_J_TRUE:
    n = peri_node_new(a, PERI_N_BOOL);
    n->u.b = json->type == PERI_J_TRUE;
    return n;
  case PERI_J_NUMBER: n = peri_node_new(a, PERI_N_INT); return peri_number_i64(json->text, &n->u.i) ? n : refuse(e, "a whole number is out of range");
  case PERI_J_STRING: return peri_node_of_text(a, json->text);
  case PERI_J_ARRAY: n = peri_node_new(a, PERI_N_TABLE); return read_items(a, json, n, e) ? n : NULL;
  case PERI_J_OBJECT: return read_object(a, json, e);
  }
  return refuse(e, "a value of no known type");
}
