/* spec/stubs: the words as declarations for the Lua language server, so that an editor completes words and options, shows
 * their sentences, and marks wrong ones. The declarations are never run. */
#include "spec/check.h"

/* The language server's type of an atom; "any" where its types are too coarse to help. */
static const char *lua_atom(peri_str atom) {
  static const char *const types[][2] = {{"bool", "boolean"},
                                         {"natural", "integer"},
                                         {"count", "integer"},
                                         {"number", "number"},
                                         {"bound", "number|string"},
                                         {"func", "function"},
                                         {"table", "table"},
                                         {"list", "any[]"},
                                         {"map", "table"},
                                         {"slot", "perilune.slot"},
                                         {"hole", "perilune.hole"},
                                         {"host", "perilune.slot"},
                                         {"address", "perilune.slot"},
                                         {"request", "perilune.request"},
                                         {"route", "perilune.request"},
                                         {"pager", "perilune.pager"},
                                         {"auth", "perilune.auth"},
                                         {"stream", "perilune.stream"},
                                         {"rule", "perilune.rule"},
                                         {"kind", "perilune.kind"},
                                         {"asked", "perilune.kind"},
                                         {"stamp", "perilune.kind"},
                                         {"on", "table"},
                                         {"fields", "table<string, perilune.kind|perilune.when|table>"},
                                         {"change", "table<string, table>"},
                                         {"rejects", "table<string, string>"},
                                         {"versions", "table"},
                                         {"each", "string|table"},
                                         {"any", "any"},
                                         {"data", "any"},
                                         {"scalar", "any"},
                                         {"value", "any"},
                                         {"actions", "any"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (peri_str_is(atom, types[i][0])) return types[i][1];
  return "string"; /* path, duration, rate, name, … */
}

static void put_type(peri_buf *out, peri_str type) {
  peri_str one;
  for (bool first = true; peri_type_next(&type, &one); first = false) {
    if (!first) peri_buf_char(out, '|');
    peri_str in = {one.p + 1, one.n > 2 ? one.n - 2 : 0};
    if (one.p[0] == '[') {
      put_type(out, in);
      peri_buf_c_str(out, "|(");
      put_type(out, in);
      peri_buf_c_str(out, ")[]");
    } else if (one.p[0] == '{') {
      peri_buf_c_str(out, "table<string, ");
      put_type(out, in);
      peri_buf_char(out, '>');
    } else if (peri_str_starts(one, PERI_STR("when<")))
      peri_buf_c_str(out, "perilune.when");
    else if (peri_str_starts(one, PERI_STR("choice:"))) {
      peri_str rest = peri_str_from(one, strlen("choice:")), name;
      for (bool begin = true; rest.n; begin = false) {
        rest = peri_str_cut(rest, '|', &name);
        peri_buf_fmt(out, begin ? "\"%.*s\"" : "|\"%.*s\"", PERI_S(name));
      }
    } else if (peri_str_starts(one, PERI_STR("shape:"))) {
      const peri_shape_spec *s = peri_shape_named(peri_str_from(one, strlen("shape:")));
      peri_buf_fmt(out, "perilune.%s", s->name);
      if (*s->first) {
        peri_buf_char(out, '|');
        put_type(out, peri_str_of(s->first));
      }
    } else
      peri_buf_c_str(out, lua_atom(one));
  }
}

static void put_fields(peri_buf *out, const peri_option_spec *options, size_t count) {
  for (size_t i = 0; i < count; i++) {
    peri_buf_fmt(out, "---@field %s%s ", options[i].name, options[i].required ? "" : "?");
    put_type(out, peri_str_of(options[i].type));
    peri_buf_fmt(out, " %s", options[i].doc);
    if (*options[i].fallback) peri_buf_fmt(out, " Default: %s.", options[i].fallback);
    peri_buf_char(out, '\n');
  }
}

/* What a word is, for the options that take it. */
static const char *family(const peri_word_spec *w) {
  static const char *const families[][2] = {{"get", "request"},    {"post", "request"}, {"put", "request"}, {"patch", "request"},
                                            {"delete", "request"}, {"cursor", "pager"}, {"link", "pager"},  {"count", "pager"},
                                            {"token", "auth"},     {"basic", "auth"},   {"oauth2", "auth"}, {"stream", "stream"},
                                            {"rule", "rule"},      {"when", "when"}};
  if (w->kind) return "kind";
  if (w->hole) return "hole";
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (!strcmp(w->name, families[i][0])) return families[i][1];
  return "node";
}

static void put_word(peri_buf *out, const peri_word_spec *w) {
  bool when = !strcmp(w->name, "when");
  char options[64] = "table";
  peri_buf_char(out, '\n');
  if (w->option_count && !when) {
    peri_buf_fmt(out, "---@class perilune.%s.options\n", w->name);
    put_fields(out, w->options, w->option_count);
    memcpy(options, "perilune.", 9);
    size_t n = strlen(w->name);
    memcpy(options + 9, w->name, n);
    memcpy(options + 9 + n, ".options", 9);
  }
  if (w->what != PERI_WHAT_NONE && w->option_count)
    peri_buf_fmt(out, "---@class perilune.%s.made: perilune.%s\n---@overload fun(options: %s): perilune.%s\n", w->name, family(w), options,
                 family(w));
  peri_buf_fmt(out, "---%s\n", w->doc);
  const char *made = w->what != PERI_WHAT_NONE && w->option_count ? ".made" : "";
  if (!strcmp(w->name, "null")) {
    peri_buf_c_str(out, "---@type perilune.node\nnull = nil\n");
  } else if (!strcmp(w->name, "use")) {
    peri_buf_c_str(out, "---@param library string\n---@return any\nfunction use(library) end\n");
  } else if (w->what == PERI_WHAT_NONE) {
    peri_buf_fmt(out, "---@param options %s\n---@return perilune.%s\nfunction %s(options) end\n", options, family(w), w->name);
  } else if (w->what == PERI_WHAT_MAY) { /* a hole that may stand alone: a value that can be called */
    peri_buf_fmt(
        out, "---@class perilune.%s.bare: perilune.hole\n---@overload fun(what: string|%s): perilune.%s.made\n---@type perilune.%s.bare\n%s = nil\n",
        w->name, options, w->name, w->name, w->name);
  } else {
    peri_buf_c_str(out, "---@param what ");
    put_type(out, peri_str_of(w->what_type));
    peri_buf_fmt(out, "\n---@return perilune.%s%s\nfunction %s(what) end\n", *made ? w->name : family(w), made, w->name);
  }
}

void peri_spec_stubs(peri_buf *lua) {
  static const char *const families[] = {"request", "pager", "auth", "stream", "rule", "kind", "when"};
  peri_buf_c_str(lua, "---@meta perilune\n-- Declarations of perilune's words for the Lua language server; written by `make docs` from src/spec.\n\n"
                      "---@class perilune.node\n"
                      "---@class perilune.hole: perilune.node\n"
                      "---@operator concat(perilune.hole|string|number): perilune.hole\n"
                      "---@alias perilune.slot string|number|boolean|perilune.hole|perilune.when\n");
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) peri_buf_fmt(lua, "---@class perilune.%s: perilune.node\n", families[i]);
  for (size_t i = 0; i < peri_shape_count; i++) {
    if (peri_shapes[i].action) continue;
    peri_buf_fmt(lua, "\n---%s\n---@class perilune.%s\n", peri_shapes[i].doc, peri_shapes[i].name);
    if (*peri_shapes[i].first) peri_buf_c_str(lua, "---@field [integer] any\n");
    put_fields(lua, peri_shapes[i].options, peri_shapes[i].option_count);
  }
  for (size_t i = 0; i < peri_word_count; i++) put_word(lua, &peri_words[i]);
}
