/* core/feed: the pages of one request, from asking to commit. Two pages are being fetched and mapped at most; those behind them wait for the
 * writer, which takes several at once.
 * What a page means for the cursor is decided by stream.c through the `cursor` hook. */
#ifndef PERI_CORE_FEED_H
#define PERI_CORE_FEED_H

#include "base/map.h"
#include "core/mapper.h"

typedef enum peri_feed_end {
  PERI_FEED_DONE,     /* read to its last page, everything committed */
  PERI_FEED_STOPPED,  /* Ctrl-C or the limit: what was read is committed */
  PERI_FEED_MISSING,  /* the API does not offer this here */
  PERI_FEED_RESTART,  /* read again from the last commit */
  PERI_FEED_SMALLER,  /* halve the window or the page */
  PERI_FEED_FAILED    /* err says why */
} peri_feed_end;

struct peri_feed {
  peri_run *run;
  const peri_stream *stream;
  const peri_request *request;
  peri_fill fill;                 /* since, upto, parents; texts live as long as the feed */
  peri_page_state state;          /* the page to ask next */
  peri_str parent_json;           /* for PAGE: what the request was made for, if it is one record */
  uint32_t view, ties_view, fetch_view;
  const peri_mapping_info **mappings; size_t mapping_count;
  peri_str cursor_kind;
  bool deletes;                   /* every record is a deletion (archived) */
  bool map_all;                   /* a first load: nothing can be known yet */
  bool sweep, sweep_anew;         /* mark what is seen; in a listing that this run began */
  bool ranged;                    /* only records whose stamp lies in the range are taken */
  int64_t range_from, range_to;
  bool keep_keys;                 /* collect keys for partition ends */
  /* Gives the cursor that is committed with a page; `last`: no page follows. Return false to leave the stored one. */
  bool (*cursor)(peri_feed *f, bool last, peri_arena *a, peri_cursor *out);
  void (*ended)(peri_feed *f, peri_feed_end how);
  void *self;
  /* what it knows */
  int64_t seen_max;               /* greatest position seen so far in this phase; INT64_MIN none */
  int64_t date_ms;                /* server's Date of the first reply; -1 none */
  peri_str since_value;           /* JSON from the request's `since` path; empty none */
  peri_str *keys; size_t key_count, key_cap; /* keep_keys */
  peri_err err;
  peri_err unwritten;             /* the writer's alone: why a page was not written, and none behind it is */
  /* private */
  peri_arena *arena;
  int64_t records_taken;          /* towards --limit */
  size_t pages_out;               /* asked and not yet committed */
  size_t pages_open;              /* of them: not yet mapped */
  size_t bytes_out;               /* of their bodies */
  bool asking, last, ended_once, waiting;
  bool skipped;                   /* the API said "no records here": that proves no deletion */
  peri_feed_end how;
  int empty_pages, copied_pages;
  bool refused;                   /* the API said no to the last request, or knew nothing of it */
  bool unreadable;                /* a record came whose key could not be read: it may be any of those that did not come */
  peri_map places, pages;         /* where the pager has been, and what the pages held: both as hashes */
  /* "again" */
  int64_t edge; peri_map edge_keys; peri_arena *edge_arena;
  bool in_ties; int64_t tie_stamp; peri_str tie_record;
  /* keys first, records by fetch */
  peri_str *wanted_keys; size_t wanted_count, wanted_next, wanted_cap;
  bool wanted_last;
};

peri_feed *peri_feed_new(peri_run *r, const peri_stream *s, const peri_request *q);
void peri_feed_start(peri_feed *f);
void peri_feed_free(peri_feed *f);
/* circle.c: after a page, with the pager moved on: have we been here before? Then e says so. */
bool peri_feed_goes_round(peri_feed *f, const peri_page *p, peri_err *e);

#endif
