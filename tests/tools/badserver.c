/* tests/tools/badserver: an API that can do everything wrong, byte by byte. Prints its URLs (the same account behind three doors) and serves until
 * it is ended.
 *
 *   GET /SESSION/contacts?after=N   {"results":[…],"paging":{"next":{"after":"M"}}}; /SESSION/items: the same, paged by a link `next`
 *   GET /SESSION/_fault?name=F&page=P&times=N   the next N calls of page P (0: of any page) go wrong as F says; N 0: until told otherwise;
 *                                               and the account's records change
 *   GET /SESSION/_medley: what is wrong with which record when the fault "medley" is on
 *   GET /SESSION/_door?door=D&way=W   at the D-th URL: 0 served, 1 reset on arrival, 2 let in and never answered
 *   GET /SESSION/_good, _truth, _either, _count   faults off; what it holds; what it held or holds; how often it was asked
 *
 * Sessions know nothing of each other, so that many tests can run at once. Listens on loopback only. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "badserver_data.h"

typedef struct session { char name[64], fault[64]; int page, times, version, asked; bool forever; } session;

static session sessions[1000];
static size_t session_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int port;
#define DOORS 3
static int at_door[DOORS]; /* 1: reset whoever comes, 2: let in and say nothing */

static session *session_of(const char *name) { /* with the lock held */
  for (size_t i = 0; i < session_count; i++)
    if (strcmp(sessions[i].name, name) == 0) return &sessions[i];
  if (session_count == sizeof sessions / sizeof *sessions) abort();
  session *s = &sessions[session_count++];
  snprintf(s->name, sizeof s->name, "%s", name);
  s->version = 1;
  return s;
}

/* ---- bytes out ---- */

static bool put(int fd, const void *bytes, size_t n) {
  const char *p = bytes;
  while (n) {
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    p += sent;
    n -= (size_t)sent;
  }
  return true;
}
static bool puts_to(int fd, const char *s) { return put(fd, s, strlen(s)); }

static void reset(int fd) { /* close sends RST then */
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void hang(int fd) { /* until the other side has had enough */
  char ignored[4096];
  while (recv(fd, ignored, sizeof ignored, 0) > 0) {}
}

static bool drip(int fd, const char *p, size_t n) { /* a byte a second */
  struct timespec second = {.tv_sec = 1};
  while (n--) {
    if (!put(fd, p++, 1)) return false;
    nanosleep(&second, NULL);
  }
  return true;
}

static void pack(const text *in, text *out) {
  z_stream z = {0};
  deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  size_t bound = deflateBound(&z, in->n) + 64;
  out->p = malloc(bound);
  out->cap = bound;
  z.next_in = (Bytef *)in->p;
  z.avail_in = (uInt)in->n;
  z.next_out = (Bytef *)out->p;
  z.avail_out = (uInt)bound;
  deflate(&z, Z_FINISH);
  out->n = bound - z.avail_out;
  deflateEnd(&z);
}

/* head: further header lines, each with its line end. length -1: the body's own. */
static bool answer(int fd, const char *status, const char *head, const text *body, long long length) {
  text t = {0};
  addf(&t, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n", status);
  adds(&t, head);
  if (length == -1) length = (long long)body->n;
  if (length >= 0) addf(&t, "Content-Length: %lld\r\n", length);
  adds(&t, "\r\n");
  if (body->n) add(&t, body->p, body->n);
  bool sent = put(fd, t.p, t.n);
  free(t.p);
  return sent;
}

/* ---- what goes wrong below JSON; -1: nothing, 0: the connection ends, 1: it stays ---- */

static int at_stage(int fd, const char *fault, const text *body) {
  static const char *stages[] = {"request", "status", "headers", "body", "between"};
  const char *dash = strchr(fault, '-'), *verb = fault;
  if (!dash) return -1;
  int stage = -1;
  for (int i = 0; i < 5; i++)
    if (strcmp(dash + 1, stages[i]) == 0) stage = i;
  if (stage < 0) return -1;
  text t = {0};
  if (stage == 1) adds(&t, "HTTP/1.");
  if (stage == 2) adds(&t, "HTTP/1.1 200 OK\r\nContent-Type: appl");
  if (stage >= 3) addf(&t, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body->n);
  if (stage == 3) add(&t, body->p, body->n / 2);
  if (stage == 4) add(&t, body->p, body->n);
  size_t whole = starts(verb, "drip-") && stage < 3 ? 0 : t.n - (stage == 3 ? body->n / 2 : 0);
  if (starts(verb, "drip-") && (!whole || put(fd, t.p, whole))) drip(fd, t.p + whole, t.n - whole);
  else if (t.n) put(fd, t.p, t.n);
  free(t.p);
  if (starts(verb, "reset-")) reset(fd);
  else if (starts(verb, "hang-")) hang(fd);
  return 0;
}

static int by_status(int fd, const char *f) {
  text html = {0};
  adds(&html, "<html><head><title>Sorry</title></head><body><h1>We will be back</h1></body></html>");
  text none = {0};
  int kept = 1;
  if (starts(f, "status-")) { /* status-503, status-429-after-TEXT */
    char status[64], head[200] = "";
    const char *after = strstr(f, "-after-");
    snprintf(status, sizeof status, "%.3s Oh", f + 7);
    if (after) {
      time_t now = time(NULL) + 1;
      char date[64];
      strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
      const char *value = after + 7;
      snprintf(head, sizeof head, "Retry-After: %s\r\n", strcmp(value, "date") == 0 ? date : strcmp(value, "past") == 0 ? "Mon, 23 Nov 1970 01:02:03 GMT" : value);
    }
    answer(fd, status, head, &html, -1);
  } else if (starts(f, "redirect-")) {
    const char *to = strcmp(f, "redirect-metadata") == 0 ? "http://169.254.169.254/latest/meta-data/"
                     : strcmp(f, "redirect-host") == 0   ? "https://evil.invalid/contacts"
                     : strcmp(f, "redirect-file") == 0   ? "file:///etc/passwd"
                     : strcmp(f, "redirect-gopher") == 0 ? "gopher://127.0.0.1:25/_HELO"
                                                         : "?again=1";
    char head[200];
    snprintf(head, sizeof head, "Location: %s\r\n", to);
    answer(fd, strcmp(f, "redirect-loop") == 0 ? "301 Moved" : "307 Elsewhere", head, &none, -1);
  } else if (strcmp(f, "html") == 0) answer(fd, "200 OK", "Content-Type: text/html\r\n", &html, -1);
  else if (strcmp(f, "empty") == 0) answer(fd, "200 OK", "", &none, -1);
  else if (strcmp(f, "204") == 0) answer(fd, "204 No Content", "", &none, -2);
  else if (strcmp(f, "304") == 0) answer(fd, "304 Not Modified", "", &none, -2);
  else if (strcmp(f, "101") == 0) answer(fd, "101 Switching Protocols", "Upgrade: websocket\r\nConnection: Upgrade\r\n", &none, -2), hang(fd), kept = 0;
  else if (strcmp(f, "flood-100") == 0 || strcmp(f, "flood-103") == 0) {
    while (puts_to(fd, f[6] == '1' && f[8] == '0' ? "HTTP/1.1 100 Continue\r\n\r\n" : "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")) {}
    kept = 0;
  } else kept = -1;
  free(html.p);
  return kept;
}

static int by_length(int fd, const char *f, text *body) {
  text t = {0}, other = {0};
  int kept = 0;
  long long n = (long long)body->n;
  if (strcmp(f, "cut") == 0) answer(fd, "200 OK", "", body, n + 50);                        /* and closed: a length that is not kept */
  else if (strcmp(f, "cut-fits") == 0) body->n -= 40, answer(fd, "200 OK", "", body, -1), kept = 1; /* the length is right, the JSON is not whole */
  else if (strcmp(f, "cut-nolength") == 0) body->n -= 40, answer(fd, "200 OK", "", body, -2);
  else if (strcmp(f, "long") == 0) answer(fd, "200 OK", "", body, n - 40), kept = 1;         /* more than was promised; the rest lies on the wire */
  else if (strcmp(f, "junk") == 0) adds(body, "{\"more\":1}"), answer(fd, "200 OK", "", body, -1), kept = 1;
  else if (strcmp(f, "long-junk") == 0) adds(body, "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"results\":[]}"), answer(fd, "200 OK", "", body, n), kept = 1;
  else if (strcmp(f, "length-minus") == 0) answer(fd, "200 OK", "Content-Length: -5\r\n", body, -2);
  else if (strcmp(f, "length-word") == 0) answer(fd, "200 OK", "Content-Length: many\r\n", body, -2);
  else if (strcmp(f, "length-huge") == 0) answer(fd, "200 OK", "Content-Length: 99999999999999999999999\r\n", body, -2);
  else if (strcmp(f, "length-16gb") == 0) answer(fd, "200 OK", "", body, 16ll << 30);
  else if (strcmp(f, "length-two") == 0) {
    char head[64];
    snprintf(head, sizeof head, "Content-Length: %lld\r\n", n - 60);
    answer(fd, "200 OK", head, body, -1);
  } else if (strcmp(f, "encoding-two") == 0) {
    addf(&t, "%zx\r\n", body->n), add(&t, body->p, body->n), adds(&t, "\r\n0\r\n\r\n");
    answer(fd, "200 OK", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", &t, -2);
  } else if (strcmp(f, "encoding-and-length") == 0) {
    addf(&t, "%zx\r\n", body->n), add(&t, body->p, body->n), adds(&t, "\r\n0\r\n\r\n");
    answer(fd, "200 OK", "Transfer-Encoding: chunked\r\n", &t, 7), kept = 1;
  } else if (strcmp(f, "encoding-odd") == 0) answer(fd, "200 OK", "Transfer-Encoding: rot13\r\n", body, -2);
  else if (starts(f, "chunk-")) {
    const char *size = strcmp(f, "chunk-word") == 0 ? "zz" : strcmp(f, "chunk-minus") == 0 ? "-5" : strcmp(f, "chunk-huge") == 0 ? "ffffffffffffffffff" : NULL;
    if (size) addf(&t, "%s\r\n", size);
    else addf(&t, "%zx%s\r\n", body->n, strcmp(f, "chunk-extension") == 0 ? ";a=b" : "");
    add(&t, body->p, body->n);
    if (strcmp(f, "chunk-joined") == 0) adds(&t, "0\r\n\r\n"); /* no line end behind the data */
    else if (strcmp(f, "chunk-trailers") == 0) adds(&t, "\r\n0\r\nX-Later: yes\r\nContent-Encoding: gzip\r\n\r\n"), kept = 1;
    else if (strcmp(f, "chunk-cut") != 0) adds(&t, "\r\n0\r\n\r\n"), kept = strcmp(f, "chunk-extension") == 0;
    answer(fd, "200 OK", "Transfer-Encoding: chunked\r\n", &t, -2);
  } else if (strcmp(f, "endless") == 0 || strcmp(f, "endless-plain") == 0) {
    fill(&t, "{\"id\":\"1\"},", 5000);
    char size[32];
    snprintf(size, sizeof size, "%zx\r\n", t.n);
    bool chunked = strcmp(f, "endless") == 0, there = answer(fd, "200 OK", chunked ? "Transfer-Encoding: chunked\r\n" : "", &other, -2);
    while (there) there = (!chunked || puts_to(fd, size)) && put(fd, t.p, t.n) && (!chunked || puts_to(fd, "\r\n"));
  } else kept = -1;
  free(t.p);
  return kept;
}

static text bombs[2];

static void make_bombs(void) {
  text large = {0}, block = {0};
  adds(&large, "{\"results\":["), fill(&large, "                    ", 1 << 20), adds(&large, "]}");
  pack(&large, &bombs[0]);
  large.n = 0;
  adds(&large, "{\"results\":[0"); /* an honest ratio, but 45 MB */
  for (uint32_t i = 0, seed = 7; i < 5000; i++) seed = seed * 1664525 + 1013904223, addf(&block, ",%u,\"some words that come again\"", seed);
  while (large.n < 45u << 20) add(&large, block.p, block.n);
  adds(&large, "]}");
  pack(&large, &bombs[1]);
  free(large.p);
  free(block.p);
}

static int by_packing(int fd, const char *f, text *body) {
  text packed = {0};
  int kept = 1;
  if (starts(f, "bomb-")) answer(fd, "200 OK", "Content-Encoding: gzip\r\n", &bombs[strcmp(f, "bomb-size") == 0], -1);
  else if (strcmp(f, "gzip") == 0) pack(body, &packed), answer(fd, "200 OK", "Content-Encoding: gzip\r\n", &packed, -1);
  else if (strcmp(f, "gzip-unsaid") == 0) pack(body, &packed), answer(fd, "200 OK", "", &packed, -1);
  else if (strcmp(f, "gzip-cut") == 0) pack(body, &packed), packed.n -= 20, answer(fd, "200 OK", "Content-Encoding: gzip\r\n", &packed, -1);
  else if (strcmp(f, "gzip-wrong") == 0) pack(body, &packed), packed.p[packed.n / 2] ^= 0x55, answer(fd, "200 OK", "Content-Encoding: gzip\r\n", &packed, -1);
  else if (strcmp(f, "gzip-said") == 0) answer(fd, "200 OK", "Content-Encoding: gzip\r\n", body, -1);
  else if (strcmp(f, "gzip-twice") == 0) {
    text once = {0};
    pack(body, &once), pack(&once, &packed), answer(fd, "200 OK", "Content-Encoding: gzip, gzip\r\n", &packed, -1);
    free(once.p);
  } else if (strcmp(f, "packed-br") == 0) answer(fd, "200 OK", "Content-Encoding: br\r\n", body, -1);
  else if (strcmp(f, "packed-deflate") == 0) answer(fd, "200 OK", "Content-Encoding: deflate\r\n", body, -1);
  else kept = -1;
  free(packed.p);
  return kept;
}

static int by_head(int fd, const char *f, text *body) {
  text t = {0};
  int kept = 1;
  adds(&t, "");
  if (strcmp(f, "header-1mb") == 0) adds(&t, "X-Large: "), fill(&t, "0123456789", 100000), adds(&t, "\r\n");
  else if (starts(f, "headers-")) {
    for (int i = 0; i < atoi(f + 8); i++) addf(&t, "X-Header-%d: a value\r\n", i);
  } else if (strcmp(f, "header-endless") == 0) {
    bool there = puts_to(fd, "HTTP/1.1 200 OK\r\nX-Large: ");
    while (there) there = puts_to(fd, "0123456789012345678901234567890123456789012345678901234567890123456789");
    return 0;
  } else if (strcmp(f, "header-nocolon") == 0) adds(&t, "this is no header\r\n");
  else if (strcmp(f, "header-folded") == 0) adds(&t, "X-Folded: one\r\n two\r\n\tthree\r\n");
  else if (strcmp(f, "header-utf8") == 0) adds(&t, "X-Odd: J\xfcrgen \xff\r\n");
  else if (strcmp(f, "header-nul") == 0) add(&t, "X-Nul: a\0b\r\n", 12);
  else if (strcmp(f, "date-word") == 0) adds(&t, "Date: yesterday\r\n");
  else if (strcmp(f, "date-1970") == 0) adds(&t, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  else if (strcmp(f, "date-2099") == 0) adds(&t, "Date: Thu, 01 Jan 2099 00:00:00 GMT\r\n");
  else if (strcmp(f, "charset") == 0) adds(&t, "Content-Type: text/plain; charset=utf-16\r\n");
  else if (strcmp(f, "206") == 0) {
    answer(fd, "206 Partial Content", "Content-Range: bytes 0-99/1000\r\n", body, -1);
    goto done;
  } else if (strcmp(f, "http09") == 0) put(fd, body->p, body->n), kept = 0;
  else if (strcmp(f, "status-line") == 0) puts_to(fd, "HTTP/1.1 fine\r\n\r\n"), put(fd, body->p, body->n), kept = 0;
  else if (strcmp(f, "http-9") == 0) puts_to(fd, "HTTP/9.9 200 OK\r\n\r\n"), put(fd, body->p, body->n), kept = 0;
  else if (strcmp(f, "garbage") == 0) put(fd, "\0\1\2\3\xff\xfe\x16\3\1\0\n\n\r\n\r\n", 17), kept = 0;
  else if (strcmp(f, "tls-alert") == 0) put(fd, "\x15\3\1\0\2\2\x28", 7), kept = 0;
  else if (strcmp(f, "utf16") == 0) {
    text wide = {0};
    add(&wide, "\xff\xfe", 2);
    for (size_t i = 0; i < body->n; i++) add(&wide, &body->p[i], 1), add(&wide, "", 1);
    answer(fd, "200 OK", "", &wide, -1);
    free(wide.p);
    goto done;
  } else kept = -1;
  if (t.n) {
    text whole = {0};
    adds(&whole, "HTTP/1.1 200 OK\r\n"), add(&whole, t.p, t.n), addf(&whole, "Content-Length: %zu\r\n\r\n", body->n), add(&whole, body->p, body->n);
    put(fd, whole.p, whole.n);
    free(whole.p);
    kept = 1;
  }
done:
  free(t.p);
  return kept;
}

/* ---- requests ---- */

static int number_in(const char *query, const char *name, int otherwise) {
  const char *at = query ? strstr(query, name) : NULL;
  return at ? atoi(at + strlen(name)) : otherwise;
}

static bool control(int fd, const char *name, const char *verb, const char *query) {
  text t = {0};
  adds(&t, "");
  pthread_mutex_lock(&lock);
  session *s = session_of(name);
  if (strcmp(verb, "_good") == 0) s->fault[0] = 0;
  else if (strcmp(verb, "_fault") == 0) {
    const char *fault = query ? strstr(query, "name=") : NULL;
    if (fault) snprintf(s->fault, sizeof s->fault, "%.*s", (int)strcspn(fault + 5, "&"), fault + 5);
    s->page = number_in(query, "page=", 2);
    s->times = number_in(query, "times=", 0);
    s->forever = s->times == 0;
    s->asked = 0;
    s->version = 2;
  } else if (strcmp(verb, "_door") == 0) at_door[number_in(query, "door=", 1) % DOORS] = number_in(query, "way=", 0);
  else if (strcmp(verb, "_medley") == 0)
    for (int i = 0; i < MEDLEY; i++) addf(&t, "%d %s\n", MEDLEY_FROM + i, medley[i]);
  else if (strcmp(verb, "_count") == 0) addf(&t, "%d\n", s->asked);
  for (int version = 1; version <= 2; version++)
    for (int id = 1; id <= LAST_ID && starts(verb, "_"); id++)
      if (((strcmp(verb, "_truth") == 0 && s->version == version) || strcmp(verb, "_either") == 0) && exists(version, id)) truth(&t, version, id);
  pthread_mutex_unlock(&lock);
  bool sent = answer(fd, "200 OK", "", &t, -1);
  free(t.p);
  return sent;
}

static bool serve(int fd, char *path) {
  char *query = strchr(path, '?');
  if (query) *query++ = 0;
  char *rest = strchr(path + 1, '/');
  text body = {0};
  if (!rest) return answer(fd, "404 Not Found", "", &body, -1);
  *rest++ = 0;
  if (*rest == '_') return control(fd, path + 1, rest, query);
  if (strcmp(rest, "contacts") != 0 && strcmp(rest, "items") != 0) return answer(fd, "404 Not Found", "", &body, -1);
  const char *after = query ? strstr(query, "after=") : NULL;
  ask q = {.after = after ? atoi(after + 6) : 0, .links = strcmp(rest, "items") == 0};
  q.page = q.after / PAGE + 1;
  pthread_mutex_lock(&lock);
  session *s = session_of(path + 1);
  char fault[64];
  snprintf(fault, sizeof fault, "%s", s->fault);
  q.asked = ++s->asked;
  q.version = s->version;
  q.faulty = fault[0] && (s->page == 0 || s->page == q.page) && (s->forever || s->times > 0);
  if (strcmp(fault, "flap") == 0) q.faulty = s->asked % 2 == 1; /* every other call */
  bool keyless = strcmp(fault, "keyless") == 0; /* a record that cannot be told, and then no further page */
  if (keyless) snprintf(fault, sizeof fault, "%s", q.page == 1 ? "" : q.page == 2 ? "id-missing" : "html");
  if (keyless && q.page == 1) q.faulty = false;
  if (q.faulty && !s->forever) s->times--;
  pthread_mutex_unlock(&lock);
  q.fault = fault;
  snprintf(q.host, sizeof q.host, "127.0.0.1:%d", port);
  snprintf(q.session, sizeof q.session, "%s", path + 1);
  page_json(&body, &q);
  int kept = -1;
  const char *f = strcmp(fault, "flap") == 0 ? "status-502" : fault;
  if (q.faulty) {
    kept = at_stage(fd, f, &body);
    if (kept < 0) kept = by_head(fd, f, &body);
    if (kept < 0) kept = by_status(fd, f);
    if (kept < 0) kept = by_length(fd, f, &body);
    if (kept < 0) kept = by_packing(fd, f, &body);
  }
  if (kept < 0) kept = answer(fd, "200 OK", "", &body, -1);
  free(body.p);
  return kept == 1;
}

static void *talk(void *self) {
  int fd = (int)(intptr_t)self;
  char in[16384];
  for (;;) {
    size_t n = 0;
    in[0] = 0;
    while (!strstr(in, "\r\n\r\n") && n < sizeof in - 1) {
      ssize_t got = recv(fd, in + n, sizeof in - 1 - n, 0);
      if (got <= 0) break;
      n += (size_t)got;
      in[n] = 0;
    }
    if (!strstr(in, "\r\n\r\n")) break;
    char *path = strchr(in, ' '), *end = path ? strchr(path + 1, ' ') : NULL;
    if (!end) break;
    *end = 0;
    if (!serve(fd, path + 1)) break;
  }
  close(fd);
  return NULL;
}

static void *mute(void *self) {
  hang((int)(intptr_t)self);
  close((int)(intptr_t)self);
  return NULL;
}

static int doors[DOORS];

static void *take_in(void *self) {
  int door = (int)(intptr_t)self;
  for (;;) {
    int client = accept(doors[door], NULL, NULL), way = 0;
    pthread_t thread;
    if (client < 0) continue;
    pthread_mutex_lock(&lock);
    way = at_door[door];
    pthread_mutex_unlock(&lock);
    if (way == 1) reset(client);
    if (way == 1 || pthread_create(&thread, NULL, way == 2 ? mute : talk, (void *)(intptr_t)client)) close(client);
    else pthread_detach(thread);
  }
  return NULL;
}

int main(void) {
  make_bombs();
  for (int i = 0; i < DOORS; i++) {
    int fd = doors[i] = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 128) || getsockname(fd, (struct sockaddr *)&at, &size)) return perror("badserver"), 1;
    if (i == 0) port = ntohs(at.sin_port);
    printf("http://127.0.0.1:%d%s", ntohs(at.sin_port), i < DOORS - 1 ? " " : "\n");
  }
  fflush(stdout);
  pthread_t thread;
  for (int i = 1; i < DOORS; i++)
    if (pthread_create(&thread, NULL, take_in, (void *)(intptr_t)i)) return 1;
  take_in((void *)(intptr_t)0);
}
