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

typedef struct peri_command_file { peri_str name, bytes; } peri_command_file; /* "-": standard input */

typedef struct peri_command_runner {
  void *self;
  /* argv without the program's name; files are those that the arguments name, as whoever asks has them. Everything is copied, and wiped afterwards.
   * NULL: too many at once, *e says so. */
  peri_command_job *(*start)(void *self, const peri_str *argv, size_t argc, const peri_command_file *files, size_t file_count, const peri_command_watch *watch, peri_err *e);
  void (*cancel)(peri_command_job *job); /* as Ctrl-C does: what it began stops at its next edge; done comes as usual */
  void (*leave)(peri_command_job *job);  /* whoever watched is gone; the job goes on */
} peri_command_runner;

#endif
