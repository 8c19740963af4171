/* core/rate_inside: what rate.c and rate_reply.c share: limits, their windows in slices, classes. */
#ifndef PERI_CORE_RATE_INSIDE_H
#define PERI_CORE_RATE_INSIDE_H

#include <string.h>

#include "core/rate.h"

#define SLICES 128

typedef struct limit {
  int64_t size;      /* per window; corrected by replies */
  int64_t declared;  /* the same, as written */
  int64_t window_ms; /* as declared */
  int64_t span_ms;   /* window with its slack */
  int64_t burst;     /* 0: the whole window may go at once */
  peri_str left, total, reset, used, pattern;
  int64_t slice[SLICES];
  int64_t at;         /* number of the newest slice: time / slice length */
  int64_t next_ms;    /* with burst: when the next one is due on an even spread (a GCRA's theoretical time) */
  int64_t until_ms;   /* the server said: nothing before this */
  int64_t flying;     /* sent, and not yet answered */
  int64_t allotted, allotted_until_ms; /* covered by the saved state and not spent yet */
  int64_t pending;    /* will be allotted once the save under way is on disk */
} limit;

typedef struct class {
  peri_str name; /* "search", or "repo@12" for one budget of `per` */
  limit *limits;
  size_t count;
  int64_t pause_ms, touched_ms;
  int64_t wanted; /* the dearest request that waits for a save; with unsaved */
  bool unsaved;   /* its allotment is used up, or soon will be */
} class;

struct peri_rate {
  peri_arena *a;
  class *classes;
  size_t count, cap, declared;
  int64_t now_ms;
  int64_t rtt_ms;    /* the quickest answer of late; -1 none yet */
  int64_t save_ms;   /* when the save under way was taken */
  bool kept;         /* spend from allotments only */
};

/* ---- the window ---- */

static inline int64_t slice_ms(const limit *l) { return (l->span_ms + SLICES - 2) / (SLICES - 1); }

static inline void move_to(limit *l, int64_t now_ms) {
  int64_t at = now_ms / slice_ms(l);
  if (at <= l->at) return;
  if (at - l->at >= SLICES) memset(l->slice, 0, sizeof l->slice);
  else
    for (int64_t i = l->at + 1; i <= at; i++) l->slice[i % SLICES] = 0;
  l->at = at;
}

/* The slices that a window may touch: the newest is not whole yet, so one more than fit. At most SLICES. */
static inline int64_t live_slices(const limit *l) { return (l->span_ms + slice_ms(l) - 1) / slice_ms(l) + 1; }

static inline int64_t spent(const limit *l) {
  int64_t sum = l->flying, n = live_slices(l);
  for (int64_t i = 0; i < n && l->at - i >= 0; i++) sum += l->slice[(l->at - i) % SLICES];
  return sum;
}

static inline int64_t forward(peri_rate *r, int64_t now_ms) {
  if (now_ms > r->now_ms) r->now_ms = now_ms;
  return r->now_ms;
}

/* rate.c: a class nobody declared spends from "default"'s limits; "name@key" is one budget of `per`, made when first named. */
class *peri_rate_class(peri_rate *r, peri_str name);

#endif
