/* worker/shop: what the files of this room share: one worker's state between two frames. Internal to worker/. */
#ifndef PERI_WORKER_SHOP_H
#define PERI_WORKER_SHOP_H

#include "plan/plan.h"
#include "script/emulator.h"
#include "script/script.h"
#include "wire/wire.h"

#define PERI_HELD_PAGES 4  /* split and waiting for MAP; the core keeps two in flight */
#define PERI_VIEWS_MAX 256
#define PERI_SILENCE_US 150000 /* a worker that works this long without a frame sends what it has: the core's watchdog counts silence */

/* One script file of the LOAD in force. */
typedef struct peri_shop_file {
  peri_str path, bytes;
  bool known;            /* the state has it */
  bool tried, ok;        /* loaded and held against the table of words; if not ok, err and line */
  peri_tree tree;
  peri_err err;
  int line;
  peri_node *mapping;    /* resolved, rows laid over; the plan's source */
  peri_str *sources;     /* paths of the files that it is made of */
  size_t source_count, source_cap;
  peri_str sources_hash; /* over their text */
  peri_plan *plan;
  bool keyless;          /* the mapping names no key and no stream's key was known when it was compiled */
  bool key_free;         /* rows of data_mappings that are only tried: nothing is stored, so a row may go without a key */
  peri_str from;         /* "hubspot.contact" */
} peri_shop_file;

/* Calls go to the script's own caller; on the way they are counted. */
typedef struct peri_shop_caller {
  peri_caller base;
  peri_caller *inner;
  uint64_t calls;
} peri_shop_caller;

typedef struct peri_view peri_view;
typedef struct peri_held peri_held;

typedef struct peri_shop {
  peri_link *link;
  peri_progress *progress;
  long core_pid;
  peri_script_limits limits;
  uint64_t hash_seed;
  uint64_t job;          /* of the frame being answered */
  int64_t last_frame_us; /* when the last frame went out */
  bool tracing;          /* the page in work wants the way of its values told */
  bool spent;            /* the VM is out of memory for good: every further job fails until the core replaces this worker */

  peri_arena *load_arena; /* from one LOAD to the next */
  peri_script *script;
  peri_shop_caller caller;
  peri_shop_file *files;
  size_t file_count;
  const peri_json *rows, *settings, *discovered, *want;
  peri_emulator *emulator;

  peri_view *views[PERI_VIEWS_MAX];
  size_t view_count;
  peri_held *held[PERI_HELD_PAGES];
  peri_arena *scratch, *row_arena; /* for one page; for one record */
  peri_buf text;         /* JSON under construction */

  peri_pull *pull;
  peri_arena *pull_arena;
  uint64_t pull_job;
  uint32_t pull_request; /* number of the last request */
  bool pull_waits_page;  /* an EMIT went out: its page comes next */
} peri_shop;

/* ---- loop.c ---- */
bool peri_shop_send(peri_shop *s, peri_kind kind, uint16_t flags, peri_str payload); /* false: the core is gone */
/* FAIL. page and record UINT32_MAX: not about a page. replace: this worker is spent. */
typedef struct peri_shop_fail { peri_code code; const char *text; const char *file; int line; uint32_t page, record; bool replace; } peri_shop_fail;
bool peri_shop_fail_send(peri_shop *s, const peri_shop_fail *f);
bool peri_shop_error(peri_shop *s, const peri_err *e);
bool peri_shop_log(peri_shop *s, const char *level, peri_str text);
void peri_shop_at(peri_shop *s, uint32_t phase, uint32_t page, uint32_t record);
/* Sends a long text as frames of one kind, PERI_F_MORE on all but the last (if `last`); clears it. */
bool peri_shop_send_text(peri_shop *s, peri_kind kind, peri_buf *text, bool last);

/* ---- load.c, files.c ---- */
bool peri_shop_load(peri_shop *s, peri_str payload);
bool peri_shop_make(peri_shop *s, peri_str payload);
peri_shop_file *peri_shop_file_named(peri_shop *s, peri_str path);
/* Loads a file if that was not done yet: script, words, for mappings also the plan. */
bool peri_shop_file_load(peri_shop *s, peri_shop_file *f);
/* The mapping's plan; stream_key: of the stream it is opened for, may be NULL. Compiles again if only that gives it a key. */
peri_plan *peri_shop_file_plan(peri_shop *s, peri_shop_file *f, const peri_node *stream_key, peri_err *e, int *line);
/* Rows of data_mappings that no mapping file takes become files named data_mappings/TYPE/ENTITY. */
void peri_shop_rows_files(peri_shop *s);
const peri_node *peri_shop_stream(peri_shop *s, peri_str connector, peri_str stream); /* its word; NULL if unknown */
void peri_shop_unload(peri_shop *s);

/* ---- view.c: how the pages of one request are read and mapped ---- */
typedef struct peri_keys { /* what a stream reads of a record, as slots of one set */
  peri_paths *set;
  int *key, *merged;
  int removed;               /* -1: none */
  peri_stamp *stamp;         /* NULL: none */
} peri_keys;
struct peri_view {
  peri_arena *arena;
  uint32_t id;
  peri_str type, stream;
  bool ndjson, key_free;     /* key_free: a record without a key is mapped all the same; its number stands in */
  peri_str *key_paths;       /* as written; `parent:` ones hold a context path's number in key_context */
  int *key_context;          /* -1: of the record */
  size_t key_count;
  peri_str *merged_paths;
  bool *merged_many;
  size_t merged_count;
  peri_str merged_split;     /* "": not split */
  peri_str removed_value;    /* compared if removed_equal */
  bool removed_equal;
  peri_str *volatiles;
  size_t volatile_count;
  peri_keys split, full;     /* for the first look; for mapping, plans' paths included */
  peri_paths *context_set, *page_set;
  peri_str *context_paths, *page_paths;
  bool *page_many;
  size_t context_count, page_count;
  peri_str pair_list, pair_match, pair_value; /* {NULL,0} if there are none */
  peri_page_walker *split_walker, *full_walker;
  size_t plan_count;         /* 0: data is the raw record */
  peri_plan_view **plans;
  bool *plan_set;            /* the mapping has `rows` */
  peri_str *plan_entity, *plan_path;
};
bool peri_shop_open(peri_shop *s, peri_str payload);
peri_view *peri_shop_view(peri_shop *s, uint32_t id);
void peri_shop_views_close(peri_shop *s);

/* ---- record.c: key, context, stamp, hash, rows of one record ---- */
typedef struct peri_item {
  uint32_t index;
  peri_str raw;
  const peri_slot *slots;        /* of the split or the full set */
  const peri_json_fault *fault;
  peri_str context;              /* JSON object or empty */
} peri_item;
/* Context of a record: what it reads of the object around a nested list, else of the record that the request was made for. */
peri_str peri_view_context(const peri_view *v, const peri_slot *parent_slots, const peri_span *parent, peri_arena *a);
void peri_view_split(peri_shop *s, const peri_view *v, const peri_keys *keys, const peri_item *item, peri_arena *a, peri_split_record *out);
/* Rows of one record appended to *rows (texts in a). false: the VM is broken. */
typedef struct peri_row_list { peri_row_msg *items; size_t count, cap, bytes; } peri_row_list;
bool peri_view_rows(peri_shop *s, const peri_view *v, const peri_item *item, const peri_split_record *split, peri_str headers, peri_arena *a, peri_row_list *rows);
void peri_hash(uint64_t seed, peri_str a, peri_str b, uint8_t out[16]);

/* ---- page.c ---- */
bool peri_shop_page(peri_shop *s, peri_str payload);
bool peri_shop_map(peri_shop *s, peri_str payload);
void peri_shop_held_drop(peri_shop *s);

/* ---- pull.c, serve.c ---- */
bool peri_shop_pull(peri_shop *s, peri_str payload);
bool peri_shop_reply(peri_shop *s, peri_str payload);
bool peri_shop_pull_go_on(peri_shop *s); /* after an emitted page is done */
void peri_shop_pull_end(peri_shop *s);
/* Makes the emulator out of the file that LOAD named; fills it. *describe gets what goes into LOADED. */
bool peri_shop_emulator(peri_shop *s, peri_shop_file *f, peri_str options, peri_buf *describe, peri_err *e);
bool peri_shop_serve(peri_shop *s, peri_str payload);

#endif
