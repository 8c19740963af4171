/* script/emu_pick: shows rows: whole, or some members, or some names below a member. No row is turned into a Lua table on the way. */
#include "script/emu.h"

static void sort_texts(peri_str *texts, size_t n) { /* insertion sort: lists of names come almost sorted and are short */
  for (size_t i = 1; i < n; i++) {
    peri_str one = texts[i];
    size_t j = i;
    for (; j > 0 && peri_str_cmp(texts[j - 1], one) > 0; j--) texts[j] = texts[j - 1];
    texts[j] = one;
  }
}

/* The texts of the list at index, copied, sorted, once each. */
static peri_str *read_names(lua_State *L, int index, peri_arena *a, size_t *count) {
  size_t n = lua_rawlen(L, index);
  if (n > 2000) luaL_error(L, "pick: more than 2,000 names below one member");
  peri_str *names = peri_arena_take(a, (n + 1) * sizeof *names);
  size_t got = 0;
  for (size_t i = 1; i <= n; i++) {
    lua_rawgeti(L, index, (lua_Integer)i);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "pick: a list of names is wanted");
    peri_str name;
    name.p = lua_tolstring(L, -1, &name.n);
    names[got++] = peri_arena_str(a, name);
    lua_pop(L, 1);
  }
  sort_texts(names, got);
  *count = 0;
  for (size_t i = 0; i < got; i++)
    if (i == 0 || !peri_str_eq(names[i], names[i - 1])) names[(*count)++] = names[i];
  return names;
}

void peri_emu_pick_read(lua_State *L, int index, peri_arena *a, peri_emu_pick *pick) {
  *pick = (peri_emu_pick){.all = true};
  if (lua_isnoneornil(L, index)) return;
  luaL_checktype(L, index, LUA_TTABLE);
  index = lua_absindex(L, index);
  pick->all = false;
  size_t cap = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "pick: { member = true, member = { names } } is wanted");
    if (lua_toboolean(L, -1)) {
      pick->members = peri_arena_grow(a, pick->members, pick->member_count, &cap, sizeof *pick->members);
      peri_str name;
      name.p = lua_tolstring(L, -2, &name.n);
      pick->members[pick->member_count].name = peri_arena_str(a, name);
      pick->members[pick->member_count].names = NULL;
      pick->members[pick->member_count].name_count = 0;
      if (lua_istable(L, -1)) pick->members[pick->member_count].names = read_names(L, lua_gettop(L), a, &pick->members[pick->member_count].name_count);
      pick->member_count++;
    }
    lua_pop(L, 1);
  }
}

static void put_key(peri_buf *out, bool *first, peri_span key) {
  if (!*first) peri_buf_char(out, ',');
  *first = false;
  peri_buf_put(out, key.p, key.n);
  peri_buf_char(out, ':');
}

static void put_null(peri_buf *out, bool *first, peri_str name) {
  if (!*first) peri_buf_char(out, ',');
  *first = false;
  peri_json_quote(out, name);
  peri_buf_c_str(out, ":null");
}

/* Both sides are sorted (rows are written by name), so one pass merges them. */
static void show_names(peri_buf *out, peri_span object, const peri_str *names, size_t count) {
  peri_span_iter i = peri_span_open(object);
  peri_span key, value;
  bool first = true, more = peri_span_next_member(&i, &key, &value);
  peri_buf scratch = {0};
  size_t at = 0;
  peri_buf_char(out, '{');
  while (at < count) {
    int c = 1;
    if (more) {
      peri_buf_clear(&scratch);
      c = peri_str_cmp(peri_span_text(key, &scratch), names[at]);
    }
    if (c < 0) {
      more = peri_span_next_member(&i, &key, &value);
    } else if (c == 0) {
      put_key(out, &first, key);
      peri_buf_put(out, value.p, value.n);
      at++;
      more = peri_span_next_member(&i, &key, &value);
    } else {
      put_null(out, &first, names[at++]);
    }
  }
  peri_buf_char(out, '}');
  peri_buf_fini(&scratch);
}

void peri_emu_show(peri_buf *out, const peri_emu_row *row, const peri_emu_pick *pick, peri_str extra) {
  if (pick->all) {
    peri_buf_put(out, row->json.p, row->json.n - 1);
    peri_buf_str(out, row->json.n > 2 || extra.n == 0 ? extra : peri_str_from(extra, 1));
    peri_buf_char(out, '}');
    return;
  }
  peri_span_iter i = peri_span_open((peri_span){row->json.p, (uint32_t)row->json.n, PERI_J_OBJECT, 0});
  peri_span key, value;
  bool first = true;
  peri_buf_char(out, '{');
  while (peri_span_next_member(&i, &key, &value)) {
    for (size_t m = 0; m < pick->member_count; m++) {
      peri_str name = pick->members[m].name;
      if (key.n != name.n + 2 || memcmp(key.p + 1, name.p, name.n) != 0) continue;
      put_key(out, &first, key);
      if (pick->members[m].names && value.type == PERI_J_OBJECT) show_names(out, value, pick->members[m].names, pick->members[m].name_count);
      else peri_buf_put(out, value.p, value.n);
      break;
    }
  }
  peri_buf_str(out, first && extra.n ? peri_str_from(extra, 1) : extra);
  peri_buf_char(out, '}');
}
