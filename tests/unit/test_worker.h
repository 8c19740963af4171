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
void test_pool_nonsense(void **state);
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

#endif
