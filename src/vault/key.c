/* vault/key: the file perilune.key: lines "KID BASE64", newest first. Changes go through a temporary file, fsync and rename, so a kill leaves the old
 * file or the new. Refuses to overwrite a key (with it goes every credential), and to read one that others may read. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "vault/inside.h"
#include "vault/key.h"

#define FILE_BYTES_MAX PERI_KEY_FILE_BYTES_MAX

static peri_code system_fail(peri_err *e, const char *doing, const char *path) {
  int why = errno;
  peri_code code = why == ENOSPC || why == EDQUOT ? PERI_DISK_FULL : why == EACCES || why == EPERM || why == EROFS ? PERI_READ_ONLY : PERI_IO;
  return peri_fail(e, code, "cannot %s %s: %s", doing, path, strerror(why));
}

/* "k20261123-1f3a" and 32 fresh bytes */
static void fresh_line(peri_buf *out) {
  unsigned char bytes[PERI_KEY_BYTES];
  unsigned short tail;
  peri_random(bytes, sizeof bytes);
  peri_random(&tail, sizeof tail);
  peri_civil c = peri_civil_of(peri_now_ms());
  peri_buf_fmt(out, "k%04d%02d%02d-%04x ", c.year, c.month, c.day, tail);
  peri_base64(out, (peri_str){(char *)bytes, sizeof bytes});
  peri_buf_char(out, '\n');
  OPENSSL_cleanse(bytes, sizeof bytes);
}

static bool write_all(int fd, peri_str text) {
  while (text.n) {
    ssize_t n = write(fd, text.p, text.n);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text = peri_str_from(text, (size_t)n);
  }
  return true;
}

static void sync_folder(const char *path) { /* the name must be as durable as the bytes */
  char *dir = peri_dup(peri_str_of(path)), *slash = strrchr(dir, '/');
  if (slash) slash[slash == dir] = 0;
  int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  free(dir);
}

/* Writes PATH.new; then links it (fails if path exists) or renames it over. */
static peri_code put_file(const char *path, peri_str text, bool replace, peri_err *e) {
  peri_buf name = {0};
  peri_buf_fmt(&name, "%s.new", path);
  const char *temp = peri_buf_c(&name);
  peri_code code = PERI_OK;
  unlink(temp); /* what a kill left; it holds keys, so it must not stay */
  int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    code = system_fail(e, "create", temp);
  else {
    if (!write_all(fd, text) || fsync(fd) != 0) code = system_fail(e, "write", temp);
    if (close(fd) != 0 && code == PERI_OK) code = system_fail(e, "write", temp);
    if (code == PERI_OK && replace && rename(temp, path) != 0) code = system_fail(e, "replace", path);
    if (code == PERI_OK && !replace && link(temp, path) != 0)
      code = errno == EEXIST ? peri_fail(e, PERI_EXISTS,
                                         "%s exists already; a key is never overwritten, because every stored credential would be lost with it", path)
                             : system_fail(e, "create", path);
    if (code != PERI_OK || !replace) unlink(temp);
    if (code == PERI_OK) sync_folder(path);
  }
  peri_buf_fini(&name);
  return code;
}

peri_code peri_key_create(const char *path, peri_err *e) {
  peri_buf line = {0};
  fresh_line(&line);
  peri_code code = put_file(path, peri_buf_view(&line), false, e);
  peri_wipe(&line);
  return code;
}

/* The file's text, after its owner and mode were checked on the opened file itself. */
static peri_code read_file(const char *path, bool credential, peri_buf *text, peri_err *e) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) return peri_fail(e, PERI_NO_KEY, "there is no key at %s", path);
  if (fd < 0) return system_fail(e, "read", path);
  struct stat st;
  peri_code code = PERI_OK;
  if (fstat(fd, &st) != 0)
    code = system_fail(e, "read", path);
  else if (!S_ISREG(st.st_mode))
    code = peri_fail(e, PERI_NO_KEY, "%s is no file", path);
  else if (st.st_uid != geteuid() && st.st_uid != 0)
    code = peri_fail(e, PERI_NO_KEY, "%s belongs to another user (uid %u); run: chown %u %s", path, (unsigned)st.st_uid, (unsigned)geteuid(), path);
  else if (st.st_mode & (credential && st.st_uid == 0 ? 027 : 077))
    code = peri_fail(e, PERI_NO_KEY, "%s may be read by others (mode %04o); run: chmod 600 %s", path, (unsigned)(st.st_mode & 07777), path);
  else if (st.st_size > FILE_BYTES_MAX)
    code = peri_fail(e, PERI_NO_KEY, "%s is too long for a key file", path);
  while (code == PERI_OK) {
    char *p = peri_buf_room(text, FILE_BYTES_MAX);
    ssize_t n = read(fd, p, FILE_BYTES_MAX);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) code = system_fail(e, "read", path);
    if (n <= 0) break;
    text->n += (size_t)n;
    if (text->n > FILE_BYTES_MAX) code = peri_fail(e, PERI_NO_KEY, "%s is too long for a key file", path);
  }
  close(fd);
  return code;
}

static bool read_line(peri_str line, peri_key *k) {
  peri_str kid, rest = peri_str_cut(line, ' ', &kid);
  if (!kid.n || kid.n >= PERI_KID_MAX || !peri_utf8_valid(kid)) return false;
  memcpy(k->kid, kid.p, kid.n);
  k->kid[kid.n] = 0;
  peri_buf bytes = {0};
  bool ok = peri_unbase64(&bytes, peri_str_trim(rest)) && bytes.n == PERI_KEY_BYTES;
  if (ok) memcpy(k->bytes, bytes.p, PERI_KEY_BYTES);
  peri_wipe(&bytes);
  return ok;
}

static peri_code parse(const char *path, peri_str text, peri_vault *v, peri_err *e) {
  int number = 0;
  while (text.n) {
    peri_str line;
    text = peri_str_cut(text, '\n', &line);
    line = peri_str_trim(line);
    number++;
    if (!line.n || line.p[0] == '#') continue;
    if (v->count == PERI_KEYS_MAX) return peri_fail(e, PERI_NO_KEY, "%s holds more than %d keys", path, PERI_KEYS_MAX);
    if (!read_line(line, &v->keys[v->count])) return peri_fail(e, PERI_NO_KEY, "%s, line %d: not \"NAME BASE64\" of 32 bytes", path, number);
    v->count++;
  }
  return v->count ? PERI_OK : peri_fail(e, PERI_NO_KEY, "%s holds no key", path);
}

peri_code peri_vault_parse(const char *from, peri_str text, peri_vault **out, peri_err *e) {
  peri_vault *v = peri_locked_alloc(sizeof *v);
  const char *slash = strrchr(from, '/');
  snprintf(v->from, sizeof v->from, "%.63s", slash ? slash + 1 : from);
  peri_code code = parse(from, text, v, e);
  for (size_t i = 0; i < v->count && code == PERI_OK; i++) peri_redact_add((peri_str){(char *)v->keys[i].bytes, PERI_KEY_BYTES});
  if (code == PERI_OK) *out = v;
  else peri_vault_free(v);
  return code;
}

peri_code peri_vault_read(const char *path, bool credential, peri_vault **out, peri_err *e) {
  *out = NULL;
  peri_buf text = {0};
  peri_buf_room(&text, 2 * FILE_BYTES_MAX); /* so that it never moves and leaves a copy behind */
  peri_code code = read_file(path, credential, &text, e);
  if (code == PERI_OK) code = peri_vault_parse(path, peri_buf_view(&text), out, e);
  peri_wipe(&text);
  return code;
}

peri_code peri_vault_open(const char *path, peri_vault **out, peri_err *e) { return peri_vault_read(path, false, out, e); }

void peri_vault_free(peri_vault *v) { peri_locked_free(v, sizeof *v); }

const char *peri_vault_kid(const peri_vault *v) { return v->keys[0].kid; }
size_t peri_vault_count(const peri_vault *v) { return v->count; }

/* What a file holds next: a fresh key before all of v's, or the newest of v alone. */
static peri_code put_next(const peri_vault *v, bool add, const char *path, bool replace, peri_err *e) {
  if (add && v->count == PERI_KEYS_MAX) return peri_fail(e, PERI_CONFLICT, "%s holds %zu keys already", v->from, v->count);
  peri_buf text = {0};
  peri_buf_room(&text, 2 * FILE_BYTES_MAX);
  if (add) fresh_line(&text);
  for (size_t i = 0; i < v->count && (add || i == 0); i++) {
    peri_buf_fmt(&text, "%s ", v->keys[i].kid);
    peri_base64(&text, (peri_str){(char *)v->keys[i].bytes, PERI_KEY_BYTES});
    peri_buf_char(&text, '\n');
  }
  peri_code code = put_file(path, peri_buf_view(&text), replace, e);
  peri_wipe(&text);
  return code;
}

peri_code peri_key_write_next(const peri_vault *v, bool add, const char *path, peri_err *e) { return put_next(v, add, path, false, e); }

static peri_code change(const char *path, bool add, peri_err *e) {
  peri_vault *v = NULL;
  peri_code code = peri_vault_read(path, false, &v, e);
  if (code == PERI_OK) code = put_next(v, add, path, true, e);
  peri_vault_free(v);
  return code;
}

peri_code peri_key_add(const char *path, peri_err *e) { return change(path, true, e); }
peri_code peri_key_drop_old(const char *path, peri_err *e) { return change(path, false, e); }
