/* cmd/why: where a record and each of its values came from: request, run, raw value, step by step through the mapping, file and line. What it says is true
 * for the stored row: it maps the stored record with the files that were in force when the row was written, and says what those of today would make of
 * it. Writes nothing, asks no API. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/show.h"
#include "cmd/flags.h"
#include "core/trace.h"
#include "store/report.h"

#define NAMES_SHOWN_MAX 10

typedef struct why_job {
  peri_cli *c;
  peri_session s;
  peri_arena *a;
  peri_jw w;
} why_job;

/* The project as it stood at that generation; NULL: its files are not known. */
static const peri_project *project_at(why_job *j, int64_t generation, peri_err *e) {
  peri_buf list = {0};
  peri_json_fault fault;
  peri_code code = peri_report_generation_files(j->s.store, generation, &list, e);
  const peri_json *paths = code ? NULL : peri_json_parse(j->a, peri_buf_view(&list), &fault);
  peri_buf_fini(&list);
  if (!paths || !paths->count) return NULL;
  peri_load_file *files = peri_arena_take(j->a, paths->count * sizeof *files);
  size_t n = 0;
  for (const peri_json *p = paths->first; p; p = p->next) {
    bool found;
    files[n].path = peri_json_get_text(p, "path");
    if (peri_store_generation_file(j->s.store, j->a, generation, files[n].path, &files[n].bytes, &found, e)) return NULL;
    if (found) n++;
  }
  return peri_project_of(j->s.project, files, n);
}

/* ---- values ---- */

/* Long ones are cut, as a trace cuts them. */
static void put_value(peri_jw *w, const char *key, peri_str json) {
  if (json.n <= PERI_TRACED_BYTES_MAX) peri_jw_kv_raw(w, key, json.n ? json : PERI_STR("null"));
  else {
    peri_buf b = {0};
    peri_buf_put(&b, json.p, peri_show_edge(json, PERI_TRACED_BYTES_MAX));
    peri_buf_c_str(&b, "\xE2\x80\xA6");
    peri_jw_kv(w, key, peri_buf_view(&b));
    peri_buf_fini(&b);
  }
}

static bool same(const peri_json *traced, peri_str json) {
  int64_t bytes = peri_json_get_int(traced, "bytes", 0);
  const peri_json *v = peri_json_get(traced, "value");
  return bytes ? bytes == (int64_t)json.n : v && peri_str_eq(v->raw, json.n ? json : PERI_STR("null"));
}

static const peri_json *named(const peri_json *list, const char *key, peri_str name) {
  const peri_json *m = list ? list->first : NULL;
  while (m && !peri_str_eq(peri_json_get_text(m, key), name)) m = m->next;
  return m;
}

/* Of a mapping with `rows` the one of this id. */
static const peri_json *row_of(const peri_json *trace, peri_str id) {
  const peri_json *rows = peri_json_get(trace, "rows"), *own = named(rows, "key", id);
  return own ? own : rows ? rows->first : NULL;
}

/* ---- one record ---- */

static void put_field(why_job *j, const peri_json *f, const peri_json *data, const peri_json *today, bool other) {
  const peri_json *stored = data ? peri_json_at(data, peri_json_get_text(f, "name")) : NULL, *mapped = peri_json_get(f, "value");
  const peri_json *now = named(peri_json_get(today, "fields"), "name", peri_json_get_text(f, "name"));
  peri_str value = stored ? stored->raw : data ? PERI_STR("null") : mapped ? mapped->raw : PERI_STR("null");
  peri_jw_object(&j->w);
  for (const peri_json *m = f->first; m; m = m->next)
    if (!peri_str_is(m->key, "value")) peri_jw_key(&j->w, m->key), peri_jw_raw(&j->w, m->raw);
  put_value(&j->w, "value", value);
  if (data && !same(f, value)) peri_jw_kv_raw(&j->w, "mapped", mapped ? mapped->raw : PERI_STR("null"));
  if (other && today && !now) peri_jw_kv_bool(&j->w, "nowDropped", true);
  if (other && now && !same(now, value)) {
    peri_jw_kv_raw(&j->w, "now", peri_json_get(now, "value")->raw);
    const peri_json *failed = peri_json_get(now, "failed");
    if (failed) peri_jw_kv_raw(&j->w, "nowFailed", failed->raw);
  }
  peri_jw_end_object(&j->w);
}

static peri_code trace(why_job *j, const peri_project *project, const peri_json *row, const peri_json **out, peri_err *e) {
  const peri_json *raw = peri_json_get(row, "raw"), *context = peri_json_get(row, "context");
  peri_trace_record record = {.integration = peri_json_get_text(row, "integration"), .entity = peri_str_of(j->c->args[0]), .raw = raw ? raw->raw : peri_json_get_text(row, "rawText")};
  peri_buf json = {0};
  peri_json_fault fault;
  *out = NULL;
  if (!record.raw.n || peri_str_is(record.raw, "null")) return PERI_OK; /* nothing is kept of it */
  if (context && context->type == PERI_J_OBJECT) record.context = context->raw;
  peri_code code = peri_trace(j->s.engine, project, &record, &json, e);
  if (!code && json.n) *out = peri_json_parse(j->a, peri_arena_str(j->a, peri_buf_view(&json)), &fault);
  peri_buf_fini(&json);
  return code;
}

static void put_way(why_job *j, const peri_json *row, const peri_json *then, const peri_json *now) {
  peri_str id = peri_json_get_text(row, "id"), only = peri_str_of(j->c->arg_count > 2 ? j->c->args[2] : "");
  const peri_json *at = row_of(then, id), *today = row_of(now, id), *rule = peri_json_get(at, "rule"), *fields = peri_json_get(at, "fields"), *data = peri_json_get(row, "data");
  bool other = now && !peri_str_eq(peri_json_get_text(now, "plan"), peri_json_get_text(row, "plan"));
  if (data && data->type != PERI_J_OBJECT) data = NULL;
  if (rule) peri_jw_kv_raw(&j->w, "rule", rule->raw);
  /* the files are those of then; settings, labels and field mappings of the database are those of today */
  if (then && peri_json_get_text(row, "plan").n) peri_jw_kv_bool(&j->w, "exact", peri_str_eq(peri_json_get_text(then, "plan"), peri_json_get_text(row, "plan")));
  peri_jw_key_c(&j->w, "fields");
  peri_jw_array(&j->w);
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next)
    if (!only.n || peri_str_eq(only, peri_json_get_text(f, "name"))) put_field(j, f, data, today, other);
  peri_jw_end_array(&j->w);
  if (!other) return;
  if (today) peri_jw_kv(&j->w, "nowVerdict", peri_json_get_text(today, "verdict"));
  if (peri_json_get(today, "rule")) peri_jw_kv_raw(&j->w, "nowRule", peri_json_get(today, "rule")->raw);
}

static peri_code explain(why_job *j, const peri_json *row, peri_err *e) {
  peri_err none = {0};
  const peri_json *then = NULL, *now = NULL;
  const peri_project *project = project_at(j, peri_json_get_int(row, "generationSeq", 0), &none);
  peri_jw_object(&j->w);
  for (const peri_json *m = row->first; m; m = m->next) {
    bool large = peri_str_is(m->key, "raw") || peri_str_is(m->key, "rawText") || peri_str_is(m->key, "data");
    if (m->type == PERI_J_NULL || peri_str_is(m->key, "generationSeq")) continue;
    if (large) put_value(&j->w, peri_str_is(m->key, "data") ? "data" : "raw", m->raw);
    else peri_jw_key(&j->w, m->key), peri_jw_raw(&j->w, m->raw);
  }
  peri_code code = project ? trace(j, project, row, &then, e) : PERI_OK;
  if (code == PERI_INTERRUPTED) return code;
  if (code) { /* of a row that was written, only the steps can't be told */
    peri_jw_kv_c(&j->w, "untold", e->text);
    *e = (peri_err){0};
  }
  code = trace(j, j->s.project, row, &now, e);
  if (code == PERI_INTERRUPTED) return code;
  if (code) peri_jw_kv_c(&j->w, "nowUntold", e->text);
  *e = (peri_err){0};
  put_way(j, row, then, now);
  peri_jw_kv_bool(&j->w, "mappingChanged", now && peri_json_get_text(row, "plan").n && !peri_str_eq(peri_json_get_text(now, "plan"), peri_json_get_text(row, "plan")));
  peri_jw_end_object(&j->w);
  return PERI_OK;
}

/* ---- for people ---- */

static peri_str shown(why_job *j, const peri_json *v) {
  peri_str raw = !v ? PERI_STR("null") : v->raw;
  return peri_cli_shown(j->a, raw, 400);
}

static void print_place(const peri_json *d) {
  peri_str file = peri_json_get_text(d, "file");
  if (file.n) printf("  [%.*s:%lld]", PERI_S(file), (long long)peri_json_get_int(d, "line", 0));
  fputc('\n', stdout);
}

static void print_failed(why_job *j, const char *before, const peri_json *f) {
  if (!f) return;
  printf("%s%.*s", before, PERI_S(peri_cli_shown(j->a, peri_json_get_text(f, "message"), 0)));
  print_place(f);
}

static void print_field(why_job *j, const peri_json *f) {
  printf("\n%.*s = %.*s", PERI_S(peri_json_get_text(f, "name")), PERI_S(shown(j, peri_json_get(f, "value"))));
  print_place(f);
  const peri_json *read = peri_json_get(f, "read"), *steps = peri_json_get(f, "steps"), *checks = peri_json_get(f, "checks");
  for (const peri_json *r = read ? read->first : NULL; r; r = r->next) printf("  %.*s = %.*s\n", PERI_S(peri_json_get_text(r, "path")), PERI_S(shown(j, peri_json_get(r, "value"))));
  for (const peri_json *s = steps ? steps->first : NULL; s; s = s->next) {
    printf("  -> %.*s: %.*s", PERI_S(peri_json_get_text(s, "step")), PERI_S(shown(j, peri_json_get(s, "value"))));
    print_place(s);
  }
  for (const peri_json *k = checks ? checks->first : NULL; k; k = k->next) printf("  passed %.*s\n", PERI_S(peri_cli_shown(j->a, k->text, 0)));
  print_failed(j, "  failed: ", peri_json_get(f, "failed"));
  if (peri_json_get(f, "mapped")) printf("  that way it would be %.*s now\n", PERI_S(shown(j, peri_json_get(f, "mapped"))));
  if (peri_json_get(f, "now")) printf("  the mapping in force now gives %.*s\n", PERI_S(shown(j, peri_json_get(f, "now"))));
  print_failed(j, "  and refuses it: ", peri_json_get(f, "nowFailed"));
  if (peri_json_get_bool(f, "nowDropped", false)) puts("  the mapping in force now has no such field");
}

static void print_now(why_job *j, const peri_json *d) {
  peri_str verdict = peri_json_get_text(d, "nowVerdict"), untold = peri_json_get_text(d, "nowUntold"), then = peri_json_get_text(d, "untold");
  if (then.n) printf("\nits steps can't be told: %.*s\n", PERI_S(peri_cli_shown(j->a, then, 0)));
  if (!peri_json_get_bool(d, "exact", true)) puts("\nthe files are those of then; settings, labels or field mappings were others: a value may have come another way");
  if (untold.n) printf("\nwhat the mapping in force now makes of it can't be told: %.*s\n", PERI_S(peri_cli_shown(j->a, untold, 0)));
  if (peri_str_is(verdict, "reject")) puts("\nthe mapping in force now would refuse it");
  if (peri_str_is(verdict, "skip")) print_failed(j, "\nthe mapping in force now would leave it out: ", peri_json_get(d, "nowRule"));
  if (peri_json_get_bool(d, "mappingChanged", false)) puts("\nthe mapping in force now is another one; perilune plan shows what it would change, perilune remap does it");
}

static void print_one(why_job *j, const peri_json *d) {
  char at[PERI_ISO_MAX];
  peri_str cause = peri_json_get_text(d, "cause"), merged = peri_json_get_text(d, "mergedInto"), url = peri_json_get_text(d, "url"), message = peri_json_get_text(d, "message");
  printf("%.*s of %.*s: %.*s", PERI_S(peri_cli_shown(j->a, peri_json_get_text(d, "id"), 0)), PERI_S(peri_json_get_text(d, "integration")), PERI_S(peri_json_get_text(d, "state")));
  if (merged.n) printf(" into %.*s", PERI_S(peri_cli_shown(j->a, merged, 0)));
  else if (cause.n) printf(" (%.*s) at %.*s", PERI_S(cause), PERI_S(peri_json_get_text(d, "deletedAt")));
  printf("\n  run         %.*s %.*s of %.*s\n", PERI_S(peri_json_get_text(d, "runKind")), PERI_S(peri_json_get_text(d, "run")), PERI_S(peri_json_get_text(d, "runAt")));
  if (url.n)
    printf("  brought by  %.*s %.*s (page %lld, %s)\n", PERI_S(peri_json_get_text(d, "method")), PERI_S(peri_cli_shown(j->a, url, 0)), (long long)peri_json_get_int(d, "page", 0),
           peri_iso(peri_json_get_int(d, "askedMs", 0), at));
  printf("  generation  %.*s, plan %.*s\n", PERI_S(peri_json_get_text(d, "generation")), PERI_S(peri_json_get_text(d, "plan")));
  if (message.n) printf("  refused     %.*s: %.*s", PERI_S(peri_json_get_text(d, "code")), PERI_S(peri_cli_shown(j->a, message, 0))), print_place(d);
  print_failed(j, "  left out    ", peri_json_get(d, "rule"));
  const peri_json *fields = peri_json_get(d, "fields");
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) print_field(j, f);
  print_now(j, d);
}

/* ---- work ---- */

/* One name may stand for records of several integrations; nobody wants all of their stories. */
static peri_code only_one(why_job *j, const peri_json *rows, peri_err *e) {
  peri_buf names = {0};
  size_t n = 0;
  for (const peri_json *r = rows->first; r; r = r->next) {
    peri_str name = peri_json_get_text(r, "integration");
    if (named(rows, "integration", name) != r) continue;
    if (n < NAMES_SHOWN_MAX) peri_buf_fmt(&names, "%s%.*s", n ? ", " : "", PERI_S(name));
    n++;
  }
  if (n > NAMES_SHOWN_MAX) peri_buf_c_str(&names, " and others");
  peri_code code = PERI_OK;
  if (n > 1) code = peri_fail(e, PERI_INVALID, "%s %s is in %.*s; say which one with --integration NAME", j->c->args[0], j->c->args[1], (int)names.n, names.p);
  peri_buf_fini(&names);
  return code;
}

static int run(peri_cli *c) {
  why_job j = {.c = c, .a = peri_arena_new()};
  peri_err e = {0};
  peri_buf list = {0}, out = {0};
  peri_json_fault fault;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ | PERI_NEED_ENGINE, &j.s, &e);
  if (!code && !j.s.store) code = peri_fail(&e, PERI_NOT_FOUND, "there is no database yet; it is made with perilune add");
  if (!code) peri_session_learn(c, &j.s);
  if (!code) code = peri_report_why(j.s.store, peri_str_of(peri_cli_value(c, "integration")), peri_str_of(c->args[0]), peri_str_of(c->args[1]), &list, &e);
  const peri_json *rows = code ? NULL : peri_json_parse(j.a, peri_buf_view(&list), &fault);
  if (!code && (!rows || !rows->count)) code = peri_fail(&e, PERI_NOT_FOUND, "no %s with the id %s is stored, refused or left out", c->args[0], c->args[1]);
  if (!code) code = only_one(&j, rows, &e);
  peri_jw_init(&j.w, &out);
  peri_jw_array(&j.w);
  for (const peri_json *r = rows ? rows->first : NULL; r && !code; r = r->next) code = explain(&j, r, &e);
  peri_jw_end_array(&j.w);
  if (!code && c->json) peri_cli_data(c, peri_buf_view(&out));
  else if (!code)
    for (const peri_json *d = peri_json_parse(j.a, peri_buf_view(&out), &fault)->first; d; d = d->next) print_one(&j, d);
  peri_session_close(&j.s);
  peri_buf_fini(&list);
  peri_buf_fini(&out);
  peri_arena_free(j.a);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {{"integration", "NAME", false, "only this integration, where several have the id"}};
const peri_command peri_command_why = {"why", "ENTITY ID [FIELD] [--integration NAME]", "where a record and its values came from",
                                       "The request and the run that brought the record, and for each field the raw values that it reads, what each step of the mapping made\n"
                                       "of them, with the mapping's file and line as they were then, and what the mapping in force now would give. Refused, stale, deleted,\n"
                                       "merged and left out records say why.\n\n"
                                       "  perilune why contact 1001 email",
                                       2, 3, flags, 1, run};
