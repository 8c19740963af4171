/* The rarer jobs: streams that only the account knows, loops of their own, emulators, rows of data_mappings, workers without a process, the doctor.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/doctor.h"
#include "spec/tree.h"
#include "test_worker.h"
#include "worker/jail.h"
#include "worker/worker.h"
#include "json/tree.h"

static const char connector[] = "return connector \"demo\" { title = \"Demo\", base = \"https://api.example.com\", auth = token \"accessToken\",\n"
                                "  streams = {\n"
                                "    stream \"contact\" { key = \"id\", full = get \"/contacts\" { records = \"results\", pages = \"none\" } },\n"
                                "    stream \"odd\" { key = \"id\", pull = function(ctx)\n"
                                "      local page = ctx:send(post \"/odd\" { body = { since = since, after = null } })\n"
                                "      ctx:emit(page, \"items\")\n"
                                "      ctx:mark(page \"position\")\n"
                                "    end },\n"
                                "    stream \"bad\" { key = \"id\", pull = function(ctx) error(\"no way\") end },\n"
                                "  },\n"
                                "  more = { { read = get \"/tables\" { records = \"\", pages = \"none\" },\n"
                                "    make = function(item) if item.use then return stream(item.name) { key = \"id\", full = get(\"/t/\" .. "
                                "item.name) { records = \"rows\" } } end end } },\n"
                                "}\n";

typedef struct job {
  peri_worker *w;
  peri_arena *a;
  uv_loop_t loop;
  char log[512];
  peri_buf text;
} job;

static peri_json *parse(peri_arena *a, peri_str text) {
  peri_json_fault fault;
  peri_json *j = peri_json_parse(a, text, &fault);
  if (!j) fail_msg("no JSON: %s: %.*s", fault.what, PERI_S(text));
  return j;
}

static void load_put(peri_buf *payload, peri_load_file *files, size_t count, const char *rows, const char *want) {
  peri_load m = {files, count, peri_str_of(rows), PERI_STR("{}"), PERI_STR("{}"), peri_str_of(want)};
  peri_load_put(payload, &m);
}

static peri_json *ask(peri_worker *w, peri_arena *a, peri_kind kind, peri_str payload, peri_kind answer) {
  peri_buf out = {0};
  peri_err e = {0};
  if (peri_worker_ask(w, kind, payload, answer, &out, &e)) fail_msg("%s", e.text);
  peri_json *j = parse(a, peri_buf_view(&out));
  peri_buf_fini(&out);
  return j;
}

static void is_text(peri_str a, const char *expected) {
  if (!peri_str_is(a, expected)) fail_msg("expected '%s', got '%.*s'", expected, PERI_S(a));
}

static peri_worker *start(const peri_worker_config *config) {
  peri_err e = {0};
  peri_worker *w = peri_worker_start(config, &e);
  if (!w) fail_msg("%s", e.text);
  return w;
}

void test_odd_make(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_worker_config config = {0};
  peri_worker *w = start(&config);
  peri_load_file file = {PERI_STR("connectors/demo.lua"), peri_str_of(connector)};
  peri_buf payload = {0};
  load_put(&payload, &file, 1, "[]", "{\"all\":true}");
  peri_json *loaded = ask(w, a, PERI_K_LOAD, peri_buf_view(&payload), PERI_K_LOADED);
  if (!peri_json_bool(peri_json_at(loaded, PERI_STR("files[0].ok")), false))
    fail_msg("%.*s", PERI_S(peri_json_str(peri_json_at(loaded, PERI_STR("files[0].message")))));
  peri_json *made = ask(w, a, PERI_K_MAKE, PERI_STR("{\"connector\":\"demo\",\"more\":0,\"item\":{\"name\":\"cars\",\"use\":true}}"), PERI_K_MADE);
  assert_true(peri_json_get_bool(made, "ok", false));
  peri_err e = {0};
  peri_node *node = peri_node_read(a, peri_json_get(made, "tree"), &e);
  assert_true(peri_node_is(node, "stream"));
  is_text(peri_node_text(node->what), "cars");
  made = ask(w, a, PERI_K_MAKE, PERI_STR("{\"connector\":\"demo\",\"more\":0,\"item\":{\"name\":\"cars\"}}"), PERI_K_MADE);
  assert_true(peri_json_get_bool(made, "ok", false)); /* nil: no stream, and no mistake */
  assert_null(peri_json_get(made, "tree"));
  made = ask(w, a, PERI_K_MAKE, PERI_STR("{\"connector\":\"demo\",\"more\":0,\"item\":7}"), PERI_K_MADE);
  assert_false(peri_json_get_bool(made, "ok", true));
  assert_true(peri_json_get_text(made, "message").n > 0);
  made = ask(w, a, PERI_K_MAKE, PERI_STR("{\"connector\":\"demo\",\"more\":5,\"item\":{}}"), PERI_K_MADE);
  assert_false(peri_json_get_bool(made, "ok", true));
  peri_buf_fini(&payload);
  peri_worker_close(w);
  peri_arena_free(a);
}

/* ---- pull: the core's part, played on a loop ---- */

static void note(job *j, const char *text) { strncat(j->log, text, sizeof j->log - strlen(j->log) - 1); }

static void on_frame(void *self, peri_worker *w, const peri_frame *f) {
  job *j = self;
  peri_arena *a = peri_arena_new();
  peri_buf b = {0};
  static const char body[] = "{\"items\":[{\"id\":1},{\"id\":2}],\"position\":\"p9\"}";
  switch (f->kind) {
  case PERI_K_LOADED:
    if (f->flags & PERI_F_MORE) break;
    peri_worker_send(w, PERI_K_OPEN, 2,
                     PERI_STR("{\"view\":7,\"stream\":\"odd\",\"type\":\"demo\",\"mappings\":[],\"key\":\"id\",\"records\":\"items\",\"record\":\"\","
                              "\"format\":\"json\",\"page\":[]}"),
                     NULL);
    break;
  case PERI_K_OPENED: peri_worker_send(w, PERI_K_PULL, 3, PERI_STR("{\"stream\":\"odd\",\"since\":\"p1\",\"settings\":{}}"), NULL); break;
  case PERI_K_REQUEST: {
    const peri_json *m = parse(a, f->payload);
    assert_int_equal(f->job, 3);
    peri_err e = {0};
    peri_node *node = peri_node_read(a, peri_json_get(m, "request"), &e);
    assert_true(peri_node_is(node, "post"));
    is_text(peri_node_text(node->what), "/odd");
    note(j, "request ");
    peri_reply_put(&b, (uint32_t)peri_json_get_int(m, "id", 0), 200, PERI_STR("{}"), peri_str_of(body));
    peri_worker_send(w, PERI_K_REPLY, 3, peri_buf_view(&b), NULL);
    break;
  }
  case PERI_K_EMIT: {
    const peri_json *m = parse(a, f->payload);
    is_text(peri_json_get_text(m, "path"), "items");
    note(j, "emit ");
    peri_page_msg page = {
        .page = 1, .view = 7, .flags = PERI_PAGE_MAP_ALL, .headers_json = PERI_STR(""), .parent_json = PERI_STR(""), .bytes = peri_str_of(body)};
    peri_page_put(&b, &page);
    peri_worker_send(w, PERI_K_PAGE, 4, peri_buf_view(&b), NULL);
    break;
  }
  case PERI_K_ROWS: {
    peri_rows rows;
    assert_true(peri_rows_get(f->payload, a, &rows));
    assert_int_equal(rows.count, 2);
    is_text(rows.rows[1].data, "{\"id\":2}");
    note(j, "rows ");
    break;
  }
  case PERI_K_MARK:
    is_text(f->payload, "{\"position\":\"p9\"}");
    note(j, "mark ");
    break;
  case PERI_K_DONE:
    if (!peri_json_get_bool(parse(a, f->payload), "pull", false)) {
      note(j, "done ");
      break;
    }
    note(j, "end ");
    peri_worker_send(w, PERI_K_PULL, 5, PERI_STR("{\"connector\":\"demo\",\"stream\":\"bad\",\"since\":null}"), NULL);
    break;
  case PERI_K_FAIL: {
    const peri_json *m = parse(a, f->payload);
    is_text(peri_json_get_text(m, "code"), "script_error");
    is_text(peri_json_get_text(m, "file"), "connectors/demo.lua");
    assert_int_equal(peri_json_get_int(m, "line", 0), 9);
    note(j, "fail");
    peri_worker_close(w);
    j->w = NULL;
    break;
  }
  default: break;
  }
  peri_buf_fini(&b);
  peri_arena_free(a);
}

static void on_death(void *self, peri_worker *w, const peri_death *d) {
  job *j = self;
  note(j, d->text);
  peri_worker_close(w);
  j->w = NULL;
}

static void pull(void) {
  job j = {0};
  uv_loop_init(&j.loop);
  peri_worker_config config = {.loop = &j.loop, .self = &j, .on_frame = on_frame, .on_death = on_death};
  j.w = start(&config);
  peri_load_file file = {PERI_STR("connectors/demo.lua"), peri_str_of(connector)};
  peri_buf payload = {0};
  load_put(&payload, &file, 1, "[]", "{\"all\":true}");
  assert_int_equal(peri_worker_send(j.w, PERI_K_LOAD, 1, peri_buf_view(&payload), NULL), PERI_OK);
  uv_run(&j.loop, UV_RUN_DEFAULT);
  assert_string_equal(j.log, "request emit rows done mark end fail");
  assert_int_equal(uv_loop_close(&j.loop), 0);
  peri_buf_fini(&payload);
}

void test_odd_pull(void **state) {
  (void)state;
  pull();
}

/* The same frames without a process. */
void test_odd_inline(void **state) {
  assert_true(peri_pool_inline(peri_worker_loop));
  pull();
  /* in this process a leak of the worker's code is a leak of this test */
  test_work_load(state);
  test_work_page(state);
  test_work_stored(state);
  test_work_raw(state);
  test_odd_rows(state);
  test_odd_emulator(state);
  peri_worker_config config = {0};
  peri_worker *w = start(&config);
  assert_int_equal(peri_worker_pid(w), 0);
  peri_worker_close(w);
  peri_pool_inline(NULL);
}

void test_odd_rows(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_worker_config config = {0};
  peri_worker *w = start(&config);
  peri_load_file file = {PERI_STR("connectors/demo.lua"), peri_str_of(connector)};
  peri_buf payload = {0};
  load_put(&payload, &file, 1,
           "[{\"integration_type\":\"demo\",\"entity_type\":\"contact\",\"external_field\":\"name\",\"internal_field\":\"title\",\"field_type\":"
           "\"string\",\"is_required\":1,"
           "\"default_value\":null,\"transformation\":\"return value:upper()\",\"validation\":null}]",
           "{\"all\":true}");
  peri_json *loaded = ask(w, a, PERI_K_LOAD, peri_buf_view(&payload), PERI_K_LOADED);
  const peri_json *f = peri_json_at(loaded, PERI_STR("files[1]"));
  if (!peri_json_get_bool(f, "ok", false)) fail_msg("%.*s", PERI_S(peri_json_get_text(f, "message")));
  is_text(peri_json_get_text(f, "path"), "data_mappings/demo/contact");
  is_text(peri_json_get_text(f, "kind"), "mapping");
  peri_buf_fini(&payload);
  peri_worker_close(w);
  peri_arena_free(a);
}

static const char emulator[] = "return emulator \"demo\" {\n"
                               "  credentials = { accessToken = \"t\" },\n"
                               "  data = { contact = { count = 3, key = \"id\", make = function(n, random) return { id = tostring(n) } end } },\n"
                               "  routes = { get \"/hello/{name}\" { answers = function(call, db) return 200, { hi = call.path.name } end } },\n"
                               "}\n";

void test_odd_emulator(void **state) {
  (void)state;
  peri_arena *a = peri_arena_new();
  peri_worker_config config = {.emulator = true};
  peri_worker *w = start(&config);
  peri_load_file file = {PERI_STR("connectors/demo_emulator.lua"), peri_str_of(emulator)};
  peri_buf payload = {0}, out = {0};
  load_put(&payload, &file, 1, "[]", "{\"all\":true,\"emulator\":{\"seed\":1,\"records\":3}}");
  peri_json *loaded = ask(w, a, PERI_K_LOAD, peri_buf_view(&payload), PERI_K_LOADED);
  assert_int_equal(peri_json_int(peri_json_at(loaded, PERI_STR("emulator.records.contact")), 0), 3);
  peri_serve request = {PERI_STR("GET"), PERI_STR("/hello/ana"), PERI_STR("{}"), PERI_STR("{\"authorization\":\"Bearer t\"}"),
                        PERI_STR(""),    1764000000000};
  peri_buf_clear(&payload);
  peri_serve_put(&payload, &request);
  peri_err e = {0};
  if (peri_worker_ask(w, PERI_K_SERVE, peri_buf_view(&payload), PERI_K_ANSWER, &out, &e)) fail_msg("%s", e.text);
  peri_answer answer;
  assert_true(peri_answer_get(peri_buf_view(&out), &answer));
  assert_int_equal(answer.status, 200);
  is_text(answer.body, "{\"hi\":\"ana\"}");
  peri_buf_fini(&payload);
  peri_buf_fini(&out);
  peri_worker_close(w);
  peri_arena_free(a);
}

void test_odd_doctor(void **state) {
  (void)state;
  char key[] = "/tmp/perilune-test-key-XXXXXX";
  int fd = mkstemp(key);
  assert_true(fd >= 0);
  fchmod(fd, 0644);
  close(fd);
  peri_arena *a = peri_arena_new();
  peri_buf json = {0}, text = {0};
  bool healthy = true;
  peri_err e = {0};
  peri_doctor_files files = {.project = "/tmp", .database = "/nowhere/perilune.db", .key = key};
  if (peri_doctor(&files, &json, &text, &healthy, &e)) fail_msg("%s", e.text);
  assert_false(healthy);
  assert_non_null(strstr(peri_buf_c(&text), "chmod 600"));
  peri_json *j = parse(a, peri_buf_view(&json));
  assert_true(peri_json_get_bool(j, "proven", false));
  assert_true(peri_json_bool(peri_json_at(j, PERI_STR("layers.seccomp")), false));
  assert_true(peri_str_starts(peri_json_str(peri_json_at(j, PERI_STR("libraries.lua"))), PERI_STR("Lua 5.4")));
  unlink(key);
  files = (peri_doctor_files){0};
  peri_buf_clear(&json);
  peri_buf_clear(&text);
  if (peri_doctor(&files, &json, &text, &healthy, &e)) fail_msg("%s", e.text);
  if (!healthy) fail_msg("%s", peri_buf_c(&text));
  peri_buf_fini(&json);
  peri_buf_fini(&text);
  peri_arena_free(a);
}
