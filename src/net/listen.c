/* net/listen: see the header. */
#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

#define BACKLOG 512

typedef union any_address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} any_address;

static bool read_address(const char *text, int port, any_address *out, socklen_t *n) {
  *out = (any_address){0};
  if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons((uint16_t)port);
    *n = sizeof out->v4;
    return true;
  }
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons((uint16_t)port);
  *n = sizeof out->v6;
  return inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1;
}

static int failed(int fd, const char *where, peri_err *e) {
  int why = errno;
  if (fd >= 0) close(fd);
  if (why == EADDRINUSE) peri_fail(e, PERI_BUSY, "%s is taken by another program; choose another port, or 0 for any free one", where);
  else peri_fail(e, PERI_IO, "cannot listen on %s: %s", where, strerror(why));
  return -1;
}

int peri_listen_tcp(const char *address, int port, int *port_out, peri_err *e) {
  any_address at;
  socklen_t n;
  char where[100];
  snprintf(where, sizeof where, "%.60s port %d", address, port);
  if (port < 0 || port > 65535 || !read_address(address, port, &at, &n)) {
    peri_fail(e, PERI_USAGE, "%s is no address to listen on; write one such as 127.0.0.1:8055 or [::1]:8055", where);
    return -1;
  }
  int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
  if (fd < 0) return failed(fd, where, e);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, &at.any, n) != 0 || listen(fd, BACKLOG) != 0 || getsockname(fd, &at.any, &n) != 0) return failed(fd, where, e);
  *port_out = ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
  return fd;
}

/* A socket address holds 107 bytes of path: the folder is opened and named by its descriptor. *folder must be closed. */
static bool short_address(const char *path, struct sockaddr_un *out, int *folder) {
  const char *slash = strrchr(path, '/');
  char name[4096];
  snprintf(name, sizeof name, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  *folder = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (*folder < 0) return false;
  *out = (struct sockaddr_un){.sun_family = AF_UNIX};
  int n = snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", *folder, slash ? slash + 1 : path);
  if (n > 0 && (size_t)n < sizeof out->sun_path) return true;
  close(*folder);
  *folder = -1;
  errno = ENAMETOOLONG;
  return false;
}

int peri_listen_unix(const char *path, peri_err *e) {
  struct sockaddr_un at;
  int folder;
  if (!short_address(path, &at, &folder)) return failed(-1, path, e);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  unlink(at.sun_path);
  mode_t old = umask(0177); /* the file is ours from its first moment */
  bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
  umask(old);
  ok = ok && listen(fd, BACKLOG) == 0;
  int why = errno;
  close(folder);
  errno = why;
  return ok ? fd : failed(fd, path, e);
}

int peri_connect_unix(const char *path) {
  struct sockaddr_un at;
  int folder;
  if (!short_address(path, &at, &folder)) return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
  int why = errno;
  close(folder);
  if (!ok && fd >= 0) close(fd);
  errno = why;
  return ok ? fd : -1;
}

bool peri_peer_is_owner(int fd) {
  struct ucred who;
  socklen_t n = sizeof who;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == geteuid() || who.uid == 0);
}
