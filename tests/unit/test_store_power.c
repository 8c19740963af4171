/* Power cuts: a VFS between SQLite and the disk that knows what was flushed. Before each flush it writes down what a disk could hold if the power went
 * now: everything flushed so far, and of the writes since then none, all but the last, or a random part, torn at a sector. Afterwards each of these
 * pictures is opened: it must be sound and hold every commit that had been acknowledged. */
#include <sys/stat.h>
#include <unistd.h>

#include "test_store.h"

#define FILES_MAX 8
#define CUTS_MAX 400
#define SECTOR 512

typedef struct change {
  sqlite3_int64 at; /* of a truncation: the new size */
  int n;            /* -1: a truncation */
  unsigned char *bytes;
} change;

typedef struct tracked {
  char path[160];
  unsigned char *image; /* flushed */
  size_t size;
  change *pending;
  size_t pending_count;
} tracked;

static struct {
  sqlite3_vfs vfs, *real;
  tracked files[FILES_MAX];
  size_t file_count;
  char dir[64];
  int cuts, acknowledged, promised[CUTS_MAX];
  uint64_t random;
  bool on;
} power;

typedef struct file {
  sqlite3_file base;
  tracked *t;
  sqlite3_file *real;
} file;

static uint64_t next_random(void) {
  power.random = power.random * 6364136223846793005u + 1442695040888963407u;
  return power.random >> 33;
}

static void apply(unsigned char **bytes, size_t *size, const change *c, int n) {
  size_t end = (size_t)c->at + (c->n < 0 ? 0 : (size_t)n);
  if (end > *size || c->n < 0) {
    *bytes = realloc(*bytes, end + 1);
    if (end > *size) memset(*bytes + *size, 0, end - *size);
    *size = end;
  }
  if (c->n > 0) memcpy(*bytes + c->at, c->bytes, (size_t)n);
}

/* What the disk may hold now, as files in DIR/cut-N. */
static void cut(void) {
  if (!power.on || power.cuts >= CUTS_MAX) return;
  int mode = power.cuts % 3;
  char dir[96], path[200];
  snprintf(dir, sizeof dir, "%s/cut-%d", power.dir, power.cuts);
  assert_int_equal(mkdir(dir, 0700), 0);
  for (size_t i = 0; i < power.file_count; i++) {
    tracked *t = &power.files[i];
    if (!t->path[0]) continue;
    size_t size = t->size;
    unsigned char *bytes = malloc(size + 1);
    if (size) memcpy(bytes, t->image, size);
    for (size_t k = 0; k < t->pending_count; k++) {
      const change *c = &t->pending[k];
      int n = c->n;
      if (mode == 0 || (mode == 1 && k + 1 == t->pending_count) || (mode == 2 && next_random() % 2)) continue;
      if (mode == 2 && n > SECTOR && next_random() % 2) n = (int)(next_random() % (unsigned)(n / SECTOR)) * SECTOR;
      apply(&bytes, &size, c, n);
    }
    snprintf(path, sizeof path, "%s/%s", dir, strrchr(t->path, '/') + 1);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    if (size) assert_int_equal(fwrite(bytes, 1, size, out), size);
    fclose(out);
    free(bytes);
  }
  power.promised[power.cuts++] = power.acknowledged;
}

static void flushed(tracked *t) {
  for (size_t k = 0; k < t->pending_count; k++) {
    apply(&t->image, &t->size, &t->pending[k], t->pending[k].n);
    free(t->pending[k].bytes);
  }
  t->pending_count = 0;
}

static void remember(tracked *t, sqlite3_int64 at, int n, const void *bytes) {
  t->pending = realloc(t->pending, (t->pending_count + 1) * sizeof *t->pending);
  change *c = &t->pending[t->pending_count++];
  *c = (change){at, n, NULL};
  if (n > 0) c->bytes = memcpy(malloc((size_t)n), bytes, (size_t)n);
}

#define REAL(f) (((file *)(f))->real)
static int x_close(sqlite3_file *f) {
  int rc = REAL(f)->pMethods->xClose(REAL(f));
  free(REAL(f));
  return rc;
}
static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return REAL(f)->pMethods->xRead(REAL(f), p, n, at); }
static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
  if (((file *)f)->t) remember(((file *)f)->t, at, n, p);
  return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int x_truncate(sqlite3_file *f, sqlite3_int64 size) {
  if (((file *)f)->t) remember(((file *)f)->t, size, -1, NULL);
  return REAL(f)->pMethods->xTruncate(REAL(f), size);
}
static int x_sync(sqlite3_file *f, int flags) {
  cut();
  if (((file *)f)->t) flushed(((file *)f)->t);
  return REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int x_size(sqlite3_file *f, sqlite3_int64 *n) { return REAL(f)->pMethods->xFileSize(REAL(f), n); }
static int x_lock(sqlite3_file *f, int how) { return REAL(f)->pMethods->xLock(REAL(f), how); }
static int x_unlock(sqlite3_file *f, int how) { return REAL(f)->pMethods->xUnlock(REAL(f), how); }
static int x_reserved(sqlite3_file *f, int *out) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out); }
static int x_control(sqlite3_file *f, int op, void *arg) { return REAL(f)->pMethods->xFileControl(REAL(f), op, arg); }
static int x_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int x_traits(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)) & ~(SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_ATOMIC); }
static int x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) { return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out); }
static int x_shm_lock(sqlite3_file *f, int from, int n, int flags) { return REAL(f)->pMethods->xShmLock(REAL(f), from, n, flags); }
static void x_shm_barrier(sqlite3_file *f) { REAL(f)->pMethods->xShmBarrier(REAL(f)); }
static int x_shm_unmap(sqlite3_file *f, int drop) { return REAL(f)->pMethods->xShmUnmap(REAL(f), drop); }

static const sqlite3_io_methods methods = {2,        x_close,    x_read,    x_write,  x_truncate, x_sync,    x_size,     x_lock,        x_unlock,   x_reserved,
                                           x_control, x_sector, x_traits, x_shm_map, x_shm_lock, x_shm_barrier, x_shm_unmap, NULL, NULL};

static tracked *track(const char *path) {
  for (size_t i = 0; i < power.file_count; i++)
    if (strcmp(power.files[i].path, path) == 0) return &power.files[i];
  size_t i = 0;
  while (i < power.file_count && power.files[i].path[0]) i++; /* the place of one that was removed */
  assert_true(i < FILES_MAX);
  tracked *t = &power.files[i];
  if (i == power.file_count) power.file_count++;
  snprintf(t->path, sizeof t->path, "%s", path);
  return t;
}

static int x_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *out, int flags, int *got) {
  (void)vfs;
  file *f = (file *)out;
  *f = (file){.real = calloc(1, (size_t)power.real->szOsFile)};
  int rc = power.real->xOpen(power.real, path, f->real, flags, got);
  if (rc != SQLITE_OK || !f->real->pMethods) {
    free(f->real);
    return rc;
  }
  f->t = power.on && path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) && (flags & SQLITE_OPEN_READWRITE) ? track(path) : NULL;
  f->base.pMethods = &methods;
  return rc;
}

static int x_delete(sqlite3_vfs *vfs, const char *path, int sync_dir) {
  (void)vfs;
  if (power.on && sync_dir) cut();
  for (size_t i = 0; i < power.file_count; i++)
    if (strcmp(power.files[i].path, path) == 0) {
      flushed(&power.files[i]);
      power.files[i].size = 0;
      power.files[i].path[0] = 0;
    }
  return power.real->xDelete(power.real, path, sync_dir);
}

static void power_on(const char *dir) {
  memset(&power, 0, sizeof power);
  power.random = 20;
  power.on = true;
  snprintf(power.dir, sizeof power.dir, "%s", dir);
  sqlite3_initialize();
  power.real = sqlite3_vfs_find(NULL);
  power.vfs = *power.real;
  power.vfs.szOsFile = (int)sizeof(file);
  power.vfs.zName = "power";
  power.vfs.pNext = NULL;
  power.vfs.xOpen = x_open;
  power.vfs.xDelete = x_delete;
  assert_int_equal(sqlite3_vfs_register(&power.vfs, 1), SQLITE_OK);
}

static void power_off(void) {
  sqlite3_vfs_unregister(&power.vfs);
  sqlite3_vfs_register(power.real, 1);
  for (size_t i = 0; i < power.file_count; i++) {
    flushed(&power.files[i]);
    free(power.files[i].image);
    free(power.files[i].pending);
  }
}

static void commit_number(fixture *f, int number) {
  peri_err e = {0};
  char key[16], data[3000], position[32];
  snprintf(key, sizeof key, "k%d", number % 17);
  memset(data, 'a' + number % 26, sizeof data - 1); /* spills over a page now and then */
  data[sizeof data - 1] = 0;
  snprintf(position, sizeof position, "{\"n\":%d}", number);
  peri_commit_row rows[] = {row_of(key, data, NONE), row_of("always", position, NONE)};
  peri_cursor cursor = {PERI_STR("full"), NONE, NONE, 7, peri_str_of(position), PERI_STR("s"), -1};
  peri_commit c = {.run_seq = f->run, .run_started_ms = 1700000000000, .integration_id = INTEGRATION, .stream = PERI_STR("contact"), .cursor_kind = PERI_STR("main"),
                   .generation = PERI_STR("g"), .rows = rows, .row_count = 2, .cursor = &cursor, .requests = 1};
  peri_commit_result result;
  OK(peri_store_commit(f->s, &c, 1, &result, &e));
  power.acknowledged = number;
}

static void acknowledged_commits_outlive_a_power_cut(void **state) {
  fixture *f = *state;
  peri_err e = {0};
  power_on(f->dir);
  OK(peri_store_open(f->path, PERI_OPEN_CREATE, 0, "test", &f->s, &e));
  peri_new_integration n = {INTEGRATION, PERI_STR("acme"), PERI_STR("hubspot"), PERI_STR("hubspot"), PERI_STR("{}"), PERI_STR(""), PERI_STR("[]"), PERI_STR("")};
  OK(peri_integration_add(f->s, &n, &e));
  next_run(f);
  for (int i = 1; i <= 60; i++) {
    commit_number(f, i);
    if (i % 9) continue; /* closing moves the log into the database */
    peri_store_close(f->s);
    OK(peri_store_open(f->path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
    next_run(f);
  }
  power.on = false;
  peri_store_close(f->s);
  f->s = NULL;
  power_off();
  assert_true(power.cuts > 60);
  int held = 0;
  for (int i = 0; i < power.cuts; i++) {
    if (!power.promised[i]) continue; /* before the first commit: the schema may be half there */
    char path[160];
    snprintf(path, sizeof path, "%s/cut-%d/perilune.db", f->dir, i);
    OK(peri_store_open(path, PERI_OPEN_WRITE, 0, "test", &f->s, &e));
    assert_string_equal(ask_text(f->s, "PRAGMA integrity_check"), "ok");
    int64_t there = ask(f->s, "SELECT json_extract(position, '$.n') FROM cursors");
    if (there < power.promised[i]) fail_msg("cut %d: commit %d was acknowledged, %lld is there", i, power.promised[i], (long long)there);
    assert_int_equal(ask(f->s, "SELECT json_extract(data, '$.n') FROM integration_data WHERE external_id = 'always'"), there);
    peri_store_close(f->s);
    f->s = NULL;
    held++;
  }
  print_message("%d power cuts, each after what had been acknowledged\n", held);
}

int store_power_tests(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(acknowledged_commits_outlive_a_power_cut, fixture_empty, fixture_close)};
  return cmocka_run_group_tests_name("store: power", tests, NULL, NULL);
}
