/* wire/pack: little-endian numbers and counted texts, the bricks of packed messages. Internal to wire/.
 * A reader never reads past its end: after the first mistake it answers zeros and stays `bad`. */
#ifndef PERI_WIRE_PACK_H
#define PERI_WIRE_PACK_H

#include "base/buf.h"

void peri_pack_u8(peri_buf *out, uint8_t v);
void peri_pack_u16(peri_buf *out, uint16_t v);
void peri_pack_u32(peri_buf *out, uint32_t v);
void peri_pack_u64(peri_buf *out, uint64_t v);
void peri_pack_str(peri_buf *out, peri_str s); /* u32 length, bytes */

typedef struct peri_reader {
  const unsigned char *p;
  size_t n; /* left */
  bool bad;
} peri_reader;

peri_reader peri_reader_of(peri_str payload);
uint8_t peri_read_u8(peri_reader *r);
uint16_t peri_read_u16(peri_reader *r);
uint32_t peri_read_u32(peri_reader *r);
uint64_t peri_read_u64(peri_reader *r);
peri_str peri_read_str(peri_reader *r); /* borrowed */
void peri_read_bytes(peri_reader *r, void *out, size_t n);
/* A count of items of at least `least` bytes each: a count that the rest cannot hold is a mistake, found before any memory is asked for. */
size_t peri_read_count(peri_reader *r, size_t least);
bool peri_read_end(const peri_reader *r); /* everything was there and nothing is left */

#endif
