/* net/client: the life of one call: request checked, curl told, result turned into a code and a sentence. Start reading at peri_http_send.
 * Refuses: plain http and special addresses without trust, headers that are the transport's own, redirects (a 3xx is just a status),
 * proxies, netrc, cookies, TLS below 1.2, HTTP/0.9. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/client.h"

#ifndef PERI_VERSION
#define PERI_VERSION "0"
#endif

/* ---- the address that is dialled ---- */

static curl_socket_t open_socket(void *self, curlsocktype purpose, struct curl_sockaddr *to) {
  (void)purpose;
  peri_http_call *c = self;
  if (!c->special_addresses && peri_address_is_special(&to->addr)) {
    peri_fail(&c->fault, PERI_ADDRESS_REFUSED, "%s has a loopback, private or otherwise special address, which was not trusted", c->where);
    return CURL_SOCKET_BAD;
  }
  return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int close_socket(void *self, curl_socket_t fd) {
  (void)self;
  return close(fd);
}

/* Also asked when a kept connection is used again: it may have been opened for a call that trusted the address. */
static int before_request(void *self, char *to, char *from, int to_port, int from_port) {
  (void)from, (void)to_port, (void)from_port;
  peri_http_call *c = self;
  if (c->special_addresses) return CURL_PREREQFUNC_OK;
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  char text[INET6_ADDRSTRLEN + 16];
  snprintf(text, sizeof text, "%s", to);
  text[strcspn(text, "%")] = 0;
  bool special = inet_pton(AF_INET, text, &v4.sin_addr) == 1    ? peri_address_is_special((struct sockaddr *)&v4)
                 : inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 ? peri_address_is_special((struct sockaddr *)&v6)
                                                                 : true;
  if (!special) return CURL_PREREQFUNC_OK;
  peri_fail(&c->fault, PERI_ADDRESS_REFUSED, "%s has a loopback, private or otherwise special address, which was not trusted", c->where);
  return CURL_PREREQFUNC_ABORT;
}

/* ---- the request ---- */

static bool own_header(peri_str name) {
  static const char *own[] = {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect", "accept-encoding"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (peri_str_eq_nocase(name, peri_str_of(own[i]))) return true;
  return name.n >= 6 && peri_str_eq_nocase((peri_str){name.p, 6}, PERI_STR("proxy-"));
}

static bool add_header(peri_http_call *c, peri_header h, peri_err *e) {
  for (size_t i = 0; i < h.name.n; i++) {
    char ch = h.name.p[i];
    if (ch <= ' ' || ch >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", ch)) {
      peri_fail(e, PERI_INVALID, "a header name holds the byte 0x%02x", (unsigned char)ch);
      return false;
    }
  }
  for (size_t i = 0; i < h.value.n; i++) {
    if (h.value.p[i] == '\r' || h.value.p[i] == '\n' || h.value.p[i] == 0) {
      peri_fail(e, PERI_INVALID, "the header %.*s holds a line break or a NUL", PERI_S(h.name));
      return false;
    }
  }
  if (h.name.n == 0 || own_header(h.name)) {
    peri_fail(e, PERI_INVALID, "the header '%.*s' is the transport's own and cannot be set", PERI_S(h.name));
    return false;
  }
  peri_str line = h.value.n ? peri_arena_fmt(c->arena, "%.*s: %.*s", PERI_S(h.name), PERI_S(h.value)) : peri_arena_fmt(c->arena, "%.*s;", PERI_S(h.name));
  c->head = c->http->lib->curl_slist_append_p(c->head, line.p);
  return true;
}

static bool put_headers(peri_http_call *c, const peri_http_request *r, peri_err *e) {
  bool agent = false, type = false;
  for (size_t i = 0; i < r->header_count; i++) {
    if (!add_header(c, r->headers[i], e)) return false;
    agent = agent || peri_str_eq_nocase(r->headers[i].name, PERI_STR("user-agent"));
    type = type || peri_str_eq_nocase(r->headers[i].name, PERI_STR("content-type"));
  }
  const peri_curl_library *lib = c->http->lib;
  c->head = lib->curl_slist_append_p(c->head, "Accept-Encoding: gzip");
  c->head = lib->curl_slist_append_p(c->head, "Expect:"); /* saves a round trip; curl would ask first with large bodies */
  if (!agent) c->head = lib->curl_slist_append_p(c->head, "User-Agent: perilune/" PERI_VERSION);
  if (!type) c->head = lib->curl_slist_append_p(c->head, "Content-Type:"); /* curl would call any body a form */
  return true;
}

static peri_str whole_url(peri_arena *a, const peri_url *u) {
  return peri_arena_fmt(a, "%.*s://%.*s:%d%.*s%s%.*s", PERI_S(u->scheme), PERI_S(u->host), u->port, PERI_S(u->path), u->query.n ? "?" : "", PERI_S(u->query));
}

static void set_options(peri_http_call *c, const peri_http_request *r, const char *url) {
  const peri_curl_library *lib = c->http->lib;
  CURL *q = c->easy;
#define SET(option, value) lib->curl_easy_setopt_p(q, option, value)
  SET(CURLOPT_PRIVATE, c);
  SET(CURLOPT_URL, url);
  SET(CURLOPT_ERRORBUFFER, c->curl_text);
  SET(CURLOPT_PROTOCOLS_STR, r->plain_http ? "https,http" : "https");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_HTTP09_ALLOWED, 0L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a few calls at a time: one stream a connection is simpler to reason about */
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_BUFFERSIZE, 128L << 10);
  if (r->ca_file) SET(CURLOPT_CAINFO, r->ca_file);
  long timeout = (long)(r->timeout_ms ? r->timeout_ms : PERI_REQUEST_MS);
  SET(CURLOPT_TIMEOUT_MS, timeout);
  SET(CURLOPT_CONNECTTIMEOUT_MS, timeout < PERI_CONNECT_MS ? timeout : (long)PERI_CONNECT_MS);
  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  SET(CURLOPT_OPENSOCKETDATA, c);
  SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  SET(CURLOPT_PREREQFUNCTION, before_request);
  SET(CURLOPT_PREREQDATA, c);
  SET(CURLOPT_HEADERFUNCTION, peri_http_on_header);
  SET(CURLOPT_HEADERDATA, c);
  SET(CURLOPT_WRITEFUNCTION, peri_http_on_body);
  SET(CURLOPT_WRITEDATA, c);
  SET(CURLOPT_HTTPHEADER, c->head);
  bool sends = strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0 || r->body.n;
  if (sends) {
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->sent.n);
    SET(CURLOPT_POSTFIELDS, peri_buf_c(&c->sent));
    SET(CURLOPT_CUSTOMREQUEST, r->method);
  } else if (strcmp(r->method, "HEAD") == 0) {
    SET(CURLOPT_NOBODY, 1L);
  } else {
    SET(CURLOPT_CUSTOMREQUEST, r->method);
  }
#undef SET
}

static bool known_method(const char *method) {
  static const char *known[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(method, known[i]) == 0) return true;
  return false;
}

/* Everything that can fail before a byte goes out. */
static bool begin(peri_http_call *c, const peri_http_request *r, peri_err *e) {
  peri_http *h = c->http;
  peri_url url;
  if (!peri_url_read(c->arena, r->url, &url, e)) return false;
  snprintf(c->where, sizeof c->where, "%.*s:%d", PERI_S(url.host), url.port);
  if (peri_str_is(url.scheme, "http") && !r->plain_http) {
    peri_fail(e, PERI_ADDRESS_REFUSED, "%s would be asked over plain http, which was not trusted", c->where);
    return false;
  }
  if (!known_method(r->method)) {
    peri_fail(e, PERI_INVALID, "the method '%.20s' is unknown", r->method);
    return false;
  }
  if (!peri_http_loop_open(h, e) || !put_headers(c, r, e)) return false;
  c->easy = h->spare_count ? h->spare[--h->spare_count] : h->lib->curl_easy_init_p();
  if (!c->easy) {
    peri_fail(e, PERI_IO, "libcurl gives no handle");
    return false;
  }
  set_options(c, r, whole_url(c->arena, &url).p);
  if (peri_http_loop_add(c, e)) return true;
  h->lib->curl_easy_cleanup_p(c->easy);
  c->easy = NULL;
  return false;
}

peri_http_call *peri_http_send(peri_http *h, const peri_http_request *r, void (*done)(void *self, peri_http_reply *reply), void *self) {
  peri_http_call *c = peri_alloc(sizeof *c);
  c->http = h;
  c->done = done;
  c->self = self;
  c->arena = peri_arena_new();
  c->special_addresses = r->special_addresses;
  c->body_max = r->body_bytes_max ? r->body_bytes_max : PERI_PAGE_BYTES_MAX;
  c->drip_ms = r->drip_ms ? r->drip_ms : PERI_DRIP_S * 1000;
  c->started_ms = peri_mono_ms();
  c->reply.date_ms = -1;
  peri_buf_str(&c->sent, r->body);
  c->next = h->calls;
  if (h->calls) h->calls->prev = c;
  h->calls = c;
  if (!begin(c, r, &c->fault)) peri_http_loop_soon(h);
  return c;
}

/* ---- the end ---- */

static void unlink_call(peri_http_call *c) {
  peri_http *h = c->http;
  if (c->prev) c->prev->next = c->next;
  else h->calls = c->next;
  if (c->next) c->next->prev = c->prev;
  if (!c->easy) return;
  peri_http_loop_remove(c);
  if (h->spare_count < PERI_HTTP_SPARE) {
    h->lib->curl_easy_reset_p(c->easy);
    h->spare[h->spare_count++] = c->easy;
  } else {
    h->lib->curl_easy_cleanup_p(c->easy);
  }
  c->easy = NULL;
}

static void free_call(peri_http_call *c) {
  if (c->inflate_ready) c->http->lib->inflateEnd_p(&c->inflate);
  for (struct curl_slist *l = c->head; l; l = l->next) explicit_bzero(l->data, strlen(l->data)); /* Authorization is among them */
  if (c->head) c->http->lib->curl_slist_free_all_p(c->head);
  if (c->sent.p) explicit_bzero(c->sent.p, c->sent.n); /* a form may hold a client secret */
  peri_buf_fini(&c->sent);
  peri_buf_fini(&c->body);
  peri_arena_free(c->arena);
  free(c);
}

/* libcurl names broken chunks a broken connection, and a header line beyond its ceiling a lack of memory. */
static bool is_garbage(const peri_http_call *c, CURLcode result) {
  if (result == CURLE_OUT_OF_MEMORY) return !c->head_ended && c->easy != NULL;
  return result == CURLE_RECV_ERROR && (strstr(c->curl_text, "chunked") || strstr(c->curl_text, "hexadecimal"));
}

static peri_code code_of(CURLcode result) {
  switch ((int)result) {
  case CURLE_OK: return PERI_OK;
  case CURLE_COULDNT_RESOLVE_HOST: return PERI_DNS;
  case CURLE_OPERATION_TIMEDOUT: return PERI_TIMEOUT;
  case CURLE_COULDNT_CONNECT:
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_PARTIAL_FILE: return PERI_CONNECT; /* it broke: try again */
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_ENGINE_INITFAILED: return PERI_TLS;
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, which is to say: no HTTP */
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_HTTP2:
  case 100: /* CURLE_TOO_LARGE of newer versions: a header line */ return PERI_BAD_REPLY;
  default: return PERI_IO;
  }
}

/* What is to be done about a TLS error, by the words of OpenSSL and libcurl: the certificate's owner, this machine, or the base URL. */
static const char *way_out(const char *said) {
  static const struct { const char *word, *way; } ways[] = {
    {"expired", ". The server's owner must renew it; if it is new, this machine's clock is wrong"},
    {"not yet valid", ". Check this machine's clock"},
    {"host name", ". The base URL must carry a name that the certificate is for"},
    {"issuer", ". If that is right, add the CA that signed it to this machine's (update-ca-certificates)"},
    {"self-signed", ". If that is right, add it, or the CA that signed it, to this machine's (update-ca-certificates)"},
    {"protocol version", ". TLS 1.2 is the least that is spoken: the server must learn it"},
    {"unsupported protocol", ". TLS 1.2 is the least that is spoken: the server must learn it"},
    {"wrong version number", ". What answers there speaks no TLS: check the host and the port of the base URL"},
    {"SSL_ERROR_SYSCALL", ". What answers there broke off, and may speak no TLS: check the host and the port of the base URL"},
  };
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (strstr(said, ways[i].word)) return ways[i].way;
  return "";
}

static void read_result(peri_http_call *c, CURLcode result) {
  peri_http_reply *r = &c->reply;
  const peri_curl_library *lib = c->http->lib;
  curl_off_t header_bytes = 0;
  long request_bytes = 0, status = 0, head = 0;
  if (c->easy) {
    lib->curl_easy_getinfo_p(c->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    lib->curl_easy_getinfo_p(c->easy, CURLINFO_RESPONSE_CODE, &status);
    lib->curl_easy_getinfo_p(c->easy, CURLINFO_HEADER_SIZE, &head);
    header_bytes = head;
  }
  r->status = (int)status;
  r->wire_bytes = c->packed_bytes + (uint64_t)header_bytes;
  r->took_ms = peri_mono_ms() - c->started_ms;
  r->before_reply = request_bytes == 0;
  if (result == CURLE_OK && c->easy) {
    if (c->fault.code == PERI_ADDRESS_REFUSED) c->fault.code = PERI_OK; /* another address of the host was fine */
    peri_http_body_end(c);
  }
  if (!c->fault.code && result != CURLE_OK && is_garbage(c, result))
    peri_fail(&c->fault, PERI_BAD_REPLY, "%s: %s", c->where, result == CURLE_OUT_OF_MEMORY ? "a header line without an end" : c->curl_text);
  if (c->fault.code) {
    r->code = c->fault.code;
    snprintf(r->error, sizeof r->error, "%.511s", c->fault.text);
  } else if (result != CURLE_OK) {
    r->code = code_of(result);
    const char *said = c->curl_text[0] ? c->curl_text : lib->curl_easy_strerror_p(result);
    size_t n = strlen(said);
    while (n && said[n - 1] == ' ') n--;
    snprintf(r->error, sizeof r->error, "%.150s: %.*s%s", c->where, n > 220 ? 220 : (int)n, said, r->code == PERI_TLS ? way_out(said) : "");
  } else {
    peri_http_date_read(peri_http_header(r, "date"), &r->date_ms);
    r->body = peri_buf_view(&c->body);
    return;
  }
  r->error[peri_redact(r->error, strlen(r->error))] = 0;
}

void peri_http_finish(peri_http_call *c, CURLcode result) {
  read_result(c, result);
  unlink_call(c);
  c->done(c->self, &c->reply);
  free_call(c);
}

void peri_http_cancel(peri_http_call *c) {
  unlink_call(c);
  free_call(c);
}

peri_buf peri_http_take_body(peri_http_reply *reply) {
  peri_http_call *c = (peri_http_call *)(void *)((char *)reply - offsetof(peri_http_call, reply));
  peri_buf body = c->body;
  body.max = 0;
  c->body = (peri_buf){0};
  return body;
}

peri_str peri_http_header(const peri_http_reply *r, const char *name) {
  for (size_t i = 0; i < r->header_count; i++)
    if (peri_str_is(r->headers[i].name, name)) return r->headers[i].value;
  return (peri_str){NULL, 0};
}

peri_http *peri_http_new(uv_loop_t *loop, peri_err *e) {
  (void)e; /* libcurl costs milliseconds: it is opened by the first call */
  peri_http *h = peri_alloc(sizeof *h);
  h->loop = loop;
  h->soon = peri_http_timer(h);
  return h;
}

void peri_http_free(peri_http *h) {
  if (!h) return;
  for (peri_http_call *c = h->calls, *next; c; c = next) {
    next = c->next;
    peri_http_cancel(c);
  }
  while (h->spare_count) h->lib->curl_easy_cleanup_p(h->spare[--h->spare_count]);
  peri_http_loop_close(h);
  free(h);
}
