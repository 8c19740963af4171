/* script/emulator: one request from its bytes to its answer. In this order: control, planned fault, route, credential, limit, the script's
 * function, rate headers, damage that a fault asked for, log, webhooks. Start at peri_emulator_serve. */
#include <stdlib.h>

#include "base/clock.h"
#include "script/emu.h"

const peri_json_caps peri_emu_caps = {16u << 20, 1000000, PERI_JSON_DEPTH_MAX};

#define DAY_MS 86400000
#define PARTS_MAX 16 /* named parts of a route */

/* ---- its life ---- */

peri_code peri_emulator_new(peri_script *s, const peri_tree *tree, peri_str options, peri_emulator **out, peri_err *e) {
  if (!peri_node_is(tree->root, "emulator")) return peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s gives no emulator", PERI_S(tree->path));
  peri_emulator *em = peri_alloc(sizeof *em);
  em->s = s;
  em->tree = tree;
  em->arena = peri_arena_new();
  em->work = peri_arena_new();
  peri_map_init(&em->spent, em->arena);
  peri_map_init(&em->counts, em->arena);
  peri_json_fault fault;
  const peri_json *o = options.n ? peri_json_parse(em->arena, options, &fault) : NULL;
  em->records = peri_json_get_int(o, "records", -1);
  em->seed = (uint64_t)peri_json_get_int(o, "seed", 1);
  em->now_ms = peri_json_get_int(o, "nowMs", peri_now_ms());
  /* midnight a day ago: older than any overlap, and the same for a whole day, so that one seed gives one account */
  em->base_ms = em->now_ms - em->now_ms % DAY_MS - DAY_MS;
  peri_code code = peri_emu_read(em, e);
  if (code) {
    peri_emulator_free(em);
    return code;
  }
  peri_emu_random_open(em);
  peri_emu_db_open(em);
  peri_emu_reset(em);
  *out = em;
  return PERI_OK;
}

void peri_emulator_free(peri_emulator *em) {
  if (!em) return;
  for (size_t i = 0; i < em->table_count; i++) peri_emu_table_clear(&em->tables[i]);
  for (size_t i = 0; i < em->spent.count; i++) free(((peri_emu_spent *)em->spent.items[i].value)->at);
  free(em->tokens);
  free(em->faults);
  free(em->seen);
  peri_buf *bufs[] = {&em->raw, &em->body, &em->headers, &em->deliveries, &em->text};
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) peri_buf_fini(bufs[i]);
  peri_arena_free(em->work);
  peri_arena_free(em->arena);
  free(em);
}

bool peri_emulator_broken(const peri_emulator *em) {
  return em->s->caller.broken;
}

void peri_emu_reset(peri_emulator *em) {
  for (size_t i = 0; i < em->table_count; i++) peri_emu_table_clear(&em->tables[i]);
  peri_emu_gate_reset(em);
  peri_emu_db_state(em);
  em->ready = false;
}

static peri_code failed(peri_err *e, const peri_call_fault *fault) {
  if (fault->line) return peri_fail(e, fault->code, "%s:%d: %s", fault->file, fault->line, fault->text);
  return peri_fail(e, fault->code, "%s", fault->text);
}

peri_code peri_emulator_fill(peri_emulator *em, size_t records, bool *more, peri_err *e) {
  peri_call_fault fault = {.code = PERI_OK};
  *more = false;
  for (size_t i = 0; i < em->table_count; i++) {
    peri_emu_table *t = &em->tables[i];
    for (; t->made < t->count; t->made++) {
      if (records-- == 0) {
        *more = true;
        return PERI_OK;
      }
      if (peri_emu_make_row(em, t, t->made + 1, NULL, &fault)) continue;
      failed(e, &fault);
      peri_err_prefix(e, "%.*s, row %zu", PERI_S(t->name), t->made + 1);
      return e->code;
    }
  }
  if (!em->ready && em->setup >= 0) {
    lua_State *L = em->s->L;
    peri_emu_seed(em, PERI_STR("setup"), 0);
    lua_rawgeti(L, PERI_SLOT_FUNCS, em->setup);
    lua_rawgeti(L, LUA_REGISTRYINDEX, em->db_ref);
    if (!peri_state_run(em->s, 1, 0, em->s->call_ms, &fault)) return failed(e, &fault);
  }
  em->ready = true;
  return PERI_OK;
}

void peri_emulator_describe(peri_emulator *em, peri_buf *json) {
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  peri_jw_kv(&w, "name", em->name);
  peri_str title = peri_node_opt_text(em->tree->root, "title");
  peri_jw_kv(&w, "title", title.n ? title : em->name);
  peri_jw_key_c(&w, "records");
  peri_jw_object(&w);
  for (size_t i = 0; i < em->table_count; i++) {
    peri_jw_key(&w, em->tables[i].name);
    peri_jw_u64(&w, em->tables[i].row_count - em->tables[i].archived_count);
  }
  peri_jw_end_object(&w);
  peri_jw_key_c(&w, "credentials");
  peri_jw_object(&w);
  for (size_t i = 0; em->credentials && i < em->credentials->member_count; i++) {
    peri_jw_key(&w, em->credentials->members[i].key);
    peri_jw_text(&w, peri_node_text(em->credentials->members[i].value));
  }
  peri_jw_end_object(&w);
  peri_jw_end_object(&w);
}

/* ---- answers ---- */

void peri_emu_answer_json(peri_emulator *em, peri_answer *a, int status) {
  a->status = (uint32_t)status;
  a->body = peri_buf_view(&em->body);
  a->headers_json = PERI_STR("{\"content-type\":\"application/json;charset=utf-8\"}");
}

void peri_emu_error(peri_emulator *em, peri_answer *a, int status, const char *text) {
  peri_jw w;
  peri_buf_clear(&em->body);
  peri_jw_init(&w, &em->body);
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "status", "error");
  peri_jw_kv_c(&w, "message", text);
  peri_jw_end_object(&w);
  peri_emu_answer_json(em, a, status);
}

/* ---- routes ---- */

typedef struct part { peri_str name, value; } part;

/* Holds the path against "/a/{b}/c"; named parts into parts. */
static bool route_fits(peri_str route, peri_str path, part *parts, size_t *count) {
  *count = 0;
  while (route.n || path.n) {
    peri_str want, have;
    route = peri_str_cut(route, '/', &want);
    path = peri_str_cut(path, '/', &have);
    if (want.n > 2 && want.p[0] == '{' && want.p[want.n - 1] == '}') {
      if (have.n == 0 || *count == PARTS_MAX) return false;
      parts[(*count)++] = (part){{want.p + 1, want.n - 2}, have};
    } else if (!peri_str_eq(want, have)) {
      return false;
    }
    if ((route.n == 0) != (path.n == 0)) return false;
  }
  return true;
}

static const peri_emu_route *route_for(peri_emulator *em, const peri_serve *q, part *parts, size_t *count, bool *other_method) {
  peri_str path = q->path;
  while (path.n > 1 && path.p[path.n - 1] == '/') path.n--;
  *other_method = false;
  for (size_t i = 0; i < em->route_count; i++) {
    if (!route_fits(em->routes[i].path, path, parts, count)) continue;
    if (peri_str_eq(em->routes[i].method, q->method)) return &em->routes[i];
    *other_method = true;
  }
  return NULL;
}

static peri_str parts_json(peri_emulator *em, const part *parts, size_t count) {
  peri_jw w;
  peri_buf_clear(&em->headers);
  peri_jw_init(&w, &em->headers);
  peri_jw_object(&w);
  for (size_t i = 0; i < count; i++) {
    peri_jw_key(&w, parts[i].name);
    peri_jw_text(&w, peri_emu_decode(em->work, parts[i].value, false));
  }
  peri_jw_end_object(&w);
  return peri_arena_str(em->work, peri_buf_view(&em->headers));
}

/* ---- refusing ---- */

static void refuse(peri_emulator *em, const peri_serve *q, peri_str token, int status, const char *code, peri_str more, peri_answer *a) {
  peri_str why = peri_arena_fmt(em->work, "{\"status\":%d,\"code\":\"%s\"%.*s}", status, code, PERI_S(more));
  bool limit = status == 429;
  int fn = limit ? em->limited : em->refused;
  peri_str body = limit ? em->limited_body : em->refused_body;
  if (fn >= 0) {
    peri_emu_call(em, fn, q, (peri_str){NULL, 0}, token, why, a);
  } else if (body.n) {
    peri_buf_clear(&em->body);
    peri_buf_str(&em->body, body);
    peri_emu_answer_json(em, a, status);
  } else {
    peri_emu_error(em, a, status, code);
  }
}

static bool admit(peri_emulator *em, const peri_serve *q, const peri_emu_route *r, peri_str *token, peri_jw *rate_headers, peri_answer *a) {
  peri_json_fault ignored;
  if (!r->open) {
    peri_json *headers = q->headers_json.n ? peri_json_parse(em->work, q->headers_json, &ignored) : NULL;
    peri_json *query = q->query_json.n ? peri_json_parse(em->work, q->query_json, &ignored) : NULL;
    peri_emu_caller_id id = peri_emu_credential(em, headers, query);
    *token = id.token;
    if (id.why == PERI_EMU_EXPIRED) {
      refuse(em, q, id.token, 401, "expired", peri_arena_fmt(em->work, ",\"expired\":%lld", (long long)id.expired_ms), a);
      return false;
    }
    if (id.why != PERI_EMU_FINE) {
      refuse(em, q, id.token, 401, id.why == PERI_EMU_MISSING ? "missing" : "unknown", (peri_str){"", 0}, a);
      return false;
    }
  }
  peri_emu_class *c = peri_emu_class_named(em, r->rate);
  size_t which = 0;
  int64_t wait_ms = 0;
  if (!c || (r->open && !r->rate.n) || peri_emu_spend(em, c, *token, &which, &wait_ms, rate_headers)) return true;
  peri_str more = peri_arena_fmt(em->work, ",\"class\":\"%.*s\",\"limit\":%lld,\"windowMs\":%lld,\"waitMs\":%lld", PERI_S(c->name), (long long)c->limits[which].many,
                                 (long long)c->limits[which].per_ms, (long long)wait_ms);
  refuse(em, q, *token, 429, "rate", more, a);
  return false;
}

/* ---- what a fault does ---- */

static const char *reason_of(int status) {
  switch (status) {
  case 423: return "Locked";
  case 429: return "Too Many Requests";
  case 477: return "Migration in Progress";
  case 500: return "Internal Server Error";
  case 502: return "Bad Gateway";
  case 503: return "Service Unavailable";
  case 504: return "Gateway Timeout";
  default: return "Error";
  }
}

/* true: the fault is the answer */
static bool fault_answers(peri_emulator *em, const peri_emu_fault *f, peri_answer *a) {
  a->delay_ms = (uint32_t)f->delay_ms;
  if (!f->status) return false;
  peri_buf_clear(&em->body);
  peri_buf_clear(&em->headers);
  bool html = !f->body.n && f->status >= 500;
  if (f->body.n) peri_buf_str(&em->body, f->body);
  else if (html) peri_buf_fmt(&em->body, "<html>\r\n<head><title>%d %s</title></head>\r\n<body><center><h1>%d %s</h1></center></body>\r\n</html>\r\n", f->status, reason_of(f->status), f->status, reason_of(f->status));
  else peri_buf_fmt(&em->body, "{\"status\":\"error\",\"message\":\"%s\",\"correlationId\":\"00000000-0000-4000-8000-%012llx\"}", reason_of(f->status), (unsigned long long)em->served);
  peri_buf_fmt(&em->headers, "{\"content-type\":\"%s\"", html ? "text/html" : "application/json;charset=utf-8");
  if (f->has_retry_after) peri_buf_fmt(&em->headers, ",\"retry-after\":\"%lld\"", (long long)f->retry_after);
  peri_buf_char(&em->headers, '}');
  a->status = (uint32_t)f->status;
  a->body = peri_buf_view(&em->body);
  a->headers_json = peri_buf_view(&em->headers);
  return true;
}

static void spoil(peri_emulator *em, const peri_emu_fault *f, peri_answer *a) {
  a->fault = (uint8_t)f->cut;
  if (!f->garbage) return;
  peri_str whole = peri_arena_str(em->work, a->body);
  peri_buf_clear(&em->body);
  peri_buf_put(&em->body, whole.p, whole.n * 2 / 3);
  peri_buf_put(&em->body, "\xff\xfe\0{]", 5);
  a->body = peri_buf_view(&em->body);
}

/* Puts the members of `more` (an object's inside) into the answer's headers. */
static void add_headers(peri_emulator *em, peri_answer *a, peri_str more) {
  if (more.n <= 2) return;
  peri_str have = a->headers_json.n > 2 ? peri_arena_str(em->work, a->headers_json) : PERI_STR("{}");
  peri_buf_clear(&em->headers);
  peri_buf_put(&em->headers, have.p, have.n - 1);
  if (have.n > 2) peri_buf_char(&em->headers, ',');
  peri_buf_put(&em->headers, more.p + 1, more.n - 1);
  a->headers_json = peri_buf_view(&em->headers);
}

/* ---- a request ---- */

static bool fill_first(peri_emulator *em, peri_answer *a) {
  bool more = !em->ready;
  peri_err e;
  while (more) {
    if (peri_emulator_fill(em, 1000, &more, &e)) {
      peri_emu_error(em, a, 500, e.text);
      return false;
    }
  }
  return true;
}

static void answer_route(peri_emulator *em, const peri_serve *q, peri_answer *a, peri_jw *rate_headers) {
  part parts[PARTS_MAX];
  size_t count;
  bool other_method;
  peri_str token = {"", 0};
  const peri_emu_route *r = route_for(em, q, parts, &count, &other_method);
  if (!r) {
    refuse(em, q, token, other_method ? 405 : 404, other_method ? "method" : "not_found", (peri_str){"", 0}, a);
    return;
  }
  peri_str path = parts_json(em, parts, count);
  if (!admit(em, q, r, &token, rate_headers, a)) return;
  peri_emu_seed(em, q->path, em->served);
  if (r->fn >= 0) {
    peri_emu_call(em, r->fn, q, path, token, (peri_str){"", 0}, a);
    return;
  }
  peri_buf_clear(&em->body);
  peri_buf_str(&em->body, r->body);
  peri_emu_answer_json(em, a, 200);
}

void peri_emulator_serve(peri_emulator *em, const peri_serve *q, peri_answer *a) {
  *a = (peri_answer){.status = 500};
  peri_arena_reset(em->work);
  peri_buf_clear(&em->raw);
  em->epoch++;
  em->events = NULL;
  em->event_count = em->event_cap = 0;
  em->now_ms = q->now_ms;
  if (!fill_first(em, a)) return;
  if (peri_str_starts(q->path, PERI_STR("/_emulator"))) {
    peri_emu_control(em, q, a);
    peri_emu_deliver(em, a);
    return;
  }
  peri_buf rates = {0};
  peri_jw w;
  peri_jw_init(&w, &rates);
  peri_jw_object(&w);
  peri_emu_fault *f = peri_emu_fault_for(em, q->method, q->path);
  if (!f || !fault_answers(em, f, a)) answer_route(em, q, a, &w);
  peri_jw_end_object(&w);
  add_headers(em, a, peri_buf_view(&rates));
  peri_buf_fini(&rates);
  if (f) spoil(em, f, a);
  peri_emu_note(em, q, (int)a->status);
  peri_emu_deliver(em, a);
}
