/* spec/check_connector: what one word of a connector or an emulator must know of another: settings that exist, hosts that only
 * the operator decides, versions that define the same names, streams that are there, classes of rates. */
#include "spec/check.h"

static bool says(peri_check *c, const char *text) {
  peri_str here = peri_check_here(c);
  return peri_check_fail(c, PERI_NEAR_NONE, "%.*s %s", PERI_S(here), text);
}

static const peri_node *root_of(const peri_check *c) { return c->connector ? c->connector : c->emulator; }

/* The items of an option that may be one thing or a list of them. */
static size_t listed(const peri_node *n) { return !n ? 0 : n->type == PERI_N_TABLE ? n->item_count : 1; }
static const peri_node *listed_at(const peri_node *n, size_t i) { return n->type == PERI_N_TABLE ? n->items[i] : n; }

/* ---- settings ---- */

/* Where a setting comes from; the value of peri_check.settings. */
static char given, kept, fragment;

/* `keep` stands in requests and in oauth2, anywhere. */
static void collect_kept(peri_check *c, const peri_node *n) {
  if (!n) return;
  if (n->type == PERI_N_WORD) {
    const peri_node *keep = peri_node_get(n, "keep");
    for (size_t i = 0; keep && i < keep->member_count; i++)
      if (!peri_map_has(&c->settings, keep->members[i].key)) peri_map_put(&c->settings, keep->members[i].key, &kept);
    collect_kept(c, n->what);
    collect_kept(c, n->opts);
  }
  for (size_t i = 0; i < n->item_count; i++) collect_kept(c, n->items[i]);
  for (size_t i = 0; i < n->member_count; i++) collect_kept(c, n->members[i].value);
}

bool peri_connector_prepare(peri_check *c) {
  const peri_node *settings = peri_node_get(c->connector, "settings"), *versions = peri_node_get(c->connector, "versions");
  peri_map_put(&c->settings, PERI_STR("version"), &fragment);
  for (size_t i = 0; versions && i < versions->member_count; i++) {
    const peri_node *names = versions->members[i].value;
    for (size_t k = 0; k < names->member_count; k++) peri_map_put(&c->settings, names->members[k].key, &fragment);
  }
  for (size_t i = 0; i < listed(settings); i++) {
    const peri_node *one = listed_at(settings, i);
    peri_str name = peri_node_text(one->what);
    if (one->type != PERI_N_WORD || !name.n) continue; /* told later, by its type */
    if (one->line > 0) c->line = one->line;
    if (peri_str_is(name, "version") || !peri_map_put(&c->settings, name, &given))
      return peri_check_fail(c, PERI_NEAR_NONE, "setting \"%.*s\" is defined twice", PERI_S(name));
  }
  collect_kept(c, c->connector);
  if (c->connector->line > 0) c->line = c->connector->line;
  return true;
}

bool peri_connector_setting(peri_check *c, const peri_node *hole) {
  peri_str name = peri_node_text(hole->what);
  if (!c->connector || peri_map_has(&c->settings, name)) return true;
  size_t n = c->settings.count;
  peri_str *names = peri_arena_take(c->arena, (n + 1) * sizeof *names);
  for (size_t i = 0; i < n; i++) names[i] = c->settings.items[i].key;
  peri_str near = peri_suggest(name, names, n);
  return peri_check_fail(c, near, "setting \"%.*s\" is not defined: it is not in settings, in versions, or in a keep", PERI_S(name));
}

/* Kinds in `settings`: questions to the operator, not fields. */
bool peri_connector_asked(peri_check *c, const peri_node *n) {
  static const char *const taken[] = {"required", "default", "pattern", "description", "min",    "max",  "options", "split",
                                      "of",       "most",    "scale",   "zone",        "format", "trim", "case"};
  int line = n->line > 0 ? n->line : c->line;
  if (peri_node_is(n, "rest") || peri_node_is(n, "money")) {
    c->line = line;
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s is no kind for a setting", PERI_S(n->word));
  }
  for (size_t i = 0; n->opts && i < n->opts->member_count; i++) {
    peri_str key = n->opts->members[i].key, name = peri_node_text(n->what);
    bool known = peri_option_named(peri_word_named(n->word), key) == NULL; /* unknown ones are told with "did you mean" */
    for (size_t k = 0; k < sizeof taken / sizeof *taken; k++) known = known || peri_str_is(key, taken[k]);
    if (known) continue;
    c->line = line;
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s \"%.*s\" is a setting, and a setting takes no %.*s", PERI_S(n->word), PERI_S(name), PERI_S(key));
  }
  c->asked = true;
  bool good = peri_check_word(c, n);
  c->asked = false;
  return good;
}

/* ---- hosts ---- */

static const peri_node *setting_named(const peri_check *c, peri_str name) {
  const peri_node *settings = peri_node_get(c->connector, "settings");
  for (size_t i = 0; i < listed(settings); i++)
    if (peri_str_eq(peri_node_text(listed_at(settings, i)->what), name)) return listed_at(settings, i);
  return NULL;
}

/* A setting in a host decides where credentials go. */
static bool host_setting(peri_check *c, const peri_node *hole) {
  peri_str name = peri_node_text(hole->what);
  if (!c->connector || !peri_connector_setting(c, hole)) return c->connector == NULL;
  const void *from = peri_map_get(&c->settings, name);
  const peri_node *word = setting_named(c, name);
  if (word && (peri_node_is(word, "url") || peri_node_get(word, "pattern"))) return true;
  if (hole->line > 0) c->line = hole->line;
  if (word) return peri_check_fail(c, PERI_NEAR_NONE, "setting \"%.*s\" stands in the host, so it needs pattern or kind url", PERI_S(name));
  if (from == &fragment || listed(peri_node_get(c->connector, "hosts"))) return true;
  return peri_check_fail(c, PERI_NEAR_NONE, "setting \"%.*s\" stands in the host and is kept from a reply, so the connector needs hosts",
                         PERI_S(name));
}

/* Texts and holes from the left until the host ends. */
static bool check_host(peri_check *c, const peri_node *const *parts, size_t count) {
  bool scheme = false, any = false;
  for (size_t i = 0; i < count; i++) {
    const peri_node *part = parts[i];
    peri_str text = peri_node_text(part);
    if (part->type == PERI_N_TEXT && !scheme) {
      if (!peri_str_starts(text, PERI_STR("https://")) && !peri_str_starts(text, PERI_STR("http://")))
        return any || says(c, "wants a URL that starts with https:// or http://");
      text = peri_str_from(text, text.p[4] == 's' ? 8 : 7);
      scheme = true;
    }
    if (part->type == PERI_N_TEXT) {
      any = any || (text.n && text.p[0] != '/');
      if (memchr(text.p, '/', text.n)) break;
    } else if (!peri_node_is(part, "setting")) {
      peri_str here = peri_check_here(c), found = peri_check_found(c, part);
      if (peri_node_is(part, "secret")) return peri_check_word(c, part);
      return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: only setting may stand in a host, not %.*s", PERI_S(here), PERI_S(found));
    } else {
      if (!host_setting(c, part)) return false;
      any = true;
      if (!scheme) break; /* the setting is the whole URL; a path follows */
    }
  }
  return any || says(c, "wants a URL with a host");
}

static void parts_of(const peri_node *const *n, const peri_node *const **parts, size_t *count) {
  bool join = (*n)->type == PERI_N_JOIN;
  *parts = join ? (const peri_node *const *)(*n)->items : n;
  *count = join ? (*n)->item_count : 1;
}

bool peri_connector_host(peri_check *c, const peri_node *n) {
  const peri_node *const *parts;
  size_t count;
  parts_of(&n, &parts, &count);
  return check_host(c, parts, count) && peri_leaf_slot(c, n);
}

bool peri_connector_address(peri_check *c, const peri_node *n) {
  const peri_node *const *parts;
  size_t count;
  parts_of(&n, &parts, &count);
  peri_str first = count ? peri_node_text(parts[0]) : PERI_NEAR_NONE;
  if (peri_str_starts(first, PERI_STR("http://")) || peri_str_starts(first, PERI_STR("https://"))) {
    if (!check_host(c, parts, count)) return false;
  } else if (first.n && first.p[0] != '/') {
    peri_str here = peri_check_here(c);
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s wants a path that starts with '/', or a full URL, not \"%.*s\"", PERI_S(here), PERI_S(first));
  }
  return peri_leaf_slot(c, n);
}

/* ---- versions ---- */

static bool same_names(peri_check *c, const peri_node *versions, peri_str name, const peri_node *names) {
  for (size_t i = 0; i < versions->member_count; i++)
    for (size_t k = 0; k < versions->members[i].value->member_count; k++) {
      peri_str key = versions->members[i].value->members[k].key, other = versions->members[i].key;
      if (!peri_node_get_str(names, key))
        return peri_check_fail(c, PERI_NEAR_NONE, "%.*s does not define '%.*s', which %.*s does", PERI_S(name), PERI_S(key), PERI_S(other));
    }
  return true;
}

bool peri_connector_versions(peri_check *c, const peri_node *n) {
  if (n->item_count == 0) return says(c, "wants the names of the versions, the default first");
  if (n->line > 0) c->line = n->line;
  peri_str *names = peri_arena_take(c->arena, n->item_count * sizeof *names);
  for (size_t i = 0; i < n->item_count; i++) {
    size_t mark = peri_check_enter_index(c, i);
    if (!peri_check_type(c, "name", n->items[i])) return false;
    names[i] = peri_node_text(n->items[i]);
    peri_check_leave(c, mark);
  }
  for (size_t i = 0; i < n->member_count; i++) {
    const peri_member *m = &n->members[i];
    bool known = false;
    for (size_t k = 0; k < n->item_count; k++) known = known || peri_str_eq(names[k], m->key);
    if (!known) {
      peri_str near = peri_suggest(m->key, names, n->item_count);
      return peri_check_fail(c, near, "versions has fragments for '%.*s', which it does not list", PERI_S(m->key));
    }
    size_t mark = peri_check_enter(c, m->key, m->key_is_text);
    if (!peri_check_type(c, "{text}", m->value)) return false;
    peri_check_leave(c, mark);
  }
  for (size_t i = 0; n->member_count && i < n->item_count; i++)
    if (!same_names(c, n, names[i], peri_node_get_str(n, names[i]))) return false;
  return true;
}

/* ---- rates ---- */

bool peri_connector_class(peri_check *c, const peri_node *n) {
  const peri_node *rates = peri_node_get(root_of(c), "rates");
  peri_str name = peri_node_text(n);
  if (!root_of(c) || peri_str_is(name, "default") || peri_node_get_str(rates, name)) return true;
  size_t count = rates ? rates->member_count : 0;
  peri_str *names = peri_arena_take(c->arena, (count + 1) * sizeof *names);
  for (size_t i = 0; i < count; i++) names[i] = rates->members[i].key;
  return peri_check_fail(c, peri_suggest(name, names, count), "%.*s: rates have no class '%.*s'", PERI_S(c->subject), PERI_S(name));
}

/* ---- streams ---- */

bool peri_connector_stream_name(peri_check *c, const peri_node *n) {
  const peri_node *streams = peri_node_get(c->connector, "streams");
  peri_str name = peri_node_text(n), here;
  if (!c->connector || peri_node_get(c->connector, "more")) return true; /* others are known only to the account */
  peri_str *names = peri_arena_take(c->arena, (listed(streams) + 1) * sizeof *names);
  for (size_t i = 0; i < listed(streams); i++) {
    names[i] = peri_node_text(listed_at(streams, i)->what);
    if (peri_str_eq(names[i], name)) return true;
  }
  here = peri_check_here(c);
  return peri_check_fail(c, peri_suggest(name, names, listed(streams)), "%.*s: there is no stream '%.*s'", PERI_S(here), PERI_S(name));
}

/* "issue" · { "message", having = "reply_count" } · { repo = setting "repositories" } */
bool peri_connector_each(peri_check *c, const peri_node *n) {
  if (n->type == PERI_N_TEXT) return peri_connector_stream_name(c, n);
  if (n->item_count == 1 && n->items[0]->type == PERI_N_TEXT) {
    static const peri_option_spec options[] = {{"having", "path", "", "", false}};
    return peri_connector_stream_name(c, n->items[0]) && peri_check_options(c, options, 1, n);
  }
  if (n->item_count || n->member_count != 1 || !n->members[0].key_is_text)
    return says(c, "wants a stream's name, { \"NAME\", having = path }, or one list of items such as { repo = setting \"repositories\" }");
  size_t mark = peri_check_enter(c, n->members[0].key, true);
  if (!peri_check_type(c, "hole/[scalar]", n->members[0].value)) return false;
  peri_check_leave(c, mark);
  return true;
}

bool peri_stream_whole(peri_check *c) {
  const peri_node *s = c->stream;
  if (!peri_node_get(s, "full") && !peri_node_get(s, "changes") && !peri_node_get(s, "pull"))
    return says(c, "needs full, changes or pull: a request that reads its records");
  return true;
}

static peri_str each_of(const peri_node *stream) { return peri_node_opt_text(stream, "each"); }

/* A stream asked once for each record of one that is asked for each of its own never begins. */
static bool each_ends(peri_check *c, const peri_node *streams, const peri_node *stream) {
  peri_str name = each_of(stream);
  for (size_t steps = 0; name.n; steps++) {
    const peri_node *next = NULL;
    for (size_t i = 0; i < listed(streams); i++)
      if (peri_str_eq(peri_node_text(listed_at(streams, i)->what), name)) next = listed_at(streams, i);
    if (next == stream || steps > listed(streams)) {
      peri_str own = peri_node_text(stream->what);
      if (stream->line > 0) c->line = stream->line;
      return peri_check_fail(c, PERI_NEAR_NONE, "stream '%.*s' has each '%.*s', which leads back to itself", PERI_S(own), PERI_S(each_of(stream)));
    }
    name = next ? each_of(next) : PERI_NEAR_NONE;
  }
  return true;
}

bool peri_connector_whole(peri_check *c) {
  const peri_node *streams = peri_node_get(c->connector, "streams");
  peri_str name = peri_node_text(c->connector->what);
  if (listed(streams) == 0 && !peri_node_get(c->connector, "more"))
    return peri_check_fail(c, PERI_NEAR_NONE, "connector '%.*s' needs streams", PERI_S(name));
  for (size_t i = 0; i < listed(streams); i++) {
    const peri_node *stream = listed_at(streams, i);
    for (size_t k = 0; k < i; k++)
      if (peri_str_eq_nocase(peri_node_text(listed_at(streams, k)->what), peri_node_text(stream->what))) {
        peri_str own = peri_node_text(stream->what);
        if (stream->line > 0) c->line = stream->line;
        return peri_check_fail(c, PERI_NEAR_NONE, "stream '%.*s' is there twice", PERI_S(own));
      }
    if (!each_ends(c, streams, stream)) return false;
  }
  return true;
}

/* ---- emulators ---- */

bool peri_emulator_whole(peri_check *c) {
  const peri_node *routes = peri_node_get(c->emulator, "routes");
  if (listed(routes) == 0) return peri_check_fail(c, PERI_NEAR_NONE, "emulator '%.*s' needs routes", PERI_S(peri_node_text(c->emulator->what)));
  for (size_t i = 0; i < listed(routes); i++)
    for (size_t k = 0; k < i; k++) {
      const peri_node *a = listed_at(routes, i), *b = listed_at(routes, k);
      if (!peri_str_eq(a->word, b->word) || !peri_str_eq(peri_node_text(a->what), peri_node_text(b->what))) continue;
      peri_str path = peri_node_text(a->what);
      if (a->line > 0) c->line = a->line;
      return peri_check_fail(c, PERI_NEAR_NONE, "route %.*s \"%.*s\" is there twice", PERI_S(a->word), PERI_S(path));
    }
  return true;
}
