/* Fuzz: any bytes as a script file or a function's body. It is refused with clean text, or gives a tree that survives its JSON form; limits
 * hold; the state's memory accounting ends at zero (peri_script_free aborts if not, in debug builds). */
#include <stdlib.h>
#include <string.h>

#include "script/script.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MUST(x)   \
  do {            \
    if (!(x)) abort(); \
  } while (0)

static void clean(const char *text) {
  size_t n = strlen(text);
  MUST(n > 0 && n < PERI_ERROR_TEXT_MAX && peri_utf8_valid((peri_str){text, n}));
  for (size_t i = 0; i < n; i++) MUST((unsigned char)text[i] >= 0x20);
}

static void as_file(peri_script *s, peri_arena *a, peri_str text) {
  peri_err e;
  int line = 0;
  peri_tree tree;
  peri_str path = PERI_STR("mappings/a/b.lua");
  peri_script_file(s, PERI_STR("lib/l.lua"), PERI_STR("return { f = function(v) return v end }"), &e, &line);
  peri_code code = peri_script_file(s, path, text, &e, &line);
  if (code == PERI_OK) code = peri_script_load(s, path, a, &tree, &e, &line);
  if (code != PERI_OK) {
    clean(e.text);
    MUST(line >= 0);
    return;
  }
  peri_buf once = {0}, twice = {0};
  peri_node_put(&once, tree.root);
  peri_json *json = peri_json_parse(a, peri_buf_view(&once), NULL);
  MUST(json);
  peri_node *again = peri_node_read(a, json, &e);
  MUST(again);
  peri_node_put(&twice, again);
  MUST(peri_str_eq(peri_buf_view(&once), peri_buf_view(&twice)));
  peri_buf_fini(&once);
  peri_buf_fini(&twice);
}

static void as_body(peri_script *s, peri_arena *a, peri_str text) {
  peri_err e;
  int line = 0, fn = 0;
  if (peri_script_body(s, PERI_STR("body"), text, "value", &fn, &e, &line) != PERI_OK) {
    clean(e.text);
    return;
  }
  peri_caller *c = peri_script_caller(s);
  peri_value v = {.type = PERI_V_TEXT, .u.s = PERI_STR("a-1 b")}, out[2];
  peri_call_fault fault;
  if (!c->call(c, fn, &v, 1, out, a, &fault)) {
    MUST(fault.code != PERI_OK);
    if (fault.text[0]) clean(fault.text); /* error("") has no text */
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size == 0) return 0;
  peri_err e;
  MUST(peri_budget_start(NULL, &e) == PERI_OK);
  peri_script_limits limits = {.call_ms = 10, .load_ms = 10, .vm_bytes = 256u << 20}; /* far off: a script past twice this would take the fuzzer with it */
  peri_script *s = peri_script_new(&limits);
  peri_arena *a = peri_arena_new();
  peri_str text = {(const char *)data + 1, size - 1};
  if (data[0] & 1) as_file(s, a, text);
  else as_body(s, a, text);
  peri_arena_free(a);
  peri_script_free(s);
  return 0;
}
