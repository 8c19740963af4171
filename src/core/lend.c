/* core/lend: see the header. */
#include "core/lend.h"

#include <pthread.h>
#include <stdlib.h>

struct peri_lending {
  pthread_mutex_t lock;
  pthread_cond_t turn; /* something changed: who waits looks again */
  uv_async_t ask;
  uv_check_t round;
  size_t asking, waiting;
  bool lent;
  int open;
};

static _Thread_local void *borrower; /* the owner as which this thread borrowed */

bool peri_lending_is_borrower(const peri_engine *g) { return g->lending && borrower; }

/* On the loop: stands still for each who asks, one after another. */
static void on_ask(uv_async_t *a) {
  peri_lending *l = a->data;
  pthread_mutex_lock(&l->lock);
  while (l->asking) {
    l->lent = true;
    l->asking--;
    pthread_cond_broadcast(&l->turn);
    while (l->lent) pthread_cond_wait(&l->turn, &l->lock);
  }
  pthread_mutex_unlock(&l->lock);
}

/* After each round of the loop: what is waited for may have come. */
static void on_round(uv_check_t *c) {
  peri_lending *l = c->data;
  pthread_mutex_lock(&l->lock);
  if (l->waiting) pthread_cond_broadcast(&l->turn);
  pthread_mutex_unlock(&l->lock);
}

peri_lending *peri_lending_new(uv_loop_t *loop) {
  peri_lending *l = peri_alloc(sizeof *l);
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->turn, NULL);
  uv_async_init(loop, &l->ask, on_ask);
  uv_check_init(loop, &l->round);
  l->ask.data = l->round.data = l;
  uv_check_start(&l->round, on_round);
  uv_unref((uv_handle_t *)&l->ask);
  uv_unref((uv_handle_t *)&l->round);
  l->open = 2;
  return l;
}

static void on_closed(uv_handle_t *h) {
  peri_lending *l = h->data;
  if (--l->open) return;
  pthread_cond_destroy(&l->turn);
  pthread_mutex_destroy(&l->lock);
  free(l);
}

void peri_lending_free(peri_lending *l) {
  if (!l) return;
  uv_close((uv_handle_t *)&l->ask, on_closed);
  uv_close((uv_handle_t *)&l->round, on_closed);
}

void peri_engine_borrow(peri_engine *g, void *owner) {
  peri_lending *l = g->lending;
  pthread_mutex_lock(&l->lock);
  l->asking++;
  uv_async_send(&l->ask);
  while (!l->lent || g->owner) pthread_cond_wait(&l->turn, &l->lock);
  g->owner = borrower = owner;
  pthread_mutex_unlock(&l->lock);
}

static void give_back(peri_engine *g, peri_lending *l) {
  g->owner = NULL;
  l->lent = false;
  pthread_cond_broadcast(&l->turn);
}

void peri_engine_give_back(peri_engine *g) {
  peri_lending *l = g->lending;
  pthread_mutex_lock(&l->lock);
  give_back(g, l);
  borrower = NULL;
  pthread_mutex_unlock(&l->lock);
}

void peri_lending_wait(peri_engine *g, const bool *done) {
  peri_lending *l = g->lending;
  void *owner = g->owner;
  pthread_mutex_lock(&l->lock);
  give_back(g, l);
  l->waiting++;
  while (!__atomic_load_n(done, __ATOMIC_ACQUIRE)) pthread_cond_wait(&l->turn, &l->lock);
  l->waiting--;
  pthread_mutex_unlock(&l->lock);
  peri_engine_borrow(g, owner);
}
