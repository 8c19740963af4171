/* base/str: views, globs, UTF-8, suggestions. */
#include "test_base.h"

#include <stdlib.h>

static void views_compare_by_bytes(void **state) {
  (void)state;
  assert_int_equal(peri_str_cmp(PERI_STR("a"), PERI_STR("b")), -1);
  assert_int_equal(peri_str_cmp(PERI_STR("ab"), PERI_STR("a")), 1);
  assert_int_equal(peri_str_cmp(PERI_STR("\xff"), PERI_STR("a")), 1);
  assert_int_equal(peri_str_cmp((peri_str){NULL, 0}, PERI_STR("")), 0);
  assert_true(peri_str_starts(PERI_STR("abc"), PERI_STR("ab")) && !peri_str_starts(PERI_STR("a"), PERI_STR("ab")));
  assert_true(peri_str_ends(PERI_STR("abc"), PERI_STR("bc")) && !peri_str_ends(PERI_STR("c"), PERI_STR("bc")));
  assert_true(peri_str_starts(PERI_STR("abc"), (peri_str){NULL, 0}));
  assert_true(peri_str_eq_nocase(PERI_STR("AbZ1"), PERI_STR("aBz1")) && !peri_str_eq_nocase(PERI_STR("["), PERI_STR("{")));
}

static void views_are_cut(void **state) {
  (void)state;
  peri_str head, rest = peri_str_cut(PERI_STR("a=b=c"), '=', &head);
  assert_str(head, "a");
  assert_str(rest, "b=c");
  rest = peri_str_cut(PERI_STR("abc"), '=', &head);
  assert_str(head, "abc");
  assert_int_equal(rest.n, 0);
  rest = peri_str_cut(PERI_STR("=x"), '=', &head);
  assert_int_equal(head.n, 0);
  assert_str(rest, "x");
  assert_str(peri_str_trim(PERI_STR(" \t\r\n a b \v\f")), "a b");
  assert_int_equal(peri_str_trim(PERI_STR("  ")).n, 0);
  assert_str(peri_str_from(PERI_STR("abc"), 1), "bc");
  assert_int_equal(peri_str_from(PERI_STR("abc"), 9).n, 0);
}

static void globs_match(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *text;
    bool match;
  } cases[] = {{"*", "", true},          {"", "", true},
               {"", "a", false},         {"hs_*", "hs_x", true},
               {"hs_*", "hsx", false},   {"*a*b*", "xaybz", true},
               {"*a*b", "xaybz", false}, {"a*a", "a", false},
               {"a*a", "aa", true},      {"contact.*", "contact.", true},
               {"**", "anything", true}, {"*.com", "a.com.com", true},
               {"a?c", "abc", false},    {"a*c*", "abcabc", true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (peri_str_glob(peri_str_of(cases[i].pattern), peri_str_of(cases[i].text)) != cases[i].match)
      fail_msg("%s on %s", cases[i].pattern, cases[i].text);
  char many[200];
  memset(many, 'a', sizeof many);
  assert_false(peri_str_glob(PERI_STR("*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), (peri_str){many, sizeof many})); /* and soon */
}

/* Decodes by the book, to hold the quick check against. */
static bool slow_valid(const unsigned char *p, size_t n) {
  for (size_t i = 0; i < n;) {
    unsigned c = p[i];
    size_t more = c < 0x80 ? 0 : c >= 0xC0 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF8 ? 3 : 9;
    if (more == 9 || i + more >= n) return false;
    unsigned v = more == 0 ? c : more == 1 ? c & 0x1F : more == 2 ? c & 0x0F : c & 7;
    for (size_t k = 1; k <= more; k++) {
      if ((p[i + k] & 0xC0) != 0x80) return false;
      v = v << 6 | (p[i + k] & 0x3F);
    }
    static const unsigned least[] = {0, 0x80, 0x800, 0x10000};
    if (v < least[more] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF)) return false;
    i += more + 1;
  }
  return true;
}

static void utf8_is_checked_strictly(void **state) {
  (void)state;
  for (unsigned a = 0x7E; a < 0x100; a++)
    for (unsigned b = 0x70; b < 0x100; b += 3)
      for (unsigned c = 0x7F; c < 0x100; c += 16)
        for (unsigned d = 0x7F; d < 0x100; d += 32) {
          unsigned char text[4] = {(unsigned char)a, (unsigned char)b, (unsigned char)c, (unsigned char)d};
          for (size_t n = 1; n <= 4; n++) assert_int_equal(peri_utf8_valid((peri_str){(char *)text, n}), slow_valid(text, n));
        }
  for (size_t at = 0; at < 24; at++) { /* at every distance from the quick steps */
    char text[24];
    memset(text, 'a', sizeof text);
    assert_true(peri_utf8_valid((peri_str){text, sizeof text}));
    text[at] = (char)0xE9;
    assert_false(peri_utf8_valid((peri_str){text, sizeof text}));
  }
  assert_true(peri_utf8_valid((peri_str){NULL, 0}));
}

static void utf8_is_written(void **state) {
  (void)state;
  char out[4];
  size_t valid = 0;
  for (unsigned c = 0; c <= 0x110000; c++) {
    size_t n = peri_utf8_put(out, c);
    if (!n) continue;
    valid++;
    if (!peri_utf8_valid((peri_str){out, n})) fail_msg("U+%04X", c);
  }
  assert_int_equal(valid, 0x110000 - 0x800);
  assert_int_equal(peri_utf8_put(out, 0x1F600), 4);
  assert_memory_equal(out, "😀", 4);
}

static void percents_are_undone(void **state) {
  (void)state;
  char out[32];
  static const struct { const char *text; bool plus; const char *want; } cases[] = {
    {"a%20b", false, "a b"}, {"a+b", false, "a+b"}, {"a+b", true, "a b"}, {"%C3%bc", false, "\xc3\xbc"}, {"100%", false, "100%"}, {"%2", false, "%2"}, {"%zz%41", false, "%zzA"}, {"", true, ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t n = peri_percent_decode(peri_str_of(cases[i].text), cases[i].plus, out);
    assert_int_equal(n, strlen(cases[i].want));
    assert_memory_equal(out, cases[i].want, n);
  }
}

static void near_words_are_suggested(void **state) {
  (void)state;
  const peri_str words[] = {PERI_STR("required"), PERI_STR("default"), PERI_STR("wait"), PERI_STR("email"), PERI_STR("max"), PERI_STR("min")};
  size_t n = sizeof words / sizeof *words;
  assert_str(peri_suggest(PERI_STR("requierd"), words, n), "required");
  assert_str(peri_suggest(PERI_STR("wiat"), words, n), "wait");
  assert_str(peri_suggest(PERI_STR("Email"), words, n), "email");
  assert_str(peri_suggest(PERI_STR("maxx"), words, n), "max");
  assert_null(peri_suggest(PERI_STR("lifecycle"), words, n).p);
  assert_null(peri_suggest(PERI_STR(""), words, n).p);
  assert_null(peri_suggest(PERI_STR("x"), words, 0).p);
  char huge[500];
  memset(huge, 'r', sizeof huge);
  assert_null(peri_suggest((peri_str){huge, sizeof huge}, words, n).p);
}

int test_base_str(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(views_compare_by_bytes),   cmocka_unit_test(views_are_cut),   cmocka_unit_test(globs_match),
      cmocka_unit_test(utf8_is_checked_strictly), cmocka_unit_test(utf8_is_written), cmocka_unit_test(near_words_are_suggested), cmocka_unit_test(percents_are_undone),
  };
  return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
