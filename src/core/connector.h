/* core/connector: a connector's checked tree compiled for the core: streams, requests with holes, pagers, rates, what replies mean. Pure: no I/O, no clock
 * (times are given), no secrets (a callback writes them). `explain` and the tests see the same requests that are sent. */
#ifndef PERI_CORE_CONNECTOR_H
#define PERI_CORE_CONNECTOR_H

#include "json/tree.h"
#include "net/http.h"
#include "spec/tree.h"

typedef enum peri_pages { PERI_PAGES_NONE, PERI_PAGES_AGAIN, PERI_PAGES_CURSOR, PERI_PAGES_LINK, PERI_PAGES_COUNT } peri_pages;
typedef enum peri_stamp_kind { PERI_STAMP_NONE, PERI_STAMP_DATETIME, PERI_STAMP_DATE, PERI_STAMP_DECIMAL, PERI_STAMP_INTEGER } peri_stamp_kind;

typedef struct peri_request {
  const char *method;
  int line;
  const peri_node *path, *query, *headers, *body, *form; /* with holes; NULL if absent */
  peri_str records, record, format;      /* resolved through request, stream, connector; format "json" or "ndjson" */
  peri_pages pages;
  const peri_node *pager;                /* the pager's word or table, NULL for none */
  int64_t again_most;                    /* pages = { "again", most = N }; 0: a page is full while records come */
  peri_str since_path;                   /* position for the next run stands in the reply */
  const peri_node *removed;
  const struct peri_request *ties;
  int64_t batch;                         /* 0: one record a request */
  peri_str match;
  peri_str rate; int64_t cost;
  bool etag;
  const peri_node *keep, *gives;
  const peri_node *on[3];                /* request's, stream's, connector's; NULL where absent */
  peri_str reasons[8]; size_t reason_count;
  int64_t timeout_ms;
  bool uses_since, uses_upto, uses_wanted, uses_parent, uses_record; /* holes anywhere in it */
  int64_t wanted_most;                   /* 0: no ceiling on the joined names */
  peri_str label;                        /* "contact.full", for messages */
  const peri_node *node;                 /* as written: the request's word, the job's table, or the `when` */
  const struct peri_request *job[4];     /* create, poll, read, drop; all NULL for a plain request */
  const struct peri_request **choices; size_t choice_count; /* `when` between requests, in the order of its keys */
} peri_request;

typedef struct peri_stream {
  peri_str name;
  int line;
  const peri_node *node, *key, *updated, *removed, *merged;
  peri_stamp_kind stamp;
  int64_t overlap_ms, lag_ms, window_ms, sweep_ms; /* 0: none */
  const peri_request *full, *changes, *archived, *fetch, *discover;
  peri_str each;                         /* parent stream; {NULL,0} if it stands alone */
  const peri_node *each_node;            /* the whole option: having, or a table of settings' items */
  bool visit_all, store;
  int pull_fn, pull_line;                /* -1: described */
  const peri_str *after; size_t after_count;
  const char *unsupported;               /* NULL, or what a later perilune does (a job as full): named when it is asked for */
  const peri_request *written[5];        /* full, changes, archived, fetch, discover as written, before `when` was settled */
} peri_stream;

typedef enum peri_auth_kind { PERI_AUTH_NONE, PERI_AUTH_TOKEN, PERI_AUTH_BASIC, PERI_AUTH_OAUTH2 } peri_auth_kind;
typedef struct peri_auth {
  peri_auth_kind kind;
  peri_str secret;                       /* token: its name; basic: the password's; oauth2: "accessToken" */
  peri_str header, prefix, query;        /* token */
  const peri_node *user;                 /* basic: text or hole */
  const peri_node *token_url;            /* oauth2; NULL: the issuer's */
  peri_str client;                       /* oauth2: name of the client id */
  peri_str client_auth;                  /* oauth2: "body" "basic" "none" */
  const peri_node *node;
} peri_auth;

typedef struct peri_connector {
  peri_str name, title, category, platform, description, documentation, path; /* path: its file */
  bool popular;
  const peri_node *root;
  const peri_node *base;
  const peri_stream *streams; size_t stream_count;
  const peri_auth *auths; size_t auth_count;
  const peri_request *check;
  const peri_node *more, *rates, *settings, *versions, *hosts, *headers, *query;
  peri_str default_version;
  const peri_request **more_reads; size_t more_count; /* the `read` request of each entry of `more`; NULL for `each` over a table */
} peri_connector;

/* tree: as LOADED gave it, checked again by peri_spec_check before. */
peri_code peri_connector_compile(peri_arena *a, const peri_tree *tree, peri_connector *out, peri_err *e);
const peri_stream *peri_connector_stream(const peri_connector *c, peri_str name);
/* Settles every `when "setting:NAME"` between requests by an integration's settings, and with it `unsupported`. compile and add_stream settle by the
 * declared defaults, so this is only needed once the integration's own settings are known (and for streams added later: again). */
void peri_connector_settle(peri_arena *a, peri_connector *c, const peri_json *settings);
/* A setting as holes read it: `version` itself, a fragment of the version in force (*verbatim), the integration's value, the declared default; NULL if none. */
const peri_json *peri_connector_value(peri_arena *a, const peri_connector *c, const peri_json *settings, peri_str name, bool *verbatim);
/* A request made while a pull runs: checked and compiled like those of the file. */
peri_code peri_connector_request(peri_arena *a, const peri_connector *c, const peri_stream *s, const peri_node *node, const peri_request **out, peri_err *e);
/* Items of `each = { NAME = … }` (a setting's list or a list in the file) as JSON texts, one request each; 0 for streams of other kinds. */
size_t peri_stream_items(peri_arena *a, const peri_connector *c, const peri_stream *s, const peri_json *settings, peri_str *name, peri_str **items);
/* Streams in the order of a run: `after`, `each` parents first, then as written. */
const peri_stream **peri_connector_order(peri_arena *a, const peri_connector *c);
/* Adds a stream made by more.make (a WORD stream). Names that collide get _id. */
peri_code peri_connector_add_stream(peri_arena *a, peri_connector *c, const peri_node *stream, peri_str item_id, peri_err *e);
/* The seed's registry row as JSON: name type platform description category is_popular is_active capabilities required_fields optional_fields documentation_url. */
void peri_connector_registry(const peri_connector *c, peri_jw *w);
/* Base URL for an integration (settings filled in; base_url of the integration wins) without a trailing slash; token endpoint of oauth2 (base_url replaces its host too). */
peri_code peri_connector_base(peri_arena *a, const peri_connector *c, const peri_json *settings, peri_str base_url, peri_str *out, peri_err *e);
peri_code peri_connector_token_url(peri_arena *a, const peri_connector *c, const peri_auth *auth, const peri_json *settings, peri_str base_url, peri_str *out, peri_err *e);
/* The same for another endpoint of oauth2: "authorize", "token", "device", "revoke", "issuer". *out is empty if the connector does not name it. */
peri_code peri_connector_auth_url(peri_arena *a, const peri_connector *c, const peri_auth *auth, const char *option, const peri_json *settings, peri_str base_url, peri_str *out, peri_err *e);
/* Does oauth2 offer this way to a token ("code" if it names none)? */
bool peri_auth_offers(const peri_auth *auth, const char *grant);
/* Which auth fits the credentials that the integration has (names); NULL and e if none does, naming what is missing. */
const peri_auth *peri_connector_auth(const peri_connector *c, bool (*has)(void *self, peri_str name), void *self, peri_err *e);

/* ---- filling holes ---- */
typedef struct peri_page_state {      /* where a pager is; zero at the start */
  peri_str token;                     /* cursor: JSON value to send */
  peri_str link;                      /* link: path and query to ask */
  int64_t number;                     /* count: what to send next */
  int64_t read;                       /* records read so far (count by records, totals) */
  peri_str pairs;                     /* pagers inside lists: JSON array of [match, value] still to go on */
  int64_t pages;                      /* asked so far */
  int64_t empty;                      /* pages without a record in a row */
} peri_page_state;

typedef struct peri_fill {
  const peri_connector *connector;
  const peri_stream *stream;          /* may be NULL (check) */
  const peri_json *settings;          /* given, kept and "version"; may be NULL */
  int64_t since, upto;                /* positions; INT64_MIN: absent */
  peri_str since_verbatim;            /* JSON value kept from a `since` path; wins over since */
  const peri_json *wanted;            /* object: prefix -> list of names; NULL: absent */
  const peri_str *parents, *parent_contexts, *parent_streams; size_t parent_count; /* raw JSON of what the request is made for, its stored context, its stream; the last two may be NULL */
  const peri_str *records; size_t record_count; /* raw JSON of records at hand (ties: the last read; fetch: {"id":…}-like objects with the key's paths) */
  const peri_page_state *page;        /* NULL: first page */
  bool (*secret)(void *self, peri_str name, peri_buf *out); void *secret_self; /* NULL: shown as «secret NAME» */
  bool named;                         /* explain: holes appear as «since "ms"» instead of their values */
} peri_fill;

typedef struct peri_outgoing {
  const char *method;
  peri_str url;                       /* base + path + query */
  const peri_header *headers; size_t header_count; /* without credentials of `auth` */
  peri_str body;                      /* empty: none */
  peri_str rate; int64_t cost;        /* class; "class@PARTITION" where its limits have `per` */
  int64_t timeout_ms;                 /* 0: the program's own */
  bool wanted_over;                   /* the joined names of `wanted` exceed `most`: they were left out; read keys, then fetch */
} peri_outgoing;
/* base: from peri_connector_base. INVALID with the hole's name and file:line if a path hole is absent, holds `.` or `..`, … . The final URL's host is base's host,
 * or that of a full URL written in the connector. */
peri_code peri_request_fill(peri_arena *a, const peri_request *r, const peri_fill *fill, peri_str base, peri_outgoing *out, peri_err *e);

/* ---- after a reply ---- */
/* Which page paths the worker must report for this request's pager, since path and total (JSON array of paths, and "pairs" for pagers inside lists): parts of OPEN. */
void peri_request_page_paths(const peri_request *r, peri_jw *w_array);
bool peri_request_pairs(const peri_request *r, peri_str *list, peri_str *match, peri_str *value);

typedef enum peri_page_next { PERI_PAGE_NEXT, PERI_PAGE_LAST } peri_page_next;
/* values: JSON object path -> value from SPLIT; records: how many the page held. Moves *state (texts in the arena). PAGING_LOOP if it answers the same again. */
peri_code peri_page_step(peri_arena *a, const peri_request *r, const peri_json *values, const peri_json *pairs, const peri_http_reply *reply, size_t records, peri_str base,
                         peri_page_state *state, peri_page_next *next, peri_err *e);

typedef enum peri_act { PERI_ACT_OK, PERI_ACT_IGNORE, PERI_ACT_RETRY, PERI_ACT_WAIT, PERI_ACT_REFRESH, PERI_ACT_RECONNECT, PERI_ACT_SKIP, PERI_ACT_MISSING, PERI_ACT_DONE,
  PERI_ACT_RESTART, PERI_ACT_SMALLER, PERI_ACT_DISCOVER, PERI_ACT_REJECT, PERI_ACT_STOP } peri_act; /* OK: go on with the records of the reply; IGNORE: nothing new (304), no records */
typedef struct peri_action {
  peri_act act;
  int64_t wait_ms;       /* WAIT: how long (Retry-After honoured in both spellings, floored at 0, capped); RETRY: at least so long; -1: the caller's backoff */
  peri_str say;          /* the connector's own words; may be empty */
  peri_str reason;       /* the API's own words, cut, from `reason` paths, else the start of the body as printable text */
  int line;              /* of the rule in the connector; 0: built in */
} peri_action;
/* What a reply means: request's on, stream's, connector's, built-in (2xx ok, 304 ignore, 401 refresh, 403 missing, 404 skip, 408/429 wait, 410 stop, 5xx retry, other stop).
 * now_ms and settings (for zone = "setting:zone") turn `till = "midnight"` into a wait. Bodies need not be JSON. */
void peri_reply_action(peri_arena *a, const peri_connector *c, const peri_request *r, const peri_http_reply *reply, const peri_json *settings, int64_t now_ms, peri_action *out);
const char *peri_act_name(peri_act act);

/* The stream described for OPEN (key, updated, removed, merged as trees; records, record, format; page paths; context paths for `parent:` in keys and mappings). */
void peri_stream_open_json(const peri_stream *s, const peri_request *r, uint32_t view, peri_str type, const peri_str *mappings, size_t mapping_count, const peri_str *context_paths,
                           size_t context_count, peri_buf *json);

/* `perilune explain`: the request with its holes named, then filled, as text lines. */
peri_code peri_explain(peri_arena *a, const peri_connector *c, const peri_stream *s, const peri_fill *fill, peri_str base, peri_buf *text, peri_err *e);

#endif
