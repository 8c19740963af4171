/* script: the string, table and utf8 functions against those of Lua itself: generated cases with a fixed seed, the same results,
 * the same errors. */
#include "test_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lualib.h>

#include "script/state.h"

#define CASES 100000 /* `make match` runs twenty million, with another seed: PERI_MATCH_CASES, PERI_MATCH_SEED */

static uint64_t seed = 20261123;

static uint32_t chance(uint32_t n) { /* 0..n-1 */
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)((seed >> 11) % n);
}

typedef struct piece {
  const char *p;
  size_t n;
} piece;
#define P(s) {s, sizeof(s) - 1}

static const piece subjects[] = {P("a"), P("b"), P("ab"), P("A"), P("1"), P("2"), P(" "), P("."), P("%"), P("-"), P("("), P(")"), P("\0"), P("\xc3\xa9"), P("x\n"), P("[")};
static const piece patterns[] = {P("a"),    P("b"),     P("."),       P("%a"),  P("%d"),    P("%s"),      P("%w"),     P("%A"), P("%S"), P("[ab]"), P("[^a]"),  P("[a-c%d]"), P("[%a-]"),
                                 P("%bab"), P("%b()"),  P("%f[%a]"),  P("()"),  P("("),     P(")"),       P("(a)"),    P("(.-)"), P("*"),  P("+"),    P("-"),     P("?"),       P("^"),
                                 P("$"),    P("%1"),    P("%2"),      P("%"),   P("["),     P("]"),       P("\0"),     P("%z"), P("%x"), P("%u"),   P("%l"),    P("%p"),      P("%c"),
                                 P("%g"),   P("%%"),    P("%."),      P("[]]"), P("[^]]"),  P("[%]]"),    P("a*"),     P("b-"), P("%s*"), P("[\0-\x7f]"), P("\xc3"), P("%f[^%w]"), P("(a*(.)%w(%s*))")};
static const piece replacements[] = {P("x"), P("%0"), P("%1"), P("%2"), P("%%"), P("%"), P("<"), P("%a"), P("\0"), P("ab")};
static const char *const formats[] = {"%d",    "%5d",   "%-5d|", "%05d",  "%+d",   "% d",  "%x",   "%X",    "%#x",  "%o",   "%c",    "%s",    "%5s",    "%-5s|", "%.2s",  "%10.3s", "%q", "%f",
                                      "%.2f",  "%10.3f", "%e",   "%g",    "%G",    "%a",   "%i",   "%u",    "%%",   "%",    "%z",    "%100d", "%.100f", "%#s",   "%5.1d", "% x",    "%.3d",
                                      "%+.1e", "%-+5d", "%.20s", "%099d", "%.99f", "%05s", "%-05d", "%5q", "%.3q", "%.0f", "%#.3g", "%1.1.1f", "text"};

static void push_built(lua_State *L, const piece *pieces, size_t count, uint32_t most) {
  char text[400];
  size_t n = 0;
  for (uint32_t k = chance(most + 1); k > 0; k--) {
    const piece *p = &pieces[chance((uint32_t)count)];
    memcpy(text + n, p->p, p->n);
    n += p->n;
  }
  lua_pushlstring(L, text, n);
}
#define BUILT(L, pieces, most) push_built(L, pieces, sizeof(pieces) / sizeof(pieces)[0], most)

static void push_number(lua_State *L) {
  switch (chance(6)) {
    case 0: lua_pushinteger(L, (lua_Integer)chance(20) - 10); break;
    case 1: lua_pushnumber(L, ((double)chance(2000) - 1000) / 8); break;
    case 2: lua_pushinteger(L, LUA_MININTEGER + chance(2)); break;
    case 3: lua_pushnumber(L, chance(2) ? 1e300 : -1e-300); break;
    case 4: lua_pushinteger(L, (lua_Integer)chance(1000000) * 1000003); break;
    default: lua_pushnumber(L, chance(2) ? 0.1 : 1.0 / 0.0 * (chance(2) ? 1 : -1)); break;
  }
}

static int replace_by_function(lua_State *L) { /* some captures, nothing, false, a number, a wrong type: by the first byte */
  size_t n;
  const char *p = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : "0";
  switch ((unsigned char)*p % 5) {
    case 0: return 0;
    case 1: lua_pushboolean(L, 0); return 1;
    case 2: lua_pushinteger(L, lua_gettop(L)); return 1;
    case 3: lua_pushliteral(L, "<%1>"); return 1;
    default: lua_settop(L, 1); return 1;
  }
}

/* Leaves the function's name, then its arguments on L: strings, numbers, booleans, one light function, one table. */
static const char *build_case(lua_State *L) {
  static const char *const simple[] = {"lower", "upper", "reverse", "len"};
  switch (chance(12)) {
    case 0:
    case 1:
      BUILT(L, subjects, 12);
      BUILT(L, patterns, 5);
      if (chance(2)) lua_pushinteger(L, (lua_Integer)chance(30) - 15);
      if (lua_gettop(L) > 2 && chance(2)) lua_pushboolean(L, (int)chance(2));
      return "find";
    case 2:
    case 3:
      BUILT(L, subjects, 12);
      BUILT(L, patterns, 5);
      if (chance(3) == 0) lua_pushinteger(L, (lua_Integer)chance(30) - 15);
      return "match";
    case 4:
      BUILT(L, subjects, 12);
      BUILT(L, patterns, 4);
      if (chance(3) == 0) lua_pushinteger(L, (lua_Integer)chance(30) - 15);
      return "gmatch";
    case 5:
    case 6:
    case 7:
      BUILT(L, subjects, 12);
      BUILT(L, patterns, 4);
      switch (chance(5)) {
        case 0: lua_pushcfunction(L, replace_by_function); break;
        case 1:
          lua_newtable(L);
          lua_pushliteral(L, "[A]");
          lua_setfield(L, -2, "a");
          lua_pushboolean(L, 0);
          lua_setfield(L, -2, "b");
          lua_pushinteger(L, 7);
          lua_rawseti(L, -2, 1);
          break;
        case 2: push_number(L); break;
        default: BUILT(L, replacements, 4);
      }
      if (chance(3) == 0) lua_pushinteger(L, (lua_Integer)chance(6) - 1);
      return "gsub";
    case 8:
    case 9: {
      char format[200];
      size_t n = 0;
      uint32_t count = chance(4);
      for (uint32_t i = 0; i < count; i++) n += (size_t)snprintf(format + n, sizeof format - n, "%s", formats[chance(sizeof formats / sizeof formats[0])]);
      lua_pushlstring(L, format, n);
      for (uint32_t i = chance(count + 2); i > 0; i--) {
        switch (chance(5)) {
          case 0: BUILT(L, subjects, 8); break;
          case 1: lua_pushboolean(L, (int)chance(2)); break;
          case 2: lua_pushinteger(L, chance(300)); break;
          case 3: lua_pushnil(L); break;
          default: push_number(L);
        }
      }
      return "format";
    }
    case 10:
      BUILT(L, subjects, 4);
      lua_pushinteger(L, (lua_Integer)chance(12) - 2);
      if (chance(2)) BUILT(L, subjects, 2);
      return "rep";
    default:
      BUILT(L, subjects, 10);
      switch (chance(4)) {
        case 0: lua_pushinteger(L, (lua_Integer)chance(30) - 15);
          if (chance(2)) lua_pushinteger(L, (lua_Integer)chance(30) - 15);
          return "sub";
        case 1: lua_pushinteger(L, (lua_Integer)chance(30) - 15);
          if (chance(2)) lua_pushinteger(L, (lua_Integer)chance(30) - 15);
          return "byte";
        case 2:
          lua_settop(L, 0);
          for (uint32_t i = chance(5); i > 0; i--) lua_pushinteger(L, (lua_Integer)chance(270) - 5);
          return "char";
        default: return simple[chance(4)];
      }
  }
}

static void copy_value(lua_State *from, int index, lua_State *to) {
  size_t n;
  const char *p;
  switch (lua_type(from, index)) {
    case LUA_TSTRING: p = lua_tolstring(from, index, &n); lua_pushlstring(to, p, n); break;
    case LUA_TNUMBER:
      if (lua_isinteger(from, index)) lua_pushinteger(to, lua_tointeger(from, index));
      else lua_pushnumber(to, lua_tonumber(from, index));
      break;
    case LUA_TBOOLEAN: lua_pushboolean(to, lua_toboolean(from, index)); break;
    case LUA_TFUNCTION: lua_pushcfunction(to, lua_tocfunction(from, index)); break;
    case LUA_TTABLE:
      lua_newtable(to);
      lua_pushnil(from);
      while (lua_next(from, index)) {
        copy_value(from, lua_gettop(from) - 1, to);
        copy_value(from, lua_gettop(from), to);
        lua_rawset(to, -3);
        lua_pop(from, 1);
      }
      break;
    default: lua_pushnil(to);
  }
}

/* Calls function and arguments on top of base; gmatch is run to its end. Everything it gave as text. */
static void run_case(lua_State *L, int base, const char *name, peri_buf *out) {
  int rounds = strcmp(name, "gmatch") == 0 ? 20 : 0;
  int status = lua_pcall(L, lua_gettop(L) - base - 1, LUA_MULTRET, 0);
  for (;;) {
    if (status != LUA_OK) {
      const char *text = lua_tostring(L, -1);
      peri_buf_fmt(out, "error %s", !text ? "?" : strncmp(text, "bad argument", 12) == 0 ? "bad argument" : text);
      break;
    }
    if (rounds == 0 || (rounds < 20 && lua_isnil(L, base + 1))) {
      for (int i = base + 1; i <= lua_gettop(L); i++) {
        size_t n;
        const char *p = luaL_tolstring(L, i, &n);
        peri_buf_fmt(out, "%s:", lua_isinteger(L, i) ? "integer" : luaL_typename(L, i));
        peri_buf_put(out, p, n);
        peri_buf_char(out, ';');
        lua_pop(L, 1);
      }
      break;
    }
    if (rounds < 20) { /* captures of one round lie above the iterator */
      for (int i = base + 2; i <= lua_gettop(L); i++) {
        size_t n;
        const char *p = luaL_tolstring(L, i, &n);
        peri_buf_put(out, p, n);
        peri_buf_char(out, ',');
        lua_pop(L, 1);
      }
      if (lua_gettop(L) < base + 2 || lua_isnil(L, base + 2) || rounds == 1) break;
    }
    rounds--;
    lua_settop(L, base + 1);
    lua_pushvalue(L, base + 1);
    status = lua_pcall(L, 0, LUA_MULTRET, 0);
  }
  lua_settop(L, base);
}

static void string_functions_agree_with_lua(void **state) {
  (void)state;
  lua_State *theirs = luaL_newstate();
  luaL_openlibs(theirs);
  peri_script *s = peri_script_new(NULL);
  lua_State *ours = s->L;
  lua_State *args = luaL_newstate();
  peri_buf a = {0}, b = {0};
  size_t errors = 0;
  const char *wanted = getenv("PERI_MATCH_CASES"), *other = getenv("PERI_MATCH_SEED");
  long cases = wanted ? strtol(wanted, NULL, 10) : CASES;
  if (other) seed = strtoull(other, NULL, 10) * 2654435761u + 1;
  for (long i = 0; i < cases; i++) {
    if (i > 0 && i % 1000000 == 0) {
      print_message("%ld cases agree\n", i);
      fflush(stdout);
    }
    lua_settop(args, 0);
    const char *name = build_case(args);
    lua_getglobal(theirs, "string");
    lua_getfield(theirs, -1, name);
    lua_remove(theirs, -2);
    int base = PERI_SLOTS;
    lua_getglobal(ours, "string");
    lua_getfield(ours, -1, name);
    lua_remove(ours, -2);
    for (int k = 1; k <= lua_gettop(args); k++) {
      copy_value(args, k, theirs);
      copy_value(args, k, ours);
    }
    peri_buf_clear(&a);
    peri_buf_clear(&b);
    run_case(theirs, 0, name, &a);
    peri_budget_enter(s, 100000);
    run_case(ours, base, name, &b);
    peri_budget_leave(s);
    s->build.n = 0;
    if (!peri_str_eq(peri_buf_view(&a), peri_buf_view(&b))) {
      for (int k = 1; k <= lua_gettop(args); k++) print_error("  argument %d: %s\n", k, luaL_tolstring(args, k, NULL)), lua_pop(args, 1);
      fail_msg("case %ld, %s: Lua gives %s, we give %s", i, name, peri_buf_c(&a), peri_buf_c(&b));
    }
    if (a.n > 5 && memcmp(a.p, "error", 5) == 0) errors++;
  }
  print_message("%ld cases agree, %zu of them errors\n", cases, errors);
  assert_true(errors > (size_t)cases / 100 && errors < (size_t)cases / 2); /* the generator makes both kinds */
  peri_buf_fini(&a);
  peri_buf_fini(&b);
  lua_close(args);
  lua_close(theirs);
  peri_script_free(s);
}

/* Whole snippets, run by both; each returns a text. */
static const char *const snippets[] = {
    "local t = {} for i = 1, 50 do t[i] = (i * 37) % 101 end table.sort(t) return table.concat(t, ',')",
    "local t = {} for i = 1, 300 do t[i] = (i * 7919) % 1009 end table.sort(t, function(a, b) return a > b end) return table.concat(t, ',')",
    "local t = {5, 3, 1} table.insert(t, 2, 9) table.insert(t, 7) return table.concat(t, ' ') .. #t",
    "local t = {1, 2, 3, 4} local r = table.remove(t, 2) return r .. ':' .. table.concat(t, ',') .. tostring(table.remove({})) .. table.remove(t)",
    "return table.concat(table.move({1, 2, 3}, 1, 3, 2), ',') .. table.concat(table.move({1, 2, 3}, 2, 3, 1), ',')",
    "return select('#', table.unpack({1, nil, 3}, 1, 3)) .. table.pack(1, nil, 3).n .. select(-1, 1, 2, 3)",
    "return tostring(pcall(table.insert, {1, 2}, 5, 1)) .. tostring(pcall(table.concat, {{}})) .. tostring(pcall(table.unpack, {}, 1, 1e8))",
    "local out = {} for p, c in utf8.codes('aé€😀') do out[#out + 1] = p .. '=' .. c end return table.concat(out, ' ') .. utf8.len('aé€') .. utf8.char(228, 8364)",
    "return tostring(utf8.len('\\xff')) .. utf8.offset('aé€', 3) .. utf8.codepoint('é') .. tostring(pcall(utf8.codepoint, '\\xff'))",
    "return ('%d %s %5.2f %q'):format(3, 'x', 1.5, 'a\\nb') .. ('x'):rep(3, '-') .. #('abc') .. ('abc'):byte(-1)",
    "return '10' + 5 .. '|' .. '3' * '4' .. '|' .. 10 // '3' .. '|' .. -'2' .. '|' .. '0x10' + 0",
    "return math.floor(3.7) .. math.ceil(-3.7) .. math.max(1, 5, 3) .. math.tointeger(3.0) .. math.type(1) .. math.type(1.0) .. math.fmod(7, 3)",
    "local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return co(1) .. ',' .. co(10)",
    "local co = coroutine.create(function() error('x', 0) end) local ok, e = coroutine.resume(co) return tostring(ok) .. e .. coroutine.status(co)",
    "return select(2, pcall(error, 'plain', 0)) .. tostring(select(2, xpcall(error, function(e) return e .. '!' end, 'x')))",
    "local ok, e = pcall(function() local x = nil; return x.y end) return tostring(ok) .. (e:match('attempt.*'))",
    "local co = coroutine.wrap(function() local ok, v = pcall(function() return coroutine.yield(1) + 1 end) return v end) return co() .. co(41)",
    "local t = setmetatable({}, {__index = function(_, k) return k .. '!' end, __call = function(_, a) return a end}) return t.x .. t(2)",
    "return tostring(nil) .. tostring(true) .. tostring(1.0) .. tostring(-0.0) .. 2^53 .. 1e15 .. 1e100 .. 10 // 3 .. 7 // 2.0",
    "return tostring(tonumber('0x1p4')) .. tostring(tonumber('  12  ')) .. tostring(tonumber('z', 36)) .. tostring(tonumber('1e1')) .. tostring(tonumber(''))",
    "local n = 0 for k, v in pairs({1, 2, x = 3}) do n = n + v end for i, v in ipairs({1, 2, nil, 4}) do n = n + v end return '' .. n",
    "return tostring(rawequal('a', 'a')) .. rawlen({1, 2}) .. tostring(rawget({5}, 1)) .. tostring(next({})) .. type(print)",
    "return ('%s'):rep(3):format(1, 2.5, 'x') .. ('a,b,,c'):gsub(',', ';') .. ('x'):rep(0) .. ('äöü'):upper()",
    "local s = '' for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do s = s .. k .. v end return s",
};

static void snippets_agree_with_lua(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof snippets / sizeof snippets[0]; i++) {
    lua_State *theirs = luaL_newstate();
    luaL_openlibs(theirs);
    if (luaL_dostring(theirs, snippets[i]) != LUA_OK) fail_msg("%s: %s", snippets[i], lua_tostring(theirs, -1));
    peri_buf want = {0};
    size_t n;
    const char *p = lua_tolstring(theirs, -1, &n);
    peri_json_quote(&want, (peri_str){p, n});
    bench b = bench_new();
    peri_str got = bench_body(&b, snippets[i], "");
    if (!peri_str_eq(got, peri_buf_view(&want))) fail_msg("%s\n  Lua gives %s\n  we give   %.*s", snippets[i], peri_buf_c(&want), PERI_S(got));
    bench_free(&b);
    peri_buf_fini(&want);
    lua_close(theirs);
  }
}

static void dates_are_utc(void **state) {
  (void)state;
  bench b = bench_new();
  assert_str(bench_body(&b, "os.date('%Y-%m-%d %H:%M:%S %a %b %j %p %y %%', 951782400)", ""), "\"2000-02-29 00:00:00 Tue Feb 060 AM 00 %\"");
  assert_str(bench_body(&b, "os.date('!%c', 0)", ""), "\"Thu Jan  1 00:00:00 1970\"");
  assert_str(bench_body(&b, "os.date('*t', 86399).hour * 100 + os.date('!*t', 86399).min", ""), "2359");
  assert_str(bench_body(&b, "os.time { year = 2000, month = 2, day = 29, hour = 0 }", ""), "951782400");
  assert_str(bench_body(&b, "os.time { year = 2024, month = 14, day = 31, hour = 0 }", ""), "1740960000"); /* carries over: 3 March 2025 */
  assert_str(bench_body(&b, "os.date('%F', os.time { year = 2023, month = 12, day = 32 })", ""), "\"2024-01-01\"");
  bench_free(&b);
}

static void chance_is_the_same_in_every_state(void **state) {
  (void)state;
  bench a = bench_new(), b = bench_new();
  const char *body = "local t = {} for i = 1, 20 do t[i] = math.random(1000) .. '/' .. math.random() end return t";
  peri_str first = bench_body(&a, body, "");
  assert_true(peri_str_eq(first, bench_body(&b, body, "")));
  assert_false(peri_str_eq(first, bench_body(&a, body, "")));
  assert_str(bench_body(&a, "local n = 0 for i = 1, 1000 do local r = math.random(3, 5) if r < 3 or r > 5 then n = n + 1 end end return n", ""), "0");
  assert_str(bench_body(&a, "math.randomseed(7) local x = math.random(1e9) math.randomseed(7) return x == math.random(1e9)", ""), "true");
  bench_free(&a);
  bench_free(&b);
}

int test_script_match(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(string_functions_agree_with_lua), cmocka_unit_test(snippets_agree_with_lua), cmocka_unit_test(dates_are_utc),
                                     cmocka_unit_test(chance_is_the_same_in_every_state)};
  return cmocka_run_group_tests_name("script against Lua", tests, NULL, NULL);
}
