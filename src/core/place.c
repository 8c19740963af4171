/* core/place: see the header. The rules, shortest first:
 *   - the high mark never moves back, and never past the time when the phase began: a record edited behind a long listing's back is read again. Of the
 *     server's Date and our own clock the earlier one counts: one of them may be wrong, and a mark that is too early only costs records read twice;
 *   - `overlap` is taken off once, when a run begins to ask for changes; never stored, never on the pages after it;
 *   - an anchor is exact: whoever goes on from one takes nothing off. */
#include "core/place.h"

#include <stdio.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SINCE_MS_MIN 1000 /* some servers answer 500 to the year 1970 itself */

static unsigned long long hash_nodes(const peri_node *const *nodes, size_t count) {
  peri_buf b = {0};
  for (size_t i = 0; i < count; i++) {
    if (nodes[i]) peri_node_put(&b, nodes[i]);
    peri_buf_char(&b, '\n');
  }
  unsigned long long h = XXH3_64bits(b.p ? b.p : "", b.n);
  peri_buf_fini(&b);
  return h;
}

peri_str peri_place_shape(peri_arena *a, const peri_stream *s) {
  const peri_node *position[] = {peri_node_get(s->node, "key"), peri_node_get(s->node, "updated")};
  const peri_node *paging[] = {peri_node_get(s->node, "full"), peri_node_get(s->node, "changes"), peri_node_get(s->node, "each")};
  return peri_arena_fmt(a, "%016llx:%016llx", hash_nodes(position, 2), hash_nodes(paging, 3));
}

static bool is_time(const peri_stream *s) { return s->stamp == PERI_STAMP_DATETIME || s->stamp == PERI_STAMP_DATE || s->stamp == PERI_STAMP_NONE; }

static int64_t less_overlap(const peri_stream *s, int64_t high, int64_t now_ms) {
  if (high == INT64_MIN) return high;
  if (!is_time(s)) return high;
  int64_t since = (high < now_ms ? high : now_ms) - s->overlap_ms; /* a mark in the future was set by a clock that was ahead */
  return since < SINCE_MS_MIN ? SINCE_MS_MIN : since;
}

static void set_window(const peri_stream *s, peri_place *p, int64_t now_ms) {
  p->more_windows = false;
  p->upto = INT64_MIN;
  if (!is_time(s) || !p->request->uses_upto) return;
  p->upto = now_ms - s->lag_ms;
  if (s->window_ms && p->since != INT64_MIN && p->upto - p->since > s->window_ms) {
    p->upto = p->since + s->window_ms;
    p->more_windows = true;
  }
}

void peri_place_page_read(peri_arena *a, const peri_json *position, peri_page_state *page) {
  const peri_json *j = peri_json_get(position, "page");
  const peri_json *token = peri_json_get(j, "token");
  if (token) page->token = peri_arena_str(a, token->raw);
  page->link = peri_arena_str(a, peri_json_get_text(j, "link"));
  page->number = peri_json_get_int(j, "number", 0);
  page->read = peri_json_get_int(j, "read", 0);
  page->pages = peri_json_get_int(j, "pages", 0);
}

void peri_place_begin(peri_arena *a, const peri_stream *s, const peri_cursor *stored, bool full, int64_t now_ms, peri_place *out) {
  peri_json_fault fault;
  peri_str shape = peri_place_shape(a, s), old_position, new_position;
  peri_str old_paging = peri_str_cut(stored->shape, ':', &old_position), new_paging = peri_str_cut(shape, ':', &new_position);
  bool other_position = stored->shape.n && !peri_str_eq(old_position, new_position), other_paging = stored->shape.n && !peri_str_eq(old_paging, new_paging);
  const peri_json *position = stored->position.n && !other_paging && !other_position ? peri_json_parse(a, stored->position, &fault) : NULL;
  bool in_full = peri_str_is(stored->phase, "full"), in_changes = peri_str_is(stored->phase, "changes"), in_sweep = peri_str_is(stored->phase, "sweep");
  bool again_with_since = s->full && s->full->uses_since;

  *out = (peri_place){.since = INT64_MIN, .upto = INT64_MIN, .phase_started_ms = -1, .seen_max = INT64_MIN};
  out->first = stored->swept_ms < 0;
  if (in_changes && !full && !other_position && (s->changes || again_with_since)) {
    out->phase = PERI_PHASE_CHANGES;
    out->request = s->changes ? s->changes : s->full;
    out->incremental = true;
    const peri_json *anchor = peri_json_get(position, "anchor"), *since = peri_json_get(position, "since");
    out->since = anchor ? peri_json_int(anchor, INT64_MIN) : less_overlap(s, stored->high, now_ms);
    if (since) out->since_verbatim = peri_arena_str(a, since->raw);
    if (anchor) {
      out->resumed = true;
      out->phase_started_ms = stored->phase_started_ms;
      out->seen_max = stored->seen_max;
    }
  } else {
    out->phase = PERI_PHASE_FULL;
    out->request = s->full ? s->full : s->changes;
    out->sweep_waits = in_sweep && !full && !other_position && (s->changes || again_with_since); /* others read everything anew, and sweep after that */
    if (in_full && !full && position) {
      out->resumed = true;
      peri_place_page_read(a, position, &out->page);
      out->phase_started_ms = stored->phase_started_ms;
      out->seen_max = stored->seen_max;
      const peri_json *anchor = peri_json_get(position, "anchor"), *since = peri_json_get(position, "since");
      if (anchor) out->since = peri_json_int(anchor, INT64_MIN);
      if (since) out->since_verbatim = peri_arena_str(a, since->raw);
    }
  }
  if (out->request) set_window(s, out, now_ms);
}

/* ---- what is kept ---- */

static void put_page(peri_jw *w, const peri_page_state *page) {
  peri_jw_key_c(w, "page");
  peri_jw_object(w);
  if (page->token.n) peri_jw_kv_raw(w, "token", page->token);
  if (page->link.n) peri_jw_kv(w, "link", page->link);
  peri_jw_kv_int(w, "number", page->number);
  peri_jw_kv_int(w, "read", page->read);
  peri_jw_kv_int(w, "pages", page->pages);
  peri_jw_end_object(w);
}

static peri_str position_text(peri_arena *a, const peri_page_state *page, int64_t anchor, peri_str since_value) {
  peri_buf b = {0};
  peri_jw w;
  peri_jw_init(&w, &b);
  peri_jw_object(&w);
  if (page) put_page(&w, page);
  if (anchor != INT64_MIN) peri_jw_kv_int(&w, "anchor", anchor);
  if (since_value.n) peri_jw_kv_raw(&w, "since", since_value);
  peri_jw_end_object(&w);
  peri_str text = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return text;
}

static int64_t max_of(int64_t x, int64_t y) { return x > y ? x : y; }

static int64_t earlier(int64_t date_ms, int64_t now_ms) { return date_ms >= 0 && date_ms < now_ms ? date_ms : now_ms; }

static int64_t started(const peri_place *p, int64_t date_ms, int64_t now_ms) { return p->phase_started_ms >= 0 ? p->phase_started_ms : earlier(date_ms, now_ms); }

bool peri_place_goes_on(const peri_place *p, int64_t date_ms, int64_t now_ms) { return p->more_windows && p->upto < earlier(date_ms, now_ms); }

bool peri_place_page(peri_arena *a, const peri_stream *s, const peri_cursor *stored, const peri_place *p, const peri_page_state *next, int64_t anchor, peri_str since_value,
                     int64_t seen_max, int64_t date_ms, int64_t now_ms, peri_cursor *out) {
  bool again = p->request->pages == PERI_PAGES_AGAIN;
  if (p->phase == PERI_PHASE_CHANGES && !again) return false; /* a pager's token may be stale tomorrow: changes begin again at the mark */
  *out = (peri_cursor){.phase = p->phase == PERI_PHASE_FULL ? PERI_STR("full") : PERI_STR("changes"),
                       .high = stored->high,
                       .seen_max = max_of(seen_max, p->seen_max),
                       .phase_started_ms = started(p, date_ms, now_ms),
                       .shape = peri_place_shape(a, s),
                       .swept_ms = stored->swept_ms};
  out->position = position_text(a, again ? NULL : next, again && !since_value.n ? anchor : INT64_MIN, since_value);
  return true;
}

void peri_place_end(peri_arena *a, const peri_stream *s, const peri_cursor *stored, const peri_place *p, bool sweep, peri_str since_value, int64_t seen_max, int64_t date_ms,
                    int64_t now_ms, peri_cursor *out) {
  int64_t began = started(p, date_ms, now_ms), seen = max_of(seen_max, p->seen_max), high = stored->high;
  if (is_time(s)) {
    if (s->stamp == PERI_STAMP_NONE) high = max_of(high, began);
    else if (seen != INT64_MIN) high = max_of(high, seen < began ? seen : began);
  } else
    high = max_of(high, seen);
  *out = (peri_cursor){.phase = PERI_STR("changes"), .high = high, .seen_max = INT64_MIN, .phase_started_ms = -1, .shape = peri_place_shape(a, s), .swept_ms = stored->swept_ms};
  if (sweep) out->phase = PERI_STR("sweep"), out->phase_started_ms = began;
  else if (p->phase == PERI_PHASE_FULL && (p->first || !p->resumed)) out->swept_ms = now_ms;
  int64_t anchor = INT64_MIN;
  if (peri_place_goes_on(p, date_ms, now_ms)) {
    anchor = p->upto;
    out->seen_max = seen;
    out->phase_started_ms = began;
  }
  if (anchor != INT64_MIN || since_value.n) out->position = position_text(a, NULL, anchor, since_value);
}
