/* script/emu_call: a request becomes a call of the script's function, and what that returns an answer. A function that fails is an answer, too: 500. */
#include "script/emu.h"

static void script_failed(peri_emulator *em, peri_answer *a, const peri_call_fault *fault) {
  char text[PERI_ERROR_TEXT_MAX + 400];
  if (fault->line) snprintf(text, sizeof text, "the emulator failed: %s:%d: %s", fault->file, fault->line, fault->text);
  else snprintf(text, sizeof text, "the emulator failed: %s", fault->text);
  peri_emu_error(em, a, 500, text);
  a->headers_json = PERI_STR("{\"content-type\":\"application/json;charset=utf-8\",\"x-emulator-error\":\"1\"}");
}

/* Status, body, headers on the stack at base+1..base+3. */
static bool read_answer(peri_emulator *em, int base, peri_answer *a, peri_call_fault *fault) {
  lua_State *L = em->s->L;
  char why[160];
  bool json = true;
  peri_str raw;
  fault->file[0] = 0;
  fault->line = 0;
  if (!lua_isinteger(L, base + 1) || lua_tointeger(L, base + 1) < 100 || lua_tointeger(L, base + 1) > 599) {
    peri_fault_set(fault, PERI_SCRIPT_ERROR, "answers must return a status from 100 to 599, then the body, then headers");
    return false;
  }
  peri_buf_clear(&em->body);
  if (lua_type(L, base + 2) == LUA_TSTRING) {
    size_t n;
    const char *p = lua_tolstring(L, base + 2, &n);
    peri_buf_put(&em->body, p, n);
    json = false;
  } else if (peri_emu_raw(L, base + 2, &raw)) {
    peri_buf_str(&em->body, raw);
  } else if (!lua_isnil(L, base + 2)) {
    if (!peri_to_json(em->s, L, base + 2, &em->body, &peri_emu_caps, why, sizeof why)) {
      peri_fault_set(fault, PERI_SCRIPT_ERROR, "the body cannot be JSON: it holds %s", why);
      return false;
    }
  } else {
    json = false;
  }
  peri_jw w;
  bool typed = false;
  peri_buf_clear(&em->headers);
  peri_jw_init(&w, &em->headers);
  peri_jw_object(&w);
  if (lua_istable(L, base + 3)) {
    lua_pushnil(L);
    while (lua_next(L, base + 3)) {
      if (lua_type(L, -2) == LUA_TSTRING && (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER)) {
        peri_str name, value;
        name.p = lua_tolstring(L, -2, &name.n);
        value.p = lua_tolstring(L, -1, &value.n); /* the value, not the key: lua_next stays sound */
        typed = typed || peri_str_eq_nocase(name, PERI_STR("content-type"));
        peri_jw_key(&w, name);
        peri_jw_text(&w, value);
      }
      lua_pop(L, 1);
    }
  }
  if (!typed && em->body.n) peri_jw_kv_c(&w, "content-type", json ? "application/json;charset=utf-8" : "text/plain;charset=utf-8");
  peri_jw_end_object(&w);
  a->status = (uint32_t)lua_tointeger(L, base + 1);
  a->body = peri_buf_view(&em->body);
  a->headers_json = peri_buf_view(&em->headers);
  return true;
}

peri_str peri_emu_decode(peri_arena *a, peri_str text, bool plus) {
  char *out = peri_arena_bytes(a, text.n + 1);
  return (peri_str){out, peri_percent_decode(text, plus, out)};
}

/* "a=b&c=d" with plus signs and escapes, as a JSON object; a repeated key gets a list. */
static void put_form(peri_emulator *em, peri_jw *w, peri_str form) {
  peri_arena *a = em->work;
  peri_map seen;
  typedef struct values { peri_str *items; size_t count, cap; } values;
  peri_map_init(&seen, a);
  while (form.n && seen.count < 1000) {
    peri_str pair, name;
    form = peri_str_cut(form, '&', &pair);
    if (pair.n == 0) continue;
    peri_str value = peri_str_cut(pair, '=', &name);
    name = peri_emu_decode(a, name, true);
    values *v = peri_map_get(&seen, name);
    if (!v) {
      v = peri_arena_take(a, sizeof *v);
      peri_map_put(&seen, name, v);
    }
    v->items = peri_arena_grow(a, v->items, v->count, &v->cap, sizeof *v->items);
    v->items[v->count++] = peri_emu_decode(a, value, true);
  }
  peri_jw_object(w);
  for (size_t i = 0; i < seen.count; i++) {
    const values *v = seen.items[i].value;
    peri_jw_key(w, seen.items[i].key);
    if (v->count > 1) peri_jw_array(w);
    for (size_t j = 0; j < v->count; j++) peri_jw_text(w, v->items[j]);
    if (v->count > 1) peri_jw_end_array(w);
  }
  peri_jw_end_object(w);
}

/* The body as the script sees it: JSON, a form, or nothing (then there is call.raw, and call.fault if it wanted to be JSON). */
static void put_body(peri_emulator *em, peri_jw *w, const peri_serve *q, const peri_json *headers) {
  peri_str type = peri_json_get_text(headers, "content-type");
  peri_span value;
  peri_json_fault fault;
  if (q->body.n == 0) return;
  if (peri_str_starts(type, PERI_STR("application/x-www-form-urlencoded"))) {
    peri_jw_key_c(w, "body");
    put_form(em, w, q->body);
  } else if (peri_json_check(q->body, &value, &fault)) {
    peri_jw_kv_raw(w, "body", peri_span_raw(value));
  } else {
    char text[256];
    peri_json_fault_text(&fault, q->body, text, sizeof text);
    peri_jw_kv_c(w, "fault", text);
  }
}

static bool push_call(peri_emulator *em, const peri_serve *q, peri_str path, peri_str token) {
  peri_jw w;
  peri_span value;
  peri_json_fault fault;
  peri_json *headers = q->headers_json.n ? peri_json_parse(em->work, q->headers_json, &fault) : NULL;
  peri_buf_clear(&em->text);
  peri_jw_init(&w, &em->text);
  peri_jw_object(&w);
  peri_jw_kv(&w, "method", q->method);
  peri_jw_kv(&w, "url", q->path);
  peri_jw_kv_raw(&w, "path", path.n ? path : PERI_STR("{}"));
  peri_jw_kv_raw(&w, "query", q->query_json.n ? q->query_json : PERI_STR("{}"));
  peri_jw_kv_raw(&w, "headers", q->headers_json.n ? q->headers_json : PERI_STR("{}"));
  peri_jw_kv_int(&w, "now", em->now_ms);
  if (token.n) peri_jw_kv(&w, "token", token);
  put_body(em, &w, q, headers);
  peri_jw_end_object(&w);
  lua_State *L = em->s->L;
  if (!peri_json_check(peri_buf_view(&em->text), &value, &fault) || !peri_push_json(em->s, L, value)) return false;
  lua_pushliteral(L, "raw");
  lua_pushlstring(L, q->body.p ? q->body.p : "", q->body.n);
  lua_rawset(L, -3);
  return true;
}

void peri_emu_call(peri_emulator *em, int fn, const peri_serve *q, peri_str path, peri_str token, peri_str extra, peri_answer *a) {
  lua_State *L = em->s->L;
  int base = lua_gettop(L);
  peri_call_fault fault = {.code = PERI_OK};
  peri_span value;
  peri_json_fault ignored;
  bool pushed;
  lua_rawgeti(L, PERI_SLOT_FUNCS, fn);
  pushed = push_call(em, q, path, token);
  if (pushed && extra.n) pushed = peri_json_check(extra, &value, &ignored) && peri_push_json(em->s, L, value);
  if (pushed) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, em->db_ref);
    pushed = peri_state_run(em->s, extra.n ? 3 : 2, 3, em->s->call_ms, &fault);
  } else {
    peri_fault_set(&fault, PERI_SCRIPT_ERROR, "the request cannot be shown to the script: it is no sound JSON, or too deep");
  }
  if (!pushed || !read_answer(em, base, a, &fault)) script_failed(em, a, &fault);
  lua_settop(L, base);
}
