/* core/bus: see the header. */
#include "core/bus.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct peri_listener {
  peri_listener *next;
  void (*on_news)(void *self, const peri_news *news);
  void *self;
  bool gone; /* left while news is told: freed when all were told */
};

struct peri_bus {
  peri_listener *listeners;
  int telling;
  bool any_gone;
};

peri_bus *peri_bus_new(void) { return peri_alloc(sizeof(peri_bus)); }

static void tidy(peri_bus *b, bool all) {
  for (peri_listener **at = &b->listeners; *at;) {
    peri_listener *l = *at;
    if (l->gone || all) *at = l->next, free(l);
    else at = &l->next;
  }
  b->any_gone = false;
}

void peri_bus_free(peri_bus *b) {
  if (!b) return;
  tidy(b, true);
  free(b);
}

peri_listener *peri_bus_listen(peri_bus *b, void (*on_news)(void *self, const peri_news *news), void *self) {
  peri_listener *l = peri_alloc(sizeof *l);
  *l = (peri_listener){b->listeners, on_news, self, false};
  b->listeners = l;
  return l;
}

void peri_bus_leave(peri_bus *b, peri_listener *l) {
  if (!l) return;
  l->gone = true;
  b->any_gone = true;
  if (!b->telling) tidy(b, false);
}

void peri_bus_tell(peri_bus *b, const peri_news *news) {
  if (!b) return;
  b->telling++;
  for (peri_listener *l = b->listeners; l; l = l->next)
    if (!l->gone) l->on_news(l->self, news);
  if (--b->telling == 0 && b->any_gone) tidy(b, false);
}
