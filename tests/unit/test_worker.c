/* main of the worker's tests: also the worker itself, because a worker is the same binary again. */
#include <string.h>

#include "test_worker.h"
#include "worker/worker.h"

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--worker") == 0) peri_worker_main(argc, argv);
  const struct CMUnitTest tests[] = {WORKER_RETRY_TESTS, WORKER_WORK_TESTS, WORKER_ODD_TESTS, WORKER_JAIL_TESTS};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
