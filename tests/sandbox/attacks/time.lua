-- Attacks on time. `--# name | body or file | how it may end`; several endings are separated by a blank; ok=TEXT is the value returned.
--# while true | body | script_timeout
while true do end
--# repeat until false | body | script_timeout
repeat until false
--# goto backwards | body | script_timeout
::again:: goto again
--# numeric for without end | body | script_timeout
for i = 1, math.maxinteger do end
--# float for that never grows | body | script_timeout
for i = 2^53, 2^60 do end
--# tail calls | body | script_timeout
local function f() return f() end return f()
--# mutual tail calls | body | script_timeout
local a, b function a() return b() end function b() return a() end return a()
--# iterator without end | body | script_timeout
for _ in function() return 1 end do end
--# pcall swallows once | body | script_timeout
pcall(function() while true do end end) return "escaped"
--# pcall swallows for ever | body | script_timeout
while true do pcall(function() while true do end end) end
--# pcall in depth | body | script_timeout script_error
local function f() pcall(f) while true do end end f()
--# xpcall with a handler that loops | body | script_timeout
xpcall(function() while true do end end, function() while true do end end) return "escaped"
--# xpcall handler that swallows | body | script_timeout
while true do xpcall(function() while true do end end, function(e) return e end) end
--# xpcall handler loops on an ordinary error | body | script_timeout
xpcall(error, function() while true do end end)
--# xpcall handler errs for ever | body | script_timeout script_error ok=false
local function h() error("again") end return (xpcall(error, h))
--# coroutine swallows | body | script_timeout
while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end
--# coroutine.resume swallows | body | script_timeout
while true do coroutine.resume(coroutine.create(function() while true do end end)) end
--# coroutine yields for ever | body | script_timeout
local co = coroutine.wrap(function() while true do coroutine.yield(1) end end) while true do co() end
--# coroutines inside coroutines | body | script_timeout script_error
local function deep(n) return coroutine.wrap(function() if n > 0 then return deep(n - 1) end while true do end end)() end return deep(100)
--# coroutine recursion without end | body | script_error script_timeout
local function f() return coroutine.wrap(f)() end return f()
--# comparison loops inside sort | body | script_timeout
table.sort({3, 2, 1}, function() while true do end end)
--# sort of many | body | script_timeout ok=done
local t = {} for i = 1, 300000 do t[i] = (i * 7919) % 1000003 end
for _ = 1, 50 do table.sort(t) for i = 1, #t do t[i] = (t[i] * 7919) % 1000003 end end return "done"
--# order function that contradicts itself | body | script_error script_timeout ok=done
local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() return true end) return "done"
--# callback of gsub loops | body | script_timeout
("x"):gsub(".", function() while true do end end)
--# pcall inside gsub inside sort | body | script_timeout
table.sort({2, 1}, function() ("x"):gsub(".", function() pcall(function() while true do end end) end) return true end) return "escaped"
--# optional a thirty times | body | script_timeout
return (("a"):rep(30):find(("a?"):rep(30) .. ("a"):rep(30)))
--# lazy runs | body | script_timeout
return (("a"):rep(3000):find((".-"):rep(12) .. "b"))
--# greedy runs | body | script_timeout
return (("a"):rep(3000):match((".*"):rep(12) .. "b"))
--# unanchored run over much | body | script_timeout
return (("a"):rep(1000000):find("a-b"))
--# balance over much | body | script_timeout ok=nil
return (("("):rep(100000):find("%b()"))
--# back references over much | body | script_timeout script_error
return (("a"):rep(100000):find("(a*)%1%1%1b"))
--# gsub with quadratic search | body | script_timeout
return (("a"):rep(200000):gsub("a*b", ""))
--# gmatch with quadratic search | body | script_timeout
for m in ("a"):rep(200000):gmatch("a*b") do end
--# class of a hundred thousand characters | body | script_timeout script_error
local class = "[" .. ("x"):rep(100000) .. "]" return (("a"):rep(100000):find(class))
--# plain search, the quadratic kind | body | ok=nil script_timeout
return (("a"):rep(4000000):find(("a"):rep(2000000) .. "b", 1, true))
--# pattern nested too deeply | body | script_error
return (("a"):rep(1000):find(("(a"):rep(30) .. ("a?"):rep(400)))
--# concat over a proxy that lies about its length | body | script_timeout script_memory
return table.concat(setmetatable({}, {__len = function() return 1 << 62 end, __index = function() return "" end}))
--# concat over a proxy with a C function behind it | body | script_timeout script_memory
return table.concat(setmetatable({}, {__len = function() return 1 << 62 end, __index = tostring}))
--# concat of nothing, far | body | script_error
return table.concat({}, "", 1, 1 << 62)
--# insert into a proxy | body | script_timeout
table.insert(setmetatable({}, {__len = function() return 1 << 53 end, __index = rawlen, __newindex = type}), 1, "x")
--# remove from a proxy | body | script_timeout
table.remove(setmetatable({}, {__len = function() return 1 << 53 end, __index = rawlen, __newindex = type}), 1)
--# move a large range | body | script_timeout
table.move({}, 1, 1 << 60, 2)
--# move between proxies with C functions behind them | body | script_timeout
local p = setmetatable({}, {__index = rawlen, __newindex = type}) table.move(p, 1, 1 << 60, 5, p)
--# sort of a proxy | body | script_timeout script_error
table.sort(setmetatable({}, {__len = function() return 1 << 30 end, __index = function() return 1 end, __newindex = type}))
--# a text repeated without end and without bytes | body | ok=
return (""):rep(1 << 62)
--# clearing a table by next, the quadratic way | body | script_timeout
local t = {} for i = 1, 100000 do t["k" .. i] = i end while next(t) do t[next(t)] = nil end
--# __tostring that loops | body | script_timeout
return tostring(setmetatable({}, {__tostring = function() while true do end end}))
--# error value whose __tostring loops | body | script_error
error(setmetatable({}, {__tostring = function() while true do end end}))
--# __eq and __lt that loop | body | script_timeout
local m = {} m.__lt = function() while true do end end return setmetatable({}, m) < setmetatable({}, m)
--# __index that loops | body | script_timeout
return setmetatable({}, {__index = function() while true do end end}).x
--# __index chain that closes | body | script_error
local a, b = {}, {} setmetatable(a, {__index = b}) setmetatable(b, {__index = a}) return a.x
--# __call chain set late: quadratic in C, only the wall holds it | body | script_timeout script_error death
local m = {} local t = setmetatable({}, m) m.__call = t return t()
--# __close set late, called by a for | body | script_timeout script_error
local m = {} local c = setmetatable({}, m) m["__cl" .. "ose"] = function() while true do end end
local function four() return function() error("x") end, nil, nil, c end for _ in four() do end
--# __close set late swallows by pcall | body | script_timeout
local m = {} local c = setmetatable({}, m) m["__cl" .. "ose"] = function() pcall(function() while true do end end) end
local function four() return function() while true do end end, nil, nil, c end
pcall(function() for _ in four() do end end) return "escaped"
--# long comparisons | body | script_timeout script_memory
local a, b = ("a"):rep(4000000) .. "x", ("a"):rep(4000000) .. "y" while true do local _ = a < b end
--# format in a loop | body | script_timeout
while true do string.format("%99.99f %q %s", 1e300, ("\0"):rep(1000), {}) end
--# decode in a loop | body | script_timeout
local text = "[" .. ("[],"):rep(10000) .. "[]]" while true do decode(text) end
--# prints without end | body | script_timeout
while true do print("flood") end
--# math in a loop under pcall | body | script_timeout
while true do pcall(math.floor, "x") end
--# select over many | body | script_timeout script_error
while true do select("#", table.unpack({}, 1, 200000)) end
--# while the file loads | file | script_timeout
while true do end
--# while the file loads, under pcall | file | script_timeout
pcall(function() while true do end end) return mapping "x" { from = "a.b" }
--# patterns while the file loads | file | script_timeout
local _ = ("a"):rep(40):find(("a?"):rep(40) .. ("a"):rep(40)) return mapping "x" { from = "a.b" }
