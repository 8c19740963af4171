/* core/holes_stamp: positions as `since` and `upto` write them, and the zones they are written in. The calendar is base/clock's; only named zones ask the
 * system (its zoneinfo files), and a machine without them counts in UTC: a position is off by nothing then, because ISO texts carry their offset, and a
 * wait till midnight ends a few hours early and waits again. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/holes.h"

/* ---- zones ---- */

static bool fixed_zone(peri_str z, int *minutes) {
  if (peri_str_is(z, "Z") || peri_str_eq_nocase(z, PERI_STR("UTC")) || peri_str_eq_nocase(z, PERI_STR("GMT")) || !z.n) {
    *minutes = 0;
    return true;
  }
  if (z.p[0] != '+' && z.p[0] != '-') return false;
  int digits[4] = {0}, n = 0;
  for (size_t i = 1; i < z.n; i++) {
    if (z.p[i] == ':' && n == 2) continue;
    if (z.p[i] < '0' || z.p[i] > '9' || n == 4) return false;
    digits[n++] = z.p[i] - '0';
  }
  if (n != 2 && n != 4) return false;
  int total = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3];
  if (total > 14 * 60) return false;
  *minutes = z.p[0] == '-' ? -total : total;
  return true;
}

/* A name such as "Europe/Berlin": nothing that leaves the folder. */
static bool zone_name(peri_str z) {
  if (z.n > 64 || z.p[0] == '/') return false;
  for (size_t i = 0; i < z.n; i++) {
    char c = z.p[i];
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
    if (!good) return false; /* no dots, so no way up */
  }
  return true;
}

static uint32_t be32(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static int64_t be64(const unsigned char *p) { return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4)); }

typedef struct tzif { uint64_t isut, isstd, leap, times, types, chars; } tzif;
static bool tzif_header(const unsigned char *p, size_t n, tzif *h) {
  if (n < 44 || memcmp(p, "TZif", 4) != 0) return false;
  *h = (tzif){be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40)};
  return true;
}

/* The offset in force at a time, from the 64-bit half of a TZif file. Past the file's last change its last offset counts. */
static bool tzif_minutes(const unsigned char *p, size_t n, int64_t at_s, int *minutes) {
  tzif h;
  if (!tzif_header(p, n, &h) || p[4] < '2') return false;
  uint64_t first = 44 + h.times * 5 + h.types * 6 + h.chars + h.leap * 8 + h.isstd + h.isut;
  if (first >= n || !tzif_header(p + first, n - first, &h)) return false;
  p += first + 44;
  n -= first + 44;
  if (h.types == 0 || h.times * 9 + h.types * 6 > n) return false;
  uint64_t type = 0;
  for (uint64_t i = 0; i < h.times && be64(p + i * 8) <= at_s; i++) type = p[h.times * 8 + i];
  if (type >= h.types) return false;
  *minutes = (int32_t)be32(p + h.times * 9 + type * 6) / 60;
  return *minutes >= -24 * 60 && *minutes <= 24 * 60;
}

int peri_zone_minutes(peri_str zone, int64_t at_ms) {
  int minutes = 0;
  if (fixed_zone(zone, &minutes) || !zone_name(zone)) return minutes;
  char path[128] = "/usr/share/zoneinfo/";
  memcpy(path + 20, zone.p, zone.n);
  path[20 + zone.n] = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return 0;
  unsigned char bytes[16384]; /* the longest zone has 4 KB */
  struct stat st;
  ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, bytes, sizeof bytes) : -1;
  close(fd);
  if (n <= 0 || !tzif_minutes(bytes, (size_t)n, at_ms / 1000, &minutes)) return 0;
  return minutes;
}

/* ---- stamps ---- */

static void put_zone(peri_buf *out, int zone_minutes, bool colon) {
  int m = zone_minutes < 0 ? -zone_minutes : zone_minutes;
  peri_buf_fmt(out, "%c%02d%s%02d", zone_minutes < 0 ? '-' : '+', m / 60, colon ? ":" : "", m % 60);
}

static void put_pattern(peri_buf *out, peri_str form, int64_t ms, int zone_minutes) {
  peri_civil c = peri_civil_of(ms + (int64_t)zone_minutes * 60000);
  int64_t whole_s = ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
  for (size_t i = 0; i < form.n; i++) {
    if (form.p[i] != '%' || i + 1 == form.n) {
      peri_buf_char(out, form.p[i]);
      continue;
    }
    switch (form.p[++i]) {
    case 'Y': peri_buf_fmt(out, "%04d", c.year); break;
    case 'y': peri_buf_fmt(out, "%02d", c.year % 100); break;
    case 'm': peri_buf_fmt(out, "%02d", c.month); break;
    case 'd': peri_buf_fmt(out, "%02d", c.day); break;
    case 'H': peri_buf_fmt(out, "%02d", c.hour); break;
    case 'M': peri_buf_fmt(out, "%02d", c.minute); break;
    case 'S': peri_buf_fmt(out, "%02d", c.second); break;
    case 'L': peri_buf_fmt(out, "%03d", c.ms); break;
    case 'F': peri_buf_fmt(out, "%04d-%02d-%02d", c.year, c.month, c.day); break;
    case 'T': peri_buf_fmt(out, "%02d:%02d:%02d", c.hour, c.minute, c.second); break;
    case 's': peri_buf_fmt(out, "%lld", (long long)whole_s); break;
    case 'z': put_zone(out, zone_minutes, false); break;
    case '%': peri_buf_char(out, '%'); break;
    default: /* what is no letter of ours stays as it was written */
      peri_buf_char(out, '%');
      peri_buf_char(out, form.p[i]);
    }
  }
}

static void put_decimal(peri_buf *out, int64_t micro) {
  uint64_t v = micro < 0 ? 0 - (uint64_t)micro : (uint64_t)micro;
  peri_buf_fmt(out, "%s%llu.%06llu", micro < 0 ? "-" : "", (unsigned long long)(v / 1000000), (unsigned long long)(v % 1000000));
}

peri_json *peri_stamp_json(peri_arena *a, peri_stamp_kind kind, peri_str form, int64_t position, int zone_minutes) {
  peri_buf out = {0};
  peri_jtype type = PERI_J_STRING;
  int64_t s = position >= 0 ? position / 1000 : -((-position + 999) / 1000);
  if (kind == PERI_STAMP_INTEGER) {
    type = PERI_J_NUMBER;
    peri_buf_fmt(&out, "%lld", (long long)position);
  } else if (kind == PERI_STAMP_DECIMAL) put_decimal(&out, position); /* a text: its digits are exact, a JSON number's need not be */
  else if (peri_str_is(form, "ms")) {
    type = PERI_J_NUMBER;
    peri_buf_fmt(&out, "%lld", (long long)position);
  } else if (peri_str_is(form, "s")) {
    type = PERI_J_NUMBER;
    peri_buf_fmt(&out, "%lld", (long long)s);
  } else if (peri_str_is(form, "date") || (!form.n && kind == PERI_STAMP_DATE)) put_pattern(&out, PERI_STR("%F"), position, zone_minutes);
  else if (form.n) put_pattern(&out, form, position, zone_minutes);
  else {
    put_pattern(&out, PERI_STR("%FT%T.%L"), position, zone_minutes);
    if (zone_minutes) put_zone(&out, zone_minutes, true);
    else peri_buf_char(&out, 'Z');
  }
  peri_json *v = peri_json_new(a, type, peri_arena_str(a, peri_buf_view(&out)));
  peri_buf_fini(&out);
  return v;
}
