/* cmd/map_input: see the header. Finds where records begin and end; whether they are sound JSON is the worker's to say. */
#include "cmd/map_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json/json.h"

#define READ_BYTES (256u << 10)

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* ---- bytes ---- */

static peri_code fill(peri_input *in, peri_err *e) {
  if (in->at > READ_BYTES && in->at * 2 > in->buf.n) {
    memmove(in->buf.p, in->buf.p + in->at, in->buf.n - in->at);
    in->buf.n -= in->at;
    in->at = 0;
  }
  char *room = peri_buf_room(&in->buf, READ_BYTES);
  ssize_t got;
  do got = read(in->fd, room, READ_BYTES);
  while (got < 0 && errno == EINTR);
  if (got < 0) return peri_fail(e, PERI_IO, "%s can't be read: %s", in->name, strerror(errno));
  in->buf.n += (size_t)got;
  in->ended = got == 0;
  return PERI_OK;
}

/* The byte `ahead` of what is consumed; -1 at the end. */
static int byte_at(peri_input *in, size_t ahead, peri_err *e) {
  while (in->at + ahead >= in->buf.n) {
    if (in->ended || fill(in, e)) return -1;
  }
  return (unsigned char)in->buf.p[in->at + ahead];
}

static void consume(peri_input *in, size_t n) {
  const char *p = in->buf.p + in->at, *end = p + n;
  while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) in->line++, p++;
  in->at += n;
}

static int skip_space(peri_input *in, peri_err *e) {
  int c;
  while ((c = byte_at(in, 0, e)) >= 0 && is_space((char)c)) consume(in, 1);
  return c;
}

static peri_code broken(const peri_input *in, const char *what, peri_err *e) {
  return peri_fail(e, PERI_INVALID, "%s, line %lld: %s", in->name, (long long)in->line, what);
}

/* ---- where a value ends ---- */

typedef struct scan {
  size_t n; /* bytes of the value so far */
  int depth;
  bool in_string, escaped, too_large, done;
} scan;

/* One byte more; false: it does not belong to the value any more. */
static bool scan_byte(scan *s, char c) {
  if (s->in_string) {
    if (s->escaped)
      s->escaped = false;
    else if (c == '\\')
      s->escaped = true;
    else if (c == '"')
      s->in_string = false;
    s->done = !s->in_string && s->depth == 0;
    return true;
  }
  if (c == '"')
    s->in_string = true;
  else if (c == '{' || c == '[')
    s->depth++;
  else if (c == '}' || c == ']') {
    if (s->depth == 0) return false;
    s->done = --s->depth == 0;
  } else if (s->depth == 0 && (c == ',' || is_space(c)))
    return false;
  return true;
}

/* Takes the value that begins here. What is larger than a record may be is read over without being kept. */
static peri_code take_value(peri_input *in, peri_input_record *out, peri_err *e) {
  scan s = {0};
  *out = (peri_input_record){.line = in->line};
  for (;;) {
    int c = byte_at(in, s.n, e);
    if (c < 0 && e->code) return e->code;
    if (c < 0 && (s.depth || s.in_string))
      return peri_fail(e, PERI_INVALID, "%s, line %lld: the record that begins here has no end", in->name, (long long)out->line);
    if (c < 0 || !scan_byte(&s, (char)c)) break;
    if (++s.n > PERI_RECORD_BYTES_MAX) {
      s.too_large = true;
      consume(in, s.n);
      s.n = 0;
    }
    if (s.done) break;
  }
  out->too_large = s.too_large;
  if (!s.too_large) out->text = (peri_str){in->buf.p + in->at, s.n};
  consume(in, s.n); /* moves no bytes: the text stays valid until the next read */
  return PERI_OK;
}

/* ---- the form ---- */

static bool sound_object(peri_str line) {
  peri_span v;
  peri_json_fault fault;
  line = peri_str_trim(line);
  return line.n && line.p[0] == '{' && peri_json_check(line, &v, &fault);
}

/* The line that begins `from` bytes ahead, without its end; {NULL,0} if there is none within the ceiling. */
static peri_str line_at(peri_input *in, size_t from, size_t *next, peri_err *e) {
  size_t n = from;
  int c;
  while ((c = byte_at(in, n, e)) >= 0 && c != '\n' && n - from <= PERI_PAGE_BYTES_MAX) n++;
  *next = n + (c == '\n');
  return (peri_str){in->buf.p + in->at + from, n - from};
}

static peri_code whole_document(peri_input *in, peri_err *e) {
  while (!in->ended && in->buf.n - in->at <= PERI_PAGE_BYTES_MAX) {
    peri_code code = fill(in, e);
    if (code) return code;
  }
  if (in->buf.n - in->at > PERI_PAGE_BYTES_MAX)
    return peri_fail(e, PERI_INVALID,
                     "%s holds one object of more than %u bytes; give its records as an array or as NDJSON, which are read in portions", in->name,
                     PERI_PAGE_BYTES_MAX);
  in->form = PERI_FORM_DOCUMENT;
  return PERI_OK;
}

/* An object comes first. NDJSON if its line is whole and more follows, or if a following line is whole; objects one after another if it ends and
 * another one begins; else it is a document. */
static peri_code look_at_object(peri_input *in, peri_err *e) {
  size_t second;
  peri_str first = line_at(in, 0, &second, e);
  bool whole = sound_object(first);
  size_t next = second;
  int c;
  while ((c = byte_at(in, next, e)) >= 0 && is_space((char)c)) next++;
  if (e->code) return e->code;
  if (c < 0) return whole_document(in, e);
  size_t after;
  peri_str other = line_at(in, next, &after, e);
  if (e->code) return e->code;
  if (whole || sound_object(other)) {
    in->form = PERI_FORM_LINES;
    return PERI_OK;
  }
  scan s = {0};
  while (!s.done && s.n <= PERI_PAGE_BYTES_MAX && (c = byte_at(in, s.n, e)) >= 0 && scan_byte(&s, (char)c)) s.n++;
  if (e->code) return e->code;
  if (s.done) {
    size_t n = s.n;
    while ((c = byte_at(in, n, e)) >= 0 && is_space((char)c)) n++;
    if (c == '{') {
      in->form = PERI_FORM_OBJECTS;
      return PERI_OK;
    }
  }
  return e->code ? e->code : whole_document(in, e);
}

peri_code peri_input_open(peri_input *in, const char *path, peri_err *e) {
  *in = (peri_input){.line = 1, .name = "standard input", .fd = STDIN_FILENO};
  e->code = PERI_OK;
  if (path && strcmp(path, "-") != 0) {
    in->name = path;
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) return peri_fail(e, errno == ENOENT ? PERI_NOT_FOUND : PERI_IO, "%s can't be read: %s", path, strerror(errno));
  }
  if (byte_at(in, 2, e) >= 0 && memcmp(in->buf.p + in->at, "\xEF\xBB\xBF", 3) == 0) in->at += 3; /* a mark that some editors leave */
  int c = skip_space(in, e);
  if (e->code) return e->code;
  if (c < 0) return PERI_OK;
  if (c == '[') {
    consume(in, 1);
    in->form = PERI_FORM_ARRAY;
    in->open = true;
    return PERI_OK;
  }
  if (c == '{') return look_at_object(in, e);
  size_t second, after;
  line_at(in, 0, &second, e);
  if (!e->code && sound_object(line_at(in, second, &after, e))) {
    in->form = PERI_FORM_LINES; /* its first line is broken */
    return PERI_OK;
  }
  if (e->code) return e->code;
  return broken(in, "this is no JSON object, array or NDJSON", e);
}

void peri_input_close(peri_input *in) {
  if (in->fd > STDERR_FILENO) close(in->fd);
  peri_buf_fini(&in->buf);
}

peri_str peri_input_document(const peri_input *in) { return (peri_str){in->buf.p + in->at, in->buf.n - in->at}; }

/* ---- records ---- */

static peri_code next_line(peri_input *in, peri_input_record *out, bool *got, peri_err *e) {
  int c = skip_space(in, e);
  *got = c >= 0;
  if (c < 0) return e->code;
  *out = (peri_input_record){.line = in->line};
  size_t n = 0;
  while ((c = byte_at(in, n, e)) >= 0 && c != '\n') {
    const char *from = in->buf.p + in->at + n, *end = memchr(from, '\n', in->buf.n - in->at - n);
    n += end ? (size_t)(end - from) : in->buf.n - in->at - n; /* all that is at hand */
    if (n > PERI_RECORD_BYTES_MAX) {
      out->too_large = true;
      consume(in, n);
      n = 0;
    }
  }
  if (e->code) return e->code;
  if (!out->too_large) out->text = peri_str_trim((peri_str){in->buf.p + in->at, n});
  consume(in, n);
  return PERI_OK;
}

static peri_code next_element(peri_input *in, peri_input_record *out, bool *got, peri_err *e) {
  *got = false;
  int c = skip_space(in, e);
  if (!in->open) return e->code ? e->code : c < 0 ? PERI_OK : broken(in, "something follows the array", e);
  if (in->records && c == ',') {
    consume(in, 1);
    c = skip_space(in, e);
    if (c == ']') return broken(in, "a record is missing before ]", e);
  } else if (c == ']') {
    consume(in, 1);
    in->open = false;
    return next_element(in, out, got, e);
  } else if (in->records && c >= 0)
    return broken(in, "a comma is missing between two records", e);
  if (e->code) return e->code;
  if (c < 0) return broken(in, "the array has no end", e);
  if (c == ',' || c == '}' || c == ':') return broken(in, "a record is missing here", e);
  *got = true;
  return take_value(in, out, e);
}

peri_code peri_input_next(peri_input *in, peri_input_record *out, bool *got, peri_err *e) {
  peri_code code = PERI_OK;
  e->code = PERI_OK;
  *got = false;
  if (in->form == PERI_FORM_LINES)
    code = next_line(in, out, got, e);
  else if (in->form == PERI_FORM_ARRAY)
    code = next_element(in, out, got, e);
  else if (in->form == PERI_FORM_OBJECTS) {
    int c = skip_space(in, e);
    code = e->code;
    if (!code && c >= 0 && c != '{') code = broken(in, "this is no JSON object", e);
    *got = !code && c >= 0;
    if (*got) code = take_value(in, out, e);
  }
  if (*got && !code) in->records++;
  return code;
}
