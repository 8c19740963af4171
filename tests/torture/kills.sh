# tests/torture/kills.sh: kill -9 at random instants of a sync, of its workers too, over faulty replies, while records are edited, created and archived in
# between. What is there in the end must be what an undisturbed database has: rows, rejects, cursors, counters; and the file is sound.
#   TORTURE_KILLS (1000)  TORTURE_RECORDS (100000: all records of the account)  TORTURE_SEED  TORTURE_SECONDS (1500: no more rounds after that)
. "$(dirname "$0")/../e2e/lib.sh"
KILLS=${TORTURE_KILLS:-1000} RECORDS=${TORTURE_RECORDS:-100000} SEED=${TORTURE_SEED:-$(date +%s)} SECONDS_MOST=${TORTURE_SECONDS:-1500}
began=$(date +%s)
echo "# kills=$KILLS records=$RECORDS seed=$SEED (TORTURE_SEED=$SEED repeats the choices)"
seed=$((SEED % 2147483648))
random() { seed=$(((seed * 1103515245 + 12345) % 2147483648)); drawn=$((seed / 65536 % $1)); }

start_emulator hubspot --records $((RECORDS * 2 / 5)) --seed 3
control rate '{"on":false}' >/dev/null
faults() { # 5 of 100 replies: limits, errors, cuts, garbage, hesitation
  for f in '"status":429,"retryAfter":0' '"status":500' '"cut":"body"' '"garbage":true' '"delay_ms":300'; do
    control fault "{\"path\":\"/crm*\",$f,\"times\":-1,\"percent\":1,\"seed\":$SEED}" >/dev/null
  done
}
no_faults() { control fault '{"clear":true}' >/dev/null; }
requests() { curl -s "$URL/_emulator/requests?last=0" | jq .total; }
rows() {
  sql "select entity_type, external_id, data, deleted_at is null, is_stale from integration_data order by 1, 2"
  sql "select entity_type, record_key, field, code, message from rejects where state='open' order by 1, 2"
}
# of streams whose records have no stamp the mark is the time of the read; a server's Date counts whole seconds, and no mark goes past it
places() { sql "select entity_type, phase, case when entity_type in ('contact','company','deal','car') then high / 1000 end, position from cursors where kind='main' order by 1"; }
project undisturbed
P0=$P
project killed
P1=$P

# what was being done when it struck, as the emulator saw it last
phase_now() {
  curl -s "$URL/_emulator/requests?last=1" | jq -r '.last[0] | if .path == null then "start" elif .path | test("properties|schemas") then "discover"
    elif .path | test("associations") then "links" elif .path | test("search|batch") then "changes" elif .query | test("archived") then "archived"
    elif .path | test("objects") then "full" else "others" end'
}
kills=0 worker_kills=0 stops=0 runs=0 rounds=0 failed_runs=0 first_requests=0
: >"$WORK/phases"
# One run, hit at a random moment; sets `through` if it ended by itself.
one_run() {
  through=
  runs=$((runs + 1))
  "$PERILUNE" -C "$P1" sync crm --quiet ${1:-} >"$WORK/kill.out" 2>&1 &
  victim=$!
  random 10
  how=$drawn
  random 5
  [ "$drawn" -eq 0 ] && random 120 || random 1500 # every fifth within the start
  if "$TOOLS/waitpid" "$victim" $((drawn + 3)); then
    wait "$victim"
    code=$?
    if [ "$code" -eq 0 ]; then through=1
    else failed_runs=$((failed_runs + 1)); grep -q . "$WORK/kill.out" || bad "a failed run says why" "exit $code"
    fi
    [ "$code" -lt 124 ] || bad "a run crashed" "exit $code: $(head -c 300 "$WORK/kill.out")"
    return
  fi
  if [ "$how" -le 1 ]; then # a worker first: the run must go on without it
    worker=$(pgrep -P "$victim" | head -1)
    if [ -n "$worker" ] && kill -9 "$worker" 2>/dev/null; then worker_kills=$((worker_kills + 1)); fi
    random 300
    "$TOOLS/waitpid" "$victim" "$drawn"
  elif [ "$how" -eq 2 ] && kill -STOP "$victim" 2>/dev/null; then # a machine that sleeps
    stops=$((stops + 1))
    "$TOOLS/waitpid" "$victim" 60
    kill -CONT "$victim"
    random 300
    "$TOOLS/waitpid" "$victim" "$drawn"
  fi
  phase=$(phase_now)
  if kill -9 "$victim" 2>/dev/null; then
    kills=$((kills + 1))
    echo "$phase" >>"$WORK/phases"
  fi
  wait "$victim" 2>/dev/null
  [ $((kills % 50)) -ne 0 ] || echo "# $kills kills, $worker_kills workers, $runs runs, $rounds rounds, $(($(date +%s) - began)) s"
}
time_left() { [ $(($(date +%s) - began)) -lt "$SECONDS_MOST" ]; }
full= last_full=
while [ "$kills" -lt "$KILLS" ] && time_left; do
  # a round: killed again and again until it is through
  faults
  before=$(requests) kills_before=$kills runs_before=$runs
  through=
  while [ -z "$through" ] && [ "$failures" -eq 0 ] && [ "$kills" -lt "$KILLS" ] && time_left; do one_run $full; full=; done
  no_faults
  P=$P1 # killed before a stream began, --full is forgotten for it: that is asked for again
  r=$(p sync crm $last_full --json)
  [ "$(field "$r" .data.status)" = ok ] || bad "round $rounds ends well" "$(printf '%s' "$r" | head -c 300)"
  spent=$(($(requests) - before))
  before=$(requests)
  P=$P0
  r=$(p sync crm $last_full --json)
  [ "$(field "$r" .data.status)" = ok ] || bad "the undisturbed one ends well" "$(printf '%s' "$r" | head -c 300)"
  calm=$(($(requests) - before))
  # a run has a fixed part (fields, lists without changes, the archive: at most 30 requests); what is fetched twice is what was in flight
  [ -z "$last_full" ] || calm=$((calm * 2))
  allowed=$((calm + (runs - runs_before + 1) * (30 + 4) + spent * 8 / 100))
  [ "$spent" -le "$allowed" ] || bad "round $rounds: work done twice" "$spent requests, an undisturbed sync took $calm; with $((kills - kills_before)) kills in $((runs - runs_before)) runs at most $allowed"
  rows >"$WORK/want"
  P=$P1
  rows >"$WORK/got"
  cmp -s "$WORK/want" "$WORK/got" || bad "round $rounds: rows and rejects" "$(diff "$WORK/want" "$WORK/got" | head -3 | cut -c1-300)"
  [ "$(sql 'select data_count, error_count from integrations')" = "$(sql "select (select count(*) from integration_data where deleted_at is null), (select count(*) from rejects where state='open')")" ] ||
    bad "round $rounds: counters" "they differ from a recount"
  [ "$failures" -eq 0 ] || break
  rounds=$((rounds + 1))
  # what the next round is about: edits, new ones, archived ones; every third reads everything again
  control change "{\"entity\":\"contact\",\"count\":$((RECORDS / 20))}" >/dev/null
  control change "{\"entity\":\"deal\",\"count\":$((RECORDS / 200))}" >/dev/null
  control create "{\"entity\":\"contact\",\"count\":$((RECORDS / 400))}" >/dev/null
  control archive "{\"entity\":\"contact\",\"count\":$((RECORDS / 2000 + 1))}" >/dev/null
  full= last_full=
  [ $((rounds % 3)) -ne 0 ] || { full=--full last_full=--full; control remove '{"entity":"company","count":3}' >/dev/null; }
done
P=$P1
echo "# phases: $(sort "$WORK/phases" | uniq -c | sort -rn | awk '{ printf "%s %s  ", $2, $1 }')"
echo "# $kills kills of runs, $worker_kills of workers, $stops stops, $runs runs ($failed_runs failed by faults), $rounds rounds, $(($(date +%s) - began)) s"
check "rows, rejects and counters equal an undisturbed sync's after each of $rounds rounds" 0 "$failures"
time_left && check "killed $KILLS times" "$KILLS" "$kills"
for q in "$P0" "$P1"; do P=$q; p sync crm --quiet >/dev/null; done
P=$P0; places >"$WORK/want"
P=$P1; places >"$WORK/got"
check "cursors are the same" "" "$(diff "$WORK/want" "$WORK/got" | head -3)"
check "no run is left running" 0 "$(sql "select count(*) from runs where status='running'")"
# a run that was killed before its row was written left none, and one that was killed after its end is ok
check "killed runs are marked interrupted" true "$([ "$(sql "select count(*) from runs where status='interrupted'")" -gt $((kills / 2)) ] && echo true)"
check "the file is sound" ok "$(sql 'pragma integrity_check')"
if [ "$failures" -eq 0 ]; then echo "TORTURE PASSED: $kills kills, nothing lost, nothing twice"; else echo "TORTURE FAILED: $failures checks (seed $SEED)"; fi
finish
