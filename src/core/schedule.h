/* core/schedule: when something is due: "every 15m", cron's five fields, @daily and its kin, each with a zone. Pure: given a moment, says the next one.
 *
 * Clocks that are put forward: what would be due in the hour that never comes is due at the jump, once. Clocks that are put back: what names its hour
 * is due in the first of the two hours only, what runs every so many minutes goes on through both. */
#ifndef PERI_CORE_SCHEDULE_H
#define PERI_CORE_SCHEDULE_H

#include "core/zone.h"

typedef struct peri_schedule {
  int64_t every_ms; /* > 0: an interval; else the fields hold */
  uint64_t minutes;
  uint32_t hours, days, months, weekdays; /* bits */
  bool any_hour, any_day, any_weekday;    /* the field began with a star */
  const peri_zone *zone;
} peri_schedule;

/* "every 15m", "15m", "30 6 * * mon-fri", "0 0,12 1 * *", "@hourly"; a zone may follow: "0 9 * * * Europe/Berlin". zone: its default, may be empty (UTC).
 * INVALID names the field and what may stand there. */
peri_code peri_schedule_read(peri_arena *a, peri_str text, peri_str zone, peri_schedule *out, peri_err *e);
/* The first moment after `after_ms`. For an interval: the next multiple of it since 1970 plus phase_ms, so that a restart moves nothing and
 * thousands of integrations with phases of their own do not start at once. */
int64_t peri_schedule_next(const peri_schedule *s, int64_t after_ms, int64_t phase_ms);

#endif
