/* script/format: string.format as in Lua 5.4, without %p (an address is nobody's business). Follows lstrlib.c (MIT licence). */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "script/state.h"

#define FORM_MAX 32
#define ITEM_MAX 120
#define FLOAT_MAX 430 /* %99.99f of the largest double */

static const char *two_digits(const char *s) {
  if (isdigit((unsigned char)*s)) {
    s++;
    if (isdigit((unsigned char)*s)) s++;
  }
  return s;
}

static void check_form(lua_State *L, const char *form, const char *flags, bool precision) {
  const char *spec = form + 1;
  spec += strspn(spec, flags);
  if (*spec != '0') {
    spec = two_digits(spec);
    if (*spec == '.' && precision) spec = two_digits(spec + 1);
  }
  if (!isalpha((unsigned char)*spec)) luaL_error(L, "invalid conversion specification: '%s'", form);
}

/* copies "%flags width precision X" into form; answers the place of X */
static const char *get_form(lua_State *L, const char *p, char *form) {
  size_t n = strspn(p, "-+ #0.123456789") + 1;
  if (n >= FORM_MAX - 10) luaL_error(L, "invalid format string to 'format'");
  *form++ = '%';
  memcpy(form, p, n);
  form[n] = 0;
  return p + n - 1;
}

static void add_long(char *form) { /* %d -> %lld */
  size_t n = strlen(form);
  char spec = form[n - 1];
  form[n - 1] = 'l';
  form[n] = 'l';
  form[n + 1] = spec;
  form[n + 2] = 0;
}

static void add_quoted(lua_State *L, peri_script *s, size_t base, const char *p, size_t n) {
  peri_build_put(L, s, base, "\"", 1);
  for (size_t i = 0; i < n; i++) {
    char c = p[i];
    if (c == '"' || c == '\\' || c == '\n') {
      peri_build_put(L, s, base, "\\", 1);
      peri_build_put(L, s, base, &c, 1);
    } else if (iscntrl((unsigned char)c)) {
      char buff[10];
      int len = snprintf(buff, sizeof buff, i + 1 < n && isdigit((unsigned char)p[i + 1]) ? "\\%03d" : "\\%d", (int)(unsigned char)c);
      peri_build_put(L, s, base, buff, (size_t)len);
    } else {
      peri_build_put(L, s, base, &c, 1);
    }
    if ((i & 4095) == 4095) peri_budget_check(L);
  }
  peri_build_put(L, s, base, "\"", 1);
}

static void add_literal(lua_State *L, peri_script *s, size_t base, int arg) {
  char buff[ITEM_MAX];
  int len;
  switch (lua_type(L, arg)) {
    case LUA_TSTRING: {
      size_t n;
      const char *p = lua_tolstring(L, arg, &n);
      add_quoted(L, s, base, p, n);
      return;
    }
    case LUA_TNUMBER:
      if (lua_isinteger(L, arg)) {
        lua_Integer i = lua_tointeger(L, arg);
        len = snprintf(buff, sizeof buff, i == LUA_MININTEGER ? "0x%llx" : "%lld", (long long)i);
      } else {
        double d = lua_tonumber(L, arg);
        if (isinf(d)) len = snprintf(buff, sizeof buff, d > 0 ? "1e9999" : "-1e9999");
        else if (isnan(d)) len = snprintf(buff, sizeof buff, "(0/0)");
        else len = snprintf(buff, sizeof buff, "%a", d);
      }
      peri_build_put(L, s, base, buff, (size_t)len);
      return;
    case LUA_TNIL:
    case LUA_TBOOLEAN: {
      size_t n;
      const char *p = luaL_tolstring(L, arg, &n);
      peri_build_put(L, s, base, p, n);
      lua_pop(L, 1);
      return;
    }
    default: luaL_argerror(L, arg, "value has no literal form");
  }
}

static void add_string(lua_State *L, peri_script *s, size_t base, int arg, const char *form) {
  size_t n;
  const char *p = peri_tolstring(L, arg, &n);
  if (form[2] == 0) {
    peri_build_put(L, s, base, p, n);
  } else {
    luaL_argcheck(L, n == strlen(p), arg, "string contains zeros");
    check_form(L, form, "-", true);
    if (!strchr(form, '.') && n >= 100) {
      peri_build_put(L, s, base, p, n);
    } else {
      char buff[ITEM_MAX];
      int len = snprintf(buff, sizeof buff, form, p);
      peri_build_put(L, s, base, buff, (size_t)len);
    }
  }
  lua_pop(L, 1);
}

int peri_lua_format(lua_State *L) {
  peri_script *s = peri_state_of(L);
  int top = lua_gettop(L), arg = 1;
  size_t n;
  const char *p = luaL_checklstring(L, 1, &n);
  const char *end = p + n;
  size_t base = peri_build_begin(s);
  while (p < end) {
    const char *percent = memchr(p, '%', (size_t)(end - p));
    if (!percent) percent = end;
    peri_build_put(L, s, base, p, (size_t)(percent - p));
    p = percent;
    if (p == end) break;
    if (*++p == '%') {
      peri_build_put(L, s, base, p++, 1);
      continue;
    }
    char form[FORM_MAX], buff[FLOAT_MAX];
    const char *flags = "-0";
    int len = 0;
    peri_budget_check(L);
    if (++arg > top) return luaL_argerror(L, arg, "no value");
    p = get_form(L, p, form);
    switch (*p++) {
      case 'c':
        check_form(L, form, "-", false);
        len = snprintf(buff, sizeof buff, form, (int)luaL_checkinteger(L, arg));
        break;
      case 'd':
      case 'i': flags = "-+ 0"; goto integer;
      case 'u': flags = "-0"; goto integer;
      case 'o':
      case 'x':
      case 'X': flags = "-#0";
      integer: {
        lua_Integer i = luaL_checkinteger(L, arg);
        check_form(L, form, flags, true);
        add_long(form);
        len = snprintf(buff, sizeof buff, form, (long long)i);
        break;
      }
      case 'a':
      case 'A':
      case 'f':
      case 'e':
      case 'E':
      case 'g':
      case 'G': {
        bool hex = p[-1] == 'a' || p[-1] == 'A';
        if (hex) check_form(L, form, "-+ #0", true);
        double d = luaL_checknumber(L, arg);
        if (!hex) check_form(L, form, "-+ #0", true);
        len = snprintf(buff, sizeof buff, form, d);
        break;
      }
      case 'p': return luaL_error(L, "specifier '%%p' is not for scripts");
      case 'q':
        if (form[2] != 0) return luaL_error(L, "specifier '%%q' cannot have modifiers");
        add_literal(L, s, base, arg);
        break;
      case 's': add_string(L, s, base, arg, form); break;
      default: return luaL_error(L, "invalid conversion '%s' to 'format'", form);
    }
    if (len > 0) peri_build_put(L, s, base, buff, (size_t)len < sizeof buff ? (size_t)len : sizeof buff - 1);
  }
  peri_build_push(L, s, base);
  return 1;
}
