/* script/load: files become known, run once, and what they return becomes a tree; `use` runs a library once; bodies of functions.
 *
 * Everything that goes wrong while a file loads is a refusal of that file, with FILE:LINE and the sentence to act on. */
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "script/state.h"

peri_file *peri_file_named(const peri_script *s, peri_str path) { return peri_map_get(&s->files, path); }

peri_code peri_script_file(peri_script *s, peri_str path, peri_str bytes, peri_err *e, int *line) {
  if (path.n == 0 || path.n >= PERI_PATH_MAX) return peri_fail(e, PERI_SCRIPT_REFUSED, "a script's path may have 1 to %d bytes", PERI_PATH_MAX - 1);
  peri_code code = peri_scan(path, &bytes, e, line);
  if (code != PERI_OK) return code;
  peri_file *file = peri_arena_take(s->arena, sizeof *file);
  file->path = peri_arena_str(s->arena, path);
  file->bytes = peri_arena_str(s->arena, bytes);
  peri_map_put(&s->files, path, file);
  return PERI_OK;
}

/* ---- hashes ---- */

static void hash_files(peri_file *file, XXH3_state_t *state, uint32_t mark, int depth) {
  if (file->visit == mark || depth > 200) return;
  file->visit = mark;
  XXH3_128bits_update(state, file->path.p, file->path.n + 1);
  XXH3_128bits_update(state, file->bytes.p, file->bytes.n + 1);
  for (size_t i = 0; i < file->use_count; i++) hash_files(file->uses[i], state, mark, depth + 1);
}

void peri_file_hash(peri_script *s, peri_file *file, void *xxh_state) { hash_files(file, xxh_state, ++s->hash_mark, 0); }

static void note_use(peri_script *s, peri_file *user, peri_file *used) {
  if (!user || user == used) return;
  for (size_t i = 0; i < user->use_count; i++)
    if (user->uses[i] == used) return;
  user->uses = peri_arena_grow(s->arena, user->uses, user->use_count, &user->use_cap, sizeof *user->uses);
  user->uses[user->use_count++] = used;
}

/* ---- running ---- */

/* Compiles bytes as a function on top of L. false: the message is on top. */
static bool compile(lua_State *L, peri_str bytes, const char *mark, peri_str name) {
  char chunk[PERI_PATH_MAX + 2];
  snprintf(chunk, sizeof chunk, "%s%.*s", mark, PERI_S(name));
  return luaL_loadbufferx(L, bytes.p, bytes.n, chunk, "t") == LUA_OK;
}

/* Lua's "SHORT:LINE: text" on top of the main stack, said with the whole path. Pops it. */
static peri_code syntax_error(peri_script *s, peri_str path, peri_err *e, int *line) {
  lua_State *L = s->L;
  char text[PERI_ERROR_TEXT_MAX - PERI_PATH_MAX - 32];
  peri_str raw;
  raw.p = luaL_tolstring(L, -1, &raw.n);
  int at = 0;
  for (size_t i = 0; i + 1 < raw.n; i++) {
    if (raw.p[i] != ':' || raw.p[i + 1] < '0' || raw.p[i + 1] > '9') continue;
    size_t k = i + 1;
    for (; k < raw.n && raw.p[k] >= '0' && raw.p[k] <= '9' && at < 100000000; k++) at = at * 10 + (raw.p[k] - '0');
    if (k + 1 < raw.n && raw.p[k] == ':' && raw.p[k + 1] == ' ') {
      raw = peri_str_from(raw, k + 2);
      break;
    }
    at = 0;
  }
  peri_text_tame(raw, text, sizeof text);
  lua_pop(L, 2);
  if (line) *line = at;
  return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s:%d: %s", PERI_S(path), at, text);
}

static peri_code fault_error(const peri_call_fault *fault, peri_str path, peri_err *e, int *line) {
  peri_code code = fault->code == PERI_SCRIPT_ERROR ? PERI_SCRIPT_REFUSED : fault->code;
  if (line) *line = fault->line;
  if (fault->line) return peri_fail(e, code, "%s:%d: %s", fault->file, fault->line, fault->text);
  return peri_fail(e, code, "%.*s: %s", PERI_S(path), fault->text);
}

static void begin(peri_script *s, peri_file *file) {
  peri_words_begin(s);
  s->loading = file;
  s->phase = PERI_PHASE_LOAD;
}

static void end(peri_script *s) {
  lua_settop(s->L, PERI_SLOTS);
  peri_words_begin(s); /* lets the made words go */
  s->loading = NULL;
  s->phase = PERI_PHASE_IDLE;
}

static bool is_root(const peri_node *n, peri_str path) {
  if (n->type == PERI_N_TABLE) return peri_str_is(path, "perilune.lua"); /* settings of the project */
  return peri_node_is(n, "connector") || peri_node_is(n, "mapping") || peri_node_is(n, "emulator");
}

/* What stands on top of the main stack, as a tree; also finds words that were made and are not part of it. */
static peri_node *tree_of_top(peri_script *s, peri_str path, peri_arena *a, peri_err *e, int *line) {
  const char *file = NULL;
  int at = 0;
  peri_err inner;
  peri_node *n = peri_to_tree(s, s->L, -1, a, &inner, &file, &at);
  if (!n) {
    if (at) peri_fail(e, PERI_SCRIPT_REFUSED, "%s:%d: %s", file, at, inner.text);
    else peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: %s", PERI_S(path), inner.text);
    if (line) *line = at;
    return NULL;
  }
  const peri_word *unused = peri_words_unused(s);
  if (!unused) return n;
  peri_fail(e, PERI_SCRIPT_REFUSED, "%s:%d: this %s is made but never used (the same name written twice?)", unused->file, unused->line, unused->spec->name);
  if (line) *line = unused->line;
  return NULL;
}

peri_code peri_script_load(peri_script *s, peri_str path, peri_arena *a, peri_tree *tree, peri_err *e, int *line) {
  lua_State *L = s->L;
  peri_call_fault fault;
  if (line) *line = 0;
  peri_file *file = peri_file_named(s, path);
  if (!file) return peri_fail(e, PERI_NOT_FOUND, "%.*s: there is no such script", PERI_S(path));
  begin(s, file);
  peri_code code = PERI_OK;
  if (!compile(L, file->bytes, "@", file->path)) {
    code = syntax_error(s, path, e, line);
  } else if (!peri_state_run_steady(s, 0, 1, s->load_ms, &fault)) {
    code = fault_error(&fault, path, e, line);
  } else if (lua_isnil(L, -1)) {
    code = peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: it returns nothing; a file ends with return connector, return mapping or return emulator", PERI_S(path));
  } else {
    tree->root = tree_of_top(s, path, a, e, line);
    tree->path = peri_arena_str(a, path);
    if (!tree->root) code = PERI_SCRIPT_REFUSED;
    else if (!is_root(tree->root, path))
      code = peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: a file returns one connector, mapping or emulator", PERI_S(path));
  }
  end(s);
  return code;
}

int peri_lua_use(lua_State *L) {
  peri_script *s = peri_state_of(L);
  peri_str name;
  name.p = luaL_checklstring(L, 1, &name.n);
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/';
    if (!fine) return luaL_error(L, "use wants the name of a file in lib/, without its ending");
  }
  char path[PERI_PATH_MAX];
  int n = snprintf(path, sizeof path, "lib/%.*s.lua", PERI_S(name));
  if (n < 0 || (size_t)n >= sizeof path) return luaL_error(L, "use wants the name of a file in lib/, without its ending");
  peri_file *file = peri_file_named(s, peri_str_of(path));
  if (!file) return luaL_error(L, "use \"%s\": the project has no %s", name.p, path);
  note_use(s, s->loading, file);
  if (file->lib_state == 2) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, file);
    return 1;
  }
  if (file->lib_state == 1) return luaL_error(L, "use \"%s\": %s is being loaded right now: libraries use each other in a circle", name.p, path);
  if (s->phase != PERI_PHASE_LOAD) return luaL_error(L, "use works while a file is loaded, not while a record is worked on");
  peri_file *user = s->loading;
  file->lib_state = 1;
  s->loading = file;
  size_t built = s->build.n;
  int status = compile(L, file->bytes, "@", file->path) ? lua_pcall(L, 0, 1, 0) : LUA_ERRSYNTAX;
  s->loading = user;
  file->lib_state = 0;
  if (status != LUA_OK) {
    s->build.n = built;
    peri_budget_again(L);
    return lua_error(L);
  }
  if (lua_isnil(L, -1)) return luaL_error(L, "use \"%s\": %s returns nothing", name.p, path);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, file);
  file->lib_state = 2;
  return 1;
}

/* ---- bodies of functions, from rows of data_mappings ---- */

static bool compiles(lua_State *L, peri_str body, const char *prefix) {
  peri_buf source = {.max = PERI_SOURCE_BYTES_MAX + 1024};
  peri_buf_c_str(&source, prefix);
  peri_buf_str(&source, body);
  bool ok = compile(L, peri_buf_view(&source), "=", PERI_STR("body"));
  lua_pop(L, 1);
  peri_buf_fini(&source);
  return ok;
}

static peri_code javascript_error(peri_script *s, peri_str name, peri_str body, peri_err *e) {
  peri_buf lua = {.max = 2048};
  bool found = peri_javascript_hint(body, &lua);
  if (found && lua.n && !lua.over && compiles(s->L, peri_buf_view(&lua), "local value = ... ")) {
    char shown[2200];
    peri_text_tame(peri_buf_view(&lua), shown, sizeof shown);
    peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: this is JavaScript; in Lua it reads: %s", PERI_S(name), shown);
  } else if (found)
    peri_fail(e, PERI_SCRIPT_REFUSED,
              "%.*s: this is JavaScript; Lua writes value:lower(), value:upper(), #value, a .. b to join texts, and, or, not, ~=, nil, "
              "local x = …, if … then … end, tonumber(value)",
              PERI_S(name));
  peri_buf_fini(&lua);
  return found ? PERI_SCRIPT_REFUSED : PERI_OK;
}

peri_code peri_script_body(peri_script *s, peri_str name, peri_str body, const char *params, int *fn, peri_err *e, int *line) {
  lua_State *L = s->L;
  if (line) *line = 0;
  peri_str trimmed = peri_str_trim(body);
  if (trimmed.n == 0) return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: it is empty", PERI_S(name));
  if (name.n >= PERI_PATH_MAX) name.n = PERI_PATH_MAX - 1;
  peri_code code = javascript_error(s, name, trimmed, e);
  if (code != PERI_OK) return code;
  peri_str checked = trimmed;
  if ((code = peri_scan(name, &checked, e, line)) != PERI_OK) return code;
  peri_file *file = peri_arena_take(s->arena, sizeof *file);
  file->path = peri_arena_str(s->arena, name);
  file->bytes = peri_arena_str(s->arena, checked);
  peri_map_put(&s->files, name, file);

  bool whole = peri_str_starts(checked, PERI_STR("function")); /* a function literal stands for itself */
  peri_buf source = {.max = PERI_SOURCE_BYTES_MAX + 1024};
  if (whole) peri_buf_c_str(&source, "return ");
  else peri_buf_fmt(&source, "local %s = ... return ", params && *params ? params : "value");
  peri_buf_str(&source, checked);
  bool ok = compile(L, peri_buf_view(&source), "=", file->path);
  if (!ok && !whole) { /* no expression: then it is a list of statements */
    lua_pop(L, 1);
    peri_buf_clear(&source);
    peri_buf_fmt(&source, "local %s = ... ", params && *params ? params : "value");
    peri_buf_str(&source, checked);
    ok = compile(L, peri_buf_view(&source), "=", file->path);
  }
  peri_buf_fini(&source);
  peri_call_fault fault;
  if (!ok) code = syntax_error(s, name, e, line);
  else if (whole && !peri_state_run(s, 0, 1, s->call_ms, &fault)) code = fault_error(&fault, name, e, line);
  else if (!lua_isfunction(L, -1)) code = peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: it is no function", PERI_S(name));
  else *fn = peri_function_number(s, L, -1);
  lua_settop(L, PERI_SLOTS);
  return code;
}

/* ---- make of `more` ---- */

peri_code peri_script_make(peri_script *s, int fn, peri_str item_json, peri_str parent_json, peri_arena *a, peri_node **node, peri_call_fault *fault) {
  lua_State *L = s->L;
  peri_str args[2] = {item_json, parent_json};
  *node = NULL;
  begin(s, NULL);
  lua_rawgeti(L, PERI_SLOT_FUNCS, fn);
  lua_Debug ar;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">S", &ar);
  peri_str path = peri_str_of(ar.source[0] == '@' || ar.source[0] == '=' ? ar.source + 1 : ar.source);
  peri_code code = PERI_OK;
  for (int i = 0; i < 2 && code == PERI_OK; i++) {
    peri_span value;
    peri_json_fault json;
    if (args[i].n == 0) lua_pushnil(L);
    else if (!peri_json_check(args[i], &value, &json)) peri_fault_set(fault, code = PERI_SCRIPT_ERROR, "its argument is no sound JSON: %s", json.what);
    else if (!peri_push_json(s, L, value)) peri_fault_set(fault, code = PERI_SCRIPT_MEMORY, "its argument is too large");
  }
  if (code == PERI_OK && !peri_state_run_steady(s, 2, 1, s->load_ms, fault)) code = fault->code;
  if (code == PERI_OK && !lua_isnil(L, -1) && !peri_is_null(L, -1)) {
    peri_err e;
    *node = tree_of_top(s, path, a, &e, &fault->line);
    if (!*node) {
      snprintf(fault->file, sizeof fault->file, "%.*s", PERI_S(path));
      peri_fault_set(fault, code = PERI_SCRIPT_ERROR, "%s", e.text);
    }
  }
  end(s);
  return code;
}
