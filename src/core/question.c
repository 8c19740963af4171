/* core/question: see the header. One page after another, each asked from the answer to the one before. */
#include "core/question.h"

#include <stdlib.h>
#include <string.h>

typedef struct question {
  peri_run *run;
  const peri_request *q;
  peri_arena *a;
  peri_page_state state;
  peri_fill fill;
  peri_each_reply *each;
  void (*done)(void *self, const peri_err *e);
  void *self;
  peri_err err;
  bool more;
} question;

static const peri_json *items_of(const question *x, const peri_json *body) {
  peri_str path = x->q->records;
  if (peri_str_is(path, "[]") || !path.n) return body;
  if (peri_str_ends(path, PERI_STR("[]"))) path.n -= 2;
  return peri_json_at(body, path);
}

static const peri_json *page_values(question *x, const peri_json *body) {
  peri_buf list = {0}, values = {0};
  peri_jw lw, vw;
  peri_json_fault fault;
  peri_jw_init(&lw, &list);
  peri_jw_array(&lw);
  peri_request_page_paths(x->q, &lw);
  peri_jw_end_array(&lw);
  const peri_json *paths = peri_json_parse(x->a, peri_buf_view(&list), &fault);
  peri_jw_init(&vw, &values);
  peri_jw_object(&vw);
  for (const peri_json *p = paths ? paths->first : NULL; p; p = p->next) {
    const peri_json *v = peri_json_at(body, p->text);
    if (v) peri_jw_key(&vw, p->text), peri_jw_raw(&vw, v->raw);
  }
  peri_jw_end_object(&vw);
  const peri_json *out = peri_json_parse(x->a, peri_buf_view(&values), &fault);
  peri_buf_fini(&list);
  peri_buf_fini(&values);
  return out;
}

static void read_answer(question *x, peri_ask *k) {
  x->more = false;
  if (k->err.code) {
    x->err = k->err;
    return;
  }
  if (k->action.act == PERI_ACT_MISSING || k->action.act == PERI_ACT_SKIP) {
    peri_fail(&x->err, k->reply->status == 404 ? PERI_NOT_FOUND : PERI_SCOPE_MISSING, "%s %.*s answered %d \"%.*s\"%s%.*s", k->out.method, PERI_S(k->out.url), k->reply->status,
              PERI_S(k->action.reason), k->action.say.n ? ": " : "", PERI_S(k->action.say));
    return;
  }
  peri_json_fault fault;
  char where[200];
  const peri_json *body = peri_json_parse(x->a, k->reply->body, &fault);
  if (!body) {
    peri_json_fault_text(&fault, k->reply->body, where, sizeof where);
    peri_fail(&x->err, PERI_BAD_REPLY, "%s %.*s answered no JSON: %s", k->out.method, PERI_S(k->out.url), where);
    return;
  }
  const peri_json *items = items_of(x, body);
  if (!items) {
    peri_fail(&x->err, PERI_BAD_REPLY, "%s %.*s: the reply has no '%.*s'", k->out.method, PERI_S(k->out.url), PERI_S(x->q->records));
    return;
  }
  if (x->each(x->self, body, items, &x->err)) return;
  peri_page_next next = PERI_PAGE_LAST;
  if (x->q->pages != PERI_PAGES_NONE && x->q->pages != PERI_PAGES_AGAIN &&
      peri_page_step(x->a, x->q, page_values(x, body), NULL, k->reply, items->count, x->run->base, &x->state, &next, &x->err))
    return;
  x->more = next == PERI_PAGE_NEXT;
}

static void on_answer(peri_ask *k) {
  question *x = k->self;
  read_answer(x, k);
  if (x->more && !x->err.code) {
    peri_ask_start(x->run, x->q, &x->fill, on_answer, x);
    return;
  }
  x->done(x->self, &x->err);
  free(x);
}

void peri_question_start(peri_run *r, const peri_stream *s, const peri_request *q, peri_arena *a, peri_each_reply *each,
                         void (*done)(void *self, const peri_err *e), void *self) {
  question *x = peri_alloc(sizeof *x);
  *x = (question){.run = r, .q = q, .a = a, .each = each, .done = done, .self = self};
  peri_run_fill(r, s, &x->fill);
  x->fill.page = &x->state;
  peri_ask_start(r, q, &x->fill, on_answer, x);
}

typedef struct awaited {
  peri_each_reply *each;
  void *self;
  peri_err err;
  bool done;
} awaited;

static peri_code pass_on(void *self, const peri_json *reply, const peri_json *items, peri_err *e) {
  awaited *w = self;
  return w->each(w->self, reply, items, e);
}

static void on_done(void *self, const peri_err *e) {
  awaited *w = self;
  w->err = *e;
  w->done = true;
}

peri_code peri_question(peri_run *r, const peri_stream *s, const peri_request *q, peri_arena *a, peri_each_reply *each, void *self, peri_err *e) {
  awaited w = {.each = each, .self = self};
  peri_question_start(r, s, q, a, pass_on, on_done, &w);
  peri_engine_wait(r->g, &w.done);
  if (w.err.code && e) *e = w.err;
  return w.err.code;
}
