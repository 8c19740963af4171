/* vault/inside: what the files of this room share. */
#ifndef PERI_VAULT_INSIDE_H
#define PERI_VAULT_INSIDE_H

#include "vault/vault.h"

#define PERI_KEY_BYTES 32
#define PERI_KID_MAX 40
#define PERI_KEY_FILE_BYTES_MAX 8192
#define PERI_KEYS_MAX 16 /* a rotation holds two; more than a few mean that nobody drops old ones */

typedef struct peri_key {
  char kid[PERI_KID_MAX];
  unsigned char bytes[PERI_KEY_BYTES];
} peri_key;
struct peri_vault {
  char from[64]; /* what messages call the place of these keys */
  size_t count;
  peri_key keys[PERI_KEYS_MAX];
}; /* keys[0] is in force; lives in locked memory */

/* A key file, or a systemd credential (root owns it, a group bit is the mask of its access list); lines of a text. */
peri_code peri_vault_read(const char *path, bool credential, peri_vault **out, peri_err *e);
peri_code peri_vault_parse(const char *from, peri_str text, peri_vault **out, peri_err *e);

/* Memory that is not swapped, not dumped, and wiped when given back. */
void *peri_locked_alloc(size_t n);
void peri_locked_free(void *p, size_t n);

#endif
