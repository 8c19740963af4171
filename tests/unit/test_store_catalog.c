/* The catalogue: integrations, registry, field mappings, templates, views, generations; reports. */
#include <unistd.h>

#include "test_store.h"
#include "json/json.h"

static peri_json *parse(fixture *f, peri_buf *b) {
  peri_json_fault fault;
  peri_json *j = peri_json_parse(f->a, peri_buf_view(b), &fault);
  if (!j) fail_msg("no JSON: %s in %.*s", fault.what, (int)b->n, b->p);
  peri_buf_clear(b);
  return j;
}

static peri_json *of(fixture *f, const char *text) {
  peri_buf b = {0};
  peri_buf_c_str(&b, text);
  peri_json *j = parse(f, &b);
  peri_buf_fini(&b);
  return j;
}

static void integrations(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_json *j;
  peri_buf b = {0};
  peri_new_integration n = {PERI_STR("22222222-2222-7222-8222-222222222222"),
                            PERI_STR("acme"),
                            PERI_STR("x"),
                            PERI_STR("x"),
                            PERI_STR("{}"),
                            PERI_STR("http://127.0.0.1:1"),
                            PERI_STR("[{\"host\":\"h\"}]"),
                            PERI_STR("{\"accessToken\":{\"v\":1},\"clientId\":{\"v\":1}}")};
  assert_int_equal(peri_integration_add(f->s, &n, &e), PERI_EXISTS);
  n.name = PERI_STR("beta");
  OK(peri_integration_add(f->s, &n, &e));
  OK(peri_integration_get(f->s, f->a, PERI_STR("beta"), &j, &e));
  assert_true(peri_str_is(peri_json_get_text(j, "base_url"), "http://127.0.0.1:1"));
  assert_true(peri_str_is(peri_json_get(j, "credentials")->raw, "[\"accessToken\",\"clientId\"]"));
  assert_true(peri_str_is(peri_json_get(j, "trusted")->raw, "[{\"host\":\"h\"}]"));
  OK(peri_integration_get(f->s, f->a, n.id, &j, &e));
  assert_int_equal(peri_integration_get(f->s, f->a, PERI_STR("acmee"), &j, &e), PERI_NOT_FOUND);
  assert_non_null(strstr(e.text, "\"acme\""));
  OK(peri_integration_list(f->s, &b, &e));
  assert_int_equal(parse(f, &b)->count, 2);
  OK(peri_integration_credentials(f->s, f->a, n.id, &j, &e));
  assert_int_equal(peri_json_get_int(peri_json_get(j, "accessToken"), "v", 0), 1);
  OK(peri_integration_set(f->s, n.id, PERI_STR(""), PERI_STR("{\"accessToken\":{\"v\":2},\"clientId\":null}"), PERI_STR(""), PERI_STR(""),
                          PERI_STR(""), &e));
  assert_string_equal(ask_text(f->s, "SELECT credentials FROM integrations WHERE name = 'beta'"), "{\"accessToken\":{\"v\":2}}");
  int64_t rows;
  OK(peri_integration_remove(f->s, n.id, false, &rows, &e));
  assert_string_equal(ask_text(f->s, "SELECT coalesce(credentials, 'none') || status FROM integrations WHERE name = 'beta'"), "noneremoved");
  assert_int_equal(peri_integration_credentials(f->s, f->a, n.id, &j, &e), PERI_NOT_FOUND);
  n.id = PERI_STR("33333333-3333-7333-8333-333333333333");
  OK(peri_integration_add(f->s, &n, &e)); /* the name is free again */
  peri_buf_fini(&b);
}

static void removing(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  int64_t rows;
  peri_commit_row r[] = {row_of("1", "{\"a\":1}", 1), row_of("2", "{\"a\":2}", 1), reject_of("3", "{}", 1)};
  commit_rows(f, r, 3);
  OK(peri_integration_remove(f->s, INTEGRATION, true, &rows, &e));
  assert_int_equal(rows, 2);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM integration_data"), 2);
  assert_int_equal(peri_integration_remove(f->s, INTEGRATION, false, &rows, &e), PERI_NOT_FOUND);
  OK(peri_exec(f->s, &e, "test", "UPDATE integrations SET status = 'removing'", "")); /* as a kill inside a removal leaves it */
  peri_store_close(f->s);
  OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
  assert_int_equal(ask(f->s, "SELECT (SELECT count(*) FROM integration_data) + (SELECT count(*) FROM rejects)"), 0);
  assert_string_equal(ask_text(f->s, "SELECT status FROM integrations"), "removed");
}

static void registry(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_buf b = {0};
  /* a row that somebody writes, as the SQL of the old design did it */
  OK(peri_exec(f->s, &e, "test",
               "INSERT INTO integration_registry (name, type, platform, description, category, capabilities, required_fields, optional_fields) "
               "VALUES ('Salesforce CRM', 'salesforce',"
               " 'salesforce', 'Connect to Salesforce CRM', 'CRM', '[\"sync_leads\"]', '[\"accessToken\",\"instanceUrl\"]', '[\"refreshToken\"]')",
               ""));
  OK(peri_registry_replace(f->s,
                           PERI_STR("[{\"type\":\"hubspot\",\"name\":\"HubSpot\",\"platform\":\"hubspot\",\"category\":\"CRM\",\"is_popular\":true,"
                                    "\"capabilities\":[\"sync_contacts\"]},"
                                    "{\"type\":\"old\",\"name\":\"Old\",\"category\":\"CRM\"}]"),
                           &e));
  assert_int_equal(ask(f->s, "SELECT count(*) FROM integration_registry"), 3);
  char before[64];
  strcpy(before, ask_text(f->s, "SELECT id FROM integration_registry WHERE type = 'hubspot'"));
  OK(peri_registry_replace(
      f->s, PERI_STR("[{\"type\":\"hubspot\",\"name\":\"HubSpot CRM\",\"platform\":\"hubspot\",\"category\":\"CRM\",\"is_popular\":true}]"), &e));
  assert_string_equal(before, ask_text(f->s, "SELECT id FROM integration_registry WHERE type = 'hubspot'"));
  OK(peri_report_registry(f->s, &b, &e));
  peri_json *j = parse(f, &b);
  assert_int_equal(j->count, 2);
  assert_true(peri_str_is(peri_json_get_text(peri_json_item(j, 0), "name"), "HubSpot CRM"));
  assert_true(peri_str_is(peri_json_get(peri_json_item(j, 1), "required_fields")->raw, "[\"accessToken\",\"instanceUrl\"]"));
  peri_buf_fini(&b);
}

static void old_inserts_work_in_sqlite3(void **state) {
  fixture *f = *state;
  char command[2048];
  peri_err e = {0};
  peri_store_close(f->s);
  f->s = NULL;
  snprintf(
      command, sizeof command,
      "sqlite3 -bail %s \"INSERT INTO integrations(name, type, platform, credentials, settings) VALUES('Mine', 'hubspot', 'hubspot', '{}', '{}');"
      "INSERT INTO data_mappings(integration_type, entity_type, external_field, internal_field, field_type, is_required, default_value, "
      "transformation, validation)"
      " VALUES('hubspot', 'contact', 'properties.firstname', 'firstName', 'string', TRUE, NULL, 'return value', 'return true');"
      "INSERT INTO mapping_templates(name, integration_type, entity_type, mappings, is_default) VALUES('t', 'hubspot', 'contact', '[]', FALSE);"
      "INSERT INTO integration_data(integration_id, entity_type, external_id, data) SELECT id, 'contact', '7', "
      "'{\\\"n\\\":12345678901234567890,\\\"d\\\":0.1000000000000000055}'"
      " FROM integrations WHERE name = 'Mine'\"",
      f->path);
  assert_int_equal(system(command), 0);
  OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
  char id[PERI_UUID_TEXT];
  assert_true(peri_uuid_read(peri_str_of(ask_text(f->s, "SELECT id FROM integrations WHERE name = 'Mine'")), id));
  assert_int_equal(id[14], '7');
  assert_string_equal(ask_text(f->s, "SELECT status FROM integrations WHERE name = 'Mine'"), "pending");
  assert_string_equal(ask_text(f->s, "SELECT data FROM integration_data"), "{\"n\":12345678901234567890,\"d\":0.1000000000000000055}");
  assert_int_equal(ask(f->s, "SELECT created_at LIKE '20__-__-__T__:__:__.___Z' FROM integration_data"), 1);
}

static void field_mappings(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_buf b = {0};
  char id[40], again[40];
  OK(peri_mapping_row_put(f->s,
                          of(f, "{\"integrationType\":\"hubspot\",\"entityType\":\"contact\",\"externalField\":\"properties.firstname\","
                                "\"internalField\":\"firstName\",\"fieldType\":\"string\","
                                "\"isRequired\":true,\"transformation\":\"return value\",\"default_value\":[1,null],\"options\":{\"max\":80}}"),
                          id, &e));
  OK(peri_mapping_row_put(f->s,
                          of(f, "{\"integration_type\":\"hubspot\",\"entity_type\":\"contact\",\"external_field\":\"properties.firstname\","
                                "\"internal_field\":\"first\",\"field_type\":\"text\"}"),
                          again, &e));
  assert_string_equal(id, again);
  assert_int_equal(peri_mapping_row_put(f->s, of(f, "{\"integration_type\":\"hubspot\",\"entity_type\":\"contact\"}"), id, &e), PERI_INVALID);
  assert_non_null(strstr(e.text, "external_field"));
  OK(peri_mapping_rows(f->s, &b, PERI_STR("hubspot"), PERI_STR(""), &e));
  peri_json *j = parse(f, &b);
  assert_int_equal(j->count, 1);
  assert_true(peri_str_is(peri_json_get_text(peri_json_item(j, 0), "internal_field"), "first"));
  assert_true(peri_json_get_bool(peri_json_item(j, 0), "is_active", false));
  OK(peri_mapping_rows(f->s, &b, PERI_STR("other"), PERI_STR(""), &e));
  assert_int_equal(parse(f, &b)->count, 0);
  OK(peri_mapping_row_remove(f->s, PERI_STR("first"), PERI_STR("hubspot"), PERI_STR("contact"), &e));
  assert_int_equal(peri_mapping_row_remove(f->s, PERI_STR("first"), PERI_STR(""), PERI_STR(""), &e), PERI_NOT_FOUND);
  peri_buf_fini(&b);
}

static void templates_lose_nothing(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_json *first, *second;
  const char *mappings = "[{\"externalField\":\"a.b\",\"internalField\":\"x\",\"fieldType\":\"number\",\"defaultValue\":1.10,\"transformation\":"
                         "\"return \\\"\\u0000é\\\"\"},"
                         "{\"external_field\":\"c\",\"internal_field\":\"y\",\"field_type\":\"text\",\"options\":{\"z\":12345678901234567890}}]";
  char text[1024];
  snprintf(text, sizeof text,
           "{\"name\":\"Default\",\"integration_type\":\"hubspot\",\"entity_type\":\"contact\",\"is_default\":true,\"mappings\":%s}", mappings);
  OK(peri_template_put(f->s, of(f, text), &e));
  OK(peri_template_get(f->s, f->a, PERI_STR("Default"), PERI_STR(""), PERI_STR(""), &first, &e));
  assert_true(peri_str_is(peri_json_get(first, "mappings")->raw, mappings));
  OK(peri_template_remove(f->s, PERI_STR("Default"), &e));
  assert_int_equal(peri_template_get(f->s, f->a, PERI_STR("Default"), PERI_STR(""), PERI_STR(""), &second, &e), PERI_NOT_FOUND);
  OK(peri_template_put(f->s, first, &e)); /* what was exported is imported */
  OK(peri_template_get(f->s, f->a, PERI_STR("Default"), PERI_STR("hubspot"), PERI_STR("contact"), &second, &e));
  static const char *const same[] = {"id", "name", "integration_type", "entity_type", "mappings", "is_default"};
  for (int i = 0; i < 6; i++) assert_true(peri_str_eq(peri_json_get(first, same[i])->raw, peri_json_get(second, same[i])->raw));
  int64_t rows;
  OK(peri_template_apply(f->s, second, &rows, &e));
  assert_int_equal(rows, 2);
  assert_string_equal(ask_text(f->s, "SELECT default_value FROM data_mappings WHERE external_field = 'a.b'"), "1.10");
  assert_string_equal(ask_text(f->s, "SELECT options FROM data_mappings WHERE external_field = 'c'"), "{\"z\":12345678901234567890}");
  assert_int_equal(peri_template_apply(f->s,
                                       of(f, "{\"integration_type\":\"h\",\"entity_type\":\"c\",\"mappings\":[{\"external_field\":\"q\",\"internal_"
                                             "field\":\"q\",\"field_type\":\"text\"},{}]}"),
                                       &rows, &e),
                   PERI_INVALID);
  assert_non_null(strstr(e.text, "mapping 2"));
  assert_int_equal(ask(f->s, "SELECT count(*) FROM data_mappings"), 2); /* all or nothing */
}

#define CONTACT                                                                                                                                      \
  "{\"type\":\"hubspot\",\"entity\":\"contact\",\"fields\":[{\"name\":\"email\",\"type\":\"text\"},{\"name\":\"age\",\"type\":\"integer\"},{"        \
  "\"name\":\"score\",\"type\":\"number\"},"                                                                                                         \
  "{\"name\":\"ok\",\"type\":\"boolean\"},{\"name\":\"address.city\",\"type\":\"text\"},{\"name\":\"tags\",\"type\":\"json\"},{\"name\":\"id\","     \
  "\"type\":\"text\"}]}"

static void views(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_commit_row rows[] = {
      row_of("1", "{\"email\":\"a@b\",\"age\":7,\"score\":0.5,\"ok\":true,\"address\":{\"city\":\"X\"},\"tags\":[1],\"id\":\"own\"}", 1),
      row_of("2", "{\"email\":null,\"score\":10,\"ok\":false,\"tags\":null}", 1), row_of("3", "{}", 1), row_of("9", "{\"title\":\"t\"}", 1)};
  rows[3].entity = PERI_STR("note");
  commit_rows(f, rows, 4);
  rows[2].verdict = 4;
  commit_rows(f, rows + 2, 1);
  const char *mappings =
      "[" CONTACT ",{\"type\":\"hubspot\",\"entity\":\"note\",\"fields\":[]},{\"type\":\"wordpress\",\"entity\":\"contact\",\"fields\":[{\"name\":"
                  "\"email\",\"type\":\"text\"},"
      "{\"name\":\"login\",\"type\":\"text\"}]},{\"type\":\"hubspot\",\"entity\":\"runs\",\"fields\":[{\"name\":\"a\",\"type\":\"text\"}]}]";
  OK(peri_views_replace(f->s, of(f, mappings), &e));
  assert_int_equal(ask(f->s, "SELECT count(*) FROM hubspot_contact"), 2);
  assert_string_equal(ask_text(f->s, "SELECT integration || external_id || email || age || typeof(age) || score || typeof(score) || ok || typeof(ok) "
                                     "|| address_city || tags || field_id FROM hubspot_contact"
                                     " WHERE external_id = '1'"),
                      "acme1a@b7integer0.5real1integerX[1]own");
  assert_string_equal(ask_text(f->s, "SELECT coalesce(email, '-') || coalesce(age, '-') || coalesce(tags, '-') || ok FROM contact WHERE score > 9"),
                      "---0");
  assert_string_equal(ask_text(f->s, "SELECT coalesce(login, '-') FROM contact"), "-");
  assert_string_equal(ask_text(f->s, "SELECT data FROM note"), "{\"title\":\"t\"}");
  assert_int_equal(ask(f->s, "SELECT count(*) FROM hubspot_runs"), 0);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM sqlite_master WHERE type = 'view' AND name = 'runs'"), 0);
  assert_string_equal(ask_text(f->s, "SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('hubspot_contact') LIMIT 4)"),
                      "id,integration,external_id,synced_at");
  /* the same again changes nothing; a user's own view is never touched */
  int64_t version = ask(f->s, "PRAGMA schema_version");
  OK(peri_views_replace(f->s, of(f, mappings), &e));
  assert_int_equal(ask(f->s, "PRAGMA schema_version"), version);
  OK(peri_exec(f->s, &e, "test", "CREATE VIEW company AS SELECT 1 AS mine", ""));
  OK(peri_views_replace(
      f->s, of(f, "[" CONTACT ",{\"type\":\"hubspot\",\"entity\":\"company\",\"fields\":[{\"name\":\"q\\u0027s\",\"type\":\"text\"}]}]"), &e));
  assert_int_equal(ask(f->s, "SELECT mine FROM company"), 1);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM sqlite_master WHERE type = 'view' AND name IN ('note', 'hubspot_note', 'wordpress_contact')"), 0);
  assert_int_equal(ask(f->s, "SELECT count(\"q's\") FROM hubspot_company"), 0);
  assert_int_equal(peri_views_replace(f->s,
                                      of(f, "[{\"type\":\"hubspot\",\"entity\":\"contact\",\"fields\":[{\"name\":\"Email\",\"type\":\"text\"},{"
                                            "\"name\":\"email\",\"type\":\"text\"}]}]"),
                                      &e),
                   PERI_INVALID);
  assert_int_equal(
      peri_views_replace(f->s, of(f, "[{\"type\":\"hubspot\",\"entity\":\"contact\",\"fields\":[{\"name\":\"a\\\"b\",\"type\":\"text\"}]}]"), &e),
      PERI_INVALID);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM hubspot_contact"), 2); /* what was in force stays */
}

static bool one_text(void *self, int columns, const peri_str *names, const peri_str *values, const peri_jtype *types) {
  peri_buf *b = self;
  for (int i = 0; i < columns; i++)
    peri_buf_fmt(b, "%.*s=%s%.*s;", PERI_S(names[i]),
                 types[i] == PERI_J_NULL     ? "NULL"
                 : types[i] == PERI_J_NUMBER ? "#"
                                             : "",
                 PERI_S(values[i]));
  return true;
}

static void user_queries_only_read(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_buf b = {0};
  OK(peri_report_sql(f->s, PERI_STR("SELECT name, NULL AS n, x'00ff' AS x, 7 AS i, 0.5 AS d, 9e999 AS e FROM integrations; -- done"), one_text, &b, &e));
  assert_true(peri_str_is(peri_buf_view(&b), "name=acme;n=NULL;x=00ff;i=#7;d=#0.5;e=Inf;"));
  OK(peri_report_sql(f->s, PERI_STR("PRAGMA table_info(runs)"), one_text, &b, &e));
  static const char *const refused[] = {"DELETE FROM integrations",
                                        "UPDATE runs SET status = 'x'",
                                        "DROP TABLE runs",
                                        "ATTACH '/tmp/x.db' AS x",
                                        "PRAGMA journal_mode = DELETE",
                                        "BEGIN IMMEDIATE",
                                        "SELECT 1; SELECT 2",
                                        "SELECT 1; DELETE FROM runs",
                                        "SELEC 1",
                                        "",
                                        "CREATE TEMP TABLE t(x)",
                                        "VACUUM",
                                        "PRAGMA user_version = 3",
                                        "SELECT load_extension('x')"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (peri_report_sql(f->s, peri_str_of(refused[i]), one_text, &b, &e) != PERI_INVALID) fail_msg("%s was not refused", refused[i]);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM integrations"), 1);
  next_run(f); /* and the writer writes on */
  peri_buf_fini(&b);
}

static void reports(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  peri_buf b = {0};
  peri_commit_row r[] = {row_of("1", "{\"a\":1}", 1), row_of("2", "{\"a\":2}", 1), reject_of("3", "{\"a\":3}", 1), reject_of("4", "{\"a\":4}", 1)};
  commit_sweep(f, r, 4, 5);
  OK(peri_report_status(f->s, PERI_STR("acme"), &b, &e));
  peri_json *j = peri_json_item(parse(f, &b), 0), *stream = peri_json_item(peri_json_get(j, "streams"), 0);
  assert_int_equal(peri_json_get_int(j, "data_count", -1), 2);
  assert_int_equal(peri_json_get_int(peri_json_get(j, "running"), "rejected", -1), 2);
  assert_int_equal(peri_json_get(j, "last_run")->type, PERI_J_NULL);
  assert_int_equal(peri_json_get_int(stream, "rows", -1), 2);
  assert_int_equal(peri_json_get_int(stream, "rejects", -1), 2);
  assert_true(peri_str_is(peri_json_get(stream, "position")->raw, "{\"after\":\"1\"}"));
  OK(peri_run_close(f->s, f->run, "failed", NULL, PERI_STR(""), PERI_API_ERROR, PERI_STR("it \"said\" 500"), &e));
  OK(peri_report_runs(f->s, PERI_STR(""), 10, &b, &e));
  j = peri_json_item(parse(f, &b), 0);
  assert_true(peri_str_is(peri_json_get_text(j, "error_code"), "api_error") && peri_str_is(peri_json_get_text(j, "generation"), "generation-one"));
  OK(peri_report_rejects(f->s, PERI_STR("acme"), &(peri_reject_filter){.entity = PERI_STR("contact"), .code = PERI_STR("type")}, 1, 0, &b, &e));
  j = parse(f, &b);
  assert_int_equal(j->count, 1);
  int64_t seq = peri_json_get_int(peri_json_item(j, 0), "seq", 0);
  assert_int_equal(peri_json_get_int(peri_json_item(j, 0), "line", 0), 7);
  OK(peri_report_rejects(f->s, PERI_STR(""), &(peri_reject_filter){0}, 10, seq, &b, &e));
  assert_int_equal(parse(f, &b)->count, 1);
  OK(peri_report_reject_counts(f->s, PERI_STR("acme"), &(peri_reject_filter){0}, &b, &e));
  assert_int_equal(peri_json_get_int(peri_json_item(parse(f, &b), 0), "count", 0), 2);
  OK(peri_report_rows(f->s, PERI_STR("acme"), PERI_STR("contact"), 10, &b, &e));
  j = parse(f, &b);
  assert_int_equal(j->count, 2);
  assert_true(peri_str_is(peri_json_get(peri_json_item(j, 0), "data")->raw, "{\"a\":1}"));
  assert_int_equal(peri_report_runs(f->s, PERI_STR("nobody"), 10, &b, &e), PERI_NOT_FOUND);
  peri_buf_fini(&b);
}

static void generations_keep_their_files(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  const char *files =
      "[{\"path\":\"mappings/a.lua\",\"hash\":\"h1\",\"bytes\":\"return 1\\n\"},{\"path\":\"lib/b.lua\",\"hash\":\"h2\",\"bytes\":\"\"}]";
  OK(peri_generation_put(f->s, PERI_STR("generation-one"), peri_str_of(files), &e));
  OK(peri_generation_put(f->s, PERI_STR("generation-one"), peri_str_of(files), &e));
  OK(peri_generation_put(f->s, PERI_STR("generation-two"), peri_str_of(files), &e));
  assert_int_equal(ask(f->s, "SELECT count(*) FROM generations"), 2);
  assert_int_equal(ask(f->s, "SELECT count(*) FROM blobs"), 2);
  assert_string_equal(ask_text(f->s, "SELECT CAST(bytes AS TEXT) FROM blobs WHERE hash = 'h1'"), "return 1\n");
}

int store_catalog_tests(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(integrations, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(removing, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(registry, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(old_inserts_work_in_sqlite3, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(field_mappings, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(templates_lose_nothing, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(views, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(user_queries_only_read, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(reports, fixture_open, fixture_close),
      cmocka_unit_test_setup_teardown(generations_keep_their_files, fixture_open, fixture_close),
  };
  return cmocka_run_group_tests_name("store: catalogue", tests, NULL, NULL);
}
