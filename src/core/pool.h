/* core/pool: the core's side of workers: starts them, speaks with them, watches them, and says what they died of.
 *
 * Two ways of use. Blocking (commands that do one thing: map, validate, test, emulate): loop NULL, then peri_worker_ask.
 * On a libuv loop (sync, remap): frames and deaths arrive by callback. A worker belongs to one run; make it, use it, close it.
 * Refuses: to give a worker any descriptor but its socket and its progress page, any environment, any secret. Believes nothing that it says. */
#ifndef PERI_CORE_POOL_H
#define PERI_CORE_POOL_H

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/wire.h"

typedef struct peri_worker peri_worker;

/* Why a worker ended, told by the kernel (signal, status), by our own watchdog, and, not to be trusted, by its progress page. */
typedef struct peri_death {
  peri_code code;      /* SCRIPT_TIMEOUT: it was stuck, SCRIPT_MEMORY: it hoarded, SCRIPT_CRASH: it crashed or tried a forbidden system call;
                          WORKER_LOST: killed from outside (SIGKILL that is not ours), could not be started, or spoke no sense */
  int signal, status;  /* of waitpid; 0 if not applicable */
  int bad_syscall;     /* number of the forbidden call; -1 if none */
  char syscall_name[32];
  uint32_t page, record, field, phase, file; /* what it said that it was doing (wire/progress.h) */
  char text[400];      /* one sentence for people */
} peri_death;

typedef struct peri_worker_config { /* zero means the default everywhere */
  uv_loop_t *loop;          /* NULL: blocking use */
  void *self;
  void (*on_frame)(void *self, peri_worker *w, const peri_frame *f);   /* loop only; LOG frames go to base/log by themselves. May send; may close. */
  void (*on_death)(void *self, peri_worker *w, const peri_death *d);   /* loop only; called once, not after peri_worker_close; then close it */
  int call_ms, load_ms;     /* script budgets: PERI_CALL_MS, PERI_LOAD_MS */
  uint64_t vm_bytes;        /* PERI_VM_BYTES */
  uint64_t hash_seed;       /* seed of raw_hash and data_hash, from the database */
  bool slow;                /* loop only: it begins where one ends up that was too busy, with what CPU time others leave */
  bool emulator;            /* PERI_EMULATOR_VM_BYTES, PERI_EMULATOR_CALL_MS unless given */
} peri_worker_config;

/* Starts a worker. Blocking use: and shakes hands (a few milliseconds). On a loop nothing is waited for: what is sent before it is ready waits in its
 * socket, and a worker that could not be started is told as a death with no layers. There it gets less CPU time than the core, and one that computes for
 * long without a frame only what others leave: a hostile script slows nobody but itself. Call it from the main thread only: the kernel
 * ends a worker together with the *thread* that started it. NULL: WORKER_LOST. *config is copied. */
peri_worker *peri_worker_start(const peri_worker_config *config, peri_err *e);

/* Ends it now if it lives (asks it to leave, kills it if it works), reaps it, frees it. NULL is fine. With a loop: allowed inside callbacks, and the
 * loop reaps it a little later. */
void peri_worker_close(peri_worker *w);

bool peri_worker_alive(const peri_worker *w);
const peri_death *peri_worker_death(const peri_worker *w); /* NULL while it lives */
peri_str peri_worker_layers(const peri_worker *w);         /* READY's JSON: {"wire","layers":{…},"build"}: which layers of the jail hold */
bool peri_worker_slow(const peri_worker *w);               /* it was too busy */
int peri_worker_pid(const peri_worker *w);                 /* 0 when inline */

/* ---- both ways ---- */

/* Sends one message (payload made with the peri_*_put functions of wire/wire.h). On a loop it never blocks; what does not fit waits.
 * WORKER_LOST if it died (the death is told as usual). */
peri_code peri_worker_send(peri_worker *w, peri_kind kind, uint64_t job, peri_str payload, peri_err *e);

peri_code peri_worker_failed(const peri_frame *fail, peri_err *e); /* what a FAIL frame says, as a code and its text */

/* ---- blocking ---- */

/* Sends, then reads frames until the last one of kind `until` (or FAIL) came. Every frame but LOG goes to each (may be NULL), the last one included;
 * each returns false to stop (code INTERRUPTED). FAIL becomes its code and text in *e. A death becomes its code and text; peri_worker_death tells more.
 * Not for two threads at once: lock around it. */
peri_code peri_worker_talk(peri_worker *w, peri_kind kind, peri_str payload, peri_kind until, bool (*each)(void *self, const peri_frame *f), void *self, peri_err *e);
/* The same for answers that are one text (LOADED, OPENED, MADE, ANSWER): payloads of all frames of kind `answer` joined into *out (cleared first). */
peri_code peri_worker_ask(peri_worker *w, peri_kind kind, peri_str payload, peri_kind answer, peri_buf *out, peri_err *e);

/* ---- scripts in this process: `--inline` of debug builds ---- */

/* From now on peri_worker_start makes a thread that runs `loop` (peri_worker_loop) on the other end of a socketpair. No jail, all budgets.
 * Does nothing in release builds; returns whether it does. */
bool peri_pool_inline(int (*loop)(int fd));

#endif
