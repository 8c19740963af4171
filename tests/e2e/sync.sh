# The main job: everything is read once, then only what changed; deletions, merges, limits, remap; counters equal a recount.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 1000 --seed 7
project main

check_exit "check works" 0 p check crm
r=$(p sync crm --json)
check "first sync is ok" ok "$(field "$r" .data.status)"
check "all contacts are processed" 1000 "$(field "$r" .data.entities.contact.recordsProcessed)"
check "all companies are created" 100 "$(field "$r" .data.entities.company.created)"
check "all deals are created" 200 "$(field "$r" .data.entities.deal.created)"
created=$(field "$r" .data.entities.contact.created)
rejected=$(field "$r" .data.entities.contact.rejected)
check "created and rejected add up" 1000 $((created + rejected))
check "some are rejected" true "$([ "$rejected" -ge 10 ] && echo true)"
check "rows equal what was created" "$created" "$(sql "select count(*) from integration_data where entity_type='contact' and deleted_at is null")"
check "the view shows the rows" "$created" "$(sql "select count(*) from hubspot_contact")"
check "rejects are kept" "$rejected" "$(sql "select count(*) from rejects where entity_type='contact' and state='open'")"
check "the integration's counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null"),$(sql "select count(*) from rejects where state='open'")" \
  "$(sql "select data_count||','||error_count from integrations")"
check "the raw record is kept as sent" "$(curl -s -H 'Authorization: Bearer pat-emulator' "$URL/crm/objects/2026-03/contacts/1001?properties=email" | jq -r .properties.email)" \
  "$(sql "select raw->>'$.properties.email' from integration_data where entity_type='contact' and external_id='1001'")"

requests=$(curl -s "$URL/_emulator/requests" | jq .total)
r=$(p sync crm --json)
check "second sync changes nothing" "0,0,0" "$(field "$r" '"\(.data.created),\(.data.updated),\(.data.deleted)"')"
check "second sync asks little" true "$([ $(($(curl -s "$URL/_emulator/requests" | jq .total) - requests)) -lt 20 ] && echo true)"

control change '{"entity":"contact","count":50}' >/dev/null
r=$(p sync crm --json)
check "changed records are updated" 50 "$(field "$r" .data.entities.contact.updated)"
check "and hardly more is read" true "$([ "$(field "$r" .data.entities.contact.recordsProcessed)" -le 60 ] && echo true)"

control archive '{"entity":"contact","count":7}' >/dev/null
r=$(p sync crm --entity contact --json)
deleted=$(field "$r" .data.deleted)
check "archived records become tombstones" "$deleted" "$(sql "select count(*) from integration_data where entity_type='contact' and deleted_at is not null")"
check "of those that had a row" true "$([ "$deleted" -ge 5 ] && echo true)"
r=$(p sync crm --entity contact --json)
check "a tombstone is counted once" 0 "$(field "$r" .data.deleted)"

r=$(p sync crm --entity contact --full --json)
check "a full read changes nothing" "0,0,0" "$(field "$r" '"\(.data.created),\(.data.updated),\(.data.deleted)"')"

requests=$(curl -s "$URL/_emulator/requests" | jq .total)
sed -i 's/firstName *= *text *"properties.firstname" *{[^}]*}/firstName = text "properties.firstname" { transform = function(v) return v:upper() end }/' "$P/mappings/hubspot/contact.lua"
r=$(p remap hubspot/contact --json)
check "remap asks nothing" "$requests" "$(curl -s "$URL/_emulator/requests" | jq .total)"
check "remap changes rows" true "$([ "$(field "$r" .data.entities.contact.updated)" -gt 500 ] && echo true)"
check "the new mapping is in the rows" "" "$(sql "select firstName from hubspot_contact where firstName glob '*[a-z]*' limit 1")"
r=$(p remap hubspot/contact --json)
check "remap again changes nothing" 0 "$(field "$r" .data.entities.contact.updated)"

sed -i 's/rule { "email", "phone" } { need = "any", reject/rule { "email", "phone" } { need = "any", warn/' "$P/mappings/hubspot/contact.lua"
before=$(sql "select count(*) from rejects where state='open' and code='rule'")
p rejects crm --replay >/dev/null
check "replay takes in what is allowed now" "true 0" "$([ "$before" -gt 0 ] && echo true) $(sql "select count(*) from rejects where state='open' and code='rule'")"

project limits
there=$(curl -s "$URL/_emulator/count" | jq .contact.live)
r=$(p sync crm --entity contact --limit 30 --json)
check "--limit writes so many" 30 "$(field "$r" .data.recordsProcessed)"
r=$(p sync crm --entity contact --dry-run --json)
check "--dry-run counts" "$there" "$(field "$r" .data.recordsProcessed)"
check "--dry-run writes nothing" 1 "$(sql "select count(*) from runs")"
r=$(p sync crm --entity contact --json)
check "--limit left the cursor" "$there" "$(field "$r" .data.recordsProcessed)"
check_exit "an unknown entity is named" 1 p sync crm --entity contcat
check_has "with a suggestion" "$(cat "$WORK/err")" "did you mean 'contact'"
check_exit "an unknown integration" 1 p sync crn
check_has "is suggested too" "$(cat "$WORK/err")" "crm"

control merge '{"entity":"contact"}' >/dev/null 2>&1
check "the database is sound" ok "$(sql 'pragma integrity_check')"
finish
