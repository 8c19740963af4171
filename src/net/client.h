/* net/client: inside of the HTTP client; other rooms include net/http.h. client.c: the life of a call; client_loop.c: curl on the loop;
 * client_body.c: what comes back, counted and unpacked. */
#ifndef PERI_NET_CLIENT_H
#define PERI_NET_CLIENT_H

#include "base/limits.h"
#include "net/http.h"
#include "net/lazy.h"

#define PERI_HTTP_SPARE 8 /* finished easy handles kept for the next calls */

struct peri_http {
  uv_loop_t *loop;
  const peri_curl_library *lib; /* NULL until the first call */
  CURLM *multi;
  uv_timer_t *timer; /* curl's own clock */
  uv_timer_t *soon;  /* calls that failed before they began: done is never called from inside send */
  uv_timer_t *drip;  /* looks at slow bodies while any call is open */
  peri_http_call *calls;
  CURL *spare[PERI_HTTP_SPARE];
  size_t spare_count;
};

struct peri_http_call {
  peri_http *http;
  peri_http_call *prev, *next;
  void (*done)(void *self, peri_http_reply *reply);
  void *self;
  peri_arena *arena;
  CURL *easy; /* NULL: failed before it began */
  struct curl_slist *head;
  peri_buf sent;
  char curl_text[CURL_ERROR_SIZE];
  char where[300]; /* host:port, for texts */
  bool special_addresses;
  int64_t started_ms;

  /* the verdict of a callback that stopped the transfer; PERI_OK: curl's own code tells */
  peri_err fault;

  peri_header *headers;
  size_t header_cap, header_bytes;
  bool head_ended, body_begun; /* head_ended: the empty line behind the headers came */
  uint64_t body_max;
  peri_buf body;
  uint64_t packed_bytes; /* of the body, before unpacking */
  bool packed, inflate_ready, inflate_ended;
  z_stream inflate;

  int64_t drip_ms, drip_at_ms;
  uint64_t drip_bytes; /* packed_bytes at drip_at_ms */

  peri_http_reply reply;
};

/* client_loop.c */
uv_timer_t *peri_http_timer(peri_http *h);
bool peri_http_loop_open(peri_http *h, peri_err *e);
bool peri_http_loop_add(peri_http_call *c, peri_err *e);
void peri_http_loop_remove(peri_http_call *c);
void peri_http_loop_soon(peri_http *h);
void peri_http_loop_close(peri_http *h);

/* client.c */
void peri_http_finish(peri_http_call *c, CURLcode result);

/* client_body.c: callbacks for curl, and the last look when a transfer ended well */
size_t peri_http_on_header(char *line, size_t size, size_t n, void *self);
size_t peri_http_on_body(char *bytes, size_t size, size_t n, void *self);
void peri_http_body_end(peri_http_call *c);

#endif
