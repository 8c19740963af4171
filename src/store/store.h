/* store/store: the only room with SQL. Opening, the lock, and the verbs of a run (the hot path). The catalogue of integrations, mappings,
 * templates and the reading verbs for commands are in store/catalog.h and store/report.h.
 *
 * One process holds PATH.lock and writes; inside it one thread writes at a time (the store has its own mutex around each verb, so verbs may be
 * called from the loop and from the writer thread). Readers open read-only. Every verb is one transaction unless it says otherwise. */
#ifndef PERI_STORE_STORE_H
#define PERI_STORE_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "json/tree.h"

typedef struct peri_store peri_store;

typedef enum peri_open_mode { PERI_OPEN_READ, PERI_OPEN_WRITE, PERI_OPEN_CREATE } peri_open_mode;
/* WRITE and CREATE take the lock; wait_ms is how long to wait for it; then BUSY names pid, command and since when. Both migrate an older schema
 * and mark open runs of a dead owner `interrupted`. Nothing is written before application_id and user_version are checked. */
peri_code peri_store_open(const char *path, peri_open_mode mode, int64_t wait_ms, const char *command, peri_store **out, peri_err *e);
void peri_store_close(peri_store *s);         /* checkpoints (TRUNCATE) if it was the writer */
uint64_t peri_store_hash_seed(peri_store *s); /* XXH3 seed of this database */
void peri_store_interrupt(peri_store *s);     /* from any thread: a statement under way ends with INTERRUPTED */
int64_t
peri_store_wal_bytes(peri_store *s); /* above 256 MB commits wait a little for readers, above 1 GB they answer BUSY until a checkpoint completes */
/* A sealed word proves the key: set by init/first open, checked before any write. */
/* Before the database is opened for writing: looks through a connection that writes nothing. */
peri_code peri_store_key_check_peek(const char *path, peri_arena *a, peri_str *sealed_json, peri_err *e);
peri_code peri_store_key_check_get(peri_store *s, peri_arena *a, peri_str *sealed_json, peri_err *e); /* {NULL,0} if none yet */
peri_code peri_store_key_check_set(peri_store *s, peri_str sealed_json, peri_err *e);

/* ---- cursors ---- */
typedef struct peri_cursor {
  peri_str phase;           /* "none" "full" "sweep" (read through, its deletions not yet done) "changes" */
  int64_t high;             /* position (ms, micro-units, integer); INT64_MIN none */
  int64_t seen_max;         /* greatest position committed in the phase under way; INT64_MIN none */
  int64_t phase_started_ms; /* server's Date at the first reply of the phase; -1 none */
  peri_str position;        /* JSON: where inside the phase (token, link, page, anchor), or a `since` value kept verbatim; "" none */
  peri_str shape;           /* hash of the stream's words */
  int64_t swept_ms;         /* when a complete sweep or full read last ended; -1 never */
} peri_cursor;
/* kind: "main", "archived", "partition:KEY", … */
peri_code peri_cursor_get(peri_store *s, peri_arena *a, peri_str integration_id, peri_str stream, peri_str kind, peri_cursor *out, peri_err *e);
/* Puts a cursor back, when the places that were committed with the pages turned out to lead nowhere. */
peri_code peri_cursor_reset(peri_store *s, peri_str integration_id, peri_str stream, peri_str kind, const peri_cursor *to, peri_err *e);

/* ---- runs ---- */
typedef struct peri_counters {
  int64_t processed, created, updated, unchanged, rejected, deleted, skipped, requests, retries, bytes;
} peri_counters;
peri_code peri_run_open(peri_store *s, peri_str integration_id, const char *kind, peri_str entities_json, peri_str generation, int64_t *run_seq,
                        char run_id[40], peri_err *e);
/* status: ok failed stopped interrupted. Sets integrations.last_sync (ok), status and updated_at in the same transaction. */
peri_code peri_run_close(peri_store *s, int64_t run_seq, const char *status, const peri_counters *c, peri_str entities_json, peri_code error_code,
                         peri_str error_text, peri_err *e);

/* ---- skipping: which records of a page are new, changed, or mapped by another plan ---- */
typedef struct peri_known {
  bool exists, same_raw, same_plan, deleted, merged; /* merged: dead because it was merged away */
} peri_known;
/* entities: the mapping entities (or the stream's own name); a record is skipped only if it is known and the same in all of them,
 * or has an open reject / unmapped row with the same raw_hash and plan. same_raw and same_plan are true only if mapping it again would change
 * nothing: a stale row and a tombstone that this record would lift never count as the same. A record that is skipped is still committed, as verdict
 * 5, once for each of the entities, so that it is counted and a sweep sees it. What was looked up here, the next commit of these records need not
 * look up again. */
peri_code peri_store_known(peri_store *s, peri_str integration_id, const peri_str *entities, const peri_str *plan_hashes, size_t entity_count,
                           const peri_str *keys, const uint8_t (*raw_hashes)[16], size_t count, peri_known *out, peri_err *e);

/* ---- the commit of a page: one transaction for rows, rejects, deletions, sweep marks, cursor and counters ---- */
typedef struct peri_commit_row {
  uint8_t verdict; /* 1 row, 2 reject, 3 skip (kept in `unmapped`), 4 deletion (tombstone), 5 unchanged (counted, seen), 6 merged away (tombstone with
                      merged_into) */
  peri_str entity, plan_hash;
  peri_str key;        /* external id of the row */
  peri_str record_key; /* of the record; equal to key unless the mapping has `rows` */
  uint8_t set;         /* rows of one record_key follow each other; the set replaces what was there */
  int64_t updated;     /* position, INT64_MIN none */
  uint8_t source;      /* remap: where the record was stored, as in peri_stored */
  uint8_t raw_hash[16], data_hash[16];
  peri_str data, raw, context, warnings;
  peri_str reject_json; /* verdict 2: {"externalId","entity","field","code","message","file","line","value","also"} */
  peri_str merged_into; /* verdict 6: survivor's key */
} peri_commit_row;
/* The request whose reply the rows of a commit came with; kept once something of it is written. */
typedef struct peri_origin {
  peri_str method, url; /* without credentials */
  int64_t page, at_ms;
} peri_origin;
typedef struct peri_commit {
  int64_t run_seq;
  int64_t run_started_ms; /* becomes synced_at of rows written */
  peri_str integration_id, stream, cursor_kind, generation, wanted_id;
  const peri_commit_row *rows;
  size_t row_count;
  const peri_origin *origin;        /* NULL: nothing was asked (remap) */
  const peri_cursor *cursor;        /* NULL: leave it */
  bool sweep;                       /* mark rows seen for the sweep under way */
  bool sweep_unproved;              /* a record of this listing has no readable key: nothing may be taken for gone, whoever ends it */
  bool sweep_anew;                  /* this run began the listing: marks of earlier ones are void, even of the same second */
  bool asks_more;                   /* a backfill of fields: unchanged records are noted as asked for with wanted_id, too */
  bool rollback;                    /* remap: what only another plan made of records that are refused now is taken back */
  int64_t requests, retries, bytes; /* added to the run's counters */
} peri_commit;
typedef struct peri_commit_result {
  peri_counters counted;
} peri_commit_result;
/* What it must hold: unchanged data (same data_hash) keeps updated_at and counts unchanged, raw is stored if its hash differs; an older stamp never
 * overwrites a newer one; a tombstone is lifted by a record with a later or no stamp; a rejected new version leaves the last good row with is_stale =
 * 1 and one open reject per record; a good version closes it; deltas keep data_count and error_count exact. Up to 10 commits may be given: one
 * transaction. */
peri_code peri_store_commit(peri_store *s, const peri_commit *commits, size_t count, peri_commit_result *results, peri_err *e);

/* Marks of a sweep belong to (integration, stream) and to the cursor's phase_started_ms: they outlive the run, so a listing that was killed is
 * resumed with its marks, and another phase_started_ms begins anew. After a complete full read or sweep without `since`: live rows of the stream not
 * seen in it become tombstones, unless PERI_DELETE_COUNT_FREE or more would vanish and more than share_percent of the live ones: then MASS_DELETE,
 * nothing is deleted, e tells numbers, samples and the answer, and the question is kept (store/question.h). */
peri_code peri_store_sweep_end(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str stream, const peri_str *entities,
                               size_t entity_count, int64_t share_percent, int64_t *deleted, peri_err *e);
/* The end of a sweep moves a main cursor that waits for it from `sweep` to `changes`, in the same transaction. */
/* Whether there are marks of the listing that began then, and no record that could not be told: only so may one that was resumed end in peri_store_sweep_end. */
peri_code peri_store_sweep_open(peri_store *s, peri_str integration_id, peri_str stream, int64_t phase_started_ms, bool *open, peri_err *e);
/* The records (raw, each once, in a) that peri_store_sweep_end would take for gone; none if there are more than `most`. Nothing is written. */
peri_code peri_store_sweep_missing(peri_store *s, peri_arena *a, int64_t run_seq, peri_str integration_id, peri_str stream, const peri_str *entities,
                                   size_t entity_count, size_t most, peri_str **raws, size_t *count, peri_err *e);
/* What may go by itself in a visit of partitions: `gone` of `live` went so far. More than the share waits as a question; asked tells that it did. */
typedef struct peri_visit_guard {
  int64_t share_percent, live, gone;
  bool asked, fresh; /* fresh: the first batch of a visit of all parents; an older question is void then */
} peri_visit_guard;
/* Partitions ("each") read to their end replace their sets: live rows whose key begins with one of the prefixes ("12:") and is not among keys become
 * tombstones. One transaction for the whole batch (up to a few thousand prefixes). cursor (may be NULL) is committed with it, under cursor_kind of
 * `stream`. guard NULL: whatever is missing goes. */
peri_code peri_store_partition_end(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str stream, peri_str entity,
                                   const peri_str *prefixes, size_t prefix_count, const peri_str *keys, size_t key_count, peri_str cursor_kind,
                                   const peri_cursor *cursor, peri_visit_guard *guard, int64_t *deleted, peri_err *e);
peri_code peri_store_live(peri_store *s, peri_str integration_id, peri_str entity, int64_t *rows, peri_err *e);

/* Parents for `each`: raw records of a stream's live rows by seq, changed since (run_seq greater) or all; at most `limit`. dead: the deleted ones
 * instead, without their raw. */
typedef struct peri_parent {
  int64_t seq;
  peri_str key, raw, context;
} peri_parent;
peri_code peri_store_parents(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, int64_t after_seq, int64_t changed_since_run_seq,
                             bool dead, size_t limit, peri_parent **out, size_t *count, peri_err *e);

/* ---- rejects that may stay refused ---- */
typedef struct peri_reject_filter {
  peri_str entity, code, field; /* empty: any */
} peri_reject_filter;
/* Open rejects become `discarded`: kept with their bytes, no longer counted as errors and not replayed. The same bytes coming again stay discarded, another
 * version opens anew. */
peri_code peri_store_discard(peri_store *s, peri_str integration_id, const peri_reject_filter *filter, int64_t *count, peri_err *e);
/* Open rejects of an entity that another plan than this one made. */
peri_code peri_store_replay_due(peri_store *s, peri_str integration_id, peri_str entity, peri_str plan_hash, int64_t *count, peri_err *e);

/* ---- remap and replay: stored records by seq ---- */
typedef struct peri_stored {
  int64_t seq;
  peri_str key, raw, context, plan_hash;
  uint8_t raw_hash[16];
  int64_t updated;
  uint8_t source; /* 0 integration_data, 1 rejects, 2 unmapped */
  bool has_row;   /* a reject: an older version of it has a row */
  peri_str code, field; /* of a reject */
} peri_stored;
/* A row that is dead because a rule left its record out is not given: its record is among the unmapped ones. */
peri_code peri_store_records(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, uint8_t source, int64_t after_seq, size_t limit,
                             peri_stored **out, size_t *count, peri_err *e);
/* What is stored of a record: its rows, and the row that is called KEY if it is another's. For a look at what a mapping would change. */
typedef struct peri_row_now {
  peri_str external, data;
  bool dead, stale, skipped, in_set, of_record, has_raw; /* skipped: dead because a rule left it out, or a rollback took it back; of_record: false for another record's row */
  bool final;                                    /* dead by its API's own word: only a later version lifts it */
  uint8_t raw_hash[16], data_hash[16];
  int64_t updated;
} peri_row_now;
peri_code peri_store_rows_now(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_str record_key, peri_str key, peri_row_now **out,
                              size_t *count, peri_err *e);
peri_code peri_store_last_seq(peri_store *s, uint8_t source, int64_t *seq, peri_err *e);
/* The different sets of names (commit.wanted_id) that the live rows of an entity were asked with; rows for which everything came have none. */
peri_code peri_store_wanted_sets(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_str **out, size_t *count, peri_err *e);
/* The same with their numbers, and the live rows that were fetched with one of the sets that `ids` (JSON array of numbers) names. */
typedef struct peri_wanted_set {
  int64_t id;
  peri_str names;
} peri_wanted_set;
peri_code peri_store_wanted_ids(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_wanted_set **out, size_t *count, peri_err *e);
peri_code peri_store_lacking(peri_store *s, peri_arena *a, peri_str integration_id, peri_str entity, peri_str ids, int64_t after_seq, size_t limit,
                             peri_stored **out, size_t *count, peri_err *e);
/* One batch of remapped rows in one transaction: synced_at untouched, rows whose raw_hash is no longer what was read are left; a row failing the new
 * plan keeps its data and plan and opens a reject (is_stale = 1). */
peri_code peri_store_remap(peri_store *s, const peri_commit *batch, peri_counters *counted, peri_err *e);

/* ---- taking a remap back (rollback.c) ---- */
typedef struct peri_remapped {
  peri_str path, at;           /* of the mapping; when the run began */
  int64_t seq, from_generation, to_generation;
} peri_remapped;
/* Notes before the first row is remapped by which files the rows were made so far; nothing if all are of these files already. */
peri_code peri_store_remap_note(peri_store *s, int64_t run_seq, peri_str integration_id, peri_str entity, peri_str path, peri_str generation, peri_str plan_hash, peri_err *e);
/* The last one that was not taken back, of an integration of the type (its name, or any); NOT_FOUND. */
peri_code peri_store_remap_last(peri_store *s, peri_arena *a, peri_str type, peri_str entity, peri_str integration, peri_remapped *out, peri_err *e);
peri_code peri_store_remap_undone(peri_store *s, peri_str type, peri_str entity, peri_str integration, const peri_remapped *r, peri_err *e);
/* A file as a generation had it; *found false if it had none. */
peri_code peri_store_generation_file(peri_store *s, peri_arena *a, int64_t generation, peri_str path, peri_str *bytes, bool *found, peri_err *e);

/* ---- small things a run keeps ---- */
peri_code peri_store_kept_set(peri_store *s, peri_str integration_id, peri_str settings_json,
                              peri_err *e); /* `keep`: merged into settings under "kept" */
peri_code peri_store_discovered_set(peri_store *s, peri_str integration_id, peri_str stream, peri_str fields_json, peri_err *e);
peri_code peri_store_discovered(peri_store *s, peri_arena *a, peri_str integration_id, peri_str *json /* {stream:{name:{…}}} */, int64_t *oldest_ms,
                                peri_err *e);
peri_code peri_store_rate_get(peri_store *s, peri_arena *a, peri_str account, peri_str *state_json, peri_err *e);
peri_code peri_store_rate_set(peri_store *s, peri_str account, peri_str state_json, peri_err *e);
peri_code peri_store_etag(peri_store *s, peri_arena *a, peri_str integration_id, peri_str url, peri_str *etag, peri_err *e);
peri_code peri_store_etag_set(peri_store *s, peri_str integration_id, peri_str url, peri_str etag, peri_err *e);
/* What is known of an integration's token, no secret among it (core/account.h lists the members); NULL if nothing is. */
peri_code peri_store_token(peri_store *s, peri_arena *a, peri_str integration_id, const peri_json **token, peri_err *e);
typedef struct peri_token_write {
  peri_str credentials_json; /* sealed, merged by name; empty: unchanged */
  peri_str token_json;       /* a merge patch (null takes a member away); empty: unchanged */
  peri_str kept_json;        /* a merge patch of the kept settings; empty: unchanged */
  const char *status;        /* of the integration, unless it is paused; NULL: unchanged */
} peri_token_write;
/* All of it or nothing, and on disk when it returns: tokens are committed before they are used. From any thread. */
peri_code peri_store_tokens_set(peri_store *s, peri_str integration_id, const peri_token_write *w, peri_err *e);

/* Retention: closed rejects, old runs, events; called at the end of a run. Bounded work. */
peri_code peri_store_retain(peri_store *s, peri_err *e);
/* Recount data_count and error_count and compare with what is stored (tests, doctor). */
peri_code peri_store_recount(peri_store *s, peri_str integration_id, int64_t *rows, int64_t *rejects, bool *equal, peri_err *e);

#endif
