/* core/run: one sync of one integration. The parts, in the order in which data walks through them:
 *
 *   run.c      which runs are at work and which wait; opens a run, goes through the streams, closes it
 *   prepare.c  what a run needs before its first page
 *   stream.c   phases of a stream: full or changes, archived, each; where it has got to
 *   feed.c     the pages of one request: ask, split, prefetch the next, map, commit
 *   ask.c      one request until it has an answer: permits, credentials, retries, waits, refresh
 *   mapper.c   the run's worker: pages in, rows out, and what to do when it dies
 *
 * Everything happens on the engine's loop by callbacks; nothing blocks but small look-ups. */
#ifndef PERI_CORE_RUN_H
#define PERI_CORE_RUN_H

#include "base/map.h"
#include "core/account.h"
#include "core/connector.h"
#include "core/engine.h"
#include "core/integration.h"
#include "core/page_retry.h"
#include "core/patience.h"
#include "core/scripts.h"

typedef struct peri_run peri_run;

/* ---- what a command asks for ---- */
typedef struct peri_sync_options {
  peri_str integration;
  const peri_str *entities; size_t entity_count; /* streams or mapping entities; none: all */
  const peri_str *without; size_t without_count; /* of all: streams that are left to others */
  bool full, dry_run;
  bool sweep;                                    /* visits of links go through all parents now */
  const struct peri_backfill *backfill;          /* NULL: a sync */
  peri_str accept_deletes;                       /* the run whose question about deletions is answered with yes; empty: none */
  int64_t limit;                                 /* 0: no limit; N records are written and the cursor stays */
  void (*progress)(void *self, const peri_run *run); /* may be NULL; called at page edges and when waiting */
  void *progress_self;
} peri_sync_options;

typedef struct peri_entity_count { peri_str name; peri_counters n; const char *state; } peri_entity_count; /* state: "done", "missing", "stopped", … */

/* Called once, from the loop, never from inside peri_run_start. *result: the JSON object of `perilune sync --json`, empty if the run never began; it may
 * be taken. e->code: why the run failed or stopped; the result is filled all the same. The run is gone when this returns. */
typedef void peri_run_done(void *self, peri_buf *result, const peri_err *e);

/* Starts a run beside those under way; project and options must live until done. Runs of one integration go one after another, in the order in which they
 * were started; others side by side, as many as the engine allows; the rest waits. Nothing of it blocks the loop. */
peri_run *peri_run_start(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_run_done *done, void *self);
/* Stops one run at its next page edge, as Ctrl-C does all of them; done comes as usual. */
void peri_run_cancel(peri_run *r);
void peri_run_cancel_of(peri_engine *g, const void *owner); /* all that were started while it had borrowed the loop (core/lend) */
/* One run, waited for: the code of its end, also in *e. */
peri_code peri_sync(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_buf *result, peri_err *e);
/* For progress displays. */
const char *peri_run_id(const peri_run *r);             /* "" until it is opened */
peri_str peri_run_stream_name(const peri_run *r);
const char *peri_run_phase(const peri_run *r);          /* "full", "changes", "archived", … */
const peri_counters *peri_run_counted(const peri_run *r);
int64_t peri_run_waiting_ms(const peri_run *r);         /* > 0: waiting for a limit or a retry */
int64_t peri_run_expected(const peri_run *r);           /* records that this stream will bring, if the reply says; -1 unknown */

/* ---- inside ---- */

typedef struct peri_ask peri_ask;
struct peri_ask {
  peri_run *run;
  peri_arena *arena;           /* the outgoing request and whatever the caller puts there; freed after done */
  const peri_request *request;
  peri_outgoing out;
  void (*done)(peri_ask *ask); /* once */
  void *self;
  peri_http_reply *reply;      /* valid inside done; NULL if err.code is set */
  peri_action action;          /* what the reply means: ok done skip missing restart smaller discover, ignore */
  peri_err err;                /* code set: the request failed for good (retries spent, stop, refused, interrupted) */
  /* private */
  peri_patience patience;
  bool refreshed;
  uint64_t token;              /* number of the token that was sent */
  peri_permit permit;
  peri_token_wait token_wait;
  peri_http_call *call;
  uv_timer_t *timer;
};

typedef struct peri_feed peri_feed;

typedef enum peri_run_state { PERI_RUN_QUEUED, PERI_RUN_AT_WORK, PERI_RUN_LEAVING } peri_run_state;

struct peri_run {
  peri_run *next, *before; /* in the engine's list */
  peri_run_state state;
  bool stop;               /* cancelled: see peri_run_stopping */
  void *owner;             /* as peri_engine.owner was at its start */
  peri_run_done *done; void *done_self;
  peri_lane lane;          /* of its commits */
  peri_buf result;
  peri_engine *g;
  peri_store *store;
  const peri_project *project;
  const peri_sync_options *options;
  peri_integration *in;
  peri_scripts *scripts;
  peri_connector *connector;
  const peri_auth *auth;
  peri_str base;
  peri_arena *arena;
  peri_account *account;         /* token and limits; NULL where nothing is asked (remap) */
  peri_urgency urgency;
  int64_t resumes_ms;            /* the limits ended the run: wall clock of when it can go on; 0 otherwise */
  const peri_json *discovered; int64_t discovered_ms; /* what the account has, and when that was asked; NULL: never */
  peri_str wanted_id;
  bool looked; int64_t drift_since, drifted; /* core/drift: were fields looked at; the last change known before that; how many there were */
  char id[40];
  int64_t seq, started_ms, started_mono_ms;
  const peri_stream **streams; size_t stream_count, stream_index;
  bool *stream_on;
  peri_entity_count *entities; size_t entity_count;
  peri_counters total;
  int64_t pending_requests, pending_retries, pending_bytes; /* not yet in a commit */
  int64_t asked_ms; /* when the last request went out */
  int64_t ahead_ms; /* so far is the server's Date ahead of our clock; 0: not that anything showed it */
  int64_t waiting_until_ms, expected, page_number;
  const char *phase;
  peri_run_guard guard;
  struct peri_mapper *mapper;
  struct peri_stream_work *work; /* the stream in hand */
  peri_ask *ask;                 /* in flight; at most one */
  peri_buf replayed;             /* JSON of what a changed mapping made of its rejects before the run; empty: nothing */
  peri_err err;                  /* first failure of the run */
  bool stopped_early;
  struct peri_question_row *accepted; size_t accepted_count; /* questions that this run answers */
};

/* ask.c. `fill` is used at once; done comes later from the loop. */
void peri_ask_start(peri_run *r, const peri_request *request, const peri_fill *fill, void (*done)(peri_ask *ask), void *self);
/* Whoever waits for a limit, a retry or a token waits no longer: its done comes soon, INTERRUPTED. What is on the way comes to its end. */
void peri_ask_stop(peri_ask *ask);
/* A reply's headers as a JSON object for a worker: the first of each name, no cookies. Lives in the arena. */
peri_str peri_ask_headers(const peri_http_reply *reply, peri_arena *a);
void peri_run_fill(peri_run *r, const peri_stream *s, peri_fill *fill); /* what every fill has in common */
/* Does it end at the next page edge? */
static inline bool peri_run_stopping(const peri_run *r) { return r->stop || r->g->stop; }
/* run.c */
void peri_run_fail(peri_run *r, const peri_err *e);  /* ends the run after what is in flight */
void peri_run_next_stream(peri_run *r);
peri_entity_count *peri_run_entity(peri_run *r, peri_str name);
void peri_run_count(peri_run *r, peri_str name, const peri_counters *n);
void peri_run_progress(peri_run *r);
const peri_json *peri_run_wanted(peri_run *r, const peri_stream *s); /* prefix -> names, from the active mappings and what discover knows */
/* What of it the stream's requests really name, as JSON text; {NULL,0} if they name nothing, because then everything comes. */
peri_str peri_run_wanted_set(peri_run *r, const peri_stream *s);
/* Paths that the mapping reads and that a set did not hold, added to *names (keys). */
void peri_run_never_asked(peri_run *r, const peri_stream *s, const peri_mapping_info *m, peri_str set, peri_map *names);
/* deletes.c: which share of a stream may vanish without a question, and the answer to one. */
int64_t peri_run_delete_share(const peri_run *r, const peri_stream *s);
peri_code peri_run_deletes_asked(peri_run *r, peri_err *e);                    /* is there what --accept-deletes names? Before the run is opened */
void peri_run_deletes_accept(peri_run *r, void (*done)(peri_run *r));           /* done at once if nothing was named */
/* stream.c */
void peri_stream_begin(peri_run *r, const peri_stream *s);
void peri_stream_free(struct peri_stream_work *w);

#endif
