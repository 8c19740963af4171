/* The table of words: whole, consistent, and readable as help, as a page and as editor stubs. */
#include "spec/check.h"
#include "spec_help.h"

static void every_word_is_there(void **state) {
  (void)state;
  static const char *const words[] = {"connector", "stream",   "mapping", "emulator", "get",     "post",   "put",     "patch",  "delete",
                                      "since",     "upto",     "wanted",  "setting",  "secret",  "parent", "record",  "cursor", "link",
                                      "count",     "token",    "basic",   "oauth2",   "when",    "rule",   "null",    "use",    "text",
                                      "email",     "url",      "phone",   "choice",   "integer", "number", "decimal", "money",  "boolean",
                                      "date",      "datetime", "time",    "uuid",     "list",    "json",   "id",      "rest"};
  assert_int_equal(peri_word_count, 44);
  size_t kinds = 0, holes = 0;
  for (size_t i = 0; i < 44; i++) {
    assert_non_null(peri_word_named(peri_str_of(words[i])));
    kinds += peri_words[i].kind;
    holes += peri_words[i].hole;
  }
  assert_int_equal(kinds, 18);
  assert_int_equal(holes, 7);
  assert_true(peri_str_is(peri_word_suggest(PERI_STR("settng")), "setting"));
  assert_int_equal(peri_word_suggest(PERI_STR("qqqqqqqqq")).n, 0);
}

/* Every atom and shape that a type names exists: the check would stumble over one that does not. */
static void type_is_sound(const char *type) {
  peri_str rest = peri_str_of(type), one;
  assert_true(rest.n > 0);
  while (peri_type_next(&rest, &one)) {
    char inner[256];
    if (one.p[0] == '[' || one.p[0] == '{' || peri_str_starts(one, PERI_STR("when<"))) {
      size_t open = one.p[0] == 'w' ? 5 : 1;
      assert_true(one.n > open + 1 && one.n < sizeof inner);
      memcpy(inner, one.p + open, one.n - open - 1);
      inner[one.n - open - 1] = 0;
      type_is_sound(inner);
    } else if (peri_str_starts(one, PERI_STR("shape:")))
      assert_non_null(peri_shape_named(peri_str_from(one, 6)));
    else if (!peri_str_starts(one, PERI_STR("choice:")) && !peri_atom_known(one))
      fail_msg("type %s has no atom %.*s", type, PERI_S(one));
  }
}

static void options_are_sound(const char *owner, const peri_option_spec *options, size_t count) {
  for (size_t i = 0; i < count; i++) {
    type_is_sound(options[i].type);
    size_t n = strlen(options[i].doc);
    if (n < 10 || options[i].doc[n - 1] != '.') fail_msg("%s.%s: its sentence does not end", owner, options[i].name);
    for (size_t k = 0; k < i; k++)
      if (!strcmp(options[i].name, options[k].name)) fail_msg("%s.%s stands twice", owner, options[i].name);
  }
}

static void the_table_is_sound(void **state) {
  (void)state;
  for (size_t i = 0; i < peri_word_count; i++) {
    const peri_word_spec *w = &peri_words[i];
    if (w->what != PERI_WHAT_NONE) type_is_sound(w->what_type);
    assert_true(*w->doc && *w->stands_in);
    options_are_sound(w->name, w->options, w->option_count);
  }
  for (size_t i = 0; i < peri_shape_count; i++) {
    if (*peri_shapes[i].first) type_is_sound(peri_shapes[i].first);
    if (*peri_shapes[i].rest) type_is_sound(peri_shapes[i].rest);
    options_are_sound(peri_shapes[i].name, peri_shapes[i].options, peri_shapes[i].option_count);
  }
}

static const char *help(const char *word, bool expected) {
  static peri_buf out;
  peri_buf_clear(&out);
  assert_int_equal(peri_spec_help(peri_str_of(word), &out), expected);
  return peri_buf_c(&out);
}

static void helping(void **state) {
  (void)state;
  assert_non_null(strstr(help("", true), "  email      An e-mail address"));
  const char *email = help("email", true);
  assert_non_null(strstr(email, "email \"path\" { options }\n"));
  assert_non_null(strstr(
      email, "  required     A record without a value here becomes a reject (code required).\n               takes true or false; default: false\n"));
  assert_non_null(strstr(help("cursor", true), "takes a place in the request such as \"query.after\"; required"));
  assert_non_null(strstr(help("email.required", true), "email.required\n\n  required"));
  assert_non_null(strstr(help("wait", true), "an action of on"));
  assert_non_null(strstr(help("wait.till", true), "takes \"midnight\""));
  assert_non_null(strstr(help("job", true), "create"));
  assert_non_null(strstr(help("sweep", true), "stream.sweep\n"));
  assert_string_equal(help("email.requierd", false), "email has no option 'requierd' (did you mean 'required'?)\n");
  assert_string_equal(help("emial", false), "there is no word 'emial' (did you mean 'email'?); perilune help words lists them\n");
  assert_string_equal(help("zzzzzzzzz", false), "there is no word 'zzzzzzzzz'; perilune help words lists them\n");
}

static void pages(void **state) {
  (void)state;
  peri_buf page = {0}, stubs = {0};
  peri_spec_reference(&page);
  peri_spec_stubs(&stubs);
  const char *p = peri_buf_c(&page), *s = peri_buf_c(&stubs);
  assert_true(peri_utf8_valid(peri_buf_view(&page)) && peri_utf8_valid(peri_buf_view(&stubs)));
  for (size_t i = 0; i < peri_word_count; i++) {
    char title[64] = "\n### ";
    strcat(title, peri_words[i].name);
    strcat(title, "\n");
    assert_non_null(strstr(p, title));
  }
  assert_non_null(strstr(p, "| `required` | true or false | false |"));
  assert_non_null(strstr(s, "---@meta perilune\n"));
  assert_non_null(strstr(s, "---@field required? boolean A record"));
  assert_non_null(strstr(s, "---@return perilune.email.made\nfunction email(what) end\n"));
  assert_non_null(strstr(s, "since = nil\n"));
  peri_buf_fini(&page);
  peri_buf_fini(&stubs);
}

static void reading_rates(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t many, per_ms;
  } good[] = {{"100/10s", 100, 10000}, {"4/s", 4, 1000},          {"250000/day", 250000, 86400000}, {"60/min", 60, 60000},
              {"5/m", 5, 60000},       {"1000/h", 1000, 3600000}, {"7/2hour", 7, 7200000},          {"1/d", 1, 86400000}};
  static const char *const bad[] = {"",       "100",    "/s",       "100/",    "0/s", "-1/s",         "1.5/s",
                                    "100/10", "100/0s", "100/week", "100 / s", "x/s", "100/1234567s", "1000000000000000/s"};
  int64_t many, per_ms;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(peri_rate_read(peri_str_of(good[i].text), &many, &per_ms));
    assert_int_equal(many, good[i].many);
    assert_int_equal(per_ms, good[i].per_ms);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (peri_rate_read(peri_str_of(bad[i]), &many, &per_ms)) fail_msg("%s is taken for a rate", bad[i]);
}

int run_words(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_word_is_there), cmocka_unit_test(the_table_is_sound), cmocka_unit_test(helping),
                                     cmocka_unit_test(pages), cmocka_unit_test(reading_rates)};
  return cmocka_run_group_tests_name("spec: words", tests, NULL, NULL);
}
