/* script/match: Lua's patterns with a budget: find, match, gmatch, gsub.
 *
 * Follows lstrlib.c of Lua 5.4 (Copyright 1994-2022 Lua.org, PUC-Rio, MIT licence) step by step, so that patterns mean exactly what
 * they mean in Lua, messages included. Different: each step counts against the budget of the call, plain searches are linear,
 * texts are built in the state's own buffer. */
#include <ctype.h>
#include <string.h>

#include "script/state.h"

#define CAPTURES_MAX 32
#define DEPTH_MAX 200
#define ESC '%'
#define SPECIALS "^$*+?.([%-"
#define CAP_UNFINISHED (-1)
#define CAP_POSITION (-2)

typedef struct matcher {
  const char *src_init, *src_end, *p_end;
  lua_State *L;
  peri_script *s;
  int depth;
  unsigned char level;
  struct {
    const char *init;
    ptrdiff_t len;
  } capture[CAPTURES_MAX];
} matcher;

static const char *match(matcher *m, const char *s, const char *p);

static unsigned char uc(char c) { return (unsigned char)c; }

static void spend(matcher *m, int64_t steps) {
  peri_script *s = m->s;
  int64_t left = s->steps - steps;
  if (left <= 0) {
    s->steps = 0;
    peri_budget_raise(m->L, PERI_SCRIPT_TIMEOUT);
  }
  if ((s->steps ^ left) & ~1023) peri_budget_check(m->L);
  s->steps = left;
}

static int check_capture(matcher *m, int l) {
  l -= '1';
  if (l < 0 || l >= m->level || m->capture[l].len == CAP_UNFINISHED) return luaL_error(m->L, "invalid capture index %%%d", l + 1);
  return l;
}

static int capture_to_close(matcher *m) {
  int level = m->level;
  for (level--; level >= 0; level--)
    if (m->capture[level].len == CAP_UNFINISHED) return level;
  return luaL_error(m->L, "invalid pattern capture");
}

static const char *class_end(matcher *m, const char *p) {
  switch (*p++) {
    case ESC:
      if (p == m->p_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
      return p + 1;
    case '[':
      if (*p == '^') p++;
      do {
        if (p == m->p_end) luaL_error(m->L, "malformed pattern (missing ']')");
        if (*(p++) == ESC && p < m->p_end) p++;
      } while (*p != ']');
      return p + 1;
    default: return p;
  }
}

static bool single_class(int c, int cl) {
  bool res;
  switch (tolower(cl)) {
    case 'a': res = isalpha(c); break;
    case 'c': res = iscntrl(c); break;
    case 'd': res = isdigit(c); break;
    case 'g': res = isgraph(c); break;
    case 'l': res = islower(c); break;
    case 'p': res = ispunct(c); break;
    case 's': res = isspace(c); break;
    case 'u': res = isupper(c); break;
    case 'w': res = isalnum(c); break;
    case 'x': res = isxdigit(c); break;
    case 'z': res = (c == 0); break;
    default: return cl == c;
  }
  return isupper(cl) ? !res : res;
}

static bool bracket_class(int c, const char *p, const char *ec) {
  bool sig = true;
  if (*(p + 1) == '^') {
    sig = false;
    p++;
  }
  while (++p < ec) {
    if (*p == ESC) {
      p++;
      if (single_class(c, uc(*p))) return sig;
    } else if (*(p + 1) == '-' && (p + 2 < ec)) {
      p += 2;
      if (uc(*(p - 2)) <= c && c <= uc(*p)) return sig;
    } else if (uc(*p) == c) {
      return sig;
    }
  }
  return !sig;
}

static bool single_match(matcher *m, const char *s, const char *p, const char *ep) {
  if (s >= m->src_end) return false;
  int c = uc(*s);
  switch (*p) {
    case '.': return true;
    case ESC: return single_class(c, uc(*(p + 1)));
    case '[':
      if (ep - p > 64) spend(m, (ep - p) / 64); /* a class may be as long as the source allows */
      return bracket_class(c, p, ep - 1);
    default: return uc(*p) == c;
  }
}

static const char *match_balance(matcher *m, const char *s, const char *p) {
  if (p >= m->p_end - 1) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->src_end || *s != *p) return NULL;
  int b = *p, e = *(p + 1), cont = 1;
  while (++s < m->src_end) {
    spend(m, 1);
    if (*s == e) {
      if (--cont == 0) return s + 1;
    } else if (*s == b) {
      cont++;
    }
  }
  return NULL;
}

static const char *max_expand(matcher *m, const char *s, const char *p, const char *ep) {
  ptrdiff_t i = 0;
  while (single_match(m, s + i, p, ep)) {
    i++;
    spend(m, 1);
  }
  while (i >= 0) {
    const char *res = match(m, s + i, ep + 1);
    if (res) return res;
    i--;
  }
  return NULL;
}

static const char *min_expand(matcher *m, const char *s, const char *p, const char *ep) {
  for (;;) {
    const char *res = match(m, s, ep + 1);
    if (res) return res;
    if (!single_match(m, s, p, ep)) return NULL;
    s++;
  }
}

static const char *start_capture(matcher *m, const char *s, const char *p, int what) {
  int level = m->level;
  if (level >= CAPTURES_MAX) luaL_error(m->L, "too many captures");
  m->capture[level].init = s;
  m->capture[level].len = what;
  m->level = (unsigned char)(level + 1);
  const char *res = match(m, s, p);
  if (!res) m->level--;
  return res;
}

static const char *end_capture(matcher *m, const char *s, const char *p) {
  int l = capture_to_close(m);
  m->capture[l].len = s - m->capture[l].init;
  const char *res = match(m, s, p);
  if (!res) m->capture[l].len = CAP_UNFINISHED;
  return res;
}

static const char *match_capture(matcher *m, const char *s, int l) {
  l = check_capture(m, l);
  size_t len = (size_t)m->capture[l].len;
  if (len > 64) spend(m, (int64_t)(len < (size_t)(m->src_end - s) ? len / 64 : 1));
  if ((size_t)(m->src_end - s) >= len && memcmp(m->capture[l].init, s, len) == 0) return s + len;
  return NULL;
}

static const char *match(matcher *m, const char *s, const char *p) {
  if (m->depth-- == 0) luaL_error(m->L, "pattern too complex");
init:
  spend(m, 1);
  if (p != m->p_end) {
    switch (*p) {
      case '(':
        if (*(p + 1) == ')') s = start_capture(m, s, p + 2, CAP_POSITION);
        else s = start_capture(m, s, p + 1, CAP_UNFINISHED);
        break;
      case ')': s = end_capture(m, s, p + 1); break;
      case '$':
        if ((p + 1) != m->p_end) goto other;
        s = (s == m->src_end) ? s : NULL;
        break;
      case ESC:
        switch (*(p + 1)) {
          case 'b':
            s = match_balance(m, s, p + 2);
            if (s) {
              p += 4;
              goto init;
            }
            break;
          case 'f': {
            p += 2;
            if (*p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
            const char *ep = class_end(m, p);
            char previous = (s == m->src_init) ? '\0' : *(s - 1);
            if (!bracket_class(uc(previous), p, ep - 1) && bracket_class(uc(*s), p, ep - 1)) {
              p = ep;
              goto init;
            }
            s = NULL;
            break;
          }
          case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
            s = match_capture(m, s, uc(*(p + 1)));
            if (s) {
              p += 2;
              goto init;
            }
            break;
          default: goto other;
        }
        break;
      default:
      other: {
        const char *ep = class_end(m, p);
        if (!single_match(m, s, p, ep)) {
          if (*ep == '*' || *ep == '?' || *ep == '-') {
            p = ep + 1;
            goto init;
          }
          s = NULL;
          break;
        }
        switch (*ep) {
          case '?': {
            const char *res = match(m, s + 1, ep + 1);
            if (res) {
              s = res;
              break;
            }
            p = ep + 1;
            goto init;
          }
          case '+': s = max_expand(m, s + 1, p, ep); break;
          case '*': s = max_expand(m, s, p, ep); break;
          case '-': s = min_expand(m, s, p, ep); break;
          default:
            s++;
            p = ep;
            goto init;
        }
        break;
      }
    }
  }
  m->depth++;
  return s;
}

/* ---- captures ---- */

/* Length of capture l, its start in *cap; a position capture is pushed and answers CAP_POSITION. */
static ptrdiff_t get_capture(matcher *m, int l, const char *s, const char *e, const char **cap) {
  if (l >= m->level) {
    if (l != 0) luaL_error(m->L, "invalid capture index %%%d", l + 1);
    *cap = s;
    return e - s;
  }
  ptrdiff_t len = m->capture[l].len;
  *cap = m->capture[l].init;
  if (len == CAP_UNFINISHED) luaL_error(m->L, "unfinished capture");
  else if (len == CAP_POSITION) lua_pushinteger(m->L, (m->capture[l].init - m->src_init) + 1);
  return len;
}

static void push_capture(matcher *m, int l, const char *s, const char *e) {
  const char *cap;
  ptrdiff_t n = get_capture(m, l, s, e, &cap);
  if (n != CAP_POSITION) lua_pushlstring(m->L, cap, (size_t)n);
}

static int push_captures(matcher *m, const char *s, const char *e) {
  int n = (m->level == 0 && s) ? 1 : m->level;
  luaL_checkstack(m->L, n, "too many captures");
  for (int i = 0; i < n; i++) push_capture(m, i, s, e);
  return n;
}

static void begin(matcher *m, lua_State *L, const char *s, size_t ls, const char *p, size_t lp) {
  m->L = L;
  m->s = peri_state_of(L);
  m->src_init = s;
  m->src_end = s + ls;
  m->p_end = p + lp;
  m->depth = DEPTH_MAX;
  m->level = 0;
}

static void again(matcher *m) {
  m->level = 0;
  m->depth = DEPTH_MAX;
}

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
  matcher m;
  if (init > ls) {
    luaL_pushfail(L);
    return 1;
  }
  begin(&m, L, s, ls, p, lp);
  if (find && (lua_toboolean(L, 4) || is_plain(p, lp))) {
    spend(&m, 1 + (int64_t)((ls - init) / 256));
    const char *found = lp == 0 ? s + init : memmem(s + init, ls - init, p, lp);
    if (found) {
      lua_pushinteger(L, (found - s) + 1);
      lua_pushinteger(L, (lua_Integer)((size_t)(found - s) + lp));
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
    again(&m);
    const char *e = match(&m, s1, p);
    if (e) {
      if (!find) return push_captures(&m, s1, e);
      lua_pushinteger(L, (s1 - s) + 1);
      lua_pushinteger(L, e - s);
      return push_captures(&m, NULL, 0) + 2;
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
  matcher m;
} all_matches;

static int next_match(lua_State *L) {
  all_matches *g = lua_touserdata(L, lua_upvalueindex(3));
  g->m.L = L;
  for (const char *src = g->src; src <= g->m.src_end; src++) {
    again(&g->m);
    const char *e = match(&g->m, src, g->p);
    if (e && e != g->last) {
      g->src = g->last = e;
      return push_captures(&g->m, src, e);
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
  begin(&g->m, L, s, ls, p, lp);
  g->src = s + init;
  g->p = p;
  g->last = NULL;
  lua_pushcclosure(L, next_match, 3);
  return 1;
}

/* ---- gsub ---- */

static void add_text(matcher *m, size_t base, const char *s, const char *e) {
  lua_State *L = m->L;
  size_t l;
  const char *news = lua_tolstring(L, 3, &l);
  const char *p;
  while ((p = memchr(news, ESC, l)) != NULL) {
    peri_build_put(L, m->s, base, news, (size_t)(p - news));
    p++;
    if (*p == ESC) {
      peri_build_put(L, m->s, base, p, 1);
    } else if (*p == '0') {
      peri_build_put(L, m->s, base, s, (size_t)(e - s));
    } else if (isdigit(uc(*p))) {
      const char *cap;
      ptrdiff_t n = get_capture(m, *p - '1', s, e, &cap);
      if (n == CAP_POSITION) {
        size_t digits;
        cap = lua_tolstring(L, -1, &digits);
        peri_build_put(L, m->s, base, cap, digits);
        lua_pop(L, 1);
      } else {
        peri_build_put(L, m->s, base, cap, (size_t)n);
      }
    } else {
      luaL_error(L, "invalid use of '%c' in replacement string", ESC);
    }
    l -= (size_t)(p + 1 - news);
    news = p + 1;
  }
  peri_build_put(L, m->s, base, news, l);
}

static bool add_value(matcher *m, size_t base, const char *s, const char *e, int type) {
  lua_State *L = m->L;
  switch (type) {
    case LUA_TFUNCTION: {
      lua_pushvalue(L, 3);
      int n = push_captures(m, s, e);
      lua_call(L, n, 1);
      break;
    }
    case LUA_TTABLE:
      push_capture(m, 0, s, e);
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

static void put_char(matcher *m, size_t base, char c) {
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
  matcher m;
  begin(&m, L, src, ls, p, lp);
  size_t base = peri_build_begin(m.s);
  while (n < max) {
    again(&m);
    const char *e = match(&m, src, p);
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
