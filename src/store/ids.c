/* store/ids: the numbers that stand for plans, generations and wanted sets in wide tables. Looked up once, then remembered by a hash of their text.
 */
#include <xxhash.h>

#include "store/inside.h"

static bool cached(const peri_store *s, uint64_t hash, int64_t *id) {
  for (unsigned i = 0; i < s->id_count; i++)
    if (s->ids[i].hash == hash) {
      *id = s->ids[i].id;
      return true;
    }
  return false;
}

static void remember(peri_store *s, uint64_t hash, int64_t id) {
  if (s->id_count == PERI_ID_CACHE) s->id_count = 0;
  s->ids[s->id_count++] = (peri_id_cached){hash, id};
}

static uint64_t mix(uint64_t h, peri_str s) { return XXH3_64bits_withSeed(s.p ? s.p : "", s.n, h); }

peri_code peri_plan_id(peri_store *s, peri_str integration_id, peri_str entity, peri_str hash, int64_t *id, peri_err *e) {
  *id = INT64_MIN;
  if (!hash.n) return PERI_OK;
  uint64_t h = mix(mix(mix(1, integration_id), entity), hash);
  if (cached(s, h, id)) return PERI_OK;
  static const char find[] = "SELECT p.seq FROM plans p JOIN integrations i ON i.type = p.type WHERE i.id = ?1 AND p.entity = ?2 AND p.hash = ?3";
  peri_code code = peri_ask(s, e, id, INT64_MIN, find, "ttt", integration_id, entity, hash);
  if (code == PERI_OK && *id == INT64_MIN && s->writer && s->in_tx) {
    char now[PERI_ISO_MAX];
    code = peri_exec(s, e, "note a plan", "INSERT INTO plans(type, entity, hash, created_at) SELECT type, ?2, ?3, ?4 FROM integrations WHERE id = ?1",
                     "tttc", integration_id, entity, hash, peri_now(now));
    if (code == PERI_OK) code = peri_ask(s, e, id, INT64_MIN, find, "ttt", integration_id, entity, hash);
  }
  if (code == PERI_OK && *id != INT64_MIN) remember(s, h, *id);
  return code;
}

static peri_code number(peri_store *s, uint64_t kind, peri_str text, const char *find, const char *make, int64_t *id, peri_err *e) {
  *id = INT64_MIN;
  if (!text.n) return PERI_OK;
  uint64_t h = mix(kind, text);
  if (cached(s, h, id)) return PERI_OK;
  peri_code code = peri_ask(s, e, id, INT64_MIN, find, "t", text);
  if (code == PERI_OK && *id == INT64_MIN) {
    char now[PERI_ISO_MAX];
    code = peri_exec(s, e, "note a generation", make, "tc", text, peri_now(now));
    if (code == PERI_OK) *id = sqlite3_last_insert_rowid(s->db);
  }
  if (code == PERI_OK) remember(s, h, *id);
  return code;
}

peri_code peri_generation_id(peri_store *s, peri_str hash, int64_t *id, peri_err *e) {
  return number(s, 2, hash, "SELECT seq FROM generations WHERE hash = ?1", "INSERT INTO generations(hash, created_at) VALUES(?1, ?2)", id, e);
}

peri_code peri_wanted_id(peri_store *s, peri_str wanted, int64_t *id, peri_err *e) {
  return number(s, 3, wanted, "SELECT seq FROM wanted_sets WHERE wanted = ?1", "INSERT INTO wanted_sets(wanted, created_at) VALUES(?1, ?2)", id, e);
}
