/* cmd/sync: one or more integrations brought up to date, with a progress line on a terminal. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/flags.h"
#include "core/run.h"
#include "store/catalog.h"

typedef struct display {
  bool on, drawn;
  int64_t last_ms;
  const char *name;
} display;

static void human_count(int64_t n, char out[32]) {
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
  for (int i = 0; i < len; i++) {
    out[k++] = digits[i];
    if ((len - i - 1) % 3 == 0 && i + 1 < len) out[k++] = ',';
  }
  out[k] = 0;
}

static void draw(void *self, const peri_run *r) {
  display *d = self;
  int64_t now = peri_mono_ms();
  if (!d->on || (d->drawn && now - d->last_ms < 100 && !peri_run_waiting_ms(r))) return;
  d->last_ms = now;
  d->drawn = true;
  const peri_counters *n = peri_run_counted(r);
  char count[32];
  human_count(n->processed, count);
  static const char frames[] = "|/-\\";
  fprintf(stderr, "\r\033[K%c %s  %.*s %s  %s records, %lld rejected, %lld requests", frames[(now / 100) % 4], d->name, PERI_S(peri_run_stream_name(r)), peri_run_phase(r), count,
          (long long)n->rejected, (long long)n->requests);
  if (peri_run_waiting_ms(r) > 500) fprintf(stderr, "  waiting %.1f s for the API's limit", (double)peri_run_waiting_ms(r) / 1000);
  fflush(stderr);
}

static void clear(display *d) {
  if (d->drawn) fputs("\r\033[K", stderr);
  d->drawn = false;
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
  int64_t rejected = peri_json_get_int(r, "rejected", 0);
  if (rejected) printf("%lld rejected: perilune rejects %s\n", (long long)rejected, name);
}

static peri_code sync_one(peri_cli *c, peri_session *s, const char *name, peri_buf *result, peri_err *e) {
  const char *entities[64];
  peri_str names[64];
  size_t n = peri_cli_values(c, "entity", entities, 64);
  for (size_t i = 0; i < n; i++) names[i] = peri_str_of(entities[i]);
  display d = {.on = !c->quiet && !c->json && peri_cli_terminal(STDERR_FILENO), .name = name};
  peri_sync_options o = {.integration = peri_str_of(name),
                         .entities = names,
                         .entity_count = n,
                         .full = peri_cli_has(c, "full"),
                         .dry_run = peri_cli_has(c, "dry-run"),
                         .sweep = peri_cli_has(c, "sweep"),
                         .accept_deletes = peri_str_of(peri_cli_value(c, "accept-deletes") ? peri_cli_value(c, "accept-deletes") : ""),
                         .progress = draw,
                         .progress_self = &d};
  if (!peri_cli_number(c, "limit", &o.limit, e)) return PERI_USAGE;
  peri_code code = peri_sync(s->engine, s->project, &o, result, e);
  clear(&d);
  return code;
}

/* One integration: its result stands alone. Several: a list of {"name","data","error"}. */
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

static size_t all_names(peri_session *s, peri_arena *a, const char **names, size_t most, peri_err *e) {
  peri_buf list = {0};
  size_t n = 0;
  if (peri_integration_list(s->store, &list, e) == PERI_OK) {
    peri_json_fault fault;
    const peri_json *rows = peri_json_parse(a, peri_buf_view(&list), &fault);
    for (const peri_json *r = rows ? rows->first : NULL; r && n < most; r = r->next)
      if (!peri_str_is(peri_json_get_text(r, "status"), "paused") && !peri_str_is(peri_json_get_text(r, "status"), "needs_reauth"))
        names[n++] = peri_arena_str(a, peri_json_get_text(r, "name")).p;
  }
  peri_buf_fini(&list);
  return n;
}

static int run(peri_cli *c) {
  bool all = peri_cli_has(c, "all");
  const char *answered = peri_cli_value(c, "accept-deletes");
  if (answered && (all || c->arg_count != 1)) return peri_cli_usage(c, "--accept-deletes RUN answers one integration: name it");
  if (answered && (!*answered || peri_cli_has(c, "dry-run"))) return peri_cli_usage(c, "--accept-deletes wants the id of the run that asked, and no --dry-run; see perilune status");
  if (!all && !c->arg_count) return peri_cli_usage(c, "which integration? Name one or more, or give --all");
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY | PERI_NEED_ENGINE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_arena *a = peri_arena_new();
  const char *names[1024];
  size_t n = 0;
  if (all) n = all_names(&s, a, names, 1024, &e);
  else
    for (int i = 0; i < c->arg_count; i++) names[n++] = c->args[i];
  int worst = e.code ? peri_cli_fail(c, &e) : 0;
  if (all && !n && !worst) puts("nothing to sync: no integration, or all are paused or need their owner (perilune list)");
  for (size_t i = 0; i < n; i++) {
    peri_buf result = {0};
    e = (peri_err){0};
    code = sync_one(c, &s, names[i], &result, &e);
    int exit_code = answer(c, names[i], &result, code, &e);
    if (exit_code > worst) worst = exit_code;
    peri_buf_fini(&result);
    if (s.engine->stop) break;
  }
  peri_arena_free(a);
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
};
const peri_command peri_command_sync = {"sync", "NAME… | --all [--entity E]… [--full | --sweep] [--dry-run] [--limit N] [--accept-deletes RUN]", "bring integrations up to date",
                                        "The first time everything is read, later what changed since. Ctrl-C stops at the next page edge, a second one at once;\n"
                                        "both lose nothing, and the next run goes on there.",
                                        0, -1, flags, sizeof flags / sizeof *flags, run};
