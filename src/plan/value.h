/* plan/value: a value on its way between a record and a user's function, and the interface through which plans call
 * functions without knowing Lua (script/ implements it; tests put C functions behind it). */
#ifndef PERI_PLAN_VALUE_H
#define PERI_PLAN_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "json/json.h"

typedef enum peri_vtype {
  PERI_V_NULL,
  PERI_V_BOOL,
  PERI_V_INT, /* fits 64 signed bits */
  PERI_V_NUM,
  PERI_V_TEXT, /* valid UTF-8; may hold NUL */
  PERI_V_LIST, /* items */
  PERI_V_JSON  /* an object (or anything `json`) as checked JSON text */
} peri_vtype;

typedef struct peri_value peri_value;
struct peri_value {
  peri_vtype type;
  union {
    bool b;
    int64_t i;
    double d;
    peri_str s; /* TEXT and JSON; borrowed from the record or the job's arena */
    struct {
      peri_value *items;
      size_t count;
    } list;
  } u;
};

/* Where a function's failure happened and what it was. */
typedef struct peri_call_fault {
  peri_code code; /* PERI_SCRIPT_ERROR, _TIMEOUT, _MEMORY */
  char file[256];
  int line; /* 0 if unknown */
  char text[PERI_ERROR_TEXT_MAX];
} peri_call_fault;

typedef struct peri_caller peri_caller;
struct peri_caller {
  /* Calls function number `fn` with args. Fills at most two results (missing ones are NULL values; results live in `arena`
   * until the caller resets it). false: *fault says why; the VM may go on to be used unless it reports itself broken. */
  bool (*call)(peri_caller *self, int fn, const peri_value *args, int nargs, peri_value results[2], peri_arena *arena, peri_call_fault *fault);
  /* notes on the progress page: which record and field are being worked on (for a kill's post-mortem) */
  void (*mark)(peri_caller *self, uint32_t record, uint32_t field);
  bool broken; /* memory is exhausted for good: the worker must be replaced */
};

#endif
