/* What the files of the net tests share: one call on a loop of its own, and a server that answers bytes from a script. */
#ifndef TEST_NET_H
#define TEST_NET_H

#include <pthread.h>

#include "net/http.h"

int peri_test_net_client(void);
int peri_test_net_hostile(void);
int peri_test_net_web(void);

/* What came back, kept beyond the callback. */
typedef struct outcome {
  int called;
  peri_code code;
  char error[512];
  bool before_reply;
  int status;
  peri_buf body;
  char type[64], kept[64]; /* content-type, x-kept */
  int64_t date_ms;
  uint64_t wire_bytes;
} outcome;
void outcome_take(void *self, peri_http_reply *reply);
void outcome_fini(outcome *o);

/* One trusted request to http://127.0.0.1:port, answered or failed when it returns. NULL-able tweak changes the request first. */
outcome fetch(int port, const char *path, void (*tweak)(peri_http_request *r));

/* Listens on loopback; for each connection: reads one request, sends `bytes`, then closes, or waits until the other side does. */
typedef struct raw_server {
  int fd, port;
  pthread_t thread;
  const char *bytes;
  size_t n;
  bool hold;           /* the reply never ends */
  bool stay;           /* after the reply the next request is read on the same connection */
  int connections, requests;
  char request[4096];  /* the last one */
} raw_server;
void raw_start(raw_server *s, const char *bytes, size_t n);
void raw_stop(raw_server *s);

#endif
