/* base/uuid: UUIDv7 from the clock, a counter and the kernel's random bytes. Never goes back, also if the clock does. */
#include "base/uuid.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"

void peri_random(void *out, size_t n) {
  char *p = out;
  while (n) {
    ssize_t got = getrandom(p, n, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) { /* a key made of anything else would be worse than none */
      char why[120];
      snprintf(why, sizeof why, "no random bytes from the kernel: %s", strerror(errno));
      peri_end_now(why);
    }
    p += got;
    n -= (size_t)got;
  }
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_ms;
static unsigned counter; /* the 12 bits behind the time: order inside one millisecond */
static unsigned char pool[512]; /* one system call for many ids */
static size_t pool_left;

/* A child of fork must not repeat its parent's bytes. */
static void drop_pool(void) { pool_left = 0; }
static void mind_forks(void) { pthread_atfork(NULL, NULL, drop_pool); }

static void pooled(unsigned char *out, size_t n) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, mind_forks);
  if (pool_left < n) {
    peri_random(pool, sizeof pool);
    pool_left = sizeof pool;
  }
  pool_left -= n;
  memcpy(out, pool + pool_left, n);
}

static void spell(const unsigned char b[16], char out[PERI_UUID_TEXT]) {
  static const char hex[] = "0123456789abcdef";
  char *o = out;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *o++ = '-';
    *o++ = hex[b[i] >> 4];
    *o++ = hex[b[i] & 15];
  }
  *o = 0;
}

void peri_uuid7(char out[PERI_UUID_TEXT]) {
  unsigned char b[16], r[10];
  pthread_mutex_lock(&lock);
  pooled(r, sizeof r);
  int64_t now = peri_now_ms();
  if (now > last_ms) {
    last_ms = now;
    counter = ((unsigned)r[8] << 8 | r[9]) & 0x7FF; /* starts in the lower half: room for 2,048 more at least */
  } else if (++counter > 0xFFF) {
    last_ms++;
    counter = 0;
  }
  for (int i = 0; i < 6; i++) b[i] = (unsigned char)((uint64_t)last_ms >> (40 - 8 * i));
  b[6] = (unsigned char)(0x70 | counter >> 8);
  b[7] = (unsigned char)counter;
  pthread_mutex_unlock(&lock);
  memcpy(b + 8, r, 8);
  b[8] = (unsigned char)(0x80 | (b[8] & 0x3F));
  spell(b, out);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Hyphens as usual or none at all; braces and urn:uuid: around it. */
bool peri_uuid_read(peri_str s, char out[PERI_UUID_TEXT]) {
  if (s.n >= 9 && peri_str_eq_nocase((peri_str){s.p, 9}, PERI_STR("urn:uuid:"))) s = peri_str_from(s, 9);
  if (s.n >= 2 && s.p[0] == '{' && s.p[s.n - 1] == '}') s = (peri_str){s.p + 1, s.n - 2};
  if (s.n != 36 && s.n != 32) return false;
  bool hyphens = s.n == 36;
  unsigned char b[16];
  size_t at = 0;
  for (int i = 0; i < 16; i++) {
    if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10) && s.p[at++] != '-') return false;
    int high = hex_value(s.p[at]), low = hex_value(s.p[at + 1]);
    if (high < 0 || low < 0) return false;
    b[i] = (unsigned char)(high << 4 | low);
    at += 2;
  }
  spell(b, out);
  return true;
}
