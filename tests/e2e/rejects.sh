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

# values that nobody wants on his terminal: shown escaped, cut and without the live token, by plan and by rejects; --json stays JSON
start_emulator hubspot --records 6 --seed 9
project small
put() { # ID; the value as JSON writes it, on standard input
  { printf '{"properties":{"city":"'; cat; printf '"}}'; } |
    curl -s -o /dev/null -X PATCH "$URL/crm/objects/2026-03/contacts/$1" -H 'Authorization: Bearer pat-emulator' -H 'Content-Type: application/json' --data-binary @-
}
set -- $(curl -s "$URL/crm/objects/2026-03/contacts" -H 'Authorization: Bearer pat-emulator' | jq -r '.results[].id' | tr '\n' ' ')
{ printf '%0190d' 0; printf 'pat-emulator and more'; } | put "$1"
printf '\\u001b[2J\\u001b]0;evil\\u0007\\u202emine is pat-emulator\\u2066' | put "$2"
printf '\\u0000nul' | put "$4"
printf '\\u202edesrever' | put "$6"
M=$P/mappings/hubspot/contact.lua
echo 'return mapping "contact" { from = "hubspot.contact", fields = { known = text "properties.city" { transform = function() return "yes" end } } }' >"$M"
p sync crm --entity contact >/dev/null || bad "a sync" "it failed"
sql "update integration_data set raw = json_set(raw, '\$.properties.city', printf('%01000000d', 0)) where external_id='$3'" # more than the emulator takes
fit() { # NAME MOST: what a command printed, in $WORK/NAME
  check_not "no live token, nor what a cut left of one ($1)" "$(cat "$WORK/$1")" "pat-em"
  check "no control byte ($1)" 0 "$(tr -d '\n' <"$WORK/$1" | LC_ALL=C tr -d '\040-\176\200-\377' | wc -c)"
  check_not "no mark turns the writing ($1)" "$(cat "$WORK/$1")" "$(printf '\342\200\256')"
  check "all of it is UTF-8 ($1)" 0 "$(iconv -f utf-8 -t utf-8 "$WORK/$1" >/dev/null 2>&1; echo $?)"
  check "long ones are cut ($1)" true "$([ "$(wc -c <"$WORK/$1")" -lt 9000 ] && echo true)"
}
echo 'return mapping "contact" { from = "hubspot.contact", fields = { known = text "properties.firstname", town = text "properties.city" } }' >"$WORK/new.lua"
p plan hubspot/contact "$WORK/new.lua" >"$WORK/plan"
p plan hubspot/contact "$WORK/new.lua" --json >"$WORK/plan.json"
check "samples" 3 "$(jq '.data.integrations[0].fields[] | select(.name=="town") | .samples | length' "$WORK/plan.json" 2>&1)"
fit plan
fit plan.json
echo 'return mapping "contact" { from = "hubspot.contact", fields = { mail = email "properties.city" } }' >"$M"
p remap hubspot/contact >/dev/null
check "each is refused" 6 "$(sql "select count(*) from rejects where state='open'")"
check_not "no token is stored beside the raw record" "$(sql "select group_concat(message || coalesce(value_shown,'') || coalesce(also,'')) from rejects")" "pat-emulator"
# bytes that are no UTF-8 never get so far as a value; were they stored, by whoever, they are shown as carefully
sql "update rejects set value_shown = cast(x'22ff6279746573fe22' as text), message = cast(x'6f6464ff1b5b324a' as text) where record_key='$6'"
p rejects crm --limit 100 >"$WORK/rejects"
p rejects crm --json >"$WORK/rejects.json"
check "JSON is JSON" 6 "$(jq '.data | length' "$WORK/rejects.json" 2>&1)"
fit rejects
fit rejects.json
check_has "what was there is spelled out" "$(cat "$WORK/rejects")" '\x1b'
check_has "also what is no text" "$(cat "$WORK/rejects")" "$(printf 'odd\357\277\275\\x1b')"
finish
