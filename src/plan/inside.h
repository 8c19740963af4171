/* plan/inside: what the files of this room share; nobody else includes it.
 * Start reading at run.c (a record's way), then field.c (the order of work for one field), then kinds_*.c. */
#ifndef PERI_PLAN_INSIDE_H
#define PERI_PLAN_INSIDE_H

#include "base/limits.h"
#include "base/map.h"
#include "plan/pattern.h"
#include "plan/plan.h"

#define PLAN_SHOWN_MAX 80 /* bytes of a value in an error text: enough to recognise it, too few to fill a log */
#define PLAN_FAILS_MAX 16 /* failures of one record that are told; the first is the reject */
#define PLAN_WARNINGS_MAX 16
#define PLAN_WHEN_DEPTH_MAX 8   /* when inside when */
#define PLAN_UNIQUE_MAX 4000000 /* values that one unique rule remembers: 24 bytes each */
#define PLAN_VALUES_MAX 100     /* paths of one field or rule: each becomes an argument */

typedef enum plan_kind {
  PK_TEXT,
  PK_EMAIL,
  PK_URL,
  PK_PHONE,
  PK_CHOICE,
  PK_INTEGER,
  PK_NUMBER,
  PK_DECIMAL,
  PK_MONEY,
  PK_BOOLEAN,
  PK_DATE,
  PK_DATETIME,
  PK_TIME,
  PK_UUID,
  PK_LIST,
  PK_JSON,
  PK_ID,
  PK_REST,
  PK_WHEN, /* no kind: chooses one by a value */
  PK_COUNT
} plan_kind;

typedef enum plan_from { PF_RECORD, PF_PARENT, PF_CONTEXT, PF_HEADER, PF_SETTING, PF_NUMBER, PF_ELEMENT } plan_from;

/* One place that is read. Equal ones are shared; the view turns `index` into a slot. */
typedef struct plan_source {
  plan_from from;
  int index;       /* into the plan's sources and a view's slots */
  bool many;       /* holds []: a list of values */
  bool of_field;   /* named by a field (not only by the key): rest leaves it out */
  peri_str path;   /* without its prefix, but CONTEXT keeps "stream:" */
  peri_str full;   /* as written */
  peri_span fixed; /* SETTING: its value */
  int list;        /* RECORD/PARENT/ELEMENT with a final []: index of the source without it, for rest; -1 */
} plan_source;

/* A value before its conversion. */
typedef struct plan_in {
  uint8_t type;             /* peri_jtype */
  bool plain;               /* STRING: text may stand between quotes as it is */
  bool lazy;                /* STRING with escapes whose text is not made yet */
  bool made;                /* came from a function or a default, not from the record */
  peri_str text;            /* STRING: its text; NUMBER: its digits */
  peri_str raw;             /* its JSON as sent; n == 0: it was made here */
  const peri_span *spans;   /* ARRAY of a [] path */
  const peri_value *values; /* ARRAY from a function */
  size_t count;
} plan_in;

typedef enum plan_type { PT_NULL, PT_BOOL, PT_NUMBER, PT_TEXT, PT_LIST, PT_JSON } plan_type;

/* A converted value. */
typedef struct plan_val plan_val;
struct plan_val {
  uint8_t type;
  bool b;
  bool plain;    /* TEXT: needs no escapes */
  peri_str text; /* TEXT, or the digits of NUMBER */
  peri_str raw;  /* JSON to write as it is, if n > 0 */
  plan_val *items;
  size_t count;
};

typedef enum plan_on_error { PE_REJECT, PE_NULL, PE_DEFAULT, PE_KEEP } plan_on_error;

typedef struct plan_field plan_field;

typedef struct plan_map_item {
  plan_val val;
} plan_map_item;

typedef struct plan_case {
  peri_str match;    /* text or glob */
  bool glob, any;    /* any: "*", whatever is present */
  plan_field *field; /* NULL: null */
} plan_case;

struct plan_field {
  peri_str name;   /* dotted: address.city */
  peri_str prefix; /* what stands before its value in the row: ,"name": with brackets of objects around it */
  plan_kind kind;
  int line;
  peri_str file; /* of the line: the mapping's own or one that it extends */
  int number; /* among the plan's fields, for the progress page */
  const peri_node *options;
  bool simple;  /* one path of the record, no function, no check: the short way of run.c */
  bool quick;   /* and a text that no option changes: its bytes are the row's */
  bool early;   /* transform gets the values as sent, before the kind */
  bool checked; /* bounds, pattern or validate */
  plan_source **sources;
  size_t source_count;
  bool kept; /* its value is wanted by a rule */

  bool required, trim, empty_null, has_join, join_plain, unique; /* join_plain: its text needs no escapes */
  signed char letters;                                           /* -1 lower, +1 upper, 0 as they are */
  plan_on_error on_error;
  peri_str join;
  bool has_default;
  plan_in fallback;      /* the default before conversion */
  plan_val fallback_val; /* and after */
  bool has_min, has_max;
  peri_str min, max; /* canonical decimals, or date texts */
  double min_d, max_d;
  size_t min_n, max_n; /* lengths */
  peri_str min_shown, max_shown;
  peri_str pattern;
  peri_map *map;  /* text -> plan_map_item */
  bool map_first; /* not a text kind: what map names is replaced before the kind sees it */
  bool closed;    /* choice with options: other values are refused */
  bool has_otherwise;
  plan_val otherwise;
  int transform, validate; /* function numbers, -1 none */
  int transform_line, validate_line;
  peri_str transform_file, validate_file;
  peri_str transform_body, validate_body; /* where the tree carries the source: part of the hash */
  peri_str lookup;

  int scale; /* -1: as it comes */
  bool minor;
  plan_source **currency; /* money: the first that has a value */
  size_t currency_count;
  peri_str currency_prefix, currency_name;
  peri_str *formats;
  size_t format_count;
  bool zone_set;
  int zone_minutes;
  peri_str split;
  size_t most;      /* 0: any number */
  plan_field *item; /* list: how an element is converted */
  peri_str rest_prefix;
  peri_str *except;
  size_t except_count;
  bool labels;

  plan_source *choose; /* when */
  plan_case *cases;
  size_t case_count;
  bool has_else;
  plan_field *else_field;
};

typedef enum plan_need { PN_ANY, PN_ALL, PN_UNIQUE, PN_CHECK } plan_need;
typedef enum plan_then { PTHEN_REJECT, PTHEN_WARN, PTHEN_SKIP } plan_then;

typedef struct plan_seen plan_seen;
typedef struct plan_rule {
  plan_need need;
  plan_then then;
  plan_field **fields;
  size_t field_count;
  int check, line;
  peri_str file;
  peri_str message; /* empty: one is made */
  peri_str names;   /* "email, phone" */
  plan_seen *seen;  /* unique */
} plan_rule;

struct peri_plan {
  peri_arena *arena;
  peri_str entity, from, type, integration, path;
  int line;
  plan_field **fields;
  size_t field_count;
  peri_str tail; /* closes the row's object */
  plan_source **sources;
  size_t source_count;
  plan_source *rows;       /* NULL: one row a record */
  peri_paths *element_set; /* rows: what is read of an element */
  peri_paths *grammar;     /* only proves paths */
  plan_field *key;         /* kind id */
  bool key_from_stream;
  plan_rule *rules;
  size_t rule_count;
  bool has_rest;
  peri_str *settings; /* names read, sorted */
  size_t setting_count, setting_cap;
  peri_str *labels; /* JSON of labels read: for the hash */
  size_t label_count, label_cap;
  char hash[33];
  peri_str sources_hash;
  const peri_str *files;
  size_t file_count;
};

struct peri_plan_view {
  const peri_plan *plan;
  int *slots;     /* per source; -1 where none is needed */
  bool parents;   /* parent: is read by slots, where the page has them */
  plan_val *kept; /* per field: what rules look at */
};

typedef struct plan_fail {
  peri_str field;
  const char *code;
  peri_str message, file, shown;
  int line;
} plan_fail;

/* Memory between records; grows to the largest seen. One for the thread: a worker maps one record at a time. */
typedef struct plan_scratch {
  peri_buf row, text, warnings, names, rest;
  plan_fail fails[PLAN_FAILS_MAX]; /* of the record at hand */
  peri_arena *arena;               /* for stamps, which are read where no job's arena is at hand */
} plan_scratch;

typedef struct plan_trace plan_trace;

/* One record being mapped. */
typedef struct plan_run {
  const peri_plan *plan;
  const peri_plan_view *view;
  const peri_record_in *record;
  peri_caller *caller;
  peri_arena *arena;
  plan_scratch *scratch;
  peri_str element_raw; /* what `rest ""` means */
  const peri_slot *element_slots;
  const peri_slot *parent_slots; /* what parent: reads by slot; NULL: the context */
  peri_span context, headers;
  bool context_read, headers_read;
  uint32_t number; /* of the element, from 1 */
  char number_text[12];
  size_t fail_count; /* in scratch->fails */
  size_t warning_count;
  bool stop;      /* time or memory is over: no more calls for this record */
  plan_fail last; /* the failure being made, before on_error decides */
  plan_trace *trace; /* NULL as a rule */
} plan_run;

/* ---- sources.c ---- */
plan_source *plan_source_of(peri_plan *p, peri_str path, bool in_row, bool of_field, const peri_json *settings, peri_err *e);
void plan_source_read(plan_run *r, const plan_source *s, plan_in *in);
void plan_in_span(plan_in *in, peri_span s);
void plan_in_value(plan_run *r, plan_in *in, const peri_value *v);
peri_str plan_in_text(plan_run *r, plan_in *in); /* of a STRING, unescaped */
peri_span plan_span_of(peri_str json);           /* of JSON text that is known to be sound */

/* ---- values.c: between the record, Lua and the row ---- */
void plan_val_put(peri_buf *out, const plan_val *v);
void plan_val_value(plan_run *r, const plan_field *f, const plan_val *v, bool exact, peri_value *out);
void plan_in_to_value(plan_run *r, plan_in *in, bool exact, peri_value *out);
peri_str plan_node_json(peri_arena *a, const peri_node *n, bool empty_is_list); /* of TEXT, INT, NUM, BOOL, NULL, TABLE; {NULL,0} for others */
peri_str plan_shown(peri_arena *a, peri_str raw);
peri_str plan_in_shown(plan_run *r, const plan_in *in);
peri_str plan_val_shown(plan_run *r, const plan_val *v);

static inline void plan_put(peri_buf *b, const char *p, size_t n) {
  char *to = b->cap - b->n > n ? b->p + b->n : peri_buf_room(b, n);
  if (!to) return;
  memcpy(to, p, n);
  b->n += n;
}
static inline bool plan_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline bool plan_digit(char c) { return c >= '0' && c <= '9'; }

void plan_value_put(peri_buf *out, const peri_value *v, size_t most); /* as JSON; of a list about so many bytes */

/* ---- trace.c: only where r->trace is set, but for the first ---- */
void plan_trace_begin(plan_run *r, plan_trace **room);
void plan_trace_end(plan_run *r);
void plan_trace_row(plan_run *r);
void plan_trace_row_end(plan_run *r, const peri_row *row);
void plan_trace_field(plan_run *r, const plan_field *f, const plan_field *own); /* own: the one that a when chose; NULL: none */
void plan_trace_field_end(plan_run *r, const plan_field *own, const plan_val *v, bool failed);
void plan_trace_currency(plan_run *r, const plan_field *own, const plan_val *v);
void plan_trace_in(plan_run *r, const plan_field *f, const char *name, plan_in *in);
void plan_trace_val(plan_run *r, const plan_field *f, const char *name, const plan_val *v);
void plan_trace_text(plan_run *r, const plan_field *f, const char *name, peri_str text);

/* ---- kinds_*.c: false: r->last says why ---- */
typedef bool (*plan_convert)(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
typedef struct plan_kind_spec {
  const char *name;
  const char *type; /* of the view's column */
  plan_convert convert;
  bool texty;                    /* its values are texts: trim, case, pattern by letters; length for min and max */
  bool takes_list, takes_object; /* shapes that it can use */
} plan_kind_spec;
extern const plan_kind_spec plan_kinds[PK_COUNT];
plan_kind plan_kind_named(peri_str name); /* PK_COUNT if none */

bool plan_text(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_email(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_url(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_phone(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_id(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_uuid(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_integer(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_number(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_decimal(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_money(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_boolean(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_date(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_datetime(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_time(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_list(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_json(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_rest(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_currency(plan_run *r, const plan_field *f, plan_val *out); /* the code beside a money value; null if none */

/* A text that a kind made: trimmed and cased as the field wants. */
bool plan_scalar_text(plan_run *r, const plan_field *f, plan_in *in, peri_str *text, bool *plain, const char *wanted);
/* A text form -> strict JSON number ("1 234.50" -> "1234.50"), in the arena if it had to change. */
bool plan_number_tidy(plan_run *r, peri_str text, peri_str *number);
bool plan_moment(plan_run *r, const plan_field *f, plan_in *in, int64_t *ms); /* what datetime reads; for stamps too */
bool plan_format_read(peri_str format, peri_str text, int zone_minutes, int64_t *ms);
bool plan_format_check(peri_str format, const char **what);
bool plan_zone_read(peri_str text, int *minutes);

/* ---- errors.c ---- */
bool plan_wrong(plan_run *r, const plan_field *f, const plan_in *in, const char *wanted, ...) __attribute__((format(printf, 4, 5)));
bool plan_fails(plan_run *r, const plan_field *f, const char *code, peri_str shown, const char *format, ...) __attribute__((format(printf, 5, 6)));
void plan_fail_add(plan_run *r);
void plan_fail_reject(plan_run *r, peri_str key, peri_reject *reject);

/* ---- field.c ---- */
bool plan_field_value(plan_run *r, const plan_field *f, plan_val *out); /* false: failed, r->last */
bool plan_call(plan_run *r, const plan_field *f, int fn, int line, const peri_value *args, size_t count, peri_value results[2]);
/* Empty -> null, map, kind, map: what every value goes through once; also the elements of a list. */
bool plan_convert_one(plan_run *r, const plan_field *f, plan_in *in, plan_val *out);
bool plan_blank(plan_run *r, const plan_field *f, plan_in *in); /* no value */
bool plan_check_bounds(plan_run *r, const plan_field *f, const plan_val *v);
const plan_field *plan_field_chosen(plan_run *r, const plan_field *f); /* of a when; NULL: null */

/* ---- run.c ---- */
plan_scratch *plan_scratch_get(void);

/* ---- describe.c ---- */
void plan_lineage(peri_buf *b, const plan_field *f);

/* ---- rules.c ---- */
typedef enum plan_outcome { PO_FINE, PO_REJECT, PO_SKIP } plan_outcome;
plan_outcome plan_rules(plan_run *r, peri_str key, const bool *failed);
plan_seen *plan_seen_new(peri_arena *a);
void plan_seen_forget(plan_seen *s);
/* 1 new, 0 seen with another key, -1 full */
int plan_seen_add(plan_seen *s, peri_str value, peri_str key);

/* ---- compile_*.c ---- */
typedef struct plan_maker {
  peri_plan *plan;
  const peri_plan_source *source;
  peri_err *e;
  int line;    /* of the mistake */
  bool in_row; /* fields of a mapping with rows */
  bool key;    /* the field being made is the key */
} plan_maker;
plan_maker plan_maker_new(peri_arena *a, const peri_plan_source *source, peri_err *e);
plan_run plan_maker_run(plan_maker *m, peri_record_in *none); /* to convert the values of options, as a record's would be */
plan_field *plan_make_field(plan_maker *m, const peri_node *word, peri_str name, int depth);
bool plan_make_options(plan_maker *m, plan_field *f, const peri_node *word);
bool plan_refuse(plan_maker *m, int line, const char *format, ...) __attribute__((format(printf, 3, 4))); /* always false */
bool plan_make_sources(plan_maker *m, const peri_node *what, int line, const char *of, plan_source ***out, size_t *count);
bool plan_make_rules(plan_maker *m, const peri_node *mapping);
void plan_make_hash(plan_maker *m);

#endif
