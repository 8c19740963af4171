/* core/remap: stored records through a mapping, without a request: rejects first, then rows, then what was left out. Interruptible at any
 * batch; what is done is done, and running it again does the rest. Needs no key. With a preview nothing is written: the same records in the same order
 * go to somebody who compares (core/preview). */
#ifndef PERI_CORE_REMAP_H
#define PERI_CORE_REMAP_H

#include "core/run.h"

typedef struct peri_preview {
  void *self;
  void (*begin)(void *self, peri_run *r, const peri_mapping_info *mapping);
  /* in place of the writing, on the writer thread; `counted` as peri_store_remap would have it */
  peri_code (*batch)(void *self, const peri_commit *batch, peri_counters *counted, peri_err *e);
} peri_preview;

typedef struct peri_remap_options {
  peri_str integration;        /* name */
  peri_str stream_or_entity;   /* "contact"; empty: all */
  bool rejects_only;           /* rejects --replay */
  peri_reject_filter filter;   /* which rejects; its entity is not looked at */
  bool changed_only;           /* only rejects that another plan made */
  int64_t most;                /* so many rejects at most; 0: all */
  bool force;                  /* rows of the same plan too */
  bool rollback;               /* what only the plan before made of refused records is taken back */
  const peri_preview *preview; /* NULL: write */
  void (*progress)(void *self, peri_str entity, const peri_counters *n);
  void *progress_self;
} peri_remap_options;

/* *json: {"integration","runId","entities":{entity:{"records","created","updated","unchanged","rejected","deleted","skipped"}},
 * "missing":[names that were never asked for],"stopped"}. */
peri_code peri_remap(peri_engine *g, const peri_project *project, const peri_remap_options *options, peri_buf *json, peri_err *e);
/* The same beside runs, without blocking the loop; project and the texts in the options must live until done, which comes once and may take the JSON.
 * Never start one while a run of the same integration is under way, unless that run waits for it. */
void peri_remap_start(peri_engine *g, const peri_project *project, const peri_remap_options *options, void (*done)(void *self, peri_buf *json, const peri_err *e), void *self);

/* At the start of a run: rejects that another plan than the one in force made are tried with this one, as a run of their own; what it refuses too then
 * bears its name and waits for the next change. r->replayed: the JSON as above; empty if there was nothing to do. A failure is logged: it is the sync's
 * own business a moment later. done: once, perhaps at once. */
void peri_replay_changed(peri_run *r, void (*done)(peri_run *r));

#endif
