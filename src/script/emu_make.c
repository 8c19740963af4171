/* script/emu_make: reads an emulator's tree (checked against the table of words before) and makes its rows. */
#include "base/clock.h"
#include "script/emu.h"

static int fn_of(const peri_node *n) {
  return n && n->type == PERI_N_FUNC ? n->u.fn : -1;
}

static peri_str *read_texts(peri_arena *a, const peri_node *n, size_t *count) {
  *count = 0;
  if (!n) return NULL;
  if (n->type == PERI_N_TEXT) {
    peri_str *one = peri_arena_take(a, sizeof *one);
    *one = n->u.text;
    *count = 1;
    return one;
  }
  peri_str *texts = peri_arena_take(a, (n->item_count + 1) * sizeof *texts);
  for (size_t i = 0; i < n->item_count; i++)
    if (n->items[i]->type == PERI_N_TEXT) texts[(*count)++] = n->items[i]->u.text;
  return texts;
}

static peri_code read_tables(peri_emulator *em, const peri_node *data, peri_err *e) {
  size_t biggest = 1;
  em->tables = peri_arena_take(em->arena, ((data ? data->member_count : 0) + 1) * sizeof *em->tables);
  for (size_t i = 0; data && i < data->member_count; i++) {
    const peri_node *n = data->members[i].value;
    peri_emu_table *t = &em->tables[em->table_count++];
    static const char *const taken[] = {"state", "settings", "tokens", "tell", "random"};
    t->name = data->members[i].key;
    for (size_t w = 0; w < sizeof taken / sizeof *taken; w++)
      if (peri_str_is(t->name, taken[w])) return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s: no table may be called %s; db.%s is something else", PERI_S(em->tree->path), taken[w], taken[w]);
    t->key_path = peri_node_text(peri_node_value(peri_node_get(n, "key")));
    if (!t->key_path.n) t->key_path = PERI_STR("id");
    t->updated_path = peri_node_opt_text(n, "updated");
    t->created_path = peri_node_opt_text(n, "created");
    t->archived_path = peri_node_opt_text(n, "archived");
    t->unique = read_texts(em->arena, peri_node_get(n, "unique"), &t->unique_count);
    t->make = fn_of(peri_node_get(n, "make"));
    t->touch = fn_of(peri_node_get(n, "touch"));
    t->fixed = peri_node_opt_bool(n, "fixed", false);
    int64_t count = peri_node_opt_int(n, "count", 0);
    t->count_asked = t->count = t->make < 0 || count < 0 ? 0 : (size_t)count;
    if (!t->fixed && t->count > biggest) biggest = t->count;
  }
  for (size_t i = 0; em->records >= 0 && i < em->table_count; i++) {
    peri_emu_table *t = &em->tables[i];
    if (!t->fixed && t->count_asked) t->count = (t->count_asked * (size_t)em->records + biggest - 1) / biggest;
    if (t->count > PERI_EMU_ROWS_MAX) return peri_fail(e, PERI_USAGE, "%.*s would have %zu rows; the most is %d", PERI_S(t->name), t->count, PERI_EMU_ROWS_MAX);
  }
  return PERI_OK;
}

static void read_routes(peri_emulator *em, const peri_node *routes) {
  if (!routes) return;
  em->routes = peri_arena_take(em->arena, (routes->item_count + 1) * sizeof *em->routes);
  for (size_t i = 0; i < routes->item_count; i++) {
    const peri_node *n = routes->items[i];
    peri_emu_route *r = &em->routes[em->route_count++];
    char *method = peri_arena_bytes(em->arena, n->word.n + 1);
    for (size_t c = 0; c <= n->word.n; c++) method[c] = (char)(c == n->word.n ? 0 : n->word.p[c] - 32); /* words are lower case */
    r->method = (peri_str){method, n->word.n};
    r->path = em->base.n ? peri_arena_fmt(em->arena, "%.*s%.*s", PERI_S(em->base), PERI_S(peri_node_text(n->what))) : peri_node_text(n->what);
    r->rate = peri_node_opt_text(n, "rate");
    r->open = peri_node_opt_bool(n, "open", false);
    const peri_node *answers = peri_node_get(n, "answers");
    r->fn = fn_of(answers);
    if (answers && r->fn < 0) {
      peri_buf_clear(&em->text);
      peri_emu_plain(em, answers, &em->text);
      r->body = peri_arena_str(em->arena, peri_buf_view(&em->text));
    }
  }
}

static void read_limit(peri_emulator *em, peri_emu_class *c, const peri_node *n, size_t *cap) {
  if (n->type == PERI_N_TEXT) {
    peri_emu_limit limit;
    if (!peri_rate_read(n->u.text, &limit.many, &limit.per_ms)) return;
    if (limit.many > 100000000) limit.many = 100000000;
    c->limits = peri_arena_grow(em->arena, c->limits, c->limit_count, cap, sizeof *c->limits);
    c->limits[c->limit_count++] = limit;
    return;
  }
  peri_str headers = peri_node_opt_text(n, "headers");
  if (headers.n) c->headers = headers;
  for (size_t i = 0; i < n->item_count; i++) read_limit(em, c, n->items[i], cap);
}

static void read_rates(peri_emulator *em, const peri_node *rates) {
  if (!rates) return;
  em->classes = peri_arena_take(em->arena, (rates->member_count + 1) * sizeof *em->classes);
  for (size_t i = 0; i < rates->member_count; i++) {
    peri_emu_class *c = &em->classes[em->class_count++];
    size_t cap = 0;
    c->name = rates->members[i].key;
    read_limit(em, c, rates->members[i].value, &cap);
    c->written = peri_arena_take(em->arena, (c->limit_count + 1) * sizeof *c->written);
    if (c->limit_count) memcpy(c->written, c->limits, c->limit_count * sizeof *c->written);
  }
}

static void read_hooks(peri_emulator *em, const peri_node *hooks) {
  if (!hooks) return;
  em->hooks = peri_arena_take(em->arena, (hooks->member_count + 1) * sizeof *em->hooks);
  for (size_t i = 0; i < hooks->member_count; i++) {
    const peri_node *n = hooks->members[i].value;
    peri_emu_hook *h = &em->hooks[em->hook_count++];
    h->name = hooks->members[i].key;
    h->sign = read_texts(em->arena, peri_node_get(n, "sign"), &h->sign_count);
    h->key = peri_node_opt_text(n, "key");
    if (!h->key.n) h->key = PERI_STR("clientSecret");
    h->make = fn_of(peri_node_get(n, "make"));
    int64_t batch = peri_node_opt_int(n, "batch", PERI_EMU_DELIVERY_EVENTS);
    h->batch = batch < 1 || batch > PERI_EMU_DELIVERY_EVENTS ? PERI_EMU_DELIVERY_EVENTS : (size_t)batch;
  }
}

static void read_auth(peri_emulator *em, const peri_node *auth) {
  em->auth_header = PERI_STR("authorization");
  em->auth_prefix = PERI_STR("Bearer ");
  em->auth_secret = PERI_STR("accessToken");
  if (!auth) return;
  em->auth_secret = peri_node_text(auth->what);
  if (peri_node_is(auth, "basic")) {
    em->auth_prefix = PERI_STR("Basic ");
    em->auth_user = peri_node_opt_text(auth, "user");
    if (!em->auth_user.p) em->auth_user = PERI_STR("");
    return;
  }
  if (peri_node_get(auth, "prefix")) em->auth_prefix = peri_node_opt_text(auth, "prefix");
  em->auth_query = peri_node_opt_text(auth, "query");
  peri_str header = peri_node_opt_text(auth, "header");
  if (header.n) {
    char *lower = peri_arena_bytes(em->arena, header.n + 1);
    for (size_t i = 0; i < header.n; i++) lower[i] = (char)(header.p[i] >= 'A' && header.p[i] <= 'Z' ? header.p[i] + 32 : header.p[i]);
    lower[header.n] = 0;
    em->auth_header = (peri_str){lower, header.n};
    if (!peri_node_get(auth, "prefix") && !peri_str_is(em->auth_header, "authorization")) em->auth_prefix = PERI_STR("");
  }
}

static peri_str read_body(peri_emulator *em, const peri_node *n) {
  if (!n || n->type == PERI_N_FUNC) return (peri_str){NULL, 0};
  peri_buf_clear(&em->text);
  peri_emu_plain(em, n, &em->text);
  return peri_arena_str(em->arena, peri_buf_view(&em->text));
}

void peri_emu_plain(peri_emulator *em, const peri_node *n, peri_buf *out) {
  switch (n->type) {
  case PERI_N_BOOL: peri_buf_c_str(out, n->u.b ? "true" : "false"); return;
  case PERI_N_INT: peri_buf_fmt(out, "%lld", (long long)n->u.i); return;
  case PERI_N_NUM: peri_double_put(out, n->u.d); return;
  case PERI_N_TEXT: peri_json_quote(out, n->u.text); return;
  case PERI_N_TABLE:
    if (n->member_count == 0 && n->item_count) {
      for (size_t i = 0; i < n->item_count; i++) {
        peri_buf_char(out, i ? ',' : '[');
        peri_emu_plain(em, n->items[i], out);
      }
      peri_buf_char(out, ']');
      return;
    }
    peri_buf_char(out, '{');
    for (size_t i = 0; i < n->member_count; i++) {
      if (i) peri_buf_char(out, ',');
      peri_json_quote(out, n->members[i].key);
      peri_buf_char(out, ':');
      peri_emu_plain(em, n->members[i].value, out);
    }
    peri_buf_char(out, '}');
    return;
  default: peri_buf_c_str(out, "null"); return;
  }
}

peri_code peri_emu_read(peri_emulator *em, peri_err *e) {
  const peri_node *root = em->tree->root;
  em->name = peri_node_text(root->what);
  em->base = peri_node_opt_text(root, "base");
  em->credentials = peri_node_get(root, "credentials");
  em->settings = peri_node_get(root, "settings");
  em->state = peri_node_get(root, "state");
  em->refused = fn_of(peri_node_get(root, "refused"));
  em->limited = fn_of(peri_node_get(root, "limited"));
  em->setup = fn_of(peri_node_get(root, "setup"));
  em->control = fn_of(peri_node_get(root, "control"));
  em->refused_body = read_body(em, peri_node_get(root, "refused"));
  em->limited_body = read_body(em, peri_node_get(root, "limited"));
  read_auth(em, peri_node_get(root, "auth"));
  read_routes(em, peri_node_get(root, "routes"));
  read_rates(em, peri_node_get(root, "rates"));
  read_hooks(em, peri_node_get(root, "hooks"));
  return read_tables(em, peri_node_get(root, "data"), e);
}

/* ---- rows ---- */

/* Encodes the table on top of the main stack, pops it, stores it. */
static bool store_top(peri_emulator *em, peri_emu_table *t, const char *verb, peri_call_fault *fault) {
  char why[160];
  const char *because = why;
  peri_emu_row *row;
  bool is_new = false;
  peri_str before = {NULL, 0};
  peri_buf_clear(&em->text);
  bool ok = lua_istable(em->s->L, -1) && peri_to_json(em->s, em->s->L, -1, &em->text, &peri_emu_caps, why, sizeof why);
  if (!lua_istable(em->s->L, -1)) because = "it is no table";
  lua_pop(em->s->L, 1);
  if (ok && verb) { /* what was there, for hooks */
    peri_span root;
    peri_json_fault ignored;
    if (peri_json_check(peri_buf_view(&em->text), &root, &ignored)) {
      peri_span key = peri_span_at(root, t->key_path);
      peri_emu_row *old = key.type == PERI_J_STRING && !key.escaped ? peri_emu_find(t, (peri_str){key.p + 1, key.n - 2}) : NULL;
      if (old) before = peri_arena_str(em->work, old->json);
    }
  }
  ok = ok && peri_emu_put(t, peri_buf_view(&em->text), &row, &is_new, &because);
  if (!ok) {
    fault->file[0] = 0;
    fault->line = 0;
    peri_fault_set(fault, PERI_SCRIPT_ERROR, "a row of %.*s cannot be stored: %s", PERI_S(t->name), because);
    return false;
  }
  if (verb) peri_emu_tell(em, t, row->key, verb, before, row->json, (peri_str){NULL, 0});
  return true;
}

/* Writes a stamp where one stood, in the form in which it stood. The record is the table on top. */
static void set_path(lua_State *L, peri_str path, int64_t at_ms, int flag) {
  int top = lua_gettop(L);
  lua_pushvalue(L, top);
  peri_str head, rest = peri_str_cut(path, '.', &head);
  while (rest.n) {
    lua_pushlstring(L, head.p, head.n);
    lua_rawget(L, -2);
    if (!lua_istable(L, -1)) {
      lua_pop(L, 1);
      lua_newtable(L);
      lua_pushlstring(L, head.p, head.n);
      lua_pushvalue(L, -2);
      lua_rawset(L, -4);
    }
    rest = peri_str_cut(rest, '.', &head);
  }
  lua_pushlstring(L, head.p, head.n);
  if (flag >= 0) {
    lua_pushboolean(L, flag);
  } else {
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    bool number = lua_type(L, -1) == LUA_TNUMBER, seconds = number && lua_tonumber(L, -1) < 1e11;
    lua_pop(L, 1);
    char iso[PERI_ISO_MAX];
    if (number) lua_pushinteger(L, seconds ? at_ms / 1000 : at_ms);
    else lua_pushstring(L, peri_iso(at_ms, iso));
  }
  lua_rawset(L, -3);
  lua_settop(L, top);
}

void peri_emu_stamp_top(lua_State *L, const peri_emu_table *t, const char *verb, int64_t at_ms) {
  if (t->updated_path.n) set_path(L, t->updated_path, at_ms, -1);
  if (t->created_path.n && strcmp(verb, "create") == 0) set_path(L, t->created_path, at_ms, -1);
  if (t->archived_path.n && strcmp(verb, "archive") == 0) set_path(L, t->archived_path, 0, 1);
  if (t->archived_path.n && strcmp(verb, "restore") == 0) set_path(L, t->archived_path, 0, 0);
}

/* The record on top of the main stack goes through `touch`. */
static bool touch_top(peri_emulator *em, peri_emu_table *t, const char *verb, int64_t at_ms, peri_call_fault *fault) {
  lua_State *L = em->s->L;
  peri_emu_stamp_top(L, t, verb, at_ms);
  if (t->touch < 0) return true;
  lua_rawgeti(L, PERI_SLOT_FUNCS, t->touch);
  lua_pushvalue(L, -2);
  lua_pushstring(L, verb);
  lua_pushinteger(L, at_ms);
  lua_rawgeti(L, LUA_REGISTRYINDEX, em->random_ref);
  if (!peri_state_run(em->s, 4, 1, em->s->call_ms, fault)) {
    lua_pop(L, 1);
    return false;
  }
  if (lua_istable(L, -1)) lua_remove(L, -2); /* it gave another one; otherwise it changed the one it got */
  else lua_pop(L, 1);
  return true;
}

bool peri_emu_make_row(peri_emulator *em, peri_emu_table *t, size_t n, const char *verb, peri_call_fault *fault) {
  lua_State *L = em->s->L;
  if (t->make < 0) {
    peri_fault_set(fault, PERI_SCRIPT_ERROR, "the table %.*s has no make", PERI_S(t->name));
    return false;
  }
  peri_emu_seed(em, t->name, n);
  lua_rawgeti(L, PERI_SLOT_FUNCS, t->make);
  lua_pushinteger(L, (lua_Integer)n);
  lua_rawgeti(L, LUA_REGISTRYINDEX, em->random_ref);
  lua_rawgeti(L, LUA_REGISTRYINDEX, em->counts_ref);
  if (!peri_state_run(em->s, 3, 1, em->s->call_ms, fault)) return false;
  if (lua_isnil(L, -1)) { /* nothing for this number */
    lua_pop(L, 1);
    return true;
  }
  if (verb && lua_istable(L, -1) && !touch_top(em, t, verb, em->now_ms, fault)) return false;
  return store_top(em, t, verb, fault);
}

bool peri_emu_touch(peri_emulator *em, peri_emu_table *t, peri_emu_row *row, const char *verb, int64_t at_ms, peri_call_fault *fault) {
  lua_State *L = em->s->L;
  if (!peri_push_json(em->s, L, (peri_span){row->json.p, (uint32_t)row->json.n, PERI_J_OBJECT, 0})) {
    peri_fault_set(fault, PERI_SCRIPT_MEMORY, "no memory for a row of %.*s", PERI_S(t->name));
    return false;
  }
  peri_emu_seed(em, row->key, (uint64_t)at_ms);
  return touch_top(em, t, verb, at_ms, fault) && store_top(em, t, verb, fault);
}
