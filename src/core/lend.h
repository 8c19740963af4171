/* core/lend: the loop lent to another thread for a moment. In a process that stays, a command that somebody sends runs in a thread of its own, because it
 * may wait for a worker or a person; what it does to the engine it does while the loop stands still for it, and while it waits (peri_engine_wait) the loop
 * goes on. So everything of an engine stays in one hand at a time, and single flight and ledgers hold for all. */
#ifndef PERI_CORE_LEND_H
#define PERI_CORE_LEND_H

#include "core/engine.h"

typedef struct peri_lending peri_lending;

peri_lending *peri_lending_new(uv_loop_t *loop);  /* on the loop's thread */
void peri_lending_free(peri_lending *l);          /* nobody may borrow any more; the loop must run once more */

/* From another thread: returns when the loop stands still. `owner` marks the runs that are started meanwhile (peri_run_cancel_of). Every borrow needs
 * one give_back, from the same thread. */
void peri_engine_borrow(peri_engine *g, void *owner);
void peri_engine_give_back(peri_engine *g);
/* peri_engine_wait's other half: the loop goes on until *done. */
void peri_lending_wait(peri_engine *g, const bool *done);
bool peri_lending_is_borrower(const peri_engine *g); /* is this thread one that borrowed the loop? */

#endif
