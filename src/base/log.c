/* base/log: log lines in logfmt, one write each: time=… level=… room=… msg="…" key=value …
 * Refuses to let a line break, an escape sequence or a known secret through. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define LINE_BYTES_MAX (16u << 10) /* a line that nobody can read helps nobody */
#define MARK '\1'                  /* stands between the sentence and the first key=value while a line is made */

static _Atomic int threshold = PERI_INFO;
static const char *const names[] = {"debug", "info", "warn", "error"};

void peri_log_level(peri_level level) { atomic_store(&threshold, (int)level); }
bool peri_log_on(peri_level level) { return (int)level >= atomic_load(&threshold); }

bool peri_log_level_named(const char *name, peri_level *out) {
  for (int i = PERI_LOG_DEBUG; i <= PERI_ERROR; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (peri_level)i;
      return true;
    }
  return false;
}

/* Where the caller's format goes over from its sentence to key=value: the space before it, or the end. */
static size_t sentence_end(const char *format) {
  size_t word = 0, i = 0;
  for (; format[i]; i++) {
    if (format[i] == ' ') word = i + 1;
    if (format[i] == '=' && i > word && format[i + 1] && format[i + 1] != ' ' && format[i + 1] != '=') {
      bool plain = true;
      for (size_t k = word; k < i; k++) {
        char c = format[k];
        if (!((c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9'))) plain = false;
      }
      if (plain) return word ? word - 1 : 0;
    }
  }
  return i;
}

static void escape(peri_buf *out, peri_str text, bool quoted) {
  static const char hex[] = "0123456789abcdef";
  for (size_t i = 0; i < text.n;) {
    unsigned char c = (unsigned char)text.p[i];
    size_t len = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    bool whole = len <= text.n - i && peri_utf8_valid((peri_str){text.p + i, len});
    bool c1 = whole && c == 0xC2 && (unsigned char)text.p[i + 1] < 0xA0; /* terminals obey these too */
    if (c == '\n') {
      peri_buf_put(out, "\\n", 2);
    } else if (quoted && (c == '"' || c == '\\')) {
      peri_buf_char(out, '\\');
      peri_buf_char(out, (char)c);
    } else if (c >= 0x20 && c != 0x7F && whole && !c1) {
      peri_buf_put(out, text.p + i, len);
    } else {
      if (!whole) len = 1;
      for (size_t k = 0; k < len; k++) {
        unsigned char b = (unsigned char)text.p[i + k];
        char esc[4] = {'\\', 'x', hex[b >> 4], hex[b & 15]};
        peri_buf_put(out, esc, 4);
      }
    }
    i += len;
  }
}

static void put_line(peri_buf *line, peri_level level, const char *room, peri_str text, bool split) {
  char now[PERI_ISO_MAX];
  peri_buf_fmt(line, "time=%s level=%s room=%s msg=\"", peri_iso(peri_now_ms(), now), names[level], room);
  peri_str sentence = text, rest = {NULL, 0};
  if (split) rest = peri_str_cut(text, MARK, &sentence);
  escape(line, sentence, true);
  peri_buf_char(line, '"');
  if (rest.n) {
    peri_buf_char(line, ' ');
    escape(line, rest, false);
  }
  peri_buf_char(line, '\n');
}

void peri_log(peri_level level, const char *room, const char *format, ...) {
  if (!peri_log_on(level)) return;
  char marked[512];
  size_t n = strlen(format), end = sentence_end(format);
  bool split = end < n && n + 2 < sizeof marked;
  if (split) { /* "read a page records=%d" becomes "read a page<MARK>records=%d" */
    bool space = format[end] == ' ';
    memcpy(marked, format, end);
    marked[end] = MARK;
    memcpy(marked + end + 1, format + end + space, n - end - space + 1);
    format = marked;
  }
  char *text = NULL;
  va_list args;
  va_start(args, format);
  int made = vasprintf(&text, format, args);
  va_end(args);
  if (made < 0) return;
  size_t text_n = peri_redact(text, (size_t)made);
  if (text_n > LINE_BYTES_MAX) text_n = LINE_BYTES_MAX;
  peri_buf line = {0};
  put_line(&line, level, room, (peri_str){text, text_n}, split);
  const char *p = line.p;
  for (size_t left = line.n; left;) {
    ssize_t done = write(2, p, left);
    if (done <= 0) break; /* a closed stderr stops nothing else */
    p += done;
    left -= (size_t)done;
  }
  peri_buf_fini(&line);
  free(text);
}
