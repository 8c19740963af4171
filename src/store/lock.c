/* store/lock: PATH.lock, held by the one process that may write. The kernel frees it when the process dies, so it is never stale.
 * Refuses to wait longer than asked; then the answer names who holds it. The file stays: removing it would let two processes lock two files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/inside.h"

static peri_code cannot(peri_err *e, const char *name) {
  int why = errno;
  peri_code code = why == ENOSPC || why == EDQUOT                  ? PERI_DISK_FULL
                   : why == EACCES || why == EPERM || why == EROFS ? PERI_READ_ONLY
                   : why == ENOENT || why == ENOTDIR               ? PERI_NOT_FOUND
                                                                   : PERI_IO;
  return peri_fail(e, code, "cannot open the lock file %s: %s", name, strerror(why));
}

/* "PID\nSINCE\nCOMMAND\n", written by the holder; the reader sees a torn text at worst, which only spoils a message. */
static peri_code busy(int fd, const char *path, int64_t waited_ms, peri_err *e) {
  char text[512];
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  peri_str rest = {text, n > 0 ? (size_t)n : 0}, pid, since, command;
  rest = peri_str_cut(rest, '\n', &pid);
  rest = peri_str_cut(rest, '\n', &since);
  peri_str_cut(rest, '\n', &command);
  if (!pid.n) return peri_fail(e, PERI_BUSY, "another process is writing %s (waited %.1f s)", path, (double)waited_ms / 1000);
  return peri_fail(e, PERI_BUSY, "`%.*s` (process %.*s) has been writing %s since %.*s (waited %.1f s)", PERI_S(command), PERI_S(pid), path,
                   PERI_S(since), (double)waited_ms / 1000);
}

peri_code peri_lock_take(const char *path, int64_t wait_ms, const char *command, int *out, peri_err *e) {
  peri_buf name = {0};
  peri_buf_fmt(&name, "%s.lock", path);
  const char *file = peri_buf_c(&name);
  peri_code code = PERI_OK;
  int fd = -1;
  int64_t from = peri_mono_ms();
  for (;;) {
    /* close-on-exec: a worker that inherited the lock would keep it after our death */
    if (fd < 0) fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
      code = cannot(e, file);
      goto done;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      struct stat mine, there; /* somebody may have removed the file between open and flock */
      if (fstat(fd, &mine) == 0 && stat(file, &there) == 0 && mine.st_ino == there.st_ino && mine.st_dev == there.st_dev) break;
      close(fd);
      fd = -1;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) {
      code = peri_fail(e, PERI_IO, "cannot lock %s: %s", file, strerror(errno));
      goto done;
    }
    int64_t waited = peri_mono_ms() - from;
    if (waited >= wait_ms) {
      code = busy(fd, path, waited, e);
      goto done;
    }
    int64_t nap_ms = wait_ms - waited < 20 ? wait_ms - waited : 20;
    nanosleep(&(struct timespec){0, (long)nap_ms * 1000000}, NULL);
  }
  char text[512], since[PERI_ISO_MAX];
  int n = snprintf(text, sizeof text, "%ld\n%s\n%s\n", (long)getpid(), peri_iso(peri_now_ms(), since), command ? command : "perilune");
  if (n > 0 && (size_t)n < sizeof text && ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) < 0) {
    /* a full disk: the lock holds, only its story is missing */
  }
  *out = fd;
  fd = -1;
done:
  if (fd >= 0) close(fd);
  peri_buf_fini(&name);
  return code;
}

void peri_lock_leave(int fd) {
  if (fd < 0) return;
  if (ftruncate(fd, 0) < 0) { /* only the story */
  }
  close(fd);
}
