/* store/origin: which request brought a record. A page's request is written once, when something of the page is; retention lets go what is older than the
 * runs that are kept and named by no record.
 *
 * Whether a record names it can't be asked without an index on every table, so retention goes round: a slice of records a call marks the requests that
 * they name, and at the end of the round the unmarked ones go. A record written meanwhile names a younger request than the round is about.
 * Refuses to do more than a slice at a time. */
#include <stdio.h>

#include "store/catalog.h"
#include "store/inside.h"

#define SLICE 2000
#define ROUND_LEAST 1000 /* fewer old requests than this are not worth going round for */

peri_code peri_work_request(peri_work *w, peri_err *e) {
  const peri_origin *o = w->commit->origin;
  if (!o || w->request_seq != INT64_MIN) return PERI_OK;
  sqlite3_stmt *st = peri_stmt(w->s, PERI_Q_REQUEST_PUT, e);
  if (!st) return peri_why(e);
  peri_bind(st, "ititti", w->commit->run_seq, w->commit->stream, o->page, o->method, o->url, o->at_ms);
  peri_code code = peri_done(w->s, st, e, "note a request");
  if (code == PERI_OK) w->request_seq = sqlite3_last_insert_rowid(w->s->db);
  return code;
}

/* ---- retention ---- */

typedef struct peri_round {
  int64_t number, below, step, seq, left; /* about requests below `below` (0: none is under way); step: the table in work; seq: its last row looked at */
} peri_round;

/* In the order in which a record may move while a round lasts; remap keeps a row aside, and rollback brings it back: that is looked at on both ends. */
static const struct {
  const char *name, *seq, *request;
} tables[] = {{"remap_undo", "row_seq", "was_request_seq"},
              {"rejects", "seq", "request_seq"},
              {"unmapped", "seq", "request_seq"},
              {"integration_data", "seq", "request_seq"},
              {"remap_undo", "row_seq", "was_request_seq"}};
#define TABLES ((int64_t)(sizeof tables / sizeof *tables))

static peri_code load(peri_store *s, peri_round *r, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_str text = {0};
  peri_code code = peri_meta_get(s, a, "requests round", &text, e);
  long long n[5] = {0};
  if (code == PERI_OK && text.n) sscanf(text.p, "%lld %lld %lld %lld %lld", &n[0], &n[1], &n[2], &n[3], &n[4]);
  *r = (peri_round){n[0], n[1], n[2], n[3], n[4]};
  peri_arena_free(a);
  return code;
}

static peri_code save(peri_store *s, const peri_round *r, peri_err *e) {
  char text[128];
  snprintf(text, sizeof text, "%lld %lld %lld %lld %lld", (long long)r->number, (long long)r->below, (long long)r->step, (long long)r->seq, (long long)r->left);
  return peri_exec(s, e, "note a round", "INSERT INTO meta(key, value) VALUES('note.requests round', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                   "c", text);
}

static peri_code mark(peri_store *s, peri_round *r, peri_err *e) {
  char sql[400];
  int64_t last = 0;
  const char *seq = tables[r->step].seq, *request = tables[r->step].request, *table = tables[r->step].name;
  snprintf(sql, sizeof sql, "SELECT max(%s) FROM (SELECT %s FROM %s WHERE %s > ?1 ORDER BY %s LIMIT %d)", seq, seq, table, seq, seq, SLICE);
  peri_code code = peri_ask(s, e, &last, 0, sql, "i", r->seq);
  if (code != PERI_OK) return code;
  if (!last) {
    r->step++;
    r->seq = 0;
    return PERI_OK;
  }
  snprintf(sql, sizeof sql,
           "UPDATE requests SET marked = ?1 WHERE marked <> ?1 AND seq IN"
           " (SELECT %s FROM %s WHERE %s > ?2 AND %s <= ?3 AND %s < ?4)",
           request, table, seq, seq, request);
  code = peri_exec(s, e, "mark requests", sql, "iiii", r->number, r->seq, last, r->below);
  r->seq = last;
  return code;
}

static peri_code drop(peri_store *s, peri_round *r, peri_err *e) {
  char sql[200];
  snprintf(sql, sizeof sql, "DELETE FROM requests WHERE seq IN (SELECT seq FROM requests WHERE seq < ?1 AND marked <> ?2 LIMIT %d)", SLICE);
  peri_code code = peri_exec(s, e, "let old requests go", sql, "ii", r->below, r->number);
  if (code != PERI_OK || sqlite3_changes(s->db) == SLICE) return code;
  code = peri_ask(s, e, &r->left, 0, "SELECT count(*) FROM requests WHERE seq < ?1", "i", r->below);
  r->below = 0;
  return code;
}

peri_code peri_requests_retain(peri_store *s, peri_err *e) {
  peri_round r;
  int64_t below = 0, old = 0;
  peri_code code = load(s, &r, e);
  if (code == PERI_OK && !r.below) { /* another round pays once as many came to be old again */
    code = peri_ask(s, e, &below, INT64_MAX, "SELECT seq FROM requests WHERE run_seq >= (SELECT min(seq) FROM runs) ORDER BY seq LIMIT 1", "");
    if (code == PERI_OK) code = peri_ask(s, e, &old, 0, "SELECT count(*) FROM requests WHERE seq < ?1", "i", below);
    if (code != PERI_OK || old <= 2 * r.left + ROUND_LEAST) return code;
    r = (peri_round){.number = r.number + 1, .below = below, .left = r.left};
  }
  if (code == PERI_OK) code = r.step < TABLES ? mark(s, &r, e) : drop(s, &r, e);
  return code == PERI_OK ? save(s, &r, e) : code;
}
