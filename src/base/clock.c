/* base/clock: clocks, the proleptic Gregorian calendar, and the few spellings of time that the outside world uses.
 * Refuses what is no real date (30 February, 24:00, a leap second): callers say so to their user. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define DAY_MS 86400000

static int64_t clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t peri_now_ms(void) { return clock_us(CLOCK_REALTIME) / 1000; }
int64_t peri_mono_ms(void) { return clock_us(CLOCK_MONOTONIC) / 1000; }
int64_t peri_mono_us(void) { return clock_us(CLOCK_MONOTONIC); }

static bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int month_days(int year, int month) {
  static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : days[month - 1];
}

bool peri_civil_valid(const peri_civil *c) {
  return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= month_days(c->year, c->month) && c->hour >= 0 && c->hour <= 23 &&
         c->minute >= 0 && c->minute <= 59 && c->second >= 0 && c->second <= 59 && c->ms >= 0 && c->ms <= 999;
}

/* Years are counted from March, so that the leap day stands last; 400 years are 146,097 days. */
int64_t peri_civil_days(int year, int month, int day) {
  int64_t y = (int64_t)year - (month <= 2);
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t of_era = y - era * 400;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t peri_civil_ms(const peri_civil *c) {
  int64_t days = peri_civil_days(c->year, c->month, c->day);
  return days * DAY_MS + ((c->hour * 60 + c->minute) * 60 + c->second) * INT64_C(1000) + c->ms;
}

peri_civil peri_civil_of(int64_t ms) {
  int64_t days = ms / DAY_MS, rest = ms % DAY_MS;
  if (rest < 0) {
    rest += DAY_MS;
    days--;
  }
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t of_era = z - era * 146097;
  int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
  int64_t m = (5 * of_year + 2) / 153;
  int month = (int)(m < 10 ? m + 3 : m - 9);
  return (peri_civil){.year = (int)(y + era * 400 + (month <= 2)),
                      .month = month,
                      .day = (int)(of_year - (153 * m + 2) / 5 + 1),
                      .hour = (int)(rest / 3600000),
                      .minute = (int)(rest / 60000 % 60),
                      .second = (int)(rest / 1000 % 60),
                      .ms = (int)(rest % 1000)};
}

int peri_civil_weekday(int64_t days) {
  int64_t w = (days + 4) % 7; /* 1970-01-01 was a Thursday */
  return (int)(w < 0 ? w + 7 : w);
}

static char *digits(char *out, int value, int width) {
  for (int i = width - 1; i >= 0; i--, value /= 10) out[i] = (char)('0' + value % 10);
  return out + width;
}

const char *peri_iso(int64_t ms, char out[PERI_ISO_MAX]) {
  peri_civil c = peri_civil_of(ms);
  char *o = out;
  if (c.year >= 0 && c.year <= 9999) {
    o = digits(o, c.year, 4), *o++ = '-', o = digits(o, c.month, 2), *o++ = '-', o = digits(o, c.day, 2), *o++ = 'T';
    o = digits(o, c.hour, 2), *o++ = ':', o = digits(o, c.minute, 2), *o++ = ':', o = digits(o, c.second, 2), *o++ = '.';
    o = digits(o, c.ms, 3), *o++ = 'Z';
  }
  *o = 0;
  return out;
}

/* Takes exactly `width` digits off the front of s. */
static bool take_digits(peri_str *s, size_t width, int *out) {
  if (s->n < width) return false;
  int v = 0;
  for (size_t i = 0; i < width; i++) {
    if (s->p[i] < '0' || s->p[i] > '9') return false;
    v = v * 10 + (s->p[i] - '0');
  }
  *out = v;
  *s = peri_str_from(*s, width);
  return true;
}

static bool take_char(peri_str *s, char c) {
  if (!s->n || s->p[0] != c) return false;
  *s = peri_str_from(*s, 1);
  return true;
}

static bool is_digit(peri_str s) { return s.n && s.p[0] >= '0' && s.p[0] <= '9'; }

/* Z, +00:00, +0000, +00 */
static bool take_zone(peri_str *s, int *minutes) {
  if (take_char(s, 'Z') || take_char(s, 'z')) {
    *minutes = 0;
    return true;
  }
  int sign = take_char(s, '+') ? 1 : take_char(s, '-') ? -1 : 0, h = 0, m = 0;
  if (!sign || !take_digits(s, 2, &h)) return false;
  if (take_char(s, ':') ? !take_digits(s, 2, &m) : is_digit(*s) && !take_digits(s, 2, &m)) return false;
  if (h > 23 || m > 59) return false;
  *minutes = sign * (h * 60 + m);
  return true;
}

static bool take_fraction(peri_str *s, int *ms) {
  if (!take_char(s, '.') && !take_char(s, ',')) return true;
  if (!is_digit(*s)) return false;
  int v = 0, kept = 0;
  for (; is_digit(*s); *s = peri_str_from(*s, 1))
    if (kept < 3) {
      v = v * 10 + (s->p[0] - '0');
      kept++;
    }
  for (; kept < 3; kept++) v *= 10;
  *ms = v;
  return true;
}

bool peri_iso_read(peri_str s, int zone_minutes, int64_t *ms, bool *had_time, bool *had_zone) {
  peri_civil c = {0};
  bool time = false, zone = false;
  if (!take_digits(&s, 4, &c.year) || !take_char(&s, '-') || !take_digits(&s, 2, &c.month) || !take_char(&s, '-') || !take_digits(&s, 2, &c.day))
    return false;
  if (s.n) {
    if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' ')) return false;
    if (!take_digits(&s, 2, &c.hour) || !take_char(&s, ':') || !take_digits(&s, 2, &c.minute)) return false;
    if (take_char(&s, ':') && (!take_digits(&s, 2, &c.second) || !take_fraction(&s, &c.ms))) return false;
    time = true;
    if (s.n) {
      take_char(&s, ' '); /* "2026-11-23 01:02:03 +0000" */
      if (!take_zone(&s, &zone_minutes) || s.n) return false;
      zone = true;
    }
  }
  if (!peri_civil_valid(&c)) return false;
  *ms = peri_civil_ms(&c) - (int64_t)zone_minutes * 60000;
  if (had_time) *had_time = time;
  if (had_zone) *had_zone = zone;
  return true;
}

static bool take_month(peri_str *s, int *month) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (int i = 0; i < 12; i++)
    if (peri_str_starts(*s, (peri_str){names + 3 * i, 3})) {
      *month = i + 1;
      *s = peri_str_from(*s, 3);
      return true;
    }
  return false;
}

static bool take_clock(peri_str *s, peri_civil *c) {
  return take_digits(s, 2, &c->hour) && take_char(s, ':') && take_digits(s, 2, &c->minute) && take_char(s, ':') && take_digits(s, 2, &c->second);
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994" are obsolete, but a client must understand them. */
bool peri_http_date_read(peri_str s, int64_t *ms) {
  peri_civil c = {0};
  peri_str day, rest = peri_str_cut(s, ',', &day);
  if (day.n == s.n) { /* asctime */
    if (s.n != 24) return false;
    rest = peri_str_from(s, 4);
    if (!take_month(&rest, &c.month) || !take_char(&rest, ' ')) return false;
    if (!(take_char(&rest, ' ') ? take_digits(&rest, 1, &c.day) : take_digits(&rest, 2, &c.day))) return false;
    if (!take_char(&rest, ' ') || !take_clock(&rest, &c) || !take_char(&rest, ' ') || !take_digits(&rest, 4, &c.year) || rest.n) return false;
  } else {
    if (!take_char(&rest, ' ') || !take_digits(&rest, 2, &c.day)) return false;
    char separator = rest.n ? rest.p[0] : 0;
    if (separator != ' ' && separator != '-') return false;
    if (!take_char(&rest, separator) || !take_month(&rest, &c.month) || !take_char(&rest, separator)) return false;
    if (separator == ' ') {
      if (!take_digits(&rest, 4, &c.year)) return false;
    } else {
      if (!take_digits(&rest, 2, &c.year)) return false;
      c.year += c.year < 70 ? 2000 : 1900;
    }
    if (!take_char(&rest, ' ') || !take_clock(&rest, &c) || !peri_str_eq(rest, PERI_STR(" GMT"))) return false;
  }
  if (!peri_civil_valid(&c)) return false;
  *ms = peri_civil_ms(&c);
  return true;
}

/* The digits at the front of s; what follows them is left in s. */
static bool take_count(peri_str *s, int64_t *out) {
  if (!is_digit(*s)) return false;
  int64_t v = 0;
  for (; is_digit(*s); *s = peri_str_from(*s, 1))
    if (__builtin_mul_overflow(v, (int64_t)10, &v) || __builtin_add_overflow(v, (int64_t)(s->p[0] - '0'), &v)) return false;
  *out = v;
  return true;
}

bool peri_duration_read(peri_str s, int64_t *ms) {
  static const struct {
    const char *unit;
    int64_t ms;
  } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", DAY_MS}};
  int64_t v;
  if (!take_count(&s, &v)) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (peri_str_is(s, units[i].unit)) return !__builtin_mul_overflow(v, units[i].ms, ms);
  return false;
}

bool peri_size_read(peri_str s, uint64_t *bytes) {
  static const struct {
    const char *unit;
    uint64_t bytes;
  } units[] = {{"", 1}, {"B", 1}, {"KB", 1u << 10}, {"MB", 1u << 20}, {"GB", 1u << 30}};
  int64_t v;
  if (!take_count(&s, &v)) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (peri_str_eq_nocase(s, peri_str_of(units[i].unit))) return !__builtin_mul_overflow((uint64_t)v, units[i].bytes, bytes);
  return false;
}
