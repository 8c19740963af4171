/* cmd/completion: completions for bash, zsh and fish, made from the table of commands. Names of integrations are asked of `perilune list` while
 * typing. */
#include <stdio.h>
#include <string.h>

#include "cmd/flags.h"
#include "spec/spec.h"

/* Commands whose first argument is one of a few words; the others take the kind of thing that `takes` names. */
static const struct {
  const char *command, *words;
} subs[] = {
    {"mappings", "list show rows add remove"},
    {"templates", "list show apply export import save remove"},
    {"connectors", "list show search stats categories"},
    {"key", "rotate"},
    {"completion", "bash zsh fish"},
};
static const char *const names_commands[] = {"show", "set",     "remove",   "check",   "sync",    "status",
                                             "runs", "rejects", "discover", "explain", "validate"};

static const char *sub_words(const char *command) {
  for (size_t i = 0; i < sizeof subs / sizeof *subs; i++)
    if (strcmp(subs[i].command, command) == 0) return subs[i].words;
  return NULL;
}

static bool takes_name(const char *command) {
  for (size_t i = 0; i < sizeof names_commands / sizeof *names_commands; i++)
    if (strcmp(names_commands[i], command) == 0) return true;
  return false;
}

/* Text inside single quotes of a shell. */
static void quoted(peri_buf *b, const char *text, const char *also) {
  for (const char *p = text; *p; p++) {
    if (*p == '\'')
      peri_buf_c_str(b, "'\\''");
    else if (strchr(also, *p))
      peri_buf_fmt(b, "\\%c", *p);
    else
      peri_buf_char(b, *p);
  }
}

static void dashes(peri_buf *b, const peri_flag *f) { peri_buf_fmt(b, "%s%s", strlen(f->name) == 1 ? "-" : "--", f->name); }

static void flag_words(peri_buf *b, const peri_flag *flags, size_t count) {
  for (size_t i = 0; i < count; i++) {
    peri_buf_char(b, ' ');
    dashes(b, &flags[i]);
  }
}

/* ---- bash ---- */

static void bash(peri_buf *b) {
  peri_buf_c_str(b, "# bash completion for perilune: source <(perilune completion bash)\n_perilune() {\n"
                    "  local cur=${COMP_WORDS[COMP_CWORD]} command= words= flags= i\n"
                    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                    "    case ${COMP_WORDS[i]} in\n      -C|--db|--log-level|--wait) ((i++)) ;;\n      -*) ;;\n      *) command=${COMP_WORDS[i]}; "
                    "break ;;\n    esac\n  done\n"
                    "  case $command in\n    '') words='");
  for (size_t i = 0; i < peri_command_count; i++) peri_buf_fmt(b, "%s%s", i ? " " : "", peri_commands[i]->name);
  peri_buf_c_str(b, "' ;;\n");
  for (size_t i = 0; i < peri_command_count; i++) {
    const peri_command *m = peri_commands[i];
    const char *words = sub_words(m->name);
    peri_buf_fmt(b, "    %s)", m->name);
    if (words)
      peri_buf_fmt(b, " ((i == COMP_CWORD - 1)) && words='%s';", words);
    else if (takes_name(m->name))
      peri_buf_c_str(b, " ((i == COMP_CWORD - 1)) && words=$(perilune list 2>/dev/null | awk 'NR > 1 { print $1 }');");
    else if (strcmp(m->name, "add") == 0 || strcmp(m->name, "emulate") == 0 || strcmp(m->name, "test") == 0)
      peri_buf_c_str(b, " ((i == COMP_CWORD - 1)) && words=$(perilune connectors list 2>/dev/null | awk 'NR > 1 { print $1 }');");
    else if (strcmp(m->name, "map") == 0 || strcmp(m->name, "remap") == 0)
      peri_buf_c_str(b, " ((i == COMP_CWORD - 1)) && words=$(perilune mappings list 2>/dev/null | awk 'NR > 1 { print $1 }');");
    else if (strcmp(m->name, "help") == 0) {
      peri_buf_c_str(b, " words='");
      for (size_t k = 0; k < peri_command_count; k++) peri_buf_fmt(b, "%s ", peri_commands[k]->name);
      for (size_t k = 0; k < peri_word_count; k++) peri_buf_fmt(b, "%s%s", peri_words[k].name, k + 1 < peri_word_count ? " " : "");
      peri_buf_c_str(b, "';");
    }
    peri_buf_c_str(b, " flags='");
    flag_words(b, m->flags, m->flag_count);
    peri_buf_c_str(b, "' ;;\n");
  }
  peri_buf_c_str(b, "  esac\n  if [[ $cur == -* ]]; then\n    COMPREPLY=($(compgen -W \"$flags");
  flag_words(b, peri_common_flags, peri_common_flag_count);
  peri_buf_c_str(b, "\" -- \"$cur\"))\n  elif [[ -n $words ]]; then\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n  else\n    "
                    "COMPREPLY=($(compgen -f -- \"$cur\"))\n  fi\n}\n"
                    "complete -o filenames -F _perilune perilune\n");
}

/* ---- zsh ---- */

static void zsh_flags(peri_buf *b, const peri_flag *flags, size_t count) {
  for (size_t i = 0; i < count; i++) {
    peri_buf_fmt(b, " \\\n        '%s", flags[i].many ? "*" : "");
    dashes(b, &flags[i]);
    peri_buf_char(b, '[');
    quoted(b, flags[i].doc, "[]:\\");
    peri_buf_char(b, ']');
    if (flags[i].value) {
      peri_buf_char(b, ':');
      quoted(b, flags[i].value, "[]:\\");
      peri_buf_c_str(b, strstr(flags[i].value, "FILE") || strstr(flags[i].value, "PATH") ? ":_files"
                        : strstr(flags[i].value, "DIR")                                  ? ":_files -/"
                                                                                         : ":");
    }
    peri_buf_char(b, '\'');
  }
}

static void zsh(peri_buf *b) {
  peri_buf_c_str(b, "#compdef perilune\n# zsh completion for perilune: perilune completion zsh > a folder of $fpath as _perilune\n"
                    "_perilune_first_column() { compadd -- ${(f)\"$(perilune $@ 2>/dev/null | awk 'NR > 1 { print $1 }')\"} }\n"
                    "_perilune() {\n  local curcontext=$curcontext state line\n  local -a commands\n  commands=(\n");
  for (size_t i = 0; i < peri_command_count; i++) {
    peri_buf_fmt(b, "    '%s:", peri_commands[i]->name);
    quoted(b, peri_commands[i]->summary, ":\\");
    peri_buf_c_str(b, "'\n");
  }
  peri_buf_c_str(b, "  )\n  _arguments -C");
  zsh_flags(b, peri_common_flags, peri_common_flag_count);
  peri_buf_c_str(b, " \\\n        '1:command:->command' '*::argument:->argument'\n  case $state in\n    command) _describe command commands ;;\n    "
                    "argument)\n      case $words[1] in\n");
  for (size_t i = 0; i < peri_command_count; i++) {
    const peri_command *m = peri_commands[i];
    const char *words = sub_words(m->name);
    peri_buf_fmt(b, "      %s) _arguments", m->name);
    zsh_flags(b, m->flags, m->flag_count);
    if (words)
      peri_buf_fmt(b, " '1:what:(%s)' '*:file:_files'", words);
    else if (takes_name(m->name))
      peri_buf_c_str(b, " '*:integration:_perilune_first_column list'");
    else if (strcmp(m->name, "add") == 0 || strcmp(m->name, "emulate") == 0 || strcmp(m->name, "test") == 0)
      peri_buf_c_str(b, " '1:type:_perilune_first_column connectors list'");
    else if (strcmp(m->name, "map") == 0 || strcmp(m->name, "remap") == 0)
      peri_buf_c_str(b, " '1:mapping:_perilune_first_column mappings list' '*:file:_files'");
    else
      peri_buf_c_str(b, " '*:file:_files'");
    peri_buf_c_str(b, " ;;\n");
  }
  peri_buf_c_str(b, "      esac ;;\n  esac\n}\n_perilune \"$@\"\n");
}

/* ---- fish ---- */

static void fish_flags(peri_buf *b, const char *when, const peri_flag *flags, size_t count) {
  for (size_t i = 0; i < count; i++) {
    peri_buf_fmt(b, "complete -c perilune%s %s %s%s -d '", when, strlen(flags[i].name) == 1 ? "-s" : "-l", flags[i].name,
                 flags[i].value ? " -r" : "");
    quoted(b, flags[i].doc, "\\");
    peri_buf_c_str(b, "'\n");
  }
}

static void fish(peri_buf *b) {
  peri_buf_c_str(b, "# fish completion for perilune: perilune completion fish > ~/.config/fish/completions/perilune.fish\n");
  fish_flags(b, "", peri_common_flags, peri_common_flag_count);
  for (size_t i = 0; i < peri_command_count; i++) {
    const peri_command *m = peri_commands[i];
    const char *words = sub_words(m->name);
    char when[120];
    peri_buf_fmt(b, "complete -c perilune -n __fish_use_subcommand -f -a %s -d '", m->name);
    quoted(b, m->summary, "\\");
    peri_buf_c_str(b, "'\n");
    snprintf(when, sizeof when, " -n '__fish_seen_subcommand_from %s'", m->name);
    fish_flags(b, when, m->flags, m->flag_count);
    if (words)
      peri_buf_fmt(b, "complete -c perilune%s -f -a '%s'\n", when, words);
    else if (takes_name(m->name))
      peri_buf_fmt(b, "complete -c perilune%s -f -a \"(perilune list 2>/dev/null | awk 'NR > 1 { print \\$1 }')\"\n", when);
    else if (strcmp(m->name, "add") == 0 || strcmp(m->name, "emulate") == 0 || strcmp(m->name, "test") == 0)
      peri_buf_fmt(b, "complete -c perilune%s -f -a \"(perilune connectors list 2>/dev/null | awk 'NR > 1 { print \\$1 }')\"\n", when);
    else if (strcmp(m->name, "map") == 0 || strcmp(m->name, "remap") == 0)
      peri_buf_fmt(b, "complete -c perilune%s -a \"(perilune mappings list 2>/dev/null | awk 'NR > 1 { print \\$1 }')\"\n", when);
  }
}

static int run(peri_cli *c) {
  static const struct {
    const char *name;
    void (*make)(peri_buf *b);
  } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
    if (strcmp(c->args[0], shells[i].name) != 0) continue;
    peri_buf b = {0};
    shells[i].make(&b);
    fwrite(b.p, 1, b.n, stdout);
    peri_buf_fini(&b);
    return 0;
  }
  return peri_cli_usage(c, "completions are there for bash, zsh and fish, not for '%s'", c->args[0]);
}

const peri_command peri_command_completion = {"completion",
                                              "bash|zsh|fish",
                                              "completions for your shell",
                                              "  source <(perilune completion bash)\n"
                                              "  perilune completion zsh > \"${fpath[1]}/_perilune\"\n"
                                              "  perilune completion fish > ~/.config/fish/completions/perilune.fish",
                                              1,
                                              1,
                                              NULL,
                                              0,
                                              run};
