/* worker/jail: takes every power away from this process, for good. Start at peri_jail_close. Internal to worker/. */
#ifndef PERI_WORKER_JAIL_H
#define PERI_WORKER_JAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/progress.h"

#if defined(__SANITIZE_ADDRESS__)
#define PERI_BUILD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PERI_BUILD_ASAN 1
#endif
#endif

typedef struct peri_jail {
  bool parent_death, non_dumpable, no_new_privs, rlimits, address_space, descriptors, seccomp;
  int landlock;      /* ABI that was used; 0: none */
  const char *build; /* "release", "debug", "asan", "valgrind" */
} peri_jail;

/* Before peri_jail_close: the handler that notes a forbidden call on the progress page. */
void peri_jail_handlers(peri_progress *progress);
/* Closes the jail, in the order of docs/architecture.md. core_pid: who must still be our parent, else _exit. vm_bytes: for the address space. */
void peri_jail_close(long core_pid, uint64_t vm_bytes, peri_jail *out);
/* READY's JSON. */
void peri_jail_report(const peri_jail *j, peri_buf *json);
/* Tries a system call by name, as a hostile script would if it had broken the interpreter. Returns a text that says what came of it, if it comes
 * back. */
void peri_jail_probe(peri_str name, long core_pid, char *out, size_t out_bytes);

#endif
