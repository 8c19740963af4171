/* The tests of core: runs every group that the other files added. */
#include "test_core.h"

#include <stdio.h>

static peri_group *groups;
void peri_group_add(peri_group *g) {
  g->next = groups;
  groups = g;
}

int main(int argc, char **argv) {
  int failed = 0;
  for (const peri_group *g = groups; g; g = g->next)
    if (argc < 2 || strstr(g->name, argv[1])) failed += g->run(); /* one group by a part of its name */
  printf("%d failed\n", failed);
  return failed ? 1 : 0;
}
