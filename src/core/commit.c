/* core/commit: see the header. Decides what each record of a page is to the store; the store decides what that changes. */
#include "core/commit.h"
#include "core/backfill.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

typedef struct job {
  peri_feed *feed;
  peri_page *page;
  peri_commit commit;
  peri_commit_row *rows;
  size_t count, cap;
  peri_commit_result result;
  bool write;
  peri_err err;
  void (*done)(void *page, const peri_err *e);
} job;

static size_t entities_of(const peri_feed *f, peri_str *names, peri_str *hashes, size_t most) {
  if (!f->mapping_count) {
    names[0] = f->stream->name;
    hashes[0] = PERI_STR("");
    return 1;
  }
  size_t n = f->mapping_count < most ? f->mapping_count : most;
  for (size_t i = 0; i < n; i++) names[i] = f->mappings[i]->entity, hashes[i] = f->mappings[i]->hash;
  return n;
}

#define MAPPINGS_MAX 16

void peri_commit_bitmap(peri_feed *f, peri_page *p, peri_buf *bitmap) {
  size_t bytes = (p->count + 7) / 8 + 1;
  char *bits = peri_buf_room(bitmap, bytes);
  memset(bits, 0xff, bytes);
  bitmap->n += bytes;
  peri_str names[MAPPINGS_MAX], hashes[MAPPINGS_MAX];
  size_t entities = entities_of(f, names, hashes, MAPPINGS_MAX);
  peri_str *keys = peri_arena_take(p->arena, (p->count + 1) * sizeof *keys);
  uint8_t(*raw)[16] = peri_arena_take(p->arena, (p->count + 1) * sizeof *raw);
  peri_known *known = peri_arena_take(p->arena, (p->count + 1) * sizeof *known);
  for (size_t i = 0; i < p->count; i++) {
    keys[i] = p->records[i].key;
    memcpy(raw[i], p->records[i].raw_hash, 16);
  }
  peri_err e;
  if (peri_store_known(f->run->store, f->run->in->id, names, hashes, entities, keys, (const uint8_t(*)[16])raw, p->count, known, &e)) return; /* then all are mapped; the commit meets the same trouble */
  for (size_t i = 0; i < p->count; i++) {
    bool skip = known[i].exists && known[i].same_raw && known[i].same_plan && !known[i].deleted;
    if (skip || p->dropped[i] || p->records[i].removed) bits[i / 8] = (char)(bits[i / 8] & ~(1 << (i % 8)));
  }
}

/* ---- rows ---- */

static peri_commit_row *add(job *j) {
  if (j->count == j->cap) j->rows = peri_arena_grow(j->page->arena, j->rows, j->count, &j->cap, sizeof *j->rows);
  return &j->rows[j->count++];
}

static peri_commit_row base_row(const job *j, size_t record, const peri_mapping_info *m) {
  const peri_split_record *r = &j->page->records[record];
  peri_commit_row row = {.entity = m ? m->entity : j->feed->stream->name,
                         .plan_hash = m ? m->hash : PERI_STR(""),
                         .key = r->key,
                         .record_key = r->key,
                         .updated = r->updated,
                         .raw = peri_page_raw(j->page, record),
                         .context = r->context};
  memcpy(row.raw_hash, r->raw_hash, 16);
  return row;
}

static void add_for_all(job *j, size_t record, uint8_t verdict, peri_str key, peri_str merged_into) {
  for (size_t i = 0; i < (j->feed->mapping_count ? j->feed->mapping_count : 1); i++) {
    peri_commit_row row = base_row(j, record, j->feed->mapping_count ? j->feed->mappings[i] : NULL);
    row.verdict = verdict;
    if (key.n) row.key = row.record_key = key;
    row.merged_into = merged_into;
    *add(j) = row;
  }
}

/* A deletion of what was never stored, or is gone already, is no news: it is neither written nor counted. */
static void add_deletion(job *j, size_t record, uint8_t verdict, peri_str key, peri_str merged_into) {
  size_t before = j->count, kept = before;
  add_for_all(j, record, verdict, key, merged_into);
  for (size_t i = before; i < j->count; i++) {
    peri_commit_row *r = &j->rows[i];
    peri_known known = {0};
    peri_err e;
    peri_code code = peri_store_known(j->feed->run->store, j->feed->run->in->id, &r->entity, &r->plan_hash, 1, &r->key, (const uint8_t(*)[16])r->raw_hash, 1, &known, &e);
    if (code || (known.exists && (!known.deleted || (verdict == 6 && !known.merged)))) j->rows[kept++] = *r; /* where it went is news, even of the dead */
  }
  j->count = kept;
}

static void add_merged(job *j, size_t record) {
  const peri_split_record *r = &j->page->records[record];
  peri_json_fault fault;
  const peri_json *keys = r->merged.n ? peri_json_parse(j->page->arena, r->merged, &fault) : NULL;
  for (const peri_json *k = keys ? keys->first : NULL; k; k = k->next)
    if (k->text.n && !peri_str_eq(k->text, r->key)) add_deletion(j, record, 6, k->text, r->key);
}

/* What a reject or a warning shows of a value is meant for people and for logs. */
static peri_str without_secrets(const job *j, peri_str json) { return peri_redacted(j->page->arena, json); }

static void add_mapped(job *j, const peri_row_msg *m) {
  const peri_feed *f = j->feed;
  const peri_mapping_info *info = m->plan < f->mapping_count ? f->mappings[m->plan] : NULL;
  peri_commit_row row = base_row(j, m->index, info);
  row.verdict = m->verdict;
  row.set = m->set;
  if (m->key.n && m->verdict == 1) row.key = m->key;
  memcpy(row.data_hash, m->data_hash, 16);
  row.data = m->data;
  row.warnings = without_secrets(j, m->warnings);
  row.reject_json = without_secrets(j, m->reject);
  if (m->verdict == 2) {
    static const char timeout[] = "\"code\":\"script_timeout\"";
    peri_run_guard_record(&f->run->guard, memmem(m->reject.p, m->reject.n, timeout, sizeof timeout - 1) != NULL);
  }
  *add(j) = row;
}

static void make_rows(job *j) {
  peri_page *p = j->page;
  peri_feed *f = j->feed;
  j->cap = p->taken; /* as a rule: a record, a row */
  j->rows = peri_arena_take(p->arena, (j->cap + 1) * sizeof *j->rows);
  uint8_t *mapped = peri_arena_take(p->arena, p->taken + 1);
  for (size_t i = 0; i < p->row_count; i++) {
    const peri_row_msg *m = &p->rows[i];
    if (m->index >= p->taken) continue; /* over the limit */
    mapped[m->index] = 1;
    if (!p->dropped[m->index] && !p->records[m->index].removed) add_mapped(j, m);
  }
  for (size_t i = 0; i < p->taken; i++) {
    if (p->dropped[i]) continue;
    if (f->deletes || p->records[i].removed) {
      if (!p->records[i].bad) add_deletion(j, i, 4, (peri_str){0}, (peri_str){0});
    } else if (!mapped[i])
      add_for_all(j, i, 5, (peri_str){0}, (peri_str){0});
    add_merged(j, i);
  }
}

/* ---- writing ---- */

static void count_dry(job *j) {
  peri_counters *c = &j->result.counted;
  for (size_t i = 0; i < j->count; i++) {
    const peri_commit_row *r = &j->rows[i];
    peri_known known = {0};
    peri_err e;
    const uint8_t(*hash)[16] = (const uint8_t(*)[16])r->raw_hash;
    peri_store_known(j->feed->run->store, j->commit.integration_id, &r->entity, &r->plan_hash, 1, &r->key, hash, 1, &known, &e);
    switch (r->verdict) {
    case 1: known.exists && !known.deleted ? (known.same_raw && known.same_plan ? c->unchanged++ : c->updated++) : c->created++; break;
    case 2: c->rejected++; break;
    case 3: c->skipped++; break;
    case 4:
    case 6: c->deleted += known.exists && !known.deleted; break;
    default: c->unchanged++; break;
    }
  }
  c->processed = c->created + c->updated + c->unchanged + c->rejected + c->deleted;
}

/* Several pages that wait, of whatever runs, become one transaction. Where that fails each goes alone, so that a page with a fault does not take others
 * with it. After a page that could not be written none of its feed is: the cursor never passes over a page that is not there. */
static void work(void **selves, size_t count) {
  job **jobs = (job **)selves;
  peri_commit commits[PERI_GROUP_MOST];
  peri_commit_result results[PERI_GROUP_MOST];
  job *together[PERI_GROUP_MOST];
  size_t n = 0;
  peri_err e;
  for (size_t i = 0; i < count; i++)
    if (!jobs[i]->write) count_dry(jobs[i]);
    else if (jobs[i]->feed->unwritten.code) jobs[i]->err = jobs[i]->feed->unwritten;
    else commits[n] = jobs[i]->commit, together[n++] = jobs[i];
  bool fine = n > 1 && peri_store_commit(together[0]->feed->run->store, commits, n, results, &e) == PERI_OK;
  for (size_t i = 0; i < n; i++) {
    job *j = together[i];
    if (fine) j->result = results[i];
    else if (j->feed->unwritten.code) j->err = j->feed->unwritten;
    else if (peri_store_commit(j->feed->run->store, &j->commit, 1, &j->result, &j->err)) j->feed->unwritten = j->err;
  }
}

/* Counters by entity: the store counts a commit as a whole, so a page with several mappings is told apart here by share of rows. */
static void count(job *j) {
  peri_run *r = j->feed->run;
  peri_str name = j->feed->mapping_count ? j->feed->mappings[0]->entity : j->feed->stream->name;
  peri_run_count(r, name, &j->result.counted);
}

static void finished(void *self) {
  job *j = self;
  if (!j->err.code) count(j);
  peri_page *p = j->page;
  void (*done)(void *, const peri_err *) = j->done;
  peri_err e = j->err;
  free(j);
  done(p, &e);
}

void peri_commit_page(peri_feed *f, peri_page *p, bool keys_only, const peri_cursor *cursor, bool urgent, void (*done)(void *page, const peri_err *e)) {
  peri_run *r = f->run;
  job *j = peri_alloc(sizeof *j);
  j->feed = f;
  j->page = p;
  j->done = done;
  if (!keys_only) make_rows(j);
  bool keep_cursor = cursor && !r->options->limit;
  j->write = !r->options->dry_run;
  j->commit = (peri_commit){.run_seq = r->seq,
                            .run_started_ms = r->started_ms,
                            .integration_id = r->in->id,
                            .stream = f->stream->name,
                            .cursor_kind = f->cursor_kind.n ? f->cursor_kind : PERI_STR("main"),
                            .generation = peri_str_of(r->project->generation),
                            .wanted_id = r->wanted_id,
                            .rows = j->rows,
                            .row_count = j->count,
                            .origin = p->origin.url.n ? &p->origin : NULL,
                            .cursor = keep_cursor ? cursor : NULL,
                            .sweep = f->sweep,
                            .sweep_unproved = f->unreadable,
                            .sweep_anew = f->sweep_anew,
                            .asks_more = r->options->backfill && r->options->backfill->field_count,
                            .requests = r->pending_requests,
                            .retries = r->pending_retries,
                            .bytes = r->pending_bytes};
  r->pending_requests = r->pending_retries = r->pending_bytes = 0;
  peri_engine_post_group(r->g, &r->lane, work, finished, j, urgent);
}

void peri_commit_reply_keys(const peri_page *p, peri_buf *out) {
  peri_span v;
  peri_json_fault fault;
  if (!peri_json_check(peri_buf_view(&p->body), &v, &fault) || (v.type != PERI_J_OBJECT && v.type != PERI_J_ARRAY)) {
    peri_buf_c_str(out, "no JSON object");
    return;
  }
  if (v.type == PERI_J_ARRAY) {
    peri_buf_c_str(out, "a list at the top");
    return;
  }
  peri_span_iter it = peri_span_open(v);
  peri_span key, value;
  peri_buf scratch = {0};
  for (int n = 0; n < 8 && peri_span_next_member(&it, &key, &value); n++) {
    if (n) peri_buf_c_str(out, ", ");
    peri_str text = peri_span_text(key, &scratch);
    peri_buf_put(out, text.p, text.n < 40 ? text.n : 40);
    if (value.type == PERI_J_STRING && value.n < 80) {
      peri_buf_char(out, ' ');
      peri_buf_put(out, value.p, value.n);
    }
  }
  if (!out->n) peri_buf_c_str(out, "nothing");
  peri_buf_fini(&scratch);
}
