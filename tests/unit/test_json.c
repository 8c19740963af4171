/* json/json: what the scanner takes and refuses, spans, the writer. */
#include "test_json.h"

#include "json/json.h"

static bool check(peri_str text, peri_span *value, peri_json_fault *fault) {
  peri_str copy = tight(text);
  bool ok = peri_json_check(copy, value, fault);
  if (ok && value) value->p = text.p + (value->p - copy.p);
  tight_free(copy);
  return ok;
}

static void sound_documents_pass(void **state) {
  (void)state;
  static const struct {
    const char *text;
    peri_jtype type;
  } cases[] = {{"null", PERI_J_NULL},
               {"true", PERI_J_TRUE},
               {" false\n", PERI_J_FALSE},
               {"0", PERI_J_NUMBER},
               {"-0", PERI_J_NUMBER},
               {"-0.5e+10", PERI_J_NUMBER},
               {"123456789012345678901234567890.5E-7", PERI_J_NUMBER},
               {"\"\"", PERI_J_STRING},
               {"[]", PERI_J_ARRAY},
               {" [ 1 , [ ] , { } ] ", PERI_J_ARRAY},
               {"{}", PERI_J_OBJECT},
               {"{\"a\" : 1 , \"b\":\t[2]}", PERI_J_OBJECT},
               {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\u0000\"", PERI_J_STRING},
               {"\"é山😀\x7f\"", PERI_J_STRING}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peri_span v;
    peri_json_fault f;
    if (!check(peri_str_of(cases[i].text), &v, &f)) fail_msg("%s: %s", cases[i].text, f.what);
    assert_int_equal(v.type, cases[i].type);
    peri_str raw = peri_str_trim(peri_str_of(cases[i].text));
    assert_true(peri_str_eq(peri_span_raw(v), raw));
  }
}

static void broken_documents_are_named(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t offset;
    const char *what;
  } cases[] = {
      {"", 0, "the text is empty"},
      {"  ", 2, "the text ends too early"},
      {"\xEF\xBB\xBF{}", 0, "a byte order mark before the JSON"},
      {"<html>", 0, "not a JSON value"},
      {"{} {}", 3, "something stands after the JSON value"},
      {"[1,2", 4, "the text ends too early"},
      {"[1 2]", 3, "a comma or ] is missing in a list"},
      {"[1,]", 3, "not a JSON value"},
      {"[,1]", 1, "not a JSON value"},
      {"{\"a\"}", 4, "a colon is missing after a key"},
      {"{\"a\":1,}", 7, "a key in quotes is missing"},
      {"{a:1}", 1, "a key in quotes is missing"},
      {"{\"a\":1 \"b\":2}", 7, "a comma or } is missing in an object"},
      {"{\"a\":1]", 6, "a comma or } is missing in an object"},
      {"[nul]", 1, "not a JSON value"},
      {"[NaN]", 1, "NaN and Infinity are no JSON values"},
      {"[-Infinity]", 1, "not a number"},
      {"[01]", 1, "a number with leading zeros"},
      {"[-]", 1, "not a number"},
      {"[+1]", 1, "not a JSON value"},
      {"[.5]", 1, "not a JSON value"},
      {"[1.]", 1, "a number without digits after its point"},
      {"[1e]", 1, "a number without digits in its exponent"},
      {"[1e+]", 1, "a number without digits in its exponent"},
      {"[0x10]", 2, "a comma or ] is missing in a list"},
      {"['a']", 1, "not a JSON value"},
      {"[\"a\\x\"]", 3, "an unknown escape"},
      {"[\"\\u12\"]", 2, "an unfinished \\u escape"},
      {"[\"\\u12g4\"]", 2, "an unfinished \\u escape"},
      {"[\"\\ud800\"]", 2, "a lone surrogate"},
      {"[\"\\ud800\\n\"]", 2, "a lone surrogate"},
      {"[\"\\ud800\\u0041\"]", 2, "a lone surrogate"},
      {"[\"\\udc00\\ud800\"]", 2, "a lone surrogate"},
      {"[\"\\ud83d\\ude0\"]", 2, "a lone surrogate"},
      {"[\"a\nb\"]", 3, "a control character in a string"},
      {"[\"a\tb\"]", 3, "a control character in a string"},
      {"[\"\xff\"]", 2, "bytes that are not UTF-8"},
      {"[\"\xc0\x80\"]", 2, "bytes that are not UTF-8"},
      {"[\"\xed\xa0\x80\"]", 2, "bytes that are not UTF-8"},
      {"[\"\xf4\x90\x80\x80\"]", 2, "bytes that are not UTF-8"},
      {"[\"caf\xe9 \"]", 5, "bytes that are not UTF-8"},
      {"[\"\xe5\xb1\"]", 2, "bytes that are not UTF-8"},
      {"{\"a\":1,\"a\":1}", 7, "the key appears twice"},
      {"{\"a\":1,\"\\u0061\":1}", 7, "the key appears twice"},
      {"{\"\":1,\"\":1}", 6, "the key appears twice"},
      {"{\"b\":1,\"a\":{\"b\":1,\"c\":2},\"b\":1}", 25, "the key appears twice"},
      {"\"abc", 4, "the text ends too early"},
      {"\"abc\\", 5, "the text ends too early"},
      {"// no\n1", 0, "not a JSON value"},
      {"tru", 0, "not a JSON value"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peri_json_fault f;
    peri_span v;
    if (check(peri_str_of(cases[i].text), &v, &f)) fail_msg("%s was taken", cases[i].text);
    assert_int_equal(v.type, PERI_J_NONE);
    if (strcmp(f.what, cases[i].what) != 0 || f.offset != cases[i].offset)
      fail_msg("%s: %zu %s, wanted %zu %s", cases[i].text, f.offset, f.what, cases[i].offset, cases[i].what);
  }
  peri_json_fault f;
  assert_false(check((peri_str){"[\"a\0b\"]", 7}, NULL, &f));
  assert_string_equal(f.what, "a NUL byte");
  assert_int_equal(f.offset, 3);
  assert_false(check((peri_str){"{}\0", 3}, NULL, &f));
  assert_false(peri_json_check((peri_str){NULL, 0}, NULL, NULL));
}

static void faults_are_told(void **state) {
  (void)state;
  peri_json_fault f;
  char out[200];
  peri_str text = PERI_STR("{\n \"é\": 1,\n \"山\": \"x\\ud800y\x01\"\n}");
  assert_false(peri_json_check(text, NULL, &f));
  peri_json_fault_text(&f, text, out, sizeof out);
  assert_string_equal(out, "line 3, column 9: a lone surrogate near \\ud800y?\"?}");
  assert_false(peri_json_check(PERI_STR("{\"key\\u0021\":1,\"key!\":2}"), NULL, &f));
  peri_json_fault_text(&f, text, out, sizeof out);
  assert_non_null(strstr(out, "the key appears twice near key!"));
  peri_json_fault_text(&f, text, out, 10);
  assert_int_equal(strlen(out), 9);
}

/* Puts each fault at every distance from the end of a sixteen-byte step. */
static void faults_are_found_at_every_distance(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    bool ok;
  } pieces[] = {{"\n", false}, {"\x1f", false}, {"\xff", false}, {"\\q", false},           {"\\ud812", false},
                {"é", true},   {"😀", true},     {"\\n", true},   {"\\ud83d\\ude00", true}, {"\x7f", true}};
  for (size_t before = 0; before < 40; before++)
    for (size_t after = 0; after < 40; after++)
      for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        peri_buf b = {0};
        peri_buf_char(&b, '"');
        for (size_t k = 0; k < before; k++) peri_buf_char(&b, 'x');
        peri_buf_c_str(&b, pieces[i].bytes);
        for (size_t k = 0; k < after; k++) peri_buf_char(&b, 'y');
        peri_buf_char(&b, '"');
        peri_json_fault f;
        bool ok = check(peri_buf_view(&b), NULL, &f);
        if (ok != pieces[i].ok) fail_msg("%zu %s %zu", before, pieces[i].bytes, after);
        if (!ok) assert_int_equal(f.offset, before + 1);
        for (size_t cut = 0; cut < b.n; cut++) assert_false(check((peri_str){b.p, cut}, NULL, &f));
        peri_buf_fini(&b);
      }
}

static void nesting_has_a_ceiling(void **state) {
  (void)state;
  for (int kind = 0; kind < 2; kind++)
    for (int depth = PERI_JSON_DEPTH_MAX - 1; depth <= PERI_JSON_DEPTH_MAX + 1; depth++) {
      peri_buf b = {0};
      for (int i = 0; i < depth; i++) peri_buf_c_str(&b, kind ? "{\"a\":" : "[");
      if (kind) peri_buf_c_str(&b, "1");
      for (int i = 0; i < depth; i++) peri_buf_char(&b, kind ? '}' : ']');
      peri_json_fault f;
      assert_int_equal(check(peri_buf_view(&b), NULL, &f), depth <= PERI_JSON_DEPTH_MAX);
      if (depth > PERI_JSON_DEPTH_MAX) assert_string_equal(f.what, "nested deeper than 128 levels");
      peri_buf_fini(&b);
    }
  peri_buf b = {0};
  for (int i = 0; i < 1000000; i++) peri_buf_char(&b, '[');
  assert_false(check(peri_buf_view(&b), NULL, NULL));
  peri_buf_fini(&b);
}

/* Many keys, in order and out of order, with one of them twice or not at all. */
static void keys_appear_once(void **state) {
  (void)state;
  static const int sizes[] = {2, 3, 11, 12, 13, 14, 31, 32, 33, 64, 65, 200, 3000};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int order = 0; order < 3; order++)
      for (int twice = 0; twice < 2; twice++) {
        int n = sizes[s], step = order == 2 ? 7919 : 1;
        peri_buf b = {0};
        peri_buf_char(&b, '{');
        for (int i = 0; i < n; i++) {
          int k = order == 1 ? n - i : i * step % n;
          /* keys that differ only in the middle, too, for the tags look at both ends */
          peri_buf_fmt(&b, "\"prefix__%06d__suffix\":{\"a\":%d,\"c\":1,\"b\":2},", k, i);
        }
        peri_buf_fmt(&b, "\"prefix__%06d__suff%s\":1}", n / 2, twice ? "i\\u0078" : "iy");
        peri_json_fault f;
        if (check(peri_buf_view(&b), NULL, &f) == (bool)twice) fail_msg("%d keys, order %d, twice %d: %s", n, order, twice, twice ? "taken" : f.what);
        if (twice) assert_string_equal(f.what, "the key appears twice");
        peri_buf_fini(&b);
      }
}

static void prefixes_are_checked(void **state) {
  (void)state;
  peri_span v;
  size_t used;
  peri_json_fault f;
  peri_str text = PERI_STR("  {\"a\":1}\n[2] 3x");
  assert_true(peri_json_check_prefix(text, &v, &used, &f));
  assert_int_equal(used, 9);
  assert_str(peri_span_raw(v), "{\"a\":1}");
  text = peri_str_from(text, used);
  assert_true(peri_json_check_prefix(text, &v, &used, &f));
  assert_str(peri_span_raw(v), "[2]");
  text = peri_str_from(text, used);
  assert_true(peri_json_check_prefix(text, &v, &used, &f));
  assert_str(peri_span_raw(v), "3");
  assert_false(peri_json_check_prefix(peri_str_from(text, used), &v, &used, &f));
}

static void spans_give_texts(void **state) {
  (void)state;
  peri_span v, e;
  peri_buf scratch = {0};
  peri_str text = tight(PERI_STR("[\"plain\",\"a\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000z\",\"\",5]"));
  assert_true(peri_json_check(text, &v, NULL));
  peri_span_iter i = peri_span_open(v);
  assert_true(peri_span_next(&i, &e));
  assert_int_equal(e.escaped, 0);
  assert_str(peri_span_text(e, &scratch), "plain");
  assert_int_equal(scratch.n, 0); /* nothing was copied */
  assert_true(peri_span_next(&i, &e));
  assert_int_equal(e.escaped, 1);
  peri_str t = peri_span_text(e, &scratch);
  assert_int_equal(t.n, 1 + 2 + 4 + 3 + 5 + 1 + 1);
  assert_memory_equal(t.p, "aé😀\"\\/\b\f\n\r\t\0z", t.n);
  assert_true(peri_span_next(&i, &e));
  assert_int_equal(peri_span_text(e, &scratch).n, 0);
  assert_true(peri_span_next(&i, &e));
  assert_null(peri_span_text(e, &scratch).p); /* a number is no text */
  assert_false(peri_span_next(&i, &e));
  assert_false(peri_span_next(&i, &e));
  peri_buf_fini(&scratch);
  tight_free(text);
}

static void spans_give_members(void **state) {
  (void)state;
  peri_span v, key, value;
  peri_str text = tight(PERI_STR(" { \"a\" : 1 , \"b\\n\":[1,{\"x\":\"]}\"},3] ,\"c\":{\"d\":{\"e\":null}},\"c.d\":2,\"c.z\":{\"y\":3},\"l\":[]} "));
  assert_true(peri_json_check(text, &v, NULL));
  size_t n = 0;
  for (peri_span_iter i = peri_span_open(v); peri_span_next_member(&i, &key, &value);) n++;
  assert_int_equal(n, 6);
  assert_str(peri_span_raw(peri_span_member(v, PERI_STR("a"))), "1");
  assert_str(peri_span_raw(peri_span_member(v, PERI_STR("b\n"))), "[1,{\"x\":\"]}\"},3]");
  assert_int_equal(peri_span_member(v, PERI_STR("zz")).type, PERI_J_NONE);
  assert_int_equal(peri_span_member(peri_span_member(v, PERI_STR("a")), PERI_STR("a")).type, PERI_J_NONE);
  static const struct {
    const char *path, *raw;
  } cases[] = {
      {"a", "1"},        {"c.d", "{\"e\":null}"}, {"c.d.e", "null"}, {"c.d.e.f", NULL}, {"c\\.d", "2"},   {"c.z.y", NULL},        {"c\\.z.y", "3"},
      {"l", "[]"},       {"l[0]", NULL},          {"l[-1]", NULL},   {"b\n[0]", "1"},   {"b\n[-1]", "3"}, {"b\n[1].x", "\"]}\""}, {"b\n[3]", NULL},
      {"b\n[-4]", NULL}, {"b\n[]", NULL},         {"a[0]", NULL},    {"..", NULL},      {"c.", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peri_span found = peri_span_at(v, peri_str_of(cases[i].path));
    if (!cases[i].raw) {
      if (found.type != PERI_J_NONE) fail_msg("%s: %.*s", cases[i].path, (int)found.n, found.p);
    } else if (!peri_str_is(peri_span_raw(found), cases[i].raw)) {
      fail_msg("%s: %.*s", cases[i].path, (int)found.n, found.p ? found.p : "");
    }
  }
  assert_str(peri_span_raw(peri_span_at(v, PERI_STR(""))),
             "{ \"a\" : 1 , \"b\\n\":[1,{\"x\":\"]}\"},3] ,\"c\":{\"d\":{\"e\":null}},\"c.d\":2,\"c.z\":{\"y\":3},\"l\":[]}");
  tight_free(text);
}

static void the_writer_puts_commas(void **state) {
  (void)state;
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "a", "x");
  peri_jw_key_c(&w, "list");
  peri_jw_array(&w);
  peri_jw_int(&w, INT64_MIN);
  peri_jw_u64(&w, UINT64_MAX);
  peri_jw_double(&w, 0.1);
  peri_jw_bool(&w, true);
  peri_jw_null(&w);
  peri_jw_array(&w);
  peri_jw_end_array(&w);
  peri_jw_object(&w);
  peri_jw_end_object(&w);
  peri_jw_raw(&w, PERI_STR("{\"r\": 1}"));
  peri_jw_end_array(&w);
  peri_jw_kv_int(&w, "n", -7);
  peri_jw_kv_bool(&w, "t", false);
  peri_jw_kv_raw(&w, "raw", PERI_STR("[1]"));
  peri_jw_kv_c(&w, "none", NULL);
  peri_jw_kv(&w, "k", PERI_STR("v"));
  peri_jw_end_object(&w);
  assert_string_equal(peri_buf_c(&b), "{\"a\":\"x\",\"list\":[-9223372036854775808,18446744073709551615,0.1,true,null,[],{},{\"r\": 1}],"
                                      "\"n\":-7,\"t\":false,\"raw\":[1],\"none\":null,\"k\":\"v\"}");
  peri_buf_clear(&b);
  peri_jw_init(&w, &b);
  for (int i = 0; i < PERI_JSON_DEPTH_MAX; i++) {
    peri_jw_array(&w);
    peri_jw_int(&w, i);
  }
  for (int i = 0; i < PERI_JSON_DEPTH_MAX; i++) {
    peri_jw_int(&w, i);
    peri_jw_end_array(&w);
  }
  assert_true(check(peri_buf_view(&b), NULL, NULL));
  peri_buf_fini(&b);
}

static void quoted_texts_are_sound(void **state) {
  (void)state;
  peri_buf b = {0};
  peri_json_quote(&b, (peri_str){"a\"\\\b\f\n\r\t\x01\x1f\0/é😀\x7f", 19});
  assert_string_equal(peri_buf_c(&b), "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000/é😀\x7f\"");
  for (unsigned v = 0; v < 0x1000000; v += 251) { /* any three bytes */
    char bytes[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
    peri_buf_clear(&b);
    peri_json_quote(&b, (peri_str){bytes, 3});
    peri_span s;
    if (!check(peri_buf_view(&b), &s, NULL)) fail_msg("%06x", v);
    if (!peri_utf8_valid((peri_str){bytes, 3})) continue;
    peri_buf back = {0};
    assert_true(peri_str_eq(peri_span_text(s, &back), (peri_str){bytes, 3}));
    peri_buf_fini(&back);
  }
  peri_buf_clear(&b);
  peri_json_quote(&b, PERI_STR("x\xff\xc3"));
  assert_string_equal(peri_buf_c(&b), "\"x\xEF\xBF\xBD\xEF\xBF\xBD\"");
  peri_buf_fini(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sound_documents_pass),   cmocka_unit_test(broken_documents_are_named),
      cmocka_unit_test(faults_are_told),        cmocka_unit_test(faults_are_found_at_every_distance),
      cmocka_unit_test(nesting_has_a_ceiling),  cmocka_unit_test(keys_appear_once),
      cmocka_unit_test(prefixes_are_checked),   cmocka_unit_test(spans_give_texts),
      cmocka_unit_test(spans_give_members),     cmocka_unit_test(the_writer_puts_commas),
      cmocka_unit_test(quoted_texts_are_sound),
  };
  int failed = cmocka_run_group_tests_name("json", tests, NULL, NULL);
  failed += test_json_number();
  failed += test_json_tree();
  failed += test_json_paths();
  failed += test_json_page();
  return failed;
}
