/* cmd/mapping_rows: rows of data_mappings as commands handle them: read from flags or templates, and tried before they are stored. */
#ifndef PERI_CMD_MAPPING_ROWS_H
#define PERI_CMD_MAPPING_ROWS_H

#include "cmd/target.h"

/* One row as JSON with the table's columns; members of `row` may be named as columns or as the old API did (externalField). */
void peri_field_row_put(peri_jw *w, const peri_json *row, peri_str type, peri_str entity);
/* Compiles what would be in force with these rows (a JSON array) laid over the stored ones, in a worker. Stores nothing. */
peri_code peri_rows_try(peri_arena *a, peri_session *s, const peri_target *t, const peri_json *rows, peri_err *e);

#endif
