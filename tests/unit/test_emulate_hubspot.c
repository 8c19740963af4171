/* emulators: HubSpot's, where it must be faithful. What a client sees of all the rest is held against HubSpot's own client in tests/real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test_emulate.h"

static play p;

static int open_hubspot(void **state) {
  (void)state;
  play_shipped(&p, "{\"records\":300,\"seed\":1,\"nowMs\":1795395723004}");
  return ask(&p, "POST", "/_emulator/rate", NULL, "{\"on\":false}") == 200 ? 0 : -1;
}

static int close_hubspot(void **state) {
  (void)state;
  play_close(&p);
  return 0;
}

static const char *const objects[] = {"/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts", "/crm/v3/objects/0-1", "/crm/objects/2026-03/0-1"};

static void both_families_and_all_names(void **state) {
  (void)state;
  peri_str first = {0};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(ask(&p, "GET", objects[i], "{\"limit\":\"2\"}", NULL), 200);
    assert_string_equal(get_text(&p, "paging.next.after"), "1003");
    peri_str results = peri_json_get(p.body, "results")->raw;
    if (i) assert_true(peri_str_eq(first, results));
    first = results;
  }
  assert_int_equal(ask(&p, "GET", "/crm/v3/objects/2-7654321", NULL, NULL), 200);
  assert_int_equal(ask(&p, "GET", "/crm/v3/objects/p4242_car", NULL, NULL), 200);
  assert_int_equal(ask(&p, "GET", "/crm/v3/objects/moons", NULL, NULL), 404);
  assert_int_equal(ask(&p, "GET", "/crm/v9/objects/contacts", NULL, NULL), 404);
  assert_string_equal(get_text(&p, "status"), "error");
  assert_int_equal(ask(&p, "GET", "/account-info/2026-03/details", NULL, NULL), 200);
  assert_int_equal(get_int(&p, "portalId"), 4242);
}

static void lists_end_without_paging(void **state) {
  (void)state;
  int64_t seen = 0;
  char query[80] = "{\"limit\":\"100\"}";
  for (int pages = 1;; pages++) {
    assert_int_equal(ask(&p, "GET", objects[0], query, NULL), 200);
    seen += (int64_t)peri_json_get(p.body, "results")->count;
    if (!get_text(&p, "paging.next.after")) {
      assert_int_equal(pages, 3);
      break;
    }
    snprintf(query, sizeof query, "{\"limit\":\"100\",\"after\":\"%s\"}", get_text(&p, "paging.next.after"));
  }
  assert_int_equal(seen, 300);
  assert_null(peri_json_get(p.body, "paging")); /* absent, not null */
  static const char *const bad[] = {"{\"limit\":\"101\"}", "{\"limit\":\"abc\"}", "{\"limit\":\"0\"}", "{\"after\":\"x\"}", "{\"limit\":\"51\",\"propertiesWithHistory\":\"email\"}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(ask(&p, "GET", objects[0], bad[i], NULL), 400);
}

static void tokens_are_refused_in_three_ways(void **state) {
  (void)state;
  assert_int_equal(ask_as(&p, "", "GET", objects[0], NULL, NULL), 401);
  assert_string_equal(get_text(&p, "category"), "INVALID_AUTHENTICATION");
  assert_int_equal(ask_as(&p, "access-token", "GET", objects[0], NULL, NULL), 401);
  assert_string_equal(get_text(&p, "category"), "EXPIRED_AUTHENTICATION");
  assert_string_equal(get_text(&p, "context.expire time[0]"), "1970-01-01T00:00:00Z");
  const char *token_paths[] = {"/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token"};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(ask_as(&p, "", "POST", token_paths[i], NULL, "grant_type=refresh_token&client_id=emulator&client_secret=emulator-secret&refresh_token=emulator-refresh"), 200);
    assert_int_equal(get_int(&p, "expires_in"), 1800);
    char token[64];
    snprintf(token, sizeof token, "%s", get_text(&p, "access_token"));
    assert_int_equal(ask_as(&p, token, "GET", objects[0], NULL, NULL), 200);
    p.now_ms += 1801000;
    assert_int_equal(ask_as(&p, token, "GET", objects[0], NULL, NULL), 401);
    assert_string_equal(get_text(&p, "message"), "The OAuth token used to make this call expired 1 second(s) ago.");
  }
  assert_int_equal(ask_as(&p, "", "POST", token_paths[0], NULL, "grant_type=refresh_token&client_id=emulator&client_secret=wrong&refresh_token=emulator-refresh"), 400);
  assert_string_equal(get_text(&p, "status"), "BAD_CLIENT_SECRET");
  ask(&p, "POST", "/_emulator/scopes", NULL, "{\"deny\":[\"deals\"]}");
  assert_int_equal(ask(&p, "GET", "/crm/v3/objects/deals", NULL, NULL), 403);
  assert_string_equal(get_text(&p, "errors[0].context.requiredGranularScopes[0]"), "crm.objects.deals.read");
  ask(&p, "POST", "/_emulator/scopes", NULL, "{}");
}

static void searches_as_the_connector_does(void **state) {
  (void)state;
  ask(&p, "POST", "/_emulator/change", NULL, "{\"entity\":\"contact\",\"count\":20,\"stamps\":\"equal\"}");
  static const char between[] = "{\"limit\":200,\"properties\":[\"email\"],\"filterGroups\":[{\"filters\":[{\"propertyName\":\"lastmodifieddate\",\"operator\":\"BETWEEN\",\"value\":\"%lld\","
                                "\"highValue\":\"%lld\"}]}],\"sorts\":[{\"propertyName\":\"lastmodifieddate\",\"direction\":\"ASCENDING\"}]}";
  char body[600];
  snprintf(body, sizeof body, between, (long long)p.now_ms - 1000, (long long)p.now_ms);
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL, body), 200);
  assert_int_equal(get_int(&p, "total"), 20);
  char id[32];
  snprintf(id, sizeof id, "%s", get_text(&p, "results[9].id"));
  snprintf(body, sizeof body, "{\"limit\":200,\"filterGroups\":[{\"filters\":[{\"propertyName\":\"lastmodifieddate\",\"operator\":\"EQ\",\"value\":\"%lld\"},{\"propertyName\":\"hs_object_id\","
           "\"operator\":\"GT\",\"value\":\"%s\"}]}],\"sorts\":[{\"propertyName\":\"hs_object_id\",\"direction\":\"ASCENDING\"}]}", (long long)p.now_ms, id);
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL, body), 200);
  assert_int_equal(get_int(&p, "total"), 10);
  assert_null(memmem(p.headers.p, p.headers.n, "RateLimit", 9)); /* searches tell nothing of limits */
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL, "{\"filterGroups\":[{\"filters\":[{\"propertyName\":\"lastmodifieddate\",\"operator\":\"GTE\",\"value\":\"0\"}]}]}"), 500);
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL, "{\"limit\":200,\"after\":\"9801\"}"), 400);
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL, "{"), 400);
  ask(&p, "POST", "/_emulator/search", NULL, "{\"delay_ms\":5000}");
  snprintf(body, sizeof body, between, (long long)p.now_ms - 1000, (long long)p.now_ms);
  ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL, body);
  assert_int_equal(get_int(&p, "total"), 0); /* not indexed yet */
  p.now_ms += 5000;
  ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL, body);
  assert_int_equal(get_int(&p, "total"), 20);
  ask(&p, "POST", "/_emulator/search", NULL, "{\"delay_ms\":0}");
}

static void some_contacts_are_wrong(void **state) {
  (void)state;
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/search", NULL,
                       "{\"limit\":100,\"properties\":[\"email\",\"phone\"],\"filterGroups\":[{\"filters\":[{\"propertyName\":\"email\",\"operator\":\"NOT_HAS_PROPERTY\"},"
                       "{\"propertyName\":\"phone\",\"operator\":\"NOT_HAS_PROPERTY\"}]}]}"), 200);
  assert_int_equal(get_int(&p, "total"), 3); /* one in a hundred */
}

static void links_without_links(void **state) {
  (void)state;
  assert_int_equal(ask(&p, "POST", "/crm/v4/associations/contact/company/batch/read", NULL, "{\"inputs\":[{\"id\":\"1001\"},{\"id\":\"1010\"}]}"), 207);
  assert_string_equal(get_text(&p, "results[0].from.id"), "1001");
  assert_int_equal(get_int(&p, "results[0].to[0].associationTypes[0].typeId"), 279);
  assert_string_equal(get_text(&p, "errors[0].subCategory"), "crm.associations.NO_ASSOCIATIONS_FOUND");
  assert_string_equal(get_text(&p, "errors[0].message"), "No company is associated with contact 1010.");
  ask(&p, "POST", "/_emulator/associations", NULL, "{\"page\":2}");
  assert_int_equal(ask(&p, "POST", "/crm/associations/2026-03/companies/contacts/batch/read", NULL, "{\"inputs\":[{\"id\":\"1000000001\"}]}"), 200);
  char body[120];
  snprintf(body, sizeof body, "{\"inputs\":[{\"id\":\"1000000001\",\"after\":\"%s\"}]}", get_text(&p, "results[0].paging.next.after"));
  int64_t first = get_int(&p, "results[0].to[0].toObjectId");
  assert_int_equal(ask(&p, "POST", "/crm/associations/2026-03/companies/contacts/batch/read", NULL, body), 200);
  assert_true(get_int(&p, "results[0].to[0].toObjectId") > first);
  ask(&p, "POST", "/_emulator/associations", NULL, "{\"page\":500}");
}

static void webhooks_tell_each_property(void **state) {
  (void)state;
  ask(&p, "POST", "/_emulator/webhooks", NULL, "{\"url\":\"http://127.0.0.1:9/\"}");
  assert_int_equal(ask(&p, "PATCH", "/crm/v3/objects/contacts/1002", NULL, "{\"properties\":{\"firstname\":\"Neu\",\"city\":\"Ulm\"}}"), 200);
  peri_json_fault fault;
  const peri_json *list = peri_json_parse(p.arena, p.deliveries, &fault);
  const peri_json *events = peri_json_parse(p.arena, peri_json_get_text(list ? list->first : NULL, "body"), &fault);
  assert_non_null(events);
  assert_int_equal(events->count, 2);
  assert_true(peri_str_is(peri_json_get_text(events->first, "subscriptionType"), "contact.propertyChange"));
  assert_true(peri_str_is(peri_json_get_text(events->first, "propertyName"), "city"));
  assert_int_equal(ask(&p, "DELETE", "/crm/v3/objects/contacts/1002", NULL, NULL), 204);
  list = peri_json_parse(p.arena, p.deliveries, &fault);
  events = peri_json_parse(p.arena, peri_json_get_text(list ? list->first : NULL, "body"), &fault);
  assert_true(peri_str_is(peri_json_get_text(peri_json_item(events, 0), "subscriptionType"), "contact.deletion"));
  ask(&p, "POST", "/_emulator/webhooks", NULL, "{\"url\":null}");
}

static void limits_speak_like_hubspot(void **state) {
  (void)state;
  ask(&p, "POST", "/_emulator/rate", NULL, "{\"on\":true,\"default\":\"2/10s\"}");
  p.now_ms += 20000;
  ask(&p, "GET", objects[0], NULL, NULL);
  assert_non_null(memmem(p.headers.p, p.headers.n, "\"X-HubSpot-RateLimit-Max\":2,\"X-HubSpot-RateLimit-Remaining\":1", 61));
  ask(&p, "GET", objects[0], NULL, NULL);
  assert_int_equal(ask(&p, "GET", objects[0], NULL, NULL), 429);
  assert_string_equal(get_text(&p, "policyName"), "TEN_SECONDLY_ROLLING");
  assert_string_equal(get_text(&p, "errorType"), "RATE_LIMIT");
  ask(&p, "POST", "/_emulator/rate", NULL, "{\"on\":false}");
}

static void merged_ids_lead_to_the_survivor(void **state) {
  (void)state;
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/merge", NULL, "{\"primaryObjectId\":\"1021\",\"objectIdToMerge\":\"1022\"}"), 200);
  assert_string_equal(get_text(&p, "properties.hs_merged_object_ids"), "1022");
  assert_int_equal(ask(&p, "GET", "/crm/v3/objects/contacts/1022", NULL, NULL), 200);
  assert_string_equal(get_text(&p, "id"), "1021");
  assert_int_equal(ask(&p, "POST", "/crm/v3/objects/contacts/batch/update", NULL, "{\"inputs\":[{\"id\":\"1022\",\"properties\":{\"city\":\"X\"}}]}"), 200);
  assert_int_equal(peri_json_get(p.body, "results")->count, 0); /* left out without a word */
  assert_int_equal(ask(&p, "GET", "/crm/v3/objects/contacts/1017", "{\"properties\":\"hs_merged_object_ids\"}", NULL), 200);
  assert_string_equal(get_text(&p, "properties.hs_merged_object_ids"), "900000170;900000171");
  assert_int_equal(ask(&p, "GET", "/crm/v3/objects/contacts/900000171", NULL, NULL), 200);
  assert_string_equal(get_text(&p, "id"), "1017");
}

int peri_test_emulate_hubspot(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(both_families_and_all_names),      cmocka_unit_test(lists_end_without_paging), cmocka_unit_test(tokens_are_refused_in_three_ways),
    cmocka_unit_test(searches_as_the_connector_does),   cmocka_unit_test(some_contacts_are_wrong),  cmocka_unit_test(links_without_links),
    cmocka_unit_test(webhooks_tell_each_property),      cmocka_unit_test(limits_speak_like_hubspot), cmocka_unit_test(merged_ids_lead_to_the_survivor),
  };
  return cmocka_run_group_tests_name("emulators: HubSpot", tests, open_hubspot, close_hubspot);
}
