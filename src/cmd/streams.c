/* cmd/streams: see the header. */
#define PERI_CMD_OWN_STREAMS
#include "cmd/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/host.h"

static _Thread_local FILE *in, *out, *err;

FILE *peri_cli_stdin(void) { return in ? in : stdin; }
FILE *peri_cli_stdout(void) { return out ? out : stdout; }
FILE *peri_cli_stderr(void) { return err ? err : stderr; }

void peri_cli_streams(FILE *input, FILE *output, FILE *errors) {
  in = input;
  out = output;
  err = errors;
}

/* Bytes that a client sent, as a file. */
static int file_of(peri_str bytes) {
  int fd = memfd_create("perilune-input", MFD_CLOEXEC);
  if (fd < 0) return -1;
  for (size_t at = 0; at < bytes.n;) {
    ssize_t n = write(fd, bytes.p + at, bytes.n - at);
    if (n <= 0) {
      close(fd);
      return -1;
    }
    at += (size_t)n;
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

static int remembered = -1;

void peri_cli_remember_input(const char *bytes, size_t n) {
  if (peri_hosted() || remembered >= 0) return;
  remembered = file_of((peri_str){bytes, n});
}

int peri_cli_open_file(const char *path) {
  bool standard = strcmp(path, "-") == 0;
  if (!peri_hosted() && standard && remembered >= 0) {
    lseek(remembered, 0, SEEK_SET);
    return fcntl(remembered, F_DUPFD_CLOEXEC, 3);
  }
  if (!peri_hosted()) return standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
  peri_str bytes;
  if (peri_hosted_file(path, &bytes)) return file_of(bytes);
  errno = ENOENT;
  return -1;
}
