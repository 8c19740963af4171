/* plan: all of this room's tests. */
#include "test_plan.h"

int main(void) {
  int failed = _cmocka_run_group_tests("cases", plan_case_tests, plan_case_count, NULL, NULL);
  failed += _cmocka_run_group_tests("run", plan_run_tests, plan_run_count, NULL, NULL);
  failed += _cmocka_run_group_tests("tree", plan_tree_tests, plan_tree_count, NULL, NULL);
  failed += _cmocka_run_group_tests("pattern", plan_pattern_tests, plan_pattern_count, NULL, NULL);
  return failed != 0;
}
