/* core/scripts: see the header. */
#include "core/scripts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/talk.h"
#include "spec/spec.h"

static bool in_folder(peri_str path, const char *folder) { return peri_str_starts(path, peri_str_of(folder)); }

/* Which files a type needs: its connector, its mappings, the integration's own. Everything else is there for `use` and `extends`. */
static bool wanted(const peri_load_file *f, const peri_scripts_want *want) {
  peri_str p = f->path;
  if (peri_str_is(p, "perilune.lua")) return true;
  if (!want->type) return in_folder(p, "connectors/") || in_folder(p, "mappings/") || in_folder(p, "lib/");
  char folder[256];
  snprintf(folder, sizeof folder, "connectors/%s.lua", want->type);
  if (peri_str_is(p, folder)) return true;
  snprintf(folder, sizeof folder, "mappings/%s/", want->type);
  if (in_folder(p, folder)) return !want->rows_alone;
  if (!want->integration.n || want->rows_alone) return false;
  snprintf(folder, sizeof folder, "mappings/@%.*s/", PERI_S(want->integration));
  return in_folder(p, folder);
}

static void want_json(const peri_project *project, const peri_scripts_want *want, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  peri_jw_key_c(&w, "paths");
  peri_jw_array(&w);
  for (size_t i = 0; i < project->file_count; i++)
    if (wanted(&project->files[i], want)) peri_jw_text(&w, project->files[i].path);
  peri_jw_end_array(&w);
  peri_jw_kv_bool(&w, "examples", want->examples);
  if (want->key_free) peri_jw_kv_bool(&w, "keyFree", true);
  if (want->type) peri_jw_kv_c(&w, "type", want->type);
  if (want->integration.n) peri_jw_kv(&w, "integration", want->integration);
  peri_jw_end_object(&w);
}

static void add_failure(peri_scripts *s, const peri_json *file, peri_str message, int64_t line, peri_code code) {
  s->failures[s->failure_count++] = (peri_script_failure){peri_json_get_text(file, "path"), message, line, code};
}

static peri_code read_connector(peri_scripts *s, const peri_json *file, const peri_scripts_want *want) {
  peri_err e = {0};
  peri_tree tree = {.path = peri_json_get_text(file, "path")};
  int line = 0;
  tree.root = peri_node_read(s->arena, peri_json_get(file, "tree"), &e);
  if (tree.root && peri_spec_check(&tree, &e, &line)) {
    peri_connector *c = peri_arena_take(s->arena, sizeof *c);
    if (peri_connector_compile(s->arena, &tree, c, &e) == PERI_OK) {
      if (want->type) s->connector = c;
      return PERI_OK;
    }
  }
  add_failure(s, file, peri_arena_str(s->arena, peri_str_of(e.text)), line, PERI_SCRIPT_REFUSED);
  return PERI_SCRIPT_REFUSED;
}

static void read_loaded(peri_scripts *s, const peri_scripts_want *want) {
  const peri_json *files = peri_json_get(s->loaded, "files");
  size_t n = files ? files->count : 0;
  s->mappings = peri_arena_take(s->arena, (n + 1) * sizeof *s->mappings);
  s->failures = peri_arena_take(s->arena, (2 * n + 1) * sizeof *s->failures);
  for (const peri_json *f = files ? files->first : NULL; f; f = f->next) {
    if (!peri_json_get_bool(f, "ok", false)) {
      peri_str code = peri_json_get_text(f, "code");
      peri_code c = peri_code_named(code.p, code.n);
      add_failure(s, f, peri_json_get_text(f, "message"), peri_json_get_int(f, "line", 0), c == PERI_CODE_COUNT ? PERI_SCRIPT_REFUSED : c);
      continue;
    }
    peri_str kind = peri_json_get_text(f, "kind");
    s->examples += peri_json_get_int(f, "examples", 0);
    if (peri_str_is(kind, "connector")) read_connector(s, f, want);
    else if (peri_str_is(kind, "mapping")) {
      const peri_json *plan = peri_json_get(f, "plan");
      s->mappings[s->mapping_count++] =
          (peri_mapping_info){peri_json_get_text(f, "path"), peri_json_get_text(plan, "from"), peri_json_get_text(plan, "entity"), peri_json_get_text(plan, "hash"), plan};
    }
  }
}

static bool is_own(const peri_mapping_info *m) { return in_folder(m->path, "mappings/@"); }

/* An integration's own mapping (mappings/@NAME/) stands in for the shared one of the same stream and entity. */
static void keep_own(peri_scripts *s) {
  size_t kept = 0;
  for (size_t i = 0; i < s->mapping_count; i++) {
    bool replaced = false;
    for (size_t k = 0; k < s->mapping_count && !is_own(&s->mappings[i]); k++)
      replaced |= is_own(&s->mappings[k]) && peri_str_eq(s->mappings[k].from, s->mappings[i].from) && peri_str_eq(s->mappings[k].entity, s->mappings[i].entity);
    if (!replaced) s->mappings[kept++] = s->mappings[i];
  }
  s->mapping_count = kept;
}

/* ---- loading ---- */

/* All but the worker: the message it is given, in a set that knows nothing yet. */
static peri_code make_load(const peri_project *project, peri_store *store, const peri_scripts_want *want, peri_scripts **out, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_scripts *s = peri_arena_take(a, sizeof *s);
  s->arena = a;
  peri_buf rows = {0}, wish = {0};
  peri_code code = PERI_OK;
  if (want->rows.n) peri_buf_str(&rows, want->rows);
  else if (store) code = peri_mapping_rows(store, &rows, peri_str_of(want->type), (peri_str){0}, e);
  if (!code) {
    want_json(project, want, &wish);
    peri_load m = {.files = project->files,
                   .file_count = project->file_count,
                   .rows = rows.n ? peri_buf_view(&rows) : PERI_STR("[]"),
                   .settings = want->settings.n ? want->settings : PERI_STR("{}"),
                   .discovered = want->discovered.n ? want->discovered : PERI_STR("{}"),
                   .want = peri_buf_view(&wish)};
    peri_load_put(&s->load, &m);
  }
  peri_buf_fini(&rows);
  peri_buf_fini(&wish);
  if (code) peri_scripts_close(s);
  else *out = s;
  return code;
}

static peri_code read_answer(peri_scripts *s, const peri_scripts_want *want, peri_str answer, peri_err *e) {
  peri_json_fault fault;
  s->loaded = peri_json_parse(s->arena, answer, &fault);
  if (!s->loaded) return peri_fail(e, PERI_WORKER_LOST, "the worker answered no JSON when it loaded the scripts: %s", fault.what);
  read_loaded(s, want);
  if (want->integration.n) keep_own(s);
  return PERI_OK;
}

peri_code peri_scripts_load(const peri_project *project, peri_store *store, const peri_scripts_want *want, peri_scripts **out, peri_err *e) {
  peri_scripts *s = NULL;
  peri_code code = make_load(project, store, want, &s, e);
  if (code) return code;
  peri_buf answer = {0};
  peri_worker_config config = {.hash_seed = want->hash_seed};
  peri_worker *worker = peri_worker_start(&config, e);
  if (!worker) code = e ? e->code : PERI_WORKER_LOST;
  if (!code) code = peri_worker_ask(worker, PERI_K_LOAD, peri_buf_view(&s->load), PERI_K_LOADED, &answer, e);
  if (!code) code = read_answer(s, want, peri_buf_view(&answer), e);
  peri_worker_close(worker);
  peri_buf_fini(&answer);
  if (code) peri_scripts_close(s);
  else *out = s;
  return code;
}

typedef struct loading {
  peri_scripts *scripts;
  peri_scripts_want want;
  peri_talk *talk;
  void (*done)(void *self, peri_scripts *scripts, const peri_err *e);
  void *self;
} loading;

static void on_loaded(void *self, peri_str answer, const peri_err *failed) {
  loading *l = self;
  peri_err e = *failed;
  if (!e.code) read_answer(l->scripts, &l->want, answer, &e);
  peri_talk_close(l->talk);
  if (e.code) {
    peri_scripts_close(l->scripts);
    l->scripts = NULL;
  }
  l->done(l->self, l->scripts, &e);
  free(l);
}

peri_code peri_scripts_start(uv_loop_t *loop, const peri_project *project, peri_store *store, const peri_scripts_want *want,
                             void (*done)(void *self, peri_scripts *scripts, const peri_err *e), void *self, peri_err *e) {
  loading *l = peri_alloc(sizeof *l);
  peri_code code = make_load(project, store, want, &l->scripts, e);
  if (!code) {
    l->want = *want;
    l->done = done;
    l->self = self;
    l->talk = peri_talk_new(loop, want->hash_seed, e);
    if (!l->talk) code = e->code;
  }
  if (code) {
    peri_scripts_close(l->scripts);
    free(l);
    return code;
  }
  if (want->type) l->want.type = peri_arena_str(l->scripts->arena, peri_str_of(want->type)).p; /* what the caller has may be gone by then */
  l->want.integration = peri_arena_str(l->scripts->arena, want->integration);
  peri_talk_ask(l->talk, PERI_K_LOAD, peri_buf_view(&l->scripts->load), PERI_K_LOADED, on_loaded, l);
  return PERI_OK;
}

void peri_scripts_close(peri_scripts *s) {
  if (!s) return;
  peri_buf_fini(&s->load);
  peri_arena_free(s->arena);
}

static bool concerns(peri_str path, peri_str type) {
  char text[256];
  snprintf(text, sizeof text, "connectors/%.*s.lua", PERI_S(type));
  if (peri_str_is(path, text) || in_folder(path, "mappings/@") || peri_str_is(path, "perilune.lua")) return true;
  snprintf(text, sizeof text, "mappings/%.*s/", PERI_S(type));
  return in_folder(path, text);
}

void peri_failure_text(const peri_script_failure *f, peri_buf *out) {
  peri_str base = f->path;
  for (size_t i = f->path.n; i-- > 0;)
    if (f->path.p[i] == '/') {
      base = peri_str_from(f->path, i + 1);
      break;
    }
  bool full = peri_str_starts(f->message, f->path) || peri_str_starts(f->message, PERI_STR("field mapping ")), /* which is not in the file */
      brief = f->message.n > base.n && peri_str_starts(f->message, base) && f->message.p[base.n] == ':';
  if (brief && !full) peri_buf_put(out, f->path.p, f->path.n - base.n);
  else if (!full && f->line > 0) peri_buf_fmt(out, "%.*s:%lld: ", PERI_S(f->path), (long long)f->line);
  else if (!full) peri_buf_fmt(out, "%.*s: ", PERI_S(f->path));
  peri_buf_str(out, f->message);
}

static peri_code refused(const peri_script_failure *f, peri_err *e) {
  peri_buf text = {0};
  peri_failure_text(f, &text);
  peri_code code = peri_fail(e, f->code, "%s", peri_buf_c(&text));
  peri_buf_fini(&text);
  return code;
}

peri_code peri_scripts_need(const peri_scripts *s, peri_str type, peri_err *e) {
  for (size_t i = 0; i < s->failure_count; i++)
    if (concerns(s->failures[i].path, type)) return refused(&s->failures[i], e);
  if (!s->connector)
    return peri_fail(e, PERI_NOT_FOUND, "there is no connector '%.*s': connectors/%.*s.lua is neither shipped nor in the project; see perilune connectors list", PERI_S(type), PERI_S(type));
  return PERI_OK;
}

size_t peri_scripts_of_stream(const peri_scripts *s, peri_str type, peri_str stream, const peri_mapping_info **out, size_t most) {
  char from[512];
  int n = snprintf(from, sizeof from, "%.*s.%.*s", PERI_S(type), PERI_S(stream));
  size_t count = 0;
  for (size_t i = 0; i < s->mapping_count && count < most; i++)
    if (peri_str_eq(s->mappings[i].from, (peri_str){from, (size_t)n})) out[count++] = &s->mappings[i];
  return count;
}

void peri_scripts_limits(const peri_scripts *s, peri_worker_config *config) {
  const peri_json *limits = peri_json_at(s->loaded, PERI_STR("settings.limits"));
  int64_t ms = 0;
  uint64_t bytes = 0;
  if (peri_duration_read(peri_json_get_text(limits, "call"), &ms)) config->call_ms = (int)ms;
  if (peri_duration_read(peri_json_get_text(limits, "load"), &ms)) config->load_ms = (int)ms;
  if (peri_size_read(peri_json_get_text(limits, "memory"), &bytes)) config->vm_bytes = bytes;
}
