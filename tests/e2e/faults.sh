# Bad replies: each ends in success after a retry, or in a named error; the next good run repairs all.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 250 --seed 11
control rate '{"on":false}' >/dev/null
project faults
p sync crm --json >/dev/null
want=$(sql "select count(*) from integration_data where entity_type='contact'")

again() { rm -rf "$P"; project faults; }
fault() { control fault "$1" >/dev/null; }
clear_faults() { control fault '{"clear":true}' >/dev/null; }
list=/crm/objects/2026-03/contacts

again; fault "{\"path\":\"$list\",\"status\":500,\"times\":2}"
r=$(p sync crm --entity contact --json)
check "two 500s are retried" "ok $want 2" "$(field "$r" '"\(.data.status) \(.data.entities.contact.created) \(.data.retries)"')"

again; fault "{\"path\":\"$list\",\"cut\":\"body\",\"times\":1}"
r=$(p sync crm --entity contact --json)
check "a cut body is asked for again" "ok $want" "$(field "$r" '"\(.data.status) \(.data.entities.contact.created)"')"

again; fault "{\"path\":\"$list\",\"status\":429,\"times\":1}"
r=$(p sync crm --entity contact --json)
check "a 429 is waited for" "ok $want" "$(field "$r" '"\(.data.status) \(.data.entities.contact.created)"')"

again; fault "{\"path\":\"$list\",\"garbage\":true,\"times\":1}"
r=$(p sync crm --entity contact --json)
check "garbage with 200 is a bad reply, by name" "failed bad_reply" "$(field "$r" '"\(.data.status) \(.error.code)"')"
clear_faults
r=$(p sync crm --entity contact --json)
check "the next run repairs it" "ok $want" "$(field "$r" .data.status) $(sql "select count(*) from integration_data where entity_type='contact'")"

again; fault "{\"path\":\"/crm/objects/2026-03/deals\",\"status\":403,\"times\":100}"
r=$(p sync crm --json)
check "a missing scope costs its stream" "ok missing done" "$(field "$r" '"\(.data.status) \(.data.entities.deal.state) \(.data.entities.contact.state)"')"
clear_faults

again; fault "{\"path\":\"$list\",\"status\":401,\"times\":100}"
r=$(p sync crm --entity contact --json)
check "a 401 ends the run" "failed credentials_refused" "$(field "$r" '"\(.data.status) \(.error.code)"')"
check "status tells" true "$(p status crm --json | jq '.data[0].last_run.error_message | length > 10')"
clear_faults

# an OAuth access token that expires in the middle: refreshed once, and kept sealed
"$PERILUNE" -C "$P" add hubspot oauth --base-url "$URL" --credential clientId=emulator --credential clientSecret=emulator-secret --credential refreshToken=emulator-refresh >/dev/null
r=$(p sync oauth --entity contact --json)
check "a refresh token alone is enough" "ok $want" "$(field "$r" '"\(.data.status) \(.data.entities.contact.created)"')"
control expire '{}' >/dev/null
r=$(p sync oauth --entity contact --json)
check "an expired token is refreshed" ok "$(field "$r" .data.status)"

# nobody there, and a host that was not trusted
kill "$EMULATOR"
wait "$EMULATOR" 2>/dev/null
check_exit "a server that is gone" 1 p check crm
check_has "is named" "$(cat "$WORK/err")" "connect"
check_exit "loopback without --base-url" 1 sh -c "'$PERILUNE' -C '$P' add hubspot bad --setting version=v9 --credential accessToken=x123456"
check_has "an unknown version is named" "$(cat "$WORK/err")" "v9"
check "the database is sound" ok "$(sql 'pragma integrity_check')"
finish
