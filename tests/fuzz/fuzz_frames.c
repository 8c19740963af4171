/* What a hostile worker may send: any bytes as any message, and any bytes on the link. What is accepted must be encoded again to the same bytes,
 * so a decoder that reads less or more than it should is found even where memory is fine. First byte: which message; 8 and above: the link. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_equal(const peri_buf *again, peri_str payload) {
  if (again->n != payload.n || (payload.n && memcmp(again->p, payload.p, payload.n))) abort();
}

static void as_message(unsigned which, peri_str p) {
  static peri_arena *a;
  if (!a) a = peri_arena_new();
  peri_arena_reset(a);
  peri_buf out = {0};
  switch (which) {
  case 0: {
    peri_split m;
    if (!peri_split_get(p, a, &m)) break;
    peri_split_put(&out, &m);
    must_equal(&out, p);
    (void)peri_split_fits(&m, 1000);
    break;
  }
  case 1: {
    peri_rows m;
    if (!peri_rows_get(p, a, &m)) break;
    peri_rows_put(&out, &m);
    must_equal(&out, p);
    break;
  }
  case 2: {
    peri_answer m;
    if (!peri_answer_get(p, &m)) break;
    peri_answer_put(&out, &m);
    must_equal(&out, p);
    break;
  }
  case 3: {
    peri_load m;
    if (!peri_load_get(p, a, &m)) break;
    peri_load_put(&out, &m);
    must_equal(&out, p);
    break;
  }
  case 4: {
    peri_page_msg m;
    if (!peri_page_get(p, &m)) break;
    peri_page_put(&out, &m);
    must_equal(&out, p);
    break;
  }
  case 5: {
    peri_map_msg m;
    if (!peri_map_msg_get(p, &m)) break;
    peri_map_msg_put(&out, &m);
    must_equal(&out, p);
    for (size_t i = 0; i < 8 * m.bitmap.n + 9; i++) (void)peri_bit_get(m.bitmap, i);
    break;
  }
  case 6: {
    peri_serve m;
    if (!peri_serve_get(p, &m)) break;
    peri_serve_put(&out, &m);
    must_equal(&out, p);
    break;
  }
  default: {
    peri_str rest = p, raw, context;
    while (rest.n && peri_record_get(&rest, &raw, &context)) peri_record_put(&out, raw, context);
    if (rest.n == 0) must_equal(&out, p);
  }
  }
  peri_buf_fini(&out);
}

static void as_stream(peri_str p) {
  int pair[2];
  if (p.n > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return;
  peri_link *l = peri_link_new(pair[0], 4096, false);
  if (write(pair[1], p.p, p.n) != (ssize_t)p.n) abort();
  close(pair[1]);
  peri_frame f;
  bool got;
  size_t seen = 0;
  while (peri_link_next(l, &f, &got, NULL) == PERI_OK && got) {
    seen += 16 + f.payload.n;
    as_message((unsigned)f.kind % 8, f.payload);
  }
  if (seen > p.n) abort();
  peri_link_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size) return 0;
  /* a copy that ends where the payload does, so that one byte too far is seen */
  char *copy = malloc(size);
  memcpy(copy, data + 1, size - 1);
  if (data[0] < 8)
    as_message(data[0], (peri_str){copy, size - 1});
  else
    as_stream((peri_str){copy, size - 1});
  free(copy);
  return 0;
}
