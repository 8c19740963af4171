/* worker/files: one script file from its bytes to a checked tree and, for a mapping, to a plan. Loads what another file needs when it is needed
 * (`extends`, a stream's key). Refuses nothing by itself: script/, spec/ and plan/ say what is wrong, this keeps it beside the file. */
#include "spec/spec.h"
#include "worker/shop.h"

peri_shop_file *peri_shop_file_named(peri_shop *s, peri_str path) {
  for (size_t i = 0; i < s->file_count; i++)
    if (peri_str_eq(s->files[i].path, path)) return &s->files[i];
  return NULL;
}

static bool refuse(peri_shop_file *f, peri_code code, int line) {
  if (f->err.code == PERI_OK) f->err.code = code;
  f->line = line;
  f->ok = false;
  return false;
}

/* ---- connectors: where a mapping's records come from ---- */

static peri_str first_part(peri_str s, char separator, peri_str *rest) {
  peri_str head;
  *rest = peri_str_cut(s, separator, &head);
  return head;
}

const peri_node *peri_shop_stream(peri_shop *s, peri_str connector, peri_str stream) {
  peri_str path = peri_arena_fmt(s->load_arena, "connectors/%.*s.lua", PERI_S(connector));
  peri_shop_file *f = peri_shop_file_named(s, path);
  if (!f || !peri_shop_file_load(s, f) || !peri_node_is(f->tree.root, "connector")) return NULL;
  const peri_node *streams = peri_node_get(f->tree.root, "streams");
  for (size_t i = 0; streams && i < streams->item_count; i++) {
    const peri_node *one = streams->items[i];
    if (peri_node_is(one, "stream") && peri_str_eq(peri_node_text(one->what), stream)) return one;
  }
  return NULL;
}

/* ---- mappings ---- */

static void add_source(peri_shop *s, peri_shop_file *f, peri_str path) {
  f->sources = peri_arena_grow(s->load_arena, f->sources, f->source_count, &f->source_cap, sizeof *f->sources);
  f->sources[f->source_count++] = path;
}

/* What the mapping is made of, libraries included: all of them where one of its files may take any (`use`); which, only its running would tell. */
static peri_str digest_sources(peri_shop *s, peri_shop_file *f) {
  static const char hex[] = "0123456789abcdef";
  bool uses = false;
  for (size_t i = 0; i < f->source_count && !uses; i++) {
    const peri_shop_file *one = peri_shop_file_named(s, f->sources[i]);
    uses = one && one->bytes.n && memmem(one->bytes.p, one->bytes.n, "use", 3);
  }
  for (size_t i = 0; i < s->file_count && uses; i++)
    if (peri_str_starts(s->files[i].path, PERI_STR("lib/"))) add_source(s, f, s->files[i].path);
  peri_buf all = {0};
  for (size_t i = 0; i < f->source_count; i++) {
    const peri_shop_file *one = peri_shop_file_named(s, f->sources[i]);
    uint8_t hash[16];
    peri_hash(0, one ? one->bytes : f->sources[i], f->sources[i], hash);
    peri_buf_put(&all, (const char *)hash, sizeof hash);
  }
  uint8_t hash[16];
  peri_hash(0, peri_buf_view(&all), (peri_str){"", 0}, hash);
  peri_buf_fini(&all);
  char *text = peri_arena_bytes(s->load_arena, 33);
  for (int i = 0; i < 16; i++) text[2 * i] = hex[hash[i] >> 4], text[2 * i + 1] = hex[hash[i] & 15];
  return (peri_str){text, 32};
}

typedef struct lookup {
  peri_shop *s;
  peri_shop_file *of;
} lookup;

static const peri_tree *find_mapping(void *self, peri_str name) {
  lookup *l = self;
  peri_shop *s = l->s;
  peri_shop_file *f = peri_shop_file_named(s, peri_arena_fmt(s->load_arena, "mappings/%.*s.lua", PERI_S(name)));
  if (f) add_source(s, l->of, f->path);
  return f && peri_shop_file_load(s, f) && peri_node_is(f->tree.root, "mapping") ? &f->tree : NULL;
}

static peri_code compile_body(void *self, peri_str name, peri_str body, int *fn, peri_err *e) {
  peri_shop *s = self;
  int line;
  return peri_script_body(s->script, name, body, "value", fn, e, &line);
}

static bool row_concerns(const peri_shop *s, const peri_json *row, peri_str type, peri_str entity) {
  if (!peri_str_eq(peri_json_get_text(row, "integration_type"), type) || !peri_str_eq(peri_json_get_text(row, "entity_type"), entity)) return false;
  peri_str only = peri_json_get_text(row, "integration");
  return only.n == 0 || peri_str_eq(only, peri_json_get_text(s->want, "integration"));
}

/* The rows of data_mappings for one entity as an array of their own; NULL if there are none. */
static const peri_json *rows_for(peri_shop *s, peri_str type, peri_str entity) {
  peri_buf some = {0};
  for (const peri_json *row = s->rows ? s->rows->first : NULL; row; row = row->next) {
    if (!row_concerns(s, row, type, entity)) continue;
    peri_buf_char(&some, some.n ? ',' : '[');
    peri_buf_str(&some, row->raw);
  }
  const peri_json *out = NULL;
  if (some.n) {
    peri_buf_char(&some, ']');
    peri_json_fault fault;
    out = peri_json_parse(s->load_arena, peri_buf_view(&some), &fault);
  }
  peri_buf_fini(&some);
  return out;
}

static peri_plan *compile(peri_shop *s, peri_shop_file *f, const peri_node *stream_key, peri_err *e, int *line) {
  peri_str stream, type = first_part(f->from, '.', &stream);
  const peri_node *known = stream_key;
  if (!known) known = peri_node_get(peri_shop_stream(s, type, stream), "key");
  f->keyless = !known && !peri_node_get(f->mapping, "key");
  peri_plan_source source = {
      .mapping = f->mapping, .path = f->path, .key_free = f->key_free, .settings = s->settings, .discovered = peri_json_get_str(s->discovered, stream), .stream_key = known};
  source.files = f->sources;
  source.file_count = f->source_count;
  source.sources_hash = f->sources_hash;
  return peri_plan_compile(s->load_arena, &source, e, line);
}

peri_plan *peri_shop_file_plan(peri_shop *s, peri_shop_file *f, const peri_node *stream_key, peri_err *e, int *line) {
  if (!f->mapping) {
    *e = f->err;
    *line = f->line;
    return NULL;
  }
  if (f->plan && !(f->keyless && stream_key)) return f->plan;
  f->plan = compile(s, f, stream_key, e, line);
  return f->plan;
}

static bool mapping_ready(peri_shop *s, peri_shop_file *f) {
  lookup mine = {s, f};
  peri_mapping_lookup find = {&mine, find_mapping};
  peri_node *mapping = NULL;
  add_source(s, f, f->path);
  if (peri_mapping_resolve(s->load_arena, &f->tree, &find, &mapping, &f->err, &f->line)) return refuse(f, PERI_SCRIPT_REFUSED, f->line);
  f->from = peri_node_opt_text(mapping, "from");
  peri_str stream, type = first_part(f->from, '.', &stream);
  const peri_json *rows = rows_for(s, type, peri_node_text(mapping->what));
  if (rows && peri_mapping_overlay(s->load_arena, mapping, type, peri_node_text(mapping->what), rows, compile_body, s, &mapping, &f->err))
    return refuse(f, PERI_SCRIPT_REFUSED, 0);
  f->mapping = mapping;
  f->sources_hash = digest_sources(s, f);
  f->plan = compile(s, f, NULL, &f->err, &f->line);
  return f->plan ? true : refuse(f, PERI_SCRIPT_REFUSED, f->line);
}

/* ---- any file ---- */

bool peri_shop_file_load(peri_shop *s, peri_shop_file *f) {
  if (f->tried) return f->ok;
  f->tried = true;
  s->progress->file = (uint32_t)(f - s->files);
  peri_shop_at(s, PERI_AT_LOAD, UINT32_MAX, UINT32_MAX);
  if (!f->known) return refuse(f, PERI_SCRIPT_REFUSED, f->line);
  if (peri_script_load(s->script, f->path, s->load_arena, &f->tree, &f->err, &f->line)) return refuse(f, PERI_SCRIPT_REFUSED, f->line);
  bool words = f->tree.root && f->tree.root->type == PERI_N_WORD;
  if (words && !peri_spec_check(&f->tree, &f->err, &f->line)) return refuse(f, PERI_SCRIPT_REFUSED, f->line);
  f->ok = true;
  return peri_node_is(f->tree.root, "mapping") ? mapping_ready(s, f) : true;
}

/* ---- rows of data_mappings that stand alone ---- */

static bool taken(peri_shop *s, peri_str type, peri_str entity) {
  for (size_t i = 0; i < s->file_count; i++) {
    const peri_shop_file *f = &s->files[i];
    if (!f->mapping) continue;
    peri_str stream, of = first_part(f->from, '.', &stream);
    if (peri_str_eq(of, type) && peri_str_eq(peri_node_text(f->mapping->what), entity)) return true;
  }
  return false;
}

void peri_shop_rows_files(peri_shop *s) {
  peri_str only = peri_json_get_text(s->want, "type");
  for (const peri_json *row = s->rows ? s->rows->first : NULL; row; row = row->next) {
    peri_str type = peri_json_get_text(row, "integration_type"), entity = peri_json_get_text(row, "entity_type");
    if ((only.n && !peri_str_eq(only, type)) || !row_concerns(s, row, type, entity) || taken(s, type, entity)) continue;
    peri_str path = peri_arena_fmt(s->load_arena, "data_mappings/%.*s/%.*s", PERI_S(type), PERI_S(entity));
    if (peri_shop_file_named(s, path)) continue;    /* made by an earlier row, and refused */
    peri_shop_file *f = &s->files[s->file_count++]; /* load.c left room for one a row */
    *f = (peri_shop_file){.path = path, .tried = true, .ok = true, .key_free = peri_json_get_bool(s->want, "keyFree", false), .from = peri_arena_fmt(s->load_arena, "%.*s.%.*s", PERI_S(type), PERI_S(entity))};
    peri_node *mapping = NULL;
    if (peri_mapping_overlay(s->load_arena, NULL, type, entity, rows_for(s, type, entity), compile_body, s, &mapping, &f->err)) {
      refuse(f, PERI_SCRIPT_REFUSED, 0);
      continue;
    }
    f->mapping = mapping;
    f->plan = compile(s, f, NULL, &f->err, &f->line);
    if (!f->plan) refuse(f, PERI_SCRIPT_REFUSED, f->line);
  }
}
