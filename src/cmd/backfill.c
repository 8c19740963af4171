/* cmd/backfill: records of a range of time, or those that lack a field, read again. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/flags.h"
#include "core/backfill.h"

#define FIELDS_MAX 64
#define DAY_MS 86400000

typedef struct display {
  bool on, drawn;
  int64_t last_ms;
} display;

static void draw(void *self, const peri_run *r) {
  display *d = self;
  int64_t now = peri_mono_ms();
  if (!d->on || (d->drawn && now - d->last_ms < 100)) return;
  d->last_ms = now;
  d->drawn = true;
  fprintf(stderr, "\r\033[K%.*s backfill  %lld records, %lld requests", PERI_S(peri_run_stream_name(r)), (long long)peri_run_counted(r)->processed,
          (long long)peri_run_counted(r)->requests);
  fflush(stderr);
}

/* A date alone means the whole day: its beginning for --from, its end for --to. */
static bool read_time(const char *text, bool end, int64_t *ms) {
  bool had_time = false, had_zone = false;
  if (!peri_iso_read(peri_str_of(text), 0, ms, &had_time, &had_zone)) return false;
  if (end && !had_time) *ms += DAY_MS - 1;
  return true;
}

/* "5/s", "100/10s", "1000/1h": the time between two requests. */
static bool read_rate(const char *text, int64_t *gap_ms) {
  char *slash = NULL;
  long n = strtol(text, &slash, 10);
  int64_t per = 1000;
  if (n <= 0 || n > 1000000 || !slash || *slash != '/') return false;
  bool unit = slash[1] < '0' || slash[1] > '9';
  char span[32];
  snprintf(span, sizeof span, "%s%s", unit ? "1" : "", slash + 1);
  if (!peri_duration_read(peri_str_of(span), &per)) return false;
  *gap_ms = (per + n - 1) / n;
  return *gap_ms > 0;
}

static int run(peri_cli *c) {
  const char *from = peri_cli_value(c, "from"), *to = peri_cli_value(c, "to"), *rate = peri_cli_value(c, "rate"), *given[FIELDS_MAX], *entities[FIELDS_MAX];
  peri_str fields[FIELDS_MAX], names[FIELDS_MAX];
  size_t field_count = peri_cli_values(c, "field", given, FIELDS_MAX), entity_count = peri_cli_values(c, "entity", entities, FIELDS_MAX);
  for (size_t i = 0; i < field_count; i++) fields[i] = peri_str_of(given[i]);
  for (size_t i = 0; i < entity_count; i++) names[i] = peri_str_of(entities[i]);
  peri_backfill b = {.from_ms = 0, .to_ms = INT64_MAX, .to_given = to != NULL, .fields = fields, .field_count = field_count};
  if (!entity_count) return peri_cli_usage(c, "which records? Give --entity E");
  if (!field_count && !from) return peri_cli_usage(c, "give --from DATE (and --to DATE) for a range, or --field PATH");
  if (field_count && (from || to)) return peri_cli_usage(c, "a range and a field are two backfills: one of them at a time");
  if (from && !read_time(from, false, &b.from_ms)) return peri_cli_usage(c, "--from '%s' is no date; write 2026-01-31 or 2026-01-31T08:00:00Z", from);
  if (!field_count) b.to_ms = peri_now_ms();
  if (to && !read_time(to, true, &b.to_ms)) return peri_cli_usage(c, "--to '%s' is no date; write 2026-01-31 or 2026-01-31T08:00:00Z", to);
  if (from && b.from_ms > b.to_ms) return peri_cli_usage(c, "--from lies after --to");
  if (rate && !read_rate(rate, &b.gap_ms)) return peri_cli_usage(c, "--rate '%s' is no rate; write 5/s or 100/10s", rate);
  peri_err e = {0};
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY | PERI_NEED_ENGINE, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  display d = {.on = !c->quiet && !c->json && peri_cli_terminal(STDERR_FILENO)};
  peri_sync_options o = {.integration = peri_str_of(c->args[0]), .entities = names, .entity_count = entity_count, .backfill = &b, .progress = draw, .progress_self = &d};
  peri_buf result = {0};
  code = peri_sync(s.engine, s.project, &o, &result, &e);
  if (d.drawn) fputs("\r\033[K", stderr);
  if (result.n && c->json && !code) peri_cli_data(c, peri_buf_view(&result));
  else if (result.n && !c->json) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    const peri_json *r = peri_json_parse(a, peri_buf_view(&result), &fault);
    printf("%s: backfill %.*s, %lld records read: %lld updated, %lld created, %lld unchanged, %lld rejected; %lld requests\n", c->args[0], PERI_S(peri_json_get_text(r, "status")),
           (long long)peri_json_get_int(r, "recordsProcessed", 0), (long long)peri_json_get_int(r, "updated", 0), (long long)peri_json_get_int(r, "created", 0),
           (long long)peri_json_get_int(r, "unchanged", 0), (long long)peri_json_get_int(r, "rejected", 0), (long long)peri_json_get_int(r, "requests", 0));
    peri_arena_free(a);
  }
  peri_buf_fini(&result);
  peri_session_close(&s);
  return code ? peri_cli_fail(c, &e) : 0;
}

static const peri_flag flags[] = {
    {"entity", "E", true, "of this stream or mapping entity"},
    {"from", "DATE", false, "records changed since: a date or a time (UTC unless it names a zone)"},
    {"to", "DATE", false, "and until; a date is its whole day (default: now)"},
    {"field", "PATH", true, "records that were fetched before this field was asked for, as perilune remap names it"},
    {"rate", "N/TIME", false, "no more requests than that: 5/s, 100/10s"},
};
const peri_command peri_command_backfill = {"backfill", "NAME --entity E (--from DATE [--to DATE] | --field PATH…) [--rate N/TIME]", "read records of a range of time, or of a new field, again",
                                            "The place of the ordinary sync does not move, nothing is deleted, and an older record never replaces a newer one. A\n"
                                            "backfill that was stopped or killed goes on where it was when the same command is given again.",
                                            1, 1, flags, sizeof flags / sizeof *flags, run};
