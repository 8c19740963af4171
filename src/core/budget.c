/* core/budget: see the header. */
#include "core/budget.h"

#include "base/limits.h"

void peri_budget_begin(peri_budget *b, int64_t mono_ms) { *b = (peri_budget){.tenths = PERI_RETRY_FLOOR * 10, .refilled_ms = mono_ms}; }

void peri_budget_request(peri_budget *b) {
  if (b->tenths < PERI_RETRY_SAVED_MAX * 10) b->tenths++;
}

bool peri_budget_retry(peri_budget *b, int64_t mono_ms) {
  int64_t back = (mono_ms - b->refilled_ms) / PERI_RETRY_REFILL_MS, room = PERI_RETRY_FLOOR - b->tenths / 10;
  if (back > 0) {
    b->refilled_ms += back * PERI_RETRY_REFILL_MS;
    if (room > 0) b->tenths += 10 * (back < room ? back : room);
  }
  if (b->tenths < 10) return false;
  b->tenths -= 10;
  return true;
}

int64_t peri_backoff_ms(int attempt, int64_t at_least_ms, uint64_t random) {
  const int64_t base = 500;
  int shift = attempt < 1 ? 1 : attempt > 10 ? 10 : attempt;
  int64_t cap = base << shift;
  if (cap > PERI_BACKOFF_MS_MAX) cap = PERI_BACKOFF_MS_MAX;
  int64_t wait = (int64_t)(random % (uint64_t)(cap + 1));
  return wait < at_least_ms ? at_least_ms : wait;
}
