/* vault/key: where the key that seals credentials comes from. In this order: a systemd credential, the key file, the environment.
 * Only a file can be rewritten from here; of the others perilune prints nothing and writes only the file that it is told to write. */
#ifndef PERI_VAULT_KEY_H
#define PERI_VAULT_KEY_H

#include "vault/vault.h"

#define PERI_KEY_VARIABLE "PERILUNE_KEY"
#define PERI_KEY_NAME "perilune.key" /* of the file and of the systemd credential */

typedef enum peri_key_from { PERI_KEY_FILE, PERI_KEY_CREDENTIAL, PERI_KEY_ENVIRONMENT } peri_key_from;
typedef struct peri_key_place {
  peri_key_from from;
  char path[1024]; /* "" for the environment */
} peri_key_place;

/* The first act of a process: copies PERILUNE_KEY into locked memory, overwrites it in the environment and takes it out, so that neither
 * /proc/PID/environ nor a child shows it. */
void peri_key_environment_take(void);
/* The second: no core file, and no reading of this process's memory by others of its user. */
void peri_process_guard(void);
/* Which place is in force. `file` is the project's; named: the operator named it himself, so nothing else is asked. Looks, reads nothing. */
void peri_key_find(const char *file, bool named, peri_key_place *out);
const char *peri_key_place_text(const peri_key_place *p); /* for people: the path, "the environment variable PERILUNE_KEY" */
peri_code peri_vault_open_at(const peri_key_place *p, peri_vault **out, peri_err *e);
size_t peri_vault_count(const peri_vault *v); /* how many keys: more than one while a rotation is under way */

/* Rotation where the place cannot be rewritten: writes what it should hold next to a new file of mode 0600. add: a fresh key before those of v;
 * else the newest of v alone. Never over an existing file. */
peri_code peri_key_write_next(const peri_vault *v, bool add, const char *path, peri_err *e);

#endif
