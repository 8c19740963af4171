/* script/scan: a look at a source text before Lua's compiler sees it. Text only; it refuses what Lua 5.4.4 can be hurt with.
 *
 * Refused: byte code, bytes that are not UTF-8, `<close>`, a fourth value of a generic `for` (it is closed silently), the names
 * `_ENV`, `__gc`, `__mode`, `__close`, nesting past the cap, thousands of index steps in one function (the name finder recurses
 * once for each), a file that is too long. It tokenizes and matches blocks; syntax errors are left to Lua, which words them well. */
#include <stdio.h>
#include <string.h>

#include "script/state.h"

typedef enum token { T_END, T_NAME, T_STRING, T_NUMBER, T_SYMBOL } token;

typedef enum frame { F_PAREN, F_BRACKET, F_BRACE, F_FUNCTION, F_IF, F_DO, F_REPEAT, F_LOOP_HEAD, F_FOR_HEAD, F_FOR_IN } frame;

typedef struct scanner {
  const char *p, *end;
  int line;
  peri_str text; /* of the token; of a string: what is between its quotes, raw */
  peri_err *e;
} scanner;

static bool name_start(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool digit(unsigned char c) { return c >= '0' && c <= '9'; }

/* [[ … ]] and [=[ … ]=] at p: its level, or -1 */
static int long_level(const scanner *x, const char *p) {
  int level = 0;
  if (p >= x->end || *p != '[') return -1;
  for (p++; p < x->end && *p == '='; p++) level++;
  return p < x->end && *p == '[' ? level : -1;
}

static void skip_long(scanner *x, int level) {
  const char *begin = x->p + level + 2;
  x->p = begin;
  while (x->p < x->end) {
    if (*x->p == '\n') x->line++;
    if (*x->p == ']') {
      const char *q = x->p + 1;
      int n = 0;
      while (q < x->end && *q == '=' && n < level) q++, n++;
      if (n == level && q < x->end && *q == ']') {
        x->text = (peri_str){begin, (size_t)(x->p - begin)};
        x->p = q + 1;
        return;
      }
    }
    x->p++;
  }
  x->text = (peri_str){begin, 0};
}

static void skip_quoted(scanner *x, char quote) {
  const char *begin = ++x->p;
  while (x->p < x->end && *x->p != quote && *x->p != '\n') {
    if (*x->p == '\\' && x->p + 1 < x->end) {
      x->p++;
      if (*x->p == '\n') x->line++;
      if (*x->p == 'z') { /* \z skips white space, lines too */
        while (x->p + 1 < x->end && strchr(" \t\r\n\v\f", x->p[1])) {
          x->p++;
          if (*x->p == '\n') x->line++;
        }
      }
    }
    x->p++;
  }
  x->text = (peri_str){begin, (size_t)(x->p - begin)};
  if (x->p < x->end && *x->p == quote) x->p++;
}

static token next(scanner *x) {
  for (;;) {
    if (x->p >= x->end) return T_END;
    unsigned char c = (unsigned char)*x->p;
    if (c == '\n') x->line++;
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      x->p++;
      continue;
    }
    if (c == '-' && x->p + 1 < x->end && x->p[1] == '-') {
      x->p += 2;
      int level = long_level(x, x->p);
      if (level >= 0) skip_long(x, level);
      else
        while (x->p < x->end && *x->p != '\n') x->p++;
      continue;
    }
    const char *begin = x->p;
    if (name_start(c)) {
      while (x->p < x->end && (name_start((unsigned char)*x->p) || digit((unsigned char)*x->p))) x->p++;
      x->text = (peri_str){begin, (size_t)(x->p - begin)};
      return T_NAME;
    }
    if (digit(c) || (c == '.' && x->p + 1 < x->end && digit((unsigned char)x->p[1]))) {
      while (x->p < x->end) {
        unsigned char d = (unsigned char)*x->p;
        if (!name_start(d) && !digit(d) && d != '.' && !((d == '+' || d == '-') && strchr("eEpP", x->p[-1]))) break;
        x->p++;
      }
      x->text = (peri_str){begin, (size_t)(x->p - begin)};
      return T_NUMBER;
    }
    if (c == '"' || c == '\'') {
      skip_quoted(x, (char)c);
      return T_STRING;
    }
    int level = c == '[' ? long_level(x, x->p) : -1;
    if (level >= 0) {
      skip_long(x, level);
      return T_STRING;
    }
    static const char *const doubles[] = {"...", "..", "::", "==", "~=", "<=", ">=", "//", "<<", ">>"};
    size_t n = 1;
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
      size_t k = strlen(doubles[i]);
      if ((size_t)(x->end - x->p) >= k && memcmp(x->p, doubles[i], k) == 0) {
        n = k;
        break;
      }
    }
    x->text = (peri_str){begin, n};
    x->p += n;
    return T_SYMBOL;
  }
}

typedef struct open_frame {
  frame kind;
  int commas; /* of a for … in */
  int steps;  /* of a function: index steps so far */
} open_frame;

typedef struct state {
  open_frame stack[PERI_SOURCE_NESTING_MAX + 1];
  int depth;
} state;

static bool push(state *st, frame kind) {
  if (st->depth >= PERI_SOURCE_NESTING_MAX) return false;
  st->stack[++st->depth] = (open_frame){kind, 0, 0};
  return true;
}

static void pop(state *st, frame kind) {
  if (st->depth > 0 && st->stack[st->depth].kind == kind) st->depth--;
}

static open_frame *top(state *st) { return &st->stack[st->depth]; }

static open_frame *function_around(state *st) {
  int i = st->depth;
  while (i > 0 && st->stack[i].kind != F_FUNCTION) i--;
  return &st->stack[i]; /* 0 is the file itself */
}

/* false: too deep */
static bool keyword(state *st, peri_str t) {
  frame kind = top(st)->kind;
  if (peri_str_is(t, "function")) return push(st, F_FUNCTION);
  if (peri_str_is(t, "if")) return push(st, F_IF);
  if (peri_str_is(t, "repeat")) return push(st, F_REPEAT);
  if (peri_str_is(t, "while")) return push(st, F_LOOP_HEAD);
  if (peri_str_is(t, "for")) return push(st, F_FOR_HEAD);
  if (peri_str_is(t, "in") && kind == F_FOR_HEAD) top(st)->kind = F_FOR_IN;
  if (peri_str_is(t, "do")) {
    if (kind == F_LOOP_HEAD || kind == F_FOR_HEAD || kind == F_FOR_IN) top(st)->kind = F_DO;
    else return push(st, F_DO);
  }
  if (peri_str_is(t, "until")) pop(st, F_REPEAT);
  if (peri_str_is(t, "end") && st->depth > 0 && (kind == F_DO || kind == F_IF || kind == F_FUNCTION)) st->depth--;
  return true;
}

static bool bracket(state *st, char c) {
  switch (c) {
    case '(': return push(st, F_PAREN);
    case '[': return push(st, F_BRACKET);
    case '{': return push(st, F_BRACE);
    case ')': pop(st, F_PAREN); break;
    case ']': pop(st, F_BRACKET); break;
    case '}': pop(st, F_BRACE); break;
    default: break;
  }
  return true;
}

static bool forbidden(peri_str t) { return peri_str_is(t, "__gc") || peri_str_is(t, "__mode") || peri_str_is(t, "__close"); }

static peri_code tokens(peri_str bytes, peri_err *e, int *line) {
  scanner x = {.p = bytes.p, .end = bytes.p + bytes.n, .line = 1, .e = e};
  state st = {.depth = 0};
  st.stack[0] = (open_frame){F_FUNCTION, 0, 0};
  token before = T_SYMBOL;
  peri_str before_text = {"", 0};
  bool close_begun = false; /* `<` close */
  for (;;) {
    token t = next(&x);
    *line = x.line;
    if (t == T_END) break;
    bool deep_ok = true;
    bool close_now = false;
    if (t == T_NAME || t == T_STRING) {
      if (forbidden(x.text)) return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s is not for scripts", PERI_S(x.text));
      if (t == T_NAME && peri_str_is(x.text, "_ENV")) return peri_fail(e, PERI_SCRIPT_REFUSED, "_ENV is not for scripts");
      close_now = t == T_NAME && peri_str_is(x.text, "close") && before == T_SYMBOL && peri_str_is(before_text, "<");
      if (t == T_NAME) deep_ok = keyword(&st, x.text);
    } else if (t == T_SYMBOL) {
      char c = x.text.p[0];
      if (close_begun && c == '>') return peri_fail(e, PERI_SCRIPT_REFUSED, "<close> is not for scripts");
      bool indexes = x.text.n == 1 && (c == '.' || (c == '[' && (before == T_NAME || before == T_STRING || (before == T_SYMBOL && strchr(")]}", before_text.p[0])))));
      if (indexes && ++function_around(&st)->steps > PERI_INDEX_STEPS_MAX)
        return peri_fail(e, PERI_SCRIPT_REFUSED, "more than %d index steps in one function; split it", PERI_INDEX_STEPS_MAX);
      if (c == ',' && top(&st)->kind == F_FOR_IN && ++top(&st)->commas > 2)
        return peri_fail(e, PERI_SCRIPT_REFUSED, "a fourth value after 'in' is not for scripts");
      if (x.text.n == 1) deep_ok = bracket(&st, c);
    }
    if (!deep_ok)
      return peri_fail(e, PERI_SCRIPT_REFUSED, "more than %d tables, calls or blocks stand inside each other", PERI_SOURCE_NESTING_MAX);
    close_begun = close_now;
    before = t;
    before_text = x.text;
  }
  *line = 0;
  return PERI_OK;
}

peri_code peri_scan(peri_str path, peri_str *bytes, peri_err *e, int *line) {
  int unread;
  if (!line) line = &unread;
  *line = 0;
  if (bytes->n > PERI_SOURCE_BYTES_MAX)
    return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: it has %zu bytes; a script file may have %d", PERI_S(path), bytes->n, (int)PERI_SOURCE_BYTES_MAX);
  if (bytes->n > 0 && bytes->p[0] == '\x1b') return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: it is byte code; a script is text", PERI_S(path));
  if (bytes->n >= 3 && memcmp(bytes->p, "\xef\xbb\xbf", 3) == 0) *bytes = peri_str_from(*bytes, 3);
  if (bytes->n > 0 && bytes->p[0] == '#') { /* #!: the line is left empty, so that line numbers hold */
    const char *end = memchr(bytes->p, '\n', bytes->n);
    *bytes = peri_str_from(*bytes, end ? (size_t)(end - bytes->p) : bytes->n);
  }
  if (!peri_utf8_valid(*bytes)) {
    peri_str rest = *bytes, head = {NULL, 0};
    while (rest.n > 0) {
      ++*line;
      rest = peri_str_cut(rest, '\n', &head);
      if (!peri_utf8_valid(head)) break;
    }
    return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s:%d: it is not UTF-8 text", PERI_S(path), *line);
  }
  peri_code code = tokens(*bytes, e, line);
  if (code != PERI_OK) peri_err_prefix(e, "%.*s:%d", PERI_S(path), *line);
  return code;
}
