/* plan/pattern: Lua's patterns. The table was checked against lua5.4's string.find. */
#include "test_plan.h"

#include "plan/pattern.h"

static void finds_what_lua_finds(void **state) {
  (void)state;
  static const struct { const char *text, *pattern; bool found; } table[] = {
    {"hello", "l+", true}, {"hello", "^h.*o$", true}, {"hello", "^e", false}, {"hello", "x*", true}, {"", "", true}, {"", "^$", true}, {"a", "^$", false}, {"a.b", "%.", true}, {"ab", "%.", false},
    {"abc123", "^%a+%d+$", true}, {"abc 123", "^%a+%d+$", false}, {"f(a(b)c)", "^f%b()$", true}, {"f(a(b)c", "%b()", true}, {"f(a(b c", "%b()", false}, {"THE (quick) fox", "%f[%a]%a+%f[%A]", true},
    {"abab", "^(ab)%1$", true}, {"abba", "^(ab)%1$", false}, {"a-b", "^a%-b$", true}, {"aaa", "^a-$", true}, {"[x]", "^%[x%]$", true}, {"]", "^[]]$", true}, {"^", "^[%^]$", true}, {"a", "^[^%d]$", true}, {"5", "^[^%d]$", false},
    {"-", "^[a-]$", true}, {"b", "^[a-c]$", true}, {"d", "^[a-c]$", false}, {"x=1", "^(%w+)=(%w+)$", true}, {"key = value", "^()%s*(%w+)", true}, {"\xC3\xA9", "^%a$", false}, {"\xC3\xA9", "^..$", true}, {"a$b", "a$b", true},
    {"a^b", "a^b", true}, {"0x1F", "^0x%x+$", true}, {"g", "%x", false}, {"A", "%l", false}, {"A", "%u", true}, {"A", "%U", false}, {" \t", "^%s+$", true}, {"!", "^%p$", true}, {"ab", "^a?b?c?$", true}, {"ac", "^ab?c$", true},
    {"abbbc", "^ab*c$", true}, {"abc", "[%a]+", true}, {"%", "^%%$", true}, {"a b", "%f[%w]%w%f[%W]", true}, {"", "a", false}, {"aXb", "%u", true}, {"\x01", "%c", true}, {"(a)", "^%((a)%)$", true}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (peri_pattern_check(peri_str_of(table[i].pattern))) fail_msg("%s is refused", table[i].pattern);
    peri_pattern_found found = peri_pattern_find(peri_str_of(table[i].text), peri_str_of(table[i].pattern), 100000);
    if (found != (table[i].found ? PERI_PATTERN_YES : PERI_PATTERN_NO)) fail_msg("\"%s\" in \"%s\": %d", table[i].pattern, table[i].text, (int)found);
  }
  assert_int_equal(peri_pattern_find((peri_str){"a\0b", 3}, (peri_str){"^a%zb$", 6}, 1000), PERI_PATTERN_NO); /* %z is a plain z in 5.4 */
  assert_int_equal(peri_pattern_find((peri_str){"a\0b", 3}, (peri_str){"^a\0b$", 5}, 1000), PERI_PATTERN_YES);
}

static void refuses_what_lua_refuses(void **state) {
  (void)state;
  static const struct { const char *pattern, *says; } table[] = {
    {"%", "ends with '%'"}, {"[a", "missing ']'"}, {"[]", "missing ']'"}, {"[^", "missing ']'"}, {"[%", "missing ']'"}, {"%f", "missing '['"}, {"%fa", "missing '['"}, {"(a", "unfinished capture"}, {"a)", "invalid pattern capture"},
    {"%1", "invalid capture index"}, {"(%1)", "invalid capture index"}, {"(a)%2", "invalid capture index"}, {"%b", "missing arguments"}, {"%bx", "missing arguments"}, {"%0", "invalid capture index"},
    {"(((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))", "too many captures"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const char *wrong = peri_pattern_check(peri_str_of(table[i].pattern));
    if (!wrong || !strstr(wrong, table[i].says)) fail_msg("%s: %s", table[i].pattern, wrong ? wrong : "taken");
  }
}

static void ends_within_its_budget(void **state) {
  (void)state;
  char text[4001];
  memset(text, 'a', 4000);
  text[4000] = 0;
  assert_int_equal(peri_pattern_find(peri_str_of(text), PERI_STR(".-.-.-.-b$"), 1000000), PERI_PATTERN_BUDGET);
  assert_int_equal(peri_pattern_find(peri_str_of(text), PERI_STR("%b()"), 1000000), PERI_PATTERN_NO);
  assert_int_equal(peri_pattern_find(peri_str_of(text), PERI_STR("^a*$"), 10000), PERI_PATTERN_YES);
  char nested[600];
  for (int i = 0; i < 300; i++) memcpy(nested + 2 * i, "a?", 2);
  assert_int_equal(peri_pattern_find(peri_str_of(text), (peri_str){nested, 600}, 1000000), PERI_PATTERN_BUDGET); /* Lua: pattern too complex */
}

const struct CMUnitTest plan_pattern_tests[] = {cmocka_unit_test(finds_what_lua_finds), cmocka_unit_test(refuses_what_lua_refuses), cmocka_unit_test(ends_within_its_budget)};
const size_t plan_pattern_count = sizeof plan_pattern_tests / sizeof *plan_pattern_tests;
