/* core/service: what lives as long as a process that stays: the engine, the scripts in force, who is due when, the runs under way, and who hears of it.
 * Everything here happens on the loop's thread. Start at peri_service_open; api/ and cmd/serve are its users. */
#ifndef PERI_CORE_SERVICE_H
#define PERI_CORE_SERVICE_H

#include "core/bus.h"
#include "core/run.h"
#include "core/sched.h"

/* One set of scripts; a run keeps the one it began with, whatever is switched to meanwhile. */
typedef struct peri_snapshot {
  peri_project *project;
  char *settings; /* what perilune.lua says, as JSON */
  int holders;
} peri_snapshot;
peri_snapshot *peri_snapshot_new(peri_project *project, peri_str settings_json); /* takes the project; held once */
peri_snapshot *peri_snapshot_hold(peri_snapshot *s);
void peri_snapshot_leave(peri_snapshot *s); /* NULL is fine; the last one closes the project */

typedef struct peri_service_run peri_service_run;

typedef struct peri_service {
  peri_engine *g;
  peri_snapshot *scripts; /* in force */
  peri_bus *bus;
  int64_t started_ms;
  bool ready, stopping;
  /* private */
  peri_sched *sched;
  peri_arena *timetables;      /* zones and quiet hours of the entries; made anew with them */
  struct peri_due *dues;       /* what the scheduler's keys stand for */
  size_t due_count;
  uv_timer_t timer;
  peri_service_run *runs;
  size_t run_count;
  int64_t wakes;               /* how often the scheduler's timer fired, for metrics: nothing else wakes an idle service */
  void (*on_idle)(void *self); /* told when the last run ended while stopping */
  void *on_idle_self;
} peri_service;

/* project is taken. The engine stays the caller's. Loads the scripts once, to read the settings; broken ones are logged, and stop nothing else. */
peri_code peri_service_open(peri_engine *g, peri_project *project, peri_service **out, peri_err *e);
void peri_service_free(peri_service *s); /* then run the loop once more */

/* Reads every schedule again: at start, and when integrations were added, changed or removed. Schedules that cannot be read are logged and left out. */
peri_code peri_service_reschedule(peri_service *s, peri_err *e);
int64_t peri_service_next_ms(const peri_service *s, peri_str integration_id); /* when it is due next; INT64_MAX: never */

/* No new work; runs stop at their next page edge; idle is called when the last has ended, at once if there is none. */
void peri_service_stop(peri_service *s, void (*idle)(void *self), void *self);

/* ---- runs ---- */
typedef struct peri_wish {
  peri_str integration;                           /* its name */
  const peri_str *entities; size_t entity_count;  /* none: all */
  const peri_str *without; size_t without_count;  /* streams that have schedules of their own */
  bool full, sweep;
  peri_str accept_deletes;
  int64_t limit, timeout_ms;
  const char *cause;                              /* "schedule" "api" "hook" "automation" */
} peri_wish;
typedef struct peri_service_watch {
  void (*opened)(void *self, peri_str run_id);    /* its id is known; may not come if it fails before */
  void (*ended)(void *self, peri_str result_json, const peri_err *e);
  void *self;
} peri_service_watch;
/* Starts a sync; everything in the wish is copied. watch may be NULL. BUSY while it stops. */
peri_code peri_service_sync(peri_service *s, const peri_wish *wish, const peri_service_watch *watch, peri_service_run **out, peri_err *e);
void peri_service_unwatch(peri_service_run *r);   /* whoever watched is gone */
/* By run id or its unique beginning, or by integration name. NOT_FOUND if none of that kind is under way. */
peri_code peri_service_cancel(peri_service *s, peri_str run_or_integration, int *count, peri_err *e);
/* [{"id","integration","kind","cause","stream","phase","processed","rejected","requests","waitingMs","startedAt"}] */
void peri_service_runs_json(const peri_service *s, peri_buf *json);

#endif
