/* script/budget: time and memory that a script may use, and how it is stopped.
 *
 * One CPU-time timer of this thread ticks every 10 ms. A budget notes the tick at which it began; while all is well there is no
 * hook. Past the budget the tick handler sets a sticky flag and arms the hook of the running coroutine, which raises; whatever
 * catches errors raises again (peri_budget_again). A script that sits in C past a further 300 ms takes the process with it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "script/state.h"

#if defined(PERI_DEBUG) && defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define UNDER_VALGRIND() (RUNNING_ON_VALGRIND != 0)
#endif
#endif
#ifndef UNDER_VALGRIND
#define UNDER_VALGRIND() false
#endif

#if defined(__SANITIZE_ADDRESS__)
#define BUILD_SCALE 8
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUILD_SCALE 8
#endif
#endif
#ifndef BUILD_SCALE
#define BUILD_SCALE 1
#endif
#define VALGRIND_SCALE 60

static pid_t started_for; /* the thread whose time is counted: a worker's only one, or that of `--inline` */
static timer_t timer;
static volatile uint32_t tick;             /* 10 ms of this thread's CPU time each */
static peri_script *volatile current;      /* whose budget runs */
static peri_progress none;
static peri_progress *progress = &none;
static int scale = 1;

void peri_budget_scale(int factor) { scale = factor < 1 ? 1 : factor; }

static int scale_now(void) {
  int built = UNDER_VALGRIND() ? VALGRIND_SCALE : BUILD_SCALE;
  return scale > built ? scale : built;
}

uint32_t peri_ticks_of(int ms) {
  int64_t ticks = ((int64_t)ms * scale_now() + PERI_TICK_MS - 1) / PERI_TICK_MS;
  return ticks > 1000000 ? 1000000 : (uint32_t)ticks;
}

peri_progress *peri_budget_progress(void) { return progress; }

_Noreturn void peri_leave(peri_script *s, uint32_t death, int code) {
  (void)s;
  progress->death = death;
  _exit(code);
}

static void hook(lua_State *L, lua_Debug *ar);

static void arm(lua_State *L) { lua_sethook(L, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1); }
static void disarm(lua_State *L) { lua_sethook(L, NULL, 0, 0); }

void peri_budget_arm(peri_script *s) {
  lua_State *L = s->running;
  if (L) arm(L);
}

static void on_tick(int signo) {
  (void)signo;
  tick++;
  peri_script *s = current;
  if (!s || !s->active) return;
  uint32_t used = tick - s->began;
  if (used <= s->ticks) return;
  if (used > s->ticks + PERI_GRACE_TICKS * (uint32_t)scale_now()) peri_leave(s, 1, PERI_EXIT_STUCK);
  if (!s->over) s->over = PERI_SCRIPT_TIMEOUT;
  peri_budget_arm(s); /* again at every tick: the coroutine that runs may be another one now */
}

peri_code peri_budget_start(peri_progress *page, peri_err *e) {
  progress = page ? page : &none;
  pid_t me = (pid_t)syscall(SYS_gettid);
  if (started_for == me) return PERI_OK;
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_handler = on_tick;
  sa.sa_flags = SA_RESTART;
  sigemptyset(&sa.sa_mask);
  if (sigaction(SIGRTMIN, &sa, NULL) != 0) return peri_fail(e, PERI_INTERNAL, "no handler for the budget's clock: %s", strerror(errno));
  struct sigevent ev;
  memset(&ev, 0, sizeof ev);
  ev.sigev_notify = SIGEV_THREAD_ID;
  ev.sigev_signo = SIGRTMIN;
  ev._sigev_un._tid = me;
  if (started_for) timer_delete(timer); /* of a thread that is gone */
  started_for = 0;
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &timer) != 0) return peri_fail(e, PERI_INTERNAL, "no CPU-time timer: %s", strerror(errno));
  struct itimerspec every = {{0, PERI_TICK_MS * 1000000L}, {0, PERI_TICK_MS * 1000000L}};
  if (timer_settime(timer, 0, &every, NULL) != 0) return peri_fail(e, PERI_INTERNAL, "the CPU-time timer does not start: %s", strerror(errno));
  started_for = me;
  return PERI_OK;
}

void peri_budget_enter(peri_script *s, int ms) {
  if (s->budget_ms != ms || s->budget_scale != scale) { /* divisions would cost more than the rest of a call's bookkeeping */
    s->budget_ms = ms;
    s->budget_scale = scale;
    s->budget_steps = (int64_t)PERI_PATTERN_STEPS_MAX * ms / PERI_CALL_MS;
    if (s->budget_steps < PERI_PATTERN_STEPS_MAX / 100) s->budget_steps = PERI_PATTERN_STEPS_MAX / 100;
    s->ticks = peri_ticks_of(ms);
  }
  s->steps = s->budget_steps;
  s->began = tick;
  current = s;
  s->active = 1;
  if (s->memory_armed) peri_budget_arm(s);
}

void peri_budget_leave(peri_script *s) {
  s->active = 0;
  if (current == s) current = NULL;
}

void peri_budget_memory(peri_script *s, size_t text_bytes) {
  if (text_bytes) {
    if (s->active && !s->over) {
      s->over = PERI_SCRIPT_MEMORY;
      s->over_bytes = text_bytes;
    }
  } else if (s->memory_armed) {
    return;
  }
  s->memory_armed = 1;
  peri_budget_arm(s);
}

int peri_budget_poll(peri_script *s, lua_State *L) {
  if (s->over) return s->over;
  if (!s->memory_armed) return 0;
  lua_gc(L, LUA_GCCOLLECT);
  if (peri_pool_used(s->pool) > s->ceiling / 4 * 3) {
    if (!s->over) s->over = PERI_SCRIPT_MEMORY;
    return s->over;
  }
  s->memory_armed = 0;
  return s->over;
}

static void note_place(peri_script *s, lua_State *L) {
  if (s->over_line) return;
  int line = 0;
  const char *file = peri_where(L, 0, &line);
  if (!file) return;
  size_t n = strlen(file);
  if (n >= sizeof s->over_file) n = sizeof s->over_file - 1;
  memcpy(s->over_file, file, n);
  s->over_file[n] = 0;
  s->over_line = line;
}

static _Noreturn void raise_over(lua_State *L, peri_script *s) {
  note_place(s, L);
  arm(L); /* the catcher's next instruction raises again */
  lua_pushliteral(L, "over budget");
  lua_error(L);
  peri_leave(s, 1, PERI_EXIT_STUCK); /* lua_error does not return */
}

static void hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  peri_script *s = peri_state_of(L);
  if (peri_budget_poll(s, L)) raise_over(L, s);
  disarm(L);
  /* a tick may have come between the look at the flags and this */
  if (s->over || s->memory_armed) arm(L);
}

void peri_budget_check(lua_State *L) {
  peri_script *s = peri_state_of(L);
  if ((s->over | s->memory_armed) && peri_budget_poll(s, L)) raise_over(L, s);
}

void peri_budget_again(lua_State *L) {
  peri_script *s = peri_state_of(L);
  if (s->over) raise_over(L, s);
  if (s->memory_armed) arm(L); /* the coroutine that was armed may be gone */
}

_Noreturn void peri_budget_raise(lua_State *L, int code) {
  peri_script *s = peri_state_of(L);
  if (!s->over) s->over = code;
  raise_over(L, s);
}

void peri_state_recover(peri_script *s) {
  lua_State *L = s->L;
  s->running = L;
  peri_buf_clear(&s->build); /* also forgets that it was over */
  if (s->over == PERI_SCRIPT_MEMORY || s->memory_armed) {
    lua_gc(L, LUA_GCCOLLECT);
    if (peri_pool_used(s->pool) > s->ceiling / 4 * 3) s->caller.broken = true;
  }
  s->over = 0;
  s->memory_armed = 0;
  s->over_line = 0;
  s->over_file[0] = 0;
  s->over_bytes = 0;
  disarm(L);
}
