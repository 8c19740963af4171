/* core/discover: what an account has: the fields of its streams (`discover`) and streams that only it knows (`more`). Kept in the database for a day. */
#ifndef PERI_CORE_DISCOVER_H
#define PERI_CORE_DISCOVER_H

#include "core/run.h"

bool peri_discover_due(const peri_run *r);
/* Asks all; what the account may not answer (403, 404) counts as nothing known. *changed: something differs from what was known. */
peri_code peri_discover_all(peri_run *r, bool *changed, peri_err *e);
/* Adds the streams that an earlier discovery made. */
peri_code peri_more_add(peri_run *r, peri_err *e);

#endif
