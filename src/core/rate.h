/* core/rate: the ledger of one account's limits. Pure: given the time, says when a request may go. Declared limits first, corrected by what replies say.
 * State can be written to and read from JSON, so that it survives a restart. */
#ifndef PERI_CORE_RATE_H
#define PERI_CORE_RATE_H

#include "json/tree.h"
#include "net/http.h"
#include "spec/tree.h"

typedef struct peri_rate peri_rate;
peri_rate *peri_rate_new(const peri_node *rates, const peri_json *saved, int64_t now_ms); /* `rates` of a connector and a saved state; both may be NULL */
void peri_rate_free(peri_rate *r);
/* Another connector of the same account declares these: of two limits of one window the smaller holds, others are added. */
void peri_rate_also(peri_rate *r, const peri_node *rates, int64_t now_ms);
#define PERI_RATE_SAVE_FIRST (-1)
/* How long to wait before a request of this class and cost may go; 0: now, it is counted, and peri_rate_landed must follow. PERI_RATE_SAVE_FIRST: the limits
 * would let it go, but the saved state does not cover it. share_percent: how much of each limit this asker may fill. */
int64_t peri_rate_ask(peri_rate *r, peri_str class_name, int64_t cost, int share_percent, int64_t now_ms);
/* Its answer came, or it is known that none will. */
void peri_rate_landed(peri_rate *r, peri_str class_name, int64_t cost, int64_t sent_ms, int64_t now_ms);
void peri_rate_reply(peri_rate *r, peri_str class_name, const peri_http_reply *reply, int64_t now_ms); /* left, size, reset, used */
void peri_rate_pause(peri_rate *r, peri_str class_name, int64_t until_ms);                             /* a 429 said so */
/* From now on permits are given out of allotments only: what the saved state already counts as spent. */
void peri_rate_keep(peri_rate *r);
/* The state for the database; allotments grow once peri_rate_saved tells that it is on disk. last: nothing more will be sent until another save. */
void peri_rate_save(peri_rate *r, bool last, int64_t now_ms, peri_buf *json);
void peri_rate_saved(peri_rate *r, bool ok);
bool peri_rate_unsaved(const peri_rate *r); /* somebody waits for a save, or soon will */

#endif
