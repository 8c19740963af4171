# tests/e2e/lib.sh: what every end-to-end test needs: a scratch folder, an emulator, a project, and checks that say what differed.
# A test sources it, calls `check` and friends, and ends with `finish`. Only processes started here are ended, by id.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PERILUNE=${PERILUNE:-$ROOT/build/perilune}
TOOLS=${B:-build}/tools
case $TOOLS in /*) ;; *) TOOLS=$ROOT/$TOOLS ;; esac
WORK=$(mktemp -d "${TMPDIR:-/tmp}/perilune-e2e.XXXXXX")
failures=0
pids=""

cleanup() {
  for pid in $pids; do kill "$pid" 2>/dev/null; done
  for pid in $pids; do wait "$pid" 2>/dev/null; done
  rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ok() { echo "ok $1"; }
bad() { failures=$((failures + 1)); echo "not ok $1: $2"; }
# check NAME EXPECTED GOT
check() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "expected '$2', got '$3'"; fi; }
# check_has NAME TEXT PATTERN: the text holds the fixed string
check_has() { case $2 in *"$3"*) ok "$1" ;; *) bad "$1" "no '$3' in: $(printf '%s' "$2" | head -c 400)" ;; esac; }
check_not() { case $2 in *"$3"*) bad "$1" "'$3' is in: $(printf '%s' "$2" | head -c 400)" ;; *) ok "$1" ;; esac; }
# check_exit NAME CODE COMMAND…
check_exit() {
  name=$1 want=$2
  shift 2
  "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
  got=$?
  if [ "$got" -eq "$want" ]; then ok "$name"; else bad "$name" "exit $got, expected $want: $(head -c 300 "$WORK/out" "$WORK/err")"; fi
}
finish() { [ "$failures" -eq 0 ]; exit $?; }

# start_emulator NAME [ARG…]: sets URL and EMULATOR
start_emulator() {
  log=$WORK/emulator-$#-$(date +%N)
  mkfifo "$log.fifo"
  "$PERILUNE" emulate "$@" >"$log.fifo" 2>"$log.err" &
  EMULATOR=$!
  pids="$pids $EMULATOR"
  exec 9<"$log.fifo"
  read -r URL <&9 || { echo "not ok emulator: it did not start: $(cat "$log.err")"; exit 1; }
  cat <&9 >/dev/null &
  pids="$pids $!"
  exec 9<&-
}
control() { curl -s -X POST "$URL/_emulator/$1" -H 'Content-Type: application/json' -d "$2"; }

# project NAME: a project with one integration `crm` against the emulator
project() {
  P=$WORK/$1
  "$PERILUNE" init "$P" --quiet >/dev/null || exit 1
  "$PERILUNE" -C "$P" add hubspot crm --base-url "$URL" --credential accessToken=pat-emulator >/dev/null || exit 1
}
p() { "$PERILUNE" -C "$P" "$@"; }
field() { printf '%s' "$1" | jq -r "$2"; }
sql() { sqlite3 "$P/perilune.db" "$1"; }
