/* core/integration: see the header. Sends nothing, decides no policy but "is this host trusted". */
#include "core/integration.h"

#include <stdlib.h>

static void merge(peri_jw *w, const peri_json *settings, bool kept_too) {
  const peri_json *kept = peri_json_get(settings, "kept");
  for (const peri_json *m = settings ? settings->first : NULL; m; m = m->next) {
    if (peri_str_is(m->key, "kept")) continue;
    if (kept_too && peri_json_get_str(kept, m->key)) continue; /* what the API said is truer than what was guessed at the start */
    peri_jw_key(w, m->key);
    peri_jw_raw(w, m->raw);
  }
  for (const peri_json *m = kept_too && kept ? kept->first : NULL; m; m = m->next) {
    peri_jw_key(w, m->key);
    peri_jw_raw(w, m->raw);
  }
}

static void read_settings(peri_integration *i, const peri_json *row) {
  peri_buf text = {0};
  peri_jw w;
  peri_jw_init(&w, &text);
  peri_jw_object(&w);
  merge(&w, peri_json_get(row, "settings"), true);
  peri_jw_end_object(&w);
  peri_json_fault fault;
  i->settings = peri_json_parse(i->arena, peri_buf_view(&text), &fault);
  peri_buf_fini(&text);
}

static void read_trusted(peri_integration *i, const peri_json *list) {
  peri_trust *t = peri_arena_take(i->arena, ((list ? list->count : 0) + 1) * sizeof *t);
  for (const peri_json *m = list ? list->first : NULL; m; m = m->next)
    t[i->trusted_count++] = (peri_trust){peri_json_get_text(m, "scheme"), peri_json_get_text(m, "host"), (int)peri_json_get_int(m, "port", 0), peri_json_get_bool(m, "special", false)};
  i->trusted = t;
}

static peri_code open_secrets(peri_store *store, peri_vault *vault, peri_integration *i, peri_err *e) {
  peri_json *sealed = NULL;
  peri_code code = peri_integration_credentials(store, i->arena, i->id, &sealed, e);
  if (code) return code;
  i->secrets = peri_secrets_new();
  for (const peri_json *m = sealed ? sealed->first : NULL; m; m = m->next) {
    peri_buf secret = {0};
    code = peri_unseal(vault, "integrations", i->id, m->key, m, &secret, e);
    if (!code) peri_secrets_put(i->secrets, m->key, peri_buf_view(&secret));
    peri_wipe(&secret);
    peri_buf_fini(&secret);
    if (code) {
      peri_err_prefix(e, "credential '%.*s' of integration '%.*s'", PERI_S(m->key), PERI_S(i->name));
      return code;
    }
  }
  return PERI_OK;
}

peri_code peri_integration_open(peri_store *store, peri_vault *vault, peri_str name, peri_integration **out, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_json *row = NULL;
  peri_code code = peri_integration_get(store, a, name, &row, e);
  if (code) {
    peri_arena_free(a);
    return code;
  }
  peri_integration *i = peri_arena_take(a, sizeof *i);
  i->arena = a;
  i->id = peri_json_get_text(row, "id");
  i->name = peri_json_get_text(row, "name");
  i->type = peri_json_get_text(row, "type");
  i->status = peri_json_get_text(row, "status");
  i->base_url = peri_json_get_text(row, "base_url");
  read_settings(i, row);
  read_trusted(i, peri_json_get(row, "trusted"));
  if (vault) code = open_secrets(store, vault, i, e);
  if (code) {
    peri_integration_close(i);
    return code;
  }
  *out = i;
  return PERI_OK;
}

void peri_integration_close(peri_integration *i) {
  if (!i) return;
  if (i->secrets) peri_secrets_free(i->secrets);
  peri_arena_free(i->arena);
}

peri_code peri_integration_refresh(peri_store *store, peri_integration *i, peri_err *e) {
  peri_json *row = NULL;
  peri_code code = peri_integration_get(store, i->arena, i->id, &row, e);
  if (!code) read_settings(i, row);
  return code;
}

peri_code peri_integration_allows(const peri_integration *i, peri_str url, bool *special, bool *plain, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_url u;
  peri_code code = PERI_OK;
  *special = *plain = false;
  if (!peri_url_read(a, url, &u, e)) code = e ? e->code : PERI_INVALID;
  else {
    const peri_trust *found = NULL;
    for (size_t k = 0; k < i->trusted_count && !found; k++) {
      const peri_trust *t = &i->trusted[k];
      if (peri_str_eq(t->scheme, u.scheme) && peri_str_eq_nocase(t->host, u.host) && t->port == u.port) found = t;
    }
    if (found) {
      *special = found->special;
      *plain = peri_str_is(found->scheme, "http");
    } else
      code = peri_fail(e, PERI_HOST_NOT_TRUSTED, "%.*s://%.*s:%d is not among the hosts that integration '%.*s' was added for; no credential goes there", PERI_S(u.scheme),
                       PERI_S(u.host), u.port, PERI_S(i->name));
  }
  peri_arena_free(a);
  return code;
}

peri_code peri_integration_seal(peri_vault *vault, peri_str id, const peri_json *sealed, const peri_str *names, const peri_str *values, size_t count, peri_buf *json, peri_err *e) {
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  for (const peri_json *m = sealed ? sealed->first : NULL; m; m = m->next) {
    bool replaced = false;
    for (size_t k = 0; k < count; k++) replaced |= peri_str_eq(m->key, names[k]);
    if (replaced) continue;
    peri_jw_key(&w, m->key);
    peri_jw_raw(&w, m->raw);
  }
  peri_code code = PERI_OK;
  for (size_t k = 0; k < count && !code; k++) {
    peri_buf blob = {0};
    code = peri_seal(vault, "integrations", id, names[k], values[k], &blob, e);
    if (!code) {
      peri_jw_key(&w, names[k]);
      peri_jw_raw(&w, peri_buf_view(&blob));
    }
    peri_buf_fini(&blob);
  }
  peri_jw_end_object(&w);
  return code;
}

void peri_integration_trust(peri_integration *i, peri_str trusted_json) {
  peri_json_fault fault;
  i->trusted_count = 0;
  read_trusted(i, peri_json_parse(i->arena, trusted_json, &fault));
}

bool peri_secret_known(void *integration, peri_str name) {
  const peri_integration *i = integration;
  return i->secrets && peri_secrets_has(i->secrets, name);
}
