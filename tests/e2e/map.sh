# perilune map: every form of input, rejects with their place, broken input, hostile functions, workers that die, bounded memory.
. "$(dirname "$0")/lib.sh"
P=$WORK/p
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1

# map TEXT TYPE/ENTITY [ARG…]: out, err, code
map() {
  text=$1
  shift
  printf '%b' "$text" | p map "$@" >"$WORK/out" 2>"$WORK/err"
  code=$?
  out=$(cat "$WORK/out") err=$(cat "$WORK/err")
}
emails() { printf '%s' "$out" | jq -r .email | tr '\n' ' '; }
A='{"id":"1","properties":{"email":"A@b.pt","firstname":"Ana"}}' B='{"id":"2","properties":{"email":"b@b.pt"}}' BAD='{"id":"3","properties":{}}'

# ---- forms ----
map "$A" hubspot/contact
check "one object" "a@b.pt " "$(emails)"
check "one object: exit" 0 "$code"
map "[$A,\\n $B , $BAD]\\n" hubspot/contact -
check "an array" "a@b.pt b@b.pt " "$(emails)"
check "an array: its reject" '{"externalId":"3","entity":"contact","field":"email","code":"rule"}' "$(printf '%s' "$err" | jq -c '{externalId,entity,field,code}')"
check "a reject names file and line" "mappings/hubspot/contact.lua number" "$(printf '%s' "$err" | jq -r '"\(.file) \(.line | type)"')"
check "rejects do not fail" 0 "$code"
map "$A\\n\\n$B\\n" hubspot/contact
check "NDJSON" "a@b.pt b@b.pt " "$(emails)"
map "{\"results\":[$A,$B],\"paging\":{}}" hubspot/contact
check "a page" "a@b.pt b@b.pt " "$(emails)"
map "{\\n \"results\": [\\n $A\\n]\\n}\\n" hubspot/contact
check "a page over several lines" "a@b.pt " "$(emails)"
map "$(printf '%s\n%s' "$A" "$B" | jq .)" hubspot/contact
check "objects one after another" "a@b.pt b@b.pt " "$(emails)"
map "\\0357\\0273\\0277$A" hubspot/contact
check "a byte order mark" "a@b.pt " "$(emails)"
for empty in '' '\n \n' '[]' '{"results":[]}'; do
  map "$empty" hubspot/contact
  check "nothing in, nothing out: $(printf '%s' "$empty" | tr '\\' '/')" "0||" "$code|$out|$err"
done
check "without a project" "a@b.pt" "$(cd / && printf '%s' "$A" | "$PERILUNE" map hubspot/contact | jq -r .email)"
printf '%s\n%s\n' "$A" "$BAD" >"$WORK/in.ndjson"
p map hubspot/contact "$WORK/in.ndjson" --rejects "$WORK/bad.ndjson" >"$WORK/out" 2>"$WORK/err"
check "--rejects FILE" "3 0 1" "$(jq -r .externalId "$WORK/bad.ndjson") $(wc -c <"$WORK/err") $(wc -l <"$WORK/out")"

# ---- what is broken ----
map "$A\\n{\"id\":\"2\",\"prop\\n$B\\n" hubspot/contact
check "a broken line costs itself" "a@b.pt b@b.pt " "$(emails)"
check "a broken line is a reject" "invalid_json" "$(printf '%s' "$err" | jq -r .code)"
check_has "a broken line is named" "$err" "line 2: "
map "{\"id\":1,\\n$A\\n$B" hubspot/contact
check "a broken first line, too" "a@b.pt b@b.pt " "$(emails)"
map "[$A,{\"id\":2,\"id\":3}]" hubspot/contact
check_has "a key that appears twice is a reject" "$err" "record 2: the record is no sound JSON"
map '{"properties":{"email":"a@b.pt"}}' hubspot/contact
check "a record without its key is a reject" 'required null' "$(printf '%s' "$err" | jq -r '"\(.code) \(.externalId)"')"
for broken in '{"id":' 'no json' '[{"id":1}' "[$A,]" "[$A $B]" "[$A] x" '5' '{"id":"1","id":"2"}' "$A x"; do
  map "$broken" hubspot/contact
  check "broken input fails: $broken" 1 "$code"
  check_has "broken input is explained: $broken" "$err" "line 1"
done
map '' hubspot/contcat
check_has "an unknown mapping is suggested" "$err" "did you mean hubspot/contact?"
map '' hubspot
check "TYPE without ENTITY is wrong usage" 2 "$code"
check_exit "a missing file" 1 "$PERILUNE" map hubspot/contact "$WORK/nowhere.json"
check "errors as JSON" not_found "$(p --json map hubspot/nothing </dev/null | jq -r .error.code)"

# ---- the same bytes out ----
cat >"$P/mappings/hubspot/same.lua" <<'LUA'
return mapping "same" { from = "hubspot.contact", fields = { all = json "data" } }
LUA
nasty='{"z":null,"a":[],"b":{},"n":18446744073709551615,"d":0.10,"e":1e-7,"u":"\\u0000\\ud83d\\ude00é😀","k":{"2":1,"1":2}}'
printf '%s' "{\"id\":\"1\",\"data\":$(printf '%b' "$nasty")}" | p map hubspot/same >"$WORK/out"
check "nothing is lost on the way" "$(printf '%b' "$nasty" | jq -S .)" "$(jq -S .all "$WORK/out")"
check_has "numbers stay as written" "$(cat "$WORK/out")" '"n":18446744073709551615,"d":0.10,"e":1e-7'

# ---- hostile functions: one reject each, the others come out ----
hostile() {
  cat >"$P/mappings/hubspot/hostile.lua" <<LUA
return mapping "hostile" { from = "hubspot.contact", fields = { a = text "a" { transform = function(value)
  if value ~= "bad" then return value end
  $2
end } } }
LUA
  map '{"id":1,"a":"one"}\n{"id":2,"a":"bad"}\n{"id":3,"a":"three"}\n' hubspot/hostile
  check "hostile: $2" "onethree 2 a" "$(printf '%s' "$out" | jq -rj .a) $(printf '%s' "$err" | jq -r '"\(.externalId) \(.field)"')"
  case " $1 " in *" $(printf '%s' "$err" | jq -r .code) "*) ;; *) bad "hostile: $2" "wanted $1: $err" ;; esac
}
hostile script_timeout 'while true do end'
hostile script_timeout 'return (("a"):rep(120):find(".-.-.-.-b"))'
hostile script_timeout 'return pcall(function() while true do end end)'
hostile script_memory 'local t = {} while true do t[#t + 1] = ("x"):rep(1000000) end'
hostile script_memory 'return ("a"):rep(1e9)'
hostile 'script_error script_timeout script_memory' 'local function f() return 1 + f() end return f()'
hostile script_error 'error({})'
hostile script_error 'return io.open("/etc/passwd")'
hostile script_error 'local t = {} t.t = t return t'

# ---- workers that die ----
awk 'BEGIN { for (i = 1; i <= 6000; i++) printf "{\"id\":\"%d\",\"properties\":{\"email\":\"u%d@example.com\"}}\n", i, i }' >"$WORK/many.ndjson"
mkfifo "$WORK/fifo"
"$PERILUNE" -C "$P" map hubspot/contact "$WORK/fifo" >"$WORK/out" 2>"$WORK/err" & # not p: its number must be perilune's own
main=$!
exec 8>"$WORK/fifo"
head -2500 "$WORK/many.ndjson" >&8
tries=0
while [ "$(wc -l <"$WORK/out")" -lt 500 ] && [ $tries -lt 100000 ]; do tries=$((tries + 1)); done
for signal in KILL SEGV; do
  for child in $(cat "/proc/$main/task/$main/children"); do kill -$signal "$child"; done
  if [ $signal = KILL ]; then sed -n 2501,5000p "$WORK/many.ndjson" >&8; else sed -n 5001,6000p "$WORK/many.ndjson" >&8; fi
done
exec 8>&-
wait $main
check "a worker that was killed costs no row: exit" 0 "$?"
rows=$(($(wc -l <"$WORK/out") + $(wc -l <"$WORK/err")))
check "a worker that was killed costs no row" 6000 "$rows"

# ---- portions ----
jq -sc . "$WORK/many.ndjson" >"$WORK/many.json"
check "an array in portions" "6000" "$(p map hubspot/contact "$WORK/many.json" | wc -l | tr -d ' ')"
check "rows in order" "u1@example.com u6000@example.com" "$(p map hubspot/contact "$WORK/many.json" | sed -n '1p;$p' | jq -r .email | tr '\n' ' ' | sed 's/ $//')"
{ cat "$WORK/many.ndjson"; printf '{"id":"x","properties":{"email":"'; head -c 5000000 /dev/zero | tr '\0' a; printf '"}}\n'; echo "$A"; } >"$WORK/large.ndjson"
p map hubspot/contact "$WORK/large.ndjson" >"$WORK/out" 2>"$WORK/err"
check "a line that is too large costs itself" "6001 line 6001: the record has more than 4194304 bytes" "$(wc -l <"$WORK/out" | tr -d ' ') $(jq -r .message "$WORK/err")"
p map hubspot/contact "$WORK/many.ndjson" 2>/dev/null | head -1 >"$WORK/out"
check "a reader that leaves" 1 "$(wc -l <"$WORK/out" | tr -d ' ')"
finish
