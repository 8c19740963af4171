/* json/scan: strict RFC 8259 in one pass: structure, literals, numbers, escapes, control characters, UTF-8, surrogates,
 * nesting. What it refuses is named with the byte where it stands. Start at peri_json_check. */
#include "json/scan.h"

#include <stdio.h>
#include <stdlib.h>

void peri_scan_init(peri_scan *s, peri_str text, peri_json_fault *fault) {
  *fault = (peri_json_fault){0};
  s->start = text.n ? text.p : "";
  s->end = s->start + text.n;
  s->fault = fault;
  s->keys = s->at_hand;
  s->key_cap = PERI_SCAN_KEYS_AT_HAND;
  s->key_count = 0;
  s->table = NULL;
  s->table_count = s->table_cap = 0;
  s->texts = NULL;
}

void peri_scan_fini(peri_scan *s) {
  if (s->keys != s->at_hand) free(s->keys);
  free(s->table);
  peri_arena_free(s->texts);
}

/* A printable excerpt that ends at a whole character. */
static void excerpt(char *out, size_t out_bytes, peri_str text) {
  size_t to = 0;
  for (size_t i = 0; i < text.n;) {
    unsigned char c = (unsigned char)text.p[i];
    size_t len = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    bool whole = len <= text.n - i && peri_utf8_valid((peri_str){text.p + i, len});
    bool c1 = whole && c == 0xC2 && (unsigned char)text.p[i + 1] < 0xA0;
    bool plain = whole && c >= 0x20 && c != 0x7F && !c1;
    if (!whole) len = 1;
    if (to + (plain ? len : 1) >= out_bytes) break;
    if (plain) {
      memcpy(out + to, text.p + i, len);
      to += len;
    } else {
      out[to++] = '?';
    }
    i += len;
  }
  out[to] = 0;
}

const char *peri_scan_fail(peri_scan *s, const char *at, const char *what) {
  if (at < s->end && *at == 0) what = "a NUL byte";
  if (at >= s->end) what = s->start == s->end ? "the text is empty" : "the text ends too early";
  s->fault->offset = (size_t)(at - s->start);
  s->fault->what = what;
  size_t left = (size_t)(s->end - at);
  excerpt(s->fault->near, 24, (peri_str){at, left < 40 ? left : 40});
  return NULL;
}

const char *peri_scan_fail_key(peri_scan *s, const char *at, peri_str key) {
  s->fault->offset = (size_t)(at - s->start);
  s->fault->what = "the key appears twice";
  excerpt(s->fault->near, sizeof s->fault->near, key);
  return NULL;
}

static int hex4(const char *p, const char *end) {
  if (end - p < 4) return -1;
  int v = 0;
  for (int i = 0; i < 4; i++) {
    char c = p[i];
    int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (d < 0) return -1;
    v = v << 4 | d;
  }
  return v;
}

/* p at the backslash; gives the place behind the escape. */
static const char *escape(peri_scan *s, const char *p) {
  const char *end = s->end;
  if (end - p < 2) return peri_scan_fail(s, end, "");
  switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return p + 2;
    case 'u': break;
    default: return peri_scan_fail(s, p, "an unknown escape");
  }
  int unit = hex4(p + 2, end);
  if (unit < 0) return peri_scan_fail(s, p, "an unfinished \\u escape");
  if (unit < 0xD800 || unit > 0xDFFF) return p + 6;
  if (unit < 0xDC00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
    int low = hex4(p + 8, end);
    if (low >= 0xDC00 && low <= 0xDFFF) return p + 12;
  }
  return peri_scan_fail(s, p, "a lone surrogate");
}

/* p at a byte of 0x80 or above; gives the place behind the run of such characters. */
static const char *utf8(peri_scan *s, const char *from) {
  const unsigned char *p = (const unsigned char *)from, *end = (const unsigned char *)s->end;
  while (p < end && *p >= 0x80) {
    size_t left = (size_t)(end - p), n = 0;
    unsigned char c = *p;
    if (c >= 0xC2 && c <= 0xDF) {
      if (left >= 2 && (p[1] & 0xC0) == 0x80) n = 2;
    } else if ((c & 0xF0) == 0xE0) {
      if (left >= 3 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 && !(c == 0xE0 && p[1] < 0xA0) && !(c == 0xED && p[1] > 0x9F)) n = 3;
    } else if (c >= 0xF0 && c <= 0xF4) {
      if (left >= 4 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 && (p[3] & 0xC0) == 0x80 && !(c == 0xF0 && p[1] < 0x90) &&
          !(c == 0xF4 && p[1] > 0x8F))
        n = 4;
    }
    if (!n) return peri_scan_fail(s, (const char *)p, "bytes that are not UTF-8");
    p += n;
  }
  return (const char *)p;
}

const char *peri_scan_string_slow(peri_scan *s, const char *p, bool *escaped) {
  const char *end = s->end;
  for (;;) {
#ifdef __SSE2__
    while (end - p >= 16) {
      __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
      __m128i odd = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))),
                                 _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));
      unsigned mask = (unsigned)_mm_movemask_epi8(odd);
      if (mask) {
        p += __builtin_ctz(mask);
        break;
      }
      p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80) p++;
    if (p >= end) return peri_scan_fail(s, end, "");
    unsigned char c = (unsigned char)*p;
    if (c == '"') return p;
    if (c == '\\') {
      *escaped = true;
      if (!(p = escape(s, p))) return NULL;
    } else if (c < 0x20) {
      return peri_scan_fail(s, p, "a control character in a string");
    } else if (!(p = utf8(s, p))) {
      return NULL;
    }
  }
}

static bool digit(const char *p, const char *end) { return p < end && *p >= '0' && *p <= '9'; }

const char *peri_scan_number(peri_scan *s, const char *p) {
  const char *end = s->end, *from = p;
  if (*p == '-') p++;
  if (!digit(p, end)) return peri_scan_fail(s, p < end ? from : p, "not a number");
  if (*p == '0') {
    p++;
    if (digit(p, end)) return peri_scan_fail(s, from, "a number with leading zeros");
  } else {
    while (digit(p, end)) p++;
  }
  if (p < end && *p == '.') {
    if (!digit(++p, end)) return peri_scan_fail(s, p < end ? from : p, "a number without digits after its point");
    while (digit(p, end)) p++;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    if (!digit(p, end)) return peri_scan_fail(s, p < end ? from : p, "a number without digits in its exponent");
    while (digit(p, end)) p++;
  }
  return p;
}

const char *peri_scan_literal(peri_scan *s, const char *p, peri_span *out) {
  size_t left = (size_t)(s->end - p);
  const char *to = NULL;
  peri_jtype type = PERI_J_NULL;
  if (left >= 4 && memcmp(p, "null", 4) == 0) {
    to = p + 4;
  } else if (left >= 4 && memcmp(p, "true", 4) == 0) {
    to = p + 4;
    type = PERI_J_TRUE;
  } else if (left >= 5 && memcmp(p, "false", 5) == 0) {
    to = p + 5;
    type = PERI_J_FALSE;
  } else {
    return peri_scan_fail(s, p, *p == 'N' || *p == 'I' ? "NaN and Infinity are no JSON values" : "not a JSON value");
  }
  *out = peri_span_of(p, to, type, false);
  return to;
}

/* After a key: white space, the colon, white space. */
static const char *colon(peri_scan *s, const char *p) {
  p = peri_scan_white(p, s->end);
  if (p >= s->end || *p != ':') return peri_scan_fail(s, p, "a colon is missing after a key");
  return peri_scan_white(p + 1, s->end);
}

static __attribute__((noinline)) const char *object(peri_scan *s, const char *p, unsigned depth) {
  peri_keyset set = peri_keyset_open(s);
  p = peri_scan_white(p + 1, s->end);
  if (p < s->end && *p == '}') return p + 1;
  for (;;) {
    if (p >= s->end || *p != '"') return peri_scan_fail(s, p, "a key in quotes is missing");
    bool escaped = false;
    const char *key = p + 1, *quote = peri_scan_string(s, key, &escaped);
    if (!quote) return NULL;
    peri_str text = peri_scan_key_text(s, key, quote, escaped);
    if (!peri_keyset_add(s, &set, text)) return peri_scan_fail_key(s, p, text);
    peri_span value;
    if (!(p = colon(s, quote + 1))) return NULL;
    if (!(p = peri_scan_any(s, p, depth + 1, &value))) return NULL;
    p = peri_scan_white(p, s->end);
    if (p < s->end && *p == ',') {
      p = peri_scan_white(p + 1, s->end);
      continue;
    }
    if (p < s->end && *p == '}') break;
    return peri_scan_fail(s, p, "a comma or } is missing in an object");
  }
  peri_keyset_close(s, &set);
  return p + 1;
}

static __attribute__((noinline)) const char *array(peri_scan *s, const char *p, unsigned depth) {
  p = peri_scan_white(p + 1, s->end);
  if (p < s->end && *p == ']') return p + 1;
  for (;;) {
    peri_span value;
    if (!(p = peri_scan_any(s, p, depth + 1, &value))) return NULL;
    p = peri_scan_white(p, s->end);
    if (p < s->end && *p == ',') {
      p = peri_scan_white(p + 1, s->end);
      continue;
    }
    if (p < s->end && *p == ']') return p + 1;
    return peri_scan_fail(s, p, "a comma or ] is missing in a list");
  }
}

const char *peri_scan_value(peri_scan *s, const char *p, unsigned depth, peri_span *out) {
  if (p >= s->end) return peri_scan_fail(s, p, "");
  const char *from = p;
  bool escaped = false;
  peri_jtype type;
  switch (*p) {
    case '"':
      type = PERI_J_STRING;
      p = peri_scan_string(s, p + 1, &escaped);
      if (p) p++;
      break;
    case '{':
    case '[':
      if (depth >= PERI_JSON_DEPTH_MAX) return peri_scan_fail(s, p, "nested deeper than 128 levels");
      type = *p == '{' ? PERI_J_OBJECT : PERI_J_ARRAY;
      p = *p == '{' ? object(s, p, depth) : array(s, p, depth);
      break;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
      type = PERI_J_NUMBER;
      p = peri_scan_number(s, p);
      break;
    default: return peri_scan_literal(s, p, out);
  }
  if (p) *out = peri_span_of(from, p, type, escaped);
  return p;
}
_Static_assert(PERI_JSON_DEPTH_MAX == 128, "the text above names the ceiling");

const char *peri_scan_begin(peri_scan *s) {
  if ((uint64_t)(s->end - s->start) > UINT32_MAX) return peri_scan_fail(s, s->start, "larger than 4 GB");
  if (s->end - s->start >= 3 && memcmp(s->start, "\xEF\xBB\xBF", 3) == 0) return peri_scan_fail(s, s->start, "a byte order mark before the JSON");
  return peri_scan_white(s->start, s->end);
}

bool peri_scan_finish(peri_scan *s, const char *p) {
  p = peri_scan_white(p, s->end);
  if (p < s->end) peri_scan_fail(s, p, "something stands after the JSON value");
  return p == s->end;
}

bool peri_json_check_prefix(peri_str text, peri_span *value, size_t *used, peri_json_fault *fault) {
  peri_json_fault unused;
  peri_scan s;
  peri_scan_init(&s, text, fault ? fault : &unused);
  const char *p = peri_scan_begin(&s);
  *value = (peri_span){0};
  if (p) p = peri_scan_value(&s, p, 0, value);
  if (p) *used = (size_t)(p - s.start);
  else *value = (peri_span){0};
  peri_scan_fini(&s);
  return p != NULL;
}

bool peri_json_check(peri_str text, peri_span *value, peri_json_fault *fault) {
  peri_json_fault unused;
  peri_span ignored;
  if (!fault) fault = &unused;
  if (!value) value = &ignored;
  size_t used = 0;
  if (!peri_json_check_prefix(text, value, &used, fault)) return false;
  peri_scan s;
  peri_scan_init(&s, text, fault);
  bool ok = peri_scan_finish(&s, s.start + used);
  peri_scan_fini(&s);
  if (!ok) *value = (peri_span){0};
  return ok;
}

void peri_json_fault_text(const peri_json_fault *fault, peri_str text, char *out, size_t out_bytes) {
  size_t line = 1, column = 1, stop = fault->offset < text.n ? fault->offset : text.n;
  for (size_t i = 0; i < stop; i++) {
    if (text.p[i] == '\n') {
      line++;
      column = 1;
    } else if (((unsigned char)text.p[i] & 0xC0) != 0x80) {
      column++;
    }
  }
  const char *what = fault->what ? fault->what : "not JSON";
  if (fault->near[0]) snprintf(out, out_bytes, "line %zu, column %zu: %s near %s", line, column, what, fault->near);
  else snprintf(out, out_bytes, "line %zu, column %zu: %s", line, column, what);
}
