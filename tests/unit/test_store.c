/* The store: runs all groups. Each test has its own folder. */
#include "test_store.h"

#include "base/mem.h"

int main(void) {
  int failed = 0;
  failed += store_open_tests();
  failed += store_commit_tests();
  failed += store_sweep_tests();
  failed += store_remap_tests();
  failed += store_retain_tests();
  failed += store_catalog_tests();
  failed += store_crash_tests();
  failed += store_power_tests();
  return failed;
}
