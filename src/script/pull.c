/* script/pull: a stream's `pull(ctx)` as a coroutine that looks blocking. Each step runs until the script sends, emits, marks or ends.
 *
 * ctx:send gives a page: page "path" reads from the reply ("status:" and "header:NAME", too). Replies stay bytes on this side: the
 * script holds a number, and a reply that is too old says so. Nothing may yield but ctx itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/state.h"

#define REPLIES_KEPT 3

typedef struct kept {
  uint32_t number;
  int status;
  char *headers, *body;
  size_t headers_n, body_n;
} kept;

struct peri_pull {
  peri_script *s;
  lua_State *co;
  int ref, waiting; /* waiting: values on co that it yielded with */
  bool started, ended;
  kept replies[REPLIES_KEPT]; /* newest first */
  bool yielded;               /* by ctx, not by the script itself */
  peri_pull_event *event;
};

static const char page_key = 0;

/* ---- pages ---- */

static const kept *find_reply(const peri_pull *p, uint32_t number) {
  for (int i = 0; i < REPLIES_KEPT; i++)
    if (p->replies[i].number == number && p->replies[i].body) return &p->replies[i];
  return NULL;
}

static peri_pull *pull_of(lua_State *L) {
  peri_pull *p = peri_state_of(L)->pull;
  if (!p) luaL_error(L, "a page can only be read inside the pull that received it");
  return p;
}

static uint32_t page_number(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TUSERDATA && lua_getmetatable(L, index)) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &page_key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (same) return *(uint32_t *)lua_touserdata(L, index);
  }
  luaL_argerror(L, index, "a page is wanted, as ctx:send gives it");
  return 0;
}

static void push_or_raise(lua_State *L, peri_span value) {
  peri_script *s = peri_state_of(L);
  if (peri_push_json(s, L, value)) return;
  peri_budget_check(L);
  luaL_error(L, "the value is nested too deeply");
}

static int page_call(lua_State *L) {
  peri_pull *p = pull_of(L);
  const kept *reply = find_reply(p, page_number(L, 1));
  peri_str path;
  path.p = luaL_optlstring(L, 2, "", &path.n);
  if (!reply) return luaL_error(L, "this page is gone: only the last %d replies are kept", REPLIES_KEPT);
  if (peri_str_is(path, "status:")) {
    lua_pushinteger(L, reply->status);
    return 1;
  }
  if (peri_str_is(path, "body:")) {
    if (reply->body_n > PERI_SCRIPT_STRING_MAX) return luaL_error(L, "the reply is too long for a text");
    lua_pushlstring(L, reply->body, reply->body_n);
    return 1;
  }
  peri_str text = {reply->body, reply->body_n};
  peri_span value;
  peri_json_fault fault;
  if (peri_str_starts(path, PERI_STR("header:"))) {
    peri_str name = peri_str_from(path, 7);
    text = (peri_str){reply->headers, reply->headers_n};
    if (peri_json_check(text, &value, &fault)) {
      peri_script *s = peri_state_of(L);
      peri_span_iter i = peri_span_open(value);
      peri_span key, header;
      while (peri_span_next_member(&i, &key, &header)) {
        peri_buf_clear(&s->scratch);
        if (!peri_str_eq_nocase(peri_span_text(key, &s->scratch), name)) continue;
        push_or_raise(L, header);
        return 1;
      }
    }
    lua_pushnil(L);
    return 1;
  }
  if (!peri_json_check(text, &value, &fault)) return luaL_error(L, "the reply is no sound JSON: %s", fault.what);
  value = peri_span_at(value, path);
  if (value.type == PERI_J_NULL) lua_pushnil(L); /* `after = page "next"` ends a loop for null and for absent */
  else push_or_raise(L, value);
  return 1;
}

static int page_read(lua_State *L) { return luaL_error(L, "a page is read by path: page \"items\", page \"status:\", page \"header:Link\""); }

/* ---- ctx ---- */

static peri_pull *about_to_yield(lua_State *L) {
  peri_pull *p = pull_of(L);
  if (L != p->co || !lua_isyieldable(L)) luaL_error(L, "ctx works in pull itself, not inside a coroutine, a sort or a gsub of it");
  return p;
}

static int yield_event(lua_State *L, peri_pull *p, int nresults, lua_KFunction then) {
  p->yielded = true;
  return lua_yieldk(L, nresults, 0, then);
}

static int nothing_back(lua_State *L, int status, lua_KContext extra) {
  (void)L;
  (void)status;
  (void)extra;
  return 0;
}

static int page_back(lua_State *L, int status, lua_KContext extra) { /* the driver pushed the page */
  (void)L;
  (void)status;
  (void)extra;
  return 1;
}

static int ctx_send(lua_State *L) {
  static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
  peri_pull *p = about_to_yield(L);
  const peri_word *w = peri_to_word(L, 2);
  bool request = false;
  for (size_t i = 0; w && w->spec && i < sizeof methods / sizeof methods[0]; i++) request = request || strcmp(w->spec->name, methods[i]) == 0;
  if (!request) return luaL_argerror(L, 1, "ctx:send wants a request: get, post, put, patch or delete");
  p->event->step = PERI_PULL_SEND;
  lua_pushvalue(L, 2);
  return yield_event(L, p, 1, page_back);
}

static int ctx_emit(lua_State *L) {
  peri_pull *p = about_to_yield(L);
  uint32_t number = page_number(L, 2);
  luaL_optstring(L, 3, "");
  if (!find_reply(p, number)) return luaL_error(L, "this page is gone: only the last %d replies are kept", REPLIES_KEPT);
  p->event->step = PERI_PULL_EMIT;
  p->event->reply = number;
  if (lua_isnoneornil(L, 3)) lua_pushliteral(L, "");
  else lua_pushvalue(L, 3);
  return yield_event(L, p, 1, nothing_back);
}

static int ctx_mark(lua_State *L) {
  peri_pull *p = about_to_yield(L);
  p->event->step = PERI_PULL_MARK;
  lua_settop(L, 2);
  return yield_event(L, p, 1, nothing_back);
}

/* ---- the driver ---- */

static void push_ctx(peri_pull *p, peri_str since, peri_str settings) {
  static const luaL_Reg functions[] = {{"send", ctx_send}, {"emit", ctx_emit}, {"mark", ctx_mark}, {NULL, NULL}};
  lua_State *L = p->s->L;
  peri_span value;
  peri_json_fault fault;
  lua_newtable(L);
  peri_set_functions(L, functions);
  if (since.n && peri_json_check(since, &value, &fault) && value.type != PERI_J_NULL && peri_push_json(p->s, L, value)) lua_setfield(L, -2, "since");
  if (settings.n && peri_json_check(settings, &value, &fault) && peri_push_json(p->s, L, value)) {
    peri_freeze_push(L);
    lua_setfield(L, -2, "settings");
  }
  peri_freeze_push(L);
}

peri_pull *peri_pull_new(peri_script *s, int fn, peri_str since_json, peri_str settings_json) {
  peri_pull *p = peri_alloc(sizeof *p);
  lua_State *L = s->L;
  p->s = s;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &page_key);
  if (lua_isnil(L, -1)) {
    lua_newtable(L);
    lua_pushcfunction(L, page_call);
    lua_setfield(L, -2, "__call");
    lua_pushcfunction(L, page_read);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "locked");
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &page_key);
  }
  p->co = lua_newthread(L);
  p->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_rawgeti(L, PERI_SLOT_FUNCS, fn);
  push_ctx(p, since_json, settings_json);
  lua_xmove(L, p->co, 2);
  lua_settop(L, PERI_SLOTS);
  return p;
}

static void drop_reply(kept *k) {
  free(k->headers);
  free(k->body);
  memset(k, 0, sizeof *k);
}

void peri_pull_free(peri_pull *p) {
  if (!p) return;
  luaL_unref(p->s->L, LUA_REGISTRYINDEX, p->ref);
  for (int i = 0; i < REPLIES_KEPT; i++) drop_reply(&p->replies[i]);
  if (p->s->pull == p) p->s->pull = NULL;
  free(p);
}

peri_str peri_pull_body(const peri_pull *p, uint32_t reply) {
  const kept *k = find_reply(p, reply);
  return k ? (peri_str){k->body, k->body_n} : (peri_str){NULL, 0};
}

static void keep_reply(peri_pull *p, const peri_pull_reply *reply) {
  drop_reply(&p->replies[REPLIES_KEPT - 1]);
  memmove(&p->replies[1], &p->replies[0], sizeof p->replies[0] * (REPLIES_KEPT - 1));
  p->replies[0] = (kept){reply->number, reply->status, peri_dup(reply->headers_json), peri_dup(reply->body), reply->headers_json.n, reply->body.n};
}

static void fail(peri_pull *p, peri_pull_event *event) {
  event->step = PERI_PULL_FAIL;
  p->ended = true;
}

/* What the script yielded with stands on top of the coroutine. */
static void read_event(peri_pull *p, peri_arena *a, peri_pull_event *event) {
  lua_State *co = p->co;
  peri_script *s = p->s;
  int line = 0;
  const char *where = peri_where(co, 0, &line);
  snprintf(event->fault.file, sizeof event->fault.file, "%s", where ? where : "");
  event->fault.line = line;
  if (!p->yielded) {
    peri_fault_set(&event->fault, PERI_SCRIPT_ERROR, "pull may wait only by ctx:send, ctx:emit and ctx:mark");
    fail(p, event);
    return;
  }
  if (event->step == PERI_PULL_SEND) {
    peri_err e;
    event->request = peri_to_tree(s, co, -1, a, &e, NULL, NULL);
    if (!event->request) {
      peri_fault_set(&event->fault, PERI_SCRIPT_ERROR, "%s", e.text);
      fail(p, event);
    }
  } else if (event->step == PERI_PULL_EMIT) {
    peri_str path;
    path.p = lua_tolstring(co, -1, &path.n);
    event->path = peri_arena_str(a, path);
  } else {
    char why[160];
    peri_buf out = {.max = PERI_RESULT_BYTES_MAX + 64};
    if (peri_to_json(s, co, -1, &out, &peri_result_caps, why, sizeof why)) {
      event->position = peri_arena_str(a, peri_buf_view(&out));
    } else {
      peri_fault_set(&event->fault, PERI_SCRIPT_ERROR, "ctx:mark can't keep %s", why);
      fail(p, event);
    }
    peri_buf_fini(&out);
  }
}

void peri_pull_resume(peri_pull *p, const peri_pull_reply *reply, peri_arena *a, peri_pull_event *event) {
  peri_script *s = p->s;
  lua_State *co = p->co;
  memset(event, 0, sizeof *event);
  if (p->ended) {
    event->step = PERI_PULL_END;
    return;
  }
  int nargs = 0, nresults = 0;
  if (p->started) lua_pop(co, p->waiting); /* what it yielded with was read */
  else nargs = 1;
  if (reply) {
    keep_reply(p, reply);
    uint32_t *number = lua_newuserdatauv(co, sizeof *number, 0);
    *number = reply->number;
    lua_rawgetp(co, LUA_REGISTRYINDEX, &page_key);
    lua_setmetatable(co, -2);
    nargs = 1;
  }
  p->started = true;
  p->yielded = false;
  p->event = event;
  s->pull = p;
  s->phase = PERI_PHASE_PULL;
  s->build_floor = s->build.n;
  if (s->made_ref) { /* words of a pull are not counted as unused, and not kept */
    luaL_unref(s->L, LUA_REGISTRYINDEX, s->made_ref);
    s->made_ref = 0;
  }
  peri_budget_enter(s, s->call_ms);
  s->running = co;
  if (s->memory_armed) peri_budget_arm(s);
  peri_state_steady(co, true);
  int status = lua_resume(co, s->L, nargs, &nresults);
  peri_state_steady(co, false);
  s->running = s->L;
  peri_budget_leave(s);
  p->waiting = nresults;
  if (s->over) {
    event->fault.code = PERI_OK;
    peri_fault_over(s, &event->fault);
    fail(p, event);
    peri_state_recover(s);
  } else if (status == LUA_YIELD) {
    read_event(p, a, event);
  } else if (status == LUA_OK) {
    event->step = PERI_PULL_END;
    p->ended = true;
  } else {
    peri_fault_note(s, co, &event->fault);
    fail(p, event);
    s->build.n = 0;
  }
  p->event = NULL;
  s->pull = NULL;
  s->phase = PERI_PHASE_IDLE;
}
