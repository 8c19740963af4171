/* bench/limit: what this machine gives a plain program: the same pages by libcurl, the same bytes upserted into the same table.
 *   limit BASE_URL DATABASE SCHEMA.sql DATA_BYTES
 * One thread, no mapping, no checks: a record's raw text is cut out by searching for its beginning, and the mapped column gets DATA_BYTES of it.
 * Page size, cache, synchronous, checkpoints and tables are perilune's (the schema is read from its source); 1,000 records a transaction. */
#include <curl/curl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_TRANSACTION 1000
static const char integration[] = "01890000-0000-7000-8000-000000000001";

typedef struct page {
  char *p;
  size_t n, cap;
} page;

static size_t on_bytes(char *bytes, size_t size, size_t count, void *self) {
  page *to = self;
  size_t n = size * count;
  if (to->n + n > to->cap) {
    to->cap = (to->n + n) * 2;
    to->p = realloc(to->p, to->cap);
    if (!to->p) return 0;
  }
  memcpy(to->p + to->n, bytes, n);
  to->n += n;
  return n;
}

static void die(const char *what, const char *why) {
  fprintf(stderr, "limit: %s: %s\n", what, why);
  exit(1);
}

static void sql(sqlite3 *db, const char *text) {
  char *why = NULL;
  if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) die(text, why ? why : "?");
}

static char *whole_file(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) die(path, "cannot be read");
  static char text[1 << 20];
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  return text;
}

static sqlite3 *open_db(const char *path, const char *schema) {
  sqlite3 *db;
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) die(path, sqlite3_errmsg(db));
  sql(db, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;"
          " PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864");
  sql(db, whole_file(schema));
  char text[256];
  snprintf(text, sizeof text, "INSERT INTO integrations(id, name, type, platform) VALUES('%s', 'limit', 'hubspot', 'HubSpot')", integration);
  sql(db, text);
  return db;
}

static void upsert(sqlite3 *db, sqlite3_stmt *st, const char *raw, size_t raw_n, size_t data_n, uint64_t number) {
  char id[37];
  snprintf(id, sizeof id, "01890000-%04x-7000-8000-%012x", (unsigned)(number >> 32), (unsigned)number);
  const char *key = raw + 7, *end = memchr(key, '"', raw_n - 7);
  if (!end) die("record", "no id");
  uint8_t hash[16] = {0};
  memcpy(hash, key, (size_t)(end - key) < sizeof hash ? (size_t)(end - key) : sizeof hash);
  sqlite3_bind_text(st, 1, id, 36, SQLITE_STATIC);
  sqlite3_bind_text(st, 2, key, (int)(end - key), SQLITE_STATIC);
  sqlite3_bind_blob(st, 3, hash, 16, SQLITE_STATIC);
  sqlite3_bind_text(st, 4, raw, (int)(data_n < raw_n ? data_n : raw_n), SQLITE_STATIC);
  sqlite3_bind_text(st, 5, raw, (int)raw_n, SQLITE_STATIC);
  if (sqlite3_step(st) != SQLITE_DONE) die("upsert", sqlite3_errmsg(db));
  sqlite3_reset(st);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: limit BASE_URL DATABASE SCHEMA.sql DATA_BYTES\n");
    return 2;
  }
  size_t data_n = (size_t)atoi(argv[4]);
  sqlite3 *db = open_db(argv[2], argv[3]);
  sqlite3_stmt *st;
  if (sqlite3_prepare_v2(db,
                         "INSERT INTO integration_data(integration_id, entity_type, generation_id, wanted_id, run_seq, synced_at, created_at, updated_at,"
                         " plan_id, id, external_id, source_updated, raw_hash, data_hash, data, raw)"
                         " VALUES('01890000-0000-7000-8000-000000000001', 'contact', 1, 1, 1, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z',"
                         " '2026-01-01T00:00:00.000Z', 1, ?1, ?2, 1700000000000, ?3, ?3, ?4, ?5)"
                         " ON CONFLICT(integration_id, entity_type, external_id) DO UPDATE SET updated_at = excluded.updated_at,"
                         " raw_hash = excluded.raw_hash, data_hash = excluded.data_hash, data = excluded.data, raw = excluded.raw",
                         -1, &st, NULL) != SQLITE_OK)
    die("prepare", sqlite3_errmsg(db));
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *c = curl_easy_init();
  page p = {0};
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &p);
  curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 131072L);
  curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
  char after[32] = "", url[512];
  uint64_t records = 0;
  sql(db, "BEGIN IMMEDIATE");
  for (;;) {
    snprintf(url, sizeof url, "%s/crm/objects/2026-03/contacts?limit=100%s%s", argv[1], *after ? "&after=" : "", after);
    curl_easy_setopt(c, CURLOPT_URL, url);
    p.n = 0;
    CURLcode code = curl_easy_perform(c);
    if (code != CURLE_OK) die(url, curl_easy_strerror(code));
    static const char begin[] = "{\"id\":\"";
    char *end = p.p + p.n, *at = memmem(p.p, p.n, begin, sizeof begin - 1), *tail = memrchr(p.p, ']', p.n);
    while (at) {
      char *next = memmem(at + 7, (size_t)(end - at - 7), begin, sizeof begin - 1);
      upsert(db, st, at, (size_t)((next ? next - 1 : tail) - at), data_n, ++records);
      if (records % PER_TRANSACTION == 0) sql(db, "COMMIT; BEGIN IMMEDIATE");
      at = next;
    }
    static const char name[] = "\"after\":\"";
    char *token = tail ? memmem(tail, (size_t)(end - tail), name, sizeof name - 1) : NULL;
    if (!token) break;
    token += sizeof name - 1;
    snprintf(after, sizeof after, "%.*s", (int)strcspn(token, "\""), token);
  }
  sql(db, "COMMIT");
  sqlite3_finalize(st);
  sqlite3_close(db);
  curl_easy_cleanup(c);
  printf("%llu\n", (unsigned long long)records);
  return 0;
}
