/* base/redact: blots secrets out of texts, as they stand and as they look in URLs, JSON and base64.
 * A secret is compared byte by byte, each byte as itself, as %XX, as `+` for a space, or with a JSON escape: so any mixture
 * of encoders is caught. For base64 the inner characters are compared for all three positions that the secret can have in
 * a longer text ("user:secret" of HTTP Basic). Refuses to blot secrets under 6 bytes: it would blot everything. */
#include "base/log.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

#define SECRET_BYTES_MIN 6
#define BLOT "***"
#define BLOT_BYTES 3

typedef struct pattern {
  char *p;
  size_t n;
  bool base64; /* compared with the two alphabets alike */
  bool tail;   /* the next character holds the secret's last bits: it goes with it, and so does padding */
  struct pattern *next;
} pattern;

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pattern *patterns;

static void add(const char *p, size_t n, bool base64, bool tail) {
  for (const pattern *q = patterns; q; q = q->next)
    if (q->n == n && q->base64 == base64 && q->tail == tail && memcmp(q->p, p, n) == 0) return;
  pattern *q = peri_alloc(sizeof *q);
  *q = (pattern){peri_dup((peri_str){p, n}), n, base64, tail, patterns};
  patterns = q;
}

/* The characters that `secret` alone decides when `before` other bytes stand before it. */
static void add_base64(peri_str secret, size_t before) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t first = (before * 8 + 5) / 6, last = (before + secret.n) * 8 / 6; /* whole characters only */
  if (last <= first) return;
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
  if (secret.n < SECRET_BYTES_MIN) return;
  pthread_rwlock_wrlock(&lock);
  add(secret.p, secret.n, false, false);
  for (size_t before = 0; before < 3; before++) add_base64(secret, before);
  pthread_rwlock_unlock(&lock);
}

void peri_redact_clear(void) {
  pthread_rwlock_wrlock(&lock);
  for (pattern *q = patterns, *next; q; q = next) {
    next = q->next;
    explicit_bzero(q->p, q->n);
    free(q->p);
    free(q);
  }
  patterns = NULL;
  pthread_rwlock_unlock(&lock);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* How many bytes of text, at most n, spell the byte `want`: 0 if they do not. */
static size_t spelled(const char *text, size_t n, unsigned char want) {
  if (n == 0) return 0;
  unsigned char c = (unsigned char)text[0];
  if (c == '%' && n >= 3 && hex_value(text[1]) >= 0 && hex_value(text[1]) * 16 + hex_value(text[2]) == want && hex_value(text[2]) >= 0) return 3;
  if (c == '\\' && n >= 2) {
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *at = text[1] ? strchr(letters, text[1]) : NULL;
    if (at && (unsigned char)bytes[at - letters] == want) return 2;
    if (text[1] == 'u' && n >= 6 && want < 0x80 && text[2] == '0' && text[3] == '0' && hex_value(text[4]) >= 0 && hex_value(text[5]) >= 0 &&
        hex_value(text[4]) * 16 + hex_value(text[5]) == want)
      return 6;
  }
  if (c == want) return 1;
  return want == ' ' && c == '+' ? 1 : 0;
}

static size_t match_plain(const pattern *q, const char *text, size_t n) {
  if (q->n <= n && memcmp(text, q->p, q->n) == 0) return q->n; /* also where it looks like an escape itself */
  size_t at = 0;
  for (size_t i = 0; i < q->n; i++) {
    size_t step = spelled(text + at, n - at, (unsigned char)q->p[i]);
    if (!step) return 0;
    at += step;
  }
  return at;
}

static bool base64_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' || c == '_';
}

static size_t match_base64(const pattern *q, const char *text, size_t n) {
  size_t at = 0;
  for (size_t i = 0; i < q->n; i++) {
    char want = q->p[i];
    if (at >= n) return 0;
    size_t step = spelled(text + at, n - at, (unsigned char)want);
    if (!step && ((want == '+' && text[at] == '-') || (want == '/' && text[at] == '_'))) step = 1;
    if (!step) return 0;
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
  for (const pattern *q = patterns; q; q = q->next) {
    char c = text[at];
    bool may = c == q->p[0] || c == '%' || c == '+' || c == '\\' || (q->base64 && (c == '-' || c == '_'));
    if (!may) continue;
    size_t len = q->base64 ? match_base64(q, text + at, n - at) : match_plain(q, text + at, n - at);
    if (len && at + len > best) best = at + len;
  }
  return best;
}

size_t peri_redact(char *text, size_t n) {
  size_t to = 0, covered = 0;
  bool inside = false;
  pthread_rwlock_rdlock(&lock);
  if (!patterns) {
    pthread_rwlock_unlock(&lock);
    return n;
  }
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
