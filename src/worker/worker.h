/* worker/worker: the sandboxed process: jail first, then one job after another over the link on fd 3. */
#ifndef PERI_WORKER_WORKER_H
#define PERI_WORKER_WORKER_H

#include "base/err.h"

#define PERI_WORKER_FD_LINK 3
#define PERI_WORKER_FD_PROGRESS 4

/* argv: perilune --worker. Never returns: leaves by _exit. */
_Noreturn void peri_worker_main(int argc, char **argv);

/* The job loop alone, without jail: `--inline` in debug builds, fuzzing, unit tests. Returns when the other end closes or says CLOSE. */
int peri_worker_loop(int fd);

#endif
