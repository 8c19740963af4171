/* core/sched: who is due when. Pure: told the time, it starts what is due and says when to ask again; so thirty days pass in a test within a second,
 * and a process that idles wakes for nothing else. What is started, and with whose permits, is for others to know. */
#ifndef PERI_CORE_SCHED_H
#define PERI_CORE_SCHED_H

#include "core/schedule.h"

typedef struct peri_sched peri_sched;

typedef enum peri_overlap { PERI_OVERLAP_SKIP, PERI_OVERLAP_QUEUE } peri_overlap; /* due while it still runs: left out, or once more when it ends */

/* Nothing starts between these local times; what was due starts at the end. Over midnight if `upto` is not after `from`. */
typedef struct peri_quiet {
  uint8_t weekdays;        /* bits of the days on which it begins, 0 = Sunday */
  int from_minute, upto_minute;
  const peri_zone *zone;
} peri_quiet;
/* "02:00-04:30", "sat,sun 22:00-06:00", "mon-fri 08:00-18:00 Europe/Berlin" */
peri_code peri_quiet_read(peri_arena *a, peri_str text, peri_str zone, peri_quiet *out, peri_err *e);

typedef struct peri_sched_entry {
  peri_str key;            /* whose it is: copied */
  peri_schedule schedule;  /* copied; its zone must live as long as the entry */
  peri_overlap overlap;
  int priority;            /* of what is due at one time, the higher goes first */
  int64_t jitter_ms;       /* each start is put off by up to so much */
  bool catch_up;           /* a start that was missed while nobody was here is made up for, once */
  bool paused;
  const peri_quiet *quiet; /* may be NULL; must live as long as the entry */
  int64_t last_ms;         /* when it was last started; -1 never */
} peri_sched_entry;

peri_sched *peri_sched_new(void (*start)(void *self, peri_str key, int64_t due_ms), void *self);
void peri_sched_free(peri_sched *s);
/* New, or in place of the one with this key; whether it runs is remembered. */
void peri_sched_put(peri_sched *s, const peri_sched_entry *entry, int64_t now_ms);
void peri_sched_remove(peri_sched *s, peri_str key);
/* What runs in `old` counts as running here too, so that the entries may be made anew under it. */
void peri_sched_take_over(peri_sched *s, const peri_sched *old);
void peri_sched_pause(peri_sched *s, peri_str key, bool paused, int64_t now_ms);
/* Started by hand: counts as running until done. false: it runs already (queued if its policy says so). */
bool peri_sched_begin(peri_sched *s, peri_str key, int64_t now_ms);
void peri_sched_done(peri_sched *s, peri_str key, int64_t now_ms);

/* Calls start for everything that is due, in order of time and priority. */
void peri_sched_turn(peri_sched *s, int64_t now_ms);
int64_t peri_sched_wake_ms(const peri_sched *s);                  /* when to call turn next; INT64_MAX: never */
int64_t peri_sched_next_ms(const peri_sched *s, peri_str key);    /* when it is due; INT64_MAX: never, or paused */
size_t peri_sched_count(const peri_sched *s);

#endif
