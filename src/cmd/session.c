/* cmd/session: opens what a command needs, in order: project, database, key, engine. Creates the database where a project has none yet. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli.h"
#include "cmd/host.h"
#include "cmd/remote.h"
#include "core/lend.h"
#include "core/integration.h"
#include "store/catalog.h"

#define KEY_WORD PERI_STR("perilune")

void peri_session_key(const peri_cli *c, const char *file, peri_key_place *out) {
  const char *named = peri_cli_value(c, "key-file");
  peri_key_find(named ? named : file, named != NULL, out);
}

static peri_code open_word(const peri_session *s, peri_str sealed, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  peri_buf word = {0};
  peri_err why = {0};
  peri_code code = peri_unseal(s->vault, "meta", PERI_STR("key"), PERI_STR("check"), peri_json_parse(a, sealed, &fault), &word, &why);
  if (code || !peri_str_eq(peri_buf_view(&word), KEY_WORD))
    code = peri_fail(e, PERI_WRONG_KEY, "%s does not open the database %s%s%s; nothing was written", peri_key_place_text(&s->key), s->project->database,
                     why.code == PERI_WRONG_KEY ? ": " : "", why.code == PERI_WRONG_KEY ? why.text : "");
  peri_wipe(&word);
  peri_arena_free(a);
  return code;
}

/* The key, and a sealed word in the database that proves it before anything is written, be it a migration or the mark of a run that was killed. */
static peri_code open_key(const peri_cli *c, peri_session *s, peri_err *e) {
  peri_session_key(c, s->project->key, &s->key);
  peri_code code = peri_vault_open_at(&s->key, &s->vault, e);
  if (code || !s->project->database) return code;
  peri_arena *a = peri_arena_new();
  peri_str sealed;
  code = peri_store_key_check_peek(s->project->database, a, &sealed, e);
  if (!code && sealed.n) code = open_word(s, sealed, e);
  peri_arena_free(a);
  return code;
}

/* Once more with the lock in hand: while we waited for it, another command may have changed the key, or made the database. */
static peri_code prove_key(peri_session *s, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_str sealed = {0};
  peri_code code = peri_store_key_check_get(s->store, a, &sealed, e);
  if (!code && sealed.n) {
    code = open_word(s, sealed, e);
    if (code == PERI_WRONG_KEY) {
      peri_vault_free(s->vault);
      s->vault = NULL;
      code = peri_vault_open_at(&s->key, &s->vault, e);
      if (!code) code = open_word(s, sealed, e);
    }
  } else if (!code) {
    peri_buf json = {0};
    code = peri_seal(s->vault, "meta", PERI_STR("key"), PERI_STR("check"), KEY_WORD, &json, e);
    if (!code) code = peri_store_key_check_set(s->store, peri_buf_view(&json), e);
    peri_buf_fini(&json);
  }
  peri_arena_free(a);
  return code;
}

/* In a process that stays: what it has open, and the loop for as long as the session lasts, but for its waits. */
static peri_code open_hosted(const peri_cli *c, int need, peri_session *s, peri_err *e) {
  peri_service *service = peri_hosted();
  if (need & PERI_NEED_ALONE) return peri_fail(e, PERI_BUSY, "%s needs the database for itself; stop perilune serve first", c->command->name);
  *s = (peri_session){.hosted = true, .project = peri_hosted_scripts()->project};
  if (need & PERI_NEED_READ) return peri_store_open(s->project->database, PERI_OPEN_READ, 0, c->command->name, &s->store, e);
  s->store = service->g->store;
  s->vault = service->g->vault;
  if (need & PERI_NEED_ENGINE) {
    s->engine = service->g;
    peri_engine_borrow(s->engine, peri_hosted_owner());
  }
  return PERI_OK;
}

static void close_hosted(peri_session *s) {
  if (s->engine) peri_engine_give_back(s->engine);
  if (s->store && s->store != peri_hosted()->g->store) peri_store_close(s->store);
}

peri_code peri_session_open(const peri_cli *c, int need, peri_session *s, peri_err *e) {
  *s = (peri_session){0};
  if (peri_hosted()) return open_hosted(c, need, s, e);
  peri_code code = peri_project_open(c->dir, c->database, need & PERI_NEED_PROJECT, &s->project, e);
  if (!code) code = peri_project_read(s->project, e);
  char command[200];
  snprintf(command, sizeof command, "%s%s%s", c->command->name, c->arg_count ? " " : "", c->arg_count ? c->args[0] : "");
  if (!code && (need & PERI_NEED_WRITE) && !(need & PERI_NEED_ALONE) && peri_remote_run(c, s->project->database, e)) code = PERI_BUSY;
  if (!code && (need & PERI_NEED_KEY)) code = open_key(c, s, e);
  if (!code && (need & PERI_NEED_WRITE)) code = peri_store_open(s->project->database, PERI_OPEN_CREATE, c->wait_ms, command, &s->store, e);
  if (!code && (need & PERI_NEED_READ) && s->project->database && access(s->project->database, F_OK) == 0)
    code = peri_store_open(s->project->database, PERI_OPEN_READ, 0, command, &s->store, e);
  if (!code && (need & PERI_NEED_KEY) && (need & PERI_NEED_WRITE)) code = prove_key(s, e);
  if (!code && (need & PERI_NEED_ENGINE)) code = peri_engine_new(s->store, s->vault, &s->engine, e);
  if (code) peri_session_close(s);
  return code;
}

void peri_session_learn(const peri_cli *c, peri_session *s) {
  peri_err none = {0};
  peri_buf list = {0};
  peri_json_fault fault;
  if (!s->store || s->hosted || s->vault || open_key(c, s, &none)) return;
  peri_arena *a = peri_arena_new();
  const peri_json *rows = peri_integration_list(s->store, &list, &none) ? NULL : peri_json_parse(a, peri_buf_view(&list), &fault);
  for (const peri_json *r = rows ? rows->first : NULL; r; r = r->next) {
    peri_integration *in = NULL;
    if (!peri_integration_open(s->store, s->vault, peri_json_get_text(r, "name"), &in, &none)) peri_integration_close(in);
  }
  peri_buf_fini(&list);
  peri_arena_free(a);
  peri_vault_free(s->vault); /* a command that asks nothing goes on without it */
  s->vault = NULL;
}

void peri_session_close(peri_session *s) {
  if (s->hosted) {
    close_hosted(s);
    *s = (peri_session){0};
    return;
  }
  peri_engine_free(s->engine);
  if (s->store) peri_store_close(s->store);
  peri_vault_free(s->vault);
  peri_project_close(s->project);
  *s = (peri_session){0};
}
