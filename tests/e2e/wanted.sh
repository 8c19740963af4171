# What was never asked for is named by remap, not mapped to null in silence; once it was fetched, nothing is named.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 60 --seed 11
project wanted
contact() { printf 'return mapping "contact" { from = "hubspot.contact", fields = { email = email "properties.email" { on_error = "null" }, %s } }\n' "$1" >"$P/mappings/hubspot/contact.lua"; }
missing() { p remap hubspot/contact --json | jq -c .data.missing; }

contact ''
p sync crm --entity contact >/dev/null
check "nothing is missing at first" '[]' "$(missing)"
contact 'zip = text "properties.zip", at = datetime "createdAt"'
check "a new property is named, what always comes is not" '["properties.zip"]' "$(missing)"
check "and named again the next time" '["properties.zip"]' "$(missing)"
check_has "in words, too" "$(p remap hubspot/contact)" "perilune backfill crm --entity contact --field 'properties.zip'"
p sync crm --entity contact --full >/dev/null
check "a full sync brings it" '[]' "$(missing)"
check "to the rows" true "$([ "$(sql "select count(*) from contact where zip is not null")" -gt 10 ] && echo true)"
contact 'custom = rest "properties"'
check "rest is named as a whole" '["properties.*"]' "$(missing)"
p sync crm --entity contact --full >/dev/null
contact 'custom = rest "properties", city = text "properties.city"'
check "with rest everything was asked for" '[]' "$(missing)"
finish
