/* store/schedules: when integrations are synced by themselves. */
#ifndef PERI_STORE_SCHEDULES_H
#define PERI_STORE_SCHEDULES_H

#include "store/store.h"

typedef struct peri_schedule_row {
  peri_str id, name, status, schedule_json; /* schedule_json empty: none of its own */
  int64_t last_ms;                          /* when its last sync began; -1 never */
} peri_schedule_row;

/* All living integrations, or the one with this name. In the arena. */
peri_code peri_schedules_read(peri_store *s, peri_arena *a, peri_str name, peri_schedule_row **out, size_t *count, peri_err *e);
peri_code peri_schedule_put(peri_store *s, peri_str id, peri_str schedule_json, peri_err *e); /* empty: back to the project's default */

#endif
