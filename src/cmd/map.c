/* cmd/map: records from a file or standard input through a mapping; rows to standard output, rejects to standard error or a file, both as NDJSON.
 * Stores nothing and asks no API. A record that brings the worker down is rejected; the others come out (core/page_retry). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/map_input.h"
#include "cmd/target.h"
#include "core/mapper.h"

#define BATCH_RECORDS 1000
#define BATCH_BYTES_MAX (4u << 20)
#define MAPPINGS_MAX 8
#define VIEW_PAGE 1
#define VIEW_RECORD 2

typedef struct mapping_job {
  peri_cli *c;
  peri_scripts *scripts;
  const peri_mapping_info *infos[MAPPINGS_MAX];
  size_t info_count;
  peri_buf views[2]; /* OPEN of VIEW_PAGE and VIEW_RECORD; the first is empty without a records path */
  peri_worker_config config;
  peri_worker *worker;
  peri_run_guard guard;
  uint32_t pages;
  int64_t records, rows, rejected, skipped;
  FILE *rejects;
  const char *rejects_path;
  bool key_free; /* a record may go without a key */
  bool lines;    /* the input's form: places are told as lines or as numbers */
} mapping_job;

/* What a worker said over one page, seen from here. */
typedef struct talk_state {
  peri_page *page;
  bool probing, replace, nonsense;
  uint32_t record;
  peri_code code;
  char text[PERI_ERROR_TEXT_MAX];
} talk_state;

/* ---- the worker ---- */

static peri_code open_once(mapping_job *j, peri_err *e) {
  peri_buf answer = {0};
  j->worker = peri_worker_start(&j->config, e);
  if (!j->worker) return e->code ? e->code : PERI_WORKER_LOST;
  peri_code code = peri_worker_ask(j->worker, PERI_K_LOAD, peri_buf_view(&j->scripts->load), PERI_K_LOADED, &answer, e);
  for (int i = 0; i < 2 && !code; i++) {
    if (!j->views[i].n) continue;
    code = peri_worker_ask(j->worker, PERI_K_OPEN, peri_buf_view(&j->views[i]), PERI_K_OPENED, &answer, e);
    if (code) break;
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    const peri_json *opened = peri_json_parse(a, peri_buf_view(&answer), &fault);
    peri_str message = peri_json_get_text(opened, "message");
    if (!peri_json_get_bool(opened, "ok", false))
      code = peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s:%lld: %.*s", PERI_S(j->infos[0]->path), (long long)peri_json_get_int(opened, "line", 0),
                       PERI_S(message));
    peri_arena_free(a);
  }
  peri_buf_fini(&answer);
  return code;
}

static void close_worker(mapping_job *j) {
  peri_worker_close(j->worker);
  j->worker = NULL;
}

/* The same files were loaded before, so a death here comes from outside: it is tried again. */
static peri_code open_worker(mapping_job *j, peri_err *e) {
  peri_code code = PERI_OK;
  for (int tries = 0; tries < 3; tries++) {
    code = open_once(j, e);
    if (!code || !j->worker || !peri_worker_death(j->worker)) break;
    close_worker(j);
  }
  return code;
}

static void on_fail(talk_state *t, const peri_frame *f) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *m = peri_json_parse(a, f->payload, &fault);
  peri_str name = peri_json_get_text(m, "code"), text = peri_json_get_text(m, "text");
  t->code = peri_code_named(name.p ? name.p : "", name.n);
  t->replace = peri_json_get_bool(m, "replace", false);
  t->record = (uint32_t)peri_json_get_int(m, "record", 0);
  snprintf(t->text, sizeof t->text, "%.*s", PERI_S(text));
  peri_arena_free(a);
}

static bool on_frame(void *self, const peri_frame *f) {
  talk_state *t = self;
  bool fine = true;
  if (f->kind == PERI_K_SPLIT && !t->page->split_done)
    fine = peri_page_take_split(t->page, f);
  else if (f->kind == PERI_K_ROWS)
    fine = peri_page_take_rows(t->page, f);
  else if (f->kind == PERI_K_FAIL)
    on_fail(t, f);
  t->nonsense |= !fine;
  return fine;
}

/* ---- rejects made here ---- */

/* The plan's field of that number, as the worker counts; currencies stand in the description without being counted. */
static const peri_json *field_named(const peri_json *plan, uint32_t number) {
  const peri_json *fields = peri_json_get(plan, "fields");
  uint32_t n = 0;
  for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
    if (peri_str_ends(peri_json_get_text(f, "lineage"), PERI_STR(" -> currency"))) continue;
    if (n++ == number) return f;
  }
  return NULL;
}

static void put_or_null(peri_jw *w, const char *key, peri_str text) {
  if (text.n)
    peri_jw_kv(w, key, text);
  else
    peri_jw_kv_raw(w, key, PERI_STR("null"));
}

typedef struct made_reject {
  peri_str key, field, message;
  const char *code;
  int64_t line;
} made_reject;

static void put_made(const mapping_job *j, const made_reject *r, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  put_or_null(&w, "externalId", r->key);
  peri_jw_kv(&w, "entity", j->infos[0]->entity);
  put_or_null(&w, "field", r->field);
  peri_jw_kv_c(&w, "code", r->code);
  peri_jw_kv(&w, "message", r->message);
  peri_jw_kv(&w, "file", j->infos[0]->path);
  if (r->line)
    peri_jw_kv_int(&w, "line", r->line);
  else
    peri_jw_kv_raw(&w, "line", PERI_STR("null"));
  peri_jw_end_object(&w);
}

static void blame_record(mapping_job *j, peri_page *p, const peri_blame *b) {
  const peri_json *f = b->field == UINT32_MAX ? NULL : field_named(j->infos[0]->plan, b->field);
  peri_buf json = {0};
  made_reject r = {.key = b->record < p->count && !j->key_free ? p->records[b->record].key : (peri_str){0},
                   .field = peri_json_get_text(f, "name"),
                   .message = peri_str_of(b->text),
                   .code = peri_code_name(b->code),
                   .line = peri_json_get_int(f, "line", 0)};
  put_made(j, &r, &json);
  if (p->row_count == p->row_cap) p->rows = peri_arena_grow(p->arena, p->rows, p->row_count, &p->row_cap, sizeof *p->rows);
  p->rows[p->row_count++] = (peri_row_msg){.index = b->record, .verdict = 2, .reject = peri_arena_str(p->arena, peri_buf_view(&json))};
  p->rows_kept = p->row_count;
  peri_buf_fini(&json);
}

/* ---- one page, until each of its records has an answer ---- */

static peri_code send_part(mapping_job *j, peri_page *p, uint32_t first, uint32_t count, talk_state *t, peri_err *e) {
  peri_buf b = {0};
  peri_page_msg msg = {.page = p->number,
                       .view = p->view,
                       .flags = t->probing ? PERI_PAGE_SPLIT_ONLY : PERI_PAGE_MAP_ALL,
                       .first = first,
                       .count = count,
                       .bytes = peri_buf_view(&p->body)};
  if (p->packed) msg.flags |= PERI_PAGE_RECORDS;
  peri_page_put(&b, &msg);
  peri_code code = peri_worker_talk(j->worker, PERI_K_PAGE, peri_buf_view(&b), t->probing ? PERI_K_SPLIT : PERI_K_DONE, on_frame, t, e);
  peri_buf_fini(&b);
  return code;
}

static peri_code map_page(mapping_job *j, peri_page *p, peri_err *e) {
  peri_page_retry_begin(&p->retry, PERI_RECORDS_UNKNOWN);
  p->number = ++j->pages;
  for (;;) {
    uint32_t first = 0, count = 0;
    talk_state t = {.page = p, .probing = !p->split_done && p->retry.deaths > 0};
    if (!t.probing && !peri_page_retry_next(&p->retry, &first, &count)) return PERI_OK;
    peri_code code = j->worker ? PERI_OK : open_worker(j, e);
    if (code) return code;
    code = send_part(j, p, first, count, &t, e);
    if (!code) {
      if (p->retry.busy) peri_page_retry_done(&p->retry, &j->guard);
      p->rows_kept = p->row_count;
      continue;
    }
    p->row_count = p->rows_kept;
    if (!p->split_done) p->count = 0;
    if (t.nonsense) return peri_fail(e, PERI_WORKER_LOST, "the worker answered what is not in its page");
    const peri_death *death = peri_worker_death(j->worker);
    if (!death && !t.replace) return code;
    peri_blame blame;
    peri_retry what = t.replace ? peri_page_retry_fail(&p->retry, &j->guard, t.record, t.code, peri_str_of(t.text), &blame)
                                : peri_page_retry_death(&p->retry, &j->guard, death, &blame);
    close_worker(j);
    if (what == PERI_RETRY_STOP) return peri_fail(e, blame.code, "%s", blame.text);
    if (what == PERI_RETRY_REJECT) blame_record(j, p, &blame);
  }
}

/* ---- printing ---- */

/* The worker's reject with absent things as null, and with the place in the input where no key tells which record it is. */
static void put_reject(mapping_job *j, peri_str reject, int64_t place) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  peri_buf out = {0};
  peri_jw w;
  const peri_json *r = peri_json_parse(a, reject, &fault);
  bool nameless = !peri_json_get_text(r, "externalId").n;
  static const char twice[] = "no sound JSON: line 1, ";
  peri_jw_init(&w, &out);
  peri_jw_object(&w);
  for (const peri_json *m = r ? r->first : NULL; m; m = m->next) {
    peri_jw_key(&w, m->key);
    bool empty = (m->type == PERI_J_STRING && !m->text.n) || (m->type == PERI_J_NUMBER && peri_str_is(m->key, "line") && peri_str_is(m->text, "0"));
    if (empty && !peri_str_is(m->key, "message"))
      peri_jw_null(&w);
    else if (nameless && place && peri_str_is(m->key, "message")) {
      const char *at = j->lines ? memmem(m->text.p, m->text.n, twice, sizeof twice - 1) : NULL; /* the line is the input's: told once */
      size_t head = at ? (size_t)(at - m->text.p) + strlen("no sound JSON: ") : m->text.n;
      peri_str tail = at ? peri_str_from(m->text, head + strlen("line 1, ")) : (peri_str){"", 0};
      peri_jw_text(&w, peri_arena_fmt(a, "%s %lld: %.*s%.*s", j->lines ? "line" : "record", (long long)place, (int)head, m->text.p, PERI_S(tail)));
    } else
      peri_jw_raw(&w, m->raw);
  }
  peri_jw_end_object(&w);
  fwrite(out.p, 1, out.n, j->rejects);
  fputc('\n', j->rejects);
  peri_buf_fini(&out);
  peri_arena_free(a);
}

/* places: line or number of each record; NULL: numbered from 1 */
static peri_code print_page(mapping_job *j, const peri_page *p, const int64_t *places, peri_err *e) {
  j->records += (int64_t)p->count;
  for (size_t i = 0; i < p->row_count; i++) {
    const peri_row_msg *r = &p->rows[i];
    int64_t place = places ? places[r->index] : (int64_t)r->index + 1;
    if (r->verdict == 1) {
      j->rows++;
      fwrite(r->data.p, 1, r->data.n, stdout);
      putchar('\n');
      if (r->warnings.n) peri_log(PERI_INFO, "map", "record=%lld warnings=%.*s", (long long)place, PERI_S(r->warnings));
    } else if (r->verdict == 2) {
      j->rejected++;
      put_reject(j, r->reject, place);
    } else
      j->skipped++;
    bool late = r->verdict == 2 && memmem(r->reject.p, r->reject.n, "\"code\":\"script_timeout\"", 23);
    if (!peri_run_guard_record(&j->guard, late))
      return peri_fail(e, PERI_SCRIPT_TIMEOUT, "%d records in a row ran out of time; stopped", PERI_RUN_TIMEOUTS_MAX);
  }
  if (ferror(stdout)) return peri_fail(e, PERI_IO, "standard output can't be written: %s", strerror(errno));
  if (ferror(j->rejects))
    return peri_fail(e, PERI_IO, "%s can't be written: %s", j->rejects_path ? j->rejects_path : "standard error", strerror(errno));
  return PERI_OK;
}

/* ---- forms of input ---- */

static peri_code map_document(mapping_job *j, peri_input *in, peri_err *e) {
  peri_code code = PERI_OK;
  for (int i = 0; i < 2; i++) { /* a page of the stream, or else one record */
    if (!j->views[i].n) continue;
    peri_page *p = peri_page_new();
    p->view = i ? VIEW_RECORD : VIEW_PAGE;
    p->map_all = true;
    peri_buf_str(&p->body, peri_input_document(in));
    code = map_page(j, p, e);
    bool found = p->records_found;
    if (code == PERI_BAD_REPLY) e->code = code = PERI_INVALID, peri_err_prefix(e, "%s", in->name);
    if (!code && found) code = print_page(j, p, NULL, e);
    peri_page_free(p);
    if (code || found) return code;
  }
  return code;
}

static void reject_large(mapping_job *j, int64_t place) {
  peri_buf json = {0};
  char text[100];
  snprintf(text, sizeof text, "the record has more than %u bytes", PERI_RECORD_BYTES_MAX);
  made_reject made = {.message = peri_str_of(text), .code = "invalid_json"};
  put_made(j, &made, &json);
  put_reject(j, peri_buf_view(&json), place);
  peri_buf_fini(&json);
  j->records++;
  j->rejected++;
}

static peri_code map_batch(mapping_job *j, peri_page *p, const int64_t *places, peri_err *e) {
  p->view = VIEW_RECORD;
  p->map_all = p->packed = true;
  peri_code code = map_page(j, p, e);
  return code ? code : print_page(j, p, places, e);
}

static peri_code map_records(mapping_job *j, peri_input *in, peri_err *e) {
  int64_t *places = peri_alloc(BATCH_RECORDS * sizeof *places);
  bool more = true;
  peri_code code = PERI_OK, late = PERI_OK;
  peri_err why = {0};
  while (more && !code && !late) {
    peri_page *p = peri_page_new();
    size_t n = 0;
    while (n < BATCH_RECORDS && p->body.n < BATCH_BYTES_MAX) {
      peri_input_record r;
      late = peri_input_next(in, &r, &more, &why); /* what came before a broken place is still mapped */
      if (late || !more) break;
      int64_t place = j->lines ? r.line : in->records;
      if (r.too_large) {
        reject_large(j, place);
        continue;
      }
      peri_record_put(&p->body, r.text, (peri_str){"", 0});
      places[n++] = place;
    }
    if (n) code = map_batch(j, p, places, e);
    peri_page_free(p);
  }
  free(places);
  if (!code && late) *e = why, code = late;
  return code;
}

/* ---- views ---- */

static void own_view(const mapping_job *j, const peri_target *t, uint32_t view, bool key_free, const peri_str *paths, peri_buf *json) {
  const peri_json *key = peri_json_get(j->infos[0]->plan, "key");
  peri_jw w;
  peri_jw_init(&w, json);
  peri_jw_object(&w);
  peri_jw_kv_int(&w, "view", view);
  peri_jw_kv(&w, "stream", t->entity);
  peri_jw_kv(&w, "type", t->type);
  peri_jw_key_c(&w, "mappings");
  peri_jw_array(&w);
  for (size_t i = 0; i < j->info_count; i++) peri_jw_text(&w, paths[i]);
  peri_jw_end_array(&w);
  if (key) peri_jw_kv_raw(&w, "key", key->raw);
  if (key_free) peri_jw_kv_bool(&w, "keyFree", true);
  peri_jw_kv_c(&w, "records", "");
  peri_jw_kv_c(&w, "format", "json");
  peri_jw_end_object(&w);
}

/* The stream's words as a sync reads them, so that a key or a page is here what it is there. */
static void make_views(mapping_job *j, const peri_target *t, bool key_free) {
  peri_str paths[MAPPINGS_MAX] = {{NULL, 0}}, type;
  for (size_t i = 0; i < j->info_count; i++) paths[i] = j->infos[i]->path;
  peri_str stream_name = peri_str_cut(j->infos[0]->from, '.', &type);
  const peri_stream *s = j->scripts->connector ? peri_connector_stream(j->scripts->connector, stream_name) : NULL;
  const peri_request *q = s ? s->full ? s->full : s->changes : NULL;
  if (!s || key_free) {
    own_view(j, t, VIEW_RECORD, key_free, paths, &j->views[1]);
    return;
  }
  peri_request any = {.method = "GET", .records = PERI_STR(""), .format = PERI_STR("json")};
  peri_stream_open_json(s, &any, VIEW_RECORD, t->type, paths, j->info_count, NULL, 0, &j->views[1]);
  if (!q || !q->records.n || peri_str_is(q->records, "[]")) return;
  peri_request page = *q;
  page.format = PERI_STR("json"); /* NDJSON is seen by its form, not by what the stream says */
  peri_stream_open_json(s, &page, VIEW_PAGE, t->type, paths, j->info_count, NULL, 0, &j->views[0]);
}

/* ---- the command ---- */

static peri_code map_all(mapping_job *j, const char *path, peri_err *e) {
  peri_input in;
  if ((!path || strcmp(path, "-") == 0) && isatty(STDIN_FILENO) && !j->c->quiet) fputs("records from the keyboard; their end: Ctrl-D\n", stderr);
  peri_code code = peri_input_open(&in, path, e);
  j->lines = in.form == PERI_FORM_LINES;
  if (!code && in.form == PERI_FORM_DOCUMENT)
    code = map_document(j, &in, e);
  else if (!code && in.form != PERI_FORM_NOTHING)
    code = map_records(j, &in, e);
  peri_input_close(&in);
  return code;
}

static peri_code prepare(mapping_job *j, peri_arena *a, peri_session *s, peri_err *e) {
  peri_target t;
  bool rows_alone = peri_cli_has(j->c, "rows-alone");
  peri_code code = peri_target_read(a, j->c->args[0], &t, e);
  if (code) return code;
  peri_target_options o = {.integration = peri_cli_value(j->c, "integration"), .rows_alone = rows_alone, .key_free = true};
  code = peri_target_load(a, s, &t, &o, &j->scripts, e);
  if (!code) code = peri_target_mappings(j->scripts, &t, j->infos, MAPPINGS_MAX, &j->info_count, e);
  if (code) return code;
  j->key_free = peri_mapping_is_rows(j->infos[0]);
  make_views(j, &t, j->key_free);
  if (s->store) j->config.hash_seed = peri_store_hash_seed(s->store);
  peri_scripts_limits(j->scripts, &j->config);
  return PERI_OK;
}

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  mapping_job j = {.c = c, .rejects = stderr, .rejects_path = peri_cli_value(c, "rejects")};
  peri_arena *a = peri_arena_new();
  peri_code code = peri_session_open(c, PERI_NEED_READ, &s, &e);
  bool open = !code;
  if (!code) code = prepare(&j, a, &s, &e);
  if (!code && j.rejects_path && !(j.rejects = fopen(j.rejects_path, "we")))
    code = peri_fail(&e, PERI_IO, "%s can't be written: %s", j.rejects_path, strerror(errno));
  if (!code) code = map_all(&j, c->arg_count > 1 ? c->args[1] : NULL, &e);
  fflush(stdout);
  if (j.rejects && j.rejects != stderr && fclose(j.rejects) != 0 && !code)
    code = peri_fail(&e, PERI_IO, "%s can't be written: %s", j.rejects_path, strerror(errno));
  if (!code && !c->quiet && peri_cli_terminal(STDERR_FILENO))
    fprintf(stderr, "%lld records: %lld rows, %lld rejected%s\n", (long long)j.records, (long long)j.rows, (long long)j.rejected,
            j.skipped ? ", the others skipped by a rule" : "");
  close_worker(&j);
  for (int i = 0; i < 2; i++) peri_buf_fini(&j.views[i]);
  peri_scripts_close(j.scripts);
  if (open) peri_session_close(&s);
  peri_arena_free(a);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {
    {"rejects", "FILE", false, "write rejects there, not to standard error"},
    {"integration", "NAME", false, "with this integration's settings, labels and own mappings (mappings/@NAME/)"},
    {"rows-alone", NULL, false, "only the field mappings made with perilune mappings add, without mapping files; no key is needed"},
};
const peri_command peri_command_map = {
    "map",
    "TYPE/ENTITY [FILE|-] [--rejects FILE] [--integration NAME]",
    "transform records from a file or standard input; nothing is stored",
    "Reads one object, an array, NDJSON (a record a line), objects one after another, or a page as the API answers it (an object that holds the\n"
    "stream's list). Rows go to standard output as NDJSON, one a line; rejects to standard error or --rejects FILE, also as NDJSON:\n"
    "{\"externalId\",\"entity\",\"field\",\"code\",\"message\",\"file\",\"line\"}.\n\n"
    "A reject is a result, not a failure: the exit code stays 0. It is 1 when the input is no JSON or the mapping is broken. A broken line of "
    "NDJSON\n"
    "costs that line alone (code invalid_json). Works without a project, too: then with the mappings that come with perilune.\n\n"
    "  curl -s https://api…/contacts | perilune map hubspot/contact\n"
    "  perilune map hubspot/contact contacts.ndjson --rejects bad.ndjson > rows.ndjson",
    1,
    2,
    flags,
    3,
    run};
