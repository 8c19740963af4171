/* plan: what its tests share: mappings from a short JSON form, C functions in place of Lua's, one record mapped. */
#ifndef PERI_TEST_PLAN_H
#define PERI_TEST_PLAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/plan.h"

/* The short form of a tree, so that case files can be read:
 *   ["text", "path", {options}]   a word (any array that starts with the name of a word)
 *   {"fn": "upper"}               one of the functions below
 *   {…} […] "x" 1 true null       a table, a list, plain values; 1.5 a float */
peri_node *short_node(peri_arena *a, const peri_json *json);
/* {"entity": "contact", "from": …, "fields": …} -> mapping WORD */
peri_node *short_mapping(peri_arena *a, const peri_json *json);
int function_named(const char *name);

typedef struct fake_caller {
  peri_caller caller;
  int calls;
  uint32_t record, field; /* as marked last */
} fake_caller;
fake_caller fake_caller_new(void);

typedef struct mapped {
  peri_row *rows;
  size_t count;
} mapped;

typedef struct bench_plan {
  peri_arena *arena;
  peri_plan *plan;
  peri_plan_view *view;
  peri_paths *set, *parents;
  fake_caller fake;
  peri_err e;
  int line;
} bench_plan;

/* Compiles; b->plan is NULL on a mistake. settings, discovered: JSON texts or NULL. */
bench_plan plan_up(const peri_node *(*make)(peri_arena *, const void *), const void *arg, const char *settings, const char *discovered);
bench_plan plan_of_text(const char *mapping, const char *settings, const char *discovered);
void plan_down(bench_plan *b);
mapped map_text(bench_plan *b, const char *record);
mapped map_record(bench_plan *b, peri_record_in *record);
/* The data of the only row, or "CODE field: message" of its reject, or "skip". */
const char *map_one(bench_plan *b, const char *record);

extern const struct CMUnitTest plan_case_tests[], plan_run_tests[], plan_tree_tests[], plan_pattern_tests[];
extern const size_t plan_case_count, plan_run_count, plan_tree_count, plan_pattern_count;

#endif
