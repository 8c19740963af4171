/* base/str: borrowed views of bytes. A view never owns; it lives as long as what it looks at. */
#ifndef PERI_BASE_STR_H
#define PERI_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct peri_str {
  const char *p; /* not NUL-terminated in general; may hold NUL bytes */
  size_t n;
} peri_str;

#define PERI_STR(literal) ((peri_str){("" literal), sizeof(literal) - 1})
#define PERI_S(s) (int)(s).n, (s).p /* for "%.*s" */

static inline peri_str peri_str_of(const char *c) { return (peri_str){c, c ? strlen(c) : 0}; }
static inline bool peri_str_eq(peri_str a, peri_str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool peri_str_is(peri_str a, const char *c) { return peri_str_eq(a, peri_str_of(c)); }

int peri_str_cmp(peri_str a, peri_str b); /* byte order, like memcmp then length */
bool peri_str_starts(peri_str s, peri_str prefix);
bool peri_str_ends(peri_str s, peri_str suffix);
peri_str peri_str_trim(peri_str s); /* ASCII white space */
peri_str peri_str_from(peri_str s, size_t offset);
/* Cuts s at the first `separator`: *head gets what is before it, the rest is returned; whole and empty if there is none. */
peri_str peri_str_cut(peri_str s, char separator, peri_str *head);
bool peri_str_eq_nocase(peri_str a, peri_str b);            /* ASCII only */
bool peri_str_glob(peri_str pattern, peri_str s);           /* `*` stands for any run of bytes */
bool peri_utf8_valid(peri_str s);                           /* strict: no surrogates, no overlongs */
size_t peri_utf8_put(char out[4], unsigned codepoint);      /* bytes written; 0 for what is no scalar value */

/* Undoes %XX; with `plus` also + for a space (forms and queries). out has room for text.n bytes; gives how many were written. */
size_t peri_percent_decode(peri_str text, bool plus, char *out);

/* "did you mean": the candidate nearest to `word` if it is near enough, else {NULL,0}. */
peri_str peri_suggest(peri_str word, const peri_str *candidates, size_t count);

#endif
