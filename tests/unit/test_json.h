/* What the files of this room's test share. Inputs are copied to the heap without padding, so that AddressSanitizer sees a
 * read of one byte too many. */
#ifndef TEST_JSON_H
#define TEST_JSON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"

int test_json_number(void);
int test_json_paths(void);
int test_json_page(void);
int test_json_tree(void);

#define assert_str(got, want)                                                                                                                        \
  do {                                                                                                                                               \
    peri_str got_ = (got), want_ = peri_str_of(want);                                                                                                \
    if (!peri_str_eq(got_, want_)) fail_msg("got '%.*s', wanted '%s'", PERI_S(got_), want_.p);                                                       \
  } while (0)

/* A copy that ends where its memory ends; free(copy.p) casts the const away. */
static inline peri_str tight(peri_str s) {
  char *p = malloc(s.n ? s.n : 1);
  if (s.n) memcpy(p, s.p, s.n);
  return (peri_str){p, s.n};
}
static inline void tight_free(peri_str s) { free((void *)(uintptr_t)s.p); }

#endif
