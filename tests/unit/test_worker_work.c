/* What a worker does: files loaded, pages split and mapped, failures blamed. Real workers, small scripts; the core's part is played here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/page_retry.h"
#include "spec/tree.h"
#include "test_worker.h"
#include "worker/jail.h"
#include "json/tree.h"

static const char connector[] = "return connector \"demo\" { title = \"Demo\", base = \"https://api.example.com\", auth = token \"accessToken\",\n"
                                "  streams = { stream \"contact\" { key = \"id\", updated = integer \"at\", removed = \"gone\", full = get "
                                "\"/contacts\" { records = \"results\", pages = \"none\" } } } }\n";

static const char mapping[] = "local kept, big = {}, (\"0123456789abcdef\"):rep(4096)\n"
                              "return mapping \"contact\" { from = \"demo.contact\",\n"
                              "  fields = {\n"
                              "    name = text \"name\" { transform = function(v)\n"
                              "      if v == \"spin\" then while true do end end\n"
                              "      if v == \"fail\" then error(\"no good\") end\n"
                              "      if v == \"hoard\" then for i = 1, 1e9 do kept[#kept + 1] = big .. i end end\n"
                              "      return v:upper() end },\n"
                              "    age = integer \"age\",\n"
                              "  },\n"
                              "  examples = { { given = [[{\"id\":\"1\",\"name\":\"a\"}]], gives = { name = \"A\" } } },\n"
                              "}\n";

static const char open_json[] =
    "{\"view\":1,\"stream\":\"contact\",\"type\":\"demo\",\"mappings\":[\"mappings/demo/contact.lua\"],\"key\":\"id\",\"updated\":%s,"
    "\"removed\":\"gone\",\"merged\":null,\"records\":\"results\",\"record\":\"\",\"format\":\"json\",\"page\":[\"paging.next.after\"],\"context\":[]"
    "}";

typedef struct bench {
  peri_worker *w;
  peri_arena *a;
  peri_split_record records[64];
  size_t count;
  peri_split last; /* page values of the last SPLIT */
  peri_row_msg rows[64];
  size_t row_count;
  peri_json *done, *fail;
} bench;

static peri_load_file files[8];

static peri_json *parse(bench *b, peri_str text) {
  peri_json_fault fault;
  peri_json *j = peri_json_parse(b->a, text, &fault);
  if (!j) fail_msg("no JSON: %s: %.*s", fault.what, PERI_S(text));
  return j;
}

static peri_json *load(bench *b, size_t count, const char *rows, const char *want) {
  peri_load m = {files, count, peri_str_of(rows), PERI_STR("{\"k\":1}"), PERI_STR("{}"), peri_str_of(want)};
  peri_buf payload = {0}, out = {0};
  peri_err e = {0};
  peri_load_put(&payload, &m);
  if (peri_worker_ask(b->w, PERI_K_LOAD, peri_buf_view(&payload), PERI_K_LOADED, &out, &e)) fail_msg("LOAD: %s", e.text);
  peri_json *j = parse(b, peri_buf_view(&out));
  peri_buf_fini(&payload);
  peri_buf_fini(&out);
  return j;
}

static peri_json *open_view(bench *b, const char *json) {
  peri_buf out = {0};
  peri_err e = {0};
  if (peri_worker_ask(b->w, PERI_K_OPEN, peri_str_of(json), PERI_K_OPENED, &out, &e)) fail_msg("OPEN: %s", e.text);
  peri_json *j = parse(b, peri_buf_view(&out));
  peri_buf_fini(&out);
  return j;
}

/* The tree of `integer "at"`, as the core would have it from LOADED. */
static const char *stamp_tree(bench *b) {
  peri_buf out = {0};
  peri_node *word = peri_node_new(b->a, PERI_N_WORD);
  word->word = PERI_STR("integer");
  word->what = peri_node_of_text(b->a, PERI_STR("at"));
  peri_node_put(&out, word);
  const char *kept = peri_arena_str(b->a, peri_buf_view(&out)).p;
  peri_buf_fini(&out);
  return kept;
}

static bool each(void *self, const peri_frame *f) {
  bench *b = self;
  if (f->kind == PERI_K_SPLIT) {
    peri_split s;
    peri_str copy = peri_arena_str(b->a, f->payload);
    assert_true(peri_split_get(copy, b->a, &s));
    for (size_t i = 0; i < s.count; i++) {
      if (b->count == 64) break;
      b->records[b->count++] = s.records[i];
    }
    if (!(f->flags & PERI_F_MORE)) b->last = s;
  }
  if (f->kind == PERI_K_ROWS) {
    peri_rows r;
    peri_str copy = peri_arena_str(b->a, f->payload);
    assert_true(peri_rows_get(copy, b->a, &r));
    for (size_t i = 0; i < r.count; i++)
      if (b->row_count < 64) b->rows[b->row_count++] = r.rows[i];
  }
  if (f->kind == PERI_K_DONE) b->done = parse(b, f->payload);
  if (f->kind == PERI_K_FAIL) b->fail = parse(b, f->payload);
  return true;
}

static peri_code page(bench *b, uint32_t flags, const char *bytes, size_t n, uint32_t first, uint32_t count, const char *parent, peri_err *e) {
  peri_page_msg m = {1, 1, flags, first, count, PERI_STR(""), peri_str_of(parent), {bytes, n}};
  peri_buf payload = {0};
  b->count = b->row_count = 0;
  b->done = b->fail = NULL;
  peri_page_put(&payload, &m);
  peri_code c = peri_worker_talk(b->w, PERI_K_PAGE, peri_buf_view(&payload), flags & PERI_PAGE_MAP_ALL ? PERI_K_DONE : PERI_K_SPLIT, each, b, e);
  peri_buf_fini(&payload);
  return c;
}

static void begin_with(bench *b, int call_ms) {
  *b = (bench){.a = peri_arena_new()};
  peri_worker_config config = {.hash_seed = 42, .call_ms = call_ms};
  peri_err e = {0};
  b->w = peri_worker_start(&config, &e);
  if (!b->w) fail_msg("%s", e.text);
  files[0] = (peri_load_file){PERI_STR("connectors/demo.lua"), peri_str_of(connector)};
  files[1] = (peri_load_file){PERI_STR("mappings/demo/contact.lua"), peri_str_of(mapping)};
}

static void begin(bench *b) { begin_with(b, 0); }

static void end(bench *b) {
  peri_worker_close(b->w);
  peri_arena_free(b->a);
}

static void ready(bench *b) {
  peri_json *loaded = load(b, 2, "[]", "{\"all\":true,\"examples\":true}");
  for (size_t i = 0; i < 2; i++) {
    const peri_json *f = peri_json_item(peri_json_get(loaded, "files"), i);
    if (!peri_json_get_bool(f, "ok", false)) fail_msg("%.*s", PERI_S(peri_json_get_text(f, "message")));
  }
  char text[1024];
  snprintf(text, sizeof text, open_json, stamp_tree(b));
  peri_json *opened = open_view(b, text);
  if (!peri_json_get_bool(opened, "ok", false)) fail_msg("%.*s", PERI_S(peri_json_get_text(opened, "message")));
}

static void is_text(peri_str a, const char *expected) {
  if (!peri_str_is(a, expected)) fail_msg("expected '%s', got '%.*s'", expected, PERI_S(a));
}

static const peri_json *reject(bench *b, size_t i) {
  assert_int_equal(b->rows[i].verdict, 2);
  return parse(b, b->rows[i].reject);
}

void test_work_load(void **state) {
  (void)state;
  bench b;
  begin(&b);
  files[2] = (peri_load_file){PERI_STR("mappings/demo/broken.lua"),
                              PERI_STR("return mapping \"b\" {\n  from = \"demo.contact\", fields = { a = txet \"a\" } }\n")};
  files[3] = (peri_load_file){PERI_STR("mappings/demo/lies.lua"),
                              PERI_STR("return mapping \"l\" { from = \"demo.contact\", fields = { a = text \"a\" }, examples = { { given = "
                                       "[[{\"id\":\"1\",\"a\":\"x\"}]], gives = { a = \"y\" } } } }\n")};
  files[4] = (peri_load_file){PERI_STR("mappings/demo/slow.lua"), PERI_STR("while true do end\n")};
  files[5] = (peri_load_file){PERI_STR("perilune.lua"), PERI_STR("return { limits = { call = \"50ms\" }, log = \"info\" }\n")};
  peri_json *loaded = load(&b, 6, "[]", "{\"all\":true,\"examples\":true}");
  const peri_json *list = peri_json_get(loaded, "files");
  assert_int_equal(list->count, 6);
  const peri_json *c = peri_json_item(list, 0), *m = peri_json_item(list, 1);
  is_text(peri_json_get_text(c, "kind"), "connector");
  is_text(peri_json_get_text(c, "name"), "demo");
  assert_non_null(peri_json_get(c, "tree"));
  is_text(peri_json_get_text(m, "kind"), "mapping");
  assert_int_equal(peri_json_get_int(m, "examples", 0), 1);
  is_text(peri_json_get_text(peri_json_get(m, "plan"), "entity"), "contact");
  for (size_t i = 2; i < 5; i++) {
    const peri_json *f = peri_json_item(list, i);
    assert_false(peri_json_get_bool(f, "ok", true));
    assert_true(peri_json_get_text(f, "message").n > 0);
  }
  assert_int_equal(peri_json_get_int(peri_json_item(list, 2), "line", 0), 2);
  is_text(peri_json_get_text(peri_json_item(list, 4), "code"), "script_timeout");
  is_text(peri_json_str(peri_json_at(loaded, PERI_STR("settings.limits.call"))), "50ms");
  end(&b);
}

void test_work_page(void **state) {
  (void)state;
  bench b;
  begin(&b);
  ready(&b);
  static const char body[] = "{\"paging\":{\"next\":{\"after\":\"c2\"}},\"results\":[{\"id\":\"1\",\"name\":\"ana\",\"age\":\"7\",\"at\":5},"
                             "{\"id\":12345678901234567890,\"name\":null,\"gone\":true},{\"name\":\"nobody\"},{\"id\":\"4\",\"name\":\"fail\"},"
                             "{\"id\":\"5\",\"name\":\"\\ud800\"},{\"id\":\"6\",\"age\":\"seven\"}]}";
  peri_err e = {0};
  if (page(&b, PERI_PAGE_MAP_ALL, body, sizeof body - 1, 0, 0, "", &e)) fail_msg("%s", e.text);
  assert_int_equal(b.count, 6);
  assert_true(peri_split_fits(&(peri_split){.records = b.records, .count = b.count}, sizeof body - 1));
  is_text(b.records[0].key, "1");
  assert_int_equal(b.records[0].updated, 5);
  assert_memory_equal(body + b.records[0].offset, "{\"id\":\"1\"", 9);
  is_text(b.records[1].key, "12345678901234567890");
  assert_int_equal(b.records[1].removed, 1);
  assert_true(b.records[1].updated == PERI_NO_STAMP);
  assert_int_equal(b.records[2].bad, 1);
  assert_int_equal(b.records[4].bad, 1);
  assert_int_equal(b.last.records_found, 1);
  is_text(b.last.page_values, "{\"paging.next.after\":\"c2\"}");
  assert_int_equal(b.row_count, 6);
  is_text(b.rows[0].data, "{\"name\":\"ANA\",\"age\":7}");
  is_text(b.rows[0].key, "1");
  assert_int_equal(b.rows[1].verdict, 1);
  is_text(peri_json_get_text(reject(&b, 2), "code"), "required");
  is_text(peri_json_get_text(reject(&b, 3), "code"), "script_error");
  is_text(peri_json_get_text(reject(&b, 3), "file"), "mappings/demo/contact.lua");
  assert_int_equal(peri_json_get_int(reject(&b, 3), "line", 0), 6);
  is_text(peri_json_get_text(reject(&b, 4), "code"), "invalid_json");
  is_text(peri_json_get_text(reject(&b, 5), "code"), "type");
  assert_int_equal(peri_json_get_int(b.done, "records", 0), 6);
  assert_true(peri_json_get_int(b.done, "calls", 0) >= 2);
  /* two steps: split, then only the named; the same hashes, the same rows */
  bench first = b;
  if (page(&b, 0, body, sizeof body - 1, 0, 0, "", &e)) fail_msg("%s", e.text);
  assert_int_equal(b.count, 6);
  assert_int_equal(b.row_count, 0);
  for (size_t i = 0; i < 6; i++) {
    assert_memory_equal(b.records[i].raw_hash, first.records[i].raw_hash, 16);
    assert_int_equal(b.records[i].offset, first.records[i].offset);
  }
  peri_map_msg m = {1, {"\x25", 1}}; /* 0, 2, 5 */
  peri_buf payload = {0};
  peri_map_msg_put(&payload, &m);
  if (peri_worker_talk(b.w, PERI_K_MAP, peri_buf_view(&payload), PERI_K_DONE, each, &b, &e)) fail_msg("%s", e.text);
  assert_int_equal(b.row_count, 3);
  assert_int_equal(b.rows[1].index, 2);
  is_text(b.rows[0].data, "{\"name\":\"ANA\",\"age\":7}");
  assert_memory_equal(b.rows[0].data_hash, first.rows[0].data_hash, 16);
  /* it was mapped: it is not here any more */
  assert_int_equal(peri_worker_talk(b.w, PERI_K_MAP, peri_buf_view(&payload), PERI_K_DONE, each, &b, &e), PERI_INTERNAL);
  peri_buf_fini(&payload);
  /* a part of a page */
  if (page(&b, PERI_PAGE_MAP_ALL, body, sizeof body - 1, 1, 2, "", &e)) fail_msg("%s", e.text);
  assert_int_equal(b.row_count, 2);
  assert_int_equal(b.rows[0].index, 1);
  /* a page that is none */
  assert_int_equal(page(&b, PERI_PAGE_MAP_ALL, "{\"results\":[{\"id\":1},", 21, 0, 0, "", &e), PERI_BAD_REPLY);
  assert_int_equal(page(&b, PERI_PAGE_MAP_ALL, "{}", 2, 0, 0, "", &e), PERI_OK);
  assert_int_equal(b.last.records_found, 0);
  end(&b);
}

void test_work_stored(void **state) {
  (void)state;
  bench b;
  begin(&b);
  ready(&b);
  peri_buf packed = {0};
  peri_record_put(&packed, PERI_STR("{\"id\":\"a\",\"name\":\"x\"}"), PERI_STR(""));
  peri_record_put(&packed, PERI_STR("{\"id\":\"b\",\"name\":"), PERI_STR(""));
  peri_record_put(&packed, PERI_STR("{\"id\":\"c\",\"name\":\"z\"}"), PERI_STR("{\"p\":1}"));
  peri_err e = {0};
  if (page(&b, PERI_PAGE_MAP_ALL | PERI_PAGE_RECORDS, packed.p, packed.n, 0, 0, "", &e)) fail_msg("%s", e.text);
  assert_int_equal(b.count, 3);
  assert_int_equal(b.row_count, 3);
  is_text(b.rows[0].data, "{\"name\":\"X\",\"age\":null}");
  is_text(peri_json_get_text(reject(&b, 1), "code"), "invalid_json");
  is_text(b.records[2].context, "{\"p\":1}");
  assert_int_equal(b.rows[2].index, 2);
  assert_int_equal(page(&b, PERI_PAGE_MAP_ALL | PERI_PAGE_RECORDS, packed.p, packed.n - 3, 0, 0, "", &e), PERI_BAD_REPLY);
  peri_buf_fini(&packed);
  end(&b);
}

/* Without a mapping the row is the record; keys from the object around a nested list; pagers inside lists. */
void test_work_raw(void **state) {
  (void)state;
  bench b;
  begin(&b);
  load(&b, 2, "[]", "{\"all\":true}");
  peri_json *opened =
      open_view(&b, "{\"view\":1,\"stream\":\"link\",\"type\":\"demo\",\"mappings\":[],\"key\":[\"parent:from.id\",\"to\"],\"records\":\"results[]."
                    "to[]\",\"record\":\"\","
                    "\"format\":\"json\",\"page\":[],\"pairs\":{\"list\":\"results[]\",\"match\":\"from.id\",\"value\":\"paging.next.after\"}}");
  if (!peri_json_get_bool(opened, "ok", false)) fail_msg("%.*s", PERI_S(peri_json_get_text(opened, "message")));
  is_text(peri_json_str(peri_json_at(opened, PERI_STR("context[0]"))), "from.id");
  static const char body[] = "{\"results\":[{\"from\":{\"id\":\"1\"},\"to\":[{\"to\":9},{\"to\":8}],\"paging\":{\"next\":{\"after\":\"x\"}}},{\"to\":"
                             "[{\"to\":7}],\"from\":{\"id\":2}}]}";
  peri_err e = {0};
  if (page(&b, PERI_PAGE_MAP_ALL, body, sizeof body - 1, 0, 0, "", &e)) fail_msg("%s", e.text);
  assert_int_equal(b.count, 3);
  is_text(b.records[0].key, "1:9");
  is_text(b.records[1].key, "1:8");
  is_text(b.records[2].key, "2:7");
  is_text(b.records[2].context, "{\"from.id\":2}");
  is_text(b.rows[0].data, "{\"to\":9}");
  is_text(b.last.pairs, "[[\"1\",\"x\"]]");
  /* the parent may also be what the request was made for */
  opened = open_view(&b, "{\"view\":1,\"stream\":\"note\",\"type\":\"demo\",\"mappings\":[],\"key\":[\"parent:id\",\"n\"],\"records\":\"[]\","
                         "\"record\":\"\",\"format\":\"json\",\"page\":[]}");
  if (!peri_json_get_bool(opened, "ok", false)) fail_msg("%.*s", PERI_S(peri_json_get_text(opened, "message")));
  if (page(&b, PERI_PAGE_MAP_ALL, "[{\"n\":1},{\"n\":true}]", 20, 0, 0, "{\"id\":\"p\",\"more\":[]}", &e)) fail_msg("%s", e.text);
  is_text(b.records[0].key, "p:1");
  is_text(b.records[1].key, "p:true");
  is_text(b.records[0].context, "{\"id\":\"p\"}");
  /* lines */
  opened = open_view(&b, "{\"view\":1,\"stream\":\"line\",\"type\":\"demo\",\"mappings\":[],\"key\":\"n\",\"merged\":\"m\",\"records\":\"\","
                         "\"record\":\"\",\"format\":\"ndjson\",\"page\":[]}");
  if (!peri_json_get_bool(opened, "ok", false)) fail_msg("%.*s", PERI_S(peri_json_get_text(opened, "message")));
  static const char lines[] = "{\"n\":1,\"m\":[7,\"8\"]}\n{\"n\":\n{\"n\":3}\n";
  if (page(&b, PERI_PAGE_MAP_ALL, lines, sizeof lines - 1, 0, 0, "", &e)) fail_msg("%s", e.text);
  assert_int_equal(b.count, 3);
  is_text(b.records[0].merged, "[\"7\",\"8\"]");
  assert_int_equal(b.records[1].bad, 1);
  is_text(b.records[2].key, "3");
  opened = open_view(&b, "{\"view\":1,\"stream\":\"x\",\"mappings\":[],\"key\":\"n\",\"records\":\"\",\"format\":\"csv\"}");
  assert_false(peri_json_get_bool(opened, "ok", true));
  end(&b);
}

/* One bad record among good ones: it is rejected, the others land, the same worker goes on where it can. */
void test_work_timeout(void **state) {
  (void)state;
  bench b;
  begin(&b);
  ready(&b);
  static const char body[] = "{\"results\":[{\"id\":\"1\",\"name\":\"a\"},{\"id\":\"2\",\"name\":\"spin\"},{\"id\":\"3\",\"name\":\"c\"}]}";
  peri_err e = {0};
  if (page(&b, PERI_PAGE_MAP_ALL, body, sizeof body - 1, 0, 0, "", &e)) fail_msg("%s", e.text);
  assert_int_equal(b.row_count, 3);
  is_text(peri_json_get_text(reject(&b, 1), "code"), "script_timeout");
  is_text(b.rows[2].data, "{\"name\":\"C\",\"age\":null}");
  assert_true(peri_worker_alive(b.w));
  end(&b);
}

void test_work_memory(void **state) {
  (void)state;
  bench b;
  begin_with(&b, 5000); /* so that memory runs out first, however slow the build */
  ready(&b);
  static const char body[] = "{\"results\":[{\"id\":\"1\",\"name\":\"a\"},{\"id\":\"2\",\"name\":\"hoard\"},{\"id\":\"3\",\"name\":\"c\"}]}";
  peri_err e = {0};
  peri_code c = page(&b, PERI_PAGE_MAP_ALL, body, sizeof body - 1, 0, 0, "", &e);
  /* the hoard lives in an upvalue: the state is of no more use, and the record that filled it is named */
  assert_int_equal(c, PERI_SCRIPT_MEMORY);
  if (b.fail) {
    assert_true(peri_json_get_bool(b.fail, "replace", false));
    assert_int_equal(peri_json_get_int(b.fail, "record", -1), 1);
    assert_int_equal(page(&b, PERI_PAGE_MAP_ALL, body, sizeof body - 1, 0, 0, "", &e), PERI_SCRIPT_MEMORY);
  } else {
    assert_non_null(peri_worker_death(b.w));
    assert_int_equal(peri_worker_death(b.w)->record, 1);
  }
  end(&b);
}
