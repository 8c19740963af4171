/* core/login_io: what a login does on the loop, as steps that return when they are done: ask a server, wait, listen for the browser. */
#ifndef PERI_CORE_LOGIN_IO_H
#define PERI_CORE_LOGIN_IO_H

#include "core/auth.h"
#include "core/engine.h"
#include "core/integration.h"

/* Body in the arena. Only to hosts that the integration trusts. INTERRUPTED after a Ctrl-C. */
peri_code peri_login_get(peri_engine *g, const peri_integration *in, peri_arena *a, peri_str url, int *status, peri_str *body, peri_err *e);
/* The client shows who it is as `q` says. begun: entries of a form for another endpoint (wiped here); NULL: the form of q's grant. */
peri_code peri_login_post(peri_engine *g, const peri_integration *in, peri_arena *a, const peri_token_request *q, peri_buf *begun, peri_str url, int *status, peri_str *body,
                          peri_err *e);
peri_code peri_login_sleep(peri_engine *g, int64_t ms, peri_err *e);

/* The door that the browser comes back to. */
typedef struct peri_callback peri_callback;
peri_code peri_callback_open(peri_engine *g, int port, int *port_out, peri_browser *b, peri_callback **out, peri_err *e); /* b may be begun afterwards */
peri_code peri_callback_wait(peri_callback *c, peri_err *e); /* until there is a code; TIMEOUT when the login is void */
void peri_callback_close(peri_callback *c); /* lets the last answer out; NULL is fine */

#endif
