/* store/question: deletions that wait for a yes. A sweep or a visit that would take away more than the share asks; the answer names the run that
 * asked, and takes exactly what that run found missing, less what has been seen since. */
#ifndef PERI_STORE_QUESTION_H
#define PERI_STORE_QUESTION_H

#include "store/store.h"

typedef struct peri_question_row {
  int64_t seq, missing, live;
  peri_str stream, run_id;
} peri_question_row;

/* The open questions that the run `asked_by` (id, or its beginning if that fits one run alone) put, those of `streams` only if any are named.
 * Refuses, saying why: a run that asked nothing, one whose question was answered, replaced or withdrawn, and a stream that is being listed again. */
peri_code peri_question_find(peri_store *s, peri_arena *a, peri_str integration_id, peri_str asked_by, const peri_str *streams, size_t stream_count,
                             peri_question_row **out, size_t *count, peri_err *e);
/* Its rows become tombstones. One transaction. CONFLICT if it is no longer open. */
peri_code peri_question_accept(peri_store *s, int64_t run_seq, int64_t question_seq, int64_t *deleted, peri_err *e);
/* The open questions of an integration: [{"stream","runId","askedAt","missing","live","samples":[…]}]. */
peri_code peri_question_list(peri_store *s, peri_str integration_id, peri_buf *json, peri_err *e);

/* MASS_DELETE, with the numbers and samples of the stream's open question and the command that answers it. */
peri_code peri_store_asked(peri_store *s, peri_str integration_id, peri_str stream, peri_err *e);

#endif
