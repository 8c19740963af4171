/* api/router: from a request to its route: finds it, checks who asks, the path's values, the query and the body, and lets the resource answer.
 * What does not fit the route's own table is refused here, by name, so that no resource checks it again. */
#include <stdlib.h>
#include <string.h>

#include "api/inside.h"
#include "base/clock.h"
#include "base/uuid.h"

struct peri_api {
  peri_api_config config;
  peri_web *web;
  struct peri_api_line *lines;
};

peri_service *peri_api_service(const peri_api *a) { return a->config.service; }
const peri_command_runner *peri_api_commands(const peri_api *a) { return &a->config.commands; }
struct peri_api_line **peri_api_lines(peri_api *a) { return &a->lines; }

/* ---- finding ---- */

static bool take_segment(peri_str *rest, peri_str *out) {
  if (!rest->n || rest->p[0] != '/') return false;
  size_t k = 1;
  while (k < rest->n && rest->p[k] != '/') k++;
  *out = (peri_str){rest->p + 1, k - 1};
  *rest = peri_str_from(*rest, k);
  return true;
}

/* {NULL,0}: no text. */
static peri_str decode(peri_arena *a, peri_str s, bool plus) {
  char *out = peri_arena_bytes(a, s.n + 1);
  peri_str text = {out, peri_percent_decode(s, plus, out)};
  out[text.n] = 0;
  return peri_utf8_valid(text) && !memchr(out, 0, text.n) ? text : (peri_str){0};
}

/* Does the path fit? Values of {…} go to `values`, as sent. */
static bool path_fits(const char *pattern, peri_str path, peri_str values[4]) {
  peri_str want = peri_str_of(pattern);
  size_t n = 0;
  for (peri_str w, got; take_segment(&want, &w);) {
    if (!take_segment(&path, &got)) return false;
    if (w.n && w.p[0] == '{') {
      if (!got.n || n == 4) return false;
      values[n++] = got;
    } else if (!peri_str_eq(w, got))
      return false;
  }
  return !path.n;
}

static bool same_method(peri_str asked, const char *has) { return peri_str_is(asked, has) || (peri_str_is(asked, "HEAD") && strcmp(has, "GET") == 0); }

/* *others: methods that this path has, for 405. */
static const peri_route *find(peri_api_call *c, peri_str method, peri_str path, peri_buf *others) {
  for (size_t i = 0; i < peri_resource_count; i++)
    for (size_t k = 0; k < peri_resources[i]->count; k++) {
      const peri_route *r = &peri_resources[i]->routes[k];
      peri_str values[4] = {{0}};
      if (!path_fits(r->path, path, values)) continue;
      if (same_method(method, r->method)) {
        memcpy(c->path_value, values, sizeof values);
        return r;
      }
      peri_buf_fmt(others, "%s%s", others->n ? ", " : "", r->method);
    }
  return NULL;
}

/* ---- checking ---- */

static bool fits_text(const peri_param *p, peri_str text, peri_err *e, const char *where) {
  if (strcmp(p->type, "integer") == 0) {
    int64_t v = 0;
    bool minus = text.n && text.p[0] == '-', ok = text.n > minus && text.n < 17;
    for (size_t i = minus; ok && i < text.n; i++) {
      ok = text.p[i] >= '0' && text.p[i] <= '9';
      v = v * 10 + (text.p[i] - '0');
    }
    if (minus) v = -v;
    if (!ok) return peri_fail(e, PERI_INVALID, "%s '%s' is a whole number, not '%.*s'", where, p->name, PERI_S(text)), false;
    if ((p->least || p->most) && (v < p->least || v > p->most))
      return peri_fail(e, PERI_INVALID, "%s '%s' is a number from %lld to %lld, not %lld", where, p->name, (long long)p->least, (long long)p->most, (long long)v), false;
  } else if (strcmp(p->type, "boolean") == 0) {
    if (!peri_str_is(text, "true") && !peri_str_is(text, "false")) return peri_fail(e, PERI_INVALID, "%s '%s' is true or false, not '%.*s'", where, p->name, PERI_S(text)), false;
  } else if (strncmp(p->type, "choice:", 7) == 0) {
    for (peri_str rest = peri_str_of(p->type + 7), one; rest.n;) {
      rest = peri_str_cut(rest, '|', &one);
      if (peri_str_eq(one, text)) return true;
    }
    return peri_fail(e, PERI_INVALID, "%s '%s' is one of %s, not '%.*s'", where, p->name, p->type + 7, PERI_S(text)), false;
  }
  return true;
}

static bool unknown(const peri_param *params, peri_str name, const char *where, peri_err *e) {
  peri_str names[PERI_PARAMS_MAX];
  size_t n = 0;
  for (; n < PERI_PARAMS_MAX && params[n].name; n++) names[n] = peri_str_of(params[n].name);
  peri_str near = peri_suggest(name, names, n);
  peri_fail(e, PERI_INVALID, "there is no %s '%.*s' here%s%.*s%s", where, PERI_S(name), near.n ? " (did you mean '" : "", PERI_S(near), near.n ? "'?)" : "");
  return false;
}

static bool read_query(peri_api_call *c, peri_str query, peri_err *e) {
  const peri_param *params = c->route->query;
  for (peri_str rest = query, pair; rest.n;) {
    rest = peri_str_cut(rest, '&', &pair);
    if (!pair.n) continue;
    peri_str name, raw = peri_str_cut(pair, '=', &name), value = decode(c->arena, raw, true);
    name = decode(c->arena, name, true);
    if (!name.p || !value.p) return peri_fail(e, PERI_INVALID, "the query is no UTF-8 text"), false;
    size_t i = 0;
    while (i < PERI_PARAMS_MAX && params[i].name && !peri_str_is(name, params[i].name)) i++;
    if (i == PERI_PARAMS_MAX || !params[i].name) return unknown(params, name, "query parameter", e);
    if (c->query_value[i].p) return peri_fail(e, PERI_INVALID, "query parameter '%s' is given twice", params[i].name), false;
    if (!fits_text(&params[i], value, e, "query parameter")) return false;
    c->query_value[i] = value;
  }
  for (size_t i = 0; i < PERI_PARAMS_MAX && params[i].name; i++)
    if (params[i].must && !c->query_value[i].p) return peri_fail(e, PERI_INVALID, "query parameter '%s' is missing: %s", params[i].name, params[i].doc), false;
  return true;
}

static bool fits_json(const peri_param *p, const peri_json *v, peri_err *e) {
  static const struct {
    const char *type;
    peri_jtype is;
  } types[] = {{"object", PERI_J_OBJECT}, {"list", PERI_J_ARRAY}, {"text", PERI_J_STRING}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(p->type, types[i].type) == 0) return v->type == types[i].is || (peri_fail(e, PERI_INVALID, "'%s' in the body must be a %s", p->name, p->type), false);
  if (strcmp(p->type, "any") == 0) return true;
  if (strncmp(p->type, "choice:", 7) == 0 && v->type != PERI_J_STRING) return peri_fail(e, PERI_INVALID, "'%s' in the body is one of %s", p->name, p->type + 7), false;
  return fits_text(p, v->type == PERI_J_STRING ? v->text : v->raw, e, "body entry");
}

static bool read_body(peri_api_call *c, peri_err *e) {
  const peri_web_request *q = peri_web_request_of(c->web);
  const peri_param *params = c->route->body;
  if (c->route->raw_body || !params[0].name) return true;
  peri_str text = peri_str_trim(q->body), type = peri_web_header(c->web, "content-type");
  if (text.n && type.n && !peri_str_starts(type, PERI_STR("application/json"))) return peri_fail(e, PERI_INVALID, "the body is %.*s; send application/json", PERI_S(type)), false;
  peri_json_fault fault;
  char where[200];
  peri_json *body = peri_json_parse(c->arena, text.n ? text : PERI_STR("{}"), &fault);
  if (!body) {
    peri_json_fault_text(&fault, text, where, sizeof where);
    return peri_fail(e, PERI_INVALID, "the body is no JSON: %s", where), false;
  }
  if (body->type != PERI_J_OBJECT) return peri_fail(e, PERI_INVALID, "the body must be a JSON object"), false;
  for (const peri_json *m = body->first; m; m = m->next) {
    size_t i = 0;
    while (i < PERI_PARAMS_MAX && params[i].name && !peri_str_is(m->key, params[i].name)) i++;
    if (i == PERI_PARAMS_MAX || !params[i].name) return unknown(params, m->key, "body entry", e);
    if (m->type != PERI_J_NULL && !fits_json(&params[i], m, e)) return false;
  }
  for (size_t i = 0; i < PERI_PARAMS_MAX && params[i].name; i++) {
    const peri_json *v = peri_json_get(body, params[i].name);
    if (params[i].must && (!v || v->type == PERI_J_NULL)) return peri_fail(e, PERI_INVALID, "the body has no '%s': %s", params[i].name, params[i].doc), false;
  }
  c->body = body;
  return true;
}

/* ---- a request ---- */

static bool allowed(peri_api_call *c, peri_err *e) {
  if (c->route->scope == PERI_SCOPE_NONE) return true;
  if (!peri_api_who(c, e)) return false;
  static const char *const names[] = {"", "read", "operate", "admin"};
  if (c->scope >= c->route->scope) return true;
  return peri_fail(e, PERI_SCOPE_MISSING, "the token '%.*s' may only %s; this needs %s", PERI_S(c->who), names[c->scope], names[c->route->scope]), false;
}

static void on_request(void *self, peri_web_call *web) {
  const peri_web_request *q = peri_web_request_of(web);
  peri_api_call *c = peri_arena_take(peri_web_arena(web), sizeof *c);
  *c = (peri_api_call){.api = self, .web = web, .arena = peri_web_arena(web), .began_us = peri_mono_us()};
  peri_uuid7(c->request_id);
  peri_buf others = {0};
  peri_err e = {0};
  c->route = find(c, q->method, q->path, &others);
  if (!c->route && others.n) {
    peri_header allow[] = {{PERI_STR("Allow"), peri_buf_view(&others)}};
    peri_fail(&e, PERI_INVALID, "%.*s has no %.*s; it has %s", PERI_S(q->path), PERI_S(q->method), peri_buf_c(&others));
    peri_api_refuse(c, 405, allow, 1, &e);
  } else if (!c->route)
    peri_fail(&e, PERI_NOT_FOUND, "there is no %.*s; GET /openapi.json lists what there is", PERI_S(q->path)), peri_api_fail(c, &e);
  else {
    bool ok = allowed(c, &e);
    for (size_t i = 0; ok && i < 4 && c->path_value[i].p; i++) {
      c->path_value[i] = decode(c->arena, c->path_value[i], false);
      if (!c->path_value[i].n) ok = (peri_fail(&e, PERI_INVALID, "the path is no UTF-8 text"), false);
    }
    ok = ok && read_query(c, q->query, &e) && read_body(c, &e);
    if (ok) c->route->run(c);
    else peri_api_fail(c, &e);
  }
  peri_buf_fini(&others);
}

/* A body is worth reading only for a route that takes one. */
static int64_t expect(void *self, peri_web_call *web) {
  (void)self;
  const peri_web_request *q = peri_web_request_of(web);
  peri_api_call probe = {0};
  peri_buf others = {0};
  const peri_route *r = find(&probe, q->method, q->path, &others);
  peri_buf_fini(&others);
  if (r && r->raw_body) return PERI_API_HOOK_BYTES_MAX;
  return r && r->body[0].name ? PERI_API_BODY_BYTES_MAX : 64 << 10;
}

/* ---- reading values ---- */

peri_str peri_api_query(const peri_api_call *c, const char *name) {
  for (size_t i = 0; i < PERI_PARAMS_MAX && c->route->query[i].name; i++)
    if (strcmp(c->route->query[i].name, name) == 0) return c->query_value[i];
  return (peri_str){0};
}

int64_t peri_api_query_int(const peri_api_call *c, const char *name, int64_t fallback) {
  peri_str text = peri_api_query(c, name);
  return text.p ? strtoll(text.p, NULL, 10) : fallback;
}

bool peri_api_query_bool(const peri_api_call *c, const char *name, bool fallback) {
  peri_str text = peri_api_query(c, name);
  return text.p ? peri_str_is(text, "true") : fallback;
}

/* ---- start and stop ---- */

peri_api *peri_api_start(const peri_api_config *config, int *port_out, peri_err *e) {
  peri_api *a = peri_alloc(sizeof *a);
  a->config = *config;
  peri_web_config w = {.loop = &config->service->g->loop,
                       .handler = {a, on_request, expect},
                       .address = config->address,
                       .port = config->port,
                       .socket_path = config->socket_path,
                       .tls_cert = config->tls_cert,
                       .tls_key = config->tls_key};
  a->web = peri_web_start(&w, port_out, e);
  if (a->web) return a;
  free(a);
  return NULL;
}

void peri_api_quiesce(peri_api *a) { peri_web_quiesce(a->web); }

void peri_api_stop(peri_api *a) {
  if (!a) return;
  peri_web_stop(a->web);
  free(a);
}
