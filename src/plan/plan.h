/* plan/plan: a mapping compiled once, and records turned into rows by it.
 *
 * compile: mapping tree (+ what it extends, + rows of data_mappings, + settings and labels) -> slots, conversions, functions.
 * run: the filled slots of one record -> rows, rejects, skips. No I/O, no Lua here: functions are called through peri_caller. */
#ifndef PERI_PLAN_PLAN_H
#define PERI_PLAN_PLAN_H

#include "plan/value.h"
#include "spec/tree.h"
#include "json/paths.h"

#define PERI_PLAN_COMPILER 1 /* part of every plan hash: raise it when the same mapping would give other rows */

/* ---- before compiling: pure work on trees ---- */

/* Finds the tree of a mapping by its name "hubspot/contact" (mappings/ and .lua left off). */
typedef struct peri_mapping_lookup {
  void *self;
  const peri_tree *(*find)(void *self, peri_str name);
} peri_mapping_lookup;

/* extends, change, drop resolved (chains allowed, loops refused): a mapping WORD whose fields are complete. Function numbers stay valid. */
peri_code peri_mapping_resolve(peri_arena *a, const peri_tree *tree, const peri_mapping_lookup *lookup, peri_node **mapping, peri_err *e, int *line);

/* Lays rows of data_mappings (a JSON array of the seed's columns plus options) over a mapping, or over an empty one made for `from` and
 * `entity` if mapping is NULL. `body` compiles a Lua body to a function number (peri_script_body behind it). A mistake names the row. */
typedef peri_code (*peri_body_compiler)(void *self, peri_str name, peri_str body, int *fn, peri_err *e);
peri_code peri_mapping_overlay(peri_arena *a, const peri_node *mapping, peri_str type, peri_str entity, const peri_json *rows,
                               peri_body_compiler body, void *self, peri_node **out, peri_err *e);

/* ---- compiling ---- */

typedef struct peri_plan peri_plan;
typedef struct peri_plan_source {
  const peri_node *mapping;    /* resolved WORD mapping */
  peri_str path;               /* its file, for rejects: "mappings/hubspot/contact.lua" */
  const peri_json *settings;   /* object: settings of the integration; may be NULL */
  const peri_json *discovered; /* object: path or name -> {"label","type","options":[{"value","label"}]}; may be NULL */
  const peri_node *stream_key; /* the stream's key, when the mapping names none: TEXT or TABLE of texts */
  bool key_free;               /* a row may go without a key: a preview that is not stored; without any key "id" is read */
  const peri_str *files;       /* paths of all files that it is made of, told by describe; may be NULL */
  size_t file_count;
  peri_str sources_hash;       /* digest of all files that the mapping is made of (its own, extends, use): part of the plan's hash, because
                                  the tree does not hold the text of functions; may be empty, then the lines of functions count */
} peri_plan_source;
/* NULL: *line (0 if unknown) and e->text say what is wrong; the text names neither file nor line. The plan borrows from `mapping` and lives in `a`.
 */
peri_plan *peri_plan_compile(peri_arena *a, const peri_plan_source *source, peri_err *e, int *line);

/* Adds the paths that it reads to the sets of a page walk and remembers its slots. Call once per view. */
typedef struct peri_plan_view peri_plan_view;
peri_plan_view *peri_plan_view_new(peri_arena *a, const peri_plan *plan, peri_paths *record_set, peri_paths *parent_set, peri_err *e);

/* For LOADED, `mappings show`, views, wanted and lineage: a JSON object
 * {"entity","from","integration","rowsPath","hash","key":[paths],"fields":[{"name","kind","type":"text|integer|number|boolean|json","paths":[…],
 *  "line","required","lua":["transform","validate"],"lineage":"…"}],"reads":[paths],"rest":[prefixes],"parents":[paths],"files":[paths],"settings":[names],"rules":[…]}
 */
void peri_plan_describe(const peri_plan *plan, peri_buf *out);
const char *peri_plan_hash(
    const peri_plan *plan); /* 32 hex digits over mapping, functions' sources (as given in the tree), settings and labels read, PERI_PLAN_COMPILER */
peri_str peri_plan_entity(const peri_plan *plan);

/* ---- running ---- */

typedef enum peri_verdict { PERI_ROW = 1, PERI_REJECT, PERI_SKIP } peri_verdict;

typedef struct peri_reject {
  peri_str external_id, entity, field, code, message, file, value_shown; /* code: required type rule validate invalid_json script_… */
  int line;
  peri_str also; /* JSON array of further failures of the same record; may be empty */
} peri_reject;

typedef struct peri_row {
  peri_verdict verdict;
  peri_str key;       /* external id of the row */
  peri_str data;      /* ROW: JSON object text */
  peri_str warnings;  /* JSON array of texts; empty if none */
  peri_reject reject; /* REJECT */
} peri_row;

typedef struct peri_record_in {
  uint32_t index;
  peri_str raw;
  const peri_slot *slots;        /* of the view's record set */
  const peri_slot *parent_slots; /* may be NULL */
  const peri_json_fault *fault;  /* the record is no sound JSON: it becomes one reject invalid_json */
  peri_str headers_json;         /* for `header:` paths; may be empty */
  peri_buf *trace;               /* as a rule NULL; else the way of its values is appended: JSON {"entity","plan","rows":[{"fields":[{"name","kind","file","line","how",
                                    "read":[{"path","value"}],"steps":[{"step","file","line","value"}],"checks":[text],"failed":{…},"value"}],"key","verdict","rule"}]};
                                    a value over PERI_TRACED_BYTES_MAX is a text that ends in "…", with its "bytes" beside it */
  peri_str context;              /* stored parent values (JSON object with literal dotted keys), used where parent_slots is NULL */
} peri_record_in;

/* Maps one record; rows and all their texts live in `arena`. A mapping without `rows` gives exactly one row (or skip); with `rows`,
 * any number. Never fails: what goes wrong is a reject. caller->broken afterwards means: replace the VM, the record is script_memory. */
void peri_plan_run(const peri_plan_view *view, peri_caller *caller, const peri_record_in *record, peri_arena *arena, peri_row **rows, size_t *count);

/* "unique" rules look back over a whole run: forget at its start. */
void peri_plan_run_begins(const peri_plan *plan);

/* Runs the examples of a mapping; false and e/line on the first that does not hold ("example 2: email: expected …, got …"). */
bool peri_plan_examples(peri_arena *a, const peri_plan *plan, const peri_node *mapping, peri_caller *caller, int *ran, peri_err *e, int *line);

/* ---- also used by the worker for a stream's own words ---- */

/* Converts `updated` (a kind word with a path) of a record into its position: ms for datetimes and dates, micro-units for decimals, the value for
 * integers. */
typedef struct peri_stamp peri_stamp;
peri_stamp *peri_stamp_compile(peri_arena *a, const peri_node *updated, peri_paths *record_set, peri_err *e);
bool peri_stamp_read(const peri_stamp *s, const peri_slot *slots, int64_t *position);

#endif
