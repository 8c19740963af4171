/* core/talk: see the header. Believes no answer larger than all scripts could make it. Who is killed from outside in the middle of a question is replaced,
 * told the scripts again and asked again; a few times. */
#include "core/talk.h"

#include <signal.h>
#include <stdlib.h>

#include "base/limits.h"

#define LOST_MAX 5

struct peri_talk {
  peri_worker *worker;
  uv_loop_t *loop; uint64_t hash_seed;
  peri_kind kind, answer;
  peri_buf load, asked; /* the scripts; the question in hand, if that is another */
  int losses;
  peri_buf text;
  void (*done)(void *self, peri_str text, const peri_err *e); /* NULL: nothing is asked */
  void *self;
  peri_err lost;    /* why the worker is gone */
  uv_timer_t later; /* tells a failure that is known at once */
};

static void tell(peri_talk *t, const peri_err *failed) {
  void (*done)(void *, peri_str, const peri_err *) = t->done;
  if (!done) return;
  peri_err e = *failed;
  peri_buf text = t->text; /* done may ask the next question, or close */
  t->text = (peri_buf){0};
  t->done = NULL;
  done(t->self, peri_buf_view(&text), &e);
  peri_buf_fini(&text);
}

static void on_frame(void *self, peri_worker *w, const peri_frame *f) {
  (void)w;
  peri_talk *t = self;
  peri_err e = {0};
  if (!t->done) return;
  if (f->kind == t->answer) peri_buf_str(&t->text, f->payload);
  if (f->kind == PERI_K_FAIL) peri_worker_failed(f, &e);
  else if (f->kind != t->answer || (f->flags & PERI_F_MORE)) return;
  else if (t->text.over) peri_fail(&e, PERI_WORKER_LOST, "the worker's answer is larger than %zu bytes", t->text.max);
  tell(t, &e);
}

static void on_death(void *self, peri_worker *w, const peri_death *d);

static bool begin(peri_talk *t, peri_err *e) {
  peri_worker_config config = {.loop = t->loop, .self = t, .on_frame = on_frame, .on_death = on_death, .hash_seed = t->hash_seed};
  t->worker = peri_worker_start(&config, e);
  return t->worker != NULL;
}

/* A question has no effects: it may be asked twice. */
static bool ask_another(peri_talk *t) {
  if (!t->done || ++t->losses > LOST_MAX || !begin(t, &t->lost)) return false;
  peri_buf_clear(&t->text);
  if (t->load.n && peri_worker_send(t->worker, PERI_K_LOAD, 0, peri_buf_view(&t->load), &t->lost)) return false;
  return t->kind == PERI_K_LOAD || peri_worker_send(t->worker, t->kind, 0, peri_buf_view(&t->asked), &t->lost) == PERI_OK;
}

static void on_death(void *self, peri_worker *w, const peri_death *d) {
  peri_talk *t = self;
  peri_fail(&t->lost, d->code, "%s", d->text);
  t->worker = NULL;
  peri_worker_close(w);
  if (d->code == PERI_WORKER_LOST && d->signal == SIGKILL && ask_another(t)) t->lost = (peri_err){0};
  else tell(t, &t->lost);
}

static void on_later(uv_timer_t *timer) {
  peri_talk *t = timer->data;
  tell(t, &t->lost);
}

peri_talk *peri_talk_new(uv_loop_t *loop, uint64_t hash_seed, peri_err *e) {
  peri_talk *t = peri_alloc(sizeof *t);
  t->loop = loop;
  t->hash_seed = hash_seed;
  if (!begin(t, e)) {
    free(t);
    return NULL;
  }
  uv_timer_init(loop, &t->later);
  t->later.data = t;
  return t;
}

void peri_talk_ask(peri_talk *t, peri_kind kind, peri_str payload, peri_kind answer, void (*done)(void *self, peri_str text, const peri_err *e), void *self) {
  t->kind = kind;
  t->answer = answer;
  peri_buf *kept = kind == PERI_K_LOAD ? &t->load : &t->asked;
  peri_buf_clear(kept);
  peri_buf_str(kept, payload);
  t->done = done;
  t->self = self;
  t->text.max = 4ull * PERI_FRAME_TO_WORKER_MAX; /* trees and plans of all files stay far below */
  if (t->worker && peri_worker_send(t->worker, kind, 0, payload, &t->lost) == PERI_OK) return;
  if (!t->lost.code) peri_fail(&t->lost, PERI_WORKER_LOST, "the worker is gone");
  uv_timer_start(&t->later, on_later, 0, 0);
}

static void on_closed(uv_handle_t *h) { free(h->data); }

void peri_talk_close(peri_talk *t) {
  if (!t) return;
  peri_worker_close(t->worker);
  t->worker = NULL;
  t->done = NULL;
  peri_buf_fini(&t->text);
  peri_buf_fini(&t->load);
  peri_buf_fini(&t->asked);
  uv_close((uv_handle_t *)&t->later, on_closed);
}
