/* cmd/drift: what changed in the fields of an account, what became of it, and which lines of mappings read it; and the answer to what waits for one.
 * Asks the API nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/target.h"
#include "core/drift.h"
#include "store/catalog.h"

#define SHOWN 50
#define IDS_MAX 1000

/* ---- who reads what ---- */

typedef struct reading {
  peri_str name, type;
  peri_scripts *scripts; /* NULL: they do not load; then nobody is known to read anything */
} reading;

static void load(peri_arena *a, peri_session *s, peri_str name, reading *out) {
  if (peri_str_eq(out->name, name)) return;
  peri_err e = {0};
  peri_scripts_want want = {0};
  peri_scripts_close(out->scripts);
  *out = (reading){.name = name};
  if (peri_target_integration(a, s, peri_arena_str(a, name).p, &want, &e) || peri_scripts_load(s->project, s->store, &want, &out->scripts, &e)) return;
  out->type = peri_str_of(want.type);
}

typedef struct readers {
  peri_map places;
  bool rest;
  peri_str path;
} readers;

static void find_readers(peri_arena *a, const reading *by, peri_str stream, peri_str field, readers *out) {
  *out = (readers){.rest = false};
  peri_map_init(&out->places, a);
  const peri_stream *st = by->scripts && by->scripts->connector ? peri_connector_stream(by->scripts->connector, stream) : NULL;
  out->path = field;
  if (by->scripts) peri_drift_readers(a, by->scripts, by->type, stream, st, field, &out->places, &out->rest, &out->path);
}

static peri_str joined(peri_arena *a, const readers *r) {
  peri_str all = PERI_STR("");
  for (size_t i = 0; i < r->places.count; i++) all = peri_arena_fmt(a, "%.*s%s%.*s", PERI_S(all), all.n ? ", " : "", PERI_S(r->places.items[i].key));
  return all;
}

/* ---- the list ---- */

static void put_one(peri_jw *w, const peri_json *d, const readers *r) {
  peri_jw_object(w);
  for (const peri_json *m = d->first; m; m = m->next) peri_jw_key(w, m->key), peri_jw_raw(w, m->raw);
  peri_jw_key_c(w, "readBy");
  peri_jw_array(w);
  for (size_t i = 0; i < r->places.count; i++) peri_jw_text(w, r->places.items[i].key);
  peri_jw_end_array(w);
  peri_jw_kv_bool(w, "rest", r->rest);
  peri_jw_end_object(w);
}

static void print_why(peri_arena *a, const peri_json *d, const readers *r) {
  peri_str what = peri_json_get_text(d, "what"), state = peri_json_get_text(d, "state");
  if (!r->places.count || peri_str_is(state, "over") || peri_str_is(what, "appeared")) return;
  printf("%.*s reads %.*s.%.*s, which %s\n", PERI_S(joined(a, r)), PERI_S(peri_json_get_text(d, "stream")), PERI_S(peri_json_get_text(d, "field")),
         peri_str_is(what, "vanished") ? "vanished: rows mapped since then hold null there"
         : peri_str_is(what, "type")   ? "has another type: values that do not convert are refused (perilune rejects)"
                                       : "has other options");
}

static int show(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  int64_t limit = c->json ? 1000 : SHOWN;
  if (!peri_cli_number(c, "limit", &limit, &e)) return peri_cli_fail(c, &e);
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_buf list = {0}, out = {0};
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  if (s.store) code = peri_drift_list(s.store, peri_str_of(c->arg_count ? c->args[0] : ""), PERI_STR(""), (int)limit, &list, &e);
  else code = peri_fail(&e, PERI_NOT_FOUND, "there is no database yet; it is made with the first perilune add");
  const peri_json *rows = code ? NULL : peri_json_parse(a, peri_buf_view(&list), &fault);
  static const char *const titles[] = {"id", "when", "integration", "stream", "field", "what", "was", "now", "state", "read at"};
  peri_table *t = code || c->json ? NULL : peri_table_new(titles, 10);
  reading by = {0};
  peri_jw w;
  peri_jw_init(&w, &out);
  peri_jw_array(&w);
  int64_t waiting = 0;
  for (const peri_json *d = rows ? rows->first : NULL; d; d = d->next) {
    readers r;
    peri_str was, now, what = peri_json_get_text(d, "what"), state = peri_json_get_text(d, "state");
    load(a, &s, peri_json_get_text(d, "integration"), &by);
    find_readers(a, &by, peri_json_get_text(d, "stream"), peri_json_get_text(d, "field"), &r);
    waiting += peri_str_is(state, "asked") || peri_str_is(state, "frozen");
    put_one(&w, d, &r);
    if (!t) continue;
    peri_drift_words(a, what, peri_json_get(d, "was"), peri_json_get(d, "now"), &was, &now);
    peri_str read = joined(a, &r);
    peri_str cells[10] = {peri_json_str(peri_json_get(d, "id")), peri_json_get_text(d, "when"), by.name, peri_json_get_text(d, "stream"), peri_json_get_text(d, "field"), what,
                          was.n ? was : PERI_STR("-"), now.n ? now : PERI_STR("-"), state, read.n ? read : PERI_STR("-")};
    peri_table_row(t, cells);
  }
  peri_jw_end_array(&w);
  if (!code && c->json) peri_cli_data(c, peri_buf_view(&out));
  else if (!code && (!rows || !rows->count)) {
    puts("no field has changed since it was first seen");
    peri_table_print(t);
  } else if (!code) {
    peri_table_print(t);
    for (const peri_json *d = rows->first; d; d = d->next) {
      readers r;
      load(a, &s, peri_json_get_text(d, "integration"), &by);
      find_readers(a, &by, peri_json_get_text(d, "stream"), peri_json_get_text(d, "field"), &r);
      print_why(a, d, &r);
    }
    if (waiting && !c->quiet) printf("%lld left out: take them with perilune drift NAME --accept ID… or --accept --all, or --decline\n", (long long)waiting);
  }
  peri_scripts_close(by.scripts);
  peri_buf_fini(&list);
  peri_buf_fini(&out);
  peri_arena_free(a);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* ---- the answer ---- */

/* Values of an accepted field: old records were fetched without it. */
static peri_str command_for(peri_arena *a, const char *name, const peri_drift_row *d, const readers *r) {
  if (!peri_str_is(d->what, "appeared") || !peri_str_is(d->state, "taken")) return PERI_STR("");
  return peri_arena_fmt(a, "perilune backfill %s --entity %.*s --field '%.*s'", name, PERI_S(d->stream), PERI_S(r->path));
}

static void put_answers(peri_cli *c, peri_arena *a, const reading *by, const peri_drift_row *rows, size_t count) {
  peri_buf json = {0};
  peri_jw w;
  peri_jw_init(&w, &json);
  peri_jw_array(&w);
  for (size_t i = 0; i < count; i++) {
    const peri_drift_row *d = &rows[i];
    readers r;
    find_readers(a, by, d->stream, d->field, &r);
    peri_str command = command_for(a, by->name.p, d, &r);
    bool read = r.places.count || r.rest;
    if (!c->json) {
      printf("%.*s.%.*s (%.*s): %.*s\n", PERI_S(d->stream), PERI_S(d->field), PERI_S(d->what), PERI_S(d->state));
      if (command.n) printf("  %s: %.*s\n", read ? "to bring its values to records that are here already" : "no mapping reads it yet; when one does, this brings its values to records that are here already", PERI_S(command));
      continue;
    }
    peri_jw_object(&w);
    peri_jw_kv_int(&w, "id", d->seq);
    peri_jw_kv(&w, "stream", d->stream);
    peri_jw_kv(&w, "field", d->field);
    peri_jw_kv(&w, "what", d->what);
    peri_jw_kv(&w, "state", d->state);
    peri_jw_kv_bool(&w, "read", read);
    peri_jw_kv_c(&w, "backfill", command.n ? command.p : NULL);
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
  if (c->json) peri_cli_data(c, peri_buf_view(&json));
  else if (!count) puts("no change waits for an answer");
  peri_buf_fini(&json);
}

static int answer(peri_cli *c, bool accept) {
  int64_t ids[IDS_MAX];
  size_t id_count = 0, count = 0;
  bool all = peri_cli_has(c, "all");
  if (!c->arg_count) return peri_cli_usage(c, "which integration? perilune drift NAME %s ID…", accept ? "--accept" : "--decline");
  for (int i = 1; i < c->arg_count; i++) {
    char *end = NULL;
    long long id = strtoll(c->args[i], &end, 10);
    if (id <= 0 || *end) return peri_cli_usage(c, "'%s' is no number of a change; perilune drift %s shows them", c->args[i], c->args[0]);
    if (id_count == IDS_MAX) return peri_cli_usage(c, "no more than %d at once; or --all", IDS_MAX);
    ids[id_count++] = id;
  }
  if (all == (id_count > 0)) return peri_cli_usage(c, "name the changes by their numbers (perilune drift %s), or give --all", c->args[0]);
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_arena *a = peri_arena_new();
  peri_json *row = NULL;
  peri_drift_row *rows = NULL;
  reading by = {0};
  code = peri_integration_get(s.store, a, peri_str_of(c->args[0]), &row, &e);
  if (!code) code = peri_drift_answer(s.store, peri_json_get_text(row, "id"), peri_str_of(c->args[0]), ids, id_count, accept, &rows, &count, a, &e);
  if (!code) {
    load(a, &s, peri_str_of(c->args[0]), &by);
    put_answers(c, a, &by, rows, count);
  }
  peri_scripts_close(by.scripts);
  peri_arena_free(a);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

static int run(peri_cli *c) {
  bool accept = peri_cli_has(c, "accept"), decline = peri_cli_has(c, "decline");
  if (accept && decline) return peri_cli_usage(c, "--accept or --decline: one of them");
  if (accept || decline) return answer(c, accept);
  if (c->arg_count > 1 || peri_cli_has(c, "all")) return peri_cli_usage(c, "numbers and --all belong to --accept or --decline");
  return show(c);
}

static const peri_flag flags[] = {
    {"accept", NULL, false, "take the changes that were left out: those of the numbers given, or --all"},
    {"decline", NULL, false, "leave them out for good, without being asked again"},
    {"all", NULL, false, "all that wait"},
    {"limit", "N", false, "how many to show, the newest first (default 50, with --json 1000)"},
};
const peri_command peri_command_drift = {"drift", "[NAME] [--limit N] | NAME (--accept | --decline) (ID… | --all)", "fields of an account that appeared, vanished or became something else",
                                         "Each stream has a policy, perilune set NAME --setting drift.STREAM=evolve|freeze|ask: evolve takes every change (the\n"
                                         "default), freeze leaves it out, ask leaves it out until you have answered. A vanished field is never asked for, whatever the policy.\n"
                                         "The fields are looked at once a day, and by perilune discover NAME.\n\n"
                                         "  perilune drift crm --accept 3 4",
                                         0, -1, flags, sizeof flags / sizeof *flags, run};
