/* json/path: one path's text, taken apart. For this room only; the grammar is in json/paths.h. */
#ifndef PERI_JSON_PATH_H
#define PERI_JSON_PATH_H

#include "base/err.h"
#include "json/json.h"

#define PERI_PATH_STEPS_MAX 32     /* nobody honest nests past 30 */
#define PERI_PATH_BYTES_MAX 1024
#define PERI_PATH_INDEX_MAX 9999   /* an element further on is asked for by nobody */
#define PERI_PATH_BACK_MAX 64      /* a[-64]: so many elements are remembered while a list goes by */

typedef enum peri_step_kind { PERI_STEP_KEY, PERI_STEP_INDEX, PERI_STEP_EACH } peri_step_kind;

typedef struct peri_step {
  peri_step_kind kind;
  int index;
  peri_str key; /* unescaped; in the path's text */
} peri_step;

typedef struct peri_path {
  int count;
  peri_step steps[PERI_PATH_STEPS_MAX];
  char text[PERI_PATH_BYTES_MAX]; /* the keys, with a dot between neighbours: a run of keys is one slice of it */
} peri_path;

bool peri_path_read(peri_path *out, peri_str text, peri_err *e);
/* The last key of the unbroken run of keys that `at` stands in. */
int peri_path_run_end(const peri_path *path, int at);
/* Keys from..to as one literal key with dots. */
peri_str peri_path_joined(const peri_path *path, int from, int to);

bool peri_span_key_is(peri_span key, peri_str text);

#endif
