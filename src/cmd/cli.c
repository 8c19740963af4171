/* cmd/cli: see the header. */
#include "cmd/cli.h"
#include "cmd/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/show.h"
#include "base/log.h"
#include "vault/key.h"

const peri_flag peri_common_flags[] = {
    {"C", "DIR", false, "the project folder (default: perilune.lua is looked for from here upwards)"},
    {"db", "PATH", false, "the database (default: perilune.db in the project folder)"},
    {"key-file", "PATH", false, "the key (default: a systemd credential, perilune.key of the project, PERILUNE_KEY)"},
    {"json", NULL, false, "answer as JSON: {\"data\": …, \"error\": null}"},
    {"log-level", "LEVEL", false, "debug, info, warn (default) or error"},
    {"quiet", NULL, false, "no progress and no remarks"},
    {"wait", "SECONDS", false, "how long to wait for another command that writes (default 10)"},
    {"inline", NULL, false, "run scripts in this process (debug builds only)"},
};
const size_t peri_common_flag_count = sizeof peri_common_flags / sizeof *peri_common_flags;

const peri_command *peri_command_named(const char *name) {
  for (size_t i = 0; i < peri_command_count; i++)
    if (strcmp(peri_commands[i]->name, name) == 0) return peri_commands[i];
  return NULL;
}

/* ---- answers ---- */

void peri_cli_data(const peri_cli *c, peri_str json) {
  (void)c;
  char *text = peri_dup(json); /* what an API said may stand in it */
  fputs("{\"data\":", stdout);
  peri_buf safe = {0};
  peri_show_json(&safe, (peri_str){text, peri_redact(text, json.n)});
  fwrite(safe.p, 1, safe.n, stdout);
  peri_buf_fini(&safe);
  free(text);
  fputs(",\"error\":null}\n", stdout);
}

peri_str peri_cli_shown(peri_arena *a, peri_str text, size_t most) { return peri_shown(a, peri_redacted(a, text), most); }

int peri_cli_fail(const peri_cli *c, const peri_err *e) {
  if (c->handed_over) return c->handed_code;
  fflush(stdout);
  if (c->json) {
    peri_buf b = {0};
    peri_jw w;
    peri_jw_init(&w, &b);
    peri_jw_object(&w);
    peri_jw_kv_raw(&w, "data", PERI_STR("null"));
    peri_jw_key_c(&w, "error");
    peri_jw_object(&w);
    peri_jw_kv_c(&w, "code", peri_code_name(e->code));
    peri_jw_kv_c(&w, "message", e->text);
    peri_jw_key_c(&w, "details");
    peri_jw_object(&w);
    peri_jw_kv_c(&w, "wayOut", peri_code_way_out(e->code));
    peri_jw_end_object(&w);
    peri_jw_end_object(&w);
    peri_jw_end_object(&w);
    fwrite(b.p, 1, b.n, stdout);
    fputc('\n', stdout);
    peri_buf_fini(&b);
  } else {
    fprintf(stderr, "perilune: %s\n", e->text);
    const char *way = peri_code_way_out(e->code);
    if (way && *way) fprintf(stderr, "  %s: %s\n", peri_code_name(e->code), way);
  }
  return peri_code_exit(e->code);
}

int peri_cli_usage(const peri_cli *c, const char *format, ...) {
  peri_err e = {.code = PERI_USAGE};
  va_list args;
  va_start(args, format);
  vsnprintf(e.text, sizeof e.text, format, args);
  va_end(args);
  if (c->json) return peri_cli_fail(c, &e);
  fprintf(stderr, "perilune: %s\n", e.text);
  if (c->command) fprintf(stderr, "usage: perilune %s %s\n", c->command->name, c->command->usage);
  else fputs("see: perilune help\n", stderr);
  return 2;
}

/* ---- parsing ---- */

static const peri_flag *find_flag(const peri_command *command, peri_str name) {
  for (size_t i = 0; command && i < command->flag_count; i++)
    if (peri_str_is(name, command->flags[i].name)) return &command->flags[i];
  for (size_t i = 0; i < peri_common_flag_count; i++)
    if (peri_str_is(name, peri_common_flags[i].name)) return &peri_common_flags[i];
  return NULL;
}

static int unknown_flag(const peri_cli *c, const char *text, peri_str name) {
  peri_str names[96];
  size_t n = 0;
  for (size_t i = 0; c->command && i < c->command->flag_count; i++) names[n++] = peri_str_of(c->command->flags[i].name);
  for (size_t i = 0; i < peri_common_flag_count; i++) names[n++] = peri_str_of(peri_common_flags[i].name);
  peri_str near = peri_suggest(name, names, n);
  if (near.n) return peri_cli_usage(c, "unknown flag '%s' (did you mean '--%.*s'?)", text, PERI_S(near));
  return peri_cli_usage(c, "unknown flag '%s'", text);
}

static int take_flag(peri_cli *c, const peri_flag *f, const char *value) {
  if (c->given_count == 64) return peri_cli_usage(c, "too many flags");
  for (int i = 0; !f->many && i < c->given_count; i++)
    if (c->given[i].flag == f && f->value) return peri_cli_usage(c, "--%s is given twice", f->name);
  c->given[c->given_count].flag = f;
  c->given[c->given_count++].value = value;
  return 0;
}

static int parse(peri_cli *c, int argc, char **argv) {
  bool only_args = false;
  for (int i = 1; i < argc; i++) {
    const char *text = argv[i];
    if (only_args || text[0] != '-' || !text[1]) {
      if (!c->command) {
        c->command = peri_command_named(text);
        if (!c->command) {
          peri_str names[96];
          for (size_t k = 0; k < peri_command_count; k++) names[k] = peri_str_of(peri_commands[k]->name);
          peri_str near = peri_suggest(peri_str_of(text), names, peri_command_count);
          if (near.n) return peri_cli_usage(c, "unknown command '%s' (did you mean '%.*s'?)", text, PERI_S(near));
          return peri_cli_usage(c, "unknown command '%s'", text);
        }
      } else {
        if (c->arg_count == 64) return peri_cli_usage(c, "too many arguments");
        c->args[c->arg_count++] = text;
      }
      continue;
    }
    if (strcmp(text, "--") == 0) {
      only_args = true;
      continue;
    }
    peri_str name = peri_str_of(text[1] == '-' ? text + 2 : text + 1);
    const char *value = NULL;
    for (size_t k = 0; k < name.n; k++)
      if (name.p[k] == '=') value = name.p + k + 1, name.n = k;
    const peri_flag *f = find_flag(c->command, name);
    if (!f || (text[1] != '-') != (strlen(f->name) == 1)) return unknown_flag(c, text, name);
    if (f->value && !value) {
      if (i + 1 == argc) return peri_cli_usage(c, "--%s wants a value: --%s %s", f->name, f->name, f->value);
      value = argv[++i];
    } else if (!f->value && value)
      return peri_cli_usage(c, "--%s takes no value", f->name);
    int problem = take_flag(c, f, value);
    if (problem) return problem;
  }
  return 0;
}

const char *peri_cli_value(const peri_cli *c, const char *flag) {
  for (int i = c->given_count; i-- > 0;)
    if (strcmp(c->given[i].flag->name, flag) == 0) return c->given[i].value ? c->given[i].value : "";
  return NULL;
}

bool peri_cli_has(const peri_cli *c, const char *flag) { return peri_cli_value(c, flag) != NULL; }

size_t peri_cli_values(const peri_cli *c, const char *flag, const char **out, size_t most) {
  size_t n = 0;
  for (int i = 0; i < c->given_count && n < most; i++)
    if (strcmp(c->given[i].flag->name, flag) == 0) out[n++] = c->given[i].value;
  return n;
}

bool peri_cli_number(const peri_cli *c, const char *flag, int64_t *out, peri_err *e) {
  const char *text = peri_cli_value(c, flag);
  if (!text) return true;
  char *end = NULL;
  long long v = strtoll(text, &end, 10);
  if (!*text || *end || v < 0) {
    peri_fail(e, PERI_USAGE, "--%s wants a whole number of 0 or more, not '%s'", flag, text);
    return false;
  }
  *out = v;
  return true;
}

bool peri_cli_terminal(int fd) {
  const char *term = getenv("TERM");
  return isatty(fd) && !(term && strcmp(term, "dumb") == 0);
}

static int settle_common(peri_cli *c) {
  c->dir = peri_cli_value(c, "C");
  c->database = peri_cli_value(c, "db");
  c->json = peri_cli_has(c, "json");
  c->quiet = peri_cli_has(c, "quiet");
  c->inline_worker = peri_cli_has(c, "inline");
  c->level = peri_cli_value(c, "log-level");
  c->wait_ms = 10000;
  peri_level level = PERI_WARN;
  if (c->level && !peri_log_level_named(c->level, &level)) return peri_cli_usage(c, "--log-level is debug, info, warn or error, not '%s'", c->level);
  if (!peri_hosted()) peri_log_level(level);
  int64_t seconds = 10;
  peri_err e;
  if (!peri_cli_number(c, "wait", &seconds, &e)) return peri_cli_usage(c, "%s", e.text);
  c->wait_ms = seconds * 1000;
  return 0;
}

static int count_args(const peri_cli *c) {
  const peri_command *m = c->command;
  if (c->arg_count < m->args_min) return peri_cli_usage(c, "%s wants %s", m->name, m->usage);
  if (m->args_max >= 0 && c->arg_count > m->args_max) return peri_cli_usage(c, "%s takes no '%s'", m->name, c->args[m->args_max]);
  return 0;
}

/* A credential on the command line shows in the process list until its text is overwritten. The copy that is worked with stays in our memory. */
static char **hide_credentials(int argc, char **argv) {
  static char **copy; /* lives as long as the process: commands borrow from it */
  copy = peri_alloc(((size_t)argc + 1) * sizeof *copy);
  for (int i = 0; i < argc; i++) {
    copy[i] = peri_dup(peri_str_of(argv[i]));
    bool inside = strncmp(argv[i], "--credential=", 13) == 0, after = i > 0 && strcmp(copy[i - 1], "--credential") == 0;
    if (inside || after) memset(argv[i], '*', strlen(argv[i]));
  }
  return copy;
}

int peri_cli_line(int argc, char **argv) {
  peri_cli c = {.argv0 = argv[0], .argc = argc, .argv = argv};
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--json") == 0) c.json = true; /* so that mistakes in the flags are answered as JSON too */
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    puts("perilune " PERI_VERSION);
    return 0;
  }
  bool asks = argc >= 2 && (strcmp(argv[argc - 1], "--help") == 0 || (argc == 2 && strcmp(argv[1], "-h") == 0));
  if (asks) { /* perilune sync --help, perilune --help */
    char *swapped[] = {argv[0], (char *)(uintptr_t)"help", argc > 2 ? argv[1] : NULL, NULL};
    return peri_cli_line(argc > 2 ? 3 : 2, swapped);
  }
  int problem = parse(&c, argc, argv);
  if (!problem && !c.command) {
    if (argc > 1) problem = peri_cli_usage(&c, "a command is missing");
    else c.command = peri_command_named("help");
  }
  if (!problem) problem = settle_common(&c);
  if (!problem && c.command) problem = count_args(&c);
  if (problem || !c.command) return problem;
  int code = c.command->run(&c);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fputs("perilune: the answer could not be written to standard output\n", stderr);
    return code ? code : 1;
  }
  return code;
}

int peri_cli_main(int argc, char **original) {
  peri_key_environment_take();
  peri_process_guard();
  char **argv = hide_credentials(argc, original);
  int code = peri_cli_line(argc, argv);
  for (int i = 0; i < argc; i++) {
    explicit_bzero(argv[i], strlen(argv[i]));
    free(argv[i]);
  }
  free(argv);
  return code;
}
