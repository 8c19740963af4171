/* net/lazy: opens the network libraries by their versioned names and fills the tables. Never closes them: their threads and exit handlers
 * would outlive the code. */
#include <dlfcn.h>
#include <string.h>

#include "net/lazy.h"

static void *open_library(const char *name, const char *package, peri_err *e) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) peri_fail(e, PERI_IO, "%s cannot be opened: %s; install the package %s", name, dlerror(), package);
  return handle;
}

/* POSIX lets a data pointer from dlsym be a function pointer, ISO C does not: hence the copy. */
static bool find(void *handle, const char *name, void *slot, peri_err *e) {
  void *symbol = dlsym(handle, name);
  if (!symbol) {
    peri_fail(e, PERI_IO, "the network library has no function %s: it is too old or another one", name);
    return false;
  }
  memcpy(slot, &symbol, sizeof symbol);
  return true;
}

const peri_curl_library *peri_curl_open(peri_err *e) {
  static peri_curl_library library;
  static bool ready;
  if (ready) return &library;
  void *curl = open_library("libcurl.so.4", "libcurl4", e);
  void *zlib = curl ? open_library("libz.so.1", "zlib1g", e) : NULL;
  if (!zlib) return NULL;
#define X(name)                                             \
  if (!find(curl, #name, &library.name##_p, e)) return NULL;
  PERI_CURL_FUNCTIONS(X)
#undef X
#define X(name)                                             \
  if (!find(zlib, #name, &library.name##_p, e)) return NULL;
  PERI_ZLIB_FUNCTIONS(X)
#undef X
  if (library.curl_global_init_p(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    peri_fail(e, PERI_IO, "libcurl could not be initialised");
    return NULL;
  }
  ready = true;
  return &library;
}

const peri_mhd_library *peri_mhd_open(peri_err *e) {
  static peri_mhd_library library;
  static bool ready;
  if (ready) return &library;
  void *mhd = open_library("libmicrohttpd.so.12", "libmicrohttpd12", e);
  if (!mhd) return NULL;
#define X(name)                                             \
  if (!find(mhd, #name, &library.name##_p, e)) return NULL;
  PERI_MHD_FUNCTIONS(X)
#undef X
  ready = true;
  return &library;
}
