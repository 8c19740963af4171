/* net/server: a small HTTP/1.1 server (libmicrohttpd) on loopback, for emulators now and the API later. Thread per connection; the handler is called
 * with the whole request and answers at once. Caps on body, headers, time and connections. */
#ifndef PERI_NET_SERVER_H
#define PERI_NET_SERVER_H

#include "net/http.h"

typedef struct peri_server peri_server;
typedef struct peri_server_request {
  peri_str method, path, query;         /* as sent; path is not decoded */
  const peri_header *headers; size_t header_count;
  peri_str body;
} peri_server_request;
typedef struct peri_server_answer {
  int status;
  const peri_header *headers; size_t header_count;
  peri_str body;                        /* copied */
  int delay_ms;                         /* waits before answering; other connections go on */
  int cut;                              /* 0 none; 1 close after headers, 2 close in the middle of the body, 3 never answer */
} peri_server_answer;
/* `handle` may be called from several threads. Texts of the answer must live until `done(self, answer)` is called (may be NULL). */
typedef struct peri_server_handler {
  void *self;
  void (*handle)(void *self, const peri_server_request *request, peri_server_answer *answer);
  void (*done)(void *self, peri_server_answer *answer);
} peri_server_handler;
/* port 0: any free port; *port_out tells. Binds 127.0.0.1 only. BUSY if the port is taken. */
peri_server *peri_server_start(int port, const peri_server_handler *handler, int *port_out, peri_err *e);
void peri_server_stop(peri_server *s); /* ends waits and open connections; returns when no thread of it runs any more */

#endif
