/* cmd/host: runs command lines inside a process that stays, each in a thread of its own, with the service's store, vault and engine. */
#ifndef PERI_CMD_HOST_H
#define PERI_CMD_HOST_H

#include "api/commands.h"
#include "cmd/cli.h"
#include "core/service.h"

typedef struct peri_host peri_host;

peri_host *peri_host_new(peri_service *service);
void peri_host_free(peri_host *h); /* no job may be left */
size_t peri_host_jobs(const peri_host *h);
void peri_host_cancel_all(peri_host *h);
peri_command_runner peri_host_commands(peri_host *h); /* for the API */

/* The service of the job that this thread runs; NULL: an ordinary process. */
peri_service *peri_hosted(void);
peri_snapshot *peri_hosted_scripts(void);
void *peri_hosted_owner(void);                         /* marks what the job starts */
bool peri_hosted_file(const char *name, peri_str *bytes); /* what the client sent with its line */

#endif
