# Ctrl-C stops at a page edge, a second one at once; both resume. A second writer waits and then says who holds the database. A reader reads meanwhile.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 3000 --seed 4
control rate '{"on":false}' >/dev/null
control fault '{"path":"/crm/objects/2026-03/contacts","delay_ms":100,"times":-1,"after":3}' >/dev/null
project signals
# committed: waits until so many rows are there, by the database itself
committed() {
  n=0
  while [ "$n" -lt "$1" ]; do
    "$TOOLS/waitpid" "$2" 20 && return 1
    n=$(sqlite3 -readonly "$P/perilune.db" "select count(*) from integration_data" 2>/dev/null || echo 0)
  done
}
"$PERILUNE" -C "$P" sync crm --entity contact --json >"$WORK/first" 2>&1 &
core=$!
pids="$pids $core"
committed 300 "$core"
check_exit "a reader reads meanwhile" 0 p sql "select count(*) from contact"
check_exit "a second writer is refused after its wait" 1 p --wait 0 add hubspot other --credential accessToken=abcdef123
check_has "it says who holds the database" "$(cat "$WORK/err")" "process $core"
kill -INT "$core"
wait "$core"
r=$(cat "$WORK/first")
check "Ctrl-C stops the run" stopped "$(field "$r" .data.status)"
check "what was read is kept" "$(field "$r" .data.created)" "$(sql "select count(*) from integration_data")"
"$PERILUNE" -C "$P" sync crm --entity contact --json >"$WORK/second" 2>&1 &
core=$!
pids="$pids $core"
before=$(sql "select count(*) from integration_data")
committed $((before + 200)) "$core"
workers=$(cat "/proc/$core/task/$core/children")
kill -INT "$core"
kill -INT "$core"
wait "$core"
check "a second Ctrl-C ends it at once, or the first was quicker" true "$(case $? in 130|1) echo true ;; esac)"
control fault '{"clear":true}' >/dev/null
r=$(p sync crm --entity contact --json)
check "both resume: the end is whole" "ok 3000" "$(field "$r" .data.status) $(sql "select (select count(*) from integration_data) + (select count(*) from rejects)")"
check "and not from the start" true "$([ "$(field "$r" .data.recordsProcessed)" -lt 2800 ] && echo true)"
for worker in $workers; do "$TOOLS/waitpid" "$worker" 5000 || bad "no worker is left" "$worker lives"; done
check "there was a worker, and it left" true "$([ -n "$workers" ] && echo true)"
finish
