/* cmd/plan: a changed mapping tried on everything that is stored, before it is put in place: how many values of which field would change, what would
 * be refused, what would be taken in. Writes nothing and asks no API; another process may write meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/target.h"
#include "core/preview.h"
#include "store/catalog.h"

#define MAPPINGS_MAX 8

typedef struct plan_job {
  peri_cli *c;
  peri_session s;
  peri_arena *a;
  peri_target target;
  peri_str path; /* where the file would stand */
  const peri_project *project;
  FILE *rows;
  bool show, drawn;
  int64_t last_ms;
  bool rows_failed;
} plan_job;

/* ---- the file ---- */

static peri_code read_all(peri_arena *a, const char *path, peri_str *out, peri_err *e) {
  FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  if (!in) return peri_fail(e, errno == ENOENT ? PERI_NOT_FOUND : PERI_IO, "%s can't be read: %s", path, strerror(errno));
  char *bytes = peri_arena_bytes(a, PERI_SOURCE_BYTES_MAX + 1);
  size_t n = fread(bytes, 1, PERI_SOURCE_BYTES_MAX + 1, in);
  bool bad = ferror(in) != 0;
  if (in != stdin) fclose(in);
  if (bad) return peri_fail(e, PERI_IO, "%s can't be read", path);
  if (n > PERI_SOURCE_BYTES_MAX) return peri_fail(e, PERI_SCRIPT_REFUSED, "%s has more than %u bytes; a script file may have no more", path, PERI_SOURCE_BYTES_MAX);
  *out = (peri_str){bytes, n};
  return PERI_OK;
}

/* A file of the project's mappings stands where it is; any other would take the place of the mapping in force. */
static peri_code place_of(plan_job *j, const char *file, peri_err *e) {
  char *real = strcmp(file, "-") == 0 ? NULL : realpath(file, NULL);
  peri_str root = peri_arena_fmt(j->a, "%s/mappings/", j->s.project->dir ? j->s.project->dir : "");
  if (real && peri_str_starts(peri_str_of(real), root)) j->path = peri_arena_str(j->a, peri_str_from(peri_str_of(real), root.n - strlen("mappings/")));
  free(real);
  if (j->path.n) return PERI_OK;
  peri_scripts *scripts = NULL;
  peri_target_options o = {.integration = peri_cli_value(j->c, "integration")};
  const peri_mapping_info *infos[MAPPINGS_MAX];
  size_t count = 0;
  peri_err none = {0};
  peri_code code = peri_target_load(j->a, &j->s, &j->target, &o, &scripts, e);
  if (code) return code;
  if (!peri_target_mappings(scripts, &j->target, infos, MAPPINGS_MAX, &count, &none) && count && !peri_mapping_is_rows(infos[0])) j->path = peri_arena_str(j->a, infos[0]->path);
  else j->path = peri_arena_fmt(j->a, "mappings/%.*s/%.*s.lua", PERI_S(j->target.type), PERI_S(j->target.entity));
  peri_scripts_close(scripts);
  return PERI_OK;
}

/* ---- showing ---- */

static void draw(void *self, peri_str entity, const peri_counters *n) {
  plan_job *j = self;
  int64_t now = peri_mono_ms();
  if (!j->show || now - j->last_ms < 100) return;
  j->last_ms = now;
  j->drawn = true;
  fprintf(stderr, "\r\033[K%.*s: %lld records looked at, %lld would change", PERI_S(entity), (long long)n->processed, (long long)(n->updated + n->created + n->deleted));
  fflush(stderr);
}

static void write_row(void *self, peri_str json) {
  plan_job *j = self;
  if (fwrite(json.p, 1, json.n, j->rows) != json.n || fputc('\n', j->rows) == EOF) j->rows_failed = true;
}

static void print_fields(const peri_json *d) {
  static const char *const titles[] = {"field", "set", "cleared", "changed", "example"};
  const peri_json *fields = peri_json_get(d, "fields");
  if (!fields || !fields->count) {
    puts("no value would change");
    return;
  }
  peri_arena *a = peri_arena_new();
  peri_table *t = peri_table_new(titles, 5);
  for (const peri_json *f = fields->first; f; f = f->next) {
    const peri_json *s = peri_json_item(peri_json_get(f, "samples"), 0);
    peri_str was = {0}, is = {0};
    if (s) was = peri_json_get(s, "old")->raw, is = peri_json_get(s, "new")->raw;
    peri_str cells[5] = {peri_json_get_text(f, "name"), peri_json_str(peri_json_get(f, "set")), peri_json_str(peri_json_get(f, "cleared")), peri_json_str(peri_json_get(f, "changed")),
                         s ? peri_cli_shown(a, peri_arena_fmt(a, "%.*s: %.*s -> %.*s", PERI_S(peri_json_get_text(s, "id")), PERI_S(was), PERI_S(is)), 0) : PERI_STR("")};
    peri_table_row(t, cells);
  }
  peri_table_print(t);
  peri_arena_free(a);
}

static void print_one(const plan_job *j, const peri_json *d) {
  peri_str name = peri_json_get_text(d, "integration");
  printf("%.*s: %lld records: %lld would change, %lld be new, %lld go, %lld be refused (%lld newly), %lld refused ones taken in, %lld stay\n", PERI_S(name),
         (long long)peri_json_get_int(d, "records", 0), (long long)peri_json_get_int(d, "updated", 0), (long long)peri_json_get_int(d, "created", 0),
         (long long)peri_json_get_int(d, "deleted", 0), (long long)peri_json_get_int(d, "rejected", 0), (long long)peri_json_get_int(d, "newlyRejected", 0),
         (long long)peri_json_get_int(d, "newlyAccepted", 0), (long long)peri_json_get_int(d, "unchanged", 0));
  print_fields(d);
  const peri_json *rejects = peri_json_get(d, "rejects"), *missing = peri_json_get(d, "missing");
  for (const peri_json *r = rejects ? rejects->first : NULL; r; r = r->next)
    printf("would be refused: %.*s %.*s\n", PERI_S(peri_cli_shown(j->a, peri_json_get_text(r, "id"), 100)), PERI_S(peri_cli_shown(j->a, peri_json_get_text(r, "message"), 0)));
  for (const peri_json *m = missing ? missing->first : NULL; m; m = m->next)
    printf("%.*s was not asked for when some of these records were fetched, and is null there: perilune backfill %.*s --entity %.*s --field %.*s\n", PERI_S(m->text), PERI_S(name),
           PERI_S(j->target.entity), PERI_S(m->text));
  if (peri_json_get_bool(d, "stopped", false)) puts("stopped: the numbers are those of a part");
}

static void answer(plan_job *j, const peri_buf *all) {
  peri_buf b = {0};
  peri_jw w;
  peri_json_fault fault;
  const peri_json *list = peri_json_parse(j->a, peri_buf_view(all), &fault);
  if (!j->c->json) {
    for (const peri_json *d = list ? list->first : NULL; d; d = d->next) print_one(j, d);
    if (!j->c->quiet)
      printf("\nto do it: put the file at %.*s, then perilune remap %.*s/%.*s; back again: perilune remap %.*s/%.*s --rollback\n", PERI_S(j->path), PERI_S(j->target.type),
             PERI_S(j->target.entity), PERI_S(j->target.type), PERI_S(j->target.entity));
    return;
  }
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_jw_kv(&w, "type", j->target.type);
  peri_jw_kv(&w, "entity", j->target.entity);
  peri_jw_kv(&w, "path", j->path);
  peri_jw_kv_raw(&w, "integrations", peri_buf_view(all));
  peri_jw_end_object(&w);
  peri_cli_data(j->c, peri_buf_view(&b));
  peri_buf_fini(&b);
}

/* ---- work ---- */

static peri_code each(plan_job *j, peri_buf *all, peri_err *e) {
  peri_str only = peri_str_of(peri_cli_value(j->c, "integration"));
  peri_buf list = {0};
  peri_json_fault fault;
  size_t done = 0;
  peri_code code = peri_integration_list(j->s.store, &list, e);
  const peri_json *rows = code ? NULL : peri_json_parse(j->a, peri_buf_view(&list), &fault);
  peri_buf_fini(&list);
  for (const peri_json *r = rows ? rows->first : NULL; r && !code && !j->s.engine->stop; r = r->next) {
    peri_str name = peri_json_get_text(r, "name");
    if (!peri_str_eq(peri_json_get_text(r, "type"), j->target.type) || (only.n && !peri_str_eq(only, name))) continue;
    peri_preview_options o = {.integration = name, .entity = j->target.entity, .row = j->rows ? write_row : NULL, .row_self = j, .progress = draw, .progress_self = j};
    if (done++) peri_buf_char(all, ',');
    code = peri_preview_run(j->s.engine, j->project, &o, all, e);
  }
  if (!code && !done) code = peri_fail(e, PERI_NOT_FOUND, "there is no integration of type '%.*s'%s%.*s; see perilune list", PERI_S(j->target.type), only.n ? " called " : "", PERI_S(only));
  return code;
}

static peri_code work(plan_job *j, peri_buf *all, peri_err *e) {
  const char *rows = peri_cli_value(j->c, "rows");
  peri_load_file file = {0};
  peri_code code = peri_target_read(j->a, j->c->args[0], &j->target, e);
  if (!code) code = read_all(j->a, j->c->args[1], &file.bytes, e);
  if (!code) code = peri_session_open(j->c, PERI_NEED_PROJECT | PERI_NEED_READ | PERI_NEED_ENGINE, &j->s, e);
  if (!code && !j->s.store) code = peri_fail(e, PERI_NOT_FOUND, "there is no database yet; it is made with perilune add");
  if (!code) peri_session_learn(j->c, &j->s);
  if (!code) code = place_of(j, j->c->args[1], e);
  if (code) return code;
  file.path = j->path;
  j->project = peri_project_with(j->s.project, &file, 1);
  if (rows && !(j->rows = fopen(rows, "we"))) return peri_fail(e, PERI_IO, "%s can't be written: %s", rows, strerror(errno));
  code = each(j, all, e);
  if (j->rows && (fclose(j->rows) != 0 || j->rows_failed) && !code) code = peri_fail(e, PERI_IO, "%s can't be written: %s", rows, strerror(errno));
  return code;
}

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_buf all = {0};
  plan_job j = {.c = c, .a = peri_arena_new(), .show = !c->quiet && !c->json && peri_cli_terminal(STDERR_FILENO)};
  peri_buf_char(&all, '[');
  peri_code code = work(&j, &all, &e);
  peri_buf_char(&all, ']');
  if (j.drawn) fputs("\r\033[K", stderr);
  if (!code) answer(&j, &all);
  bool stopped = !code && j.s.engine->stop;
  peri_session_close(&j.s);
  peri_buf_fini(&all);
  peri_arena_free(j.a);
  if (stopped) code = peri_fail(&e, PERI_INTERRUPTED, "stopped; nothing was written");
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {
    {"integration", "NAME", false, "only this integration"},
    {"rows", "OUT", false, "write what would become of each record there, a JSON object a line"},
};
const peri_command peri_command_plan = {"plan", "TYPE/ENTITY FILE [--integration NAME] [--rows OUT]", "what a changed mapping would change of what is stored",
                                        "FILE is the changed mapping (- reads standard input); it may extend and use what the project has. Nothing is written and\n"
                                        "nothing is asked. Shown: how many values of each field would be set (from null), cleared, changed; which records would be\n"
                                        "refused or taken in. perilune remap then does just that.\n\n"
                                        "  perilune plan hubspot/contact contact-new.lua",
                                        2, 2, flags, sizeof flags / sizeof *flags, run};
