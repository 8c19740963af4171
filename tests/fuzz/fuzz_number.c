/* Fuzz: numbers. Every reader agrees on what a number is; canonical forms are stable and compare as their values do. */
#include <stdlib.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define MUST(x)                                                                                                                                      \
  do {                                                                                                                                               \
    if (!(x)) abort();                                                                                                                               \
  } while (0)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size < 1) return 0;
  int scale = data[0] % 12;
  peri_str all = {(const char *)data + 1, size - 1}, first, second = peri_str_cut(all, ' ', &first);
  peri_buf a = {0}, b = {0}, c = {0};
  char integer[48];
  int64_t i;
  uint64_t u;
  double d;
  bool canonical = peri_decimal_canonical(first, &a), whole = peri_number_integer(first, integer);
  peri_span v;
  if (peri_json_check(first, &v, NULL) && v.type == PERI_J_NUMBER && v.n < 300 && !memchr(v.p, 'e', v.n) && !memchr(v.p, 'E', v.n))
    MUST(peri_decimal_canonical(peri_span_raw(v), &c));
  if (canonical) {
    peri_buf_clear(&c);
    MUST(peri_decimal_canonical(peri_buf_view(&a), &c) && peri_str_eq(peri_buf_view(&a), peri_buf_view(&c)));
    MUST(peri_json_check(peri_buf_view(&a), &v, NULL) && v.type == PERI_J_NUMBER);
    MUST(peri_decimal_compare(peri_buf_view(&a), peri_buf_view(&c)) == 0);
    peri_buf_clear(&c);
    MUST(peri_decimal_round(peri_buf_view(&a), scale, &c));
    MUST(peri_json_check(peri_buf_view(&c), &v, NULL));
    bool is_whole = peri_number_is_integer(first);
    MUST(is_whole == !memchr(a.p, '.', a.n));
    if (whole) MUST(is_whole && peri_str_is(peri_buf_view(&a), integer));
  }
  if (peri_number_i64(first, &i)) MUST(whole && (strtoll(integer, NULL, 10) == i));
  if (peri_number_u64(first, &u)) MUST(whole && (strtoull(integer, NULL, 10) == u));
  if (peri_number_double(first, &d)) {
    char *text = calloc(1, first.n + 1);
    memcpy(text, first.p, first.n);
    MUST(strtod(text, NULL) == d);
    free(text);
    peri_buf_clear(&c);
    peri_double_put(&c, d);
    double back;
    MUST(peri_number_double(peri_buf_view(&c), &back) && back == d);
  }
  if (canonical && peri_decimal_canonical(second, &b)) {
    int order = peri_decimal_compare(peri_buf_view(&a), peri_buf_view(&b));
    MUST(order == -peri_decimal_compare(peri_buf_view(&b), peri_buf_view(&a)));
    double x, y;
    if (peri_number_double(peri_buf_view(&a), &x) && peri_number_double(peri_buf_view(&b), &y)) {
      if (x < y) MUST(order < 0);
      if (x > y) MUST(order > 0);
    }
  }
  peri_buf_fini(&a);
  peri_buf_fini(&b);
  peri_buf_fini(&c);
  return 0;
}
