/* core/refresh: the one flight that gets an integration its next token while all its requests wait, and no other integration's.
 *
 *   marker   "refreshing" is committed: should this process die now, the next one knows
 *   ask      once, and again after what passes: 5xx, 429, broken lines, each within the account's retry budget
 *   keep     the tokens are committed, on disk, before anybody uses them: a server that rotates has forgotten the old ones
 *
 * An answer that was lost on the way may have replaced the refresh token: the old one is tried once more, and the server's word then stands. Only its
 * "invalid grant" ends the login; nothing else does. A token that was got and is refused at once is not replaced again: that would go on for ever. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "core/account_inside.h"
#include "core/holes.h"

#define ATTEMPTS_MAX 5
#define KEEPS_MAX 3
#define KEEP_AGAIN_MS 1000
#define WAIT_MS_MAX 60000       /* a token endpoint that says "later" than this ends the run, which resumes then */
#define LATER_MS 60000          /* and one that says no more than "too many" is asked again by a run after this */
#define AHEAD_AGAIN_MS 10000    /* a refresh ahead of time that failed is tried again then */
#define CLOCK_OFF_MS 60000

/* ---- when ---- */

static void plan(peri_account *a, int64_t obtained_mono_ms) {
  uint64_t random;
  int64_t life = a->facts.life_ms;
  a->due_mono_ms = a->ends_mono_ms = INT64_MAX;
  if (life <= 0) return;
  peri_random(&random, sizeof random);
  a->due_mono_ms = obtained_mono_ms + life / 100 * (80 + (int64_t)(random % 11)); /* not all of a fleet at the same moment */
  a->ends_mono_ms = obtained_mono_ms + life;
}

void peri_account_clock(peri_account *a) {
  int64_t age = peri_now_ms() - a->facts.obtained_ms;
  a->due_mono_ms = a->ends_mono_ms = INT64_MAX;
  if (a->facts.obtained_ms < 0) return;
  if (age < -CLOCK_OFF_MS) {
    peri_log(PERI_WARN, "auth", "the clock says that the token of %.*s was got in the future; it is used until the API refuses it", PERI_S(a->in->name));
    return;
  }
  plan(a, peri_mono_ms() - (age > 0 ? age : 0));
}

uint64_t peri_account_token(const peri_account *a) { return a->token; }

static peri_str grant_of(const peri_account *a) { return peri_token_grant(&a->facts, a->in->secrets, &a->auth); }

/* ---- who waits ---- */

static void join(peri_account *a, peri_token_wait *w) {
  w->prev = a->last_wait;
  w->next = NULL;
  if (w->prev) w->prev->next = w;
  else a->first_wait = w;
  a->last_wait = w;
  w->waiting = true;
}

static void leave(peri_account *a, peri_token_wait *w) {
  if (w->prev) w->prev->next = w->next;
  else a->first_wait = w->next;
  if (w->next) w->next->prev = w->prev;
  else a->last_wait = w->prev;
  w->waiting = false;
}

void peri_token_wait_drop(peri_account *a, peri_token_wait *w) {
  if (w->waiting) leave(a, w); /* the flight goes on: what it brings must be kept */
}

static void tell(peri_account *a, const peri_err *e, int64_t resumes_ms) {
  while (a->first_wait) {
    peri_token_wait *w = a->first_wait;
    leave(a, w);
    w->resumes_ms = resumes_ms;
    w->done(w->self, e);
  }
}

/* ---- the end ---- */

static void write_note(void *self) {
  peri_flight *f = self;
  peri_err ignored, *e = f->account->flight == f ? &f->err : &ignored;
  peri_store_tokens_set(f->account->g->store, f->account->in->id, &f->note, e);
}

static void free_flight(void *self) {
  peri_flight *f = self;
  peri_buf_fini(&f->note_text);
  peri_arena_free(f->arena);
  free(f);
}

/* e NULL: the new token is in force. unsure: nobody knows whether the server has replaced the refresh token. */
static void end(peri_flight *f, peri_err *e, bool unsure) {
  peri_account *a = f->account;
  peri_err why;
  int64_t resumes_ms = 0;
  bool dead = e && e->code == PERI_NEEDS_REAUTH, old_serves = e && !dead && f->ahead && peri_mono_ms() < a->ends_mono_ms;
  if (e && e->code == PERI_RATE_LIMITED) {
    char text[PERI_ERROR_TEXT_MAX / 2], at[PERI_ISO_MAX];
    resumes_ms = peri_now_ms() + (f->wait_ms > LATER_MS ? f->wait_ms : LATER_MS);
    snprintf(text, sizeof text, "%.2000s", e->text);
    peri_fail(e, PERI_RATE_LIMITED, "%s; resumes at %s", text, peri_iso(resumes_ms, at));
  }
  if (e) {
    peri_err_prefix(e, "refreshing the token of '%.*s'", PERI_S(a->in->name));
    why = *e;
    f->note = (peri_token_write){.token_json = unsure ? (peri_str){NULL, 0} : PERI_STR("{\"refreshing\":null}"), .status = dead ? "needs_reauth" : NULL};
    peri_log(PERI_WARN, "auth", "%s%s", why.text, old_serves ? "; the old one still holds" : "");
    if (old_serves) a->not_before_mono_ms = peri_mono_ms() + AHEAD_AGAIN_MS;
  }
  a->flight = NULL;
  if (e && (f->note.token_json.n || f->note.status)) peri_engine_post(a->g, write_note, free_flight, f);
  else free_flight(f);
  tell(a, e && !old_serves ? &why : NULL, resumes_ms);
}

/* ---- keeping ---- */

static void keep_work(void *self) {
  peri_flight *f = self;
  peri_account *a = f->account;
  peri_token_facts facts = a->facts;
  facts.grant = grant_of(a);
  f->err = (peri_err){0};
  peri_tokens_keep(a->g->store, a->g->vault, &a->auth, a->in->id, &f->tokens, &facts, f->asked_ms, peri_str_is(a->in->status, "needs_reauth"), &f->err);
}

static void on_kept(void *self);
static void keep(peri_flight *f) { peri_engine_post(f->account->g, keep_work, on_kept, f); }
static void on_keep_again(uv_timer_t *t) { keep(((peri_account *)t->data)->flight); }

static void on_kept(void *self) {
  peri_flight *f = self;
  peri_account *a = f->account;
  if (f->err.code) {
    if (++f->keeps < KEEPS_MAX) {
      uv_timer_start(a->timer, on_keep_again, KEEP_AGAIN_MS, 0);
      return;
    }
    peri_err_prefix(&f->err, "a new token came and could not be kept, so it is not used");
    end(f, &f->err, true);
    return;
  }
  peri_secrets_put(a->in->secrets, PERI_STR("accessToken"), f->tokens.access_token);
  if (f->tokens.refresh_token.n) peri_secrets_put(a->in->secrets, PERI_STR("refreshToken"), f->tokens.refresh_token);
  a->token++;
  a->fresh = true;
  a->facts.obtained_ms = f->asked_ms;
  a->facts.life_ms = peri_token_life_ms(&f->tokens);
  a->facts.refreshing_ms = -1;
  plan(a, f->asked_mono_ms);
  peri_log(PERI_INFO, "auth", "the access token of %.*s is new life_ms=%lld", PERI_S(a->in->name), (long long)a->facts.life_ms);
  end(f, NULL, false);
}

/* ---- asking ---- */

static void on_reply(void *self, peri_http_reply *reply);

static void send_now(peri_flight *f) {
  peri_account *a = f->account;
  peri_buf form = {0}, basic = {0};
  bool special = false, plain = false;
  peri_token_request q = {.grant = grant_of(a),
                          .client = a->auth.client,
                          .client_auth = a->client_auth,
                          .token_url = a->token_url,
                          .scope = a->scope,
                          .audience = a->audience,
                          .subject = a->subject,
                          .names = a->param_names,
                          .values = a->param_values,
                          .extra_count = a->param_count,
                          .now_ms = peri_now_ms()};
  f->err = (peri_err){0};
  peri_code code = peri_integration_allows(a->in, a->token_url, &special, &plain, &f->err);
  if (!code) code = peri_token_form(a->in->secrets, &q, &form, &basic, &f->err);
  if (!code) {
    peri_header headers[3] = {{PERI_STR("Content-Type"), PERI_STR("application/x-www-form-urlencoded")}, {PERI_STR("Accept"), PERI_STR("application/json")},
                              {PERI_STR("Authorization"), peri_buf_view(&basic)}};
    peri_http_request h = {.method = "POST",
                           .url = a->token_url,
                           .headers = headers,
                           .header_count = basic.n ? 3 : 2,
                           .body = peri_buf_view(&form),
                           .special_addresses = special,
                           .plain_http = plain};
    f->asked_ms = peri_now_ms();
    f->asked_mono_ms = peri_mono_ms();
    peri_http_send(a->g->http, &h, on_reply, f);
  }
  peri_wipe(&form);
  peri_wipe(&basic);
  peri_buf_fini(&form);
  peri_buf_fini(&basic);
  if (code) end(f, &f->err, false);
}

static void on_again(uv_timer_t *t) { send_now(((peri_account *)t->data)->flight); }

static void again(peri_flight *f, int64_t at_least_ms, bool unsure) {
  peri_account *a = f->account;
  uint64_t random;
  if (++f->attempts >= ATTEMPTS_MAX || a->g->stop || !a->first_wait || !peri_account_may_retry(a)) {
    end(f, &f->err, unsure);
    return;
  }
  peri_random(&random, sizeof random);
  uv_timer_start(a->timer, on_again, (uint64_t)peri_backoff_ms(f->attempts, at_least_ms, random), 0);
}

/* An answer was sent and did not come whole: once more with what we have. */
static void lost(peri_flight *f) {
  bool twice = f->lost;
  f->lost = true;
  if (twice) end(f, &f->err, true);
  else again(f, 0, true);
}

static void say_dead(peri_flight *f) {
  peri_account *a = f->account;
  char text[PERI_ERROR_TEXT_MAX / 2], at[PERI_ISO_MAX];
  snprintf(text, sizeof text, "%.2000s", f->err.text);
  if (f->lost) peri_fail(&f->err, PERI_NEEDS_REAUTH, "%s; the answer before was lost on the way, and with it the token that replaced this one; log in again: perilune auth %.*s", text, PERI_S(a->in->name));
  else if (a->facts.refreshing_ms > 0)
    peri_fail(&f->err, PERI_NEEDS_REAUTH, "%s; perilune was ended at %s while it asked for a new one, which was lost; log in again: perilune auth %.*s", text, peri_iso(a->facts.refreshing_ms, at),
              PERI_S(a->in->name));
  else peri_fail(&f->err, PERI_NEEDS_REAUTH, "%s; log in again: perilune auth %.*s", text, PERI_S(a->in->name));
}

static void on_reply(void *self, peri_http_reply *reply) {
  peri_flight *f = self;
  peri_account *a = f->account;
  bool rotates = peri_str_is(grant_of(a), "refresh_token");
  if (reply->code) {
    peri_fail(&f->err, reply->code, "%s", reply->error);
    bool final = reply->code == PERI_ADDRESS_REFUSED || reply->code == PERI_TLS || reply->code == PERI_HOST_NOT_TRUSTED || reply->code == PERI_INVALID;
    if (final) end(f, &f->err, false);
    else if (rotates && !reply->before_reply) lost(f);
    else again(f, 0, false);
    return;
  }
  peri_str body = peri_arena_str(f->arena, reply->body), later = peri_http_header(reply, "retry-after"); /* a copy: the writer needs it after the reply is gone */
  peri_code code = peri_oauth_read(f->arena, reply->status, body, peri_node_opt_text(a->auth.node, "expires"), &f->tokens, &f->err);
  int64_t wait = 0;
  if (!later.n || !peri_wait_read(later, peri_now_ms(), &wait) || wait < 0) wait = 0;
  f->wait_ms = wait > PERI_RETRY_AFTER_MS_MAX ? PERI_RETRY_AFTER_MS_MAX : wait;
  if (!code) keep(f);
  else if (code == PERI_BAD_REPLY) { /* a success that cannot be read: the token in it is gone */
    if (rotates) lost(f);
    else again(f, wait, false);
  } else if (code == PERI_NEEDS_REAUTH && rotates) {
    say_dead(f);
    end(f, &f->err, false);
  } else if (code == PERI_NEEDS_REAUTH) { /* no login was lost: the next run may try the same again, once somebody has allowed it */
    f->err.code = PERI_CREDENTIALS_REFUSED;
    end(f, &f->err, false);
  } else if (code == PERI_CREDENTIALS_REFUSED) end(f, &f->err, false);
  else if (wait > WAIT_MS_MAX) {
    peri_fail(&f->err, PERI_RATE_LIMITED, "the token endpoint answered %d and asks to wait", reply->status);
    end(f, &f->err, false);
  } else again(f, wait, false);
}

/* ---- the beginning ---- */

static void on_marked(void *self) {
  peri_flight *f = self;
  if (f->err.code) {
    peri_err_prefix(&f->err, "before asking, the database must be able to keep the answer");
    end(f, &f->err, false);
  } else send_now(f);
}

static void start(peri_account *a) {
  peri_flight *f = peri_alloc(sizeof *f);
  f->account = a;
  f->arena = peri_arena_new();
  f->ahead = peri_secrets_has(a->in->secrets, a->auth.secret) && peri_mono_ms() < a->ends_mono_ms && a->ends_mono_ms < INT64_MAX;
  a->flight = f;
  if (a->facts.refreshing_ms > 0) {
    char at[PERI_ISO_MAX];
    peri_log(PERI_WARN, "auth", "a refresh of %.*s that began at %s was cut off before its answer was kept; the token from before is tried", PERI_S(a->in->name), peri_iso(a->facts.refreshing_ms, at));
  }
  peri_jw w;
  peri_jw_init(&w, &f->note_text);
  peri_jw_object(&w);
  peri_jw_kv_int(&w, "refreshing", a->facts.refreshing_ms > 0 ? a->facts.refreshing_ms : peri_now_ms());
  peri_jw_end_object(&w);
  f->note = (peri_token_write){.token_json = peri_buf_view(&f->note_text)};
  peri_engine_post(a->g, write_note, on_marked, f);
}

bool peri_account_ready(peri_account *a, peri_token_wait *w) {
  if (!a->flight) {
    int64_t now = peri_mono_ms();
    bool has = peri_secrets_has(a->in->secrets, PERI_STR("accessToken")), due = !has || (now >= a->due_mono_ms && now >= a->not_before_mono_ms);
    if (a->auth.kind != PERI_AUTH_OAUTH2 || !due || !grant_of(a).n) return true;
    start(a);
  }
  join(a, w);
  return false;
}

peri_refused peri_account_refused(peri_account *a, uint64_t token, peri_token_wait *w, peri_err *e) {
  if (token != a->token) return PERI_REFUSED_AGAIN;
  if (!a->flight) {
    if (a->auth.kind != PERI_AUTH_OAUTH2 || !grant_of(a).n) return PERI_REFUSED_FINAL;
    if (a->fresh) {
      peri_fail(e, PERI_CREDENTIALS_REFUSED, "the API refuses a token that its own token endpoint gave a moment ago; another one would fare no better, so none is asked for");
      return PERI_REFUSED_FINAL;
    }
    start(a);
    a->flight->ahead = false;
  }
  join(a, w);
  return PERI_REFUSED_WAIT;
}

void peri_account_worked(peri_account *a, uint64_t token) {
  if (token == a->token) a->fresh = false;
}
