/* worker/inside: how the process (main.c) and the loop without a process (peri_worker_loop) enter the same work. Internal to worker/. */
#ifndef PERI_WORKER_INSIDE_H
#define PERI_WORKER_INSIDE_H

#include "base/str.h"
#include "wire/progress.h"

/* Answers HELLO with `ready`, then one frame after another. Returns an exit status: 0 after CLOSE or when the core is gone. */
int peri_worker_serve(int fd, peri_progress *progress, long core_pid, peri_str ready);

#endif
