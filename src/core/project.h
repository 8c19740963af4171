/* core/project: the folder that holds what a user edits, and the script files in force: the shipped ones, overlaid by the folder's. */
#ifndef PERI_CORE_PROJECT_H
#define PERI_CORE_PROJECT_H

#include "base/err.h"
#include "base/mem.h"
#include "wire/wire.h"

typedef struct peri_project {
  peri_arena *arena;
  const char *dir;      /* absolute; NULL if there is no project (then only shipped files are in force) */
  const char *database; /* dir/perilune.db, or --db */
  const char *key;      /* perilune.key beside the project file, or beside the database */
  peri_load_file *files; /* connectors/ mappings/ lib/ automations/ and alerts.lua, perilune.lua; sorted by path */
  size_t file_count;
  bool *shipped;        /* parallel: true if it is the copy inside the binary */
  char generation[33];  /* hash over all files in force */
} peri_project;

/* dir: -C, or NULL to look for perilune.lua from the working directory upwards. database: --db or NULL. NOT_FOUND if `must` and there is none. */
peri_code peri_project_open(const char *dir, const char *database, bool must, peri_project **out, peri_err *e);
void peri_project_close(peri_project *p);
/* Reads the script files: shipped, then the folder's over them. Refuses files and sums above the ceilings, names that are no plain UTF-8. */
peri_code peri_project_read(peri_project *p, peri_err *e);
/* The same project as if these files stood in it, in place of those of the same path. Lives as long as `p`; not to be closed by itself. */
const peri_project *peri_project_with(const peri_project *p, const peri_load_file *files, size_t count);
/* The same project with these files alone: an earlier generation. */
const peri_project *peri_project_of(const peri_project *p, const peri_load_file *files, size_t count);
const peri_load_file *peri_project_file(const peri_project *p, const char *path);
/* init: makes the folder, perilune.lua, connectors/, mappings/, lib/, the key. Existing files are left as they are; *made counts. */
peri_code peri_project_init(const char *dir, int *made, peri_err *e);

#endif
