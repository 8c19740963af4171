/* net/exchange: a request as libmicrohttpd brings it, piece by piece, gathered whole: what the two servers of this room share. */
#ifndef PERI_NET_EXCHANGE_H
#define PERI_NET_EXCHANGE_H

#include "net/http.h"
#include "net/lazy.h"

typedef struct peri_exchange {
  peri_arena *arena;
  peri_str path, query; /* as sent */
  peri_header *headers; /* names in lower case */
  size_t header_count, header_cap;
  peri_buf body;
  bool too_large;       /* more body came than body.max */
} peri_exchange;

void peri_exchange_init(peri_exchange *x, const char *uri, uint64_t body_bytes_max);
void peri_exchange_fini(peri_exchange *x);
void peri_exchange_headers(peri_exchange *x, const peri_mhd_library *lib, struct MHD_Connection *connection);
void peri_exchange_body(peri_exchange *x, const char *bytes, size_t *n); /* takes all of it */
void peri_exchange_add_headers(const peri_mhd_library *lib, struct MHD_Response *response, const peri_header *headers, size_t count);

#endif
