/* script/emu: inside of the emulator; other rooms include script/emulator.h.
 *
 * emulator.c       a request from its bytes to its answer; start here
 * emu_call.c       the script's function between the two
 * emu_hooks.c      webhooks
 * emu_make.c       the file's tree read into the structures below; tables filled
 * emu_table.c      rows: packed JSON in the order of their keys, with the few indexes that keep a page fast
 * emu_pick.c       which members of a row are shown
 * emu_search.c     filters, sorting
 * emu_db.c         what scripts see of all this: `db`
 * emu_random.c     what they see of chance: `random`
 * emu_gate.c       credentials, limits, faults, the log of requests
 * emu_control.c    /_emulator/: what tests steer it with
 */
#ifndef PERI_SCRIPT_EMU_H
#define PERI_SCRIPT_EMU_H

#include "script/emulator.h"
#include "script/state.h"

#define PERI_EMU_LOG_MAX 1000       /* requests that are remembered one by one */
#define PERI_EMU_PATHS_MAX 10000    /* different method + path that are counted */
#define PERI_EMU_TOKENS_MAX 10000   /* tokens handed out */
#define PERI_EMU_ROWS_MAX 2000000
#define PERI_EMU_SHOWN_MAX 10000    /* rows in one answer */
#define PERI_EMU_FAULTS_MAX 100
#define PERI_EMU_EVENTS_MAX 20000   /* changes told by one request */
#define PERI_EMU_DELIVERY_EVENTS 100

typedef struct peri_emu_row {
  peri_str key;       /* in the row's own memory, like json */
  peri_str json;
  int64_t number;     /* the key as a number, or -1 */
  int64_t updated_ms; /* INT64_MIN: no stamp */
  bool archived;
} peri_emu_row;

typedef struct peri_emu_node { struct peri_emu_node *next; uint64_t hash; peri_emu_row *row; } peri_emu_node;

typedef struct peri_emu_table {
  peri_str name, key_path, updated_path, created_path, archived_path;
  peri_str *unique; size_t unique_count; /* paths whose values (cut at `;`, case ignored) belong to one row only */
  int make, touch;       /* functions; -1: none */
  bool fixed;            /* --records does not scale it */
  size_t count_asked, count; /* as written; to make */
  size_t made;           /* of them */
  peri_emu_row **rows;   /* in the order of keys */
  size_t row_count, row_cap, archived_count;
  peri_emu_node **heads; size_t head_count, node_count;
} peri_emu_table;

/* ---- emu_table.c ---- */
peri_emu_row *peri_emu_find(const peri_emu_table *t, peri_str key);
size_t peri_emu_from(const peri_emu_table *t, peri_str key); /* index of the first row that is not before key */
/* Takes the record (checked JSON, an object); false with the reason: no key, too many rows. *old_archived as it was before. */
bool peri_emu_put(peri_emu_table *t, peri_str json, peri_emu_row **row, bool *is_new, const char **why);
bool peri_emu_remove(peri_emu_table *t, peri_str key);
void peri_emu_table_clear(peri_emu_table *t);
peri_emu_row *peri_emu_unique(const peri_emu_table *t, peri_str value); /* whose unique value it is */
bool peri_emu_stamp(peri_span value, int64_t *ms); /* ISO text, or a number of seconds or milliseconds */

/* ---- emu_pick.c ---- */
typedef struct peri_emu_pick {
  bool all;
  struct { peri_str name; peri_str *names; size_t name_count; } *members; /* by name; names NULL: the whole member */
  size_t member_count;
} peri_emu_pick;
/* Reads { id = true, properties = { "email", … } } at index; nil: everything. Raises on nonsense. Texts stay on the Lua stack's table. */
void peri_emu_pick_read(lua_State *L, int index, peri_arena *a, peri_emu_pick *pick);
/* Appends the row as JSON; names that the row lacks come as null, all in alphabetical order. extra: `,"a":1` before the brace, or empty. */
void peri_emu_show(peri_buf *out, const peri_emu_row *row, const peri_emu_pick *pick, peri_str extra);

/* ---- emu_search.c ---- */
typedef enum peri_emu_op { PERI_OP_EQ, PERI_OP_NEQ, PERI_OP_LT, PERI_OP_LTE, PERI_OP_GT, PERI_OP_GTE, PERI_OP_BETWEEN, PERI_OP_IN, PERI_OP_NOT_IN,
                           PERI_OP_HAS, PERI_OP_HAS_NOT, PERI_OP_TOKEN, PERI_OP_NOT_TOKEN } peri_emu_op;
typedef enum peri_emu_kind { PERI_EMU_TEXT, PERI_EMU_EXACT, PERI_EMU_NUMBER, PERI_EMU_STAMP } peri_emu_kind;
typedef struct peri_emu_filter {
  peri_str path; peri_emu_op op; peri_emu_kind kind;
  bool is_key, is_updated;
  peri_str *values; size_t value_count; /* one for most, two for BETWEEN */
  double *numbers;                      /* the same, read; NaN if they are none */
} peri_emu_filter;
typedef struct peri_emu_query {
  struct { peri_emu_filter *filters; size_t count; } *groups; size_t group_count; /* groups are ORed, filters inside ANDed */
  peri_str text; peri_str *text_paths; size_t text_path_count;                   /* any of the paths holds the text */
  peri_str sort; bool descending; peri_emu_kind sort_kind; bool sort_is_key, sort_is_updated;
  bool archived;
} peri_emu_query;
/* Reads a table at index (grammar in docs/emulators.md). Raises on nonsense. */
void peri_emu_query_read(lua_State *L, int index, const peri_emu_table *t, peri_arena *a, peri_emu_query *q);
/* Rows that fit, sorted, in the arena. scratch belongs to the emulator: this raises when the time is over. */
peri_emu_row **peri_emu_search(peri_buf *scratch, lua_State *L, const peri_emu_table *t, const peri_emu_query *q, peri_arena *a, size_t *count);

/* ---- the gate ---- */
typedef struct peri_emu_limit { int64_t many, per_ms; } peri_emu_limit;
typedef struct peri_emu_class {
  peri_str name, headers; /* "X-RateLimit-*" or empty */
  peri_emu_limit *limits, *written; size_t limit_count; /* in force; as the file says */
} peri_emu_class;
/* Moments at which one credential spent from one limit of one class: a ring of the last `many`. */
typedef struct peri_emu_spent { int64_t *at; size_t cap, count, next; } peri_emu_spent;
typedef struct peri_emu_token { char text[64]; int64_t expires_ms; bool revoked; } peri_emu_token;
typedef struct peri_emu_fault {
  peri_str path, method, body; /* path may hold `*` */
  int status, delay_ms, cut; bool garbage;
  int64_t times, after;        /* how often it still strikes; how many calls it lets pass first */
  int64_t retry_after; bool has_retry_after;
  int64_t percent;             /* strikes so many calls in a hundred, by chance; 0: all of them */
} peri_emu_fault;
typedef struct peri_emu_seen { uint64_t number; int64_t at_ms; char method[8], path[160], query[200]; int status; } peri_emu_seen;

typedef struct peri_emu_route {
  peri_str method, path, rate; /* path with {name} segments */
  int fn;                      /* -1: body below */
  peri_str body;
  bool open;                   /* needs no credential */
} peri_emu_route;

typedef struct peri_emu_hook { peri_str name; peri_str *sign; size_t sign_count; peri_str key; int make; size_t batch; } peri_emu_hook;

/* A row was made, changed, archived, restored or removed: told to hooks after the answer. */
typedef struct peri_emu_event { peri_emu_table *table; peri_str key; const char *verb; peri_str before, after, extra; } peri_emu_event;

struct peri_emulator {
  peri_script *s;
  peri_arena *arena;           /* as long as it lives */
  peri_arena *work;            /* one request */
  const peri_tree *tree;
  peri_str name, base;
  int64_t base_ms;             /* stamps of seed data lie before it */
  uint64_t seed;
  int64_t records;             /* -1: as written */
  peri_node *credentials, *settings, *state;
  peri_emu_table *tables; size_t table_count;
  peri_emu_route *routes; size_t route_count;
  peri_emu_class *classes; size_t class_count;
  peri_emu_hook *hooks; size_t hook_count;
  int refused, limited, setup, control;     /* functions; -1: none */
  peri_str refused_body, limited_body;
  peri_str auth_header, auth_prefix, auth_query, auth_secret, auth_user; /* how callers show their credential; user: Basic */
  bool ready;                  /* tables are full and setup ran */

  /* random */
  uint64_t rng[4];
  peri_str rng_name, rng_last; /* of the last name, so that an address can match it */

  /* gate */
  bool rates_on;
  peri_map spent;              /* class \n number \n token -> peri_emu_spent */
  peri_emu_token *tokens; size_t token_count, token_cap; uint64_t tokens_issued;
  int64_t life_s;              /* of tokens; -1: as the script says */
  bool revoke_refresh;
  peri_emu_fault *faults; size_t fault_count; uint64_t fault_random;
  peri_emu_seen *seen; size_t seen_next; uint64_t served;
  peri_map counts;             /* "GET /path" -> uint64_t */
  peri_str hook_url, hook_secret; bool hook_twice, hook_backwards;

  /* the request at hand */
  int64_t now_ms;
  peri_buf raw;                /* JSON shown to the script as one value, verbatim */
  uint32_t epoch;              /* of raw: handles of earlier requests are dead */
  peri_emu_event *events; size_t event_count, event_cap;
  peri_buf body, headers, deliveries, text;
  int db_ref, db_inside_ref, random_ref, counts_ref;
};

/* ---- emu_make.c ---- */
peri_code peri_emu_read(peri_emulator *em, peri_err *e);
bool peri_emu_make_row(peri_emulator *em, peri_emu_table *t, size_t n, const char *verb, peri_call_fault *fault); /* verb NULL: seed data */
/* A plain table of the tree as JSON. */
void peri_emu_plain(peri_emulator *em, const peri_node *n, peri_buf *out);
/* Sets the stamps that `verb` (create, change, archive, restore) calls for in the record on top of L. */
void peri_emu_stamp_top(lua_State *L, const peri_emu_table *t, const char *verb, int64_t at_ms);
void peri_emu_seed(peri_emulator *em, peri_str table, uint64_t n);
/* Runs what happens to a row through the table's `touch` (or sets its stamps) and stores it. */
bool peri_emu_touch(peri_emulator *em, peri_emu_table *t, peri_emu_row *row, const char *verb, int64_t at_ms, peri_call_fault *fault);

/* ---- emu_db.c ---- */
void peri_emu_db_open(peri_emulator *em);
void peri_emu_db_state(peri_emulator *em);   /* db.state as the file says, fresh */
peri_emu_table *peri_emu_table_named(peri_emulator *em, peri_str name);
void peri_emu_tell(peri_emulator *em, peri_emu_table *t, peri_str key, const char *verb, peri_str before, peri_str after, peri_str extra);

/* ---- emu_random.c ---- */
void peri_emu_random_open(peri_emulator *em);
uint64_t peri_emu_next(peri_emulator *em);

/* ---- emu_gate.c ---- */
typedef enum peri_emu_why { PERI_EMU_FINE, PERI_EMU_UNKNOWN, PERI_EMU_MISSING, PERI_EMU_EXPIRED } peri_emu_why;
typedef struct peri_emu_caller_id { peri_emu_why why; peri_str token; int64_t expired_ms; } peri_emu_caller_id;
peri_emu_caller_id peri_emu_credential(peri_emulator *em, const peri_json *headers, const peri_json *query);
peri_emu_token *peri_emu_issue(peri_emulator *em, int64_t seconds);
/* false: the limit `*which` of the class is used up for so many ms. Headers that tell about it are added to *w either way. */
bool peri_emu_spend(peri_emulator *em, peri_emu_class *c, peri_str token, size_t *which, int64_t *wait_ms, peri_jw *w);
peri_emu_class *peri_emu_class_named(peri_emulator *em, peri_str name);
peri_emu_fault *peri_emu_fault_for(peri_emulator *em, peri_str method, peri_str path); /* counts it */
void peri_emu_note(peri_emulator *em, const peri_serve *q, int status);
void peri_emu_gate_reset(peri_emulator *em);

/* ---- emu_control.c ---- */
void peri_emu_control(peri_emulator *em, const peri_serve *q, peri_answer *a);

/* ---- emulator.c ---- */
void peri_emu_reset(peri_emulator *em); /* empty tables, nothing remembered; filled again before the next request */
void peri_emu_answer_json(peri_emulator *em, peri_answer *a, int status); /* em->body is the answer */
void peri_emu_error(peri_emulator *em, peri_answer *a, int status, const char *text);
extern const peri_json_caps peri_emu_caps; /* of rows and answers: pages are larger than what functions usually return */

/* ---- emu_call.c ---- */
/* Calls fn(call, extra) and reads what it returns into the answer. extra: JSON for the second argument; empty: `db`. path: named parts as a JSON object. */
void peri_emu_call(peri_emulator *em, int fn, const peri_serve *q, peri_str path, peri_str token, peri_str extra, peri_answer *a);
peri_str peri_emu_decode(peri_arena *a, peri_str text, bool plus); /* %XX, and + if plus */

/* ---- emu_hooks.c ---- */
void peri_emu_deliver(peri_emulator *em, peri_answer *a);

#endif
