/* core/emulate_hooks: deliveries on a loop in a thread. One is in flight at a time, so they arrive in order; one that fails is tried again up to
 * ten times with growing pauses (HubSpot's day of retries, compressed into seconds), and the others go on meanwhile.
 * Refuses addresses that are not loopback. */
#include "core/emulate_hooks.h"

#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/emulate_sign.h"
#include "json/tree.h"

#define TRIES_MAX 10
#define ANSWER_MS 5000
#define PAUSE_MS 50
#define PAUSE_MS_MAX 2000
#define WAITING_MAX 10000

typedef struct delivery {
  struct delivery *next;
  peri_arena *arena;
  const peri_json *what;
  int tries;
  int64_t due_ms;
} delivery;

struct peri_hooks {
  pthread_t thread;
  pthread_mutex_t lock;
  delivery *posted, **posted_end; /* under the lock; the rest belongs to the thread */
  bool stop;
  size_t waiting;
  uv_loop_t loop;
  uv_async_t wake;
  uv_timer_t timer;
  peri_http *http;
  delivery *queue, *flying;
};

static void drop(peri_hooks *h, delivery *d) {
  pthread_mutex_lock(&h->lock);
  h->waiting--;
  pthread_mutex_unlock(&h->lock);
  peri_arena_free(d->arena);
  free(d);
}

static void enqueue(peri_hooks *h, delivery *d) { /* by due time, later ones behind equal ones */
  delivery **at = &h->queue;
  while (*at && (*at)->due_ms <= d->due_ms) at = &(*at)->next;
  d->next = *at;
  *at = d;
}

/* HubSpot counts its attempts in every event. */
static peri_str body_of(peri_arena *a, peri_str body, int tries) {
  static const char mark[] = "\"attemptNumber\":0";
  peri_buf b = {0};
  if (tries == 0) return body;
  for (size_t i = 0; i < body.n;) {
    if (body.n - i >= sizeof mark - 1 && memcmp(body.p + i, mark, sizeof mark - 1) == 0) {
      peri_buf_fmt(&b, "\"attemptNumber\":%d", tries);
      i += sizeof mark - 1;
    } else {
      peri_buf_char(&b, body.p[i++]);
    }
  }
  peri_str out = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return out;
}

static void send_next(peri_hooks *h);

static void on_reply(void *self, peri_http_reply *reply) {
  peri_hooks *h = self;
  delivery *d = h->flying;
  h->flying = NULL;
  bool fine = reply->code == PERI_OK && reply->status >= 200 && reply->status < 300;
  if (fine || ++d->tries >= TRIES_MAX) {
    if (!fine) peri_log(PERI_WARN, "emulate", "a webhook was given up url=%.*s tries=%d", PERI_S(peri_json_get_text(d->what, "url")), d->tries);
    drop(h, d);
  } else {
    int64_t pause = (int64_t)PAUSE_MS << d->tries;
    d->due_ms = peri_mono_ms() + (pause < PAUSE_MS_MAX ? pause : PAUSE_MS_MAX);
    enqueue(h, d);
  }
  send_next(h);
}

static bool is_loopback(peri_arena *a, peri_str url) {
  peri_url u;
  return peri_url_read(a, url, &u, NULL) && (peri_str_is(u.host, "127.0.0.1") || peri_str_is(u.host, "localhost") || peri_str_is(u.host, "[::1]"));
}

static void on_timer(uv_timer_t *timer) {
  send_next(timer->data);
}

static void send_next(peri_hooks *h) {
  if (h->flying || !h->queue) return;
  int64_t wait = h->queue->due_ms - peri_mono_ms();
  if (wait > 0) {
    uv_timer_start(&h->timer, on_timer, (uint64_t)wait, 0);
    return;
  }
  delivery *d = h->flying = h->queue;
  h->queue = d->next;
  peri_header headers[PERI_SIGN_HEADERS_MAX] = {{PERI_STR("Content-Type"), PERI_STR("application/json")}};
  size_t count = 1;
  peri_signing s = {.method = PERI_STR("POST"), .url = peri_json_get_text(d->what, "url"), .secret = peri_json_get_text(d->what, "secret"), .now_ms = peri_now_ms()};
  s.body = body_of(d->arena, peri_json_get_text(d->what, "body"), d->tries);
  const peri_json *sign = peri_json_get(d->what, "sign");
  for (const peri_json *each = sign ? sign->first : NULL; each; each = each->next) peri_emulate_sign(peri_json_str(each), &s, d->arena, headers, &count);
  if (!is_loopback(d->arena, s.url)) {
    h->flying = NULL;
    drop(h, d);
    send_next(h);
    return;
  }
  peri_http_request r = {.method = "POST", .url = s.url, .headers = headers, .header_count = count, .body = s.body, .special_addresses = true, .plain_http = true,
                         .timeout_ms = ANSWER_MS, .body_bytes_max = 1u << 20};
  peri_http_send(h->http, &r, on_reply, h);
}

static void on_wake(uv_async_t *wake) {
  peri_hooks *h = wake->data;
  pthread_mutex_lock(&h->lock);
  delivery *list = h->posted;
  h->posted = NULL;
  h->posted_end = &h->posted;
  bool stop = h->stop;
  pthread_mutex_unlock(&h->lock);
  while (list) {
    delivery *d = list;
    list = d->next;
    d->due_ms = peri_mono_ms();
    enqueue(h, d);
  }
  if (!stop) {
    send_next(h);
    return;
  }
  peri_http_free(h->http);
  if (h->flying) enqueue(h, h->flying);
  while (h->queue) {
    delivery *d = h->queue;
    h->queue = d->next;
    drop(h, d);
  }
  uv_close((uv_handle_t *)&h->wake, NULL);
  uv_close((uv_handle_t *)&h->timer, NULL);
}

static void *run(void *self) {
  peri_hooks *h = self;
  uv_run(&h->loop, UV_RUN_DEFAULT);
  return NULL;
}

peri_hooks *peri_hooks_start(peri_err *e) {
  peri_hooks *h = peri_alloc(sizeof *h);
  h->posted_end = &h->posted;
  pthread_mutex_init(&h->lock, NULL);
  uv_loop_init(&h->loop);
  uv_async_init(&h->loop, &h->wake, on_wake);
  uv_timer_init(&h->loop, &h->timer);
  h->wake.data = h->timer.data = h;
  h->http = peri_http_new(&h->loop, e);
  if (pthread_create(&h->thread, NULL, run, h) == 0) return h;
  peri_fail(e, PERI_IO, "no thread for webhooks");
  h->stop = true;
  on_wake(&h->wake);
  uv_run(&h->loop, UV_RUN_DEFAULT);
  uv_loop_close(&h->loop);
  free(h);
  return NULL;
}

void peri_hooks_post(peri_hooks *h, peri_str deliveries) {
  peri_json_fault fault;
  peri_arena *a = peri_arena_new();
  const peri_json *list = peri_json_parse(a, deliveries, &fault);
  for (const peri_json *each = list ? list->first : NULL; each; each = each->next) {
    delivery *d = peri_alloc(sizeof *d);
    d->arena = peri_arena_new();
    d->what = peri_json_parse(d->arena, each->raw, &fault);
    pthread_mutex_lock(&h->lock);
    bool room = h->waiting < WAITING_MAX;
    if (room) {
      h->waiting++;
      *h->posted_end = d;
      h->posted_end = &d->next;
    }
    pthread_mutex_unlock(&h->lock);
    if (room) continue;
    peri_arena_free(d->arena);
    free(d);
  }
  peri_arena_free(a);
  uv_async_send(&h->wake);
}

void peri_hooks_stop(peri_hooks *h) {
  if (!h) return;
  pthread_mutex_lock(&h->lock);
  h->stop = true;
  pthread_mutex_unlock(&h->lock);
  uv_async_send(&h->wake);
  pthread_join(h->thread, NULL);
  uv_loop_close(&h->loop);
  pthread_mutex_destroy(&h->lock);
  free(h);
}
