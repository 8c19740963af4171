/* core/bus: what happens in this process, told to whoever asked: progress for live views, metrics, alerts. On the loop's thread only; nothing is kept:
 * what must not be missed is in the database. */
#ifndef PERI_CORE_BUS_H
#define PERI_CORE_BUS_H

#include "base/str.h"

typedef struct peri_bus peri_bus;
typedef struct peri_listener peri_listener;

typedef struct peri_news {
  const char *kind;     /* "run.started" "run.progress" "run.ended" "generation.switched" "generation.refused" "integration.changed" "hook.received" … */
  peri_str integration; /* its name; may be empty */
  peri_str run;         /* the run's id; may be empty */
  peri_str json;        /* an object with the rest; valid during the call only */
} peri_news;

peri_bus *peri_bus_new(void);
void peri_bus_free(peri_bus *b); /* listeners that are left are freed too */
/* on_news must not block. It may add and remove listeners, itself included. */
peri_listener *peri_bus_listen(peri_bus *b, void (*on_news)(void *self, const peri_news *news), void *self);
void peri_bus_leave(peri_bus *b, peri_listener *l); /* NULL is fine */
void peri_bus_tell(peri_bus *b, const peri_news *news); /* b NULL: nobody listens */

#endif
