# Tokens: refreshed when they are due or refused, by one flight, kept before they are used; only the grant's own end ends a login.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 400 --seed 21
control rate '{"on":false}' >/dev/null
project tokens
token=/oauth/2026-03/token
list=/crm/objects/2026-03/contacts
add() { "$PERILUNE" -C "$P" add hubspot "$1" --base-url "$URL" --credential clientId=emulator --credential clientSecret=emulator-secret --credential refreshToken=emulator-refresh >/dev/null; }
refreshes() { curl -s "$URL/_emulator/requests?last=1" | jq ".counts[\"POST $token\"] // 0"; }
fault() { control fault "$1" >/dev/null; }
clear_faults() { control fault '{"clear":true}' >/dev/null; }
state() { sql "select status from integrations where name='$1'"; }
forget() { sql "update integrations set token = json_set(token, '\$.obtainedMs', 1000) where name='$1'"; } # its token is past its life
contacts() { sql "select count(*) from integration_data d join integrations i on i.id = d.integration_id where i.name='$1' and entity_type='contact'"; }

p sync crm --entity contact --json >/dev/null
want=$(contacts crm)
add a
r=$(p sync a --entity contact --json)
check "a refresh token alone is enough" "ok $want 1" "$(field "$r" .data.status) $(contacts a) $(refreshes)"
check "its life is known" 1800000 "$(sql "select token ->> 'lifeMs' from integrations where name='a'")"
p check a >/dev/null
check "a token that holds is not refreshed" 1 "$(refreshes)"
forget a
p check a >/dev/null
check "one that is due is, before the API refuses it" 2 "$(refreshes)"
p check a >/dev/null
check "once" 2 "$(refreshes)"

# a long sync crosses several ends of its token
add long
control expire '{"seconds":1}' >/dev/null
fault "{\"path\":\"$list\",\"delay_ms\":700,\"times\":-1}"
r=$(p sync long --entity contact --json)
clear_faults
control expire '{"seconds":1800}' >/dev/null
check "a sync across several ends of its token" "ok $want" "$(field "$r" .data.status) $(contacts long)"
check "refreshed several times" true "$([ "$(refreshes)" -ge 5 ] && echo true)"
same() { sql "select external_id, data from integration_data d join integrations i on i.id = d.integration_id where i.name='$1' and entity_type='contact' order by 1"; }
check "and its rows are an undisturbed sync's" "$(same crm | cksum)" "$(same long | cksum)"

# two processes: the second waits for the database and then uses what the first got
forget a
n=$(refreshes)
p check a >/dev/null & one=$!
p --wait 30 check a >/dev/null & two=$!
wait "$one"; wait "$two"
check "two processes, one refresh" $((n + 1)) "$(refreshes)"

# nothing but the grant's end ends a login
forget a; fault "{\"path\":\"$token\",\"status\":503,\"times\":2}"
check_exit "two 503s of the token endpoint are waited out" 0 p check a
forget a; fault "{\"path\":\"$token\",\"cut\":\"body\",\"times\":1}"
check_exit "a lost answer is asked for once more" 0 p check a
clear_faults
for status in 500 429 401; do
  forget a; sql "update integrations set token = json_set(token, '\$.obtainedMs', 1000) where name='a'"
  control expire '{}' >/dev/null
  fault "{\"path\":\"$token\",\"status\":$status,\"times\":-1,\"retryAfter\":1}"
  check_exit "a token endpoint that answers $status fails the check" 1 p check a
  check "but $status ends no login" false "$([ "$(state a)" = needs_reauth ] && echo true || echo false)"
  clear_faults
done
check_exit "and the next one works" 0 p check a
control expire '{}' >/dev/null
fault "{\"path\":\"$token\",\"status\":400,\"times\":-1,\"body\":\"{\\\"error\\\":\\\"invalid_grant\\\",\\\"message\\\":\\\"gone\\\"}\"}"
check_exit "invalid_grant" 1 p check a
check "ends it" needs_reauth "$(state a)"
check_has "with the one command that mends it" "$(cat "$WORK/err")" "perilune auth a"
check_has "status says so too" "$(p status a)" "perilune auth a"
n=$(refreshes)
r=$(p sync --all 2>&1)
check_has "sync --all passes it by and says so" "$r" "perilune auth a"
check_has "and syncs the others" "$r" "crm: ok"
total=$(curl -s "$URL/_emulator/requests?last=1" | jq .total)
check_exit "a sync of it alone fails at once" 1 p sync a
check_has "by the same command" "$(cat "$WORK/err")" "perilune auth a"
check "and asks the API nothing" "$total" "$(curl -s "$URL/_emulator/requests?last=1" | jq .total)"
clear_faults

# killed between the answer and its commit: the next one tries the old token, and says what happened
add cut
p check cut >/dev/null
sql "update integrations set token = json_set(token, '\$.refreshing', 1795000000000, '\$.obtainedMs', 1000) where name='cut'"
fault "{\"path\":\"$token\",\"status\":400,\"times\":1,\"body\":\"{\\\"error\\\":\\\"invalid_grant\\\",\\\"message\\\":\\\"used\\\"}\"}"
check_exit "an interrupted refresh whose token was lost" 1 p check cut
check_has "is told as such" "$(cat "$WORK/err")" "was ended at"

# a token that is refused the moment it was given is not replaced for ever
add storm
clear_faults
n=$(refreshes)
fault "{\"path\":\"/account-info/*\",\"status\":401,\"times\":-1}"
check_exit "a fresh token that is refused" 1 p check storm
check_has "is credentials_refused" "$(cat "$WORK/err")" "moment ago"
check "after one request for a token" $((n + 1)) "$(refreshes)"
clear_faults
check_not "no secret in what is known of tokens" "$(sql "select group_concat(token) from integrations")" "emulator-refresh"
finish
