/* cmd/key: the key that seals credentials: rotate it. Survives being killed at any point: both keys are in the file until every credential is rewrapped. */
#include <stdio.h>
#include <string.h>

#include "cmd/flags.h"
#include "store/catalog.h"

typedef struct rewrap {
  peri_vault *vault;
} rewrap;

static peri_code rewrap_row(void *self, peri_str id, const peri_json *credentials, peri_buf *out, peri_err *e) {
  const rewrap *r = self;
  peri_jw w;
  bool any = false;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  for (const peri_json *m = credentials ? credentials->first : NULL; m; m = m->next) {
    peri_buf blob = {0};
    bool changed = false;
    peri_code code = peri_rewrap(r->vault, "integrations", id, m->key, m, &blob, &changed, e);
    if (!code) {
      peri_jw_key(&w, m->key);
      peri_jw_raw(&w, changed ? peri_buf_view(&blob) : m->raw);
    }
    any |= changed;
    peri_buf_fini(&blob);
    if (code) return code;
  }
  peri_jw_end_object(&w);
  if (!any) peri_buf_clear(out); /* nothing to write */
  return PERI_OK;
}

static peri_code rewrap_check(peri_session *s, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_str sealed = {0};
  peri_buf json = {0};
  peri_json_fault fault;
  bool changed = false;
  peri_code code = peri_store_key_check_get(s->store, a, &sealed, e);
  if (!code && sealed.n) code = peri_rewrap(s->vault, "meta", PERI_STR("key"), PERI_STR("check"), peri_json_parse(a, sealed, &fault), &json, &changed, e);
  if (!code && changed) code = peri_store_key_check_set(s->store, peri_buf_view(&json), e);
  peri_buf_fini(&json);
  peri_arena_free(a);
  return code;
}

static int run(peri_cli *c) {
  if (strcmp(c->args[0], "rotate") != 0) return peri_cli_usage(c, "key knows 'rotate', not '%s'", c->args[0]);
  peri_err e = {0};
  peri_session s;
  int64_t rewrapped = 0;
  /* the session proves the key in force before another is added */
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  code = peri_key_add(s.project->key, &e);
  if (!code) {
    peri_vault_free(s.vault);
    s.vault = NULL;
    code = peri_vault_open(s.project->key, &s.vault, &e);
  }
  rewrap r = {s.vault};
  if (!code) code = peri_integration_each_sealed(s.store, rewrap_row, &r, &rewrapped, &e);
  if (!code) code = rewrap_check(&s, &e);
  if (!code) code = peri_key_drop_old(s.project->key, &e);
  char kid[128] = "";
  if (s.vault) snprintf(kid, sizeof kid, "%s", peri_vault_kid(s.vault));
  peri_session_close(&s);
  if (code) return peri_cli_fail(c, &e);
  if (c->json) {
    peri_buf b = {0};
    peri_buf_fmt(&b, "{\"key\":\"%s\",\"integrations\":%lld}", kid, (long long)rewrapped);
    peri_cli_data(c, peri_buf_view(&b));
    peri_buf_fini(&b);
  } else
    printf("key %s is in force; credentials of %lld integrations rewrapped; the old key is gone from perilune.key\n", kid, (long long)rewrapped);
  return 0;
}

const peri_command peri_command_key = {"key", "rotate", "a new key for the credentials",
                                       "Adds a key, rewraps every credential, drops the old key. Killed in between, run it again: both keys stay readable until the end.", 1, 1, NULL, 0, run};
