/* cmd/serve: the process that stays. It opens everything, starts the scheduler and the API, and ends when it is told to, with every cursor kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "cmd/flags.h"
#include "cmd/host.h"
#include "core/lend.h"
#include "core/notify.h"
#include "core/service.h"

#define PORT_DEFAULT 8470

typedef struct house {
  peri_service *service;
  peri_api *api;
  peri_host *host;
  uv_signal_t term, interrupt;
  uv_timer_t watchdog;
  bool leaving;
} house;

/* The last run has ended: nothing keeps the loop any more. */
static void on_idle(void *self) {
  house *h = self;
  peri_api_stop(h->api);
  h->api = NULL;
  uv_close((uv_handle_t *)&h->term, NULL);
  uv_close((uv_handle_t *)&h->interrupt, NULL);
  uv_close((uv_handle_t *)&h->watchdog, NULL);
}

static void on_signal(uv_signal_t *s, int number) {
  (void)number;
  house *h = s->data;
  if (h->leaving) return; /* the engine ends the process at a second one */
  h->leaving = true;
  peri_notify("STOPPING=1\nSTATUS=stopping: runs end at their next page edge");
  peri_log(PERI_INFO, "serve", "stopping runs=%zu", h->service->run_count);
  peri_api_quiesce(h->api);
  peri_service_stop(h->service, on_idle, h);
}

static void on_watchdog(uv_timer_t *t) {
  (void)t;
  peri_notify("WATCHDOG=1");
}

static void watch_signal(house *h, uv_signal_t *s, int number) {
  uv_signal_init(&h->service->g->loop, s);
  s->data = h;
  uv_signal_start(s, on_signal, number);
}

/* Many sockets: as many descriptors as the system allows. */
static void raise_descriptors(void) {
  struct rlimit r;
  if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
    r.rlim_cur = r.rlim_max > 65536 ? 65536 : r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
  }
}

static peri_code read_pem(const char *path, peri_buf *out, peri_err *e) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return peri_fail(e, PERI_IO, "%s cannot be read: %s", path, strerror(errno));
  char bytes[4096];
  ssize_t n;
  while ((n = read(fd, bytes, sizeof bytes)) > 0 && out->n < (1u << 20)) peri_buf_put(out, bytes, (size_t)n);
  close(fd);
  return n < 0 ? peri_fail(e, PERI_IO, "%s cannot be read: %s", path, strerror(errno)) : PERI_OK;
}

static bool is_loopback(const char *address) { return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0; }

/* "8470", "127.0.0.1:8470", "[::1]:8470", "0.0.0.0:8470" */
static peri_code read_listen(const char *text, char address[64], int *port, peri_err *e) {
  const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
  size_t n = colon ? (size_t)(colon - text) : 0;
  const char *from = text;
  if (n > 1 && text[0] == '[' && text[n - 1] == ']') from++, n -= 2;
  char *end = NULL;
  long v = strtol(digits, &end, 10);
  if (!*digits || *end || v < 0 || v > 65535 || n >= 64) return peri_fail(e, PERI_USAGE, "--listen is PORT or ADDRESS:PORT, such as 127.0.0.1:8470, not '%s'", text);
  snprintf(address, 64, "%.*s", colon ? (int)n : 9, colon ? from : "127.0.0.1");
  *port = (int)v;
  return PERI_OK;
}

typedef struct listen_to {
  char address[64];
  int port;
  peri_buf cert, key;
} listen_to;

static peri_code settle_listen(const peri_cli *c, listen_to *l, peri_err *e) {
  const char *text = peri_cli_value(c, "listen"), *cert = peri_cli_value(c, "tls-cert"), *key = peri_cli_value(c, "tls-key");
  snprintf(l->address, sizeof l->address, "127.0.0.1");
  l->port = PORT_DEFAULT;
  peri_code code = text ? read_listen(text, l->address, &l->port, e) : PERI_OK;
  if (!code && !cert != !key) code = peri_fail(e, PERI_USAGE, "--tls-cert and --tls-key belong together");
  if (!code && cert) code = read_pem(cert, &l->cert, e);
  if (!code && key) code = read_pem(key, &l->key, e);
  if (!code && !is_loopback(l->address) && !cert && !peri_cli_has(c, "plain"))
    code = peri_fail(e, PERI_USAGE, "%s can be reached from other machines, and without TLS tokens would travel in the clear: give --tls-cert and --tls-key, or --plain if a proxy in front does TLS", l->address);
  return code;
}

static void say_ready(const peri_cli *c, const listen_to *l, int port, const char *socket_path) {
  const char *scheme = l->cert.n ? "https" : "http", *open = strchr(l->address, ':') ? "[" : "", *close = *open ? "]" : "";
  if (c->json) printf("{\"url\":\"%s://%s%s%s:%d\",\"socket\":\"%s\"}\n", scheme, open, l->address, close, port, socket_path);
  else printf("perilune serves on %s://%s%s%s:%d and %s\n", scheme, open, l->address, close, port, socket_path);
  fflush(stdout);
  peri_notify("READY=1");
}

static peri_code serve(peri_cli *c, peri_session *s, peri_err *e) {
  listen_to l = {0};
  house h = {0};
  char socket_path[4200];
  int port = 0;
  snprintf(socket_path, sizeof socket_path, "%s.sock", s->project->database);
  peri_code code = settle_listen(c, &l, e);
  if (!code) code = peri_service_open(s->engine, s->project, &h.service, e);
  if (!code) {
    s->project = NULL; /* the service's now */
    code = peri_service_reschedule(h.service, e);
  }
  if (!code) {
    s->engine->lending = peri_lending_new(&s->engine->loop);
    h.host = peri_host_new(h.service);
    peri_api_config api = {.service = h.service,
                           .commands = peri_host_commands(h.host),
                           .address = peri_cli_has(c, "no-tcp") ? NULL : l.address,
                           .port = l.port,
                           .socket_path = socket_path,
                           .tls_cert = l.cert.n ? peri_buf_c(&l.cert) : NULL,
                           .tls_key = l.key.n ? peri_buf_c(&l.key) : NULL};
    h.api = peri_api_start(&api, &port, e);
    if (!h.api) code = e->code;
  }
  peri_wipe(&l.key);
  peri_buf_fini(&l.key);
  if (!code) {
    watch_signal(&h, &h.term, SIGTERM);
    watch_signal(&h, &h.interrupt, SIGINT);
    uv_timer_init(&s->engine->loop, &h.watchdog);
    int64_t beat = peri_notify_watchdog_ms();
    if (beat) uv_timer_start(&h.watchdog, on_watchdog, 0, (uint64_t)beat);
    h.service->ready = true;
    say_ready(c, &l, port, socket_path);
    peri_engine_run(s->engine);
  }
  peri_buf_fini(&l.cert);
  peri_api_stop(h.api);
  peri_service_free(h.service);
  peri_host_free(h.host);
  peri_lending_free(s->engine->lending);
  s->engine->lending = NULL;
  peri_engine_run(s->engine);
  unlink(socket_path);
  return code;
}

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  raise_descriptors();
  if (!c->level) peri_log_level(PERI_INFO);
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY | PERI_NEED_ENGINE, &s, &e);
  if (!code) code = serve(c, &s, &e);
  if (s.store) peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {
  {"listen", "ADDRESS:PORT", false, "where the HTTP API listens (127.0.0.1:8470); port 0: any free one"},
  {"no-tcp", NULL, false, "only the Unix socket beside the database"},
  {"tls-cert", "FILE", false, "certificate chain, PEM"},
  {"tls-key", "FILE", false, "its private key, PEM"},
  {"plain", NULL, false, "no TLS although other machines can reach it: a proxy in front does it"},
};
const peri_command peri_command_serve = {"serve", "[--listen ADDRESS:PORT] [--tls-cert FILE --tls-key FILE]", "stay: sync on schedule, answer the HTTP API",
                                         "Syncs each integration when it is due (perilune schedule), answers the HTTP API and webhooks, and ends at SIGTERM with every cursor kept.\n"
                                         "Other commands work as usual while it runs.",
                                         0, 0, flags, sizeof flags / sizeof *flags, run};
