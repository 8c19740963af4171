# Limits: the emulator counts every request in a sliding window of its own and answers 429 when one is too many. Nobody may ever see one, the allowance must
# be used, a kill must not make us forget, and what a server says about waiting is done.
. "$(dirname "$0")/lib.sh"
LIMIT=60 WINDOW=3000 # far below what a busy machine can do: nothing but the limit may hold up the run

# shelf NAME COUNT INTEGRATION…: a project and its server, whose pages hold ten of COUNT books
shelf() {
  P=$WORK/$1 count=$2
  shift 2
  "$PERILUNE" init "$P" --quiet >/dev/null || exit 1
  mkdir -p "$P/mappings/shelf"
  cat >"$P/connectors/shelf.lua" <<'LUA'
return connector "shelf" {
  base    = "https://shelf.example",
  auth    = token "accessToken",
  rates   = { default = "60/3s" },
  pages   = cursor { read = "next", send = "query.after" },
  records = "books",
  check   = get "/me" { records = "", pages = "none" },
  streams = { stream "book" { key = "id", full = get "/books" } },
}
LUA
  cat >"$P/connectors/shelf_emulator.lua" <<LUA
local function list(call, db)
  if db.state.times > 0 then
    db.state.times = db.state.times - 1
    return 429, { error = "later" }, { ["Retry-After"] = db.state.wait }
  end
  local rows, next = db.book:scan { from = call.query.after, limit = 10 }
  return 200, { books = rows, next = next }
end
return emulator "shelf" {
  credentials = { accessToken = "shelf-token" },
  data = { book = { count = $count, key = "id", make = function(n) return { id = tostring(n), n = n } end } },
  rates = { default = { "60/3s" } },
  state = { times = 0 },
  control = function(call, db)
    db.state.times, db.state.wait = call.body.times, call.body.wait
    return 200, {}
  end,
  routes = { get "/me" { answers = {} }, get "/books" { answers = list } },
}
LUA
  printf 'return mapping "book" { from = "shelf.book", key = id "id", fields = { n = integer "n" } }\n' >"$P/mappings/shelf/book.lua"
  start_emulator shelf -C "$P"
  for name; do p add shelf "$name" --base-url "$URL" --credential accessToken=shelf-token >/dev/null 2>"$WORK/err" || bad "add $name" "$(cat "$WORK/err")"; done
}
asked() { curl -s "$1/_emulator/requests?last=1000"; }
broken() { asked "$1" | jq '[.last[] | select(.status == 429)] | length'; }
# The share of the allowance that was used, in percent, by the server's own stamps: from the beginning of the second window's worth of requests to that of
# the last whole one, so that neither the start nor the end counts.
used() { asked "$1" | jq --argjson limit "$LIMIT" --argjson window "$WINDOW" '[.last[] | select(.path == "/books") | .at] as $t
  | (((($t | length) - 1) / $limit | floor) * $limit) as $till | (100 * ($till - $limit) * $window / ($limit * ($t[$till] - $t[$limit]))) | floor'; }
books() { sql "select count(*) from integration_data where entity_type = 'book' and deleted_at is null"; }
killed() { # PID, LAST: kills it once the server has seen LAST requests
  while ! "$TOOLS/waitpid" "$1" 30; do
    [ "$(asked "$URL" | jq .total)" -lt "$2" ] && continue
    kill -9 "$1"
    wait "$1" 2>/dev/null
    return 0
  done
  return 1
}

# three servers side by side, each with its own project
shelf one 3000 a
P1=$P U1=$URL
shelf four 800 a b c d
P4=$P U4=$URL
shelf kills 1800 a
PK=$P UK=$URL
"$PERILUNE" -C "$P1" sync a --json >"$WORK/one.json" 2>&1 & one=$!
"$PERILUNE" -C "$P4" sync a b c d --json >"$WORK/four.json" 2>&1 & four=$!
pids="$pids $one $four"

URL=$UK P=$PK
for stop in 30 75 100 130; do
  "$PERILUNE" -C "$P" sync a --json >"$WORK/kill.json" 2>&1 & core=$!
  pids="$pids $core"
  killed "$core" "$stop" || bad "kill after $stop requests" "the run was over before: $(cat "$WORK/kill.json")"
done
check_exit "killed four times, the next run ends it" 0 p sync a
check "with every book" 1800 "$(books)"
check "and no limit was broken over all of them" 0 "$(broken "$UK")"
# what a server says about waiting, while the other two go on
shelf words 20 a
later() { control later "$(jq -n --arg wait "$1" '{wait: $wait, times: 1}')" >/dev/null; }
waited() { asked "$URL" | jq '[.last[].at] as $t | [.last[].status] as $s | ($s | rindex(429)) as $i | $t[$i + 1] - $t[$i]'; }
since() { p sync a --full --json >"$WORK/words.json" 2>&1; jq -r .data.status "$WORK/words.json"; }
later 2
check "Retry-After in seconds" "ok true" "$(since) $([ "$(waited)" -ge 2000 ] && echo true || waited)"
at=$(($(date +%s) + 3))
later "$(LC_ALL=C date -u -d "@$at" '+%a, %d %b %Y %H:%M:%S GMT')"
check "Retry-After as a date" "ok true" "$(since) $(asked "$URL" | jq --argjson at "$at" '([.last[].status] | rindex(429)) as $i | .last[$i + 1].at >= $at * 1000')"
for word in -5 soon ""; do
  later "$word"
  check "Retry-After '$word' is a second at least" "ok true" "$(since) $([ "$(waited)" -ge 1000 ] && echo true || waited)"
done

# longer than anybody waits: it ends, and that is no failure
small=$URL
shelf huge 20 a
later 999999
p add shelf b --base-url "$small" --credential accessToken=shelf-token >/dev/null
p sync --all --json >"$WORK/huge.json" 2>&1
check "a wait of days: the exit code is 0" 0 $?
check "the run has stopped, the other one went on" "stopped ok" "$(jq -r .data.status "$WORK/huge.json" | xargs)"
resumes=$(jq -r 'select(.data.status == "stopped") | .data.resumesAt' "$WORK/huge.json")
left=$(($(date -d "$resumes" +%s) - $(date +%s)))
check "it says when it goes on: an hour is the most" true "$([ "$left" -gt 3500 ] && [ "$left" -le 3600 ] && echo true || echo "$resumes")"
check "why, and no error" "stopped rate_limited" "$(sql "select status || ' ' || error_code from runs where status <> 'ok'")"
check_has "status says so" "$(p status a)" "resumes at"
n=$(asked "$URL" | jq .total)
r=$(p sync a --json)
check "the next one waits for it too" "stopped true" "$(field "$r" '"\(.data.status) \(.data.resumesAt != null)"')"
check "and asks nothing" "$n" "$(asked "$URL" | jq .total)"

# a quota of the day, as it is declared: after it the run says when it goes on
shelf daily 200
sed -i 's|"60/3s"|"12/day"|' "$P/connectors/shelf.lua"
p add shelf a --base-url "$URL" --credential accessToken=shelf-token >/dev/null
r=$(p sync a --json)
check "the day's quota is used up" "stopped 0 true" "$(field "$r" '"\(.data.status)"') $(broken "$URL") $(field "$r" '.data.resumesAt > (now + 80000 | todate)')"
check "all of it, and not one more" 12 "$(asked "$URL" | jq '.counts["GET /books"]')"
check "what was read is kept" 120 "$(books)"
start_emulator hubspot --records 20 --seed 3 # and as the API says it: at midnight, over there
zone=UTC
[ "$(date -u +%H)" -ge 20 ] && zone=Etc/GMT+8 # never minutes before it: that would be waited for
P=$WORK/midnight
"$PERILUNE" init "$P" --quiet >/dev/null
p add hubspot crm --base-url "$URL" --credential accessToken=pat-emulator --setting zone=$zone >/dev/null || bad "add crm" "refused"
control fault '{"path":"/crm/objects/*","status":429,"times":-1,"body":"{\"policyName\":\"DAILY\",\"message\":\"You have reached your daily limit.\"}"}' >/dev/null
r=$(p sync crm --entity contact --json)
check "DAILY ends the run until midnight" "stopped $(TZ=$zone date -d tomorrow +%F)" "$(field "$r" .data.status) $(TZ=$zone date -d "$(field "$r" .data.resumesAt)" +%F)"

wait "$one"; check "one run over thousands of records" "0 ok" "$? $(jq -r .data.status "$WORK/one.json")"
wait "$four"; check "four integrations of one credential at once" "0 ok ok ok ok" "$? $(jq -r .data.status "$WORK/four.json" | xargs)"
P=$P1; check "one: all are there" 3000 "$(books)"
P=$P4; check "four: all are there" 3200 "$(books)"
check "one: no limit was broken" 0 "$(broken "$U1")"
check "four: no limit was broken" 0 "$(broken "$U4")"
echo "# share of the allowance used: one run $(used "$U1") %, four runs $(used "$U4") %"
check "one run uses nine tenths of the allowance" true "$([ "$(used "$U1")" -ge 90 ] && echo true || used "$U1")"
check "four together do" true "$([ "$(used "$U4")" -ge 90 ] && echo true || used "$U4")"
finish
