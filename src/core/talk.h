/* core/talk: a worker that is asked one thing after another on a loop, without blocking it: scripts to load, streams to make. */
#ifndef PERI_CORE_TALK_H
#define PERI_CORE_TALK_H

#include "core/pool.h"

typedef struct peri_talk peri_talk;

/* Starts a worker; main thread only. NULL: it could not be started. */
peri_talk *peri_talk_new(uv_loop_t *loop, uint64_t hash_seed, peri_err *e);
/* Sends, and joins the frames of kind `answer`. done: later, once, with the whole answer, or with e->code set: what it refused, or what it died of; after
 * a death every further question fails alike. One question at a time. done may ask the next one, and may close. */
void peri_talk_ask(peri_talk *t, peri_kind kind, peri_str payload, peri_kind answer, void (*done)(void *self, peri_str text, const peri_err *e), void *self);
void peri_talk_close(peri_talk *t); /* NULL is fine; a question under way is never answered */

#endif
