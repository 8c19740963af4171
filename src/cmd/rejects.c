/* cmd/rejects: records that a mapping refused: shown with their reasons, tried again with the mapping in force (--replay), or marked as
 * rightly refused (--discard). Asks the API nothing and deletes nothing. */
#include <stdio.h>
#include <string.h>

#include "cmd/remapped.h"
#include "core/drift.h"
#include "store/catalog.h"
#include "store/report.h"

#define ID_SHOWN_MAX 100
#define DRIFT_LOOKED_AT 200 /* newest changes of fields */
#define DRIFT_SHOWN 5

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
  peri_arena *a = peri_arena_new();
  for (const peri_json *r = rejects->first; r; r = r->next) {
    peri_arena_reset(a);
    peri_str file = peri_json_get_text(r, "file"), field = peri_json_get_text(r, "field"), value = peri_json_get_text(r, "value"), message = peri_json_get_text(r, "message");
    printf("%.*s %.*s  ", PERI_S(peri_json_get_text(r, "entity")), PERI_S(peri_cli_shown(a, peri_json_get_text(r, "externalId"), ID_SHOWN_MAX)));
    bool named = field.n && peri_str_starts(message, field);
    if (field.n && !named) printf("%.*s: ", PERI_S(field));
    printf("%.*s: %.*s", PERI_S(peri_json_get_text(r, "code")), PERI_S(peri_cli_shown(a, message, 0)));
    if (value.n) printf("  (value %.*s)", PERI_S(peri_cli_shown(a, value, 0)));
    if (file.n) printf("  [%.*s:%lld]", PERI_S(file), (long long)peri_json_get_int(r, "line", 0));
    fputc('\n', stdout);
  }
  peri_arena_free(a);
}

/* A field that became something else is the likeliest reason why its values are refused now. */
static void print_drift(const peri_cli *c, peri_store *store) {
  peri_buf list = {0};
  peri_err e = {0};
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  int n = 0;
  if (peri_drift_list(store, peri_str_of(c->args[0]), PERI_STR(""), DRIFT_LOOKED_AT, &list, &e) == PERI_OK) {
    const peri_json *rows = peri_json_parse(a, peri_buf_view(&list), &fault);
    for (const peri_json *d = rows ? rows->first : NULL; d; d = d->next) {
      peri_str what = peri_json_get_text(d, "what"), from, to;
      if (peri_str_is(what, "appeared") || peri_str_is(peri_json_get_text(d, "state"), "over") || ++n > DRIFT_SHOWN) continue;
      peri_drift_words(a, what, peri_json_get(d, "was"), peri_json_get(d, "now"), &from, &to);
      printf("%s%.*s.%.*s %.*s", n > 1 ? ", " : "changed there since: ", PERI_S(peri_json_get_text(d, "stream")), PERI_S(peri_json_get_text(d, "field")),
             PERI_S(peri_str_is(what, "vanished") ? what : from));
      if (to.n) printf(" -> %.*s", PERI_S(to));
    }
    if (n) printf("%s; see perilune drift %s\n", n > DRIFT_SHOWN ? ", …" : "", c->args[0]);
  }
  peri_arena_free(a);
  peri_buf_fini(&list);
}

static peri_reject_filter filter_of(const peri_cli *c) {
  return (peri_reject_filter){peri_str_of(peri_cli_value(c, "entity")), peri_str_of(peri_cli_value(c, "reason")), peri_str_of(peri_cli_value(c, "field"))};
}

static int show(peri_cli *c) {
  peri_err e = {0};
  peri_reject_filter filter = filter_of(c);
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
  peri_session_learn(c, &s);
  peri_buf list = {0}, counts = {0};
  code = peri_report_rejects(s.store, peri_str_of(c->args[0]), &filter, (int)limit, 0, &list, &e);
  int64_t discarded = 0;
  if (!code && !c->json) code = peri_report_reject_counts(s.store, peri_str_of(c->args[0]), &filter, &counts, &e);
  if (!code && !c->json) code = peri_report_discarded(s.store, peri_str_of(c->args[0]), &filter, &discarded, &e);
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
      print_drift(c, s.store);
      if (!c->quiet) printf("\nafter correcting the mapping: perilune rejects %s --replay (the next sync does it by itself)\n", c->args[0]);
    }
    if (discarded) printf("%lld discarded\n", (long long)discarded);
    peri_arena_free(a);
  }
  peri_buf_fini(&list);
  peri_buf_fini(&counts);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* ---- discard ---- */

static int discard(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_reject_filter filter = filter_of(c);
  int64_t count = 0;
  peri_json *row = NULL;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_arena *a = peri_arena_new();
  code = peri_integration_get(s.store, a, peri_str_of(c->args[0]), &row, &e);
  if (!code) code = peri_store_discard(s.store, peri_json_get_text(row, "id"), &filter, &count, &e);
  if (!code && c->json) {
    peri_str json = peri_arena_fmt(a, "{\"discarded\":%lld}", (long long)count);
    peri_cli_data(c, json);
  } else if (!code)
    printf("%lld discarded; each stays so until another version of it is refused\n", (long long)count);
  peri_arena_free(a);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* ---- replay ---- */

static int run_rejects(peri_cli *c) {
  if (peri_cli_has(c, "discard")) return peri_cli_has(c, "replay") ? peri_cli_usage(c, "--replay tries again, --discard gives up: one of them") : discard(c);
  if (!peri_cli_has(c, "replay")) return show(c);
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_ENGINE, &s, &e);
  if (!code) peri_session_learn(c, &s);
  if (code) return peri_cli_fail(c, &e);
  peri_buf all = {0};
  peri_buf_char(&all, '[');
  peri_reject_filter filter = filter_of(c);
  peri_remap_options o = {.integration = peri_str_of(c->args[0]), .stream_or_entity = filter.entity, .rejects_only = true, .filter = filter};
  code = peri_cli_remap(c, &s, &o, &all, &e);
  bool stopped = !code && s.engine->stop;
  peri_session_close(&s);
  int exit_code = stopped ? peri_cli_remap_stopped(c, &e) : peri_cli_remapped(c, &all, true, code, &e);
  peri_buf_fini(&all);
  return exit_code;
}

static const peri_flag rejects_flags[] = {
    {"replay", NULL, false, "map the refused records again with the mapping in force"},
    {"entity", "E", false, "only this entity"},
    {"reason", "CODE", false, "only this code: required, type, rule, validate, invalid_json, script_error, …"},
    {"field", "F", false, "only this field"},
    {"discard", NULL, false, "mark them as rightly refused: they are no longer counted, shown or tried again"},
    {"limit", "N", false, "how many to show (default 20, with --json 1000)"},
};
const peri_command peri_command_rejects = {"rejects", "NAME [--entity E] [--reason CODE] [--field F] [--limit N] [--replay | --discard]", "records that a mapping refused, and why",
                                           "A refused record is kept with its bytes, reason, field, value and file:line. If an older version of it was\n"
                                           "accepted before, that row stays, marked is_stale. A later good version closes the reject. When the mapping changes, the next sync tries its rejects\n"
                                           "again by itself. A discarded one stays discarded if it comes again unchanged; a changed version opens anew.\n\n"
                                           "  perilune rejects crm --reason type --field email",
                                           1, 1, rejects_flags, 6, run_rejects};
