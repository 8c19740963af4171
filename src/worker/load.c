/* worker/load: LOAD and what comes of it: a state with all files, the wanted ones loaded, checked, compiled, tried on their examples; LOADED says
 * of each whether it is sound. Each file is answered as soon as it is known, so that the core's watchdog sees work going on.
 * Refuses no LOAD: a broken file is an answer. Also `more.make`. */
#include "spec/spec.h"
#include "worker/shop.h"

/* ---- the counting caller ---- */

static bool count_call(peri_caller *self, int fn, const peri_value *args, int nargs, peri_value results[2], peri_arena *arena,
                       peri_call_fault *fault) {
  peri_shop_caller *c = (peri_shop_caller *)self;
  c->calls++;
  bool ok = c->inner->call(c->inner, fn, args, nargs, results, arena, fault);
  c->base.broken = c->inner->broken;
  return ok;
}

static void pass_mark(peri_caller *self, uint32_t record, uint32_t field) {
  peri_shop_caller *c = (peri_shop_caller *)self;
  if (c->inner->mark) c->inner->mark(c->inner, record, field);
}

static void log_print(void *self, peri_str text) { peri_shop_log(self, "info", text); }

/* ---- what LOADED says ---- */

/* A table of settings as plain JSON; words have no place in it. */
static void plain(peri_jw *w, const peri_node *n) {
  switch (n ? n->type : PERI_N_NULL) {
  case PERI_N_BOOL: peri_jw_bool(w, n->u.b); break;
  case PERI_N_INT: peri_jw_int(w, n->u.i); break;
  case PERI_N_NUM: peri_jw_double(w, n->u.d); break;
  case PERI_N_TEXT: peri_jw_text(w, n->u.text); break;
  case PERI_N_TABLE:
    if (n->member_count) {
      peri_jw_object(w);
      for (size_t i = 0; i < n->member_count; i++) {
        peri_jw_key(w, n->members[i].key);
        plain(w, n->members[i].value);
      }
      peri_jw_end_object(w);
      break;
    }
    peri_jw_array(w);
    for (size_t i = 0; i < n->item_count; i++) plain(w, n->items[i]);
    peri_jw_end_array(w);
    break;
  default: peri_jw_null(w);
  }
}

static void describe_bad(peri_jw *w, const peri_shop_file *f) {
  peri_jw_kv_bool(w, "ok", false);
  peri_jw_kv_c(w, "code", peri_code_name(f->err.code));
  peri_jw_kv_int(w, "line", f->line);
  peri_jw_kv_c(w, "message", f->err.text);
}

static void describe_good(peri_jw *w, const peri_shop_file *f, int examples) {
  const peri_node *root = f->mapping ? f->mapping : f->tree.root;
  bool word = root && root->type == PERI_N_WORD;
  peri_jw_kv_bool(w, "ok", true);
  peri_jw_key_c(w, "kind");
  if (word)
    peri_jw_text(w, root->word);
  else
    peri_jw_c(w, peri_str_starts(f->path, PERI_STR("lib/")) ? "lib" : "settings");
  if (!word) return;
  peri_jw_kv(w, "name", peri_node_text(root->what));
  if (!peri_node_is(root, "emulator")) {
    peri_buf tree = {.max = PERI_FRAME_TO_WORKER_MAX};
    peri_node_put(&tree, root);
    if (!tree.over) peri_jw_kv_raw(w, "tree", peri_buf_view(&tree));
    peri_buf_fini(&tree);
  }
  if (f->plan) {
    peri_buf plan = {0};
    peri_plan_describe(f->plan, &plan);
    peri_jw_kv_raw(w, "plan", peri_buf_view(&plan));
    peri_buf_fini(&plan);
  }
  peri_jw_kv_int(w, "examples", examples);
}

/* Examples count as part of loading: they fail the file. */
static int run_examples(peri_shop *s, peri_shop_file *f) {
  int ran = 0;
  if (!f->ok || !f->plan || !peri_json_get_bool(s->want, "examples", false)) return 0;
  if (!peri_plan_examples(s->load_arena, f->plan, f->mapping, &s->caller.base, &ran, &f->err, &f->line)) {
    f->ok = false;
    if (f->err.code == PERI_OK) f->err.code = PERI_SCRIPT_REFUSED;
  }
  peri_plan_run_begins(f->plan);
  return ran;
}

static bool tell_file(peri_shop *s, peri_shop_file *f, bool first) {
  int examples = run_examples(s, f);
  if (!first) peri_buf_char(&s->text, ',');
  peri_jw w;
  peri_jw_init(&w, &s->text);
  peri_jw_object(&w);
  peri_jw_kv(&w, "path", f->path);
  if (f->ok)
    describe_good(&w, f, examples);
  else
    describe_bad(&w, f);
  peri_jw_end_object(&w);
  return peri_shop_send_text(s, PERI_K_LOADED, &s->text, false);
}

/* ---- LOAD ---- */

void peri_shop_unload(peri_shop *s) {
  peri_shop_pull_end(s);
  peri_shop_held_drop(s);
  peri_shop_views_close(s);
  peri_emulator_free(s->emulator);
  peri_script_free(s->script);
  peri_arena_free(s->load_arena);
  s->emulator = NULL;
  s->script = NULL;
  s->load_arena = NULL;
  s->files = NULL;
  s->file_count = 0;
  s->rows = s->settings = s->discovered = s->want = NULL;
}

static const peri_json *parsed(peri_shop *s, peri_str text) {
  peri_json_fault fault;
  return text.n ? peri_json_parse(s->load_arena, text, &fault) : NULL;
}

static bool take(peri_shop *s, peri_str payload) {
  peri_load m;
  peri_shop_unload(s);
  s->load_arena = peri_arena_new();
  if (!peri_load_get(peri_arena_str(s->load_arena, payload), s->load_arena, &m)) return false;
  s->rows = parsed(s, m.rows);
  s->settings = parsed(s, m.settings);
  s->discovered = parsed(s, m.discovered);
  s->want = parsed(s, m.want);
  s->script = peri_script_new(&s->limits);
  peri_script_on_log(s->script, log_print, s);
  s->caller = (peri_shop_caller){.base = {.call = count_call, .mark = pass_mark}, .inner = peri_script_caller(s->script)};
  s->files = peri_arena_take(s->load_arena, (m.file_count + (s->rows ? s->rows->count : 0) + 1) * sizeof *s->files);
  s->file_count = m.file_count;
  for (size_t i = 0; i < m.file_count; i++) {
    peri_shop_file *f = &s->files[i];
    f->path = m.files[i].path;
    f->bytes = m.files[i].bytes;
    f->known = peri_script_file(s->script, f->path, f->bytes, &f->err, &f->line) == PERI_OK;
  }
  return true;
}

static bool is_library(peri_str path) { return peri_str_starts(path, PERI_STR("lib/")); }

/* A library runs when a file takes it (`use`); here it only has to have been fit for that. */
static bool load_one(peri_shop *s, peri_shop_file *f) {
  if (!is_library(f->path)) return peri_shop_file_load(s, f);
  f->tried = true;
  f->ok = f->known;
  return f->ok;
}

bool peri_shop_load(peri_shop *s, peri_str payload) {
  if (!take(s, payload)) {
    peri_err e = {0};
    peri_fail(&e, PERI_INTERNAL, "the core sent a LOAD that is none");
    return peri_shop_error(s, &e);
  }
  bool all = peri_json_get_bool(s->want, "all", false), first = true, alive = true;
  const peri_json *paths = peri_json_get(s->want, "paths");
  peri_shop_file *emulator = NULL;
  peri_buf_clear(&s->text);
  peri_buf_c_str(&s->text, "{\"files\":[");
  size_t given = s->file_count;
  for (size_t i = 0; alive && i < given; i++) {
    peri_shop_file *f = &s->files[i];
    bool wanted = all;
    for (const peri_json *p = paths ? paths->first : NULL; p && !wanted; p = p->next) wanted = peri_str_eq(peri_json_str(p), f->path);
    if (!wanted) continue;
    load_one(s, f);
    if (f->ok && peri_node_is(f->tree.root, "emulator")) emulator = f;
    alive = tell_file(s, f, first);
    first = false;
  }
  peri_shop_rows_files(s);
  for (size_t i = given; alive && i < s->file_count; i++) {
    alive = tell_file(s, &s->files[i], first);
    first = false;
  }
  peri_buf_char(&s->text, ']');
  peri_shop_file *settings = peri_shop_file_named(s, PERI_STR("perilune.lua"));
  if (settings && settings->ok && settings->tree.root) {
    peri_buf_c_str(&s->text, ",\"settings\":");
    peri_jw w;
    peri_jw_init(&w, &s->text);
    plain(&w, settings->tree.root);
  }
  const peri_json *play = peri_json_get(s->want, "emulator");
  if (alive && play && play->type == PERI_J_OBJECT) {
    peri_err e = {0};
    peri_buf describe = {0};
    if (!emulator) {
      peri_fail(&e, PERI_NOT_FOUND, "none of the files is an emulator");
      for (size_t i = 0; i < given; i++)
        if (s->files[i].tried && !s->files[i].ok) e = s->files[i].err; /* that is why */
    }
    if (!emulator || !peri_shop_emulator(s, emulator, play->raw, &describe, &e)) {
      peri_buf_fini(&describe);
      return peri_shop_error(s, &e);
    }
    peri_buf_c_str(&s->text, ",\"emulator\":");
    peri_buf_str(&s->text, peri_buf_view(&describe));
    peri_buf_fini(&describe);
  }
  peri_buf_char(&s->text, '}');
  return alive && peri_shop_send_text(s, PERI_K_LOADED, &s->text, true);
}

/* ---- MAKE: a stream that only the account knows ---- */

static peri_node *make(peri_shop *s, const peri_json *m, peri_err *e) {
  peri_str path = peri_json_get_text(m, "connector");
  peri_shop_file *f = peri_shop_file_named(s, path);
  if (!f) f = peri_shop_file_named(s, peri_arena_fmt(s->scratch, "connectors/%.*s.lua", PERI_S(path)));
  if (!f || !peri_shop_file_load(s, f)) {
    peri_fail(e, PERI_NOT_FOUND, "the connector '%.*s' is not loaded", PERI_S(path));
    return NULL;
  }
  const peri_node *more = peri_node_get(f->tree.root, "more");
  int64_t index = peri_json_get_int(m, "more", 0);
  const peri_node *one = more && index >= 0 && (size_t)index < more->item_count ? more->items[index] : NULL;
  const peri_node *fn = peri_node_get(one, "make");
  if (!fn || fn->type != PERI_N_FUNC) {
    peri_fail(e, PERI_NOT_FOUND, "%.*s: more has no item %lld with make", PERI_S(f->path), (long long)index);
    return NULL;
  }
  const peri_json *item = peri_json_get(m, "item"), *parent = peri_json_get(m, "parent");
  peri_call_fault fault = {0};
  peri_node *node = NULL;
  if (peri_script_make(s->script, fn->u.fn, item ? item->raw : PERI_STR("null"), parent ? parent->raw : PERI_STR("null"), s->load_arena, &node,
                       &fault))
    peri_fail(e, fault.code ? fault.code : PERI_SCRIPT_ERROR, "%s:%d: %s", fault.file, fault.line, fault.text);
  return node;
}

bool peri_shop_make(peri_shop *s, peri_str payload) {
  peri_json_fault fault;
  const peri_json *m = peri_json_parse(s->scratch, payload, &fault);
  peri_err e = {0};
  peri_shop_at(s, PERI_AT_CALL, UINT32_MAX, UINT32_MAX);
  peri_node *node = make(s, m, &e);
  peri_buf_clear(&s->text);
  peri_jw w;
  peri_jw_init(&w, &s->text);
  peri_jw_object(&w);
  peri_jw_kv_bool(&w, "ok", e.code == PERI_OK);
  if (e.code) {
    peri_jw_kv_c(&w, "code", peri_code_name(e.code));
    peri_jw_kv_c(&w, "message", e.text);
  }
  if (node) {
    peri_buf tree = {.max = PERI_FRAME_TO_WORKER_MAX};
    peri_node_put(&tree, node);
    if (!tree.over) peri_jw_kv_raw(&w, "tree", peri_buf_view(&tree));
    peri_buf_fini(&tree);
  }
  peri_jw_end_object(&w);
  return peri_shop_send_text(s, PERI_K_MADE, &s->text, true);
}
