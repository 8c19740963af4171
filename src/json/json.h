/* json/json: read once, strictly; write bounded. RFC 8259, no extensions.
 *
 * Three ways to read, from cheap to comfortable:
 *   spans   a checked slice of the input and its type; nothing is copied or unescaped until asked   (this header)
 *   paths   one walk of a document that fills numbered slots with spans                             (json/paths.h)
 *   tree    a document as nodes in an arena, for settings, small replies and control messages       (json/tree.h)
 *
 * Everything that comes from outside is checked exactly once, by peri_json_check, a paths walk, or peri_json_parse:
 * structure, literals, numbers, escapes, control characters, UTF-8, lone surrogates, duplicate keys, nesting
 * (PERI_JSON_DEPTH_MAX). After that spans are trusted. */
#ifndef PERI_JSON_JSON_H
#define PERI_JSON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

typedef enum peri_jtype {
  PERI_J_NONE, /* absent */
  PERI_J_NULL,
  PERI_J_FALSE,
  PERI_J_TRUE,
  PERI_J_NUMBER,
  PERI_J_STRING,
  PERI_J_ARRAY,
  PERI_J_OBJECT
} peri_jtype;

/* A checked JSON value inside a larger text; borrowed. Includes quotes and brackets, no white space around it. */
typedef struct peri_span {
  const char *p;
  uint32_t n;
  uint8_t type;    /* peri_jtype */
  uint8_t escaped; /* a string that holds at least one backslash */
} peri_span;

static inline peri_str peri_span_raw(peri_span s) { return (peri_str){s.p, s.n}; }

typedef struct peri_json_fault {
  size_t offset;     /* byte at which it went wrong */
  const char *what;  /* static text: "a lone surrogate", "the key appears twice", … */
  char near[48];     /* printable excerpt, or the duplicate key */
} peri_json_fault;

/* Checks a whole document (white space around it is fine, anything else is not) and gives its value. */
bool peri_json_check(peri_str text, peri_span *value, peri_json_fault *fault);
/* Checks one value at the start of text and says how many bytes it took, leading white space included (for NDJSON and streams). */
bool peri_json_check_prefix(peri_str text, peri_span *value, size_t *used, peri_json_fault *fault);
/* "line 3, column 7: a lone surrogate near …" into out. */
void peri_json_fault_text(const peri_json_fault *fault, peri_str text, char *out, size_t out_bytes);

/* ---- trusted spans ---- */

/* Text of a string span. Without escapes it is a view into the input; otherwise unescaped into *scratch (appended;
 * the view is valid until scratch changes). Holds NUL bytes where the input said \u0000. */
peri_str peri_span_text(peri_span s, peri_buf *scratch);

typedef struct peri_span_iter { const char *p, *end; } peri_span_iter;
peri_span_iter peri_span_open(peri_span container);                       /* array or object */
bool peri_span_next(peri_span_iter *i, peri_span *element);               /* arrays */
bool peri_span_next_member(peri_span_iter *i, peri_span *key, peri_span *value); /* objects; key is a string span */
/* First member called `key` (compared unescaped); type NONE if absent or not an object. */
peri_span peri_span_member(peri_span object, peri_str key);
/* Follows a path (json/paths.h grammar without `[]`): nested first, then a literal dotted key. NONE if absent. */
peri_span peri_span_at(peri_span value, peri_str path);

/* ---- numbers: exact, as text ---- */

bool peri_number_is_integer(peri_str number);          /* no fraction or exponent part that leaves one: 12, -0, 1e3, 1.0 */
/* Canonical integer digits ("-12") of any JSON number or decimal text that is a whole number of at most 40 digits; false otherwise. */
bool peri_number_integer(peri_str number, char out[48]);
bool peri_number_i64(peri_str number, int64_t *out);   /* whole and in range */
bool peri_number_u64(peri_str number, uint64_t *out);
bool peri_number_double(peri_str number, double *out); /* correctly rounded; false for infinity */
/* Canonical exact decimal: no exponent, no leading zeros, no trailing zeros of the fraction, "-0" is "0".
 * false if it is no decimal number, or has more than 400 digits. Appends to out. */
bool peri_decimal_canonical(peri_str number, peri_buf *out);
/* Rounds a canonical decimal half-even to `scale` digits after the point, keeps exactly that many. Appends to out. */
bool peri_decimal_round(peri_str canonical, int scale, peri_buf *out);
int peri_decimal_compare(peri_str a, peri_str b);      /* of canonical decimals: -1, 0, 1 */
/* Shortest text that reads back as the same double: 0.1, 1e+300. Whole values in 2^53 are written as integers. Never NaN. */
void peri_double_put(peri_buf *out, double value);

/* ---- writing: appends to a buf; a small state machine puts the commas ---- */

typedef struct peri_jw {
  peri_buf *out;
  uint64_t first[3]; /* bit per level: nothing written yet */
  int depth;
  bool after_key;
} peri_jw;

void peri_jw_init(peri_jw *w, peri_buf *out);
void peri_jw_object(peri_jw *w);
void peri_jw_end_object(peri_jw *w);
void peri_jw_array(peri_jw *w);
void peri_jw_end_array(peri_jw *w);
void peri_jw_key(peri_jw *w, peri_str key);
void peri_jw_key_c(peri_jw *w, const char *key);
void peri_jw_text(peri_jw *w, peri_str text);      /* escapes; text must be valid UTF-8 (invalid bytes become U+FFFD) */
void peri_jw_c(peri_jw *w, const char *text);      /* NULL writes null */
void peri_jw_int(peri_jw *w, int64_t v);
void peri_jw_u64(peri_jw *w, uint64_t v);
void peri_jw_double(peri_jw *w, double v);
void peri_jw_bool(peri_jw *w, bool v);
void peri_jw_null(peri_jw *w);
void peri_jw_raw(peri_jw *w, peri_str json);       /* already JSON: copied byte for byte */
/* key and value in one step */
void peri_jw_kv(peri_jw *w, const char *key, peri_str text);
void peri_jw_kv_c(peri_jw *w, const char *key, const char *text);
void peri_jw_kv_int(peri_jw *w, const char *key, int64_t v);
void peri_jw_kv_bool(peri_jw *w, const char *key, bool v);
void peri_jw_kv_raw(peri_jw *w, const char *key, peri_str json);

/* Appends text as a JSON string, quotes included. */
void peri_json_quote(peri_buf *out, peri_str text);

#endif
