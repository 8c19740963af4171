/* cmd/look: list, show, status, runs, rejects: what is in the database. Reads only; takes no lock and needs no key. */
#include <stdio.h>
#include <string.h>

#include "cmd/flags.h"
#include "store/catalog.h"
#include "store/report.h"

typedef peri_code (*report)(peri_cli *c, peri_store *s, peri_buf *json, peri_err *e);

static int no_database(peri_cli *c) {
  peri_err e = {0};
  peri_fail(&e, PERI_NOT_FOUND, "there is no database yet; it is made with the first perilune add");
  return peri_cli_fail(c, &e);
}

/* Fetches a report; prints it as JSON, or hands it to `print`. */
static int show_report(peri_cli *c, report fetch, void (*print)(peri_cli *c, const peri_json *data)) {
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  if (!s.store) {
    peri_session_close(&s);
    return no_database(c);
  }
  peri_buf json = {0};
  code = fetch(c, s.store, &json, &e);
  if (!code && c->json) peri_cli_data(c, peri_buf_view(&json));
  else if (!code) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    print(c, peri_json_parse(a, peri_buf_view(&json), &fault));
    peri_arena_free(a);
  }
  peri_buf_fini(&json);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* A table with one column per title; each title is also the key, unless "title=key". */
static void print_rows(const peri_json *rows, const char *const *columns, size_t n, const char *none) {
  if (!rows || !rows->count) {
    puts(none);
    return;
  }
  const char *titles[16];
  peri_arena *a = peri_arena_new();
  for (size_t i = 0; i < n; i++) {
    const char *eq = strchr(columns[i], '=');
    titles[i] = eq ? peri_arena_str(a, (peri_str){columns[i], (size_t)(eq - columns[i])}).p : columns[i];
  }
  peri_table *t = peri_table_new(titles, n);
  for (const peri_json *r = rows->first; r; r = r->next) {
    peri_str cells[16];
    for (size_t i = 0; i < n; i++) {
      const char *eq = strchr(columns[i], '=');
      const peri_json *v = peri_json_at(r, peri_str_of(eq ? eq + 1 : columns[i]));
      cells[i] = !v || v->type == PERI_J_NULL ? PERI_STR("-") : v->type == PERI_J_STRING || v->type == PERI_J_NUMBER ? v->text : v->raw;
    }
    peri_table_row(t, cells);
  }
  peri_table_print(t);
  peri_arena_free(a);
}

/* ---- list, show ---- */

static peri_code fetch_list(peri_cli *c, peri_store *s, peri_buf *json, peri_err *e) {
  (void)c;
  return peri_integration_list(s, json, e);
}
static void print_list(peri_cli *c, const peri_json *d) {
  (void)c;
  static const char *const columns[] = {"name", "type", "status", "rows=data_count", "rejects=error_count", "last sync=last_sync", "id"};
  print_rows(d, columns, 7, "no integrations; add one with: perilune add TYPE NAME");
}
static int run_list(peri_cli *c) { return show_report(c, fetch_list, print_list); }

static peri_code fetch_show(peri_cli *c, peri_store *s, peri_buf *json, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_json *row = NULL;
  peri_code code = peri_integration_get(s, a, peri_str_of(c->args[0]), &row, e);
  if (!code) peri_json_put(json, row);
  peri_arena_free(a);
  return code;
}
static void print_show(peri_cli *c, const peri_json *d) {
  (void)c;
  for (const peri_json *m = d ? d->first : NULL; m; m = m->next) {
    peri_str text = m->type == PERI_J_STRING ? m->text : m->raw;
    printf("%-14.*s %.*s\n", PERI_S(m->key), PERI_S(text));
  }
}
static int run_show(peri_cli *c) { return show_report(c, fetch_show, print_show); }

/* ---- status, runs ---- */

static peri_code fetch_status(peri_cli *c, peri_store *s, peri_buf *json, peri_err *e) { return peri_report_status(s, peri_str_of(c->arg_count ? c->args[0] : ""), json, e); }
/* Deletions that wait for an answer. */
static void print_questions(peri_str name, const peri_json *questions) {
  for (const peri_json *q = questions ? questions->first : NULL; q; q = q->next) {
    long long missing = (long long)peri_json_get_int(q, "missing", 0);
    printf("  %.*s: %lld of %lld rows are missing from a complete listing since %.*s:", PERI_S(peri_json_get_text(q, "stream")), missing,
           (long long)peri_json_get_int(q, "live", 0), PERI_S(peri_json_get_text(q, "askedAt")));
    const peri_json *samples = peri_json_get(q, "samples");
    for (const peri_json *one = samples ? samples->first : NULL; one; one = one->next) printf("%s %.*s", one == samples->first ? "" : ",", PERI_S(one->text));
    printf("%s\n    if they are gone: perilune sync %.*s --accept-deletes %.*s\n", samples && missing > (long long)samples->count ? ", …" : "", PERI_S(name),
           PERI_S(peri_json_get_text(q, "runId")));
  }
}

/* Changed fields that wait for an answer. */
static void print_drift(peri_str name, const peri_json *drift) {
  if (!drift || !drift->count) return;
  printf("  %zu changed field%s wait%s for an answer:", drift->count, drift->count == 1 ? "" : "s", drift->count == 1 ? "s" : "");
  int n = 0;
  for (const peri_json *d = drift->first; d && n < 5; d = d->next, n++)
    printf("%s %.*s.%.*s (%.*s)", n ? "," : "", PERI_S(peri_json_get_text(d, "stream")), PERI_S(peri_json_get_text(d, "field")), PERI_S(peri_json_get_text(d, "what")));
  printf("%s\n    to take or decline them: perilune drift %.*s\n", drift->count > 5 ? ", …" : "", PERI_S(name));
}

static void print_status(peri_cli *c, const peri_json *d) {
  (void)c;
  if (!d || !d->count) puts("no integrations; add one with: perilune add TYPE NAME");
  static const char *const columns[] = {"stream", "phase", "rows", "rejects"};
  for (const peri_json *i = d ? d->first : NULL; i; i = i->next) {
    peri_str last = peri_json_get_text(i, "last_sync");
    printf("%.*s (%.*s): %.*s, %lld rows, %lld rejects, last sync %.*s\n", PERI_S(peri_json_get_text(i, "name")), PERI_S(peri_json_get_text(i, "type")), PERI_S(peri_json_get_text(i, "status")),
           (long long)peri_json_get_int(i, "data_count", 0), (long long)peri_json_get_int(i, "error_count", 0), PERI_S(last.n ? last : PERI_STR("never")));
    if (peri_str_is(peri_json_get_text(i, "status"), "needs_reauth")) printf("  its login has ended; log in again: perilune auth %.*s\n", PERI_S(peri_json_get_text(i, "name")));
    const peri_json *run = peri_json_get(i, "last_run");
    peri_str problem = peri_json_get_text(run, "error_message");
    if (problem.n) printf("  last run %.*s: %.*s\n", PERI_S(peri_json_get_text(run, "status")), PERI_S(problem));
    print_questions(peri_json_get_text(i, "name"), peri_json_get(i, "questions"));
    print_drift(peri_json_get_text(i, "name"), peri_json_get(i, "drift"));
    const peri_json *streams = peri_json_get(i, "streams");
    if (streams && streams->count) print_rows(streams, columns, 4, "");
  }
}
static int run_status(peri_cli *c) { return show_report(c, fetch_status, print_status); }

static peri_code fetch_runs(peri_cli *c, peri_store *s, peri_buf *json, peri_err *e) {
  int64_t limit = 20;
  if (!peri_cli_number(c, "limit", &limit, e)) return PERI_USAGE;
  return peri_report_runs(s, peri_str_of(c->arg_count ? c->args[0] : ""), (int)limit, json, e);
}
static void print_runs(peri_cli *c, const peri_json *d) {
  (void)c;
  static const char *const columns[] = {"started=started_at", "kind", "status", "processed", "created", "updated", "unchanged", "rejected", "deleted", "requests", "error=error_code", "id"};
  print_rows(d, columns, 12, "no runs yet");
}
static int run_runs(peri_cli *c) { return show_report(c, fetch_runs, print_runs); }

static const peri_flag runs_flags[] = {{"limit", "N", false, "how many, the newest first (default 20)"}};
const peri_command peri_command_list = {"list", "", "the integrations", "", 0, 0, NULL, 0, run_list};
const peri_command peri_command_show = {"show", "NAME", "one integration; never a secret", "", 1, 1, NULL, 0, run_show};
const peri_command peri_command_status = {"status", "[NAME]", "where each integration and stream has got to", "", 0, 1, NULL, 0, run_status};
const peri_command peri_command_runs = {"runs", "[NAME] [--limit N]", "past runs with their counters", "", 0, 1, runs_flags, 1, run_runs};
