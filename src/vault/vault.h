/* vault/vault: secrets. Seals them at rest, opens them at use, attaches them to requests. Everything that comes out of here is named to
 * base/log's redactor. Keys live in memory that is locked, not dumped, and wiped. */
#ifndef PERI_VAULT_VAULT_H
#define PERI_VAULT_VAULT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "json/tree.h"

/* perilune.key: lines "KID BASE64(32 bytes)", newest first, mode 0600. */
typedef struct peri_vault peri_vault;
peri_code peri_key_create(const char *path, peri_err *e);                   /* never overwrites */
peri_code peri_vault_open(const char *path, peri_vault **out, peri_err *e); /* refuses other owners and modes wider than 0600 with the chmod to run */
void peri_vault_free(peri_vault *v);
const char *peri_vault_kid(const peri_vault *v); /* the key in force */
/* Rotation in two steps around the store's rewrap: add a new first line; drop all lines but the first. Atomic (temp, fsync, rename). */
peri_code peri_key_add(const char *path, peri_err *e);
peri_code peri_key_drop_old(const char *path, peri_err *e);

/* Seals a value: JSON {"v":1,"kid","edk","n","ct"} (base64). AES-256-GCM under a fresh data key, which is wrapped by the key in force.
 * Associated data: version, table, row id, name: a blob moved to another row or name does not open. */
peri_code peri_seal(peri_vault *v, const char *table, peri_str row_id, peri_str name, peri_str secret, peri_buf *json, peri_err *e);
/* Opens into *out (append). Wipe it with peri_wipe when done. WRONG_KEY if no key of the vault fits, INVALID if it was tampered with. */
peri_code peri_unseal(peri_vault *v, const char *table, peri_str row_id, peri_str name, const peri_json *sealed, peri_buf *out, peri_err *e);
/* Wraps the data key under the key in force; *changed false if it already is. */
peri_code peri_rewrap(peri_vault *v, const char *table, peri_str row_id, peri_str name, const peri_json *sealed, peri_buf *json, bool *changed,
                      peri_err *e);
void peri_wipe(peri_buf *b);

/* ---- credentials on the way out ---- */
/* A set of opened secrets of one integration: name -> value. */
typedef struct peri_secrets peri_secrets;
peri_secrets *peri_secrets_new(void);
void peri_secrets_free(peri_secrets *s);                               /* wiped */
void peri_secrets_put(peri_secrets *s, peri_str name, peri_str value); /* copied to locked memory, named to the redactor */
bool peri_secrets_has(const peri_secrets *s, peri_str name);
/* Header values for a request: "Bearer " + secret; "Basic " + base64(user:secret). Appends; false if the secret is missing. */
bool peri_attach_prefix(const peri_secrets *s, peri_str name, peri_str prefix, peri_buf *value);
bool peri_attach_basic(const peri_secrets *s, peri_str user, peri_str user_secret, peri_str password_secret,
                       peri_buf *value);                                   /* user text, or the secret called user_secret */
bool peri_attach_raw(const peri_secrets *s, peri_str name, peri_buf *out); /* the secret itself, for bodies and queries that name it */

/* A name for whoever has these credentials: "KID." and a keyed digest of the values and the context. Another key in force gives another name. */
#define PERI_CREDENTIAL_NAME_MAX 80
void peri_credential_name(const peri_vault *v, const peri_secrets *s, const peri_str *names, size_t count, peri_str context, char out[PERI_CREDENTIAL_NAME_MAX]);

/* ---- OAuth 2: questions to a token endpoint ----
 * One request for tokens, whatever the grant: refreshing and every kind of login meet here. Texts that a grant does not use stay empty. */
typedef struct peri_token_request {
  peri_str grant;       /* "refresh_token", "client_credentials", "jwt", "code", "device_code" */
  peri_str client;      /* name of the credential that holds the client's id; empty: "clientId" */
  peri_str client_auth; /* how the client shows who it is: "body", "basic", "none"; empty: body */
  peri_str token_url;   /* who an assertion is for, unless audience says otherwise */
  peri_str scope, audience, subject; /* client_credentials, jwt */
  peri_str code, verifier, redirect_uri, device_code;
  const peri_str *names, *values; /* further entries, as the connector's params say */
  size_t extra_count;
  int64_t now_ms;       /* of an assertion */
} peri_token_request;
/* The form to send, and the Authorization header's value (left empty unless client_auth is "basic"). Both hold secrets: peri_wipe them.
 * NEEDS_REAUTH if the refresh token is missing, CREDENTIALS_REFUSED for another missing credential. */
peri_code peri_token_form(const peri_secrets *s, const peri_token_request *q, peri_buf *form, peri_buf *authorization, peri_err *e);
/* The same client at another endpoint (device, revoke): its id and secret are added to the form or to the header. */
peri_code peri_client_form(const peri_secrets *s, const peri_token_request *q, peri_buf *form, peri_buf *authorization, peri_err *e);
void peri_form_put(peri_buf *form, peri_str key, peri_str value); /* application/x-www-form-urlencoded */
typedef struct peri_oauth_tokens {
  peri_str access_token, refresh_token;
  int64_t expires_in_s;  /* -1 unknown */
  const peri_json *reply; /* for values to keep; holds the tokens too, so it is never stored as it is */
} peri_oauth_tokens;
/* expires: the path of the token's life in seconds; empty: "expires_in". NEEDS_REAUTH only for invalid_grant and its vendor spellings. A reply that is no
 * JSON says nothing about the credential, whatever its status: API_ERROR. */
peri_code peri_oauth_read(peri_arena *a, int status, peri_str body, peri_str expires, peri_oauth_tokens *out, peri_err *e);

/* PKCE (RFC 7636): 43 characters that are kept, and their SHA-256, which is shown. */
#define PERI_PKCE_TEXT 44
void peri_pkce_make(char verifier[PERI_PKCE_TEXT], char challenge[PERI_PKCE_TEXT]);
void peri_pkce_challenge(peri_str verifier, char challenge[PERI_PKCE_TEXT]);
/* A signed JWT (RFC 7515 compact): RS256 with an RSA key, ES256 with one on P-256, in PEM. CREDENTIALS_REFUSED for any other key. */
peri_code peri_jwt_sign(peri_str pem, peri_str claims_json, peri_buf *out, peri_err *e);

/* ---- signatures (emulators' webhooks now, verification later) ---- */
void peri_sha256_hex(peri_str data, char out[65]);
void peri_hmac_sha256(peri_str key, peri_str data, unsigned char out[32]);
void peri_base64(peri_buf *out, peri_str bytes);
void peri_base64_url(peri_buf *out, peri_str bytes); /* the url alphabet, no padding */
bool peri_unbase64(peri_buf *out, peri_str text); /* standard or url alphabet, padding optional */
bool peri_equal_secret(peri_str a, peri_str b);   /* constant time */

#endif
