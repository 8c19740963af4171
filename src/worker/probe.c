/* worker/probe: tries a system call by its name, as a script would that had broken out of the interpreter. For doctor and for tests: the worker must
 * die of it. It gives away nothing: whoever can send PROBE is the core, and the calls are made without useful arguments. */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/jail.h"

#define PAGE 4096u

static long try_one(const char *name, long core_pid) {
  static char file[] = "/etc/passwd";
  char *const none[] = {NULL};
  if (!strcmp(name, "kill")) return syscall(SYS_kill, core_pid, 0);
  if (!strcmp(name, "tgkill")) return syscall(SYS_tgkill, core_pid, core_pid, 0);
  if (!strcmp(name, "mmap-exec")) return (long)mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0;
  if (!strcmp(name, "mmap-shared")) return (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0;
  if (!strcmp(name, "mmap-file")) return (long)mmap(NULL, 64, PROT_READ, MAP_PRIVATE, 4, 0) == -1 ? -1 : 0;
  if (!strcmp(name, "mprotect-exec")) {
    void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : mprotect(p, PAGE, PROT_READ | PROT_EXEC);
  }
#ifdef SYS_open
  if (!strcmp(name, "open")) return syscall(SYS_open, file, 0);
#endif
  if (!strcmp(name, "openat")) return syscall(SYS_openat, -100, file, 0);
  if (!strcmp(name, "execve")) return syscall(SYS_execve, "/bin/sh", none, none);
  if (!strcmp(name, "socket")) return syscall(SYS_socket, 2, 1, 0);
  if (!strcmp(name, "abort")) {
    raise(SIGABRT);
    return 0;
  }
  if (!strcmp(name, "segv")) { /* a crash that is no call at all */
    volatile char *nowhere = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *nowhere = 1;
    return 0;
  }
#ifdef PERI_BUILD_ASAN
  if (!strcmp(name, "overflow")) { /* what the sanitizer is there for */
    volatile char *p = malloc(8);
    p[8 + (core_pid & 1)] = 1;
    free((void *)(uintptr_t)p);
    return 0;
  }
#endif
  if (!strcmp(name, "spin"))
    for (volatile unsigned i = 0;; i++) {}
  if (!strcmp(name, "sleep")) /* until the core loses patience */
    for (;;) syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
#ifdef __x86_64__
  if (!strcmp(name, "x32-getpid")) return syscall(0x40000000 | SYS_getpid);
  if (!strcmp(name, "int80")) { /* the 32-bit door: 20 is getpid there, 39 mkdir */
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    return answer;
  }
#endif
  int number = seccomp_syscall_resolve_name(name);
  if (number < 0) {
    errno = ENOSYS;
    return -1;
  }
  return syscall(number, 0, 0, 0, 0, 0, 0);
}

void peri_jail_probe(peri_str name, long core_pid, char *out, size_t out_bytes) {
  char c[64];
  snprintf(c, sizeof c, "%.*s", PERI_S(name));
  errno = 0;
  long answer = try_one(c, core_pid);
  snprintf(out, out_bytes, "%s came back with %ld%s%s", c, answer, answer < 0 ? ", errno " : "", answer < 0 ? strerrorname_np(errno) : "");
}
