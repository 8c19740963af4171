/* core/prepare: everything a run needs before its first page: integration, connector, mappings, what the account has (discover), the rate ledger.
 * Also the single questions: check and discover. */
#ifndef PERI_CORE_PREPARE_H
#define PERI_CORE_PREPARE_H

#include "core/run.h"

#define PERI_DISCOVER_MS_MAX (24 * 3600 * 1000) /* what an account has is asked again after a day */

/* Discovers what is older than a day (only for streams that mappings read everything of), then loads scripts with what is known. */
peri_code peri_run_prepare(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_run **out, peri_err *e);
/* The same without discovery: for check, explain and discover itself. */
peri_code peri_run_prepare_plain(peri_engine *g, const peri_project *project, const peri_sync_options *options, peri_run **out, peri_err *e);
void peri_run_free(peri_run *r);

/* Asks the connector's `check`; keeps what `keep` names. *json: {"success":true,"status","tookMs","account":{kept…}}. */
peri_code peri_check(peri_engine *g, const peri_project *project, peri_str integration, peri_buf *json, peri_err *e);
/* Asks every `discover` and `more` now; *json: {stream:{field:{"label","type","options"}}}. */
peri_code peri_discover(peri_engine *g, const peri_project *project, peri_str integration, peri_buf *json, peri_err *e);
/* Requests of a stream, holes named and filled. */
peri_code peri_run_explain(peri_engine *g, const peri_project *project, peri_str integration, peri_str stream, peri_buf *text, peri_err *e);

#endif
