/* cmd/remote: a command line handed over to the process that holds the database, when one does and listens. */
#ifndef PERI_CMD_REMOTE_H
#define PERI_CMD_REMOTE_H

#include "cmd/cli.h"

/* true: it was handed over, what came back was printed, and c->handed_code is its exit code (or the other process is of another version: *e says so). */
bool peri_remote_run(const peri_cli *c, const char *database, peri_err *e);

#endif
