/* core/remap: stored records through the mapping in force, without a request: rejects first, then rows, then what was left out. Interruptible at any
 * batch; what is done is done, and running it again does the rest. Needs no key. */
#ifndef PERI_CORE_REMAP_H
#define PERI_CORE_REMAP_H

#include "core/run.h"

typedef struct peri_remap_options {
  peri_str integration;        /* name */
  peri_str stream_or_entity;   /* "contact"; empty: all */
  bool rejects_only;           /* rejects --replay */
  bool force;                  /* rows of the same plan too */
  void (*progress)(void *self, peri_str entity, const peri_counters *n);
  void *progress_self;
} peri_remap_options;

/* *json: {"integration","entities":{entity:{"records","updated","unchanged","rejected","created"}},"missing":[names that were never asked for]}. */
peri_code peri_remap(peri_engine *g, const peri_project *project, const peri_remap_options *options, peri_buf *json, peri_err *e);

#endif
