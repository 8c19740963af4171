/* core/prepare: everything a run needs before its first page: integration, connector, mappings, what the account has (discover), the rate ledger.
 * Also the single questions: check and discover. */
#ifndef PERI_CORE_PREPARE_H
#define PERI_CORE_PREPARE_H

#include "core/run.h"

#define PERI_DISCOVER_MS_MAX (24 * 3600 * 1000) /* what an account has is asked again after a day */

/* A run that knows its project and options and nothing else yet; options must live as long as it. */
peri_run *peri_run_new(peri_engine *g, const peri_project *project, const peri_sync_options *options);
typedef enum peri_prepare {
  PERI_PREPARE_PLAIN,   /* the integration opened, the scripts in force loaded */
  PERI_PREPARE_SETTLED, /* before that: the scripts made visible in the database */
  PERI_PREPARE_WHOLE    /* after that: what is older than a day discovered (only for streams that mappings read everything of), scripts loaded again */
} peri_prepare;
/* Blocks nothing; done comes once, perhaps at once. A run that is to stop ends between two steps. */
void peri_run_prepare_start(peri_run *r, peri_prepare how, void (*done)(void *self, const peri_err *e), void *self);
/* Waits for a run that is ready to ask, without discovery: for check, explain, remap and discover itself. */
peri_code peri_run_prepare_plain(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_run **out, peri_err *e);
void peri_run_free(peri_run *r);

/* Asks the connector's `check`; keeps what `keep` names. *json: {"success":true,"status","tookMs","account":{kept…}}. */
peri_code peri_check(peri_engine *g, const peri_project *project, peri_str integration, peri_buf *json, peri_err *e);
/* Asks every `discover` and `more` now; *json: {stream:{field:{"label","type","options"}}}. */
peri_code peri_discover(peri_engine *g, const peri_project *project, peri_str integration, peri_buf *json, peri_err *e);
/* Requests of a stream, holes named and filled. */
peri_code peri_run_explain(peri_engine *g, const peri_project *project, peri_str integration, peri_str stream, peri_buf *text, peri_err *e);

#endif
