/* worker/main: what happens between exec and the first frame: progress page, handlers, timer, jail, READY. Refuses to be started by hand: without
 * a core on fd 3 it leaves. Nothing of a user is read before the jail is closed. */
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "script/script.h"
#include "worker/inside.h"
#include "worker/jail.h"
#include "worker/worker.h"

#define EXIT_NO_CORE 45
#define VM_BYTES_MOST (2ull << 30)

/* argv: perilune --worker CORE_PID VM_BYTES */
_Noreturn void peri_worker_main(int argc, char **argv) {
  long core_pid = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
  uint64_t vm_bytes = argc > 3 ? strtoull(argv[3], NULL, 10) : PERI_VM_BYTES;
  if (vm_bytes > VM_BYTES_MOST) vm_bytes = VM_BYTES_MOST;
  int type = 0;
  socklen_t type_bytes = sizeof type;
  if (core_pid <= 0 || getsockopt(PERI_WORKER_FD_LINK, SOL_SOCKET, SO_TYPE, &type, &type_bytes) != 0) _exit(EXIT_NO_CORE);
  peri_progress *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED, PERI_WORKER_FD_PROGRESS, 0);
  if (progress == MAP_FAILED) _exit(EXIT_NO_CORE);
#ifndef PERI_BUILD_ASAN
  /* the heap grows by large steps and is never given back piecewise: thousands of brk calls otherwise */
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
  mallopt(M_ARENA_MAX, 1);
#endif
  peri_jail_handlers(progress);
  peri_err e = {0};
  if (peri_budget_start(progress, &e)) _exit(EXIT_NO_CORE);
  peri_jail jail;
  peri_jail_close(core_pid, vm_bytes, &jail);
  peri_buf ready = {0};
  peri_jail_report(&jail, &ready);
  _exit(peri_worker_serve(PERI_WORKER_FD_LINK, progress, core_pid, peri_buf_view(&ready)));
}
