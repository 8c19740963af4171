# Whom TLS speaks with is proved, or nobody is spoken with: expired, another's, nobody's and old certificates and servers end in a named error that says
# what to do; the token never goes out, and never over plain http instead.
. "$(dirname "$0")/lib.sh"
P=$WORK/project
"$PERILUNE" init "$P" --quiet >/dev/null || exit 1
cat >"$P/connectors/api.lua" <<'LUA'
return connector "api" { base = "https://api.invalid", auth = token "accessToken", records = "items", check = get "/me" { records = "", pages = "none" },
  streams = { stream "thing" { key = "id", full = get "/things" {} } } }
LUA

# ---- a CA of our own, which stands in for the system's, and what it signed ----
cd "$WORK" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Test CA" -keyout ca.key -out ca.pem 2>/dev/null
# signed NAME HOST [COMMAND…]: NAME.pem, with NAME.key
signed() {
  name=$1 host=$2
  shift 2
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$host" -keyout "$name.key" -out "$name.csr" 2>/dev/null
  case $host in *[a-z]*) echo "subjectAltName=DNS:$host" ;; *) echo "subjectAltName=IP:$host" ;; esac >"$name.ext"
  "$@" openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "$name.ext" -out "$name.pem" 2>/dev/null
}
signed good 127.0.0.1
signed expired 127.0.0.1 faketime '2020-01-01'
signed early 127.0.0.1 faketime '2099-01-01'
signed other other.example
signed stranger 127.0.0.1
signed old 127.0.0.1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout own.key -out own.pem 2>/dev/null

# serve NAME [ARG…]: openssl's own server, which answers what it was sent as a page (-www); PORT
serve() {
  name=$1
  shift
  mkfifo "$WORK/fifo.$name"
  openssl s_server -accept 127.0.0.1:0 -key "$name.key" -cert "$name.pem" -www "$@" >"$WORK/fifo.$name" 2>&1 </dev/null &
  pids="$pids $!"
  exec 8<"$WORK/fifo.$name"
  PORT=""
  while [ -z "$PORT" ] && read -r line <&8; do case $line in ACCEPT*) PORT=${line##*:} ;; esac; done
  tee "$WORK/said.$name" <&8 >/dev/null &
  pids="$pids $!"
  exec 8<&-
}
ca=$WORK/ca.pem
# ask NAME: a sync of the server at PORT, as the error's code and message
ask() {
  p add api "$1" --base-url "https://127.0.0.1:$PORT" --credential accessToken=canary-token >/dev/null 2>"$WORK/err"
  answer=$(CA_FILE="$ca" LD_PRELOAD="$TOOLS/ca.so" timeout 30 "$PERILUNE" -C "$P" sync "$1" --json 2>>"$WORK/err")
  code=$(field "$answer" .error.code) message=$(field "$answer" '.error | "\(.message) \(.hint // .fix // "")"')
}
# refused NAME WORDS WAY: the server at PORT ends in `tls`, with what was found and what to do
refused() {
  ask "$1"
  check "$1: named" tls "$code"
  check_has "$1: says where" "$message" "127.0.0.1:$PORT"
  check_has "$1: says what was found" "$message" "$2"
  check_has "$1: and the way out" "$message" "$3"
  check_not "$1: keeps the token to itself" "$answer$(cat "$WORK/err")" canary-token
}

serve good
ask good
check "a good server is spoken with: what it answers is no JSON" bad_reply "$code"
serve expired
refused expired "certificate has expired" "must renew it"
serve early
refused early "not yet valid" "this machine's clock"
serve other
refused other "matches target host name" "a name that the certificate is for"
serve own
refused own "self-signed" "update-ca-certificates"
ca=$WORK/own.pem
serve stranger
refused stranger "unable to get local issuer" "update-ca-certificates"
ca=$WORK/ca.pem
serve old -tls1_1 -cipher DEFAULT@SECLEVEL=0
refused old "protocol version" "TLS 1.2 is the least"
start_emulator hubspot
PORT=${URL##*:}
refused plain "What answers there" "no TLS: check the host and the port" # a broken handshake, or an answer that is none: as the race goes
check "plain: nothing was asked over http instead" 0 "$(curl -s "$URL/_emulator/requests" | jq .total)"
finish
