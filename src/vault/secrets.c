/* vault/secrets: the opened secrets of one integration: names and values in locked memory, named to the redactor, wiped when given back.
 * Refuses more secrets than a connector could name (32) rather than grow: growing would leave copies. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/log.h"
#include "vault/inside.h"
#include "vault/secrets.h"

peri_secrets *peri_secrets_new(void) { return peri_locked_alloc(sizeof(peri_secrets)); }

static void drop(peri_secret *s) {
  peri_locked_free(s->value, s->n);
  s->value = NULL;
  s->n = 0;
}

void peri_secrets_free(peri_secrets *s) {
  if (!s) return;
  for (size_t i = 0; i < s->count; i++) drop(&s->items[i]);
  peri_locked_free(s, sizeof *s);
}

const peri_secret *peri_secret_named(const peri_secrets *s, peri_str name) {
  for (size_t i = 0; s && i < s->count; i++)
    if (peri_str_is(name, s->items[i].name)) return &s->items[i];
  return NULL;
}

void peri_secrets_put(peri_secrets *s, peri_str name, peri_str value) {
  peri_secret *to = (peri_secret *)peri_secret_named(s, name);
  if (to)
    drop(to);
  else {
    if (s->count == PERI_SECRETS_MAX || name.n >= sizeof s->items->name) return;
    to = &s->items[s->count++];
    memcpy(to->name, name.p, name.n);
    to->name[name.n] = 0;
  }
  to->value = peri_locked_alloc(value.n);
  to->n = value.n;
  if (value.n) memcpy(to->value, value.p, value.n);
  peri_redact_add(value);
}

bool peri_secrets_has(const peri_secrets *s, peri_str name) { return peri_secret_named(s, name) != NULL; }
