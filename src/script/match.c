/* script/match: the matcher behind Lua's patterns, with a budget. It makes no text and calls no function of a script.
 *
 * Follows lstrlib.c of Lua 5.4 (Copyright 1994-2022 Lua.org, PUC-Rio, MIT licence) step by step, so that patterns mean exactly what
 * they mean in Lua, messages included. Different: each step counts against the budget of the call. */
#include "script/match.h"

#include <ctype.h>
#include <string.h>

static unsigned char uc(char c) { return (unsigned char)c; }

void peri_match_begin(peri_matcher *m, lua_State *L, const char *s, size_t ls, const char *p, size_t lp) {
  m->L = L;
  m->s = peri_state_of(L);
  m->src_init = s;
  m->src_end = s + ls;
  m->p_end = p + lp;
  m->depth = PERI_MATCH_DEPTH_MAX;
  m->level = 0;
}

static int check_capture(peri_matcher *m, int l) {
  l -= '1';
  if (l < 0 || l >= m->level || m->capture[l].len == PERI_CAPTURE_UNFINISHED) return luaL_error(m->L, "invalid capture index %%%d", l + 1);
  return l;
}

static int capture_to_close(peri_matcher *m) {
  int level = m->level;
  for (level--; level >= 0; level--)
    if (m->capture[level].len == PERI_CAPTURE_UNFINISHED) return level;
  return luaL_error(m->L, "invalid pattern capture");
}

static const char *class_end(peri_matcher *m, const char *p) {
  switch (*p++) {
    case PERI_PATTERN_ESC:
      if (p == m->p_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
      return p + 1;
    case '[':
      if (*p == '^') p++;
      do {
        if (p == m->p_end) luaL_error(m->L, "malformed pattern (missing ']')");
        if (*(p++) == PERI_PATTERN_ESC && p < m->p_end) p++;
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
    if (*p == PERI_PATTERN_ESC) {
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

static bool single_match(peri_matcher *m, const char *s, const char *p, const char *ep) {
  if (s >= m->src_end) return false;
  int c = uc(*s);
  switch (*p) {
    case '.': return true;
    case PERI_PATTERN_ESC: return single_class(c, uc(*(p + 1)));
    case '[':
      if (ep - p > 64) peri_match_spend(m, (ep - p) / 64); /* a class may be as long as the source allows */
      return bracket_class(c, p, ep - 1);
    default: return uc(*p) == c;
  }
}

static const char *match_balance(peri_matcher *m, const char *s, const char *p) {
  if (p >= m->p_end - 1) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->src_end || *s != *p) return NULL;
  char b = *p, e = *(p + 1);
  int cont = 1;
  while (++s < m->src_end) {
    peri_match_spend(m, 1);
    if (*s == e) {
      if (--cont == 0) return s + 1;
    } else if (*s == b) {
      cont++;
    }
  }
  return NULL;
}

static const char *max_expand(peri_matcher *m, const char *s, const char *p, const char *ep) {
  ptrdiff_t i = 0;
  while (single_match(m, s + i, p, ep)) {
    i++;
    peri_match_spend(m, 1);
  }
  while (i >= 0) {
    const char *res = peri_match_here(m, s + i, ep + 1);
    if (res) return res;
    i--;
  }
  return NULL;
}

static const char *min_expand(peri_matcher *m, const char *s, const char *p, const char *ep) {
  for (;;) {
    const char *res = peri_match_here(m, s, ep + 1);
    if (res) return res;
    if (!single_match(m, s, p, ep)) return NULL;
    s++;
  }
}

static const char *start_capture(peri_matcher *m, const char *s, const char *p, int what) {
  int level = m->level;
  if (level >= PERI_CAPTURES_MAX) luaL_error(m->L, "too many captures");
  m->capture[level].init = s;
  m->capture[level].len = what;
  m->level = (unsigned char)(level + 1);
  const char *res = peri_match_here(m, s, p);
  if (!res) m->level--;
  return res;
}

static const char *end_capture(peri_matcher *m, const char *s, const char *p) {
  int l = capture_to_close(m);
  m->capture[l].len = s - m->capture[l].init;
  const char *res = peri_match_here(m, s, p);
  if (!res) m->capture[l].len = PERI_CAPTURE_UNFINISHED;
  return res;
}

static const char *match_capture(peri_matcher *m, const char *s, int l) {
  l = check_capture(m, l);
  size_t len = (size_t)m->capture[l].len;
  if (len > 64) peri_match_spend(m, (int64_t)(len < (size_t)(m->src_end - s) ? len / 64 : 1));
  if ((size_t)(m->src_end - s) >= len && memcmp(m->capture[l].init, s, len) == 0) return s + len;
  return NULL;
}

const char *peri_match_here(peri_matcher *m, const char *s, const char *p) {
  if (m->depth-- == 0) luaL_error(m->L, "pattern too complex");
init:
  peri_match_spend(m, 1);
  if (p != m->p_end) {
    switch (*p) {
      case '(':
        if (*(p + 1) == ')') s = start_capture(m, s, p + 2, PERI_CAPTURE_POSITION);
        else s = start_capture(m, s, p + 1, PERI_CAPTURE_UNFINISHED);
        break;
      case ')': s = end_capture(m, s, p + 1); break;
      case '$':
        if ((p + 1) != m->p_end) goto other;
        s = (s == m->src_end) ? s : NULL;
        break;
      case PERI_PATTERN_ESC:
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
            const char *res = peri_match_here(m, s + 1, ep + 1);
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

ptrdiff_t peri_match_capture(peri_matcher *m, int l, const char *s, const char *e, const char **cap) {
  if (l >= m->level) {
    if (l != 0) luaL_error(m->L, "invalid capture index %%%d", l + 1);
    *cap = s;
    return e - s;
  }
  ptrdiff_t len = m->capture[l].len;
  *cap = m->capture[l].init;
  if (len == PERI_CAPTURE_UNFINISHED) luaL_error(m->L, "unfinished capture");
  else if (len == PERI_CAPTURE_POSITION) lua_pushinteger(m->L, (m->capture[l].init - m->src_init) + 1);
  return len;
}

void peri_match_push(peri_matcher *m, int l, const char *s, const char *e) {
  const char *cap;
  ptrdiff_t n = peri_match_capture(m, l, s, e, &cap);
  if (n != PERI_CAPTURE_POSITION) lua_pushlstring(m->L, cap, (size_t)n);
}

int peri_match_push_all(peri_matcher *m, const char *s, const char *e) {
  int n = (m->level == 0 && s) ? 1 : m->level;
  luaL_checkstack(m->L, n, "too many captures");
  for (int i = 0; i < n; i++) peri_match_push(m, i, s, e);
  return n;
}
