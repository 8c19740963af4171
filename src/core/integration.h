/* core/integration: one row of `integrations`, made ready for use: settings merged, trusted hosts parsed, secrets opened. */
#ifndef PERI_CORE_INTEGRATION_H
#define PERI_CORE_INTEGRATION_H

#include "net/http.h"
#include "store/catalog.h"
#include "vault/vault.h"

typedef struct peri_trust {
  peri_str scheme, host;
  int port;
  bool special; /* named by the operator with --base-url: loopback and private addresses are fine there */
} peri_trust;

typedef struct peri_integration {
  peri_arena *arena;
  peri_str id, name, type, base_url, status;
  const peri_json *settings; /* given and kept in one object */
  const peri_trust *trusted;
  size_t trusted_count;
  peri_secrets *secrets;     /* NULL if they were not asked for */
} peri_integration;

/* vault NULL: secrets stay closed. */
peri_code peri_integration_open(peri_store *store, peri_vault *vault, peri_str name, peri_integration **out, peri_err *e);
void peri_integration_close(peri_integration *i);
/* Settings again after `keep` or `set`. */
peri_code peri_integration_refresh(peri_store *store, peri_integration *i, peri_err *e);
/* The host of a URL must be one that the operator trusted when the integration was added. *special: private addresses are fine. */
peri_code peri_integration_allows(const peri_integration *i, peri_str url, bool *special, bool *plain, peri_err *e);

/* Credentials given by an operator, sealed: {"accessToken":{"v":1,…}} for the row `id`, on top of what is sealed already (may be NULL). */
peri_code peri_integration_seal(peri_vault *vault, peri_str id, const peri_json *sealed, const peri_str *names, const peri_str *values, size_t count, peri_buf *json, peri_err *e);
/* Another list of trusted hosts (the JSON of `trusted`) for this copy; nothing is stored. */
void peri_integration_trust(peri_integration *i, peri_str trusted_json);
bool peri_secret_known(void *integration, peri_str name); /* for peri_connector_auth */

#endif
