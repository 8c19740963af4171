/* json/tree: a checked document as nodes. Refuses what peri_json_check refuses; has no other ceiling, so callers bound the
 * text: a node costs about a hundred bytes. */
#include "json/tree.h"

#include "json/path.h"
#include "json/scan.h"

static peri_str text_of(peri_arena *a, peri_span s) {
  if (s.type == PERI_J_NUMBER) return peri_span_raw(s);
  if (s.type != PERI_J_STRING) return (peri_str){NULL, 0};
  peri_str inside = {s.p + 1, s.n - 2u};
  if (!s.escaped) return inside;
  char *text = peri_arena_bytes(a, inside.n);
  return (peri_str){text, peri_unescape(text, inside.p, inside.n)};
}

/* The nesting was checked, so this goes no deeper than PERI_JSON_DEPTH_MAX. */
static peri_json *node_of(peri_arena *a, peri_span s) {
  peri_json *node = peri_arena_take(a, sizeof *node);
  node->type = (peri_jtype)s.type;
  node->raw = peri_span_raw(s);
  node->text = text_of(a, s);
  peri_json **tail = &node->first;
  peri_span key, value;
  peri_span_iter i = peri_span_open(s);
  while (s.type == PERI_J_OBJECT ? peri_span_next_member(&i, &key, &value) : peri_span_next(&i, &value)) {
    peri_json *child = node_of(a, value);
    if (s.type == PERI_J_OBJECT) child->key = text_of(a, key);
    *tail = child;
    tail = &child->next;
    node->count++;
  }
  return node;
}

peri_json *peri_json_parse(peri_arena *a, peri_str text, peri_json_fault *fault) {
  peri_span value;
  if (!peri_json_check(text, &value, fault)) return NULL;
  value.p = peri_arena_str(a, peri_span_raw(value)).p;
  return node_of(a, value);
}

peri_json *peri_json_get_str(const peri_json *object, peri_str key) {
  if (!object || object->type != PERI_J_OBJECT) return NULL;
  for (peri_json *child = object->first; child; child = child->next)
    if (peri_str_eq(child->key, key)) return child;
  return NULL;
}

peri_json *peri_json_get(const peri_json *object, const char *key) { return peri_json_get_str(object, peri_str_of(key)); }

peri_json *peri_json_item(const peri_json *array, size_t index) {
  if (!array || array->type != PERI_J_ARRAY) return NULL;
  peri_json *child = array->first;
  while (child && index--) child = child->next;
  return child;
}

static peri_json *element(const peri_json *array, int index) {
  if (!array || array->type != PERI_J_ARRAY) return NULL;
  if (index < 0) return (size_t)-index > array->count ? NULL : peri_json_item(array, array->count - (size_t)-index);
  return peri_json_item(array, (size_t)index);
}

static peri_json *follow(peri_json *value, const peri_path *path, int at) {
  while (at < path->count && path->steps[at].kind == PERI_STEP_INDEX) value = element(value, path->steps[at++].index);
  if (at == path->count || !value) return value;
  if (path->steps[at].kind != PERI_STEP_KEY) return NULL;
  peri_json *inner = peri_json_get_str(value, path->steps[at].key);
  if (inner) inner = follow(inner, path, at + 1);
  int last = peri_path_run_end(path, at);
  if (!inner && last > at) {
    inner = peri_json_get_str(value, peri_path_joined(path, at, last));
    if (inner) inner = follow(inner, path, last + 1);
  }
  return inner;
}

peri_json *peri_json_at(const peri_json *value, peri_str text) {
  peri_path path;
  if (!value || !peri_path_read(&path, text, NULL)) return NULL;
  return follow((peri_json *)(uintptr_t)value, &path, 0);
}

peri_str peri_json_str(const peri_json *string) { return string ? string->text : (peri_str){NULL, 0}; }
peri_str peri_json_get_text(const peri_json *object, const char *key) { return peri_json_str(peri_json_get(object, key)); }

int64_t peri_json_int(const peri_json *number, int64_t fallback) {
  int64_t v;
  if (!number || (number->type != PERI_J_NUMBER && number->type != PERI_J_STRING)) return fallback;
  return peri_number_i64(number->text, &v) ? v : fallback;
}

int64_t peri_json_get_int(const peri_json *object, const char *key, int64_t fallback) { return peri_json_int(peri_json_get(object, key), fallback); }

bool peri_json_bool(const peri_json *value, bool fallback) {
  return value && value->type == PERI_J_TRUE ? true : value && value->type == PERI_J_FALSE ? false : fallback;
}

bool peri_json_get_bool(const peri_json *object, const char *key, bool fallback) { return peri_json_bool(peri_json_get(object, key), fallback); }

void peri_json_put(peri_buf *out, const peri_json *value) {
  if (!value) {
    peri_buf_put(out, "null", 4);
    return;
  }
  if (value->type == PERI_J_STRING) {
    peri_json_quote(out, value->text);
  } else if (value->type == PERI_J_ARRAY || value->type == PERI_J_OBJECT) {
    bool object = value->type == PERI_J_OBJECT;
    peri_buf_char(out, object ? '{' : '[');
    for (const peri_json *child = value->first; child; child = child->next) {
      if (child != value->first) peri_buf_char(out, ',');
      if (object) {
        peri_json_quote(out, child->key);
        peri_buf_char(out, ':');
      }
      peri_json_put(out, child);
    }
    peri_buf_char(out, object ? '}' : ']');
  } else {
    peri_buf_str(out, value->raw);
  }
}
