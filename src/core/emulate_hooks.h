/* core/emulate_hooks: sends an emulator's webhooks, one after another, from a thread of its own. */
#ifndef PERI_CORE_EMULATE_HOOKS_H
#define PERI_CORE_EMULATE_HOOKS_H

#include "base/err.h"
#include "base/str.h"

typedef struct peri_hooks peri_hooks;
peri_hooks *peri_hooks_start(peri_err *e);
/* deliveries: JSON array of {"method","url","body","secret","time","sign":[…]}. From any thread; returns at once. */
void peri_hooks_post(peri_hooks *h, peri_str deliveries);
void peri_hooks_stop(peri_hooks *h); /* what waits is forgotten */

#endif
