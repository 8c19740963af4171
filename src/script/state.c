/* script/state: makes one Lua state that has no powers: listed functions, frozen libraries, words; nothing of the system.
 *
 * Start reading here, then load.c (a file runs), totree.c (what it returned), calls.c (plans call functions), budget.c (limits). */
#include <stdlib.h>
#include <string.h>

#include "script/state.h"

static int panic(lua_State *L) {
  peri_leave(peri_state_of(L), PERI_DEATH_STUCK, PERI_EXIT_STUCK); /* an error outside of every pcall: a bug of ours */
  return 0;
}

static void open_library(lua_State *L, const char *name, void (*open)(lua_State *L)) {
  lua_newtable(L);
  open(L);
  peri_freeze_push(L);
  lua_setfield(L, -2, name);
}

static void open_strings(lua_State *L) {
  lua_newtable(L);
  peri_open_string(L);
  lua_pushliteral(L, "");
  lua_createtable(L, 0, 12);
  peri_lend_into(L, "arithmetic");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2); /* of all texts */
  lua_pop(L, 1);
  peri_freeze_push(L);
  lua_setfield(L, -2, "string");
}

peri_script *peri_script_new(const peri_script_limits *limits) {
  peri_script *s = peri_alloc(sizeof *s);
  s->call_ms = limits && limits->call_ms > 0 ? limits->call_ms : PERI_CALL_MS;
  s->load_ms = limits && limits->load_ms > 0 ? limits->load_ms : PERI_LOAD_MS;
  s->ceiling = limits && limits->vm_bytes > 0 ? limits->vm_bytes : PERI_VM_BYTES;
  s->pool = peri_pool_new();
  s->arena = peri_arena_new();
  peri_map_init(&s->files, s->arena);
  s->build.max = 4 * (size_t)PERI_SCRIPT_STRING_MAX; /* texts inside callbacks of texts */
  s->scratch.max = 2 * (size_t)PERI_SCRIPT_STRING_MAX;
  for (int i = 0; i < 4; i++) s->random[i] = 0x9E3779B97F4A7C15u * (uint64_t)(i + 1);
  peri_calls_init(s);

  lua_State *L = lua_newstate(peri_pool_alloc, s);
  s->L = s->running = L;
  *(peri_script **)lua_getextraspace(L) = s;
  lua_atpanic(L, panic);
  lua_pushcfunction(L, peri_message_handler);
  lua_newtable(L);
  peri_open_marks(L);
  lua_newtable(L); /* all globals */
  peri_open_base(L);
  open_strings(L);
  open_library(L, "table", peri_open_table);
  open_library(L, "math", peri_open_math);
  open_library(L, "utf8", peri_open_utf8);
  open_library(L, "os", peri_open_os);
  open_library(L, "coroutine", peri_open_coroutine);
  peri_open_words(s);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, peri_unknown_global);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  peri_freeze_push(L); /* what files see as their globals */
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  return s;
}

void peri_state_set_global(peri_script *s, const char *name) {
  lua_State *L = s->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  luaL_getmetafield(L, -1, "__index");
  lua_pushstring(L, name);
  lua_pushvalue(L, -4);
  lua_rawset(L, -3);
  lua_pop(L, 3);
}

void peri_script_free(peri_script *s) {
  if (!s) return;
  peri_budget_leave(s);
  lua_close(s->L);
#ifdef PERI_DEBUG
  if (peri_pool_used(s->pool) != 0) abort(); /* the accounting is wrong */
#endif
  peri_pool_free(s->pool);
  peri_arena_free(s->arena);
  peri_buf_fini(&s->build);
  peri_buf_fini(&s->scratch);
  peri_buf_fini(&s->keys);
  free(s);
}

size_t peri_script_peak_bytes(const peri_script *s) { return peri_pool_peak(s->pool); }

void peri_script_on_log(peri_script *s, void (*log)(void *self, peri_str text), void *self) {
  s->log = log;
  s->log_self = self;
}
