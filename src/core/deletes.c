/* core/deletes: how much may vanish from a stream without a question, and what becomes of a yes. The rows that are meant are kept by the store; nothing
 * is read from the API for it. Refuses an answer to a question that is not the current one. */
#include <stdlib.h>

#include "core/run.h"
#include "store/question.h"

int64_t peri_run_delete_share(const peri_run *r, const peri_stream *s) {
  peri_str name = peri_arena_fmt(r->arena, "deletes.%.*s", PERI_S(s->name));
  int64_t share = peri_json_get_int(r->in->settings, name.p, PERI_DELETE_SHARE_MAX_PERCENT);
  return share < 0 ? 0 : share > 100 ? 100 : share;
}

/* Streams that --entity names, by stream or by mapping; none: all. */
peri_code peri_run_deletes_asked(peri_run *r, peri_err *e) {
  const peri_sync_options *o = r->options;
  if (!o->accept_deletes.n) return PERI_OK;
  peri_str *streams = peri_arena_take(r->arena, (r->stream_count + 1) * sizeof *streams);
  size_t count = 0;
  for (size_t i = 0; o->entity_count && i < r->stream_count; i++) streams[count++] = r->streams[i]->name;
  return peri_question_find(r->store, r->arena, r->in->id, o->accept_deletes, streams, count, &r->accepted, &r->accepted_count, e);
}

typedef struct accept_job {
  peri_run *r;
  void (*done)(peri_run *r);
  int64_t *deleted;
  peri_err err;
} accept_job;

static void accept_work(void *self) {
  accept_job *j = self;
  for (size_t i = 0; i < j->r->accepted_count && !j->err.code; i++)
    peri_question_accept(j->r->store, j->r->seq, j->r->accepted[i].seq, &j->deleted[i], &j->err);
}

static void accept_done(void *self) {
  accept_job j = *(accept_job *)self;
  free(self);
  for (size_t i = 0; i < j.r->accepted_count; i++) {
    peri_counters n = {.deleted = j.deleted[i], .processed = j.deleted[i]};
    peri_run_count(j.r, j.r->accepted[i].stream, &n);
  }
  if (j.err.code) peri_run_fail(j.r, &j.err);
  j.done(j.r);
}

void peri_run_deletes_accept(peri_run *r, void (*done)(peri_run *r)) {
  if (!r->accepted_count) {
    done(r);
    return;
  }
  r->phase = "deletions";
  accept_job *j = peri_alloc(sizeof *j);
  j->r = r;
  j->done = done;
  j->deleted = peri_arena_take(r->arena, r->accepted_count * sizeof *j->deleted);
  peri_engine_post(r->g, accept_work, accept_done, j);
}
