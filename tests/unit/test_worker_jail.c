/* The jail from outside: what a worker holds, what it may do, how it dies, and that the core notices. Real processes; the worker is this binary. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "test_worker.h"
#include "worker/jail.h"
#include "json/tree.h"

#ifdef PERI_BUILD_ASAN
#define ASAN true
#else
#define ASAN false
#endif

/* An endless loop is ended after a second of CPU time in any build: no script has to be waited for here. */
static void real_time(bool on) {
  if (on)
    setenv("PERILUNE_TIME_SCALE", "1", 1);
  else
    unsetenv("PERILUNE_TIME_SCALE");
}

static peri_worker *start(void) {
  peri_worker_config config = {0};
  peri_err e = {0};
  peri_worker *w = peri_worker_start(&config, &e);
  if (!w) print_message("%s\n", e.text);
  assert_non_null(w);
  return w;
}

static peri_code probe(peri_worker *w, const char *call, peri_err *e) {
  char json[96];
  snprintf(json, sizeof json, "{\"syscall\":\"%s\"}", call);
  return peri_worker_talk(w, PERI_K_PROBE, peri_str_of(json), PERI_K_FAIL, NULL, NULL, e);
}

static void slurp(int pid, const char *what, char *out, size_t out_bytes, size_t *n) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  ssize_t got = read(fd, out, out_bytes - 1);
  close(fd);
  assert_true(got >= 0);
  out[got] = 0;
  if (n) *n = (size_t)got;
}

void test_jail_layers(void **state) {
  (void)state;
  peri_worker *w = start();
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *ready = peri_json_parse(a, peri_worker_layers(w), &fault), *layers = peri_json_get(ready, "layers");
  assert_non_null(layers);
  static const char *const always[] = {"seccomp", "noNewPrivs", "rlimits", "nonDumpable", "parentDeath", "descriptors"};
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    if (!peri_json_get_bool(layers, always[i], false)) fail_msg("%s does not hold: %.*s", always[i], PERI_S(peri_worker_layers(w)));
  assert_int_equal(peri_json_get_bool(layers, "addressSpace", false), !ASAN);
  assert_true(peri_json_get_int(layers, "landlock", -1) >= 0); /* a kernel may lack it; it must say so then */
  /* not what it says: what the kernel says of it */
  char text[8192];
  slurp(peri_worker_pid(w), "status", text, sizeof text, NULL);
  assert_non_null(strstr(text, "Seccomp:\t2"));
  assert_non_null(strstr(text, "NoNewPrivs:\t1"));
  slurp(peri_worker_pid(w), "limits", text, sizeof text, NULL);
  assert_non_null(strstr(text, "Max open files            5                    5 "));
  assert_non_null(strstr(text, "Max core file size        0                    0 "));
  assert_non_null(strstr(text, "Max file size             0                    0 "));
  assert_non_null(strstr(text, "Max processes             0                    0 "));
  peri_arena_free(a);
  peri_worker_close(w);
}

void test_jail_descriptors(void **state) {
  (void)state;
  /* what careless libraries leave open, here and far up */
  int low = open("/etc/hostname", O_RDONLY), far = fcntl(low, F_DUPFD, 900);
  assert_true(low >= 0 && far >= 900);
  setenv("PERI_TEST_SECRET", "hunter2", 1);
  peri_worker *w = start();
  int pid = peri_worker_pid(w);
  char path[64], target[128];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR *d = opendir(path);
  assert_non_null(d);
  bool seen[5] = {false};
  for (struct dirent *entry; (entry = readdir(d));) {
    if (entry->d_name[0] == '.') continue;
    int fd = atoi(entry->d_name);
    assert_in_range(fd, 0, 4);
    seen[fd] = true;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    ssize_t n = readlink(path, target, sizeof target - 1);
    assert_true(n > 0);
    target[n] = 0;
    if (fd < 3) assert_string_equal(target, "/dev/null");
    if (fd == 3) assert_non_null(strstr(target, "socket:"));
    if (fd == 4) assert_non_null(strstr(target, "perilune-progress"));
  }
  closedir(d);
  for (int i = 0; i < 5; i++) assert_true(seen[i]);
  char text[4096];
  size_t n;
  slurp(pid, "environ", text, sizeof text, &n);
  assert_int_equal(n, 0);
  snprintf(path, sizeof path, "/proc/%d/cwd", pid);
  ssize_t links = readlink(path, target, sizeof target);
  assert_int_equal(links, 1);
  assert_int_equal(target[0], '/');
  unsetenv("PERI_TEST_SECRET");
  close(low);
  close(far);
  peri_worker_close(w);
}

/* What a script could want that has broken out of Lua: each must end it, and the core must learn which it was. */
void test_jail_calls(void **state) {
  (void)state;
  static const char *const calls[] = {"open",
                                      "creat",
                                      "execve",
                                      "execveat",
                                      "socket",
                                      "socketpair",
                                      "connect",
                                      "bind",
                                      "listen",
                                      "accept",
                                      "accept4",
                                      "fork",
                                      "vfork",
                                      "clone",
                                      "clone3",
                                      "ptrace",
                                      "kill",
                                      "tkill",
                                      "pidfd_open",
                                      "pidfd_send_signal",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "mmap-exec",
                                      "mmap-shared",
                                      "mmap-file",
                                      "mprotect-exec",
                                      "pkey_mprotect",
                                      "shmget",
                                      "memfd_create",
                                      "userfaultfd",
                                      "io_uring_setup",
                                      "bpf",
                                      "perf_event_open",
                                      "seccomp",
                                      "personality",
                                      "unshare",
                                      "setns",
                                      "mount",
                                      "umount2",
                                      "chroot",
                                      "pivot_root",
                                      "unlink",
                                      "unlinkat",
                                      "rename",
                                      "mkdir",
                                      "chmod",
                                      "fchmod",
                                      "chown",
                                      "setuid",
                                      "setgid",
                                      "setresuid",
                                      "capset",
                                      "keyctl",
                                      "add_key",
                                      "dup",
                                      "dup2",
                                      "dup3",
                                      "fcntl",
                                      "ioctl",
                                      "ftruncate",
                                      "fsync",
                                      "sendfile",
                                      "splice",
                                      "pipe",
                                      "pipe2",
                                      "eventfd2",
                                      "epoll_create1",
                                      "signalfd4",
                                      "timerfd_create",
                                      "timer_create",
                                      "inotify_init1",
                                      "getdents64",
                                      "statx",
                                      "setpriority",
                                      "sched_setaffinity",
                                      "nanosleep",
                                      "setitimer",
                                      "alarm",
                                      "wait4",
                                      "waitid",
                                      "getrandom",
                                      "uname",
                                      "reboot",
                                      "sethostname",
                                      "init_module",
                                      "kexec_load",
                                      "swapon",
                                      "open_by_handle_at",
                                      "openat2",
                                      "landlock_restrict_self",
                                      "close_range",
                                      "modify_ldt",
                                      "ioperm",
                                      "iopl",
                                      "arch_prctl"};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    const char *name = calls[i];
    char resolved[64];
    snprintf(resolved, sizeof resolved, "%s", name);
    if (strchr(resolved, '-')) *strchr(resolved, '-') = 0;
    int number = seccomp_syscall_resolve_name(resolved);
    if (number < 0) continue; /* not on this architecture */
    peri_worker *w = start();
    peri_err e = {0};
    peri_code c = probe(w, name, &e);
    const peri_death *d = peri_worker_death(w);
    if (!d) fail_msg("%s: the worker lives: %s", name, e.text);
    if (d->bad_syscall != number || c != PERI_SCRIPT_CRASH)
      fail_msg("%s: %s (code %s, syscall %d, signal %d, status %d)", name, e.text, peri_code_name(c), d->bad_syscall, d->signal, d->status);
    assert_string_equal(d->syscall_name, resolved);
    peri_worker_close(w);
  }
  /* files by the way that the C library takes; a sanitizer's runtime gets an error there instead of its death */
  static const char *const files[] = {"openat", "readlink", "prctl", "prlimit64", "newfstatat"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    peri_worker *w = start();
    peri_err e = {0};
    peri_code c = probe(w, files[i], &e);
    const peri_death *d = peri_worker_death(w);
    if (ASAN) {
      assert_null(d);
      assert_non_null(strstr(e.text, "EACCES"));
    } else {
      assert_non_null(d);
      assert_int_equal(c, PERI_SCRIPT_CRASH);
      assert_string_equal(d->syscall_name, files[i]);
    }
    peri_worker_close(w);
  }
}

void test_jail_crash(void **state) {
  (void)state;
  static const char *const ways[] = {
      "abort",      "segv",
#ifdef PERI_BUILD_ASAN
      "overflow",
#endif
#ifdef __x86_64__
      "x32-getpid", "int80",
#endif
  };
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    peri_worker *w = start();
    peri_err e = {0};
    if (probe(w, ways[i], &e) != PERI_SCRIPT_CRASH) fail_msg("%s: %s", ways[i], e.text);
    assert_false(peri_worker_alive(w));
    assert_int_equal(peri_worker_send(w, PERI_K_LOAD, 0, PERI_STR(""), &e), PERI_SCRIPT_CRASH); /* and it stays dead */
    peri_worker_close(w);
  }
}

/* A worker in an endless loop in C uses CPU time and says nothing. */
void test_jail_watchdog(void **state) {
  (void)state;
  real_time(true);
  peri_worker *w = start();
  real_time(false);
  peri_err e = {0};
  int64_t began = peri_mono_ms();
  assert_int_equal(probe(w, "spin", &e), PERI_SCRIPT_TIMEOUT);
  assert_true(peri_mono_ms() - began < 20000);
  const peri_death *d = peri_worker_death(w);
  assert_non_null(d);
  assert_int_equal(d->signal, SIGKILL);
  peri_worker_close(w);
}

/* The core dies: its worker goes with it, even if it never looks at its socket again. */
void test_jail_orphan(void **state) {
  (void)state;
  int tell[2];
  assert_int_equal(pipe(tell), 0);
  pid_t core = fork();
  assert_true(core >= 0);
  if (core == 0) {
    peri_worker_config config = {0};
    peri_worker *w = peri_worker_start(&config, NULL);
    int pid = w ? peri_worker_pid(w) : 0;
    if (w) peri_worker_send(w, PERI_K_PROBE, 0, PERI_STR("{\"syscall\":\"sleep\"}"), NULL);
    if (write(tell[1], &pid, sizeof pid) != sizeof pid) _exit(1);
    for (;;) pause();
  }
  close(tell[1]);
  int pid = 0;
  assert_int_equal(read(tell[0], &pid, sizeof pid), sizeof pid);
  assert_true(pid > 0);
  close(tell[0]);
  /* as its reaper we are told when it ends */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  kill(core, SIGKILL);
  int status = 0;
  assert_int_equal(waitpid(core, &status, 0), core);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- on a loop ---- */

typedef struct heard {
  int frames, deaths;
  peri_death death;
  peri_worker *w;
} heard;

static void on_frame(void *self, peri_worker *w, const peri_frame *f) {
  heard *h = self;
  h->frames++;
  assert_int_equal(f->kind, PERI_K_OPENED);
  peri_worker_send(w, PERI_K_PROBE, 2, PERI_STR("{\"syscall\":\"socket\"}"), NULL);
}

static void on_death(void *self, peri_worker *w, const peri_death *d) {
  heard *h = self;
  h->deaths++;
  h->death = *d;
  peri_worker_close(w); /* allowed here */
}

void test_pool_loop(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  heard h = {0};
  peri_worker_config config = {.loop = &loop, .self = &h, .on_frame = on_frame, .on_death = on_death};
  peri_worker *w = peri_worker_start(&config, NULL);
  assert_non_null(w);
  assert_int_equal(peri_worker_send(w, PERI_K_OPEN, 1, PERI_STR("{\"view\":1}"), NULL), PERI_OK);
  uv_run(&loop, UV_RUN_DEFAULT); /* ends when the worker is gone and closed: nothing keeps the loop */
  assert_int_equal(h.frames, 1);
  assert_int_equal(h.deaths, 1);
  assert_int_equal(h.death.code, PERI_SCRIPT_CRASH);
  assert_string_equal(h.death.syscall_name, "socket");
  /* a worker that hangs is ended by the watchdog of the loop */
  h = (heard){0};
  real_time(true);
  w = peri_worker_start(&config, NULL);
  real_time(false);
  assert_non_null(w);
  assert_int_equal(peri_worker_send(w, PERI_K_PROBE, 1, PERI_STR("{\"syscall\":\"spin\"}"), NULL), PERI_OK);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(h.deaths, 1);
  assert_int_equal(h.death.code, PERI_SCRIPT_TIMEOUT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

void test_pool_close_busy(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  heard h = {0};
  peri_worker_config config = {.loop = &loop, .self = &h, .on_frame = on_frame, .on_death = on_death};
  peri_worker *w = peri_worker_start(&config, NULL);
  assert_non_null(w);
  int pid = peri_worker_pid(w);
  assert_int_equal(peri_worker_send(w, PERI_K_PROBE, 1, PERI_STR("{\"syscall\":\"sleep\"}"), NULL), PERI_OK);
  peri_worker_close(w);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(kill(pid, 0), -1); /* gone and reaped: the loop waited for it, not the caller */
  assert_int_equal(errno, ESRCH);
  assert_int_equal(h.deaths, 0); /* who closes is not told */
  assert_int_equal(uv_loop_close(&loop), 0);
  peri_worker_close(NULL);
}
