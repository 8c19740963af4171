# why: request, run, raw value, file and line of a value; and the state of what is no live row.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 100 --seed 7
project main
r=$(p sync crm --json)
id=$(sql "select external_id from integration_data where entity_type='contact' order by 1 limit 1")
w=$(p why contact "$id" email --json)
check "the stored value" "$(sql "select data->>'email' from integration_data where entity_type='contact' and external_id='$id'")" "$(field "$w" '.data[0].fields[0].value')"
check "the raw value that it read" "properties.email $(sql "select raw->>'\$.properties.email' from integration_data where entity_type='contact' and external_id='$id'")" \
  "$(field "$w" '.data[0].fields[0].read[0] | "\(.path) \(.value)"')"
check "the mapping's line" "mappings/hubspot/contact.lua:$(grep -n 'email *= *email' "$P/mappings/hubspot/contact.lua" | cut -d: -f1)" "$(field "$w" '.data[0].fields[0] | "\(.file):\(.line)"')"
check "the run that brought it" "$(field "$r" .data.runId)" "$(field "$w" '.data[0].askedBy')"
check_has "the request that brought it" "$(field "$w" '.data[0] | "\(.method) \(.url)"')" "GET $URL/crm/"
check_not "no credential in it" "$w" "pat-emulator"
check "nothing changed since" false "$(field "$w" .data[0].mappingChanged)"
sed -i '1i -- a line more' "$P/mappings/hubspot/contact.lua"
sed -i 's/email *= *email *"properties.email"/email = text "properties.email"/' "$P/mappings/hubspot/contact.lua"
again=$(p why contact "$id" email --json)
check "a changed file does not change what is true of the row" "$(field "$w" '.data[0].fields[0].line')" "$(field "$again" '.data[0].fields[0].line')"
check "but it is told" true "$(field "$again" .data[0].mappingChanged)"
bad_id=$(sql "select record_key from rejects where entity_type='contact' and state='open' limit 1")
w=$(p why contact "$bad_id" --json)
check "a refused one says why" "rejected $(sql "select code from rejects where record_key='$bad_id'")" "$(field "$w" '.data[0] | "\(.state) \(.code)"')"
control archive '{"entity":"contact","ids":["'"$id"'"]}' >/dev/null
p sync crm --entity contact >/dev/null
check "a deleted one says what took it" "deleted api" "$(p why contact "$id" --json | jq -r '.data[0] | "\(.state) \(.cause)"')"
check_has "for people" "$(p why contact "$id")" "brought by"
check_exit "an unknown id" 1 p why contact nobody
finish
