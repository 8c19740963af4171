/* worker/serve: an emulator's requests. Its state between requests is its purpose: one VM that lives on. Refuses to go on once that is broken. */
#include <stdlib.h>

#include "worker/shop.h"

#define FILL_AT_ONCE 500 /* records between two signs of life */

bool peri_shop_emulator(peri_shop *s, peri_shop_file *f, peri_str options, peri_buf *describe, peri_err *e) {
  if (peri_emulator_new(s->script, &f->tree, options, &s->emulator, e)) return false;
  for (bool more = true; more;) {
    if (peri_emulator_fill(s->emulator, FILL_AT_ONCE, &more, e)) return false;
    if (more && !peri_shop_log(s, "debug", PERI_STR("the emulator fills its tables"))) return false;
  }
  peri_emulator_describe(s->emulator, describe);
  return true;
}

bool peri_shop_serve(peri_shop *s, peri_str payload) {
  peri_serve request;
  peri_shop_fail f = {.code = PERI_INTERNAL, .text = "there is no emulator to ask", .page = UINT32_MAX, .record = UINT32_MAX};
  if (!s->emulator || !peri_serve_get(payload, &request)) return peri_shop_fail_send(s, &f);
  peri_shop_at(s, PERI_AT_SERVE, UINT32_MAX, UINT32_MAX);
  peri_answer answer = {0};
  peri_emulator_serve(s->emulator, &request, &answer);
  if (peri_emulator_broken(s->emulator)) {
    s->spent = true;
    f = (peri_shop_fail){
        .code = PERI_SCRIPT_MEMORY, .text = "the emulator is out of memory", .page = UINT32_MAX, .record = UINT32_MAX, .replace = true};
    return peri_shop_fail_send(s, &f);
  }
  peri_buf_clear(&s->text);
  peri_answer_put(&s->text, &answer);
  if (s->text.n > PERI_PAGE_BYTES_MAX) {
    answer = (peri_answer){.status = 500, .headers_json = PERI_STR("{\"x-emulator-error\":\"the answer is too large\"}"), .body = PERI_STR("")};
    peri_buf_clear(&s->text);
    peri_answer_put(&s->text, &answer);
  }
  return peri_shop_send_text(s, PERI_K_ANSWER, &s->text, true); /* a page may be larger than one frame */
}
