/* script: attacks, as data in tests/sandbox/attacks. Each runs in a process of its own, two at a time, and has to end as its line says;
 * afterwards an innocent function of the same state has to work, unless the state says that it is broken. */
#include "test_script.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define FOLDER "tests/sandbox/attacks"
#define ATTACKS_MAX 600
#define CALL_MS 40 /* under sanitizers eight times as long */

typedef struct attack {
  char name[128], how[16], endings[160];
  const char *code;
  size_t code_n;
} attack;

static attack attacks[ATTACKS_MAX];
static size_t attack_count;
static char *texts[16]; /* the files; attacks are views of them */
static size_t text_count;

typedef struct outcome {
  char ending[32], text[300];
  bool innocent_failed;
  bool unfit; /* the fault's text is no clean text */
} outcome;

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) fail_msg("%s: not there; run from the root of the repository", path);
  fseek(f, 0, SEEK_END);
  long n = ftell(f);
  rewind(f);
  char *text = malloc((size_t)n + 1);
  if (!text || fread(text, 1, (size_t)n, f) != (size_t)n) abort();
  text[n] = 0;
  fclose(f);
  return text;
}

static void read_attacks(const char *path) {
  assert_true(text_count < sizeof texts / sizeof texts[0]);
  char *text = texts[text_count++] = read_file(path), *p = strstr(text, "\n--# ");
  while (p) {
    assert_true(attack_count < ATTACKS_MAX);
    attack *a = &attacks[attack_count++];
    char *line = p + 5, *end = strchr(line, '\n');
    char *bar = memchr(line, '|', (size_t)(end - line)), *bar2 = memchr(bar + 1, '|', (size_t)(end - bar - 1));
    assert_non_null(bar2);
    snprintf(a->name, sizeof a->name, "%.*s", (int)(bar - line - 1), line);
    snprintf(a->how, sizeof a->how, "%.*s", (int)(bar2 - bar - 3), bar + 2);
    snprintf(a->endings, sizeof a->endings, "%.*s", (int)(end - bar2 - 2), bar2 + 2);
    a->code = end + 1;
    p = strstr(end, "\n--# ");
    a->code_n = p ? (size_t)(p + 1 - a->code) : strlen(a->code);
  }
}

static void value_text(const peri_value *v, char *out, size_t n) {
  switch (v->type) {
    case PERI_V_NULL: snprintf(out, n, "nil"); break;
    case PERI_V_BOOL: snprintf(out, n, "%s", v->u.b ? "true" : "false"); break;
    case PERI_V_INT: snprintf(out, n, "%lld", (long long)v->u.i); break;
    case PERI_V_NUM: snprintf(out, n, "%g", v->u.d); break;
    case PERI_V_LIST: snprintf(out, n, "list of %zu", v->u.list.count); break;
    default: snprintf(out, n, "%.*s", (int)(v->u.s.n < 200 ? v->u.s.n : 200), v->u.s.p);
  }
}

static int prints;
static void count_print(void *self, peri_str text) {
  (void)self;
  (void)text;
  prints++;
}

static void judge_text(outcome *o, const char *text) {
  size_t n = strlen(text);
  if (n == 0 || n >= PERI_ERROR_TEXT_MAX || !peri_utf8_valid((peri_str){text, n})) o->unfit = true;
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)text[i] < 0x20) o->unfit = true;
  snprintf(o->text, sizeof o->text, "%.200s", text);
}

static void run_attack(const attack *a, outcome *o) {
  peri_err e;
  peri_budget_start(NULL, &e); /* timers are not inherited by a fork: the parent must not have started one */
  peri_script_limits limits = {.call_ms = CALL_MS, .load_ms = 2 * CALL_MS, .vm_bytes = 32u << 20};
  peri_script *s = peri_script_new(&limits);
  peri_arena *arena = peri_arena_new();
  peri_caller *c = peri_script_caller(s);
  peri_value arg = {.type = PERI_V_TEXT, .u.s = PERI_STR("abc")}, results[2];
  peri_call_fault fault;
  int innocent, fn, line;
  peri_script_on_log(s, count_print, NULL);
  if (peri_script_body(s, PERI_STR("innocent"), PERI_STR("return value:upper() .. ('x'):rep(2) .. string.format('%d', #decode('[1,2]'))"), "value", &innocent, &e, &line) !=
      PERI_OK) {
    snprintf(o->ending, sizeof o->ending, "no innocent");
    return;
  }
  peri_code code;
  const char *text = e.text;
  if (strcmp(a->how, "file") == 0) {
    peri_tree tree;
    code = peri_script_file(s, PERI_STR("mappings/a/b.lua"), (peri_str){a->code, a->code_n}, &e, &line);
    if (code == PERI_OK) code = peri_script_load(s, PERI_STR("mappings/a/b.lua"), arena, &tree, &e, &line);
  } else {
    code = peri_script_body(s, PERI_STR("body"), (peri_str){a->code, a->code_n}, "value", &fn, &e, &line);
    if (code == PERI_OK && !c->call(c, fn, &arg, 1, results, arena, &fault)) {
      code = fault.code;
      text = fault.text;
    }
  }
  if (code == PERI_OK) {
    char shown[256] = "loaded";
    if (strcmp(a->how, "body") == 0) value_text(&results[0], shown, sizeof shown);
    snprintf(o->ending, sizeof o->ending, "ok=%.28s", shown);
  } else {
    snprintf(o->ending, sizeof o->ending, "%s", code == PERI_SCRIPT_REFUSED ? "refused" : peri_code_name(code));
    judge_text(o, text);
  }
  if (prints > 1001) o->innocent_failed = true;
  peri_arena_reset(arena);
  if (!c->broken)
    o->innocent_failed = o->innocent_failed || !c->call(c, innocent, &arg, 1, results, arena, &fault) || results[0].type != PERI_V_TEXT ||
                         !peri_str_is(results[0].u.s, "ABCxx2");
  peri_arena_free(arena);
  peri_script_free(s); /* aborts if the memory accounting is not back at zero */
}

static bool allowed(const char *endings, const char *ending) {
  if (strncmp(ending, "ok=", 3) == 0) { /* the text of an ok may hold blanks: it is the rest, or up to the next known word */
    const char *at = strstr(endings, ending);
    return at && (at[strlen(ending)] == 0 || strstr(" script_error script_timeout script_memory", at + strlen(ending)) || at[strlen(ending)] == ' ');
  }
  size_t n = strlen(ending);
  for (const char *p = endings; (p = strstr(p, ending)) != NULL; p += n)
    if ((p == endings || p[-1] == ' ') && (p[n] == 0 || p[n] == ' ')) return true;
  return false;
}

static void attacks_end_as_they_may(void **state) {
  (void)state;
  DIR *d = opendir(FOLDER);
  if (!d) fail_msg("%s: not there; run from the root of the repository", FOLDER);
  for (struct dirent *f; (f = readdir(d));) {
    char path[400];
    snprintf(path, sizeof path, FOLDER "/%s", f->d_name);
    if (strlen(f->d_name) > 4 && strcmp(f->d_name + strlen(f->d_name) - 4, ".lua") == 0) read_attacks(path);
  }
  closedir(d);
  assert_true(attack_count >= 80);
  outcome *outcomes = mmap(NULL, sizeof(outcome) * ATTACKS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(outcomes != MAP_FAILED);
  pid_t pids[ATTACKS_MAX] = {0};
  const char *only = getenv("ATTACK");
  size_t next = 0, running = 0, failed = 0, deaths = 0;
  while (next < attack_count || running > 0) {
    while (running < 2 && next < attack_count) {
      size_t i = next++;
      if (only && !strstr(attacks[i].name, only)) continue;
      fflush(NULL);
      pids[i] = fork();
      assert_true(pids[i] >= 0);
      if (pids[i] == 0) {
        alarm(120);
        run_attack(&attacks[i], &outcomes[i]);
        _exit(0);
      }
      running++;
    }
    if (running == 0) break;
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    for (size_t i = 0; i < attack_count; i++) {
      if (pids[i] != pid) continue;
      running--;
      pids[i] = 0;
      outcome *o = &outcomes[i];
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        snprintf(o->ending, sizeof o->ending, "death");
        snprintf(o->text, sizeof o->text, "status %x", (unsigned)status);
        deaths++;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) snprintf(o->ending, sizeof o->ending, "never");
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) snprintf(o->ending, sizeof o->ending, "accounting");
      }
      if (only) print_message("%s: %s (%s)\n", attacks[i].name, o->ending, o->text);
      if (!allowed(attacks[i].endings, o->ending) || o->innocent_failed || o->unfit) {
        failed++;
        print_error("attack '%s' ended %s, may end %s%s%s: %s\n", attacks[i].name, o->ending, attacks[i].endings, o->innocent_failed ? "; the innocent failed" : "",
                    o->unfit ? "; its text is not clean" : "", o->text);
      }
    }
  }
  print_message("%zu attacks, %zu of them ended their process\n", attack_count, deaths);
  while (text_count > 0) free(texts[--text_count]);
  assert_int_equal(failed, 0);
}

int test_script_attacks(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(attacks_end_as_they_may)};
  return cmocka_run_group_tests_name("script attacks", tests, NULL, NULL);
}
