/* script/script: the only room with lua.h. One Lua 5.4 state with no powers, words, budgets, and calls.
 *
 * A state holds the script files of one run; it is made, used by one job at a time, and thrown away. Limits are sticky: once
 * over budget, every pcall, coroutine and handler of the script raises again until control is back in C. */
#ifndef PERI_SCRIPT_SCRIPT_H
#define PERI_SCRIPT_SCRIPT_H

#include "plan/value.h"
#include "spec/tree.h"
#include "wire/progress.h" /* peri_progress: mapped from fd 4 in a worker, plain memory elsewhere */

typedef struct peri_script peri_script;

typedef struct peri_script_limits { /* 0 means the default of base/limits.h */
  int call_ms;      /* CPU time of one user function call */
  int load_ms;      /* CPU time to load one file, examples included */
  size_t vm_bytes;
} peri_script_limits;

/* Once per process, before the jail closes: signal handler and the CPU-time timer of this thread. */
peri_code peri_budget_start(peri_progress *progress, peri_err *e);

/* Everything takes longer under sanitizers and valgrind: multiplies every script budget. Debug builds set it from HELLO; the
 * sanitizers' own factor is known at build time and applies by itself. 0 and 1 mean real time. */
void peri_budget_scale(int factor);

peri_script *peri_script_new(const peri_script_limits *limits);
void peri_script_free(peri_script *s);
size_t peri_script_peak_bytes(const peri_script *s);
/* What `print` writes: one call a line, at most 4 KB each, valid UTF-8. Without it prints vanish. */
void peri_script_on_log(peri_script *s, void (*log)(void *self, peri_str text), void *self);

/* Makes a file known, for peri_script_load and for `use "name"` (lib/name.lua). The bytes are copied. Refuses: too large, byte code,
 * BOM and shebang are skipped or refused with a clear text, `<close>`, a fourth `for` value, nesting past the cap. */
peri_code peri_script_file(peri_script *s, peri_str path, peri_str bytes, peri_err *e, int *line);

/* Runs a file and turns what it returns into a tree (not yet held against the table of words: peri_spec_check).
 * Errors carry FILE:LINE: unknown globals with "did you mean", a word made but never used, a called text, `..` on a word that is
 * no hole, options given twice, a hole that is read, a global written, time, memory. */
peri_code peri_script_load(peri_script *s, peri_str path, peri_arena *a, peri_tree *tree, peri_err *e, int *line);

/* Compiles the body of a function whose parameters are named, e.g. ("transformation of firstName", "return value:upper()", "value").
 * JavaScript gets an error that shows the Lua for it. *fn can be used like the functions of a tree. */
peri_code peri_script_body(peri_script *s, peri_str name, peri_str body, const char *params, int *fn, peri_err *e, int *line);

/* Calls by number for plans. Owned by the state. */
peri_caller *peri_script_caller(peri_script *s);

/* Calls a function with JSON arguments and gets JSON back: more.make (its result is a tree: use _make), tests, emulators' helpers. */
peri_code peri_script_call_json(peri_script *s, int fn, const peri_str *args, int nargs, peri_buf *result, peri_call_fault *fault);
/* Calls `make` of `more` with the item as a table; *node NULL if it answered nil. */
peri_code peri_script_make(peri_script *s, int fn, peri_str item_json, peri_str parent_json, peri_arena *a, peri_node **node, peri_call_fault *fault);

/* pull: a coroutine that looks blocking. Each step runs until the script sends, emits, marks, or ends. */
typedef struct peri_pull peri_pull;
typedef enum peri_pull_step { PERI_PULL_SEND, PERI_PULL_EMIT, PERI_PULL_MARK, PERI_PULL_END, PERI_PULL_FAIL } peri_pull_step;
typedef struct peri_pull_event {
  peri_pull_step step;
  peri_node *request;     /* SEND: a request word (get, post, …), in the arena given */
  uint32_t reply;         /* EMIT: which reply (the number given to peri_pull_resume) */
  peri_str path;          /* EMIT: where its records are */
  peri_str position;      /* MARK: JSON value */
  peri_call_fault fault;  /* FAIL */
} peri_pull_event;
peri_pull *peri_pull_new(peri_script *s, int fn, peri_str since_json, peri_str settings_json);
void peri_pull_free(peri_pull *p);
/* reply: number, status, headers as JSON object, body bytes (kept until the pull ends or three newer replies came); NULL to start or go on. */
typedef struct peri_pull_reply { uint32_t number; int status; peri_str headers_json; peri_str body; } peri_pull_reply;
void peri_pull_resume(peri_pull *p, const peri_pull_reply *reply, peri_arena *a, peri_pull_event *event);
peri_str peri_pull_body(const peri_pull *p, uint32_t reply); /* bytes of a reply for EMIT; {NULL,0} if it is gone */

#endif
