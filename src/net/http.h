/* net/http: the outbound HTTP client on a libuv loop (libcurl multi_socket). Refuses: hosts and addresses that the operator did not trust,
 * redirects, proxies from the environment, cookies, netrc, TLS below 1.2; counts every unpacked byte itself. */
#ifndef PERI_NET_HTTP_H
#define PERI_NET_HTTP_H

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

typedef struct peri_header { peri_str name, value; } peri_header;

/* scheme://host[:port]/path?query, checked and taken apart; host in lower case, port filled in. Refuses user:password@, fragments, control characters. */
typedef struct peri_url { peri_str scheme, host, path, query; int port; } peri_url;
bool peri_url_read(peri_arena *a, peri_str text, peri_url *out, peri_err *e);
void peri_url_segment(peri_buf *out, peri_str text);  /* percent-encodes one path segment (RFC 3986 unreserved stay) */
void peri_url_query(peri_buf *out, peri_str text);    /* percent-encodes a query key or value */

/* Is this address (after DNS) one that only an explicit trust may reach? Loopback, private, link-local, metadata, CGNAT, multicast, reserved,
 * ULA, and v4 addresses hidden in v6 (mapped, compatible, NAT64, 6to4, Teredo). */
struct sockaddr;
bool peri_address_is_special(const struct sockaddr *address);

typedef struct peri_http peri_http;
typedef struct peri_http_call peri_http_call;

typedef struct peri_http_request {
  const char *method;
  peri_str url;
  const peri_header *headers; size_t header_count; /* Authorization among them; copied */
  peri_str body;                                   /* copied */
  bool special_addresses;       /* the operator trusted this host explicitly: loopback and private addresses are fine */
  bool plain_http;              /* http:// is fine (trusted hosts only) */
  const char *ca_file;          /* extra CA bundle or NULL */
  int64_t timeout_ms;           /* 0: PERI_REQUEST_MS */
  uint64_t body_bytes_max;      /* 0: PERI_PAGE_BYTES_MAX */
  int64_t drip_ms;              /* 0: PERI_DRIP_S; a body slower than PERI_DRIP_BYTES_PER_S over this long ends in a timeout */
} peri_http_request;

typedef struct peri_http_reply {
  /* PERI_OK: a whole reply came (whatever its status). Else dns, connect (refused, or broke before the end: worth another try), tls, timeout,
   * reply_too_large, bad_reply (no HTTP, broken or cut gzip, bad headers), address_refused, invalid (the request itself), io. */
  peri_code code;
  char error[512];              /* what happened, with host; never a secret */
  bool before_reply;            /* not a byte of the request was sent: safe to repeat even for a write */
  int status;
  const peri_header *headers; size_t header_count; /* names in lower case */
  peri_str body;                /* unpacked */
  uint64_t wire_bytes;          /* as transferred */
  int64_t date_ms;              /* the server's Date, or -1 */
  int64_t took_ms;
} peri_http_reply;
peri_str peri_http_header(const peri_http_reply *r, const char *name); /* {NULL,0} if absent */

peri_http *peri_http_new(uv_loop_t *loop, peri_err *e); /* the CA bundle is loaded with the first TLS request, once */
void peri_http_free(peri_http *h); /* cancels what is open; not from inside done. The loop must run once more to close its handles */
/* done is called once, from the loop, never from inside send. The reply is valid during the call; peri_http_take_body keeps the body. */
peri_http_call *peri_http_send(peri_http *h, const peri_http_request *request, void (*done)(void *self, peri_http_reply *reply), void *self);
void peri_http_cancel(peri_http_call *call); /* done is not called */
peri_buf peri_http_take_body(peri_http_reply *reply); /* the caller owns it from now on */

#endif
