/* tests/tools/peak: peak FILE COMMAND…: runs the command and writes into FILE what it took: "N ms, N MB peak" (the largest of its processes, waited
 * for). Exits as the command did. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  pid_t pid = fork();
  if (pid == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return 2;
  clock_gettime(CLOCK_MONOTONIC, &to);
  struct rusage use;
  getrusage(RUSAGE_CHILDREN, &use);
  FILE *out = fopen(argv[1], "w");
  if (out) {
    fprintf(out, "%lld ms with start, %.1f MB peak\n", (long long)(to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000, (double)use.ru_maxrss / 1024);
    fclose(out);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
