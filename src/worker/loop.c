/* worker/loop: one frame after another, each answered before the next is read. Start at peri_worker_serve.
 * Refuses everything before HELLO, and everything but CLOSE once its VM is spent. The core is trusted, yet its frames are decoded like anyone's. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/inside.h"
#include "worker/jail.h"
#include "worker/shop.h"
#include "worker/worker.h"

/* ---- answers ---- */

bool peri_shop_send(peri_shop *s, peri_kind kind, uint16_t flags, peri_str payload) {
  s->last_frame_us = peri_mono_us();
  return peri_link_send(s->link, kind, flags, s->job, payload, NULL) == PERI_OK;
}

bool peri_shop_send_text(peri_shop *s, peri_kind kind, peri_buf *text, bool last) {
  peri_str rest = peri_buf_view(text);
  bool alive = true;
  while (alive && rest.n > PERI_FRAME_PORTION) {
    alive = peri_shop_send(s, kind, PERI_F_MORE, (peri_str){rest.p, PERI_FRAME_PORTION});
    rest = peri_str_from(rest, PERI_FRAME_PORTION);
  }
  if (alive && (last || rest.n)) alive = peri_shop_send(s, kind, last ? 0 : (uint16_t)PERI_F_MORE, rest);
  peri_buf_clear(text);
  return alive;
}

bool peri_shop_fail_send(peri_shop *s, const peri_shop_fail *f) {
  peri_buf out = {0};
  peri_jw w;
  peri_jw_init(&w, &out);
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "code", peri_code_name(f->code));
  peri_jw_kv_c(&w, "text", f->text);
  if (f->file && *f->file) peri_jw_kv_c(&w, "file", f->file);
  if (f->line) peri_jw_kv_int(&w, "line", f->line);
  if (f->page != UINT32_MAX) peri_jw_kv_int(&w, "page", f->page);
  if (f->record != UINT32_MAX) peri_jw_kv_int(&w, "record", f->record);
  if (f->replace) peri_jw_kv_bool(&w, "replace", true);
  peri_jw_end_object(&w);
  bool alive = peri_shop_send(s, PERI_K_FAIL, 0, peri_buf_view(&out));
  peri_buf_fini(&out);
  return alive;
}

bool peri_shop_error(peri_shop *s, const peri_err *e) {
  peri_shop_fail f = {.code = e->code, .text = e->text, .page = UINT32_MAX, .record = UINT32_MAX};
  return peri_shop_fail_send(s, &f);
}

bool peri_shop_log(peri_shop *s, const char *level, peri_str text) {
  peri_buf out = {0};
  peri_jw w;
  peri_jw_init(&w, &out);
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "level", level);
  peri_jw_kv(&w, "text", (peri_str){text.p, text.n > PERI_ERROR_TEXT_MAX ? PERI_ERROR_TEXT_MAX : text.n});
  peri_jw_end_object(&w);
  bool alive = peri_shop_send(s, PERI_K_LOG, 0, peri_buf_view(&out));
  peri_buf_fini(&out);
  return alive;
}

void peri_shop_at(peri_shop *s, uint32_t phase, uint32_t page, uint32_t record) {
  s->progress->page = page;
  s->progress->record = record;
  s->progress->field = UINT32_MAX;
  s->progress->phase = phase;
}

/* ---- questions ---- */

static bool hello(peri_shop *s, peri_str payload, peri_str ready) {
  peri_json_fault fault;
  peri_json *m = peri_json_parse(s->scratch, payload, &fault);
  if (!m || peri_json_get_int(m, "wire", 0) != PERI_WIRE_VERSION) {
    peri_shop_fail f = {.code = PERI_INTERNAL, .text = "the core speaks another version of the wire", .page = UINT32_MAX, .record = UINT32_MAX};
    peri_shop_fail_send(s, &f);
    return false;
  }
  peri_json *limits = peri_json_get(m, "limits");
  s->limits.call_ms = (int)peri_json_get_int(limits, "callMs", PERI_CALL_MS);
  s->limits.load_ms = (int)peri_json_get_int(limits, "loadMs", PERI_LOAD_MS);
  s->limits.vm_bytes = (size_t)peri_json_get_int(limits, "vmBytes", PERI_VM_BYTES);
  peri_str seed = peri_json_str(peri_json_get(m, "hashSeed"));
  for (size_t i = 0; i < seed.n && seed.p[i] >= '0' && seed.p[i] <= '9'; i++) s->hash_seed = s->hash_seed * 10 + (uint64_t)(seed.p[i] - '0');
#ifdef PERI_DEBUG
  peri_budget_scale((int)peri_json_get_int(m, "timeScale", 1));
#endif
  return peri_shop_send(s, PERI_K_READY, 0, ready);
}

static bool probe(peri_shop *s, peri_str payload) {
  peri_json_fault fault;
  peri_json *m = peri_json_parse(s->scratch, payload, &fault);
  char text[160];
  peri_jail_probe(peri_json_get_text(m, "syscall"), s->core_pid, text, sizeof text);
  peri_shop_fail f = {.code = PERI_INTERNAL, .text = text, .page = UINT32_MAX, .record = UINT32_MAX};
  return peri_shop_fail_send(s, &f);
}

static bool answer(peri_shop *s, const peri_frame *f) {
  if (s->spent) {
    peri_shop_fail spent = {.code = PERI_SCRIPT_MEMORY,
                            .text = "this worker is out of memory and has to be replaced",
                            .page = UINT32_MAX,
                            .record = UINT32_MAX,
                            .replace = true};
    return peri_shop_fail_send(s, &spent);
  }
  switch (f->kind) {
  case PERI_K_LOAD: return peri_shop_load(s, f->payload);
  case PERI_K_OPEN: return peri_shop_open(s, f->payload);
  case PERI_K_PAGE: return peri_shop_page(s, f->payload);
  case PERI_K_MAP: return peri_shop_map(s, f->payload);
  case PERI_K_MAKE: return peri_shop_make(s, f->payload);
  case PERI_K_PULL: return peri_shop_pull(s, f->payload);
  case PERI_K_REPLY: return peri_shop_reply(s, f->payload);
  case PERI_K_SERVE: return peri_shop_serve(s, f->payload);
  case PERI_K_PROBE: return probe(s, f->payload);
  default: {
    peri_shop_fail wrong = {
        .code = PERI_INTERNAL, .text = "the worker was sent a message that only it may send", .page = UINT32_MAX, .record = UINT32_MAX};
    return peri_shop_fail_send(s, &wrong);
  }
  }
}

int peri_worker_serve(int fd, peri_progress *progress, long core_pid, peri_str ready) {
  peri_shop s = {.progress = progress, .core_pid = core_pid};
  s.link = peri_link_new(fd, PERI_FRAME_TO_WORKER_MAX, true);
  s.scratch = peri_arena_new();
  s.row_arena = peri_arena_new();
  bool greeted = false;
  for (;;) {
    peri_frame f;
    bool got;
    peri_err e;
    if (peri_link_next(s.link, &f, &got, &e) || !got || f.kind == PERI_K_CLOSE) break;
    s.job = f.job;
    peri_arena_reset(s.scratch);
    peri_arena_reset(s.row_arena);
    if (!greeted) {
      if (f.kind != PERI_K_HELLO || !hello(&s, f.payload, ready)) break;
      greeted = true;
      continue;
    }
    if (!answer(&s, &f)) break;
    peri_shop_at(&s, PERI_AT_IDLE, UINT32_MAX, UINT32_MAX);
  }
  peri_shop_unload(&s);
  peri_buf_fini(&s.text);
  peri_arena_free(s.row_arena);
  peri_arena_free(s.scratch);
  peri_link_free(s.link);
  return 0;
}

int peri_worker_loop(int fd) {
  static _Thread_local peri_progress progress; /* nobody else reads it */
  peri_err e = {0};
  if (peri_budget_start(&progress, &e)) {
    close(fd);
    return 1;
  }
  return peri_worker_serve(fd, &progress, getpid(), PERI_STR("{\"wire\":1,\"layers\":{},\"build\":\"inline\"}"));
}
