# perilune serve: it syncs on schedule, other commands work while it holds the database, a client's Ctrl-C stops what it asked for, a kill loses nothing.
. "$(dirname "$0")/lib.sh"
start_emulator hubspot --port 0 --records 300
P=$WORK/p
"$PERILUNE" init "$P" --quiet
printf 'pat-emulator' >"$WORK/token"

# start_serve [ARG…]: sets API, SOCKET and SERVE; its log is $WORK/serve.log
start_serve() {
  mkfifo "$WORK/serve.fifo"
  "$PERILUNE" -C "$P" serve --listen 0 "$@" >"$WORK/serve.fifo" 2>>"$WORK/serve.log" &
  SERVE=$!
  pids="$pids $SERVE"
  exec 8<"$WORK/serve.fifo"
  read -r said <&8 || { echo "not ok serve: it did not start: $(tail -3 "$WORK/serve.log")"; exit 1; }
  exec 8<&-
  rm "$WORK/serve.fifo"
  API=$(printf '%s' "$said" | sed 's/.*\(http:[^ ]*\).*/\1/')
  SOCKET=$P/perilune.db.sock
}
get() { curl -s "$API$1"; }

start_serve
check "it is ready" true "$(get /v1/health/ready | jq .data.ready)"
check "the socket is its owner's" 600 "$(stat -c %a "$SOCKET")"
check "what is not there is said" not_found "$(get /v1/nothing | jq -r .error.code)"
check "and so is a wrong method" "405 GET" "$(curl -s -o /dev/null -w '%{http_code} %header{allow}' -X POST "$API/v1/health")"
check "the description names every path" true "$(get /openapi.json | jq '.paths | has("/v1/health") and has("/v1/commands")')"

# ---- commands while it holds the database ----
check_exit "add" 0 p add hubspot crm --base-url "$URL" --credential "accessToken=@$WORK/token"
check "check" true "$(p check crm --json | jq .data.success)"
r=$(p sync crm --json)
check "sync" "ok 300" "$(field "$r" '"\(.data.status) \(.data.entities.contact.recordsProcessed)"')"
check "a credential from standard input" "crm changed" "$(printf 'pat-emulator' | p set crm --credential accessToken=-)"
check_exit "what fails here fails there" 1 p set nobody --pause
check_has "with the same words" "$(cat "$WORK/err")" 'no integration "nobody"'
check_exit "and what is wrong usage stays that" 2 p sync
check "remap" ok "$(p remap hubspot/contact --json | jq -r 'if .error then "bad" else "ok" end')"
check "the command line is for the socket alone" scope_missing "$(curl -s -X POST "$API/v1/commands" -H 'Content-Type: application/json' -d '{"version":"x","argv":["list"]}' | jq -r '.error.code' | sed 's/credentials_refused/scope_missing/')"
check "another version is told so" conflict "$(curl -s --unix-socket "$SOCKET" -X POST http://x/v1/commands -H 'Content-Type: application/json' -d '{"version":"0.0","argv":["list"]}' | jq -r .error.code)"
check "a body that is none is told so" invalid "$(curl -s --unix-socket "$SOCKET" -X POST http://x/v1/commands -d '{"argv":' | jq -r .error.code)"

# two at once, of one integration: one after the other
p sync crm --full --json >"$WORK/one" &
one=$!
p sync crm --full --json >"$WORK/two" &
two=$!
wait $one
wait $two
check "two syncs at once are both done" "ok ok" "$(jq -r .data.status "$WORK/one") $(jq -r .data.status "$WORK/two")"

# Ctrl-C: slow replies, so that it meets a run; the runs' table says when there is one
control fault '{"path":"/crm/objects/2026-03/contacts","times":-1,"delay_ms":200}' >/dev/null
before=$(sql "select count(*) from runs")
"$PERILUNE" -C "$P" sync crm --full --json >"$WORK/stopped" 2>"$WORK/stopped.err" &
client=$!
until [ "$(sql "select count(*) from runs where status='running'")" = 1 ]; do :; done
kill -INT $client
wait $client
check "Ctrl-C at the client stops what it asked for" "1 stopped" "$? $(jq -r .data.status "$WORK/stopped")"
check "and serve goes on" true "$(get /v1/health/live | jq .data.live)"
control fault '{"clear":true}' >/dev/null
check "the run is closed" 0 "$(sql "select count(*) from runs where status='running'")"

# ---- on schedule ----
runs=$(sql "select count(*) from runs where kind='sync'")
p schedule crm "every 1s" >/dev/null
tries=0
until [ "$(sql "select count(*) from runs where kind='sync' and status='ok'")" -gt $((runs + 1)) ] || [ $((tries += 1)) -gt 4000 ]; do :; done
check "what is due runs by itself" true "$([ "$(sql "select count(*) from runs where kind='sync' and status='ok'")" -gt $((runs + 1)) ] && echo true)"
check "one after another" 0 "$(sql "select count(*) from runs a join runs b on a.seq < b.seq and a.kind='sync' and b.kind='sync' and b.started_ms < a.finished_ms and a.finished_ms is not null")"
check_exit "a schedule that is none" 1 p schedule crm "every now and then"
check_has "is explained" "$(cat "$WORK/err")" "every 15m"
p schedule crm off >/dev/null

# ---- ends ----
control fault '{"path":"/crm/objects/2026-03/contacts","times":-1,"delay_ms":200}' >/dev/null
p sync crm --full >/dev/null 2>&1 &
client=$!
until [ "$(sql "select count(*) from runs where status='running'")" = 1 ]; do :; done
kill -9 $SERVE
wait $client
check "a client whose serve was killed is told so" 1 $?
control fault '{"clear":true}' >/dev/null
start_serve
check "killed and started again, nothing runs" 0 "$(sql "select count(*) from runs where status='running'")"
check "the run that was cut is marked" true "$([ "$(sql "select count(*) from runs where status='interrupted'")" -ge 1 ] && echo true)"
check "and the next one is whole" "ok 300" "$(p sync crm --full --json | jq -r '"\(.data.status) \(.data.entities.contact.recordsProcessed)"')"
kill -TERM $SERVE
wait $SERVE
check "SIGTERM ends it well" 0 $?
check "its socket is gone" false "$([ -e "$SOCKET" ] && echo true || echo false)"
check "the database is sound" ok "$(sql 'pragma integrity_check')"
check "commands work without it" 0 "$(p sync crm --json | jq '.data.created')"
finish
