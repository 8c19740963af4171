/* cmd/sync: one or more integrations brought up to date, with a progress line on a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cmd/flags.h"
#include "core/run.h"
#include "store/catalog.h"

#define JOBS 8 /* at once, unless --jobs says otherwise: enough to hide the waits of slow APIs, few enough for a small machine */

typedef struct display {
  bool on, drawn;
  int64_t last_ms;
} display;

typedef struct one { /* integration to sync */
  struct all *all;
  const char *name;
  peri_sync_options options;
  peri_counters counted; /* as last told */
  peri_buf result;
  peri_err err;
} one;

typedef struct all {
  one *list;
  size_t count, done;
  bool over;
  display display;
} all;

static void human_count(int64_t n, char out[32]) {
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
  for (int i = 0; i < len; i++) {
    out[k++] = digits[i];
    if ((len - i - 1) % 3 == 0 && i + 1 < len) out[k++] = ',';
  }
  out[k] = 0;
}

/* One line: for one integration what it does, for several how far they are together. */
static void draw(void *self, const peri_run *r) {
  one *o = self;
  all *x = o->all;
  display *d = &x->display;
  int64_t now = peri_mono_ms();
  o->counted = *peri_run_counted(r);
  if (!d->on || (d->drawn && now - d->last_ms < 100 && !(x->count == 1 && peri_run_waiting_ms(r)))) return;
  d->last_ms = now;
  d->drawn = true;
  int64_t records = 0, rejected = 0, requests = 0;
  for (size_t i = 0; i < x->count; i++) records += x->list[i].counted.processed, rejected += x->list[i].counted.rejected, requests += x->list[i].counted.requests;
  char count[32], done[64] = "";
  human_count(records, count);
  if (x->count > 1) snprintf(done, sizeof done, "%zu of %zu done  ", x->done, x->count);
  static const char frames[] = "|/-\\";
  fprintf(stderr, "\r\033[K%c %s%s records, %lld rejected, %lld requests  %s %.*s %s", frames[(now / 100) % 4], done, count, (long long)rejected, (long long)requests, o->name,
          PERI_S(peri_run_stream_name(r)), peri_run_phase(r));
  if (x->count == 1 && peri_run_waiting_ms(r) > 500) fprintf(stderr, "  waiting %.1f s for the API's limit", (double)peri_run_waiting_ms(r) / 1000);
  fflush(stderr);
}

static void print_result(const char *name, const peri_json *r) {
  const peri_json *entities = peri_json_get(r, "entities");
  static const char *const titles[] = {"entity", "created", "updated", "unchanged", "rejected", "deleted", "state"};
  static const char *const keys[] = {"created", "updated", "unchanged", "rejected", "deleted", "state"};
  peri_table *t = peri_table_new(titles, 7);
  for (const peri_json *m = entities ? entities->first : NULL; m; m = m->next) {
    peri_str cells[7] = {m->key};
    for (int i = 0; i < 6; i++) cells[i + 1] = peri_json_str(peri_json_get(m, keys[i]));
    peri_table_row(t, cells);
  }
  peri_table_print(t);
  printf("%s: %.*s, %lld records, %lld requests, %.1f s\n", name, PERI_S(peri_json_get_text(r, "status")), (long long)peri_json_get_int(r, "recordsProcessed", 0),
         (long long)peri_json_get_int(r, "requests", 0), (double)peri_json_get_int(r, "duration", 0) / 1000);
  const peri_json *replayed = peri_json_at(r, PERI_STR("replayed.entities"));
  int64_t tried = 0, still = 0;
  for (const peri_json *m = replayed ? replayed->first : NULL; m; m = m->next) {
    tried += peri_json_get_int(m, "records", 0);
    still += peri_json_get_int(m, "rejected", 0);
  }
  if (tried) printf("%lld refused records tried again because their mapping changed: %lld taken in, %lld still refused\n", (long long)tried, (long long)(tried - still), (long long)still);
  int64_t changed = peri_json_get_int(r, "fieldsChanged", 0);
  if (changed) printf("%lld field%s changed there: perilune drift %s\n", (long long)changed, changed == 1 ? "" : "s", name);
  peri_str resumes = peri_json_get_text(r, "resumesAt");
  if (resumes.n) printf("%s resumes at %.*s: %.*s\n", name, PERI_S(resumes), PERI_S(peri_json_get_text(r, "reason")));
  int64_t rejected = peri_json_get_int(r, "rejected", 0);
  if (rejected) printf("%lld rejected: perilune rejects %s\n", (long long)rejected, name);
}

static void on_done(void *self, peri_buf *result, const peri_err *e) {
  one *o = self;
  all *x = o->all;
  o->result = *result;
  *result = (peri_buf){0};
  o->err = *e;
  x->over = ++x->done == x->count;
}

static void sync_all(peri_session *s, all *x) {
  for (size_t i = 0; i < x->count; i++) peri_run_start(s->engine, s->project, &x->list[i].options, on_done, &x->list[i]);
  peri_engine_wait(s->engine, &x->over);
  if (x->display.drawn) fputs("\r\033[K", stderr);
}

/* A result stands alone, one after another in the order asked for: with --json a line each. */
static int answer(peri_cli *c, const char *name, peri_buf *result, peri_code code, const peri_err *e) {
  if (c->json) {
    if (code && !result->n) return peri_cli_fail(c, e);
    peri_buf b = {0};
    peri_jw w;
    peri_jw_init(&w, &b);
    peri_jw_object(&w);
    peri_jw_kv_raw(&w, "data", peri_buf_view(result));
    peri_jw_key_c(&w, "error");
    if (!code) peri_jw_null(&w);
    else {
      peri_jw_object(&w);
      peri_jw_kv_c(&w, "code", peri_code_name(code));
      peri_jw_kv_c(&w, "message", e->text);
      peri_jw_kv_raw(&w, "details", PERI_STR("{}"));
      peri_jw_end_object(&w);
    }
    peri_jw_end_object(&w);
    printf("%s\n", peri_buf_c(&b));
    peri_buf_fini(&b);
    return code ? peri_code_exit(code) : 0;
  }
  if (result->n) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    print_result(name, peri_json_parse(a, peri_buf_view(result), &fault));
    peri_arena_free(a);
  }
  return code ? peri_cli_fail(c, e) : 0;
}

static void add(all *x, peri_str name, const peri_sync_options *common) {
  for (size_t i = 0; i < x->count; i++)
    if (peri_str_is(name, x->list[i].name)) return; /* named twice: once is enough */
  x->list = peri_resize(x->list, (x->count + 1) * sizeof *x->list);
  one *o = &x->list[x->count++];
  *o = (one){.name = peri_dup(name), .options = *common};
}

/* Everything but what waits for its owner. */
static peri_code add_all(all *x, peri_store *store, const peri_sync_options *common, peri_err *e) {
  peri_buf list = {0};
  peri_arena *a = peri_arena_new();
  peri_code code = peri_integration_list(store, &list, e);
  if (!code) {
    peri_json_fault fault;
    const peri_json *rows = peri_json_parse(a, peri_buf_view(&list), &fault);
    for (const peri_json *r = rows ? rows->first : NULL; r; r = r->next) {
      peri_str name = peri_json_get_text(r, "name"), status = peri_json_get_text(r, "status");
      if (peri_str_is(status, "needs_reauth")) fprintf(stderr, "%.*s is passed by: its login has ended; log in again: perilune auth %.*s\n", PERI_S(name), PERI_S(name));
      else if (!peri_str_is(status, "paused")) add(x, name, common);
    }
  }
  peri_arena_free(a);
  peri_buf_fini(&list);
  return code;
}

static int sync_named(peri_cli *c, peri_session *s, const peri_sync_options *common, int64_t jobs) {
  all x = {.display = {.on = !c->quiet && !c->json && peri_cli_terminal(STDERR_FILENO)}};
  peri_err e = {0};
  if (peri_cli_has(c, "all") && add_all(&x, s->store, common, &e)) return peri_cli_fail(c, &e);
  for (int i = 0; i < c->arg_count; i++) add(&x, peri_str_of(c->args[i]), common);
  if (!x.count) puts("nothing to sync: no integration, or all are paused or need their owner (perilune list)");
  for (size_t i = 0; i < x.count; i++) {
    one *o = &x.list[i];
    o->all = &x;
    o->options.integration = peri_str_of(o->name);
    o->options.progress = draw;
    o->options.progress_self = o;
  }
  if (jobs > 0 && jobs < PERI_RUNS_MAX) s->engine->runs_most = (size_t)jobs;
  if (x.count) sync_all(s, &x);
  int worst = 0;
  for (size_t i = 0; i < x.count; i++) {
    one *o = &x.list[i];
    int exit_code = answer(c, o->name, &o->result, o->err.code, &o->err);
    if (exit_code > worst) worst = exit_code;
    peri_buf_fini(&o->result);
    free((char *)(uintptr_t)o->name);
  }
  free(x.list);
  return worst;
}

static int run(peri_cli *c) {
  bool every = peri_cli_has(c, "all");
  const char *answered = peri_cli_value(c, "accept-deletes");
  if (answered && (every || c->arg_count != 1)) return peri_cli_usage(c, "--accept-deletes RUN answers one integration: name it");
  if (answered && (!*answered || peri_cli_has(c, "dry-run"))) return peri_cli_usage(c, "--accept-deletes wants the id of the run that asked, and no --dry-run; see perilune status");
  if (!every && !c->arg_count) return peri_cli_usage(c, "which integration? Name one or more, or give --all");
  const char *entities[64];
  peri_str names[64];
  size_t n = peri_cli_values(c, "entity", entities, 64);
  for (size_t i = 0; i < n; i++) names[i] = peri_str_of(entities[i]);
  peri_sync_options common = {.entities = names,
                              .entity_count = n,
                              .full = peri_cli_has(c, "full"),
                              .dry_run = peri_cli_has(c, "dry-run"),
                              .sweep = peri_cli_has(c, "sweep"),
                              .accept_deletes = peri_str_of(answered ? answered : "")};
  peri_err e = {0};
  int64_t jobs = JOBS;
  if (!peri_cli_number(c, "limit", &common.limit, &e) || !peri_cli_number(c, "jobs", &jobs, &e)) return peri_cli_fail(c, &e);
  peri_session s;
  if (peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY | PERI_NEED_ENGINE, &s, &e)) return peri_cli_fail(c, &e);
  int worst = sync_named(c, &s, &common, jobs);
  peri_session_close(&s);
  return worst;
}

static const peri_flag flags[] = {
    {"entity", "E", true, "only this stream or mapping entity; may be given several times"},
    {"full", NULL, false, "read everything again; what is gone there becomes a tombstone here"},
    {"dry-run", NULL, false, "ask and map, write nothing"},
    {"limit", "N", false, "stop after N records of a stream; the cursor stays where it was"},
    {"sweep", NULL, false, "look for deletions now: streams with a sweep are read whole, links of all records are asked for"},
    {"accept-deletes", "RUN", false, "yes to the deletions that this run asked about (perilune status); its id, or the beginning of it"},
    {"all", NULL, false, "every integration that is not paused"},
    {"jobs", "N", false, "so many at once; 8 unless given"},
};
const peri_command peri_command_sync = {"sync", "NAME… | --all [--entity E]… [--full | --sweep] [--dry-run] [--limit N] [--accept-deletes RUN] [--jobs N]", "bring integrations up to date",
                                        "The first time everything is read, later what changed since. Several go side by side, and one that fails stops no other;\n"
                                        "the exit code is the worst of them. Ctrl-C stops at the next page edge, a second one at once;\n"
                                        "both lose nothing, and the next run goes on there.",
                                        0, -1, flags, sizeof flags / sizeof *flags, run};
