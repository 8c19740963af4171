# perilune templates: saved, shown, exported, imported without loss, applied after a trial, removed.
. "$(dirname "$0")/lib.sh"
P=$WORK/p
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
check_has "none at first" "$(p templates list)" "no templates"
check_exit "nothing to save" 1 "$PERILUNE" -C "$P" templates save basics acme/person

p mappings add acme/person --external-field name --internal-field who.name --field-type string --required --default '"é\u0000 \"x\""' --transformation 'return value -- a comment
' --validation 'return #value < 80' --options '{"max":80,"min":1}' >/dev/null
p mappings add acme/person --external-field '["a","b.c[0]"]' --internal-field ab --field-type text >/dev/null
p templates save basics acme/person --default >/dev/null
check "save: exit" 0 "$?"
check "list" "basics acme person 2 true" "$(p --json templates list | jq -r '.data[] | "\(.name) \(.integration_type) \(.entity_type) \(.mappings | length) \(.is_default)"')"
check_has "show" "$(p templates show basics)" "who.name"
check_has "a name near by" "$(p templates show basic 2>&1)" 'did you mean "basics"?'

# ---- export, import ----
p templates export basics "$WORK/one.json" >/dev/null
rows=$(p --json mappings rows acme/person | jq -S '[.data[] | del(.id, .created_at, .updated_at)]')
P=$WORK/other
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
p templates import "$WORK/one.json" >/dev/null
check "import: exit" 0 "$?"
p templates export basics "$WORK/two.json" >/dev/null
if cmp -s "$WORK/one.json" "$WORK/two.json"; then ok "export, import, export: the same bytes"; else bad "export, import, export: the same bytes" "$(diff "$WORK/one.json" "$WORK/two.json")"; fi
p templates export basics >"$WORK/three.json"
if cmp -s "$WORK/one.json" "$WORK/three.json"; then ok "export to standard output"; else bad "export to standard output" "it differs"; fi
check "import puts nothing into force" 0 "$(p --json mappings rows | jq '.data | length')"
p templates apply basics >/dev/null
check "apply: exit" 0 "$?"
check "apply makes the same field mappings" "$rows" "$(p --json mappings rows acme/person | jq -S '[.data[] | del(.id, .created_at, .updated_at)]')"
check "and they work" '{"who":{"name":"Ana"},"ab":"y"}' "$(printf '{"name":"Ana","b":{"c":["y"]}}' | p map acme/person)"
p templates apply basics >/dev/null
check "apply twice changes nothing" 2 "$(p --json mappings rows | jq '.data | length')"

# ---- templates of the old service, and broken ones ----
echo '[{"name":"old","integrationType":"acme","entityType":"thing","mappings":[{"externalField":"n","internalField":"n","fieldType":"string","isRequired":true}]}]' | jq -c 'map({name, integration_type: .integrationType, entity_type: .entityType, mappings})' >"$WORK/old.json"
p templates import "$WORK/old.json" >/dev/null
p templates apply old >/dev/null
check "names as the old service wrote them" "n string true" "$(p --json mappings rows acme/thing | jq -r '.data[] | "\(.external_field) \(.field_type) \(.is_required)"')"
echo '{"name":"js","integration_type":"acme","entity_type":"js","mappings":[{"external_field":"n","internal_field":"n","field_type":"string","transformation":"return value ? value.trim() : null;"}]}' >"$WORK/js.json"
p templates import "$WORK/js.json" >/dev/null
check "a template in JavaScript can be kept" 0 "$?"
p templates apply js >"$WORK/out" 2>"$WORK/err"
check "but not applied" 1 "$?"
check_has "and the Lua for it is shown" "$(cat "$WORK/err")" "in Lua it reads: return value and value:match"
check "nothing of it was stored" 0 "$(p --json mappings rows acme/js | jq '.data | length')"
for broken in '{' '5' '{"name":"x"}' '{"name":"x","integration_type":"a","entity_type":"b","mappings":{}}' '{"name":"x","integration_type":"a","entity_type":"b","mappings":[{"external_field":"n"}]}'; do
  printf '%s' "$broken" >"$WORK/broken.json"
  check_exit "import refuses $broken" 1 "$PERILUNE" -C "$P" templates import "$WORK/broken.json"
done

p templates remove basics >/dev/null
check "remove" "js old" "$(p --json templates list | jq -r '[.data[].name] | sort | join(" ")')"
check_exit "remove what is gone" 1 "$PERILUNE" -C "$P" templates remove basics
check "field mappings stay" 2 "$(p --json mappings rows acme/person | jq '.data | length')"
finish
