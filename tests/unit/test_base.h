/* What the files of this room's test give to its main: each runs a group and answers the number of failures. */
#ifndef TEST_BASE_H
#define TEST_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

int test_base_clock(void);
int test_base_log(void);
int test_base_str(void);

#define assert_str(got, want)                                                                                                                        \
  do {                                                                                                                                               \
    peri_str got_ = (got), want_ = peri_str_of(want);                                                                                                \
    if (!peri_str_eq(got_, want_)) fail_msg("got '%.*s', wanted '%s'", PERI_S(got_), want_.p);                                                       \
  } while (0)

#endif
