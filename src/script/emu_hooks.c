/* script/emu_hooks: changes of rows become events (the script says how they look), events become deliveries. The core signs and sends them. */
#include "script/emu.h"

static void make_event(peri_emulator *em, const peri_emu_hook *h, const peri_emu_event *ev, peri_buf *out, size_t *count) {
  lua_State *L = em->s->L;
  int base = lua_gettop(L);
  peri_jw w;
  peri_span value;
  peri_json_fault ignored;
  peri_call_fault fault;
  char why[160];
  peri_buf_clear(&em->text);
  peri_jw_init(&w, &em->text);
  peri_jw_object(&w);
  peri_jw_kv(&w, "entity", ev->table->name);
  peri_jw_kv(&w, "id", ev->key);
  peri_jw_kv_c(&w, "verb", ev->verb);
  peri_jw_kv_int(&w, "at", em->now_ms);
  peri_jw_kv_int(&w, "number", (int64_t)(em->served * 1000 + *count));
  if (ev->before.n) peri_jw_kv_raw(&w, "before", ev->before);
  if (ev->after.n) peri_jw_kv_raw(&w, "after", ev->after);
  if (ev->extra.n) peri_jw_kv_raw(&w, "extra", ev->extra);
  peri_jw_end_object(&w);
  lua_rawgeti(L, PERI_SLOT_FUNCS, h->make);
  if (!peri_json_check(peri_buf_view(&em->text), &value, &ignored) || !peri_push_json(em->s, L, value) || !peri_state_run(em->s, 1, 1, em->s->call_ms, &fault)) {
    lua_settop(L, base);
    return;
  }
  size_t n = 0;
  bool list = lua_istable(L, -1) && peri_table_shape(L, -1, &n, 0) == 1;
  for (size_t i = 1; lua_istable(L, -1) && i <= (list ? n : 1); i++) {
    if (list) lua_rawgeti(L, -1, (lua_Integer)i);
    size_t at = out->n;
    if (at) peri_buf_char(out, '\n');
    if (peri_to_json(em->s, L, -1, out, &peri_emu_caps, why, sizeof why)) ++*count;
    else out->n = at;
    if (list) lua_pop(L, 1);
  }
  lua_settop(L, base);
}

static void put_delivery(peri_emulator *em, peri_jw *w, const peri_emu_hook *h, peri_str body) {
  peri_str secret = em->hook_secret.n ? em->hook_secret : peri_node_text(peri_node_get_str(em->credentials, h->key));
  for (int i = 0; i < (em->hook_twice ? 2 : 1); i++) {
    peri_jw_object(w);
    peri_jw_kv_c(w, "method", "POST");
    peri_jw_kv(w, "url", em->hook_url);
    peri_jw_kv(w, "body", body);
    peri_jw_kv(w, "secret", secret);
    peri_jw_kv_int(w, "time", em->now_ms);
    peri_jw_key_c(w, "sign");
    peri_jw_array(w);
    for (size_t s = 0; s < h->sign_count; s++) peri_jw_text(w, h->sign[s]);
    peri_jw_end_array(w);
    peri_jw_end_object(w);
  }
}

void peri_emu_deliver(peri_emulator *em, peri_answer *a) {
  if (!em->event_count || !em->hook_url.n) return;
  peri_jw w;
  peri_buf_clear(&em->deliveries);
  peri_jw_init(&w, &em->deliveries);
  peri_jw_array(&w);
  for (size_t h = 0; h < em->hook_count; h++) {
    peri_buf lines = {0};
    size_t count = 0;
    for (size_t i = 0; i < em->event_count; i++) make_event(em, &em->hooks[h], &em->events[em->hook_backwards ? em->event_count - 1 - i : i], &lines, &count);
    peri_str rest = peri_buf_view(&lines), one;
    while (rest.n) {
      peri_buf body = {0};
      bool single = em->hooks[h].batch == 1; /* the event itself, not a list of one */
      for (size_t n = 0; n < em->hooks[h].batch && rest.n; n++) {
        rest = peri_str_cut(rest, '\n', &one);
        if (!single) peri_buf_char(&body, n ? ',' : '[');
        peri_buf_str(&body, one);
      }
      if (!single) peri_buf_char(&body, ']');
      put_delivery(em, &w, &em->hooks[h], peri_buf_view(&body));
      peri_buf_fini(&body);
    }
    peri_buf_fini(&lines);
  }
  peri_jw_end_array(&w);
  a->deliveries = em->deliveries.n > 2 ? peri_buf_view(&em->deliveries) : (peri_str){NULL, 0};
}
