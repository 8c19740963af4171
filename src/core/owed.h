/* core/owed: what a worker owes the core after what was sent to it and what came back. Knows no process and no clock. */
#ifndef PERI_CORE_OWED_H
#define PERI_CORE_OWED_H

#include "wire/wire.h"

typedef struct peri_owed {
  uint32_t answers;         /* that have not come yet */
  bool pulling, pull_waits; /* a pull owes the next step, unless it waits for us */
} peri_owed;

/* May a worker send frames of this kind? */
bool peri_owed_may_say(peri_kind kind);
/* A frame went to the worker. */
void peri_owed_sent(peri_owed *o, peri_kind kind, peri_str payload);
/* A frame came from it. */
void peri_owed_got(peri_owed *o, const peri_frame *f);
/* Is it the worker's turn? */
bool peri_owed_any(const peri_owed *o);

#endif
