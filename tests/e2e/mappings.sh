# perilune mappings: what is in force and where each field comes from; field mappings added, tried, replaced, removed; mappings of rows alone.
. "$(dirname "$0")/lib.sh"
P=$WORK/p
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
add() { p mappings add "$@" >"$WORK/out" 2>"$WORK/err"; }

# ---- files ----
check_has "list names the files" "$(p mappings list)" "mappings/hubspot/contact.lua"
shown=$(p mappings show hubspot/contact)
check_has "show: a field's way" "$shown" "properties.email"
check_has "show: where Lua is entered" "$shown" "transform (mappings/hubspot/contact.lua:"
check "show as JSON" '["properties.email"] email file' "$(p --json mappings show hubspot/contact | jq -r '.data.fields[] | select(.name == "email") | "\(.paths | tojson) \(.kind) \(.source)"')"

# ---- field mappings ----
add hubspot/contact --external-field properties.firstname --internal-field firstName --field-type string --required \
  --transformation 'return value and value:match("^%s*(.-)%s*$")' --validation 'return type(value) == "string" and #value > 0'
check "add: exit" 0 "$?"
id=$(cat "$WORK/out")
check "add prints an id" 36 "${#id}"
check "show tells rows from files" row "$(p --json mappings show hubspot/contact | jq -r '.data.fields[] | select(.name == "firstName") | .source')"
check "rows" "properties.firstname firstName string true" "$(p --json mappings rows hubspot/contact | jq -r '.data[] | "\(.external_field) \(.internal_field) \(.field_type) \(.is_required)"')"
out=$(printf '{"id":"1","properties":{"email":"a@b.pt","firstname":"  Ana "}}' | p map hubspot/contact | jq -r .firstName)
check "laid over the file" Ana "$out"
check "required by a row" "firstName required" "$(printf '{"id":"1","properties":{"email":"a@b.pt"}}' | p map hubspot/contact 2>&1 | jq -r '"\(.field) \(.code)"')"
printf '{"properties.firstname":"John","properties.lastname":"Doe"}' >"$WORK/old.json"
check "rows alone need no key" '{"firstName":"John"}' "$(p map hubspot/contact "$WORK/old.json" --rows-alone)"
add hubspot/contact --external-field properties.firstname --internal-field firstName --field-type text
check "the same field again replaces it" "$id text" "$(p --json mappings rows hubspot/contact | jq -r '.data[] | "\(.id) \(.field_type)"')"

# ---- what would not work is not stored ----
before=$(p --json mappings rows)
refused() {
  name=$1 wanted=$2
  shift 2
  add hubspot/contact --external-field properties.x --internal-field x "$@"
  check "refused: $name" 1 "$?"
  check_has "explained: $name" "$(cat "$WORK/err")" "$wanted"
}
refused "JavaScript" 'this is JavaScript; in Lua it reads: return value and value:match' --field-type string --transformation 'return value ? value.trim() : null;'
refused "a syntax error" 'field mapping properties.x -> x: transformation of x:1:' --field-type string --transformation 'return value +'
refused "an unknown kind" "field_type is unknown: 'strng'" --field-type strng
refused "an unknown option" "text has no option 'trimm' (did you mean 'trim'?)" --field-type text --options '{"trimm":true}'
refused "options that are no object" "--options wants a JSON object" --field-type text --options '[1]'
refused "a Lua file that is missing" "can't be read" --field-type text --validation @"$WORK/none.lua"
check "nothing of it was stored" "$before" "$(p --json mappings rows)"
check_exit "a flag is missing" 2 "$PERILUNE" -C "$P" mappings add hubspot/contact --external-field a
check_exit "an unknown verb" 2 "$PERILUNE" -C "$P" mappings ad

# ---- mappings made of rows alone ----
echo 'return value:upper()' >"$WORK/upper.lua"
add acme/person --external-field name --internal-field who.name --field-type string --transformation @"$WORK/upper.lua"
check "no file, no connector: exit" 0 "$?"
add acme/person --external-field age --internal-field age --field-type int --default 7 --options '{"max":150}'
check "rows alone" '{"who":{"name":"ANA"},"age":7}' "$(printf '{"name":"ana"}' | p map acme/person)"
check "rows alone: checked" "age" "$(printf '{"name":"ana","age":151}' | p map acme/person 2>&1 | jq -r .field)"
check_has "rows alone: listed" "$(p mappings list)" "acme/person"
check_has "the old names of types" "$(p mappings show acme/person)" "integer"

# ---- remove ----
p mappings remove "$id" >/dev/null
check "remove by id" 0 "$(p --json mappings rows hubspot/contact | jq '.data | length')"
p mappings remove age acme/person >/dev/null
check "remove by field" "name" "$(p --json mappings rows acme/person | jq -r '.data[].external_field')"
check_exit "remove what is not there" 1 "$PERILUNE" -C "$P" mappings remove age acme/person
check "the file is in force again" Ana "$(printf '{"id":"1","properties":{"email":"a@b.pt","firstname":"Ana"}}' | p map hubspot/contact | jq -r .firstName)"

# ---- an integration's own mapping ----
start_emulator hubspot --records 20
p add hubspot crm --base-url "$URL" --credential accessToken=pat-emulator >/dev/null
mkdir -p "$P/mappings/@crm"
cat >"$P/mappings/@crm/contact.lua" <<'LUA'
return mapping "contact" { extends = "hubspot/contact", from = "hubspot.contact", fields = { extra = text "properties.citty" }, drop = { "stage" } }
LUA
record='{"id":"1","properties":{"email":"a@b.pt","citty":"Porto"}}'
check "its own mapping" "Porto false" "$(printf '%s' "$record" | p map hubspot/contact --integration crm | jq -r '"\(.extra) \(has("stage"))"')"
check "the shared one without it" "false true" "$(printf '%s' "$record" | p map hubspot/contact | jq -r '"\(has("extra")) \(has("stage"))"')"
p discover crm >/dev/null
p validate crm >"$WORK/out"
check "validate NAME: exit" 1 "$?"
check_has "validate NAME holds paths against the account" "$(cat "$WORK/out")" "mappings/@crm/contact.lua:1: properties.citty: HubSpot has no such property here (did you mean city?)"
rm -r "$P/mappings/@crm"
check_exit "validate NAME when all is well" 0 "$PERILUNE" -C "$P" validate crm
finish
