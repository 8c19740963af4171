/* wire/pack: see pack.h. Refuses to read past the end of a payload; refuses nothing else, ranges are for messages.c. */
#include "wire/pack.h"

static void put_le(peri_buf *out, uint64_t v, size_t bytes) {
  char *room = peri_buf_room(out, bytes);
  if (!room) return;
  for (size_t i = 0; i < bytes; i++) room[i] = (char)(unsigned char)(v >> (8 * i));
  out->n += bytes;
}

void peri_pack_u8(peri_buf *out, uint8_t v) { put_le(out, v, 1); }
void peri_pack_u16(peri_buf *out, uint16_t v) { put_le(out, v, 2); }
void peri_pack_u32(peri_buf *out, uint32_t v) { put_le(out, v, 4); }
void peri_pack_u64(peri_buf *out, uint64_t v) { put_le(out, v, 8); }

void peri_pack_str(peri_buf *out, peri_str s) {
  if (s.n > UINT32_MAX) { /* no frame is that long; the receiver would see another length */
    out->over = true;
    return;
  }
  put_le(out, s.n, 4);
  peri_buf_put(out, s.p, s.n);
}

peri_reader peri_reader_of(peri_str payload) { return (peri_reader){(const unsigned char *)payload.p, payload.n, false}; }

static uint64_t get_le(peri_reader *r, size_t bytes) {
  if (r->bad || r->n < bytes) {
    r->bad = true;
    return 0;
  }
  uint64_t v = 0;
  for (size_t i = 0; i < bytes; i++) v |= (uint64_t)r->p[i] << (8 * i);
  r->p += bytes;
  r->n -= bytes;
  return v;
}

uint8_t peri_read_u8(peri_reader *r) { return (uint8_t)get_le(r, 1); }
uint16_t peri_read_u16(peri_reader *r) { return (uint16_t)get_le(r, 2); }
uint32_t peri_read_u32(peri_reader *r) { return (uint32_t)get_le(r, 4); }
uint64_t peri_read_u64(peri_reader *r) { return get_le(r, 8); }

peri_str peri_read_str(peri_reader *r) {
  size_t n = (size_t)get_le(r, 4);
  if (r->bad || n > r->n) {
    r->bad = true;
    return (peri_str){"", 0};
  }
  peri_str s = {n ? (const char *)r->p : "", n};
  if (n) r->p += n;
  r->n -= n;
  return s;
}

void peri_read_bytes(peri_reader *r, void *out, size_t n) {
  if (r->bad || r->n < n) {
    r->bad = true;
    memset(out, 0, n);
    return;
  }
  memcpy(out, r->p, n);
  r->p += n;
  r->n -= n;
}

size_t peri_read_count(peri_reader *r, size_t least) {
  size_t count = peri_read_u32(r);
  if (!r->bad && count > r->n / least) r->bad = true;
  return r->bad ? 0 : count;
}

bool peri_read_end(const peri_reader *r) { return !r->bad && r->n == 0; }
