# kill -9 at random moments of a sync: the rows, rejects and cursors of the end equal those of an undisturbed run, and counters equal a recount.
. "$(dirname "$0")/lib.sh"
KILLS=${KILLS:-50}
start_emulator hubspot --records 2000 --seed 3
control rate '{"on":false}' >/dev/null
project undisturbed
p sync crm --json >/dev/null
rows() { sql "select entity_type, external_id, data, deleted_at is null from integration_data order by 1, 2"; sql "select entity_type, record_key, field, code, message from rejects where state='open' order by 1, 2"; }
places() { sql "select entity_type, phase, high, position from cursors where kind='main' order by 1"; }
rows >"$WORK/want.rows"
places >"$WORK/want.places"
P0=$P
project killed
kills=0 runs=0 marked=0
interrupted() { sql "select count(*) from runs where status='interrupted'"; }
seed=12345
while [ "$kills" -lt "$KILLS" ] && [ "$runs" -lt $((KILLS * 6)) ]; do
  runs=$((runs + 1))
  "$PERILUNE" -C "$P" sync crm --quiet >"$WORK/kill.out" 2>&1 &
  victim=$!
  seed=$(((seed * 1103515245 + 12345) % 2147483648))
  ms=$((seed / 65536 % 600 + 20))
  # waits for the sync's own end or the chosen moment, whichever comes first
  if "$TOOLS/waitpid" "$victim" "$ms"; then
    wait "$victim"
    # it was through: begin again from nothing, so that there is something to disturb
    marked=$((marked + $(interrupted)))
    [ "$kills" -lt "$KILLS" ] && { rm -f "$P"/perilune.db*; p init "$P" --quiet >/dev/null; p add hubspot crm --base-url "$URL" --credential accessToken=pat-emulator >/dev/null; }
    continue
  fi
  kill -9 "$victim" 2>/dev/null && kills=$((kills + 1))
  wait "$victim" 2>/dev/null
done
check "killed $KILLS times" "$KILLS" "$kills"
r=$(p sync crm --json)
check "the last run is ok" ok "$(field "$r" .data.status)"
rows >"$WORK/got.rows"
places >"$WORK/got.places"
check "rows and rejects equal an undisturbed run's" "" "$(diff "$WORK/want.rows" "$WORK/got.rows" | head -3)"
check "so do the cursors' marks" "$(cut -d'|' -f1-2 "$WORK/want.places")" "$(cut -d'|' -f1-2 "$WORK/got.places")"
check "counters equal a recount" "$(sql "select count(*) from integration_data where deleted_at is null"),$(sql "select count(*) from rejects where state='open'")" \
  "$(sql "select data_count||','||error_count from integrations")"
check "no run is left running" 0 "$(sql "select count(*) from runs where status='running'")"
check "interrupted runs are marked so" true "$([ $((marked + $(interrupted))) -gt 0 ] && echo true)"
check "the database is sound" ok "$(sql 'pragma integrity_check')"
finish
