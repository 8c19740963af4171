-- Attacks of a second look: errors that are objects, coroutines that outlive their call, chains of names, keys and numbers at their edges,
-- sorts and replacements that misbehave, files that begin as no text does.
--# BOM before the file | file | ok=loaded
﻿return mapping "x" { from = "a.b" }
--# shebang before the file | file | ok=loaded
#!/bin/sh rm -rf /
return mapping "x" { from = "a.b" }
--# byte code behind a shebang | file | refused
#!/usr/bin/lua
LuaS
--# byte code with a newer header | file | refused
LuaT
--# a chain of _ENV | body | refused
return x._ENV._ENV._ENV._ENV
--# a chain of _ENV in a method | body | refused
return ("x"):_ENV()
--# _ENV as a label | body | refused
::_ENV:: goto _ENV
--# _ENV in a file | file | refused
local _ENV = {} return mapping "x" { from = "a.b" }
--# a chain of ten thousand names | body | script_error refused
local t = {} return tostring(t.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a)
--# an index chain through one table without end | body | script_timeout
local t = {} t.t = t local x = t while true do x = x.t.t.t.t.t.t.t.t.t.t.t.t end
--# deep parentheses | body | refused
return ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
--# a coroutine made while the file loads, resumed by a call | file | script_timeout
local co = coroutine.create(function() while true do end end) pcall(coroutine.resume, co) return mapping "x" { from = "a.b", co }
--# a coroutine made in one call outlives it | body | script_timeout
local co = coroutine.wrap(function() coroutine.yield(1) while true do end end) co() pcall(co) while true do end
--# a thousand coroutines waiting in each other | body | script_error script_timeout script_memory
local function deep(n) if n == 0 then coroutine.yield() end local co = coroutine.wrap(deep) co(n - 1) coroutine.yield() end coroutine.wrap(deep)(1000) error("done")
--# a coroutine resumed inside a handler | body | script_timeout
xpcall(error, function() coroutine.wrap(function() while true do end end)() end, "x") while true do end
--# yield inside a message handler | body | script_error ok=false
local co = coroutine.wrap(function() return (xpcall(error, function() coroutine.yield(1) end, "x")) end) return tostring(co())
--# yield through pcall, then an endless loop | body | script_timeout
local co = coroutine.wrap(function() while true do pcall(coroutine.yield) end end) while true do co() end
--# yield out of a metamethod | body | script_error ok=1
local t = setmetatable({}, {__index = function() return coroutine.yield(1) end}) return coroutine.wrap(function() return t.x end)()
--# yield out of an iterator | body | script_timeout
coroutine.wrap(function() for _ in function() return coroutine.yield(1) or 1 end do end end)() while true do end
--# yield in the callback of gsub inside a coroutine | body | script_error
return coroutine.wrap(function() return (("abc"):gsub(".", function(c) return coroutine.yield(c) end)) end)()
--# errors that are tables, thrown by the handler of a handler | body | ok=false script_error
local function handler(e) error({e}) end return tostring((xpcall(error, handler, {})))
--# an error whose value holds itself | body | script_error
local e = {} e.e = e error(e)
--# an error of two megabytes in pieces, thrown again and again | body | script_timeout script_memory
local s = ("x"):rep(1000000) while true do pcall(error, s .. s) end
--# error with a level past the stack, a million times | body | script_timeout
while true do pcall(error, "x", 1 << 40) end
--# error with a negative level | body | script_error
error("x", -5)
--# error in __tostring of an error in a handler | body | ok=false script_error
return tostring((xpcall(error, tostring, setmetatable({}, {__tostring = function() error("again") end}))))
--# __tostring that returns no text | body | script_error
return tostring(setmetatable({}, {__tostring = function() return {} end}))
--# __name that is no name | body | script_error
return ("x"):rep(setmetatable({}, {__name = ("y"):rep(100000)}))
--# __name with control characters | body | script_error
return math.floor(setmetatable({}, {__name = "\27[2J\n\0"}))
--# __len that is no number | body | script_error
return table.unpack(setmetatable({}, {__len = function() return "many" end}))
--# __len that is a fraction | body | script_error
return table.concat(setmetatable({}, {__len = function() return 1.5 end}))
--# __index that makes a new table each time, without end | body | script_timeout script_memory
local m = {} m.__index = function() return setmetatable({}, m) end local t = setmetatable({}, m) while true do t = t.x.x.x end
--# __newindex that writes to itself | body | script_error script_timeout
local t = setmetatable({}, {}) getmetatable(t).__newindex = function(s, k, v) s[k] = v end t.x = 1
--# __eq between a thousand proxies | body | script_timeout
local m = {__eq = function(a, b) while true do end end} local a, b = setmetatable({}, m), setmetatable({}, m) return a == b
--# __unm, __bnot and __idiv in a circle | body | script_error script_timeout
local m = {} m.__unm = function(x) return ~x end m.__bnot = function(x) return x // x end m.__idiv = function(x) return -x end return -setmetatable({}, m)
--# a table that is its own metatable and its own __index | body | script_error
local t = {} t.__index = t setmetatable(t, t) return t.x.y
--# a table that is its own __newindex | body | script_error
local t = {} t.__newindex = t setmetatable(t, t) t.x = 1
--# a table that is its own __call, called by sort | body | script_error script_timeout death
local t = {} setmetatable(t, t) rawset(t, "__call", t) table.sort({3, 2, 1}, t)
--# a table that is its own __call, called by gsub | body | ok=abc
local t = {} setmetatable(t, t) rawset(t, "__call", t) return (("abc"):gsub(".", setmetatable({}, {__index = t})))
--# numeric for over the edge of the integers | body | ok=2
local n = 0 for i = math.maxinteger - 1, math.maxinteger do n = n + 1 end return n
--# numeric for backwards over the edge | body | ok=2
local n = 0 for i = math.mininteger + 1, math.mininteger, -1 do n = n + 1 end return n
--# numeric for with a step of nothing | body | script_error
for i = 1, 2, 0 do end
--# numeric for from and to not a number | body | ok=1
local n = 0 for i = 0 / 0, 1 do n = n + 1 end return n
--# numeric for to infinity | body | script_timeout
for i = 1, math.huge do end
--# keys of a megabyte each | body | script_memory script_timeout
local t = {} for i = 1, 1000 do t[("k"):rep(1000000) .. i] = i end
--# keys that differ only past their thirty-second byte | body | ok=20000 script_timeout
local t, n = {}, 0 for i = 1, 20000 do t[("long key that is the same for all of them, "):rep(2) .. i] = true end for _ in pairs(t) do n = n + 1 end return n
--# a flood of numbers that share a bucket | body | ok=fine script_timeout script_memory
local t = {} for i = 1, 200000 do t[i * 2.0 ^ 40] = i end return "fine"
--# a flood of float keys near each other | body | ok=fine script_timeout script_memory
local t = {} for i = 1, 200000 do t[1 + i * 2.0 ^ -40] = i end return "fine"
--# negative zero, not a number and nil as keys | body | script_error
local t = {} t[-0.0] = 1 t[0 / 0] = 2
--# adds while it walks | body | script_error script_timeout script_memory
local t = {1} for k in pairs(t) do for i = 1, 100 do t["n" .. k .. i] = 1 end end
--# next with a key that is not there | body | script_error
return next({}, "x")
--# next of a key that was removed, without end | body | script_timeout script_error
local t = {} for i = 1, 100 do t[i] = i end while true do for k in next, t do t[k] = nil t[k] = k end end
--# sort by a comparison that throws | body | script_error
table.sort({3, 1, 2}, function() error({}) end)
--# sort by a comparison that shrinks the table | body | ok=done script_error script_timeout
local t = {} for i = 1, 1000 do t[i] = 1000 - i end pcall(table.sort, t, function(a, b) for i = 1, #t do t[i] = nil end return (a or 0) < (b or 0) end) return "done"
--# sort by a comparison that sorts the same table | body | script_error script_timeout
local t = {3, 1, 2} local function less(a, b) table.sort(t, less) return a < b end table.sort(t, less)
--# sort by always true | body | ok=done script_error
local t = {} for i = 1, 500 do t[i] = i % 7 end pcall(table.sort, t, function() return true end) return "done"
--# sort of texts and numbers mixed | body | script_error
table.sort({1, "a", 2, "b"})
--# gsub whose callback replaces by a table | body | script_error
return (("abc"):gsub(".", function() return {} end))
--# gsub whose callback calls gsub on what it is in | body | script_error script_timeout
local function f(c) return (("abc"):gsub(".", f)) end return f("a")
--# gsub with a table that loops | body | script_timeout
return (("abc"):gsub(".", setmetatable({}, {__index = function() while true do end end})))
--# gmatch inside gmatch without end | body | script_timeout
for _ in ("a"):rep(5000):gmatch("a*") do for _ in ("a"):rep(5000):gmatch("a-b") do end end while true do end
--# gmatch from past the end | body | ok=0
local n = 0 for _ in ("abc"):gmatch(".", 100) do n = n + 1 end return n
--# format with a hundred widths | body | script_error
return string.format(("%99d"):rep(200), 1)
--# format with a width of ten digits | body | script_error
return string.format("%9999999999d", 1)
--# format %c of what is no byte | body | script_error ok=
return string.format("%c", 1 << 40):rep(0) .. string.format("%d", "x")
--# format %q of a coroutine | body | script_error
return string.format("%q", coroutine.create(print))
--# format %s of a text with zeros and a width | body | script_error
return string.format("%10s", "a\0b")
--# utf8.char of what is no character | body | script_error
return utf8.char(-1)
--# utf8.char of a surrogate, returned | body | script_error
return utf8.char(0xD800)
--# utf8.char past Unicode, returned | body | script_error
return utf8.char(0x7FFFFFFF)
--# utf8.codes over a text that is cut | body | script_error
for _ in utf8.codes("\xe4\xb8") do end
--# utf8.offset far outside | body | script_error
return utf8.offset("abc", 1, 1 << 40)
--# utf8.len from the middle of a character | body | script_error ok=nil
return (utf8.len("ä", 2))
--# utf8.codepoint of everything at once | body | script_error script_timeout
return select("#", utf8.codepoint(("ä"):rep(1000000), 1, -1))
--# os.date with a format of a megabyte | body | script_error script_timeout script_memory ok=
return #os.date(("%Y"):rep(500000)) > 0 and ""
--# os.date with a specifier that ends early | body | script_error
return os.date("%")
--# os.time of a table with a trap | body | script_timeout script_error
return os.time(setmetatable({}, {__index = function() while true do end end}))
--# os.time with fields past all bounds | body | script_error
return os.time { year = math.maxinteger, month = math.maxinteger, day = math.mininteger }
--# os.clock and os.time tell nothing of the machine in a loop | body | script_timeout
while true do os.time() end
--# decode of numbers past all bounds | body | ok=fine script_error
decode("[" .. ("9"):rep(100000) .. "]") decode("[1e" .. ("9"):rep(1000) .. "]") return "fine"
--# decode of one name a hundred thousand times | body | ok=fine script_timeout script_error script_memory
decode("{" .. ('"a":1,'):rep(100000) .. '"a":2}') return "fine"
--# decode of escapes that are halves | body | script_error ok=fine
decode('["\\ud800"]') return "fine"
--# decode of what is no text | body | script_error
return decode({})
--# encode of a table that changes while it is read | body | script_error script_timeout ok=fine
local t = setmetatable({}, {__index = function(s, k) return k end, __len = function() return 1 << 40 end}) pcall(encode, t) return "fine"
--# encode of not a number | body | script_error
return encode({0 / 0})
--# encode of keys that clash | body | script_error ok=fine
encode({[1] = 1, ["1"] = 2}) return "fine"
--# goto into a loop that never ends | body | script_timeout
::a:: do goto b end ::b:: goto a
--# goto past a local | body | refused
goto skip local x = 1 ::skip:: return x
--# goto out of a function | body | refused
::out:: return (function() goto out end)()
--# a const that is written | body | refused
local x <const> = 1 x = 2 return x
--# an attribute that is none | body | refused
local x <final> = 1 return x
--# two hundred and one locals | body | refused
local a1,a2,a3,a4,a5,a6,a7,a8,a9,b1,b2,b3,b4,b5,b6,b7,b8,b9,c1,c2,c3,c4,c5,c6,c7,c8,c9,d1,d2,d3,d4,d5,d6,d7,d8,d9,e1,e2,e3,e4,e5,e6,e7,e8,e9,f1,f2,f3,f4,f5,f6,f7,f8,f9,g1,g2,g3,g4,g5,g6,g7,g8,g9,h1,h2,h3,h4,h5,h6,h7,h8,h9,i1,i2,i3,i4,i5,i6,i7,i8,i9,j1,j2,j3,j4,j5,j6,j7,j8,j9,k1,k2,k3,k4,k5,k6,k7,k8,k9,l1,l2,l3,l4,l5,l6,l7,l8,l9,m1,m2,m3,m4,m5,m6,m7,m8,m9,n1,n2,n3,n4,n5,n6,n7,n8,n9,o1,o2,o3,o4,o5,o6,o7,o8,o9,p1,p2,p3,p4,p5,p6,p7,p8,p9,q1,q2,q3,q4,q5,q6,q7,q8,q9,r1,r2,r3,r4,r5,r6,r7,r8,r9,s1,s2,s3,s4,s5,s6,s7,s8,s9,t1,t2,t3,t4,t5,t6,t7,t8,t9,u1,u2,u3,u4,u5,u6,u7,u8,u9,v1,v2,v3,v4,v5,v6,v7,v8,v9,w1,w2,w3,w4,w5,w6,w7,w8,w9
--# varargs of a million, counted again and again | body | script_error script_timeout script_memory
local function f(...) return select("#", ...) end while true do f(table.unpack({}, 1, 100000)) end
--# a select far below | body | script_error
return select(-1000000, 1)
--# use of a file in the middle of a call, without end | body | script_error script_timeout
while true do local ok = pcall(use, "x") if ok then return "used" end error("refused") end
--# use of a name of a megabyte | body | script_error
return use(("x"):rep(1000000))
--# use of a number | body | script_error
return use(12)
--# use of itself while the file loads | file | refused
local me = use "b" return mapping "x" { from = "a.b" }
--# ctx is nobody's outside of pull | body | script_error
return ctx:send {}
--# words of emulators in a mapping | body | script_error
return db.contact:get("1")
--# rules that are made while a record is worked on | body | script_error
return require_one "email"
--# an emulator where a mapping is wanted | file | ok=loaded
return emulator "x" { routes = {} }
--# a connector where a mapping is wanted | file | ok=loaded
return connector "x" { base = "https://example.com" }
--# a route outside of an emulator | file | ok=loaded
return mapping "x" { from = "a.b", get "/x" { answers = print } }
--# functions as options that want none | file | ok=loaded
return mapping "x" { from = function() while true do end end, fields = {} }
--# a mapping of ten thousand fields | file | ok=loaded
local f = {} for i = 1, 10000 do f["f" .. i] = text("a" .. i) end return mapping "x" { from = "a.b", fields = f }
--# a field whose name is a megabyte | file | ok=loaded
return mapping "x" { from = "a.b", fields = { [("n"):rep(1000000)] = text "a" } }
--# a path of a megabyte | file | refused loaded ok=loaded
return mapping "x" { from = "a.b", fields = { a = text(("p."):rep(500000) .. "p") } }
--# a pattern option that never ends | file | refused ok=loaded
return mapping "x" { from = "a.b", fields = { a = text "a" { pattern = "^(" .. ("a?"):rep(5000) .. ")$" } } }
