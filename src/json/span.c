/* json/span: reading values that were checked before. Refuses nothing: what does not fit is absent. Also the one skip over a
 * broken record, which looks at quotes and brackets only. */
#include "json/path.h"
#include "json/scan.h"

const char *peri_skip_string(const char *p, const char *end, bool *escaped) {
  for (;;) {
#ifdef __SSE2__
    while (end - p >= 16) {
      __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
      __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
      unsigned mask = (unsigned)_mm_movemask_epi8(odd);
      if (mask) {
        p += __builtin_ctz(mask);
        break;
      }
      p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\') p++;
    if (p >= end) return end;
    if (*p == '"') return p + 1;
    *escaped = true;
    if (end - p < 2) return end;
    p += 2;
  }
}

const char *peri_skip_container(const char *p, const char *end) {
  size_t depth = 0;
  bool escaped;
  while (p < end) {
#ifdef __SSE2__
    while (end - p >= 16) {
      __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
      __m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20)); /* [ and { differ in this bit alone, ] and } as well */
      __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                 _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')), _mm_cmpeq_epi8(folded, _mm_set1_epi8('}'))));
      unsigned mask = (unsigned)_mm_movemask_epi8(odd);
      if (mask) {
        p += __builtin_ctz(mask);
        break;
      }
      p += 16;
    }
#endif
    if (p >= end) return end;
    char c = *p++;
    if (c == '"') {
      p = peri_skip_string(p, end, &escaped);
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth <= 1) return p;
      depth--;
    }
  }
  return end;
}

static bool ends_scalar(char c) {
  return c == ',' || c == ']' || c == '}' || c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '"';
}

const char *peri_skip_value(const char *p, const char *end, peri_span *out) {
  if (p >= end) {
    *out = (peri_span){0};
    return end;
  }
  const char *from = p;
  bool escaped = false;
  peri_jtype type;
  switch (*p) {
    case '"':
      type = PERI_J_STRING;
      p = peri_skip_string(p + 1, end, &escaped);
      break;
    case '{':
    case '[':
      type = *p == '{' ? PERI_J_OBJECT : PERI_J_ARRAY;
      p = peri_skip_container(p, end);
      break;
    default:
      type = *p == 'n' ? PERI_J_NULL : *p == 't' ? PERI_J_TRUE : *p == 'f' ? PERI_J_FALSE : PERI_J_NUMBER;
      do p++;
      while (p < end && !ends_scalar(*p));
  }
  *out = peri_span_of(from, p, type, escaped);
  return p;
}

#define BROKEN_DEPTH_MAX 4096 /* deeper than a sound record may be, for its own depth may be what is wrong */

const char *peri_scan_skip_broken(const char *p, const char *end) {
  uint64_t objects[BROKEN_DEPTH_MAX / 64] = {0};
  size_t depth = 0;
  bool escaped;
  while (p < end) {
    char c = *p;
    if (c == '"') {
      const char *to = peri_skip_string(p + 1, end, &escaped);
      if (to[-1] != '"' || to - p < 2) return NULL;
      p = to;
    } else if (c == '{' || c == '[') {
      if (depth == BROKEN_DEPTH_MAX) return NULL;
      uint64_t bit = UINT64_C(1) << (depth % 64);
      if (c == '{') objects[depth / 64] |= bit;
      else objects[depth / 64] &= ~bit;
      depth++;
      p++;
    } else if (c == '}' || c == ']') {
      if (!depth) return NULL;
      depth--;
      if ((objects[depth / 64] >> (depth % 64) & 1) != (c == '}')) return NULL;
      p++;
    } else {
      if (!depth && ends_scalar(c)) return NULL;
      do p++;
      while (p < end && !ends_scalar(*p) && *p != '{' && *p != '[');
      if (depth) {
        while (p < end && (*p == ',' || *p == ':' || *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
        continue;
      }
      return p;
    }
    if (!depth) return p;
  }
  return NULL;
}

static unsigned hex_unit(const char *p) {
  unsigned v = 0;
  for (int i = 0; i < 4; i++) {
    unsigned c = (unsigned char)p[i];
    v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return v;
}

size_t peri_unescape(char *out, const char *p, size_t n) {
  const char *end = p + n;
  char *to = out;
  while (p < end) {
    const char *slash = memchr(p, '\\', (size_t)(end - p));
    size_t plain = (size_t)((slash ? slash : end) - p);
    memmove(to, p, plain);
    to += plain;
    if (!slash || end - slash < 2) break;
    p = slash + 2;
    switch (slash[1]) {
      case 'b': *to++ = '\b'; break;
      case 'f': *to++ = '\f'; break;
      case 'n': *to++ = '\n'; break;
      case 'r': *to++ = '\r'; break;
      case 't': *to++ = '\t'; break;
      case 'u': {
        if (end - p < 4) return (size_t)(to - out);
        unsigned c = hex_unit(p);
        p += 4;
        if (c >= 0xD800 && c <= 0xDBFF && end - p >= 6) {
          c = 0x10000 + ((c - 0xD800) << 10) + (hex_unit(p + 2) - 0xDC00);
          p += 6;
        }
        to += peri_utf8_put(to, c);
        break;
      }
      default: *to++ = slash[1];
    }
  }
  return (size_t)(to - out);
}

peri_str peri_span_text(peri_span s, peri_buf *scratch) {
  if (s.type != PERI_J_STRING) return (peri_str){NULL, 0};
  peri_str inside = {s.p + 1, s.n - 2u};
  if (!s.escaped) return inside;
  char *room = peri_buf_room(scratch, inside.n);
  if (!room) return (peri_str){NULL, 0};
  size_t n = peri_unescape(room, inside.p, inside.n);
  scratch->n += n;
  return (peri_str){room, n};
}

peri_span_iter peri_span_open(peri_span c) {
  if (c.type != PERI_J_ARRAY && c.type != PERI_J_OBJECT) return (peri_span_iter){"", ""};
  return (peri_span_iter){c.p + 1, c.p + c.n - 1};
}

/* To the next element or key: over white space and one comma. */
static const char *to_next(const char *p, const char *end) {
  p = peri_scan_white(p, end);
  if (p < end && *p == ',') p = peri_scan_white(p + 1, end);
  return p;
}

bool peri_span_next(peri_span_iter *i, peri_span *element) {
  i->p = to_next(i->p, i->end);
  if (i->p >= i->end) return false;
  i->p = peri_skip_value(i->p, i->end, element);
  return true;
}

bool peri_span_next_member(peri_span_iter *i, peri_span *key, peri_span *value) {
  const char *p = to_next(i->p, i->end);
  i->p = i->end;
  if (p >= i->end) return false;
  p = peri_scan_white(peri_skip_value(p, i->end, key), i->end);
  if (p < i->end && *p == ':') p = peri_scan_white(p + 1, i->end);
  if (p >= i->end) return false;
  i->p = peri_skip_value(p, i->end, value);
  return true;
}

bool peri_span_key_is(peri_span key, peri_str text) {
  if (key.n < 2) return false;
  peri_str inside = {key.p + 1, key.n - 2u};
  if (!key.escaped) return peri_str_eq(inside, text);
  if (inside.n < text.n) return false;
  peri_buf scratch = {0};
  bool same = peri_str_eq(peri_span_text(key, &scratch), text);
  peri_buf_fini(&scratch);
  return same;
}

peri_span peri_span_member(peri_span object, peri_str key) {
  peri_span k, v;
  if (object.type != PERI_J_OBJECT) return (peri_span){0};
  for (peri_span_iter i = peri_span_open(object); peri_span_next_member(&i, &k, &v);)
    if (peri_span_key_is(k, key)) return v;
  return (peri_span){0};
}

static peri_span element(peri_span array, long index) {
  peri_span e;
  if (array.type != PERI_J_ARRAY) return (peri_span){0};
  if (index < 0) {
    long count = 0;
    for (peri_span_iter i = peri_span_open(array); peri_span_next(&i, &e);) count++;
    index += count;
  }
  for (peri_span_iter i = peri_span_open(array); index >= 0 && peri_span_next(&i, &e); index--)
    if (index == 0) return e;
  return (peri_span){0};
}

static peri_span follow(peri_span value, const peri_path *path, int at) {
  while (at < path->count && path->steps[at].kind == PERI_STEP_INDEX) value = element(value, path->steps[at++].index);
  if (at == path->count) return value;
  if (path->steps[at].kind != PERI_STEP_KEY || value.type != PERI_J_OBJECT) return (peri_span){0};
  peri_span inner = peri_span_member(value, path->steps[at].key);
  if (inner.type != PERI_J_NONE) inner = follow(inner, path, at + 1);
  int last = peri_path_run_end(path, at);
  if (inner.type == PERI_J_NONE && last > at) {
    inner = peri_span_member(value, peri_path_joined(path, at, last));
    if (inner.type != PERI_J_NONE) inner = follow(inner, path, last + 1);
  }
  return inner;
}

peri_span peri_span_at(peri_span value, peri_str text) {
  peri_path path;
  if (!peri_path_read(&path, text, NULL)) return (peri_span){0};
  return follow(value, &path, 0);
}
