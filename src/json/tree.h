/* json/tree: a document as nodes in an arena, key order and number text kept. For small things: settings, error replies,
 * control messages. Pages never become trees. */
#ifndef PERI_JSON_TREE_H
#define PERI_JSON_TREE_H

#include "base/mem.h"
#include "json/json.h"

typedef struct peri_json peri_json;
struct peri_json {
  peri_jtype type;
  peri_str key;      /* if it is a member of an object */
  peri_str text;     /* string: unescaped; number: as written */
  peri_str raw;      /* the value's own bytes, in the arena */
  peri_json *first;  /* children of an array or object, in order */
  peri_json *next;
  size_t count;
};

/* The text is copied into the arena first, so the tree does not borrow from the caller. NULL and *fault on a mistake. */
peri_json *peri_json_parse(peri_arena *a, peri_str text, peri_json_fault *fault);

/* All of these take NULL and answer NULL, the fallback, or {NULL,0}: chains need no checks. */
peri_json *peri_json_get(const peri_json *object, const char *key);
peri_json *peri_json_get_str(const peri_json *object, peri_str key);
peri_json *peri_json_item(const peri_json *array, size_t index);
peri_json *peri_json_at(const peri_json *value, peri_str path); /* a.b, a[0], a[-1], literal dotted keys; "" is the value */
peri_str peri_json_str(const peri_json *string);                /* of a string or a number's text */
peri_str peri_json_get_text(const peri_json *object, const char *key);
int64_t peri_json_int(const peri_json *number, int64_t fallback); /* numbers, and strings that hold one */
int64_t peri_json_get_int(const peri_json *object, const char *key, int64_t fallback);
bool peri_json_bool(const peri_json *value, bool fallback);
bool peri_json_get_bool(const peri_json *object, const char *key, bool fallback);
void peri_json_put(peri_buf *out, const peri_json *value);      /* compact; numbers as written */

#endif
