/* json/tree: documents as nodes. */
#include "test_json.h"

#include "json/tree.h"

static void trees_answer(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_str text = tight(PERI_STR(" {\"name\":\"a\\u00e9\",\"n\":12345678901234567890,\"i\":-7,\"s\":\"42\",\"f\":1.50,\"t\":true,\"z\":null,"
                                 "\"list\":[1,[2,3],{\"x\":\"y\"}],\"o\":{\"p\":{\"q\":1}},\"o.p\":2,\"u.v\":{\"w\":3},\"q\\\"\":4} "));
  peri_json *j = peri_json_parse(a, text, NULL);
  tight_free(text); /* the tree does not borrow */
  assert_non_null(j);
  assert_int_equal(j->count, 12);
  assert_str(peri_json_get_text(j, "name"), "aé");
  assert_str(peri_json_str(peri_json_get(j, "n")), "12345678901234567890");
  assert_int_equal(peri_json_get_int(j, "n", -1), -1); /* too large */
  assert_int_equal(peri_json_get_int(j, "i", 0), -7);
  assert_int_equal(peri_json_get_int(j, "s", 0), 42);
  assert_int_equal(peri_json_get_int(j, "f", 9), 9);
  assert_int_equal(peri_json_get_int(j, "t", 9), 9);
  assert_true(peri_json_get_bool(j, "t", false));
  assert_true(peri_json_get_bool(j, "z", true));
  assert_int_equal(peri_json_int(peri_json_at(j, PERI_STR("list[1][-1]")), 0), 3);
  assert_str(peri_json_str(peri_json_at(j, PERI_STR("list[-1].x"))), "y");
  assert_int_equal(peri_json_int(peri_json_at(j, PERI_STR("o.p.q")), 0), 1);
  assert_int_equal(peri_json_at(j, PERI_STR("o.p"))->type, PERI_J_OBJECT);
  assert_int_equal(peri_json_int(peri_json_at(j, PERI_STR("o\\.p")), 0), 2);
  assert_null(peri_json_at(j, PERI_STR("u.v.w"))); /* only the rest of a path may be one key */
  assert_int_equal(peri_json_int(peri_json_at(j, PERI_STR("u\\.v.w")), 0), 3);
  assert_ptr_equal(peri_json_at(j, PERI_STR("")), j);
  assert_null(peri_json_at(j, PERI_STR("list[]")));
  assert_null(peri_json_at(j, PERI_STR("list[9]")));
  assert_null(peri_json_at(j, PERI_STR("list[-4]")));
  assert_null(peri_json_item(peri_json_get(j, "list"), 3));
  assert_str(peri_json_item(peri_json_get(j, "list"), 1)->raw, "[2,3]");
  peri_buf b = {0};
  peri_json_put(&b, j);
  assert_string_equal(peri_buf_c(&b), "{\"name\":\"aé\",\"n\":12345678901234567890,\"i\":-7,\"s\":\"42\",\"f\":1.50,\"t\":true,\"z\":null,"
                                      "\"list\":[1,[2,3],{\"x\":\"y\"}],\"o\":{\"p\":{\"q\":1}},\"o.p\":2,\"u.v\":{\"w\":3},\"q\\\"\":4}");
  peri_buf_fini(&b);
  peri_arena_free(a);
}

static void nothing_answers_nothing(void **state) {
  (void)state;
  assert_null(peri_json_get(NULL, "a"));
  assert_null(peri_json_item(NULL, 0));
  assert_null(peri_json_at(NULL, PERI_STR("a")));
  assert_null(peri_json_str(NULL).p);
  assert_null(peri_json_get_text(NULL, "a").p);
  assert_int_equal(peri_json_int(NULL, 5), 5);
  assert_true(peri_json_bool(NULL, true));
  peri_buf b = {0};
  peri_json_put(&b, NULL);
  assert_string_equal(peri_buf_c(&b), "null");
  peri_buf_fini(&b);
  peri_arena *a = peri_arena_new();
  peri_json_fault f;
  assert_null(peri_json_parse(a, PERI_STR("{\"a\":1,\"a\":2}"), &f));
  assert_string_equal(f.near, "a");
  peri_json *number = peri_json_parse(a, PERI_STR("7"), NULL);
  assert_null(peri_json_get(number, "a"));
  assert_null(peri_json_item(number, 0));
  assert_int_equal(peri_json_int(number, 0), 7);
  peri_arena_free(a);
}

int test_json_tree(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(trees_answer), cmocka_unit_test(nothing_answers_nothing)};
  return cmocka_run_group_tests_name("json/tree", tests, NULL, NULL);
}
