/* core/patience: see the header. Refuses to let a server hold a run: one that is silent costs a timeout and a third of it, not six of them. */
#include "core/patience.h"

#include "core/budget.h"

#define GARBAGE_RETRIES_MAX 2           /* what came whole and cannot be read is seldom better the next time */
#define WAITS_MAX 30                    /* limits met in a row */
#define WAIT_MS_MAX (5 * 60 * 1000)     /* of waiting in all; more ends the run with the time at which it can go on */
#define LIMIT_FLOOR_MS_MAX 8000         /* a server that says "at once" and means "no" is not asked thirty times a second */

static int64_t own(int64_t timeout_ms) { return timeout_ms > 0 ? timeout_ms : PERI_REQUEST_MS; }
static int64_t budget(int64_t timeout_ms) { return own(timeout_ms) + own(timeout_ms) / 3; }

/* With the backoffs between attempts: what a short timeout leaves is spent on waiting for a server that is restarted. */
static int64_t all(int64_t timeout_ms) { return budget(timeout_ms > PERI_REQUEST_MS ? timeout_ms : PERI_REQUEST_MS); }

static bool is_spent(const peri_patience *p, int64_t timeout_ms) {
  int64_t least = own(timeout_ms) / 12;
  return budget(timeout_ms) - p->lost_ms < least || all(timeout_ms) - p->lost_ms - p->backed_ms < least;
}

bool peri_patience_retry(peri_patience *p, peri_code code, int64_t took_ms, int64_t timeout_ms, int64_t at_least_ms, uint64_t random, int64_t *wait_ms) {
  *wait_ms = -1;
  p->lost_ms += took_ms > 0 ? took_ms : 0;
  if (++p->retries > (code == PERI_BAD_REPLY ? GARBAGE_RETRIES_MAX : PERI_RETRIES_MAX)) return false;
  if (is_spent(p, timeout_ms)) return false; /* too little is left to expect anything of it, whatever the last attempt ended with */
  *wait_ms = peri_backoff_ms(p->retries, at_least_ms, random);
  if (at_least_ms > 0) {
    if (p->waited_ms + *wait_ms > WAIT_MS_MAX) return false;
    p->waited_ms += *wait_ms;
    return true;
  }
  int64_t room = all(timeout_ms) - p->lost_ms - p->backed_ms - own(timeout_ms) / 12; /* what a backoff may take, so that an attempt fits behind it */
  if (*wait_ms > room) *wait_ms = room > 0 ? room : 0;
  p->backed_ms += *wait_ms;
  return true;
}

bool peri_patience_limit(peri_patience *p, int64_t asked_ms, int64_t took_ms, int64_t timeout_ms, uint64_t random, int64_t *wait_ms) {
  int64_t floor_ms = p->waits ? peri_backoff_ms(p->waits, 0, random) : 0;
  if (floor_ms > LIMIT_FLOOR_MS_MAX) floor_ms = LIMIT_FLOOR_MS_MAX;
  *wait_ms = asked_ms < 0 ? peri_backoff_ms(p->waits + 1, 1000, random) : asked_ms;
  if (*wait_ms < floor_ms) *wait_ms = floor_ms;
  p->lost_ms += took_ms > 0 ? took_ms : 0;
  if (++p->waits > WAITS_MAX || p->waited_ms + *wait_ms > WAIT_MS_MAX || is_spent(p, timeout_ms)) return false;
  p->waited_ms += *wait_ms;
  return true;
}

int64_t peri_patience_timeout(const peri_patience *p, int64_t timeout_ms) {
  int64_t left = budget(timeout_ms) - p->lost_ms, least = own(timeout_ms) / 12, of_all = all(timeout_ms) - p->lost_ms - p->backed_ms;
  if (of_all < left) left = of_all;
  return left >= own(timeout_ms) ? own(timeout_ms) : left > least ? left : least;
}
