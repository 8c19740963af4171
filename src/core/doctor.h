/* core/doctor: what this machine allows: the layers of the jail that hold, kernel, libraries, the files of a project. Starts one worker; touches
 * neither database nor key beyond looking at their modes. */
#ifndef PERI_CORE_DOCTOR_H
#define PERI_CORE_DOCTOR_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

typedef struct peri_doctor_files {
  const char *project, *database, *key; /* each may be NULL */
  bool key_is_credential, key_in_environment;
} peri_doctor_files;

/* json: one object; text: lines for people. *healthy: every layer of the jail holds and no file is open to others. */
peri_code peri_doctor(const peri_doctor_files *files, peri_buf *json, peri_buf *text, bool *healthy, peri_err *e);

#endif
