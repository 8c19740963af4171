# Workers that are killed from outside, again and again: no record is blamed for it, the run goes on or ends as worker_lost, and the rows are those of a
# sync that nobody disturbed.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --records 1500 --seed 5
control rate '{"on":false}' >/dev/null
rows() {
  sql "select entity_type, external_id, data, deleted_at is null, is_stale from integration_data order by 1, 2"
  sql "select entity_type, record_key, field, code, message from rejects where state='open' order by 1, 2"
}
project calm
p sync crm --quiet
rows >"$WORK/want"

# Four workers killed as fast as they come, from different moments on: that is less than a run gives up for
project hunted
kills=0
for after in 1 150 600 1500; do
  "$PERILUNE" -C "$P" sync crm --full --quiet >"$WORK/out" 2>&1 &
  victim=$! left=4
  "$TOOLS/waitpid" "$victim" "$after"
  until [ "$left" -eq 0 ] || "$TOOLS/waitpid" "$victim" 10; do
    w=$(pgrep -P "$victim" | head -1)
    [ -n "$w" ] && kill -9 "$w" 2>/dev/null && kills=$((kills + 1)) left=$((left - 1))
  done
  wait "$victim"
  code=$?
  rows >"$WORK/got"
  check "workers killed from $after ms on: the same rows" "0 " "$code $([ "$code" -eq 0 ] || head -c 300 "$WORK/out")$(diff "$WORK/want" "$WORK/got" | head -3)"
done
check "and there was something to kill" true "$([ "$kills" -ge 8 ] && echo true)"
check "no record was blamed" 0 "$(sql "select count(*) from rejects where code='script_crash'")"

# without end: the run fails, and says so
project doomed
"$PERILUNE" -C "$P" sync crm --quiet >"$WORK/out" 2>&1 &
victim=$!
until "$TOOLS/waitpid" "$victim" 5; do for w in $(pgrep -P "$victim"); do kill -9 "$w" 2>/dev/null; done; done
wait "$victim"
check "killed without end: the run ends" 1 $?
check_has "and says why" "$(cat "$WORK/out")" "killed from outside"
check "nobody is blamed" 0 "$(sql "select count(*) from rejects where code='script_crash'")"
p sync crm --quiet
rows >"$WORK/got"
check "the next sync goes on" "0 " "$? $(diff "$WORK/want" "$WORK/got" | head -3)"
finish
