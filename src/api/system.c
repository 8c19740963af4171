/* api/system: is it alive, is it ready, what can it do. */
#include "api/inside.h"
#include "base/clock.h"

static void health(peri_api_call *c) {
  const peri_service *s = peri_api_service(c->api);
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_jw_kv_bool(&w, "live", true);
  peri_jw_kv_bool(&w, "ready", s->ready && !s->stopping);
  peri_jw_kv_c(&w, "version", PERI_VERSION);
  peri_jw_kv_int(&w, "uptimeMs", peri_now_ms() - s->started_ms);
  peri_jw_end_object(&w);
  peri_api_data(c, 200, peri_buf_view(&b));
  peri_buf_fini(&b);
}

static void ready(peri_api_call *c) {
  const peri_service *s = peri_api_service(c->api);
  peri_err e;
  if (s->ready && !s->stopping) peri_api_data(c, 200, PERI_STR("{\"ready\":true}"));
  else peri_fail(&e, PERI_INTERRUPTED, s->stopping ? "it is stopping" : "it is still starting"), peri_api_fail(c, &e);
}

static void live(peri_api_call *c) { peri_api_data(c, 200, PERI_STR("{\"live\":true}")); }

static void openapi(peri_api_call *c) {
  peri_buf b = {0};
  peri_openapi_write(&b);
  peri_api_raw(c, 200, "application/json", peri_buf_view(&b));
  peri_buf_fini(&b);
}

static const peri_route routes[] = {
  {.method = "GET", .path = "/v1/health", .tag = "system", .summary = "How it is.", .run = health},
  {.method = "GET", .path = "/v1/health/live", .tag = "system", .summary = "Does the process answer?", .run = live},
  {.method = "GET", .path = "/v1/health/ready", .tag = "system", .summary = "May work be sent to it? 503 while it starts and stops.", .run = ready},
  {.method = "GET", .path = "/openapi.json", .tag = "system", .summary = "This description.", .run = openapi, .raw = true},
};
const peri_resource peri_api_system = {routes, sizeof routes / sizeof *routes};
