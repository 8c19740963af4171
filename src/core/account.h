/* core/account: what all runs with the same credential share in this process: the ledger of its limits and its token.
 *
 * Two integrations whose credential is the same token identity share one account, because the API counts them as one. An account lives as long as
 * somebody holds it; its ledger is kept in the database while it is used and read again by the next owner. */
#ifndef PERI_CORE_ACCOUNT_H
#define PERI_CORE_ACCOUNT_H

#include "core/connector.h"
#include "core/engine.h"
#include "core/integration.h"
#include "core/rate.h"

typedef struct peri_account peri_account;

/* Who goes first when permits are scarce. */
typedef enum peri_urgency { PERI_URGENCY_INTERACTIVE, PERI_URGENCY_SYNC, PERI_URGENCY_BACKFILL } peri_urgency;

/* The account of an integration's credential; made from the database if nobody holds it yet. Every hold needs one leave. */
peri_code peri_account_hold(peri_engine *g, peri_integration *in, const peri_connector *c, const peri_auth *auth, peri_account **out, peri_err *e);
void peri_account_leave(peri_account *a); /* NULL is fine; the last one keeps the ledger in the database */

#endif
