# Several integrations at once: the same rows as one after another, also after a kill between; one that fails stops no other; Ctrl-C stops all of them.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 120 --seed 6
control rate '{"on":false}' >/dev/null

# folder NAME COUNT: a project with integrations crm1 to crmCOUNT. They share a token, and so its limits: those are lifted here, because this is not about them.
folder() {
  P=$WORK/$1
  "$PERILUNE" init "$P" --quiet >/dev/null || exit 1
  mkdir -p "$P/connectors"
  sed '/^  rates = {/,/^  },/ { /rates = {/d; /^  },/!d; s#.*#  rates = { default = "100000/s", search = "100000/s", links = "100000/s" },#; }' "$ROOT/connectors/hubspot.lua" >"$P/connectors/hubspot.lua"
  n=1
  while [ "$n" -le "$2" ]; do
    p add hubspot "crm$n" --base-url "$URL" --credential accessToken=pat-emulator >/dev/null || exit 1
    n=$((n + 1))
  done
}
rows() {
  sql "select i.name, d.entity_type, d.external_id, d.data, d.deleted_at is null from integration_data d join integrations i on i.id = d.integration_id order by 1, 2, 3" | sha256sum
}
count() { sql "select count(*) from integration_data"; }
# committed N PID: waits until so many rows are there, by the database itself
committed() {
  n=0
  while [ "$n" -lt "$1" ]; do
    "$TOOLS/waitpid" "$2" 20 && return 1
    n=$(sqlite3 -readonly "$P/perilune.db" "select count(*) from integration_data" 2>/dev/null || echo 0)
  done
}

folder one 8
for n in 1 2 3 4 5 6 7 8; do p sync "crm$n" --json >>"$WORK/alone" || bad "crm$n alone" "failed"; done
expected=$(rows)
all=$(count)

folder eight 8
r=$(p sync --all --json)
check "eight at once: all are ok" "8 ok" "$(echo "$r" | jq -r .data.status | sort | uniq -c | awk '{ print $1, $2 }')"
check "eight at once: the rows of one after another" "$expected" "$(rows)"
check "the results stand in the order asked for" "$(for n in 1 2 3 4 5 6 7 8; do sql "select r.id from runs r join integrations i on i.id = r.integration_id where i.name = 'crm$n'"; done)" "$(echo "$r" | jq -r .data.runId)"
check "they overlapped" true "$([ "$(sql "select count(*) from runs a join runs b on a.seq < b.seq and b.started_at < a.finished_at")" -gt 3 ] && echo true)"

r=$(p sync crm1 crm2 crm1 --json)
check "named twice is run once" 2 "$(echo "$r" | jq -r .data.status | grep -c ok)"
check "and wrote nothing new" "$expected" "$(rows)"

folder killed 8
"$PERILUNE" -C "$P" sync --all --json >"$WORK/out" 2>&1 &
core=$!
pids="$pids $core"
committed 400 "$core" || bad "the kill" "the sync was over before it"
kill -9 "$core"
wait "$core" 2>/dev/null
check "killed in between" true "$([ "$(count)" -lt "$all" ] && echo true)"
check_exit "the next one goes on" 0 p sync --all --jobs 3
check "after a kill: the rows of one after another" "$expected" "$(rows)"
check "the runs that were under way are marked" 0 "$(sql "select count(*) from runs where status = 'running'")"

folder stopped 8
"$PERILUNE" -C "$P" sync --all --jobs 6 --json >"$WORK/out" 2>&1 &
core=$!
pids="$pids $core"
committed 250 "$core" || bad "Ctrl-C" "the sync was over before it"
kill -INT "$core"
wait "$core"
check "Ctrl-C: exit code of an interrupted command" 1 $?
check "Ctrl-C stops those at work and those that wait" "8" "$(jq -r .error.code "$WORK/out" | grep -c '^interrupted$')"
check_exit "the next one goes on" 0 p sync --all
check "after Ctrl-C: the rows of one after another" "$expected" "$(rows)"

# One without its server, one with a broken mapping of its own: the third is not touched by that.
folder mixed 3
sqlite3 "$P/perilune.db" "update integrations set base_url = 'http://127.0.0.1:1', trusted = replace(trusted, '$URL', 'http://127.0.0.1:1') where name = 'crm1'"
mkdir -p "$P/mappings/@crm2/hubspot"
echo 'while true do end' >"$P/mappings/@crm2/contact.lua"
r=$(timeout 60 "$PERILUNE" -C "$P" sync crm1 crm2 crm3 --entity contact --json)
check "the exit code is the worst" true "$([ $? -ne 0 ] && echo true)"
check "the good one is whole" ok "$(echo "$r" | tail -1 | jq -r .data.status)"
check "the bad ones failed" "2" "$(echo "$r" | jq -r .error.code | grep -vc null)"
finish
