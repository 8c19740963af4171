/* store/maybe: a Bloom filter over the records that have an open or discarded reject or an unmapped row. A good row must close both, and nearly no good row
 * has either: the filter answers "surely not" without a look-up. Refuses to forget: a settled record costs a look-up until the next start. */
#include <xxhash.h>

#include "store/inside.h"

static uint64_t key_hash(peri_str integration_id, peri_str entity, peri_str key) {
  uint64_t h = XXH3_64bits_withSeed(integration_id.p, integration_id.n, 1);
  h = XXH3_64bits_withSeed(entity.p, entity.n, h);
  return XXH3_64bits_withSeed(key.p ? key.p : "", key.n, h);
}

#define BITS (PERI_MAYBE_BYTES * 8u)

static void put(peri_store *s, uint64_t h) {
  uint32_t a = (uint32_t)h % BITS, b = (uint32_t)(h >> 32) % BITS;
  s->maybe[a >> 3] |= (uint8_t)(1u << (a & 7));
  s->maybe[b >> 3] |= (uint8_t)(1u << (b & 7));
}

void peri_maybe_add(peri_store *s, peri_str integration_id, peri_str entity, peri_str record_key) {
  if (s->maybe) put(s, key_hash(integration_id, entity, record_key));
}

bool peri_maybe_has(const peri_store *s, peri_str integration_id, peri_str entity, peri_str record_key) {
  if (!s->maybe) return true;
  uint64_t h = key_hash(integration_id, entity, record_key);
  uint32_t a = (uint32_t)h % BITS, b = (uint32_t)(h >> 32) % BITS;
  return (s->maybe[a >> 3] >> (a & 7) & 1) && (s->maybe[b >> 3] >> (b & 7) & 1);
}

peri_code peri_maybe_load(peri_store *s, peri_err *e) {
  if (s->maybe) return PERI_OK;
  sqlite3_stmt *st = peri_prepare(s,
                                  "SELECT integration_id, entity_type, record_key FROM rejects WHERE state IN ('open', 'discarded')"
                                  " UNION ALL SELECT integration_id, entity_type, record_key FROM unmapped",
                                  e);
  if (!st) return peri_why(e);
  s->maybe = peri_alloc(PERI_MAYBE_BYTES);
  int rc;
  while ((rc = sqlite3_step(st)) == SQLITE_ROW) put(s, key_hash(peri_col(st, 0), peri_col(st, 1), peri_col(st, 2)));
  peri_code code = rc == SQLITE_DONE ? PERI_OK : peri_sql_fail(s, e, "read the rejects");
  sqlite3_finalize(st);
  return code;
}
