/* net/web: see the header. Two ideas: a connection (from accept to close; who is too slow is cut) and a call (one request on it).
 *
 * A call belongs to two sides, the library and whoever answers it, and is freed when both are done with it. While it waits for its answer its
 * connection is suspended; the answer resumes it, and the library asks again for what to send. */
#include "net/web.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "net/exchange.h"
#include "net/listen.h"

#define LOOK_MS 1000 /* how often slow connections are looked for, while there are connections */

typedef struct connection {
  struct connection *next, *prev;
  int fd;
  bool busy; /* its request is whole, and in work */
  int64_t since_ms;
} connection;

typedef struct listener {
  peri_web *web;
  struct MHD_Daemon *daemon;
  bool local, tls;
  uv_poll_t poll;
} listener;

struct peri_web {
  const peri_mhd_library *lib;
  peri_web_config config;
  listener listeners[2];
  size_t listener_count;
  connection *connections; /* the youngest first */
  size_t connection_count;
  peri_web_call *calls;    /* on connections */
  uv_timer_t run, look;
  bool running, stopping;
  int open_handles;
};

struct peri_web_call {
  peri_web_call *next, *prev;
  peri_web *web;
  listener *at;
  struct MHD_Connection *connection;
  peri_exchange x;
  peri_web_request request;
  bool asked, suspended, over;     /* over: the library is done with it */
  bool answered, streaming, ended; /* by whoever answers */
  struct MHD_Response *response;
  int status;
  peri_buf out; /* of a stream: not yet sent */
  size_t sent;
  void (*gone)(void *self);
  void *gone_self;
};

/* ---- the library's turn ---- */

static void run_now(peri_web *w) {
  if (w->running || w->stopping) return;
  w->running = true;
  uint64_t wait = UINT64_MAX;
  for (size_t i = 0; i < w->listener_count; i++) {
    MHD_UNSIGNED_LONG_LONG ms;
    w->lib->MHD_run_p(w->listeners[i].daemon);
    if (w->lib->MHD_get_timeout_p(w->listeners[i].daemon, &ms) == MHD_YES && ms < wait) wait = ms;
  }
  w->running = false;
  if (w->stopping) return;
  if (wait == UINT64_MAX) uv_timer_stop(&w->run);
  else uv_timer_start(&w->run, w->run.timer_cb, wait, 0);
}

static void on_run(uv_timer_t *t) { run_now(t->data); }

static void on_ready(uv_poll_t *p, int status, int events) {
  (void)status, (void)events;
  run_now(((listener *)p->data)->web);
}

/* From inside the library it goes on by itself; from outside it needs a push, or it would wait for a timer. */
static void push(peri_web *w) {
  if (!w->running && !w->stopping) uv_timer_start(&w->run, on_run, 0, 0);
}

static void suspend(peri_web_call *k) {
  if (k->suspended) return;
  k->suspended = true;
  k->web->lib->MHD_suspend_connection_p(k->connection);
}

static void resume(peri_web_call *k) {
  if (!k->suspended) return;
  k->suspended = false;
  k->web->lib->MHD_resume_connection_p(k->connection);
  push(k->web);
}

/* ---- connections ---- */

static connection *connection_of(const peri_web *w, struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *info = w->lib->MHD_get_connection_info_p(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info ? info->socket_context : NULL;
}

static void on_connection(void *self, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code) {
  peri_web *w = ((listener *)self)->web;
  connection *k = *context;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *info = w->lib->MHD_get_connection_info_p(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    k = peri_alloc(sizeof *k);
    *k = (connection){.next = w->connections, .fd = info ? (int)info->connect_fd : -1, .since_ms = peri_mono_ms()};
    if (k->next) k->next->prev = k;
    w->connections = k;
    *context = k;
    if (w->connection_count++ == 0 && !w->stopping) uv_timer_start(&w->look, w->look.timer_cb, LOOK_MS, LOOK_MS);
  } else if (k) {
    if (k->prev) k->prev->next = k->next;
    else w->connections = k->next;
    if (k->next) k->next->prev = k->prev;
    free(k);
    *context = NULL;
    if (--w->connection_count == 0 && !w->stopping) uv_timer_stop(&w->look);
  }
}

static void cut(connection *k) {
  if (k->fd >= 0) shutdown(k->fd, SHUT_RDWR); /* the library sees the end and tidies up */
}

/* Whoever takes too long over a request is cut; when connections grow scarce, the oldest of those who have not finished theirs. */
static void on_look(uv_timer_t *t) {
  peri_web *w = t->data;
  int64_t now = peri_mono_ms(), patience = (int64_t)w->config.request_s * 1000;
  bool scarce = w->connection_count * 4 > (size_t)w->config.connections_max * 3;
  size_t spare = scarce ? w->connection_count / 4 : 0;
  connection *last = w->connections;
  while (last && last->next) last = last->next;
  for (connection *k = last, *prev; k; k = prev) {
    prev = k->prev;
    if (k->busy) continue;
    if (now - k->since_ms > patience || spare) cut(k);
    if (spare) spare--;
  }
}

static enum MHD_Result on_accept(void *self, const struct sockaddr *address, socklen_t n) {
  (void)address, (void)n;
  peri_web *w = ((listener *)self)->web;
  size_t most = (size_t)w->config.connections_max;
  if (w->connection_count * 8 > most * 7) on_look(&w->look); /* do not wait for the timer */
  return w->connection_count < most ? MHD_YES : MHD_NO;
}

/* ---- calls ---- */

static void free_call(peri_web_call *k) {
  if (k->response) k->web->lib->MHD_destroy_response_p(k->response);
  peri_buf_fini(&k->out);
  peri_exchange_fini(&k->x);
  free(k);
}

static void leave_user(peri_web_call *k) {
  k->ended = true;
  if (k->over) free_call(k);
}

static void *on_uri(void *self, const char *uri, struct MHD_Connection *c) {
  listener *l = self;
  peri_web_call *k = peri_alloc(sizeof *k);
  *k = (peri_web_call){.web = l->web, .at = l, .connection = c};
  peri_exchange_init(&k->x, uri, l->web->config.body_bytes_max);
  k->next = l->web->calls;
  if (k->next) k->next->prev = k;
  l->web->calls = k;
  return k;
}

static void on_end(void *self, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why) {
  (void)why;
  peri_web *w = ((listener *)self)->web;
  peri_web_call *k = *state;
  *state = NULL;
  connection *on = connection_of(w, c);
  if (on) on->busy = false, on->since_ms = peri_mono_ms();
  if (!k) return;
  if (k->prev) k->prev->next = k->next;
  else w->calls = k->next;
  if (k->next) k->next->prev = k->prev;
  k->over = true;
  k->suspended = false;
  k->connection = NULL;
  if (!k->asked || k->ended) {
    free_call(k);
    return;
  }
  if (!k->gone) return; /* whoever answers it later answers nobody, and frees it */
  void (*gone)(void *) = k->gone;
  void *gone_self = k->gone_self;
  k->gone = NULL;
  k->ended = true;
  gone(gone_self);
  free_call(k);
}

static void fill_request(peri_web_call *k, const char *method) {
  peri_web *w = k->web;
  peri_exchange_headers(&k->x, w->lib, k->connection);
  k->request = (peri_web_request){.method = peri_arena_str(k->x.arena, peri_str_of(method)),
                                  .path = k->x.path,
                                  .query = k->x.query,
                                  .headers = k->x.headers,
                                  .header_count = k->x.header_count,
                                  .tls = k->at->tls,
                                  .peer = "unix"};
  if (k->at->local) {
    const union MHD_ConnectionInfo *info = w->lib->MHD_get_connection_info_p(k->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    k->request.local = info && peri_peer_is_owner((int)info->connect_fd);
    return;
  }
  const union MHD_ConnectionInfo *info = w->lib->MHD_get_connection_info_p(k->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  const struct sockaddr *from = info ? info->client_addr : NULL;
  k->request.peer[0] = 0;
  if (from && from->sa_family == AF_INET) inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr, k->request.peer, sizeof k->request.peer);
  if (from && from->sa_family == AF_INET6) inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, k->request.peer, sizeof k->request.peer);
}

static enum MHD_Result send_response(peri_web_call *k) {
  enum MHD_Result ok = k->web->lib->MHD_queue_response_p(k->connection, (unsigned)k->status, k->response);
  k->web->lib->MHD_destroy_response_p(k->response);
  k->response = NULL;
  return ok;
}

static void refuse(peri_web_call *k, int status, const char *text) {
  static const peri_header type = {{"Content-Type", 12}, {"text/plain", 10}};
  peri_web_answer(k, status, &type, 1, peri_str_of(text));
}

/* How much body is promised: -1 not said, -2 nonsense. */
static int64_t promised(const peri_web_call *k) {
  peri_str text = peri_web_header(k, "content-length");
  if (!text.p) return -1;
  int64_t n = 0;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] < '0' || text.p[i] > '9' || n > (INT64_MAX >> 8)) return -2;
    n = n * 10 + (text.p[i] - '0');
  }
  return text.n ? n : -2;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *upload, size_t *upload_n,
                                  void **state) {
  (void)url, (void)version;
  peri_web *w = ((listener *)self)->web;
  peri_web_call *k = *state;
  if (!k) return MHD_NO;
  if (!k->asked) { /* headers are here; the body follows */
    k->asked = true;
    fill_request(k, method);
    int64_t body = promised(k), most = (int64_t)w->config.body_bytes_max;
    if (w->config.handler.expect && !k->answered) most = w->config.handler.expect(w->config.handler.self, k);
    if (most >= 0) k->x.body.max = (uint64_t)most;
    if (!k->answered && (body == -2 || (most >= 0 && body > most))) refuse(k, body == -2 ? 400 : 413, body == -2 ? "Content-Length is no number\n" : "the body is over the ceiling\n");
    return k->answered ? send_response(k) : MHD_YES;
  }
  if (k->answered) return k->response ? send_response(k) : MHD_NO;
  if (*upload_n) {
    peri_exchange_body(&k->x, upload, upload_n);
    return MHD_YES;
  }
  connection *on = connection_of(w, c);
  if (on) on->busy = true;
  k->request.body = peri_buf_view(&k->x.body);
  if (k->x.too_large) refuse(k, 413, "the body is over the ceiling\n");
  else w->config.handler.handle(w->config.handler.self, k);
  if (k->answered) return send_response(k);
  suspend(k);
  return MHD_YES;
}

const peri_web_request *peri_web_request_of(const peri_web_call *k) { return &k->request; }
peri_arena *peri_web_arena(peri_web_call *k) { return k->x.arena; }

peri_str peri_web_header(const peri_web_call *k, const char *name) {
  for (size_t i = 0; i < k->request.header_count; i++)
    if (peri_str_is(k->request.headers[i].name, name)) return k->request.headers[i].value;
  return (peri_str){0};
}

void peri_web_on_gone(peri_web_call *k, void (*gone)(void *self), void *self) {
  k->gone = gone;
  k->gone_self = self;
}

/* ---- answers ---- */

static void give(peri_web_call *k, int status, const peri_header *headers, size_t count, struct MHD_Response *response) {
  peri_exchange_add_headers(k->web->lib, response, headers, count);
  k->status = status;
  k->response = response;
  k->answered = true;
  resume(k);
}

void peri_web_answer(peri_web_call *k, int status, const peri_header *headers, size_t count, peri_str body) {
  if (!k->over) give(k, status, headers, count, k->web->lib->MHD_create_response_from_buffer_p(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY));
  leave_user(k);
}

static ssize_t read_stream(void *self, uint64_t at, char *out, size_t max) {
  (void)at;
  peri_web_call *k = self;
  size_t n = k->out.n - k->sent;
  if (!n && k->ended) return MHD_CONTENT_READER_END_OF_STREAM;
  if (!n) {
    suspend(k);
    return 0;
  }
  if (n > max) n = max;
  memcpy(out, k->out.p + k->sent, n);
  k->sent += n;
  if (k->sent == k->out.n) peri_buf_clear(&k->out), k->sent = 0;
  return (ssize_t)n;
}

void peri_web_stream(peri_web_call *k, int status, const peri_header *headers, size_t count) {
  k->streaming = true;
  if (!k->over) give(k, status, headers, count, k->web->lib->MHD_create_response_from_callback_p(MHD_SIZE_UNKNOWN, 32 << 10, read_stream, k, NULL));
}

bool peri_web_send(peri_web_call *k, peri_str bytes) {
  if (k->over || k->out.n - k->sent + bytes.n > PERI_WEB_STREAM_BYTES_MAX) return false;
  if (k->sent > (64u << 10)) { /* what was sent makes room */
    memmove(k->out.p, k->out.p + k->sent, k->out.n - k->sent);
    k->out.n -= k->sent;
    k->sent = 0;
  }
  peri_buf_str(&k->out, bytes);
  resume(k);
  return true;
}

void peri_web_end(peri_web_call *k) {
  k->gone = NULL;
  if (!k->over) {
    k->ended = true;
    resume(k);
    return;
  }
  leave_user(k);
}

/* ---- start and stop ---- */

/* What goes wrong inside the library is between it and a broken client; it must not reach our stderr. */
static void on_log(void *self, const char *format, va_list args) {
  (void)self, (void)format, (void)args;
}

static bool start_listener(peri_web *w, int fd, bool local, peri_err *e) {
  listener *l = &w->listeners[w->listener_count];
  *l = (listener){.web = w, .local = local, .tls = !local && w->config.tls_cert};
  unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME | (l->tls ? MHD_USE_TLS : 0u);
  struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)w->config.tls_cert},
                                 {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)w->config.tls_key},
                                 {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
                                 {MHD_OPTION_END, 0, NULL}};
  struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
  l->daemon = w->lib->MHD_start_daemon_p(flags, 0, on_accept, l, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                                         MHD_OPTION_URI_LOG_CALLBACK, on_uri, l, MHD_OPTION_NOTIFY_COMPLETED, on_end, l, MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
                                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(64u << 10), MHD_OPTION_CONNECTION_LIMIT, (unsigned)w->config.connections_max,
                                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PERI_WEB_IDLE_S, MHD_OPTION_ARRAY, l->tls ? tls : none, MHD_OPTION_END);
  if (!l->daemon) {
    close(fd);
    peri_fail(e, l->tls ? PERI_TLS : PERI_IO, l->tls ? "the TLS certificate or its key cannot be used; both must be PEM and belong together" : "the HTTP server could not be started");
    return false;
  }
  w->listener_count++;
  const union MHD_DaemonInfo *info = w->lib->MHD_get_daemon_info_p(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  uv_poll_init(w->config.loop, &l->poll, info->epoll_fd);
  l->poll.data = l;
  w->open_handles++;
  uv_poll_start(&l->poll, UV_READABLE, on_ready);
  return true;
}

static void on_closed(uv_handle_t *h) {
  peri_web *w = h->type == UV_POLL ? ((listener *)h->data)->web : h->data;
  if (--w->open_handles == 0) free(w);
}

peri_web *peri_web_start(const peri_web_config *config, int *port_out, peri_err *e) {
  const peri_mhd_library *lib = peri_mhd_open(e);
  if (!lib) return NULL;
  peri_web *w = peri_alloc(sizeof *w);
  w->lib = lib;
  w->config = *config;
  if (!w->config.body_bytes_max) w->config.body_bytes_max = PERI_WEB_BODY_BYTES_MAX;
  if (!w->config.connections_max) w->config.connections_max = PERI_WEB_CONNECTIONS_MAX;
  if (!w->config.request_s) w->config.request_s = PERI_WEB_REQUEST_S;
  uv_timer_init(config->loop, &w->run);
  uv_timer_init(config->loop, &w->look);
  w->run.data = w->look.data = w;
  w->run.timer_cb = on_run;
  w->look.timer_cb = on_look;
  w->open_handles = 2;
  int port = 0, fd = -1;
  bool ok = true;
  if (config->address) ok = (fd = peri_listen_tcp(config->address, config->port, &port, e)) >= 0 && start_listener(w, fd, false, e);
  if (ok && config->socket_path) ok = (fd = peri_listen_unix(config->socket_path, e)) >= 0 && start_listener(w, fd, true, e);
  w->config.tls_cert = w->config.tls_key = w->config.socket_path = w->config.address = NULL;
  if (port_out) *port_out = port;
  if (ok) return w;
  peri_web_stop(w);
  return NULL;
}

size_t peri_web_connections(const peri_web *w) { return w->connection_count; }

void peri_web_quiesce(peri_web *w) {
  for (size_t i = 0; i < w->listener_count; i++) {
    int fd = w->lib->MHD_quiesce_daemon_p(w->listeners[i].daemon);
    if (fd >= 0) close(fd);
  }
}

void peri_web_stop(peri_web *w) {
  if (!w) return;
  w->stopping = true;
  uv_timer_stop(&w->run);
  uv_timer_stop(&w->look);
  for (size_t i = 0; i < w->listener_count; i++) uv_poll_stop(&w->listeners[i].poll);
  for (peri_web_call *k = w->calls; k; k = k->next) resume(k); /* the library refuses to stop while one is suspended */
  for (size_t i = 0; i < w->listener_count; i++) w->lib->MHD_stop_daemon_p(w->listeners[i].daemon);
  for (size_t i = 0; i < w->listener_count; i++) uv_close((uv_handle_t *)&w->listeners[i].poll, on_closed);
  uv_close((uv_handle_t *)&w->run, on_closed);
  uv_close((uv_handle_t *)&w->look, on_closed);
}
