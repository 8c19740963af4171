# A server that hands back what it was sent, in every spelling, in bodies, headers, reasons and where texts are cut: no output, no log, no row of the database and no
# worker's memory shows it.
. "$(dirname "$0")/lib.sh"
TOKEN='pat/canary+7f3a91c2 e5d84b06'
TOKEN64=$(printf %s "$TOKEN" | base64 -w0)
PAIR64=$(printf %s "user:$TOKEN" | base64 -w0)
TOKENURL=$(printf %s "$TOKEN" | jq -sRr @uri)
TOKENFORM=$(printf %s "$TOKENURL" | sed 's/%20/+/g' | tr ABCDEF abcdef)
SECRET=client-secret-canary-55aa
REFRESH=refresh-token-canary-66bb
HEART=canary # what all of them have in them, as it stands
HEART64='Y2FuYXJ5|NhbmFye|jYW5hcn' # and in base64, at three positions
P=$WORK/p
"$PERILUNE" init "$P" --quiet >/dev/null
mkdir -p "$P/mappings/echo"
cat >"$P/connectors/echo.lua" <<'LUA'
return connector "echo" {
  base    = "https://echo.example.com",
  auth    = token "accessToken",
  check   = get "/refused",
  streams = {
    stream "thing" {
      key  = "id",
      pull = function(ctx)
        local page = ctx:send(get "/things" {})
        print("the reply says " .. tostring(page "you") .. " and " .. tostring(page "header:X-Echo"))
        local spin = 0
        for i = 1, 200000 do spin = spin + i % 7 end
        ctx:emit(page, "things")
        ctx:mark { seen = page "you", header = page "header:X-Echo" }
        if page "you" ~= "" then error("it said " .. page "you" .. page "header:X-Echo") end
      end,
    },
    stream "cut" { key = "id", full = get "/cut" { records = "things" } },
  },
}
LUA
cat >"$P/mappings/echo/thing.lua" <<'LUA'
return mapping "thing" { from = "echo.thing", fields = { name = text "name" } }
LUA
cat >"$P/mappings/echo/cut.lua" <<'LUA'
return mapping "cut" { from = "echo.cut", fields = { name = text "name" } }
LUA
"$PERILUNE" init "$WORK/echo" --quiet >/dev/null # a project of its own: the database keeps the texts of scripts, and this one is full of canaries
cat >"$WORK/echo/connectors/echo_emulator.lua" <<LUA
local forms = { [[$TOKEN]], [[$TOKEN64]], [[$PAIR64]], [[$TOKENURL]], [[$TOKENFORM]] }
local all = table.concat(forms, " and ")
local function things(call) return 200, { you = all, things = { { id = "1", name = "one" }, { id = "2", name = "two" } } }, { ["X-Echo"] = all } end
local function refused(call) return 400, { message = all, url = call.url, status = "error" } end
local function cut(call, db)
  local n = db.state.n
  db.state.n = n + 1
  return 400, { message = ("x"):rep(380 + n) .. forms[n % #forms + 1] }
end
return emulator "echo" {
  state  = { n = 0 },
  routes = { get "/things" { answers = things }, get "/refused" { answers = refused }, get "/cut" { answers = cut } },
}
LUA
start_emulator echo -C "$WORK/echo"
printf '%s' "$TOKEN" >"$WORK/token"
p add echo e --base-url "$URL" --credential accessToken=@"$WORK/token" >/dev/null || bad add "it was refused"
out=$WORK/all
for command in "check e" "check e --json" "sync e --entity thing" "sync e --entity thing --json" "status" "runs e" "runs e --json" "show e --json" "list --json"; do
  p --log-level debug $command >>"$out" 2>&1
done
i=0
while [ $i -lt 30 ]; do # the reason ends at another place each time
  i=$((i + 1))
  p --log-level debug sync e --entity cut >>"$out" 2>&1
done
check "the server was asked" true "$([ "$(curl -s "$URL/_emulator/requests" | jq '.counts["GET /cut"]')" -ge 30 ] && echo true)"
check "and said what it was told" true "$(grep -q 'the reply says \*\*\* and \*\*\*' "$out" && echo true)"
check "the script saw no token" 0 "$(grep -c -i -E "pat.canary|$HEART|$HEART64" "$out")"
check "nor half of one" 0 "$(grep -c -E 'xpat|xcGF0|pat/|pat%2' "$out")"
check "the database holds none" 0 "$(cat "$P"/perilune.db* | grep -a -c -E "$HEART|$HEART64|pat%2")"
check "errors of runs are kept without it" true "$([ "$(sql "select count(*) from runs where error_message like '%***%'")" -ge 1 ] && echo true)"

# OAuth: the client's secret, the refresh token, and the tokens that a refresh brings
"$PERILUNE" init "$WORK/api" --quiet >/dev/null
sed -i "s/emulator-secret/$SECRET/g; s/emulator-refresh/$REFRESH/g" "$WORK/api/connectors/hubspot_emulator.lua"
start_emulator hubspot --records 60 --seed 9 -C "$WORK/api"
control rate '{"on":false}' >/dev/null
p add hubspot o --base-url "$URL" --credential clientId=emulator --credential clientSecret=$SECRET --credential refreshToken=$REFRESH >/dev/null
echoed=$(printf '{"error":"invalid_client","error_description":"%s %s %s"}' "$SECRET" "$(printf %s "$REFRESH" | base64)" "$(printf 'x%.0s' $(seq 230))$SECRET")
control fault "$(jq -n --arg body "$echoed" '{path: "/oauth/*", status: 400, body: $body, times: 1}')" >/dev/null
p --log-level debug check o >"$WORK/oauth" 2>&1
check_has "the refusal is told" "$(cat "$WORK/oauth")" "***"
cat >"$P/mappings/hubspot/contact.lua" <<'LUA'
return mapping "contact" { from = "hubspot.contact", fields = { x = text "id" { transform = function(value)
  local s = 0
  for i = 1, 1500000 do s = s + i % 7 end
  return value .. s
end } } }
LUA
"$PERILUNE" -C "$P" --log-level debug sync o --entity contact >>"$WORK/oauth" 2>&1 &
core=$!
pids="$pids $core"
looked=0 found=0 expired=0
while kill -0 "$core" 2>/dev/null; do
  # the next request brings a new token, and the worker lives on; once, because a fresh token that is refused ends the run
  [ "$looked" -ge 3 ] && [ "$expired" = 0 ] && expired=1 && control expire '{}' >/dev/null
  for worker in $(cat "/proc/$core/task/$core/children" 2>/dev/null); do
    "$TOOLS/memgrep" "$worker" "$SECRET" "$REFRESH" "$(printf %s "$SECRET" | base64)" "$(printf %s "$REFRESH" | base64)" >"$WORK/grep" 2>/dev/null
    case $? in 0) looked=$((looked + 1)) ;; 1) found=$((found + 1)); cat "$WORK/grep" ;; esac
  done
  "$TOOLS/waitpid" "$core" 20
done
wait "$core"
check "the sync is fine" 0 $?
check "workers were looked into, also after a refresh" true "$([ "$looked" -ge 4 ] && echo true)"
check "none of them holds a secret" 0 "$found"
check "nor does a log" 0 "$(grep -c -E "$HEART|$HEART64" "$WORK/oauth")"
check "nor the database" 0 "$(cat "$P"/perilune.db* | grep -a -c -E "$HEART|$HEART64")"

# sealed values: changed, moved to another integration, to another name
cp "$P/perilune.db" "$WORK/sound.db"
tamper() { # NAME SQL EXPECTED…
  cp "$WORK/sound.db" "$P/perilune.db"
  rm -f "$P/perilune.db-wal" "$P/perilune.db-shm"
  sqlite3 "$P/perilune.db" "$2"
  check_exit "$1" 1 p sync o
  check_has "$1: says which" "$(cat "$WORK/err")" "$3"
  check_has "$1: of which integration" "$(cat "$WORK/err")" "$4"
}
tamper "a byte of the value" "update integrations set credentials = json_set(credentials, '\$.clientSecret.ct', 'A' || substr(json_extract(credentials, '\$.clientSecret.ct'), 2) || '') where name = 'o' and json_extract(credentials, '\$.clientSecret.ct') not like 'A%'; update integrations set credentials = json_set(credentials, '\$.clientSecret.n', 'AAAAAAAAAAAAAAAA') where name = 'o'" "credential 'clientSecret'" "integration 'o'"
tamper "a byte of the wrapped key" "update integrations set credentials = json_set(credentials, '\$.clientSecret.edk', replace(json_extract(credentials, '\$.clientSecret.edk'), substr(json_extract(credentials, '\$.clientSecret.edk'), 20, 1), case substr(json_extract(credentials, '\$.clientSecret.edk'), 20, 1) when 'x' then 'y' else 'x' end)) where name = 'o'" "credential 'clientSecret'" "integration 'o'"
tamper "moved from another integration" "update integrations set credentials = json_set(credentials, '\$.clientSecret', json((select json_extract(credentials, '\$.accessToken') from integrations where name = 'e'))) where name = 'o'" "credential 'clientSecret'" "changed, or moved"
tamper "moved from another name" "update integrations set credentials = json_set(credentials, '\$.clientSecret', json(json_extract(credentials, '\$.refreshToken'))) where name = 'o'" "credential 'clientSecret'" "changed, or moved"
tamper "another key's name" "update integrations set credentials = json_set(credentials, '\$.clientSecret.kid', 'k20000101-0000') where name = 'o'" "credential 'clientSecret'" "k20000101-0000"
tamper "no object at all" "update integrations set credentials = json_set(credentials, '\$.clientSecret', 'hello') where name = 'o'" "credential 'clientSecret'" "integration 'o'"
tamper "no JSON at all" "update integrations set credentials = '{' where name = 'o'" "credentials" "JSON"
finish
