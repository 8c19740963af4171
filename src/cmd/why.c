/* cmd/why: where a record and each of its values came from: request, run, raw value, mapping file and line. What it says is true for the stored row: it reads
 * the files that were in force when the row was written, and says if those of today are others. Reads only. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/target.h"
#include "store/report.h"

typedef struct why_job {
  peri_cli *c;
  peri_session s;
  peri_arena *a;
  peri_jw w;
} why_job;

static const peri_mapping_info *mapping_of(const peri_scripts *scripts, peri_str type, peri_str entity) {
  for (size_t i = 0; i < scripts->mapping_count; i++)
    if (peri_str_starts(scripts->mappings[i].from, type) && peri_str_eq(scripts->mappings[i].entity, entity)) return &scripts->mappings[i];
  return NULL;
}

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

static void put_reads(why_job *j, const peri_json *f, const peri_json *row) {
  const peri_json *paths = peri_json_get(f, "paths"), *raw = peri_json_get(row, "raw"), *context = peri_json_get(row, "context");
  peri_jw_key_c(&j->w, "read");
  peri_jw_array(&j->w);
  for (const peri_json *p = paths ? paths->first : NULL; p; p = p->next) {
    const peri_json *v = peri_json_at(raw, p->text);
    if (!v) v = peri_json_get_str(context, p->text);
    peri_jw_object(&j->w);
    peri_jw_kv(&j->w, "path", p->text);
    peri_jw_kv_raw(&j->w, "value", v ? v->raw : PERI_STR("null"));
    peri_jw_end_object(&j->w);
  }
  peri_jw_end_array(&j->w);
}

static void put_fields(why_job *j, const peri_mapping_info *m, const peri_json *row, peri_str only) {
  const peri_json *fields = peri_json_get(m->plan, "fields"), *data = peri_json_get(row, "data");
  peri_jw_key_c(&j->w, "fields");
  peri_jw_array(&j->w);
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
    peri_str name = peri_json_get_text(f, "name");
    if (only.n && !peri_str_eq(only, name)) continue;
    const peri_json *v = peri_json_at(data, name);
    peri_jw_object(&j->w);
    peri_jw_kv(&j->w, "name", name);
    peri_jw_kv_raw(&j->w, "value", v ? v->raw : PERI_STR("null"));
    put_reads(j, f, row);
    peri_jw_kv(&j->w, "how", peri_json_get_text(f, "lineage"));
    peri_jw_kv(&j->w, "file", m->path);
    peri_jw_kv_int(&j->w, "line", peri_json_get_int(f, "line", 0));
    peri_jw_end_object(&j->w);
  }
  peri_jw_end_array(&j->w);
}

static peri_code explain(why_job *j, const peri_json *row, peri_err *e) {
  peri_target t = {.type = peri_json_get_text(row, "type"), .entity = peri_str_of(j->c->args[0])};
  t.type_c = peri_arena_fmt(j->a, "%.*s", PERI_S(t.type)).p;
  peri_target_options o = {.integration = peri_arena_fmt(j->a, "%.*s", PERI_S(peri_json_get_text(row, "integration"))).p};
  peri_scripts *then = NULL, *now = NULL;
  peri_session at = j->s;
  peri_err none = {0};
  const peri_project *project = project_at(j, peri_json_get_int(row, "generationSeq", 0), &none);
  peri_jw_object(&j->w);
  for (const peri_json *m = row->first; m; m = m->next)
    if (m->type != PERI_J_NULL && !peri_str_is(m->key, "generationSeq")) peri_jw_key(&j->w, m->key), peri_jw_raw(&j->w, m->raw);
  peri_code code = peri_target_load(j->a, &j->s, &t, &o, &now, e);
  if (!code && project) {
    at.project = (peri_project *)project;
    code = peri_target_load(j->a, &at, &t, &o, &then, e);
  }
  const peri_mapping_info *m = then ? mapping_of(then, t.type, t.entity) : NULL, *today = now ? mapping_of(now, t.type, t.entity) : NULL;
  if (!code && m && peri_json_get(row, "data")) put_fields(j, m, row, peri_str_of(j->c->arg_count > 2 ? j->c->args[2] : ""));
  if (!code) peri_jw_kv_bool(&j->w, "mappingChanged", today && !peri_str_eq(today->hash, peri_json_get_text(row, "plan")));
  peri_jw_end_object(&j->w);
  peri_scripts_close(then);
  peri_scripts_close(now);
  return code;
}

/* ---- for people ---- */

static void print_one(const peri_json *d) {
  char at[PERI_ISO_MAX];
  peri_str cause = peri_json_get_text(d, "cause"), merged = peri_json_get_text(d, "mergedInto"), url = peri_json_get_text(d, "url"), message = peri_json_get_text(d, "message");
  printf("%.*s of %.*s: %.*s", PERI_S(peri_json_get_text(d, "id")), PERI_S(peri_json_get_text(d, "integration")), PERI_S(peri_json_get_text(d, "state")));
  if (merged.n) printf(" into %.*s", PERI_S(merged));
  else if (cause.n) printf(" (%.*s) at %.*s", PERI_S(cause), PERI_S(peri_json_get_text(d, "deletedAt")));
  printf("\n  run         %.*s %.*s of %.*s\n", PERI_S(peri_json_get_text(d, "runKind")), PERI_S(peri_json_get_text(d, "run")), PERI_S(peri_json_get_text(d, "runAt")));
  if (url.n)
    printf("  brought by  %.*s %.*s (page %lld, %s)\n", PERI_S(peri_json_get_text(d, "method")), PERI_S(url), (long long)peri_json_get_int(d, "page", 0),
           peri_iso(peri_json_get_int(d, "askedMs", 0), at));
  printf("  generation  %.*s, plan %.*s\n", PERI_S(peri_json_get_text(d, "generation")), PERI_S(peri_json_get_text(d, "plan")));
  if (message.n) printf("  refused     %.*s: %.*s [%.*s:%lld]\n", PERI_S(peri_json_get_text(d, "code")), PERI_S(message), PERI_S(peri_json_get_text(d, "file")), (long long)peri_json_get_int(d, "line", 0));
  const peri_json *fields = peri_json_get(d, "fields");
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
    printf("\n%.*s = %.*s  [%.*s:%lld]\n", PERI_S(peri_json_get_text(f, "name")), PERI_S(peri_json_get(f, "value")->raw), PERI_S(peri_json_get_text(f, "file")),
           (long long)peri_json_get_int(f, "line", 0));
    for (const peri_json *r = peri_json_get(f, "read")->first; r; r = r->next) printf("  %.*s = %.*s\n", PERI_S(peri_json_get_text(r, "path")), PERI_S(peri_json_get(r, "value")->raw));
    printf("  %.*s\n", PERI_S(peri_json_get_text(f, "how")));
  }
  if (peri_json_get_bool(d, "mappingChanged", false)) puts("\nthe mapping in force now is another one; perilune plan shows what it would change, perilune remap does it");
}

static int run(peri_cli *c) {
  why_job j = {.c = c, .a = peri_arena_new()};
  peri_err e = {0};
  peri_buf list = {0}, out = {0};
  peri_json_fault fault;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ, &j.s, &e);
  if (!code && !j.s.store) code = peri_fail(&e, PERI_NOT_FOUND, "there is no database yet; it is made with perilune add");
  if (!code) code = peri_report_why(j.s.store, peri_str_of(peri_cli_value(c, "integration")), peri_str_of(c->args[0]), peri_str_of(c->args[1]), &list, &e);
  const peri_json *rows = code ? NULL : peri_json_parse(j.a, peri_buf_view(&list), &fault);
  if (!code && (!rows || !rows->count)) code = peri_fail(&e, PERI_NOT_FOUND, "no %s with the id %s is stored, refused or left out", c->args[0], c->args[1]);
  peri_jw_init(&j.w, &out);
  peri_jw_array(&j.w);
  for (const peri_json *r = rows ? rows->first : NULL; r && !code; r = r->next) code = explain(&j, r, &e);
  peri_jw_end_array(&j.w);
  if (!code && c->json) peri_cli_data(c, peri_buf_view(&out));
  else if (!code)
    for (const peri_json *d = peri_json_parse(j.a, peri_buf_view(&out), &fault)->first; d; d = d->next) print_one(d);
  peri_session_close(&j.s);
  peri_buf_fini(&list);
  peri_buf_fini(&out);
  peri_arena_free(j.a);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {{"integration", "NAME", false, "only this integration, where several have the id"}};
const peri_command peri_command_why = {"why", "ENTITY ID [FIELD] [--integration NAME]", "where a record and its values came from",
                                       "The request and the run that brought the record, and for each field the raw values that it reads, how they become the value, and\n"
                                       "the mapping's file and line as they were then. Refused, stale, deleted, merged and left out records say why.\n\n"
                                       "  perilune why contact 1001 email",
                                       2, 3, flags, 1, run};
