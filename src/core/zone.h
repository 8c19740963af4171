/* core/zone: time zones by name, from the system's tzdata (TZif, RFC 8536). Local times are written as milliseconds as if they were UTC.
 * No libc zone functions: TZ is a setting of the whole process, and two integrations may live in two zones. */
#ifndef PERI_CORE_ZONE_H
#define PERI_CORE_ZONE_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

typedef struct peri_zone peri_zone;

/* "UTC", "Europe/Berlin", "+05:30". INVALID names what is wrong and where zones come from. Lives in the arena. */
peri_code peri_zone_open(peri_arena *a, peri_str name, const peri_zone **out, peri_err *e);
int64_t peri_zone_local(const peri_zone *z, int64_t utc_ms);
/* When is it so late there? *second: the other moment of a local time that comes twice (clocks put back), else the same. A local time that never comes
 * (clocks put forward) is the moment of the jump. */
int64_t peri_zone_utc(const peri_zone *z, int64_t local_ms, int64_t *second);

#endif
