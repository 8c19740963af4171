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
    if (code) {
      peri_err_prefix(e, "credential '%.*s' of integration %.*s", PERI_S(m->key), PERI_S(id));
      return code;
    }
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

/* Every credential and the sealed word under the newest key. */
static peri_code rewrap_all(peri_session *s, int64_t *rewrapped, peri_err *e) {
  rewrap r = {s->vault};
  peri_code code = peri_integration_each_sealed(s->store, rewrap_row, &r, rewrapped, e);
  return code ? code : rewrap_check(s, e);
}

/* The key lies in a file: a new line goes in first, the old ones go last. Two lines already: a rotation was killed; it is brought to its end. */
static peri_code rotate_file(peri_session *s, int64_t *rewrapped, peri_err *e) {
  peri_code code = PERI_OK;
  if (peri_vault_count(s->vault) == 1) {
    code = peri_key_add(s->key.path, e);
    if (!code) {
      peri_vault_free(s->vault);
      s->vault = NULL;
      code = peri_vault_open_at(&s->key, &s->vault, e);
    }
  }
  if (!code) code = rewrap_all(s, rewrapped, e);
  return code ? code : peri_key_drop_old(s->key.path, e);
}

/* It lies where perilune cannot write. One key there: a file is written for the operator to put in its place. Two: the credentials go over to the first. */
static peri_code rotate_elsewhere(peri_session *s, const char *to, int64_t *rewrapped, bool *prepared, peri_err *e) {
  *prepared = peri_vault_count(s->vault) == 1;
  if (*prepared && !to)
    return peri_fail(e, PERI_USAGE,
                     "the key comes from %s, which perilune can't write; run perilune key rotate --to FILE, put the text of FILE in its place, and run perilune key"
                     " rotate again",
                     peri_key_place_text(&s->key));
  peri_code code = *prepared ? PERI_OK : rewrap_all(s, rewrapped, e);
  if (!code && to) code = peri_key_write_next(s->vault, *prepared, to, e);
  return code;
}

static void answer(const peri_cli *c, const peri_session *s, const char *to, bool prepared, int64_t rewrapped) {
  const char *place = peri_key_place_text(&s->key), *kid = peri_vault_kid(s->vault);
  if (c->json) {
    peri_buf b = {0};
    peri_jw w;
    peri_jw_init(&w, &b);
    peri_jw_object(&w);
    peri_jw_kv_c(&w, "key", kid);
    peri_jw_kv_int(&w, "integrations", rewrapped);
    peri_jw_kv_bool(&w, "complete", !prepared);
    peri_jw_end_object(&w);
    peri_cli_data(c, peri_buf_view(&b));
    peri_buf_fini(&b);
  } else if (s->key.from == PERI_KEY_FILE)
    printf("key %s is in force; credentials of %lld integrations rewrapped; the old key is gone from %s\n", kid, (long long)rewrapped, place);
  else if (prepared)
    printf("%s holds a new key and the one in force; put its text in the place of %s, remove the file, and run perilune key rotate again\n", to, place);
  else
    printf("key %s is in force; credentials of %lld integrations rewrapped; take the other keys out of %s%s%s\n", kid, (long long)rewrapped, place,
           to ? ": its next text is in " : "", to ? to : "");
}

static int run(peri_cli *c) {
  if (strcmp(c->args[0], "rotate") != 0) return peri_cli_usage(c, "key knows 'rotate', not '%s'", c->args[0]);
  peri_err e = {0};
  peri_session s;
  int64_t rewrapped = 0;
  bool prepared = false;
  const char *to = peri_cli_value(c, "to");
  /* the session proves the key in force before another is added */
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  if (s.key.from != PERI_KEY_FILE) code = rotate_elsewhere(&s, to, &rewrapped, &prepared, &e);
  else if (to) code = peri_fail(&e, PERI_USAGE, "--to is for keys that perilune can't write; %s is changed in place", s.key.path);
  else code = rotate_file(&s, &rewrapped, &e);
  if (!code) answer(c, &s, to, prepared, rewrapped);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {
    {"to", "FILE", false, "where the key is no file of perilune's: write here what that place should hold next (mode 0600, never over a file)"},
};

const peri_command peri_command_key = {
    "key", "rotate [--to FILE]", "a new key for the credentials",
    "Adds a key, rewraps every credential, drops the old key. Killed in between, run it again: both keys stay readable until the end.\n\n"
    "A key that comes from a systemd credential or from PERILUNE_KEY is yours to replace: --to FILE writes a new key and the one in force\n"
    "to FILE; put its text where the key comes from; run the command again, and take the old line out. PERILUNE_KEY holds the same lines\n"
    "as perilune.key: NAME BASE64, the newest first.",
    1, 1, flags, sizeof flags / sizeof *flags, run};
