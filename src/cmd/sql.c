/* cmd/sql: a question of the user's own to the database. Reads only. Rows are printed as they come: a table in portions, or a JSON array of objects.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/flags.h"
#include "store/report.h"

#define PORTION_ROWS 500
#define CELL_BYTES_MAX 160 /* on a terminal; in a file or pipe cells are whole */
#define COLUMNS_SHOWN 32

typedef struct printing {
  bool json, cut, started;
  int64_t rows;
  int shown; /* columns */
  size_t in_table;
  peri_table *table;
  peri_buf line;
} printing;

static void flush_table(printing *p) {
  if (p->table) peri_table_print(p->table);
  p->table = NULL;
  p->in_table = 0;
}

static peri_str cell_of(peri_arena *a, const printing *p, peri_str value, peri_jtype type) {
  if (type == PERI_J_NULL) return PERI_STR("NULL");
  if (!p->cut || value.n <= CELL_BYTES_MAX) return value;
  size_t n = CELL_BYTES_MAX;
  while (n && ((unsigned char)value.p[n] & 0xc0) == 0x80) n--;
  return peri_arena_fmt(a, "%.*s…", (int)n, value.p);
}

static bool print_cells(printing *p, int columns, const peri_str *names, const peri_str *values, const peri_jtype *types) {
  peri_arena *a = peri_arena_new();
  p->shown = columns > COLUMNS_SHOWN ? COLUMNS_SHOWN : columns;
  if (!p->table) {
    const char *titles[COLUMNS_SHOWN];
    for (int i = 0; i < p->shown; i++) titles[i] = peri_arena_str(a, names[i]).p;
    p->table = peri_table_new(titles, (size_t)p->shown);
  }
  peri_str cells[COLUMNS_SHOWN];
  for (int i = 0; i < p->shown; i++) cells[i] = cell_of(a, p, values[i], types[i]);
  peri_table_row(p->table, cells);
  if (++p->in_table == PORTION_ROWS) flush_table(p);
  peri_arena_free(a);
  return !ferror(stdout);
}

static bool print_object(printing *p, int columns, const peri_str *names, const peri_str *values, const peri_jtype *types) {
  peri_jw w;
  peri_buf_clear(&p->line);
  peri_buf_c_str(&p->line, p->started ? ",\n" : "{\"data\":[");
  peri_jw_init(&w, &p->line);
  peri_jw_object(&w);
  for (int i = 0; i < columns; i++) {
    peri_jw_key(&w, names[i]);
    if (types[i] == PERI_J_NULL)
      peri_jw_null(&w);
    else if (types[i] == PERI_J_NUMBER)
      peri_jw_raw(&w, values[i]);
    else
      peri_jw_text(&w, values[i]);
  }
  peri_jw_end_object(&w);
  fwrite(p->line.p, 1, p->line.n, stdout);
  return !ferror(stdout);
}

static bool print_row(void *self, int columns, const peri_str *names, const peri_str *values, const peri_jtype *types) {
  printing *p = self;
  p->rows++;
  bool fine = p->json ? print_object(p, columns, names, values, types) : print_cells(p, columns, names, values, types);
  p->started = true;
  return fine;
}

/* A query that fails after rows were printed: the answer is ended as JSON all the same. */
static int end_json(peri_cli *c, const printing *p, peri_code code, const peri_err *e) {
  if (code && !p->started) return peri_cli_fail(c, e);
  if (!p->started) fputs("{\"data\":[", stdout);
  if (!code) {
    fputs("],\"error\":null}\n", stdout);
    return 0;
  }
  peri_buf text = {0};
  peri_json_quote(&text, peri_str_of(e->text));
  printf("],\"error\":{\"code\":\"%s\",\"message\":%.*s}}\n", peri_code_name(code), (int)text.n, text.p);
  peri_buf_fini(&text);
  return peri_code_exit(code);
}

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  printing p = {.json = c->json, .cut = isatty(STDOUT_FILENO)};
  peri_code code = peri_session_open(c, PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  if (!s.project->database)
    code = peri_fail(&e, PERI_NOT_FOUND, "there is no project here; name one with -C DIR, or a database with --db PATH");
  else if (!s.store)
    code = peri_fail(&e, PERI_NOT_FOUND, "there is no database %s yet; it is made with the first perilune add", s.project->database);
  else
    code = peri_report_sql(s.store, peri_str_of(c->args[0]), print_row, &p, &e);
  flush_table(&p);
  peri_session_close(&s);
  peri_buf_fini(&p.line);
  if (c->json) return end_json(c, &p, code, &e);
  if (!code && !p.rows && !c->quiet) fputs("no rows\n", stderr);
  return code ? peri_cli_fail(c, &e) : 0;
}

const peri_command peri_command_sql = {
    "sql",
    "QUERY",
    "ask the database in SQL; reads only",
    "Tables: integrations, integration_data (data: the mapped row, raw: as received), rejects, runs, data_mappings, …; and a view with typed\n"
    "columns for each mapping: hubspot_contact, contact.\n\n"
    "  perilune sql \"SELECT email, firstName FROM contact LIMIT 10\"\n"
    "  perilune sql --json \"SELECT name FROM sqlite_master WHERE type = 'view'\"",
    1,
    1,
    NULL,
    0,
    run};
