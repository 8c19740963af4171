/* core/generation: the scripts in force made visible in the database: registry, typed views, and the files themselves. Done when they changed. */
#ifndef PERI_CORE_GENERATION_H
#define PERI_CORE_GENERATION_H

#include "core/engine.h"
#include "core/project.h"
#include "store/catalog.h"

/* Loads all scripts if the set or the rows of data_mappings differ from what the views were made of. A broken file leaves the views as they are:
 * *whole (may be NULL) says whether every file was fine. */
peri_code peri_generation_settle(peri_store *store, const peri_project *project, bool *whole, peri_err *e);
/* The same beside runs, without blocking the loop; done comes later, once. Whoever asks meanwhile waits for the one under way. */
void peri_generation_start(peri_engine *g, const peri_project *project, void (*done)(void *self, const peri_err *e), void *self);

#endif
