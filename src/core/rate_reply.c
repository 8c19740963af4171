/* core/rate_reply: what replies say about limits: how much is left or used, how much there is in all, when a window begins anew. Corrects the count and the
 * size of core/rate's limits by it. Refuses to be stopped for ever by a clock that is off, or to forget what may still be on its way. */
#include "base/clock.h"
#include "core/holes.h"
#include "core/lua_pattern.h"
#include "core/rate_inside.h"

#define BODY_BYTES_MAX (1u << 20)

static peri_str value_of(const peri_http_reply *reply, peri_str path, peri_span *body, bool *looked) {
  if (peri_str_starts(path, PERI_STR("header:"))) return peri_reply_header(reply, peri_str_from(path, 7));
  if (!path.n) return path;
  if (!*looked) {
    peri_json_fault fault;
    if (reply->body.n > BODY_BYTES_MAX || !peri_json_check(reply->body, body, &fault)) body->type = PERI_J_NONE;
    *looked = true;
  }
  if (body->type == PERI_J_NONE) return (peri_str){NULL, 0};
  peri_span at = peri_span_at(*body, path);
  peri_str raw = peri_span_raw(at);
  if (at.type == PERI_J_STRING && raw.n >= 2 && !at.escaped) return (peri_str){raw.p + 1, raw.n - 2};
  return at.type == PERI_J_NUMBER ? raw : (peri_str){NULL, 0};
}

/* A whole number at the start: "1000;w=1" and "12.0" are seen in the wild. */
static bool number_of(peri_str t, int64_t *out) {
  size_t n = 0;
  t = peri_str_trim(t);
  while (n < t.n && t.p[n] >= '0' && t.p[n] <= '9') n++;
  return n > 0 && n < 19 && peri_number_i64((peri_str){t.p, n}, out);
}

/* One number, or with a pattern its first two captures ("18/5000"). */
static int numbers_of(const limit *l, peri_str text, int64_t out[2]) {
  peri_str captures[2];
  if (!text.p) return 0;
  if (!l->pattern.n) return number_of(text, &out[0]) ? 1 : 0;
  int n = peri_lua_captures(l->pattern, text, captures, 2), good = 0;
  while (good < n && number_of(captures[good], &out[good])) good++;
  return good;
}

static int64_t reset_at(peri_str text, int64_t now_ms, int64_t window_ms) {
  int64_t at, n;
  bool had_time, had_zone;
  text = peri_str_trim(text);
  if (!text.n) return 0;
  if (peri_http_date_read(text, &at) || (!number_of(text, &n) && peri_iso_read(text, 0, &at, &had_time, &had_zone))) return at;
  if (peri_iso_read(text, 0, &at, &had_time, &had_zone) && had_time) return at;
  if (!number_of(text, &n)) return 0;
  if (n >= INT64_C(100000000000)) at = n;           /* ms since 1970 */
  else if (n >= INT64_C(1000000000)) at = n * 1000; /* s since 1970 */
  else at = now_ms + n * 1000;                      /* s from now */
  int64_t far = now_ms + 2 * window_ms;
  return at > far ? far : at; /* a clock that is off must not stop us for ever */
}

/* The server counts less than we do: its window began anew, at midnight or on the hour. Believed where windows are fixed or long, but for a little that may
 * still be on its way; a short rolling one is only late in counting. */
static void forget(limit *l, int64_t used) {
  if (!l->reset.n && l->window_ms < 3600000) return;
  int64_t keep = used + l->size / 20 + 1, sum = spent(l);
  for (int64_t i = live_slices(l) - 1; i >= 0 && sum > keep; i--) {
    if (l->at - i < 0) continue;
    int64_t *slice = &l->slice[(l->at - i) % SLICES], less = sum - keep < *slice ? sum - keep : *slice;
    *slice -= less;
    sum -= less;
  }
}

static void correct(limit *l, const peri_http_reply *reply, int64_t now_ms, peri_span *body, bool *looked) {
  int64_t n[2] = {0}, size = 0, left = -1, used = -1;
  move_to(l, now_ms);
  if (l->total.n && numbers_of(l, value_of(reply, l->total, body, looked), n) >= 1) size = n[0];
  if (l->used.n) {
    int got = numbers_of(l, value_of(reply, l->used, body, looked), n);
    if (got >= 1) used = n[0];
    if (got >= 2 && !size) size = n[1];
  }
  if (l->left.n) {
    int got = numbers_of(l, value_of(reply, l->left, body, looked), n);
    if (got >= 1) left = n[0];
    if (got >= 2 && !size) size = n[1];
  }
  if (size > 0 && size <= INT64_C(1000000000000)) l->size = size;
  if (left > l->size) l->size = left; /* more is left than was declared in all: the account has a larger plan */
  if (left >= 0 && used < 0) used = l->size - left;
  int64_t extra = used - spent(l);
  if (used > 0 && extra > 0) l->slice[l->at % SLICES] += extra; /* spent by others, or before we started */
  if (used >= 0 && extra < 0) forget(l, used);
  if (left == 0 || (left < 0 && used >= 0 && used >= l->size)) {
    int64_t at = reset_at(value_of(reply, l->reset, body, looked), now_ms, l->window_ms);
    if (at > l->until_ms) l->until_ms = at;
  }
}

void peri_rate_reply(peri_rate *r, peri_str class_name, const peri_http_reply *reply, int64_t now_ms) {
  peri_span body = {.type = PERI_J_NONE};
  bool looked = false;
  if (reply->code != PERI_OK) return;
  now_ms = forward(r, now_ms);
  class *c = peri_rate_class(r, class_name);
  for (size_t i = 0; i < c->count; i++) correct(&c->limits[i], reply, now_ms, &body, &looked);
}
