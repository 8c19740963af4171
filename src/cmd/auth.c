/* cmd/auth: an OAuth login: shows the address, opens it where there is a desktop, waits, keeps the tokens. Prints no token and no secret; the address
 * that it prints holds the state and the challenge, which are worth nothing without what stays here. Starts a browser by itself, never by a shell. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/flags.h"
#include "core/login.h"

#define HOSTS_MAX 8
#define FINISH_WAIT_MS (10 * 60 * 1000) /* a consent is not thrown away because a long sync holds the database */

typedef struct auth {
  peri_cli *cli;
  const char *trust[HOSTS_MAX];
  size_t trust_count;
  bool people; /* a terminal on both sides: questions may be asked */
  peri_login *login;
} auth;

/* ---- hosts ---- */

static peri_str bare_host(peri_str url) {
  const char *mark = memmem(url.p, url.n, "://", 3);
  return mark ? peri_str_from(url, (size_t)(mark - url.p) + 3) : url;
}

/* --trust takes "https://login.example" as it is printed, or the host alone, which then means https. */
static bool named(const auth *a, peri_str host) {
  for (size_t i = 0; i < a->trust_count; i++) {
    peri_str given = peri_str_of(a->trust[i]);
    while (given.n && given.p[given.n - 1] == '/') given.n--;
    if (peri_str_eq_nocase(given, host)) return true;
    if (peri_str_eq_nocase(given, bare_host(host)) && peri_str_starts(host, PERI_STR("https://"))) return true;
  }
  return false;
}

static bool confirm(void *self, peri_str host, const char *why) {
  const auth *a = self;
  if (named(a, host)) return true;
  if (!a->people) return false;
  char line[16];
  fprintf(stderr, "%s is %.*s, which was not trusted when the integration was added.\nMay its credentials go there? [y/N] ", why, PERI_S(host));
  fflush(stderr);
  ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);
  return n > 0 && (line[0] == 'y' || line[0] == 'Y');
}

/* ---- the browser ---- */

/* Twice forked, so that nobody has to wait for the browser; without our standard files, so that it does not write between our lines. */
static void open_browser(const char *url) {
  pid_t child = fork();
  if (child < 0) return;
  if (child == 0) {
    setsid();
    pid_t grandchild = fork();
    if (grandchild != 0) _exit(0);
    int fd = -1;
    if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0)
      for (int i = 0; i < 3; i++) dup2(fd, i);
    execlp("xdg-open", "xdg-open", url, (char *)NULL);
    _exit(127);
  }
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
}

static bool has_desktop(const auth *a) {
  const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
  return a->people && ((x && *x) || (wayland && *wayland));
}

static void tell_url(void *self) {
  auth *a = self;
  const char *url = a->login->url.p; /* of an arena: ends in NUL */
  bool opens = has_desktop(a) && !peri_cli_has(a->cli, "no-open");
  fprintf(stderr, "%s this address and agree there (Ctrl-C ends it):\n\n%s\n\n", opens ? "Your browser opens" : "Open", url);
  fflush(stderr);
  if (opens) open_browser(url);
}

static void tell_device(void *self) {
  const auth *a = self;
  const peri_device *d = &a->login->device;
  fprintf(stderr, "On any device, open %.*s\nand enter the code   %.*s\n", PERI_S(d->url), PERI_S(d->user_code));
  if (d->whole_url.n) fprintf(stderr, "or open %.*s\n", PERI_S(d->whole_url));
  fputs("Waiting (Ctrl-C ends it)…\n", stderr);
  fflush(stderr);
}

/* One line, while the loop still hears a Ctrl-C. */
static peri_code read_line(peri_engine *g, int64_t until_ms, char *out, size_t size, size_t *n, peri_err *e) {
  *n = 0;
  while (*n < size - 1) {
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = poll(&p, 1, 100);
    uv_run(&g->loop, UV_RUN_NOWAIT);
    if (g->stop) return peri_fail(e, PERI_INTERRUPTED, "stopped; nothing was changed");
    if (peri_now_ms() > until_ms) return peri_fail(e, PERI_TIMEOUT, "nothing was pasted within ten minutes; the login is void, nothing was changed");
    if (ready <= 0) continue;
    ssize_t got = read(STDIN_FILENO, out + *n, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || out[*n] == '\n') break;
    ++*n;
  }
  return PERI_OK;
}

static peri_code by_hand(auth *a, peri_engine *g, peri_str redirect, peri_err *e) {
  peri_login *l = a->login;
  peri_code code = peri_login_manual(l, redirect, e);
  if (code) return code;
  fprintf(stderr, "Open this address in any browser and agree there:\n\n%s\n\n", l->url.p);
  fprintf(stderr, "The browser then goes to %.*s, which may show an error.\nPaste that page's whole address here, then Enter: ", PERI_S(l->browser.redirect));
  fflush(stderr);
  char *line = peri_arena_bytes(l->arena, 16384);
  size_t n = 0;
  code = read_line(g, l->browser.until_ms, line, 16384, &n, e);
  if (a->people) fputc('\n', stderr);
  if (!code && peri_browser_paste(&l->browser, (peri_str){line, n}, peri_now_ms(), e) != PERI_BROWSER_CODE) code = e->code;
  explicit_bzero(line, 16384);
  return code;
}

/* ---- the command ---- */

static peri_code consent(auth *a, peri_session *s, peri_err *e) {
  peri_cli *c = a->cli;
  const char *grant = peri_cli_has(c, "device") ? "device" : peri_cli_value(c, "grant");
  peri_str redirect = peri_str_of(peri_cli_value(c, "redirect"));
  int64_t port = 0;
  if (!peri_cli_number(c, "port", &port, e)) return e->code;
  if (port > 65535) return peri_fail(e, PERI_USAGE, "--port wants a number up to 65535");
  peri_code code = peri_login_open(s->engine, s->project, peri_str_of(c->args[0]), grant, confirm, a, &a->login, e);
  if (code) return code;
  if (!strcmp(a->login->grant, "device_code")) return peri_login_device(s->engine, a->login, tell_device, a, e);
  if (strcmp(a->login->grant, "code") != 0) return PERI_OK; /* nobody has to agree */
  if (peri_cli_has(c, "manual")) return by_hand(a, s->engine, redirect, e);
  return peri_login_browser(s->engine, a->login, (int)port, redirect, tell_url, a, e);
}

/* The database is only read while a person is waited for. One of an older schema is brought up to date first. */
static peri_code open_to_read(peri_cli *c, peri_session *s, peri_err *e) {
  int need = PERI_NEED_PROJECT | PERI_NEED_READ | PERI_NEED_KEY | PERI_NEED_ENGINE;
  peri_code code = peri_session_open(c, need, s, e);
  if (code == PERI_CONFLICT) {
    code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE, s, e);
    if (code) return code;
    peri_session_close(s);
    code = peri_session_open(c, need, s, e);
  }
  if (!code && !s->store) {
    peri_session_close(s);
    code = peri_fail(e, PERI_NOT_FOUND, "there is no integration '%s' yet; perilune add makes one", c->args[0]);
  }
  return code;
}

static peri_code open_to_write(peri_cli *c, peri_session *s, peri_err *e) {
  int need = PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY | PERI_NEED_ENGINE;
  int64_t given = c->wait_ms;
  c->wait_ms = 0;
  peri_code code = peri_session_open(c, need, s, e);
  if (code == PERI_BUSY) {
    fprintf(stderr, "%s; waiting for it, to keep the login\n", e->text);
    c->wait_ms = given > FINISH_WAIT_MS ? given : FINISH_WAIT_MS;
    code = peri_session_open(c, need, s, e);
  }
  c->wait_ms = given;
  return code;
}

static void print(const peri_cli *c, peri_str json) {
  if (c->json) {
    peri_cli_data(c, json);
    return;
  }
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *d = peri_json_parse(a, json, &fault), *checked = peri_json_get(d, "check");
  peri_str until = peri_json_get_text(d, "expiresAt");
  bool renews = peri_json_get_bool(d, "renews", false);
  printf("%s is logged in%s", c->args[0], checked ? ", and the connection works" : "");
  if (renews) puts("; its token renews itself");
  else if (until.n) printf("; its token ends at %.*s, and there is no refresh token\n", PERI_S(until));
  else puts("; there is no refresh token");
  const peri_json *account = peri_json_get(checked, "account");
  for (const peri_json *m = account ? account->first : NULL; m; m = m->next) printf("  %.*s: %.*s\n", PERI_S(m->key), PERI_S(m->text.n ? m->text : m->raw));
  peri_arena_free(a);
}

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_buf json = {0};
  auth a = {.cli = c, .people = isatty(STDIN_FILENO) && isatty(STDERR_FILENO)};
  a.trust_count = peri_cli_values(c, "trust", a.trust, HOSTS_MAX);
  if (peri_cli_has(c, "manual") && (peri_cli_has(c, "port") || peri_cli_has(c, "device"))) return peri_cli_usage(c, "--manual goes with neither --port nor --device");
  peri_code code = open_to_read(c, &s, &e);
  if (!code) {
    code = consent(&a, &s, &e);
    if (!code) code = peri_login_exchange(s.engine, a.login, &e);
    peri_session_close(&s);
  }
  if (!code) code = open_to_write(c, &s, &e);
  if (!code) {
    code = peri_login_finish(s.engine, s.project, a.login, &json, &e);
    peri_session_close(&s);
  }
  peri_login_close(a.login);
  if (!code) print(c, peri_buf_view(&json));
  peri_buf_fini(&json);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {
    {"device", NULL, false, "log in on another device with a short code (the same as --grant device)"},
    {"manual", NULL, false, "listen to nothing; paste the address that the browser ends on"},
    {"grant", "code|device|client_credentials|jwt", false, "the way to a token; otherwise the first that the connector offers"},
    {"port", "N", false, "listen on this port of 127.0.0.1 instead of any free one"},
    {"redirect", "URI", false, "the redirect URI registered with the provider, if it takes no other"},
    {"no-open", NULL, false, "only print the address, open no browser"},
    {"trust", "HOST", true, "a host of the provider that was not trusted when the integration was added"},
};
const peri_command peri_command_auth = {
    "auth", "NAME [--device|--manual] [--port N] [--redirect URI] [--no-open] [--trust HOST]…", "log in by OAuth; keeps the tokens, sealed",
    "The integration holds the app's clientId and, unless the app is public, its clientSecret. Open the address that is printed, agree, and the\n"
    "browser comes back to 127.0.0.1, where perilune waits for ten minutes. Logging in again replaces the tokens and keeps rows and cursors.\n\n"
    "  perilune add hubspot crm --credential clientId=… --credential clientSecret=@secret.txt\n"
    "  perilune auth crm\n"
    "  perilune auth crm --manual     on a machine without a browser\n"
    "  perilune auth crm --device     where the provider has device codes",
    1, 1, flags, sizeof flags / sizeof *flags, run};
