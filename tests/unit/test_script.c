/* script: a state is made, does its work under limits, and leaves nothing behind. */
#include "test_script.h"

#include <stdio.h>
#include <stdlib.h>

bench bench_new(void) { return (bench){peri_script_new(NULL), peri_arena_new()}; }

void bench_free(bench *b) {
  peri_script_free(b->s);
  peri_arena_free(b->a);
}

peri_str bench_load(bench *b, const char *path, const char *source) {
  peri_err e;
  int line = 0;
  peri_tree tree;
  peri_code code = peri_script_file(b->s, peri_str_of(path), peri_str_of(source), &e, &line);
  if (code == PERI_OK) code = peri_script_load(b->s, peri_str_of(path), b->a, &tree, &e, &line);
  if (code != PERI_OK) return peri_arena_str(b->a, peri_str_of(e.text));
  peri_buf out = {0};
  peri_node_put(&out, tree.root);
  peri_str json = peri_arena_str(b->a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return json;
}

peri_str bench_body(bench *b, const char *body, const char *value) {
  peri_err e;
  int line = 0, fn = 0;
  peri_call_fault fault;
  if (peri_script_body(b->s, PERI_STR("body"), peri_str_of(body), "value", &fn, &e, &line) != PERI_OK) return peri_arena_str(b->a, peri_str_of(e.text));
  peri_buf json = {0}, out = {0};
  peri_json_quote(&json, peri_str_of(value));
  peri_str arg = peri_buf_view(&json), result;
  if (peri_script_call_json(b->s, fn, &arg, 1, &out, &fault) == PERI_OK) result = peri_arena_str(b->a, peri_buf_view(&out));
  else result = peri_arena_fmt(b->a, "ERROR %s: %s", peri_code_name(fault.code), fault.text);
  peri_buf_fini(&json);
  peri_buf_fini(&out);
  return result;
}

int main(void) {
  peri_err e;
  bool only_match = getenv("PERI_MATCH_CASES") != NULL;
  int failed = only_match ? 0 : test_script_attacks(); /* first: a timer of this process would not be inherited by its children */
  if (peri_budget_start(NULL, &e) != PERI_OK) {
    fprintf(stderr, "%s\n", e.text);
    return 1;
  }
  if (only_match) return test_script_match() ? 1 : 0;
  failed += test_script_words() + test_script_calls() + test_script_pull() + test_script_match();
  return failed ? 1 : 0;
}
