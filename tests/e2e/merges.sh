# Archived and restored, merged in chains, linked and unlinked: what HubSpot's emulator does, the tables follow.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 120 --seed 5
control rate '{"on":false}' >/dev/null
project crm
api() { curl -s -X "$1" -H 'Authorization: Bearer pat-emulator' -H 'Content-Type: application/json' "$URL$2" ${3:+-d "$3"}; }
row() { sql "select coalesce(deleted_cause,'live')||' '||coalesce(merged_into,'-') from integration_data where entity_type='contact' and external_id='$1'"; }
contact() { r=$(p sync crm --entity contact --json "$@"); }
printf 'return mapping "contact" { from = "hubspot.contact", fields = { email = email "properties.email" { on_error = "null" }, city = text "properties.city" } }\n' >"$P/mappings/hubspot/contact.lua"
p sync crm --json >"$WORK/first"
check "read once" ok "$(jq -r .data.status "$WORK/first")"

# ---- archived and restored ----
before=$(sql "select data from integration_data where entity_type='contact' and external_id='1005'")
control archive '{"entity":"contact","ids":["1005"]}' >/dev/null
contact
check "an archived record is a tombstone with its data" "api - 1 $before" "$(row 1005) $(field "$r" .data.deleted) $(sql "select data from integration_data where entity_type='contact' and external_id='1005'")"
check "views do not show it" 0 "$(sql "select count(*) from hubspot_contact where external_id='1005'")"
control restore '{"entity":"contact","ids":["1005"]}' >/dev/null
contact
check "restored, it lives again, counted as an update" "live - 0 1 0" "$(row 1005) $(field "$r" '"\(.data.created) \(.data.updated) \(.data.deleted)"')"
check "and the view shows it" 1 "$(sql "select count(*) from hubspot_contact where external_id='1005'")"

# ---- merges: 1010 into 1011, 1011 into 1012 ----
merge() { api POST /crm/v3/objects/contacts/merge "{\"primaryObjectId\":\"$1\",\"objectIdToMerge\":\"$2\"}" >/dev/null; }
merge 1011 1010; contact
check "a merged record points to its survivor" "merge 1011" "$(row 1010)"
merge 1012 1011; contact
check "a chain points to the last" "merge 1012, merge 1012, live -" "$(row 1010), $(row 1011), $(row 1012)"
merge 1014 1013; merge 1015 1014; contact
check "even if learned at once" "merge 1015, merge 1015" "$(row 1013), $(row 1014)"
contact --full
check "a full read leaves them" "merge 1012, merge 1015, 0" "$(row 1010), $(row 1013), $(field "$r" .data.deleted)"

# ---- links: none of this touches a contact's date ----
links() { sql "select coalesce(group_concat(d), '') from (select external_id||coalesce('-'||deleted_cause,'') as d from integration_data where entity_type='contact_company' and external_id like '$1:%' order by external_id)"; }
companies=$(sql "select external_id from integration_data where entity_type='company' order by external_id limit 2" | tr '\n' ' ')
one=${companies%% *} other=$(echo "$companies" | cut -d' ' -f2)
sync_links() { r=$(p sync crm --entity contact_company --json "$@"); }
api DELETE "/crm/v4/objects/contacts/1020/associations/companies/$one" >/dev/null
api DELETE "/crm/v4/objects/contacts/1020/associations/companies/$other" >/dev/null
p sync crm --sweep --json >/dev/null
base=$(links 1020)
api PUT "/crm/v4/objects/contacts/1020/associations/default/companies/$other" >/dev/null
sync_links
check "a new link moves no date" "$base" "$(links 1020)"
sync_links --sweep
check_has "a sweep brings it" "$(links 1020)" "1020:$other"
api DELETE "/crm/v4/objects/contacts/1020/associations/companies/$other" >/dev/null
sync_links --sweep
check_has "and takes it away" "$(links 1020)" "1020:$other-partition"
api PUT "/crm/v4/objects/contacts/1020/associations/default/companies/$other" >/dev/null
sync_links --sweep
check_not "and lets it live again" "$(links 1020)" "1020:$other-partition"
control archive '{"entity":"contact","ids":["1020"]}' >/dev/null
p sync crm --json >/dev/null
check_has "the links of a record die with it" "$(links 1020)" "1020:$other-partition"
control restore '{"entity":"contact","ids":["1020"]}' >/dev/null
p sync crm --json >/dev/null
check_not "and live again with it" "$(links 1020)" "1020:$other-partition"
check "counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null")" "$(sql "select data_count from integrations")"
finish
