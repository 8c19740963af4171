/* main: which command, or the worker role; nothing else. */
#include <string.h>

#include "cmd/cli.h"
#include "core/pool.h"
#include "worker/worker.h"

int main(int argc, char **argv) {
  if (argc >= 2 && strcmp(argv[1], "--worker") == 0) peri_worker_main(argc, argv);
#ifdef PERI_DEBUG
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--inline") == 0) peri_pool_inline(peri_worker_loop);
#endif
  return peri_cli_main(argc, argv);
}
