/* vault/locked: memory for keys and secrets: whole pages, locked (not swapped), left out of core dumps, wiped before it goes back; and a process that
 * leaves no core file and that others of its user may not read.
 * Refuses nothing when the system will not lock (RLIMIT_MEMLOCK): a secret in swap is bad, a tool that does not start is worse; dumps stay excluded.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vault/inside.h"
#include "vault/key.h"

static size_t pages(size_t n) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  return (n + page - 1) / page * page;
}

void *peri_locked_alloc(size_t n) {
  size_t size = pages(n ? n : 1);
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) {
    fputs("perilune: out of memory for secrets\n", stderr);
    _exit(1);
  }
  madvise(p, size, MADV_DONTDUMP);
  madvise(p, size, MADV_DONTFORK); /* a child has no business with it */
  if (mlock(p, size) != 0) {       /* RLIMIT_MEMLOCK is used up */
  }
  return p;
}

void peri_locked_free(void *p, size_t n) {
  if (!p) return;
  OPENSSL_cleanse(p, n);
  munmap(p, pages(n ? n : 1)); /* unlocks */
}

void peri_wipe(peri_buf *b) {
  if (b->p) OPENSSL_cleanse(b->p, b->cap);
  peri_buf_fini(b);
}

void peri_process_guard(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
#ifndef PERI_DEBUG /* the leak checker of a debug build reads its own process as a debugger does */
  prctl(PR_SET_DUMPABLE, 0);
#endif
}
