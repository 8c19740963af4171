/* core/patience: how often and how long one request is tried. Pure: no clock, no I/O; times and random numbers are given.
 *
 * Three budgets, each for one request: retries, time in which a server let us wait for nothing, time that it asked us to wait. */
#ifndef PERI_CORE_PATIENCE_H
#define PERI_CORE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct peri_patience { /* zero at the start */
  int retries, waits;
  int64_t lost_ms;   /* in attempts that brought nothing */
  int64_t backed_ms; /* between attempts, by our own choice */
  int64_t waited_ms; /* because the server asked for it */
} peri_patience;

/* An attempt failed after took_ms: code of the transport, or PERI_OK for a status that asks for a retry. at_least_ms: what the server asked for; -1 nothing.
 * True: try again in *wait_ms. False: give up; *wait_ms >= 0 says when it may be tried again, where only that stands in the way. */
bool peri_patience_retry(peri_patience *p, peri_code code, int64_t took_ms, int64_t timeout_ms, int64_t at_least_ms, uint64_t random, int64_t *wait_ms);
/* A limit was met, after took_ms. asked_ms: what the server asked for; -1 nothing. True: go on in *wait_ms. False: not in this run; *wait_ms says when. */
bool peri_patience_limit(peri_patience *p, int64_t asked_ms, int64_t took_ms, int64_t timeout_ms, uint64_t random, int64_t *wait_ms);
/* What is left for the next attempt: the request's timeout (0: the program's own), or less when earlier attempts ran into it. */
int64_t peri_patience_timeout(const peri_patience *p, int64_t timeout_ms);

#endif
