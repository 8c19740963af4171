/* core/question: asks one described request to its last page and waits for it: check, discover, more. For small replies, which become trees. */
#ifndef PERI_CORE_QUESTION_H
#define PERI_CORE_QUESTION_H

#include "core/run.h"

/* each is called for every reply that is a success; `items` is what stands at the request's `records` (a list, or the reply itself for ""). */
peri_code peri_question(peri_run *r, const peri_stream *s, const peri_request *q, peri_arena *a,
                        peri_code (*each)(void *self, const peri_json *reply, const peri_json *items, peri_err *e), void *self, peri_err *e);

#endif
