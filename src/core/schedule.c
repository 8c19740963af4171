/* core/schedule: see the header. */
#include "core/schedule.h"

#include <string.h>

#include "base/clock.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)
#define EVERY_MS_MIN 1000
#define EVERY_MS_MAX (INT64_C(366) * DAY_MS)
#define DAYS_AHEAD (366 * 8 + 2) /* 29 February may be eight years away */

/* ---- reading ---- */

typedef struct field {
  const char *what;
  int least, most;
  const char *const *names; /* of least, least + 1, … */
} field;

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const field fields[5] = {{"minute", 0, 59, NULL}, {"hour", 0, 23, NULL}, {"day of the month", 1, 31, NULL}, {"month", 1, 12, month_names}, {"day of the week", 0, 7, weekday_names}};

static bool value(const field *f, peri_str s, int *out) {
  for (int i = 0; f->names && f->names[i]; i++)
    if (peri_str_eq_nocase(s, peri_str_of(f->names[i]))) return *out = f->least + i, true;
  if (!s.n || s.n > 4) return false;
  *out = 0;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9') return false;
    *out = *out * 10 + (s.p[i] - '0');
  }
  return *out >= f->least && *out <= f->most;
}

/* "5", "1-5", "*", each with "/step" */
static bool range(const field *f, peri_str text, uint64_t *bits) {
  peri_str span, step_text = peri_str_cut(text, '/', &span);
  bool stepped = span.n < text.n;
  int step = 1, from = f->least, to = f->most;
  static const field steps = {"step", 1, 366, NULL};
  if (stepped && !value(&steps, step_text, &step)) return false;
  if (!peri_str_is(span, "*")) {
    peri_str first, last = peri_str_cut(span, '-', &first);
    bool ranged = first.n < span.n;
    if (!value(f, first, &from)) return false;
    to = stepped ? f->most : from;
    if (ranged && !value(f, last, &to)) return false;
    if (to < from) return false;
  }
  for (int i = from; i <= to; i += step) *bits |= UINT64_C(1) << i;
  return true;
}

static peri_code read_field(const field *f, peri_str text, uint64_t *bits, peri_err *e) {
  *bits = 0;
  peri_str rest = text, part;
  bool more;
  do {
    size_t before = rest.n;
    rest = peri_str_cut(rest, ',', &part);
    more = part.n < before;
    if (!range(f, part, bits))
      return peri_fail(e, PERI_INVALID, "'%.*s' is no %s: write * or numbers from %d to %d, as in 5 or 1-5 or */10 or 1,15%s", PERI_S(text), f->what, f->least, f->most,
                       f->names ? ", or names such as mon-fri and jan" : "");
  } while (more);
  return PERI_OK;
}

static const char *named(peri_str word) {
  static const char *const names[][2] = {{"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"},
                                         {"@weekly", "0 0 * * 0"}, {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (peri_str_is(word, names[i][0])) return names[i][1];
  return NULL;
}

static size_t words_of(peri_str text, peri_str *out, size_t most) {
  size_t n = 0;
  for (peri_str rest = peri_str_trim(text); rest.n; rest = peri_str_trim(rest)) {
    size_t k = 0;
    while (k < rest.n && rest.p[k] != ' ' && rest.p[k] != '\t') k++;
    if (n < most) out[n] = (peri_str){rest.p, k};
    n++;
    rest = peri_str_from(rest, k);
  }
  return n;
}

static peri_code read_cron(const peri_str *words, peri_schedule *out, peri_err *e) {
  uint64_t bits[5];
  for (int i = 0; i < 5; i++)
    if (read_field(&fields[i], words[i], &bits[i], e)) return e->code;
  out->minutes = bits[0];
  out->hours = (uint32_t)bits[1];
  out->days = (uint32_t)bits[2];
  out->months = (uint32_t)bits[3];
  out->weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 127); /* 7 is Sunday too */
  out->any_hour = words[1].p[0] == '*';
  out->any_day = words[2].p[0] == '*';
  out->any_weekday = words[4].p[0] == '*';
  return PERI_OK;
}

peri_code peri_schedule_read(peri_arena *a, peri_str text, peri_str zone, peri_schedule *out, peri_err *e) {
  *out = (peri_schedule){0};
  peri_str w[7];
  size_t n = words_of(text, w, 7);
  if (n && peri_str_eq_nocase(w[0], PERI_STR("every"))) memmove(w, w + 1, --n * sizeof *w);
  if ((n == 1 || n == 2) && peri_duration_read(w[0], &out->every_ms)) {
    if (out->every_ms < EVERY_MS_MIN || out->every_ms > EVERY_MS_MAX) return peri_fail(e, PERI_INVALID, "'%.*s' is too short or too long: from 1s to 366d", PERI_S(text));
    return n == 1 ? PERI_OK : peri_fail(e, PERI_INVALID, "'%.*s': an interval has no time zone", PERI_S(text));
  }
  const char *fixed = n == 1 || n == 2 ? named(w[0]) : NULL;
  if (fixed) {
    if (n == 2) zone = w[1];
    words_of(peri_str_of(fixed), w, 7);
    n = 5;
  } else if (n == 6)
    zone = w[5], n = 5;
  if (n != 5)
    return peri_fail(e, PERI_INVALID, "'%.*s' is no schedule; write an interval (every 15m), five fields of cron (30 6 * * mon-fri), or @hourly, @daily, @weekly, @monthly", PERI_S(text));
  peri_code code = peri_zone_open(a, zone.n ? zone : PERI_STR("UTC"), &out->zone, e);
  if (!code) code = read_cron(w, out, e);
  if (!code && peri_schedule_next(out, 0, 0) == INT64_MAX) code = peri_fail(e, PERI_INVALID, "'%.*s' never comes: no month has that day", PERI_S(text));
  return code;
}

/* ---- the next moment ---- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Either of the two day fields, if both are named: cron's rule. */
static bool day_matches(const peri_schedule *s, int64_t day) {
  peri_civil c = peri_civil_of(day * DAY_MS);
  if (!(s->months >> c.month & 1)) return false;
  bool in_month = s->days >> c.day & 1, in_week = s->weekdays >> peri_civil_weekday(day) & 1;
  if (!s->any_day && !s->any_weekday) return in_month || in_week;
  return in_month && in_week;
}

static bool minute_matches(const peri_schedule *s, int64_t local_ms) {
  int64_t minute = floor_div(local_ms, MINUTE_MS) % (24 * 60);
  if (minute < 0) minute += 24 * 60;
  return (s->hours >> (minute / 60) & 1) && (s->minutes >> (minute % 60) & 1);
}

/* Real minutes one after another: an hour that comes twice counts twice. */
static int64_t next_running(const peri_schedule *s, int64_t after_ms) {
  int64_t at = (floor_div(after_ms, MINUTE_MS) + 1) * MINUTE_MS;
  for (int days = 0; days < DAYS_AHEAD;) {
    int64_t local = peri_zone_local(s->zone, at), day = floor_div(local, DAY_MS);
    if (day_matches(s, day)) {
      if (minute_matches(s, local)) return at;
      at += MINUTE_MS;
      days += floor_div(peri_zone_local(s->zone, at), DAY_MS) != day;
    } else {
      int64_t next = peri_zone_utc(s->zone, (day + 1) * DAY_MS, NULL);
      at = next > at ? next : at + MINUTE_MS;
      days++;
    }
  }
  return INT64_MAX;
}

/* Local times one after another: a time that comes twice counts once, one that never comes counts at the jump. */
static int64_t next_named(const peri_schedule *s, int64_t after_ms) {
  int64_t local = floor_div(peri_zone_local(s->zone, after_ms), MINUTE_MS) * MINUTE_MS - 2 * 60 * MINUTE_MS; /* clocks are put back by two hours at most */
  int64_t day = floor_div(local, DAY_MS);
  for (int days = 0; days < DAYS_AHEAD; days++, day++) {
    if (!day_matches(s, day)) continue;
    for (int64_t m = day * DAY_MS; m < (day + 1) * DAY_MS; m += MINUTE_MS) {
      if (!(s->hours >> (floor_div(m - day * DAY_MS, 60 * MINUTE_MS)) & 1)) {
        m += 59 * MINUTE_MS;
        continue;
      }
      if (!minute_matches(s, m)) continue;
      int64_t at = peri_zone_utc(s->zone, m, NULL);
      if (at > after_ms) return at;
    }
  }
  return INT64_MAX;
}

int64_t peri_schedule_next(const peri_schedule *s, int64_t after_ms, int64_t phase_ms) {
  if (s->every_ms) {
    int64_t phase = phase_ms % s->every_ms;
    return (floor_div(after_ms - phase, s->every_ms) + 1) * s->every_ms + phase;
  }
  return s->any_hour ? next_running(s, after_ms) : next_named(s, after_ms);
}
