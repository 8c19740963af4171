/* script/strlib: the rest of the string library, and how texts are built: a text of a script has at most 8 MB.
 *
 * Left out: dump (byte code), pack, packsize, unpack (binary formats are no business of mappings; decode and encode are). */
#include <ctype.h>
#include <string.h>

#include "script/state.h"

void peri_build_put(lua_State *L, peri_script *s, size_t base, const void *p, size_t n) {
  if (n == 0) return;
  if (s->build.n - base + n > PERI_SCRIPT_STRING_MAX) {
    if (!s->over) s->over_bytes = s->build.n - base + n;
    peri_budget_raise(L, PERI_SCRIPT_MEMORY);
  }
  char *room = peri_buf_room(&s->build, n);
  if (room) {
    memcpy(room, p, n);
    s->build.n += n;
    return;
  }
  if (!s->over) s->over_bytes = s->build.n + n;
  peri_budget_raise(L, PERI_SCRIPT_MEMORY);
}

void peri_build_push(lua_State *L, peri_script *s, size_t base) {
  lua_pushlstring(L, s->build.p ? s->build.p + base : "", s->build.n - base);
  s->build.n = base;
}

static size_t start_of(lua_Integer pos, size_t len) {
  if (pos > 0) return (size_t)pos;
  if (pos == 0 || pos < -(lua_Integer)len) return 1;
  return len + (size_t)pos + 1;
}

static size_t end_of(lua_State *L, int arg, lua_Integer fallback, size_t len) {
  lua_Integer pos = luaL_optinteger(L, arg, fallback);
  if (pos > (lua_Integer)len) return len;
  if (pos >= 0) return (size_t)pos;
  if (pos < -(lua_Integer)len) return 0;
  return len + (size_t)pos + 1;
}

static int str_len(lua_State *L) {
  size_t n;
  luaL_checklstring(L, 1, &n);
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

static int str_sub(lua_State *L) {
  size_t n;
  const char *p = luaL_checklstring(L, 1, &n);
  size_t first = start_of(luaL_checkinteger(L, 2), n), last = end_of(L, 3, -1, n);
  if (first <= last) lua_pushlstring(L, p + first - 1, last - first + 1);
  else lua_pushliteral(L, "");
  return 1;
}

static int change(lua_State *L, int kind) {
  peri_script *s = peri_state_of(L);
  size_t n;
  const char *p = luaL_checklstring(L, 1, &n);
  if (n > PERI_SCRIPT_STRING_MAX) peri_budget_raise(L, PERI_SCRIPT_MEMORY);
  size_t base = peri_build_begin(s);
  char *out = peri_buf_room(&s->build, n + 1);
  if (!out) peri_budget_raise(L, PERI_SCRIPT_MEMORY);
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[kind == 'r' ? n - 1 - i : i];
    out[i] = (char)(kind == 'l' ? tolower(c) : kind == 'u' ? toupper(c) : c);
  }
  s->build.n = base + n;
  peri_build_push(L, s, base);
  return 1;
}

static int str_lower(lua_State *L) { return change(L, 'l'); }
static int str_upper(lua_State *L) { return change(L, 'u'); }
static int str_reverse(lua_State *L) { return change(L, 'r'); }

static int str_rep(lua_State *L) {
  peri_script *s = peri_state_of(L);
  size_t n, sep_n;
  const char *p = luaL_checklstring(L, 1, &n);
  lua_Integer times = luaL_checkinteger(L, 2);
  const char *sep = luaL_optlstring(L, 3, "", &sep_n);
  if (times <= 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  size_t each = n + sep_n;
  if (each == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  if ((size_t)times > (2 * (size_t)PERI_SCRIPT_STRING_MAX) / each) { /* before anything is built, or counted past its range */
    if (!s->over) s->over_bytes = (size_t)times > SIZE_MAX / each ? SIZE_MAX : (size_t)times * each;
    peri_budget_raise(L, PERI_SCRIPT_MEMORY);
  }
  size_t total = each * (size_t)times - sep_n, base = peri_build_begin(s);
  peri_build_put(L, s, base, p, n);
  if (times > 1) {
    peri_build_put(L, s, base, sep, sep_n);
    while (s->build.n - base < total) { /* doubles what is there; peri_build_put must not read from the buffer that it may move */
      size_t have = s->build.n - base, more = total - have < have ? total - have : have;
      if (total > PERI_SCRIPT_STRING_MAX || !peri_buf_room(&s->build, more)) {
        if (!s->over) s->over_bytes = total;
        peri_budget_raise(L, PERI_SCRIPT_MEMORY);
      }
      memcpy(s->build.p + s->build.n, s->build.p + base, more);
      s->build.n += more;
    }
  }
  peri_build_push(L, s, base);
  return 1;
}

static int str_byte(lua_State *L) {
  size_t n;
  const char *p = luaL_checklstring(L, 1, &n);
  lua_Integer pi = luaL_optinteger(L, 2, 1);
  size_t first = start_of(pi, n), last = end_of(L, 3, pi, n);
  if (first > last) return 0;
  if (last - first >= 1000000) return luaL_error(L, "string slice too long");
  int count = (int)(last - first) + 1;
  luaL_checkstack(L, count, "string slice too long");
  for (int i = 0; i < count; i++) lua_pushinteger(L, (unsigned char)p[first + (size_t)i - 1]);
  return count;
}

static int str_char(lua_State *L) {
  peri_script *s = peri_state_of(L);
  int n = lua_gettop(L);
  size_t base = peri_build_begin(s);
  for (int i = 1; i <= n; i++) {
    lua_Unsigned c = (lua_Unsigned)luaL_checkinteger(L, i);
    luaL_argcheck(L, c <= 255, i, "value out of range");
    char byte = (char)(unsigned char)c;
    peri_build_put(L, s, base, &byte, 1);
  }
  peri_build_push(L, s, base);
  return 1;
}

void peri_open_string(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"len", str_len},       {"sub", str_sub},           {"lower", str_lower},     {"upper", str_upper},   {"reverse", str_reverse},    {"rep", str_rep},
      {"byte", str_byte},     {"char", str_char},         {"find", peri_lua_find},  {"match", peri_lua_match}, {"gmatch", peri_lua_gmatch}, {"gsub", peri_lua_gsub},
      {"format", peri_lua_format}, {NULL, NULL}};
  peri_set_functions(L, functions);
}
