/* core/rate: the ledger of one account's limits. Pure: given the time, says when a request may go. Declared limits first, corrected by what replies say.
 * State can be written to and read from JSON, so that it survives a restart. */
#ifndef PERI_CORE_RATE_H
#define PERI_CORE_RATE_H

#include "json/tree.h"
#include "net/http.h"
#include "spec/tree.h"

typedef struct peri_rate peri_rate;
peri_rate *peri_rate_new(const peri_node *rates, const peri_json *saved); /* `rates` of a connector (may be NULL) and a saved state (may be NULL) */
void peri_rate_free(peri_rate *r);
/* How long to wait before a request of this class and cost may go; 0: now, and it is counted. */
int64_t peri_rate_ask(peri_rate *r, peri_str class_name, int64_t cost, int64_t now_ms);
void peri_rate_reply(peri_rate *r, peri_str class_name, const peri_http_reply *reply, int64_t now_ms); /* left, size, reset, used */
void peri_rate_pause(peri_rate *r, peri_str class_name, int64_t until_ms);                             /* a 429 said so */
void peri_rate_save(const peri_rate *r, peri_buf *json);

/* Backoff with full jitter: attempt from 1; between 0 and min(cap, base * 2^attempt), never under at_least_ms. */
int64_t peri_backoff_ms(int attempt, int64_t at_least_ms, uint64_t random);

#endif
