/* core/ledger: permits of one account's limits. Whoever is more urgent goes first, within that whoever came first; a class that has to wait holds up no
 * other. What is on disk always counts at least what was sent (core/rate), so that no kill makes us forget.
 * Refuses to wait longer than a few minutes: then whoever asked hears when to come back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/account_inside.h"

#define BLOCKED_MAX 64
#define BACKFILL_SHARE_PERCENT 80

static int64_t ledger_now(const peri_ledger *l) { return l->wall_ms + peri_mono_ms() - l->mono_ms; }

/* ---- its time, across processes ---- */

/* Which start of this machine it is, and ms since then: a clock that no one sets. Empty where the kernel does not say. */
static int64_t boot(char id[40]) {
  struct timespec t = {0};
  FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
  id[0] = 0;
  if (f && fscanf(f, "%36[0-9a-f-]", id) != 1) id[0] = 0;
  if (f) fclose(f);
  if (clock_gettime(CLOCK_BOOTTIME, &t)) id[0] = 0;
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t peri_ledger_time(const peri_json *saved, int64_t wall_ms, const char *boot_id, int64_t boot_ms) {
  int64_t passed = boot_ms - peri_json_get_int(saved, "bootMs", INT64_MAX), then = peri_json_get_int(saved, "now", 0);
  bool same = *boot_id && peri_str_is(peri_json_get_text(saved, "boot"), boot_id) && passed >= 0 && then > 0 && then < INT64_C(8640000000000000);
  return same ? then + passed : wall_ms; /* the same start: so much has passed, whatever was done to the clock meanwhile */
}

static void put_boot(peri_buf *json) {
  char id[40];
  int64_t ms = boot(id);
  if (!*id || !json->n) return;
  json->n--;
  peri_buf_fmt(json, ",\"boot\":\"%s\",\"bootMs\":%lld}", id, (long long)ms);
}

/* ---- on disk ---- */

static void write_state(void *self) {
  peri_ledger *l = self;
  l->save_err = (peri_err){0};
  peri_store_rate_set(l->g->store, peri_str_of(l->name), peri_buf_view(&l->save_text), &l->save_err);
}

static void pump(peri_ledger *l);

static void fail_all(peri_ledger *l, const peri_err *e) {
  for (int u = 0; u < PERI_URGENCY_COUNT; u++)
    while (l->first[u]) {
      peri_permit *p = l->first[u];
      l->first[u] = p->next;
      if (!p->next) l->last[u] = NULL;
      p->waiting = false;
      p->done(p->self, e);
    }
}

static void on_written(void *self) {
  peri_ledger *l = self;
  l->saving = false;
  peri_rate_saved(l->rate, !l->save_err.code);
  if (l->save_err.code) {
    peri_err e = l->save_err;
    peri_err_prefix(&e, "keeping count of the API's limits");
    fail_all(l, &e);
    return;
  }
  pump(l);
  if (l->dirty || peri_rate_unsaved(l->rate)) peri_ledger_save(l, !l->holds);
}

void peri_ledger_save(peri_ledger *l, bool last) {
  l->dirty = l->saving;
  if (l->saving) return;
  l->saving = true;
  peri_buf_clear(&l->save_text);
  peri_rate_save(l->rate, last, ledger_now(l), &l->save_text);
  put_boot(&l->save_text);
  peri_engine_post(l->g, write_state, on_written, l);
}

/* ---- waiting ---- */

static void on_timer(uv_timer_t *t) { pump(t->data); }

static void unlink_permit(peri_ledger *l, peri_permit *p) {
  if (p->prev) p->prev->next = p->next;
  else l->first[p->urgency] = p->next;
  if (p->next) p->next->prev = p->prev;
  else l->last[p->urgency] = p->prev;
  p->prev = p->next = NULL;
  p->waiting = false;
}

/* One answer of the ledger: true if p waits no longer; *e is set if it may not go. */
static bool settle(peri_ledger *l, peri_permit *p, int64_t *wait_ms, peri_err *e) {
  int64_t now = ledger_now(l);
  *wait_ms = peri_rate_ask(l->rate, p->rate, p->cost, p->urgency == PERI_URGENCY_BACKFILL ? BACKFILL_SHARE_PERCENT : 100, now);
  if (*wait_ms == 0) {
    p->flying = true;
    p->sent_ms = now;
    l->used = true;
    peri_budget_request(&l->budget);
    return true;
  }
  if (*wait_ms > PERI_WAIT_INLINE_MS_MAX) {
    char iso[PERI_ISO_MAX];
    p->resumes_ms = peri_now_ms() + *wait_ms;
    peri_fail(e, PERI_RATE_LIMITED, "the API's limit '%.*s' is used up; resumes at %s", PERI_S(p->rate), peri_iso(p->resumes_ms, iso));
    return true;
  }
  p->until_ms = peri_mono_ms() + (*wait_ms > 0 ? *wait_ms : 0);
  return false;
}

static bool is_blocked(const peri_str *blocked, size_t count, peri_str name) {
  for (size_t i = 0; i < count; i++)
    if (peri_str_eq(blocked[i], name)) return true;
  return false;
}

static void pump(peri_ledger *l) {
  if (l->pumping) return; /* whoever is served may ask again: it stands at the end of the queue, and the walk reaches it */
  l->pumping = true;
  peri_str blocked[BLOCKED_MAX];
  size_t blocked_count = 0;
  int64_t soonest = INT64_MAX, wait;
  bool save = false;
  for (int u = 0; u < PERI_URGENCY_COUNT; u++)
    for (peri_permit *p = l->first[u]; p && blocked_count < BLOCKED_MAX;) {
      peri_err e = {0};
      if (is_blocked(blocked, blocked_count, p->rate)) p = p->next;
      else if (settle(l, p, &wait, &e)) {
        unlink_permit(l, p);
        p->done(p->self, e.code ? &e : NULL);
        p = l->first[u]; /* done may have changed the queue; what is blocked is passed over quickly */
      } else {
        if (wait > 0 && wait < soonest) soonest = wait;
        save |= wait < 0;
        blocked[blocked_count++] = p->rate;
        p = p->next;
      }
    }
  l->pumping = false;
  if (soonest < INT64_MAX) uv_timer_start(l->timer, on_timer, (uint64_t)soonest, 0);
  if (save || peri_rate_unsaved(l->rate)) peri_ledger_save(l, false);
}

bool peri_permit_take(peri_account *a, peri_permit *p) {
  peri_ledger *l = a->ledger;
  p->prev = l->last[p->urgency];
  p->next = NULL;
  if (p->prev) p->prev->next = p;
  else l->first[p->urgency] = p;
  l->last[p->urgency] = p;
  p->waiting = true;
  p->flying = false;
  p->resumes_ms = 0;
  /* served at once if nobody stands before it: else the queue decides */
  bool ahead = false;
  for (int u = 0; u <= (int)p->urgency && !ahead; u++)
    for (const peri_permit *q = l->first[u]; q && q != p && !ahead; q = q->next) ahead = peri_str_eq(q->rate, p->rate);
  int64_t wait;
  peri_err e = {0};
  if (!ahead && !l->pumping && settle(l, p, &wait, &e) && !e.code) {
    unlink_permit(l, p);
    if (peri_rate_unsaved(l->rate)) peri_ledger_save(l, false);
    return true;
  }
  uv_timer_start(l->timer, on_timer, 0, 0); /* a refusal comes from there too: never from inside */
  return false;
}

void peri_permit_drop(peri_account *a, peri_permit *p) {
  if (p->waiting) unlink_permit(a->ledger, p);
}

void peri_permit_landed(peri_account *a, peri_permit *p, const peri_http_reply *reply) {
  peri_ledger *l = a->ledger;
  if (!p->flying) return;
  p->flying = false;
  int64_t now = ledger_now(l);
  peri_rate_landed(l->rate, p->rate, p->cost, p->sent_ms, now);
  if (reply) peri_rate_reply(l->rate, p->rate, reply, now);
  for (int u = 0; u < PERI_URGENCY_COUNT; u++)
    if (l->first[u]) {
      uv_timer_start(l->timer, on_timer, 0, 0);
      return;
    }
}

void peri_permit_pause(peri_account *a, peri_str rate, int64_t wait_ms) {
  peri_ledger *l = a->ledger;
  peri_rate_pause(l->rate, rate, ledger_now(l) + wait_ms);
  l->used = true;
  peri_ledger_save(l, false); /* the next process must know it, however this one ends */
}

bool peri_account_may_retry(peri_account *a) { return peri_budget_retry(&a->ledger->budget, peri_mono_ms()); }

/* ---- holding ---- */

peri_ledger *peri_ledger_hold(peri_engine *g, const char *name, const char *const *older, size_t older_count, const peri_node *rates) {
  for (peri_ledger *l = g->ledgers; l; l = l->next)
    if (strcmp(l->name, name) == 0) {
      l->holds++;
      peri_rate_also(l->rate, rates, ledger_now(l));
      return l;
    }
  peri_ledger *l = peri_alloc(sizeof *l);
  peri_arena *a = peri_arena_new();
  peri_str saved = {0};
  peri_err ignored;
  peri_json_fault fault;
  peri_store_rate_get(g->store, a, peri_str_of(name), &saved, &ignored);
  for (size_t i = 0; i < older_count && !saved.n; i++)
    if (older[i]) peri_store_rate_get(g->store, a, peri_str_of(older[i]), &saved, &ignored);
  l->g = g;
  l->name = peri_dup(peri_str_of(name));
  const peri_json *state = saved.n ? peri_json_parse(a, saved, &fault) : NULL;
  char boot_id[40];
  int64_t boot_ms = boot(boot_id);
  l->wall_ms = peri_ledger_time(state, peri_now_ms(), boot_id, boot_ms);
  l->mono_ms = peri_mono_ms();
  l->rate = peri_rate_new(rates, state, l->wall_ms);
  peri_rate_keep(l->rate);
  peri_budget_begin(&l->budget, l->mono_ms);
  l->timer = peri_alloc(sizeof *l->timer);
  uv_timer_init(&g->loop, l->timer);
  l->timer->data = l;
  l->holds = 1;
  l->next = g->ledgers;
  g->ledgers = l;
  peri_arena_free(a);
  return l;
}

void peri_ledger_leave(peri_ledger *l) {
  if (--l->holds) return;
  uv_timer_stop(l->timer);
  if (l->used) peri_ledger_save(l, true);
}
