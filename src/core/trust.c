/* core/trust: see the header. Trusts nothing by itself: it only writes lists that an operator's command asks for. */
#include "core/trust.h"

#define HOSTS_MAX 16

typedef struct list {
  peri_trust hosts[HOSTS_MAX];
  size_t count;
} list;

static void put(list *l, peri_trust t) {
  for (size_t i = 0; i < l->count; i++)
    if (peri_str_eq(l->hosts[i].scheme, t.scheme) && peri_str_eq_nocase(l->hosts[i].host, t.host) && l->hosts[i].port == t.port) return;
  if (l->count < HOSTS_MAX) l->hosts[l->count++] = t;
}

static peri_code put_url(peri_arena *a, list *l, peri_str url, bool special, peri_err *e) {
  peri_url u;
  if (!peri_url_read(a, url, &u, e)) return e ? e->code : PERI_INVALID;
  put(l, (peri_trust){u.scheme, u.host, u.port, special});
  return PERI_OK;
}

static void write_list(const list *l, peri_buf *json) {
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_array(&w);
  for (size_t i = 0; i < l->count; i++) {
    peri_jw_object(&w);
    peri_jw_kv(&w, "scheme", l->hosts[i].scheme);
    peri_jw_kv(&w, "host", l->hosts[i].host);
    peri_jw_kv_int(&w, "port", l->hosts[i].port);
    peri_jw_kv_bool(&w, "special", l->hosts[i].special);
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
}

bool peri_base_after_login(const peri_connector *c, const peri_auth *auth, const peri_json *settings) {
  const peri_node *keep = auth && auth->kind == PERI_AUTH_OAUTH2 ? peri_node_get(auth->node, "keep") : NULL, *base = c->base;
  size_t count = base && base->type == PERI_N_JOIN ? base->item_count : 1;
  for (size_t i = 0; keep && base && i < count; i++) {
    const peri_node *part = base->type == PERI_N_JOIN ? base->items[i] : base;
    peri_str name = peri_node_is(part, "setting") ? peri_node_text(part->what) : (peri_str){NULL, 0};
    for (size_t k = 0; name.n && k < keep->member_count; k++)
      if (peri_str_eq(keep->members[k].key, name) && !peri_json_get_str(settings, name)) return true;
  }
  return false;
}

peri_code peri_trust_new(peri_arena *a, const peri_connector *c, const peri_auth *auth, const peri_json *settings, peri_str base_url, peri_buf *json, peri_err *e) {
  static const char *const endpoints[] = {"token", "authorize", "device", "revoke", "issuer"};
  list l = {.count = 0};
  peri_str url;
  bool special = base_url.n > 0;
  peri_code code = PERI_OK;
  if (base_url.n || !peri_base_after_login(c, auth, settings)) {
    code = peri_connector_base(a, c, settings, base_url, &url, e);
    if (!code) code = put_url(a, &l, url, special, e);
  }
  for (size_t i = 0; auth && auth->kind == PERI_AUTH_OAUTH2 && i < sizeof endpoints / sizeof *endpoints && !code; i++) {
    code = peri_connector_auth_url(a, c, auth, endpoints[i], settings, base_url, &url, e);
    if (!code && url.n) code = put_url(a, &l, url, special, e);
  }
  if (!code) write_list(&l, json);
  return code;
}

peri_code peri_trust_more(const peri_integration *in, peri_str url, peri_buf *json, peri_err *e) {
  list l = {.count = 0};
  peri_arena *a = peri_arena_new();
  for (size_t i = 0; i < in->trusted_count; i++) put(&l, in->trusted[i]);
  /* what the operator put elsewhere with --base-url lies beside it, in the same network */
  bool special = in->base_url.n > 0;
  peri_code code = l.count < HOSTS_MAX ? put_url(a, &l, url, special, e) : peri_fail(e, PERI_INVALID, "integration '%.*s' trusts %d hosts already", PERI_S(in->name), HOSTS_MAX);
  if (!code) write_list(&l, json);
  peri_arena_free(a);
  return code;
}

peri_str peri_trust_host(peri_arena *a, peri_str url) {
  peri_url u;
  if (!peri_url_read(a, url, &u, NULL)) return PERI_STR("?");
  if (u.port == (peri_str_is(u.scheme, "https") ? 443 : 80)) return peri_arena_fmt(a, "%.*s://%.*s", PERI_S(u.scheme), PERI_S(u.host));
  return peri_arena_fmt(a, "%.*s://%.*s:%d", PERI_S(u.scheme), PERI_S(u.host), u.port);
}

bool peri_trust_pattern(const peri_connector *c, peri_str host) {
  size_t count = !c->hosts ? 0 : c->hosts->type == PERI_N_TABLE ? c->hosts->item_count : 1;
  for (size_t i = 0; i < count; i++) {
    peri_str pattern = peri_node_text(c->hosts->type == PERI_N_TABLE ? c->hosts->items[i] : c->hosts);
    if (pattern.n && peri_str_glob(pattern, host)) return true;
  }
  return false;
}
