/* core/ask: one request until it has an answer. Checks the host against what the operator trusted, waits for a token that holds and a permit of the ledger, lets the vault
 * write the credential, sends, and does what the connector says about the reply: retry, wait, refresh. Never sends to a host that was not trusted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/uuid.h"
#include "core/backfill.h"
#include "core/budget.h"
#include "core/run.h"


#define URL_SHOWN_MAX 500 /* with the filters of a search in it a URL may be pages long */

static void attempt(peri_ask *k);

static void finish(peri_ask *k) {
  peri_run *r = k->run;
  r->waiting_until_ms = 0;
  if (r->ask == k) r->ask = NULL;
  if (r->account) peri_permit_landed(r->account, &k->permit, NULL);
  k->done(k);
  peri_arena_free(k->arena);
  free(k);
}

static void finish_failed(peri_ask *k) {
  k->reply = NULL;
  finish(k);
}

static void close_timer(uv_handle_t *h) { free(h); }

static void on_timer(uv_timer_t *t) {
  peri_ask *k = t->data;
  k->timer = NULL;
  uv_close((uv_handle_t *)t, close_timer);
  if (!k->err.code && peri_run_stopping(k->run)) peri_fail(&k->err, PERI_INTERRUPTED, "stopped while waiting");
  if (k->err.code) finish_failed(k); /* a request whose holes could not be filled comes here too */
  else attempt(k);
}

static void show_wait(peri_ask *k, int64_t wait_ms) {
  if (wait_ms <= 0) return;
  k->run->waiting_until_ms = peri_now_ms() + wait_ms;
  peri_run_progress(k->run);
}

/* Comes back to attempt() after so many milliseconds; always through the loop, so that done is never called from inside peri_ask_start. */
static void later(peri_ask *k, int64_t wait_ms) {
  k->timer = peri_alloc(sizeof *k->timer);
  uv_timer_init(&k->run->g->loop, k->timer);
  k->timer->data = k;
  uv_timer_start(k->timer, on_timer, (uint64_t)wait_ms, 0);
  show_wait(k, wait_ms);
}

void peri_ask_stop(peri_ask *k) {
  if (!k || (!k->timer && !k->permit.waiting && !k->token_wait.waiting)) return;
  if (k->timer) uv_timer_start(k->timer, k->timer->timer_cb, 0, 0);
  else {
    peri_permit_drop(k->run->account, &k->permit);
    peri_token_wait_drop(k->run->account, &k->token_wait);
    later(k, 0);
  }
}

/* ---- credentials ---- */

static bool secret_for_hole(void *self, peri_str name, peri_buf *out) { return peri_attach_raw(peri_account_secrets(((peri_run *)self)->account), name, out); }

static peri_str basic_user(peri_arena *a, const peri_run *r, const peri_node *user, bool *is_secret) {
  *is_secret = peri_node_is(user, "secret");
  if (*is_secret) return peri_node_text(user->what);
  if (peri_node_is(user, "setting")) { /* the integration's, or the one that the connector declares */
    bool verbatim = false;
    return peri_json_str(peri_connector_value(a, r->connector, r->in->settings, peri_node_text(user->what), &verbatim));
  }
  return peri_node_text(user);
}

static bool attach(peri_ask *k, peri_header *headers, size_t *count, peri_str *url, peri_buf *secret) {
  const peri_auth *auth = k->run->auth;
  if (!auth || auth->kind == PERI_AUTH_NONE) return true;
  const peri_secrets *s = peri_account_secrets(k->run->account); /* the newest, whoever got it */
  if (auth->kind == PERI_AUTH_BASIC) {
    bool named = false;
    peri_str user = basic_user(k->arena, k->run, auth->user, &named);
    if (!peri_attach_basic(s, named ? (peri_str){0} : user, named ? user : (peri_str){0}, auth->secret, secret)) return false;
  } else if (auth->kind == PERI_AUTH_TOKEN && auth->query.n) {
    peri_buf raw = {0};
    if (!peri_attach_raw(s, auth->secret, &raw)) return false;
    peri_buf_str(secret, *url);
    peri_buf_char(secret, memchr(url->p, '?', url->n) ? '&' : '?');
    peri_url_query(secret, auth->query);
    peri_buf_char(secret, '=');
    peri_url_query(secret, peri_buf_view(&raw));
    peri_wipe(&raw);
    *url = peri_buf_view(secret);
    return true;
  } else if (!peri_attach_prefix(s, auth->secret, auth->prefix, secret))
    return false;
  headers[(*count)++] = (peri_header){auth->header.n ? auth->header : PERI_STR("Authorization"), peri_buf_view(secret)};
  return true;
}

/* ---- what a reply means ---- */

static void give_up(peri_ask *k, peri_code code, const char *doing) {
  const peri_http_reply *reply = k->reply;
  peri_str say = k->action.say, reason = k->action.reason;
  char where[300] = "";
  if (k->action.line > 0) snprintf(where, sizeof where, "; %.*s:%d says %s", PERI_S(k->run->connector->path), k->action.line, peri_act_name(k->action.act));
  if (reply->code) peri_fail(&k->err, reply->code, "%s %.*s: %s%s", k->out.method, (int)(k->out.url.n < URL_SHOWN_MAX ? k->out.url.n : URL_SHOWN_MAX), k->out.url.p, reply->error, doing);
  else
    peri_fail(&k->err, code, "%s %.*s answered %d%s%.*s%s%s%.*s%s%s%s", k->out.method, PERI_S(k->out.url), reply->status, reason.n ? ": \"" : "", PERI_S(reason), reason.n ? "\"" : "",
              say.n ? " (" : "", PERI_S(say), say.n ? ")" : "", where, doing);
  finish_failed(k);
}

static peri_code stop_code(const peri_http_reply *reply, const peri_action *action) {
  if (reply->status == 401 || action->act == PERI_ACT_RECONNECT) return PERI_CREDENTIALS_REFUSED;
  if (reply->status == 403) return PERI_SCOPE_MISSING;
  if (reply->status == 429) return PERI_RATE_LIMITED;
  return PERI_API_ERROR;
}

/* Longer than a run stands still: it ends, and says when the next one can go on. */
static void end_for_now(peri_ask *k, int64_t wait_ms) {
  char iso[PERI_ISO_MAX];
  k->run->resumes_ms = peri_now_ms() + wait_ms;
  peri_fail(&k->err, PERI_RATE_LIMITED, "%.*s answered %d \"%.*s\"; resumes at %s", PERI_S(k->out.url), k->reply->status, PERI_S(k->action.reason), peri_iso(k->run->resumes_ms, iso));
  k->err.text[peri_redact(k->err.text, strlen(k->err.text))] = 0;
  finish_failed(k);
}

static void wait_for_limit(peri_ask *k) {
  peri_run *r = k->run;
  int64_t wait;
  uint64_t random;
  peri_random(&random, sizeof random);
  bool inline_wait = peri_patience_limit(&k->patience, k->action.wait_ms, k->reply->took_ms, k->out.timeout_ms, random, &wait);
  peri_permit_pause(r->account, k->out.rate, wait);
  if (!inline_wait) {
    end_for_now(k, wait);
    return;
  }
  r->total.retries++, r->pending_retries++;
  peri_log(PERI_INFO, "rate", "limit reached class=%.*s status=%d wait_ms=%lld reason=\"%.*s\"", PERI_S(k->out.rate), k->reply->status, (long long)wait, PERI_S(k->action.reason));
  later(k, wait);
}

static void retry(peri_ask *k) {
  peri_run *r = k->run;
  uint64_t random;
  int64_t wait;
  peri_random(&random, sizeof random);
  if (peri_run_stopping(r)) {
    peri_fail(&k->err, PERI_INTERRUPTED, "stopped before a retry");
    finish_failed(k);
  } else if (!peri_patience_retry(&k->patience, k->reply->code, k->reply->took_ms, k->out.timeout_ms, k->action.wait_ms, random, &wait)) {
    if (wait >= 0) {
      peri_permit_pause(r->account, k->out.rate, wait);
      end_for_now(k, wait);
      return;
    }
    char tries[40] = "";
    if (k->patience.retries > 1) snprintf(tries, sizeof tries, " (asked %d times)", k->patience.retries);
    give_up(k, PERI_API_ERROR, tries);
  } else if (!peri_account_may_retry(r->account)) give_up(k, PERI_API_ERROR, " (too many of this account's requests failed to try again now)");
  else {
    r->total.retries++, r->pending_retries++;
    later(k, wait);
  }
}

/* The API says that the token is no good: once for each request a newer one is tried. */
static void refused(peri_ask *k) {
  if (!k->refreshed) {
    k->refreshed = true;
    k->patience.lost_ms += k->reply->took_ms;
    switch (peri_account_refused(k->run->account, k->token, &k->token_wait, &k->err)) {
    case PERI_REFUSED_AGAIN: later(k, 0); return;
    case PERI_REFUSED_WAIT: return;
    case PERI_REFUSED_FINAL: break;
    }
  }
  char more[PERI_ERROR_TEXT_MAX / 4];
  snprintf(more, sizeof more, "%s%.1000s", k->err.text[0] ? ": " : "", k->err.text);
  k->err = (peri_err){0};
  bool login = peri_account_needs_login(k->run->account);
  if (login)
    snprintf(more, sizeof more, "; the token has ended, and there is no refresh token to get another with; log in again: perilune auth %.*s", PERI_S(k->run->in->name));
  give_up(k, login ? PERI_NEEDS_REAUTH : PERI_CREDENTIALS_REFUSED, more);
}

static void on_reply(void *self, peri_http_reply *reply) {
  peri_ask *k = self;
  peri_run *r = k->run;
  k->call = NULL;
  k->reply = reply;
  peri_permit_landed(r->account, &k->permit, reply->code == PERI_OK ? reply : NULL);
  r->total.requests++, r->pending_requests++;
  r->total.bytes += (int64_t)reply->body.n, r->pending_bytes += (int64_t)reply->body.n;
  if (reply->code == PERI_OK) {
    peri_reply_action(k->arena, r->connector, k->request, reply, r->in->settings, peri_now_ms(), &k->action);
  } else {
    k->action = (peri_action){.act = PERI_ACT_RETRY, .wait_ms = -1};
    bool final = reply->code == PERI_ADDRESS_REFUSED || reply->code == PERI_REPLY_TOO_LARGE || reply->code == PERI_TLS || reply->code == PERI_HOST_NOT_TRUSTED;
    bool safe = reply->before_reply || strcmp(k->out.method, "GET") == 0 || strcmp(k->out.method, "POST") == 0; /* every POST of a sync is a question */
    if (final || !safe) {
      give_up(k, reply->code, "");
      return;
    }
  }
  peri_log(PERI_LOG_DEBUG, "net", "%s %.*s status=%d bytes=%zu took_ms=%lld action=%s", k->out.method, PERI_S(k->out.url), reply->status, reply->body.n, (long long)reply->took_ms,
           peri_act_name(k->action.act));
  switch (k->action.act) {
  case PERI_ACT_RETRY: retry(k); return;
  case PERI_ACT_WAIT: wait_for_limit(k); return;
  case PERI_ACT_REFRESH: refused(k); return;
  case PERI_ACT_RECONNECT:
  case PERI_ACT_STOP:
  case PERI_ACT_REJECT: give_up(k, stop_code(reply, &k->action), ""); return;
  case PERI_ACT_OK:
  case PERI_ACT_IGNORE:
  case PERI_ACT_SKIP:
  case PERI_ACT_MISSING:
  case PERI_ACT_DONE:
  case PERI_ACT_RESTART:
  case PERI_ACT_SMALLER:
  case PERI_ACT_DISCOVER:
    peri_account_worked(r->account, k->token);
    finish(k);
    return;
  }
}

static void send_now(peri_ask *k) {
  peri_run *r = k->run;
  r->asked_ms = peri_now_ms();
  bool special = false, plain = false;
  r->waiting_until_ms = 0;
  if (peri_integration_allows(r->in, k->out.url, &special, &plain, &k->err)) {
    finish_failed(k);
    return;
  }
  peri_header *headers = peri_arena_take(k->arena, (k->out.header_count + 2) * sizeof *headers);
  size_t count = k->out.header_count;
  for (size_t i = 0; i < count; i++) headers[i] = k->out.headers[i];
  peri_buf secret = {0};
  peri_str url = k->out.url;
  k->token = peri_account_token(r->account);
  if (!attach(k, headers, &count, &url, &secret)) {
    peri_fail(&k->err, PERI_CREDENTIALS_REFUSED, "integration '%.*s' has no credential '%.*s'", PERI_S(r->in->name), PERI_S(r->auth->secret));
    finish_failed(k);
  } else {
    peri_http_request q = {.method = k->out.method,
                           .url = url,
                           .headers = headers,
                           .header_count = count,
                           .body = k->out.body,
                           .special_addresses = special,
                           .plain_http = plain,
                           .timeout_ms = peri_patience_timeout(&k->patience, k->out.timeout_ms)};
    k->call = peri_http_send(r->g->http, &q, on_reply, k);
  }
  peri_wipe(&secret);
  peri_buf_fini(&secret);
}

static void on_permit(void *self, const peri_err *e) {
  peri_ask *k = self;
  if (!e) {
    send_now(k);
    return;
  }
  k->err = *e;
  k->run->resumes_ms = k->permit.resumes_ms;
  finish_failed(k);
}

static void on_token(void *self, const peri_err *e) {
  peri_ask *k = self;
  if (e) k->err = *e;
  if (e && e->code == PERI_RATE_LIMITED) k->run->resumes_ms = k->token_wait.resumes_ms;
  later(k, 0);
}

/* A token that holds, then a permit, then it goes. */
static void attempt(peri_ask *k) {
  peri_run *r = k->run;
  if (!peri_account_ready(r->account, &k->token_wait)) return;
  if (peri_permit_take(r->account, &k->permit)) send_now(k);
  else show_wait(k, k->permit.until_ms - peri_mono_ms());
}

peri_str peri_ask_headers(const peri_http_reply *reply, peri_arena *a) {
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  peri_map once;
  peri_map_init(&once, a);
  for (size_t i = 0; i < reply->header_count; i++) {
    if (peri_str_eq_nocase(reply->headers[i].name, PERI_STR("set-cookie")) || !peri_map_put(&once, reply->headers[i].name, a)) continue;
    peri_jw_key(&w, reply->headers[i].name);
    peri_str value = peri_arena_str(a, reply->headers[i].value);
    value.n = peri_redact((char *)(uintptr_t)value.p, value.n); /* nor in a header may a server hand the token to a script */
    peri_jw_text(&w, value);
  }
  peri_jw_end_object(&w);
  peri_str text = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return text;
}

void peri_run_fill(peri_run *r, const peri_stream *s, peri_fill *fill) {
  *fill = (peri_fill){.connector = r->connector,
                      .stream = s,
                      .settings = r->in->settings,
                      .since = INT64_MIN,
                      .upto = INT64_MIN,
                      .wanted = s ? peri_run_wanted(r, s) : NULL,
                      .secret = secret_for_hole,
                      .secret_self = r};
}

void peri_ask_start(peri_run *r, const peri_request *request, const peri_fill *fill, void (*done)(peri_ask *ask), void *self) {
  peri_ask *k = peri_alloc(sizeof *k);
  k->run = r;
  k->arena = peri_arena_new();
  k->request = request;
  k->done = done;
  k->self = self;
  r->ask = k;
  peri_code code = peri_request_fill(k->arena, request, fill, r->base, &k->out, &k->err);
  k->err.code = code;
  k->permit = (peri_permit){.rate = k->out.rate, .cost = k->out.cost, .urgency = r->urgency, .done = on_permit, .self = k};
  k->token_wait = (peri_token_wait){.done = on_token, .self = k};
  later(k, peri_backfill_wait(r, peri_now_ms()));
}
