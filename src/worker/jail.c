/* worker/jail: layer on layer, so that a bug in Lua, in our C, or in one layer meets the next. Nothing here can be switched off in a release binary.
 *
 * Order matters: handlers first (they need sigaction), then what exec has reset (parent death, dumpable), then Landlock and the limits, and seccomp
 * last, because it forbids all the calls that the others are made of. A layer that this kernel lacks is reported, and the others still hold. */
#include "worker/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limits.h"
#include "wire/wire.h"
#include "worker/worker.h"
#include "json/json.h"

#define EXIT_FORBIDDEN 43 /* left by the SIGSYS handler */
#define EXIT_ORPHAN 44

static peri_progress *noted;

static void forbidden(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  if (noted) noted->bad_syscall = info->si_syscall + 1;
  _exit(EXIT_FORBIDDEN);
}

void peri_jail_handlers(peri_progress *progress) {
  noted = progress;
  struct sigaction act = {.sa_sigaction = forbidden, .sa_flags = SA_SIGINFO};
  sigfillset(&act.sa_mask); /* a tick must not interrupt it; a second SIGSYS inside it ends the process at once */
  sigaction(SIGSYS, &act, NULL);
  /* The core decides when a worker ends. A Ctrl-C in the terminal or a SIGTERM to the whole service must leave it time to finish its page. */
  static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
#ifdef PERI_BUILD_ASAN
  /* its own handlers want files for their report; a crash shall be one */
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) signal(crashes[i], SIG_DFL);
#endif
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- Landlock: by raw calls, because Debian 12's headers know two of its seven versions ---- */

struct ruleset { /* landlock_ruleset_attr of ABI 6 */
  uint64_t fs, net, scoped;
};

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

static int landlock(void) {
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* ask for the version */);
  if (abi < 1) return 0;
  /* how many rights on files each ABI knows: refer came with 2, truncate with 3, ioctl on devices with 5 */
  int rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
  struct ruleset rules = {.fs = (UINT64_C(1) << rights) - 1};
  size_t bytes = sizeof rules.fs;
  if (abi >= 4) { /* TCP bind and connect */
    rules.net = 3;
    bytes = sizeof rules.fs + sizeof rules.net;
  }
  if (abi >= 6) { /* abstract unix sockets, signals */
    rules.scoped = 3;
    bytes = sizeof rules;
  }
  long fd = syscall(SYS_landlock_create_ruleset, &rules, bytes, 0);
  if (fd < 0) return 0;
  long held = syscall(SYS_landlock_restrict_self, fd, 0); /* no rule was added: everything handled is denied */
  close((int)fd);
  return held == 0 ? (int)abi : 0;
}

/* ---- limits ---- */

static bool limit(int resource, uint64_t value) {
  struct rlimit l = {value, value};
  return setrlimit((__rlimit_resource_t)resource, &l) == 0;
}

#ifndef PERI_BUILD_ASAN
/* Bytes mapped now, from the kernel's count of pages; 0 if it can't be read. */
static uint64_t mapped_bytes(void) {
  int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[64];
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  uint64_t pages = 0;
  for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++) pages = pages * 10 + (uint64_t)(text[i] - '0');
  return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool limit_memory(uint64_t vm_bytes) {
  uint64_t mapped = mapped_bytes();
  if (!mapped) mapped = 64u << 20;
  /* twice the VM: Lua grows a table by making the larger one first; two pages in flight and what is made of them */
  return limit(RLIMIT_AS, mapped + 2 * vm_bytes + 4ull * PERI_FRAME_TO_WORKER_MAX + (64u << 20));
}
#endif

/* ---- seccomp ---- */

#define ALLOW(name) (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(name), 0) == 0)

static bool filter_add(scmp_filter_ctx filter) {
  bool ok = ALLOW(read) && ALLOW(write) && ALLOW(recvfrom) && ALLOW(sendto) && ALLOW(recvmsg) && ALLOW(sendmsg) && ALLOW(ppoll) && ALLOW(brk) &&
            ALLOW(munmap) && ALLOW(mremap) && ALLOW(madvise) && ALLOW(futex) && ALLOW(rt_sigreturn) && ALLOW(rt_sigprocmask) &&
            ALLOW(restart_syscall) && ALLOW(timer_settime) && ALLOW(clock_gettime) && ALLOW(gettimeofday) && ALLOW(getpid) && ALLOW(gettid) &&
            ALLOW(exit) && ALLOW(exit_group);
#ifdef __NR_poll
  ok = ok && ALLOW(poll);
#endif
  /* memory: our own, never executable, never a file's */
  ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                              SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS)) == 0;
  ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
  /* abort() signals itself */
  ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)) == 0;
#ifdef PERI_BUILD_ASAN
  /* AddressSanitizer's own needs when it runs and when it reports; files stay shut, with an error instead of a death */
  ok = ok && ALLOW(sigaltstack) && ALLOW(sched_yield) && ALLOW(rt_sigaction);
#define REFUSE(name) (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(name), 0) == 0)
  ok = ok && REFUSE(openat) && REFUSE(readlink) && REFUSE(readlinkat) && REFUSE(prctl) && REFUSE(getrlimit) && REFUSE(prlimit64) && REFUSE(sysinfo) &&
       REFUSE(lseek) && REFUSE(fstat) && REFUSE(newfstatat) && REFUSE(stat);
#endif
  return ok;
}

static bool seccomp_close(void) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
  if (!filter) return false;
  seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree instead of a list */
  bool ok = filter_add(filter) && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return ok;
}

/* Valgrind translates our code and makes calls of its own. Asked by its own magic sequence, which no variable or file can imitate; debug builds only.
 */
static bool on_valgrind(void) {
#if defined(PERI_DEBUG) && defined(__x86_64__) && !defined(PERI_BUILD_ASAN)
  volatile uint64_t question[6] = {0x1001 /* RUNNING_ON_VALGRIND */, 0, 0, 0, 0, 0};
  uint64_t answer = 0;
  __asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\txchgq %%rbx, %%rbx"
                   : "=d"(answer)
                   : "a"(&question[0]), "0"(answer)
                   : "cc", "memory");
  return answer != 0;
#else
  return false;
#endif
}

static const char *build_name(bool valgrind) {
  if (valgrind) return "valgrind";
#if defined(PERI_BUILD_ASAN)
  return "asan";
#elif defined(PERI_DEBUG)
  return "debug";
#else
  return "release";
#endif
}

void peri_jail_close(long core_pid, uint64_t vm_bytes, peri_jail *out) {
  bool valgrind = on_valgrind();
  *out = (peri_jail){.build = build_name(valgrind)};
  setsid(); /* out of reach of the terminal */
  out->parent_death = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
  if (getppid() != core_pid) { /* it died before we asked */
    if (noted) noted->death = PERI_DEATH_ORPHAN;
    _exit(EXIT_ORPHAN);
  }
  out->non_dumpable = prctl(PR_SET_DUMPABLE, 0) == 0;
  out->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  out->descriptors = chdir("/") == 0 && (valgrind || syscall(SYS_close_range, PERI_WORKER_FD_PROGRESS + 1u, ~0u, 0u) == 0);
#ifndef PERI_BUILD_ASAN
  out->address_space = valgrind || limit_memory(vm_bytes);
#else
  (void)vm_bytes; /* its shadow memory takes 20 TB of addresses */
#endif
  out->landlock = landlock();
  out->rlimits =
      limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, 0) && (valgrind || limit(RLIMIT_NOFILE, PERI_WORKER_FD_PROGRESS + 1u));
  out->seccomp = !valgrind && seccomp_close();
}

void peri_jail_report(const peri_jail *j, peri_buf *json) {
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  peri_jw_kv_int(&w, "wire", PERI_WIRE_VERSION);
  peri_jw_key_c(&w, "layers");
  peri_jw_object(&w);
  peri_jw_kv_bool(&w, "seccomp", j->seccomp);
  peri_jw_kv_int(&w, "landlock", j->landlock);
  peri_jw_kv_bool(&w, "noNewPrivs", j->no_new_privs);
  peri_jw_kv_bool(&w, "rlimits", j->rlimits);
  peri_jw_kv_bool(&w, "addressSpace", j->address_space);
  peri_jw_kv_bool(&w, "nonDumpable", j->non_dumpable);
  peri_jw_kv_bool(&w, "parentDeath", j->parent_death);
  peri_jw_kv_bool(&w, "descriptors", j->descriptors);
  peri_jw_end_object(&w);
  peri_jw_kv_c(&w, "build", j->build);
  peri_jw_end_object(&w);
}
