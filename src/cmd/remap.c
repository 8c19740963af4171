/* cmd/remap: the mapping in force over all stored records, or back to the one before it. Asks the API nothing. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/remapped.h"
#include "cmd/target.h"
#include "core/generation.h"
#include "core/rollback.h"
#include "store/catalog.h"

#define SOURCES_MAX 256

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
  static const char *const titles[] = {"entity", "records", "changed", "new", "unchanged", "rejected", "left out"};
  static const char *const keys[] = {"records", "updated", "created", "unchanged", "rejected", "deleted"};
  const peri_json *entities = peri_json_get(d, "entities"), *missing = peri_json_get(d, "missing");
  peri_str name = peri_json_get_text(d, "integration");
  printf("%.*s\n", PERI_S(name));
  peri_table *t = peri_table_new(titles, 7);
  for (const peri_json *m = entities ? entities->first : NULL; m; m = m->next) {
    peri_str cells[7] = {m->key};
    for (int i = 0; i < 6; i++) cells[i + 1] = peri_json_str(peri_json_get(m, keys[i]));
    peri_table_row(t, cells);
  }
  peri_table_print(t);
  for (const peri_json *p = missing ? missing->first : NULL; p; p = p->next)
    printf("%.*s was not asked for when some of these records were fetched, and is null there\n", PERI_S(p->text));
  const peri_json *commands = peri_json_get(d, "backfill");
  for (const peri_json *p = commands ? commands->first : NULL; p; p = p->next) printf("bring it with: %.*s\n", PERI_S(p->text));
}

peri_code peri_cli_remap(peri_cli *c, peri_session *s, peri_remap_options *options, peri_buf *all, peri_err *e) {
  shown d = {.on = !c->quiet && !c->json && peri_cli_terminal(STDERR_FILENO)};
  options->progress = draw;
  options->progress_self = &d;
  peri_buf json = {0};
  peri_code code = peri_remap(s->engine, s->project, options, &json, e);
  if (d.drawn) fputs("\r\033[K", stderr);
  if (!code) {
    if (all->n > 1) peri_buf_char(all, ',');
    peri_buf_str(all, peri_buf_view(&json));
  }
  peri_buf_fini(&json);
  return code;
}

int peri_cli_remapped(peri_cli *c, peri_buf *all, bool one, peri_code code, const peri_err *e) {
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

int peri_cli_remap_stopped(const peri_cli *c, peri_err *e) {
  peri_fail(e, PERI_INTERRUPTED, "stopped between two batches; what is done stays done: run the same command again for the rest");
  return peri_cli_fail(c, e);
}

/* ---- rollback ---- */

static peri_code sources_of(peri_arena *a, peri_session *s, const peri_target *t, const char *integration, peri_str path, peri_str **files, size_t *count) {
  peri_scripts *scripts = NULL;
  peri_err none = {0};
  peri_target_options o = {.integration = integration};
  size_t n = 0;
  *files = peri_arena_take(a, SOURCES_MAX * sizeof **files);
  (*files)[n++] = path;
  if (!peri_target_load(a, s, t, &o, &scripts, &none)) { /* a mapping that does not load any more is put back all the same */
    for (size_t i = 0; i < scripts->mapping_count; i++) {
      const peri_json *list = peri_str_eq(scripts->mappings[i].path, path) ? peri_json_get(scripts->mappings[i].plan, "files") : NULL;
      for (const peri_json *f = list ? list->first : NULL; f && n < SOURCES_MAX; f = f->next)
        if (!peri_str_eq(f->text, path)) (*files)[n++] = peri_arena_str(a, f->text);
    }
    peri_scripts_close(scripts);
  }
  *count = n;
  return PERI_OK;
}

/* The files of the mapping before are back on disk; what the commands after this read is read again. */
static peri_code roll_back(peri_cli *c, peri_session *s, peri_arena *a, const peri_target *t, peri_str only, peri_remapped *last, peri_err *e) {
  peri_str *files;
  size_t count, written;
  peri_code code = peri_store_remap_last(s->store, a, t->type, t->entity, only, last, e);
  if (!code) code = peri_generation_settle(s->store, s->project, NULL, e); /* keeps what is about to be replaced */
  if (!code) code = sources_of(a, s, t, peri_cli_value(c, "integration"), last->path, &files, &count);
  if (!code) code = peri_rollback_files(s->store, s->project, last, files, count, peri_cli_has(c, "force"), &written, e);
  if (!code) code = peri_project_read(s->project, e);
  if (!code && !c->json && !c->quiet) printf("%.*s is as it was before the remap of %.*s\n", PERI_S(last->path), PERI_S(last->at));
  return code;
}

static int run_remap(peri_cli *c) {
  const char *slash = strchr(c->args[0], '/');
  if (!slash || slash == c->args[0] || !slash[1]) return peri_cli_usage(c, "remap wants TYPE/ENTITY such as hubspot/contact, not '%s'", c->args[0]);
  peri_str type = {c->args[0], (size_t)(slash - c->args[0])}, entity = peri_str_of(slash + 1), only = peri_str_of(peri_cli_value(c, "integration"));
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_ENGINE, &s, &e);
  if (!code) peri_session_learn(c, &s);
  if (code) return peri_cli_fail(c, &e);
  peri_arena *a = peri_arena_new();
  peri_buf list = {0}, all = {0};
  peri_json_fault fault;
  size_t done = 0;
  bool back = peri_cli_has(c, "rollback");
  peri_remapped last;
  peri_target t;
  peri_buf_char(&all, '[');
  code = peri_target_read(a, c->args[0], &t, &e);
  if (!code && back) code = roll_back(c, &s, a, &t, only, &last, &e);
  if (!code) code = peri_integration_list(s.store, &list, &e);
  const peri_json *rows = code ? NULL : peri_json_parse(a, peri_buf_view(&list), &fault);
  for (const peri_json *r = rows ? rows->first : NULL; r && !code && !s.engine->stop; r = r->next) {
    if (!peri_str_eq(peri_json_get_text(r, "type"), type) || (only.n && !peri_str_eq(only, peri_json_get_text(r, "name")))) continue;
    peri_remap_options o = {.integration = peri_json_get_text(r, "name"), .stream_or_entity = entity, .rollback = back, .force = !back && peri_cli_has(c, "force")};
    code = peri_cli_remap(c, &s, &o, &all, &e);
    done++;
  }
  if (!code && back && !s.engine->stop) code = peri_store_remap_undone(s.store, t.type, t.entity, only, &last, &e);
  if (!code && !done) code = peri_fail(&e, PERI_NOT_FOUND, "there is no integration of type '%.*s'%s%.*s; see perilune list", PERI_S(type), only.n ? " called " : "", PERI_S(only));
  bool stopped = !code && s.engine->stop;
  peri_session_close(&s);
  int exit_code = stopped ? peri_cli_remap_stopped(c, &e) : peri_cli_remapped(c, &all, done == 1, code, &e);
  peri_buf_fini(&list);
  peri_buf_fini(&all);
  peri_arena_free(a);
  return exit_code;
}

static const peri_flag remap_flags[] = {
    {"integration", "NAME", false, "only this integration"},
    {"rollback", NULL, false, "put the mapping before the last remap back on disk and remap with it"},
    {"force", NULL, false, "rows that this plan made already, too; with --rollback: over a file that was changed since"},
};
const peri_command peri_command_remap = {"remap", "TYPE/ENTITY [--integration NAME] [--rollback] [--force]", "the mapping in force over all stored records; nothing is fetched",
                                         "Rejects first, then rows, then records that the mapping left out. Ctrl-C stops at a batch; run it again for the rest.\n"
                                         "--rollback takes the last remap back: the mapping's earlier text, and every row as it was.\n\n"
                                         "  perilune remap hubspot/contact",
                                         1, 1, remap_flags, 3, run_remap};
