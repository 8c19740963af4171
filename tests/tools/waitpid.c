/* tests/tools/waitpid: waitpid PID MS: exit 0 if the process ends within MS milliseconds, 1 if not. An event, not a sleep: pidfd and poll. */
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int fd = (int)syscall(SYS_pidfd_open, (pid_t)atoi(argv[1]), 0);
  if (fd < 0) return 0;
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, atoi(argv[2])) == 1 ? 0 : 1;
}
