/* core/wanted: which names the active mappings of a stream read below each prefix: what the hole `wanted` becomes.
 * Paths of mappings + the stream's own key, updated, removed and merged; everything that `discover` found where a mapping has `rest`;
 * never a name that `discover` does not know, because one unknown column fails a whole query. */
#include "base/map.h"
#include "core/backfill.h"
#include "core/drift.h"
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
  if (n->type == PERI_N_TEXT)
    add_path(set, n->u.text);
  else if (n->type == PERI_N_WORD)
    add_node(set, n->what);
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

/* ---- what was asked for, and what was not ---- */

static void used_prefixes(const peri_node *n, peri_map *out, int depth) {
  if (!n || depth > PERI_TREE_DEPTH_MAX) return;
  if (peri_node_is(n, "wanted")) {
    peri_str prefix = peri_node_text(n->what);
    peri_map_put(out, prefix.p ? prefix : PERI_STR(""), out);
  }
  used_prefixes(n->what, out, depth + 1);
  used_prefixes(n->opts, out, depth + 1);
  for (size_t i = 0; i < n->item_count; i++) used_prefixes(n->items[i], out, depth + 1);
  for (size_t i = 0; i < n->member_count; i++) used_prefixes(n->members[i].value, out, depth + 1);
}

peri_str peri_run_wanted_set(peri_run *r, const peri_stream *s) {
  peri_map used;
  peri_map_init(&used, r->arena);
  used_prefixes(s->node, &used, 0);
  if (!used.count) return (peri_str){NULL, 0};
  const peri_json *all = peri_run_wanted(r, s);
  peri_buf text = {0};
  peri_jw w;
  peri_jw_init(&w, &text);
  peri_jw_object(&w);
  for (size_t i = 0; i < used.count; i++) {
    const peri_json *names = peri_json_get_str(all, used.items[i].key);
    peri_jw_key(&w, used.items[i].key);
    peri_jw_raw(&w, names ? names->raw : PERI_STR("[]"));
  }
  peri_jw_end_object(&w);
  peri_str out = peri_arena_str(r->arena, peri_buf_view(&text));
  peri_buf_fini(&text);
  return out;
}

static bool holds(const peri_json *names, peri_str name) {
  for (const peri_json *n = names->first; n; n = n->next)
    if (peri_str_eq(n->text, name)) return true;
  return false;
}

/* The name of a path below a prefix: of properties.a.b below properties it is a. */
static peri_str name_below(peri_str path, peri_str prefix) {
  if (prefix.n) {
    if (!peri_str_starts(path, prefix) || path.n <= prefix.n || path.p[prefix.n] != '.') return (peri_str){NULL, 0};
    path = peri_str_from(path, prefix.n + 1);
  }
  size_t n = 0;
  while (n < path.n && path.p[n] != '.' && path.p[n] != '[' && path.p[n] != ':') n++;
  return n < path.n && path.p[n] == ':' ? (peri_str){NULL, 0} : (peri_str){path.p, n};
}

void peri_run_never_asked(peri_run *r, const peri_stream *s, const peri_mapping_info *m, peri_str set, peri_map *names) {
  peri_json_fault fault;
  const peri_json *asked = peri_json_parse(r->arena, set, &fault), *known = peri_json_get_str(r->discovered, s->name);
  const peri_json *reads = peri_json_get(m->plan, "reads"), *rest = peri_json_get(m->plan, "rest");
  for (const peri_json *prefix = asked ? asked->first : NULL; prefix; prefix = prefix->next) {
    for (const peri_json *p = reads ? reads->first : NULL; p; p = p->next) {
      peri_str name = name_below(p->text, prefix->key);
      if (name.n && known && known->count && !peri_json_get_str(known, name)) continue; /* it cannot be asked for: vanished, or misspelt (perilune validate) */
      if (name.n && !holds(prefix, name)) peri_map_put(names, p->text, names);
    }
    for (const peri_json *p = rest ? rest->first : NULL; p; p = p->next)
      for (const peri_json *f = known && peri_str_eq(p->text, prefix->key) ? known->first : NULL; f; f = f->next)
        if (!holds(prefix, f->key)) {
          peri_map_put(names, peri_arena_fmt(r->arena, "%.*s%s*", PERI_S(prefix->key), prefix->key.n ? "." : ""),
                       names); /* one line for all of rest */
          break;
        }
  }
}

/* ---- for a backfill: does a set of names hold a field? ---- */

bool peri_wanted_prefixed(peri_arena *a, peri_str set, peri_str field) {
  peri_json_fault fault;
  const peri_json *asked = peri_json_parse(a, set, &fault);
  for (const peri_json *prefix = asked ? asked->first : NULL; prefix; prefix = prefix->next)
    if (name_below(field, prefix->key).n) return true;
  return false;
}

bool peri_wanted_covers(peri_arena *a, peri_str set, const peri_json *now, const peri_str *fields, size_t count) {
  peri_json_fault fault;
  const peri_json *asked = peri_json_parse(a, set, &fault);
  for (size_t i = 0; i < count; i++)
    for (const peri_json *prefix = asked ? asked->first : NULL; prefix; prefix = prefix->next) {
      peri_str name = name_below(fields[i], prefix->key);
      if (!name.n) continue;
      const peri_json *all = peri_str_is(name, "*") ? peri_json_get_str(now, prefix->key) : NULL;
      for (const peri_json *n = all ? all->first : NULL; n; n = n->next)
        if (!holds(prefix, n->text)) return false;
      if (!all && !holds(prefix, name)) return false;
    }
  return true;
}

/* ---- for drift: who reads a field? ---- */

static bool names_field(const peri_map *prefixes, peri_str path, peri_str field) {
  if (!prefixes) { /* the stream is made by `more`: where its fields stand is not known here */
    peri_str head, rest = peri_str_cut(path, '.', &head);
    return peri_str_eq(name_below(path, PERI_STR("")), field) || (rest.n && peri_str_eq(name_below(rest, PERI_STR("")), field));
  }
  for (size_t i = 0; i < prefixes->count; i++)
    if (peri_str_eq(name_below(path, prefixes->items[i].key), field)) return true;
  return false;
}

void peri_drift_readers(peri_arena *a, const peri_scripts *k, peri_str type, peri_str stream, const peri_stream *s, peri_str field, peri_map *places, bool *rest, peri_str *path) {
  const peri_mapping_info *m[PERI_MAPPINGS_OF_STREAM_MAX];
  size_t n = peri_scripts_of_stream(k, type, stream, m, PERI_MAPPINGS_OF_STREAM_MAX);
  peri_map used;
  peri_map_init(&used, a);
  if (s) used_prefixes(s->node, &used, 0);
  peri_str below = used.count ? used.items[0].key : PERI_STR("");
  *path = peri_arena_fmt(a, "%.*s%s%.*s", PERI_S(below), below.n ? "." : "", PERI_S(field));
  for (size_t i = 0; i < n; i++) {
    const peri_json *fields = peri_json_get(m[i]->plan, "fields");
    for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
      const peri_json *paths = peri_json_get(f, "paths");
      if (peri_str_is(peri_json_get_text(f, "kind"), "rest")) {
        *rest = true;
        continue;
      }
      for (const peri_json *p = paths ? paths->first : NULL; p; p = p->next)
        if (names_field(s && used.count ? &used : NULL, p->text, field)) {
          long long line = (long long)peri_json_get_int(f, "line", 0);
          peri_map_put(places, line ? peri_arena_fmt(a, "%.*s:%lld", PERI_S(m[i]->path), line) : m[i]->path, places);
        }
    }
  }
}
