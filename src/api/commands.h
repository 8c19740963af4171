/* api/commands: command lines run inside this process. The command line is the whole of what perilune can do; the API's resources are its short form, and
 * a `perilune` on the same machine sends its own line here when this process holds the database. cmd/ knows how; this room only asks. */
#ifndef PERI_API_COMMANDS_H
#define PERI_API_COMMANDS_H

#include "base/buf.h"
#include "base/err.h"

typedef struct peri_command_job peri_command_job;

typedef struct peri_command_watch {
  void (*wrote)(void *self, int stream, peri_str bytes); /* 1 or 2: to standard output or error */
  void (*done)(void *self, int exit_code);               /* once; the job is gone afterwards */
  void *self;
} peri_command_watch;

typedef struct peri_commands {
  void *self;
  /* argv without the program's name; input is what it reads from standard input, and what @FILE names were replaced by is in the arguments already.
   * Everything is copied and wiped afterwards. NULL: too many at once, *e says so. */
  peri_command_job *(*start)(void *self, const peri_str *argv, size_t argc, peri_str input, const peri_command_watch *watch, peri_err *e);
  void (*cancel)(peri_command_job *job); /* as Ctrl-C does: what it began stops at its next edge; done comes as usual */
  void (*leave)(peri_command_job *job);  /* whoever watched is gone; the job goes on */
} peri_commands;

#endif
