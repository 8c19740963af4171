/* spec/spec: the one table of words. From it come the loader's words, every check and its "did you mean",
 * `perilune help WORD`, the editor stubs, the reference page and the shell completions of words. */
#ifndef PERI_SPEC_SPEC_H
#define PERI_SPEC_SPEC_H

#include "spec/tree.h"

typedef enum peri_what { PERI_WHAT_NONE, PERI_WHAT_MUST, PERI_WHAT_MAY } peri_what; /* has the word a "what it reads"? */

typedef struct peri_option_spec {
  const char *name;
  const char *type;     /* the small grammar of types that check.c reads: "text", "bool", "int", "duration", "size", "path", "paths",
                           "request", "table", "func", "choice:reject|null|default|keep", "any", joined with `/` for alternatives */
  const char *fallback; /* default, as shown to a reader; "" if none */
  const char *doc;      /* one sentence */
} peri_option_spec;

typedef struct peri_word_spec {
  const char *name;
  peri_what what;
  const char *what_type; /* "path", "paths", "name", "url", … */
  bool hole;             /* joins with `..` */
  bool kind;             /* one of the 18 kinds */
  const char *stands_in;
  const char *doc;       /* one sentence */
  const char *more;      /* longer help: conversions, an example; may be "" */
  const peri_option_spec *options;
  size_t option_count;
} peri_word_spec;

extern const peri_word_spec peri_words[];
extern const size_t peri_word_count;
const peri_word_spec *peri_word_named(peri_str name);
const peri_option_spec *peri_option_named(const peri_word_spec *word, peri_str name);

/* Checks a whole tree: words where they may stand, options known and of their type, required ones present, holes where the
 * language allows them, actions and other checked texts, versions that define the same names, parent without each, … .
 * On the first mistake: false, e->text = "FILE:LINE: …", with "did you mean" where something is near; *line the line. */
bool peri_spec_check(const peri_tree *tree, peri_err *e, int *line);

/* Text for `perilune help WORD` (word, option "email.required", or "" for the list of words); false if there is no such word,
 * then the text suggests one. */
bool peri_spec_help(peri_str word, peri_buf *out);
void peri_spec_reference(peri_buf *markdown); /* docs/reference/words.md */
void peri_spec_stubs(peri_buf *lua);          /* lua/perilune.meta.lua, `---@meta` for LuaLS */

#endif
