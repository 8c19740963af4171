/* vault/secrets: how opened secrets lie in memory; of this room alone. */
#ifndef PERI_VAULT_SECRETS_H
#define PERI_VAULT_SECRETS_H

#include "vault/vault.h"

#define PERI_SECRETS_MAX 32

typedef struct peri_secret {
  char name[64];
  char *value;
  size_t n;
} peri_secret; /* value in pages of its own */
struct peri_secrets {
  size_t count;
  peri_secret items[PERI_SECRETS_MAX];
};

const peri_secret *peri_secret_named(const peri_secrets *s, peri_str name); /* NULL if there is none */
/* jwt.c: the entry `assertion` of a JWT bearer request. */
peri_code peri_jwt_assertion(const peri_secrets *s, const peri_token_request *q, peri_buf *form, peri_err *e);

#endif
