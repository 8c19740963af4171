/* cmd/test: the examples of all mappings, and each connector that brings an emulator against it: connection, a full sync, and a second sync that
 * changes nothing. Works in a temporary folder; the project's database and key are not touched. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "cmd/target.h"
#include "core/trust.h"
#include "core/emulate.h"
#include "core/prepare.h"

#define RECORDS 100
#define SECRETS_MAX 16

typedef struct tally {
  peri_cli *c;
  peri_arena *arena;
  int64_t passed, failed;
  peri_buf json;
  peri_jw w;
} tally;

static void tell(tally *t, bool ok, peri_str name, peri_str text) {
  ++*(ok ? &t->passed : &t->failed);
  if (t->c->json) {
    peri_jw_object(&t->w);
    peri_jw_kv(&t->w, "name", name);
    peri_jw_kv_bool(&t->w, "ok", ok);
    peri_jw_kv(&t->w, "message", text);
    peri_jw_end_object(&t->w);
    return;
  }
  printf("%s  %.*s%s%.*s\n", ok ? "ok    " : "FAILED", PERI_S(name), text.n ? ": " : "", PERI_S(text));
  fflush(stdout);
}

static void tell_c(tally *t, bool ok, peri_str name, const char *text) { tell(t, ok, name, peri_str_of(text)); }

/* ---- examples ---- */

static void tell_files(tally *t, const peri_checked *k) {
  const peri_json *files = peri_json_get(k->laid->loaded, "files");
  for (const peri_json *f = files ? files->first : NULL; f; f = f->next) {
    peri_str path = peri_json_get_text(f, "path");
    const peri_script_failure *failed = peri_check_failure(k, path);
    int64_t n = peri_check_examples(k, path);
    if (failed) {
      peri_buf text = {0};
      peri_failure_text(failed, &text);
      tell(t, false, path, peri_buf_view(&text));
      peri_buf_fini(&text);
    } else if (peri_str_is(peri_json_get_text(f, "kind"), "mapping"))
      tell(t, true, path, n ? peri_arena_fmt(t->arena, "%lld example%s", (long long)n, n == 1 ? "" : "s") : PERI_STR("no examples"));
  }
}

/* ---- a connector against its emulator ---- */

typedef struct bench { /* what a run needs, in a folder of its own */
  char dir[128];
  peri_project *project;
  peri_store *store;
  peri_vault *vault;
  peri_engine *engine;
} bench;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return remove(path);
}

static void close_bench(bench *b) {
  peri_engine_free(b->engine);
  if (b->store) peri_store_close(b->store);
  peri_vault_free(b->vault);
  peri_project_close(b->project);
  if (b->dir[0]) nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static peri_code open_bench(bench *b, const peri_cli *c, peri_arena *a, peri_err *e) {
  const char *tmp = getenv("TMPDIR");
  snprintf(b->dir, sizeof b->dir, "%.90s/perilune-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(b->dir)) {
    b->dir[0] = 0;
    return peri_fail(e, PERI_IO, "a temporary folder can't be made in %s", tmp && *tmp ? tmp : "/tmp");
  }
  const char *key = peri_arena_fmt(a, "%s/perilune.key", b->dir).p, *database = peri_arena_fmt(a, "%s/perilune.db", b->dir).p;
  peri_code code = peri_project_open(c->dir, database, false, &b->project, e); /* the scripts in force here, a database of its own */
  if (!code) code = peri_project_read(b->project, e);
  if (!code) b->project->key = key;
  if (!code) code = peri_key_create(key, e);
  if (!code) code = peri_vault_open(key, &b->vault, e);
  if (!code) code = peri_store_open(database, PERI_OPEN_CREATE, 0, "test", &b->store, e);
  if (!code) code = peri_engine_new(b->store, b->vault, &b->engine, e);
  return code;
}

/* The credentials that the emulator names, but only those of the connector's first way in. */
static peri_code add_integration(bench *b, peri_arena *a, const peri_scripts *s, const peri_emulation *m, const char *type, peri_err *e) {
  peri_json_fault fault;
  const peri_json *describe = peri_json_parse(a, peri_emulation_describe(m), &fault), *secrets = peri_json_get(describe, "credentials");
  const peri_auth *first = s->connector->auth_count ? &s->connector->auths[0] : NULL;
  peri_str names[SECRETS_MAX], values[SECRETS_MAX], url = peri_str_of(peri_emulation_url(m));
  size_t n = 0;
  for (const peri_json *k = secrets ? secrets->first : NULL; k && n < SECRETS_MAX; k = k->next) {
    if (first && first->kind == PERI_AUTH_TOKEN && !peri_str_eq(k->key, first->secret)) continue;
    names[n] = k->key;
    values[n++] = k->text;
  }
  char id[PERI_UUID_TEXT];
  peri_buf sealed = {0}, trusted = {0};
  peri_uuid7(id);
  peri_code code = peri_trust_new(a, s->connector, NULL, NULL, url, &trusted, e);
  if (!code) code = peri_integration_seal(b->vault, peri_str_of(id), NULL, names, values, n, &sealed, e);
  peri_new_integration row = {.id = peri_str_of(id),
                              .name = PERI_STR("test"),
                              .type = peri_str_of(type),
                              .platform = peri_str_of(type),
                              .settings_json = PERI_STR("{}"),
                              .base_url = url,
                              .trusted_json = peri_buf_view(&trusted),
                              .credentials_json = peri_buf_view(&sealed)};
  if (!code) code = peri_integration_add(b->store, &row, e);
  peri_buf_fini(&sealed);
  peri_buf_fini(&trusted);
  return code;
}

static peri_code sync_once(bench *b, peri_arena *a, const peri_json **result, peri_err *e) {
  peri_sync_options o = {.integration = PERI_STR("test")};
  peri_buf json = {0};
  peri_json_fault fault;
  peri_code code = peri_sync(b->engine, b->project, &o, &json, e);
  *result = json.n ? peri_json_parse(a, peri_buf_view(&json), &fault) : NULL;
  peri_buf_fini(&json);
  return code;
}

static void try_syncs(tally *t, bench *b, peri_str name) {
  peri_err e = {0};
  peri_buf out = {0};
  const peri_json *first = NULL, *second = NULL;
  int64_t began_ms = peri_mono_ms();
  peri_code code = peri_check(b->engine, b->project, PERI_STR("test"), &out, &e);
  peri_buf_fini(&out);
  tell_c(t, !code, peri_arena_fmt(t->arena, "%.*s: check", PERI_S(name)), code ? e.text : "");
  if (code) return;
  code = sync_once(b, t->arena, &first, &e);
  int64_t created = peri_json_get_int(first, "created", 0), rejected = peri_json_get_int(first, "rejected", 0);
  if (!code && !created) code = peri_fail(&e, PERI_BAD_REPLY, "no row came of it (%lld rejected)", (long long)rejected);
  peri_str text = code ? peri_arena_str(t->arena, peri_str_of(e.text))
                       : peri_arena_fmt(t->arena, "%lld rows, %lld rejected", (long long)created, (long long)rejected);
  tell(t, !code, peri_arena_fmt(t->arena, "%.*s: full sync", PERI_S(name)), text);
  if (code) return;
  code = sync_once(b, t->arena, &second, &e);
  int64_t more = peri_json_get_int(second, "created", 0), changed = peri_json_get_int(second, "updated", 0),
          gone = peri_json_get_int(second, "deleted", 0);
  if (!code && (more || changed || gone))
    code = peri_fail(&e, PERI_CONFLICT, "nothing changed, yet %lld rows were created, %lld updated, %lld deleted", (long long)more,
                     (long long)changed, (long long)gone);
  text = code ? peri_str_of(e.text) : peri_arena_fmt(t->arena, "changes nothing; all in %.1f s", (double)(peri_mono_ms() - began_ms) / 1000);
  tell(t, !code, peri_arena_fmt(t->arena, "%.*s: second sync", PERI_S(name)), text);
}

static void try_connector(tally *t, const char *type, peri_str path) {
  peri_err e = {0};
  bench b = {0};
  peri_scripts *scripts = NULL;
  peri_emulation *m = NULL;
  peri_str name = peri_arena_fmt(t->arena, "connectors/%s.lua against %.*s", type, PERI_S(path));
  peri_code code = open_bench(&b, t->c, t->arena, &e);
  peri_scripts_want want = {.type = type};
  if (!code) code = peri_scripts_load(b.project, b.store, &want, &scripts, &e);
  if (!code) code = peri_scripts_need(scripts, peri_str_of(type), &e);
  if (!code) {
    peri_emulate_config config = {.type = type, .files = b.project->files, .file_count = b.project->file_count, .records = RECORDS, .seed = 1};
    m = peri_emulation_start(&config, &e);
    code = m ? PERI_OK : e.code ? e.code : PERI_WORKER_LOST;
  }
  if (!code) code = add_integration(&b, t->arena, scripts, m, type, &e);
  if (code)
    tell_c(t, false, name, e.text);
  else
    try_syncs(t, &b, name);
  peri_scripts_close(scripts);
  close_bench(&b);
  if (m) peri_emulation_stop(m);
}

/* connectors/TYPE_emulator.lua stands beside connectors/TYPE.lua. */
static void try_connectors(tally *t, const peri_project *p, const char *only) {
  for (size_t i = 0; i < p->file_count; i++) {
    peri_str path = p->files[i].path, type = path;
    if (!peri_str_starts(path, PERI_STR("connectors/")) || !peri_str_ends(path, PERI_STR("_emulator.lua"))) continue;
    type = peri_str_from(type, strlen("connectors/"));
    type.n -= strlen("_emulator.lua");
    type = peri_arena_str(t->arena, type);
    if (!type.n || (only && !peri_str_is(type, only)) || !peri_project_file(p, peri_arena_fmt(t->arena, "connectors/%s.lua", type.p).p)) continue;
    try_connector(t, type.p, path);
  }
}

static int finish(tally *t) {
  if (!t->c->json)
    printf("%lld passed, %lld failed\n", (long long)t->passed, (long long)t->failed);
  else {
    peri_jw_end_array(&t->w);
    peri_jw_kv_int(&t->w, "passed", t->passed);
    peri_jw_kv_int(&t->w, "failed", t->failed);
    peri_jw_end_object(&t->w);
    peri_cli_data(t->c, peri_buf_view(&t->json));
  }
  return t->failed ? 1 : 0;
}

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  const char *type = c->arg_count ? c->args[0] : NULL;
  peri_checked checked = {0};
  tally t = {.c = c, .arena = peri_arena_new()};
  peri_jw_init(&t.w, &t.json);
  peri_jw_object(&t.w);
  peri_jw_key_c(&t.w, "tests");
  peri_jw_array(&t.w);
  peri_code code = peri_session_open(c, PERI_NEED_READ, &s, &e);
  bool open = !code;
  peri_scripts_want want = {.type = type};
  if (!code) code = peri_check_load(&s, &want, &checked, &e);
  if (!code && type && !checked.laid->connector && !checked.laid->mapping_count && !checked.laid->failure_count)
    code = peri_fail(&e, PERI_NOT_FOUND, "there is neither a connector nor a mapping of type '%s'", type);
  if (!code) {
    tell_files(&t, &checked);
    try_connectors(&t, s.project, type);
  }
  peri_check_close(&checked);
  if (open) peri_session_close(&s);
  int result = code ? peri_cli_fail(c, &e) : finish(&t);
  peri_buf_fini(&t.json);
  peri_arena_free(t.arena);
  return result;
}

const peri_command peri_command_test = {
    "test",
    "[TYPE]",
    "run the mappings' examples, and the connectors against their emulators",
    "A connector that brings an emulator (connectors/TYPE_emulator.lua) is run against it with 100 records: connection, a full sync,\n"
    "and a second sync that must change nothing. A temporary folder is used; your database stays as it is. Nothing leaves this machine.",
    0,
    1,
    NULL,
    0,
    run};
