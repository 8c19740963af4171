/* What the tests of core share. A file adds its tests with PERI_GROUP; main (test_core.c) runs what was added, so that no list has to be kept.
 * tree() reads connectors as they are written, in the small part of Lua that tables, texts, words and `..` need; the core itself holds no Lua. */
#ifndef TEST_CORE_H
#define TEST_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/connector.h"

typedef struct peri_group { const char *name; int (*run)(void); struct peri_group *next; } peri_group;
void peri_group_add(peri_group *g);
#define PERI_GROUP(group, tests)                                                                      \
  static int run_##group(void) { return cmocka_run_group_tests_name(#group, tests, NULL, NULL); }     \
  __attribute__((constructor)) static void add_##group(void) {                                        \
    static peri_group g = {#group, run_##group, NULL};                                                \
    peri_group_add(&g);                                                                               \
  }

#define assert_str(got, want)                                                                                   \
  do {                                                                                                          \
    peri_str got_ = (got), want_ = peri_str_of(want);                                                           \
    if (!peri_str_eq(got_, want_)) fail_msg("got '%.*s', wanted '%.*s'", PERI_S(got_), PERI_S(want_));          \
  } while (0)
#define assert_ok(call)                                                          \
  do {                                                                           \
    peri_code code_ = (call);                                                    \
    if (code_ != PERI_OK) fail_msg("%s: %s", #call, err.text);                   \
  } while (0)

peri_node *tree(peri_arena *a, const char *text);                         /* any expression; fails the test on a slip in it */
peri_connector connector(peri_arena *a, const char *text);                /* connector "x" { … }, compiled */
peri_json *json(peri_arena *a, const char *text);
/* A reply with a body and headers "name: value\n…". */
peri_http_reply reply(peri_arena *a, int status, const char *headers, const char *body);

#endif
