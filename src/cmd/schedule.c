/* cmd/schedule: when integrations are synced by themselves. */
#include <stdio.h>

#include "base/clock.h"
#include "cmd/flags.h"
#include "core/timetable.h"
#include "store/schedules.h"

static void put_duration_flag(const peri_cli *c, peri_jw *w, const char *flag, const char *key) {
  const char *value = peri_cli_value(c, flag);
  if (value) peri_jw_kv_c(w, key, value);
}

/* What is given is laid over what is there. */
static peri_code change(const peri_cli *c, peri_arena *a, const peri_json *old, peri_buf *out, peri_err *e) {
  static const char *const texts[][2] = {{"zone", "zone"}, {"overlap", "overlap"}, {"jitter", "jitter"}, {"quiet", "quiet"}, {"timeout", "timeout"}};
  const char *when = c->arg_count > 1 ? c->args[1] : NULL, *stream = peri_cli_value(c, "stream");
  int64_t priority = 0;
  if (!peri_cli_number(c, "priority", &priority, e)) return PERI_USAGE;
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  if (when && !stream) peri_jw_kv_c(&w, "when", when);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) put_duration_flag(c, &w, texts[i][0], texts[i][1]);
  if (peri_cli_has(c, "priority")) peri_jw_kv_int(&w, "priority", priority);
  if (peri_cli_has(c, "no-catch-up")) peri_jw_kv_bool(&w, "catchUp", false);
  const peri_json *streams = peri_json_get(old, "streams");
  if (stream || streams) {
    peri_jw_key_c(&w, "streams");
    peri_jw_object(&w);
    for (const peri_json *m = streams ? streams->first : NULL; m; m = m->next)
      if (!stream || !peri_str_is(m->key, stream)) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
    if (stream && when) peri_jw_kv_c(&w, stream, when);
    peri_jw_end_object(&w);
  }
  peri_json_fault fault;
  peri_str given = peri_arena_str(a, peri_buf_view(out));
  peri_buf closed = {0};
  peri_buf_str(&closed, given), peri_buf_char(&closed, '}');
  const peri_json *now = peri_json_parse(a, peri_arena_str(a, peri_buf_view(&closed)), &fault);
  peri_buf_fini(&closed);
  for (const peri_json *m = old ? old->first : NULL; m; m = m->next)
    if (!peri_json_get_str(now, m->key)) peri_jw_key(&w, m->key), peri_jw_raw(&w, m->raw);
  peri_jw_end_object(&w);
  return PERI_OK;
}

static void put_row(peri_jw *w, peri_arena *a, const peri_schedule_row *r) {
  peri_json_fault fault;
  peri_timetable t;
  peri_err e = {0};
  const peri_json *json = r->schedule_json.n ? peri_json_parse(a, r->schedule_json, &fault) : NULL;
  bool fine = peri_timetable_read(a, json, (peri_str){0}, &t, &e) == PERI_OK;
  char iso[PERI_ISO_MAX];
  peri_jw_object(w);
  peri_jw_kv(w, "name", r->name);
  peri_jw_kv(w, "status", r->status);
  peri_jw_kv_raw(w, "schedule", json ? r->schedule_json : PERI_STR("null"));
  peri_jw_kv_c(w, "lastAt", r->last_ms >= 0 ? peri_iso(r->last_ms, iso) : NULL);
  peri_jw_kv_c(w, "problem", fine ? NULL : e.text);
  peri_jw_end_object(w);
}

static int show(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_READ, &s, &e);
  peri_arena *a = peri_arena_new();
  peri_schedule_row *rows = NULL;
  size_t count = 0;
  if (!code && s.store) code = peri_schedules_read(s.store, a, c->arg_count ? peri_str_of(c->args[0]) : (peri_str){0}, &rows, &count, &e);
  if (!code && c->arg_count && !count) code = peri_fail(&e, PERI_NOT_FOUND, "there is no integration '%s'; perilune list shows them", c->args[0]);
  if (!code && c->json) {
    peri_buf b = {0};
    peri_jw w;
    peri_jw_init(&w, &b);
    peri_jw_array(&w);
    for (size_t i = 0; i < count; i++) put_row(&w, a, &rows[i]);
    peri_jw_end_array(&w);
    peri_cli_data(c, peri_buf_view(&b));
    peri_buf_fini(&b);
  } else if (!code) {
    static const char *const titles[] = {"name", "status", "last", "schedule"};
    peri_table *t = peri_table_new(titles, 4);
    for (size_t i = 0; i < count; i++) {
      char iso[PERI_ISO_MAX];
      peri_str cells[4] = {rows[i].name, rows[i].status, rows[i].last_ms >= 0 ? peri_arena_str(a, peri_str_of(peri_iso(rows[i].last_ms, iso))) : PERI_STR("never"),
                           rows[i].schedule_json.n ? rows[i].schedule_json : PERI_STR("the project's")};
      peri_table_row(t, cells);
    }
    peri_table_print(t);
  }
  peri_arena_free(a);
  if (s.project) peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

static int set(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_arena *a = peri_arena_new();
  peri_schedule_row *rows = NULL;
  size_t count = 0;
  peri_buf json = {0};
  peri_json_fault fault;
  code = peri_schedules_read(s.store, a, peri_str_of(c->args[0]), &rows, &count, &e);
  if (!code && !count) code = peri_fail(&e, PERI_NOT_FOUND, "there is no integration '%s'; perilune list shows them", c->args[0]);
  bool plain = peri_cli_has(c, "default");
  if (!code && !plain) {
    code = change(c, a, rows[0].schedule_json.n ? peri_json_parse(a, rows[0].schedule_json, &fault) : NULL, &json, &e);
    peri_timetable t;
    if (!code) code = peri_timetable_read(a, peri_json_parse(a, peri_buf_view(&json), &fault), (peri_str){0}, &t, &e);
  }
  if (!code) code = peri_schedule_put(s.store, rows[0].id, peri_buf_view(&json), &e);
  if (!code) peri_cli_data(c, json.n ? peri_buf_view(&json) : PERI_STR("null"));
  peri_buf_fini(&json);
  peri_arena_free(a);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

static int run(peri_cli *c) { return c->arg_count > 1 || c->given_count > (int)c->json ? set(c) : show(c); }

static const peri_flag flags[] = {
  {"stream", "S", false, "the schedule of this stream alone; the others keep theirs"},
  {"zone", "ZONE", false, "time zone of cron fields and quiet hours, such as Europe/Berlin (UTC)"},
  {"overlap", "skip|queue", false, "due while it still runs: leave it out (default), or once more afterwards"},
  {"priority", "N", false, "of what is due at one time, the higher goes first"},
  {"jitter", "TIME", false, "put each start off by up to so much"},
  {"quiet", "HOURS", false, "when nothing starts: 22:00-06:00, or sat,sun 00:00-24:00"},
  {"timeout", "TIME", false, "a run that takes longer stops at its next page edge; the next goes on there"},
  {"no-catch-up", NULL, false, "what was missed while nobody served is not made up for"},
  {"default", NULL, false, "back to the project's schedule (perilune.lua)"},
};
const peri_command peri_command_schedule = {"schedule", "[NAME [WHEN]] [--stream S] …", "when integrations are synced by themselves",
                                            "WHEN is an interval (every 15m), five fields of cron (30 6 * * mon-fri), @hourly, @daily, @weekly, @monthly, or off.\n"
                                            "perilune serve does it. Without WHEN it shows what is set.",
                                            0, 2, flags, sizeof flags / sizeof *flags, run};
