/* core/question: asks one described request to its last page: check, discover, more. For small replies, which become trees. */
#ifndef PERI_CORE_QUESTION_H
#define PERI_CORE_QUESTION_H

#include "core/run.h"

/* Called for every reply that is a success; `items` is what stands at the request's `records` (a list, or the reply itself for ""). */
typedef peri_code peri_each_reply(void *self, const peri_json *reply, const peri_json *items, peri_err *e);

/* done comes later, once. The replies live in `a`. */
void peri_question_start(peri_run *r, const peri_stream *s, const peri_request *q, peri_arena *a, peri_each_reply *each,
                         void (*done)(void *self, const peri_err *e), void *self);
/* The same, waited for: for commands that do nothing else. */
peri_code peri_question(peri_run *r, const peri_stream *s, const peri_request *q, peri_arena *a, peri_each_reply *each, void *self, peri_err *e);

#endif
