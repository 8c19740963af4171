/* vault/verify: see the header. */
#include "vault/verify.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "vault/secrets.h"

peri_str peri_hubspot_uri(peri_arena *a, peri_str uri) {
  static const struct {
    char code[4], plain;
  } escapes[] = {{"%3A", ':'},  {"%2F", '/'}, {"%3F", '?'}, {"%40", '@'}, {"%21", '!'}, {"%24", '$'},
                 {"%27", '\''}, {"%28", '('}, {"%29", ')'}, {"%2A", '*'}, {"%2C", ','}, {"%3B", ';'}};
  char *out = peri_arena_bytes(a, uri.n + 1);
  size_t n = 0;
  for (size_t i = 0; i < uri.n; i++) {
    out[n] = uri.p[i];
    for (size_t k = 0; uri.p[i] == '%' && i + 2 < uri.n && k < sizeof escapes / sizeof *escapes; k++) {
      if (!peri_str_eq_nocase((peri_str){uri.p + i, 3}, peri_str_of(escapes[k].code))) continue;
      out[n] = escapes[k].plain;
      i += 2;
      break;
    }
    n++;
  }
  return (peri_str){out, n};
}

/* ---- the pieces ---- */

/* Bodies may hold NUL bytes: no printf. */
static peri_str join(peri_arena *a, const peri_str *parts, size_t count) {
  size_t n = 0, at = 0;
  for (size_t i = 0; i < count; i++) n += parts[i].n;
  char *out = peri_arena_bytes(a, n + 1);
  for (size_t i = 0; i < count; at += parts[i++].n)
    if (parts[i].n) memcpy(out + at, parts[i].p, parts[i].n);
  return (peri_str){out, n};
}
#define JOIN(a, ...) join(a, (const peri_str[]){__VA_ARGS__}, sizeof((const peri_str[]){__VA_ARGS__}) / sizeof(peri_str))

static peri_str header(const peri_delivery *d, const char *name) {
  for (size_t i = 0; i < d->header_count; i++)
    if (peri_str_eq_nocase(d->headers[i].name, peri_str_of(name))) return peri_str_trim(d->headers[i].value);
  return (peri_str){0};
}

static peri_code refused(peri_err *e, const char *why) { return peri_fail(e, PERI_CREDENTIALS_REFUSED, "the delivery is refused: %s", why); }

/* Digits alone; -1 otherwise. */
static int64_t whole(peri_str s) {
  int64_t v = 0;
  if (!s.n || s.n > 17) return -1;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9') return -1;
    v = v * 10 + (s.p[i] - '0');
  }
  return v;
}

static peri_code fresh(int64_t sent_ms, int64_t now_ms, int64_t within_ms, peri_err *e) {
  if (sent_ms < 0) return refused(e, "its time stamp is no number");
  if (now_ms - sent_ms > within_ms) return refused(e, "it is too old; it was kept back or sent again by somebody else");
  if (sent_ms - now_ms > within_ms) return refused(e, "its time stamp lies in the future; check this machine's clock");
  return PERI_OK;
}

typedef struct attempt {
  const char *hash;      /* HMAC; NULL: SHA-256 over secret and text */
  peri_str signature;    /* as sent, without its prefix */
  bool hex, packed_key;  /* packed: the secret is base64, after whsec_ */
  peri_str text;
} attempt;

static size_t digest(const attempt *t, peri_str key, unsigned char out[EVP_MAX_MD_SIZE]) {
  unsigned n = 0;
  if (t->hash) {
    const EVP_MD *md = strcmp(t->hash, "hmac-sha1") == 0 ? EVP_sha1() : strcmp(t->hash, "hmac-sha512") == 0 ? EVP_sha512() : EVP_sha256();
    return HMAC(md, key.p, (int)key.n, (const unsigned char *)t->text.p, t->text.n, out, &n) ? n : 0;
  }
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) && EVP_DigestUpdate(c, key.p, key.n) && EVP_DigestUpdate(c, t->text.p, t->text.n) && EVP_DigestFinal_ex(c, out, &n);
  EVP_MD_CTX_free(c);
  return ok ? n : 0;
}

static bool holds(const attempt *t, peri_str secret) {
  unsigned char d[EVP_MAX_MD_SIZE];
  peri_buf key = {0}, want = {0}, given = {0};
  if (t->packed_key) {
    peri_str packed = peri_str_starts(secret, PERI_STR("whsec_")) ? peri_str_from(secret, 6) : secret;
    if (!peri_unbase64(&key, packed)) peri_buf_clear(&key), peri_buf_str(&key, packed);
    secret = peri_buf_view(&key);
  }
  size_t n = digest(t, secret, d);
  bool same = false;
  if (n && t->hex) { /* compared as text, either case */
    for (size_t i = 0; i < n; i++) peri_buf_fmt(&want, "%02x", d[i]);
    for (size_t i = 0; i < t->signature.n; i++) peri_buf_char(&given, (char)(t->signature.p[i] >= 'A' && t->signature.p[i] <= 'F' ? t->signature.p[i] + 32 : t->signature.p[i]));
    same = peri_equal_secret(peri_buf_view(&want), peri_buf_view(&given));
  } else if (n && peri_unbase64(&given, t->signature))
    same = peri_equal_secret((peri_str){(const char *)d, n}, peri_buf_view(&given));
  peri_wipe(&key);
  peri_buf_fini(&key), peri_buf_fini(&want), peri_buf_fini(&given);
  return same;
}

/* Old and new secret both count while they are rotated: KEY, KEY.old, … */
static peri_code try_all(const attempt *t, const peri_secrets *s, peri_str key, peri_err *e) {
  bool any = false, found = false;
  for (size_t i = 0; s && i < s->count; i++) {
    peri_str name = peri_str_of(s->items[i].name);
    bool ours = peri_str_eq(name, key) || (peri_str_starts(name, key) && name.n > key.n && name.p[key.n] == '.');
    if (!ours || !s->items[i].n) continue;
    any = true;
    found |= holds(t, (peri_str){s->items[i].value, s->items[i].n});
  }
  if (found) return PERI_OK;
  if (!any) return peri_fail(e, PERI_CREDENTIALS_REFUSED, "the delivery cannot be verified: the integration has no credential '%.*s'", PERI_S(key));
  return refused(e, "its signature does not fit the secret");
}

/* ---- the schemes ---- */

/* "t=1700000000,v1=…,v1=…" */
static peri_code stripe(const peri_delivery *d, peri_arena *a, const peri_secrets *s, peri_str key, peri_err *e) {
  peri_str time = {0}, all = header(d, "stripe-signature");
  for (peri_str rest = all, part; rest.n;) {
    rest = peri_str_cut(rest, ',', &part);
    part = peri_str_trim(part);
    if (peri_str_starts(part, PERI_STR("t="))) time = peri_str_from(part, 2);
  }
  int64_t sent = whole(time);
  if (fresh(sent < 0 ? -1 : sent * 1000, d->now_ms, PERI_VERIFY_AGE_MS, e)) return PERI_CREDENTIALS_REFUSED;
  attempt t = {.hash = "hmac-sha256", .hex = true, .text = JOIN(a, time, PERI_STR("."), d->body)};
  peri_code code = refused(e, "it carries no v1 signature");
  for (peri_str rest = all, part; rest.n && code;) {
    rest = peri_str_cut(rest, ',', &part);
    part = peri_str_trim(part);
    if (!peri_str_starts(part, PERI_STR("v1="))) continue;
    t.signature = peri_str_from(part, 3);
    code = try_all(&t, s, key, e);
  }
  return code;
}

/* "v1,BASE64 v1,BASE64" */
static peri_code standard(const peri_delivery *d, peri_arena *a, const peri_secrets *s, peri_str key, peri_err *e) {
  peri_str id = header(d, "webhook-id"), time = header(d, "webhook-timestamp"), all = header(d, "webhook-signature");
  int64_t sent = whole(time);
  if (fresh(sent < 0 ? -1 : sent * 1000, d->now_ms, PERI_VERIFY_AGE_MS, e)) return PERI_CREDENTIALS_REFUSED;
  attempt t = {.hash = "hmac-sha256", .packed_key = true, .text = JOIN(a, id, PERI_STR("."), time, PERI_STR("."), d->body)};
  peri_code code = refused(e, "it carries no v1 signature");
  for (peri_str rest = all, part; rest.n && code;) {
    rest = peri_str_cut(rest, ' ', &part);
    if (!peri_str_starts(part, PERI_STR("v1,"))) continue;
    t.signature = peri_str_from(part, 3);
    code = try_all(&t, s, key, e);
  }
  return code;
}

static peri_code own_hmac(const peri_hmac_words *w, const peri_delivery *d, const peri_secrets *s, peri_str key, peri_err *e) {
  char name[128];
  snprintf(name, sizeof name, "%.*s", PERI_S(w->header));
  peri_str signature = header(d, name);
  if (!peri_str_starts(signature, w->prefix)) return refused(e, "its signature has another form than the connector declares");
  if (w->time.p) {
    int64_t sent = whole(w->time);
    if (sent > 0 && sent < INT64_C(100000000000)) sent *= 1000; /* seconds */
    if (fresh(sent, d->now_ms, w->within_ms ? w->within_ms : PERI_VERIFY_AGE_MS, e)) return PERI_CREDENTIALS_REFUSED;
  }
  attempt t = {.hash = w->hash, .hex = w->hex, .signature = peri_str_from(signature, w->prefix.n), .text = w->over};
  return try_all(&t, s, key, e);
}

static const struct {
  const char *scheme, *header;
} carried_by[] = {{"hubspot-v3", "x-hubspot-signature-v3"}, {"hubspot-v2", "x-hubspot-signature"}, {"hubspot-v1", "x-hubspot-signature"}, {"stripe", "stripe-signature"},
                  {"github", "x-hub-signature-256"},       {"slack", "x-slack-signature"},        {"shopify", "x-shopify-hmac-sha256"},  {"standard-webhooks", "webhook-signature"}};

bool peri_verify_present(peri_str scheme, const peri_delivery *d) {
  for (size_t i = 0; i < sizeof carried_by / sizeof *carried_by; i++) {
    if (!peri_str_is(scheme, carried_by[i].scheme)) continue;
    if (!header(d, carried_by[i].header).n) return false;
    peri_str version = header(d, "x-hubspot-signature-version"); /* v1 and v2 share a header */
    if (peri_str_is(scheme, "hubspot-v1")) return !version.n || peri_str_is(version, "v1");
    return !peri_str_is(scheme, "hubspot-v2") || peri_str_is(version, "v2");
  }
  return peri_str_starts(scheme, PERI_STR("hmac-"));
}

static peri_code verify(peri_arena *a, peri_str scheme, const peri_hmac_words *words, const peri_delivery *d, const peri_secrets *s, peri_str key, peri_err *e) {
  if (peri_str_starts(scheme, PERI_STR("hmac-")) && words) return own_hmac(words, d, s, key, e);
  if (!peri_verify_present(scheme, d)) return refused(e, "it carries no signature of the scheme that the connector declares");
  if (peri_str_is(scheme, "stripe")) return stripe(d, a, s, key, e);
  if (peri_str_is(scheme, "standard-webhooks")) return standard(d, a, s, key, e);
  attempt t = {.hash = "hmac-sha256", .hex = true, .text = d->body};
  if (peri_str_is(scheme, "hubspot-v1")) t.hash = NULL, t.signature = header(d, "x-hubspot-signature");
  else if (peri_str_is(scheme, "hubspot-v2")) {
    t.hash = NULL;
    t.signature = header(d, "x-hubspot-signature");
    t.text = JOIN(a, d->method, d->uri, d->body);
  } else if (peri_str_is(scheme, "hubspot-v3")) {
    peri_str time = header(d, "x-hubspot-request-timestamp"), uri = peri_hubspot_uri(a, d->uri);
    if (fresh(whole(time), d->now_ms, PERI_VERIFY_AGE_MS, e)) return PERI_CREDENTIALS_REFUSED;
    t.hex = false;
    t.signature = header(d, "x-hubspot-signature-v3");
    t.text = JOIN(a, d->method, uri, d->body, time);
  } else if (peri_str_is(scheme, "github")) {
    t.signature = header(d, "x-hub-signature-256");
    if (!peri_str_starts(t.signature, PERI_STR("sha256="))) return refused(e, "its signature does not begin with sha256=");
    t.signature = peri_str_from(t.signature, 7);
  } else if (peri_str_is(scheme, "slack")) {
    peri_str time = header(d, "x-slack-request-timestamp");
    int64_t sent = whole(time);
    if (fresh(sent < 0 ? -1 : sent * 1000, d->now_ms, PERI_VERIFY_AGE_MS, e)) return PERI_CREDENTIALS_REFUSED;
    t.signature = header(d, "x-slack-signature");
    if (!peri_str_starts(t.signature, PERI_STR("v0="))) return refused(e, "its signature does not begin with v0=");
    t.signature = peri_str_from(t.signature, 3);
    t.text = JOIN(a, PERI_STR("v0:"), time, PERI_STR(":"), d->body);
  } else if (peri_str_is(scheme, "shopify")) {
    t.hex = false;
    t.signature = header(d, "x-shopify-hmac-sha256");
  } else
    return peri_fail(e, PERI_INVALID, "there is no signature scheme '%.*s'", PERI_S(scheme));
  return try_all(&t, s, key, e);
}

peri_code peri_verify(peri_str scheme, const peri_hmac_words *words, const peri_delivery *d, const peri_secrets *s, peri_str key, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_code code = verify(a, scheme, words, d, s, key, e);
  peri_arena_free(a);
  return code;
}
