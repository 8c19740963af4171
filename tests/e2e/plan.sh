# A changed mapping: plan says what it would do, remap does just that, row by row, and rollback takes it back byte for byte.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 600 --seed 11
project main
MAP=$P/mappings/hubspot/contact.lua
api() { curl -s -o /dev/null -X PATCH "$URL/crm/objects/2026-03/contacts/$1" -H 'Authorization: Bearer pat-emulator' -H 'Content-Type: application/json' -d "$2"; }
# rows without what a remap may touch only in passing
rows() { sql "select external_id, data, deleted_at is not null, is_stale, warnings from integration_data where entity_type='contact' order by external_id"; }
live() { sql "select external_id, data from integration_data where entity_type='contact' and deleted_at is null order by external_id"; }

p sync crm >/dev/null
# rows that stand for an older version: the newer one is refused
for id in $(sql "select external_id from integration_data where entity_type='contact' and deleted_at is null order by external_id limit 8"); do
  api "$id" '{"properties":{"annualrevenue":"-5"}}'
done
control archive '{"entity":"contact","count":3}' >/dev/null
p sync crm --entity contact >/dev/null
check "the ground: stale rows, tombstones and rejects" "true true true" \
  "$(sql "select (select count(*) > 3 from integration_data where is_stale=1), (select count(*) > 0 from integration_data where deleted_at is not null), (select count(*) > 5 from rejects where state='open')" | sed 's/1/true/g; s/|/ /g')"
rows >"$WORK/before"
live >"$WORK/live"
database() { sqlite3 "$P/perilune.db" .dump | grep -v '^INSERT INTO \(meta\|runs\)' | md5sum; }

# takes the addresses that were refused, refuses and leaves out others, adds, drops and changes fields
sed -e 's/email *= *email *"properties.email"/email = text "properties.email"/' \
    -e 's/firstName *= *text *"properties.firstname" *{[^}]*}/firstName = text "properties.firstname" { transform = function(v) return v:upper() end }/' \
    -e 's/, validate = function(value) return value >= 0, "negative" end//' \
    -e 's/fields *= *{/fields = {\n    nickname = text "properties.firstname" { min = 4 },/' \
    -e 's/rules *= *{/rules = {\n    rule { "lastName" } { check = function(v) return not (v and v:find("^M") ~= nil) end, skip = true },/' "$MAP" >"$WORK/new.lua"
grep -q nickname "$WORK/new.lua" || bad "the changed mapping" "the shipped one looks different now"
quiet=$(database)
r=$(p plan hubspot/contact "$WORK/new.lua" --json --rows "$WORK/rows")
plan=$(field "$r" '.data.integrations[0] | "\(.records) \(.created) \(.updated) \(.unchanged) \(.rejected) \(.deleted) \(.skipped)"')
check "plan writes nothing" "$quiet" "$(database)"
check "it sees refused, accepted, left out and changed ones" true "$(field "$r" '.data.integrations[0] | .newlyRejected > 0 and .newlyAccepted > 3 and .deleted > 0 and .updated > 100')"
check "a new field is set, a changed one changes" true "$(field "$r" '[.data.integrations[0].fields[] | select(.name=="nickname" and .set > 100 and .cleared == 0), select(.name=="firstName" and .changed > 100)] | length == 2')"
check "samples say old and new" true "$(field "$r" '[.data.integrations[0].fields[] | select(.name=="firstName") | .samples[0] | (.old|ascii_upcase) == .new] | all')"
check "from standard input it says the same" "$plan" \
  "$(p plan hubspot/contact - --json <"$WORK/new.lua" | jq -r '.data.integrations[0] | "\(.records) \(.created) \(.updated) \(.unchanged) \(.rejected) \(.deleted) \(.skipped)"')"
check_has "for people" "$(p plan hubspot/contact "$WORK/new.lua")" "refused ones taken in"
sqlite3 "$P/perilune.db" "begin immediate; select 1;" ".shell $PERILUNE -C $P plan hubspot/contact $WORK/new.lua --json > $WORK/locked" "rollback;" >/dev/null
check "it runs beside a writer" "$plan" "$(jq -r '.data.integrations[0] | "\(.records) \(.created) \(.updated) \(.unchanged) \(.rejected) \(.deleted) \(.skipped)"' "$WORK/locked")"

cp "$MAP" "$WORK/old.lua"
cp "$WORK/new.lua" "$MAP"
r=$(p remap hubspot/contact --json)
check "remap does what plan said" "$plan" "$(field "$r" '.data.entities.contact | "\(.records) \(.created) \(.updated) \(.unchanged) \(.rejected) \(.deleted) \(.skipped)"')"
# every row that plan named has the data that plan named; every live row that it did not name is as it was
jq -r 'select(.change == "created" or .change == "updated" or .change == "unchanged") | select(.data) | "\(.id)|\(.data|tojson)"' "$WORK/rows" | sort >"$WORK/said"
sql "select external_id, json(data) from integration_data where entity_type='contact'" | sort >"$WORK/is"
check "and every row is as plan said" "" "$(comm -23 "$WORK/said" "$WORK/is" | head -2)"
check "plan named all live rows but the refused" "" \
  "$(sql "select external_id from integration_data where entity_type='contact' and deleted_at is null and is_stale=0" | sort >"$WORK/ids"; cut -d'|' -f1 "$WORK/said" | sort | comm -13 - "$WORK/ids" | head -2)"
r=$(p plan hubspot/contact "$MAP" --json)
check "what is in place changes nothing more" "0 0 0" "$(field "$r" '.data.integrations[0] | "\(.created) \(.updated) \(.deleted)"')"
check "the integration's counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null"),$(sql "select count(*) from rejects where state='open'")" \
  "$(sql "select data_count||','||error_count from integrations")"

# and back
cp "$MAP" "$WORK/kept.lua"
echo "-- an afterthought" >>"$MAP"
check_exit "a file that was changed since is not written over" 1 p remap hubspot/contact --rollback
check_has "and it says how" "$(cat "$WORK/err")" "--force"
cp "$WORK/kept.lua" "$MAP"
r=$(p remap hubspot/contact --rollback --json)
check "rollback puts the file back" "" "$(cmp "$MAP" "$WORK/old.lua" 2>&1)"
live >"$WORK/after"
check "and every row, byte for byte" "" "$(diff "$WORK/live" "$WORK/after" | head -4)"
rows | grep -F -x -v -f "$WORK/before" >"$WORK/more"
check "with the marks that they had; what only the other mapping took is gone" "" "$(grep -v '|1|0|' "$WORK/more" | head -2)"
check "rejects are open again" "$(sql "select count(*) from rejects where state='open'")" "$(sql "select error_count from integrations")"
check_exit "there is nothing more to take back" 1 p remap hubspot/contact --rollback
r=$(p plan hubspot/contact "$WORK/new.lua" --json)
set -- $plan
check "the plan of the other mapping is the same again, rows that were taken back included" "$1 $(($2 + $3)) $4 $5 $6 $7" \
  "$(field "$r" '.data.integrations[0] | "\(.records) \(.created + .updated) \(.unchanged) \(.rejected) \(.deleted) \(.skipped)"')"

# killed in the middle, it goes on
cp "$WORK/new.lua" "$MAP"
"$PERILUNE" -C "$P" remap hubspot/contact --quiet >/dev/null 2>&1 &
pid=$!
until [ "$(sqlite3 -readonly "$P/perilune.db" "select count(*) from runs where kind='remap' and status='running'" 2>/dev/null)" != 0 ] || ! kill -0 $pid 2>/dev/null; do :; done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
p remap hubspot/contact >/dev/null
sql "select external_id, json(data) from integration_data where entity_type='contact' and deleted_at is null and is_stale=0" | sort >"$WORK/resumed"
sort "$WORK/said" | comm -13 - "$WORK/resumed" >"$WORK/odd"
check "a remap that was killed and run again ends the same" "" "$(head -2 "$WORK/odd")"
check "the database is sound" ok "$(sql 'pragma integrity_check')"
finish
