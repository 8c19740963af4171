-- Files that must be refused before, while, or after they run.
--# byte code | file | refused
LuaQ
--# <close> | file | refused
local x <close> = nil return mapping "x" { from = "a.b" }
--# <close> with blanks and comments | file | refused
local x < --[[ not here ]] close --
> = nil return mapping "x" { from = "a.b" }
--# a fourth value of a for | file | refused
for a, b in next, {}, nil, nil do end return mapping "x" { from = "a.b" }
--# a fourth value of a for, with calls and functions between | file | refused
for a in (function() for i = 1, 2 do end return next end)(), {1, 2, 3}, f(1, 2), {} do end return mapping "x" { from = "a.b" }
--# __gc by name | file | refused
local m = {} m.__gc = print return mapping "x" { from = "a.b" }
--# __mode as a text | file | refused
local m = { ["__mode"] = "k" } return mapping "x" { from = "a.b" }
--# __close as a long text | file | refused
local m = { [ [[__close]] ] = 1 } return mapping "x" { from = "a.b" }
--# returns nothing | file | refused
local x = 1
--# returns a table | file | refused
return {}
--# returns a text | file | refused
return "mapping"
--# returns a field | file | refused
return text "a"
--# returns two | file | refused
return text "a", mapping "x" { from = "a.b" }
--# returns a bare word | file | refused
return mapping
--# a table inside itself | file | refused
local t = {} t.t = t return mapping "x" { from = "a.b", t = t }
--# tables shared without end | file | refused
local t = {} for i = 1, 60 do t = {t, t} end return mapping "x" { from = "a.b", t = t }
--# a coroutine in the tree | file | refused
return mapping "x" { from = coroutine.create(print) }
--# a trap in the tree | file | refused
return mapping "x" { from = setmetatable({}, {__index = function() while true do end end}) }
--# bytes that are no text in the tree | file | refused
return mapping "x" { from = "\xff" }
--# not a number in the tree | file | refused
return mapping "x" { from = 0 / 0 }
--# an odd key in the tree | file | refused
return mapping "x" { [1.5] = 1 }
--# an unknown word | file | refused
return mapping "x" { from = "a.b", fields = { a = emial "x" } }
--# a word that is not used | file | refused
return mapping "x" { from = "a.b", fields = { a = email "x", a = email "y" } }
--# a text that is called | file | refused
local path = "y" return connector "x" { check = get "/crm/" .. path { } }
--# a node that is joined | file | refused
return connector "x" { check = get "/crm/" .. record "id" }
--# a hole that is read | file | refused
return connector "x" { base = setting("shop").host }
--# the length of a hole | file | refused
return connector "x" { base = #since }
--# a hole as text | file | refused
return connector "x" { base = tostring(setting "a") }
--# a hole in a format | file | refused
return connector "x" { base = string.format("%s", since) }
--# arithmetic on a hole | file | refused
return connector "x" { base = 1 + since }
--# a hole that is compared | file | refused
return connector "x" { base = since < upto }
--# a hole in a loop | file | refused
for k in pairs(record "id") do end return connector "x" {}
--# a made word that is changed | file | refused
local f = text "a" f.max = 3 return mapping "x" { from = "a.b", fields = { f = f } }
--# options given twice | file | refused
return mapping "x" { from = "a.b", fields = { f = text "a" { max = 1 } { min = 2 } } }
--# options before the path | file | refused
return mapping "x" { from = "a.b", fields = { f = text { max = 1 } } }
--# nil as a path | file | refused
return mapping "x" { from = "a.b", fields = { f = text(missing_local and 1 or nil) } }
--# a word as a path | file | refused
return mapping "x" { from = "a.b", fields = { f = text(email "a") } }
--# a global that is written | file | refused
helper = function() end return mapping "x" { from = "a.b" }
--# a global function | file | refused
function helper() end return mapping "x" { from = "a.b" }
--# an error while it loads | file | refused
error({ code = 1 })
--# a syntax error | file | refused
return mapping "x" { from = }
--# yields while it loads | file | refused
coroutine.yield() return mapping "x" { from = "a.b" }
--# a library that is not there | file | refused
local x = use "nothing" return mapping "x" { from = x }
