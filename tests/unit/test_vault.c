/* The vault: envelopes, key files, secrets on the way out, OAuth answers, signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "vault/vault.h"
#include "json/json.h"

#define OK(call)                                                                                                                                     \
  do {                                                                                                                                               \
    if ((call) != PERI_OK) fail_msg("%s", e.text);                                                                                                   \
  } while (0)
#define ROW PERI_STR("0190-row")
#define NAME PERI_STR("accessToken")

typedef struct fixture {
  char dir[64], key[96];
  peri_arena *a;
} fixture;

static int setup(void **state) {
  fixture *f = calloc(1, sizeof *f);
  strcpy(f->dir, "/tmp/peri-vault-XXXXXX");
  if (!mkdtemp(f->dir)) return -1;
  snprintf(f->key, sizeof f->key, "%s/perilune.key", f->dir);
  f->a = peri_arena_new();
  *state = f;
  return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static int teardown(void **state) {
  fixture *f = *state;
  nftw(f->dir, drop, 8, FTW_DEPTH | FTW_PHYS);
  peri_arena_free(f->a);
  free(f);
  peri_redact_clear();
  return 0;
}

static peri_vault *vault(const char *path) {
  peri_err e = {0};
  peri_vault *v;
  OK(peri_vault_open(path, &v, &e));
  return v;
}

static peri_json *seal(fixture *f, peri_vault *v, const char *secret) {
  peri_err e = {0};
  peri_buf json = {0};
  OK(peri_seal(v, "integrations", ROW, NAME, peri_str_of(secret), &json, &e));
  peri_json_fault fault;
  peri_json *j = peri_json_parse(f->a, peri_buf_view(&json), &fault);
  assert_non_null(j);
  assert_null(*secret ? memmem(json.p, json.n, secret, strlen(secret)) : NULL);
  peri_buf_fini(&json);
  return j;
}

static peri_code unseal(peri_vault *v, const char *table, peri_str row, peri_str name, const peri_json *j, const char *expected, peri_err *e) {
  peri_buf out = {0};
  peri_code code = peri_unseal(v, table, row, name, j, &out, e);
  if (code == PERI_OK)
    assert_true(peri_str_is(peri_buf_view(&out), expected));
  else
    assert_int_equal(out.n, 0);
  peri_wipe(&out);
  return code;
}

static void seals_and_opens(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  OK(peri_key_create(f->key, &e));
  struct stat st;
  assert_int_equal(stat(f->key, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(peri_key_create(f->key, &e), PERI_EXISTS);
  peri_vault *v = vault(f->key);
  peri_json *j = seal(f, v, "pat-na1-secret-value"), *again = seal(f, v, "pat-na1-secret-value"), *empty = seal(f, v, "");
  assert_false(peri_str_eq(peri_json_get_text(j, "ct"), peri_json_get_text(again, "ct")));
  OK(unseal(v, "integrations", ROW, NAME, j, "pat-na1-secret-value", &e));
  OK(unseal(v, "integrations", ROW, NAME, empty, "", &e));
  peri_vault_free(v);
}

static void moved_blobs_do_not_open(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  OK(peri_key_create(f->key, &e));
  peri_vault *v = vault(f->key);
  peri_json *j = seal(f, v, "pat-na1-secret-value");
  assert_int_equal(unseal(v, "integrations", PERI_STR("other-row"), NAME, j, "", &e), PERI_INVALID);
  assert_int_equal(unseal(v, "integrations", ROW, PERI_STR("refreshToken"), j, "", &e), PERI_INVALID);
  assert_int_equal(unseal(v, "meta", ROW, NAME, j, "", &e), PERI_INVALID);
  assert_null(strstr(e.text, "pat-na1"));
  peri_vault_free(v);
}

/* Each byte of each field changed in turn, and each field cut. */
static void tampered_blobs_do_not_open(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  OK(peri_key_create(f->key, &e));
  peri_vault *v = vault(f->key);
  peri_json *j = seal(f, v, "pat-na1-secret-value");
  char kid[64];
  snprintf(kid, sizeof kid, "%s", peri_vault_kid(v));
  static const char *const fields[] = {"edk", "n", "ct"};
  int tried = 0;
  for (int i = 0; i < 3; i++) {
    peri_json *field = peri_json_get(j, fields[i]);
    peri_str sound = field->text;
    peri_buf bytes = {0};
    assert_true(peri_unbase64(&bytes, sound));
    for (size_t k = 0; k < bytes.n; k++) {
      peri_buf text = {0};
      bytes.p[k] ^= 1;
      peri_base64(&text, peri_buf_view(&bytes));
      bytes.p[k] ^= 1;
      field->text = peri_buf_view(&text);
      assert_int_equal(unseal(v, "integrations", ROW, NAME, j, "", &e), PERI_INVALID);
      peri_buf_fini(&text);
      tried++;
    }
    for (size_t k = 0; k < sound.n; k++) {
      field->text = (peri_str){sound.p, k};
      assert_int_equal(unseal(v, "integrations", ROW, NAME, j, "", &e), PERI_INVALID);
    }
    field->text = sound;
    peri_buf_fini(&bytes);
  }
  assert_true(tried > 90);
  OK(unseal(v, "integrations", ROW, NAME, j, "pat-na1-secret-value", &e));
  peri_json_get(j, "kid")->text = PERI_STR("k20200101-0000");
  assert_int_equal(unseal(v, "integrations", ROW, NAME, j, "", &e), PERI_WRONG_KEY);
  assert_non_null(strstr(e.text, kid));
  peri_vault_free(v);
}

static void another_key_is_a_wrong_key(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  char other[128];
  snprintf(other, sizeof other, "%s/other.key", f->dir);
  OK(peri_key_create(f->key, &e));
  OK(peri_key_create(other, &e));
  peri_vault *v = vault(f->key), *w = vault(other);
  peri_json *j = seal(f, v, "pat-na1-secret-value");
  assert_int_equal(unseal(w, "integrations", ROW, NAME, j, "", &e), PERI_WRONG_KEY);
  peri_vault_free(v);
  peri_vault_free(w);
}

static void rotation(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  OK(peri_key_create(f->key, &e));
  peri_vault *v = vault(f->key);
  char old_kid[64];
  snprintf(old_kid, sizeof old_kid, "%s", peri_vault_kid(v));
  peri_json *j = seal(f, v, "pat-na1-secret-value");
  peri_vault_free(v);
  OK(peri_key_add(f->key, &e));
  v = vault(f->key);
  assert_string_not_equal(old_kid, peri_vault_kid(v));
  OK(unseal(v, "integrations", ROW, NAME, j, "pat-na1-secret-value", &e)); /* both keys open it */
  peri_buf json = {0};
  bool changed;
  OK(peri_rewrap(v, "integrations", ROW, NAME, j, &json, &changed, &e));
  assert_true(changed);
  peri_json_fault fault;
  peri_json *k = peri_json_parse(f->a, peri_buf_view(&json), &fault);
  assert_true(peri_str_eq(peri_json_get_text(j, "ct"), peri_json_get_text(k, "ct")));
  peri_buf_clear(&json);
  OK(peri_rewrap(v, "integrations", ROW, NAME, k, &json, &changed, &e));
  assert_false(changed);
  assert_true(peri_str_eq(peri_buf_view(&json), k->raw));
  peri_buf_fini(&json);
  peri_vault_free(v);
  OK(peri_key_drop_old(f->key, &e));
  v = vault(f->key);
  OK(unseal(v, "integrations", ROW, NAME, k, "pat-na1-secret-value", &e));
  assert_int_equal(unseal(v, "integrations", ROW, NAME, j, "", &e), PERI_WRONG_KEY);
  peri_vault_free(v);
}

static void write_file(const char *path, const char *text, mode_t mode) {
  unlink(path);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  fchmod(fd, mode);
  close(fd);
}

static void key_files_are_checked(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_vault *v;
  assert_int_equal(peri_vault_open(f->key, &v, &e), PERI_NO_KEY);
  OK(peri_key_create(f->key, &e));
  chmod(f->key, 0640);
  assert_int_equal(peri_vault_open(f->key, &v, &e), PERI_NO_KEY);
  assert_non_null(strstr(e.text, "chmod 600"));
  static const char *const broken[] = {"", "\n\n", "k1\n", "k1 !!!!\n", "k1 AAAA\n", "k1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    write_file(f->key, broken[i], 0600);
    assert_int_equal(peri_vault_open(f->key, &v, &e), PERI_NO_KEY);
    assert_null(v);
  }
  char link_path[128];
  snprintf(link_path, sizeof link_path, "%s/link.key", f->dir);
  unlink(f->key);
  OK(peri_key_create(f->key, &e));
  assert_int_equal(symlink(f->key, link_path), 0);
  assert_int_not_equal(peri_vault_open(link_path, &v, &e), PERI_OK);
  write_file(f->key, "# a comment\nk1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0400);
  v = vault(f->key);
  assert_string_equal(peri_vault_kid(v), "k1");
  peri_vault_free(v);
}

/* A child that changes the key file over and over is killed: what is left always opens. */
static void a_kill_leaves_a_whole_key_file(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  OK(peri_key_create(f->key, &e));
  for (int i = 0; i < 10; i++) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
      for (int n = 0;; n++) {
        if (peri_key_add(f->key, &e) != PERI_OK || peri_key_drop_old(f->key, &e) != PERI_OK) _exit(1);
        if (n == i && write(ready[1], "x", 1) != 1) _exit(1);
      }
    }
    char c;
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    peri_vault_free(vault(f->key));
  }
}

static void attaches(void **state) {
  (void)state;
  peri_secrets *s = peri_secrets_new();
  peri_secrets_put(s, PERI_STR("accessToken"), PERI_STR("old"));
  peri_secrets_put(s, PERI_STR("accessToken"), PERI_STR("tok-123456"));
  peri_secrets_put(s, PERI_STR("user"), PERI_STR("Aladdin"));
  peri_secrets_put(s, PERI_STR("password"), PERI_STR("open sesame"));
  peri_secrets_put(s, PERI_STR("evil"), PERI_STR("a\r\nHost: b"));
  assert_true(peri_secrets_has(s, PERI_STR("user")));
  assert_false(peri_secrets_has(s, PERI_STR("nobody")));
  peri_buf b = {0};
  assert_true(peri_attach_prefix(s, PERI_STR("accessToken"), PERI_STR("Bearer "), &b));
  assert_true(peri_str_is(peri_buf_view(&b), "Bearer tok-123456"));
  peri_wipe(&b);
  assert_false(peri_attach_prefix(s, PERI_STR("evil"), PERI_STR("Bearer "), &b));
  assert_false(peri_attach_prefix(s, PERI_STR("nobody"), PERI_STR("Bearer "), &b));
  assert_int_equal(b.n, 0);
  assert_true(peri_attach_basic(s, PERI_STR(""), PERI_STR("user"), PERI_STR("password"), &b));
  assert_true(peri_str_is(peri_buf_view(&b), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
  peri_wipe(&b);
  assert_true(peri_attach_basic(s, PERI_STR("Aladdin"), PERI_STR(""), PERI_STR("password"), &b));
  assert_true(peri_str_is(peri_buf_view(&b), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
  peri_wipe(&b);
  assert_false(peri_attach_basic(s, PERI_STR("a:b"), PERI_STR(""), PERI_STR("password"), &b));
  assert_true(peri_attach_raw(s, PERI_STR("password"), &b));
  assert_true(peri_str_is(peri_buf_view(&b), "open sesame"));
  peri_wipe(&b);
  char line[] = "token tok-123456 seen";
  size_t n = peri_redact(line, strlen(line));
  assert_null(memmem(line, n, "tok-123456", 10));
  peri_secrets_free(s);
}

static void token_forms(void **state) {
  (void)state;
  peri_err e = {0};
  peri_buf b = {0}, basic = {0};
  peri_secrets *s = peri_secrets_new();
  peri_secrets_put(s, PERI_STR("clientId"), PERI_STR("id/1"));
  peri_token_request q = {.grant = PERI_STR("refresh_token")};
  assert_int_equal(peri_token_form(s, &q, &b, &basic, &e), PERI_NEEDS_REAUTH);
  peri_buf_clear(&b);
  peri_secrets_put(s, PERI_STR("refreshToken"), PERI_STR("a b&c=+é"));
  peri_secrets_put(s, PERI_STR("clientSecret"), PERI_STR("s"));
  OK(peri_token_form(s, &q, &b, &basic, &e));
  assert_int_equal(basic.n, 0);
  assert_true(peri_str_is(peri_buf_view(&b), "grant_type=refresh_token&client_id=id%2F1&client_secret=s&refresh_token=a+b%26c%3D%2B%C3%A9"));
  peri_wipe(&b);
  q.client_auth = PERI_STR("none");
  OK(peri_token_form(s, &q, &b, &basic, &e));
  assert_true(peri_str_is(peri_buf_view(&b), "grant_type=refresh_token&client_id=id%2F1&refresh_token=a+b%26c%3D%2B%C3%A9"));
  peri_wipe(&b);
  peri_str names[1] = {PERI_STR("resource")}, values[1] = {PERI_STR("a&b")};
  q = (peri_token_request){.grant = PERI_STR("client_credentials"), .client_auth = PERI_STR("basic"), .scope = PERI_STR("x y"), .names = names, .values = values, .extra_count = 1};
  OK(peri_token_form(s, &q, &b, &basic, &e));
  assert_true(peri_str_is(peri_buf_view(&b), "grant_type=client_credentials&scope=x+y&resource=a%26b"));
  assert_true(peri_str_is(peri_buf_view(&basic), "Basic aWQlMkYxOnM=")); /* id%2F1:s */
  peri_wipe(&b);
  peri_wipe(&basic);
  q = (peri_token_request){.grant = PERI_STR("code"), .client = PERI_STR("nobody"), .code = PERI_STR("c")};
  assert_int_equal(peri_token_form(s, &q, &b, &basic, &e), PERI_CREDENTIALS_REFUSED);
  q.grant = PERI_STR("wish");
  assert_int_equal(peri_token_form(s, &q, &b, &basic, &e), PERI_INVALID);
  peri_wipe(&b);
  peri_secrets_free(s);
}

static peri_code reads(fixture *f, int status, const char *body, peri_oauth_tokens *t, peri_err *e) {
  return peri_oauth_read(f->a, status, peri_str_of(body), (peri_str){NULL, 0}, t, e);
}

static void token_answers(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_oauth_tokens t;
  OK(reads(f, 200, "{\"access_token\":\"acc-1\",\"refresh_token\":\"ref-1\",\"expires_in\":1800}", &t, &e));
  assert_true(peri_str_is(t.access_token, "acc-1") && peri_str_is(t.refresh_token, "ref-1") && t.expires_in_s == 1800);
  OK(reads(f, 200, "{\"access_token\":\"acc-1\",\"expires_in\":\"3600\"}", &t, &e));
  assert_true(!t.refresh_token.n && t.expires_in_s == 3600);
  OK(reads(f, 200, "{\"access_token\":\"acc-1\"}", &t, &e));
  assert_int_equal(t.expires_in_s, -1);
  assert_int_equal(reads(f, 200, "{}", &t, &e), PERI_BAD_REPLY);
  assert_int_equal(reads(f, 200, "<html>", &t, &e), PERI_BAD_REPLY);
  assert_int_equal(
      reads(f, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"gone\",\"status\":\"BAD_REFRESH_TOKEN\",\"message\":\"m\"}", &t, &e),
      PERI_NEEDS_REAUTH);
  assert_non_null(strstr(e.text, "gone"));
  assert_int_equal(reads(f, 400, "{\"status\":\"BAD_REFRESH_TOKEN\",\"message\":\"missing or unknown refresh token\"}", &t, &e), PERI_NEEDS_REAUTH);
  assert_int_equal(reads(f, 403, "{\"error\":\"access_denied\",\"status\":\"BAD_HUB\"}", &t, &e), PERI_NEEDS_REAUTH);
  assert_int_equal(reads(f, 200, "{\"error\":\"bad_refresh_token\"}", &t, &e), PERI_NEEDS_REAUTH);
  assert_int_equal(reads(f, 400, "{\"error\":\"invalid_client\",\"status\":\"BAD_CLIENT_SECRET\",\"message\":\"m\"}", &t, &e),
                   PERI_CREDENTIALS_REFUSED);
  assert_int_equal(reads(f, 500, "{\"error\":\"invalid_grant\"}", &t, &e), PERI_API_ERROR); /* a server in trouble says nothing about the grant */
  assert_int_equal(reads(f, 503, "<html>\xff\xfe", &t, &e), PERI_API_ERROR);
  assert_int_equal(reads(f, 429, "{}", &t, &e), PERI_RATE_LIMITED);
  assert_int_equal(reads(f, 403, "<html>blocked", &t, &e), PERI_API_ERROR); /* a wall in between knows nothing of the credential */
  assert_int_equal(reads(f, 400, "invalid_grant", &t, &e), PERI_API_ERROR);
  OK(peri_oauth_read(f->a, 200, PERI_STR("{\"access_token\":\"a\",\"life\":{\"s\":60},\"expires_in\":-5}"), PERI_STR("life.s"), &t, &e));
  assert_int_equal(t.expires_in_s, 60);
  OK(reads(f, 200, "{\"access_token\":\"a\",\"expires_in\":-5}", &t, &e));
  assert_int_equal(t.expires_in_s, -1);
}

#define SECRET "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
#define URI "https://www.example.com/webhook_uri"

static void hubspot_hashes(void **state) {
  (void)state;
  char hex[65];
  peri_sha256_hex(PERI_STR(SECRET "[{\"eventId\":1,\"subscriptionId\":12345,\"portalId\":62515,\"occurredAt\":1564113600000,\"subscriptionType\":"
                                  "\"contact.creation\",\"attemptNumber\":0,"
                                  "\"objectId\":123,\"changeSource\":\"CRM\",\"changeFlag\":\"NEW\",\"appId\":54321}]"),
                  hex);
  assert_string_equal(hex, "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de");
  peri_sha256_hex(PERI_STR(SECRET "{\"example_field\":\"example_value\"}"), hex);
  assert_string_equal(hex, "54b2530692e3a3982727206aeee670ed1d85319cad55d4ddbafcf41725ebf2b3");
  peri_sha256_hex(PERI_STR(SECRET "POST" URI "{\"example_field\":\"example_value\"}"), hex);
  assert_string_equal(hex, "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900");
  peri_sha256_hex(PERI_STR(SECRET "GET" URI), hex);
  assert_string_equal(hex, "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e");
}

static void hubspot_hmacs(void **state) {
  (void)state;
  static const struct {
    const char *text, *signature;
  } cases[] = {{"POST" URI "{\"example_field\":\"example_value\"}1693657560000", "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go="},
               {"POST" URI "{'example_field':'example_value'}1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="},
               {"POST" URI "{\"example_field\":\"example_value\"}1700000300000", "ZEux4lGY4urKtKJ9fqGCQDJ0FasZeSunWHlJMEoU3Bg="},
               {"POST" URI "?q=a:b%20c&x=/y{\"example_field\":\"example_value\"}1700000300000", "8oIBkkXAZjJ5hcQv86C0JMm7IBISldBVNRZW3ijsZfg="}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned char mac[32];
    peri_buf b = {0};
    peri_hmac_sha256(PERI_STR(SECRET), peri_str_of(cases[i].text), mac);
    peri_base64(&b, (peri_str){(char *)mac, 32});
    assert_true(peri_equal_secret(peri_buf_view(&b), peri_str_of(cases[i].signature)));
    b.p[0] ^= 1;
    assert_false(peri_equal_secret(peri_buf_view(&b), peri_str_of(cases[i].signature)));
    peri_buf_fini(&b);
  }
  assert_false(peri_equal_secret(PERI_STR("a"), PERI_STR("ab")));
}

static void base64(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (size_t i = 0; i < 7; i++) {
    peri_buf b = {0}, back = {0};
    peri_base64(&b, peri_str_of(pairs[i][0]));
    assert_true(peri_str_is(peri_buf_view(&b), pairs[i][1]));
    assert_true(peri_unbase64(&back, peri_buf_view(&b)));
    assert_true(peri_str_is(peri_buf_view(&back), pairs[i][0]));
    peri_buf_fini(&b);
    peri_buf_fini(&back);
  }
  peri_buf b = {0};
  assert_true(peri_unbase64(&b, PERI_STR("-_8")));
  assert_true(peri_str_is(peri_buf_view(&b), "\xfb\xff"));
  static const char *const wrong[] = {"Z", "Zg=", "Zm9v=", "Zm 9v", "Zh==", "Zm9=", "Z===", "===="};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (peri_unbase64(&b, peri_str_of(wrong[i]))) fail_msg("%s was taken", wrong[i]);
  assert_int_equal(b.n, 2);
  peri_buf_fini(&b);
}

int peri_test_grants(void); /* test_vault_grant.c */
int peri_test_vault_verify(void);

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(seals_and_opens, setup, teardown),
      cmocka_unit_test_setup_teardown(moved_blobs_do_not_open, setup, teardown),
      cmocka_unit_test_setup_teardown(tampered_blobs_do_not_open, setup, teardown),
      cmocka_unit_test_setup_teardown(another_key_is_a_wrong_key, setup, teardown),
      cmocka_unit_test_setup_teardown(rotation, setup, teardown),
      cmocka_unit_test_setup_teardown(key_files_are_checked, setup, teardown),
      cmocka_unit_test_setup_teardown(a_kill_leaves_a_whole_key_file, setup, teardown),
      cmocka_unit_test_setup_teardown(attaches, setup, teardown),
      cmocka_unit_test_setup_teardown(token_forms, setup, teardown),
      cmocka_unit_test_setup_teardown(token_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(hubspot_hashes, setup, teardown),
      cmocka_unit_test_setup_teardown(hubspot_hmacs, setup, teardown),
      cmocka_unit_test_setup_teardown(base64, setup, teardown),
  };
  int failed = cmocka_run_group_tests_name("vault", tests, NULL, NULL);
  return failed + peri_test_grants() + peri_test_vault_verify();
}
