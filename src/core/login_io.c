/* core/login_io: see the header. Runs the engine's loop until its one question is answered; not for use while a run is under way. */
#include "core/login_io.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/web.h"

#define REPLY_BYTES_MAX (1u << 20) /* documents and tokens are a few kilobytes */
#define LINGER_MS 1000             /* for the browser to get its last page */

static peri_code stopped(peri_err *e) { return peri_fail(e, PERI_INTERRUPTED, "stopped; nothing was changed"); }

/* ---- a timer that wakes the loop ---- */

static void on_tick(uv_timer_t *t) {
  if (t->data) *(bool *)t->data = true;
}
static void on_timer_closed(uv_handle_t *h) { free(h); }

static uv_timer_t *timer(peri_engine *g, int64_t ms, bool *fired) {
  uv_timer_t *t = peri_alloc(sizeof *t);
  uv_timer_init(&g->loop, t);
  t->data = fired;
  uv_timer_start(t, on_tick, (uint64_t)(ms > 0 ? ms : 0), 0);
  return t;
}

static void drop_timer(peri_engine *g, uv_timer_t *t) {
  uv_close((uv_handle_t *)t, on_timer_closed);
  uv_run(&g->loop, UV_RUN_NOWAIT);
}

peri_code peri_login_sleep(peri_engine *g, int64_t ms, peri_err *e) {
  bool fired = false;
  uv_timer_t *t = timer(g, ms, &fired);
  while (!fired && !g->stop) uv_run(&g->loop, UV_RUN_ONCE);
  drop_timer(g, t);
  return g->stop ? stopped(e) : PERI_OK;
}

/* ---- questions ---- */

typedef struct question {
  peri_arena *a;
  bool done;
  peri_err err;
  int status;
  peri_str body;
} question;

static void on_reply(void *self, peri_http_reply *reply) {
  question *q = self;
  q->done = true;
  q->status = reply->status;
  if (reply->code) peri_fail(&q->err, reply->code, "%s", reply->error);
  else q->body = peri_arena_str(q->a, reply->body);
}

static peri_code ask(peri_engine *g, const peri_integration *in, peri_arena *a, peri_http_request *request, int *status, peri_str *body, peri_err *e) {
  question q = {.a = a};
  *status = 0;
  *body = (peri_str){NULL, 0};
  peri_code code = peri_integration_allows(in, request->url, &request->special_addresses, &request->plain_http, e);
  if (code) return code;
  request->body_bytes_max = REPLY_BYTES_MAX;
  peri_http_call *call = peri_http_send(g->http, request, on_reply, &q);
  while (!q.done && !g->stop) uv_run(&g->loop, UV_RUN_ONCE);
  if (!q.done) {
    peri_http_cancel(call);
    return stopped(e);
  }
  if (q.err.code && e) *e = q.err;
  *status = q.status;
  *body = q.body;
  return q.err.code;
}

peri_code peri_login_get(peri_engine *g, const peri_integration *in, peri_arena *a, peri_str url, int *status, peri_str *body, peri_err *e) {
  peri_header accept = {PERI_STR("Accept"), PERI_STR("application/json")};
  peri_http_request q = {.method = "GET", .url = url, .headers = &accept, .header_count = 1};
  return ask(g, in, a, &q, status, body, e);
}

peri_code peri_login_post(peri_engine *g, const peri_integration *in, peri_arena *a, const peri_token_request *q, peri_buf *begun, peri_str url, int *status, peri_str *body,
                          peri_err *e) {
  peri_buf form = {0}, basic = {0};
  peri_code code = PERI_OK;
  if (begun) {
    peri_buf_room(&form, begun->n + 8192);
    peri_buf_str(&form, peri_buf_view(begun));
    code = peri_client_form(in->secrets, q, &form, &basic, e);
    peri_wipe(begun);
    peri_buf_fini(begun);
  } else
    code = peri_token_form(in->secrets, q, &form, &basic, e);
  if (!code) {
    peri_header headers[3] = {{PERI_STR("Content-Type"), PERI_STR("application/x-www-form-urlencoded")}, {PERI_STR("Accept"), PERI_STR("application/json")},
                              {PERI_STR("Authorization"), peri_buf_view(&basic)}};
    peri_http_request r = {.method = "POST", .url = url, .headers = headers, .header_count = basic.n ? 3 : 2, .body = peri_buf_view(&form)};
    code = ask(g, in, a, &r, status, body, e);
  }
  peri_wipe(&form);
  peri_wipe(&basic);
  peri_buf_fini(&form);
  peri_buf_fini(&basic);
  return code;
}

/* ---- the browser's way back ---- */

struct peri_callback {
  peri_engine *g;
  peri_web *web;
  peri_browser *browser;
  peri_browser_step step;
  peri_err err;
};

static void on_request(void *self, peri_web_call *call) {
  peri_callback *c = self;
  const peri_web_request *q = peri_web_request_of(call);
  static const peri_header headers[] = {{PERI_STR("Content-Type"), PERI_STR("text/html; charset=utf-8")},
                                        {PERI_STR("Cache-Control"), PERI_STR("no-store")},
                                        {PERI_STR("Referrer-Policy"), PERI_STR("no-referrer")},
                                        {PERI_STR("X-Content-Type-Options"), PERI_STR("nosniff")},
                                        {PERI_STR("Content-Security-Policy"), PERI_STR("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")}};
  peri_buf page = {0};
  int status = 405;
  if (!peri_str_is(q->method, "GET")) peri_browser_page(&page, "Only GET", PERI_STR("perilune listens for the end of a login, and only for that."), false);
  else {
    peri_err why = {0};
    peri_browser_step step = peri_browser_request(c->browser, q->path, q->query, peri_now_ms(), &status, &page, &why);
    if (step == PERI_BROWSER_WAIT && why.code) peri_log(PERI_WARN, "auth", "a redirect was not taken: %s", why.text);
    else if (step != PERI_BROWSER_WAIT) c->step = step, c->err = why;
  }
  peri_web_answer(call, status, headers, sizeof headers / sizeof *headers, peri_buf_view(&page));
  peri_buf_fini(&page);
}

peri_code peri_callback_open(peri_engine *g, int port, int *port_out, peri_browser *b, peri_callback **out, peri_err *e) {
  peri_callback *c = peri_alloc(sizeof *c);
  c->g = g;
  c->browser = b;
  peri_web_config config = {.loop = &g->loop, .handler = {.self = c, .handle = on_request}, .address = "127.0.0.1", .port = port, .body_bytes_max = 4096, .connections_max = 16};
  c->web = peri_web_start(&config, port_out, e);
  if (!c->web) {
    free(c);
    return e->code;
  }
  *out = c;
  return PERI_OK;
}

peri_code peri_callback_wait(peri_callback *c, peri_err *e) {
  bool late = false;
  uv_timer_t *t = timer(c->g, c->browser->until_ms - peri_now_ms(), &late);
  while (c->step == PERI_BROWSER_WAIT && !late && !c->g->stop) uv_run(&c->g->loop, UV_RUN_ONCE);
  drop_timer(c->g, t);
  if (c->step == PERI_BROWSER_CODE) return PERI_OK;
  if (c->step == PERI_BROWSER_ENDED) return *e = c->err, c->err.code;
  if (c->g->stop) return stopped(e);
  return peri_fail(e, PERI_TIMEOUT, "nobody came back from the browser within ten minutes; the login is void, nothing was changed");
}

void peri_callback_close(peri_callback *c) {
  if (!c) return;
  bool late = false;
  peri_web_quiesce(c->web);
  uv_timer_t *t = timer(c->g, LINGER_MS, &late);
  while (peri_web_connections(c->web) && !late && !c->g->stop) uv_run(&c->g->loop, UV_RUN_ONCE);
  peri_web_stop(c->web);
  drop_timer(c->g, t);
  free(c);
}
