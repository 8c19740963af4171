/* core/holes: what the placeholders of a request become. Shared by the files that fill requests; other files of core use connector.h.
 *
 * A value is a peri_json node; absent is NULL. Lists and objects made here have no `raw`. */
#ifndef PERI_CORE_HOLES_H
#define PERI_CORE_HOLES_H

#include "core/connector.h"

/* One request being filled. */
typedef struct peri_scope {
  peri_arena *a;
  const peri_connector *c;
  const peri_request *r;        /* NULL while a base URL is made */
  const peri_fill *fill;
  peri_err *e;
  peri_code code;               /* the first failure; then everything is absent */
  const peri_json **parents, **contexts, **records; /* parsed when first asked for */
  size_t parent_at, record_at;  /* which of them the list element in work is for */
  bool wanted_over;
  bool secrets_ok;              /* never inside a path */
} peri_scope;

void peri_scope_init(peri_scope *s, peri_arena *a, const peri_connector *c, const peri_request *r, const peri_fill *fill, peri_err *e);
void peri_scope_fail(peri_scope *s, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A hole's value. *verbatim: text of the connector itself (a version's fragment), which is not encoded. */
const peri_json *peri_hole_value(peri_scope *s, const peri_node *hole, bool *verbatim);
/* Any node of a request: literals, holes, joined texts, tables. Lists of absent things are empty lists; absent members are left out. */
peri_json *peri_hole_json(peri_scope *s, const peri_node *n);
/* Joined texts and holes as one text; false if a piece is absent. */
bool peri_hole_joined(peri_scope *s, const peri_node *n, peri_str *out);
/* A value as text: lists joined, objects as compact JSON; false for null. */
bool peri_hole_text(peri_arena *a, const peri_json *v, peri_str join, peri_str *out);
/* "since \"ms\"", as explain and messages name a hole. */
peri_str peri_hole_name(peri_arena *a, const peri_node *hole);
/* Does this list hold `word` itself, not inside a deeper list? */
bool peri_hole_stands_in(const peri_node *list, const char *word);

/* The table of a `when`: exact values, then "pre*" patterns (longer first), then "*" for any present one, then otherwise. */
const peri_node *peri_when_choose(const peri_node *table, peri_str value, bool present);

peri_json *peri_json_new(peri_arena *a, peri_jtype type, peri_str text);
void peri_json_push(peri_json *list, peri_json *item);                        /* array */
void peri_json_member(peri_arena *a, peri_json *object, peri_str key, peri_json *value); /* replaces in place */

/* A position as `since` and `upto` write it. form empty: the default of the kind. zone: minutes east of UTC. */
peri_json *peri_stamp_json(peri_arena *a, peri_stamp_kind kind, peri_str form, int64_t position, int zone_minutes);
/* Minutes east of UTC of "UTC", "Z", "+02:00", "Europe/Berlin" at that time. Unknown names count as UTC. */
int peri_zone_minutes(peri_str zone, int64_t at_ms);

/* Values of a reply: `header:NAME`, `status:`, `body:`, or a path of its JSON body, `[]` for every element. `each` is called with texts as they are
 * compared (null and absent are not reported); it returns false to stop. */
typedef struct peri_reply_reader {
  peri_arena *a;
  const peri_http_reply *reply;
  const peri_json *settings;
  const peri_connector *c;
  peri_span body;  /* type NONE until it was looked at, or if it is no JSON */
  bool looked;
} peri_reply_reader;
void peri_reply_each(peri_reply_reader *r, peri_str path, bool (*each)(void *self, peri_str text), void *self);
bool peri_reply_first(peri_reply_reader *r, peri_str path, peri_str *out);

peri_str peri_reply_header(const peri_http_reply *reply, peri_str name); /* whatever the case; {NULL,0} if absent */

/* "how long to wait" in any spelling: seconds, a stamp in s or ms, ISO, an HTTP date; false if it is none of them. Never negative. */
bool peri_wait_read(peri_str text, int64_t now_ms, int64_t *wait_ms);

#endif
