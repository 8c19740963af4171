/* core/spawn: the process behind a worker: its start, its end, and what the kernel and its progress page say about the end. Internal to core/. */
#ifndef PERI_CORE_SPAWN_H
#define PERI_CORE_SPAWN_H

#include <sys/types.h>

#include "core/pool.h"
#include "wire/progress.h"

typedef struct peri_spawned {
  pid_t pid;               /* 0: inline, a thread */
  peri_progress *progress; /* shared with it */
  uint64_t thread;         /* inline only */
  bool ended;
} peri_spawned;

/* *fd: our end of the socketpair, non-blocking. */
peri_code peri_spawn(uint64_t vm_bytes, peri_spawned *out, int *fd, peri_err *e);
/* Kills it first if asked; else gives it a moment to leave by itself, then kills it. Reaps it. Fills *death. */
void peri_spawn_end(peri_spawned *p, bool kill_now, peri_death *death);
void peri_spawn_free(peri_spawned *p);

#endif
