/* core/account: what all runs of one integration in this process share: its token, and the ledger of limits of the account behind it.
 *
 *   account.c  who holds what: one peri_account for each integration, one ledger for all whose credential means the same account of the same API
 *   ledger.c   permits: who waits for which limit, in what order, and what of it is on disk
 *   tokens.c   what is known of a token, and how tokens are kept
 *   refresh.c  the one flight that fetches a new token while everybody else waits for it
 *
 * Everything here happens on the engine's loop; disk writes go to the writer thread. */
#ifndef PERI_CORE_ACCOUNT_H
#define PERI_CORE_ACCOUNT_H

#include "core/connector.h"
#include "core/engine.h"
#include "core/integration.h"
#include "core/rate.h"

typedef struct peri_account peri_account;

/* Who goes first when permits are scarce. A backfill leaves a fifth of every limit to the others. */
typedef enum peri_urgency { PERI_URGENCY_INTERACTIVE, PERI_URGENCY_SYNC, PERI_URGENCY_BACKFILL } peri_urgency;
#define PERI_URGENCY_COUNT 3

/* ---- tokens ---- */

/* How an integration's token is got, as `integrations.token` keeps it; texts are empty where a grant does not use them. */
typedef struct peri_token_facts {
  peri_str grant;        /* "refresh_token", "client_credentials", "jwt": what a refresh asks for */
  peri_str client_auth;  /* "body", "basic", "none"; empty: body */
  peri_str token_url;    /* found by discovery; empty: the connector's */
  peri_str scope, audience, subject;
  int64_t obtained_ms;   /* wall clock when it was asked for; -1 unknown */
  int64_t life_ms;       /* -1 unknown */
  int64_t refreshing_ms; /* somebody was asking for a new one then, and has not told how it ended; -1 nobody */
} peri_token_facts;
/* In the arena. Times that cannot be are unknown. grant is empty if nothing was kept: peri_token_grant says what fits. */
peri_code peri_token_facts_read(peri_store *store, peri_arena *a, peri_str integration_id, peri_token_facts *out, peri_err *e);
/* What a refresh would ask for: the grant that was kept, else what the credentials and the connector's `grants` allow; empty: nothing can be asked for. */
peri_str peri_token_grant(const peri_token_facts *f, const peri_secrets *s, const peri_auth *auth);
/* Seals and commits what a token endpoint gave, in one transaction that is on disk when this returns: tokens, their life, the facts (NULL: as they were), and
 * what the connector keeps of the reply. asked_ms: when it was asked for. activate: the integration leaves needs_reauth. Any thread. Use the tokens only
 * after this: a server that rotates has forgotten the old ones already. */
peri_code peri_tokens_keep(peri_store *store, peri_vault *vault, const peri_auth *auth, peri_str integration_id, const peri_oauth_tokens *t, const peri_token_facts *f,
                           int64_t asked_ms, bool activate, peri_err *e);

/* ---- accounts ---- */

/* The account of an integration's credential; made from the database if nobody holds it yet. Every hold needs one leave. */
peri_code peri_account_hold(peri_engine *g, peri_integration *in, const peri_connector *c, const peri_auth *auth, peri_account **out, peri_err *e);
void peri_account_leave(peri_account *a); /* NULL is fine; the last one keeps the ledger in the database */

#endif
