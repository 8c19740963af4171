# Clocks that are wrong: ours jumps, the server's is off, zones differ; equal stamps of more records than a search shows. Every change is found, each time.
. "$(dirname "$0")/lib.sh"
FAKE=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 | head -1)
[ -n "$FAKE" ] || { bad "faketime" "the package is missing: sh mk/deps.sh test"; finish; }
at() { # SHIFT COMMAND…: our wall clock is off by that, what measures spans is not
  shift_by=$1
  shift
  env LD_PRELOAD="$FAKE" FAKETIME="$shift_by" FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 "$@"
}
mapping() {
  cat >"$P/mappings/hubspot/contact.lua" <<'LUA'
return mapping "contact" { from = "hubspot.contact", fields = { email = email "properties.email" { on_error = "null" }, changed = datetime "properties.lastmodifieddate" } }
LUA
}
# how many of these does the database hold with the stamp that they have over there
found() {
  n=0
  for id in $1; do
    there=$(curl -s -H 'Authorization: Bearer pat-emulator' "$URL/crm/v3/objects/contacts/$id?properties=lastmodifieddate" | jq -r .properties.lastmodifieddate)
    [ "$(sql "select raw->>'$.properties.lastmodifieddate' from integration_data where entity_type='contact' and external_id='$id'")" = "$there" ] && n=$((n + 1))
  done
  echo "$n"
}
changed() { control change "$1" | jq -r '.ids[]'; }

start_emulator hubspot --records 200 --seed 4
control rate '{"on":false}' >/dev/null
project jumps
mapping
p sync crm --entity contact --quiet >/dev/null
for by in +3h -3h +400d -0 -30y +1m; do
  ids=$(changed '{"entity":"contact","count":5}')
  r=$(at "$by" "$PERILUNE" -C "$P" sync crm --entity contact --json)
  check "our clock is off by $by" "ok 5" "$(field "$r" '.data.status // .error.code') $(found "$ids")"
done
ids=$(changed '{"entity":"contact","count":5}')
r=$(p sync crm --entity contact --json)
check "and right again" "ok 5" "$(field "$r" .data.status) $(found "$ids")"
project ahead
mapping
at +2d "$PERILUNE" -C "$P" sync crm --entity contact --quiet >/dev/null
ids=$(changed '{"entity":"contact","count":5}')
r=$(p sync crm --entity contact --json)
check "ahead at the first full read" "ok 5" "$(field "$r" .data.status) $(found "$ids")"
data() { sql "select entity_type, external_id, data from integration_data order by 1, 2"; }
data >"$WORK/want"
project zone
mapping
TZ=America/New_York "$PERILUNE" -C "$P" sync crm --entity contact --quiet >/dev/null
data >"$WORK/got"
check "a zone of ours changes nothing" " 200" "$(diff "$WORK/want" "$WORK/got" | head -3) $(wc -l <"$WORK/got" | tr -d ' ')"

# a server whose clock is off, stamps and Date alike
for by in +5h -5h; do
  plain=$PERILUNE
  cat >"$WORK/shifted" <<X
#!/bin/sh
exec env LD_PRELOAD="$FAKE" FAKETIME="$by" DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 "$plain" "\$@"
X
  chmod +x "$WORK/shifted"
  PERILUNE=$WORK/shifted
  start_emulator hubspot --records 200 --seed 4
  PERILUNE=$plain
  control rate '{"on":false}' >/dev/null
  project "server$by"
  mapping
  p sync crm --entity contact --quiet >/dev/null
  for round in 1 2; do
    ids=$(changed '{"entity":"contact","count":5}')
    r=$(p sync crm --entity contact --json)
    check "a server whose clock is off by $by, $round" "ok 5" "$(field "$r" .data.status) $(found "$ids")"
  done
done

# 10,200 records of one identical millisecond: a search shows 10,000
start_emulator hubspot --records 10200 --seed 4
control rate '{"on":false}' >/dev/null
project equal
mapping
control change '{"entity":"contact","count":10200,"stamps":"equal"}' >/dev/null
one() { sql "select count(*), count(distinct raw->>'$.properties.lastmodifieddate') from integration_data where entity_type='contact'"; }
p sync crm --entity contact --quiet >/dev/null
check "10,200 equal stamps at the first read" "10200|1" "$(one)"
before=$(sql "select max(raw->>'$.properties.lastmodifieddate') from integration_data")
control change '{"entity":"contact","count":10200,"stamps":"equal"}' >/dev/null
r=$(p sync crm --entity contact --json)
check "and between two reads" "ok 10200|1" "$(field "$r" .data.status) $(one)"
check "which were read" true "$([ "$before" != "$(sql "select max(raw->>'$.properties.lastmodifieddate') from integration_data")" ] && echo true)"
finish
