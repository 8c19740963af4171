/* core/stream_work: the stream in hand, shared by stream.c (described streams), each.c (once per record of another) and pull.c (a script's own loop). */
#ifndef PERI_CORE_STREAM_WORK_H
#define PERI_CORE_STREAM_WORK_H

#include "core/feed.h"
#include "core/place.h"

#define PERI_MAPPINGS_OF_STREAM_MAX 16

typedef struct peri_stream_work {
  peri_run *run;
  const peri_stream *s;
  peri_arena *arena;
  const peri_mapping_info *mappings[PERI_MAPPINGS_OF_STREAM_MAX];
  size_t mapping_count;
  peri_cursor cursor;   /* as stored */
  peri_place place;
  peri_feed *feed;
  int smaller;          /* how often the window was halved */
  int64_t ahead_ms; /* the run's, when the phase in hand began */
  int anew;             /* the place where an earlier run stopped led nowhere: 1 this phase is to begin again, 2 it did */
  int restarts;
  bool sweep_goes_on;   /* a full read that was resumed has the marks of its first part */
  bool began;           /* --full counts for the first feed only, not for windows and restarts */
  struct peri_each *each;
  struct peri_pull_work *pull;
  struct peri_backfill_work *backfill;
} peri_stream_work;

/* A feed for a request of this stream, with its views made known to the mapper. */
peri_feed *peri_stream_feed(peri_stream_work *w, const peri_request *q);
uint32_t peri_stream_view(peri_stream_work *w, const peri_request *q);
void peri_stream_entities(const peri_stream_work *w, peri_str *names, size_t *count);
void peri_stream_done(peri_stream_work *w, const char *state);            /* on to the next stream */
void peri_stream_failed(peri_stream_work *w, const peri_err *e);          /* the run ends, unless the failure concerns this stream alone */
void peri_stream_feed_ended(peri_stream_work *w, peri_feed *f, peri_feed_end how); /* the common ends: stopped, missing, failed */

void peri_each_begin(peri_stream_work *w);
void peri_each_free(struct peri_each *e);
void peri_pull_begin(peri_stream_work *w);
void peri_pull_work_free(struct peri_pull_work *p);

#endif
