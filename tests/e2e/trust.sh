# Where a credential may go is decided when an integration is added, whatever files and replies say later; inner addresses are refused; sql only reads.
. "$(dirname "$0")/lib.sh"

# connector NAME BASE: one stream, and a check
connector() {
  cat >"$P/connectors/$1.lua" <<LUA
return connector "$1" { base = "$2", auth = token "accessToken", records = "items", check = get "/me" { records = "", pages = "none" },
  streams = { stream "thing" { key = "id", full = get "/things" { pages = link "next" } }, stream "away" { key = "id", full = get "/away" {} } } }
LUA
}
P=$WORK/trust
"$PERILUNE" init "$P" --quiet >/dev/null

# ---- an edited file does not redirect a token ----
connector one https://one.invalid
p add one a --credential accessToken=canary-1 >/dev/null
connector one https://two.invalid
check_exit "another base than at add" 1 p check a
check_has "is refused by name" "$(cat "$WORK/err")" host_not_trusted
check_exit "and so is a sync" 1 p sync a
connector one https://one.invalid:444
check_exit "another port" 1 p check a
check_has "is refused too" "$(cat "$WORK/err")" host_not_trusted

# ---- inner addresses, in every spelling ----
n=0
for host in 127.0.0.1 localhost 2130706433 0x7f.1 127.1 '[::1]' '[::ffff:127.0.0.1]' 169.254.169.254 10.0.0.1 192.168.1.1 0.0.0.0; do
  n=$((n + 1))
  connector inner$n "https://$host:9"
  p add inner$n i$n --credential accessToken=x >/dev/null 2>"$WORK/err"
  p check i$n >/dev/null 2>>"$WORK/err"
  case $(cat "$WORK/err") in *address_refused*|*invalid*) ok "$host is refused" ;; *) bad "$host is refused" "$(head -c 300 "$WORK/err")" ;; esac
done

# ---- redirects and links ----
cat >"$P/connectors/far_emulator.lua" <<'LUA'
return emulator "far" { credentials = { accessToken = "pat-emulator" }, routes = {
  get "/me" { answers = {} },
  get "/things" { answers = function(call) return 200, { items = { { id = call.query.page or "1" } }, next = not call.query.page and "http://127.0.0.1:9/things?page=2" or nil } end },
  get "/away" { answers = function() return 302, {}, { Location = "/things" } end } } }
LUA
start_emulator far -C "$P"
connector far https://far.invalid
mkdir -p "$P/mappings/far"
echo 'return mapping "thing" { from = "far.thing", fields = { page = text "id" } }' >"$P/mappings/far/thing.lua"
p add far far --base-url "$URL" --credential accessToken=pat-emulator >/dev/null
check_exit "a link to another host" 0 p sync far --entity thing
check "only gives path and query" 2 "$(sql "select count(*) from integration_data where entity_type='thing'")"
seen=$(curl -s "$URL/_emulator/requests" | jq .total)
check_exit "a redirect ends the run" 1 p sync far --entity away
check "and is not followed" "$((seen + 1))" "$(curl -s "$URL/_emulator/requests" | jq .total)"

# ---- certificates ----
if command -v openssl >/dev/null 2>&1; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -keyout "$WORK/k.pem" -out "$WORK/c.pem" 2>/dev/null
  mkfifo "$WORK/tls"
  openssl s_server -accept 127.0.0.1:0 -key "$WORK/k.pem" -cert "$WORK/c.pem" >"$WORK/tls" 2>/dev/null </dev/null &
  pids="$pids $!"
  exec 8<"$WORK/tls"
  port=""
  while [ -z "$port" ] && read -r line <&8; do case $line in ACCEPT*) port=${line##*:} ;; esac; done
  cat <&8 >/dev/null &
  pids="$pids $!"
  exec 8<&-
  p add one selfsigned --base-url "https://127.0.0.1:$port" --credential accessToken=x >/dev/null
  check_exit "a certificate that nobody vouches for" 1 p check selfsigned
  check_has "is refused by name" "$(cat "$WORK/err")" "tls"
fi

# ---- sql ----
before=$(sql "select count(*) from integrations")
check_exit "sql does not write" 1 p sql "DELETE FROM integrations"
check_exit "nor attach" 1 p sql "ATTACH '$WORK/other.db' AS other"
check "nothing was written" "$before" "$(sql "select count(*) from integrations")"
finish
