/* script/stdlibs: math, utf8 and os, as far as they are values and not powers.
 *
 * math.random starts from the same seed in every state. os knows the time in UTC and nothing else: no zone of this machine
 * (libc's calendar opens files, and a jailed worker may not), no environment, no files. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "script/state.h"

/* ---- math ---- */

static uint64_t rotl(uint64_t x, int n) { return (x << n) | (x >> (64 - n)); }

uint64_t peri_random_next(uint64_t s[4]) {
  uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return result;
}

static int math_random(lua_State *L) {
  peri_script *s = peri_state_of(L);
  uint64_t r = peri_random_next(s->random);
  lua_Integer low = 1, up;
  switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, (double)(r >> 11) * (0.5 / ((uint64_t)1 << 52))); return 1;
    case 1:
      up = luaL_checkinteger(L, 1);
      if (up == 0) {
        lua_pushinteger(L, (lua_Integer)r);
        return 1;
      }
      break;
    case 2:
      low = luaL_checkinteger(L, 1);
      up = luaL_checkinteger(L, 2);
      break;
    default: return luaL_error(L, "wrong number of arguments");
  }
  luaL_argcheck(L, low <= up, lua_gettop(L), "interval is empty");
  uint64_t span = (uint64_t)up - (uint64_t)low + 1;
  if (span != 0) { /* 0: the whole range */
    uint64_t reject = (0 - span) % span;
    while (r < reject) r = peri_random_next(s->random);
    r %= span;
  }
  r += (uint64_t)low;
  lua_pushinteger(L, (lua_Integer)r);
  return 1;
}

static int math_randomseed(lua_State *L) {
  peri_script *s = peri_state_of(L);
  uint64_t x = lua_isinteger(L, 1) ? (uint64_t)lua_tointeger(L, 1) : (uint64_t)(int64_t)fmod(luaL_optnumber(L, 1, 0), 9e15);
  for (int i = 0; i < 4; i++) { /* splitmix64 */
    uint64_t z = (x += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    s->random[i] = z ^ (z >> 31);
  }
  return 0;
}

void peri_open_math(lua_State *L) {
  static const luaL_Reg functions[] = {{"random", math_random}, {"randomseed", math_randomseed}, {NULL, NULL}};
  peri_lend_into(L, "math");
  peri_set_functions(L, functions);
  lua_pushnumber(L, 3.141592653589793);
  lua_setfield(L, -2, "pi");
  lua_pushnumber(L, HUGE_VAL);
  lua_setfield(L, -2, "huge");
  lua_pushinteger(L, LUA_MAXINTEGER);
  lua_setfield(L, -2, "maxinteger");
  lua_pushinteger(L, LUA_MININTEGER);
  lua_setfield(L, -2, "mininteger");
}

/* ---- utf8: codes is our own, because that of 5.4.4 passes over stray bytes ---- */

static size_t decode_utf8(const char *p, size_t left, uint32_t *code) {
  const unsigned char *u = (const unsigned char *)p;
  for (size_t n = 1; n <= 4 && n <= left; n++) {
    if (!peri_utf8_valid((peri_str){p, n})) continue;
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    *code = u[0] & masks[n];
    for (size_t i = 1; i < n; i++) *code = *code << 6 | (u[i] & 0x3f);
    return n;
  }
  return 0;
}

static int next_code(lua_State *L) {
  size_t n, step;
  const char *p = luaL_checklstring(L, 1, &n);
  lua_Unsigned at = (lua_Unsigned)lua_tointeger(L, 2); /* where the last one began, from 1; 0 at the start */
  uint32_t code;
  if (at > n) return 0;
  if (at > 0) {
    step = decode_utf8(p + at - 1, n - (size_t)at + 1, &code);
    if (step == 0) return luaL_error(L, "invalid UTF-8 code");
    at = at - 1 + step;
  }
  if (at >= n) return 0;
  if (decode_utf8(p + at, n - (size_t)at, &code) == 0) return luaL_error(L, "invalid UTF-8 code");
  lua_pushinteger(L, (lua_Integer)at + 1);
  lua_pushinteger(L, (lua_Integer)code);
  return 2;
}

static int utf8_codes(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_pushcfunction(L, next_code);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

void peri_open_utf8(lua_State *L) {
  static const luaL_Reg functions[] = {{"codes", utf8_codes}, {NULL, NULL}};
  peri_lend_into(L, "utf8");
  peri_set_functions(L, functions);
  lua_pushlstring(L, "[\0-\x7F\xC2-\xFD][\x80-\xBF]*", 14);
  lua_setfield(L, -2, "charpattern");
}

/* ---- os: time in UTC ---- */

static const char *const day_names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};

static int os_clock(lua_State *L) {
  struct timespec ts;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  long whole_ms = ts.tv_nsec / 1000000;
  lua_pushnumber(L, (double)ts.tv_sec + (double)whole_ms / 1000);
  return 1;
}

static int os_difftime(lua_State *L) {
  lua_pushnumber(L, luaL_checknumber(L, 1) - luaL_checknumber(L, 2));
  return 1;
}

static int field(lua_State *L, const char *name, int fallback) {
  int ok;
  lua_getfield(L, 1, name);
  lua_Integer v = lua_tointegerx(L, -1, &ok);
  if (!ok) {
    if (!lua_isnil(L, -1)) return luaL_error(L, "field '%s' is not an integer", name);
    if (fallback < 0) return luaL_error(L, "field '%s' missing in date table", name);
    v = fallback;
  }
  if (v < -1000000 || v > 1000000) return luaL_error(L, "field '%s' is out-of-bound", name);
  lua_pop(L, 1);
  return (int)v;
}

static int os_time(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_pushinteger(L, peri_now_ms() / 1000);
    return 1;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  int year = field(L, "year", -1), month = field(L, "month", -1) - 1, day = field(L, "day", -1);
  int hour = field(L, "hour", 12), minute = field(L, "min", 0), second = field(L, "sec", 0);
  /* values out of range carry over, as with mktime */
  year += month / 12;
  month %= 12;
  if (month < 0) {
    month += 12;
    year--;
  }
  lua_Integer days = (lua_Integer)peri_civil_days(year, month + 1, 1) + day - 1;
  lua_pushinteger(L, days * 86400 + (lua_Integer)hour * 3600 + (lua_Integer)minute * 60 + second);
  return 1;
}

static void set_int(lua_State *L, const char *name, int v) {
  lua_pushinteger(L, v);
  lua_setfield(L, -2, name);
}

static void put_date(lua_State *L, peri_script *s, size_t base, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void put_date(lua_State *L, peri_script *s, size_t base, const char *format, ...) {
  char text[64];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  peri_build_put(L, s, base, text, n > 0 ? (size_t)n : 0);
}

static int year_day(const peri_civil *c) { return (int)(peri_civil_days(c->year, c->month, c->day) - peri_civil_days(c->year, 1, 1)); }

static void put_field(lua_State *L, peri_script *s, size_t base, char spec, const peri_civil *c, int64_t seconds) {
  int week_day = peri_civil_weekday(peri_civil_days(c->year, c->month, c->day));
  int hour12 = c->hour % 12 ? c->hour % 12 : 12;
  switch (spec) {
    case 'a': put_date(L, s, base, "%.3s", day_names[week_day]); break;
    case 'A': put_date(L, s, base, "%s", day_names[week_day]); break;
    case 'b':
    case 'h': put_date(L, s, base, "%.3s", month_names[c->month - 1]); break;
    case 'B': put_date(L, s, base, "%s", month_names[c->month - 1]); break;
    case 'c':
      put_date(L, s, base, "%.3s %.3s %2d %02d:%02d:%02d %d", day_names[week_day], month_names[c->month - 1], c->day, c->hour, c->minute, c->second, c->year);
      break;
    case 'C': put_date(L, s, base, "%02d", c->year / 100); break;
    case 'd': put_date(L, s, base, "%02d", c->day); break;
    case 'D':
    case 'x': put_date(L, s, base, "%02d/%02d/%02d", c->month, c->day, c->year % 100); break;
    case 'e': put_date(L, s, base, "%2d", c->day); break;
    case 'F': put_date(L, s, base, "%d-%02d-%02d", c->year, c->month, c->day); break;
    case 'H': put_date(L, s, base, "%02d", c->hour); break;
    case 'I': put_date(L, s, base, "%02d", hour12); break;
    case 'j': put_date(L, s, base, "%03d", year_day(c) + 1); break;
    case 'm': put_date(L, s, base, "%02d", c->month); break;
    case 'M': put_date(L, s, base, "%02d", c->minute); break;
    case 'n': put_date(L, s, base, "\n"); break;
    case 'p': put_date(L, s, base, "%s", c->hour < 12 ? "AM" : "PM"); break;
    case 'r': put_date(L, s, base, "%02d:%02d:%02d %s", hour12, c->minute, c->second, c->hour < 12 ? "AM" : "PM"); break;
    case 'R': put_date(L, s, base, "%02d:%02d", c->hour, c->minute); break;
    case 's': put_date(L, s, base, "%lld", (long long)seconds); break;
    case 'S': put_date(L, s, base, "%02d", c->second); break;
    case 't': put_date(L, s, base, "\t"); break;
    case 'T':
    case 'X': put_date(L, s, base, "%02d:%02d:%02d", c->hour, c->minute, c->second); break;
    case 'u': put_date(L, s, base, "%d", week_day ? week_day : 7); break;
    case 'w': put_date(L, s, base, "%d", week_day); break;
    case 'y': put_date(L, s, base, "%02d", c->year % 100); break;
    case 'Y': put_date(L, s, base, "%d", c->year); break;
    case 'z': put_date(L, s, base, "+0000"); break;
    case 'Z': put_date(L, s, base, "UTC"); break;
    case '%': put_date(L, s, base, "%%"); break;
    default: luaL_argerror(L, 1, lua_pushfstring(L, "invalid conversion specifier '%%%c'", spec));
  }
}

static int os_date(lua_State *L) {
  peri_script *s = peri_state_of(L);
  size_t n;
  const char *p = luaL_optlstring(L, 1, "%c", &n);
  const char *end = p + n;
  lua_Integer seconds = lua_isnoneornil(L, 2) ? (lua_Integer)(peri_now_ms() / 1000) : luaL_checkinteger(L, 2);
  if (seconds < -62167219200 || seconds > 253402300799) return luaL_argerror(L, 2, "years 0 to 9999 can be written");
  peri_civil c = peri_civil_of((int64_t)seconds * 1000);
  if (*p == '!') p++; /* it is always UTC */
  if (strncmp(p, "*t", 2) == 0) {
    lua_createtable(L, 0, 9);
    set_int(L, "year", c.year);
    set_int(L, "month", c.month);
    set_int(L, "day", c.day);
    set_int(L, "hour", c.hour);
    set_int(L, "min", c.minute);
    set_int(L, "sec", c.second);
    set_int(L, "yday", year_day(&c) + 1);
    set_int(L, "wday", peri_civil_weekday(peri_civil_days(c.year, c.month, c.day)) + 1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "isdst");
    return 1;
  }
  size_t base = peri_build_begin(s);
  while (p < end) {
    if (*p != '%') {
      peri_build_put(L, s, base, p++, 1);
      continue;
    }
    if (++p >= end) return luaL_argerror(L, 1, "invalid conversion specifier '%'");
    put_field(L, s, base, *p++, &c, seconds);
  }
  peri_build_push(L, s, base);
  return 1;
}

void peri_open_os(lua_State *L) {
  static const luaL_Reg functions[] = {{"clock", os_clock}, {"date", os_date}, {"difftime", os_difftime}, {"time", os_time}, {NULL, NULL}};
  peri_set_functions(L, functions);
}
