/* spec/spec: the one table of words. From it come the loader's words, every check and its "did you mean",
 * `perilune help WORD`, the editor stubs, the reference page and the shell completions of words. */
#ifndef PERI_SPEC_SPEC_H
#define PERI_SPEC_SPEC_H

#include "spec/tree.h"

typedef enum peri_what { PERI_WHAT_NONE, PERI_WHAT_MUST, PERI_WHAT_MAY } peri_what; /* has the word a "what it reads"? */

/* What an option takes, as a small grammar (check_type.c reads it, help shows it in words):
 *   text bool int path request …   an atom: the table in check_type.c       a/b       the first that fits
 *   [T]  one T or a list of T       {T}  a table of any names, each a T      when<T>   `when` whose choices are T
 *   choice:reject|null|keep         one of these texts                      shape:job a table of known options (peri_shapes) */
typedef struct peri_option_spec {
  const char *name;
  const char *type;
  const char *fallback; /* default, as shown to a reader; "" if none */
  const char *doc;      /* one sentence */
  bool required;        /* the word or shape can't stand without it */
} peri_option_spec;

typedef struct peri_word_spec {
  const char *name;
  peri_what what;
  const char *what_type; /* "path", "paths", "name", "url", … */
  bool hole;             /* joins with `..` */
  bool kind;             /* one of the 18 kinds */
  const char *stands_in;
  const char *doc;  /* one sentence */
  const char *more; /* longer help: conversions, an example; may be "" */
  const peri_option_spec *options;
  size_t option_count;
} peri_word_spec;

extern const peri_word_spec peri_words[];
extern const size_t peri_word_count;
const peri_word_spec *peri_word_named(peri_str name);
const peri_option_spec *peri_option_named(const peri_word_spec *word, peri_str name);
peri_str peri_word_suggest(peri_str name); /* "did you mean": the nearest word, {NULL,0} if none is near */
peri_str peri_option_suggest(const peri_option_spec *options, size_t count, peri_str name);

/* A plain table of known options: a job, a rate, a webhook, an action of `on`, … . "x" and { "x", option = … } are the same
 * where `first` is not empty. */
typedef struct peri_shape_spec {
  const char *name;  /* "job"; actions are "wait", "retry", … with `action` set */
  const char *noun;  /* "a job" */
  const char *first; /* type of its first item, "" if it has none */
  const char *rest;  /* type of further items, "" if it has none */
  bool action;
  const char *doc;
  const peri_option_spec *options;
  size_t option_count;
} peri_shape_spec;

extern const peri_shape_spec peri_shapes[];
extern const size_t peri_shape_count;
const peri_shape_spec *peri_shape_named(peri_str name);  /* not the actions */
const peri_shape_spec *peri_action_named(peri_str name); /* "wait", "retry", … */

/* Checks a whole tree (its root is a connector, a mapping, an emulator, a stream that `more.make` gave,
 * or a request that `pull` sends): words where they may stand, options known and of their type, required ones present, holes where the
 * language allows them, actions and other checked texts, versions that define the same names, parent without each, … .
 * On the first mistake: false, e->text = "FILE:LINE: …", with "did you mean" where something is near; *line the line. */
bool peri_spec_check(const peri_tree *tree, peri_err *e, int *line);

/* "100/10s" "4/s" "250000/day" -> 100 per 10,000 ms, …; false if it is not a rate. Units: s, m or min, h or hour, d or day. */
bool peri_rate_read(peri_str s, int64_t *many, int64_t *per_ms);

/* Text for `perilune help WORD` (word, option "email.required", or "" or "words" for the list of words); false if there is no such word,
 * then the text suggests one. */
bool peri_spec_help(peri_str word, peri_buf *out);
void peri_spec_reference(peri_buf *markdown); /* docs/reference/words.md */
void peri_spec_stubs(peri_buf *lua);          /* lua/perilune.meta.lua, `---@meta` for LuaLS */

#endif
