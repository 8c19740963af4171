/* json/write: appends JSON to a buffer; the buffer's ceiling is the only bound. Writes no invalid text: bytes that are not
 * UTF-8 become U+FFFD, containers nested deeper than the reader allows end the process in debug builds. */
#include <assert.h>

#include "json/json.h"

#define DEPTH_MAX 190 /* bits in peri_jw.first */
_Static_assert(DEPTH_MAX >= PERI_JSON_DEPTH_MAX && DEPTH_MAX < 3 * 64, "what may be read can be written");

/* Length of the valid UTF-8 character at p; 0 if there is none. */
static size_t character(const unsigned char *p, size_t left) {
  size_t len = *p < 0x80 ? 1 : *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : 2;
  return len <= left && peri_utf8_valid((peri_str){(const char *)p, len}) ? len : 0;
}

void peri_json_quote(peri_buf *out, peri_str text) {
  static const char hex[] = "0123456789abcdef";
  peri_buf_char(out, '"');
  size_t plain = 0, i = 0;
  while (i < text.n) {
    unsigned char c = (unsigned char)text.p[i];
    if (c >= 0x20 && c != '"' && c != '\\' && c < 0x80) {
      i++;
      continue;
    }
    if (c >= 0x80) {
      size_t len = character((const unsigned char *)text.p + i, text.n - i);
      if (len) {
        i += len;
        continue;
      }
    }
    peri_buf_put(out, text.p + plain, i - plain);
    plain = ++i;
    switch (c) {
      case '"': peri_buf_put(out, "\\\"", 2); break;
      case '\\': peri_buf_put(out, "\\\\", 2); break;
      case '\b': peri_buf_put(out, "\\b", 2); break;
      case '\f': peri_buf_put(out, "\\f", 2); break;
      case '\n': peri_buf_put(out, "\\n", 2); break;
      case '\r': peri_buf_put(out, "\\r", 2); break;
      case '\t': peri_buf_put(out, "\\t", 2); break;
      default:
        if (c >= 0x80) {
          peri_buf_put(out, "\xEF\xBF\xBD", 3);
        } else {
          char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
          peri_buf_put(out, u, 6);
        }
    }
  }
  if (text.n > plain) peri_buf_put(out, text.p + plain, text.n - plain);
  peri_buf_char(out, '"');
}

void peri_jw_init(peri_jw *w, peri_buf *out) { *w = (peri_jw){.out = out, .first = {1, 0, 0}}; }

/* The comma before a key or an element. */
static void separate(peri_jw *w) {
  if (w->after_key) {
    w->after_key = false;
    return;
  }
  uint64_t bit = UINT64_C(1) << (w->depth % 64), *word = &w->first[w->depth / 64];
  if (*word & bit) *word &= ~bit;
  else peri_buf_char(w->out, ',');
}

static void begin(peri_jw *w, char bracket) {
  separate(w);
  assert(w->depth < DEPTH_MAX);
  if (w->depth < DEPTH_MAX) w->depth++;
  w->first[w->depth / 64] |= UINT64_C(1) << (w->depth % 64);
  peri_buf_char(w->out, bracket);
}

static void end(peri_jw *w, char bracket) {
  assert(w->depth > 0 && !w->after_key);
  if (w->depth > 0) w->depth--;
  peri_buf_char(w->out, bracket);
}

void peri_jw_object(peri_jw *w) { begin(w, '{'); }
void peri_jw_end_object(peri_jw *w) { end(w, '}'); }
void peri_jw_array(peri_jw *w) { begin(w, '['); }
void peri_jw_end_array(peri_jw *w) { end(w, ']'); }

void peri_jw_key(peri_jw *w, peri_str key) {
  assert(!w->after_key);
  separate(w);
  peri_json_quote(w->out, key);
  peri_buf_char(w->out, ':');
  w->after_key = true;
}

void peri_jw_key_c(peri_jw *w, const char *key) { peri_jw_key(w, peri_str_of(key)); }

void peri_jw_raw(peri_jw *w, peri_str json) {
  separate(w);
  peri_buf_str(w->out, json);
}

void peri_jw_text(peri_jw *w, peri_str text) {
  separate(w);
  peri_json_quote(w->out, text);
}

void peri_jw_c(peri_jw *w, const char *text) {
  if (text) peri_jw_text(w, peri_str_of(text));
  else peri_jw_null(w);
}

void peri_jw_int(peri_jw *w, int64_t v) {
  separate(w);
  peri_buf_fmt(w->out, "%lld", (long long)v);
}

void peri_jw_u64(peri_jw *w, uint64_t v) {
  separate(w);
  peri_buf_fmt(w->out, "%llu", (unsigned long long)v);
}

void peri_jw_double(peri_jw *w, double v) {
  separate(w);
  peri_double_put(w->out, v);
}

void peri_jw_bool(peri_jw *w, bool v) { peri_jw_raw(w, v ? PERI_STR("true") : PERI_STR("false")); }
void peri_jw_null(peri_jw *w) { peri_jw_raw(w, PERI_STR("null")); }

void peri_jw_kv(peri_jw *w, const char *key, peri_str text) {
  peri_jw_key_c(w, key);
  peri_jw_text(w, text);
}

void peri_jw_kv_c(peri_jw *w, const char *key, const char *text) {
  peri_jw_key_c(w, key);
  peri_jw_c(w, text);
}

void peri_jw_kv_int(peri_jw *w, const char *key, int64_t v) {
  peri_jw_key_c(w, key);
  peri_jw_int(w, v);
}

void peri_jw_kv_bool(peri_jw *w, const char *key, bool v) {
  peri_jw_key_c(w, key);
  peri_jw_bool(w, v);
}

void peri_jw_kv_raw(peri_jw *w, const char *key, peri_str json) {
  peri_jw_key_c(w, key);
  peri_jw_raw(w, json);
}
