/* core/mapper: the run's worker: pages in, rows out. When the worker dies over a record it starts another one and goes on around that record
 * (core/page_retry), so that a bad script costs one record. Believes nothing: offsets, indexes and JSON are checked before they are passed on. */
#ifndef PERI_CORE_MAPPER_H
#define PERI_CORE_MAPPER_H

#include "core/run.h"

typedef struct peri_mapper peri_mapper;

typedef struct peri_page peri_page;
struct peri_page {
  uint32_t number, view;
  bool map_all;              /* no question asked after SPLIT */
  bool split_only;           /* only keys and stamps are wanted: on_mapped follows on_split, without rows */
  bool traced;               /* PERI_PAGE_TRACE: one record, whose mapping is told in `trace` */
  peri_buf trace;            /* owned; what the worker said, unchecked */
  bool packed;               /* PERI_PAGE_RECORDS: records from the store */
  peri_buf body;             /* owned */
  peri_str headers_json, parent_json; /* in the page's arena */
  peri_origin origin;        /* the request that brought it; in the page's arena */
  peri_arena *arena;         /* everything below lives here */
  peri_split_record *records; size_t count, cap;
  size_t taken;              /* the feed's: how many of them are committed (--limit) */
  bool records_found;
  peri_str page_values, pairs;
  uint8_t *dropped;          /* the feed's: records that are the end of the page before, read again */
  peri_row_msg *rows; size_t row_count, row_cap;
  void (*on_split)(peri_page *p);  /* all records are known; without map_all: call peri_mapper_map */
  void (*on_mapped)(peri_page *p); /* all rows are there */
  void (*on_failed)(peri_page *p, const peri_err *e); /* this page can't be used, or the run must end */
  const peri_mapping_info *blame; /* the mapping named in the reject of a record that a worker died of; NULL: a stream without one */
  void *self;
  /* private */
  peri_page_retry retry;
  peri_str bitmap;
  size_t rows_kept;          /* rows of parts that are done */
  bool split_done, part_split, asked_map, probing;
};

peri_mapper *peri_mapper_new(peri_run *r);
void peri_mapper_free(peri_mapper *m);
/* Makes a view known (the text of an OPEN message, with the number that peri_mapper_next_view gave); opened before the first page that uses it. */
uint32_t peri_mapper_next_view(peri_mapper *m);
void peri_mapper_view(peri_mapper *m, peri_buf *open_json); /* takes the bytes */

peri_page *peri_page_new(void);
/* Notes what was asked: no credential, known secrets blotted out, long values cut. */
void peri_page_origin(peri_page *p, const char *method, peri_str url, int64_t at_ms);
void peri_page_free(peri_page *p);
peri_str peri_page_raw(const peri_page *p, size_t record); /* bytes of a record in the page */
/* Take a SPLIT or ROWS frame into a page; false: it describes what is not there. */
bool peri_page_take_split(peri_page *p, const peri_frame *f);
bool peri_page_take_rows(peri_page *p, const peri_frame *f);
/* One page at a time; the next one may come when on_split (map_all) was answered or peri_mapper_map was called: it is queued. */
void peri_mapper_page(peri_mapper *m, peri_page *p);
void peri_mapper_map(peri_mapper *m, peri_page *p, peri_str bitmap); /* copied into the page's arena */
size_t peri_mapper_pages(const peri_mapper *m); /* in work or queued */

#endif
