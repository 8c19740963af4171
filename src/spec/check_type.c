/* spec/check_type: the small grammar of types (spec.h): whether a value has a type, what a type is called, and what is wrong
 * if it has none. An alternative is chosen by the look of the value; from there on mistakes are told in its terms. */
#include "spec/check.h"

/* ---- atoms ---- */

static bool any_node(const peri_node *n) { return n != NULL; }
static bool is_bool(const peri_node *n) { return n->type == PERI_N_BOOL; }
static bool is_int(const peri_node *n) { return n->type == PERI_N_INT; }
static bool is_number(const peri_node *n) { return n->type == PERI_N_INT || n->type == PERI_N_NUM; }
static bool is_text(const peri_node *n) { return n->type == PERI_N_TEXT; }
static bool is_bound(const peri_node *n) { return is_number(n) || is_text(n); }
static bool is_func(const peri_node *n) { return n->type == PERI_N_FUNC; }
static bool is_table(const peri_node *n) { return n->type == PERI_N_TABLE; }
static bool is_object(const peri_node *n) { return is_table(n) && n->item_count == 0; }
static bool is_map(const peri_node *n) { return is_object(n) && n->member_count > 0; }
static bool is_list(const peri_node *n) { return is_table(n) && n->member_count == 0; }
static bool is_value(const peri_node *n) { return is_table(n) || peri_is_scalar(n); }
static bool is_data(const peri_node *n) { return is_table(n) || n->type == PERI_N_NULL || peri_is_slot(n); }
static bool is_pager(const peri_node *n) { return peri_node_is(n, "cursor") || peri_node_is(n, "link") || peri_node_is(n, "count"); }
static bool is_auth(const peri_node *n) { return peri_node_is(n, "token") || peri_node_is(n, "basic") || peri_node_is(n, "oauth2"); }
static bool is_stream(const peri_node *n) { return peri_node_is(n, "stream"); }
static bool is_rule(const peri_node *n) { return peri_node_is(n, "rule"); }
static bool is_address(const peri_node *n) { return is_text(n) || n->type == PERI_N_JOIN || peri_is_hole(n); }
static bool is_actions(const peri_node *n) { return is_text(n) || is_table(n) || peri_node_is(n, "when"); }
static bool is_on(const peri_node *n) { return is_table(n) || peri_node_is(n, "when"); }
static bool is_each(const peri_node *n) { return is_text(n) || is_table(n); }
static bool is_stamp(const peri_node *n) {
  return peri_node_is(n, "datetime") || peri_node_is(n, "date") || peri_node_is(n, "integer") || peri_node_is(n, "decimal");
}

static bool sound(peri_check *c, const peri_node *n) {
  (void)c;
  (void)n;
  return true;
}

static const struct atom {
  const char *name, *noun;
  bool (*fits)(const peri_node *n);
  bool (*check)(peri_check *c, const peri_node *n);
} atoms[] = {
    {"any", "any value", any_node, sound},
    {"bool", "true or false", is_bool, sound},
    {"text", "a text", is_text, sound},
    {"name", "a name", is_text, peri_leaf_name},
    {"natural", "a whole number", is_int, peri_leaf_natural},
    {"count", "a whole number", is_int, peri_leaf_count},
    {"number", "a number", is_number, peri_leaf_number},
    {"bound", "a number or a text", is_bound, sound},
    {"scalar", "a text, a number, a boolean or null", peri_is_scalar, sound},
    {"value", "a plain value", is_value, peri_leaf_value},
    {"func", "a function", is_func, sound},
    {"table", "a table", is_table, sound},
    {"list", "a list", is_list, sound},
    {"map", "a table such as { theirs = \"ours\", [\"1\"] = \"one\" }", is_map, peri_leaf_value},
    {"path", "a path", is_text, peri_leaf_path},
    {"duration", "a duration such as \"10s\"", is_text, peri_leaf_duration},
    {"size", "a size such as \"5KB\"", is_text, peri_leaf_size},
    {"rate", "a rate such as \"100/10s\"", is_text, peri_leaf_rate},
    {"target", "a place in the request such as \"query.after\"", is_text, peri_leaf_target},
    {"stampform", "a form such as \"ms\"", is_text, peri_leaf_stamp_form},
    {"lookup", "an entity and its field such as \"owner.fullName\"", is_text, peri_leaf_dotted},
    {"source", "a connector and its stream such as \"hubspot.contact\"", is_text, peri_leaf_source},
    {"jsontext", "a JSON text", is_text, peri_leaf_json},
    {"slot", "a text or a hole", peri_is_slot, peri_leaf_slot},
    {"hole", "a hole", peri_is_hole, peri_check_word},
    {"data", "plain values and holes", is_data, peri_leaf_data},
    {"request", "a request (get, post, put, patch or delete)", peri_is_request, peri_check_word},
    {"route", "a request (get, post, put, patch or delete)", peri_is_request, peri_check_route},
    {"pager", "a pager (cursor, link or count)", is_pager, peri_check_word},
    {"auth", "token, basic or oauth2", is_auth, peri_check_word},
    {"stream", "a stream", is_stream, peri_check_word},
    {"rule", "a rule", is_rule, peri_check_word},
    {"kind", "a kind (text, integer, datetime, …)", peri_is_kind, peri_check_word},
    {"stamp", "datetime, date, integer or decimal", is_stamp, peri_check_word},
    {"asked", "a kind (text, url, boolean, …)", peri_is_kind, peri_connector_asked},
    {"class", "the name of a class of rates", is_text, peri_connector_class},
    {"streamname", "the name of a stream", is_text, peri_connector_stream_name},
    {"each", "the name of a stream, or a list of items", is_each, peri_connector_each},
    {"versions", "a list of versions", is_table, peri_connector_versions},
    {"host", "a URL", is_address, peri_connector_host},
    {"address", "a path or a URL", is_address, peri_connector_address},
    {"on", "a table of statuses and actions", is_on, peri_check_on},
    {"actions", "an action, a list of actions, or when", is_actions, peri_check_actions},
    {"fields", "a table of fields", is_table, peri_mapping_fields},
    {"change", "a table of fields and their options", is_object, peri_mapping_change},
    {"rejects", "a table of fields and their codes", is_object, peri_mapping_rejects},
};

static const struct atom *atom_named(peri_str name) {
  for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++)
    if (name.n && name.p[0] == atoms[i].name[0] && peri_str_is(name, atoms[i].name)) return &atoms[i];
  return NULL;
}

bool peri_atom_known(peri_str name) { return atom_named(name) != NULL; }

/* ---- the grammar ---- */

bool peri_type_next(peri_str *rest, peri_str *alternative) {
  if (rest->n == 0) return false;
  size_t i = 0;
  for (int depth = 0; i < rest->n && (depth || rest->p[i] != '/'); i++) {
    if (strchr("[{<", rest->p[i]))
      depth++;
    else if (strchr("]}>", rest->p[i]))
      depth--;
  }
  *alternative = (peri_str){rest->p, i};
  *rest = peri_str_from(*rest, i < rest->n ? i + 1 : i);
  return true;
}

/* `[T]`, `{T}`, `when<T>` -> T */
static bool inner(peri_str type, const char *open, peri_str *in) {
  size_t n = strlen(open);
  if (!type.n || type.p[0] != open[0]) return false;
  if (!peri_str_starts(type, peri_str_of(open))) return false;
  *in = (peri_str){type.p + n, type.n - n - 1};
  return true;
}

static bool in_choice(peri_str type, peri_str value) {
  peri_str rest = peri_str_from(type, strlen("choice:")), one;
  while (rest.n) {
    rest = peri_str_cut(rest, '|', &one);
    if (peri_str_eq(one, value)) return true;
  }
  return false;
}

static bool fits_any(peri_str type, const peri_node *n);

static bool fits(peri_str type, const peri_node *n) {
  peri_str in;
  if (inner(type, "[", &in)) return is_list(n) || fits_any(in, n);
  if (inner(type, "{", &in)) return is_object(n);
  if (inner(type, "when<", &in)) return peri_node_is(n, "when");
  if (peri_str_starts(type, PERI_STR("choice:"))) return is_text(n) && in_choice(type, n->u.text);
  if (peri_str_starts(type, PERI_STR("shape:"))) {
    const peri_shape_spec *shape = peri_shape_named(peri_str_from(type, strlen("shape:")));
    if (!*shape->first) return is_table(n);
    return fits_any(peri_str_of(shape->first), is_table(n) ? peri_node_value(n) : n);
  }
  return atom_named(type)->fits(n);
}

static bool fits_any(peri_str type, const peri_node *n) {
  peri_str one;
  while (peri_type_next(&type, &one))
    if (fits(one, n)) return true;
  return false;
}

/* `x` and `{ x }` mean the same for an option, but a list in a list is a mistake. */
static bool check_type(peri_check *c, peri_str type, const peri_node *n, bool unwrap);

static bool check_entries(peri_check *c, peri_str type, const peri_node *table) {
  for (size_t i = 0; i < table->item_count; i++) {
    size_t mark = peri_check_enter_index(c, i);
    if (!check_type(c, type, table->items[i], false)) return false;
    peri_check_leave(c, mark);
  }
  for (size_t i = 0; i < table->member_count; i++) {
    size_t mark = peri_check_enter(c, table->members[i].key, table->members[i].key_is_text);
    if (!check_type(c, type, table->members[i].value, true)) return false;
    peri_check_leave(c, mark);
  }
  return true;
}

static bool check_when(peri_check *c, peri_str type, const peri_node *when) {
  int line = c->line;
  if (when->line > 0) c->line = when->line;
  peri_str here = peri_check_here(c);
  if (!when->what || when->what->type != PERI_N_TEXT)
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: when wants a path before its choices", PERI_S(here));
  if (!peri_leaf_path(c, when->what)) return false;
  if (when->opts && when->opts->item_count) {
    peri_str found = peri_check_found(c, when->opts->items[0]);
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: each choice of when needs its value, but %.*s has none (the number 1 is written [\"1\"])",
                           PERI_S(here), PERI_S(found));
  }
  if (!when->opts || when->opts->member_count == 0) return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: when has no choices", PERI_S(here));
  if (!check_entries(c, type, when->opts)) return false;
  c->line = line;
  return true;
}

static bool check_fitting(peri_check *c, peri_str type, const peri_node *n) {
  peri_str in;
  if (inner(type, "[", &in)) return is_list(n) ? check_entries(c, in, n) : check_type(c, in, n, false);
  if (inner(type, "{", &in)) return check_entries(c, in, n);
  if (inner(type, "when<", &in)) return check_when(c, in, n);
  if (peri_str_starts(type, PERI_STR("choice:"))) return true;
  if (peri_str_starts(type, PERI_STR("shape:"))) return peri_check_shape(c, peri_shape_named(peri_str_from(type, strlen("shape:"))), n);
  return atom_named(type)->check(c, n);
}

/* ---- what is wrong ---- */

/* Adds the texts that a type allows to names, for "did you mean". */
static void collect_choices(peri_str type, peri_str *names, size_t *count, size_t max) {
  peri_str one, in, name;
  while (peri_type_next(&type, &one)) {
    if (inner(one, "[", &in) || inner(one, "when<", &in))
      collect_choices(in, names, count, max);
    else if (peri_str_starts(one, PERI_STR("shape:")))
      collect_choices(peri_str_of(peri_shape_named(peri_str_from(one, 6))->first), names, count, max);
    else if (peri_str_starts(one, PERI_STR("choice:"))) {
      peri_str rest = peri_str_from(one, strlen("choice:"));
      while (rest.n && *count < max) {
        rest = peri_str_cut(rest, '|', &name);
        names[(*count)++] = name;
      }
    }
  }
}

static bool holds_secret(const peri_node *n) {
  if (peri_node_is(n, "secret")) return true;
  for (size_t i = 0; n->type == PERI_N_JOIN && i < n->item_count; i++)
    if (peri_node_is(n->items[i], "secret")) return true;
  return false;
}

#define CHOICES_MAX 32
static bool mismatch(peri_check *c, peri_str type, const peri_node *n) {
  peri_str names[CHOICES_MAX], here = peri_check_here(c), found = peri_check_found(c, n), near = PERI_NEAR_NONE;
  size_t count = 0;
  peri_buf noun = {0};
  peri_type_noun(type, &noun);
  collect_choices(type, names, &count, CHOICES_MAX);
  if (peri_node_text(peri_node_value(n)).n) near = peri_suggest(peri_node_text(peri_node_value(n)), names, count);
  if (near.n && is_table(n)) found = peri_check_found(c, n->items[0]);
  if (holds_secret(n))
    peri_check_fail(c, PERI_NEAR_NONE, "%.*s: secret can't stand here; it may stand in headers, query, form and body of a request", PERI_S(here));
  else if (n->type == PERI_N_WORD && c->where_n)
    peri_check_fail(c, PERI_NEAR_NONE, "%.*s: %.*s can't stand in %.*s, which wants %s", PERI_S(c->subject), PERI_S(found), (int)c->where_n, c->where,
                    peri_buf_c(&noun));
  else
    peri_check_fail(c, near, "%.*s wants %s, not %.*s", PERI_S(here), peri_buf_c(&noun), PERI_S(found));
  peri_buf_fini(&noun);
  return false;
}

static bool check_type(peri_check *c, peri_str type, const peri_node *n, bool unwrap) {
  peri_str rest = type, one;
  while (peri_type_next(&rest, &one))
    if (fits(one, n)) return check_fitting(c, one, n);
  if (unwrap && is_list(n) && n->item_count == 1 && fits_any(type, n->items[0])) return check_type(c, type, n->items[0], false);
  return mismatch(c, type, n);
}

bool peri_check_type(peri_check *c, const char *type, const peri_node *n) { return check_type(c, peri_str_of(type), n, true); }

/* ---- what a type is called ---- */

static void choice_noun(peri_str rest, peri_buf *out) {
  peri_str name;
  for (bool first = true; rest.n; first = false) {
    rest = peri_str_cut(rest, '|', &name);
    if (!first) peri_buf_c_str(out, rest.n ? ", " : " or ");
    peri_buf_fmt(out, "\"%.*s\"", PERI_S(name));
  }
}

/* "a path" -> "a path or a list of paths" */
static void list_noun(peri_str type, peri_buf *out) {
  peri_buf noun = {0};
  peri_type_noun(type, &noun);
  peri_str one = peri_buf_view(&noun), word = peri_str_from(one, 2);
  bool simple = peri_str_starts(one, PERI_STR("a ")) && !memchr(word.p, ' ', word.n);
  peri_buf_str(out, one);
  if (simple)
    peri_buf_fmt(out, " or a list of %.*ss", PERI_S(word));
  else
    peri_buf_c_str(out, ", or a list of these");
  peri_buf_fini(&noun);
}

void peri_type_noun(peri_str type, peri_buf *out) {
  peri_str one, in;
  for (bool first = true; peri_type_next(&type, &one); first = false) {
    if (!first) peri_buf_c_str(out, type.n ? ", " : " or ");
    if (inner(one, "[", &in)) {
      list_noun(in, out);
    } else if (inner(one, "{", &in)) {
      peri_buf_c_str(out, "a table, each entry ");
      peri_type_noun(in, out);
    } else if (peri_str_starts(one, PERI_STR("when<")))
      peri_buf_c_str(out, "when");
    else if (peri_str_starts(one, PERI_STR("choice:")))
      choice_noun(peri_str_from(one, strlen("choice:")), out);
    else if (peri_str_starts(one, PERI_STR("shape:")))
      peri_buf_c_str(out, peri_shape_named(peri_str_from(one, strlen("shape:")))->noun);
    else
      peri_buf_c_str(out, atom_named(one)->noun);
  }
}
