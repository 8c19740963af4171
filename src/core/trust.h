/* core/trust: which hosts may receive an integration's credentials. Decided by its operator, when it is added and when it is logged in; files and replies
 * change nothing of it. */
#ifndef PERI_CORE_TRUST_H
#define PERI_CORE_TRUST_H

#include "core/connector.h"
#include "core/integration.h"

/* The JSON of `trusted` for a new integration: the base's host and, with oauth2, those of its endpoints. A base that only the login will tell is left out. */
peri_code peri_trust_new(peri_arena *a, const peri_connector *c, const peri_auth *auth, const peri_json *settings, peri_str base_url, peri_buf *json, peri_err *e);
/* The list of an integration with the host of one more URL; the same text if it was there already. */
peri_code peri_trust_more(const peri_integration *in, peri_str url, peri_buf *json, peri_err *e);
/* "https://login.example:8443", the port only where it is not the scheme's own. */
peri_str peri_trust_host(peri_arena *a, peri_str url);
/* Is `host` (of a URL that a login brought) one of the connector's `hosts`? false where it names none. */
bool peri_trust_pattern(const peri_connector *c, peri_str host);
/* Is the connector's base a setting that only a login brings? */
bool peri_base_after_login(const peri_connector *c, const peri_auth *auth, const peri_json *settings);

#endif
