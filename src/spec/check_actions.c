/* spec/check_actions: what an answer means: `on`, the actions in it, and in `done` of a job. */
#include "spec/check.h"

static bool check_action(peri_check *c, const peri_node *n) {
  peri_str name = peri_node_text(peri_node_value(n)), here;
  const peri_shape_spec *action = peri_action_named(name);
  if (!action) {
    peri_str names[32];
    size_t count = 0;
    for (size_t i = 0; i < peri_shape_count && count < 32; i++)
      if (peri_shapes[i].action) names[count++] = peri_str_of(peri_shapes[i].name);
    here = peri_check_here(c);
    return peri_check_fail(c, peri_suggest(name, names, count), "%.*s: there is no action '%.*s'", PERI_S(here), PERI_S(name));
  }
  if (n->type == PERI_N_TEXT) return true;
  for (size_t i = 0; i < n->member_count; i++) {
    const peri_member *m = &n->members[i];
    const peri_option_spec *option = NULL;
    for (size_t k = 0; k < action->option_count && m->key_is_text; k++)
      if (peri_str_is(m->key, action->options[k].name)) option = &action->options[k];
    here = peri_check_here(c);
    if (!option)
      return peri_check_fail(c, peri_option_suggest(action->options, action->option_count, m->key), "%.*s: %s has no option '%.*s'", PERI_S(here),
                             action->name, PERI_S(m->key));
    size_t mark = peri_check_enter(c, m->key, true);
    if (!peri_check_type(c, option->type, m->value)) return false;
    peri_check_leave(c, mark);
  }
  return true;
}

/* An action, `when` with actions, or a list of both, of which the first that applies counts. */
bool peri_check_actions(peri_check *c, const peri_node *n) {
  if (n->type == PERI_N_TEXT) return check_action(c, n);
  if (peri_node_is(n, "when")) return peri_check_type(c, "when<actions>", n);
  if (n->type != PERI_N_TABLE) {
    peri_str here = peri_check_here(c), found = peri_check_found(c, n);
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s wants an action, a list of actions, or when, not %.*s", PERI_S(here), PERI_S(found));
  }
  if (n->item_count == 1 && n->items[0]->type == PERI_N_TEXT) return check_action(c, n);
  peri_str here = peri_check_here(c);
  if (n->item_count == 0 || n->member_count)
    return peri_check_fail(c, PERI_NEAR_NONE, "%.*s wants its action first, such as { \"wait\", time = \"10s\" }", PERI_S(here));
  for (size_t i = 0; i < n->item_count; i++) {
    size_t mark = peri_check_enter_index(c, i);
    if (!peri_check_actions(c, n->items[i])) return false;
    peri_check_leave(c, mark);
  }
  return true;
}

/* 429, "429" or "5xx" */
static bool is_status(peri_str key) {
  if (key.n != 3 || key.p[0] < '1' || key.p[0] > '5') return false;
  if (key.p[1] == 'x' && key.p[2] == 'x') return true;
  return key.p[1] >= '0' && key.p[1] <= '9' && key.p[2] >= '0' && key.p[2] <= '9';
}

bool peri_check_on(peri_check *c, const peri_node *n) {
  if (peri_node_is(n, "when")) return peri_check_actions(c, n);
  for (size_t i = 0; i < n->item_count; i++) {
    size_t mark = peri_check_enter_index(c, i);
    if (!peri_node_is(n->items[i], "when")) {
      peri_str here = peri_check_here(c), found = peri_check_found(c, n->items[i]);
      return peri_check_fail(c, PERI_NEAR_NONE, "%.*s: only when may stand in on without a status, not %.*s", PERI_S(here), PERI_S(found));
    }
    if (!peri_check_actions(c, n->items[i])) return false;
    peri_check_leave(c, mark);
  }
  for (size_t i = 0; i < n->member_count; i++) {
    const peri_member *m = &n->members[i];
    if (!is_status(m->key)) {
      peri_str here = peri_check_here(c);
      return peri_check_fail(c, PERI_NEAR_NONE, "%.*s has no status '%.*s'; statuses are 100 to 599, or \"4xx\", \"5xx\"", PERI_S(here),
                             PERI_S(m->key));
    }
    size_t mark = peri_check_enter(c, m->key, m->key_is_text);
    if (!peri_check_actions(c, m->value)) return false;
    peri_check_leave(c, mark);
  }
  return true;
}
