/* core/trace: one stored record through the mapping of a project, as it is or was, told step by step (plan/plan.h has the JSON). In a worker with all its
 * walls, like every mapping. Writes nothing and asks no API. */
#ifndef PERI_CORE_TRACE_H
#define PERI_CORE_TRACE_H

#include "core/run.h"

typedef struct peri_trace_record {
  peri_str integration, entity; /* integration: its name */
  peri_str raw, context;        /* as stored */
} peri_trace_record;

/* *json: the trace, checked to be sound; empty where the entity has no mapping, or the record never reached it. NOT_FOUND: no stream makes that entity. */
peri_code peri_trace(peri_engine *g, const peri_project *project, const peri_trace_record *record, peri_buf *json, peri_err *e);

#endif
