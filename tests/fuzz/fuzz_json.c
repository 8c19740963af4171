/* Fuzz: whatever peri_json_check takes, the tree, the spans and the writer must agree on; what it refuses, all refuse. */
#include <stdlib.h>

#include "json/tree.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MUST(x)                                                                                                                                      \
  do {                                                                                                                                               \
    if (!(x)) abort();                                                                                                                               \
  } while (0)

static size_t count_values(peri_span v) {
  size_t n = 1;
  peri_span key, e;
  peri_span_iter i = peri_span_open(v);
  while (v.type == PERI_J_OBJECT ? peri_span_next_member(&i, &key, &e) : peri_span_next(&i, &e)) n += count_values(e);
  return n;
}

static size_t count_nodes(const peri_json *j) {
  size_t n = 1;
  for (const peri_json *c = j->first; c; c = c->next) n += count_nodes(c);
  return n;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  peri_str text = {(const char *)data, size};
  peri_json_fault f;
  peri_span v;
  peri_arena *a = peri_arena_new();
  bool ok = peri_json_check(text, &v, &f);
  peri_json *tree = peri_json_parse(a, text, NULL);
  MUST(ok == (tree != NULL));
  if (ok) {
    MUST(peri_utf8_valid(text));
    MUST(count_values(v) == count_nodes(tree));
    peri_buf once = {0}, twice = {0};
    peri_json_put(&once, tree);
    peri_json *again = peri_json_parse(a, peri_buf_view(&once), NULL);
    MUST(again);
    peri_json_put(&twice, again);
    MUST(peri_str_eq(peri_buf_view(&once), peri_buf_view(&twice)));
    peri_buf_fini(&once);
    peri_buf_fini(&twice);
  } else {
    char out[300];
    MUST(f.what && f.offset <= size);
    MUST(peri_utf8_valid(peri_str_of(f.near)));
    peri_json_fault_text(&f, text, out, sizeof out);
  }
  peri_buf quoted = {0}, back = {0};
  peri_json_quote(&quoted, text); /* any bytes become a sound string, and valid ones come back */
  MUST(peri_json_check(peri_buf_view(&quoted), &v, NULL));
  if (peri_utf8_valid(text)) MUST(peri_str_eq(peri_span_text(v, &back), text));
  peri_buf_fini(&quoted);
  peri_buf_fini(&back);
  peri_arena_free(a);
  return 0;
}
