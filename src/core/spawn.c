/* core/spawn: see the header. A worker is this binary again, re-executed: it inherits no memory, no environment, and five descriptors.
 * Between fork and exec only calls that are safe there. Ends only processes that it started, and only before they are reaped. */
#include "core/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEHIND 5 /* nice: a third of the core's share where both want all */
#define FD_LINK 3
#define FD_PROGRESS 4
#define FD_SAFE 10 /* where descriptors wait until 0 to 4 are set */

#ifdef PERI_DEBUG
static int (*inline_loop)(int fd);
#endif

bool peri_pool_inline(int (*loop)(int fd)) {
#ifdef PERI_DEBUG
  inline_loop = loop;
  return true;
#else
  (void)loop;
  return false;
#endif
}

static peri_code no_worker(peri_err *e, const char *what) {
  return peri_fail(e, PERI_WORKER_LOST, "a worker could not be started: %s: %s", what, strerror(errno));
}

/* ---- the child, between fork and exec ---- */

static _Noreturn void become_worker(const char *exe, peri_rank rank, int link, int progress, int null, char *const argv[]) {
  char *const environment[] = {NULL};
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  const struct sched_param nothing = {0};
  if (rank == PERI_RANK_BEHIND && nice(BEHIND) == -1) errno = 0; /* then it runs as the core does */
  if (rank == PERI_RANK_IDLE) sched_setscheduler(0, SCHED_IDLE, &nothing);
  /* first out of the way of 0 to 4, then into place; dup2 clears close-on-exec */
  int l = fcntl(link, F_DUPFD, FD_SAFE), p = fcntl(progress, F_DUPFD, FD_SAFE), n = fcntl(null, F_DUPFD, FD_SAFE);
  bool ok = l >= 0 && p >= 0 && n >= 0 && dup2(n, 0) == 0 && dup2(n, 1) == 1 && dup2(l, FD_LINK) == FD_LINK && dup2(p, FD_PROGRESS) == FD_PROGRESS;
#ifdef PERI_DEBUG
  if (!getenv("PERILUNE_WORKER_STDERR")) /* a sanitizer's report is worth reading */
#endif
    ok = ok && dup2(n, 2) == 2;
  /* everything else would be closed on exec, were every library as careful as we are */
  if (ok && syscall(SYS_close_range, FD_PROGRESS + 1u, ~0u, 0u) != 0)
    for (int fd = FD_PROGRESS + 1; fd < 4096; fd++) close(fd);
  if (ok) execve(exe, argv, environment);
  _exit(127);
}

static const char *own_binary(void) {
#ifdef PERI_DEBUG
  const char *other = getenv("PERILUNE_EXE"); /* under valgrind the link below names valgrind */
  if (other) return other;
#endif
  return "/proc/self/exe"; /* survives an upgrade of the file while this process runs */
}

static peri_code start_process(uint64_t vm_bytes, peri_rank rank, int theirs, int progress, peri_spawned *out, peri_err *e) {
  char pid_text[24], vm_text[24], role[] = "--worker", name[] = "perilune";
  snprintf(pid_text, sizeof pid_text, "%ld", (long)getpid());
  snprintf(vm_text, sizeof vm_text, "%llu", (unsigned long long)vm_bytes);
  char *const argv[] = {name, role, pid_text, vm_text, NULL};
  const char *exe = own_binary();
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return no_worker(e, "/dev/null");
  /* no signal handler of ours may run in the child before exec */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  if (pid == 0) become_worker(exe, rank, theirs, progress, null, argv);
  int problem = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(null);
  errno = problem;
  if (pid < 0) return no_worker(e, "fork");
  out->pid = pid;
  return PERI_OK;
}

#ifdef PERI_DEBUG
static void *run_inline(void *fd) {
  inline_loop((int)(intptr_t)fd);
  return NULL;
}
#endif

peri_code peri_spawn(uint64_t vm_bytes, peri_rank rank, peri_spawned *out, int *fd, peri_err *e) {
  *out = (peri_spawned){0};
  int pair[2] = {-1, -1}, page = -1;
  peri_code c = PERI_OK;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return no_worker(e, "socketpair");
  page = memfd_create("perilune-progress", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (page < 0 || ftruncate(page, sizeof(peri_progress)) != 0) c = no_worker(e, "progress page");
  /* sealed: a worker that shrank it would kill its reader */
  if (!c && fcntl(page, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) c = no_worker(e, "progress page");
  if (!c) {
    out->progress = mmap(NULL, sizeof(peri_progress), PROT_READ, MAP_SHARED, page, 0);
    if (out->progress == MAP_FAILED) {
      out->progress = NULL;
      c = no_worker(e, "progress page");
    }
  }
#ifdef PERI_DEBUG
  if (!c && inline_loop) {
    pthread_t thread;
    int theirs = pair[1];
    if (pthread_create(&thread, NULL, run_inline, (void *)(intptr_t)theirs) != 0)
      c = no_worker(e, "thread");
    else {
      out->thread = (uint64_t)thread;
      pair[1] = -1; /* its own now */
    }
  } else
#endif
      if (!c)
    c = start_process(vm_bytes, rank, pair[1], page, out, e);
  if (page >= 0) close(page);
  if (pair[1] >= 0) close(pair[1]);
  if (c) {
    close(pair[0]);
    peri_spawn_free(out);
    return c;
  }
  int flags = fcntl(pair[0], F_GETFL);
  fcntl(pair[0], F_SETFL, flags | O_NONBLOCK);
  *fd = pair[0];
  return PERI_OK;
}

/* ---- the end ---- */

/* waitpid with a little patience. pidfd tells without a race; where the kernel has none, poll by waitpid. */
static bool wait_for(pid_t pid, int most_ms, int *status) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd >= 0) {
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, most_ms) < 0 && errno == EINTR) {}
    close(fd);
  } else
    for (int waited = 0; waited < most_ms; waited += 5) {
      if (waitpid(pid, status, WNOHANG) == pid) return true;
      poll(NULL, 0, 5);
    }
  return waitpid(pid, status, WNOHANG) == pid;
}

static void read_progress(const peri_spawned *p, peri_death *d) {
  d->bad_syscall = -1;
  d->page = d->record = d->field = UINT32_MAX;
  if (!p->progress) return;
  d->page = p->progress->page;
  d->record = p->progress->record;
  d->field = p->progress->field;
  d->phase = p->progress->phase;
  d->file = p->progress->file;
  int bad = p->progress->bad_syscall;
  if (bad <= 0) return;
  d->bad_syscall = bad - 1;
  char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, d->bad_syscall);
  snprintf(d->syscall_name, sizeof d->syscall_name, "%s", name ? name : "unknown");
  free(name);
}

static void explain(const peri_spawned *p, bool killed, peri_death *d) {
  uint32_t why = p->progress ? p->progress->death : PERI_DEATH_NONE;
  char where[96] = "";
  if (d->record != UINT32_MAX) snprintf(where, sizeof where, " at record %u of its page", d->record);
  d->code = PERI_SCRIPT_CRASH;
  if (d->bad_syscall >= 0)
    snprintf(d->text, sizeof d->text, "the worker tried the forbidden system call %s (%d)%s and was ended", d->syscall_name, d->bad_syscall, where);
  else if (why == PERI_DEATH_STUCK) {
    d->code = PERI_SCRIPT_TIMEOUT;
    snprintf(d->text, sizeof d->text, "a script sat in one call past its time%s; its worker left", where);
  } else if (why == PERI_DEATH_MEMORY) {
    d->code = PERI_SCRIPT_MEMORY;
    snprintf(d->text, sizeof d->text, "a script wanted more than twice its memory%s; its worker left", where);
  } else if (d->signal == SIGKILL) {
    d->code = PERI_WORKER_LOST;
    snprintf(d->text, sizeof d->text,
             killed ? "the worker was ended" : "the worker was killed from outside%s; the kernel does so when memory runs out", where);
  } else if (d->signal == SIGXCPU || d->signal == SIGTERM || d->signal == SIGINT) {
    d->code = PERI_WORKER_LOST;
    snprintf(d->text, sizeof d->text, "the worker was ended by SIG%s from outside", sigabbrev_np(d->signal));
  } else if (d->signal) {
    const char *name = sigabbrev_np(d->signal);
    snprintf(d->text, sizeof d->text, "the worker crashed with SIG%s%s", name ? name : "?", where);
  } else if (d->status == 127 || d->status == 45) {
    d->code = PERI_WORKER_LOST;
    snprintf(d->text, sizeof d->text, "this binary could not be started again as a worker (exit %d)", d->status);
  } else if (d->status == 0) {
    d->code = PERI_WORKER_LOST;
    snprintf(d->text, sizeof d->text, "the worker left by itself");
  } else {
    snprintf(d->text, sizeof d->text, "the worker left with exit %d%s", d->status, where);
  }
}

void peri_spawn_end(peri_spawned *p, bool kill_now, peri_death *death) {
  *death = (peri_death){.bad_syscall = -1};
  if (p->ended) return;
  p->ended = true;
  int status = 0;
  bool killed = false;
  if (p->pid) {
    if (kill_now || !wait_for(p->pid, PERI_SPAWN_LEAVE_MS, &status)) {
      killed = true;
      kill(p->pid, SIGKILL);
      while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {}
    }
    p->pid = 0;
  }
  if (WIFSIGNALED(status))
    death->signal = WTERMSIG(status);
  else
    death->status = WEXITSTATUS(status);
  read_progress(p, death);
  explain(p, killed, death);
}

void peri_spawn_demote(const peri_spawned *p) {
  const struct sched_param nothing = {0};
  if (p->pid && !p->ended) sched_setscheduler(p->pid, SCHED_IDLE, &nothing);
}

void peri_spawn_kill(const peri_spawned *p) {
  if (p->pid && !p->ended) kill(p->pid, SIGKILL);
}

int peri_spawn_gone_fd(const peri_spawned *p) { return p->pid && !p->ended ? (int)syscall(SYS_pidfd_open, p->pid, 0) : -1; }

void peri_spawn_free(peri_spawned *p) {
  if (p->thread) pthread_join((pthread_t)p->thread, NULL); /* our end of its socket is closed by now, and it has seen that */
  p->thread = 0;
  if (p->progress) munmap(p->progress, sizeof *p->progress);
  p->progress = NULL;
}
