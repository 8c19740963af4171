/* spec/tree: reading and building nodes. Knows no word and no option: that is spec/words and spec/check.
 * Refuses nothing; readers take NULL and answer NULL so that a chain needs one check at its end. */
#include "spec/tree.h"

static const peri_node *table_of(const peri_node *n) {
  if (n && n->type == PERI_N_WORD) n = n->opts;
  return n && n->type == PERI_N_TABLE ? n : NULL;
}

peri_node *peri_node_get_str(const peri_node *table_or_word, peri_str key) {
  const peri_node *t = table_of(table_or_word);
  if (!t) return NULL;
  for (size_t i = 0; i < t->member_count; i++)
    if (peri_str_eq(t->members[i].key, key)) return t->members[i].value;
  return NULL;
}

peri_node *peri_node_get(const peri_node *table_or_word, const char *key) { return peri_node_get_str(table_or_word, peri_str_of(key)); }

bool peri_node_is(const peri_node *n, const char *word) { return n && n->type == PERI_N_WORD && peri_str_is(n->word, word); }

peri_node *peri_node_value(const peri_node *n) {
  if (n && n->type == PERI_N_TABLE && n->item_count > 0) return n->items[0];
  return (peri_node *)(uintptr_t)n; /* the caller's node, as it came */
}

peri_str peri_node_text(const peri_node *n) { return n && n->type == PERI_N_TEXT ? n->u.text : (peri_str){NULL, 0}; }

peri_str peri_node_opt_text(const peri_node *n, const char *option) { return peri_node_text(peri_node_value(peri_node_get(n, option))); }

bool peri_node_opt_bool(const peri_node *n, const char *option, bool fallback) {
  const peri_node *v = peri_node_value(peri_node_get(n, option));
  return v && v->type == PERI_N_BOOL ? v->u.b : fallback;
}

int64_t peri_node_opt_int(const peri_node *n, const char *option, int64_t fallback) {
  const peri_node *v = peri_node_value(peri_node_get(n, option));
  if (v && v->type == PERI_N_INT) return v->u.i;
  /* Lua writes 1e3 as a float; a whole one is meant as a number all the same */
  if (v && v->type == PERI_N_NUM && v->u.d >= -9007199254740992.0 && v->u.d <= 9007199254740992.0 && v->u.d == (double)(int64_t)v->u.d)
    return (int64_t)v->u.d;
  return fallback;
}

peri_node *peri_node_new(peri_arena *a, peri_ntype type) {
  peri_node *n = peri_arena_take(a, sizeof *n);
  n->type = type;
  return n;
}

peri_node *peri_node_of_text(peri_arena *a, peri_str text) {
  peri_node *n = peri_node_new(a, PERI_N_TEXT);
  n->u.text = text;
  return n;
}

/* Room for one more item: arrays double at powers of two, so the count alone says when. */
static void *room(peri_arena *a, void *items, size_t count, size_t bytes) {
  if (count != 0 && (count & (count - 1)) != 0) return items;
  void *bigger = peri_arena_take(a, (count == 0 ? 1 : 2 * count) * bytes);
  if (count) memcpy(bigger, items, count * bytes);
  return bigger;
}

void peri_node_push(peri_arena *a, peri_node *table, peri_node *item) {
  table->items = room(a, table->items, table->item_count, sizeof *table->items);
  table->items[table->item_count++] = item;
}

void peri_node_set_key(peri_arena *a, peri_node *table, peri_str key, bool key_is_text, peri_node *value) {
  for (size_t i = 0; i < table->member_count; i++)
    if (table->members[i].key_is_text == key_is_text && peri_str_eq(table->members[i].key, key)) {
      table->members[i].value = value;
      return;
    }
  table->members = room(a, table->members, table->member_count, sizeof *table->members);
  table->members[table->member_count++] = (peri_member){key, key_is_text, value};
}

void peri_node_set(peri_arena *a, peri_node *table, peri_str key, peri_node *value) { peri_node_set_key(a, table, key, true, value); }
