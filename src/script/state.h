/* script/state: what the files of this room share. Nobody outside of it includes this header, because it includes lua.h.
 *
 * Layout of the main stack while nothing runs: slot 1 the message handler, slot 2 the table of numbered functions.
 * Rule of the room: nothing that C owns is in flight when Lua may throw. Texts are therefore built in s->build and
 * s->scratch, which belong to the state, and are forgotten by whoever catches the error. */
#ifndef PERI_SCRIPT_STATE_H
#define PERI_SCRIPT_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include "base/map.h"
#include "base/mem.h"
#include "json/json.h"
#include "script/script.h"
#include "spec/spec.h"

#define PERI_EXIT_STUCK 41  /* a worker that leaves by itself: its script sat in C past its budget and the grace behind it */
#define PERI_EXIT_MEMORY 42 /* or wanted more than twice its memory */
#define PERI_GRACE_TICKS 30 /* how long a script may sit in C after its budget is over: 300 ms */
#define PERI_SLOT_HANDLER 1
#define PERI_SLOT_FUNCS 2
#define PERI_SLOTS 2

#define PERI_PRINTS_MAX 1000              /* lines that one run may print */
#define PERI_INDEX_STEPS_MAX 5000         /* `.name` and `[x]` in one function: Lua's name finder recurses once for each */
#define PERI_PATH_MAX 256

typedef enum peri_phase { PERI_PHASE_IDLE, PERI_PHASE_LOAD, PERI_PHASE_CALL, PERI_PHASE_PULL } peri_phase;

/* One script file that was made known. */
typedef struct peri_file {
  peri_str path, bytes;
  int lib_state;           /* of lib/ files: 0 not run, 1 running, 2 its value is kept */
  struct peri_file **uses; /* files it took something from */
  size_t use_count, use_cap;
  uint32_t visit;          /* mark of the last walk over `uses` */
} peri_file;

typedef struct peri_pool peri_pool; /* alloc.c */

struct peri_script {
  lua_State *L;
  lua_State *volatile running; /* the coroutine that has control: the only one whose hook counts */
  /* budget; the tick handler reads and writes these */
  volatile int over;           /* 0, or the code that every part of the script now raises */
  volatile int memory_armed;   /* past the ceiling: the hook has to look */
  volatile int active;         /* a budget runs */
  volatile uint32_t began;     /* tick at which it began */
  volatile uint32_t ticks;     /* how many it may use */
  int call_ms, load_ms;
  int64_t steps;               /* pattern steps left */
  int budget_ms, budget_scale; /* what `ticks` and budget_steps were computed for */
  int64_t budget_steps;
  char over_file[PERI_PATH_MAX];
  int over_line;
  size_t over_bytes;           /* a text of this size was refused; 0: the sum was too much */
  /* memory */
  peri_pool *pool;
  size_t ceiling;
  /* files and words */
  peri_arena *arena;
  peri_map files;
  peri_file *loading;          /* innermost file that runs now */
  peri_phase phase;
  uint32_t word_seq, word_mark, hash_mark;
  int made_ref;                /* registry: list of words made since the file began */
  int func_count;
  /* texts under construction */
  peri_buf build;              /* a stack of texts: see peri_build_begin */
  size_t build_floor;          /* what was built when the running coroutine was resumed */
  peri_buf scratch, keys;
  /* log */
  void (*log)(void *self, peri_str text);
  void *log_self;
  int prints;
  uint64_t random[4];
  struct peri_pull *pull;      /* the one that has control */
  /* calls */
  peri_caller caller;
  peri_call_fault *fault;      /* where the message handler writes; NULL: nowhere */
};

static inline peri_script *peri_state_of(lua_State *L) { return *(peri_script **)lua_getextraspace(L); }

/* ---- alloc.c ---- */
peri_pool *peri_pool_new(void);
void peri_pool_free(peri_pool *p);
size_t peri_pool_used(const peri_pool *p);
size_t peri_pool_peak(const peri_pool *p);
void *peri_pool_alloc(void *script, void *p, size_t old_bytes, size_t new_bytes); /* a lua_Alloc; its ud is the script */

/* ---- budget.c ---- */
void peri_budget_enter(peri_script *s, int ms);    /* begins a budget; nothing nests */
void peri_budget_leave(peri_script *s);
void peri_budget_arm(peri_script *s);              /* the next instruction of the running coroutine looks at the flags */
void peri_budget_memory(peri_script *s, size_t text_bytes); /* the allocator's call: past the ceiling, or one text of text_bytes is too long */
/* For C code that loops: 0, or the code that is over. May collect garbage. */
int peri_budget_poll(peri_script *s, lua_State *L);
/* The same, raising. Every loop in C that a script can make long calls it now and then. */
void peri_budget_check(lua_State *L);
/* After every return from something that catches errors: raises again if a limit was hit. */
void peri_budget_again(lua_State *L);
_Noreturn void peri_budget_raise(lua_State *L, int code); /* sets the sticky flag and raises */
_Noreturn void peri_leave(peri_script *s, uint32_t death, int code);
uint32_t peri_ticks_of(int ms);
peri_progress *peri_budget_progress(void); /* what peri_budget_start was given; never NULL */

/* ---- fault.c ---- */
int peri_message_handler(lua_State *L);             /* for lua_pcall: notes file and line, gives text */
void peri_fault_note(peri_script *s, lua_State *L, peri_call_fault *fault); /* error value on top of L, stack of L still intact */
void peri_fault_set(peri_call_fault *fault, peri_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void peri_fault_over(peri_script *s, peri_call_fault *fault);
void peri_text_tame(peri_str raw, char *out, size_t out_bytes); /* valid UTF-8, no control characters, cut */
/* Calls the function under nargs arguments on the main stack with a budget. false: *fault is set, nothing is left on the stack. */
bool peri_state_run(peri_script *s, int nargs, int nresults, int ms, peri_call_fault *fault);
/* The same where words may be made (files, more.make): the stack does not move meanwhile. */
bool peri_state_run_steady(peri_script *s, int nargs, int nresults, int ms, peri_call_fault *fault);
void peri_state_steady(lua_State *L, bool on);
#define PERI_STEADY_SLOTS 8000 /* 128 KB; a file that nests deeper than this is refused by other limits */
/* After a run that went over: makes the state usable again, or marks it broken. */
void peri_state_recover(peri_script *s);

/* ---- jsonlib.c ---- */
/* Pushes a checked JSON value onto L. Lossless: an array keeps its mark even when empty, an empty object too, an integer beyond
 * 64 bits arrives as its digits, null as the word null. false: over a limit, nothing is pushed. Does not raise. */
bool peri_push_json(peri_script *s, lua_State *L, peri_span value);
/* Appends the Lua value at index as JSON (members sorted by name). false: *why says what cannot be written. Does not raise. */
typedef struct peri_json_caps { size_t bytes, nodes; int depth; } peri_json_caps;
bool peri_to_json(peri_script *s, lua_State *L, int index, peri_buf *out, const peri_json_caps *caps, char *why, size_t why_bytes);
extern const peri_json_caps peri_result_caps; /* of what functions return */
typedef enum peri_mark { PERI_MARK_NONE, PERI_MARK_ARRAY, PERI_MARK_OBJECT, PERI_MARK_OTHER } peri_mark; /* OTHER: a metatable of the script */
peri_mark peri_table_mark(lua_State *L, int index);
/* Is the value at index a list? 1 list, 0 object, -1 neither (holes in it, mixed keys). *count its items. An empty table without a mark: empty_is. */
int peri_table_shape(lua_State *L, int index, size_t *count, int empty_is);
void peri_mark_table(lua_State *L, int index, peri_mark mark); /* so that an empty one stays [] or {} */
void peri_open_marks(lua_State *L);
void peri_push_null(lua_State *L);
bool peri_is_null(lua_State *L, int index);
int peri_lua_decode(lua_State *L);
int peri_lua_encode(lua_State *L);

/* emu_db.c: is the value at index rows of an emulator, held as JSON? */
bool peri_emu_raw(lua_State *L, int index, peri_str *json);

/* ---- build: texts that C makes for scripts; a stack, so that a callback may build one too ---- */
static inline size_t peri_build_begin(peri_script *s) { return s->build.n; }
void peri_build_put(lua_State *L, peri_script *s, size_t base, const void *p, size_t n); /* raises script_memory past the cap of a text */
void peri_build_push(lua_State *L, peri_script *s, size_t base);                         /* as a Lua string; forgets it */

/* ---- libraries: each puts its functions into the table on top of the stack ---- */
void peri_open_base(lua_State *L);
void peri_open_coroutine(lua_State *L);
void peri_open_string(lua_State *L);
void peri_open_table(lua_State *L);
void peri_open_math(lua_State *L);
void peri_open_utf8(lua_State *L);
void peri_open_os(lua_State *L);
void peri_lend_into(lua_State *L, const char *library); /* puts liblua's harmless functions of a library into the table on top */
void peri_set_functions(lua_State *L, const luaL_Reg *functions);
const char *peri_tolstring(lua_State *L, int index, size_t *n);  /* pushes; like luaL_tolstring, without addresses */
bool peri_is_frozen(lua_State *L, int index);                    /* a table of ours that scripts may not write */
void peri_freeze_push(lua_State *L);                             /* replaces the table on top by a read-only view of it */
/* Makes the value on top of the main stack a global of every file (before the first file is loaded); pops it. */
void peri_state_set_global(peri_script *s, const char *name);
uint64_t peri_random_next(uint64_t s[4]); /* xoshiro256** */
/* patterns.c */
int peri_lua_find(lua_State *L);
int peri_lua_match(lua_State *L);
int peri_lua_gmatch(lua_State *L);
int peri_lua_gsub(lua_State *L);
/* format.c */
int peri_lua_format(lua_State *L);

/* ---- words.c ---- */
typedef struct peri_word {
  const peri_word_spec *spec; /* NULL: a join */
  const char *file;
  int line;
  uint32_t seq;               /* 0: a bare word */
  uint32_t used;              /* s->word_mark of the file in which it was found */
  bool has_what, has_opts;
} peri_word; /* user value 1 what (or the list of a join), 2 options */
peri_word *peri_to_word(lua_State *L, int index); /* NULL if it is none */
void peri_open_words(peri_script *s);
void peri_words_begin(peri_script *s);             /* forgets the words made so far */
/* After the tree: the first word that was made and is not part of it; NULL if none. */
const peri_word *peri_words_unused(peri_script *s);
int peri_unknown_global(lua_State *L);
const char *peri_where(lua_State *L, int level, int *line); /* full path and line of the Lua function at or above level */

/* ---- totree.c ---- */
/* The value at index as a tree. NULL: e and line say why. Does not raise. Marks words as used. */
peri_node *peri_to_tree(peri_script *s, lua_State *L, int index, peri_arena *a, peri_err *e, const char **file, int *line);
int peri_function_number(peri_script *s, lua_State *L, int index); /* keeps the function; the same one gets the same number */

/* ---- scan.c ---- */
peri_code peri_scan(peri_str path, peri_str *bytes, peri_err *e, int *line); /* refuses before Lua sees it; skips a BOM and a #! line */

/* ---- load.c ---- */
int peri_lua_use(lua_State *L);
peri_file *peri_file_named(const peri_script *s, peri_str path);
void peri_file_hash(peri_script *s, peri_file *file, void *xxh_state); /* its text and that of all it uses */

/* ---- javascript.c ---- */
bool peri_javascript_hint(peri_str body, peri_buf *lua); /* true if it is JavaScript; *lua gets the same in Lua, or nothing */

/* ---- calls.c ---- */
void peri_calls_init(peri_script *s);
bool peri_result_value(peri_script *s, lua_State *L, int index, peri_value *out, peri_arena *arena, char *why, size_t why_bytes);

#endif
