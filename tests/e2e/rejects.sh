# Rejects: told with all that is needed, discarded ones stay so, a changed mapping tries them again by itself, once.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 500 --seed 7
project main
p sync crm >/dev/null
n=$(sql "select count(*) from rejects where state='open'")
r=$(p rejects crm --json)
check "each tells file, line, run and generation" "$n" "$(field "$r" '[.data[] | select(.file and .line > 0 and .run and .generation and .code and .message)] | length')"
check "by reason" "$(sql "select count(*) from rejects where state='open' and code='type'")" "$(p rejects crm --reason type --json | jq '.data | length')"
check "by field" "$(sql "select count(*) from rejects where state='open' and field='email'")" "$(p rejects crm --field email --json | jq '.data | length')"
d=$(sql "select count(*) from rejects where state='open' and code='rule'")
check "discard marks what was asked for" "$d" "$(p rejects crm --discard --reason rule --json | jq .data.discarded)"
check "and keeps its bytes" "$d" "$(sql "select count(*) from rejects where state='discarded' and raw is not null")"
check "which are no errors any more" "$((n - d))" "$(sql "select error_count from integrations")"
p sync crm --full >/dev/null
check "coming again unchanged they stay discarded" "$d" "$(sql "select count(*) from rejects where state='discarded'")"
id=$(sql "select record_key from rejects where state='discarded' and entity_type='contact' limit 1")
curl -s -o /dev/null -X PATCH "$URL/crm/objects/2026-03/contacts/$id" -H 'Authorization: Bearer pat-emulator' -H 'Content-Type: application/json' -d '{"properties":{"city":"Braga"}}'
p sync crm --entity contact >/dev/null
check "a changed version opens anew" open "$(sql "select state from rejects where record_key='$id' and entity_type='contact'")"
sed -i 's/email *= *email *"properties.email"/email = text "properties.email"/' "$P/mappings/hubspot/contact.lua"
open=$(sql "select count(*) from rejects where state='open'")
r=$(p sync crm --json)
check "a changed mapping tries its rejects at the next sync" "$open" "$(field "$r" '[.data.replayed.entities[].records] | add')"
check "in a run of its own" "replay ok" "$(sql "select kind||' '||status from runs where kind='replay'")"
check "and takes in what it may" 1 "$(sql "select count(*) from rejects where state='open'")"
r=$(p sync crm --json)
check "once" null "$(field "$r" .data.replayed)"
check "the counters equal a recount" "$(sql "select count(*) from rejects where state='open'")" "$(sql "select error_count from integrations")"
finish
