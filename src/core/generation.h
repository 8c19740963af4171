/* core/generation: the scripts in force made visible in the database: registry, typed views, and the files themselves. Done when they changed. */
#ifndef PERI_CORE_GENERATION_H
#define PERI_CORE_GENERATION_H

#include "core/project.h"
#include "store/catalog.h"

/* Loads all scripts if the set or the rows of data_mappings differ from what the views were made of. A broken file leaves the views as they are:
 * *whole (may be NULL) says whether every file was fine. */
peri_code peri_generation_settle(peri_store *store, const peri_project *project, bool *whole, peri_err *e);

#endif
