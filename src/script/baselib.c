/* script/baselib: the global functions of scripts that are our own: what catches errors, shows values, or hands out metatables.
 *
 * There is no load, dofile, loadfile, require, collectgarbage, debug, io, package. What is frozen refuses rawset, too. */
#include <string.h>

#include "script/state.h"

static const char frozen_mark = 0;

bool peri_is_frozen(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  lua_rawgetp(L, -1, &frozen_mark);
  bool frozen = lua_toboolean(L, -1);
  lua_pop(L, 2);
  return frozen;
}

static int refuse_write(lua_State *L) {
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  return luaL_error(L, "'%s' can't be written here: globals and libraries are frozen; write local %s = …", key, key);
}

void peri_freeze_push(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 4);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, refuse_write);
  lua_setfield(L, -2, "__newindex");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pushboolean(L, 1);
  lua_rawsetp(L, -2, &frozen_mark);
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

/* ---- catching errors: a limit that was hit goes through every catcher ---- */

static int caught(lua_State *L, int status, lua_KContext extra) {
  peri_budget_again(L);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
  }
  return lua_gettop(L) - (int)extra;
}

static int caught_later(lua_State *L, int status, lua_KContext extra) { /* after a yield inside */
  peri_script *s = peri_state_of(L);
  if (status != LUA_OK && status != LUA_YIELD) s->build.n = s->build_floor;
  return caught(L, status, extra);
}

static int lua_pcall_ours(lua_State *L) {
  peri_script *s = peri_state_of(L);
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  size_t built = s->build.n;
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, caught_later);
  if (status != LUA_OK) s->build.n = built;
  return caught(L, status, 0);
}

/* Hooks are off while Lua calls a message handler for an error that a hook raised, so the script's own handler must not run then. */
static int guarded_handler(lua_State *L) {
  if (peri_state_of(L)->over) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static int lua_xpcall_ours(lua_State *L) {
  peri_script *s = peri_state_of(L);
  int n = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 2);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  size_t built = s->build.n;
  int status = lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, caught_later);
  if (status != LUA_OK) s->build.n = built;
  return caught(L, status, 2);
}

/* ---- metatables ---- */

static int lua_setmetatable_ours(lua_State *L) {
  static const char *const refused[] = {"__gc", "__mode", "__close", "__concat"}; /* the last: see peri_state_steady */
  int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
  if (type == LUA_TTABLE) {
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
      lua_pushstring(L, refused[i]);
      if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "setmetatable: %s is not for scripts", refused[i]);
      lua_pop(L, 1);
    }
    lua_pushliteral(L, "__call");
    type = lua_rawget(L, 2);
    if (type != LUA_TNIL && type != LUA_TFUNCTION) return luaL_error(L, "setmetatable: __call must be a function");
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

static int lua_getmetatable_ours(lua_State *L) {
  luaL_checkany(L, 1);
  peri_mark mark = lua_type(L, 1) == LUA_TTABLE ? peri_table_mark(L, 1) : PERI_MARK_OTHER;
  if (mark == PERI_MARK_ARRAY || mark == PERI_MARK_OBJECT || !lua_getmetatable(L, 1)) { /* marks of decode are not a script's business */
    lua_pushnil(L);
    return 1;
  }
  lua_pop(L, 1);
  if (luaL_getmetafield(L, 1, "__metatable") == LUA_TNIL) lua_getmetatable(L, 1);
  return 1;
}

static int lua_rawset_ours(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  if (peri_is_frozen(L, 1)) return refuse_write(L);
  lua_settop(L, 3);
  lua_rawset(L, 1);
  return 1;
}

/* ---- showing values ---- */

const char *peri_tolstring(lua_State *L, int index, size_t *n) {
  index = lua_absindex(L, index);
  if (peri_to_word(L, index)) {
    luaL_getmetafield(L, index, "__index"); /* raises with the word's own sentence */
    lua_pushvalue(L, index);
    lua_pushliteral(L, "");
    lua_call(L, 2, 1);
    return lua_tolstring(L, -1, n);
  }
  switch (lua_type(L, index)) {
    case LUA_TTABLE:
      if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
        if (!lua_isstring(L, -1)) luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, n);
      }
      lua_pushliteral(L, "table");
      return lua_tolstring(L, -1, n);
    case LUA_TFUNCTION:
    case LUA_TTHREAD:
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA: lua_pushstring(L, luaL_typename(L, index)); return lua_tolstring(L, -1, n);
    default: return luaL_tolstring(L, index, n);
  }
}

static int lua_tostring_ours(lua_State *L) {
  luaL_checkany(L, 1);
  peri_tolstring(L, 1, NULL);
  return 1;
}

static int lua_print_ours(lua_State *L) {
  peri_script *s = peri_state_of(L);
  int count = lua_gettop(L);
  size_t base = peri_build_begin(s);
  for (int i = 1; i <= count; i++) {
    size_t n;
    const char *p = peri_tolstring(L, i, &n);
    if (i > 1) peri_build_put(L, s, base, "\t", 1);
    peri_build_put(L, s, base, p, n < PERI_ERROR_TEXT_MAX ? n : PERI_ERROR_TEXT_MAX);
    lua_pop(L, 1);
    if (s->build.n - base > PERI_ERROR_TEXT_MAX) break;
  }
  if (s->log && s->prints <= PERI_PRINTS_MAX) {
    char text[PERI_ERROR_TEXT_MAX];
    peri_text_tame((peri_str){s->build.p ? s->build.p + base : "", s->build.n - base}, text, sizeof text);
    if (s->prints++ == PERI_PRINTS_MAX) memcpy(text, "further prints of this run are left out", 40);
    s->log(s->log_self, peri_str_of(text));
  }
  s->build.n = base;
  return 0;
}

void peri_open_base(lua_State *L) {
  static const luaL_Reg functions[] = {{"pcall", lua_pcall_ours},
                                       {"xpcall", lua_xpcall_ours},
                                       {"setmetatable", lua_setmetatable_ours},
                                       {"getmetatable", lua_getmetatable_ours},
                                       {"rawset", lua_rawset_ours},
                                       {"tostring", lua_tostring_ours},
                                       {"print", lua_print_ours},
                                       {"decode", peri_lua_decode},
                                       {"encode", peri_lua_encode},
                                       {"use", peri_lua_use},
                                       {NULL, NULL}};
  peri_lend_into(L, "");
  peri_set_functions(L, functions);
  lua_pushliteral(L, LUA_VERSION);
  lua_setfield(L, -2, "_VERSION");
}
