/* core/talk: see the header. Believes no answer larger than all scripts could make it. */
#include "core/talk.h"

#include <stdlib.h>

#include "base/limits.h"

struct peri_talk {
  peri_worker *worker;
  peri_kind answer;
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

static void on_death(void *self, peri_worker *w, const peri_death *d) {
  peri_talk *t = self;
  peri_fail(&t->lost, d->code, "%s", d->text);
  t->worker = NULL;
  peri_worker_close(w);
  tell(t, &t->lost);
}

static void on_later(uv_timer_t *timer) {
  peri_talk *t = timer->data;
  tell(t, &t->lost);
}

peri_talk *peri_talk_new(uv_loop_t *loop, uint64_t hash_seed, peri_err *e) {
  peri_talk *t = peri_alloc(sizeof *t);
  peri_worker_config config = {.loop = loop, .self = t, .on_frame = on_frame, .on_death = on_death, .hash_seed = hash_seed};
  t->worker = peri_worker_start(&config, e);
  if (!t->worker) {
    free(t);
    return NULL;
  }
  uv_timer_init(loop, &t->later);
  t->later.data = t;
  return t;
}

void peri_talk_ask(peri_talk *t, peri_kind kind, peri_str payload, peri_kind answer, void (*done)(void *self, peri_str text, const peri_err *e), void *self) {
  t->answer = answer;
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
  uv_close((uv_handle_t *)&t->later, on_closed);
}
