/* core/project: see the header. Reads files; never writes one but in peri_project_init, and never over another. */
#include "core/project.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/embed.h"
#include "base/map.h"

static const char *const folders[] = {"connectors", "mappings", "lib", "automations"};

static const char settings_text[] = "-- perilune.lua marks the root of a project and holds its settings.\n"
                                    "-- Everything may be left out; these are the defaults.\n"
                                    "return {\n"
                                    "  -- log = \"info\",                       -- debug, info, warn, error\n"
                                    "  -- limits = { call = \"100ms\", load = \"1s\", memory = \"64MB\" },\n"
                                    "}\n";

static bool is_file(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static const char *find_root(peri_arena *a, const char *dir) {
  char *here = dir ? realpath(dir, NULL) : getcwd(NULL, 0);
  if (!here) return NULL;
  const char *found = NULL;
  for (char *end = here + strlen(here); !found;) {
    *end = 0;
    peri_str marker = peri_arena_fmt(a, "%s/perilune.lua", here);
    if (is_file(marker.p)) found = peri_arena_fmt(a, "%s", *here ? here : "/").p;
    if (dir) break; /* -C names the project itself */
    char *slash = strrchr(here, '/');
    if (!slash || slash == end) break;
    end = slash;
  }
  free(here);
  return found;
}

peri_code peri_project_open(const char *dir, const char *database, bool must, peri_project **out, peri_err *e) {
  peri_arena *a = peri_arena_new();
  peri_project *p = peri_arena_take(a, sizeof *p);
  p->arena = a;
  p->dir = find_root(a, dir);
  if (!p->dir && must) {
    peri_arena_free(a);
    if (dir) return peri_fail(e, PERI_NOT_FOUND, "'%s' is no perilune project: it has no perilune.lua; make one with: perilune init %s", dir, dir);
    return peri_fail(e, PERI_NOT_FOUND, "there is no perilune project here or above; make one with: perilune init DIR, or name one with -C DIR");
  }
  if (database) p->database = peri_arena_fmt(a, "%s", database).p;
  else if (p->dir) p->database = peri_arena_fmt(a, "%s/perilune.db", p->dir).p;
  if (p->dir) p->key = peri_arena_fmt(a, "%s/perilune.key", p->dir).p;
  *out = p;
  return PERI_OK;
}

void peri_project_close(peri_project *p) {
  if (p) peri_arena_free(p->arena);
}

/* ---- reading ---- */

typedef struct collector {
  peri_project *p;
  peri_map found;
  uint64_t bytes;
} collector;

static peri_code collect_file(collector *c, const char *path, const char *name, peri_err *e) {
  if (!peri_utf8_valid(peri_str_of(name))) return peri_fail(e, PERI_INVALID, "a file below %s has a name that is no UTF-8; rename it", c->p->dir);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return peri_fail(e, PERI_IO, "%s can't be read: %s", path, strerror(errno));
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    close(fd);
    return PERI_OK;
  }
  if (st.st_size > (off_t)PERI_SOURCE_BYTES_MAX) {
    close(fd);
    return peri_fail(e, PERI_SCRIPT_REFUSED, "%s has %lld bytes; a script file may have %u", name, (long long)st.st_size, PERI_SOURCE_BYTES_MAX);
  }
  c->bytes += (uint64_t)st.st_size;
  if (c->bytes > PERI_SOURCES_BYTES_MAX) {
    close(fd);
    return peri_fail(e, PERI_SCRIPT_REFUSED, "the script files together have more than %u bytes (counted up to %s)", PERI_SOURCES_BYTES_MAX, name);
  }
  char *bytes = peri_arena_bytes(c->p->arena, (size_t)st.st_size + 1);
  size_t n = 0;
  while (n < (size_t)st.st_size) {
    ssize_t got = read(fd, bytes + n, (size_t)st.st_size - n);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    n += (size_t)got;
  }
  close(fd);
  bytes[n] = 0;
  peri_load_file *f = peri_arena_take(c->p->arena, sizeof *f);
  f->path = peri_arena_str(c->p->arena, peri_str_of(name));
  f->bytes = (peri_str){bytes, n};
  peri_map_put(&c->found, f->path, f);
  return PERI_OK;
}

static peri_code collect_folder(collector *c, const char *path, const char *name, int depth, peri_err *e) {
  DIR *d = opendir(path);
  if (!d) return errno == ENOENT || errno == ENOTDIR ? PERI_OK : peri_fail(e, PERI_IO, "%s can't be read: %s", path, strerror(errno));
  peri_code code = PERI_OK;
  for (struct dirent *entry; code == PERI_OK && (entry = readdir(d));) {
    if (entry->d_name[0] == '.') continue; /* editors' temporary files too */
    peri_str full = peri_arena_fmt(c->p->arena, "%s/%s", path, entry->d_name), sub = peri_arena_fmt(c->p->arena, "%s/%s", name, entry->d_name);
    struct stat st;
    if (stat(full.p, &st) != 0) continue; /* vanished meanwhile, or a dangling link */
    if (S_ISDIR(st.st_mode)) {
      if (depth < 8) code = collect_folder(c, full.p, sub.p, depth + 1, e);
    } else if (peri_str_ends(sub, PERI_STR(".lua"))) code = collect_file(c, full.p, sub.p, e);
  }
  closedir(d);
  return code;
}

static int by_path(const void *a, const void *b) {
  return peri_str_cmp((*(peri_load_file *const *)a)->path, (*(peri_load_file *const *)b)->path);
}

static void hash_generation(peri_project *p) {
  XXH3_state_t *state = XXH3_createState();
  XXH3_128bits_reset(state);
  for (size_t i = 0; i < p->file_count; i++) {
    uint64_t sizes[2] = {p->files[i].path.n, p->files[i].bytes.n};
    XXH3_128bits_update(state, sizes, sizeof sizes);
    XXH3_128bits_update(state, p->files[i].path.p, p->files[i].path.n);
    XXH3_128bits_update(state, p->files[i].bytes.p, p->files[i].bytes.n);
  }
  XXH128_hash_t h = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  snprintf(p->generation, sizeof p->generation, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

peri_code peri_project_read(peri_project *p, peri_err *e) {
  collector c = {.p = p};
  peri_map_init(&c.found, p->arena);
  for (unsigned long i = 0; i < peri_embed_count; i++) {
    peri_str path = peri_str_of(peri_embeds[i].path);
    if (!peri_str_starts(path, PERI_STR("connectors/")) && !peri_str_starts(path, PERI_STR("mappings/"))) continue;
    peri_load_file *f = peri_arena_take(p->arena, sizeof *f);
    *f = (peri_load_file){path, {(const char *)peri_embeds[i].bytes, peri_embeds[i].size}};
    peri_map_put(&c.found, path, f);
  }
  if (p->dir) {
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
      peri_code code = collect_folder(&c, peri_arena_fmt(p->arena, "%s/%s", p->dir, folders[i]).p, folders[i], 0, e);
      if (code) return code;
    }
    static const char *const single[] = {"perilune.lua", "alerts.lua"};
    for (size_t i = 0; i < 2; i++) {
      peri_str full = peri_arena_fmt(p->arena, "%s/%s", p->dir, single[i]);
      if (!is_file(full.p)) continue;
      peri_code code = collect_file(&c, full.p, single[i], e);
      if (code) return code;
    }
  }
  peri_load_file **sorted = peri_arena_take(p->arena, c.found.count * sizeof *sorted + 1);
  for (size_t i = 0; i < c.found.count; i++) sorted[i] = c.found.items[i].value;
  qsort(sorted, c.found.count, sizeof *sorted, by_path);
  p->file_count = c.found.count;
  p->files = peri_arena_take(p->arena, (c.found.count + 1) * sizeof *p->files);
  p->shipped = peri_arena_take(p->arena, c.found.count + 1);
  for (size_t i = 0; i < c.found.count; i++) {
    p->files[i] = *sorted[i];
    for (unsigned long k = 0; k < peri_embed_count && !p->shipped[i]; k++) p->shipped[i] = p->files[i].bytes.p == (const char *)peri_embeds[k].bytes;
  }
  hash_generation(p);
  return PERI_OK;
}

const peri_project *peri_project_of(const peri_project *p, const peri_load_file *files, size_t count) {
  peri_project *q = peri_arena_take(p->arena, sizeof *q);
  *q = *p;
  peri_load_file **sorted = peri_arena_take(p->arena, (count + 1) * sizeof *sorted);
  q->files = peri_arena_take(p->arena, (count + 1) * sizeof *q->files);
  q->shipped = peri_arena_take(p->arena, count + 1);
  q->file_count = count;
  for (size_t i = 0; i < count; i++) {
    sorted[i] = peri_arena_take(p->arena, sizeof **sorted);
    *sorted[i] = (peri_load_file){peri_arena_str(p->arena, files[i].path), peri_arena_str(p->arena, files[i].bytes)};
  }
  qsort(sorted, count, sizeof *sorted, by_path);
  for (size_t i = 0; i < count; i++) q->files[i] = *sorted[i];
  hash_generation(q);
  return q;
}

const peri_project *peri_project_with(const peri_project *p, const peri_load_file *files, size_t count) {
  peri_load_file *all = peri_arena_take(p->arena, (p->file_count + count + 1) * sizeof *all);
  size_t n = 0;
  for (size_t i = 0; i < p->file_count; i++) {
    bool replaced = false;
    for (size_t k = 0; k < count && !replaced; k++) replaced = peri_str_eq(files[k].path, p->files[i].path);
    if (!replaced) all[n++] = p->files[i];
  }
  for (size_t k = 0; k < count; k++) all[n++] = files[k];
  return peri_project_of(p, all, n);
}

const peri_load_file *peri_project_file(const peri_project *p, const char *path) {
  for (size_t i = 0; i < p->file_count; i++)
    if (peri_str_is(p->files[i].path, path)) return &p->files[i];
  return NULL;
}

/* ---- init ---- */

static peri_code make_folders(const char *path, peri_err *e) {
  char *copy = peri_dup(peri_str_of(path));
  for (char *p = copy + 1;; p++) {
    if (*p && *p != '/') continue;
    char keep = *p;
    *p = 0;
    if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
      peri_code code = peri_fail(e, errno == EROFS || errno == EACCES ? PERI_READ_ONLY : PERI_IO, "the folder %s can't be made: %s", copy, strerror(errno));
      free(copy);
      return code;
    }
    *p = keep;
    if (!keep) break;
  }
  free(copy);
  return PERI_OK;
}

/* Writes a file that is not there yet; one that is stays as it is. */
static peri_code make_file(const char *path, const void *bytes, size_t n, int *made, peri_err *e) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return errno == EEXIST ? PERI_OK : peri_fail(e, errno == ENOSPC ? PERI_DISK_FULL : PERI_IO, "%s can't be written: %s", path, strerror(errno));
  ssize_t put = write(fd, bytes, n);
  int problem = put == (ssize_t)n ? 0 : put < 0 ? errno : ENOSPC;
  if (close(fd) != 0 && !problem) problem = errno;
  if (problem) {
    unlink(path); /* half a file would be taken for a user's own next time */
    return peri_fail(e, problem == ENOSPC ? PERI_DISK_FULL : PERI_IO, "%s can't be written: %s", path, strerror(problem));
  }
  ++*made;
  return PERI_OK;
}

peri_code peri_project_init(const char *dir, int *made, peri_err *e) {
  peri_arena *a = peri_arena_new();
  *made = 0;
  peri_code code = make_folders(dir, e);
  for (size_t i = 0; !code && i < sizeof folders / sizeof *folders - 1; i++) code = make_folders(peri_arena_fmt(a, "%s/%s", dir, folders[i]).p, e);
  for (unsigned long i = 0; !code && i < peri_embed_count; i++) {
    peri_str path = peri_str_of(peri_embeds[i].path);
    if (!peri_str_starts(path, PERI_STR("connectors/")) && !peri_str_starts(path, PERI_STR("mappings/"))) continue;
    peri_str full = peri_arena_fmt(a, "%s/%s", dir, peri_embeds[i].path);
    char *folder = peri_dup(full);
    *strrchr(folder, '/') = 0;
    code = make_folders(folder, e);
    free(folder);
    if (!code) code = make_file(full.p, peri_embeds[i].bytes, peri_embeds[i].size, made, e);
  }
  if (!code) code = make_file(peri_arena_fmt(a, "%s/.gitignore", dir).p, "perilune.key\nperilune.db*\n", 26, made, e);
  if (!code) code = make_file(peri_arena_fmt(a, "%s/perilune.lua", dir).p, settings_text, sizeof settings_text - 1, made, e);
  peri_arena_free(a);
  return code;
}
