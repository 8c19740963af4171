/* cmd/connectors: the registry: which connectors there are, what they can do, what they need. Read from the files in force; stores nothing. */
#include <stdio.h>
#include <string.h>

#include "cmd/target.h"
#include "store/catalog.h"

#define GROUPS_MAX 128

static peri_str joined(peri_arena *a, const peri_json *list, const char *none) {
  peri_buf b = {0};
  for (const peri_json *p = list ? list->first : NULL; p; p = p->next) {
    if (b.n) peri_buf_c_str(&b, ", ");
    peri_buf_str(&b, p->text);
  }
  peri_str out = b.n ? peri_arena_str(a, peri_buf_view(&b)) : peri_str_of(none);
  peri_buf_fini(&b);
  return out;
}

/* ---- list, search ---- */

static bool holds(peri_str text, peri_str word) {
  for (size_t i = 0; i + word.n <= text.n; i++)
    if (peri_str_eq_nocase((peri_str){text.p + i, word.n}, word)) return true;
  return false;
}

static bool matches(const peri_json *k, peri_str word) {
  static const char *const keys[] = {"name", "type", "platform", "category", "description"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (holds(peri_json_get_text(k, keys[i]), word)) return true;
  const peri_json *can = peri_json_get(k, "capabilities");
  for (const peri_json *p = can ? can->first : NULL; p; p = p->next)
    if (holds(p->text, word)) return true;
  return false;
}

static int print_some(peri_cli *c, const peri_json *all, peri_str word) {
  peri_buf json = {0};
  peri_jw w;
  peri_jw_init(&w, &json);
  peri_jw_array(&w);
  static const char *const titles[] = {"type", "name", "category", "popular", "description"};
  peri_table *t = peri_table_new(titles, 5);
  size_t n = 0;
  for (const peri_json *k = all->first; k; k = k->next) {
    if (word.n && !matches(k, word)) continue;
    n++;
    peri_jw_raw(&w, k->raw);
    peri_str cells[5] = {peri_json_get_text(k, "type"), peri_json_get_text(k, "name"), peri_json_get_text(k, "category"),
                         peri_json_get_bool(k, "is_popular", false) ? PERI_STR("yes") : PERI_STR(""), peri_json_get_text(k, "description")};
    peri_table_row(t, cells);
  }
  peri_jw_end_array(&w);
  if (c->json)
    peri_cli_data(c, peri_buf_view(&json));
  else if (n) {
    peri_table_print(t);
    t = NULL;
  } else
    printf("no connector%s%.*s\n", word.n ? " matches " : "", PERI_S(word));
  if (t) peri_table_free(t);
  peri_buf_fini(&json);
  return 0;
}

/* ---- show ---- */

static void put_way(peri_buf *b, const peri_json *s, const char *key, const char *words) {
  const peri_json *q = peri_json_get(s, key);
  if (!q) return;
  if (b->n) peri_buf_c_str(b, "; ");
  peri_buf_fmt(b, "%s %.*s %.*s", words, PERI_S(peri_json_get_text(q, "method")), PERI_S(peri_json_get_text(q, "pages")));
  int64_t batch = peri_json_get_int(q, "batch", 0);
  if (batch) peri_buf_fmt(b, ", %lld at once", (long long)batch);
}

static peri_str how(peri_arena *a, const peri_json *s) {
  peri_buf b = {0};
  peri_str each = peri_json_get_text(s, "each"), unsupported = peri_json_get_text(s, "unsupported");
  if (each.n) peri_buf_fmt(&b, "for each %.*s", PERI_S(each));
  put_way(&b, s, "full", "all:");
  put_way(&b, s, "changes", "changes:");
  put_way(&b, s, "archived", "deletions:");
  if (peri_json_get(s, "pull")) peri_buf_c_str(&b, "read by a function");
  if (peri_json_get(s, "merged")) peri_buf_c_str(&b, "; merged records");
  int64_t sweep_ms = peri_json_get_int(s, "sweepMs", 0);
  if (sweep_ms) peri_buf_fmt(&b, "; swept every %lld h", (long long)(sweep_ms / 3600000));
  if (peri_json_get(s, "discover")) peri_buf_c_str(&b, "; own fields");
  if (unsupported.n) peri_buf_fmt(&b, "; not yet: %.*s", PERI_S(unsupported));
  peri_str out = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return out;
}

static int print_one(peri_cli *c, peri_arena *a, const peri_json *all) {
  peri_str type = peri_str_of(c->args[1]), names[GROUPS_MAX];
  size_t n = 0;
  for (const peri_json *k = all->first; k; k = k->next) {
    if (n < GROUPS_MAX) names[n++] = peri_json_get_text(k, "type");
    if (!peri_str_eq(peri_json_get_text(k, "type"), type)) continue;
    if (c->json) {
      peri_cli_data(c, k->raw);
      return 0;
    }
    peri_str about = peri_json_get_text(k, "description"), docs = peri_json_get_text(k, "documentation_url");
    const peri_json *versions = peri_json_get(k, "versions"), *streams = peri_json_get(k, "streams");
    printf("%.*s (%.*s)%s, %.*s\n", PERI_S(peri_json_get_text(k, "name")), PERI_S(type),
           peri_json_get_bool(k, "is_popular", false) ? ", popular" : "", PERI_S(peri_json_get_text(k, "category")));
    if (about.n) printf("%.*s\n", PERI_S(about));
    printf("\nrequired:     %.*s\n", PERI_S(joined(a, peri_json_get(k, "required_fields"), "nothing")));
    printf("optional:     %.*s\n", PERI_S(joined(a, peri_json_get(k, "optional_fields"), "nothing")));
    printf("capabilities: %.*s\n", PERI_S(joined(a, peri_json_get(k, "capabilities"), "none")));
    if (versions && versions->count) printf("versions:     %.*s (the first is the default; --setting version=…)\n", PERI_S(joined(a, versions, "")));
    if (docs.n) printf("API:          %.*s\n", PERI_S(docs));
    printf("file:         %.*s\n\n", PERI_S(peri_json_get_text(k, "path")));
    static const char *const titles[] = {"stream", "how it is read"};
    peri_table *t = peri_table_new(titles, 2);
    for (const peri_json *s = streams ? streams->first : NULL; s; s = s->next) {
      peri_str cells[2] = {peri_json_get_text(s, "name"), how(a, s)};
      peri_table_row(t, cells);
    }
    peri_table_print(t);
    return 0;
  }
  peri_err e = {0};
  peri_str near = peri_suggest(type, names, n);
  if (near.n)
    peri_fail(&e, PERI_NOT_FOUND, "there is no connector '%.*s' (did you mean '%.*s'?)", PERI_S(type), PERI_S(near));
  else
    peri_fail(&e, PERI_NOT_FOUND, "there is no connector '%.*s'", PERI_S(type));
  return peri_cli_fail(c, &e);
}

/* ---- categories, stats ---- */

typedef struct group {
  peri_str name;
  int64_t connectors, popular;
} group;

static size_t group_all(const peri_json *all, group *groups) {
  size_t n = 0;
  for (const peri_json *k = all->first; k; k = k->next) {
    peri_str name = peri_json_get_text(k, "category");
    size_t i = 0;
    while (i < n && !peri_str_eq(groups[i].name, name)) i++;
    if (i == GROUPS_MAX) continue;
    if (i == n) groups[n++] = (group){.name = name};
    groups[i].connectors++;
    groups[i].popular += peri_json_get_bool(k, "is_popular", false);
  }
  return n;
}

static int print_categories(peri_cli *c, peri_arena *a, const peri_json *all) {
  group groups[GROUPS_MAX];
  size_t n = group_all(all, groups);
  peri_buf json = {0};
  peri_jw w;
  peri_jw_init(&w, &json);
  peri_jw_array(&w);
  static const char *const titles[] = {"category", "connectors"};
  peri_table *t = peri_table_new(titles, 2);
  for (size_t i = 0; i < n; i++) {
    peri_jw_object(&w);
    peri_jw_kv(&w, "category", groups[i].name);
    peri_jw_kv_int(&w, "connectors", groups[i].connectors);
    peri_jw_end_object(&w);
    peri_str cells[2] = {groups[i].name, peri_arena_fmt(a, "%lld", (long long)groups[i].connectors)};
    peri_table_row(t, cells);
  }
  peri_jw_end_array(&w);
  if (c->json)
    peri_cli_data(c, peri_buf_view(&json)), peri_table_free(t);
  else
    peri_table_print(t);
  peri_buf_fini(&json);
  return 0;
}

static int print_stats(peri_cli *c, peri_arena *a, peri_session *s, const peri_json *all) {
  group groups[GROUPS_MAX];
  size_t n = group_all(all, groups);
  int64_t popular = 0, streams = 0, in_use = 0, integrations = 0;
  peri_buf rows = {0}, json = {0};
  peri_err e = {0};
  peri_json_fault fault;
  peri_code code = s->store ? peri_integration_list(s->store, &rows, &e) : PERI_OK;
  if (code) return peri_cli_fail(c, &e);
  const peri_json *list = rows.n ? peri_json_parse(a, peri_buf_view(&rows), &fault) : NULL;
  for (const peri_json *k = all->first; k; k = k->next) {
    bool used = false;
    const peri_json *own = peri_json_get(k, "streams");
    streams += own ? (int64_t)own->count : 0;
    for (const peri_json *i = list ? list->first : NULL; i; i = i->next)
      used |= peri_str_eq(peri_json_get_text(i, "type"), peri_json_get_text(k, "type"));
    in_use += used;
  }
  integrations = list ? (int64_t)list->count : 0;
  peri_jw w;
  peri_jw_init(&w, &json);
  peri_jw_object(&w);
  for (size_t i = 0; i < n; i++) popular += groups[i].popular;
  peri_jw_kv_int(&w, "total", (int64_t)all->count);
  peri_jw_kv_int(&w, "active", (int64_t)all->count);
  peri_jw_kv_int(&w, "popular", popular);
  peri_jw_kv_int(&w, "streams", streams);
  peri_jw_kv_int(&w, "inUse", in_use);
  peri_jw_kv_int(&w, "integrations", integrations);
  peri_jw_key_c(&w, "byCategory");
  peri_jw_object(&w);
  for (size_t i = 0; i < n; i++) peri_jw_key(&w, groups[i].name), peri_jw_int(&w, groups[i].connectors);
  peri_jw_end_object(&w);
  peri_jw_end_object(&w);
  if (c->json)
    peri_cli_data(c, peri_buf_view(&json));
  else {
    printf("connectors:   %zu, %lld of them popular, with %lld streams\n", all->count, (long long)popular, (long long)streams);
    printf("in use:       %lld, by %lld integrations\n", (long long)in_use, (long long)integrations);
    for (size_t i = 0; i < n; i++) printf("  %.*s: %lld\n", PERI_S(groups[i].name), (long long)groups[i].connectors);
  }
  peri_buf_fini(&rows);
  peri_buf_fini(&json);
  return 0;
}

/* ---- the command ---- */

static int answer(peri_cli *c, peri_arena *a, peri_session *s, const peri_json *all) {
  const char *sub = c->args[0];
  if (strcmp(sub, "search") == 0) return print_some(c, all, peri_str_of(c->args[1]));
  if (strcmp(sub, "show") == 0) return print_one(c, a, all);
  if (strcmp(sub, "categories") == 0) return print_categories(c, a, all);
  if (strcmp(sub, "stats") == 0) return print_stats(c, a, s, all);
  return print_some(c, all, (peri_str){NULL, 0});
}

static int run(peri_cli *c) {
  static const char *const subs[] = {"list", "show", "search", "stats", "categories"};
  bool known = false;
  for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) known |= strcmp(c->args[0], subs[i]) == 0;
  if (!known) return peri_cli_usage(c, "connectors knows list, show, search, stats and categories, not '%s'", c->args[0]);
  bool named = strcmp(c->args[0], "show") == 0 || strcmp(c->args[0], "search") == 0;
  if (named != (c->arg_count == 2)) return peri_cli_usage(c, named ? "connectors %s wants one word" : "connectors %s takes nothing more", c->args[0]);
  peri_err e = {0};
  peri_session s;
  peri_buf json = {0};
  peri_json_fault fault;
  peri_code code = peri_session_open(c, PERI_NEED_READ, &s, &e);
  if (code) return peri_cli_fail(c, &e);
  peri_arena *a = peri_arena_new();
  code = peri_cli_connectors(&s, &json, &e);
  const peri_json *all = code ? NULL : peri_json_parse(a, peri_buf_view(&json), &fault);
  int result = code ? peri_cli_fail(c, &e) : answer(c, a, &s, all);
  peri_buf_fini(&json);
  peri_session_close(&s);
  peri_arena_free(a);
  return result;
}

const peri_command peri_command_connectors = {
    "connectors",
    "list | show TYPE | search WORD | stats | categories",
    "the connectors there are, what they can do and need",
    "Read from the connector files in force: those that come with perilune and the project's own (connectors/TYPE.lua).\n"
    "show lists the credentials and settings that `perilune add` takes, and how each stream is read. Without a project, too.\n\n"
    "  perilune connectors show hubspot",
    1,
    2,
    NULL,
    0,
    run};
