/* ca: an LD_PRELOAD library that puts the file $CA_FILE in the place of the system's CA certificates, for tests of TLS. Perilune itself has no such way. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *other(const char *path) {
  const char *own = getenv("CA_FILE"), *end = strrchr(path, '/');
  return own && end && strcmp(end, "/ca-certificates.crt") == 0 ? own : path;
}

FILE *fopen(const char *path, const char *mode) {
  FILE *(*real)(const char *, const char *);
  *(void **)&real = dlsym(RTLD_NEXT, "fopen");
  return real(other(path), mode);
}

FILE *fopen64(const char *path, const char *mode) {
  FILE *(*real)(const char *, const char *);
  *(void **)&real = dlsym(RTLD_NEXT, "fopen64");
  return real(other(path), mode);
}
