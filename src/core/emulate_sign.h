/* core/emulate_sign: signs a webhook as its API would. */
#ifndef PERI_CORE_EMULATE_SIGN_H
#define PERI_CORE_EMULATE_SIGN_H

#include "net/http.h"

#define PERI_SIGN_HEADERS_MAX 16

typedef struct peri_signing { peri_str method, url, body, secret; int64_t now_ms; } peri_signing;
/* Appends the headers of one scheme (hubspot-v1, hubspot-v3, stripe, github, slack, shopify, standard-webhooks); texts in the arena. False: unknown scheme. */
bool peri_emulate_sign(peri_str scheme, const peri_signing *s, peri_arena *a, peri_header *headers, size_t *count);

#endif
