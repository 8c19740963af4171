/* script/lend: harmless C functions of the standard library, found once a process in a state that is thrown away.
 *
 * Lent is only what can't loop for long, can't reach outside, shows no address, and keeps nothing between calls. */
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "script/state.h"

typedef struct loan {
  const char *library, *name;
  lua_CFunction function;
} loan;

static loan loans[] = {
    {"", "assert", 0}, {"", "error", 0}, {"", "ipairs", 0}, {"", "next", 0}, {"", "pairs", 0}, {"", "rawequal", 0}, {"", "rawget", 0},
    {"", "rawlen", 0}, {"", "select", 0}, {"", "tonumber", 0}, {"", "type", 0},
    {"math", "abs", 0}, {"math", "ceil", 0}, {"math", "floor", 0}, {"math", "max", 0}, {"math", "min", 0}, {"math", "fmod", 0},
    {"math", "modf", 0}, {"math", "sqrt", 0}, {"math", "exp", 0}, {"math", "log", 0}, {"math", "sin", 0}, {"math", "cos", 0},
    {"math", "tan", 0}, {"math", "asin", 0}, {"math", "acos", 0}, {"math", "atan", 0}, {"math", "deg", 0}, {"math", "rad", 0},
    {"math", "tointeger", 0}, {"math", "type", 0}, {"math", "ult", 0},
    {"utf8", "char", 0}, {"utf8", "codepoint", 0}, {"utf8", "len", 0}, {"utf8", "offset", 0},
    /* arithmetic on texts that hold numbers: "10" + 1 */
    {"arithmetic", "__add", 0}, {"arithmetic", "__sub", 0}, {"arithmetic", "__mul", 0}, {"arithmetic", "__mod", 0},
    {"arithmetic", "__pow", 0}, {"arithmetic", "__div", 0}, {"arithmetic", "__idiv", 0}, {"arithmetic", "__unm", 0}};
#define LOANS (sizeof loans / sizeof loans[0])

static void find_all(void) {
  lua_State *L = luaL_newstate();
  if (!L) abort();
  luaL_openlibs(L);
  for (size_t i = 0; i < LOANS; i++) {
    if (!*loans[i].library) {
      lua_pushglobaltable(L);
    } else if (strcmp(loans[i].library, "arithmetic") == 0) {
      lua_pushliteral(L, "");
      lua_getmetatable(L, -1);
    } else {
      lua_getglobal(L, loans[i].library);
    }
    lua_getfield(L, -1, loans[i].name);
    loans[i].function = lua_tocfunction(L, -1);
    if (!loans[i].function) abort();
    lua_settop(L, 0);
  }
  lua_close(L);
}

void peri_lend_into(lua_State *L, const char *library) {
  if (!loans[0].function) find_all();
  for (size_t i = 0; i < LOANS; i++) {
    if (strcmp(loans[i].library, library) != 0) continue;
    lua_pushcfunction(L, loans[i].function);
    lua_setfield(L, -2, loans[i].name);
  }
}

void peri_set_functions(lua_State *L, const luaL_Reg *functions) {
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}
