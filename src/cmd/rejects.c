/* cmd/rejects: records that a mapping refused: shown with their reasons, or tried again with the mapping in force (--replay); and remap,
 * which does that for all stored records. Neither asks the API anything. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/flags.h"
#include "core/remap.h"
#include "store/report.h"

/* ---- show ---- */

static void print_counts(const peri_json *counts) {
  static const char *const titles[] = {"count", "entity", "field", "code", "message"};
  peri_table *t = peri_table_new(titles, 5);
  for (const peri_json *r = counts->first; r; r = r->next) {
    peri_str field = peri_json_get_text(r, "field");
    peri_str cells[5] = {peri_json_str(peri_json_get(r, "count")), peri_json_get_text(r, "entity"), field.n ? field : PERI_STR("-"), peri_json_get_text(r, "code"),
                         peri_json_get_text(r, "message")};
    peri_table_row(t, cells);
  }
  peri_table_print(t);
}

static void print_rejects(const peri_json *rejects) {
  for (const peri_json *r = rejects->first; r; r = r->next) {
    peri_str file = peri_json_get_text(r, "file"), field = peri_json_get_text(r, "field"), value = peri_json_get_text(r, "value");
    printf("%.*s %.*s  ", PERI_S(peri_json_get_text(r, "entity")), PERI_S(peri_json_get_text(r, "externalId")));
    bool named = field.n && peri_str_starts(peri_json_get_text(r, "message"), field);
    if (field.n && !named) printf("%.*s: ", PERI_S(field));
    printf("%.*s: %.*s", PERI_S(peri_json_get_text(r, "code")), PERI_S(peri_json_get_text(r, "message")));
    if (value.n) printf("  (value %.*s)", PERI_S(value));
    if (file.n) printf("  [%.*s:%lld]", PERI_S(file), (long long)peri_json_get_int(r, "line", 0));
    fputc('\n', stdout);
  }
}

static int show(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  int64_t limit = c->json ? 1000 : 20;
  if (!peri_cli_number(c, "limit", &limit, &e)) return peri_cli_fail(c, &e);
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  if (!s.store) {
    peri_session_close(&s);
    peri_fail(&e, PERI_NOT_FOUND, "there is no database yet; it is made with perilune init");
    return peri_cli_fail(c, &e);
  }
  peri_buf list = {0}, counts = {0};
  code = peri_report_rejects(s.store, peri_str_of(c->args[0]), peri_str_of(peri_cli_value(c, "entity")), peri_str_of(peri_cli_value(c, "reason")), (int)limit, 0, &list, &e);
  if (!code && !c->json) code = peri_report_reject_counts(s.store, peri_str_of(c->args[0]), &counts, &e);
  if (!code && c->json) peri_cli_data(c, peri_buf_view(&list));
  else if (!code) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    const peri_json *n = peri_json_parse(a, peri_buf_view(&counts), &fault), *all = peri_json_parse(a, peri_buf_view(&list), &fault);
    if (!n || !n->count) puts("no rejects");
    else {
      print_counts(n);
      fputc('\n', stdout);
      print_rejects(all);
      if (!c->quiet) printf("\nafter correcting the mapping: perilune rejects %s --replay\n", c->args[0]);
    }
    peri_arena_free(a);
  }
  peri_buf_fini(&list);
  peri_buf_fini(&counts);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* ---- replay and remap ---- */

typedef struct shown {
  bool on, drawn;
  int64_t last_ms;
} shown;

static void draw(void *self, peri_str entity, const peri_counters *n) {
  shown *d = self;
  int64_t now = peri_mono_ms();
  if (!d->on || now - d->last_ms < 100) return;
  d->last_ms = now;
  d->drawn = true;
  fprintf(stderr, "\r\033[K%.*s: %lld records, %lld changed", PERI_S(entity), (long long)n->processed, (long long)n->updated);
  fflush(stderr);
}

static void print_remapped(const peri_json *d) {
  static const char *const titles[] = {"entity", "records", "changed", "new", "unchanged", "rejected"};
  static const char *const keys[] = {"records", "updated", "created", "unchanged", "rejected"};
  const peri_json *entities = peri_json_get(d, "entities"), *missing = peri_json_get(d, "missing");
  peri_str name = peri_json_get_text(d, "integration");
  printf("%.*s\n", PERI_S(name));
  peri_table *t = peri_table_new(titles, 6);
  for (const peri_json *m = entities ? entities->first : NULL; m; m = m->next) {
    peri_str cells[6] = {m->key};
    for (int i = 0; i < 5; i++) cells[i + 1] = peri_json_str(peri_json_get(m, keys[i]));
    peri_table_row(t, cells);
  }
  peri_table_print(t);
  for (const peri_json *p = missing ? missing->first : NULL; p; p = p->next)
    printf("%.*s was not asked for when some of these records were fetched, and is null there; perilune sync %.*s --full brings it\n", PERI_S(p->text), PERI_S(name));
}

/* Runs one integration; its JSON is appended to *all as an element of a list. */
static peri_code remap_one(peri_cli *c, peri_session *s, peri_str integration, peri_str entity, bool rejects_only, peri_buf *all, peri_err *e) {
  shown d = {.on = !c->quiet && !c->json && peri_cli_terminal(STDERR_FILENO)};
  peri_remap_options o = {.integration = integration, .stream_or_entity = entity, .rejects_only = rejects_only, .force = peri_cli_has(c, "force"), .progress = draw, .progress_self = &d};
  peri_buf json = {0};
  peri_code code = peri_remap(s->engine, s->project, &o, &json, e);
  if (d.drawn) fputs("\r\033[K", stderr);
  if (!code) {
    if (all->n > 1) peri_buf_char(all, ',');
    peri_buf_str(all, peri_buf_view(&json));
  }
  peri_buf_fini(&json);
  return code;
}

static int answer(peri_cli *c, peri_buf *all, bool one, peri_code code, const peri_err *e) {
  if (code) return peri_cli_fail(c, e);
  peri_buf_char(all, ']');
  peri_str text = peri_buf_view(all);
  if (one) text = (peri_str){text.p + 1, text.n - 2};
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *list = peri_json_parse(a, peri_buf_view(all), &fault);
  if (c->json) peri_cli_data(c, text);
  else
    for (const peri_json *i = list ? list->first : NULL; i; i = i->next) print_remapped(i);
  peri_arena_free(a);
  return 0;
}

static int run_rejects(peri_cli *c) {
  if (!peri_cli_has(c, "replay")) return show(c);
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_ENGINE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_buf all = {0};
  peri_buf_char(&all, '[');
  code = remap_one(c, &s, peri_str_of(c->args[0]), peri_str_of(peri_cli_value(c, "entity")), true, &all, &e);
  peri_session_close(&s);
  int exit_code = answer(c, &all, true, code, &e);
  peri_buf_fini(&all);
  return exit_code;
}

static int run_remap(peri_cli *c) {
  const char *slash = strchr(c->args[0], '/');
  if (!slash || slash == c->args[0] || !slash[1]) return peri_cli_usage(c, "remap wants TYPE/ENTITY such as hubspot/contact, not '%s'", c->args[0]);
  peri_str type = {c->args[0], (size_t)(slash - c->args[0])}, entity = peri_str_of(slash + 1), only = peri_str_of(peri_cli_value(c, "integration"));
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_ENGINE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_arena *a = peri_arena_new();
  peri_buf list = {0}, all = {0};
  peri_json_fault fault;
  size_t done = 0;
  peri_buf_char(&all, '[');
  code = peri_integration_list(s.store, &list, &e);
  const peri_json *rows = code ? NULL : peri_json_parse(a, peri_buf_view(&list), &fault);
  for (const peri_json *r = rows ? rows->first : NULL; r && !code && !s.engine->stop; r = r->next) {
    if (!peri_str_eq(peri_json_get_text(r, "type"), type) || (only.n && !peri_str_eq(only, peri_json_get_text(r, "name")))) continue;
    code = remap_one(c, &s, peri_json_get_text(r, "name"), entity, false, &all, &e);
    done++;
  }
  if (!code && !done) code = peri_fail(&e, PERI_NOT_FOUND, "there is no integration of type '%.*s'%s%.*s; see perilune list", PERI_S(type), only.n ? " called " : "", PERI_S(only));
  peri_session_close(&s);
  int exit_code = answer(c, &all, done == 1, code, &e);
  peri_buf_fini(&list);
  peri_buf_fini(&all);
  peri_arena_free(a);
  return exit_code;
}

static const peri_flag rejects_flags[] = {
    {"replay", NULL, false, "map the refused records again with the mapping in force"},
    {"entity", "E", false, "only this entity"},
    {"reason", "CODE", false, "only this code: required, type, rule, validate, invalid_json, script_error, …"},
    {"limit", "N", false, "how many to show (default 20, with --json 1000)"},
};
const peri_command peri_command_rejects = {"rejects", "NAME [--entity E] [--reason CODE] [--limit N] [--replay]", "records that a mapping refused, and why",
                                           "A refused record is kept with its bytes, reason, field, value and file:line. If an older version of it was\n"
                                           "accepted before, that row stays, marked is_stale. A later good version closes the reject.",
                                           1, 1, rejects_flags, 4, run_rejects};
static const peri_flag remap_flags[] = {
    {"integration", "NAME", false, "only this integration"},
    {"force", NULL, false, "rows that this plan made already, too"},
};
const peri_command peri_command_remap = {"remap", "TYPE/ENTITY [--integration NAME] [--force]", "the mapping in force over all stored records; nothing is fetched",
                                         "Rejects first, then rows, then records that the mapping left out. Ctrl-C stops at a batch; run it again for the rest.\n\n"
                                         "  perilune remap hubspot/contact",
                                         1, 1, remap_flags, 2, run_remap};
