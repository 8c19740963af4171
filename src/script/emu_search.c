/* script/emu_search: filters over rows and sorting. Keys and stamps are compared without opening a row; everything else reads the one
 * value it needs. Refuses unknown operators and kinds; what a filter means to its API (which operators fit which type) is the script's to check. */
#include <math.h>

#include "base/clock.h"
#include "script/emu.h"

/* ---- reading the query ---- */

static peri_str field_text(lua_State *L, int table, const char *name) {
  peri_str text = {NULL, 0};
  lua_pushstring(L, name);
  lua_rawget(L, table);
  if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) text.p = lua_tolstring(L, -1, &text.n);
  else if (!lua_isnil(L, -1)) luaL_error(L, "search: %s must be a text", name);
  return text; /* left on the stack: the text lives as long */
}

static const struct { const char *name; peri_emu_op op; size_t values; } ops[] = {
  {"EQ", PERI_OP_EQ, 1},   {"NEQ", PERI_OP_NEQ, 1}, {"LT", PERI_OP_LT, 1},   {"LTE", PERI_OP_LTE, 1},         {"GT", PERI_OP_GT, 1},
  {"GTE", PERI_OP_GTE, 1}, {"HAS", PERI_OP_HAS, 0}, {"IN", PERI_OP_IN, 9},   {"BETWEEN", PERI_OP_BETWEEN, 2}, {"NOT_IN", PERI_OP_NOT_IN, 9},
  {"HAS_NOT", PERI_OP_HAS_NOT, 0},                  {"TOKEN", PERI_OP_TOKEN, 1},                              {"NOT_TOKEN", PERI_OP_NOT_TOKEN, 1}};

static peri_emu_kind read_kind(lua_State *L, int table) {
  static const struct { const char *name; peri_emu_kind kind; } kinds[] = {
    {"text", PERI_EMU_TEXT}, {"exact", PERI_EMU_EXACT}, {"number", PERI_EMU_NUMBER}, {"stamp", PERI_EMU_STAMP}};
  peri_str text = field_text(L, table, "kind");
  lua_pop(L, 1);
  if (!text.p) return PERI_EMU_TEXT;
  for (size_t i = 0; i < 4; i++)
    if (peri_str_is(text, kinds[i].name)) return kinds[i].kind;
  luaL_error(L, "search: kind must be text, exact, number or stamp");
  return PERI_EMU_TEXT;
}

static double as_number(peri_emu_kind kind, peri_str text) {
  double d;
  int64_t ms;
  bool had_time, had_zone;
  text = peri_str_trim(text);
  if (kind == PERI_EMU_STAMP && peri_iso_read(text, 0, &ms, &had_time, &had_zone)) return (double)ms;
  return peri_number_double(text, &d) ? d : (double)NAN;
}

static void read_filter(lua_State *L, int table, const peri_emu_table *t, peri_arena *a, peri_emu_filter *f) {
  luaL_checktype(L, table, LUA_TTABLE);
  luaL_checkstack(L, 20, "search");
  int top = lua_gettop(L);
  f->path = peri_arena_str(a, field_text(L, table, "path"));
  f->kind = read_kind(L, table);
  f->is_key = peri_str_eq(f->path, t->key_path);
  f->is_updated = t->updated_path.n && peri_str_eq(f->path, t->updated_path) && f->kind == PERI_EMU_STAMP;
  peri_str name = field_text(L, table, "op");
  size_t i = 0, count = sizeof ops / sizeof *ops;
  while (i < count && !peri_str_is(name, ops[i].name)) i++;
  if (i == count) luaL_error(L, "search: unknown operator '%s'", name.p ? name.p : "");
  f->op = ops[i].op;
  lua_pushliteral(L, "values");
  lua_rawget(L, table);
  f->value_count = lua_istable(L, -1) ? lua_rawlen(L, -1) : ops[i].values > 1 ? 0 : ops[i].values;
  if (f->value_count > 10000 || (f->op == PERI_OP_BETWEEN && f->value_count != 2)) luaL_error(L, "search: the number of values does not fit the operator");
  f->values = peri_arena_take(a, (f->value_count + 1) * sizeof *f->values);
  f->numbers = peri_arena_take(a, (f->value_count + 1) * sizeof *f->numbers);
  for (size_t v = 0; v < f->value_count; v++) {
    peri_str value = {"", 0};
    if (lua_istable(L, -1)) lua_rawgeti(L, -1, (lua_Integer)v + 1);
    else {
      lua_pushliteral(L, "value");
      lua_rawget(L, table);
    }
    if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) value.p = lua_tolstring(L, -1, &value.n);
    else luaL_error(L, "search: a value of a filter must be a text or a number");
    f->values[v] = peri_arena_str(a, value);
    f->numbers[v] = as_number(f->kind, value);
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}

static void read_groups(lua_State *L, int where, const peri_emu_table *t, peri_arena *a, peri_emu_query *q) {
  q->group_count = lua_rawlen(L, where);
  if (q->group_count > 100) luaL_error(L, "search: more than 100 groups");
  q->groups = peri_arena_take(a, (q->group_count + 1) * sizeof *q->groups);
  for (size_t g = 0; g < q->group_count; g++) {
    lua_rawgeti(L, where, (lua_Integer)g + 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    size_t n = lua_rawlen(L, -1);
    if (n > 100) luaL_error(L, "search: more than 100 filters in a group");
    q->groups[g].count = n;
    q->groups[g].filters = peri_arena_take(a, (n + 1) * sizeof(peri_emu_filter));
    for (size_t i = 0; i < n; i++) {
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      read_filter(L, lua_gettop(L), t, a, &q->groups[g].filters[i]);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
}

void peri_emu_query_read(lua_State *L, int index, const peri_emu_table *t, peri_arena *a, peri_emu_query *q) {
  *q = (peri_emu_query){0};
  luaL_checktype(L, index, LUA_TTABLE);
  int top = lua_gettop(L);
  lua_getfield(L, index, "where");
  if (!lua_isnil(L, -1)) {
    luaL_checktype(L, -1, LUA_TTABLE);
    read_groups(L, lua_gettop(L), t, a, q);
  }
  lua_getfield(L, index, "text");
  if (lua_istable(L, -1)) {
    int text = lua_gettop(L);
    q->text = peri_arena_str(a, field_text(L, text, "value"));
    lua_pushliteral(L, "paths");
    lua_rawget(L, text);
    luaL_checktype(L, -1, LUA_TTABLE);
    q->text_path_count = lua_rawlen(L, -1);
    if (q->text_path_count > 100) luaL_error(L, "search: more than 100 paths");
    q->text_paths = peri_arena_take(a, (q->text_path_count + 1) * sizeof *q->text_paths);
    for (size_t i = 0; i < q->text_path_count; i++) {
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      peri_str path;
      path.p = luaL_checklstring(L, -1, &path.n);
      q->text_paths[i] = peri_arena_str(a, path);
      lua_pop(L, 1);
    }
  }
  lua_settop(L, top);
  lua_getfield(L, index, "sort");
  if (lua_istable(L, -1)) {
    int sort = lua_gettop(L);
    q->sort = peri_arena_str(a, field_text(L, sort, "path"));
    q->sort_kind = read_kind(L, sort);
    lua_getfield(L, sort, "descending");
    q->descending = lua_toboolean(L, -1);
    q->sort_is_key = peri_str_eq(q->sort, t->key_path);
    q->sort_is_updated = t->updated_path.n && peri_str_eq(q->sort, t->updated_path);
  }
  lua_getfield(L, index, "archived");
  q->archived = lua_toboolean(L, -1);
  lua_settop(L, top);
}

/* ---- fitting ---- */

static bool contains_nocase(peri_str text, peri_str part) {
  if (part.n == 0) return true;
  for (size_t i = 0; i + part.n <= text.n; i++)
    if (peri_str_eq_nocase((peri_str){text.p + i, part.n}, part)) return true;
  return false;
}

static bool word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool glob_nocase(peri_str pattern, peri_str text) {
  size_t p = 0, i = 0, star = SIZE_MAX, back = 0;
  while (i < text.n) {
    if (p < pattern.n && pattern.p[p] == '*') {
      star = p++;
      back = i;
    } else if (p < pattern.n && peri_str_eq_nocase((peri_str){pattern.p + p, 1}, (peri_str){text.p + i, 1})) {
      p++;
      i++;
    } else if (star != SIZE_MAX) {
      p = star + 1;
      i = ++back;
    } else {
      return false;
    }
  }
  while (p < pattern.n && pattern.p[p] == '*') p++;
  return p == pattern.n;
}

/* A whole word of the text, or, with a star, the whole text or a run without white space. */
static bool has_token(peri_str text, peri_str token) {
  if (memchr(token.p, '*', token.n)) {
    if (glob_nocase(token, text)) return true;
    for (size_t i = 0; i < text.n;) {
      size_t end = i;
      while (end < text.n && text.p[end] != ' ') end++;
      if (glob_nocase(token, (peri_str){text.p + i, end - i})) return true;
      i = end + 1;
    }
    return false;
  }
  for (size_t i = 0; token.n && i + token.n <= text.n; i++) {
    bool starts = i == 0 || !word_byte(text.p[i - 1]) || !word_byte(token.p[0]);
    bool ends = i + token.n == text.n || !word_byte(text.p[i + token.n]) || !word_byte(token.p[token.n - 1]);
    if (starts && ends && peri_str_eq_nocase((peri_str){text.p + i, token.n}, token)) return true;
  }
  return false;
}

static bool equal(const peri_emu_filter *f, size_t v, peri_str text, double number) {
  if (f->kind == PERI_EMU_NUMBER || f->kind == PERI_EMU_STAMP) return number >= f->numbers[v] && number <= f->numbers[v];
  return f->kind == PERI_EMU_EXACT ? peri_str_eq(text, f->values[v]) : peri_str_eq_nocase(text, f->values[v]);
}

/* -1, 0, 1; 2 when they cannot be compared */
static int order(const peri_emu_filter *f, size_t v, peri_str text, double number) {
  if (f->kind == PERI_EMU_NUMBER || f->kind == PERI_EMU_STAMP)
    return number < f->numbers[v] ? -1 : number > f->numbers[v] ? 1 : number >= f->numbers[v] ? 0 : 2;
  int c = peri_str_cmp(text, f->values[v]);
  return c < 0 ? -1 : c > 0;
}

static bool fits_value(const peri_emu_filter *f, bool has, peri_str text, double number) {
  bool any = false;
  if (f->op == PERI_OP_HAS) return has;
  if (f->op == PERI_OP_HAS_NOT) return !has;
  if (!has) return false; /* also for NEQ and NOT_IN: an unknown value is not "something else" */
  switch (f->op) {
  case PERI_OP_EQ: return equal(f, 0, text, number);
  case PERI_OP_NEQ: return !equal(f, 0, text, number);
  case PERI_OP_LT: return order(f, 0, text, number) == -1;
  case PERI_OP_LTE: return order(f, 0, text, number) <= 0;
  case PERI_OP_GT: return order(f, 0, text, number) == 1;
  case PERI_OP_GTE: return order(f, 0, text, number) == 0 || order(f, 0, text, number) == 1;
  case PERI_OP_BETWEEN: return (order(f, 0, text, number) == 0 || order(f, 0, text, number) == 1) && order(f, 1, text, number) <= 0;
  case PERI_OP_IN:
  case PERI_OP_NOT_IN:
    for (size_t v = 0; v < f->value_count && !any; v++) any = equal(f, v, text, number);
    return any == (f->op == PERI_OP_IN);
  case PERI_OP_TOKEN: return has_token(text, f->values[0]);
  case PERI_OP_NOT_TOKEN: return !has_token(text, f->values[0]);
  default: return false;
  }
}

static bool fits(const peri_emu_filter *f, const peri_emu_row *row, peri_span root, peri_buf *scratch) {
  if (f->is_updated) return fits_value(f, row->updated_ms != INT64_MIN, (peri_str){"", 0}, (double)row->updated_ms);
  if (f->is_key) return fits_value(f, true, row->key, row->number >= 0 ? (double)row->number : (double)NAN);
  peri_span v = peri_span_at(root, f->path);
  peri_buf_clear(scratch);
  peri_str text = v.type == PERI_J_STRING ? peri_span_text(v, scratch) : v.type > PERI_J_NULL ? peri_span_raw(v) : (peri_str){"", 0};
  bool has = text.n > 0;
  double number = has && (f->kind == PERI_EMU_NUMBER || f->kind == PERI_EMU_STAMP) ? as_number(f->kind, text) : (double)NAN;
  return fits_value(f, has, text, number);
}

static bool fits_query(const peri_emu_query *q, const peri_emu_row *row, peri_buf *scratch) {
  if (row->archived != q->archived) return false;
  peri_span root = {row->json.p, (uint32_t)row->json.n, PERI_J_OBJECT, 0};
  bool any = q->group_count == 0;
  for (size_t g = 0; g < q->group_count && !any; g++) {
    bool all = true;
    for (size_t i = 0; i < q->groups[g].count && all; i++) all = fits(&q->groups[g].filters[i], row, root, scratch);
    any = all;
  }
  if (!any || q->text.n == 0) return any;
  for (size_t i = 0; i < q->text_path_count; i++) {
    peri_span v = peri_span_at(root, q->text_paths[i]);
    peri_buf_clear(scratch);
    if (v.type == PERI_J_STRING && contains_nocase(peri_span_text(v, scratch), q->text)) return true;
  }
  return false;
}

/* ---- sorting: what a row sorts by is read once; equal ones keep the order of keys ---- */

typedef struct sortable { peri_emu_row *row; double number; peri_str text; bool has; } sortable;

static bool after(const peri_emu_query *q, const sortable *a, const sortable *b) {
  int c;
  if (a->has != b->has) c = a->has ? -1 : 1; /* rows without a value come last, in either direction */
  else if (q->sort_is_updated || q->sort_is_key || q->sort_kind == PERI_EMU_NUMBER || q->sort_kind == PERI_EMU_STAMP)
    c = (a->number > b->number) - (a->number < b->number), c = q->descending ? -c : c;
  else c = peri_str_cmp(a->text, b->text), c = q->descending ? -c : c;
  return c > 0;
}

static void merge_sort(const peri_emu_query *q, sortable *items, sortable *spare, size_t n) {
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t low = 0; low < n; low += 2 * width) {
      size_t mid = low + width < n ? low + width : n, high = low + 2 * width < n ? low + 2 * width : n, i = low, j = mid, k = low;
      while (i < mid || j < high) {
        if (j == high || (i < mid && !after(q, &items[i], &items[j]))) spare[k++] = items[i++];
        else spare[k++] = items[j++];
      }
    }
    memcpy(items, spare, n * sizeof *items);
  }
}

static void read_sortable(const peri_emu_query *q, peri_emu_row *row, peri_arena *a, sortable *out) {
  *out = (sortable){.row = row, .has = true};
  if (q->sort_is_updated) {
    out->number = (double)row->updated_ms;
    out->has = row->updated_ms != INT64_MIN;
    return;
  }
  if (q->sort_is_key) {
    out->number = (double)row->number;
    return;
  }
  peri_span v = peri_span_at((peri_span){row->json.p, (uint32_t)row->json.n, PERI_J_OBJECT, 0}, q->sort);
  peri_buf scratch = {0};
  peri_str text = v.type == PERI_J_STRING ? peri_span_text(v, &scratch) : v.type > PERI_J_NULL ? peri_span_raw(v) : (peri_str){"", 0};
  out->has = text.n > 0;
  out->number = out->has ? as_number(q->sort_kind, text) : 0;
  out->text = v.escaped ? peri_arena_str(a, text) : text;
  peri_buf_fini(&scratch);
}

peri_emu_row **peri_emu_search(peri_buf *scratch, lua_State *L, const peri_emu_table *t, const peri_emu_query *q, peri_arena *a, size_t *count) {
  peri_emu_row **found = peri_arena_take(a, (t->row_count + 1) * sizeof(peri_emu_row *));
  size_t n = 0;
  for (size_t i = 0; i < t->row_count; i++) {
    if ((i & 1023) == 1023) peri_budget_check(L);
    if (fits_query(q, t->rows[i], scratch)) found[n++] = t->rows[i];
  }
  *count = n;
  if (!q->sort.n || n < 2) return found;
  sortable *items = peri_arena_take(a, 2 * n * sizeof *items);
  for (size_t i = 0; i < n; i++) {
    if ((i & 1023) == 1023) peri_budget_check(L);
    read_sortable(q, found[i], a, &items[i]);
  }
  merge_sort(q, items, items + n, n);
  for (size_t i = 0; i < n; i++) found[i] = items[i].row;
  return found;
}
