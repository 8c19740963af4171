/* cmd/ask: check, discover, explain: single questions to an API, or about one. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/flags.h"
#include "core/prepare.h"

typedef peri_code (*question)(peri_cli *c, peri_session *s, peri_buf *out, peri_err *e);

static peri_code ask(peri_cli *c, question q, peri_buf *out, peri_err *e) {
  peri_session s;
  peri_code code = peri_session_open(c, PERI_NEED_PROJECT | PERI_NEED_WRITE | PERI_NEED_KEY | PERI_NEED_ENGINE, &s, e);
  if (code) return code;
  code = q(c, &s, out, e);
  peri_session_close(&s);
  return code;
}

static peri_code check(peri_cli *c, peri_session *s, peri_buf *out, peri_err *e) { return peri_check(s->engine, s->project, peri_str_of(c->args[0]), out, e); }

static int run_check(peri_cli *c) {
  peri_err e = {0};
  peri_buf out = {0};
  peri_code code = ask(c, check, &out, &e);
  if (!code && c->json) peri_cli_data(c, peri_buf_view(&out));
  else if (!code) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    const peri_json *d = peri_json_parse(a, peri_buf_view(&out), &fault), *account = peri_json_get(d, "account");
    printf("%s: connection works (%lld ms, %.*s)\n", c->args[0], (long long)peri_json_get_int(d, "tookMs", 0), PERI_S(peri_json_get_text(d, "baseUrl")));
    for (const peri_json *m = account ? account->first : NULL; m; m = m->next) {
      peri_str shown = peri_arena_str(a, m->text.n ? m->text : m->raw);
      shown.n = peri_redact((char *)(uintptr_t)shown.p, shown.n);
      printf("  %.*s: %.*s\n", PERI_S(m->key), PERI_S(shown));
    }
    peri_arena_free(a);
  }
  peri_buf_fini(&out);
  return code ? peri_cli_fail(c, &e) : 0;
}

static peri_code discover(peri_cli *c, peri_session *s, peri_buf *out, peri_err *e) { return peri_discover(s->engine, s->project, peri_str_of(c->args[0]), out, e); }

static int run_discover(peri_cli *c) {
  peri_err e = {0};
  peri_buf out = {0};
  peri_code code = ask(c, discover, &out, &e);
  if (!code && c->json) peri_cli_data(c, peri_buf_view(&out));
  else if (!code) {
    peri_arena *a = peri_arena_new();
    peri_json_fault fault;
    const peri_json *d = peri_json_parse(a, peri_buf_view(&out), &fault);
    static const char *const titles[] = {"stream", "field", "type", "label"};
    peri_table *t = peri_table_new(titles, 4);
    for (const peri_json *stream = d ? d->first : NULL; stream; stream = stream->next)
      for (const peri_json *f = stream->first; f; f = f->next) {
        if (peri_str_is(stream->key, ":more")) {
          peri_str made[4] = {PERI_STR("(more)"), peri_json_get_text(f, "id"), PERI_STR("stream"), PERI_STR("")};
          peri_table_row(t, made);
          continue;
        }
        peri_str cells[4] = {stream->key, f->key, peri_json_get_text(f, "type"), peri_json_get_text(f, "label")};
        peri_table_row(t, cells);
      }
    peri_table_print(t);
    peri_arena_free(a);
  }
  peri_buf_fini(&out);
  return code ? peri_cli_fail(c, &e) : 0;
}

static peri_code explain(peri_cli *c, peri_session *s, peri_buf *out, peri_err *e) {
  return peri_run_explain(s->engine, s->project, peri_str_of(c->args[0]), peri_str_of(c->args[1]), out, e);
}

static int run_explain(peri_cli *c) {
  peri_err e = {0};
  peri_buf out = {0};
  peri_code code = ask(c, explain, &out, &e);
  if (!code && c->json) {
    peri_buf json = {0};
    peri_json_quote(&json, peri_buf_view(&out));
    peri_cli_data(c, peri_buf_view(&json));
    peri_buf_fini(&json);
  } else if (!code)
    fwrite(out.p, 1, out.n, stdout);
  peri_buf_fini(&out);
  return code ? peri_cli_fail(c, &e) : 0;
}

const peri_command peri_command_check = {"check", "NAME", "test the connection; a failure names its cause",
                                         "Causes: dns, connect, tls, timeout, credentials_refused, scope_missing, rate_limited, api_error, address_refused.", 1, 1, NULL, 0, run_check};
const peri_command peri_command_discover = {"discover", "NAME", "which fields and further streams the account has", "What is found is kept for a day and used by mappings with `rest` and by choices with `labels`.", 1,
                                            1, NULL, 0, run_discover};
const peri_command peri_command_explain = {"explain", "NAME STREAM", "the requests of a stream, holes named and then filled; nothing is sent", "", 2, 2, NULL, 0, run_explain};
