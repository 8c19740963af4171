/* core/page_retry: see the header. The page is worked off from its first record to its last in parts; a part ends before the next blamed record.
 * Refuses to believe a suspect outside of what was sent: then records go singly, and who was sent is to blame. */
#include "core/page_retry.h"

#include <stdio.h>

void peri_page_retry_begin(peri_page_retry *r, uint32_t records) { *r = (peri_page_retry){.records = records}; }

void peri_page_retry_records(peri_page_retry *r, uint32_t records) { r->records = records; }

static bool is_blamed(const peri_page_retry *r, uint32_t record) {
  for (uint32_t i = 0; i < r->blamed_count; i++)
    if (r->blamed[i] == record) return true;
  return false;
}

bool peri_page_retry_next(peri_page_retry *r, uint32_t *first, uint32_t *count) {
  while (is_blamed(r, r->next)) r->next++;
  uint32_t most = r->records == PERI_RECORDS_UNKNOWN ? PERI_RECORDS_PER_PAGE_MAX : r->records;
  if (r->next >= most && (r->answered || most)) return false; /* an empty page is sent too, once: it has an answer */
  r->first = r->next;
  r->end = r->singly ? r->next + 1 : r->records;
  for (uint32_t i = 0; i < r->blamed_count; i++)
    if (r->blamed[i] > r->first && r->blamed[i] < r->end) r->end = r->blamed[i];
  r->busy = true;
  *first = r->first;
  *count = r->end == PERI_RECORDS_UNKNOWN || (r->first == 0 && r->end == r->records) ? 0 : r->end - r->first;
  return true;
}

void peri_page_retry_done(peri_page_retry *r, peri_run_guard *g) {
  g->lost_in_row = 0;
  r->busy = false;
  r->answered = true;
  /* a part that was sent as "all the rest" settles all of it, whether or not the number is known by now */
  if (r->end == PERI_RECORDS_UNKNOWN && r->records == PERI_RECORDS_UNKNOWN) r->records = r->first;
  r->next = r->end == PERI_RECORDS_UNKNOWN ? r->records : r->end;
}

static const char *stop_text(peri_code code) {
  switch (code) {
  case PERI_SCRIPT_TIMEOUT: return "a script kept its worker busy until it had to be ended";
  case PERI_SCRIPT_MEMORY: return "a script used up its memory";
  default: return "a script brought its worker down";
  }
}

static peri_retry stop(const peri_run_guard *g, peri_blame *blame) {
  char last[200];
  snprintf(last, sizeof last, "%.150s", blame->text);
  snprintf(blame->text, sizeof blame->text, "%s %u times in this run; the last: %s", stop_text(blame->code), g->deaths, last);
  return PERI_RETRY_STOP;
}

/* Killed from outside: whatever it was at, it was there by chance. */
static peri_retry lost(peri_page_retry *r, peri_run_guard *g, peri_blame *blame) {
  r->busy = false;
  if (++g->lost_in_row < PERI_RUN_LOST_MAX) return PERI_RETRY_AGAIN;
  char last[200];
  snprintf(last, sizeof last, "%.150s", blame->text);
  snprintf(blame->text, sizeof blame->text, "%u workers in a row were lost; what was read is kept, the next run goes on there; the last: %s", g->lost_in_row, last);
  return PERI_RETRY_STOP;
}

/* One death or one spent worker: who, and what now? */
static peri_retry judge(peri_page_retry *r, peri_run_guard *g, uint32_t suspect, peri_blame *blame) {
  bool in_work = r->busy;
  r->busy = false;
  if (in_work && r->records == PERI_RECORDS_UNKNOWN && r->deaths++ == 0)
    return PERI_RETRY_AGAIN; /* nobody can say yet whether its suspect exists; free of charge, once */
  r->deaths++;
  if (++g->deaths >= PERI_RUN_DEATHS_MAX) return stop(g, blame);
  if (!in_work || r->records == PERI_RECORDS_UNKNOWN) return PERI_RETRY_AGAIN;
  uint32_t end = r->end < r->records ? r->end : r->records;
  if (end - r->first == 1) suspect = r->first; /* it was alone */
  bool credible = suspect >= r->first && suspect < end;
  if (r->deaths >= PERI_RETRY_ONE_BY_ONE || !credible) r->singly = true;
  if (!credible) return PERI_RETRY_AGAIN;
  r->blamed[r->blamed_count++] = suspect; /* there is room: a run ends before so many */
  blame->record = suspect;
  return PERI_RETRY_REJECT;
}

peri_retry peri_page_retry_death(peri_page_retry *r, peri_run_guard *g, const peri_death *death, peri_blame *blame) {
  *blame = (peri_blame){.record = UINT32_MAX, .field = death->field, .code = death->code};
  snprintf(blame->text, sizeof blame->text, "%s", death->text);
  return death->code == PERI_WORKER_LOST ? lost(r, g, blame) : judge(r, g, death->record, blame);
}

peri_retry peri_page_retry_fail(peri_page_retry *r, peri_run_guard *g, uint32_t record, peri_code code, peri_str text, peri_blame *blame) {
  *blame = (peri_blame){.record = UINT32_MAX, .field = UINT32_MAX, .code = code};
  snprintf(blame->text, sizeof blame->text, "%.*s", PERI_S(text));
  return judge(r, g, record, blame);
}

bool peri_run_guard_record(peri_run_guard *g, bool timed_out) {
  g->timeouts_in_row = timed_out ? g->timeouts_in_row + 1 : 0;
  return g->timeouts_in_row < PERI_RUN_TIMEOUTS_MAX;
}
