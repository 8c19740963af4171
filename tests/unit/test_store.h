/* Shared by the store's tests: a folder of its own, a store in it, one integration, and short ways to commit and to ask. */
#ifndef PERI_TEST_STORE_H
#define PERI_TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/catalog.h"
#include "store/inside.h"
#include "store/report.h"

#define OK(call) ok_at((call), &e, __FILE__, __LINE__)
#define INTEGRATION PERI_STR("11111111-1111-7111-8111-111111111111")
#define PLAN PERI_STR("plan-one")
#define NONE INT64_MIN

typedef struct fixture {
  char dir[64], path[96];
  peri_store *s;
  peri_arena *a;
  int64_t run;
} fixture;

void ok_at(peri_code code, const peri_err *e, const char *file, int line);
int fixture_open(void **state);  /* with a store, an integration "acme" of type hubspot and an open run */
int fixture_empty(void **state); /* only the folder */
int fixture_close(void **state);
int64_t ask(peri_store *s, const char *sql);                                /* one integer; -999 for NULL or no row */
const char *ask_text(peri_store *s, const char *sql);                       /* static buffer */
peri_commit_row row_of(const char *key, const char *data, int64_t updated); /* raw = data, hashes of both */
peri_commit_row reject_of(const char *key, const char *raw, int64_t updated);
peri_counters commit_rows(fixture *f, const peri_commit_row *rows, size_t n);
peri_counters commit_sweep(fixture *f, const peri_commit_row *rows, size_t n, int64_t phase_started_ms);
int64_t next_run(fixture *f);
void assert_counts(fixture *f, int64_t rows, int64_t rejects); /* what is stored equals a recount and these */
void hash_of(peri_str s, uint8_t out[16]);

int store_open_tests(void);
int store_commit_tests(void);
int store_sweep_tests(void);
int store_remap_tests(void);
int store_retain_tests(void);
int store_catalog_tests(void);
int store_crash_tests(void);
int store_power_tests(void);

#endif
