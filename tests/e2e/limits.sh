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
  local rows, next = db.book:scan { from = call.query.after, limit = 10 }
  return 200, { books = rows, next = next }
end
return emulator "shelf" {
  credentials = { accessToken = "shelf" },
  data = { book = { count = $count, key = "id", make = function(n) return { id = tostring(n), n = n } end } },
  rates = { default = { "60/3s" } },
  routes = { get "/me" { answers = {} }, get "/books" { answers = list } },
}
LUA
  printf 'return mapping "book" { from = "shelf.book", key = id "id", fields = { n = integer "n" } }\n' >"$P/mappings/shelf/book.lua"
  start_emulator shelf -C "$P"
  for name; do p add shelf "$name" --base-url "$URL" --credential accessToken=shelf >/dev/null 2>"$WORK/err" || bad "add $name" "$(cat "$WORK/err")"; done
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
