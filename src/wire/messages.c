/* wire/messages: the packed messages, encoded and decoded field by field. Start at the pair that you need; each `get` mirrors its `put`.
 *
 * What comes from a worker is hostile: lengths, ranges, UTF-8 and JSON are checked here, once, so that nothing behind it has to. Refuses a message
 * with bytes left over. What only the core can know (that an offset lies inside the page it sent) is for peri_split_fits. */
#include "wire/pack.h"
#include "wire/wire.h"
#include "json/json.h"

/* least bytes an item takes: what bounds a count */
#define LOAD_FILE_LEAST 8u
#define SPLIT_RECORD_LEAST (4u * 3 + 2 + 8 + 16 + 4 * 3)
#define ROW_LEAST (4u + 2 + 1 + 1 + 16 + 4 * 4)

static bool is_json(peri_str text, peri_jtype type) {
  peri_span value;
  peri_json_fault fault;
  return peri_json_check(text, &value, &fault) && (type == PERI_J_NONE || value.type == type);
}

static bool is_json_or_empty(peri_str text, peri_jtype type) { return text.n == 0 || is_json(text, type); }

static bool is_key(peri_str key) { return key.n <= PERI_KEY_BYTES_MAX && peri_utf8_valid(key); }

/* ---- LOAD ---- */

void peri_load_put(peri_buf *out, const peri_load *m) {
  peri_pack_u32(out, (uint32_t)m->file_count);
  for (size_t i = 0; i < m->file_count; i++) {
    peri_pack_str(out, m->files[i].path);
    peri_pack_str(out, m->files[i].bytes);
  }
  peri_pack_str(out, m->rows);
  peri_pack_str(out, m->settings);
  peri_pack_str(out, m->discovered);
  peri_pack_str(out, m->want);
}

bool peri_load_get(peri_str payload, peri_arena *a, peri_load *m) {
  peri_reader r = peri_reader_of(payload);
  *m = (peri_load){0};
  size_t count = peri_read_count(&r, LOAD_FILE_LEAST);
  m->files = count ? peri_arena_take(a, count * sizeof *m->files) : NULL;
  for (size_t i = 0; i < count && !r.bad; i++) {
    m->files[i].path = peri_read_str(&r);
    m->files[i].bytes = peri_read_str(&r);
  }
  m->file_count = count;
  m->rows = peri_read_str(&r);
  m->settings = peri_read_str(&r);
  m->discovered = peri_read_str(&r);
  m->want = peri_read_str(&r);
  return peri_read_end(&r);
}

/* ---- PAGE, and the records inside one ---- */

void peri_page_put(peri_buf *out, const peri_page_msg *m) {
  peri_pack_u32(out, m->page);
  peri_pack_u32(out, m->view);
  peri_pack_u32(out, m->flags);
  peri_pack_u32(out, m->first);
  peri_pack_u32(out, m->count);
  peri_pack_str(out, m->headers_json);
  peri_pack_str(out, m->parent_json);
  peri_pack_str(out, m->bytes);
}

bool peri_page_get(peri_str payload, peri_page_msg *m) {
  peri_reader r = peri_reader_of(payload);
  m->page = peri_read_u32(&r);
  m->view = peri_read_u32(&r);
  m->flags = peri_read_u32(&r);
  m->first = peri_read_u32(&r);
  m->count = peri_read_u32(&r);
  m->headers_json = peri_read_str(&r);
  m->parent_json = peri_read_str(&r);
  m->bytes = peri_read_str(&r);
  return peri_read_end(&r);
}

void peri_record_put(peri_buf *out, peri_str raw, peri_str context) {
  peri_pack_str(out, raw);
  peri_pack_str(out, context);
}

bool peri_record_get(peri_str *rest, peri_str *raw, peri_str *context) {
  peri_reader r = peri_reader_of(*rest);
  *raw = peri_read_str(&r);
  *context = peri_read_str(&r);
  if (r.bad) return false;
  *rest = (peri_str){r.n ? (const char *)r.p : "", r.n};
  return true;
}

/* ---- SPLIT ---- */

void peri_split_put(peri_buf *out, const peri_split *m) {
  peri_pack_u32(out, m->page);
  peri_pack_u8(out, m->records_found);
  peri_pack_str(out, m->page_values);
  peri_pack_str(out, m->pairs);
  peri_pack_u32(out, (uint32_t)m->count);
  for (size_t i = 0; i < m->count; i++) {
    const peri_split_record *s = &m->records[i];
    peri_pack_u32(out, s->index);
    peri_pack_u32(out, s->offset);
    peri_pack_u32(out, s->bytes);
    peri_pack_u8(out, s->removed);
    peri_pack_u8(out, s->bad);
    peri_pack_u64(out, (uint64_t)s->updated);
    peri_buf_put(out, s->raw_hash, sizeof s->raw_hash);
    peri_pack_str(out, s->key);
    peri_pack_str(out, s->context);
    peri_pack_str(out, s->merged);
  }
}

bool peri_split_get(peri_str payload, peri_arena *a, peri_split *m) {
  peri_reader r = peri_reader_of(payload);
  *m = (peri_split){0};
  m->page = peri_read_u32(&r);
  m->records_found = peri_read_u8(&r);
  m->page_values = peri_read_str(&r);
  m->pairs = peri_read_str(&r);
  size_t count = peri_read_count(&r, SPLIT_RECORD_LEAST);
  if (r.bad || m->records_found > 1 || count > PERI_RECORDS_PER_PAGE_MAX) return false;
  if (!is_json_or_empty(m->page_values, PERI_J_OBJECT) || !is_json_or_empty(m->pairs, PERI_J_ARRAY)) return false;
  m->records = count ? peri_arena_take(a, count * sizeof *m->records) : NULL;
  for (size_t i = 0; i < count; i++) {
    peri_split_record *s = &m->records[i];
    s->index = peri_read_u32(&r);
    s->offset = peri_read_u32(&r);
    s->bytes = peri_read_u32(&r);
    s->removed = peri_read_u8(&r);
    s->bad = peri_read_u8(&r);
    s->updated = (int64_t)peri_read_u64(&r);
    peri_read_bytes(&r, s->raw_hash, sizeof s->raw_hash);
    s->key = peri_read_str(&r);
    s->context = peri_read_str(&r);
    s->merged = peri_read_str(&r);
    if (r.bad || s->removed > 1 || s->bad > 1 || s->index >= PERI_RECORDS_PER_PAGE_MAX) return false;
    if (!is_key(s->key) || (s->key.n == 0 && !s->bad)) return false;
    if (!is_json_or_empty(s->context, PERI_J_OBJECT) || !is_json_or_empty(s->merged, PERI_J_ARRAY)) return false;
  }
  m->count = count;
  return peri_read_end(&r);
}

bool peri_split_fits(const peri_split *m, size_t page_bytes) {
  for (size_t i = 0; i < m->count; i++) {
    const peri_split_record *s = &m->records[i];
    if (s->offset > page_bytes || s->bytes > page_bytes - s->offset) return false;
    if (i && s->index <= m->records[i - 1].index) return false; /* each record once, in order */
  }
  return true;
}

/* ---- MAP ---- */

void peri_map_msg_put(peri_buf *out, const peri_map_msg *m) {
  peri_pack_u32(out, m->page);
  peri_pack_str(out, m->bitmap);
}

bool peri_map_msg_get(peri_str payload, peri_map_msg *m) {
  peri_reader r = peri_reader_of(payload);
  m->page = peri_read_u32(&r);
  m->bitmap = peri_read_str(&r);
  return peri_read_end(&r);
}

bool peri_bit_get(peri_str bitmap, size_t i) { return i / 8 < bitmap.n && ((unsigned)(unsigned char)bitmap.p[i / 8] >> (i % 8) & 1u); }

/* ---- ROWS ---- */

void peri_rows_put(peri_buf *out, const peri_rows *m) {
  peri_pack_u32(out, m->page);
  peri_pack_u32(out, (uint32_t)m->count);
  for (size_t i = 0; i < m->count; i++) {
    const peri_row_msg *row = &m->rows[i];
    peri_pack_u32(out, row->index);
    peri_pack_u16(out, row->plan);
    peri_pack_u8(out, row->verdict);
    peri_pack_u8(out, row->set);
    peri_buf_put(out, row->data_hash, sizeof row->data_hash);
    peri_pack_str(out, row->key);
    peri_pack_str(out, row->data);
    peri_pack_str(out, row->warnings);
    peri_pack_str(out, row->reject);
  }
}

bool peri_rows_get(peri_str payload, peri_arena *a, peri_rows *m) {
  peri_reader r = peri_reader_of(payload);
  *m = (peri_rows){0};
  m->page = peri_read_u32(&r);
  size_t count = peri_read_count(&r, ROW_LEAST);
  m->rows = count ? peri_arena_take(a, count * sizeof *m->rows) : NULL;
  for (size_t i = 0; i < count; i++) {
    peri_row_msg *row = &m->rows[i];
    row->index = peri_read_u32(&r);
    row->plan = peri_read_u16(&r);
    row->verdict = peri_read_u8(&r);
    row->set = peri_read_u8(&r);
    peri_read_bytes(&r, row->data_hash, sizeof row->data_hash);
    row->key = peri_read_str(&r);
    row->data = peri_read_str(&r);
    row->warnings = peri_read_str(&r);
    row->reject = peri_read_str(&r);
    if (r.bad || row->verdict < 1 || row->verdict > 3 || row->set > 1 || row->index >= PERI_RECORDS_PER_PAGE_MAX || !is_key(row->key)) return false;
    if (row->verdict == 1 && (row->key.n == 0 || !is_json(row->data, PERI_J_NONE))) return false;
    if (row->verdict == 2 && !is_json(row->reject, PERI_J_OBJECT)) return false;
    if (row->verdict != 1 && row->data.n) return false;
    if (!is_json_or_empty(row->warnings, PERI_J_ARRAY)) return false;
  }
  m->count = count;
  return peri_read_end(&r);
}

/* ---- emulator and pull ---- */

void peri_serve_put(peri_buf *out, const peri_serve *m) {
  peri_pack_str(out, m->method);
  peri_pack_str(out, m->path);
  peri_pack_str(out, m->query_json);
  peri_pack_str(out, m->headers_json);
  peri_pack_str(out, m->body);
  peri_pack_u64(out, (uint64_t)m->now_ms);
}

bool peri_serve_get(peri_str payload, peri_serve *m) {
  peri_reader r = peri_reader_of(payload);
  m->method = peri_read_str(&r);
  m->path = peri_read_str(&r);
  m->query_json = peri_read_str(&r);
  m->headers_json = peri_read_str(&r);
  m->body = peri_read_str(&r);
  m->now_ms = (int64_t)peri_read_u64(&r);
  return peri_read_end(&r);
}

void peri_answer_put(peri_buf *out, const peri_answer *m) {
  peri_pack_u32(out, m->status);
  peri_pack_str(out, m->headers_json);
  peri_pack_str(out, m->body);
  peri_pack_u32(out, m->delay_ms);
  peri_pack_u8(out, m->fault);
  peri_pack_str(out, m->deliveries);
}

bool peri_answer_get(peri_str payload, peri_answer *m) {
  peri_reader r = peri_reader_of(payload);
  m->status = peri_read_u32(&r);
  m->headers_json = peri_read_str(&r);
  m->body = peri_read_str(&r);
  m->delay_ms = peri_read_u32(&r);
  m->fault = peri_read_u8(&r);
  m->deliveries = peri_read_str(&r);
  if (!peri_read_end(&r) || m->status < 100 || m->status > 999 || m->fault > 3) return false;
  return is_json_or_empty(m->headers_json, PERI_J_OBJECT) && is_json_or_empty(m->deliveries, PERI_J_ARRAY);
}

void peri_reply_put(peri_buf *out, uint32_t id, uint32_t status, peri_str headers_json, peri_str body) {
  peri_pack_u32(out, id);
  peri_pack_u32(out, status);
  peri_pack_str(out, headers_json);
  peri_pack_str(out, body);
}

bool peri_reply_get(peri_str payload, uint32_t *id, uint32_t *status, peri_str *headers_json, peri_str *body) {
  peri_reader r = peri_reader_of(payload);
  *id = peri_read_u32(&r);
  *status = peri_read_u32(&r);
  *headers_json = peri_read_str(&r);
  *body = peri_read_str(&r);
  return peri_read_end(&r);
}
