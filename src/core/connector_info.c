/* core/connector_info: what others ask of a connector besides requests: where it is, which credential fits, in which order its streams are read, its row
 * of the registry, what a worker must know to read a page. */
#include "base/map.h"
#include "core/request.h"

/* ---- addresses ---- */

static peri_code known_version(const peri_connector *c, const peri_json *settings, peri_err *e) {
  peri_str version = peri_json_get_text(settings, "version");
  if (!version.n || !c->versions) return PERI_OK;
  peri_str names[32];
  size_t count = 0;
  const peri_node *list = c->versions;
  size_t written = list->type == PERI_N_TABLE ? list->item_count : 1;
  for (size_t i = 0; i < written; i++) {
    peri_str name = peri_node_text(list->type == PERI_N_TABLE ? list->items[i] : list);
    if (peri_str_eq(name, version)) return PERI_OK;
    if (count < 32) names[count++] = name;
  }
  peri_str near = peri_suggest(version, names, count), first = count ? names[0] : PERI_STR("");
  if (near.n) return peri_fail(e, PERI_INVALID, "%.*s has no version '%.*s' (did you mean '%.*s'?)", PERI_S(c->name), PERI_S(version), PERI_S(near));
  return peri_fail(e, PERI_INVALID, "%.*s has no version '%.*s'; its newest is '%.*s'", PERI_S(c->name), PERI_S(version), PERI_S(first));
}

static peri_str without_slash(peri_str url) {
  while (url.n && url.p[url.n - 1] == '/') url.n--;
  return url;
}

static peri_code checked_url(peri_arena *a, peri_str text, const char *what, peri_str *out, peri_err *e) {
  peri_url url;
  peri_err why = {0};
  if (!peri_url_read(a, text, &url, &why)) return peri_fail(e, PERI_INVALID, "%s: %s", what, why.text);
  *out = peri_arena_str(a, without_slash(text));
  return PERI_OK;
}

static peri_code fill_address(peri_arena *a, const peri_connector *c, const peri_node *n, const peri_json *settings, const char *what, peri_str *out, peri_err *e) {
  peri_fill fill = {.connector = c, .settings = settings, .since = INT64_MIN, .upto = INT64_MIN};
  peri_scope s;
  peri_buf url = {0};
  peri_scope_init(&s, a, c, NULL, &fill, e);
  peri_code code = PERI_OK;
  if (!peri_url_fill(&s, n, true, &url)) code = s.code;
  else code = checked_url(a, peri_arena_str(a, peri_buf_view(&url)), what, out, e);
  peri_buf_fini(&url);
  return code;
}

peri_code peri_connector_base(peri_arena *a, const peri_connector *c, const peri_json *settings, peri_str base_url, peri_str *out, peri_err *e) {
  peri_code code = known_version(c, settings, e);
  if (code != PERI_OK) return code;
  if (base_url.n) return checked_url(a, base_url, "the base URL", out, e);
  return fill_address(a, c, c->base, settings, "the connector's base", out, e);
}

static peri_code auth_url(peri_arena *a, const peri_connector *c, const peri_node *n, const char *what, const peri_json *settings, peri_str base_url, peri_str *out, peri_err *e) {
  peri_str url, rest;
  if (!base_url.n) return fill_address(a, c, n, settings, what, out, e);
  /* the path is the connector's, the host the operator's; a setting that would only give the host need not be there */
  peri_fill fill = {.connector = c, .settings = settings, .since = INT64_MIN, .upto = INT64_MIN};
  peri_scope s;
  peri_buf filled = {0};
  peri_err ignored;
  bool whole_first = n->type == PERI_N_JOIN && n->item_count && peri_node_is(n->items[0], "setting");
  peri_scope_init(&s, a, c, NULL, &fill, whole_first ? &ignored : e);
  peri_code code = peri_url_fill(&s, n, true, &filled) ? PERI_OK : s.code;
  if (code && whole_first) {
    peri_buf_clear(&filled);
    peri_scope_init(&s, a, c, NULL, &fill, e);
    code = PERI_OK;
    for (size_t i = 1; i < n->item_count && code == PERI_OK; i++)
      if (!peri_url_fill(&s, n->items[i], false, &filled)) code = s.code;
  }
  if (code == PERI_OK) {
    url = peri_arena_str(a, peri_buf_view(&filled));
    if (peri_url_absolute(url)) peri_url_origin(url, &rest);
    else rest = url;
    code = checked_url(a, peri_url_join(a, without_slash(base_url), rest), what, out, e);
  }
  peri_buf_fini(&filled);
  return code;
}

peri_code peri_connector_auth_url(peri_arena *a, const peri_connector *c, const peri_auth *auth, const char *option, const peri_json *settings, peri_str base_url, peri_str *out, peri_err *e) {
  static const char *const names[][2] = {{"authorize", "the authorize endpoint"}, {"token", "the token endpoint"}, {"device", "the device endpoint"},
                                         {"revoke", "the revocation endpoint"}, {"issuer", "the issuer"}};
  const peri_node *n = auth ? peri_node_get(auth->node, option) : NULL;
  *out = (peri_str){NULL, 0};
  for (size_t i = 0; n && i < sizeof names / sizeof *names; i++)
    if (!strcmp(names[i][0], option)) return auth_url(a, c, n, names[i][1], settings, base_url, out, e);
  return PERI_OK;
}

peri_code peri_connector_token_url(peri_arena *a, const peri_connector *c, const peri_auth *auth, const peri_json *settings, peri_str base_url, peri_str *out, peri_err *e) {
  if (!auth || !auth->token_url) return peri_fail(e, PERI_INVALID, "%.*s has no token endpoint", PERI_S(c->name));
  return auth_url(a, c, auth->token_url, "the token endpoint", settings, base_url, out, e);
}

bool peri_auth_offers(const peri_auth *auth, const char *grant) {
  const peri_node *grants = auth && auth->kind == PERI_AUTH_OAUTH2 ? peri_node_get(auth->node, "grants") : NULL;
  if (!grants) return auth && auth->kind == PERI_AUTH_OAUTH2 && !strcmp(grant, "code");
  if (peri_str_is(peri_node_text(grants), grant)) return true;
  for (size_t i = 0; i < grants->item_count; i++)
    if (peri_str_is(peri_node_text(grants->items[i]), grant)) return true;
  return false;
}

/* ---- credentials ---- */

static void describe_auth(const peri_auth *auth, peri_buf *out) {
  if (auth->kind == PERI_AUTH_OAUTH2) peri_buf_fmt(out, "%.*s and clientSecret for perilune auth, with refreshToken where there is one", PERI_S(auth->client));
  else if (auth->kind != PERI_AUTH_NONE) {
    peri_buf_str(out, auth->secret);
    if (auth->kind == PERI_AUTH_BASIC && peri_node_is(auth->user, "secret")) {
      peri_buf_c_str(out, " with ");
      peri_buf_str(out, peri_node_text(auth->user->what));
    }
  }
}

const peri_auth *peri_connector_auth(const peri_connector *c, bool (*has)(void *self, peri_str name), void *self, peri_err *e) {
  static const peri_auth none = {.kind = PERI_AUTH_NONE};
  if (!c->auth_count) return &none;
  /* one that can renew itself is better than a bare token that ends in half an hour */
  for (size_t i = 0; i < c->auth_count; i++) {
    const peri_auth *auth = &c->auths[i];
    bool renews = has(self, PERI_STR("refreshToken")) || peri_auth_offers(auth, "client_credentials") || peri_auth_offers(auth, "jwt");
    if (auth->kind == PERI_AUTH_OAUTH2 && renews && has(self, auth->client)) return auth;
  }
  for (size_t i = 0; i < c->auth_count; i++) {
    const peri_auth *auth = &c->auths[i];
    if (auth->kind == PERI_AUTH_TOKEN && has(self, auth->secret)) return auth;
    bool user = !peri_node_is(auth->user, "secret") || has(self, peri_node_text(auth->user->what));
    if (auth->kind == PERI_AUTH_BASIC && user && has(self, auth->secret)) return auth;
  }
  for (size_t i = 0; i < c->auth_count; i++) {
    const peri_auth *auth = &c->auths[i];
    if (auth->kind != PERI_AUTH_OAUTH2) continue;
    if (has(self, auth->secret) || has(self, auth->client)) return auth; /* the rest comes with perilune auth */
  }
  peri_buf wanted = {0};
  for (size_t i = 0; i < c->auth_count; i++) {
    if (i) peri_buf_c_str(&wanted, ", or ");
    describe_auth(&c->auths[i], &wanted);
  }
  peri_fail(e, PERI_INVALID, "%.*s needs a credential: %.*s", PERI_S(c->name), PERI_S(peri_buf_view(&wanted)));
  peri_buf_fini(&wanted);
  return NULL;
}

/* ---- order ---- */

static void visit(const peri_connector *c, size_t at, char *state, const peri_stream **out, size_t *count) {
  if (state[at]) return; /* 1: being visited (a circle: the order written decides), 2: done */
  state[at] = 1;
  const peri_stream *s = &c->streams[at];
  for (size_t i = 0; i < c->stream_count; i++) {
    bool first = s->each.n && peri_str_eq(c->streams[i].name, s->each);
    for (size_t j = 0; j < s->after_count && !first; j++) first = peri_str_eq(c->streams[i].name, s->after[j]);
    if (first) visit(c, i, state, out, count);
  }
  state[at] = 2;
  out[(*count)++] = s;
}

const peri_stream **peri_connector_order(peri_arena *a, const peri_connector *c) {
  const peri_stream **out = peri_arena_take(a, (c->stream_count + 1) * sizeof *out);
  char *state = peri_arena_take(a, c->stream_count + 1);
  size_t count = 0;
  for (size_t i = 0; i < c->stream_count; i++) visit(c, i, state, out, &count);
  return out;
}

/* ---- items of `each = { repo = … }` ---- */

size_t peri_stream_items(peri_arena *a, const peri_connector *c, const peri_stream *s, const peri_json *settings, peri_str *name, peri_str **items) {
  const peri_node *n = s->each_node;
  if (!n || s->each.n || n->type != PERI_N_TABLE || !n->member_count) return 0;
  peri_fill fill = {.connector = c, .stream = s, .settings = settings, .since = INT64_MIN, .upto = INT64_MIN};
  peri_scope scope;
  peri_err ignored;
  peri_scope_init(&scope, a, c, NULL, &fill, &ignored);
  *name = n->members[0].key;
  peri_json *v = peri_hole_json(&scope, n->members[0].value);
  if (!v || v->type == PERI_J_NULL) return 0;
  size_t count = v->type == PERI_J_ARRAY ? v->count : 1, at = 0;
  *items = peri_arena_take(a, (count + 1) * sizeof **items);
  for (const peri_json *i = v->type == PERI_J_ARRAY ? v->first : v; i && at < count; i = v->type == PERI_J_ARRAY ? i->next : NULL) {
    peri_buf out = {0};
    peri_json_put(&out, i);
    (*items)[at++] = peri_arena_str(a, peri_buf_view(&out));
    peri_buf_fini(&out);
  }
  return at;
}

/* ---- the registry ---- */

static void jw_names(peri_jw *w, const peri_connector *c, bool required) {
  /* credentials of the first way in are required, those of others optional; settings say it themselves */
  peri_arena *a = peri_arena_new();
  peri_map seen;
  peri_map_init(&seen, a);
  peri_jw_array(w);
  for (size_t i = 0; i < c->auth_count; i++) {
    const peri_auth *auth = &c->auths[i];
    peri_str names[4] = {auth->secret, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (auth->kind == PERI_AUTH_BASIC && peri_node_is(auth->user, "secret")) names[1] = peri_node_text(auth->user->what);
    if (auth->kind == PERI_AUTH_OAUTH2) {
      names[1] = PERI_STR("refreshToken");
      names[2] = auth->client;
      names[3] = PERI_STR("clientSecret");
    }
    for (size_t j = 0; j < 4; j++) {
      if (!names[j].n || !peri_map_put(&seen, names[j], a)) continue;
      if ((i == 0) == required) peri_jw_text(w, names[j]);
    }
  }
  size_t count = !c->settings ? 0 : c->settings->type == PERI_N_TABLE ? c->settings->item_count : 1;
  for (size_t i = 0; i < count; i++) {
    const peri_node *asked = c->settings->type == PERI_N_TABLE ? c->settings->items[i] : c->settings;
    peri_str name = peri_node_text(asked->what);
    if (name.n && peri_map_put(&seen, name, a) && peri_node_opt_bool(asked, "required", false) == required) peri_jw_text(w, name);
  }
  if (!required && c->versions && peri_map_put(&seen, PERI_STR("version"), a)) peri_jw_c(w, "version");
  peri_jw_end_array(w);
  peri_arena_free(a);
}

/* What works with this connector now; `write` and `hooks` are read and checked, and are no capability before they do something. */
static void jw_capabilities(peri_jw *w, const peri_connector *c) {
  bool changes = false, deletions = false, discover = false;
  for (size_t i = 0; i < c->stream_count; i++) {
    const peri_stream *s = &c->streams[i];
    changes = changes || s->changes || (s->full && s->full->uses_since);
    deletions = deletions || s->archived || s->removed || s->sweep_ms || (s->full && !s->changes && !s->full->uses_since);
    discover = discover || s->discover;
  }
  peri_jw_array(w);
  for (size_t i = 0; i < c->stream_count; i++) peri_jw_text(w, c->streams[i].name);
  if (changes) peri_jw_c(w, "incremental");
  if (deletions) peri_jw_c(w, "deletions");
  if (discover) peri_jw_c(w, "discover");
  if (c->more) peri_jw_c(w, "custom_objects");
  for (size_t i = 0; i < c->auth_count; i++)
    if (c->auths[i].kind == PERI_AUTH_OAUTH2) {
      peri_jw_c(w, "oauth2");
      break;
    }
  peri_jw_end_array(w);
}

void peri_connector_registry(const peri_connector *c, peri_jw *w) {
  peri_jw_object(w);
  peri_jw_kv(w, "name", c->title);
  peri_jw_kv(w, "type", c->name);
  peri_jw_kv(w, "platform", c->platform);
  peri_jw_kv(w, "description", c->description);
  peri_jw_kv(w, "category", c->category.n ? c->category : PERI_STR("Other"));
  peri_jw_kv_bool(w, "is_popular", c->popular);
  peri_jw_kv_bool(w, "is_active", true);
  peri_jw_key_c(w, "capabilities");
  jw_capabilities(w, c);
  peri_jw_key_c(w, "required_fields");
  jw_names(w, c, true);
  peri_jw_key_c(w, "optional_fields");
  jw_names(w, c, false);
  peri_jw_key_c(w, "documentation_url");
  if (c->documentation.n) peri_jw_text(w, c->documentation);
  else peri_jw_null(w);
  peri_jw_end_object(w);
}

/* ---- OPEN ---- */

static void jw_node(peri_jw *w, const char *key, const peri_node *n) {
  peri_buf out = {0};
  peri_node_put(&out, n);
  peri_jw_kv_raw(w, key, peri_buf_view(&out));
  peri_buf_fini(&out);
}

void peri_stream_open_json(const peri_stream *s, const peri_request *r, uint32_t view, peri_str type, const peri_str *mappings, size_t mapping_count, const peri_str *context_paths,
                           size_t context_count, peri_buf *json) {
  peri_jw w;
  peri_str list, match, value;
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  peri_jw_kv_int(&w, "view", view);
  peri_jw_kv(&w, "stream", s->name);
  peri_jw_kv(&w, "type", type);
  peri_jw_key_c(&w, "mappings");
  peri_jw_array(&w);
  for (size_t i = 0; i < mapping_count; i++) peri_jw_text(&w, mappings[i]);
  peri_jw_end_array(&w);
  jw_node(&w, "key", s->key);
  jw_node(&w, "updated", s->updated);
  jw_node(&w, "removed", r->removed);
  jw_node(&w, "merged", s->merged);
  peri_jw_kv(&w, "records", r->records);
  peri_jw_kv(&w, "record", r->record);
  peri_jw_kv(&w, "format", r->format);
  peri_jw_key_c(&w, "page");
  peri_jw_array(&w);
  peri_request_page_paths(r, &w);
  peri_jw_end_array(&w);
  peri_jw_key_c(&w, "context");
  peri_jw_array(&w);
  for (size_t i = 0; i < context_count; i++) peri_jw_text(&w, context_paths[i]);
  peri_jw_end_array(&w);
  if (peri_request_pairs(r, &list, &match, &value)) {
    peri_jw_key_c(&w, "pairs");
    peri_jw_object(&w);
    peri_jw_kv(&w, "list", list);
    peri_jw_kv(&w, "match", match);
    peri_jw_kv(&w, "value", value);
    peri_jw_end_object(&w);
  }
  const peri_node *volatiles = peri_node_get(s->node, "volatile");
  if (volatiles) {
    peri_jw_key_c(&w, "volatile");
    peri_jw_array(&w);
    if (volatiles->type == PERI_N_TEXT) peri_jw_text(&w, volatiles->u.text);
    for (size_t i = 0; i < volatiles->item_count; i++) peri_jw_text(&w, peri_node_text(volatiles->items[i]));
    peri_jw_end_array(&w);
  }
  peri_jw_end_object(&w);
}
