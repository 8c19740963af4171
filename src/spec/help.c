/* spec/help: `perilune help WORD` and the reference page, both from the table of words. */
#include "spec/check.h"

/* ---- what the table knows, in words ---- */

static void put_type(peri_buf *out, const char *type) { peri_type_noun(peri_str_of(type), out); }

/* How a word is written: `email "path" { options }`. */
static void put_form(peri_buf *out, const peri_word_spec *w) {
  peri_buf_c_str(out, w->name);
  if (w->what != PERI_WHAT_NONE) {
    const char *what = strstr(w->what_type, "name") || strstr(w->what_type, "text") ? "name" : strstr(w->what_type, "form") ? "form" : "path";
    peri_buf_fmt(out, w->what == PERI_WHAT_MAY ? " [\"%s\"]" : " \"%s\"", what);
  }
  if (!strcmp(w->name, "when"))
    peri_buf_c_str(out, " { value = choice, otherwise = choice }");
  else if (w->option_count)
    peri_buf_c_str(out, " { options }");
}

static void put_option(peri_buf *out, const peri_option_spec *o) {
  peri_buf_fmt(out, "  %-12s %s\n  %-12s takes ", o->name, o->doc, "");
  put_type(out, o->type);
  if (o->required)
    peri_buf_c_str(out, "; required");
  else if (*o->fallback)
    peri_buf_fmt(out, "; default: %s", o->fallback);
  peri_buf_char(out, '\n');
}

static void put_options(peri_buf *out, const peri_option_spec *options, size_t count) {
  if (count) peri_buf_c_str(out, "\nOptions\n");
  for (size_t i = 0; i < count; i++) put_option(out, &options[i]);
}

static void help_word(peri_buf *out, const peri_word_spec *w) {
  put_form(out, w);
  peri_buf_fmt(out, "\n\n%s\n", w->doc);
  if (*w->more) peri_buf_fmt(out, "%s\n", w->more);
  peri_buf_fmt(out, "Stands in: %s.\n", w->stands_in);
  put_options(out, w->options, w->option_count);
}

static void help_shape(peri_buf *out, const peri_shape_spec *s) {
  if (s->action)
    peri_buf_fmt(out, "\"%s\" or { \"%s\", options }: an action of on\n\n%s\n", s->name, s->name, s->doc);
  else
    peri_buf_fmt(out, "%s: %s\n\n%s\n", s->name, s->noun, s->doc);
  put_options(out, s->options, s->option_count);
}

/* ---- groups ---- */

static const struct group {
  const char *title;
  const char *first; /* the group goes from this word to the next group's first */
} groups[] = {{"Files", "connector"},   {"Requests", "get"},           {"Holes", "since"}, {"Pagers", "cursor"},
              {"Credentials", "token"}, {"Choices and rules", "when"}, {"Kinds", "text"}};

static const struct group *group_of(const char *word) {
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
    if (!strcmp(groups[i].first, word)) return &groups[i];
  return NULL;
}

static void help_list(peri_buf *out) {
  peri_buf_fmt(out, "The %zu words of connector, mapping and emulator files\n", peri_word_count);
  for (size_t i = 0; i < peri_word_count; i++) {
    const struct group *g = group_of(peri_words[i].name);
    if (g) peri_buf_fmt(out, "\n%s\n", g->title);
    peri_buf_fmt(out, "  %-10s %s\n", peri_words[i].name, peri_words[i].doc);
  }
  peri_buf_c_str(out, "\nperilune help WORD tells all of one; perilune help WORD.OPTION one option.\n");
}

/* ---- finding what was asked for ---- */

static const peri_option_spec *option_of(const peri_option_spec *options, size_t count, peri_str name) {
  for (size_t i = 0; i < count; i++)
    if (peri_str_is(name, options[i].name)) return &options[i];
  return NULL;
}

/* "email.required" */
static bool help_option(peri_buf *out, peri_str owner, peri_str name) {
  const peri_word_spec *w = peri_word_named(owner);
  const peri_shape_spec *s = w ? NULL : peri_shape_named(owner);
  if (!w && !s && !(s = peri_action_named(owner))) return false;
  const peri_option_spec *options = w ? w->options : s->options;
  size_t count = w ? w->option_count : s->option_count;
  const peri_option_spec *o = option_of(options, count, name);
  if (o) {
    peri_buf_fmt(out, "%.*s.%s\n\n", PERI_S(owner), o->name);
    put_option(out, o);
    return true;
  }
  peri_str near = peri_option_suggest(options, count, name);
  peri_buf_fmt(out, "%.*s has no option '%.*s'", PERI_S(owner), PERI_S(name));
  if (near.n) peri_buf_fmt(out, " (did you mean '%.*s'?)", PERI_S(near));
  peri_buf_char(out, '\n');
  return false;
}

/* An option's name alone: what it is, in each word that has it with a sentence of its own. */
static bool help_everywhere(peri_buf *out, peri_str name) {
  const char *told[32];
  size_t count = 0;
  for (size_t i = 0; i < peri_word_count + peri_shape_count && count < 32; i++) {
    const peri_shape_spec *s = i < peri_word_count ? NULL : &peri_shapes[i - peri_word_count];
    const peri_option_spec *o = s ? option_of(s->options, s->option_count, name) : peri_option_named(&peri_words[i], name);
    if (!o) continue;
    bool seen = false;
    for (size_t k = 0; k < count; k++) seen = seen || told[k] == o->doc;
    if (seen) continue;
    told[count++] = o->doc;
    bool kind = !s && peri_words[i].kind && !strcmp(o->name, "required");
    peri_buf_fmt(out, "%s%s%s\n", kind ? "every kind" : s ? s->name : peri_words[i].name, ".", o->name);
    put_option(out, o);
  }
  return count > 0;
}

bool peri_spec_help(peri_str word, peri_buf *out) {
  peri_str head, tail = peri_str_cut(word, '.', &head);
  if (word.n == 0 || peri_str_is(word, "words")) {
    help_list(out);
    return true;
  }
  const peri_word_spec *w = peri_word_named(word);
  const peri_shape_spec *s = peri_shape_named(word), *action = peri_action_named(word);
  if (w) help_word(out, w);
  if (s && !w) help_shape(out, s);
  if (action) help_shape(out, action);
  if (w || s || action) return true;
  if (tail.n && (peri_word_named(head) || peri_shape_named(head) || peri_action_named(head))) return help_option(out, head, tail);
  if (help_everywhere(out, word)) return true;
  peri_str near = peri_word_suggest(head);
  peri_buf_fmt(out, "there is no word '%.*s'", PERI_S(word));
  if (near.n) peri_buf_fmt(out, " (did you mean '%.*s'?)", PERI_S(near));
  peri_buf_c_str(out, "; perilune help words lists them\n");
  return false;
}

/* ---- the reference page ---- */

/* A cell of a Markdown table: no bars, no line ends. */
static void put_cell(peri_buf *out, const char *text) {
  for (; *text; text++) {
    if (*text == '|') peri_buf_char(out, '\\');
    peri_buf_char(out, *text == '\n' ? ' ' : *text);
  }
}

static void page_options(peri_buf *out, const peri_option_spec *options, size_t count) {
  if (!options || !count) return;
  peri_buf_c_str(out, "\n| option | takes | default | meaning |\n|---|---|---|---|\n");
  for (size_t i = 0; i < count; i++) {
    peri_buf noun = {0};
    put_type(&noun, options[i].type);
    peri_buf_fmt(out, "| `%s` | ", options[i].name);
    put_cell(out, peri_buf_c(&noun));
    peri_buf_c_str(out, " | ");
    put_cell(out, options[i].required ? "required" : options[i].fallback);
    peri_buf_c_str(out, " | ");
    put_cell(out, options[i].doc);
    peri_buf_c_str(out, " |\n");
    peri_buf_fini(&noun);
  }
}

/* Options that stand in every kind are told once. */
static size_t shared_by_kinds(void) {
  const peri_word_spec *plain = peri_word_named(PERI_STR("email"));
  return plain->option_count;
}

/* A line of Lua, then prose; or either alone. */
static void page_more(peri_buf *out, const char *more) {
  peri_str code, prose = peri_str_cut(peri_str_of(more), '\n', &code);
  bool lua = memchr(code.p, '=', code.n) || memchr(code.p, '{', code.n) || memchr(code.p, '(', code.n);
  if (!lua) prose = peri_str_of(more);
  if (lua) peri_buf_fmt(out, "\n```lua\n%.*s\n```\n", PERI_S(code));
  if (prose.n) peri_buf_fmt(out, "\n%.*s\n", PERI_S(prose));
}

static void page_words(peri_buf *out) {
  bool kinds = false;
  for (size_t i = 0; i < peri_word_count; i++) {
    const peri_word_spec *w = &peri_words[i];
    const struct group *g = group_of(w->name);
    if (g) peri_buf_fmt(out, "\n## %s\n", g->title);
    if (w->kind && !kinds) {
      peri_buf_c_str(out, "\nEvery kind takes these options:\n");
      page_options(out, w->options, shared_by_kinds());
      kinds = true;
    }
    peri_buf_fmt(out, "\n### %s\n\n`", w->name);
    put_form(out, w);
    peri_buf_fmt(out, "`\n\n%s Stands in: %s.\n", w->doc, w->stands_in);
    page_more(out, w->more);
    size_t skip = w->kind ? shared_by_kinds() : 0;
    bool repeated = i > 0 && w->options && w->options == peri_words[i - 1].options && !w->kind;
    if (repeated)
      peri_buf_fmt(out, "\nTakes the options of `%s`.\n", peri_words[i - 1].name);
    else
      page_options(out, w->options ? w->options + skip : NULL, w->option_count - skip);
  }
}

void peri_spec_reference(peri_buf *markdown) {
  peri_buf_fmt(markdown, "<!-- written by `make docs` from src/spec; edit the table of words there -->\n# The %zu words\n\n", peri_word_count);
  peri_buf_c_str(markdown, "One sentence shape for everything: `kind \"what it reads\" { how }`. An option `x` and `{ x }` mean the same.\n");
  page_words(markdown);
  for (int actions = 0; actions < 2; actions++) {
    peri_buf_c_str(markdown, actions ? "\n## Actions of `on`\n\nWritten `\"wait\"`, or `{ \"wait\", time = \"10s\" }` with options.\n"
                                     : "\n## Tables of known options\n");
    for (size_t i = 0; i < peri_shape_count; i++) {
      const peri_shape_spec *s = &peri_shapes[i];
      if (s->action != (actions == 1)) continue;
      peri_buf_fmt(markdown, "\n### %s\n\n%s\n", s->name, s->doc);
      page_options(markdown, s->options, s->option_count);
    }
  }
}
