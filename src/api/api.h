/* api/api: the HTTP side of a process that stays: REST resources, webhooks, metrics. No SQL, no curl, no secrets here: it asks store, core and vault. */
#ifndef PERI_API_API_H
#define PERI_API_API_H

#include "api/commands.h"
#include "core/service.h"

typedef struct peri_api peri_api;

typedef struct peri_api_config {
  peri_service *service;
  peri_command_runner commands;
  const char *address;            /* NULL: the Unix socket alone */
  int port;
  const char *socket_path;        /* NULL: none */
  const char *tls_cert, *tls_key; /* PEM texts; NULL: plain HTTP */
} peri_api_config;

peri_api *peri_api_start(const peri_api_config *config, int *port_out, peri_err *e);
void peri_api_quiesce(peri_api *a); /* takes no new connections */
void peri_api_stop(peri_api *a);    /* then run the loop once more */
peri_service *peri_api_service(const peri_api *a);

#endif
