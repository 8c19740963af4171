/* api/commands: whole command lines, for a perilune on the same machine. Only by the Unix socket: a line can name files and do everything. */
#include "api/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/inside.h"
#include "base/uuid.h"
#include "vault/vault.h"

typedef struct peri_api_line {
  struct peri_api_line *next, *prev;
  peri_api *api;
  peri_api_call *call; /* not to be used once its client is gone */
  peri_command_job *job;
  char id[40];
  bool gone;
} line;

static void forget(line *l) {
  if (l->prev) l->prev->next = l->next;
  else *peri_api_lines(l->api) = l->next;
  if (l->next) l->next->prev = l->prev;
  free(l);
}

static void send_text(line *l, const char *key, peri_str bytes) {
  if (l->gone) return;
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_jw_kv(&w, key, bytes);
  peri_jw_end_object(&w);
  peri_buf_char(&b, '\n');
  peri_web_send(l->call->web, peri_buf_view(&b));
  peri_buf_fini(&b);
}

static void on_wrote(void *self, int stream, peri_str bytes) { send_text(self, stream == 1 ? "out" : "err", bytes); }

static void on_done(void *self, int exit_code) {
  line *l = self;
  if (!l->gone) {
    char text[40];
    snprintf(text, sizeof text, "{\"exit\":%d}\n", exit_code);
    peri_web_send(l->call->web, peri_str_of(text));
    peri_web_end(l->call->web);
  }
  forget(l);
}

/* The client went away: what it began stops, as at a terminal that is closed. */
static void on_gone(void *self) {
  line *l = self;
  l->gone = true;
  if (l->job) peri_api_commands(l->api)->cancel(l->job);
}

static bool same_version(const peri_api_call *c, peri_err *e) {
  peri_str version = peri_json_get_text(c->body, "version");
  if (peri_str_is(version, PERI_VERSION)) return true;
  peri_fail(e, PERI_CONFLICT, "perilune %s holds the database, and you are perilune %.*s: use the same, or stop it first", PERI_VERSION, PERI_S(version));
  return false;
}

static bool read_files(peri_api_call *c, peri_command_file *files, size_t *count, peri_err *e) {
  const peri_json *given = peri_json_get(c->body, "files");
  for (const peri_json *m = given ? given->first : NULL; m; m = m->next) {
    peri_buf bytes = {0};
    if (*count == 16 || !peri_unbase64(&bytes, m->text)) {
      peri_buf_fini(&bytes);
      return peri_fail(e, PERI_INVALID, "'files' holds up to 16 files in base64"), false;
    }
    files[(*count)++] = (peri_command_file){m->key, peri_arena_str(c->arena, peri_buf_view(&bytes))};
    peri_wipe(&bytes);
    peri_buf_fini(&bytes);
  }
  return true;
}

static void run_line(peri_api_call *c) {
  const peri_command_runner *commands = peri_api_commands(c->api);
  const peri_json *list = peri_json_get(c->body, "argv");
  peri_command_file files[16];
  size_t file_count = 0, argc = 0;
  peri_err e = {0};
  peri_str *argv = peri_arena_take(c->arena, (list->count + 1) * sizeof *argv);
  for (const peri_json *m = list->first; m; m = m->next) argv[argc++] = m->text;
  bool ok = peri_web_request_of(c->web)->local || (peri_fail(&e, PERI_SCOPE_MISSING, "command lines are taken by the Unix socket alone"), false);
  ok = ok && same_version(c, &e) && read_files(c, files, &file_count, &e);
  line *l = ok ? peri_alloc(sizeof *l) : NULL;
  peri_command_watch watch = {on_wrote, on_done, l};
  if (ok) {
    line **first = peri_api_lines(c->api);
    *l = (line){.next = *first, .call = c, .api = c->api};
    if (*first) (*first)->prev = l;
    *first = l;
    peri_uuid7(l->id);
    l->job = commands->start(commands->self, argv, argc, files, file_count, &watch, &e);
    ok = l->job != NULL;
    if (!ok) forget(l);
  }
  if (!ok) {
    peri_api_fail(c, &e);
    return;
  }
  static const peri_header type = {{"Content-Type", 12}, {"application/x-ndjson", 20}};
  peri_web_on_gone(c->web, on_gone, l);
  peri_web_stream(c->web, 200, &type, 1);
  send_text(l, "id", peri_str_of(l->id));
}

static void stop_line(peri_api_call *c) {
  peri_err e;
  for (line *l = *peri_api_lines(c->api); l; l = l->next)
    if (peri_str_is(c->path_value[0], l->id)) {
      peri_api_commands(c->api)->cancel(l->job);
      peri_api_data(c, 200, PERI_STR("{\"stopping\":true}"));
      return;
    }
  peri_fail(&e, PERI_NOT_FOUND, "no command '%.*s' is under way", PERI_S(c->path_value[0]));
  peri_api_fail(c, &e);
}

static const peri_route routes[] = {
  {.method = "POST", .path = "/v1/commands", .scope = PERI_SCOPE_ADMIN, .tag = "commands", .summary = "Runs a command line; answers its output as it comes, a JSON object a line. Unix socket only.",
   .run = run_line, .raw = true,
   .body = {{"version", "text", true, "of the client", 0, 0}, {"argv", "list", true, "the line, without the program's name", 0, 0}, {"files", "object", false, "files that the line names, in base64", 0, 0}}},
  {.method = "DELETE", .path = "/v1/commands/{id}", .scope = PERI_SCOPE_ADMIN, .tag = "commands", .summary = "Stops one, as Ctrl-C would.", .run = stop_line},
};
const peri_resource peri_api_command_lines = {routes, sizeof routes / sizeof *routes};
