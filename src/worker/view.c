/* worker/view: OPEN compiled: which slots a stream's own words read, which the plans read, and the two walkers over them. Two sets, because most
 * records of most pages are unchanged: the first look reads only key, stamp and marks, and the rest is read when the core asks for rows.
 * Refuses with OPENED {"ok":false} what it can't read, with the path. */
#include <stdlib.h>

#include "worker/shop.h"

static bool fails(peri_err *e, const char *what, peri_str value) {
  peri_fail(e, PERI_INVALID, "%s '%.*s'", what, PERI_S(value));
  return false;
}

/* ---- paths of the stream's words ---- */

/* A path, a list of paths, or a word with one of them: language, rule 3. */
static size_t path_list(peri_arena *a, const peri_node *n, peri_str **out) {
  if (n && n->type == PERI_N_WORD) n = n->what;
  size_t count = !n ? 0 : n->type == PERI_N_TABLE ? n->item_count : 1;
  *out = count ? peri_arena_take(a, count * sizeof **out) : NULL;
  for (size_t i = 0; i < count; i++) (*out)[i] = peri_node_text(n->type == PERI_N_TABLE ? n->items[i] : n);
  return count;
}

/* `parent:id` and `issue:id` name what the record was made for. A colon further back belongs to a key. */
static bool is_outer(peri_str path, peri_str *inner) {
  size_t i = 0;
  while (i < path.n && (path.p[i] == '_' || (path.p[i] >= 'a' && path.p[i] <= 'z') || (path.p[i] >= 'A' && path.p[i] <= 'Z') ||
                        (path.p[i] >= '0' && path.p[i] <= '9')))
    i++;
  if (i == 0 || i == path.n || path.p[i] != ':') return false;
  *inner = peri_str_starts(path, PERI_STR("parent:")) ? peri_str_from(path, i + 1) : path;
  return true;
}

static int context_add(peri_view *v, peri_str path) {
  for (size_t i = 0; i < v->context_count; i++)
    if (peri_str_eq(v->context_paths[i], path)) return (int)i;
  size_t cap = v->context_count;
  v->context_paths = peri_arena_grow(v->arena, v->context_paths, v->context_count, &cap, sizeof *v->context_paths);
  v->context_paths[v->context_count] = path;
  return (int)v->context_count++;
}

/* The same slots in either set: the split's and the full one's. */
static bool keys_add(peri_view *v, peri_keys *k, const peri_node *updated, peri_str removed, peri_err *e) {
  bool many = false;
  k->set = peri_paths_new(v->arena);
  k->key = peri_arena_take(v->arena, (v->key_count + 1) * sizeof *k->key);
  k->merged = peri_arena_take(v->arena, (v->merged_count + 1) * sizeof *k->merged);
  k->removed = -1;
  for (size_t i = 0; i < v->key_count; i++) {
    k->key[i] = -1;
    if (v->key_context[i] >= 0) continue;
    if (peri_paths_add(k->set, v->key_paths[i], &k->key[i], &many, e)) return false;
    if (many) return fails(e, "a key is one value, but this path may find many:", v->key_paths[i]);
  }
  for (size_t i = 0; i < v->merged_count; i++)
    if (peri_paths_add(k->set, v->merged_paths[i], &k->merged[i], &v->merged_many[i], e)) return false;
  if (removed.p) {
    if (peri_paths_add(k->set, removed, &k->removed, &many, e)) return false;
    if (many) return fails(e, "removed is one value, but this path may find many:", removed);
  }
  if (updated && updated->type == PERI_N_WORD) {
    k->stamp = peri_stamp_compile(v->arena, updated, k->set, e);
    if (!k->stamp) return false;
  }
  return true;
}

static peri_node *read_tree(peri_view *v, const peri_json *m, const char *name, peri_err *e) {
  const peri_json *json = peri_json_get(m, name);
  return json && json->type != PERI_J_NULL ? peri_node_read(v->arena, json, e) : NULL;
}

static peri_str value_text(const peri_node *n, peri_arena *a) {
  switch (n->type) {
  case PERI_N_TEXT: return n->u.text;
  case PERI_N_BOOL: return n->u.b ? PERI_STR("true") : PERI_STR("false");
  case PERI_N_INT: return peri_arena_fmt(a, "%lld", (long long)n->u.i);
  default: return PERI_STR("null");
  }
}

static bool stream_words(peri_view *v, const peri_json *m, peri_node **key, peri_err *e) {
  e->code = PERI_OK;
  *key = read_tree(v, m, "key", e);
  peri_node *updated = read_tree(v, m, "updated", e), *removed = read_tree(v, m, "removed", e), *merged = read_tree(v, m, "merged", e);
  if (e->code) return false;
  v->key_count = path_list(v->arena, *key, &v->key_paths);
  v->key_context = peri_arena_take(v->arena, (v->key_count + 1) * sizeof *v->key_context);
  for (size_t i = 0; i < v->key_count; i++) {
    peri_str inner;
    v->key_context[i] = is_outer(v->key_paths[i], &inner) ? context_add(v, inner) : -1;
  }
  v->merged_count = path_list(v->arena, merged, &v->merged_paths);
  v->merged_many = peri_arena_take(v->arena, v->merged_count + 1);
  v->merged_split = peri_node_opt_text(merged, "split");
  if (!v->merged_split.n) v->merged_split = peri_node_text(peri_node_get(merged, "split"));
  peri_str removed_path = {0};
  if (removed) {
    removed_path = peri_node_text(peri_node_value(removed));
    if (removed->type == PERI_N_TABLE && removed->item_count > 1) {
      v->removed_equal = true;
      v->removed_value = value_text(removed->items[1], v->arena);
    }
    if (!removed_path.p) return fails(e, "removed wants a path, or { path, value }:", PERI_STR("?"));
  }
  return keys_add(v, &v->split, updated, removed_path, e) && keys_add(v, &v->full, updated, removed_path, e);
}

/* ---- plans ---- */

static bool plan_add(peri_shop *s, peri_view *v, peri_str path, const peri_node *key, peri_paths *unused, int *line, peri_err *e) {
  peri_shop_file *f = peri_shop_file_named(s, path);
  if (!f) return fails(e, "OPEN names a mapping that was not loaded:", path);
  if (!f->tried) peri_shop_file_load(s, f);
  peri_plan *plan = peri_shop_file_plan(s, f, key, e, line);
  if (!plan) return false;
  size_t i = v->plan_count++;
  v->plans[i] = peri_plan_view_new(v->arena, plan, v->full.set, unused, e);
  if (!v->plans[i]) return false;
  v->plan_entity[i] = peri_plan_entity(plan);
  v->plan_path[i] = f->path;
  peri_plan_run_begins(plan);
  peri_buf text = {0};
  peri_plan_describe(plan, &text);
  peri_json_fault fault;
  const peri_json *describe = peri_json_parse(v->arena, peri_buf_view(&text), &fault);
  peri_buf_fini(&text);
  v->plan_set[i] = peri_json_get_text(describe, "rowsPath").n > 0;
  const peri_json *parents = peri_json_get(describe, "parents");
  for (const peri_json *p = parents ? parents->first : NULL; p; p = p->next) {
    peri_str outer = peri_json_str(p), inner;
    context_add(v, is_outer(outer, &inner) ? inner : outer);
  }
  return true;
}

static bool plans(peri_shop *s, peri_view *v, const peri_json *m, const peri_node *key, int *line, peri_err *e) {
  const peri_json *list = peri_json_get(m, "mappings");
  size_t count = list ? list->count : 0;
  if (count > UINT16_MAX) return fails(e, "too many mappings for", v->stream);
  v->plans = peri_arena_take(v->arena, (count + 1) * sizeof *v->plans);
  v->plan_set = peri_arena_take(v->arena, count + 1);
  v->plan_entity = peri_arena_take(v->arena, (count + 1) * sizeof *v->plan_entity);
  v->plan_path = peri_arena_take(v->arena, (count + 1) * sizeof *v->plan_path);
  peri_paths *unused = peri_paths_new(v->arena); /* parents reach plans as the record's context, the same way on a page and from the store */
  for (const peri_json *one = list ? list->first : NULL; one; one = one->next)
    if (!plan_add(s, v, peri_json_str(one), key, unused, line, e)) return false;
  return true;
}

/* ---- page ---- */

static size_t text_list(peri_arena *a, const peri_json *list, peri_str **out) {
  size_t count = list ? list->count : 0, i = 0;
  *out = count ? peri_arena_take(a, count * sizeof **out) : NULL;
  for (const peri_json *one = *out ? list->first : NULL; one; one = one->next) (*out)[i++] = peri_json_str(one);
  return count;
}

static bool page_words(peri_view *v, const peri_json *m, peri_err *e) {
  peri_str format = peri_json_get_text(m, "format");
  v->ndjson = peri_str_is(format, "ndjson");
  if (!v->ndjson && format.n && !peri_str_is(format, "json")) return fails(e, "perilune can't read this format yet:", format);
  peri_str *named;
  size_t count = text_list(v->arena, peri_json_get(m, "page"), &named);
  v->page_set = peri_paths_new(v->arena);
  v->page_paths = peri_arena_take(v->arena, (count + 1) * sizeof *v->page_paths);
  v->page_many = peri_arena_take(v->arena, count + 1);
  for (size_t i = 0; i < count; i++) {
    int slot;
    bool many = false;
    if (peri_paths_add(v->page_set, named[i], &slot, &many, e)) return false;
    if ((size_t)slot < v->page_count) continue; /* named twice */
    v->page_paths[v->page_count] = named[i];
    v->page_many[v->page_count++] = many;
  }
  const peri_json *pairs = peri_json_get(m, "pairs");
  if (pairs && pairs->type == PERI_J_OBJECT) {
    v->pair_list = peri_json_get_text(pairs, "list");
    v->pair_match = peri_json_get_text(pairs, "match");
    v->pair_value = peri_json_get_text(pairs, "value");
    if (!peri_str_ends(v->pair_list, PERI_STR("[]"))) return fails(e, "a pager inside a list needs the list's path, ending in []:", v->pair_list);
    v->pair_list.n -= 2;
  }
  v->volatile_count = text_list(v->arena, peri_json_get(m, "volatile"), &v->volatiles);
  return true;
}

static bool walkers(peri_view *v, const peri_json *m, peri_err *e) {
  v->context_set = peri_paths_new(v->arena);
  int slot;
  for (size_t i = 0; i < v->context_count; i++)
    if (peri_paths_add(v->context_set, v->context_paths[i], &slot, NULL, e)) return false;
  peri_page_paths paths = {.records = peri_json_get_text(m, "records"),
                           .record = peri_json_get_text(m, "record"),
                           .record_set = v->split.set,
                           .parent_set = v->context_count ? v->context_set : NULL,
                           .page_set = v->page_count ? v->page_set : NULL};
  v->split_walker = peri_page_walker_new(v->arena, &paths, e);
  paths.record_set = v->full.set;
  v->full_walker = v->split_walker ? peri_page_walker_new(v->arena, &paths, e) : NULL;
  return v->full_walker != NULL;
}

/* ---- OPEN ---- */

peri_view *peri_shop_view(peri_shop *s, uint32_t id) {
  for (size_t i = 0; i < s->view_count; i++)
    if (s->views[i]->id == id) return s->views[i];
  return NULL;
}

void peri_shop_views_close(peri_shop *s) {
  for (size_t i = 0; i < s->view_count; i++) peri_arena_free(s->views[i]->arena);
  s->view_count = 0;
}

static void forget(peri_shop *s, uint32_t id) {
  for (size_t i = 0; i < s->view_count; i++) {
    if (s->views[i]->id != id) continue;
    peri_shop_held_drop(s); /* what waits may belong to it */
    peri_arena_free(s->views[i]->arena);
    s->views[i] = s->views[--s->view_count];
    return;
  }
}

static bool open_view(peri_shop *s, peri_view *v, const peri_json *m, int *line, peri_err *e) {
  peri_node *key = NULL;
  v->type = peri_json_get_text(m, "type");
  v->stream = peri_json_get_text(m, "stream");
  v->key_free = peri_json_get_bool(m, "keyFree", false);
  peri_str *context;
  size_t count = text_list(v->arena, peri_json_get(m, "context"), &context);
  for (size_t i = 0; i < count; i++) {
    peri_str inner;
    context_add(v, is_outer(context[i], &inner) ? inner : context[i]);
  }
  return stream_words(v, m, &key, e) && plans(s, v, m, key, line, e) && page_words(v, m, e) && walkers(v, m, e);
}

bool peri_shop_open(peri_shop *s, peri_str payload) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  peri_err e = {0};
  int line = 0;
  const peri_json *m = peri_json_parse(a, payload, &fault);
  peri_view *v = peri_arena_take(a, sizeof *v);
  v->arena = a;
  v->id = (uint32_t)peri_json_get_int(m, "view", 0);
  forget(s, v->id);
  bool ok = false;
  if (!m)
    peri_fail(&e, PERI_INTERNAL, "the core sent an OPEN that is no JSON: %s", fault.what);
  else if (!s->script)
    peri_fail(&e, PERI_INTERNAL, "OPEN came before LOAD");
  else if (s->view_count == PERI_VIEWS_MAX)
    peri_fail(&e, PERI_INTERNAL, "more than %d views are open", PERI_VIEWS_MAX);
  else
    ok = open_view(s, v, m, &line, &e);
  peri_buf_clear(&s->text);
  peri_jw w;
  peri_jw_init(&w, &s->text);
  peri_jw_object(&w);
  peri_jw_kv_int(&w, "view", v->id);
  peri_jw_kv_bool(&w, "ok", ok);
  if (ok) {
    peri_jw_key_c(&w, "context");
    peri_jw_array(&w);
    for (size_t i = 0; i < v->context_count; i++) peri_jw_text(&w, v->context_paths[i]);
    peri_jw_end_array(&w);
    s->views[s->view_count++] = v;
  } else {
    peri_jw_kv_c(&w, "message", e.text);
    peri_jw_kv_int(&w, "line", line);
    peri_arena_free(a);
  }
  peri_jw_end_object(&w);
  return peri_shop_send_text(s, PERI_K_OPENED, &s->text, true);
}
