/* cmd/validate: loads every script file, runs the examples, and says of each whether it is fit, with FILE:LINE. For an integration it also holds what
 * the mappings read against what the account is known to have. Asks no API. */
#include <stdio.h>
#include <string.h>

#include "cmd/target.h"

typedef struct finding {
  peri_str path, text;
} finding;

typedef struct report {
  peri_arena *arena;
  peri_checked checked;
  finding *wrong; /* beside the files' own failures */
  size_t wrong_count, wrong_cap;
  bool unknown; /* nothing is known of the account yet */
} report;

static void add_wrong(report *r, peri_str path, peri_str text) {
  if (r->wrong_count == r->wrong_cap) r->wrong = peri_arena_grow(r->arena, r->wrong, r->wrong_count, &r->wrong_cap, sizeof *r->wrong);
  r->wrong[r->wrong_count++] = (finding){path, text};
}

/* ---- what the account has ---- */

#define PREFIXES_MAX 16
typedef struct prefixes {
  peri_str items[PREFIXES_MAX];
  size_t count;
} prefixes;

/* Where the names that `discover` gives stand in a record: what the stream's requests ask for with `wanted "properties"`. */
static void find_wanted(const peri_node *n, prefixes *out, int depth) {
  if (!n || depth > PERI_TREE_DEPTH_MAX) return;
  if (peri_node_is(n, "wanted") && out->count < PREFIXES_MAX) {
    peri_str prefix = peri_node_text(n->what);
    out->items[out->count++] = prefix.p ? prefix : PERI_STR("");
  }
  find_wanted(n->what, out, depth + 1);
  find_wanted(n->opts, out, depth + 1);
  for (size_t i = 0; i < n->item_count; i++) find_wanted(n->items[i], out, depth + 1);
  for (size_t i = 0; i < n->member_count; i++) find_wanted(n->members[i].value, out, depth + 1);
}

/* The first name of a path behind a prefix; {NULL,0} if the path is not below it. */
static peri_str name_below(peri_str path, peri_str prefix) {
  if (prefix.n) {
    if (!peri_str_starts(path, prefix) || path.n <= prefix.n || path.p[prefix.n] != '.') return (peri_str){NULL, 0};
    path = peri_str_from(path, prefix.n + 1);
  }
  size_t n = 0;
  while (n < path.n && path.p[n] != '.' && path.p[n] != '[' && path.p[n] != ':') n++;
  return n && !(n < path.n && path.p[n] == ':') ? (peri_str){path.p, n} : (peri_str){NULL, 0};
}

static peri_str nearest(peri_arena *a, const peri_json *known, peri_str name) {
  peri_str *names = peri_arena_take(a, (known->count + 1) * sizeof *names);
  size_t n = 0;
  for (const peri_json *k = known->first; k; k = k->next) names[n++] = k->key;
  return peri_suggest(name, names, n);
}

static void check_path(report *r, const peri_mapping_info *m, const peri_json *field, peri_str path, const prefixes *where, const peri_json *known,
                       peri_str title) {
  for (size_t i = 0; i < where->count; i++) {
    peri_str name = name_below(path, where->items[i]);
    if (!name.n || peri_json_get_str(known, name)) continue;
    peri_str near = nearest(r->arena, known, name);
    long long line = (long long)peri_json_get_int(field, "line", 0);
    peri_str at = line ? peri_arena_fmt(r->arena, "%.*s:%lld", PERI_S(m->path), line) : peri_arena_fmt(r->arena, "%.*s", PERI_S(m->path));
    const char *noun = peri_str_is(where->items[i], "properties") ? "property" : "field";
    peri_str hint = near.n ? peri_arena_fmt(r->arena, " (did you mean %.*s?)", PERI_S(near)) : PERI_STR("");
    add_wrong(r, m->path,
              peri_arena_fmt(r->arena, "%.*s: %.*s: %.*s has no such %s here%.*s", PERI_S(at), PERI_S(path), PERI_S(title), noun, PERI_S(hint)));
    return;
  }
}

static void check_account(report *r, const peri_connector *k, const peri_json *discovered) {
  for (size_t i = 0; i < r->checked.laid->mapping_count; i++) {
    const peri_mapping_info *m = &r->checked.laid->mappings[i];
    peri_str type, stream = peri_str_cut(m->from, '.', &type);
    const peri_stream *s = peri_str_eq(type, k->name) ? peri_connector_stream(k, stream) : NULL;
    const peri_json *known = peri_json_get_str(discovered, stream), *fields = peri_json_get(m->plan, "fields");
    if (!s || !s->discover) continue;
    if (!known || !known->count) {
      r->unknown = true;
      continue;
    }
    prefixes where = {.count = 0};
    find_wanted(s->node, &where, 0);
    for (const peri_json *f = fields ? fields->first : NULL; f; f = f->next) {
      const peri_json *paths = peri_json_get(f, "paths");
      if (peri_str_is(peri_json_get_text(f, "kind"), "rest")) continue;
      for (const peri_json *p = paths ? paths->first : NULL; p; p = p->next) check_path(r, m, f, p->text, &where, known, k->title);
    }
  }
}

/* ---- the answer ---- */

static bool shown_wrong(const report *r, peri_str path) {
  for (size_t i = 0; i < r->wrong_count; i++)
    if (peri_str_eq(r->wrong[i].path, path)) return true;
  return false;
}

static void print_text(const report *r, int64_t *fine, int64_t *bad) {
  const peri_json *files = peri_json_get(r->checked.laid->loaded, "files");
  for (const peri_json *f = files ? files->first : NULL; f; f = f->next) {
    peri_str path = peri_json_get_text(f, "path");
    const peri_script_failure *failed = peri_check_failure(&r->checked, path);
    peri_buf text = {0};
    if (failed) {
      peri_failure_text(failed, &text);
      printf("%.*s\n", (int)text.n, text.p);
    }
    for (size_t i = 0; i < r->wrong_count; i++)
      if (peri_str_eq(r->wrong[i].path, path)) printf("%.*s\n", PERI_S(r->wrong[i].text));
    bool ok = !failed && !shown_wrong(r, path);
    int64_t examples = peri_check_examples(&r->checked, path);
    if (ok && examples)
      printf("%.*s: ok, %lld example%s\n", PERI_S(path), (long long)examples, examples == 1 ? "" : "s");
    else if (ok)
      printf("%.*s: ok\n", PERI_S(path));
    ++*(ok ? fine : bad);
    peri_buf_fini(&text);
  }
  printf("%lld files ok, %lld not; %lld examples held\n", (long long)*fine, (long long)*bad, (long long)r->checked.examples);
  if (r->unknown) fputs("not compared with the account: perilune discover NAME asks what it has\n", stderr);
}

static void put_message(peri_jw *w, peri_str path, int64_t line, peri_str message) {
  peri_jw_object(w);
  peri_jw_kv(w, "path", path);
  peri_jw_kv_int(w, "line", line);
  peri_jw_kv(w, "message", message);
  peri_jw_end_object(w);
}

static void print_json(peri_cli *c, const report *r, int64_t *fine, int64_t *bad) {
  const peri_json *files = peri_json_get(r->checked.laid->loaded, "files");
  peri_buf json = {0};
  peri_jw w;
  peri_jw_init(&w, &json);
  peri_jw_object(&w);
  peri_jw_key_c(&w, "files");
  peri_jw_array(&w);
  for (const peri_json *f = files ? files->first : NULL; f; f = f->next) {
    peri_str path = peri_json_get_text(f, "path");
    bool ok = !peri_check_failure(&r->checked, path) && !shown_wrong(r, path);
    ++*(ok ? fine : bad);
    peri_jw_object(&w);
    peri_jw_kv(&w, "path", path);
    peri_jw_kv_bool(&w, "ok", ok);
    peri_jw_kv_int(&w, "examples", peri_check_examples(&r->checked, path));
    peri_jw_end_object(&w);
  }
  peri_jw_end_array(&w);
  peri_jw_key_c(&w, "problems");
  peri_jw_array(&w);
  for (const peri_json *f = files ? files->first : NULL; f; f = f->next) {
    const peri_script_failure *failed = peri_check_failure(&r->checked, peri_json_get_text(f, "path"));
    if (!failed) continue;
    peri_buf text = {0};
    peri_failure_text(failed, &text);
    put_message(&w, failed->path, failed->line, peri_buf_view(&text));
    peri_buf_fini(&text);
  }
  for (size_t i = 0; i < r->wrong_count; i++) put_message(&w, r->wrong[i].path, 0, r->wrong[i].text);
  peri_jw_end_array(&w);
  peri_jw_kv_bool(&w, "compared", !r->unknown);
  peri_jw_kv_int(&w, "examples", r->checked.examples);
  peri_jw_end_object(&w);
  peri_cli_data(c, peri_buf_view(&json));
  peri_buf_fini(&json);
}

static int run(peri_cli *c) {
  peri_err e = {0};
  peri_session s;
  const char *name = c->arg_count ? c->args[0] : NULL;
  int64_t fine = 0, bad = 0;
  report r = {.arena = peri_arena_new()};
  peri_scripts_want want = {0};
  peri_json_fault fault;
  peri_code code = peri_session_open(c, PERI_NEED_READ | (name ? PERI_NEED_PROJECT : 0), &s, &e);
  if (code) goto out;
  if (name) code = peri_target_integration(r.arena, &s, name, &want, &e);
  if (!code) code = peri_check_load(&s, &want, &r.checked, &e);
  if (!code && r.checked.laid->connector)
    check_account(&r, r.checked.laid->connector, want.discovered.n ? peri_json_parse(r.arena, want.discovered, &fault) : NULL);
  if (!code && c->json)
    print_json(c, &r, &fine, &bad);
  else if (!code)
    print_text(&r, &fine, &bad);
  peri_check_close(&r.checked);
  peri_session_close(&s);
out:
  peri_arena_free(r.arena);
  return code ? peri_cli_fail(c, &e) : bad ? 1 : 0;
}

const peri_command peri_command_validate = {
    "validate",
    "[NAME]",
    "check every script file and run the examples",
    "Each file is ok, or FILE:LINE: says what is wrong. With the NAME of an integration: the files that it uses, with its settings, and their\n"
    "paths held against what the account has (perilune discover NAME). Exit code 1 if any file is not fit.",
    0,
    1,
    NULL,
    0,
    run};
