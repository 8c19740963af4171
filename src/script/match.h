/* script/match.h: the matcher behind Lua's patterns, for the functions of patterns.c alone.
 * It compares and captures; it makes no text and calls no function of a script. */
#ifndef PERI_SCRIPT_MATCH_H
#define PERI_SCRIPT_MATCH_H

#include "script/state.h"

#define PERI_CAPTURES_MAX 32
#define PERI_MATCH_DEPTH_MAX 200
#define PERI_PATTERN_ESC '%'
#define PERI_CAPTURE_UNFINISHED (-1)
#define PERI_CAPTURE_POSITION (-2)

typedef struct peri_matcher {
  const char *src_init, *src_end, *p_end;
  lua_State *L;
  peri_script *s;
  int depth;
  unsigned char level;
  struct {
    const char *init;
    ptrdiff_t len;
  } capture[PERI_CAPTURES_MAX];
} peri_matcher;

void peri_match_begin(peri_matcher *m, lua_State *L, const char *s, size_t ls, const char *p, size_t lp);
/* The end of what pattern p matches at s, or NULL. */
const char *peri_match_here(peri_matcher *m, const char *s, const char *p);
/* Length of capture l of the match from s to e, its start in *cap; a position capture is pushed and answers PERI_CAPTURE_POSITION. */
ptrdiff_t peri_match_capture(peri_matcher *m, int l, const char *s, const char *e, const char **cap);
void peri_match_push(peri_matcher *m, int l, const char *s, const char *e);
int peri_match_push_all(peri_matcher *m, const char *s, const char *e); /* how many; the whole match where nothing is captured and s is given */

/* Before each place that is tried. */
static inline void peri_match_again(peri_matcher *m) {
  m->level = 0;
  m->depth = PERI_MATCH_DEPTH_MAX;
}

/* Counts steps against the budget of the call, which raises when it is spent. */
static inline void peri_match_spend(peri_matcher *m, int64_t steps) {
  peri_script *s = m->s;
  int64_t left = s->steps - steps;
  if (left <= 0) {
    s->steps = 0;
    peri_budget_raise(m->L, PERI_SCRIPT_TIMEOUT);
  }
  if ((s->steps ^ left) & ~1023) peri_budget_check(m->L);
  s->steps = left;
}

#endif
