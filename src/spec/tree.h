/* spec/tree: a script file after it ran: words, texts, tables and functions as plain data in an arena.
 *
 * script/ makes it from Lua values (in the worker), spec/check holds it against the table of words, plan/ compiles mappings
 * from it (worker), core/connector compiles connectors from it (core). It crosses the wall as JSON; functions cross as
 * numbers, and only the worker can call them. */
#ifndef PERI_SPEC_TREE_H
#define PERI_SPEC_TREE_H

#include "base/err.h"
#include "base/mem.h"
#include "json/tree.h"

/* A tree that a script made may share and repeat its nodes without end; these two end it. */
#define PERI_TREE_DEPTH_MAX 40     /* words and tables inside each other; times three it stays below PERI_JSON_DEPTH_MAX */
#define PERI_TREE_NODES_MAX 200000 /* nodes of one file, shared ones counted each time; a big connector has 3,000 */

typedef enum peri_ntype {
  PERI_N_NULL, /* the word `null` */
  PERI_N_BOOL,
  PERI_N_INT,
  PERI_N_NUM,
  PERI_N_TEXT,
  PERI_N_TABLE, /* items (1..n) and members; members in the order of their first word's making, then by key */
  PERI_N_WORD,  /* a word: name, what, options */
  PERI_N_JOIN,  /* texts and holes joined with `..`: items */
  PERI_N_FUNC   /* a Lua function: number */
} peri_ntype;

typedef struct peri_node peri_node;
struct peri_node {
  peri_ntype type;
  int line;     /* where it was made; 0 for plain values (then the nearest word's line counts) */
  uint32_t seq; /* number of making, words only: the order of fields */
  union {
    bool b;
    int64_t i;
    double d;
    peri_str text; /* TEXT */
    int fn;        /* FUNC */
  } u;
  peri_str file;     /* FUNC: where it is written; WORD of a resolved mapping: its file; else empty, and the tree's path counts. Does not cross the wall */
  peri_str source;   /* FUNC: hash of its text and of what it closes over, for plan hashes */
  peri_str word;     /* WORD: its name */
  peri_node *what;   /* WORD: what it reads; NULL if none */
  peri_node *opts;   /* WORD: its options, a TABLE; NULL if none */
  peri_node **items; /* TABLE, JOIN */
  size_t item_count;
  struct peri_member *members; /* TABLE: string keys; integer keys beyond the list part and booleans too, as text "404", "true" */
  size_t member_count;
};

typedef struct peri_member {
  peri_str key;
  bool key_is_text; /* false: the Lua key was a number or a boolean */
  peri_node *value;
} peri_member;

/* One loaded file. */
typedef struct peri_tree {
  peri_str path;   /* "mappings/hubspot/contact.lua" */
  peri_node *root; /* a WORD connector, mapping or emulator */
} peri_tree;

/* Takes NULL, answers NULL: chains need no checks. */
peri_node *peri_node_get(const peri_node *table_or_word, const char *key); /* of a word: its option */
peri_node *peri_node_get_str(const peri_node *table_or_word, peri_str key);
bool peri_node_is(const peri_node *n, const char *word); /* a WORD of that name */
/* Rule 3 of the language: `x` and `{ x, … }` mean the same. Gives x. */
peri_node *peri_node_value(const peri_node *n);
peri_str peri_node_text(const peri_node *n); /* TEXT; {NULL,0} otherwise */
peri_str peri_node_opt_text(const peri_node *n, const char *option);
bool peri_node_opt_bool(const peri_node *n, const char *option, bool fallback);
int64_t peri_node_opt_int(const peri_node *n, const char *option, int64_t fallback);

peri_node *peri_node_new(peri_arena *a, peri_ntype type);
peri_node *peri_node_of_text(peri_arena *a, peri_str text);
void peri_node_push(peri_arena *a, peri_node *table, peri_node *item);
void peri_node_set(peri_arena *a, peri_node *table, peri_str key, peri_node *value); /* replaces */

void peri_node_set_key(peri_arena *a, peri_node *table, peri_str key, bool key_is_text, peri_node *value); /* replaces; 404 and "404" are two */

/* JSON form, for the wall, for generations in the database and for hashes. Deterministic.
 *   null true 12 "text"                       as they are; a text that is no UTF-8 is {"x":"hex"}
 *   {"d":0.5} {"d":"inf"}                     floats, so that 1.0 stays apart from 1
 *   [1,2]                                     a table with a list part only
 *   {"m":["key",value,{"k":"404"},value]}     a table with members (a key that was no text in {"k":…}); "i" holds its list part
 *   {"w":"email","l":4,"q":12,"a":…,"o":…}    a word: line, number of making, what it reads, options; absent ones are left out
 *   {"j":[…],"l":4}  {"f":3,"l":9,"s":"hash"}  joined texts and holes; a function
 * The line of plain texts, numbers and booleans is not kept. A tree deeper than PERI_TREE_DEPTH_MAX marks `out` as over;
 * writing stops as soon as `out` is over, so give it a ceiling. */
void peri_node_put(peri_buf *out, const peri_node *n);
/* Trusts nothing: unknown forms, wrong types and negative numbers are refused (PERI_INVALID). The texts borrow from `json`. */
peri_node *peri_node_read(peri_arena *a, const peri_json *json, peri_err *e);

#endif
