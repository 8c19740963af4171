/* failing: an LD_PRELOAD library that lets the Nth call of a function fail, or kills the process there. For tests of crash safety.
 *   FAILING_CALL   name of the call: malloc write fsync …, see the list below; several names of one kind share a counter
 *   FAILING_AT     which of its calls, from 1 on; 0: none, only count
 *   FAILING_FOR    how many calls from there on fail (1; -1: all that follow)
 *   FAILING_ERRNO  number of the error; without it the one that is usual for the call
 *   FAILING_DO     kill: SIGKILL to the own process before the call; half: of a write, only half its bytes, then SIGKILL
 *   FAILING_COUNT  a file to which "CALL N" is written at a normal end, and "struck CALL N" when it happens
 * Workers are started with an empty environment, so it is the core alone that suffers. Refuses to be clever: no locks but one atomic counter. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef __GLIBC__
#error this library is for the C library of GNU
#endif

#define CALLS(X) X(malloc, ENOMEM) X(write, ENOSPC) X(fsync, EIO) X(truncate, EIO) X(mmap, ENOMEM) X(open, EMFILE) X(read, EIO) \
  X(rename, EIO) X(unlink, EIO) X(send, EPIPE) X(recv, ECONNRESET) X(poll, ENOMEM) X(socket, EMFILE) X(connect, ENETDOWN) X(thread, EAGAIN) \
  X(fork, EAGAIN) X(random, EIO) X(lock, ENOLCK) X(stat, EIO)
typedef enum call {
#define X(name, err) CALL_##name,
  CALLS(X)
#undef X
  CALL_COUNT
} call;
static const char *const names[] = {
#define X(name, err) #name,
    CALLS(X)
#undef X
};
static const int errors[] = {
#define X(name, err) err,
    CALLS(X)
#undef X
};

static _Atomic long counted;
static long strike_at, strike_for = 1;
static int which = -1, error_of;
static bool kills, halves, ready;
static char count_file[512];
static pid_t own;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t of);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

static const char *env(const char *name) {
  extern char **environ;
  size_t n = strlen(name);
  for (char **e = environ; e && *e; e++)
    if (strncmp(*e, name, n) == 0 && (*e)[n] == '=') return *e + n + 1;
  return NULL;
}

static void note(const char *before, long n) {
  if (!count_file[0]) return;
  char line[96];
  int len = snprintf(line, sizeof line, "%s%s %ld\n", before, names[which], n);
  long fd = syscall(SYS_openat, AT_FDCWD, count_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, (size_t)len);
  syscall(SYS_close, fd);
}

__attribute__((constructor)) static void begin(void) {
  const char *name = env("FAILING_CALL"), *v;
  if (!name) return;
  for (int i = 0; i < CALL_COUNT; i++)
    if (strcmp(name, names[i]) == 0) which = i;
  if (which < 0) return;
  error_of = errors[which];
  if ((v = env("FAILING_ERRNO"))) error_of = atoi(v);
  if ((v = env("FAILING_AT"))) strike_at = atol(v);
  if ((v = env("FAILING_FOR"))) strike_for = atol(v);
  if ((v = env("FAILING_DO"))) kills = strcmp(v, "kill") == 0, halves = strcmp(v, "half") == 0;
  if ((v = env("FAILING_COUNT"))) snprintf(count_file, sizeof count_file, "%s", v);
  own = getpid();
  ready = true;
}

__attribute__((destructor)) static void end(void) {
  if (ready && getpid() == own) note("", counted);
}

static _Noreturn void die(void) {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) syscall(SYS_pause);
}

/* true: this call is to fail; errno is set */
static bool strikes(call c) {
  if (!ready || (int)c != which) return false;
  long n = ++counted;
  if (!strike_at || n < strike_at || (strike_for >= 0 && n >= strike_at + strike_for)) return false;
  if (n == strike_at) note("struck ", n);
  if (kills) die();
  errno = error_of;
  return true;
}

/* the real one, looked for once */
#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

void *malloc(size_t n) { return strikes(CALL_malloc) ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t of) { return strikes(CALL_malloc) ? NULL : __libc_calloc(n, of); }
void *realloc(void *p, size_t n) { return strikes(CALL_malloc) ? NULL : __libc_realloc(p, n); }
int posix_memalign(void **p, size_t align, size_t n) {
  if (strikes(CALL_malloc)) return ENOMEM;
  *p = __libc_memalign(align, n);
  return *p ? 0 : ENOMEM;
}

ssize_t write(int fd, const void *p, size_t n) {
  if (fd > 2 && strikes(CALL_write)) { /* what is said to people is not what is tested */
    if (!halves) return -1;
    syscall(SYS_write, fd, p, n / 2);
    die();
  }
  return syscall(SYS_write, fd, p, n);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) {
  if (strikes(CALL_write)) {
    if (!halves) return -1;
    syscall(SYS_pwrite64, fd, p, n / 2, at);
    die();
  }
  return syscall(SYS_pwrite64, fd, p, n, at);
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at) { return pwrite64(fd, p, n, at); }
int fsync(int fd) { return strikes(CALL_fsync) ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return strikes(CALL_fsync) ? -1 : (int)syscall(SYS_fdatasync, fd); }
int ftruncate64(int fd, off_t n) { return strikes(CALL_truncate) ? -1 : (int)syscall(SYS_ftruncate, fd, n); }
int ftruncate(int fd, off_t n) { return ftruncate64(fd, n); }
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t from) {
  if (strikes(CALL_mmap)) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from);
}
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from) { return mmap64(at, n, prot, flags, fd, from); }

int openat64(int dir, const char *path, int flags, ...) {
  va_list ap;
  va_start(ap, flags);
  int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, int) : 0;
  va_end(ap);
  return strikes(CALL_open) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}
#define WITH_MODE(name, dir) \
  va_list ap; \
  va_start(ap, flags); \
  int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, int) : 0; \
  va_end(ap); \
  return openat64(dir, path, flags, mode)
int open64(const char *path, int flags, ...) { WITH_MODE(open64, AT_FDCWD); }
int open(const char *path, int flags, ...) { WITH_MODE(open, AT_FDCWD); }
int openat(int dir, const char *path, int flags, ...) { WITH_MODE(openat, dir); }

ssize_t read(int fd, void *p, size_t n) { return strikes(CALL_read) ? -1 : syscall(SYS_read, fd, p, n); }
ssize_t pread64(int fd, void *p, size_t n, off_t at) { return strikes(CALL_read) ? -1 : syscall(SYS_pread64, fd, p, n, at); }
ssize_t pread(int fd, void *p, size_t n, off_t at) { return pread64(fd, p, n, at); }
int rename(const char *from, const char *to) { return strikes(CALL_rename) ? -1 : (int)syscall(SYS_rename, from, to); }
int unlink(const char *path) { return strikes(CALL_unlink) ? -1 : (int)syscall(SYS_unlink, path); }
ssize_t send(int fd, const void *p, size_t n, int flags) { return strikes(CALL_send) ? -1 : syscall(SYS_sendto, fd, p, n, flags, NULL, 0); }
ssize_t sendmsg(int fd, const struct msghdr *m, int flags) { return strikes(CALL_send) ? -1 : syscall(SYS_sendmsg, fd, m, flags); }
ssize_t writev(int fd, const struct iovec *v, int n) { return strikes(CALL_send) ? -1 : syscall(SYS_writev, fd, v, n); }
ssize_t recv(int fd, void *p, size_t n, int flags) { return strikes(CALL_recv) ? -1 : syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL); }
ssize_t recvmsg(int fd, struct msghdr *m, int flags) { return strikes(CALL_recv) ? -1 : syscall(SYS_recvmsg, fd, m, flags); }
int poll(struct pollfd *p, nfds_t n, int wait_ms) {
  if (strikes(CALL_poll)) return -1;
  REAL(int, "poll", struct pollfd *, nfds_t, int);
  return real(p, n, wait_ms);
}
int socket(int domain, int type, int protocol) { return strikes(CALL_socket) ? -1 : (int)syscall(SYS_socket, domain, type, protocol); }
int socketpair(int domain, int type, int protocol, int fds[2]) { return strikes(CALL_socket) ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, fds); }
int connect(int fd, const struct sockaddr *to, socklen_t n) { return strikes(CALL_connect) ? -1 : (int)syscall(SYS_connect, fd, to, n); }
int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg) {
  if (strikes(CALL_thread)) return EAGAIN;
  REAL(int, "pthread_create", pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  return real(t, attr, fn, arg);
}
pid_t fork(void) {
  if (strikes(CALL_fork)) return -1;
  REAL(pid_t, "fork", void);
  return real();
}
ssize_t getrandom(void *p, size_t n, unsigned flags) { return strikes(CALL_random) ? -1 : syscall(SYS_getrandom, p, n, flags); }
int fcntl64(int fd, int command, ...) {
  va_list ap;
  va_start(ap, command);
  void *arg = va_arg(ap, void *);
  va_end(ap);
  return strikes(CALL_lock) ? -1 : (int)syscall(SYS_fcntl, fd, command, arg);
}
int fcntl(int fd, int command, ...) {
  va_list ap;
  va_start(ap, command);
  void *arg = va_arg(ap, void *);
  va_end(ap);
  return fcntl64(fd, command, arg);
}
