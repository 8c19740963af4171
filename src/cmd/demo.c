/* cmd/demo: the whole journey against the HubSpot emulator, offline: every step is a command that a user could type, printed before it runs.
 * Works only in a folder that is new or that an earlier demo made. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/flags.h"
#include "net/http.h"

#define MARKER ".perilune-demo"
extern char **environ;

typedef struct demo {
  peri_cli *c;
  const char *dir;
  char url[128];
  pid_t emulator;
  int failed;
} demo;

static void title(const char *text) {
  bool color = peri_cli_terminal(STDOUT_FILENO) && !getenv("NO_COLOR");
  printf(color ? "\n\033[1m%s\033[0m\n" : "\n== %s\n", text);
  fflush(stdout);
}

/* ---- running ourselves ---- */

static pid_t start(const char *const *args, int out_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (out_fd >= 0) posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
  pid_t pid = -1;
  int problem = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, (char *const *)(uintptr_t)args, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (problem) {
    fprintf(stderr, "perilune: the demo can't start %s: %s\n", args[1], strerror(problem));
    return -1;
  }
  return pid;
}

/* Runs `perilune ARGS…` as a user would; the line is shown first. */
static void run_args(demo *d, const char *const *args) {
  if (d->failed) return;
  printf("$ perilune");
  for (size_t i = 1; args[i]; i++) printf(strpbrk(args[i], " *\"'(|") ? " \"%s\"" : " %s", args[i]);
  putchar('\n');
  fflush(stdout);
  pid_t pid = start(args, -1);
  int status = 1;
  if (pid > 0)
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) d->failed = 1;
}

#define RUN(d, ...) run_args(d, (const char *const[]){"perilune", __VA_ARGS__, NULL})

/* ---- the emulator ---- */

static bool start_emulator(demo *d) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  const char *args[] = {"perilune", "emulate", "hubspot", "--records", "10000", NULL};
  printf("$ perilune emulate hubspot --records 10000 &\n");
  fflush(stdout);
  d->emulator = start(args, ends[1]);
  close(ends[1]);
  FILE *in = fdopen(ends[0], "r");
  bool ready = d->emulator > 0 && in && fgets(d->url, sizeof d->url, in);
  if (in) fclose(in);
  if (!ready) {
    fprintf(stderr, "perilune: the emulator did not start\n");
    return false;
  }
  d->url[strcspn(d->url, "\r\n")] = 0;
  printf("HubSpot's emulator answers at %s with 10,000 contacts, 1,000 companies and 2,000 deals\n", d->url);
  return true;
}

static void stop_emulator(demo *d) {
  if (d->emulator <= 0) return;
  kill(d->emulator, SIGTERM);
  while (waitpid(d->emulator, NULL, 0) < 0 && errno == EINTR) {}
}

static void on_changed(void *self, peri_http_reply *reply) { *(int *)self = reply->code ? -1 : reply->status; }

/* What happens in the CRM meanwhile: records change behind our back. */
static bool change_records(demo *d) {
  uv_loop_t loop;
  peri_err e = {0};
  int status = 0;
  uv_loop_init(&loop);
  peri_http *http = peri_http_new(&loop, &e);
  char url[200];
  snprintf(url, sizeof url, "%s/_emulator/change", d->url);
  printf("$ curl -X POST %s -d '{\"entity\":\"contact\",\"count\":200}'\n", url);
  peri_header type = {PERI_STR("Content-Type"), PERI_STR("application/json")};
  peri_http_request q = {.method = "POST", .url = peri_str_of(url), .headers = &type, .header_count = 1, .body = PERI_STR("{\"entity\":\"contact\",\"count\":200}"), .special_addresses = true, .plain_http = true};
  if (http) {
    peri_http_send(http, &q, on_changed, &status);
    uv_run(&loop, UV_RUN_DEFAULT);
    peri_http_free(http);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  if (status != 200) fprintf(stderr, "perilune: the emulator refused to change records (%d)\n", status);
  return status == 200;
}

/* ---- one line of a mapping ---- */

static bool edit_mapping(const demo *d) {
  char path[4096];
  snprintf(path, sizeof path, "%s/mappings/hubspot/contact.lua", d->dir);
  FILE *in = fopen(path, "r");
  if (!in) return false;
  peri_buf out = {0};
  char line[2048];
  bool done = false;
  while (fgets(line, sizeof line, in)) {
    char *at = done ? NULL : strstr(line, "lastName");
    char *what = at ? strstr(at, "\"properties.lastname\"") : NULL;
    if (what) {
      size_t indent = strspn(line, " ");
      printf("- %s", line + indent);
      printf("+ lastName  = text     \"properties.lastname\"  { max = 80, case = \"upper\" },\n");
      peri_buf_put(&out, line, indent);
      peri_buf_c_str(&out, "lastName  = text     \"properties.lastname\"  { max = 80, case = \"upper\" },\n");
      done = true;
    } else
      peri_buf_c_str(&out, line);
  }
  fclose(in);
  FILE *to = done ? fopen(path, "w") : NULL;
  if (to) {
    fwrite(out.p, 1, out.n, to);
    done = fclose(to) == 0;
  }
  peri_buf_fini(&out);
  return done && to;
}

/* ---- the folder ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static bool make_folder(const demo *d) {
  char marker[4096];
  struct stat st;
  snprintf(marker, sizeof marker, "%s/" MARKER, d->dir);
  if (stat(d->dir, &st) == 0) {
    if (stat(marker, &st) != 0) {
      fprintf(stderr, "perilune: the folder %s exists and no demo made it; name another: perilune demo DIR\n", d->dir);
      return false;
    }
    nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  }
  if (mkdir(d->dir, 0777) != 0) {
    fprintf(stderr, "perilune: the folder %s can't be made: %s\n", d->dir, strerror(errno));
    return false;
  }
  int fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static void journey(demo *d) {
  title("1. A project: connectors, mappings, a database and a key for secrets");
  RUN(d, "init", d->dir);
  title("2. An API to talk to, offline");
  if (d->failed || !start_emulator(d)) {
    d->failed = 1;
    return;
  }
  title("3. Add the integration and check the connection");
  RUN(d, "-C", d->dir, "add", "hubspot", "crm", "--base-url", d->url, "--credential", "accessToken=pat-emulator");
  RUN(d, "-C", d->dir, "check", "crm");
  title("4. Sync everything");
  RUN(d, "-C", d->dir, "sync", "crm");
  title("5. What came of it: ten mapped rows, and the rejects with their reasons");
  RUN(d, "-C", d->dir, "sql", "select external_id, fullName, email, phone, stage, revenue from contact limit 10");
  RUN(d, "-C", d->dir, "rejects", "crm", "--limit", "5");
  title("6. 200 contacts change in the CRM; the next sync fetches only those");
  if (d->failed || !change_records(d)) {
    d->failed = 1;
    return;
  }
  RUN(d, "-C", d->dir, "sync", "crm", "--entity", "contact");
  title("7. One line of a mapping changes; the stored records are mapped again, without a request");
  if (d->failed || !edit_mapping(d)) {
    if (!d->failed) fprintf(stderr, "perilune: mappings/hubspot/contact.lua could not be edited\n");
    d->failed = 1;
    return;
  }
  RUN(d, "-C", d->dir, "remap", "hubspot/contact");
  RUN(d, "-C", d->dir, "sql", "select external_id, firstName, lastName from contact where lastName is not null limit 3");
}

static int run(peri_cli *c) {
  demo d = {.c = c, .dir = c->arg_count ? c->args[0] : "demo"};
  int64_t began = peri_mono_ms();
  if (!make_folder(&d)) return 1;
  journey(&d);
  stop_emulator(&d);
  if (d.failed) {
    fprintf(stderr, "\nperilune: the demo stopped at the step above\n");
    return 1;
  }
  title("What to try next");
  printf("  edit %s/mappings/hubspot/contact.lua, then: perilune -C %s remap hubspot/contact\n"
         "  perilune -C %s mappings show hubspot/contact      where each value comes from\n"
         "  perilune -C %s status                             where each stream has got to\n"
         "  perilune help email                                 what a field can do\n"
         "  perilune init my-project                            a real one, with your own HubSpot token\n",
         d.dir, d.dir, d.dir, d.dir);
  printf("\nthe demo took %.1f s\n", (double)(peri_mono_ms() - began) / 1000);
  return 0;
}

const peri_command peri_command_demo = {"demo", "[DIR]", "the whole journey against HubSpot's emulator, offline (default folder: ./demo)", "Can be run again: a folder that a demo made is made anew.", 0, 1,
                                        NULL, 0, run};
