/* cmd/session: opens what a command needs, in order: project, database, key, engine. Creates the database where a project has none yet. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli.h"

#define KEY_WORD PERI_STR("perilune")

/* A sealed word in the database proves the key before anything is written with it. */
static peri_code prove_key(peri_session *s, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_str sealed = {0};
  peri_json_fault fault;
  peri_code code = peri_store_key_check_get(s->store, a, &sealed, e);
  if (!code && sealed.n) {
    peri_buf word = {0};
    code = peri_unseal(s->vault, "meta", PERI_STR("key"), PERI_STR("check"), peri_json_parse(a, sealed, &fault), &word, e);
    if (!code && !peri_str_eq(peri_buf_view(&word), KEY_WORD)) code = peri_fail(e, PERI_WRONG_KEY, "the key does not open this database");
    if (code) peri_fail(e, code = PERI_WRONG_KEY, "%s does not open the database %s; nothing was written", s->project->key, s->project->database);
    peri_wipe(&word);
    peri_buf_fini(&word);
  } else if (!code) {
    peri_buf json = {0};
    code = peri_seal(s->vault, "meta", PERI_STR("key"), PERI_STR("check"), KEY_WORD, &json, e);
    if (!code) code = peri_store_key_check_set(s->store, peri_buf_view(&json), e);
    peri_buf_fini(&json);
  }
  peri_arena_free(a);
  return code;
}

peri_code peri_session_open(const peri_cli *c, int need, peri_session *s, peri_err *e) {
  *s = (peri_session){0};
  peri_code code = peri_project_open(c->dir, c->database, need & PERI_NEED_PROJECT, &s->project, e);
  if (!code) code = peri_project_read(s->project, e);
  char command[200];
  snprintf(command, sizeof command, "%s%s%s", c->command->name, c->arg_count ? " " : "", c->arg_count ? c->args[0] : "");
  if (!code && (need & PERI_NEED_KEY)) code = peri_vault_open(s->project->key, &s->vault, e);
  if (!code && (need & PERI_NEED_WRITE)) code = peri_store_open(s->project->database, PERI_OPEN_CREATE, c->wait_ms, command, &s->store, e);
  if (!code && (need & PERI_NEED_READ) && s->project->database && access(s->project->database, F_OK) == 0)
    code = peri_store_open(s->project->database, PERI_OPEN_READ, 0, command, &s->store, e);
  if (!code && (need & PERI_NEED_KEY) && (need & PERI_NEED_WRITE)) code = prove_key(s, e);
  if (!code && (need & PERI_NEED_ENGINE)) code = peri_engine_new(s->store, s->vault, &s->engine, e);
  if (code) peri_session_close(s);
  return code;
}

void peri_session_close(peri_session *s) {
  peri_engine_free(s->engine);
  if (s->store) peri_store_close(s->store);
  peri_vault_free(s->vault);
  peri_project_close(s->project);
  *s = (peri_session){0};
}
