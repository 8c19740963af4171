/* core/lua_pattern: see the header. A backtracking matcher with a budget of steps, so that a header made to be slow only fails to match. */
#include "core/lua_pattern.h"

#define STEPS_MAX 20000
#define CAPTURES_MAX 8

typedef struct match {
  const char *p_end, *t_end;
  const char *from[CAPTURES_MAX], *to[CAPTURES_MAX];
  int opened, steps;
} match;

static bool alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool digit(char c) { return c >= '0' && c <= '9'; }

static bool in_class(char c, char name) {
  bool is;
  switch (name | 32) {
  case 'a': is = alpha(c); break;
  case 'd': is = digit(c); break;
  case 'l': is = c >= 'a' && c <= 'z'; break;
  case 'u': is = c >= 'A' && c <= 'Z'; break;
  case 's': is = c == ' ' || (c >= '\t' && c <= '\r'); break;
  case 'w': is = alpha(c) || digit(c); break;
  case 'x': is = digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); break;
  default: return c == name; /* an escaped literal */
  }
  return name >= 'A' && name <= 'Z' ? !is : is;
}

/* Where the item at p ends: a literal, an escape, or a set. */
static const char *item_end(const match *m, const char *p) {
  if (*p == '%') return p + 1 < m->p_end ? p + 2 : m->p_end;
  if (*p != '[') return p + 1;
  p++;
  if (p < m->p_end && *p == '^') p++;
  if (p < m->p_end && *p == ']') p++;
  while (p < m->p_end && *p != ']') p += *p == '%' && p + 1 < m->p_end ? 2 : 1;
  return p < m->p_end ? p + 1 : m->p_end;
}

static bool in_set(const char *p, const char *end, char c) {
  bool negated = p + 1 < end && p[1] == '^';
  for (p += negated ? 2 : 1; p < end - 1; p++) {
    if (*p == '%' && p + 1 < end - 1) {
      if (in_class(c, *++p)) return !negated;
    } else if (p + 2 < end - 1 && p[1] == '-') {
      if ((unsigned char)c >= (unsigned char)p[0] && (unsigned char)c <= (unsigned char)p[2]) return !negated;
      p += 2;
    } else if (*p == c) return !negated;
  }
  return negated;
}

static bool single(const match *m, const char *p, const char *end, const char *t) {
  if (t >= m->t_end) return false;
  if (*p == '.') return true;
  if (*p == '%') return end - p == 2 && in_class(*t, p[1]);
  if (*p == '[') return in_set(p, end, *t);
  return *p == *t;
}

static const char *go(match *m, const char *p, const char *t) {
  while (p < m->p_end) {
    if (++m->steps > STEPS_MAX) return NULL;
    if (*p == '(') {
      if (m->opened == CAPTURES_MAX) return NULL;
      int n = m->opened++;
      m->from[n] = t;
      m->to[n] = NULL;
      const char *r = go(m, p + 1, t);
      if (!r) m->opened = n;
      return r;
    }
    if (*p == ')') {
      int n = m->opened - 1;
      while (n >= 0 && m->to[n]) n--;
      if (n < 0) return NULL;
      m->to[n] = t;
      const char *r = go(m, p + 1, t);
      if (!r) m->to[n] = NULL;
      return r;
    }
    if (*p == '$' && p + 1 == m->p_end) return t == m->t_end ? t : NULL;
    const char *end = item_end(m, p);
    char how = end < m->p_end ? *end : 0;
    if (how == '*' || how == '+' || how == '-') {
      const char *least = t, *most = t;
      if (how == '+') {
        if (!single(m, p, end, t)) return NULL;
        least = ++most;
      }
      if (how == '-')
        for (;; least++) {
          const char *r = go(m, end + 1, least);
          if (r) return r;
          if (m->steps > STEPS_MAX || !single(m, p, end, least)) return NULL;
        }
      while (single(m, p, end, most)) most++;
      for (; most >= least; most--) {
        const char *r = go(m, end + 1, most);
        if (r || m->steps > STEPS_MAX) return r;
      }
      return NULL;
    }
    if (how == '?') {
      const char *r = single(m, p, end, t) ? go(m, end + 1, t + 1) : NULL;
      return r ? r : go(m, end + 1, t);
    }
    if (!single(m, p, end, t)) return NULL;
    p = end;
    t++;
  }
  return t;
}

int peri_lua_captures(peri_str pattern, peri_str text, peri_str *captures, int max) {
  match m = {.p_end = pattern.p + pattern.n, .t_end = text.p + text.n};
  bool anchored = pattern.n && pattern.p[0] == '^';
  if (!pattern.n || !text.p || max < 1) return 0;
  for (const char *t = text.p; t <= m.t_end; t++) {
    m.opened = 0;
    const char *end = go(&m, pattern.p + (anchored ? 1 : 0), t);
    if (end && !m.opened) {
      captures[0] = (peri_str){t, (size_t)(end - t)};
      return 1;
    }
    if (end) {
      int n = m.opened < max ? m.opened : max;
      for (int i = 0; i < n; i++) {
        if (!m.to[i]) return 0;
        captures[i] = (peri_str){m.from[i], (size_t)(m.to[i] - m.from[i])};
      }
      return n;
    }
    if (anchored || m.steps > STEPS_MAX) return 0;
  }
  return 0;
}
