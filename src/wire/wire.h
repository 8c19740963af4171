/* wire/wire: every message between the core and a worker, and the link that carries them.
 *
 * Frame: u32 payload bytes, u16 kind, u16 flags, u64 job, little endian; then the payload. Control messages are JSON texts; the hot ones
 * (PAGE SPLIT MAP ROWS) are packed. The core treats every frame as hostile: decoding checks all lengths and ranges and never reads past the end. */
#ifndef PERI_WIRE_WIRE_H
#define PERI_WIRE_WIRE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define PERI_WIRE_VERSION 1

typedef enum peri_kind {
  PERI_K_HELLO = 1, /* to worker, JSON {"wire","limits":{"callMs","loadMs","vmBytes"},"hashSeed":"decimal","timeScale"} */
  PERI_K_READY,     /* to core,   JSON {"wire","layers":{"seccomp":true,"landlock":7,"rlimits":true,…},"build":"release|debug|asan"} */
  PERI_K_LOAD,      /* to worker, packed peri_load */
  PERI_K_LOADED,    /* to core,   JSON, see below; may come in several frames, flag PERI_F_MORE on all but the last: payloads are joined */
  PERI_K_OPEN,      /* to worker, JSON: a view = how the pages of one request are read and mapped */
  PERI_K_OPENED,    /* to core,   JSON {"view","ok","message","line","context":[paths]} */
  PERI_K_PAGE,      /* to worker, packed peri_page_msg */
  PERI_K_SPLIT,     /* to core,   packed; PERI_F_MORE as above but each frame decodes by itself */
  PERI_K_MAP,       /* to worker, packed peri_map_msg */
  PERI_K_ROWS,      /* to core,   packed; several frames, PERI_F_MORE on all but the last */
  PERI_K_DONE,      /* to core,   JSON {"page","records","calls","cpuUs","peakBytes"}; ends a pull with "pull":true */
  PERI_K_REQUEST,   /* to core,   JSON {"id","request":tree} (pull) */
  PERI_K_REPLY,     /* to worker, packed: u32 id, u32 status, headers JSON, body */
  PERI_K_EMIT,      /* to core,   JSON {"id","path"}: a PAGE follows from the core's copy of that reply */
  PERI_K_MARK,      /* to core,   JSON {"position"} */
  PERI_K_PULL,      /* to worker, JSON {"stream","since","settings"}: starts the coroutine; ends with DONE or FAIL */
  PERI_K_MAKE,      /* to worker, JSON {"connector","more":index,"item":{…},"parent":{…}} */
  PERI_K_MADE,      /* to core,   JSON {"ok","tree"|"message","line"} */
  PERI_K_SERVE,     /* to worker, packed peri_serve (emulator) */
  PERI_K_ANSWER,    /* to core,   packed peri_answer */
  PERI_K_LOG,       /* to core,   JSON {"level","text"} */
  PERI_K_FAIL,      /* to core,   JSON {"code","text","file","line"} and, for a page, "page","record","replace":true|false */
  PERI_K_CLOSE,     /* to worker, empty: leave */
  PERI_K_PROBE,     /* to worker, JSON {"syscall"}: doctor and tests ask the worker to try a forbidden call; it dies */
  PERI_K_TRACE,     /* to core,   JSON: the way of a record's values (plan/plan.h), where PERI_PAGE_TRACE asked for it; portions are joined */
  PERI_KIND_COUNT
} peri_kind;

#define PERI_F_MORE 1u /* another frame of the same message follows */

/* What answers what (the answer carries the job of the question):
 *   LOAD -> LOADED*           OPEN -> OPENED         MAKE -> MADE*          SERVE -> ANSWER
 *   PAGE -> SPLIT*            and with PERI_PAGE_MAP_ALL -> SPLIT* and ROWS* mixed (a record is in a SPLIT before it is in ROWS) -> DONE
 *   PAGE with PERI_PAGE_TRACE: the same, and TRACE* of each record before its ROWS
 *   MAP  -> ROWS* -> DONE     (there is always a last ROWS, without MORE, even if it is empty)
 *   PULL -> (REQUEST, wait for REPLY | EMIT, wait for PAGE with MAP_ALL and its DONE | MARK)* -> DONE with "pull":true
 * FAIL stands in place of any answer. Rows of a page count when DONE came: after FAIL or a death, forget what came since the PAGE or MAP. */

typedef struct peri_frame {
  peri_kind kind;
  uint16_t flags;
  uint64_t job;
  peri_str payload; /* borrowed from the link until the next call */
} peri_frame;

/* LOAD. What to load is named by path; all files are there for `use` and `extends`. */
typedef struct peri_load_file { peri_str path, bytes; } peri_load_file;
typedef struct peri_load {
  peri_load_file *files; size_t file_count;
  peri_str rows;       /* JSON array: active rows of data_mappings */
  peri_str settings;   /* JSON object: the integration's settings (connector sees names only; plans read `setting:`) */
  peri_str discovered; /* JSON object: stream -> {name -> {"label","type","options"}} */
  peri_str want;       /* JSON {"paths":["connectors/hubspot.lua",…] or "all":true, "examples":true, "integration":"acme"|null, "emulator":false,
                          "keyFree":true: mappings made of rows alone may go without a key (map, mappings add: nothing of theirs is stored)} */
} peri_load;
/* LOADED is JSON: {"files":[{"path","ok":true,"kind":"connector|mapping|emulator|lib","name","tree":…,"plan":{peri_plan_describe},"examples":n}
 *                         or {"path","ok":false,"code","line","message"}]} */

/* OPEN is JSON: {"view":1,"stream":"contact","type":"hubspot","mappings":["mappings/hubspot/contact.lua"],
 *  "key":tree,"updated":tree|null,"removed":tree|null,"merged":tree|null,"records":"results","record":"","format":"json|ndjson",
 *  "page":["paging.next.after",…],"context":["from.id"],"each":["results[]",…]} ; an empty mappings list: data is the raw record.
 *  "pairs": {"list":"results[]","match":"from.id","value":"paging.next.after"} for pagers inside lists.
 * "keyFree":true: a record without a key is mapped all the same (map); "#" and its number stand in. Also "volatile":["_links"]: members left out of raw_hash. A key path may begin with `parent:`; what keys and plans read there is taken from
 * the object around a nested list, else from peri_page_msg.parent_json, and comes back as the record's context (OPENED tells which paths). */

typedef enum peri_page_flag { PERI_PAGE_MAP_ALL = 1, PERI_PAGE_SPLIT_ONLY = 2, PERI_PAGE_RECORDS = 4 /* packed records from the store: no page around them */, PERI_PAGE_TRACE = 8 /* tell the way of each value, too */ } peri_page_flag;
typedef struct peri_page_msg {
  uint32_t page, view, flags;
  uint32_t first;          /* with a page being retried record by record: only records first..first+count are worked on */
  uint32_t count;          /* 0: all */
  peri_str headers_json;   /* listed reply headers; may be empty */
  peri_str parent_json;    /* the record or item that the request was made for (streams with `each`); may be empty */
  peri_str bytes;          /* the body; or, with PERI_PAGE_RECORDS, repeated (str raw, str context) */
} peri_page_msg;

#define PERI_NO_STAMP INT64_MIN
typedef struct peri_split_record {
  uint32_t index, offset, bytes; /* where the raw record lies in the page */
  uint8_t removed;               /* 1: the record says that it is a deletion */
  uint8_t bad;                   /* 1: no sound JSON or no key; it will come back as a reject when mapped */
  int64_t updated;               /* position, PERI_NO_STAMP if none */
  uint8_t raw_hash[16];          /* XXH3-128 of raw (and context), big endian, seeded */
  peri_str key;
  peri_str context;              /* JSON object or empty */
  peri_str merged;               /* JSON array of absorbed keys, or empty */
} peri_split_record;
typedef struct peri_split {
  uint32_t page;
  uint8_t records_found;
  peri_str page_values; /* JSON object path -> value (absent paths left out); on the last frame */
  peri_str pairs;       /* JSON array of [match, value] */
  peri_split_record *records; size_t count;
} peri_split;

typedef struct peri_map_msg { uint32_t page; peri_str bitmap; /* bit i: map record i */ } peri_map_msg;

typedef struct peri_row_msg {
  uint32_t index;      /* of the record in the page */
  uint16_t plan;       /* which mapping of the view; 0 if there is none */
  uint8_t verdict;     /* 1 row, 2 reject, 3 skip (plan/plan.h) */
  uint8_t set;         /* 1: the mapping has `rows`; all rows of this record share its key as record_key */
  uint8_t data_hash[16];
  peri_str key, data, warnings; /* data of a view without mappings is the record as it was sent */
  peri_str reject;     /* JSON {"externalId","entity","field","code","message","file","line","value","also"} */
} peri_row_msg;
typedef struct peri_rows { uint32_t page; peri_row_msg *rows; size_t count; } peri_rows;

typedef struct peri_serve { peri_str method, path, query_json, headers_json, body; int64_t now_ms; } peri_serve;
typedef struct peri_answer {
  uint32_t status; peri_str headers_json, body;
  uint32_t delay_ms; uint8_t fault;   /* 0 none, 1 cut the connection after the headers, 2 cut in the body, 3 hang */
  peri_str deliveries;                /* JSON array of webhook deliveries to sign and send */
} peri_answer;

/* Encoding appends to a buf (payload only); decoding fills arrays in the arena and borrows texts from the payload. false: not a message. */
void peri_load_put(peri_buf *out, const peri_load *m);
bool peri_load_get(peri_str payload, peri_arena *a, peri_load *m);
void peri_page_put(peri_buf *out, const peri_page_msg *m);
bool peri_page_get(peri_str payload, peri_page_msg *m);
void peri_record_put(peri_buf *out, peri_str raw, peri_str context);        /* one item of PERI_PAGE_RECORDS */
bool peri_record_get(peri_str *rest, peri_str *raw, peri_str *context);     /* the next one; false at the end or when broken */
void peri_split_put(peri_buf *out, const peri_split *m);
bool peri_split_get(peri_str payload, peri_arena *a, peri_split *m);
/* Do all records lie inside the page that was sent, each once and in order? */
bool peri_split_fits(const peri_split *m, size_t page_bytes);
bool peri_bit_get(peri_str bitmap, size_t i); /* false past its end */
void peri_map_msg_put(peri_buf *out, const peri_map_msg *m);
bool peri_map_msg_get(peri_str payload, peri_map_msg *m);
void peri_rows_put(peri_buf *out, const peri_rows *m);
bool peri_rows_get(peri_str payload, peri_arena *a, peri_rows *m);
void peri_serve_put(peri_buf *out, const peri_serve *m);
bool peri_serve_get(peri_str payload, peri_serve *m);
void peri_answer_put(peri_buf *out, const peri_answer *m);
bool peri_answer_get(peri_str payload, peri_answer *m);
void peri_reply_put(peri_buf *out, uint32_t id, uint32_t status, peri_str headers_json, peri_str body);
bool peri_reply_get(peri_str payload, uint32_t *id, uint32_t *status, peri_str *headers_json, peri_str *body);

/* ---- the link: one end of a socketpair ---- */
typedef struct peri_link peri_link;
peri_link *peri_link_new(int fd, uint32_t frame_bytes_max, bool blocking); /* takes the fd */
void peri_link_free(peri_link *l);
int peri_link_fd(const peri_link *l);
/* Queues and, if blocking, sends it all. Non-blocking: sends what goes, keeps the rest (peri_link_flush when writable). */
peri_code peri_link_send(peri_link *l, peri_kind kind, uint16_t flags, uint64_t job, peri_str payload, peri_err *e);
bool peri_link_wants_write(const peri_link *l);
peri_code peri_link_flush(peri_link *l, peri_err *e);
/* Next whole frame. *got false: nothing whole yet (non-blocking) or the other end closed (then the code is WORKER_LOST). A frame over the
 * ceiling or of an unknown kind is BAD_REPLY. */
peri_code peri_link_next(peri_link *l, peri_frame *frame, bool *got, peri_err *e);

#endif
