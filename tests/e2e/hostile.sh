# Hostile functions in a mapping: each costs the records that it is called for, never the run, and the reject says why and where.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 300 --seed 5
control rate '{"on":false}' >/dev/null

# hostile NAME CODE BODY: contact 1005 meets the body; every other record must land.
hostile() {
  name=$1 code=$2 body=$3
  project "hostile-$(echo "$name" | tr -c 'a-z0-9\n' '-')"
  # memory runs out at 64 MB, long before so much time is up
  [ "$code" = script_memory ] && echo 'return { limits = { call = "5s" } }' >"$P/perilune.lua"
  cat >"$P/mappings/hubspot/contact.lua" <<LUA
return mapping "contact" {
  from = "hubspot.contact",
  fields = {
    first = text "properties.firstname",
    bad = text "id" { transform = function(value)
      if value ~= "1005" then return value end
      $body
    end },
  },
}
LUA
  r=$(timeout 60 "$PERILUNE" -C "$P" sync crm --entity contact --json)
  check "$name: the run goes on" ok "$(field "$r" .data.status)"
  check "$name: one record is rejected" 1 "$(field "$r" .data.rejected)"
  check "$name: the others land" "$(($(field "$r" .data.recordsProcessed) - 1))" "$(field "$r" .data.created)"
  got=$(p rejects crm --json | jq -r '.data[0] | "\(.code) \(.externalId)"')
  case " $code " in *" ${got% 1005} "*) ok "$name: and the reason ($got)" ;; *) bad "$name: and the reason" "expected one of '$code' for 1005, got '$got'" ;; esac
}

hostile "endless loop" script_timeout 'while true do end'
hostile "loop under pcall" script_timeout 'while true do pcall(function() while true do end end) end'
hostile "error with a table" script_error 'error({ deep = setmetatable({}, { __tostring = function() while true do end end }) })'
hostile "runtime error" script_error 'return nil .. "x"'
hostile "memory" script_memory 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000000) .. i end'
hostile "memory under pcall" script_memory 'local keep = {} while true do pcall(function() for i = 1, 1e9 do keep[#keep + 1] = ("y"):rep(1000000) .. i end end) end'
hostile "catastrophic pattern" script_timeout 'return (("a"):rep(120)):find((".-"):rep(20) .. "b")'
hostile "coroutines" script_timeout 'coroutine.wrap(function() while true do coroutine.wrap(function() while true do end end)() end end)()'
hostile "deep recursion" "script_error script_timeout script_memory" 'local function f() return 1 + f() end return f()'

project powers
for power in 'io.open("/etc/passwd")' 'os.execute("true")' 'require("os")' 'load("return 1")' 'dofile("/etc/passwd")' 'debug.getinfo(1)' 'string.dump(print)' 'collectgarbage()' 'package.path'; do
  cat >"$P/mappings/hubspot/contact.lua" <<LUA
return mapping "contact" { from = "hubspot.contact", fields = { x = text "id" { transform = function() return tostring($power) end } } }
LUA
  r=$(printf '{"id":"1"}' | p map hubspot/contact - 2>"$WORK/rejects")
  out="$r$(cat "$WORK/rejects")"
  case $out in *script_error*|*script_refused*|*unknown*|*"no "*) ok "no $power" ;; *) bad "no $power" "$out" ;; esac
done

# Whole files: refused with their line, and the command says so.
refuse() {
  printf '%s\n' "$2" >"$P/mappings/hubspot/contact.lua"
  printf '{"id":"1"}' | timeout 20 "$PERILUNE" -C "$P" map hubspot/contact - >"$WORK/out" 2>"$WORK/err"
  code=$?
  check "$1: refused" 1 "$code"
  check_has "$1: says where" "$(cat "$WORK/err")" "contact.lua"
}
refuse "a loop at load" 'while true do end'
refuse "a syntax error" 'return mapping "contact" {'
refuse "an unknown option" 'return mapping "contact" { from = "hubspot.contact", fields = { e = email "x" { requierd = true } } }'
check_has "with a suggestion" "$(cat "$WORK/err")" "did you mean 'required'"
refuse "byte code" "$(printf '\033Lua')"
refuse "memory at load" 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end'
refuse "nothing returned" 'local x = 1'
finish
