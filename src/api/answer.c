/* api/answer: how every answer looks: {data, error}, a request id, an ETag on what was read, nothing cached, nothing framed; server-sent events. */
#include <string.h>

#include "api/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/vault.h"

static void finish(peri_api_call *c, int status, const char *type, const peri_header *more, size_t count, peri_str body) {
  peri_header headers[16] = {{PERI_STR("Content-Type"), peri_str_of(type)},
                             {PERI_STR("X-Request-Id"), peri_str_of(c->request_id)},
                             {PERI_STR("Cache-Control"), PERI_STR("no-store")},
                             {PERI_STR("X-Content-Type-Options"), PERI_STR("nosniff")}};
  size_t n = 4;
  for (size_t i = 0; i < count && n < 16; i++) headers[n++] = more[i];
  const peri_web_request *q = peri_web_request_of(c->web);
  peri_log(status < 500 ? PERI_LOG_DEBUG : PERI_WARN, "api", "%.*s %.*s status=%d took_us=%lld who=\"%.*s\" request=%s", PERI_S(q->method), PERI_S(q->path), status,
           (long long)(peri_mono_us() - c->began_us), PERI_S(c->who), c->request_id);
  peri_web_answer(c->web, status, headers, n, body);
}

/* The ETag of what is answered, and whether the client has it already. */
static bool client_has(peri_api_call *c, peri_str json, char tag[40]) {
  char digest[65];
  peri_sha256_hex(json, digest);
  tag[0] = '"';
  memcpy(tag + 1, digest, 32);
  memcpy(tag + 33, "\"", 2);
  peri_str known = peri_web_header(c->web, "if-none-match");
  for (peri_str rest = known, one; rest.n;) {
    rest = peri_str_cut(rest, ',', &one);
    one = peri_str_trim(one);
    if (peri_str_starts(one, PERI_STR("W/"))) one = peri_str_from(one, 2);
    if (peri_str_is(one, tag) || peri_str_is(one, "*")) return true;
  }
  return false;
}

void peri_api_data(peri_api_call *c, int status, peri_str json) {
  char tag[40];
  peri_header etag = {PERI_STR("ETag"), {tag, 34}};
  bool reads = strcmp(c->route->method, "GET") == 0 && status == 200;
  if (reads && client_has(c, json, tag)) {
    finish(c, 304, "application/json", &etag, 1, (peri_str){0});
    return;
  }
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_jw_kv_raw(&w, "data", json);
  peri_jw_key_c(&w, "error");
  peri_jw_null(&w);
  peri_jw_end_object(&w);
  finish(c, status, "application/json", &etag, reads, peri_buf_view(&b));
  peri_buf_fini(&b);
}

void peri_api_refuse(peri_api_call *c, int status, const peri_header *headers, size_t count, const peri_err *e) {
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_jw_key_c(&w, "data");
  peri_jw_null(&w);
  peri_jw_key_c(&w, "error");
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "code", peri_code_name(e->code));
  peri_jw_kv_c(&w, "message", e->text);
  peri_jw_key_c(&w, "details");
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "wayOut", peri_code_way_out(e->code));
  peri_jw_kv_c(&w, "requestId", c->request_id);
  peri_jw_end_object(&w);
  peri_jw_end_object(&w);
  peri_jw_end_object(&w);
  b.n = peri_redact(b.p, b.n);
  finish(c, status, "application/json", headers, count, peri_buf_view(&b));
  peri_buf_fini(&b);
}

void peri_api_fail(peri_api_call *c, const peri_err *e) {
  static const peri_header challenge = {{"WWW-Authenticate", 16}, {"Bearer", 6}};
  int status = peri_code_http(e->code);
  bool nobody = e->code == PERI_CREDENTIALS_REFUSED && !c->who.p;
  peri_api_refuse(c, status, &challenge, nobody, e);
}

void peri_api_raw(peri_api_call *c, int status, const char *type, peri_str body) { finish(c, status, type, NULL, 0, body); }

void peri_api_stream(peri_api_call *c, void (*gone)(void *self), void *self) {
  const peri_header headers[] = {{PERI_STR("Content-Type"), PERI_STR("text/event-stream")},
                                 {PERI_STR("X-Request-Id"), peri_str_of(c->request_id)},
                                 {PERI_STR("Cache-Control"), PERI_STR("no-store")},
                                 {PERI_STR("X-Accel-Buffering"), PERI_STR("no")}};
  peri_web_on_gone(c->web, gone, self);
  peri_web_stream(c->web, 200, headers, sizeof headers / sizeof *headers);
}

bool peri_api_event(peri_api_call *c, const char *event, peri_str id, peri_str json) {
  peri_buf b = {0};
  if (id.n) peri_buf_fmt(&b, "id: %.*s\n", PERI_S(id));
  peri_buf_fmt(&b, "event: %s\ndata: ", event); /* JSON holds no line ends */
  peri_buf_str(&b, json);
  peri_buf_c_str(&b, "\n\n");
  bool ok = peri_web_send(c->web, peri_buf_view(&b));
  peri_buf_fini(&b);
  return ok;
}

void peri_api_stream_end(peri_api_call *c) { peri_web_end(c->web); }
