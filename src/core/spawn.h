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

#define PERI_SPAWN_LEAVE_MS 200 /* to leave by itself after CLOSE or a death of its own */

/* CPU time: as the core; less than the core when both want it; only when nobody else wants it. */
typedef enum peri_rank { PERI_RANK_SAME, PERI_RANK_BEHIND, PERI_RANK_IDLE } peri_rank;

/* *fd: our end of the socketpair, non-blocking. */
peri_code peri_spawn(uint64_t vm_bytes, peri_rank rank, peri_spawned *out, int *fd, peri_err *e);
/* Kills it first if asked; else gives it a moment to leave by itself, then kills it. Reaps it. Fills *death. */
void peri_spawn_end(peri_spawned *p, bool kill_now, peri_death *death);
void peri_spawn_demote(const peri_spawned *p);  /* to the last rank; there is no way back */
void peri_spawn_kill(const peri_spawned *p);    /* only kills; peri_spawn_end reaps */
int peri_spawn_gone_fd(const peri_spawned *p);  /* readable when the process can be reaped without waiting; -1: this kernel has none */
void peri_spawn_free(peri_spawned *p);

#endif
