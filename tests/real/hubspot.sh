# HubSpot's own client for Node against the emulator; then a sync of the same account, compared with what that client lists.
. "$(dirname "$0")/../e2e/lib.sh"
REAL=$(cd "$(dirname "$0")" && pwd)
CLIENT=13.5.0
FOLDER=$(dirname "$TOOLS")/real
for tool in node npm; do
  command -v "$tool" >/dev/null 2>&1 || { echo "skip HubSpot's client: $tool is not installed"; exit 0; }
done
[ "$(jq -r .version "$FOLDER/node_modules/@hubspot/api-client/package.json" 2>/dev/null)" = "$CLIENT" ] ||
  npm install --prefix "$FOLDER" --no-audit --no-fund --no-save --ignore-scripts --loglevel=error "@hubspot/api-client@$CLIENT" >"$WORK/npm" 2>&1 ||
  { echo "skip HubSpot's client: npm cannot install @hubspot/api-client@$CLIENT ($(tail -1 "$WORK/npm"))"; exit 0; }

figure() { echo "figure $1: $2"; }
start_emulator hubspot --records 2000 --seed 11
node "$REAL/hubspot_client.mjs" "$URL" "$FOLDER" 2>"$WORK/client" | tee "$WORK/lines"
grep -q '^figure client' "$WORK/lines" || bad "the client's tests" "they did not end: $(head -c 400 "$WORK/client")"
failures=$((failures + $(grep -c '^not ok' "$WORK/lines")))

# ---- the same account, stored ----
control reset '{}' >/dev/null
project account
run() {
  name=$1
  shift
  before=$(curl -s "$URL/_emulator/requests" | jq .total)
  R=$("$TOOLS/peak" "$WORK/peak" "$PERILUNE" -C "$P" sync crm "$@" --json 2>"$WORK/err")
  ASKED=$(($(curl -s "$URL/_emulator/requests" | jq .total) - before))
  figure "$name" "$(field "$R" '.data | "\(.recordsProcessed) records, \(.rejected) rejected, \(.requests) requests, \(.bytes) bytes, \(.duration) ms"'), $(cat "$WORK/peak")"
}
list() { node "$REAL/hubspot_list.mjs" "$URL" "$FOLDER" list "$1" | jq -c . | sort; }
# compare ENTITY TYPE PROPERTY…: the records stored, those refused among them, are those that the client lists, value for value
compare() {
  entity=$1 type=$2
  shift 2
  list "$type" >"$WORK/theirs"
  properties=$(printf '.properties.%s, ' "$@")
  { sql "select raw from integration_data where entity_type='$entity' and deleted_at is null"; sql "select raw from rejects where entity_type='$entity' and state='open' group by external_id"; } |
    jq -c "[.id, (.updatedAt | if length == 20 then .[:19] + \".000Z\" else . end), $properties.archived]" | sort -u >"$WORK/ours"
  if cmp -s "$WORK/theirs" "$WORK/ours"; then ok "$entity: what is stored is what the client lists ($(grep -c . "$WORK/ours"))"
  else bad "$entity: what is stored is what the client lists" "$(diff "$WORK/theirs" "$WORK/ours" | head -6)"; fi
}
# mapped NAME: the mapped columns against the client's, for the contacts that have a row
mapped() {
  jq -c '[.[0], (.[2], .[3], .[4] | if . == "" then null else . end)]' "$WORK/theirs" >"$WORK/clients"
  sql "select json_array(external_id, data->>'email', data->>'firstName', data->>'lastName') from integration_data where entity_type='contact' and deleted_at is null" | jq -c . | sort >"$WORK/rows"
  check "$1" "" "$(sort "$WORK/clients" | comm -13 - "$WORK/rows" | head -3)"
}

run "full"
check "everything is read" ok "$(field "$R" .data.status)"
compare company companies name domain hs_lastmodifieddate
compare deal deals dealname amount hs_lastmodifieddate
compare contact contacts email firstname lastname lastmodifieddate
mapped "the mapped columns are the client's values"

made=$(node "$REAL/hubspot_list.mjs" "$URL" "$FOLDER" change)
check "the client changed ten" "3,5,2" "$(field "$made" '"\(.created|length),\(.updated|length),\(.archived|length)"')"
run "ten changed by the client" --entity contact
check "those ten are found" "ok 3 5 2" "$(field "$R" '.data | "\(.status) \(.created) \(.updated) \(.deleted)"')"
check "with few requests" true "$([ "$ASKED" -le 6 ] && echo true)"
compare contact contacts email firstname lastname lastmodifieddate
mapped "and the rows say so"
check "the archived are tombstones" "$(field "$made" '.archived | sort | join(",")')" \
  "$(sql "select group_concat(external_id) from (select external_id from integration_data where entity_type='contact' and deleted_at is not null order by 1)")"

"$PERILUNE" -C "$P" add hubspot old --base-url "$URL" --credential accessToken=pat-emulator --setting version=v3 >/dev/null || bad "add" "version v3"
R=$(p sync old --entity contact --json 2>/dev/null)
check "the other family of paths gives the same rows" "0" "$(sql "select count(*) from (select external_id, data from integration_data where entity_type='contact' and deleted_at is null and
  integration_id=(select id from integrations where name='old') except select external_id, data from integration_data where entity_type='contact' and deleted_at is null and integration_id=(select id from integrations where name='crm'))")"
check "and as many" "$(sql "select count(*) from integration_data where entity_type='contact' and deleted_at is null and integration_id=(select id from integrations where name='crm')")" \
  "$(sql "select count(*) from integration_data where entity_type='contact' and deleted_at is null and integration_id=(select id from integrations where name='old')")"

# ---- a token that is refreshed, as the client does it ----
"$PERILUNE" -C "$P" add hubspot app --base-url "$URL" --credential clientId=emulator --credential clientSecret=emulator-secret --credential refreshToken=emulator-refresh >"$WORK/out" 2>&1 || bad "add an app" "$(cat "$WORK/out")"
R=$(p sync app --entity company --json 2>"$WORK/err")
check "an integration with a refresh token alone gets its access token" ok "$(field "$R" .data.status)"
control expire '{"now":true}' >/dev/null
R=$(p sync app --entity company --json 2>"$WORK/err")
check "and another when that has expired" ok "$(field "$R" .data.status)"
finish
