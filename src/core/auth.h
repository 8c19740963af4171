/* core/auth: what happens in an OAuth login, without doing any of it: a browser's redirect, a device's waiting, a provider's discovery document.
 * Pure: no I/O, no clock (times are given). core/login.c performs it; the tests replay it. */
#ifndef PERI_CORE_AUTH_H
#define PERI_CORE_AUTH_H

#include "json/tree.h"
#include "vault/vault.h"

#define PERI_LOGIN_MS (10 * 60 * 1000) /* how long a login may take: who is asked goes to find a password, but not to lunch */

/* ---- the way through a browser (RFC 6749 4.1, RFC 7636, RFC 9207) ---- */
typedef struct peri_browser {
  char state[PERI_PKCE_TEXT], verifier[PERI_PKCE_TEXT], challenge[PERI_PKCE_TEXT]; /* 256 random bits each */
  peri_str redirect, path;   /* "http://127.0.0.1:8123/callback" and its path */
  peri_str issuer;           /* whom the redirect must come from; empty: not known */
  bool issuer_must;          /* the provider promises to say it in every redirect */
  int64_t until_ms;
  bool used;                 /* the state has done its work */
  peri_str code;             /* in the arena; secret */
  peri_arena *arena;
} peri_browser;

/* redirect: copied. The state is made here, used once, and void after PERI_LOGIN_MS. */
void peri_browser_begin(peri_browser *b, peri_arena *a, peri_str redirect, peri_str issuer, bool issuer_must, int64_t now_ms);
/* The address that the user opens. It holds the state and the challenge, never the verifier or a secret. params: names and values, already filled. */
peri_str peri_browser_url(const peri_browser *b, peri_arena *a, peri_str authorize, peri_str client_id, peri_str scope, bool pkce, const peri_str *names, const peri_str *values,
                          size_t count);
typedef enum peri_browser_step { PERI_BROWSER_WAIT, PERI_BROWSER_CODE, PERI_BROWSER_ENDED } peri_browser_step;
/* What a request of the browser means. WAIT: nothing of ours (another path, no or a wrong state, the same once more): the login goes on waiting.
 * CODE: b->code is there. ENDED: the provider said no, or is not the one asked; e says it. status and page: what the browser is shown (HTML, escaped). */
peri_browser_step peri_browser_request(peri_browser *b, peri_str path, peri_str query, int64_t now_ms, int *status, peri_buf *page, peri_err *e);
/* A redirect that was pasted: the whole URL, its query, or the code alone. Here a wrong state is an error, because nothing else will come. */
peri_browser_step peri_browser_paste(peri_browser *b, peri_str text, int64_t now_ms, peri_err *e);
void peri_browser_page(peri_buf *page, const char *title, peri_str text, bool good);

/* ---- the way through another device (RFC 8628) ---- */
typedef struct peri_device {
  peri_str device_code, user_code, url, whole_url; /* where the user types the code; the same with the code in it (may be empty) */
  int64_t interval_ms, until_ms;
} peri_device;
peri_code peri_device_read(peri_arena *a, int status, peri_str body, int64_t now_ms, peri_device *out, peri_err *e);
typedef enum peri_device_step { PERI_DEVICE_WAIT, PERI_DEVICE_TOKEN, PERI_DEVICE_ENDED } peri_device_step;
/* What a poll's answer means. failed: there was none (then the next one waits twice as long). WAIT: again after d->interval_ms. */
peri_device_step peri_device_answer(peri_device *d, bool failed, int status, peri_str body, int64_t now_ms, peri_err *e);

/* ---- discovery (OpenID Connect Discovery, RFC 8414) ---- */
typedef struct peri_provider {
  peri_str issuer, authorize, token, device, revoke; /* empty: not offered */
  peri_str client_auth;                              /* "body", "basic", "none": what it understands, in this order */
  bool issuer_in_redirect;                           /* it names itself in every redirect (RFC 9207) */
} peri_provider;
/* Where the documents may lie, in the order in which they are tried. */
size_t peri_discovery_urls(peri_arena *a, peri_str issuer, peri_str out[3]);
/* Refuses a document that speaks for another issuer, and endpoints without https (unless the issuer itself has none). */
peri_code peri_discovery_read(peri_arena *a, peri_str issuer, peri_str body, peri_provider *out, peri_err *e);

/* What an OAuth error word means, for people; the provider's own description is added, made printable. ended: the code for the error. */
peri_code peri_auth_refusal(peri_str error, peri_str description, peri_err *e);

#endif
