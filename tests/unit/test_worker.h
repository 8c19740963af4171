#ifndef TEST_WORKER_H
#define TEST_WORKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/pool.h"

/* test_worker_jail.c */
void test_jail_layers(void **state);
void test_jail_calls(void **state);
void test_jail_descriptors(void **state);
void test_jail_crash(void **state);
void test_jail_watchdog(void **state);
void test_jail_orphan(void **state);
void test_pool_loop(void **state);
void test_pool_close_busy(void **state);
#define WORKER_JAIL_TESTS                                                                                                                                          \
  cmocka_unit_test(test_jail_layers), cmocka_unit_test(test_jail_calls), cmocka_unit_test(test_jail_descriptors), cmocka_unit_test(test_jail_crash),               \
      cmocka_unit_test(test_jail_watchdog), cmocka_unit_test(test_jail_orphan), cmocka_unit_test(test_pool_loop), cmocka_unit_test(test_pool_close_busy)

/* test_worker_retry.c */
void test_retry_whole(void **state);
void test_retry_suspect(void **state);
void test_retry_lies(void **state);
void test_retry_outside(void **state);
void test_retry_limits(void **state);
void test_retry_edges(void **state);
void test_retry_any(void **state);
#define WORKER_RETRY_TESTS                                                                                                                                         \
  cmocka_unit_test(test_retry_whole), cmocka_unit_test(test_retry_suspect), cmocka_unit_test(test_retry_lies), cmocka_unit_test(test_retry_outside),               \
      cmocka_unit_test(test_retry_limits), cmocka_unit_test(test_retry_edges), cmocka_unit_test(test_retry_any)

/* test_worker_work.c */
void test_work_load(void **state);
void test_work_page(void **state);
void test_work_stored(void **state);
void test_work_raw(void **state);
void test_work_timeout(void **state);
void test_work_memory(void **state);
#define WORKER_WORK_TESTS                                                                                                                                          \
  cmocka_unit_test(test_work_load), cmocka_unit_test(test_work_page), cmocka_unit_test(test_work_stored), cmocka_unit_test(test_work_raw),                          \
      cmocka_unit_test(test_work_timeout), cmocka_unit_test(test_work_memory)

/* test_worker_odd.c */
void test_odd_make(void **state);
void test_odd_pull(void **state);
void test_odd_inline(void **state);
void test_odd_rows(void **state);
void test_odd_emulator(void **state);
void test_odd_doctor(void **state);
#define WORKER_ODD_TESTS                                                                                                                                           \
  cmocka_unit_test(test_odd_make), cmocka_unit_test(test_odd_pull), cmocka_unit_test(test_odd_inline), cmocka_unit_test(test_odd_rows),                            \
      cmocka_unit_test(test_odd_emulator), cmocka_unit_test(test_odd_doctor)

#endif
