/* core/owed: the turn-taking between core and worker. Judges nothing but whose turn it is and who may say what. */
#include "core/owed.h"

#include <string.h>

bool peri_owed_may_say(peri_kind kind) {
  switch (kind) {
  case PERI_K_READY:
  case PERI_K_LOADED:
  case PERI_K_OPENED:
  case PERI_K_SPLIT:
  case PERI_K_ROWS:
  case PERI_K_TRACE:
  case PERI_K_DONE:
  case PERI_K_REQUEST:
  case PERI_K_EMIT:
  case PERI_K_MARK:
  case PERI_K_MADE:
  case PERI_K_ANSWER:
  case PERI_K_LOG:
  case PERI_K_FAIL: return true;
  default: return false;
  }
}

bool peri_owed_any(const peri_owed *o) { return o->answers > 0 || (o->pulling && !o->pull_waits); }

void peri_owed_sent(peri_owed *o, peri_kind kind, peri_str payload) {
  peri_page_msg page;
  switch (kind) {
  case PERI_K_HELLO:
  case PERI_K_LOAD:
  case PERI_K_OPEN:
  case PERI_K_MAKE:
  case PERI_K_MAP:
  case PERI_K_PROBE:
  case PERI_K_SERVE: o->answers++; break;
  case PERI_K_PAGE: o->answers += peri_page_get(payload, &page) && (page.flags & PERI_PAGE_MAP_ALL) ? 2 : 1; break;
  case PERI_K_PULL: o->pulling = true; break;
  default: break;
  }
  if (kind == PERI_K_REPLY || kind == PERI_K_PAGE) o->pull_waits = false;
}

static bool is_pull_end(const peri_frame *f) { return f->payload.n == 13 && memcmp(f->payload.p, "{\"pull\":true}", 13) == 0; }

void peri_owed_got(peri_owed *o, const peri_frame *f) {
  if (f->flags & PERI_F_MORE) return;
  switch (f->kind) {
  case PERI_K_DONE:
    if (is_pull_end(f)) {
      o->pulling = false;
      break;
    }
    if (o->answers) o->answers--;
    break;
  case PERI_K_READY:
  case PERI_K_LOADED:
  case PERI_K_OPENED:
  case PERI_K_MADE:
  case PERI_K_ANSWER:
  case PERI_K_SPLIT:
    if (o->answers) o->answers--;
    break;
  case PERI_K_FAIL: /* whatever it was about is over */
    o->answers = 0;
    o->pulling = false;
    break;
  case PERI_K_REQUEST:
  case PERI_K_EMIT: o->pull_waits = true; break;
  default: break;
  }
}
