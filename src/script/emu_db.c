/* script/emu_db: what an emulator's functions see of its tables: db.NAME:get, put, change, archive, remove, scan, search, show, keys, find, count;
 * db.tokens:issue, revoke; db.tell, db.state, db.settings. Tables are handed out as numbers in a userdata, rows as copies, pages as raw handles
 * that die with the request: no script ever holds a pointer. */
#include "script/emu.h"

static const char table_name[] = "an emulator's table", raw_name[] = "JSON made by the emulator";

typedef struct raw_handle { uint32_t epoch; size_t at, n; } raw_handle;

static peri_emulator *of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

static peri_emu_table *table_at(lua_State *L, int index) {
  uint32_t *number = luaL_checkudata(L, index, table_name);
  return &of(L)->tables[*number];
}

static peri_str key_at(lua_State *L, int index) {
  peri_str key;
  key.p = luaL_checklstring(L, index, &key.n); /* numbers become their digits */
  return key;
}

/* ---- raw JSON ---- */

bool peri_emu_raw(lua_State *L, int index, peri_str *json) {
  raw_handle *h = luaL_testudata(L, index, raw_name);
  if (!h) return false;
  int top = lua_gettop(L);
  lua_getiuservalue(L, index, 1);
  peri_emulator *em = lua_touserdata(L, -1);
  lua_settop(L, top);
  *json = em && em->epoch == h->epoch ? (peri_str){em->raw.p + h->at, h->n} : PERI_STR("null");
  return true;
}

static size_t raw_begin(lua_State *L, peri_emulator *em) {
  if (em->raw.n > (16u << 20)) luaL_error(L, "more than 16 MB of rows in one answer");
  return em->raw.n;
}

static void raw_push(lua_State *L, peri_emulator *em, size_t at) {
  raw_handle *h = lua_newuserdatauv(L, sizeof *h, 1);
  *h = (raw_handle){em->epoch, at, em->raw.n - at};
  lua_pushlightuserdata(L, em);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, raw_name);
}

/* ---- reading ---- */

static int db_get(lua_State *L) {
  peri_emu_table *t = table_at(L, 1);
  peri_emu_row *row = peri_emu_find(t, key_at(L, 2));
  if (!row) return 0;
  peri_span value = {row->json.p, (uint32_t)row->json.n, PERI_J_OBJECT, 0};
  if (!lua_isnoneornil(L, 3)) value = peri_span_at(value, key_at(L, 3)); /* one part of it: cheaper */
  if (!peri_push_json(of(L)->s, L, value)) {
    peri_budget_check(L);
    return luaL_error(L, "get: no memory");
  }
  return 1;
}

static int db_has(lua_State *L) {
  peri_emu_table *t = table_at(L, 1);
  peri_emu_row *row = peri_emu_find(t, key_at(L, 2));
  lua_pushboolean(L, row != NULL);
  lua_pushboolean(L, row && row->archived);
  return 2;
}

static int db_count(lua_State *L) {
  peri_emu_table *t = table_at(L, 1);
  lua_pushinteger(L, (lua_Integer)(t->row_count - t->archived_count));
  lua_pushinteger(L, (lua_Integer)t->archived_count);
  return 2;
}

static int db_find(lua_State *L) {
  peri_emu_table *t = table_at(L, 1);
  peri_emu_row *row = peri_emu_unique(t, key_at(L, 2));
  if (!row) return 0;
  lua_pushlstring(L, row->key.p, row->key.n);
  return 1;
}

typedef struct range { size_t at, end, limit; bool archived; peri_str prefix; } range;

/* { from =, limit =, archived =, prefix = } */
static range read_range(lua_State *L, int index, const peri_emu_table *t) {
  range r = {.limit = 100};
  if (lua_isnoneornil(L, index)) return r;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_getfield(L, index, "from");
  if (!lua_isnil(L, -1)) r.at = peri_emu_from(t, key_at(L, -1));
  lua_getfield(L, index, "limit");
  if (!lua_isnil(L, -1)) {
    lua_Integer limit = luaL_checkinteger(L, -1);
    luaL_argcheck(L, limit >= 0 && limit <= PERI_EMU_SHOWN_MAX, index, "limit is from 0 to 10,000");
    r.limit = (size_t)limit;
  }
  lua_getfield(L, index, "archived");
  r.archived = lua_toboolean(L, -1);
  lua_getfield(L, index, "prefix");
  if (!lua_isnil(L, -1)) {
    r.prefix = key_at(L, -1); /* stays on the stack */
    size_t from = peri_emu_from(t, r.prefix);
    if (from > r.at) r.at = from;
  }
  return r;
}

static peri_emu_row *range_next(range *r, const peri_emu_table *t) {
  while (r->at < t->row_count) {
    peri_emu_row *row = t->rows[r->at];
    if (r->prefix.n && !peri_str_starts(row->key, r->prefix)) return NULL;
    if (row->archived == r->archived) return row;
    r->at++;
  }
  return NULL;
}

static int push_next(lua_State *L, range *r, const peri_emu_table *t, size_t shown) {
  peri_emu_row *next = range_next(r, t);
  if (next) lua_pushlstring(L, next->key.p, next->key.n);
  else lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)shown);
  return 3;
}

static void show_into(peri_emulator *em, const peri_emu_row *row, const peri_emu_pick *pick, size_t *shown) {
  if ((*shown)++) peri_buf_char(&em->raw, ',');
  peri_emu_show(&em->raw, row, pick, (peri_str){"", 0});
}

static void read_pick(lua_State *L, int index, peri_emulator *em, peri_emu_pick *pick) {
  lua_getfield(L, index, "pick");
  peri_emu_pick_read(L, lua_gettop(L), em->work, pick);
}

static int db_scan(lua_State *L) {
  peri_emulator *em = of(L);
  peri_emu_table *t = table_at(L, 1);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  range r = read_range(L, 2, t);
  peri_emu_pick pick;
  read_pick(L, 2, em, &pick);
  size_t at = raw_begin(L, em), shown = 0;
  peri_buf_char(&em->raw, '[');
  for (peri_emu_row *row; shown < r.limit && (row = range_next(&r, t)) != NULL; r.at++) show_into(em, row, &pick, &shown);
  peri_buf_char(&em->raw, ']');
  raw_push(L, em, at);
  return push_next(L, &r, t, shown);
}

static int db_keys(lua_State *L) {
  peri_emu_table *t = table_at(L, 1);
  lua_settop(L, 2);
  range r = read_range(L, 2, t);
  size_t shown = 0;
  lua_newtable(L);
  peri_mark_table(L, -1, PERI_MARK_ARRAY);
  for (peri_emu_row *row; shown < r.limit && (row = range_next(&r, t)) != NULL; r.at++) {
    lua_pushlstring(L, row->key.p, row->key.n);
    lua_rawseti(L, -2, (lua_Integer)++shown);
  }
  return push_next(L, &r, t, shown);
}

static int db_search(lua_State *L) {
  peri_emulator *em = of(L);
  peri_emu_table *t = table_at(L, 1);
  lua_settop(L, 2);
  peri_emu_query q;
  peri_emu_query_read(L, 2, t, em->work, &q);
  peri_emu_pick pick;
  read_pick(L, 2, em, &pick);
  lua_getfield(L, 2, "limit");
  lua_Integer limit = luaL_optinteger(L, -1, 100);
  lua_getfield(L, 2, "offset");
  lua_Integer offset = luaL_optinteger(L, -1, 0);
  luaL_argcheck(L, limit >= 0 && limit <= PERI_EMU_SHOWN_MAX && offset >= 0, 2, "limit is from 0 to 10,000, offset from 0");
  size_t count = 0, shown = 0;
  peri_emu_row **found = peri_emu_search(&em->text, L, t, &q, em->work, &count);
  size_t at = raw_begin(L, em);
  peri_buf_char(&em->raw, '[');
  for (size_t i = (size_t)offset; i < count && shown < (size_t)limit; i++) show_into(em, found[i], &pick, &shown);
  peri_buf_char(&em->raw, ']');
  raw_push(L, em, at);
  lua_pushinteger(L, (lua_Integer)count);
  if ((size_t)offset + shown < count) lua_pushinteger(L, offset + (lua_Integer)shown);
  else lua_pushnil(L);
  return 3;
}

/* show(key, pick, extra): one row as raw JSON, with members of `extra` behind its own. */
static int db_show(lua_State *L) {
  peri_emulator *em = of(L);
  peri_emu_table *t = table_at(L, 1);
  lua_settop(L, 4);
  peri_emu_row *row = peri_emu_find(t, key_at(L, 2));
  if (!row) return 0;
  peri_emu_pick pick;
  peri_emu_pick_read(L, 3, em->work, &pick);
  peri_str extra = {"", 0};
  peri_buf_clear(&em->text);
  if (lua_istable(L, 4)) {
    char why[160];
    peri_buf_char(&em->text, ',');
    if (!peri_to_json(em->s, L, 4, &em->text, &peri_emu_caps, why, sizeof why)) return luaL_error(L, "show: %s", why);
    /* ",{…}" becomes ",…" */
    if (em->text.n > 3 && em->text.p[1] == '{') {
      em->text.p[1] = ',';
      extra = (peri_str){em->text.p + 1, em->text.n - 2};
    }
  }
  size_t at = raw_begin(L, em);
  peri_emu_show(&em->raw, row, &pick, extra);
  raw_push(L, em, at);
  return 1;
}

/* ---- writing ---- */

/* Stores the record at index and tells hooks; verb NULL: found out. */
static int store(lua_State *L, peri_emulator *em, peri_emu_table *t, int index, const char *verb, bool tell) {
  char why[160];
  const char *because = why;
  peri_emu_row *row = NULL;
  bool is_new = false, ok;
  peri_str before = {NULL, 0};
  luaL_checktype(L, index, LUA_TTABLE);
  peri_buf_clear(&em->text);
  ok = peri_to_json(em->s, L, index, &em->text, &peri_emu_caps, why, sizeof why);
  bool was_archived = false;
  if (ok) {
    peri_span root, key;
    peri_json_fault fault;
    if (peri_json_check(peri_buf_view(&em->text), &root, &fault)) {
      key = peri_span_at(root, t->key_path);
      peri_str text = key.type == PERI_J_STRING && !key.escaped ? (peri_str){key.p + 1, key.n - 2} : peri_span_raw(key);
      peri_emu_row *old = key.type ? peri_emu_find(t, text) : NULL;
      if (old) was_archived = old->archived;
      if (old && tell && em->hook_url.n) before = peri_arena_str(em->work, old->json);
    }
    ok = peri_emu_put(t, peri_buf_view(&em->text), &row, &is_new, &because);
  }
  if (!ok) return luaL_error(L, "put: %s", because);
  if (!verb) verb = is_new ? "create" : row->archived && !was_archived ? "archive" : !row->archived && was_archived ? "restore" : "change";
  if (tell) peri_emu_tell(em, t, row->key, verb, before, row->json, (peri_str){NULL, 0});
  lua_pushlstring(L, row->key.p, row->key.n);
  return 1;
}

/* put(record[, verb]); verb false: nobody is told */
static int db_put(lua_State *L) {
  peri_emu_table *t = table_at(L, 1);
  bool silent = lua_isboolean(L, 3) && !lua_toboolean(L, 3);
  return store(L, of(L), t, 2, silent || lua_isnoneornil(L, 3) ? NULL : luaL_checkstring(L, 3), !silent);
}

static bool push_row(lua_State *L, peri_emulator *em, const peri_emu_table *t, int key) {
  peri_emu_row *row = peri_emu_find(t, key_at(L, key));
  return row && peri_push_json(em->s, L, (peri_span){row->json.p, (uint32_t)row->json.n, PERI_J_OBJECT, 0});
}

/* change(key, { member = value, … }): sets members of the row, one level deep for tables, and its stamp. */
static int db_change(lua_State *L) {
  peri_emulator *em = of(L);
  peri_emu_table *t = table_at(L, 1);
  lua_settop(L, 3);
  luaL_checktype(L, 3, LUA_TTABLE);
  if (!push_row(L, em, t, 2)) return 0;
  lua_pushnil(L);
  while (lua_next(L, 3)) { /* row at 4, name at 5, value at 6 */
    lua_pushvalue(L, 5);
    lua_rawget(L, 4);
    if (lua_istable(L, 6) && lua_istable(L, 7)) {
      lua_pushnil(L);
      while (lua_next(L, 6)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, 7);
      }
    } else {
      lua_pushvalue(L, 5);
      lua_pushvalue(L, 6);
      lua_rawset(L, 4);
    }
    lua_settop(L, 5);
  }
  lua_settop(L, 4);
  peri_emu_stamp_top(L, t, "change", em->now_ms);
  return store(L, em, t, 4, "change", true);
}

static int archive_as(lua_State *L, const char *verb) {
  peri_emulator *em = of(L);
  peri_emu_table *t = table_at(L, 1);
  lua_settop(L, 2);
  if (!push_row(L, em, t, 2)) return 0;
  peri_emu_stamp_top(L, t, verb, em->now_ms);
  return store(L, em, t, 3, verb, true);
}

static int db_archive(lua_State *L) {
  return archive_as(L, "archive");
}

static int db_restore(lua_State *L) {
  return archive_as(L, "restore");
}

static int db_remove(lua_State *L) {
  peri_emulator *em = of(L);
  peri_emu_table *t = table_at(L, 1);
  peri_str key = key_at(L, 2);
  peri_emu_row *row = peri_emu_find(t, key);
  if (row) peri_emu_tell(em, t, key, "remove", row->json, (peri_str){NULL, 0}, (peri_str){NULL, 0});
  lua_pushboolean(L, row && peri_emu_remove(t, key));
  return 1;
}

/* ---- tokens, events ---- */

static int tokens_issue(lua_State *L) {
  peri_emulator *em = of(L);
  lua_Integer seconds = luaL_optinteger(L, 2, 3600);
  peri_emu_token *token = peri_emu_issue(em, em->life_s >= 0 ? em->life_s : seconds);
  lua_pushstring(L, token->text);
  lua_pushinteger(L, (lua_Integer)((token->expires_ms - em->now_ms) / 1000));
  return 2;
}

static peri_emu_token *token_at(lua_State *L) {
  peri_emulator *em = of(L);
  peri_str text = key_at(L, 2);
  for (size_t i = 0; i < em->token_count; i++)
    if (peri_str_is(text, em->tokens[i].text)) return &em->tokens[i];
  return NULL;
}

static int tokens_revoke(lua_State *L) {
  peri_emu_token *token = token_at(L);
  if (token) token->revoked = true;
  lua_pushboolean(L, token != NULL);
  return 1;
}

static int tokens_left(lua_State *L) { /* seconds; nil: unknown, revoked or expired */
  peri_emu_token *token = token_at(L);
  if (!token || token->revoked || token->expires_ms <= of(L)->now_ms) return 0;
  lua_pushinteger(L, (lua_Integer)((token->expires_ms - of(L)->now_ms) / 1000));
  return 1;
}

void peri_emu_tell(peri_emulator *em, peri_emu_table *t, peri_str key, const char *verb, peri_str before, peri_str after, peri_str extra) {
  if (!em->hook_url.n || em->event_count >= PERI_EMU_EVENTS_MAX) return;
  em->events = peri_arena_grow(em->work, em->events, em->event_count, &em->event_cap, sizeof *em->events);
  em->events[em->event_count++] = (peri_emu_event){t,
                                                   peri_arena_str(em->work, key),
                                                   peri_arena_str(em->work, peri_str_of(verb)).p,
                                                   before.n ? peri_arena_str(em->work, before) : before,
                                                   after.n ? peri_arena_str(em->work, after) : after,
                                                   extra.n ? peri_arena_str(em->work, extra) : extra};
}

/* db.tell("contact", "101", "merge", { … }) */
static int db_tell(lua_State *L) {
  peri_emulator *em = of(L);
  peri_emu_table *t = peri_emu_table_named(em, key_at(L, 1));
  luaL_argcheck(L, t != NULL, 1, "no such table");
  peri_str extra = {NULL, 0};
  if (lua_istable(L, 4)) {
    char why[160];
    peri_buf_clear(&em->text);
    if (!peri_to_json(em->s, L, 4, &em->text, &peri_emu_caps, why, sizeof why)) return luaL_error(L, "tell: %s", why);
    extra = peri_buf_view(&em->text);
  }
  peri_emu_tell(em, t, key_at(L, 2), luaL_checkstring(L, 3), (peri_str){NULL, 0}, (peri_str){NULL, 0}, extra);
  return 0;
}

/* ---- opening ---- */

peri_emu_table *peri_emu_table_named(peri_emulator *em, peri_str name) {
  for (size_t i = 0; i < em->table_count; i++)
    if (peri_str_eq(em->tables[i].name, name)) return &em->tables[i];
  return NULL;
}

static void put_functions(lua_State *L, peri_emulator *em, const luaL_Reg *functions, size_t count) {
  for (size_t i = 0; i < count; i++) {
    lua_pushlightuserdata(L, em);
    lua_pushcclosure(L, functions[i].func, 1);
    lua_setfield(L, -2, functions[i].name);
  }
}

static void push_plain(lua_State *L, peri_emulator *em, const peri_node *n) {
  peri_span value;
  peri_json_fault fault;
  peri_buf_clear(&em->text);
  if (n) peri_emu_plain(em, n, &em->text);
  if (!n || !peri_json_check(peri_buf_view(&em->text), &value, &fault) || !peri_push_json(em->s, L, value)) lua_newtable(L);
  else if (value.type == PERI_J_OBJECT && lua_getmetatable(L, -1)) { /* an empty object is a table to write into, nothing more */
    lua_pop(L, 2);
    lua_newtable(L);
  }
}

void peri_emu_db_state(peri_emulator *em) {
  lua_State *L = em->s->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, em->db_inside_ref);
  push_plain(L, em, em->state);
  lua_setfield(L, -2, "state");
  lua_pop(L, 1);
}

void peri_emu_db_open(peri_emulator *em) {
  static const luaL_Reg methods[] = {{"get", db_get},       {"has", db_has},       {"count", db_count},     {"find", db_find},       {"scan", db_scan},
                                     {"keys", db_keys},     {"search", db_search}, {"show", db_show},       {"put", db_put},         {"change", db_change},
                                     {"remove", db_remove}, {"archive", db_archive}, {"restore", db_restore}};
  static const luaL_Reg tokens[] = {{"issue", tokens_issue}, {"revoke", tokens_revoke}, {"left", tokens_left}};
  lua_State *L = em->s->L;
  luaL_newmetatable(L, raw_name);
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_newmetatable(L, table_name);
  lua_newtable(L);
  put_functions(L, em, methods, sizeof methods / sizeof *methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  lua_newtable(L); /* inside of db */
  for (size_t i = 0; i < em->table_count; i++) {
    lua_pushlstring(L, em->tables[i].name.p, em->tables[i].name.n);
    uint32_t *number = lua_newuserdatauv(L, sizeof *number, 0);
    *number = (uint32_t)i;
    luaL_setmetatable(L, table_name);
    lua_rawset(L, -3);
  }
  lua_newtable(L);
  put_functions(L, em, tokens, sizeof tokens / sizeof *tokens);
  lua_setfield(L, -2, "tokens");
  static const luaL_Reg tell[] = {{"tell", db_tell}};
  put_functions(L, em, tell, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, em->random_ref);
  lua_setfield(L, -2, "random");
  push_plain(L, em, em->settings);
  lua_setfield(L, -2, "settings");
  lua_pushvalue(L, -1);
  em->db_inside_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  peri_freeze_push(L);
  em->db_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  for (size_t i = 0; i < em->table_count; i++) {
    lua_pushlstring(L, em->tables[i].name.p, em->tables[i].name.n);
    lua_pushinteger(L, (lua_Integer)em->tables[i].count);
    lua_rawset(L, -3);
  }
  em->counts_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
