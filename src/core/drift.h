/* core/drift: what becomes of an account's fields when they are looked at again: a field that appeared, vanished, or became something else follows the
 * stream's policy (setting drift.STREAM: evolve, freeze, ask) and is remembered with what it was. */
#ifndef PERI_CORE_DRIFT_H
#define PERI_CORE_DRIFT_H

#include "core/run.h"
#include "store/drift.h"

typedef enum peri_drift_policy { PERI_DRIFT_EVOLVE, PERI_DRIFT_FREEZE, PERI_DRIFT_ASK } peri_drift_policy;

bool peri_drift_policy_read(peri_str text, peri_drift_policy *out);
/* The changes from one set of fields to another, {name:{"type","options",…}}: appeared, type, options in the order of `now`, then vanished. Labels and
 * the order of options are no change. */
size_t peri_drift_compare(peri_arena *a, const peri_json *was, const peri_json *now, peri_drift_row **out);
/* Decides by the policy: what is to be written (*rows), and the fields in force from now on. `old`: those in force; `open`: unsettled rows. */
peri_str peri_drift_decide(peri_arena *a, peri_drift_policy policy, const peri_json *old, const peri_json *now, const peri_drift_row *open, size_t open_count,
                           peri_drift_row **rows, size_t *count);
/* Takes what a stream's `discover` answered. An empty answer, or none (json empty), keeps what is known. changed: other fields are in force now. */
peri_code peri_drift_meet(peri_run *r, const peri_stream *s, peri_str json, bool *changed, peri_err *e);
/* The answer of a person: those of ids (none: all that wait) are taken, or declined. *json: what was answered, as in peri_drift_list, less the names. */
peri_code peri_drift_answer(peri_store *s, peri_str integration_id, peri_str name, const int64_t *ids, size_t id_count, bool accept, peri_drift_row **out, size_t *count,
                            peri_arena *a, peri_err *e);
/* Old and new in words: "number", "string" -> "number", "-gold" -> "+silver". */
void peri_drift_words(peri_arena *a, peri_str what, const peri_json *was, const peri_json *now, peri_str *from, peri_str *to);
/* Where mappings read a field of a stream, "mappings/hubspot/contact.lua:5", added to *places; s NULL: the stream is not in the connector's file.
 * rest: a mapping takes it in with everything else. *path: how a mapping names it. */
void peri_drift_readers(peri_arena *a, const peri_scripts *k, peri_str type, peri_str stream, const peri_stream *s, peri_str field, peri_map *places, bool *rest,
                        peri_str *path);

#endif
