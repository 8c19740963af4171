/* core/wanted: which names the active mappings of a stream read below each prefix: what the hole `wanted` becomes.
 * Paths of mappings + the stream's own key, updated, removed and merged; everything that `discover` found where a mapping has `rest`;
 * never a name that `discover` does not know, because one unknown column fails a whole query. */
#include "base/map.h"
#include "core/stream_work.h"

typedef struct prefix_set {
  peri_map prefixes; /* prefix -> peri_map of names */
  peri_arena *a;
  const peri_json *known; /* discovered fields of the stream; NULL: unknown */
} prefix_set;

static peri_map *names_of(prefix_set *set, peri_str prefix) {
  peri_map *names = peri_map_get(&set->prefixes, prefix);
  if (names) return names;
  names = peri_arena_take(set->a, sizeof *names);
  peri_map_init(names, set->a);
  peri_map_put(&set->prefixes, prefix, names);
  return names;
}

/* "properties.email" is the name email below properties, and the name properties below nothing. */
static void add_path(prefix_set *set, peri_str path) {
  for (size_t i = 0; i < path.n; i++)
    if (path.p[i] == ':') return; /* from another source */
  size_t end = 0;
  while (end < path.n && path.p[end] != '[') end++;
  path.n = end;
  if (!path.n) return;
  peri_str head, rest = peri_str_cut(path, '.', &head), name;
  bool relation = set->known && peri_json_get_str(set->known, path);
  peri_map_put(names_of(set, PERI_STR("")), relation || !set->known ? path : head, set);
  if (!rest.n) return;
  peri_str_cut(rest, '.', &name);
  if (!set->known || peri_json_get_str(set->known, name)) peri_map_put(names_of(set, head), name, set);
}

static void add_list(prefix_set *set, const peri_json *paths) {
  for (const peri_json *p = paths ? paths->first : NULL; p; p = p->next) add_path(set, p->text);
}

static void add_node(prefix_set *set, const peri_node *n) {
  if (!n) return;
  if (n->type == PERI_N_TEXT) add_path(set, n->u.text);
  else if (n->type == PERI_N_WORD) add_node(set, n->what);
  else
    for (size_t i = 0; i < n->item_count; i++) add_node(set, n->items[i]);
}

static void add_everything(prefix_set *set, peri_str prefix) {
  peri_map *names = names_of(set, prefix);
  for (const peri_json *f = set->known ? set->known->first : NULL; f; f = f->next) peri_map_put(names, f->key, set);
}

const peri_json *peri_run_wanted(peri_run *r, const peri_stream *s) {
  const peri_mapping_info *m[PERI_MAPPINGS_OF_STREAM_MAX];
  size_t n = peri_scripts_of_stream(r->scripts, r->in->type, s->name, m, PERI_MAPPINGS_OF_STREAM_MAX);
  prefix_set set = {.a = r->arena, .known = peri_json_get_str(r->discovered, s->name)};
  if (set.known && !set.known->count) set.known = NULL;
  peri_map_init(&set.prefixes, r->arena);
  for (size_t i = 0; i < n; i++) {
    add_list(&set, peri_json_get(m[i]->plan, "reads"));
    const peri_json *rest = peri_json_get(m[i]->plan, "rest");
    for (const peri_json *p = rest ? rest->first : NULL; p; p = p->next) add_everything(&set, p->text);
  }
  add_node(&set, s->key);
  add_node(&set, s->updated);
  add_node(&set, s->removed);
  add_node(&set, s->merged);
  if (!n) add_everything(&set, PERI_STR(""));
  peri_buf text = {0};
  peri_jw w;
  peri_jw_init(&w, &text);
  peri_jw_object(&w);
  for (size_t i = 0; i < set.prefixes.count; i++) {
    const peri_map *names = set.prefixes.items[i].value;
    peri_jw_key(&w, set.prefixes.items[i].key);
    peri_jw_array(&w);
    for (size_t k = 0; k < names->count; k++) peri_jw_text(&w, names->items[k].key);
    peri_jw_end_array(&w);
  }
  peri_jw_end_object(&w);
  peri_json_fault fault;
  const peri_json *out = peri_json_parse(r->arena, peri_buf_view(&text), &fault);
  peri_buf_fini(&text);
  return out;
}
