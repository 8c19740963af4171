/* bench/measure: runs a command and says what it cost: measure OUT [-n TIMES] COMMAND…
 * Appends to OUT the lines `wall_us`, `cpu_us` (user and system, of the command and every process that it waited for), `peak_kb` (VmHWM of the
 * command), `workers_kb` (the greatest sum of VmHWM over its children alive at one time). With -n the medians of TIMES runs.
 * Ends with the command's own exit code, so that a failed job is never taken for a fast one. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 20
#define TIMES_MAX 101

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long field_kb(int pid, const char *name) {
  char path[64], line[256];
  long kb = 0;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *f = fopen(path, "r");
  if (!f) return 0;
  size_t n = strlen(name);
  while (fgets(line, sizeof line, f))
    if (strncmp(line, name, n) == 0 && line[n] == ':') kb = atol(line + n + 1);
  fclose(f);
  return kb;
}

static long children_kb(int pid) {
  char path[320];
  long sum = 0;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  for (struct dirent *t; tasks && (t = readdir(tasks));) {
    if (t->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, t->d_name);
    FILE *f = fopen(path, "r");
    int child;
    while (f && fscanf(f, "%d", &child) == 1) sum += field_kb(child, "VmHWM") + children_kb(child);
    if (f) fclose(f);
  }
  if (tasks) closedir(tasks);
  return sum;
}

static int by_size(const void *a, const void *b) {
  long long x = *(const long long *)a, y = *(const long long *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int times = 1, at = 2;
  if (argc > 4 && strcmp(argv[2], "-n") == 0) {
    times = atoi(argv[3]);
    at = 4;
  }
  if (argc <= at || times < 1 || times > TIMES_MAX) {
    fprintf(stderr, "usage: measure OUT [-n TIMES] COMMAND...\n");
    return 2;
  }
  long long wall[TIMES_MAX], cpu[TIMES_MAX];
  long peak = 0, workers = 0;
  for (int i = 0; i < times; i++) {
    long long begun = now_us();
    pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid == 0) {
      execvp(argv[at], argv + at);
      perror(argv[at]);
      _exit(127);
    }
    int status;
    struct rusage used;
    for (;;) {
      pid_t done = wait4(pid, &status, times > 1 ? 0 : WNOHANG, &used);
      if (done == pid) break;
      long w = children_kb(pid);
      if (w > workers) workers = w;
      nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    wall[i] = now_us() - begun;
    cpu[i] = (long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fprintf(stderr, "measure: %s ended with %d\n", argv[at], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
      return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    if (used.ru_maxrss > peak) peak = used.ru_maxrss;
  }
  qsort(wall, (size_t)times, sizeof *wall, by_size);
  qsort(cpu, (size_t)times, sizeof *cpu, by_size);
  FILE *out = fopen(argv[1], "a");
  if (!out) {
    perror(argv[1]);
    return 1;
  }
  fprintf(out, "wall_us %lld\ncpu_us %lld\npeak_kb %ld\nworkers_kb %ld\n", wall[times / 2], cpu[times / 2], peak, workers);
  fclose(out);
  return 0;
}
