/* core/engine: what runs share in one process: the loop, the HTTP client, the writer thread, and the wish to stop.
 * The loop never calls SQLite for longer than a look-up; commits go to the writer thread, in order. */
#ifndef PERI_CORE_ENGINE_H
#define PERI_CORE_ENGINE_H

#include <uv.h>

#include "net/http.h"
#include "store/store.h"
#include "vault/vault.h"

typedef struct peri_engine {
  uv_loop_t loop;
  peri_http *http;
  peri_store *store;
  peri_vault *vault; /* NULL where no credential is needed */
  struct peri_writer *writer;
  uv_signal_t sigint, sigterm;
  bool stop;         /* a first Ctrl-C: stop at the next page edge */
  void (*on_stop)(void *self); /* the run in work looks at `stop` */
  void *on_stop_self;
} peri_engine;

peri_code peri_engine_new(peri_store *store, peri_vault *vault, peri_engine **out, peri_err *e);
void peri_engine_free(peri_engine *g); /* joins the writer; the store and the vault stay */
/* work runs on the writer thread, one after another; done on the loop afterwards. */
void peri_engine_post(peri_engine *g, void (*work)(void *self), void (*done)(void *self), void *self);
/* The same for work that is cheaper together: neighbours with the same `work` are given to it at once, PERI_GROUP_MOST at most. The writer waits a
 * moment for more of them, unless one is urgent or something else stands behind it. */
#define PERI_GROUP_MOST 10
void peri_engine_post_group(peri_engine *g, void (*work)(void **selves, size_t count), void (*done)(void *self), void *self, bool urgent);
void peri_engine_run(peri_engine *g); /* until nothing is left to do */

#endif
