/* core/account: who holds what. One peri_account for each integration in this process, made from the database when first asked for: its own copy of settings,
 * hosts and secrets, so that a new token is everybody's at once. Accounts stay till the engine goes; a new hold of an idle one reads the database again. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/account_inside.h"
#include "core/holes.h"

/* ---- whose limits ---- */

/* What a login of somebody else's app at the same customer would share with us: the client and the customer, if `check` has kept who that is. */
static peri_str customer(const peri_json *settings) {
  static const char *const names[] = {"portal", "account", "org", "organization", "tenant", "workspace", "team", "instance_url"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    peri_str v = peri_json_str(peri_json_get(settings, names[i]));
    if (v.n) return v;
  }
  return (peri_str){NULL, 0};
}

/* The name by which limits are counted. Tokens and passwords: the credential itself; OAuth, whose tokens change: client and customer. */
static void ledger_name(const peri_account *a, const peri_vault *v, char out[PERI_CREDENTIAL_NAME_MAX]) {
  const peri_auth *auth = &a->auth;
  peri_str names[3];
  size_t n = 0;
  peri_str who = {NULL, 0};
  if (auth->kind == PERI_AUTH_OAUTH2) {
    names[n++] = auth->client;
    who = customer(a->in->settings);
    if (!who.n) who = a->in->id;
  } else if (auth->kind != PERI_AUTH_NONE) {
    names[n++] = auth->secret;
    if (auth->kind == PERI_AUTH_BASIC && peri_node_is(auth->user, "secret")) names[n++] = peri_node_text(auth->user->what);
  }
  peri_str context = peri_arena_fmt(a->arena, "%.*s\n%.*s\n%.*s", PERI_S(a->in->type), PERI_S(a->in->base_url), PERI_S(who));
  peri_credential_name(v, a->in->secrets, names, n, context, out);
}

static bool same_key(const char *name, const char *other) {
  size_t n = strcspn(name, ".");
  return n == strcspn(other, ".") && strncmp(name, other, n) == 0;
}

static void hold_ledger(peri_account *a, const peri_connector *c) {
  char name[PERI_CREDENTIAL_NAME_MAX];
  const peri_json *token = NULL;
  peri_err ignored;
  ledger_name(a, a->g->vault, name);
  peri_store_token(a->g->store, a->arena, a->in->id, &token, &ignored);
  const char *before = peri_arena_str(a->arena, peri_json_get_text(token, "account")).p;
  /* another key, or a login whose customer is known only now: still the same account; another token given by hand is another one */
  bool inherits = *before && (a->auth.kind == PERI_AUTH_OAUTH2 || !same_key(before, name));
  const char *older[2] = {inherits ? before : NULL, peri_arena_str(a->arena, a->in->id).p};
  a->ledger = peri_ledger_hold(a->g, name, older, *before && !inherits ? 1 : 2, c->rates);
  if (strcmp(before, name) == 0) return;
  peri_str patch = peri_arena_fmt(a->arena, "{\"account\":\"%s\"}", name);
  peri_store_tokens_set(a->g->store, a->in->id, &(peri_token_write){.token_json = patch}, &ignored); /* only for the next one's memory */
}

/* ---- making ---- */

static peri_code copy_auth(peri_account *a, const peri_auth *auth, peri_err *e) {
  a->auth = (peri_auth){.kind = PERI_AUTH_NONE};
  if (!auth || !auth->node) return PERI_OK;
  peri_buf json = {0};
  peri_json_fault fault;
  peri_node_put(&json, auth->node);
  peri_json *j = peri_json_parse(a->arena, peri_arena_str(a->arena, peri_buf_view(&json)), &fault);
  peri_buf_fini(&json);
  peri_node *node = j ? peri_node_read(a->arena, j, e) : NULL;
  if (!node) return peri_fail(e, PERI_INTERNAL, "the connector's auth could not be copied");
  a->auth = *auth;
  a->auth.node = node;
  a->auth.secret = peri_arena_str(a->arena, auth->secret);
  a->auth.client = peri_arena_str(a->arena, auth->client);
  a->auth.user = peri_node_get(node, "user");
  a->auth.token_url = peri_node_get(node, "token");
  a->auth.client_auth = (peri_str){NULL, 0}; /* below, with what else a refresh says */
  a->auth.header = a->auth.prefix = a->auth.query = (peri_str){NULL, 0}; /* requests take them from the connector in force */
  return PERI_OK;
}

static peri_str filled(peri_account *a, peri_scope *s, const peri_node *n) {
  peri_str text = {NULL, 0};
  const peri_json *v = n ? peri_hole_json(s, n) : NULL;
  return v && peri_hole_text(a->arena, v, PERI_STR(","), &text) ? peri_arena_str(a->arena, text) : (peri_str){NULL, 0};
}

/* What a refresh says besides the secrets. Holes are filled once: nothing of the connector is kept, it is loaded anew while runs go on. */
static peri_code refresh_words(peri_account *a, const peri_connector *c, const peri_auth *auth, peri_err *e) {
  peri_fill fill = {.connector = c, .settings = a->in->settings, .since = INT64_MIN, .upto = INT64_MIN};
  const peri_node *params = peri_node_get(auth->node, "params"), *scopes = peri_node_get(auth->node, "scopes");
  size_t count = params ? params->member_count : 0;
  peri_scope s;
  peri_buf joined = {0};
  peri_scope_init(&s, a->arena, c, NULL, &fill, e);
  bool secret = peri_secrets_has(a->in->secrets, PERI_STR("clientSecret"));
  a->client_auth = a->facts.client_auth.n ? a->facts.client_auth : secret ? peri_arena_str(a->arena, auth->client_auth) : PERI_STR("none");
  bool granted = peri_str_is(peri_token_grant(&a->facts, a->in->secrets, auth), "refresh_token"); /* a refresh asks for what was granted: no scope */
  for (size_t i = 0; scopes && i < scopes->item_count && !granted; i++) {
    if (i) peri_buf_char(&joined, ' ');
    peri_buf_str(&joined, peri_node_text(scopes->items[i]));
  }
  a->scope = a->facts.scope.n ? a->facts.scope : peri_arena_str(a->arena, peri_buf_view(&joined));
  a->audience = a->facts.audience.n ? a->facts.audience : filled(a, &s, peri_node_get(auth->node, "audience"));
  a->subject = a->facts.subject.n ? a->facts.subject : filled(a, &s, peri_node_get(auth->node, "subject"));
  peri_str *names = peri_arena_take(a->arena, (count + 1) * sizeof *names), *values = peri_arena_take(a->arena, (count + 1) * sizeof *values);
  a->param_count = 0;
  for (size_t i = 0; i < count; i++) {
    peri_str value = filled(a, &s, params->members[i].value);
    if (!value.p) continue; /* absent: left out */
    names[a->param_count] = peri_arena_str(a->arena, params->members[i].key);
    values[a->param_count++] = value;
  }
  a->param_names = names, a->param_values = values;
  peri_buf_fini(&joined);
  return s.code;
}

static void close_state(peri_account *a) {
  peri_integration_close(a->in);
  peri_arena_free(a->arena);
  a->in = NULL;
  a->arena = NULL;
}

/* What the database says now: an operator may have changed it since the account was last held. */
static peri_code load(peri_account *a, peri_str id, const peri_connector *c, const peri_auth *auth, peri_err *e) {
  a->arena = peri_arena_new();
  peri_code code = peri_integration_open(a->g->store, a->g->vault, id, &a->in, e);
  if (!code) code = copy_auth(a, auth, e);
  a->token_url = (peri_str){NULL, 0};
  if (!code && a->auth.kind == PERI_AUTH_OAUTH2) {
    code = peri_token_facts_read(a->g->store, a->arena, a->in->id, &a->facts, e);
    if (!code && a->facts.token_url.n) a->token_url = a->facts.token_url;
    else if (!code && a->auth.token_url) /* else only a login finds it */
      code = peri_connector_token_url(a->arena, c, auth, a->in->settings, a->in->base_url, &a->token_url, e);
    if (!code) code = refresh_words(a, c, auth, e);
  }
  if (code) {
    close_state(a);
    return code;
  }
  a->token++;
  a->fresh = false;
  a->not_before_mono_ms = 0;
  peri_account_clock(a);
  return PERI_OK;
}

static peri_account *find(peri_engine *g, peri_str id) {
  for (peri_account *a = g->accounts; a; a = a->next)
    if (a->in && peri_str_eq(a->in->id, id)) return a;
  return NULL;
}

peri_code peri_account_hold(peri_engine *g, peri_integration *in, const peri_connector *c, const peri_auth *auth, peri_account **out, peri_err *e) {
  peri_account *a = find(g, in->id);
  if (a && (a->holds || a->flight)) {
    a->holds++;
    *out = a;
    return PERI_OK;
  }
  if (a) close_state(a);
  else {
    a = peri_alloc(sizeof *a);
    a->g = g;
    a->timer = peri_alloc(sizeof *a->timer);
    uv_timer_init(&g->loop, a->timer);
    a->timer->data = a;
    a->next = g->accounts;
    g->accounts = a;
  }
  peri_code code = load(a, in->id, c, auth, e);
  if (code) return code;
  hold_ledger(a, c);
  a->holds = 1;
  *out = a;
  return PERI_OK;
}

void peri_account_leave(peri_account *a) {
  if (a && --a->holds == 0) peri_ledger_leave(a->ledger);
}

const peri_secrets *peri_account_secrets(const peri_account *a) { return a->in->secrets; }

bool peri_account_needs_login(const peri_account *a) {
  return a->auth.kind == PERI_AUTH_OAUTH2 && peri_secrets_has(a->in->secrets, a->auth.client) && !peri_token_grant(&a->facts, a->in->secrets, &a->auth).n;
}

void peri_accounts_flush(peri_engine *g) {
  for (peri_ledger *l = g->ledgers; l; l = l->next)
    if (l->holds && l->used) peri_ledger_save(l, true);
}

static void close_timer(uv_timer_t *t) { uv_close((uv_handle_t *)t, (uv_close_cb)free); }

void peri_accounts_free(peri_engine *g) {
  while (g->accounts) {
    peri_account *a = g->accounts;
    g->accounts = a->next;
    if (a->in) close_state(a);
    if (a->flight) {
      peri_buf_fini(&a->flight->note_text);
      peri_arena_free(a->flight->arena);
      free(a->flight);
    }
    close_timer(a->timer);
    free(a);
  }
  while (g->ledgers) {
    peri_ledger *l = g->ledgers;
    g->ledgers = l->next;
    peri_rate_free(l->rate);
    peri_buf_fini(&l->save_text);
    close_timer(l->timer);
    free(l->name);
    free(l);
  }
}
