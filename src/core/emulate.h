/* core/emulate: plays an API on loopback: an HTTP server here, the emulator's script in one jailed worker. Holds neither database nor key.
 * Refuses to serve any address but 127.0.0.1 and to send webhooks to any address but loopback. */
#ifndef PERI_CORE_EMULATE_H
#define PERI_CORE_EMULATE_H

#include <stdio.h>

#include "base/err.h"
#include "wire/wire.h"

typedef struct peri_emulate_config {
  const char *type;             /* "hubspot": connectors/hubspot_emulator.lua */
  const peri_load_file *files;  /* the script files in force, for the emulator and its `use`; NULL: the shipped ones (base/embed.h) */
  size_t file_count;
  int port;                     /* 0: any */
  int64_t records;              /* scales the tables: so many in the largest; -1: as the file says */
  int64_t seed;
} peri_emulate_config;

/* Runs beside the caller's own work: for tests and `perilune test`. Call start from the main thread. */
typedef struct peri_emulation peri_emulation;
peri_emulation *peri_emulation_start(const peri_emulate_config *config, peri_err *e);
const char *peri_emulation_url(const peri_emulation *m);     /* "http://127.0.0.1:PORT" */
peri_str peri_emulation_describe(const peri_emulation *m);   /* JSON {"name","title","records","credentials"} */
/* False once its worker died; *e says of what. */
bool peri_emulation_alive(peri_emulation *m, peri_err *e);
void peri_emulation_stop(peri_emulation *m);

/* `perilune emulate`: prints the base URL as the first line of `out`, then what there is, and serves until SIGINT, SIGTERM, or the worker's death. */
peri_code peri_emulate(const peri_emulate_config *config, FILE *out, peri_err *e);

#endif
