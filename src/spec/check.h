/* spec/check: what the files of the check share. Not for other rooms: they call peri_spec_check.
 *
 * Start at peri_spec_check (check.c); it goes from word to word: check_word.c holds a word against its row of the table,
 * check_type.c an option against its type, check_leaf.c single values; check_connector.c and check_mapping.c know what
 * one word must know of another. Every function answers true if all is well; false means that the error is written. */
#ifndef PERI_SPEC_CHECK_H
#define PERI_SPEC_CHECK_H

#include "base/map.h"
#include "spec/spec.h"
#include "json/paths.h"

typedef struct peri_check {
  peri_arena *arena;
  peri_str file;
  peri_err *e;
  int *line_out;
  int line;         /* of the nearest word that has one */
  peri_str subject; /* the nearest word: "stream 'lead'", "email" */
  char where[512];  /* below it: "rates.default[2].left" */
  size_t where_n;
  const peri_node *connector; /* the root, if it is one */
  const peri_node *emulator;  /* the same */
  const peri_node *mapping;   /* the same */
  const peri_node *stream;    /* the one that is being checked */
  bool parent_ok, secret_ok;  /* may the holes parent and secret stand here? */
  bool asked;                 /* kinds are questions of `settings` here, not fields */
  peri_map settings;          /* connectors: every name that setting may read */
  peri_paths *paths;          /* only to hold paths against their grammar */
} peri_check;

/* ---- messages (check.c) ---- */
bool peri_check_fail(peri_check *c, peri_str near, const char *format, ...) __attribute__((format(printf, 3, 4)));
peri_str peri_check_here(peri_check *c);                            /* "stream 'lead': full" or "email" */
peri_str peri_check_found(peri_check *c, const peri_node *n);       /* "\"soon\"", "a table", "cursor" */
size_t peri_check_enter(peri_check *c, peri_str key, bool is_text); /* extends `where`; gives what peri_check_leave wants */
size_t peri_check_enter_index(peri_check *c, size_t index);         /* from 0; shown from 1 */
void peri_check_leave(peri_check *c, size_t mark);
#define PERI_NEAR_NONE ((peri_str){NULL, 0})

/* ---- words and options (check_word.c) ---- */
bool peri_check_word(peri_check *c, const peri_node *word);
bool peri_check_route(peri_check *c, const peri_node *request);
bool peri_check_shape(peri_check *c, const peri_shape_spec *shape, const peri_node *n);
bool peri_check_options(peri_check *c, const peri_option_spec *options, size_t count, const peri_node *table);

/* ---- types (check_type.c) ---- */
bool peri_check_type(peri_check *c, const char *type, const peri_node *n);
bool peri_type_next(peri_str *rest, peri_str *alternative); /* cuts the alternatives of a type, one at a time */
void peri_type_noun(peri_str type, peri_buf *out);          /* "a path or a list of paths" */
bool peri_atom_known(peri_str name);

/* ---- single values (check_leaf.c) ---- */
bool peri_is_hole(const peri_node *n); /* a hole's word */
bool peri_is_kind(const peri_node *n);
bool peri_is_request(const peri_node *n);
bool peri_is_slot(const peri_node *n);   /* text, number, boolean, hole, joined, when */
bool peri_is_scalar(const peri_node *n); /* null included */
bool peri_leaf_duration(peri_check *c, const peri_node *n);
bool peri_leaf_size(peri_check *c, const peri_node *n);
bool peri_leaf_rate(peri_check *c, const peri_node *n);
bool peri_leaf_path(peri_check *c, const peri_node *n);
bool peri_leaf_target(peri_check *c, const peri_node *n);
bool peri_leaf_name(peri_check *c, const peri_node *n);
bool peri_leaf_natural(peri_check *c, const peri_node *n);
bool peri_leaf_count(peri_check *c, const peri_node *n);
bool peri_leaf_number(peri_check *c, const peri_node *n);
bool peri_leaf_stamp_form(peri_check *c, const peri_node *n);
bool peri_leaf_dotted(peri_check *c, const peri_node *n);
bool peri_leaf_source(peri_check *c, const peri_node *n);
bool peri_leaf_json(peri_check *c, const peri_node *n);
bool peri_leaf_value(peri_check *c, const peri_node *n);
bool peri_leaf_slot(peri_check *c, const peri_node *n);
bool peri_leaf_data(peri_check *c, const peri_node *n);

/* ---- connectors, streams, emulators (check_connector.c, check_actions.c) ---- */
bool peri_connector_prepare(peri_check *c);
bool peri_connector_whole(peri_check *c);
bool peri_stream_whole(peri_check *c);
bool peri_emulator_whole(peri_check *c);
bool peri_connector_setting(peri_check *c, const peri_node *hole);
bool peri_connector_class(peri_check *c, const peri_node *n);
bool peri_connector_stream_name(peri_check *c, const peri_node *n);
bool peri_connector_each(peri_check *c, const peri_node *n);
bool peri_connector_asked(peri_check *c, const peri_node *n);
bool peri_connector_versions(peri_check *c, const peri_node *n);
bool peri_connector_host(peri_check *c, const peri_node *n);
bool peri_connector_address(peri_check *c, const peri_node *n);
bool peri_check_on(peri_check *c, const peri_node *n);
bool peri_check_actions(peri_check *c, const peri_node *n);

/* ---- mappings (check_mapping.c) ---- */
bool peri_mapping_whole(peri_check *c);
bool peri_mapping_fields(peri_check *c, const peri_node *n);
bool peri_mapping_change(peri_check *c, const peri_node *n);
bool peri_mapping_rejects(peri_check *c, const peri_node *n);

#endif
