/* core/timetable: see the header. */
#include "core/timetable.h"

#include <string.h>

#include "base/clock.h"

static peri_code entry_of(peri_arena *a, const peri_timetable *t, peri_str when, peri_str zone, peri_sched_entry *out, peri_err *e) {
  peri_schedule schedule;
  peri_code code = peri_schedule_read(a, when, zone, &schedule, e);
  *out = t->main;
  out->schedule = schedule;
  return code;
}

static peri_code duration(const peri_json *json, const char *name, int64_t *out, peri_err *e) {
  peri_str text = peri_json_get_text(json, name);
  if (!text.n || peri_duration_read(text, out)) return PERI_OK;
  return peri_fail(e, PERI_INVALID, "'%s' is a time such as 30s, 5m or 2h, not '%.*s'", name, PERI_S(text));
}

static bool known(peri_str name) {
  static const char *const names[] = {"when", "zone", "streams", "overlap", "priority", "jitter", "quiet", "catchUp", "timeout"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (peri_str_is(name, names[i])) return true;
  return false;
}

peri_code peri_timetable_read(peri_arena *a, const peri_json *json, peri_str standard, peri_timetable *t, peri_err *e) {
  *t = (peri_timetable){.main = {.catch_up = true, .last_ms = -1}};
  for (const peri_json *m = json ? json->first : NULL; m; m = m->next)
    if (!known(m->key)) return peri_fail(e, PERI_INVALID, "a schedule has no '%.*s'; it has when, zone, streams, overlap, priority, jitter, quiet, catchUp, timeout", PERI_S(m->key));
  peri_str when = peri_json_get_text(json, "when"), zone = peri_json_get_text(json, "zone"), overlap = peri_json_get_text(json, "overlap"), quiet = peri_json_get_text(json, "quiet");
  if (!when.n) when = standard;
  if (overlap.n && !peri_str_is(overlap, "skip") && !peri_str_is(overlap, "queue")) return peri_fail(e, PERI_INVALID, "'overlap' is skip or queue, not '%.*s'", PERI_S(overlap));
  t->main.overlap = peri_str_is(overlap, "queue") ? PERI_OVERLAP_QUEUE : PERI_OVERLAP_SKIP;
  t->main.priority = (int)peri_json_get_int(json, "priority", 0);
  t->main.catch_up = peri_json_get_bool(json, "catchUp", true);
  if (t->main.priority < -100 || t->main.priority > 100) return peri_fail(e, PERI_INVALID, "'priority' is a number from -100 to 100");
  peri_code code = duration(json, "jitter", &t->main.jitter_ms, e);
  if (!code) code = duration(json, "timeout", &t->timeout_ms, e);
  if (!code && quiet.n) {
    peri_quiet *q = peri_arena_take(a, sizeof *q);
    code = peri_quiet_read(a, quiet, zone, q, e);
    t->main.quiet = q;
  }
  t->off = !when.n || peri_str_is(when, "off");
  if (code || t->off) return code;
  code = entry_of(a, t, when, zone, &t->main, e);
  t->main_on = true;
  const peri_json *streams = peri_json_get(json, "streams");
  for (const peri_json *m = streams ? streams->first : NULL; m && !code; m = m->next) {
    if (t->stream_count == PERI_TIMETABLE_STREAMS_MAX) return peri_fail(e, PERI_INVALID, "more than %d streams with schedules of their own", PERI_TIMETABLE_STREAMS_MAX);
    t->stream[t->stream_count] = m->key;
    code = entry_of(a, t, m->text, zone, &t->of[t->stream_count++], e);
    if (code) peri_err_prefix(e, "stream %.*s", PERI_S(m->key));
  }
  return code;
}
