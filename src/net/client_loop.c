/* net/client_loop: libcurl's multi interface on a libuv loop. Three rules keep it sound: curl is never driven from inside its own
 * callbacks; a poll handle is closed before curl closes its socket; handles are freed only by their close callbacks. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/client.h"

static void read_messages(peri_http *h) {
  CURLMsg *m;
  int left;
  while ((m = h->lib->curl_multi_info_read_p(h->multi, &left)) != NULL) {
    if (m->msg != CURLMSG_DONE) continue;
    char *self = NULL;
    CURLcode result = m->data.result; /* m dies with the handle */
    h->lib->curl_easy_getinfo_p(m->easy_handle, CURLINFO_PRIVATE, &self);
    peri_http_finish((peri_http_call *)(void *)self, result);
  }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  peri_http *h = poll->data;
  uv_os_fd_t fd;
  if (uv_fileno((uv_handle_t *)poll, &fd)) return;
  /* a broken socket is read like any other: the system's own word for it is better than "error" */
  int flags = status < 0 ? CURL_CSELECT_IN | CURL_CSELECT_OUT : (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
  int running;
  h->lib->curl_multi_socket_action_p(h->multi, fd, flags, &running);
  read_messages(h);
}

static void on_timer(uv_timer_t *timer) {
  peri_http *h = timer->data;
  int running;
  h->lib->curl_multi_socket_action_p(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  read_messages(h);
}

static void free_handle(uv_handle_t *handle) {
  free(handle);
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *socket_self) {
  (void)easy;
  peri_http *h = self;
  uv_poll_t *poll = socket_self;
  if (what == CURL_POLL_REMOVE) {
    if (poll) uv_close((uv_handle_t *)poll, free_handle);
    h->lib->curl_multi_assign_p(h->multi, fd, NULL);
    return 0;
  }
  if (!poll) {
    poll = peri_alloc(sizeof *poll);
    poll->data = h;
    if (uv_poll_init(h->loop, poll, fd)) { /* the handle never reached the loop */
      free(poll);
      return -1;
    }
    h->lib->curl_multi_assign_p(h->multi, fd, poll);
  }
  return uv_poll_start(poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0), on_poll) ? -1 : 0;
}

static int curl_wants_timer(CURLM *multi, long wait_ms, void *self) {
  (void)multi;
  peri_http *h = self;
  if (wait_ms < 0) uv_timer_stop(h->timer);
  else uv_timer_start(h->timer, on_timer, (uint64_t)wait_ms, 0);
  return 0;
}

/* A body that trickles: fewer bytes since the last look than the floor allows. Curl's own check would also blame a server that thinks. */
static void on_drip(uv_timer_t *timer) {
  peri_http *h = timer->data;
  int64_t now = peri_mono_ms();
  for (peri_http_call *c = h->calls, *next; c; c = next) {
    next = c->next;
    if (!c->body_begun || now - c->drip_at_ms < c->drip_ms) continue;
    if ((int64_t)(c->packed_bytes - c->drip_bytes) * 1000 < PERI_DRIP_BYTES_PER_S * c->drip_ms) {
      peri_fail(&c->fault, PERI_TIMEOUT, "%s sends its body too slowly: %llu bytes in %lld ms", c->where,
                (unsigned long long)(c->packed_bytes - c->drip_bytes), (long long)(now - c->drip_at_ms));
      peri_http_finish(c, CURLE_OPERATION_TIMEDOUT);
      next = h->calls; /* done may have changed the list: begin again */
      continue;
    }
    c->drip_at_ms = now;
    c->drip_bytes = c->packed_bytes;
  }
  if (!h->calls) uv_timer_stop(h->drip);
}

static void on_soon(uv_timer_t *timer) {
  peri_http *h = timer->data;
  for (peri_http_call *c = h->calls; c;) {
    if (c->easy) {
      c = c->next;
      continue;
    }
    peri_http_finish(c, CURLE_OK);
    c = h->calls;
  }
}

uv_timer_t *peri_http_timer(peri_http *h) {
  uv_timer_t *t = peri_alloc(sizeof *t);
  uv_timer_init(h->loop, t);
  t->data = h;
  return t;
}

void peri_http_loop_soon(peri_http *h) {
  uv_timer_start(h->soon, on_soon, 0, 0);
}

bool peri_http_loop_open(peri_http *h, peri_err *e) {
  if (h->multi) return true;
  h->lib = peri_curl_open(e);
  if (!h->lib) return false;
  h->multi = h->lib->curl_multi_init_p();
  if (!h->multi) {
    peri_fail(e, PERI_IO, "libcurl gives no multi handle");
    return false;
  }
  h->timer = peri_http_timer(h);
  h->drip = peri_http_timer(h);
  h->lib->curl_multi_setopt_p(h->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
  h->lib->curl_multi_setopt_p(h->multi, CURLMOPT_SOCKETDATA, h);
  h->lib->curl_multi_setopt_p(h->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
  h->lib->curl_multi_setopt_p(h->multi, CURLMOPT_TIMERDATA, h);
  return true;
}

bool peri_http_loop_add(peri_http_call *c, peri_err *e) {
  peri_http *h = c->http;
  if (h->lib->curl_multi_add_handle_p(h->multi, c->easy) != CURLM_OK) {
    peri_fail(e, PERI_IO, "libcurl does not take the request");
    return false;
  }
  uint64_t every = (uint64_t)(c->drip_ms < 1000 ? c->drip_ms : 1000);
  if (!uv_is_active((uv_handle_t *)h->drip) || uv_timer_get_repeat(h->drip) > every) uv_timer_start(h->drip, on_drip, every, every);
  return true;
}

void peri_http_loop_remove(peri_http_call *c) {
  peri_http *h = c->http;
  h->lib->curl_multi_remove_handle_p(h->multi, c->easy);
  if (!h->calls) uv_timer_stop(h->drip); /* nothing open: no wake-ups */
}

void peri_http_loop_close(peri_http *h) {
  if (h->multi) h->lib->curl_multi_cleanup_p(h->multi);
  uv_timer_t *timers[] = {h->timer, h->soon, h->drip};
  for (size_t i = 0; i < 3; i++)
    if (timers[i]) uv_close((uv_handle_t *)timers[i], free_handle);
}
