/* base/log: what reaches stderr, and that no secret does. */
#include "test_base.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

/* What one call writes to stderr. */
static char caught[4096];
#define CATCH(call)                                                                                                                                  \
  do {                                                                                                                                               \
    int fd[2], err = dup(2);                                                                                                                         \
    assert_int_equal(pipe(fd), 0);                                                                                                                   \
    dup2(fd[1], 2);                                                                                                                                  \
    call;                                                                                                                                            \
    dup2(err, 2);                                                                                                                                    \
    close(err);                                                                                                                                      \
    close(fd[1]);                                                                                                                                    \
    ssize_t got = read(fd[0], caught, sizeof caught - 1);                                                                                            \
    close(fd[0]);                                                                                                                                    \
    caught[got > 0 ? got : 0] = 0;                                                                                                                   \
  } while (0)

static void lines_are_logfmt(void **state) {
  (void)state;
  CATCH(peri_log(PERI_WARN, "net", "the reply was late url=%s wait_ms=%d", "https://a.example/x?y=1", 7));
  assert_int_equal(strncmp(caught, "time=20", 7), 0);
  const char *rest = strchr(caught, ' ');
  assert_non_null(rest);
  assert_string_equal(rest, " level=warn room=net msg=\"the reply was late\" url=https://a.example/x?y=1 wait_ms=7\n");
  CATCH(peri_log(PERI_INFO, "sync", "nothing \"new\" in %s", "contact"));
  assert_non_null(strstr(caught, " msg=\"nothing \\\"new\\\" in contact\"\n"));
  CATCH(peri_log(PERI_INFO, "sync", "n=%d", 3));
  assert_non_null(strstr(caught, " msg=\"\" n=3\n"));
}

static void control_characters_do_nothing(void **state) {
  (void)state;
  CATCH(peri_log(PERI_ERROR, "net", "said %s text=%s", "a\nlevel=info \x1b[2J\x7f\r\t", "x\ny\xff\xc2\x9b z\x01"));
  assert_non_null(strstr(caught, "a\\nlevel=info \\x1b[2J\\x7f\\x0d\\x09\" text=x\\ny\\xff\\xc2\\x9b z\\x01\n"));
  assert_ptr_equal(strchr(caught, '\n'), caught + strlen(caught) - 1);
  CATCH(peri_log(PERI_ERROR, "net", "Привет 山 😀"));
  assert_non_null(strstr(caught, "\"Привет 山 😀\""));
}

static void levels_hold_back(void **state) {
  (void)state;
  peri_level level;
  assert_true(peri_log_level_named("debug", &level) && level == PERI_LOG_DEBUG);
  assert_true(peri_log_level_named("error", &level) && level == PERI_ERROR);
  assert_false(peri_log_level_named("loud", &level));
  peri_log_level(PERI_WARN);
  assert_false(peri_log_on(PERI_INFO));
  assert_true(peri_log_on(PERI_WARN));
  CATCH(peri_log(PERI_INFO, "net", "quiet"));
  assert_string_equal(caught, "");
  peri_log_level(PERI_INFO);
}

static void assert_blotted(const char *text, const char *want) {
  char copy[1024];
  size_t n = strlen(text);
  memcpy(copy, text, n + 1);
  size_t m = peri_redact(copy, n);
  assert_true(m <= n);
  if (m != strlen(want) || memcmp(copy, want, m) != 0) fail_msg("'%s' became '%.*s', not '%s'", text, (int)m, copy, want);
}

static void secrets_are_blotted(void **state) {
  (void)state;
  peri_redact_clear();
  assert_blotted("pat-na1-abc", "pat-na1-abc");
  peri_redact_add(PERI_STR("se/cr et+\"1"));
  peri_redact_add(PERI_STR("abcdef"));
  peri_redact_add(PERI_STR("short"));
  assert_blotted("short abcde abcdef", "short abcde ***");
  assert_blotted("xabcdefabcdefx", "x***x");
  assert_blotted("k=se/cr et+\"1;", "k=***;");
  assert_blotted("k=se%2Fcr%20et%2B%221&", "k=***&");
  assert_blotted("k=se%2fcr+et%2b%221&", "k=***&");
  assert_blotted("{\"k\":\"se\\/cr et+\\\"1\"}", "{\"k\":\"***\"}");
  assert_blotted("{\"k\":\"se\\u002fcr et\\u002B\\u00221\"}", "{\"k\":\"***\"}");
  assert_blotted("%61bcde%66", "***");
  assert_blotted("se/cr et+", "se/cr et+");
  peri_redact_add(PERI_STR("\\\\d%41;\\u")); /* itself full of what look like escapes */
  assert_blotted("-\\\\d%41;\\u-", "-***-");
  assert_blotted("", "");
  peri_redact_clear();
  assert_blotted("abcdef", "abcdef");
}

static void base64(peri_buf *out, const char *text, size_t n, bool url, bool padded) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < n; i += 3) {
    unsigned v = (unsigned)(unsigned char)text[i] << 16;
    if (i + 1 < n) v |= (unsigned)(unsigned char)text[i + 1] << 8;
    if (i + 2 < n) v |= (unsigned char)text[i + 2];
    size_t chars = n - i >= 3 ? 4 : n - i + 1;
    for (size_t k = 0; k < chars; k++) {
      char c = alphabet[v >> (18 - 6 * k) & 63];
      peri_buf_char(out, url && c == '+' ? '-' : url && c == '/' ? '_' : c);
    }
    for (size_t k = chars; padded && k < 4; k++) peri_buf_char(out, '=');
  }
}

/* In base64 the secret hides at three positions: all of its own characters must go. */
static void base64_forms_are_blotted(void **state) {
  (void)state;
  for (size_t length = 6; length < 40; length++)
    for (size_t before = 0; before < 7; before++)
      for (size_t after = 0; after < 4; after++)
        for (int form = 0; form < 4; form++) {
          char secret[40], text[64];
          for (size_t i = 0; i < length; i++) secret[i] = (char)(0xA3 + i * 29 + length);
          memset(text, '~', sizeof text);
          memcpy(text + before, secret, length);
          peri_redact_clear();
          peri_redact_add((peri_str){secret, length});
          peri_buf b = {0};
          base64(&b, text, before + length + after, form & 1, form & 2);
          size_t n = b.n, m = peri_redact(b.p, n);
          /* what may stay: the characters of the bytes around it, of which one each may hold some bits of the secret */
          size_t most = (before * 8 + 5) / 6 + 3 + (after * 8 + 7) / 6 + 2;
          if (m > most || m >= n) fail_msg("length %zu, before %zu, after %zu, form %d: %zu of %zu stayed", length, before, after, form, m, n);
          if (!before && !after) assert_memory_equal(b.p, "***", 3);
          if (!before && !after) assert_int_equal(m, 3);
          peri_buf_fini(&b);
        }
  peri_redact_clear();
}

static void overlapping_secrets_leave_nothing(void **state) {
  (void)state;
  peri_redact_clear();
  peri_redact_add(PERI_STR("abcdefgh"));
  peri_redact_add(PERI_STR("efghijkl"));
  assert_blotted("-abcdefghijkl-", "-***-");
  peri_redact_clear();
}

static void log_lines_hide_secrets(void **state) {
  (void)state;
  peri_redact_add(PERI_STR("pat-na1-0123456789"));
  CATCH(peri_log(PERI_INFO, "net", "sent header=%s", "Bearer pat-na1-0123456789"));
  assert_null(strstr(caught, "0123456789"));
  assert_non_null(strstr(caught, "header=Bearer ***\n"));
  peri_redact_clear();
}

int test_base_log(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_logfmt),       cmocka_unit_test(control_characters_do_nothing), cmocka_unit_test(levels_hold_back),
      cmocka_unit_test(secrets_are_blotted),    cmocka_unit_test(base64_forms_are_blotted),      cmocka_unit_test(overlapping_secrets_leave_nothing),
      cmocka_unit_test(log_lines_hide_secrets),
  };
  return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
