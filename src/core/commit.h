/* core/commit: a mapped page becomes part of one transaction: its rows, rejects, deletions, sweep marks, cursor and counters. */
#ifndef PERI_CORE_COMMIT_H
#define PERI_CORE_COMMIT_H

#include "core/feed.h"

/* Which records of a split page must be mapped: new, changed, or mapped by another plan. */
void peri_commit_bitmap(peri_feed *f, peri_page *p, peri_buf *bitmap);
/* Writes on the writer thread (nothing in a dry run), counts, then done on the loop. keys_only: the page only told keys, nothing is written.
 * Pages that follow each other closely share a transaction; urgent: none follows, so none is waited for. */
void peri_commit_page(peri_feed *f, peri_page *p, bool keys_only, const peri_cursor *cursor, bool urgent, void (*done)(void *page, const peri_err *e));
/* "data.orders, errors[…]": what a reply has instead of the records that were expected there. */
void peri_commit_reply_keys(const peri_page *p, peri_buf *out);

#endif
