/* worker/pull: runs a stream's own loop (language, section 12) step by step. The coroutine looks blocking; between its steps this worker goes on
 * answering frames. Refuses a second pull beside the first. A pull that was lost starts again from its last mark: nothing is kept here. */
#include "worker/shop.h"

void peri_shop_pull_end(peri_shop *s) {
  peri_pull_free(s->pull);
  peri_arena_free(s->pull_arena);
  s->pull = NULL;
  s->pull_arena = NULL;
  s->pull_waits_page = false;
}

static bool fail(peri_shop *s, peri_code code, const char *text, const char *file, int line) {
  peri_shop_fail f = {.code = code, .text = text, .file = file, .line = line, .page = UINT32_MAX, .record = UINT32_MAX};
  f.replace = s->caller.inner && s->caller.inner->broken;
  s->spent = f.replace;
  return peri_shop_fail_send(s, &f);
}

static void begin(peri_shop *s, peri_jw *w) {
  peri_buf_clear(&s->text);
  peri_jw_init(w, &s->text);
  peri_jw_object(w);
}

static bool end(peri_shop *s, peri_jw *w, peri_kind kind) {
  peri_jw_end_object(w);
  s->job = s->pull_job;
  return peri_shop_send_text(s, kind, &s->text, true);
}

static bool send_request(peri_shop *s, const peri_node *request) {
  peri_jw w;
  begin(s, &w);
  peri_jw_kv_int(&w, "id", ++s->pull_request);
  peri_jw_key_c(&w, "request");
  peri_buf tree = {.max = PERI_FRAME_PORTION / 2};
  peri_node_put(&tree, request);
  if (tree.over) {
    peri_buf_fini(&tree);
    peri_shop_pull_end(s);
    return fail(s, PERI_SCRIPT_REFUSED, "pull sends a request that is too large", NULL, 0);
  }
  peri_jw_raw(&w, peri_buf_view(&tree));
  peri_buf_fini(&tree);
  return end(s, &w, PERI_K_REQUEST);
}

/* Runs the coroutine until it waits for the core. */
static bool step(peri_shop *s, const peri_pull_reply *reply) {
  for (;;) {
    peri_pull_event event = {0};
    peri_jw w;
    peri_arena_reset(s->pull_arena);
    peri_shop_at(s, PERI_AT_CALL, UINT32_MAX, UINT32_MAX);
    peri_pull_resume(s->pull, reply, s->pull_arena, &event);
    reply = NULL;
    switch (event.step) {
    case PERI_PULL_SEND: return send_request(s, event.request);
    case PERI_PULL_EMIT:
      begin(s, &w);
      peri_jw_kv_int(&w, "id", event.reply);
      peri_jw_kv(&w, "path", event.path);
      s->pull_waits_page = true;
      return end(s, &w, PERI_K_EMIT);
    case PERI_PULL_MARK:
      begin(s, &w);
      peri_jw_kv_raw(&w, "position", event.position);
      if (!end(s, &w, PERI_K_MARK)) return false;
      break;
    case PERI_PULL_END:
      begin(s, &w);
      peri_jw_kv_bool(&w, "pull", true);
      peri_shop_pull_end(s);
      return end(s, &w, PERI_K_DONE);
    case PERI_PULL_FAIL:
      s->job = s->pull_job;
      peri_shop_pull_end(s);
      return fail(s, event.fault.code ? event.fault.code : PERI_SCRIPT_ERROR, event.fault.text, event.fault.file, event.fault.line);
    }
  }
}

bool peri_shop_pull(peri_shop *s, peri_str payload) {
  peri_json_fault fault;
  const peri_json *m = peri_json_parse(s->scratch, payload, &fault);
  if (!m || !s->script) return fail(s, PERI_INTERNAL, "the core sent a PULL that is none", NULL, 0);
  if (s->pull) return fail(s, PERI_INTERNAL, "a pull is running", NULL, 0);
  peri_str connector = peri_json_get_text(m, "connector"), name = peri_json_get_text(m, "stream");
  const peri_node *stream = NULL;
  if (connector.n) stream = peri_shop_stream(s, connector, name);
  for (size_t i = 0; !connector.n && !stream && i < s->file_count; i++)
    if (s->files[i].ok && peri_node_is(s->files[i].tree.root, "connector"))
      stream = peri_shop_stream(s, peri_node_text(s->files[i].tree.root->what), name);
  const peri_node *fn = peri_node_get(stream, "pull");
  if (!fn || fn->type != PERI_N_FUNC) return fail(s, PERI_NOT_FOUND, "there is no stream of that name with pull", NULL, 0);
  const peri_json *since = peri_json_get(m, "since"), *settings = peri_json_get(m, "settings");
  if (!settings) settings = s->settings;
  s->pull = peri_pull_new(s->script, fn->u.fn, since ? since->raw : PERI_STR("null"), settings ? settings->raw : PERI_STR("{}"));
  if (!s->pull) return fail(s, PERI_SCRIPT_MEMORY, "pull can't be started", NULL, 0);
  s->pull_arena = peri_arena_new();
  s->pull_job = s->job;
  s->pull_request = 0;
  return step(s, NULL);
}

bool peri_shop_reply(peri_shop *s, peri_str payload) {
  peri_pull_reply reply = {0};
  uint32_t status;
  if (!s->pull || !peri_reply_get(payload, &reply.number, &status, &reply.headers_json, &reply.body))
    return fail(s, PERI_INTERNAL, "the core sent a REPLY that nobody waits for", NULL, 0);
  reply.status = (int)status;
  return step(s, &reply);
}

bool peri_shop_pull_go_on(peri_shop *s) {
  s->pull_waits_page = false;
  return step(s, NULL);
}
