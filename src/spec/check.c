/* spec/check: a script's tree held against the table of words. Says the first mistake as a colleague would: where it is, what
 * was found, what was probably meant. Runs in the worker, and once more in the core, so it takes no tree on trust: depth and
 * number of nodes are counted before anything else. Knows nothing of Lua, and calls no function of a script. */
#include <stdio.h>

#include "spec/check.h"

/* ---- messages ---- */

bool peri_check_fail(peri_check *c, peri_str near, const char *format, ...) {
  char text[PERI_ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (near.n)
    peri_fail(c->e, PERI_SCRIPT_REFUSED, "%.*s:%d: %s (did you mean '%.*s'?)", PERI_S(c->file), c->line, text, PERI_S(near));
  else
    peri_fail(c->e, PERI_SCRIPT_REFUSED, "%.*s:%d: %s", PERI_S(c->file), c->line, text);
  if (c->line_out) *c->line_out = c->line;
  return false;
}

peri_str peri_check_here(peri_check *c) {
  if (!c->where_n) return c->subject;
  if (!c->subject.n) return peri_arena_fmt(c->arena, "%.*s", (int)c->where_n, c->where);
  return peri_arena_fmt(c->arena, "%.*s: %.*s", PERI_S(c->subject), (int)c->where_n, c->where);
}

#define SHOWN_BYTES 48
static peri_str quoted(peri_check *c, peri_str text) {
  size_t n = text.n;
  if (n > SHOWN_BYTES) {
    n = SHOWN_BYTES;
    while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80) n--; /* never half a character */
  }
  char *clean = peri_arena_bytes(c->arena, n + 1);
  for (size_t i = 0; i < n; i++) clean[i] = (unsigned char)text.p[i] < 32 ? ' ' : text.p[i];
  if (!peri_utf8_valid((peri_str){clean, n})) return PERI_STR("a text that is no UTF-8");
  return peri_arena_fmt(c->arena, "\"%.*s%s\"", (int)n, clean, n < text.n ? "…" : "");
}

peri_str peri_check_found(peri_check *c, const peri_node *n) {
  if (!n) return PERI_STR("nothing");
  switch (n->type) {
  case PERI_N_NULL: return PERI_STR("null");
  case PERI_N_BOOL: return n->u.b ? PERI_STR("true") : PERI_STR("false");
  case PERI_N_INT: return peri_arena_fmt(c->arena, "%lld", (long long)n->u.i);
  case PERI_N_NUM: return peri_arena_fmt(c->arena, "%.14g", n->u.d);
  case PERI_N_TEXT: return quoted(c, n->u.text);
  case PERI_N_TABLE: return n->item_count + n->member_count ? PERI_STR("a table") : PERI_STR("an empty table");
  case PERI_N_WORD: return n->word;
  case PERI_N_JOIN: return PERI_STR("joined texts");
  case PERI_N_FUNC: return PERI_STR("a function");
  }
  return PERI_STR("something unknown");
}

static void append(peri_check *c, const char *text, size_t n) {
  if (n > sizeof c->where - c->where_n) n = sizeof c->where - c->where_n; /* a message, cut, is still a message */
  memcpy(c->where + c->where_n, text, n);
  c->where_n += n;
}

static bool plain_key(peri_str key) {
  for (size_t i = 0; i < key.n; i++) {
    char l = key.p[i];
    if (!((l >= 'a' && l <= 'z') || (l >= 'A' && l <= 'Z') || l == '_' || l == '-' || (i && l >= '0' && l <= '9'))) return false;
  }
  return key.n > 0;
}

size_t peri_check_enter(peri_check *c, peri_str key, bool is_text) {
  size_t mark = c->where_n;
  if (is_text && plain_key(key)) {
    if (mark) append(c, ".", 1);
    append(c, key.p, key.n);
  } else {
    peri_str shown = is_text ? quoted(c, key) : key;
    append(c, "[", 1);
    append(c, shown.p, shown.n);
    append(c, "]", 1);
  }
  return mark;
}

size_t peri_check_enter_index(peri_check *c, size_t index) {
  size_t mark = c->where_n;
  peri_str text = peri_arena_fmt(c->arena, "[%zu]", index + 1);
  append(c, text.p, text.n);
  return mark;
}

void peri_check_leave(peri_check *c, size_t mark) { c->where_n = mark; }

/* ---- size ---- */

static const char *measure(const peri_node *n, int depth, size_t *nodes) {
  if (!n) return NULL;
  if (++*nodes > PERI_TREE_NODES_MAX) return "it has too many values";
  if (depth > PERI_TREE_DEPTH_MAX) return "its words and tables are nested too deeply";
  const char *fault = NULL;
  if (n->type == PERI_N_WORD) {
    fault = measure(n->what, depth + 1, nodes);
    if (!fault && n->opts) fault = measure(n->opts, depth, nodes); /* a word and its options are one level */
  }
  for (size_t i = 0; i < n->item_count && !fault; i++) fault = measure(n->items[i], depth + 1, nodes);
  for (size_t i = 0; i < n->member_count && !fault; i++) fault = measure(n->members[i].value, depth + 1, nodes);
  return fault;
}

/* ---- the whole ---- */

static bool check_root(peri_check *c, const peri_node *root) {
  if (peri_node_is(root, "connector")) {
    c->connector = root;
    return peri_connector_prepare(c) && peri_check_word(c, root) && peri_connector_whole(c);
  }
  if (peri_node_is(root, "mapping")) {
    c->mapping = root;
    return peri_check_word(c, root) && peri_mapping_whole(c);
  }
  if (peri_node_is(root, "emulator")) {
    c->emulator = root;
    return peri_check_word(c, root) && peri_emulator_whole(c);
  }
  if (peri_node_is(root, "stream")) return peri_check_word(c, root);
  if (peri_is_request(root)) { /* sent by a pull: its stream's each is looked after by the core */
    c->parent_ok = true;
    return peri_check_word(c, root);
  }
  peri_str found = peri_check_found(c, root);
  return peri_check_fail(c, PERI_NEAR_NONE, "the file gives %.*s, where a connector, a mapping or an emulator is wanted", PERI_S(found));
}

bool peri_spec_check(const peri_tree *tree, peri_err *e, int *line) {
  peri_check c = {.arena = peri_arena_new(), .file = tree->path, .e = e, .line_out = line, .line = tree->root ? tree->root->line : 0};
  if (c.line < 1) c.line = 1;
  c.paths = peri_paths_new(c.arena);
  peri_map_init(&c.settings, c.arena);
  size_t nodes = 0;
  const char *fault = measure(tree->root, 0, &nodes);
  bool good = fault ? peri_check_fail(&c, PERI_NEAR_NONE, "this file is refused: %s", fault) : check_root(&c, tree->root);
  peri_arena_free(c.arena);
  return good;
}
