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
  peri_str grant;        /* "refresh_token", "client_credentials", "jwt": what a refresh asks for; "code": a login without a refresh token */
  peri_str client_auth;  /* "body", "basic", "none"; empty: body */
  peri_str token_url;    /* found by discovery; empty: the connector's */
  peri_str scope, audience, subject;
  int64_t obtained_ms;   /* wall clock when it was asked for; -1 unknown */
  int64_t life_ms;       /* -1 unknown */
  int64_t refreshing_ms; /* somebody was asking for a new one then, and has not told how it ended; -1 nobody */
} peri_token_facts;
/* In the arena. Times that cannot be are unknown. grant is empty if nothing was kept: peri_token_grant says what fits. */
peri_code peri_token_facts_read(peri_store *store, peri_arena *a, peri_str integration_id, peri_token_facts *out, peri_err *e);
/* What a refresh would ask for: the grant that was kept, else what the credentials and the connector's `grants` allow; empty: nothing can be asked for,
 * or nobody knows where, since only a login asks the issuer. */
peri_str peri_token_grant(const peri_token_facts *f, const peri_secrets *s, const peri_auth *auth);
/* How long a token that was just given holds, by the reply's word; -1 unknown: then until the API refuses it. */
int64_t peri_token_life_ms(const peri_oauth_tokens *t);
/* NEEDS_REAUTH with the command to run if there is no access token and nothing to get one with: nobody has logged in yet. */
peri_code peri_token_needed(peri_store *store, const peri_integration *in, const peri_auth *auth, peri_err *e);
/* Seals and commits what a token endpoint gave, in one transaction that is on disk when this returns: tokens, their life, the facts (NULL: as they were), and
 * what the connector keeps of the reply. asked_ms: when it was asked for. activate: the integration leaves needs_reauth. Any thread. Use the tokens only
 * after this: a server that rotates has forgotten the old ones already. */
peri_code peri_tokens_keep(peri_store *store, peri_vault *vault, const peri_auth *auth, peri_str integration_id, const peri_oauth_tokens *t, const peri_token_facts *f,
                           int64_t asked_ms, bool activate, peri_err *e);

/* ---- accounts ---- */

/* The account of an integration's credential; made from the database if nobody holds it yet. Every hold needs one leave. */
peri_code peri_account_hold(peri_engine *g, peri_integration *in, const peri_connector *c, const peri_auth *auth, peri_account **out, peri_err *e);
void peri_account_leave(peri_account *a); /* NULL is fine; the last one keeps the ledger in the database */
void peri_accounts_flush(peri_engine *g);  /* before the writer leaves: what ledgers still have to tell the database */
void peri_accounts_free(peri_engine *g);   /* after it: nobody holds any; their timers are closed by the loop's next turn */
const peri_secrets *peri_account_secrets(const peri_account *a); /* the newest; good until the loop goes on */

/* ---- permits ---- */

/* One wait for the limits; embedded in what waits. */
typedef struct peri_permit {
  struct peri_permit *prev, *next;
  peri_str rate;         /* class */
  int64_t cost;
  peri_urgency urgency;
  void (*done)(void *self, const peri_err *e); /* e NULL: go, now; else RATE_LIMITED with the time, or why the ledger cannot be kept */
  void *self;
  int64_t resumes_ms;    /* RATE_LIMITED: wall clock of when it can go on */
  int64_t until_ms;      /* while it waits: monotonic guess of how long */
  int64_t sent_ms;       /* the ledger's time when it went */
  bool waiting, flying;
} peri_permit;
#define PERI_WAIT_INLINE_MS_MAX (5 * 60 * 1000) /* a longer wait ends the run with the time at which it can go on */
/* True: go now. False: done comes later. */
bool peri_permit_take(peri_account *a, peri_permit *p);
void peri_permit_drop(peri_account *a, peri_permit *p);   /* it waits no longer */
void peri_permit_landed(peri_account *a, peri_permit *p, const peri_http_reply *reply); /* what went is over; every permit that went needs one */
void peri_permit_pause(peri_account *a, peri_str rate, int64_t wait_ms);
bool peri_account_may_retry(peri_account *a); /* spends from the retry budget */

/* ---- the token at use ---- */

typedef struct peri_token_wait {
  struct peri_token_wait *prev, *next;
  void (*done)(void *self, const peri_err *e); /* e NULL: the token is new */
  void *self;
  int64_t resumes_ms; /* RATE_LIMITED: wall clock of when it can go on */
  bool waiting;
} peri_token_wait;
uint64_t peri_account_token(const peri_account *a); /* a number that another token changes; 0: there is none */
/* True: the token holds, or nothing can be done about it. False: a new one is being asked for, done comes later. */
bool peri_account_ready(peri_account *a, peri_token_wait *w);
typedef enum peri_refused { PERI_REFUSED_AGAIN, PERI_REFUSED_WAIT, PERI_REFUSED_FINAL } peri_refused;
/* The API refused token number `token`: ask again at once (somebody got a new one meanwhile), wait for done, or it is final and *e says why. */
peri_refused peri_account_refused(peri_account *a, uint64_t token, peri_token_wait *w, peri_err *e);
/* A token that ended cannot be replaced by asking, but by logging in: `perilune auth` is what mends it. */
bool peri_account_needs_login(const peri_account *a);
void peri_account_worked(peri_account *a, uint64_t token); /* the API took it */
void peri_token_wait_drop(peri_account *a, peri_token_wait *w);

#endif
