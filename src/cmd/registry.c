/* cmd/registry: the connectors in force as rows of integration_registry, with what only commands show. The table itself is core/generation's. */
#include "cmd/target.h"
#include "spec/spec.h"

static const char *pages_name(peri_pages p) {
  static const char *const names[] = {"one page", "by stamp", "by cursor", "by link", "by counting"};
  return names[p];
}

static void put_request(peri_jw *w, const char *key, const peri_request *q) {
  if (!q) return;
  peri_jw_key_c(w, key);
  peri_jw_object(w);
  peri_jw_kv_c(w, "method", q->method);
  peri_jw_kv_c(w, "pages", pages_name(q->pages));
  if (q->batch) peri_jw_kv_int(w, "batch", q->batch);
  peri_jw_kv_int(w, "line", q->line);
  peri_jw_end_object(w);
}

static void put_stream(peri_jw *w, const peri_stream *s) {
  static const char *const stamps[] = {NULL, "datetime", "date", "decimal", "integer"};
  peri_jw_object(w);
  peri_jw_kv(w, "name", s->name);
  put_request(w, "full", s->full);
  put_request(w, "changes", s->changes);
  put_request(w, "archived", s->archived);
  put_request(w, "fetch", s->fetch);
  put_request(w, "discover", s->discover);
  if (stamps[s->stamp]) peri_jw_kv_c(w, "updated", stamps[s->stamp]);
  if (s->each.n) peri_jw_kv(w, "each", s->each);
  if (s->sweep_ms) peri_jw_kv_int(w, "sweepMs", s->sweep_ms);
  if (s->merged) peri_jw_kv_bool(w, "merged", true);
  if (s->pull_fn >= 0) peri_jw_kv_bool(w, "pull", true);
  if (peri_node_get(s->node, "write")) peri_jw_kv_bool(w, "write", true);
  if (s->unsupported) peri_jw_kv_c(w, "unsupported", s->unsupported);
  peri_jw_kv_int(w, "line", s->line);
  peri_jw_end_object(w);
}

/* The registry's row without its last brace, then what only `connectors show` prints. */
static bool put_connector(peri_arena *a, const peri_json *file, peri_buf *out) {
  peri_err e = {0};
  int line = 0;
  peri_tree tree = {.path = peri_json_get_text(file, "path")};
  tree.root = peri_node_read(a, peri_json_get(file, "tree"), &e);
  peri_connector *c = peri_arena_take(a, sizeof *c);
  if (!tree.root || !peri_spec_check(&tree, &e, &line) || peri_connector_compile(a, &tree, c, &e)) return false;
  peri_jw w;
  size_t at = out->n;
  peri_jw_init(&w, out);
  peri_connector_registry(c, &w);
  out->n--; /* the closing brace */
  peri_buf more = {0};
  peri_jw_init(&w, &more);
  peri_jw_object(&w);
  peri_jw_kv(&w, "path", tree.path);
  peri_jw_key_c(&w, "versions");
  peri_jw_array(&w);
  for (size_t i = 0; c->versions && i < c->versions->item_count; i++) peri_jw_text(&w, peri_node_text(c->versions->items[i]));
  peri_jw_end_array(&w);
  peri_jw_key_c(&w, "streams");
  peri_jw_array(&w);
  for (size_t i = 0; i < c->stream_count; i++) put_stream(&w, &c->streams[i]);
  peri_jw_end_array(&w);
  peri_jw_end_object(&w);
  more.p[0] = ',';
  peri_buf_str(out, peri_buf_view(&more));
  peri_buf_fini(&more);
  return out->n > at;
}

peri_code peri_cli_connectors(peri_session *s, peri_buf *json, peri_err *e) {
  peri_scripts_want want = {0};
  peri_scripts *scripts = NULL;
  peri_code code = peri_scripts_load(s->project, s->store, &want, &scripts, e);
  if (code) return code;
  const peri_json *files = peri_json_get(scripts->loaded, "files");
  bool any = false;
  peri_buf_char(json, '[');
  for (const peri_json *f = files ? files->first : NULL; f; f = f->next) {
    if (!peri_json_get_bool(f, "ok", false) || !peri_str_is(peri_json_get_text(f, "kind"), "connector")) continue;
    if (any) peri_buf_char(json, ',');
    if (put_connector(scripts->arena, f, json))
      any = true;
    else if (any)
      json->n--;
  }
  peri_buf_char(json, ']');
  peri_scripts_close(scripts);
  return PERI_OK;
}
