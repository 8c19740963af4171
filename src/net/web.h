/* net/web: the HTTP server of a process that stays: API, webhooks, metrics. libmicrohttpd, driven by the caller's loop, one thread.
 *
 * A handler gets a request when all of it is there and answers at once or later, whole or as a stream (server-sent events). Slow, silent and
 * malformed clients cost a connection for a while and nothing else: whoever has not sent a whole request in time is cut, and when connections
 * grow scarce the oldest unfinished one goes first. Refuses: bodies over the ceiling (413, before they are read), more connections than allowed. */
#ifndef PERI_NET_WEB_H
#define PERI_NET_WEB_H

#include <uv.h>

#include "net/http.h"

typedef struct peri_web peri_web;
typedef struct peri_web_call peri_web_call; /* one request, until it is answered or its client is gone */

typedef struct peri_web_request {
  peri_str method, path, query;         /* as sent; the path is not decoded */
  const peri_header *headers; size_t header_count; /* names in lower case */
  peri_str body;
  bool local;                           /* came by the Unix socket from this user or root */
  bool tls;
  char peer[64];                        /* address without port; "unix" */
} peri_web_request;

typedef struct peri_web_handler {
  void *self;
  /* The whole request is there. Answer now or later. */
  void (*handle)(void *self, peri_web_call *call);
  /* The headers are there, the body is not: how many bytes of body may come; -1: refused, answered by peri_web_answer from inside. May be NULL. */
  int64_t (*expect)(void *self, peri_web_call *call);
} peri_web_handler;

typedef struct peri_web_config {
  uv_loop_t *loop;
  peri_web_handler handler;
  const char *address;      /* "127.0.0.1", "::1", "0.0.0.0", …; NULL: no TCP */
  int port;                 /* 0: any free one */
  const char *socket_path;  /* a Unix socket, made with mode 0600; NULL: none */
  const char *tls_cert, *tls_key; /* PEM texts, for TCP; NULL: plain HTTP */
  uint64_t body_bytes_max;  /* 0: PERI_WEB_BODY_BYTES_MAX */
  int connections_max;      /* 0: PERI_WEB_CONNECTIONS_MAX */
  int request_s;            /* for a whole request from its first byte; 0: PERI_WEB_REQUEST_S */
} peri_web_config;

/* *port_out (may be NULL): the port in use, 0 without TCP. BUSY if the port or socket is taken. config is copied, its texts are not kept. */
peri_web *peri_web_start(const peri_web_config *config, int *port_out, peri_err *e);
/* No new connections from now on; open calls go on. */
void peri_web_quiesce(peri_web *w);
/* Cuts what is open: every call not answered yet is told by its `gone`. The loop must run once more to close the handles. Not from inside a handler. */
void peri_web_stop(peri_web *w);
size_t peri_web_connections(const peri_web *w);

const peri_web_request *peri_web_request_of(const peri_web_call *call);
peri_str peri_web_header(const peri_web_call *call, const char *name); /* lower case; {NULL,0} if absent */
peri_arena *peri_web_arena(peri_web_call *call);                       /* lives as long as the call */
/* Told once if the client went away, or the server stopped, before the answer or the stream was ended; the call is over then. Without it such an
 * end shows in peri_web_send alone, and an answer to nobody is dropped. */
void peri_web_on_gone(peri_web_call *call, void (*gone)(void *self), void *self);

/* One of these ends the call; it must not be used afterwards. Everything is copied. */
void peri_web_answer(peri_web_call *call, int status, const peri_header *headers, size_t header_count, peri_str body);
/* A stream: begin, then send as often as wanted, then end. send answers false if the client is so slow that PERI_WEB_STREAM_BYTES_MAX wait for it;
 * end it then. */
void peri_web_stream(peri_web_call *call, int status, const peri_header *headers, size_t header_count);
bool peri_web_send(peri_web_call *call, peri_str bytes);
void peri_web_end(peri_web_call *call);

#endif
