/* base/redact: blots secrets out of texts, as they stand and as they look in URLs, JSON, HTML and base64.
 * A secret is compared byte by byte, each byte as itself, as %XX (or %25XX), as `+` for a space, with a JSON escape or as an HTML entity: so any mixture
 * of encoders is caught. For base64 the inner characters are compared for all three positions that the secret can have in
 * a longer text ("user:secret" of HTTP Basic). A text that ends inside a secret, or has "…" there, was cut by somebody: what there is of it is blotted too.
 * Refuses to blot secrets under 6 bytes: it would blot everything. */
#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"

#define BLOT "***"
#define BLOT_BYTES 3
#define CUT_BYTES_MIN 4 /* so many bytes of a secret at the end of a text are taken for its beginning; never fewer than the blot has */

typedef struct pattern {
  char *p;
  size_t n;
  bool base64; /* compared with the two alphabets alike */
  bool tail;   /* the next character holds the secret's last bits: it goes with it, and so does padding */
  struct pattern *newer, *older;
} pattern;

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pattern *newest, *oldest;
static _Atomic size_t pattern_count; /* workers have none, and most texts are made where there are none */
static uint64_t starts[256][4];      /* which two characters a secret, in any spelling, can begin with: nearly every place of a text is none */

static void may_start(unsigned char first, unsigned char second) { starts[first][second >> 6] |= UINT64_C(1) << (second & 63); }

static void note_starts(const pattern *q) {
  static const char escapes[] = "%\\&";
  const char *others = q->base64 ? "-_" : "+";
  for (const char *e = escapes; *e; e++) {
    memset(starts[(unsigned char)*e], 0xff, sizeof starts[0]);
    may_start((unsigned char)q->p[0], (unsigned char)*e);
    for (const char *o = others; *o; o++) may_start((unsigned char)*o, (unsigned char)*e);
  }
  for (const char *o = others; *o; o++) {
    may_start((unsigned char)q->p[0], (unsigned char)*o);
    may_start((unsigned char)*o, (unsigned char)q->p[1]);
    for (const char *o2 = others; *o2; o2++) may_start((unsigned char)*o, (unsigned char)*o2);
  }
  may_start((unsigned char)q->p[0], (unsigned char)q->p[1]);
}

static void unlink_pattern(pattern *q) {
  *(q->newer ? &q->newer->older : &newest) = q->older;
  *(q->older ? &q->older->newer : &oldest) = q->newer;
}

static void wipe(pattern *q) {
  explicit_bzero(q->p, q->n);
  free(q->p);
  free(q);
}

static void add(const char *p, size_t n, bool base64, bool tail) {
  pattern *q = newest;
  while (q && !(q->n == n && q->base64 == base64 && q->tail == tail && memcmp(q->p, p, n) == 0)) q = q->older;
  if (q) {
    unlink_pattern(q);
  } else {
    if (pattern_count >= PERI_REDACT_FORMS_MAX) { /* a token of long ago, replaced many times since */
      pattern *gone = oldest;
      unlink_pattern(gone);
      wipe(gone);
      pattern_count--;
      memset(starts, 0, sizeof starts);
      for (q = newest; q; q = q->older) note_starts(q);
    }
    q = peri_alloc(sizeof *q);
    *q = (pattern){.p = peri_dup((peri_str){p, n}), .n = n, .base64 = base64, .tail = tail};
    note_starts(q);
    pattern_count++;
  }
  q->newer = NULL;
  q->older = newest;
  *(newest ? &newest->newer : &oldest) = q;
  newest = q;
}

/* The characters that `secret` alone decides when `before` other bytes stand before it. */
static void add_base64(peri_str secret, size_t before) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t first = (before * 8 + 5) / 6, last = (before + secret.n) * 8 / 6; /* whole characters only */
  if (last < first + CUT_BYTES_MIN) return;
  char *text = peri_alloc(last - first + 1);
  for (size_t k = first; k < last; k++) {
    unsigned v = 0;
    for (size_t bit = k * 6; bit < k * 6 + 6; bit++) {
      size_t at = bit / 8 - before;
      v = v << 1 | (((unsigned char)secret.p[at] >> (7 - bit % 8)) & 1u);
    }
    text[k - first] = alphabet[v];
  }
  add(text, last - first, true, (before + secret.n) % 3 != 0);
  free(text);
}

void peri_redact_add(peri_str secret) {
  if (secret.n < PERI_REDACT_BYTES_MIN) return;
  pthread_rwlock_wrlock(&lock);
  add(secret.p, secret.n, false, false);
  for (size_t before = 0; before < 3; before++) add_base64(secret, before);
  pthread_rwlock_unlock(&lock);
}

void peri_redact_clear(void) {
  pthread_rwlock_wrlock(&lock);
  for (pattern *q = newest, *next; q; q = next) {
    next = q->older;
    wipe(q);
  }
  newest = oldest = NULL;
  pattern_count = 0;
  memset(starts, 0, sizeof starts);
  pthread_rwlock_unlock(&lock);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static int hex_pair(const char *text) {
  int high = hex_value(text[0]), low = hex_value(text[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static uint32_t hex_four(const char *text) {
  int high = hex_pair(text), low = hex_pair(text + 2);
  return high < 0 || low < 0 ? UINT32_MAX : (uint32_t)(high * 256 + low);
}

/* \uXXXX, or two of them for what lies beyond: the UTF-8 that it stands for, and its length in the text. 0: it is none. */
static size_t unicode_escape(const char *text, size_t n, char utf8[4], size_t *bytes) {
  if (n < 6 || text[1] != 'u') return 0;
  uint32_t c = hex_four(text + 2);
  size_t used = 6;
  if (c == UINT32_MAX) return 0;
  if (c >= 0xD800 && c < 0xDC00 && n >= 12 && text[6] == '\\' && text[7] == 'u') {
    uint32_t low = hex_four(text + 8);
    if (low < 0xDC00 || low > 0xDFFF) return 0;
    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    used = 12;
  }
  size_t k = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = k; i-- > 1; c >>= 6) utf8[i] = (char)(0x80 | (c & 63));
  utf8[0] = (char)(lead[k] | c);
  *bytes = k;
  return used;
}

static size_t html_entity(const char *text, size_t n, char want) {
  static const struct {
    const char *name;
    char c;
  } entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
    size_t len = strlen(entities[i].name);
    if (entities[i].c == want && n >= len && memcmp(text, entities[i].name, len) == 0) return len;
  }
  if (n < 4 || text[1] != '#') return 0;
  bool hex = text[2] == 'x' || text[2] == 'X';
  size_t at = hex ? 3 : 2;
  int value = 0;
  for (; at < n && at < 8 && hex_value(text[at]) >= 0 && (hex || hex_value(text[at]) < 10); at++) value = value * (hex ? 16 : 10) + hex_value(text[at]);
  return at < n && text[at] == ';' && value == (unsigned char)want ? at + 1 : 0;
}

/* How many bytes of text, at most n, spell the next bytes of a secret (want, of which there are left), and how many of those: 0 if they do not. */
static size_t spelled(const char *text, size_t n, const char *want, size_t left, size_t *bytes) {
  *bytes = 1;
  if (n == 0) return 0;
  if (text[0] == '%' && n >= 5 && text[1] == '2' && text[2] == '5' && hex_pair(text + 3) == (unsigned char)*want) return 5;
  if (text[0] == '%' && n >= 3 && hex_pair(text + 1) == (unsigned char)*want) return 3;
  if (text[0] == '\\' && n >= 2) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *at = text[1] ? strchr(letters, text[1]) : NULL;
    if (at && meant[at - letters] == *want) return 2;
    char utf8[4];
    size_t k, used = unicode_escape(text, n, utf8, &k);
    if (used && k <= left && memcmp(utf8, want, k) == 0) {
      *bytes = k;
      return used;
    }
  }
  if (text[0] == '&') {
    size_t used = html_entity(text, n, *want);
    if (used) return used;
  }
  if (text[0] == *want) return 1;
  return *want == ' ' && text[0] == '+' ? 1 : 0;
}

/* The text ends here, or inside an escape, after so many bytes of a secret. */
static bool cut_off(const char *text, size_t n, size_t matched) {
  return matched >= CUT_BYTES_MIN && (n == 0 || (n < 8 && (*text == '%' || *text == '\\' || *text == '&')));
}

static bool base64_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' || c == '_';
}

static size_t match(const pattern *q, const char *text, size_t n) {
  if (!q->base64 && q->n <= n && memcmp(text, q->p, q->n) == 0) return q->n; /* also where it looks like an escape itself */
  size_t at = 0, bytes;
  for (size_t i = 0; i < q->n; i += bytes) {
    size_t step = spelled(text + at, n - at, q->p + i, q->n - i, &bytes);
    if (!step && q->base64 && at < n && ((q->p[i] == '+' && text[at] == '-') || (q->p[i] == '/' && text[at] == '_'))) step = 1;
    if (!step && i >= CUT_BYTES_MIN && n - at >= 3 && memcmp(text + at, "\xE2\x80\xA6", 3) == 0) return at;
    if (!step) return cut_off(text + at, n - at, i) ? n : 0;
    at += step;
  }
  if (!q->tail) return at;
  if (at < n && base64_char(text[at])) at++;
  while (at < n && text[at] == '=') at++;
  return at;
}

/* The end of the longest secret that starts at text[at]; 0 if none does. */
static size_t secret_end(const char *text, size_t n, size_t at) {
  size_t best = 0;
  unsigned char c = (unsigned char)text[at], next = at + 1 < n ? (unsigned char)text[at + 1] : 0;
  if (!(starts[c][next >> 6] >> (next & 63) & 1)) return 0;
  for (const pattern *q = newest; q; q = q->older) {
    bool may = text[at] == q->p[0] || c == '%' || c == '\\' || c == '&' || (q->base64 ? c == '-' || c == '_' : c == '+');
    size_t len = may ? match(q, text + at, n - at) : 0;
    if (len && at + len > best) best = at + len;
  }
  return best;
}

size_t peri_redact(char *text, size_t n) {
  if (!pattern_count) return n;
  size_t to = 0, covered = 0;
  bool inside = false;
  pthread_rwlock_rdlock(&lock);
  for (size_t i = 0; i < n; i++) {
    size_t end = secret_end(text, n, i); /* also inside a secret: two may overlap */
    if (end > covered) covered = end;
    if (i < covered) {
      inside = true;
      continue;
    }
    if (inside) { /* only now: what lies ahead had to stay readable */
      memcpy(text + to, BLOT, BLOT_BYTES);
      to += BLOT_BYTES;
      inside = false;
    }
    text[to++] = text[i];
  }
  if (inside) {
    memcpy(text + to, BLOT, BLOT_BYTES);
    to += BLOT_BYTES;
  }
  pthread_rwlock_unlock(&lock);
  if (to < n) text[to] = 0;
  return to;
}

peri_str peri_redacted(peri_arena *a, peri_str text) {
  peri_str copy = peri_arena_str(a, text);
  if (copy.n) copy.n = peri_redact((char *)(uintptr_t)copy.p, copy.n);
  return copy;
}
