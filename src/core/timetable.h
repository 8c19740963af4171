/* core/timetable: an integration's schedule in words, checked: from JSON to the entries of core/sched, and what to say of it. */
#ifndef PERI_CORE_TIMETABLE_H
#define PERI_CORE_TIMETABLE_H

#include "core/sched.h"
#include "json/tree.h"

#define PERI_TIMETABLE_STREAMS_MAX 64

typedef struct peri_timetable {
  bool off;                        /* nothing is due by itself */
  peri_sched_entry main;           /* everything without a schedule of its own; main.schedule is unused if main_on is false */
  bool main_on;
  peri_str stream[PERI_TIMETABLE_STREAMS_MAX];
  peri_sched_entry of[PERI_TIMETABLE_STREAMS_MAX]; /* parallel */
  size_t stream_count;
  int64_t timeout_ms;              /* of a run; 0: none */
} peri_timetable;

/* json: {"when":"every 15m","zone":"Europe/Berlin","streams":{"deal":"0 * * * *"},"overlap":"skip"|"queue","priority":0,"jitter":"30s","quiet":"22:00-06:00",
 * "catchUp":true,"timeout":"2h"}; NULL: `standard` holds (may be empty: nothing is due). "when":"off" switches it off. INVALID names the entry.
 * Keys, last_ms and paused are the caller's. Lives in the arena. */
peri_code peri_timetable_read(peri_arena *a, const peri_json *json, peri_str standard, peri_timetable *out, peri_err *e);

#endif
