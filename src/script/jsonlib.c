/* script/jsonlib: JSON to Lua values and back, without loss: [] and {} stay apart, null is a value, no integer is rounded in silence.
 *
 * Neither direction runs anything of the script: tables are read raw. Members are written sorted by name, because Lua forgets
 * the order in which they came and answers must not depend on addresses. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "script/state.h"

static const char array_mark = 0, object_mark = 0;

const peri_json_caps peri_result_caps = {PERI_RESULT_BYTES_MAX, PERI_RESULT_NODES_MAX, PERI_RESULT_DEPTH_MAX};
static const peri_json_caps encode_caps = {PERI_SCRIPT_STRING_MAX, 1000000, PERI_JSON_DEPTH_MAX};

void peri_open_marks(lua_State *L) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &array_mark);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &object_mark);
}

peri_mark peri_table_mark(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return PERI_MARK_NONE;
  peri_mark mark = PERI_MARK_OTHER;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &array_mark);
  if (lua_rawequal(L, -1, -2)) {
    mark = PERI_MARK_ARRAY;
  } else {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &object_mark);
    if (lua_rawequal(L, -1, -3)) mark = PERI_MARK_OBJECT;
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
  return mark;
}

void peri_mark_table(lua_State *L, int index, peri_mark mark) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, mark == PERI_MARK_ARRAY ? &array_mark : &object_mark);
  lua_setmetatable(L, index);
}

/* ---- JSON to Lua ---- */

static bool over(peri_script *s, lua_State *L) { return (s->over | s->memory_armed) && peri_budget_poll(s, L); }

static void push_number(lua_State *L, peri_str token) {
  int64_t i;
  double d;
  if (!memchr(token.p, '.', token.n) && !memchr(token.p, 'e', token.n) && !memchr(token.p, 'E', token.n)) {
    if (peri_number_i64(token, &i)) lua_pushinteger(L, i);
    else lua_pushlstring(L, token.p, token.n);
  } else if (peri_number_double(token, &d)) {
    lua_pushnumber(L, d);
  } else {
    lua_pushlstring(L, token.p, token.n);
  }
}

static void push_text(peri_script *s, lua_State *L, peri_span span) {
  peri_buf_clear(&s->scratch);
  peri_str text = peri_span_text(span, &s->scratch);
  lua_pushlstring(L, text.p ? text.p : "", text.n);
}

static bool push(peri_script *s, lua_State *L, peri_span v) {
  if (over(s, L) || !lua_checkstack(L, 8)) return false;
  switch ((peri_jtype)v.type) {
    case PERI_J_NONE: lua_pushnil(L); return true;
    case PERI_J_NULL: peri_push_null(L); return true;
    case PERI_J_FALSE: lua_pushboolean(L, 0); return true;
    case PERI_J_TRUE: lua_pushboolean(L, 1); return true;
    case PERI_J_NUMBER: push_number(L, peri_span_raw(v)); return true;
    case PERI_J_STRING: push_text(s, L, v); return true;
    case PERI_J_ARRAY: {
      peri_span_iter i = peri_span_open(v);
      peri_span element;
      lua_Integer n = 0;
      lua_newtable(L);
      peri_mark_table(L, -1, PERI_MARK_ARRAY);
      while (peri_span_next(&i, &element)) {
        if (!push(s, L, element)) return false;
        lua_rawseti(L, -2, ++n);
      }
      return true;
    }
    case PERI_J_OBJECT: {
      peri_span_iter i = peri_span_open(v);
      peri_span key, value;
      lua_newtable(L);
      bool any = false;
      while (peri_span_next_member(&i, &key, &value)) {
        any = true;
        push_text(s, L, key);
        if (!push(s, L, value)) return false;
        lua_rawset(L, -3);
      }
      if (!any) peri_mark_table(L, -1, PERI_MARK_OBJECT);
      return true;
    }
  }
  lua_pushnil(L);
  return true;
}

bool peri_push_json(peri_script *s, lua_State *L, peri_span value) {
  int top = lua_gettop(L);
  if (push(s, L, value)) return true;
  lua_settop(L, top);
  return false;
}

/* ---- Lua to JSON ---- */

int peri_table_shape(lua_State *L, int index, size_t *count, int empty_is) {
  index = lua_absindex(L, index);
  peri_mark mark = peri_table_mark(L, index);
  size_t whole = 0, named = 0;
  *count = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    if (lua_isinteger(L, -1)) whole++;
    else if (lua_type(L, -1) == LUA_TSTRING) named++;
    else {
      lua_pop(L, 1);
      return -1;
    }
    if (whole && named) {
      lua_pop(L, 1);
      return -1;
    }
  }
  if (named) {
    *count = named;
    return 0;
  }
  if (!whole) return mark == PERI_MARK_ARRAY ? 1 : mark == PERI_MARK_OBJECT ? 0 : empty_is;
  for (size_t i = 1; i <= whole; i++) {
    int type = lua_rawgeti(L, index, (lua_Integer)i);
    lua_pop(L, 1);
    if (type == LUA_TNIL) return -1;
  }
  *count = whole;
  return 1;
}

typedef struct writer {
  peri_script *s;
  lua_State *L;
  peri_buf *out;
  size_t start, nodes;
  const peri_json_caps *caps;
  char *why;
  size_t why_bytes;
} writer;

static bool refuse(writer *w, const char *why) {
  snprintf(w->why, w->why_bytes, "%s", why);
  return false;
}

/* Shell sort: libc's qsort asks the system for memory sizes, which a jailed worker may not. */
static void sort_keys(peri_str *keys, size_t n) {
  for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) {
    for (size_t i = gap; i < n; i++) {
      peri_str key = keys[i];
      size_t j = i;
      for (; j >= gap && peri_str_cmp(keys[j - gap], key) > 0; j -= gap) keys[j] = keys[j - gap];
      keys[j] = key;
    }
  }
}

static bool write_value(writer *w, int index, int depth);

static bool write_object(writer *w, int index, size_t count, int depth) {
  lua_State *L = w->L;
  /* the keys' bytes belong to the table, which nothing changes meanwhile */
  size_t base = w->s->keys.n;
  peri_str *keys = (peri_str *)(void *)peri_buf_room(&w->s->keys, count * sizeof(peri_str) + sizeof(peri_str));
  if (!keys) return refuse(w, "an object with too many members");
  size_t n = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    if (n < count) keys[n].p = lua_tolstring(L, -1, &keys[n].n), n++;
  }
  w->s->keys.n = base + count * sizeof(peri_str);
  sort_keys(keys, n);
  peri_buf_char(w->out, '{');
  bool ok = true;
  for (size_t i = 0; ok && i < n; i++) {
    peri_str key = ((peri_str *)(void *)(w->s->keys.p + base))[i]; /* the buffer may have moved */
    if (i) peri_buf_char(w->out, ',');
    if (!peri_utf8_valid(key)) {
      ok = refuse(w, "a name that is not valid UTF-8");
      break;
    }
    peri_json_quote(w->out, key);
    peri_buf_char(w->out, ':');
    lua_pushlstring(L, key.p, key.n);
    lua_rawget(L, index);
    ok = write_value(w, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
  }
  peri_buf_char(w->out, '}');
  w->s->keys.n = base;
  return ok;
}

static bool write_table(writer *w, int index, int depth) {
  lua_State *L = w->L;
  size_t count;
  if (depth >= w->caps->depth) {
    snprintf(w->why, w->why_bytes, "tables nested deeper than %d (or a table inside itself)", w->caps->depth);
    return false;
  }
  if (peri_table_mark(L, index) == PERI_MARK_OTHER) return refuse(w, "a table with a metatable");
  int shape = peri_table_shape(L, index, &count, 0);
  if (shape < 0) return refuse(w, "a table that is neither a list (1 to n, without holes) nor an object (names only)");
  if (w->nodes + count > w->caps->nodes) {
    snprintf(w->why, w->why_bytes, "more than %zu values", w->caps->nodes);
    return false;
  }
  if (!shape) return write_object(w, index, count, depth);
  peri_buf_char(w->out, '[');
  bool ok = true;
  for (size_t i = 1; ok && i <= count; i++) {
    if (i > 1) peri_buf_char(w->out, ',');
    lua_rawgeti(L, index, (lua_Integer)i);
    ok = write_value(w, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
  }
  peri_buf_char(w->out, ']');
  return ok;
}

static bool write_value(writer *w, int index, int depth) {
  lua_State *L = w->L;
  if (!lua_checkstack(L, 8)) return refuse(w, "a value that is too deep");
  if (++w->nodes > w->caps->nodes) {
    snprintf(w->why, w->why_bytes, "more than %zu values", w->caps->nodes);
    return false;
  }
  switch (lua_type(L, index)) {
    case LUA_TNIL: peri_buf_c_str(w->out, "null"); break;
    case LUA_TBOOLEAN: peri_buf_c_str(w->out, lua_toboolean(L, index) ? "true" : "false"); break;
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        peri_buf_fmt(w->out, "%lld", (long long)lua_tointeger(L, index));
      } else {
        double d = lua_tonumber(L, index);
        if (!isfinite(d)) return refuse(w, "a number that is not finite");
        peri_double_put(w->out, d);
      }
      break;
    case LUA_TSTRING: {
      peri_str text;
      text.p = lua_tolstring(L, index, &text.n);
      if (text.n > w->caps->bytes) break; /* the size below refuses it */
      if (!peri_utf8_valid(text)) return refuse(w, "a text that is not valid UTF-8");
      peri_json_quote(w->out, text);
      break;
    }
    case LUA_TTABLE:
      if (!write_table(w, index, depth)) return false;
      break;
    default:
      if (peri_is_null(L, index)) {
        peri_buf_c_str(w->out, "null");
        break;
      }
      peri_str raw;
      if (peri_emu_raw(L, index, &raw)) { /* rows of an emulator: JSON already */
        peri_buf_str(w->out, raw);
        break;
      }
      snprintf(w->why, w->why_bytes, "a %s", peri_to_word(L, index) ? "word" : luaL_typename(L, index));
      return false;
  }
  if (w->out->over || w->out->n - w->start > w->caps->bytes || (lua_type(L, index) == LUA_TSTRING && lua_rawlen(L, index) > w->caps->bytes)) {
    snprintf(w->why, w->why_bytes, "more than %zu KB", w->caps->bytes >> 10);
    return false;
  }
  return true;
}

bool peri_to_json(peri_script *s, lua_State *L, int index, peri_buf *out, const peri_json_caps *caps, char *why, size_t why_bytes) {
  writer w = {s, L, out, out->n, 0, caps, why, why_bytes};
  int top = lua_gettop(L);
  bool ok = write_value(&w, lua_absindex(L, index), 0);
  lua_settop(L, top);
  s->keys.n = 0;
  return ok;
}

/* ---- the two functions ---- */

int peri_lua_decode(lua_State *L) {
  peri_script *s = peri_state_of(L);
  peri_str text;
  text.p = luaL_checklstring(L, 1, &text.n);
  peri_span value;
  peri_json_fault fault;
  if (!peri_json_check(text, &value, &fault)) {
    char why[256];
    peri_json_fault_text(&fault, text, why, sizeof why);
    return luaL_error(L, "decode: %s", why);
  }
  if (!peri_push_json(s, L, value)) {
    peri_budget_check(L);
    return luaL_error(L, "decode: nested too deeply");
  }
  return 1;
}

int peri_lua_encode(lua_State *L) {
  peri_script *s = peri_state_of(L);
  char why[128];
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  peri_buf_clear(&s->scratch);
  if (!peri_to_json(s, L, 1, &s->scratch, &encode_caps, why, sizeof why)) return luaL_error(L, "encode: this can't be JSON: %s", why);
  lua_pushlstring(L, s->scratch.p, s->scratch.n);
  return 1;
}
