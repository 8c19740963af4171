/* core/backfill: records of a range of time, or those that lack a field, read again. */
#ifndef PERI_CORE_BACKFILL_H
#define PERI_CORE_BACKFILL_H

#include "core/run.h"

typedef struct peri_backfill_work peri_backfill_work;
struct peri_stream_work;

typedef struct peri_backfill { /* hangs on peri_sync_options */
  int64_t from_ms, to_ms;                     /* stamps between them, both included */
  bool to_given;
  const peri_str *fields; size_t field_count; /* paths; any: no range */
  int64_t gap_ms;                             /* least time between two requests; 0: as fast as the limits allow */
} peri_backfill;

int64_t peri_backfill_wait(const peri_run *r, int64_t now_ms); /* how long the next request waits for --rate */
void peri_backfill_begin(struct peri_stream_work *w);
void peri_backfill_free(peri_backfill_work *x);
/* Names that were asked for (JSON: prefix -> names): is a field below one of the prefixes; are all fields among them? `now`: what is asked for now,
 * which is what "properties.*" means. */
bool peri_wanted_prefixed(peri_arena *a, peri_str set, peri_str field);
bool peri_wanted_covers(peri_arena *a, peri_str set, const peri_json *now, const peri_str *fields, size_t count);

#endif
