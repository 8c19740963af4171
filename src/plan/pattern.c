/* plan/pattern: finds a Lua 5.4 pattern in a text with Lua's semantics (classes, sets, - + * ?, %b, %f, captures and back references).
 * Refuses to run past its budget of steps: `.-.-.-b` over a long text is cubic. Returns no captures; nobody here needs them. */
#include "plan/pattern.h"

#include <stddef.h>

#define CAPTURES_MAX 32
#define OPEN (-1)
#define POSITION (-2)
#define NEST_MAX 200 /* as Lua's own MAXCCALLS */

typedef struct state {
  const char *src, *src_end, *pat_end;
  long steps;
  bool broken; /* out of budget */
  int depth, level;
  struct {
    const char *at;
    ptrdiff_t n;
  } capture[CAPTURES_MAX];
} state;

/* ASCII by hand: isalpha and its kin follow the locale, and Lua's scripts run in "C" */
static bool lower(unsigned char c) { return c >= 'a' && c <= 'z'; }
static bool upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }
static bool digit(unsigned char c) { return c >= '0' && c <= '9'; }
static bool graphic(unsigned char c) { return c > ' ' && c < 127; }

static bool in_class(unsigned char c, unsigned char class) {
  bool is;
  switch (class | 32) {
  case 'a': is = lower(c) || upper(c); break;
  case 'c': is = c < 32 || c == 127; break;
  case 'd': is = digit(c); break;
  case 'g': is = graphic(c); break;
  case 'l': is = lower(c); break;
  case 'p': is = graphic(c) && !lower(c) && !upper(c) && !digit(c); break;
  case 's': is = c == ' ' || (c >= 9 && c <= 13); break;
  case 'u': is = upper(c); break;
  case 'w': is = lower(c) || upper(c) || digit(c); break;
  case 'x': is = digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f' && (lower(c) || upper(c))); break;
  default: return class == c;
  }
  if (!lower(class) && !upper(class)) return class == c;
  return upper(class) ? !is : is;
}

/* End of the single class that starts at p. The pattern is checked: no bounds to fear. */
static const char *class_end(const state *m, const char *p) {
  char c = *p++;
  if (c == '%') return p + 1;
  if (c != '[') return p;
  if (*p == '^') p++;
  do {
    c = *p++;
    if (c == '%') p++;
  } while (p < m->pat_end && *p != ']');
  return p + 1;
}

/* p at '[', last at its ']' */
static bool in_set(unsigned char c, const char *p, const char *last) {
  bool sense = true;
  if (p[1] == '^') {
    sense = false;
    p++;
  }
  while (++p < last) {
    if (*p == '%') {
      p++;
      if (in_class(c, (unsigned char)*p)) return sense;
    } else if (p[1] == '-' && p + 2 < last) {
      p += 2;
      if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p) return sense;
    } else if ((unsigned char)*p == c) {
      return sense;
    }
  }
  return !sense;
}

static bool single(const state *m, const char *s, const char *p, const char *end) {
  if (s >= m->src_end) return false;
  unsigned char c = (unsigned char)*s;
  switch (*p) {
  case '.': return true;
  case '%': return in_class(c, (unsigned char)p[1]);
  case '[': return in_set(c, p, end - 1);
  default: return (unsigned char)*p == c;
  }
}

static bool step(state *m) {
  if (--m->steps < 0) m->broken = true;
  return !m->broken;
}

static const char *match(state *m, const char *s, const char *p);

static const char *balance(state *m, const char *s, const char *p) {
  if (s >= m->src_end || *s != *p) return NULL;
  char open = p[0], close = p[1];
  int depth = 1;
  while (++s < m->src_end) {
    if (!step(m)) return NULL;
    if (*s == close) {
      if (--depth == 0) return s + 1;
    } else if (*s == open) {
      depth++;
    }
  }
  return NULL;
}

static const char *most(state *m, const char *s, const char *p, const char *end) {
  ptrdiff_t i = 0;
  while (single(m, s + i, p, end)) {
    if (!step(m)) return NULL;
    i++;
  }
  for (; i >= 0; i--) {
    const char *r = match(m, s + i, end + 1);
    if (r || m->broken) return r;
  }
  return NULL;
}

static const char *least(state *m, const char *s, const char *p, const char *end) {
  for (;;) {
    const char *r = match(m, s, end + 1);
    if (r || m->broken) return r;
    if (!single(m, s, p, end)) return NULL;
    s++;
  }
}

static const char *start_capture(state *m, const char *s, const char *p, ptrdiff_t what) {
  m->capture[m->level].at = s;
  m->capture[m->level].n = what;
  m->level++;
  const char *r = match(m, s, p);
  if (!r) m->level--;
  return r;
}

static const char *end_capture(state *m, const char *s, const char *p) {
  int l = m->level - 1;
  while (l >= 0 && m->capture[l].n != OPEN) l--;
  if (l < 0) return NULL;
  m->capture[l].n = s - m->capture[l].at;
  const char *r = match(m, s, p);
  if (!r) m->capture[l].n = OPEN;
  return r;
}

static const char *back_reference(const state *m, const char *s, char c) {
  int l = c - '1';
  if (l < 0 || l >= m->level || m->capture[l].n < 0) return NULL;
  size_t n = (size_t)m->capture[l].n;
  return (size_t)(m->src_end - s) >= n && memcmp(m->capture[l].at, s, n) == 0 ? s + n : NULL;
}

static bool frontier(const state *m, const char *s, const char *set, const char *end) {
  unsigned char before = s == m->src ? 0 : (unsigned char)s[-1], here = s < m->src_end ? (unsigned char)*s : 0;
  return !in_set(before, set, end - 1) && in_set(here, set, end - 1);
}

static const char *match_here(state *m, const char *s, const char *p) {
  while (p < m->pat_end) {
    if (!step(m)) return NULL;
    if (*p == '(') return p[1] == ')' ? start_capture(m, s, p + 2, POSITION) : start_capture(m, s, p + 1, OPEN);
    if (*p == ')') return end_capture(m, s, p + 1);
    if (*p == '$' && p + 1 == m->pat_end) return s == m->src_end ? s : NULL;
    if (*p == '%' && p[1] == 'b') {
      s = balance(m, s, p + 2);
      if (!s) return NULL;
      p += 4;
      continue;
    }
    if (*p == '%' && p[1] == 'f') {
      const char *end = class_end(m, p + 2);
      if (!frontier(m, s, p + 2, end)) return NULL;
      p = end;
      continue;
    }
    if (*p == '%' && digit((unsigned char)p[1])) {
      s = back_reference(m, s, p[1]);
      if (!s) return NULL;
      p += 2;
      continue;
    }
    const char *end = class_end(m, p);
    char suffix = end < m->pat_end ? *end : 0;
    if (suffix == '*') return most(m, s, p, end);
    if (suffix == '-') return least(m, s, p, end);
    bool here = single(m, s, p, end);
    if (suffix == '+') return here ? most(m, s + 1, p, end) : NULL;
    if (suffix == '?') {
      if (here) {
        const char *r = match(m, s + 1, end + 1);
        if (r || m->broken) return r;
      }
      p = end + 1;
      continue;
    }
    if (!here) return NULL;
    s++;
    p = end;
  }
  return s;
}

static const char *match(state *m, const char *s, const char *p) {
  if (m->depth >= NEST_MAX) { /* Lua raises "pattern too complex" */
    m->broken = true;
    return NULL;
  }
  m->depth++;
  const char *r = match_here(m, s, p);
  m->depth--;
  return r;
}

peri_pattern_found peri_pattern_find(peri_str text, peri_str pattern, long steps) {
  state m = {.src = text.p ? text.p : "", .steps = steps};
  m.src_end = m.src + text.n;
  m.pat_end = pattern.p + pattern.n;
  const char *p = pattern.p, *s = m.src;
  bool anchored = pattern.n > 0 && *p == '^';
  if (anchored) p++;
  do {
    m.level = 0;
    if (match(&m, s, p)) return PERI_PATTERN_YES;
    if (m.broken) return PERI_PATTERN_BUDGET;
  } while (s++ < m.src_end && !anchored);
  return PERI_PATTERN_NO;
}

/* ---- is it well made? ---- */

/* *p stands behind '['. */
static const char *set_check(const char **p, const char *end) {
  if (*p < end && **p == '^') (*p)++;
  do {
    if (*p >= end) return "malformed pattern (missing ']')";
    if (*(*p)++ == '%') {
      if (*p >= end) return "malformed pattern (missing ']')";
      (*p)++;
    }
  } while (*p >= end || **p != ']');
  (*p)++;
  return NULL;
}

static const char *percent_check(const char **p, const char *end, int level, const bool *closed) {
  if (*p >= end) return "malformed pattern (ends with '%')";
  char c = *(*p)++;
  if (c == 'b') {
    if (end - *p < 2) return "malformed pattern (missing arguments to '%b')";
    *p += 2;
  } else if (c == 'f') {
    if (*p >= end || **p != '[') return "missing '[' after '%f' in pattern";
    (*p)++;
    return set_check(p, end);
  } else if (digit((unsigned char)c)) {
    int l = c - '1';
    if (l < 0 || l >= level || !closed[l]) return "invalid capture index in pattern";
  }
  return NULL;
}

const char *peri_pattern_check(peri_str pattern) {
  const char *p = pattern.p, *end = pattern.p + pattern.n, *wrong = NULL;
  int level = 0, open[CAPTURES_MAX], open_count = 0;
  bool closed[CAPTURES_MAX] = {false};
  if (pattern.n && *p == '^') p++;
  while (p < end && !wrong) {
    char c = *p++;
    if (c == '%')
      wrong = percent_check(&p, end, level, closed);
    else if (c == '[')
      wrong = set_check(&p, end);
    else if (c == '(') {
      if (level >= CAPTURES_MAX) return "too many captures";
      if (p < end && *p == ')') {
        p++;
        level++; /* a position: no text to refer back to */
      } else {
        open[open_count++] = level++;
      }
    } else if (c == ')') {
      if (!open_count) return "invalid pattern capture";
      closed[open[--open_count]] = true;
    }
  }
  if (!wrong && open_count) wrong = "unfinished capture";
  return wrong;
}
