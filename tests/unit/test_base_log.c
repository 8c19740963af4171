/* base/log: what reaches stderr, and that no secret does. */
#include "test_base.h"

#include <unistd.h>

#include "base/buf.h"
#include <stdio.h>

#include "base/err.h"
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
  assert_blotted("se/cr et+.", "se/cr et+.");
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

/* Spellings by which servers hand back what they were sent. */
static void escaped_forms_are_blotted(void **state) {
  (void)state;
  peri_redact_clear();
  peri_redact_add(PERI_STR("p\xc3\xa4ss<w>&\"o'rd\xf0\x9f\x98\x80"));
  assert_blotted("{\"e\":\"p\\u00e4ss<w>&\\\"o'rd\\ud83d\\ude00\"}", "{\"e\":\"***\"}");
  assert_blotted("{\"e\":\"p\\u00E4ss\\u003cw\\u003E\\u0026\\\"o\\u0027rd\\uD83D\\uDE00\"}", "{\"e\":\"***\"}");
  assert_blotted("<b>p\xc3\xa4ss&lt;w&gt;&amp;&quot;o&#39;rd\xf0\x9f\x98\x80</b>", "<b>***</b>");
  assert_blotted("<b>p\xc3\xa4ss&#x3C;w&#62;&amp;&#34;o&apos;rd\xf0\x9f\x98\x80</b>", "<b>***</b>");
  assert_blotted("?k=p%C3%A4ss%3Cw%3E%26%22o%27rd%F0%9F%98%80", "?k=***");
  assert_blotted("?k=p%25C3%25a4ss%253Cw%253E%2526%2522o%2527rd%25f0%259f%2598%2580", "?k=***");
  assert_blotted("p\\u00e4s.", "p\\u00e4s.");

  peri_redact_clear();
}

/* Whoever cuts a text cuts a secret too: no prefix of it that could be told from ordinary text may stay, in any spelling. */
static void cut_secrets_are_blotted(void **state) {
  (void)state;
  static const char secret[] = "pat-na1-7f/3a 91c+2e5d84b06";
  static const char *const forms[] = {
      "pat-na1-7f/3a 91c+2e5d84b06", "pat-na1-7f%2F3a+91c%2B2e5d84b06", "pat-na1-7f\\/3a 91c+2e5d84b06", "cGF0LW5hMS03Zi8zYSA5MWMrMmU1ZDg0YjA2",
      "%70%61%74%2d%6e%61%31%2d%37%66%2f%33%61%20%39%31%63%2b%32%65%35%64%38%34%62%30%36"};
  peri_redact_clear();
  peri_redact_add((peri_str){secret, sizeof secret - 1});
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
    size_t n = strlen(forms[f]);
    for (size_t cut = 1; cut <= n; cut++) {
      char text[128];
      size_t len = (size_t)snprintf(text, sizeof text, "token=%.*s", (int)cut, forms[f]);
      size_t stayed = peri_redact(text, len) - 6;
      size_t unit = forms[f][0] == '%' ? 3 : 1;
      if (stayed > 3 * unit + unit - 1) fail_msg("form %zu cut at %zu: '%.*s' stays", f, cut, (int)stayed + 6, text);
      if (cut == n) assert_int_equal(stayed, 3);
    }
  }
  peri_redact_clear();
}

/* A token that is replaced every hour must not make the list grow for ever; the one that was named last is always known. */
static void old_secrets_are_forgotten(void **state) {
  (void)state;
  peri_redact_clear();
  char text[64];
  peri_redact_add(PERI_STR("a client secret that stays"));
  for (int i = 0; i < 6000; i++) {
    snprintf(text, sizeof text, "token-%08d-of-many", i * 7919);
    peri_redact_add(peri_str_of(text));
    if (i % 1000 == 0) peri_redact_add(PERI_STR("a client secret that stays"));
  }
  assert_blotted("x a client secret that stays x", "x *** x");
  assert_blotted("token-00000000-of-many.", "token-00000000-of-many.");
  assert_int_equal(peri_redact(text, strlen(text)), 3);
  peri_redact_clear();
}

static void errors_hide_secrets(void **state) {
  (void)state;
  peri_err e;
  peri_redact_add(PERI_STR("pat-na1-0123456789"));
  peri_fail(&e, PERI_API_ERROR, "GET /x?token=%s answered 500: %s", "pat-na1-0123456789", "cGF0LW5hMS0wMTIzNDU2Nzg5");
  assert_string_equal(e.text, "GET /x?token=*** answered 500: ***");
  peri_err_prefix(&e, "with %s", "pat%2Dna1%2D0123456789");
  assert_string_equal(e.text, "with ***: GET /x?token=*** answered 500: ***");
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
      cmocka_unit_test(log_lines_hide_secrets), cmocka_unit_test(escaped_forms_are_blotted),     cmocka_unit_test(cut_secrets_are_blotted),
      cmocka_unit_test(old_secrets_are_forgotten), cmocka_unit_test(errors_hide_secrets),
  };
  return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
