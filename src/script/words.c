/* script/words: the words of the language as Lua values. `email "path" { options }` makes one; holes join with `..`.
 *
 * A word only remembers what it was given, where, and as which in order. It can't be read, changed or computed with, and it is
 * given its options once. Whether it may stand where it stands is spec/check's business. */
#include <stdio.h>
#include <string.h>

#include "script/state.h"

#define JOIN_PARTS_MAX 1000

static const char null_key = 0, word_key = 0;

void peri_push_null(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &null_key); }

peri_word *peri_to_word(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &word_key);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? lua_touserdata(L, index) : NULL;
}

bool peri_is_null(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA) return false;
  index = lua_absindex(L, index);
  peri_push_null(L);
  bool same = lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return same;
}

static peri_word *new_word(lua_State *L, const peri_word_spec *spec) {
  peri_word *w = lua_newuserdatauv(L, sizeof *w, 2);
  memset(w, 0, sizeof *w);
  w->spec = spec;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &word_key);
  lua_setmetatable(L, -2);
  return w;
}

/* A word that was made by the file: numbered, with its place, and noted so that an unused one is found. */
static peri_word *make_word(lua_State *L, const peri_word_spec *spec) {
  peri_script *s = peri_state_of(L);
  if (s->phase != PERI_PHASE_LOAD && s->phase != PERI_PHASE_PULL)
    luaL_error(L, "%s is a word; words are made while a file is loaded, not while a record is worked on", spec->name);
  peri_word *w = new_word(L, spec);
  const char *path = peri_where(L, 1, &w->line);
  const peri_file *file = path ? peri_file_named(s, peri_str_of(path)) : NULL;
  w->file = file ? file->path.p : s->loading ? s->loading->path.p : "";
  w->seq = ++s->word_seq;
  if (s->made_ref && !(s->loading && s->loading->lib_state == 1)) { /* a library may offer more than one file takes */
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->made_ref);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
  }
  return w;
}

static const char *wants(const peri_word_spec *spec) {
  if (strcmp(spec->what_type, "name") == 0) return "a name";
  if (strcmp(spec->what_type, "[path]") == 0) return "a path or a list of paths";
  if (strcmp(spec->what_type, "[text]") == 0) return "a field or a list of fields";
  if (strcmp(spec->what_type, "stampform") == 0) return "a form";
  return "a path";
}

/* 1..n and nothing else */
static bool is_plain_list(lua_State *L, int index) {
  size_t count;
  return peri_table_shape(L, index, &count, 0) == 1;
}

static int give_what(lua_State *L, const peri_word_spec *spec) {
  const peri_word *given;
  switch (lua_type(L, 2)) {
    case LUA_TSTRING: break;
    case LUA_TTABLE:
      if (spec->what_type[0] == '[' && is_plain_list(L, 2)) break;
      return luaL_error(L, "%s wants %s before its options", spec->name, wants(spec));
    case LUA_TUSERDATA:
      given = peri_to_word(L, 2);
      if (given && (!given->spec || given->spec->hole)) break;
      return luaL_error(L, "%s wants %s, not %s", spec->name, wants(spec), given ? given->spec->name : "this");
    case LUA_TNIL: return luaL_error(L, "%s wants %s, but is given nil (is a local misspelt, or defined below?)", spec->name, wants(spec));
    default: return luaL_error(L, "%s wants %s, not a %s", spec->name, wants(spec), luaL_typename(L, 2));
  }
  peri_word *w = make_word(L, spec);
  w->has_what = true;
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

static int give_options(lua_State *L, peri_word *w) {
  if (w->has_opts) return luaL_error(L, "%s already has its options; a comma is missing before this {", w->spec->name);
  if (lua_type(L, 2) != LUA_TTABLE) {
    if (lua_type(L, 2) == LUA_TSTRING) return luaL_error(L, "%s already has what it reads; a comma is missing before this text", w->spec->name);
    return luaL_error(L, "%s wants its options as a table { … }, not a %s", w->spec->name, luaL_typename(L, 2));
  }
  w->has_opts = true;
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, 1, 2);
  lua_pushvalue(L, 1);
  return 1;
}

static int word_call(lua_State *L) {
  peri_word *w = peri_to_word(L, 1);
  if (!w) return luaL_error(L, "a word is called in a strange way");
  if (!w->spec) return luaL_error(L, "a text with holes is called; parentheses are missing around the words before {");
  if (lua_gettop(L) > 2) return luaL_error(L, "%s takes one thing at a time: %s \"what\" { options }", w->spec->name, w->spec->name);
  if (peri_is_null(L, 1)) return luaL_error(L, "null is a value; a comma is missing after it");
  lua_settop(L, 2);
  if (w->seq) return give_options(L, w);
  if (w->spec->what == PERI_WHAT_MUST || (w->spec->what == PERI_WHAT_MAY && lua_type(L, 2) != LUA_TTABLE)) return give_what(L, w->spec);
  if (lua_type(L, 2) != LUA_TTABLE) return luaL_error(L, "%s takes only options: %s { … }", w->spec->name, w->spec->name);
  peri_word *made = make_word(L, w->spec);
  made->has_opts = true;
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 2);
  return 1;
}

/* ---- holes join with `..` ---- */

static bool joins(lua_State *L, int index) {
  const peri_word *w = peri_to_word(L, index);
  return w ? !w->spec || w->spec->hole : lua_isstring(L, index);
}

static size_t add_parts(lua_State *L, int list, size_t n, int index) {
  const peri_word *w = peri_to_word(L, index);
  if (w && !w->spec) {
    lua_getiuservalue(L, index, 1);
    size_t count = lua_rawlen(L, -1);
    for (size_t i = 1; i <= count; i++) {
      lua_rawgeti(L, -1, (lua_Integer)i);
      lua_rawseti(L, list, (lua_Integer)++n);
    }
    lua_pop(L, 1);
  } else {
    lua_pushvalue(L, index);
    if (!w) lua_tostring(L, -1); /* a number becomes its text */
    lua_rawseti(L, list, (lua_Integer)++n);
  }
  if (n > JOIN_PARTS_MAX) luaL_error(L, "more than %d pieces are joined", JOIN_PARTS_MAX);
  return n;
}

static int word_concat(lua_State *L) {
  for (int i = 1; i <= 2; i++) {
    if (joins(L, i)) continue;
    const peri_word *w = peri_to_word(L, i);
    if (!w) return luaL_error(L, "a hole joins with texts and holes, not with a %s", luaL_typename(L, i));
    if (w->seq)
      return luaL_error(L, "%s does not join with ..; put what it reads into parentheses: %s(… .. …) { … }", w->spec->name, w->spec->name);
    return luaL_error(L, "%s is no hole: it does not join with ..", w->spec->name);
  }
  peri_word *join = new_word(L, NULL);
  join->seq = ++peri_state_of(L)->word_seq;
  lua_newtable(L);
  int list = lua_gettop(L);
  size_t n = add_parts(L, list, 0, 1);
  add_parts(L, list, n, 2);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

/* ---- everything else is refused, with the reason ---- */

static int word_read(lua_State *L) {
  const peri_word *w = peri_to_word(L, 1);
  if (!w) w = peri_to_word(L, 2); /* arithmetic with the word on the right */
  if (!w || !w->spec) return luaL_error(L, "a text with holes is filled when the request is sent; it can't be read here");
  if (strcmp(w->spec->name, "null") == 0) return luaL_error(L, "null is JSON's null: it has no parts and can't be computed with");
  if (w->spec->hole) return luaL_error(L, "%s is a hole that is filled when the request is sent; it can't be read here", w->spec->name);
  return luaL_error(L, "%s is a word; it can't be read or computed with", w->spec->name);
}

static int word_write(lua_State *L) {
  const peri_word *w = peri_to_word(L, 1);
  return luaL_error(L, "%s is made; a made word can't be changed", w && w->spec ? w->spec->name : "a text with holes");
}

static int text_call(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  char shown[48];
  peri_text_tame((peri_str){text, n}, shown, sizeof shown);
  return luaL_error(L, "the text \"%s\" is called; parentheses are missing around the words before {", shown);
}

int peri_unknown_global(lua_State *L) {
  if (lua_type(L, 2) != LUA_TSTRING) return luaL_error(L, "globals have names");
  peri_str name;
  name.p = lua_tolstring(L, 2, &name.n);
  const peri_word_spec *spec = peri_word_named(name);
  if (spec) { /* a word is made when it is first named: most files need ten of them */
    new_word(L, spec);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
  }
  char shown[64];
  peri_text_tame(name, shown, sizeof shown);
  if (peri_str_is(name, "require")) return luaL_error(L, "unknown word 'require' (use \"name\" gives what lib/name.lua returns)");
  if (peri_str_is(name, "io") || peri_str_is(name, "debug") || peri_str_is(name, "package") || peri_str_is(name, "load") ||
      peri_str_is(name, "loadstring") || peri_str_is(name, "dofile") || peri_str_is(name, "loadfile") || peri_str_is(name, "collectgarbage"))
    return luaL_error(L, "'%s' is not for scripts: they get values, not powers", shown);
  peri_str names[160];
  size_t count = 0;
  for (size_t i = 0; i < peri_word_count && count < 80; i++) names[count++] = peri_str_of(peri_words[i].name);
  lua_pushnil(L);
  while (lua_next(L, 1) && count < sizeof names / sizeof names[0]) { /* the table of all globals: nothing collects its keys */
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) names[count].p = lua_tolstring(L, -1, &names[count].n), count++;
  }
  peri_str near = peri_suggest(name, names, count);
  if (near.n) return luaL_error(L, "unknown word '%s' (did you mean '%s'?)", shown, near.p);
  return luaL_error(L, "unknown word '%s' (a local is missing, or see perilune help)", shown);
}

void peri_words_begin(peri_script *s) {
  lua_State *L = s->L;
  lua_newtable(L);
  if (!s->made_ref) s->made_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  else lua_rawseti(L, LUA_REGISTRYINDEX, s->made_ref);
  s->word_mark++;
}

const peri_word *peri_words_unused(peri_script *s) {
  lua_State *L = s->L;
  const peri_word *found = NULL;
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->made_ref);
  size_t count = lua_rawlen(L, -1);
  for (size_t i = 1; !found && i <= count; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i);
    const peri_word *w = lua_touserdata(L, -1);
    if (w && w->used != s->word_mark) found = w;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return found; /* kept alive by the list */
}

void peri_open_words(peri_script *s) {
  static const luaL_Reg words[] = {{"__call", word_call},   {"__concat", word_concat}, {"__newindex", word_write}, {NULL, NULL}};
  static const char *const reads[] = {"__index", "__len", "__pairs", "__lt", "__le", "__unm", "__add", "__sub", "__mul", "__div", "__mod",
                                      "__pow", "__idiv", "__band", "__bor", "__bxor", "__shl", "__shr", "__bnot"};
  lua_State *L = s->L;
  lua_createtable(L, 0, 24);
  peri_set_functions(L, words);
  for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
    lua_pushcfunction(L, word_read);
    lua_setfield(L, -2, reads[i]);
  }
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &word_key);
  new_word(L, peri_word_named(PERI_STR("null")));
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &null_key);
  lua_setfield(L, -2, "null"); /* the others: peri_unknown_global */
  /* texts: "x" { … } is a mistake that deserves its own sentence */
  lua_pushliteral(L, "");
  if (lua_getmetatable(L, -1)) {
    lua_pushcfunction(L, text_call);
    lua_setfield(L, -2, "__call");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}
