/* cmd/host: see the header. A job's thread writes into buffers under a lock; the loop is woken and hands them on. Threads, because a command may wait for
 * a worker that loads a hostile file; one thread a job, because the kernel ends a worker together with the thread that started it. */
#include "cmd/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/lend.h"

#define JOBS_MAX 64
#define FILES_MAX 16
#define ARGS_MAX 200
#define PENDING_BYTES_MAX (8u << 20) /* what the loop has not handed on yet; the command waits then */

struct peri_command_job {
  peri_command_job *next, *prev;
  peri_host *host;
  peri_snapshot *scripts;
  char *argv[ARGS_MAX + 2];
  int argc;
  struct { char *name; peri_buf bytes; } files[FILES_MAX];
  size_t file_count;
  peri_command_watch watch;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t room;
  peri_buf pending[2];
  bool ended, stop;
  int code;
  uv_async_t async;
};

struct peri_host {
  peri_service *service;
  peri_command_job *jobs;
  size_t count;
};

static _Thread_local peri_command_job *mine;

peri_service *peri_hosted(void) { return mine ? mine->host->service : NULL; }
peri_snapshot *peri_hosted_scripts(void) { return mine ? mine->scripts : NULL; }
void *peri_hosted_owner(void) { return mine; }

bool peri_hosted_file(const char *name, peri_str *bytes) {
  for (size_t i = 0; mine && i < mine->file_count; i++)
    if (strcmp(mine->files[i].name, name) == 0) return *bytes = peri_buf_view(&mine->files[i].bytes), true;
  return false;
}

/* ---- the job's thread ---- */

typedef struct pipe_end { peri_command_job *job; int which; } pipe_end;

static ssize_t write_some(void *cookie, const char *bytes, size_t n) {
  const pipe_end *p = cookie;
  peri_command_job *j = p->job;
  pthread_mutex_lock(&j->lock);
  while (j->pending[p->which].n > PENDING_BYTES_MAX) pthread_cond_wait(&j->room, &j->lock);
  peri_buf_put(&j->pending[p->which], bytes, n);
  pthread_mutex_unlock(&j->lock);
  uv_async_send(&j->async);
  return (ssize_t)n;
}

static void *run_job(void *arg) {
  peri_command_job *j = mine = arg;
  pipe_end ends[2] = {{j, 0}, {j, 1}};
  cookie_io_functions_t io = {.write = write_some};
  FILE *out = fopencookie(&ends[0], "w", io), *err = fopencookie(&ends[1], "w", io);
  if (!out || !err) abort(); /* out of memory, as in base/mem */
  setvbuf(err, NULL, _IOLBF, 0);
  int input = peri_cli_open_file("-");
  FILE *in = input >= 0 ? fdopen(input, "r") : fopen("/dev/null", "re");
  peri_cli_streams(in, out, err);
  int code = peri_cli_line(j->argc, j->argv);
  fclose(out), fclose(err);
  if (in) fclose(in);
  pthread_mutex_lock(&j->lock);
  j->code = code;
  j->ended = true;
  pthread_mutex_unlock(&j->lock);
  uv_async_send(&j->async);
  return NULL;
}

/* ---- the loop ---- */

static void on_closed(uv_handle_t *h) {
  peri_command_job *j = h->data;
  peri_snapshot_leave(j->scripts);
  for (int i = 0; i < j->argc; i++) explicit_bzero(j->argv[i], strlen(j->argv[i])), free(j->argv[i]);
  for (size_t i = 0; i < j->file_count; i++) {
    free(j->files[i].name);
    peri_wipe(&j->files[i].bytes);
    peri_buf_fini(&j->files[i].bytes);
  }
  peri_buf_fini(&j->pending[0]), peri_buf_fini(&j->pending[1]);
  pthread_cond_destroy(&j->room);
  pthread_mutex_destroy(&j->lock);
  free(j);
}

static void on_news(uv_async_t *a) {
  peri_command_job *j = a->data;
  peri_buf got[2];
  pthread_mutex_lock(&j->lock);
  memcpy(got, j->pending, sizeof got);
  memset(j->pending, 0, sizeof j->pending);
  bool ended = j->ended;
  pthread_cond_signal(&j->room);
  pthread_mutex_unlock(&j->lock);
  for (int i = 0; i < 2; i++) {
    if (got[i].n && j->watch.wrote) j->watch.wrote(j->watch.self, i + 1, peri_buf_view(&got[i]));
    peri_buf_fini(&got[i]);
  }
  if (!ended) return;
  pthread_join(j->thread, NULL);
  if (j->prev) j->prev->next = j->next;
  else j->host->jobs = j->next;
  if (j->next) j->next->prev = j->prev;
  j->host->count--;
  peri_err e;
  if (peri_service_reschedule(j->host->service, &e)) peri_log(PERI_WARN, "serve", "the schedules could not be read again: %s", e.text);
  if (j->watch.done) j->watch.done(j->watch.self, j->code);
  uv_close((uv_handle_t *)a, on_closed);
}

static peri_command_job *start(void *self, const peri_str *argv, size_t argc, const peri_command_file *files, size_t file_count, const peri_command_watch *watch, peri_err *e) {
  peri_host *h = self;
  if (file_count > FILES_MAX) {
    peri_fail(e, PERI_USAGE, "more than %d files in one command", FILES_MAX);
    return NULL;
  }
  if (h->count >= JOBS_MAX || argc > ARGS_MAX) {
    peri_fail(e, argc > ARGS_MAX ? PERI_USAGE : PERI_BUSY, argc > ARGS_MAX ? "more than %d arguments" : "%d commands are under way already; try again in a moment", argc > ARGS_MAX ? ARGS_MAX : JOBS_MAX);
    return NULL;
  }
  peri_command_job *j = peri_alloc(sizeof *j);
  *j = (peri_command_job){.next = h->jobs, .host = h, .scripts = peri_snapshot_hold(h->service->scripts), .watch = *watch};
  j->argv[j->argc++] = peri_dup(PERI_STR("perilune"));
  for (size_t i = 0; i < argc; i++) j->argv[j->argc++] = peri_dup(argv[i]);
  for (; j->file_count < file_count; j->file_count++) {
    j->files[j->file_count].name = peri_dup(files[j->file_count].name);
    peri_buf_str(&j->files[j->file_count].bytes, files[j->file_count].bytes);
  }
  pthread_mutex_init(&j->lock, NULL);
  pthread_cond_init(&j->room, NULL);
  uv_async_init(&h->service->g->loop, &j->async, on_news);
  j->async.data = j;
  if (h->jobs) h->jobs->prev = j;
  h->jobs = j;
  h->count++;
  if (pthread_create(&j->thread, NULL, run_job, j) != 0) abort();
  return j;
}

static void cancel(peri_command_job *j) {
  j->stop = true;
  peri_run_cancel_of(j->host->service->g, j);
}

static void leave(peri_command_job *j) { j->watch = (peri_command_watch){0}; }

peri_host *peri_host_new(peri_service *service) {
  peri_host *h = peri_alloc(sizeof *h);
  h->service = service;
  return h;
}

void peri_host_free(peri_host *h) { free(h); }
size_t peri_host_jobs(const peri_host *h) { return h->count; }

void peri_host_cancel_all(peri_host *h) {
  for (peri_command_job *j = h->jobs; j; j = j->next) cancel(j);
}

peri_command_runner peri_host_commands(peri_host *h) { return (peri_command_runner){h, start, cancel, leave}; }
