/* core/doctor: see the header. Says what holds by trying it: a worker is started and asked, a second one is told to break out and must die of it.
 * Refuses to open the database or the key: closing a descriptor of the database would drop the locks of SQLite in this process. */
#include "core/doctor.h"

#include <dlfcn.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/pool.h"
#include "json/tree.h"

typedef struct visit {
  peri_arena *a;
  peri_jw w;
  peri_buf *text;
  peri_str *warnings;
  size_t warning_count, warning_cap;
  bool healthy;
} visit;

static void line(visit *v, const char *name, peri_str value) { peri_buf_fmt(v->text, "%-18s %.*s\n", name, PERI_S(value)); }

static void warn(visit *v, peri_str text, bool ill) {
  v->warnings = peri_arena_grow(v->a, v->warnings, v->warning_count, &v->warning_cap, sizeof *v->warnings);
  v->warnings[v->warning_count++] = text;
  if (ill) v->healthy = false;
}

/* ---- layers ---- */

static const struct {
  const char *name, *says, *lost;
} layers[] = {
    {"seccomp", "system calls", "a script that broke out of Lua could call the kernel; use a kernel with CONFIG_SECCOMP_FILTER"},
    {"landlock", "files and sockets", "this kernel has no Landlock (5.13 or newer, with lsm=landlock); the other layers hold without it"},
    {"noNewPrivs", "no new privileges", "no_new_privs could not be set"},
    {"rlimits", "limits", "the limits on files, processes and descriptors could not be set"},
    {"addressSpace", "memory", "the address space has no ceiling (so it is in sanitizer builds)"},
    {"nonDumpable", "not readable", "other processes of this user could read a worker's memory"},
    {"parentDeath", "ends with its core", "a worker could outlive its core"},
    {"descriptors", "descriptors closed", "descriptors could not be closed"},
};

static void tell_layers(visit *v, const peri_json *ready) {
  const peri_json *held = peri_json_get(ready, "layers");
  peri_str build = peri_json_get_text(ready, "build");
  peri_jw_kv_raw(&v->w, "layers", held->raw);
  peri_jw_kv(&v->w, "build", build);
  line(v, "build", build);
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    const peri_json *one = peri_json_get(held, layers[i].name);
    bool holds = one && (one->type == PERI_J_NUMBER ? peri_json_int(one, 0) > 0 : peri_json_bool(one, false));
    if (holds && one->type == PERI_J_NUMBER)
      line(v, layers[i].says, peri_arena_fmt(v->a, "shut (%s ABI %.*s)", layers[i].name, PERI_S(one->text)));
    else if (holds)
      line(v, layers[i].says, peri_arena_fmt(v->a, "shut (%s)", layers[i].name));
    else
      line(v, layers[i].says, PERI_STR("OPEN"));
    bool known = peri_str_is(build, "asan") && strcmp(layers[i].name, "addressSpace") == 0;
    if (!holds) warn(v, peri_arena_fmt(v->a, "%s: %s", layers[i].name, layers[i].lost), !known);
  }
}

/* A worker that tries to open a socket must be dead afterwards. */
static void prove(visit *v) {
  peri_worker_config config = {0};
  peri_err e = {0};
  peri_worker *w = peri_worker_start(&config, &e);
  bool died = false;
  if (w) {
    peri_worker_talk(w, PERI_K_PROBE, PERI_STR("{\"syscall\":\"socket\"}"), PERI_K_FAIL, NULL, NULL, &e);
    died = !peri_worker_alive(w) && strcmp(peri_worker_death(w)->syscall_name, "socket") == 0;
  }
  peri_worker_close(w);
  peri_jw_kv_bool(&v->w, "proven", died);
  line(v, "tried",
       died ? PERI_STR("a worker that asked for a socket was ended by the kernel") : PERI_STR("a worker that asked for a socket LIVED ON"));
  if (!died) warn(v, PERI_STR("seccomp: a forbidden call was not stopped"), true);
}

static peri_code jail(visit *v, peri_err *e) {
  peri_worker_config config = {0};
  peri_worker *w = peri_worker_start(&config, e);
  if (!w) return e ? e->code : PERI_WORKER_LOST;
  peri_json_fault fault;
  const peri_json *ready = peri_json_parse(v->a, peri_worker_layers(w), &fault);
  peri_worker_close(w);
  if (!ready || !peri_json_get(ready, "layers")) return peri_fail(e, PERI_WORKER_LOST, "the worker did not say what holds");
  tell_layers(v, ready);
  prove(v);
  return PERI_OK;
}

/* ---- the machine ---- */

/* Libraries are asked by symbol, not by header: only their own rooms include those. */
static void library(visit *v, const char *name, const char *file, const char *symbol, bool is_text) {
  void *handle = file ? dlopen(file, RTLD_LAZY | RTLD_LOCAL) : NULL;
  void *found = dlsym(handle ? handle : RTLD_DEFAULT, symbol);
  const char *version = NULL;
  if (found && is_text)
    version = found;
  else if (found) {
    const char *(*ask)(int);
    memcpy(&ask, &found, sizeof ask); /* the way POSIX means it */
    version = ask(0);
  }
  char text[100];
  snprintf(text, sizeof text, "%.90s", version ? version : "not found");
  if (strncmp(text, "$LuaVersion: ", 13) == 0) { /* "$LuaVersion: Lua 5.4.4  Copyright … */
    memmove(text, text + 13, strlen(text + 13) + 1);
    char *end = strstr(text, "  ");
    if (end) *end = 0;
  }
  peri_jw_kv_c(&v->w, name, text);
  line(v, name, peri_str_of(text));
  if (handle) dlclose(handle);
}

static void libraries(visit *v) {
  peri_jw_key_c(&v->w, "libraries");
  peri_jw_object(&v->w);
  library(v, "lua", NULL, "lua_ident", true);
  library(v, "sqlite", NULL, "sqlite3_libversion", false);
  library(v, "openssl", NULL, "OpenSSL_version", false);
  library(v, "libuv", NULL, "uv_version_string", false);
  library(v, "libcurl", "libcurl.so.4", "curl_version", false);
  library(v, "libmicrohttpd", "libmicrohttpd.so.12", "MHD_get_version", false);
  const struct scmp_version *s = seccomp_version();
  peri_str text = peri_arena_fmt(v->a, "%u.%u.%u", s->major, s->minor, s->micro);
  peri_jw_kv(&v->w, "libseccomp", text);
  line(v, "libseccomp", text);
  text = peri_arena_fmt(v->a, "%d.%d.%d", XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE);
  peri_jw_kv(&v->w, "libxxhash", text);
  line(v, "libxxhash", text);
  peri_jw_end_object(&v->w);
}

static void machine(visit *v) {
  struct utsname u;
  if (uname(&u) != 0) return;
  peri_str text = peri_arena_fmt(v->a, "%s %s %s", u.sysname, u.release, u.machine);
  peri_jw_kv(&v->w, "kernel", text);
  line(v, "kernel", text);
  if (geteuid() == 0) warn(v, PERI_STR("this is root: a service account of its own needs no rights but its folder's"), false);
}

/* ---- files ---- */

static const struct {
  unsigned long magic;
  const char *name;
} networks[] = {{0x6969, "NFS"},     {0x517B, "SMB"},      {0xFE534D42, "SMB"},    {0xFF534D42, "CIFS"}, {0x01021997, "9p"},    {0x00c36400, "Ceph"},
                {0x5346414F, "AFS"}, {0x73757245, "Coda"}, {0x0BD00BD0, "Lustre"}, {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"}, {0x65735546, "FUSE"}};

static const char *network_of(const char *path) {
  struct statfs fs;
  if (statfs(path, &fs) != 0) return NULL;
  unsigned long magic = (unsigned long)fs.f_type & 0xffffffffu;
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
    if (networks[i].magic == magic) return networks[i].name;
  return NULL;
}

static peri_str folder_of(visit *v, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return PERI_STR(".");
  return slash == path ? PERI_STR("/") : peri_arena_fmt(v->a, "%.*s", (int)(slash - path), path);
}

static void file(visit *v, const char *what, const char *path, mode_t not_for_others, bool may_miss) {
  if (!path) return;
  struct stat st;
  peri_jw_object(&v->w);
  peri_jw_kv_c(&v->w, "what", what);
  peri_jw_kv_c(&v->w, "path", path);
  if (stat(path, &st) != 0) {
    bool missing = errno == ENOENT;
    peri_jw_kv_c(&v->w, "problem", missing ? "missing" : strerror(errno));
    line(v, what, peri_arena_fmt(v->a, "%s: %s", path, missing ? "not there" : strerror(errno)));
    if (!missing || !may_miss) warn(v, peri_arena_fmt(v->a, "%s: %s", path, strerror(errno)), !missing);
  } else {
    char mode[8];
    snprintf(mode, sizeof mode, "%04o", (unsigned)(st.st_mode & 07777));
    peri_jw_kv_c(&v->w, "mode", mode);
    line(v, what, peri_arena_fmt(v->a, "%s %s", mode, path));
    if (st.st_mode & not_for_others)
      warn(v,
           peri_arena_fmt(v->a, "%s is open to others (%s); make it yours alone: chmod %o %s", path, mode,
                          (unsigned)(st.st_mode & 07777 & ~not_for_others), path),
           true);
    if (st.st_uid != geteuid() && geteuid() != 0) warn(v, peri_arena_fmt(v->a, "%s belongs to another user (%u)", path, (unsigned)st.st_uid), false);
  }
  peri_jw_end_object(&v->w);
}

static void look_at_files(visit *v, const peri_doctor_files *f) {
  peri_jw_key_c(&v->w, "files");
  peri_jw_array(&v->w);
  file(v, "project", f->project, S_IWOTH, false);
  file(v, "database", f->database, S_IWGRP | S_IRWXO, true);
  if (!f->key_in_environment) file(v, "key", f->key, f->key_is_credential ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO, true);
  peri_jw_end_array(&v->w);
  const char *source = f->key_in_environment ? "environment" : f->key_is_credential ? "systemd credential" : "file";
  peri_jw_kv_c(&v->w, "keySource", source);
  line(v, "key comes from", peri_str_of(f->key_in_environment ? "the environment variable PERILUNE_KEY" : f->key_is_credential ? "a systemd credential" : "a file"));
  if (f->key_in_environment)
    warn(v,
         PERI_STR("the key comes from the environment, the poorest place for it: whoever starts perilune, its other children and crash reporters can read it;"
                  " use a systemd credential (LoadCredential=perilune.key:PATH) or the file perilune.key"),
         false);
  if (!f->database) return;
  const char *network = network_of(folder_of(v, f->database).p);
  if (network)
    warn(v,
         peri_arena_fmt(v->a, "%s lies on a network file system (%s): SQLite's locks may not hold there; keep the database on a local disk",
                        f->database, network),
         false);
}

peri_code peri_doctor(const peri_doctor_files *files, peri_buf *json, peri_buf *text, bool *healthy, peri_err *e) {
  visit v = {.a = peri_arena_new(), .text = text, .healthy = true};
  peri_jw_init(&v.w, json);
  peri_jw_object(&v.w);
  peri_jw_kv_c(&v.w, "version", PERI_VERSION);
  line(&v, "perilune", PERI_STR(PERI_VERSION));
  machine(&v);
  peri_code c = jail(&v, e);
  if (c == PERI_OK) {
    libraries(&v);
    look_at_files(&v, files);
    peri_jw_key_c(&v.w, "warnings");
    peri_jw_array(&v.w);
    for (size_t i = 0; i < v.warning_count; i++) {
      peri_jw_text(&v.w, v.warnings[i]);
      line(&v, "warning", v.warnings[i]);
    }
    peri_jw_end_array(&v.w);
    peri_jw_kv_bool(&v.w, "healthy", v.healthy);
    peri_jw_end_object(&v.w);
    *healthy = v.healthy;
  }
  peri_arena_free(v.a);
  return c;
}
