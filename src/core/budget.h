/* core/budget: how often, and how soon, what failed may be tried again. Pure: times are given. */
#ifndef PERI_CORE_BUDGET_H
#define PERI_CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Retries of one account: a tenth of its requests, and a few that come back with time, so that an API that is down is asked now and then, not hammered. */
typedef struct peri_budget {
  int64_t tenths;      /* retries that may still be made, in tenths */
  int64_t refilled_ms; /* monotonic */
} peri_budget;
#define PERI_RETRY_FLOOR 20             /* so many may be made without any success */
#define PERI_RETRY_REFILL_MS 10000      /* one comes back in this time, up to the floor */
#define PERI_RETRY_SAVED_MAX 200        /* what many good requests save up */
void peri_budget_begin(peri_budget *b, int64_t mono_ms);
void peri_budget_request(peri_budget *b);              /* a request that was no retry */
bool peri_budget_retry(peri_budget *b, int64_t mono_ms); /* false: it is spent */

/* Backoff with full jitter: attempt from 1; between 0 and min(cap, base * 2^attempt), never under at_least_ms. */
int64_t peri_backoff_ms(int attempt, int64_t at_least_ms, uint64_t random);

#endif
