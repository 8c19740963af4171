# What an account has (custom objects, fields) is known whole or as before: bad replies, a worker that is killed while it makes streams, a kill between two
# answers, a scope that is missing for a while. Never is a failure taken for "there is nothing".
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 100 --seed 7
control rate '{"on":false}' >/dev/null
fault() { control fault "$1" >/dev/null; }
clear_faults() { control fault '{"clear":true}' >/dev/null; }
schemas=/crm-object-schemas/v3/schemas
cars() { sql "select count(*) from integration_data where entity_type='car' and deleted_at is null"; }
more() { sql "select json_array_length(fields) from discovered where stream=':more'"; }
# what the account is known to have, but for when it was asked
known() { sql "select stream, fields from discovered order by 1"; }
status() { field "$1" '.data.status // .error.code'; }
age() { sql "update discovered set at_ms = at_ms - 90000000"; } # older than a day: asked again

project plain
r=$(p sync crm --json)
want=$(cars)
check "an undisturbed sync reads the custom objects" "ok true" "$(field "$r" .data.status) $([ "$want" -ge 1 ] && echo true)"

# the first discovery goes wrong: the run fails by name, nothing is kept that is not so, the next run has them all
n=0
while read -r code what; do
  n=$((n + 1))
  project "first$n"
  fault "{\"path\":\"$schemas\",$what,\"times\":-1}"
  r=$(p sync crm --json)
  check "schemas $what: the first sync fails" "$code " "$(field "$r" .error.code) $(more)"
  clear_faults
  r=$(p sync crm --json)
  check "and the next one reads them" "ok $want" "$(field "$r" .data.status) $(cars)"
  # known before (fields of custom objects are asked for once they are known): the old answer stays, the next sync asks anew
  age
  p sync crm --quiet
  known >"$WORK/known"
  age
  fault "{\"path\":\"$schemas\",$what,\"times\":-1}"
  r=$(p sync crm --json)
  clear_faults
  known >"$WORK/now"
  check "known before, it stays known" "$code " "$(field "$r" .error.code) $(diff "$WORK/known" "$WORK/now" | head -1)"
  r=$(p sync crm --json)
  check "and is read" "ok $want" "$(field "$r" .data.status) $(cars)"
done <<'F'
bad_reply "garbage":true
api_error "status":400
F

# 403 for a while: before anything is known the account has no custom objects; afterwards they stay and say what is missing
project scope
fault "{\"path\":\"$schemas\",\"status\":403,\"times\":-1}"
fault '{"path":"/crm/properties/2026-03/deals","status":403,"times":-1}'
r=$(p sync crm --json)
check "an account without custom objects is in order" "ok 0" "$(field "$r" .data.status) $(more)"
clear_faults
age
p sync crm --quiet >/dev/null 2>&1
age
p sync crm --quiet >/dev/null 2>&1
check "given the scope, they come" "$want" "$(cars)"
known >"$WORK/known"
check "with all fields" true "$(sql "select count(*) > 0 from discovered where stream='deal' and fields <> '{}'" | sed 's/1/true/')"
age
fault "{\"path\":\"$schemas\",\"status\":403,\"times\":-1}"
fault '{"path":"/crm/properties/2026-03/*","status":403,"times":-1}'
r=$(p sync crm --json)
known >"$WORK/now"
check "without it again, nothing is forgotten" "ok  $want" "$(field "$r" .data.status) $(diff "$WORK/known" "$WORK/now" | head -1) $(cars)"
clear_faults

# killed while it waits for each of the answers in turn: whatever was kept, the next run reads all
for path in "$schemas" /crm/properties/2026-03/contacts /crm/properties/2026-03/deals; do
  rm -rf "$WORK/killed"
  project killed
  control reset '{}' >/dev/null
  control rate '{"on":false}' >/dev/null
  fault "{\"path\":\"$path\",\"cut\":\"hang\",\"times\":-1}"
  "$PERILUNE" -C "$P" sync crm --quiet >"$WORK/out" 2>&1 &
  victim=$!
  until curl -s "$URL/_emulator/requests?last=5" | grep -qF "$path" || "$TOOLS/waitpid" "$victim" 20; do :; done
  kill -9 "$victim"
  wait "$victim" 2>/dev/null
  clear_faults
  r=$(p sync crm --json)
  check "killed at $path: the next sync has all" "ok $want" "$(status "$r") $(cars)"
done
finish
