/* vault/sign: hashes, HMAC, base64, and comparing without telling by time. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "vault/inside.h"

/* These fail only if OpenSSL is broken or has no memory; a signature made of rubbish would be worse than none. */
static _Noreturn void broken(const char *what) {
  char why[80];
  snprintf(why, sizeof why, "OpenSSL refuses %s, for want of memory perhaps", what);
  peri_end_now(why);
}

void peri_sha256_hex(peri_str data, char out[65]) {
  static const char hex[] = "0123456789abcdef";
  unsigned char d[32];
  unsigned n = 0;
  if (!EVP_Digest(data.p ? data.p : "", data.n, d, &n, EVP_sha256(), NULL) || n != 32) broken("SHA-256");
  for (int i = 0; i < 32; i++) {
    out[2 * i] = hex[d[i] >> 4];
    out[2 * i + 1] = hex[d[i] & 15];
  }
  out[64] = 0;
}

void peri_hmac_sha256(peri_str key, peri_str data, unsigned char out[32]) {
  unsigned n = 32;
  if (!HMAC(EVP_sha256(), key.p ? key.p : "", (int)key.n, (const unsigned char *)(data.p ? data.p : ""), data.n, out, &n) || n != 32) broken("HMAC");
}

void peri_base64(peri_buf *out, peri_str bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *p = (const unsigned char *)bytes.p;
  char *o = peri_buf_room(out, (bytes.n + 2) / 3 * 4);
  if (!o) return;
  size_t n = 0;
  for (size_t i = 0; i < bytes.n; i += 3) {
    size_t left = bytes.n - i;
    unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);
    o[n++] = digits[v >> 18];
    o[n++] = digits[v >> 12 & 63];
    o[n++] = left > 1 ? digits[v >> 6 & 63] : '=';
    o[n++] = left > 2 ? digits[v & 63] : '=';
  }
  out->n += n;
}

void peri_base64_url(peri_buf *out, peri_str bytes) {
  size_t from = out->n;
  peri_base64(out, bytes);
  while (out->n > from && out->p[out->n - 1] == '=') out->n--;
  for (size_t i = from; i < out->n; i++)
    if (out->p[i] == '+') out->p[i] = '-';
    else if (out->p[i] == '/') out->p[i] = '_';
}

static int digit(unsigned char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

bool peri_unbase64(peri_buf *out, peri_str text) {
  size_t n = text.n, pads = 0;
  while (n && text.p[n - 1] == '=' && pads < 2) n--, pads++;
  if (n % 4 == 1 || (pads && (n + pads) % 4 != 0)) return false;
  unsigned v = 0, bits = 0;
  size_t before = out->n;
  for (size_t i = 0; i < n; i++) {
    int d = digit((unsigned char)text.p[i]);
    if (d < 0) {
      out->n = before;
      return false;
    }
    v = (v << 6 | (unsigned)d) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      peri_buf_char(out, (char)(v >> bits & 255));
    }
  }
  if (v & ((1u << bits) - 1)) { /* bits that no byte holds: two spellings of one value */
    out->n = before;
    return false;
  }
  return true;
}

bool peri_equal_secret(peri_str a, peri_str b) { return a.n == b.n && CRYPTO_memcmp(a.p ? a.p : "", b.p ? b.p : "", a.n) == 0; }
