/* vault/verify: was this delivery sent by who holds the secret? Over the raw bytes as received, in constant time, before anybody parses them.
 *
 * Schemes and their sources: HubSpot v1, v2, v3 (developers.hubspot.com, request validation), GitHub (X-Hub-Signature-256), Stripe (Stripe-Signature),
 * Shopify (X-Shopify-Hmac-Sha256), Slack (v0 signatures), Standard Webhooks (standardwebhooks.com), and an HMAC that a connector spells out. */
#ifndef PERI_VAULT_VERIFY_H
#define PERI_VAULT_VERIFY_H

#include "net/http.h"
#include "vault/vault.h"

#define PERI_VERIFY_AGE_MS (5 * 60 * 1000) /* older, or so far in the future, is a replay */

typedef struct peri_delivery {
  peri_str method, uri;           /* the URI as the sender called it, with scheme and host */
  const peri_header *headers; size_t header_count; /* names in lower case */
  peri_str body;
  int64_t now_ms;
} peri_delivery;

/* An HMAC in a connector's own words. */
typedef struct peri_hmac_words {
  const char *hash;               /* "hmac-sha256" "hmac-sha1" "hmac-sha512" */
  peri_str header, prefix;        /* where the signature stands, and what is written before it */
  bool hex;                       /* else base64 */
  peri_str over;                  /* what is signed, holes filled */
  peri_str time;                  /* the stamp's text; {NULL,0}: none is declared */
  int64_t within_ms;              /* 0: PERI_VERIFY_AGE_MS */
} peri_hmac_words;

/* Does this delivery carry the header of the scheme? Of several declared schemes the first that does is the one to verify. */
bool peri_verify_present(peri_str scheme, const peri_delivery *d);
/* The secret is the one called `key`, or any called `key.SOMETHING` (old and new while they are rotated). CREDENTIALS_REFUSED says why: no such secret,
 * no signature, a wrong one, or too old. words: for the hmac schemes. */
peri_code peri_verify(peri_str scheme, const peri_hmac_words *words, const peri_delivery *d, const peri_secrets *s, peri_str key, peri_err *e);

/* HubSpot signs the URI with twelve escapes undone, and no others. */
peri_str peri_hubspot_uri(peri_arena *a, peri_str uri);

#endif
