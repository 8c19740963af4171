/* script/fault: what went wrong in a script, as text with file and line.
 *
 * A script may throw anything: a novel, a table whose __tostring loops, bytes that are no text. Nothing of the script runs here;
 * texts are cut, made valid UTF-8, and lose their control characters. */
#include <stdio.h>
#include <string.h>

#include "script/state.h"

/* bytes of a valid UTF-8 sequence at p, 0 if there is none */
static size_t sequence(const unsigned char *p, size_t left) {
  for (size_t n = 1; n <= 4 && n <= left; n++)
    if (peri_utf8_valid((peri_str){(const char *)p, n})) return n;
  return 0;
}

void peri_text_tame(peri_str raw, char *out, size_t out_bytes) {
  size_t n = 0;
  const unsigned char *p = (const unsigned char *)raw.p;
  for (size_t i = 0; i < raw.n;) {
    char piece[8];
    size_t piece_n, step = 1;
    if (p[i] == '\n' || p[i] == '\t') {
      piece[0] = ' ';
      piece_n = 1;
    } else if (p[i] < 0x20 || p[i] == 0x7f) {
      piece_n = (size_t)snprintf(piece, sizeof piece, "\\x%02X", p[i]);
    } else if ((step = sequence(p + i, raw.n - i)) > 0) {
      memcpy(piece, p + i, step);
      piece_n = step;
    } else {
      step = 1;
      piece_n = (size_t)snprintf(piece, sizeof piece, "\\x%02X", p[i]);
    }
    if (n + piece_n + 4 > out_bytes) { /* room for "..." and NUL */
      memcpy(out + n, "...", out_bytes - n >= 4 ? 3 : 0);
      n += out_bytes - n >= 4 ? 3 : 0;
      break;
    }
    memcpy(out + n, piece, piece_n);
    n += piece_n;
    i += step;
  }
  out[n] = 0;
}

const char *peri_where(lua_State *L, int level, int *line) {
  lua_Debug ar;
  for (int i = level; lua_getstack(L, i, &ar); i++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0) {
      *line = ar.currentline;
      return ar.source[0] == '@' || ar.source[0] == '=' ? ar.source + 1 : ar.source;
    }
  }
  *line = 0;
  return NULL;
}

static void set_file(peri_call_fault *fault, const char *file, int line) {
  size_t n = file ? strlen(file) : 0;
  if (n >= sizeof fault->file) n = sizeof fault->file - 1;
  if (n) memcpy(fault->file, file, n);
  fault->file[n] = 0;
  fault->line = line;
}

void peri_fault_set(peri_call_fault *fault, peri_code code, const char *format, ...) {
  if (!fault) return;
  fault->code = code;
  va_list args;
  va_start(args, format);
  vsnprintf(fault->text, sizeof fault->text, format, args);
  va_end(args);
}

/* The error value as text; views the Lua string or fills `small`. Runs nothing of the script. */
static peri_str value_text(lua_State *L, int index, char small[96]) {
  size_t n;
  switch (lua_type(L, index)) {
    case LUA_TSTRING: {
      const char *p = lua_tolstring(L, index, &n);
      return (peri_str){p, n};
    }
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) snprintf(small, 96, "%lld", (long long)lua_tointeger(L, index));
      else snprintf(small, 96, "%.14g", lua_tonumber(L, index));
      return peri_str_of(small);
    case LUA_TTABLE: {
      lua_pushliteral(L, "message");
      lua_rawget(L, index < 0 ? index - 1 : index);
      peri_str text = {NULL, 0};
      if (lua_type(L, -1) == LUA_TSTRING) text.p = lua_tolstring(L, -1, &text.n);
      lua_pop(L, 1); /* the table still holds it */
      if (text.p) return text;
      break;
    }
    case LUA_TUSERDATA: {
      const peri_word *w = peri_to_word(L, index);
      if (w && w->spec) {
        snprintf(small, 96, "an error value that is the word %s", w->spec->name);
        return peri_str_of(small);
      }
      break;
    }
    default: break;
  }
  snprintf(small, 96, "an error value of type %s", luaL_typename(L, index));
  return peri_str_of(small);
}

/* "FILE:LINE: text" of a file that was made known: its file, its line, and the text behind. */
static const peri_file *known_place(peri_script *s, peri_str text, int *line, peri_str *behind) {
  peri_str path, digits;
  peri_str rest = peri_str_cut(text, ':', &path);
  rest = peri_str_cut(rest, ':', &digits);
  if (rest.n < 1 || rest.p[0] != ' ' || digits.n == 0 || digits.n > 7) return NULL;
  int n = 0;
  for (size_t i = 0; i < digits.n; i++) {
    if (digits.p[i] < '0' || digits.p[i] > '9') return NULL;
    n = n * 10 + (digits.p[i] - '0');
  }
  const peri_file *file = peri_file_named(s, path);
  if (!file) return NULL;
  *line = n;
  *behind = peri_str_from(rest, 1);
  return file;
}

void peri_fault_note(peri_script *s, lua_State *L, peri_call_fault *fault) {
  char small[96];
  fault->code = PERI_SCRIPT_ERROR;
  peri_str text = value_text(L, -1, small);
  int line = 0;
  const char *file = peri_where(L, 0, &line);
  set_file(fault, file, line);
  /* Lua put "FILE:LINE: " before the text, its file cut to 60 bytes: take the place from there */
  lua_Debug ar;
  for (int i = 0; i < 16 && lua_getstack(L, i, &ar); i++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    char prefix[LUA_IDSIZE + 24];
    int n = snprintf(prefix, sizeof prefix, "%s:%d: ", ar.short_src, ar.currentline);
    if (n > 0 && peri_str_starts(text, (peri_str){prefix, (size_t)n})) {
      set_file(fault, ar.source[0] == '@' || ar.source[0] == '=' ? ar.source + 1 : ar.source, ar.currentline);
      text = peri_str_from(text, (size_t)n);
      break;
    }
  }
  /* raised further down and passed on, by coroutine.wrap with its own place in front: the innermost counts */
  for (int i = 0; i < 4; i++) {
    const peri_file *known = known_place(s, text, &line, &text);
    if (!known) break;
    set_file(fault, known->path.p, line);
  }
  peri_text_tame(text, fault->text, sizeof fault->text);
}

void peri_fault_over(peri_script *s, peri_call_fault *fault) {
  if (!fault) return;
  set_file(fault, s->over_line ? s->over_file : "", s->over_line);
  if (s->over == PERI_SCRIPT_MEMORY) {
    if (s->over_bytes)
      peri_fault_set(fault, PERI_SCRIPT_MEMORY, "it built a text of %zu bytes; a text of a script may have at most %d", s->over_bytes, (int)PERI_SCRIPT_STRING_MAX);
    else peri_fault_set(fault, PERI_SCRIPT_MEMORY, "it used more than the %zu MB that a run's scripts may have", s->ceiling >> 20);
  } else if (s->steps <= 0) {
    peri_fault_set(fault, PERI_SCRIPT_TIMEOUT, "its patterns took more than %d steps", PERI_PATTERN_STEPS_MAX);
  } else {
    peri_fault_set(fault, PERI_SCRIPT_TIMEOUT, "it took more than %u ms", s->ticks * PERI_TICK_MS);
  }
}

int peri_message_handler(lua_State *L) {
  peri_script *s = peri_state_of(L);
  if (s->fault && !s->over) peri_fault_note(s, L, s->fault);
  return 1;
}

bool peri_state_run(peri_script *s, int nargs, int nresults, int ms, peri_call_fault *fault) {
  lua_State *L = s->L;
  peri_call_fault unread;
  s->fault = fault ? fault : &unread; /* cppcheck-suppress uninitvar ; 4 KB that are written only where a call fails */
  s->fault->code = PERI_OK;
  int base = lua_gettop(L) - nargs - 1;
  peri_budget_enter(s, ms);
  int status = lua_pcall(L, nargs, nresults, PERI_SLOT_HANDLER);
  peri_budget_leave(s);
  if (status == LUA_OK && !s->over) {
    s->fault = NULL;
    return true;
  }
  lua_settop(L, base);
  if (s->over) {
    peri_fault_over(s, s->fault);
  } else if (s->fault->code == PERI_OK) { /* an error in the handler itself: the C stack ran out */
    s->fault->file[0] = 0;
    s->fault->line = 0;
    peri_fault_set(s->fault, PERI_SCRIPT_ERROR, "it called itself too deeply");
  }
  s->fault = NULL;
  peri_state_recover(s);
  return false;
}

/* Lua 5.4.4 goes on with a stale pointer when a `__concat` metamethod makes the stack grow inside a concat of three or more operands, and words join
 * with `..` just so. Room ahead, and no collection that would take it back, keep the stack where it is while words can be made. */
void peri_state_steady(lua_State *L, bool on) {
  if (!on) {
    lua_gc(L, LUA_GCRESTART);
    return;
  }
  lua_gc(L, LUA_GCSTOP);
  lua_checkstack(L, PERI_STEADY_SLOTS);
}

bool peri_state_run_steady(peri_script *s, int nargs, int nresults, int ms, peri_call_fault *fault) {
  peri_state_steady(s->L, true);
  bool fine = peri_state_run(s, nargs, nresults, ms, fault);
  peri_state_steady(s->L, false);
  return fine;
}
