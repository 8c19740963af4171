/* base/show: see the header. */
#include "base/show.h"

/* Bytes of the character at s, and which one; 0: it is no UTF-8. */
static size_t character(const unsigned char *s, size_t n, unsigned *c) {
  size_t len = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
  if (!len || len > n) return 0;
  *c = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0;
    *c = (*c << 6) | (s[i] & 0x3Fu);
  }
  bool wrong = (len == 3 && *c < 0x800) || (len == 4 && (*c < 0x10000 || *c > 0x10FFFF)) || (*c >= 0xD800 && *c < 0xE000);
  return wrong ? 0 : len;
}

/* Controls, C1 controls, marks of direction, line and paragraph ends, what has no width, tags. */
static bool hidden(unsigned c) {
  return c < 32 || (c >= 127 && c < 0xA0) || c == 0xAD || c == 0x61C || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

static void spell(peri_buf *out, unsigned c, bool json) {
  const char *letter = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
  if (letter) peri_buf_c_str(out, letter);
  else if (c < 128 && !json) peri_buf_fmt(out, "\\x%02x", c);
  else if (c < 0x10000) peri_buf_fmt(out, "\\u%04x", c);
  else if (json) peri_buf_fmt(out, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + (c & 0x3FF));
  else peri_buf_fmt(out, "\\u{%x}", c);
}

static void put(peri_buf *out, peri_str text, bool json) {
  const unsigned char *s = (const unsigned char *)text.p;
  size_t plain = 0, i = 0;
  while (i < text.n) {
    if (s[i] >= 32 && s[i] < 127) {
      i++;
      continue;
    }
    unsigned c = 0;
    size_t len = character(s + i, text.n - i, &c);
    if (len && !hidden(c)) {
      i += len;
      continue;
    }
    peri_buf_put(out, text.p + plain, i - plain);
    if (len) spell(out, c, json);
    else peri_buf_fmt(out, json ? "\\ufffd" : "\\x%02x", s[i]);
    plain = i += len ? len : 1;
  }
  if (text.n > plain) peri_buf_put(out, text.p + plain, text.n - plain);
}

size_t peri_show_edge(peri_str text, size_t most) {
  size_t n = most;
  if (n >= text.n) return text.n;
  for (int back = 0; back < 3 && n && ((unsigned char)text.p[n] & 0xC0) == 0x80; back++) n--;
  return ((unsigned char)text.p[n] & 0xC0) == 0x80 ? most : n; /* bytes that are no characters have no edges */
}

void peri_show(peri_buf *out, peri_str text, size_t most) {
  size_t n = most ? peri_show_edge(text, most) : text.n;
  put(out, (peri_str){text.p, n}, false);
  if (n < text.n) peri_buf_put(out, "\xE2\x80\xA6", 3);
}

peri_str peri_shown(peri_arena *a, peri_str text, size_t most) {
  peri_buf b = {0};
  peri_show(&b, text, most);
  peri_str s = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return s;
}

void peri_show_json(peri_buf *out, peri_str json) { put(out, json, true); }
