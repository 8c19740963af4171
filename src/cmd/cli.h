/* cmd/cli: the command line: one table of commands and flags, from which parsing, `perilune help`, the completions and the man page come;
 * and how every command answers. Results go to stdout, everything else to stderr. */
#ifndef PERI_CMD_CLI_H
#define PERI_CMD_CLI_H

#include "cmd/streams.h"
#include "core/engine.h"
#include "core/project.h"
#include "json/json.h"
#include "vault/key.h"

typedef struct peri_flag {
  const char *name;  /* "entity" */
  const char *value; /* "E", or NULL: a switch */
  bool many;         /* may be given several times */
  const char *doc;
} peri_flag;

typedef struct peri_cli peri_cli;

typedef struct peri_command {
  const char *name;
  const char *usage;   /* "NAME [--entity E]…" */
  const char *summary; /* one line */
  const char *details; /* help's text; may hold examples, may be "" */
  int args_min, args_max; /* -1: any number */
  const peri_flag *flags;
  size_t flag_count;
  int (*run)(peri_cli *c); /* exit code */
} peri_command;

struct peri_cli {
  const peri_command *command;
  const char *argv0;
  const char *args[64];
  int arg_count;
  struct { const peri_flag *flag; const char *value; } given[64];
  int given_count;
  /* flags that every command takes */
  const char *dir, *database, *level;
  bool json, quiet, inline_worker;
  int64_t wait_ms;
  int argc; char **argv;
  bool handed_over; int handed_code; /* a process that holds the database did it (cmd/remote) */
};

extern const peri_command *const peri_commands[];
extern const size_t peri_command_count;
extern const peri_flag peri_common_flags[];
extern const size_t peri_common_flag_count;

int peri_cli_main(int argc, char **argv);
int peri_cli_line(int argc, char **argv); /* one command line; no process-wide settings are touched in a hosted one */
const peri_command *peri_command_named(const char *name);

/* ---- for commands ---- */
const char *peri_cli_value(const peri_cli *c, const char *flag);       /* the last one given; NULL */
bool peri_cli_has(const peri_cli *c, const char *flag);
size_t peri_cli_values(const peri_cli *c, const char *flag, const char **out, size_t most);
int peri_cli_fail(const peri_cli *c, const peri_err *e);                /* prints the error, answers its exit code */
int peri_cli_usage(const peri_cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void peri_cli_data(const peri_cli *c, peri_str json);                   /* --json: {"data":…,"error":null} and a newline */
bool peri_cli_number(const peri_cli *c, const char *flag, int64_t *out, peri_err *e); /* 0 or more; *out untouched if absent */
bool peri_cli_terminal(int fd);                                         /* a terminal, and NO_COLOR/dumb are looked at by the caller */

/* Other people's text fit for a terminal: known secrets blotted, controls and hidden characters spelled out, at most so many bytes of it (0: all). */
peri_str peri_cli_shown(peri_arena *a, peri_str text, size_t most);

/* Everything a command may need, opened as far as asked; closed by peri_session_close in the right order. If a process that stays holds the database, the
 * whole command line is handed over to it: then this fails, and peri_cli_fail answers what came back. */
typedef struct peri_session {
  peri_project *project;
  peri_store *store;
  peri_vault *vault;
  peri_engine *engine;
  peri_key_place key; /* where the vault's keys come from */
  bool hosted;        /* all of it belongs to the process that stays, but for a store that only reads */
} peri_session;
typedef enum peri_need {
  PERI_NEED_PROJECT = 1,  /* a project folder must be there */
  PERI_NEED_READ = 2,     /* the database, read-only, if there is one */
  PERI_NEED_WRITE = 4,    /* the database, locked for writing */
  PERI_NEED_KEY = 8,      /* the key, checked against the database */
  PERI_NEED_ENGINE = 16,  /* loop, HTTP, writer thread */
  PERI_NEED_ALONE = 32    /* cannot be done by, or beside, another process that holds the database */
} peri_need;
peri_code peri_session_open(const peri_cli *c, int need, peri_session *s, peri_err *e);
void peri_session_close(peri_session *s);
/* Where the key is at hand: what the integrations' secrets are, so that no value that holds one is shown or kept. Without the key nothing is known. */
void peri_session_learn(const peri_cli *c, peri_session *s);
/* Where this command's key comes from; reads nothing. file: the project's key file. */
void peri_session_key(const peri_cli *c, const char *file, peri_key_place *out);

/* Tables for people: columns padded, the last one free; widths count characters, not bytes. */
typedef struct peri_table peri_table;
peri_table *peri_table_new(const char *const *titles, size_t columns);
void peri_table_row(peri_table *t, const peri_str *cells);
void peri_table_print(peri_table *t); /* to stdout, and frees it */
void peri_table_free(peri_table *t);  /* unprinted */

#endif
