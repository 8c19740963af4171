/* net/server: libmicrohttpd with a thread for each connection. Bodies are gathered whole, under a cap, before the handler is asked.
 * Refuses: addresses other than loopback, bodies over the page ceiling (413), more than CONNECTIONS_MAX connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "net/exchange.h"
#include "net/server.h"

#define CONNECTIONS_MAX 512
#define IDLE_S 60 /* a kept connection without a request */

struct peri_server {
  const peri_mhd_library *lib;
  struct MHD_Daemon *daemon;
  peri_server_handler handler;
  pthread_mutex_t lock;
  pthread_cond_t stopped;
  bool stopping;
};

/* One request, from its first header to the end of its answer. */
typedef struct exchange {
  peri_exchange x;
  bool asked;
} exchange;

/* Sees the request line before anything is decoded. */
static void *on_uri(void *self, const char *uri, struct MHD_Connection *connection) {
  (void)self, (void)connection;
  exchange *k = peri_alloc(sizeof *k);
  peri_exchange_init(&k->x, uri, PERI_PAGE_BYTES_MAX);
  return k;
}

static void on_end(void *self, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why) {
  (void)self, (void)connection, (void)why;
  exchange *k = *state;
  if (!k) return;
  peri_exchange_fini(&k->x);
  free(k);
  *state = NULL;
}

/* Waits, unless the server stops meanwhile. */
static void wait_ms(peri_server *s, int64_t ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
  until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
  until.tv_nsec = (long)(ns % 1000000000);
  pthread_mutex_lock(&s->lock);
  while (!s->stopping && pthread_cond_timedwait(&s->stopped, &s->lock, &until) != ETIMEDOUT) {
  }
  pthread_mutex_unlock(&s->lock);
}

/* A body that breaks off: promised whole, sent up to `stop`. */
typedef struct broken_body {
  char *bytes;
  size_t stop;
} broken_body;

static ssize_t broken_read(void *self, uint64_t at, char *out, size_t max) {
  broken_body *b = self;
  if (at >= b->stop) return MHD_CONTENT_READER_END_WITH_ERROR;
  size_t n = b->stop - (size_t)at < max ? b->stop - (size_t)at : max;
  memcpy(out, b->bytes + at, n);
  return (ssize_t)n;
}

static void broken_free(void *self) {
  broken_body *b = self;
  free(b->bytes);
  free(b);
}

static struct MHD_Response *make_response(peri_server *s, const peri_server_answer *a) {
  if (a->cut != 1 && a->cut != 2) return s->lib->MHD_create_response_from_buffer_p(a->body.n, (void *)(uintptr_t)a->body.p, MHD_RESPMEM_MUST_COPY);
  broken_body *b = peri_alloc(sizeof *b);
  b->bytes = peri_dup(a->body);
  b->stop = a->cut == 1 ? 0 : a->body.n / 2;
  uint64_t promised = a->body.n ? a->body.n : 1;
  return s->lib->MHD_create_response_from_callback_p(promised, 32 << 10, broken_read, b, broken_free);
}

static enum MHD_Result answer(peri_server *s, struct MHD_Connection *connection, const peri_server_answer *a) {
  if (a->delay_ms > 0) wait_ms(s, a->delay_ms);
  if (a->cut == 3) {
    wait_ms(s, (int64_t)24 * 3600 * 1000); /* the client's patience ends sooner */
    return MHD_NO;
  }
  struct MHD_Response *r = make_response(s, a);
  if (!r) return MHD_NO;
  peri_exchange_add_headers(s->lib, r, a->headers, a->header_count);
  enum MHD_Result ok = s->lib->MHD_queue_response_p(connection, (unsigned)a->status, r);
  s->lib->MHD_destroy_response_p(r);
  return ok;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *url, const char *method, const char *version, const char *upload,
                                  size_t *upload_n, void **state) {
  (void)url, (void)version;
  peri_server *s = self;
  exchange *k = *state;
  if (!k->asked) { /* headers are here; the body follows */
    k->asked = true;
    return MHD_YES;
  }
  if (*upload_n) {
    peri_exchange_body(&k->x, upload, upload_n);
    return MHD_YES;
  }
  peri_server_answer a = {.status = 500};
  if (k->x.too_large) {
    a = (peri_server_answer){.status = 413, .body = PERI_STR("the body is over the ceiling\n")};
    return answer(s, connection, &a);
  }
  peri_exchange_headers(&k->x, s->lib, connection);
  peri_server_request q = {.method = peri_str_of(method),
                           .path = k->x.path,
                           .query = k->x.query,
                           .headers = k->x.headers,
                           .header_count = k->x.header_count,
                           .body = peri_buf_view(&k->x.body)};
  s->handler.handle(s->handler.self, &q, &a);
  enum MHD_Result ok = answer(s, connection, &a);
  if (s->handler.done) s->handler.done(s->handler.self, &a);
  return ok;
}

/* What goes wrong inside the library is between it and a broken client; it must not reach our stderr. */
static void on_log(void *self, const char *format, va_list args) {
  (void)self, (void)format, (void)args;
}

peri_server *peri_server_start(int port, const peri_server_handler *handler, int *port_out, peri_err *e) {
  const peri_mhd_library *lib = peri_mhd_open(e);
  if (!lib) return NULL;
  if (port < 0 || port > 65535) {
    peri_fail(e, PERI_USAGE, "%d is no port", port);
    return NULL;
  }
  peri_server *s = peri_alloc(sizeof *s);
  s->lib = lib;
  s->handler = *handler;
  pthread_mutex_init(&s->lock, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&s->stopped, &attributes);
  pthread_condattr_destroy(&attributes);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  errno = 0;
  s->daemon = lib->MHD_start_daemon_p(
    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG, (uint16_t)port, NULL, NULL, on_request, s,
    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_SOCK_ADDR, &to, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_end, s,
    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PERI_HEADER_BYTES_MAX, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
    (unsigned)IDLE_S, MHD_OPTION_END);
  if (!s->daemon) {
    if (errno == EADDRINUSE) peri_fail(e, PERI_BUSY, "port %d on 127.0.0.1 is taken; choose another one or 0 for any", port);
    else peri_fail(e, PERI_IO, "no server on 127.0.0.1:%d: %s", port, errno ? strerror(errno) : "the library gives no reason");
    peri_server_stop(s);
    return NULL;
  }
  const union MHD_DaemonInfo *info = lib->MHD_get_daemon_info_p(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
  *port_out = info ? info->port : port;
  return s;
}

void peri_server_stop(peri_server *s) {
  if (!s) return;
  pthread_mutex_lock(&s->lock);
  s->stopping = true;
  pthread_cond_broadcast(&s->stopped);
  pthread_mutex_unlock(&s->lock);
  if (s->daemon) s->lib->MHD_stop_daemon_p(s->daemon);
  pthread_cond_destroy(&s->stopped);
  pthread_mutex_destroy(&s->lock);
  free(s);
}
