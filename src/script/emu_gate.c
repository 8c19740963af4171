/* script/emu_gate: who may call, how often, and what goes wrong on purpose; and the log of who called what.
 * Knows nothing of Lua: an emulator whose functions fail still counts, limits and logs. */
#include <stdlib.h>

#include "script/emu.h"

/* ---- credentials ---- */

static int unbase64_one(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static peri_str basic_of(peri_arena *a, peri_str text) {
  char *out = peri_arena_bytes(a, text.n + 3);
  size_t n = 0;
  uint32_t bits = 0;
  int have = 0;
  for (size_t i = 0; i < text.n && text.p[i] != '='; i++) {
    int v = unbase64_one(text.p[i]);
    if (v < 0) break;
    bits = bits << 6 | (uint32_t)v;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out[n++] = (char)(bits >> have & 255);
  }
  return (peri_str){out, n};
}

static peri_str credential_text(peri_emulator *em, peri_str name) {
  return peri_node_text(peri_node_get_str(em->credentials, name));
}

static peri_emu_caller_id judge(peri_emulator *em, peri_str token) {
  peri_emu_caller_id id = {.why = PERI_EMU_UNKNOWN, .token = token};
  peri_str fixed = credential_text(em, em->auth_secret);
  if (fixed.n && peri_str_eq(fixed, token)) id.why = PERI_EMU_FINE;
  for (size_t i = 0; i < em->token_count; i++) {
    const peri_emu_token *t = &em->tokens[i];
    if (!peri_str_is(token, t->text)) continue;
    id.why = t->revoked ? PERI_EMU_UNKNOWN : t->expires_ms <= em->now_ms ? PERI_EMU_EXPIRED : PERI_EMU_FINE;
    id.expired_ms = t->expires_ms;
  }
  return id;
}

peri_emu_caller_id peri_emu_credential(peri_emulator *em, const peri_json *headers, const peri_json *query) {
  peri_emu_caller_id none = {.why = PERI_EMU_MISSING, .token = {"", 0}};
  if (!em->credentials) return (peri_emu_caller_id){.why = PERI_EMU_FINE, .token = {"", 0}}; /* an API that is open to all */
  if (em->auth_query.n) {
    peri_str token = peri_json_str(peri_json_get_str(query, em->auth_query));
    return token.n ? judge(em, token) : none;
  }
  peri_str value = peri_json_str(peri_json_get_str(headers, em->auth_header));
  if (value.n < em->auth_prefix.n || !peri_str_eq_nocase((peri_str){value.p, em->auth_prefix.n}, em->auth_prefix)) return none;
  value = peri_str_trim(peri_str_from(value, em->auth_prefix.n));
  if (value.n == 0) return none;
  if (!em->auth_user.p) return judge(em, value);
  peri_str user, password = peri_str_cut(basic_of(em->work, value), ':', &user);
  peri_str wanted = credential_text(em, em->auth_user); /* the name of a credential, or the text itself */
  if (!wanted.p) wanted = em->auth_user;
  peri_emu_caller_id id = judge(em, password);
  if (!peri_str_eq(user, wanted)) id.why = PERI_EMU_UNKNOWN;
  return id;
}

peri_emu_token *peri_emu_issue(peri_emulator *em, int64_t seconds) {
  if (!em->tokens) em->tokens = peri_alloc(PERI_EMU_TOKENS_MAX * sizeof *em->tokens);
  size_t at = em->token_count < PERI_EMU_TOKENS_MAX ? em->token_count++ : (size_t)(em->tokens_issued % PERI_EMU_TOKENS_MAX); /* the oldest goes */
  peri_emu_token *t = &em->tokens[at];
  em->tokens_issued++;
  uint64_t x = (em->seed ^ 0x517cc1b727220a95u) + em->tokens_issued * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x ^= x >> 31;
  snprintf(t->text, sizeof t->text, "emulated-%llu-%016llx", (unsigned long long)em->tokens_issued, (unsigned long long)x);
  t->expires_ms = em->now_ms + seconds * 1000;
  t->revoked = false;
  return t;
}

/* ---- limits ---- */

peri_emu_class *peri_emu_class_named(peri_emulator *em, peri_str name) {
  for (size_t i = 0; i < em->class_count; i++)
    if (peri_str_eq(em->classes[i].name, name.n ? name : PERI_STR("default"))) return &em->classes[i];
  return NULL;
}

static peri_emu_spent *spent_of(peri_emulator *em, const peri_emu_class *c, size_t which, peri_str token) {
  peri_str key = peri_arena_fmt(em->work, "%.*s\n%zu\n%.*s", PERI_S(c->name), which, PERI_S(token));
  peri_emu_spent *s = peri_map_get(&em->spent, key);
  if (!s) {
    s = peri_arena_take(em->arena, sizeof *s);
    peri_map_put(&em->spent, key, s);
  }
  return s;
}

/* Daily limits and the like would need rings of millions: there, a window that begins anew. */
#define RING_MAX 100000

static int64_t used_in(peri_emu_spent *s, const peri_emu_limit *l, int64_t now) {
  if (l->many > RING_MAX) {
    if (!s->at) s->at = peri_alloc(sizeof *s->at), s->cap = 1;
    if (now - s->at[0] >= l->per_ms) s->at[0] = now - now % l->per_ms, s->count = 0;
    return (int64_t)s->count;
  }
  if ((int64_t)s->cap < l->many) { /* first use, or the limit was raised: begin anew */
    s->at = peri_resize(s->at, (size_t)l->many * sizeof *s->at);
    s->cap = (size_t)l->many;
    s->count = s->next = 0;
  }
  while (s->count && now - s->at[(s->next + s->cap - s->count) % s->cap] >= l->per_ms) s->count--;
  return (int64_t)s->count;
}

static void spend(peri_emu_spent *s, const peri_emu_limit *l, int64_t now) {
  if (l->many > RING_MAX) {
    s->count++;
    return;
  }
  s->at[s->next] = now;
  s->next = (s->next + 1) % s->cap;
  if (s->count < s->cap) s->count++;
}

static void tell_header(peri_emulator *em, const peri_emu_class *c, peri_jw *w, const char *what, int64_t value) {
  peri_str before, after = peri_str_cut(c->headers, '*', &before);
  peri_str name = peri_arena_fmt(em->work, "%.*s%s%.*s", PERI_S(before), what, PERI_S(after));
  peri_jw_key(w, name);
  peri_jw_int(w, value);
}

/* X-*: Max, Remaining, Interval-Milliseconds of the first limit; Daily, Daily-Remaining of one that lasts a day. */
static void tell_headers(peri_emulator *em, const peri_emu_class *c, const int64_t *used, peri_jw *w) {
  for (size_t i = 0; i < c->limit_count; i++) {
    const peri_emu_limit *l = &c->limits[i];
    int64_t left = l->many > used[i] ? l->many - used[i] : 0;
    if (l->per_ms >= 86400000) {
      tell_header(em, c, w, "Daily", l->many);
      tell_header(em, c, w, "Daily-Remaining", left);
    } else if (i == 0) {
      tell_header(em, c, w, "Max", l->many);
      tell_header(em, c, w, "Remaining", left);
      tell_header(em, c, w, "Interval-Milliseconds", l->per_ms);
    }
  }
}

bool peri_emu_spend(peri_emulator *em, peri_emu_class *c, peri_str token, size_t *which, int64_t *wait_ms, peri_jw *w) {
  int64_t used[16] = {0};
  bool fine = true;
  for (size_t i = 0; i < c->limit_count && i < 16; i++) {
    peri_emu_spent *s = spent_of(em, c, i, token);
    used[i] = used_in(s, &c->limits[i], em->now_ms);
    if (!fine || !em->rates_on || used[i] < c->limits[i].many) continue;
    fine = false;
    *which = i;
    int64_t first = c->limits[i].many > RING_MAX ? s->at[0] : s->at[(s->next + s->cap - s->count) % s->cap];
    *wait_ms = first + c->limits[i].per_ms - em->now_ms;
  }
  for (size_t i = 0; fine && i < c->limit_count && i < 16; i++) {
    if (c->limits[i].many > 0) spend(spent_of(em, c, i, token), &c->limits[i], em->now_ms);
    used[i]++;
  }
  if (c->headers.n) tell_headers(em, c, used, w);
  return fine;
}

/* ---- faults ---- */

/* 0 to 99; of its own, so that faults change nothing about the rows that are made (splitmix64). */
static int64_t chance(peri_emulator *em) {
  uint64_t z = em->fault_random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (int64_t)((z ^ (z >> 31)) % 100);
}

peri_emu_fault *peri_emu_fault_for(peri_emulator *em, peri_str method, peri_str path) {
  for (size_t i = 0; i < em->fault_count; i++) {
    peri_emu_fault *f = &em->faults[i];
    if (f->times == 0 || (f->method.n && !peri_str_eq_nocase(f->method, method)) || !peri_str_glob(f->path, path)) continue;
    if (f->after > 0) {
      f->after--;
      continue;
    }
    if (f->percent && chance(em) >= f->percent) continue;
    if (f->times > 0) f->times--;
    return f;
  }
  return NULL;
}

/* ---- the log ---- */

void peri_emu_note(peri_emulator *em, const peri_serve *q, int status) {
  if (!em->seen) em->seen = peri_alloc(PERI_EMU_LOG_MAX * sizeof *em->seen);
  peri_emu_seen *s = &em->seen[em->seen_next];
  em->seen_next = (em->seen_next + 1) % PERI_EMU_LOG_MAX;
  s->number = ++em->served;
  s->at_ms = em->now_ms;
  s->status = status;
  snprintf(s->method, sizeof s->method, "%.*s", PERI_S(q->method));
  snprintf(s->path, sizeof s->path, "%.*s", PERI_S(q->path));
  snprintf(s->query, sizeof s->query, "%.*s", PERI_S(q->query_json));
  peri_str key = peri_arena_fmt(em->work, "%s %s", s->method, s->path);
  uint64_t *count = peri_map_get(&em->counts, key);
  if (!count && em->counts.count < PERI_EMU_PATHS_MAX) {
    count = peri_arena_take(em->arena, sizeof *count);
    peri_map_put(&em->counts, key, count);
  }
  if (count) ++*count;
}

void peri_emu_gate_reset(peri_emulator *em) {
  for (size_t i = 0; i < em->spent.count; i++) {
    peri_emu_spent *s = em->spent.items[i].value;
    free(s->at);
    *s = (peri_emu_spent){0};
  }
  em->rates_on = true;
  for (size_t i = 0; i < em->class_count; i++)
    if (em->classes[i].limit_count) memcpy(em->classes[i].limits, em->classes[i].written, em->classes[i].limit_count * sizeof *em->classes[i].limits);
  em->token_count = 0;
  em->life_s = -1;
  em->fault_count = 0;
  em->seen_next = 0;
  em->served = 0;
  if (em->seen) memset(em->seen, 0, PERI_EMU_LOG_MAX * sizeof *em->seen);
  for (size_t i = 0; i < em->counts.count; i++) *(uint64_t *)em->counts.items[i].value = 0;
  em->hook_url = em->hook_secret = (peri_str){NULL, 0};
  em->hook_twice = em->hook_backwards = false;
}
