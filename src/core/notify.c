/* core/notify: see the header. */
#include "core/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool peri_notify(const char *text) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t n = path ? strlen(path) : 0;
  if (!n || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@')) return false;
  memcpy(to.sun_path, path, n);
  if (path[0] == '@') to.sun_path[0] = 0; /* an abstract name */
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
  bool ok = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, length) >= 0;
  close(fd);
  return ok;
}

int64_t peri_notify_watchdog_ms(void) {
  const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (!usec || (pid && strtoll(pid, NULL, 10) != (long long)getpid())) return 0;
  long long us = strtoll(usec, NULL, 10);
  return us > 2000 ? us / 2000 : 0; /* twice as often as it must be */
}
