-- Attacks on memory.
--# hoards in a local | body | script_memory script_timeout
local t = {} for i = 1, 1e9 do t[i] = {i} end
--# hoards texts | body | script_memory script_timeout
local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(10000) .. i end
--# hoards under pcall | body | script_memory script_timeout
local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = ("x"):rep(100000) .. i end end) end
--# hoards in a coroutine under pcall | body | script_memory script_timeout
local t = {} while true do coroutine.resume(coroutine.create(function() for i = 1, 1e9 do t[#t + 1] = ("x"):rep(100000) .. i end end)) end
--# hoards in a message handler | body | script_memory script_timeout
local t = {} xpcall(error, function() while true do t[#t + 1] = ("x"):rep(100000) .. #t end end) return "escaped"
--# hoards closures | body | script_memory script_timeout
local t = {} while true do t[#t + 1] = function() return t end end
--# hoards coroutines | body | script_memory script_timeout
local t = {} while true do t[#t + 1] = coroutine.create(function() end) end
--# hoards captures | body | script_memory script_timeout
local t = {} for m in ("abcdefgh"):rep(100000):gmatch("()") do t[#t + 1] = {m, tostring(m) .. ("x"):rep(100)} end while true do t[#t + 1] = {#t} end
--# doubles a text | body | script_memory script_timeout
local s = "x" while true do s = s .. s end
--# doubles a text under pcall | body | script_memory script_timeout
local s = "x" while true do pcall(function() s = s .. s end) end
--# joins fifty long texts at once | body | script_memory death script_timeout
local s = ("x"):rep(8000000) return s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s
--# repeats past all bounds | body | script_memory
return ("x"):rep(1 << 62)
--# repeats a separator past all bounds | body | script_memory
return ("x"):rep(1 << 40, ("y"):rep(1000))
--# repeats so that the product wraps round | body | script_memory
return ("xx"):rep((1 << 63) - 1)
--# gsub that grows | body | script_memory script_timeout
return (("x"):rep(1000000):gsub(".", ("y"):rep(100)))
--# gsub inside gsub that grows | body | script_memory script_timeout
return (("x"):rep(1000):gsub(".", function() return (("x"):rep(1000):gsub(".", ("y"):rep(1000))) end))
--# concat that grows | body | script_memory script_timeout
local t = {} for i = 1, 1000 do t[i] = ("x"):rep(100000) end return table.concat(t)
--# format that grows | body | script_memory script_timeout
local s = ("x"):rep(4000000) return string.format("%s%s%s%s", s, s, s, s)
--# quoted format that grows | body | script_memory script_timeout
return string.format("%q", ("\0"):rep(6000000))
--# encode that grows | body | script_error script_memory script_timeout
local s = ("x"):rep(4000000) return encode({s, s, s})
--# encode of one table a million times | body | script_error script_memory script_timeout
local t = {} for i = 1, 20 do t = {t, t, t, t} end return encode(t)
--# decode that grows | body | script_memory script_timeout script_error
return #decode("[" .. ("[],"):rep(2500000) .. "[]]")
--# decode nested without end | body | script_error
return decode(("["):rep(1000000))
--# the stack grows | body | script_error script_memory script_timeout
local function f() return 1 + f() end return f()
--# the stack grows, with many locals | body | script_error script_memory script_timeout
local function f(...) return 1, f(1, ...) end return f()
--# unpack past the stack | body | script_error
return table.unpack({}, 1, 1e7)
--# unpack with a range that wraps round | body | script_error
return table.unpack({}, math.mininteger, math.maxinteger)
--# bytes of a long text | body | script_error
return ("x"):rep(2000000):byte(1, -1)
--# code points of a long text | body | script_error
return utf8.codepoint(("x"):rep(2000000), 1, -1)
--# packs in a loop | body | script_memory script_timeout
local t = {} while true do t[#t + 1] = table.pack(table.unpack({}, 1, 200000)) end
--# churn is no hoarding | body | ok=fine script_timeout
for i = 1, 20000 do local t = {i, {i}, "x" .. i} end return "fine"
--# long texts that are let go are no hoarding | body | ok=fine script_timeout
for i = 1, 60 do local s = ("x"):rep(1000000) .. i end return "fine"
--# late __mode and a hoard | body | script_memory script_timeout
local m = {} local t = setmetatable({}, m) m["__mo" .. "de"] = "v" m.__newindex = function(a, k, v) rawset(a, k, v) end
local keep = {} for i = 1, 1e9 do keep[i] = {i} t[i] = keep[i] end
--# hoards while the file loads | file | script_memory script_timeout
local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end
--# words without end while the file loads | file | script_memory script_timeout
while true do text "a" end
