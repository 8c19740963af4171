/* script/emulator: plays an API from a connector's emulator file: tables of records, routes, tokens, rates, faults, webhooks.
 *
 * Lives in the worker beside the script's state. Records are packed JSON outside the VM. Everything is decided from the seed, the
 * requests and the time that comes with each request, so two runs with the same requests answer the same bytes. */
#ifndef PERI_SCRIPT_EMULATOR_H
#define PERI_SCRIPT_EMULATOR_H

#include "script/script.h"
#include "wire/wire.h"

typedef struct peri_emulator peri_emulator;

/* tree: the loaded file (root: the word emulator), made in `s`; both must outlive the emulator. The state should have been made with
 * call_ms = PERI_EMULATOR_CALL_MS and vm_bytes = PERI_EMULATOR_VM_BYTES.
 * options: the member "emulator" of LOAD's `want`: {"records":N,"seed":S,"nowMs":T} (all optional). */
peri_code peri_emulator_new(peri_script *s, const peri_tree *tree, peri_str options, peri_emulator **out, peri_err *e);
void peri_emulator_free(peri_emulator *em);

/* Fills the tables, at most `records` at a time; *more says that there is more to do. Call it until it is false, sending a LOG frame in
 * between (a large account takes longer than the core waits for a silent worker). */
peri_code peri_emulator_fill(peri_emulator *em, size_t records, bool *more, peri_err *e);
/* {"title","records":{"contact":10000,…},"credentials":{…}}: what `perilune emulate` prints; goes into LOADED as "emulator". */
void peri_emulator_describe(peri_emulator *em, peri_buf *json);

/* Answers one request. The answer's texts live until the next call. A script's failure is an answer too: status 500 with its text in the
 * header "x-emulator-error" and in the body. */
void peri_emulator_serve(peri_emulator *em, const peri_serve *request, peri_answer *answer);
/* The state is out of memory for good: nothing more can be answered. */
bool peri_emulator_broken(const peri_emulator *em);

#endif
