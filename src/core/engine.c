/* core/engine: see the header. Two threads: the loop (the caller's) and the writer. */
#include "core/engine.h"

#include "core/lend.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "core/account.h"

#define GROUP_WAIT_MS 20 /* a reply of a real API takes longer than this: whoever is that slow is not kept waiting */

typedef struct peri_task {
  struct peri_task *next;
  void (*work)(void *self);
  void (*group)(void **selves, size_t count); /* instead of work */
  bool urgent;
  void (*done)(void *self);
  void *self;
} task;

struct peri_writer {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  peri_lane *turn, *turn_last; /* lanes with something to do; the first has its turn */
  size_t waiting;              /* tasks in them */
  peri_lane common;            /* of tasks without a lane */
  task *finished, **finished_end;
  size_t pending; /* given and not yet told as done: keeps the loop alive */
  bool leave, alone; /* alone: there is no thread */
  uv_async_t async;
};

/* ---- lanes ---- */

static void queue_lane(struct peri_writer *w, peri_lane *l) {
  l->next = NULL;
  l->queued = true;
  if (w->turn) w->turn_last->next = l;
  else w->turn = l;
  w->turn_last = l;
}

static void put_task(struct peri_writer *w, peri_lane *l, task *t) {
  if (l->first) l->last->next = t;
  else l->first = t;
  l->last = t;
  w->waiting++;
  if (!l->queued) queue_lane(w, l);
}

/* The first task of the lane whose turn it is; the lane then stands last. */
static task *take_task(struct peri_writer *w) {
  peri_lane *l = w->turn;
  task *t = l->first;
  w->turn = l->next;
  l->queued = false;
  l->first = t->next;
  t->next = NULL;
  w->waiting--;
  if (l->first) queue_lane(w, l);
  return t;
}

/* Would the group of the first task grow if more came? Not when it is full, hurried, or something else stands among those that wait. */
static bool settled(const struct peri_writer *w) {
  if (w->leave || w->waiting >= PERI_GROUP_MOST) return true;
  for (const peri_lane *l = w->turn; l; l = l->next)
    for (const task *t = l->first; t; t = t->next)
      if (t->urgent || t->group != w->turn->first->group) return true;
  return false;
}

static void wait_for_group(struct peri_writer *w) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += GROUP_WAIT_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
  while (!settled(w) && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0) {}
}

/* What is done next, taken out of the lanes: one task, or one of each lane in turn that go together. */
static task *take_tasks(struct peri_writer *w, task **last, size_t *count) {
  if (w->turn->first->group) wait_for_group(w);
  task *first = *last = take_task(w);
  *count = 1;
  while (first->group && *count < PERI_GROUP_MOST && w->turn && w->turn->first->group == first->group) {
    (*last)->next = take_task(w);
    *last = (*last)->next;
    (*count)++;
  }
  return first;
}

/* Runs outside the lock; the tasks are no longer in the queue. */
static void do_tasks(task *first, size_t count) {
  if (!first->group) {
    first->work(first->self);
    return;
  }
  void *selves[PERI_GROUP_MOST];
  size_t n = 0;
  for (task *t = first; n < count; t = t->next) selves[n++] = t->self;
  first->group(selves, n);
}

static void *write_loop(void *arg) {
  struct peri_writer *w = arg;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  pthread_mutex_lock(&w->lock);
  for (;;) {
    while (!w->turn && !w->leave) pthread_cond_wait(&w->wake, &w->lock);
    if (!w->turn) break;
    task *last;
    size_t count;
    task *first = take_tasks(w, &last, &count);
    pthread_mutex_unlock(&w->lock);
    do_tasks(first, count);
    pthread_mutex_lock(&w->lock);
    *w->finished_end = first;
    w->finished_end = &last->next;
    uv_async_send(&w->async);
  }
  pthread_mutex_unlock(&w->lock);
  return NULL;
}

static void on_finished(uv_async_t *async) {
  peri_engine *g = async->data;
  struct peri_writer *w = g->writer;
  pthread_mutex_lock(&w->lock);
  task *list = w->finished;
  w->finished = NULL;
  w->finished_end = &w->finished;
  pthread_mutex_unlock(&w->lock);
  while (list) {
    task *t = list;
    list = t->next;
    if (--w->pending == 0) uv_unref((uv_handle_t *)&w->async);
    t->done(t->self);
    free(t);
  }
}

static void on_signal(uv_signal_t *s, int number) {
  (void)number;
  peri_engine *g = s->data;
  if (g->stop) _exit(130); /* a second time: now. What was committed stays, the rest is fetched again. */
  g->stop = true;
  if (g->on_stop) g->on_stop(g);
}

static void start_signal(peri_engine *g, uv_signal_t *s, int number) {
  uv_signal_init(&g->loop, s);
  s->data = g;
  uv_signal_start(s, on_signal, number);
  uv_unref((uv_handle_t *)s);
}

peri_code peri_engine_new(peri_store *store, peri_vault *vault, peri_engine **out, peri_err *e) {
  mallopt(M_ARENA_MAX, 1); /* loop and writer hand pages to each other: a second heap would only grow and shrink with each of them */
  peri_engine *g = peri_alloc(sizeof *g);
  int problem = uv_loop_init(&g->loop);
  if (problem) {
    free(g);
    return peri_fail(e, PERI_INTERNAL, "the event loop can't be made: %s", uv_strerror(problem));
  }
  g->store = store;
  g->vault = vault;
  g->runs_most = PERI_RUNS_MAX;
  g->http = peri_http_new(&g->loop, e);
  if (!g->http) {
    uv_loop_close(&g->loop);
    free(g);
    return e ? e->code : PERI_INTERNAL;
  }
  signal(SIGPIPE, SIG_IGN);
  start_signal(g, &g->sigint, SIGINT);
  start_signal(g, &g->sigterm, SIGTERM);
  struct peri_writer *w = g->writer = peri_alloc(sizeof *w);
  pthread_mutex_init(&w->lock, NULL);
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(&w->wake, &clock);
  pthread_condattr_destroy(&clock);
  w->finished_end = &w->finished;
  uv_async_init(&g->loop, &w->async, on_finished);
  w->async.data = g;
  uv_unref((uv_handle_t *)&w->async);
  problem = pthread_create(&w->thread, NULL, write_loop, w);
  if (problem) {
    w->alone = true;
    peri_engine_free(g);
    return peri_fail(e, PERI_INTERNAL, "the writing thread can't be started: %s; the machine or this user has no room for another (ulimit -u)", strerror(problem));
  }
  *out = g;
  return PERI_OK;
}

static void post(peri_engine *g, peri_lane *lane, task given) {
  struct peri_writer *w = g->writer;
  task *t = peri_alloc(sizeof *t);
  *t = given;
  if (w->pending++ == 0) uv_ref((uv_handle_t *)&w->async);
  pthread_mutex_lock(&w->lock);
  put_task(w, lane ? lane : &w->common, t);
  pthread_cond_signal(&w->wake);
  pthread_mutex_unlock(&w->lock);
}

void peri_engine_post(peri_engine *g, void (*work)(void *self), void (*done)(void *self), void *self) {
  post(g, NULL, (task){.work = work, .done = done, .self = self});
}

void peri_engine_post_group(peri_engine *g, peri_lane *lane, void (*work)(void **selves, size_t count), void (*done)(void *self), void *self, bool urgent) {
  post(g, lane, (task){.group = work, .urgent = urgent, .done = done, .self = self});
}

void peri_engine_run(peri_engine *g) { uv_run(&g->loop, UV_RUN_DEFAULT); }

void peri_engine_wait(peri_engine *g, const bool *done) {
  if (peri_lending_is_borrower(g)) {
    peri_lending_wait(g, done);
    return;
  }
  while (!*done && uv_run(&g->loop, UV_RUN_ONCE)) {}
}

void peri_engine_free(peri_engine *g) {
  if (!g) return;
  struct peri_writer *w = g->writer;
  peri_accounts_flush(g);
  pthread_mutex_lock(&w->lock);
  w->leave = true;
  pthread_cond_signal(&w->wake);
  pthread_mutex_unlock(&w->lock);
  if (!w->alone) pthread_join(w->thread, NULL);
  on_finished(&w->async);
  peri_accounts_free(g);
  peri_http_free(g->http);
  uv_close((uv_handle_t *)&g->sigint, NULL);
  uv_close((uv_handle_t *)&g->sigterm, NULL);
  uv_close((uv_handle_t *)&w->async, NULL);
  uv_run(&g->loop, UV_RUN_DEFAULT);
  uv_loop_close(&g->loop);
  pthread_mutex_destroy(&w->lock);
  pthread_cond_destroy(&w->wake);
  free(w);
  free(g);
}
