/* What the files of the emulator tests share: an emulator in this process, asked without HTTP. */
#ifndef TEST_EMULATE_H
#define TEST_EMULATE_H

#include "json/tree.h"
#include "script/emulator.h"
#include "spec/spec.h"

int peri_test_emulate_hubspot(void);
int peri_test_emulate_http(void);

#define TEST_NOW 1795395723004 /* 2026-11-23T01:02:03.004Z */

typedef struct play {
  peri_script *script;
  peri_arena *arena;
  peri_tree tree;
  peri_emulator *em;
  int64_t now_ms;
  /* the last answer */
  int status;
  peri_str headers, deliveries, text;
  const peri_json *body; /* NULL if it is no JSON */
} play;

/* Loads the source (its errors fail the test) and fills it. */
void play_open(play *p, const char *path, peri_str source, const char *options);
void play_shipped(play *p, const char *options); /* HubSpot's */
void play_close(play *p);
/* One request with the token pat-emulator (or `token`; "" sends none); body NULL or JSON text. */
int ask(play *p, const char *method, const char *path, const char *query_json, const char *body);
int ask_as(play *p, const char *token, const char *method, const char *path, const char *query_json, const char *body);
const char *get_text(play *p, const char *path); /* of the last body, by path; NULL if absent */
int64_t get_int(play *p, const char *path);      /* -1 if absent */

#endif
