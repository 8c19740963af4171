/* json/path: reads the text of a path into steps. Refuses empty keys, brackets that hold no whole number, and paths that are
 * longer than any sane document is deep. */
#include "json/path.h"

static bool refuse(peri_err *e, peri_str text, const char *why) {
  peri_fail(e, PERI_INVALID, "path '%.*s': %s", (int)(text.n > 200 ? 200 : text.n), text.n ? text.p : "", why);
  return false;
}

/* [3], [-1], []: *at stands behind the bracket that opens. */
static const char *read_bracket(peri_str text, size_t *at, peri_step *step) {
  size_t i = *at;
  bool back = i < text.n && text.p[i] == '-';
  if (back) i++;
  size_t first = i;
  int value = 0;
  for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
    if ((value = value * 10 + (text.p[i] - '0')) > PERI_PATH_INDEX_MAX) return "the number in brackets may be 9999 at most";
  if (i >= text.n || text.p[i] != ']') return "brackets hold a whole number or nothing; write \\[ for a bracket that belongs to a key";
  *step = (peri_step){.kind = i == first ? PERI_STEP_EACH : PERI_STEP_INDEX, .index = back ? -value : value};
  if (i == first && back) return "brackets hold a whole number or nothing";
  if (back && (value == 0 || value > PERI_PATH_BACK_MAX)) return "counted from the end, the number in brackets is -1 to -64";
  *at = i + 1;
  return NULL;
}

bool peri_path_read(peri_path *out, peri_str text, peri_err *e) {
  out->count = 0;
  if (text.n >= PERI_PATH_BYTES_MAX) return refuse(e, text, "longer than 1,023 bytes");
  if (text.n && memchr(text.p, 0, text.n)) return refuse(e, text, "holds a NUL byte");
  size_t at = 0, used = 0;
  bool key_next = true; /* a key may stand here: at the start and after a dot */
  while (at < text.n) {
    if (out->count == PERI_PATH_STEPS_MAX) return refuse(e, text, "more than 32 steps");
    peri_step *step = &out->steps[out->count];
    if (text.p[at] == '[' && (!key_next || at == 0)) {
      at++;
      const char *why = read_bracket(text, &at, step);
      if (why) return refuse(e, text, why);
      out->count++;
      key_next = false;
    } else {
      if (!key_next) return refuse(e, text, "a dot is missing after a bracket");
      if (out->count && out->steps[out->count - 1].kind == PERI_STEP_KEY) out->text[used++] = '.';
      size_t from = used;
      for (; at < text.n && text.p[at] != '.' && text.p[at] != '['; at++) {
        if (text.p[at] == '\\' && ++at == text.n) return refuse(e, text, "ends with a backslash");
        out->text[used++] = text.p[at];
      }
      if (used == from) return refuse(e, text, "a key is missing");
      *step = (peri_step){.kind = PERI_STEP_KEY, .key = {out->text + from, used - from}};
      out->count++;
      key_next = false;
    }
    if (at < text.n && text.p[at] == '.') {
      at++;
      key_next = true;
      if (at == text.n) return refuse(e, text, "ends with a dot");
    }
  }
  return true;
}

int peri_path_run_end(const peri_path *path, int at) {
  while (at + 1 < path->count && path->steps[at + 1].kind == PERI_STEP_KEY) at++;
  return at;
}

peri_str peri_path_joined(const peri_path *path, int from, int to) {
  const char *p = path->steps[from].key.p;
  return (peri_str){p, (size_t)(path->steps[to].key.p + path->steps[to].key.n - p)};
}
