/* net/url: takes a URL apart by hand, so that what was checked is exactly what is dialled: the client gets a URL built again from these
 * parts. Refuses: other schemes, user:password@, fragments, control characters, spaces, backslashes, empty or odd hosts, ports out of range. */
#include <arpa/inet.h>

#include "net/http.h"

#define URL_BYTES_MAX (64u << 10) /* servers answer 414 long before */
#define HOST_BYTES_MAX 253        /* DNS */

static bool unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_encoded(peri_buf *out, unsigned char c) {
  static const char hex[] = "0123456789ABCDEF";
  char three[3] = {'%', hex[c >> 4], hex[c & 15]};
  peri_buf_put(out, three, 3);
}

static void encode(peri_buf *out, peri_str text) {
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (unreserved(c)) peri_buf_char(out, (char)c);
    else put_encoded(out, c);
  }
}

void peri_url_segment(peri_buf *out, peri_str text) {
  encode(out, text);
}

void peri_url_query(peri_buf *out, peri_str text) {
  encode(out, text);
}

/* Reads the host at the start of `rest` into *host (lower case), and moves rest behind it. */
static peri_code read_host(peri_arena *a, peri_str *rest, peri_str *host, peri_err *e) {
  size_t n = 0;
  if (rest->n && rest->p[0] == '[') {
    while (n < rest->n && rest->p[n] != ']') n++;
    char text[64];
    struct in6_addr ignored;
    if (n == rest->n || n - 1 >= sizeof text) return peri_fail(e, PERI_INVALID, "the URL's host is no IPv6 address in brackets");
    memcpy(text, rest->p + 1, n - 1);
    text[n - 1] = 0;
    if (inet_pton(AF_INET6, text, &ignored) != 1) return peri_fail(e, PERI_INVALID, "the URL's host [%s] is no IPv6 address", text);
    n++;
  } else {
    while (n < rest->n && strchr(":/?#", rest->p[n]) == NULL) n++;
    for (size_t i = 0; i < n; i++) {
      unsigned char c = (unsigned char)rest->p[i];
      if (c == '@') return peri_fail(e, PERI_INVALID, "the URL holds a user name or password; give credentials with --credential");
      if (!unreserved(c) || c == '~') return peri_fail(e, PERI_INVALID, "the URL's host holds a character (byte 0x%02x) that no host name has", c);
    }
    if (n == 0) return peri_fail(e, PERI_INVALID, "the URL has no host");
    if (n > HOST_BYTES_MAX) return peri_fail(e, PERI_INVALID, "the URL's host is longer than %d bytes", HOST_BYTES_MAX);
    if (rest->p[0] == '.' || rest->p[0] == '-') return peri_fail(e, PERI_INVALID, "the URL's host begins with '%c'", rest->p[0]);
  }
  char *lower = peri_arena_bytes(a, n + 1);
  for (size_t i = 0; i < n; i++) lower[i] = (char)(rest->p[i] >= 'A' && rest->p[i] <= 'Z' ? rest->p[i] + 32 : rest->p[i]);
  lower[n] = 0;
  *host = (peri_str){lower, n};
  *rest = peri_str_from(*rest, n);
  return PERI_OK;
}

static peri_code read_port(peri_str *rest, int *port, peri_err *e) {
  if (rest->n == 0 || rest->p[0] != ':') return PERI_OK;
  size_t n = 1;
  long value = 0;
  while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9' && value <= 65535) value = value * 10 + (rest->p[n++] - '0');
  bool ends = n == rest->n || strchr("/?#", rest->p[n]) != NULL;
  if (rest->n > n && rest->p[n] == '@') return peri_fail(e, PERI_INVALID, "the URL holds a user name or password; give credentials with --credential");
  if (n == 1 || !ends || value < 1 || value > 65535) return peri_fail(e, PERI_INVALID, "the URL's port is not a number from 1 to 65535");
  *port = (int)value;
  *rest = peri_str_from(*rest, n);
  return PERI_OK;
}

/* Letters beyond ASCII, which links of some APIs hold raw, are percent-encoded; everything else was checked and stays as it is. */
static peri_str keep(peri_arena *a, peri_str text) {
  size_t odd = 0;
  for (size_t i = 0; i < text.n; i++) odd += (unsigned char)text.p[i] >= 0x80;
  if (!odd) return peri_arena_str(a, text);
  peri_buf b = {0};
  for (size_t i = 0; i < text.n; i++) {
    if ((unsigned char)text.p[i] >= 0x80) put_encoded(&b, (unsigned char)text.p[i]);
    else peri_buf_char(&b, text.p[i]);
  }
  peri_str out = peri_arena_str(a, peri_buf_view(&b));
  peri_buf_fini(&b);
  return out;
}

bool peri_url_read(peri_arena *a, peri_str text, peri_url *out, peri_err *e) {
  *out = (peri_url){0};
  if (text.n > URL_BYTES_MAX) {
    peri_fail(e, PERI_INVALID, "the URL is longer than %u bytes", URL_BYTES_MAX);
    return false;
  }
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    const char *what = c < 0x20 || c == 0x7f ? "a control character" : c == ' ' ? "a space" : c == '\\' ? "a backslash" : c == '#' ? "a fragment (#)" : NULL;
    if (what) {
      peri_fail(e, PERI_INVALID, "the URL holds %s at byte %zu", what, i + 1);
      return false;
    }
  }
  static const struct { const char *prefix, *scheme; int port; } schemes[] = {{"https://", "https", 443}, {"http://", "http", 80}};
  peri_str rest = {NULL, 0};
  for (size_t i = 0; i < 2; i++) {
    size_t n = strlen(schemes[i].prefix);
    if (text.n >= n && peri_str_eq_nocase((peri_str){text.p, n}, peri_str_of(schemes[i].prefix))) {
      out->scheme = peri_str_of(schemes[i].scheme);
      out->port = schemes[i].port;
      rest = peri_str_from(text, n);
    }
  }
  if (!out->scheme.p) {
    peri_fail(e, PERI_INVALID, "the URL does not begin with https://");
    return false;
  }
  if (read_host(a, &rest, &out->host, e) || read_port(&rest, &out->port, e)) return false;
  peri_str path;
  out->query = keep(a, peri_str_cut(rest, '?', &path));
  if (path.n == 0) path = PERI_STR("/");
  if (path.p[0] != '/') {
    peri_fail(e, PERI_INVALID, "the URL's path does not begin with /");
    return false;
  }
  out->path = keep(a, path);
  return true;
}
