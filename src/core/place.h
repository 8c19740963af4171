/* core/place: where a stream has got to. Pure arithmetic on cursors: what to ask since, what to keep after a page, what a finished phase means.
 * No I/O and no clock; the tests go through every case. */
#ifndef PERI_CORE_PLACE_H
#define PERI_CORE_PLACE_H

#include "core/connector.h"
#include "store/store.h"

typedef enum peri_phase { PERI_PHASE_FULL, PERI_PHASE_CHANGES } peri_phase;

typedef struct peri_place {
  peri_phase phase;
  const peri_request *request;   /* full or changes */
  bool resumed;                  /* in the middle of a phase that another run began */
  bool first;                    /* nothing was ever read to its end */
  bool sweep_waits;              /* the full read is through, what it did not show has not been looked for: a kill came between */
  bool incremental;              /* the request is asked with `since`: it proves nothing about what it does not bring */
  int64_t since, upto;           /* INT64_MIN: absent */
  peri_str since_verbatim;
  bool more_windows;             /* another slice follows this one */
  peri_page_state page;          /* where to go on inside the phase */
  int64_t phase_started_ms;      /* of the phase that is resumed; -1: now */
  int64_t seen_max;
} peri_place;

/* shape: "HASH:HASH" of what decides positions and of what decides paging. */
peri_str peri_place_shape(peri_arena *a, const peri_stream *s);
/* From the stored cursor (texts borrowed) to what this run does. full: --full, or a sweep that is due. now_ms: our clock. */
void peri_place_begin(peri_arena *a, const peri_stream *s, const peri_cursor *stored, bool full, int64_t now_ms, peri_place *out);
/* The page that a stored position names. */
void peri_place_page_read(peri_arena *a, const peri_json *position, peri_page_state *page);
/* Another slice follows, unless our clock is ahead: a slice that begins in the future would step over what changes until then. */
bool peri_place_goes_on(const peri_place *p, int64_t date_ms, int64_t now_ms);
/* date_ms: the server's Date, -1 none; now_ms: our clock when the run began.
 * The cursor to commit with a page that is not the last. state: the next page; anchor: for "again", the stamp it goes on from. false: leave the stored one. */
bool peri_place_page(peri_arena *a, const peri_stream *s, const peri_cursor *stored, const peri_place *p, const peri_page_state *next, int64_t anchor, peri_str since_value,
                     int64_t seen_max, int64_t date_ms, int64_t now_ms, peri_cursor *out);
/* The cursor to commit with the last page of a phase (or window). sweep: deletions are looked for next; the phase is `sweep` until that has been
 * committed, so that a kill in between costs no deletion. */
void peri_place_end(peri_arena *a, const peri_stream *s, const peri_cursor *stored, const peri_place *p, bool sweep, peri_str since_value, int64_t seen_max, int64_t date_ms,
                    int64_t now_ms, peri_cursor *out);

#endif
