/* core/page_retry: which records to send after a worker died over a page. Pure: no I/O, no clock, no memory of its own.
 *
 *   peri_page_retry r;  peri_page_retry_begin(&r, records);            records: how many the page has, or PERI_RECORDS_UNKNOWN
 *   while (peri_page_retry_next(&r, &first, &count))                   PAGE with this first and count (same bytes, same flags as before; without
 *     …                                                                MAP_ALL a SPLIT of that part comes first: ignore it, then MAP, same bitmap)
 *   on DONE:   keep its rows; peri_page_retry_done(&r)
 *   With an unknown number nobody is blamed, because the suspect may not exist: after a death learn it (PERI_PAGE_SPLIT_ONLY, peri_page_retry_records).
 *   blame.record is always below the number of records.
 *   on death:  forget the rows since that PAGE; start a new worker (LOAD, OPEN); peri_page_retry_death(&r, &guard, death, &blame) and act on it:
 *     PERI_RETRY_AGAIN    nobody is blamed (it was killed from outside; or the number of records is not known yet): go on with _next
 *     PERI_RETRY_REJECT   write a reject for blame.record with blame.code and blame.text, then go on with _next
 *     PERI_RETRY_STOP     the run ends `failed` with blame.code and blame.text
 *   Who is killed from outside (an operator, the kernel in need of memory) was at some record by chance: no record is ever blamed for that. So many in a
 *   row, with no part finished in between, end the run; the next one goes on there.
 *   on FAIL with "replace":true (memory): the worker still lives but is spent. Close it, then the same as a death: peri_page_retry_fail.
 *
 * The first pass is (0, all). After a death the records before the suspect are sent, the suspect is rejected, then those after it. What a worker
 * says about its suspect may be a lie: from the third death on one page records are sent one by one, and a death then blames the one that was sent. */
#ifndef PERI_CORE_PAGE_RETRY_H
#define PERI_CORE_PAGE_RETRY_H

#include "core/pool.h"

#define PERI_RECORDS_UNKNOWN UINT32_MAX
#define PERI_RETRY_ONE_BY_ONE 3   /* deaths on one page until records go singly */
#define PERI_RUN_DEATHS_MAX 20    /* deaths of one run until it ends */
#define PERI_RUN_LOST_MAX 5       /* workers in a row killed from outside until it ends */
#define PERI_RUN_TIMEOUTS_MAX 200 /* time-outs in a row until it ends: a slow script is not a week-long sync */

typedef struct peri_run_guard { /* one a run; zero it at the start */
  uint32_t deaths, timeouts_in_row;
  uint32_t lost_in_row; /* killed from outside since a part was last finished */
} peri_run_guard;

typedef struct peri_page_retry {
  uint32_t records;      /* or unknown */
  uint32_t next;         /* first record that is not settled */
  uint32_t first, end;   /* the part in work; end may be PERI_RECORDS_UNKNOWN */
  uint32_t deaths;       /* on this page */
  uint32_t blamed[PERI_RUN_DEATHS_MAX]; /* rejected: never sent again */
  uint32_t blamed_count;
  bool singly, busy, answered;
} peri_page_retry;

typedef enum peri_retry { PERI_RETRY_AGAIN, PERI_RETRY_REJECT, PERI_RETRY_STOP } peri_retry;
typedef struct peri_blame {
  uint32_t record, field; /* field: number in the plan, as the worker said; UINT32_MAX if unknown */
  peri_code code;         /* SCRIPT_CRASH, SCRIPT_TIMEOUT, SCRIPT_MEMORY; WORKER_LOST with STOP only */
  char text[400];
} peri_blame;

void peri_page_retry_begin(peri_page_retry *r, uint32_t records);
void peri_page_retry_records(peri_page_retry *r, uint32_t records); /* once a whole SPLIT told how many there are */
/* What to send next; false: every record is settled. count 0 means all from first on (as in peri_page_msg), only with an unknown number. */
bool peri_page_retry_next(peri_page_retry *r, uint32_t *first, uint32_t *count);
void peri_page_retry_done(peri_page_retry *r, peri_run_guard *g);
peri_retry peri_page_retry_death(peri_page_retry *r, peri_run_guard *g, const peri_death *death, peri_blame *blame);
/* A FAIL with "replace": record and code as it says. */
peri_retry peri_page_retry_fail(peri_page_retry *r, peri_run_guard *g, uint32_t record, peri_code code, peri_str text, peri_blame *blame);
/* Tell the guard each mapped record: true while the run may go on, false after PERI_RUN_TIMEOUTS_MAX time-outs in a row. */
bool peri_run_guard_record(peri_run_guard *g, bool timed_out);

#endif
