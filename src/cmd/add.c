/* cmd/add: add, set, remove: integrations and their credentials. Reads secrets from a file or standard input; prints none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "base/uuid.h"
#include "cmd/flags.h"
#include "core/drift.h"
#include "core/integration.h"
#include "core/login.h"
#include "core/scripts.h"
#include "core/trust.h"

#define PAIRS_MAX 32
#define SECRET_BYTES_MAX 65536

typedef struct pairs {
  peri_str names[PAIRS_MAX], values[PAIRS_MAX];
  size_t count;
} pairs;

static void wipe(const pairs *secrets) {
  for (size_t i = 0; i < secrets->count; i++) explicit_bzero((char *)(uintptr_t)secrets->values[i].p, secrets->values[i].n);
}

/* ---- credentials: VALUE, @FILE or - ---- */

/* What is typed does not appear. Ctrl-C comes as a letter meanwhile, so that the terminal is never left without its echo. */
static void hide_typing(int fd, struct termios t) {
  t.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
  tcsetattr(fd, TCSAFLUSH, &t);
  fputs("paste the credential, then Enter (it is not shown): ", stderr);
}

static peri_code read_secret(peri_arena *a, peri_str from, peri_str *out, peri_err *e) {
  if (!peri_str_is(from, "-") && !(from.n && from.p[0] == '@')) {
    *out = from;
    return PERI_OK;
  }
  bool standard = from.p[0] == '-';
  int fd = peri_cli_open_file(standard ? "-" : from.p + 1);
  if (fd < 0) return peri_fail(e, PERI_IO, "%s can't be read: %s", from.p + 1, strerror(errno));
  struct termios shown;
  bool typed = standard && tcgetattr(fd, &shown) == 0;
  if (typed) hide_typing(fd, shown);
  char *text = peri_arena_bytes(a, SECRET_BYTES_MAX + 1);
  size_t n = 0;
  for (ssize_t got; n <= SECRET_BYTES_MAX && (got = read(fd, text + n, SECRET_BYTES_MAX + 1 - n)) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    n += (size_t)got;
    if (typed && text[n - 1] == '\n') break; /* at a keyboard, Enter ends it */
  }
  if (typed) {
    tcsetattr(fd, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    if (memchr(text, 3, n)) close(fd), fd = -1;
    if (fd < 0) return peri_fail(e, PERI_INTERRUPTED, "stopped; nothing was stored");
  }
  close(fd);
  if (standard) peri_cli_remember_input(text, n);
  if (n > SECRET_BYTES_MAX) return peri_fail(e, PERI_INVALID, "the credential has more than %d bytes", SECRET_BYTES_MAX);
  *out = peri_str_trim((peri_str){text, n});
  return PERI_OK;
}

static peri_code read_credentials(const peri_cli *c, peri_arena *a, pairs *p, peri_err *e) {
  const char *given[PAIRS_MAX];
  size_t n = peri_cli_values(c, "credential", given, PAIRS_MAX);
  for (size_t i = 0; i < n; i++) {
    peri_str value;
    if (!peri_cut_pair(given[i], &p->names[p->count], &value)) return peri_fail(e, PERI_USAGE, "--credential wants NAME=VALUE, NAME=@FILE or NAME=-");
    peri_code code = read_secret(a, value, &p->values[p->count], e);
    if (code) return code;
    if (!p->values[p->count].n) return peri_fail(e, PERI_INVALID, "credential '%.*s' is empty", PERI_S(p->names[p->count]));
    if (p->values[p->count].n < PERI_REDACT_BYTES_MIN && !c->quiet)
      fprintf(stderr, "perilune: credential '%.*s' has fewer than %d bytes: it can't be told from ordinary text, so logs and errors may show it\n",
              PERI_S(p->names[p->count]), PERI_REDACT_BYTES_MIN);
    p->count++;
  }
  return PERI_OK;
}

/* ---- settings: JSON where it is JSON, else text ---- */

static void put_setting(peri_jw *w, peri_str name, peri_str value) {
  peri_span v;
  peri_json_fault fault;
  peri_jw_key(w, name);
  bool plain_json = peri_json_check(value, &v, &fault) && v.type != PERI_J_STRING;
  if (plain_json && v.type == PERI_J_NUMBER && value.n > 15) plain_json = false; /* an id, not a number */
  if (plain_json) peri_jw_raw(w, peri_span_raw(v));
  else peri_jw_text(w, value);
}

static peri_code settings_json(const peri_cli *c, const peri_json *old, peri_buf *out, bool *any, peri_err *e) {
  const char *given[PAIRS_MAX];
  size_t n = peri_cli_values(c, "setting", given, PAIRS_MAX);
  peri_str names[PAIRS_MAX], values[PAIRS_MAX];
  *any = n > 0;
  for (size_t i = 0; i < n; i++)
    if (!peri_cut_pair(given[i], &names[i], &values[i])) return peri_fail(e, PERI_USAGE, "--setting wants NAME=VALUE, not '%s'", given[i]);
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  for (const peri_json *m = old ? old->first : NULL; m; m = m->next) {
    bool replaced = false;
    for (size_t i = 0; i < n; i++) replaced |= peri_str_eq(names[i], m->key);
    if (!replaced) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
  }
  for (size_t i = 0; i < n; i++) {
    bool later = false;
    for (size_t k = i + 1; k < n; k++) later |= peri_str_eq(names[k], names[i]);
    if (!later && values[i].n) put_setting(&w, names[i], values[i]); /* NAME= takes a setting away */
  }
  peri_jw_end_object(&w);
  return PERI_OK;
}

/* ---- what the connector says ---- */

static bool has_name(void *self, peri_str name) {
  const pairs *p = self;
  for (size_t i = 0; i < p->count; i++)
    if (peri_str_eq(p->names[i], name)) return true;
  return false;
}

static bool kind_accepts(const peri_node *kind, const peri_json *value) {
  if (peri_node_is(kind, "boolean")) return value->type == PERI_J_TRUE || value->type == PERI_J_FALSE;
  if (peri_node_is(kind, "integer") || peri_node_is(kind, "number")) return value->type == PERI_J_NUMBER;
  if (peri_node_is(kind, "list")) return value->type == PERI_J_ARRAY;
  return true;
}

/* deletes.STREAM and drift.STREAM are ours, not the connector's. */
static peri_code check_policy(const peri_connector *k, const peri_json *m, bool *ours, peri_err *e) {
  peri_str stream, kind = {0}, names[256];
  stream = peri_str_cut(m->key, '.', &kind);
  bool known = false;
  size_t n = 0;
  *ours = stream.n && (peri_str_is(kind, "deletes") || peri_str_is(kind, "drift"));
  if (!*ours) return PERI_OK;
  for (; n < k->stream_count && n < 256; n++) {
    names[n] = k->streams[n].name;
    known |= peri_str_eq(names[n], stream);
  }
  peri_str near = peri_suggest(stream, names, n);
  if (!known && !k->more) return peri_fail(e, PERI_INVALID, "%.*s: %.*s has no stream '%.*s'%s%.*s%s", PERI_S(m->key), PERI_S(k->name), PERI_S(stream), near.n ? " (did you mean '" : "", PERI_S(near), near.n ? "'?)" : "");
  peri_drift_policy policy;
  if (peri_str_is(kind, "drift")) {
    if (!peri_drift_policy_read(m->text, &policy))
      return peri_fail(e, PERI_INVALID, "%.*s says what becomes of fields that appear, vanish or change: evolve (taken), freeze (left out) or ask; '%.*s' is none of them", PERI_S(m->key), PERI_S(m->text.n ? m->text : m->raw));
    return PERI_OK;
  }
  if (m->type != PERI_J_NUMBER || peri_json_int(m, -1) < 0 || peri_json_int(m, -1) > 100)
    return peri_fail(e, PERI_INVALID, "%.*s is the share of a stream that may vanish without a question, 0 to 100 in percent; '%.*s' is not", PERI_S(m->key), PERI_S(m->raw));
  return PERI_OK;
}

static peri_code check_settings(const peri_connector *k, const peri_json *settings, peri_err *e) {
  for (const peri_json *m = settings ? settings->first : NULL; m; m = m->next) {
    if (peri_str_is(m->key, "kept")) continue;
    if (peri_str_is(m->key, "version")) {
      peri_str near[32];
      size_t n = 0;
      bool known = false;
      for (size_t i = 0; k->versions && i < k->versions->item_count && n < 32; i++) {
        near[n] = peri_node_text(k->versions->items[i]);
        known |= peri_str_eq(near[n++], m->text);
      }
      peri_str meant = peri_suggest(m->text, near, n);
      if (!known) return peri_fail(e, PERI_INVALID, "%.*s has no version '%.*s'%s%.*s%s; it has %.*s%s%.*s", PERI_S(k->name), PERI_S(m->text), meant.n ? " (did you mean '" : "", PERI_S(meant),
                                   meant.n ? "'?)" : "", PERI_S(n ? near[0] : PERI_STR("none")), n > 1 ? ", " : "", PERI_S(n > 1 ? near[1] : PERI_STR("")));
      continue;
    }
    bool ours;
    if (check_policy(k, m, &ours, e)) return e->code;
    if (ours) continue;
    const peri_node *found = NULL;
    for (size_t i = 0; k->settings && i < k->settings->item_count && !found; i++)
      if (peri_str_eq(peri_node_text(k->settings->items[i]->what), m->key)) found = k->settings->items[i];
    if (found && !kind_accepts(found, m)) return peri_fail(e, PERI_INVALID, "setting '%.*s' is a %.*s, and '%.*s' is not", PERI_S(m->key), PERI_S(found->word), PERI_S(m->raw));
  }
  for (size_t i = 0; k->settings && i < k->settings->item_count; i++) {
    const peri_node *n = k->settings->items[i];
    if (peri_node_opt_bool(n, "required", false) && !peri_json_get_str(settings, peri_node_text(n->what)))
      return peri_fail(e, PERI_INVALID, "%.*s needs the setting '%.*s': give --setting %.*s=…", PERI_S(k->name), PERI_S(peri_node_text(n->what)), PERI_S(peri_node_text(n->what)));
  }
  return PERI_OK;
}

static peri_code load_connector(peri_session *s, const char *type, peri_scripts **scripts, peri_err *e) {
  peri_scripts_want want = {.type = type};
  peri_code code = peri_scripts_load(s->project, s->store, &want, scripts, e);
  if (!code) code = peri_scripts_need(*scripts, peri_str_of(type), e);
  return code;
}

static bool fine_name(const char *name) {
  if (!*name || strlen(name) > 64 || name[0] == '-' || name[0] == '@') return false;
  for (const char *p = name; *p; p++)
    if (*p == '/' || *p == '\\' || (unsigned char)*p < 33 || *p == 127) return false;
  return true;
}

static int run_add(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_arena *a = peri_arena_new();
  peri_buf settings = {0}, sealed = {0}, trusted = {0};
  pairs secrets = {0};
  peri_scripts *scripts = NULL;
  const char *type = c->args[0], *name = c->arg_count > 1 ? c->args[1] : c->args[0];
  peri_str base_url = peri_str_of(peri_cli_value(c, "base-url"));
  char id[PERI_UUID_TEXT];
  bool any = false;
  peri_code code = fine_name(name) ? PERI_OK : peri_fail(&e, PERI_USAGE, "'%s' can't be a name: up to 64 characters, no spaces or slashes, not beginning with - or @", name);
  if (!code) code = read_credentials(c, a, &secrets, &e);
  if (!code) code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY, &s, &e);
  if (code) goto out;
  code = load_connector(&s, type, &scripts, &e);
  peri_json_fault fault;
  const peri_json *given = NULL;
  if (!code) code = settings_json(c, NULL, &settings, &any, &e);
  if (!code) given = peri_json_parse(a, peri_buf_view(&settings), &fault);
  if (!code) code = check_settings(scripts->connector, given, &e);
  const peri_auth *auth = NULL;
  if (!code) {
    peri_connector_settle(a, scripts->connector, given);
    auth = peri_connector_auth(scripts->connector, has_name, &secrets, &e);
    if (!auth && e.code) code = e.code;
  }
  if (!code) code = peri_trust_new(a, scripts->connector, auth, given, base_url, &trusted, &e);
  bool login = !code && auth && auth->kind == PERI_AUTH_OAUTH2 && !has_name(&secrets, auth->secret) && !has_name(&secrets, PERI_STR("refreshToken"));
  if (!code) {
    peri_uuid7(id);
    code = peri_integration_seal(s.vault, peri_str_of(id), NULL, secrets.names, secrets.values, secrets.count, &sealed, &e);
  }
  if (!code) {
    peri_new_integration n = {.id = peri_str_of(id),
                              .name = peri_str_of(name),
                              .type = peri_str_of(type),
                              .platform = scripts->connector->platform.n ? scripts->connector->platform : peri_str_of(type),
                              .settings_json = peri_buf_view(&settings),
                              .base_url = base_url,
                              .trusted_json = peri_buf_view(&trusted),
                              .credentials_json = peri_buf_view(&sealed)};
    code = peri_integration_add(s.store, &n, &e);
  }
  peri_scripts_close(scripts);
  peri_session_close(&s);
  if (!code && c->json) {
    peri_buf text = {0};
    peri_jw w;
    peri_jw_init(&w, &text);
    peri_jw_object(&w);
    peri_jw_kv_c(&w, "id", id);
    peri_jw_kv_c(&w, "name", name);
    peri_jw_kv_c(&w, "type", type);
    if (login) peri_jw_kv(&w, "next", peri_arena_fmt(a, "perilune auth %s", name));
    peri_jw_end_object(&w);
    peri_cli_data(c, peri_buf_view(&text));
    peri_buf_fini(&text);
  } else if (!code) {
    puts(id);
    if (login && !c->quiet) fprintf(stderr, "next, log in: perilune auth %s\n", name);
  }
out:
  wipe(&secrets);
  peri_buf_fini(&settings);
  peri_buf_fini(&sealed);
  peri_buf_fini(&trusted);
  peri_arena_free(a);
  return code ? peri_cli_fail(c, &e) : 0;
}

static int run_set(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_arena *a = peri_arena_new();
  peri_buf settings = {0}, sealed = {0}, trusted = {0};
  pairs secrets = {0};
  peri_json *row = NULL, *old = NULL;
  peri_scripts *scripts = NULL;
  bool any = false;
  peri_str base_url = peri_str_of(peri_cli_value(c, "base-url"));
  if (!c->given_count) {
    peri_arena_free(a);
    return peri_cli_usage(c, "nothing to change: give --credential, --setting, --base-url, --pause or --resume");
  }
  peri_code code = read_credentials(c, a, &secrets, &e);
  if (!code) code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY, &s, &e);
  if (code) goto out;
  code = peri_integration_get(s.store, a, peri_str_of(c->args[0]), &row, &e);
  peri_str id = peri_json_get_text(row, "id"), status = peri_cli_has(c, "pause") ? PERI_STR("paused") : peri_cli_has(c, "resume") ? PERI_STR("active") : (peri_str){0};
  if (!code) code = settings_json(c, peri_json_get(row, "settings"), &settings, &any, &e);
  if (!code && (base_url.n || any)) {
    char type[128];
    peri_json_fault fault;
    snprintf(type, sizeof type, "%.*s", PERI_S(peri_json_get_text(row, "type")));
    const peri_json *given = peri_json_parse(a, peri_buf_view(&settings), &fault);
    code = load_connector(&s, type, &scripts, &e);
    if (!code) code = check_settings(scripts->connector, given, &e);
    if (!code && base_url.n) code = peri_trust_new(a, scripts->connector, scripts->connector->auth_count ? &scripts->connector->auths[scripts->connector->auth_count - 1] : NULL, given, base_url, &trusted, &e);
  }
  if (!code && secrets.count) {
    code = peri_integration_credentials(s.store, a, id, &old, &e);
    if (!code) code = peri_integration_seal(s.vault, id, old, secrets.names, secrets.values, secrets.count, &sealed, &e);
    if (!code && !status.n && peri_str_is(peri_json_get_text(row, "status"), "needs_reauth")) status = PERI_STR("active");
  }
  if (!code) code = peri_integration_set(s.store, id, any ? peri_buf_view(&settings) : (peri_str){0}, peri_buf_view(&sealed), base_url, peri_buf_view(&trusted), status, &e);
  peri_scripts_close(scripts);
  peri_session_close(&s);
  if (!code && c->json) peri_cli_data(c, PERI_STR("{\"changed\":true}"));
  else if (!code && !c->quiet) printf("%s changed\n", c->args[0]);
out:
  wipe(&secrets);
  peri_buf_fini(&settings);
  peri_buf_fini(&sealed);
  peri_buf_fini(&trusted);
  peri_arena_free(a);
  return code ? peri_cli_fail(c, &e) : 0;
}

/* Best effort, before the token is forgotten here. *given_back: it was; with a text in *e the provider may still honour it. */
static void give_back(peri_cli *c, bool *given_back, peri_err *e) {
  peri_session s;
  peri_err ignored = {0};
  if (peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ | PERI_NEED_KEY | PERI_NEED_ENGINE, &s, &ignored)) return; /* without its key nothing is known of tokens */
  if (s.store) peri_login_revoke(s.engine, s.project, peri_str_of(c->args[0]), given_back, e);
  peri_session_close(&s);
}

static int run_remove(peri_cli *c) {
  peri_err e = {0}, why = {0};
  peri_session s;
  peri_arena *a = peri_arena_new();
  peri_json *row = NULL;
  int64_t rows = 0;
  bool given_back = false;
  give_back(c, &given_back, &why);
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE, &s, &e);
  if (!code) {
    code = peri_integration_get(s.store, a, peri_str_of(c->args[0]), &row, &e);
    if (!code) code = peri_integration_remove(s.store, peri_json_get_text(row, "id"), peri_cli_has(c, "keep-data"), &rows, &e);
    peri_session_close(&s);
  }
  if (!code && why.code && !c->quiet) fprintf(stderr, "its token could not be given back (%s); take the app's access away at the provider\n", why.text);
  if (!code && c->json) peri_cli_data(c, peri_arena_fmt(a, "{\"removed\":true,\"rows\":%lld,\"revoked\":%s}", (long long)rows, given_back ? "true" : "false"));
  else if (!code)
    printf("%s removed; %lld rows %s%s\n", c->args[0], (long long)rows, peri_cli_has(c, "keep-data") ? "kept" : "deleted", given_back ? "; its token was given back" : "");
  peri_arena_free(a);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag add_flags[] = {
    {"credential", "NAME=VALUE|@FILE|-", true, "a secret; @FILE reads it from a file, - from standard input"},
    {"setting", "NAME=VALUE", true, "a setting of the connector; JSON values are taken as such"},
    {"base-url", "URL", false, "another server in place of the connector's; its host is trusted, loopback included"},
};
const peri_command peri_command_add = {"add", "TYPE [NAME] --credential NAME=VALUE|@FILE|- [--setting NAME=VALUE]… [--base-url URL]", "create an integration; prints its id",
                                       "Credential names: accessToken, refreshToken, clientId, clientSecret, instanceUrl, or what the connector names\n"
                                       "(perilune connectors show TYPE). They are sealed with perilune.key and never shown again.\n\n"
                                       "  perilune add hubspot crm --credential accessToken=@token.txt\n"
                                       "  perilune add hubspot test --base-url http://127.0.0.1:8080 --credential accessToken=pat-emulator",
                                       1, 2, add_flags, 3, run_add};
static const peri_flag set_flags[] = {
    {"credential", "NAME=VALUE|@FILE|-", true, "replace a secret"},
    {"setting", "NAME=VALUE", true, "change a setting; NAME= takes it away"},
    {"base-url", "URL", false, "another server; its host is trusted"},
    {"pause", NULL, false, "leave it out of sync --all"},
    {"resume", NULL, false, "take it in again"},
};
const peri_command peri_command_set = {"set", "NAME [--credential …] [--setting …] [--base-url URL] [--pause|--resume]", "change an integration", "", 1, 1, set_flags, 5, run_set};
static const peri_flag remove_flags[] = {{"keep-data", NULL, false, "keep the rows; only the integration and its credentials go"}};
const peri_command peri_command_remove = {"remove", "NAME [--keep-data]", "remove an integration, its credentials and its rows", "A token got by a login is given back to the provider where it takes one back; a failure of that is told and stops nothing.", 1, 1, remove_flags, 1, run_remove};
