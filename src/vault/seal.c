/* vault/seal: the envelope. A secret is encrypted under a data key of its own; the data key is wrapped by the key in force. Both by AES-256-GCM.
 * Associated data binds both to version, table, row and name. Rotation re-wraps the data key and never touches the secret.
 *
 * JSON: {"v":1,"kid":"…","edk":base64(nonce 12, wrapped key 32, tag 16),"n":base64(nonce 12),"ct":base64(secret, tag 16)}.
 * Refuses to tell a tampered wrap from a wrong key where nobody could: with the right kid it is called tampered. */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/log.h"
#include "base/uuid.h"
#include "vault/inside.h"
#include "json/json.h"

#define NONCE 12
#define TAG 16
#define EDK (NONCE + PERI_KEY_BYTES + TAG)
#define SECRET_BYTES_MAX (1u << 20)

/* Lengths before texts, so that no two places spell the same. */
static void aad_put(peri_buf *aad, const char *purpose, const char *table, peri_str row_id, peri_str name) {
  peri_buf_fmt(aad, "perilune|1|%s|%zu|%s|%zu|", purpose, strlen(table), table, row_id.n);
  peri_buf_str(aad, row_id);
  peri_buf_fmt(aad, "|%zu|", name.n);
  peri_buf_str(aad, name);
}

/* out gets n bytes and the tag behind them (sealing), or n bytes (opening, `in` holds n bytes and the tag). */
static bool gcm(bool sealing, const unsigned char key[PERI_KEY_BYTES], const unsigned char nonce[NONCE], peri_str aad, const unsigned char *in,
                size_t n, unsigned char *out) {
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  int len = 0;
  bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce, sealing) == 1 &&
            EVP_CipherUpdate(c, NULL, &len, (const unsigned char *)aad.p, (int)aad.n) == 1;
  unsigned char tag[TAG];
  if (ok && n) ok = EVP_CipherUpdate(c, out, &len, in, (int)n) == 1 && (size_t)len == n;
  if (ok && !sealing) {
    memcpy(tag, in + n, TAG);
    ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
  }
  unsigned char last[TAG];
  ok = ok && EVP_CipherFinal_ex(c, last, &len) == 1;
  if (ok && sealing) ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + n) == 1;
  if (!ok && !sealing && n) OPENSSL_cleanse(out, n); /* what was not authentic is not shown */
  EVP_CIPHER_CTX_free(c);
  return ok;
}

static bool wrap(const peri_key *k, const char *table, peri_str row_id, peri_str name, const unsigned char data_key[PERI_KEY_BYTES],
                 unsigned char edk[EDK]) {
  peri_buf aad = {0};
  aad_put(&aad, "key", table, row_id, name);
  peri_random(edk, NONCE);
  bool ok = gcm(true, k->bytes, edk, peri_buf_view(&aad), data_key, PERI_KEY_BYTES, edk + NONCE);
  peri_buf_fini(&aad);
  return ok;
}

static void put(peri_buf *json, const char *kid, peri_str edk, peri_str nonce64, peri_str ct64) {
  peri_buf b = {0};
  peri_base64(&b, edk);
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  peri_jw_kv_int(&w, "v", 1);
  peri_jw_kv_c(&w, "kid", kid);
  peri_jw_kv(&w, "edk", peri_buf_view(&b));
  peri_jw_kv(&w, "n", nonce64);
  peri_jw_kv(&w, "ct", ct64);
  peri_jw_end_object(&w);
  peri_buf_fini(&b);
}

peri_code peri_seal(peri_vault *v, const char *table, peri_str row_id, peri_str name, peri_str secret, peri_buf *json, peri_err *e) {
  if (secret.n > SECRET_BYTES_MAX) return peri_fail(e, PERI_INVALID, "the secret %.*s is longer than 1 MB", PERI_S(name));
  unsigned char data_key[PERI_KEY_BYTES], edk[EDK], nonce[NONCE];
  peri_buf ct = {0}, aad = {0}, n64 = {0}, ct64 = {0};
  peri_random(data_key, sizeof data_key);
  peri_random(nonce, sizeof nonce);
  aad_put(&aad, "secret", table, row_id, name);
  unsigned char *out = (unsigned char *)peri_buf_room(&ct, secret.n + TAG);
  bool ok = gcm(true, data_key, nonce, peri_buf_view(&aad), (const unsigned char *)(secret.p ? secret.p : ""), secret.n, out) &&
            wrap(&v->keys[0], table, row_id, name, data_key, edk);
  if (ok) {
    ct.n = secret.n + TAG;
    peri_base64(&n64, (peri_str){(char *)nonce, NONCE});
    peri_base64(&ct64, peri_buf_view(&ct));
    put(json, v->keys[0].kid, (peri_str){(char *)edk, EDK}, peri_buf_view(&n64), peri_buf_view(&ct64));
  }
  OPENSSL_cleanse(data_key, sizeof data_key);
  peri_buf_fini(&ct);
  peri_buf_fini(&aad);
  peri_buf_fini(&n64);
  peri_buf_fini(&ct64);
  return ok ? PERI_OK : peri_fail(e, PERI_INTERNAL, "OpenSSL could not seal %.*s", PERI_S(name));
}

static peri_code tampered(peri_err *e, const char *table, peri_str row_id, peri_str name) {
  return peri_fail(e, PERI_INVALID, "the sealed value of %.*s in %s %.*s does not open: it was changed, or moved from another place; set it again",
                   PERI_S(name), table, PERI_S(row_id));
}

static const peri_key *key_named(const peri_vault *v, peri_str kid) {
  for (size_t i = 0; i < v->count; i++)
    if (peri_str_is(kid, v->keys[i].kid)) return &v->keys[i];
  return NULL;
}

static peri_code data_key_of(peri_vault *v, const char *table, peri_str row_id, peri_str name, const peri_json *sealed,
                             unsigned char data_key[PERI_KEY_BYTES], peri_err *e) {
  if (peri_json_get_int(sealed, "v", 0) != 1)
    return peri_fail(e, PERI_INVALID, "the sealed value of %.*s has a form that this perilune does not know", PERI_S(name));
  peri_str kid = peri_json_get_text(sealed, "kid");
  const peri_key *k = key_named(v, kid);
  if (!k)
    return peri_fail(e, PERI_WRONG_KEY, "the database was sealed with the key %.*s, and %s holds %s%s", PERI_S(kid), v->from, v->keys[0].kid,
                     v->count > 1 ? " and older ones" : " only");
  peri_buf edk = {0}, aad = {0};
  aad_put(&aad, "key", table, row_id, name);
  bool ok = peri_unbase64(&edk, peri_json_get_text(sealed, "edk")) && edk.n == EDK;
  const unsigned char *p = (const unsigned char *)edk.p;
  ok = ok && gcm(false, k->bytes, p, peri_buf_view(&aad), p + NONCE, PERI_KEY_BYTES, data_key);
  peri_buf_fini(&edk);
  peri_buf_fini(&aad);
  return ok ? PERI_OK : tampered(e, table, row_id, name);
}

peri_code peri_unseal(peri_vault *v, const char *table, peri_str row_id, peri_str name, const peri_json *sealed, peri_buf *out, peri_err *e) {
  unsigned char data_key[PERI_KEY_BYTES];
  peri_code code = data_key_of(v, table, row_id, name, sealed, data_key, e);
  if (code != PERI_OK) return code;
  peri_buf nonce = {0}, ct = {0}, aad = {0};
  aad_put(&aad, "secret", table, row_id, name);
  bool ok = peri_unbase64(&nonce, peri_json_get_text(sealed, "n")) && nonce.n == NONCE && peri_unbase64(&ct, peri_json_get_text(sealed, "ct")) &&
            ct.n >= TAG;
  size_t n = ok ? ct.n - TAG : 0;
  unsigned char *to = ok ? (unsigned char *)peri_buf_room(out, n + 1) : NULL;
  ok = to && gcm(false, data_key, (const unsigned char *)nonce.p, peri_buf_view(&aad), (const unsigned char *)ct.p, n, to);
  if (ok) {
    if (strcmp(table, "meta") != 0) peri_redact_add((peri_str){(char *)to, n}); /* the word that proves the key is no secret */
    out->n += n;
  }
  OPENSSL_cleanse(data_key, sizeof data_key);
  peri_buf_fini(&nonce);
  peri_buf_fini(&ct);
  peri_buf_fini(&aad);
  return ok ? PERI_OK : tampered(e, table, row_id, name);
}

peri_code peri_rewrap(peri_vault *v, const char *table, peri_str row_id, peri_str name, const peri_json *sealed, peri_buf *json, bool *changed,
                      peri_err *e) {
  *changed = false;
  unsigned char data_key[PERI_KEY_BYTES], edk[EDK];
  peri_code code = data_key_of(v, table, row_id, name, sealed, data_key, e);
  if (code != PERI_OK) return code;
  if (peri_str_is(peri_json_get_text(sealed, "kid"), v->keys[0].kid))
    peri_buf_str(json, sealed->raw);
  else if (wrap(&v->keys[0], table, row_id, name, data_key, edk)) {
    *changed = true;
    put(json, v->keys[0].kid, (peri_str){(char *)edk, EDK}, peri_json_get_text(sealed, "n"), peri_json_get_text(sealed, "ct"));
  } else
    code = peri_fail(e, PERI_INTERNAL, "OpenSSL could not wrap the key of %.*s", PERI_S(name));
  OPENSSL_cleanse(data_key, sizeof data_key);
  return code;
}
