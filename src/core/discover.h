/* core/discover: what an account has: the fields of its streams (`discover`) and streams that only it knows (`more`). Kept in the database for a day. */
#ifndef PERI_CORE_DISCOVER_H
#define PERI_CORE_DISCOVER_H

#include "core/run.h"

bool peri_discover_due(const peri_run *r);
/* Asks all, one after another; what the account may not answer (403, 404) counts as nothing known. done: once, perhaps at once; changed: something
 * differs from what was known. */
void peri_discover_start(peri_run *r, void (*done)(void *self, bool changed, const peri_err *e), void *self);
/* Adds the streams that an earlier discovery made. */
peri_code peri_more_add(peri_run *r, peri_err *e);

#endif
