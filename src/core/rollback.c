/* core/rollback: see the header. Each file is written beside its place and moved there: a kill leaves the old text or the new one, never half of it. */
#include "core/rollback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static peri_code write_file(const char *path, peri_str bytes, peri_err *e) {
  peri_arena *a = peri_arena_new();
  const char *beside = peri_arena_fmt(a, "%s.%ld.tmp", path, (long)getpid()).p;
  peri_code code = PERI_OK;
  char *folder = peri_dup(peri_str_of(path));
  for (char *p = folder + 1; (p = strchr(p, '/')); p++) {
    *p = 0;
    mkdir(folder, 0777); /* there already, as a rule; what really fails shows at open */
    *p = '/';
  }
  free(folder);
  int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  size_t n = 0;
  while (fd >= 0 && n < bytes.n) {
    ssize_t put = write(fd, bytes.p + n, bytes.n - n);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) break;
    n += (size_t)put;
  }
  bool fine = fd >= 0 && n == bytes.n && fsync(fd) == 0;
  if (fd >= 0) fine = close(fd) == 0 && fine;
  if (fine) fine = rename(beside, path) == 0;
  if (!fine) {
    int why = errno;
    unlink(beside);
    code = peri_fail(e, why == ENOSPC ? PERI_DISK_FULL : why == EROFS || why == EACCES ? PERI_READ_ONLY : PERI_IO, "%s can't be written: %s", path, strerror(why));
  }
  peri_arena_free(a);
  return code;
}

static peri_str on_disk(const peri_project *p, peri_str path, bool *there) {
  for (size_t i = 0; i < p->file_count; i++)
    if (peri_str_eq(p->files[i].path, path)) {
      *there = true;
      return p->files[i].bytes;
    }
  *there = false;
  return (peri_str){"", 0};
}

peri_code peri_rollback_files(peri_store *store, const peri_project *project, const peri_remapped *r, const peri_str *files, size_t file_count, bool force, size_t *written,
                              peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_str *texts = peri_arena_take(a, (file_count + 1) * sizeof *texts);
  bool *change = peri_arena_take(a, file_count + 1);
  peri_code code = PERI_OK;
  *written = 0;
  for (size_t i = 0; i < file_count && !code; i++) { /* all are looked at before one is written */
    bool was = false, then = false, there = false;
    peri_str after = {0}, now = on_disk(project, files[i], &there);
    code = peri_store_generation_file(store, a, r->from_generation, files[i], &texts[i], &was, e);
    if (!code) code = peri_store_generation_file(store, a, r->to_generation, files[i], &after, &then, e);
    if (code || (was && there && peri_str_eq(texts[i], now))) continue;
    if (!was && peri_str_eq(files[i], r->path))
      code = peri_fail(e, PERI_INVALID, "before the remap of %.*s there was no %.*s; to go back, take the file away and run perilune remap", PERI_S(r->at), PERI_S(r->path));
    if (!was || code) continue; /* a library that is new: nothing before used it */
    if (!force && (there != then || !peri_str_eq(now, after)))
      code = peri_fail(e, PERI_INVALID, "%.*s was changed after the remap of %.*s; --force puts the earlier text over it (yours stays in the database)", PERI_S(files[i]), PERI_S(r->at));
    change[i] = true;
  }
  for (size_t i = 0; i < file_count && !code; i++) {
    if (!change[i]) continue;
    code = write_file(peri_arena_fmt(a, "%s/%.*s", project->dir, PERI_S(files[i])).p, texts[i], e);
    *written += !code;
  }
  peri_arena_free(a);
  return code;
}
