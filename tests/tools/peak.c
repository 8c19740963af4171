/* tests/tools/peak: peak FILE COMMAND…: runs the command and writes into FILE what it took: "N ms with start, N MB peak, N MB together". Peak is the
 * largest of its processes, told by the kernel. Together is the command with all below it at one time: what each has for itself, and what is shared
 * counted once; looked at every four milliseconds, and never less than the peak. Exits as the command did. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 64 /* processes at one time */

static long page_kb;

/* A process of the tree: adds what is its own, keeps the largest shared part; its children go behind it in the list. */
static void look(pid_t *list, int i, int *count, long *own_kb, long *shared_kb) {
  char path[64];
  long all = 0, resident = 0, shared = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)list[i]);
  FILE *f = fopen(path, "r");
  if (!f) return;
  if (fscanf(f, "%ld %ld %ld", &all, &resident, &shared) == 3) {
    *own_kb += (resident - shared) * page_kb;
    if (shared * page_kb > *shared_kb) *shared_kb = shared * page_kb;
  }
  fclose(f);
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)list[i], (int)list[i]); /* only the first thread starts processes */
  f = fopen(path, "r");
  int child;
  while (f && *count < MOST && fscanf(f, "%d", &child) == 1) list[(*count)++] = child;
  if (f) fclose(f);
}

static long together_kb(pid_t first) {
  pid_t list[MOST] = {first};
  int count = 1;
  long own = 0, shared = 0;
  for (int i = 0; i < count; i++) look(list, i, &count, &own, &shared);
  return own + shared;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  struct timespec from, to, pause = {.tv_nsec = 4000000};
  clock_gettime(CLOCK_MONOTONIC, &from);
  page_kb = sysconf(_SC_PAGESIZE) / 1024;
  pid_t pid = fork(), got;
  if (pid == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int status = 0;
  long most_kb = 0;
  if (pid < 0) return 2;
  while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
    long kb = together_kb(pid);
    if (kb > most_kb) most_kb = kb;
    nanosleep(&pause, NULL);
  }
  if (got != pid) return 2;
  clock_gettime(CLOCK_MONOTONIC, &to);
  struct rusage use;
  getrusage(RUSAGE_CHILDREN, &use);
  if (use.ru_maxrss > most_kb) most_kb = use.ru_maxrss;
  FILE *out = fopen(argv[1], "w");
  if (out) {
    fprintf(out, "%lld ms with start, %.1f MB peak, %.1f MB together\n",
            (long long)(to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000, (double)use.ru_maxrss / 1024, (double)most_kb / 1024);
    fclose(out);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
