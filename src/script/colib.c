/* script/colib: coroutines whose limits stay sticky. `running` follows control, because a hook belongs to one coroutine.
 *
 * No coroutine.close: nested ones overflow the C stack of Lua 5.4.4. */
#include "script/state.h"

static lua_State *coroutine_at(lua_State *L, int index) {
  lua_State *co = lua_tothread(L, index);
  luaL_argexpected(L, co, index, "coroutine");
  return co;
}

/* Number of results on co's stack moved to L, or -1 with the error value on L. */
static int resume(lua_State *L, lua_State *co, int nargs) {
  peri_script *s = peri_state_of(L);
  int nresults = 0;
  if (!lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, nargs);
  size_t built = s->build.n, floor_before = s->build_floor;
  s->build_floor = built;
  s->running = co; /* a limit that is hit from here on arms co; one that was hit before is raised below */
  int status = s->over ? LUA_ERRRUN : lua_resume(co, L, nargs, &nresults);
  s->running = L;
  s->build_floor = floor_before;
  if (status != LUA_OK && status != LUA_YIELD) s->build.n = built;
  peri_budget_again(L); /* past this line nothing was over, so co was really resumed */
  if (status == LUA_OK || status == LUA_YIELD) {
    if (!lua_checkstack(L, nresults + 1)) {
      lua_pop(co, nresults);
      lua_pushliteral(L, "too many results to resume");
      return -1;
    }
    lua_xmove(co, L, nresults);
    return nresults;
  }
  lua_xmove(co, L, 1);
  return -1;
}

static int co_create(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  return 1;
}

static int co_resume(lua_State *L) {
  lua_State *co = coroutine_at(L, 1);
  int n = resume(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, n >= 0);
  if (n < 0) {
    lua_insert(L, -2);
    return 2;
  }
  lua_insert(L, -(n + 1));
  return n + 1;
}

static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int n = resume(L, co, lua_gettop(L));
  if (n >= 0) return n;
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int co_wrap(lua_State *L) {
  co_create(L);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

static int co_yield(lua_State *L) { return lua_yield(L, lua_gettop(L)); }

static int co_status(lua_State *L) {
  lua_State *co = coroutine_at(L, 1);
  const char *status = "dead";
  if (co == L) {
    status = "running";
  } else if (lua_status(co) == LUA_YIELD) {
    status = "suspended";
  } else if (lua_status(co) == LUA_OK) {
    lua_Debug ar;
    if (lua_getstack(co, 0, &ar)) status = "normal";
    else if (lua_gettop(co) > 0) status = "suspended";
  }
  lua_pushstring(L, status);
  return 1;
}

static int co_isyieldable(lua_State *L) {
  lua_State *co = lua_isnone(L, 1) ? L : coroutine_at(L, 1);
  lua_pushboolean(L, lua_isyieldable(co));
  return 1;
}

static int co_running(lua_State *L) {
  lua_pushboolean(L, lua_pushthread(L));
  return 2;
}

void peri_open_coroutine(lua_State *L) {
  static const luaL_Reg functions[] = {{"create", co_create}, {"resume", co_resume},           {"wrap", co_wrap},       {"yield", co_yield},
                                       {"status", co_status}, {"isyieldable", co_isyieldable}, {"running", co_running}, {NULL, NULL}};
  peri_set_functions(L, functions);
}
