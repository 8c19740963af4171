/* worker/record: what is told of one record: key, stamp, marks, hash, context, and its rows. Everything that a person can get wrong in a record
 * ends as a reject here; nothing ends the page. */
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "worker/shop.h"

/* ---- hashes ---- */

void peri_hash(uint64_t seed, peri_str a, peri_str b, uint8_t out[16]) {
  XXH128_hash_t h;
  if (b.n == 0)
    h = XXH3_128bits_withSeed(a.p, a.n, seed);
  else {
    XXH3_state_t state;
    memset(&state, 0, sizeof state);
    XXH3_128bits_reset_withSeed(&state, seed);
    XXH3_128bits_update(&state, a.p, a.n);
    XXH3_128bits_update(&state, "", 1); /* no JSON text holds a NUL, so the seam is plain */
    XXH3_128bits_update(&state, b.p, b.n);
    h = XXH3_128bits_digest(&state);
  }
  XXH128_canonical_t c;
  XXH128_canonicalFromHash(&c, h);
  memcpy(out, c.digest, sizeof c.digest);
}

static peri_span root_of(peri_str raw) {
  peri_str t = peri_str_trim(raw);
  uint8_t type = PERI_J_NUMBER;
  switch (t.n ? t.p[0] : 'n') {
  case '{': type = PERI_J_OBJECT; break;
  case '[': type = PERI_J_ARRAY; break;
  case '"': type = PERI_J_STRING; break;
  case 't': type = PERI_J_TRUE; break;
  case 'f': type = PERI_J_FALSE; break;
  case 'n': type = PERI_J_NULL; break;
  default: break;
  }
  bool escaped = type == PERI_J_STRING && memchr(t.p, '\\', t.n);
  return (peri_span){t.p, (uint32_t)t.n, type, escaped};
}

/* The record without its volatile members, for the hash only. */
static peri_str steady(const peri_view *v, peri_str raw, peri_arena *a) {
  peri_span root = root_of(raw), key, value;
  if (root.type != PERI_J_OBJECT) return raw;
  char *copy = peri_arena_bytes(a, raw.n);
  size_t n = 0;
  peri_buf scratch = {0};
  peri_span_iter i = peri_span_open(root);
  while (peri_span_next_member(&i, &key, &value)) {
    peri_buf_clear(&scratch);
    peri_str name = peri_span_text(key, &scratch);
    bool leave = false;
    for (size_t k = 0; k < v->volatile_count && !leave; k++) leave = peri_str_eq(name, v->volatiles[k]);
    if (leave) continue;
    memcpy(copy + n, key.p, key.n);
    memcpy(copy + n + key.n, value.p, value.n); /* fits: the record has a colon between them */
    n += key.n + value.n;
  }
  peri_buf_fini(&scratch);
  return (peri_str){copy, n};
}

/* ---- context ---- */

static void context_value(peri_jw *w, bool *any, peri_str path, peri_str json) {
  if (!*any) peri_jw_object(w);
  *any = true;
  peri_jw_key(w, path);
  peri_jw_raw(w, json);
}

peri_str peri_view_context(const peri_view *v, const peri_slot *parent_slots, const peri_span *parent, peri_arena *a) {
  if (!v->context_count) return (peri_str){"", 0};
  peri_buf out = {0};
  peri_jw w;
  peri_jw_init(&w, &out);
  bool any = false;
  for (size_t i = 0; i < v->context_count; i++) {
    const peri_slot *slot = parent_slots ? &parent_slots[i] : NULL;
    if (slot && slot->one.type != PERI_J_NONE) {
      context_value(&w, &any, v->context_paths[i], peri_span_raw(slot->one));
      continue;
    }
    peri_span value = parent ? peri_span_member(*parent, v->context_paths[i]) : (peri_span){0}; /* a stored context has literal dotted keys */
    if (parent && value.type == PERI_J_NONE) value = peri_span_at(*parent, v->context_paths[i]);
    if (value.type != PERI_J_NONE) context_value(&w, &any, v->context_paths[i], peri_span_raw(value));
  }
  if (any) peri_jw_end_object(&w);
  peri_str kept = peri_arena_str(a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return kept;
}

/* ---- key ---- */

/* One part of a key: a text as it is, a number as its digits. */
static bool key_part(peri_span value, peri_buf *key, peri_buf *scratch) {
  char digits[48];
  switch (value.type) {
  case PERI_J_STRING: {
    peri_buf_clear(scratch);
    peri_str text = peri_span_text(value, scratch);
    peri_buf_str(key, text);
    return text.n > 0;
  }
  case PERI_J_NUMBER:
    if (peri_number_integer(peri_span_raw(value), digits))
      peri_buf_c_str(key, digits);
    else
      peri_buf_str(key, peri_span_raw(value));
    return true;
  case PERI_J_TRUE: peri_buf_c_str(key, "true"); return true;
  case PERI_J_FALSE: peri_buf_c_str(key, "false"); return true;
  default: return false;
  }
}

/* Empty: the record has no key. */
static peri_str key_of(const peri_view *v, const peri_keys *keys, const peri_slot *slots, peri_str context, peri_arena *a) {
  peri_buf key = {.max = PERI_KEY_BYTES_MAX}, scratch = {0};
  bool whole = v->key_count > 0;
  for (size_t i = 0; whole && i < v->key_count; i++) {
    if (i) peri_buf_char(&key, ':');
    peri_span value = keys->key[i] >= 0 ? slots[keys->key[i]].one : (peri_span){0};
    if (v->key_context[i] >= 0 && context.n) value = peri_span_member(root_of(context), v->context_paths[v->key_context[i]]);
    whole = key_part(value, &key, &scratch);
  }
  peri_str out = whole && !key.over ? peri_arena_str(a, peri_buf_view(&key)) : (peri_str){"", 0};
  peri_buf_fini(&key);
  peri_buf_fini(&scratch);
  return out;
}

/* ---- marks ---- */

/* True, stamped, or equal. */
static bool is_removed(const peri_view *v, peri_span value) {
  peri_buf scratch = {0};
  peri_str text = value.type == PERI_J_STRING ? peri_span_text(value, &scratch) : peri_span_raw(value);
  bool yes;
  if (v->removed_equal)
    yes = value.type != PERI_J_NONE && peri_str_eq(text, v->removed_value);
  else if (value.type == PERI_J_STRING)
    yes = text.n && !peri_str_is(text, "false") && !peri_str_is(text, "0");
  else if (value.type == PERI_J_NUMBER) {
    double d;
    yes = !peri_number_double(text, &d) || d != 0;
  } else
    yes = value.type == PERI_J_TRUE || value.type == PERI_J_OBJECT;
  peri_buf_fini(&scratch);
  return yes;
}

static void merged_text(const peri_view *v, peri_jw *w, bool *any, peri_span value) {
  peri_buf scratch = {0}, part = {0};
  if (value.type == PERI_J_STRING && v->merged_split.n) {
    peri_str rest = peri_span_text(value, &scratch), head;
    while (rest.n) {
      rest = peri_str_cut(rest, v->merged_split.p[0], &head);
      head = peri_str_trim(head);
      if (!head.n) continue;
      if (!*any) peri_jw_array(w);
      *any = true;
      peri_jw_text(w, head);
    }
  } else if (key_part(value, &part, &scratch)) {
    if (!*any) peri_jw_array(w);
    *any = true;
    peri_jw_text(w, peri_buf_view(&part));
  }
  peri_buf_fini(&scratch);
  peri_buf_fini(&part);
}

static void merged_span(const peri_view *v, peri_jw *w, bool *any, peri_span value) {
  if (value.type != PERI_J_ARRAY) {
    merged_text(v, w, any, value);
    return;
  }
  peri_span one;
  peri_span_iter i = peri_span_open(value);
  while (peri_span_next(&i, &one)) merged_text(v, w, any, one);
}

static peri_str merged_of(const peri_view *v, const peri_keys *keys, const peri_slot *slots, peri_arena *a) {
  if (!v->merged_count) return (peri_str){"", 0};
  peri_buf out = {0};
  peri_jw w;
  peri_jw_init(&w, &out);
  bool any = false;
  for (size_t i = 0; i < v->merged_count; i++) {
    const peri_slot *slot = &slots[keys->merged[i]];
    if (v->merged_many[i])
      for (uint32_t k = 0; k < slot->count; k++) merged_span(v, &w, &any, slot->many[k]);
    else
      merged_span(v, &w, &any, slot->one);
  }
  if (any) peri_jw_end_array(&w);
  peri_str kept = peri_arena_str(a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return kept;
}

/* Where keys are optional a record that has none goes by its number: what crosses the wall always has a key. */
static peri_str key_stand_in(uint32_t index, peri_arena *a) { return peri_arena_fmt(a, "#%u", index); }

void peri_view_split(peri_shop *s, const peri_view *v, const peri_keys *keys, const peri_item *item, peri_arena *a, peri_split_record *out) {
  *out = (peri_split_record){.index = item->index, .bytes = (uint32_t)item->raw.n, .updated = PERI_NO_STAMP, .context = item->context};
  bool sound = !item->fault && item->raw.n <= PERI_RECORD_BYTES_MAX;
  peri_hash(s->hash_seed, sound && v->volatile_count ? steady(v, item->raw, s->row_arena) : item->raw, item->context, out->raw_hash);
  out->bad = !sound;
  if (!sound) return;
  out->key = key_of(v, keys, item->slots, item->context, a);
  if (!out->key.n && v->key_free) out->key = key_stand_in(item->index, a);
  out->bad = out->key.n == 0;
  out->removed = keys->removed >= 0 && is_removed(v, item->slots[keys->removed].one);
  out->merged = merged_of(v, keys, item->slots, a);
  int64_t stamp;
  if (keys->stamp && peri_stamp_read(keys->stamp, item->slots, &stamp)) out->updated = stamp;
}

/* ---- rows ---- */

static void reject_json(const peri_reject *r, peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  peri_jw_kv(&w, "externalId", r->external_id);
  peri_jw_kv(&w, "entity", r->entity);
  peri_jw_kv(&w, "field", r->field);
  peri_jw_kv(&w, "code", r->code);
  peri_jw_kv(&w, "message", r->message);
  peri_jw_kv(&w, "file", r->file);
  peri_jw_kv_int(&w, "line", r->line);
  if (r->value_shown.p) peri_jw_kv(&w, "value", r->value_shown);
  if (r->also.n) peri_jw_kv_raw(&w, "also", r->also);
  peri_jw_end_object(&w);
}

static peri_row_msg *row_add(peri_row_list *rows, peri_arena *a, uint32_t index, uint16_t plan) {
  rows->items = peri_arena_grow(a, rows->items, rows->count, &rows->cap, sizeof *rows->items);
  peri_row_msg *row = &rows->items[rows->count++];
  *row = (peri_row_msg){.index = index, .plan = plan, .key = {"", 0}, .data = {"", 0}, .warnings = {"", 0}, .reject = {"", 0}};
  return row;
}

static void row_reject(peri_row_list *rows, peri_arena *a, uint32_t index, uint16_t plan, const peri_reject *r) {
  peri_row_msg *row = row_add(rows, a, index, plan);
  peri_buf json = {0};
  reject_json(r, &json);
  row->verdict = PERI_REJECT;
  row->key = r->external_id.n <= PERI_KEY_BYTES_MAX ? peri_arena_str(a, r->external_id) : (peri_str){"", 0};
  row->reject = peri_arena_str(a, peri_buf_view(&json));
  rows->bytes += json.n;
  peri_buf_fini(&json);
}

static peri_str key_paths_text(const peri_view *v, peri_arena *a) {
  peri_buf out = {0};
  for (size_t i = 0; i < v->key_count; i++) {
    if (i) peri_buf_c_str(&out, ", ");
    peri_buf_str(&out, v->key_paths[i]);
  }
  peri_str kept = peri_arena_str(a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return kept;
}

/* What no mapping is asked about: a record that is no sound JSON, too large, or without a key. */
static bool reject_early(const peri_view *v, const peri_item *item, const peri_split_record *split, peri_arena *a, peri_row_list *rows) {
  if (!split->bad) return false;
  peri_reject r = {.external_id = split->key, .entity = v->plan_count ? v->plan_entity[0] : v->stream, .code = PERI_STR("invalid_json")};
  if (v->plan_count) r.file = v->plan_path[0];
  if (item->fault) {
    char text[200];
    peri_json_fault_text(item->fault, item->raw, text, sizeof text);
    r.message = peri_arena_fmt(a, "the record is no sound JSON: %s", text);
  } else if (item->raw.n > PERI_RECORD_BYTES_MAX) {
    r.message = peri_arena_fmt(a, "the record has %zu bytes; one may have %u", item->raw.n, PERI_RECORD_BYTES_MAX);
  } else {
    r.code = PERI_STR("required");
    r.field = key_paths_text(v, a);
    r.message = peri_arena_fmt(a, "the record has no key of at most %d bytes at %.*s", PERI_KEY_BYTES_MAX, PERI_S(r.field));
  }
  row_reject(rows, a, item->index, 0, &r);
  return true;
}

static void row_keep(peri_shop *s, const peri_view *v, peri_row_list *rows, peri_arena *a, const peri_item *item, uint16_t plan,
                     const peri_row *made) {
  peri_row own = *made;
  const peri_row *row = &own;
  if (!own.key.n && own.verdict == PERI_ROW && v->key_free) own.key = key_stand_in(item->index, a);
  /* a frame to the core holds one row at least: what is larger than that can't be kept */
  bool fits = row->data.n + row->warnings.n + 64 < PERI_FRAME_TO_CORE_MAX - PERI_FRAME_PORTION;
  if (row->verdict == PERI_REJECT || !fits || row->key.n > PERI_KEY_BYTES_MAX || (row->verdict == PERI_ROW && !row->key.n)) {
    peri_reject r = row->reject;
    if (row->verdict != PERI_REJECT) {
      r = (peri_reject){.external_id = row->key, .entity = v->plan_entity[plan], .code = PERI_STR("rule"), .file = v->plan_path[plan]};
      if (!fits)
        r.message = peri_arena_fmt(a, "the row has %zu bytes; one may have about %u", row->data.n, PERI_FRAME_TO_CORE_MAX - PERI_FRAME_PORTION);
      else {
        r.code = PERI_STR("required");
        r.field = PERI_STR("key");
        r.message = peri_arena_fmt(a, "the row's key has %zu bytes; 1 to %d are needed", row->key.n, PERI_KEY_BYTES_MAX);
      }
    }
    row_reject(rows, a, item->index, plan, &r);
    return;
  }
  peri_row_msg *out = row_add(rows, a, item->index, plan);
  out->verdict = (uint8_t)row->verdict;
  out->set = v->plan_set[plan];
  out->key = peri_arena_str(a, row->key);
  if (row->verdict == PERI_ROW) {
    out->data = peri_arena_str(a, row->data);
    peri_hash(s->hash_seed, out->data, (peri_str){"", 0}, out->data_hash);
  }
  if (row->warnings.n) out->warnings = peri_arena_str(a, row->warnings);
  rows->bytes += out->data.n + out->warnings.n + 64;
}

bool peri_view_rows(peri_shop *s, const peri_view *v, const peri_item *item, const peri_split_record *split, peri_str headers, peri_arena *a,
                    peri_row_list *rows) {
  if (reject_early(v, item, split, a, rows)) return true;
  if (!v->plan_count) {
    peri_row_msg *row = row_add(rows, a, item->index, 0);
    row->verdict = PERI_ROW;
    row->key = split->key;
    row->data = peri_arena_str(a, item->raw);
    peri_hash(s->hash_seed, row->data, (peri_str){"", 0}, row->data_hash);
    rows->bytes += row->data.n + 64;
    return true;
  }
  for (size_t i = 0; i < v->plan_count; i++) {
    peri_record_in in = {
        .index = item->index, .raw = item->raw, .slots = item->slots, .fault = item->fault, .headers_json = headers, .context = item->context};
    peri_row *made = NULL;
    size_t count = 0;
    peri_arena_reset(s->row_arena);
    s->caller.base.broken = s->caller.inner->broken;
    peri_buf trace = {.max = PERI_FRAME_TO_CORE_MAX};
    if (s->tracing) in.trace = &trace;
    peri_plan_run(v->plans[i], &s->caller.base, &in, s->row_arena, &made, &count);
    if (s->tracing && !s->caller.base.broken && !trace.over) peri_shop_send_text(s, PERI_K_TRACE, &trace, true);
    peri_buf_fini(&trace);
    if (s->caller.base.broken) return false;
    for (size_t k = 0; k < count; k++) row_keep(s, v, rows, a, item, (uint16_t)i, &made[k]);
  }
  return true;
}
