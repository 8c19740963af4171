/* core/login: a login performed: finds the provider's endpoints, waits for the browser or the device, asks for the tokens, keeps them, checks them.
 * What it means is decided in core/auth.h (pure).
 *
 * Two halves, so that nobody is kept from the database while a person looks for a password: everything up to the tokens needs a database that is only
 * read; peri_login_finish needs the one that is held for writing. Tokens are asked for before that one is waited for: a code lives for a minute. */
#ifndef PERI_CORE_LOGIN_H
#define PERI_CORE_LOGIN_H

#include "core/auth.h"
#include "core/engine.h"
#include "core/integration.h"
#include "core/scripts.h"

typedef struct peri_login {
  peri_arena *arena;
  peri_scripts *scripts;
  const peri_connector *connector;
  const peri_auth *auth;
  peri_integration *in;
  const char *grant;                       /* "code" "device_code" "client_credentials" "jwt" */
  peri_str authorize, token_url, device_url, revoke_url, issuer;
  bool found, issuer_must;                 /* the token endpoint came from the discovery document */
  peri_str client_auth, scope, subject, audience;
  peri_str *names, *values; size_t param_count;
  peri_browser browser;
  peri_device device;
  peri_str url;                            /* what the user opens */
  int token_status; peri_buf token_body;   /* a device's tokens came while it was waited for; secret */
  int64_t asked_ms;
  peri_oauth_tokens tokens;                /* after peri_login_exchange; secret */
  peri_str trusted;                        /* the list to keep, if the operator trusted another host; else empty */
  /* A host outside the trusted ones: may credentials go there? why: "the token endpoint". */
  bool (*confirm)(void *self, peri_str host, const char *why); void *confirm_self;
} peri_login;

/* Reads the integration, takes a grant ("" or NULL: the first that the connector offers), finds the endpoints. */
peri_code peri_login_open(peri_engine *g, const peri_project *project, peri_str name, const char *grant, bool (*confirm)(void *self, peri_str host, const char *why),
                          void *confirm_self, peri_login **out, peri_err *e);
void peri_login_close(peri_login *l); /* NULL is fine */

/* Listens at the redirect (empty: http://127.0.0.1:PORT/callback; port 0: any free one) and makes l->url. told is called with it once it is listened to. */
peri_code peri_login_browser(peri_engine *g, peri_login *l, int port, peri_str redirect, void (*told)(void *self), void *self, peri_err *e);
/* The same without listening: the user brings the redirect himself, by peri_browser_paste. */
peri_code peri_login_manual(peri_login *l, peri_str redirect, peri_err *e);
/* Asks for a device code, calls told with l->device filled, then polls until the user has agreed. */
peri_code peri_login_device(peri_engine *g, peri_login *l, void (*told)(void *self), void *self, peri_err *e);

/* The consent becomes tokens, which only this process has until they are kept. */
peri_code peri_login_exchange(peri_engine *g, peri_login *l, peri_err *e);
/* Keeps the tokens (one transaction; what was there before is gone only then), checks the connection. *json: the result for people and
 * programs: {"name","grant","renews","expiresAt","status","check":{…}}. */
peri_code peri_login_finish(peri_engine *g, const peri_project *project, peri_login *l, peri_buf *json, peri_err *e);

/* Gives the token back to a provider that takes it (`revoke`). *done: it was; with an error the provider may still honour it. */
peri_code peri_login_revoke(peri_engine *g, const peri_project *project, peri_str name, bool *done, peri_err *e);

#endif
