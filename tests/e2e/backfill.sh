# Backfill: a range of time, or a field that was not asked for; with a place of its own, which a kill does not lose, and no faster than --rate.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 1300 --seed 9
control rate '{"on":false}' >/dev/null
project back
contact() { printf 'return mapping "contact" { from = "hubspot.contact", fields = { email = email "properties.email" { on_error = "null" }, %s } }\n' "$1" >"$P/mappings/hubspot/contact.lua"; }
count() { curl -s "$URL/_emulator/requests" | jq "[.counts|to_entries[]|select(.key|test(\"$1\"))|.value]|add // 0"; }
place() { sql "select phase||' '||high||' '||swept_ms from cursors where entity_type='contact' and kind='main'"; }
contact 'city = text "properties.city"'
p sync crm --entity contact >/dev/null
before=$(place)

# ---- a field ----
contact 'city = text "properties.city", zip = text "properties.zip"'
command=$(p remap hubspot/contact --json | jq -r '.data.backfill[0]')
check "remap names the command" "perilune backfill crm --entity contact --field 'properties.zip'" "$command"
check_has "in words, too" "$(p remap hubspot/contact)" "bring it with: $command"
check_exit "a field that nobody reads" 1 p backfill crm --entity contact --field properties.zap
check_has "is said to be none" "$(cat "$WORK/err")" "no mapping in force reads properties.zap"
check_exit "a field that always comes" 1 p backfill crm --entity contact --field createdAt
check_has "needs no backfill" "$(cat "$WORK/err")" "always comes"
control fault '{"path":"/crm/*/batch/read","cut":"hang","after":11,"times":1}' >/dev/null
fetched=$(count batch/read)
"$PERILUNE" -C "$P" backfill crm --entity contact --field properties.zip --quiet >/dev/null 2>&1 &
pid=$!
until [ "$(sql "select count(*) from cursors where kind like 'backfill:%'" 2>/dev/null)" = 1 ] && [ $(($(count batch/read) - fetched)) -ge 12 ]; do "$TOOLS/waitpid" "$pid" 50 && break; done
kill -9 "$pid"
wait "$pid" 2>/dev/null
half=$(count batch/read)
had=$(sql "select count(*) from contact where zip is not null")
control fault '{"clear":true}' >/dev/null
r=$(p backfill crm --entity contact --field properties.zip --json)
check "after kill -9 the same command goes on" "ok true" "$(field "$r" .data.status) $([ $(($(count batch/read) - half)) -le 4 ] && echo true)"
check "and brings the rest" true "$([ "$(sql "select count(*) from contact where zip is not null")" -gt "$had" ] && echo true)"
check "nothing is missing now" '[] []' "$(p remap hubspot/contact --json | jq -c .data.missing) $(p remap hubspot/contact --json | jq -c .data.backfill)"
check "the stream's own place has not moved" "$before" "$(place)"
check "it is a run of its own kind" "interrupted ok" "$(sql "select group_concat(status, ' ') from (select status from runs where kind='backfill' and status<>'failed' order by seq)")"
again=$(count batch/read)
p backfill crm --entity contact --field properties.zip >/dev/null
check "done is done" "$again" "$(count batch/read)"

# ---- a range ----
sql "update integration_data set raw_hash = null, data_hash = null, data = '{}' where entity_type = 'contact'"
mid=$(sql "select strftime('%Y-%m-%d', min(source_updated) + (max(source_updated) - min(source_updated)) / 2, 'unixepoch') from (select source_updated / 1000 as source_updated from integration_data where entity_type='contact')")
inside=$(sql "select count(*) from integration_data where entity_type='contact' and source_updated >= strftime('%s', '$mid') * 1000")
r=$(p backfill crm --entity contact --from "$mid" --json)
check "a range is read again, nothing else" "ok $inside 0" "$(field "$r" .data.status) $(sql "select count(*) from integration_data where entity_type='contact' and data <> '{}'") $(sql "select count(*) from integration_data where entity_type='contact' and data <> '{}' and source_updated < strftime('%s', '$mid') * 1000")"
check "by search, not by listing" true "$([ "$(count search)" -gt 0 ] && echo true)"
check "the place has not moved" "$before" "$(place)"
r=$(p backfill crm --entity contact --from 2001-01-01 --to 2001-12-31 --json)
check "an empty range is empty" "ok 0" "$(field "$r" '"\(.data.status) \(.data.recordsProcessed)"')"
p backfill crm --entity contact --from 2001-01-01 >/dev/null
check "all of them" 0 "$(sql "select count(*) from integration_data where entity_type='contact' and data = '{}'")"
sql "update integration_data set source_updated = source_updated + 86400000, data = '{\"newer\":1}', raw_hash = null where external_id = '1007'"
p backfill crm --entity contact --from 2001-01-01 >/dev/null
check "an older record never replaces a newer one" '{"newer":1}' "$(sql "select data from integration_data where external_id = '1007'")"
check_exit "owners have no stamp" 1 p backfill crm --entity owner --from 2026-01-01
check_has "and are told so" "$(cat "$WORK/err")" "carry no time of change"
check_exit "links have no range" 1 p backfill crm --entity contact_company --from 2026-01-01
check_exit "no range, no field" 2 p backfill crm --entity contact
check_exit "both at once" 2 p backfill crm --entity contact --from 2026-01-01 --field properties.zip
check_exit "a date that is none" 2 p backfill crm --entity contact --from yesterday
check_exit "an empty stretch" 2 p backfill crm --entity contact --from 2026-01-02 --to 2026-01-01

# ---- throttled ----
r=$(p backfill crm --entity contact --from 2001-01-01 --rate 5/s --json)
check "--rate holds" true "$([ "$(field "$r" .data.duration)" -ge $(( ($(field "$r" .data.requests) - 1) * 200 )) ] && echo true)"
finish
