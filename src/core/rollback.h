/* core/rollback: the mapping before the last remap, put back on disk: its file and what that is made of (extends, lib), as the database keeps them. */
#ifndef PERI_CORE_ROLLBACK_H
#define PERI_CORE_ROLLBACK_H

#include "core/project.h"
#include "store/store.h"

/* files: what the mapping in force is made of, its own included. Refuses (INVALID) to write over a file that is not as the remap left it, unless force;
 * *written counts. The text that is replaced stays in the database, in its generation. */
peri_code peri_rollback_files(peri_store *store, const peri_project *project, const peri_remapped *r, const peri_str *files, size_t file_count, bool force, size_t *written,
                              peri_err *e);

#endif
