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
# step by step
cat >"$P/mappings/hubspot/contact.lua" <<'LUA'
local function shout(v)
  return v .. "!"
end
return mapping "contact" {
  from = "hubspot.contact",
  fields = {
    email = text "properties.email",
    city = text "properties.city" { case = "upper", default = "NOWHERE", transform = shout, min = 2 },
    first = text "properties.firstname" { map = { Ann = "Anna" } },
  },
  rules = {
    rule "city" { check = function(v) return v ~= "LEAVE!" end, skip = "who left" },
  },
}
LUA
put() { curl -s -o /dev/null -X PATCH "$URL/crm/objects/2026-03/contacts/$1" -H 'Authorization: Bearer pat-emulator' -H 'Content-Type: application/json' -d '{"properties":'"$2"'}'; }
set -- $(sql "select external_id from integration_data where entity_type='contact' and deleted_at is null order by 1 limit 6" | tr '\n' ' ')
put "$2" '{"city":" Porto ","firstname":"Ann"}'
put "$3" '{"city":"Leave"}'
put "$4" '{"city":""}'
put "$5" '{"city":"\u001b[2J\u202eevil\u0000pat-emulator","firstname":"'"$(printf '%01500d' 0)$(printf '%01500d' 1)"'"}'
p sync crm --full >/dev/null
w=$(p why contact "$2" city --json)
check "each step where it changed the value" 'tidy "PORTO" transform "PORTO!"' "$(field "$w" '[.data[0].fields[0].steps[] | .step, (.value|tojson)] | join(" ")')"
check "from the value as it was sent" '" Porto "' "$(field "$w" '.data[0].fields[0].read[0].value | tojson')"
check "a function by file and line" "mappings/hubspot/contact.lua:1" "$(field "$w" '.data[0].fields[0].steps[1] | "\(.file):\(.line)"')"
check "what was checked" "min 2" "$(field "$w" '.data[0].fields[0].checks[0]')"
check "told of the row as it is stored" "true PORTO!" "$(field "$w" '.data[0] | "\(.exact) \(.fields[0].value)"')"
check "a map" '"Ann" -> map "Anna"' "$(p why contact "$2" first --json | jq -r '.data[0].fields[0] | "\(.read[0].value|tojson) -> \(.steps[-1].step) \(.steps[-1].value|tojson)"')"
check "a default" 'default "NOWHERE"' "$(p why contact "$4" city --json | jq -r '.data[0].fields[0].steps[0] | "\(.step) \(.value|tojson)"')"
check_has "and all of it for people" "$(p why contact "$2" city)" '-> transform: "PORTO!"  [mappings/hubspot/contact.lua:1]'
w=$(p why contact "$3" --json)
check "a record that was left out: state and rule" "deleted who left mappings/hubspot/contact.lua:12" "$(field "$w" '.data[] | select(.rule) | "\(.state) \(.rule.message) \(.rule.file):\(.rule.line)"' | sed 's/city: //; s/left out/deleted/' | tail -1)"
fresh=$(curl -s -X POST "$URL/crm/objects/2026-03/contacts" -H 'Authorization: Bearer pat-emulator' -H 'Content-Type: application/json' -d '{"properties":{"city":"Leave","email":"new@example.com"}}' | jq -r .id)
p sync crm --entity contact >/dev/null
check "a record that never had a row" 0 "$(sql "select count(*) from integration_data where external_id='$fresh' and entity_type='contact'")"
w=$(p why contact "$fresh" --json)
check "is one that was left out: by which rule" "1 left out|who left|mappings/hubspot/contact.lua:12" \
  "$(field "$w" '"\(.data|length) \(.data[0] | .state + "|" + .rule.message + "|" + .rule.file + ":" + (.rule.line|tostring))"' | sed 's/city: //')"
check_has "and which request brought it" "$(field "$w" '.data[0] | "\(.method) \(.url)"')" "$URL/crm/"
check_has "for people" "$(p why contact "$fresh")" "who left"
w=$(p why contact "$5" city)
check_not "no escape sequence reaches the terminal" "$w" "$(printf '\033')"
check_has "it is spelled out" "$w" '[2J'
check_not "nor a mark that turns the writing" "$w" "$(printf '\342\200\256')"
check_not "nor a live token" "$w" "pat-emulator"
w=$(p why contact "$5" first --json)
check "a long value is cut, and its length told" "true 3002" "$(field "$w" '.data[0].fields[0] | "\(.value | endswith("…")) \(.read[0].bytes)"')"
check_not "in JSON, too, nothing turns the writing" "$w" "$(printf '\342\200\256')"
# the mapping in force
cp "$P/mappings/hubspot/contact.lua" "$WORK/then.lua"
sed -i 's/case = "upper"/case = "lower"/' "$P/mappings/hubspot/contact.lua"
check "what the mapping in force now would give" "PORTO! porto!" "$(p why contact "$2" city --json | jq -r '.data[0].fields[0] | "\(.value) \(.now)"')"
check_has "for people" "$(p why contact "$2" city)" 'the mapping in force now gives "porto!"'
echo 'nonsense(' >"$P/mappings/hubspot/contact.lua"
check_has "one that does not load hides nothing" "$(p why contact "$2" city)" '-> transform: "PORTO!"'
cp "$WORK/then.lua" "$P/mappings/hubspot/contact.lua"
# a mapping that extends another: a line has the file that it is in
cat >"$P/mappings/hubspot/base.lua" <<'LUA'
return mapping "base" {
  from = "hubspot.company",

  fields = { email = email "properties.email" },
}
LUA
cat >"$P/mappings/hubspot/contact.lua" <<'LUA'
return mapping "contact" { from = "hubspot.contact", extends = "hubspot/base", fields = { city = text "properties.city" { max = 30 } } }
LUA
check "the line of an inherited field is in its file" "mappings/hubspot/base.lua:4" "$(p sync crm --full --entity contact >/dev/null; p why contact "$2" email --json | jq -r '.data[0].fields[0] | "\(.file):\(.line)"')"
check "and so it is in a reject" "mappings/hubspot/base.lua:4" "$(sql "select distinct file||':'||line from rejects where entity_type='contact' and state='open' and field='email' and code='type' limit 1")"
# merged, deleted, and a name that means two
a=$3 b=$4
curl -s -o /dev/null -X POST "$URL/crm/v3/objects/contacts/merge" -H 'Authorization: Bearer pat-emulator' -H 'Content-Type: application/json' -d '{"primaryObjectId":"'"$a"'","objectIdToMerge":"'"$b"'"}'
p sync crm --entity contact >/dev/null
check "a merged one names its survivor" "merged $a" "$(p why contact "$b" --json | jq -r '.data[0] | "\(.state) \(.mergedInto)"')"
check_has "for people" "$(p why contact "$b")" "merged into $a"
bad_now=$5
put "$bad_now" '{"city":"a name of more than thirty letters"}'
p sync crm --entity contact >/dev/null
w=$(p why contact "$bad_now" --json)
check "a stale row, and the reject of its newer version" "stale rejected" "$(field "$w" '[.data[].state] | join(" ")')"
check_has "the reject with the failure of its field" "$(field "$w" '.data[1].fields[] | select(.failed) | "\(.name) \(.failed.message)"')" 'city: wanted at most 30 letters'
"$PERILUNE" -C "$P" add hubspot second --base-url "$URL" --credential accessToken=pat-emulator >/dev/null
p sync second --entity contact >/dev/null
check_exit "an id of two integrations" 1 p why contact "$a"
check_has "which are named" "$(cat "$WORK/err")" "is in crm, second; say which one with --integration NAME"
check "one of them" second "$(p why contact "$a" --integration second --json | jq -r '.data[0].integration')"
id=$1
control archive '{"entity":"contact","ids":["'"$id"'"]}' >/dev/null
p sync crm --entity contact >/dev/null
check "a deleted one says what took it" "deleted api" "$(p why contact "$id" --integration crm --json | jq -r '.data[0] | "\(.state) \(.cause)"')"
check_has "for people" "$(p why contact "$id" --integration crm)" "brought by"
check_exit "an unknown id" 1 p why contact nobody
finish
