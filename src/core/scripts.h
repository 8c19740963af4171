/* core/scripts: the script files in force, loaded in a worker and known to the core: the compiled connector of a type, the mappings and what they read.
 * The core checks every tree again: a worker is not believed. */
#ifndef PERI_CORE_SCRIPTS_H
#define PERI_CORE_SCRIPTS_H

#include "core/connector.h"
#include "core/pool.h"
#include "core/project.h"
#include "store/catalog.h"

typedef struct peri_mapping_info {
  peri_str path;          /* "mappings/hubspot/contact.lua" */
  peri_str from, entity;  /* "hubspot.contact", "contact" */
  peri_str hash;          /* of its plan */
  const peri_json *plan;  /* peri_plan_describe */
} peri_mapping_info;

typedef struct peri_script_failure { peri_str path, message; int64_t line; peri_code code; } peri_script_failure;

typedef struct peri_scripts {
  peri_arena *arena;
  peri_buf load;                     /* the LOAD payload, for starting the run's worker with the same set */
  const peri_json *loaded;           /* LOADED as it came */
  peri_connector *connector;         /* NULL if none was asked for or it was refused */
  peri_mapping_info *mappings; size_t mapping_count;
  peri_script_failure *failures; size_t failure_count;
  int64_t examples;                  /* how many ran and held */
} peri_scripts;

typedef struct peri_scripts_want {
  const char *type;          /* connector and mappings of this type; NULL: all files */
  peri_str integration;      /* its name, for mappings/@NAME/; empty: none */
  bool examples;
  bool rows_alone;           /* leave the mapping files out: the rows of data_mappings make the mappings */
  bool key_free;             /* nothing will be stored: mappings made of rows alone may go without a key */
  peri_str rows;             /* JSON array in place of the stored rows: a set that is to be tried; empty: the stored ones */
  peri_str settings;         /* JSON object or empty */
  peri_str discovered;       /* JSON object or empty */
  uint64_t hash_seed;
} peri_scripts_want;

/* store may be NULL (then there are no rows of data_mappings). Failing files are listed, not fatal: see peri_scripts_need. */
peri_code peri_scripts_load(const peri_project *project, peri_store *store, const peri_scripts_want *want, peri_scripts **out, peri_err *e);
/* The same on a loop, without blocking it: done comes later, once, with the scripts (the caller's now) or with what went wrong. A code here: it never
 * began, and done does not come. */
peri_code peri_scripts_start(uv_loop_t *loop, const peri_project *project, peri_store *store, const peri_scripts_want *want,
                             void (*done)(void *self, peri_scripts *scripts, const peri_err *e), void *self, peri_err *e);
void peri_scripts_close(peri_scripts *s);
/* "mappings/hubspot/contact.lua:5: what is wrong", whether or not the message names the place itself. */
void peri_failure_text(const peri_script_failure *f, peri_buf *out);
/* Is what this type needs whole? SCRIPT_REFUSED with the first failure of its connector or of a mapping of it. */
peri_code peri_scripts_need(const peri_scripts *s, peri_str type, peri_err *e);
/* Mappings of one stream, "hubspot.contact", in order of path. */
size_t peri_scripts_of_stream(const peri_scripts *s, peri_str type, peri_str stream, const peri_mapping_info **out, size_t most);
/* Worker config from perilune.lua's limits is in `config`. */
void peri_scripts_limits(const peri_scripts *s, peri_worker_config *config);

#endif
