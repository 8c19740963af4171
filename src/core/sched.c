/* core/sched: see the header. Entries in a map by key, and a heap of them by the time they are due. */
#include "core/sched.h"

#include <stdlib.h>
#include <string.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#define CATCH_UP_MS_MAX 60000 /* what was missed while nobody was here is spread over this, not started at once */
#define DAY_MINUTES 1440
#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)

typedef struct entry {
  struct entry *next; /* in the map's chain */
  char *key;
  peri_sched_entry e;
  uint64_t hash;
  int64_t due_ms;     /* by the schedule, before jitter and quiet hours */
  int64_t start_ms;   /* when it really starts; the heap's order */
  size_t at;          /* in the heap */
  bool running, again;
} entry;

struct peri_sched {
  void (*start)(void *self, peri_str key, int64_t due_ms);
  void *self;
  entry **chains;
  size_t chain_count, count;
  entry **heap;
};

/* ---- quiet hours ---- */

static int weekday_named(peri_str s) {
  static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  for (int i = 0; i < 7; i++)
    if (peri_str_eq_nocase(s, peri_str_of(names[i]))) return i;
  return -1;
}

static bool read_weekdays(peri_str text, uint8_t *bits) {
  *bits = 0;
  for (peri_str rest = text, part; rest.n;) {
    rest = peri_str_cut(rest, ',', &part);
    peri_str first, last = peri_str_cut(part, '-', &first);
    int from = weekday_named(first), to = last.n ? weekday_named(last) : from;
    if (from < 0 || to < 0) return false;
    for (int d = from;; d = (d + 1) % 7) {
      *bits = (uint8_t)(*bits | 1 << d);
      if (d == to) break;
    }
  }
  return *bits != 0;
}

static int read_minute(peri_str s) {
  if (s.n != 5 || s.p[2] != ':') return -1;
  for (size_t i = 0; i < 5; i++)
    if (i != 2 && (s.p[i] < '0' || s.p[i] > '9')) return -1;
  int hour = (s.p[0] - '0') * 10 + s.p[1] - '0', minute = (s.p[3] - '0') * 10 + s.p[4] - '0';
  return minute < 60 && (hour < 24 || (hour == 24 && !minute)) ? hour * 60 + minute : -1;
}

peri_code peri_quiet_read(peri_arena *a, peri_str text, peri_str zone, peri_quiet *out, peri_err *e) {
  *out = (peri_quiet){.weekdays = 127};
  peri_str rest = peri_str_trim(text), word;
  rest = peri_str_cut(rest, ' ', &word);
  bool ok = true;
  if (word.n && (word.p[0] < '0' || word.p[0] > '9')) {
    ok = read_weekdays(word, &out->weekdays);
    rest = peri_str_cut(peri_str_trim(rest), ' ', &word);
  }
  peri_str from, upto = peri_str_cut(word, '-', &from);
  out->from_minute = read_minute(from);
  out->upto_minute = read_minute(upto);
  if (!ok || out->from_minute < 0 || out->upto_minute < 0 || out->from_minute == out->upto_minute)
    return peri_fail(e, PERI_INVALID, "'%.*s' are no hours: write 02:00-04:30 or sat,sun 22:00-06:00, and a time zone behind it if it is not UTC", PERI_S(text));
  rest = peri_str_trim(rest);
  if (rest.n) zone = rest;
  return peri_zone_open(a, zone.n ? zone : PERI_STR("UTC"), &out->zone, e);
}

static int64_t floor_day(int64_t ms) { return ms >= 0 ? ms / DAY_MS : -((DAY_MS - 1 - ms) / DAY_MS); }

/* The end of the quiet time that holds `ms`, or `ms` itself. */
static int64_t after_quiet(const peri_quiet *q, int64_t ms) {
  if (!q) return ms;
  int64_t local = peri_zone_local(q->zone, ms);
  int length = q->upto_minute - q->from_minute;
  if (length <= 0) length += DAY_MINUTES;
  for (int64_t day = floor_day(local) - 1; day <= floor_day(local); day++) {
    int64_t begins = day * DAY_MS + q->from_minute * MINUTE_MS, ends = begins + length * MINUTE_MS;
    bool on = q->weekdays >> ((day + 4) % 7 + 7) % 7 & 1; /* 1970-01-01 was a Thursday */
    if (on && local >= begins && local < ends) return peri_zone_utc(q->zone, ends, NULL);
  }
  return ms;
}

/* ---- the map and the heap ---- */

static uint64_t hash_of(peri_str key) {
  uint64_t h = GOLDEN;
  for (size_t i = 0; i < key.n; i++) h = (h ^ (unsigned char)key.p[i]) * UINT64_C(0x100000001b3);
  h ^= h >> 32;
  return h * GOLDEN;
}

static entry **slot(const peri_sched *s, uint64_t hash, peri_str key) {
  entry **at = &s->chains[hash & (s->chain_count - 1)];
  while (*at && !((*at)->hash == hash && peri_str_eq((*at)->e.key, key))) at = &(*at)->next;
  return at;
}

static entry *find(const peri_sched *s, peri_str key) { return s->chain_count ? *slot(s, hash_of(key), key) : NULL; }

static void grow(peri_sched *s) {
  size_t n = s->chain_count ? s->chain_count * 2 : 64;
  entry **chains = peri_alloc(n * sizeof(entry *));
  for (size_t i = 0; i < s->chain_count; i++)
    for (entry *k = s->chains[i], *next; k; k = next) {
      next = k->next;
      k->next = chains[k->hash & (n - 1)];
      chains[k->hash & (n - 1)] = k;
    }
  free(s->chains);
  s->chains = chains;
  s->chain_count = n;
  s->heap = peri_resize(s->heap, n * sizeof(entry *));
}

static bool before(const entry *a, const entry *b) {
  if (a->start_ms != b->start_ms) return a->start_ms < b->start_ms;
  if (a->e.priority != b->e.priority) return a->e.priority > b->e.priority;
  return peri_str_cmp(a->e.key, b->e.key) < 0;
}

static void set(peri_sched *s, size_t at, entry *k) {
  s->heap[at] = k;
  k->at = at;
}

/* Puts the entry where its time belongs. */
static void settle(peri_sched *s, entry *k) {
  size_t at = k->at;
  for (size_t up; at && before(k, s->heap[up = (at - 1) / 2]); at = up) set(s, at, s->heap[up]);
  for (size_t down; (down = 2 * at + 1) < s->count; at = down) {
    if (down + 1 < s->count && before(s->heap[down + 1], s->heap[down])) down++;
    if (!before(s->heap[down], k)) break;
    set(s, at, s->heap[down]);
  }
  set(s, at, k);
}

/* ---- when ---- */

static int64_t jitter(const entry *k, int64_t due_ms) {
  if (k->e.jitter_ms <= 0) return 0;
  uint64_t h = (k->hash ^ (uint64_t)due_ms) * GOLDEN;
  return (int64_t)((h ^ h >> 29) % (uint64_t)(k->e.jitter_ms + 1));
}

static void aim(peri_sched *s, entry *k, int64_t due_ms) {
  k->due_ms = due_ms;
  k->start_ms = k->e.paused || due_ms == INT64_MAX ? INT64_MAX : after_quiet(k->e.quiet, due_ms + jitter(k, due_ms));
  settle(s, k);
}

static int64_t phase_of(const entry *k) { return (int64_t)(k->hash >> 1 & INT64_C(0x3fffffffffff)); }

static int64_t next_due(const entry *k, int64_t after_ms) { return peri_schedule_next(&k->e.schedule, after_ms, phase_of(k)); }

/* The first start: what was missed since the last one is due now, a little spread; what never ran waits for its time. */
static int64_t first_due(const entry *k, int64_t now_ms) {
  if (k->e.catch_up && k->e.last_ms >= 0 && k->e.last_ms <= now_ms && next_due(k, k->e.last_ms) <= now_ms)
    return now_ms + (int64_t)(k->hash % CATCH_UP_MS_MAX);
  return next_due(k, now_ms);
}

/* ---- the verbs ---- */

peri_sched *peri_sched_new(void (*start)(void *self, peri_str key, int64_t due_ms), void *self) {
  peri_sched *s = peri_alloc(sizeof *s);
  s->start = start;
  s->self = self;
  return s;
}

static void free_entry(entry *k) {
  free(k->key);
  free(k);
}

void peri_sched_free(peri_sched *s) {
  if (!s) return;
  for (size_t i = 0; i < s->count; i++) free_entry(s->heap[i]);
  free(s->heap);
  free(s->chains);
  free(s);
}

void peri_sched_put(peri_sched *s, const peri_sched_entry *given, int64_t now_ms) {
  entry *k = find(s, given->key);
  if (!k) {
    if (s->count == s->chain_count) grow(s);
    k = peri_alloc(sizeof *k);
    k->key = peri_dup(given->key);
    k->hash = hash_of(given->key);
    entry **at = slot(s, k->hash, given->key);
    k->next = *at;
    *at = k;
    set(s, s->count++, k);
  }
  k->e = *given;
  k->e.key = (peri_str){k->key, given->key.n};
  aim(s, k, first_due(k, now_ms));
}

void peri_sched_remove(peri_sched *s, peri_str key) {
  entry *k = find(s, key);
  if (!k) return;
  *slot(s, k->hash, key) = k->next;
  size_t at = k->at;
  entry *last = s->heap[--s->count];
  if (last != k) set(s, at, last), settle(s, last);
  free_entry(k);
}

void peri_sched_take_over(peri_sched *s, const peri_sched *old) {
  for (size_t i = 0; old && i < old->count; i++) {
    entry *k = find(s, old->heap[i]->e.key);
    if (k) k->running = old->heap[i]->running, k->again = old->heap[i]->again;
  }
}

void peri_sched_pause(peri_sched *s, peri_str key, bool paused, int64_t now_ms) {
  entry *k = find(s, key);
  if (!k || k->e.paused == paused) return;
  k->e.paused = paused;
  k->again = k->again && !paused;
  aim(s, k, next_due(k, now_ms));
}

bool peri_sched_begin(peri_sched *s, peri_str key, int64_t now_ms) {
  entry *k = find(s, key);
  if (!k) return true;
  if (k->running) {
    k->again = k->e.overlap == PERI_OVERLAP_QUEUE;
    return false;
  }
  k->running = true;
  k->e.last_ms = now_ms;
  return true;
}

void peri_sched_done(peri_sched *s, peri_str key, int64_t now_ms) {
  entry *k = find(s, key);
  if (!k) return;
  k->running = false;
  if (!k->again) return;
  k->again = false;
  aim(s, k, now_ms);
}

void peri_sched_turn(peri_sched *s, int64_t now_ms) {
  while (s->count && s->heap[0]->start_ms <= now_ms) {
    entry *k = s->heap[0];
    int64_t due = k->due_ms;
    aim(s, k, next_due(k, due > now_ms ? due : now_ms));
    if (peri_sched_begin(s, k->e.key, now_ms)) s->start(s->self, k->e.key, due); /* may put, remove and end */
  }
}

int64_t peri_sched_wake_ms(const peri_sched *s) { return s->count ? s->heap[0]->start_ms : INT64_MAX; }

int64_t peri_sched_next_ms(const peri_sched *s, peri_str key) {
  const entry *k = find(s, key);
  return k ? k->start_ms : INT64_MAX;
}

size_t peri_sched_count(const peri_sched *s) { return s->count; }
