/* script/emu_table: rows of one table, packed and in the order of their keys. Numbers order as numbers, texts as bytes, numbers first.
 * Knows nothing of Lua. */
#include <stdlib.h>

#include "base/clock.h"
#include "script/emu.h"

static int64_t number_of(peri_str key) {
  if (key.n == 0 || key.n > 18 || (key.p[0] == '0' && key.n > 1)) return -1;
  int64_t v = 0;
  for (size_t i = 0; i < key.n; i++) {
    if (key.p[i] < '0' || key.p[i] > '9') return -1;
    v = v * 10 + (key.p[i] - '0');
  }
  return v;
}

static int compare(peri_str a, int64_t an, peri_str b, int64_t bn) {
  if (an >= 0 && bn >= 0) return an < bn ? -1 : an > bn;
  if ((an >= 0) != (bn >= 0)) return an >= 0 ? -1 : 1;
  return peri_str_cmp(a, b);
}

size_t peri_emu_from(const peri_emu_table *t, peri_str key) {
  int64_t number = number_of(key);
  size_t low = 0, high = t->row_count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (compare(t->rows[mid]->key, t->rows[mid]->number, key, number) < 0) low = mid + 1;
    else high = mid;
  }
  return low;
}

peri_emu_row *peri_emu_find(const peri_emu_table *t, peri_str key) {
  size_t at = peri_emu_from(t, key);
  return at < t->row_count && peri_str_eq(t->rows[at]->key, key) ? t->rows[at] : NULL;
}

bool peri_emu_stamp(peri_span value, int64_t *ms) {
  double d;
  if (value.type == PERI_J_STRING) {
    char small[64];
    if (value.n < 3 || value.n > sizeof small || value.escaped) return false;
    peri_str text = {value.p + 1, value.n - 2};
    bool had_time, had_zone;
    if (peri_iso_read(text, 0, ms, &had_time, &had_zone)) return true;
    if (!peri_number_double(text, &d)) return false;
  } else if (value.type != PERI_J_NUMBER || !peri_number_double(peri_span_raw(value), &d)) {
    return false;
  }
  if (!(d > -1e15 && d < 1e15)) return false;
  *ms = (int64_t)(d > 1e11 || d < -1e11 ? d : d * 1000); /* beyond the year 5138 in seconds: it is milliseconds */
  return true;
}

/* ---- the index of unique values ---- */

static uint64_t hash_of(peri_str value) {
  uint64_t h = 1469598103934665603u;
  for (size_t i = 0; i < value.n; i++) {
    char c = value.p[i];
    h = (h ^ (uint64_t)(unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c)) * 1099511628211u;
  }
  return h ? h : 1;
}

/* Calls `each` with every unique value of the row; stops and returns true when it says so. */
static bool unique_values(const peri_emu_table *t, const peri_emu_row *row, bool (*each)(void *self, peri_str value), void *self) {
  peri_span root = {row->json.p, (uint32_t)row->json.n, PERI_J_OBJECT, 0};
  peri_buf scratch = {0};
  bool stop = false;
  for (size_t i = 0; i < t->unique_count && !stop; i++) {
    peri_span v = peri_span_at(root, t->unique[i]);
    if (v.type != PERI_J_STRING) continue;
    peri_buf_clear(&scratch);
    peri_str rest = peri_span_text(v, &scratch), one;
    while (rest.n && !stop) {
      rest = peri_str_cut(rest, ';', &one);
      if (one.n) stop = each(self, one);
    }
  }
  peri_buf_fini(&scratch);
  return stop;
}

static void grow_heads(peri_emu_table *t) {
  size_t count = t->head_count ? t->head_count * 2 : 1024;
  peri_emu_node **heads = peri_alloc(count * sizeof *heads);
  for (size_t i = 0; i < t->head_count; i++) {
    for (peri_emu_node *n = t->heads[i], *next; n; n = next) {
      next = n->next;
      n->next = heads[n->hash & (count - 1)];
      heads[n->hash & (count - 1)] = n;
    }
  }
  free(t->heads);
  t->heads = heads;
  t->head_count = count;
}

typedef struct unique_of { peri_emu_table *t; peri_emu_row *row; } unique_of;

static bool index_value(void *self, peri_str value) {
  unique_of *u = self;
  if (u->t->node_count >= u->t->head_count) grow_heads(u->t);
  peri_emu_node *n = peri_alloc(sizeof *n);
  n->hash = hash_of(value);
  n->row = u->row;
  peri_emu_node **head = &u->t->heads[n->hash & (u->t->head_count - 1)];
  n->next = *head;
  *head = n;
  u->t->node_count++;
  return false;
}

static bool unindex_value(void *self, peri_str value) {
  unique_of *u = self;
  uint64_t hash = hash_of(value);
  if (!u->t->head_count) return false;
  for (peri_emu_node **at = &u->t->heads[hash & (u->t->head_count - 1)]; *at; at = &(*at)->next) {
    if ((*at)->hash != hash || (*at)->row != u->row) continue;
    peri_emu_node *gone = *at;
    *at = gone->next;
    free(gone);
    u->t->node_count--;
    break;
  }
  return false;
}

static bool same_value(void *self, peri_str value) {
  return peri_str_eq_nocase(value, *(peri_str *)self);
}

peri_emu_row *peri_emu_unique(const peri_emu_table *t, peri_str value) {
  if (!t->head_count || value.n == 0) return NULL;
  uint64_t hash = hash_of(value);
  for (peri_emu_node *n = t->heads[hash & (t->head_count - 1)]; n; n = n->next)
    if (n->hash == hash && !n->row->archived && unique_values(t, n->row, same_value, &value)) return n->row;
  return NULL;
}

/* ---- rows ---- */

static void forget(peri_emu_table *t, peri_emu_row *row) {
  unique_of u = {t, row};
  if (t->unique_count) unique_values(t, row, unindex_value, &u);
  if (row->archived) t->archived_count--;
}

/* The key's text: a string, or a number as written. */
static bool key_of(const peri_emu_table *t, peri_span root, peri_buf *scratch, peri_str *key) {
  peri_span v = peri_span_at(root, t->key_path);
  if (v.type == PERI_J_NUMBER) *key = peri_span_raw(v);
  else if (v.type == PERI_J_STRING) *key = peri_span_text(v, scratch);
  else return false;
  return key->n > 0 && key->n <= PERI_KEY_BYTES_MAX;
}

static peri_emu_row *row_new(const peri_emu_table *t, peri_span root, peri_str key) {
  char *memory = peri_alloc(sizeof(peri_emu_row) + key.n + root.n);
  peri_emu_row *row = (peri_emu_row *)(void *)memory;
  char *text = memory + sizeof *row;
  memcpy(text, key.p, key.n);
  memcpy(text + key.n, root.p, root.n);
  row->key = (peri_str){text, key.n};
  row->json = (peri_str){text + key.n, root.n};
  row->number = number_of(row->key);
  row->updated_ms = INT64_MIN;
  if (t->updated_path.n) peri_emu_stamp(peri_span_at(root, t->updated_path), &row->updated_ms);
  row->archived = t->archived_path.n && peri_span_at(root, t->archived_path).type == PERI_J_TRUE;
  return row;
}

bool peri_emu_put(peri_emu_table *t, peri_str json, peri_emu_row **out, bool *is_new, const char **why) {
  peri_span root;
  peri_json_fault fault;
  peri_str key;
  peri_buf scratch = {0};
  *why = NULL;
  if (!peri_json_check(json, &root, &fault) || root.type != PERI_J_OBJECT) *why = "the row is no JSON object";
  else if (!key_of(t, root, &scratch, &key)) *why = "the row has no key (a text or a number) at the table's key path";
  else if (t->row_count >= PERI_EMU_ROWS_MAX) *why = "the table has two million rows; that is the most";
  if (*why) {
    peri_buf_fini(&scratch);
    return false;
  }
  size_t at = peri_emu_from(t, key);
  *is_new = at == t->row_count || !peri_str_eq(t->rows[at]->key, key);
  peri_emu_row *row = row_new(t, root, key);
  peri_buf_fini(&scratch);
  if (*is_new) {
    if (t->row_count == t->row_cap) {
      t->row_cap = t->row_cap ? t->row_cap * 2 : 256;
      t->rows = peri_resize(t->rows, t->row_cap * sizeof *t->rows);
    }
    memmove(t->rows + at + 1, t->rows + at, (t->row_count - at) * sizeof *t->rows);
    t->row_count++;
  } else {
    forget(t, t->rows[at]);
    free(t->rows[at]);
  }
  t->rows[at] = *out = row;
  if (row->archived) t->archived_count++;
  unique_of u = {t, row};
  if (t->unique_count) unique_values(t, row, index_value, &u);
  return true;
}

bool peri_emu_remove(peri_emu_table *t, peri_str key) {
  size_t at = peri_emu_from(t, key);
  if (at == t->row_count || !peri_str_eq(t->rows[at]->key, key)) return false;
  forget(t, t->rows[at]);
  free(t->rows[at]);
  t->row_count--;
  memmove(t->rows + at, t->rows + at + 1, (t->row_count - at) * sizeof *t->rows);
  return true;
}

void peri_emu_table_clear(peri_emu_table *t) {
  for (size_t i = 0; i < t->head_count; i++) {
    for (peri_emu_node *n = t->heads[i], *next; n; n = next) {
      next = n->next;
      free(n);
    }
  }
  for (size_t i = 0; i < t->row_count; i++) free(t->rows[i]);
  free(t->heads);
  free(t->rows);
  t->heads = NULL;
  t->rows = NULL;
  t->head_count = t->node_count = t->row_count = t->row_cap = t->archived_count = t->made = 0;
}
