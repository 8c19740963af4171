/* cmd/help: commands and words explained, both from their tables; and what is made of them: Markdown pages, editor stubs, the man page. */
#include <stdio.h>
#include <string.h>

#include "cmd/flags.h"
#include "spec/spec.h"

#define NAMES_MAX 512

static const struct group {
  const char *title;
  const char *commands[12];
} groups[] = {
    {"Begin", {"init", "demo", "help", "doctor", "completion"}},      {"Integrations", {"add", "list", "show", "set", "remove", "check"}},
    {"Data", {"sync", "status", "runs", "rejects", "remap", "sql"}},  {"Mappings", {"map", "mappings", "templates", "validate", "test"}},
    {"Connectors", {"connectors", "discover", "explain", "emulate"}}, {"Keys", {"key"}},
};
#define GROUPS (sizeof groups / sizeof *groups)

static bool grouped(const char *name) {
  for (size_t g = 0; g < GROUPS; g++)
    for (size_t i = 0; groups[g].commands[i]; i++)
      if (strcmp(groups[g].commands[i], name) == 0) return true;
  return false;
}

/* Calls `each` for every command, group by group; what no group names comes last. */
static void each_command(peri_buf *b, void (*title)(peri_buf *b, const char *text), void (*each)(peri_buf *b, const peri_command *m)) {
  for (size_t g = 0; g < GROUPS; g++) {
    title(b, groups[g].title);
    for (size_t i = 0; groups[g].commands[i]; i++) {
      const peri_command *m = peri_command_named(groups[g].commands[i]);
      if (m) each(b, m);
    }
  }
  bool more = false;
  for (size_t i = 0; i < peri_command_count; i++) {
    if (grouped(peri_commands[i]->name)) continue;
    if (!more) title(b, "More");
    more = true;
    each(b, peri_commands[i]);
  }
}

/* ---- text ---- */

static void text_title(peri_buf *b, const char *text) { peri_buf_fmt(b, "\n%s\n", text); }
static void text_line(peri_buf *b, const peri_command *m) { peri_buf_fmt(b, "  %-12s %s\n", m->name, m->summary); }

static void text_flag(peri_buf *b, const peri_flag *f) {
  char form[80];
  snprintf(form, sizeof form, "%s%s%s%s%s", strlen(f->name) == 1 ? "-" : "--", f->name, f->value ? " " : "", f->value ? f->value : "",
           f->many ? " …" : "");
  peri_buf_fmt(b, "  %-30s %s\n", form, f->doc);
}

static void overview(peri_buf *b) {
  peri_buf_c_str(b, "perilune keeps SQLite in step with the APIs you use.\n\nusage: perilune COMMAND [ARGUMENTS] [FLAGS]\n");
  each_command(b, text_title, text_line);
  peri_buf_c_str(b, "\nEvery command takes\n");
  for (size_t i = 0; i < peri_common_flag_count; i++) text_flag(b, &peri_common_flags[i]);
  peri_buf_c_str(
      b,
      "\nperilune help COMMAND explains one; perilune help WORD explains a word of connector and mapping files; perilune help words lists them.\n");
}

static void command_text(peri_buf *b, const peri_command *m) {
  peri_buf_fmt(b, "%s: %s\n\nusage: perilune %s %s\n", m->name, m->summary, m->name, m->usage);
  if (m->flag_count) peri_buf_char(b, '\n');
  for (size_t i = 0; i < m->flag_count; i++) text_flag(b, &m->flags[i]);
  if (*m->details) peri_buf_fmt(b, "\n%s\n", m->details);
}

/* ---- Markdown ---- */

static void md_title(peri_buf *b, const char *text) { peri_buf_fmt(b, "\n## %s\n", text); }

static void md_text(peri_buf *b, const char *text) { /* inside a table's cell */
  for (const char *p = text; *p; p++) {
    if (*p == '|') peri_buf_char(b, '\\');
    peri_buf_char(b, *p);
  }
}

static void md_flag(peri_buf *b, const peri_flag *f) {
  peri_buf_fmt(b, "| `%s%s%s", strlen(f->name) == 1 ? "-" : "--", f->name, f->value ? " " : "");
  if (f->value) md_text(b, f->value);
  peri_buf_c_str(b, f->many ? "` (several) | " : "` | ");
  md_text(b, f->doc);
  peri_buf_c_str(b, " |\n");
}

static void md_flags(peri_buf *b, const peri_flag *flags, size_t count) {
  if (!count) return;
  peri_buf_c_str(b, "\n| flag | meaning |\n|---|---|\n");
  for (size_t i = 0; i < count; i++) md_flag(b, &flags[i]);
}

/* Lines of a command's details: those that are indented are examples. */
static void md_details(peri_buf *b, const char *text) {
  bool code = false;
  peri_buf_char(b, '\n');
  for (const char *p = text; *p;) {
    size_t n = strcspn(p, "\n");
    bool example = n >= 2 && p[0] == ' ' && p[1] == ' ';
    if (example != code && (n || code)) peri_buf_c_str(b, "```\n"), code = example;
    peri_buf_put(b, p + (example ? 2 : 0), n - (example ? 2 : 0));
    peri_buf_char(b, '\n');
    p += n + (p[n] == '\n');
  }
  if (code) peri_buf_c_str(b, "```\n");
}

static void md_command(peri_buf *b, const peri_command *m) {
  peri_buf_fmt(b, "\n### %s\n\n", m->name);
  peri_buf_c_str(b, m->summary);
  peri_buf_fmt(b, "\n\n```\nperilune %s %s\n```\n", m->name, m->usage);
  md_flags(b, m->flags, m->flag_count);
  if (*m->details) md_details(b, m->details);
}

static void commands_page(peri_buf *b) {
  peri_buf_c_str(b, "# Commands\n\nMade by `perilune help --commands`; `perilune help COMMAND` says the same. Results go to standard output, "
                    "everything else to standard\n"
                    "error. Exit codes: 0 done, 1 failed, 2 wrong usage. Every command takes these flags:\n");
  md_flags(b, peri_common_flags, peri_common_flag_count);
  each_command(b, md_title, md_command);
}

/* ---- the man page ---- */

static void roff_text(peri_buf *b, const char *text) {
  bool start = true;
  for (const char *p = text; *p; p++) {
    if (start && (*p == '.' || *p == '\'')) peri_buf_c_str(b, "\\&");
    if (*p == '\\')
      peri_buf_c_str(b, "\\e");
    else if (*p == '-')
      peri_buf_c_str(b, "\\-");
    else
      peri_buf_char(b, *p);
    start = *p == '\n';
  }
}

static void roff_title(peri_buf *b, const char *text) {
  peri_buf_c_str(b, ".SH ");
  for (const char *p = text; *p; p++) peri_buf_char(b, (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p));
  peri_buf_char(b, '\n');
}

static void roff_flag(peri_buf *b, const peri_flag *f) {
  peri_buf_c_str(b, ".TP\n.B ");
  roff_text(b, strlen(f->name) == 1 ? "-" : "--");
  roff_text(b, f->name);
  if (f->value) {
    peri_buf_c_str(b, " \\fI");
    roff_text(b, f->value);
    peri_buf_c_str(b, "\\fR");
  }
  peri_buf_char(b, '\n');
  roff_text(b, f->doc);
  peri_buf_char(b, '\n');
}

static void roff_command(peri_buf *b, const peri_command *m) {
  peri_buf_fmt(b, ".SS %s\n.B perilune %s\n", m->name, m->name);
  if (*m->usage) {
    roff_text(b, m->usage);
    peri_buf_char(b, '\n');
  }
  peri_buf_c_str(b, ".PP\n");
  roff_text(b, m->summary);
  peri_buf_c_str(b, ".\n");
  for (size_t i = 0; i < m->flag_count; i++) roff_flag(b, &m->flags[i]);
  if (!*m->details) return;
  peri_buf_c_str(b, ".PP\n.nf\n");
  roff_text(b, m->details);
  peri_buf_c_str(b, "\n.fi\n");
}

static void man_page(peri_buf *b) {
  peri_buf_c_str(
      b, ".TH PERILUNE 1 \"\" \"perilune " PERI_VERSION "\" \"User Commands\"\n.SH NAME\nperilune \\- keeps SQLite in step with the APIs you use\n"
         ".SH SYNOPSIS\n.B perilune\n.I COMMAND\n[\\fIARGUMENTS\\fR] [\\fIFLAGS\\fR]\n.SH DESCRIPTION\n"
         "Reads records from APIs such as HubSpot's, maps and checks them with Lua files that run in a sandbox, and keeps the rows in a SQLite\n"
         "database, incrementally. What is read and how it is mapped stands in files of a project folder: connectors/, mappings/, lib/.\n"
         ".SH FLAGS OF EVERY COMMAND\n");
  for (size_t i = 0; i < peri_common_flag_count; i++) roff_flag(b, &peri_common_flags[i]);
  each_command(b, roff_title, roff_command);
  peri_buf_c_str(b, ".SH EXIT STATUS\n0 when done, 1 when it failed, 2 when the command line is wrong.\n"
                    ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colors\n"
                    ".SH FILES\n.TP\n.B perilune.lua\nmarks the root of a project and holds its settings\n.TP\n.B perilune.db\nthe database\n"
                    ".TP\n.B perilune.key\nthe key that seals credentials; keep a copy of it\n");
}

/* ---- the command ---- */

static peri_str nearest(peri_str name) {
  peri_str names[NAMES_MAX];
  size_t n = 0;
  for (size_t i = 0; i < peri_command_count && n < NAMES_MAX; i++) names[n++] = peri_str_of(peri_commands[i]->name);
  for (size_t i = 0; i < peri_word_count && n < NAMES_MAX; i++) names[n++] = peri_str_of(peri_words[i].name);
  return peri_suggest(name, names, n);
}

/* A name may be both, as `list` is: then both are shown. */
static bool explain(const char *name, peri_buf *b, peri_err *e) {
  const peri_command *m = peri_command_named(name);
  peri_buf word = {0};
  bool known = peri_spec_help(peri_str_of(name), &word);
  if (m) command_text(b, m);
  if (m && known) peri_buf_fmt(b, "\n%s is also a word of connector and mapping files:\n\n", name);
  if (known) peri_buf_str(b, peri_buf_view(&word));
  peri_buf_fini(&word);
  if (m || known) return true;
  peri_str near = nearest(peri_str_of(name));
  if (near.n)
    peri_fail(e, PERI_USAGE, "'%s' is neither a command nor a word (did you mean '%.*s'?)", name, PERI_S(near));
  else
    peri_fail(e, PERI_USAGE, "'%s' is neither a command nor a word; see perilune help and perilune help words", name);
  return false;
}

static int run(peri_cli *c) {
  static const struct {
    const char *flag;
    void (*make)(peri_buf *b);
  } pages[] = {{"reference", peri_spec_reference}, {"stubs", peri_spec_stubs}, {"commands", commands_page}, {"man", man_page}};
  peri_buf b = {0};
  peri_err e = {0};
  bool made = false;
  for (size_t i = 0; i < sizeof pages / sizeof *pages && !made; i++) {
    made = peri_cli_has(c, pages[i].flag);
    if (made) pages[i].make(&b);
  }
  bool fine = made || !c->arg_count || explain(c->args[0], &b, &e);
  if (!made && !c->arg_count) overview(&b);
  if (fine && c->json) {
    peri_buf json = {0};
    peri_json_quote(&json, peri_buf_view(&b));
    peri_cli_data(c, peri_buf_view(&json));
    peri_buf_fini(&json);
  } else if (fine) {
    fwrite(b.p, 1, b.n, stdout);
    if (b.n && b.p[b.n - 1] != '\n') putchar('\n');
  }
  peri_buf_fini(&b);
  return fine ? 0 : peri_cli_fail(c, &e);
}

static const peri_flag flags[] = {
    {"reference", NULL, false, "the words of connector and mapping files, as Markdown"},
    {"commands", NULL, false, "all commands, as Markdown"},
    {"stubs", NULL, false, "stubs for Lua editors (LuaLS)"},
    {"man", NULL, false, "the man page, as roff"},
};
const peri_command peri_command_help = {"help",
                                        "[COMMAND|WORD|WORD.OPTION]",
                                        "explain a command, or a word of connector and mapping files",
                                        "  perilune help sync\n  perilune help email\n  perilune help email.required\n  perilune help words",
                                        0,
                                        1,
                                        flags,
                                        4,
                                        run};
