/* net: URLs taken apart, addresses judged; main of the room's tests. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "net/http.h"
#include "test_net.h"

static void assert_str(peri_str got, const char *want) {
  assert_int_equal(got.n, strlen(want));
  assert_memory_equal(got.p, want, got.n);
}

static void urls_are_taken_apart(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_url u;
  peri_err e;
  assert_true(peri_url_read(a, PERI_STR("HTTPS://API.Example.com/crm/v3?a=b&c=%20d"), &u, &e));
  assert_str(u.scheme, "https");
  assert_str(u.host, "api.example.com");
  assert_int_equal(u.port, 443);
  assert_str(u.path, "/crm/v3");
  assert_str(u.query, "a=b&c=%20d");
  assert_true(peri_url_read(a, PERI_STR("http://127.0.0.1:8080"), &u, &e));
  assert_int_equal(u.port, 8080);
  assert_str(u.path, "/");
  assert_str(u.query, "");
  assert_true(peri_url_read(a, PERI_STR("https://[2001:DB8::1]:99/x?y?z"), &u, &e));
  assert_str(u.host, "[2001:db8::1]");
  assert_int_equal(u.port, 99);
  assert_str(u.query, "y?z");
  assert_true(peri_url_read(a, PERI_STR("https://h?q=1"), &u, &e));
  assert_str(u.path, "/");
  assert_str(u.query, "q=1");
  assert_true(peri_url_read(a, PERI_STR("https://h/caf\xc3\xa9?n=\xc3\xbc"), &u, &e));
  assert_str(u.path, "/caf%C3%A9");
  assert_str(u.query, "n=%C3%BC");
  peri_arena_free(a);
}

static void odd_urls_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {
    "",         "https://",          "https:///x",         "ftp://h/",          "file:///etc/passwd", "https:/h",        "//h/x",        "https://u@h/",
    "https://u:p@h/", "https://h/#f", "https://h:0/",      "https://h:65536/",  "https://h:/",        "https://h:1a/",   "https://h:99999999999/",
    "https://h /",    "https://h\t/", "https://h/\r\nX: y", "https://h\\@evil/", "https://h/a b",      "https://[::1",    "https://[nope]/",
    "https://h%2e/",  "https://.h/",  "https://h:443:1/",  "https://a,b/",      "https://-h/",        "https://h:80@evil/", "gopher://h/", "https://h\x7f/"};
  peri_arena *a = peri_arena_new();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    peri_url u;
    peri_err e = {0};
    if (peri_url_read(a, peri_str_of(bad[i]), &u, &e)) fail_msg("accepted: %s", bad[i]);
    assert_int_equal(e.code, PERI_INVALID);
    assert_true(e.text[0] != 0);
  }
  peri_url u;
  peri_err e;
  assert_false(peri_url_read(a, (peri_str){"https://h/\0x", 12}, &u, &e));
  peri_arena_free(a);
}

static void text_is_encoded(void **state) {
  (void)state;
  peri_buf b = {0};
  peri_url_segment(&b, PERI_STR("a/b c~\xc3\xa9%?#.."));
  assert_string_equal(peri_buf_c(&b), "a%2Fb%20c~%C3%A9%25%3F%23..");
  peri_buf_clear(&b);
  peri_url_query(&b, PERI_STR("a=b&c+d"));
  assert_string_equal(peri_buf_c(&b), "a%3Db%26c%2Bd");
  peri_buf_fini(&b);
}

static bool special(const char *text) {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return peri_address_is_special((struct sockaddr *)&v4);
  assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
  return peri_address_is_special((struct sockaddr *)&v6);
}

static void addresses_are_judged(void **state) {
  (void)state;
  static const char *const yes[] = {
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
    "::ffff:169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1",
    "ff02::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "3fff::1",
    "2606:4700:1:2:0:5efe:7f00:1", "2606:4700:1:2:200:5efe:a00:1", "4000::1", "::ffff:0:127.0.0.1"};
  static const char *const no[] = {
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0",
    "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "104.16.1.1",
    "2606:4700::6810:101", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2606:4700:1:2:0:5efe:808:808", "2001:200::1"};
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
    if (!special(yes[i])) fail_msg("%s should be special", yes[i]);
  for (size_t i = 0; i < sizeof no / sizeof *no; i++)
    if (special(no[i])) fail_msg("%s should not be special", no[i]);
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  assert_true(peri_address_is_special((struct sockaddr *)&un));
}

/* Every spelling that the system's resolver takes for loopback ends in the same judgement, because the address is judged, not the text. */
static void spellings_lead_to_the_address(void **state) {
  (void)state;
  static const char *const spellings[] = {"2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0x7f000001", "127.0.1", "::ffff:127.0.0.1"};
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list = NULL;
    if (getaddrinfo(spellings[i], "80", &hints, &list)) continue;
    for (struct addrinfo *each = list; each; each = each->ai_next) assert_true(peri_address_is_special(each->ai_addr));
    freeaddrinfo(list);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(urls_are_taken_apart), cmocka_unit_test(odd_urls_are_refused),          cmocka_unit_test(text_is_encoded),
    cmocka_unit_test(addresses_are_judged), cmocka_unit_test(spellings_lead_to_the_address),
  };
  int failed = cmocka_run_group_tests_name("net: url, address", tests, NULL, NULL);
  return failed + peri_test_net_client() + peri_test_net_hostile() + peri_test_net_web();
}
