/* cmd/target: what commands about mappings share: TYPE/ENTITY, the scripts in force for it, and what to say when they are not fit. */
#ifndef PERI_CMD_TARGET_H
#define PERI_CMD_TARGET_H

#include "cmd/flags.h"
#include "core/scripts.h"

typedef struct peri_target {
  peri_str type, entity;
  const char *type_c;
} peri_target; /* type_c lives in the arena */

/* "hubspot/contact"; USAGE if it is none. */
peri_code peri_target_read(peri_arena *a, const char *text, peri_target *out, peri_err *e);

typedef struct peri_target_options {
  const char *integration; /* NULL: none */
  bool rows_alone, key_free;
  peri_str rows; /* JSON array instead of the stored rows; empty: the stored ones */
} peri_target_options;
/* Puts an integration's type, name, settings and what its account has into `want`. NOT_FOUND if it is of another type than want->type. */
peri_code peri_target_integration(peri_arena *a, peri_session *s, const char *name, peri_scripts_want *want, peri_err *e);
/* Loads what concerns the type, with the integration's settings and what its account has. NOT_FOUND if the integration is of another type. */
peri_code peri_target_load(peri_arena *a, peri_session *s, const peri_target *t, const peri_target_options *o, peri_scripts **out, peri_err *e);
/* Mappings of the entity (else those of a stream of that name), at most `most`. None: the failure of its file, or NOT_FOUND with what there is. */
peri_code peri_target_mappings(const peri_scripts *s, const peri_target *t, const peri_mapping_info **out, size_t most, size_t *count, peri_err *e);
/* Mapping of a stream made of rows alone? */
bool peri_mapping_is_rows(const peri_mapping_info *m);

/* For validate and test: the mapping files by themselves with their examples, and what is in force once the field mappings are laid over them. An
 * example belongs to its file: a field mapping may well change what comes out. */
typedef struct peri_checked {
  peri_scripts *files, *laid;
  int64_t examples;
} peri_checked;
peri_code peri_check_load(peri_session *s, const peri_scripts_want *want, peri_checked *out, peri_err *e);
void peri_check_close(peri_checked *k);
/* What is wrong with a file; NULL: nothing. */
const peri_script_failure *peri_check_failure(const peri_checked *k, peri_str path);
int64_t peri_check_examples(const peri_checked *k, peri_str path);

/* The registry of the connectors in force: a JSON array with the columns of integration_registry, and path, versions, streams. */
peri_code peri_cli_connectors(peri_session *s, peri_buf *json, peri_err *e);

#endif
