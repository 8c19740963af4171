/* script/emu_control: /_emulator/…: what a test or a demo steers an emulator with. Needs no credential, spends no limit, is not logged.
 * GET  (or /_emulator/)   what there is            GET  requests?last=N   calls seen, by method and path, and the last ones
 * GET  count              live and archived rows   POST reset             everything as at the start
 * POST change|create|archive|restore|remove        {"entity","count","stamps":"distinct"|"equal","ids":[…]}
 * POST fault              {"path","method","status","body","retryAfter","delay_ms","cut":"headers"|"body"|"hang","garbage","times","after","percent","seed"}
 *                         or {"clear":true}
 * POST expire             {"now":true} ends every issued token; {"seconds":N} is how long later ones live; {"seconds":null} as written
 * POST rate               {"on":false}, {"search":"2/s"}
 * POST webhooks           {"url","secret","twice","backwards"}; {"url":null} ends them */
#include "script/emu.h"

#define DEFAULT_LAST 100

static void begin(peri_emulator *em, peri_jw *w) {
  peri_buf_clear(&em->body);
  peri_jw_init(w, &em->body);
  peri_jw_object(w);
}

static void end(peri_emulator *em, peri_jw *w, peri_answer *a) {
  peri_jw_end_object(w);
  a->status = 200;
  a->body = peri_buf_view(&em->body);
  a->headers_json = PERI_STR("{\"content-type\":\"application/json;charset=utf-8\"}");
}

static void put_counts(peri_emulator *em, peri_jw *w) {
  for (size_t i = 0; i < em->table_count; i++) {
    const peri_emu_table *t = &em->tables[i];
    peri_jw_key(w, t->name);
    peri_jw_object(w);
    peri_jw_kv_int(w, "live", (int64_t)(t->row_count - t->archived_count));
    peri_jw_kv_int(w, "archived", (int64_t)t->archived_count);
    peri_jw_end_object(w);
  }
}

static void show_requests(peri_emulator *em, const peri_json *query, peri_answer *a) {
  int64_t last = peri_json_get_int(query, "last", DEFAULT_LAST);
  peri_jw w;
  begin(em, &w);
  peri_jw_kv_int(&w, "total", (int64_t)em->served);
  peri_jw_key_c(&w, "counts");
  peri_jw_object(&w);
  for (size_t i = 0; i < em->counts.count; i++) {
    uint64_t count = *(uint64_t *)em->counts.items[i].value;
    if (!count) continue;
    peri_jw_key(&w, em->counts.items[i].key);
    peri_jw_u64(&w, count);
  }
  peri_jw_end_object(&w);
  peri_jw_key_c(&w, "last");
  peri_jw_array(&w);
  int64_t have = em->served < PERI_EMU_LOG_MAX ? (int64_t)em->served : PERI_EMU_LOG_MAX;
  if (last > have || last < 0) last = have;
  for (int64_t i = last; i > 0; i--) {
    const peri_emu_seen *s = &em->seen[(em->seen_next + PERI_EMU_LOG_MAX - (size_t)i) % PERI_EMU_LOG_MAX];
    peri_jw_object(&w);
    peri_jw_kv_int(&w, "number", (int64_t)s->number);
    peri_jw_kv_int(&w, "at", s->at_ms);
    peri_jw_kv_c(&w, "method", s->method);
    peri_jw_kv_c(&w, "path", s->path);
    peri_jw_kv_c(&w, "query", s->query);
    peri_jw_kv_int(&w, "status", s->status);
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
  end(em, &w, a);
}

/* ---- changing data ---- */

/* The rows that a command means: those named, or `count` of them spread evenly over the live (or archived) ones. Keys are copied: rows move. */
static peri_str *choose(peri_emulator *em, peri_emu_table *t, const peri_json *m, bool archived, size_t *count) {
  const peri_json *ids = peri_json_get(m, "ids");
  if (ids) {
    peri_str *keys = peri_arena_take(em->work, (ids->count + 1) * sizeof *keys);
    *count = 0;
    for (const peri_json *id = ids->first; id; id = id->next) keys[(*count)++] = peri_json_str(id);
    return keys;
  }
  int64_t asked = peri_json_get_int(m, "count", 1);
  size_t have = archived ? t->archived_count : t->row_count - t->archived_count, seen = 0, got = 0;
  size_t want = asked < 0 ? 0 : (size_t)asked < have ? (size_t)asked : have;
  peri_str *keys = peri_arena_take(em->work, (want + 1) * sizeof *keys);
  for (size_t i = 0; i < t->row_count && got < want; i++) {
    if (t->rows[i]->archived != archived) continue;
    if (seen >= got * have / want) keys[got++] = peri_arena_str(em->work, t->rows[i]->key);
    seen++;
  }
  *count = got;
  return keys;
}

static void put_failure(peri_emulator *em, const peri_call_fault *fault, peri_answer *a) {
  peri_str text = fault->line ? peri_arena_fmt(em->work, "%s:%d: %s", fault->file, fault->line, fault->text) : peri_arena_fmt(em->work, "%s", fault->text);
  peri_emu_error(em, a, 500, text.p);
}

static bool create_rows(peri_emulator *em, peri_emu_table *t, size_t count, peri_str *keys, peri_call_fault *fault) {
  for (size_t i = 0; i < count; i++) {
    size_t before = t->row_count;
    if (!peri_emu_make_row(em, t, ++t->made, "create", fault)) return false;
    keys[i] = t->row_count > before ? peri_arena_str(em->work, t->rows[t->row_count - 1]->key) : (peri_str){"", 0};
  }
  return true;
}

static void change_rows(peri_emulator *em, const char *verb, const peri_json *m, peri_answer *a) {
  peri_str entity = peri_json_get_text(m, "entity");
  peri_emu_table *t = entity.n ? peri_emu_table_named(em, entity) : em->table_count ? &em->tables[0] : NULL;
  if (!t) {
    peri_emu_error(em, a, 404, "no such entity");
    return;
  }
  bool create = strcmp(verb, "create") == 0, restore = strcmp(verb, "restore") == 0, remove = strcmp(verb, "remove") == 0;
  bool equal = peri_str_is(peri_json_get_text(m, "stamps"), "equal");
  peri_call_fault fault = {.code = PERI_OK};
  size_t count = 0;
  peri_str *keys;
  bool ok = true;
  if (create) {
    int64_t asked = peri_json_get_int(m, "count", 1);
    count = asked < 0 ? 0 : asked > PERI_EMU_ROWS_MAX ? PERI_EMU_ROWS_MAX : (size_t)asked;
    keys = peri_arena_take(em->work, (count + 1) * sizeof *keys);
    ok = create_rows(em, t, count, keys, &fault);
  } else {
    keys = choose(em, t, m, restore, &count);
    for (size_t i = 0; ok && i < count; i++) {
      peri_emu_row *row = peri_emu_find(t, keys[i]);
      if (!row) continue;
      if (remove) {
        peri_emu_tell(em, t, row->key, "remove", row->json, (peri_str){NULL, 0}, (peri_str){NULL, 0});
        peri_emu_remove(t, keys[i]);
      } else {
        ok = peri_emu_touch(em, t, row, verb, equal ? em->now_ms : em->now_ms - (int64_t)(count - 1 - i), &fault);
      }
    }
  }
  if (!ok) {
    put_failure(em, &fault, a);
    return;
  }
  peri_jw w;
  begin(em, &w);
  peri_jw_kv(&w, "entity", t->name);
  peri_jw_kv_int(&w, "count", (int64_t)count);
  peri_jw_key_c(&w, "ids");
  peri_jw_array(&w);
  for (size_t i = 0; i < count; i++) peri_jw_text(&w, keys[i]);
  peri_jw_end_array(&w);
  end(em, &w, a);
}

/* ---- steering ---- */

static bool add_fault(peri_emulator *em, const peri_json *m, peri_answer *a) {
  if (!em->faults) em->faults = peri_alloc(PERI_EMU_FAULTS_MAX * sizeof *em->faults);
  if (peri_json_get_bool(m, "clear", false)) {
    em->fault_count = 0;
    return true;
  }
  size_t kept = 0; /* spent ones make room */
  for (size_t i = 0; i < em->fault_count; i++)
    if (em->faults[i].times != 0) em->faults[kept++] = em->faults[i];
  em->fault_count = kept;
  if (em->fault_count == PERI_EMU_FAULTS_MAX) {
    peri_emu_error(em, a, 400, "100 faults are waiting already");
    return false;
  }
  peri_str path = peri_json_get_text(m, "path"), cut = peri_json_get_text(m, "cut");
  const peri_json *share = peri_json_get(m, "percent"), *seed = peri_json_get(m, "seed");
  int64_t percent = peri_json_int(share, 0);
  if (share && (percent < 1 || percent > 100)) {
    peri_emu_error(em, a, 400, "percent is a whole number from 1 to 100");
    return false;
  }
  if (seed) em->fault_random = (uint64_t)peri_json_int(seed, 0); /* one seed, one sequence of strikes */
  peri_emu_fault f = {.path = peri_arena_str(em->arena, path.n ? path : PERI_STR("*")),
                      .method = peri_arena_str(em->arena, peri_json_get_text(m, "method")),
                      .body = peri_arena_str(em->arena, peri_json_get_text(m, "body")),
                      .status = (int)peri_json_get_int(m, "status", 0),
                      .delay_ms = (int)peri_json_get_int(m, "delay_ms", 0),
                      .garbage = peri_json_get_bool(m, "garbage", false),
                      .times = peri_json_get_int(m, "times", 1),
                      .after = peri_json_get_int(m, "after", 0),
                      .percent = percent,
                      .has_retry_after = peri_json_get(m, "retryAfter") != NULL,
                      .retry_after = peri_json_get_int(m, "retryAfter", 0),
                      .cut = peri_str_is(cut, "headers") ? 1 : peri_str_is(cut, "body") ? 2 : peri_str_is(cut, "hang") ? 3 : 0};
  bool does = f.status || f.delay_ms || f.garbage || f.cut;
  if (!does || (cut.n && !f.cut) || (f.status && (f.status < 100 || f.status > 599)) || f.delay_ms < 0 || f.delay_ms > 600000) {
    peri_emu_error(em, a, 400, "a fault needs status (100 to 599), delay_ms (up to 600000), cut (headers, body, hang) or garbage");
    return false;
  }
  em->faults[em->fault_count++] = f;
  return true;
}

static void set_life(peri_emulator *em, const peri_json *m) {
  const peri_json *seconds = peri_json_get(m, "seconds");
  if (seconds) em->life_s = seconds->type == PERI_J_NULL ? -1 : peri_json_int(seconds, -1);
  if (peri_json_get_bool(m, "now", !seconds))
    for (size_t i = 0; i < em->token_count; i++)
      if (em->tokens[i].expires_ms > em->now_ms) em->tokens[i].expires_ms = em->now_ms - 1000;
}

static bool set_rates(peri_emulator *em, const peri_json *m, peri_answer *a) {
  em->rates_on = peri_json_get_bool(m, "on", em->rates_on);
  for (const peri_json *each = m ? m->first : NULL; each; each = each->next) {
    if (peri_str_is(each->key, "on")) continue;
    peri_emu_class *c = peri_emu_class_named(em, each->key);
    peri_emu_limit limit;
    if (!c || !c->limit_count || !peri_rate_read(peri_json_str(each), &limit.many, &limit.per_ms)) {
      peri_emu_error(em, a, 400, "a rate is {\"on\":false} or {\"CLASS\":\"100/10s\"}");
      return false;
    }
    c->limits[0] = limit;
  }
  return true;
}

static bool set_webhooks(peri_emulator *em, const peri_json *m, peri_answer *a) {
  peri_str url = peri_json_get_text(m, "url");
  if (url.n && !peri_str_starts(url, PERI_STR("http://127.0.0.1:")) && !peri_str_starts(url, PERI_STR("http://localhost:")) && !peri_str_starts(url, PERI_STR("http://[::1]:"))) {
    peri_emu_error(em, a, 400, "webhooks go to loopback only: http://127.0.0.1:PORT/…");
    return false;
  }
  em->hook_url = url.n ? peri_arena_str(em->arena, url) : (peri_str){NULL, 0};
  peri_str secret = peri_json_get_text(m, "secret");
  em->hook_secret = secret.n ? peri_arena_str(em->arena, secret) : (peri_str){NULL, 0};
  em->hook_twice = peri_json_get_bool(m, "twice", false);
  em->hook_backwards = peri_json_get_bool(m, "backwards", false);
  return true;
}

/* ---- which ---- */

static void look(peri_emulator *em, peri_str what, const peri_json *query, peri_answer *a) {
  peri_jw w;
  if (peri_str_is(what, "requests")) {
    show_requests(em, query, a);
  } else if (peri_str_is(what, "count")) {
    begin(em, &w);
    put_counts(em, &w);
    end(em, &w, a);
  } else if (what.n == 0) {
    peri_buf_clear(&em->body);
    peri_emulator_describe(em, &em->body);
    a->status = 200;
    a->body = peri_buf_view(&em->body);
    a->headers_json = PERI_STR("{\"content-type\":\"application/json;charset=utf-8\"}");
  } else {
    a->status = 0;
  }
}

static void steer(peri_emulator *em, peri_str what, const peri_json *m, peri_answer *a) {
  static const char *const verbs[] = {"change", "create", "archive", "restore", "remove"};
  bool done = false;
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    if (!peri_str_is(what, verbs[i]) && !(i == 4 && peri_str_is(what, "delete"))) continue;
    change_rows(em, verbs[i], m, a);
    return;
  }
  if (peri_str_is(what, "fault")) done = add_fault(em, m, a);
  else if (peri_str_is(what, "rate")) done = set_rates(em, m, a);
  else if (peri_str_is(what, "webhooks")) done = set_webhooks(em, m, a);
  else if (peri_str_is(what, "expire")) set_life(em, m), done = true;
  else if (peri_str_is(what, "reset")) peri_emu_reset(em), done = true;
  else a->status = 0;
  if (!done) return;
  peri_jw w;
  begin(em, &w);
  peri_jw_kv_bool(&w, "done", true);
  end(em, &w, a);
}

void peri_emu_control(peri_emulator *em, const peri_serve *q, peri_answer *a) {
  peri_json_fault fault;
  peri_str what = peri_str_from(q->path, strlen("/_emulator"));
  if (what.n && what.p[0] == '/') what = peri_str_from(what, 1);
  const peri_json *query = q->query_json.n ? peri_json_parse(em->work, q->query_json, &fault) : NULL;
  const peri_json *m = q->body.n ? peri_json_parse(em->work, q->body, &fault) : NULL;
  if (q->body.n && (!m || m->type != PERI_J_OBJECT)) {
    peri_emu_error(em, a, 400, "the body is no JSON object");
    return;
  }
  a->status = 0;
  if (peri_str_is(q->method, "GET")) look(em, what, query, a);
  else if (peri_str_is(q->method, "POST")) steer(em, what, m, a);
  if (a->status) return;
  if (em->control >= 0) peri_emu_call(em, em->control, q, (peri_str){NULL, 0}, (peri_str){"", 0}, (peri_str){"", 0}, a);
  else peri_emu_error(em, a, 404, "the emulator's control endpoint knows nothing of this name and method");
}
