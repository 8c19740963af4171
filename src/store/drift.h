/* store/drift: what changed in the fields that an account has, and what became of it. Knows no policy: core/drift decides, this keeps. */
#ifndef PERI_STORE_DRIFT_H
#define PERI_STORE_DRIFT_H

#include "store/store.h"

typedef struct peri_drift_row {
  int64_t seq;                              /* 0: new */
  peri_str stream, field, what, state;      /* as in the table */
  peri_str was, now;                        /* JSON; empty: there was none */
} peri_drift_row;

/* What is not settled: asked, frozen or declined. stream empty: of all. Oldest first. */
peri_code peri_drift_unsettled(peri_store *s, peri_arena *a, peri_str integration_id, peri_str stream, peri_drift_row **out, size_t *count, peri_err *e);
/* In one transaction: the fields in force (fields_json; at_ms -1: asked when they were), new rows, and the state of those that have a number. */
peri_code peri_drift_write(peri_store *s, peri_str integration_id, peri_str stream, peri_str fields_json, int64_t at_ms, const peri_drift_row *rows, size_t count,
                           peri_err *e);
/* A run looks at the fields before it is opened: what it found is given its number now. */
peri_code peri_drift_found_by(peri_store *s, peri_str integration_id, int64_t since_seq, int64_t run_seq, peri_err *e);
peri_code peri_drift_last(peri_store *s, int64_t *seq, peri_err *e);
/* Newest first: [{"id","integration","type","when","runId","stream","field","what","state","settledAt","was","now"}]; name empty: of all integrations;
 * `state` empty: in any. */
peri_code peri_drift_list(peri_store *s, peri_str name, peri_str state, int limit, peri_buf *json, peri_err *e);

#endif
