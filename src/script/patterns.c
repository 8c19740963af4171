/* script/patterns: find, match, gmatch and gsub over the matcher of match.c.
 *
 * Follows lstrlib.c of Lua 5.4 (Copyright 1994-2022 Lua.org, PUC-Rio, MIT licence), messages included. Different: plain searches are
 * linear, and texts are built in the state's own buffer. Refuses texts past the cap of a script's text. */
#include <ctype.h>
#include <string.h>

#include "script/match.h"

#define SPECIALS "^$*+?.([%-"

/* ---- find, match ---- */

static size_t start_of(lua_Integer pos, size_t len) {
  if (pos > 0) return (size_t)pos;
  if (pos == 0) return 1;
  if (pos < -(lua_Integer)len) return 1;
  return len + (size_t)pos + 1;
}

static bool is_plain(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i] != 0 && strchr(SPECIALS, p[i])) return false;
  return true;
}

static int find_or_match(lua_State *L, bool find) {
  size_t ls, lp;
  const char *s = luaL_checklstring(L, 1, &ls);
  const char *p = luaL_checklstring(L, 2, &lp);
  size_t init = start_of(luaL_optinteger(L, 3, 1), ls) - 1;
  peri_matcher m;
  if (init > ls) {
    luaL_pushfail(L);
    return 1;
  }
  peri_match_begin(&m, L, s, ls, p, lp);
  if (find && (lua_toboolean(L, 4) || is_plain(p, lp))) {
    peri_match_spend(&m, 1 + (int64_t)((ls - init) / 256));
    const char *found = lp == 0 ? s + init : memmem(s + init, ls - init, p, lp);
    if (found) {
      lua_pushinteger(L, (found - s) + 1);
      lua_pushinteger(L, (lua_Integer)(found - s) + (lua_Integer)lp);
      return 2;
    }
    luaL_pushfail(L);
    return 1;
  }
  const char *s1 = s + init;
  bool anchor = (*p == '^');
  if (anchor) {
    p++;
    lp--;
    m.p_end = p + lp;
  }
  do {
    peri_match_again(&m);
    const char *e = peri_match_here(&m, s1, p);
    if (e) {
      if (!find) return peri_match_push_all(&m, s1, e);
      lua_pushinteger(L, (s1 - s) + 1);
      lua_pushinteger(L, e - s);
      return peri_match_push_all(&m, NULL, 0) + 2;
    }
  } while (s1++ < m.src_end && !anchor);
  luaL_pushfail(L);
  return 1;
}

int peri_lua_find(lua_State *L) { return find_or_match(L, true); }
int peri_lua_match(lua_State *L) { return find_or_match(L, false); }

/* ---- gmatch ---- */

typedef struct all_matches {
  const char *src, *p, *last;
  peri_matcher m;
} all_matches;

static int next_match(lua_State *L) {
  all_matches *g = lua_touserdata(L, lua_upvalueindex(3));
  g->m.L = L;
  for (const char *src = g->src; src <= g->m.src_end; src++) {
    peri_match_again(&g->m);
    const char *e = peri_match_here(&g->m, src, g->p);
    if (e && e != g->last) {
      g->src = g->last = e;
      return peri_match_push_all(&g->m, src, e);
    }
  }
  return 0;
}

int peri_lua_gmatch(lua_State *L) {
  size_t ls, lp;
  const char *s = luaL_checklstring(L, 1, &ls);
  const char *p = luaL_checklstring(L, 2, &lp);
  size_t init = start_of(luaL_optinteger(L, 3, 1), ls) - 1;
  lua_settop(L, 2); /* the closure keeps both texts alive */
  all_matches *g = lua_newuserdatauv(L, sizeof *g, 0);
  if (init > ls) init = ls + 1;
  peri_match_begin(&g->m, L, s, ls, p, lp);
  g->src = s + init;
  g->p = p;
  g->last = NULL;
  lua_pushcclosure(L, next_match, 3);
  return 1;
}

/* ---- gsub ---- */

static void add_text(peri_matcher *m, size_t base, const char *s, const char *e) {
  lua_State *L = m->L;
  size_t l;
  const char *news = lua_tolstring(L, 3, &l);
  const char *p;
  while ((p = memchr(news, PERI_PATTERN_ESC, l)) != NULL) {
    peri_build_put(L, m->s, base, news, (size_t)(p - news));
    p++;
    if (*p == PERI_PATTERN_ESC) {
      peri_build_put(L, m->s, base, p, 1);
    } else if (*p == '0') {
      peri_build_put(L, m->s, base, s, (size_t)(e - s));
    } else if (isdigit((unsigned char)*p)) {
      const char *cap;
      ptrdiff_t n = peri_match_capture(m, *p - '1', s, e, &cap);
      if (n == PERI_CAPTURE_POSITION) {
        size_t digits;
        cap = lua_tolstring(L, -1, &digits);
        peri_build_put(L, m->s, base, cap, digits);
        lua_pop(L, 1);
      } else {
        peri_build_put(L, m->s, base, cap, (size_t)n);
      }
    } else {
      luaL_error(L, "invalid use of '%c' in replacement string", PERI_PATTERN_ESC);
    }
    l -= (size_t)(p + 1 - news);
    news = p + 1;
  }
  peri_build_put(L, m->s, base, news, l);
}

static bool add_value(peri_matcher *m, size_t base, const char *s, const char *e, int type) {
  lua_State *L = m->L;
  switch (type) {
    case LUA_TFUNCTION: {
      lua_pushvalue(L, 3);
      int n = peri_match_push_all(m, s, e);
      lua_call(L, n, 1);
      break;
    }
    case LUA_TTABLE:
      peri_match_push(m, 0, s, e);
      lua_gettable(L, 3);
      break;
    default: add_text(m, base, s, e); return true;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    peri_build_put(L, m->s, base, s, (size_t)(e - s));
    return false;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
  peri_build_put(L, m->s, base, text, n);
  lua_pop(L, 1);
  return true;
}

static void put_char(peri_matcher *m, size_t base, char c) {
  peri_buf *b = &m->s->build;
  if (b->n < b->cap && b->n - base < PERI_SCRIPT_STRING_MAX) b->p[b->n++] = c; /* most of a text, byte by byte */
  else peri_build_put(m->L, m->s, base, &c, 1);
}

int peri_lua_gsub(lua_State *L) {
  size_t ls, lp;
  const char *src = luaL_checklstring(L, 1, &ls);
  const char *p = luaL_checklstring(L, 2, &lp);
  const char *last = NULL;
  int type = lua_type(L, 3);
  lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)ls + 1);
  bool anchor = (*p == '^'), changed = false;
  lua_Integer n = 0;
  luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3, "string/function/table");
  if (anchor) {
    p++;
    lp--;
  }
  peri_matcher m;
  peri_match_begin(&m, L, src, ls, p, lp);
  size_t base = peri_build_begin(m.s);
  while (n < max) {
    peri_match_again(&m);
    const char *e = peri_match_here(&m, src, p);
    if (e && e != last) {
      n++;
      changed = add_value(&m, base, src, e, type) || changed;
      src = last = e;
    } else if (src < m.src_end) {
      put_char(&m, base, *src++);
    } else {
      break;
    }
    if (anchor) break;
  }
  if (!changed) {
    m.s->build.n = base;
    lua_pushvalue(L, 1);
  } else {
    peri_build_put(L, m.s, base, src, (size_t)(m.src_end - src));
    peri_build_push(L, m.s, base);
  }
  lua_pushinteger(L, n);
  return 2;
}
