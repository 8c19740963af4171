/* script/calls: plans call functions by number. Nothing is allocated for a call but the values themselves. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "script/state.h"

#define BUILD_KEEP_BYTES (1u << 20)

/* ---- values in ---- */

static void push_value(lua_State *L, const peri_value *v, int depth) {
  switch (v->type) {
    case PERI_V_NULL:
      if (depth) peri_push_null(L); /* a nil would leave a hole in a list */
      else lua_pushnil(L);
      break;
    case PERI_V_BOOL: lua_pushboolean(L, v->u.b); break;
    case PERI_V_INT: lua_pushinteger(L, v->u.i); break;
    case PERI_V_NUM: lua_pushnumber(L, v->u.d); break;
    case PERI_V_TEXT:
    case PERI_V_JSON: lua_pushlstring(L, v->u.s.p ? v->u.s.p : "", v->u.s.n); break;
    case PERI_V_LIST: {
      size_t n = v->u.list.count;
      if (depth > PERI_RESULT_DEPTH_MAX || !lua_checkstack(L, 8)) {
        lua_pushnil(L);
        break;
      }
      lua_createtable(L, n < 65536 ? (int)n : 65536, 0);
      peri_mark_table(L, -1, PERI_MARK_ARRAY);
      for (size_t i = 0; i < n; i++) {
        push_value(L, &v->u.list.items[i], depth + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
      }
      break;
    }
  }
}

/* ---- values out ---- */

typedef struct reader {
  peri_script *s;
  lua_State *L;
  peri_arena *arena;
  size_t nodes, bytes;
  char *why;
  size_t why_bytes;
} reader;

static bool refuse(reader *r, const char *why) {
  snprintf(r->why, r->why_bytes, "%s", why);
  return false;
}

static bool read_value(reader *r, int index, peri_value *out, int depth) {
  lua_State *L = r->L;
  if (++r->nodes > PERI_RESULT_NODES_MAX) {
    snprintf(r->why, r->why_bytes, "more than %d values", PERI_RESULT_NODES_MAX);
    return false;
  }
  switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL: out->type = PERI_V_NULL; return true;
    case LUA_TBOOLEAN:
      out->type = PERI_V_BOOL;
      out->u.b = lua_toboolean(L, index);
      return true;
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        out->type = PERI_V_INT;
        out->u.i = lua_tointeger(L, index);
      } else {
        out->type = PERI_V_NUM;
        out->u.d = lua_tonumber(L, index);
        if (!isfinite(out->u.d)) return refuse(r, "a number that is not finite");
      }
      return true;
    case LUA_TSTRING: {
      peri_str text;
      text.p = lua_tolstring(L, index, &text.n);
      r->bytes += text.n;
      if (r->bytes > PERI_RESULT_BYTES_MAX) {
        snprintf(r->why, r->why_bytes, "more than %u KB", PERI_RESULT_BYTES_MAX >> 10);
        return false;
      }
      if (!peri_utf8_valid(text)) return refuse(r, "a text that is not valid UTF-8");
      char *copy = peri_arena_bytes(r->arena, text.n + 1);
      memcpy(copy, text.p, text.n + 1);
      out->type = PERI_V_TEXT;
      out->u.s = (peri_str){copy, text.n};
      return true;
    }
    case LUA_TTABLE: break;
    default:
      if (peri_is_null(L, index)) {
        out->type = PERI_V_NULL;
        return true;
      }
      snprintf(r->why, r->why_bytes, "a %s", peri_to_word(L, index) ? "word" : luaL_typename(L, index));
      return false;
  }
  size_t count;
  if (peri_table_mark(L, index) == PERI_MARK_OTHER) return refuse(r, "a table with a metatable");
  if (depth >= PERI_RESULT_DEPTH_MAX || !lua_checkstack(L, 8)) {
    snprintf(r->why, r->why_bytes, "tables nested deeper than %d (or a table inside itself)", PERI_RESULT_DEPTH_MAX);
    return false;
  }
  int shape = peri_table_shape(L, index, &count, 1); /* an empty table without a mark is a list: `local out = {} for … end return out` */
  if (shape < 0) return refuse(r, "a table that is neither a list (1 to n, without holes) nor an object (names only)");
  if (shape == 1) {
    if (r->nodes + count > PERI_RESULT_NODES_MAX) {
      snprintf(r->why, r->why_bytes, "more than %d values", PERI_RESULT_NODES_MAX);
      return false;
    }
    out->type = PERI_V_LIST;
    out->u.list.count = count;
    out->u.list.items = count ? peri_arena_take(r->arena, count * sizeof(peri_value)) : NULL;
    for (size_t i = 0; i < count; i++) {
      lua_rawgeti(L, index, (lua_Integer)i + 1);
      bool ok = read_value(r, lua_gettop(L), &out->u.list.items[i], depth + 1);
      lua_pop(L, 1);
      if (!ok) return false;
    }
    return true;
  }
  peri_json_caps caps = {PERI_RESULT_BYTES_MAX - r->bytes, PERI_RESULT_NODES_MAX + 1 - r->nodes, PERI_RESULT_DEPTH_MAX - depth};
  peri_buf_clear(&r->s->scratch);
  if (!peri_to_json(r->s, L, index, &r->s->scratch, &caps, r->why, r->why_bytes)) return false;
  r->bytes += r->s->scratch.n;
  out->type = PERI_V_JSON;
  out->u.s = peri_arena_str(r->arena, peri_buf_view(&r->s->scratch));
  return true;
}

bool peri_result_value(peri_script *s, lua_State *L, int index, peri_value *out, peri_arena *arena, char *why, size_t why_bytes) {
  if (lua_type(L, index) == LUA_TSTRING) { /* most results, without the bookkeeping of nested ones */
    size_t n;
    const char *p = lua_tolstring(L, index, &n);
    if (n < PERI_RESULT_BYTES_MAX && peri_utf8_valid((peri_str){p, n})) {
      char *copy = peri_arena_bytes(arena, n + 1);
      memcpy(copy, p, n + 1);
      out->type = PERI_V_TEXT;
      out->u.s = (peri_str){copy, n};
      return true;
    }
  }
  reader r = {s, L, arena, 0, 0, why, why_bytes};
  int top = lua_gettop(L);
  bool ok = read_value(&r, lua_absindex(L, index), out, 0);
  lua_settop(L, top);
  return ok;
}

/* ---- calls ---- */

static void place_of(peri_script *s, int fn, peri_call_fault *fault) {
  lua_Debug ar;
  fault->file[0] = 0;
  fault->line = 0;
  if (lua_rawgeti(s->L, PERI_SLOT_FUNCS, fn) == LUA_TFUNCTION) {
    lua_getinfo(s->L, ">S", &ar);
    if (ar.linedefined >= 0) {
      snprintf(fault->file, sizeof fault->file, "%s", ar.source[0] == '@' || ar.source[0] == '=' ? ar.source + 1 : ar.source);
      fault->line = ar.linedefined ? ar.linedefined : 1;
    }
  } else {
    lua_pop(s->L, 1);
  }
}

static bool begin(peri_script *s, int fn, peri_call_fault *fault) {
  if (s->caller.broken) {
    place_of(s, fn, fault);
    peri_fault_set(fault, PERI_SCRIPT_MEMORY, "an earlier record left no memory; the scripts have to be started afresh");
    return false;
  }
  lua_settop(s->L, PERI_SLOTS);
  if (lua_rawgeti(s->L, PERI_SLOT_FUNCS, fn) == LUA_TFUNCTION) return true;
  lua_settop(s->L, PERI_SLOTS);
  fault->file[0] = 0;
  fault->line = 0;
  peri_fault_set(fault, PERI_SCRIPT_ERROR, "there is no function number %d", fn);
  return false;
}

static void end(peri_script *s) {
  lua_settop(s->L, PERI_SLOTS);
  if (s->build.cap > BUILD_KEEP_BYTES) peri_buf_fini(&s->build);
  if (s->scratch.cap > BUILD_KEEP_BYTES) peri_buf_fini(&s->scratch);
}

static bool call(peri_caller *self, int fn, const peri_value *args, int nargs, peri_value results[2], peri_arena *arena, peri_call_fault *fault) {
  peri_script *s = (peri_script *)(void *)((char *)self - offsetof(peri_script, caller));
  lua_State *L = s->L;
  results[0].type = results[1].type = PERI_V_NULL;
  if (!begin(s, fn, fault)) return false;
  if (nargs > 8 && !lua_checkstack(L, nargs)) {
    peri_fault_set(fault, PERI_SCRIPT_ERROR, "too many values");
    return false;
  }
  for (int i = 0; i < nargs; i++) push_value(L, &args[i], 0);
  peri_phase outer = s->phase;
  s->phase = PERI_PHASE_CALL;
  peri_progress *progress = peri_budget_progress();
  uint32_t at = progress->phase;
  progress->phase = PERI_AT_CALL;
  bool ok = peri_state_run(s, nargs, 2, s->call_ms, fault);
  progress->phase = at;
  s->phase = outer;
  if (ok) {
    char why[160];
    for (int i = 0; ok && i < 2; i++) {
      if (i == 1 && lua_isnil(L, PERI_SLOTS + 2)) break;
      /* a second result counts only as a reason or a verdict's text: anything else there (gsub's count, a table) is not looked at */
      if (i == 1 && lua_type(L, PERI_SLOTS + 2) != LUA_TSTRING) {
        if (lua_isinteger(L, PERI_SLOTS + 2)) results[1] = (peri_value){.type = PERI_V_INT, .u.i = lua_tointeger(L, PERI_SLOTS + 2)};
        break;
      }
      if (!peri_result_value(s, L, PERI_SLOTS + 1 + i, &results[i], arena, why, sizeof why)) {
        place_of(s, fn, fault);
        peri_fault_set(fault, PERI_SCRIPT_ERROR, "it returns %s; a function returns texts, numbers, true, false, nil, lists and objects", why);
        ok = false;
      }
    }
  } else if (!fault->line) {
    peri_call_fault place;
    place_of(s, fn, &place);
    memcpy(fault->file, place.file, sizeof place.file);
    fault->line = place.line;
  }
  end(s);
  return ok;
}

static void mark(peri_caller *self, uint32_t record, uint32_t field) {
  (void)self;
  peri_progress *progress = peri_budget_progress();
  progress->record = record;
  progress->field = field;
}

void peri_calls_init(peri_script *s) {
  s->caller.call = call;
  s->caller.mark = mark;
}

peri_caller *peri_script_caller(peri_script *s) { return &s->caller; }

peri_code peri_script_call_json(peri_script *s, int fn, const peri_str *args, int nargs, peri_buf *result, peri_call_fault *fault) {
  lua_State *L = s->L;
  if (!begin(s, fn, fault)) return fault->code;
  for (int i = 0; i < nargs; i++) {
    peri_span value;
    peri_json_fault json;
    bool sound = args[i].n == 0 || peri_json_check(args[i], &value, &json);
    bool fits = true;
    if (args[i].n == 0) lua_pushnil(L);
    else if (sound) fits = peri_push_json(s, L, value);
    if (sound && fits) continue;
    place_of(s, fn, fault);
    if (sound) peri_fault_set(fault, PERI_SCRIPT_MEMORY, "what it is given is too large");
    else peri_fault_set(fault, PERI_SCRIPT_ERROR, "what it is given is no sound JSON: %s", json.what);
    peri_state_recover(s);
    end(s);
    return fault->code;
  }
  peri_phase outer = s->phase;
  s->phase = PERI_PHASE_CALL;
  bool ok = peri_state_run(s, nargs, 1, s->call_ms, fault);
  s->phase = outer;
  char why[160];
  if (ok && !peri_to_json(s, L, -1, result, &peri_result_caps, why, sizeof why)) {
    place_of(s, fn, fault);
    peri_fault_set(fault, PERI_SCRIPT_ERROR, "it returns %s", why);
    ok = false;
  }
  end(s);
  return ok ? PERI_OK : fault->code;
}
