/* core/preview: what a mapping would change of what is stored, counted record by record as remap would write it. Writes nothing: it reads beside whoever
 * writes. Memory does not grow with the number of records. */
#ifndef PERI_CORE_PREVIEW_H
#define PERI_CORE_PREVIEW_H

#include "core/remap.h"

typedef struct peri_preview_options {
  peri_str integration, entity;
  void (*row)(void *self, peri_str json); /* one line for each record that was looked at; may be NULL */
  void *row_self;
  void (*progress)(void *self, peri_str entity, const peri_counters *n);
  void *progress_self;
} peri_preview_options;

/* *json: {"integration","plan","records","created","updated","unchanged","rejected","newlyRejected","newlyAccepted","deleted","skipped",
 * "fields":[{"name","set","cleared","changed","samples":[{"id","old","new"}]}],"rejects":[{"id","field","code","message"}],"missing":[names],"stopped"} */
peri_code peri_preview_run(peri_engine *g, const peri_project *project, const peri_preview_options *o, peri_buf *json, peri_err *e);

#endif
