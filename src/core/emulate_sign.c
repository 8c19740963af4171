/* core/emulate_sign: the signature schemes of the language's `verify`, the other way round. */
#include "core/emulate_sign.h"

#include "vault/verify.h"

static void add(peri_header *headers, size_t *count, const char *name, peri_str value) {
  if (*count < PERI_SIGN_HEADERS_MAX) headers[(*count)++] = (peri_header){peri_str_of(name), value};
}

static peri_str hex_of(peri_arena *a, const unsigned char *bytes, size_t n) {
  static const char digits[] = "0123456789abcdef";
  char *out = peri_arena_bytes(a, 2 * n);
  for (size_t i = 0; i < n; i++) {
    out[2 * i] = digits[bytes[i] >> 4];
    out[2 * i + 1] = digits[bytes[i] & 15];
  }
  return (peri_str){out, 2 * n};
}

static peri_str base64_of(peri_arena *a, const unsigned char *bytes, size_t n) {
  peri_buf b = {0};
  peri_base64(&b, (peri_str){(const char *)bytes, n});
  peri_str out = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return out;
}

bool peri_emulate_sign(peri_str scheme, const peri_signing *s, peri_arena *a, peri_header *headers, size_t *count) {
  unsigned char mac[32];
  char hex[65];
  peri_str ms = peri_arena_fmt(a, "%lld", (long long)s->now_ms), seconds = peri_arena_fmt(a, "%lld", (long long)(s->now_ms / 1000));
  if (peri_str_is(scheme, "hubspot-v1")) {
    peri_sha256_hex(peri_arena_fmt(a, "%.*s%.*s", PERI_S(s->secret), PERI_S(s->body)), hex);
    add(headers, count, "X-HubSpot-Signature", peri_arena_str(a, (peri_str){hex, 64}));
    add(headers, count, "X-HubSpot-Signature-Version", PERI_STR("v1"));
  } else if (peri_str_is(scheme, "hubspot-v3")) {
    peri_str uri = peri_hubspot_uri(a, s->url);
    peri_hmac_sha256(s->secret, peri_arena_fmt(a, "%.*s%.*s%.*s%.*s", PERI_S(s->method), PERI_S(uri), PERI_S(s->body), PERI_S(ms)), mac);
    add(headers, count, "X-HubSpot-Signature-v3", base64_of(a, mac, 32));
    add(headers, count, "X-HubSpot-Request-Timestamp", ms);
  } else if (peri_str_is(scheme, "stripe")) {
    peri_hmac_sha256(s->secret, peri_arena_fmt(a, "%.*s.%.*s", PERI_S(seconds), PERI_S(s->body)), mac);
    peri_str sum = hex_of(a, mac, 32);
    add(headers, count, "Stripe-Signature", peri_arena_fmt(a, "t=%.*s,v1=%.*s", PERI_S(seconds), PERI_S(sum)));
  } else if (peri_str_is(scheme, "github")) {
    peri_hmac_sha256(s->secret, s->body, mac);
    peri_str sum = hex_of(a, mac, 32);
    add(headers, count, "X-Hub-Signature-256", peri_arena_fmt(a, "sha256=%.*s", PERI_S(sum)));
  } else if (peri_str_is(scheme, "slack")) {
    peri_hmac_sha256(s->secret, peri_arena_fmt(a, "v0:%.*s:%.*s", PERI_S(seconds), PERI_S(s->body)), mac);
    peri_str sum = hex_of(a, mac, 32);
    add(headers, count, "X-Slack-Signature", peri_arena_fmt(a, "v0=%.*s", PERI_S(sum)));
    add(headers, count, "X-Slack-Request-Timestamp", seconds);
  } else if (peri_str_is(scheme, "shopify")) {
    peri_hmac_sha256(s->secret, s->body, mac);
    add(headers, count, "X-Shopify-Hmac-Sha256", base64_of(a, mac, 32));
  } else if (peri_str_is(scheme, "standard-webhooks")) {
    peri_buf key = {0};
    peri_sha256_hex(s->body, hex);
    peri_str id = peri_arena_fmt(a, "msg_%.24s", hex);
    peri_str packed = peri_str_starts(s->secret, PERI_STR("whsec_")) ? peri_str_from(s->secret, 6) : s->secret;
    if (!peri_unbase64(&key, packed)) peri_buf_clear(&key), peri_buf_str(&key, packed);
    peri_hmac_sha256(peri_buf_view(&key), peri_arena_fmt(a, "%.*s.%.*s.%.*s", PERI_S(id), PERI_S(seconds), PERI_S(s->body)), mac);
    peri_buf_fini(&key);
    peri_str sum = base64_of(a, mac, 32);
    add(headers, count, "webhook-id", id);
    add(headers, count, "webhook-timestamp", seconds);
    add(headers, count, "webhook-signature", peri_arena_fmt(a, "v1,%.*s", PERI_S(sum)));
  } else {
    return false;
  }
  return true;
}
