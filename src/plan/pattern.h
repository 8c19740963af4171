/* plan/pattern: Lua's patterns in C with a budget, for the option `pattern`: this room never enters Lua to check a text. */
#ifndef PERI_PLAN_PATTERN_H
#define PERI_PLAN_PATTERN_H

#include <stdbool.h>

#include "base/str.h"

typedef enum peri_pattern_found { PERI_PATTERN_NO, PERI_PATTERN_YES, PERI_PATTERN_BUDGET } peri_pattern_found;

/* As string.find(text, pattern) ~= nil, but never more than `steps` steps. The pattern must have passed peri_pattern_check. */
peri_pattern_found peri_pattern_find(peri_str text, peri_str pattern, long steps);
/* NULL if the pattern is well made, else Lua's own words for what is wrong. */
const char *peri_pattern_check(peri_str pattern);

#endif
