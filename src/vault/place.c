/* vault/place: see key.h. A credential of systemd wins, because whoever set it up meant it; the environment comes last, because children inherit it,
 * /proc shows it and crash reporters send it. Refuses to fall back where a place holds something unusable: that would be another key than meant. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "vault/inside.h"
#include "vault/key.h"

typedef struct kept_variable {
  bool given;
  size_t n;
  char text[PERI_KEY_FILE_BYTES_MAX + 1];
} kept_variable;

static kept_variable *variable; /* in locked memory, for the life of the process */

void peri_key_environment_take(void) {
  char *value = getenv(PERI_KEY_VARIABLE);
  if (!value) return;
  if (!variable) variable = peri_locked_alloc(sizeof *variable);
  size_t n = strlen(value);
  variable->given = true;
  variable->n = n > PERI_KEY_FILE_BYTES_MAX ? PERI_KEY_FILE_BYTES_MAX + 1 : n; /* too long is told when it is opened */
  if (n <= PERI_KEY_FILE_BYTES_MAX) memcpy(variable->text, value, n + 1);
  OPENSSL_cleanse(value, n);
  unsetenv(PERI_KEY_VARIABLE);
}

void peri_key_find(const char *file, bool named, peri_key_place *out) {
  struct stat st;
  const char *folder = getenv("CREDENTIALS_DIRECTORY");
  *out = (peri_key_place){.from = PERI_KEY_FILE};
  if (!named && folder && *folder) {
    int n = snprintf(out->path, sizeof out->path, "%s/%s", folder, PERI_KEY_NAME);
    out->from = PERI_KEY_CREDENTIAL;
    if (n > 0 && (size_t)n < sizeof out->path && lstat(out->path, &st) == 0) return;
  }
  out->from = PERI_KEY_FILE;
  snprintf(out->path, sizeof out->path, "%s", file ? file : PERI_KEY_NAME);
  if (named || lstat(out->path, &st) == 0 || !variable) return;
  *out = (peri_key_place){.from = PERI_KEY_ENVIRONMENT};
}

const char *peri_key_place_text(const peri_key_place *p) {
  return p->from == PERI_KEY_ENVIRONMENT ? "the environment variable " PERI_KEY_VARIABLE : p->path;
}

peri_code peri_vault_open_at(const peri_key_place *p, peri_vault **out, peri_err *e) {
  *out = NULL;
  if (p->from != PERI_KEY_ENVIRONMENT) return peri_vault_read(p->path, p->from == PERI_KEY_CREDENTIAL, out, e);
  if (!variable) return peri_fail(e, PERI_NO_KEY, "%s is not set", PERI_KEY_VARIABLE);
  if (variable->n > PERI_KEY_FILE_BYTES_MAX) return peri_fail(e, PERI_NO_KEY, "%s is too long for a key", PERI_KEY_VARIABLE);
  return peri_vault_parse(PERI_KEY_VARIABLE, (peri_str){variable->text, variable->n}, out, e);
}
