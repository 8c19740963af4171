/* What the files of this room's test share. */
#ifndef TEST_SCRIPT_H
#define TEST_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/script.h"

int test_script_words(void);
int test_script_calls(void);
int test_script_pull(void);
int test_script_match(void);
int test_script_attacks(void);

#define assert_str(got, want)                                                                  \
  do {                                                                                         \
    peri_str got_ = (got), want_ = peri_str_of(want);                                          \
    if (!peri_str_eq(got_, want_)) fail_msg("got '%.*s', wanted '%s'", PERI_S(got_), want_.p); \
  } while (0)

/* A state and an arena for one test. */
typedef struct bench {
  peri_script *s;
  peri_arena *a;
} bench;
bench bench_new(void);
void bench_free(bench *b);
/* Loads one file; its tree as JSON, or the error's text. Lives in the arena. */
peri_str bench_load(bench *b, const char *path, const char *source);
/* Compiles a body and calls it with one text; the result as JSON, "ERROR code: text" otherwise. */
peri_str bench_body(bench *b, const char *body, const char *value);

#endif
