/* core/lua_pattern: the part of Lua's patterns that a rate's `pattern` needs ("api%-usage=(%d+)/(%d+)"), for texts of replies, in the process
 * that must not hold Lua. Literals, `.`, %a %d %l %s %u %w %x and their capitals, escapes, [sets], `* + - ?`, `^ $`, captures. No %b, %f, back references. */
#ifndef PERI_CORE_LUA_PATTERN_H
#define PERI_CORE_LUA_PATTERN_H

#include "base/str.h"

/* Captures of the first match; the whole match counts as one if there are none. 0: no match, or more than a small budget of steps. */
int peri_lua_captures(peri_str pattern, peri_str text, peri_str *captures, int max);

#endif
