-- Attempts to reach what scripts do not have, to change what all share, and to return what nobody can take.
--# load | body | script_error
return load("return 1")()
--# loadstring | body | script_error
return loadstring("return 1")()
--# dofile | body | script_error
return dofile("/etc/passwd")
--# loadfile | body | script_error
return loadfile("/etc/passwd")
--# require | body | script_error
return require "os"
--# io | body | script_error
return io.open("/etc/passwd"):read("a")
--# os.execute | body | script_error
return os.execute("id")
--# os.getenv | body | script_error
return os.getenv("HOME")
--# os.exit | body | script_error
os.exit(0)
--# os.remove | body | script_error
return os.remove("/tmp/x")
--# debug | body | script_error
return debug.getregistry()
--# package | body | script_error
return package.loadlib("x", "y")
--# collectgarbage | body | script_error
collectgarbage("stop")
--# string.dump | body | script_error
return string.dump(function() end)
--# coroutine.close | body | script_error
coroutine.close(coroutine.create(function() end))
--# _G | body | script_error
return _G.string
--# _ENV | body | refused
return _ENV.string
--# _ENV as a parameter | body | refused
return (function(_ENV) return x end)({x = 1})
--# writes a global | body | script_error
leak = 1
--# replaces a global | body | script_error
print = nil
--# replaces a library function | body | script_error
string.upper = function() return "stolen" end
--# rawset into a library | body | script_error
rawset(string, "upper", function() return "stolen" end)
--# insert into a library | body | script_error
table.insert(string, "x")
--# setmetatable on a library | body | script_error
setmetatable(string, {})
--# the texts' metatable | body | ok=locked
return getmetatable("")
--# the texts' metatable, one step further | body | ok=nil
return tostring(getmetatable("").__index)
--# writes through a text | body | script_error
("").upper = 1
--# setmetatable of a text | body | script_error
setmetatable("", {})
--# a library's metatable | body | ok=locked
return getmetatable(string)
--# a word's metatable | body | ok=locked
return getmetatable(email)
--# metatable of a decoded list | body | ok=nil
return tostring(getmetatable(decode("[]")))
--# __gc | body | refused script_error
setmetatable({}, {__gc = function() while true do end end})
--# __gc with its name made up | body | script_error
setmetatable({}, {["__g" .. "c"] = function() end})
--# __mode with its name made up | body | script_error
setmetatable({}, {["__mo" .. "de"] = "k"})
--# __close with its name made up | body | script_error
setmetatable({}, {["__clo" .. "se"] = print})
--# __gc set late does nothing | body | ok=fine
local m = {} for i = 1, 1000 do setmetatable({}, m) end m["__g" .. "c"] = function() error("x") end for i = 1, 20000 do local t = {} end return "fine"
--# __call that is a table | body | script_error
setmetatable({}, {__call = {}})
--# protected metatable | body | script_error
local t = setmetatable({}, {__metatable = "mine"}) setmetatable(t, {})
--# addresses of functions | body | ok=function
return tostring(print)
--# addresses of tables | body | ok=table
return tostring({})
--# addresses by format %p | body | script_error
return string.format("%p", {})
--# addresses by format %s | body | ok=table function
return string.format("%s %s", {}, print)
--# yield out of a call | body | script_error
coroutine.yield(1)
--# yield out of a sort | body | script_error
return coroutine.wrap(function() table.sort({2, 1}, function() coroutine.yield() end) end)()
--# yield out of a gsub | body | script_error
return coroutine.wrap(function() ("x"):gsub(".", coroutine.yield) end)()
--# resumes itself | body | ok=false
local co co = coroutine.create(function() return coroutine.resume(co) end) local _, ok = coroutine.resume(co) return tostring(ok)
--# a dead coroutine | body | ok=false
local co = coroutine.create(error) coroutine.resume(co) return tostring((coroutine.resume(co)))
--# use of a path | body | script_error
return use "../../etc/passwd"
--# use of a path with a zero in it | body | script_error
return use "x\0y"
--# makes words while a record is worked on | body | script_error
return text "a"
--# makes holes while a record is worked on | body | script_error
return record "id" .. "x"
--# returns a word | body | script_error
return email
--# returns a hole joined | body | script_error
return "a" .. since
--# returns a function | body | script_error
return print
--# returns a coroutine | body | script_error
return coroutine.create(print)
--# returns a table inside itself | body | script_error
local t = {} t[1] = t return t
--# returns an object inside itself | body | script_error
local t = {} t.t = t return t
--# returns a deep table | body | script_error
local t = {} for i = 1, 40 do t = {t} end return t
--# returns many values in one table | body | script_error
local t = {} for i = 1, 20000 do t[i] = i end return t
--# returns a shared table many times | body | script_error
local t = {1} for i = 1, 30 do t = {t, t} end return t
--# returns two megabytes | body | script_error
return ("x"):rep(2000000)
--# returns two megabytes in pieces | body | script_error
local s = ("x"):rep(300000) return {s, s, s, s, s, s, s}
--# returns bytes that are no text | body | script_error
return "\xff\xfe"
--# returns half a character | body | script_error
return ("ä"):sub(1, 1)
--# returns a surrogate | body | script_error
return "\xed\xa0\x80"
--# returns a name that is no text | body | script_error
return {["\xff"] = 1}
--# returns not a number | body | script_error
return 0 / 0
--# returns infinity | body | script_error
return {x = 1 / 0}
--# returns a list with holes | body | script_error
return {1, nil, 3, [10] = 4}
--# returns a mix of list and object | body | script_error
return {1, 2, x = 3}
--# returns odd keys | body | script_error
return {[true] = 1}
--# returns a table with a metatable | body | script_error
return setmetatable({}, {__index = function() while true do end end, __len = function() while true do end end, __pairs = function() while true do end end})
--# a trap in what is returned | body | script_error
return {{{setmetatable({x = 1}, {__tostring = function() error("trap") end})}}}
--# encode of a trap | body | script_error
return encode(setmetatable({}, {__pairs = function() error("trap") end}))
--# encode of itself | body | script_error
local t = {} t.t = t return encode(t)
--# throws a novel | body | script_error
error(("x"):rep(1000000))
--# throws control characters | body | script_error
error("\27[2J\0\1\2\r\n")
--# throws bytes that are no text | body | script_error
error("\xff\xfe\xc0\x80")
--# throws nil | body | script_error
error(nil)
--# throws a table with a trap as message | body | script_error
error(setmetatable({}, {__index = function() while true do end end}))
--# throws a coroutine | body | script_error
error(coroutine.create(print))
--# throws a word | body | script_error
error(email)
--# throws at a level that is not there | body | script_error
error("x", 1 << 30)
--# throws a text that names another file | body | script_error
error("other.lua:7: not mine", 0)
--# asserts with a table | body | script_error
assert(false, {})
--# C stack through gsub | body | script_error
local function f(s) return (s:gsub(".", f)) end return f("x")
--# C stack through pcall | body | ok=fine script_error script_timeout
local function f() pcall(f) end f() return "fine"
--# C stack through tostring | body | script_error
local m = {} m.__tostring = function(t) return tostring(t) end return tostring(setmetatable({}, m))
--# C stack through sort | body | script_error
local function f() table.sort({1, 2, 3}, f) end f()
--# C stack through metamethods | body | script_error
local m = {} m.__add = function(a, b) return a + b end return setmetatable({}, m) + 1
--# malformed patterns | body | ok=0
local n = 0 for _, p in ipairs {"%", "[", "[^", "[%", "(", "%b", "%bx", "%f", "%1", "(()", "[]", "[a-", "[a-%"} do if pcall(string.find, "abc", p) then n = n + 1 end end return n
--# malformed formats | body | ok=0
local n = 0 for _, f in ipairs {"%", "%z", "%100d", "%.100f", "%-----------------------d", "%1.1.1f", "%#s", "%ll", "%n", "%*d"} do if pcall(string.format, f, 1, 1) then n = n + 1 end end return n
--# texts with zeros | body | ok=4
return #("a\0b\0"):gsub("%z", "")  + 2
--# integers at their edges | body | script_error
return math.tointeger(2^53) // 0
--# modulo by zero | body | script_error
return 5 % 0
--# dates far away | body | script_error
return os.date("%Y", 1 << 60)
--# dates with a strange specifier | body | script_error
return os.date("%Ez")
--# times far away | body | script_error
return os.time { year = 1 << 40, month = 1, day = 1 }
--# a library loses nothing by nil | body | script_error
table.sort(nil)
--# changes what decode gave to another call | body | ok=[]
local a = decode("[]") a.x = 1 return encode(decode("[]"))
--# __concat moves the stack under Lua 5.4.4 | body | script_error
return "a" .. setmetatable({}, {__concat = function() return "x" end}) .. "b"
