/* core/emulate: requests of an emulator go to its worker one at a time; answers come back, are delayed, cut or sent whole. Start at handle. */
#include "core/emulate.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/embed.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/emulate_hooks.h"
#include "core/pool.h"
#include "json/tree.h"
#include "net/server.h"

struct peri_emulation {
  peri_worker *worker;
  peri_server *server;
  peri_hooks *hooks;
  pthread_mutex_t lock; /* of the worker: one request at a time */
  peri_buf ask, reply;
  bool dead;
  peri_err death;
  pid_t tell; /* this process is told by SIGTERM when the worker dies; 0: nobody */
  char url[64];
  peri_buf describe;
};

static peri_str decode(peri_arena *a, peri_str text) {
  char *out = peri_arena_bytes(a, text.n + 1);
  return (peri_str){out, peri_percent_decode(text, true, out)};
}

/* A repeated key gets a list, in the order sent. */
static peri_str query_json(peri_arena *a, peri_str query) {
  typedef struct pair { peri_str name, value; bool done; } pair;
  pair *pairs = NULL;
  size_t count = 0, cap = 0;
  while (query.n && count < 1000) {
    peri_str one, name;
    query = peri_str_cut(query, '&', &one);
    if (one.n == 0) continue;
    peri_str value = peri_str_cut(one, '=', &name);
    pairs = peri_arena_grow(a, pairs, count, &cap, sizeof *pairs);
    pairs[count++] = (pair){decode(a, name), decode(a, value), false};
  }
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  for (size_t i = 0; i < count; i++) {
    if (pairs[i].done) continue;
    size_t same = 0;
    for (size_t k = i; k < count; k++) same += peri_str_eq(pairs[k].name, pairs[i].name);
    peri_jw_key(&w, pairs[i].name);
    if (same > 1) peri_jw_array(&w);
    for (size_t k = i; k < count; k++) {
      if (pairs[k].done || !peri_str_eq(pairs[k].name, pairs[i].name)) continue;
      peri_jw_text(&w, pairs[k].value);
      pairs[k].done = k != i; /* i itself is still compared with */
    }
    if (same > 1) peri_jw_end_array(&w);
  }
  peri_jw_end_object(&w);
  peri_str out = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return out;
}

static peri_str headers_json(peri_arena *a, const peri_header *headers, size_t count) {
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  for (size_t i = 0; i < count; i++) {
    bool seen = false;
    for (size_t k = 0; k < i && !seen; k++) seen = peri_str_eq(headers[k].name, headers[i].name);
    if (seen) continue; /* of a repeated header the first counts */
    peri_jw_key(&w, headers[i].name);
    peri_jw_text(&w, headers[i].value);
  }
  peri_jw_end_object(&w);
  peri_str out = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return out;
}

static void died(peri_emulation *m, const peri_err *e) {
  if (m->dead) return;
  m->dead = true;
  m->death = *e;
  peri_log(PERI_ERROR, "emulate", "the emulator's worker is gone: %s", e->text);
  if (m->tell) kill(m->tell, SIGTERM);
}

/* Asks the worker; the answer's texts are copied into the arena. */
static bool ask(peri_emulation *m, const peri_serve *q, peri_arena *a, peri_answer *answer) {
  peri_err e = {0};
  bool ok = false;
  pthread_mutex_lock(&m->lock);
  if (!m->dead) {
    peri_buf_clear(&m->ask);
    peri_serve_put(&m->ask, q);
    if (peri_worker_ask(m->worker, PERI_K_SERVE, peri_buf_view(&m->ask), PERI_K_ANSWER, &m->reply, &e)) died(m, &e);
    else ok = peri_answer_get(peri_arena_str(a, peri_buf_view(&m->reply)), answer);
  }
  pthread_mutex_unlock(&m->lock);
  return ok;
}

static void read_headers(peri_arena *a, peri_str json, peri_server_answer *out) {
  peri_json_fault fault;
  const peri_json *object = json.n ? peri_json_parse(a, json, &fault) : NULL;
  if (!object || object->type != PERI_J_OBJECT) return;
  peri_header *headers = peri_arena_take(a, (object->count + 1) * sizeof *headers);
  for (const peri_json *each = object->first; each; each = each->next) headers[out->header_count++] = (peri_header){each->key, peri_json_str(each)};
  out->headers = headers;
}

/* What the answer's texts live in until the server has sent them: each connection has its own thread. */
static _Thread_local peri_arena *sending;

static void handle(void *self, const peri_server_request *request, peri_server_answer *out) {
  peri_emulation *m = self;
  peri_arena *a = sending = peri_arena_new();
  peri_serve q = {.method = request->method, .path = request->path, .body = request->body, .now_ms = peri_now_ms()};
  q.query_json = query_json(a, request->query);
  q.headers_json = headers_json(a, request->headers, request->header_count);
  peri_answer answer = {0};
  if (!ask(m, &q, a, &answer)) {
    *out = (peri_server_answer){.status = 500, .body = PERI_STR("the emulator's worker is gone\n")};
    return;
  }
  out->status = (int)answer.status;
  out->body = answer.body;
  out->delay_ms = answer.delay_ms > 600000 ? 600000 : (int)answer.delay_ms;
  out->cut = answer.fault;
  read_headers(a, answer.headers_json, out);
  if (answer.deliveries.n) peri_hooks_post(m->hooks, answer.deliveries);
}

static void sent(void *self, peri_server_answer *answer) {
  (void)self, (void)answer;
  peri_arena_free(sending); /* handle and done run in the same thread, one after the other */
  sending = NULL;
}

/* ---- start and stop ---- */

static const peri_load_file *shipped(peri_arena *a, size_t *count) {
  peri_load_file *files = peri_arena_take(a, (peri_embed_count + 1) * sizeof *files);
  for (unsigned long i = 0; i < peri_embed_count; i++) {
    peri_str path = peri_str_of(peri_embeds[i].path);
    if (!peri_str_ends(path, PERI_STR(".lua"))) continue;
    files[(*count)++] = (peri_load_file){path, {(const char *)peri_embeds[i].bytes, peri_embeds[i].size}};
  }
  return files;
}

/* LOAD with the emulator's file alone wanted; LOADED must say that it went well. */
static peri_code load(peri_emulation *m, const peri_emulate_config *c, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_load l = {.rows = PERI_STR("[]"), .settings = PERI_STR("{}"), .discovered = PERI_STR("{}"), .file_count = c->file_count};
  const peri_load_file *files = c->files ? c->files : shipped(a, &l.file_count);
  l.files = (peri_load_file *)(uintptr_t)files;
  peri_str path = peri_arena_fmt(a, "connectors/%s_emulator.lua", c->type);
  bool there = false;
  for (size_t i = 0; i < l.file_count; i++) there = there || peri_str_eq(files[i].path, path);
  peri_code code = PERI_OK;
  if (!there) {
    code = peri_fail(e, PERI_NOT_FOUND, "there is no emulator for '%s': no file %.*s, in the project or shipped", c->type, PERI_S(path));
    goto done;
  }
  peri_buf want = {0};
  peri_buf_fmt(&want, "{\"paths\":[\"%.*s\"],\"emulator\":{\"seed\":%lld,\"nowMs\":%lld", PERI_S(path), (long long)c->seed, (long long)peri_now_ms());
  if (c->records >= 0) peri_buf_fmt(&want, ",\"records\":%lld", (long long)c->records);
  peri_buf_c_str(&want, "}}");
  l.want = peri_arena_str(a, peri_buf_view(&want));
  peri_buf_fini(&want);
  peri_buf_clear(&m->ask);
  peri_load_put(&m->ask, &l);
  code = peri_worker_ask(m->worker, PERI_K_LOAD, peri_buf_view(&m->ask), PERI_K_LOADED, &m->reply, e);
  if (code) goto done;
  peri_json_fault fault;
  const peri_json *loaded = peri_json_parse(a, peri_buf_view(&m->reply), &fault), *list = peri_json_get(loaded, "files");
  for (const peri_json *f = list ? list->first : NULL; f && !code; f = f->next)
    if (!peri_json_get_bool(f, "ok", false)) code = peri_fail(e, PERI_SCRIPT_REFUSED, "%.*s", PERI_S(peri_json_get_text(f, "message")));
  const peri_json *emulator = peri_json_get(loaded, "emulator");
  if (!code && !emulator) code = peri_fail(e, PERI_BAD_REPLY, "the worker made no emulator of %.*s", PERI_S(path));
  if (!code) peri_json_put(&m->describe, emulator);
done:
  peri_arena_free(a);
  return code;
}

static bool plain_name(const char *type) {
  size_t n = strlen(type);
  return n > 0 && n < 64 && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

peri_emulation *peri_emulation_start(const peri_emulate_config *config, peri_err *e) {
  if (!plain_name(config->type)) {
    peri_fail(e, PERI_USAGE, "'%.60s' is no connector's name: small letters, digits, _ and -", config->type);
    return NULL;
  }
  peri_emulation *m = peri_alloc(sizeof *m);
  pthread_mutex_init(&m->lock, NULL);
  peri_worker_config worker = {.emulator = true};
  int port = 0;
  peri_server_handler handler = {.self = m, .handle = handle, .done = sent};
  if ((m->worker = peri_worker_start(&worker, e)) == NULL || load(m, config, e) || (m->hooks = peri_hooks_start(e)) == NULL ||
      (m->server = peri_server_start(config->port, &handler, &port, e)) == NULL) {
    peri_emulation_stop(m);
    return NULL;
  }
  snprintf(m->url, sizeof m->url, "http://127.0.0.1:%d", port);
  return m;
}

const char *peri_emulation_url(const peri_emulation *m) {
  return m->url;
}

peri_str peri_emulation_describe(const peri_emulation *m) {
  return peri_buf_view(&m->describe);
}

bool peri_emulation_alive(peri_emulation *m, peri_err *e) {
  pthread_mutex_lock(&m->lock);
  bool alive = !m->dead;
  if (!alive && e) *e = m->death;
  pthread_mutex_unlock(&m->lock);
  return alive;
}

void peri_emulation_stop(peri_emulation *m) {
  if (!m) return;
  peri_server_stop(m->server); /* first: nobody asks the worker any more */
  peri_hooks_stop(m->hooks);
  peri_worker_close(m->worker);
  peri_buf_fini(&m->ask);
  peri_buf_fini(&m->reply);
  peri_buf_fini(&m->describe);
  pthread_mutex_destroy(&m->lock);
  free(m);
}

static void print_what(const peri_emulation *m, const char *type, FILE *out) {
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  const peri_json *d = peri_json_parse(a, peri_emulation_describe(m), &fault), *records = peri_json_get(d, "records"), *secrets = peri_json_get(d, "credentials");
  fprintf(out, "%s\n", m->url);
  fprintf(out, "%.*s:", PERI_S(peri_json_get_text(d, "title")));
  for (const peri_json *r = records ? records->first : NULL; r; r = r->next) fprintf(out, " %.*s %.*s%s", PERI_S(r->text), PERI_S(r->key), r->next ? "," : "\n");
  fprintf(out, "credentials:");
  for (const peri_json *s = secrets ? secrets->first : NULL; s; s = s->next) fprintf(out, " %.*s=%.*s", PERI_S(s->key), PERI_S(s->text));
  fprintf(out, "\nadd it:      perilune add %s demo --base-url %s", type, m->url);
  if (peri_json_get(secrets, "accessToken")) fprintf(out, " --credential accessToken=%.*s", PERI_S(peri_json_get_text(secrets, "accessToken")));
  fprintf(out, "\nsteer it:    curl %s/_emulator/count   (docs/emulators.md)\nCtrl-C ends it\n", m->url);
  fflush(out);
  peri_arena_free(a);
}

peri_code peri_emulate(const peri_emulate_config *config, FILE *out, peri_err *e) {
  sigset_t ends, before;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, &before); /* threads inherit it: only sigwait below sees them */
  peri_emulation *m = peri_emulation_start(config, e);
  peri_code code = m ? PERI_OK : e->code;
  if (m) {
    m->tell = getpid();
    print_what(m, config->type, out);
    int signal = 0;
    if (peri_emulation_alive(m, NULL)) sigwait(&ends, &signal);
    if (!peri_emulation_alive(m, e)) code = e->code;
    peri_emulation_stop(m);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return code;
}
