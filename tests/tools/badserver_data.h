/* badserver_data: the records that the faulty server has, and every way in which a page of them can be wrong as JSON. */
#ifndef BADSERVER_DATA_H
#define BADSERVER_DATA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct text { char *p; size_t n, cap; } text;

static void add(text *t, const void *p, size_t n) {
  if (t->n + n + 1 > t->cap) {
    t->cap = (t->n + n + 1) * 2;
    t->p = realloc(t->p, t->cap);
    if (!t->p) abort();
  }
  memcpy(t->p + t->n, p, n);
  t->n += n;
  t->p[t->n] = 0;
}
static void adds(text *t, const char *s) { add(t, s, strlen(s)); }
static void fill(text *t, const char *s, size_t times) {
  for (size_t n = strlen(s); times--;) add(t, s, n);
}
__attribute__((format(printf, 2, 3))) static void addf(text *t, const char *format, ...) {
  char line[2048];
  va_list va;
  va_start(va, format);
  int n = vsnprintf(line, sizeof line, format, va);
  va_end(va);
  add(t, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

#define PAGE 100
#define LAST_ID 308

/* Version 1 has 1 to 300; version 2 lacks five of them, has eight more, and says something else of every fifteenth. */
static bool exists(int version, int id) {
  if (version == 1) return id >= 1 && id <= 300;
  return id >= 1 && id <= LAST_ID && id != 7 && id != 120 && id != 121 && id != 250 && id != 300;
}
static int edition(int version, int id) { return version == 2 && id % 15 == 0 ? 2 : 1; }

/* One record; `member` is put in place of the member of that name, or added if there is none. */
static void record(text *t, int version, int id, const char *member, const char *value) {
  char values[9][64];
  static const char *names[9] = {"id", "name", "email", "age", "score", "active", "born", "changed", "tags"};
  snprintf(values[0], 64, "\"%d\"", id);
  snprintf(values[1], 64, "\"Name %d (%d)\"", id, edition(version, id));
  snprintf(values[2], 64, "\"p%d@example.org\"", id);
  snprintf(values[3], 64, "%d", id % 90 + edition(version, id));
  snprintf(values[4], 64, "\"%d.25\"", id);
  snprintf(values[5], 64, "%s", id % 2 ? "true" : "false");
  snprintf(values[6], 64, "\"19%02d-02-03\"", id % 90 + 10);
  snprintf(values[7], 64, "\"2026-01-%02dT10:%02d:%02d.%03dZ\"", edition(version, id), id / 60, id % 60, id);
  snprintf(values[8], 64, "[\"a\",\"b%d\"]", id % 7);
  bool put = !member;
  adds(t, "{");
  for (int i = 0; i < 9; i++) {
    bool here = member && strcmp(member, names[i]) == 0;
    put |= here;
    if (here && !value) continue; /* left out */
    if (t->p[t->n - 1] != '{') adds(t, ",");
    addf(t, "\"%s\":", names[i]);
    adds(t, here ? value : values[i]);
  }
  if (!put) {
    addf(t, ",\"%s\":", member);
    adds(t, value ? value : "1");
  }
  adds(t, "}");
}

/* "id|name|email|age", as the test asks the table for it */
static void truth(text *t, int version, int id) {
  addf(t, "%d|Name %d (%d)|p%d@example.org|%d\n", id, id, edition(version, id), id, id % 90 + edition(version, id));
}

/* ---- values that do not belong there ---- */

static bool starts(const char *s, const char *with) { return strncmp(s, with, strlen(with)) == 0; }

/* The value named by the end of a fault's name: "null", "number", … ; the caller frees. */
static char *odd_value(const char *kind) {
  text t = {0};
  adds(&t, "");
  if (strcmp(kind, "null") == 0) adds(&t, "null");
  else if (strcmp(kind, "number") == 0) adds(&t, "5");
  else if (strcmp(kind, "string") == 0) adds(&t, "\"word\"");
  else if (strcmp(kind, "list") == 0) adds(&t, "[1,[2]]");
  else if (strcmp(kind, "object") == 0) adds(&t, "{\"a\":{\"b\":1}}");
  else if (strcmp(kind, "bool") == 0) adds(&t, "true");
  else if (strcmp(kind, "float") == 0) adds(&t, "1.5");
  else if (strcmp(kind, "empty") == 0) adds(&t, "\"\"");
  else if (strcmp(kind, "big") == 0) adds(&t, "9007199254740993");
  else if (strcmp(kind, "1e400") == 0) adds(&t, "1e400");
  else if (strcmp(kind, "long") == 0) fill(&t, "1234567890", 40);
  else if (strcmp(kind, "longtext") == 0) adds(&t, "\""), fill(&t, "x", 2000), adds(&t, "\"");
  else if (strcmp(kind, "nul") == 0) adds(&t, "\"a\\u0000b\"");
  else if (strcmp(kind, "rawnul") == 0) add(&t, "\"a\0b\"", 5);
  else if (strcmp(kind, "surrogate") == 0) adds(&t, "\"a\\ud800b\"");
  else if (strcmp(kind, "utf8") == 0) adds(&t, "\"a\xff\xfe" "b\"");
  else if (strcmp(kind, "overlong") == 0) adds(&t, "\"a\xc0\xaf" "b\"");
  else if (strcmp(kind, "latin1") == 0) adds(&t, "\"J\xfcrgen\"");
  else if (strcmp(kind, "control") == 0) adds(&t, "\"a\nb\"");
  else if (strcmp(kind, "deep") == 0) fill(&t, "[", 10000), fill(&t, "]", 10000);
  else if (strcmp(kind, "5mb") == 0) adds(&t, "\""), fill(&t, "0123456789", 500000), adds(&t, "\"");
  else if (strcmp(kind, "1mb") == 0) adds(&t, "\""), fill(&t, "0123456789", 100000), adds(&t, "\"");
  else if (strcmp(kind, "keys") == 0) {
    adds(&t, "{");
    for (int i = 0; i < 100000; i++) addf(&t, "%s\"key%d\":%d", i ? "," : "", i, i);
    adds(&t, "}");
  } else if (strcmp(kind, "bigkey") == 0) adds(&t, "{\""), fill(&t, "k", 1 << 20), adds(&t, "\":1}");
  else if (strcmp(kind, "twice") == 0) adds(&t, "\"first\",\"note\":\"second\"");
  return t.p;
}

typedef struct ask { const char *fault; int version, page, after; bool faulty, links; char host[64], session[64]; int asked; } ask;

static void put_next(text *t, const ask *q, int last, bool more) {
  const char *f = q->faulty ? q->fault : "";
  const char *foreign = strcmp(f, "link-host") == 0      ? "http://169.254.169.254"
                        : strcmp(f, "link-port") == 0    ? "http://127.0.0.1:1"
                        : strcmp(f, "link-scheme") == 0  ? "ftp://files.invalid"
                        : strcmp(f, "link-user") == 0    ? "http://root:secret@evil.invalid"
                        : strcmp(f, "link-slashes") == 0 ? "//evil.invalid"
                                                         : NULL;
  if (strcmp(f, "link-same") == 0) addf(t, ",\"next\":\"/%s/items?after=%d\"", q->session, q->after);
  else if (strcmp(f, "link-file") == 0) adds(t, ",\"next\":\"file:///etc/passwd\"");
  else if (strcmp(f, "link-script") == 0) adds(t, ",\"next\":\"javascript:alert(1)\"");
  else if (strcmp(f, "link-space") == 0) adds(t, ",\"next\":\"/items?after=1 HTTP/1.1\\r\\nX: y\"");
  else if (strcmp(f, "link-number") == 0) adds(t, ",\"next\":17");
  else if (strcmp(f, "link-object") == 0) adds(t, ",\"next\":{\"href\":17}");
  else if (strcmp(f, "link-two") == 0) addf(t, ",\"next\":\"/%s/items?after=%d\"", q->session, q->page == 2 ? 0 : last);
  else if (q->links && more && foreign) addf(t, ",\"next\":\"%s/%s/items?after=%d\"", foreign, q->session, last);
  else if (q->links && more) addf(t, ",\"next\":\"http://%s/%s/items?after=%d\"", q->host, q->session, last);
  if (q->links) return;
  if (starts(f, "paging-")) {
    char *v = odd_value(f + 7);
    adds(t, ",\"paging\":"), adds(t, v);
    free(v);
  } else if (starts(f, "next-")) {
    char *v = odd_value(f + 5);
    adds(t, ",\"paging\":{\"next\":"), adds(t, v), adds(t, "}");
    free(v);
  } else if (starts(f, "after-")) {
    char *v = odd_value(f + 6);
    adds(t, ",\"paging\":{\"next\":{\"after\":"), adds(t, v), adds(t, "}}");
    free(v);
  } else if (strcmp(f, "loop-same") == 0) addf(t, ",\"paging\":{\"next\":{\"after\":\"%d\"}}", q->after);
  else if (strcmp(f, "loop-two") == 0) addf(t, ",\"paging\":{\"next\":{\"after\":\"%d\"}}", q->page == 2 ? 0 : 100);
  else if (strcmp(f, "loop-empty") == 0 || strcmp(f, "loop-copy") == 0) addf(t, ",\"paging\":{\"next\":{\"after\":\"100.%d\"}}", q->asked);
  else if (more) addf(t, ",\"paging\":{\"next\":{\"after\":\"%d\"}}", last);
}

/* All that costs a record and nothing else, on one page: the records 122, 123, … have one of these each. */
static const char *medley[] = {
  "item-null", "item-number", "item-string", "item-list", "item-object", "id-missing", "id-null", "id-object", "id-list", "id-bool", "id-float", "id-empty", "id-1e400",
  "id-longtext", "id-surrogate", "id-utf8", "id-control", "note-utf8", "note-overlong", "note-latin1", "note-rawnul", "note-surrogate", "note-control", "note-twice",
  "note-bigkey", "note-keys", "name-object", "name-list", "email-number", "email-object", "email-list", "email-bool", "age-string", "age-list", "age-object", "age-bool",
  "age-float", "age-1e400", "age-long", "score-string", "score-object", "score-list", "score-bool", "score-1e400", "active-number", "active-string", "active-list",
  "active-object", "born-string", "born-bool", "born-object", "born-list", "changed-string", "changed-bool", "changed-object", "changed-list", "changed-1e400", "tags-list"};
#define MEDLEY (int)(sizeof medley / sizeof *medley)
#define MEDLEY_FROM 122

/* What is wrong inside record `id` (the middle of a page): true if this record was written here. */
static bool odd_record(text *t, const ask *q, int id) {
  static const char *members[] = {"id", "name", "email", "age", "score", "active", "born", "changed", "tags", "note"};
  const char *f = q->fault;
  bool many = strcmp(f, "medley") == 0;
  if (!q->faulty || (many ? id < MEDLEY_FROM || id >= MEDLEY_FROM + MEDLEY : id != 150)) return false;
  if (many) f = medley[id - MEDLEY_FROM];
  if (starts(f, "item-")) {
    char *v = odd_value(f + 5);
    adds(t, v);
    free(v);
    return true;
  }
  for (int i = 0; i < 10; i++) {
    size_t n = strlen(members[i]);
    if (strncmp(f, members[i], n) != 0 || f[n] != '-') continue;
    if (strcmp(f + n, "-missing") == 0) {
      record(t, q->version, id, members[i], NULL);
      return true;
    }
    char *v = odd_value(f + n + 1);
    if (strcmp(f + n, "-rawnul") == 0) { /* the value holds a NUL: it cannot be told as a C string */
      size_t at = t->n;
      record(t, q->version, id, members[i], "\"a?b\"");
      char *mark = memchr(t->p + at, '?', t->n - at);
      if (mark) *mark = 0;
    } else record(t, q->version, id, members[i], v);
    free(v);
    return true;
  }
  return false;
}

/* A page as JSON, right or wrong. */
static void page_json(text *t, const ask *q) {
  const char *f = q->faulty ? q->fault : "";
  int id = q->after + 1, count = 0, last = q->after;
  if (starts(f, "root-")) {
    char *v = strcmp(f, "root-hollow") == 0 ? strdup("{}") : odd_value(f + 5);
    adds(t, v ? v : "");
    free(v);
    return;
  }
  adds(t, strcmp(f, "bom") == 0 ? "\xef\xbb\xbf{" : "{");
  if (starts(f, "results-") && strcmp(f, "results-missing") != 0) {
    char *v = odd_value(f + 8);
    adds(t, "\"results\":"), adds(t, v);
    free(v);
    id = LAST_ID + 1;
  } else if (strcmp(f, "results-missing") == 0) {
    adds(t, "\"elsewhere\":[]");
    id = LAST_ID + 1;
  } else adds(t, "\"results\":[");
  if (strcmp(f, "loop-empty") == 0) id = LAST_ID + 1;
  size_t most = strcmp(f, "page-20000") == 0 ? 20000 : PAGE;
  for (; id <= LAST_ID && count < PAGE; id++) {
    if (!exists(q->version, id)) continue;
    if (count++) adds(t, ",");
    if (!odd_record(t, q, id)) record(t, q->version, id, NULL, NULL);
    if (strcmp(f, "twins") == 0 && id % 10 == 0) adds(t, ","), record(t, q->version, id, NULL, NULL); /* inside a page */
    last = id;
  }
  if (strcmp(f, "echo") == 0) /* what the page before ended with comes again */
    for (int again = q->after; again > q->after - 20 && again > 0; again--)
      if (exists(q->version, again)) adds(t, ","), record(t, q->version, again, NULL, NULL);
  for (size_t i = PAGE; i < most; i++) addf(t, ",{\"id\":\"x%zu\",\"name\":\"Extra\",\"email\":\"e%zu@example.org\",\"age\":1}", i, i);
  if (strcmp(f, "large-records") == 0)
    for (int i = 0; i < 29; i++) {
      addf(t, ",{\"id\":\"l%d\",\"name\":\"Large\",\"email\":\"l@example.org\",\"age\":1,\"note\":\"", i);
      fill(t, "0123456789", 100000);
      adds(t, "\"}");
    }
  if (!starts(f, "results-")) adds(t, "]");
  bool more = false;
  for (int i = last + 1; i <= LAST_ID; i++) more |= exists(q->version, i);
  put_next(t, q, last, more);
  adds(t, "}");
}

#endif
