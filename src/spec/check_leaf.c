/* spec/check_leaf: single values: durations, rates, paths, names, and what may be sent (slots and data with holes). */
#include "base/clock.h"
#include "spec/check.h"

bool peri_is_hole(const peri_node *n) {
  const peri_word_spec *w = n && n->type == PERI_N_WORD ? peri_word_named(n->word) : NULL;
  return w && w->hole;
}

bool peri_is_kind(const peri_node *n) {
  const peri_word_spec *w = n && n->type == PERI_N_WORD ? peri_word_named(n->word) : NULL;
  return w && w->kind;
}

bool peri_is_request(const peri_node *n) {
  static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
  for (size_t i = 0; i < 5; i++)
    if (peri_node_is(n, methods[i])) return true;
  return false;
}

bool peri_is_scalar(const peri_node *n) {
  return n && (n->type == PERI_N_NULL || n->type == PERI_N_BOOL || n->type == PERI_N_INT || n->type == PERI_N_NUM || n->type == PERI_N_TEXT);
}

bool peri_is_slot(const peri_node *n) {
  if (!n || n->type == PERI_N_NULL) return false;
  return peri_is_scalar(n) || n->type == PERI_N_JOIN || peri_is_hole(n) || peri_node_is(n, "when");
}

/* "HERE wants a duration such as "10s", not "soon"" */
static bool wants(peri_check *c, const peri_node *n, const char *noun) {
  peri_str here = peri_check_here(c), found = peri_check_found(c, n);
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s wants %s, not %.*s", PERI_S(here), noun, PERI_S(found));
}

bool peri_leaf_duration(peri_check *c, const peri_node *n) {
  int64_t ms;
  return peri_duration_read(peri_node_text(n), &ms) || wants(c, n, "a duration such as \"10s\", \"5m\", \"2h\" or \"30d\"");
}

bool peri_leaf_size(peri_check *c, const peri_node *n) {
  uint64_t bytes;
  return (peri_node_text(n).n && peri_size_read(peri_node_text(n), &bytes)) || wants(c, n, "a size such as \"5KB\"");
}

bool peri_rate_read(peri_str s, int64_t *many, int64_t *per_ms) {
  static const struct {
    const char *unit;
    int64_t ms;
  } units[] = {{"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"hour", 3600000}, {"d", 86400000}, {"day", 86400000}};
  peri_str head, tail = peri_str_cut(s, '/', &head);
  size_t digits = 0;
  int64_t times = 1;
  while (digits < tail.n && tail.p[digits] >= '0' && tail.p[digits] <= '9') digits++;
  if (head.n == 0 || head.n > 12 || digits > 6) return false;
  for (size_t i = 0; i < head.n; i++)
    if (head.p[i] < '0' || head.p[i] > '9') return false;
  if (!peri_number_i64(head, many) || *many < 1) return false;
  if (digits && (!peri_number_i64((peri_str){tail.p, digits}, &times) || times < 1)) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (peri_str_is(peri_str_from(tail, digits), units[i].unit)) {
      *per_ms = times * units[i].ms;
      return true;
    }
  return false;
}

bool peri_leaf_rate(peri_check *c, const peri_node *n) {
  int64_t many, per_ms;
  return peri_rate_read(peri_node_text(n), &many, &per_ms) || wants(c, n, "a rate such as \"100/10s\", \"4/s\" or \"250000/day\"");
}

/* The part of a path behind its source: `header:Link` and `setting:zone` hold names, not paths. */
static bool read_source(peri_str *path) {
  static const char *const names[] = {"header", "setting", "status"};
  for (size_t i = 0; i < path->n; i++) {
    char l = path->p[i];
    if (l == ':') {
      peri_str source = {path->p, i};
      for (size_t k = 0; k < 3; k++)
        if (peri_str_is(source, names[k])) return false;
      *path = peri_str_from(*path, i + 1);
      return true;
    }
    if (!((l >= 'a' && l <= 'z') || (l >= 'A' && l <= 'Z') || (l >= '0' && l <= '9') || l == '_' || l == '-')) return true;
  }
  return true;
}

bool peri_leaf_path(peri_check *c, const peri_node *n) {
  peri_str path = peri_node_text(n), here;
  peri_err fault;
  int slot;
  if (!read_source(&path) || peri_str_is(path, "#") || path.n == 0) return true;
  for (size_t i = 0; i < path.n; i++)
    if (path.p[i] == '*' && (i == 0 || path.p[i - 1] != '\\')) {
      here = peri_check_here(c);
      return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: a path has no wildcards, but \"%.*s\" holds a *", PERI_S(here), PERI_S(path));
    }
  if (peri_paths_add(c->paths, path, &slot, NULL, &fault) == PERI_OK) return true;
  here = peri_check_here(c);
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: \"%.*s\" is no path: %s", PERI_S(here), PERI_S(path), fault.text);
}

bool peri_leaf_target(peri_check *c, const peri_node *n) {
  static const char *const places[] = {"query", "body", "form", "headers"};
  peri_str text = peri_node_text(n), head, tail = peri_str_cut(text, '.', &head), names[4], here = peri_check_here(c);
  for (size_t i = 0; i < 4; i++) {
    names[i] = peri_str_of(places[i]);
    if (peri_str_is(head, places[i]) && tail.n) return true;
  }
  return peri_check_fail(c, peri_suggest(head, names, 4), "%.*s wants a place in the request such as \"query.after\" or \"body.after\", not \"%.*s\"",
                         PERI_S(here), PERI_S(text));
}

bool peri_leaf_name(peri_check *c, const peri_node *n) {
  peri_str s = peri_node_text(n);
  if (s.n == 0 || s.n > 128) return wants(c, n, "a name");
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] <= 32 || s.p[i] == '/' || s.p[i] == ':' || s.p[i] == '\\')
      return wants(c, n, "a name without spaces, slashes and colons");
  return true;
}

bool peri_leaf_natural(peri_check *c, const peri_node *n) { return n->u.i >= 0 || wants(c, n, "a whole number from 0"); }
bool peri_leaf_count(peri_check *c, const peri_node *n) { return n->u.i >= 1 || wants(c, n, "a whole number from 1"); }

bool peri_leaf_number(peri_check *c, const peri_node *n) {
  double d = n->type == PERI_N_INT ? (double)n->u.i : n->u.d;
  return d > 0 || wants(c, n, "a number above 0");
}

bool peri_leaf_stamp_form(peri_check *c, const peri_node *n) {
  static const char *const forms[] = {"ms", "s", "date"};
  peri_str s = peri_node_text(n), names[3];
  for (size_t i = 0; i < 3; i++) {
    names[i] = peri_str_of(forms[i]);
    if (peri_str_is(s, forms[i])) return true;
  }
  if (s.n && memchr(s.p, '%', s.n)) return true;
  peri_str here = peri_check_here(c);
  return peri_check_fail(c, peri_suggest(s, names, 3), "%.*s has no form '%.*s'; there are \"ms\", \"s\", \"date\" and patterns with %%",
                         PERI_S(here), PERI_S(s));
}

bool peri_leaf_dotted(peri_check *c, const peri_node *n) {
  peri_str s = peri_node_text(n), head, tail = peri_str_cut(s, '.', &head);
  return (head.n && tail.n) || wants(c, n, "two names with a dot between them, such as \"owner.fullName\"");
}

bool peri_leaf_source(peri_check *c, const peri_node *n) {
  peri_str s = peri_node_text(n), head, tail = peri_str_cut(s, '.', &head);
  return (head.n && tail.n) || wants(c, n, "a connector and its stream such as \"hubspot.contact\"");
}

bool peri_leaf_json(peri_check *c, const peri_node *n) {
  peri_json_fault fault;
  peri_span value;
  char text[256];
  peri_str json = peri_node_text(n);
  if (peri_json_check(json, &value, &fault)) return true;
  peri_json_fault_text(&fault, json, text, sizeof text);
  peri_str here = peri_check_here(c);
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s is no JSON: %s", PERI_S(here), text);
}

/* Plain data without words (null excepted) and functions. */
bool peri_leaf_value(peri_check *c, const peri_node *n) {
  if (peri_is_scalar(n)) return true;
  if (n->type != PERI_N_TABLE) return wants(c, n, "a plain value");
  for (size_t i = 0; i < n->item_count; i++) {
    size_t mark = peri_check_enter_index(c, i);
    if (!peri_leaf_value(c, n->items[i])) return false;
    peri_check_leave(c, mark);
  }
  for (size_t i = 0; i < n->member_count; i++) {
    size_t mark = peri_check_enter(c, n->members[i].key, n->members[i].key_is_text);
    if (!peri_leaf_value(c, n->members[i].value)) return false;
    peri_check_leave(c, mark);
  }
  return true;
}

/* A hole, joined texts and holes, or a choice between them: what fills one place of a request. */
bool peri_leaf_slot(peri_check *c, const peri_node *n) {
  if (n->type == PERI_N_JOIN) {
    for (size_t i = 0; i < n->item_count; i++)
      if (!peri_is_slot(n->items[i]) || peri_node_is(n->items[i], "when"))
        return wants(c, n->items[i], "texts and holes to join");
      else if (!peri_leaf_slot(c, n->items[i]))
        return false;
    return true;
  }
  if (peri_node_is(n, "when")) return peri_check_type(c, "when<slot>", n);
  return peri_is_scalar(n) || peri_check_word(c, n);
}

/* What a query or a body holds: plain data, and holes anywhere in it. */
bool peri_leaf_data(peri_check *c, const peri_node *n) {
  if (n->type == PERI_N_NULL || (n->type == PERI_N_WORD && peri_str_is(n->word, "null"))) return true;
  if (peri_node_is(n, "when")) return peri_check_type(c, "when<data>", n);
  if (peri_is_slot(n)) return peri_leaf_slot(c, n);
  if (n->type != PERI_N_TABLE) return wants(c, n, "plain values and holes");
  for (size_t i = 0; i < n->item_count; i++) {
    size_t mark = peri_check_enter_index(c, i);
    if (!peri_leaf_data(c, n->items[i])) return false;
    peri_check_leave(c, mark);
  }
  for (size_t i = 0; i < n->member_count; i++) {
    size_t mark = peri_check_enter(c, n->members[i].key, n->members[i].key_is_text);
    if (!peri_leaf_data(c, n->members[i].value)) return false;
    peri_check_leave(c, mark);
  }
  return true;
}
