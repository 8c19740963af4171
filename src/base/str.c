/* base/str: comparing, cutting and checking views. ASCII rules only for case and white space: no locale. */
#include "base/str.h"

#include <stdint.h>

int peri_str_cmp(peri_str a, peri_str b) {
  size_t n = a.n < b.n ? a.n : b.n;
  int c = n ? memcmp(a.p, b.p, n) : 0;
  if (c) return c < 0 ? -1 : 1;
  return a.n < b.n ? -1 : a.n > b.n;
}

bool peri_str_starts(peri_str s, peri_str prefix) {
  return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool peri_str_ends(peri_str s, peri_str suffix) {
  return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

static bool white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

peri_str peri_str_trim(peri_str s) {
  while (s.n && white(s.p[0])) s.p++, s.n--;
  while (s.n && white(s.p[s.n - 1])) s.n--;
  return s;
}

peri_str peri_str_from(peri_str s, size_t offset) {
  if (offset >= s.n) return (peri_str){s.p ? s.p + s.n : NULL, 0};
  return (peri_str){s.p + offset, s.n - offset};
}

peri_str peri_str_cut(peri_str s, char separator, peri_str *head) {
  const char *at = s.n ? memchr(s.p, separator, s.n) : NULL;
  if (!at) {
    *head = s;
    return peri_str_from(s, s.n);
  }
  *head = (peri_str){s.p, (size_t)(at - s.p)};
  return peri_str_from(s, head->n + 1);
}

static unsigned char lower(char c) {
  unsigned char u = (unsigned char)c;
  return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool peri_str_eq_nocase(peri_str a, peri_str b) {
  if (a.n != b.n) return false;
  for (size_t i = 0; i < a.n; i++)
    if (lower(a.p[i]) != lower(b.p[i])) return false;
  return true;
}

bool peri_str_glob(peri_str pattern, peri_str s) {
  size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;
  while (i < s.n) {
    if (p < pattern.n && pattern.p[p] == '*') {
      star = p++;
      mark = i;
    } else if (p < pattern.n && pattern.p[p] == s.p[i]) {
      p++, i++;
    } else if (star != SIZE_MAX) { /* let the last star eat one byte more */
      p = star + 1;
      i = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.n && pattern.p[p] == '*') p++;
  return p == pattern.n;
}

bool peri_utf8_valid(peri_str s) {
  if (!s.n) return true;
  const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
  while (p < end) {
    if (end - p >= 8) {
      uint64_t word;
      memcpy(&word, p, 8);
      if (!(word & 0x8080808080808080u)) {
        p += 8;
        continue;
      }
    }
    if (*p < 0x80) {
      p++;
      continue;
    }
    size_t left = (size_t)(end - p);
    unsigned char lead = *p;
    if (lead >= 0xC2 && lead <= 0xDF) {
      if (left < 2 || (p[1] & 0xC0) != 0x80) return false;
      p += 2;
    } else if ((lead & 0xF0) == 0xE0) {
      if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80) return false;
      if ((lead == 0xE0 && p[1] < 0xA0) || (lead == 0xED && p[1] > 0x9F)) return false; /* overlong, surrogate */
      p += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      if (left < 4 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80) return false;
      if ((lead == 0xF0 && p[1] < 0x90) || (lead == 0xF4 && p[1] > 0x8F)) return false;
      p += 4;
    } else {
      return false;
    }
  }
  return true;
}

size_t peri_utf8_put(char out[4], unsigned c) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xC0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    if (c >= 0xD800 && c <= 0xDFFF) return 0;
    out[0] = (char)(0xE0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3F));
    out[2] = (char)(0x80 | (c & 0x3F));
    return 3;
  }
  if (c > 0x10FFFF) return 0;
  out[0] = (char)(0xF0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 0x3F));
  out[2] = (char)(0x80 | (c >> 6 & 0x3F));
  out[3] = (char)(0x80 | (c & 0x3F));
  return 4;
}

#define SUGGEST_BYTES_MAX 64 /* nobody mistypes a longer name */

/* Edits between two words, a swap of neighbours counted as one; case is ignored. */
static size_t distance(peri_str a, peri_str b) {
  size_t rows[3][SUGGEST_BYTES_MAX + 1];
  size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= b.n; j++) last[j] = j;
  for (size_t i = 1; i <= a.n; i++) {
    now[0] = i;
    for (size_t j = 1; j <= b.n; j++) {
      unsigned char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);
      size_t best = last[j - 1] + (x != y);
      if (last[j] + 1 < best) best = last[j] + 1;
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      if (i > 1 && j > 1 && x == lower(b.p[j - 2]) && lower(a.p[i - 2]) == y && before[j - 2] + 1 < best) best = before[j - 2] + 1;
      now[j] = best;
    }
    size_t *spare = before;
    before = last;
    last = now;
    now = spare;
  }
  return last[b.n];
}

peri_str peri_suggest(peri_str word, const peri_str *candidates, size_t count) {
  peri_str best = {NULL, 0};
  size_t least = SIZE_MAX;
  if (word.n == 0 || word.n > SUGGEST_BYTES_MAX) return best;
  for (size_t i = 0; i < count; i++) {
    peri_str c = candidates[i];
    if (c.n == 0 || c.n > SUGGEST_BYTES_MAX) continue;
    size_t d = distance(word, c), longer = word.n > c.n ? word.n : c.n;
    size_t most = longer <= 2 ? 1 : longer <= 5 ? 2 : longer / 3 + 1;
    if (d <= most && d < longer && d < least) {
      least = d;
      best = c;
    }
  }
  return best;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t peri_percent_decode(peri_str text, bool plus, char *out) {
  size_t n = 0;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == '%' && i + 2 < text.n && hex_digit(text.p[i + 1]) >= 0 && hex_digit(text.p[i + 2]) >= 0) {
      out[n++] = (char)(hex_digit(text.p[i + 1]) * 16 + hex_digit(text.p[i + 2]));
      i += 2;
    } else {
      out[n++] = plus && text.p[i] == '+' ? ' ' : text.p[i];
    }
  }
  return n;
}
