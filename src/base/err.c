/* base/err: the table of codes as functions, and error texts that never end inside a character and never show a known secret. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static const struct {
  const char *name, *way_out;
  int exit_code, http;
} codes[] = {
#define X(symbol, name, exit_code, http, way_out) {name, way_out, exit_code, http},
  PERI_CODES(X)
#undef X
};

/* A text that was cut may end in the middle of a UTF-8 character: drops that piece. */
static void trim_broken_tail(char *text) {
  size_t n = strlen(text), back = 0;
  while (back < 3 && back < n && ((unsigned char)text[n - 1 - back] & 0xC0) == 0x80) back++;
  if (back == n) return;
  unsigned char lead = (unsigned char)text[n - 1 - back];
  size_t needs = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  if (lead >= 0x80 && back < needs) text[n - 1 - back] = 0;
}

peri_code peri_fail(peri_err *e, peri_code code, const char *format, ...) {
  if (!e) return code;
  char text[PERI_ERROR_TEXT_MAX]; /* the arguments may point into e->text */
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (n < 0) text[0] = 0;
  if (n >= (int)sizeof text) trim_broken_tail(text);
  text[peri_redact(text, strlen(text))] = 0;
  e->code = code;
  memcpy(e->text, text, strlen(text) + 1);
  return code;
}

void peri_err_prefix(peri_err *e, const char *format, ...) {
  if (!e) return;
  char prefix[PERI_ERROR_TEXT_MAX], text[PERI_ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(prefix, sizeof prefix, format, args);
  va_end(args);
  if (n < 0) return;
  memcpy(text, e->text, sizeof text);
  n = snprintf(e->text, sizeof e->text, "%s: %s", prefix, text);
  if (n >= (int)sizeof e->text) trim_broken_tail(e->text);
  e->text[peri_redact(e->text, strlen(e->text))] = 0;
}

static bool known(peri_code code) { return (unsigned)code < (unsigned)PERI_CODE_COUNT; }

const char *peri_code_name(peri_code code) { return known(code) ? codes[code].name : "unknown"; }
int peri_code_exit(peri_code code) { return known(code) ? codes[code].exit_code : 1; }
int peri_code_http(peri_code code) { return known(code) ? codes[code].http : 500; }
const char *peri_code_way_out(peri_code code) { return known(code) ? codes[code].way_out : ""; }

peri_code peri_code_named(const char *name, size_t n) {
  for (int i = 0; i < PERI_CODE_COUNT; i++)
    if (strlen(codes[i].name) == n && memcmp(codes[i].name, name, n) == 0) return (peri_code)i;
  return PERI_CODE_COUNT;
}
