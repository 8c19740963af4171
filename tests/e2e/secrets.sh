# A planted token is nowhere but where it belongs: not in the database in clear, no log, no error, no process list, no worker's memory.
. "$(dirname "$0")/lib.sh"
# the emulator's own token stands in the binary, which ships the emulator; this one plays with another
TOKEN=pat-right-93bd17e0a4c6f258
"$PERILUNE" init "$WORK/api" --quiet >/dev/null
sed -i "s/pat-emulator/$TOKEN/g" "$WORK/api/connectors/hubspot_emulator.lua"
start_emulator hubspot --records 300 --seed 9 -C "$WORK/api"
CANARY=pat-canary-7f3a91c2e5d84b06
CANARY64=$(printf %s "$CANARY" | base64)
P=$WORK/secret
"$PERILUNE" init "$P" --quiet >/dev/null
printf '%s\n' "$CANARY" >"$WORK/token"
p add hubspot crm --base-url "$URL" --credential accessToken=@"$WORK/token" >/dev/null
rm "$WORK/token"
check_has "the word that proves the key is blotted nowhere" "$(p check nobody 2>&1)" "perilune list"
check "the key file is private" 600 "$(stat -c %a "$P/perilune.key")"
check "the database does not hold the token" 0 "$(cat "$P"/perilune.db* | grep -a -c -e "$CANARY" -e "$CANARY64")"
check_exit "a wrong token is refused" 1 p --log-level debug check crm
check_not "the refusal does not show it" "$(cat "$WORK/out" "$WORK/err")" "$CANARY"
check_has "it names the cause" "$(cat "$WORK/err")" "credentials_refused"
check_not "show does not show it" "$(p show crm; p show crm --json; p list --json)" "$CANARY"
check_not "nor does an error in a run" "$(p --log-level debug sync crm 2>&1)" "$CANARY"

# the right token now; a slow function holds the worker while its memory is searched
p set crm --credential accessToken=$TOKEN >/dev/null
check "set replaces the sealed token" 0 "$(cat "$P"/perilune.db* | grep -a -c -e "$TOKEN")"
cat >"$P/mappings/hubspot/contact.lua" <<'LUA'
return mapping "contact" { from = "hubspot.contact", fields = { x = text "id" { transform = function(value)
  local s = 0
  for i = 1, 300000 do s = s + i % 7 end
  return value .. s
end } } }
LUA
"$PERILUNE" -C "$P" --log-level debug sync crm --entity contact >"$WORK/sync.out" 2>"$WORK/sync.err" &
core=$!
pids="$pids $core"
worker=""
looked=0 found=0
while kill -0 "$core" 2>/dev/null; do
  for worker in $(cat "/proc/$core/task/$core/children" 2>/dev/null); do
    "$TOOLS/memgrep" "$worker" "$TOKEN" "$(printf %s "$TOKEN" | base64)" >"$WORK/grep" 2>/dev/null
    case $? in 0) looked=$((looked + 1)) ;; 1) found=$((found + 1)); cat "$WORK/grep" ;; esac
    cat "/proc/$worker/environ" >>"$WORK/environs" 2>/dev/null
  done
  "$TOOLS/waitpid" "$core" 20
done
wait "$core"
check "the sync is fine" 0 $?
check "workers were looked into" true "$([ "$looked" -ge 3 ] && echo true)"
check "no worker's memory holds the token" 0 "$found"
check "workers have no environment" "" "$(cat "$WORK/environs" 2>/dev/null)"
check_not "debug logs do not hold it" "$(cat "$WORK/sync.out" "$WORK/sync.err")" "$TOKEN"
"$PERILUNE" -C "$P" add hubspot other --base-url "$URL" --credential accessToken=argv-canary-123456 >/dev/null
check "the database sealed that too" 0 "$(cat "$P"/perilune.db* | grep -a -c argv-canary)"

# keys: rotation keeps everything readable, another key is refused before anything is written
check_exit "rotate" 0 p key rotate
check_exit "the credential still opens" 0 p check crm
cp "$P/perilune.key" "$WORK/key"
"$PERILUNE" init "$WORK/elsewhere" --quiet >/dev/null
before=$(sql "select count(*) from runs")
cp "$WORK/elsewhere/perilune.key" "$P/perilune.key"
check_exit "a wrong key is refused" 1 p sync crm
check_has "by name" "$(cat "$WORK/err")" wrong_key
check "and nothing was written" "$before" "$(sql "select count(*) from runs")"
chmod 644 "$P/perilune.key"
check_exit "a readable key is refused" 1 p sync crm
check_has "with the command that mends it" "$(cat "$WORK/err")" "chmod"
finish
