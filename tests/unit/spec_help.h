/* Shared by the tests of spec: trees from their JSON form, written with ' for ". */
#ifndef TESTS_SPEC_HELP_H
#define TESTS_SPEC_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/spec.h"

peri_node *tree_of(peri_arena *a, const char *json);
/* "" if the tree is good, else the error's text; valid until the next call. */
const char *mistake_of(const char *path, const char *json);

/* A word with line, what it reads (JSON) and its options (members of the JSON form); one without options; a table. */
#define W(word, line, what, options) "{'w':'" word "','l':" line ",'a':" what ",'o':{'m':[" options "]}}"
#define BARE(word, line, what) "{'w':'" word "','l':" line ",'a':" what "}"
#define ONLY(word, line, options) "{'w':'" word "','l':" line ",'o':{'m':[" options "]}}"
#define HOLE(word, line) "{'w':'" word "','l':" line "}"
#define T(members) "{'m':[" members "]}"
#define FIRST(item, members) "{'i':[" item "],'m':[" members "]}"
#define CONNECTOR(options) W("connector", "1", "'acme'", "'base','https://api.acme.test'," options)
#define STREAM(line, options) W("stream", line, "'lead'", "'key','id'," options)
#define FULL "'full'," BARE("get", "9", "'/leads'")
#define WITH_STREAM(options) CONNECTOR("'streams',[" STREAM("8", options) "]")
#define REQUEST(options) WITH_STREAM("'full'," W("get", "9", "'/leads'", options))
#define MAPPING(options) W("mapping", "1", "'contact'", "'from','acme.lead'," options)
#define FIELDS(fields) MAPPING("'fields'," T(fields))

struct mistake {
  const char *tree, *text;
};
void all_fail(const char *path, const struct mistake *list, size_t count);
void all_pass(const char *path, const char *const *list, size_t count);

int run_mistakes(void);
int run_files(void);
int run_words(void);

#endif
