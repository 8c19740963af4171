/* wire/progress: the one page that a worker shares with its core. The worker writes what it is doing before each step that may end it
 * (one store); after a death the core reads what was going on. The core believes none of it blindly: every number is held against what it sent. */
#ifndef PERI_WIRE_PROGRESS_H
#define PERI_WIRE_PROGRESS_H

#include <stdint.h>

enum { PERI_AT_IDLE, PERI_AT_LOAD, PERI_AT_MAP, PERI_AT_CALL, PERI_AT_SERVE, PERI_AT_SPLIT };
enum { PERI_DEATH_NONE, PERI_DEATH_STUCK /* in C past its budget */, PERI_DEATH_MEMORY /* past twice the ceiling */, PERI_DEATH_ORPHAN };

typedef struct peri_progress { /* 64 bytes */
  volatile uint32_t page, record, field, phase;
  volatile int32_t bad_syscall; /* set by the SIGSYS handler: number + 1, so that call 0 shows */
  volatile uint32_t death;      /* why the worker left by itself */
  volatile uint32_t file;       /* LOAD: index of the file being loaded */
  volatile uint32_t reserved[9];
} peri_progress;

#endif
