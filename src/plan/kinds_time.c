/* plan/kinds_time: date, datetime, time, and the moment of a stream's stamp. Everything becomes UTC with milliseconds.
 * Refuses named zones (the sandbox has no zone files, and a rule of 2025 need not hold in 2026) and numbers whose unit can't be told. */
#include "base/clock.h"
#include "plan/inside.h"

#define SECONDS_MOST 100000000000LL /* below it a bare number counts seconds (until 5138), above it ms (after 1973) */
#define MS_MOST 100000000000000LL   /* beyond it microseconds would be meant; name the unit with format instead */
#define YEAR_0_MS (-62167219200000LL)
#define YEAR_10000_MS 253402300800000LL
#define DAY_MS 86400000LL

static bool two(const char *p, int *v) {
  if (!plan_digit(p[0]) || !plan_digit(p[1])) return false;
  *v = (p[0] - '0') * 10 + (p[1] - '0');
  return true;
}

bool plan_zone_read(peri_str text, int *minutes) {
  *minutes = 0;
  text = peri_str_trim(text);
  if (peri_str_is(text, "UTC") || peri_str_is(text, "GMT") || peri_str_is(text, "Z") || peri_str_is(text, "Etc/UTC")) return true;
  int h, m = 0;
  if (text.n < 3 || (text.p[0] != '+' && text.p[0] != '-') || !two(text.p + 1, &h)) return false;
  peri_str rest = peri_str_from(text, 3);
  if (rest.n && rest.p[0] == ':') rest = peri_str_from(rest, 1);
  if (rest.n && (rest.n != 2 || !two(rest.p, &m))) return false;
  if (h > 14 || m > 59) return false;
  *minutes = (text.p[0] == '-' ? -1 : 1) * (h * 60 + m);
  return true;
}

/* ---- patterns: %d.%m.%Y ---- */

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

static const char directives[] = "YymdeHIMSLfpzbBTF%";

bool plan_format_check(peri_str format, const char **what) {
  *what = NULL;
  if (peri_str_is(format, "ms") || peri_str_is(format, "s") || peri_str_is(format, "iso")) return true;
  if (!format.p || !memchr(format.p, '%', format.n)) *what = "is neither \"ms\", \"s\", \"iso\" nor a pattern such as \"%d.%m.%Y\"";
  for (size_t i = 0; !*what && format.p && i < format.n; i++)
    if (format.p[i] == '%' && (++i >= format.n || !strchr(directives, format.p[i])))
      *what = "holds a % that means nothing (known: %Y %y %m %d %e %H %I %M %S %L %p %z %b %B %T %F %%)";
  return !*what;
}

typedef struct reading {
  peri_str s;
  int year, month, day, hour, minute, second, ms, zone;
  bool pm, am;
} reading;

static bool digits(reading *d, size_t least, size_t most, int *v) {
  size_t n = 0;
  *v = 0;
  while (n < most && n < d->s.n && plan_digit(d->s.p[n])) *v = *v * 10 + (d->s.p[n++] - '0');
  d->s = peri_str_from(d->s, n);
  return n >= least;
}

static bool month_name(reading *d, bool whole) {
  for (int m = 0; m < 12; m++) {
    if (d->s.n < 3 || !peri_str_eq_nocase((peri_str){d->s.p, 3}, (peri_str){months + 3 * m, 3})) continue;
    size_t n = 3;
    while (whole && n < d->s.n && (d->s.p[n] | 32) >= 'a' && (d->s.p[n] | 32) <= 'z') n++;
    d->s = peri_str_from(d->s, n);
    d->month = m + 1;
    return true;
  }
  return false;
}

static bool fraction(reading *d) {
  int scale = 100;
  if (!d->s.n || !plan_digit(d->s.p[0])) return false;
  for (d->ms = 0; d->s.n && plan_digit(d->s.p[0]); d->s = peri_str_from(d->s, 1), scale /= 10) d->ms += (d->s.p[0] - '0') * scale;
  return true;
}

static bool zone(reading *d) {
  size_t n = 0;
  while (n < d->s.n && d->s.p[n] != ' ') n++;
  if (!plan_zone_read((peri_str){d->s.p, n}, &d->zone)) return false;
  d->s = peri_str_from(d->s, n);
  return true;
}

static bool half_day(reading *d) {
  if (d->s.n < 2 || (d->s.p[1] | 32) != 'm') return false;
  d->pm = (d->s.p[0] | 32) == 'p';
  d->am = (d->s.p[0] | 32) == 'a';
  d->s = peri_str_from(d->s, 2);
  return d->pm || d->am;
}

static bool literal(reading *d, char c) {
  if (!d->s.n || d->s.p[0] != c) return false;
  d->s = peri_str_from(d->s, 1);
  return true;
}

static bool directive(reading *d, char c) {
  switch (c) {
  case 'Y': return digits(d, 4, 4, &d->year);
  case 'y':
    if (!digits(d, 2, 2, &d->year)) return false;
    d->year += d->year < 69 ? 2000 : 1900; /* as POSIX */
    return true;
  case 'm': return digits(d, 1, 2, &d->month);
  case 'd':
  case 'e':
    while (c == 'e' && d->s.n && d->s.p[0] == ' ') d->s = peri_str_from(d->s, 1);
    return digits(d, 1, 2, &d->day);
  case 'H':
  case 'I': return digits(d, 1, 2, &d->hour) && (c == 'H' || (d->hour >= 1 && d->hour <= 12));
  case 'M': return digits(d, 1, 2, &d->minute);
  case 'S': return digits(d, 1, 2, &d->second);
  case 'L':
  case 'f': return fraction(d);
  case 'p': return half_day(d);
  case 'z': return zone(d);
  case 'b':
  case 'B': return month_name(d, c == 'B');
  case 'T': return directive(d, 'H') && literal(d, ':') && directive(d, 'M') && literal(d, ':') && directive(d, 'S');
  case 'F': return directive(d, 'Y') && literal(d, '-') && directive(d, 'm') && literal(d, '-') && directive(d, 'd');
  default: return literal(d, '%');
  }
}

bool plan_format_read(peri_str format, peri_str text, int zone_minutes, int64_t *ms) {
  reading d = {.s = text, .year = 1970, .month = 1, .day = 1, .zone = zone_minutes};
  for (size_t i = 0; i < format.n; i++)
    if (!(format.p[i] == '%' && i + 1 < format.n ? directive(&d, format.p[++i]) : literal(&d, format.p[i]))) return false;
  if (d.s.n) return false;
  if (d.pm || d.am) d.hour = d.hour % 12 + (d.pm ? 12 : 0);
  peri_civil c = {d.year, d.month, d.day, d.hour, d.minute, d.second, d.ms};
  if (!peri_civil_valid(&c)) return false;
  *ms = peri_civil_ms(&c) - (int64_t)d.zone * 60000;
  return true;
}

/* ---- epochs ---- */

/* Seconds with any fraction, or ms: as ms. unit 0: told by its size. */
static bool epoch(peri_str number, char unit, int64_t *ms) {
  int64_t whole = 0;
  bool negative = number.n && number.p[0] == '-';
  size_t i = negative, start = i;
  for (; i < number.n && plan_digit(number.p[i]); i++) {
    if (whole > MS_MOST * 10) return false;
    whole = whole * 10 + (number.p[i] - '0');
  }
  if (i == start) return false;
  if (!unit) unit = whole < SECONDS_MOST ? 's' : 'm';
  if (whole >= (unit == 's' ? YEAR_10000_MS / 1000 : YEAR_10000_MS) || (unit == 'm' && whole >= MS_MOST)) return false;
  int64_t part = 0, scale = 100;
  if (i < number.n && number.p[i] == '.')
    for (i++; i < number.n && plan_digit(number.p[i]); i++, scale /= 10) part += (number.p[i] - '0') * scale;
  if (i != number.n) return false;
  *ms = unit == 's' ? whole * 1000 + part : whole;
  if (negative) *ms = -*ms;
  return true;
}

static bool is_number(peri_str s) {
  size_t dots = 0, i = s.n && s.p[0] == '-', start = i;
  for (; i < s.n; i++)
    if (s.p[i] == '.')
      dots++;
    else if (!plan_digit(s.p[i]))
      return false;
  return i > start && dots <= 1 && plan_digit(s.p[start]);
}

static bool read_form(peri_str form, peri_str text, bool number, int zone_minutes, int64_t *ms) {
  bool time, zoned;
  if (peri_str_is(form, "ms") || peri_str_is(form, "s")) return is_number(text) && epoch(text, form.p[0], ms);
  if (number) return false;
  if (peri_str_is(form, "iso")) return peri_iso_read(text, zone_minutes, ms, &time, &zoned);
  return plan_format_read(form, text, zone_minutes, ms);
}

bool plan_moment(plan_run *r, const plan_field *f, plan_in *in, int64_t *ms) {
  if (in->type != PERI_J_STRING && in->type != PERI_J_NUMBER) return false;
  peri_str text = peri_str_trim(plan_in_text(r, in));
  char digits_text[48];
  bool number = in->type == PERI_J_NUMBER, read = false, time, zoned;
  if (number && memchr(text.p, 'e', text.n) && peri_number_integer(text, digits_text)) text = peri_str_of(digits_text); /* 1.7e12 */
  if (f->format_count && !in->made) {
    for (size_t i = 0; i < f->format_count && !read; i++) read = read_form(f->formats[i], text, number, f->zone_minutes, ms);
  } else {
    read = number || is_number(text) ? epoch(text, 0, ms) : peri_iso_read(text, f->zone_minutes, ms, &time, &zoned) || peri_http_date_read(text, ms);
  }
  return read && *ms >= YEAR_0_MS && *ms < YEAR_10000_MS;
}

/* ---- kinds ---- */

static bool as_text(plan_val *out, peri_str text) {
  *out = (plan_val){.type = PT_TEXT, .text = text, .plain = true};
  return true;
}

static const unsigned char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/* "2024-02-29" */
static bool date_ok(const char *p) {
  int high, low, month, day;
  if (p[4] != '-' || p[7] != '-' || !two(p, &high) || !two(p + 2, &low) || !two(p + 5, &month) || !two(p + 8, &day)) return false;
  if (month < 1 || month > 12 || day < 1) return false;
  int year = high * 100 + low, leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= month_days[month - 1] + leap;
}

/* "2024-10-28T16:39:01.173Z", the form that rows hold: most values come in it and go through as they are */
static bool our_datetime(peri_str s) {
  int h, m, sec, a;
  const char *p = s.p;
  return s.n == 24 && p[10] == 'T' && p[23] == 'Z' && p[13] == ':' && p[16] == ':' && p[19] == '.' && date_ok(p) && two(p + 11, &h) && h < 24 &&
         two(p + 14, &m) && m < 60 && two(p + 17, &sec) && sec < 60 && two(p + 20, &a) && plan_digit(p[22]);
}

static const char *iso_in(plan_run *r, int64_t ms) {
  char *own = peri_arena_bytes(r->arena, PERI_ISO_MAX);
  return peri_iso(ms, own);
}

bool plan_datetime(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  int64_t ms;
  if (in->type == PERI_J_STRING && in->plain && !f->format_count && our_datetime(in->text)) return as_text(out, in->text);
  if (!plan_moment(r, f, in, &ms))
    return f->format_count && !in->made ? plan_wrong(r, f, in, "a date and time written like %.*s", PERI_S(f->formats[0]))
                                        : plan_wrong(r, f, in, "a date and time such as 2026-11-23T01:02:03Z, or seconds or milliseconds since 1970");
  return as_text(out, peri_str_of(iso_in(r, ms)));
}

bool plan_date(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  int64_t ms;
  bool formatted = f->format_count && !in->made;
  if (in->type == PERI_J_STRING && !formatted) {
    peri_str text = peri_str_trim(plan_in_text(r, in));
    if (text.n == 10 && date_ok(text.p)) return as_text(out, text);
    bool time, zoned;
    /* a date with a time counts as written, unless the field says in whose zone */
    if (!f->zone_set && text.n > 10 && date_ok(text.p) && peri_iso_read(text, 0, &ms, &time, &zoned)) return as_text(out, (peri_str){text.p, 10});
  }
  if (!plan_moment(r, f, in, &ms))
    return formatted ? plan_wrong(r, f, in, "a date written like %.*s", PERI_S(f->formats[0])) : plan_wrong(r, f, in, "a date such as 2026-11-23");
  ms += (int64_t)f->zone_minutes * 60000;
  if (ms < YEAR_0_MS || ms >= YEAR_10000_MS) return plan_wrong(r, f, in, "a date such as 2026-11-23");
  return as_text(out, (peri_str){iso_in(r, ms), 10});
}

/* "10:00", "10:00:00", "10:00:00.000Z", "10:00:00+02:00" -> ms of the UTC day */
static bool clock_time(peri_str s, int64_t *ms) {
  int h, m, sec = 0, part = 0, minutes = 0;
  if (s.n < 5 || !two(s.p, &h) || s.p[2] != ':' || !two(s.p + 3, &m) || h > 23 || m > 59) return false;
  s = peri_str_from(s, 5);
  if (s.n >= 3 && s.p[0] == ':') {
    if (!two(s.p + 1, &sec) || sec > 59) return false;
    s = peri_str_from(s, 3);
    if (s.n > 1 && (s.p[0] == '.' || s.p[0] == ',')) {
      int scale = 100;
      s = peri_str_from(s, 1);
      if (!plan_digit(s.p[0])) return false;
      for (; s.n && plan_digit(s.p[0]); s = peri_str_from(s, 1), scale /= 10) part += (s.p[0] - '0') * scale;
    }
  }
  if (s.n && !plan_zone_read(s, &minutes)) return false;
  *ms = ((int64_t)h * 3600 + m * 60 + sec) * 1000 + part - (int64_t)minutes * 60000;
  return true;
}

bool plan_time(plan_run *r, const plan_field *f, plan_in *in, plan_val *out) {
  int64_t ms = 0;
  bool formatted = f->format_count && !in->made, read = false;
  if (in->type == PERI_J_STRING && !formatted) {
    peri_str text = peri_str_trim(plan_in_text(r, in));
    bool had_time = false, zoned;
    read = clock_time(text, &ms);
    if (!read && peri_iso_read(text, f->zone_minutes, &ms, &had_time, &zoned)) read = had_time;
  } else if (formatted) {
    read = plan_moment(r, f, in, &ms);
  }
  if (!read)
    return formatted ? plan_wrong(r, f, in, "a time written like %.*s", PERI_S(f->formats[0]))
                     : plan_wrong(r, f, in, "a time such as 10:30 or 10:30:00");
  ms = ((ms % DAY_MS) + DAY_MS) % DAY_MS;
  peri_str text = {iso_in(r, ms) + 11, ms % 1000 ? 12 : 8};
  return as_text(out, text);
}
