#!/bin/sh
# The debug build (no sanitizer) under valgrind, workers included: load every script, map records, a sync of 200 records.
. "$(dirname "$0")/lib.sh"
VG=$ROOT/${B:-build}/vg/perilune
case ${B:-build} in /*) VG=$B/vg/perilune ;; esac
start_emulator hubspot --records 200 --seed 2
project vg
# words that join deep in the stack: Lua 5.4.4 goes wrong there unless the stack stays where it is
cat >"$P/lib/deep.lua" <<'LUA'
local function path(n)
  if n == 0 then return "/a/" .. setting "x" .. "/b/" .. setting "y" .. "/c" end
  local joined = path(n - 1)
  return joined
end
return path
LUA
mkdir -p "$P/connectors"
cat >"$P/connectors/deep.lua" <<'LUA'
local path = use "deep"
local streams = {}
for i = 1, 150 do streams[i] = stream("s" .. i) { key = "id", full = get(path(i)) {} } end
return connector "deep" { base = "https://api.example.com", settings = { text "x" { default = "1" }, text "y" { default = "2" } }, streams = streams }
LUA
# vg NAME COMMAND…: fine without an error of valgrind's in any process
vg() {
  name=$1
  shift
  PERILUNE_TIME_SCALE=60 PERILUNE_EXE=$VG valgrind -q --trace-children=yes --error-exitcode=99 --errors-for-leak-kinds=definite --leak-check=full --num-callers=20 \
    --suppressions="$ROOT/tests/e2e/valgrind.supp" --log-file="$WORK/vg.%p" "$VG" -C "$P" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
  code=$?
  found=$(cat "$WORK"/vg.* | grep -v -e '^$' -e '^--[0-9]*--' | head -30)
  rm -f "$WORK"/vg.*
  if [ "$code" -eq 0 ] && [ -z "$found" ]; then ok "$name"; else bad "$name" "exit $code: $(tail -3 "$WORK/err") $found"; fi
}
vg "validate" validate
vg "sync" sync crm --entity contact --wait 30
vg "sync again" sync crm --entity contact
vg "remap" remap hubspot/contact --force
vg "mappings show" mappings show hubspot/contact
vg "sql" sql "select count(*) from contact"
finish
