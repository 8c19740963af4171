/* wire/link: one end of a socketpair. Frames out, frames in; the core's end never blocks, the worker's end always does.
 * Refuses frames over the ceiling and kinds that do not exist, before a byte of their payload is kept. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire/pack.h"
#include "wire/wire.h"

#define HEADER 16u
#define READ_AHEAD (64u << 10)
#define KEEP_BYTES (4u << 20) /* a larger buffer is given back once it is empty: idle workers stay small */

struct peri_link {
  int fd;
  uint32_t frame_bytes_max;
  bool blocking;
  char *in; /* bytes read and not yet given out: in[at..n) */
  size_t at, n, cap;
  size_t given; /* bytes of the frame that was given last; dropped at the next call */
  char *out;    /* not yet sent: out[sent..queued) */
  size_t sent, queued, out_cap;
};

peri_link *peri_link_new(int fd, uint32_t frame_bytes_max, bool blocking) {
  peri_link *l = peri_alloc(sizeof *l);
  l->fd = fd;
  l->frame_bytes_max = frame_bytes_max;
  l->blocking = blocking;
  return l;
}

void peri_link_free(peri_link *l) {
  if (!l) return;
  close(l->fd);
  free(l->in);
  free(l->out);
  free(l);
}

int peri_link_fd(const peri_link *l) { return l->fd; }

/* ---- out ---- */

static peri_code lost(peri_err *e, const char *what) {
  return peri_fail(e, PERI_WORKER_LOST, "the link between core and worker: %s: %s", what, strerror(errno));
}

/* Sends what goes. *done counts. With a blocking end, all of it. */
static peri_code push(peri_link *l, struct iovec *parts, size_t count, size_t *done, peri_err *e) {
  *done = 0;
  while (count) {
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t n = sendmsg(l->fd, &msg, MSG_NOSIGNAL | (l->blocking ? 0 : MSG_DONTWAIT));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !l->blocking && (errno == EAGAIN || errno == EWOULDBLOCK)) return PERI_OK;
    if (n < 0) return lost(e, "sending");
    *done += (size_t)n;
    size_t left = (size_t)n;
    while (count && left >= parts->iov_len) {
      left -= parts->iov_len;
      parts++;
      count--;
    }
    if (count) {
      parts->iov_base = (char *)parts->iov_base + left;
      parts->iov_len -= left;
    }
  }
  return PERI_OK;
}

static void queue(peri_link *l, const char *p, size_t n) {
  if (l->sent && l->sent == l->queued) l->sent = l->queued = 0;
  if (l->queued + n > l->out_cap) {
    if (l->sent) {
      memmove(l->out, l->out + l->sent, l->queued - l->sent);
      l->queued -= l->sent;
      l->sent = 0;
    }
    if (l->queued + n > l->out_cap) {
      size_t cap = l->out_cap ? l->out_cap : 4096;
      while (cap < l->queued + n) cap *= 2;
      l->out = peri_resize(l->out, cap);
      l->out_cap = cap;
    }
  }
  memcpy(l->out + l->queued, p, n);
  l->queued += n;
}

bool peri_link_wants_write(const peri_link *l) { return l->queued > l->sent; }

peri_code peri_link_flush(peri_link *l, peri_err *e) {
  if (l->queued == l->sent) return PERI_OK;
  struct iovec part = {l->out + l->sent, l->queued - l->sent};
  size_t done;
  peri_code c = push(l, &part, 1, &done, e);
  l->sent += done;
  if (l->sent == l->queued) {
    l->sent = l->queued = 0;
    if (l->out_cap > KEEP_BYTES) {
      free(l->out);
      l->out = NULL;
      l->out_cap = 0;
    }
  }
  return c;
}

peri_code peri_link_send(peri_link *l, peri_kind kind, uint16_t flags, uint64_t job, peri_str payload, peri_err *e) {
  if (payload.n > PERI_FRAME_TO_WORKER_MAX)
    return peri_fail(e, PERI_REPLY_TOO_LARGE, "a message of %zu bytes is larger than the %u that may cross the wall", payload.n,
                     PERI_FRAME_TO_WORKER_MAX);
  char room[HEADER + 8]; /* a buf wants room for a NUL */
  peri_buf header = {.p = room, .cap = sizeof room, .max = sizeof room};
  peri_pack_u32(&header, (uint32_t)payload.n);
  peri_pack_u16(&header, (uint16_t)kind);
  peri_pack_u16(&header, flags);
  peri_pack_u64(&header, job);
  peri_code c = peri_link_flush(l, e);
  if (c) return c;
  size_t done = 0;
  if (!peri_link_wants_write(l)) {
    struct iovec parts[2] = {{room, HEADER}, {(void *)(uintptr_t)payload.p, payload.n}};
    c = push(l, parts, payload.n ? 2 : 1, &done, e);
    if (c) return c;
  }
  if (done < HEADER) queue(l, room + done, HEADER - done);
  size_t body = done > HEADER ? done - HEADER : 0;
  if (body < payload.n) queue(l, payload.p + body, payload.n - body);
  return PERI_OK;
}

/* ---- in ---- */

static void make_room(peri_link *l, size_t need) {
  if (l->at == l->n) l->at = l->n = 0;
  if (l->at == 0 && l->n == 0 && l->cap > KEEP_BYTES && need < KEEP_BYTES) {
    free(l->in);
    l->in = NULL;
    l->cap = 0;
  }
  if (l->at + need <= l->cap) return;
  if (l->at) {
    memmove(l->in, l->in + l->at, l->n - l->at);
    l->n -= l->at;
    l->at = 0;
  }
  if (need > l->cap) {
    l->cap = need + READ_AHEAD;
    l->in = peri_resize(l->in, l->cap);
  }
}

peri_code peri_link_next(peri_link *l, peri_frame *frame, bool *got, peri_err *e) {
  *got = false;
  l->at += l->given;
  l->given = 0;
  for (;;) {
    size_t have = l->n - l->at, need = HEADER;
    if (have >= HEADER) {
      peri_reader r = peri_reader_of((peri_str){l->in + l->at, HEADER});
      uint32_t bytes = peri_read_u32(&r);
      uint16_t kind = peri_read_u16(&r), flags = peri_read_u16(&r);
      uint64_t job = peri_read_u64(&r);
      if (kind == 0 || kind >= PERI_KIND_COUNT) return peri_fail(e, PERI_BAD_REPLY, "a frame of the unknown kind %u", kind);
      if (bytes > l->frame_bytes_max) return peri_fail(e, PERI_BAD_REPLY, "a frame of %u bytes, more than the %u allowed", bytes, l->frame_bytes_max);
      need = HEADER + bytes;
      if (have >= need) {
        *frame = (peri_frame){(peri_kind)kind, flags, job, {l->in + l->at + HEADER, bytes}};
        l->given = need;
        *got = true;
        return PERI_OK;
      }
    }
    make_room(l, need);
    ssize_t n = recv(l->fd, l->in + l->n, l->cap - l->n, l->blocking ? 0 : MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !l->blocking && (errno == EAGAIN || errno == EWOULDBLOCK)) return PERI_OK;
    if (n < 0) return lost(e, "reading");
    if (n == 0) return peri_fail(e, PERI_WORKER_LOST, "the other end of the link closed%s", l->n > l->at ? " in the middle of a frame" : "");
    l->n += (size_t)n;
  }
}
