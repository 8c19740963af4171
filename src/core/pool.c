/* core/pool: a worker from its start to its end. spawn.c starts and ends the process; owed.c knows what it owes; this file speaks
 * with it: handshake, questions, watch.
 * Refuses frames that a worker may not send: it is killed for them. Trusts its progress page only to name a suspect. */
#include "core/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/owed.h"
#include "core/spawn.h"
#include "json/tree.h"

#define HANDSHAKE_MS 5000 /* a loaded machine may take its time; a worker that can't start says so at once */
#define WATCH_MS 100      /* how often the clocks of a working worker are looked at */

struct peri_worker {
  peri_worker_config config;
  peri_spawned process;
  peri_link *link;
  peri_str layers; /* owned */
  int scale;       /* of time, debug builds only */
  bool dead, told; /* told: on_death was called or is not wanted */
  peri_death death;
  const char *wrong;        /* why we killed it for what it said */
  int64_t frame_ms;         /* when something last crossed, either way */
  int64_t frame_cpu_ms;     /* its CPU time then */
  peri_owed owed;
  int cpu_most_ms;          /* for what it does now */
  bool stuck;               /* the watchdog killed it */
  /* on a loop */
  uv_poll_t poll;
  uv_timer_t watch;
  bool polling, in_callback, closing;
  int handles_open, poll_events;
  bool greeted;             /* READY came */
  bool slow;                /* it gets what others leave */
  bool ending, killed;      /* not yet reaped; by us */
  int gone_fd;
  uv_poll_t gone;
  uv_timer_t patience;
};

/* ---- clocks ---- */

static int64_t cpu_ms(const peri_worker *w) {
  if (!w->process.pid) return 0;
  clockid_t clock;
  struct timespec t;
  if (clock_getcpuclockid(w->process.pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return w->frame_cpu_ms;
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void crossed(peri_worker *w) {
  w->frame_ms = peri_mono_ms();
  w->frame_cpu_ms = cpu_ms(w);
}

static bool works(const peri_worker *w) { return peri_owed_any(&w->owed); }

/* Over its time? CPU counts always (an idle worker uses none), the wall clock only while it owes an answer. */
static bool is_stuck(const peri_worker *w) {
  if (cpu_ms(w) - w->frame_cpu_ms > (int64_t)w->cpu_most_ms * w->scale) return true;
  int64_t wall_ms = (int64_t)PERI_FRAME_WALL_MS * w->scale * (w->slow ? 10 : 1); /* whoever gets only what others leave may wait for it */
  return works(w) && peri_mono_ms() - w->frame_ms > wall_ms;
}

/* No honest answer takes so much CPU time until its next frame: from then on it runs when nobody else wants to. */
static void slow_down(peri_worker *w) {
  if (w->slow || !w->process.pid || cpu_ms(w) - w->frame_cpu_ms <= (int64_t)w->cpu_most_ms * w->scale / 10) return;
  w->slow = true;
  peri_spawn_demote(&w->process);
}

/* Loading a file and serving a request have budgets of their own; the watchdog stands well behind them. */
static int cpu_most(const peri_worker *w, peri_kind kind) {
  int own = 0;
  if (kind == PERI_K_LOAD || kind == PERI_K_MAKE || kind == PERI_K_OPEN) own = w->config.load_ms;
  if (kind == PERI_K_SERVE || w->config.emulator) own = own > w->config.call_ms ? own : w->config.call_ms;
  return PERI_FRAME_CPU_MS + 2 * own;
}

static void sent(peri_worker *w, peri_kind kind, peri_str payload) {
  peri_owed_sent(&w->owed, kind, payload);
  w->cpu_most_ms = cpu_most(w, kind);
  crossed(w);
}

static void got_frame(peri_worker *w, const peri_frame *f) {
  crossed(w);
  peri_owed_got(&w->owed, f);
}

/* ---- death ---- */

static void unwatch(peri_worker *w);

/* After this the process is gone and reaped, and w->death tells why. */
static void reap(peri_worker *w, bool kill_now) {
  peri_spawn_end(&w->process, kill_now, &w->death);
  if (w->stuck) {
    w->death.code = PERI_SCRIPT_TIMEOUT;
    snprintf(w->death.text, sizeof w->death.text, "the worker did not answer in time and was ended");
  } else if (w->wrong) {
    w->death.code = PERI_WORKER_LOST;
    snprintf(w->death.text, sizeof w->death.text, "the worker was ended: %s", w->wrong);
  }
}

static bool reap_later(peri_worker *w, bool kill_now);

/* Its death is told when it is reaped: on a loop that is a little later. */
static void bury(peri_worker *w) {
  if (w->dead) return;
  w->dead = true;
  unwatch(w);
  if (!reap_later(w, w->stuck || w->wrong)) reap(w, w->stuck || w->wrong);
}

static peri_code death_code(const peri_worker *w, peri_err *e) { return peri_fail(e, w->death.code, "%s", w->death.text); }

bool peri_worker_alive(const peri_worker *w) { return !w->dead; }
const peri_death *peri_worker_death(const peri_worker *w) { return w->dead ? &w->death : NULL; }
peri_str peri_worker_layers(const peri_worker *w) { return w->layers; }
bool peri_worker_slow(const peri_worker *w) { return w->slow; }
int peri_worker_pid(const peri_worker *w) { return w->process.pid; }

/* ---- reading ---- */

static void log_frame(peri_str payload) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *m = peri_json_parse(a, payload, &fault);
  peri_str level = peri_json_get_text(m, "level"), text = peri_json_get_text(m, "text");
  peri_level l = peri_str_is(level, "error")   ? PERI_ERROR
                 : peri_str_is(level, "warn")  ? PERI_WARN
                 : peri_str_is(level, "debug") ? PERI_LOG_DEBUG
                                               : PERI_INFO;
  if (text.n > PERI_ERROR_TEXT_MAX) text.n = PERI_ERROR_TEXT_MAX;
  peri_log(l, "script", "%.*s", PERI_S(text));
  peri_arena_free(a);
}

/* The next frame for the caller; LOG goes to the log on the way. false: nothing whole is there, or the worker is dead (then buried). */
static bool next_frame(peri_worker *w, peri_frame *f) {
  peri_err e = {0};
  bool got;
  while (!w->dead) {
    peri_code c = peri_link_next(w->link, f, &got, &e);
    if (c == PERI_BAD_REPLY) w->wrong = "it sent a frame that is none";
    if (c) {
      bury(w);
      return false;
    }
    if (!got) return false;
    if (!peri_owed_may_say(f->kind)) {
      w->wrong = "it sent a message that only the core may send";
      bury(w);
      return false;
    }
    got_frame(w, f);
    if (f->kind == PERI_K_LOG) {
      log_frame(f->payload);
      continue;
    }
    if (w->greeted) return true;
    if (f->kind != PERI_K_READY) {
      w->wrong = "it did not say READY";
      bury(w);
      return false;
    }
    char *copy = peri_dup(f->payload);
    w->layers = (peri_str){copy, f->payload.n};
    w->greeted = true;
    if (!w->config.loop) return true;
  }
  return false;
}

/* Blocking: waits for the next frame while the watchdog looks on. */
static bool wait_frame(peri_worker *w, peri_frame *f, int64_t until_ms) {
  for (;;) {
    if (next_frame(w, f)) return true;
    if (w->dead) return false;
    if (is_stuck(w) || (until_ms && peri_mono_ms() > until_ms)) {
      w->stuck = true;
      bury(w);
      return false;
    }
    struct pollfd p = {peri_link_fd(w->link), (short)(POLLIN | (peri_link_wants_write(w->link) ? POLLOUT : 0)), 0};
    if (poll(&p, 1, WATCH_MS) > 0 && (p.revents & POLLOUT) && peri_link_flush(w->link, NULL)) {
      /* it closed its end; what it said before is still to be read, then the end of it is seen */
    }
  }
}

/* ---- on a loop ---- */

static void on_poll(uv_poll_t *handle, int status, int events);
static void on_watch(uv_timer_t *timer);

static void poll_for(peri_worker *w) {
  if (!w->polling || w->dead) return;
  int events = UV_READABLE | (peri_link_wants_write(w->link) ? UV_WRITABLE : 0);
  if (events == w->poll_events) return;
  w->poll_events = events;
  uv_poll_start(&w->poll, events, on_poll);
}

/* The timer runs only while it works: an idle worker wakes nobody. */
static void watch_on(peri_worker *w) {
  if (w->polling && !w->dead && works(w) && !uv_is_active((uv_handle_t *)&w->watch)) uv_timer_start(&w->watch, on_watch, WATCH_MS, WATCH_MS);
}

static void free_worker(peri_worker *w) {
  peri_link_free(w->link);
  peri_spawn_free(&w->process);
  free((char *)(uintptr_t)w->layers.p);
  free(w);
}

static void on_closed(uv_handle_t *handle) {
  peri_worker *w = handle->data;
  if (--w->handles_open == 0 && w->closing) free_worker(w);
}

static void unwatch(peri_worker *w) {
  if (!w->polling) return;
  w->polling = false;
  uv_poll_stop(&w->poll);
  uv_timer_stop(&w->watch);
  uv_close((uv_handle_t *)&w->poll, on_closed);
  uv_close((uv_handle_t *)&w->watch, on_closed);
}

static void tell_death(peri_worker *w) {
  if (w->told || w->closing || !w->config.loop) return;
  w->told = true;
  if (w->config.on_death) w->config.on_death(w->config.self, w, &w->death);
}

/* Gives all whole frames that are there, then the death if there was one. A callback may close the worker. */
static void deliver(peri_worker *w) {
  peri_frame f;
  w->in_callback = true;
  while (!w->closing && next_frame(w, &f))
    if (w->config.on_frame) w->config.on_frame(w->config.self, w, &f);
  if (w->dead && !w->ending) tell_death(w);
  w->in_callback = false;
  if (w->closing) {
    if (w->handles_open == 0) free_worker(w);
    return;
  }
  poll_for(w);
  watch_on(w);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  peri_worker *w = handle->data;
  if (status < 0) events = UV_READABLE; /* the read tells */
  if (events & UV_WRITABLE) peri_link_flush(w->link, NULL);
  deliver(w);
}

static void on_watch(uv_timer_t *timer) {
  peri_worker *w = timer->data;
  if (!works(w)) {
    uv_timer_stop(timer);
    return;
  }
  slow_down(w);
  if (!is_stuck(w)) return;
  w->stuck = true;
  bury(w);
  deliver(w);
}

static void watch_begin(peri_worker *w) {
  uv_poll_init(w->config.loop, &w->poll, peri_link_fd(w->link));
  uv_timer_init(w->config.loop, &w->watch);
  w->poll.data = w->watch.data = w;
  uv_unref((uv_handle_t *)&w->watch); /* the socket keeps the loop alive, and only while something is owed does it matter */
  w->handles_open = 2;
  w->polling = true;
  poll_for(w);
  watch_on(w);
}

/* ---- the end, on a loop: nobody waits for a process that takes its time to leave ---- */

static void on_gone(uv_poll_t *handle, int status, int events) {
  (void)status, (void)events;
  peri_worker *w = handle->data;
  uv_poll_stop(&w->gone);
  uv_timer_stop(&w->patience);
  uv_close((uv_handle_t *)&w->gone, on_closed);
  uv_close((uv_handle_t *)&w->patience, on_closed);
  close(w->gone_fd);
  w->ending = false;
  reap(w, w->killed);
  tell_death(w); /* which may close it: freed when the handles are closed */
}

static void on_impatient(uv_timer_t *timer) {
  peri_worker *w = timer->data;
  w->killed = true;
  peri_spawn_kill(&w->process);
}

/* false: it must be waited for (no process of its own, or an old kernel). */
static bool reap_later(peri_worker *w, bool kill_now) {
  if (!w->config.loop || !w->process.pid || (w->gone_fd = peri_spawn_gone_fd(&w->process)) < 0) return false;
  w->ending = true;
  w->killed = kill_now;
  if (kill_now) peri_spawn_kill(&w->process);
  uv_poll_init(w->config.loop, &w->gone, w->gone_fd);
  uv_timer_init(w->config.loop, &w->patience);
  w->gone.data = w->patience.data = w;
  w->handles_open += 2;
  uv_poll_start(&w->gone, UV_READABLE, on_gone);
  if (!kill_now) uv_timer_start(&w->patience, on_impatient, PERI_SPAWN_LEAVE_MS, 0);
  return true;
}

/* ---- start and end ---- */

static int time_scale(void) {
#ifdef PERI_DEBUG
  const char *text = getenv("PERILUNE_TIME_SCALE");
  int scale = text ? atoi(text) : 1;
#if defined(__SANITIZE_ADDRESS__)
  if (!text) scale = 8; /* as the budgets of scripts in such a build */
#endif
  return scale < 1 ? 1 : scale > 1000 ? 1000 : scale;
#else
  return 1;
#endif
}

static void hello_text(const peri_worker *w, peri_buf *out) {
  char seed[24];
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)w->config.hash_seed);
  peri_jw j;
  peri_jw_init(&j, out);
  peri_jw_object(&j);
  peri_jw_kv_int(&j, "wire", PERI_WIRE_VERSION);
  peri_jw_key_c(&j, "limits");
  peri_jw_object(&j);
  peri_jw_kv_int(&j, "callMs", w->config.call_ms);
  peri_jw_kv_int(&j, "loadMs", w->config.load_ms);
  peri_jw_kv_int(&j, "vmBytes", (int64_t)w->config.vm_bytes);
  peri_jw_end_object(&j);
  peri_jw_kv_c(&j, "hashSeed", seed);
  peri_jw_kv_int(&j, "timeScale", w->scale);
  peri_jw_end_object(&j);
}

static peri_code greet(peri_worker *w, peri_err *e) {
  peri_buf hello = {0};
  hello_text(w, &hello);
  peri_code c = peri_worker_send(w, PERI_K_HELLO, 0, peri_buf_view(&hello), e);
  peri_buf_fini(&hello);
  return c;
}

static bool shake_hands(peri_worker *w, peri_err *e) {
  peri_frame f;
  if (greet(w, e) == PERI_OK && wait_frame(w, &f, peri_mono_ms() + (int64_t)HANDSHAKE_MS * w->scale)) return true;
  if (!w->dead) w->wrong = "it did not say READY";
  bury(w);
  peri_fail(e, PERI_WORKER_LOST, "a worker could not be started: %s", w->death.text);
  return false;
}

peri_worker *peri_worker_start(const peri_worker_config *config, peri_err *e) {
  peri_worker *w = peri_alloc(sizeof *w);
  w->config = *config;
  if (!w->config.call_ms) w->config.call_ms = config->emulator ? PERI_EMULATOR_CALL_MS : PERI_CALL_MS;
  if (!w->config.load_ms) w->config.load_ms = PERI_LOAD_MS;
  if (!w->config.vm_bytes) w->config.vm_bytes = config->emulator ? PERI_EMULATOR_VM_BYTES : PERI_VM_BYTES;
  w->scale = time_scale();
  int fd;
  w->slow = config->slow;
  if (peri_spawn(w->config.vm_bytes, config->loop ? (config->slow ? PERI_RANK_IDLE : PERI_RANK_BEHIND) : PERI_RANK_SAME, &w->process, &fd, e)) {
    free(w);
    return NULL;
  }
  w->link = peri_link_new(fd, PERI_FRAME_TO_CORE_MAX, false);
  w->cpu_most_ms = PERI_FRAME_CPU_MS;
  crossed(w);
  if (config->loop) {
    greet(w, NULL); /* whether it could be started is told on the loop */
    watch_begin(w);
    return w;
  }
  if (!shake_hands(w, e)) {
    free_worker(w);
    return NULL;
  }
  return w;
}

void peri_worker_close(peri_worker *w) {
  if (!w || w->closing) return;
  w->told = true;
  if (!w->dead) {
    bool idle = !works(w) && !peri_link_wants_write(w->link);
    if (idle) peri_link_send(w->link, PERI_K_CLOSE, 0, 0, (peri_str){"", 0}, NULL);
    w->dead = true;
    unwatch(w);
    if (!reap_later(w, !idle)) peri_spawn_end(&w->process, !idle, &w->death);
  }
  w->closing = true;
  if (w->handles_open == 0 && !w->in_callback) free_worker(w);
}

/* ---- speaking ---- */

peri_code peri_worker_send(peri_worker *w, peri_kind kind, uint64_t job, peri_str payload, peri_err *e) {
  if (w->ending) return PERI_OK; /* its death is told when it is known */
  if (w->dead) return death_code(w, e);
  sent(w, kind, payload);
  peri_err lost = {0};
  peri_code c = peri_link_send(w->link, kind, 0, job, payload, &lost);
  if (c == PERI_WORKER_LOST) c = PERI_OK; /* it died meanwhile: what it said before, and its death, are read as usual */
  if (c) {
    if (e) *e = lost;
    return c;
  }
  poll_for(w);
  watch_on(w);
  return PERI_OK;
}

peri_code peri_worker_failed(const peri_frame *f, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *m = peri_json_parse(a, f->payload, &fault);
  peri_str name = peri_json_get_text(m, "code"), text = peri_json_get_text(m, "text"), file = peri_json_get_text(m, "file");
  peri_code c = peri_code_named(name.p ? name.p : "", name.n);
  if (c == PERI_CODE_COUNT || c == PERI_OK) c = PERI_INTERNAL;
  if (file.n)
    peri_fail(e, c, "%.*s:%lld: %.*s", PERI_S(file), (long long)peri_json_get_int(m, "line", 0), PERI_S(text));
  else
    peri_fail(e, c, "%.*s", PERI_S(text));
  peri_arena_free(a);
  return c;
}

peri_code peri_worker_talk(peri_worker *w, peri_kind kind, peri_str payload, peri_kind until, bool (*each)(void *self, const peri_frame *f),
                           void *self, peri_err *e) {
  peri_code c = peri_worker_send(w, kind, 0, payload, e);
  if (c) return c;
  peri_frame f;
  while (wait_frame(w, &f, 0)) {
    if (each && !each(self, &f)) return peri_fail(e, PERI_INTERRUPTED, "stopped");
    if (f.kind == PERI_K_FAIL) return peri_worker_failed(&f, e);
    if (f.kind == until && !(f.flags & PERI_F_MORE)) return PERI_OK;
  }
  return death_code(w, e);
}

typedef struct joined {
  peri_kind kind;
  peri_buf *out;
} joined;

static bool join(void *self, const peri_frame *f) {
  joined *j = self;
  if (f->kind == j->kind) peri_buf_str(j->out, f->payload);
  return true;
}

peri_code peri_worker_ask(peri_worker *w, peri_kind kind, peri_str payload, peri_kind answer, peri_buf *out, peri_err *e) {
  joined j = {answer, out};
  peri_buf_clear(out);
  if (!out->max) out->max = 4ull * PERI_FRAME_TO_WORKER_MAX; /* trees and plans of all files stay far below */
  peri_code c = peri_worker_talk(w, kind, payload, answer, join, &j, e);
  if (c == PERI_OK && out->over) return peri_fail(e, PERI_WORKER_LOST, "the worker's answer is larger than %zu bytes", out->max);
  return c;
}
