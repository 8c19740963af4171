/* core/engine: what runs share in one process: the loop, the HTTP client, the writer thread, and the wish to stop.
 * The loop never calls SQLite for longer than a look-up; commits go to the writer thread, in order. */
#ifndef PERI_CORE_ENGINE_H
#define PERI_CORE_ENGINE_H

#include <uv.h>

#include "net/http.h"
#include "store/store.h"
#include "vault/vault.h"

/* The writer's tasks of one run. Lanes take turns, so that a run with many pages does not keep others waiting; within a lane the order stays.
 * Zeroed it is ready; it must outlive its tasks. */
typedef struct peri_lane {
  struct peri_task *first, *last;
  struct peri_lane *next;
  bool queued;
} peri_lane;

typedef struct peri_engine {
  uv_loop_t loop;
  peri_http *http;
  peri_store *store;
  peri_vault *vault; /* NULL where no credential is needed */
  struct peri_writer *writer;
  struct peri_account *accounts; /* core/account: what runs of one integration share */
  struct peri_ledger *ledgers;
  uv_signal_t sigint, sigterm;
  bool stop;         /* a first Ctrl-C: stop at the next page edge */
  void (*on_stop)(struct peri_engine *g); /* core/run's: wakes the runs that wait */
  struct peri_run *runs, *runs_last;      /* core/run's: all that were started and are not done, in that order */
  size_t runs_at_work, runs_most;         /* more than `most` are queued: PERI_RUNS_MAX unless the owner sets less */
  struct peri_settling *settling;         /* core/generation's: scripts being made visible, and who waits for that */
  char settled[40];                       /* the set that was last; one with a broken file is not tried again by every run */
  struct peri_lending *lending;           /* core/lend: NULL where one thread does everything */
  void *owner;                            /* whose runs are those that are started now; NULL: the loop's own */
} peri_engine;

peri_code peri_engine_new(peri_store *store, peri_vault *vault, peri_engine **out, peri_err *e);
void peri_engine_free(peri_engine *g); /* joins the writer; the store and the vault stay */
/* work runs on the writer thread, one after another; done on the loop afterwards. */
void peri_engine_post(peri_engine *g, void (*work)(void *self), void (*done)(void *self), void *self);
/* The same for work that is cheaper together: tasks with the same `work`, of whatever lanes, are given to it at once, PERI_GROUP_MOST at most. The
 * writer waits a moment for more of them, unless one is urgent or something else stands behind it. */
#define PERI_GROUP_MOST 10
void peri_engine_post_group(peri_engine *g, peri_lane *lane, void (*work)(void **selves, size_t count), void (*done)(void *self), void *self, bool urgent);
void peri_engine_run(peri_engine *g);                     /* until nothing is left to do */
void peri_engine_wait(peri_engine *g, const bool *done); /* until it is true, or nothing is left to do */

#endif
