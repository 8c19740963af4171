/* core/zone: see the header. A zone is a list of moments at which its offset changed, and a rule for the years after the list. */
#include "core/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define FILE_BYTES_MAX (256u << 10) /* the greatest zone has 4 KB */
#define DAY_S INT64_C(86400)
#define RULE_YEARS 3 /* around the moment asked about */

typedef struct change {
  int64_t at_s;
  int32_t offset_s; /* from then on */
} change;

/* When summer begins or ends, as POSIX writes it: Mmonth.week.day, Jn (1 to 365, no 29 February), or n (0 to 365). */
typedef struct rule_day {
  char form;
  int month, week, day;
  int32_t time_s; /* local, may be below 0 or over a day */
} rule_day;

struct peri_zone {
  const change *changes;
  size_t count;
  int32_t first_s; /* before all changes */
  bool has_rule;
  int32_t standard_s, summer_s;
  rule_day begins, ends; /* begins.form 0: no summer time */
};

/* ---- the rule behind the list: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

typedef struct cursor { const char *p, *end; } cursor;

static bool take(cursor *c, char what) {
  if (c->p == c->end || *c->p != what) return false;
  c->p++;
  return true;
}

static bool number(cursor *c, int *out) {
  const char *from = c->p;
  for (*out = 0; c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - from < 6; c->p++) *out = *out * 10 + (*c->p - '0');
  return c->p > from;
}

static bool skip_name(cursor *c) {
  const char *from = c->p;
  if (take(c, '<')) {
    while (c->p < c->end && *c->p != '>') c->p++;
    return take(c, '>');
  }
  while (c->p < c->end && ((*c->p >= 'a' && *c->p <= 'z') || (*c->p >= 'A' && *c->p <= 'Z'))) c->p++;
  return c->p - from >= 3;
}

static bool clock_time(cursor *c, int32_t *out) {
  int sign = take(c, '-') ? -1 : (take(c, '+'), 1), part[3] = {0};
  if (!number(c, &part[0])) return false;
  for (int i = 1; i < 3 && take(c, ':'); i++)
    if (!number(c, &part[i])) return false;
  *out = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
  return true;
}

static bool day_of_rule(cursor *c, rule_day *out) {
  *out = (rule_day){.form = 'n', .time_s = 7200};
  if (!take(c, ',')) return false;
  bool ok;
  if (take(c, 'M')) {
    out->form = 'M';
    ok = number(c, &out->month) && take(c, '.') && number(c, &out->week) && take(c, '.') && number(c, &out->day) && out->month >= 1 && out->month <= 12 && out->week >= 1 &&
         out->week <= 5 && out->day <= 6;
  } else {
    if (take(c, 'J')) out->form = 'J';
    ok = number(c, &out->day) && out->day <= 366;
  }
  return ok && (!take(c, '/') || clock_time(c, &out->time_s));
}

static bool read_rule(peri_zone *z, peri_str text) {
  cursor c = {text.p, text.p + text.n};
  if (!skip_name(&c) || !clock_time(&c, &z->standard_s)) return false;
  z->standard_s = -z->standard_s; /* POSIX counts westwards */
  z->summer_s = z->standard_s + 3600;
  if (c.p == c.end) return true;
  if (!skip_name(&c)) return false;
  if (c.p < c.end && *c.p != ',') {
    if (!clock_time(&c, &z->summer_s)) return false;
    z->summer_s = -z->summer_s;
  }
  return day_of_rule(&c, &z->begins) && day_of_rule(&c, &z->ends);
}

static bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* The local second at which the rule's day comes in a year. */
static int64_t rule_local(const rule_day *r, int year) {
  int64_t day;
  if (r->form == 'M') {
    int64_t first = peri_civil_days(year, r->month, 1);
    int64_t next = r->month == 12 ? peri_civil_days(year + 1, 1, 1) : peri_civil_days(year, r->month + 1, 1);
    day = first + (r->day - peri_civil_weekday(first) + 7) % 7 + (r->week - 1) * 7;
    if (day >= next) day -= 7; /* the fifth is the last */
  } else
    day = peri_civil_days(year, 1, 1) + (r->form == 'J' ? r->day - 1 + (leap(year) && r->day >= 60) : r->day);
  return day * DAY_S + r->time_s;
}

/* ---- offsets ---- */

static int64_t floor_s(int64_t ms) { return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000); }

static int32_t rule_offset(const peri_zone *z, int64_t utc_s) {
  if (!z->begins.form) return z->standard_s;
  int year = peri_civil_of(utc_s * 1000).year;
  int32_t offset = z->standard_s;
  int64_t last = INT64_MIN;
  for (int y = year - 1; y < year - 1 + RULE_YEARS; y++) {
    int64_t begins = rule_local(&z->begins, y) - z->standard_s, ends = rule_local(&z->ends, y) - z->summer_s;
    if (begins <= utc_s && begins > last) last = begins, offset = z->summer_s;
    if (ends <= utc_s && ends > last) last = ends, offset = z->standard_s;
  }
  return offset;
}

static int32_t offset_at(const peri_zone *z, int64_t utc_s) {
  if (!z->count || utc_s < z->changes[0].at_s) return z->count || !z->has_rule ? z->first_s : rule_offset(z, utc_s);
  if (z->has_rule && utc_s >= z->changes[z->count - 1].at_s) return rule_offset(z, utc_s);
  size_t low = 0, high = z->count;
  while (high - low > 1) {
    size_t mid = (low + high) / 2;
    if (z->changes[mid].at_s <= utc_s) low = mid;
    else high = mid;
  }
  return z->changes[low].offset_s;
}

int64_t peri_zone_local(const peri_zone *z, int64_t utc_ms) { return utc_ms + (int64_t)offset_at(z, floor_s(utc_ms)) * 1000; }

int64_t peri_zone_utc(const peri_zone *z, int64_t local_ms, int64_t *second) {
  /* only the offsets in force a day before and a day after can hold: no zone changes twice in two days */
  int64_t s = floor_s(local_ms), before = offset_at(z, s - DAY_S), after = offset_at(z, s + DAY_S);
  int64_t early = local_ms - (before > after ? before : after) * 1000, late = local_ms - (before > after ? after : before) * 1000;
  bool early_holds = peri_zone_local(z, early) == local_ms, late_holds = peri_zone_local(z, late) == local_ms;
  if (early_holds || late_holds) {
    int64_t first = early_holds ? early : late;
    if (second) *second = late_holds ? late : first;
    return first;
  }
  /* skipped: the moment of the jump lies between the two readings */
  int64_t low = floor_s(early) - 1, high = floor_s(late) + 1;
  while (high - low > 1) {
    int64_t mid = low + (high - low) / 2;
    if (offset_at(z, mid) == before) low = mid;
    else high = mid;
  }
  if (second) *second = high * 1000;
  return high * 1000;
}

/* ---- reading ---- */

static int64_t big_endian(const unsigned char *p, int bytes) {
  uint64_t v = bytes == 4 && (p[0] & 128) ? ~UINT64_C(0) : 0;
  for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
  return (int64_t)v;
}

typedef struct block {
  int64_t utc_count, std_count, leap_count, time_count, type_count, char_count;
} block;

static bool read_head(const unsigned char *p, size_t n, block *b) {
  if (n < 44 || memcmp(p, "TZif", 4) != 0) return false;
  int64_t *const slots[6] = {&b->utc_count, &b->std_count, &b->leap_count, &b->time_count, &b->type_count, &b->char_count};
  for (int i = 0; i < 6; i++) {
    *slots[i] = big_endian(p + 20 + 4 * i, 4);
    if (*slots[i] < 0 || *slots[i] > 100000) return false;
  }
  return b->type_count > 0;
}

static size_t block_bytes(const block *b, int time_bytes) {
  return (size_t)(b->time_count * (time_bytes + 1) + b->type_count * 6 + b->char_count + b->leap_count * (time_bytes + 4) + b->std_count + b->utc_count);
}

static bool read_file(peri_arena *a, peri_zone *z, const unsigned char *p, size_t n) {
  block b;
  if (!read_head(p, n, &b) || p[4] < '2') return false;
  size_t skip = 44 + block_bytes(&b, 4); /* the old form stands first */
  if (skip >= n || !read_head(p + skip, n - skip, &b)) return false;
  p += skip + 44, n -= skip + 44;
  size_t body = block_bytes(&b, 8);
  if (n < body) return false;
  const unsigned char *times = p, *indexes = times + b.time_count * 8, *types = indexes + b.time_count;
  change *list = peri_arena_take(a, (size_t)(b.time_count + 1) * sizeof *list);
  for (int64_t i = 0; i < b.time_count; i++) {
    if (indexes[i] >= b.type_count) return false;
    list[i] = (change){big_endian(times + i * 8, 8), (int32_t)big_endian(types + indexes[i] * 6, 4)};
  }
  z->changes = list;
  z->count = (size_t)b.time_count;
  z->first_s = (int32_t)big_endian(types, 4);
  const char *footer = (const char *)p + body;
  size_t left = n - body;
  const char *end = left > 2 && footer[0] == '\n' ? memchr(footer + 1, '\n', left - 1) : NULL;
  if (end && end > footer + 1) z->has_rule = read_rule(z, (peri_str){footer + 1, (size_t)(end - footer - 1)});
  return !end || end == footer + 1 || z->has_rule;
}

static bool fixed(peri_str name, int32_t *offset_s) {
  if (peri_str_eq_nocase(name, PERI_STR("UTC")) || peri_str_is(name, "Z")) return *offset_s = 0, true;
  if (!name.n || (name.p[0] != '+' && name.p[0] != '-')) return false;
  cursor c = {name.p, name.p + name.n};
  return clock_time(&c, offset_s) && c.p == c.end && *offset_s > -86400 && *offset_s < 86400;
}

static bool is_name(peri_str s) {
  if (!s.n || s.n > 60 || s.p[0] == '/' || s.p[0] == '.') return false;
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '/' && c != '_' && c != '-' && c != '+') return false;
  }
  return true;
}

peri_code peri_zone_open(peri_arena *a, peri_str name, const peri_zone **out, peri_err *e) {
  peri_zone *z = peri_arena_take(a, sizeof *z);
  *out = z;
  if (fixed(name, &z->first_s)) return PERI_OK;
  char path[128];
  unsigned char *bytes = is_name(name) ? peri_alloc(FILE_BYTES_MAX) : NULL;
  ssize_t n = -1;
  if (bytes) {
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", PERI_S(name));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
      n = read(fd, bytes, FILE_BYTES_MAX);
      close(fd);
    }
  }
  bool whole = n > 0 && read_file(a, z, bytes, (size_t)n);
  free(bytes);
  if (n <= 0) return peri_fail(e, PERI_INVALID, "there is no time zone '%.*s'; write a name such as Europe/Berlin, UTC, or an offset such as +05:30 (names come from the package tzdata)", PERI_S(name));
  return whole ? PERI_OK : peri_fail(e, PERI_INVALID, "%s is no time zone file that can be read; is the package tzdata whole?", path);
}
