/* tests/tools/memgrep: memgrep PID TEXT…: does the memory of a process hold one of these texts? Prints which; exit 0 if none does, 1 if one does, 2 if it can't look. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char path[64], line[512];
  if (argc < 3) return 2;
  snprintf(path, sizeof path, "/proc/%s/maps", argv[1]);
  FILE *maps = fopen(path, "r");
  snprintf(path, sizeof path, "/proc/%s/mem", argv[1]);
  int mem = open(path, O_RDONLY);
  if (!maps || mem < 0) return 2;
  size_t looked = 0;
  int found = 0;
  while (fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    char rights[8];
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' || strstr(line, "[vvar]") || strstr(line, "[vsyscall]")) continue;
    size_t n = to - from;
    char *copy = malloc(n);
    ssize_t got = copy ? pread(mem, copy, n, (off_t)from) : -1;
    for (int i = 2; got > 0 && i < argc; i++)
      if (memmem(copy, (size_t)got, argv[i], strlen(argv[i]))) printf("found at %lx: %s", from, line), found = 1;
    if (got > 0) looked += (size_t)got;
    free(copy);
  }
  fclose(maps);
  close(mem);
  fprintf(stderr, "looked at %zu bytes\n", looked);
  return looked < 100000 ? 2 : found;
}
