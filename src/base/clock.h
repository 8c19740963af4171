/* base/clock: time and the calendar. No libc calendar: gmtime opens /etc/localtime, and a jailed worker may not. */
#ifndef PERI_BASE_CLOCK_H
#define PERI_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

int64_t peri_now_ms(void);  /* wall clock, ms since 1970 UTC */
int64_t peri_mono_ms(void); /* monotonic */
int64_t peri_mono_us(void);

typedef struct peri_civil {
  int year, month, day, hour, minute, second, ms; /* month and day from 1 */
} peri_civil;

bool peri_civil_valid(const peri_civil *c);              /* ranges, leap years; second may be 0..59 */
int64_t peri_civil_days(int year, int month, int day);   /* days since 1970-01-01, proleptic Gregorian */
int64_t peri_civil_ms(const peri_civil *c);              /* as UTC */
peri_civil peri_civil_of(int64_t ms);
int peri_civil_weekday(int64_t days);                    /* 0 = Sunday */

#define PERI_ISO_MAX 32
/* "2026-11-23T01:02:03.004Z"; years outside 0..9999 give "" */
const char *peri_iso(int64_t ms, char out[PERI_ISO_MAX]);

/* Reads what real APIs write: ISO 8601 / RFC 3339 with or without seconds, fraction (any number of digits, cut to ms),
 * `T` or space, zone `Z`, `+00:00`, `+0000`, `+00`, or none (then zone_minutes applies). A date alone is midnight.
 * Returns false if it is not that. *had_time: a time part was there. *had_zone: a zone was written. */
bool peri_iso_read(peri_str s, int zone_minutes, int64_t *ms, bool *had_time, bool *had_zone);

/* RFC 7231 dates of HTTP headers ("Mon, 23 Nov 2026 01:02:03 GMT"). */
bool peri_http_date_read(peri_str s, int64_t *ms);

/* "10s" "5m" "2h" "30d" "500ms" -> ms; false if it is not a duration. */
bool peri_duration_read(peri_str s, int64_t *ms);
/* "5KB" "8MB" "100" -> bytes */
bool peri_size_read(peri_str s, uint64_t *bytes);

#endif
