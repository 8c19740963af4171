/* store/report: what reading commands ask. All answers are JSON texts. */
#ifndef PERI_STORE_REPORT_H
#define PERI_STORE_REPORT_H

#include "store/store.h"

peri_code peri_report_status(peri_store *s, peri_str name, peri_buf *json, peri_err *e); /* "" all:
                                                                                            [{"name","type","status","last_sync","data_count","error_count","running":run|null,"last_run":{…},"streams":[{"stream","phase","rows","rejects","position"}],"questions":[…],"drift":[…]}]
                                                                                          */
peri_code peri_report_runs(peri_store *s, peri_str name, int limit, peri_buf *json, peri_err *e);
peri_code peri_report_rejects(peri_store *s, peri_str name, const peri_reject_filter *filter, int limit, int64_t after_seq, peri_buf *json, peri_err *e);
/* Open ones, most first: [{"entity","code","field","message","count"}] */
peri_code peri_report_reject_counts(peri_store *s, peri_str name, const peri_reject_filter *filter, peri_buf *json, peri_err *e);
/* What is known of a record, wherever it stands: [{"integration","type","id","state",…,"plan","generation","run","method","url","page"}]. */
peri_code peri_report_why(peri_store *s, peri_str name, peri_str entity, peri_str id, peri_buf *json, peri_err *e);
peri_code peri_report_generation_files(peri_store *s, int64_t generation, peri_buf *json, peri_err *e); /* [{"path"}] */
peri_code peri_report_discarded(peri_store *s, peri_str name, const peri_reject_filter *filter, int64_t *count, peri_err *e);
peri_code peri_report_registry(peri_store *s, peri_buf *json, peri_err *e);
/* `perilune sql`: read-only; each row is given as texts with their types (PERI_J_NULL, NUMBER that is sound JSON, STRING; blobs as hex); at most 2 s
 * inside one transaction is not promised for a user's own query, but it is interruptible. */
peri_code peri_report_sql(peri_store *s, peri_str query,
                          bool (*row)(void *self, int columns, const peri_str *names, const peri_str *values, const peri_jtype *types), void *self,
                          peri_err *e);
peri_code peri_report_rows(peri_store *s, peri_str name, peri_str entity, int limit, peri_buf *json, peri_err *e);

#endif
