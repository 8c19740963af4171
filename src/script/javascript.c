/* script/javascript: recognizes a function body written in JavaScript, as older systems kept them, and says the same in Lua.
 *
 * It translates single expressions made of the usual pieces; anything larger it only recognizes. It never runs what it translated:
 * the text goes into an error message, for a person to read. */
#include <string.h>

#include "script/state.h"

typedef struct swap {
  const char *js, *lua; /* lua NULL: known to be JavaScript, but beyond a line of help */
  bool sure;            /* cannot stand in Lua */
} swap;

static const swap swaps[] = {
    {"!==", " ~= ", true},
    {"===", " == ", true},
    {"!=", " ~= ", true},
    {"=>", NULL, true},
    {"&&", " and ", true},
    {"||", " or ", true},
    {"?.", NULL, true},
    {"??", " or ", true},
    {"!", " not ", true},
    {"?", " and ", true},
    {"`", NULL, true},
    {".toLowerCase()", ":lower()", true},
    {".toUpperCase()", ":upper()", true},
    {".trim()", ":match(\"^%s*(.-)%s*$\")", true},
    {".toString()", "", true},
    {".replace(", NULL, true},
    {".split(", NULL, true},
    {".includes(", NULL, true},
    {".startsWith(", NULL, true},
    {".endsWith(", NULL, true},
    {".slice(", NULL, true},
    {".substring(", NULL, true},
    {"new Date", NULL, true},
    {"typeof ", NULL, true},
    {"function (", NULL, false},
    {"JSON.parse(", "decode(", true},
    {"JSON.stringify(", "encode(", true},
    {"parseInt(", "tonumber(", true},
    {"parseFloat(", "tonumber(", true},
    {"Number(", "tonumber(", true},
    {"String(", "tostring(", true},
    {"Boolean(", "not not (", true},
    {"Math.", "math.", true},
    {"undefined", "nil", false},
    {"null", "nil", false},
    {"const ", "local ", true},
    {"let ", "local ", true},
    {"var ", "local ", true},
    {";", " ", false},
};

static bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/* `v => …` and `(v) => …`: cuts the head off; the parameter's name, or nothing */
static peri_str arrow(peri_str *body) {
  peri_str s = *body;
  size_t i = 0;
  bool bracket = s.n > 0 && s.p[0] == '(';
  if (bracket) i++;
  size_t begin = i;
  while (i < s.n && is_name(s.p[i])) i++;
  peri_str name = {s.p + begin, i - begin};
  if (bracket && (i >= s.n || s.p[i++] != ')')) return (peri_str){NULL, 0};
  while (i < s.n && s.p[i] == ' ') i++;
  if (name.n == 0 || i + 2 > s.n || s.p[i] != '=' || s.p[i + 1] != '>') return (peri_str){NULL, 0};
  *body = peri_str_trim(peri_str_from(s, i + 2));
  return name;
}

static size_t skip_string(peri_str s, size_t i) {
  char quote = s.p[i++];
  while (i < s.n && s.p[i] != quote) i += s.p[i] == '\\' ? 2 : 1;
  return i < s.n ? i + 1 : s.n;
}

/* NAME.length in what was written so far becomes #NAME */
static void turn_length(peri_buf *out) {
  size_t begin = out->n;
  while (begin > 0 && is_name(out->p[begin - 1])) begin--;
  if (begin == out->n || !peri_buf_room(out, 1)) return;
  memmove(out->p + begin + 1, out->p + begin, out->n - begin);
  out->p[begin] = '#';
  out->n++;
}

bool peri_javascript_hint(peri_str body, peri_buf *lua) {
  bool found = false, beyond = false, question = false;
  peri_str name = arrow(&body);
  if (name.n) {
    found = true;
    if (body.n && body.p[0] == '{') beyond = true;
    if (!peri_str_is(name, "value")) peri_buf_fmt(lua, "local %.*s = value ", PERI_S(name));
  }
  if (!peri_str_starts(body, PERI_STR("return")) && !peri_str_starts(body, PERI_STR("const ")) && !peri_str_starts(body, PERI_STR("let ")) &&
      !peri_str_starts(body, PERI_STR("var ")))
    peri_buf_c_str(lua, "return ");
  bool text_before = false; /* a string literal ended just before: then + joins */
  for (size_t i = 0; i < body.n;) {
    char c = body.p[i];
    peri_str rest = peri_str_from(body, i);
    if (c == '"' || c == '\'') {
      size_t next = skip_string(body, i);
      peri_buf_put(lua, body.p + i, next - i);
      i = next;
      text_before = true;
      continue;
    }
    if (peri_str_starts(rest, PERI_STR("--"))) { /* a comment of Lua */
      while (i < body.n && body.p[i] != '\n') peri_buf_char(lua, body.p[i++]);
      continue;
    }
    if (peri_str_starts(rest, PERI_STR(".length")) && (rest.n == 7 || (!is_name(rest.p[7]) && rest.p[7] != '('))) {
      found = found || (lua->n >= 5 && memcmp(lua->p + lua->n - 5, "value", 5) == 0);
      turn_length(lua);
      i += 7;
      continue;
    }
    const swap *hit = NULL;
    bool word_before = i > 0 && is_name(body.p[i - 1]);
    for (size_t k = 0; !hit && k < sizeof swaps / sizeof swaps[0]; k++) {
      peri_str js = peri_str_of(swaps[k].js);
      if (!peri_str_starts(rest, js) || (is_name(js.p[0]) && word_before)) continue;
      if (is_name(js.p[js.n - 1]) && js.n < rest.n && is_name(rest.p[js.n])) continue;
      if ((peri_str_is(js, "const ") || peri_str_is(js, "let ") || peri_str_is(js, "var ")) && (rest.n == js.n || !is_name(rest.p[js.n]))) continue;
      hit = &swaps[k];
    }
    if (hit) {
      found = found || hit->sure;
      beyond = beyond || !hit->lua;
      question = question || strcmp(hit->js, "?") == 0;
      if (hit->lua) peri_buf_c_str(lua, hit->lua + (hit->lua[0] == ' ' && lua->n > 0 && lua->p[lua->n - 1] == ' '));
      i += strlen(hit->js);
      text_before = false;
      continue;
    }
    if (c == ':' && question) {
      peri_buf_c_str(lua, lua->n > 0 && lua->p[lua->n - 1] == ' ' ? "or " : " or ");
      question = false;
    } else if (c == '+') {
      size_t k = i + 1;
      while (k < body.n && body.p[k] == ' ') k++;
      bool text_after = k < body.n && (body.p[k] == '"' || body.p[k] == '\'');
      peri_buf_c_str(lua, text_before || text_after ? ".." : "+");
    } else if (!(c == ' ' && lua->n > 0 && lua->p[lua->n - 1] == ' ')) {
      peri_buf_char(lua, c);
    }
    if (c != ' ') text_before = false;
    i++;
  }
  while (lua->n > 0 && lua->p[lua->n - 1] == ' ') lua->n--;
  if (beyond) peri_buf_clear(lua);
  return found;
}
