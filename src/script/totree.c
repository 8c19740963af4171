/* script/totree: what a file returned, as plain data (spec/tree). Read raw: nothing of the script runs here.
 *
 * Members of a table come in the order in which their words were made, then by name, so the same file always gives the same tree.
 * A function becomes a number and a hash of what it is made of, so that a plan's hash changes exactly when its rows could. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "script/state.h"

#define HASH_FUNCTIONS_MAX 128 /* helpers behind helpers; past this the whole file stands for the rest */

typedef struct maker {
  peri_script *s;
  lua_State *L;
  peri_arena *a;
  peri_err *e;
  const char *file; /* of the innermost word */
  int line;
  size_t nodes;
} maker;

/* ---- functions ---- */

int peri_function_number(peri_script *s, lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_State *M = s->L;
  lua_pushvalue(L, index);
  if (L != M) lua_xmove(L, M, 1);
  lua_pushvalue(M, -1);
  lua_rawget(M, PERI_SLOT_FUNCS); /* the table holds number -> function and function -> number */
  int number = (int)lua_tointeger(M, -1);
  lua_pop(M, 1);
  if (!number) {
    number = ++s->func_count;
    lua_pushvalue(M, -1);
    lua_pushinteger(M, number);
    lua_rawset(M, PERI_SLOT_FUNCS);
    lua_pushvalue(M, -1);
    lua_rawseti(M, PERI_SLOT_FUNCS, number);
  }
  lua_pop(M, 1);
  return number;
}

typedef struct hasher {
  maker *m;
  XXH3_state_t *state;
  const void *seen[HASH_FUNCTIONS_MAX];
  size_t seen_count;
} hasher;

static void feed(hasher *h, const void *p, size_t n) {
  uint64_t length = n; /* so that "ab","c" and "a","bc" differ */
  XXH3_128bits_update(h->state, &length, sizeof length);
  XXH3_128bits_update(h->state, p, n);
}

static peri_str lines_of(peri_str text, int first, int last) {
  size_t begin = 0, i = 0;
  int line = 1;
  if (first <= 0) return text;
  for (; i < text.n && line < first; i++)
    if (text.p[i] == '\n') line++;
  begin = i;
  for (; i < text.n && line <= last; i++)
    if (text.p[i] == '\n') line++;
  return (peri_str){text.p + begin, i - begin};
}

/* A function of a library is known by its name, wherever it stands. */
static void hash_c_function(hasher *h, int index) {
  lua_State *L = h->m->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  luaL_getmetafield(L, -1, "__index"); /* all globals */
  int all = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, all)) {
    int table = 0;
    if (lua_rawequal(L, -1, index)) feed(h, lua_tostring(L, -2), lua_rawlen(L, -2));
    if (lua_type(L, -1) == LUA_TTABLE && luaL_getmetafield(L, -1, "__index") == LUA_TTABLE) table = lua_gettop(L);
    if (table) {
      lua_pushnil(L);
      while (lua_next(L, table)) {
        if (lua_rawequal(L, -1, index)) feed(h, lua_tostring(L, -2), lua_rawlen(L, -2));
        lua_pop(L, 1);
      }
    }
    lua_settop(L, all + 1);
  }
  lua_settop(L, all - 2);
}

static void hash_function(hasher *h, int index, int depth) {
  lua_State *L = h->m->L;
  const void *id = lua_topointer(L, index);
  for (size_t i = 0; i < h->seen_count; i++)
    if (h->seen[i] == id) return;
  lua_Debug ar;
  lua_pushvalue(L, index);
  lua_getinfo(L, ">S", &ar);
  if (ar.what[0] == 'C') {
    hash_c_function(h, index);
    return;
  }
  peri_file *file = peri_file_named(h->m->s, peri_str_of(ar.source + 1));
  if (h->seen_count == HASH_FUNCTIONS_MAX || depth > 60 || !lua_checkstack(L, 16)) {
    if (file) peri_file_hash(h->m->s, file, h->state);
    return;
  }
  h->seen[h->seen_count++] = id;
  if (file) {
    peri_str text = lines_of(file->bytes, ar.linedefined, ar.lastlinedefined);
    feed(h, text.p, text.n);
  }
  bool whole = false;
  for (int i = 1; i < 256; i++) {
    const char *name = lua_getupvalue(L, index, i);
    if (!name) break;
    int value = lua_gettop(L);
    size_t n;
    const char *p;
    switch (lua_type(L, value)) {
      case LUA_TFUNCTION: hash_function(h, value, depth + 1); break;
      case LUA_TNIL: feed(h, "nil", 3); break;
      case LUA_TBOOLEAN: feed(h, lua_toboolean(L, value) ? "true" : "false", lua_toboolean(L, value) ? 4 : 5); break;
      case LUA_TNUMBER:
      case LUA_TSTRING:
        lua_pushvalue(L, value);
        p = lua_tolstring(L, -1, &n);
        feed(h, p, n);
        break;
      default: /* the environment, or a table: what it holds was written in this file or in one that it uses */
        if (strcmp(name, "_ENV") != 0) whole = true;
    }
    lua_settop(L, value - 1);
  }
  if (whole && file) peri_file_hash(h->m->s, file, h->state);
}

static peri_node *make_function(maker *m, int index) {
  lua_Debug ar;
  lua_pushvalue(m->L, index);
  lua_getinfo(m->L, ">S", &ar);
  peri_node *n = peri_node_new(m->a, PERI_N_FUNC);
  n->u.fn = peri_function_number(m->s, m->L, index);
  n->line = ar.linedefined > 0 ? ar.linedefined : 0;
  if (ar.what[0] != 'C' && peri_file_named(m->s, peri_str_of(ar.source + 1))) n->file = peri_arena_str(m->a, peri_str_of(ar.source + 1));
  hasher h = {.m = m, .state = XXH3_createState()};
  XXH3_128bits_reset(h.state);
  hash_function(&h, index, 0);
  XXH128_hash_t hash = XXH3_128bits_digest(h.state);
  XXH3_freeState(h.state);
  n->source = peri_arena_fmt(m->a, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
  return n;
}

/* ---- values ---- */

static peri_node *make(maker *m, int index, int depth, uint32_t *order);

static peri_node *refuse(maker *m, const char *what) {
  peri_fail(m->e, PERI_SCRIPT_REFUSED, "%s", what);
  return NULL;
}

static peri_node *make_word(maker *m, int index, int depth, uint32_t *order) {
  lua_State *L = m->L;
  peri_word *w = peri_to_word(L, index);
  uint32_t inner;
  if (peri_is_null(L, index)) return peri_node_new(m->a, PERI_N_NULL);
  if (!w) return refuse(m, "a value stands here that is none of the language's");
  *order = w->seq ? w->seq : UINT32_MAX;
  w->used = m->s->word_mark;
  peri_node *n = peri_node_new(m->a, w->spec ? PERI_N_WORD : PERI_N_JOIN);
  n->line = w->line;
  if (!w->spec) {
    lua_getiuservalue(L, index, 1);
    int list = lua_gettop(L);
    size_t count = lua_rawlen(L, list);
    for (size_t i = 1; i <= count; i++) {
      lua_rawgeti(L, list, (lua_Integer)i);
      peri_node *part = make(m, lua_gettop(L), depth + 1, &inner);
      lua_pop(L, 1);
      if (!part) return NULL;
      peri_node_push(m->a, n, part);
      if (part->line && !n->line) n->line = part->line;
    }
    lua_pop(L, 1);
    return n;
  }
  n->seq = w->seq;
  n->word = peri_str_of(w->spec->name);
  const char *file = m->file;
  int line = m->line;
  if (w->line) {
    m->file = w->file;
    m->line = w->line;
  }
  if (!w->seq && w->spec->what == PERI_WHAT_MUST) {
    peri_fail(m->e, PERI_SCRIPT_REFUSED, "%s stands alone; it reads something: %s \"…\"", w->spec->name, w->spec->name);
    return NULL;
  }
  if (w->has_what) {
    lua_getiuservalue(L, index, 1);
    n->what = make(m, lua_gettop(L), depth + 1, &inner);
    lua_pop(L, 1);
    if (!n->what) return NULL;
  }
  if (w->has_opts) {
    lua_getiuservalue(L, index, 2);
    n->opts = make(m, lua_gettop(L), depth + 1, &inner);
    lua_pop(L, 1);
    if (!n->opts) return NULL;
  }
  m->file = file;
  m->line = line;
  return n;
}

typedef struct ordered {
  peri_member member;
  uint32_t order;
} ordered;

static int before(const ordered *a, const ordered *b) {
  if (a->order != b->order) return a->order < b->order ? -1 : 1;
  return peri_str_cmp(a->member.key, b->member.key);
}

static bool name_of(maker *m, int index, ordered *o) {
  lua_State *L = m->L;
  o->member.key_is_text = lua_type(L, index) == LUA_TSTRING;
  if (o->member.key_is_text) {
    peri_str key;
    key.p = lua_tolstring(L, index, &key.n);
    if (!peri_utf8_valid(key)) return refuse(m, "a name is not valid UTF-8"), false;
    o->member.key = peri_arena_str(m->a, key);
  } else if (lua_isinteger(L, index)) {
    o->member.key = peri_arena_fmt(m->a, "%lld", (long long)lua_tointeger(L, index));
  } else if (lua_isboolean(L, index)) {
    o->member.key = lua_toboolean(L, index) ? PERI_STR("true") : PERI_STR("false");
  } else {
    return refuse(m, "names in a table are texts, whole numbers, true or false"), false;
  }
  return true;
}

static peri_node *make_table(maker *m, int index, int depth, uint32_t *order) {
  lua_State *L = m->L;
  if (peri_table_mark(L, index) == PERI_MARK_OTHER) return refuse(m, "a table with a metatable can't stand in what a file returns");
  peri_node *n = peri_node_new(m->a, PERI_N_TABLE);
  lua_Integer items = 0;
  uint32_t inner;
  while (lua_rawgeti(L, index, items + 1) != LUA_TNIL) {
    peri_node *item = make(m, lua_gettop(L), depth + 1, &inner);
    lua_pop(L, 1);
    if (!item) return NULL;
    if (inner < *order) *order = inner;
    peri_node_push(m->a, n, item);
    items++;
  }
  lua_pop(L, 1);
  ordered *list = NULL;
  size_t count = 0, cap = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    int key = lua_gettop(L) - 1;
    if (!lua_isinteger(L, key) || lua_tointeger(L, key) < 1 || lua_tointeger(L, key) > items) {
      list = peri_arena_grow(m->a, list, count, &cap, sizeof *list);
      ordered *o = &list[count++];
      o->order = UINT32_MAX;
      if (!name_of(m, key, o) || !(o->member.value = make(m, key + 1, depth + 1, &o->order))) return NULL;
      if (o->order < *order) *order = o->order;
    }
    lua_pop(L, 1);
  }
  for (size_t gap = count / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) { /* no qsort in a jailed worker */
    for (size_t i = gap; i < count; i++) {
      ordered o = list[i];
      size_t j = i;
      for (; j >= gap && before(&list[j - gap], &o) > 0; j -= gap) list[j] = list[j - gap];
      list[j] = o;
    }
  }
  n->members = count ? peri_arena_take(m->a, count * sizeof *n->members) : NULL;
  n->member_count = count;
  for (size_t i = 0; i < count; i++) n->members[i] = list[i].member;
  return n;
}

static peri_node *make(maker *m, int index, int depth, uint32_t *order) {
  lua_State *L = m->L;
  peri_node *n = NULL;
  *order = UINT32_MAX;
  if (depth > PERI_TREE_DEPTH_MAX || !lua_checkstack(L, 16)) return refuse(m, "tables are nested too deeply, or one contains itself");
  if (++m->nodes > PERI_TREE_NODES_MAX) return refuse(m, "it returns too many values");
  switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
      n = peri_node_new(m->a, PERI_N_BOOL);
      n->u.b = lua_toboolean(L, index);
      return n;
    case LUA_TNUMBER:
      n = peri_node_new(m->a, lua_isinteger(L, index) ? PERI_N_INT : PERI_N_NUM);
      if (lua_isinteger(L, index)) n->u.i = lua_tointeger(L, index);
      else n->u.d = lua_tonumber(L, index);
      if (n->type == PERI_N_NUM && !isfinite(n->u.d)) return refuse(m, "a number is not finite");
      return n;
    case LUA_TSTRING: {
      peri_str text;
      text.p = lua_tolstring(L, index, &text.n);
      if (!peri_utf8_valid(text)) return refuse(m, "a text is not valid UTF-8");
      return peri_node_of_text(m->a, peri_arena_str(m->a, text));
    }
    case LUA_TTABLE: return make_table(m, index, depth, order);
    case LUA_TFUNCTION: return make_function(m, index);
    case LUA_TUSERDATA: return make_word(m, index, depth, order);
    default: return refuse(m, "a coroutine can't stand in what a file returns");
  }
}

peri_node *peri_to_tree(peri_script *s, lua_State *L, int index, peri_arena *a, peri_err *e, const char **file, int *line) {
  maker m = {.s = s, .L = L, .a = a, .e = e};
  uint32_t order;
  int top = lua_gettop(L);
  peri_node *n = make(&m, lua_absindex(L, index), 0, &order);
  lua_settop(L, top);
  if (!n) {
    if (file) *file = m.file;
    if (line) *line = m.line;
  }
  return n;
}
