/* core/account_inside: what account.c, ledger.c and refresh.c share. */
#ifndef PERI_CORE_ACCOUNT_INSIDE_H
#define PERI_CORE_ACCOUNT_INSIDE_H

#include "core/account.h"
#include "core/budget.h"

typedef struct peri_ledger {
  struct peri_ledger *next;
  peri_engine *g;
  char *name;
  peri_rate *rate;
  peri_budget budget;
  size_t holds;
  int64_t wall_ms, mono_ms; /* of its making: its time is this wall clock and what passed since, whatever is done to the clock */
  peri_permit *first[PERI_URGENCY_COUNT], *last[PERI_URGENCY_COUNT];
  uv_timer_t *timer;        /* the next permit */
  bool used, saving, dirty, pumping;
  peri_buf save_text;       /* the writer's while saving */
  peri_err save_err;
} peri_ledger;

/* One request for a new token, from the marker to the commit. */
typedef struct peri_flight {
  peri_account *account;
  peri_arena *arena;
  int attempts;
  bool ahead, lost;      /* the old token still held when it began; an answer was lost on the way */
  int64_t asked_ms;      /* wall clock of the last request */
  int64_t asked_mono_ms;
  peri_oauth_tokens tokens;
  peri_token_write note; /* for the writer: marker or end */
  peri_buf note_text;
  int keeps;             /* times that keeping was tried */
  int64_t wait_ms;       /* what the last answer asked for */
  peri_err err;          /* the writer's answer, or how it ended */
} peri_flight;

struct peri_account {
  peri_account *next;
  peri_engine *g;
  size_t holds;
  peri_arena *arena;
  peri_integration *in;  /* its own: settings, trusted hosts, the newest secrets */
  peri_auth auth;        /* a copy: connectors are loaded anew while runs go on */
  peri_str token_url;
  peri_token_facts facts;
  peri_str client_auth, scope, audience, subject; /* of a refresh: as the login kept them, else the connector's words */
  const peri_str *param_names, *param_values;
  size_t param_count;
  peri_ledger *ledger;
  uint64_t token;        /* number of the token in force */
  bool fresh;            /* it came from a refresh, and the API has not taken it yet */
  int64_t due_mono_ms, ends_mono_ms; /* when to get the next, when it ends; INT64_MAX unknown */
  int64_t not_before_mono_ms;        /* a refresh ahead of time failed: the old one serves until then */
  peri_flight *flight;
  peri_token_wait *first_wait, *last_wait;
  uv_timer_t *timer;     /* the flight's next attempt */
};

/* ledger.c */
peri_ledger *peri_ledger_hold(peri_engine *g, const char *name, const char *const *older, size_t older_count, const peri_node *rates);
void peri_ledger_leave(peri_ledger *l);
void peri_ledger_save(peri_ledger *l, bool last);
/* The ledger's time when it is made again from its saved state: goes on where that ended by a clock that nobody sets, where there is one. */
int64_t peri_ledger_time(const peri_json *saved, int64_t wall_ms, const char *boot_id, int64_t boot_ms);
/* refresh.c */
void peri_account_clock(peri_account *a); /* due and end, from what is known of the token */

#endif
