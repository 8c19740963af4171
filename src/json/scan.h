/* json/scan: the strict scanner that every untrusted byte passes once, and the quick skips over bytes that have passed.
 * For this room only. Never reads past `end`: sixteen bytes are loaded at once only where sixteen are left. */
#ifndef PERI_JSON_SCAN_H
#define PERI_JSON_SCAN_H

#include "base/mem.h"
#include "json/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A key of an object that is still open, unescaped. */
typedef struct peri_scan_key {
  const char *p;
  uint32_t n, tag;
} peri_scan_key;

#define PERI_SCAN_KEYS_AT_HAND 64

typedef struct peri_scan {
  const char *start, *end;
  peri_json_fault *fault; /* never NULL */
  peri_scan_key *keys;    /* a stack: the keys of all open objects */
  uint32_t key_count, key_cap;
  uint32_t *table; /* a stack too: hash tables of the open objects that have many keys */
  size_t table_count, table_cap;
  peri_arena *texts; /* of keys that were written with escapes */
  peri_scan_key at_hand[PERI_SCAN_KEYS_AT_HAND];
} peri_scan;

void peri_scan_init(peri_scan *s, peri_str text, peri_json_fault *fault);
void peri_scan_fini(peri_scan *s);

/* Notes the fault; always NULL, so that `return peri_scan_fail(…)` reads as one step. */
const char *peri_scan_fail(peri_scan *s, const char *at, const char *what);
const char *peri_scan_fail_key(peri_scan *s, const char *at, peri_str key); /* "the key appears twice" */

/* The keys of one object: says when one comes twice. */
typedef struct peri_keyset {
  uint32_t base, count;
  size_t table_base;
  uint32_t table_size;
  bool unsorted;
} peri_keyset;

static inline peri_keyset peri_keyset_open(const peri_scan *s) { return (peri_keyset){.base = s->key_count, .table_base = s->table_count}; }
static inline void peri_keyset_close(peri_scan *s, const peri_keyset *set) {
  s->key_count = set->base;
  s->table_count = set->table_base;
}
bool peri_keyset_add(peri_scan *s, peri_keyset *set, peri_str key); /* false: it was there */
peri_str peri_scan_key_text(peri_scan *s, const char *from, const char *to, bool escaped);

/* One value at p (no white space before it); `depth` containers are open around it. Gives the place behind it, NULL on a fault. */
const char *peri_scan_value(peri_scan *s, const char *p, unsigned depth, peri_span *out);
const char *peri_scan_number(peri_scan *s, const char *p);
const char *peri_scan_literal(peri_scan *s, const char *p, peri_span *out);
const char *peri_scan_string_slow(peri_scan *s, const char *p, bool *escaped);
/* White space, then one value, then white space and the end. */
const char *peri_scan_begin(peri_scan *s);
bool peri_scan_finish(peri_scan *s, const char *p);

/* What a broken record takes up, if its quotes and brackets at least match; NULL otherwise. */
const char *peri_scan_skip_broken(const char *p, const char *end);

static inline const char *peri_scan_white(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

/* p stands behind the opening quote; gives the closing one. */
static inline const char *peri_scan_string(peri_scan *s, const char *p, bool *escaped) {
#ifdef __SSE2__
  while (s->end - p >= 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    /* a signed comparison finds control characters and bytes of 0x80 and above at once */
    __m128i odd = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))),
                               _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));
    unsigned mask = (unsigned)_mm_movemask_epi8(odd);
    if (mask) {
      p += __builtin_ctz(mask);
      if (*p == '"') return p;
      break;
    }
    p += 16;
  }
#endif
  return peri_scan_string_slow(s, p, escaped);
}

static inline peri_span peri_span_of(const char *from, const char *to, peri_jtype type, bool escaped) {
  return (peri_span){from, (uint32_t)(to - from), (uint8_t)type, escaped};
}

/* The same as peri_scan_value, quick for strings. */
static inline const char *peri_scan_any(peri_scan *s, const char *p, unsigned depth, peri_span *out) {
  if (p >= s->end || *p != '"') return peri_scan_value(s, p, depth, out);
  bool escaped = false;
  const char *quote = peri_scan_string(s, p + 1, &escaped);
  if (!quote) return NULL;
  *out = peri_span_of(p, quote + 1, PERI_J_STRING, escaped);
  return quote + 1;
}

/* ---- over bytes that have passed; they stay inside [p, end) whatever the bytes are ---- */

const char *peri_skip_string(const char *p, const char *end, bool *escaped); /* p behind the opening quote; gives the place behind the closing one */
const char *peri_skip_container(const char *p, const char *end);            /* p at the bracket */
const char *peri_skip_value(const char *p, const char *end, peri_span *out);

/* Unescapes the inside of a checked string; out needs as many bytes as the input has. Gives the length. */
size_t peri_unescape(char *out, const char *p, size_t n);

#endif
