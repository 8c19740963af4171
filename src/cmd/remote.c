/* cmd/remote: see the header. HTTP/1.0 over the Unix socket beside the database: the answer is a stream of JSON lines, {"out":…}, {"err":…}, {"exit":N}.
 * Files that the line names, and standard input if it asks for it, are read here and sent along: the other process may not see them. */
#include "cmd/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/tree.h"
#include "net/listen.h"

#define FILE_BYTES_MAX (8u << 20)

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number) {
  (void)number;
  if (++interrupts > 1) _exit(130);
}

/* ---- asking ---- */

static bool read_whole(int fd, peri_buf *out) {
  char bytes[65536];
  ssize_t n;
  while ((n = read(fd, bytes, sizeof bytes)) > 0 && out->n <= FILE_BYTES_MAX) peri_buf_put(out, bytes, (size_t)n);
  return n >= 0 && out->n <= FILE_BYTES_MAX;
}

static void put_file(peri_jw *w, const char *name) {
  int fd = peri_cli_open_file(name);
  struct stat st;
  peri_buf bytes = {0};
  bool fine = fd >= 0 && fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || strcmp(name, "-") == 0) && read_whole(fd, &bytes);
  if (fd >= 0) close(fd);
  if (fine) {
    peri_buf packed = {0};
    peri_base64(&packed, peri_buf_view(&bytes));
    peri_jw_key_c(w, name);
    peri_jw_text(w, peri_buf_view(&packed));
    peri_wipe(&packed);
    peri_buf_fini(&packed);
  }
  peri_wipe(&bytes);
  peri_buf_fini(&bytes);
}

/* "-", "NAME=-", "NAME=@FILE", and every argument that is a file. */
static void put_files(const peri_cli *c, peri_jw *w) {
  bool input = false;
  for (int i = 1; i < c->argc; i++) {
    const char *eq = strchr(c->argv[i], '='), *value = eq ? eq + 1 : c->argv[i];
    if (strcmp(value, "-") == 0) {
      if (!input) put_file(w, "-");
      input = true;
    } else if (eq && value[0] == '@') put_file(w, value + 1);
    else if (!eq && c->argv[i][0] != '-') put_file(w, c->argv[i]);
  }
}

static void put_request(const peri_cli *c, peri_buf *out) {
  peri_buf body = {0};
  peri_jw w;
  peri_jw_init(&w, &body);
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "version", PERI_VERSION);
  peri_jw_key_c(&w, "argv");
  peri_jw_array(&w);
  for (int i = 1; i < c->argc; i++) {
    bool ours = strcmp(c->argv[i], "-C") == 0 || strcmp(c->argv[i], "--db") == 0; /* the other process knows its place */
    if (ours) i++;
    else if (strncmp(c->argv[i], "-C=", 3) != 0 && strncmp(c->argv[i], "--db=", 5) != 0) peri_jw_c(&w, c->argv[i]);
  }
  peri_jw_end_array(&w);
  peri_jw_key_c(&w, "files");
  peri_jw_object(&w);
  put_files(c, &w);
  peri_jw_end_object(&w);
  peri_jw_end_object(&w);
  peri_buf_fmt(out, "POST /v1/commands HTTP/1.0\r\nHost: perilune\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.n);
  peri_buf_str(out, peri_buf_view(&body));
  peri_wipe(&body);
  peri_buf_fini(&body);
}

static bool send_all(int fd, peri_str bytes) {
  for (size_t at = 0; at < bytes.n;) {
    ssize_t n = send(fd, bytes.p + at, bytes.n - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += (size_t)n;
  }
  return true;
}

/* ---- what comes back ---- */

typedef struct answer {
  peri_buf bytes;
  size_t at;
  int status, exit_code;
  bool headers, ended;
  char id[40];
} answer;

static bool take_headers(answer *a) {
  char *end = memmem(a->bytes.p, a->bytes.n, "\r\n\r\n", 4);
  if (!end) return false;
  a->status = a->bytes.n > 12 ? atoi(a->bytes.p + 9) : 0;
  a->at = (size_t)(end - a->bytes.p) + 4;
  a->headers = true;
  return true;
}

static void take_line(answer *a, peri_str line) {
  peri_arena *arena = peri_arena_new();
  peri_json_fault fault;
  const peri_json *j = peri_json_parse(arena, line, &fault);
  peri_str out = peri_json_get_text(j, "out"), err = peri_json_get_text(j, "err"), id = peri_json_get_text(j, "id");
  if (out.n) fwrite(out.p, 1, out.n, stdout);
  if (err.n) fwrite(err.p, 1, err.n, stderr);
  if (id.n) snprintf(a->id, sizeof a->id, "%.*s", PERI_S(id));
  if (peri_json_get(j, "exit")) a->exit_code = (int)peri_json_get_int(j, "exit", 1), a->ended = true;
  peri_arena_free(arena);
}

static void take(answer *a) {
  if (!a->headers && !take_headers(a)) return;
  char *end;
  while (a->status == 200 && a->at < a->bytes.n && (end = memchr(a->bytes.p + a->at, '\n', a->bytes.n - a->at))) {
    take_line(a, (peri_str){a->bytes.p + a->at, (size_t)(end - (a->bytes.p + a->at))});
    a->at = (size_t)(end - a->bytes.p) + 1;
  }
  if (a->at > (1u << 20)) {
    memmove(a->bytes.p, a->bytes.p + a->at, a->bytes.n - a->at);
    a->bytes.n -= a->at;
    a->at = 0;
  }
}

/* Ctrl-C here stops what was begun there, as it would here. */
static void ask_to_stop(const char *socket_path, const char *id) {
  int fd = peri_connect_unix(socket_path);
  if (fd < 0) return;
  peri_buf b = {0};
  char byte;
  peri_buf_fmt(&b, "DELETE /v1/commands/%s HTTP/1.0\r\nHost: perilune\r\n\r\n", id);
  if (send_all(fd, peri_buf_view(&b)))
    while (read(fd, &byte, 1) > 0) {}
  peri_buf_fini(&b);
  close(fd);
}

static void hear(int fd, const char *socket_path, answer *a) {
  char bytes[65536];
  int told = 0;
  for (;;) {
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR) {
      if (interrupts && !told++ && a->id[0]) ask_to_stop(socket_path, a->id);
      continue;
    }
    if (n <= 0) return;
    peri_buf_put(&a->bytes, bytes, (size_t)n);
    take(a);
    fflush(stdout);
  }
}

/* An answer that is no stream: the envelope of an error. */
static void explain(const answer *a, peri_err *e) {
  peri_arena *arena = peri_arena_new();
  peri_json_fault fault;
  const peri_json *j = a->headers ? peri_json_parse(arena, (peri_str){a->bytes.p + a->at, a->bytes.n - a->at}, &fault) : NULL;
  peri_str text = peri_json_get_text(peri_json_get(j, "error"), "message");
  if (text.n) peri_fail(e, PERI_BUSY, "%.*s", PERI_S(text));
  else peri_fail(e, PERI_BUSY, "the process that holds the database went away while it was asked; run the command again");
  peri_arena_free(arena);
}

bool peri_remote_run(const peri_cli *given, const char *database, peri_err *e) {
  peri_cli *c = (peri_cli *)(uintptr_t)given; /* the session sees it as constant; this is the one place that ends a command early */
  char socket_path[4200];
  snprintf(socket_path, sizeof socket_path, "%s.sock", database);
  int fd = peri_connect_unix(socket_path);
  if (fd < 0) return false; /* nobody listens: the lock decides */
  peri_buf request = {0};
  answer a = {0};
  put_request(c, &request);
  struct sigaction ours = {.sa_handler = on_interrupt}, before;
  sigaction(SIGINT, &ours, &before);
  if (send_all(fd, peri_buf_view(&request))) hear(fd, socket_path, &a);
  sigaction(SIGINT, &before, NULL);
  peri_wipe(&request);
  peri_buf_fini(&request);
  close(fd);
  if (a.ended) c->handed_over = true, c->handed_code = a.exit_code;
  else explain(&a, e);
  peri_buf_fini(&a.bytes);
  return true;
}
