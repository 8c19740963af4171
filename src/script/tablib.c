/* script/tablib: the table library with a look at the budget in each loop: `#` of a table may be a metamethod that lies.
 *
 * Same results as ltablib.c of Lua 5.4; sort takes its pivots from the middle, never by chance. */
#include <limits.h>
#include <string.h>

#include "script/state.h"

#define LOOK(i) (((i) & 255) == 255)

#define TAB_R 1
#define TAB_W 2
#define TAB_L 4

static bool has(lua_State *L, const char *name, int n) {
  lua_pushstring(L, name);
  return lua_rawget(L, -n) != LUA_TNIL;
}

static void check_table(lua_State *L, int arg, int what) {
  if (lua_type(L, arg) == LUA_TTABLE) return;
  int n = 1;
  if (lua_getmetatable(L, arg) && (!(what & TAB_R) || has(L, "__index", ++n)) && (!(what & TAB_W) || has(L, "__newindex", ++n)) &&
      (!(what & TAB_L) || has(L, "__len", ++n)))
    lua_pop(L, n);
  else luaL_checktype(L, arg, LUA_TTABLE);
}

static lua_Integer length(lua_State *L, int arg, int what) {
  check_table(L, arg, what | TAB_L);
  return luaL_len(L, arg);
}

static int tab_insert(lua_State *L) {
  lua_Integer e = length(L, 1, TAB_R | TAB_W) + 1, pos;
  switch (lua_gettop(L)) {
    case 2: pos = e; break;
    case 3:
      pos = luaL_checkinteger(L, 2);
      luaL_argcheck(L, (lua_Unsigned)pos - 1u < (lua_Unsigned)e, 2, "position out of bounds");
      for (lua_Integer i = e; i > pos; i--) {
        lua_geti(L, 1, i - 1);
        lua_seti(L, 1, i);
        if (LOOK(i)) peri_budget_check(L);
      }
      break;
    default: return luaL_error(L, "wrong number of arguments to 'insert'");
  }
  lua_seti(L, 1, pos);
  return 0;
}

static int tab_remove(lua_State *L) {
  lua_Integer size = length(L, 1, TAB_R | TAB_W);
  lua_Integer pos = luaL_optinteger(L, 2, size);
  if (lua_gettop(L) != 1) luaL_argcheck(L, (lua_Unsigned)pos - 1u <= (lua_Unsigned)size, 2, "position out of bounds");
  lua_geti(L, 1, pos);
  for (; pos < size; pos++) {
    lua_geti(L, 1, pos + 1);
    lua_seti(L, 1, pos);
    if (LOOK(pos)) peri_budget_check(L);
  }
  lua_pushnil(L);
  lua_seti(L, 1, pos);
  return 1;
}

static int tab_move(lua_State *L) {
  lua_Integer f = luaL_checkinteger(L, 2), e = luaL_checkinteger(L, 3), t = luaL_checkinteger(L, 4);
  int tt = !lua_isnoneornil(L, 5) ? 5 : 1;
  check_table(L, 1, TAB_R);
  check_table(L, tt, TAB_W);
  if (e >= f) {
    luaL_argcheck(L, f > 0 || e < LUA_MAXINTEGER + f, 3, "too many elements to move");
    lua_Integer n = e - f + 1;
    luaL_argcheck(L, t <= LUA_MAXINTEGER - n + 1, 4, "destination wrap around");
    if (t > e || t <= f || (tt != 1 && !lua_compare(L, 1, tt, LUA_OPEQ))) {
      for (lua_Integer i = 0; i < n; i++) {
        lua_geti(L, 1, f + i);
        lua_seti(L, tt, t + i);
        if (LOOK(i)) peri_budget_check(L);
      }
    } else {
      for (lua_Integer i = n - 1; i >= 0; i--) {
        lua_geti(L, 1, f + i);
        lua_seti(L, tt, t + i);
        if (LOOK(i)) peri_budget_check(L);
      }
    }
  }
  lua_pushvalue(L, tt);
  return 1;
}

static void add_item(lua_State *L, peri_script *s, size_t base, lua_Integer i) {
  size_t n;
  lua_geti(L, 1, i);
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid value (at index %I) in table for 'concat'", (LUAI_UACINT)i);
  const char *p = lua_tolstring(L, -1, &n);
  peri_build_put(L, s, base, p, n);
  lua_pop(L, 1);
  if (LOOK(i)) peri_budget_check(L);
}

static int tab_concat(lua_State *L) {
  peri_script *s = peri_state_of(L);
  lua_Integer last = length(L, 1, TAB_R);
  size_t sep_n;
  const char *sep = luaL_optlstring(L, 2, "", &sep_n);
  lua_Integer i = luaL_optinteger(L, 3, 1);
  last = luaL_optinteger(L, 4, last);
  size_t base = peri_build_begin(s);
  for (; i < last; i++) {
    add_item(L, s, base, i);
    peri_build_put(L, s, base, sep, sep_n);
  }
  if (i == last) add_item(L, s, base, i);
  peri_build_push(L, s, base);
  return 1;
}

static int tab_pack(lua_State *L) {
  int n = lua_gettop(L);
  lua_createtable(L, n, 1);
  lua_insert(L, 1);
  for (int i = n; i >= 1; i--) lua_seti(L, 1, i);
  lua_pushinteger(L, n);
  lua_setfield(L, 1, "n");
  return 1;
}

static int tab_unpack(lua_State *L) {
  lua_Integer i = luaL_optinteger(L, 2, 1);
  lua_Integer e = luaL_opt(L, luaL_checkinteger, 3, luaL_len(L, 1));
  if (i > e) return 0;
  lua_Unsigned n = (lua_Unsigned)e - (lua_Unsigned)i;
  if (n >= (unsigned int)INT_MAX || !lua_checkstack(L, (int)(++n))) return luaL_error(L, "too many results to unpack");
  for (; i < e; i++) {
    lua_geti(L, 1, i);
    if (LOOK(i)) peri_budget_check(L);
  }
  lua_geti(L, 1, e);
  return (int)n;
}

/* ---- sort: quicksort of ltablib.c; an order function that contradicts itself is an error, not a loop ---- */

typedef unsigned int place;

static void set2(lua_State *L, place i, place j) {
  lua_seti(L, 1, i);
  lua_seti(L, 1, j);
}

static bool less(lua_State *L, int a, int b) {
  peri_budget_check(L);
  if (lua_isnil(L, 2)) return lua_compare(L, a, b, LUA_OPLT);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, a - 1);
  lua_pushvalue(L, b - 2);
  lua_call(L, 2, 1);
  bool res = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return res;
}

static place partition(lua_State *L, place lo, place up) {
  place i = lo, j = up - 1;
  for (;;) {
    while (lua_geti(L, 1, ++i), less(L, -1, -2)) {
      if (i == up - 1) luaL_error(L, "invalid order function for sorting");
      lua_pop(L, 1);
    }
    while (lua_geti(L, 1, --j), less(L, -3, -1)) {
      if (j < i) luaL_error(L, "invalid order function for sorting");
      lua_pop(L, 1);
    }
    if (j < i) {
      lua_pop(L, 1);
      set2(L, up - 1, i);
      return i;
    }
    set2(L, i, j);
  }
}

static void sort(lua_State *L, place lo, place up) {
  while (lo < up) {
    lua_geti(L, 1, lo);
    lua_geti(L, 1, up);
    if (less(L, -1, -2)) set2(L, lo, up);
    else lua_pop(L, 2);
    if (up - lo == 1) break;
    place p = lo + (up - lo) / 2;
    lua_geti(L, 1, p);
    lua_geti(L, 1, lo);
    if (less(L, -2, -1)) {
      set2(L, p, lo);
    } else {
      lua_pop(L, 1);
      lua_geti(L, 1, up);
      if (less(L, -1, -2)) set2(L, p, up);
      else lua_pop(L, 2);
    }
    if (up - lo == 2) break;
    lua_geti(L, 1, p);
    lua_pushvalue(L, -1);
    lua_geti(L, 1, up - 1);
    set2(L, p, up - 1);
    p = partition(L, lo, up);
    if (p - lo < up - p) { /* the smaller half by recursion: depth stays logarithmic */
      sort(L, lo, p - 1);
      lo = p + 1;
    } else {
      sort(L, p + 1, up);
      up = p - 1;
    }
  }
}

static int tab_sort(lua_State *L) {
  lua_Integer n = length(L, 1, TAB_R | TAB_W);
  if (n <= 1) return 0;
  luaL_argcheck(L, n < INT_MAX, 1, "array too big");
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  sort(L, 1, (place)n);
  return 0;
}

void peri_open_table(lua_State *L) {
  static const luaL_Reg functions[] = {{"insert", tab_insert}, {"remove", tab_remove}, {"move", tab_move}, {"concat", tab_concat},
                                       {"pack", tab_pack},     {"unpack", tab_unpack}, {"sort", tab_sort}, {NULL, NULL}};
  peri_set_functions(L, functions);
}
