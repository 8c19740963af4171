/* net/exchange: see the header. */
#include "net/exchange.h"

#include <stdlib.h>

void peri_exchange_init(peri_exchange *x, const char *uri, uint64_t body_bytes_max) {
  *x = (peri_exchange){.arena = peri_arena_new()};
  x->query = peri_str_cut(peri_arena_str(x->arena, peri_str_of(uri)), '?', &x->path);
  x->body.max = body_bytes_max;
}

void peri_exchange_fini(peri_exchange *x) {
  peri_buf_fini(&x->body);
  peri_arena_free(x->arena);
}

static enum MHD_Result on_header(void *self, enum MHD_ValueKind kind, const char *name, const char *value) {
  (void)kind;
  peri_exchange *x = self;
  x->headers = peri_arena_grow(x->arena, x->headers, x->header_count, &x->header_cap, sizeof *x->headers);
  peri_str key = peri_arena_str(x->arena, peri_str_of(name));
  for (char *c = (char *)(uintptr_t)key.p; *c; c++)
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
  x->headers[x->header_count++] = (peri_header){key, peri_arena_str(x->arena, peri_str_of(value ? value : ""))};
  return MHD_YES;
}

void peri_exchange_headers(peri_exchange *x, const peri_mhd_library *lib, struct MHD_Connection *connection) {
  x->header_count = 0;
  lib->MHD_get_connection_values_p(connection, MHD_HEADER_KIND, on_header, x);
}

void peri_exchange_body(peri_exchange *x, const char *bytes, size_t *n) {
  peri_buf_put(&x->body, bytes, *n);
  x->too_large = x->too_large || x->body.over;
  *n = 0;
}

void peri_exchange_add_headers(const peri_mhd_library *lib, struct MHD_Response *response, const peri_header *headers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char *name = peri_dup(headers[i].name), *value = peri_dup(headers[i].value);
    lib->MHD_add_response_header_p(response, name, value);
    free(name);
    free(value);
  }
}
